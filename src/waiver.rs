//! Waivers: findings that are accepted until a day. An expired waiver is a finding itself.

use crate::kind::address::Address;
use crate::policy::Finding;
use crate::policy::lint::{Rule, other_rules};
use crate::tree::Span;
use std::collections::{BTreeMap, BTreeSet};

/// A finding that the configuration accepts until a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiver {
    /// The waived rule.
    pub rule: &'static Rule,
    /// The address of the resource.
    pub address: Address,
    /// The reason that the configuration gives.
    pub reason: String,
    /// The last day on which the waiver applies, such as `2027-01-31`.
    pub until: String,
    /// The position of the declaration.
    pub span: Span,
}

/// A finding, and the waiver that applies to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The address of the resource.
    pub address: Address,
    /// The finding.
    pub finding: Finding,
    /// The reason of the waiver and its last day; `None` if the finding is not waived.
    pub waived: Option<String>,
}

/// Applies the waivers to the findings. `today` is a day such as `2027-01-31`. Waivers that have
/// expired and waivers that match no finding are added as findings.
#[must_use]
pub fn judge(findings: &[(Address, Finding)], waivers: &[Waiver], today: &str) -> Vec<Judged> {
    let holds = |waiver: &&Waiver| waiver.until.as_str() >= today;
    let mut of: BTreeMap<(&str, &Address), Vec<&Waiver>> = BTreeMap::new();
    for waiver in waivers {
        of.entry((waiver.rule.id, &waiver.address)).or_default().push(waiver);
    }
    let found: BTreeSet<(&str, &Address)> =
        findings.iter().map(|(address, finding)| (finding.rule.id, address)).collect();
    let mut out: Vec<Judged> = findings
        .iter()
        .map(|(address, finding)| {
            let mut about = of.get(&(finding.rule.id, address)).into_iter().flatten().copied();
            let waived = about.find(holds).map(|w| format!("{}, until {}", w.reason, w.until));
            Judged { address: address.clone(), finding: finding.clone(), waived }
        })
        .collect();
    for waiver in waivers {
        let used = found.contains(&(waiver.rule.id, &waiver.address));
        let (rule, message) = match (used, holds(&waiver)) {
            (true, true) => continue,
            (true, false) => {
                let what = waiver.rule.id;
                (
                    &other_rules::LAPSED,
                    format!("the waiver of {what} expired after {}", waiver.until),
                )
            }
            (false, _) => {
                let (what, address) = (waiver.rule.id, &waiver.address);
                (
                    &other_rules::UNUSED,
                    format!("the waiver of {what} for `{address}` matches no finding"),
                )
            }
        };
        let finding = Finding::new(rule, waiver.span, message);
        out.push(Judged { address: waiver.address.clone(), finding, waived: None });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;
    use crate::policy::lint::rule;

    fn waiver(word: &str, name: &str, until: &str) -> Waiver {
        Waiver {
            rule: rule(word).unwrap(),
            address: Address::new(Kind::Key, name),
            reason: "known".to_owned(),
            until: until.to_owned(),
            span: Span::default(),
        }
    }

    #[test]
    fn a_waiver_applies_to_its_last_day_and_is_a_finding_after_it() {
        let public = Finding::new(rule("public").unwrap(), Span::default(), "x");
        let findings = [(Address::new(Kind::Key, "k"), public)];
        let told = |waiver: Waiver, today: &str| -> Vec<(&str, bool)> {
            let judged = judge(&findings, &[waiver], today);
            judged.iter().map(|j| (j.finding.rule.slug, j.waived.is_some())).collect()
        };
        let until = |day: &str| waiver("KMS301", "k", day);
        assert_eq!(told(until("2027-01-31"), "2027-01-31"), [("public", true)]);
        assert_eq!(
            told(until("2027-01-31"), "2027-02-01"),
            [("public", false), ("waiver-lapsed", false)]
        );
        let unused = [("public", false), ("waiver-unused", false)];
        assert_eq!(told(waiver("KMS301", "other", "2027-01-31"), "2027-01-31"), unused);
        assert_eq!(told(waiver("rotation-off", "k", "2020-01-31"), "2027-01-31"), unused);
    }
}
