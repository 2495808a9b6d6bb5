//! The rows of the matrix.

use super::Answer::{Blocked, Deleted, Forgotten, Found, Unseen};
use super::Edit::Removed;
use super::New::{Made, Refused, Same};
use super::{Row, Thing, existing};
use crate::consumers::{CASES, Case};
use crate::record::Record::{Lost, Old};
use kmsctl::kind::ConsumerKind;

/// Why a resource is not found whose Region neither the configuration nor the record names.
const REGION: &str = "only the Regions of the stack are searched";

const HEAD: &str = "stack: stack\nregion: eu-central-1\n";

/// Returns a row whose text has the place `X` for the resource.
fn row(
    name: &str,
    text: &str,
    (declared, removed, renamed): (&str, &str, &str),
    (old, new): (Thing, Thing),
    mention: &'static str,
) -> Row {
    let text = |part: &str| {
        let part = part.replace("BATCH", "{grantee: role/batch, operations: [Decrypt]}");
        format!("{HEAD}{}", text.replace("ARN", &existing().to_string()).replace('X', &part))
    };
    Row {
        name: name.to_owned(),
        old,
        new,
        mention,
        declared: text(declared),
        removed: text(removed),
        renamed: Some(text(renamed)),
        if_removed: [Deleted; 3],
        if_renamed: [(Deleted, Made); 3],
        differs: None,
    }
}

/// The access that a stack gives. Its marks are the names of grants and the Sids of statements, so a record
/// makes no difference. An alias has no mark.
pub(super) fn access() -> Vec<Row> {
    let table = "keys: {k: {POLICYaliases: [k]}}\ndynamodb: {tables: {tab: {partition_key: {name: id, \
                 type: S}, key: k, X}}}\n";
    let users =
        ("used_by: [role/one]", "used_by: [role/one], derive_policy: false", "used_by: [role/two]");
    let statements = (Thing::Statement("role/one"), Thing::Statement("role/two"));
    let theirs = "keys: {k: {existing: 'ARN'}}\ndynamodb: {tables: {tab: {partition_key: {name: id, type: \
                  S}, key: k, X}}}\n";
    // A key that is found by its tags, and whose policy gives more access than the declared one, is not taken
    // over without a word.
    let more_access = [Deleted, Blocked, Deleted];
    let with_new = [(Deleted, Made), (Blocked, Refused), (Deleted, Made)];
    let alias_without_record = [(Deleted, Made), (Found, Made), (Found, Made)];
    vec![
        row(
            "grant",
            "keys: {k: {grants: {X}}}\n",
            ("batch: BATCH", "", "other: BATCH"),
            (Thing::Grant("k/batch"), Thing::Grant("k/other")),
            "grant/k/batch",
        ),
        row(
            "grant on a key of another owner",
            "keys: {k: {existing: 'ARN', grants: {X}}}\n",
            ("batch: BATCH", "", "other: BATCH"),
            (Thing::Grant("k/batch"), Thing::Grant("k/other")),
            "grant/k/batch",
        ),
        // AWS does not show who created an alias.
        row(
            "alias",
            "keys: {k: {aliases: [X]}}\n",
            ("one", "", "two"),
            (Thing::Alias("alias/one"), Thing::Alias("alias/two")),
            "alias/one",
        )
        .removed([Deleted, Found, Found])
        .renamed(alias_without_record),
        row(
            "second alias",
            "keys: {k: {aliases: [X]}}\n",
            ("main, one", "main", "main, two"),
            (Thing::Alias("alias/one"), Thing::Alias("alias/two")),
            "alias/one",
        )
        .removed([Deleted, Found, Found])
        .renamed(alias_without_record),
        // The other aliases of such a key are those of its owner.
        row(
            "alias of a key of another owner",
            "keys: {k: {existing: 'ARN', aliases: [X]}}\n",
            ("one", "", "two"),
            (Thing::Alias("alias/one"), Thing::Alias("alias/two")),
            "alias/one",
        )
        .removed([Deleted, Unseen, Unseen])
        .renamed([(Deleted, Made), (Unseen, Made), (Unseen, Made)]),
        row(
            "derived statement in a policy of the stack",
            &table.replace("POLICY", "policy: {}, "),
            users,
            statements,
            "key/k",
        )
        .removed(more_access)
        .renamed(with_new),
        row(
            "derived statement in a shared policy",
            &table.replace("POLICY", ""),
            users,
            statements,
            "key/k",
        )
        .removed(more_access)
        .renamed(with_new)
        .differs(
            &[Old],
            &[Removed],
            Unseen,
            "a policy to which the stack adds nothing is not read",
        ),
        row(
            "derived statement in the policy of another owner",
            theirs,
            users,
            statements,
            "key_policy/k",
        )
        .differs(
            &[Lost, Old],
            &[Removed],
            Unseen,
            "a policy to which the stack adds nothing is not read",
        ),
    ]
}

/// Keys and replicas. Without a record, a key that is not declared may still be in use: it is a finding, and
/// is not deleted although it may have been unprotected.
pub(super) fn keys() -> Vec<Row> {
    let mut rows = Vec::new();
    for protect in ["true", "false"] {
        let kept = if protect == "true" { Blocked } else { Deleted };
        let key =
            |name: &str, more: &str| format!("keys: {{{name}: {{protect: {protect}{more}}}}}\n");
        for (what, more) in
            [("description", ", description: d"), ("alias", ", aliases: [x]"), ("nothing else", "")]
        {
            rows.push(
                row(
                    &format!("key with {what}, protect: {protect}"),
                    "X",
                    (&key("k", more), "", &key("n", more)),
                    (Thing::Key("k"), Thing::Key("n")),
                    "key/k",
                )
                .removed([kept, Found, Found])
                // What looks like the same key is never made again.
                .renamed([(Blocked, Refused); 3]),
            );
        }
        let user = |name: &str| {
            format!(
                "keys: {{{name}: {{protect: {protect}}}}}\ndynamodb: {{tables: {{orders: {{protect: {protect}, \
                 partition_key: {{name: id, type: S}}, key: {name}}}}}}}\n"
            )
        };
        rows.push(
            row(
                &format!("key of a table, protect: {protect}"),
                "X",
                (&user("k"), "", &user("n")),
                (Thing::Key("k"), Thing::Key("n")),
                "key/k",
            )
            .removed([kept, Found, Found])
            .renamed([(Blocked, Refused); 3]),
        );
        let replica = |region: &str| format!("{region}: {{protect: {protect}}}");
        rows.push(
            row(
                &format!("replica, protect: {protect}"),
                "keys: {m: {multi_region: true, replicas: {X}}}\n",
                (&replica("eu-west-1"), "", &replica("eu-west-2")),
                (Thing::Key("m/eu-west-1"), Thing::Key("m/eu-west-2")),
                "key/m/eu-west-1",
            )
            .removed([kept, Found, Found])
            // A key that is found by its tags only must have no undeclared replica.
            .renamed([(kept, Made), (Found, Refused), (Found, Made)]),
        );
        rows.push(
            row(
                &format!("key in a Region of its own, protect: {protect}"),
                "X",
                (&key("k", ", region: eu-west-1"), "", &key("n", ", region: eu-west-1")),
                (Thing::Key("k"), Thing::Key("n")),
                "key/k",
            )
            .removed([kept, Found, Found])
            .renamed([(Blocked, Refused); 3])
            .differs(&[Lost, Old], &[Removed], Unseen, REGION),
        );
    }
    rows
}

/// The name of each resource in its case.
fn name(case: &Case) -> &'static str {
    match case.kind {
        ConsumerKind::CloudtrailTrail => "audit",
        ConsumerKind::CloudtrailEventDataStore => "lake",
        ConsumerKind::DynamodbTable | ConsumerKind::RdsInstance => "orders",
        ConsumerKind::EbsVolume => "data",
        ConsumerKind::EfsFileSystem => "shared",
        ConsumerKind::EsDomain => "logs",
        ConsumerKind::RdsCluster => "ledger",
        ConsumerKind::EbsDefault | ConsumerKind::S3Bucket => panic!("kmsctl does not create it"),
    }
}

/// The consumers. Without a record, one that is not declared is a finding, and keeps its data and the
/// statements that it needs. The settings of what kmsctl does not create carry no mark.
pub(super) fn consumers() -> Vec<Row> {
    let mut rows = Vec::new();
    for protect in ["true", "false"] {
        let kept = if protect == "true" { Blocked } else { Deleted };
        for case in CASES {
            let kind = case.kind;
            let users = match kind {
                ConsumerKind::DynamodbTable | ConsumerKind::EbsVolume => ", used_by: [role/one]",
                _ => "",
            };
            let text = case.text.replace("PROTECT", &format!("protect: {protect}{users}"));
            let old = name(case);
            // The statement of a trail names the trail. While the old one stays, it is not replaced.
            let unrecorded = match kind {
                ConsumerKind::CloudtrailTrail => (Found, Refused),
                _ => (Found, Made),
            };
            let recorded = match (kept, unrecorded) {
                (Blocked, (_, new)) => (Blocked, new),
                _ => (kept, Made),
            };
            let new: &'static str = String::leak(format!("{old}2"));
            let mention: &'static str = String::leak(format!("{}/{old}", kind.as_str()));
            let buckets = text.replace("bucket: logs", "bucket: others");
            rows.push(
                row(
                    &format!("{}, protect: {protect}", kind.as_str()),
                    "keys: {a: {policy: {}, aliases: [a]}}\nX",
                    (&buckets, "", &buckets.replace(old, new)),
                    (Thing::Consumer(kind, old), Thing::Consumer(kind, new)),
                    mention,
                )
                .removed([kept, Found, Found])
                .renamed([recorded, unrecorded, unrecorded]),
            );
        }
    }
    let table = |name: &str| {
        format!(
            "{name}: {{region: eu-west-1, partition_key: {{name: id, type: S}}, key: null, protect: false}}"
        )
    };
    let kind = ConsumerKind::DynamodbTable;
    rows.push(
        row(
            "table in a Region of its own",
            "keys: {a: {policy: {}}}\ndynamodb: {tables: {X}}\n",
            (&table("orders"), "", &table("more")),
            (Thing::Consumer(kind, "orders"), Thing::Consumer(kind, "more")),
            "dynamodb_table/orders",
        )
        .removed([Deleted, Found, Found])
        .renamed([(Deleted, Made), (Found, Made), (Found, Made)])
        .differs(&[Lost, Old], &[Removed], Unseen, REGION),
    );
    let bucket = |name: &str| format!("s3: {{buckets: {{{name}: {{existing: mine, key: a}}}}}}\n");
    rows.push(
        row(
            "s3_bucket",
            "keys: {a: {policy: {}}}\nX",
            (&bucket("one"), "", &bucket("two")),
            (Thing::Setting(ConsumerKind::S3Bucket), Thing::Setting(ConsumerKind::S3Bucket)),
            "s3_bucket/one",
        )
        .removed([Forgotten, Unseen, Unseen])
        .renamed([(Forgotten, Same), (Unseen, Same), (Unseen, Same)]),
    );
    let mut default = row(
        "ebs_default",
        "keys: {a: {policy: {}}}\nX",
        ("ebs: {default: {key: a, encryption: true}}\n", "", ""),
        (Thing::Setting(ConsumerKind::EbsDefault), Thing::Setting(ConsumerKind::EbsDefault)),
        "ebs_default",
    )
    .removed([Forgotten, Unseen, Unseen]);
    // It has no name.
    default.renamed = None;
    rows.push(default);
    rows
}
