//! Makes the draft of a plan: compares the desired and the live form of every resource, and lists the
//! steps. The draft names the identities and keys about which it needs more facts from AWS. Pure.

use super::access::access;
use super::check::{self, identities, in_use, undeclared};
use super::ignored;
use super::obstacle::{Primary, has_data, is_in_another_place, obstacle};
use super::rebuilt;
use super::refuse::Objection;
use super::renamed::{self, Undeclared};
use super::{
    Drift, Drifts, Finding, Plan, PlannedCall, Step, Survey, field, leaving, order, policy_cuts,
    revived, same_access, takeover, unrecorded,
};
use crate::desired::{Adopt, Declared, Desired};
use crate::id::{IdentityArn, KeyArn, Place};
use crate::kind::address::Address;
use crate::kind::{self, Call, Change, KeyFacts, Kind, Spec, Violation, key};
use crate::live::{Live, Observed};
use crate::policy::lint::other_rules;
use crate::policy::work;
use crate::state::{Record, State};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The draft of a plan.
#[derive(Debug)]
pub struct Draft<'a> {
    pub(super) desired: Cow<'a, Desired>,
    pub(super) live: &'a Live,
    pub(super) facts: KeyFacts,
    pub(super) plan: Plan,
    /// The steps that were refused.
    pub(super) refused: BTreeMap<Address, Step>,
    /// The resources that were found only by their tags, and may belong to somebody else.
    pub(super) doubtful: BTreeSet<Address>,
    /// The resources that are to be taken over.
    pub(super) coming: BTreeSet<Address>,
}

/// Compares the desired form of a stack with its live form. Each difference becomes a step or a blocked
/// change. If only the state is outdated, the difference becomes an entry of [`Plan::remember`].
#[must_use]
pub fn draft<'a>(desired: &'a Desired, state: &State, live: &'a Live) -> Draft<'a> {
    let desired = with_managed_keys(desired, live);
    let mut facts: KeyFacts = desired.key_facts.clone();
    facts.extend(live.key_facts.clone());
    let mut builder = Builder {
        desired: &desired,
        state,
        live,
        facts: &facts,
        plan: Plan::new(&desired, state, live),
        objections: Vec::new(),
        undeclared: Undeclared::of(&desired, live),
        doubtful: BTreeSet::new(),
    };
    let addresses: BTreeSet<&Address> =
        desired.resources.keys().chain(state.records.keys()).chain(live.observed.keys()).collect();
    work::within(work::PLAN, || {
        addresses.into_iter().for_each(|address| builder.resource(address));
    });
    let Builder { mut plan, objections, doubtful, .. } = builder;
    ignored::renamed(&mut plan, state, live);
    plan.let_go = takeover::let_go(&desired, state, live);
    let (refused, coming) = (BTreeMap::new(), takeover::coming(&desired, state));
    let mut draft = Draft { desired, live, facts, plan, refused, doubtful, coming };
    draft.refuse(objections);
    draft.refuse(check::primary::check(&draft));
    let (objections, findings) = check::keys::check(&draft);
    draft.plan.findings.extend(findings);
    draft.plan.findings.extend(undeclared::duplicates(&draft));
    draft.plan.findings.extend(undeclared::foreign_grants(&draft));
    draft.plan.findings.extend(undeclared::replicas(&draft));
    draft.plan.findings.extend(undeclared::moved_primaries(&draft));
    draft.refuse(objections);
    draft
}

impl Draft<'_> {
    /// Returns the users and roles that the calls name, without the roles that the plan creates.
    #[must_use]
    pub fn identities(&self) -> BTreeSet<IdentityArn> {
        let created = identities::roles_to_create(&self.plan.steps);
        let named = self.plan.steps.iter().flat_map(identities::named_by);
        named.filter(|identity| !created.contains_key(identity)).collect()
    }

    /// Returns the keys that the plan disables or schedules for deletion.
    #[must_use]
    pub fn keys_at_risk(&self) -> BTreeSet<KeyArn> {
        in_use::keys_at_risk(&self.plan.steps, &self.live.ids)
    }

    /// Returns the findings about what AWS holds now and what does not pass the gates.
    #[must_use]
    pub fn breaches(&self) -> Vec<Finding> {
        check::gates::now(self)
    }

    /// Returns the drift report. The steps of the draft are dropped.
    #[must_use]
    pub fn drifts(self, state: &State) -> Drifts {
        let unrecorded = unrecorded::drift(&self.desired, state, self.live, &self.doubtful);
        let pending = check::keys::pending_deletion(&self);
        let Plan { stack, home, mut drift, mut findings, mut blocked, same_access, .. } = self.plan;
        drift.extend(unrecorded);
        drift.sort_by(|a, b| a.address.cmp(&b.address));
        // A consumer whose key does not work is reported, although the consumer itself is unchanged.
        findings.retain(|finding| {
            [
                &other_rules::KEY_UNUSABLE,
                &other_rules::DUPLICATE_KEY,
                &other_rules::FOREIGN_GRANT,
                &other_rules::UNCLAIMED,
                &other_rules::PRIMARY_MOVED,
            ]
            .iter()
            .any(|rule| rule.slug == finding.rule)
        });
        let known: BTreeSet<Address> = findings.iter().map(|found| found.address.clone()).collect();
        let pending = pending.into_iter().filter(|found| !known.contains(&found.address));
        findings.extend(pending);
        // A resource that cannot be read, or belongs to another owner now, may have drifted.
        blocked.retain(|blocked| {
            let seen = self.live.observed.get(&blocked.address);
            let is_unread = matches!(seen, Some(Observed::Unusable { .. }))
                && !self.live.repointed.contains_key(&blocked.address);
            is_unread || self.doubtful.contains(&blocked.address)
        });
        let declared = self.desired.resources.keys();
        Drifts {
            stack,
            home,
            recorded: state.records.len(),
            emptied: state.serial > 0 && state.records.is_empty(),
            unrecorded: declared.filter(|address| !state.records.contains_key(address)).count(),
            drift,
            unreadable: blocked,
            same_access,
            findings,
        }
    }

    /// Finishes the plan. `survey` has the facts about [`Draft::identities`] and
    /// [`Draft::keys_at_risk`].
    #[must_use]
    pub fn finish(mut self, survey: &Survey) -> Plan {
        let unneeded = in_use::unneeded(&self);
        self.plan.findings.extend(unneeded);
        let objections = check::refused(&self);
        self.refuse(objections);
        let findings = check::declared(&self.desired, &self.plan.blocked);
        self.plan.findings.extend(findings);
        self.plan.findings.extend(undeclared::check(&self));
        self.plan.findings.extend(check::held::check(&self));
        let (objections, findings) = check::gates::check(&self);
        self.plan.findings.extend(findings);
        let refused = objections.iter().map(|objection| &objection.address);
        let taken = refused.filter(|address| self.plan.taken.contains_key(*address));
        self.doubtful.extend(taken.cloned().collect::<Vec<_>>());
        self.refuse(objections);
        let objections = identities::check(&self, &survey.identities);
        self.refuse(objections);
        let objections = in_use::check(&self, survey);
        self.refuse(objections);
        in_use::caution(&mut self, &survey.impacts);
        policy_cuts::defer(&mut self.plan.steps);
        order::order(&mut self.plan.steps);
        self.refuse(cycles(&self.plan.steps));
        let steps = self.plan.steps.as_slice();
        self.plan.access = work::within(work::PLAN, || {
            let all = steps.iter();
            all.flat_map(|step| access(step, steps, &self.desired, self.live)).collect()
        });
        self.plan.access.sort();
        ignored::explain(&mut self.plan, &self.desired);
        takeover::forget_blocked(&mut self.plan, &self.coming);
        self.plan
    }
}

/// Objects to steps that wait for each other. The rules of [`order`] are not known to create such steps;
/// the check keeps a mistake in the rules from ending an apply in the middle.
fn cycles(steps: &[Step]) -> Vec<Objection> {
    let stuck = order::stuck(steps);
    let names: Vec<String> = stuck.iter().map(|address| format!("`{address}`")).collect();
    let reason = format!("these steps wait for each other: {}", names.join(", "));
    let help = "apply one of them alone with `--target`, and report this plan as a bug";
    stuck.iter().map(|address| Objection::new(address, Violation::new("", &reason, help))).collect()
}

/// Returns the declarations with every alias of a key replaced by the key. A key of the stack is then
/// referred to by its address, and any other key by its ARN.
fn with_managed_keys<'a>(desired: &'a Desired, live: &Live) -> Cow<'a, Desired> {
    let own: BTreeMap<&KeyArn, &Address> = live.ids.iter().map(|(a, arn)| (arn, a)).collect();
    let replacement = |key: &kind::KeyRef, consumer: bool| {
        let arn = match key {
            kind::KeyRef::Alias(alias) => live.targets.get(alias)?,
            kind::KeyRef::Arn(arn) if consumer => arn,
            kind::KeyRef::Managed(_) | kind::KeyRef::Arn(_) => return None,
        };
        let managed = own.get(arn).map(|address| kind::KeyRef::Managed((*address).clone()));
        let new = managed.unwrap_or_else(|| kind::KeyRef::Arn(arn.clone()));
        (new != *key).then_some(new)
    };
    let mut out = Cow::Borrowed(desired);
    for (address, declared) in &desired.resources {
        let consumer = address.kind.is_consumer();
        let new = declared.spec.refs().into_iter().find_map(|key| replacement(key, consumer));
        let Some(new) = new else { continue };
        let declared = out.to_mut().resources.get_mut(address);
        if let Some(key) = declared.and_then(|declared| declared.spec.key_mut()) {
            *key = new;
        }
    }
    out
}

struct Builder<'a> {
    desired: &'a Desired,
    state: &'a State,
    live: &'a Live,
    facts: &'a KeyFacts,
    plan: Plan,
    objections: Vec<Objection>,
    undeclared: Undeclared<'a>,
    doubtful: BTreeSet<Address>,
}

impl Builder<'_> {
    fn resource(&mut self, address: &Address) {
        let declared = self.desired.resources.get(address);
        let record = self.state.records.get(address);
        let seen = self.live.observed.get(address).unwrap_or(&Observed::Absent);
        self.drift(address, record, seen);
        if declared.is_none()
            && let Some(reason) = leaving::kept(address, record, seen, self.desired, self.live)
        {
            self.forget(address, record, seen, &reason);
            return;
        }
        match (declared, record, seen) {
            (None, None, Observed::Absent | Observed::Unusable { .. }) => {}
            (_, _, Observed::Unusable { reason, help }) => {
                self.block(address, &Violation::new("", reason, help));
            }
            (Some(declared), _, Observed::Absent) => self.create(address, declared),
            (Some(declared), _, Observed::Present { .. }) => {
                self.keep(address, declared, record, seen);
            }
            (None, Some(_), Observed::Absent) => {
                self.plan.remember.insert(address.clone(), None);
            }
            (None, _, Observed::Present { .. }) => self.delete(address, record, seen),
        }
    }

    fn drift(&mut self, address: &Address, record: Option<&Record>, seen: &Observed) {
        let is_whole = |record: &&Record| !record.partial && !self.live.released.contains(address);
        let Some(record) = record.filter(is_whole) else {
            return;
        };
        let live = match seen {
            Observed::Present { spec, .. } => Some(&**spec),
            Observed::Absent => None,
            Observed::Unusable { .. } => {
                self.plan.drift.extend(leaving::repointed(address, record, self.live));
                return;
            }
        };
        let drift = match live {
            Some(live) => {
                let expected = record.spec.complete(live, &self.desired.stack);
                let same = self.with_live_policy(address, &expected, live);
                let expected = same.unwrap_or(expected);
                let live = live.with_statements_of(&expected);
                Drift::between(address, Some(&expected), Some(&live))
            }
            None => Drift::between(address, Some(&record.spec), None),
        };
        self.plan.drift.extend(drift);
    }

    /// Returns the expected form of a key with the live policy, if the two policies differ only in their text.
    fn with_live_policy(&self, address: &Address, expected: &Spec, live: &Spec) -> Option<Spec> {
        same_access::with_live_policy(address, expected, live, self.desired, self.live)
    }

    /// Stops managing a resource, and takes the stack's tags off a key if the configuration says so.
    fn forget(
        &mut self,
        address: &Address,
        record: Option<&Record>,
        seen: &Observed,
        reason: &str,
    ) {
        let untags = self.desired.untags(address) && !self.live.unmarked.contains(address);
        match (seen, record) {
            (Observed::Unusable { reason, help }, _) if untags => {
                self.block(address, &leaving::hidden_tags(reason, help));
            }
            (Observed::Present { id, place, spec, .. }, _) if untags => {
                let change = Change::Forget { from: (**spec).clone() };
                self.step(address, place.clone(), change, Some(id), false, leaving::UNTAGGED);
                if let Some(step) = self.plan.steps.last_mut().filter(|s| s.address == *address) {
                    step.calls
                        .push(PlannedCall { at: place.clone(), call: Call::Key(key::untag()) });
                }
            }
            (_, Some(record)) => {
                let change = Change::Forget { from: record.spec.clone() };
                let place = record.place.clone();
                self.step(address, place, change, Some(&record.id), record.protect, reason);
            }
            (_, None) => {}
        }
    }

    fn create(&mut self, address: &Address, declared: &Declared) {
        if let Some(Adopt::Grant(id)) = &declared.adopt
            && !self.state.records.contains_key(address)
        {
            let reason = format!("the key has no grant with the id `{id}`");
            let help = "`aws kms list-grants` lists the grants of a key; without `adopt`, kmsctl creates a new one";
            self.block(address, &Violation::new("adopt", reason, help));
            return;
        }
        if let Some(violation) = self.undeclared.objection(address, declared, self.state) {
            self.block(address, &violation);
            return;
        }
        let change =
            Change::Create { to: declared.spec.newborn(&declared.place, &self.desired.stack) };
        let reason = leaving::missing(address, self.state, self.live);
        self.step(address, declared.place.clone(), change, None, declared.protect, reason);
        let data_is_lost = self.state.records.contains_key(address) && address.kind.is_consumer();
        if data_is_lost
            && let Some(step) = self.plan.steps.last_mut()
            && step.address == *address
        {
            let risk = "the data of the deleted resource is lost: the new resource is empty";
            step.risk.get_or_insert_with(|| risk.to_owned());
        }
    }

    fn keep(
        &mut self,
        address: &Address,
        declared: &Declared,
        record: Option<&Record>,
        seen: &Observed,
    ) {
        let Observed::Present { id, spec, .. } = seen else {
            return;
        };
        let from = takeover::without_left_tags(spec, declared, record);
        let from = from.as_ref();
        if self.live.busy(address).is_some() && record.is_some_and(|record| record.partial) {
            self.wait_for_aws(address, declared, from, id);
            return;
        }
        if let Some(violation) = is_in_another_place(seen, declared) {
            self.block(address, &violation);
            return;
        }
        if record.is_none() && !self.trusts(address, declared, from, id) {
            return;
        }
        let wanted = revived::wanted(declared, record, from);
        let to = wanted.as_ref().unwrap_or(&declared.spec).complete(from, &self.desired.stack);
        let same = self.with_live_policy(address, &to, from);
        if same.is_some() {
            self.plan.same_access.insert(address.clone());
        }
        let to = same.unwrap_or(to);
        if *from == to {
            self.remember(address, declared, record, id, (from, &to));
            return;
        }
        let primary = Primary::of(address, declared, from, self.desired, self.live);
        let is_guarded = self.desired.is_guarded(address);
        if let Some(violation) = obstacle(declared, record, is_guarded, (from, &to), primary) {
            self.block(address, &violation);
            return;
        }
        let from = from.clone();
        let (change, reason) = match record {
            Some(_) if self.plan.drift.last().is_some_and(|drift| drift.address == *address) => {
                (Change::Update { from, to }, "AWS differs from the configuration")
            }
            Some(_) => (Change::Update { from, to }, "the configuration changed"),
            None if declared.adopt.is_some() && address.kind == Kind::Grant => {
                (Change::Import { from, to }, "takes over an existing grant")
            }
            None if declared.adopt.is_some() => {
                (Change::Import { from, to }, "takes over an existing key")
            }
            None => (Change::Update { from, to }, "found in AWS; differs from the configuration"),
        };
        self.step(address, declared.place.clone(), change, Some(id), declared.protect, reason);
        revived::caution(self.plan.steps.last_mut(), address, declared);
        if let Some(record) = record.filter(|record| record.protect != declared.protect) {
            self.show_protection(address, record.protect, declared.protect);
        }
    }

    /// Returns whether a resource without a record may be used. If it may not, it is blocked.
    fn trusts(&mut self, address: &Address, declared: &Declared, live: &Spec, id: &str) -> bool {
        if let Some(violation) =
            check::found::doubt(address, id, declared, live, self.desired, self.live)
        {
            self.block(address, &violation);
            self.doubtful.insert(address.clone());
            return false;
        }
        if declared.adopt.is_none() && has_data(address) {
            self.plan.found.insert(address.clone(), id.to_owned());
        }
        true
    }

    /// Adds a step without calls that waits for the end of an operation. An earlier apply was interrupted
    /// while AWS executed that operation, and the result is known only once it ends.
    fn wait_for_aws(&mut self, address: &Address, declared: &Declared, from: &Spec, id: &str) {
        let known = self.state.records.get(address).map(|record| record.spec.clone());
        let change = Change::Update { from: from.clone(), to: from.clone() };
        let reason = "waits for an operation that an earlier apply started";
        self.step(address, declared.place.clone(), change, Some(id), declared.protect, reason);
        if let Some(step) = self.plan.steps.last_mut().filter(|step| step.address == *address) {
            // Changes that AWS refused during the operation are planned again by the next plan.
            step.record = known.or_else(|| Some(declared.spec.clone()));
            step.calls.clear();
            step.last.clear();
        }
    }

    /// Adds the change of the protection to the fields of the last step.
    fn show_protection(&mut self, address: &Address, before: bool, after: bool) {
        if let Some(step) = self.plan.steps.last_mut().filter(|step| step.address == *address) {
            step.fields.push(field::FieldChange {
                path: "protect".to_owned(),
                before: before.into(),
                after: after.into(),
            });
        }
    }

    /// Updates the record of a resource whose live form is the desired form. A changed protection becomes
    /// a step, because it decides what a later plan may delete. A missing or outdated record is written
    /// without a step.
    fn remember(
        &mut self,
        address: &Address,
        declared: &Declared,
        record: Option<&Record>,
        id: &str,
        (from, to): (&Spec, &Spec),
    ) {
        let found = takeover::found(address, (from, to), self.desired, self.state);
        takeover::note(&mut self.plan.taken_with, address, to, &found, record);
        let is_taken = takeover::is_taken(address, declared, &found, self.live);
        let fresh = rebuilt::record(declared, record, id, to, found);
        match record {
            Some(record) if record.protect != declared.protect => {
                let change = Change::Update { from: to.clone(), to: to.clone() };
                let reason = "the protection changed; no call is needed";
                self.step(
                    address,
                    declared.place.clone(),
                    change,
                    Some(id),
                    declared.protect,
                    reason,
                );
                self.show_protection(address, record.protect, declared.protect);
            }
            Some(record) if *record == fresh => {}
            Some(_) | None => {
                if record.is_none() && is_taken {
                    self.plan.taken.insert(address.clone(), id.to_owned());
                }
                self.plan.remember.insert(address.clone(), Some(fresh));
            }
        }
    }

    fn delete(&mut self, address: &Address, record: Option<&Record>, seen: &Observed) {
        let Observed::Present { id, place, spec, busy: _ } = seen else {
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
        let known = (self.desired, self.state);
        if let Some(violation) = renamed::leaves(known, self.live, address, place, spec) {
            self.block(address, &violation);
            return;
        }
        if leaving::is_declared_elsewhere(address, place, spec, self.desired) {
            self.plan.remember.insert(address.clone(), None);
            return;
        }
        if let Some(original) = address.original() {
            if !undeclared::is_further(&original, id, self.desired, self.live) {
                let reason = format!("it is not a further key beside `{original}`");
                let help = format!("run `kmsctl state forget {address}`");
                self.block(address, &Violation::new("", reason, help));
                return;
            }
            if undeclared::is_guarded_duplicate(&original, spec, self.desired, self.state) {
                self.block(address, &undeclared::guarded_duplicate());
                return;
            }
            let change = Change::Delete { from: (**spec).clone() };
            let reason = "a duplicate that is listed under `removed`";
            self.step(address, place.clone(), change, Some(id), false, reason);
            return;
        }
        if has_data(address) && record.is_none() {
            self.plan.findings.push(undeclared::unclaimed(address, id));
            return;
        }
        if has_data(address) && record.is_none_or(|record| record.protect) {
            self.block(address, &undeclared::protected(address, self.desired.destroys));
            return;
        }
        let change = Change::Delete { from: (**spec).clone() };
        let reason = if self.desired.destroys { "destroy" } else { "no longer declared" };
        self.step(address, place.clone(), change, Some(id), false, reason);
    }

    /// Adds the step of a change, or blocks the address if the kind refuses the change.
    fn step(
        &mut self,
        address: &Address,
        place: Place,
        change: Change<Spec>,
        id: Option<&str>,
        protect: bool,
        reason: &str,
    ) {
        let caller = self.live.caller.as_deref();
        let existing = change
            .to()
            .or(change.from())
            .and_then(|spec| spec.as_consumer()?.common().existing.as_deref());
        let name = existing.unwrap_or(&address.name);
        let stack = &self.desired.stack;
        let setting = kind::Setting { stack, place: &place, keys: self.facts, id, name, caller };
        let calls = match kind::calls(&change, &setting) {
            Ok(calls) => calls,
            Err(violations) => {
                for violation in &violations {
                    self.block(address, violation);
                }
                return;
            }
        };
        let planned = |calls: Vec<(Place, kind::Call)>| {
            calls.into_iter().map(|(at, call)| PlannedCall { at, call }).collect()
        };
        let forms = change.from().zip(change.to());
        let found = forms.map(|forms| takeover::found(address, forms, self.desired, self.state));
        let found = found.unwrap_or_default();
        if let Some(to) = change.to() {
            let record = self.state.records.get(address);
            takeover::note(&mut self.plan.taken_with, address, to, &found, record);
        }
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
            found,
            protect,
            calls: planned(calls.first),
            last: planned(calls.last),
            after: BTreeSet::new(),
            reason: reason.to_owned(),
            risk: calls.risk,
            busy: self.live.busy(address).map(str::to_owned),
        });
    }

    fn block(&mut self, address: &Address, violation: &Violation) {
        self.objections.push(Objection::new(address, violation.clone()));
    }
}
