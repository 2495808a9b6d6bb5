//! Sends the calls of clusters, and converts RDS's descriptions of them.

use super::answers::Cluster;
use super::{
    AddTagsToResource, Alterable, Call, Capacity, CreateDBCluster, CreateDBInstance,
    DeleteDBCluster, DeleteDBInstance, Fixed, Member, ModifyDBCluster, ModifyDBInstance,
    RdsCluster, RemoveTagsFromResource, Serverless, Settings,
};
use crate::answer::{CloudError, Fault, Outcome};
use crate::id::Place;
use crate::kind::aws::{Copies, Service, with_tags};
use crate::kind::consumer::{self, Common, Tags};
use crate::kind::key::{NAME_TAG, STACK_TAG};
use crate::kind::rds::answers::{Instance, Snapshot};
use crate::kind::rds::aws as rds;
use crate::kind::{CallBindings, ConsumerQuery, Object, Phase, Sight};
use crate::sdk::Aws;
use crate::sdk::error::{answer, done};
use crate::sdk::query::{Client, Parameters};
use std::collections::BTreeMap;

impl Service for RdsCluster {
    /// Reads the selected clusters and their instances. All clusters are listed, 100 per page.
    async fn objects(
        aws: &Aws,
        at: &Place,
        query: &ConsumerQuery,
    ) -> Result<Vec<Object>, CloudError> {
        const OPERATION: &str = "DescribeDBClusters";
        let mut found: Vec<Cluster> = rds::list(aws, at, OPERATION, &Parameters::default()).await?;
        found.retain(|cluster| {
            let id = cluster.identifier.as_deref();
            id.is_some_and(|id| query.wants(id, &rds::tags(&cluster.tag_list.0)))
        });
        let ids: Vec<&str> =
            found.iter().filter_map(|cluster| cluster.identifier.as_deref()).collect();
        let instances =
            if query.asks(&["members"]) { instances_in(aws, at, &ids).await? } else { Vec::new() };
        Ok(found.iter().filter_map(|cluster| object(cluster, &instances, query)).collect())
    }

    /// Describes a cluster and its instances.
    async fn sight(aws: &Aws, at: &Place, id: &str) -> Result<Sight, CloudError> {
        const OPERATION: &str = "DescribeDBClusters";
        let name = Parameters::default().with("DBClusterIdentifier", id);
        let found: Option<Cluster> = rds::one(aws, at, OPERATION, &name).await?;
        let Some(cluster) = found else {
            return Ok(Sight::gone());
        };
        let own = instances_in(aws, at, &[id]).await?;
        Ok(sight_of(&cluster, &own.iter().collect::<Vec<_>>()))
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
            Call::CreateDBCluster(call) => create_db_cluster(&client, call, bindings).await,
            Call::ModifyDBCluster(call) => modify_db_cluster(&client, call, bindings).await,
            Call::CreateDBInstance(call) => create_db_instance(aws, at, call).await,
            Call::ModifyDBInstance(call) => {
                const NAME: &str = ModifyDBInstance::NAME;
                let request = Parameters::default()
                    .with("DBInstanceIdentifier", &call.db_instance_identifier)
                    .with_some("DBInstanceClass", call.db_instance_class.as_ref())
                    .with("ApplyImmediately", &call.apply_immediately)
                    .with_some("PromotionTier", call.promotion_tier);
                done(NAME, client.send(NAME, &request).await)
            }
            Call::DeleteDBInstance(call) => delete_db_instance(&client, call).await,
            Call::AddTagsToResource(AddTagsToResource { resource_name, tags }) => {
                rds::add_tags(AddTagsToResource::NAME, &client, resource_name, tags).await
            }
            Call::RemoveTagsFromResource(RemoveTagsFromResource { resource_name, tag_keys }) => {
                rds::remove_tags(RemoveTagsFromResource::NAME, &client, resource_name, tag_keys)
                    .await
            }
            Call::DeleteDBCluster(call) => {
                const NAME: &str = DeleteDBCluster::NAME;
                let snapshot = call.final_db_snapshot_identifier.as_ref();
                let request = Parameters::default()
                    .with("DBClusterIdentifier", &call.db_cluster_identifier)
                    .with("SkipFinalSnapshot", &call.skip_final_snapshot)
                    .with_some("FinalDBSnapshotIdentifier", snapshot);
                done(NAME, client.send(NAME, &request).await)
            }
        }
    }

    async fn copies(aws: &Aws, at: &Place) -> Result<Copies, CloudError> {
        const OPERATION: &str = "DescribeDBClusterSnapshots";
        let found: Vec<Snapshot> = rds::list(aws, at, OPERATION, &Parameters::default()).await?;
        Ok(rds::copies(&found))
    }
}

async fn instances_in(
    aws: &Aws,
    at: &Place,
    clusters: &[&str],
) -> Result<Vec<Instance>, CloudError> {
    if clusters.is_empty() {
        return Ok(Vec::new());
    }
    let selection = Parameters::default()
        .with("Filters.Filter.1.Name", "db-cluster-id")
        .with_each("Filters.Filter.1.Values.Value", clusters);
    rds::instances(aws, at, &selection).await
}

fn object(cluster: &Cluster, instances: &[Instance], query: &ConsumerQuery) -> Option<Object> {
    let id = cluster.identifier.as_ref()?;
    let own: Vec<&Instance> =
        instances.iter().filter(|instance| instance.cluster.as_ref() == Some(id)).collect();
    let mut spec = spec(cluster, rds::tags(&cluster.tag_list.0));
    if query.asks(&["members"]) {
        spec.settings.members = Some(members(&own, &query.stack));
    }
    Some(Object { id: id.clone(), spec: spec.into(), phase: whole_phase(cluster, &own) })
}

fn spec(cluster: &Cluster, tags: Tags) -> consumer::Spec<Settings> {
    let key = rds::key(cluster.storage_encrypted, cluster.kms_key_id.as_deref());
    let common = Common { key: Some(key), existing: None, tags };
    consumer::Spec { common, settings: lifted(cluster.clone()) }
}

/// Returns the sight of a cluster with all its instances. Without a deferred change, RDS has no pending
/// values once all changes are made.
fn sight_of(cluster: &Cluster, instances: &[&Instance]) -> Sight {
    let mut spec = spec(cluster, Tags::new());
    let all = instances.iter().filter_map(|instance| member(instance));
    spec.settings.members = Some(all.collect());
    let pending = cluster.pending.exist || instances.iter().any(|instance| instance.pending.exist);
    Sight { pending, ..Sight::new(whole_phase(cluster, instances), spec) }
}

/// Returns the instances with the tags of the stack. Other instances were created by Aurora Auto
/// Scaling or by other owners.
fn members(instances: &[&Instance], stack: &str) -> BTreeMap<String, Member> {
    let members = instances.iter().filter_map(|instance| {
        let (name, tags) = (instance.identifier.as_deref()?, rds::tags(&instance.tag_list.0));
        let tag = |key: &str| tags.get(key).map(String::as_str);
        if tag(STACK_TAG) != Some(stack) || tag(NAME_TAG) != Some(name) {
            return None;
        }
        member(instance)
    });
    members.collect()
}

fn member(instance: &Instance) -> Option<(String, Member)> {
    let class = instance.pending.instance_class.as_ref();
    let instance_class = class.or(instance.class.as_ref())?.clone();
    let promotion_tier = instance.promotion_tier.unwrap_or(1);
    Some((instance.identifier.clone()?, Member { instance_class, promotion_tier }))
}

fn whole_phase(cluster: &Cluster, instances: &[&Instance]) -> Phase {
    let phase = rds::phase(cluster.status.as_deref());
    if phase != Phase::Ready {
        return phase;
    }
    let phases = instances.iter().map(|instance| {
        let name = instance.identifier.as_deref().unwrap_or_default();
        match rds::phase(instance.status.as_deref()) {
            Phase::Busy(word) => Phase::Busy(format!("`{name}` is {word}")),
            Phase::Broken(word) => Phase::Broken(format!("{word}` (its instance `{name}`)")),
            phase @ (Phase::Ready | Phase::Gone) => phase,
        }
    });
    let mut unready = phases.filter(|phase| *phase != Phase::Ready);
    unready.next().unwrap_or(Phase::Ready)
}

/// Converts the settings. A change that RDS has accepted and not executed yet counts as executed.
fn lifted(cluster: Cluster) -> Settings {
    let pending = cluster.pending;
    let (managed_password, password_with_key) =
        rds::password(cluster.master_user_secret.as_ref(), cluster.kms_key_id.as_deref());
    let scaling = cluster.scaling.and_then(|scaling| {
        let min_capacity = Capacity::try_from(scaling.min_capacity?).ok()?;
        let max_capacity = Capacity::try_from(scaling.max_capacity?).ok()?;
        Some(Serverless { min_capacity, max_capacity })
    });
    // AWS returns no storage type for standard storage (RDS, Amazon DocumentDB and Neptune API
    // References, CreateDBCluster: `StorageType`).
    let standard = match cluster.engine.as_deref() {
        Some("docdb" | "neptune") => Some("standard"),
        Some(engine) if engine.starts_with("aurora") => Some("aurora"),
        Some(_) | None => None,
    };
    let storage = pending.storage_type.or(cluster.storage_type);
    Settings {
        engine: cluster.engine,
        engine_version: pending.engine_version.or(cluster.engine_version),
        database_name: cluster.database_name,
        master_username: cluster.master_username,
        managed_password,
        password_with_key,
        password_env: None,
        port: cluster.port,
        subnet_group: cluster.subnet_group,
        security_groups: Some(rds::groups(&cluster.vpc_security_groups.0)),
        backup_retention_days: pending.backup_retention_period.or(cluster.backup_retention_period),
        backup_window: cluster.preferred_backup_window,
        maintenance_window: cluster.preferred_maintenance_window,
        deletion_protection: rds::flag(cluster.deletion_protection),
        parameter_group: cluster.parameter_group,
        copy_tags_to_snapshot: rds::flag(cluster.copy_tags_to_snapshot),
        instance_class: cluster.instance_class,
        allocated_storage_gib: pending.allocated_storage.or(cluster.allocated_storage),
        storage_type: storage.or_else(|| standard.map(str::to_owned)),
        iops: pending.iops.or(cluster.iops),
        serverless_v2: scaling,
        members: None,
        final_snapshot: None,
        apply_immediately: None,
        auto_minor_version_upgrade: cluster.auto_minor_version_upgrade,
        resource_id: cluster.db_cluster_resource_id,
    }
}

async fn create_db_cluster(
    client: &Client,
    call: &CreateDBCluster,
    bindings: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    const NAME: &str = CreateDBCluster::NAME;
    let CreateDBCluster { db_cluster_identifier: id, fixed, alterable, tags } = call;
    let request = parameters(NAME, id, fixed, alterable, tags, bindings)?;
    answer(NAME, client.send(NAME, &request).await)?;
    Ok(Outcome::Made(id.clone()))
}

async fn modify_db_cluster(
    client: &Client,
    call: &ModifyDBCluster,
    bindings: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    const NAME: &str = ModifyDBCluster::NAME;
    let (id, alterable) = (&call.db_cluster_identifier, &call.alterable);
    let request = parameters(NAME, id, &Fixed::default(), alterable, &[], bindings)?
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
    let password = rds::reveal(operation, wanted.master_user_password.as_ref())?;
    let key = rds::resolved(operation, fixed.kms_key_id.as_ref(), bindings)?;
    let secret_key = wanted.master_user_secret_kms_key_id.as_ref();
    let secret_key = rds::resolved(operation, secret_key, bindings)?;
    let groups = wanted.vpc_security_group_ids.as_deref();
    // A capacity always has decimals, as in the examples of the RDS API Reference.
    let capacity = |capacity: Capacity| format!("{:?}", f64::from(capacity));
    let scaling = wanted.serverless_v2_scaling_configuration;
    let request = Parameters::default()
        .with_some("BackupRetentionPeriod", wanted.backup_retention_period)
        .with_some("DatabaseName", fixed.database_name.as_ref())
        .with("DBClusterIdentifier", id)
        .with_some("DBClusterParameterGroupName", wanted.db_cluster_parameter_group_name.as_ref())
        .with_list("VpcSecurityGroupIds", "VpcSecurityGroupId", groups)
        .with_some("DBSubnetGroupName", fixed.db_subnet_group_name.as_ref())
        .with_some("Engine", fixed.engine.as_ref())
        .with_some("EngineVersion", wanted.engine_version.as_ref())
        .with_some("Port", wanted.port)
        .with_some("MasterUsername", fixed.master_username.as_ref())
        .with_some("MasterUserPassword", password)
        .with_some("PreferredBackupWindow", wanted.preferred_backup_window.as_ref())
        .with_some("PreferredMaintenanceWindow", wanted.preferred_maintenance_window.as_ref());
    Ok(with_tags(request, rds::TAGS, tags)
        .with_some("StorageEncrypted", fixed.storage_encrypted)
        .with_some("KmsKeyId", key)
        .with_some("DBClusterInstanceClass", wanted.db_cluster_instance_class.as_ref())
        .with_some("AllocatedStorage", wanted.allocated_storage)
        .with_some("StorageType", wanted.storage_type.as_ref())
        .with_some("Iops", wanted.iops)
        .with_some("DeletionProtection", wanted.deletion_protection)
        .with_some("CopyTagsToSnapshot", wanted.copy_tags_to_snapshot)
        .with_some(
            "ServerlessV2ScalingConfiguration.MinCapacity",
            scaling.map(|scaling| capacity(scaling.min_capacity)),
        )
        .with_some(
            "ServerlessV2ScalingConfiguration.MaxCapacity",
            scaling.map(|scaling| capacity(scaling.max_capacity)),
        )
        .with_some("ManageMasterUserPassword", wanted.manage_master_user_password)
        .with_some("MasterUserSecretKmsKeyId", secret_key))
}

/// Deletes an instance of the cluster. An instance that does not exist was deleted by a call whose
/// answer was lost.
async fn delete_db_instance(
    client: &Client,
    call: &DeleteDBInstance,
) -> Result<Outcome, CloudError> {
    const NAME: &str = DeleteDBInstance::NAME;
    let request = Parameters::default()
        .with("DBInstanceIdentifier", &call.db_instance_identifier)
        .with("SkipFinalSnapshot", &call.skip_final_snapshot);
    match done(NAME, client.send(NAME, &request).await) {
        Err(error) if error.fault == Fault::NotFound => Ok(Outcome::Done),
        sent => sent,
    }
}

/// Creates an instance of the cluster. If an instance with the cluster, the name, the class and the
/// tags of the call exists already, it was created by a call whose answer was lost.
async fn create_db_instance(
    aws: &Aws,
    at: &Place,
    call: &CreateDBInstance,
) -> Result<Outcome, CloudError> {
    const NAME: &str = CreateDBInstance::NAME;
    let request = Parameters::default()
        .with("DBInstanceIdentifier", &call.db_instance_identifier)
        .with("DBInstanceClass", &call.db_instance_class)
        .with_some("Engine", call.engine.as_ref());
    let request = with_tags(request, rds::TAGS, &call.tags)
        .with("DBClusterIdentifier", &call.db_cluster_identifier)
        .with("PromotionTier", &call.promotion_tier);
    let error = match done(NAME, aws.rds(at).await.send(NAME, &request).await) {
        Err(error) if error.fault == Fault::AlreadyExists => error,
        sent => return sent,
    };
    let all = instances_in(aws, at, &[&call.db_cluster_identifier]).await?;
    let exists = all.iter().any(|instance| {
        let tags = rds::tags(&instance.tag_list.0);
        instance.identifier.as_ref() == Some(&call.db_instance_identifier)
            && instance.class.as_ref() == Some(&call.db_instance_class)
            && call.tags.iter().all(|tag| tags.get(&tag.key) == Some(&tag.value))
    });
    if exists {
        return Ok(Outcome::Done);
    }
    // The instance belongs to another owner, so waiting does not help.
    Err(CloudError { fault: Fault::Other, ..error })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Cloud;
    use crate::kind::{Call, ConsumerKind};
    use crate::sdk::replay::replay;
    use serde_json::json;

    fn home() -> Place {
        Place { account: "111122223333".parse().unwrap(), region: "eu-west-1".parse().unwrap() }
    }

    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn cluster(status: &str) -> String {
        format!(
            "<DescribeDBClustersResponse><DescribeDBClustersResult><DBClusters><DBCluster>\
             <DBClusterIdentifier>ledger</DBClusterIdentifier><Status>{status}</Status>\
             <Engine>aurora-postgresql</Engine><EngineVersion>16.4</EngineVersion>\
             <AllocatedStorage>1</AllocatedStorage><Port>5432</Port>\
             <StorageEncrypted>true</StorageEncrypted><KmsKeyId>{KEY}</KmsKeyId>\
             <DbClusterResourceId>cluster-ABC</DbClusterResourceId>\
             <ServerlessV2ScalingConfiguration><MinCapacity>0.5</MinCapacity>\
             <MaxCapacity>8.0</MaxCapacity></ServerlessV2ScalingConfiguration>\
             <PendingModifiedValues><EngineVersion>16.6</EngineVersion></PendingModifiedValues>\
             <TagList><Tag><Key>kmsctl:stack</Key><Value>s</Value></Tag></TagList>\
             </DBCluster></DBClusters></DescribeDBClustersResult></DescribeDBClustersResponse>"
        )
    }

    fn instances(all: &[(&str, &str, &str)]) -> String {
        let instances = all.iter().map(|(id, status, name)| {
            format!(
                "<DBInstance><DBInstanceIdentifier>{id}</DBInstanceIdentifier>\
                 <DBClusterIdentifier>ledger</DBClusterIdentifier><PromotionTier>1</PromotionTier>\
                 <DBInstanceClass>db.r6g.large</DBInstanceClass>\
                 <DBInstanceStatus>{status}</DBInstanceStatus><TagList>\
                 <Tag><Key>kmsctl:stack</Key><Value>s</Value></Tag>\
                 <Tag><Key>kmsctl:name</Key><Value>{name}</Value></Tag></TagList></DBInstance>"
            )
        });
        let instances: String = instances.collect();
        format!(
            "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances>{instances}\
             </DBInstances></DescribeDBInstancesResult></DescribeDBInstancesResponse>"
        )
    }

    #[tokio::test]
    async fn a_cluster_is_ready_once_its_instances_are() {
        for (status, member, expected) in [
            ("available", "available", Phase::Ready),
            ("available", "creating", Phase::Busy("`ledger-1` is creating".to_owned())),
            ("available", "failed", Phase::Broken("failed` (its instance `ledger-1`)".to_owned())),
        ] {
            let member = instances(&[("ledger-1", member, "ledger-1")]);
            let replay = replay(&[(200, &cluster(status)), (200, &member)]);
            let phase =
                replay.aws.sight(&home(), ConsumerKind::RdsCluster, "ledger").await.unwrap().phase;
            assert_eq!(phase, expected);
        }
        let gone = "<ErrorResponse><Error><Type>Sender</Type><Code>DBClusterNotFoundFault</Code>\
                    <Message>no</Message></Error></ErrorResponse>";
        let aws = replay(&[(404, gone)]).aws;
        assert_eq!(
            aws.sight(&home(), ConsumerKind::RdsCluster, "ledger").await.unwrap().phase,
            Phase::Gone
        );
    }

    #[tokio::test]
    async fn a_cluster_is_read_with_the_stacks_instances() {
        // The second instance was created by Aurora Auto Scaling, which copies tags.
        let members = instances(&[
            ("ledger-1", "available", "ledger-1"),
            ("scaled", "available", "ledger-1"),
        ]);
        let replay = replay(&[(200, &cluster("available")), (200, &members)]);
        let query = ConsumerQuery {
            kind: ConsumerKind::RdsCluster,
            stack: "s".to_owned(),
            ids: [].into(),
            fields: ["members".to_owned()].into(),
        };
        let found = replay.aws.objects(&home(), &query).await.unwrap();
        assert_eq!(
            serde_json::to_value(&found[0].spec).unwrap()["rds_cluster"],
            json!({
                "key": KEY, "tags": {"kmsctl:stack": "s"}, "engine": "aurora-postgresql",
                "engine_version": "16.6", "managed_password": false, "port": 5432,
                "security_groups": [], "deletion_protection": false,
                "copy_tags_to_snapshot": false, "allocated_storage_gib": 1,
                "storage_type": "aurora", "resource_id": "cluster-ABC",
                "serverless_v2": {"min_capacity": 0.5, "max_capacity": 8.0},
                "members": {"ledger-1": {"instance_class": "db.r6g.large", "promotion_tier": 1}},
            })
        );
        let asked = replay.bodies();
        let filter = "&Filters.Filter.1.Name=db-cluster-id&Filters.Filter.1.Values.Value.1=ledger";
        assert!(asked[1].contains(filter), "{asked:?}");
    }

    #[tokio::test]
    async fn an_instance_whose_creation_was_not_answered_is_recognized() {
        let call: Call = serde_json::from_value(json!({"rds_cluster": {"CreateDBInstance": {
            "DBInstanceIdentifier": "ledger-1", "DBClusterIdentifier": "ledger",
            "DBInstanceClass": "db.r6g.large", "Engine": "aurora-postgresql", "PromotionTier": 1,
            "Tags": [{"Key": "kmsctl:name", "Value": "ledger-1"}]}}}))
        .unwrap();
        let taken = "<ErrorResponse><Error><Type>Sender</Type><Code>DBInstanceAlreadyExists</Code>\
                     <Message>no</Message></Error></ErrorResponse>";
        let ours = instances(&[("ledger-1", "creating", "ledger-1")]);
        let aws = replay(&[(400, taken), (200, &ours)]).aws;
        assert_eq!(aws.call(&home(), &call, CallBindings::default()).await.unwrap(), Outcome::Done);
        let aws = replay(&[(400, taken), (200, &instances(&[]))]).aws;
        let error = aws.call(&home(), &call, CallBindings::default()).await.unwrap_err();
        assert_eq!(error.fault, Fault::Other);
    }

    #[tokio::test]
    async fn the_request_has_the_parameters_of_the_call() {
        let call: Call = serde_json::from_value(json!({"rds_cluster": {"CreateDBCluster": {
            "DBClusterIdentifier": "ledger", "Engine": "aurora-postgresql", "KmsKeyId": KEY,
            "StorageEncrypted": true, "MasterUsername": "admin", "ManageMasterUserPassword": true,
            "ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5, "MaxCapacity": 8.0},
            "Tags": [{"Key": "a", "Value": "b"}]}}}))
        .unwrap();
        let made = "<CreateDBClusterResponse><CreateDBClusterResult><DBCluster/>\
                    </CreateDBClusterResult></CreateDBClusterResponse>";
        let replay = replay(&[(200, made)]);
        replay.aws.call(&home(), &call, CallBindings::default()).await.unwrap();
        let body = replay.bodies().remove(0).replace("%3A", ":").replace("%2F", "/");
        let expected = "Action=CreateDBCluster&Version=2014-10-31&DBClusterIdentifier=ledger\
         &Engine=aurora-postgresql&MasterUsername=admin&Tags.Tag.1.Key=a&Tags.Tag.1.Value=b\
         &StorageEncrypted=true&KmsKeyId=KEY&ServerlessV2ScalingConfiguration.MinCapacity=0.5\
         &ServerlessV2ScalingConfiguration.MaxCapacity=8.0&ManageMasterUserPassword=true";
        assert_eq!(body.replace(KEY, "KEY"), expected);
    }

    #[tokio::test]
    async fn a_change_is_one_request() {
        for (call, parameters) in [
            (
                json!({"ModifyDBCluster": {"DBClusterIdentifier": "ledger", "Port": 5433,
                    "ServerlessV2ScalingConfiguration": {"MinCapacity": 1.0, "MaxCapacity": 2.5},
                    "ApplyImmediately": true}}),
                "DBClusterIdentifier=ledger&Port=5433&ServerlessV2ScalingConfiguration.MinCapacity=1.0\
                 &ServerlessV2ScalingConfiguration.MaxCapacity=2.5&ApplyImmediately=true",
            ),
            (
                json!({"CreateDBInstance": {"DBInstanceIdentifier": "ledger-1", "DBClusterIdentifier": "ledger",
                    "DBInstanceClass": "db.r6g.large", "Engine": "docdb", "PromotionTier": 2,
                    "Tags": [{"Key": "a", "Value": "b"}]}}),
                "DBInstanceIdentifier=ledger-1&DBInstanceClass=db.r6g.large&Engine=docdb&Tags.Tag.1.Key=a\
                 &Tags.Tag.1.Value=b&DBClusterIdentifier=ledger&PromotionTier=2",
            ),
            (
                json!({"ModifyDBInstance": {"DBInstanceIdentifier": "ledger-1", "PromotionTier": 0,
                    "ApplyImmediately": false}}),
                "DBInstanceIdentifier=ledger-1&ApplyImmediately=false&PromotionTier=0",
            ),
            (
                json!({"DeleteDBCluster": {"DBClusterIdentifier": "ledger", "SkipFinalSnapshot": true}}),
                "DBClusterIdentifier=ledger&SkipFinalSnapshot=true",
            ),
        ] {
            let action = call.as_object().unwrap().keys().next().unwrap().clone();
            let call: Call = serde_json::from_value(json!({ "rds_cluster": call })).unwrap();
            let replay = replay(&[(200, &format!("<{action}Response/>"))]);
            let sent = replay.aws.call(&home(), &call, CallBindings::default()).await;
            assert_eq!(sent.unwrap(), Outcome::Done);
            let body = format!("Action={action}&Version=2014-10-31&{parameters}");
            assert_eq!(replay.bodies(), [body]);
        }
    }

    #[tokio::test]
    async fn a_pending_change_of_an_instance_is_one_of_the_cluster() {
        let sight = async |cluster: &str, members: &str| {
            let replay = replay(&[(200, cluster), (200, members)]);
            let found =
                replay.aws.sight(&home(), ConsumerKind::RdsCluster, "ledger").await.unwrap();
            (
                found.pending,
                serde_json::to_value(found.spec.unwrap()).unwrap()["rds_cluster"]["members"]
                    .clone(),
            )
        };
        let changed = cluster("available");
        let settled = changed.replace(
            "<EngineVersion>16.6</EngineVersion></PendingModifiedValues>",
            "</PendingModifiedValues>",
        );
        let member = instances(&[("ledger-1", "available", "ledger-1")]);
        let values = "<PendingModifiedValues><DBInstanceClass>db.r6g.xlarge</DBInstanceClass></PendingModifiedValues>";
        let growing = member.replace("<TagList>", &format!("{values}<TagList>"));
        let members = |class| json!({"ledger-1": {"instance_class": class, "promotion_tier": 1}});
        assert_eq!(sight(&settled, &member).await, (false, members("db.r6g.large")));
        assert_eq!(sight(&changed, &member).await, (true, members("db.r6g.large")));
        assert_eq!(sight(&settled, &growing).await, (true, members("db.r6g.xlarge")));
    }
}
