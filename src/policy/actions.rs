//! The KMS actions, from the Service Authorization Reference, and how names are matched and spelled.

use std::fmt;
use std::sync::LazyLock;

/// `*` and `?` matching; both sides are taken as they are, so lower-case them first where case does not count.
pub(super) use super::pattern::glob;

/// What a person means by an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// Change the key policy: whoever can, can do everything.
    ChangePolicy,
    /// Make, see the use of, and take back grants.
    Grant,
    /// Disable the key, schedule its deletion, delete its material.
    Destroy,
    /// Enable, rotate, replicate, describe, import.
    Administer,
    /// Change tags and aliases, which policies may depend on.
    Label,
    /// Turn plaintext into ciphertext, and make data keys.
    Encrypt,
    /// Turn ciphertext into plaintext.
    Decrypt,
    /// Sign.
    Sign,
    /// Verify signatures.
    Verify,
    /// Make and verify message authentication codes.
    Mac,
    /// Look at the key, its policy, its grants.
    See,
}

impl Capability {
    /// The word in every output.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::ChangePolicy => "change the policy",
            Self::Grant => "grant",
            Self::Destroy => "disable and delete",
            Self::Administer => "administer",
            Self::Label => "tag and alias",
            Self::Encrypt => "encrypt",
            Self::Decrypt => "decrypt",
            Self::Sign => "sign",
            Self::Verify => "verify",
            Self::Mac => "MAC",
            Self::See => "see",
        }
    }
}

/// An action that a key policy can allow or deny.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    /// AWS's name, without `kms:`.
    pub name: &'static str,
    /// What it is for.
    pub capability: Capability,
    abroad: bool,
}

const ABROAD: bool = true;
const HOME: bool = false;

impl Action {
    /// Whether a principal of another account can be allowed it (KMS Developer Guide, "AWS KMS permissions", column
    /// "Cross-account use").
    #[must_use]
    pub fn crosses_accounts(&self) -> bool {
        self.abroad
    }
}

const fn action(name: &'static str, capability: Capability, abroad: bool) -> Action {
    Action { name, capability, abroad }
}

/// Every action that a key policy can be about, by name (Service Authorization Reference, "Actions, resources, and
/// condition keys for AWS KMS", and the API model of botocore 1.43.11).
pub static KEY_ACTIONS: [Action; 46] = [
    action("CancelKeyDeletion", Capability::Administer, HOME),
    action("CreateAlias", Capability::Label, HOME),
    action("CreateGrant", Capability::Grant, ABROAD),
    action("Decapsulate", Capability::Decrypt, ABROAD),
    action("Decrypt", Capability::Decrypt, ABROAD),
    action("DeleteAlias", Capability::Label, HOME),
    action("DeleteImportedKeyMaterial", Capability::Destroy, HOME),
    action("DeriveSharedSecret", Capability::Decrypt, ABROAD),
    action("DescribeKey", Capability::See, ABROAD),
    action("DisableKey", Capability::Destroy, HOME),
    action("DisableKeyRotation", Capability::Administer, HOME),
    action("EnableKey", Capability::Administer, HOME),
    action("EnableKeyRotation", Capability::Administer, HOME),
    action("Encapsulate", Capability::Encrypt, ABROAD),
    action("Encrypt", Capability::Encrypt, ABROAD),
    action("GenerateDataKey", Capability::Encrypt, ABROAD),
    action("GenerateDataKeyPair", Capability::Encrypt, ABROAD),
    action("GenerateDataKeyPairWithoutPlaintext", Capability::Encrypt, ABROAD),
    action("GenerateDataKeyWithoutPlaintext", Capability::Encrypt, ABROAD),
    action("GenerateMac", Capability::Mac, ABROAD),
    action("GetKeyLastUsage", Capability::See, HOME),
    action("GetKeyPolicy", Capability::See, HOME),
    action("GetKeyRotationStatus", Capability::See, ABROAD),
    action("GetParametersForImport", Capability::Administer, HOME),
    action("GetPublicKey", Capability::See, ABROAD),
    action("ImportKeyMaterial", Capability::Administer, HOME),
    action("ListGrants", Capability::See, ABROAD),
    action("ListKeyPolicies", Capability::See, HOME),
    action("ListKeyRotations", Capability::See, HOME),
    action("ListResourceTags", Capability::See, HOME),
    action("PutKeyPolicy", Capability::ChangePolicy, HOME),
    action("ReEncryptFrom", Capability::Decrypt, ABROAD),
    action("ReEncryptTo", Capability::Encrypt, ABROAD),
    action("ReplicateKey", Capability::Administer, HOME),
    action("RevokeGrant", Capability::Grant, ABROAD),
    action("RotateKeyOnDemand", Capability::Administer, HOME),
    action("ScheduleKeyDeletion", Capability::Destroy, HOME),
    action("Sign", Capability::Sign, ABROAD),
    action("SynchronizeMultiRegionKey", Capability::Administer, HOME),
    action("TagResource", Capability::Label, HOME),
    action("UntagResource", Capability::Label, HOME),
    action("UpdateAlias", Capability::Label, HOME),
    action("UpdateKeyDescription", Capability::Administer, HOME),
    action("UpdatePrimaryRegion", Capability::Administer, HOME),
    action("Verify", Capability::Verify, ABROAD),
    action("VerifyMac", Capability::Mac, ABROAD),
];

/// Actions that only an IAM policy can allow: in a key policy they do nothing.
pub(super) const IAM_ONLY: [&str; 12] = [
    "ConnectCustomKeyStore",
    "CreateCustomKeyStore",
    "CreateKey",
    "DeleteCustomKeyStore",
    "DescribeCustomKeyStores",
    "DisconnectCustomKeyStore",
    "GenerateRandom",
    "ListAliases",
    "ListKeys",
    "ListRetirableGrants",
    "RetireGrant",
    "UpdateCustomKeyStore",
];

/// Their names as patterns see them, such as `kms:decrypt`.
static LOWER_CASE: LazyLock<Vec<String>> = LazyLock::new(|| {
    KEY_ACTIONS.iter().map(|action| format!("kms:{}", action.name.to_ascii_lowercase())).collect()
});

/// Some of [`KEY_ACTIONS`].
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionSet(u64);

impl ActionSet {
    /// Every action.
    pub const ALL: Self = Self((1 << KEY_ACTIONS.len()) - 1);
    /// None.
    pub const NONE: Self = Self(0);

    /// The actions that a test holds for.
    #[must_use]
    pub fn of(mut test: impl FnMut(&Action) -> bool) -> Self {
        let bits = KEY_ACTIONS.iter().enumerate().filter(|(_, action)| test(action));
        Self(bits.fold(0, |bits, (n, _)| bits | 1 << n))
    }

    /// What a pattern of an `Action` element matches: `kms:Describe*`, `*`, in any case.
    #[must_use]
    pub fn matching(pattern: &str) -> Self {
        let pattern = pattern.to_ascii_lowercase();
        // The names are sorted: what begins alike stands together.
        if let Some(start) = pattern.strip_suffix('*').filter(|start| !start.contains(['*', '?'])) {
            let from = LOWER_CASE.partition_point(|name| name.as_str() < start);
            let alike = LOWER_CASE.iter().skip(from).take_while(|name| name.starts_with(start));
            return Self(((1 << alike.count()) - 1) << from);
        }
        if !pattern.contains(['*', '?']) {
            let place = LOWER_CASE.binary_search_by(|name| name.as_str().cmp(&pattern));
            return place.map_or(Self::NONE, |n| Self(1 << n));
        }
        let bits = LOWER_CASE.iter().enumerate().filter(|(_, name)| glob(&pattern, name));
        Self(bits.fold(0, |bits, (n, _)| bits | 1 << n))
    }

    /// Those that are in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those that are in one of them.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that are not in `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether every one of `other` is in it.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        other.without(self).is_empty()
    }

    /// Whether the action is one of them.
    #[must_use]
    pub fn has(self, action: &Action) -> bool {
        let place = KEY_ACTIONS.binary_search_by(|known| known.name.cmp(action.name));
        place.is_ok_and(|n| self.0 & (1 << n) != 0)
    }

    /// The actions, by name.
    pub fn iter(self) -> impl Iterator<Item = &'static Action> {
        KEY_ACTIONS.iter().enumerate().filter(move |(n, _)| self.0 & (1 << n) != 0).map(|(_, a)| a)
    }
}

impl fmt::Debug for ActionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|action| action.name)).finish()
    }
}

/// The action as AWS spells it, from its lower-case form; the part before a wildcard is enough.
pub(super) fn spelled_action(lower: &str) -> String {
    let Some(name) = lower.strip_prefix("kms:") else {
        return lower.to_owned();
    };
    let literal = name.find(['*', '?']).unwrap_or(name.len());
    let (head, tail) = name.split_at_checked(literal).unwrap_or((name, ""));
    for known in KEY_ACTIONS.iter().map(|action| action.name).chain(IAM_ONLY) {
        let Some((start, rest)) = known.split_at_checked(head.len()) else {
            continue;
        };
        if start.eq_ignore_ascii_case(head) && (rest.is_empty() || !tail.is_empty()) {
            return format!("kms:{start}{tail}");
        }
    }
    lower.to_owned()
}

/// The known name nearest to `name`, when it is near enough to be meant.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_ascii_lowercase();
    known
        .into_iter()
        .map(|candidate| {
            (strsim::damerau_levenshtein(&lower, &candidate.to_ascii_lowercase()), candidate)
        })
        .min()
        .filter(|(distance, candidate)| *distance <= (candidate.len() / 3).max(2))
        .map(|(_, candidate)| candidate)
}
