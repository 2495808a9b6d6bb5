//! File systems by recorded answers.

use super::*;
use crate::cloud::Cloud;
use crate::kind::{Call, ConsumerKind, Ids};
use crate::sdk::replay::{Replay, replay};
use serde_json::{Value, json};

fn home() -> Place {
    Place { account: "111122223333".parse().unwrap(), region: "eu-west-1".parse().unwrap() }
}

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn described(id: &str, state: &str, targets: u32) -> Value {
    json!({
        "OwnerId": "111122223333", "CreationToken": "kmsctl:s/shared", "FileSystemId": id,
        "FileSystemArn": format!("arn:aws:elasticfilesystem:eu-west-1:111122223333:file-system/{id}"),
        "CreationTime": 1_700_000_000.5, "LifeCycleState": state,
        "NumberOfMountTargets": targets, "PerformanceMode": "generalPurpose",
        "SizeInBytes": {"Value": 6144, "ValueInIA": 0, "ValueInStandard": 6144},
        "Encrypted": true, "KmsKeyId": KEY, "ThroughputMode": "provisioned",
        "ProvisionedThroughputInMibps": 10.0,
        "Tags": [{"Key": "kmsctl:stack", "Value": "s"}, {"Key": "kmsctl:name", "Value": "shared"},
            {"Key": "aws:elasticfilesystem:default-backup", "Value": "enabled"}],
        "FileSystemProtection": {"ReplicationOverwriteProtection": "ENABLED"},
    })
}

fn page(systems: &[Value], next: Option<&str>) -> String {
    json!({ "FileSystems": systems, "NextMarker": next }).to_string()
}

fn targets(states: &[&str]) -> String {
    let targets = states.iter().zip(1..).map(|(state, n)| {
        json!({"OwnerId": "111122223333", "MountTargetId": format!("fsmt-{n}"),
            "FileSystemId": "fs-1", "SubnetId": format!("subnet-{n}"),
            "LifeCycleState": state, "IpAddress": "10.0.0.9"})
    });
    json!({ "MountTargets": targets.collect::<Vec<_>>() }).to_string()
}

#[tokio::test]
async fn a_file_system_is_ready_once_its_mount_targets_are() {
    let busy = |word: &str| Phase::Busy(word.to_owned());
    for (state, states, expected) in [
        ("creating", &[][..], busy("creating")),
        ("updating", &["available"], busy("updating")),
        ("deleting", &[], busy("deleting")),
        ("deleted", &[], Phase::Gone),
        ("error", &[], Phase::Broken("error".to_owned())),
        ("available", &[], Phase::Ready),
        ("available", &["available", "available"], Phase::Ready),
        ("available", &["available", "creating"], busy("mount target fsmt-2 creating")),
        ("available", &["error"], Phase::Broken("mount target fsmt-1 error".to_owned())),
    ] {
        let system = page(&[described("fs-1", state, states.len() as u32)], None);
        let targets = targets(states);
        let answers = [(200, system.as_str()), (200, targets.as_str())];
        let asked = if states.is_empty() { 1 } else { 2 };
        let aws = replay(&answers[..asked]).aws;
        assert_eq!(
            aws.sight(&home(), ConsumerKind::EfsFileSystem, "fs-1").await.unwrap().phase,
            expected
        );
    }
    let gone = r#"{"code": "FileSystemNotFound", "message": "no such file system"}"#;
    let aws = replay(&[(404, gone)]).aws;
    assert_eq!(
        aws.sight(&home(), ConsumerKind::EfsFileSystem, "fs-1").await.unwrap().phase,
        Phase::Gone
    );
}

fn query(fields: &[&str]) -> ConsumerQuery {
    ConsumerQuery {
        kind: ConsumerKind::EfsFileSystem,
        stack: "s".to_owned(),
        ids: BTreeSet::new(),
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
    }
}

#[tokio::test]
async fn only_requested_settings_of_the_stacks_file_systems_are_read() {
    let mut foreign = described("fs-9", "available", 3);
    foreign["Tags"] = json!([]);
    let first = page(&[foreign], Some("more"));
    let second = page(&[described("fs-1", "available", 0)], None);
    let replay = replay(&[(200, &first), (200, &second)]);
    let found = replay.aws.objects(&home(), &query(&["mount_targets"])).await.unwrap();
    assert_eq!(replay.bodies().len(), 2);
    let spec = serde_json::to_value(&found[0].spec).unwrap();
    assert_eq!((found.len(), found[0].id.as_str()), (1, "fs-1"));
    assert_eq!(
        spec["efs_file_system"],
        json!({"key": KEY, "tags": {"kmsctl:stack": "s", "kmsctl:name": "shared"},
            "performance_mode": "generalPurpose", "mount_targets": [],
            "throughput_mode": {"provisioned": {"mibps": 10}}})
    );
}

#[tokio::test]
async fn a_file_system_is_read_with_the_requested_settings() {
    let system = page(&[described("fs-1", "available", 2)], None);
    let lifecycle = json!({"LifecyclePolicies": [{"TransitionToIA": "AFTER_30_DAYS"},
        {"TransitionToArchive": "AFTER_90_DAYS"},
        {"TransitionToPrimaryStorageClass": "AFTER_1_ACCESS"}]})
    .to_string();
    let none = r#"{"code": "PolicyNotFound", "message": "none"}"#;
    let (targets, groups) =
        (targets(&["available", "deleting"]), r#"{"SecurityGroups": ["sg-2", "sg-1"]}"#);
    let answers =
        [(200, system.as_str()), (200, &lifecycle), (404, none), (200, &targets), (200, groups)];
    let replay = replay(&answers);
    let fields = query(&["lifecycle", "backup", "mount_targets"]);
    let found = replay.aws.objects(&home(), &fields).await.unwrap();
    let spec = serde_json::to_value(&found[0].spec).unwrap();
    assert_eq!(
        spec["efs_file_system"]["lifecycle"],
        json!({"transition_to_ia": "AFTER_30_DAYS", "transition_to_archive": "AFTER_90_DAYS",
            "transition_to_primary": "AFTER_1_ACCESS"})
    );
    assert_eq!(spec["efs_file_system"]["backup"], json!(false));
    assert_eq!(
        spec["efs_file_system"]["mount_targets"],
        json!([{"subnet": "subnet-1", "security_groups": ["sg-1", "sg-2"], "id": "fsmt-1"}])
    );
    assert_eq!(found[0].phase, Phase::Busy("mount target fsmt-2 deleting".to_owned()));
    assert_eq!(replay.bodies().len(), 5);
}

fn call(parameters: &Value) -> Call {
    serde_json::from_value(json!({ "efs_file_system": parameters })).unwrap()
}

async fn sent(replay: &Replay, parameters: &Value) -> Result<Outcome, CloudError> {
    let ids = Ids::from([("key/a".parse().unwrap(), KEY.parse().unwrap())]);
    let bindings = CallBindings { ids: Some(&ids), id: Some("fs-1"), ..CallBindings::default() };
    replay.aws.call(&home(), &call(parameters), bindings).await
}

#[tokio::test]
async fn a_file_system_is_created_encrypted_and_aws_assigns_its_id() {
    let parameters = json!({
        "CreationToken": "kmsctl:s/shared", "PerformanceMode": "generalPurpose",
        "Encrypted": true, "KmsKeyId": "key/a", "ThroughputMode": "provisioned",
        "ProvisionedThroughputInMibps": 10, "AvailabilityZoneName": "eu-west-1a",
        "Backup": true, "Tags": [{"Key": "kmsctl:stack", "Value": "s"}],
    });
    let create = json!({"CreateFileSystem": parameters.clone()});
    assert_eq!(call(&create).request().1, parameters);
    let replay = replay(&[(201, &described("fs-1", "creating", 0).to_string())]);
    let made = Outcome::Made("fs-1".to_owned());
    assert_eq!(sent(&replay, &create).await.unwrap(), made);
    let mut expected = parameters;
    expected["KmsKeyId"] = json!(KEY);
    expected["ProvisionedThroughputInMibps"] = json!(10.0);
    assert_eq!(replay.json(), [expected]);
}

#[tokio::test]
async fn each_lifecycle_transition_is_its_own_policy() {
    let policies = json!([{"TransitionToIA": "AFTER_30_DAYS"},
        {"TransitionToPrimaryStorageClass": "AFTER_1_ACCESS"}]);
    let replay = replay(&[(200, r#"{"LifecyclePolicies": []}"#)]);
    let put = json!({"PutLifecycleConfiguration": {"LifecyclePolicies": policies.clone()}});
    assert_eq!(sent(&replay, &put).await.unwrap(), Outcome::Done);
    assert_eq!(replay.json(), [json!({ "LifecyclePolicies": policies })]);
}

#[tokio::test]
async fn an_existing_mount_target_is_accepted_only_in_the_same_subnet() {
    let conflict = r#"{"code": "MountTargetConflict", "message": "there is one"}"#;
    let create = |subnet: &str| json!({"CreateMountTarget": {"SubnetId": subnet}});
    let (there, going) = (targets(&["available"]), targets(&["deleting"]));
    let replay_of = |targets: &str| replay(&[(409, conflict), (200, targets)]);
    let same = sent(&replay_of(&there), &create("subnet-1")).await;
    assert_eq!(same.unwrap(), Outcome::Done);
    let other = sent(&replay_of(&there), &create("subnet-5")).await;
    assert_eq!(other.unwrap_err().fault, Fault::Unsupported);
    let making_room = sent(&replay_of(&going), &create("subnet-1")).await;
    assert_eq!(making_room.unwrap_err().fault, Fault::InvalidState);
    let gone = replay(&[(404, r#"{"code": "MountTargetNotFound", "message": "none"}"#)]);
    let delete = json!({"DeleteMountTarget": {"MountTargetId": "fsmt-1"}});
    assert_eq!(sent(&gone, &delete).await.unwrap(), Outcome::Done);
    let taken = replay(&[(409, r#"{"code": "FileSystemAlreadyExists", "message": "taken"}"#)]);
    let create = json!({"CreateFileSystem":
        {"CreationToken": "t", "Encrypted": true, "KmsKeyId": "key/a", "Tags": []}});
    assert_eq!(sent(&taken, &create).await.unwrap_err().fault, Fault::AlreadyExists);
}
