//! Whether the keys of consumers would work: what would fail in AWS, late and with few words, is
//! blocked here. Pure.

use super::{Blocked, Finding, Plan, Step};
use crate::address::Address;
use crate::desired::{Declared, Desired};
use crate::id::{KeyArn, Place};
use crate::kind::consumer::Encryption;
use crate::kind::{Change, KeyFacts, KeyRef, Kind, Spec, Violation, key};
use crate::live::{Live, Seen};
use crate::policy::Document;
use crate::policy::eval::Key;
use std::collections::BTreeSet;

/// The rule of a finding: a consumer does not work, or will not, because of its key.
pub const KEY_UNUSABLE: &str = "key-unusable";

/// Blocks the steps of consumers whose keys would not work; those that need no step are told of.
pub(super) fn block_unusable(desired: &Desired, live: &Live, facts: &KeyFacts, plan: &mut Plan) {
    let scene = Scene { desired, live, facts };
    for (address, declared) in &desired.resources {
        let key = declared.spec.common().and_then(|common| common.key.as_ref());
        let Some(key) = key.and_then(Encryption::key) else {
            continue;
        };
        for violation in scene.violations(address, declared, key) {
            block(plan, address, key, violation);
        }
    }
    for (address, violation) in &live.objections {
        object(plan, address, violation.clone());
    }
    for (address, message) in &live.unsure {
        let (rule, address) = ("not-looked-at".to_owned(), address.clone());
        plan.findings.push(Finding { rule, address, message: message.clone() });
    }
}

/// Blocks the calls of a consumer that would fail with what else is in AWS; one that needs no call is
/// told of.
fn object(plan: &mut Plan, address: &Address, violation: Violation) {
    let Violation { field, reason, help } = violation;
    let calls = |step: &Step| {
        let made = !step.calls.is_empty() || !step.last.is_empty();
        step.address == *address && made
    };
    if plan.steps.iter().any(calls) {
        plan.steps.retain(|step| step.address != *address);
        plan.blocked.push(Blocked { address: address.clone(), field, reason, help });
    } else {
        let rule = "unusable".to_owned();
        let message = format!("{reason}: {help}");
        plan.findings.push(Finding { rule, address: address.clone(), message });
    }
}

/// Blocks what would not work: the consumer's step, or the change of a policy that it works with
/// now. A consumer that does not work as it is, is told of.
fn block(plan: &mut Plan, address: &Address, key: &KeyRef, violation: Violation) {
    let Violation { field, reason, help } = violation;
    let deprived = |step: &Step| {
        let policy = step.fields.iter().any(|changed| changed.path == "policy");
        field == "policy" && policy && Some(&step.address) == key.managed()
    };
    let waits = plan.steps.iter().any(|step| step.address == *address);
    let already = plan.blocked.iter().any(|blocked| blocked.address == *address);
    if waits || already {
        plan.steps.retain(|step| step.address != *address);
        plan.blocked.push(Blocked { address: address.clone(), field, reason, help });
    } else if let Some(at) = plan.steps.iter().position(deprived) {
        let step = plan.steps.remove(at);
        let reason = format!("`{address}` would stop working: {reason}");
        plan.blocked.push(Blocked { address: step.address, field, reason, help });
    } else {
        plan.findings.push(Finding {
            rule: KEY_UNUSABLE.to_owned(),
            address: address.clone(),
            message: format!("{reason}: {help}"),
        });
    }
}

/// Blocks the deletion of keys that something of the stack would still need: it is protected, kept
/// or not kmsctl's to delete (aws-semantics 9.1).
pub(super) fn block_losses(live: &Live, plan: &mut Plan) {
    let doomed = |step: &&Step| {
        step.address.kind == Kind::Key && matches!(step.change, Change::Delete { .. })
    };
    let doomed: Vec<Address> =
        plan.steps.iter().filter(doomed).map(|step| step.address.clone()).collect();
    for key in doomed {
        let users = live.seen.iter().filter(|(address, seen)| match seen {
            Seen::Present { spec, .. } => needs(spec, &key) && !leaves(plan, address, &key),
            Seen::Absent | Seen::Obstructed { .. } => false,
        });
        let users: Vec<String> = users.map(|(address, _)| format!("`{address}`")).collect();
        if users.is_empty() {
            continue;
        }
        plan.steps.retain(|step| step.address != key);
        plan.blocked.push(Blocked {
            address: key,
            field: String::new(),
            reason: format!("without the key {} would stop working", users.join(", ")),
            help:
                "delete that first, or give it another key; what is not kmsctl's to delete, leave \
                   out in a run before"
                    .to_owned(),
        });
    }
}

/// Whether it is a consumer that has the key.
fn needs(spec: &Spec, key: &Address) -> bool {
    let common = spec.common().and_then(|common| common.key.as_ref()?.key());
    common.and_then(KeyRef::managed) == Some(key)
}

/// Whether the plan deletes the consumer, or gives it another key.
fn leaves(plan: &Plan, address: &Address, key: &Address) -> bool {
    let step = plan.steps.iter().find(|step| step.address == *address);
    step.is_some_and(|step| match &step.change {
        Change::Delete { .. } => true,
        Change::Create { to } | Change::Update { to, .. } | Change::Import { to, .. } => {
            !needs(to, key)
        }
        Change::Forget { .. } => false,
    })
}

struct Scene<'a> {
    desired: &'a Desired,
    live: &'a Live,
    facts: &'a KeyFacts,
}

impl Scene<'_> {
    fn violations(&self, address: &Address, declared: &Declared, key: &KeyRef) -> Vec<Violation> {
        let mut found = Vec::new();
        if let KeyRef::Alias(alias) = key {
            let help = "name a key of the stack, an alias that exists, or the ARN of a key";
            found.push(Violation::new("key", format!("there is no alias `{alias}`"), help));
        }
        found.extend(self.elsewhere(address, declared, key));
        found.extend(self.abroad(address, declared, key));
        found.extend(self.asymmetric(key));
        found.extend(self.asleep(key));
        found.extend(self.lacking(declared, key));
        found
    }

    /// The place of a key, as far as it is known.
    fn place(&self, key: &KeyRef) -> Option<Place> {
        match key {
            KeyRef::Managed(address) => {
                self.desired.resources.get(address).map(|key| key.place.clone())
            }
            KeyRef::Arn(arn) => Some(arn.place()),
            KeyRef::Alias(alias) => Some(alias.place.clone()),
        }
    }

    /// A key must be in the Region of what it encrypts; for a trail, in that of its bucket.
    fn elsewhere(&self, address: &Address, declared: &Declared, key: &KeyRef) -> Option<Violation> {
        let place = self.place(key)?;
        let wanted = self.live.regions.get(address).unwrap_or(&declared.place.region);
        (place.region != *wanted).then(|| {
            let reason = format!("`{key}` is in {}, and a key of {wanted} is needed", place.region);
            let help = format!(
                "AWS services use keys of their own Region: name one in {wanted}, or a replica there"
            );
            Violation::new("key", reason, help)
        })
    }

    /// A domain takes keys of its own account only (aws-semantics 5.0).
    fn abroad(&self, address: &Address, declared: &Declared, key: &KeyRef) -> Option<Violation> {
        let account = self.place(key)?.account;
        let foreign = address.kind == Kind::EsDomain && account != declared.place.account;
        foreign.then(|| {
            let reason = format!("`{key}` is of account {account}");
            let help = "OpenSearch Service takes keys of the domain's own account: name one";
            Violation::new("key", reason, help)
        })
    }

    fn asymmetric(&self, key: &KeyRef) -> Option<Violation> {
        let fact = self.facts.get(key)?;
        let good = fact.spec == key::DEFAULT_SPEC && fact.usage == "ENCRYPT_DECRYPT";
        (!good).then(|| {
            let reason = format!("`{key}` is of spec {} for {}", fact.spec, fact.usage);
            let help = "AWS services encrypt with symmetric keys (SYMMETRIC_DEFAULT) only";
            Violation::new("key", reason, help)
        })
    }

    /// A key that is disabled, or on its way out, and that the configuration leaves so.
    fn asleep(&self, key: &KeyRef) -> Option<Violation> {
        let (state, wakes) = match key {
            KeyRef::Managed(address) => {
                let wanted = self.desired.resources.get(address).and_then(|d| d.spec.as_key());
                let wanted = wanted.and_then(|key| key.enabled);
                match (self.live.seen.get(address), wanted) {
                    (_, Some(false)) => (Some("disabled".to_owned()), false),
                    (Some(Seen::Present { spec, .. }), wanted) => {
                        // One that is declared is taken back from its deletion, and enabled.
                        let dying = spec.as_key().is_some_and(|key| key.deletion.is_some());
                        (key_state(spec), wanted.unwrap_or(dying))
                    }
                    (Some(Seen::Absent | Seen::Obstructed { .. }) | None, _) => (None, false),
                }
            }
            KeyRef::Arn(_) => {
                let state = self.facts.get(key).and_then(|fact| fact.state.clone());
                (state.filter(|state| state != "Enabled"), false)
            }
            KeyRef::Alias(_) => (None, false),
        };
        let state = state.filter(|_| !wakes)?;
        Some(Violation::new(
            "key",
            format!("`{key}` is {state}"),
            "the resource cannot be used without its key: enable the key (`enabled: true`), or \
             cancel its deletion",
        ))
    }

    /// What the key's policy does not allow, action by action.
    fn lacking(&self, declared: &Declared, key: &KeyRef) -> Option<Violation> {
        let KeyRef::Managed(address) = key else {
            return None;
        };
        let policy = self.policy(address)?;
        let place = self.place(key)?;
        let arn = self.live.ids.get(address).map(KeyArn::to_string);
        let key = Key {
            partition: place.region.partition(),
            account: place.account.as_str(),
            arn: arn.as_deref(),
        };
        let needs = declared.needs.iter().filter(|need| need.required);
        let lacks = needs.flat_map(|need| {
            let who = need.who.to_string();
            need.lacks(&policy, &key).into_iter().map(move |action| format!("{action} for {who}"))
        });
        let lacks: BTreeSet<String> = lacks.collect();
        (!lacks.is_empty()).then(|| {
            let list = lacks.into_iter().collect::<Vec<_>>().join(", ");
            Violation::new(
                "policy",
                format!("the policy of `{address}` does not allow {list}"),
                "take `derive_policy: false` away, and kmsctl adds the statements; or write them",
            )
        })
    }

    /// The policy that the key will have: the declared one, else the one in AWS.
    fn policy(&self, address: &Address) -> Option<Document> {
        let declared = self.desired.resources.get(address)?.spec.as_key()?;
        if declared.policy.is_some() {
            return declared.policy.clone();
        }
        match self.live.seen.get(address)? {
            Seen::Present { spec, .. } => {
                declared.shared.as_ref().is_none().then(|| spec.as_key()?.policy.clone()).flatten()
            }
            Seen::Absent | Seen::Obstructed { .. } => None,
        }
    }
}

fn key_state(spec: &Spec) -> Option<String> {
    let key = spec.as_key()?;
    match (&key.deletion, key.enabled) {
        (Some(_), _) => Some("pending deletion".to_owned()),
        (None, Some(false)) => Some("disabled".to_owned()),
        (None, Some(true) | None) => None,
    }
}
