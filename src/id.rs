//! AWS identifiers and kmsctl's names, valid by construction.

mod forms;

pub use forms::KEY_ID;

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The error of a text that is not a valid identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadId {
    /// The error, as a fragment.
    pub message: String,
    /// The required form.
    pub help: String,
}

impl BadId {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }
}

/// Declares a string newtype that is valid by construction: every value, also one that serde reads, is
/// created by `FromStr`.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Returns the identifier as a string slice.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

text_id! {
    /// A 12-digit AWS account id.
    AccountId
}
text_id! {
    /// The code of a Region, such as `eu-west-1`.
    Region
}
text_id! {
    /// The name of a stack, a key or a grant in the configuration.
    Name
}
text_id! {
    /// The name of a resource that a key encrypts. For most kinds it is the name in AWS, for which the
    /// kind has rules of its own.
    ResourceName
}
text_id! {
    /// The custom suffix that distinguishes the service-linked roles of one service.
    RoleSuffix
}
text_id! {
    /// The name of an alias with its prefix, such as `alias/app`. Never the alias of an AWS managed key
    /// (`alias/aws/…`).
    AliasName
}

impl FromStr for AccountId {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        if Self::FORM.accepts(text) {
            return Ok(Self(text.to_owned()));
        }
        let what = if text.bytes().all(|b| b.is_ascii_digit()) {
            format!("`{text}` has {}", crate::text::counted(text.len(), "digit"))
        } else {
            format!("`{text}` is not an account id")
        };
        Err(BadId::new(what, "an AWS account id has 12 digits, such as \"111122223333\""))
    }
}

impl FromStr for Region {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        let parts: Vec<&str> = text.split('-').collect();
        let good = parts.len() >= 3
            && parts.iter().all(|p| !p.is_empty())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && parts.last().is_some_and(|p| p.bytes().all(|b| b.is_ascii_digit()));
        if good {
            return Ok(Self(text.to_owned()));
        }
        Err(BadId::new(
            format!("`{text}` is not a Region"),
            "a Region looks like `eu-west-1` or `us-gov-west-1`",
        ))
    }
}

/// An AWS partition: a group of Regions with accounts and identities of its own.
#[derive(Debug)]
pub struct Partition {
    /// The name in ARNs.
    pub name: &'static str,
    /// The prefix of the codes of its Regions.
    prefix: &'static str,
    /// The code of one of its Regions.
    pub example: &'static str,
    /// The end of the names of its hosts.
    pub domain: &'static str,
}

/// Every partition except `aws`, which has the Regions that no other partition has (botocore 1.43
/// `partitions.json`, `regionRegex` and `dnsSuffix`).
pub const PARTITIONS: &[Partition] = &[
    Partition { name: "aws-cn", prefix: "cn-", example: "cn-north-1", domain: "amazonaws.com.cn" },
    Partition {
        name: "aws-eusc",
        prefix: "eusc-",
        example: "eusc-de-east-1",
        domain: "amazonaws.eu",
    },
    Partition {
        name: "aws-iso",
        prefix: "us-iso-",
        example: "us-iso-east-1",
        domain: "c2s.ic.gov",
    },
    Partition {
        name: "aws-iso-b",
        prefix: "us-isob-",
        example: "us-isob-east-1",
        domain: "sc2s.sgov.gov",
    },
    Partition {
        name: "aws-iso-e",
        prefix: "eu-isoe-",
        example: "eu-isoe-west-1",
        domain: "cloud.adc-e.uk",
    },
    Partition {
        name: "aws-iso-f",
        prefix: "us-isof-",
        example: "us-isof-south-1",
        domain: "csp.hci.ic.gov",
    },
    Partition {
        name: "aws-us-gov",
        prefix: "us-gov-",
        example: "us-gov-west-1",
        domain: "amazonaws.com",
    },
];

impl Region {
    /// Returns the name of the partition that the Region belongs to.
    #[must_use]
    pub fn partition(&self) -> &'static str {
        self.known().map_or("aws", |partition| partition.name)
    }

    /// Returns the end of the names of the Region's hosts.
    #[must_use]
    pub fn domain(&self) -> &'static str {
        self.known().map_or("amazonaws.com", |partition| partition.domain)
    }

    fn known(&self) -> Option<&'static Partition> {
        PARTITIONS.iter().find(|partition| self.0.starts_with(partition.prefix))
    }
}

impl FromStr for Name {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        if Self::FORM.accepts(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(BadId::new(
            format!("`{text}` is not a name"),
            "use 1 to 64 letters, digits, `_` and `-` (kmsctl writes names into tags and grant names)",
        ))
    }
}

impl FromStr for ResourceName {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        if Self::FORM.accepts(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(BadId::new(
            format!("`{text}` is not a name"),
            "use 1 to 255 letters, digits, `_`, `.` and `-`",
        ))
    }
}

impl FromStr for RoleSuffix {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        if Self::FORM.accepts(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(BadId::new(
            format!("`{text}` is not a suffix"),
            "use 1 to 64 letters, digits and `_+=,.@-`",
        ))
    }
}

impl FromStr for AliasName {
    type Err = BadId;
    /// Parses the name with or without `alias/`.
    fn from_str(text: &str) -> Result<Self, BadId> {
        let bare = text.strip_prefix("alias/").unwrap_or(text);
        if bare == "aws" || bare.starts_with("aws/") {
            return Err(BadId::new(
                format!("`{text}` is reserved for AWS managed keys"),
                "choose a name that does not begin with `alias/aws/`",
            ));
        }
        if let Some(rest) = text.split_once("alias/").filter(|(before, _)| !before.is_empty()) {
            return Err(BadId::new(
                format!("`{text}` does not begin with `alias/`"),
                format!("write `alias/{}`, or leave `alias/` out", rest.1),
            ));
        }
        if !Self::BARE.accepts(bare) {
            return Err(BadId::new(
                format!("`{text}` is not an alias name"),
                "use 1 to 250 letters, digits, `/`, `_` and `-` after `alias/`",
            ));
        }
        Ok(Self(format!("alias/{bare}")))
    }
}

impl AliasName {
    /// Returns the name without `alias/`.
    #[must_use]
    pub fn bare(&self) -> &str {
        self.0.strip_prefix("alias/").unwrap_or(&self.0)
    }
}

/// The ARN of a KMS key. Key ids alone are not unique: related multi-Region keys have the same id (KMS
/// Developer Guide, "Multi-Region keys in AWS KMS").
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyArn {
    partition: String,
    /// The Region of the key.
    pub region: Region,
    /// The account that owns the key.
    pub account: AccountId,
    id: String,
}

impl KeyArn {
    /// Creates the ARN of the key with the key id `id` in `place`. The key id is not checked.
    #[must_use]
    pub fn at(place: &Place, id: &str) -> Self {
        Self {
            partition: place.region.partition().to_owned(),
            region: place.region.clone(),
            account: place.account.clone(),
            id: id.to_owned(),
        }
    }

    /// Returns the related multi-Region key in another Region, which has the same id.
    #[must_use]
    pub fn related(&self, region: &Region) -> Self {
        Self::at(&Place { region: region.clone(), ..self.place() }, &self.id)
    }

    /// Returns the key id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the account and Region of the key.
    #[must_use]
    pub fn place(&self) -> Place {
        Place { account: self.account.clone(), region: self.region.clone() }
    }
}

/// The ARN of an alias.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AliasArn {
    /// The account and Region of the alias.
    pub place: Place,
    /// The name of the alias.
    pub name: AliasName,
}

impl fmt::Display for AliasArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { account, region } = &self.place;
        write!(f, "arn:{}:kms:{region}:{account}:{}", region.partition(), self.name)
    }
}

impl AliasArn {
    /// Returns the place of an alias's ARN. The alias may be that of an AWS managed key.
    ///
    /// # Errors
    /// Returns what is wrong with the ARN, except with its name.
    pub fn place_of(text: &str) -> Result<Place, BadId> {
        Self::parts(text).map(|(place, _)| place)
    }

    /// Returns the place and the name of an ARN.
    fn parts(text: &str) -> Result<(Place, &str), BadId> {
        const FORM: &str = "an alias ARN has the form `arn:aws:kms:REGION:ACCOUNT:alias/NAME`";
        let fields: Vec<&str> = text.split(':').collect();
        let ["arn", partition, "kms", region, account, name] = fields.as_slice() else {
            return Err(BadId::new(format!("`{text}` is not the ARN of an alias"), FORM));
        };
        let place = Place { account: account.parse()?, region: region.parse()? };
        if *partition != place.region.partition() {
            return Err(BadId::new(
                format!("`{region}` is not in the partition `{partition}`"),
                format!("its partition is `{}`", place.region.partition()),
            ));
        }
        Ok((place, name))
    }
}

impl FromStr for AliasArn {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        let (place, name) = Self::parts(text)?;
        Ok(Self { place, name: name.parse()? })
    }
}

impl fmt::Display for KeyArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, region, account, id } = self;
        write!(f, "arn:{partition}:kms:{region}:{account}:key/{id}")
    }
}

impl FromStr for KeyArn {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        const FORM: &str = "a key ARN has the form `arn:aws:kms:REGION:ACCOUNT:key/ID`";
        let fields: Vec<&str> = text.split(':').collect();
        let [arn, partition, service, region, account, resource] = fields.as_slice() else {
            let missing = match fields.as_slice() {
                ["arn", _, "kms", account, _] if account.parse::<AccountId>().is_ok() => {
                    " (the Region is missing)"
                }
                ["arn", _, "kms", region, _] if region.parse::<Region>().is_ok() => {
                    " (the account is missing)"
                }
                _ => "",
            };
            let count = fields.len();
            return Err(BadId::new(
                format!(
                    "`{text}` has {} instead of 6{missing}",
                    crate::text::counted(count, "field")
                ),
                FORM,
            ));
        };
        let id = resource.strip_prefix("key/").filter(|id| is_key_id(id));
        let (true, Some(id)) = (*arn == "arn" && *service == "kms", id) else {
            return Err(BadId::new(format!("`{text}` is not the ARN of a KMS key"), FORM));
        };
        let (region, account): (Region, AccountId) = (region.parse()?, account.parse()?);
        if *partition != region.partition() {
            return Err(BadId::new(
                format!("`{region}` is not in the partition `{partition}`"),
                format!("its partition is `{}`", region.partition()),
            ));
        }
        Ok(Self { partition: (*partition).to_owned(), region, account, id: id.to_owned() })
    }
}

impl TryFrom<String> for KeyArn {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        text.parse()
    }
}

impl From<KeyArn> for String {
    fn from(arn: KeyArn) -> Self {
        arn.to_string()
    }
}

/// Returns whether `text` has the form of a key id: 36 hexadecimal digits and hyphens, or `mrk-` and
/// 32 hexadecimal digits (KMS Developer Guide, "Key identifiers"), or such digits with hyphens.
#[must_use]
pub fn is_key_id(text: &str) -> bool {
    let hex = |t: &str| t.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    let is_whole = |id: &str| (32..=36).contains(&id.len()) && hex(id);
    (text.len() == 36 && hex(text)) || text.strip_prefix("mrk-").is_some_and(is_whole)
}

/// The ARN of an IAM user or role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IdentityArn {
    arn: String,
    account: AccountId,
    role: bool,
}

impl IdentityArn {
    /// Returns the account of the identity.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// Returns whether the identity is a role; otherwise it is a user.
    #[must_use]
    pub fn is_role(&self) -> bool {
        self.role
    }

    /// Returns the name without the path. IAM names are unique in an account, regardless of the path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.arn.rsplit('/').next().unwrap_or(&self.arn)
    }

    /// Returns the ARN as a string slice.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.arn
    }
}

impl fmt::Display for IdentityArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.arn)
    }
}

impl FromStr for IdentityArn {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        let form = "write `arn:aws:iam::ACCOUNT:role/NAME` or `…:user/NAME`";
        let bad = || BadId::new(format!("`{text}` is not the ARN of a user or a role"), form);
        let fields: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", _, "iam", "", account, identity] = fields.as_slice() else {
            return Err(bad());
        };
        let role = match identity.split_once('/') {
            Some(("role", name)) if !name.is_empty() => true,
            Some(("user", name)) if !name.is_empty() => false,
            Some(_) | None => return Err(bad()),
        };
        Ok(Self { arn: text.to_owned(), account: account.parse()?, role })
    }
}

impl TryFrom<String> for IdentityArn {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        text.parse()
    }
}

impl From<IdentityArn> for String {
    fn from(identity: IdentityArn) -> Self {
        identity.arn
    }
}

/// The account and Region of a resource, to which its calls are sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The account, whose credentials sign the calls.
    pub account: AccountId,
    /// The Region, whose endpoint receives the calls.
    pub region: Region,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.account, self.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help<T: FromStr<Err = BadId> + fmt::Debug>(text: &str) -> String {
        let bad = text.parse::<T>().unwrap_err();
        format!("{}; {}", bad.message, bad.help)
    }

    #[test]
    fn published_mistakes_are_named() {
        assert!(
            help::<KeyArn>("arn:aws:kms:111122223333:key/abcdabcd-aaaa-bbbb-cccc-abcdabcdabcd")
                .contains("the Region is missing")
        );
        assert!(help::<AccountId>("11111111111").contains("11 digits"));
        assert!(help::<AliasName>("your-alias/Foo").contains("write `alias/Foo`"));
        assert!(help::<AliasName>("alias/aws/ebs").contains("reserved"));
    }

    #[test]
    fn aliases_take_both_forms() {
        let both = ["app", "alias/app"].map(|t| t.parse::<AliasName>().unwrap());
        assert_eq!(both[0], both[1]);
        assert!("awsome".parse::<AliasName>().is_ok());
        assert!("alias/".parse::<AliasName>().is_err());
        assert!("a:b".parse::<AliasName>().is_err());
    }

    #[test]
    fn every_region_has_its_partition() {
        let of = |region: &str| region.parse::<Region>().unwrap().partition();
        for partition in PARTITIONS {
            assert_eq!(of(partition.example), partition.name);
        }
        for region in ["us-east-1", "eu-west-1", "mx-central-1", "il-central-1", "ap-east-2"] {
            assert_eq!(of(region), "aws");
        }
        assert_eq!(of("us-gov-east-1"), "aws-us-gov");
        assert_eq!(of("us-isob-west-1"), "aws-iso-b");
    }

    #[test]
    fn identities_have_a_kind_an_account_and_a_name() {
        let role: IdentityArn = "arn:aws:iam::111122223333:role/a/b/App".parse().unwrap();
        assert_eq!(
            (role.name(), role.is_role(), role.account().as_str()),
            ("App", true, "111122223333")
        );
        for other in ["root", "group/a", "role/", "role"] {
            assert!(format!("arn:aws:iam::111122223333:{other}").parse::<IdentityArn>().is_err());
        }
        assert!("arn:aws:sts::111122223333:assumed-role/a/b".parse::<IdentityArn>().is_err());
    }

    #[test]
    fn key_arns_round_trip() {
        let text =
            "arn:aws-cn:kms:cn-north-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab";
        assert_eq!(text.parse::<KeyArn>().unwrap().to_string(), text);
        assert!(text.replace("aws-cn", "aws").parse::<KeyArn>().is_err());
    }
}
