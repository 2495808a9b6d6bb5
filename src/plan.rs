//! The plan: every call that apply will make, and every change that is blocked, with the reason. Pure.

mod access;
mod approved;
mod check;
mod draft;
pub mod field;
mod ignored;
mod leaving;
mod obstacle;
pub mod order;
mod policy_cuts;
mod rebuilt;
mod refuse;
mod renamed;
mod revived;
mod same_access;
mod slot;
mod takeover;
mod unrecorded;

use crate::desired::Desired;
use crate::id::{AccountId, IdentityArn, Name, Place};
use crate::impact::Impacts;
use crate::kind::address::Address;
use crate::kind::{Call, Change, Spec};
use crate::live::Live;
use crate::policy::AccessChange;
use crate::policy::lint::Severity;
use crate::state::{Record, State};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

pub use approved::{Approved, Stale};
pub use check::identities::IdentityStatus;
pub use draft::{Draft, draft};
pub use field::FieldChange;
pub use rebuilt::{rebuild, scheduled};

/// The changes from the live to the desired form of a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The name of the stack.
    pub stack: Name,
    /// The account and Region of the stack.
    pub home: Place,
    /// The roles that the run assumes in other accounts, by account.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<AccountId, String>,
    /// The state that the plan is based on.
    pub base: Base,
    /// The steps, in an order in which they could be executed one by one.
    pub steps: Vec<Step>,
    /// The blocked changes.
    pub blocked: Vec<Blocked>,
    /// The differences between AWS and the records.
    pub drift: Vec<Drift>,
    /// The access that principals gain or lose.
    pub access: Vec<Access>,
    /// The findings that do not block a change.
    pub findings: Vec<Finding>,
    /// What could not be checked, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unchecked: Vec<String>,
    /// The declared keys and consumers that were found in AWS without a record, with AWS's identifiers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub found: BTreeMap<Address, String>,
    /// What is taken over without a call, with AWS's identifiers: keys and grants (`adopt`), and the aliases of
    /// `existing` keys.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub taken: BTreeMap<Address, String>,
    /// What AWS held before the plan, and the stack takes over with each key. It stays when it leaves the
    /// configuration.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub taken_with: BTreeMap<Address, TakenOver>,
    /// The keys of the tags that AWS held before the stack declared them, and that leave the configuration. They stay
    /// in AWS.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub let_go: BTreeMap<Address, BTreeSet<String>>,
    /// The keys whose live policies differ from the declared ones only in their text: they give the same access, and
    /// no call is made.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub same_access: BTreeSet<Address>,
    /// The names of the gates in force, by the files that they come from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gates: BTreeMap<String, Vec<String>>,
    /// The changes that `--target` leaves out.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub untargeted: BTreeSet<Address>,
    /// The keys whose deletion an earlier run has scheduled, with AWS's dates. They are listed only if the stack is
    /// destroyed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scheduled: BTreeMap<Address, String>,
    /// The records to write without any call, for example of a lost state. `None` removes the record of
    /// a resource that no longer exists.
    pub remember: BTreeMap<Address, Option<Record>>,
}

/// The aliases and tags that existed before the stack declared them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenOver {
    /// The names of the aliases, with `alias/`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub aliases: BTreeSet<String>,
    /// The keys of the tags.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
}

/// The facts from AWS that a draft needs before it can be finished.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// The status of the users and roles that the calls name. Those that could not be looked up are
    /// missing.
    pub identities: BTreeMap<IdentityArn, IdentityStatus>,
    /// The impact of losing each key that the plan disables or deletes.
    pub impacts: Impacts,
    /// The time in seconds since 1970.
    pub now: u64,
}

/// The drift report: the changes outside kmsctl since the last apply. A resource without a record is
/// compared with the configuration instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drifts {
    /// The name of the stack.
    pub stack: Name,
    /// The account and Region of the stack.
    pub home: Place,
    /// The number of recorded resources.
    pub recorded: usize,
    /// Whether the record of an earlier run has no resources, for example after the stack was destroyed.
    pub emptied: bool,
    /// The number of declared resources without a record.
    pub unrecorded: usize,
    /// The differences between AWS and the records, or the configuration.
    pub drift: Vec<Drift>,
    /// The recorded or declared resources that could not be read.
    pub unreadable: Vec<Blocked>,
    /// The keys whose policies differ only in their text, and give the same access.
    pub same_access: BTreeSet<Address>,
    /// The consumers whose keys do not work.
    pub findings: Vec<Finding>,
}

/// The state that a plan is based on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The lineage of the state.
    pub lineage: String,
    /// The serial of the state.
    pub serial: u64,
}

/// The change of one resource. No two steps of a plan have the same address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The address of the resource.
    pub address: Address,
    /// The account and Region of the resource.
    pub place: Place,
    /// The change from the live to the desired form.
    pub change: Change<Spec>,
    /// The fields that change.
    pub fields: Vec<FieldChange>,
    /// AWS's identifier, if the resource exists.
    pub id: Option<String>,
    /// The form to record; `None` if the record is removed.
    pub record: Option<Spec>,
    /// The alias or the tags of the resource that existed before the stack declared them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub found: BTreeSet<String>,
    /// Whether kmsctl refuses to delete or disable the resource after the step.
    pub protect: bool,
    /// The calls, in order.
    pub calls: Vec<PlannedCall>,
    /// The calls to make after the first calls of every step that waits for this one.
    pub last: Vec<PlannedCall>,
    /// The addresses of the steps whose first calls come before.
    pub after: BTreeSet<Address>,
    /// The reason for the step, for people.
    pub reason: String,
    /// The risk that a person should know before applying.
    pub risk: Option<String>,
    /// AWS's name of the operation in progress on the resource. Apply waits for its end first.
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

/// A blocked change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Blocked {
    /// The address of the resource.
    pub address: Address,
    /// The field; empty if the whole resource is blocked.
    pub field: String,
    /// The reason, as a fragment.
    pub reason: String,
    /// The help: what to do.
    pub help: String,
}

/// A difference between the live form and the record of one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// The address of the resource.
    pub address: Address,
    /// What happened to the resource.
    pub happened: Happened,
    /// The fields that differ: `before` is the recorded value, `after` the live value.
    pub fields: Vec<FieldChange>,
    /// Why the plan changes nothing, if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored: Option<String>,
}

/// What happened to a resource outside of kmsctl.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Happened {
    /// It exists, although it is neither recorded nor declared.
    Created,
    /// It differs.
    Changed,
    /// It no longer exists.
    Deleted,
    /// It is declared, and does not exist yet. It has no record.
    Missing,
    /// It is a declared key without a record whose deletion is scheduled. kmsctl removes the record when it schedules a
    /// deletion.
    Scheduled,
}

impl Drift {
    /// Returns the difference of a resource from what is recorded or declared; `None` if there is none.
    #[must_use]
    fn between(address: &Address, expected: Option<&Spec>, live: Option<&Spec>) -> Option<Self> {
        let happened = match (expected, live) {
            (None, _) => Happened::Created,
            (Some(_), Some(_)) => Happened::Changed,
            (Some(_), None) => Happened::Deleted,
        };
        // Most resources are as expected, and only those that differ are written as fields.
        let fields = if expected == live { Vec::new() } else { field::changes(expected, live) };
        let differs = !fields.is_empty();
        differs.then(|| Self { address: address.clone(), happened, fields, ignored: None })
    }
}

/// A change of a principal's access to a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Access {
    /// The address or ARN of the key.
    pub key: String,
    /// The principal, the actions and the conditions.
    #[serde(flatten)]
    pub change: AccessChange,
    /// Whether the key's policy or a grant gives the access.
    pub via: Via,
    /// The address of the step that changes the policy or the grant.
    pub source: Address,
    /// The addresses of the consumers that the statements are derived from.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub derived: BTreeSet<String>,
}

/// The way in which access is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// The key's policy gives it.
    Policy,
    /// A grant gives it.
    Grant,
}

/// A problem that does not block a change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// The severity.
    pub severity: Severity,
    /// The id of the rule.
    pub rule: String,
    /// The address of the resource.
    pub address: Address,
    /// The problem, and what to do.
    pub message: String,
}

impl Drifts {
    /// Keeps the resources that match one of `targets`; all of them if there are no targets.
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
    /// Creates a plan without steps.
    fn new(desired: &Desired, state: &State, live: &Live) -> Self {
        Self {
            stack: desired.stack.clone(),
            home: desired.home.clone(),
            roles: desired.accounts.clone(),
            base: Base { lineage: state.lineage.clone(), serial: state.serial },
            steps: Vec::new(),
            blocked: Vec::new(),
            drift: Vec::new(),
            access: Vec::new(),
            findings: Vec::new(),
            found: BTreeMap::new(),
            taken: BTreeMap::new(),
            taken_with: BTreeMap::new(),
            let_go: BTreeMap::new(),
            same_access: BTreeSet::new(),
            gates: desired.gate_files.clone(),
            untargeted: BTreeSet::new(),
            unchecked: live.unchecked.clone(),
            scheduled: BTreeMap::new(),
            remember: BTreeMap::new(),
        }
    }

    /// Returns whether the plan has neither steps nor blocked changes. It may still have records to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.blocked.is_empty()
    }

    /// Returns the roles that the steps create.
    #[must_use]
    pub fn roles_to_create(&self) -> BTreeSet<IdentityArn> {
        check::identities::roles_to_create(&self.steps).into_keys().collect()
    }

    /// Keeps only the steps that match one of `targets`, and the steps that they wait for. Without targets
    /// every step is kept.
    pub fn narrow(&mut self, targets: &[String]) {
        if targets.is_empty() {
            return;
        }
        let is_hit = |address: &Address| targets.iter().any(|target| address.matches(target));
        let mut keep: BTreeSet<Address> =
            self.steps.iter().map(|s| &s.address).filter(|a| is_hit(a)).cloned().collect();
        // The last calls of a step wait for the steps that depend on it, so those steps are kept, too. A
        // key must not be deleted while a resource still needs it.
        loop {
            let known = keep.len();
            for step in &self.steps {
                if keep.contains(&step.address) {
                    keep.extend(step.after.iter().cloned());
                }
            }
            let has_last_calls = |address: &&Address| {
                self.steps.iter().any(|step| step.address == **address && !step.last.is_empty())
            };
            let awaiting: BTreeSet<Address> = keep.iter().filter(has_last_calls).cloned().collect();
            let dependents = self.steps.iter().filter(|step| !awaiting.is_disjoint(&step.after));
            keep.extend(dependents.map(|step| step.address.clone()));
            if keep.len() == known {
                break;
            }
        }
        let steps = self.steps.iter().map(|step| &step.address).filter(|a| !keep.contains(*a));
        let blocked = self.blocked.iter().map(|blocked| &blocked.address).filter(|a| !is_hit(a));
        self.untargeted = steps.chain(blocked).cloned().collect();
        self.steps.retain(|step| keep.contains(&step.address));
        self.blocked.retain(|blocked| is_hit(&blocked.address));
        self.drift.retain(|drift| is_hit(&drift.address));
        self.access.retain(|access| keep.contains(&access.source));
        self.findings.retain(|finding| is_hit(&finding.address));
        self.remember.retain(|address, _| is_hit(address));
        check::in_use::narrow(&mut self.unchecked, &self.steps);
    }

    /// Returns the number of steps with an action, such as `create`.
    #[must_use]
    pub fn count(&self, action: &str) -> usize {
        self.steps.iter().filter(|step| step.change.action() == action).count()
    }
}
