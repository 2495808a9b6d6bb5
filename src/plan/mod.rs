//! The plan: every call that apply will make, and everything it will not do and why. Pure data.

mod access;
mod approved;
mod check;
mod draft;
pub mod field;
pub mod order;
mod policy_cuts;
mod refuse;
mod slot;

use crate::address::Address;
use crate::id::{IdentityArn, Name, Place};
use crate::impact::Impacts;
use crate::kind::{Call, Change, Spec};
use crate::policy::AccessChange;
use crate::state::Record;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

pub use approved::{Approved, Stale};
pub use check::identities::Standing;
pub use draft::{Draft, draft};
pub use field::FieldChange;

/// What the configuration, the state and AWS together ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The stack.
    pub stack: Name,
    /// Its account and Region.
    pub home: Place,
    /// The state that the plan was made on.
    pub base: Base,
    /// The steps, in an order in which they could be executed one by one.
    pub steps: Vec<Step>,
    /// What is refused.
    pub blocked: Vec<Blocked>,
    /// Where AWS differs from what was last applied.
    pub drift: Vec<Drift>,
    /// Who gains and who loses access.
    pub access: Vec<Access>,
    /// What is questionable, though not refused.
    pub findings: Vec<Finding>,
    /// Records to write without any call: a lost state is rebuilt, `None` drops what is gone.
    pub remember: BTreeMap<Address, Option<Record>>,
}

/// What a draft must know of AWS before it is a plan.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// What IAM says about the users and roles that the calls name. Those that could not be looked up
    /// are missing.
    pub standings: BTreeMap<IdentityArn, Standing>,
    /// What depends on the keys that the plan disables or deletes.
    pub impacts: Impacts,
}

/// What changed outside of kmsctl since the last apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drifts {
    /// The stack.
    pub stack: Name,
    /// The stack's account and Region.
    pub home: Place,
    /// The differences.
    pub drift: Vec<Drift>,
    /// The recorded resources that could not be read.
    pub unreadable: Vec<Blocked>,
    /// The consumers whose keys do not work.
    pub findings: Vec<Finding>,
}

/// The state that a plan was made on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// Which history.
    pub lineage: String,
    /// Which point in it.
    pub serial: u64,
}

/// What happens to one resource; the address is the step's identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Whose step.
    pub address: Address,
    /// Where the resource is.
    pub place: Place,
    /// From what to what.
    pub change: Change<Spec>,
    /// The same, field by field.
    pub fields: Vec<FieldChange>,
    /// AWS's identifier, where the resource exists.
    pub id: Option<String>,
    /// What the record will say; `None` where it goes away.
    pub record: Option<Spec>,
    /// Whether deleting the resource is refused from now on.
    pub protect: bool,
    /// The calls, in order.
    pub calls: Vec<PlannedCall>,
    /// Calls that wait for everything that depends on the resource.
    pub last: Vec<PlannedCall>,
    /// The steps that must be finished before.
    pub after: BTreeSet<Address>,
    /// Why there is a step. Read by people only.
    pub reason: String,
    /// What a person should know before agreeing.
    pub risk: Option<String>,
    /// What AWS is at, with the resource: apply waits for that first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy: Option<String>,
}

/// One AWS request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedCall {
    /// The account and Region that it goes to.
    pub at: Place,
    /// The request.
    pub call: Call,
}

/// A change that is refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Blocked {
    /// Whose.
    pub address: Address,
    /// The field; empty for the resource as a whole.
    pub field: String,
    /// Why.
    pub reason: String,
    /// What to do.
    pub help: String,
}

/// Live differs from what was last applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// Whose.
    pub address: Address,
    /// `before` is what was applied, `after` what AWS has.
    pub fields: Vec<FieldChange>,
}

/// Somebody gains or loses access to a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Access {
    /// The key.
    pub key: String,
    /// Who, what, when.
    #[serde(flatten)]
    pub change: AccessChange,
    /// `policy` or `grant`.
    pub via: Via,
    /// The declaration that it comes from.
    pub source: Address,
    /// The consumers that it is derived from.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub derived: BTreeSet<String>,
}

/// How access is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// By the key's policy.
    Policy,
    /// By a grant.
    Grant,
}

/// Something questionable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's id.
    pub rule: String,
    /// Whose.
    pub address: Address,
    /// What, and what would be right.
    pub message: String,
}

impl Drifts {
    /// Keeps what matches one of `targets`; everything if there are none.
    pub fn narrow(&mut self, targets: &[String]) {
        let is_hit = |address: &Address| {
            targets.is_empty() || targets.iter().any(|target| address.matches(target))
        };
        self.drift.retain(|drift| is_hit(&drift.address));
        self.unreadable.retain(|blocked| is_hit(&blocked.address));
        self.findings.retain(|finding| is_hit(&finding.address));
    }
}

impl Plan {
    /// Whether apply would change nothing, neither in AWS nor in what is recorded on purpose.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.blocked.is_empty()
    }

    /// The roles that its steps make.
    #[must_use]
    pub fn makes(&self) -> BTreeSet<IdentityArn> {
        check::identities::made(&self.steps).into_keys().collect()
    }

    /// Keeps only the steps that match one of `targets`, and what they wait for.
    pub fn narrow(&mut self, targets: &[String]) {
        if targets.is_empty() {
            return;
        }
        let hit = |address: &Address| targets.iter().any(|target| address.matches(target));
        let mut keep: BTreeSet<Address> =
            self.steps.iter().map(|s| &s.address).filter(|a| hit(a)).cloned().collect();
        // What a step's last calls wait for must happen before them: a key is not taken from what still
        // needs it.
        loop {
            let known = keep.len();
            for step in &self.steps {
                if keep.contains(&step.address) {
                    keep.extend(step.after.iter().cloned());
                }
            }
            let late = |address: &&Address| {
                self.steps.iter().any(|step| step.address == **address && !step.last.is_empty())
            };
            let awaited: BTreeSet<Address> = keep.iter().filter(late).cloned().collect();
            let waited = self.steps.iter().filter(|step| !awaited.is_disjoint(&step.after));
            keep.extend(waited.map(|step| step.address.clone()));
            if keep.len() == known {
                break;
            }
        }
        self.steps.retain(|step| keep.contains(&step.address));
        self.blocked.retain(|blocked| hit(&blocked.address));
        self.drift.retain(|drift| hit(&drift.address));
        self.access.retain(|access| keep.contains(&access.source));
        self.findings.retain(|finding| hit(&finding.address));
        self.remember.retain(|address, _| hit(address));
    }

    /// How many steps there are of an action.
    #[must_use]
    pub fn count(&self, action: &str) -> usize {
        self.steps.iter().filter(|step| step.change.action() == action).count()
    }
}
