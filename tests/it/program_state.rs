//! The program's `state` command, the lock, the journal, saved plans and interruptions.

use crate::program::{Stack, endpoint, proxy, stack_text};
use kmsctl::store::{Folder, Holder, Store};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Sends a request to the local AWS without kmsctl.
pub(crate) fn kms(region: &str, operation: &str, body: &Value) -> Value {
    let host = endpoint().strip_prefix("http://").unwrap();
    let credential = format!("Credential=local/20260101/{region}/kms/aws4_request");
    let body = body.to_string();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n\
         Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: TrentService.{operation}\r\n\
         Authorization: AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{operation}: {answer}");
    serde_json::from_str(body).unwrap_or(Value::Null)
}

/// Returns the ids of the customer managed keys of a Region that are not pending deletion.
pub(crate) fn keys(region: &str) -> Vec<String> {
    let listed = kms(region, "ListKeys", &json!({}));
    let ids = listed["Keys"].as_array().unwrap().iter();
    let ids = ids.map(|key| key["KeyId"].as_str().unwrap().to_owned());
    let alive = ids.filter(|id| {
        let about = &kms(region, "DescribeKey", &json!({ "KeyId": id }))["KeyMetadata"];
        about["KeyManager"] == "CUSTOMER" && about["KeyState"] != "PendingDeletion"
    });
    alive.collect()
}

/// Changes the description of the key behind an alias.
pub(crate) fn describe(region: &str, alias: &str, description: &str) {
    let key = &kms(region, "DescribeKey", &json!({ "KeyId": alias }))["KeyMetadata"]["KeyId"];
    kms(region, "UpdateKeyDescription", &json!({ "KeyId": key, "Description": description }));
}

impl Stack {
    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("state").join(name)
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    #[expect(clippy::disallowed_methods, reason = "a test damages the files of the state")]
    fn overwrite(&self, name: &str, text: &str) {
        std::fs::create_dir_all(self.folder.path().join("state")).unwrap();
        std::fs::write(self.file(name), text).unwrap();
    }

    /// Starts an apply with slow calls, and waits until `done` calls are done.
    pub(crate) fn apply_until(&mut self, done: usize) -> (Child, Child) {
        let journal = format!("{}.journal", self.name());
        let before = self.text(&journal);
        let (proxy, url) = proxy(&["--delay", "0.2"]);
        let direct = std::mem::replace(&mut self.endpoint, url);
        let mut command = self.command(&["--parallelism", "1", "apply", "--auto-approve"]);
        let apply = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        self.endpoint = direct;
        let come = (0..3_000).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            // The run first settles the open calls of an earlier run at the end of the journal.
            let now = self.text(&journal);
            let own = before.is_empty() || !now.starts_with(&before);
            own && now.matches(r#""event":"done""#).count() >= done
        });
        assert!(come, "the apply does not come to its call number {done}");
        (apply, proxy)
    }

    /// Returns the stack's name in the configuration.
    fn name(&self) -> String {
        let text = std::fs::read_to_string(&self.config).unwrap();
        text.lines().next().unwrap().strip_prefix("stack: ").unwrap().to_owned()
    }

    /// Applies the rest. Then `count` keys exist, and without the state the plan is empty.
    #[track_caller]
    fn finishes_with(&self, count: usize, region: &str) -> String {
        let said = self.expect(0, &["apply", "--auto-approve"]);
        assert_eq!(keys(region).len(), count);
        self.lose_state();
        let empty = self.expect(0, &["plan", "--detailed-exitcode"]);
        assert!(empty.contains("No changes."), "{empty}");
        said
    }
}

#[test]
fn records_are_listed_shown_moved_and_forgotten() {
    let region = "ca-central-1";
    let stack = Stack::of_text("stack: records\nkeys: {a: {aliases: [records]}}\n", region);
    let nothing = stack.run(&["state", "list"]);
    assert!(nothing.status.success() && nothing.stdout.is_empty());
    let said = String::from_utf8(nothing.stderr).unwrap();
    assert_eq!(said, "There are no records: `kmsctl apply` writes them.\n");
    stack.expect(0, &["apply", "--auto-approve"]);
    assert_eq!(stack.expect(0, &["state", "list"]), "key/a\nalias/records\n");
    let id = &keys(region)[0];
    let record: Value =
        serde_json::from_str(&stack.expect(0, &["state", "show", "key/a"])).unwrap();
    assert!(record["id"].as_str().unwrap().ends_with(id.as_str()), "{record}");
    let missing = stack.expect(1, &["state", "show", "key/b"]);
    assert!(missing.contains("no record of `key/b`"), "{missing}");
    stack.expect(64, &["state", "show", "b"]);
    stack.expect(1, &["state", "mv", "key/a", "alias/b"]);
    stack.expect(1, &["state", "mv", "key/b", "key/c"]);
    stack.expect(1, &["state", "forget", "key/b"]);

    // A key with a new name in the configuration is moved, not created again.
    stack.expect(0, &["state", "mv", "key/a", "key/b"]);
    stack.write("stack: records\nkeys: {b: {aliases: [records]}}\n");
    let plan = stack.expect(2, &["plan", "--detailed-exitcode"]);
    assert!(plan.contains("TagResource") && !plan.contains("CreateKey"), "{plan}");
    stack.expect(0, &["apply", "--auto-approve"]);
    stack.expect(0, &["plan", "--detailed-exitcode"]);
    assert_eq!(keys(region), std::slice::from_ref(id));

    // A forgotten key that is still declared is found by its tags.
    stack.expect(0, &["state", "forget", "key/b"]);
    assert_eq!(stack.expect(0, &["state", "list"]), "alias/records\n");
    stack.finishes_with(1, region);
}

/// A key with a new name in the configuration stays the same key, with the same grants.
#[test]
fn a_moved_key_keeps_its_grants_and_aliases() {
    let text = |key: &str| {
        let grants = "{g: {grantee: role/batch, operations: [Decrypt]}}";
        format!("stack: moved\nkeys: {{{key}: {{aliases: [moved], grants: {grants}}}}}\n")
    };
    let stack = Stack::of_text(&text("old"), "il-central-1");
    stack.expect(0, &["apply", "--auto-approve"]);
    stack.write(&text("new"));
    let said = stack.expect(0, &["state", "mv", "key/old", "key/new"]);
    assert!(said.contains("grant/old/g is now grant/new/g"), "{said}");
    let plan = stack.expect(2, &["plan", "--detailed-exitcode"]);
    for call in ["CreateKey", "CreateGrant", "RevokeGrant", "Alias", "ScheduleKeyDeletion"] {
        assert!(!plan.contains(&format!("calls: {call}")), "{call} in\n{plan}");
    }
    assert!(plan.contains("0 to create") && plan.contains("0 to delete"), "{plan}");
    stack.expect(0, &["apply", "--auto-approve"]);
    stack.expect(0, &["plan", "--detailed-exitcode"]);
    assert_eq!(keys("il-central-1").len(), 1);
}

#[tokio::test]
async fn a_lock_stops_every_other_run_and_its_holder_is_shown() {
    let region = "ca-west-1";
    let stack = Stack::of_text("stack: locked\nkeys: {a: {}}\n", region);
    let store = || Folder::new(stack.folder.path().join("state"), "locked".parse().unwrap());
    let (old, new) = (store(), store());
    let holder = Holder {
        id: "abcd1234".to_owned(),
        who: "ana@build-7".to_owned(),
        pid: 4711,
        command: "apply".to_owned(),
        since: "2026-01-02T03:04:05Z".to_owned(),
    };
    old.lock(&holder, &|_, _| {}).await.unwrap();
    let changes: [&[&str]; 4] = [
        &["apply", "--auto-approve"],
        &["destroy", "--auto-approve"],
        &["state", "forget", "key/a"],
        &["state", "mv", "key/a", "key/b"],
    ];
    for args in changes {
        let refused = stack.expect(5, args);
        let said = "ana@build-7 has been running `apply` (process 4711) since 2026-01-02T03:04:05Z";
        assert!(refused.contains(said) && refused.contains("state unlock abcd1234"), "{refused}");
    }
    assert!(keys(region).is_empty());
    // No plan is made while another run changes the resources.
    stack.expect(5, &["plan"]);
    stack.expect(5, &["drift"]);
    stack.expect(5, &["lint", "--live"]);
    stack.expect(5, &["access", "a"]);
    stack.expect(0, &["state", "list"]);
    let wrong = stack.expect(1, &["state", "unlock", "abcd"]);
    assert!(wrong.contains("there is no lock with the id `abcd`"), "{wrong}");
    stack.expect(5, &["apply", "--auto-approve"]);
    stack.expect(0, &["state", "unlock", "abcd1234"]);
    stack.expect(0, &["apply", "--auto-approve"]);
    // A process of this machine that holds a lock is alive.
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let here = Holder { who: format!("ana@{}", host.trim()), ..holder.clone() };
    let alive = store();
    alive.lock(&here, &|_, _| {}).await.unwrap();
    let refused = stack.expect(5, &["state", "unlock", "abcd1234"]);
    assert!(refused.contains("the lock is in use") && refused.contains("`kill 4711`"), "{refused}");
    alive.unlock().await;
    stack.expect(1, &["state", "unlock", "abcd1234"]);
    // The old lock is released while another run holds the new one.
    new.lock(&Holder { id: "new".to_owned(), ..holder }, &|_, _| {}).await.unwrap();
    old.unlock().await;
    stack.expect(5, &["apply", "--auto-approve"]);
    new.unlock().await;
    stack.finishes_with(1, region);
}

#[test]
fn only_a_target_and_its_dependencies_are_applied() {
    let region = "eu-north-1";
    let text = "stack: target\nkeys: {a: {aliases: [target-a]}, b: {aliases: [target-b]}}\n";
    let stack = Stack::of_text(text, region);
    let plan = stack.expect(2, &["plan", "--detailed-exitcode", "--target", "alias/*-a"]);
    assert!(plan.contains("alias/target-a") && plan.contains("key/a"), "{plan}");
    assert!(!plan.contains("+ key/b"), "{plan}");
    let text = plan.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.ends_with("leaves out 2 changes: key/b, alias/target-b."), "{plan}");
    stack.expect(0, &["apply", "--auto-approve", "--target", "alias/target-a"]);
    assert_eq!(stack.expect(0, &["state", "list"]), "key/a\nalias/target-a\n");
    let rest = stack.expect(2, &["plan", "--detailed-exitcode"]);
    assert!(rest.contains("Plan: 2 to create"), "{rest}");
    let none = stack.expect(0, &["plan", "--detailed-exitcode", "--target", "key/a"]);
    assert!(none.contains("No changes of the targets."), "{none}");
    stack.expect(0, &["apply", "--auto-approve", "--target", "key/b"]);
    stack.finishes_with(2, region);
}

/// The keys are found although they have no records.
#[test]
fn a_target_works_without_a_state() {
    let region = "me-central-1";
    let text = |more| format!("stack: again\nkeys: {{a: {{aliases: [again-a{more}]}}}}\n");
    let stack = Stack::of_text(&text(""), region);
    stack.expect(0, &["apply", "--auto-approve"]);
    stack.lose_state();
    stack.write(&text(", again-b"));
    stack.expect(0, &["apply", "--auto-approve", "--target", "alias/again-b"]);
    stack.finishes_with(1, region);
}

#[test]
fn drift_is_reported_without_iam_and_with_unreadable_resources() {
    let region = "mx-central-1";
    let role = "policy: {administrators: [role/SecurityAdmin], users: [role/App]}";
    let text = |d| {
        format!("stack: outside\nkeys: {{a: {{aliases: [outside], description: {d}, {role}}}}}\n")
    };
    let mut stack = Stack::of_text(&text("one"), region);
    stack.expect(0, &["apply", "--auto-approve"]);
    stack.write(&text("two").replace("role/App", "role/Admin"));
    let (mut proxy, url) = proxy(&[]);
    stack.endpoint = url;
    let told = stack.expect(0, &["plan", "--refresh-only", "--detailed-exitcode"]);
    assert!(!told.contains("description"), "{told}");
    let host = stack.endpoint.strip_prefix("http://").unwrap();
    let mut counts = TcpStream::connect(host).unwrap();
    counts.write_all(b"GET /counts HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    counts.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("DescribeKey") && !answer.contains("GetRole"), "{answer}");
    proxy.kill().unwrap();
    proxy.wait().unwrap();
    stack.endpoint = endpoint().to_owned();
    // The key belongs to another owner now.
    let id = &keys(region)[0];
    let tags = json!([{"TagKey": "kmsctl:stack", "TagValue": "other"}]);
    kms(region, "TagResource", &json!({"KeyId": id, "Tags": tags}));
    for args in [&["drift"][..], &["plan", "--refresh-only"]] {
        let refused = stack.expect(3, args);
        assert!(refused.contains("stack `other`"), "{refused}");
    }
}

#[test]
fn without_a_terminal_an_apply_needs_auto_approve() {
    let region = "eu-south-1";
    let stack = Stack::of_text("stack: asked\nkeys: {a: {protect: false}}\n", region);
    let refused = stack.expect(64, &["apply"]);
    assert!(refused.contains("--auto-approve"), "{refused}");
    assert!(keys(region).is_empty());
    stack.expect(0, &["apply", "--auto-approve"]);
    stack.expect(0, &["apply"]);
    stack.expect(64, &["destroy"]);
    assert_eq!(keys(region).len(), 1);
}

#[test]
fn a_truncated_outcome_in_the_journal_is_settled_again() {
    let region = "eu-south-2";
    let mut stack = Stack::of_text(&stack_text("torn", 2), region);
    let (mut apply, mut proxy) = stack.apply_until(1);
    apply.kill().unwrap();
    apply.wait().unwrap();
    proxy.kill().unwrap();
    proxy.wait().unwrap();
    let journal = stack.text("torn.journal");
    let (before, after) = journal.split_once(r#"{"event":"done""#).unwrap();
    assert!(after.contains(":key/"), "{journal}");
    stack.overwrite("torn.journal", &format!(r#"{before}{{"event":"done","addr"#));
    let said = stack.finishes_with(2, region);
    assert!(said.contains("CreateKey was executed"), "{said}");
}

/// The journal keeps the call open, so that the next run finds out what AWS made of it.
#[test]
fn an_interrupted_apply_does_not_wait_long_for_an_answer() {
    let region = "ap-southeast-4";
    let mut stack = Stack::of_text("stack: stalled\nkeys: {a: {}}\n", region);
    let (mut proxy, url) = proxy(&["--delay", "60"]);
    stack.endpoint = url;
    let mut command = stack.command(&["apply", "--auto-approve"]);
    let apply = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let is_sent = || stack.text("stalled.journal").contains("CreateKey");
    let mut checks = 0..3_000;
    assert!(checks.any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        is_sent()
    }));
    let began = Instant::now();
    assert!(Command::new("kill").arg(apply.id().to_string()).status().unwrap().success());
    let output = apply.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}: {said}", began.elapsed());
    assert!(said.contains("Waiting up to 5 s for the answer to key/a (CreateKey)"), "{said}");
    proxy.kill().unwrap();
    proxy.wait().unwrap();
    let journal = stack.text("stalled.journal");
    assert!(journal.contains("\"intended\"") && !journal.contains("\"done\""), "{journal}");
}

#[test]
fn damaged_files_are_reported_with_their_lines() {
    let stack = Stack::of_text("stack: damaged\nkeys: {a: {}}\n", "eu-west-3");
    let run = r#"{"event":"run","lineage":"x","serial":0}"#;
    stack.overwrite("damaged.journal", &format!("{run}\n#!garbage\n{run}\n"));
    for args in [["plan", "-v"], ["apply", "--auto-approve"], ["state", "list"]] {
        let report = stack.expect(1, &args);
        assert!(report.contains("damaged.journal: line 2 of the journal"), "{report}");
        assert!(report.contains("help: "), "{report}");
    }
    stack.overwrite("damaged.journal", "");
    for (text, said) in [
        ("{", "damaged.json: the state is damaged"),
        ("{}", "damaged.json: the state is damaged"),
        (r#"{"version": 3}"#, "the state has format 3, and this program reads up to format 2"),
    ] {
        stack.overwrite("damaged.json", text);
        let report = stack.expect(1, &["plan"]);
        assert!(report.contains(said), "{report}");
    }
}

#[test]
fn a_saved_plan_is_refused_once_aws_has_changed() {
    let region = "ap-southeast-1";
    let text =
        |d: &str| format!("stack: moved\nkeys: {{a: {{aliases: [moved], description: {d}}}}}\n");
    let stack = Stack::of_text(&text("one"), region);
    stack.expect(0, &["apply", "--auto-approve"]);
    stack.write(&text("two"));
    let plan = stack.folder.path().join("plan.json");
    let plan = plan.to_str().unwrap();
    stack.expect(0, &["plan", "--out", plan]);
    describe(region, "alias/moved", "three");
    let stale = stack.expect(5, &["apply", plan]);
    assert!(stale.contains("AWS has changed") && stale.contains("stale"), "{stale}");
    let key = kms(region, "DescribeKey", &json!({ "KeyId": "alias/moved" }));
    assert_eq!(key["KeyMetadata"]["Description"], "three");
    describe(region, "alias/moved", "one");
    stack.expect(0, &["apply", plan]);
    stack.finishes_with(1, region);
}

#[test]
fn a_saved_plan_of_a_target_applies_only_that_part() {
    let region = "ap-southeast-3";
    let stack = Stack::of_text("stack: part\nkeys: {a: {}, b: {}}\n", region);
    let plan = stack.folder.path().join("plan.json");
    let plan = plan.to_str().unwrap();
    stack.expect(0, &["plan", "--out", plan, "--target", "key/a"]);
    stack.expect(0, &["apply", plan]);
    assert_eq!(stack.expect(0, &["state", "list"]), "key/a\n");
    // A second plan of the same target has no changes.
    stack.expect(0, &["plan", "--out", plan, "--target", "key/a"]);
    stack.expect(0, &["apply", plan]);
    assert_eq!(keys(region).len(), 1);
    stack.finishes_with(2, region);
}

#[test]
fn an_interrupted_apply_stops_at_a_safe_point_and_reports_the_rest() {
    let region = "ap-southeast-2";
    let mut stack = Stack::of_text(&stack_text("interrupted", 4), region);
    let (apply, mut proxy) = stack.apply_until(3);
    let kill = Command::new("kill").args(["-INT", &apply.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let output = apply.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("of 12 changes. Not applied: "), "{said}");
    assert!(said.contains("Run `kmsctl apply` again"), "{said}");
    proxy.kill().unwrap();
    proxy.wait().unwrap();
    // The outcome of every sent call is in the journal, so no call must be settled.
    let again = stack.finishes_with(4, region);
    assert!(!again.contains("An earlier run was interrupted"), "{again}");
}
