//! The fields of a table.

use crate::decode::{Decode, Diagnostics, Spanned, choice, record};
use crate::kind::consumer::{self, settings};
use crate::kind::declaration::{Check, Section, Syntax};
use crate::tree::Node;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

pub(super) const SYNTAX: Syntax = Syntax {
    section: Section { name: "dynamodb", description: "DynamoDB: tables." },
    list: ("tables", "Tables, by their names in AWS."),
    resource: "A DynamoDB table.",
    key: "The key that encrypts the table: the name of a key of the stack, or the ARN or an alias of \
          another key; null for a key that AWS owns. It can change while the table is in use.",
    removable_key: true,
    existing: "The name of a table that kmsctl did not create: only its key is managed.",
    used_by: Some((
        "used_by",
        "Principals that read and write items: a derived statement lets them use the key through \
         DynamoDB.",
    )),
    creates: true,
};

settings! {
    /// The settings of a table.
    pub struct Settings {
        /// The partition key; required unless `existing` is given. Fixed at creation.
        partition_key: Attribute as AttributeFields,
        /// The sort key; fixed at creation.
        sort_key: Attribute as AttributeFields,
        /// The billing mode; default: `pay_per_request`.
        billing: Billing,
        /// Whether AWS refuses to delete the table.
        deletion_protection: bool,
        /// Whether the table can be restored to any point in the last 35 days.
        point_in_time_recovery: bool,
    }
}

record! {
    /// An attribute of a table's primary key.
    pub struct AttributeFields {
        /// The attribute's name.
        name: String,
        /// The attribute's type.
        r#type: AttributeType,
    }
}

choice! {
    /// The type of an attribute.
    pub enum AttributeType {
        /// Text.
        Text = "S",
        /// Number.
        Number = "N",
        /// Bytes.
        Bytes = "B",
    }
}

/// An attribute of a table's primary key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// The attribute's name.
    pub name: String,
    /// `S`, `N` or `B`.
    pub r#type: String,
}

impl From<AttributeFields> for Attribute {
    fn from(fields: AttributeFields) -> Self {
        Self { name: fields.name, r#type: fields.r#type.into() }
    }
}

record! {
    /// The billing of a table.
    pub struct BillingFields {
        /// The billing mode.
        mode: BillingMode,
        /// Read capacity units; with `provisioned` only.
        read_capacity: Option<Spanned<u32>>,
        /// Write capacity units; with `provisioned` only.
        write_capacity: Option<Spanned<u32>>,
    }
}

choice! {
    /// The billing mode of a table.
    pub enum BillingMode {
        /// Each request is paid for.
        PayPerRequest = "pay_per_request",
        /// Capacity is reserved and paid for, used or not.
        Provisioned = "provisioned",
    }
}

/// The billing of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Billing {
    /// Each request is paid for.
    PayPerRequest,
    /// Capacity is reserved and paid for, used or not.
    Provisioned {
        /// Read capacity units.
        read_capacity: i64,
        /// Write capacity units.
        write_capacity: i64,
    },
}

impl Decode for Billing {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        let fields = BillingFields::decode(node, d)?;
        let (message, help) = match (fields.mode, &fields.read_capacity, &fields.write_capacity) {
            (BillingMode::PayPerRequest, None, None) => return Some(Self::PayPerRequest),
            (BillingMode::Provisioned, Some(read), Some(write)) => {
                return Some(Self::Provisioned {
                    read_capacity: i64::from(read.value),
                    write_capacity: i64::from(write.value),
                });
            }
            (BillingMode::PayPerRequest, _, _) => (
                "`pay_per_request` has no capacity",
                "remove the capacities, or set `mode: provisioned`",
            ),
            (BillingMode::Provisioned, _, _) => (
                "`provisioned` needs two capacities",
                "set `read_capacity` and `write_capacity`, or `mode: pay_per_request`",
            ),
        };
        d.error(node.span, message, help);
        None
    }
    fn schema() -> Json {
        BillingFields::schema()
    }
}

pub(super) fn declared(fields: &Fields, check: &mut Check<'_>) -> Settings {
    if check.name.value.chars().count() < 3 {
        let message = format!("`{}` is too short for the name of a table", check.name.value);
        check.error(check.name.span, message, "DynamoDB accepts 3 to 255 characters");
    }
    let help = "set `partition_key: {name: id, type: S}`, or `existing:` for a table that exists";
    check.required("partition_key", &fields.partition_key, help);
    consumer::Settings::of(fields)
}
