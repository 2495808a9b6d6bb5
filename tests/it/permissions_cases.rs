//! Permissions of replicas, and of exports.

use crate::permissions::{actions, of, of_plan, statement};
use crate::world::Stack;
use kmsctl::permissions::Purpose;

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
