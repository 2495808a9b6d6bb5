//! The resources that exported keys encrypt, as `existing` entries.

use super::Family;
use super::names::word;
use super::yaml::Yaml;
use crate::digest::short;
use crate::id::{Region, ResourceName};
use crate::inventory::{Held, Inventory, User};
use crate::text::{counted, some_of};
use std::collections::BTreeMap;

/// The section and the list of a kind of resource, such as `ebs` and `volumes`.
pub(super) type List = (&'static str, &'static str);

/// The entries of resources by section and list.
#[derive(Clone, Debug, Default)]
pub(super) struct Consumers(BTreeMap<List, Vec<Entry>>);

/// The entry of a resource.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The name, if no other resource has it.
    name: String,
    region: Region,
    id: String,
    fields: Fields,
}

impl Consumers {
    pub(super) fn add(&mut self, list: List, entry: Entry) {
        self.0.entry(list).or_default().push(entry);
    }

    pub(super) fn extend(&mut self, more: Self) {
        for (list, entries) in more.0 {
            self.0.entry(list).or_default().extend(entries);
        }
    }

    /// Writes the sections.
    pub(super) fn write(&self, out: &mut String) {
        let mut sections: BTreeMap<&str, Vec<(String, Yaml)>> = BTreeMap::new();
        for ((section, list), entries) in &self.0 {
            let fields = entries.iter().map(|entry| Yaml::Map(entry.fields.clone()));
            let mut entries: Vec<(String, Yaml)> = names(entries).into_iter().zip(fields).collect();
            entries.sort_by(|(one, _), (other, _)| one.cmp(other));
            sections.entry(section).or_default().push(((*list).to_owned(), Yaml::Map(entries)));
        }
        for (section, lists) in sections {
            Yaml::Map(vec![(section.to_owned(), Yaml::Map(lists))]).block(out, 0);
        }
    }
}

impl Entry {
    /// Adds a field.
    pub(super) fn with(mut self, name: &str, value: Yaml) -> Self {
        self.fields.push((name.to_owned(), value));
        self
    }
}

/// Returns the names of the entries of a list. Of resources with the same name, each gets a hash of its id. A number
/// would depend on the order of the resources, and give the name of one to another with the next export.
fn names(entries: &[Entry]) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in entries {
        *counts.entry(&entry.name).or_default() += 1;
    }
    let is_alone = |name: &str| counts.get(name) == Some(&1);
    let names = entries.iter().map(|entry| match is_alone(&entry.name) {
        true => entry.name.clone(),
        false => hashed(&entry.name, &entry.region, &entry.id),
    });
    names.collect()
}

/// Returns a name with a hash of what the resource is.
fn hashed(name: &str, region: &Region, id: &str) -> String {
    format!("{name}-{}", short(format!("{region} {id}"), 8))
}

/// Returns the name of a resource: the last part of its id, with its Region if that is not the one of the stack, and
/// with a hash if the configuration cannot have the name as it is. Whatever else there is does not change it.
fn name_of(user: &User, home: &Region) -> String {
    let region = &user.place.region;
    let last = user.id.rsplit(['/', ':']).next().unwrap_or_default();
    let placed = |name: &str| match region == home {
        true => name.to_owned(),
        false => format!("{name}-{region}"),
    };
    if let Ok(name) = placed(last).parse::<ResourceName>()
        && last.parse::<ResourceName>().is_ok()
    {
        return name.to_string();
    }
    let word = Some(word(last)).filter(|word| !word.is_empty());
    hashed(&placed(word.as_deref().unwrap_or(user.kind.as_str())), region, &user.id)
}

/// The fields of an entry.
type Fields = Vec<(String, Yaml)>;

/// Returns the section and list, and the entry of a resource. `home` is the Region of the stack.
pub(super) fn declared(user: &User, family: &Family<'_>, home: &Region) -> (List, Entry) {
    let syntax = user.kind.reader().syntax;
    let key = match user.key.region == family.held.metadata.arn.region {
        true => family.name.to_string(),
        false => format!("{}/{}", family.name, user.key.region),
    };
    let mut fields =
        vec![("existing".to_owned(), Yaml::text(&user.id)), ("key".to_owned(), Yaml::text(key))];
    if user.place.region != *home {
        fields.push(("region".to_owned(), Yaml::text(user.place.region.to_string())));
    }
    let entry = Entry {
        name: name_of(user, home),
        region: user.place.region.clone(),
        id: user.id.clone(),
        fields,
    };
    ((syntax.section.name, syntax.list.0), entry)
}

/// The largest number of snapshots that a note names.
const NAMED: usize = 4;

/// Returns the sentence about what else needs a key, and no entry names.
pub(super) fn unwritten(held: &Held, inventory: &Inventory) -> Option<String> {
    let mut by_noun: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let own = inventory.others.iter().filter(|other| other.key == held.metadata.arn);
    for other in own {
        by_noun.entry(other.noun).or_default().push(&other.id);
    }
    let others = by_noun.iter().map(|(noun, ids)| {
        let what = if ids.len() == 1 { (*noun).to_owned() } else { counted(ids.len(), noun) };
        format!("{what} ({})", some_of(ids, NAMED))
    });
    let others: Vec<String> = others.collect();
    (!others.is_empty())
        .then(|| format!("no entry can name what else needs the key: {}", others.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Place;
    use crate::kind::ConsumerKind;

    fn name(region: &str, id: &str) -> String {
        let user = User {
            kind: ConsumerKind::RdsInstance,
            id: id.to_owned(),
            place: Place {
                account: "111122223333".parse().unwrap(),
                region: region.parse().unwrap(),
            },
            key: format!(
                "arn:aws:kms:{region}:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
            )
            .parse()
            .unwrap(),
        };
        name_of(&user, &"eu-west-1".parse().unwrap())
    }

    #[test]
    fn a_name_depends_on_nothing_but_the_resource() {
        assert_eq!(name("eu-west-1", "orders"), "orders");
        assert_eq!(name("ca-central-1", "orders"), "orders-ca-central-1");
        assert_eq!(name("eu-west-1", "app.orders"), "app.orders");
        // Names of AWS can have characters that those of the configuration cannot have.
        let (one, other) = (name("eu-west-1", "app$orders"), name("eu-west-1", "app!orders"));
        assert!(one.starts_with("app-orders-") && one.len() == 19 && one != other, "{one}");
        let long = |count| name("ca-central-1", &"x".repeat(count));
        assert!(long(255).len() < 100 && long(255) != long(254), "{}", long(255));
        assert_eq!(long(240).len(), 253);
        assert!(name("eu-west-1", "arn:aws:x:::y/").starts_with("rds_instance-"));
    }

    #[test]
    fn the_same_names_are_told_apart() {
        let entry = |name: &str, id: &str| {
            let (name, id) = (name.to_owned(), id.to_owned());
            Entry { name, region: "eu-west-1".parse().unwrap(), id, fields: Vec::new() }
        };
        let all = [entry("main", "a/main"), entry("main", "b/main"), entry("other", "other")];
        let names = names(&all);
        assert_eq!(names[2], "other");
        assert!(
            names[0] != names[1] && names[..2].iter().all(|name| name.len() == 13),
            "{names:?}"
        );
    }
}
