//! KMS keys with their policy, tags, rotation and state, without their aliases and grants.

pub(crate) mod aws;
mod lift;
mod refuse;
mod rotations;
mod shared;
mod specs;

pub use lift::{Found, Metadata, lift};
pub use refuse::{shut_out, waits_for_material, waking};
pub use rotations::{
    Material, ON_DEMAND_ROTATIONS, PastRotation, Rotations, never_rotated, rotation_obstacle,
    unrotatable,
};
pub use shared::Shared;
pub use specs::{
    AGREE, DEFAULT_ORIGIN, DEFAULT_SPEC, DELETION_DAYS, DESCRIPTION, ENCAPSULATE, ENCRYPT, Family,
    KEY_STORE_ID, MAC, ORIGINS, PENDING_IMPORT, ROTATION_DAYS, SIGN, SPECS, SpecRule, XKS_KEY_ID,
    can_rotate, loss, rule,
};

use super::call::calls;
use super::consumer::tag_calls;
use super::tags::TagRules;
use super::{Address, Calls, Change, KeyFacts, KeyRef, Kind, Resource, Retry, Setting, Violation};
use crate::id::{Name, Place, Region};
use crate::policy::{self, Document};
use refuse::{immutable, importable, lockout, movable, replicable, rotatable};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The tag that marks the keys of a stack. Its value is the stack's name.
pub const STACK_TAG: &str = "kmsctl:stack";
/// The tag with the key's name in the configuration.
pub const NAME_TAG: &str = "kmsctl:name";
/// The tag with a random value that differs in each `CreateKey`. It identifies the key if the
/// answer was lost.
pub const NONCE_TAG: &str = "kmsctl:nonce";
/// The tags of the stack.
pub const MARKS: [&str; 3] = [STACK_TAG, NAME_TAG, NONCE_TAG];

/// The rules for the tags of keys (AWS General Reference, "Tag naming limits and requirements").
pub const TAGS: TagRules = TagRules { own: 3, ..TagRules::COMMON };

/// Automatic rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "RotationForm", into = "RotationForm")]
pub enum Rotation {
    /// KMS does not rotate the key.
    Off,
    /// KMS rotates the key after this number of days, 90 to 2560.
    EveryDays(u32),
}

/// The form of [`Rotation`] in the configuration.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum RotationForm {
    Every { period_days: u32 },
    Off { enabled: bool },
}

impl From<RotationForm> for Rotation {
    fn from(form: RotationForm) -> Self {
        match form {
            RotationForm::Every { period_days } => Self::EveryDays(period_days),
            RotationForm::Off { .. } => Self::Off,
        }
    }
}

impl From<Rotation> for RotationForm {
    fn from(rotation: Rotation) -> Self {
        match rotation {
            Rotation::EveryDays(period_days) => Self::Every { period_days },
            Rotation::Off => Self::Off { enabled: false },
        }
    }
}

/// A key. kmsctl does not change a field that is `None`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The name of the key spec. This field and the six after it are fixed when the key is created.
    pub spec: Option<String>,
    /// The name of the usage.
    pub usage: Option<String>,
    /// The source of the key material.
    pub origin: Option<String>,
    /// Whether the key is a multi-Region key.
    pub multi_region: Option<bool>,
    /// The primary key, if the key is a replica.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<Primary>,
    /// The Region of the primary key of a multi-Region key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary_region: Option<Region>,
    /// The custom key store that holds the key.
    pub custom_key_store_id: Option<String>,
    /// The id of the key in an external key store.
    pub xks_key_id: Option<String>,
    /// The description.
    pub description: Option<String>,
    /// Whether the key is enabled.
    pub enabled: Option<bool>,
    /// Automatic rotation.
    pub rotation: Option<Rotation>,
    /// The key policy.
    pub policy: Option<Document>,
    /// The stack's statements, if the stack does not manage the rest of the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<Shared>,
    /// The reason for a policy that could lock everyone out. If it is set, the safety check of KMS
    /// is bypassed.
    pub allow_lockout: Option<String>,
    /// The declared tags and those of kmsctl. Tags of other owners are left out.
    pub tags: BTreeMap<String, String>,
    /// The waiting period of a deletion, 7 to 30 days. KMS returns it only for a key that is
    /// pending deletion.
    pub deletion_window_days: u32,
    /// The date on which KMS deletes the key, if its deletion is scheduled. Never declared.
    pub deletion: Option<String>,
}

impl Spec {
    /// Returns the form in which the key is created. If the stack does not manage the policy, the
    /// key gets AWS's default policy with the stack's statements.
    #[must_use]
    pub fn newborn(&self, place: &Place, stack: &Name) -> Self {
        let policy = match (&self.policy, &self.shared) {
            (None, Some(shared)) => {
                let default = policy::aws_default(place.region.partition(), place.account.as_str());
                Some(shared.within(&default, stack))
            }
            (policy, _) => policy.clone(),
        };
        Self { policy, ..self.clone() }
    }

    /// Returns `self`, with the intended values of undeclared fields that an interrupted apply was
    /// changing. The apply can leave the key in a state that was not declared: `CancelKeyDeletion` leaves
    /// the key disabled (KMS API Reference), and the last call of a step disables the key.
    pub(super) fn resumed(&self, intent: &Self) -> Self {
        Self { enabled: self.enabled.or(intent.enabled), ..self.clone() }
    }

    /// Returns the record once `to` is applied; `before` is the record now. A key that is disabled outside
    /// of kmsctl is drift, even if the configuration does not set `enabled`.
    pub(super) fn recorded(&self, before: Option<&Self>, to: &Self) -> Self {
        let before = before.and_then(|before| before.enabled);
        let enabled = self.enabled.or(before).or(to.enabled).or(Some(true));
        Self { enabled, ..self.clone() }
    }

    /// Returns why the change is refused while the key is protected.
    pub(super) fn interruption(&self, to: &Self) -> Option<Violation> {
        let disables = self.enabled != Some(false) && to.enabled == Some(false);
        if !disables || self.deletion.is_some() {
            return None;
        }
        Some(Violation::new(
            "enabled",
            "the key is protected, and the resources that use it would stop working",
            "first apply `protect: false`, and then `enabled: false`",
        ))
    }
}

/// The primary key of replicas. A replica in another Region has the same id and the same key
/// material.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Primary {
    /// The key.
    pub key: KeyRef,
    /// The Region of the key, to which `ReplicateKey` is sent unless the primary key has moved.
    pub region: Region,
}

/// A tag in the form of the KMS API.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// The tag key.
    pub tag_key: String,
    /// The tag value.
    pub tag_value: String,
}

calls! {
    /// The calls that change a key.
    pub enum Call {
        CreateKey {
            #[serde(default, skip_serializing_if = "Option::is_none")]
            key_spec: Option<String>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            key_usage: Option<String>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            origin: Option<String>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            multi_region: Option<bool>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            custom_key_store_id: Option<String>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            xks_key_id: Option<String>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            description: Option<String>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            policy: Option<Document>,
            #[serde(default, skip_serializing_if = "std::ops::Not::not")]
            bypass_policy_lockout_safety_check: bool,
            tags: Vec<Tag>,
        },
        ReplicateKey {
            key_id: KeyRef,
            replica_region: Region,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            description: Option<String>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            policy: Option<Document>,
            #[serde(default, skip_serializing_if = "std::ops::Not::not")]
            bypass_policy_lockout_safety_check: bool,
            tags: Vec<Tag>,
        },
        CancelKeyDeletion {},
        EnableKey {},
        DisableKey {},
        UpdateKeyDescription {
            description: String,
        },
        PutKeyPolicy {
            policy_name: String,
            policy: Document,
            #[serde(default, skip_serializing_if = "std::ops::Not::not")]
            bypass_policy_lockout_safety_check: bool,
        },
        TagResource {
            tags: Vec<Tag>,
        },
        UntagResource {
            tag_keys: Vec<String>,
        },
        EnableKeyRotation {
            rotation_period_in_days: u32,
        },
        DisableKeyRotation {},
        UpdatePrimaryRegion {
            primary_region: Region,
        },
        ScheduleKeyDeletion {
            pending_window_in_days: u32,
        },
    }
}

impl Call {
    /// Returns the key policy that the call contains, if any.
    #[must_use]
    pub fn policy(&self) -> Option<&Document> {
        match self {
            Self::CreateKey(call) => call.policy.as_ref(),
            Self::ReplicateKey(call) => call.policy.as_ref(),
            Self::PutKeyPolicy(call) => Some(&call.policy),
            Self::CancelKeyDeletion(_)
            | Self::EnableKey(_)
            | Self::DisableKey(_)
            | Self::UpdateKeyDescription(_)
            | Self::TagResource(_)
            | Self::UntagResource(_)
            | Self::EnableKeyRotation(_)
            | Self::DisableKeyRotation(_)
            | Self::UpdatePrimaryRegion(_)
            | Self::ScheduleKeyDeletion(_) => None,
        }
    }
}

/// The kind of keys.
#[derive(Debug)]
pub struct Key;

impl Resource for Key {
    type Spec = Spec;
    type Call = Call;
    const SERVICE: &'static str = "kms";

    fn refs(spec: &Spec) -> Vec<&KeyRef> {
        spec.primary.iter().map(|primary| &primary.key).collect()
    }

    /// AWS chooses the id.
    fn natural(_: &Spec, _: &Place) -> Option<String> {
        None
    }

    fn complete(declared: &Spec, live: &Spec, stack: &Name) -> Spec {
        fn or<T: Clone>(declared: Option<&T>, live: Option<&T>) -> Option<T> {
            declared.or(live).cloned()
        }
        let same_policy = declared.policy == live.policy;
        Spec {
            spec: or(declared.spec.as_ref(), live.spec.as_ref()),
            usage: or(declared.usage.as_ref(), live.usage.as_ref()),
            origin: or(declared.origin.as_ref(), live.origin.as_ref()),
            multi_region: declared.multi_region.or(live.multi_region),
            primary: declared.primary.clone(),
            primary_region: or(declared.primary_region.as_ref(), live.primary_region.as_ref()),
            custom_key_store_id: or(
                declared.custom_key_store_id.as_ref(),
                live.custom_key_store_id.as_ref(),
            ),
            xks_key_id: or(declared.xks_key_id.as_ref(), live.xks_key_id.as_ref()),
            description: or(declared.description.as_ref(), live.description.as_ref()),
            // `CancelKeyDeletion` leaves the key disabled (KMS API Reference). It is enabled again
            // unless the configuration disables it.
            enabled: declared.enabled.or(live.deletion.as_ref().map(|_| true)).or(live.enabled),
            rotation: declared.rotation.or(live.rotation),
            policy: match (&declared.shared, &live.policy) {
                (Some(shared), Some(live)) => Some(shared.within(live, stack)),
                (None, Some(policy)) if declared.policy.is_none() => {
                    // The stack's statements are removed together with the last consumer that needs
                    // them.
                    Some(match &live.shared {
                        Some(_) => Shared::none().within(policy, stack),
                        None => policy.clone(),
                    })
                }
                _ if same_policy => live.policy.clone(),
                _ => or(declared.policy.as_ref(), live.policy.as_ref()),
            },
            shared: declared.shared.clone(),
            allow_lockout: declared.allow_lockout.clone(),
            tags: lift::with_marks(&declared.tags, &live.tags),
            deletion_window_days: declared.deletion_window_days,
            deletion: None,
        }
    }

    fn calls(change: Change<&Spec>, setting: &Setting<'_>) -> Result<Calls<Call>, Vec<Violation>> {
        let place = setting.place;
        if let Some(to) = change.to() {
            lockout(setting, change.from().copied(), to)?;
        }
        match change {
            Change::Create { to } => {
                importable(to)?;
                replicable(to, setting.keys)?;
                Ok(create(place, to, setting.keys))
            }
            Change::Update { from, to } | Change::Import { from, to } => {
                immutable(from, to)?;
                rotatable(from, to)?;
                movable(from, to)?;
                Ok(update(setting, from, to))
            }
            Change::Delete { from } => Ok(delete(place, from)),
            Change::Forget { .. } => Ok(Calls::all_at(place, Vec::new())),
        }
    }

    fn retry(call: &Call) -> Retry {
        match call {
            Call::CreateKey(_) | Call::ReplicateKey(_) => Retry::ProbeByTag,
            Call::CancelKeyDeletion(_)
            | Call::ScheduleKeyDeletion(_)
            | Call::UpdatePrimaryRegion(_) => Retry::ProbeByName,
            Call::EnableKey(_)
            | Call::DisableKey(_)
            | Call::UpdateKeyDescription(_)
            | Call::PutKeyPolicy(_)
            | Call::TagResource(_)
            | Call::UntagResource(_)
            | Call::EnableKeyRotation(_)
            | Call::DisableKeyRotation(_) => Retry::Repeat,
        }
    }

    fn changes_key(_: &Call) -> bool {
        true
    }
}

fn create(place: &Place, to: &Spec, facts: &KeyFacts) -> Calls<Call> {
    // A policy that contains the key's own ARN is set after the key has been created.
    let (at_creation, afterwards) = match to.policy.as_ref() {
        Some(policy) if policy.names_own_key() => (None, Some(policy)),
        policy => (policy, None),
    };
    let bypass_policy_lockout_safety_check = at_creation.is_some() && to.allow_lockout.is_some();
    let (description, tags) = (to.description.clone(), tag_list(&to.tags));
    let policy = at_creation.cloned();
    let make: Call = match &to.primary {
        Some(primary) => ReplicateKey {
            key_id: primary.key.clone(),
            replica_region: place.region.clone(),
            description,
            policy,
            bypass_policy_lockout_safety_check,
            tags,
        }
        .into(),
        None => CreateKey {
            key_spec: to.spec.clone(),
            key_usage: to.usage.clone(),
            origin: to.origin.clone(),
            multi_region: to.multi_region,
            custom_key_store_id: to.custom_key_store_id.clone(),
            xks_key_id: to.xks_key_id.clone(),
            description,
            policy,
            bypass_policy_lockout_safety_check,
            tags,
        }
        .into(),
    };
    let mut calls: Vec<Call> = Vec::new();
    calls.extend(afterwards.map(|policy| put_policy(policy, to)));
    if let Some(Rotation::EveryDays(days)) = to.rotation {
        calls.push(EnableKeyRotation { rotation_period_in_days: days }.into());
    }
    let mut calls = Calls::all_at(place, calls);
    // `ReplicateKey` is sent to the Region of the primary key, which may have moved.
    let region = to.primary.as_ref().map_or(&place.region, |primary| {
        let live = facts.get(&primary.key).and_then(|fact| fact.primary_region.as_ref());
        live.unwrap_or(&primary.region)
    });
    calls.first.insert(0, (in_region(place, region), make));
    calls.last.extend(primary_move(place, &place.region, to));
    if to.enabled == Some(false) {
        calls.last.push((place.clone(), DisableKey {}.into()));
    }
    calls.risk = bypass_risk(to);
    calls
}

/// Returns the calls of an update. The key is enabled first and disabled last, because KMS changes
/// neither the rotation nor the grants of a disabled key, and only the policy of a key that is
/// pending deletion (KMS Developer Guide, "Key states of AWS KMS keys").
fn update(setting: &Setting<'_>, from: &Spec, to: &Spec) -> Calls<Call> {
    let place = setting.place;
    let mut calls = Vec::new();
    let mut risk = None;
    let mut enabled = from.enabled;
    if from.deletion.is_some() {
        calls.push(CancelKeyDeletion {}.into());
        enabled = Some(false);
        risk = Some("cancels the scheduled deletion of the key".to_owned());
    }
    // The primary key decides the rotation, and it may be in another Region.
    let primary = from.primary_region.as_ref().unwrap_or(&place.region);
    let rotates_here = from.rotation != to.rotation && *primary == place.region;
    if enabled == Some(false) && (to.enabled == Some(true) || rotates_here) {
        calls.push(EnableKey {}.into());
        enabled = Some(true);
    }
    if from.description != to.description
        && let Some(description) = &to.description
    {
        calls.push(UpdateKeyDescription { description: description.clone() }.into());
    }
    if from.policy != to.policy
        && let Some(policy) = &to.policy
    {
        calls.push(put_policy(policy, to));
        risk = risk.or_else(|| bypass_risk(to));
    }
    calls.extend(tag_calls(
        &from.tags,
        &to.tags,
        |set| TagResource { tags: tag_list(set) }.into(),
        |tag_keys| UntagResource { tag_keys }.into(),
    ));
    let rotation = rotation(from, to);
    let mut calls = Calls::all_at(place, calls);
    if let Some(rotation) = rotation {
        let wakes = !rotates_here && is_disabled(setting, primary);
        let there = wakes.then(|| (EnableKey {}.into(), DisableKey {}.into()));
        let (before, after): (Option<Call>, Option<Call>) = there.unzip();
        let all = before.into_iter().chain([rotation]).chain(after);
        calls.first.extend(all.map(|call| (in_region(place, primary), call)));
        if wakes {
            let wakes =
                format!("enables the primary key in {primary} temporarily to change its rotation");
            risk = risk.or(Some(wakes));
        }
    }
    calls.last.extend(primary_move(place, primary, to));
    if to.enabled == Some(false) && enabled != Some(false) {
        calls.last.push((place.clone(), DisableKey {}.into()));
        let risky = match from.enabled {
            Some(false) => "enables the key temporarily to change its rotation",
            Some(true) | None => "resources that use the key stop working when it is disabled",
        };
        risk = Some(risky.to_owned());
    }
    calls.risk = risk;
    calls
}

/// Returns whether the related key in another Region is disabled, as far as that is known.
fn is_disabled(setting: &Setting<'_>, region: &Region) -> bool {
    let replica = Address::new(Kind::Key, format!("{}/{region}", setting.name));
    let fact = setting.keys.get(&KeyRef::Managed(replica));
    fact.is_some_and(|fact| fact.state.as_deref() == Some("Disabled"))
}

/// Returns the call that changes the rotation, if it changes.
fn rotation(from: &Spec, to: &Spec) -> Option<Call> {
    if from.rotation == to.rotation {
        return None;
    }
    Some(match to.rotation? {
        Rotation::EveryDays(days) => EnableKeyRotation { rotation_period_in_days: days }.into(),
        Rotation::Off => DisableKeyRotation {}.into(),
    })
}

/// Returns the call that makes the key of another Region the primary key. It is sent to the Region of the current
/// primary key (KMS API Reference, UpdatePrimaryRegion), and comes last, because the replica may be created by the
/// same plan.
fn primary_move(place: &Place, current: &Region, to: &Spec) -> Option<(Place, Call)> {
    let wanted = to.primary_region.as_ref().filter(|wanted| *wanted != current)?;
    if to.primary.is_some() {
        return None;
    }
    let call = UpdatePrimaryRegion { primary_region: wanted.clone() };
    Some((in_region(place, current), call.into()))
}

fn in_region(place: &Place, region: &Region) -> Place {
    Place { account: place.account.clone(), region: region.clone() }
}

fn bypass_risk(to: &Spec) -> Option<String> {
    let reason = to.allow_lockout.as_ref()?;
    Some(format!("bypasses the policy lockout safety check of KMS; the reason given: {reason}"))
}

fn delete(place: &Place, from: &Spec) -> Calls<Call> {
    if from.deletion.is_some() {
        return Calls::all_at(place, Vec::new());
    }
    let days = from.deletion_window_days;
    let call = ScheduleKeyDeletion { pending_window_in_days: days }.into();
    let mut calls = Calls::all_at(place, vec![call]);
    let loss = loss(from.usage.as_deref());
    calls.risk =
        Some(format!("schedules the deletion of the key in {days} days; from now on {loss}"));
    calls
}

fn put_policy(policy: &Document, to: &Spec) -> Call {
    PutKeyPolicy {
        policy_name: "default".to_owned(),
        policy: policy.clone(),
        bypass_policy_lockout_safety_check: to.allow_lockout.is_some(),
    }
    .into()
}

/// Returns the call that takes the tags of the stack off a key. KMS does not mind a tag that the key does not have (KMS
/// API Reference, UntagResource).
#[must_use]
pub fn untag() -> Call {
    let tag_keys = MARKS.map(str::to_owned).to_vec();
    UntagResource { tag_keys }.into()
}

fn tag_list(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { tag_key: key.clone(), tag_value: value.clone() }).collect()
}
