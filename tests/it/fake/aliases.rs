//! The calls that change aliases.

use super::kms::{Answer, alive, resolve};
use super::{Region, fail};
use kmsctl::answer::{Fault, Outcome};
use kmsctl::id::Place;
use kmsctl::kind::CallBindings;
use kmsctl::kind::key::rule;
use kmsctl::kind::{KeyRef, alias};

pub(super) fn change_alias(
    at: &Place,
    region: &mut Region,
    call: &alias::Call,
    bindings: &CallBindings<'_>,
    name: &'static str,
) -> Answer {
    let target = |region: &Region, key: &KeyRef| {
        let arn = resolve(name, key, bindings)?;
        let key = if arn.place() == *at { region.keys.get(arn.id()) } else { None };
        let key = key.ok_or_else(|| fail(name, Fault::NotFound, "no such key here"))?;
        alive(name, key)?;
        let family = rule(&key.meta.spec).map(|rule| rule.family);
        Ok((arn.id().to_owned(), family, key.meta.usage.clone()))
    };
    let quota = |region: &Region, id: &str| {
        let many = region.aliases.values().filter(|key| *key == id).count() >= 50;
        if many { Err(fail(name, Fault::LimitExceeded, "more than 50 aliases")) } else { Ok(()) }
    };
    match call {
        alias::Call::CreateAlias(alias::CreateAlias { alias_name, target_key_id }) => {
            let (id, ..) = target(region, target_key_id)?;
            if region.aliases.contains_key(alias_name.as_str()) {
                return Err(fail(name, Fault::AlreadyExists, "the alias exists"));
            }
            quota(region, &id)?;
            region.aliases.insert(alias_name.to_string(), id);
        }
        alias::Call::UpdateAlias(alias::UpdateAlias { alias_name, target_key_id }) => {
            let old = region.aliases.get(alias_name.as_str());
            let old = old.ok_or_else(|| fail(name, Fault::NotFound, "no such alias"))?.clone();
            let (id, family, usage) = target(region, target_key_id)?;
            let from = &region.keys[&old].meta;
            if rule(&from.spec).map(|rule| rule.family) != family || from.usage != usage {
                return Err(fail(name, Fault::Invalid, "keys of another type"));
            }
            if id != old {
                quota(region, &id)?;
            }
            region.aliases.insert(alias_name.to_string(), id);
        }
        alias::Call::DeleteAlias(alias::DeleteAlias { alias_name }) => {
            let gone = region.aliases.remove(alias_name.as_str());
            gone.ok_or_else(|| fail(name, Fault::NotFound, "no such alias"))?;
        }
    }
    Ok(Outcome::Done)
}
