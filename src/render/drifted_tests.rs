//! Tests of the differences between AWS and the records.

use super::samples::{drifts, empty};
use super::{Caller, Style, human, markdown};
use crate::kind::address::Address;
use crate::kind::{ConsumerKind, Kind};
use crate::plan::{Drift, Drifts, FieldChange, Finding, Happened};
use crate::policy::lint::Severity;
use serde_json::json;

#[test]
fn what_somebody_may_depend_on_stands_out_in_a_drift_report() {
    let drift = |kind, name: &str, happened, fields: &[(&str, serde_json::Value)]| Drift {
        address: Address::new(kind, name),
        happened,
        fields: fields
            .iter()
            .map(|(path, after)| FieldChange {
                path: (*path).to_owned(),
                before: json!("x"),
                after: after.clone(),
            })
            .collect(),
        ignored: None,
    };
    let mut plan = empty();
    plan.drift = vec![
        drift(
            Kind::Key,
            "a",
            Happened::Changed,
            &[("deletion", json!("2027-01-31T09:00:00Z")), ("enabled", json!(false))],
        ),
        drift(Kind::Key, "b", Happened::Deleted, &[("description", json!(null))]),
        drift(
            Kind::Consumer(ConsumerKind::EbsVolume),
            "data",
            Happened::Deleted,
            &[("size_gib", json!(null))],
        ),
        drift(Kind::Grant, "a/job", Happened::Deleted, &[("grantee", json!(null))]),
    ];
    let text = human::plan(&plan, &Caller::default(), &Style::default());
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    for line in [
        "! pending deletion on 2027-01-31: nobody can use the key",
        "! disabled: nobody can use the key",
        "! does not exist: what it encrypted cannot be decrypted",
        "! does not exist",
        "! does not exist: revoked or retired, so its access has ended",
        "grantee: \"x\"",
    ] {
        assert!(lines.contains(&line), "{line}: {text}");
    }
    assert!(!text.contains("size_gib") && !text.contains("description"), "{text}");
    let comment = markdown::plan(&plan, &Caller::default());
    assert_eq!(comment.matches(": **").count(), 5, "{comment}");
}

/// The text is the only place that names what no longer works.
#[test]
fn a_drift_report_names_every_resource_and_what_a_key_was_for() {
    let volume = |n: usize| Address::new(Kind::Consumer(ConsumerKind::EbsVolume), format!("v{n}"));
    let finding = |n: usize| Finding {
        severity: Severity::Error,
        rule: "unusable".to_owned(),
        address: volume(n),
        message: "`key/a` is pending deletion".to_owned(),
    };
    let usage =
        FieldChange { path: "usage".to_owned(), before: json!("SIGN_VERIFY"), after: json!(null) };
    let drift = Drift {
        address: Address::new(Kind::Key, "sign"),
        happened: Happened::Deleted,
        fields: vec![usage],
        ignored: None,
    };
    let findings = (0..30).map(finding).collect();
    let drifts = Drifts { findings, ..drifts(vec![drift]) };
    let text =
        human::drifts(&drifts, &Caller::default(), &Style { width: 900, ..Style::default() });
    assert!((0..30).all(|n| text.contains(&format!("ebs_volume/v{n}"))), "{text}");
    assert!(text.contains("! does not exist: the key cannot sign anything\n"), "{text}");
}
