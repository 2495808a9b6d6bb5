//! EFS file systems.

use super::{Case, KEYS, derived, desired, operations, policy};
use crate::world::Stack;
use kmsctl::kind::ConsumerKind;

pub(super) const CASE: Case = Case {
    kind: ConsumerKind::EfsFileSystem,
    id: "",
    text: "efs: {file_systems: {shared: {key: a, performance_mode: generalPurpose, \
           mount_targets: [{subnet: subnet-1a, security_groups: [sg-1]}, {subnet: subnet-1b}], \
           lifecycle: {transition_to_ia: AFTER_30_DAYS}, PROTECT}}}",
    changed: "efs: {file_systems: {shared: {key: a, throughput_mode: elastic, backup: true, \
              mount_targets: [{subnet: subnet-2a}, {subnet: subnet-1b, security_groups: [sg-2]}], \
              lifecycle: {transition_to_archive: AFTER_90_DAYS}, tags: {team: x}, PROTECT}}}",
    blocked: "efs: {file_systems: {shared: {key: b, performance_mode: maxIO}}}",
    field: "key",
    existing: "efs: {file_systems: {mine: {existing: ID, key: a}}}",
};

#[test]
fn the_life_cycle_of_a_file_system_succeeds() {
    CASE.check_life_cycle();
}

fn with(settings: &str) -> kmsctl::desired::Desired {
    desired(&format!("{KEYS}efs: {{file_systems: {{shared: {{key: a, {settings}}}}}}}"))
}

#[test]
fn mount_targets_are_deleted_before_others_are_created_and_before_the_file_system() {
    let mut stack = Stack::new(1);
    stack.fake.faults.borrow_mut().busy = 2;
    let targets = |subnets: &str| with(&format!("protect: false, mount_targets: [{subnets}]"));
    stack.applied(&targets("{subnet: subnet-1a}, {subnet: subnet-1b}"));
    let moved = targets("{subnet: subnet-1b}, {subnet: subnet-2a, security_groups: [sg-9, sg-8]}");
    let plan = stack.applied(&moved);
    assert_eq!(operations(&plan), ["DeleteMountTarget", "CreateMountTarget"]);
    assert!(plan.steps[0].risk.as_ref().unwrap().contains("subnet-1a"), "{plan:#?}");
    stack.settled(&moved);
    let plan = stack.applied(&targets("{subnet: subnet-1b, security_groups: [sg-7]}"));
    assert_eq!(operations(&plan), ["DeleteMountTarget", "ModifyMountTargetSecurityGroups"]);
    let plan = stack.applied(&desired(KEYS));
    assert_eq!(operations(&plan), ["DeleteMountTarget", "DeleteFileSystem"]);
}

#[test]
fn a_file_system_with_undeclared_mount_targets_is_not_deleted() {
    let mut stack = Stack::new(1);
    stack.applied(&with("protect: false"));
    let id = CASE.id(&stack);
    stack.fake.tamper_consumer(ConsumerKind::EfsFileSystem, &id, |held| {
        let kmsctl::kind::ConsumerSpec::EfsFileSystem(spec) = &mut held.object.spec else {
            panic!()
        };
        spec.settings.mount_targets = None;
    });
    let plan = stack.plan_only(&desired(KEYS));
    assert_eq!(plan.blocked[0].field, "mount_targets", "{plan:#?}");
}

#[test]
fn throughput_and_lifecycle_change_in_place_and_drift_is_reverted() {
    let mut stack = Stack::new(1);
    stack.applied(&with("throughput_mode: provisioned, provisioned_throughput: 10"));
    let elastic = with(
        "throughput_mode: elastic, lifecycle: {transition_to_ia: AFTER_30_DAYS, \
         transition_to_archive: AFTER_90_DAYS, transition_to_primary: AFTER_1_ACCESS}",
    );
    let plan = stack.applied(&elastic);
    assert_eq!(operations(&plan), ["UpdateFileSystem", "PutLifecycleConfiguration"]);
    stack.settled(&elastic);
    let never = with("lifecycle: {}, backup: true");
    let plan = stack.applied(&never);
    assert_eq!(operations(&plan), ["PutLifecycleConfiguration", "PutBackupPolicy"]);
    stack.settled(&never);
}

#[test]
fn users_of_file_systems_may_use_the_key_through_efs() {
    let all = desired(&format!(
        "{KEYS}efs:
  file_systems:
    one: {{key: a, used_by: [role/App]}}
    two: {{key: a, used_by: [role/Web, role/App]}}
    three: {{key: b}}
"
    ));
    let sources = "efs_file_system/one efs_file_system/two".to_owned();
    assert_eq!(derived(&all, "a"), [("AllowEfsForAuthorizedPrincipals".to_owned(), sources)]);
    assert_eq!(derived(&all, "b"), []);
    insta::assert_snapshot!(policy(&all, "a")["Statement"][1], @r#"{"Sid":"AllowEfsForAuthorizedPrincipals","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:role/App","arn:aws:iam::111122223333:role/Web"]},"Action":["kms:CreateGrant","kms:Decrypt","kms:DescribeKey","kms:Encrypt","kms:GenerateDataKey*","kms:ReEncrypt*"],"Resource":"*","Condition":{"StringEquals":{"kms:ViaService":"elasticfilesystem.eu-central-1.amazonaws.com","kms:CallerAccount":"111122223333"}}}"#);
}

#[test]
fn settings_that_efs_does_not_accept_are_errors() {
    let text = |settings: &str| format!("{KEYS}efs: {{file_systems: {{x: {{{settings}}}}}}}");
    for (settings, said) in [
        ("key: null", "`key: null` is not possible here"),
        ("key: a, throughput_mode: provisioned", "`provisioned` needs a throughput"),
        ("key: a, provisioned_throughput: 9", "the throughput is not provisioned"),
        ("key: a, throughput_mode: provisioned, provisioned_throughput: 0", "0 MiB/s"),
        ("key: a, throughput_mode: elastic, performance_mode: maxIO", "cannot be `maxIO`"),
        ("key: a, lifecycle: {transition_to_archive: AFTER_90_DAYS}", "only elastic"),
        ("key: a, mount_targets: [{subnet: 1a}]", "not the id of a subnet"),
        ("key: a, mount_targets: [{subnet: subnet-1}, {subnet: subnet-1}]", "already"),
        ("key: a, mount_targets: [{subnet: subnet-1, security_groups: []}]", "0 security groups"),
        ("key: a, existing: fs-1, backup: true", "beside `existing`"),
    ] {
        let messages = super::refused(&text(settings));
        assert!(messages.iter().any(|message| message.contains(said)), "{settings}: {messages:?}");
    }
}
