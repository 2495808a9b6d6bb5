//! The fields of a table.

use crate::decode::{Decode, Diagnostic, Diagnostics, Spanned, choice, record};
use crate::form::Form;
use crate::kind::consumer::{self, settings};
use crate::kind::declaration::{Check, Section, Syntax};
use crate::kind::values::{checked, positive};
use crate::tree::Node;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// The form of the names of tables (DynamoDB API Reference, CreateTable: `TableName`).
const TABLE: Form = Form::of("A-Za-z0-9_.-", 3, 255);

pub(super) const SYNTAX: Syntax = Syntax {
    section: Section { name: "dynamodb", description: "DynamoDB: tables." },
    list: ("tables", "Tables, by their names in AWS."),
    resource: "A DynamoDB table.",
    example: "{partition_key: {name: id, type: S}, key: NAME}",
    key: "The key that encrypts the table: the name of a key of the stack, or the ARN or an alias of \
          another key; null for a key that AWS owns. It can change while the table is in use.",
    removable_key: true,
    existing: "The name of a table that kmsctl did not create: only its key is managed.",
    existing_form: || TABLE.schema(),
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
        name: AttributeName,
        /// The attribute's type.
        r#type: AttributeType,
    }
}

checked! {
    /// The name of an attribute of a primary key.
    pub struct AttributeName = attribute_name, ATTRIBUTE.schema();
}

/// DynamoDB API Reference, KeySchemaElement: `AttributeName`.
const ATTRIBUTE: Form = Form::any(1, 255);

fn attribute_name(text: &str) -> Option<(String, String)> {
    if ATTRIBUTE.accepts(text) {
        return None;
    }
    let length = text.chars().count();
    let message = format!(
        "the name of a key attribute cannot have {}",
        crate::text::counted(length, "character")
    );
    Some((message, "DynamoDB accepts 1 to 255".to_owned()))
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
        Self { name: fields.name.into(), r#type: fields.r#type.into() }
    }
}

record! {
    /// The billing of a table.
    pub struct BillingFields {
        /// The billing mode.
        mode: BillingMode,
        /// Read capacity units; with `provisioned` only.
        @like(positive)
        read_capacity: Option<Spanned<u32>>,
        /// Write capacity units; with `provisioned` only.
        @like(positive)
        write_capacity: Option<Spanned<u32>>,
        /// The read capacity up to which Application Auto Scaling may set it: the table is created with
        /// `read_capacity`, and every value between the two is accepted.
        @like(positive)
        max_read_capacity: Option<Spanned<u32>>,
        /// The write capacity up to which Application Auto Scaling may set it.
        @like(positive)
        max_write_capacity: Option<Spanned<u32>>,
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
        /// The read capacity up to which it may be set elsewhere. Never live.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_read_capacity: Option<i64>,
        /// The write capacity up to which it may be set elsewhere. Never live.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_write_capacity: Option<i64>,
    },
}

impl Decode for Billing {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        let fields = BillingFields::decode(node, d)?;
        let all = [
            &fields.read_capacity,
            &fields.write_capacity,
            &fields.max_read_capacity,
            &fields.max_write_capacity,
        ];
        let given: Vec<&Spanned<u32>> = all.into_iter().flatten().collect();
        if fields.mode == BillingMode::PayPerRequest {
            if let Some(first) = given.first() {
                let help = "remove the capacities, or set `mode: provisioned`";
                d.error(first.span, "`pay_per_request` has no capacity", help);
                return None;
            }
            return Some(Self::PayPerRequest);
        }
        // DynamoDB API Reference, ProvisionedThroughput.
        for none in given.iter().filter(|capacity| capacity.value == 0) {
            d.error(none.span, "a capacity of 0 is not possible", "DynamoDB accepts 1 and more");
        }
        let (Some(read), Some(write)) = (&fields.read_capacity, &fields.write_capacity) else {
            let help = "set `read_capacity` and `write_capacity`, or `mode: pay_per_request`";
            d.error(node.span, "`provisioned` needs two capacities", help);
            return None;
        };
        Some(Self::Provisioned {
            read_capacity: i64::from(read.value),
            write_capacity: i64::from(write.value),
            max_read_capacity: most(read, fields.max_read_capacity.as_ref(), d),
            max_write_capacity: most(write, fields.max_write_capacity.as_ref(), d),
        })
    }
    fn schema() -> Json {
        BillingFields::schema()
    }
}

/// Returns the highest capacity, which is not below the least.
fn most(least: &Spanned<u32>, most: Option<&Spanned<u32>>, d: &mut Diagnostics) -> Option<i64> {
    let most = most?;
    if most.value < least.value {
        let message = format!("a highest capacity of {} is too low", most.value);
        let help = format!("set {} or more, or remove it", least.value);
        d.error(most.span, message, help);
    }
    Some(i64::from(most.value))
}

impl Billing {
    /// Returns the billing with each live capacity that lies between the declared one and the highest.
    pub(super) fn met(self, live: Option<&Self>) -> Self {
        let Self::Provisioned {
            read_capacity,
            write_capacity,
            max_read_capacity,
            max_write_capacity,
        } = self
        else {
            return self;
        };
        let within = |least: i64, most: Option<i64>, now: Option<i64>| match (most, now) {
            (Some(most), Some(now)) if (least..=most).contains(&now) => now,
            _ => least,
        };
        let (read, write) = match live {
            Some(Self::Provisioned { read_capacity, write_capacity, .. }) => {
                (Some(*read_capacity), Some(*write_capacity))
            }
            Some(Self::PayPerRequest) | None => (None, None),
        };
        Self::Provisioned {
            read_capacity: within(read_capacity, max_read_capacity, read),
            write_capacity: within(write_capacity, max_write_capacity, write),
            max_read_capacity: None,
            max_write_capacity: None,
        }
    }
}

pub(super) fn declared(fields: &Fields, check: &mut Check<'_>) -> Settings {
    name(check);
    let help = "set `partition_key: {name: id, type: S}`, or `existing:` for a table that exists";
    check.required("partition_key", &fields.partition_key, help);
    if let (Some(partition), Some(sort)) = (&fields.partition_key, &fields.sort_key)
        && partition.value.name == sort.value.name
    {
        let message = format!("`{}` is the partition key already", sort.value.name.0);
        let error = Diagnostic::error(sort.span, message).also(partition.span, "the partition key");
        check.d.push(error.help("name another attribute, or remove `sort_key`"));
    }
    consumer::Settings::of(fields)
}

/// Checks the table's name.
fn name(check: &mut Check<'_>) {
    let name = check.name_in_aws().clone();
    let text = name.value.as_str();
    if !TABLE.accepts(text) {
        let help = "DynamoDB accepts 3 to 255 letters, digits, `_`, `.` and `-`";
        check.error(name.span, format!("`{text}` is not the name of a table"), help);
    }
}
