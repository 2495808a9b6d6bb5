//! The stand-in for AWS: a model in memory with AWS's rules, and with the faults that a test
//! injects.

mod aliases;
mod consumers;
mod kms;
mod lag;
mod rotations;

pub(crate) use consumers::{Held, make_bucket, open_bucket};
use kmsctl::answer::pages::Page;
use kmsctl::answer::{CloudError, Fault, Outcome};
use kmsctl::cloud::{AliasEntry, Bucket, Caller, Cloud, Identity};
use kmsctl::id::{AliasName, IdentityArn, KeyArn, Place};
use kmsctl::impact::LastUsage;
use kmsctl::kind::grant::Listed;
use kmsctl::kind::key::{Material, Metadata, NAME_TAG, NONCE_TAG, Rotation};
use kmsctl::kind::{Call, ConsumerKind, alias, grant, key};
use kmsctl::kind::{CallBindings, ConsumerQuery, Object, Sight};
use kmsctl::permissions::simulation::{Refused, Simulation};
use kmsctl::sdk::gate::Permit;
use serde_json::{Value, json};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The random number generator `SplitMix64`.
#[derive(Debug)]
pub(crate) struct Rng(Cell<u64>);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    pub(crate) fn next(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&self, n: u64) -> u64 {
        self.next() % n
    }
}

tokio::task_local! {
    /// The check that the requests of a run must pass when they are sent.
    pub(crate) static PERMIT: Arc<dyn Permit>;
}

/// The clock of a run, in seconds since 1970.
pub(crate) const NOW: u64 = 1_000_000;

/// The moment at which a run is killed: before or after AWS executes the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kill {
    Before,
    After,
}

/// The injected faults. Rates are in percent of the calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) lose_answers: u64,
    pub(crate) throttle: u64,
    pub(crate) fail500: u64,
    /// The number of calls, including reads, to which a new key or role is not visible yet.
    pub(crate) unseen: u64,
    /// The number of seconds after a call for which reads show the contents from before it, and for
    /// which calls do not find a new key.
    pub(crate) lag: u64,
    /// Whether each read during that time shows the old or the new contents at random.
    pub(crate) flap: bool,
    /// Whether the services that use keys find a new key as late as other callers.
    pub(crate) services_lag: bool,
    /// Whether calls that change a key find it, during that time, in the state from before earlier calls.
    pub(crate) calls_lag: bool,
    /// The number of seconds after a change of a key during which calls about the key are denied.
    pub(crate) denied_after: u64,
    /// The operations that a service refuses for some seconds after the first request: the code, the message
    /// and the number of seconds.
    pub(crate) refused_for: BTreeMap<&'static str, (&'static str, &'static str, u64)>,
    /// The services that throttle calls and reads, with their rates.
    pub(crate) throttled: BTreeMap<&'static str, u64>,
    /// Whether the faults apply to reads too.
    pub(crate) reads: bool,
    /// The denied operations with the ids of the keys, or with the services of reads that name no key; `*` for every
    /// mutating call, and `denied` if EC2 itself denies it.
    pub(crate) denied: BTreeSet<(String, String)>,
    /// The number of seconds for which each call waits for its quota.
    pub(crate) quota: u64,
    /// The operations that fail, for example because a quota is exceeded.
    pub(crate) refused: BTreeSet<String>,
    /// The users and roles that do not exist until they are created.
    pub(crate) missing: BTreeSet<String>,
    /// The number of reads after each call during which a consumer is busy.
    pub(crate) busy: u64,
    /// The creation time of identities that no call created, in seconds since 1970.
    pub(crate) created: u64,
    /// The number of policies and grants that KMS will refuse because it does not know a principal
    /// yet.
    pub(crate) strange: u32,
    /// The reads that say that a key does not exist, with the ids of the keys.
    pub(crate) unknown: BTreeSet<(String, String)>,
    /// The actions that IAM's simulator finds denied, as `ACTION` or `ACTION RESOURCE`; `None` if the caller may not
    /// ask it.
    pub(crate) simulated: Option<BTreeSet<String>>,
    /// The last uses of keys by id.
    pub(crate) used: BTreeMap<String, LastUsage>,
    /// The number of the mutating call, from 1, at which the run is killed.
    pub(crate) crash_at: Option<(usize, Kill)>,
}

impl Faults {
    /// For some seconds after a call, reads show the contents from before it.
    pub(crate) fn stale(seconds: u64) -> Self {
        Self { lag: seconds, ..Self::default() }
    }

    /// For some seconds after a call, each read shows the contents from before it or after it.
    pub(crate) fn flapping(seconds: u64) -> Self {
        Self { lag: seconds, flap: true, ..Self::default() }
    }

    /// One service throttles calls and reads, at a rate in percent.
    pub(crate) fn throttling(service: &'static str, rate: u64) -> Self {
        Self { throttled: [(service, rate)].into(), ..Self::default() }
    }
}

/// A key of the stand-in.
#[derive(Clone, Debug)]
pub(crate) struct FakeKey {
    pub(crate) meta: Metadata,
    pub(crate) policy: Value,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) rotation: Option<u32>,
    pub(crate) grants: Vec<Listed>,
}

/// The contents of one account and Region.
#[derive(Clone, Debug, Default)]
pub(crate) struct Region {
    pub(crate) keys: BTreeMap<String, FakeKey>,
    pub(crate) aliases: BTreeMap<String, String>,
}

/// An event that a test can ask for the time of.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there are few")]
pub(crate) enum Event {
    /// A call that AWS executed.
    Call(Call),
    /// A look at a consumer, and whether it showed the current contents.
    Look(bool),
}

/// A change of AWS outside of kmsctl.
pub(crate) type Meanwhile = Box<dyn FnOnce(&FakeAws)>;

/// The stand-in.
pub(crate) struct FakeAws {
    pub(crate) regions: RefCell<BTreeMap<Place, Region>>,
    pub(crate) faults: RefCell<Faults>,
    /// The consumers.
    pub(crate) shelves: RefCell<BTreeMap<(ConsumerKind, Place), consumers::Shelf>>,
    /// Snapshots.
    pub(crate) copies: RefCell<Vec<(ConsumerKind, KeyArn, String)>>,
    /// The resources that are being deleted, whose names are still in use.
    pub(crate) gone: RefCell<Vec<(Place, Object)>>,
    /// The buckets by name.
    pub(crate) buckets: RefCell<BTreeMap<String, Bucket>>,
    /// Every request: the operation, and whether it succeeded.
    pub(crate) log: RefCell<Vec<(String, bool)>>,
    /// The calls that AWS executed and the looks at consumers, with their times.
    pub(crate) timeline: RefCell<Vec<(Duration, Event)>>,
    /// The times of the last changes of keys, by id.
    changed: RefCell<BTreeMap<String, Duration>>,
    /// The times of the first requests for operations that are refused for some seconds.
    refused_since: RefCell<BTreeMap<&'static str, Duration>>,
    /// The errors that AWS's rules caused, not the injected faults.
    pub(crate) refusals: RefCell<Vec<String>>,
    pub(crate) mutations: Cell<usize>,
    /// The roles that calls created, with their creation times.
    pub(crate) roles: RefCell<BTreeMap<String, u64>>,
    /// The rotations on demand by the ids of the keys.
    pub(crate) rotations: RefCell<BTreeMap<String, rotations::Rotating>>,
    /// The number of further calls to which a key id or a role ARN is not visible.
    pub(crate) unseen: RefCell<BTreeMap<String, u64>>,
    pub(crate) killed: Cell<bool>,
    /// The creation time of the first new resource, in seconds since 1970. Each further one is a second younger.
    pub(crate) created: Cell<u64>,
    /// A change of AWS after the next `CreateKey`.
    pub(crate) meanwhile_creating: Cell<Option<Meanwhile>>,
    /// The time of the first request.
    began: OnceCell<Instant>,
    /// The contents before the latest calls, the oldest first.
    past: RefCell<Vec<Rc<lag::Past>>>,
    serial: Cell<u64>,
    rng: Rng,
}

pub(super) fn fail(operation: &'static str, fault: Fault, message: &str) -> CloudError {
    let message = message.to_owned();
    CloudError { operation, fault, code: None, message, request_id: None }
}

/// Returns the key that a call changes or refers to.
fn about(call: &Call, bindings: &CallBindings<'_>) -> Option<KeyArn> {
    let key = match call {
        Call::Key(key::Call::ReplicateKey(call)) => &call.key_id,
        Call::Key(_) => return bindings.key.cloned(),
        Call::Alias(
            alias::Call::CreateAlias(alias::CreateAlias { target_key_id: key, .. })
            | alias::Call::UpdateAlias(alias::UpdateAlias { target_key_id: key, .. }),
        )
        | Call::Grant(
            grant::Call::CreateGrant(grant::CreateGrant { key_id: key, .. })
            | grant::Call::RevokeGrant(grant::RevokeGrant { key_id: key, .. }),
        ) => key,
        _ => return None,
    };
    bindings.ids.and_then(|ids| key.resolve(ids))
}

/// Returns the service of a call.
fn service(call: &Call) -> &'static str {
    match call {
        Call::Consumer(call) => call.kind().facts().service,
        Call::ServiceLinkedRole(_) => "iam",
        Call::Key(_) | Call::Alias(_) | Call::Grant(_) | Call::KeyPolicy(_) => "kms",
    }
}

impl FakeAws {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            regions: RefCell::default(),
            shelves: RefCell::default(),
            copies: RefCell::default(),
            gone: RefCell::default(),
            buckets: RefCell::new(
                ["logs", "others"]
                    .map(|name| (name.to_owned(), open_bucket("eu-central-1")))
                    .into(),
            ),
            faults: RefCell::default(),
            log: RefCell::default(),
            timeline: RefCell::default(),
            changed: RefCell::default(),
            refused_since: RefCell::default(),
            refusals: RefCell::default(),
            mutations: Cell::new(0),
            roles: RefCell::default(),
            rotations: RefCell::default(),
            unseen: RefCell::default(),
            killed: Cell::new(false),
            created: Cell::new(NOW - 3600),
            meanwhile_creating: Cell::new(None),
            began: OnceCell::new(),
            past: RefCell::default(),
            serial: Cell::new(0),
            rng: Rng::new(seed),
        }
    }

    pub(super) fn number(&self) -> u64 {
        self.serial.set(self.serial.get() + 1);
        self.serial.get()
    }

    /// Begins a run. The count of mutating calls begins with 1 again.
    pub(crate) fn begin(&self, crash_at: Option<(usize, Kill)>) {
        self.faults.borrow_mut().crash_at = crash_at;
        self.mutations.set(0);
        self.killed.set(false);
    }

    pub(crate) fn count(&self, operation: &str) -> usize {
        self.log.borrow().iter().filter(|(name, _)| name == operation).count()
    }

    /// Returns the mutating operations that were requested since `from`.
    pub(crate) fn changes_since(&self, from: usize) -> Vec<String> {
        let reads = ["List", "Describe", "Get"];
        let log = self.log.borrow();
        let changes =
            log.iter().skip(from).filter(|(n, _)| !reads.iter().any(|r| n.starts_with(r)));
        changes.map(|(name, _)| name.clone()).collect()
    }

    /// Returns the key with the name tag that is not pending deletion.
    pub(crate) fn key(&self, name: &str) -> FakeKey {
        let regions = self.regions.borrow();
        let mut keys = regions.values().flat_map(|r| r.keys.values());
        keys.find(|k| k.tags.get(NAME_TAG).is_some_and(|n| n == name)).cloned().expect("the key")
    }

    /// Changes a key outside of kmsctl.
    pub(crate) fn tamper(&self, name: &str, change: impl FnOnce(&mut FakeKey)) {
        let mut regions = self.regions.borrow_mut();
        let mut keys = regions.values_mut().flat_map(|r| r.keys.values_mut());
        let key = keys.find(|k| k.tags.get(NAME_TAG).is_some_and(|n| n == name));
        change(key.expect("the key"));
    }

    pub(crate) fn keys_total(&self) -> usize {
        self.regions.borrow().values().map(|r| r.keys.len()).sum()
    }

    pub(crate) fn aliases_total(&self) -> usize {
        self.regions.borrow().values().map(|region| region.aliases.len()).sum()
    }

    pub(crate) fn grants_total(&self) -> usize {
        let regions = self.regions.borrow();
        regions.values().flat_map(|r| r.keys.values()).map(|k| k.grants.len()).sum()
    }

    /// Returns the complete contents, with all ids.
    pub(crate) fn contents(&self) -> String {
        format!("{:?} {:?}", self.regions.borrow(), self.shelves.borrow())
    }

    /// Returns the complete contents without ids and nonces.
    pub(crate) fn picture(&self) -> Value {
        let regions = self.regions.borrow();
        let name = |k: &FakeKey| k.tags.get(NAME_TAG).cloned().unwrap_or_default();
        let mut all = BTreeMap::new();
        for (place, region) in regions.iter() {
            let mut keys: Vec<Value> = Vec::new();
            for key in region.keys.values() {
                let mut tags = key.tags.clone();
                tags.remove(NONCE_TAG);
                let mut grants: Vec<String> = Vec::new();
                for g in &key.grants {
                    let prefix = g.name.rsplit_once(':').map_or("", |(p, _)| p);
                    grants.push(format!(
                        "{prefix} {} {:?} {:?}",
                        g.grantee, g.operations, g.constraints
                    ));
                }
                grants.sort();
                let policy = key.policy.to_string().replace(key.meta.arn.id(), "ID");
                keys.push(json!({
                    "name": name(key), "state": key.meta.state, "spec": key.meta.spec,
                    "description": key.meta.description, "tags": tags, "policy": policy,
                    "rotation": key.rotation, "grants": grants,
                }));
            }
            keys.sort_by_key(ToString::to_string);
            let aliases: BTreeMap<&String, String> =
                region.aliases.iter().map(|(a, id)| (a, name(&region.keys[id]))).collect();
            all.insert(place.to_string(), json!({ "keys": keys, "aliases": aliases }));
        }
        serde_json::to_value(all).unwrap()
    }

    async fn latency(&self) {
        tokio::time::sleep(Duration::from_millis(1 + self.rng.below(50))).await;
    }

    /// Logs a read of KMS, and injects the faults.
    async fn read(&self, operation: &'static str, key: Option<&KeyArn>) -> Result<(), CloudError> {
        self.read_from("kms", operation, key).await
    }

    /// Logs a read of a service, and injects the faults.
    async fn read_from(
        &self,
        service: &str,
        operation: &'static str,
        key: Option<&KeyArn>,
    ) -> Result<(), CloudError> {
        self.latency().await;
        if self.killed.get() {
            std::future::pending::<()>().await;
        }
        self.log.borrow_mut().push((operation.to_owned(), true));
        let faults = self.faults.borrow();
        let of = key.map_or(service, KeyArn::id);
        if faults.unknown.contains(&(operation.to_owned(), of.to_owned())) {
            return Err(fail(operation, Fault::NotFound, "the key does not exist"));
        }
        if faults.denied.contains(&(operation.to_owned(), of.to_owned())) {
            return Err(fail(operation, Fault::Denied, "not authorized"));
        }
        if (faults.reads && self.rng.below(100) < faults.throttle) || self.is_throttled(service) {
            return Err(fail(operation, Fault::Throttled, "rate exceeded"));
        }
        if faults.reads && self.rng.below(100) < faults.fail500 {
            return Err(fail(operation, Fault::Ambiguous, "internal failure"));
        }
        Ok(())
    }

    /// Returns whether a service throttles this request.
    fn is_throttled(&self, service: &str) -> bool {
        let rate = self.faults.borrow().throttled.get(service).copied();
        rate.is_some_and(|rate| self.rng.below(100) < rate)
    }

    /// Returns whether the call names a principal that KMS does not know.
    fn stranger(&self, call: &Call) -> bool {
        let named = call.principals();
        let mut faults = self.faults.borrow_mut();
        let strange = !named.is_empty() && faults.strange > 0;
        faults.strange -= u32::from(strange);
        strange || named.iter().any(|arn| faults.missing.contains(arn) || self.misses(arn))
    }

    /// Returns whether the object is not visible to this call yet.
    fn misses(&self, id: &str) -> bool {
        let mut unseen = self.unseen.borrow_mut();
        let left = unseen.get_mut(id).filter(|left| **left > 0);
        left.map(|left| *left -= 1).is_some()
    }
}

impl Cloud for FakeAws {
    async fn caller(&self) -> Result<Caller, CloudError> {
        let arn = "arn:aws:iam::111122223333:role/admin".to_owned();
        Ok(Caller { account: "111122223333".parse().unwrap(), arn })
    }

    async fn simulate(&self, _: &str, question: &Simulation) -> Result<Vec<Refused>, CloudError> {
        self.read("SimulatePrincipalPolicy", None).await?;
        let faults = self.faults.borrow();
        let Some(denied) = &faults.simulated else {
            return Err(CloudError {
                operation: "SimulatePrincipalPolicy",
                fault: Fault::Denied,
                code: Some("AccessDenied".to_owned()),
                message: "not authorized".to_owned(),
                request_id: None,
            });
        };
        let asked = question.actions.iter().flat_map(|action| {
            let of = |resource: &String| Refused {
                action: (*action).to_owned(),
                resource: resource.clone(),
            };
            question.resources.iter().map(of)
        });
        let is_denied = |one: &Refused| {
            denied.contains(&one.action)
                || denied.contains(&format!("{} {}", one.action, one.resource))
        };
        Ok(asked.filter(is_denied).collect())
    }

    async fn aliases(
        &self,
        at: &Place,
        from: Option<&str>,
    ) -> Result<Page<AliasEntry>, CloudError> {
        self.read("ListAliases", None).await?;
        self.page(from, |moment| {
            let mut entries = vec![AliasEntry { name: "alias/aws/ebs".to_owned(), target: None }];
            self.shown(moment, |regions, _| {
                let ours = regions.get(at).into_iter().flat_map(|region| &region.aliases);
                entries.extend(
                    ours.map(|(n, t)| AliasEntry { name: n.clone(), target: Some(t.clone()) }),
                );
            });
            Ok(entries)
        })
    }

    async fn aliases_of(&self, key: &KeyArn) -> Result<Vec<AliasName>, CloudError> {
        self.read("ListAliases", Some(key)).await?;
        let moment = self.moment();
        self.of_at("ListAliases", key, moment, |_| ())?;
        Ok(self.shown(moment, |regions, _| {
            let all = regions[&key.place()].aliases.iter().filter(|(_, id)| *id == key.id());
            all.map(|(name, _)| name.parse().unwrap()).collect()
        }))
    }

    async fn keys(&self, at: &Place, from: Option<&str>) -> Result<Page<String>, CloudError> {
        self.read("ListKeys", None).await?;
        self.page(from, |moment| {
            Ok(self.shown(moment, |regions, _| {
                let ids = regions.get(at).into_iter().flat_map(|region| region.keys.keys());
                ids.filter(|id| !self.misses(id)).cloned().collect()
            }))
        })
    }

    async fn describe(&self, key: &KeyArn) -> Result<Metadata, CloudError> {
        self.read("DescribeKey", Some(key)).await?;
        self.of("DescribeKey", key, |k| k.meta.clone())
    }

    async fn policy(&self, key: &KeyArn) -> Result<String, CloudError> {
        self.read("GetKeyPolicy", Some(key)).await?;
        self.of("GetKeyPolicy", key, |k| format!("{:#}", k.policy))
    }

    async fn rotation(&self, key: &KeyArn) -> Result<Rotation, CloudError> {
        self.read("GetKeyRotationStatus", Some(key)).await?;
        let rotation = self.of("GetKeyRotationStatus", key, |k| {
            if !kmsctl::kind::key::can_rotate(&k.meta.spec, &k.meta.origin) {
                return Err(fail("GetKeyRotationStatus", Fault::Unsupported, "not this key"));
            }
            match k.rotation {
                Some(days) if !k.meta.is_dying() => Ok(Rotation::EveryDays(days)),
                Some(_) | None => Ok(Rotation::Off),
            }
        });
        rotation?
    }

    async fn rotating_since(&self, key: &KeyArn) -> Result<Option<String>, CloudError> {
        self.read("GetKeyRotationStatus", Some(key)).await?;
        Ok(self.rotation_in_progress(key).map(|_| "2027-01-01T00:00:00Z".to_owned()))
    }

    async fn materials(
        &self,
        key: &KeyArn,
        from: Option<&str>,
    ) -> Result<Page<Material>, CloudError> {
        self.read("ListKeyRotations", Some(key)).await?;
        self.page(from, |_| Ok(self.materials_of(key)))
    }

    async fn rotate(&self, key: &KeyArn) -> Result<(), CloudError> {
        self.latency().await;
        self.rotate_with_faults(key)
    }

    async fn tags(&self, key: &KeyArn) -> Result<BTreeMap<String, String>, CloudError> {
        self.read("ListResourceTags", Some(key)).await?;
        self.of("ListResourceTags", key, |k| k.tags.clone())
    }

    async fn identity(&self, identity: &IdentityArn) -> Result<Option<Identity>, CloudError> {
        self.read_from("iam", "GetRole", None).await?;
        let faults = self.faults.borrow();
        let arn = identity.to_string();
        // IAM finds identities by name, only in the account of the caller.
        let ours = identity.account().as_str() == "111122223333";
        let there = ours && !faults.missing.contains(&arn) && !self.misses(&arn);
        let created = self.roles.borrow().get(&arn).copied().unwrap_or(faults.created);
        Ok(there.then_some(Identity { arn, created }))
    }

    async fn grants(&self, key: &KeyArn, from: Option<&str>) -> Result<Page<Listed>, CloudError> {
        self.read("ListGrants", Some(key)).await?;
        self.page(from, |moment| {
            self.of_at("ListGrants", key, moment, |k| k.grants.iter().rev().cloned().collect())
        })
    }

    async fn objects(&self, at: &Place, query: &ConsumerQuery) -> Result<Vec<Object>, CloudError> {
        self.read_from(query.kind.facts().service, "DescribeConsumers", None).await?;
        Ok(self.shown(self.moment(), |_, shelves| self.found(shelves, at, query)))
    }

    async fn tagged(&self, at: &Place, stack: &str) -> Result<Vec<String>, CloudError> {
        self.read_from("tagging", "GetResources", None).await?;
        if self.faults.borrow().denied.contains(&("GetResources".to_owned(), "*".to_owned())) {
            return Err(fail("GetResources", Fault::Denied, "not authorized"));
        }
        Ok(self.shown(self.moment(), |regions, shelves| {
            consumers::arns_of(regions, shelves, at, stack)
        }))
    }

    async fn copies(
        &self,
        at: &Place,
        of: ConsumerKind,
    ) -> Result<Vec<(String, Option<KeyArn>)>, CloudError> {
        self.read_from(of.facts().service, "DescribeSnapshots", None).await?;
        let copies = self.copies.borrow();
        let here = copies.iter().filter(|(kind, key, _)| *kind == of && key.place() == *at);
        Ok(here.map(|(_, key, id)| (id.clone(), Some(key.clone()))).collect())
    }

    async fn last_usage(&self, key: &KeyArn) -> Result<LastUsage, CloudError> {
        self.read("GetKeyLastUsage", Some(key)).await?;
        Ok(self.faults.borrow().used.get(key.id()).cloned().unwrap_or_default())
    }

    async fn sight(&self, at: &Place, kind: ConsumerKind, id: &str) -> Result<Sight, CloudError> {
        self.read_from(kind.facts().service, "DescribeConsumer", None).await?;
        Ok(self.sight_shown(at, kind, id))
    }

    async fn bucket(&self, _: &Place, name: &str) -> Result<Bucket, CloudError> {
        self.read_from("s3", "HeadBucket", None).await?;
        if self.faults.borrow().denied.contains(&("HeadBucket".to_owned(), name.to_owned())) {
            return Err(fail("HeadBucket", Fault::Denied, "access denied"));
        }
        let found = self.buckets.borrow().get(name).cloned();
        found.ok_or_else(|| fail("HeadBucket", Fault::NotFound, "no such bucket"))
    }

    async fn admit(&self, _: &Place, _: &Call) {
        let quota = self.faults.borrow().quota;
        tokio::time::sleep(Duration::from_secs(quota)).await;
    }

    async fn call(
        &self,
        at: &Place,
        call: &Call,
        bindings: CallBindings<'_>,
    ) -> Result<Outcome, CloudError> {
        self.latency().await;
        if self.killed.get() {
            std::future::pending::<()>().await;
        }
        let name = call.operation();
        if let Ok(Err(reason)) = PERMIT.try_with(|permit| permit.check()) {
            return Err(fail(name, Fault::Unsent, &reason));
        }
        self.mutations.set(self.mutations.get() + 1);
        let faults = self.faults.borrow().clone();
        let crash =
            faults.crash_at.filter(|(n, _)| *n == self.mutations.get()).map(|(_, kill)| kill);
        if crash == Some(Kill::Before) {
            self.killed.set(true);
            std::future::pending::<()>().await;
        }
        let denied = bindings.key.map(|k| (name.to_owned(), k.id().to_owned()));
        let everywhere = (name.to_owned(), "*".to_owned());
        let early = if denied.is_some_and(|d| faults.denied.contains(&d))
            || faults.denied.contains(&everywhere)
        {
            Some(fail(name, Fault::Denied, "not authorized"))
        } else if faults.denied.contains(&(name.to_owned(), "denied".to_owned())) {
            let user = "User: arn:aws:iam::111122223333:role/admin is not authorized to perform";
            let action = format!("ec2:{name}");
            Some(fail(name, Fault::Denied, &format!("{user}: {action} on resource: *")))
        } else if faults.refused.contains(name) {
            Some(fail(name, Fault::LimitExceeded, "a quota is reached"))
        } else if self.rng.below(100) < faults.throttle || self.is_throttled(service(call)) {
            Some(fail(name, Fault::Throttled, "rate exceeded"))
        } else if self.rng.below(100) < faults.fail500 {
            Some(fail(name, Fault::Ambiguous, "internal failure"))
        } else {
            let key = about(call, &bindings);
            self.refusal(name).or_else(|| self.lagging(call, key.as_ref(), name))
        };
        if let Some(error) = early {
            self.log.borrow_mut().push((name.to_owned(), false));
            return Err(error);
        }
        let result = self.keeping_the_past(|| match (self.stranger(call), call) {
            (true, _) => Err(fail(name, Fault::Malformed, "invalid principals")),
            (false, Call::Consumer(call)) => self.consume(at, call, &bindings, name),
            (false, call) => self.execute(at, call, &bindings, name),
        });
        self.log.borrow_mut().push((name.to_owned(), result.is_ok()));
        if result.is_ok() {
            self.timeline.borrow_mut().push((self.clock(), Event::Call(call.clone())));
            if let Some(key) = about(call, &bindings).filter(|_| call.changes_key()) {
                self.changed.borrow_mut().insert(key.id().to_owned(), self.clock());
            }
        }
        if name == "CreateKey"
            && let Some(meanwhile) = self.meanwhile_creating.take()
        {
            meanwhile(self);
        }
        if let Err(error) = &result {
            self.refusals.borrow_mut().push(error.to_string());
        }
        if crash == Some(Kill::After) {
            self.killed.set(true);
            std::future::pending::<()>().await;
        }
        self.latency().await;
        if self.killed.get() {
            std::future::pending::<()>().await;
        }
        if result.is_ok() && self.rng.below(100) < faults.lose_answers {
            return Err(fail(name, Fault::Ambiguous, "the answer was lost"));
        }
        result
    }
}
