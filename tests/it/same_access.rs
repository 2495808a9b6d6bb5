//! Live policies that are written differently from the declared ones and give the same access, and live policies
//! that AWS would refuse today.

use crate::build::{ACCOUNT, key_at};
use crate::consumers::{desired, operations};
use crate::world::Stack;
use kmsctl::desired::Desired;
use serde_json::{Value, json};

fn with_policy(policy: &str) -> Desired {
    desired(&format!("stack: stack\nregion: eu-central-1\nkeys: {{k: {{policy: {policy}}}}}\n"))
}

const ROLES: &str = "administrators: [role/Admin], users: [role/App]";

/// Applies a policy and replaces its text in AWS.
fn changed(policy: &str, change: impl FnOnce(&mut Value)) -> Stack {
    let mut stack = Stack::new(7);
    stack.applied(&with_policy(policy));
    stack.fake.tamper("k", |key| change(&mut key.policy));
    stack
}

fn statements(policy: &mut Value) -> &mut Vec<Value> {
    policy["Statement"].as_array_mut().unwrap()
}

/// Returns the statement for the users of the key. The order of statements in AWS is not that of the declaration.
fn of_users(policy: &mut Value) -> &mut Value {
    let mut all = statements(policy).iter_mut();
    all.find(|statement| statement["Sid"] == "Allow use of the key").unwrap()
}

/// Asserts that a plan makes no call, and says that the text of the policy differs.
fn assert_same(stack: &mut Stack, all: &Desired, what: &str) {
    let plan = stack.applied(all);
    assert!(plan.steps.is_empty() && plan.blocked.is_empty(), "{what}: {plan:#?}");
    assert!(plan.drift.is_empty(), "{:#?}", plan.drift);
    assert_eq!(plan.same_access, [key_at("k")].into());
    let drifts = stack.drifts(all);
    assert!(drifts.drift.is_empty(), "{:#?}", drifts.drift);
    assert_eq!(drifts.same_access, [key_at("k")].into());
    // The record is up to date: it has the live policy.
    assert!(stack.plan_only(all).remember.is_empty());
}

fn assert_written(stack: &Stack, all: &Desired, what: &str) {
    let plan = stack.plan_only(all);
    assert_eq!(operations(&plan), ["PutKeyPolicy"], "{what}: {plan:#?}");
    assert!(plan.same_access.is_empty());
    assert!(!stack.drifts(all).drift.is_empty());
}

/// The policy that the KMS console writes for a symmetric key.
fn of_console() -> Value {
    json!({
        "Version": "2012-10-17",
        "Id": "key-consolepolicy-3",
        "Statement": [
            {
                "Sid": "Enable IAM User Permissions", "Effect": "Allow",
                "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")},
                "Action": "kms:*", "Resource": "*"
            },
            {
                "Sid": "Allow access for Key Administrators", "Effect": "Allow",
                "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:role/Admin")},
                "Action": [
                    "kms:Create*", "kms:Describe*", "kms:Enable*", "kms:List*", "kms:Put*",
                    "kms:Update*", "kms:Revoke*", "kms:Disable*", "kms:Get*", "kms:Delete*",
                    "kms:TagResource", "kms:UntagResource", "kms:ScheduleKeyDeletion",
                    "kms:CancelKeyDeletion", "kms:RotateKeyOnDemand"
                ],
                "Resource": "*"
            },
            {
                "Sid": "Allow use of the key", "Effect": "Allow",
                "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:role/App")},
                "Action": [
                    "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*",
                    "kms:DescribeKey"
                ],
                "Resource": "*"
            },
            {
                "Sid": "Allow attachment of persistent resources", "Effect": "Allow",
                "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:role/App")},
                "Action": ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"],
                "Resource": "*", "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}}
            }
        ]
    })
}

#[test]
fn the_policy_of_the_console_is_taken_as_it_is() {
    let policy = format!("{{{ROLES}}}");
    let mut stack = changed(&policy, |live| *live = of_console());
    assert_same(&mut stack, &with_policy(&policy), "console");
}

#[test]
fn a_key_is_taken_over_with_the_policy_of_the_console() {
    let mut stack = changed("{}", |live| *live = of_console());
    let arn = stack.fake.key("k").meta.arn.to_string();
    stack.fake.tamper("k", |key| key.tags.clear());
    stack.state.records.clear();
    let all = with_policy(&format!("{{{ROLES}}}, adopt: '{arn}'"));
    let plan = stack.applied(&all);
    assert!(plan.steps.is_empty(), "{plan:#?}");
    assert_eq!(plan.same_access, [key_at("k")].into());
    assert!(plan.access.is_empty(), "{:#?}", plan.access);
    // Marking the key as the stack's is a step of its own.
    let plan = stack.applied(&with_policy(&format!("{{{ROLES}}}, adopt: '{arn}', tag: true")));
    assert_eq!(operations(&plan), ["TagResource"], "{plan:#?}");
    assert!(stack.plan_only(&all).steps.is_empty(), "the tags stay");
}

#[test]
fn other_texts_with_the_same_access_make_no_call() {
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 5] = [
        ("another Id", |live| live["Id"] = json!("by-hand")),
        ("other Sids", |live| {
            for (number, statement) in statements(live).iter_mut().enumerate() {
                statement["Sid"] = json!(format!("s{number}"));
            }
        }),
        ("a statement twice", |live| {
            let mut copy = of_users(live).clone();
            copy["Sid"] = json!("again");
            statements(live).push(copy);
        }),
        ("a statement in two", |live| {
            let mut second = of_users(live).clone();
            of_users(live)["Action"] = json!(["kms:Encrypt", "kms:ReEncrypt*"]);
            second["Sid"] = json!("second");
            second["Action"] = json!(["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey*"]);
            statements(live).push(second);
        }),
        ("a statement that another one covers", |live| {
            let mut covered = of_users(live).clone();
            covered["Sid"] = json!("covered");
            covered["Action"] = json!("kms:Decrypt");
            covered["Condition"] = json!({"Bool": {"aws:SecureTransport": "true"}});
            statements(live).push(covered);
        }),
    ];
    let policy = format!("{{{ROLES}}}");
    for (name, change) in changes {
        let mut stack = changed(&policy, change);
        assert_same(&mut stack, &with_policy(&policy), name);
    }
}

#[test]
fn other_access_is_written() {
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 5] = [
        ("one action more", |live| {
            of_users(live)["Action"] = json!(["kms:*"]);
        }),
        ("one action less", |live| {
            of_users(live)["Action"].as_array_mut().unwrap().pop();
        }),
        // `kms:ReEncrypt*` may match actions that AWS adds.
        ("future actions", |live| {
            let actions = of_users(live)["Action"].as_array_mut().unwrap();
            actions.retain(|action| action != "kms:ReEncrypt*");
            actions.extend([json!("kms:ReEncryptFrom"), json!("kms:ReEncryptTo")]);
        }),
        ("an unknown element", |live| of_users(live)["Until"] = json!("2027")),
        ("the unique id of the same role, which was deleted and made again", |live| {
            of_users(live)["Principal"]["AWS"] = json!("AROAABCDEFGHIJKLMNOPQ");
        }),
    ];
    let policy = format!("{{{ROLES}}}");
    for (name, change) in changes {
        let stack = changed(&policy, change);
        assert_written(&stack, &with_policy(&policy), name);
    }
}

#[test]
fn an_exact_text_is_written() {
    let policy = format!("{{{ROLES}, text: exact}}");
    let mut stack = changed(&policy, |live| *live = of_console());
    let all = with_policy(&policy);
    assert_written(&stack, &all, "exact");
    stack.applied(&all);
    assert!(stack.plan_only(&all).is_empty());
}

#[test]
fn another_change_of_the_key_leaves_the_text() {
    let mut stack = changed(&format!("{{{ROLES}}}"), |live| *live = of_console());
    let all = with_policy(&format!("{{{ROLES}}}, description: new"));
    let plan = stack.plan_only(&all);
    assert_eq!(operations(&plan), ["UpdateKeyDescription"], "{plan:#?}");
    stack.applied(&all);
    assert_eq!(stack.fake.key("k").policy, of_console());
}

#[test]
fn the_rest_of_a_deleted_identity_is_removed() {
    let policy = format!("{{{ROLES}}}");
    let stack = changed(&policy, |live| {
        let root = format!("arn:aws:iam::{ACCOUNT}:role/App");
        of_users(live)["Principal"]["AWS"] = json!([root, "AIDAABCDEFGHIJKLMNOPQ"]);
    });
    assert_written(&stack, &with_policy(&policy), "deleted");
}

/// A statement for a deleted user, which AWS holds, and refuses in a call.
const DEAD: &str = "{Sid: dead, Effect: Allow, Principal: {AWS: AIDAABCDEFGHIJKLMNOPQ}, \
                    Action: 'kms:Decrypt', Resource: '*'}";

fn add_dead(live: &mut Value) {
    statements(live).push(json!({
        "Sid": "dead", "Effect": "Allow", "Principal": {"AWS": "AIDAABCDEFGHIJKLMNOPQ"},
        "Action": "kms:Decrypt", "Resource": "*"
    }));
}

#[test]
fn a_deleted_identity_that_aws_holds_already_is_a_finding() {
    let held = with_policy(&format!("{{{ROLES}, statements: [{DEAD}]}}"));
    let mut stack = changed(&format!("{{{ROLES}}}"), add_dead);
    let plan = stack.applied(&held);
    assert!(plan.is_empty(), "{plan:#?}");
    assert!(plan.findings.iter().any(|f| f.rule == "KMS204"), "{:#?}", plan.findings);
    // A call with it would fail.
    let wider =
        with_policy(&format!("{{{ROLES}, decrypt_only: [role/Job], statements: [{DEAD}]}}"));
    let plan = stack.plan_only(&wider);
    let [blocked] = plan.blocked.as_slice() else { panic!("{plan:#?}") };
    assert!(blocked.reason.ends_with("[KMS204]"), "{blocked:?}");
    // Other settings of the key can change.
    let text = format!("{{{ROLES}, statements: [{DEAD}]}}, description: new");
    assert_eq!(operations(&stack.plan_only(&with_policy(&text))), ["UpdateKeyDescription"]);
}

#[test]
fn a_document_with_a_deleted_identity_is_read() {
    let root = format!(
        "{{Effect: Allow, Principal: {{AWS: 'arn:aws:iam::{ACCOUNT}:root'}}, Action: 'kms:*', Resource: '*'}}"
    );
    let document = |more: &str| {
        with_policy(&format!("{{document: {{Version: '2012-10-17', Statement: [{root}{more}]}}}}"))
    };
    let mut stack = changed("{}", |live| {
        add_dead(live);
        live["Id"] = json!("by-hand");
    });
    assert!(stack.applied(&document(&format!(", {DEAD}"))).is_empty());
}

#[test]
fn a_deleted_identity_in_the_policy_of_another_owner_blocks_the_call() {
    let ours = "{ownership: shared, statements: [{Sid: ours, Effect: Allow, Action: 'kms:Decrypt', \
                Principal: {AWS: 'arn:aws:iam::111122223333:role/Job'}, Resource: '*'}]}";
    let stack = changed("{}", add_dead);
    let plan = stack.plan_only(&with_policy(ours));
    let [blocked] = plan.blocked.as_slice() else { panic!("{plan:#?}") };
    assert!(blocked.reason.contains("AIDAABCDEFGHIJKLMNOPQ"), "{blocked:?}");
    assert!(blocked.reason.ends_with("[KMS204]"), "{blocked:?}");
}

/// The console gives the users of an asymmetric key the operations of its usage.
#[test]
fn users_may_do_what_the_key_is_for() {
    let allowed = |settings: &str| -> Value {
        let text = format!(
            "stack: stack\nregion: eu-central-1\nkeys: {{k: {{{settings}, policy: {{{ROLES}}}}}}}\n"
        );
        let policy = crate::consumers::policy(&desired(&text), "k");
        policy["Statement"][2]["Action"].clone()
    };
    assert_eq!(
        allowed("spec: ECC_NIST_P256, usage: SIGN_VERIFY"),
        json!(["kms:DescribeKey", "kms:GetPublicKey", "kms:Sign", "kms:Verify"])
    );
    assert_eq!(
        allowed("spec: RSA_3072, usage: ENCRYPT_DECRYPT"),
        json!([
            "kms:Encrypt",
            "kms:Decrypt",
            "kms:ReEncrypt*",
            "kms:DescribeKey",
            "kms:GetPublicKey"
        ])
    );
    assert_eq!(
        allowed("spec: ECC_NIST_P384, usage: KEY_AGREEMENT"),
        json!(["kms:DescribeKey", "kms:GetPublicKey", "kms:DeriveSharedSecret"])
    );
    assert_eq!(
        allowed("spec: HMAC_256, usage: GENERATE_VERIFY_MAC"),
        json!(["kms:DescribeKey", "kms:GenerateMac", "kms:VerifyMac"])
    );
}

/// Permissions boundaries limit a role that is named by its ARN, and not a wildcard with a condition.
#[test]
fn another_form_of_the_same_principal_is_written() {
    let policy = format!("{{{ROLES}}}");
    let stack = changed(&policy, |live| {
        let users = of_users(live);
        users["Principal"] = json!({"AWS": "*"});
        let role = format!("arn:aws:iam::{ACCOUNT}:role/App");
        users["Condition"] = json!({"ArnEquals": {"aws:PrincipalArn": role}});
    });
    assert_written(&stack, &with_policy(&policy), "wildcard");
}

/// AWS accepted statements without `Resource` once, and they have no effect.
#[test]
fn a_live_policy_that_stays_has_findings() {
    let policy = format!("{{{ROLES}}}");
    let mut stack = changed(&policy, |live| {
        let mut old = of_users(live).clone();
        old["Sid"] = json!("old");
        old.as_object_mut().unwrap().remove("Resource");
        statements(live).push(old);
    });
    let all = with_policy(&policy);
    let found = stack.plan_only(&all).findings;
    let old = found.iter().find(|found| found.rule == "KMS402").unwrap();
    assert!(old.message.contains("would refuse it in a call"), "{old:?}");
    assert_same(&mut stack, &all, "old");
}
