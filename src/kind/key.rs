//! KMS keys with their policy, tags, rotation and state. Knows nothing of aliases and grants.

pub(crate) mod aws;
mod lift;
mod refuse;

pub use lift::{Metadata, lift};
pub use refuse::{shut_out, waking};

use super::call::calls;
use super::consumer::tag_calls;
use super::{Calls, Change, KeyRef, Resource, Retry, Setting, Violation};
use crate::id::{Name, Place, Region};
use crate::policy::{self, Document};
use refuse::{immutable, importable, lockout, rotatable};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Marks the keys of a stack; its value is the stack's name.
pub const STACK_TAG: &str = "kmsctl:stack";
/// The key's name in the configuration.
pub const NAME_TAG: &str = "kmsctl:name";
/// A random value, different in each `CreateKey`: how a key whose answer was lost is found again.
pub const NONCE_TAG: &str = "kmsctl:nonce";

/// What a resource may carry of its own: AWS allows 50 tags, kmsctl needs 3.
pub const MAX_TAGS: usize = 47;

/// The type of a key: what a key of some spec is used for (KMS API Reference, CreateKey: `KeySpec`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Symmetric encryption.
    Symmetric,
    /// Message authentication codes.
    Mac,
    /// A key pair.
    Asymmetric,
}

/// A key spec: its name, its family and the usages that AWS allows with it, the default first.
#[derive(Debug)]
pub struct SpecRule {
    /// AWS's name.
    pub name: &'static str,
    /// What it is.
    pub family: Family,
    /// AWS's names of the usages that it allows.
    pub usages: &'static [&'static str],
}

const ENCRYPT: &str = "ENCRYPT_DECRYPT";
const SIGN: &str = "SIGN_VERIFY";
const MAC: &str = "GENERATE_VERIFY_MAC";
const AGREE: &str = "KEY_AGREEMENT";

/// Every key spec of KMS, with the usages that it supports (KMS API Reference, CreateKey: `KeySpec`
/// and `KeyUsage`).
pub const SPECS: &[SpecRule] = &[
    SpecRule { name: "SYMMETRIC_DEFAULT", family: Family::Symmetric, usages: &[ENCRYPT] },
    SpecRule { name: "HMAC_224", family: Family::Mac, usages: &[MAC] },
    SpecRule { name: "HMAC_256", family: Family::Mac, usages: &[MAC] },
    SpecRule { name: "HMAC_384", family: Family::Mac, usages: &[MAC] },
    SpecRule { name: "HMAC_512", family: Family::Mac, usages: &[MAC] },
    SpecRule { name: "RSA_2048", family: Family::Asymmetric, usages: &[ENCRYPT, SIGN] },
    SpecRule { name: "RSA_3072", family: Family::Asymmetric, usages: &[ENCRYPT, SIGN] },
    SpecRule { name: "RSA_4096", family: Family::Asymmetric, usages: &[ENCRYPT, SIGN] },
    SpecRule { name: "ECC_NIST_P256", family: Family::Asymmetric, usages: &[SIGN, AGREE] },
    SpecRule { name: "ECC_NIST_P384", family: Family::Asymmetric, usages: &[SIGN, AGREE] },
    SpecRule { name: "ECC_NIST_P521", family: Family::Asymmetric, usages: &[SIGN, AGREE] },
    SpecRule { name: "ECC_NIST_EDWARDS25519", family: Family::Asymmetric, usages: &[SIGN] },
    SpecRule { name: "ECC_SECG_P256K1", family: Family::Asymmetric, usages: &[SIGN] },
    SpecRule { name: "ML_DSA_44", family: Family::Asymmetric, usages: &[SIGN] },
    SpecRule { name: "ML_DSA_65", family: Family::Asymmetric, usages: &[SIGN] },
    SpecRule { name: "ML_DSA_87", family: Family::Asymmetric, usages: &[SIGN] },
    SpecRule { name: "SM2", family: Family::Asymmetric, usages: &[ENCRYPT, SIGN, AGREE] },
];

/// The spec of a key that names none.
pub const DEFAULT_SPEC: &str = "SYMMETRIC_DEFAULT";
/// The origin of a key that names none.
pub const DEFAULT_ORIGIN: &str = "AWS_KMS";

/// The rules of the spec called `name`.
#[must_use]
pub fn rule(name: &str) -> Option<&'static SpecRule> {
    SPECS.iter().find(|spec| spec.name == name)
}

/// Whether KMS can rotate a key automatically: only a symmetric encryption key with key material that
/// KMS generated (KMS API Reference, EnableKeyRotation).
#[must_use]
pub fn can_rotate(spec: &str, origin: &str) -> bool {
    spec == DEFAULT_SPEC && origin == DEFAULT_ORIGIN
}

/// Automatic rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "RotationForm", into = "RotationForm")]
pub enum Rotation {
    /// Switched off.
    Off,
    /// Every so many days, 90 to 2560.
    EveryDays(u32),
}

/// Rotation in the words of the configuration.
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

/// A key. `None` is a field that is left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// AWS's name of the key spec; fixed at creation, as are the five after it.
    pub spec: Option<String>,
    /// AWS's name of the usage.
    pub usage: Option<String>,
    /// Where the key material comes from.
    pub origin: Option<String>,
    /// Whether replicas can be made.
    pub multi_region: Option<bool>,
    /// The key that it is a replica of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<Primary>,
    /// The custom key store that holds the key.
    pub custom_key_store_id: Option<String>,
    /// The key's id in an external key store.
    pub xks_key_id: Option<String>,
    /// Shown in the console and in CloudTrail.
    pub description: Option<String>,
    /// Whether the key can be used.
    pub enabled: Option<bool>,
    /// Automatic rotation.
    pub rotation: Option<Rotation>,
    /// Who can do what.
    pub policy: Option<Document>,
    /// The statements that are kmsctl's in a policy that otherwise is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<Shared>,
    /// Why a policy that could lock everybody out is wanted; AWS's own check is then bypassed.
    pub allow_lockout: Option<String>,
    /// The declared tags and kmsctl's own; nobody else's.
    pub tags: BTreeMap<String, String>,
    /// How long a deletion waits, 7 to 30 days. AWS shows it only once deletion is scheduled.
    pub deletion_window_days: u32,
    /// When AWS will delete the key, if deletion is scheduled. Never declared.
    pub deletion: Option<String>,
}

impl Spec {
    /// The form that is created: where the policy is not the stack's, AWS's own with the stack's
    /// statements.
    #[must_use]
    pub fn newborn(&self, place: &Place, stack: &Name) -> Self {
        let around = |shared: &Shared| {
            let default = policy::aws_default(place.region.partition(), place.account.as_str());
            shared.within(&default, stack)
        };
        let policy = self.policy.clone().or_else(|| self.shared.as_ref().map(around));
        Self { policy, ..self.clone() }
    }
}

/// The key that others are replicas of: same id, same material, one in each Region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Primary {
    /// The key.
    pub key: KeyRef,
    /// Its Region, where replicas are asked for.
    pub region: Region,
}

/// Statements in a policy of somebody else: the others stay as they are, character for character.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    /// The statements. Their Sids begin with [`Shared::prefix`].
    pub statements: Document,
}

impl Shared {
    /// No statement at all.
    #[must_use]
    pub fn none() -> Self {
        Self { statements: Document::empty() }
    }

    /// What the Sids of a stack's statements in somebody else's policy begin with: Sids of key
    /// policies take letters, digits and spaces, names of stacks more than those.
    #[must_use]
    pub fn prefix(stack: &Name) -> String {
        let digest = Sha256::digest(stack.as_str().as_bytes());
        let mark: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { ' ' };
        let words: String = stack.as_str().chars().map(plain).collect();
        format!("kmsctl {words} {mark} ")
    }

    /// The policy with the statements in it, and without others of the stack's.
    #[must_use]
    pub fn within(&self, policy: &Document, stack: &Name) -> Document {
        let ours = policy::derive::owned(&self.statements, "");
        let prefix = Self::prefix(stack);
        policy::derive::merged(policy, &ours, &prefix).unwrap_or_else(|_| policy.clone())
    }
}

/// A tag as AWS's API writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// Its key.
    pub tag_key: String,
    /// Its value.
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
            policy: Option<String>,
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
            policy: Option<String>,
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
            policy: String,
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
        ScheduleKeyDeletion {
            pending_window_in_days: u32,
        },
    }
}

/// The kind.
#[derive(Debug)]
pub struct Key;

impl Resource for Key {
    type Spec = Spec;
    type Call = Call;
    const SERVICE: &'static str = "kms";

    fn refs(spec: &Spec) -> Vec<&KeyRef> {
        spec.primary.iter().map(|primary| &primary.key).collect()
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
            custom_key_store_id: or(
                declared.custom_key_store_id.as_ref(),
                live.custom_key_store_id.as_ref(),
            ),
            xks_key_id: or(declared.xks_key_id.as_ref(), live.xks_key_id.as_ref()),
            description: or(declared.description.as_ref(), live.description.as_ref()),
            // `CancelKeyDeletion` leaves the key disabled (KMS API Reference): it is enabled again
            // unless the configuration says otherwise.
            enabled: declared.enabled.or(live.deletion.as_ref().map(|_| true)).or(live.enabled),
            rotation: declared.rotation.or(live.rotation),
            policy: match (&declared.shared, &live.policy) {
                (Some(shared), Some(live)) => Some(shared.within(live, stack)),
                (None, Some(policy)) if declared.policy.is_none() => {
                    // Statements that were kmsctl's go with the last consumer that needed them.
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
            tags: declared.tags.clone(),
            deletion_window_days: declared.deletion_window_days,
            deletion: None,
        }
    }

    /// `CancelKeyDeletion` leaves the key disabled (KMS API Reference), and a key is disabled only at
    /// the end: an apply that was cut short leaves the key in a state that nobody meant.
    fn resumed(declared: &Spec, intent: &Spec) -> Spec {
        Spec { enabled: declared.enabled.or(intent.enabled), ..declared.clone() }
    }

    /// A key that somebody disables by hand is drift even where the configuration does not say
    /// `enabled`.
    fn recorded(declared: &Spec, before: Option<&Spec>, to: &Spec) -> Spec {
        let before = before.and_then(|before| before.enabled);
        let enabled = declared.enabled.or(before).or(to.enabled).or(Some(true));
        Spec { enabled, ..declared.clone() }
    }

    fn calls(change: Change<&Spec>, setting: &Setting<'_>) -> Result<Calls<Call>, Vec<Violation>> {
        let place = setting.place;
        if let Some(to) = change.to() {
            lockout(setting, change.from().copied(), to)?;
        }
        match change {
            Change::Create { to } => {
                importable(to)?;
                Ok(create(place, to))
            }
            Change::Update { from, to } | Change::Import { from, to } => {
                immutable(from, to)?;
                rotatable(from, to)?;
                Ok(update(place, from, to))
            }
            Change::Delete { from } => Ok(delete(place, from)),
            Change::Forget { .. } => Ok(Calls::all_at(place, Vec::new())),
        }
    }

    fn interruption(from: &Spec, to: &Spec) -> Option<Violation> {
        let disables = from.enabled != Some(false) && to.enabled == Some(false);
        (disables && from.deletion.is_none()).then(|| {
            Violation::new(
                "enabled",
                "the key is protected, and the resources that use it would stop working",
                "first apply `protect: false`, and then `enabled: false`",
            )
        })
    }

    fn retry(call: &Call) -> Retry {
        match call {
            Call::CreateKey(_) | Call::ReplicateKey(_) => Retry::ProbeByTag,
            Call::CancelKeyDeletion(_) | Call::ScheduleKeyDeletion(_) => Retry::ProbeByName,
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

    fn principals(call: &Call) -> Vec<String> {
        let policy = match call {
            Call::CreateKey(call) => call.policy.as_ref(),
            Call::ReplicateKey(call) => call.policy.as_ref(),
            Call::PutKeyPolicy(call) => Some(&call.policy),
            Call::CancelKeyDeletion(_)
            | Call::EnableKey(_)
            | Call::DisableKey(_)
            | Call::UpdateKeyDescription(_)
            | Call::TagResource(_)
            | Call::UntagResource(_)
            | Call::EnableKeyRotation(_)
            | Call::DisableKeyRotation(_)
            | Call::ScheduleKeyDeletion(_) => None,
        };
        let read = policy.and_then(|text| Document::from_live(text, "aws").ok());
        read.map(|policy| policy.principals()).unwrap_or_default()
    }
}

fn create(place: &Place, to: &Spec) -> Calls<Call> {
    // A policy that names the key's own ARN is put after the key exists.
    let (at_creation, afterwards) = match to.policy.as_ref() {
        Some(policy) if policy.names_own_key() => (None, Some(policy)),
        policy => (policy, None),
    };
    let bypass_policy_lockout_safety_check = at_creation.is_some() && to.allow_lockout.is_some();
    let (description, tags) = (to.description.clone(), tag_list(&to.tags));
    let policy = at_creation.map(Document::to_json);
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
    // Replicas are asked for in the Region of the primary.
    let region = to.primary.as_ref().map_or(&place.region, |primary| &primary.region);
    let at = Place { account: place.account.clone(), region: region.clone() };
    calls.first.insert(0, (at, make));
    if to.enabled == Some(false) {
        calls.last.push((place.clone(), DisableKey {}.into()));
    }
    calls.risk = bypass_risk(to);
    calls
}

/// The key is enabled first and disabled last. KMS changes neither rotation nor grants of a disabled
/// key, and only the policy of a key that is pending deletion (KMS Developer Guide, Key states of AWS
/// KMS keys).
fn update(place: &Place, from: &Spec, to: &Spec) -> Calls<Call> {
    let mut calls = Vec::new();
    let mut risk = None;
    let mut enabled = from.enabled;
    if from.deletion.is_some() {
        calls.push(CancelKeyDeletion {}.into());
        enabled = Some(false);
        risk = Some("cancels the scheduled deletion of the key".to_owned());
    }
    let rotates = from.rotation != to.rotation;
    if enabled == Some(false) && (to.enabled == Some(true) || rotates) {
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
    match to.rotation {
        Some(Rotation::EveryDays(days)) if rotates => {
            calls.push(EnableKeyRotation { rotation_period_in_days: days }.into());
        }
        Some(Rotation::Off) if rotates => calls.push(DisableKeyRotation {}.into()),
        Some(Rotation::EveryDays(_) | Rotation::Off) | None => {}
    }
    let mut calls = Calls::all_at(place, calls);
    if to.enabled == Some(false) && enabled != Some(false) {
        calls.last.push((place.clone(), DisableKey {}.into()));
        let risky = match from.enabled {
            Some(false) => "enables the key for as long as its rotation changes",
            Some(true) | None => "everything that needs the key stops working once it is disabled",
        };
        risk = Some(risky.to_owned());
    }
    calls.risk = risk;
    calls
}

fn bypass_risk(to: &Spec) -> Option<String> {
    let reason = to.allow_lockout.as_ref()?;
    Some(format!("AWS's lock-out check is bypassed; the reason given: {reason}"))
}

fn delete(place: &Place, from: &Spec) -> Calls<Call> {
    if from.deletion.is_some() {
        return Calls::all_at(place, Vec::new());
    }
    let days = from.deletion_window_days;
    let call = ScheduleKeyDeletion { pending_window_in_days: days }.into();
    let mut calls = Calls::all_at(place, vec![call]);
    calls.risk = Some(format!(
        "schedules the deletion of the key in {days} days; from now on nothing can be decrypted with it"
    ));
    calls
}

fn put_policy(policy: &Document, to: &Spec) -> Call {
    PutKeyPolicy {
        policy_name: "default".to_owned(),
        policy: policy.to_json(),
        bypass_policy_lockout_safety_check: to.allow_lockout.is_some(),
    }
    .into()
}

fn tag_list(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { tag_key: key.clone(), tag_value: value.clone() }).collect()
}
