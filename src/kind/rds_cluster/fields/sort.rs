//! The sorts of clusters, and the fields that each of them has.

use super::Fields;
use crate::decode::{Given, Spanned};
use crate::kind::declaration::Check;
use crate::kind::rds::engine::{self, Family};
use crate::kind::rds::fields::required;
use crate::kind::rds::{storage, version};
use crate::kind::rds_cluster::Serverless;
use crate::kind::values::Lower;

/// The sort of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Aurora,
    DocumentDb,
    Neptune,
    /// A Multi-AZ DB cluster, for which RDS creates three instances.
    MultiAz,
}

/// The fields of the storage and the instances of a Multi-AZ DB cluster.
const OF_MULTI_AZ: [&str; 3] = ["instance_class", "allocated_storage_gib", "iops"];

impl Sort {
    fn of(family: Family, engine: &str) -> Self {
        match family {
            Family::DocumentDb => Self::DocumentDb,
            Family::Neptune => Self::Neptune,
            _ if engine.starts_with("aurora") => Self::Aurora,
            Family::Db2
            | Family::MariaDb
            | Family::MySql
            | Family::Oracle
            | Family::Postgres
            | Family::SqlServer => Self::MultiAz,
        }
    }

    /// Returns the fields that clusters of the sort do not have (RDS, Amazon DocumentDB and Neptune API
    /// References, CreateDBCluster).
    fn lacks(self) -> Vec<&'static str> {
        match self {
            Self::Aurora | Self::DocumentDb => OF_MULTI_AZ.to_vec(),
            Self::Neptune => [&["master_username", "master_password"][..], &OF_MULTI_AZ].concat(),
            Self::MultiAz => vec!["members", "serverless_v2"],
        }
    }

    /// Returns the storage types of clusters of the sort.
    fn storage_types(self) -> &'static [&'static str] {
        match self {
            Self::Aurora => &["aurora", "aurora-iopt1"],
            Self::DocumentDb | Self::Neptune => &["standard", "iopt1"],
            Self::MultiAz => storage::OF_MULTI_AZ,
        }
    }
}

/// Checks the fields that depend on the engine.
pub(super) fn check(fields: &Fields, check: &mut Check<'_>) {
    let family = fields.engine.as_ref().and_then(|engine| engine::of_cluster(engine, check));
    if family != Some(Family::Neptune) {
        required(check, &fields.engine, &fields.master_username, &fields.master_password);
    }
    let (Some(engine), Some(family)) = (&fields.engine, family) else {
        return;
    };
    let sort = Sort::of(family, &engine.value.0);
    lacking(fields, engine, sort, check);
    if sort != Sort::Neptune {
        engine::user(family, fields.master_username.as_ref(), check);
    }
    engine::database(family, "database_name", fields.database_name.as_ref(), check);
    version::moving(&engine.value.0, fields.engine_version.as_ref(), None, check);
    let is_multi_az = sort == Sort::MultiAz;
    let given = storage::Declared {
        family,
        engine: &engine.value.0,
        kind: fields.storage_type.as_ref().map(|kind| (kind.value.0.as_str(), kind.span)),
        most: None,
        size: if is_multi_az { fields.allocated_storage_gib.as_ref() } else { None },
        iops: if is_multi_az { fields.iops.as_ref() } else { None },
        throughput: None,
        is_multi_az_cluster: is_multi_az,
    };
    storage::check(&given, sort.storage_types(), check);
    match sort {
        Sort::MultiAz => multi_az(fields, engine, check),
        Sort::Neptune => capacity(fields.serverless_v2.as_ref(), check),
        Sort::Aurora | Sort::DocumentDb => {}
    }
}

/// Reports the fields that clusters of the sort do not have.
fn lacking(fields: &Fields, engine: &Spanned<Lower>, sort: Sort, check: &mut Check<'_>) {
    let all: [(&str, &dyn Given); 7] = [
        ("instance_class", &fields.instance_class),
        ("allocated_storage_gib", &fields.allocated_storage_gib),
        ("iops", &fields.iops),
        ("members", &fields.members),
        ("serverless_v2", &fields.serverless_v2),
        ("master_username", &fields.master_username),
        ("master_password", &fields.master_password),
    ];
    let lacks = sort.lacks();
    for (field, given) in all {
        let Some(span) = given.given().filter(|_| lacks.contains(&field)) else {
            continue;
        };
        let (message, help) = if sort == Sort::MultiAz {
            let help = "set `instance_class` and `allocated_storage_gib`: AWS creates three instances; clusters of \
                        Aurora, DocumentDB and Neptune have members";
            (format!("`{field}` is not for a Multi-AZ DB cluster"), help)
        } else if OF_MULTI_AZ.contains(&field) {
            let help = "its storage grows by itself; its instances are its `members`";
            (format!("`{field}` is not for `{}`", engine.value.0), help)
        } else {
            let help =
                "Neptune has no passwords: remove it, and let IAM policies decide the access";
            (format!("`{field}` is not for `{}`", engine.value.0), help)
        };
        check.error(span, message, help);
    }
}

/// Checks what a Multi-AZ DB cluster needs (RDS API Reference, CreateDBCluster): each of the four fields
/// "is required to create a Multi-AZ DB cluster", and the identifier has 52 characters at most.
fn multi_az(fields: &Fields, engine: &Spanned<Lower>, check: &mut Check<'_>) {
    let name = check.name_in_aws().clone();
    if name.value.len() > 52 {
        let message = format!("`{}` is too long for a Multi-AZ DB cluster", name.value);
        check.error(name.span, message, "RDS accepts 52 characters here");
    }
    if check.existing.is_some() {
        return;
    }
    let needs: [(&str, &dyn Given); 4] = [
        ("instance_class", &fields.instance_class),
        ("allocated_storage_gib", &fields.allocated_storage_gib),
        ("storage_type", &fields.storage_type),
        ("iops", &fields.iops),
    ];
    let missing: Vec<&str> =
        needs.iter().filter(|(_, given)| given.given().is_none()).map(|(name, _)| *name).collect();
    if let Some((first, rest)) = missing.split_first() {
        let rest: String = rest.iter().map(|field| format!(", `{field}`")).collect();
        let help = format!("set `{first}`{rest}, or an engine whose storage grows by itself");
        check.error(engine.span, format!("`{first}` is not given"), help);
    }
}

/// Checks the capacity of a serverless Neptune cluster (Neptune User Guide, "Capacity scaling in a Neptune
/// Serverless DB cluster").
fn capacity(range: Option<&Spanned<Serverless>>, check: &mut Check<'_>) {
    let Some(Spanned { value: range, span }) = range else {
        return;
    };
    if range.min_capacity.halves < 2 || range.max_capacity.halves > 256 {
        let (min, max) = (f64::from(range.min_capacity), f64::from(range.max_capacity));
        let message = format!("a capacity of {min} to {max} is not possible for `neptune`");
        check.error(*span, message, "AWS accepts 1 to 128");
    }
}
