//! Sends the calls of volumes, and converts EC2's descriptions of them.

use super::answers::{
    Created, ModificationState, Modifications, Snapshots, Volume, VolumeModification, Volumes,
};
use super::{
    Call, CreateTags, CreateVolume, DeleteTags, DeleteVolume, EbsVolume, Modification,
    ModifyVolume, Settings, TagSpecification, WITH_IOPS, WITH_THROUGHPUT,
};
use crate::answer::{CloudError, Fault, Outcome};
use crate::id::Place;
use crate::kind::aws::{Copies, Service, copy, with_tags};
use crate::kind::consumer::encryption;
use crate::kind::consumer::{self, Common};
use crate::kind::key::STACK_TAG;
use crate::kind::resolve;
use crate::kind::{CallBindings, ConsumerQuery, Object, Phase, Sight};
use crate::sdk::Aws;
use crate::sdk::clients::Session;
use crate::sdk::error::{answer, done, local};
use crate::sdk::query::{Client, Failure, Parameters};
use aws_sdk_kms::error::SdkError;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fmt::Debug;

/// The largest number of values in a filter of EC2 (Amazon EC2 User Guide, "Filter resources").
const VALUES: usize = 200;
/// The number of volumes per page; EC2 allows 1000 (EC2 API Reference, DescribeVolumes).
const PAGE: u32 = 500;
/// The fields that `ModifyVolume` changes.
const FORM: [&str; 5] = ["size_gib", "type", "iops", "throughput", "multi_attach"];

impl Service for EbsVolume {
    /// Reads the volumes with the stack's tag and those with the selected ids. The ids are a filter, so
    /// that a volume that does not exist is not an error. The modifications in progress are one more
    /// request.
    async fn objects(
        aws: &Aws,
        at: &Place,
        query: &ConsumerQuery,
    ) -> Result<Vec<Object>, CloudError> {
        let client = aws.ec2(at).await;
        let tagged = filter(&format!("tag:{STACK_TAG}"), [query.stack.clone()]);
        let mut found = BTreeMap::new();
        let selection = if query.is_all() { Parameters::default() } else { tagged };
        take(&mut found, volumes(&client, selection).await?);
        let others = query.ids.iter();
        let others = others.filter(|id| id.starts_with("vol-") && !found.contains_key(*id));
        let others: Vec<String> = others.cloned().collect();
        for ids in others.chunks(VALUES) {
            take(&mut found, volumes(&client, filter("volume-id", ids.to_vec())).await?);
        }
        let changing = if query.asks(&FORM) {
            modifications(&client, &found.keys().cloned().collect::<Vec<_>>()).await?
        } else {
            BTreeMap::new()
        };
        let objects = found.into_iter().map(|(id, volume)| {
            let changing = changing.get(&id).filter(|change| is_under_way(change));
            let phase = phase_of(&volume, changing);
            Object { spec: lifted(&volume).into(), phase, id }
        });
        Ok(objects.collect())
    }

    /// Describes a volume and its last modification.
    async fn sight(aws: &Aws, at: &Place, id: &str) -> Result<Sight, CloudError> {
        let client = aws.ec2(at).await;
        let found = volumes(&client, filter("volume-id", [id.to_owned()])).await?;
        let Some(volume) = found.first() else {
            return Ok(Sight::gone());
        };
        let phase = phase_of(volume, None);
        if phase != Phase::Ready {
            return Ok(Sight::new(phase, lifted(volume)));
        }
        let changes = modifications(&client, &[id.to_owned()]).await?;
        let phase = phase_of(volume, changes.get(id));
        Ok(Sight::new(phase, modified(lifted(volume), changes.get(id))))
    }

    /// Sends the call.
    async fn send(
        aws: &Aws,
        at: &Place,
        call: &Call,
        bindings: &CallBindings<'_>,
    ) -> Result<Outcome, CloudError> {
        let client = aws.ec2(at).await;
        match call {
            Call::CreateVolume(call) => create_volume(&client, call, bindings).await,
            Call::ModifyVolume(call) => modify_volume(aws, at, call).await,
            Call::CreateTags(CreateTags { resources, tags }) => {
                let request = Parameters::default().with_each("ResourceId", resources);
                let request = with_tags(request, "Tag", tags);
                done(CreateTags::NAME, client.send(CreateTags::NAME, &request).await)
            }
            Call::DeleteTags(DeleteTags { resources, tags }) => {
                let request = Parameters::default().with_each("ResourceId", resources);
                let request = request.with_all("Tag", tags, |all, name, tag| {
                    all.with(format!("{name}.Key"), &tag.key)
                });
                done(DeleteTags::NAME, client.send(DeleteTags::NAME, &request).await)
            }
            Call::DeleteVolume(DeleteVolume { volume_id }) => {
                let request = Parameters::default().with("VolumeId", volume_id);
                done(DeleteVolume::NAME, client.send(DeleteVolume::NAME, &request).await)
                    .map_err(attached)
            }
        }
    }

    async fn copies(aws: &Aws, at: &Place) -> Result<Copies, CloudError> {
        const OPERATION: &str = "DescribeSnapshots";
        let client = aws.ec2(at).await;
        let own = Parameters::default().with_each("Owner", ["self"]);
        let next = |page: &Snapshots| page.next_token.clone();
        let pages =
            client.pages(OPERATION, |from| page(&client, OPERATION, &own, from, 1000), next);
        let found = pages.await?.into_iter().flat_map(|page| page.snapshot_set.0);
        Ok(found.filter_map(|s| copy(s.snapshot_id.as_deref(), s.kms_key_id.as_deref())).collect())
    }
}

fn take(found: &mut BTreeMap<String, Volume>, volumes: Vec<Volume>) {
    found
        .extend(volumes.into_iter().filter_map(|volume| Some((volume.volume_id.clone()?, volume))));
}

fn filter(name: &str, values: impl IntoIterator<Item = String>) -> Parameters {
    Parameters::default().with("Filter.1.Name", name).with_each("Filter.1.Value", values)
}

/// Reads a page of at most `most` items.
async fn page<T>(
    client: &Client,
    operation: &'static str,
    selection: &Parameters,
    from: Option<String>,
    most: u32,
) -> Result<T, SdkError<Failure>>
where
    T: DeserializeOwned + Debug + Send + Sync + 'static,
{
    let request = selection.clone().with_some("NextToken", from).with("MaxResults", &most);
    client.ask(operation, &request).await
}

async fn volumes(
    client: &Session<'_, Client>,
    selection: Parameters,
) -> Result<Vec<Volume>, CloudError> {
    const OPERATION: &str = "DescribeVolumes";
    let read = |from| page(client, OPERATION, &selection, from, PAGE);
    let pages = client.pages(OPERATION, read, |page: &Volumes| page.next_token.clone()).await?;
    Ok(pages.into_iter().flat_map(|page| page.volume_set.0).collect())
}

/// Reads the last modification of each volume that was ever modified.
async fn modifications(
    client: &Session<'_, Client>,
    ids: &[String],
) -> Result<BTreeMap<String, VolumeModification>, CloudError> {
    const OPERATION: &str = "DescribeVolumesModifications";
    let mut found = BTreeMap::new();
    for ids in ids.chunks(VALUES) {
        let by_id = filter("volume-id", ids.to_vec());
        let read = |from| page(client, OPERATION, &by_id, from, PAGE);
        let next = |page: &Modifications| page.next_token.clone();
        let pages = client.pages(OPERATION, read, next).await?.into_iter();
        for change in pages.flat_map(|page| page.volume_modification_set.0) {
            let Some(id) = change.volume_id.clone() else {
                continue;
            };
            let known: Option<&VolumeModification> = found.get(&id);
            if known.is_none_or(|known| known.start_time <= change.start_time) {
                found.insert(id, change);
            }
        }
    }
    Ok(found)
}

/// Returns the phase of a volume. In the state `optimizing` of a modification, the volume can be
/// used with its new settings (EBS User Guide, "Monitor the progress of EBS volume modifications").
fn phase_of(volume: &Volume, change: Option<&VolumeModification>) -> Phase {
    match volume.state.as_deref() {
        Some("available" | "in-use") | None => {}
        Some(busy @ ("creating" | "deleting")) => return Phase::Busy(busy.to_owned()),
        Some("deleted") => return Phase::Gone,
        Some(other) => return Phase::Broken(other.to_owned()),
    }
    let Some(change) = change else {
        return Phase::Ready;
    };
    match change.modification_state {
        Some(ModificationState::Modifying) => Phase::Busy("modifying".to_owned()),
        Some(ModificationState::Failed) => {
            let why = change.status_message.as_deref().unwrap_or("AWS gives no reason");
            Phase::Broken(format!("unchanged; the modification failed: {why}"))
        }
        Some(ModificationState::Effective) | None => Phase::Ready,
    }
}

fn is_under_way(change: &VolumeModification) -> bool {
    change.modification_state == Some(ModificationState::Modifying)
}

fn lifted(volume: &Volume) -> consumer::Spec<Settings> {
    let r#type = volume.volume_type.as_deref().unwrap_or_default();
    // For the other volume types, EC2 returns values that follow from the size.
    let iops = volume.iops.filter(|_| WITH_IOPS.contains(&r#type));
    let throughput = volume.throughput.filter(|_| WITH_THROUGHPUT.contains(&r#type));
    let settings = Settings {
        availability_zone: non_empty(volume.availability_zone.as_deref()),
        size_gib: volume.size,
        r#type: non_empty(Some(r#type)),
        iops,
        throughput,
        snapshot_id: non_empty(volume.snapshot_id.as_deref()),
        multi_attach: Some(volume.multi_attach_enabled.unwrap_or_default()),
    };
    let tags = volume.tag_set.0.iter();
    let tags = tags.filter_map(|tag| Some((tag.key.clone()?, tag.value.clone()?))).collect();
    let key = Some(encryption(volume.kms_key_id.as_deref()));
    consumer::Spec { common: Common { key, existing: None, tags }, settings }
}

/// Returns the form of a volume with the values of its last modification, which can be used once the
/// modification is no longer in the state `modifying` (EBS User Guide, "Monitor the progress of EBS
/// volume modifications").
fn modified(
    volume: consumer::Spec<Settings>,
    change: Option<&VolumeModification>,
) -> consumer::Spec<Settings> {
    let Some(change) = change else {
        return volume;
    };
    let settings = Settings {
        size_gib: change.target_size,
        r#type: change.target_volume_type.clone(),
        iops: change.target_iops,
        throughput: change.target_throughput,
        multi_attach: change.target_multi_attach_enabled,
        ..Settings::default()
    };
    let change = consumer::Spec { common: Common::default(), settings };
    consumer::Spec { common: volume.common.clone(), ..change.or(&volume) }
}

fn non_empty(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

async fn create_volume(
    client: &Client,
    call: &CreateVolume,
    bindings: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    let key = resolve(CreateVolume::NAME, &call.kms_key_id, bindings)?;
    let request = Parameters::default()
        .with("AvailabilityZone", &call.availability_zone)
        .with("Encrypted", &call.encrypted)
        .with("KmsKeyId", &key)
        .with_some("SnapshotId", call.snapshot_id.as_ref())
        .with_some("ClientToken", bindings.nonce);
    let request = with_form(request, &call.form);
    let request = (1..).zip(&call.tag_specifications).fold(request, with_specification);
    let made =
        answer(CreateVolume::NAME, client.ask::<Created>(CreateVolume::NAME, &request).await);
    made?.volume_id.map(Outcome::Made).ok_or_else(|| {
        local(CreateVolume::NAME, Fault::Ambiguous, "the answer contains no volume id")
    })
}

async fn modify_volume(
    aws: &Aws,
    at: &Place,
    ModifyVolume { volume_id, form }: &ModifyVolume,
) -> Result<Outcome, CloudError> {
    let client = aws.ec2(at).await;
    let request = with_form(Parameters::default().with("VolumeId", volume_id), form);
    match done(ModifyVolume::NAME, client.send(ModifyVolume::NAME, &request).await) {
        Err(error) if is_too_early(&error) => is_done(&client, volume_id, form, error).await,
        sent => sent,
    }
}

fn with_form(request: Parameters, form: &Modification) -> Parameters {
    request
        .with_some("Size", form.size)
        .with_some("VolumeType", form.volume_type.as_ref())
        .with_some("Iops", form.iops)
        .with_some("Throughput", form.throughput)
        .with_some("MultiAttachEnabled", form.multi_attach_enabled)
}

/// Adds the tags of a new resource, which have the number `n`.
fn with_specification(request: Parameters, (n, given): (u32, &TagSpecification)) -> Parameters {
    let name = format!("TagSpecification.{n}");
    let request = request.with(format!("{name}.ResourceType"), &given.resource_type);
    with_tags(request, &format!("{name}.Tag"), &given.tags)
}

/// Returns whether EC2 rejects a modification because the previous one is not complete.
fn is_too_early(error: &CloudError) -> bool {
    let codes = ["IncorrectModificationState", "VolumeModificationRateExceeded"];
    error.code.as_deref().is_some_and(|code| codes.contains(&code))
}

/// Succeeds if the previous modification is the same, which was sent again because its answer was
/// lost.
async fn is_done(
    client: &Session<'_, Client>,
    id: &str,
    form: &Modification,
    error: CloudError,
) -> Result<Outcome, CloudError> {
    let changes = modifications(client, &[id.to_owned()]).await?;
    if changes.get(id).is_some_and(|change| has_form(change, form)) {
        return Ok(Outcome::Done);
    }
    let message = format!(
        "{}; EC2 accepts four modifications of a volume in 24 hours, and each only once the previous one has completed: \
         run apply again then",
        error.message
    );
    Err(CloudError { message, ..error })
}

/// Returns whether a modification did not fail and gives the volume the form.
fn has_form(change: &VolumeModification, form: &Modification) -> bool {
    fn agree<T: PartialEq>(wanted: &Option<T>, target: &Option<T>) -> bool {
        wanted.is_none() || wanted == target
    }
    change.modification_state != Some(ModificationState::Failed)
        && agree(&form.size, &change.target_size)
        && agree(&form.volume_type, &change.target_volume_type)
        && agree(&form.iops, &change.target_iops)
        && agree(&form.throughput, &change.target_throughput)
        && agree(&form.multi_attach_enabled, &change.target_multi_attach_enabled)
}

/// Adds what to do to the error for a volume that EC2 does not delete because it is attached.
fn attached(error: CloudError) -> CloudError {
    if error.code.as_deref() != Some("VolumeInUse") {
        return error;
    }
    let message = format!("{}; detach it from its instance, and run apply again", error.message);
    CloudError { message, ..error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Cloud;
    use crate::kind::{ConsumerKind, Ids};
    use crate::sdk::replay::replay;
    use serde_json::{Value, json};

    fn home() -> Place {
        Place { account: "111122223333".parse().unwrap(), region: "eu-west-1".parse().unwrap() }
    }

    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn page(inner: &str, next: &str) -> String {
        format!(
            "<DescribeVolumesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
             <requestId>r</requestId><volumeSet>{inner}</volumeSet>{next}</DescribeVolumesResponse>"
        )
    }

    fn volume(id: &str, state: &str, kind: &str) -> String {
        format!(
            "<item><volumeId>{id}</volumeId><size>20</size><snapshotId/>\
             <availabilityZone>eu-west-1a</availabilityZone><status>{state}</status>\
             <createTime>2026-11-22T10:00:00.000Z</createTime><attachmentSet/>\
             <tagSet><item><key>kmsctl:stack</key><value>s</value></item></tagSet>\
             <volumeType>{kind}</volumeType><iops>3000</iops><encrypted>true</encrypted>\
             <kmsKeyId>{KEY}</kmsKeyId><multiAttachEnabled>false</multiAttachEnabled>\
             <throughput>125</throughput></item>"
        )
    }

    fn change(state: &str, size: i32) -> String {
        format!(
            "<DescribeVolumesModificationsResponse \
             xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><volumeModificationSet><item>\
             <volumeId>vol-1</volumeId><modificationState>{state}</modificationState>\
             <statusMessage>no capacity</statusMessage><targetSize>{size}</targetSize>\
             <startTime>2026-11-22T11:00:00.000Z</startTime></item></volumeModificationSet>\
             </DescribeVolumesModificationsResponse>"
        )
    }

    const UNCHANGED: &str = "<DescribeVolumesModificationsResponse><volumeModificationSet/>\
                             </DescribeVolumesModificationsResponse>";

    fn query(ids: &[&str], fields: &[&str]) -> ConsumerQuery {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        ConsumerQuery {
            kind: ConsumerKind::EbsVolume,
            stack: "s".to_owned(),
            ids: owned(ids),
            fields: owned(fields),
        }
    }

    fn call(call: Value) -> crate::kind::Call {
        serde_json::from_value(json!({ "ebs_volume": call })).unwrap()
    }

    #[tokio::test]
    async fn a_volume_is_ready_once_it_can_be_used_with_its_new_settings() {
        let failed = "unchanged; the modification failed: no capacity";
        for (state, changed, expected) in [
            ("available", UNCHANGED, Phase::Ready),
            ("in-use", &*change("optimizing", 20), Phase::Ready),
            ("in-use", &*change("completed", 20), Phase::Ready),
            ("in-use", &*change("modifying", 20), Phase::Busy("modifying".to_owned())),
            ("in-use", &*change("failed", 20), Phase::Broken(failed.to_owned())),
        ] {
            let described = page(&volume("vol-1", state, "gp3"), "");
            let aws = replay(&[(200, &described), (200, changed)]).aws;
            let phase = aws.sight(&home(), ConsumerKind::EbsVolume, "vol-1").await.unwrap().phase;
            assert_eq!(phase, expected, "{state}");
        }
        for (state, expected) in [
            ("creating", Phase::Busy("creating".to_owned())),
            ("deleting", Phase::Busy("deleting".to_owned())),
            ("deleted", Phase::Gone),
            ("error", Phase::Broken("error".to_owned())),
        ] {
            let aws = replay(&[(200, &page(&volume("vol-1", state, "gp3"), ""))]).aws;
            let phase = aws.sight(&home(), ConsumerKind::EbsVolume, "vol-1").await.unwrap().phase;
            assert_eq!(phase, expected, "{state}");
        }
        let aws = replay(&[(200, &page("", ""))]).aws;
        assert_eq!(
            aws.sight(&home(), ConsumerKind::EbsVolume, "vol-1").await.unwrap().phase,
            Phase::Gone
        );
    }

    #[tokio::test]
    async fn volumes_are_read_by_tag_in_pages_and_otherwise_by_id() {
        let first = page(&volume("vol-1", "in-use", "gp3"), "<nextToken>t</nextToken>");
        let second = page(&volume("vol-2", "available", "gp2"), "");
        let other = page(&volume("vol-3", "available", "st1"), "");
        let replay = replay(&[
            (200, &first),
            (200, &second),
            (200, &other),
            (200, &change("modifying", 20)),
        ]);
        let wanted = query(&["vol-2", "vol-3", "vol-4", "data"], &["size_gib"]);
        let found = replay.aws.objects(&home(), &wanted).await.unwrap();
        let specs: Vec<Value> =
            found.iter().map(|object| serde_json::to_value(&object.spec).unwrap()).collect();
        let common = json!({"key": KEY, "tags": {"kmsctl:stack": "s"}, "size_gib": 20,
            "availability_zone": "eu-west-1a", "multi_attach": false});
        let with = |more: Value| {
            let mut all = common.clone();
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({ "ebs_volume": all })
        };
        let gp3 = json!({"type": "gp3", "iops": 3000, "throughput": 125});
        assert_eq!(specs, [with(gp3), with(json!({"type": "gp2"})), with(json!({"type": "st1"}))]);
        let phases: Vec<&Phase> = found.iter().map(|object| &object.phase).collect();
        assert_eq!(phases, [&Phase::Busy("modifying".to_owned()), &Phase::Ready, &Phase::Ready]);
        let describe = "Action=DescribeVolumes&Version=2016-11-15";
        let tagged = "Filter.1.Name=tag%3Akmsctl%3Astack&Filter.1.Value.1=s&MaxResults=500";
        let by_id = "Filter.1.Name=volume-id&Filter.1.Value.1";
        assert_eq!(
            replay.bodies(),
            [
                format!("{describe}&{tagged}"),
                format!("{describe}&{tagged}").replace("&Max", "&NextToken=t&Max"),
                format!("{describe}&{by_id}=vol-3&Filter.1.Value.2=vol-4&MaxResults=500"),
                format!(
                    "Action=DescribeVolumesModifications&Version=2016-11-15&{by_id}=vol-1\
                     &Filter.1.Value.2=vol-2&Filter.1.Value.3=vol-3&MaxResults=500"
                ),
            ]
        );
    }

    #[tokio::test]
    async fn a_volume_is_created_by_one_request_with_tags_and_a_token() {
        let call = call(json!({"CreateVolume": {
            "AvailabilityZone": "eu-west-1a", "Encrypted": true, "KmsKeyId": "key/a", "Size": 20,
            "VolumeType": "gp3", "Iops": 4000, "Throughput": 250,
            "TagSpecifications": [{"ResourceType": "volume", "Tags": [
                {"Key": "kmsctl:stack", "Value": "s"}]}]}}));
        let made = "<CreateVolumeResponse><volumeId>vol-1</volumeId><status>creating</status>\
                    </CreateVolumeResponse>";
        let replay = replay(&[(200, made)]);
        let ids = Ids::from([("key/a".parse().unwrap(), KEY.parse().unwrap())]);
        let bindings =
            CallBindings { ids: Some(&ids), nonce: Some("n"), ..CallBindings::default() };
        let outcome = replay.aws.call(&home(), &call, bindings).await.unwrap();
        assert_eq!(outcome, Outcome::Made("vol-1".to_owned()));
        let mut sent: Vec<String> =
            replay.bodies()[0].split('&').map(str::to_owned).collect::<Vec<_>>();
        sent.sort();
        let key = KEY.replace(':', "%3A").replace('/', "%2F");
        assert_eq!(
            sent,
            [
                "Action=CreateVolume",
                "AvailabilityZone=eu-west-1a",
                "ClientToken=n",
                "Encrypted=true",
                "Iops=4000",
                &format!("KmsKeyId={key}"),
                "Size=20",
                "TagSpecification.1.ResourceType=volume",
                "TagSpecification.1.Tag.1.Key=kmsctl%3Astack",
                "TagSpecification.1.Tag.1.Value=s",
                "Throughput=250",
                "Version=2016-11-15",
                "VolumeType=gp3",
            ]
        );
    }

    fn refusal(code: &str) -> String {
        format!(
            "<Response><Errors><Error><Code>{code}</Code><Message>No.</Message></Error></Errors>\
             <RequestID>r</RequestID></Response>"
        )
    }

    #[tokio::test]
    async fn a_repeated_modification_succeeds_and_another_one_is_too_early() {
        let call = call(json!({"ModifyVolume": {"VolumeId": "vol-1", "Size": 30}}));
        let early = refusal("IncorrectModificationState");
        let replay1 = replay(&[(400, &early), (200, &change("optimizing", 30))]);
        let outcome = replay1.aws.call(&home(), &call, CallBindings::default()).await.unwrap();
        assert_eq!(outcome, Outcome::Done);
        assert_eq!(
            replay1.bodies()[0],
            "Action=ModifyVolume&Version=2016-11-15&VolumeId=vol-1&Size=30"
        );
        let replay2 = replay(&[(400, &early), (200, &change("optimizing", 25))]);
        let error = replay2.aws.call(&home(), &call, CallBindings::default()).await.unwrap_err();
        assert_eq!(error.fault, Fault::LimitExceeded);
        assert!(error.message.contains("four modifications of a volume in 24 hours"), "{error}");
    }

    #[tokio::test]
    async fn an_attached_volume_is_not_deleted() {
        let call = call(json!({"DeleteVolume": {"VolumeId": "vol-1"}}));
        for (code, fault) in
            [("VolumeInUse", Fault::Other), ("InvalidVolume.NotFound", Fault::NotFound)]
        {
            let aws = replay(&[(400, &refusal(code))]).aws;
            let error = aws.call(&home(), &call, CallBindings::default()).await.unwrap_err();
            assert_eq!(error.fault, fault);
            assert_eq!(error.message.contains("detach it"), code == "VolumeInUse");
        }
    }

    #[tokio::test]
    async fn tags_are_set_and_removed() {
        let tags = json!({"CreateTags": {"Resources": ["vol-1"],
            "Tags": [{"Key": "a", "Value": "b"}]}});
        let keys = json!({"DeleteTags": {"Resources": ["vol-1"], "Tags": [{"Key": "a"}]}});
        for (body, expected) in [
            (
                tags,
                "Action=CreateTags&Version=2016-11-15&ResourceId.1=vol-1&Tag.1.Key=a&Tag.1.Value=b",
            ),
            (keys, "Action=DeleteTags&Version=2016-11-15&ResourceId.1=vol-1&Tag.1.Key=a"),
        ] {
            let action = expected.split(['=', '&']).nth(1).unwrap();
            let answer = format!("<{action}Response><return>true</return></{action}Response>");
            let replay = replay(&[(200, &answer)]);
            replay.aws.call(&home(), &call(body), CallBindings::default()).await.unwrap();
            assert_eq!(replay.bodies(), [expected]);
        }
    }
}
