//! The actions of AWS KMS, how patterns match them, and how AWS spells them.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

/// Matches `*` and `?`. Case matters: callers that compare action names convert both sides to lower case first.
pub(super) use super::pattern::glob;

/// The purpose of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// Change the key policy. A principal that can do so can give itself every other permission.
    ChangePolicy,
    /// Create and revoke grants, and list what they allow.
    Grant,
    /// Disable the key, schedule its deletion, delete imported key material.
    Destroy,
    /// Enable, rotate and replicate the key, import key material.
    Administer,
    /// Change tags and aliases, which policies can use as conditions.
    Label,
    /// Encrypt data and generate data keys.
    Encrypt,
    /// Decrypt data and derive shared secrets.
    Decrypt,
    /// Create signatures.
    Sign,
    /// Verify signatures.
    Verify,
    /// Generate and verify message authentication codes.
    Mac,
    /// Describe the key and read its policy.
    See,
}

impl Capability {
    /// Returns the word for it in every output.
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
    /// AWS's name without the prefix `kms:`.
    pub name: &'static str,
    /// The purpose of the action.
    pub capability: Capability,
    crosses_accounts: bool,
}

const CROSS_ACCOUNT: bool = true;
const OWN_ACCOUNT: bool = false;

impl Action {
    /// Returns whether a principal of another account can be allowed the action (KMS Developer Guide, "AWS KMS
    /// permissions", column "Cross-account use").
    #[must_use]
    pub fn crosses_accounts(&self) -> bool {
        self.crosses_accounts
    }
}

const fn action(name: &'static str, capability: Capability, crosses_accounts: bool) -> Action {
    Action { name, capability, crosses_accounts }
}

/// Every action that a key policy can allow or deny, sorted by name (Service Authorization Reference, "Actions,
/// resources, and condition keys for AWS KMS", and the API model of botocore 1.43.11).
pub static KEY_ACTIONS: [Action; 46] = [
    action("CancelKeyDeletion", Capability::Administer, OWN_ACCOUNT),
    action("CreateAlias", Capability::Label, OWN_ACCOUNT),
    action("CreateGrant", Capability::Grant, CROSS_ACCOUNT),
    action("Decapsulate", Capability::Decrypt, CROSS_ACCOUNT),
    action("Decrypt", Capability::Decrypt, CROSS_ACCOUNT),
    action("DeleteAlias", Capability::Label, OWN_ACCOUNT),
    action("DeleteImportedKeyMaterial", Capability::Destroy, OWN_ACCOUNT),
    action("DeriveSharedSecret", Capability::Decrypt, CROSS_ACCOUNT),
    action("DescribeKey", Capability::See, CROSS_ACCOUNT),
    action("DisableKey", Capability::Destroy, OWN_ACCOUNT),
    action("DisableKeyRotation", Capability::Administer, OWN_ACCOUNT),
    action("EnableKey", Capability::Administer, OWN_ACCOUNT),
    action("EnableKeyRotation", Capability::Administer, OWN_ACCOUNT),
    action("Encapsulate", Capability::Encrypt, CROSS_ACCOUNT),
    action("Encrypt", Capability::Encrypt, CROSS_ACCOUNT),
    action("GenerateDataKey", Capability::Encrypt, CROSS_ACCOUNT),
    action("GenerateDataKeyPair", Capability::Encrypt, CROSS_ACCOUNT),
    action("GenerateDataKeyPairWithoutPlaintext", Capability::Encrypt, CROSS_ACCOUNT),
    action("GenerateDataKeyWithoutPlaintext", Capability::Encrypt, CROSS_ACCOUNT),
    action("GenerateMac", Capability::Mac, CROSS_ACCOUNT),
    action("GetKeyLastUsage", Capability::See, OWN_ACCOUNT),
    action("GetKeyPolicy", Capability::See, OWN_ACCOUNT),
    action("GetKeyRotationStatus", Capability::See, CROSS_ACCOUNT),
    action("GetParametersForImport", Capability::Administer, OWN_ACCOUNT),
    action("GetPublicKey", Capability::See, CROSS_ACCOUNT),
    action("ImportKeyMaterial", Capability::Administer, OWN_ACCOUNT),
    action("ListGrants", Capability::See, CROSS_ACCOUNT),
    action("ListKeyPolicies", Capability::See, OWN_ACCOUNT),
    action("ListKeyRotations", Capability::See, OWN_ACCOUNT),
    action("ListResourceTags", Capability::See, OWN_ACCOUNT),
    action("PutKeyPolicy", Capability::ChangePolicy, OWN_ACCOUNT),
    action("ReEncryptFrom", Capability::Decrypt, CROSS_ACCOUNT),
    action("ReEncryptTo", Capability::Encrypt, CROSS_ACCOUNT),
    action("ReplicateKey", Capability::Administer, OWN_ACCOUNT),
    action("RevokeGrant", Capability::Grant, CROSS_ACCOUNT),
    action("RotateKeyOnDemand", Capability::Administer, OWN_ACCOUNT),
    action("ScheduleKeyDeletion", Capability::Destroy, OWN_ACCOUNT),
    action("Sign", Capability::Sign, CROSS_ACCOUNT),
    action("SynchronizeMultiRegionKey", Capability::Administer, OWN_ACCOUNT),
    action("TagResource", Capability::Label, OWN_ACCOUNT),
    action("UntagResource", Capability::Label, OWN_ACCOUNT),
    action("UpdateAlias", Capability::Label, OWN_ACCOUNT),
    action("UpdateKeyDescription", Capability::Administer, OWN_ACCOUNT),
    action("UpdatePrimaryRegion", Capability::Administer, OWN_ACCOUNT),
    action("Verify", Capability::Verify, CROSS_ACCOUNT),
    action("VerifyMac", Capability::Mac, CROSS_ACCOUNT),
];

/// Actions that only an IAM policy can allow. In a key policy they have no effect, because they are not requests about
/// a key (KMS Developer Guide, "AWS KMS permissions").
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

/// The names of [`KEY_ACTIONS`] in the form that patterns are matched with, such as `kms:decrypt`. They are sorted too.
static LOWER_CASE: LazyLock<Vec<String>> = LazyLock::new(|| {
    KEY_ACTIONS.iter().map(|action| format!("kms:{}", action.name.to_ascii_lowercase())).collect()
});

/// A set of [`KEY_ACTIONS`].
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionSet(u64);

impl ActionSet {
    /// Every action.
    pub const ALL: Self = Self((1 << KEY_ACTIONS.len()) - 1);
    /// No action.
    pub const NONE: Self = Self(0);

    /// Returns the actions for which the predicate is true.
    #[must_use]
    pub fn of(mut test: impl FnMut(&Action) -> bool) -> Self {
        let bits = KEY_ACTIONS.iter().enumerate().filter(|(_, action)| test(action));
        Self(bits.fold(0, |bits, (n, _)| bits | 1 << n))
    }

    /// Returns the actions that a pattern of an `Action` element matches, such as `kms:Describe*` or `*`, in any case
    /// (IAM User Guide, "IAM JSON policy elements: Action").
    #[must_use]
    pub fn matching(pattern: &str) -> Self {
        let pattern = pattern.to_ascii_lowercase();
        // The names are sorted, so all names with the same prefix are adjacent.
        if let Some(start) = pattern.strip_suffix('*').filter(|start| !start.contains(['*', '?'])) {
            let from = LOWER_CASE.partition_point(|name| name.as_str() < start);
            let matched = LOWER_CASE.iter().skip(from).take_while(|name| name.starts_with(start));
            return Self(((1 << matched.count()) - 1) << from);
        }
        if !pattern.contains(['*', '?']) {
            let index = LOWER_CASE.binary_search_by(|name| name.as_str().cmp(&pattern));
            return index.map_or(Self::NONE, |n| Self(1 << n));
        }
        let bits = LOWER_CASE.iter().enumerate().filter(|(_, name)| glob(&pattern, name));
        Self(bits.fold(0, |bits, (n, _)| bits | 1 << n))
    }

    /// Returns the actions that are in both sets.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns the actions that are in either set.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the actions that are not in `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns whether the set is empty.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns whether every action of `other` is in the set.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        other.without(self).is_empty()
    }

    /// Returns whether the action is in the set.
    #[must_use]
    pub fn has(self, action: &Action) -> bool {
        let index = KEY_ACTIONS.binary_search_by(|known| known.name.cmp(action.name));
        index.is_ok_and(|n| self.0 & (1 << n) != 0)
    }

    /// Returns the words for what the actions are used for, without repetition; `everything` for the set of all
    /// actions.
    #[must_use]
    pub fn capabilities(self) -> Vec<String> {
        if self == Self::ALL {
            return vec!["everything".to_owned()];
        }
        let words: BTreeSet<Capability> = self.iter().map(|action| action.capability).collect();
        words.into_iter().map(|capability| capability.word().to_owned()).collect()
    }

    /// Returns the actions, sorted by name.
    pub fn iter(self) -> impl Iterator<Item = &'static Action> {
        KEY_ACTIONS.iter().enumerate().filter(move |(n, _)| self.0 & (1 << n) != 0).map(|(_, a)| a)
    }
}

impl fmt::Debug for ActionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|action| action.name)).finish()
    }
}

/// Returns an action or a pattern in AWS's spelling, given in lower case. Up to a wildcard, the spelling is that of the
/// first action that begins the same way.
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

/// Returns the known name with the smallest edit distance from `name`, if it is close enough to be a misspelling.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A name longer than any action is no misspelling; comparing it would cost its square.
    if name.len() > 256 {
        return None;
    }
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
