//! Tests of the forms of findings.

use std::path::Path;

use super::lint::{Found, Region, json, rules, rules_json};
use super::sarif::sarif;
use crate::policy::lint::{RULES, rule};

fn found(word: &str, message: &str, line: usize) -> Found {
    let rule = rule(word).unwrap();
    Found {
        rule,
        message: message.to_owned(),
        help: rule.help.to_owned(),
        address: Some("key/storage".to_owned()),
        region: Some(Region {
            file: "/checkout/stacks/a b.yaml".to_owned(),
            line,
            column: 5,
            end_line: line,
            end_column: 20,
        }),
        waived: None,
    }
}

fn log(found: &[Found]) -> serde_json::Value {
    serde_json::from_str(&sarif(found, Path::new("/checkout"))).unwrap()
}

#[track_caller]
fn assert_valid(log: &serde_json::Value) {
    let text = include_str!("../../tests/data/sarif-schema-2.1.0.json");
    let schema: serde_json::Value = serde_json::from_str(text).unwrap();
    let url = schema["$id"].as_str().unwrap().to_owned();
    let mut compiler = boon::Compiler::new();
    compiler.enable_format_assertions();
    compiler.add_resource(&url, schema).unwrap();
    let mut schemas = boon::Schemas::new();
    let index = compiler.compile(&url, &mut schemas).unwrap();
    if let Err(error) = schemas.validate(log, index) {
        panic!("{error:#}");
    }
}

#[test]
fn sarif_is_valid_and_complete() {
    assert_valid(&log(&[]));
    let mut waived = found("rotation-off", "the key does not rotate", 3);
    waived.waived = Some("known, until 2027-01-31".to_owned());
    let mut live = found("public", "anyone", 1);
    live.region = None;
    let log = log(&[waived, live, found("action-unknown", "there is no action `kms:\u{1b}x`", 7)]);
    assert_valid(&log);
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), RULES.len());
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 3);
    let place = &results[1]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "stacks/a%20b.yaml");
    assert_eq!(place["region"]["startLine"], 7);
    assert_eq!(
        results[0]["locations"][0]["logicalLocations"][0]["fullyQualifiedName"],
        "key/storage"
    );
    assert_eq!(results[2]["suppressions"][0]["justification"], "known, until 2027-01-31");
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
    }
}

#[test]
fn the_schema_rejects_other_documents() {
    let mut log = log(&[found("public", "anyone", 1)]);
    log["runs"][0]["results"][0]["level"] = serde_json::json!("bad");
    let valid = std::panic::catch_unwind(|| assert_valid(&log));
    assert!(valid.is_err());
}

#[test]
fn fingerprints_do_not_depend_on_lines_and_distinguish_results() {
    let prints = |found: &[Found]| -> Vec<serde_json::Value> {
        let log = log(found);
        let results = log["runs"][0]["results"].as_array().unwrap();
        results
            .iter()
            .map(|r| r["partialFingerprints"]["primaryLocationLineHash"].clone())
            .collect()
    };
    let (a, b) = (found("public", "anyone", 1), found("public", "anyone", 90));
    assert_eq!(prints(std::slice::from_ref(&a)), prints(std::slice::from_ref(&b)));
    let two = prints(&[a, b]);
    assert_ne!(two[0], two[1]);
}

#[test]
fn the_limits_of_code_scanning_are_kept() {
    let long = "x".repeat(5_000);
    let many: Vec<Found> = (0..6_000).map(|line| found("no-alias", &long, line + 1)).collect();
    let mut all = many;
    all.push(found("public", "anyone", 1));
    let log = log(&all);
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 5_000);
    assert_eq!(results[0]["ruleId"], "KMS301");
    assert!(results[1]["message"]["text"].as_str().unwrap().chars().count() <= 1_024);
    for rule in log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap() {
        assert!(rule["properties"]["tags"].as_array().unwrap().len() <= 20);
    }
}

#[test]
fn json_counts_and_marks_waived_findings() {
    let mut waived = found("public", "anyone", 1);
    waived.waived = Some("known".to_owned());
    let text = json(&[waived, found("rotation-off", "the key does not rotate", 2)]);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        value["summary"],
        serde_json::json!({"error": 0, "warning": 1, "note": 0, "waived": 1})
    );
    assert_eq!(value["findings"][0]["waived"], "known");
    assert_eq!(value["findings"][1]["line"], 2);
}

#[test]
fn the_table_contains_every_rule_once() {
    for width in [40, 80, 100] {
        let table = rules(width);
        for rule in RULES {
            let (id, slug, word) = (rule.id, rule.slug, rule.severity.word());
            let head = format!("{id}  {word:<7}  {slug}");
            assert_eq!(table.lines().filter(|line| line.starts_with(&head)).count(), 1, "{head}");
        }
        assert!(width == 40 || table.lines().all(|line| line.chars().count() <= width), "{table}");
    }
}

#[test]
fn the_json_of_the_rules_explains_each_rule() {
    let value: serde_json::Value = serde_json::from_str(&rules_json()).unwrap();
    let all = value["rules"].as_array().unwrap();
    assert_eq!(all.len(), RULES.len());
    for (described, rule) in all.iter().zip(RULES) {
        assert_eq!(described["id"], rule.id);
        for text in ["name", "severity", "finds", "why", "fix"] {
            assert!(!described[text].as_str().unwrap().is_empty(), "{}: {text}", rule.id);
        }
        assert_eq!(described["equivalents"].as_array().unwrap().len(), rule.crosswalk.len());
        assert!(!described["sources"].as_array().unwrap().is_empty(), "{}", rule.id);
    }
}
