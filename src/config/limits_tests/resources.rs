//! Tests of the tables, domains, file systems, volumes, buckets and trails that AWS accepts.

use super::{KEY, errors, messages};
use proptest::prelude::*;

fn taken(text: &str) {
    assert_eq!(messages(&format!("{KEY}{text}")), [""; 0], "{text}");
}

fn refused(text: &str, message: &str, at: &str) {
    let text = format!("{KEY}{text}");
    assert_eq!(errors(&text), [(message.to_owned(), at.to_owned())], "{text}");
}

#[test]
fn tables_have_two_named_attributes_and_capacities_above_zero() {
    let table = |rest: &str| format!("dynamodb: {{tables: {{orders: {{key: a, {rest}}}}}}}");
    let key = |name: &str| format!("partition_key: {{name: '{name}', type: S}}");
    taken(&table(&key(&"n".repeat(255))));
    taken(&table(&key(&"ü".repeat(255))));
    let long = "n".repeat(256);
    let message = "the name of a key attribute cannot have 256 characters";
    assert_eq!(messages(&format!("{KEY}{}", table(&key(&long)))), [message]);
    refused(&table(&key("")), "the name of a key attribute cannot have 0 characters", "''");
    let sorted = |name: &str| format!("{}, sort_key: {{name: {name}, type: N}}", key("id"));
    taken(&table(&sorted("Id")));
    refused(&table(&sorted("id")), "`id` is the partition key already", "{name: id, type: N");
    let billing = |text: &str| table(&format!("{}, billing: {{{text}}}", key("id")));
    taken(&billing("mode: provisioned, read_capacity: 1, write_capacity: 1"));
    taken(&billing("mode: pay_per_request"));
    let none = "a capacity of 0 is not possible";
    refused(&billing("mode: provisioned, read_capacity: 0, write_capacity: 1"), none, "0");
    refused(&billing("mode: provisioned, read_capacity: 1, write_capacity: 0"), none, "0");
    let message = "`pay_per_request` has no capacity";
    refused(&billing("mode: pay_per_request, write_capacity: 7"), message, "7");
}

#[test]
fn domains_have_a_subnet_for_each_zone_and_volumes_of_a_size() {
    let domain = |rest: &str| {
        format!("es: {{domains: {{logs: {{key: a, engine_version: OpenSearch_2.11, {rest}}}}}}}")
    };
    let vpc = |zones: &str, subnets: &str| {
        domain(&format!("instance_count: 6, {zones}vpc: {{subnets: [{subnets}]}}"))
    };
    let (one, two, three) = ("subnet-1", "subnet-1, subnet-2", "subnet-1, subnet-2, subnet-3");
    let (in_two, in_three) = ("zone_awareness: {zones: 2}, ", "zone_awareness: {zones: 3}, ");
    for (zones, subnets) in [
        (in_two, two),
        (in_three, three),
        ("zone_awareness: null, ", one),
        // The zones of a domain that exists may be known to AWS only.
        ("", one),
        ("", two),
    ] {
        taken(&vpc(zones, subnets));
    }
    for (zones, subnets, message) in [
        (in_two, one, "a domain in 2 zones has 2 subnets, not 1"),
        (in_two, three, "a domain in 2 zones has 2 subnets, not 3"),
        (in_three, two, "a domain in 3 zones has 3 subnets, not 2"),
        (in_two, "subnet-1, subnet-1", "a domain in 2 zones has 2 subnets, not 1"),
        ("zone_awareness: null, ", two, "a domain in one zone has one subnet, not 2"),
        ("", "", "a VPC needs a subnet"),
        ("", "subnet-1, subnet-2, subnet-3, subnet-4", "4 subnets are not possible"),
    ] {
        let found = errors(&format!("{KEY}{}", vpc(zones, subnets)));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, message);
        assert!(found[0].1.starts_with(&format!("[{subnets}")), "{found:?}");
    }
    for good in [
        "volume_type: gp3, volume_size_gib: 10, iops: 3000, throughput: 125",
        "volume_type: gp2, volume_size_gib: 24576",
        "instance_type: i3.large.search",
        "instance_type: r7g.large.search, volume_size_gib: 20",
    ] {
        taken(&domain(good));
    }
    for (bad, message, at) in [
        ("volume_type: gp3, volume_size_gib: 9", "a volume of 9 GiB is not possible", "9"),
        (
            "volume_type: gp3, volume_size_gib: 10, iops: 2999",
            "`iops` of a volume of type `gp3` cannot be 2999",
            "2999",
        ),
        (
            "volume_type: gp3, volume_size_gib: 10, throughput: 124",
            "`throughput` of a volume of type `gp3` cannot be 124",
            "124",
        ),
        ("volume_type: gp2, iops: 3000", "volumes of type `gp2` have no `iops`", "3000"),
        (
            "instance_type: i3.large.search, volume_size_gib: 20",
            "instances of type `i3.large.search` have no volumes",
            "20",
        ),
        (
            "instance_type: r6gd.large.search, volume_type: gp3",
            "instances of type `r6gd.large.search` have no volumes",
            "gp3",
        ),
        (
            "dedicated_master: {type: m7g.large.search, count: 4}",
            "4 dedicated masters are not possible",
            "4",
        ),
    ] {
        refused(&domain(bad), message, at);
    }
    let named = |name: &str| {
        let text = domain("instance_count: 1");
        messages(&format!("{KEY}{}", text.replace("logs", name)))
    };
    for name in ["abc", "a-1", &"d".repeat(28)] {
        assert_eq!(named(name), [""; 0], "{name}");
    }
    for name in ["ab", "1ab", "Abc", "a_b", &"d".repeat(29)] {
        assert_eq!(named(name), [format!("`{name}` is not the name of a domain")]);
    }
}

#[test]
fn file_systems_and_volumes_are_in_a_zone_of_their_region() {
    let system = |rest: &str| format!("efs: {{file_systems: {{f: {{key: a, {rest}}}}}}}");
    let volume = |rest: &str| format!("ebs: {{volumes: {{v: {{key: a, size_gib: 8, {rest}}}}}}}");
    for text in [system, volume] {
        taken(&text("availability_zone: ap-northeast-2a"));
        taken(&text("availability_zone: ap-northeast-2-wl1-sel-wlz-1a"));
        for zone in ["eu-central-1a", "ap-northeast-2", "apne2-az1", "ap-northeast-21"] {
            let message = format!("`{zone}` is not an Availability Zone of ap-northeast-2");
            refused(&text(&format!("availability_zone: {zone}")), &message, zone);
        }
    }
    let message = "`provisioned` needs a throughput";
    refused(&system("throughput_mode: provisioned"), message, "provisioned");
    let mode = "throughput_mode: provisioned, provisioned_throughput: ";
    for throughput in [1, 1024, 3414, 10_000] {
        taken(&system(&format!("{mode}{throughput}")));
    }
    refused(&system(&format!("{mode}0")), "a throughput of 0 MiB/s is not possible", "0");
    let text = "efs: {file_systems: {f: {key: a, existing: f-01234567}}}";
    refused(text, "`f-01234567` is not the id of a file system", "f-01234567");
    let target = |subnet: &str| system(&format!("mount_targets: [{{subnet: {subnet}}}]"));
    taken(&target("subnet-0123456789abcdef0"));
    for subnet in ["sg-01234567", "subnet-", "subnet-private"] {
        refused(&target(subnet), &format!("`{subnet}` is not the id of a subnet"), subnet);
    }
}

#[test]
fn volumes_have_the_size_and_the_speed_of_their_type() {
    let volume = |rest: &str| {
        format!("ebs: {{volumes: {{v: {{key: a, availability_zone: ap-northeast-2a, {rest}}}}}}}")
    };
    for (kind, least, most) in [
        ("gp2", 1, 16_384),
        ("gp3", 1, 65_536),
        ("io1, iops: 100", 4, 16_384),
        ("io2, iops: 100", 4, 65_536),
        ("st1", 125, 16_384),
        ("sc1", 125, 16_384),
        ("standard", 1, 1024),
    ] {
        let word = kind.split(',').next().unwrap();
        for size in [least, most] {
            taken(&volume(&format!("size_gib: {size}, type: {kind}")));
        }
        for size in [least - 1, most + 1] {
            let message = format!("`size_gib` of a volume of type {word} cannot be {size}");
            let text = volume(&format!("size_gib: {size}, type: {kind}"));
            let found = errors(&format!("{KEY}{text}"));
            assert_eq!(found[0], (message, size.to_string()), "{text}");
        }
    }
    for kind in ["io1, iops: 100", "io2, iops: 100"] {
        taken(&volume(&format!("size_gib: 8, multi_attach: true, type: {kind}")));
    }
    for kind in ["gp2", "gp3"] {
        let message = format!("a volume of type {kind} has no `multi_attach`");
        let text = volume(&format!("size_gib: 8, multi_attach: true, type: {kind}"));
        refused(&text, &message, "true");
    }
    // A new volume is a gp2 volume without a type, and a gp3 volume has 3,000 IOPS without `iops`.
    taken(&volume("size_gib: 16384"));
    let message = "`size_gib` of a volume without a `type` cannot be 16385";
    refused(&volume("size_gib: 16385"), message, "16385");
    taken(&volume("size_gib: 8, type: gp3, throughput: 750"));
    let message = "a throughput of 751 MiB/s is too much for the 3000 IOPS of a new volume";
    refused(&volume("size_gib: 8, type: gp3, throughput: 751"), message, "751");
    let given = "existing: vol-0123456789abcdef0, key: a";
    taken(&format!("ebs: {{volumes: {{v: {{{given}}}}}}}"));
}

#[test]
fn buckets_have_the_names_that_s3_accepts() {
    let bucket = |name: &str| format!("s3: {{buckets: {{b: {{existing: '{name}', key: a}}}}}}");
    let trail =
        |name: &str| format!("cloudtrail: {{trails: {{org: {{key: a, bucket: '{name}'}}}}}}");
    let longest = "b".repeat(255);
    for name in [
        "logs",
        "a.b-c",
        "192.168.5.4x",
        "1.2.3",
        "my_logs",
        "My_Logs_",
        "xn-logs",
        "s3alias",
        &longest,
    ] {
        taken(&bucket(name));
        taken(&trail(name));
    }
    for name in [
        "ab",
        "-logs",
        "logs.",
        "a..b",
        "192.168.5.4",
        "xn--logs",
        "sthree-logs",
        "sthree-configurator",
        "amzn-s3-demo-bucket",
        "logs-s3alias",
        "logs--ol-s3",
        "logs.mrap",
        "logs--use1-az4--x-s3",
        "logs--table-s3",
        "arn:aws:s3:::logs",
    ] {
        let message = format!("`{name}` is not the name of a bucket");
        refused(&bucket(name), &message, &format!("'{name}'"));
        refused(&trail(name), &message, &format!("'{name}'"));
    }
}

/// Returns a trail with these selectors.
fn trail(selectors: &str) -> String {
    format!("cloudtrail: {{trails: {{org: {{key: a, bucket: logs-1, {selectors}}}}}}}")
}

#[test]
fn event_selectors_have_the_numbers_and_values_that_cloudtrail_accepts() {
    let basic = |count: usize, values: usize| {
        let values: Vec<String> = (0..values).map(|n| format!("'arn:aws:s3:::b{n}/'")).collect();
        let one = format!(
            "{{data_resources: [{{type: 'AWS::S3::Object', values: [{}]}}]}}",
            values.join(", ")
        );
        trail(&format!("event_selectors: [{}]", vec![one; count].join(", ")))
    };
    taken(&basic(5, 50));
    assert_eq!(messages(&format!("{KEY}{}", basic(6, 1))), ["6 event selectors are not possible"]);
    assert_eq!(messages(&format!("{KEY}{}", basic(5, 51))), ["255 data resources are too many"]);
    let resource = |kind: &str, value: &str| {
        trail(&format!(
            "event_selectors: [{{data_resources: [{{type: '{kind}', values: ['{value}']}}]}}]"
        ))
    };
    for (kind, value) in [
        ("AWS::S3::Object", "arn:aws:s3"),
        ("AWS::S3::Object", "arn:aws-cn:s3:::logs/"),
        ("AWS::Lambda::Function", "arn:aws:lambda"),
        ("AWS::DynamoDB::Table", "arn:aws:dynamodb:eu-west-1:111122223333:table/t"),
    ] {
        taken(&resource(kind, value));
    }
    for (kind, value) in [
        ("AWS::S3::Object", "logs/"),
        ("AWS::S3::Object", "arn:aws:lambda"),
        ("AWS::Lambda::Function", "f"),
        ("AWS::DynamoDB::Table", "arn:aws:s3:::t"),
    ] {
        let message = format!("`{value}` is not the beginning of an ARN of {kind}");
        refused(&resource(kind, value), &message, &format!("'{value}'"));
    }
    let both = "event_selectors: [{}], advanced_event_selectors: [{field_selectors: [{field: \
                eventCategory, equals: [Management]}]}]";
    assert_eq!(
        messages(&format!("{KEY}{}", trail(both))),
        ["`advanced_event_selectors` and `event_selectors` exclude each other"]
    );
}

#[test]
fn advanced_event_selectors_have_the_fields_that_cloudtrail_accepts() {
    let advanced = |fields: &str| {
        trail(&format!("advanced_event_selectors: [{{field_selectors: [{fields}]}}]"))
    };
    let found = |fields: &str| messages(&format!("{KEY}{}", advanced(fields)));
    let data = "{field: eventCategory, equals: [Data]}";
    let kind = "{field: resources.type, equals: ['AWS::S3::Object']}";
    let values = |count: usize| {
        let all: Vec<String> = (0..count).map(|n| format!("e{n}")).collect();
        format!("{data}, {kind}, {{field: eventName, equals: [{}]}}", all.join(", "))
    };
    for good in [
        "{field: eventCategory, equals: [Management]}",
        "{field: eventCategory, equals: [Management]}, {field: readOnly, equals: ['true']}",
        &format!("{data}, {kind}, {{field: resources.ARN, starts_with: ['arn:aws:s3:::a/']}}"),
        "{field: eventCategory, equals: [NetworkActivity]}, {field: eventSource, equals: [s3.amazonaws.com]}",
        &values(498),
    ] {
        taken(&advanced(good));
    }
    for (bad, message) in [
        (kind, "a selector must name the category of its events"),
        (data, "a selector of data events must name the type of the resources"),
        (
            "{field: eventCategory, equals: [Data, Management]}",
            "`eventCategory` has one value, with `equals`",
        ),
        (
            "{field: eventCategory, not_equals: [Data]}",
            "`eventCategory` has one value, with `equals`",
        ),
        (
            "{field: eventCategory, equals: [Management]}, {field: readOnly, equals: ['yes']}",
            "`readOnly` is `true` or `false`",
        ),
        (
            "{field: eventCategory, equals: [Management]}, {field: event-name, equals: [x]}",
            "`event-name` is not a field of events",
        ),
        (
            "{field: eventCategory, equals: [Management]}, {field: eventName, equals: ['']}",
            "a value of the condition on `eventName` is empty or too long",
        ),
        (
            "{field: eventCategory, equals: [Management]}, {field: eventName}",
            "the condition on `eventName` has no value",
        ),
        (&values(499), "501 values are too many"),
    ] {
        assert_eq!(found(bad), [message], "{bad}");
    }
    let store = |count: usize| {
        let all: Vec<String> = (0..count)
            .map(|n| format!("{{name: n{n}, field_selectors: [{{field: eventCategory, equals: [Management]}}]}}"))
            .collect();
        let selectors = format!("[{}]", all.join(", "));
        let text = format!(
            "cloudtrail: {{event_data_stores: {{lake: {{key: a, advanced_event_selectors: {selectors}}}}}}}"
        );
        messages(&format!("{KEY}{text}"))
    };
    assert_eq!(store(5), [""; 0]);
    assert_eq!(store(6), ["6 selectors are too many"]);
}

#[test]
fn event_data_stores_keep_events_for_days_and_are_in_their_region() {
    let store =
        |rest: &str| format!("cloudtrail: {{event_data_stores: {{lake: {{key: a, {rest}}}}}}}");
    for days in [7, 2557, 3653] {
        taken(&store(&format!("retention_days: {days}")));
    }
    for days in [6, 3654] {
        let text = store(&format!("retention_days: {days}"));
        refused(&text, &format!("{days} is out of range"), &days.to_string());
    }
    let arn = |region: &str, account: &str| {
        format!("'arn:aws:cloudtrail:{region}:{account}:eventdatastore/0123'")
    };
    let existing = |arn: &str| store(&format!("existing: {arn}"));
    taken(&existing(&arn("ap-northeast-2", "111122223333")));
    let there = arn("eu-west-1", "111122223333");
    let message = "the store is in eu-west-1, but it is declared in ap-northeast-2";
    refused(&existing(&there), message, &there);
    let other = arn("ap-northeast-2", "444455556666");
    let message = "the store is in account 444455556666, which is not the stack's";
    refused(&existing(&other), message, &other);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// S3 User Guide, "General purpose bucket naming rules".
    #[test]
    fn names_of_buckets_follow_the_rules_of_s3(name in "[a-z0-9.-]{2,6}(-s3alias|--ol-s3|xn--|\\.\\.)?[a-z0-9]{0,3}") {
        let is_end = |c: char| c.is_ascii_alphanumeric();
        let accepted = (3..=63).contains(&name.len())
            && name.starts_with(is_end)
            && name.ends_with(is_end)
            && !name.contains("..")
            && !name.starts_with("xn--")
            && !name.ends_with("-s3alias")
            && !name.ends_with("--ol-s3")
            && name.parse::<std::net::Ipv4Addr>().is_err();
        let text = format!("{KEY}s3: {{buckets: {{b: {{existing: '{name}', key: a}}}}}}");
        prop_assert_eq!(messages(&text).is_empty(), accepted, "{}", name);
    }
}
