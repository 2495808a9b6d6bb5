//! Findings that are known and wanted for a while: waivers, and what of them has lapsed.

use crate::address::Address;
use crate::policy::Finding;
use crate::policy::lint::{Rule, beside};
use crate::tree::Span;

/// What somebody decided to live with, why, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiver {
    /// The rule that is waived.
    pub rule: &'static Rule,
    /// For what.
    pub address: Address,
    /// Why.
    pub reason: String,
    /// The last day, as `2027-01-31`.
    pub until: String,
    /// Where it is declared.
    pub span: Span,
}

/// A finding, and whether it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Whose.
    pub address: Address,
    /// What.
    pub finding: Finding,
    /// Why it does not count.
    pub waived: Option<String>,
}

/// Applies the waivers of the day, `2027-01-31`. Those that lapsed and those that waive nothing are findings themselves.
#[must_use]
pub fn judge(findings: &[(Address, Finding)], waivers: &[Waiver], today: &str) -> Vec<Judged> {
    let is_about = |waiver: &&Waiver, address: &Address, finding: &Finding| {
        waiver.rule == finding.rule && waiver.address == *address
    };
    let holds = |waiver: &&Waiver| waiver.until.as_str() >= today;
    let mut out: Vec<Judged> = findings
        .iter()
        .map(|(address, finding)| {
            let found = waivers.iter().filter(|w| is_about(w, address, finding)).find(holds);
            let waived = found.map(|w| format!("{}, until {}", w.reason, w.until));
            Judged { address: address.clone(), finding: finding.clone(), waived }
        })
        .collect();
    for waiver in waivers {
        let used = findings.iter().any(|(address, finding)| is_about(&waiver, address, finding));
        let (rule, message) = match (used, holds(&waiver)) {
            (true, true) => continue,
            (true, false) => {
                let what = waiver.rule.id;
                (&beside::LAPSED, format!("the waiver of {what} lapsed on {}", waiver.until))
            }
            (false, _) => (&beside::UNUSED, format!("nothing breaks {} here", waiver.rule.id)),
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
    fn a_waiver_holds_to_its_last_day_and_is_told_of_after_it() {
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
