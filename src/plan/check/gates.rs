//! Checks the policies and grants of a draft against the gates of the configuration.

use super::{referred, removals};
use crate::desired::{Adopt, Declared, Desired};
use crate::gate::{self, Subject, breaches, context};
use crate::id::{KeyArn, Place};
use crate::kind::address::Address;
use crate::kind::key::{NAME_TAG, STACK_TAG, Shared};
use crate::kind::{Change, KeyRef, Kind, Spec, Violation};
use crate::live::{Live, Observed};
use crate::plan::draft::Draft;
use crate::plan::refuse::Objection;
use crate::plan::{Finding, Step};
use crate::policy::gates::Breach;
use crate::policy::lint::Severity;
use crate::policy::{Document, KeyContext, aws_default, work};
use std::collections::{BTreeMap, BTreeSet};

/// The help of an objection.
pub(super) const HELP: &str = "change the policy or the grant; if the access is intended, ask the owners of the \
                    gate to change it";

/// Objects to the policies and grants that do not pass a gate, and to the steps that begin to use a key that does not.
/// If the plan does not change the policy or grant, and the key is the stack's already, the result is a finding
/// instead.
pub(in crate::plan) fn check(draft: &Draft<'_>) -> (Vec<Objection>, Vec<Finding>) {
    if !draft.desired.has_gates() {
        return (Vec::new(), Vec::new());
    }
    work::within(work::GATES, || judged(draft))
}

fn judged(draft: &Draft<'_>) -> (Vec<Objection>, Vec<Finding>) {
    let (desired, live, steps) = (&*draft.desired, draft.live, &draft.plan.steps);
    let written: Vec<Subject> = steps.iter().filter_map(|step| written(step, desired)).collect();
    let mut changed: BTreeSet<Address> =
        written.iter().map(|subject| subject.address.clone()).collect();
    let is_held = |address: &&Address| !changed.contains(*address);
    let held = desired.resources.keys().filter(is_held);
    let mut subjects: Vec<Subject> =
        held.filter_map(|address| held_policy(address, desired, live)).collect();
    subjects.extend(written);
    let grants = steps.iter().filter(|step| step.change.to().is_some_and(is_grant));
    changed.extend(grants.map(|step| step.address.clone()));
    // A key that is taken over comes with its policy and its grants, whether the plan makes a call for it or not.
    let imports = steps.iter().filter(|step| matches!(step.change, Change::Import { .. }));
    let taken: BTreeSet<Address> =
        imports.map(|step| &step.address).chain(draft.plan.taken.keys()).cloned().collect();
    changed.extend(taken.iter().cloned());
    let found = breaches(desired, &subjects).into_iter();
    let found = found.flat_map(|(address, found)| {
        found.into_iter().map(move |breach| (address.clone(), breach.gate, reason(&breach)))
    });
    let found = found.chain(of_foreign_grants(desired, live)).map(|found| (found, &changed));
    // The policy of an undeclared replica is not that of the key that the plan changes.
    let replicas = referred::replicas(draft).into_iter().map(|found| (found, &taken));
    let (mut objections, mut findings) = (Vec::new(), Vec::new());
    let mut bad = referred::Bad::default();
    for ((address, gate, reason), blocks) in found.chain(replicas) {
        if !blocks.contains(&address) || taken.contains(&address) {
            for key in uses_by(&address, desired) {
                bad.add(key, gate, format!("its key does not pass: `{address}`: {reason}"));
            }
        }
        if blocks.contains(&address) {
            objections.push(Objection::new(&address, Violation::new("policy", reason, HELP)));
        } else {
            findings.push(finding(gate, &address, reason));
        }
    }
    objections.extend(removals::check(draft));
    bad.add_referred(draft);
    objections.extend(bad.objections(draft));
    findings.extend(bad.findings(draft));
    (objections, findings)
}

/// Returns the keys whose users have to do with a breach at an address: the key of a grant, and a key with its
/// replicas, which share the key material.
fn uses_by(address: &Address, desired: &Desired) -> Vec<KeyRef> {
    if let Some(grant) = desired.resources.get(address).and_then(|one| one.spec.as_grant()) {
        return vec![grant.key.clone()];
    }
    let family = |name: &str| name.split('/').next().unwrap_or_default().to_owned();
    let own = family(&address.name);
    let keys = desired.resources.keys().filter(|other| other.kind == Kind::Key);
    let related = keys.filter(|other| address.kind == Kind::Key && family(&other.name) == own);
    related.map(|other| KeyRef::Managed(other.clone())).collect()
}

/// Returns the findings about what AWS holds now, whatever the plan would change.
pub(in crate::plan) fn now(draft: &Draft<'_>) -> Vec<Finding> {
    work::within(work::GATES, || held_now(draft))
}

fn held_now(draft: &Draft<'_>) -> Vec<Finding> {
    let (desired, live) = (&*draft.desired, draft.live);
    let is_present =
        |address: &&Address| matches!(live.observed.get(*address), Some(Observed::Present { .. }));
    let addresses = desired.resources.keys().filter(is_present);
    let subjects: Vec<Subject> =
        addresses.filter_map(|address| held_policy(address, desired, live)).collect();
    let mut findings = Vec::new();
    let found = breaches(desired, &subjects);
    for (address, breaches) in found.into_iter().filter(|(address, _)| is_present(&address)) {
        findings.extend(breaches.iter().map(|one| finding(one.gate, &address, reason(one))));
    }
    let grants = of_foreign_grants(desired, live);
    findings.extend(grants.into_iter().map(|(address, gate, text)| finding(gate, &address, text)));
    let replicas = referred::replicas(draft).into_iter();
    findings.extend(replicas.map(|(address, gate, text)| finding(gate, &address, text)));
    let mut bad = referred::Bad::default();
    bad.add_referred(draft);
    findings.extend(bad.findings(draft));
    findings
}

/// Returns the words for a breach of the resource at hand.
pub(super) fn reason(Breach { gate, message }: &Breach) -> String {
    format!("it does not pass the gate `{gate}`: {message}")
}

pub(super) fn finding(gate: &str, address: &Address, message: String) -> Finding {
    let rule = format!("gate-{gate}");
    Finding { severity: Severity::Error, rule, address: address.clone(), message }
}

/// Returns what a gate must know about the key of a step.
pub(super) fn key_context(step: &Step) -> KeyContext {
    KeyContext {
        account: Some(step.place.account.to_string()),
        partition: step.place.region.partition().to_owned(),
        arn: step.id.clone().filter(|id| id.starts_with("arn:")),
    }
}

/// Returns the gates that grants of other owners do not pass, by key. The acceptance of a grant does not disable the
/// gates.
fn of_foreign_grants(desired: &Desired, live: &Live) -> Vec<(Address, &'static str, String)> {
    let mut out = Vec::new();
    for (address, seen) in &live.observed {
        let is_held = address.kind == Kind::Key && matches!(seen, Observed::Present { .. });
        if is_held
            && desired.resources.contains_key(address)
            && !live.foreign_grants.contains_key(address)
        {
            let unknown = gate::of_unknown(desired).into_iter();
            out.extend(unknown.map(|Breach { gate, .. }| {
                let message =
                    format!("it does not pass the gate `{gate}`: its grants cannot be listed");
                (address.clone(), gate, message)
            }));
        }
    }
    for (address, grants) in &live.foreign_grants {
        let Some(key) = live.ids.get(address) else {
            continue;
        };
        let grants = grants.iter().filter(|grant| !grant.is_of_service(&key.account));
        for Breach { gate, message } in gate::of_foreign_grants(desired, key, grants) {
            let message =
                format!("a grant of another owner does not pass the gate `{gate}`: {message}");
            out.push((address.clone(), gate, message));
        }
    }
    out
}

fn is_grant(spec: &Spec) -> bool {
    spec.as_grant().is_some()
}

/// Returns the policy that a step writes. A key that is created without a policy gets AWS's default
/// policy. If a step removes the stack's statements from a policy, the other statements remain.
pub(super) fn written(step: &Step, desired: &Desired) -> Option<Subject> {
    let spec = step.change.to().or(step.change.from())?;
    if spec.as_key().is_none() && spec.as_key_policy().is_none() {
        return None;
    }
    let (place, stack) = (&step.place, &desired.stack);
    let before = step.change.from().and_then(Spec::policy).cloned();
    let after = match &step.change {
        Change::Create { to } => to.policy().cloned().or_else(|| {
            to.as_key().map(|_| aws_default(place.region.partition(), place.account.as_str()))
        }),
        Change::Update { to, .. } | Change::Import { to, .. } => {
            // A key that is taken over comes with its policy, which is judged like a policy that is written.
            let is_import = matches!(step.change, Change::Import { .. });
            let stays = || before.clone().filter(|_| is_import && !is_shared(to));
            let after = to.policy().cloned().or_else(stays);
            // Who has access to a key that is enabled again has it again.
            let wakes = is_asleep(step.change.from()) && !is_asleep(Some(to));
            if after == before && !is_import && !wakes && (after.is_some() || !is_shared(to)) {
                return None;
            }
            after
        }
        Change::Delete { from } => {
            from.as_key_policy()?;
            before.as_ref().map(|policy| Shared::none().within(policy, stack))
        }
        Change::Forget { .. } => return None,
    };
    let base =
        base_policy(&step.address, step.id.as_deref(), step.change.from(), &step.place, desired);
    let key = context(spec, place, step.id.as_deref());
    Some(Subject { address: step.address.clone(), key, before, after, base })
}

/// Returns the policy that the declaration on the base branch would result in. What the base branch does not declare
/// must not gain access either: the base of such a key is its live policy. A key that is created has none.
fn base_policy(
    address: &Address,
    arn: Option<&str>,
    seen: Option<&Spec>,
    place: &Place,
    desired: &Desired,
) -> Option<Document> {
    desired.base.as_ref()?;
    let Some(seen) = seen else {
        let newborn = |base: &Declared| base.spec.newborn(place, &desired.stack).policy().cloned();
        return desired.base_at(address).and_then(newborn);
    };
    match base_of(address, arn, seen, desired) {
        Some(base) => base.spec.complete(seen, &desired.stack).policy().cloned(),
        None => seen.policy().cloned(),
    }
}

/// Returns what the base branch declares for a key that exists: by the ARN that it takes over or refers to, else by the
/// name in the key's tags. The address of the key is no proof, because a change can give it to another key.
fn base_of<'a>(
    address: &Address,
    arn: Option<&str>,
    seen: &Spec,
    desired: &'a Desired,
) -> Option<&'a Declared> {
    let now = desired.resources.get(address).and_then(|declared| declared.adopt.as_ref());
    let same_alias = |base: &&Declared| matches!((&base.adopt, now), (Some(Adopt::Alias(one)), Some(Adopt::Alias(other))) if one == other);
    if let Some(base) = desired.base_at(address).filter(same_alias) {
        return Some(base);
    }
    let arn: KeyArn = arn?.parse().ok()?;
    let is_it = |base: &&Declared| match base.spec.as_key_policy() {
        Some(policy) => policy.key == KeyRef::Arn(arn.clone()),
        None => base.adopt == Some(Adopt::Key(arn.clone())),
    };
    let by_arn = desired
        .base
        .iter()
        .flat_map(BTreeMap::values)
        .find(|base| is_it(base) && base.spec.kind() == seen.kind());
    by_arn.or_else(|| {
        let tags = &seen.as_key()?.tags;
        let ours = tags.get(STACK_TAG).is_some_and(|stack| stack == desired.stack.as_str());
        let name = tags.get(NAME_TAG).filter(|_| ours)?;
        let base = desired.base_at(&Address::new(Kind::Key, name.clone()))?;
        // A base that takes another key over by its ARN is not about this one.
        (!matches!(base.adopt, Some(Adopt::Key(_)))).then_some(base)
    })
}

/// Returns whether a key is disabled, or pending deletion.
fn is_asleep(spec: Option<&Spec>) -> bool {
    let key = spec.and_then(Spec::as_key);
    key.is_some_and(|key| key.enabled == Some(false) || key.deletion.is_some())
}

/// Returns whether the policy contains statements besides those of the stack.
fn is_shared(spec: &Spec) -> bool {
    spec.as_key_policy().is_some() || spec.as_key().is_some_and(|key| key.shared.is_some())
}

/// Returns the policy of a key that the plan does not change, if the policy is known.
pub(in crate::plan) fn held_policy(
    address: &Address,
    desired: &Desired,
    live: &Live,
) -> Option<Subject> {
    let declared = desired.resources.get(address)?;
    let (id, seen) = match live.observed.get(address) {
        Some(Observed::Present { id, spec, .. }) => (Some(id.as_str()), Some(&**spec)),
        Some(Observed::Absent | Observed::Unusable { .. }) | None => (None, None),
    };
    let policy = seen.and_then(Spec::policy).or_else(|| declared.spec.policy())?.clone();
    let base = seen.and_then(|seen| base_policy(address, id, Some(seen), &declared.place, desired));
    let key = context(&declared.spec, &declared.place, id);
    Some(Subject { address: address.clone(), key, before: None, after: Some(policy), base })
}
