"""The actions and the condition keys that documents are built from."""

OWN, OTHER, FAR = "111122223333", "444455556666", "777788889999"
KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
KEY_ARN = f"arn:aws:kms:us-west-2:{OWN}:key/{KEY_ID}"
SIBLING_ARN = f"arn:aws:kms:eu-west-1:{OWN}:key/mrk-0000abcd12ab34cd56ef1234567890ab"
DENIED_BY_STATEMENT, DENIED, DELEGATED, ALLOWED = range(4)
WORDS = ["denied", "denied", "delegated", "allowed"]

# Service Authorization Reference, AWS KMS; KMS DG, "AWS KMS permissions": cross-account use.
CROSS = set("""CreateGrant Decapsulate Decrypt DeriveSharedSecret DescribeKey Encapsulate Encrypt GenerateDataKey
GenerateDataKeyPair GenerateDataKeyPairWithoutPlaintext GenerateDataKeyWithoutPlaintext GenerateMac GetKeyRotationStatus
GetPublicKey ListGrants ReEncryptFrom ReEncryptTo RevokeGrant Sign Verify VerifyMac""".split())
OWN_ONLY = set("""CancelKeyDeletion CreateAlias DeleteAlias DeleteImportedKeyMaterial DisableKey DisableKeyRotation EnableKey
EnableKeyRotation GetKeyLastUsage GetKeyPolicy GetParametersForImport ImportKeyMaterial ListKeyPolicies ListKeyRotations
ListResourceTags PutKeyPolicy ReplicateKey RotateKeyOnDemand ScheduleKeyDeletion SynchronizeMultiRegionKey TagResource
UntagResource UpdateAlias UpdateKeyDescription UpdatePrimaryRegion""".split())
ACTIONS = sorted(CROSS | OWN_ONLY)
UNDOCUMENTED = {"Encapsulate", "Decapsulate"}
CIPHER = {"Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext",
          "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo"}

# The condition keys that documents are built from: their type, whether a request can have several values, and the actions
# whose requests can have them (None for all).
TEXT, BOOL, NUMBER, DATE, ADDRESS = "text", "bool", "number", "date", "address"
KEYS = {
    "aws:principalarn": (TEXT, False, None), "aws:principalaccount": (TEXT, False, None),
    "aws:principaltype": (TEXT, False, None), "aws:username": (TEXT, False, None), "aws:userid": (TEXT, False, None),
    "aws:principalisawsservice": (BOOL, False, None), "aws:principalservicename": (TEXT, False, None),
    "aws:principalorgid": (TEXT, False, None), "aws:principalorgpaths": (TEXT, True, None),
    "aws:principaltag/team": (TEXT, False, None), "aws:principaltag/level": (TEXT, False, None),
    "aws:securetransport": (BOOL, False, None), "aws:sourcearn": (TEXT, False, None), "aws:sourceaccount": (TEXT, False, None),
    "aws:sourceip": (ADDRESS, False, None), "aws:sourcevpce": (TEXT, False, None), "aws:viaawsservice": (BOOL, False, None),
    "aws:calledvia": (TEXT, True, None), "aws:currenttime": (DATE, False, None), "aws:tokenissuetime": (DATE, False, None),
    "aws:multifactorauthpresent": (BOOL, False, None), "aws:multifactorauthage": (NUMBER, False, None),
    "aws:requestedregion": (TEXT, False, None), "aws:resourceaccount": (TEXT, False, None),
    "aws:tagkeys": (TEXT, True, {"TagResource", "UntagResource"}),
    "kms:calleraccount": (TEXT, False, "called"), "kms:viaservice": (TEXT, False, "called"),
    "kms:encryptioncontext:app": (TEXT, False, CIPHER | {"CreateGrant"}),
    "kms:encryptioncontextkeys": (TEXT, True, CIPHER | {"CreateGrant"}),
    "kms:grantisforawsresource": (BOOL, False, {"CreateGrant", "ListGrants", "RevokeGrant"}),
    "kms:grantoperations": (TEXT, True, {"CreateGrant"}), "kms:granteeprincipal": (TEXT, False, {"CreateGrant"}),
    "kms:keyspec": (TEXT, False, None), "kms:multiregion": (BOOL, False, None),
    "kms:requestalias": (TEXT, False, {"Decrypt", "Encrypt", "DescribeKey", "Sign"}),
    "kms:schedulekeydeletionpendingwindowindays": (NUMBER, False, {"ScheduleKeyDeletion"}),
    "kms:resourcealiases": (TEXT, True, None),
    "cognito-identity.amazonaws.com:amr": (TEXT, None, None),
}
OLD_NAMES = {"kms:customermasterkeyspec": "kms:keyspec"}
# "Always included" (IAM UG, global condition context keys), and properties of every key (KMS DG, condition keys).
ALWAYS = {"aws:currenttime", "aws:viaawsservice", "aws:requestedregion", "kms:keyspec", "kms:multiregion", "aws:resourceaccount"}
INTEGERS = {"aws:multifactorauthage", "kms:schedulekeydeletionpendingwindowindays"}


def carries(action, key):
    actions = KEYS[key][2]
    if actions == "called":  # KMS calls SynchronizeMultiRegionKey itself.
        return action != "SynchronizeMultiRegionKey"
    if key == "kms:requestalias":
        return action in CIPHER | {"DeriveSharedSecret", "DescribeKey", "GenerateMac", "GetPublicKey", "Sign", "Verify",
                                   "VerifyMac"} | UNDOCUMENTED
    return actions is None or action in actions | UNDOCUMENTED
