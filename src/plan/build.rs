//! Desired, state and live become a plan. Pure.

use super::{Access, Base, Blocked, Drift, Finding, Plan, PlannedCall, Step, Via, field, order};
use crate::address::Address;
use crate::desired::{Declared, Desired};
use crate::kind::{self, Change, KeyFacts, Kind, Spec, Violation, grant};
use crate::live::{Live, Seen};
use crate::policy::lint::Severity;
use crate::policy::{self, AccessChange, Effect};
use crate::state::{Record, State};
use std::collections::{BTreeMap, BTreeSet};

/// Makes the plan. Every difference ends as a step, as blocked, or (where only kmsctl's own memory
/// differs) in `remember`.
#[must_use]
pub fn plan(desired: &Desired, state: &State, live: &Live) -> Plan {
    let mut facts: KeyFacts = desired.key_facts.clone();
    facts.extend(live.key_facts.clone());
    let mut builder = Builder { desired, state, live, facts, plan: empty(desired, state) };
    let addresses: BTreeSet<&Address> =
        desired.resources.keys().chain(state.records.keys()).chain(live.seen.keys()).collect();
    for address in addresses {
        builder.resource(address);
    }
    builder.block_grants_on_disabled();
    builder.block_dependents();
    let mut plan = builder.plan;
    order::order(&mut plan.steps);
    plan.access = plan.steps.iter().flat_map(access).collect();
    plan.access.sort();
    plan.findings = findings(desired);
    plan
}

fn empty(desired: &Desired, state: &State) -> Plan {
    Plan {
        stack: desired.stack.clone(),
        home: desired.home.clone(),
        base: Base { lineage: state.lineage.clone(), serial: state.serial },
        steps: Vec::new(),
        blocked: Vec::new(),
        drift: Vec::new(),
        access: Vec::new(),
        findings: Vec::new(),
        remember: BTreeMap::new(),
    }
}

struct Builder<'a> {
    desired: &'a Desired,
    state: &'a State,
    live: &'a Live,
    facts: KeyFacts,
    plan: Plan,
}

impl Builder<'_> {
    fn resource(&mut self, address: &Address) {
        let declared = self.desired.resources.get(address);
        let record = self.state.records.get(address);
        let seen = self.live.seen.get(address).unwrap_or(&Seen::Absent);
        self.drift(address, record, seen);
        let forgotten = |key: &kind::KeyRef| matches!(key, kind::KeyRef::Managed(key) if self.desired.forget.contains(key));
        let forget = self.desired.forget.contains(address)
            || record.is_some_and(|record| record.spec.refs().into_iter().any(forgotten));
        match (declared, record, seen) {
            (None, Some(record), _) if forget => self.forget(address, record),
            (None, None, _) if forget => {}
            (None, None, Seen::Absent | Seen::Obstructed { .. }) => {}
            (_, _, Seen::Obstructed { reason, help }) => {
                self.block(address, &Violation::new("", reason, help));
            }
            (Some(declared), _, Seen::Absent) => self.create(address, declared),
            (Some(declared), _, Seen::Present { .. }) => self.keep(address, declared, record, seen),
            (None, Some(_), Seen::Absent) => {
                self.plan.remember.insert(address.clone(), None);
            }
            (None, _, Seen::Present { .. }) => self.delete(address, record, seen),
        }
    }

    fn drift(&mut self, address: &Address, record: Option<&Record>, seen: &Seen) {
        let Some(record) = record.filter(|record| !record.partial) else {
            return;
        };
        let live = match seen {
            Seen::Present { spec, .. } => Some(&**spec),
            Seen::Absent => None,
            Seen::Obstructed { .. } => return,
        };
        let fields = match live {
            Some(live) => {
                let expected = record.spec.complete(live);
                if expected == *live {
                    Vec::new()
                } else {
                    field::changes(Some(&expected), Some(live))
                }
            }
            None => field::changes(Some(&record.spec), None),
        };
        if !fields.is_empty() {
            self.plan.drift.push(Drift { address: address.clone(), fields });
        }
    }

    fn forget(&mut self, address: &Address, record: &Record) {
        let change = Change::Forget { from: record.spec.clone() };
        self.step(
            address,
            record.place.clone(),
            change,
            Some(&record.id),
            record.protect,
            "listed under `removed`",
        );
    }

    fn create(&mut self, address: &Address, declared: &Declared) {
        let change = Change::Create { to: declared.spec.clone() };
        let reason = match self.state.records.get(address) {
            Some(_) => "it was deleted outside of kmsctl",
            None => "declared, and not there",
        };
        self.step(address, declared.place.clone(), change, None, declared.protect, reason);
    }

    fn keep(
        &mut self,
        address: &Address,
        declared: &Declared,
        record: Option<&Record>,
        seen: &Seen,
    ) {
        let Seen::Present { id, spec, .. } = seen else {
            return;
        };
        let from: &Spec = spec;
        let to = declared.spec.complete(from);
        let place = declared.place.clone();
        if *from == to {
            self.remember(address, declared, record, id, &to);
            return;
        }
        if let Some(violation) = disabling(declared.protect, from, &to) {
            self.block(address, &violation);
            return;
        }
        let (change, reason) = match record {
            Some(_) if self.plan.drift.last().is_some_and(|drift| drift.address == *address) => {
                (Change::Update { from: from.clone(), to }, "AWS differs from the configuration")
            }
            Some(_) => (Change::Update { from: from.clone(), to }, "the configuration changed"),
            None if declared.adopt.is_some() => {
                (Change::Import { from: from.clone(), to }, "an existing key is taken over")
            }
            None => (Change::Update { from: from.clone(), to }, "found in AWS, and different"),
        };
        self.step(address, place, change, Some(id), declared.protect, reason);
    }

    /// AWS is as declared. What kmsctl remembers may still differ: a changed protection is a step
    /// of its own, because it decides what a later plan may delete; a lost record is written back.
    fn remember(
        &mut self,
        address: &Address,
        declared: &Declared,
        record: Option<&Record>,
        id: &str,
        to: &Spec,
    ) {
        let fresh = Record {
            id: id.to_owned(),
            place: declared.place.clone(),
            spec: declared.spec.recorded(record.map(|record| &record.spec), to),
            protect: declared.protect,
            partial: false,
        };
        match record {
            Some(record) if record.protect != declared.protect => {
                let change = Change::Update { from: to.clone(), to: to.clone() };
                let reason = "the protection changed; recorded without a call";
                self.step(
                    address,
                    declared.place.clone(),
                    change,
                    Some(id),
                    declared.protect,
                    reason,
                );
                if let Some(step) = self.plan.steps.last_mut() {
                    step.fields.push(field::FieldChange {
                        path: "protect".to_owned(),
                        before: record.protect.into(),
                        after: declared.protect.into(),
                    });
                }
            }
            Some(record) if *record == fresh => {}
            Some(_) | None => {
                self.plan.remember.insert(address.clone(), Some(fresh));
            }
        }
    }

    fn delete(&mut self, address: &Address, record: Option<&Record>, seen: &Seen) {
        let Seen::Present { id, place, spec } = seen else {
            return;
        };
        if let Spec::Key(key) = &**spec
            && key.deletion.is_some()
        {
            if record.is_some() {
                self.plan.remember.insert(address.clone(), None);
            }
            return;
        }
        // Without a record nothing says that the key may go.
        if address.kind == Kind::Key && record.is_none_or(|record| record.protect) {
            let violation = Violation::new(
                "",
                "it is no longer declared, and protected: deleting a key loses what it encrypts",
                format!(
                    "declare it again; or apply `protect: false` first and remove it then; or stop \
                     managing it with `removed: [{{address: {address}, action: forget}}]`"
                ),
            );
            self.block(address, &violation);
            return;
        }
        let change = Change::Delete { from: (**spec).clone() };
        self.step(address, place.clone(), change, Some(id), false, "no longer declared");
    }

    fn step(
        &mut self,
        address: &Address,
        place: crate::id::Place,
        change: Change<Spec>,
        id: Option<&str>,
        protect: bool,
        reason: &str,
    ) {
        let calls = match kind::calls(&place, &change, &self.facts) {
            Ok(calls) => calls,
            Err(violations) => {
                for violation in &violations {
                    self.block(address, violation);
                }
                return;
            }
        };
        let planned = |calls: Vec<(crate::id::Place, kind::Call)>| {
            calls.into_iter().map(|(at, call)| PlannedCall { at, call }).collect()
        };
        let before = self.state.records.get(address).map(|record| &record.spec);
        let declared = self.desired.resources.get(address).map(|declared| &declared.spec);
        let record = change.to().zip(declared).map(|(to, spec)| spec.recorded(before, to));
        self.plan.steps.push(Step {
            record,
            address: address.clone(),
            fields: field::changes(change.from(), change.to()),
            place,
            change,
            id: id.map(str::to_owned),
            protect,
            calls: planned(calls.first),
            last: planned(calls.last),
            after: BTreeSet::new(),
            reason: reason.to_owned(),
            risk: calls.risk,
        });
    }

    fn block(&mut self, address: &Address, violation: &Violation) {
        self.plan.blocked.push(Blocked {
            address: address.clone(),
            field: violation.field.clone(),
            reason: violation.reason.clone(),
            help: violation.help.clone(),
        });
    }

    /// AWS makes no grants on a disabled key (aws-semantics 1.3). A key is not enabled for a moment
    /// behind its owner's back, and a run that must fail half-way is not begun.
    fn block_grants_on_disabled(&mut self) {
        let enables = |key: &Address| {
            let step = self.plan.steps.iter().find(|step| step.address == *key);
            step.is_some_and(|step| {
                let enable = kind::Call::Key(kind::key::Call::EnableKey {});
                step.calls.iter().any(|planned| planned.call == enable)
            })
        };
        let disabled = |key: &Address| match self.live.seen.get(key) {
            Some(Seen::Present { spec, .. }) => {
                matches!(&**spec, Spec::Key(spec) if spec.enabled == Some(false)) && !enables(key)
            }
            Some(_) | None => false,
        };
        let grants = self.plan.steps.iter().filter_map(|step| {
            let create = step.calls.iter().find_map(|planned| match &planned.call {
                kind::Call::Grant(grant::Call::CreateGrant { key_id, .. }) => Some(key_id),
                kind::Call::Grant(_) | kind::Call::Key(_) | kind::Call::Alias(_) => None,
            })?;
            match create {
                kind::KeyRef::Managed(key) if disabled(key) => {
                    Some((step.address.clone(), key.clone()))
                }
                kind::KeyRef::Managed(_) | kind::KeyRef::Arn(_) => None,
            }
        });
        let stuck: Vec<(Address, Address)> = grants.collect();
        for (address, key) in stuck {
            self.plan.steps.retain(|step| step.address != address);
            let reason = format!("`{key}` is disabled, and AWS makes no grants on a disabled key");
            let help = "enable the key (`enabled: true`), or leave the grant as it is".to_owned();
            self.block(&address, &Violation::new("", reason, help));
        }
    }

    /// What points at a key that is refused waits with it, where the key would not be there for it
    /// (it cannot be created), or where it would lose what keeps working (it may not be deleted).
    fn block_dependents(&mut self) {
        let refused: BTreeSet<Address> =
            self.plan.blocked.iter().map(|blocked| blocked.address.clone()).collect();
        let undeclared = |key: &Address| !self.desired.resources.contains_key(key);
        let missing = |key: &Address| !self.live.ids.contains_key(key);
        let mut waiting = Vec::new();
        self.plan.steps.retain(|step| {
            let specs = step.change.from().into_iter().chain(step.change.to());
            let hit = specs.flat_map(Spec::refs).find_map(|key| match key {
                kind::KeyRef::Managed(key) if refused.contains(key) => {
                    (missing(key) || undeclared(key)).then(|| key.clone())
                }
                kind::KeyRef::Managed(_) | kind::KeyRef::Arn(_) => None,
            });
            if let Some(key) = &hit {
                waiting.push((step.address.clone(), key.clone()));
            }
            hit.is_none()
        });
        for (address, key) in waiting {
            let help = format!("resolve what blocks `{key}` first");
            self.block(&address, &Violation::new("", format!("`{key}` is blocked"), help));
        }
    }
}

/// Disabling a protected key is refused: what it encrypts could not be read any more.
fn disabling(protect: bool, from: &Spec, to: &Spec) -> Option<Violation> {
    let (Spec::Key(from), Spec::Key(to)) = (from, to) else {
        return None;
    };
    let disables = from.enabled != Some(false) && to.enabled == Some(false);
    (protect && disables && from.deletion.is_none()).then(|| {
        Violation::new(
            "enabled",
            "the key is protected, and disabling it stops everything that needs it",
            "apply `protect: false` first, and `enabled: false` then",
        )
    })
}

/// Who gains and who loses access by a step.
fn access(step: &Step) -> Vec<Access> {
    let (from, to) = (step.change.from(), step.change.to());
    let forgets = matches!(step.change, Change::Forget { .. });
    match from.or(to) {
        Some(Spec::Key(_)) if !forgets => key_access(step),
        Some(Spec::Grant(_)) if !forgets => grant_access(step),
        Some(_) | None => Vec::new(),
    }
}

fn key_access(step: &Step) -> Vec<Access> {
    let policy = |spec: Option<&Spec>| match spec {
        Some(Spec::Key(key)) => key.policy.clone(),
        Some(Spec::Alias(_) | Spec::Grant(_)) | None => None,
    };
    let (from, to) = (policy(step.change.from()), policy(step.change.to()));
    if to.is_none() {
        return Vec::new();
    }
    let changes = policy::access_changes(from.as_ref(), to.as_ref()).into_iter();
    let access = changes.map(|change| Access {
        key: step.address.to_string(),
        change,
        via: Via::Policy,
        source: step.address.clone(),
    });
    access.collect()
}

fn grant_access(step: &Step) -> Vec<Access> {
    let line = |effect: Effect, spec: Option<&Spec>| {
        let Some(Spec::Grant(spec)) = spec else {
            return None;
        };
        let condition = spec.constraints.as_ref().map(|constraint| {
            let (form, pairs) = match constraint {
                grant::Constraint::EncryptionContextEquals(pairs) => ("is", pairs),
                grant::Constraint::EncryptionContextSubset(pairs) => ("contains", pairs),
            };
            let pairs: Vec<String> = pairs.iter().map(|(k, v)| format!("{k}={v}")).collect();
            format!("encryption context {form} {}", pairs.join(", "))
        });
        let actions = spec.operations.iter().map(|op| format!("kms:{op}")).collect();
        let change = AccessChange { effect, principal: spec.grantee.clone(), actions, condition };
        let (key, source) = (spec.key.to_string(), step.address.clone());
        Some(Access { key, change, via: Via::Grant, source })
    };
    let mut lost = line(Effect::Lost, step.change.from());
    let mut gained = line(Effect::Gained, step.change.to());
    // Of a grant that is replaced for the same principal and condition, only what differs.
    if let (Some(lost), Some(gained)) = (&mut lost, &mut gained)
        && lost.change.principal == gained.change.principal
        && lost.change.condition == gained.change.condition
    {
        let before = lost.change.actions.clone();
        lost.change.actions.retain(|action| !gained.change.actions.contains(action));
        gained.change.actions.retain(|action| !before.contains(action));
    }
    let each = lost.into_iter().chain(gained);
    each.filter(|access| !access.change.actions.is_empty()).collect()
}

fn findings(desired: &Desired) -> Vec<Finding> {
    // Notes are for `lint`: a plan has more important things to say.
    let told = desired.findings.iter().filter(|(_, f)| f.rule.severity != Severity::Note);
    let each = told.map(|(address, finding)| Finding {
        rule: finding.rule.id.to_owned(),
        address: address.clone(),
        message: format!("{}: {}", finding.message, finding.help),
    });
    each.collect()
}
