//! The condition keys of KMS requests: the type of their values, and the actions whose requests can have them.
//!
//! Sources: Service Authorization Reference, "Actions, resources, and condition keys for AWS KMS"; IAM User Guide, "AWS
//! global condition context keys". Keys of other services and of identity providers are not listed.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::actions::{ActionSet, nearest};

/// The type of a condition key's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) enum ValueKind {
    /// Any text.
    Free,
    /// An account id.
    Account,
    /// An ARN.
    Arn,
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// The id of an organization.
    Organization,
    /// The name of a service in a Region, such as `s3.us-east-1.amazonaws.com`.
    ViaService,
    /// One of AWS's words, such as `SYMMETRIC_DEFAULT`. None has a wildcard in it.
    Word,
}

/// A condition key.
pub(in crate::policy) struct ConditionKey {
    /// The name in AWS's spelling. A name that ends in `/` or `:` is the prefix of a family of keys.
    pub(in crate::policy) name: &'static str,
    pub(in crate::policy) kind: ValueKind,
    /// Whether a request can have several values of the key.
    pub(in crate::policy) multi: bool,
    /// The actions whose requests can have the key; empty for all actions.
    actions: &'static [&'static str],
}

const fn all(name: &'static str, kind: ValueKind) -> ConditionKey {
    ConditionKey { name, kind, multi: false, actions: &[] }
}

const fn many(name: &'static str) -> ConditionKey {
    ConditionKey { name, kind: ValueKind::Free, multi: true, actions: &[] }
}

const fn on(name: &'static str, kind: ValueKind, actions: &'static [&'static str]) -> ConditionKey {
    ConditionKey { name, kind, multi: false, actions }
}

const GRANT: &[&str] = &["CreateGrant"];
const GRANTS: &[&str] = &["CreateGrant", "ListGrants", "RevokeGrant"];
const PAIRS: &[&str] = &["GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"];
const SIGNING: &[&str] = &["Sign", "Verify"];
const IMPORT: &[&str] = &["ImportKeyMaterial"];
const PARAMETERS: &[&str] = &["GetParametersForImport"];
const CIPHER: &[&str] = &[
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
];
const CONTEXT: &[&str] = &[
    "CreateGrant",
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
];
const ATTESTED: &[&str] =
    &["Decrypt", "DeriveSharedSecret", "GenerateDataKey", "GenerateDataKeyPair"];
const ALIASED: &[&str] = &[
    "Decrypt",
    "DeriveSharedSecret",
    "DescribeKey",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "GetPublicKey",
    "ReEncryptFrom",
    "ReEncryptTo",
    "Sign",
    "Verify",
    "VerifyMac",
];

/// The keys of AWS KMS.
const KMS: &[ConditionKey] = &[
    on("kms:BypassPolicyLockoutSafetyCheck", ValueKind::Bool, &["PutKeyPolicy"]),
    all("kms:CallerAccount", ValueKind::Account),
    all("kms:CustomerMasterKeySpec", ValueKind::Word),
    all("kms:CustomerMasterKeyUsage", ValueKind::Word),
    on("kms:DataKeyPairSpec", ValueKind::Word, PAIRS),
    on("kms:EncryptionAlgorithm", ValueKind::Word, CIPHER),
    on("kms:EncryptionContext:", ValueKind::Free, CONTEXT),
    ConditionKey {
        name: "kms:EncryptionContextKeys",
        kind: ValueKind::Free,
        multi: true,
        actions: CONTEXT,
    },
    on("kms:ExpirationModel", ValueKind::Word, IMPORT),
    on("kms:GrantConstraintSourceArn", ValueKind::Arn, GRANT),
    on("kms:GrantConstraintType", ValueKind::Word, GRANT),
    on("kms:GrantIsForAWSResource", ValueKind::Bool, GRANTS),
    ConditionKey {
        name: "kms:GrantOperations",
        kind: ValueKind::Word,
        multi: true,
        actions: GRANT,
    },
    on("kms:GranteePrincipal", ValueKind::Free, GRANT),
    on("kms:GranteeServicePrincipal", ValueKind::Free, GRANT),
    on("kms:KeyAgreementAlgorithm", ValueKind::Word, &["DeriveSharedSecret"]),
    all("kms:KeyOrigin", ValueKind::Word),
    all("kms:KeySpec", ValueKind::Word),
    all("kms:KeyUsage", ValueKind::Word),
    on("kms:MacAlgorithm", ValueKind::Word, &["GenerateMac", "VerifyMac"]),
    on("kms:MessageType", ValueKind::Word, SIGNING),
    all("kms:MultiRegion", ValueKind::Bool),
    all("kms:MultiRegionKeyType", ValueKind::Word),
    on("kms:PrimaryRegion", ValueKind::Word, &["UpdatePrimaryRegion"]),
    on("kms:ReEncryptOnSameKey", ValueKind::Bool, &["ReEncryptFrom", "ReEncryptTo"]),
    on("kms:RecipientAttestation:", ValueKind::Free, ATTESTED),
    on("kms:RecipientAttestation:ImageSha384", ValueKind::Free, ATTESTED),
    on("kms:ReplicaRegion", ValueKind::Word, &["ReplicateKey"]),
    on("kms:RequestAlias", ValueKind::Free, ALIASED),
    many("kms:ResourceAliases"),
    on("kms:RetiringPrincipal", ValueKind::Free, GRANT),
    on("kms:RetiringServicePrincipal", ValueKind::Free, GRANT),
    on("kms:RotationPeriodInDays", ValueKind::Number, &["EnableKeyRotation"]),
    on("kms:ScheduleKeyDeletionPendingWindowInDays", ValueKind::Number, &["ScheduleKeyDeletion"]),
    on("kms:SigningAlgorithm", ValueKind::Word, SIGNING),
    on(
        "kms:TrailingDaysWithoutKeyUsage",
        ValueKind::Number,
        &["DisableKey", "ScheduleKeyDeletion"],
    ),
    on("kms:ValidTo", ValueKind::Free, IMPORT),
    all("kms:ViaService", ValueKind::ViaService),
    on("kms:WrappingAlgorithm", ValueKind::Word, PARAMETERS),
    on("kms:WrappingKeySpec", ValueKind::Word, PARAMETERS),
];

/// The global keys.
const GLOBAL: &[ConditionKey] = &[
    all("aws:AssumedRoot", ValueKind::Bool),
    many("aws:CalledVia"),
    all("aws:CalledViaAWSMCP", ValueKind::Free),
    all("aws:CalledViaFirst", ValueKind::Free),
    all("aws:CalledViaLast", ValueKind::Free),
    all("aws:ChatbotSourceArn", ValueKind::Arn),
    all("aws:CurrentTime", ValueKind::Free),
    all("aws:Ec2InstanceSourcePrivateIPv4", ValueKind::Free),
    all("aws:Ec2InstanceSourceVpc", ValueKind::Free),
    all("aws:EpochTime", ValueKind::Free),
    all("aws:FederatedProvider", ValueKind::Free),
    all("aws:MultiFactorAuthAge", ValueKind::Number),
    all("aws:MultiFactorAuthPresent", ValueKind::Bool),
    all("aws:PrincipalAccount", ValueKind::Account),
    all("aws:PrincipalArn", ValueKind::Arn),
    all("aws:PrincipalIsAWSService", ValueKind::Bool),
    all("aws:PrincipalOrgID", ValueKind::Organization),
    many("aws:PrincipalOrgPaths"),
    all("aws:PrincipalServiceName", ValueKind::Free),
    many("aws:PrincipalServiceNamesList"),
    all("aws:PrincipalTag/", ValueKind::Free),
    all("aws:PrincipalType", ValueKind::Word),
    all("aws:Referer", ValueKind::Free),
    on("aws:RequestTag/", ValueKind::Free, &["TagResource"]),
    all("aws:RequestedRegion", ValueKind::Word),
    all("aws:ResourceAccount", ValueKind::Account),
    all("aws:ResourceOrgID", ValueKind::Organization),
    many("aws:ResourceOrgPaths"),
    all("aws:ResourceTag/", ValueKind::Free),
    all("aws:SecureTransport", ValueKind::Bool),
    all("aws:SignInSessionArn", ValueKind::Arn),
    all("aws:SourceAccount", ValueKind::Account),
    all("aws:SourceArn", ValueKind::Arn),
    all("aws:SourceIdentity", ValueKind::Free),
    all("aws:SourceIp", ValueKind::Free),
    all("aws:SourceOrgID", ValueKind::Organization),
    many("aws:SourceOrgPaths"),
    all("aws:SourceOwner", ValueKind::Free),
    all("aws:SourceVpc", ValueKind::Free),
    all("aws:SourceVpcArn", ValueKind::Arn),
    all("aws:SourceVpce", ValueKind::Free),
    ConditionKey {
        name: "aws:TagKeys",
        kind: ValueKind::Free,
        multi: true,
        actions: &["TagResource", "UntagResource"],
    },
    all("aws:TokenIssueTime", ValueKind::Free),
    all("aws:UserAgent", ValueKind::Free),
    all("aws:ViaAWSMCPService", ValueKind::Bool),
    all("aws:ViaAWSService", ValueKind::Bool),
    all("aws:VpcSourceIp", ValueKind::Free),
    all("aws:VpceAccount", ValueKind::Account),
    all("aws:VpceOrgID", ValueKind::Organization),
    many("aws:VpceOrgPaths"),
    all("aws:userid", ValueKind::Free),
    all("aws:username", ValueKind::Free),
];

/// Every key by its name in lower case, with the actions whose requests can have it.
static INDEX: LazyLock<BTreeMap<String, (&'static ConditionKey, ActionSet)>> =
    LazyLock::new(|| {
        KMS.iter()
            .chain(GLOBAL)
            .map(|key| (key.name.to_ascii_lowercase(), (key, key.possible_actions())))
            .collect()
    });

impl ConditionKey {
    /// Returns the actions whose requests can have the key.
    pub(in crate::policy) fn actions(&self) -> ActionSet {
        let name = self.name.to_ascii_lowercase();
        INDEX.get(&name).map_or(ActionSet::ALL, |(_, actions)| *actions)
    }

    /// Computes [`ConditionKey::actions`].
    fn possible_actions(&self) -> ActionSet {
        // The Service Authorization Reference lists no condition keys for these actions, so any key is possible.
        let undocumented = ["Encapsulate", "Decapsulate"];
        // KMS makes the requests for SynchronizeMultiRegionKey itself, so they have neither key.
        if matches!(self.name, "kms:ViaService" | "kms:CallerAccount") {
            return ActionSet::of(|action| action.name != "SynchronizeMultiRegionKey");
        }
        if self.actions.is_empty() {
            return ActionSet::ALL;
        }
        ActionSet::of(|action| {
            self.actions.contains(&action.name) || undocumented.contains(&action.name)
        })
    }
}

/// Returns the key of a name in lower case, and the actions whose requests can have it.
fn find(lower: &str) -> Option<(&'static ConditionKey, ActionSet)> {
    if let Some(found) = INDEX.get(lower).filter(|(key, _)| !key.name.ends_with(['/', ':'])) {
        return Some(*found);
    }
    let end = lower.find('/').or_else(|| {
        let (service, rest) = lower.split_once(':')?;
        Some(service.len() + 1 + rest.find(':')?)
    })?;
    let prefix = lower.get(..=end).filter(|prefix| prefix.len() < lower.len())?;
    INDEX.get(prefix).copied()
}

/// Returns the actions whose requests can have the key, given in lower case. An unknown key can be in any request.
pub(in crate::policy) fn actions_with(lower: &str) -> ActionSet {
    find(lower).map_or(ActionSet::ALL, |(_, actions)| actions)
}

/// Returns whether a request can have several values of the key, given in lower case.
pub(in crate::policy) fn is_multi(lower: &str) -> bool {
    find(lower).is_some_and(|(key, _)| key.multi)
}

/// The number of values that a request can have of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) enum Values {
    /// At most one.
    One,
    /// Several.
    Many,
    /// It is not known: the key is of another service or of an identity provider.
    Unknown,
}

/// Returns the number of values that a request can have of the key, given in lower case.
pub(in crate::policy) fn values_of(lower: &str) -> Values {
    match find(lower) {
        Some((ConditionKey { multi: true, .. }, _)) => Values::Many,
        Some(_) => Values::One,
        None => Values::Unknown,
    }
}

/// Returns whether the key, given in lower case, is `true` or `false` in every request that has it.
pub(in crate::policy) fn is_boolean(lower: &str) -> bool {
    find(lower).is_some_and(|(key, _)| matches!(key.kind, ValueKind::Bool))
}

/// Returns the condition key in AWS's spelling, given in lower case.
pub(crate) fn spelled_key(lower: &str) -> String {
    match find(lower) {
        Some((key, _)) => {
            format!("{}{}", key.name, lower.get(key.name.len()..).unwrap_or_default())
        }
        None => lower.to_owned(),
    }
}

/// Checks that `name` can be a condition key. An unknown key of KMS is an error, with the most similar known key.
pub(crate) fn known_condition_key(name: &str) -> Result<(), Option<&'static str>> {
    let lower = name.to_ascii_lowercase();
    if !lower.starts_with("kms:") || find(&lower).is_some() {
        return Ok(());
    }
    Err(nearest(name, KMS.iter().chain(GLOBAL).map(|key| key.name)))
}

/// The result of looking a condition key up.
pub(in crate::policy) enum KeyLookup {
    /// The key exists.
    Key(&'static ConditionKey),
    /// KMS and IAM have no such key. The most similar known key is given, if there is one.
    Unknown(Option<&'static str>),
    /// The key belongs to another service or to an identity provider.
    OtherService,
}

/// Looks a condition key up. Its name can be in any case.
pub(in crate::policy) fn look_up(text: &str) -> KeyLookup {
    if let Some((key, _)) = find(&text.to_ascii_lowercase()) {
        return KeyLookup::Key(key);
    }
    if let Some((service, _)) = text.split_once(':')
        && !["kms", "aws"].iter().any(|known| known.eq_ignore_ascii_case(service))
    {
        return KeyLookup::OtherService;
    }
    KeyLookup::Unknown(nearest(text, KMS.iter().chain(GLOBAL).map(|key| key.name)))
}
