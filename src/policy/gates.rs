//! Gates: what no policy may allow, and what no change may do. For pipelines, where nobody reads every plan.
//!
//! A gate is passed only where that is certain: access that is possible, or not known, does not pass.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::access::{Certainty, Holder, KeyContext, access_table, compare};
use super::actions::{ActionSet, glob};
use super::eval::{Asked, Context, Decision, Key, Principal, Request, Source, decide};
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
            let changes = compare(judged.before, Some(judged.after), judged.key, &[]).changes;
            let losers: BTreeSet<String> = changes
                .into_iter()
                .filter(|change| change.effect == Effect::Lost)
                .map(|change| change.principal)
                .collect();
            if losers.len() > most {
                let names: Vec<&str> = losers.iter().map(String::as_str).collect();
                let message = format!(
                    "{} lose access, at most {most} may: {}",
                    names.len(),
                    names.join(", ")
                );
                out.insert(Breach { gate: "removals", message });
            }
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
    if comparison.changes.is_empty() && comparison.access == super::access::SameAccess::Unknown {
        let message = format!("whether it gives more than {what} is not known");
        out.insert(Breach { gate, message });
    }
    for grant in judged.grants {
        for operation in &grant.operations {
            let asked = asked(&limit.meaning(), &[], judged.key, &grant.grantee, operation);
            if !matches!(asked, Some(Decision::Allowed(_) | Decision::Delegated(_))) {
                let message = format!(
                    "{} gets {operation} through the grant {}, which {what} does not give",
                    grant.grantee,
                    label(grant)
                );
                out.insert(Breach { gate, message });
            }
        }
    }
}

fn gain(change: &AccessChange) -> String {
    let may = if change.certainty == Certainty::Certain { "gets" } else { "may get" };
    let mut text = format!("{} {may} {}", change.principal, change.actions.join(", "));
    if let Some(condition) = &change.condition {
        let _ = write!(text, " when {condition}");
    }
    text + &through(&change.statements)
}

/// The statements by name.
fn through(sids: &[String]) -> String {
    let names: Vec<String> = sids
        .iter()
        .map(|sid| if sid.is_empty() { "without a Sid".to_owned() } else { format!("\"{sid}\"") })
        .collect();
    match names.len() {
        0 => String::new(),
        _ => format!(" through the statement {}", names.join(", ")),
    }
}

fn label(grant: &Grant) -> &str {
    grant.name.as_deref().unwrap_or(&grant.id)
}

fn asked(
    meaning: &Meaning,
    grants: &[Grant],
    key: &KeyContext,
    who: &str,
    action: &str,
) -> Option<Decision> {
    let account = key.account.as_deref()?;
    let key = Key { partition: &key.partition, account, arn: key.arn.as_deref() };
    let principal = Principal::parse(who, key.partition).ok()?;
    let action = Asked::parse(&format!("kms:{action}")).ok()?;
    let request = Request { principal, action, context: Context::open() };
    Some(decide(meaning, &key, grants, &request))
}

impl Forbidden {
    fn actions(&self) -> ActionSet {
        let each = self.actions.iter().map(|pattern| ActionSet::matching(pattern));
        each.fold(ActionSet::NONE, ActionSet::or)
    }

    fn judge(&self, judged: Judged<'_>, out: &mut BTreeSet<Breach>) {
        let meaning = judged.after.meaning();
        for who in self.principals.iter().filter(|who| *who != "*") {
            for action in self.actions().iter() {
                out.extend(one(who, action.name, &meaning, judged));
            }
        }
        if self.principals.contains("*") {
            for holder in access_table(judged.after, judged.grants, judged.key) {
                self.holder(&holder, judged, out);
            }
        }
    }

    fn holder(&self, holder: &Holder, judged: Judged<'_>, out: &mut BTreeSet<Breach>) {
        let root = judged.key.account.as_deref().map(|account| format!(":iam::{account}:root"));
        if root.is_some_and(|root| holder.principal.ends_with(&root)) {
            return;
        }
        let forbidden = self.actions();
        let hit: Vec<&str> = forbidden
            .iter()
            .map(|action| action.name)
            .filter(|name| holder.actions.iter().any(|pattern| covers(pattern, name)))
            .collect();
        if !hit.is_empty() {
            let grant = holder.grant.as_ref().map(|grant| format!(" through the grant {grant}"));
            let source = grant.unwrap_or_else(|| through(&holder.statements));
            let message = format!("{} is allowed {}{source}", holder.principal, hit.join(", "));
            out.insert(Breach { gate: "forbidden", message });
        }
    }
}

/// Whether somebody has an action, and through which statement or grant.
fn one(who: &str, action: &str, meaning: &Meaning, judged: Judged<'_>) -> Option<Breach> {
    let Judged { grants, key, .. } = judged;
    let (word, sources) = match asked(meaning, grants, key, who, action)? {
        Decision::Allowed(source) => ("is allowed", vec![source]),
        Decision::Unknown(open) => {
            ("may be allowed", open.into_iter().map(|open| open.source).collect())
        }
        // IAM decides in the key's own account; elsewhere the other account does.
        Decision::Delegated(rule) if !own(who, key) => ("may be allowed", vec![Source::Rule(rule)]),
        Decision::Delegated(_) | Decision::Denied(_) | Decision::IamOnly => return None,
    };
    let rules = sources.iter().filter_map(|source| match source {
        Source::Rule(n) => meaning.rules.get(*n),
        Source::Grant(_) | Source::Document => None,
    });
    let sids: Vec<String> = rules.map(|rule| rule.sid.clone().unwrap_or_default()).collect();
    let grant = sources.iter().find_map(|source| match source {
        Source::Grant(n) => {
            grants.get(*n).map(|grant| format!(" through the grant {}", label(grant)))
        }
        Source::Rule(_) | Source::Document => None,
    });
    let message = format!("{who} {word} kms:{action}{}", grant.unwrap_or_else(|| through(&sids)));
    Some(Breach { gate: "forbidden", message })
}

fn covers(pattern: &str, action: &str) -> bool {
    let bare = pattern.strip_prefix("kms:").unwrap_or(pattern).to_ascii_lowercase();
    glob(&bare, &action.to_ascii_lowercase())
}

fn own(who: &str, key: &KeyContext) -> bool {
    who.split(':').nth(4) == key.account.as_deref()
}

/// Access of the public, and of accounts that are not listed.
fn strangers(accounts: &BTreeSet<String>, judged: Judged<'_>, out: &mut BTreeSet<Breach>) {
    for holder in access_table(judged.after, judged.grants, judged.key) {
        let foreign = accounts_in(&holder.principal).find(|account| {
            Some(account.as_str()) != judged.key.account.as_deref() && !accounts.contains(account)
        });
        let grant = holder.grant.as_ref().map(|grant| format!(" through the grant {grant}"));
        let source = grant.unwrap_or_else(|| through(&holder.statements));
        let what = match (holder.public, foreign) {
            (true, _) => "the public".to_owned(),
            (false, Some(account)) => format!("the account {account}"),
            (false, None) => continue,
        };
        let message = format!("{what} has access ({}){source}", holder.principal);
        out.insert(Breach { gate: "accounts", message });
    }
}

/// The account ids in a principal's text.
fn accounts_in(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_ascii_digit()).filter(|word| word.len() == 12).map(str::to_owned)
}
