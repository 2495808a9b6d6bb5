//! EBS (EC2 API Reference, CreateVolume and ModifyVolume).

use super::{Answer, Held, Request, Shelf, retag, tags_of};
use kmsctl::answer::{Fault, Outcome};
use kmsctl::id::Place;
use kmsctl::kind::ConsumerSpec;
use kmsctl::kind::consumer::{self, Common, Encryption, Tags};
use kmsctl::kind::ebs_volume::{
    Call, CreateTags, CreateVolume, DeleteTags, DeleteVolume, Modification, ModifyVolume, Settings,
};
use kmsctl::kind::{Object, Phase};
use kmsctl::kind::{ebs_default, ebs_volume};

/// Returns the settings of a Region that were never changed.
pub(super) fn default_of(at: &Place) -> Object {
    let common = Common { key: Some(Encryption::Aws), existing: None, tags: Tags::new() };
    let settings = ebs_default::Settings { encryption: Some(false) };
    let spec = ConsumerSpec::EbsDefault(consumer::Spec { common, settings });
    Object { id: at.region.to_string(), spec, phase: Phase::Ready }
}

pub(super) fn set_default(
    request: &Request<'_>,
    shelf: &mut Shelf,
    call: &ebs_default::Call,
) -> Answer {
    let object = default_of(request.at);
    let fresh = Held { object: object.clone(), busy: 0, going: false };
    let ConsumerSpec::EbsDefault(spec) = &mut shelf.entry(object.id).or_insert(fresh).object.spec
    else {
        panic!("not the defaults");
    };
    match call {
        ebs_default::Call::ModifyEbsDefaultKmsKeyId(ebs_default::ModifyEbsDefaultKmsKeyId {
            kms_key_id,
        }) => {
            spec.common.key = Some(request.key(Some(kms_key_id))?);
        }
        ebs_default::Call::ResetEbsDefaultKmsKeyId(_) => spec.common.key = Some(Encryption::Aws),
        ebs_default::Call::EnableEbsEncryptionByDefault(_) => spec.settings.encryption = Some(true),
        ebs_default::Call::DisableEbsEncryptionByDefault(_) => {
            spec.settings.encryption = Some(false);
        }
    }
    Ok(Outcome::Done)
}

pub(super) fn execute(request: &Request<'_>, shelf: &mut Shelf, call: &Call) -> Answer {
    match call {
        Call::CreateVolume(call) => return create(request, shelf, call),
        Call::DeleteVolume(DeleteVolume { volume_id }) => return request.take(shelf, volume_id),
        Call::ModifyVolume(ModifyVolume { volume_id, form }) => {
            let held = request.held(shelf, volume_id)?;
            if *form == Modification::default() {
                return request.fail(Fault::Invalid, "nothing to modify");
            }
            let settings = settings_of(&mut held.object.spec);
            if form.size < settings.size_gib && form.size.is_some() {
                return request.fail(Fault::Invalid, "a volume does not shrink");
            }
            modify(settings, form);
            check(request, settings)?;
        }
        Call::CreateTags(CreateTags { resources, tags }) => {
            retag(request.held(shelf, &resources[0])?, tags, &[]);
        }
        Call::DeleteTags(DeleteTags { resources, tags }) => {
            let keys: Vec<String> = tags.iter().map(|tag| tag.key.clone()).collect();
            retag(request.held(shelf, &resources[0])?, &[], &keys);
        }
    }
    Ok(Outcome::Done)
}

/// Creates a volume. The id is computed from the token, so a repeated token creates no second
/// volume. If the key is not usable, the volume is deleted later.
fn create(request: &Request<'_>, shelf: &mut Shelf, call: &CreateVolume) -> Answer {
    let CreateVolume {
        availability_zone,
        encrypted,
        kms_key_id,
        snapshot_id,
        form,
        tag_specifications,
    } = call;
    let token = request.bindings.nonce.expect("a token");
    let number: u64 = token.rsplit('-').next().unwrap().parse().unwrap();
    let id = format!("vol-{number:08x}");
    if shelf.contains_key(&id) {
        return Ok(Outcome::Made(id));
    }
    if !encrypted || form.size.or(snapshot_id.as_ref().map(|_| 1)).is_none() {
        return request.fail(Fault::Invalid, "neither a size nor a snapshot, or not encrypted");
    }
    let mut settings = Settings {
        availability_zone: Some(availability_zone.clone()),
        size_gib: Some(8),
        r#type: Some("gp2".to_owned()),
        snapshot_id: snapshot_id.clone(),
        multi_attach: Some(false),
        ..Settings::default()
    };
    modify(&mut settings, form);
    check(request, &settings)?;
    let key = request.key(Some(kms_key_id));
    let tags = tags_of(&tag_specifications[0].tags);
    let works = key.is_ok();
    let common = Common { key: Some(key.unwrap_or(Encryption::Aws)), existing: None, tags };
    let spec = ConsumerSpec::EbsVolume(consumer::Spec { common, settings });
    let made = request.make(shelf, Object { id: id.clone(), spec, phase: Phase::Ready });
    if !works && let Some(held) = shelf.get_mut(&id) {
        (held.busy, held.going) = (held.busy + 1, true);
    }
    made
}

/// Changes the settings. A new volume type has its own defaults.
fn modify(settings: &mut Settings, form: &Modification) {
    let before = settings.r#type.clone();
    settings.r#type = form.volume_type.clone().or(before.clone());
    settings.size_gib = form.size.or(settings.size_gib);
    if before != settings.r#type {
        (settings.iops, settings.throughput) = match settings.r#type.as_deref() {
            Some("gp3") => (Some(3000), Some(125)),
            Some("io1" | "io2") => (Some(3000), None),
            _ => (None, None),
        };
    }
    settings.iops = form.iops.or(settings.iops);
    settings.throughput = form.throughput.or(settings.throughput);
    settings.multi_attach = form.multi_attach_enabled.or(settings.multi_attach);
}

fn check(request: &Request<'_>, settings: &Settings) -> Result<(), kmsctl::answer::CloudError> {
    let (iops, throughput) = match settings.r#type.as_deref() {
        Some("gp3") => (true, true),
        Some("io1" | "io2") => (true, false),
        _ => (false, false),
    };
    if settings.iops.is_some() && !iops || settings.throughput.is_some() && !throughput {
        return request.fail(Fault::Invalid, "the type takes no such parameter");
    }
    if settings.multi_attach == Some(true) && (!iops || throughput) {
        return request.fail(Fault::Invalid, "the type cannot be attached by several");
    }
    Ok(())
}

fn settings_of(spec: &mut ConsumerSpec) -> &mut Settings {
    match spec {
        ConsumerSpec::EbsVolume(ebs_volume) => {
            let spec: &mut consumer::Spec<ebs_volume::Settings> = ebs_volume;
            &mut spec.settings
        }
        other => panic!("{other:?}"),
    }
}
