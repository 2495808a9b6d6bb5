//! The program with the state in S3. All runs of a test use one proxy, which serializes the writes.

use crate::program::{Stack, endpoint, proxy, stack_text};
use crate::program_state::{keys, kms};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Once;
use std::time::{Duration, Instant};

const BUCKET: &str = "states";

/// Sends a request without a body, and returns the status and the body of the answer.
fn http(host: &str, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(host.strip_prefix("http://").unwrap()).unwrap();
    let scope = "Credential=local/20260101/us-east-1/s3/aws4_request";
    let text = format!(
        "{request} HTTP/1.1\r\nHost: local\r\nConnection: close\r\nContent-Length: 0\r\n\
         Authorization: AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0\r\n\r\n"
    );
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

/// Returns the number of keys of a stack. Other tests may use the same Region.
fn keys_of(stack: &str, region: &str) -> usize {
    let is_ours = |id: &&String| {
        let tags = &kms(region, "ListResourceTags", &json!({ "KeyId": id }))["Tags"];
        let tags = tags.as_array().unwrap().iter();
        tags.clone().any(|tag| tag["TagKey"] == "kmsctl:stack" && tag["TagValue"] == stack)
    };
    keys(region).iter().filter(is_ours).count()
}

/// A proxy, and the stacks that use it.
struct Wire {
    proxy: Child,
    url: String,
}

impl Wire {
    fn new(faults: &[&str]) -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let (status, body) = http(endpoint(), &format!("PUT /{BUCKET}"));
            assert!(status.contains("200"), "{status} {body}");
        });
        let (proxy, url) = proxy(faults);
        Self { proxy, url }
    }

    /// Returns a machine with an empty disk that manages the stack `name`.
    fn machine(&self, name: &str, keys: usize, region: &'static str) -> Stack {
        let mut stack = Stack::of_text(&stack_text(name, keys), region);
        stack.state = format!("s3://{BUCKET}/team/{name}");
        stack.endpoint.clone_from(&self.url);
        stack
    }

    /// Returns the number of requests of each operation so far.
    fn counts(&self) -> BTreeMap<String, u64> {
        serde_json::from_str(&http(&self.url, "GET /counts").1).unwrap()
    }

    /// Returns the number of requests that change something outside of S3.
    fn changes(&self) -> u64 {
        let reads = ["Get", "List", "Describe", "PUT ", "GET ", "HEAD "];
        let counts = self.counts();
        let changes = counts.iter().filter(|(name, _)| !reads.iter().any(|r| name.starts_with(r)));
        changes.map(|(_, count)| count).sum()
    }

    /// Returns the requests to the state's bucket so far, such as `PUT lease`.
    fn requests(&self) -> BTreeMap<String, u64> {
        let mut requests = BTreeMap::new();
        for (name, count) in self.counts() {
            if let Some((method, path)) = name.split_once(&format!(" /{BUCKET}/")) {
                let extension = path.rsplit(['.', '/']).next().unwrap();
                *requests.entry(format!("{method} {extension}")).or_default() += count;
            }
        }
        requests
    }

    /// Waits until that many further changes were requested.
    fn wait_for_changes(&self, since: u64, more: u64) {
        let come = (0..3_000).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            self.changes() >= since + more
        });
        assert!(come, "{:?}", self.counts());
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        drop(self.proxy.kill());
        drop(self.proxy.wait());
    }
}

fn spawn(stack: &Stack, args: &[&str]) -> Child {
    stack.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

const SLOWLY: [&str; 4] = ["--parallelism", "1", "apply", "--auto-approve"];

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned()
}

fn signal(process: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &process.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn the_state_is_kept_in_s3() {
    let region = "us-west-2";
    let wire = Wire::new(&[]);
    let stack = wire.machine("remote", 2, region);
    stack.expect(2, &["plan", "--detailed-exitcode"]);
    // A plan only reads.
    assert_eq!(wire.requests(), [("GET lease".to_owned(), 1), ("GET json".to_owned(), 1)].into());
    stack.expect(0, &["apply", "--auto-approve"]);
    assert!(!stack.folder.path().join("state").exists());
    let next = wire.machine("remote", 2, region);
    assert!(next.expect(0, &["state", "list"]).starts_with("key/k0\nkey/k1\n"));
    next.expect(0, &["plan", "--detailed-exitcode"]);
    next.expect(0, &["drift"]);
    next.expect(0, &["state", "mv", "key/k0", "key/first"]);
    next.write(&stack_text("remote", 2).replace("k0:", "first:"));
    next.expect(0, &["apply", "--auto-approve"]);
    // The record shows another machine what was removed from the configuration.
    let third = wire.machine("remote", 2, region);
    let grants = ", grants: {batch: {grantee: role/batch, operations: [Decrypt]}}";
    third.write(&stack_text("remote", 2).replace("k0:", "first:").replacen(grants, "", 1));
    let plan = third.expect(0, &["plan"]);
    assert!(plan.contains("RevokeGrant") && plan.contains("1 to delete"), "{plan}");
    third.expect(0, &["state", "forget", "key/first"]);
    assert!(!third.expect(0, &["state", "list"]).contains("key/first"));
    let refused = third.expect(1, &["state", "unlock", "abc"]);
    assert!(refused.contains("a lease in S3 ends by itself"), "{refused}");
    assert_eq!(keys_of("remote", region), 2);
}

#[test]
fn the_place_of_the_state_comes_from_the_command_line_or_the_environment() {
    let wire = Wire::new(&[]);
    let mut stack = wire.machine("place", 1, "us-west-2");
    let s3 = std::mem::replace(&mut stack.state, "gs://bucket/prefix".to_owned());
    let wrong = stack.expect(64, &["plan"]);
    assert!(wrong.contains("neither a folder nor in S3") && wrong.contains("s3://"), "{wrong}");
    stack.state = "s3://no-such-bucket/x".to_owned();
    let missing = stack.expect(1, &["state", "list"]);
    assert!(missing.contains("s3://no-such-bucket/x/place.json: GetObject: "), "{missing}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_kmsctl"));
    for (name, value) in stack.command(&[]).get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    let output = command
        .env("KMSCTL_STATE", &s3)
        .args(["--region", "us-west-2", "state", "list", "-f"])
        .arg(&stack.config)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(wire.requests().get("GET json"), Some(&1));
    stack.state = s3;
    stack.write("stack: place\nstate: s3://bucket/prefix\n");
    let refused = stack.expect(1, &["validate"]);
    assert!(refused.contains("the configuration cannot say where its state is"), "{refused}");
}

/// Counts the requests to S3 of an apply, without renewals.
fn requests_of(keys: usize, name: &str) -> BTreeMap<String, u64> {
    let wire = Wire::new(&[]);
    wire.machine(name, keys, "ap-northeast-1").expect(0, &["apply", "--auto-approve"]);
    let mut requests = wire.requests();
    // Renewals depend on the time that the run takes: the first write and the last are no renewals.
    assert!(requests["PUT lease"] >= 2, "{requests:?}");
    requests.insert("PUT lease".to_owned(), 2);
    requests
}

#[test]
fn an_apply_sends_six_requests_to_s3_whatever_its_size() {
    let [gets, puts] = [("GET", [1, 1]), ("PUT", [2, 2])].map(|(method, [lease, json])| {
        [(format!("{method} lease"), lease), (format!("{method} json"), json)]
    });
    let expected: BTreeMap<String, u64> = gets.into_iter().chain(puts).collect();
    assert_eq!(requests_of(1, "small"), expected);
    assert_eq!(requests_of(12, "large"), expected);
}

#[test]
fn two_runs_at_once_create_nothing_twice() {
    let wire = Wire::new(&[]);
    for n in 0..4 {
        let name = format!("race-{n}");
        let machines = [(); 2].map(|()| wire.machine(&name, 3, "ap-northeast-2"));
        let runs = machines.each_ref().map(|stack| spawn(stack, &["apply", "--auto-approve"]));
        for run in runs {
            let output = run.wait_with_output().unwrap();
            let code = output.status.code();
            assert!(matches!(code, Some(0 | 5)), "{}", said(&output));
        }
        machines[0].expect(0, &["plan", "--detailed-exitcode"]);
        assert_eq!(keys_of(&name, "ap-northeast-2"), 3);
    }
}

/// Kills a run at its call number `calls`, and continues on another machine.
fn killed_at(calls: u64, name: &str, region: &'static str) {
    let wire = Wire::new(&["--delay", "0.2"]);
    let dead = wire.machine(name, 3, region);
    let mut run = spawn(&dead, &SLOWLY);
    wire.wait_for_changes(0, calls);
    run.kill().unwrap();
    run.wait().unwrap();
    drop(dead);
    let (next, begun) = (wire.machine(name, 3, region), Instant::now());
    let told = next.expect(0, &["apply", "--auto-approve"]);
    assert!(told.contains("Waiting for up to"), "{told}");
    // Its nonce shows which run created a key, although the disk of that run is gone.
    assert!(told.contains("key/k2: CreateKey was executed"), "{told}");
    // At most the lease, and the run itself.
    assert!(begun.elapsed() < Duration::from_secs(60 + 30), "{:?}", begun.elapsed());
    next.expect(0, &["plan", "--detailed-exitcode"]);
    assert_eq!(keys_of(name, region), 3);
    // Without the state, a key or grant that was created twice would be found by its tags or its name.
    let mut without = wire.machine(name, 3, region);
    without.state = without.folder.path().join("state").to_str().unwrap().to_owned();
    let empty = without.expect(0, &["plan", "--detailed-exitcode"]);
    assert!(empty.contains("No changes."), "{empty}");
}

#[test]
fn a_killed_run_is_continued_on_another_machine() {
    std::thread::scope(|scope| {
        scope.spawn(|| killed_at(1, "killed-at-1", "eu-central-2"));
        scope.spawn(|| killed_at(3, "killed-at-3", "ap-south-2"));
        scope.spawn(|| killed_at(7, "killed-at-7", "ap-southeast-4"));
    });
}

#[test]
fn a_run_that_stood_still_until_its_lease_ended_sends_nothing() {
    let region = "ap-northeast-3";
    let wire = Wire::new(&["--delay", "0.2"]);
    let first = wire.machine("stopped", 4, region);
    let run = spawn(&first, &SLOWLY);
    wire.wait_for_changes(0, 4);
    signal(&run, "-STOP");
    let second = wire.machine("stopped", 4, region);
    second.expect(0, &["apply", "--auto-approve"]);
    second.expect(0, &["plan", "--detailed-exitcode"]);
    let before = wire.counts();
    signal(&run, "-CONT");
    let output = run.wait_with_output().unwrap();
    let told = said(&output);
    assert_eq!(output.status.code(), Some(5), "{told}");
    assert!(told.contains("this run no longer holds the lease on the state"), "{told}");
    let mut after = wire.counts();
    let is_question = |name: &String| name.as_str() == "GET /counts";
    after.retain(|name, _| !is_question(name));
    assert_eq!(after, before.into_iter().filter(|(name, _)| !is_question(name)).collect());
    assert_eq!(keys_of("stopped", region), 4);
    second.expect(0, &["plan", "--detailed-exitcode"]);
    let state: Value = serde_json::from_str(
        &http(endpoint(), &format!("GET /{BUCKET}/team/stopped/stopped.json")).1,
    )
    .unwrap();
    assert!(state.get("journal").is_none(), "{state:#}");
}

/// Sends a signal to a run that waits, and checks that it ends soon.
fn ends_soon(run: Child) {
    std::thread::sleep(Duration::from_secs(3));
    let began = Instant::now();
    signal(&run, "-TERM");
    let output = run.wait_with_output().unwrap();
    let told = said(&output);
    assert_eq!(output.status.code(), Some(130), "{told}");
    assert!(told.contains("interrupted: no call was sent"), "{told}");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}: {told}", began.elapsed());
}

#[test]
fn a_run_that_waits_for_s3_or_for_a_lease_ends_soon_after_a_signal() {
    let region = "eu-central-2";
    let stalled = Wire::new(&["--stall", "60"]);
    let machine = stalled.machine("patient", 1, region);
    ends_soon(spawn(&machine, &SLOWLY));
    let wire = Wire::new(&["--delay", "0.2"]);
    let [one, other] = [(); 2].map(|()| wire.machine("patient", 4, region));
    let mut first = spawn(&one, &SLOWLY);
    wire.wait_for_changes(0, 2);
    signal(&first, "-STOP");
    ends_soon(spawn(&other, &SLOWLY));
    signal(&first, "-KILL");
    first.wait().unwrap();
}
