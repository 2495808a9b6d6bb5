//! DynamoDB.

use super::{Answer, Request, Shelf, retag, tags_of};
use kmsctl::answer::{Fault, Outcome};
use kmsctl::kind::ConsumerSpec;
use kmsctl::kind::consumer::{self, Common};
use kmsctl::kind::dynamodb_table::{
    Attribute, Billing, Call, CreateTable, DeleteTable, Settings, TableUpdate, TagResource,
    Throughput, UntagResource, UpdateContinuousBackups, UpdateTable,
};
use kmsctl::kind::{Object, Phase};

pub(super) fn execute(request: &Request<'_>, shelf: &mut Shelf, call: &Call) -> Answer {
    match call {
        Call::CreateTable(call) => {
            let sse = call.sse_specification.as_ref();
            let key = request.key(sse.and_then(|sse| sse.kms_master_key_id.as_ref()))?;
            let common = Common { key: Some(key), existing: None, tags: tags_of(&call.tags) };
            let spec =
                ConsumerSpec::DynamodbTable(consumer::Spec { common, settings: settings(call) });
            let object = Object { id: call.table_name.clone(), spec, phase: Phase::Ready };
            return request.make(shelf, object);
        }
        Call::DeleteTable(DeleteTable { table_name }) => {
            let held = request.held(shelf, table_name)?;
            if settings_of(&mut held.object.spec).deletion_protection == Some(true) {
                return request.fail(Fault::Invalid, "deletion protection");
            }
            return request.take(shelf, table_name);
        }
        Call::UpdateTable(UpdateTable { table_name, update }) => {
            let held = request.held(shelf, table_name)?;
            match update {
                TableUpdate::Encryption { sse_specification } => {
                    let key = request.key(sse_specification.kms_master_key_id.as_ref())?;
                    let common = held.object.spec.common_mut();
                    if common.key.as_ref() == Some(&key) {
                        return request.fail(Fault::Invalid, "it has that key already");
                    }
                    common.key = Some(key);
                }
                TableUpdate::Billing { billing_mode, provisioned_throughput } => {
                    settings_of(&mut held.object.spec).billing =
                        Some(billing(billing_mode, *provisioned_throughput));
                }
                TableUpdate::Protection { deletion_protection_enabled } => {
                    settings_of(&mut held.object.spec).deletion_protection =
                        Some(*deletion_protection_enabled);
                }
            }
        }
        Call::UpdateContinuousBackups(UpdateContinuousBackups {
            table_name,
            point_in_time_recovery_specification,
        }) => {
            let held = request.held(shelf, table_name)?;
            settings_of(&mut held.object.spec).point_in_time_recovery =
                Some(point_in_time_recovery_specification.point_in_time_recovery_enabled);
        }
        Call::TagResource(TagResource { resource_arn, tags }) => {
            retag(request.held(shelf, table(resource_arn))?, tags, &[]);
        }
        Call::UntagResource(UntagResource { resource_arn, tag_keys }) => {
            retag(request.held(shelf, table(resource_arn))?, &[], tag_keys);
        }
    }
    Ok(Outcome::Done)
}

fn table(arn: &str) -> &str {
    arn.rsplit_once('/').unwrap().1
}

fn settings_of(spec: &mut ConsumerSpec) -> &mut Settings {
    match spec {
        ConsumerSpec::DynamodbTable(spec) => &mut spec.settings,
        other => panic!("{other:?}"),
    }
}

fn billing(mode: &str, units: Option<Throughput>) -> Billing {
    match (mode, units) {
        ("PROVISIONED", Some(units)) => Billing::Provisioned {
            read_capacity: units.read_capacity_units,
            write_capacity: units.write_capacity_units,
            max_read_capacity: None,
            max_write_capacity: None,
        },
        _ => Billing::PayPerRequest,
    }
}

fn settings(call: &CreateTable) -> Settings {
    let CreateTable {
        attribute_definitions,
        key_schema,
        billing_mode,
        provisioned_throughput,
        deletion_protection_enabled,
        ..
    } = call;
    let attribute = |kind: &str| {
        let name = &key_schema.iter().find(|key| key.key_type == kind)?.attribute_name;
        let given = attribute_definitions.iter().find(|given| given.attribute_name == *name)?;
        Some(Attribute { name: name.clone(), r#type: given.attribute_type.clone() })
    };
    Settings {
        partition_key: attribute("HASH"),
        sort_key: attribute("RANGE"),
        billing: Some(billing(billing_mode, *provisioned_throughput)),
        deletion_protection: Some(deletion_protection_enabled.unwrap_or_default()),
        point_in_time_recovery: Some(false),
    }
}
