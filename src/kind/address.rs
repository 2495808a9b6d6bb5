//! Addresses, which name resources in plans, the state, the journal and on the command line.

use super::{ConsumerKind, Kind, service_linked_role};
use crate::id::{AliasName, BadId, KeyArn, Name, Region, ResourceName, RoleSuffix};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The address of a resource: `kind/name`, such as `key/storage` or `grant/storage/batch`. The name is
/// the key of the configuration's map, or AWS's name for an alias. `ebs_default`, which a stack has
/// at most once, has no name. Parsing (also by serde) accepts only addresses that a configuration can
/// declare, and those of duplicate keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    /// The kind of the resource.
    pub kind: Kind,
    /// The name, unique among the resources of its kind.
    pub name: String,
}

impl Address {
    /// Creates an address. The name is not checked.
    #[must_use]
    pub fn new(kind: impl Into<Kind>, name: impl Into<String>) -> Self {
        Self { kind: kind.into(), name: name.into() }
    }

    /// Returns the form of addresses as a regular expression.
    #[must_use]
    pub fn pattern() -> String {
        let forms: Vec<String> = Kind::all().map(form_of).collect();
        format!("({})", forms.join("|"))
    }

    /// Returns the form of the addresses of keys as a regular expression.
    #[must_use]
    pub fn key_pattern() -> String {
        form_of(Kind::Key)
    }

    /// Returns whether a stack has at most one resource of the kind, which then has no name.
    fn is_single(kind: Kind) -> bool {
        kind.consumer().is_some_and(ConsumerKind::is_single)
    }

    /// Returns the address of a further key that carries the tags of this address. Names contain no `.`.
    #[must_use]
    pub fn duplicate(&self, arn: &KeyArn) -> Self {
        Self::new(self.kind, format!("{}.{}", self.name, arn.id()))
    }

    /// Returns the address whose tags the key at this address carries, if it is a further key.
    #[must_use]
    pub fn original(&self) -> Option<Self> {
        let (name, _) = self.name.split_once('.').filter(|_| self.kind == Kind::Key)?;
        Some(Self::new(self.kind, name))
    }

    /// Returns whether the address matches `pattern`, in which `*` matches any text.
    #[must_use]
    pub fn matches(&self, pattern: &str) -> bool {
        glob(pattern, &self.to_string())
    }
}

/// Returns whether the text matches the pattern. `*` matches any text, also an empty one; every other
/// character matches itself. A part between two stars matches at its first occurrence, which leaves
/// the most text for the parts after it.
#[must_use]
pub fn glob(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(inner) = text.strip_prefix(start).and_then(|text| text.strip_suffix(end)) else {
        return false;
    };
    let mut parts = middle.split('*');
    parts.try_fold(inner, |rest, part| rest.split_once(part).map(|(_, after)| after)).is_some()
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if Self::is_single(self.kind) {
            f.write_str(self.kind.as_str())
        } else {
            write!(f, "{}/{}", self.kind.as_str(), self.name)
        }
    }
}

impl FromStr for Address {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let single = Kind::all().find(|kind| Self::is_single(*kind) && kind.as_str() == text);
        if let Some(kind) = single {
            return Ok(Self::new(kind, ""));
        }
        let (kind, name) =
            text.split_once('/').filter(|(_, name)| !name.is_empty()).ok_or_else(|| {
                let kinds: Vec<&str> = Kind::all().map(Kind::as_str).collect();
                format!("`{text}` is not an address: write `kind/name` ({})", kinds.join(", "))
            })?;
        let kind = kind.parse::<Kind>()?;
        check_name(kind, name).map_err(|bad| format!("`{text}` is not an address: {bad}"))?;
        Ok(Self::new(kind, name))
    }
}

/// Returns the message and the help of an error as one text.
fn explain(error: &BadId) -> String {
    format!("{} ({})", error.message, error.help)
}

/// Returns the form of the addresses of a kind as a regular expression (see `check_name`).
fn form_of(kind: Kind) -> String {
    let (name, region) = (Name::FORM.pattern(), Region::PATTERN);
    let names = match kind {
        Kind::Alias => format!("{}(@{region})?", AliasName::BARE.pattern()),
        Kind::ServiceLinkedRole => {
            let pattern = |services: Vec<&str>| services.join("|").replace('.', "[.]");
            let all = pattern(service_linked_role::Service::names());
            let suffixed = pattern(service_linked_role::Service::suffixed());
            format!("({all}|({suffixed})/{})", RoleSuffix::FORM.pattern())
        }
        Kind::Key => format!("{name}([.]{name}|/{region})?"),
        Kind::Grant => format!("{name}(/{region})?/{name}"),
        Kind::Consumer(_) if Address::is_single(kind) => return kind.as_str().to_owned(),
        Kind::Consumer(_) => ResourceName::FORM.pattern(),
        Kind::KeyPolicy => name,
    };
    format!("{}/{names}", kind.as_str())
}

/// Checks that a configuration can give the name to a resource of the kind.
fn check_name(kind: Kind, name: &str) -> Result<(), String> {
    if kind == Kind::Alias {
        let (alias, region) =
            name.split_once('@').map_or((name, None), |(alias, region)| (alias, Some(region)));
        format!("alias/{alias}").parse::<AliasName>().map_err(|bad| explain(&bad))?;
        return region.map_or(Ok(()), |region| {
            region.parse::<Region>().map(drop).map_err(|bad| explain(&bad))
        });
    }
    if kind == Kind::ServiceLinkedRole {
        return name.parse::<service_linked_role::Spec>().map(drop).map_err(|bad| explain(&bad));
    }
    if kind == Kind::Key
        && let Some((key, id)) = name.split_once('.')
    {
        // A further key with the tags of an address.
        key.parse::<Name>().map(drop).map_err(|bad| explain(&bad))?;
        return id.parse::<Name>().map(drop).map_err(|bad| explain(&bad));
    }
    if kind == Kind::Key
        && let Some((key, region)) = name.split_once('/')
    {
        // A replica.
        key.parse::<Name>().map(drop).map_err(|bad| explain(&bad))?;
        return region.parse::<Region>().map(drop).map_err(|bad| explain(&bad));
    }
    if Address::is_single(kind) {
        return Err(format!("a stack has at most one `{0}`: write `{0}`", kind.as_str()));
    }
    if kind.consumer().is_some() {
        return name.parse::<ResourceName>().map(drop).map_err(|bad| explain(&bad));
    }
    if kind != Kind::Grant {
        return name.parse::<Name>().map(drop).map_err(|bad| explain(&bad));
    }
    let Some((key, grant)) = name.rsplit_once('/') else {
        return Err("the address of a grant is `grant/KEY/GRANT`".to_owned());
    };
    let (key, region) =
        key.split_once('/').map_or((key, None), |(key, region)| (key, Some(region)));
    if let Some(region) = region {
        region.parse::<Region>().map_err(|bad| explain(&bad))?;
    }
    let names = [key, grant].map(str::parse::<Name>);
    names.into_iter().try_for_each(|name| name.map(drop).map_err(|bad| explain(&bad)))
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
    fn addresses_are_read_back_and_match_patterns() {
        let grant: Address = "grant/storage/batch".parse().unwrap();
        assert_eq!(grant.to_string(), "grant/storage/batch");
        assert!(grant.matches("grant/*"));
        assert!(grant.matches("*batch"));
        assert!(!grant.matches("key/*"));
        assert!("keys/a".parse::<Address>().unwrap_err().ends_with("did you mean `key`?"));
        assert!("lambda/a".parse::<Address>().unwrap_err().contains("alias, grant"));
        assert!("key".parse::<Address>().is_err());
    }

    #[test]
    fn a_star_matches_any_text() {
        let yes = [
            ("", ""),
            ("*", ""),
            ("**", "a"),
            ("a*", "a"),
            ("a*b", "ab"),
            ("a*b*c", "a-b-b-c"),
            ("*ab*ab*", "abab"),
            ("*b", "ab-b"),
            ("a**a", "aa"),
            ("*ä*", "xäx"),
        ];
        for (pattern, text) in yes {
            assert!(glob(pattern, text), "{pattern} {text}");
        }
        let no = [
            ("", "a"),
            ("a", ""),
            ("a*a", "a"),
            ("a*b", "abc"),
            ("*ab*ab*", "aba"),
            ("b*", "ab"),
            ("a*b*b", "ab"),
            ("*a*", "b"),
        ];
        for (pattern, text) in no {
            assert!(!glob(pattern, text), "{pattern} {text}");
        }
        assert!(!glob(&"*a".repeat(40), &format!("{}b", "a".repeat(80))));
    }

    #[test]
    fn only_addresses_that_a_configuration_can_declare_are_read() {
        for good in [
            "key/a-b_C",
            "alias/app/x",
            "alias/app@eu-west-1",
            "grant/k/g",
            "grant/k/eu-west-1/g",
            "service_linked_role/autoscaling.amazonaws.com/kms",
            "ebs_volume/data",
            "ebs_default",
        ] {
            assert_eq!(good.parse::<Address>().unwrap().to_string(), good);
        }
        let bad = [
            "key/a b",
            "key/a/b",
            "key/\u{1b}[31m",
            "key/a\nb",
            "alias/a\u{202e}",
            "alias/app@nowhere",
            "alias/aws/ebs",
            "grant/k",
            "grant/k/g/h",
            "grant//g",
            "service_linked_role/ec2.amazonaws.com",
            "service_linked_role/rds.amazonaws.com/kms",
            "ebs_default/a",
            "ebs_default/",
            "ebs_volume",
        ];
        for text in bad {
            assert!(text.parse::<Address>().is_err(), "{text:?}");
            assert!(serde_json::from_value::<Address>(text.into()).is_err(), "{text:?}");
        }
    }
}
