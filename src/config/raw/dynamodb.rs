//! DynamoDB.

use super::{Part, Settable, Text};
use crate::config::record::{choice, record};
use crate::config::{Named, Spanned};

record! {
    /// DynamoDB.
    pub struct Dynamodb {
        /// Its tables, by their names.
        tables: Named<Part<Table>>,
    }
}

record! {
    /// A table of DynamoDB.
    pub struct Table {
        /// What encrypts it: a key of the stack, an ARN, an alias; null for a key that AWS owns.
        key: Settable<Text>,
        /// The attribute that items are spread by; fixed at creation.
        partition_key: Option<Attribute>,
        /// The attribute that items are sorted by; fixed at creation.
        sort_key: Option<Attribute>,
        /// Who pays for what; default: for each request.
        billing: Option<Billing>,
        /// Whether AWS refuses to delete the table.
        deletion_protection: Option<Spanned<bool>>,
        /// Whether the table can be restored to any point of the last 35 days.
        point_in_time_recovery: Option<Spanned<bool>>,
        /// Its tags, beside those of `defaults`.
        tags: Option<Spanned<Named<Text>>>,
        /// The name of a table that kmsctl did not make: only its key is managed.
        existing: Option<Text>,
        /// Who reads and writes its items: the key's policy lets them.
        used_by: Option<Spanned<Vec<Text>>>,
        /// Whether statements of the key's policy follow from the table; default true.
        derive_policy: Option<Spanned<bool>>,
        /// Refuse deletion; default true.
        protect: Option<Spanned<bool>>,
        /// Another Region than the stack's.
        region: Option<Text>,
    }
}

record! {
    /// An attribute of a table's primary key.
    pub struct Attribute {
        /// Its name.
        name: Text,
        /// Its type.
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
    /// Who pays for what.
    pub struct Billing {
        /// `pay_per_request` or `provisioned`.
        mode: BillingMode,
        /// Read capacity units, where provisioned.
        read_capacity: Option<Spanned<u32>>,
        /// Write capacity units, where provisioned.
        write_capacity: Option<Spanned<u32>>,
    }
}

choice! {
    /// Who pays for what.
    pub enum BillingMode {
        /// For each request.
        PayPerRequest = "pay_per_request",
        /// For capacity, used or not.
        Provisioned = "provisioned",
    }
}
