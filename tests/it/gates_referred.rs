//! Gates and the keys that a stack refers to without managing them, and keys whose declaration moves.

use crate::build::{Declare, address, key_at, storage};
use crate::consumers::desired;
use crate::world::{Stack, lineage};
use kmsctl::desired::{Desired, Outer};
use kmsctl::kind::{Kind, Spec};
use kmsctl::plan::Plan;
use kmsctl::policy::gates::Gates;

/// Returns a stack, and the ARN of a key of another stack that the account 666666666666 can use.
fn with_open_key() -> (Stack, String) {
    let mut host = Stack::new(3);
    host.applied(&storage());
    let arn = host.fake.key("storage").meta.arn.to_string();
    host.fake.tamper("storage", |key| {
        let text = r#"{"Version":"2012-10-17","Statement":[
            {"Sid":"Root","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"},
            {"Sid":"Other","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::666666666666:root"},"Action":"kms:Decrypt","Resource":"*"}]}"#;
        key.policy = serde_json::from_str(text).unwrap();
    });
    let mut guest = Stack::new(4);
    guest.state = kmsctl::state::State::begin("guest".parse().unwrap(), "guest".to_owned());
    guest.fake.regions.borrow_mut().clone_from(&host.fake.regions.borrow());
    (guest, arn)
}

fn guest(key: &str, accounts: &str) -> Desired {
    let gates = if accounts.is_empty() {
        String::new()
    } else {
        format!("gates: {{accounts: {accounts}}}\n")
    };
    desired(&format!(
        "stack: guest\nregion: eu-central-1\n{gates}dynamodb: {{tables: {{tab: \
         {{partition_key: {{name: id, type: S}}, key: {key}}}}}}}\n"
    ))
}

fn refusals(plan: &Plan, at: &str) -> Vec<String> {
    let all = plan.blocked.iter().filter(|blocked| blocked.address.to_string() == at);
    all.map(|blocked| blocked.reason.clone()).collect()
}

#[test]
fn a_resource_cannot_begin_to_use_a_key_that_does_not_pass() {
    let (mut stack, arn) = with_open_key();
    let direct = format!("'{arn}'");
    for key in [direct.as_str(), "alias/storage"] {
        let plan = stack.plan_only(&guest(key, "[]"));
        let told = refusals(&plan, "dynamodb_table/tab");
        assert!(told.iter().any(|why| why.contains("666666666666 has access")), "{plan:#?}");
        let plan = stack.plan_only(&guest(key, "['666666666666']"));
        assert!(plan.blocked.is_empty(), "{:#?}", plan.blocked);
    }
    // What uses the key already is a finding, also for `lint --live`.
    stack.applied(&guest(&direct, ""));
    let gated = guest(&direct, "[]");
    let plan = stack.plan_only(&gated);
    assert!(plan.is_empty() && plan.blocked.is_empty(), "{:#?}", plan.blocked);
    let found = |findings: &[kmsctl::plan::Finding]| {
        let tab = address(kmsctl::kind::ConsumerKind::DynamodbTable, "tab");
        findings.iter().any(|f| f.rule == "gate-accounts" && f.address == tab)
    };
    assert!(found(&plan.findings), "{:#?}", plan.findings);
    assert!(found(&stack.breaches(&gated)));
}

#[test]
fn a_grant_on_a_key_that_the_stack_refers_to_is_access() {
    let (stack, arn) = with_open_key();
    stack.fake.tamper("storage", |key| {
        key.policy["Statement"].as_array_mut().unwrap().truncate(1);
    });
    let own = guest(&format!("'{arn}'"), "[]");
    assert!(refusals(&stack.plan_only(&own), "dynamodb_table/tab").is_empty());
    stack.fake.tamper("storage", |key| {
        for grant in &mut key.grants {
            grant.grantee = "arn:aws:iam::666666666666:role/x".to_owned();
        }
    });
    let told = refusals(&stack.plan_only(&own), "dynamodb_table/tab");
    assert!(told.iter().any(|why| why.contains("666666666666 has access")), "{told:#?}");
}

#[test]
fn a_key_of_another_account_is_access_of_that_account() {
    let stack = Stack::new(3);
    let key = "'arn:aws:kms:eu-central-1:999999999999:key/1234abcd-12ab-34cd-56ef-1234567890ab'";
    let told = refusals(&stack.plan_only(&guest(key, "[]")), "dynamodb_table/tab");
    assert!(told.iter().any(|why| why.contains("a key of the account 999999999999")), "{told:#?}");
    let told = refusals(&stack.plan_only(&guest(key, "['999999999999']")), "dynamodb_table/tab");
    assert!(!told.iter().any(|why| why.contains("gate")), "{told:#?}");
}

/// A declaration that moves must not leave the base behind.
#[test]
fn a_key_is_compared_with_the_base_however_it_is_declared_now() {
    let mut stack = Stack::new(3);
    stack.applied(&storage());
    let arn = stack.fake.key("storage").meta.arn.to_string();
    let base = storage().resources[&key_at("storage")].clone();
    let wider = "{Sid: wider, Effect: Allow, Principal: {AWS: 'arn:aws:iam::111122223333:role/web'}, \
                 Action: 'kms:Decrypt', Resource: '*'}";
    let same = wider.replace("role/web", "role/app");
    let declared = |name: &str, way: &str, statement: &str| {
        let policy = format!("policy: {{ownership: shared, statements: [{statement}]}}");
        let mut all = desired(&format!(
            "stack: stack\nregion: eu-central-1\nkeys: {{{name}: {{{way}: '{arn}', {policy}}}}}\n\
             removed: [{{address: key/storage, action: forget}}]\n"
        ));
        all.base.get_or_insert_default().insert(key_at("storage"), base.clone());
        all
    };
    for name in ["storage", "renamed"] {
        let all = declared(name, "existing", wider);
        let mut fresh = Stack::new(5);
        fresh.state = stack.state.clone();
        fresh.fake.regions.borrow_mut().clone_from(&stack.fake.regions.borrow());
        let plan = fresh.plan_only(&all);
        let told = refusals(&plan, &format!("key_policy/{name}"));
        assert!(told.iter().any(|why| why.contains("gate `base`")), "{name}: {plan:#?}");
        let told = refusals(
            &fresh.plan_only(&declared(name, "existing", &same)),
            &format!("key_policy/{name}"),
        );
        assert!(told.is_empty(), "{name}: {told:#?}");
    }
    // The same without a record, with the key taken over under the name of another key.
    stack.state = lineage("two");
    stack.fake.tamper("storage", |key| key.tags.clear());
    for name in ["storage", "renamed"] {
        let mut all = desired(&format!(
            "stack: stack\nregion: eu-central-1\nkeys: {{{name}: {{adopt: '{arn}', policy: {{users: [role/app, role/web]}}}}}}\n"
        ));
        let mut wide = base.clone();
        wide.spec = all.resources[&key_at(name)].spec.clone();
        all.base.get_or_insert_default().insert(key_at(name), wide);
        let plan = stack.plan_only(&all);
        let told = refusals(&plan, &format!("key/{name}"));
        assert!(told.iter().any(|why| why.contains("gate `base`")), "{name}: {plan:#?}");
    }
}

/// Returns a stack of another name that takes the open key over, and puts a table on it.
fn taking(arn: &str, accounts: &str) -> Desired {
    desired(&format!(
        "stack: guest\nregion: eu-central-1\nkeys: {{k: {{adopt: '{arn}'}}}}\ngates: {{accounts: {accounts}}}\n\
         dynamodb: {{tables: {{tab: {{partition_key: {{name: id, type: S}}, key: k}}}}}}\n"
    ))
}

#[test]
fn a_key_that_is_taken_over_without_a_call_must_pass() {
    let (stack, arn) = with_open_key();
    stack.fake.tamper("storage", |key| key.tags.clear());
    let plan = stack.plan_only(&taking(&arn, "[]"));
    assert!(!refusals(&plan, "key/k").is_empty(), "{plan:#?}");
    assert!(!refusals(&plan, "dynamodb_table/tab").is_empty(), "{plan:#?}");
    let plan = stack.plan_only(&taking(&arn, "['666666666666']"));
    assert!(plan.blocked.is_empty(), "{:#?}", plan.blocked);
    assert!(plan.taken.contains_key(&key_at("k")), "{plan:#?}");
}

#[test]
fn the_grants_of_a_key_that_is_taken_over_must_pass() {
    let (stack, arn) = with_open_key();
    stack.fake.tamper("storage", |key| {
        key.tags.clear();
        key.policy["Statement"].as_array_mut().unwrap().truncate(1);
        for grant in &mut key.grants {
            grant.name.clear();
            grant.grantee = "arn:aws:iam::666666666666:role/x".to_owned();
        }
    });
    let plan = stack.plan_only(&taking(&arn, "[]"));
    assert!(!refusals(&plan, "key/k").is_empty(), "{plan:#?}");
    assert!(!refusals(&plan, "dynamodb_table/tab").is_empty(), "{plan:#?}");
}

#[test]
fn a_resource_cannot_move_to_a_key_of_the_stack_that_does_not_pass() {
    let text = |key: &str, gates: &str| {
        desired(&format!(
            "stack: stack\nregion: eu-central-1\nkeys:\n  good: {{}}\n  bad: {{policy: {{statements: [{{Sid: x, Effect: Allow, \
             Principal: {{AWS: 'arn:aws:iam::666666666666:root'}}, Action: 'kms:Decrypt', Resource: '*'}}]}}}}\n{gates}\
             dynamodb: {{tables: {{tab: {{partition_key: {{name: id, type: S}}, key: {key}}}}}}}\n"
        ))
    };
    let mut stack = Stack::new(3);
    stack.applied(&text("good", ""));
    let gates = "gates: {accounts: []}\n";
    assert!(refusals(&stack.plan_only(&text("good", gates)), "dynamodb_table/tab").is_empty());
    let plan = stack.plan_only(&text("bad", gates));
    assert!(!refusals(&plan, "dynamodb_table/tab").is_empty(), "{plan:#?}");
    stack.applied(&text("bad", ""));
    let plan = stack.plan_only(&text("bad", gates));
    assert!(plan.blocked.is_empty(), "{plan:#?}");
    // A disabled key that does not pass stays disabled.
    stack.fake.tamper("bad", |key| key.meta.state = "Disabled".to_owned());
    let mut awake = text("bad", gates);
    let key = awake.resources.get_mut(&key_at("bad")).unwrap();
    if let Spec::Key(key) = &mut key.spec {
        key.enabled = Some(true);
    }
    let plan = stack.plan_only(&awake);
    assert!(!refusals(&plan, "key/bad").is_empty(), "{plan:#?}");
}

/// Returns a configuration of `--gates` that declares an unprotected key, and the key that it takes over.
fn outer(adopted: Option<String>) -> Option<Outer> {
    Some(Outer { unprotected: [(key_at("scratch"), adopted)].into(), ..Outer::default() })
}

/// Whoever can change the configuration cannot give an unprotected address another key.
#[test]
fn the_protection_is_that_of_the_key_and_not_of_the_address() {
    let mut stack = Stack::new(3);
    stack.applied(&storage());
    let arn = stack.fake.key("storage").meta.arn.to_string();
    let text = |name: &str| {
        let mut all = desired(&format!(
            "stack: stack\nregion: eu-central-1\nkeys: {{{name}: {{adopt: '{arn}', protect: false, enabled: false}}}}\n"
        ));
        all.outer = outer(None);
        all
    };
    stack.state = lineage("two");
    let disables = |plan: &Plan| {
        plan.steps
            .iter()
            .any(|step| step.calls.iter().any(|call| call.call.operation() == "DisableKey"))
    };
    // Its tags say that it is `key/storage`.
    let plan = stack.plan_only(&text("scratch"));
    assert!(!disables(&plan) && !refusals(&plan, "key/scratch").is_empty(), "{plan:#?}");
    stack.fake.tamper("storage", |key| key.tags.clear());
    let plan = stack.plan_only(&text("scratch"));
    assert!(!disables(&plan) && !refusals(&plan, "key/scratch").is_empty(), "{plan:#?}");
    let mut known = text("scratch");
    known.outer = outer(Some(arn.clone()));
    let told = refusals(&stack.plan_only(&known), "key/scratch");
    assert!(!told.iter().any(|why| why.contains("protected")), "{told:#?}");
}

#[test]
fn a_forged_duplicate_is_not_deleted() {
    let mut stack = Stack::new(3);
    stack.applied(&storage());
    let own = stack.state.records[&key_at("storage")].clone();
    let id = own.id.rsplit('/').next().unwrap().to_owned();
    let mut forged = own.clone();
    forged.protect = false;
    stack.state.records.insert(key_at(&format!("storage.{id}")), forged);
    let mut missing = own;
    missing.id = missing.id.replace(&id, "00000000-12ab-34cd-56ef-1234567890ab");
    stack.state.records.insert(key_at("storage"), missing);
    for listed in [false, true] {
        let mut all = storage();
        if listed {
            let arn = stack.fake.key("storage").meta.arn;
            all.delete.insert(arn);
        }
        let plan = stack.plan_only(&all);
        let deletes = plan.steps.iter().any(|step| {
            step.calls.iter().any(|call| call.call.operation() == "ScheduleKeyDeletion")
        });
        assert!(!deletes, "{listed}: {plan:#?}");
    }
}

/// Tags that a stranger sets on a key that was taken over without them do not let the stack delete it.
#[test]
fn a_key_that_was_taken_over_untagged_is_not_deleted() {
    let mut stack = Stack::new(3);
    stack.applied(&storage());
    let arn = stack.fake.key("storage").meta.arn.to_string();
    let tags = stack.fake.key("storage").tags;
    stack.fake.tamper("storage", |key| {
        key.tags.clear();
        key.grants.clear();
    });
    stack.state = lineage("two");
    let taken = desired(&format!(
        "stack: stack\nregion: eu-central-1\nkeys: {{storage: {{adopt: '{arn}', protect: false}}}}\n"
    ));
    stack.applied(&taken);
    for key in stack.fake.regions.borrow_mut().values_mut().flat_map(|r| r.keys.values_mut()) {
        key.tags = tags.clone();
    }
    let plan = stack.plan_only(&crate::build::empty());
    let told = refusals(&plan, "key/storage");
    assert!(told.iter().any(|why| why.contains("without the tags")), "{plan:#?}");
    stack.state = lineage("three");
    let told = stack.rebuild(&taken);
    assert!(told.iter().any(|why| why.contains("without the tags")), "{told:#?}");
}

#[test]
fn a_record_does_not_give_a_grant_of_one_address_to_another() {
    let mut stack = Stack::new(3);
    let all = storage().grant("storage", "a", &["Decrypt"]).grant("storage", "b", &["Encrypt"]);
    stack.applied(&all);
    let (a, b) = (address(Kind::Grant, "storage/a"), address(Kind::Grant, "storage/b"));
    let (first, second) = (stack.state.records[&a].id.clone(), stack.state.records[&b].id.clone());
    stack.state.records.get_mut(&a).unwrap().id = second;
    stack.state.records.get_mut(&b).unwrap().id = first;
    let plan = stack.plan_only(&all);
    assert!(plan.steps.is_empty() && plan.blocked.is_empty(), "{plan:#?}");
}

/// Whoever can write the record cannot have a key deleted that the stack let go of.
#[test]
fn a_record_does_not_rename_a_key_that_it_deletes() {
    let mut stack = Stack::new(3);
    stack.applied(&storage());
    let mut record = stack.state.records[&key_at("storage")].clone();
    record.protect = false;
    stack.state.records.clear();
    stack.state.records.insert(key_at("old"), record);
    let plan = stack.plan_only(&crate::build::empty());
    let told = refusals(&plan, "key/old");
    assert!(told.iter().any(|why| why.contains("has the tags of `key/storage`")), "{plan:#?}");
    assert!(
        !plan.steps.iter().any(|step| matches!(&step.change.from(), Some(Spec::Key(_)))),
        "{plan:#?}"
    );
}

#[test]
fn what_is_not_a_gate_reads_no_further_policy() {
    let (mut stack, arn) = with_open_key();
    let key = format!("'{arn}'");
    let count = |stack: &mut Stack, desired: &Desired| {
        let before = stack.fake.count("GetKeyPolicy");
        stack.plan_only(desired);
        stack.fake.count("GetKeyPolicy") - before
    };
    let without = count(&mut stack, &guest(&key, ""));
    let mut gated = guest(&key, "");
    gated.gates = Gates { removals: Some(1), ..Gates::default() };
    assert_eq!(count(&mut stack, &gated), without + 1);
}

/// Whoever can use a replica can use what its primary key encrypted, whether the stack declares the replica or not.
#[test]
fn an_undeclared_replica_must_pass_before_something_begins_to_use_its_key() {
    let text = |replicas: &str, rest: &str| {
        desired(&format!(
            "stack: stack\nregion: eu-central-1\nkeys: {{m: {{multi_region: true, replicas: {{{replicas}}}}}}}\n{rest}"
        ))
    };
    let mut stack = Stack::new(3);
    stack.applied(&text("eu-west-1: {}", ""));
    let forgotten = "removed: [{address: key/m/eu-west-1, action: forget}]\n";
    stack.applied(&text("", forgotten));
    let table = format!(
        "{forgotten}gates: {{accounts: []}}\n\
         dynamodb: {{tables: {{tab: {{partition_key: {{name: id, type: S}}, key: m}}}}}}\n"
    );
    let gated = text("", &table);
    assert!(stack.plan_only(&gated).blocked.is_empty());
    stack.fake.tamper("m/eu-west-1", |key| {
        let mut open = key.policy["Statement"][0].clone();
        open["Principal"]["AWS"] = "arn:aws:iam::666666666666:root".into();
        open["Sid"] = "Open".into();
        key.policy["Statement"].as_array_mut().unwrap().push(open);
    });
    let plan = stack.plan_only(&gated);
    let told = refusals(&plan, "dynamodb_table/tab");
    assert!(
        told.iter().any(|why| why.contains("its undeclared replica in eu-west-1")),
        "{plan:#?}"
    );
    assert!(refusals(&plan, "key/m").is_empty(), "{plan:#?}");
    let is_told = |finding: &kmsctl::plan::Finding| {
        finding.rule == "gate-accounts" && finding.address == key_at("m")
    };
    assert!(plan.findings.iter().any(is_told), "{:#?}", plan.findings);
    assert!(stack.breaches(&gated).iter().any(is_told));
    // What cannot be read is not known to pass.
    stack.fake.tamper("m/eu-west-1", |key| key.policy = serde_json::json!({"Statement": 1}));
    assert!(!refusals(&stack.plan_only(&gated), "dynamodb_table/tab").is_empty());
}

/// A grant is access, whoever created it and whatever its name is.
#[test]
fn a_grant_that_the_stack_lets_go_of_is_access() {
    let mut stack = Stack::new(3);
    let all = storage().grant("storage", "a", &["Decrypt"]);
    stack.applied(&all);
    let stranger = |name: Option<&str>| {
        stack.fake.tamper("storage", |key| {
            for grant in &mut key.grants {
                grant.grantee = "arn:aws:iam::666666666666:role/x".to_owned();
                grant.name = name.map_or(grant.name.clone(), str::to_owned);
            }
        });
    };
    let mut forgets = storage();
    forgets.forget.insert(address(Kind::Grant, "storage/a"));
    forgets.gates = desired("stack: stack\ngates: {accounts: []}\n").gates;
    for name in [None, Some("kmsctl:stack:storage/a"), Some("kmsctl:stack:")] {
        stranger(name);
        let found = stack.plan_only(&forgets).findings;
        let is_told = |finding: &kmsctl::plan::Finding| {
            finding.rule == "gate-accounts" && finding.address == key_at("storage")
        };
        assert!(found.iter().any(is_told), "{name:?}: {found:#?}");
    }
}

/// Returns the operations of a plan.
fn sends(plan: &Plan, operation: &str) -> bool {
    plan.steps.iter().any(|step| step.calls.iter().any(|call| call.call.operation() == operation))
}

/// `moved` is a part of the change that the gates judge.
#[test]
fn a_key_does_not_become_unprotected_by_a_move() {
    let mut stack = Stack::new(3);
    stack
        .applied(&desired("stack: stack\nregion: eu-central-1\nkeys: {prod: {aliases: [prod]}}\n"));
    stack.state = lineage("two");
    let text = |moved: &str| {
        let mut all = desired(&format!(
            "stack: stack\nregion: eu-central-1\n{moved}\
             keys: {{prod: {{aliases: [prod], protect: false, enabled: false}}}}\n"
        ));
        all.outer = outer(None);
        all
    };
    for moved in ["", "moved: [{from: key/scratch, to: key/prod}]\n"] {
        let plan = stack.plan_only(&text(moved));
        assert!(!sends(&plan, "DisableKey"), "{moved}: {plan:#?}");
        let told = refusals(&plan, "key/prod");
        assert!(told.iter().any(|why| why.contains("protected")), "{moved}: {plan:#?}");
    }
}

/// Which of two keys is the duplicate is decided by the change if there is no record.
#[test]
fn a_protected_key_does_not_become_a_duplicate() {
    let mut stack = Stack::new(3);
    stack.fake.created.set(1_790_000_000);
    stack.applied(&desired(
        "stack: stack\nregion: eu-central-1\nkeys: {prod: {}, other: {aliases: [other]}}\n",
    ));
    let arn = |name: &str| stack.fake.key(name).meta.arn.to_string();
    let (prod, other) = (arn("prod"), arn("other"));
    stack.state = lineage("two");
    let text = |keys: &str, moved: &str| {
        let mut all = desired(&format!(
            "stack: stack\nregion: eu-central-1\n{moved}\
             removed: [{{address: '{prod}', action: delete}}]\nkeys: {{{keys}}}\n"
        ));
        all.outer = Some(Outer::default());
        all
    };
    let moves = "moved: [{from: key/prod, to: key/other}]\n";
    let taken = format!("other: {{aliases: [other], adopt: '{other}'}}");
    for (keys, moved) in [(taken.as_str(), moves), (&taken.replace("other: {", "prod: {"), "")] {
        let mut all = text(keys, moved);
        let plan = stack.plan_only(&all);
        assert!(!sends(&plan, "ScheduleKeyDeletion"), "{moved}: {plan:#?}");
        // The base may agree.
        let names = ["prod", "other"].map(|name| (key_at(name), Some(other.clone())));
        all.outer = Some(Outer { unprotected: names.into(), ..Outer::default() });
        let plan = stack.plan_only(&all);
        assert!(moved.is_empty() || sends(&plan, "ScheduleKeyDeletion"), "{moved}: {plan:#?}");
    }
}
