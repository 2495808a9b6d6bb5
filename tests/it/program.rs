//! The program with a local AWS over the wire: kills, faults and saved plans.
//!
//! The local AWS is moto's server. `tests/moto/serve.sh` installs it if necessary and starts it
//! once for all tests. It is less strict than AWS, so these tests only prove that the requests are
//! well formed and that the flow works. Known differences that concern these tests:
//!
//! - It answers 500 to a grant on a key of another account. The example with such a grant is planned here, and applied on
//!   the stand-in (`examples`).
//! - It does not store the rotation period, and always returns 365 days. Only 365 days are used here.
//! - It does not allow the same alias name in two Regions. Each test uses its own names.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

pub(crate) fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the address of the local AWS. The server ends with this process, because it reads from a
/// pipe of it.
pub(crate) fn endpoint() -> &'static str {
    static SERVER: OnceLock<(Child, String)> = OnceLock::new();
    let (_, url) = SERVER.get_or_init(|| {
        let mut child = Command::new(top().join("tests/moto/serve.sh"))
            .args(["sh", "-c", "echo $AWS_ENDPOINT_URL; cat > /dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        assert!(line.starts_with("http://127.0.0.1:"), "the local AWS did not start: {line:?}");
        (child, line.trim().to_owned())
    });
    url
}

/// Starts a proxy in front of the local AWS that injects faults. It ends with this process, like
/// the server.
pub(crate) fn proxy(faults: &[&str]) -> (Child, String) {
    let mut child = Command::new("python3")
        .arg(top().join("tests/moto/proxy.py"))
        .arg(endpoint())
        .args(faults)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (child, line.trim().to_owned())
}

pub(crate) struct Stack {
    pub(crate) config: PathBuf,
    region: &'static str,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) endpoint: String,
    /// The place of the state.
    pub(crate) state: String,
}

impl Stack {
    pub(crate) fn new(config: impl Into<PathBuf>, region: &'static str) -> Self {
        let (folder, endpoint) = (tempfile::tempdir().unwrap(), endpoint().to_owned());
        let state = folder.path().join("state").to_str().unwrap().to_owned();
        Self { config: config.into(), region, folder, endpoint, state }
    }

    pub(crate) fn of_text(text: &str, region: &'static str) -> Self {
        let mut stack = Self::new("", region);
        stack.config = stack.folder.path().join("kmsctl.yaml");
        stack.write(text);
        stack
    }

    #[expect(clippy::disallowed_methods, reason = "a test writes its own files")]
    pub(crate) fn write(&self, text: &str) {
        std::fs::write(&self.config, text).unwrap();
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kmsctl"));
        command
            .env_clear()
            .env("KMSCTL_SETTLE_TIME", "0")
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .args(["--region", self.region, "--state"])
            .arg(&self.state)
            .arg("-f")
            .arg(&self.config)
            .args(args)
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs a command, and checks its exit code.
    #[track_caller]
    pub(crate) fn expect(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let all = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?} says:\n{all}");
        all
    }

    pub(crate) fn lose_state(&self) {
        std::fs::remove_dir_all(self.folder.path().join("state")).unwrap();
    }
}

pub(crate) fn stack_text(name: &str, keys: usize) -> String {
    let key = |n: usize| {
        let grants = "{batch: {grantee: role/batch, operations: [Decrypt]}}";
        let rest = format!("rotation: {{period_days: 365}}, grants: {grants}");
        format!("  k{n}: {{aliases: [{name}-{n}], {rest}}}\n")
    };
    let keys: Vec<String> = (0..keys).map(key).collect();
    format!("stack: {name}\nkeys:\n{}", keys.concat())
}

/// The apply is killed repeatedly after some calls. In the end every resource exists once.
#[test]
fn a_killed_apply_is_continued() {
    let mut stack = Stack::of_text(&stack_text("killed", 6), "us-east-1");
    let mut proxies = Vec::new();
    for calls in [1, 3, 2] {
        let (mut apply, proxy) = stack.apply_until(calls);
        apply.kill().unwrap();
        apply.wait().unwrap();
        // Requests that were already sent still arrive.
        proxies.push(proxy);
    }
    stack.expect(0, &["apply", "--auto-approve"]);
    stack.expect(0, &["plan", "--detailed-exitcode"]);
    stack.lose_state();
    // A duplicate key or grant would be found now, by its tags or its name.
    let empty = stack.expect(0, &["plan", "--detailed-exitcode"]);
    assert!(empty.contains("No changes."), "{empty}");
    for mut proxy in proxies {
        proxy.kill().unwrap();
        proxy.wait().unwrap();
    }
}

/// Despite the faults, apply finishes in one run, and every resource exists once.
fn finishes_in_spite_of(fault: &str, name: &str, keys: usize, region: &'static str) {
    let mut stack = Stack::of_text(&stack_text(name, keys), region);
    let (mut proxy, url) = proxy(&[fault, "0.3", "--seed", "7"]);
    let direct = std::mem::replace(&mut stack.endpoint, url);
    stack.expect(0, &["apply", "--auto-approve"]);
    stack.endpoint = direct;
    stack.expect(0, &["plan", "--detailed-exitcode"]);
    stack.lose_state();
    // A duplicate key would be found now by its tags, and a duplicate grant by its name.
    let empty = stack.expect(0, &["plan", "--detailed-exitcode"]);
    assert!(empty.contains("No changes."), "{empty}");
    proxy.kill().unwrap();
    proxy.wait().unwrap();
}

/// The answers are lost after AWS has executed the calls.
#[test]
fn lost_answers_create_no_duplicates() {
    finishes_in_spite_of("--lose", "lost", 6, "af-south-1");
}

#[test]
fn throttled_calls_create_no_duplicates() {
    finishes_in_spite_of("--throttle", "throttled", 6, "ap-south-1");
}

/// After a 500 a key may exist or not. kmsctl searches for it for 15 seconds before it creates one.
#[test]
fn calls_answered_with_500_create_no_duplicates() {
    finishes_in_spite_of("--fail", "failed", 3, "ap-east-1");
}

#[test]
fn a_saved_plan_is_applied_exactly_and_refused_once_it_is_stale() {
    let stack = Stack::of_text("stack: saved\nkeys: {a: {description: one}}\n", "us-east-2");
    let plan = stack.folder.path().join("plan.json");
    let plan = plan.to_str().unwrap();
    let said = stack.expect(0, &["plan", "--out", plan]);
    let digest = said.split("--digest ").nth(1).unwrap().split('`').next().unwrap();
    let said = stack.expect(0, &["show", plan]);
    assert!(said.contains("This is what the file says"), "{said}");
    let said = stack.expect(0, &["show", plan, "--digest", digest]);
    assert!(!said.contains("This is what the file says"), "{said}");
    stack.expect(5, &["show", plan, "--digest", "00"]);
    // A saved plan is shown as it was made, with who made it.
    for format in ["text", "markdown", "json"] {
        let text = |args: &[&str]| String::from_utf8(stack.run(args).stdout).unwrap();
        let made = text(&["plan", "--out", plan, "--format", format]);
        assert!(format == "json" || made.contains("user/moto"), "{made}");
        assert_eq!(made, text(&["show", plan, "--format", format]));
    }
    stack.expect(0, &["apply", plan]);
    let stale = stack.expect(5, &["apply", plan]);
    assert!(stale.contains("stale"), "{stale}");
}

/// Whoever can change the file could otherwise change what is applied, or hide it.
#[test]
fn a_saved_plan_is_applied_only_as_it_was_shown() {
    let text = "stack: shown\nkeys: {a: {policy: {users: [role/App]}}}\n";
    let stack = Stack::of_text(text, "us-east-2");
    let path = stack.folder.path().join("plan.json");
    let plan = path.to_str().unwrap();
    let said = stack.run(&["plan", "--out", plan]);
    let said = String::from_utf8(said.stderr).unwrap();
    let digest = said.split("--digest ").nth(1).and_then(|rest| rest.get(..64)).unwrap();
    let saved = std::fs::read_to_string(&path).unwrap();
    let whole: serde_json::Value = serde_json::from_str(&saved).unwrap();
    type Change = fn(&mut serde_json::Value);
    let changes: [(&str, i32, Change); 4] = [
        ("access", 5, |plan| plan["plan"]["access"] = serde_json::json!([])),
        ("findings", 5, |plan| plan["plan"]["findings"] = serde_json::json!([])),
        ("a step", 5, |plan| plan["plan"]["steps"] = serde_json::json!([])),
        ("an unknown field", 1, |plan| plan["plan"]["more"] = serde_json::json!(1)),
    ];
    for (what, code, change) in changes {
        let mut changed = whole.clone();
        change(&mut changed);
        kmsctl::store::write_atomic(&path, changed.to_string().as_bytes()).unwrap();
        let output = stack.run(&["apply", plan]);
        assert_eq!(output.status.code(), Some(code), "{what}: {output:?}");
        stack.expect(5, &["apply", plan, "--digest", digest]);
    }
    kmsctl::store::write_atomic(&path, saved.as_bytes()).unwrap();
    stack.expect(0, &["apply", plan, "--digest", digest]);
}

/// The output of a command that could not be written is no success; a closed pipe is none of its errors.
#[test]
fn an_output_that_cannot_be_written_is_an_error() {
    let stack = Stack::of_text("stack: full\n", "us-east-2");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = stack.command(&["schema"]).stdout(full).status().unwrap();
    assert_eq!(status.code(), Some(1));
    let mut closed = stack.command(&["schema"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(closed.stdout.take());
    assert_eq!(closed.wait().unwrap().code(), Some(0));
}

#[test]
fn a_saved_plan_of_another_format_is_refused() {
    let text = "stack: base\nkeys: {a: {policy: {users: [role/App]}}}\n";
    let stack = Stack::of_text(text, "us-east-2");
    let plan = stack.folder.path().join("plan.json");
    stack.expect(0, &["plan", "--out", plan.to_str().unwrap()]);
    stack.write(&format!("{text}gates: {{base: plan.json}}\n"));
    stack.expect(0, &["validate"]);
    let saved = std::fs::read_to_string(&plan).unwrap();
    let newer = saved.replacen(r#""version":"8""#, r#""version":"9""#, 1);
    kmsctl::store::write_atomic(&plan, newer.as_bytes()).unwrap();
    let refused = stack.expect(1, &["validate"]);
    assert!(refused.contains("its format is 9"), "{refused}");
}

#[test]
fn a_key_is_deleted_only_after_its_protection_is_removed() {
    let stack = Stack::of_text("stack: gone\nkeys: {a: {aliases: [gone]}}\n", "us-west-1");
    let said = stack.expect(0, &["apply", "--auto-approve"]);
    assert!(said.contains("Created:\n  key/a: arn:aws:kms:us-west-1:"), "{said}");
    let said = stack.expect(0, &["drift"]);
    let place = "Stack gone in account 123456789012, us-west-1, as arn:aws:";
    assert!(said.starts_with(place) && said.contains("\nNo drift.\n"), "{said}");
    stack.write("stack: gone\n");
    let refused = stack.expect(3, &["plan"]);
    assert!(refused.contains("protected"), "{refused}");
    stack.expect(3, &["apply", "--auto-approve"]);
    stack.write("stack: gone\nkeys: {a: {aliases: [gone], protect: false}}\n");
    stack.expect(0, &["apply", "--auto-approve"]);
    let plan = stack.expect(0, &["destroy", "--auto-approve"]);
    assert!(plan.contains("schedules the deletion"), "{plan}");
    let arn = "\n    arn: arn:aws:kms:us-west-1:123456789012:key/";
    assert!(plan.contains(arn) && plan.contains("! requests that name the alias fail"), "{plan}");
    let cancel = "at the earliest. Until then `kmsctl apply` cancels the deletion of a key that the configuration declares.";
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(&plan).contains("Keys that KMS deletes: key/a on 20"), "{plan}");
    assert!(words(&plan).contains(cancel), "{plan}");
    // kmsctl itself has scheduled the deletion: that is no change by somebody else.
    let again = stack.expect(0, &["destroy", "--auto-approve"]);
    assert!(!again.contains("Changed outside"), "{again}");
    assert!(
        words(&again).contains("Nothing is left to delete. Keys that KMS deletes: key/a on 20")
    );
    let drift = words(&stack.expect(2, &["drift"]));
    assert!(!drift.contains("Changed outside") && !drift.contains("no record"), "{drift}");
    let scheduled = "key/a ! its deletion is scheduled for 20";
    assert!(drift.contains(scheduled) && drift.contains("`kmsctl apply` cancels"), "{drift}");
    // If the key is declared again, its deletion is cancelled instead of a new key being created.
    let back = stack.expect(2, &["plan", "--detailed-exitcode"]);
    assert!(back.contains("CancelKeyDeletion, EnableKey"), "{back}");
    stack.expect(0, &["apply", "--auto-approve"]);
    stack.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn wrong_use_and_missing_files_have_their_exit_codes() {
    let stack = Stack::of_text("stack: use\nkeys: {a: {}}\n", "sa-east-1");
    stack.expect(64, &["plam"]);
    stack.expect(64, &["apply"]);
    stack.expect(0, &["--help"]);
    stack.expect(0, &["schema"]);
    let bad = Stack::of_text("stack: use\nkeyz: {}\n", "sa-east-1");
    let report = bad.expect(1, &["validate"]);
    assert!(report.contains("kmsctl.yaml:2:1") && report.contains("keys"), "{report}");
}

/// Answers one request as STS does for an account, and returns the request.
fn one_request(run: impl FnOnce(&str) -> std::process::Output) -> (String, std::process::Output) {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        listener.set_nonblocking(false).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = vec![0; 4096];
        let length = stream.read(&mut request).unwrap();
        let body = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
        let head = format!(
            "HTTP/1.1 403 Forbidden\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    let output = run(&url);
    // A run that sent nothing must not leave the server waiting.
    drop(std::net::TcpStream::connect(url.trim_start_matches("http://")));
    (server.join().unwrap(), output)
}

#[test]
fn a_profile_that_is_named_takes_precedence_over_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("kmsctl.yaml"),
        "stack: s\nregion: eu-west-1\nkeys: {k: {}}\n",
    )
    .unwrap();
    let credentials = folder.path().join("credentials");
    let text = "[dev]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = s\n";
    std::fs::write(&credentials, text).unwrap();
    let run = |profile: Option<&str>, url: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kmsctl"));
        command.current_dir(folder.path()).arg("plan");
        command.args(profile.into_iter().flat_map(|profile| ["--profile", profile]));
        command.env("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT").env("AWS_SECRET_ACCESS_KEY", "s");
        command
            .env("AWS_SHARED_CREDENTIALS_FILE", &credentials)
            .env("AWS_CONFIG_FILE", "/dev/null");
        command.env("AWS_ENDPOINT_URL", url).env("AWS_EC2_METADATA_DISABLED", "true");
        command.output().unwrap()
    };
    for (profile, id) in [(None, "AKIAENVIRONMENT"), (Some("dev"), "AKIAPROFILE")] {
        let (request, _) = one_request(|url| run(profile, url));
        assert!(request.contains(&format!("Credential={id}/")), "{profile:?}: {request}");
    }
    let (request, output) = one_request(|url| run(Some("nope"), url));
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(request, "", "{error}");
    assert!(!output.status.success() && error.contains("`nope`"), "{error}");
}
