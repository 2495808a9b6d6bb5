//! What the configuration declares, resolved and valid. Only `config` makes one.

use crate::address::Address;
use crate::id::{AccountId, KeyArn, Name, Place};
use crate::kind::{KeyFacts, Spec};
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
    /// The account and Region that resources are in unless they say otherwise.
    pub home: Place,
    /// The resources.
    pub resources: BTreeMap<Address, Declared>,
    /// Addresses to stop managing without touching AWS.
    pub forget: BTreeSet<Address>,
    /// Roles to call from other accounts.
    pub accounts: BTreeMap<AccountId, String>,
    /// Keys that are not the stack's but are pointed at.
    pub existing: BTreeSet<KeyArn>,
    /// What the declared keys are, for the checks of what points at them.
    #[serde(with = "crate::desired::pairs")]
    pub key_facts: KeyFacts,
    /// What is demanded of every key.
    pub gates: Gates,
    /// The keys and parts of policies of the branch to merge into, for the gate on new access.
    pub base: BTreeMap<Address, Spec>,
    /// What is questionable about the policies, though not wrong enough to refuse.
    #[serde(skip)]
    pub findings: Vec<(Address, Finding)>,
    /// Which of them do not count for a while.
    #[serde(skip)]
    pub waivers: Vec<Waiver>,
}

/// The format of a saved plan, of which a declaration is a part. Read by the same version only: a
/// plan lives from a review to a merge, not longer.
pub const SAVED: &str = "2";

impl Desired {
    /// The accounts that it is in: those whose IAM can be asked.
    #[must_use]
    pub fn own_accounts(&self) -> BTreeSet<AccountId> {
        self.accounts.keys().chain([&self.home.account]).cloned().collect()
    }

    /// The findings in the light of the waivers, on a day such as `2027-01-31`.
    #[must_use]
    pub fn judged(&self, today: &str) -> Vec<Judged> {
        judge(&self.findings, &self.waivers, today)
    }

    /// Keeps the findings that count, and gives the waivers back.
    pub fn waive(&mut self, today: &str) -> Vec<Waiver> {
        let judged = self.judged(today).into_iter().filter(|judged| judged.waived.is_none());
        self.findings = judged.map(|judged| (judged.address, judged.finding)).collect();
        std::mem::take(&mut self.waivers)
    }
}

/// One declared resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declared {
    /// What it should be.
    pub spec: Spec,
    /// Where.
    pub place: Place,
    /// Whether deleting and disabling it is refused.
    pub protect: bool,
    /// The existing key to take over, where there is one.
    pub adopt: Option<Adopt>,
    /// What a consumer needs of its key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
    /// The statements of a key's policy that follow from consumers: by Sid, from which.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub derived: BTreeMap<String, BTreeSet<String>>,
    /// Where it is declared.
    #[serde(skip)]
    pub span: Span,
}

impl Declared {
    /// A resource without protection, that is not taken over and needs nothing.
    #[must_use]
    pub fn new(spec: Spec, place: Place) -> Self {
        Self {
            spec,
            place,
            protect: false,
            adopt: None,
            needs: Vec::new(),
            derived: BTreeMap::new(),
            span: Span::default(),
        }
    }
}

/// An existing key that is to become the stack's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Adopt {
    /// By an alias.
    Alias(crate::id::AliasName),
    /// By its ARN (a bare id gets the declaration's place).
    Key(KeyArn),
}

/// Maps with keys that are not text, as lists of pairs.
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
