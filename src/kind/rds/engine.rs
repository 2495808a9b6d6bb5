//! The database engines, and the names that each of them accepts.

use crate::decode::{Diagnostic, Spanned, Text, nearest};
use crate::kind::declaration::Check;
use crate::kind::values::Lower;
use std::ops::RangeInclusive;

/// The engines of instances (RDS API Reference, CreateDBInstance: `Engine`), by their families.
const OF_INSTANCES: [(Family, &[&str]); 6] = [
    (Family::Db2, &["db2-ae", "db2-ce", "db2-se"]),
    (Family::MariaDb, &["mariadb"]),
    (Family::MySql, &["mysql"]),
    (
        Family::Oracle,
        &[
            "custom-oracle-ee",
            "custom-oracle-ee-cdb",
            "custom-oracle-se2",
            "custom-oracle-se2-cdb",
            "oracle-ee",
            "oracle-ee-cdb",
            "oracle-se2",
            "oracle-se2-cdb",
        ],
    ),
    (Family::Postgres, &["postgres"]),
    (
        Family::SqlServer,
        &[
            "custom-sqlserver-dev",
            "custom-sqlserver-ee",
            "custom-sqlserver-se",
            "custom-sqlserver-web",
            "sqlserver-dev-ee",
            "sqlserver-ee",
            "sqlserver-ex",
            "sqlserver-se",
            "sqlserver-web",
        ],
    ),
];

/// The engines of clusters (RDS API Reference, CreateDBCluster: `Engine`). Amazon DocumentDB and Amazon
/// Neptune have the API of RDS.
const OF_CLUSTERS: [(Family, &[&str]); 4] = [
    (Family::MySql, &["aurora-mysql", "mysql"]),
    (Family::Postgres, &["aurora-postgresql", "postgres"]),
    (Family::DocumentDb, &["docdb"]),
    (Family::Neptune, &["neptune"]),
];

/// The database that an engine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Db2,
    DocumentDb,
    MariaDb,
    MySql,
    Neptune,
    Oracle,
    Postgres,
    SqlServer,
}

impl Family {
    /// Returns the database that the engine runs; `None` for an engine that is not known.
    pub(crate) fn of(engine: &str) -> Option<Self> {
        let mut all = OF_INSTANCES.iter().chain(&OF_CLUSTERS);
        all.find(|(_, engines)| engines.contains(&engine)).map(|(family, _)| *family)
    }

    /// Returns the largest number of characters of a master user's name (CloudFormation User Guide,
    /// AWS::RDS::DBInstance: `MasterUsername`; Amazon DocumentDB API Reference, CreateDBCluster). The
    /// RDS API Reference has the smallest of these numbers, 16, for all engines.
    fn longest_user(self) -> usize {
        match self {
            Self::Db2 | Self::MariaDb | Self::MySql | Self::Neptune => 16,
            Self::Oracle => 30,
            Self::DocumentDb | Self::Postgres => 63,
            Self::SqlServer => 128,
        }
    }

    /// Returns the largest number of characters of a database's name; `None` if AWS creates no database
    /// (RDS API Reference, CreateDBInstance: `DBName`; Neptune API Reference, CreateDBCluster).
    fn longest_database(self) -> Option<usize> {
        match self {
            Self::Db2 | Self::MariaDb | Self::MySql => Some(64),
            Self::Oracle => Some(8),
            Self::Postgres => Some(63),
            Self::DocumentDb | Self::Neptune | Self::SqlServer => None,
        }
    }

    /// Returns whether the engine reserves the name of a master user. AWS has no list of these names. Only those
    /// are known here that AWS names in its answers, and those of the users that every database of the engine
    /// has: `rdsadmin` is the user of RDS itself, PostgreSQL reserves `admin`, `user` and the prefix `pg_`,
    /// DocumentDB `admin`, Oracle has `SYS` and `SYSTEM`, and SQL Server `sa`, which RDS renames to `rdsa`.
    fn reserves(self, user: &str) -> bool {
        let user = user.to_ascii_lowercase();
        let own: &[&str] = match self {
            Self::Postgres => &["admin", "user"],
            Self::DocumentDb => &["admin"],
            Self::Oracle => &["sys", "system"],
            Self::SqlServer => &["rdsa", "sa"],
            Self::Db2 | Self::MariaDb | Self::MySql | Self::Neptune => &[],
        };
        let is_prefixed = self == Self::Postgres && user.starts_with("pg_");
        user == "rdsadmin" || is_prefixed || own.contains(&user.as_str())
    }

    /// Returns whether the engine has storage of this type (RDS API Reference, CreateDBInstance:
    /// `AllocatedStorage`).
    pub(crate) fn stores_on(self, kind: &str) -> bool {
        self != Self::Db2 || !["gp2", "standard"].contains(&kind)
    }
}

/// Checks the engine of an instance.
pub(crate) fn of_instance(engine: &Spanned<Lower>, check: &mut Check<'_>) -> Option<Family> {
    let name = engine.value.0.as_str();
    if name.starts_with("aurora") || ["docdb", "neptune"].contains(&name) {
        let message = format!("`{name}` runs in clusters only");
        let help = "declare a cluster under `rds.clusters`, and its instances as its `members`";
        check.error(engine.span, message, help);
        return None;
    }
    known(engine, "an engine of RDS instances", &OF_INSTANCES, check)
}

/// Checks the engine of a cluster.
pub(crate) fn of_cluster(engine: &Spanned<Lower>, check: &mut Check<'_>) -> Option<Family> {
    known(engine, "an engine of RDS clusters", &OF_CLUSTERS, check)
}

/// Returns the family of an engine. An engine that is similar to a known one, or known elsewhere, is an error; any
/// other may be newer than this program, and is left to AWS.
fn known(
    engine: &Spanned<Lower>,
    what: &str,
    all: &[(Family, &[&'static str])],
    check: &mut Check<'_>,
) -> Option<Family> {
    let name = engine.value.0.as_str();
    if let Some((family, _)) = all.iter().find(|(_, engines)| engines.contains(&name)) {
        return Some(*family);
    }
    let names: Vec<&str> = all.iter().flat_map(|(_, engines)| engines.iter().copied()).collect();
    let message = format!("`{name}` is not {what}");
    if let Some(near) = nearest(name, names.iter().copied()) {
        check.error(engine.span, message, format!("did you mean `{near}`?"));
    } else if Family::of(name).is_some() {
        check.error(engine.span, message, format!("known: {}", names.join(", ")));
    } else {
        let message = format!("`{name}` is not known as {what}");
        let help = format!("AWS decides whether it exists; known: {}", names.join(", "));
        check.d.push(Diagnostic::warning(engine.span, message).help(help));
    }
    None
}

/// The ports that RDS for SQL Server reserves (RDS API Reference, CreateDBInstance: `Port`).
const RESERVED_PORTS: [RangeInclusive<u32>; 7] = [
    1234..=1234,
    1434..=1434,
    3260..=3260,
    3343..=3343,
    3389..=3389,
    47_001..=47_001,
    49_152..=49_156,
];

/// Checks the port of an instance.
pub(crate) fn port(family: Family, port: Option<&Spanned<u32>>, check: &mut Check<'_>) {
    if let Some(Spanned { value, span }) = port
        && family == Family::SqlServer
        && RESERVED_PORTS.iter().any(|ports| ports.contains(value))
    {
        let help = "choose another, such as 1433; RDS reserves 1234, 1434, 3260, 3343, 3389, 47001 and \
                    49152 to 49156";
        check.error(*span, format!("RDS for SQL Server reserves the port {value}"), help);
    }
}

/// Checks the name of the master user (RDS API Reference, CreateDBInstance: `MasterUsername`).
/// DocumentDB has no underscores in it (Amazon DocumentDB API Reference, CreateDBCluster).
pub(crate) fn user(family: Family, user: Option<&Text>, check: &mut Check<'_>) {
    let Some(user) = user else {
        return;
    };
    let name = user.value.as_str();
    let most = family.longest_user();
    let has_underscores = family != Family::DocumentDb;
    let is_named = is_word(name, false) && (has_underscores || !name.contains('_'));
    if !is_named || name.chars().count() > most {
        let message = format!("`{name}` is not the name of a master user");
        let signs = if has_underscores { "letters, digits and `_`" } else { "letters and digits" };
        let help = format!("AWS accepts 1 to {most} {signs}, a letter first");
        check.error(user.span, message, help);
    } else if family.reserves(name) {
        let message = format!("the engine reserves the user name `{name}`");
        check.error(user.span, message, "choose another name, such as `dbadmin`");
    }
}

/// Checks the name of the first database (RDS API Reference, CreateDBInstance: `DBName`).
pub(crate) fn database(
    family: Family,
    field: &str,
    database: Option<&Text>,
    check: &mut Check<'_>,
) {
    let Some(database) = database else {
        return;
    };
    let name = database.value.as_str();
    let Some(most) = family.longest_database() else {
        let message =
            format!("AWS creates no database for this engine, so `{field}` is not possible");
        check.error(database.span, message, format!("remove `{field}`"));
        return;
    };
    // Aurora PostgreSQL accepts an underscore as the first character.
    if !is_word(name, family == Family::Postgres) || name.chars().count() > most {
        let message = format!("`{name}` is not the name of a database");
        let help = format!("RDS accepts 1 to {most} letters, digits and `_`, a letter first");
        check.error(database.span, message, help);
    }
}

/// Returns whether the text consists of letters, digits and underscores, with a letter first.
fn is_word(text: &str, or_underscore_first: bool) -> bool {
    let is_first = |c: char| c.is_ascii_alphabetic() || or_underscore_first && c == '_';
    text.starts_with(is_first) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
