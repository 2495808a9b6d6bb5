//! Groups findings for people: a rule that many resources break is one line. All text is safe for a terminal.

use crate::plan::Finding;
use crate::policy::lint::{Severity, rule};
use crate::text::{printable, some_of};
use std::collections::BTreeMap;

/// The largest number of addresses that a line names.
const MOST_NAMED: usize = 4;
/// The largest number of messages of one rule that are shown one by one.
const MOST_MESSAGES: usize = 3;

/// One finding.
#[derive(Clone, Debug)]
pub(crate) struct Item<'a> {
    /// The id of the rule.
    pub(crate) rule: &'a str,
    /// The severity.
    pub(crate) severity: Severity,
    /// The address of the resource.
    pub(crate) address: String,
    /// The message.
    pub(crate) message: &'a str,
    /// The help; may be empty.
    pub(crate) help: &'a str,
}

/// Findings of one rule that are shown together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group<'a> {
    /// The id of the rule.
    pub(crate) rule: &'a str,
    /// The severity.
    pub(crate) severity: Severity,
    /// The addresses, sorted.
    pub(crate) addresses: Vec<String>,
    /// The message, without the addresses.
    pub(crate) message: String,
    /// The help; may be empty.
    pub(crate) help: String,
    /// The index of the first finding.
    pub(crate) first: usize,
}

/// Groups findings by rule and message. A rule with many messages is one group with the title of the rule. Errors come
/// first, then the order is that of the findings.
pub(crate) fn groups<'a>(items: &[Item<'a>]) -> Vec<Group<'a>> {
    let mut by_rule: BTreeMap<&str, Vec<Group<'a>>> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        let of_rule = by_rule.entry(item.rule).or_default();
        match of_rule.iter_mut().find(|group| group.message == item.message) {
            Some(group) => group.addresses.push(item.address.clone()),
            None => of_rule.push(Group {
                rule: item.rule,
                severity: item.severity,
                addresses: vec![item.address.clone()],
                message: item.message.to_owned(),
                help: item.help.to_owned(),
                first: index,
            }),
        }
    }
    let mut out: Vec<Group<'a>> = by_rule.into_values().flat_map(merged).collect();
    for group in &mut out {
        group.addresses.sort();
        group.addresses.dedup();
    }
    out.sort_by_key(|group| (group.severity, group.first));
    out
}

/// Merges the groups of one rule if they have too many messages.
fn merged(groups: Vec<Group<'_>>) -> Vec<Group<'_>> {
    let Some(first) = groups.first().filter(|_| groups.len() > MOST_MESSAGES) else {
        return groups;
    };
    let Ok(rule) = rule(first.rule) else {
        return groups;
    };
    // Each says what AWS has, such as a grant, and no other command shows more.
    if rule.is_about_aws() {
        return groups;
    }
    vec![Group {
        message: rule.title.to_owned(),
        help: format!("{} (`kmsctl lint` shows each finding)", rule.help),
        addresses: groups.iter().flat_map(|group| group.addresses.clone()).collect(),
        ..first.clone()
    }]
}

/// Groups the findings of a plan or drift report.
pub(super) fn of_plan(findings: &[Finding]) -> Vec<Group<'_>> {
    let items: Vec<Item<'_>> = findings
        .iter()
        .map(|finding| Item {
            rule: &finding.rule,
            severity: finding.severity,
            address: finding.address.to_string(),
            message: &finding.message,
            help: "",
        })
        .collect();
    groups(&items)
}

impl Group<'_> {
    /// Returns groups of at most `most` addresses each.
    pub(super) fn parts(&self, most: usize) -> impl Iterator<Item = Self> {
        let some = self.addresses.chunks(most);
        some.map(|addresses| Self { addresses: addresses.to_vec(), ..self.clone() })
    }

    /// Returns the severity and the rule, such as `error[KMS301]`.
    pub(super) fn head(&self) -> String {
        printable(&format!("{}[{}]", self.severity.word(), self.rule)).into_owned()
    }

    /// Returns the addresses and the message. `all` names every address.
    pub(crate) fn text(&self, all: bool) -> String {
        if let [only] = self.addresses.as_slice() {
            return printable(&format!("{only}: {}", self.message)).into_owned();
        }
        let count = self.addresses.len();
        let shown = if all || count <= MOST_NAMED + 1 { count } else { MOST_NAMED };
        let names = some_of(&self.addresses, shown);
        let what = if self.addresses.iter().all(|address| address.starts_with("key/")) {
            "keys"
        } else {
            "resources"
        };
        printable(&format!("{count} {what}: {} ({names})", self.message)).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(messages: &[(&'static str, &'static str)]) -> Vec<Item<'static>> {
        let item = |(n, (rule, message)): (usize, &(&'static str, &'static str))| Item {
            rule,
            severity: super::rule(rule).map_or(Severity::Warning, |rule| rule.severity),
            address: format!("key/k{n}"),
            message,
            help: "do so",
        };
        messages.iter().enumerate().map(item).collect()
    }

    fn told(messages: &[(&'static str, &'static str)], all: bool) -> Vec<String> {
        let groups = groups(&items(messages));
        groups.iter().map(|group| format!("{} {}", group.head(), group.text(all))).collect()
    }

    #[test]
    fn a_rule_on_many_keys_is_one_line_and_errors_come_first() {
        let mut all = vec![("KMS601", "the key does not rotate"); 7];
        all.insert(3, ("KMS301", "public"));
        assert_eq!(
            told(&all, false),
            [
                "error[KMS301] key/k3: public",
                "warning[KMS601] 7 keys: the key does not rotate (key/k0, key/k1, key/k2, key/k4 and 3 more)",
            ]
        );
        assert!(
            told(&all, true)[1]
                .ends_with("(key/k0, key/k1, key/k2, key/k4, key/k5, key/k6, key/k7)")
        );
    }

    #[test]
    fn different_messages_are_shown_until_there_are_too_many() {
        let three = [("KMS210", "a"), ("KMS210", "b"), ("KMS210", "c"), ("KMS210", "c")];
        assert_eq!(told(&three, false).len(), 3);
        let many = [("KMS210", "a"), ("KMS210", "b"), ("KMS210", "c"), ("KMS210", "d")];
        let one = told(&many, false);
        assert_eq!(one.len(), 1);
        assert!(one[0].starts_with("warning[KMS210] 4 keys: A session is named"), "{one:?}");
        // Without a title, each message is shown.
        let other = [("x", "a"), ("x", "b"), ("x", "c"), ("x", "d")];
        assert_eq!(told(&other, false).len(), 4);
    }
}
