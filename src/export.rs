//! Writes the configuration of keys that exist, such that a plan with it makes no call. Pure.
//!
//! A key is taken over by its ARN. Each entry is checked by resolving it and comparing it with what AWS holds, as a
//! plan does; a part of an entry that does not fit is left out, and reported. What an entry leaves out is left alone.

mod consumers;
mod entry;
mod fit;
mod grants;
mod names;
mod policy;
mod trial;
mod yaml;

use crate::id::{KeyArn, Name, Place};
use crate::inventory::{Held, Inventory};
use crate::kind::{Address, Kind};
use crate::text::counted;
use consumers::Consumers;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use trial::Entry;
use yaml::Yaml;

pub use names::{names_in, names_text};
pub use policy::Lifted;

/// The largest number of keys in one file.
const ONE_FILE: usize = 20;

/// What the export is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// The name of the stack.
    pub stack: Name,
    /// The account, and the Region of the stack.
    pub home: Place,
    /// The names of keys that are given.
    pub names: BTreeMap<KeyArn, Name>,
    /// Whether the export is written into a folder. Policies that are not lifted have files of their own then.
    pub folder: bool,
}

/// The files of a configuration, and what is said about them.
#[derive(Clone, Debug, Default)]
pub struct Export {
    /// The texts of the files, by their paths in the folder.
    pub files: BTreeMap<String, String>,
    /// The names of the keys.
    pub names: BTreeMap<KeyArn, Name>,
    /// How the policy of each key and replica is written.
    pub lifted: BTreeMap<Address, Lifted>,
    /// The keys that are left out, because a plan would not leave them alone, with the reasons.
    pub unfit: BTreeMap<KeyArn, String>,
    /// What the configuration leaves out, and findings, by the name of the key.
    pub notes: Vec<(Name, String)>,
}

/// Returns the configuration of the keys.
#[must_use]
pub fn export(inventory: &Inventory, request: &Request) -> Export {
    let mut out = Export { names: names::names(inventory, &request.names), ..Export::default() };
    let split = request.folder && out.names.len() > ONE_FILE;
    let mut by_name: Vec<(&Name, &KeyArn)> =
        out.names.iter().map(|(arn, name)| (name, arn)).collect();
    by_name.sort();
    let names = by_name.iter().map(|(name, _)| name.as_str().to_lowercase()).collect();
    let mut count = 0;
    let mut entries = String::new();
    let mut used = Consumers::default();
    for (name, arn) in by_name {
        let Some(held) = inventory.keys.get(arn) else {
            continue;
        };
        let family =
            Family { name, names: &names, held, replicas: replicas(inventory, arn), inventory };
        let entry = match trial::entry(&family, request, split) {
            Ok(entry) => entry,
            Err(why) => {
                out.unfit.insert(arn.clone(), why);
                continue;
            }
        };
        let Entry { text, documents, lifted, notes, consumers } = entry;
        count += 1;
        match split {
            true => drop(out.files.insert(format!("keys/{name}.yaml"), format!("keys:\n{text}"))),
            false => entries.push_str(&text),
        }
        let documents = documents.into_iter();
        out.files.extend(documents.map(|(file, text)| (format!("policies/{file}"), text)));
        let lifted = lifted.into_iter();
        out.lifted.extend(lifted.map(|(name, way)| (Address::new(Kind::Key, name), way)));
        out.notes.extend(notes.into_iter().map(|note| (name.clone(), note)));
        used.extend(consumers);
    }
    let mut whole = head(request, count, split);
    match entries.is_empty() {
        true if split => {}
        true => whole.push_str("\nkeys: {}\n"),
        false => {
            whole.push_str("\nkeys:\n");
            whole.push_str(&entries);
        }
    }
    let mut sections = String::new();
    used.write(&mut sections);
    if !sections.is_empty() {
        whole.push('\n');
        whole.push_str(&sections);
    }
    out.files.insert("kmsctl.yaml".to_owned(), whole);
    out
}

/// A key with its replicas.
struct Family<'a> {
    name: &'a Name,
    /// The names of all keys in lower case.
    names: &'a BTreeSet<String>,
    held: &'a Held,
    replicas: Vec<&'a Held>,
    inventory: &'a Inventory,
}

impl Family<'_> {
    /// Returns the name of the key or of its replica: that of its address.
    fn address(&self, held: &Held) -> String {
        match held.primary() {
            Some(_) => format!("{}/{}", self.name, held.metadata.arn.region),
            None => self.name.to_string(),
        }
    }

    /// Returns the name of the file for the policy of the key or of its replica. No name of a key has a dot.
    fn file(&self, held: &Held) -> String {
        let replica = self.address(held).replace('/', "-");
        let is_taken = held.primary().is_some() && self.names.contains(&replica.to_lowercase());
        let stem = if is_taken { self.address(held).replace('/', ".") } else { replica };
        format!("{stem}.json")
    }
}

/// Returns the replicas of a key that were read.
fn replicas<'a>(inventory: &'a Inventory, primary: &KeyArn) -> Vec<&'a Held> {
    let is_alone = |held: &Held| held.metadata.replicas.is_empty();
    if inventory.keys.get(primary).is_some_and(is_alone) {
        return Vec::new();
    }
    let held = inventory.keys.values();
    held.filter(|held| held.primary().as_ref() == Some(primary)).collect()
}

/// Returns the beginning of the configuration.
fn head(request: &Request, count: usize, is_split: bool) -> String {
    let mut out = String::new();
    let (command, note) = match is_split {
        true => (
            "kmsctl plan -f kmsctl.yaml -f keys",
            "# The keys are in the folder `keys`, and belong to the stack only with `-f keys`.\n",
        ),
        false => ("kmsctl plan", ""),
    };
    let _ = writeln!(
        out,
        "# {} of the account {}. `{command}` makes no call with this configuration.\n{note}\
         # A key is deleted only if it has the stack's tags: `tag: true` beside `adopt` adds them.",
        counted(count, "key"),
        request.home.account
    );
    let fields = Yaml::Map(vec![
        ("stack".to_owned(), Yaml::text(request.stack.to_string())),
        ("account".to_owned(), Yaml::text(request.home.account.to_string())),
        ("region".to_owned(), Yaml::text(request.home.region.to_string())),
    ]);
    fields.block(&mut out, 0);
    out
}
