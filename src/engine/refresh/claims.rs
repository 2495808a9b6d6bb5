//! Decides which of several keys with the tags of one address is used.

use super::Refresh;
use super::identify::Identified;
use crate::answer::{CloudError, Fault};
use crate::cloud::Cloud;
use crate::id::KeyArn;
use crate::kind::address::Address;
use crate::kind::key::NONCE_TAG;
use crate::live::Duplicate;
use crate::retry::with_retries;
use std::collections::{BTreeMap, BTreeSet, btree_map};

/// The keys that carry the stack's tags, by the address that their tags name.
#[derive(Default)]
pub(super) struct Claims(BTreeMap<Address, BTreeSet<KeyArn>>);

impl Claims {
    pub(super) fn add(&mut self, address: Address, arn: KeyArn) {
        self.0.entry(address).or_default().insert(arn);
    }

    pub(super) fn has(&self, arn: &KeyArn) -> bool {
        self.0.values().any(|arns| arns.contains(arn))
    }
}

impl IntoIterator for Claims {
    type Item = (Address, BTreeSet<KeyArn>);
    type IntoIter = btree_map::IntoIter<Address, BTreeSet<KeyArn>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// A key that carries the tags of an address.
struct Candidate {
    arn: KeyArn,
    /// The time of its creation, in seconds since 1970.
    created: u64,
    nonce: Option<String>,
    is_dying: bool,
}

impl<C: Cloud> Refresh<'_, C> {
    /// Assigns one of the keys that carry the tags of an address. The key that the record or `adopt` names is used,
    /// else the key behind a declared alias, because tags alone can be put on any key. Otherwise it is the oldest key,
    /// so that every run chooses the same one; of two keys of the same second it is the one with the smaller nonce.
    /// Keys that are pending deletion are used only if the address is declared and there is no other key. The other
    /// keys are reported.
    pub(super) async fn claim(
        &self,
        address: Address,
        arns: BTreeSet<KeyArn>,
        identified: &mut Identified,
    ) -> Result<(), CloudError> {
        let named = identified.found.get(&address).cloned();
        let is_declared = self.desired.resources.contains_key(&address);
        if named.is_none() && is_declared && arns.len() == 1 {
            identified.found.extend(arns.into_iter().map(|arn| (address.clone(), arn)));
            return Ok(());
        }
        let others = arns.into_iter().filter(|arn| Some(arn) != named.as_ref());
        let reads = others.map(|arn| self.candidate(arn));
        let mut candidates = Vec::new();
        for candidate in self.concurrently(reads).await {
            candidates.extend(candidate?);
        }
        candidates.sort_by(|a, b| {
            let is_aliased =
                |one: &Candidate| identified.aliased.contains(&(address.clone(), one.arn.clone()));
            let rank = |one: &Candidate| (one.is_dying, !is_aliased(one), one.created);
            rank(a).cmp(&rank(b)).then_with(|| (&a.nonce, &a.arn).cmp(&(&b.nonce, &b.arn)))
        });
        let mut candidates = candidates.into_iter().peekable();
        if named.is_none()
            && let Some(chosen) = candidates.next_if(|first| is_declared || !first.is_dying)
        {
            identified.found.insert(address.clone(), chosen.arn);
        }
        let duplicates: Vec<Duplicate> = candidates
            .filter(|other| !other.is_dying)
            .map(|other| Duplicate { arn: other.arn, created: other.created })
            .collect();
        if !duplicates.is_empty() {
            identified.duplicates.insert(address, duplicates);
        }
        Ok(())
    }

    /// Reads a key that carries the tags of an address. Returns `None` if it does not exist any more.
    async fn candidate(&self, arn: KeyArn) -> Result<Option<Candidate>, CloudError> {
        let tags = self.tags(&arn).await;
        let described =
            with_retries(&self.options.retry, async || self.cloud.describe(&arn).await).await;
        match described {
            Ok(metadata) => Ok(Some(Candidate {
                created: metadata.created,
                nonce: tags.ok().and_then(|tags| tags.get(NONCE_TAG).cloned()),
                is_dying: metadata.is_dying(),
                arn,
            })),
            Err(error) if error.fault == Fault::NotFound => Ok(None),
            Err(error) if error.fault.is_temporary() => Err(error),
            // A key that cannot be read is not chosen before a key that can.
            Err(_) => Ok(Some(Candidate { arn, created: u64::MAX, nonce: None, is_dying: false })),
        }
    }
}
