//! Permissions of replicas, and of exports.

use crate::consumers::desired;
use crate::permissions::{actions, of, of_plan, of_state, statement, with_records};
use crate::world::Stack;
use kmsctl::permissions::{Permissions, Purpose};
use std::collections::BTreeSet;

#[test]
fn replicas_need_the_primary_key_and_the_region_of_the_replica() {
    let text = "stack: demo\nregion: eu-central-1\nkeys:\n  a: {multi_region: true, \
                replicas: {eu-west-1: {}}, policy: {administrators: [root], delegate_to_iam: true}}\n";
    let found = of(text, &[Purpose::Apply], false);
    let one = statement(&found, "ReplicateKeys");
    assert_eq!(one["Resource"], "arn:aws:kms:eu-central-1:111122223333:key/*");
    assert_eq!(one["Condition"]["StringEquals"]["kms:ReplicaRegion"], "eu-west-1");
    assert!(actions(&found)["kmsctl"].contains("iam:CreateServiceLinkedRole"));
    assert!(found.notes.iter().any(|note| note.contains("CreateReplicas")));
    let creates = statement(&found, "CreateReplicas");
    assert_eq!(creates["Condition"]["BoolIfExists"]["kms:MultiRegion"], "true");
    assert!(creates["Condition"].get("Bool").is_none(), "{creates}");
    // A replica has the same key material, and a policy of its own.
    assert!(actions(&of(text, &[Purpose::Apply], true))["escalation"].contains("kms:ReplicateKey"));
    // ReplicateKey goes to the Region of the primary key. AWS checks the creation in the Region of the replica.
    let planned = of_plan(&Stack::new(1), text);
    let creates = statement(&planned, "CreateReplicas");
    assert_eq!(creates["Condition"]["StringEquals"]["aws:RequestedRegion"], "eu-west-1");
    let one = statement(&planned, "ReplicateKeys");
    assert_eq!(one["Resource"], "arn:aws:kms:eu-central-1:111122223333:key/*");
    let creates = statement(&found, "CreateKeys");
    assert_eq!(creates["Condition"]["StringEquals"]["aws:RequestedRegion"], "eu-central-1");
}

/// An export reads the keys of one account, whatever accounts the configuration names.
#[test]
fn an_export_needs_nothing_in_other_accounts() {
    let text = "stack: demo
region: eu-central-1
accounts: {away: {id: \"444455556666\", role: role/kms}}
keys:
  far:
    existing: \"arn:aws:kms:eu-central-1:444455556666:key/11111111-2222-3333-4444-555555555555\"
    grants: {g: {grantee: role/Web, operations: [Decrypt], account: away}}
  near: {}
";
    let found = of(text, &[Purpose::Export], false);
    assert_eq!(found.documents.len(), 1, "{:?}", found.documents);
    let all = &actions(&found)["kmsctl"];
    assert!(all.contains("kms:ListKeys") && !all.contains("sts:AssumeRole"), "{all:?}");
    let json = serde_json::to_string(&found.documents[0].json()).unwrap();
    assert!(!json.contains("444455556666"), "{json}");
    // A plan assumes the role, also beside an export.
    for purposes in [&[Purpose::Plan][..], &[Purpose::Plan, Purpose::Export]] {
        let found = of(text, purposes, false);
        assert!(actions(&found)["kmsctl"].contains("sts:AssumeRole"), "{purposes:?}");
        assert_eq!(found.documents.len(), 2, "{purposes:?}");
    }
}

/// Keys of which each needs something else.
const DIFFERENT: &str = "
stack: demo
region: eu-central-1
keys:
  safe: {description: Safe, policy: POLICY}
  busy:
    policy: POLICY
    multi_region: true
    replicas: {eu-west-1: {policy: POLICY}}
    rotation: {period_days: 180}
    aliases: [busy]
    grants: {g: {grantee: role/Batch, operations: [Decrypt]}}
  gone: {protect: false, policy: POLICY}
  off: {enabled: false, policy: POLICY}
";

fn different() -> String {
    let policy = "{administrators: [role/Admin, role/Other], delegate_to_iam: false}";
    DIFFERENT.replace("POLICY", policy)
}

/// What one key needs is no right on another one, neither in the keys' own policies nor in IAM.
#[test]
fn the_statement_for_a_key_has_only_what_that_key_needs() {
    let found = of(&different(), &[Purpose::Apply], false);
    let rights = |key: &str| {
        let own = found.key_statements.iter().filter(|one| one.keys.contains(key));
        let all = own.flat_map(|one| &one.statements).flat_map(|one| &one.actions);
        all.map(|action| action.trim_start_matches("kms:")).collect::<BTreeSet<&str>>()
    };
    let of_one = [
        ("key/busy", "CreateGrant"),
        ("key/busy", "RevokeGrant"),
        ("key/busy", "ReplicateKey"),
        ("key/busy", "EnableKeyRotation"),
        ("key/busy", "CreateAlias"),
        ("key/gone", "ScheduleKeyDeletion"),
        ("key/off", "DisableKey"),
    ];
    for (owner, action) in of_one {
        for key in ["key/safe", "key/busy", "key/gone", "key/off"] {
            let has = rights(key).contains(action);
            assert_eq!(has, key == owner, "{action} on {key}");
        }
    }
    for key in ["key/safe", "key/busy", "key/gone", "key/off"] {
        assert!(rights(key).contains("PutKeyPolicy") && rights(key).contains("DescribeKey"));
    }
}

/// Returns the names of the keys, or the ARNs, that a statement is about.
fn bound(found: &Permissions, sid: &str) -> (String, String) {
    let one = statement(found, sid);
    assert_eq!(one["Condition"]["StringEquals"]["aws:ResourceTag/kmsctl:stack"], "demo", "{one}");
    let name = &one["Condition"]["StringEquals"]["aws:ResourceTag/kmsctl:name"];
    (one["Resource"].to_string(), name.to_string())
}

#[test]
fn a_key_that_is_protected_cannot_be_deleted_because_another_one_is_not() {
    let any = "\"arn:aws:kms:eu-central-1:111122223333:key/*\"".to_owned();
    let new = of(&different(), &[Purpose::Apply], false);
    let quoted = |name: &str| format!("\"{name}\"");
    assert_eq!(bound(&new, "DeleteKeys"), (any.clone(), quoted("gone")));
    assert_eq!(bound(&new, "DisableKeys"), (any.clone(), quoted("off")));
    assert_eq!(bound(&new, "CreateGrants"), (any.clone(), quoted("busy")));
    assert_eq!(bound(&new, "ReplicateKeys"), (any.clone(), quoted("busy")));
    let says = |found: &Permissions| {
        found.notes.iter().any(|note| note.contains("can be deleted by its tag kmsctl:name"))
    };
    assert!(says(&new), "{:?}", new.notes);

    // The ARN is known once the key is recorded. No tag changes it.
    let mut stack = Stack::new(1);
    stack.applied(&desired(&different()));
    let recorded = of_state(&stack, &different());
    let arn = stack.fake.key("gone").meta.arn;
    assert_eq!(bound(&recorded, "DeleteKeys"), (format!("\"{arn}\""), "null".to_owned()));
    // A plan may create the key anew, with another ARN.
    assert_eq!(bound(&recorded, "DisableKeys"), (any, quoted("off")));
    assert!(!says(&recorded), "{:?}", recorded.notes);
    // A grant of the record is no right on the other keys.
    let safe = recorded.key_statements.iter().find(|one| one.keys.contains("key/safe")).unwrap();
    let actions = safe.statements.iter().flat_map(|one| &one.actions);
    assert!(!actions.copied().any(|action| action == "kms:RevokeGrant"), "{safe:?}");
}

#[test]
fn a_resource_with_an_id_can_be_deleted_only_if_it_is_not_protected() {
    let text = "stack: demo\nregion: eu-central-1\nkeys: {a: {}}\nebs:\n  volumes:\n    \
                safe: {availability_zone: eu-central-1a, size_gib: 1, key: a}\n    \
                gone: {availability_zone: eu-central-1a, size_gib: 1, key: a, protect: false}\n";
    let mut stack = Stack::new(1);
    let (any, named) = bound(&of(text, &[Purpose::Apply], false), "DeleteEbsVolume");
    assert!(any.ends_with(":volume/*\"") && named == "\"gone\"", "{any} {named}");
    stack.applied(&desired(text));
    let id = &stack.state.records[&"ebs_volume/gone".parse().unwrap()].id;
    let (arn, named) = bound(&of_state(&stack, text), "DeleteEbsVolume");
    assert!(arn.ends_with(&format!(":volume/{id}\"")) && named == "null", "{arn} {named}");
}

/// A key keeps its old tag until the plan sets the new one.
#[test]
fn a_moved_key_has_two_names() {
    let text = "stack: demo\nregion: eu-central-1\nkeys: {new: {enabled: false}}\n\
                moved: [{from: key/old, to: key/new}]\n";
    let (_, names) = bound(&of(text, &[Purpose::Apply], false), "DisableKeys");
    assert_eq!(names, "[\"new\",\"old\"]");
}

/// Without records, a plan finds the grants of the stack by their names, and revokes what is not declared.
#[test]
fn without_records_the_grants_of_declared_keys_can_be_revoked() {
    let arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let text = format!(
        "stack: demo\nregion: eu-central-1\nkeys: {{x: {{}}, e: {{existing: \"{arn}\"}}}}\n"
    );
    let says = |found: &Permissions| found.notes.iter().any(|note| note.contains("--state none"));
    let found = with_records(&text, &[Purpose::Apply], false, true);
    let all: Vec<String> = ["RevokeGrants", "RevokeGrants2"]
        .map(|sid| statement(&found, sid)["Resource"].to_string())
        .into();
    let named = |end: &str| all.iter().any(|one| one.ends_with(end));
    assert!(named("key/*\"") && named("90ab\""), "{all:?}");
    assert!(says(&found), "{:?}", found.notes);
    assert!(says(&with_records(&text, &[Purpose::Plan], false, true)));
    assert!(!says(&with_records(&text, &[Purpose::Export], false, true)));
    // The records name the grants that leave.
    let found = of(&text, &[Purpose::Apply], false);
    assert!(!actions(&found)["kmsctl"].contains("kms:RevokeGrant") && !says(&found));
    let mut stack = Stack::new(1);
    let grants = "x: {grants: {g: {grantee: role/app, operations: [Decrypt]}}}";
    let own = "stack: demo\nregion: eu-central-1\nkeys: {x: {}}\n";
    stack.applied(&desired(&own.replace("x: {}", grants)));
    assert!(actions(&of_state(&stack, own))["kmsctl"].contains("kms:RevokeGrant"));
}

/// The ARN of a role that does not exist has no path, because the request has only its name.
#[test]
fn a_missing_service_linked_role_can_be_looked_for() {
    let text = "stack: demo\nregion: eu-central-1\nkeys: {}\n\
                service_linked_roles: [{service: autoscaling.amazonaws.com}]\n";
    for purpose in [Purpose::Plan, Purpose::Drift, Purpose::Apply] {
        let roles =
            statement(&of(text, &[purpose], false), "ReadIdentities")["Resource"].to_string();
        for path in ["", "aws-service-role/autoscaling.amazonaws.com/"] {
            let arn =
                format!("\"arn:aws:iam::111122223333:role/{path}AWSServiceRoleForAutoScaling\"");
            assert!(roles.contains(&arn), "{purpose:?}: {roles}");
        }
    }
}

/// A plan looks for the identities that its calls name, and no others.
#[test]
fn a_plan_that_only_revokes_looks_for_nobody() {
    let text = "stack: demo\nregion: eu-central-1\nkeys: {x: {grants: {g: {grantee: role/app, operations: [Decrypt]}}}}\n";
    let mut stack = Stack::new(1);
    assert!(actions(&of_plan(&stack, text))["kmsctl"].contains("iam:GetRole"));
    stack.applied(&desired(text));
    let revokes = of_plan(&stack, "stack: demo\nregion: eu-central-1\nkeys: {x: {}}\n");
    let all = &actions(&revokes)["kmsctl"];
    assert!(all.contains("kms:RevokeGrant") && !all.contains("iam:GetRole"), "{all:?}");
}
