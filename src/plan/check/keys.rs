//! Checks whether the keys of consumers work. Without these checks AWS would accept some of the calls, and
//! fail later with an error that does not name the cause.

use crate::desired::Declared;
use crate::id::{KeyArn, Place};
use crate::kind::address::Address;
use crate::kind::consumer::KeyAccount;
use crate::kind::{ConsumerSpec, KeyRef, Spec, Violation, key};
use crate::live::Observed;
use crate::plan::draft::Draft;
use crate::plan::refuse::Objection;
use crate::plan::{Finding, Step};
use crate::policy::Document;
use crate::policy::eval::TargetKey;
use crate::policy::lint::{Severity, other_rules};
use std::collections::{BTreeMap, BTreeSet};

/// Objects to the steps of consumers whose keys would not work, and to policy changes that would break
/// a consumer. A consumer that already does not work and has no step is a finding.
pub(in crate::plan) fn check(draft: &Draft<'_>) -> (Vec<Objection>, Vec<Finding>) {
    let steps = draft.plan.steps.iter().map(|step| (&step.address, step)).collect();
    let blocked = draft.plan.blocked.iter().map(|blocked| &blocked.address).collect();
    let mut checks = Checks { draft, steps, blocked, objections: Vec::new(), findings: Vec::new() };
    for (address, declared) in &draft.desired.resources {
        if let Some(key) = declared.spec.as_consumer().and_then(ConsumerSpec::key) {
            for violation in checks.violations(address, declared, key) {
                checks.judge(address, key, violation);
            }
        }
    }
    checks.surroundings();
    (checks.objections, checks.findings)
}

/// Returns the findings about consumers of keys that are pending deletion. A plan cancels the deletion, so these are
/// for drift reports.
pub(in crate::plan) fn pending_deletion(draft: &Draft<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let own = draft.live.addresses();
    // The resource depends on the key that it has, whatever is declared, and also if its own declaration is gone.
    for (address, seen) in &draft.live.observed {
        let Observed::Present { spec, .. } = seen else {
            continue;
        };
        let key = match spec.as_consumer().and_then(ConsumerSpec::key) {
            Some(KeyRef::Managed(key)) => Some(key),
            Some(KeyRef::Arn(arn)) => own.get(arn).copied(),
            Some(KeyRef::Alias(_)) | None => None,
        };
        let Some(key) = key else {
            continue;
        };
        let spec = match draft.live.observed.get(key) {
            Some(Observed::Present { spec, .. }) => spec.as_key(),
            Some(Observed::Absent | Observed::Unusable { .. }) | None => None,
        };
        if spec.is_some_and(|spec| spec.deletion.is_some()) {
            let cancel = match draft.desired.resources.contains_key(key) {
                true => "`kmsctl apply` cancels the deletion",
                false => "declare the key again, and `kmsctl apply` cancels its deletion",
            };
            findings.push(Finding {
                severity: Severity::Error,
                rule: other_rules::KEY_UNUSABLE.slug.to_owned(),
                address: address.clone(),
                message: format!(
                    "`{key}` is pending deletion, so the resource cannot be used: {cancel}"
                ),
            });
        }
    }
    findings
}

struct Checks<'a> {
    draft: &'a Draft<'a>,
    steps: BTreeMap<&'a Address, &'a Step>,
    blocked: BTreeSet<&'a Address>,
    objections: Vec<Objection>,
    findings: Vec<Finding>,
}

impl Checks<'_> {
    /// Objects to the step of the consumer if there is one, else to the policy change that breaks the
    /// consumer. If there is neither, adds a finding.
    fn judge(&mut self, address: &Address, key: &KeyRef, violation: Violation) {
        let Violation { field, reason, help } = violation;
        let changes_policy = |step: &Step| step.fields.iter().any(|field| field.path == "policy");
        if self.steps.contains_key(address) || self.blocked.contains(address) {
            self.objections.push(Objection::new(address, Violation { field, reason, help }));
        } else if field == "policy"
            && let Some(key) = key.managed()
            && self.steps.get(key).is_some_and(|step| changes_policy(step))
        {
            let reason = format!("`{address}` would stop working: {reason}");
            self.objections.push(Objection::new(key, Violation { field, reason, help }));
        } else {
            self.find(
                Severity::Error,
                other_rules::KEY_UNUSABLE.slug,
                address,
                format!("{reason}: {help}"),
            );
        }
    }

    /// Objects to the calls of consumers that would not work because of their surroundings. Without calls
    /// the result is a finding.
    fn surroundings(&mut self) {
        for (address, around) in &self.draft.live.surroundings {
            let makes_calls = self
                .steps
                .get(address)
                .is_some_and(|step| !step.calls.is_empty() || !step.last.is_empty());
            match &around.objection {
                Some(objection) if makes_calls => {
                    self.objections.push(Objection::new(address, objection.clone()));
                }
                Some(Violation { reason, help, .. }) => {
                    let message = format!("{reason}: {help}");
                    self.find(Severity::Error, "unusable", address, message);
                }
                None => {}
            }
        }
        for (address, around) in &self.draft.live.surroundings {
            if let Some(message) = &around.unknown {
                self.find(Severity::Note, "not-looked-at", address, message.clone());
            }
        }
    }

    fn find(&mut self, severity: Severity, rule: &str, address: &Address, message: String) {
        let (rule, address) = (rule.to_owned(), address.clone());
        self.findings.push(Finding { severity, rule, address, message });
    }

    /// Returns the reasons why the key of a consumer would not work.
    fn violations(&self, address: &Address, declared: &Declared, key: &KeyRef) -> Vec<Violation> {
        let mut found = Vec::new();
        // An alias that exists was replaced by its key.
        if let KeyRef::Alias(alias) = key {
            let help = "name a key of the stack, an existing alias, or the ARN of a key";
            found.push(Violation::new("key", format!("there is no alias `{alias}`"), help));
        }
        found.extend(self.in_another_region(address, declared, key));
        found.extend(self.in_another_account(address, declared, key));
        found.extend(self.asymmetric(key));
        found.extend(self.disabled(key));
        found.extend(self.missing_actions(declared, key));
        found
    }

    /// Returns the account and Region of a key, if they are known.
    fn place(&self, key: &KeyRef) -> Option<Place> {
        match key {
            KeyRef::Managed(address) => {
                self.draft.desired.resources.get(address).map(|key| key.place.clone())
            }
            KeyRef::Arn(arn) => Some(arn.place()),
            KeyRef::Alias(alias) => Some(alias.place.clone()),
        }
    }

    /// Objects to a key in another Region than the consumer; for a trail, than its bucket.
    fn in_another_region(
        &self,
        address: &Address,
        declared: &Declared,
        key: &KeyRef,
    ) -> Option<Violation> {
        let place = self.place(key)?;
        let around = self.draft.live.surroundings.get(address);
        let required = around.and_then(|around| around.key_region.as_ref());
        let wanted = required.unwrap_or(&declared.place.region);
        (place.region != *wanted).then(|| {
            let reason = format!("`{key}` is in {}, but the key must be in {wanted}", place.region);
            let help = format!(
                "AWS services use only keys in their own Region: name a key or a replica in {wanted}"
            );
            Violation::new("key", reason, help)
        })
    }

    /// Objects to a domain's key in another account. OpenSearch Service accepts only keys of the domain's
    /// own account (OpenSearch Service Developer Guide, "Encryption of data at rest").
    fn in_another_account(
        &self,
        address: &Address,
        declared: &Declared,
        key: &KeyRef,
    ) -> Option<Violation> {
        let account = self.place(key)?.account;
        let facts = address.kind.consumer()?.facts();
        let foreign = facts.key_account == KeyAccount::Own && account != declared.place.account;
        foreign.then(|| {
            let reason = format!("`{key}` is in account {account}");
            let help = "name a key in the resource's own account: the service accepts no other";
            Violation::new("key", reason, help)
        })
    }

    /// Objects to a key that is not a symmetric encryption key.
    fn asymmetric(&self, key: &KeyRef) -> Option<Violation> {
        let fact = self.draft.facts.get(key)?;
        let good = fact.spec == key::DEFAULT_SPEC && fact.usage == "ENCRYPT_DECRYPT";
        (!good).then(|| {
            let reason =
                format!("`{key}` has the key spec {} and key usage {}", fact.spec, fact.usage);
            let help = "name a symmetric encryption key (SYMMETRIC_DEFAULT): AWS services accept no \
                        other";
            Violation::new("key", reason, help)
        })
    }

    /// Objects to a key that is disabled or pending deletion, and that the draft does not change to
    /// enabled.
    fn disabled(&self, key: &KeyRef) -> Option<Violation> {
        let what = "resource that uses it";
        if let Some(waits) = key::waits_for_material(key, &self.draft.facts, what) {
            return Some(waits);
        }
        let (state, is_enabled_by_draft) = match key {
            KeyRef::Managed(address) => {
                let wanted =
                    self.draft.desired.resources.get(address).and_then(|d| d.spec.as_key());
                let wanted = wanted.and_then(|key| key.enabled);
                match (self.draft.live.observed.get(address), wanted) {
                    (_, Some(false)) => (Some("disabled".to_owned()), false),
                    (Some(Observed::Present { spec, .. }), wanted) => {
                        // The deletion of a declared key is cancelled, and the key is enabled, unless the record
                        // says that it was disabled before.
                        let is_revived = spec.as_key().is_some_and(|key| key.deletion.is_some())
                            && !self.stays_disabled(address);
                        (key_state(spec), wanted.unwrap_or(is_revived))
                    }
                    (Some(Observed::Absent | Observed::Unusable { .. }) | None, _) => (None, false),
                }
            }
            KeyRef::Arn(_) => {
                let state = self.draft.facts.get(key).and_then(|fact| fact.state.clone());
                (state.filter(|state| state != "Enabled"), false)
            }
            KeyRef::Alias(_) => (None, false),
        };
        if is_enabled_by_draft {
            return None;
        }
        let state = state?;
        let what = match state.to_lowercase() {
            state if state.contains("disabled") => "enable the key (`enabled: true`)",
            state if state.contains("deletion") => "cancel the deletion of the key",
            _ => "make the key usable",
        };
        let help = format!("{what}: the resource cannot be used without its key");
        Some(Violation::new("key", format!("`{key}` is {state}"), help))
    }

    /// Returns whether the step of a key leaves it disabled.
    fn stays_disabled(&self, key: &Address) -> bool {
        let to = self.steps.get(key).and_then(|step| step.change.to()).and_then(Spec::as_key);
        to.is_some_and(|to| to.enabled == Some(false))
    }

    /// Objects to a key whose policy does not allow the required actions.
    fn missing_actions(&self, declared: &Declared, key: &KeyRef) -> Option<Violation> {
        let KeyRef::Managed(address) = key else {
            return None;
        };
        let policy = self.policy(address)?;
        let place = self.place(key)?;
        let arn = self.draft.live.ids.get(address).map(KeyArn::to_string);
        let key = TargetKey {
            partition: place.region.partition(),
            account: place.account.as_str(),
            arn: arn.as_deref(),
        };
        let mut missing = BTreeSet::new();
        for need in declared.needs.iter().filter(|need| need.required) {
            let who = need.principals.to_string();
            let actions = need.missing_actions(&policy, &key).into_iter();
            missing.extend(actions.map(|action| format!("{action} for {who}")));
        }
        (!missing.is_empty()).then(|| {
            let list = missing.into_iter().collect::<Vec<_>>().join(", ");
            Violation::new(
                "policy",
                format!("the policy of `{address}` does not allow {list}"),
                "remove `derive_policy: false`, and kmsctl adds the statements; or write the \
                 statements",
            )
        })
    }

    /// Returns the policy that the key will have: the declared policy, else the live policy.
    fn policy(&self, address: &Address) -> Option<Document> {
        let declared = self.draft.desired.resources.get(address)?.spec.as_key()?;
        if declared.policy.is_some() {
            return declared.policy.clone();
        }
        match self.draft.live.observed.get(address)? {
            // A shared policy will have the stack's statements besides the live ones.
            Observed::Present { .. } if declared.shared.is_some() => None,
            Observed::Present { spec, .. } => spec.as_key()?.policy.clone(),
            Observed::Absent | Observed::Unusable { .. } => None,
        }
    }
}

/// Returns the state of a live key if it is not enabled.
fn key_state(spec: &Spec) -> Option<String> {
    let key = spec.as_key()?;
    match (&key.deletion, key.enabled) {
        (Some(_), _) => Some("pending deletion".to_owned()),
        (None, Some(false)) => Some("disabled".to_owned()),
        (None, Some(true) | None) => None,
    }
}
