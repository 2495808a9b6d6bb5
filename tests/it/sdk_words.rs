//! Compares the words that a configuration accepts with the enums of the SDK. A release of the SDK with a new
//! word fails here, and not at the first user who needs the word.

use crate::consumers::desired;
use kmsctl::decode::{Record, all_properties};
use kmsctl::kind::{
    cloudtrail_trail, dynamodb_table, ebs_volume, efs_file_system, es_domain, grant, key,
};
use serde_json::Value as Json;
use std::collections::BTreeSet;

fn set<'a>(words: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    words.into_iter().map(str::to_owned).collect()
}

/// Returns the words of a field, which a path in the schema names.
fn words<R: Record>(path: &[&str]) -> BTreeSet<String> {
    let properties = R::properties();
    let mut schema = Json::Object(all_properties(&properties));
    for (depth, name) in path.iter().enumerate() {
        if depth > 0 {
            schema = inner(&schema).unwrap_or_else(|| panic!("{path:?}: {schema}"));
        }
        schema = schema[*name].clone();
    }
    let words = alternatives(&schema).into_iter().find_map(|schema| schema.get("enum"));
    let words = words.and_then(Json::as_array).unwrap_or_else(|| panic!("{path:?}: {schema}"));
    set(words.iter().filter_map(Json::as_str))
}

/// Returns the alternatives of a schema, of which `null` may be one.
fn alternatives(schema: &Json) -> Vec<&Json> {
    let any = schema.get("anyOf").and_then(Json::as_array).map(|any| any.iter().collect());
    any.unwrap_or_else(|| vec![schema])
}

/// Returns the fields of a schema of an object or of a list of objects.
fn inner(schema: &Json) -> Option<Json> {
    alternatives(schema).into_iter().find_map(|schema| {
        let items = schema.get("items").unwrap_or(schema);
        alternatives(items).into_iter().find_map(|object| object.get("properties").cloned())
    })
}

#[test]
fn keys_and_grants_have_the_words_of_the_sdk() {
    use aws_sdk_kms::types::{GrantOperation, KeySpec, KeyUsageType, OriginType};
    let specs = key::SPECS.iter().map(|spec| spec.name);
    assert_eq!(set(specs), set(KeySpec::values().iter().copied()));
    let usages = key::SPECS.iter().flat_map(|spec| spec.usages).copied();
    assert_eq!(set(usages), set(KeyUsageType::values().iter().copied()));
    assert_eq!(set(grant::operations()), set(GrantOperation::values().iter().copied()));
    assert_eq!(set(key::ORIGINS), set(OriginType::values().iter().copied()));
}

#[test]
fn every_spec_has_operations_for_each_of_its_usages() {
    for spec in key::SPECS {
        for usage in spec.usages {
            let operations = grant::operations_for(spec.name, usage).unwrap();
            assert!(operations.len() > 3, "{} {usage}", spec.name);
        }
    }
    // A spec or usage that a later release of KMS adds is left to AWS.
    assert_eq!(grant::operations_for("ML_KEM_2048", key::ENCAPSULATE), None);
    assert_eq!(grant::operations_for("RSA_2048", "NEW_USAGE"), None);
}

#[test]
fn consumers_have_the_words_of_the_sdk() {
    let sdk = |words: &[&str]| set(words.iter().copied());
    // The program does not have the SDK of EC2 (EC2 API Reference, CreateVolume).
    let volume_types = sdk(&["gp2", "gp3", "io1", "io2", "sc1", "st1", "standard"]);
    assert_eq!(words::<ebs_volume::Fields>(&["type"]), volume_types);
    use aws_sdk_efs::types as efs;
    type Efs = efs_file_system::Fields;
    assert_eq!(words::<Efs>(&["performance_mode"]), sdk(efs::PerformanceMode::values()));
    assert_eq!(words::<Efs>(&["throughput_mode"]), sdk(efs::ThroughputMode::values()));
    for (rule, values) in [
        ("transition_to_ia", efs::TransitionToIaRules::values()),
        ("transition_to_archive", efs::TransitionToArchiveRules::values()),
        ("transition_to_primary", efs::TransitionToPrimaryStorageClassRules::values()),
    ] {
        assert_eq!(words::<Efs>(&["lifecycle", rule]), sdk(values), "{rule}");
    }
    use aws_sdk_opensearch::types as opensearch;
    assert_eq!(words::<es_domain::Fields>(&["volume_type"]), sdk(opensearch::VolumeType::values()));
    for policy in opensearch::TlsSecurityPolicy::values() {
        desired(&format!(
            "stack: s\nregion: eu-central-1\nkeys: {{a: {{}}}}\nes: {{domains: {{logs: {{key: a, \
             engine_version: OpenSearch_2.11, volume_type: gp3, volume_size_gib: 10, tls_policy: {policy}, \
             instance_type: m7g.large.search, instance_count: 1}}}}}}"
        ));
    }
    let trail = words::<cloudtrail_trail::Fields>(&["event_selectors", "read_write_type"]);
    assert_eq!(trail, sdk(aws_sdk_cloudtrail::types::ReadWriteType::values()));
    use aws_sdk_dynamodb::types as dynamodb;
    type Table = dynamodb_table::Fields;
    assert_eq!(
        words::<Table>(&["partition_key", "type"]),
        sdk(dynamodb::ScalarAttributeType::values())
    );
    let modes: BTreeSet<String> =
        words::<Table>(&["billing", "mode"]).iter().map(|mode| mode.to_uppercase()).collect();
    assert_eq!(modes, sdk(dynamodb::BillingMode::values()));
}
