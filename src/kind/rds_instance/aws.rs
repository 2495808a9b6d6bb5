//! Sends the calls of instances, and converts the SDK's descriptions of them.

use super::{
    AddTagsToResource, Call, CreateDBInstance, DeleteDBInstance, ModifyDBInstance, RdsInstance,
    RemoveTagsFromResource, Settings,
};
use crate::answer::{CloudError, Fault, Outcome};
use crate::id::Place;
use crate::kind::aws::{Copies, Service, copy};
use crate::kind::consumer::{self, Common, Tags};
use crate::kind::key::STACK_TAG;
use crate::kind::rds::aws as rds;
use crate::kind::{CallBindings, ConsumerQuery, Object, Sight};
use crate::sdk::Aws;
use crate::sdk::error::{answer, done};
use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbInstance, Endpoint, PendingModifiedValues};

/// Sets the parameters that both requests have. The requests are of different types.
macro_rules! altered {
    ($request:ident, $wanted:ident, $operation:ident, $bindings:ident) => {
        let secret_key = $wanted.master_user_secret_kms_key_id.as_ref();
        let insights_key = $wanted.performance_insights_kms_key_id.as_ref();
        let insights_days = rds::signed($wanted.performance_insights_retention_period);
        let password = rds::reveal($operation, $wanted.master_user_password.as_ref())?;
        let $request = $request
            .set_db_instance_class($wanted.db_instance_class.clone())
            .set_engine_version($wanted.engine_version.clone())
            .set_allocated_storage(rds::signed($wanted.allocated_storage))
            .set_max_allocated_storage(rds::signed($wanted.max_allocated_storage))
            .set_storage_type($wanted.storage_type.clone())
            .set_iops(rds::signed($wanted.iops))
            .set_storage_throughput(rds::signed($wanted.storage_throughput))
            .set_manage_master_user_password($wanted.manage_master_user_password)
            .set_master_user_secret_kms_key_id(rds::resolved($operation, secret_key, $bindings)?)
            .set_master_user_password(password)
            .set_vpc_security_group_ids($wanted.vpc_security_group_ids.clone())
            .set_multi_az($wanted.multi_az)
            .set_publicly_accessible($wanted.publicly_accessible)
            .set_backup_retention_period(rds::signed($wanted.backup_retention_period))
            .set_preferred_backup_window($wanted.preferred_backup_window.clone())
            .set_preferred_maintenance_window($wanted.preferred_maintenance_window.clone())
            .set_deletion_protection($wanted.deletion_protection)
            .set_db_parameter_group_name($wanted.db_parameter_group_name.clone())
            .set_auto_minor_version_upgrade($wanted.auto_minor_version_upgrade)
            .set_copy_tags_to_snapshot($wanted.copy_tags_to_snapshot)
            .set_enable_performance_insights($wanted.enable_performance_insights)
            .set_performance_insights_kms_key_id(rds::resolved(
                $operation,
                insights_key,
                $bindings,
            )?)
            .set_performance_insights_retention_period(insights_days);
    };
}

impl Service for RdsInstance {
    /// Reads the selected instances. All instances are listed. An instance of a cluster is left out
    /// unless its name is selected.
    async fn objects(
        aws: &Aws,
        at: &Place,
        query: &ConsumerQuery,
    ) -> Result<Vec<Object>, CloudError> {
        let found = rds::instances(aws, at, None).await?;
        Ok(found.iter().filter_map(|instance| object(instance, query)).collect())
    }

    /// Describes an instance.
    async fn sight(aws: &Aws, at: &Place, id: &str) -> Result<Sight, CloudError> {
        const OPERATION: &str = "DescribeDBInstances";
        let client = aws.rds(at).await;
        let read = || client.describe_db_instances().db_instance_identifier(id).send();
        match client.read(OPERATION, read).await {
            Ok(found) => Ok(found.db_instances().first().map_or_else(Sight::gone, sight_of)),
            Err(error) if error.fault == Fault::NotFound => Ok(Sight::gone()),
            Err(error) => Err(error),
        }
    }

    /// Sends the call.
    async fn send(
        aws: &Aws,
        at: &Place,
        call: &Call,
        bindings: &CallBindings<'_>,
    ) -> Result<Outcome, CloudError> {
        let client = aws.rds(at).await;
        match call {
            Call::CreateDBInstance(call) => create_db_instance(&client, call, bindings).await,
            Call::ModifyDBInstance(call) => modify_db_instance(&client, call, bindings).await,
            Call::AddTagsToResource(AddTagsToResource { resource_name, tags }) => {
                rds::add_tags(AddTagsToResource::NAME, &client, resource_name, tags).await
            }
            Call::RemoveTagsFromResource(RemoveTagsFromResource { resource_name, tag_keys }) => {
                rds::remove_tags(RemoveTagsFromResource::NAME, &client, resource_name, tag_keys)
                    .await
            }
            Call::DeleteDBInstance(call) => {
                let request = client
                    .delete_db_instance()
                    .db_instance_identifier(&call.db_instance_identifier)
                    .skip_final_snapshot(call.skip_final_snapshot)
                    .set_final_db_snapshot_identifier(call.final_db_snapshot_identifier.clone());
                done(DeleteDBInstance::NAME, request.send().await)
            }
        }
    }

    async fn copies(aws: &Aws, at: &Place) -> Result<Copies, CloudError> {
        const OPERATION: &str = "DescribeDBSnapshots";
        let client = aws.rds(at).await;
        let read = |from| client.describe_db_snapshots().max_records(100).set_marker(from).send();
        let mut found = Vec::new();
        for page in client.pages(OPERATION, read, |page| page.marker.clone()).await? {
            // Automated snapshots are deleted together with their instance.
            let kept =
                page.db_snapshots().iter().filter(|s| s.snapshot_type() != Some("automated"));
            found.extend(kept.filter_map(|s| copy(s.db_snapshot_identifier(), s.kms_key_id())));
        }
        Ok(found)
    }
}

fn object(instance: &DbInstance, query: &ConsumerQuery) -> Option<Object> {
    let (id, tags) = (instance.db_instance_identifier()?, rds::tags(instance.tag_list()));
    // An instance that kmsctl created in a cluster is a part of the cluster.
    let is_own = tags.get(STACK_TAG) == Some(&query.stack);
    let is_member =
        instance.db_cluster_identifier().is_some() && (is_own || !query.ids.contains(id));
    if is_member || !query.wants(id, &tags) {
        return None;
    }
    let spec = spec(instance, tags).into();
    let phase = rds::phase(instance.db_instance_status());
    Some(Object { id: id.to_owned(), spec, phase })
}

fn spec(instance: &DbInstance, tags: Tags) -> consumer::Spec<Settings> {
    let key = rds::key(instance.storage_encrypted(), instance.kms_key_id());
    let common = Common { key: Some(key), existing: None, tags };
    consumer::Spec { common, settings: lifted(instance) }
}

/// Returns the sight of an instance. Without a deferred change, RDS has no pending values once all changes
/// are made.
fn sight_of(instance: &DbInstance) -> Sight {
    let phase = rds::phase(instance.db_instance_status());
    Sight { pending: rds::has_pending(instance), ..Sight::new(phase, spec(instance, Tags::new())) }
}

/// Converts the settings. A change that RDS has accepted and not executed yet counts as executed.
fn lifted(instance: &DbInstance) -> Settings {
    let none = PendingModifiedValues::builder().build();
    let pending = instance.pending_modified_values().unwrap_or(&none);
    let key = instance.kms_key_id();
    let (managed_password, password_with_key) = rds::password(instance.master_user_secret(), key);
    let insights = instance.performance_insights_enabled();
    let insights_key = instance.performance_insights_kms_key_id();
    let port = instance.db_instance_port().filter(|port| *port > 0);
    let port = port.or(instance.endpoint().and_then(Endpoint::port));
    let group = instance.db_parameter_groups().first();
    Settings {
        engine: rds::text(instance.engine()),
        engine_version: rds::text(pending.engine_version().or(instance.engine_version())),
        instance_class: rds::text(pending.db_instance_class().or(instance.db_instance_class())),
        allocated_storage_gib: rds::number(
            pending.allocated_storage().or(instance.allocated_storage()),
        ),
        max_allocated_storage_gib: rds::number(instance.max_allocated_storage()),
        storage_type: rds::text(pending.storage_type().or(instance.storage_type())),
        iops: rds::number(pending.iops().or(instance.iops())),
        storage_throughput: rds::number(
            pending.storage_throughput().or(instance.storage_throughput()),
        ),
        master_username: rds::text(instance.master_username()),
        managed_password,
        password_with_key,
        password_env: None,
        db_name: rds::text(instance.db_name()),
        port: rds::number(pending.port().or(port)),
        subnet_group: rds::text(instance.db_subnet_group().and_then(|g| g.db_subnet_group_name())),
        security_groups: Some(rds::groups(instance.vpc_security_groups())),
        multi_az: rds::flag(pending.multi_az().or(instance.multi_az())),
        publicly_accessible: rds::flag(instance.publicly_accessible()),
        backup_retention_days: rds::number(
            pending.backup_retention_period().or(instance.backup_retention_period()),
        ),
        backup_window: rds::text(instance.preferred_backup_window()),
        maintenance_window: rds::text(instance.preferred_maintenance_window()),
        deletion_protection: rds::flag(instance.deletion_protection()),
        parameter_group: rds::text(group.and_then(|group| group.db_parameter_group_name())),
        auto_minor_version_upgrade: rds::flag(instance.auto_minor_version_upgrade()),
        copy_tags_to_snapshot: rds::flag(instance.copy_tags_to_snapshot()),
        performance_insights: rds::flag(insights),
        performance_insights_with_key: (insights == Some(true))
            .then_some(insights_key.is_some() && insights_key == key),
        performance_insights_days: rds::number(instance.performance_insights_retention_period()),
        final_snapshot: None,
        apply_immediately: None,
        resource_id: rds::text(instance.dbi_resource_id()),
    }
}

async fn create_db_instance(
    client: &Client,
    call: &CreateDBInstance,
    bindings: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    const NAME: &str = CreateDBInstance::NAME;
    let CreateDBInstance { db_instance_identifier, fixed, alterable, tags } = call;
    let request = client
        .create_db_instance()
        .db_instance_identifier(db_instance_identifier)
        .set_engine(fixed.engine.clone())
        .set_master_username(fixed.master_username.clone())
        .set_db_name(fixed.db_name.clone())
        .set_db_subnet_group_name(fixed.db_subnet_group_name.clone())
        .set_port(rds::signed(fixed.port))
        .set_kms_key_id(rds::resolved(NAME, fixed.kms_key_id.as_ref(), bindings)?)
        .set_storage_encrypted(fixed.storage_encrypted)
        .set_tags(Some(rds::tag_list(tags)));
    altered!(request, alterable, NAME, bindings);
    answer(NAME, request.send().await)?;
    Ok(Outcome::Made(db_instance_identifier.clone()))
}

async fn modify_db_instance(
    client: &Client,
    call: &ModifyDBInstance,
    bindings: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    const NAME: &str = ModifyDBInstance::NAME;
    let alterable = &call.alterable;
    let request = client
        .modify_db_instance()
        .db_instance_identifier(&call.db_instance_identifier)
        .set_db_port_number(rds::signed(call.db_port_number))
        .set_allow_major_version_upgrade(call.allow_major_version_upgrade)
        .apply_immediately(call.apply_immediately);
    altered!(request, alterable, NAME, bindings);
    done(NAME, request.send().await)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Cloud;
    use crate::kind::{Call, ConsumerKind, Ids, Phase};
    use crate::sdk::replay::{Replay, replay};
    use serde_json::{Value, json};

    fn home() -> Place {
        Place { account: "111122223333".parse().unwrap(), region: "eu-west-1".parse().unwrap() }
    }

    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    const OURS: &str = "<Tag><Key>kmsctl:stack</Key><Value>s</Value></Tag>";

    fn page(instances: &str, marker: &str) -> String {
        format!(
            "<DescribeDBInstancesResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\">\
             <DescribeDBInstancesResult><DBInstances>{instances}</DBInstances>{marker}\
             </DescribeDBInstancesResult></DescribeDBInstancesResponse>"
        )
    }

    fn described(id: &str, status: &str, rest: &str) -> String {
        format!(
            "<DBInstance><DBInstanceIdentifier>{id}</DBInstanceIdentifier>\
             <DBInstanceStatus>{status}</DBInstanceStatus><Engine>mysql</Engine>\
             <EngineVersion>8.0.39</EngineVersion><DBInstanceClass>db.t3.micro</DBInstanceClass>\
             <AllocatedStorage>20</AllocatedStorage><StorageType>gp3</StorageType>\
             <MasterUsername>admin</MasterUsername><MultiAZ>false</MultiAZ>\
             <StorageEncrypted>true</StorageEncrypted><KmsKeyId>{KEY}</KmsKeyId>\
             <DbiResourceId>db-ABC</DbiResourceId>\
             <Endpoint><Port>3306</Port></Endpoint><DbInstancePort>0</DbInstancePort>\
             <VpcSecurityGroups><VpcSecurityGroupMembership><Status>active</Status>\
             <VpcSecurityGroupId>sg-1</VpcSecurityGroupId></VpcSecurityGroupMembership>\
             </VpcSecurityGroups>{rest}</DBInstance>"
        )
    }

    #[tokio::test]
    async fn an_instance_is_ready_once_it_can_be_used() {
        let busy = |word: &str| Phase::Busy(word.to_owned());
        let broken = |word: &str| Phase::Broken(word.to_owned());
        let stuck = "inaccessible-encryption-credentials-recoverable";
        for (status, expected) in [
            ("available", Phase::Ready),
            ("stopped", Phase::Ready),
            ("storage-optimization", Phase::Ready),
            ("backing-up", Phase::Ready),
            ("creating", busy("creating")),
            ("modifying", busy("modifying")),
            ("configuring-enhanced-monitoring", busy("configuring-enhanced-monitoring")),
            ("deleting", busy("deleting")),
            ("failed", broken("failed")),
            ("incompatible-network", broken("incompatible-network")),
            (stuck, broken(stuck)),
        ] {
            let aws = replay(&[(200, &page(&described("orders", status, ""), ""))]).aws;
            let phase =
                aws.sight(&home(), ConsumerKind::RdsInstance, "orders").await.unwrap().phase;
            assert_eq!(phase, expected);
        }
        let gone = "<ErrorResponse><Error><Type>Sender</Type><Code>DBInstanceNotFound</Code>\
                    <Message>no</Message></Error></ErrorResponse>";
        let aws = replay(&[(404, gone)]).aws;
        assert_eq!(
            aws.sight(&home(), ConsumerKind::RdsInstance, "orders").await.unwrap().phase,
            Phase::Gone
        );
    }

    #[tokio::test]
    async fn instances_are_read_in_pages_with_pending_changes() {
        let pending = format!(
            "<TagList>{OURS}</TagList><MasterUserSecret><KmsKeyId>{KEY}</KmsKeyId>\
             </MasterUserSecret><PendingModifiedValues><DBInstanceClass>db.t3.small\
             </DBInstanceClass><MultiAZ>true</MultiAZ></PendingModifiedValues>\
             <PerformanceInsightsEnabled>true</PerformanceInsightsEnabled>\
             <PerformanceInsightsKMSKeyId>{KEY}</PerformanceInsightsKMSKeyId>"
        );
        let member =
            format!("<TagList>{OURS}</TagList><DBClusterIdentifier>ledger</DBClusterIdentifier>");
        let first =
            described("theirs", "available", "") + &described("ledger-1", "available", &member);
        let first = page(&first, "<Marker>next</Marker>");
        let second = page(&described("orders", "available", &pending), "");
        let replay = replay(&[(200, &first), (200, &second)]);
        let query = ConsumerQuery {
            kind: ConsumerKind::RdsInstance,
            stack: "s".to_owned(),
            ids: ["orders".to_owned()].into(),
            fields: [].into(),
        };
        let found = replay.aws.objects(&home(), &query).await.unwrap();
        let [found] = &found[..] else { panic!("{found:#?}") };
        assert_eq!(
            serde_json::to_value(&found.spec).unwrap()["rds_instance"],
            json!({
                "key": KEY, "tags": {"kmsctl:stack": "s"}, "engine": "mysql",
                "engine_version": "8.0.39", "instance_class": "db.t3.small",
                "allocated_storage_gib": 20, "storage_type": "gp3", "master_username": "admin",
                "managed_password": true, "password_with_key": true, "port": 3306,
                "security_groups": ["sg-1"], "multi_az": true, "publicly_accessible": false,
                "deletion_protection": false, "auto_minor_version_upgrade": false,
                "copy_tags_to_snapshot": false, "performance_insights": true,
                "performance_insights_with_key": true, "resource_id": "db-ABC",
            })
        );
        let asked = replay.bodies();
        assert!(asked[1].ends_with("&MaxRecords=100&Marker=next"), "{asked:?}");
    }

    fn creation(password: &Value) -> Call {
        let mut parameters = json!({
            "DBInstanceIdentifier": "orders", "DBInstanceClass": "db.t3.micro", "Engine": "mysql",
            "AllocatedStorage": 20, "MasterUsername": "admin", "KmsKeyId": "key/a",
            "StorageEncrypted": true, "VpcSecurityGroupIds": ["sg-1"],
            "EnablePerformanceInsights": true, "PerformanceInsightsKMSKeyId": "key/a",
            "Tags": [{"Key": "kmsctl:stack", "Value": "s"}],
        });
        parameters.as_object_mut().unwrap().extend(password.as_object().unwrap().clone());
        serde_json::from_value(json!({"rds_instance": {"CreateDBInstance": parameters}})).unwrap()
    }

    async fn sent(call: &Call, replay: &Replay) -> Result<Outcome, CloudError> {
        let ids = Ids::from([("key/a".parse().unwrap(), KEY.parse().unwrap())]);
        let bindings = CallBindings { ids: Some(&ids), ..CallBindings::default() };
        replay.aws.call(&home(), call, bindings).await
    }

    const MADE: &str = "<CreateDBInstanceResponse><CreateDBInstanceResult><DBInstance/>\
                        </CreateDBInstanceResult></CreateDBInstanceResponse>";

    #[tokio::test]
    async fn the_request_has_the_parameters_of_the_call() {
        let call = creation(&json!({
            "ManageMasterUserPassword": true, "MasterUserSecretKmsKeyId": "key/a"}));
        let replay = replay(&[(200, MADE)]);
        let made = sent(&call, &replay).await.unwrap();
        assert_eq!(made, Outcome::Made("orders".to_owned()));
        let body = replay.bodies().remove(0).replace("%3A", ":").replace("%2F", "/");
        let expected = "Action=CreateDBInstance&Version=2014-10-31&DBInstanceIdentifier=orders\
         &AllocatedStorage=20&DBInstanceClass=db.t3.micro&Engine=mysql&MasterUsername=admin\
         &VpcSecurityGroupIds.VpcSecurityGroupId.1=sg-1&Tags.Tag.1.Key=kmsctl:stack\
         &Tags.Tag.1.Value=s&StorageEncrypted=true&KmsKeyId=KEY\
         &EnablePerformanceInsights=true&PerformanceInsightsKMSKeyId=KEY\
         &ManageMasterUserPassword=true&MasterUserSecretKmsKeyId=KEY";
        assert_eq!(body.replace(KEY, "KEY"), expected);
    }

    #[tokio::test]
    async fn a_password_is_only_put_into_the_request() {
        // Cargo sets this variable.
        let call = creation(&json!({"MasterUserPassword": "$CARGO_PKG_NAME"}));
        let replayed = replay(&[(200, MADE)]);
        sent(&call, &replayed).await.unwrap();
        assert!(replayed.bodies()[0].contains("&MasterUserPassword=kmsctl&"));
        let unset = creation(&json!({"MasterUserPassword": "$KMSCTL_IS_NOT_SET"}));
        let replayed = replay(&[]);
        let error = sent(&unset, &replayed).await.unwrap_err();
        assert_eq!(error.fault, Fault::Other);
        assert!(
            error
                .message
                .contains("`KMSCTL_IS_NOT_SET`, which supplies the master password, is not set"),
            "{error}"
        );
        assert_eq!(replayed.bodies(), [""; 0]);
    }

    #[tokio::test]
    async fn error_codes_about_keys_and_states_have_their_faults() {
        for (status, code, expected) in [
            (400, "KMSKeyNotAccessibleFault", Fault::Key),
            (400, "DBInstanceAlreadyExists", Fault::AlreadyExists),
            (400, "InvalidDBInstanceState", Fault::InvalidState),
            (400, "InvalidParameterCombination", Fault::Invalid),
            (400, "InstanceQuotaExceeded", Fault::LimitExceeded),
            (404, "DBSubnetGroupNotFoundFault", Fault::Other),
        ] {
            let body = format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>m</Message>\
                 </Error><RequestId>r</RequestId></ErrorResponse>"
            );
            let replay = replay(&[(status, &body)]);
            let call = creation(&json!({"ManageMasterUserPassword": true}));
            assert_eq!(sent(&call, &replay).await.unwrap_err().fault, expected, "{code}");
        }
    }
}
