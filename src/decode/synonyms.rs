//! The names that AWS, CloudFormation and Terraform have for fields of the configuration.

/// The other names, without underscores and in lower case, and the fields that they stand for. A name can stand for
/// several fields: the first one that the record has counts.
const SYNONYMS: &[(&str, &[&str])] = &[
    ("accesspolicies", &["access_policy"]),
    ("accountid", &["account", "id"]),
    ("administrators", &["policy"]),
    ("admins", &["administrators", "policy"]),
    ("alias", &["aliases"]),
    ("aliases", &["keys"]),
    ("aliasname", &["aliases"]),
    ("allocatedstorage", &["allocated_storage_gib"]),
    ("allow", &["statements"]),
    ("applyserversideencryptionbydefault", &["key"]),
    ("arn", &["adopt"]),
    ("assumerole", &["role"]),
    ("assumerolearn", &["role"]),
    ("attribute", &["partition_key"]),
    ("attributedefinitions", &["partition_key"]),
    ("attributename", &["name"]),
    ("attributetype", &["type"]),
    ("autorotate", &["rotation"]),
    ("awsautoscalinggroup", &["auto_scaling"]),
    ("awscloudtrail", &["cloudtrail"]),
    ("awscloudtraileventdatastore", &["cloudtrail"]),
    ("awscloudtrailtrail", &["cloudtrail"]),
    ("awsdbinstance", &["rds"]),
    ("awsdynamodbtable", &["dynamodb"]),
    ("awsebsdefaultkmskey", &["ebs"]),
    ("awsebsencryptionbydefault", &["ebs"]),
    ("awsebsvolume", &["ebs"]),
    ("awsefsfilesystem", &["efs"]),
    ("awsiamservicelinkedrole", &["service_linked_roles"]),
    ("awskmsalias", &["aliases", "keys"]),
    ("awskmsexternalkey", &["keys"]),
    ("awskmsgrant", &["grants", "keys"]),
    ("awskmskey", &["keys"]),
    ("awskmskeypolicy", &["policy", "keys"]),
    ("awskmsreplicakey", &["replicas", "keys"]),
    ("awsopensearchdomain", &["es"]),
    ("awsrdscluster", &["rds"]),
    ("awss3bucket", &["s3"]),
    ("awss3bucketserversideencryptionconfiguration", &["s3"]),
    ("az", &["availability_zone"]),
    ("backupretentionperiod", &["backup_retention_days"]),
    ("billingmode", &["billing", "mode"]),
    ("bucket", &["existing"]),
    ("bucketencryption", &["key"]),
    ("bucketkeyenabled", &["bucket_key"]),
    ("bucketname", &["bucket", "existing"]),
    ("buckets", &["s3"]),
    ("bypasspolicylockoutsafetycheck", &["allow_lockout", "policy"]),
    ("class", &["instance_class"]),
    ("clusterconfig", &["instance_type"]),
    ("clustermembers", &["members"]),
    ("clusters", &["rds"]),
    ("computedaliases", &["aliases"]),
    ("customermasterkeyspec", &["spec"]),
    ("databasename", &["db_name", "database_name"]),
    ("days", &["period_days"]),
    ("dbclusterinstanceclass", &["instance_class"]),
    ("dbclusterparametergroupname", &["parameter_group"]),
    ("dbinstanceclass", &["instance_class"]),
    ("dbname", &["database_name", "db_name"]),
    ("dbparametergroupname", &["parameter_group"]),
    ("dbsubnetgroupname", &["subnet_group"]),
    ("decrypters", &["decrypt_only"]),
    ("dedicatedmastercount", &["dedicated_master"]),
    ("dedicatedmastertype", &["dedicated_master"]),
    ("defaulttags", &["tags", "defaults"]),
    ("deletionprotection", &["deletion_protection", "protect"]),
    ("deletionprotectionenabled", &["deletion_protection"]),
    ("deletionwindowindays", &["deletion_window_days"]),
    ("deny", &["statements"]),
    ("disable", &["waivers"]),
    ("domainendpointoptions", &["enforce_https", "tls_policy"]),
    ("domains", &["es"]),
    ("ebsencryptionbydefault", &["encryption"]),
    ("ebsoptions", &["volume_size_gib"]),
    ("elasticsearch", &["es"]),
    ("elasticsearchclusterconfig", &["instance_type"]),
    ("elasticsearchversion", &["engine_version"]),
    ("enabled", &["encryption"]),
    ("enabledefaultpolicy", &["delegate_to_iam", "policy"]),
    ("enablekeyrotation", &["rotation"]),
    ("enablelogfilevalidation", &["log_file_validation"]),
    ("enablelogging", &["logging"]),
    ("enablerotation", &["rotation"]),
    ("encryptatrest", &["key"]),
    ("encrypted", &["encryption", "key"]),
    ("encryptionatrest", &["key"]),
    ("encryptionatrestoptions", &["key"]),
    ("file", &["document"]),
    ("filesystems", &["efs"]),
    ("filesystemtags", &["tags"]),
    ("forcedestroy", &["protect"]),
    ("granteeprincipal", &["grantee"]),
    ("grants", &["keys"]),
    ("hashkey", &["partition_key"]),
    ("id", &["adopt"]),
    ("ignore", &["waivers"]),
    ("import", &["adopt"]),
    ("includeglobalserviceevents", &["include_global_events"]),
    ("instanceclass", &["instance_type"]),
    ("instances", &["members", "rds"]),
    ("instancetype", &["instance_class"]),
    ("interval", &["period_days"]),
    ("isenabled", &["enabled"]),
    ("islogging", &["logging"]),
    ("ismultiregiontrail", &["multi_region"]),
    ("isorganizationtrail", &["organization"]),
    ("json", &["document"]),
    ("key", &["address"]),
    ("keyadministrators", &["administrators", "policy"]),
    ("keyid", &["key", "existing"]),
    ("keyowners", &["administrators", "policy"]),
    ("keypolicy", &["policy"]),
    ("keyrotation", &["rotation"]),
    ("keyschema", &["partition_key"]),
    ("keyserviceusers", &["users", "policy"]),
    ("keyspec", &["spec"]),
    ("keystatements", &["statements", "policy"]),
    ("keyusage", &["usage"]),
    ("keyusers", &["users", "policy"]),
    ("kms", &["keys"]),
    ("kmskey", &["key", "keys"]),
    ("kmskeyarn", &["key"]),
    ("kmskeyid", &["key"]),
    ("kmsmasterkeyarn", &["key"]),
    ("kmsmasterkeyid", &["key"]),
    ("lifecycle", &["protect"]),
    ("lifecyclepolicies", &["lifecycle"]),
    ("lifecyclepolicy", &["lifecycle"]),
    ("locals", &["vars"]),
    ("managemasteruserpassword", &["master_password"]),
    ("masteruserpassword", &["master_password"]),
    ("masterusersecretkmskeyid", &["master_password"]),
    ("maxallocatedstorage", &["max_allocated_storage_gib"]),
    ("maxcapacity", &["serverless_v2"]),
    ("mincapacity", &["serverless_v2"]),
    ("multiattachenabled", &["multi_attach"]),
    ("multiregionenabled", &["multi_region"]),
    ("name", &["aliases", "stack"]),
    ("opensearch", &["es"]),
    ("organizationenabled", &["organization"]),
    ("parameters", &["vars"]),
    ("password", &["master_password"]),
    ("pendingwindow", &["deletion_window_days"]),
    ("pendingwindowindays", &["deletion_window_days"]),
    ("performanceinsightsenabled", &["performance_insights"]),
    ("pointintimerecoveryspecification", &["point_in_time_recovery"]),
    ("policies", &["keys"]),
    ("preferredbackupwindow", &["backup_window"]),
    ("preferredmaintenancewindow", &["maintenance_window"]),
    ("preventdestroy", &["protect"]),
    ("principal", &["grantee"]),
    ("principals", &["users"]),
    ("provider", &["region"]),
    ("provisionedthroughput", &["billing"]),
    ("provisionedthroughputinmibps", &["provisioned_throughput"]),
    ("rangekey", &["sort_key"]),
    ("readcapacity", &["billing"]),
    ("readcapacityunits", &["billing"]),
    ("readers", &["decrypt_only"]),
    ("removalpolicy", &["protect"]),
    ("replicaregions", &["replicas"]),
    ("resource", &["keys"]),
    ("resources", &["keys"]),
    ("retentionperiod", &["retention_days"]),
    ("retiringprincipal", &["retiring"]),
    ("role", &["grantee"]),
    ("roles", &["service_linked_roles"]),
    ("rotationenabled", &["rotation"]),
    ("rotationperiodindays", &["rotation", "period_days"]),
    ("rule", &["key"]),
    ("s3bucketname", &["bucket"]),
    ("s3keyprefix", &["prefix"]),
    ("securitygroupids", &["security_groups"]),
    ("serverlessv2scalingconfiguration", &["serverless_v2"]),
    ("serversideencryption", &["key"]),
    ("serversideencryptionconfiguration", &["key"]),
    ("size", &["size_gib", "allocated_storage_gib", "volume_size_gib"]),
    ("sizegb", &["size_gib", "allocated_storage_gib", "volume_size_gib"]),
    ("sizegib", &["allocated_storage_gib", "volume_size_gib"]),
    ("skipfinalsnapshot", &["final_snapshot"]),
    ("source", &["document"]),
    ("ssealgorithm", &["key"]),
    ("ssespecification", &["key"]),
    ("statement", &["statements", "policy"]),
    ("statements", &["policy"]),
    ("storage", &["allocated_storage_gib", "size_gib"]),
    ("storageencrypted", &["key"]),
    ("storagegb", &["allocated_storage_gib", "size_gib"]),
    ("storagegib", &["allocated_storage_gib", "size_gib", "volume_size_gib"]),
    ("subnetid", &["subnet"]),
    ("subnetids", &["subnets"]),
    ("tables", &["dynamodb"]),
    ("tags", &["defaults"]),
    ("terminationprotectionenabled", &["termination_protection"]),
    ("tlssecuritypolicy", &["tls_policy"]),
    ("trails", &["cloudtrail"]),
    ("user", &["grantee", "master_username"]),
    ("username", &["master_username"]),
    ("users", &["policy"]),
    ("variable", &["vars"]),
    ("variables", &["vars"]),
    ("version", &["engine_version", "document"]),
    ("volumes", &["ebs"]),
    ("volumesize", &["volume_size_gib"]),
    ("volumetype", &["type", "volume_type"]),
    ("vpcoptions", &["vpc"]),
    ("vpcsecuritygroupids", &["security_groups"]),
    ("writecapacity", &["billing"]),
    ("writecapacityunits", &["billing"]),
];

/// Returns the field that another tool's name stands for, if the record has it.
#[must_use]
pub fn meant<'a>(name: &str, fields: &[&'a str]) -> Option<&'a str> {
    let meant = self::fields(name).iter();
    meant.copied().find_map(|meant| fields.iter().find(|field| **field == meant).copied())
}

/// Returns the fields that another tool's name stands for.
pub(super) fn fields(name: &str) -> &'static [&'static str] {
    let plain: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .take(64)
        .collect();
    let found = SYNONYMS.binary_search_by(|(other, _)| (*other).cmp(plain.as_str()));
    found.ok().and_then(|at| SYNONYMS.get(at)).map_or(&[], |(_, fields)| *fields)
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

    /// The names of resources and their arguments in Terraform and CloudFormation, and words that people use.
    #[test]
    fn a_name_leads_to_a_field_of_the_record_that_has_it() {
        for (names, fields) in [
            (
                "name=aliases AliasName=aliases enable_key_rotation=rotation rotation_enabled=rotation \
                 users=policy key_administrators=policy arn=adopt lifecycle=protect key_id=existing",
                &["aliases", "rotation", "policy", "adopt", "existing", "protect"][..],
            ),
            (
                "storage_gib=allocated_storage_gib AllocatedStorage=allocated_storage_gib class=instance_class \
                 DBInstanceClass=instance_class user=master_username username=master_username \
                 master_user_secret_kms_key_id=master_password version=engine_version",
                &[
                    "allocated_storage_gib",
                    "instance_class",
                    "master_username",
                    "master_password",
                    "engine_version",
                ],
            ),
            (
                "storage_gib=size_gib size=size_gib SizeGb=size_gib encrypted=key",
                &["size_gib", "key"],
            ),
            ("encrypted=encryption Enabled=encryption", &["key", "encryption"]),
            (
                "read_capacity=billing ProvisionedThroughput=billing attribute=partition_key",
                &["billing", "partition_key"],
            ),
            (
                "bucket=existing sse_algorithm=key BucketEncryption=key rule=key",
                &["key", "bucket_key", "existing"],
            ),
            ("encrypt_at_rest=key ClusterConfig=instance_type", &["key", "instance_type"]),
            (
                "name=stack resource=keys aws_kms_key=keys variables=vars opensearch=es tags=defaults",
                &["stack", "keys", "vars", "es", "defaults"],
            ),
            ("principal=grantee role=grantee", &["grantee", "operations"]),
            ("json=document Version=document", &["document", "statements"]),
        ] {
            for pair in names.split_whitespace() {
                let (name, field) = pair.split_once('=').unwrap();
                assert_eq!(meant(name, fields), Some(field), "{name}");
            }
        }
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
