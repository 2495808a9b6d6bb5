//! Identifies the key in AWS that belongs to each address.

use super::{Aliases, Refresh, is_outage};
use crate::answer::{CloudError, Fault};
use crate::cloud::Cloud;
use crate::cloud::retry::{every_page, with_retries};
use crate::desired::{Adopt, Declared};
use crate::id::{KeyArn, Place};
use crate::kind::address::Address;
use crate::kind::key::{NAME_TAG, STACK_TAG};
use crate::kind::{Ids, KeyRef, Kind, Spec};
use crate::live::Observed;
use std::collections::{BTreeMap, BTreeSet};

/// The result of identifying keys.
#[derive(Default)]
pub(super) struct Identified {
    pub(super) found: Ids,
    pub(super) unusable: BTreeMap<Address, Observed>,
    /// The undeclared keys that look like declared keys under an old name.
    pub(super) renamed: BTreeMap<Address, Address>,
    /// The keys whose tags could not be read. Any of them may belong to the stack.
    unreadable: BTreeSet<KeyArn>,
    /// Whether the tags of at least one key could be read.
    any_tags_read: bool,
}

/// The owner of a key according to its tags.
pub(super) enum Owner {
    /// The stack; the name is that of the key in the configuration.
    Ours(String),
    /// Another stack, or no stack.
    Foreign,
    /// The caller may not read the tags.
    Unreadable,
}

impl<C: Cloud> Refresh<'_, C> {
    /// Finds the key of every declared or recorded address.
    pub(super) async fn identify(&self, aliases: &Aliases) -> Result<Identified, CloudError> {
        let mut identified = Identified::default();
        let mut unknown = BTreeMap::new();
        for address in self.addresses(Kind::Key) {
            let interest = self.interest(address);
            let recorded = interest.record.and_then(|record| record.id.parse::<KeyArn>().ok());
            match (recorded, interest.declared) {
                (Some(arn), _) => {
                    identified.found.insert(address.clone(), arn);
                }
                (None, Some(declared)) => {
                    unknown.insert(address.clone(), declared);
                }
                (None, None) => {}
            }
        }
        self.behind_aliases(&mut unknown, aliases, &mut identified).await?;
        if !unknown.is_empty() || self.state.records.is_empty() {
            self.sweep(&mut identified).await?;
        }
        unknown.retain(|address, _| {
            !identified.found.contains_key(address) && !identified.unusable.contains_key(address)
        });
        for (address, declared) in unknown {
            match &declared.adopt {
                Some(adopt) => self.adopt(address, declared, adopt, aliases, &mut identified),
                None if identified.unreadable.is_empty() || identified.any_tags_read => {}
                None => drop(identified.unusable.insert(address, tags_unreadable())),
            }
        }
        identified.one_address_each();
        Ok(identified)
    }

    /// Identifies a key by its `adopt` setting.
    fn adopt(
        &self,
        address: Address,
        declared: &Declared,
        adopt: &Adopt,
        aliases: &Aliases,
        identified: &mut Identified,
    ) {
        let arn = match adopt {
            Adopt::Key(arn) => Some(arn.clone()),
            Adopt::Alias(name) => target(aliases, &declared.place, name.as_str()),
        };
        match (arn, adopt) {
            (Some(arn), _) => {
                identified.found.insert(address, arn);
            }
            (None, Adopt::Alias(name)) => {
                let reason = format!("the key to adopt does not exist: there is no alias `{name}`");
                let help = "set `adopt` to an existing alias, key id or key ARN".to_owned();
                identified.unusable.insert(address, Observed::Unusable { reason, help });
            }
            (None, Adopt::Key(_)) => {}
        }
    }

    /// Identifies keys behind their declared aliases, which avoids reading every key.
    async fn behind_aliases(
        &self,
        unknown: &mut BTreeMap<Address, &Declared>,
        aliases: &Aliases,
        identified: &mut Identified,
    ) -> Result<(), CloudError> {
        let mut candidates: BTreeMap<Address, BTreeSet<KeyArn>> = BTreeMap::new();
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
                candidates.entry(key.clone()).or_default().insert(arn);
            }
        }
        let pairs = candidates
            .into_iter()
            .flat_map(|(key, arns)| arns.into_iter().map(move |arn| (key.clone(), arn)));
        let asks = pairs.map(|(key, arn)| async move { (self.owner(&arn).await, key, arn) });
        let mut claims: BTreeMap<Address, Vec<KeyArn>> = BTreeMap::new();
        for (owner, key, arn) in self.concurrently(asks).await {
            match owner? {
                Owner::Ours(name) if name == key.name => claims.entry(key).or_default().push(arn),
                Owner::Ours(name) => {
                    let old = Address::new(Kind::Key, name);
                    let is_undeclared = !self.desired.resources.contains_key(&old)
                        && !self.desired.forget.contains(&old);
                    if is_undeclared {
                        unknown.remove(&key);
                        let seen = looks_renamed(&old, &key, &arn);
                        identified.unusable.insert(key.clone(), seen);
                        identified.renamed.insert(old, key);
                    }
                }
                Owner::Foreign => {}
                Owner::Unreadable => {
                    unknown.remove(&key);
                    let reason =
                        format!("the tags of `{arn}`, to which its alias points, cannot be read");
                    let help = "allow the caller kms:ListResourceTags: that key may already be this \
                                one";
                    let seen = Observed::Unusable { reason, help: help.to_owned() };
                    identified.unusable.insert(key, seen);
                }
            }
        }
        for (address, arns) in claims {
            unknown.remove(&address);
            self.claim(address, arns, identified).await?;
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
                _ => Owner::Foreign,
            }),
            Err(error) if is_outage(&error) => Err(error),
            Err(error) if error.fault == Fault::NotFound => Ok(Owner::Foreign),
            Err(_) => Ok(Owner::Unreadable),
        }
    }

    /// Reads the tags of every key that is not identified yet.
    async fn sweep(&self, identified: &mut Identified) -> Result<(), CloudError> {
        let mut places = self.places(|kind| kind == Kind::Key);
        places.insert(self.desired.home.clone());
        let mut claims: BTreeMap<Address, Vec<KeyArn>> = BTreeMap::new();
        for place in places {
            let all =
                every_page(&self.options.retry, async |from| self.cloud.keys(&place, from).await)
                    .await?;
            let known: BTreeSet<&KeyArn> = identified.found.values().collect();
            let arns = all.iter().map(|id| KeyArn::at(&place, id));
            let asks = arns
                .filter(|arn| !known.contains(arn))
                .map(|arn| async move { (self.owner(&arn).await, arn) });
            for (owner, arn) in self.concurrently(asks).await {
                match owner? {
                    Owner::Ours(name) => {
                        identified.any_tags_read = true;
                        claims.entry(Address::new(Kind::Key, name)).or_default().push(arn);
                    }
                    Owner::Foreign => identified.any_tags_read = true,
                    Owner::Unreadable => drop(identified.unreadable.insert(arn)),
                }
            }
        }
        for (address, arns) in claims {
            if !identified.found.contains_key(&address) && !self.desired.forget.contains(&address) {
                self.claim(address, arns, identified).await?;
            }
        }
        Ok(())
    }

    /// Assigns one of several keys with the tags of an address. Keys that are pending deletion are used
    /// only if the address is declared and there is no other key.
    async fn claim(
        &self,
        address: Address,
        mut arns: Vec<KeyArn>,
        identified: &mut Identified,
    ) -> Result<(), CloudError> {
        arns.sort();
        let declared = self.desired.resources.contains_key(&address);
        let mut alive = Vec::new();
        if let ([only], true) = (arns.as_slice(), declared) {
            identified.found.insert(address, only.clone());
            return Ok(());
        }
        for arn in &arns {
            match with_retries(&self.options.retry, async || self.cloud.describe(arn).await).await {
                Ok(metadata) if metadata.is_dying() => {}
                Err(error) if is_outage(&error) => return Err(error),
                Ok(_) | Err(_) => alive.push(arn.clone()),
            }
        }
        let candidates = if alive.is_empty() && declared { arns } else { alive };
        match candidates.as_slice() {
            [] => {}
            [arn] => {
                identified.found.insert(address, arn.clone());
            }
            several => {
                let list: Vec<String> = several.iter().map(ToString::to_string).collect();
                let reason = format!("several keys carry its tags: {}", list.join(", "));
                let help = format!(
                    "keep one: remove the tags `{STACK_TAG}` and `{NAME_TAG}` from the others, or \
                     name the key with `adopt:`"
                );
                identified.unusable.insert(address, Observed::Unusable { reason, help });
            }
        }
        Ok(())
    }
}

impl Identified {
    /// Refuses the second address of a key. Otherwise each apply would give the key to one of the two
    /// addresses in turn.
    fn one_address_each(&mut self) {
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
            let help = "a key has one address: remove one of the two declarations, or forget the \
                        other with `removed`"
                .to_owned();
            self.unusable.insert(address, Observed::Unusable { reason, help });
        }
    }
}

/// Returns the result for a key that may exist, because the caller may not read the tags of any key.
fn tags_unreadable() -> Observed {
    Observed::Unusable {
        reason:
            "it is not known whether the key already exists: the caller cannot read the tags of \
                 any key"
                .to_owned(),
        help:
            "allow the caller kms:ListResourceTags in its IAM policies and in the keys' policies; \
               otherwise a second key could be created"
                .to_owned(),
    }
}

/// Returns the result for a declared key whose alias refers to a key of the stack under another name.
fn looks_renamed(old: &Address, new: &Address, arn: &KeyArn) -> Observed {
    Observed::Unusable {
        reason: format!(
            "its alias refers to `{arn}`, which is `{old}` of this stack and is not declared"
        ),
        help: format!(
            "if the key was renamed, add `moved: [{{from: {old}, to: {new}}}]` to the configuration, or \
             run `kmsctl state mv {old} {new}`; if it was not, first apply without `{new}`, or give \
             `{new}` another alias"
        ),
    }
}

/// Returns the key behind an alias.
pub(super) fn target(aliases: &Aliases, place: &Place, name: &str) -> Option<KeyArn> {
    aliases.get(place)?.get(name).cloned()
}
