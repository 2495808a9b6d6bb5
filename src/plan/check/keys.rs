//! Whether the keys of consumers would work: what would fail in AWS, late and with an error that
//! says little, is blocked here.

use crate::address::Address;
use crate::desired::Declared;
use crate::id::{KeyArn, Place};
use crate::kind::consumer::Encryption;
use crate::kind::{KeyRef, Kind, Spec, Violation, key};
use crate::live::Observed;
use crate::plan::draft::Draft;
use crate::plan::refuse::Objection;
use crate::plan::{Finding, Step};
use crate::policy::Document;
use crate::policy::eval::Key;
use std::collections::{BTreeMap, BTreeSet};

/// The rule of a finding: a consumer does not work, or will not, because of its key.
pub(in crate::plan) const KEY_UNUSABLE: &str = "key-unusable";

/// Objects to the steps of consumers whose keys would not work, and to changes of policies that
/// consumers work with now. A consumer that does not work and needs no step is a finding.
pub(in crate::plan) fn check(draft: &Draft<'_>) -> (Vec<Objection>, Vec<Finding>) {
    let steps = draft.plan.steps.iter().map(|step| (&step.address, step)).collect();
    let blocked = draft.plan.blocked.iter().map(|blocked| &blocked.address).collect();
    let mut checks = Checks { draft, steps, blocked, objections: Vec::new(), findings: Vec::new() };
    for (address, declared) in &draft.desired.resources {
        let key = declared.spec.common().and_then(|common| common.key.as_ref());
        if let Some(key) = key.and_then(Encryption::key) {
            for violation in checks.violations(address, declared, key) {
                checks.judge(address, key, violation);
            }
        }
    }
    checks.surroundings();
    (checks.objections, checks.findings)
}

struct Checks<'a> {
    draft: &'a Draft<'a>,
    steps: BTreeMap<&'a Address, &'a Step>,
    blocked: BTreeSet<&'a Address>,
    objections: Vec<Objection>,
    findings: Vec<Finding>,
}

impl Checks<'_> {
    /// Objects to the consumer's step; else to the change of the policy that it works with now; else
    /// the consumer does not work as it is.
    fn judge(&mut self, address: &Address, key: &KeyRef, violation: Violation) {
        let Violation { field, reason, help } = violation;
        let changes_policy =
            |step: &&&Step| step.fields.iter().any(|changed| changed.path == "policy");
        if self.steps.contains_key(address) || self.blocked.contains(address) {
            self.objections.push(Objection::new(address, Violation { field, reason, help }));
        } else if field == "policy"
            && let Some(key) = key.managed()
            && self.steps.get(key).filter(changes_policy).is_some()
        {
            let reason = format!("`{address}` would stop working: {reason}");
            self.objections.push(Objection::new(key, Violation { field, reason, help }));
        } else {
            self.find(KEY_UNUSABLE, address, format!("{reason}: {help}"));
        }
    }

    /// What else decides whether consumers work: objects to their calls.
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
                    self.find("unusable", address, format!("{reason}: {help}"));
                }
                None => {}
            }
        }
        for (address, around) in &self.draft.live.surroundings {
            if let Some(message) = &around.unknown {
                self.find("not-looked-at", address, message.clone());
            }
        }
    }

    fn find(&mut self, rule: &str, address: &Address, message: String) {
        let (rule, address) = (rule.to_owned(), address.clone());
        self.findings.push(Finding { rule, address, message });
    }
    fn violations(&self, address: &Address, declared: &Declared, key: &KeyRef) -> Vec<Violation> {
        let mut found = Vec::new();
        if let KeyRef::Alias(alias) = key {
            let help = "name a key of the stack, an alias that exists, or the ARN of a key";
            found.push(Violation::new("key", format!("there is no alias `{alias}`"), help));
        }
        found.extend(self.in_another_region(address, declared, key));
        found.extend(self.in_another_account(address, declared, key));
        found.extend(self.asymmetric(key));
        found.extend(self.disabled(key));
        found.extend(self.missing_actions(declared, key));
        found
    }

    /// The place of a key, as far as it is known.
    fn place(&self, key: &KeyRef) -> Option<Place> {
        match key {
            KeyRef::Managed(address) => {
                self.draft.desired.resources.get(address).map(|key| key.place.clone())
            }
            KeyRef::Arn(arn) => Some(arn.place()),
            KeyRef::Alias(alias) => Some(alias.place.clone()),
        }
    }

    /// A key must be in the Region of what it encrypts; for a trail, in that of its bucket.
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
            let reason = format!("`{key}` is in {}, and a key of {wanted} is needed", place.region);
            let help = format!(
                "AWS services use keys of their own Region: name one in {wanted}, or a replica there"
            );
            Violation::new("key", reason, help)
        })
    }

    /// OpenSearch Service takes keys of the domain's own account only (OpenSearch Service Developer Guide,
    /// "Encryption of data at rest").
    fn in_another_account(
        &self,
        address: &Address,
        declared: &Declared,
        key: &KeyRef,
    ) -> Option<Violation> {
        let account = self.place(key)?.account;
        let foreign = address.kind == Kind::EsDomain && account != declared.place.account;
        foreign.then(|| {
            let reason = format!("`{key}` is of account {account}");
            let help = "OpenSearch Service takes keys of the domain's own account: name one";
            Violation::new("key", reason, help)
        })
    }

    fn asymmetric(&self, key: &KeyRef) -> Option<Violation> {
        let fact = self.draft.facts.get(key)?;
        let good = fact.spec == key::DEFAULT_SPEC && fact.usage == "ENCRYPT_DECRYPT";
        (!good).then(|| {
            let reason = format!("`{key}` is of spec {} for {}", fact.spec, fact.usage);
            let help = "AWS services encrypt with symmetric keys (SYMMETRIC_DEFAULT) only";
            Violation::new("key", reason, help)
        })
    }

    /// A key that is disabled, or on its way out, and that the configuration leaves so.
    fn disabled(&self, key: &KeyRef) -> Option<Violation> {
        let (state, wakes) = match key {
            KeyRef::Managed(address) => {
                let wanted =
                    self.draft.desired.resources.get(address).and_then(|d| d.spec.as_key());
                let wanted = wanted.and_then(|key| key.enabled);
                match (self.draft.live.observed.get(address), wanted) {
                    (_, Some(false)) => (Some("disabled".to_owned()), false),
                    (Some(Observed::Present { spec, .. }), wanted) => {
                        // One that is declared is taken back from its deletion, and enabled.
                        let dying = spec.as_key().is_some_and(|key| key.deletion.is_some());
                        (key_state(spec), wanted.unwrap_or(dying))
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
        let state = state.filter(|_| !wakes)?;
        Some(Violation::new(
            "key",
            format!("`{key}` is {state}"),
            "the resource cannot be used without its key: enable the key (`enabled: true`), or \
             cancel its deletion",
        ))
    }

    /// What the key's policy does not allow, action by action.
    fn missing_actions(&self, declared: &Declared, key: &KeyRef) -> Option<Violation> {
        let KeyRef::Managed(address) = key else {
            return None;
        };
        let policy = self.policy(address)?;
        let place = self.place(key)?;
        let arn = self.draft.live.ids.get(address).map(KeyArn::to_string);
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
        let declared = self.draft.desired.resources.get(address)?.spec.as_key()?;
        if declared.policy.is_some() {
            return declared.policy.clone();
        }
        match self.draft.live.observed.get(address)? {
            Observed::Present { spec, .. } => {
                declared.shared.as_ref().is_none().then(|| spec.as_key()?.policy.clone()).flatten()
            }
            Observed::Absent | Observed::Unusable { .. } => None,
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
