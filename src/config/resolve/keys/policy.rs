//! The policy of a key: built from lists of principals, or a whole document.

use std::collections::{BTreeMap, BTreeSet};

use super::super::documents::{parsed, placed};
use super::KeyPhase;
use super::notes::{is_asymmetric, usage};
use crate::config::records::{Key, Ownership, Policy, PolicyText};
use crate::decode::{Diagnostic, Spanned, Text};
use crate::id::{AccountId, Place};
use crate::kind::key::Shared;
use crate::kind::{Address, KeyFacts, Setting, key};
use crate::policy::derive;
use crate::policy::lint::{Facts, lint};
use crate::policy::{self, Document, Lockout, Problem, Roles};
use crate::tree::{Node, Span, Value};

/// Returns whether the policy declares only the stack's own statements.
pub(super) fn is_shared(policy: &Policy) -> bool {
    policy.ownership.as_ref().is_some_and(|ownership| ownership.value == Ownership::Shared)
}

/// Returns whether the policy declares the whole policy of the key.
pub(super) fn is_whole(policy: &Policy) -> bool {
    !is_shared(policy)
}

/// Returns whether a shared policy declares no statement itself. Statements that consumers need may be added to it.
fn has_no_statement(policy: &Policy) -> bool {
    let roles = [&policy.administrators, &policy.users, &policy.decrypt_only, &policy.encrypt_only];
    let is_empty = roles.into_iter().flatten().all(|role| role.value.is_empty());
    is_empty
        && policy.statements.as_ref().is_none_or(|statements| statements.value.is_empty())
        && policy.delegate_to_iam.as_ref().is_none_or(|delegates| !delegates.value)
}

/// Returns whether a live policy must have the declared text.
pub(super) fn is_exact(policy: Option<&Policy>) -> bool {
    let text = policy.and_then(|policy| policy.text.as_ref());
    text.is_some_and(|text| text.value == PolicyText::Exact)
}

impl KeyPhase<'_, '_> {
    /// Returns the policy of a key. `adopts` is whether the key may exist with this policy.
    pub(super) fn policy(
        &mut self,
        address: &Address,
        raw: &Policy,
        of: &Key,
        adopts: bool,
    ) -> Option<Document> {
        let document = self.of_key(address, raw, of)?;
        // A variable without a value could stand for another administrator.
        if raw.allow_lockout.is_none()
            && !self.d.is_unknown(raw.span)
            && let Some(found) = self.lockout(&document)
        {
            let message = format!("the key could become unmanageable: {}", found.reason);
            let help = format!("{}, or set `allow_lockout: <reason>` in the policy", found.help);
            // A plan refuses only a policy that it changes, and AWS knows whether it does.
            let told = match adopts {
                true => {
                    let message = format!("would be refused if the policy is changed: {message}");
                    Diagnostic::doubt(raw.span, message)
                }
                false => Diagnostic::refusal(raw.span, message),
            };
            self.d.push(told.help(help));
        }
        Some(document)
    }

    /// Returns the stack's statements in a policy that the stack does not manage. The Sid of each
    /// begins with the stack's prefix.
    pub(super) fn shared_policy(
        &mut self,
        address: &Address,
        raw: &Policy,
        of: &Key,
    ) -> Option<Shared> {
        if let Some(document) = &raw.document {
            let help =
                "list the stack's statements under `statements`, or remove `ownership: shared`";
            self.d.error(
                document.span,
                "`document` and `ownership: shared` exclude each other",
                help,
            );
            return None;
        }
        if has_no_statement(raw) {
            return Some(Shared::none());
        }
        let off = Spanned { span: raw.span, value: false };
        let delegate_to_iam = Some(raw.delegate_to_iam.clone().unwrap_or(off));
        let raw = Policy { delegate_to_iam, ..raw.clone() };
        let document = self.roles(address, &raw, of)?;
        let prefix = Shared::prefix(self.reads.scope.stack);
        let mut ours = derive::statements(&document);
        if !derive::put_prefix(&mut ours, &prefix) {
            let help =
                "set a `Sid` in each statement, by which kmsctl identifies its own statements";
            self.d.error(raw.span, "a statement in a shared policy has no `Sid`", help);
            return None;
        }
        let statements = derive::of_statements(ours, self.reads.scope.partition);
        let statements = parsed(statements, raw.span, self.d)?;
        Some(Shared { statements })
    }

    /// Returns why the key could become unmanageable, if it could. A plan refuses
    /// such a policy unless it is live; this is the same check, reported at the position of the
    /// policy.
    fn lockout(&self, document: &Document) -> Option<Lockout> {
        let keys = KeyFacts::new();
        let scope = self.reads.scope;
        let setting = Setting {
            stack: scope.stack,
            place: scope.home,
            keys: &keys,
            id: None,
            name: "",
            caller: None,
        };
        let found = key::shut_out(document, &setting)?;
        let text = document.to_json();
        // The ARN of a key in a statement may be the ARN of this key.
        if text.contains(":key/") {
            return None;
        }
        if scope.gaps.account {
            // The account of the stack may be any account that the policy names.
            let numbers = text.split(|c: char| !c.is_ascii_digit());
            let accounts: BTreeSet<AccountId> =
                numbers.filter_map(|text| text.parse().ok()).collect();
            for account in accounts {
                let place = Place { account, region: scope.home.region.clone() };
                key::shut_out(document, &Setting { place: &place, ..setting })?;
            }
        }
        Some(found)
    }

    fn of_key(&mut self, address: &Address, raw: &Policy, of: &Key) -> Option<Document> {
        if let Some(reason) = &raw.allow_lockout
            && reason.value.trim().is_empty()
        {
            let help = "write the reason why only the named principals can change the policy";
            self.d.error(reason.span, "`allow_lockout` gives no reason", help);
        }
        let Some(document) = &raw.document else {
            return self.roles(address, raw, of);
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
                        .help("put the statements into the document, or remove it"),
                );
            }
        }
        let node = self.documents.read(document, self.d)?;
        let known = self.out.findings.len();
        self.judge(address, &node, raw, of);
        let read = Document::parse(&node, self.reads.scope.partition);
        self.unless_found(read, known, &node, document.span)
    }

    /// Returns a policy. Its problems are reported, except for those that AWS may hold already, about which there are
    /// findings: only a call with the policy is refused. `known` is the number of findings about other policies.
    fn unless_found(
        &mut self,
        read: Result<Document, Vec<Problem>>,
        known: usize,
        node: &Node,
        fallback: Span,
    ) -> Option<Document> {
        let mut problems = match read {
            Ok(document) => return Some(document),
            Err(problems) => problems,
        };
        let found = self.out.findings.get(known..).unwrap_or_default();
        let held: Vec<Span> =
            found.iter().filter(|(_, f)| f.rule.is_obsolete()).map(|(_, f)| f.span).collect();
        problems.retain(|problem| !held.contains(&placed(problem.span, fallback)));
        let read = match problems.is_empty() {
            true => Document::lenient(node, self.reads.scope.partition),
            false => Err(problems),
        };
        parsed(read, fallback, self.d)
    }

    fn roles(&mut self, address: &Address, raw: &Policy, of: &Key) -> Option<Document> {
        let errors = self.d.len();
        let mut places = BTreeMap::new();
        let scope = self.reads.scope;
        let mut principals = |field: Option<&Spanned<Vec<Text>>>| {
            let texts = field.map(|field| field.value.as_slice()).unwrap_or_default();
            let names = scope.principals(texts, self.d);
            for (name, text) in names.iter().zip(texts) {
                places.entry(name.clone()).or_insert(text.span);
            }
            names
        };
        let administrators = principals(raw.administrators.as_ref());
        let users = principals(raw.users.as_ref());
        let decrypt_only = principals(raw.decrypt_only.as_ref());
        let encrypt_only = principals(raw.encrypt_only.as_ref());
        let mut statements = raw.statements.as_ref().map_or(Vec::new(), |list| list.value.clone());
        for statement in &mut statements {
            scope.name_wholly(statement);
        }
        let account = self.reads.scope.home.account.clone();
        let gaps = self.d.len() > errors;
        let mut node = policy::build(&Roles {
            partition: self.reads.scope.partition,
            account: account.as_str(),
            usage: usage(of),
            asymmetric: is_asymmetric(of),
            delegate_to_iam: raw.delegate_to_iam.as_ref().is_none_or(|given| given.value),
            administrators: &administrators,
            users: &users,
            decrypt_only: &decrypt_only,
            encrypt_only: &encrypt_only,
            statements: &statements,
        });
        let mut read = Document::parse(&node, scope.partition);
        // Statements that kmsctl built may be incomplete without the principals that have errors.
        if let (true, Err(problems)) = (gaps, &mut read) {
            problems.retain(|problem| problem.span != Span::default());
        }
        if gaps {
            return parsed(read, raw.span, self.d).and(None);
        }
        let known = self.out.findings.len();
        place(&mut node, &places);
        self.judge(address, &node, raw, of);
        self.unless_found(read, known, &node, raw.span)
    }

    /// Adds the lint findings about a policy. A statement without a position, which kmsctl built,
    /// is reported at the declaration of the policy.
    fn judge(&mut self, address: &Address, node: &Node, raw: &Policy, of: &Key) {
        let scope = self.reads.scope;
        let account = scope.home.account.as_str();
        let facts = Facts {
            partition: if scope.gaps.region { only_partition(node) } else { scope.partition },
            account: (!scope.gaps.account).then_some(account),
            stand_in: scope.gaps.account.then_some(account),
            usage: usage(of),
            // The stack's statements are only a part of a shared policy.
            lockout_wanted: raw.allow_lockout.is_some() || is_shared(raw),
            ..Facts::default()
        };
        // Identities of the stack's account are named as the configuration names them.
        let own =
            ["iam", "sts"].map(|service| format!("arn:{}:{service}::{account}:", scope.partition));
        for mut finding in lint(node, &facts) {
            finding.span = placed(finding.span, raw.span);
            for prefix in &own {
                finding.message = finding.message.replace(prefix, "");
            }
            self.out.findings.push((address.clone(), finding));
        }
    }
}

/// Returns the partition of all ARNs in a policy, or an empty text if they have none or several.
fn only_partition(node: &Node) -> &str {
    let mut found = policy::partitions(node);
    found.pop_first().filter(|_| found.is_empty()).unwrap_or_default()
}

/// Sets the positions of principals in statements that kmsctl built to those of their declarations.
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
