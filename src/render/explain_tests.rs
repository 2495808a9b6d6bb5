//! Tests of the explanations.

use std::collections::BTreeSet;

use super::rules::ids;
use super::*;
use crate::config::schema;

fn explained(topic: &str) -> String {
    explain(topic, &schema(), 80).unwrap_or_else(|unknown| panic!("{topic}: {unknown:?}"))
}

#[test]
fn every_rule_has_a_reason_a_fix_and_a_source() {
    let rules: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(ids(), rules, "the reasons, and the rules");
    for rule in RULES {
        let why = reason(rule).unwrap().why;
        assert!(why.len() > 40 && why.ends_with('.'), "{}: {why}", rule.id);
        assert!(!rule.help.is_empty(), "{}", rule.id);
        let sources = sources(rule);
        assert!(!sources.is_empty(), "{}", rule.id);
        for source in &sources {
            assert!(source.starts_with("https://docs.aws.amazon.com/"), "{}: {source}", rule.id);
        }
        assert_eq!(sources.len(), sources.iter().collect::<BTreeSet<_>>().len(), "{}", rule.id);
        let text = explained(rule.id);
        assert_eq!(text, explained(rule.slug));
        assert_eq!(text, explained(&rule.id.to_lowercase()));
        for part in ["What it finds:", "Why it matters:", "How to fix it:", "Sources:"] {
            assert!(text.contains(part), "{text}");
        }
    }
}

/// A section has the description of its field and that of its entries.
#[test]
fn the_description_of_an_entry_does_not_repeat_that_of_its_section() {
    let schema = schema();
    for field in sections::all(&schema) {
        let text = explain(&field.path, &schema, 100_000).unwrap();
        let described: Vec<&str> = text
            .split("\nFields:")
            .next()
            .unwrap_or_default()
            .lines()
            .skip(1)
            .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
            .collect();
        let [of_field, of_entry] = described.as_slice() else {
            continue;
        };
        assert!(!sections::is_like(of_entry, of_field), "{}: {text}", field.path);
    }
}

#[test]
fn no_line_of_a_list_is_outside_of_it() {
    for guide in GUIDES {
        let lines: Vec<&str> = guide.text.lines().collect();
        for pair in lines.windows(2) {
            assert!(!(pair[0].starts_with("- ") && pair[1].starts_with("  ")), "{pair:?}");
        }
    }
}

#[test]
fn a_section_is_explained_with_its_fields() {
    insta::assert_snapshot!(explained("dynamodb.tables.NAME.billing"), @r"
    dynamodb.tables.billing (section)

      The billing mode; default: `pay_per_request`.

    Fields:
      mode (one of pay_per_request, provisioned, required)
          The billing mode.
            `pay_per_request`: Each request is paid for.
            `provisioned`: Capacity is reserved and paid for, used or not.
      read_capacity (whole number)
          Read capacity units; with `provisioned` only.
      write_capacity (whole number)
          Write capacity units; with `provisioned` only.
      max_read_capacity (whole number)
          The read capacity up to which Application Auto Scaling may set it: the
          table is created with `read_capacity`, and every value between the two is
          accepted.
      max_write_capacity (whole number)
          The write capacity up to which Application Auto Scaling may set it.
    ");
}

#[test]
fn a_field_is_explained() {
    insta::assert_snapshot!(explained("rds.instances.backup_window"), @r"
    rds.instances.backup_window (text)

      The daily time for backups, in UTC, such as `03:00-03:30`.
    ");
}

#[test]
fn the_end_of_a_path_is_enough_if_it_is_unique() {
    assert_eq!(explained("grants"), explained("keys.grants"));
    assert_eq!(explained("keys.NAME.replicas.REGION"), explained("keys.replicas"));
    assert_eq!(explained("partition_key"), explained("dynamodb.tables.partition_key"));
    let several = explain("backup_window", &schema(), 80).unwrap_err();
    let paths = ["rds.instances.backup_window", "rds.clusters.backup_window"];
    let Unknown::Several(found) = several else { panic!("{several:?}") };
    assert_eq!(BTreeSet::from_iter(found), paths.map(str::to_owned).into());
}

#[test]
fn an_unknown_topic_is_reported_with_similar_ones() {
    let near = |topic: &str| match explain(topic, &schema(), 80) {
        Err(Unknown::NoTopic(near)) => near,
        other => panic!("{topic}: {other:?}"),
    };
    assert_eq!(near("KMS999").len(), SUGGESTIONS);
    assert_eq!(near("publc")[0], "public");
    assert_eq!(near("rds.instance")[0], "rds.instances");
    assert_eq!(near("owner-ship")[0], "ownership");
    assert!(near("backup_windw").contains(&"rds.instances.backup_window".to_owned()));
    assert!(near("qqqqq").is_empty());
    assert!(near("").is_empty());
}

#[test]
fn every_topic_is_explained_within_the_width() {
    let schema = schema();
    let mut names: Vec<String> = GUIDES.iter().map(|guide| guide.name.to_owned()).collect();
    names.extend(sections::all(&schema).iter().map(|field| field.path.clone()));
    assert!(names.len() > 300, "{}", names.len());
    for name in &names {
        let text = explain(name, &schema, 80).unwrap();
        let long = text.lines().find(|line| line.chars().count() > 80);
        assert!(long.is_none() || long.unwrap().split_whitespace().count() < 3, "{name}: {long:?}");
        assert!(text.lines().count() > 2, "{name}: {text}");
    }
    let slugs = RULES.iter().map(|rule| rule.slug.to_owned());
    let all: Vec<String> = names.into_iter().chain(slugs).collect();
    assert_eq!(all.len(), all.iter().collect::<BTreeSet<_>>().len(), "two topics of one name");
    let guides: Vec<&str> = GUIDES.iter().map(|guide| guide.name).collect();
    assert!(guides.is_sorted());
}

#[test]
fn every_field_is_described() {
    for field in sections::all(&schema()) {
        assert!(field.description().len() > 3, "{}", field.path);
    }
}

#[test]
fn the_topics_are_listed() {
    let list = topics(&schema(), 80);
    for name in ["ownership", "keys.policy", "gates.forbidden", "KMS301 public"] {
        assert!(list.contains(name), "{list}");
    }
}
