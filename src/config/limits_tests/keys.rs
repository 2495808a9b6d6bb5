//! Tests of the keys and grants that KMS accepts.

use super::{errors, messages};
use crate::config::Surroundings;
use crate::config::load::from_sources;
use crate::config::resolve_tests::{all, here};
use crate::decode::{Diagnostics, Sources};
use std::collections::BTreeMap;

fn refused(text: &str, message: &str, at: &str) {
    assert_eq!(errors(text), [(message.to_owned(), at.to_owned())], "{text}");
}

#[test]
fn the_regions_of_china_have_no_ml_kem() {
    let report = |region: &str, spec: &str, usage: &str| {
        let text = format!("stack: s\nkeys: {{a: {{spec: {spec}, usage: {usage}}}}}");
        let mut d = Diagnostics::default();
        let mut sources = Sources::new();
        let number = sources.add("a.yaml", &*text);
        let mut loaded = from_sources(sources, &[number], &BTreeMap::new(), &mut d);
        let there = Surroundings { region: region.parse().unwrap(), ..here() };
        loaded.resolve(&there).1.render(&loaded.sources, false, None)
    };
    for spec in ["ML_KEM_512", "ML_KEM_768", "ML_KEM_1024"] {
        let usage = "ENCAPSULATE_DECAPSULATE";
        let found = report("cn-northwest-1", spec, usage);
        let error = format!("error: AWS has no keys of spec {spec} in the Regions of China");
        assert!(found.starts_with(&error) && found.contains("a.yaml:2:"), "{found}");
        assert_eq!(report("us-gov-west-1", spec, usage), "");
    }
    assert_eq!(report("cn-north-1", "SM2", "SIGN_VERIFY"), "");
    assert_eq!(report("cn-north-1", "ML_DSA_44", "SIGN_VERIFY"), "");
}

/// The API reference says that imported key material is for symmetric keys only, and that it is for all types of
/// keys, so AWS decides.
#[test]
fn every_type_of_key_may_have_imported_key_material() {
    for (spec, usage) in [
        ("RSA_2048", "SIGN_VERIFY"),
        ("ECC_NIST_EDWARDS25519", "SIGN_VERIFY"),
        ("ML_DSA_65", "SIGN_VERIFY"),
        ("ML_KEM_768", "ENCAPSULATE_DECAPSULATE"),
        ("HMAC_256", "GENERATE_VERIFY_MAC"),
    ] {
        let text = format!("keys: {{a: {{spec: {spec}, usage: {usage}, origin: EXTERNAL}}}}");
        assert_eq!(messages(&text), [""; 0], "{spec}");
    }
}

#[test]
fn the_source_of_a_grant_is_in_the_partition_of_the_key() {
    let grant = |arn: &str| {
        format!(
            "keys: {{a: {{policy: {{}}, grants: {{g: {{operations: [Decrypt], grantee: role/x, \
             constraints: {{source_arn: '{arn}'}}}}}}}}}}"
        )
    };
    let arn = |partition: &str, table: &str| {
        format!("arn:{partition}:dynamodb:eu-west-1:111122223333:table/{table}")
    };
    assert_eq!(messages(&grant(&arn("aws", "orders"))), [""; 0]);
    for partition in ["aws-cn", "aws-us-gov", "aws-xyz"] {
        let arn = arn(partition, "orders");
        let message =
            format!("the source is in the partition `{partition}`, but the key is in `aws`");
        refused(&grant(&arn), &message, &format!("'{arn}'"));
    }
    let text = format!("stack: s\n{}", grant(&arn("aws", "*")));
    let (desired, report) = all(&[("a.yaml", &text)], &[]);
    assert!(desired.is_some(), "{report}");
    let warning = "warning: KMS does not document wildcards in the ARN of a source";
    assert!(report.starts_with(warning), "{report}");
}

#[test]
fn descriptions_have_a_length_also_those_of_replicas() {
    let key = |key: usize, replica: usize| {
        let (key, replica) = ("k".repeat(key), "r".repeat(replica));
        format!(
            "keys: {{a: {{multi_region: true, description: {key}, replicas: {{eu-west-1: \
             {{description: {replica}}}}}}}}}"
        )
    };
    assert_eq!(messages(&key(8192, 8192)), [""; 0]);
    let message = "a description of 8193 characters is too long";
    assert_eq!(messages(&key(8193, 8192)), [message]);
    assert_eq!(messages(&key(8192, 8193)), [message]);
}

#[test]
fn aliases_have_the_names_that_kms_accepts() {
    let alias = |name: &str| format!("keys: {{a: {{policy: {{}}, aliases: ['{name}']}}}}");
    let longest = format!("alias/{}", "n".repeat(250));
    for name in ["alias/app", "app/eu_1-b", "awsome", "alias/aws-x", &longest] {
        assert_eq!(messages(&alias(name)), [""; 0], "{name}");
    }
    let too_long = format!("{longest}n");
    for name in ["alias/a.b", "alias/a b", "alias/", "täst", &too_long] {
        assert_eq!(messages(&alias(name)), [format!("`{name}` is not an alias name")]);
    }
    for name in ["alias/aws/ebs", "aws/x", "alias/aws"] {
        let message = format!("`{name}` is reserved for AWS managed keys");
        refused(&alias(name), &message, &format!("'{name}'"));
    }
    // Service Quotas may have raised the number.
    let many: Vec<String> = (0..51).map(|n| format!("a{n}")).collect();
    let text = format!("stack: s\nkeys: {{a: {{policy: {{}}, aliases: [{}]}}}}", many.join(", "));
    let (desired, report) = all(&[("a.yaml", &text)], &[]);
    assert!(desired.is_some(), "{report}");
    assert!(report.starts_with("warning: 51 aliases may be too many for a key"), "{report}");
}
