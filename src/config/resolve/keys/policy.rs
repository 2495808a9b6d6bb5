//! The policy of a key: built from lists of principals, or a whole document.

use std::collections::{BTreeMap, BTreeSet};

use super::super::documents::{parsed, placed};
use super::KeyPhase;
use crate::config::records::{Ownership, Policy};
use crate::decode::{Diagnostic, Spanned, Text};
use crate::id::{AccountId, Place};
use crate::kind::key::Shared;
use crate::kind::{Address, KeyFacts, Setting, key};
use crate::policy::derive;
use crate::policy::lint::{Facts, lint};
use crate::policy::{self, Document, Roles};
use crate::tree::{Node, Span, Value};

/// Returns whether the policy declares only the stack's own statements.
pub(super) fn is_shared(policy: &Policy) -> bool {
    policy.ownership.as_ref().is_some_and(|ownership| ownership.value == Ownership::Shared)
}

/// Returns whether the policy declares the whole policy of the key.
pub(super) fn is_whole(policy: &Policy) -> bool {
    !is_shared(policy)
}

impl KeyPhase<'_, '_> {
    pub(super) fn policy(
        &mut self,
        address: &Address,
        raw: &Policy,
        usage: Option<&str>,
    ) -> Option<Document> {
        let document = self.of_key(address, raw, usage)?;
        // What a variable without a value stands for could be what keeps the policy open.
        if raw.allow_lockout.is_none()
            && !self.d.is_unknown(raw.span)
            && let Some(why) = self.lockout(&document)
        {
            let message = format!("the policy could lock everybody out of the key: {why}");
            self.d.push(Diagnostic::refusal(raw.span, message).help(
                "keep the account-root statement (`delegate_to_iam: true`), or name two \
                 administrators, or say `allow_lockout: <reason>` in the policy",
            ));
        }
        Some(document)
    }

    /// The statements that are the stack's in a policy that otherwise is not: each is known by its
    /// Sid, which begins with the stack's prefix.
    pub(super) fn shared_policy(
        &mut self,
        address: &Address,
        raw: &Policy,
        usage: Option<&str>,
    ) -> Option<Shared> {
        if let Some(document) = &raw.document {
            let help = "list the stack's own under `statements`, or drop `ownership: shared`";
            self.d.error(document.span, "a whole document is not shared with anybody", help);
            return None;
        }
        let off = Spanned { span: raw.span, value: false };
        let delegate_to_iam = Some(raw.delegate_to_iam.clone().unwrap_or(off));
        let raw = Policy { delegate_to_iam, ..raw.clone() };
        let document = self.roles(address, &raw, usage)?;
        let prefix = Shared::prefix(self.reads.scope.stack);
        let mut ours = derive::statements(&document);
        if !derive::put_prefix(&mut ours, &prefix) {
            let help = "give each statement a `Sid`: kmsctl knows its own by it";
            self.d.error(raw.span, "a statement in a shared policy has no `Sid`", help);
            return None;
        }
        let statements = derive::of_statements(ours, self.reads.scope.partition);
        let statements = parsed(statements, raw.span, self.d)?;
        Some(Shared { statements })
    }

    /// Why nobody could change the policy for good. A plan refuses such a policy, unless AWS has it
    /// already; this is the same check, with the place of the policy.
    fn lockout(&self, document: &Document) -> Option<String> {
        let keys = KeyFacts::new();
        let why = |place: &Place| {
            key::shut_out(
                document,
                &Setting {
                    stack: self.reads.scope.stack,
                    place,
                    keys: &keys,
                    id: None,
                    name: "",
                    caller: None,
                },
            )
        };
        let said = why(self.reads.scope.home)?;
        let text = document.to_json();
        // A statement about a key by its ARN may be about this one.
        if text.contains(":key/") {
            return None;
        }
        // Where another account stands in for the stack's, it may be any that the policy names.
        let named = text.split(|c: char| !c.is_ascii_digit()).filter_map(|run| run.parse().ok());
        let open = |account: AccountId| {
            why(&Place { account, region: self.reads.scope.home.region.clone() }).is_none()
        };
        let known =
            !self.reads.scope.gaps.account || !named.collect::<BTreeSet<_>>().into_iter().any(open);
        known.then_some(said)
    }

    fn of_key(&mut self, address: &Address, raw: &Policy, usage: Option<&str>) -> Option<Document> {
        if let Some(reason) = &raw.allow_lockout
            && reason.value.trim().is_empty()
        {
            let help = "say why nobody but the named principals may ever change this key";
            self.d.error(reason.span, "`allow_lockout` gives no reason", help);
        }
        let Some(document) = &raw.document else {
            return self.roles(address, raw, usage);
        };
        let lists = [
            ("administrators", raw.administrators.as_ref().map(|f| f.span)),
            ("users", raw.users.as_ref().map(|f| f.span)),
            ("decrypt_only", raw.decrypt_only.as_ref().map(|f| f.span)),
            ("encrypt_only", raw.encrypt_only.as_ref().map(|f| f.span)),
            ("delegate_to_iam", raw.delegate_to_iam.as_ref().map(|f| f.span)),
            ("statements", raw.statements.as_ref().map(|f| f.span)),
        ];
        for (field, span) in lists {
            if let Some(span) = span {
                let error = format!("`{field}` and `document` exclude each other");
                self.d.push(
                    Diagnostic::error(span, error)
                        .also(document.span, "the whole policy is here")
                        .help("put the statements into the document, or drop it"),
                );
            }
        }
        let node = self.documents.read(document, self.d)?;
        self.judge(address, &node, raw, usage);
        parsed(Document::parse(&node, self.reads.scope.partition), document.span, self.d)
    }

    fn roles(&mut self, address: &Address, raw: &Policy, usage: Option<&str>) -> Option<Document> {
        let errors = self.d.len();
        let mut places = BTreeMap::new();
        let scope = self.reads.scope;
        let mut list = |field: Option<&Spanned<Vec<Text>>>| {
            let texts = field.map(|field| field.value.as_slice()).unwrap_or_default();
            let names = scope.principals(texts, self.d);
            for (name, text) in names.iter().zip(texts) {
                places.entry(name.clone()).or_insert(text.span);
            }
            names
        };
        let administrators = list(raw.administrators.as_ref());
        let users = list(raw.users.as_ref());
        let decrypt_only = list(raw.decrypt_only.as_ref());
        let encrypt_only = list(raw.encrypt_only.as_ref());
        let statements = raw.statements.as_ref().map_or(&[][..], |list| list.value.as_slice());
        let account = self.reads.scope.home.account.clone();
        let gaps = self.d.len() > errors;
        let mut built = policy::build(&Roles {
            partition: self.reads.scope.partition,
            account: account.as_str(),
            delegate_to_iam: raw.delegate_to_iam.as_ref().is_none_or(|given| given.value),
            administrators: &administrators,
            users: &users,
            decrypt_only: &decrypt_only,
            encrypt_only: &encrypt_only,
            statements,
        });
        // Without the principals that are wrong, what kmsctl wrote itself may lack something.
        if let (true, Err(problems)) = (gaps, &mut built) {
            problems.retain(|problem| problem.span != Span::default());
        }
        let document = parsed(built, raw.span, self.d);
        if self.d.len() > errors {
            return None;
        }
        if let Some(document) = &document {
            let mut tree = document.tree().clone();
            place(&mut tree, &places);
            self.judge(address, &tree, raw, usage);
        }
        document
    }

    /// What is questionable about a policy; what kmsctl built itself is where it is declared.
    fn judge(&mut self, address: &Address, node: &Node, raw: &Policy, usage: Option<&str>) {
        let account = self.reads.scope.home.account.clone();
        let facts = Facts {
            partition: self.reads.scope.partition,
            account: Some(account.as_str()),
            usage,
            lockout_wanted: raw.allow_lockout.is_some(),
            ..Facts::default()
        };
        for mut finding in lint(node, &facts) {
            finding.span = placed(finding.span, raw.span);
            self.out.findings.push((address.clone(), finding));
        }
    }
}

/// Gives the names of principals that kmsctl wrote the places where they are declared.
fn place(node: &mut Node, places: &BTreeMap<String, Span>) {
    match &mut node.value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::Text(text) => {
            if let Some(span) = places.get(text.as_str())
                && node.span == Span::default()
            {
                node.span = *span;
            }
        }
        Value::List(items) => items.iter_mut().for_each(|item| place(item, places)),
        Value::Map(entries) => entries.iter_mut().for_each(|entry| place(&mut entry.value, places)),
    }
}
