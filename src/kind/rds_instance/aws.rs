//! Sends the calls of instances, and converts RDS's descriptions of them.

use super::{
    AddTagsToResource, Alterable, Call, CreateDBInstance, DeleteDBInstance, Fixed,
    ModifyDBInstance, RdsInstance, RemoveTagsFromResource, Settings,
};
use crate::answer::{CloudError, Outcome};
use crate::id::Place;
use crate::kind::aws::{Copies, Service, with_tags};
use crate::kind::consumer::{self, Common, Tags};
use crate::kind::key::STACK_TAG;
use crate::kind::rds::answers::{Instance, Snapshot};
use crate::kind::rds::aws as rds;
use crate::kind::{CallBindings, ConsumerQuery, Object, Sight};
use crate::sdk::Aws;
use crate::sdk::error::{answer, done};
use crate::sdk::query::{Client, Parameters};

impl Service for RdsInstance {
    /// Reads the selected instances. All instances are listed. An instance of a cluster is left out
    /// unless its name is selected.
    async fn objects(
        aws: &Aws,
        at: &Place,
        query: &ConsumerQuery,
    ) -> Result<Vec<Object>, CloudError> {
        let found = rds::instances(aws, at, &Parameters::default()).await?;
        Ok(found.iter().filter_map(|instance| object(instance, query)).collect())
    }

    /// Describes an instance.
    async fn sight(aws: &Aws, at: &Place, id: &str) -> Result<Sight, CloudError> {
        const OPERATION: &str = "DescribeDBInstances";
        let name = Parameters::default().with("DBInstanceIdentifier", id);
        let found = rds::one(aws, at, OPERATION, &name).await?;
        Ok(found.map_or_else(Sight::gone, |instance| sight_of(&instance)))
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
                let request = Parameters::default()
                    .with("DBInstanceIdentifier", &call.db_instance_identifier)
                    .with("SkipFinalSnapshot", &call.skip_final_snapshot)
                    .with_some(
                        "FinalDBSnapshotIdentifier",
                        call.final_db_snapshot_identifier.as_ref(),
                    );
                let sent = client.send(DeleteDBInstance::NAME, &request).await;
                done(DeleteDBInstance::NAME, sent)
            }
        }
    }

    async fn copies(aws: &Aws, at: &Place) -> Result<Copies, CloudError> {
        const OPERATION: &str = "DescribeDBSnapshots";
        let found: Vec<Snapshot> = rds::list(aws, at, OPERATION, &Parameters::default()).await?;
        Ok(rds::copies(&found))
    }
}

fn object(instance: &Instance, query: &ConsumerQuery) -> Option<Object> {
    let (id, tags) = (instance.identifier.as_ref()?, rds::tags(&instance.tag_list.0));
    // An instance that kmsctl created in a cluster is a part of the cluster.
    let is_own = tags.get(STACK_TAG) == Some(&query.stack);
    let is_member = instance.cluster.is_some() && (is_own || !query.ids.contains(id));
    if is_member || !query.wants(id, &tags) {
        return None;
    }
    let spec = spec(instance, tags).into();
    let phase = rds::phase(instance.status.as_deref());
    Some(Object { id: id.clone(), spec, phase })
}

fn spec(instance: &Instance, tags: Tags) -> consumer::Spec<Settings> {
    let key = rds::key(instance.storage_encrypted, instance.kms_key_id.as_deref());
    let common = Common { key: Some(key), existing: None, tags };
    consumer::Spec { common, settings: lifted(instance.clone()) }
}

/// Returns the sight of an instance. Without a deferred change, RDS has no pending values once all changes
/// are made.
fn sight_of(instance: &Instance) -> Sight {
    let phase = rds::phase(instance.status.as_deref());
    Sight { pending: instance.pending.exist, ..Sight::new(phase, spec(instance, Tags::new())) }
}

/// Converts the settings. A change that RDS has accepted and not executed yet counts as executed.
fn lifted(instance: Instance) -> Settings {
    let pending = instance.pending;
    let key = instance.kms_key_id.as_deref();
    let (managed_password, password_with_key) =
        rds::password(instance.master_user_secret.as_ref(), key);
    let insights = instance.performance_insights_enabled;
    let insights_key = instance.performance_insights_kms_key_id.as_deref();
    let port = instance.db_instance_port.filter(|port| *port > 0);
    let port = port.or(instance.endpoint.and_then(|endpoint| endpoint.port));
    let group = instance.parameter_groups.0.into_iter().next();
    Settings {
        engine: instance.engine,
        engine_version: pending.engine_version.or(instance.engine_version),
        instance_class: pending.instance_class.or(instance.class),
        allocated_storage_gib: pending.allocated_storage.or(instance.allocated_storage),
        max_allocated_storage_gib: instance.max_allocated_storage,
        storage_type: pending.storage_type.or(instance.storage_type),
        iops: pending.iops.or(instance.iops),
        storage_throughput: pending.storage_throughput.or(instance.storage_throughput),
        master_username: instance.master_username,
        managed_password,
        password_with_key,
        password_env: None,
        db_name: instance.db_name,
        port: pending.port.or(port),
        subnet_group: instance.subnet_group.and_then(|group| group.name),
        security_groups: Some(rds::groups(&instance.vpc_security_groups.0)),
        multi_az: rds::flag(pending.multi_az.or(instance.multi_az)),
        publicly_accessible: rds::flag(instance.publicly_accessible),
        backup_retention_days: pending.backup_retention_period.or(instance.backup_retention_period),
        backup_window: instance.preferred_backup_window,
        maintenance_window: instance.preferred_maintenance_window,
        deletion_protection: rds::flag(instance.deletion_protection),
        parameter_group: group.and_then(|group| group.name),
        auto_minor_version_upgrade: rds::flag(instance.auto_minor_version_upgrade),
        copy_tags_to_snapshot: rds::flag(instance.copy_tags_to_snapshot),
        performance_insights: rds::flag(insights),
        performance_insights_with_key: (insights == Some(true))
            .then_some(insights_key.is_some() && insights_key == key),
        performance_insights_days: instance.performance_insights_retention_period,
        final_snapshot: None,
        apply_immediately: None,
        resource_id: instance.dbi_resource_id,
    }
}

async fn create_db_instance(
    client: &Client,
    call: &CreateDBInstance,
    bindings: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    const NAME: &str = CreateDBInstance::NAME;
    let CreateDBInstance { db_instance_identifier: id, fixed, alterable, tags } = call;
    let request = parameters(NAME, id, fixed, alterable, tags, bindings)?;
    answer(NAME, client.send(NAME, &request).await)?;
    Ok(Outcome::Made(id.clone()))
}

async fn modify_db_instance(
    client: &Client,
    call: &ModifyDBInstance,
    bindings: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    const NAME: &str = ModifyDBInstance::NAME;
    let (id, alterable) = (&call.db_instance_identifier, &call.alterable);
    let request = parameters(NAME, id, &Fixed::default(), alterable, &[], bindings)?
        .with_some("DBPortNumber", call.db_port_number)
        .with_some("AllowMajorVersionUpgrade", call.allow_major_version_upgrade)
        .with("ApplyImmediately", &call.apply_immediately);
    done(NAME, client.send(NAME, &request).await)
}

/// Returns the parameters of a creation or of a change.
fn parameters(
    operation: &'static str,
    id: &str,
    fixed: &Fixed,
    wanted: &Alterable,
    tags: &[consumer::Tag],
    bindings: &CallBindings<'_>,
) -> Result<Parameters, CloudError> {
    let key = |key| rds::resolved(operation, key, bindings);
    let password = rds::reveal(operation, wanted.master_user_password.as_ref())?;
    let secret_key = key(wanted.master_user_secret_kms_key_id.as_ref())?;
    let insights_key = key(wanted.performance_insights_kms_key_id.as_ref())?;
    let groups = wanted.vpc_security_group_ids.as_deref();
    let request = Parameters::default()
        .with_some("DBName", fixed.db_name.as_ref())
        .with("DBInstanceIdentifier", id)
        .with_some("AllocatedStorage", wanted.allocated_storage)
        .with_some("DBInstanceClass", wanted.db_instance_class.as_ref())
        .with_some("Engine", fixed.engine.as_ref())
        .with_some("MasterUsername", fixed.master_username.as_ref())
        .with_some("MasterUserPassword", password)
        .with_list("VpcSecurityGroupIds", "VpcSecurityGroupId", groups)
        .with_some("DBSubnetGroupName", fixed.db_subnet_group_name.as_ref())
        .with_some("PreferredMaintenanceWindow", wanted.preferred_maintenance_window.as_ref())
        .with_some("DBParameterGroupName", wanted.db_parameter_group_name.as_ref())
        .with_some("BackupRetentionPeriod", wanted.backup_retention_period)
        .with_some("PreferredBackupWindow", wanted.preferred_backup_window.as_ref())
        .with_some("Port", fixed.port)
        .with_some("MultiAZ", wanted.multi_az)
        .with_some("EngineVersion", wanted.engine_version.as_ref())
        .with_some("AutoMinorVersionUpgrade", wanted.auto_minor_version_upgrade)
        .with_some("Iops", wanted.iops)
        .with_some("StorageThroughput", wanted.storage_throughput)
        .with_some("PubliclyAccessible", wanted.publicly_accessible);
    Ok(with_tags(request, rds::TAGS, tags)
        .with_some("StorageType", wanted.storage_type.as_ref())
        .with_some("StorageEncrypted", fixed.storage_encrypted)
        .with_some("KmsKeyId", key(fixed.kms_key_id.as_ref())?)
        .with_some("CopyTagsToSnapshot", wanted.copy_tags_to_snapshot)
        .with_some("EnablePerformanceInsights", wanted.enable_performance_insights)
        .with_some("PerformanceInsightsKMSKeyId", insights_key)
        .with_some(
            "PerformanceInsightsRetentionPeriod",
            wanted.performance_insights_retention_period,
        )
        .with_some("DeletionProtection", wanted.deletion_protection)
        .with_some("MaxAllocatedStorage", wanted.max_allocated_storage)
        .with_some("ManageMasterUserPassword", wanted.manage_master_user_password)
        .with_some("MasterUserSecretKmsKeyId", secret_key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Fault;
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

    #[tokio::test]
    async fn a_change_is_one_request() {
        let call = |call: Value| serde_json::from_value(json!({ "rds_instance": call })).unwrap();
        let arn = "arn:aws:rds:eu-west-1:111122223333:db:orders";
        for (call, action, parameters) in [
            (
                call(
                    json!({"ModifyDBInstance": {"DBInstanceIdentifier": "orders", "AllocatedStorage": 40,
                    "VpcSecurityGroupIds": ["sg-1", "sg-2"], "DBPortNumber": 3307, "DeletionProtection": false,
                    "AllowMajorVersionUpgrade": true, "ApplyImmediately": true}}),
                ),
                "ModifyDBInstance",
                "DBInstanceIdentifier=orders&AllocatedStorage=40&VpcSecurityGroupIds.VpcSecurityGroupId.1=sg-1\
                 &VpcSecurityGroupIds.VpcSecurityGroupId.2=sg-2&DeletionProtection=false&DBPortNumber=3307\
                 &AllowMajorVersionUpgrade=true&ApplyImmediately=true",
            ),
            (
                call(
                    json!({"ModifyDBInstance": {"DBInstanceIdentifier": "orders", "VpcSecurityGroupIds": [],
                    "ApplyImmediately": false}}),
                ),
                "ModifyDBInstance",
                "DBInstanceIdentifier=orders&VpcSecurityGroupIds=&ApplyImmediately=false",
            ),
            (
                call(
                    json!({"AddTagsToResource": {"ResourceName": arn, "Tags": [{"Key": "a b", "Value": "c&d"},
                    {"Key": "e", "Value": ""}]}}),
                ),
                "AddTagsToResource",
                "ResourceName=ARN&Tags.Tag.1.Key=a%20b&Tags.Tag.1.Value=c%26d&Tags.Tag.2.Key=e&Tags.Tag.2.Value=",
            ),
            (
                call(
                    json!({"RemoveTagsFromResource": {"ResourceName": arn, "TagKeys": ["a", "b"]}}),
                ),
                "RemoveTagsFromResource",
                "ResourceName=ARN&TagKeys.member.1=a&TagKeys.member.2=b",
            ),
            (
                call(
                    json!({"DeleteDBInstance": {"DBInstanceIdentifier": "orders", "SkipFinalSnapshot": false,
                    "FinalDBSnapshotIdentifier": "last"}}),
                ),
                "DeleteDBInstance",
                "DBInstanceIdentifier=orders&SkipFinalSnapshot=false&FinalDBSnapshotIdentifier=last",
            ),
        ] {
            let replay = replay(&[(200, &format!("<{action}Response/>")), (200, "<html></html>")]);
            assert_eq!(sent(&call, &replay).await.unwrap(), Outcome::Done);
            assert_eq!(sent(&call, &replay).await.unwrap_err().fault, Fault::Ambiguous);
            let body = replay.bodies().remove(0).replace(&arn.replace(':', "%3A"), "ARN");
            assert_eq!(body, format!("Action={action}&Version=2014-10-31&{parameters}"));
        }
    }

    #[tokio::test]
    async fn an_answer_without_instances_is_an_empty_list_or_an_error() {
        let query = ConsumerQuery::all(ConsumerKind::RdsInstance);
        let objects = async |text: &str| replay(&[(200, text)]).aws.objects(&home(), &query).await;
        assert!(objects(&page("", "<Marker/>")).await.unwrap().is_empty());
        let without = "<DescribeDBInstancesResponse><DescribeDBInstancesResult/></DescribeDBInstancesResponse>";
        for text in [without, &page("<DBInstance><Iops>x</Iops></DBInstance>", ""), "<html></html>"]
        {
            // A read is sent twice.
            let replay = replay(&[(200, text); 2]);
            let error = replay.aws.objects(&home(), &query).await.unwrap_err();
            assert_eq!(error.fault, Fault::Ambiguous, "{text}");
        }
    }

    #[tokio::test]
    async fn automated_snapshots_are_no_copies() {
        let text = format!(
            "<DescribeDBSnapshotsResponse><DescribeDBSnapshotsResult><DBSnapshots><DBSnapshot>\
             <DBSnapshotIdentifier>rds:a</DBSnapshotIdentifier><SnapshotType>automated</SnapshotType></DBSnapshot>\
             <DBSnapshot><DBSnapshotIdentifier>b</DBSnapshotIdentifier><SnapshotType>manual</SnapshotType>\
             <KmsKeyId>{KEY}</KmsKeyId></DBSnapshot></DBSnapshots></DescribeDBSnapshotsResult>\
             </DescribeDBSnapshotsResponse>"
        );
        let replay = replay(&[(200, &text)]);
        let found = RdsInstance::copies(&replay.aws, &home()).await.unwrap();
        assert_eq!(found, [("b".to_owned(), Some(KEY.parse().unwrap()))]);
        assert_eq!(
            replay.bodies(),
            ["Action=DescribeDBSnapshots&Version=2014-10-31&MaxRecords=100"]
        );
        assert_eq!(replay.urls("host")[0].0, "https://rds.eu-west-1.amazonaws.com/");
    }
}
