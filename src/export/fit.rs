//! Checks that a plan makes no call with a configuration of keys that exist.

use crate::config;
use crate::desired::{Adopt, Declared, Desired};
use crate::id::{KeyArn, Name, Place};
use crate::inventory::Held;
use crate::kind::{Address, KeyRef, Kind, Spec, alias, grant, key};
use crate::live::{Live, Observed};
use crate::plan::{Access, Step, Survey, draft};
use crate::policy::{AccessChange, Direction, Document};
use crate::state::State;
use std::collections::BTreeSet;

/// Returns the resources that a plan with the configuration would leave as they are.
///
/// # Errors
/// Returns the reason why the configuration is not valid, or would change a key, an alias or a grant.
pub(super) fn fit(text: &str, home: &Place, held: &[&Held]) -> Result<(), String> {
    let (mut loaded, diagnostics) = config::load_text("<export>", text.to_owned());
    if let Some(error) = diagnostics.first_error() {
        return Err(error);
    }
    let Place { account, region } = home.clone();
    let (desired, diagnostics) = loaded.resolve(&config::Surroundings { account, region });
    // The plan refuses only policies that it changes.
    if let Some(error) = diagnostics.without_objections().first_error() {
        return Err(error);
    }
    let desired = desired.ok_or("it is not valid")?;
    let live = live(&desired, held)?;
    let state = State::begin(desired.stack.clone(), "export".to_owned());
    let plan = draft(&desired, &state, &live).finish(&Survey::default());
    let is_judged =
        |address: &Address| matches!(address.kind, Kind::Key | Kind::Alias | Kind::Grant);
    let mut blocked = plan.blocked.iter().filter(|blocked| is_judged(&blocked.address));
    if let Some(blocked) = blocked.next() {
        return Err(blocked.reason.clone());
    }
    let mut steps = plan.steps.iter().filter(|step| is_judged(&step.address));
    match steps.next() {
        Some(step) => Err(change(step, &plan.access)),
        None => Ok(()),
    }
}

/// Returns what a step would change. A change of a policy is told as access.
fn change(step: &Step, access: &[Access]) -> String {
    let fields: Vec<&str> = step.fields.iter().map(|field| field.path.as_str()).collect();
    if fields != ["policy"] {
        return format!("it would change {} of `{}`", fields.join(", "), step.address);
    }
    let told = |access: &Access| {
        let AccessChange { principal, actions, statements, .. } = &access.change;
        let actions = actions.join(", ");
        match (access.change.direction, statements.is_empty()) {
            (Direction::Gained, false) => {
                let several = statements.len() > 1;
                let (noun, names) =
                    (if several { "statements" } else { "statement" }, statements.join("`, `"));
                format!("the {noun} `{names}` would give {principal} {actions}")
            }
            (Direction::Gained, true) => format!("{principal} would gain {actions}"),
            (Direction::Lost, _) => format!("{principal} would lose {actions}"),
        }
    };
    let own = access.iter().filter(|access| access.source == step.address);
    let told: Vec<String> = own.map(told).collect();
    match told.is_empty() {
        true => "other words for it are not proven to give the same access".to_owned(),
        false => told.join("; "),
    }
}

/// Returns what a refresh would read.
fn live(desired: &Desired, held: &[&Held]) -> Result<Live, String> {
    let mut live = Live::default();
    for (address, declared) in &desired.resources {
        if let (Spec::Key(spec), Some(Adopt::Key(arn))) = (&declared.spec, &declared.adopt)
            && let Some(held) = held.iter().find(|held| held.metadata.arn == *arn)
        {
            add_key(address, spec, held, &mut live)?;
        }
    }
    let names: BTreeSet<&str> = desired.resources.keys().map(|a| a.name.as_str()).collect();
    for (address, declared) in &desired.resources {
        let of = declared.spec.refs().into_iter().find_map(KeyRef::managed);
        let arn = of.and_then(|key| live.ids.get(key)).cloned();
        let of = arn.and_then(|arn| held.iter().find(|held| held.metadata.arn == arn));
        let Some(held) = of else {
            continue;
        };
        let seen = match &declared.spec {
            Spec::Alias(spec) => seen_alias(spec, declared, held),
            Spec::Grant(spec) => {
                seen_grant(&desired.stack, (address, &names), spec, declared, held)
            }
            Spec::Key(_) | Spec::KeyPolicy(_) | Spec::ServiceLinkedRole(_) | Spec::Consumer(_) => {
                continue;
            }
        };
        live.observed.insert(address.clone(), seen);
    }
    Ok(live)
}

fn add_key(
    address: &Address,
    spec: &key::Spec,
    held: &Held,
    live: &mut Live,
) -> Result<(), String> {
    let metadata = &held.metadata;
    let arn: KeyArn = metadata.arn.clone();
    let document = Document::from_live(&held.policy, arn.region.partition())
        .map_err(|_| "its policy cannot be parsed".to_owned())?;
    let is_managed = spec.policy.is_some() || spec.shared.is_some();
    let policy = is_managed.then_some(document);
    let found = key::lift(metadata, held.rotation, policy, &held.tags, &[spec]);
    let fact = metadata.fact();
    live.key_facts.insert(KeyRef::Managed(address.clone()), fact.clone());
    live.key_facts.insert(KeyRef::Arn(arn.clone()), fact);
    live.created.insert(arn.clone(), metadata.created);
    live.replicas.insert(address.clone(), metadata.replicas.clone());
    live.ids.insert(address.clone(), arn.clone());
    let spec = Box::new(Spec::Key(found));
    let seen = Observed::Present { id: arn.to_string(), place: arn.place(), spec, busy: None };
    live.observed.insert(address.clone(), seen);
    Ok(())
}

fn seen_alias(spec: &alias::Spec, declared: &Declared, held: &Held) -> Observed {
    if !held.aliases.contains(&spec.name) {
        return Observed::Absent;
    }
    Observed::Present {
        id: spec.name.to_string(),
        place: declared.place.clone(),
        spec: Box::new(Spec::Alias(spec.clone())),
        busy: None,
    }
}

fn seen_grant(
    stack: &Name,
    (address, names): (&Address, &BTreeSet<&str>),
    spec: &grant::Spec,
    declared: &Declared,
    held: &Held,
) -> Observed {
    let wanted = grant::Wanted {
        stack,
        name: &address.name,
        earlier: None,
        place: &declared.place,
        spec,
        recorded: None,
        names,
        adopted: match &declared.adopt {
            Some(Adopt::Grant(id)) => Some(id.as_str()),
            Some(Adopt::Key(_) | Adopt::Alias(_)) | None => None,
        },
        taken: &BTreeSet::new(),
        is_declared: true,
    };
    match grant::lift(wanted, &held.grants) {
        Some((id, spec)) => {
            let place = declared.place.clone();
            Observed::Present { id, place, spec: Box::new(Spec::Grant(spec)), busy: None }
        }
        None => Observed::Absent,
    }
}
