//! Sends the calls of clusters, and converts the SDK's descriptions of them.

use super::{
    AddTagsToResource, Call, Capacity, CreateDBCluster, CreateDBInstance, DeleteDBCluster,
    DeleteDBInstance, Member, ModifyDBCluster, ModifyDBInstance, RdsCluster,
    RemoveTagsFromResource, Serverless, Settings,
};
use crate::answer::{CloudError, Fault, Outcome};
use crate::id::Place;
use crate::kind::aws::{Copies, Service, copy};
use crate::kind::consumer::{self, Common, Tags};
use crate::kind::key::{NAME_TAG, STACK_TAG};
use crate::kind::rds::aws as rds;
use crate::kind::{CallBindings, ConsumerQuery, Object, Phase, Sight};
use crate::sdk::Aws;
use crate::sdk::error::{answer, done};
use aws_sdk_rds::Client;
use aws_sdk_rds::types::{
    ClusterPendingModifiedValues, DbCluster, DbInstance, Filter, ServerlessV2ScalingConfiguration,
};
use std::collections::BTreeMap;

/// Sets the parameters that both requests have. The requests are of different types.
macro_rules! altered {
    ($request:ident, $wanted:ident, $operation:ident, $bindings:ident) => {
        let secret_key = $wanted.master_user_secret_kms_key_id.as_ref();
        let password = rds::reveal($operation, $wanted.master_user_password.as_ref())?;
        let scaling = $wanted.serverless_v2_scaling_configuration.map(|scaling| {
            ServerlessV2ScalingConfiguration::builder()
                .min_capacity(scaling.min_capacity.into())
                .max_capacity(scaling.max_capacity.into())
                .build()
        });
        let $request = $request
            .set_engine_version($wanted.engine_version.clone())
            .set_manage_master_user_password($wanted.manage_master_user_password)
            .set_master_user_secret_kms_key_id(rds::resolved($operation, secret_key, $bindings)?)
            .set_master_user_password(password)
            .set_port(rds::signed($wanted.port))
            .set_vpc_security_group_ids($wanted.vpc_security_group_ids.clone())
            .set_backup_retention_period(rds::signed($wanted.backup_retention_period))
            .set_preferred_backup_window($wanted.preferred_backup_window.clone())
            .set_preferred_maintenance_window($wanted.preferred_maintenance_window.clone())
            .set_deletion_protection($wanted.deletion_protection)
            .set_db_cluster_parameter_group_name($wanted.db_cluster_parameter_group_name.clone())
            .set_copy_tags_to_snapshot($wanted.copy_tags_to_snapshot)
            .set_db_cluster_instance_class($wanted.db_cluster_instance_class.clone())
            .set_allocated_storage(rds::signed($wanted.allocated_storage))
            .set_storage_type($wanted.storage_type.clone())
            .set_iops(rds::signed($wanted.iops))
            .set_serverless_v2_scaling_configuration(scaling);
    };
}

impl Service for RdsCluster {
    /// Reads the selected clusters and their instances. All clusters are listed, 100 per page.
    async fn objects(
        aws: &Aws,
        at: &Place,
        query: &ConsumerQuery,
    ) -> Result<Vec<Object>, CloudError> {
        const OPERATION: &str = "DescribeDBClusters";
        let client = aws.rds(at).await;
        let read = |from| client.describe_db_clusters().max_records(100).set_marker(from).send();
        let mut found = Vec::new();
        for page in client.pages(OPERATION, read, |page| page.marker.clone()).await? {
            let wanted = page.db_clusters.unwrap_or_default().into_iter().filter(|cluster| {
                let id = cluster.db_cluster_identifier();
                id.is_some_and(|id| query.wants(id, &rds::tags(cluster.tag_list())))
            });
            found.extend(wanted);
        }
        let ids = found.iter().filter_map(|cluster| cluster.db_cluster_identifier());
        let ids = ids.map(str::to_owned).collect();
        let instances =
            if query.asks(&["members"]) { instances_in(aws, at, ids).await? } else { Vec::new() };
        Ok(found.iter().filter_map(|cluster| object(cluster, &instances, query)).collect())
    }

    /// Describes a cluster and its instances.
    async fn sight(aws: &Aws, at: &Place, id: &str) -> Result<Sight, CloudError> {
        const OPERATION: &str = "DescribeDBClusters";
        let client = aws.rds(at).await;
        let read = || client.describe_db_clusters().db_cluster_identifier(id).send();
        let found = match client.read(OPERATION, read).await {
            Err(error) if error.fault == Fault::NotFound => return Ok(Sight::gone()),
            found => found?,
        };
        let Some(cluster) = found.db_clusters().first() else {
            return Ok(Sight::gone());
        };
        let own = instances_in(aws, at, vec![id.to_owned()]).await?;
        Ok(sight_of(cluster, &own.iter().collect::<Vec<_>>()))
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
                let request = client
                    .modify_db_instance()
                    .db_instance_identifier(&call.db_instance_identifier)
                    .set_db_instance_class(call.db_instance_class.clone())
                    .set_promotion_tier(rds::signed(call.promotion_tier))
                    .apply_immediately(call.apply_immediately);
                done(ModifyDBInstance::NAME, request.send().await)
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
                let request = client
                    .delete_db_cluster()
                    .db_cluster_identifier(&call.db_cluster_identifier)
                    .skip_final_snapshot(call.skip_final_snapshot)
                    .set_final_db_snapshot_identifier(call.final_db_snapshot_identifier.clone());
                done(DeleteDBCluster::NAME, request.send().await)
            }
        }
    }

    async fn copies(aws: &Aws, at: &Place) -> Result<Copies, CloudError> {
        const OPERATION: &str = "DescribeDBClusterSnapshots";
        let client = aws.rds(at).await;
        let request = client.describe_db_cluster_snapshots().max_records(100);
        let read = |from| request.clone().set_marker(from).send();
        let mut found = Vec::new();
        for page in client.pages(OPERATION, read, |page| page.marker.clone()).await? {
            let snapshots = page.db_cluster_snapshots().iter();
            let kept = snapshots.filter(|s| s.snapshot_type() != Some("automated"));
            found.extend(
                kept.filter_map(|s| copy(s.db_cluster_snapshot_identifier(), s.kms_key_id())),
            );
        }
        Ok(found)
    }
}

async fn instances_in(
    aws: &Aws,
    at: &Place,
    clusters: Vec<String>,
) -> Result<Vec<DbInstance>, CloudError> {
    if clusters.is_empty() {
        return Ok(Vec::new());
    }
    let filter = Filter::builder().name("db-cluster-id").set_values(Some(clusters)).build();
    rds::instances(aws, at, Some(filter)).await
}

fn object(cluster: &DbCluster, instances: &[DbInstance], query: &ConsumerQuery) -> Option<Object> {
    let id = cluster.db_cluster_identifier()?;
    let own: Vec<&DbInstance> =
        instances.iter().filter(|instance| instance.db_cluster_identifier() == Some(id)).collect();
    let mut spec = spec(cluster, rds::tags(cluster.tag_list()));
    if query.asks(&["members"]) {
        spec.settings.members = Some(members(&own, &query.stack));
    }
    Some(Object { id: id.to_owned(), spec: spec.into(), phase: whole_phase(cluster, &own) })
}

fn spec(cluster: &DbCluster, tags: Tags) -> consumer::Spec<Settings> {
    let key = rds::key(cluster.storage_encrypted(), cluster.kms_key_id());
    let common = Common { key: Some(key), existing: None, tags };
    consumer::Spec { common, settings: lifted(cluster) }
}

/// Returns the sight of a cluster with all its instances. Without a deferred change, RDS has no pending
/// values once all changes are made.
fn sight_of(cluster: &DbCluster, instances: &[&DbInstance]) -> Sight {
    let mut spec = spec(cluster, Tags::new());
    let all = instances.iter().filter_map(|instance| member(instance));
    spec.settings.members = Some(all.collect());
    let none = ClusterPendingModifiedValues::builder().build();
    let of_instances = instances.iter().any(|instance| rds::has_pending(instance));
    let pending =
        of_instances || cluster.pending_modified_values().is_some_and(|values| *values != none);
    Sight { pending, ..Sight::new(whole_phase(cluster, instances), spec) }
}

/// Returns the instances with the tags of the stack. Other instances were created by Aurora Auto
/// Scaling or by other owners.
fn members(instances: &[&DbInstance], stack: &str) -> BTreeMap<String, Member> {
    let members = instances.iter().filter_map(|instance| {
        let (name, tags) = (instance.db_instance_identifier()?, rds::tags(instance.tag_list()));
        let tag = |key: &str| tags.get(key).map(String::as_str);
        if tag(STACK_TAG) != Some(stack) || tag(NAME_TAG) != Some(name) {
            return None;
        }
        member(instance)
    });
    members.collect()
}

fn member(instance: &DbInstance) -> Option<(String, Member)> {
    let pending = instance.pending_modified_values();
    let class = pending.and_then(|pending| pending.db_instance_class());
    let instance_class = class.or(instance.db_instance_class())?.to_owned();
    let promotion_tier = rds::number(instance.promotion_tier()).unwrap_or(1);
    let name = instance.db_instance_identifier()?.to_owned();
    Some((name, Member { instance_class, promotion_tier }))
}

fn whole_phase(cluster: &DbCluster, instances: &[&DbInstance]) -> Phase {
    let phase = rds::phase(cluster.status());
    if phase != Phase::Ready {
        return phase;
    }
    let phases = instances.iter().map(|instance| {
        let name = instance.db_instance_identifier().unwrap_or_default();
        match rds::phase(instance.db_instance_status()) {
            Phase::Busy(word) => Phase::Busy(format!("`{name}` is {word}")),
            Phase::Broken(word) => Phase::Broken(format!("{word}` (its instance `{name}`)")),
            phase @ (Phase::Ready | Phase::Gone) => phase,
        }
    });
    let mut unready = phases.filter(|phase| *phase != Phase::Ready);
    unready.next().unwrap_or(Phase::Ready)
}

/// Converts the settings. A change that RDS has accepted and not executed yet counts as executed.
fn lifted(cluster: &DbCluster) -> Settings {
    let none = ClusterPendingModifiedValues::builder().build();
    let pending = cluster.pending_modified_values().unwrap_or(&none);
    let (managed_password, password_with_key) =
        rds::password(cluster.master_user_secret(), cluster.kms_key_id());
    let scaling = cluster.serverless_v2_scaling_configuration();
    let scaling = scaling.and_then(|scaling| {
        let min_capacity = Capacity::try_from(scaling.min_capacity()?).ok()?;
        let max_capacity = Capacity::try_from(scaling.max_capacity()?).ok()?;
        Some(Serverless { min_capacity, max_capacity })
    });
    // AWS returns no storage type for standard storage (RDS, Amazon DocumentDB and Neptune API
    // References, CreateDBCluster: `StorageType`).
    let standard = match cluster.engine() {
        Some("docdb" | "neptune") => Some("standard"),
        Some(engine) if engine.starts_with("aurora") => Some("aurora"),
        Some(_) | None => None,
    };
    let storage = pending.storage_type().or(cluster.storage_type()).or(standard);
    let allocated = pending.allocated_storage().or(cluster.allocated_storage());
    Settings {
        engine: rds::text(cluster.engine()),
        engine_version: rds::text(pending.engine_version().or(cluster.engine_version())),
        database_name: rds::text(cluster.database_name()),
        master_username: rds::text(cluster.master_username()),
        managed_password,
        password_with_key,
        password_env: None,
        port: rds::number(cluster.port()),
        subnet_group: rds::text(cluster.db_subnet_group()),
        security_groups: Some(rds::groups(cluster.vpc_security_groups())),
        backup_retention_days: rds::number(
            pending.backup_retention_period().or(cluster.backup_retention_period()),
        ),
        backup_window: rds::text(cluster.preferred_backup_window()),
        maintenance_window: rds::text(cluster.preferred_maintenance_window()),
        deletion_protection: rds::flag(cluster.deletion_protection()),
        parameter_group: rds::text(cluster.db_cluster_parameter_group()),
        copy_tags_to_snapshot: rds::flag(cluster.copy_tags_to_snapshot()),
        instance_class: rds::text(cluster.db_cluster_instance_class()),
        allocated_storage_gib: rds::number(allocated),
        storage_type: rds::text(storage),
        iops: rds::number(pending.iops().or(cluster.iops())),
        serverless_v2: scaling,
        members: None,
        final_snapshot: None,
        apply_immediately: None,
        auto_minor_version_upgrade: cluster.auto_minor_version_upgrade(),
        resource_id: rds::text(cluster.db_cluster_resource_id()),
    }
}

async fn create_db_cluster(
    client: &Client,
    call: &CreateDBCluster,
    bindings: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    const NAME: &str = CreateDBCluster::NAME;
    let CreateDBCluster { db_cluster_identifier, fixed, alterable, tags } = call;
    let request = client
        .create_db_cluster()
        .db_cluster_identifier(db_cluster_identifier)
        .set_engine(fixed.engine.clone())
        .set_database_name(fixed.database_name.clone())
        .set_master_username(fixed.master_username.clone())
        .set_db_subnet_group_name(fixed.db_subnet_group_name.clone())
        .set_kms_key_id(rds::resolved(NAME, fixed.kms_key_id.as_ref(), bindings)?)
        .set_storage_encrypted(fixed.storage_encrypted)
        .set_tags(Some(rds::tag_list(tags)));
    altered!(request, alterable, NAME, bindings);
    answer(NAME, request.send().await)?;
    Ok(Outcome::Made(db_cluster_identifier.clone()))
}

async fn modify_db_cluster(
    client: &Client,
    call: &ModifyDBCluster,
    bindings: &CallBindings<'_>,
) -> Result<Outcome, CloudError> {
    const NAME: &str = ModifyDBCluster::NAME;
    let alterable = &call.alterable;
    let request = client
        .modify_db_cluster()
        .db_cluster_identifier(&call.db_cluster_identifier)
        .set_allow_major_version_upgrade(call.allow_major_version_upgrade)
        .apply_immediately(call.apply_immediately);
    altered!(request, alterable, NAME, bindings);
    done(NAME, request.send().await)
}

/// Deletes an instance of the cluster. An instance that does not exist was deleted by a call whose
/// answer was lost.
async fn delete_db_instance(
    client: &Client,
    call: &DeleteDBInstance,
) -> Result<Outcome, CloudError> {
    let request = client
        .delete_db_instance()
        .db_instance_identifier(&call.db_instance_identifier)
        .skip_final_snapshot(call.skip_final_snapshot);
    match done(DeleteDBInstance::NAME, request.send().await) {
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
    let request = aws
        .rds(at)
        .await
        .create_db_instance()
        .db_instance_identifier(&call.db_instance_identifier)
        .db_cluster_identifier(&call.db_cluster_identifier)
        .db_instance_class(&call.db_instance_class)
        .set_engine(call.engine.clone())
        .set_promotion_tier(rds::signed(Some(call.promotion_tier)))
        .set_tags(Some(rds::tag_list(&call.tags)));
    let error = match done(CreateDBInstance::NAME, request.send().await) {
        Err(error) if error.fault == Fault::AlreadyExists => error,
        sent => return sent,
    };
    let cluster = vec![call.db_cluster_identifier.clone()];
    let exists = instances_in(aws, at, cluster).await?.iter().any(|instance| {
        let tags = rds::tags(instance.tag_list());
        instance.db_instance_identifier() == Some(&call.db_instance_identifier)
            && instance.db_instance_class() == Some(&call.db_instance_class)
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
}
