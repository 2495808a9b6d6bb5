//! Benchmarks of the pure modules: load, plan and render 10,000 keys, each with an alias, a policy
//! and a grant. Run `cargo bench`, and compare the ratios within one run, not the times of
//! different machines.

use kmsctl::config::{Input, Surroundings, load};
use kmsctl::desired::Desired;
use kmsctl::kind::Spec;
use kmsctl::live::{Live, Observed};
use kmsctl::plan::{Plan, Survey, draft};
use kmsctl::policy::Document;
use kmsctl::policy::eval::{
    Context, ContextValue, Principal, Request, RequestedAction, TargetKey, decide,
};
use kmsctl::render::{Caller, Style, human};
use kmsctl::state::State;
use std::fmt::Write;

const KEYS: usize = 10_000;

fn main() {
    divan::main();
}

#[expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]
fn configuration() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    // Each file is smaller than the largest file that kmsctl reads.
    for (file, numbers) in (0..KEYS).collect::<Vec<_>>().chunks(2_000).enumerate() {
        let mut text = String::from("stack: bench\nkeys:\n");
        for n in numbers {
            write!(
                text,
                "  k{n}:\n    description: Key number {n}\n    aliases: [bench/{n}]\n    policy: \
                 {{administrators: [role/Admin], users: [role/App{n}]}}\n    grants: {{batch: \
                 {{grantee: role/Batch, operations: [Decrypt, GenerateDataKey]}}}}\n"
            )
            .unwrap();
        }
        let path = folder.path().join(format!("{file}.yaml"));
        kmsctl::store::write_atomic(&path, text.as_bytes()).unwrap();
    }
    folder
}

#[expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]
fn desired(folder: &tempfile::TempDir) -> Desired {
    let input = Input { paths: vec![folder.path().to_owned()], ..Input::default() };
    let (mut loaded, _) = load(&input);
    let (account, region) = ("111122223333".parse().unwrap(), "eu-west-1".parse().unwrap());
    loaded.resolve(&Surroundings { account, region }).0.unwrap()
}

fn state(desired: &Desired) -> State {
    State::begin(desired.stack.clone(), "bench".to_owned())
}

/// Returns the live form of the declaration. The description of every tenth key differs.
fn live(desired: &Desired) -> Live {
    let mut live = Live::default();
    for (n, (address, declared)) in desired.resources.iter().enumerate() {
        let mut spec = declared.spec.clone();
        if let Spec::Key(key) = &mut spec
            && n % 10 == 0
        {
            key.description = Some("something else".to_owned());
        }
        let (place, spec) = (declared.place.clone(), Box::new(spec));
        live.observed.insert(
            address.clone(),
            Observed::Present { id: n.to_string(), place, spec, busy: None },
        );
    }
    live
}

fn create(desired: &Desired) -> Plan {
    draft(desired, &state(desired), &Live::default()).finish(&Survey::default())
}

#[divan::bench(sample_count = 3)]
fn load_the_configuration(bencher: divan::Bencher<'_, '_>) {
    let folder = configuration();
    bencher.bench_local(|| desired(&folder));
}

#[divan::bench(sample_count = 3)]
fn plan_from_nothing(bencher: divan::Bencher<'_, '_>) {
    let desired = desired(&configuration());
    bencher.bench_local(|| create(&desired));
}

#[divan::bench(sample_count = 3)]
fn plan_one_in_ten_changed(bencher: divan::Bencher<'_, '_>) {
    let desired = desired(&configuration());
    let (state, live) = (state(&desired), live(&desired));
    bencher.bench_local(|| draft(&desired, &state, &live).finish(&Survey::default()));
}

#[divan::bench(sample_count = 3)]
fn render_from_nothing(bencher: divan::Bencher<'_, '_>) {
    let plan = create(&desired(&configuration()));
    bencher.bench_local(|| human::plan(&plan, &Caller::default(), &Style::default()));
}

/// A policy of the console, with a `Deny` statement that depends on the network.
const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[
{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"kms:*","Resource":"*"},
{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/Admin"},"Action":["kms:Create*","kms:Put*"],"Resource":"*"},
{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/App"},"Action":["kms:Decrypt","kms:ReEncrypt*"],"Resource":"*"},
{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/App"},"Action":"kms:CreateGrant","Resource":"*",
 "Condition":{"Bool":{"kms:GrantIsForAWSResource":"true"}}},
{"Effect":"Deny","Principal":"*","Action":"kms:*","Resource":"*",
 "Condition":{"NotIpAddress":{"aws:SourceIp":["192.0.2.0/24","2001:db8::/32"]},"Bool":{"aws:ViaAWSService":"false"}}}]}"#;

/// Parses 10,000 policies of five statements, and decides one request with each.
#[divan::bench(sample_count = 3)]
#[expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]
fn read_and_decide(bencher: divan::Bencher<'_, '_>) {
    let mut context = Context::default();
    context.set("aws:SourceIp", ContextValue::Unknown);
    let principal = Principal::parse("arn:aws:iam::111122223333:role/App", "aws").unwrap();
    let request =
        Request { principal, action: RequestedAction::parse("kms:Decrypt").unwrap(), context };
    let key = TargetKey { partition: "aws", account: "111122223333", arn: None };
    let decide_one = |_| {
        let document = Document::from_live(POLICY, "aws").unwrap();
        decide(&document.typed(), &key, &[], &request)
    };
    bencher.bench_local(|| (0..KEYS).map(decide_one).filter(|d| d.word() == "unknown").count());
}

/// Decides 10,000 requests with one policy.
#[divan::bench(sample_count = 3)]
#[expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]
fn decide_only(bencher: divan::Bencher<'_, '_>) {
    let typed = Document::from_live(POLICY, "aws").unwrap().typed();
    let mut context = Context::default();
    context.add("aws:SourceIp", "198.51.100.7");
    let principal = Principal::parse("arn:aws:iam::111122223333:role/App", "aws").unwrap();
    let request =
        Request { principal, action: RequestedAction::parse("kms:Decrypt").unwrap(), context };
    let key = TargetKey { partition: "aws", account: "111122223333", arn: None };
    bencher.bench_local(|| {
        let answers = (0..KEYS).map(|_| decide(&typed, &key, &[], &request));
        answers.filter(|decision| decision.word() == "denied").count()
    });
}
