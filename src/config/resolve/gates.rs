//! What is demanded of every key. Knows nothing of how it is judged.

use std::collections::{BTreeMap, BTreeSet};

use super::Context;
use crate::config::raw::{self, Part, Text};
use crate::config::{Diagnostics, read_beside};
use crate::desired::{Desired, SAVED};
use crate::id::AccountId;
use crate::kind::Spec;
use crate::kind::address::Address;
use crate::policy::gates::{Forbidden, Gates};
use crate::policy::{ActionSet, Document, is_service};
use serde::Deserialize;

/// What is read of a saved plan.
#[derive(Deserialize)]
struct Base {
    desired: Desired,
}

/// What is read of it first.
#[derive(Deserialize)]
struct Format {
    version: String,
}

impl Context<'_> {
    pub(super) fn gates(&mut self, raw: &raw::Gates) {
        let reference = raw.reference.as_ref().and_then(|node| {
            let tree = self.document(node)?;
            self.parsed(Document::parse(&tree, self.partition), node.span)
        });
        let forbidden = raw.forbidden.iter().filter_map(|Part(forbidden)| forbidden.as_ref());
        let forbidden = forbidden.map(|forbidden| self.forbidden(forbidden)).collect();
        let accounts = raw.accounts.as_ref().map(|accounts| {
            let ids = accounts.iter().filter_map(|account| self.parse::<AccountId>(account));
            ids.map(|id| id.to_string()).collect()
        });
        let removals = raw.removals.as_ref().and_then(|most| usize::try_from(most.value).ok());
        self.out.gates = Gates { reference, forbidden, accounts, removals };
        self.out.base = raw.base.as_ref().map(|path| self.base(path)).unwrap_or_default();
    }

    fn forbidden(&mut self, raw: &raw::Forbidden) -> Forbidden {
        let account = self.out.home.account.clone();
        let mut principals = BTreeSet::new();
        for text in &raw.principals {
            if text.value == "*" || is_service(&text.value) {
                principals.insert(text.value.clone());
            } else {
                principals.extend(self.principal(text, &account));
            }
        }
        for action in &raw.actions {
            if ActionSet::matching(&action.value).is_empty() {
                let message = format!("`{}` matches no action of a key policy", action.value);
                self.error(
                    action.span,
                    message,
                    "write an action such as `kms:Decrypt`, or a pattern",
                );
            }
        }
        Forbidden { principals, actions: raw.actions.iter().map(|a| a.value.clone()).collect() }
    }

    /// The keys and parts of policies that a saved plan declares.
    fn base(&mut self, path: &Text) -> BTreeMap<Address, Spec> {
        let near = self.sources.get(path.span.source).map(|source| source.name.clone());
        let mut unread = Diagnostics::default();
        let near = near.unwrap_or_default();
        let Some(number) = read_beside(&near, &path.value, self.sources, &mut unread) else {
            self.d.extend(unread.into_iter().map(|mut error| {
                error.span = Some(path.span);
                error
            }));
            return BTreeMap::new();
        };
        let text = self.sources.get(number).map_or("", |source| &source.text);
        let base = serde_json::from_str(text).map_err(|error| error.to_string());
        let base = base.and_then(|Format { version }| match version.as_str() {
            SAVED => serde_json::from_str::<Base>(text).map_err(|error| error.to_string()),
            _ => Err(format!("its format is {version}, this program reads format {SAVED}")),
        });
        let base = match base {
            Ok(base) => base,
            Err(why) => {
                let message = format!("`{}` is not a saved plan: {why}", path.value);
                self.error(path.span, message, "write it with `kmsctl plan --out FILE`");
                return BTreeMap::new();
            }
        };
        let resources = base.desired.resources.into_iter();
        let specs = resources.map(|(address, declared)| (address, declared.spec));
        specs
            .filter(|(_, spec)| spec.as_key().is_some() || spec.as_key_policy().is_some())
            .collect()
    }
}
