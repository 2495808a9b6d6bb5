//! The KMS actions and condition keys, from the Service Authorization Reference, and how names are matched and spelled.

/// Actions that a key policy can allow or deny.
pub(super) const KEY_ACTIONS: &[&str] = &[
    "CancelKeyDeletion",
    "CreateAlias",
    "CreateGrant",
    "Decapsulate",
    "Decrypt",
    "DeleteAlias",
    "DeleteImportedKeyMaterial",
    "DeriveSharedSecret",
    "DescribeKey",
    "DisableKey",
    "DisableKeyRotation",
    "EnableKey",
    "EnableKeyRotation",
    "Encapsulate",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "GetKeyLastUsage",
    "GetKeyPolicy",
    "GetKeyRotationStatus",
    "GetParametersForImport",
    "GetPublicKey",
    "ImportKeyMaterial",
    "ListGrants",
    "ListKeyPolicies",
    "ListKeyRotations",
    "ListResourceTags",
    "PutKeyPolicy",
    "ReEncryptFrom",
    "ReEncryptTo",
    "ReplicateKey",
    "RevokeGrant",
    "RotateKeyOnDemand",
    "ScheduleKeyDeletion",
    "Sign",
    "SynchronizeMultiRegionKey",
    "TagResource",
    "UntagResource",
    "UpdateAlias",
    "UpdateKeyDescription",
    "UpdatePrimaryRegion",
    "Verify",
    "VerifyMac",
];

/// Actions that only an IAM policy can allow: in a key policy they do nothing.
pub(super) const IAM_ONLY: &[&str] = &[
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

/// Condition keys worth spelling as AWS does; those that end in `/` or `:` are prefixes.
pub(super) const CONDITION_KEYS: &[&str] = &[
    "aws:MultiFactorAuthPresent",
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalIsAWSService",
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:PrincipalServiceName",
    "aws:PrincipalTag/",
    "aws:PrincipalType",
    "aws:RequestTag/",
    "aws:ResourceTag/",
    "aws:SecureTransport",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceIp",
    "aws:SourceOrgID",
    "aws:SourceVpc",
    "aws:SourceVpce",
    "aws:TagKeys",
    "aws:ViaAWSService",
    "aws:userid",
    "aws:username",
    "kms:BypassPolicyLockoutSafetyCheck",
    "kms:CallerAccount",
    "kms:CustomerMasterKeySpec",
    "kms:CustomerMasterKeyUsage",
    "kms:DataKeyPairSpec",
    "kms:EncryptionAlgorithm",
    "kms:EncryptionContext:",
    "kms:EncryptionContextKeys",
    "kms:ExpirationModel",
    "kms:GrantConstraintSourceArn",
    "kms:GrantConstraintType",
    "kms:GrantIsForAWSResource",
    "kms:GrantOperations",
    "kms:GranteePrincipal",
    "kms:GranteeServicePrincipal",
    "kms:KeyAgreementAlgorithm",
    "kms:KeyOrigin",
    "kms:KeySpec",
    "kms:KeyUsage",
    "kms:MacAlgorithm",
    "kms:MessageType",
    "kms:MultiRegion",
    "kms:MultiRegionKeyType",
    "kms:PrimaryRegion",
    "kms:ReEncryptOnSameKey",
    "kms:RecipientAttestation:ImageSha384",
    "kms:ReplicaRegion",
    "kms:RequestAlias",
    "kms:ResourceAliases",
    "kms:RetiringPrincipal",
    "kms:RetiringServicePrincipal",
    "kms:RotationPeriodInDays",
    "kms:ScheduleKeyDeletionPendingWindowInDays",
    "kms:SigningAlgorithm",
    "kms:TrailingDaysWithoutKeyUsage",
    "kms:ValidTo",
    "kms:ViaService",
    "kms:WrappingAlgorithm",
    "kms:WrappingKeySpec",
];

/// `*` and `?` matching; both sides are taken as they are, so lower-case them first where case does not count.
pub(super) fn glob(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(c) = text.get(t) {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(q) if *q == '?' || q == c => {
                p += 1;
                t += 1;
            }
            Some(_) | None => {
                let Some((at, from)) = star else { return false };
                p = at + 1;
                t = from + 1;
                star = Some((at, from + 1));
            }
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}

/// The action as AWS spells it, from its lower-case form; the part before a wildcard is enough.
pub(super) fn spelled_action(lower: &str) -> String {
    let Some(name) = lower.strip_prefix("kms:") else {
        return lower.to_owned();
    };
    let literal = name.find(['*', '?']).unwrap_or(name.len());
    let (head, tail) = name.split_at_checked(literal).unwrap_or((name, ""));
    for known in KEY_ACTIONS.iter().chain(IAM_ONLY) {
        let Some((start, rest)) = known.split_at_checked(head.len()) else {
            continue;
        };
        if start.eq_ignore_ascii_case(head) && (rest.is_empty() || !tail.is_empty()) {
            return format!("kms:{start}{tail}");
        }
    }
    lower.to_owned()
}

/// The condition key as AWS spells it, from its lower-case form.
pub(super) fn spelled_key(lower: &str) -> String {
    for known in CONDITION_KEYS {
        if known.eq_ignore_ascii_case(lower) {
            return (*known).to_owned();
        }
    }
    for known in CONDITION_KEYS.iter().filter(|known| known.ends_with(['/', ':'])) {
        if let Some((start, rest)) = lower.split_at_checked(known.len())
            && start.eq_ignore_ascii_case(known)
        {
            return format!("{known}{rest}");
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
