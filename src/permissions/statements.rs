//! The statements of a policy: what each action allows, merged without allowing more.

use super::Ask;
use super::bounds::Conditions;
use super::requests::{Request, applies};
use super::subject::{KeyTarget, Own, OwnKey, Subject};
use super::table::{Bound, Need, On, RAISING, Stage};
use crate::id::{AccountId, Name, Place};
use crate::kind::Kind;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// One action on one resource, under conditions.
#[derive(Clone, Debug)]
pub(super) struct Permit {
    /// The account whose credentials need it.
    pub(super) account: AccountId,
    /// Why the statement is there, as its Sid.
    pub(super) sid: String,
    pub(super) action: &'static str,
    pub(super) resource: String,
    pub(super) conditions: Conditions,
    /// The operation and what it is about.
    pub(super) call: (&'static str, String),
    /// The stage of the operation.
    pub(super) stage: Stage,
    /// Why AWS checks it besides the request, if it does.
    pub(super) dependent: Option<&'static str>,
    /// The keys that it is about.
    pub(super) keys: BTreeSet<KeyTarget>,
}

/// A statement, which allows actions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Statement {
    /// What it is for, as letters and digits.
    pub sid: String,
    /// The actions.
    pub actions: BTreeSet<&'static str>,
    /// The ARNs, or `*`.
    pub resources: BTreeSet<String>,
    /// The conditions.
    pub conditions: Conditions,
    /// The operations that need it, each with what they are about.
    pub calls: BTreeMap<&'static str, BTreeSet<String>>,
    /// Why AWS checks actions besides those of the requests.
    pub dependent: BTreeSet<&'static str>,
}

impl Statement {
    /// Returns the statement in the form of a policy.
    #[must_use]
    pub fn json(&self) -> Value {
        let list = |all: Vec<Value>| match <[Value; 1]>::try_from(all) {
            Ok([only]) => only,
            Err(several) => Value::Array(several),
        };
        let actions = self.actions.iter().map(|action| Value::from(*action)).collect();
        let resources = self.resources.iter().cloned().map(Value::from).collect();
        let mut json = serde_json::json!({
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": list(actions),
            "Resource": list(resources),
        });
        if !self.conditions.is_empty()
            && let Value::Object(json) = &mut json
        {
            json.insert("Condition".to_owned(), self.conditions.json());
        }
        json
    }
}

/// Returns the actions that the requests need.
pub(super) fn permits(ask: &Ask<'_>, requests: &[Request]) -> Vec<Permit> {
    let mut permits = Vec::new();
    for request in requests {
        let needs = request.operation.needs();
        let needs = needs.filter(|need| !need.optional && applies(need.when, &request.subject));
        let mut found = Vec::new();
        let mut is_possible = true;
        for need in needs {
            let resources = resources(need, request, &ask.desired.stack);
            is_possible &= !resources.is_empty() || need.dependent.is_some();
            found.extend(resources.into_iter().map(|at| permit(ask, request, need, at)));
        }
        // A request whose resource the configuration does not have is never sent.
        if is_possible {
            permits.extend(found);
        }
    }
    permits
}

/// A resource, the conditions that select it, and the keys that it stands for.
struct Resource {
    name: String,
    conditions: Conditions,
    keys: BTreeSet<KeyTarget>,
}

impl Resource {
    fn named(name: String) -> Self {
        Self { name, conditions: Conditions::default(), keys: BTreeSet::new() }
    }
}

/// Returns the resources of a need.
fn resources(need: &Need, request: &Request, stack: &Name) -> Vec<Resource> {
    let subject = &request.subject;
    match need.on {
        On::Global => vec![Resource::named("*".to_owned())],
        On::Everything => {
            let mut all = Resource::named("*".to_owned());
            all.conditions.in_region(&request.at);
            vec![all]
        }
        On::Key => {
            let is_own = subject.kind == Some(Kind::Key);
            let keys = subject.keys.iter();
            let keys = keys.map(|key| if is_own { key.at(&request.at) } else { key.clone() });
            keys.map(|key| of_key(&key, need, stack)).collect()
        }
        On::Primary => subject.primary.iter().map(|key| of_key(key, need, stack)).collect(),
        On::Alias => {
            let name = subject.fields.get("name").and_then(Value::as_str);
            let Place { account, region } = &subject.place;
            let partition = region.partition();
            let arn = name.map(|name| format!("arn:{partition}:kms:{region}:{account}:{name}"));
            arn.into_iter().map(Resource::named).collect()
        }
        On::Own => match &subject.own {
            Own::Exact(arn) | Own::All(arn) => vec![Resource::named(arn.clone())],
            Own::Tagged(pattern) => vec![of_tagged(pattern, request, stack)],
            Own::Nameless => Vec::new(),
        },
        On::Arns(templates) => {
            let all = templates.iter().flat_map(|template| filled(template, request));
            all.map(Resource::named).collect()
        }
    }
}

fn of_key(target: &KeyTarget, need: &Need, stack: &Name) -> Resource {
    let by_arn = need.bounds.contains(&Bound::RecordedKey);
    let by_name = by_arn || need.bounds.contains(&Bound::NamedKey);
    let mut conditions = Conditions::default();
    conditions.about_keys(target, stack);
    let name = match target {
        KeyTarget::Arn(arn) => arn.to_string(),
        KeyTarget::Tagged(OwnKey { recorded: Some(arn), .. }) if by_arn => arn.to_string(),
        KeyTarget::Tagged(_) | KeyTarget::All(_) | KeyTarget::Alias(..) => {
            if let KeyTarget::Tagged(key) = target
                && by_name
            {
                conditions.named(&key.names);
            }
            let Place { account, region } = target.place();
            format!("arn:{}:kms:{region}:{account}:key/*", region.partition())
        }
    };
    Resource { name, conditions, keys: BTreeSet::from([target.clone()]) }
}

/// Returns the resource of a request about what has the stack's tag. A deletion is about no other resource of the
/// stack, which may be protected.
fn of_tagged(pattern: &str, request: &Request, stack: &Name) -> Resource {
    let named = request.subject.named.as_ref();
    let named = named.filter(|_| request.operation.stage == Stage::Delete);
    let recorded = named.and_then(|(_, recorded)| recorded.clone());
    let name = named.filter(|_| recorded.is_none()).map(|(name, _)| name);
    let mut own = Resource::named(recorded.unwrap_or_else(|| pattern.to_owned()));
    own.conditions.tagged(stack);
    own.conditions.named(name);
    own
}

/// Returns the ARNs of a template.
fn filled(template: &str, request: &Request) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut rest = template;
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        let values = values(name, request);
        all = all
            .iter()
            .flat_map(|begun| values.iter().map(move |value| format!("{begun}{before}{value}")))
            .collect();
        rest = after;
    }
    all.into_iter().map(|begun| begun + rest).collect()
}

/// Returns the values of a name in a template.
fn values(name: &str, request: &Request) -> Vec<String> {
    let (at, subject) = (&request.at, &request.subject);
    match name {
        "P" => vec![at.region.partition().to_owned()],
        "R" => vec![at.region.to_string()],
        "A" => vec![at.account.to_string()],
        "id" => vec![subject.id.clone()],
        "database" => databases(subject),
        field => match subject.fields.get(field).and_then(Value::as_str) {
            Some(text) => vec![text.to_owned()],
            None => vec!["*".to_owned()],
        },
    }
}

/// Returns the identifiers of a database instance, or of the instances of a cluster.
fn databases(subject: &Subject) -> Vec<String> {
    let is_cluster = matches!(&subject.own, Own::Exact(arn) if arn.contains(":cluster:"));
    match subject.fields.get("members").and_then(Value::as_object) {
        Some(members) => members.keys().cloned().collect(),
        None if is_cluster => Vec::new(),
        None => vec![subject.id.clone()],
    }
}

fn permit(ask: &Ask<'_>, request: &Request, need: &Need, resource: Resource) -> Permit {
    let Request { operation, at, subject, .. } = request;
    let mut conditions = resource.conditions;
    for bound in need.bounds {
        conditions.bound(*bound, subject, at, &ask.desired.stack);
    }
    Permit {
        account: ask.credentials(&at.account).clone(),
        sid: need.sid.map_or_else(|| sid(request, need), str::to_owned),
        action: need.action,
        resource: resource.name,
        conditions,
        call: (operation.name, subject.label.clone()),
        stage: operation.stage,
        dependent: need.dependent,
        keys: resource.keys,
    }
}

/// Returns the Sid of a statement about a consumer.
fn sid(request: &Request, need: &Need) -> String {
    let subject = &request.subject;
    if request.operation.stage == Stage::Read && !subject.owned && subject.spec.is_none() {
        return "FindWhatUsesKeys".to_owned();
    }
    let verb = match (need.dependent, request.operation.stage) {
        (Some(_), _) if need.action == "kms:CreateGrant" => "GrantsFor",
        (Some(_), _) if need.action.starts_with("kms:") => "KeysOf",
        (Some(_), _) => "ServicesFor",
        (None, Stage::Read) if need.on == On::Own => "Read",
        (None, Stage::Read) => "List",
        (None, stage) => match tagging(need.action) {
            Some(true) if stage == Stage::Create => "TagNew",
            Some(true) => "Tag",
            Some(false) => "Untag",
            None if stage == Stage::Create => "Create",
            None if stage == Stage::Change => "Change",
            None => "Delete",
        },
    };
    let mut sid = verb.to_owned();
    for word in subject.kind.map_or("", Kind::as_str).split('_') {
        let mut letters = word.chars();
        sid.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        sid.push_str(letters.as_str());
    }
    sid
}

/// Returns whether an action sets tags or removes tags; `None` for every other action.
fn tagging(action: &str) -> Option<bool> {
    let (_, name) = action.split_once(':')?;
    let removes = ["Untag", "RemoveTags", "DeleteTags"].iter().any(|word| name.starts_with(word));
    let sets = ["Tag", "AddTags", "CreateTags"].iter().any(|word| name.starts_with(word));
    (sets || removes).then_some(sets)
}

impl Permit {
    /// Returns the permit in the policy of its key, which selects the key by itself.
    pub(super) fn of_key_policy(&self) -> Self {
        Self {
            resource: "*".to_owned(),
            conditions: self.conditions.without_selection(),
            call: (self.call.0, String::new()),
            ..self.clone()
        }
    }

    /// Returns whether an identity could raise its own rights with the action.
    pub(super) fn raises(&self) -> bool {
        RAISING.contains(&self.action)
    }
}

/// Returns the statements that allow exactly the permits.
pub(super) fn statements<'a>(permits: impl IntoIterator<Item = &'a Permit>) -> Vec<Statement> {
    numbered(merged(single(permits), |one, other| one.sid == other.sid))
}

/// Returns fewer statements for the same permits. A statement stands for several purposes, every resource that may get
/// tags may get the tags of every other, and every key of the stack may get the grants of every other.
pub(super) fn compact<'a>(permits: impl IntoIterator<Item = &'a Permit>) -> Vec<Statement> {
    let mut all = single(permits);
    let mut tags: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for statement in &all {
        if let Some(keys) = statement.conditions.tag_keys() {
            tags.entry(statement.sid.clone()).or_default().extend(keys.iter().cloned());
        }
    }
    for statement in &mut all {
        if statement.actions.contains("kms:CreateGrant") {
            statement.conditions = statement.conditions.without_names();
        }
        let keys = statement.conditions.tag_keys().and(tags.get(&statement.sid));
        if let Some(keys) = keys {
            statement.conditions = statement.conditions.with_tag_keys(keys);
        }
    }
    let all = merged(all, |one, other| one.sid == other.sid);
    let of_same = |one: &Statement, other: &Statement| {
        one.resources == other.resources && one.conditions == other.conditions
    };
    numbered(merged(all, of_same))
}

/// Returns a statement for each action, Sid and set of conditions.
fn single<'a>(permits: impl IntoIterator<Item = &'a Permit>) -> Vec<Statement> {
    let mut by_action: BTreeMap<(&str, &Conditions, &str), Statement> = BTreeMap::new();
    for permit in permits {
        let place = (permit.sid.as_str(), &permit.conditions, permit.action);
        let statement = by_action.entry(place).or_insert_with(|| Statement {
            sid: permit.sid.clone(),
            actions: BTreeSet::from([permit.action]),
            resources: BTreeSet::new(),
            conditions: permit.conditions.clone(),
            calls: BTreeMap::new(),
            dependent: BTreeSet::new(),
        });
        statement.resources.insert(permit.resource.clone());
        let (operation, about) = &permit.call;
        statement.calls.entry(operation).or_default().insert(about.clone());
        statement.dependent.extend(permit.dependent);
    }
    by_action.into_values().collect()
}

/// Merges the statements that differ in their actions, their resources, or in one condition only.
fn merged(
    mut open: Vec<Statement>,
    may_merge: impl Fn(&Statement, &Statement) -> bool,
) -> Vec<Statement> {
    loop {
        let mut merged: Vec<Statement> = Vec::new();
        let before = open.len();
        for statement in open {
            let mut known = merged.iter_mut().filter(|known| may_merge(known, &statement));
            match known.find_map(|known| Some((joined(known, &statement)?, known))) {
                Some((both, known)) => *known = both,
                None => merged.push(statement),
            }
        }
        if merged.len() == before {
            return merged;
        }
        open = merged;
    }
}

/// Returns the statement that allows what either of two allows, and nothing more.
fn joined(one: &Statement, other: &Statement) -> Option<Statement> {
    let same = (
        one.actions == other.actions,
        one.resources == other.resources,
        one.conditions == other.conditions,
    );
    let conditions = match same {
        (_, true, true) | (true, _, true) => one.conditions.clone(),
        (true, true, false) => one.conditions.either(&other.conditions)?,
        _ => return None,
    };
    let mut both = one.clone();
    if one.sid != other.sid {
        both.sid.push_str(&other.sid);
    }
    both.conditions = conditions;
    both.actions.extend(&other.actions);
    both.resources.extend(other.resources.iter().cloned());
    for (operation, about) in &other.calls {
        both.calls.entry(operation).or_default().extend(about.iter().cloned());
    }
    both.dependent.extend(&other.dependent);
    Some(both)
}

/// Numbers the statements with the same Sid, because a policy has each Sid once.
fn numbered(mut statements: Vec<Statement>) -> Vec<Statement> {
    statements.sort();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for statement in &mut statements {
        let count = seen.entry(statement.sid.clone()).or_default();
        *count += 1;
        if *count > 1 {
            statement.sid = format!("{}{count}", statement.sid);
        }
    }
    statements
}
