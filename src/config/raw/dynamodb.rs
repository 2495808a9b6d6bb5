//! DynamoDB.

use super::{Part, Settable, Text};
use crate::config::record::{choice, record};
use crate::config::{Named, Spanned};

record! {
    /// DynamoDB.
    pub struct Dynamodb {
        /// Tables, by their names in AWS.
        tables: Named<Part<Table>>,
    }
}

record! {
    /// A DynamoDB table.
    pub struct Table {
        /// The key that encrypts the table: the name of a key of the stack, or the ARN or an alias of
        /// another key; null for a key that AWS owns. It can change while the table is in use.
        key: Settable<Text>,
        /// The partition key; required unless `existing` is given. Fixed at creation.
        partition_key: Option<Attribute>,
        /// The sort key; fixed at creation.
        sort_key: Option<Attribute>,
        /// The billing mode; default: `pay_per_request`.
        billing: Option<Billing>,
        /// Whether AWS refuses to delete the table.
        deletion_protection: Option<Spanned<bool>>,
        /// Whether the table can be restored to any point in the last 35 days.
        point_in_time_recovery: Option<Spanned<bool>>,
        /// Its tags, in addition to those of `defaults`.
        tags: Option<Spanned<Named<Text>>>,
        /// The name of a table that kmsctl did not create: only its key is managed.
        existing: Option<Text>,
        /// Principals that read and write items: a derived statement lets them use the key through
        /// DynamoDB.
        used_by: Option<Spanned<Vec<Text>>>,
        /// Whether the statements that the table needs are added to the key's policy; default: true.
        derive_policy: Option<Spanned<bool>>,
        /// Whether deletion is refused; default: true.
        protect: Option<Spanned<bool>>,
        /// Its Region, if not the stack's.
        region: Option<Text>,
    }
}

record! {
    /// An attribute of a table's primary key.
    pub struct Attribute {
        /// The attribute's name.
        name: Text,
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

record! {
    /// The billing of a table.
    pub struct Billing {
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
