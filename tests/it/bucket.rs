//! A stand-in for an S3 bucket, with conditional writes, a clock of its own, and faults.

use crate::fake::Rng;
use kmsctl::answer::{CloudError, Fault};
use kmsctl::sdk::objects::{Condition, Object};
use kmsctl::store::s3::Objects;
use kmsctl::store::{Holder, S3};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// Returns the time of a test whose clock is stopped and moved on by its pauses.
pub(crate) fn clock() -> Duration {
    static START: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);
    Instant::now().into_std().saturating_duration_since(*START)
}

/// The injected faults, in percent of the requests.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// S3 executes the request, and its answer is lost.
    pub(crate) lose: u64,
    /// S3 does not execute the request, and answers 500.
    pub(crate) fail: u64,
}

#[derive(Debug)]
struct Inside {
    objects: BTreeMap<String, (Vec<u8>, u64)>,
    requests: Vec<String>,
    rng: Rng,
    faults: Faults,
}

/// The bucket. Clones are the same bucket.
#[derive(Clone, Debug)]
pub(crate) struct FakeBucket(Arc<Mutex<Inside>>);

impl FakeBucket {
    pub(crate) fn new(seed: u64) -> Self {
        let (objects, requests) = (BTreeMap::new(), Vec::new());
        let (rng, faults) = (Rng::new(seed), Faults::default());
        Self(Arc::new(Mutex::new(Inside { objects, requests, rng, faults })))
    }

    pub(crate) fn breaks(&self, faults: Faults) {
        self.0.lock().unwrap().faults = faults;
    }

    /// Returns the requests so far, such as `PUT stack.json`.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.0.lock().unwrap().requests.clone()
    }

    pub(crate) fn text(&self, key: &str) -> Option<String> {
        let inside = self.0.lock().unwrap();
        inside.objects.get(key).map(|(text, _)| String::from_utf8(text.clone()).unwrap())
    }

    /// Writes an object without a condition, as another program may.
    pub(crate) fn overwrite(&self, key: &str, text: &str) {
        let now = s3_time();
        self.0.lock().unwrap().objects.insert(key.to_owned(), (text.as_bytes().to_vec(), now));
    }

    /// Returns the client of one machine.
    pub(crate) fn client(&self) -> Arc<Client> {
        Arc::new(Client { bucket: self.clone(), frozen: Mutex::default() })
    }

    /// Returns the store of the stack `stack` on one machine.
    pub(crate) fn store(&self) -> S3<Client> {
        store(self.client())
    }

    fn below(&self, n: u64) -> u64 {
        self.0.lock().unwrap().rng.below(n)
    }

    async fn latency(&self) {
        sleep(Duration::from_millis(5 + self.below(60))).await;
    }
}

pub(crate) fn store(client: Arc<Client>) -> S3<Client> {
    S3::with_clock(client, "bucket", "", "stack".parse().unwrap(), clock)
}

/// A machine's client of the bucket.
#[derive(Debug)]
pub(crate) struct Client {
    bucket: FakeBucket,
    /// The time until which the machine stands still.
    frozen: Mutex<Option<Instant>>,
}

impl Client {
    /// Stops the requests of the machine for a while.
    pub(crate) fn freeze(&self, time: Duration) {
        *self.frozen.lock().unwrap() = Some(Instant::now() + time);
    }

    async fn thaw(&self) {
        let until = *self.frozen.lock().unwrap();
        if let Some(until) = until {
            sleep_until(until).await;
        }
    }

    /// Executes a request at some moment, and loses its answer or does not.
    async fn exchange<T>(
        &self,
        operation: &'static str,
        execute: impl FnOnce(&mut Inside) -> T + Send,
    ) -> Result<T, CloudError> {
        self.thaw().await;
        self.bucket.latency().await;
        let fails = |rate| self.bucket.below(100) < rate;
        let faults = self.bucket.0.lock().unwrap().faults;
        if fails(faults.fail) {
            return Err(lost(operation));
        }
        let answer = execute(&mut self.bucket.0.lock().unwrap());
        self.bucket.latency().await;
        self.thaw().await;
        if fails(faults.lose) { Err(lost(operation)) } else { Ok(answer) }
    }
}

fn lost(operation: &'static str) -> CloudError {
    let message = "no answer".to_owned();
    CloudError { operation, fault: Fault::Ambiguous, code: None, message, request_id: None }
}

fn s3_time() -> u64 {
    1_700_000_000 + clock().as_secs()
}

/// S3 computes the entity tag from the content.
fn etag(text: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

impl Objects for Client {
    async fn get(&self, key: &str) -> Result<Option<Object>, CloudError> {
        self.exchange("GetObject", |inside| {
            inside.requests.push(format!("GET {key}"));
            let (text, written) = inside.objects.get(key)?.clone();
            Some(Object { etag: etag(&text), text, written, now: s3_time() })
        })
        .await
    }

    async fn put(
        &self,
        key: &str,
        text: Vec<u8>,
        condition: Condition<'_>,
    ) -> Result<Option<String>, CloudError> {
        self.exchange("PutObject", |inside| {
            inside.requests.push(format!("PUT {key}"));
            let there = inside.objects.get(key).map(|(text, _)| etag(text));
            let holds = match condition {
                Condition::Absent => there.is_none(),
                Condition::Unchanged(etag) => there.as_deref() == Some(etag),
            };
            let etag = etag(&text);
            holds.then(|| {
                inside.objects.insert(key.to_owned(), (text, s3_time()));
                etag
            })
        })
        .await
    }
}

/// Returns the holder of a lease.
pub(crate) fn holder(id: &str) -> Holder {
    Holder {
        id: id.to_owned(),
        who: format!("{id}@host"),
        pid: 1,
        command: "apply".to_owned(),
        since: "2026-01-02T03:04:05Z".to_owned(),
    }
}
