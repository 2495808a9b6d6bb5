//! Reads the grants of the stack.

use super::{Interest, Refresh, unusable};
use crate::answer::CloudError;
use crate::cloud::Cloud;
use crate::desired::Adopt;
use crate::id::KeyArn;
use crate::kind::address::Address;
use crate::kind::grant::{self, Listed};
use crate::kind::{KeyRef, Kind, Spec};
use crate::live::{Live, Observed};
use crate::retry::every_page;
use std::collections::BTreeSet;

impl<C: Cloud> Refresh<'_, C> {
    /// Marks the grants on an unreadable key as unusable, because they may exist.
    pub(super) fn block_grants_on(&self, key: &Address, live: &mut Live) {
        for address in self.grants_on.get(&KeyRef::Managed(key.clone())).into_iter().flatten() {
            let reason = format!("`{key}` cannot be used");
            let help = format!("resolve what blocks `{key}` first");
            live.observed.insert(address.clone(), Observed::Unusable { reason, help });
        }
    }

    /// Adds the stack's grants on a declared key that are neither declared nor recorded, for example
    /// because the record was lost. The names of the grants contain their addresses.
    pub(super) fn lift_undeclared_grants(
        &self,
        key: &KeyRef,
        arn: &KeyArn,
        listed: &[Listed],
        live: &mut Live,
    ) {
        if key.managed().is_some_and(|key| !self.desired.resources.contains_key(key)) {
            return;
        }
        let place = arn.place();
        for (name, (id, spec)) in grant::marked(&self.desired.stack, key, &place, listed) {
            let address = Address::new(Kind::Grant, name);
            let address = self.desired.renamed(&address).unwrap_or(address);
            let is_known = self.is_known(&address) || self.desired.forget.contains(&address);
            if !is_known && !live.observed.values().any(|seen| is_part(seen, &id)) {
                let spec = Box::new(Spec::Grant(spec));
                let seen = Observed::Present { id, place: place.clone(), spec, busy: None };
                live.observed.insert(address, seen);
            }
        }
    }

    /// Returns whether the stack keeps or revokes a grant. It lets go of the others, whatever their names are.
    pub(super) fn manages_grant(&self, live: &Live, id: &String) -> bool {
        let mut own = live.observed.iter().filter(|(_, seen)| is_part(seen, id));
        own.any(|(address, _)| {
            !self.desired.forget.contains(address) && !live.released.contains(address)
        })
    }

    /// Returns whether a grant has this id, and another owner created it.
    fn is_foreign_grant(&self, grant: &Listed, id: &str) -> bool {
        grant.grant_id == id && !grant.name.starts_with(&grant::mark(&self.desired.stack))
    }

    /// Returns whether the stack has created a grant of an address.
    fn has_own_grant(&self, address: &Address, listed: &[Listed]) -> bool {
        let mark = format!("{}{}:", grant::mark(&self.desired.stack), address.name);
        listed.iter().any(|grant| grant.name.starts_with(&mark))
    }

    /// Returns the earlier address of a grant whose key was moved.
    fn earlier(&self, grant: &Address) -> Option<Address> {
        let (key, rest) = grant.name.split_once('/')?;
        let new = Address::new(Kind::Key, key);
        let (old, _) = self.desired.moved.iter().find(|(_, to)| **to == new)?;
        Some(Address::new(Kind::Grant, format!("{}/{rest}", old.name)))
    }

    /// Returns whether a grant is declared on another key than `key`.
    fn is_elsewhere(&self, interest: &Interest<'_>, key: &KeyRef) -> bool {
        let declared = interest.declared.map(|declared| declared.spec.refs());
        declared.is_some_and(|refs| !refs.into_iter().any(|of| of == key))
    }

    /// Reads the grants on keys that the stack does not manage. The grants on its own keys were read
    /// together with the keys.
    pub(super) async fn lift_grants(&self, live: &mut Live) -> Result<(), CloudError> {
        let needed = self.grants_on.keys().filter_map(|key| match key {
            KeyRef::Arn(arn) => Some(arn),
            KeyRef::Managed(_) | KeyRef::Alias(_) => None,
        });
        let mut arns: BTreeSet<KeyArn> = needed.chain(&self.desired.existing).cloned().collect();
        if self.desired.has_gates() {
            arns.extend(self.referred(live));
        }
        let asks = arns.iter().map(|arn| async move {
            let retry = &self.options.retry;
            (arn, every_page(retry, async |from| self.cloud.grants(arn, from).await).await)
        });
        for (arn, answer) in self.concurrently(asks).await {
            let key = KeyRef::Arn(arn.clone());
            match answer {
                Ok(grants) => {
                    self.lift_grants_of(&key, &grants, live);
                    self.lift_undeclared_grants(&key, arn, &grants, live);
                    self.keep_grants(arn, grants, live);
                }
                Err(error) if error.fault.is_temporary() => return Err(error),
                Err(error) if !self.grants_on.contains_key(&key) => live.unchecked.push(format!(
                    "could not list the grants on `{arn}` ({error}): allow the caller kms:ListGrants"
                )),
                Err(error) => {
                    let grants = self.grants_on.get(&key).into_iter().flatten();
                    live.observed.extend(grants.map(|grant| (grant.clone(), unusable(&error))));
                }
            }
        }
        Ok(())
    }

    pub(super) fn lift_grants_of(&self, key: &KeyRef, listed: &[Listed], live: &mut Live) {
        let all = self.grants_on.get(key).into_iter().flatten();
        let names: BTreeSet<&str> = all.clone().map(|address| address.name.as_str()).collect();
        let adopted = |address: &Address| match &self.desired.resources.get(address)?.adopt {
            Some(Adopt::Grant(id)) => Some(id.as_str()),
            Some(Adopt::Key(_) | Adopt::Alias(_)) | None => None,
        };
        let taken: BTreeSet<&str> = all.clone().filter_map(adopted).collect();
        for address in all {
            let interest = self.interest(address);
            let wanted =
                interest.specs().filter_map(Spec::as_grant).find(|grant| grant.key == *key);
            let place = interest.declared.map(|d| &d.place).or(interest.record.map(|r| &r.place));
            let (Some(wanted), Some(place)) = (wanted, place) else {
                continue;
            };
            if let (None, Some(record)) = (interest.declared, interest.record)
                && listed.iter().any(|grant| self.is_foreign_grant(grant, &record.id))
                && !self.has_own_grant(address, listed)
            {
                let spec = Box::new(record.spec.clone());
                let (id, place) = (record.id.clone(), place.clone());
                live.observed
                    .insert(address.clone(), Observed::Present { id, place, spec, busy: None });
                live.released.insert(address.clone());
                continue;
            }
            let earlier = self.earlier(address);
            let wanted = grant::Wanted {
                stack: &self.desired.stack,
                name: &address.name,
                earlier: earlier.as_ref().map(|address| address.name.as_str()),
                place,
                spec: wanted,
                recorded: interest.record.map(|record| record.id.as_str()),
                names: &names,
                is_declared: interest.declared.is_some() && !self.is_elsewhere(&interest, key),
                adopted: adopted(address),
                taken: &taken,
            };
            let recorded = wanted.recorded;
            let lifted = grant::lift(wanted, listed);
            self.note_owner(address, lifted.as_ref().map(|(id, _)| &**id), recorded, listed, live);
            match lifted {
                // A grant that is declared on another key now, and still exists on this one, must be
                // revoked. The two keys are read in any order.
                Some((id, spec)) if self.is_elsewhere(&interest, key) || !found(live, address) => {
                    let spec = Box::new(Spec::Grant(spec));
                    let seen = Observed::Present { id, place: place.clone(), spec, busy: None };
                    live.observed.insert(address.clone(), seen);
                }
                Some(_) => {}
                None if live.observed.contains_key(address) => {}
                None => {
                    live.observed.insert(address.clone(), Observed::Absent);
                }
            }
        }
    }

    /// Notes that a grant of another owner stands for a declared one, or no longer does.
    fn note_owner(
        &self,
        address: &Address,
        found: Option<&str>,
        recorded: Option<&str>,
        listed: &[Listed],
        live: &mut Live,
    ) {
        let is_theirs = |id| listed.iter().any(|grant| self.is_foreign_grant(grant, id));
        match found {
            Some(id) if is_theirs(id) => drop(live.borrowed.insert(address.clone())),
            None if recorded.is_some_and(is_theirs) => drop(live.released.insert(address.clone())),
            Some(_) | None => {}
        }
    }
}

/// Returns whether a grant is part of the observed grant of an address. A grant that was created under an earlier name
/// of its key belongs to the address whose record has its id.
fn is_part(seen: &Observed, id: &String) -> bool {
    match seen {
        Observed::Present { spec, .. } => spec
            .as_grant()
            .is_some_and(|grant| grant.id.as_ref() == Some(id) || grant.superseded.contains(id)),
        Observed::Absent | Observed::Unusable { .. } => false,
    }
}

fn found(live: &Live, address: &Address) -> bool {
    matches!(live.observed.get(address), Some(Observed::Present { .. } | Observed::Unusable { .. }))
}
