//! The key specs, usages, origins, states and limits of KMS.

use crate::form::Form;
use std::ops::RangeInclusive;

/// The days that the deletion of a key can wait (KMS API Reference, ScheduleKeyDeletion).
pub const DELETION_DAYS: RangeInclusive<u32> = 7..=30;
/// The days that can be between rotations (KMS API Reference, EnableKeyRotation).
pub const ROTATION_DAYS: RangeInclusive<u32> = 90..=2560;
/// The form of descriptions (KMS API Reference, CreateKey: `Description`).
pub const DESCRIPTION: Form = Form::any(0, 8192);
/// The form of the ids of custom key stores (KMS API Reference, CreateKey: `CustomKeyStoreId`).
pub const KEY_STORE_ID: Form = Form::any(1, 64);
/// The form of the ids of keys in external key stores (KMS API Reference, CreateKey: `XksKeyId`).
pub const XKS_KEY_ID: Form = Form::of("A-Za-z0-9_.-", 1, 128);

/// The type of a key spec (KMS API Reference, CreateKey: `KeySpec`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Symmetric encryption.
    Symmetric,
    /// HMAC keys.
    Mac,
    /// Asymmetric key pairs.
    Asymmetric,
}

/// A key spec with its family and its usages, of which the first is the default.
#[derive(Debug)]
pub struct SpecRule {
    /// The name of the key spec.
    pub name: &'static str,
    /// The type of the key.
    pub family: Family,
    /// The names of the usages that KMS allows with the key spec.
    pub usages: &'static [&'static str],
}

/// The usage of keys that encrypt and decrypt.
pub const ENCRYPT: &str = "ENCRYPT_DECRYPT";
/// The usage of keys that sign and verify.
pub const SIGN: &str = "SIGN_VERIFY";
/// The usage of HMAC keys.
pub const MAC: &str = "GENERATE_VERIFY_MAC";
/// The usage of keys that derive shared secrets.
pub const AGREE: &str = "KEY_AGREEMENT";
/// The usage of keys that encapsulate and decapsulate shared secrets.
pub const ENCAPSULATE: &str = "ENCAPSULATE_DECAPSULATE";

/// Every key spec of KMS (KMS API Reference, CreateKey: `KeySpec` and `KeyUsage`).
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
    SpecRule { name: "ML_KEM_512", family: Family::Asymmetric, usages: &[ENCAPSULATE] },
    SpecRule { name: "ML_KEM_768", family: Family::Asymmetric, usages: &[ENCAPSULATE] },
    SpecRule { name: "ML_KEM_1024", family: Family::Asymmetric, usages: &[ENCAPSULATE] },
    SpecRule { name: "SM2", family: Family::Asymmetric, usages: &[ENCRYPT, SIGN, AGREE] },
];

/// The key spec of a key for which none is set.
pub const DEFAULT_SPEC: &str = "SYMMETRIC_DEFAULT";
/// The origin of a key for which none is set.
pub const DEFAULT_ORIGIN: &str = "AWS_KMS";

/// The origins of key material (KMS API Reference, CreateKey: `Origin`).
pub const ORIGINS: [&str; 4] = [DEFAULT_ORIGIN, "EXTERNAL", "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"];
/// The state of a key that waits for its key material.
pub const PENDING_IMPORT: &str = "PendingImport";

/// Returns the key spec with the name `name`.
#[must_use]
pub fn rule(name: &str) -> Option<&'static SpecRule> {
    SPECS.iter().find(|spec| spec.name == name)
}

/// Returns what is lost with a key of this usage that cannot be used, as a clause.
#[must_use]
pub fn loss(usage: Option<&str>) -> &'static str {
    match usage {
        None | Some(ENCRYPT) => "the key cannot decrypt anything",
        Some(SIGN) => "the key cannot sign anything",
        Some(MAC) => "the key can neither generate nor verify MACs",
        Some(AGREE) => "the key cannot derive shared secrets",
        Some(ENCAPSULATE) => "the key cannot decapsulate shared secrets",
        Some(_) => "the key cannot be used",
    }
}

/// Returns whether KMS can rotate a key automatically. It rotates only symmetric encryption keys
/// with key material that KMS generated (KMS API Reference, EnableKeyRotation).
#[must_use]
pub fn can_rotate(spec: &str, origin: &str) -> bool {
    spec == DEFAULT_SPEC && origin == DEFAULT_ORIGIN
}
