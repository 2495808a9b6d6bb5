//! The policies: one for each identity and part, within IAM's limit on their size.

use super::Ask;
use super::statements::{Permit, Statement, compact, statements};
use super::table::Stage;
use crate::id::AccountId;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The largest number of characters of a managed policy, without white space (IAM User Guide, "IAM and AWS STS
/// quotas").
pub const LIMIT: usize = 6144;

/// The number of managed policies that a role can have (IAM User Guide, "IAM and AWS STS quotas"). It can be raised.
pub(super) const ATTACHED: usize = 10;

/// The part of the permissions that a document has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// All of them.
    Whole,
    /// What only reads: safe for pull requests.
    Reader,
    /// What changes resources, besides what the reader has.
    Applier,
    /// What an identity could raise its own rights with, besides what the others have.
    Escalation,
}

impl Part {
    /// Returns the name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "kmsctl",
            Self::Reader => "reader",
            Self::Applier => "applier",
            Self::Escalation => "escalation",
        }
    }

    /// Returns what it is for.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Whole => "everything",
            Self::Reader => "only reads: safe for pull requests",
            Self::Applier => "changes resources; attach it together with the reader",
            Self::Escalation => {
                "could raise its own rights; attach it together with the others, where changes are reviewed"
            }
        }
    }
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The account of the identity that gets it.
    pub account: AccountId,
    /// The part of the permissions.
    pub part: Part,
    /// The name: letters, digits and hyphens. No two documents have the same.
    pub name: String,
    /// The statements.
    pub statements: Vec<Statement>,
    /// Whether statements were merged to save room, so that what may get tags may get all declared tags.
    pub is_merged: bool,
}

impl Document {
    /// Returns the policy in IAM's form.
    #[must_use]
    pub fn json(&self) -> Value {
        policy(&self.statements)
    }

    /// Returns the number of characters that IAM counts.
    #[must_use]
    pub fn size(&self) -> usize {
        size(&self.statements)
    }
}

fn policy(statements: &[Statement]) -> Value {
    let statements: Vec<Value> = statements.iter().map(Statement::json).collect();
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn size(statements: &[Statement]) -> usize {
    policy(statements).to_string().chars().filter(|c| !c.is_whitespace()).count()
}

/// Returns the documents that allow the permits. If they are more than a role can have, their statements are merged.
pub(super) fn documents(ask: &Ask<'_>, permits: &[Permit]) -> Vec<Document> {
    let accounts: BTreeSet<&AccountId> = permits.iter().map(|permit| &permit.account).collect();
    let home = &ask.desired.home.account;
    let own = [home].into_iter().filter(|home| accounts.contains(home));
    let others = accounts.iter().copied().filter(|account| *account != home);
    let mut documents = Vec::new();
    for account in own.chain(others) {
        let exact = of_account(ask, account, permits, false);
        documents.extend(match exact.len() > ATTACHED {
            true => of_account(ask, account, permits, true),
            false => exact,
        });
    }
    documents
}

/// Returns the documents of an account.
fn of_account(
    ask: &Ask<'_>,
    account: &AccountId,
    permits: &[Permit],
    is_merged: bool,
) -> Vec<Document> {
    let parts: &[Part] = match ask.split {
        true => &[Part::Reader, Part::Applier, Part::Escalation],
        false => &[Part::Whole],
    };
    let mut end = ask.suffix();
    if *account != ask.desired.home.account {
        end = format!("{end}-{account}");
    }
    let mut documents = Vec::new();
    for part in parts {
        let own = permits.iter().filter(|permit| permit.account == *account);
        let own = own.filter(|permit| *part == Part::Whole || part_of(permit) == *part);
        let statements = if is_merged { compact(own) } else { statements(own) };
        let pages = within_limit(&statements).into_iter().zip(1..);
        documents.extend(pages.map(|(statements, number)| Document {
            account: account.clone(),
            part: *part,
            name: match number {
                1 => format!("{}{end}", part.as_str()),
                _ => format!("{}{end}-{number}", part.as_str()),
            },
            statements,
            is_merged,
        }));
    }
    documents
}

fn part_of(permit: &Permit) -> Part {
    if permit.raises() {
        return Part::Escalation;
    }
    match permit.stage {
        Stage::Read => Part::Reader,
        Stage::Create | Stage::Change | Stage::Delete => Part::Applier,
    }
}

/// Distributes the statements to documents within the limit.
fn within_limit(statements: &[Statement]) -> Vec<Vec<Statement>> {
    let mut pages: Vec<Vec<Statement>> = Vec::new();
    for statement in statements.iter().flat_map(pieces) {
        let fits = pages.iter_mut().find(|page| {
            let all: Vec<Statement> = page.iter().chain([&statement]).cloned().collect();
            size(&all) <= LIMIT
        });
        match fits {
            Some(page) => page.push(statement),
            None => pages.push(vec![statement]),
        }
    }
    pages
}

/// Divides the resources of a statement that is too large for a document.
fn pieces(statement: &Statement) -> Vec<Statement> {
    let mut open = vec![statement.resources.clone()];
    let with = |resources: &BTreeSet<String>| Statement {
        resources: resources.clone(),
        ..statement.clone()
    };
    // A statement of a document of its own may not be smaller than its only resource.
    let is_large =
        |resources: &BTreeSet<String>| resources.len() > 1 && size(&[with(resources)]) > LIMIT;
    while let Some(at) = open.iter().position(is_large) {
        let large = open.remove(at);
        let half = large.len() / 2;
        open.insert(at, large.iter().take(half).cloned().collect());
        open.insert(at + 1, large.iter().skip(half).cloned().collect());
    }
    let is_whole = open.len() == 1;
    let pieces = open.iter().zip(1..).map(|(resources, number)| {
        let sid = statement.sid.as_str();
        let sid = if is_whole { sid.to_owned() } else { format!("{sid}Part{number}") };
        Statement { sid, ..with(resources) }
    });
    pieces.collect()
}
