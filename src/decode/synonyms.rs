//! The names that AWS, CloudFormation and Terraform have for fields of the configuration.

/// The other names, without underscores and in lower case, and the fields that they stand for. A name can stand for
/// several fields: the first one that the record has counts.
const SYNONYMS: &[(&str, &[&str])] = &[
    ("accesspolicies", &["access_policy"]),
    ("alias", &["aliases"]),
    ("allocatedstorage", &["allocated_storage_gib"]),
    ("attributename", &["name"]),
    ("attributetype", &["type"]),
    ("az", &["availability_zone"]),
    ("backupretentionperiod", &["backup_retention_days"]),
    ("billingmode", &["billing", "mode"]),
    ("bucketkeyenabled", &["bucket_key"]),
    ("bucketname", &["bucket"]),
    ("bypasspolicylockoutsafetycheck", &["allow_lockout"]),
    ("clustermembers", &["members"]),
    ("customermasterkeyspec", &["spec"]),
    ("databasename", &["db_name", "database_name"]),
    ("dbinstanceclass", &["instance_class"]),
    ("dbname", &["database_name", "db_name"]),
    ("dbparametergroupname", &["parameter_group"]),
    ("dbsubnetgroupname", &["subnet_group"]),
    ("dedicatedmastercount", &["dedicated_master"]),
    ("dedicatedmastertype", &["dedicated_master"]),
    ("deletionprotectionenabled", &["deletion_protection"]),
    ("deletionwindowindays", &["deletion_window_days"]),
    ("ebsoptions", &["volume_size_gib"]),
    ("enablekeyrotation", &["rotation"]),
    ("enablelogfilevalidation", &["log_file_validation"]),
    ("enablelogging", &["logging"]),
    ("encrypted", &["key"]),
    ("encryptionatrest", &["key"]),
    ("granteeprincipal", &["grantee"]),
    ("hashkey", &["partition_key"]),
    ("includeglobalserviceevents", &["include_global_events"]),
    ("isenabled", &["enabled"]),
    ("islogging", &["logging"]),
    ("ismultiregiontrail", &["multi_region"]),
    ("isorganizationtrail", &["organization"]),
    ("keyid", &["key"]),
    ("keypolicy", &["policy"]),
    ("keyschema", &["partition_key"]),
    ("keyspec", &["spec"]),
    ("keyusage", &["usage"]),
    ("kmskey", &["key"]),
    ("kmskeyarn", &["key"]),
    ("kmskeyid", &["key"]),
    ("kmsmasterkeyarn", &["key"]),
    ("kmsmasterkeyid", &["key"]),
    ("lifecyclepolicies", &["lifecycle"]),
    ("lifecyclepolicy", &["lifecycle"]),
    ("managemasteruserpassword", &["master_password"]),
    ("masteruserpassword", &["master_password"]),
    ("maxallocatedstorage", &["max_allocated_storage_gib"]),
    ("multiattachenabled", &["multi_attach"]),
    ("multiregionenabled", &["multi_region"]),
    ("organizationenabled", &["organization"]),
    ("password", &["master_password"]),
    ("pendingwindowindays", &["deletion_window_days"]),
    ("performanceinsightsenabled", &["performance_insights"]),
    ("pointintimerecoveryspecification", &["point_in_time_recovery"]),
    ("preferredbackupwindow", &["backup_window"]),
    ("preferredmaintenancewindow", &["maintenance_window"]),
    ("preventdestroy", &["protect"]),
    ("provisionedthroughputinmibps", &["provisioned_throughput"]),
    ("rangekey", &["sort_key"]),
    ("readcapacityunits", &["read_capacity"]),
    ("retentionperiod", &["retention_days"]),
    ("retiringprincipal", &["retiring"]),
    ("rotationperiodindays", &["rotation", "period_days"]),
    ("s3bucketname", &["bucket"]),
    ("s3keyprefix", &["prefix"]),
    ("securitygroupids", &["security_groups"]),
    ("serverlessv2scalingconfiguration", &["serverless_v2"]),
    ("serversideencryption", &["key"]),
    ("size", &["size_gib"]),
    ("skipfinalsnapshot", &["final_snapshot"]),
    ("ssespecification", &["key"]),
    ("storageencrypted", &["key"]),
    ("subnetid", &["subnet"]),
    ("subnetids", &["subnets"]),
    ("terminationprotectionenabled", &["termination_protection"]),
    ("username", &["master_username"]),
    ("volumesize", &["volume_size_gib"]),
    ("volumetype", &["type", "volume_type"]),
    ("vpcoptions", &["vpc"]),
    ("vpcsecuritygroupids", &["security_groups"]),
    ("writecapacityunits", &["write_capacity"]),
];

/// Returns the field that another tool's name stands for, if the record has it.
pub(super) fn meant<'a>(name: &str, fields: &[&'a str]) -> Option<&'a str> {
    let plain: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .take(64)
        .collect();
    let found = SYNONYMS.binary_search_by(|(other, _)| (*other).cmp(plain.as_str())).ok()?;
    let (_, meant) = SYNONYMS.get(found)?;
    meant.iter().find_map(|meant| fields.iter().find(|field| *field == meant).copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_other_tools_lead_to_fields() {
        let key = ["spec", "rotation", "enabled", "deletion_window_days", "custom_key_store_id"];
        for (name, field) in [
            ("customer_master_key_spec", "spec"),
            ("KeySpec", "spec"),
            ("enable_key_rotation", "rotation"),
            ("EnableKeyRotation", "rotation"),
            ("deletion_window_in_days", "deletion_window_days"),
            ("PendingWindowInDays", "deletion_window_days"),
        ] {
            assert_eq!(meant(name, &key), Some(field), "{name}");
        }
        assert_eq!(
            meant("rotation_period_in_days", &["enabled", "period_days"]),
            Some("period_days")
        );
        assert_eq!(meant("kms_key_id", &["key"]), Some("key"));
        assert_eq!(meant("kms_key_id", &["engine"]), None);
        assert_eq!(meant("colour", &key), None);
    }

    #[test]
    fn the_names_are_sorted_and_plain() {
        assert!(SYNONYMS.is_sorted_by(|(a, _), (b, _)| a < b));
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        assert!(SYNONYMS.iter().all(|(name, _)| name.chars().all(is_plain)));
    }

    /// A synonym that is itself a field of the record must never be reached, and each leads to a field that exists.
    #[test]
    fn every_synonym_leads_to_a_field_of_the_configuration() {
        let mut fields = std::collections::BTreeSet::new();
        let mut open = vec![crate::config::schema()];
        while let Some(value) = open.pop() {
            if let Some(properties) = value.get("properties").and_then(|p| p.as_object()) {
                fields.extend(properties.keys().cloned());
            }
            match value {
                serde_json::Value::Object(map) => open.extend(map.into_iter().map(|(_, v)| v)),
                serde_json::Value::Array(items) => open.extend(items),
                _ => {}
            }
        }
        for (name, meant) in SYNONYMS {
            assert!(meant.iter().all(|field| fields.contains(*field)), "{name}");
        }
    }
}
