//! Which key in AWS stands for which address.

use super::{Aliases, Refresh, unreachable};
use crate::address::Address;
use crate::cloud::retry::{every_page, patiently};
use crate::cloud::{Cloud, CloudError, Fault};
use crate::desired::{Adopt, Declared};
use crate::id::{KeyArn, Place};
use crate::kind::key::{NAME_TAG, STACK_TAG};
use crate::kind::{Ids, KeyRef, Kind, Spec};
use crate::live::Observed;
use std::collections::{BTreeMap, BTreeSet};

/// The keys that were found.
#[derive(Default)]
pub(super) struct Identified {
    pub(super) found: Ids,
    pub(super) obstructed: BTreeMap<Address, Observed>,
    /// Keys whose tags could not be read: any of them may be one of the stack's.
    unseen: BTreeSet<KeyArn>,
    /// Whether the tags of any key could be read.
    sighted: bool,
}

/// What the tags of a key say.
pub(super) enum Owner {
    /// The stack knows it by this name.
    Ours(String),
    /// They do not name the stack.
    Foreign,
    /// They may not be read.
    Unseen,
}

impl<C: Cloud> Refresh<'_, C> {
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
            !identified.found.contains_key(address) && !identified.obstructed.contains_key(address)
        });
        for (address, declared) in unknown {
            match &declared.adopt {
                Some(adopt) => self.adopt(address, declared, adopt, aliases, &mut identified),
                None if identified.unseen.is_empty() || identified.sighted => {}
                None => drop(identified.obstructed.insert(address, blind())),
            }
        }
        identified.one_address_each();
        Ok(identified)
    }

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
                let reason = format!("the key to adopt is not there: no alias `{name}`");
                let help = "name an alias, a key id or a key ARN that exists".to_owned();
                identified.obstructed.insert(address, Observed::Unusable { reason, help });
            }
            (None, Adopt::Key(_)) => {}
        }
    }

    /// A declared alias often leads to the key at once, without a look at every key.
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
        for (owner, key, arn) in self.side_by_side(asks).await {
            match owner? {
                Owner::Ours(name) if name == key.name => claims.entry(key).or_default().push(arn),
                Owner::Ours(_) | Owner::Foreign => {}
                Owner::Unseen => {
                    unknown.remove(&key);
                    let reason = format!("the tags of `{arn}`, behind its alias, cannot be read");
                    let help = "let the caller read them (kms:ListResourceTags): the key may be \
                                this one already";
                    let seen = Observed::Unusable { reason, help: help.to_owned() };
                    identified.obstructed.insert(key, seen);
                }
            }
        }
        for (address, arns) in claims {
            unknown.remove(&address);
            self.claim(address, arns, identified).await?;
        }
        Ok(())
    }

    pub(super) async fn owner(&self, arn: &KeyArn) -> Result<Owner, CloudError> {
        match self.tags(arn).await {
            Ok(tags) => {
                let ours =
                    tags.get(STACK_TAG).map(String::as_str) == Some(self.desired.stack.as_str());
                let name = tags.get(NAME_TAG).filter(|_| ours).cloned();
                Ok(name.map_or(Owner::Foreign, Owner::Ours))
            }
            Err(error) if unreachable(&error) => Err(error),
            Err(error) if error.fault == Fault::NotFound => Ok(Owner::Foreign),
            Err(_) => Ok(Owner::Unseen),
        }
    }

    /// Looks at the tags of every key that is not known yet.
    async fn sweep(&self, identified: &mut Identified) -> Result<(), CloudError> {
        let mut places = self.places(|kind| kind == Kind::Key);
        places.insert(self.desired.home.clone());
        let mut claims: BTreeMap<Address, Vec<KeyArn>> = BTreeMap::new();
        for place in places {
            let list = async |from: Option<&str>| self.cloud.keys(&place, from).await;
            let all = every_page(&self.effort.patience, list).await?;
            let known: BTreeSet<&KeyArn> = identified.found.values().collect();
            let arns = all.iter().map(|id| KeyArn::at(&place, id));
            let asks = arns
                .filter(|arn| !known.contains(arn))
                .map(|arn| async move { (self.owner(&arn).await, arn) });
            for (owner, arn) in self.side_by_side(asks).await {
                match owner? {
                    Owner::Ours(name) => {
                        identified.sighted = true;
                        claims.entry(Address::new(Kind::Key, name)).or_default().push(arn);
                    }
                    Owner::Foreign => identified.sighted = true,
                    Owner::Unseen => drop(identified.unseen.insert(arn)),
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

    /// Several keys may carry one name: a live one wins over those that are pending deletion.
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
            let ask = async || self.cloud.describe(arn).await;
            match patiently(&self.effort.patience, ask).await {
                Ok(metadata) if metadata.is_dying() => {}
                Err(error) if unreachable(&error) => return Err(error),
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
                    "keep one: take the tags `{STACK_TAG}` and `{NAME_TAG}` off the others, or say \
                     which with `adopt:`"
                );
                identified.obstructed.insert(address, Observed::Unusable { reason, help });
            }
        }
        Ok(())
    }
}

impl Identified {
    /// One key has one address: the second one is refused, or the two would take it from each other
    /// for ever.
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
            let help = "one key has one address: drop one of the two declarations, or forget the \
                        other with `removed`"
                .to_owned();
            self.obstructed.insert(address, Observed::Unusable { reason, help });
        }
    }
}

fn blind() -> Observed {
    Observed::Unusable {
        reason: "whether it exists already is not known: the tags of no key can be read".to_owned(),
        help:
            "let the caller read tags (kms:ListResourceTags, by IAM and in the keys' policies); a \
               second key would be made otherwise"
                .to_owned(),
    }
}

/// The key behind an alias.
pub(super) fn target(aliases: &Aliases, place: &Place, name: &str) -> Option<KeyArn> {
    aliases.get(place)?.get(name).cloned()
}
