//! The operations that a command can send.

use super::bounds::tag_keys;
use super::subject::{Form, KeyTarget, Leaving, Names, Own, Subject, subject, subjects};
use super::table::{Operation, Stage, When, find};
use super::{Ask, Purpose};
use crate::id::{IdentityArn, Place};
use crate::kind::key::{self, Rotation};
use crate::kind::{Address, Change, ConsumerKind, KeyRef, Kind, Setting, Spec, calls};
use crate::plan::{Plan, Step};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A request that a command can send.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) operation: &'static Operation,
    /// The account and Region that it goes to.
    pub(super) at: Place,
    pub(super) subject: Subject,
}

/// The requests, as they are collected.
struct Requests<'a> {
    ask: &'a Ask<'a>,
    subjects: BTreeMap<Address, Subject>,
    all: Vec<Request>,
}

/// Returns the requests that the commands can send.
pub(super) fn requests(ask: &Ask<'_>) -> Vec<Request> {
    let subjects = subjects(ask.desired, ask.state);
    let mut requests = Requests { ask, subjects, all: Vec::new() };
    requests.session();
    if ask.wants(&[Purpose::Plan, Purpose::Drift, Purpose::Apply]) {
        requests.refresh();
    }
    if ask.wants(&[Purpose::Plan, Purpose::Apply]) {
        requests.identities();
        requests.at_risk();
    }
    if ask.wants(&[Purpose::Impact]) {
        requests.impact_of_every_key();
    }
    if ask.wants(&[Purpose::Export]) {
        requests.export();
    }
    if ask.wants(&[Purpose::Rotate]) {
        requests.rotation();
    }
    if ask.wants(&[Purpose::Apply]) {
        requests.waits();
        match ask.plan {
            Some(plan) => requests.of_plan(plan),
            None => {
                requests.changes();
                requests.unrecorded();
            }
        }
    }
    requests.all
}

impl Requests<'_> {
    /// Adds a request. An operation that the table does not have is a defect that a test finds.
    fn add(&mut self, service: &str, name: &str, at: &Place, subject: Subject) {
        if let Some((_, operation)) = find(service, name) {
            self.all.push(Request { operation, at: at.clone(), subject });
        }
    }

    fn kms(&mut self, name: &str, subject: &Subject) {
        self.add("kms", name, &subject.place.clone(), subject.clone());
    }

    /// Returns every account and Region of the stack.
    fn places(&self) -> BTreeSet<Place> {
        let places = self.subjects.values().map(|subject| subject.place.clone());
        places.chain([self.ask.desired.home.clone()]).collect()
    }

    /// Returns the resources of a kind.
    fn of_kind(&self, kind: Kind) -> Vec<Subject> {
        self.subjects.values().filter(|one| one.kind == Some(kind)).cloned().collect()
    }

    fn consumers(&self) -> Vec<(ConsumerKind, Subject)> {
        let all = self.subjects.values();
        all.filter_map(|one| Some((one.kind?.consumer()?, one.clone()))).collect()
    }

    /// Adds what every command sends.
    fn session(&mut self) {
        let home = self.ask.desired.home.clone();
        // An export is of one account, and does not read the state.
        let is_export = self.ask.purposes.iter().all(|purpose| *purpose == Purpose::Export);
        let roles = self.ask.desired.accounts.values();
        for role in roles.filter(|_| !is_export) {
            self.add("sts", "AssumeRole", &home, Subject::named("accounts", &home, role.as_str()));
        }
        let Some(objects) = self.ask.objects else { return };
        let mut state = Subject::of("the state", &home);
        state.fields = serde_json::json!({ "bucket": objects.bucket, "key": objects.key });
        if !is_export {
            self.add("s3api", "GetObject", &home, state.clone());
        }
        if self.ask.wants(&[Purpose::Apply]) {
            self.add("s3api", "PutObject", &home, state);
        }
    }

    /// Adds the reads of a refresh.
    fn refresh(&mut self) {
        let keys = self.of_kind(Kind::Key);
        for place in self.places() {
            let here = Subject::of(format!("{}", place.region), &place);
            self.kms("ListAliases", &here);
            // A refresh looks for keys that no record names in the home Region even if no key is declared there.
            if place == self.ask.desired.home || keys.iter().any(|key| key.place == place) {
                self.kms("ListKeys", &here);
            }
            if place.account == self.ask.desired.home.account {
                self.add("resourcegroupstaggingapi", "GetResources", &place, here);
            }
        }
        for key in keys {
            for read in ["DescribeKey", "GetKeyPolicy", "ListGrants", "ListResourceTags"] {
                self.kms(read, &key);
            }
            if rotates(&key) {
                self.kms("GetKeyRotationStatus", &key);
            }
        }
        self.foreign_keys();
        self.service_linked_roles();
        for (kind, consumer) in self.consumers() {
            for read in kind.facts().reads.refresh {
                if read.fields.is_empty() || read.fields.iter().any(|name| has(&consumer, name)) {
                    self.add(
                        kind.facts().service,
                        read.operation,
                        &consumer.place,
                        consumer.clone(),
                    );
                }
            }
            if let Some(bucket) = consumer.consumer().and_then(|one| one.bucket()) {
                let bucket = Subject::named(&consumer.label, &consumer.place, bucket);
                self.add("s3api", "HeadBucket", &consumer.place, bucket.clone());
                self.add("s3api", "GetBucketPolicy", &consumer.place, bucket);
            }
        }
    }

    /// Adds the look-ups of service-linked roles. The request has only the name of the role, so the ARN of a role that
    /// does not exist yet has no path.
    fn service_linked_roles(&mut self) {
        for role in self.of_kind(Kind::ServiceLinkedRole) {
            let place = role.place.clone();
            let name = role.id.rsplit('/').next().unwrap_or_default();
            let partition = place.region.partition();
            let bare = format!("arn:{partition}:iam::{}:role/{name}", place.account);
            self.add("iam", "GetRole", &place, Subject::named(&role.label, &place, bare));
            self.add("iam", "GetRole", &place, role);
        }
    }

    /// Adds the reads of the keys that resources refer to and that the stack does not manage.
    fn foreign_keys(&mut self) {
        let has_gates = self.ask.desired.has_gates();
        // An apply reads the policies of these keys, which tell what calls about them will be denied.
        let before_calls = self.ask.wants(&[Purpose::Apply]);
        let existing = self.ask.desired.existing.iter().cloned().map(KeyTarget::Arn);
        for target in existing.collect::<BTreeSet<_>>() {
            let key = Subject::keys("existing keys", target);
            self.kms("DescribeKey", &key);
            self.kms("ListGrants", &key);
            if has_gates || before_calls {
                self.kms("GetKeyPolicy", &key);
            }
        }
        let all: Vec<Subject> = self.subjects.values().cloned().collect();
        for subject in all {
            let Some(spec) = &subject.spec else { continue };
            let foreign = spec.refs().into_iter().filter(|key| key.managed().is_none());
            let names = Names { desired: self.ask.desired, state: self.ask.state };
            let targets: Vec<KeyTarget> =
                foreign.map(|key: &KeyRef| names.target(key, &subject.place)).collect();
            for target in targets {
                let key = Subject::keys(&subject.label, target);
                self.kms("DescribeKey", &key);
                match spec {
                    Spec::KeyPolicy(_) => self.kms("GetKeyPolicy", &key),
                    Spec::Grant(_) => self.kms("ListGrants", &key),
                    Spec::Alias(_) => self.kms("ListResourceTags", &key),
                    Spec::Key(_) | Spec::ServiceLinkedRole(_) | Spec::Consumer(_) => {}
                }
            }
        }
    }

    /// Adds the look-ups of the users and roles that policies and grants name.
    fn identities(&mut self) {
        let accounts = self.ask.desired.own_accounts();
        let mut named: BTreeMap<IdentityArn, Place> = BTreeMap::new();
        for (principal, place) in self.principals() {
            let Ok(arn) = principal.parse::<IdentityArn>() else { continue };
            if accounts.contains(arn.account()) {
                let region = place.region;
                named.insert(arn.clone(), Place { account: arn.account().clone(), region });
            }
        }
        for (arn, place) in named {
            let operation = if arn.is_role() { "GetRole" } else { "GetUser" };
            self.add(
                "iam",
                operation,
                &place,
                Subject::named("policies and grants", &place, arn.as_str()),
            );
        }
    }

    /// Returns the principals that policies and grants name: those of the calls and of what is blocked, if only one
    /// plan is wanted.
    fn principals(&self) -> Vec<(String, Place)> {
        let specs = self
            .subjects
            .iter()
            .filter_map(|(address, one)| Some((address, one.spec.as_ref()?, &one.place)));
        // The policy that AWS holds may still name those of the last apply.
        let recorded = self.ask.state.records.iter();
        let recorded = recorded.map(|(address, record)| (address, &record.spec, &record.place));
        let plan = self.ask.plan;
        let is_wanted = |address: &Address| {
            plan.is_none_or(|plan| plan.blocked.iter().any(|blocked| blocked.address == *address))
        };
        let specs = specs.chain(recorded).filter(|(address, ..)| is_wanted(address));
        let of_specs = specs.flat_map(|(_, spec, place)| {
            principals(spec).into_iter().map(move |arn| (arn, place.clone()))
        });
        let steps = plan.into_iter().flat_map(|plan| &plan.steps);
        let of_calls = steps.flat_map(|step| {
            let calls = step.calls.iter().chain(&step.last);
            let named = calls.flat_map(|planned| planned.call.principals());
            named.map(|arn| (arn.to_string(), step.place.clone())).collect::<Vec<_>>()
        });
        of_specs.chain(of_calls).collect()
    }

    /// Adds the search for what depends on the keys that a plan may disable or delete.
    fn at_risk(&mut self) {
        let ends = |subject: &Subject| {
            let key = subject.spec.as_ref().and_then(Spec::as_key);
            !subject.protect || key.is_some_and(|key| key.enabled == Some(false))
        };
        let keys: Vec<Subject> = match self.ask.plan {
            Some(plan) => self.ended_by(plan),
            None => self.of_kind(Kind::Key).into_iter().filter(ends).collect(),
        };
        self.impact(&keys);
    }

    /// Returns the keys that a plan disables or deletes.
    fn ended_by(&self, plan: &Plan) -> Vec<Subject> {
        let ends = ["DisableKey", "ScheduleKeyDeletion"];
        let steps = plan.steps.iter().filter(|step| {
            let all = step.calls.iter().chain(&step.last);
            all.map(|planned| planned.call.operation()).any(|name| ends.contains(&name))
        });
        let of_step = |step: &Step| {
            let arn = step.id.as_deref()?.parse().ok()?;
            let of_key = Subject::keys(step.address.to_string(), KeyTarget::Arn(arn));
            Some(self.subjects.get(&step.address).cloned().unwrap_or(of_key))
        };
        steps.filter_map(of_step).collect()
    }

    fn impact_of_every_key(&mut self) {
        let keys = self.of_kind(Kind::Key);
        for place in self.places() {
            self.kms("ListAliases", &Subject::of(format!("{}", place.region), &place));
        }
        for key in &keys {
            self.kms("DescribeKey", key);
            self.kms("ListResourceTags", key);
        }
        self.impact(&keys);
    }

    fn impact(&mut self, keys: &[Subject]) {
        let mut places: BTreeSet<Place> = keys.iter().map(|key| key.place.clone()).collect();
        if self.ask.wants(&[Purpose::Impact]) {
            // The command is also for keys that the stack does not manage.
            places.extend(self.places());
        }
        self.lists(&places);
        for key in keys {
            self.kms("ListGrants", key);
            self.kms("GetKeyLastUsage", key);
        }
    }

    /// Adds the lists of resources and their snapshots.
    fn lists(&mut self, places: &BTreeSet<Place>) {
        for kind in ConsumerKind::ALL.iter().copied() {
            for (place, operation) in
                places.iter().flat_map(|at| kind.facts().reads.list.iter().map(move |o| (at, o)))
            {
                self.add(kind.facts().service, operation, place, Subject::all(kind.into(), place));
            }
        }
    }

    /// Adds what rotates the keys of the stack on demand.
    fn rotation(&mut self) {
        for place in self.places() {
            self.kms("ListAliases", &Subject::of(format!("{}", place.region), &place));
        }
        for key in self.of_kind(Kind::Key) {
            for name in [
                "DescribeKey",
                "GetKeyRotationStatus",
                "ListKeyRotations",
                "ListResourceTags",
                "RotateKeyOnDemand",
            ] {
                self.kms(name, &key);
            }
        }
    }

    /// Adds the reads of every key of the places of the stack and of the export.
    fn export(&mut self) {
        let exported = self.ask.exported;
        let home = &self.ask.desired.home;
        let more =
            exported.regions.iter().map(|region| Place { region: region.clone(), ..home.clone() });
        let own = self.places().into_iter().filter(|place| place.account == home.account);
        let places: BTreeSet<Place> = own.chain(more).collect();
        if exported.consumers {
            self.lists(&places);
        }
        for place in places {
            let all = Subject::keys("every key", KeyTarget::All(place));
            for read in [
                "ListAliases",
                "ListKeys",
                "DescribeKey",
                "GetKeyPolicy",
                "GetKeyRotationStatus",
                "ListGrants",
                "ListResourceTags",
            ] {
                self.kms(read, &all);
            }
        }
    }

    /// Adds what apply asks while it waits, and after its calls.
    fn waits(&mut self) {
        for (kind, consumer) in self.consumers() {
            for operation in kind.facts().reads.watch {
                self.add(kind.facts().service, operation, &consumer.place, consumer.clone());
            }
        }
    }

    /// Adds the changes that a plan of the configuration may make.
    fn changes(&mut self) {
        let all: Vec<(Address, Subject)> =
            self.subjects.iter().map(|(address, one)| (address.clone(), one.clone())).collect();
        for (address, subject) in all {
            let operations = address.kind.operations().iter().copied();
            let (service, deleting) = (address.kind.service(), self.deleting(&address, &subject));
            for name in operations {
                let Some((_, operation)) = find(service, name) else { continue };
                if is_possible(operation, &subject) || deleting.contains(name) {
                    for at in self.regions(&address, operation, &subject) {
                        self.add(service, name, &at, subject.clone());
                    }
                }
            }
        }
    }

    /// Adds the calls about what no record names: without records, a plan finds the grants of the stack by their names.
    fn unrecorded(&mut self) {
        if !self.ask.stateless {
            return;
        }
        let own = self.of_kind(Kind::Key).into_iter().filter(|key| key.leaving.is_none());
        let existing = self.ask.desired.existing.iter().cloned().map(KeyTarget::Arn);
        let existing = existing.map(|target| Subject::keys("existing keys", target));
        for key in own.chain(existing).collect::<Vec<_>>() {
            self.kms("RevokeGrant", &key);
        }
    }

    /// Returns the operations that delete the resource.
    fn deleting(&self, address: &Address, subject: &Subject) -> BTreeSet<&'static str> {
        let (Some(spec), false, None) = (&subject.spec, subject.protect, subject.leaving) else {
            return BTreeSet::new();
        };
        let keys = &self.ask.desired.key_facts;
        let setting = Setting {
            stack: &self.ask.desired.stack,
            place: &subject.place,
            keys,
            id: Some("*"),
            name: &address.name,
            caller: None,
        };
        let calls = calls(&Change::Delete { from: spec.clone() }, &setting);
        let calls =
            calls.map(|calls| calls.first.into_iter().chain(calls.last).collect::<Vec<_>>());
        calls.unwrap_or_default().iter().map(|(_, call)| call.operation()).collect()
    }

    /// Returns where the calls about a resource can go to. The rotation of a multi-Region key, and the move of its
    /// primary key, go to the Region of the primary key, which may be that of a replica. A grant can be made from
    /// another account.
    fn regions(
        &self,
        address: &Address,
        operation: &Operation,
        subject: &Subject,
    ) -> BTreeSet<Place> {
        let own = subject.place.clone();
        let issuer =
            subject.spec.as_ref().and_then(Spec::as_grant).and_then(|one| one.issuer.clone());
        if let Some(account) = issuer {
            return BTreeSet::from([Place { account, ..own }]);
        }
        let is_multi = subject.spec.as_ref().and_then(Spec::as_key);
        let is_multi = is_multi.is_some_and(|key| key.multi_region == Some(true))
            && !matches!(operation.stage, Stage::Create | Stage::Delete);
        let related = self.subjects.iter().filter(|(other, _)| {
            let base = other.name.split('/').next();
            is_multi && other.kind == Kind::Key && base == Some(address.name.as_str())
        });
        related.map(|(_, other)| other.place.clone()).chain([own]).collect()
    }

    /// Adds exactly the calls of a plan.
    fn of_plan(&mut self, plan: &Plan) {
        for step in &plan.steps {
            let specs = [step.change.to(), step.change.from()];
            let Some(spec) = specs.into_iter().flatten().next() else { continue };
            let form = Form {
                spec,
                place: &step.place,
                protect: false,
                adopt: None,
                declared: true,
                id: step.id.as_deref(),
            };
            let mut one = subject(self.ask.desired, self.ask.state, &step.address, &form);
            self.exact(&mut one, step.id.as_deref(), step.change.from());
            for planned in step.calls.iter().chain(&step.last) {
                let (service, operation) = (planned.call.service(), planned.call.operation());
                // `ReplicateKey` goes to the Region of the primary key, and KMS checks the creation in that of the replica.
                let is_replica = operation == key::ReplicateKey::NAME;
                let at = if is_replica { &step.place } else { &planned.at };
                self.add(service, operation, at, one.clone());
            }
        }
    }

    /// Names what exists by its ARN, and adds the keys that the resource leaves.
    fn exact(&self, subject: &mut Subject, id: Option<&str>, from: Option<&Spec>) {
        if let Some(arn) = id.and_then(|id| id.parse().ok()) {
            subject.keys.retain(|key| !matches!(key, KeyTarget::Tagged(_) | KeyTarget::Alias(..)));
            subject.keys.insert(KeyTarget::Arn(arn));
        } else if let (Some(id), Own::Tagged(pattern)) = (id, &subject.own) {
            subject.own = Own::Exact(pattern.replacen('*', id, 1));
            subject.id = id.to_owned();
        }
        let names = Names { desired: self.ask.desired, state: self.ask.state };
        let left = from.map(Spec::refs).unwrap_or_default();
        if !matches!(from, Some(Spec::Key(_)) | None) {
            subject.keys.extend(left.into_iter().map(|key| names.target(key, &subject.place)));
        }
    }
}

/// Returns whether a plan of the configuration can send an operation about a resource.
fn is_possible(operation: &Operation, subject: &Subject) -> bool {
    let is_key = subject.kind == Some(Kind::Key);
    match subject.leaving {
        Some(Leaving::Untagged) => return operation.name == "UntagResource",
        Some(Leaving::Untouched) => return false,
        None => {}
    }
    let stage = match operation.stage {
        Stage::Read => false,
        Stage::Create => subject.declared && subject.owned,
        Stage::Change => subject.declared || !is_key,
        Stage::Delete => !subject.protect && (subject.owned || is_key),
    };
    stage && applies(operation.when, subject)
}

/// Returns whether the fields of the subject need an operation or an action.
pub(super) fn applies(when: When, subject: &Subject) -> bool {
    let key = subject.spec.as_ref().and_then(Spec::as_key);
    match when {
        When::Always => true,
        When::Set(names) => names.iter().any(|name| has(subject, name)),
        When::Is(name, wanted) => subject.fields.get(name).and_then(Value::as_bool) == Some(wanted),
        When::HasKey => !subject.keys.is_empty(),
        When::HasNoKey => subject.keys.is_empty() && has(subject, "key"),
        When::Rotates(wanted) => {
            let rotation = key.and_then(|key| key.rotation);
            rotation.is_some_and(|rotation| wanted == matches!(rotation, Rotation::EveryDays(_)))
        }
        When::Tagged => !tag_keys(subject).is_empty(),
        When::IsReplica(wanted) => key.is_some_and(|key| key.primary.is_some() == wanted),
    }
}

fn has(subject: &Subject, field: &str) -> bool {
    subject.fields.get(field).is_some_and(|value| !value.is_null())
}

/// Returns whether a refresh reads the rotation of a key.
fn rotates(subject: &Subject) -> bool {
    subject.spec.as_ref().and_then(Spec::as_key).is_some_and(|key| {
        let spec = key.spec.as_deref().unwrap_or(key::DEFAULT_SPEC);
        let origin = key.origin.as_deref().unwrap_or(key::DEFAULT_ORIGIN);
        key.rotation.is_some() && key::can_rotate(spec, origin)
    })
}

/// Returns the ARNs of the identities that a form names.
fn principals(spec: &Spec) -> Vec<String> {
    let shared = match spec {
        Spec::Key(key) => key.shared.as_ref().map(|shared| &shared.statements),
        Spec::KeyPolicy(policy) => Some(&policy.shared.statements),
        Spec::Grant(grant) => {
            return grant.retiring.iter().chain([&grant.grantee]).cloned().collect();
        }
        Spec::Alias(_) | Spec::ServiceLinkedRole(_) | Spec::Consumer(_) => None,
    };
    shared.into_iter().chain(spec.policy()).flat_map(crate::policy::Document::principals).collect()
}
