//! References to keys.

use super::Address;
use crate::id::{AliasArn, KeyArn};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A reference to a key. It is the only value in a plan that can be unknown until apply.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum KeyRef {
    /// A key of the stack.
    Managed(Address),
    /// The ARN of a key that is not the stack's.
    Arn(KeyArn),
    /// The alias of a key that is not the stack's, until AWS has reported the key's ARN.
    Alias(AliasArn),
}

impl fmt::Display for KeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Managed(address) => address.fmt(f),
            Self::Arn(arn) => arn.fmt(f),
            Self::Alias(alias) => alias.fmt(f),
        }
    }
}

impl TryFrom<String> for KeyRef {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if text.starts_with("arn:") && text.contains(":alias/") {
            return AliasArn::from_str(&text).map(Self::Alias).map_err(|e| e.to_string());
        }
        if text.starts_with("arn:") {
            return KeyArn::from_str(&text).map(Self::Arn).map_err(|e| e.to_string());
        }
        text.parse().map(Self::Managed)
    }
}

impl From<KeyRef> for String {
    fn from(key: KeyRef) -> Self {
        key.to_string()
    }
}

/// The ARNs of the stack's keys that exist.
pub type Ids = BTreeMap<Address, KeyArn>;

impl KeyRef {
    /// Returns the ARN of the key, if it is known.
    #[must_use]
    pub fn resolve(&self, ids: &Ids) -> Option<KeyArn> {
        match self {
            Self::Managed(address) => ids.get(address).cloned(),
            Self::Arn(arn) => Some(arn.clone()),
            Self::Alias(_) => None,
        }
    }

    /// Returns the address, if the key is the stack's.
    #[must_use]
    pub fn managed(&self) -> Option<&Address> {
        match self {
            Self::Managed(address) => Some(address),
            Self::Arn(_) | Self::Alias(_) => None,
        }
    }

    /// Returns the alias, if only the alias of the key is known.
    #[must_use]
    pub fn alias(&self) -> Option<&AliasArn> {
        match self {
            Self::Alias(alias) => Some(alias),
            Self::Managed(_) | Self::Arn(_) => None,
        }
    }
}
