//! What is known to be missing before the first call of an apply.

use crate::consumers::desired;
use crate::world::Stack;
use kmsctl::engine::preflight::Preflight;
use kmsctl::kind::grant::Listed;
use std::collections::BTreeSet;

const CALLER: &str = "arn:aws:sts::111122223333:assumed-role/deploy/session";
const ADMIN: &str = "arn:aws:iam::111122223333:role/admin";

/// Returns a stack with two keys and an alias. `policy` is that of the key `a`.
fn text(policy: &str, rest: &str) -> String {
    format!(
        "stack: s\nregion: eu-central-1\nkeys:\n  a: {{aliases: [a], policy: {policy}{rest}}}\n  \
         b: {{policy: {{administrators: [root], delegate_to_iam: true}}{rest}}}\n"
    )
}

const CLOSED: &str = "{administrators: [role/admin, role/other], delegate_to_iam: false}";
const OPEN: &str = "{administrators: [role/admin], delegate_to_iam: true}";

/// Applies a configuration, and checks the plan of another one.
fn check(before: &str, after: &str, caller: &str, simulated: Option<&[&str]>) -> Preflight {
    let mut stack = Stack::new(1);
    stack.applied(&desired(before));
    let denied = simulated.map(|all| all.iter().map(|action| (*action).to_owned()).collect());
    stack.fake.faults.borrow_mut().simulated = denied;
    stack.preflight(&desired(after), caller)
}

fn actions(found: &Preflight) -> BTreeSet<&'static str> {
    found.denied.iter().map(|denied| denied.action).collect()
}

#[test]
fn everything_that_a_key_policy_denies_is_found_at_once() {
    let after = text(CLOSED, ", description: New, rotation: {period_days: 365}")
        .replace("aliases: [a]", "aliases: [a2]");
    let found = check(&text(CLOSED, ""), &after, CALLER, None);
    let expected =
        ["kms:CreateAlias", "kms:DeleteAlias", "kms:EnableKeyRotation", "kms:UpdateKeyDescription"];
    assert_eq!(actions(&found), BTreeSet::from(expected));
    let keys: BTreeSet<&str> = found.denied.iter().map(|denied| denied.key.id()).collect();
    assert_eq!(keys.len(), 1, "the policy of `b` leaves the decision to IAM");
    assert!(found.denied.iter().all(|denied| denied.statement.is_none()));
    assert_eq!(found.denied[0].identity, CALLER);
}

#[test]
fn nothing_is_denied_to_an_administrator_or_where_iam_decides() {
    let after = |policy| text(policy, ", description: New");
    assert_eq!(check(&text(CLOSED, ""), &after(CLOSED), ADMIN, None).denied, []);
    assert_eq!(check(&text(OPEN, ""), &after(OPEN), CALLER, None).denied, []);
    // Nothing is known about new keys.
    let found = check("stack: s\nregion: eu-central-1\nkeys: {}", &text(CLOSED, ""), CALLER, None);
    assert_eq!(found.denied, []);
}

/// A policy with a statement of its own next to that of the account's root user.
fn with(statement: &str) -> String {
    format!("{{administrators: [root], delegate_to_iam: true, statements: [{statement}]}}")
}

#[test]
fn an_explicit_deny_is_certain_and_one_under_an_unknown_condition_is_not() {
    let deny = |condition: &str| {
        with(&format!(
            "{{Sid: Frozen, Effect: Deny, Principal: {{AWS: \"arn:aws:iam::111122223333:role/deploy\"}}, \
             Action: \"kms:UpdateKeyDescription\", Resource: \"*\"{condition}}}"
        ))
    };
    let certain = deny("");
    let after = |policy: &str| text(policy, ", description: New");
    let found = check(&text(&certain, ""), &after(&certain), CALLER, None);
    let [only] = found.denied.as_slice() else { panic!("{:?}", found.denied) };
    assert_eq!(
        (only.action, only.statement.as_deref()),
        ("kms:UpdateKeyDescription", Some("Frozen"))
    );
    let open = deny(", Condition: {StringNotEquals: {\"aws:SourceVpce\": vpce-1}}");
    assert_eq!(check(&text(&open, ""), &after(&open), CALLER, None).denied, []);
}

#[test]
fn an_allow_under_an_unknown_condition_is_no_denial() {
    let conditional = |more: &str| {
        format!(
            "{{administrators: [role/admin, role/other], delegate_to_iam: false, statements: [{{Sid: Office, Effect: Allow, \
             Principal: {{AWS: \"arn:aws:iam::111122223333:role/deploy\"}}, Action: [\"kms:UpdateKeyDescription\"{more}], \
             Resource: \"*\", Condition: {{IpAddress: {{\"aws:SourceIp\": 192.0.2.0/24}}}}}}]}}"
        )
    };
    let after = |policy: &str| text(policy, ", description: New");
    let policy = conditional("");
    assert_eq!(check(&text(&policy, ""), &after(&policy), CALLER, None).denied, []);
}

#[test]
fn a_grant_may_allow_what_no_statement_allows() {
    let grants = |operation: &str| {
        desired(&text(
            CLOSED,
            &format!(", grants: {{g: {{grantee: role/app, operations: [{operation}]}}}}"),
        ))
    };
    let mut stack = Stack::new(1);
    stack.applied(&desired(&text(CLOSED, "")));
    // The key has no grant, and IAM decides about the other key.
    let found = stack.preflight(&grants("Decrypt"), CALLER);
    assert_eq!(actions(&found), BTreeSet::from(["kms:CreateGrant"]));
    assert_eq!(found.denied.len(), 1, "{:?}", found.denied);
    // A grant that the run makes for another reason may allow the next one.
    assert_eq!(actions(&stack.preflight(&grants("CreateGrant"), CALLER)), BTreeSet::new());
    let theirs = |operation: &str| Listed {
        grant_id: format!("of-{operation}"),
        name: String::new(),
        grantee: "arn:aws:iam::111122223333:role/deploy".to_owned(),
        retiring: None,
        operations: [operation.to_owned()].into(),
        constraints: None,
        issuer: None,
    };
    stack.fake.tamper("a", |key| key.grants.push(theirs("Encrypt")));
    let found = stack.preflight(&grants("Decrypt"), CALLER);
    assert_eq!(actions(&found), BTreeSet::from(["kms:CreateGrant"]));
    stack.fake.tamper("a", |key| key.grants.push(theirs("CreateGrant")));
    assert_eq!(actions(&stack.preflight(&grants("Decrypt"), CALLER)), BTreeSet::new());
}

/// Grants that could not be listed may allow anything that a grant can allow.
#[test]
fn what_a_grant_could_allow_is_not_certain_without_the_list_of_grants() {
    let grants = ", grants: {g: {grantee: role/app, operations: [Decrypt]}}";
    let mut stack = Stack::new(1);
    stack.applied(&desired(&text(CLOSED, "")));
    let key = stack.fake.key("a").meta.arn.id().to_owned();
    stack.fake.faults.borrow_mut().denied.insert(("ListGrants".to_owned(), key));
    let found = stack.preflight(&desired(&text(CLOSED, grants)), CALLER);
    assert_eq!(actions(&found), BTreeSet::new());
}

#[test]
fn a_policy_of_the_same_run_may_allow_the_calls_after_it() {
    let opened =
        CLOSED.replace("[role/admin, role/other]", "[role/admin, role/other, role/deploy]");
    let after = text(&opened, ", rotation: {period_days: 365}");
    let found = check(&text(CLOSED, ""), &after, CALLER, None);
    assert_eq!(actions(&found), BTreeSet::from(["kms:PutKeyPolicy"]));
    // An administrator may set it, and the caller of the other calls is the same.
    assert_eq!(check(&text(CLOSED, ""), &after, ADMIN, None).denied, []);
}

#[test]
fn the_simulator_only_warns_and_its_denial_is_no_failure() {
    let after = text(OPEN, ", description: New, rotation: {period_days: 365}");
    let found = check(&text(OPEN, ""), &after, CALLER, Some(&["kms:EnableKeyRotation"]));
    assert_eq!(found.denied, []);
    let warned: Vec<&str> = found.simulated.iter().map(|one| one.action.as_str()).collect();
    assert_eq!(warned, ["kms:EnableKeyRotation"; 2], "for both keys");
    let identity = "arn:aws:iam::111122223333:role/deploy";
    assert!(found.simulated.iter().all(|one| one.identity == identity), "{:?}", found.simulated);
    assert_eq!(found.unknown, None);
    let silent = check(&text(OPEN, ""), &after, CALLER, None);
    assert!(
        silent.simulated.is_empty()
            && silent.unknown.is_some_and(|why| why.contains("not authorized"))
    );
}

#[test]
fn what_a_key_policy_allows_is_not_simulated() {
    let after = text(CLOSED, ", rotation: {period_days: 365}");
    let found = check(&text(CLOSED, ""), &after, ADMIN, Some(&["kms:EnableKeyRotation"]));
    let resources: Vec<&str> = found.simulated.iter().map(|one| one.resource.as_str()).collect();
    assert_eq!(resources.len(), 1, "only the key that leaves the decision to IAM: {resources:?}");
}

#[test]
fn an_empty_plan_asks_nothing() {
    let found = check(&text(OPEN, ""), &text(OPEN, ""), CALLER, Some(&["kms:EnableKeyRotation"]));
    assert!(found.denied.is_empty() && found.simulated.is_empty() && found.unknown.is_none());
}

/// A policy that the configuration does not declare is read before the first call.
#[test]
fn the_policy_of_a_key_counts_whether_it_is_declared_or_not() {
    let text = |rest: &str| {
        desired(&format!("stack: s\nregion: eu-central-1\nkeys: {{a: {{description: x{rest}}}}}\n"))
    };
    let mut stack = Stack::new(1);
    stack.applied(&text(""));
    let deny = serde_json::json!({"Effect": "Deny", "Principal": "*", "Action": "kms:TagResource", "Resource": "*"});
    stack.fake.tamper("a", |key| {
        key.policy["Statement"].as_array_mut().unwrap().push(deny);
    });
    let found = stack.preflight(&text(", tags: {team: x}"), CALLER);
    assert_eq!(actions(&found), BTreeSet::from(["kms:TagResource"]));
    assert_eq!(found.denied[0].statement.as_deref(), Some("#2"));
}

/// Applies many keys, and checks a plan that changes all of them. `tags` are those of each key.
fn of_many(tags: impl Fn(usize) -> String, denied: &str) -> (Preflight, usize) {
    let text = |rest: &dyn Fn(usize) -> String| {
        let keys = (0..40).map(|n| format!("  k{n}: {{policy: {OPEN}{}}}\n", rest(n)));
        desired(&format!("stack: s\nregion: eu-central-1\nkeys:\n{}", keys.collect::<String>()))
    };
    let mut stack = Stack::new(1);
    stack.applied(&text(&|_| String::new()));
    stack.fake.faults.borrow_mut().simulated = Some([denied.to_owned()].into());
    let after = text(&|n| format!(", description: New, aliases: [a{n}], tags: {{{}: x}}", tags(n)));
    let found = stack.preflight(&after, CALLER);
    (found, stack.fake.count("SimulatePrincipalPolicy"))
}

#[test]
fn the_simulator_is_asked_once_about_an_action_on_all_keys() {
    let (found, questions) = of_many(|_| "team".to_owned(), "kms:TagResource");
    assert_eq!((found.simulated.len(), found.unasked.0), (40, 0), "{:?}", found.simulated);
    assert!((1..=4).contains(&questions), "{questions} questions");
    assert!(found.unasked.1 >= 120, "descriptions, tags and aliases: {:?}", found.unasked);
}

/// Requests with other contexts are questions of their own, and no action uses up the questions of the others.
#[test]
fn what_the_simulator_was_not_asked_is_said() {
    let tags = |n| format!("team{n}");
    let (found, questions) = of_many(tags, "kms:UpdateKeyDescription");
    assert_eq!(found.simulated.len(), 40, "{:?}", found.simulated);
    let (unasked, all) = found.unasked;
    assert!(questions == 32 && (1..40).contains(&unasked) && all >= 120, "{unasked} of {all}");
    let (found, _) = of_many(tags, "kms:TagResource");
    assert_eq!(found.simulated.len(), 40 - unasked);
}

/// The policy of one key says nothing about another key.
#[test]
fn a_certain_denial_hides_no_simulated_one_of_another_key() {
    let after = text(CLOSED, ", tags: {team: x}");
    let found = check(&text(CLOSED, ""), &after, CALLER, Some(&["kms:TagResource"]));
    let [certain] = found.denied.as_slice() else { panic!("{:?}", found.denied) };
    let simulated: Vec<&str> = found.simulated.iter().map(|one| one.resource.as_str()).collect();
    assert_eq!(simulated.len(), 1, "the certain one is said once: {simulated:?}");
    assert_ne!(simulated[0], certain.key.to_string());
}
