//! Tests of resolving: keys, policies, grants.

use super::load::{Given, from_sources};
use super::*;
use crate::decode::{Diagnostics, Sources, Spanned};
use crate::desired::{Adopt, Desired};
use crate::kind::{KeyRef, Spec};
use crate::tree::Span;

pub(super) fn here() -> Surroundings {
    Surroundings {
        account: "111122223333".parse().unwrap(),
        region: "ap-northeast-2".parse().unwrap(),
    }
}

/// Returns a value as the command line gives it.
pub(super) fn given(value: &str) -> Spanned<String> {
    Spanned { value: value.to_owned(), span: Span::default() }
}

pub(super) fn all(files: &[(&str, &str)], vars: &[(&str, &str)]) -> (Option<Desired>, String) {
    let mut sources = Sources::new();
    let numbers: Vec<u16> = files.iter().map(|(name, text)| sources.add(*name, *text)).collect();
    let vars: Given = vars.iter().map(|(name, value)| ((*name).to_owned(), given(value))).collect();
    let mut d = Diagnostics::default();
    let mut loaded = from_sources(sources, &numbers, &vars, &mut d);
    let (desired, more) = loaded.resolve(&here());
    d.extend(more);
    assert_eq!(desired.is_none(), d.has_errors());
    (desired, d.render(&loaded.sources, false, None))
}

pub(super) fn good(text: &str) -> Desired {
    let (desired, report) = all(&[("a.yaml", text)], &[]);
    assert_eq!(report, "");
    desired.unwrap()
}

/// The report of keys under a good head, without the head's lines.
pub(super) fn report(keys: &str) -> String {
    all(&[("a.yaml", &format!("stack: s\n{keys}"))], &[]).1
}

pub(super) const STORAGE: &str = r#"
stack: payments-prod
account: "111122223333"
region: ap-northeast-2
vars: {admin: user/umemoto}
defaults:
  tags: {team: payments}
  rotation: {period_days: 180}
  deletion_window_days: 20
accounts:
  workload: {id: "444455556666", role: role/kmsctl}
keys:
  storage:
    description: Encrypts EBS, EFS and RDS data
    aliases: [umemoto_KMS]
    tags: {Name: umemoto_KMS}
    enabled: true
    policy:
      administrators: ["${var.admin}"]
      users: ["${var.admin}", root, 444455556666]
      decrypt_only: [role/path/reporting]
      delegate_to_iam: true
      statements:
        - {Sid: Own, Effect: Allow, Principal: {AWS: "arn:aws:iam::${aws.account_id}:role/x"}, Action: "kms:Decrypt", Resource: "*"}
    grants:
      batch:
        grantee: role/batch
        operations: [Decrypt, GenerateDataKey]
        retiring: role/admin
        constraints: {encryption_context_subset: {app: batch}}
        account: workload
  other:
    region: eu-west-1
    aliases: [alias/umemoto_KMS]
    spec: RSA_2048
    usage: SIGN_VERIFY
    protect: false
    policy: {}
  taken: {adopt: alias/old}
  foreign:
    existing: arn:aws:kms:us-east-1:999900001111:key/1234abcd-12ab-34cd-56ef-1234567890ab
    grants: {g: {grantee: role/batch, operations: [Decrypt]}}
removed:
  - {address: key/legacy, action: forget}
"#;

#[test]
fn the_storage_example_is_resolved() {
    let desired = good(STORAGE);
    let mut sources = Sources::new();
    sources.add("a.yaml", STORAGE);
    let addresses: Vec<String> = desired
        .resources
        .iter()
        .map(|(address, d)| {
            format!("{address} {} {} {}", d.place, d.protect, sources.place(d.span))
        })
        .collect();
    insta::assert_snapshot!(addresses.join("\n"), @r##"
    key/other 111122223333 in eu-west-1 false a.yaml:32:3
    key/storage 111122223333 in ap-northeast-2 true a.yaml:13:3
    key/taken 111122223333 in ap-northeast-2 true a.yaml:39:3
    alias/umemoto_KMS 111122223333 in ap-northeast-2 false a.yaml:15:15
    alias/umemoto_KMS@eu-west-1 111122223333 in eu-west-1 false a.yaml:34:15
    grant/foreign/g 999900001111 in us-east-1 false a.yaml:42:14
    grant/storage/batch 111122223333 in ap-northeast-2 false a.yaml:26:7
    "##);
    let one = |address: &str| &desired.resources[&address.parse().unwrap()];
    let Spec::Key(storage) = &one("key/storage").spec else { panic!() };
    insta::assert_snapshot!(serde_json::to_string(storage).unwrap(), @r##"{"spec":null,"usage":null,"origin":null,"multi_region":null,"custom_key_store_id":null,"xks_key_id":null,"description":"Encrypts EBS, EFS and RDS data","enabled":true,"rotation":{"period_days":180},"policy":"{\"Version\":\"2012-10-17\",\"Id\":\"kmsctl\",\"Statement\":[{\"Sid\":\"Enable IAM User Permissions\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::111122223333:root\"},\"Action\":\"kms:*\",\"Resource\":\"*\"},{\"Sid\":\"Allow access for Key Administrators\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::111122223333:user/umemoto\"},\"Action\":[\"kms:Create*\",\"kms:Describe*\",\"kms:Enable*\",\"kms:List*\",\"kms:Put*\",\"kms:Update*\",\"kms:Revoke*\",\"kms:Disable*\",\"kms:Get*\",\"kms:Delete*\",\"kms:TagResource\",\"kms:UntagResource\",\"kms:ScheduleKeyDeletion\",\"kms:CancelKeyDeletion\",\"kms:RotateKeyOnDemand\"],\"Resource\":\"*\"},{\"Sid\":\"Allow use of the key\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":[\"arn:aws:iam::111122223333:user/umemoto\",\"arn:aws:iam::111122223333:root\",\"arn:aws:iam::444455556666:root\"]},\"Action\":[\"kms:Encrypt\",\"kms:Decrypt\",\"kms:ReEncrypt*\",\"kms:GenerateDataKey*\",\"kms:DescribeKey\"],\"Resource\":\"*\"},{\"Sid\":\"Allow attachment of persistent resources\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":[\"arn:aws:iam::111122223333:user/umemoto\",\"arn:aws:iam::111122223333:root\",\"arn:aws:iam::444455556666:root\"]},\"Action\":[\"kms:CreateGrant\",\"kms:ListGrants\",\"kms:RevokeGrant\"],\"Resource\":\"*\",\"Condition\":{\"Bool\":{\"kms:GrantIsForAWSResource\":\"true\"}}},{\"Sid\":\"Allow decryption with the key\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::111122223333:role/path/reporting\"},\"Action\":[\"kms:Decrypt\",\"kms:DescribeKey\"],\"Resource\":\"*\"},{\"Sid\":\"Own\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::111122223333:role/x\"},\"Action\":\"kms:Decrypt\",\"Resource\":\"*\"}]}","allow_lockout":null,"tags":{"Name":"umemoto_KMS","kmsctl:name":"storage","kmsctl:stack":"payments-prod","team":"payments"},"deletion_window_days":20,"deletion":null}"##);
    let Spec::Grant(batch) = &one("grant/storage/batch").spec else { panic!() };
    insta::assert_snapshot!(serde_json::to_string(batch).unwrap(), @r##"{"key":"key/storage","grantee":"arn:aws:iam::111122223333:role/batch","retiring":"arn:aws:iam::111122223333:role/admin","operations":["Decrypt","GenerateDataKey"],"constraints":{"EncryptionContextSubset":{"app":"batch"}},"account":"444455556666"}"##);
    let Spec::Key(other) = &one("key/other").spec else { panic!() };
    assert_eq!(other.rotation, None);
    assert!(other.policy.as_ref().unwrap().to_json().contains(":root"));
    let Spec::Grant(foreign) = &one("grant/foreign/g").spec else { panic!() };
    assert_eq!(foreign.issuer.as_ref().unwrap().as_str(), "111122223333");
    assert!(matches!(foreign.key, KeyRef::Arn(_)));
    assert!(matches!(one("key/taken").adopt, Some(Adopt::Alias(_))));
    assert_eq!(desired.key_facts.len(), 2);
    assert_eq!(desired.accounts.values().next().unwrap(), "arn:aws:iam::444455556666:role/kmsctl");
    assert_eq!(desired.forget.len(), 1);
}

#[test]
fn all_invalid_principals_are_reported() {
    insta::assert_snapshot!(report(
        "keys:\n  k:\n    policy:\n      users:\n        - AROAEXAMPLEID12345\n        - 11111111111\n        - arn:aws:iam:111122223333:role/x\n        - role/*\n        - group/devs\n        - umemoto\n        - ec2.amazonaws.com\n        - arn:aws-cn:iam::111122223333:role/x\n"
    ), @r##"
    error: `AROAEXAMPLEID12345` is the unique id of a deleted user or role
     --> a.yaml:6:11
      |
    6 |         - AROAEXAMPLEID12345
      |           ^^^^^^^^^^^^^^^^^^
      |
      = help: name the ARN of an existing user or role, or remove it

    error: the account `11111111111` has 11 digits
     --> a.yaml:7:11
      |
    7 |         - 11111111111
      |           ^^^^^^^^^^^
      |
      = help: an account id has 12 digits

    error: `arn:aws:iam:111122223333:role/x` is not a principal
     --> a.yaml:8:11
      |
    8 |         - arn:aws:iam:111122223333:role/x
      |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write `role/NAME`, `user/NAME`, `root`, a 12-digit account or a whole ARN (`arn:aws:iam::ACCOUNT:role/NAME`)

    error: `role/*` has a wildcard
     --> a.yaml:9:11
      |
    9 |         - role/*
      |           ^^^^^^
      |
      = help: name each one, or write a statement with a condition on `aws:PrincipalArn`

    error: `group/devs` is a group, and groups are never principals
      --> a.yaml:10:11
       |
    10 |         - group/devs
       |           ^^^^^^^^^^
       |
       = help: name its users, or a role they assume

    error: `umemoto` is not a principal
      --> a.yaml:11:11
       |
    11 |         - umemoto
       |           ^^^^^^^
       |
       = help: write `role/NAME`, `user/NAME`, `root`, a 12-digit account or a whole ARN (`arn:aws:iam::ACCOUNT:role/NAME`)

    error: `ec2.amazonaws.com` is a service
      --> a.yaml:12:11
       |
    12 |         - ec2.amazonaws.com
       |           ^^^^^^^^^^^^^^^^^
       |
       = help: a service is named in a statement of the key policy, under `statements`

    error: `arn:aws-cn:iam::111122223333:role/x` is in the partition `aws-cn`, the key in `aws`
      --> a.yaml:13:11
       |
    13 |         - arn:aws-cn:iam::111122223333:role/x
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: name an identity of the partition `aws`, or correct the Region (or `--partition`) of the key

    8 errors.
    "##);
}

#[test]
fn an_alias_is_declared_for_one_key() {
    insta::assert_snapshot!(report(
        "keys:\n  a: {aliases: [x, alias/x, alias/aws/ebs, my-alias/y]}\n  b:\n    aliases: [x]\n  c: {region: eu-west-1, aliases: [x]}\n"
    ), @r##"
    error: `alias/x` is listed twice
     --> a.yaml:3:20
      |
    3 |   a: {aliases: [x, alias/x, alias/aws/ebs, my-alias/y]}
      |                 -  ^^^^^^^
      |                 |
      |                 first here
      |
      = help: an alias refers to one key of its Region: remove one of the two

    error: `alias/aws/ebs` is reserved for AWS managed keys
     --> a.yaml:3:29
      |
    3 |   a: {aliases: [x, alias/x, alias/aws/ebs, my-alias/y]}
      |                             ^^^^^^^^^^^^^
      |
      = help: choose a name that does not begin with `alias/aws/`

    error: `my-alias/y` does not begin with `alias/`
     --> a.yaml:3:44
      |
    3 |   a: {aliases: [x, alias/x, alias/aws/ebs, my-alias/y]}
      |                                            ^^^^^^^^^^
      |
      = help: write `alias/y`, or leave `alias/` out

    error: `alias/x` is an alias of two keys, `a` and `b`
     --> a.yaml:5:15
      |
    3 |   a: {aliases: [x, alias/x, alias/aws/ebs, my-alias/y]}
      |                 - first here
    4 |   b:
    5 |     aliases: [x]
      |               ^
      |
      = help: an alias refers to one key of its Region: remove one of the two

    4 errors.
    "##);
}

#[test]
fn fields_that_are_fixed_at_creation_are_checked_together() {
    insta::assert_snapshot!(report(
        "keys:\n  a: {spec: RSA_2084}\n  b: {spec: HMAC_256}\n  c: {spec: RSA_2048, usage: KEY_AGREEMENT}\n  d: {origin: AWS_CLOUDHSM, multi_region: true}\n  e: {xks_key_id: x, custom_key_store_id: y}\n  f: {origin: EXTERNAL}\n"
    ), @r##"
    error: `RSA_2084` is not a key spec
     --> a.yaml:3:13
      |
    3 |   a: {spec: RSA_2084}
      |             ^^^^^^^^
      |
      = help: did you mean `RSA_2048`?

    error: a key of spec HMAC_256 needs a `usage`
     --> a.yaml:4:13
      |
    4 |   b: {spec: HMAC_256}
      |             ^^^^^^^^
      |
      = help: one of GENERATE_VERIFY_MAC

    error: a key of spec RSA_2048 cannot be for `KEY_AGREEMENT`
     --> a.yaml:5:30
      |
    5 |   c: {spec: RSA_2048, usage: KEY_AGREEMENT}
      |                              ^^^^^^^^^^^^^
      |
      = help: it allows ENCRYPT_DECRYPT, SIGN_VERIFY

    error: a key of origin AWS_CLOUDHSM needs a `custom_key_store_id`
     --> a.yaml:6:15
      |
    6 |   d: {origin: AWS_CLOUDHSM, multi_region: true}
      |               ^^^^^^^^^^^^
      |
      = help: name the store, such as `cks-1234567890abcdef0`

    error: a key in a custom key store cannot have replicas
     --> a.yaml:6:43
      |
    6 |   d: {origin: AWS_CLOUDHSM, multi_region: true}
      |                                           ^^^^
      |
      = help: remove `multi_region` or `custom_key_store_id`

    error: a key of origin AWS_KMS has no `xks_key_id`
     --> a.yaml:7:19
      |
    7 |   e: {xks_key_id: x, custom_key_store_id: y}
      |                   ^
      |
      = help: remove it, or set `origin: EXTERNAL_KEY_STORE`

    error: a key of origin AWS_KMS is not in a custom key store
     --> a.yaml:7:43
      |
    7 |   e: {xks_key_id: x, custom_key_store_id: y}
      |                                           ^
      |
      = help: remove it, or set `origin: AWS_CLOUDHSM` or `EXTERNAL_KEY_STORE`

    warning: kmsctl does not import key material
     --> a.yaml:8:15
      |
    8 |   f: {origin: EXTERNAL}
      |               ^^^^^^^^
      |
      = help: the key cannot be used until you import it

    7 errors, 1 warning.
    "##);
}

#[test]
fn numbers_and_tags_have_limits() {
    insta::assert_snapshot!(report(
        "defaults: {deletion_window_days: 6}\nkeys:\n  a: {rotation: {period_days: 30}}\n  b: {rotation: {enabled: false, period_days: 90}}\n  c: {spec: HMAC_256, usage: GENERATE_VERIFY_MAC, rotation: {}}\n  d: {tags: {\"aws:x\": y, \"kmsctl:stack\": z}}\n"
    ), @r##"
    error: a deletion window of 6 days is not possible
     --> a.yaml:2:34
      |
    2 | defaults: {deletion_window_days: 6}
      |                                  ^
      |
      = help: AWS accepts 7 to 30

    error: a rotation period of 30 days is not possible
     --> a.yaml:4:31
      |
    4 |   a: {rotation: {period_days: 30}}
      |                               ^^
      |
      = help: AWS accepts 90 to 2560

    error: a rotation that is switched off has no period
     --> a.yaml:5:47
      |
    5 |   b: {rotation: {enabled: false, period_days: 90}}
      |                                               ^^
      |
      = help: remove `period_days`, or `enabled: false`

    error: a key of spec HMAC_256 and origin AWS_KMS cannot rotate
     --> a.yaml:6:61
      |
    6 |   c: {spec: HMAC_256, usage: GENERATE_VERIFY_MAC, rotation: {}}
      |                                                             ^
      |
      = help: remove `rotation`: only symmetric keys with material that AWS created rotate

    error: the tag `aws:x` is reserved
     --> a.yaml:7:14
      |
    7 |   d: {tags: {"aws:x": y, "kmsctl:stack": z}}
      |              ^^^^^^^
      |
      = help: choose a key without `aws:`

    error: the tag `kmsctl:stack` is reserved
     --> a.yaml:7:26
      |
    7 |   d: {tags: {"aws:x": y, "kmsctl:stack": z}}
      |                          ^^^^^^^^^^^^^^
      |
      = help: choose a key without `kmsctl:`

    6 errors.
    "##);
}

#[test]
fn grants_are_checked_against_their_key() {
    insta::assert_snapshot!(report(
        "accounts: {workload: {id: 444455556666, role: role/x}}\nkeys:\n  a:\n    spec: RSA_2048\n    usage: SIGN_VERIFY\n    grants:\n      g: {grantee: role/x, operations: [Sing, Decrypt], account: worklaod}\n      h: {grantee: role/x, operations: [], constraints: {encryption_context_equals: {a: b}, encryption_context_subset: {a: b}}}\n"
    ), @r##"
    error: `Sing` is not an operation of grants
     --> a.yaml:8:41
      |
    8 |       g: {grantee: role/x, operations: [Sing, Decrypt], account: worklaod}
      |                                         ^^^^
      |
      = help: did you mean `Sign`?

    error: a key of spec RSA_2048 for SIGN_VERIFY does not support Decrypt
     --> a.yaml:8:47
      |
    8 |       g: {grantee: role/x, operations: [Sing, Decrypt], account: worklaod}
      |                                               ^^^^^^^
      |
      = help: it supports Sign, Verify, GetPublicKey, CreateGrant, RetireGrant, DescribeKey

    error: `accounts` has no entry `worklaod`
     --> a.yaml:8:66
      |
    8 |       g: {grantee: role/x, operations: [Sing, Decrypt], account: worklaod}
      |                                                                  ^^^^^^^^
      |
      = help: did you mean `workload`?

    error: `operations` is empty
     --> a.yaml:9:40
      |
    9 |       h: {grantee: role/x, operations: [], constraints: {encryption_context_equals: {a: b}, e...
      |                                        ^
      |
      = help: name at least one operation, or remove the grant

    error: this key cannot have encryption contexts in its grants
     --> a.yaml:9:57
      |
    9 | ...nstraints: {encryption_context_equals: {a: b}, encryption_context_subset: {a: b}}}
      |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: only symmetric encryption keys take an encryption context

    error: a grant has one constraint on the context
     --> a.yaml:9:120
      |
    9 | ...cryption_context_equals: {a: b}, encryption_context_subset: {a: b}}}
      |                             ----- the other is here            ^^^^^
      |
      = help: declare two grants, or keep one of the two

    6 errors.
    "##);
}

#[test]
fn existing_and_adopted_keys_are_checked() {
    insta::assert_snapshot!(report(
        "keys:\n  a: {existing: alias/x}\n  b: {existing: \"arn:aws:kms:us-east-1:999900001111:key/1234abcd-12ab-34cd-56ef-1234567890ab\", description: x, aliases: [y], adopt: alias/z}\n  c: {adopt: alias/aws/ebs}\n  d: {adopt: nothing}\n"
    ), @r##"
    error: `alias/x` is not the ARN of a key
     --> a.yaml:3:17
      |
    3 |   a: {existing: alias/x}
      |                 ^^^^^^^
      |
      = help: write its ARN: `arn:aws:kms:ap-northeast-2:111122223333:key/ID`

    error: `description` cannot be declared beside `existing`
     --> a.yaml:4:109
      |
    4 | ...-12ab-34cd-56ef-1234567890ab", description: x, aliases: [y], adopt: alias/z}
      |                                                ^
      |
      = help: of an existing key only `aliases`, `grants` and the stack's own statements in its policy are managed; to manage the key itself write `adopt`

    error: the key is in account 999900001111, where this stack cannot manage aliases
     --> a.yaml:4:122
      |
    4 | ...ef-1234567890ab", description: x, aliases: [y], adopt: alias/z}
      |                                                ^
      |
      = help: an alias is in the account of its key: remove it here

    error: `adopt` cannot be declared beside `existing`
     --> a.yaml:4:133
      |
    4 | ...b", description: x, aliases: [y], adopt: alias/z}
      |                                             ^^^^^^^
      |
      = help: of an existing key only `aliases`, `grants` and the stack's own statements in its policy are managed; to manage the key itself write `adopt`

    error: `alias/aws/ebs` is reserved for AWS managed keys
     --> a.yaml:5:14
      |
    5 |   c: {adopt: alias/aws/ebs}
      |              ^^^^^^^^^^^^^
      |
      = help: choose a name that does not begin with `alias/aws/`

    error: `nothing` is not a key
     --> a.yaml:6:14
      |
    6 |   d: {adopt: nothing}
      |              ^^^^^^^
      |
      = help: write `alias/NAME`, the id of a key, or its ARN

    6 errors.
    "##);
}

#[test]
fn service_linked_roles_are_of_known_services() {
    let desired = good(
        "stack: s\nservice_linked_roles:\n  - {service: autoscaling.amazonaws.com, suffix: kms}\n  - {service: autoscaling.amazonaws.com}\n  - {service: spot.amazonaws.com}\n",
    );
    let addresses: Vec<_> = desired.resources.keys().map(ToString::to_string).collect();
    assert_eq!(
        addresses,
        [
            "service_linked_role/autoscaling.amazonaws.com",
            "service_linked_role/autoscaling.amazonaws.com/kms",
            "service_linked_role/spot.amazonaws.com",
        ]
    );
    insta::assert_snapshot!(report(
        "service_linked_roles:\n  - {service: autoscale.amazonaws.com}\n  - {service: rds.amazonaws.com, suffix: kms}\n  - {service: autoscaling.amazonaws.com, suffix: a b}\n  - {service: autoscaling.amazonaws.com, suffix: kms}\n  - {service: autoscaling.amazonaws.com, suffix: KMS}\n  - {suffix: x}\n"
    ), @r##"
    error: `autoscale.amazonaws.com` is not a service whose role kmsctl can create
     --> a.yaml:3:15
      |
    3 |   - {service: autoscale.amazonaws.com}
      |               ^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: did you mean `autoscaling.amazonaws.com`?

    error: the role of `rds.amazonaws.com` does not support a suffix
     --> a.yaml:4:42
      |
    4 |   - {service: rds.amazonaws.com, suffix: kms}
      |                                          ^^^
      |
      = help: remove the suffix: an account has one role for this service

    error: `a b` is not a suffix
     --> a.yaml:5:50
      |
    5 |   - {service: autoscaling.amazonaws.com, suffix: a b}
      |                                                  ^^^
      |
      = help: use 1 to 64 letters, digits and `_+=,.@-`

    error: the role `AWSServiceRoleForAutoScaling_KMS` is declared twice
     --> a.yaml:7:5
      |
    6 |   - {service: autoscaling.amazonaws.com, suffix: kms}
      |     ------------------------------------------------ first here
    7 |   - {service: autoscaling.amazonaws.com, suffix: KMS}
      |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: keep one of the two: IAM ignores the case of names

    error: missing field `service`
     --> a.yaml:8:5
      |
    8 |   - {suffix: x}
      |     ^^^^^^^^^^
      |
      = help: write `service: autoscaling.amazonaws.com`

    5 errors.
    "##);
}

/// The statements of a shared policy can all be those that consumers need.
#[test]
fn a_shared_policy_without_statements_of_its_own_is_valid() {
    let shared = |text: &str| {
        let desired =
            good(&format!("stack: s\nkeys: {{a: {{policy: {{ownership: shared}}}}}}\n{text}"));
        let key = &desired.resources[&"key/a".parse().unwrap()].spec;
        let shared = key.as_key().unwrap().shared.clone().unwrap();
        shared.statements.to_json()
    };
    assert_eq!(shared(""), crate::kind::key::Shared::none().statements.to_json());
    let table = "dynamodb: {tables: {items: {key: a, partition_key: {name: id, type: S}, used_by: [role/app]}}}";
    assert!(shared(table).contains("role/app"));
}
