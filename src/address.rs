//! Addresses: how a plan, the state, the journal and the command line name a resource.

use crate::kind::Kind;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// `kind/name`, such as `key/storage` or `grant/storage/batch`. The name is the key of the
/// configuration's map (unique by syntax), or AWS's natural name for an alias.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    /// What kind of resource.
    pub kind: Kind,
    /// Which one.
    pub name: String,
}

impl Address {
    /// The address of `name` among the resources of `kind`.
    #[must_use]
    pub fn new(kind: Kind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }

    /// Whether the address matches `pattern`, in which `*` stands for any text.
    #[must_use]
    pub fn matches(&self, pattern: &str) -> bool {
        glob(pattern.as_bytes(), self.to_string().as_bytes())
    }
}

/// `*` is any text; everything else is itself. Linear in the text for each star.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => {
            (0..=text.len()).any(|n| text.get(n..).is_some_and(|tail| glob(rest, tail)))
        }
        Some((byte, rest)) => {
            text.split_first().is_some_and(|(first, tail)| first == byte && glob(rest, tail))
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.as_str(), self.name)
    }
}

impl FromStr for Address {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let kinds = || Kind::ALL.iter().map(|k| k.as_str()).collect::<Vec<_>>().join(", ");
        let (kind, name) =
            text.split_once('/').filter(|(_, name)| !name.is_empty()).ok_or_else(|| {
                format!("`{text}` is not an address: write `kind/name` ({})", kinds())
            })?;
        let kind = Kind::ALL
            .iter()
            .find(|k| k.as_str() == kind)
            .ok_or_else(|| format!("`{kind}` is not a kind of resource: one of {}", kinds()))?;
        Ok(Self::new(*kind, name))
    }
}

impl TryFrom<String> for Address {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_round_trip_and_match() {
        let grant: Address = "grant/storage/batch".parse().unwrap();
        assert_eq!(grant.to_string(), "grant/storage/batch");
        assert!(grant.matches("grant/*"));
        assert!(grant.matches("*batch"));
        assert!(!grant.matches("key/*"));
        assert!("keys/a".parse::<Address>().unwrap_err().contains("alias, grant"));
        assert!("key".parse::<Address>().is_err());
    }
}
