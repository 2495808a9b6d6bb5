//! Tests of the names that AWS accepts, and accepts once.

use super::{KEY, errors, messages};

#[test]
fn each_name_of_aws_is_declared_once() {
    let twice = |text: &str, name: &str| {
        let text = format!("{KEY}{text}");
        let expected = [(format!("`{name}` is declared twice"), name.to_owned())];
        assert_eq!(errors(&text), expected, "{text}");
    };
    let once = |text: &str| assert_eq!(messages(&format!("{KEY}{text}")), [""; 0], "{text}");
    let instance = "{key: a, engine: mysql, instance_class: db.m5.large, allocated_storage_gib: 20, \
                    master_username: dbadmin, master_password: managed}";
    let cluster = |member: &str| {
        format!(
            "{{key: a, engine: aurora-mysql, master_username: dbadmin, master_password: managed, \
             members: {{{member}: {{instance_class: db.r6g.large}}}}}}"
        )
    };
    let (one, two) = (cluster("db-1"), cluster("db-2"));
    twice(&format!("rds: {{instances: {{db-1: {instance}}}, clusters: {{c: {one}}}}}"), "db-1");
    twice(&format!("rds: {{clusters: {{c: {one}, d: {one}}}}}"), "db-1");
    once(&format!("rds: {{instances: {{c: {instance}}}, clusters: {{c: {one}, d: {two}}}}}"));
    // An instance and a cluster have names of their own, and so has each Region.
    let there = one.replace("{key: a,", "{key: b, region: eu-west-1,");
    let keys = "keys: {a: {policy: {}}, b: {region: eu-west-1, policy: {}}}";
    assert_eq!(messages(&format!("{keys}\nrds: {{clusters: {{c: {one}, d: {there}}}}}")), [""; 0]);

    let tables = "dynamodb: {tables: {orders: {key: a, partition_key: {name: id, type: S}}, \
                  other: {existing: orders, key: a}}}";
    twice(tables, "orders");
    once(&tables.replace("existing: orders", "existing: Orders"));
    let domain = "engine_version: OpenSearch_2.11";
    twice(
        &format!("es: {{domains: {{logs: {{key: a, {domain}}}, x: {{existing: logs, key: a}}}}}}"),
        "logs",
    );
    twice(
        "cloudtrail: {trails: {org: {key: a, bucket: logs-1}, x: {existing: org, key: a}}}",
        "org",
    );
    twice(
        "ebs: {volumes: {v: {existing: vol-01, key: a}, w: {existing: vol-01, key: a}}}",
        "vol-01",
    );
    let system = "fs-01234567";
    twice(
        &format!(
            "efs: {{file_systems: {{f: {{existing: {system}, key: a}}, g: {{existing: {system}, key: a}}}}}}"
        ),
        system,
    );
    // The name of a bucket is unique in all Regions.
    let buckets = "s3: {buckets: {b: {existing: logs-1, key: a}, c: {existing: logs-1, key: b, region: eu-west-1}}}";
    let found = errors(&format!("{keys}\n{buckets}"));
    assert_eq!(found, [("`logs-1` is declared twice".to_owned(), "logs-1".to_owned())]);

    let arn = "arn:aws:kms:ap-northeast-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    for (first, second) in [("existing", "existing"), ("adopt", "existing"), ("adopt", "adopt")] {
        let keys = format!("keys: {{a: {{{first}: '{arn}'}}, b: {{{second}: '{arn}'}}}}");
        assert_eq!(messages(&keys), [format!("`{arn}` is declared twice")], "{keys}");
    }
    let id = "0123456789abcdef";
    let grant = format!("{{grantee: role/x, operations: [Decrypt], adopt: '{id}'}}");
    let grants = format!("keys: {{a: {{policy: {{}}, grants: {{g: {grant}, h: {grant}}}}}}}");
    assert_eq!(messages(&grants), [format!("`{id}` is declared twice")]);
}
