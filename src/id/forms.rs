//! The forms of identifiers and names, and their JSON Schemas.

use super::{AccountId, AliasName, KeyArn, Name, PARTITIONS, Region, ResourceName, RoleSuffix};
use crate::form::{Form, text};
use serde_json::{Value as Json, json};

impl AccountId {
    /// The form of account ids.
    pub const FORM: Form = Form::of("0-9", 12, 12);

    /// Returns the JSON Schema. A number of YAML is an account id too; its zeros at the beginning are not part of its
    /// value.
    #[must_use]
    pub fn schema() -> Json {
        json!({
            "type": ["string", "integer"],
            "pattern": format!("^{}$", Self::FORM.pattern()),
            "minimum": 0,
            "maximum": 999_999_999_999_u64,
        })
    }
}

impl Region {
    /// The form of the codes of Regions, as a regular expression.
    pub const PATTERN: &str = "[a-z0-9]+(-[a-z0-9]+)+-[0-9]+";

    /// Returns the JSON Schema.
    #[must_use]
    pub fn schema() -> Json {
        text(Self::PATTERN)
    }
}

impl Name {
    /// The form of names.
    pub const FORM: Form = Form::of("A-Za-z0-9_-", 1, 64);

    /// Returns the JSON Schema.
    #[must_use]
    pub fn schema() -> Json {
        Self::FORM.schema()
    }
}

impl ResourceName {
    /// The characters that AWS's services allow in names, and the length that DynamoDB allows, which is the longest
    /// (DynamoDB API Reference, CreateTable: `TableName`).
    pub const FORM: Form = Form::of("A-Za-z0-9_.-", 1, 255);

    /// Returns the JSON Schema.
    #[must_use]
    pub fn schema() -> Json {
        Self::FORM.schema()
    }
}

impl RoleSuffix {
    /// The form of suffixes (IAM API Reference, CreateServiceLinkedRole: `CustomSuffix`).
    pub const FORM: Form = Form::of("A-Za-z0-9_+=,.@-", 1, 64);

    /// Returns the JSON Schema.
    #[must_use]
    pub fn schema() -> Json {
        Self::FORM.schema()
    }
}

impl AliasName {
    /// Returns the form of the names that begin with `alias/` as a regular expression.
    #[must_use]
    pub fn whole_pattern() -> String {
        Form { prefix: "alias/", ..Self::BARE }.pattern()
    }

    /// The form of names without `alias/`.
    pub const BARE: Form = Form::of("A-Za-z0-9/_-", 1, 250);

    /// Returns the JSON Schema of the names with and without `alias/`.
    #[must_use]
    pub fn schema() -> Json {
        let mut schema = Self::BARE.schema();
        if let Some(schema) = schema.as_object_mut() {
            schema.remove("pattern");
            schema.insert(
                "anyOf".to_owned(),
                json!([
                    {"pattern": format!("^{}$", Self::whole_pattern())},
                    {"pattern": format!("^{}$", Self::BARE.pattern()), "not": {"type": "string", "pattern": "alias/"}},
                ]),
            );
            schema.insert(
                "not".to_owned(),
                json!({"type": "string", "pattern": "^(alias/)?aws(/|$)"}),
            );
        }
        schema
    }
}

impl KeyArn {
    /// Returns the form of ARNs of keys as a regular expression.
    #[must_use]
    pub fn pattern() -> String {
        format!("{}:key/{KEY_ID}", in_kms())
    }

    /// Returns the JSON Schema.
    #[must_use]
    pub fn schema() -> Json {
        text(&Self::pattern())
    }
}

/// The form of key ids, as a regular expression (see [`is_key_id`]).
pub const KEY_ID: &str = "([0-9A-Fa-f-]{36}|mrk-[0-9A-Fa-f-]{32,36})";

/// Returns the part of ARNs of KMS before the resource, as a regular expression.
fn in_kms() -> String {
    let partitions: Vec<&str> =
        ["aws"].into_iter().chain(PARTITIONS.iter().map(|partition| partition.name)).collect();
    let (region, account) = (Region::PATTERN, AccountId::FORM.pattern());
    format!("arn:({}):kms:{region}:{account}", partitions.join("|"))
}
