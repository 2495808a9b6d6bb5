//! Identifies the key in AWS that belongs to each address.
//!
//! A key is identified by its record, else by the ARN of its `adopt` setting, else by its tags, else by the
//! alias of its `adopt` setting. Several keys can carry the tags of one address, for example after two runs
//! without a shared record: `claims` decides which of them is used.

use super::claims::Claims;
use super::{Aliases, Refresh, Tagged};
use crate::answer::{CloudError, Fault};
use crate::cloud::Cloud;
use crate::desired::{Adopt, Declared};
use crate::id::{KeyArn, Place};
use crate::kind::address::Address;
use crate::kind::key::{NAME_TAG, NONCE_TAG, STACK_TAG};
use crate::kind::{Ids, KeyRef, Kind, Spec};
use crate::live::{Duplicate, Observed};
use crate::retry::every_page;
use crate::state::State;
use std::collections::{BTreeMap, BTreeSet};

/// The result of identifying keys.
#[derive(Default)]
pub(super) struct Identified {
    pub(super) found: Ids,
    pub(super) unusable: BTreeMap<Address, Observed>,
    /// The undeclared keys that look like declared keys under an old name.
    pub(super) renamed: BTreeMap<Address, Address>,
    /// The further keys that carry the tags of an address.
    pub(super) duplicates: BTreeMap<Address, Vec<Duplicate>>,
    /// The results for keys whose alias refers to a key with other tags, unless they are found otherwise.
    suspects: BTreeMap<Address, Suspect>,
    /// The keys without tags.
    pub(super) bare: BTreeSet<KeyArn>,
    /// The keys of every Region that was searched.
    pub(super) listed: BTreeSet<KeyArn>,
    /// The keys whose tags could not be read. Any of them may belong to the stack.
    unreadable: BTreeSet<KeyArn>,
    /// The keys that AWS lists, and says do not exist. Any of them may belong to the stack: lists and single requests
    /// show a new key at different times (KMS Developer Guide, "AWS KMS eventual consistency").
    pub(super) contradictory: BTreeSet<KeyArn>,
    /// The keys behind the declared aliases of an address.
    pub(super) aliased: BTreeSet<(Address, KeyArn)>,
}

/// A key behind the alias of a declared key that was not found, with other tags than the declared key's.
struct Suspect {
    /// The address that its tags name, and its ARN; `None` if the tags are not complete.
    other: Option<(Address, KeyArn)>,
    /// The result for the declared key.
    seen: Observed,
}

/// The owner of a key according to its tags.
pub(super) enum Owner {
    /// The stack; the name is that of the key in the configuration.
    Ours(String),
    /// Another stack, or no stack.
    Foreign,
    /// The stack, but the tags are not complete: somebody may have removed one.
    Incomplete,
    /// Nobody, or AWS does not show the tags yet.
    Bare,
    /// Not known: AWS says that there is no such key.
    Missing,
    /// The caller may not read the tags.
    Unreadable,
}

impl<C: Cloud> Refresh<'_, C> {
    /// Finds the key of every declared or recorded address.
    pub(super) async fn identify(
        &self,
        aliases: &Aliases,
        tagged: &Tagged,
    ) -> Result<Identified, CloudError> {
        let mut identified = Identified::default();
        let mut unknown = BTreeMap::new();
        for address in self.addresses(Kind::Key) {
            let interest = self.interest(address);
            let recorded = interest.record.and_then(|record| record.id.parse::<KeyArn>().ok());
            let adopted = interest.declared.and_then(|declared| match &declared.adopt {
                Some(Adopt::Key(arn)) => Some(arn.clone()),
                Some(Adopt::Alias(_) | Adopt::Grant(_)) | None => None,
            });
            match (recorded.or(adopted), interest.declared) {
                (Some(arn), _) => {
                    identified.found.insert(address.clone(), arn);
                }
                (None, Some(declared)) => {
                    unknown.insert(address.clone(), declared);
                }
                (None, None) => {}
            }
        }
        let mut claims = Claims::default();
        self.behind_aliases(&mut unknown, aliases, &mut claims, &mut identified).await?;
        if !unknown.is_empty() || self.state.records.is_empty() {
            self.sweep(&mut claims, &mut identified).await?;
        }
        if !unknown.is_empty() {
            self.check_known(&unknown, &mut identified).await?;
        }
        self.tagged_keys(tagged, &mut claims, &mut identified).await?;
        for (address, arns) in claims {
            if !self.desired.forget.contains(&address) || self.desired.untags(&address) {
                self.claim(address, arns, &mut identified).await?;
            }
        }
        unknown.retain(|address, _| {
            !identified.found.contains_key(address) && !identified.unusable.contains_key(address)
        });
        for (address, declared) in unknown {
            if declared.adopt.is_none() && identified.suspects_change(&address) {
                continue;
            }
            match &declared.adopt {
                Some(Adopt::Alias(name)) => {
                    let arn = target(aliases, &declared.place, name.as_str());
                    identified.adopt(address, name.as_str(), arn);
                }
                Some(Adopt::Key(_) | Adopt::Grant(_)) | None => {
                    let doubt = identified.doubt(tagged);
                    identified.unusable.extend(doubt.map(|seen| (address, seen)));
                }
            }
        }
        identified.one_address_each(|one, other| self.one_address(one, other));
        Ok(identified)
    }

    /// Checks by their tags that the keys which records or `adopt` name are none of the unknown keys. An old record
    /// names a key by an address that its tags do not have any more.
    async fn check_known(
        &self,
        unknown: &BTreeMap<Address, &Declared>,
        identified: &mut Identified,
    ) -> Result<(), CloudError> {
        let known = identified.found.clone();
        let asks =
            known.iter().map(|(address, arn)| async move { (self.owner(arn).await, address, arn) });
        for (owner, address, arn) in self.concurrently(asks).await {
            match owner? {
                Owner::Ours(name) => {
                    let tagged = Address::new(Kind::Key, name);
                    if tagged != *address && unknown.contains_key(&tagged) {
                        let is_recorded = self.state.records.contains_key(address);
                        let seen = recorded_elsewhere(&tagged, address, arn, is_recorded);
                        identified.unusable.insert(tagged, seen);
                    }
                }
                Owner::Unreadable => drop(identified.unreadable.insert(arn.clone())),
                Owner::Missing if identified.listed.contains(arn) => {
                    identified.contradictory.insert(arn.clone());
                }
                Owner::Foreign | Owner::Incomplete | Owner::Bare | Owner::Missing => {}
            }
        }
        Ok(())
    }

    /// Adds the keys behind the declared aliases of the unknown keys, which avoids reading every key.
    async fn behind_aliases(
        &self,
        unknown: &mut BTreeMap<Address, &Declared>,
        aliases: &Aliases,
        claims: &mut Claims,
        identified: &mut Identified,
    ) -> Result<(), CloudError> {
        let mut candidates: BTreeSet<(Address, KeyArn)> = BTreeSet::new();
        for declared in self.desired.resources.values() {
            let Spec::Alias(alias) = &declared.spec else {
                continue;
            };
            let KeyRef::Managed(key) = &alias.target else {
                continue;
            };
            if unknown.contains_key(key)
                && let Some(arn) = target(aliases, &declared.place, alias.name.as_str())
            {
                candidates.insert((key.clone(), arn));
            }
        }
        let candidates = candidates.into_iter();
        let asks = candidates.map(|(key, arn)| async move { (self.owner(&arn).await, key, arn) });
        for (owner, key, arn) in self.concurrently(asks).await {
            match owner? {
                Owner::Ours(name) if name == key.name => {
                    unknown.remove(&key);
                    identified.aliased.insert((key.clone(), arn.clone()));
                    claims.add(key, arn);
                }
                Owner::Ours(name) => {
                    let old = Address::new(Kind::Key, name);
                    let is_undeclared = !self.desired.resources.contains_key(&old)
                        && !self.desired.forget.contains(&old);
                    if is_undeclared {
                        unknown.remove(&key);
                        let seen = looks_renamed(self.state, &old, &key, &arn);
                        identified.unusable.insert(key.clone(), seen);
                        identified.renamed.insert(old, key);
                    } else if self.desired.resources.contains_key(&old) {
                        let seen = other_name(&old, &arn);
                        identified.suspects.insert(key, Suspect { other: Some((old, arn)), seen });
                    }
                }
                Owner::Incomplete => {
                    let suspect = Suspect { other: None, seen: incomplete(&arn) };
                    identified.suspects.insert(key, suspect);
                }
                Owner::Foreign => {}
                // AWS lists an alias of it.
                Owner::Missing => drop(identified.contradictory.insert(arn)),
                Owner::Bare => drop(identified.bare.insert(arn)),
                Owner::Unreadable => {
                    unknown.remove(&key);
                    let seen = unreadable_alias(&arn);
                    identified.unusable.insert(key, seen);
                }
            }
        }
        Ok(())
    }

    /// Returns the owner of a key according to its tags.
    pub(super) async fn owner(&self, arn: &KeyArn) -> Result<Owner, CloudError> {
        match self.tags(arn).await {
            Ok(tags) => Ok(match (tags.get(STACK_TAG), tags.get(NAME_TAG)) {
                (Some(stack), Some(name)) if *stack == self.desired.stack.as_str() => {
                    let address = Address::new(Kind::Key, name.clone());
                    let renamed = self.desired.renamed(&address).unwrap_or(address);
                    Owner::Ours(renamed.name)
                }
                (Some(stack), None) if *stack == self.desired.stack.as_str() => Owner::Incomplete,
                (None, _) if tags.contains_key(NONCE_TAG) => Owner::Incomplete,
                _ if tags.is_empty() => Owner::Bare,
                _ => Owner::Foreign,
            }),
            Err(error) if error.fault.is_temporary() => Err(error),
            Err(error) if error.fault == Fault::NotFound => Ok(Owner::Missing),
            Err(_) => Ok(Owner::Unreadable),
        }
    }

    /// Reads the tags of every key that is not identified yet.
    async fn sweep(
        &self,
        claims: &mut Claims,
        identified: &mut Identified,
    ) -> Result<(), CloudError> {
        let mut places = self.places(|kind| kind == Kind::Key);
        places.insert(self.desired.home.clone());
        let mut arns = Vec::new();
        for place in places {
            let ids =
                every_page(&self.options.retry, async |from| self.cloud.keys(&place, from).await)
                    .await?;
            arns.extend(ids.iter().map(|id| KeyArn::at(&place, id)));
        }
        identified.listed.extend(arns.iter().cloned());
        self.ask(arns, claims, identified).await
    }

    /// Adds the keys that the Resource Groups Tagging API lists for the stack.
    async fn tagged_keys(
        &self,
        tagged: &Tagged,
        claims: &mut Claims,
        identified: &mut Identified,
    ) -> Result<(), CloudError> {
        let found = tagged.values().flatten().flatten();
        let arns = found.filter_map(|arn| arn.parse::<KeyArn>().ok()).collect();
        self.ask(arns, claims, identified).await
    }

    /// Reads the tags of the keys that are not identified yet, and adds the keys of the stack.
    async fn ask(
        &self,
        arns: Vec<KeyArn>,
        claims: &mut Claims,
        identified: &mut Identified,
    ) -> Result<(), CloudError> {
        let known: BTreeSet<&KeyArn> = identified.found.values().collect();
        let arns = arns.into_iter().filter(|arn| !known.contains(arn) && !claims.has(arn));
        let asks = arns.map(|arn| async move { (self.owner(&arn).await, arn) });
        for (owner, arn) in self.concurrently(asks).await {
            match owner? {
                Owner::Ours(name) => claims.add(Address::new(Kind::Key, name), arn),
                Owner::Foreign | Owner::Incomplete => {}
                Owner::Missing if identified.listed.contains(&arn) => {
                    identified.contradictory.insert(arn);
                }
                // The Resource Groups Tagging API may still name a key that was deleted.
                Owner::Bare | Owner::Missing => drop(identified.bare.insert(arn)),
                Owner::Unreadable => drop(identified.unreadable.insert(arn)),
            }
        }
        Ok(())
    }
}

impl Identified {
    /// Returns the result for a key that was not found, if it may be one of which AWS does not show the tags.
    fn doubt(&self, tagged: &Tagged) -> Option<Observed> {
        if let Some(arn) = self.contradictory.first() {
            return Some(not_shown(arn));
        }
        let hidden = hidden(&self.unreadable, tagged);
        (!hidden.is_empty()).then(|| tags_unreadable(&hidden))
    }

    /// Returns whether the tags of the key behind an alias of `address` may have been changed, and makes the address
    /// unusable then. If it is the only key with its tags, its alias is moved to another key.
    fn suspects_change(&mut self, address: &Address) -> bool {
        let Some(Suspect { other, seen }) = self.suspects.remove(address) else {
            return false;
        };
        let is_wrong = other.is_none_or(|(other, arn)| {
            self.duplicates.contains_key(&other) || self.found.get(&other) != Some(&arn)
        });
        if is_wrong {
            self.unusable.insert(address.clone(), seen);
        }
        is_wrong
    }

    /// Identifies a key by the alias of its `adopt` setting.
    fn adopt(&mut self, address: Address, alias: &str, arn: Option<KeyArn>) {
        if let Some(arn) = arn {
            self.found.insert(address, arn);
            return;
        }
        let reason = format!("the key to adopt does not exist: there is no alias `{alias}`");
        let help = "set `adopt` to an existing alias, key id or key ARN".to_owned();
        self.unusable.insert(address, Observed::Unusable { reason, help });
    }

    /// Refuses the second address of a key. Otherwise each apply would give the key to one of the two
    /// addresses in turn. `help` says what can be done about two addresses.
    fn one_address_each(&mut self, help: impl Fn(&Address, &Address) -> String) {
        let mut owners: BTreeMap<KeyArn, Address> = BTreeMap::new();
        let mut doubles = Vec::new();
        for (address, arn) in &self.found {
            match owners.get(arn) {
                Some(first) => doubles.push((address.clone(), first.clone(), arn.clone())),
                None => drop(owners.insert(arn.clone(), address.clone())),
            }
        }
        for (address, first, arn) in doubles {
            self.found.remove(&address);
            let reason = format!("`{arn}` is `{first}` already");
            let help = help(&address, &first);
            self.unusable.insert(address, Observed::Unusable { reason, help });
        }
    }
}

/// Returns the keys whose tags are not known. The Resource Groups Tagging API shows which keys of a Region
/// carry the stack's tags, even if the caller may not read the tags of the keys themselves.
fn hidden<'a>(unreadable: &'a BTreeSet<KeyArn>, tagged: &Tagged) -> Vec<&'a KeyArn> {
    let is_foreign = |arn: &KeyArn| {
        let found = tagged.get(&arn.place()).and_then(|found| found.as_ref().ok());
        found.is_some_and(|found| !found.contains(&arn.to_string()))
    };
    unreadable.iter().filter(|arn| !is_foreign(arn)).collect()
}

/// The largest number of keys that a message names.
const NAMED: usize = 3;

/// Returns the result for a key that may exist, because the caller may not read the tags of some keys.
fn tags_unreadable(hidden: &[&KeyArn]) -> Observed {
    let mut names: Vec<String> = hidden.iter().take(NAMED).map(|arn| format!("`{arn}`")).collect();
    if hidden.len() > NAMED {
        names.push(format!("and {} more", hidden.len() - NAMED));
    }
    Observed::Unusable {
        reason: format!(
            "it is not known whether the key already exists: the caller cannot read the tags of {}",
            names.join(", ")
        ),
        help: "allow the caller tag:GetResources, which shows the keys that carry the tags of the \
               stack, or kms:ListResourceTags on these keys; otherwise a second key could be created"
            .to_owned(),
    }
}

/// Returns the result for a key that may be one that AWS lists and does not show.
pub(super) fn not_shown(arn: &KeyArn) -> Observed {
    Observed::Unusable {
        reason: format!(
            "it is not known whether the key already exists: AWS lists `{arn}`, and then says that there is no such key"
        ),
        help: "plan again in a minute: AWS shows a change of keys everywhere only after some time; otherwise a second key \
               could be created"
            .to_owned(),
    }
}

/// Returns the result for a declared key whose tags a key has that a record, or else `adopt`, names by another address.
fn recorded_elsewhere(
    tagged: &Address,
    address: &Address,
    arn: &KeyArn,
    is_recorded: bool,
) -> Observed {
    let (how, help) = if is_recorded {
        let help = format!(
            "if the record is older than the tags, run `kmsctl state mv {address} {tagged}`, or \
             `kmsctl state forget {address}` if it is wrong"
        );
        ("recorded", help)
    } else {
        (
            "adopted",
            format!("correct `adopt` of `{address}`, or remove the declaration of `{tagged}`"),
        )
    };
    let reason = format!("`{arn}` has its tags, and is {how} as `{address}`");
    Observed::Unusable { reason, help }
}

/// Returns the result for a declared key whose alias refers to a key with the tags of another declared key.
fn other_name(other: &Address, arn: &KeyArn) -> Observed {
    Observed::Unusable {
        reason: format!("its alias refers to `{arn}`, which has the tags of `{other}`"),
        help: "correct the alias, or the tag `kmsctl:name` of that key".to_owned(),
    }
}

/// Returns the result for a declared key whose alias refers to a key that has lost tags of the stack.
fn incomplete(arn: &KeyArn) -> Observed {
    Observed::Unusable {
        reason: format!(
            "its alias refers to `{arn}`, which does not have all the tags of a key of this stack"
        ),
        help: format!(
            "if it is this key, write `adopt: {arn}`; if it is not, give this key \
             another alias"
        ),
    }
}

/// Returns the result for a declared key whose alias refers to a key with unreadable tags.
fn unreadable_alias(arn: &KeyArn) -> Observed {
    Observed::Unusable {
        reason: format!("the tags of `{arn}`, to which its alias points, cannot be read"),
        help: "allow the caller kms:ListResourceTags: that key may already be this one".to_owned(),
    }
}

/// Returns the result for a declared key whose alias refers to a key of the stack under another name.
fn looks_renamed(state: &State, old: &Address, new: &Address, arn: &KeyArn) -> Observed {
    Observed::Unusable {
        reason: format!(
            "its alias refers to `{arn}`, which is `{old}` of this stack and is not declared"
        ),
        help: format!(
            "{}; if it was not, first apply without `{new}`, or give `{new}` another alias",
            state.renaming(old, new)
        ),
    }
}

/// Returns the key behind an alias.
pub(super) fn target(aliases: &Aliases, place: &Place, name: &str) -> Option<KeyArn> {
    aliases.get(place)?.get(name).cloned()
}
