//! The resources that exported keys encrypt, as `existing` entries.

use super::Family;
use super::names::word;
use super::yaml::Yaml;
use crate::digest::short;
use crate::id::Region;
use crate::inventory::User;
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

/// Returns the names of the entries of a list.
///
/// Of resources with the same name, each gets its Region, or a hash of its id if that does not tell them apart. A
/// number would depend on the order of the resources, and give the name of one to another with the next export.
fn names(entries: &[Entry]) -> Vec<String> {
    let plain: Vec<String> = entries.iter().map(|entry| entry.name.clone()).collect();
    let with_regions =
        apart(&plain, |n| Some(format!("{}-{}", plain.get(n)?, entries.get(n)?.region)));
    apart(&with_regions, |n| {
        let Entry { name, region, id, .. } = entries.get(n)?;
        Some(format!("{name}-{}", short(format!("{region} {id}"), 8)))
    })
}

/// Replaces each of the names that are not alone.
fn apart(names: &[String], other: impl Fn(usize) -> Option<String>) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    let alone = |name: &str| counts.get(name) == Some(&1);
    let names = names.iter().enumerate();
    names
        .map(|(n, name)| if alone(name) { None } else { other(n) }.unwrap_or_else(|| name.clone()))
        .collect()
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
    let last = user.id.rsplit(['/', ':']).next().unwrap_or_default();
    let name = Some(word(last)).filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| user.kind.as_str().to_owned());
    let mut fields =
        vec![("existing".to_owned(), Yaml::text(&user.id)), ("key".to_owned(), Yaml::text(key))];
    if user.place.region != *home {
        fields.push(("region".to_owned(), Yaml::text(user.place.region.to_string())));
    }
    let entry = Entry { name, region: user.place.region.clone(), id: user.id.clone(), fields };
    ((syntax.section.name, syntax.list.0), entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, region: &str, id: &str) -> Entry {
        let (name, id) = (name.to_owned(), id.to_owned());
        Entry { name, region: region.parse().unwrap(), id, fields: Vec::new() }
    }

    #[test]
    fn names_do_not_depend_on_other_resources_that_come_first() {
        let (canada, brazil) =
            (entry("orders", "ca-central-1", "orders"), entry("orders", "sa-east-1", "orders"));
        let before = names(&[canada.clone(), brazil.clone()]);
        assert_eq!(before, ["orders-ca-central-1", "orders-sa-east-1"]);
        let after = names(&[entry("orders", "ap-south-1", "orders"), canada.clone(), brazil]);
        assert_eq!(after[1..], before);
        // Names of AWS can have characters that those of the configuration have not.
        let two = ["app-orders", "app.orders"].map(|id| entry("app-orders", "sa-east-1", id));
        let [one, other] = &two;
        let before = names(&two);
        let after =
            names(&[entry("app-orders", "sa-east-1", "app-.orders"), other.clone(), one.clone()]);
        assert_eq!(after[1..], [before[1].clone(), before[0].clone()]);
        assert_ne!(before[0], before[1]);
        // One resource has the name that another would get.
        let taken = [
            entry("orders-ca-central-1", "sa-east-1", "x"),
            canada.clone(),
            entry("orders", "sa-east-1", "y"),
        ];
        assert_eq!(names(&taken).iter().collect::<std::collections::BTreeSet<_>>().len(), 3);
    }
}
