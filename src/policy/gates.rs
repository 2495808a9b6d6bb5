//! Gates: what no policy may allow, and what no change may do. For pipelines, where nobody reads every plan.
//!
//! A gate is passed only where that is certain: access that is possible, or not known, does not pass.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::access::{Certainty, Holder, Home, KeyContext, access_table, compare};
use super::actions::ActionSet;
use super::eval::{Decision, Key, Principal, Source, ask};
use super::grants::Grant;
use super::meaning::Meaning;
use super::{AccessChange, Document, Effect};

/// What is demanded of every key of a stack.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gates {
    /// No policy allows more than this one.
    pub reference: Option<Document>,
    /// Nobody of these has any of those actions.
    pub forbidden: Vec<Forbidden>,
    /// Besides the key's own account, only these have access: no other account, and not the public.
    pub accounts: Option<BTreeSet<String>>,
    /// How many principals may lose access to one key by one change.
    pub removals: Option<usize>,
}

/// Access that must not be given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forbidden {
    /// ARNs of users and roles, services; `*` for everybody but those whom the key's account's IAM policies allow.
    pub principals: BTreeSet<String>,
    /// Actions and patterns of actions, such as `kms:Put*`.
    pub actions: BTreeSet<String>,
}

/// A gate that is not passed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Breach {
    /// The gate, as the configuration names it.
    pub gate: &'static str,
    /// Why, with the statement or the grant.
    pub message: String,
}

/// A key's policy and grants, before and after a change.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// The key.
    pub key: &'a KeyContext,
    /// What the policy is, where there is one.
    pub before: Option<&'a Document>,
    /// What it would be.
    pub after: &'a Document,
    /// The policy that the base of the change has for this key, where it has one.
    pub base: Option<&'a Document>,
    /// The grants that would be beside it.
    pub grants: &'a [Grant],
}

impl Gates {
    /// Whether nothing is demanded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The gates that the policy and the grants do not pass, whatever they were before.
    #[must_use]
    pub fn standing(&self, judged: Judged<'_>) -> BTreeSet<Breach> {
        let mut out = BTreeSet::new();
        if let Some(reference) = &self.reference {
            beyond("reference", "the reference policy", reference, judged, &mut out);
        }
        for forbidden in &self.forbidden {
            forbidden.judge(judged, &mut out);
        }
        if let Some(accounts) = &self.accounts {
            strangers(accounts, judged, &mut out);
        }
        out
    }

    /// The gates that a policy does not pass of which nothing is known; `based` says whether it has a
    /// base.
    #[must_use]
    pub fn unknown(&self, based: bool) -> BTreeSet<Breach> {
        let gates = [
            ("reference", self.reference.is_some()),
            ("forbidden", !self.forbidden.is_empty()),
            ("accounts", self.accounts.is_some()),
            ("removals", self.removals.is_some()),
            ("base", based),
        ];
        let asked = gates.into_iter().filter(|(_, asked)| *asked);
        asked.map(|(gate, _)| not_known(gate, "what the policy will be")).collect()
    }

    /// The gates that the change does not pass.
    #[must_use]
    pub fn changing(&self, judged: Judged<'_>) -> BTreeSet<Breach> {
        let mut out = BTreeSet::new();
        if let Some(base) = judged.base {
            beyond("base", "the base", base, judged, &mut out);
        }
        if let Some(most) = self.removals
            && judged.before.is_some()
        {
            out.extend(losers(most, judged));
        }
        out
    }
}

/// What the policy and the grants allow that `limit` does not.
fn beyond(
    gate: &'static str,
    what: &str,
    limit: &Document,
    judged: Judged<'_>,
    out: &mut BTreeSet<Breach>,
) {
    let comparison = compare(Some(limit), Some(judged.after), judged.key, &[]);
    for change in comparison.changes.iter().filter(|change| change.effect == Effect::Gained) {
        let message = format!("{}, which {what} does not give", gain(change));
        out.insert(Breach { gate, message });
    }
    if comparison.open {
        out.insert(not_known(gate, &format!("whether it gives more than {what}")));
    }
    for grant in judged.grants {
        for operation in &grant.operations {
            let action = format!("kms:{operation}");
            let asked = asked(&limit.meaning(), &[], judged.key, &grant.grantee, &action);
            if !matches!(asked, Some(Decision::Allowed(_) | Decision::Delegated(_))) {
                let (who, source) = (&grant.grantee, through(Some(grant.label()), &[]));
                let message = format!("{who} gets {action}{source}, which {what} does not give");
                out.insert(Breach { gate, message });
            }
        }
    }
}

/// More principals than may lose access by one change.
fn losers(most: usize, judged: Judged<'_>) -> Option<Breach> {
    let comparison = compare(judged.before, Some(judged.after), judged.key, &[]);
    let lost = comparison.changes.iter().filter(|change| change.effect == Effect::Lost);
    let names: BTreeSet<&str> = lost.map(|change| change.principal.as_str()).collect();
    if names.len() > most {
        let count = names.len();
        let names: Vec<&str> = names.into_iter().collect();
        let message = format!("{count} lose access, at most {most} may: {}", names.join(", "));
        return Some(Breach { gate: "removals", message });
    }
    comparison.open.then(|| not_known("removals", "how many lose access"))
}

fn not_known(gate: &'static str, what: &str) -> Breach {
    Breach { gate, message: format!("{what} is not known") }
}

fn gain(change: &AccessChange) -> String {
    let may = if change.certainty == Certainty::Certain { "gets" } else { "may get" };
    let mut text = format!("{} {may} {}", change.principal, change.actions.join(", "));
    if let Some(condition) = &change.condition {
        let _ = write!(text, " when {condition}");
    }
    text + &through(None, &change.statements)
}

/// What somebody has access through: a grant, or statements, by their labels.
fn through(grant: Option<&str>, statements: &[String]) -> String {
    if let Some(grant) = grant {
        return format!(" through the grant {grant}");
    }
    let name = |label: &String| match label.starts_with('#') {
        true => label.clone(),
        false => format!("\"{label}\""),
    };
    let names: Vec<String> = statements.iter().map(name).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => format!(" through the statement {one}"),
        several => format!(" through the statements {}", several.join(", ")),
    }
}

/// What is decided of a request; `None` where it cannot be asked.
fn asked(
    meaning: &Meaning,
    grants: &[Grant],
    key: &KeyContext,
    who: &str,
    action: &str,
) -> Option<Decision> {
    let account = key.account.as_deref()?;
    let key = Key { partition: &key.partition, account, arn: key.arn.as_deref() };
    ask(meaning, &key, grants, Principal::parse(who, key.partition).ok()?, action)
}

/// What any of the patterns matches.
fn matching(patterns: impl IntoIterator<Item = impl AsRef<str>>) -> ActionSet {
    let each = patterns.into_iter().map(|pattern| ActionSet::matching(pattern.as_ref()));
    each.fold(ActionSet::NONE, ActionSet::or)
}

impl Forbidden {
    fn judge(&self, judged: Judged<'_>, out: &mut BTreeSet<Breach>) {
        let meaning = judged.after.meaning();
        let actions = matching(&self.actions);
        for who in self.principals.iter().filter(|who| *who != "*") {
            for action in actions.iter() {
                out.extend(one(who, &format!("kms:{}", action.name), &meaning, judged));
            }
        }
        if !self.principals.contains("*") {
            return;
        }
        match access_table(judged.after, judged.grants, judged.key) {
            Some(table) => out.extend(table.iter().filter_map(|holder| {
                let hit = matching(&holder.actions).and(actions);
                forbidden(holder, hit, judged.key)
            })),
            None => drop(out.insert(not_known("forbidden", "who has access"))),
        }
    }
}

/// Whoever has some of the forbidden actions, but for those whom IAM policies of the key's own account allow them.
fn forbidden(holder: &Holder, hit: ActionSet, key: &KeyContext) -> Option<Breach> {
    let root = key.account.as_deref().map(|account| format!(":iam::{account}:root"));
    if hit.is_empty() || root.is_some_and(|root| holder.principal.ends_with(&root)) {
        return None;
    }
    let hit: Vec<String> = hit.iter().map(|action| format!("kms:{}", action.name)).collect();
    let source = through(holder.grant.as_deref(), &holder.statements);
    let message = format!("{} is allowed {}{source}", holder.principal, hit.join(", "));
    Some(Breach { gate: "forbidden", message })
}

/// Whether somebody has an action, and through which statement or grant.
fn one(who: &str, action: &str, meaning: &Meaning, judged: Judged<'_>) -> Option<Breach> {
    let Judged { after, grants, key, .. } = judged;
    let Some(decision) = asked(meaning, grants, key, who, action) else {
        return Some(not_known("forbidden", &format!("whether {who} has {action}")));
    };
    let (word, sources) = match decision {
        Decision::Allowed(source) => ("is allowed", vec![source]),
        Decision::Unknown(open) => {
            ("may be allowed", open.into_iter().map(|open| open.source).collect())
        }
        // IAM decides in the key's own account; elsewhere the other account does.
        Decision::Delegated(rule) if !own(who, key) => ("may be allowed", vec![Source::Rule(rule)]),
        Decision::Delegated(_) | Decision::Denied(_) | Decision::IamOnly => return None,
    };
    let (mut statements, mut grant) = (Vec::new(), None);
    for source in sources {
        match source {
            Source::Rule(n) => {
                statements.extend(meaning.rules.get(n).map(|rule| after.label(rule)));
            }
            Source::Grant(n) => grant = grant.or(grants.get(n).map(Grant::label)),
            Source::Document => {}
        }
    }
    let message = format!("{who} {word} {action}{}", through(grant, &statements));
    Some(Breach { gate: "forbidden", message })
}

fn own(who: &str, key: &KeyContext) -> bool {
    who.split(':').nth(4) == key.account.as_deref()
}

/// Access of the public, and of accounts that are not listed.
fn strangers(accounts: &BTreeSet<String>, judged: Judged<'_>, out: &mut BTreeSet<Breach>) {
    let Some(table) = access_table(judged.after, judged.grants, judged.key) else {
        out.insert(not_known("accounts", "who has access"));
        return;
    };
    let own = judged.key.account.as_deref();
    for holder in table {
        let what = match holder.home() {
            _ if holder.public => "the public".to_owned(),
            Home::AnyAccount => "an account that is not named".to_owned(),
            Home::Account(account) if Some(account) != own && !accounts.contains(account) => {
                format!("the account {account}")
            }
            Home::Account(_) | Home::NoAccount => continue,
        };
        let source = through(holder.grant.as_deref(), &holder.statements);
        let message = format!("{what} has access ({}){source}", holder.principal);
        out.insert(Breach { gate: "accounts", message });
    }
}
