//! The resolved and valid configuration of a stack. Only `config` creates it.

use crate::id::{AccountId, KeyArn, Name, Place};
use crate::kind::address::Address;
use crate::kind::grant::Listed;
use crate::kind::{KeyFacts, KeyRef, Kind, Spec};
use crate::policy::gates::Gates;
use crate::policy::{Finding, Need};
use crate::tree::Span;
use crate::waiver::{Judged, Waiver, judge};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The declaration of a whole stack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The stack's name: the namespace of ownership.
    pub stack: Name,
    /// The default account and Region of the resources.
    pub home: Place,
    /// The declared resources.
    pub resources: BTreeMap<Address, Declared>,
    /// Whether everything is to be deleted (`kmsctl destroy`). Then nothing is declared.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub destroys: bool,
    /// The addresses to stop managing without changing AWS.
    pub forget: BTreeSet<Address>,
    /// The forgotten keys that lose the tags of the stack.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub untag: BTreeSet<Address>,
    /// The duplicate keys to delete.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub delete: BTreeSet<KeyArn>,
    /// The keys that may be disabled or deleted although they may be in use, with the reasons.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub accepted_uses: BTreeMap<Address, String>,
    /// The grants of other owners that are not reported, by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub accepted_grants: BTreeMap<Address, Vec<AcceptedGrants>>,
    /// The keys that have a new name: the new addresses by the old ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub moved: BTreeMap<Address, Address>,
    /// The ARN of the role to assume in each of the other accounts.
    pub accounts: BTreeMap<AccountId, String>,
    /// The keys that resources refer to and that the stack does not manage.
    pub existing: BTreeSet<KeyArn>,
    /// The specs and usages of the declared keys, for the checks of the resources that use them.
    #[serde(with = "crate::desired::pairs")]
    pub key_facts: KeyFacts,
    /// The gates of the configuration. Every policy and every grant must pass them.
    pub gates: Gates,
    /// What the configuration of the command line (`--gates`) demands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outer: Option<Outer>,
    /// The names of the gates by the files that they come from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gate_files: BTreeMap<String, Vec<String>>,
    /// The keys and policy parts that the base branch declares, for the gate on new access. `None` without that gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<BTreeMap<Address, Declared>>,
    /// The lint findings about the policies and keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<(Address, Finding)>,
    /// The waived rules that the configuration of `--gates` does not waive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub new_waivers: Vec<(Address, String)>,
    /// The waivers of findings.
    #[serde(skip)]
    pub waivers: Vec<Waiver>,
}

/// What another configuration (`--gates`) demands, such as that of the base branch. The authors of a change cannot edit
/// it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outer {
    /// Its gates, which must be passed as well.
    pub gates: Gates,
    /// The resources that it declares with `protect: false`, and the keys that they take over, as written.
    pub unprotected: BTreeMap<Address, Option<String>>,
    /// Its other accounts.
    pub accounts: BTreeSet<AccountId>,
}

/// The format version of a saved plan, which contains the declaration. Only the same version is read,
/// because a saved plan is kept only from its review to its merge.
pub const SAVED: &str = "8";

impl Desired {
    /// Returns whether a gate is in force, for which the policies of all keys must be known.
    #[must_use]
    pub fn has_gates(&self) -> bool {
        self.all_gates().any(|gates| !gates.is_empty()) || self.base.is_some()
    }

    /// Returns what the base branch declares at an address.
    #[must_use]
    pub fn base_at(&self, address: &Address) -> Option<&Declared> {
        self.base.as_ref()?.get(address)
    }

    /// Returns the gates of the configuration and those of the command line.
    pub fn all_gates(&self) -> impl Iterator<Item = &Gates> {
        [&self.gates].into_iter().chain(self.outer.as_ref().map(|outer| &outer.gates))
    }

    /// Returns whether the change of a resource without a record needs `protect: false` in the configuration of
    /// `--gates`, and does not have it there: one change could otherwise remove the protection and use that. A resource that
    /// moves needs it at both addresses, because `moved` is a part of the change.
    #[must_use]
    pub fn is_guarded(&self, address: &Address) -> bool {
        let old = self.moved.iter().find(|(_, new)| *new == address).map(|(old, _)| old);
        let Some(outer) = &self.outer else {
            return false;
        };
        if old.is_some_and(|old| !outer.unprotected.contains_key(old)) {
            return true;
        }
        let Some(theirs) = outer.unprotected.get(address) else {
            return true;
        };
        // Another key at the same address is not the one that is unprotected there.
        match self.resources.get(address).and_then(|declared| declared.adopt.as_ref()) {
            Some(Adopt::Key(arn)) => {
                let is_same = |text: &String| *text == arn.to_string() || text == arn.id();
                !theirs.as_ref().is_some_and(is_same)
            }
            Some(Adopt::Alias(name)) => theirs.as_deref() != Some(name.as_str()),
            Some(Adopt::Grant(_)) | None => false,
        }
    }

    /// Returns whether the stack stops managing the resource, also as a replica of such a key.
    #[must_use]
    pub fn forgets(&self, address: &Address) -> bool {
        lists(&self.forget, address)
    }

    /// Returns whether the stack stops managing the resource, itself or because of the key that it refers to. `spec` is
    /// its form.
    #[must_use]
    pub fn lets_go(&self, address: &Address, spec: Option<&Spec>) -> bool {
        let is_listed = |key: &KeyRef| key.managed().is_some_and(|key| self.forgets(key));
        self.forgets(address) || spec.is_some_and(|spec| spec.refs().into_iter().any(is_listed))
    }

    /// Returns whether the stack stops managing the key and takes its tags off, also as a replica of such a key.
    #[must_use]
    pub fn untags(&self, address: &Address) -> bool {
        lists(&self.untag, address)
    }

    /// Returns the accounts of the stack, which are the accounts whose IAM kmsctl can read.
    #[must_use]
    pub fn own_accounts(&self) -> BTreeSet<AccountId> {
        self.accounts.keys().chain([&self.home.account]).cloned().collect()
    }

    /// Returns the address under its new name, if it is that of a moved key, of one of its replicas or of one
    /// of its grants.
    #[must_use]
    pub fn renamed(&self, address: &Address) -> Option<Address> {
        if address.kind != Kind::Key && address.kind != Kind::Grant {
            return None;
        }
        let (key, rest) = match address.name.split_once('/') {
            Some((key, rest)) => (key, Some(rest)),
            None => (address.name.as_str(), None),
        };
        let to = self.moved.get(&Address::new(Kind::Key, key))?;
        let name = match rest {
            Some(rest) => format!("{}/{rest}", to.name),
            None => to.name.clone(),
        };
        Some(Address::new(address.kind, name))
    }

    /// Returns the findings with the waivers applied. `today` is a day such as `2027-01-31`.
    #[must_use]
    pub fn judged(&self, today: &str) -> Vec<Judged> {
        judge(&self.findings, &self.waivers, today)
    }

    /// Removes the waived findings, and returns the waivers.
    pub fn waive(&mut self, today: &str) -> Vec<Waiver> {
        let judged = self.judged(today).into_iter().filter(|judged| judged.waived.is_none());
        self.findings = judged.map(|judged| (judged.address, judged.finding)).collect();
        std::mem::take(&mut self.waivers)
    }
}

/// Returns whether the addresses contain the address, or that of the key of which it is a replica.
fn lists(all: &BTreeSet<Address>, address: &Address) -> bool {
    let primary = address.name.split_once('/').filter(|_| address.kind == Kind::Key);
    all.contains(address)
        || primary.is_some_and(|(name, _)| all.contains(&Address::new(Kind::Key, name)))
}

/// One declared resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declared {
    /// The declared form.
    pub spec: Spec,
    /// The account and Region of the resource.
    pub place: Place,
    /// Whether kmsctl refuses to delete or disable the resource.
    pub protect: bool,
    /// The existing key or grant to take over, if any.
    pub adopt: Option<Adopt>,
    /// Whether a live policy that differs from the declared one only in its text is replaced.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exact_policy: bool,
    /// The actions that a consumer requires on its key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
    /// The derived statements of a key's policy: the addresses of the consumers, by Sid.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub derived: BTreeMap<String, BTreeSet<String>>,
    /// The position of the declaration.
    #[serde(skip)]
    pub span: Span,
}

impl Declared {
    /// Creates an unprotected resource that takes nothing over and has no needs.
    #[must_use]
    pub fn new(spec: Spec, place: Place) -> Self {
        Self {
            spec,
            place,
            protect: false,
            adopt: None,
            exact_policy: false,
            needs: Vec::new(),
            derived: BTreeMap::new(),
            span: Span::default(),
        }
    }
}

/// An existing key or grant that the stack takes over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Adopt {
    /// The key behind an alias.
    Alias(crate::id::AliasName),
    /// The key with an ARN. A bare key id gets the account and Region of the declaration.
    Key(KeyArn),
    /// The grant with an id.
    Grant(String),
}

/// Grants of another owner on a key of the stack that are not reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedGrants {
    /// The id of the only accepted grant, if it is given.
    pub id: Option<String>,
    /// The grantee of the accepted grants, if it is given.
    pub grantee: Option<String>,
    /// Why they are accepted.
    pub reason: String,
}

impl AcceptedGrants {
    /// Returns whether a grant is accepted.
    #[must_use]
    pub fn contains(&self, grant: &Listed) -> bool {
        self.id.as_ref().is_none_or(|id| *id == grant.grant_id)
            && self.grantee.as_ref().is_none_or(|grantee| *grantee == grant.grantee)
    }
}

/// Serializes maps whose keys are not strings as lists of pairs.
pub(crate) mod pairs {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::collections::BTreeMap;

    pub(crate) fn serialize<S: Serializer, K: Serialize, V: Serialize>(
        map: &BTreeMap<K, V>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        s.collect_seq(map)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, K, V>(
        d: D,
    ) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
    {
        Vec::<(K, V)>::deserialize(d).map(|pairs| pairs.into_iter().collect())
    }
}
