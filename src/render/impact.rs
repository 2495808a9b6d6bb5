//! Renders the impact of losing a key. All text is safe for a terminal.

use super::Style;
use super::page::{DIM, YELLOW, put};
use crate::impact::{Dependant, Impact, NEVER_LISTED, Scanned};
use crate::text::counted;
use crate::text::wrapped;

/// Renders the report.
#[must_use]
pub(crate) fn report(key: &str, impact: &Impact, style: &Style) -> String {
    let mut out = String::new();
    let mut say = |indent: usize, color: Option<&str>, text: &str| {
        for (at, text) in wrapped(text, indent, 2, style.width) {
            put(&mut out, at, style.paint(color), &text);
        }
    };
    match impact.dependants.len() {
        0 => say(0, None, &format!("No resource was found that depends on {key}.")),
        n => {
            let verb = if n == 1 { "depends" } else { "depend" };
            say(0, Some(YELLOW), &format!("{} {verb} on {key}:", counted(n, "resource")));
        }
    }
    for dependant in &impact.dependants {
        let Dependant { id, held_by, .. } = dependant;
        let noun = dependant.noun();
        let holder = held_by.as_ref().map(|by| format!(", held by {by}")).unwrap_or_default();
        say(2, None, &format!("{noun} {id}{holder}"));
    }
    if let Some(usage) = &impact.last_usage {
        let since = usage.recorded_since.as_deref().unwrap_or("an unknown day");
        let text = match (&usage.when, &usage.operation) {
            (Some(when), Some(operation)) => format!("Last used {when}, for {operation}."),
            (Some(when), None) => format!("Last used {when}."),
            (None, _) => format!("KMS has recorded no use since {since}, when it began to record."),
        };
        say(0, None, &text);
    }
    let scanned: Vec<String> = impact.scanned.iter().map(Scanned::words).collect();
    let scanned = scanned.join(", ");
    say(0, Some(DIM), &format!("Checked in the Region of the key: {scanned}."));
    for unseen in &impact.unseen {
        say(0, Some(YELLOW), &format!("Could not check: {} ({}).", unseen.nouns(), unseen.why));
    }
    say(0, Some(DIM), &format!("Never checked: {NEVER_LISTED}."));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::impact::{LastUsage, Unseen};

    #[test]
    fn a_report_lists_what_was_not_checked() {
        let style = Style { color: false, verbose: false, width: 70 };
        let mut impact = Impact::default();
        impact.scanned.insert(Scanned { what: "ebs_volume".to_owned(), count: 3 });
        impact
            .unseen
            .insert(Unseen { what: "es_domain".to_owned(), why: "denied\u{1b}[2J".into() });
        let nothing = report("key/a", &impact, &style);
        assert!(
            !nothing.contains("safe") && nothing.contains("Could not check: OpenSearch domains")
        );
        assert!(!nothing.contains('\u{1b}'), "{nothing}");
        impact.dependants.insert(Dependant {
            what: "grant".to_owned(),
            id: "g1".to_owned(),
            held_by: Some("rds.eu-west-1.amazonaws.com".to_owned()),
            service: None,
        });
        impact.last_usage = Some(LastUsage {
            when: Some("2026-11-20T10:00:00Z".to_owned()),
            seconds: None,
            operation: Some("Decrypt".to_owned()),
            recorded_since: None,
        });
        insta::assert_snapshot!(report("key/a", &impact, &style), @r"
        1 resource depends on key/a:
          grant g1, held by rds.eu-west-1.amazonaws.com
        Last used 2026-11-20T10:00:00Z, for Decrypt.
        Checked in the Region of the key: 3 EBS volumes.
        Could not check: OpenSearch domains (denied\u{1b}[2J).
        Never checked: other accounts and Regions, other services (S3 objects,
          Secrets Manager, Systems Manager, SNS, SQS, CloudWatch Logs, Lambda,
          ECR, EKS, Kinesis, MSK, Backup, Athena, Redshift and others),
          backups, and data that applications encrypted themselves.
        ");
    }
}
