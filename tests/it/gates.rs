//! Gates in a plan.

use crate::build::{Declare, key_at, policy, storage};
use crate::world::Stack;
use kmsctl::policy::gates::{Forbidden, Gates};

fn gated() -> kmsctl::desired::Desired {
    let mut all = storage();
    let forbidden = Forbidden {
        principals: [crate::build::role("app")].into(),
        actions: ["kms:Decrypt".to_owned()].into(),
    };
    all.gates = Gates { forbidden: vec![forbidden], ..Gates::default() };
    all
}

#[test]
fn a_change_that_does_not_pass_is_blocked_and_existing_access_is_a_finding() {
    let mut stack = Stack::new(3);
    let (plan, _) = stack.run(&gated());
    let key = plan.blocked.iter().find(|blocked| blocked.address == key_at("storage")).unwrap();
    assert!(key.reason.contains("it does not pass the gate `forbidden`"), "{}", key.reason);
    assert!(key.reason.contains("\"Allow use of the key\""), "{}", key.reason);
    assert_eq!(stack.fake.mutations.get(), 0);

    stack.applied(&storage());
    let (plan, ended) = stack.run(&gated());
    assert!(plan.is_empty() && ended.is_complete());
    assert!(plan.findings.iter().any(|finding| finding.rule == "gate-forbidden"));
}

#[test]
fn access_beyond_the_base_is_blocked() {
    let mut stack = Stack::new(3);
    stack.applied(&storage());
    let base = storage().resources[&key_at("storage")].clone();
    let with = |users: &[&str]| {
        let mut all = storage().key("storage", |key| key.policy = Some(policy(true, users)));
        all.base.get_or_insert_default().insert(key_at("storage"), base.clone());
        all
    };
    let (plan, _) = stack.run(&with(&["app", "web"]));
    assert!(plan.blocked[0].reason.contains("role/web gains"), "{:#?}", plan.blocked);
    stack.applied(&with(&[]));
}

const GATES: &str = "gates:
  reference: {Version: '2012-10-17', Statement: [{Sid: r, Effect: Allow, \
Principal: {AWS: 'arn:aws:iam::111122223333:root'}, Action: 'kms:*', Resource: '*'}]}
  forbidden: [{principals: ['*'], actions: ['kms:Decrypt']}]
  accounts: []
";

const OPEN: &str = "{Sid: x, Effect: Allow, Principal: '*', Action: 'kms:*', Resource: '*'}";

/// Returns all kinds of changes by which a plan writes the policy of a key.
fn ways(foreign: &str) -> Vec<(&'static str, String, &'static str)> {
    let table = |key: &str| {
        format!(
            "dynamodb: {{tables: {{tab: {{partition_key: {{name: id, type: S}}, key: {key}, \
             used_by: [role/Contractor]}}}}}}\n"
        )
    };
    let key = |policy: &str| format!("keys: {{k: {{{policy}}}}}\n");
    let replica = format!(
        "keys: {{k: {{multi_region: true, replicas: {{eu-west-1: {{policy: {{ownership: shared, \
         statements: [{OPEN}]}}}}}}}}}}\n"
    );
    let existing = format!("keys: {{k: {{existing: '{foreign}'}}}}\n");
    vec![
        ("owned", key(&format!("policy: {{statements: [{OPEN}]}}")), "key/k"),
        ("shared", key(&format!("policy: {{ownership: shared, statements: [{OPEN}]}}")), "key/k"),
        ("derived", key("") + &table("k"), "key/k"),
        ("derived beside roles", key("policy: {}") + &table("k"), "key/k"),
        ("existing", existing + &table("k"), "key_policy/k"),
        ("replica", replica, "key/k/eu-west-1"),
    ]
}

#[test]
fn every_policy_that_a_plan_writes_is_checked() {
    let mut host = Stack::new(3);
    host.applied(&storage());
    let foreign = host.fake.key("storage").meta.arn.to_string();
    for (way, text, at) in ways(&foreign) {
        let head = "stack: guest\nregion: eu-central-1\n";
        let mut stack = Stack::new(4);
        stack.state = kmsctl::state::State::begin("guest".parse().unwrap(), "guest".to_owned());
        stack.fake.regions.borrow_mut().clone_from(&host.fake.regions.borrow());
        let gated = crate::consumers::desired(&format!("{head}{text}{GATES}"));
        let (plan, _) = stack.run(&gated);
        let reasons = |plan: &kmsctl::plan::Plan| -> Vec<String> {
            let all = plan.blocked.iter().filter(|blocked| blocked.address.to_string() == at);
            all.map(|blocked| blocked.reason.clone()).collect()
        };
        let told = reasons(&plan);
        for gate in ["reference", "forbidden"] {
            assert!(told.iter().any(|r| r.contains(&format!("`{gate}`"))), "{way}: {told:#?}");
        }
        let before = stack.fake.log.borrow().len();
        stack.run(&gated);
        let made = stack.fake.changes_since(before);
        assert!(!made.iter().any(|name| name == "PutKeyPolicy"), "{way}: {made:?}");
        // Access that exists in AWS already is a finding.
        let free = crate::consumers::desired(&format!("{head}{text}"));
        stack.applied(&free);
        let plan = stack.plan_only(&gated);
        assert!(plan.is_empty(), "{way}: {:#?}", plan.blocked);
        let found = plan.findings.iter().any(|f| f.rule == "gate-forbidden");
        assert!(found, "{way}: {:#?}", plan.findings);
    }
}

#[test]
fn a_key_without_a_policy_is_checked_with_awss_default_policy() {
    let text =
        |gates: &str| format!("stack: stack\nregion: eu-central-1\nkeys: {{k: {{}}}}\n{gates}");
    let (plan, _) = Stack::new(1).run(&crate::consumers::desired(&text(GATES)));
    assert!(plan.blocked.is_empty(), "{:#?}", plan.blocked);
    let narrow = GATES.replace("kms:*", "kms:Describe*");
    let (plan, _) = Stack::new(1).run(&crate::consumers::desired(&text(&narrow)));
    assert!(plan.blocked.iter().any(|b| b.reason.contains("`reference`")), "{:#?}", plan.blocked);
}

#[test]
fn an_unknown_policy_does_not_pass() {
    let mut stack = Stack::new(1);
    stack.applied(&storage());
    let mut gated = gated();
    gated.resources.retain(|address, _| *address == key_at("storage"));
    let declared = gated.resources.get_mut(&key_at("storage")).unwrap();
    let kmsctl::kind::Spec::Key(key) = &mut declared.spec else { panic!("a key") };
    (key.policy, key.shared) = (None, Some(kmsctl::kind::key::Shared::none()));
    let live = kmsctl::live::Live {
        observed: [(
            key_at("storage"),
            kmsctl::live::Observed::Present {
                id: stack.fake.key("storage").meta.arn.to_string(),
                place: crate::build::home(),
                busy: None,
                spec: Box::new(kmsctl::kind::Spec::Key(kmsctl::kind::key::Spec {
                    description: Some("other".to_owned()),
                    shared: None,
                    ..key.clone()
                })),
            },
        )]
        .into(),
        ..kmsctl::live::Live::default()
    };
    let survey = kmsctl::plan::Survey::default();
    let plan = kmsctl::plan::draft(&gated, &stack.state, &live).finish(&survey);
    let reasons: Vec<&str> = plan.blocked.iter().map(|b| b.reason.as_str()).collect();
    assert!(reasons[0].contains("what the policy will be is unknown"), "{reasons:?}");
}

#[test]
fn access_beyond_the_base_is_blocked_in_a_shared_policy() {
    let shared = |users: &str| {
        crate::consumers::desired(&format!(
            "stack: stack\nregion: eu-central-1\nkeys:\n  a:\n    policy:\n      ownership: shared\n      \
             statements: [{{Sid: u, Effect: Allow, Principal: {{AWS: [{users}]}}, Action: 'kms:Decrypt', \
             Resource: '*'}}]\n"
        ))
    };
    let arn = |name: &str| format!("'{}'", crate::build::role(name));
    let mut stack = Stack::new(3);
    let base = shared(&arn("app"));
    stack.applied(&base);
    let mut more = shared(&format!("{}, {}", arn("app"), arn("web")));
    let spec = base.resources[&key_at("a")].clone();
    more.base.get_or_insert_default().insert(key_at("a"), spec.clone());
    let (plan, _) = stack.run(&more);
    assert!(plan.blocked[0].reason.contains("role/web gains"), "{:#?}", plan.blocked);
    let mut same = base;
    same.base.get_or_insert_default().insert(key_at("a"), spec);
    stack.applied(&same);
}

#[test]
fn a_policy_that_aws_refuses_is_blocked_where_a_call_would_send_it() {
    let refused = "{Sid: x, Effect: Allow, Principal: {AWS: 'arn:aws:iam::111122223333:role/Old'}, \
                   Action: 'kms:Decrypt'}";
    let text = |statement: &str, more: &str| {
        format!(
            "stack: stack\nregion: eu-central-1\nkeys: {{k: {{{more}policy: {{statements: [{statement}]}}}}}}\n"
        )
    };
    let desired = |text: &str| crate::consumers::desired(text);
    let mut stack = Stack::new(1);
    let (plan, _) = stack.run(&desired(&text(refused, "")));
    let [blocked] = plan.blocked.as_slice() else { panic!("{:#?}", plan.blocked) };
    assert!(blocked.reason.starts_with("AWS refuses the policy: "), "{blocked:?}");
    assert!(blocked.reason.ends_with("[KMS402]"), "{blocked:?}");
    assert_eq!(stack.fake.mutations.get(), 0);
    assert!(!plan.findings.iter().any(|finding| finding.rule == "KMS402"), "{:#?}", plan.findings);

    // A policy that AWS took before it refused such statements is not sent again.
    let taken = refused.replace("Decrypt'}", "Decrypt', Resource: '*'}");
    stack.applied(&desired(&text(&taken, "")));
    stack.fake.tamper("k", |key| {
        let statements = key.policy["Statement"].as_array_mut().unwrap();
        let ours = statements.iter_mut().find(|statement| statement["Sid"] == "x").unwrap();
        ours.as_object_mut().unwrap().remove("Resource");
    });
    let plan = stack.applied(&desired(&text(refused, "")));
    assert!(plan.is_empty(), "{plan:#?}");
    let finding = plan.findings.iter().find(|finding| finding.rule == "KMS402").unwrap();
    assert_eq!(finding.severity, kmsctl::policy::lint::Severity::Error);
    let (plan, _) = stack.run(&desired(&text(refused, "description: other, ")));
    assert!(plan.blocked.is_empty() && plan.steps.len() == 1, "{plan:#?}");
    let wider = format!("{refused}, {}", taken.replace("Sid: x", "Sid: y"));
    let plan = stack.plan_only(&desired(&text(&wider, "description: other, ")));
    assert!(plan.blocked.iter().any(|b| b.reason.contains("[KMS402]")), "{:#?}", plan.blocked);
}

/// A key that is taken over comes with its policy, and with its access.
#[test]
fn the_policy_of_a_key_that_is_taken_over_must_pass() {
    let open = |accounts: &str| {
        format!(
            "stack: stack\nregion: eu-central-1\ngates: {{accounts: [{accounts}]}}\n\
             keys: {{k: {{adopt: 'ARN', aliases: [fresh]}}}}\n"
        )
    };
    let mut stack = Stack::new(3);
    stack.applied(&storage());
    let arn = stack.fake.key("storage").meta.arn;
    stack.fake.tamper("storage", |key| {
        key.tags.clear();
        key.grants.clear();
        let text = r#"{"Version":"2012-10-17","Statement":[
            {"Sid":"Root","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"},
            {"Sid":"Other","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::666666666666:root"},"Action":"kms:*","Resource":"*"}]}"#;
        key.policy = serde_json::from_str(text).unwrap();
    });
    stack.state = crate::world::lineage("two");
    let text = |accounts: &str| open(accounts).replace("ARN", &arn.to_string());
    let (plan, _) = stack.run(&crate::consumers::desired(&text("")));
    let reasons: Vec<&str> = plan.blocked.iter().map(|blocked| blocked.reason.as_str()).collect();
    assert!(reasons.iter().any(|reason| reason.contains("gate `accounts`")), "{plan:#?}");
    assert_eq!(stack.fake.count("CreateAlias"), 1, "only the one of the other stack");
    let plan = stack.plan_only(&crate::consumers::desired(&text("'666666666666'")));
    assert!(plan.blocked.is_empty(), "{:#?}", plan.blocked);
}

#[test]
fn a_key_with_a_new_name_is_compared_with_the_base() {
    let mut stack = Stack::new(3);
    stack.applied(&storage());
    let base = storage().resources[&key_at("storage")].clone();
    let with = |users: &[&str]| {
        let mut all =
            crate::build::empty().key("new", |key| key.policy = Some(policy(true, users)));
        all.base.get_or_insert_default().insert(key_at("storage"), base.clone());
        all.moved.insert(key_at("storage"), key_at("new"));
        all
    };
    kmsctl::moved::apply(&mut stack.state, &with(&["app"])).unwrap();
    let plan = stack.plan_only(&with(&["app", "web"]));
    assert!(plan.blocked.iter().any(|b| b.reason.contains("role/web gains")), "{plan:#?}");
}

#[test]
fn grants_and_keys_are_not_ended_for_more_principals_than_a_change_may() {
    let grants = |names: &[&str]| {
        let all =
            storage().without(&crate::build::address(kmsctl::kind::Kind::Grant, "storage/batch"));
        let mut all = names.iter().fold(all, |all, name| all.grant("storage", name, &["Decrypt"]));
        for (address, declared) in &mut all.resources {
            if let kmsctl::kind::Spec::Grant(grant) = &mut declared.spec {
                grant.grantee = crate::build::role(&address.name.replace('/', "-"));
            }
        }
        all.gates = Gates { removals: Some(1), ..Gates::default() };
        all
    };
    let mut stack = Stack::new(3);
    stack.applied(&grants(&["a", "b", "c"]));
    let blocked = |desired: &kmsctl::desired::Desired| {
        let plan = stack.plan_only(desired);
        let refused = plan.blocked.iter().filter(|b| b.reason.contains("gate `removals`"));
        let mut refused: Vec<String> = refused.map(|b| b.address.to_string()).collect();
        refused.sort();
        refused
    };
    assert_eq!(blocked(&grants(&["a", "b"])), [""; 0]);
    assert_eq!(blocked(&grants(&["a"])), ["grant/storage/b", "grant/storage/c"]);
    let disabled = grants(&["a", "b", "c"]).key("storage", |key| {
        key.policy = Some(policy(true, &["app"]));
        key.enabled = Some(false);
    });
    assert_eq!(blocked(&disabled), ["key/storage"]);
    // A grant that changes may take access away as well, and so does the key for every grantee.
    let narrower = |names: &[&str]| {
        let mut all = grants(&["a", "b", "c"]);
        for name in names {
            let at = crate::build::address(kmsctl::kind::Kind::Grant, &format!("storage/{name}"));
            if let kmsctl::kind::Spec::Grant(grant) = &mut all.resources.get_mut(&at).unwrap().spec
            {
                grant.operations = ["DescribeKey".to_owned()].into();
            }
        }
        all
    };
    assert_eq!(blocked(&narrower(&["a"])), [""; 0]);
    assert_eq!(blocked(&narrower(&["a", "b"])), ["grant/storage/a", "grant/storage/b"]);
    let mut some = disabled.clone();
    some.gates = Gates { removals: Some(4), ..Gates::default() };
    assert_eq!(blocked(&some), ["key/storage"], "the three grantees, the account and its role");
    some.gates = Gates { removals: Some(5), ..Gates::default() };
    assert_eq!(blocked(&some), [""; 0]);
    assert_eq!(
        blocked(&{
            let mut nothing = crate::build::empty();
            nothing.gates = Gates { removals: Some(1), ..Gates::default() };
            nothing
        }),
        ["grant/storage/a", "grant/storage/b", "grant/storage/c", "key/storage"]
    );
}
