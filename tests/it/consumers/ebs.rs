//! EBS volumes, and the default settings of a Region.

use super::{Case, KEYS, derived, desired, operations, policy};
use crate::fake::Kill;
use crate::world::{Stack, lineage};
use kmsctl::kind::address::Address;
use kmsctl::kind::{ConsumerKind, ConsumerSpec};
use serde_json::{Value, json};

pub(super) const CASE: Case = Case {
    kind: ConsumerKind::EbsVolume,
    id: "",
    text: "ebs: {volumes: {data: {availability_zone: eu-central-1a, size_gib: 20, type: gp3, \
           key: a, PROTECT}}}",
    changed: "ebs: {volumes: {data: {availability_zone: eu-central-1a, size_gib: 30, type: io2, \
              iops: 4000, multi_attach: true, key: a, tags: {team: x}, PROTECT}}}",
    blocked: "ebs: {volumes: {data: {availability_zone: eu-central-1a, size_gib: 20, type: gp3, \
              key: b}}}",
    field: "key",
    existing: "ebs: {volumes: {mine: {existing: ID, key: a}}}",
};

#[test]
fn the_life_cycle_of_a_volume_succeeds() {
    CASE.check_life_cycle();
}

fn volume(fields: &str) -> String {
    format!(
        "{KEYS}ebs: {{volumes: {{data: {{availability_zone: eu-central-1a, key: a, {fields}}}}}}}"
    )
}

/// Returns the only call of a plan, with its parameters.
fn request(plan: &kmsctl::plan::Plan) -> (&'static str, Value) {
    let calls: Vec<_> = plan.steps.iter().flat_map(|step| &step.calls).collect();
    assert_eq!(calls.len(), 1, "{calls:#?}");
    calls[0].call.request()
}

#[test]
fn changes_of_fixed_fields_of_a_volume_are_refused_with_an_alternative() {
    let mut stack = Stack::new(1);
    stack.applied(&desired(&volume("size_gib: 20, type: gp3")));
    let text = volume("size_gib: 10, type: gp3, snapshot_id: snap-0a, multi_attach: true");
    // Only io1 and io2 support multi-attach, so the type would have to change first.
    let text =
        text.replace("type: gp3", "type: io1, iops: 500").replace("eu-central-1a", "eu-central-1b");
    let plan = stack.plan_only(&desired(&text));
    let blocked: Vec<(&str, &str)> =
        plan.blocked.iter().map(|b| (b.field.as_str(), b.help.as_str())).collect();
    let fields: Vec<&str> = blocked.iter().map(|(field, _)| *field).collect();
    assert_eq!(fields, ["availability_zone", "snapshot_id", "size_gib", "multi_attach"]);
    assert!(blocked.iter().all(|(_, help)| help.contains("under another name")), "{blocked:?}");
    let plan = stack.plan_only(&desired(&volume("size_gib: 20").replace("key: a", "key: b")));
    assert!(
        plan.blocked[0].help.contains("copy the snapshot with the new key"),
        "{:#?}",
        plan.blocked
    );
}

#[test]
fn one_call_changes_all_settings_of_a_volume() {
    let mut stack = Stack::new(1);
    stack.applied(&desired(&volume("size_gib: 20, type: gp3, iops: 5000, throughput: 250")));
    let to = desired(&volume("size_gib: 30, type: io2, iops: 5000"));
    let plan = stack.applied(&to);
    let (operation, parameters) = request(&plan);
    assert_eq!(operation, "ModifyVolume");
    let id = &plan.steps[0].id;
    assert_eq!(parameters, json!({"VolumeId": id, "Size": 30, "VolumeType": "io2", "Iops": 5000}));
    assert!(plan.steps[0].risk.as_ref().unwrap().contains("four in 24 hours"));
    stack.settled(&to);
    // Settings that are not declared stay unchanged, also if the size changes.
    stack.applied(&desired(&volume("size_gib: 40")));
    let same = desired(&volume("size_gib: 40, type: io2, iops: 5000"));
    let plan = stack.applied(&same);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    stack.settled(&same);
}

#[test]
fn an_unusable_key_is_detected_while_the_volume_is_created() {
    let key = "arn:aws:kms:eu-central-1:111122223333:key/0000abcd-12ab-34cd-56ef-1234567890ab";
    let text = volume("size_gib: 20").replace("key: a", &format!("key: \"{key}\""));
    let mut stack = Stack::new(1);
    let (plan, ended) = stack.run(&desired(&text));
    assert_eq!(plan.blocked, []);
    let (address, error) = &ended.failed[0];
    assert_eq!(address.to_string(), "ebs_volume/data");
    assert!(error.to_string().contains("then deleted the resource"), "{error}");
    let left = stack.plan_only(&desired(&text));
    assert_eq!(left.count("create"), 1, "{left:#?}");
}

#[test]
fn users_of_volumes_may_use_the_key_through_ec2_and_create_grants() {
    let all = desired(&format!(
        "{KEYS}ebs:
  volumes:
    data: {{availability_zone: eu-central-1a, size_gib: 1, key: a, used_by: [role/App]}}
    logs: {{availability_zone: eu-central-1a, size_gib: 1, key: a, used_by: [role/Web]}}
    quiet: {{availability_zone: eu-central-1a, size_gib: 1, key: b}}
"
    ));
    let sources = "ebs_volume/data ebs_volume/logs";
    let of = |sid: &str| (sid.to_owned(), sources.to_owned());
    assert_eq!(derived(&all, "a"), [of("AllowEbsGrants"), of("AllowEbsUse")]);
    assert_eq!(derived(&all, "b"), []);
    let roles = json!({"AWS": ["arn:aws:iam::111122223333:role/App",
        "arn:aws:iam::111122223333:role/Web"]});
    let expected = json!([
        {"Sid": "AllowEbsGrants", "Effect": "Allow", "Principal": roles,
            "Action": "kms:CreateGrant", "Resource": "*",
            "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"},
                "StringEquals": {"kms:CallerAccount": "111122223333",
                    "kms:ViaService": "ec2.eu-central-1.amazonaws.com"}}},
        {"Sid": "AllowEbsUse", "Effect": "Allow", "Principal": roles,
            "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext",
                "kms:ReEncrypt*"], "Resource": "*",
            "Condition": {"StringEquals": {"kms:CallerAccount": "111122223333",
                "kms:ViaService": "ec2.eu-central-1.amazonaws.com"}}},
    ]);
    let policy = policy(&all, "a");
    assert_eq!(json!(policy["Statement"].as_array().unwrap()[1..]), expected);
}

fn default(fields: &str) -> kmsctl::desired::Desired {
    desired(&format!("{KEYS}ebs: {{default: {{{fields}}}}}"))
}

/// Returns the flag and the name of the key.
fn live(stack: &Stack) -> Value {
    let held = stack.fake.consumer(ConsumerKind::EbsDefault, "eu-central-1");
    let spec = &serde_json::to_value(&held.object.spec).unwrap()["ebs_default"];
    let mut names = ["a", "b"].iter();
    let key = names.find(|name| spec["key"] == stack.fake.key(name).meta.arn.to_string());
    json!([spec["encryption"], key])
}

fn ebs_default() -> Address {
    "ebs_default".parse().unwrap()
}

#[test]
fn the_defaults_of_a_region_are_taken_over_with_a_warning() {
    let all = default("encryption: true, key: a");
    let mut stack = Stack::new(1);
    let plan = stack.applied(&all);
    let step = plan.steps.iter().find(|step| step.address == ebs_default()).unwrap();
    assert_eq!(step.change.action(), "update");
    let calls: Vec<&str> = step.calls.iter().map(|planned| planned.call.operation()).collect();
    assert_eq!(calls, ["ModifyEbsDefaultKmsKeyId", "EnableEbsEncryptionByDefault"]);
    let risk = step.risk.as_ref().unwrap();
    assert!(risk.contains("every new volume in eu-central-1") && risk.contains("unencrypted"));
    stack.settled(&all);
    assert_eq!(live(&stack), json!([true, "a"]));
    stack.state = lineage("two");
    let again = stack.applied(&all);
    assert!(again.steps.is_empty(), "{:#?}", again.steps);
    stack.settled(&all);
    for kill in [Kill::Before, Kill::After] {
        for n in 1.. {
            let mut stack = Stack::new(n as u64);
            if stack.run_until(&all, Some((n, kill))).is_some() {
                break;
            }
            stack.applied(&all);
            stack.settled(&all);
            assert_eq!((live(&stack), stack.fake.keys_total()), (json!([true, "a"]), 2));
        }
    }
}

#[test]
fn the_defaults_change_drift_and_are_reset_only_if_declared() {
    let mut stack = Stack::new(1);
    stack.applied(&default("encryption: true, key: a"));
    // Settings that are not declared stay unchanged.
    stack.applied(&default("encryption: true"));
    stack.settled(&default("encryption: true"));
    stack.applied(&default("key: a"));
    stack.settled(&default("key: a"));
    assert_eq!(live(&stack), json!([true, "a"]));
    let moved = default("encryption: true, key: b");
    let plan = stack.applied(&moved);
    assert!(plan.drift.is_empty());
    assert_eq!(operations(&plan), ["ModifyEbsDefaultKmsKeyId"]);
    stack.fake.tamper_consumer(ConsumerKind::EbsDefault, "eu-central-1", |held| {
        let ConsumerSpec::EbsDefault(spec) = &mut held.object.spec else {
            panic!("not the defaults")
        };
        spec.settings.encryption = Some(false);
    });
    let plan = stack.applied(&moved);
    assert_eq!(plan.drift.len(), 1);
    assert_eq!(operations(&plan), ["EnableEbsEncryptionByDefault"]);
    let none = default("encryption: false, key: null");
    let plan = stack.applied(&none);
    assert_eq!(operations(&plan), ["ResetEbsDefaultKmsKeyId", "DisableEbsEncryptionByDefault"]);
    assert!(plan.steps[0].risk.as_ref().unwrap().contains("no longer encrypted"));
    stack.settled(&none);
    assert_eq!(live(&stack), json!([false, null]));
}

#[test]
fn defaults_that_are_no_longer_declared_stay_unchanged() {
    let removed = format!("{KEYS}removed: [{{address: ebs_default, action: forget}}]\n");
    for without in [KEYS, &removed] {
        let mut stack = Stack::new(1);
        stack.applied(&default("encryption: true, key: a"));
        let plan = stack.applied(&desired(without));
        assert_eq!((operations(&plan).len(), plan.count("forget")), (0, 1));
        // The Region is the name of the defaults, and no field of them.
        let mut fields = plan.steps.iter().flat_map(|step| &step.fields);
        assert!(fields.all(|field| field.path != "existing"), "{plan:#?}");
        stack.settled(&desired(without));
        assert_eq!(live(&stack), json!([true, "a"]));
    }
}

#[test]
fn a_key_is_deleted_only_after_all_resources_that_need_it() {
    let keys = KEYS.replace("policy: {}", "policy: {}, protect: false");
    let volume = "volumes: {data: {availability_zone: eu-central-1a, size_gib: 1, key: a}}";
    let text = |more: &str| desired(&format!("{keys}ebs: {{default: {{key: b}}, {more}}}"));
    let mut stack = Stack::new(1);
    stack.applied(&text(volume));
    let (plan, _) = stack.run(&desired("stack: stack\nregion: eu-central-1\n"));
    let blocked: Vec<String> =
        plan.blocked.iter().map(|b| format!("{}: {}", b.address, b.reason)).collect();
    assert!(plan.steps.is_empty(), "what points at the keys waits: {:#?}", plan.steps);
    assert!(
        blocked
            .contains(&"key/a: without the key, `ebs_volume/data` would stop working".to_owned())
    );
    assert!(
        blocked.contains(&"key/b: without the key, `ebs_default` would stop working".to_owned())
    );
    assert_eq!(stack.fake.key("a").meta.state, "Enabled");
    // The deletion of the key is cancelled, because the volume is declared again.
    let free = volume.replace("key: a", "key: a, protect: false");
    stack.applied(&text(&free));
    let plan = stack.applied(&desired(&format!("{keys}ebs: {{default: {{key: null}}}}")));
    assert_eq!(plan.count("delete"), 1);
    stack.applied(&desired("stack: stack\nregion: eu-central-1\n"));
    assert_eq!(stack.fake.key("a").meta.state, "PendingDeletion");
    stack.applied(&text(volume));
    stack.settled(&text(volume));
}

#[test]
fn the_speed_of_a_volume_fits_its_size() {
    let wrong = |fields: &str| crate::consumers::wrong(&volume(fields));
    let too_many = |fields: &str| wrong(fields).iter().any(|message| message.contains("too m"));
    for fields in [
        "size_gib: 10, type: gp3, iops: 16000",
        "size_gib: 4, type: io1, iops: 250",
        "size_gib: 4, type: io2, iops: 4001",
        "size_gib: 100, type: gp3, iops: 3000, throughput: 1000",
        "size_gib: 100, type: gp3, throughput: 1000",
    ] {
        assert!(too_many(fields), "{fields}");
    }
    for fields in [
        "size_gib: 1, type: gp3, iops: 3000, throughput: 750",
        "size_gib: 32, type: gp3, iops: 16000, throughput: 1000",
        "size_gib: 4, type: io1, iops: 200",
        "size_gib: 4, type: io2, iops: 4000",
        "size_gib: 1, type: gp3, throughput: 750",
    ] {
        desired(&volume(fields));
    }
}
