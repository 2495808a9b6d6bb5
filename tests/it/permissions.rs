//! The table of operations, compared with the code that sends them; and the policies of configurations.

use crate::consumers::desired;
use crate::world::Stack;
use kmsctl::kind::{ConsumerKind, Kind};
use kmsctl::permissions::table::{SERVICES, Stage, find};
use kmsctl::permissions::{Ask, Exported, Permissions, Purpose, StateObjects, permissions};
use kmsctl::state::State;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

#[test]
fn the_table_has_every_operation_that_changes_a_resource() {
    for kind in Kind::all() {
        for name in kind.operations() {
            let found = find(kind.service(), name);
            let (_, operation) = found.unwrap_or_else(|| panic!("{} {name}", kind.service()));
            assert_ne!(operation.stage, Stage::Read, "{} {name}", kind.service());
        }
    }
}

#[test]
fn the_table_has_every_operation_that_reads_a_resource() {
    for kind in ConsumerKind::ALL {
        let facts = kind.facts();
        let refresh = facts.reads.refresh.iter().map(|read| read.operation);
        let others = facts.reads.watch.iter().chain(facts.reads.list).copied();
        for name in refresh.chain(others) {
            let found = find(facts.service, name);
            let (_, operation) = found.unwrap_or_else(|| panic!("{} {name}", facts.service));
            assert_eq!(operation.stage, Stage::Read, "{} {name}", facts.service);
        }
    }
}

/// Returns the sources that call the SDK, without their tests.
fn senders(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            senders(&path, found);
        } else if !path.ends_with("replay.rs") && !path.to_str().unwrap().contains("tests") {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
            if code.contains("aws_sdk_") || code.contains("crate::sdk") || code.contains("Aws") {
                found.push((path, code));
            }
        }
    }
}

/// The words with which the names of AWS's operations begin, as methods of a client of the SDK.
const VERBS: &[&str] = &[
    "add",
    "assume",
    "cancel",
    "create",
    "delete",
    "describe",
    "disable",
    "enable",
    "get",
    "head",
    "list",
    "modify",
    "put",
    "remove",
    "replicate",
    "reset",
    "revoke",
    "rotate",
    "schedule",
    "simulate",
    "start",
    "stop",
    "tag",
    "untag",
    "update",
    "upgrade",
];

/// The methods without arguments that begin like an operation and are the fields of an answer.
const FIELDS: &[&str] = &["disable_clock_skew_correction"];

/// Returns the name of an operation for the name of its method: `describe_db_instances` for `DescribeDBInstances`.
fn method(operation: &str) -> String {
    let operation = operation.replace("DB", "Db").replace("KMS", "Kms");
    let mut method = String::new();
    for c in operation.chars() {
        if c.is_ascii_uppercase() && !method.is_empty() {
            method.push('_');
        }
        method.push(c.to_ascii_lowercase());
    }
    method
}

/// Returns the methods without arguments that the code calls and that are named like operations.
fn called(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for before in code.split("()") {
        let rest = before.trim_end_matches(is_word);
        let name = before.strip_prefix(rest).unwrap();
        let verb = name.split('_').next().unwrap();
        if rest.ends_with('.') && VERBS.contains(&verb) && name.contains('_') {
            found.insert(name.to_owned());
        }
    }
    found
}

/// Every method of a client of the SDK that the code calls is an operation of the table, and so is every name of an
/// operation, with which the client of the query protocols and the errors are called.
#[test]
fn the_table_has_every_operation_that_the_sources_name() {
    let known: BTreeSet<String> = SERVICES
        .iter()
        .flat_map(|service| service.operations)
        .map(|one| method(one.name))
        .collect();
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    for folder in ["sdk", "cloud", "kind"] {
        senders(&top.join(folder), &mut sources);
    }
    let mut sent = BTreeSet::new();
    for (path, code) in &sources {
        for name in called(code) {
            let is_field = FIELDS.contains(&name.as_str());
            assert!(known.contains(&name) || is_field, "{}: {name}", path.display());
            sent.insert(name);
        }
        let constants =
            code.split("const ").skip(1).filter_map(|rest| rest.split_once(": &str = \""));
        for (name, rest) in
            constants.filter(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase()))
        {
            let operation = rest.split('"').next().unwrap();
            let is_operation =
                operation.starts_with(|c: char| c.is_ascii_uppercase()) && !operation.contains(' ');
            if is_operation
                && VERBS.iter().any(|verb| method(operation).starts_with(&format!("{verb}_")))
            {
                let name = (path.display(), name);
                assert!(known.contains(&method(operation)), "{name:?}: {operation}");
                sent.insert(method(operation));
            }
        }
    }
    // An operation that nothing sends does not belong into the table.
    for kind in Kind::all() {
        sent.extend(kind.operations().iter().map(|name| method(name)));
    }
    // The SDK itself assumes roles.
    sent.insert("assume_role".to_owned());
    let unsent: Vec<&String> = known.difference(&sent).collect();
    assert!(unsent.is_empty(), "nothing sends these: {unsent:?}");
}

fn state() -> State {
    State::begin("stack".parse().unwrap(), "one".to_owned())
}

/// Returns the permissions of a configuration.
pub(crate) fn of(text: &str, purposes: &[Purpose], split: bool) -> Permissions {
    with_records(text, purposes, split, false)
}

/// Returns the permissions of a configuration that is applied with or without a place for its records.
pub(crate) fn with_records(
    text: &str,
    purposes: &[Purpose],
    split: bool,
    stateless: bool,
) -> Permissions {
    permissions(&Ask {
        desired: &desired(text),
        state: &state(),
        stateless,
        plan: None,
        purposes: &purposes.iter().copied().collect(),
        exported: &Exported::default(),
        objects: None,
        split,
        principal: "arn:aws:iam::111122223333:role/deploy",
    })
}

/// Returns the actions of each document.
pub(crate) fn actions(permissions: &Permissions) -> BTreeMap<String, BTreeSet<&'static str>> {
    let mut all: BTreeMap<String, BTreeSet<&'static str>> = BTreeMap::new();
    for document in &permissions.documents {
        let actions =
            document.statements.iter().flat_map(|statement| statement.actions.iter().copied());
        all.entry(document.part.as_str().to_owned()).or_default().extend(actions);
    }
    all
}

const STACK: &str = "
stack: demo
region: eu-central-1
keys:
  data:
    description: Data
    aliases: [data]
    rotation: {period_days: 180}
    policy: {administrators: [role/Admin], delegate_to_iam: true}
    grants:
      batch: {grantee: role/Batch, operations: [Decrypt, DescribeKey]}
  signing: {spec: ECC_NIST_P256, usage: SIGN_VERIFY, protect: false, policy: {administrators: [role/Admin], delegate_to_iam: true}}
dynamodb: {tables: {orders: {key: data, partition_key: {name: id, type: S}, used_by: [role/Batch]}}}
";

pub(crate) fn statement(permissions: &Permissions, sid: &str) -> Value {
    let mut all = permissions.documents.iter().flat_map(|document| &document.statements);
    all.find(|one| one.sid == sid).unwrap_or_else(|| panic!("{sid}: {permissions:#?}")).json()
}

#[test]
fn creation_is_bounded_by_the_request_and_everything_else_by_the_tag_of_the_key() {
    let found = of(STACK, &[Purpose::Apply], false);
    let new = statement(&found, "CreateKeys");
    assert_eq!(new["Resource"], "*");
    assert_eq!(new["Condition"]["StringEquals"]["aws:RequestTag/kmsctl:stack"], "demo");
    assert_eq!(new["Condition"]["BoolIfExists"]["kms:BypassPolicyLockoutSafetyCheck"], "false");
    let mut specs = BTreeSet::new();
    for sid in ["CreateKeys", "CreateKeys2"] {
        let one = statement(&found, sid);
        specs.insert(one["Condition"]["StringEquals"]["kms:KeySpec"].as_str().unwrap().to_owned());
    }
    assert_eq!(specs, BTreeSet::from(["ECC_NIST_P256".to_owned(), "SYMMETRIC_DEFAULT".to_owned()]));
    for sid in ["CreateKeys", "TagNewKeys"] {
        let text = statement(&found, sid).to_string();
        assert!(!text.contains("aws:ResourceTag"), "a new key has no tags: {text}");
    }
    for sid in ["ChangeKeys", "SetKeyPolicies", "TagKeys", "RotateKeys", "DeleteKeys", "ReadKeys"] {
        let one = statement(&found, sid);
        assert_eq!(one["Resource"], "arn:aws:kms:eu-central-1:111122223333:key/*", "{sid}");
        assert_eq!(
            one["Condition"]["StringEquals"]["aws:ResourceTag/kmsctl:stack"], "demo",
            "{sid}"
        );
    }
    let alias = statement(&found, "NameAliases");
    assert_eq!(alias["Resource"], "arn:aws:kms:eu-central-1:111122223333:alias/data");
    assert!(found.notes.iter().any(|note| note.starts_with("A risk remains")));
}

#[test]
fn a_grant_is_bounded_by_its_grantee_and_operations() {
    let one = statement(&of(STACK, &[Purpose::Apply], false), "CreateGrants");
    let conditions = &one["Condition"];
    let grantee = "arn:aws:iam::111122223333:role/Batch";
    assert_eq!(conditions["StringEquals"]["kms:GranteePrincipal"], grantee);
    let operations = serde_json::json!(["Decrypt", "DescribeKey"]);
    assert_eq!(conditions["ForAllValues:StringEquals"]["kms:GrantOperations"], operations);
}

#[test]
fn the_parts_are_together_the_whole_and_only_one_can_raise_rights() {
    let whole = actions(&of(STACK, &[Purpose::Apply], false));
    let parts = actions(&of(STACK, &[Purpose::Apply], true));
    let union: BTreeSet<&str> = parts.values().flatten().copied().collect();
    assert_eq!(union, whole["kmsctl"]);
    let raising =
        ["kms:PutKeyPolicy", "kms:CreateGrant", "kms:TagResource", "kms:ScheduleKeyDeletion"];
    for action in raising {
        assert!(parts["escalation"].contains(action), "{action}");
        assert!(
            !parts["reader"].contains(action) && !parts["applier"].contains(action),
            "{action}"
        );
    }
    let reads = ["Get", "List", "Describe", "AssumeRole"];
    for action in &parts["reader"] {
        let name = action.split(':').nth(1).unwrap();
        assert!(reads.iter().any(|read| name.starts_with(read)), "{action}");
    }
}

/// The documents of two commands can be in one folder.
#[test]
fn the_documents_of_two_commands_have_different_names() {
    let mut names = BTreeSet::new();
    for split in [false, true] {
        for purposes in Purpose::ALL.iter().map(std::slice::from_ref).chain([&Purpose::ALL[..]]) {
            for document in of(STACK, purposes, split).documents {
                assert!(names.insert(document.name.clone()), "{}", document.name);
            }
        }
    }
    assert!(names.contains("kmsctl") && names.contains("reader-plan"), "{names:?}");
}

/// A stack without a key of its own, which a refresh looks for in the home Region all the same.
const NO_OWN_KEY: &str = "
stack: demo
region: eu-central-1
keys: {x: {existing: \"arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab\", aliases: [other]}}
";

#[test]
fn a_stack_without_own_keys_may_list_the_keys_of_its_home() {
    for text in [NO_OWN_KEY, "{stack: demo, region: eu-central-1}"] {
        for purpose in [Purpose::Plan, Purpose::Drift, Purpose::Apply] {
            let whole = actions(&of(text, &[purpose], false));
            assert!(whole["kmsctl"].contains("kms:ListKeys"), "{purpose:?}: {text}");
        }
    }
}

/// A refresh lists the grants on `existing` keys, and an apply reads their policies before its first call.
#[test]
fn the_grants_of_existing_keys_may_be_listed_and_an_apply_may_read_their_policies() {
    for purpose in [Purpose::Plan, Purpose::Drift, Purpose::Apply] {
        let whole = actions(&of(NO_OWN_KEY, &[purpose], false));
        assert!(whole["kmsctl"].contains("kms:ListGrants"), "{purpose:?}");
        let reads_policy = whole["kmsctl"].contains("kms:GetKeyPolicy");
        assert_eq!(reads_policy, purpose == Purpose::Apply, "{purpose:?}");
    }
}

#[test]
fn what_is_protected_cannot_be_deleted() {
    let whole = actions(&of(STACK, &[Purpose::Apply], false));
    assert!(whole["kmsctl"].contains("kms:ScheduleKeyDeletion"), "of the key `signing`");
    assert!(!whole["kmsctl"].contains("dynamodb:DeleteTable"));
    let text = STACK.replace("orders: {key", "orders: {protect: false, key");
    assert!(
        actions(&of(&text, &[Purpose::Apply], false))["kmsctl"].contains("dynamodb:DeleteTable")
    );
}

#[test]
fn every_other_account_gets_documents_of_its_own() {
    let text = STACK
        .replace("keys:\n", "accounts: {away: {id: \"444455556666\", role: role/kms}}\nkeys:\n")
        .replace("batch: {grantee: role/Batch", "batch: {account: away, grantee: role/Batch");
    let found = of(&text, &[Purpose::Apply], false);
    let role = "arn:aws:iam::444455556666:role/kms";
    let accounts: BTreeSet<&str> = found.documents.iter().map(|one| one.account.as_str()).collect();
    assert_eq!(accounts, BTreeSet::from(["111122223333", "444455556666"]));
    assert_eq!(found.identities[&"444455556666".parse().unwrap()], role);
    assert_eq!(statement(&found, "AssumeRoles")["Resource"], role);
    let by_account = |account: &str| {
        let own = found.documents.iter().filter(|one| one.account.as_str() == account);
        let all = own.flat_map(|one| &one.statements).flat_map(|one| &one.actions);
        all.copied().collect::<BTreeSet<&str>>()
    };
    let away = by_account("444455556666");
    assert!(away.contains("kms:CreateGrant") && !away.contains("kms:CreateKey"), "{away:?}");
    assert!(!away.contains("sts:AssumeRole"));
}

#[test]
fn a_key_policy_that_does_not_leave_the_decision_to_iam_needs_a_statement() {
    let found = of(STACK, &[Purpose::Apply], false);
    assert_eq!(found.key_statements, []);
    let text = STACK.replace(
        "[role/Admin], delegate_to_iam: true}\n    grants",
        "[role/Admin, role/Other], delegate_to_iam: false}\n    grants",
    );
    let found = of(&text, &[Purpose::Apply], false);
    let [only] = found.key_statements.as_slice() else { panic!("{:?}", found.key_statements) };
    assert_eq!(only.principal, "arn:aws:iam::111122223333:role/deploy");
    assert!(only.keys.contains("key/data"), "{only:?}");
    let actions: BTreeSet<&str> =
        only.statements.iter().flat_map(|statement| statement.actions.iter().copied()).collect();
    assert!(actions.contains("kms:PutKeyPolicy") && actions.contains("kms:CreateGrant"));
    assert!(!actions.contains("kms:CreateKey"), "there is no key yet");
    // The statements have the bounds of the IAM policies, which they would make void otherwise.
    let json = only.json();
    let all = json.as_array().unwrap();
    let of = |action: &str| {
        let mut found = all.iter().filter(|one| one["Action"].to_string().contains(action));
        found.next().unwrap()
    };
    let grantee = &of("kms:CreateGrant")["Condition"]["StringEquals"]["kms:GranteePrincipal"];
    assert_eq!(grantee, "arn:aws:iam::111122223333:role/Batch");
    assert!(of("kms:PutKeyPolicy").get("Condition").is_some());
    assert!(all.iter().all(|one| one["Resource"] == "*" && one["Principal"]["AWS"] == only.principal.as_str()));
}

#[test]
fn documents_are_deterministic_within_the_limit_and_have_each_sid_once() {
    for count in [12, 120] {
        let keys = (0..count).map(|n| {
            format!(
                "  k{n}: {{aliases: [\"team/with-a-long-name-{n}\"], tags: {{t{n}: x}}, policy: {{administrators: [root], delegate_to_iam: true}}}}\n"
            )
        });
        let keys: String = keys.collect();
        let text = STACK.replace("  signing:", &format!("{keys}  signing:"));
        let found = of(&text, &Purpose::ALL, true);
        assert_eq!(found, of(&text, &Purpose::ALL, true));
        let number = found.documents.len();
        assert!((4..=10).contains(&number), "{count}: a role can have 10, and not {number}");
        for document in &found.documents {
            assert!(document.size() <= kmsctl::permissions::LIMIT, "{}", document.name);
            let sids: BTreeSet<&str> =
                document.statements.iter().map(|one| one.sid.as_str()).collect();
            assert_eq!(sids.len(), document.statements.len());
            assert!(sids.iter().all(|sid| sid.chars().all(|c| c.is_ascii_alphanumeric())));
        }
        assert!(found.notes.iter().any(|note| note.contains("in several documents")));
        // Broader statements are said.
        let is_merged = found.documents.iter().any(|document| document.is_merged);
        assert_eq!(is_merged, count == 120, "{count}: {number}");
        assert_eq!(found.notes.iter().any(|note| note.contains("To save room")), is_merged);
        // Fewer statements allow the same actions.
        let tags = format!("t{}", count - 1);
        let text = serde_json::to_string(
            &found.documents.iter().map(kmsctl::permissions::Document::json).collect::<Vec<_>>(),
        );
        assert!(text.unwrap().contains(&tags));
    }
}

#[test]
fn only_actions_without_resources_are_allowed_on_everything() {
    let found = of(STACK, &Purpose::ALL, false);
    let mut open = BTreeSet::new();
    for statement in found.documents.iter().flat_map(|document| &document.statements) {
        assert!(statement.actions.iter().all(|action| !action.contains('*')));
        if statement.resources.contains("*") {
            open.extend(statement.actions.iter().copied());
        }
    }
    let expected = [
        "cloudtrail:DescribeTrails",
        "cloudtrail:ListEventDataStores",
        "dynamodb:ListTables",
        "ec2:DescribeSnapshots",
        "ec2:DescribeVolumes",
        "ec2:GetEbsDefaultKmsKeyId",
        "es:ListDomainNames",
        "kms:CreateKey",
        "kms:ListAliases",
        "kms:ListKeys",
        "rds:DescribeDBClusterSnapshots",
        "rds:DescribeDBSnapshots",
        "s3:ListAllMyBuckets",
        "tag:GetResources",
    ];
    assert_eq!(open, BTreeSet::from(expected));
}

/// Returns what any apply needs, with the records of the stack.
pub(crate) fn of_state(stack: &Stack, text: &str) -> Permissions {
    permissions(&Ask {
        desired: &desired(text),
        state: &stack.state,
        stateless: false,
        plan: None,
        purposes: &BTreeSet::from([Purpose::Apply]),
        exported: &Exported::default(),
        objects: None,
        split: false,
        principal: "arn:aws:iam::111122223333:role/deploy",
    })
}

/// Returns the permissions of exactly a plan.
pub(crate) fn of_plan(stack: &Stack, text: &str) -> Permissions {
    let desired = desired(text);
    let plan = stack.plan_only(&desired);
    permissions(&Ask {
        desired: &desired,
        state: &stack.state,
        stateless: false,
        plan: Some(&plan),
        purposes: &BTreeSet::from([Purpose::Apply]),
        exported: &Exported::default(),
        objects: None,
        split: false,
        principal: "arn:aws:iam::111122223333:role/deploy",
    })
}

#[test]
fn the_policies_of_a_plan_name_existing_keys_by_their_arns_and_allow_only_its_calls() {
    let mut stack = Stack::new(1);
    let new = of_plan(&stack, STACK);
    let all = &actions(&new)["kmsctl"];
    assert!(all.contains("kms:CreateKey") && !all.contains("kms:ScheduleKeyDeletion"), "{all:?}");
    stack.applied(&desired(STACK));
    let changed = of_plan(&stack, &STACK.replace("description: Data", "description: More"));
    let all = &actions(&changed)["kmsctl"];
    assert!(all.contains("kms:UpdateKeyDescription"));
    for action in ["kms:CreateKey", "kms:EnableKeyRotation", "kms:PutKeyPolicy", "kms:CreateGrant"]
    {
        assert!(!all.contains(action), "{action}");
    }
    let one = statement(&changed, "ChangeKeys");
    let arn = &stack.state.records[&"key/data".parse().unwrap()].id;
    assert_eq!(one["Resource"], arn.as_str());
    assert_eq!(one.get("Condition"), None, "an ARN needs no tag");
    // An empty plan needs what reads only.
    let empty = of_plan(&stack, STACK);
    let parts = actions(&of(STACK, &[Purpose::Apply], true));
    let more: Vec<_> = actions(&empty)["kmsctl"].difference(&parts["reader"]).copied().collect();
    assert_eq!(more, Vec::<&str>::new());
}

#[test]
fn a_key_that_is_taken_over_is_named_without_its_tag() {
    let text = "stack: demo\nregion: eu-central-1\nkeys:\n  \
                a: {adopt: \"arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-3333-4444-555555555555\", tag: true}\n  \
                b: {adopt: alias/old}\n";
    // Without `tag: true`, the key gets no tags of the stack.
    let untagged = of(&text.replace(", tag: true", ""), &[Purpose::Apply], false);
    let json: Vec<Value> =
        untagged.documents.iter().map(kmsctl::permissions::Document::json).collect();
    let json = serde_json::to_string(&json).unwrap();
    assert_eq!(json.matches("\"kms:TagResource\"").count(), 1, "{json}");
    let found = of(text, &[Purpose::Apply], false);
    let all = found.documents.iter().flat_map(|document| &document.statements);
    let tagging: Vec<Value> = all
        .filter(|one| one.sid.starts_with("TagKeys"))
        .map(kmsctl::permissions::Statement::json)
        .collect();
    let text = serde_json::to_string(&tagging).unwrap();
    assert!(text.contains("key/11111111-2222-3333-4444-555555555555"), "{text}");
    assert!(
        text.contains(r#""ForAnyValue:StringEquals":{"kms:ResourceAliases":"alias/old"}"#),
        "{text}"
    );
    assert!(!text.contains("aws:ResourceTag"), "{text}");
    assert!(!actions(&found)["kmsctl"].contains("kms:CreateKey"), "nothing is created");
}

#[test]
fn what_leaves_the_stack_is_untagged_or_left_alone() {
    let mut stack = Stack::new(1);
    let text = |rest: &str| format!("stack: demo\nregion: eu-central-1\n{rest}");
    let declared = "keys: {a: {aliases: [a], protect: false, grants: {b: {grantee: role/Batch, operations: [Decrypt]}}}}\n";
    stack.applied(&desired(&text(declared)));
    let of = |rest: &str, plan: bool| {
        let desired = desired(&text(rest));
        let plan = plan.then(|| stack.plan_only(&desired));
        permissions(&Ask {
            desired: &desired,
            state: &stack.state,
            stateless: false,
            plan: plan.as_ref(),
            purposes: &BTreeSet::from([Purpose::Apply]),
            exported: &Exported::default(),
            objects: None,
            split: false,
            principal: "arn:aws:iam::111122223333:role/deploy",
        })
    };
    let removed = |untag: bool| {
        format!("keys: {{}}\nremoved: [{{address: key/a, action: forget, untag: {untag}}}]\n")
    };
    for plan in [false, true] {
        let found = of(&removed(true), plan);
        let untag = statement(&found, "UntagKeys");
        let tags = serde_json::json!(["kmsctl:name", "kmsctl:nonce", "kmsctl:stack"]);
        assert_eq!(untag["Condition"]["ForAllValues:StringEquals"]["aws:TagKeys"], tags);
        for found in [found, of(&removed(false), plan)] {
            let all = &actions(&found)["kmsctl"];
            for action in ["kms:ScheduleKeyDeletion", "kms:RevokeGrant", "kms:DeleteAlias"] {
                assert!(!all.contains(action), "{action}");
            }
        }
    }
    // A duplicate is deleted by its ARN, if nothing depends on it.
    let arn = "arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-3333-4444-555555555555";
    let found = of(&format!("{declared}removed: [{{address: '{arn}', action: delete}}]\n"), false);
    let deleting = found.documents.iter().flat_map(|document| &document.statements);
    let mut deleting = deleting.filter(|one| one.actions.contains("kms:ScheduleKeyDeletion"));
    assert!(deleting.any(|one| one.resources.contains(arn)));
    assert!(actions(&found)["kmsctl"].contains("kms:GetKeyLastUsage"));
}

/// `kmsctl rotate` and `kmsctl impact` find keys by the names that the state has for them.
#[test]
fn every_command_that_finds_keys_reads_the_state_and_rotate_reads_the_rotation() {
    let objects = StateObjects { bucket: "b".to_owned(), key: "k".to_owned() };
    for purpose in Purpose::ALL {
        let found = permissions(&Ask {
            desired: &desired(STACK),
            state: &state(),
            stateless: false,
            plan: None,
            purposes: &BTreeSet::from([purpose]),
            exported: &Exported::default(),
            objects: Some(&objects),
            split: false,
            principal: "arn:aws:iam::111122223333:role/deploy",
        });
        let all = &actions(&found)["kmsctl"];
        assert_eq!(all.contains("s3:GetObject"), purpose != Purpose::Export, "{purpose:?}");
    }
    let rotate = of(STACK, &[Purpose::Rotate], false);
    assert!(actions(&rotate)["kmsctl"].contains("kms:GetKeyRotationStatus"));
}

#[test]
fn a_state_in_s3_needs_two_objects() {
    let objects = StateObjects { bucket: "states".to_owned(), key: "team/demo".to_owned() };
    let desired = desired(STACK);
    let found = permissions(&Ask {
        desired: &desired,
        state: &state(),
        stateless: false,
        plan: None,
        purposes: &BTreeSet::from([Purpose::Apply]),
        exported: &Exported::default(),
        objects: Some(&objects),
        split: true,
        principal: "arn:aws:iam::111122223333:role/deploy",
    });
    let names = ["arn:aws:s3:::states/team/demo.json", "arn:aws:s3:::states/team/demo.lease"];
    assert_eq!(statement(&found, "WriteState")["Resource"], serde_json::json!(names));
    assert!(actions(&found)["reader"].contains("s3:GetObject"));
    assert!(!actions(&found)["reader"].contains("s3:PutObject"));
}

const SMALL: &str = "
stack: demo
region: eu-central-1
keys: {data: {policy: {administrators: [role/Admin, role/Other], delegate_to_iam: false}}}
";

#[test]
fn every_format_matches_its_snapshot() {
    use kmsctl::render::{Style, permissions as render};
    let found = of(SMALL, &[Purpose::Apply], true);
    insta::assert_snapshot!("permissions_text", render::text(&found, &Style::default()));
    insta::assert_snapshot!("permissions_iam", render::iam(&found));
    insta::assert_snapshot!("permissions_terraform", render::terraform(&found, "demo"));
    insta::assert_snapshot!("permissions_cloudformation", render::cloudformation(&found, "demo"));
    let json: Value = serde_json::from_str(&render::iam(&found)).unwrap();
    let names: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(names, ["reader", "applier", "escalation"]);
}
