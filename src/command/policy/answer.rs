//! The output of a decision about a request, as text and as JSON.

use serde::Serialize;
use std::fmt;

use crate::cli::Answer as Form;
use crate::io::Io;
use crate::policy::Document;
use crate::policy::eval::{Decision, Denial, Doubt, Request, Source, TargetKey, Undecided};
use crate::policy::grants::Grant;
use crate::policy::spelled_key;
use crate::policy::typed::{Effect, TypedPolicy, TypedStatement};
use crate::policy::verdict::nearest_miss;
use crate::render::json::pretty;
use crate::text::printable;

/// A decision and its reason.
#[derive(Debug, Serialize)]
struct Answer {
    decision: &'static str,
    because: Because,
}

/// The reason of a decision.
#[derive(Debug, Default, Serialize)]
struct Because {
    /// The identifier of the reason, for programs.
    reason: &'static str,
    /// The sentence, for people.
    says: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<StatementName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<GrantName>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    depends_on: Vec<Dependence>,
    /// The statement or grant that came nearest.
    #[serde(skip_serializing_if = "Option::is_none")]
    nearest: Option<Nearest>,
}

/// A statement or grant about the principal and the action that does not allow the request.
#[derive(Debug, Serialize)]
struct Nearest {
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<StatementName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<GrantName>,
    /// What is not met, in words.
    failed: Vec<String>,
}

/// A statement of the document.
#[derive(Debug, Serialize)]
struct StatementName {
    /// The index in the written document, from 0.
    index: Option<usize>,
    sid: Option<String>,
    effect: &'static str,
}

/// A grant of the list.
#[derive(Debug, Serialize)]
struct GrantName {
    id: String,
    name: Option<String>,
}

/// A statement or grant that may apply, and the facts on which that depends.
#[derive(Debug, Serialize)]
struct Dependence {
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<StatementName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<GrantName>,
    /// The condition keys whose values are not known.
    condition_keys: Vec<String>,
    /// The other facts that are not known, in words.
    other: Vec<String>,
}

/// The inputs of a decision.
pub(in crate::command) struct Case<'a> {
    pub(in crate::command) document: &'a Document,
    pub(in crate::command) typed: &'a TypedPolicy,
    pub(in crate::command) key: &'a TargetKey<'a>,
    pub(in crate::command) grants: &'a [Grant],
    pub(in crate::command) request: &'a Request,
    pub(in crate::command) owner: &'a str,
}

impl Case<'_> {
    /// Prints the decision.
    pub(in crate::command) fn print(&self, decision: &Decision, form: Form, io: &Io) {
        let answer = Answer { decision: decision.word(), because: self.because(decision) };
        match form {
            Form::Text => io.out(&answer.to_string()),
            Form::Json => io.json(&format!("{}\n", pretty(&answer))),
        }
    }

    fn because(&self, decision: &Decision) -> Because {
        let action = format!("kms:{}", self.request.action.name());
        let because = |reason, says: String| Because { reason, says, ..Because::default() };
        match decision {
            Decision::Allowed(source) => {
                let (statement, grant) = self.names(*source);
                let reason = if grant.is_some() { "grant" } else { "statement" };
                let says = format!("a {reason} allows {action}");
                Because { statement, grant, ..because(reason, says) }
            }
            Decision::Delegated(rule) => {
                let account = self.request.principal.account().unwrap_or(self.owner);
                let says = format!("the IAM policies of the account {account} decide");
                Because { statement: self.statement(*rule), ..because("statement", says) }
            }
            Decision::Denied(Denial::Explicit(rule)) => {
                let says = format!("a statement denies {action}");
                Because { statement: self.statement(*rule), ..because("explicit-deny", says) }
            }
            Decision::Denied(Denial::Implicit) => {
                let says = format!("nothing allows {action}");
                Because { nearest: self.nearest(), ..because("implicit-deny", says) }
            }
            Decision::Denied(Denial::OtherAccount) => {
                let owner = self.owner;
                let says =
                    format!("{action} is allowed only to principals in the key's account, {owner}");
                because("not-cross-account", says)
            }
            Decision::Unknown(open) => {
                let says = "it depends on facts that are not known".to_owned();
                let depends_on = open.iter().map(|open| self.dependence(open)).collect();
                Because { depends_on, ..because("open", says) }
            }
            Decision::IamOnly => because(
                "iam-only",
                format!("only IAM policies decide about {action}, and key policies do not apply"),
            ),
        }
    }

    fn nearest(&self) -> Option<Nearest> {
        let miss = nearest_miss(self.typed, self.key, self.grants, self.request)?;
        let (statement, grant) = self.names(miss.source);
        Some(Nearest { statement, grant, failed: miss.failed })
    }

    fn names(&self, source: Source) -> (Option<StatementName>, Option<GrantName>) {
        match source {
            Source::Statement(rule) => (self.statement(rule), None),
            Source::Grant(grant) => (None, self.grants.get(grant).map(GrantName::of)),
            Source::Document => (None, None),
        }
    }

    fn statement(&self, rule: usize) -> Option<StatementName> {
        let rule: &TypedStatement = self.typed.statements.get(rule)?;
        let effect = match rule.effect {
            Effect::Allow => "Allow",
            Effect::Deny => "Deny",
        };
        let index = self.document.position(rule);
        Some(StatementName { index, sid: rule.sid.clone(), effect })
    }

    fn dependence(&self, open: &Undecided) -> Dependence {
        let (statement, grant) = self.names(open.source);
        let mut dependence =
            Dependence { statement, grant, condition_keys: Vec::new(), other: Vec::new() };
        for doubt in &open.doubts {
            if let Doubt::Key(key) = doubt {
                dependence.condition_keys.push(spelled_key(key));
            } else {
                dependence.other.push(doubt.to_string());
            }
        }
        dependence
    }
}

impl GrantName {
    fn of(grant: &Grant) -> Self {
        Self { id: grant.id.clone(), name: grant.name.clone() }
    }
}

/// The text form, which is safe for a terminal.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Because { says, statement, grant, depends_on, nearest, .. } = &self.because;
        writeln!(f, "{}: {}", self.decision, printable(says))?;
        if statement.is_some() || grant.is_some() {
            writeln!(f, "  {}", source(statement.as_ref(), grant.as_ref()))?;
        }
        for Dependence { statement, grant, condition_keys, other } in depends_on {
            let keys = condition_keys.iter().map(|key| format!("the condition key `{key}`"));
            let on: Vec<String> = keys.chain(other.iter().cloned()).collect();
            let source = source(statement.as_ref(), grant.as_ref());
            writeln!(f, "  {source} depends on {}", printable(&on.join(", ")))?;
        }
        if let Some(Nearest { statement, grant, failed }) = nearest {
            let source = source(statement.as_ref(), grant.as_ref());
            writeln!(f, "  nearest: {source}, but not met: {}", printable(&failed.join(", ")))?;
        }
        Ok(())
    }
}

fn source(statement: Option<&StatementName>, grant: Option<&GrantName>) -> String {
    match (statement, grant) {
        (Some(StatementName { index, sid, effect }), _) => {
            let place = index.map_or("a statement".to_owned(), |n| format!("Statement[{n}]"));
            let sid = sid.as_deref().map_or(String::new(), |sid| format!(" `{}`", printable(sid)));
            format!("{place}{sid} ({effect})")
        }
        (None, Some(GrantName { id, name })) => {
            let name =
                name.as_deref().map_or(String::new(), |name| format!(" `{}`", printable(name)));
            format!("grant {}{name}", printable(id))
        }
        (None, None) => "the document".to_owned(),
    }
}
