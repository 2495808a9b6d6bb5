//! Finds what can be written of a key such that a plan leaves it alone.

use super::consumers::{Consumers, declared, unwritten};
use super::entry::{Part, Shape, written};
use super::fit::fit;
use super::policy::{Form, Lifted, findings, forms};
use super::yaml::{Yaml, scalar};
use super::{Family, Request, grants};
use crate::id::Place;
use crate::inventory::Held;
use std::collections::{BTreeMap, BTreeSet};

/// The entry of a key.
pub(super) struct Entry {
    /// The text, with the name of the key.
    pub(super) text: String,
    /// The policies that are in files of their own, by the names of the files.
    pub(super) documents: BTreeMap<String, String>,
    /// How the policy of the key and of each replica is written, by the names of their addresses.
    pub(super) lifted: BTreeMap<String, Lifted>,
    /// What is left out, and findings.
    pub(super) notes: Vec<String>,
    pub(super) consumers: Consumers,
}

/// A key whose entry is looked for.
struct Trial<'a> {
    family: &'a Family<'a>,
    request: &'a Request,
    /// The key and its replicas.
    all: Vec<&'a Held>,
    /// The ways to write the policy of each of them, the most readable one first.
    forms: Vec<Vec<Form>>,
}

/// Returns the entry of a key. A part that does not fit is left out. `split` says whether each key has a file of its
/// own.
///
/// # Errors
/// Returns the reason why a plan would not leave the key alone whatever is left out.
pub(super) fn entry(family: &Family<'_>, request: &Request, split: bool) -> Result<Entry, String> {
    let all: Vec<&Held> =
        [family.held].into_iter().chain(family.replicas.iter().copied()).collect();
    let forms = all.iter().map(|held| forms(held)).collect();
    let trial = Trial { family, request, all, forms };
    let (mut shape, mut notes) = trial.fitting()?;
    let consumers = trial.consumers(&mut shape, &mut notes);
    for held in &trial.all {
        notes.extend(findings(held));
        notes.extend(grants::sorted(held).notes);
        notes.extend(unwritten(held, family.inventory));
    }
    let folder = if split { "../policies" } else { "policies" };
    let (text, documents) = written(family, request, &shape, request.folder.then_some(folder));
    let lifted = trial.all.iter().zip(&shape.policies);
    let lifted = lifted.map(|(held, form)| (family.address(held), form.lifted())).collect();
    Ok(Entry { text, documents, lifted, notes, consumers })
}

impl Trial<'_> {
    /// Returns whether a plan leaves the key alone.
    fn fits(&self, shape: &Shape, consumers: &Consumers) -> Result<(), String> {
        let Place { account, region } = &self.request.home;
        let mut text = format!(
            "stack: {}\naccount: \"{account}\"\nregion: {region}\nkeys:\n{}",
            scalar(self.request.stack.as_str()),
            written(self.family, self.request, shape, None).0
        );
        consumers.write(&mut text);
        fit(&text, &self.request.home, &self.all)
    }

    fn alone(&self, shape: &Shape) -> Result<(), String> {
        self.fits(shape, &Consumers::default())
    }

    /// Returns a shape that fits, with as much as possible, and what it leaves out.
    fn fitting(&self) -> Result<(Shape, Vec<String>), String> {
        let first = self.forms.iter().filter_map(|forms| forms.first().cloned());
        let whole = Shape {
            without: BTreeSet::new(),
            no_tags: BTreeSet::new(),
            no_grants: BTreeSet::new(),
            policies: first.collect(),
        };
        let Err(why) = self.alone(&whole) else {
            return Ok((whole, Vec::new()));
        };
        // Other words for one policy, from the most readable ones on.
        for (number, forms) in self.forms.iter().enumerate() {
            for form in forms.iter().skip(1) {
                let next = whole.with(number, form.because(&why));
                if self.alone(&next).is_ok() {
                    return Ok((next, Vec::new()));
                }
            }
        }
        for part in Part::ALL {
            let mut next = whole.clone();
            next.without.insert(part);
            if self.alone(&next).is_ok() {
                let mut notes = Vec::new();
                self.add(part, &mut next, &why, &mut notes);
                return Ok((next, notes));
            }
        }
        self.built_up()
    }

    /// Begins with nothing, and adds what fits.
    fn built_up(&self) -> Result<(Shape, Vec<String>), String> {
        let grants = self.all.iter().flat_map(|held| &held.grants);
        let mut next = Shape {
            without: Part::ALL.into(),
            no_tags: BTreeSet::new(),
            no_grants: grants.map(|grant| grant.grant_id.clone()).collect(),
            policies: vec![Form::left(""); self.all.len()],
        };
        self.alone(&next)?;
        let mut notes = Vec::new();
        for (number, forms) in self.forms.iter().enumerate() {
            let mut why = None;
            for form in forms {
                let reason = why.as_deref().unwrap_or_default();
                let more = next.with(number, form.because(reason));
                match self.alone(&more) {
                    Ok(()) => {
                        next = more;
                        break;
                    }
                    Err(error) => drop(why.get_or_insert(error)),
                }
            }
        }
        for part in Part::ALL {
            let mut more = next.clone();
            more.without.remove(&part);
            match self.alone(&more) {
                Ok(()) => next = more,
                Err(why) => self.add(part, &mut next, &why, &mut notes),
            }
        }
        for id in next.no_grants.clone() {
            let mut more = next.clone();
            more.no_grants.remove(&id);
            match self.alone(&more) {
                Ok(()) => next = more,
                Err(why) => notes.push(format!("the grant {id} is left out: {why}")),
            }
        }
        Ok((next, notes))
    }

    /// Adds what fits of a part that does not fit as a whole: of the tags, one by one.
    fn add(&self, part: Part, shape: &mut Shape, why: &str, notes: &mut Vec<String>) {
        let tags: BTreeSet<String> =
            self.all.iter().flat_map(|held| held.tags.keys().cloned()).collect();
        if part != Part::Tags || tags.len() < 2 {
            notes.push(format!("its {} left out: {why}", part.subject()));
            return;
        }
        let mut some = Shape { no_tags: tags.clone(), ..shape.clone() };
        some.without.remove(&part);
        for tag in tags {
            let mut more = some.clone();
            more.no_tags.remove(&tag);
            match self.alone(&more) {
                Ok(()) => some = more,
                Err(why) => notes.push(format!("its tag `{tag}` is left out: {why}")),
            }
        }
        *shape = some;
    }

    /// Returns the resources that the key encrypts. Statements of the policy that a resource accounts for are left to
    /// it; a resource whose statements the policy of the key does not have derives none.
    fn consumers(&self, shape: &mut Shape, notes: &mut Vec<String>) -> Consumers {
        let mut out = Consumers::default();
        let own: BTreeSet<_> = self.all.iter().map(|held| &held.metadata.arn).collect();
        let users = self.family.inventory.consumers.iter();
        for user in users.filter(|user| own.contains(&user.key)) {
            let (list, entry) = declared(user, self.family, &self.request.home.region);
            let with = |entry| {
                let mut more = out.clone();
                more.add(list, entry);
                more
            };
            let more = with(entry.clone());
            if let Some(lighter) = self.lighter(shape, &more) {
                (*shape, out) = (lighter, more);
                continue;
            }
            let Err(why) = self.fits(shape, &more) else {
                out = more;
                continue;
            };
            let more = with(entry.with("derive_policy", Yaml::Plain("false".to_owned())));
            let named = format!("{}.{} {}", list.0, list.1, user.id);
            notes.push(match self.fits(shape, &more) {
                Ok(()) => {
                    out = more;
                    format!("{named} has `derive_policy: false`: {why}")
                }
                Err(why) => format!("{named} is left out: {why}"),
            });
        }
        out
    }

    /// Leaves statements of the policy out that the resources account for. Returns `None` if there are none.
    fn lighter(&self, shape: &Shape, consumers: &Consumers) -> Option<Shape> {
        let count = |shape: &Shape| match shape.policies.first() {
            Some(Form::Roles(roles)) => roles.statements.len(),
            Some(Form::Nothing(_) | Form::Document { .. }) | None => 0,
        };
        let (mut best, mut number) = (shape.clone(), 0);
        while number < count(&best) {
            let mut next = best.clone();
            if let Some(Form::Roles(roles)) = next.policies.first_mut() {
                roles.statements.remove(number);
            }
            match self.fits(&next, consumers) {
                Ok(()) => best = next,
                Err(_) => number += 1,
            }
        }
        (count(&best) < count(shape)).then_some(best)
    }
}
