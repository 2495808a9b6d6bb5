//! Tests of what AWS refuses, which a configuration must refuse with its position, and of what AWS accepts.

mod databases;
mod keys;
mod names;
mod resources;

use super::Surroundings;
use super::load::from_sources;
use super::resolve_tests::{all, good, here};
use crate::decode::{Diagnostics, Sources};
use std::collections::BTreeMap;

const KEY: &str = "keys: {a: {aliases: [a], policy: {}}}\n";

/// Returns the messages of the errors and the texts that they are about.
fn errors(text: &str) -> Vec<(String, String)> {
    let text = format!("stack: s\n{text}");
    let report = all(&[("a.yaml", &text)], &[]).1;
    let mut found = Vec::new();
    let lines: Vec<&str> = report.lines().collect();
    for (n, line) in lines.iter().enumerate() {
        let Some(message) = line.strip_prefix("error: ") else {
            continue;
        };
        let mark = lines[n..].iter().find(|line| line.contains('^')).unwrap();
        let at = lines[n..].iter().position(|line| line.contains('^')).unwrap();
        let (from, to) = (mark.find('^').unwrap(), mark.rfind('^').unwrap());
        let shown: String = lines[n + at - 1].chars().skip(from).take(to + 1 - from).collect();
        found.push((message.to_owned(), shown));
    }
    found
}

fn messages(text: &str) -> Vec<String> {
    errors(text).into_iter().map(|(message, _)| message).collect()
}

#[test]
fn each_service_has_its_own_rules_for_tags() {
    let odd = "tags: {owner: R&D}";
    for (what, text) in [
        ("a key", format!("keys: {{a: {{{odd}}}}}")),
        (
            "a table",
            format!(
                "{KEY}dynamodb: {{tables: {{orders: {{key: a, {odd}, \
            partition_key: {{name: id, type: S}}}}}}}}"
            ),
        ),
        ("defaults", format!("defaults: {{{odd}}}\n{KEY}")),
    ] {
        let expected = ("the value of a tag cannot contain `&` here".to_owned(), "R&D".to_owned());
        assert_eq!(errors(&text), [expected], "{what}");
    }
    // EC2 takes more.
    good(&format!(
        "stack: s\n{KEY}ebs: {{volumes: {{v: {{key: a, {odd}, availability_zone: ap-northeast-2a, \
         size_gib: 8}}}}}}"
    ));
    let domain = |tags: usize| {
        let tags: Vec<String> = (0..tags).map(|n| format!("t{n}: x")).collect();
        format!(
            "{KEY}es: {{domains: {{logs: {{key: a, engine_version: OpenSearch_2.11, \
             tags: {{{}}}}}}}}}",
            tags.join(", ")
        )
    };
    assert_eq!(messages(&domain(9)), ["9 tags are too many"]);
    assert!(!messages(&domain(8)).contains(&"8 tags are too many".to_owned()));
    let cluster = "rds: {clusters: {c: {key: a, engine: neptune, tags: {'rds:x': y}}}}";
    assert_eq!(messages(&format!("{KEY}{cluster}")), ["the tag `rds:x` is reserved"]);
    let table = "dynamodb: {tables: {orders: {key: a, tags: {'rds:x': y}, \
                 partition_key: {name: id, type: S}}}}";
    assert_eq!(messages(&format!("{KEY}{table}")), [""; 0]);
}

#[test]
fn a_default_tag_that_a_service_refuses_is_reported_once() {
    let text = "defaults: {tags: {owner: R&D}}\nkeys: {a: {}, b: {}}";
    assert_eq!(messages(text).len(), 1, "{:?}", messages(text));
}

#[test]
fn names_have_the_length_and_the_characters_of_their_service() {
    let table = |name: &str| {
        format!(
            "{KEY}dynamodb: {{tables: {{'{name}': {{key: a, partition_key: {{name: id, type: S}}}}}}}}"
        )
    };
    let long = "t".repeat(255);
    for name in ["a.b-c_d", "abc", &long] {
        assert_eq!(messages(&table(name)), [""; 0], "{name}");
    }
    let too_long = "t".repeat(256);
    for name in ["ab", "a b c", &too_long, "täbelle"] {
        assert_eq!(messages(&table(name)), [format!("`{name}` is not the name of a table")]);
    }
    let trail = |name: &str| {
        format!("{KEY}cloudtrail: {{trails: {{'{name}': {{key: a, bucket: logs-1}}}}}}")
    };
    let long = "t".repeat(128);
    for name in ["org.trail", "a-1", &long] {
        assert_eq!(messages(&trail(name)), [""; 0], "{name}");
    }
    let too_long = "t".repeat(129);
    for name in ["ab", ".ab", "a..b", "10.0.0.1", &too_long] {
        assert_eq!(messages(&trail(name)), [format!("`{name}` is not the name of a trail")]);
    }
    let store =
        |name: &str| format!("{KEY}cloudtrail: {{event_data_stores: {{'{name}': {{key: a}}}}}}");
    assert_eq!(messages(&store("org.store")), [""; 0]);
    assert_eq!(messages(&store(&long)), [""; 0]);
    for name in ["ab", &too_long] {
        assert_eq!(
            messages(&store(name)),
            [format!("`{name}` is not the name of an event data store")]
        );
    }
}

#[test]
fn master_users_and_databases_are_those_that_the_engine_accepts() {
    let instance = |engine: &str, user: &str, rest: &str| {
        messages(&format!(
            "{KEY}rds: {{instances: {{db: {{key: a, engine: {engine}, instance_class: db.m5.large, \
             allocated_storage_gib: 100, master_password: managed, master_username: '{user}'{rest}}}}}}}"
        ))
    };
    let long = "u".repeat(17);
    for (engine, user) in [
        ("mysql", "1user"),
        ("mysql", "my-user"),
        ("mysql", ""),
        ("mysql", &long),
        ("mariadb", &long),
        ("postgres", "us er"),
    ] {
        let expected = format!("`{user}` is not the name of a master user");
        assert_eq!(instance(engine, user, ""), [expected], "{engine}");
    }
    for (engine, user) in [("postgres", "admin"), ("postgres", "PG_user"), ("mysql", "rdsadmin")] {
        let expected = format!("the engine reserves the user name `{user}`");
        assert_eq!(instance(engine, user, ""), [expected]);
    }
    assert_eq!(instance("mysql", "admin", ", db_name: orders"), [""; 0]);
    assert_eq!(instance("postgres", "owner_1", ", db_name: orders"), [""; 0]);
    assert_eq!(
        instance("sqlserver-se", "admin", ", db_name: orders"),
        ["AWS creates no database for this engine, so `db_name` is not possible"]
    );
    assert_eq!(
        instance("oracle-ee", "admin", ", db_name: productions"),
        ["`productions` is not the name of a database"]
    );
    assert_eq!(instance("mysqll", "admin", ""), ["`mysqll` is not an engine of RDS instances"]);
    assert_eq!(instance("aurora-mysql", "admin", ""), ["`aurora-mysql` runs in clusters only"]);
    // An engine that AWS adds later is not refused.
    assert_eq!(instance("quicksilver", "admin", ""), [""; 0]);
}

#[test]
fn each_sort_of_cluster_has_its_own_rules() {
    let cluster = |name: &str, rest: &str| {
        messages(&format!("{KEY}rds: {{clusters: {{{name}: {{key: a, {rest}}}}}}}"))
    };
    let user = "master_username: dbadmin, master_password: managed";
    let multi = "engine: mysql, instance_class: db.m6gd.large";
    let whole =
        format!("{multi}, allocated_storage_gib: 100, storage_type: io1, iops: 1000, {user}");
    let long = "c".repeat(53);
    assert_eq!(cluster("c", &whole), [""; 0]);
    assert_eq!(cluster(&"c".repeat(52), &whole), [""; 0]);
    let too_long = format!("`{long}` is too long for a Multi-AZ DB cluster");
    assert_eq!(cluster(&long, &whole), [too_long]);
    for (without, missing) in [
        ("allocated_storage_gib: 100, ", "allocated_storage_gib"),
        ("storage_type: io1, ", "storage_type"),
        ("iops: 1000, ", "iops"),
    ] {
        let found = cluster("c", &whole.replace(without, ""));
        assert!(found.contains(&format!("`{missing}` is not given")), "{missing}: {found:?}");
    }
    let members = "members: {one: {instance_class: db.r6g.large}}";
    for good in [
        format!("engine: aurora-postgresql, {user}, {members}"),
        format!("engine: docdb, engine_version: '5.0', storage_type: iopt1, {user}, {members}"),
        format!("engine: neptune, storage_type: standard, {members}"),
        "engine: neptune, serverless_v2: {min_capacity: 1, max_capacity: 128}".to_owned(),
    ] {
        assert_eq!(cluster(&"c".repeat(63), &good), [""; 0], "{good}");
    }
    for (bad, message) in [
        ("engine: neptune, master_username: x", "`master_username` is not for `neptune`"),
        ("engine: neptune, master_password: managed", "`master_password` is not for `neptune`"),
        ("engine: docdb", "`master_password` is not given"),
        (
            "engine: neptune, serverless_v2: {min_capacity: 0.5, max_capacity: 8}",
            "a capacity of 0.5 to 8 is not possible for `neptune`",
        ),
        ("engine: neptune, iops: 1000", "`iops` is not for `neptune`"),
        ("engine: neptune, storage_type: aurora", "`aurora` is not a storage type of this engine"),
        ("engine: mariadb", "`mariadb` is not an engine of RDS clusters"),
    ] {
        assert!(cluster("c", bad).contains(&message.to_owned()), "{:?}", cluster("c", bad));
    }
}

#[test]
fn mount_targets_take_a_hundred_security_groups() {
    let groups = |count: usize| {
        let groups: Vec<String> = (0..count).map(|n| format!("sg-{n:08x}")).collect();
        messages(&format!(
            "{KEY}efs: {{file_systems: {{f: {{key: a, mount_targets: [{{subnet: subnet-01234567, \
             security_groups: [{}]}}]}}}}}}",
            groups.join(", ")
        ))
    };
    assert_eq!(groups(100), [""; 0]);
    assert_eq!(groups(101).len(), 1);
}

#[test]
fn keys_have_the_specs_and_ids_that_aws_accepts() {
    let key = |rest: &str| errors(&format!("keys: {{a: {{{rest}}}}}"));
    let error = |message: &str, at: &str| [(message.to_owned(), at.to_owned())];
    assert_eq!(
        key("spec: SM2, usage: SIGN_VERIFY"),
        error("AWS has keys of spec SM2 in the Regions of China only", "SM2")
    );
    let mut d = Diagnostics::default();
    let mut sources = Sources::new();
    let text = "stack: s\nkeys: {a: {spec: SM2, usage: SIGN_VERIFY}}";
    let number = sources.add("a.yaml", text);
    let mut loaded = from_sources(sources, &[number], &BTreeMap::new(), &mut d);
    let china = Surroundings { region: "cn-north-1".parse().unwrap(), ..here() };
    assert!(loaded.resolve(&china).0.is_some());
    for (spec, usage) in [
        ("ML_KEM_512", "ENCAPSULATE_DECAPSULATE"),
        ("ML_KEM_768", "ENCAPSULATE_DECAPSULATE"),
        ("ML_KEM_1024", "ENCAPSULATE_DECAPSULATE"),
    ] {
        assert_eq!(key(&format!("spec: {spec}, usage: {usage}")), []);
        let stored = format!(
            "spec: {spec}, usage: {usage}, origin: AWS_CLOUDHSM, custom_key_store_id: cks-1"
        );
        assert_eq!(key(&stored), error("a key of this spec cannot be in a custom key store", spec));
    }
    let external = |id: &str| {
        key(&format!("origin: EXTERNAL_KEY_STORE, custom_key_store_id: cks-1, xks_key_id: '{id}'"))
    };
    assert_eq!(external("a-B_9.x"), []);
    for id in ["a/b", &"x".repeat(129)] {
        let message = format!("`{id}` is not the id of a key in an external key store");
        assert_eq!(external(id)[0].0, message);
    }
    let store = "c".repeat(65);
    let found = key(&format!("origin: AWS_CLOUDHSM, custom_key_store_id: {store}"));
    assert_eq!(found, error("the id of a key store cannot have 65 characters", &store));
}

#[test]
fn grants_have_the_principals_and_constraints_that_aws_accepts() {
    let grant = |rest: &str| {
        messages(&format!("keys: {{a: {{grants: {{g: {{operations: [Decrypt], {rest}}}}}}}}}"))
    };
    let source = "constraints: {source_arn: 'arn:aws:dynamodb:eu-west-1:111122223333:table/t'}";
    assert_eq!(
        grant(&format!("grantee: dynamodb.amazonaws.com, retiring: root, {source}")),
        [""; 0]
    );
    assert_eq!(
        grant(&format!(
            "grantee: dynamodb.amazonaws.com, retiring: dynamodb.amazonaws.com, {source}"
        )),
        [""; 0]
    );
    assert_eq!(grant(&format!("grantee: role/x, {source}")), [""; 0]);
    assert_eq!(
        grant("grantee: dynamodb.amazonaws.com"),
        [
            "a grant for `dynamodb.amazonaws.com` needs a `source_arn`",
            "a grant for `dynamodb.amazonaws.com` needs `retiring`"
        ]
    );
    for arn in ["arn:aws:s3:::bucket", "table/t", "arn:aws:dynamodb:eu-west-1:111122223333:"] {
        let found = grant(&format!("grantee: role/x, constraints: {{source_arn: '{arn}'}}"));
        assert_eq!(found, [format!("`{arn}` is not the ARN of a source")]);
    }
    let long = format!("role/{}/x", "p".repeat(260));
    for name in ["role/a!b/x", &long] {
        let found = grant(&format!("grantee: '{name}'"));
        assert_eq!(found, [format!("`{name}` cannot be a principal of a grant")]);
        let found = grant(&format!("grantee: role/x, retiring: '{name}'"));
        assert_eq!(found, [format!("`{name}` cannot be a principal of a grant")]);
    }
}

#[test]
fn a_version_that_aws_will_upgrade_is_a_warning() {
    let report = |rest: &str| {
        let text = format!(
            "stack: s\n{KEY}rds: {{instances: {{db: {{key: a, engine: postgres, {rest}, \
             instance_class: db.m5.large, allocated_storage_gib: 100, master_password: managed, \
             master_username: owner}}}}}}"
        );
        all(&[("a.yaml", &text)], &[]).1
    };
    for rest in
        ["engine_version: '16.3'", "engine_version: '16.3', auto_minor_version_upgrade: true"]
    {
        let report = report(rest);
        assert!(
            report.contains("warning: the database will not stay at version `16.3`"),
            "{report}"
        );
        assert!(
            report.contains("write `16`, or set `auto_minor_version_upgrade: false`"),
            "{report}"
        );
    }
    for rest in
        ["engine_version: '16'", "engine_version: '16.3', auto_minor_version_upgrade: false"]
    {
        assert_eq!(report(rest), "");
    }
}

#[test]
fn storage_is_what_its_type_accepts() {
    let instance = |engine: &str, rest: &str| {
        messages(&format!(
            "{KEY}rds: {{instances: {{db: {{key: a, engine: {engine}, instance_class: db.m5.large, \
             master_password: managed, master_username: dbadmin, {rest}}}}}}}"
        ))
    };
    for (engine, good) in [
        ("mysql", "allocated_storage_gib: 20, storage_type: gp3"),
        (
            "mysql",
            "allocated_storage_gib: 399, storage_type: gp3, iops: 3000, storage_throughput: 125",
        ),
        (
            "mysql",
            "allocated_storage_gib: 400, storage_type: gp3, iops: 12000, storage_throughput: 500",
        ),
        ("oracle-ee", "allocated_storage_gib: 200, storage_type: gp3, iops: 12000"),
        (
            "sqlserver-se",
            "allocated_storage_gib: 20, storage_type: gp3, iops: 4000, storage_throughput: 200",
        ),
        ("mysql", "allocated_storage_gib: 100, storage_type: io1, iops: 1000"),
        ("mysql", "allocated_storage_gib: 100, storage_type: io2, iops: 1000"),
    ] {
        assert_eq!(instance(engine, good), [""; 0], "{engine} {good}");
    }
    for (engine, bad, message) in [
        (
            "mysql",
            "allocated_storage_gib: 399, storage_type: gp3, iops: 4000",
            "the `iops` of 399 GiB of `gp3` is always 3000",
        ),
        (
            "mysql",
            "allocated_storage_gib: 100, storage_type: gp3, storage_throughput: 200",
            "the `storage_throughput` of 100 GiB of `gp3` is always 125",
        ),
        (
            "oracle-ee",
            "allocated_storage_gib: 199, storage_type: gp3, iops: 12000",
            "the `iops` of 199 GiB of `gp3` is always 3000",
        ),
        (
            "mysql",
            "allocated_storage_gib: 400, storage_type: gp3, iops: 11999",
            "11999 is too low for 400 GiB of `gp3`",
        ),
        ("mysql", "allocated_storage_gib: 100, storage_type: io1", "`io1` needs `iops`"),
        (
            "mysql",
            "allocated_storage_gib: 100, storage_type: gp2, iops: 1000",
            "storage of type `gp2` has no `iops`",
        ),
        (
            "mysql",
            "allocated_storage_gib: 100, storage_type: io1, iops: 1000, storage_throughput: 200",
            "storage of type `io1` has no `storage_throughput`",
        ),
        (
            "mysql",
            "allocated_storage_gib: 400, storage_throughput: 500",
            "`storage_throughput` needs a storage type",
        ),
        (
            "mysql",
            "allocated_storage_gib: 99, storage_type: io1, iops: 1000",
            "99 GiB of `io1` are not possible",
        ),
        (
            "mysql",
            "allocated_storage_gib: 100, storage_type: io1, iops: 5001",
            "5001 I/O operations are not possible for 100 GiB of `io1`",
        ),
        (
            "mysql",
            "allocated_storage_gib: 100, storage_type: gp4",
            "`gp4` is not a storage type of this engine",
        ),
    ] {
        assert_eq!(instance(engine, bad), [message], "{engine} {bad}");
    }
}

#[test]
fn the_primary_region_is_one_of_the_key() {
    let key = |rest: &str| errors(&format!("keys: {{a: {{region: eu-west-1, {rest}}}}}"));
    let two = "multi_region: true, replicas: {eu-west-2: {}}";
    assert_eq!(key(&format!("{two}, primary_region: eu-west-1")), []);
    assert_eq!(key(&format!("{two}, primary_region: eu-west-2")), []);
    let error = |message: &str, at: &str| [(message.to_owned(), at.to_owned())];
    assert_eq!(
        key(&format!("{two}, primary_region: eu-west-3")),
        error("the key has no replica in `eu-west-3`", "eu-west-3")
    );
    assert_eq!(
        key("primary_region: eu-west-1"),
        error("the key is not a multi-Region key", "eu-west-1")
    );
    assert_eq!(
        key(&format!("{two}, primary_region: west")),
        error("`west` is not a Region", "west")
    );
}

#[test]
fn requests_through_services_have_both_endings_where_aws_does_not_say_which() {
    let policy = |region: &str, partition: &str| {
        let text = format!(
            "stack: s\nkeys: {{a: {{policy: {{}}}}}}\ns3: {{buckets: {{b: {{existing: logs-1, key: a, \
             used_by: ['arn:{partition}:iam::111122223333:role/App']}}}}}}"
        );
        let mut d = Diagnostics::default();
        let mut sources = Sources::new();
        let number = sources.add("a.yaml", text);
        let mut loaded = from_sources(sources, &[number], &BTreeMap::new(), &mut d);
        let home = Surroundings { region: region.parse().unwrap(), ..here() };
        let (desired, d) = loaded.resolve(&home);
        let desired = desired.unwrap_or_else(|| panic!("{region}: {d:?}"));
        desired.resources[&"key/a".parse().unwrap()]
            .spec
            .as_key()
            .unwrap()
            .policy
            .clone()
            .unwrap()
            .to_json()
    };
    for (region, partition, values) in [
        ("eu-west-1", "aws", r#""kms:ViaService":"s3.eu-west-1.amazonaws.com""#),
        ("us-gov-west-1", "aws-us-gov", r#""kms:ViaService":"s3.us-gov-west-1.amazonaws.com""#),
        (
            "cn-north-1",
            "aws-cn",
            r#""kms:ViaService":["s3.cn-north-1.amazonaws.com","s3.cn-north-1.amazonaws.com.cn"]"#,
        ),
        (
            "eusc-de-east-1",
            "aws-eusc",
            r#""kms:ViaService":["s3.eusc-de-east-1.amazonaws.com","s3.eusc-de-east-1.amazonaws.eu"]"#,
        ),
    ] {
        let policy = policy(region, partition);
        assert!(policy.contains(values), "{policy}");
    }
}
