//! The commands on policy documents, which need neither AWS nor a stack.

pub(super) mod answer;
mod diff;
pub(super) mod eval;
mod lint;

use super::report;
use crate::cli::{Global, PolicyArgs, PolicyCommand};
use crate::config;
use crate::decode::{Diagnostic, Diagnostics, Sources};
use crate::failure::{Exit, Failure};
use crate::id::{AccountId, KeyArn};
use crate::io::Io;
use crate::policy::{self, Document, Problem};
use crate::tree::Node;
use std::collections::BTreeSet;
use std::path::Path;

/// Runs `kmsctl policy …`.
pub(super) fn policy(global: &Global, args: &PolicyArgs, io: &Io) -> Result<Exit, Failure> {
    let key = Key::of(args)?;
    match &args.command {
        PolicyCommand::Diff(args) => diff::diff(global, &key, args, io),
        PolicyCommand::Eval(args) => eval::eval(&key, args, io),
        PolicyCommand::Lint(args) => lint::lint(global, &key, args, io),
    }
}

/// The key that the documents belong to, as far as the command line describes it.
struct Key {
    account: Option<AccountId>,
    /// The partition; `None` if the command line does not tell it.
    partition: Option<String>,
    arn: Option<KeyArn>,
}

impl Key {
    /// Reads the key from the options. The account and the partition are those of the ARN, if it is given.
    fn of(args: &PolicyArgs) -> Result<Self, Failure> {
        let usage = |error: crate::id::BadId| {
            Failure::new(error.message).hint(error.help).exit(Exit::Usage)
        };
        let arn: Option<KeyArn> =
            args.key_arn.as_deref().map(str::parse).transpose().map_err(usage)?;
        let named = args.account.as_deref().map(str::parse).transpose().map_err(usage)?;
        let place = arn.as_ref().map(KeyArn::place);
        let owner = place.as_ref().map(|place| place.account.clone());
        if let (Some(named), Some(owner)) = (&named, &owner)
            && named != owner
        {
            let message = format!("the key is in account {owner}, not in account {named}");
            return Err(Failure::new(message).exit(Exit::Usage));
        }
        let partition = match place {
            Some(place) => Some(place.region.partition().to_owned()),
            None => args.partition.clone(),
        };
        Ok(Self { account: named.or(owner), partition, arn })
    }

    /// Returns the partition of the key: the one that the command line tells, else the one of all ARNs in the
    /// documents, else `aws`.
    fn partition_of<'n>(&self, documents: impl IntoIterator<Item = &'n Node>) -> String {
        if let Some(partition) = &self.partition {
            return partition.clone();
        }
        let mut found: BTreeSet<&str> = BTreeSet::new();
        for node in documents {
            found.extend(policy::partitions(node));
        }
        match found.pop_first() {
            Some(only) if found.is_empty() => only.to_owned(),
            Some(_) | None => "aws".to_owned(),
        }
    }
}

/// The documents that were read, and their errors.
#[derive(Default)]
struct Reading {
    sources: Sources,
    diagnostics: Diagnostics,
}

impl Reading {
    /// Reads the tree of a file; `-` is standard input.
    fn tree(&mut self, path: &Path) -> Option<Node> {
        let number = config::read_given(path, &mut self.sources, &mut self.diagnostics)?;
        let text = self.sources.get(number).map(|source| source.text.clone()).unwrap_or_default();
        let read = policy::json(&text, number);
        self.sources.hide_in_policy(number, read.as_ref().ok());
        match read {
            Ok(node) => Some(node),
            Err(problems) => {
                self.problems(problems);
                None
            }
        }
    }

    /// Reads the policy in a file. A policy that KMS accepts is not an error; one that is too large for it is.
    fn document(&mut self, path: &Path, partition: &str) -> Option<Document> {
        let node = self.tree(path)?;
        self.of_tree(&node, partition)
    }

    /// Reads the policy in a tree.
    fn of_tree(&mut self, node: &Node, partition: &str) -> Option<Document> {
        if let Err(problem) = policy::check_size(node) {
            self.problems(vec![problem]);
            return None;
        }
        match Document::lenient(node, partition) {
            Ok(document) => Some(document),
            Err(problems) => {
                self.problems(problems);
                None
            }
        }
    }

    /// Adds problems to the errors.
    fn problems(&mut self, problems: Vec<Problem>) {
        for Problem { span, message, help } in problems {
            let diagnostic = Diagnostic::error(Some(span), message);
            self.diagnostics.push(match help {
                Some(help) => diagnostic.help(help),
                None => diagnostic,
            });
        }
    }

    /// Prints the diagnostics, and fails if one of them is an error.
    fn close(&self, io: &Io) -> Result<(), Failure> {
        report(io, &self.diagnostics, &self.sources)
            .map_err(|_| Failure::new("a document cannot be read"))
    }
}
