//! DynamoDB tables.

use super::super::Context;
use super::Given;
use crate::config::raw::{self, BillingMode, Dynamodb, Part, Text};
use crate::kind::dynamodb_table::{Attribute, Billing, Settings};
use crate::kind::{Kind, Spec};

impl Context<'_> {
    pub(in super::super) fn dynamodb(&mut self, raw: &Dynamodb) {
        for (name, table) in &raw.tables {
            if let Part(Some(table)) = table {
                self.table(name, table);
            }
        }
    }

    fn table(&mut self, name: &Text, raw: &raw::Table) {
        if name.value.chars().count() < 3 {
            let help = "DynamoDB wants 3 to 255 characters";
            self.error(name.span, format!("`{}` is too short for a table", name.value), help);
        }
        let attribute = |raw: &raw::Attribute| Attribute {
            name: raw.name.value.clone(),
            r#type: raw.r#type.as_str().to_owned(),
        };
        let settings = Settings {
            partition_key: raw.partition_key.as_ref().map(attribute),
            sort_key: raw.sort_key.as_ref().map(attribute),
            billing: raw.billing.as_ref().and_then(|billing| self.billing(billing)),
            deletion_protection: raw.deletion_protection.as_ref().map(|on| on.value),
            point_in_time_recovery: raw.point_in_time_recovery.as_ref().map(|on| on.value),
        };
        if raw.existing.is_none() && raw.partition_key.is_none() {
            let help = "say `partition_key: {name: id, type: S}`, or `existing:` for a table that \
                        is there already";
            self.error(name.span, "`partition_key` is not given", help);
        }
        let given = Given {
            kind: Kind::DynamodbTable,
            name,
            key: &raw.key,
            removable: true,
            tags: raw.tags.as_ref(),
            existing: raw.existing.as_ref(),
            used_by: raw.used_by.as_ref(),
            derive_policy: raw.derive_policy.as_ref(),
            protect: raw.protect.as_ref(),
            region: raw.region.as_ref(),
            creation: &[
                ("partition_key", raw.partition_key.as_ref().map(|key| key.span)),
                ("sort_key", raw.sort_key.as_ref().map(|key| key.span)),
                ("billing", raw.billing.as_ref().map(|billing| billing.span)),
                ("deletion_protection", raw.deletion_protection.as_ref().map(|on| on.span)),
                ("point_in_time_recovery", raw.point_in_time_recovery.as_ref().map(|on| on.span)),
            ],
        };
        self.consumer(&given, settings, Spec::DynamodbTable);
    }

    fn billing(&mut self, raw: &raw::Billing) -> Option<Billing> {
        let units = (raw.read_capacity.as_ref(), raw.write_capacity.as_ref());
        match (raw.mode, units) {
            (BillingMode::PayPerRequest, (None, None)) => Some(Billing::PayPerRequest),
            (BillingMode::Provisioned, (Some(read), Some(write))) => Some(Billing::Provisioned {
                read_capacity: i64::from(read.value),
                write_capacity: i64::from(write.value),
            }),
            (BillingMode::PayPerRequest, _) => {
                let help = "drop the capacities, or say `mode: provisioned`";
                self.error(raw.span, "what is paid for each request has no capacity", help);
                None
            }
            (BillingMode::Provisioned, _) => {
                let help = "say `read_capacity` and `write_capacity`, or `mode: pay_per_request`";
                self.error(raw.span, "provisioned capacity wants two numbers", help);
                None
            }
        }
    }
}
