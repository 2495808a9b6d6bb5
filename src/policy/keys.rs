//! The condition keys that a KMS request can have: their types, and the actions that have them.
//!
//! Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS KMS"; IAM User Guide, "AWS
//! global condition context keys". Keys of other services and of identity providers are not judged.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::actions::{ActionSet, nearest};

/// What a value of the key looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) enum Kind {
    /// Text that nothing is known of.
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
    /// One of a closed set, or of an open one whose members have no wildcards.
    Word,
}

/// A condition key.
pub(in crate::policy) struct Key {
    /// As AWS spells it; one that ends in `/` or `:` is a prefix.
    pub(in crate::policy) name: &'static str,
    pub(in crate::policy) kind: Kind,
    /// Whether a request can have several values of it.
    pub(in crate::policy) multi: bool,
    /// The actions that have it; empty for all.
    on: &'static [&'static str],
}

const fn all(name: &'static str, kind: Kind) -> Key {
    Key { name, kind, multi: false, on: &[] }
}

const fn many(name: &'static str) -> Key {
    Key { name, kind: Kind::Free, multi: true, on: &[] }
}

const fn on(name: &'static str, kind: Kind, on: &'static [&'static str]) -> Key {
    Key { name, kind, multi: false, on }
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
const KMS: &[Key] = &[
    on("kms:BypassPolicyLockoutSafetyCheck", Kind::Bool, &["PutKeyPolicy"]),
    all("kms:CallerAccount", Kind::Account),
    all("kms:CustomerMasterKeySpec", Kind::Word),
    all("kms:CustomerMasterKeyUsage", Kind::Word),
    on("kms:DataKeyPairSpec", Kind::Word, PAIRS),
    on("kms:EncryptionAlgorithm", Kind::Word, CIPHER),
    on("kms:EncryptionContext:", Kind::Free, CONTEXT),
    Key { name: "kms:EncryptionContextKeys", kind: Kind::Free, multi: true, on: CONTEXT },
    on("kms:ExpirationModel", Kind::Word, IMPORT),
    on("kms:GrantConstraintSourceArn", Kind::Arn, GRANT),
    on("kms:GrantConstraintType", Kind::Word, GRANT),
    on("kms:GrantIsForAWSResource", Kind::Bool, GRANTS),
    Key { name: "kms:GrantOperations", kind: Kind::Word, multi: true, on: GRANT },
    on("kms:GranteePrincipal", Kind::Free, GRANT),
    on("kms:GranteeServicePrincipal", Kind::Free, GRANT),
    on("kms:KeyAgreementAlgorithm", Kind::Word, &["DeriveSharedSecret"]),
    all("kms:KeyOrigin", Kind::Word),
    all("kms:KeySpec", Kind::Word),
    all("kms:KeyUsage", Kind::Word),
    on("kms:MacAlgorithm", Kind::Word, &["GenerateMac", "VerifyMac"]),
    on("kms:MessageType", Kind::Word, SIGNING),
    all("kms:MultiRegion", Kind::Bool),
    all("kms:MultiRegionKeyType", Kind::Word),
    on("kms:PrimaryRegion", Kind::Word, &["UpdatePrimaryRegion"]),
    on("kms:ReEncryptOnSameKey", Kind::Bool, &["ReEncryptFrom", "ReEncryptTo"]),
    on("kms:RecipientAttestation:", Kind::Free, ATTESTED),
    on("kms:RecipientAttestation:ImageSha384", Kind::Free, ATTESTED),
    on("kms:ReplicaRegion", Kind::Word, &["ReplicateKey"]),
    on("kms:RequestAlias", Kind::Free, ALIASED),
    many("kms:ResourceAliases"),
    on("kms:RetiringPrincipal", Kind::Free, GRANT),
    on("kms:RetiringServicePrincipal", Kind::Free, GRANT),
    on("kms:RotationPeriodInDays", Kind::Number, &["EnableKeyRotation"]),
    on("kms:ScheduleKeyDeletionPendingWindowInDays", Kind::Number, &["ScheduleKeyDeletion"]),
    on("kms:SigningAlgorithm", Kind::Word, SIGNING),
    on("kms:TrailingDaysWithoutKeyUsage", Kind::Number, &["DisableKey", "ScheduleKeyDeletion"]),
    on("kms:ValidTo", Kind::Free, IMPORT),
    all("kms:ViaService", Kind::ViaService),
    on("kms:WrappingAlgorithm", Kind::Word, PARAMETERS),
    on("kms:WrappingKeySpec", Kind::Word, PARAMETERS),
];

/// The global keys.
const GLOBAL: &[Key] = &[
    all("aws:AssumedRoot", Kind::Bool),
    many("aws:CalledVia"),
    all("aws:CalledViaAWSMCP", Kind::Free),
    all("aws:CalledViaFirst", Kind::Free),
    all("aws:CalledViaLast", Kind::Free),
    all("aws:ChatbotSourceArn", Kind::Arn),
    all("aws:CurrentTime", Kind::Free),
    all("aws:Ec2InstanceSourcePrivateIPv4", Kind::Free),
    all("aws:Ec2InstanceSourceVpc", Kind::Free),
    all("aws:EpochTime", Kind::Free),
    all("aws:FederatedProvider", Kind::Free),
    all("aws:MultiFactorAuthAge", Kind::Number),
    all("aws:MultiFactorAuthPresent", Kind::Bool),
    all("aws:PrincipalAccount", Kind::Account),
    all("aws:PrincipalArn", Kind::Arn),
    all("aws:PrincipalIsAWSService", Kind::Bool),
    all("aws:PrincipalOrgID", Kind::Organization),
    many("aws:PrincipalOrgPaths"),
    all("aws:PrincipalServiceName", Kind::Free),
    many("aws:PrincipalServiceNamesList"),
    all("aws:PrincipalTag/", Kind::Free),
    all("aws:PrincipalType", Kind::Word),
    all("aws:Referer", Kind::Free),
    on("aws:RequestTag/", Kind::Free, &["TagResource"]),
    all("aws:RequestedRegion", Kind::Word),
    all("aws:ResourceAccount", Kind::Account),
    all("aws:ResourceOrgID", Kind::Organization),
    many("aws:ResourceOrgPaths"),
    all("aws:ResourceTag/", Kind::Free),
    all("aws:SecureTransport", Kind::Bool),
    all("aws:SignInSessionArn", Kind::Arn),
    all("aws:SourceAccount", Kind::Account),
    all("aws:SourceArn", Kind::Arn),
    all("aws:SourceIdentity", Kind::Free),
    all("aws:SourceIp", Kind::Free),
    all("aws:SourceOrgID", Kind::Organization),
    many("aws:SourceOrgPaths"),
    all("aws:SourceOwner", Kind::Free),
    all("aws:SourceVpc", Kind::Free),
    all("aws:SourceVpcArn", Kind::Arn),
    all("aws:SourceVpce", Kind::Free),
    Key {
        name: "aws:TagKeys",
        kind: Kind::Free,
        multi: true,
        on: &["TagResource", "UntagResource"],
    },
    all("aws:TokenIssueTime", Kind::Free),
    all("aws:UserAgent", Kind::Free),
    all("aws:ViaAWSMCPService", Kind::Bool),
    all("aws:ViaAWSService", Kind::Bool),
    all("aws:VpcSourceIp", Kind::Free),
    all("aws:VpceAccount", Kind::Account),
    all("aws:VpceOrgID", Kind::Organization),
    many("aws:VpceOrgPaths"),
    all("aws:userid", Kind::Free),
    all("aws:username", Kind::Free),
];

/// Every key by its name in lower case, with the actions that can have it.
static INDEX: LazyLock<BTreeMap<String, (&'static Key, ActionSet)>> = LazyLock::new(|| {
    let every = KMS.iter().chain(GLOBAL);
    every.map(|key| (key.name.to_ascii_lowercase(), (key, key.possible()))).collect()
});

impl Key {
    /// The actions that can have the key. Those whose keys are not documented can have any.
    pub(in crate::policy) fn actions(&self) -> ActionSet {
        let name = self.name.to_ascii_lowercase();
        INDEX.get(&name).map_or(ActionSet::ALL, |(_, actions)| *actions)
    }

    fn possible(&self) -> ActionSet {
        let undocumented = ["Encapsulate", "Decapsulate"];
        match self.on {
            [] => ActionSet::ALL,
            on => ActionSet::of(|action| {
                on.contains(&action.name) || undocumented.contains(&action.name)
            }),
        }
    }
}

/// The key of a name in lower case, and the actions that can have it.
fn find(lower: &str) -> Option<(&'static Key, ActionSet)> {
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

/// The actions of which a request can have the key, by its name in lower case; all for a key that is not known.
pub(in crate::policy) fn actions_with(lower: &str) -> ActionSet {
    find(lower).map_or(ActionSet::ALL, |(_, actions)| actions)
}

/// Whether a request can have several values of the key, by its name in lower case.
pub(in crate::policy) fn is_multi(lower: &str) -> bool {
    find(lower).is_some_and(|(key, _)| key.multi)
}

/// The condition key as AWS spells it, from its lower-case form.
pub(crate) fn spelled_key(lower: &str) -> String {
    match find(lower) {
        Some((key, _)) => {
            format!("{}{}", key.name, lower.get(key.name.len()..).unwrap_or_default())
        }
        None => lower.to_owned(),
    }
}

/// Whether `name` may be a condition key: one of KMS that is not known is an error, with the nearest that is.
pub(crate) fn known_condition_key(name: &str) -> Result<(), Option<&'static str>> {
    let lower = name.to_ascii_lowercase();
    if !lower.starts_with("kms:") || find(&lower).is_some() {
        return Ok(());
    }
    Err(nearest(name, KMS.iter().chain(GLOBAL).map(|key| key.name)))
}

/// What is known of a condition key.
pub(in crate::policy) enum Known {
    /// It is this one.
    Key(&'static Key),
    /// It is none of AWS's; this one may be meant.
    Unknown(Option<&'static str>),
    /// It is not for us to judge.
    Foreign,
}

/// Looks a condition key up, in any case.
pub(in crate::policy) fn key(text: &str) -> Known {
    if let Some((key, _)) = find(&text.to_ascii_lowercase()) {
        return Known::Key(key);
    }
    let ours = match text.split_once(':') {
        Some((service, _)) => ["kms", "aws"].iter().any(|s| s.eq_ignore_ascii_case(service)),
        None => true,
    };
    let every = KMS.iter().chain(GLOBAL).map(|key| key.name);
    if ours { Known::Unknown(nearest(text, every)) } else { Known::Foreign }
}
