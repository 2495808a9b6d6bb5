//! The resources that exported keys encrypt, as `existing` entries.

use super::Family;
use super::names::{free, word};
use super::yaml::Yaml;
use crate::id::Region;
use crate::inventory::User;
use std::collections::{BTreeMap, BTreeSet};

/// The section and the list of a kind of resource, such as `ebs` and `volumes`.
pub(super) type List = (&'static str, &'static str);

/// The entries of resources by section and list.
#[derive(Clone, Debug, Default)]
pub(super) struct Consumers(BTreeMap<List, BTreeMap<String, Yaml>>);

impl Consumers {
    /// Adds an entry, under another name if its own is taken.
    pub(super) fn add(&mut self, list: List, name: &str, fields: Fields) {
        self.put(list, name, Yaml::Map(fields));
    }

    fn put(&mut self, list: List, name: &str, entry: Yaml) {
        let entries = self.0.entry(list).or_default();
        let taken: BTreeSet<String> = entries.keys().cloned().collect();
        entries.insert(free(name, &taken), entry);
    }

    pub(super) fn extend(&mut self, more: Self) {
        for (list, entries) in more.0 {
            for (name, entry) in entries {
                self.put(list, &name, entry);
            }
        }
    }

    /// Writes the sections.
    pub(super) fn write(&self, out: &mut String) {
        let mut sections: BTreeMap<&str, Vec<(String, Yaml)>> = BTreeMap::new();
        for ((section, list), entries) in &self.0 {
            let entries = entries.iter().map(|(name, entry)| (name.clone(), entry.clone()));
            let entries = Yaml::Map(entries.collect());
            sections.entry(section).or_default().push(((*list).to_owned(), entries));
        }
        for (section, lists) in sections {
            Yaml::Map(vec![(section.to_owned(), Yaml::Map(lists))]).block(out, 0);
        }
    }
}

/// The fields of an entry.
pub(super) type Fields = Vec<(String, Yaml)>;

/// Returns the section and list, the name and the fields of a resource. `home` is the Region of the stack.
pub(super) fn declared(user: &User, family: &Family<'_>, home: &Region) -> (List, String, Fields) {
    let syntax = user.kind.reader().syntax;
    let key = match user.key.region == family.held.metadata.arn.region {
        true => family.name.to_string(),
        false => format!("{}/{}", family.name, user.key.region),
    };
    let last = user.id.rsplit(['/', ':']).next().unwrap_or_default();
    let name = Some(word(last)).filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| user.kind.as_str().to_owned());
    let mut fields =
        vec![("existing".to_owned(), Yaml::text(&user.id)), ("key".to_owned(), Yaml::text(key))];
    if user.place.region != *home {
        fields.push(("region".to_owned(), Yaml::text(user.place.region.to_string())));
    }
    ((syntax.section.name, syntax.list.0), name, fields)
}
