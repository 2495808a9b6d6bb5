//! The entry of one key, with everything that a plan leaves as it is.

use super::fit::fit;
use super::policy::{Form, Lifted, forms};
use super::yaml::{Yaml, scalar};
use super::{Family, Request, grants};
use crate::id::Place;
use crate::inventory::{Held, User};
use crate::kind::key::{self, Rotation};
use crate::text::counted;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The entry of a key.
pub(super) struct Entry {
    /// The text, with the name of the key.
    pub(super) text: String,
    /// The policy that is in a file of its own.
    pub(super) document: Option<String>,
    pub(super) lifted: Lifted,
    /// What is left out, and findings.
    pub(super) notes: Vec<String>,
    pub(super) consumers: Consumers,
}

/// A part of an entry that can be left out: it is left alone then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// The properties that AWS fixes at creation.
    Fixed,
    Description,
    Tags,
    Aliases,
    Rotation,
    Enabled,
}

impl Part {
    const ALL: [Self; 6] =
        [Self::Fixed, Self::Description, Self::Tags, Self::Aliases, Self::Rotation, Self::Enabled];

    fn subject(self) -> &'static str {
        match self {
            Self::Fixed => "spec, usage and origin are",
            Self::Description => "description is",
            Self::Tags => "tags are",
            Self::Aliases => "aliases are",
            Self::Rotation => "rotation is",
            Self::Enabled => "state is",
        }
    }
}

/// How a key and its replicas are written.
#[derive(Clone)]
struct Shape {
    /// The parts that are left out.
    without: BTreeSet<Part>,
    /// The ids of the grants that are left out.
    no_grants: BTreeSet<String>,
    /// The policy of the key and of each replica.
    policies: Vec<Form>,
}

/// Returns the entry of a key. A part that does not fit is left out.
///
/// # Errors
/// Returns the reason why a plan would not leave the key alone whatever is left out.
pub(super) fn entry(family: &Family<'_>, request: &Request, split: bool) -> Result<Entry, String> {
    let all: Vec<&Held> =
        [family.held].into_iter().chain(family.replicas.iter().copied()).collect();
    let found: Vec<Vec<Form>> = all.iter().map(|held| forms(held)).collect();
    let first = |forms: &Vec<Form>| forms.first().cloned().unwrap_or(LEFT);
    let mut shape = Shape {
        without: BTreeSet::new(),
        no_grants: BTreeSet::new(),
        policies: found.iter().map(first).collect(),
    };
    let mut notes = Vec::new();
    let judge = |shape: &Shape| {
        let text = whole(&written(family, request, shape, None).0, &BTreeMap::new(), request);
        fit(&text, &request.home, &all)
    };
    if let Err(why) = judge(&shape) {
        let (fitting, more) = fitting(&shape, &found, &all, judge, &why);
        judge(&fitting)?;
        shape = fitting;
        notes.extend(more);
    }
    let mut consumers = Consumers::default();
    if !family.inventory.consumers.is_empty() {
        consumers = used(family, request, &mut shape, &all);
    }
    for held in &all {
        notes.extend(grants::sorted(held).notes);
    }
    let path = request.folder.then(|| {
        let up = if split { "../" } else { "" };
        format!("{up}policies/{}.json", family.name)
    });
    let (text, document) = written(family, request, &shape, path.as_deref());
    let lifted = shape.policies.first().map_or(LEFT, Clone::clone).lifted();
    Ok(Entry { text, document, lifted, notes, consumers })
}

/// The form of a policy of which nothing is known.
const LEFT: Form = Form::Nothing(Lifted::Left(String::new()));

/// Leaves out what does not fit: as little as possible. `why` is the reason why the whole shape does not fit.
fn fitting(
    shape: &Shape,
    forms: &[Vec<Form>],
    all: &[&Held],
    judge: impl Fn(&Shape) -> Result<(), String>,
    why: &str,
) -> (Shape, Vec<String>) {
    // Other words for the policies, from the most readable ones on.
    for (number, forms) in forms.iter().enumerate() {
        for form in forms.iter().skip(1) {
            let mut next = shape.clone();
            if let Some(policy) = next.policies.get_mut(number) {
                *policy = because(form.clone(), why);
            }
            if judge(&next).is_ok() {
                return (next, Vec::new());
            }
        }
    }
    for part in Part::ALL {
        let mut next = shape.clone();
        next.without.insert(part);
        if judge(&next).is_ok() {
            return (next, vec![format!("its {} left out: {why}", part.subject())]);
        }
    }
    from_nothing(shape, forms, all, judge, why)
}

/// Begins with nothing, and adds what fits.
fn from_nothing(
    shape: &Shape,
    forms: &[Vec<Form>],
    all: &[&Held],
    judge: impl Fn(&Shape) -> Result<(), String>,
    why: &str,
) -> (Shape, Vec<String>) {
    let mut notes = Vec::new();
    let ids = all.iter().flat_map(|held| held.grants.iter().map(|grant| grant.grant_id.clone()));
    let mut next = Shape {
        without: Part::ALL.into(),
        no_grants: ids.collect(),
        policies: vec![because(LEFT, why); shape.policies.len()],
    };
    for (number, forms) in forms.iter().enumerate() {
        for form in forms {
            let mut more = next.clone();
            if let Some(policy) = more.policies.get_mut(number) {
                *policy = form.clone();
            }
            if judge(&more).is_ok() {
                next = more;
                break;
            }
        }
    }
    for part in Part::ALL {
        let mut more = next.clone();
        more.without.remove(&part);
        match judge(&more) {
            Ok(()) => next = more,
            Err(why) => notes.push(format!("its {} left out: {why}", part.subject())),
        }
    }
    for id in next.no_grants.clone() {
        let mut more = next.clone();
        more.no_grants.remove(&id);
        match judge(&more) {
            Ok(()) => next = more,
            Err(why) => notes.push(format!("the grant {id} is left out: {why}")),
        }
    }
    (next, notes)
}

/// Adds the reason to a policy that is left alone.
fn because(form: Form, why: &str) -> Form {
    match form {
        Form::Nothing(Lifted::Left(_)) => Form::Nothing(Lifted::Left(why.to_owned())),
        Form::Nothing(_) | Form::Roles(_) | Form::Document(_) => form,
    }
}

/// Returns the text of the entry, and the policy for a file of its own, if `path` names it.
fn written(
    family: &Family<'_>,
    request: &Request,
    shape: &Shape,
    path: Option<&str>,
) -> (String, Option<String>) {
    let own = shape.policies.first();
    let mut fields = fields(family.held, shape, own, path, request, false);
    let document = match (own, path) {
        (Some(Form::Document(text)), Some(_)) => Some(format!("{text}\n")),
        (Some(Form::Document(_) | Form::Roles(_) | Form::Nothing(_)) | None, _) => None,
    };
    let replicas = family.replicas.iter().zip(shape.policies.iter().skip(1));
    let replicas: Vec<(String, Yaml)> = replicas
        .map(|(held, form)| {
            let fields = self::fields(held, shape, Some(form), None, request, true);
            (held.metadata.arn.region.to_string(), Yaml::Map(fields))
        })
        .collect();
    if !replicas.is_empty() {
        fields.push(("replicas".to_owned(), Yaml::Map(replicas)));
    }
    let mut text = format!("  {}:\n", scalar(family.name.as_str()));
    for line in comments(family) {
        let _ = writeln!(text, "    # {line}");
    }
    Yaml::Map(fields).block(&mut text, 4);
    (text, document)
}

/// Returns the fields of a key or a replica.
fn fields(
    held: &Held,
    shape: &Shape,
    policy: Option<&Form>,
    path: Option<&str>,
    request: &Request,
    is_replica: bool,
) -> Vec<(String, Yaml)> {
    let metadata = &held.metadata;
    let account = &metadata.arn.account;
    let has = |part: Part| !shape.without.contains(&part);
    let mut out: Vec<(String, Yaml)> = Vec::new();
    let mut put = |name: &str, value: Yaml| out.push((name.to_owned(), value));
    let flag = |value: bool| Yaml::Plain(value.to_string());
    if !is_replica {
        put("adopt", Yaml::text(metadata.arn.to_string()));
        if metadata.arn.region != request.home.region {
            put("region", Yaml::text(metadata.arn.region.to_string()));
        }
        let fixed = if has(Part::Fixed) { fixed(held) } else { Vec::new() };
        for (name, value) in fixed {
            put(name, value);
        }
    }
    if has(Part::Description) && !metadata.description.is_empty() {
        put("description", Yaml::text(&metadata.description));
    }
    if has(Part::Aliases) && !held.aliases.is_empty() {
        put("aliases", Yaml::texts(held.aliases.iter().map(crate::id::AliasName::bare)));
    }
    if has(Part::Tags) && !held.tags.is_empty() {
        put("tags", Yaml::pairs(&held.tags));
    }
    if has(Part::Enabled) && metadata.state == "Disabled" {
        put("enabled", flag(false));
    }
    if let (true, Some(Rotation::EveryDays(days))) = (has(Part::Rotation), held.rotation) {
        let period = ("period_days".to_owned(), Yaml::Plain(days.to_string()));
        put("rotation", Yaml::Map(vec![period]));
    }
    if let Some(policy) = policy.and_then(|form| form.yaml(account, path)) {
        put("policy", policy);
    }
    let sorted = grants::sorted(held);
    let taken = sorted.taken.iter().filter(|(_, g)| !shape.no_grants.contains(&g.grant_id));
    let taken: Vec<(String, Yaml)> =
        taken.map(|(name, grant)| (name.clone(), grants::yaml(grant, account))).collect();
    if !taken.is_empty() {
        put("grants", Yaml::Map(taken));
    }
    out
}

/// Returns the properties that AWS fixes at creation, unless they are those of an ordinary key.
fn fixed(held: &Held) -> Vec<(&'static str, Yaml)> {
    let metadata = &held.metadata;
    let mut out = Vec::new();
    let usual = key::rule(&metadata.spec).and_then(|rule| rule.usages.first().copied());
    if metadata.spec != key::DEFAULT_SPEC {
        out.push(("spec", Yaml::text(&metadata.spec)));
    }
    if metadata.spec != key::DEFAULT_SPEC || usual != Some(metadata.usage.as_str()) {
        out.push(("usage", Yaml::text(&metadata.usage)));
    }
    if metadata.origin != key::DEFAULT_ORIGIN {
        out.push(("origin", Yaml::text(&metadata.origin)));
    }
    if metadata.multi_region {
        out.push(("multi_region", Yaml::Plain("true".to_owned())));
    }
    let stores = [
        ("custom_key_store_id", &metadata.custom_key_store_id),
        ("xks_key_id", &metadata.xks_key_id),
    ];
    for (name, value) in stores {
        out.extend(value.iter().map(|value| (name, Yaml::text(value))));
    }
    out
}

/// Returns what is said about a key.
fn comments(family: &Family<'_>) -> Vec<String> {
    let metadata = &family.held.metadata;
    let mut out = Vec::new();
    if !["Enabled", "Disabled"].contains(&metadata.state.as_str()) {
        out.push(format!("Its state is {}.", metadata.state));
    }
    let services = grants::sorted(family.held).of_services;
    if services > 0 {
        let grants = counted(services, "grant");
        out.push(format!("AWS services hold {grants} on it, which are left alone."));
    }
    let read: BTreeSet<_> = family.replicas.iter().map(|held| &held.metadata.arn.region).collect();
    let others = metadata.replicas.iter().filter(|region| !read.contains(region));
    let others: Vec<&str> = others.map(crate::id::Region::as_str).collect();
    if !others.is_empty() {
        out.push(format!("Its replicas in {} were not read (--regions).", others.join(", ")));
    }
    out
}

/// Returns a configuration of one key and of resources that it encrypts.
fn whole(entry: &str, sections: &Sections, request: &Request) -> String {
    let Place { account, region } = &request.home;
    let mut text = format!(
        "stack: {}\naccount: \"{account}\"\nregion: {region}\nkeys:\n{entry}",
        scalar(request.stack.as_str())
    );
    write_sections(sections, &mut text);
    text
}

/// The entries of consumers by section and list, such as `ebs` and `volumes`.
type Sections = BTreeMap<(&'static str, &'static str), BTreeMap<String, Yaml>>;

/// The resources that the keys encrypt.
#[derive(Clone, Debug, Default)]
pub(super) struct Consumers {
    sections: Sections,
    /// The resources whose statements the policy of their key does not have, with the reasons.
    others: Vec<String>,
}

impl Consumers {
    pub(super) fn extend(&mut self, more: Self) {
        for (list, entries) in more.sections {
            let all = self.sections.entry(list).or_default();
            for (name, entry) in entries {
                let names: BTreeSet<String> = all.keys().cloned().collect();
                all.insert(free(&name, &names), entry);
            }
        }
        self.others.extend(more.others);
    }

    pub(super) fn write(&self, out: &mut String) {
        if !self.sections.is_empty() {
            out.push('\n');
        }
        write_sections(&self.sections, out);
        if !self.others.is_empty() {
            out.push_str(
                "\n# Left out, because their entries would change the policy of their key:\n",
            );
            for other in &self.others {
                let _ = writeln!(out, "# {other}");
            }
        }
    }
}

fn write_sections(sections: &Sections, out: &mut String) {
    let mut names: Vec<&str> = sections.keys().map(|(section, _)| *section).collect();
    names.dedup();
    for section in names {
        let lists = sections.iter().filter(|((of, _), _)| *of == section);
        let lists = lists.map(|((_, list), entries)| {
            let entries = entries.iter().map(|(name, entry)| (name.clone(), entry.clone()));
            ((*list).to_owned(), Yaml::Map(entries.collect()))
        });
        Yaml::Map(vec![(section.to_owned(), Yaml::Map(lists.collect()))]).block(out, 0);
    }
}

fn free(name: &str, taken: &BTreeSet<String>) -> String {
    if !taken.contains(name) {
        return name.to_owned();
    }
    let mut numbers = (2_usize..).map(|number| format!("{name}-{number}"));
    numbers.find(|name| !taken.contains(name)).unwrap_or_else(|| name.to_owned())
}

/// Returns the resources that the key encrypts. A resource whose statements the policy of the key does not have is left
/// out, and statements of the policy that a resource accounts for are left to it.
fn used(family: &Family<'_>, request: &Request, shape: &mut Shape, all: &[&Held]) -> Consumers {
    let mut out = Consumers::default();
    let fits = |shape: &Shape, sections: &Sections| {
        let text = whole(&written(family, request, shape, None).0, sections, request);
        fit(&text, &request.home, all)
    };
    for user in &family.inventory.consumers {
        if !all.iter().any(|held| held.metadata.arn == user.key) {
            continue;
        }
        let (list, name, entry) = declared(user, family);
        let mut more = out.sections.clone();
        let entries = more.entry(list).or_default();
        let name = free(&name, &entries.keys().cloned().collect());
        entries.insert(name, entry);
        let fitting = match lighter(shape, |shape| fits(shape, &more)) {
            Some(lighter) => {
                *shape = lighter;
                Ok(())
            }
            None => fits(shape, &more),
        };
        match fitting {
            Ok(()) => out.sections = more,
            Err(why) => {
                let (section, list) = list;
                out.others.push(format!("{section}.{list}: {} ({why})", user.id));
            }
        }
    }
    out
}

/// Leaves statements of the policy out that a resource accounts for. Returns `None` if there are none.
fn lighter(shape: &Shape, fits: impl Fn(&Shape) -> Result<(), String>) -> Option<Shape> {
    let mut best = None;
    let mut current = shape.clone();
    let count = |shape: &Shape| match shape.policies.first() {
        Some(Form::Roles(roles)) => roles.statements.len(),
        Some(Form::Nothing(_) | Form::Document(_)) | None => 0,
    };
    let mut number = 0;
    while number < count(&current) {
        let mut next = current.clone();
        if let Some(Form::Roles(roles)) = next.policies.first_mut() {
            roles.statements.remove(number);
        }
        if fits(&next).is_ok() {
            current = next;
            best = Some(current.clone());
        } else {
            number += 1;
        }
    }
    best
}

/// Returns the section and list, the name and the entry of a resource.
fn declared(user: &User, family: &Family<'_>) -> ((&'static str, &'static str), String, Yaml) {
    let syntax = user.kind.reader().syntax;
    let key = match user.key.region == family.held.metadata.arn.region {
        true => family.name.to_string(),
        false => format!("{}/{}", family.name, user.key.region),
    };
    let last = user.id.rsplit(['/', ':']).next().unwrap_or_default();
    let is_valid = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let name: String = last.chars().map(|c| if is_valid(c) { c } else { '-' }).take(60).collect();
    let entry = Yaml::Map(vec![
        ("existing".to_owned(), Yaml::text(&user.id)),
        ("key".to_owned(), Yaml::text(key)),
    ]);
    ((syntax.section.name, syntax.list.0), name, entry)
}
