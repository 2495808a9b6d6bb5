//! Tests of the instances and clusters of RDS that AWS accepts.

use super::{KEY, errors, messages};
use proptest::prelude::*;

/// Returns the configuration of an instance.
fn instance(engine: &str, rest: &str) -> String {
    format!(
        "{KEY}rds: {{instances: {{db: {{key: a, engine: {engine}, instance_class: db.m5.large, \
         allocated_storage_gib: 100, master_username: dbowner, master_password: managed, {rest}}}}}}}"
    )
}

/// Returns the configuration of a cluster.
fn cluster(engine: &str, rest: &str) -> String {
    let user = match engine {
        "neptune" => "",
        _ => "master_username: dbowner, master_password: managed, ",
    };
    format!("{KEY}rds: {{clusters: {{c: {{key: a, engine: {engine}, {user}{rest}}}}}}}")
}

fn taken(text: &str) {
    assert_eq!(messages(text), [""; 0], "{text}");
}

fn refused(text: &str, message: &str, at: &str) {
    assert_eq!(errors(text), [(message.to_owned(), at.to_owned())], "{text}");
}

#[test]
fn windows_are_long_enough_and_do_not_overlap() {
    let both = |text: String| [instance("mysql", &text), cluster("aurora-mysql", &text)];
    for window in ["03:00-03:30", "23:45-00:15", "00:00-23:59"] {
        both(format!("backup_window: '{window}'")).iter().for_each(|text| taken(text));
    }
    for (window, minutes) in [("03:00-03:29", 29), ("23:50-00:19", 29), ("03:00-03:00", 0)] {
        for text in both(format!("backup_window: '{window}'")) {
            refused(&text, &format!("`{window}` has {minutes} minutes"), &format!("'{window}'"));
        }
    }
    let weekly = "sun:23:45-mon:00:14";
    for text in both(format!("maintenance_window: '{weekly}'")) {
        refused(&text, &format!("`{weekly}` has 29 minutes"), &format!("'{weekly}'"));
    }
    for (backup, maintenance, overlap) in [
        ("02:00-02:30", "sun:02:30-sun:03:00", false),
        ("03:00-03:30", "sun:02:30-sun:03:00", false),
        ("02:59-03:30", "sun:02:30-sun:03:00", true),
        ("23:45-00:15", "Mon:00:00-Mon:01:00", true),
        ("00:15-00:45", "sun:23:30-mon:00:15", false),
        ("12:00-12:30", "mon:11:00-tue:11:00", true),
    ] {
        let text = format!("backup_window: '{backup}', maintenance_window: '{maintenance}'");
        for text in both(text) {
            if overlap {
                let message = "the time for backups overlaps the time for maintenance";
                refused(&text, message, &format!("'{backup}'"));
            } else {
                taken(&text);
            }
        }
    }
    for bad in ["3:00-03:30", "+3:00-04:00", "24:00-01:00", "03:00", "sun:03:00-sun:04:00"] {
        let found = messages(&instance("mysql", &format!("backup_window: '{bad}'")));
        assert_eq!(found, [format!("`{bad}` is not a daily time")]);
    }
}

#[test]
fn sql_server_reserves_ports_and_each_engine_reserves_users() {
    for port in [1234, 1434, 3260, 3343, 3389, 47_001, 49_152, 49_156] {
        let message = format!("RDS for SQL Server reserves the port {port}");
        let text = instance("sqlserver-se", &format!("port: {port}"));
        refused(&text, &message, &port.to_string());
        taken(&instance("mysql", &format!("port: {port}")));
    }
    for port in [1150, 1433, 49_151, 49_157, 65_535] {
        taken(&instance("sqlserver-web", &format!("port: {port}")));
    }
    for port in [1149, 65_536] {
        let text = instance("mysql", &format!("port: {port}"));
        refused(&text, &format!("{port} is out of range"), &port.to_string());
    }
    let user = |engine: &str, name: &str| {
        instance(engine, "").replace("dbowner", name).replace(", }", "}")
    };
    for (engine, name) in [
        ("postgres", "user"),
        ("postgres", "Admin"),
        ("postgres", "pg_x"),
        ("sqlserver-ee", "sa"),
        ("sqlserver-ee", "rdsa"),
        ("oracle-ee", "SYS"),
        ("oracle-se2", "system"),
        ("db2-se", "rdsadmin"),
        ("mariadb", "rdsadmin"),
    ] {
        let message = format!("the engine reserves the user name `{name}`");
        refused(&user(engine, name), &message, name);
    }
    for (engine, name) in [
        ("postgres", "postgres"),
        ("postgres", "sa"),
        ("mysql", "admin"),
        ("mysql", "user"),
        ("sqlserver-ee", "admin"),
        ("oracle-ee", "admin"),
    ] {
        taken(&user(engine, name));
    }
    let document = |name: &str| cluster("docdb", "").replace("dbowner", name);
    taken(&document("owner1"));
    refused(&document("db_owner"), "`db_owner` is not the name of a master user", "db_owner");
    refused(&document("admin"), "the engine reserves the user name `admin`", "admin");
}

#[test]
fn clusters_have_sixteen_members_and_a_capacity_for_serverless_ones() {
    let members = |class: &str, count: usize| {
        let all: Vec<String> =
            (0..count).map(|n| format!("db-{n}: {{instance_class: {class}}}")).collect();
        format!("members: {{{}}}", all.join(", "))
    };
    for engine in ["aurora-postgresql", "docdb", "neptune"] {
        taken(&cluster(engine, &members("db.r6g.large", 16)));
        let text = cluster(engine, &members("db.r6g.large", 17));
        refused(&text, "17 members are too many", "db-16");
        let text = cluster(engine, &members("db.serverless", 2));
        let message = "a member of class `db.serverless` needs a capacity";
        refused(&text, message, "db.serverless");
        let range = "serverless_v2: {min_capacity: 1, max_capacity: 8}";
        taken(&cluster(engine, &format!("{}, {range}", members("db.serverless", 2))));
    }
    let text = instance("mysql", "").replace("db.m5.large", "db.serverless");
    let message = "instances of class `db.serverless` run in clusters only";
    refused(&text, message, "db.serverless");
    for class in ["db.m1.small", "db.m2.xlarge", "db.t2.micro"] {
        let text = instance("mysql", "").replace("db.m5.large", class);
        refused(&text, &format!("`{class}` does not support encryption at rest"), class);
    }
    taken(&instance("mysql", "").replace("db.m5.large", "db.t2.small"));
}

#[test]
fn nothing_is_set_for_performance_insights_that_are_off() {
    let insights = |text: &str| instance("mysql", &format!("performance_insights: {{{text}}}"));
    taken(&insights("enabled: false"));
    taken(&insights("enabled: false, with_key: false"));
    taken(&insights("enabled: true, with_key: true, retention_days: 31"));
    for (text, field, at) in [
        ("enabled: false, with_key: true", "with_key", "true"),
        ("enabled: false, retention_days: 7", "retention_days", "7"),
    ] {
        let message = format!("`{field}` is not possible while Performance Insights are off");
        refused(&insights(text), &message, at);
    }
}

#[test]
fn backups_are_kept_for_as_long_as_the_engine_accepts() {
    let days = |days: u32| format!("backup_retention_days: {days}");
    taken(&instance("mysql", &days(0)));
    taken(&instance("mysql", &days(35)));
    let custom = instance("custom-oracle-ee", &days(0));
    let message = "an instance of RDS Custom for Oracle must have automated backups";
    refused(&custom, message, "0");
    for (text, at) in [
        (instance("mysql", &days(36)), "36"),
        (cluster("aurora-mysql", &days(0)), "0"),
        (cluster("neptune", &days(36)), "36"),
    ] {
        refused(&text, &format!("{at} is out of range"), at);
    }
}

#[test]
fn each_engine_has_its_own_types_and_sizes_of_storage() {
    let storage = |engine: &str, size: u32, rest: &str| {
        let text = instance(engine, rest);
        text.replace("storage_gib: 100", &format!("storage_gib: {size}"))
    };
    for (engine, size, rest) in [
        ("sqlserver-se", 20, "storage_type: io1, iops: 1000"),
        ("sqlserver-ee", 16_385, "storage_type: gp3"),
        ("sqlserver-se", 1024, "storage_type: standard"),
        ("custom-oracle-ee", 40, "storage_type: io1, iops: 1000"),
        ("db2-se", 20, "storage_type: gp3"),
        ("postgres", 100, "storage_type: io2, iops: 100000"),
        ("postgres", 256, "storage_type: io2, iops: 256000"),
        ("postgres", 2000, "storage_type: io1, iops: 1000"),
        ("mysql", 100, "iops: 1000"),
        ("mysql", 400, "storage_type: gp3, iops: 12000, storage_throughput: 3000"),
        ("mysql", 100, "max_allocated_storage_gib: 110"),
        ("mysql", 100, "max_allocated_storage_gib: 65536"),
        ("mysql", 100, "storage_type: io1, iops: 1000, max_allocated_storage_gib: 2000"),
        ("mysql", 100, "storage_type: io2, iops: 1000, max_allocated_storage_gib: 4000"),
    ] {
        taken(&storage(engine, size, rest));
    }
    for (engine, size, rest, message, at) in [
        ("sqlserver-se", 19, "storage_type: gp3", "19 GiB of `gp3` are not possible", "19"),
        (
            "sqlserver-se",
            1025,
            "storage_type: standard",
            "1025 GiB of `standard` are not possible",
            "1025",
        ),
        ("mysql", 65_537, "storage_type: gp3", "65537 GiB of `gp3` are not possible", "65537"),
        ("custom-oracle-ee", 39, "storage_type: gp3", "39 GiB of `gp3` are not possible", "39"),
        ("db2-se", 100, "storage_type: gp2", "`gp2` is not a storage type of this engine", "gp2"),
        (
            "db2-ae",
            100,
            "storage_type: standard",
            "`standard` is not a storage type of this engine",
            "standard",
        ),
        (
            "postgres",
            100,
            "storage_type: io2, iops: 100001",
            "100001 I/O operations are not possible for 100 GiB of `io2`",
            "100001",
        ),
        (
            "postgres",
            100,
            "storage_type: io2, iops: 999",
            "999 I/O operations of `io2` are not possible",
            "999",
        ),
        (
            "postgres",
            65_536,
            "storage_type: io1, iops: 256001",
            "256001 I/O operations of `io1` are not possible",
            "256001",
        ),
        (
            "sqlserver-se",
            2000,
            "storage_type: io2, iops: 1999",
            "1999 I/O operations are not possible for 2000 GiB of `io2`",
            "1999",
        ),
        (
            "mysql",
            100,
            "iops: 5001",
            "5001 I/O operations are not possible for 100 GiB of `io1`",
            "5001",
        ),
        (
            "mysql",
            400,
            "storage_type: gp3, iops: 12000, storage_throughput: 3001",
            "a throughput of 3001 MiB/s is too much for 12000 I/O operations",
            "3001",
        ),
        (
            "mysql",
            100,
            "max_allocated_storage_gib: 109",
            "109 GiB leave no room to grow from 100",
            "109",
        ),
        (
            "mysql",
            100,
            "max_allocated_storage_gib: 50",
            "50 GiB leave no room to grow from 100",
            "50",
        ),
        ("mysql", 100, "max_allocated_storage_gib: 65537", "65537 GiB are not possible", "65537"),
        (
            "mysql",
            100,
            "storage_type: standard, max_allocated_storage_gib: 200",
            "storage of type `standard` does not grow by itself",
            "200",
        ),
        (
            "mysql",
            100,
            "storage_type: io1, iops: 1000, max_allocated_storage_gib: 2001",
            "1000 I/O operations are too few for storage that grows to 2001 GiB",
            "2001",
        ),
    ] {
        refused(&storage(engine, size, rest), message, at);
    }
    let multi = |rest: &str| {
        cluster("mysql", &format!("instance_class: db.m6gd.large, storage_type: {rest}"))
    };
    taken(&multi("io2, allocated_storage_gib: 100, iops: 1000"));
    taken(&multi("gp3, allocated_storage_gib: 20, iops: 3000"));
    refused(
        &multi("io2, allocated_storage_gib: 100, iops: 500"),
        "500 I/O operations of `io2` are not possible",
        "500",
    );
    refused(
        &multi("io1, allocated_storage_gib: 3000, iops: 1499"),
        "1499 I/O operations are not possible for 3000 GiB of `io1`",
        "1499",
    );
    let text = multi(
        "io1, allocated_storage_gib: 100, iops: 1000, members: {x: {instance_class: db.r6g.large}}",
    );
    assert_eq!(messages(&text), ["`members` is not for a Multi-AZ DB cluster"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// RDS API Reference, CreateDBInstance: `Iops`, "a multiple between .5 and 50 of the storage amount".
    #[test]
    fn the_operations_of_io1_are_half_to_fifty_for_each_gib(
        size in 100_u32..6_000, iops in 1_000_u32..260_000,
    ) {
        let text = instance("mysql", &format!("storage_type: io1, iops: {iops}"));
        let text = text.replace("storage_gib: 100", &format!("storage_gib: {size}"));
        let ratio = f64::from(iops) / f64::from(size);
        let accepted = (0.5..=50.0).contains(&ratio) && iops <= 256_000;
        prop_assert_eq!(messages(&text).is_empty(), accepted, "{}", text);
    }
}
