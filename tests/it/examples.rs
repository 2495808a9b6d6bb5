//! Every example over its full life cycle: over the wire if the local AWS supports it, otherwise on
//! the stand-in.

use crate::program::{Stack, top};
use crate::program_cloudtrail::{make_bucket, open_bucket, reset_encryption};
use crate::program_state::{describe, keys, kms};
use crate::world;
use kmsctl::config::{Input, Surroundings, load};
use kmsctl::desired::Desired;
use kmsctl::kind::key::STACK_TAG;
use std::collections::{BTreeMap, BTreeSet};

/// The folder, the argument of `-f`, the Region and one of the aliases of each example.
const OVER_THE_WIRE: [(&str, &str, &str, &str); 7] = [
    ("storage", "kmsctl.yaml", "ap-northeast-2", "alias/umemoto_KMS"),
    ("elasticsearch", "kmsctl.yaml", "ap-northeast-1", "alias/ESCustomCMK"),
    ("cloudtrail", "kmsctl.yaml", "eu-west-1", "alias/cloudtrail"),
    ("dynamodb", "kmsctl.yaml", "ap-southeast-1", "alias/sessions"),
    ("fleet", "", "eu-central-1", "alias/orders/volumes"),
    ("s3", "kmsctl.yaml", "eu-west-3", "alias/reports"),
    ("github-actions", "kmsctl.yaml", "eu-west-2", "alias/app"),
];

/// The example has a grant on a key of another account, to which the local AWS answers 500.
const ON_THE_STAND_IN: [&str; 1] = ["auto-scaling"];

#[test]
fn every_example_is_tried() {
    let folders = std::fs::read_dir(top().join("examples")).unwrap();
    let folders = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let tried = OVER_THE_WIRE.iter().map(|(folder, ..)| *folder).chain(ON_THE_STAND_IN);
    assert_eq!(folders.collect::<BTreeSet<_>>(), tried.map(str::to_owned).collect());
}

fn example(folder: &str) -> (Stack, usize, &'static str, &'static str) {
    let row = OVER_THE_WIRE.iter().find(|(name, ..)| *name == folder).unwrap();
    let (_, file, region, alias) = *row;
    let path = top().join("examples").join(folder).join(file);
    let count = if folder == "fleet" { 12 } else { 1 };
    (Stack::new(path, region), count, region, alias)
}

/// Returns the keys of the stack. The local AWS creates a key for the secrets of RDS and reports it
/// as a customer managed key.
fn own(region: &str) -> Vec<String> {
    let mut own = keys(region);
    own.retain(|id| {
        let tags = kms(region, "ListResourceTags", &serde_json::json!({ "KeyId": id }));
        tags["Tags"].as_array().unwrap().iter().any(|tag| tag["TagKey"] == STACK_TAG)
    });
    own
}

/// Plans and applies the example, plans it again with and without the state, changes AWS, and
/// destroys it.
fn check_life_cycle(folder: &str) {
    let (stack, count, region, alias) = example(folder);
    let empty = || {
        let said = stack.expect(0, &["plan", "--detailed-exitcode"]);
        assert!(said.contains("No changes."), "{folder}: {said}");
    };
    stack.expect(0, &["validate"]);
    stack.expect(2, &["plan", "--detailed-exitcode"]);
    stack.expect(0, &["apply", "--auto-approve"]);
    empty();
    stack.lose_state();
    empty();
    stack.expect(0, &["apply", "--auto-approve"]);
    stack.expect(0, &["drift"]);
    assert_eq!(own(region).len(), count, "{folder}");

    describe(region, alias, "described by somebody else");
    let drift = stack.expect(2, &["drift"]);
    assert!(drift.contains("described by somebody else"), "{folder}: {drift}");
    stack.expect(2, &["plan", "--detailed-exitcode"]);
    stack.expect(0, &["apply", "--auto-approve"]);
    stack.expect(0, &["drift"]);
    empty();

    let refused = stack.expect(3, &["destroy", "--auto-approve"]);
    assert!(refused.contains("protected"), "{folder}: {refused}");
    assert_eq!(own(region).len(), count, "{folder}");
    let free = Stack::of_text("defaults: {protect: false}\n", region);
    let free = free.config.to_str().unwrap();
    stack.expect(0, &["-f", free, "apply", "--auto-approve"]);
    if folder == "s3" {
        // A bucket that is no longer declared keeps its key, which is then not deleted.
        let refused = stack.expect(3, &["destroy", "--auto-approve"]);
        assert!(refused.contains("`s3_bucket/reports` would stop working"), "{refused}");
        let words = refused.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("give these resources another key or, if their kind"), "{refused}");
        reset_encryption(region, "my-reports-bucket");
    }
    stack.expect(0, &["destroy", "--auto-approve"]);
    assert!(own(region).is_empty(), "{folder}");
}

#[test]
fn the_life_cycle_of_storage_succeeds() {
    check_life_cycle("storage");
}

#[test]
fn the_life_cycle_of_dynamodb_succeeds() {
    check_life_cycle("dynamodb");
}

#[test]
fn the_life_cycle_of_elasticsearch_succeeds() {
    check_life_cycle("elasticsearch");
}

#[test]
fn the_life_cycle_of_cloudtrail_succeeds() {
    make_bucket("eu-west-1", "my-trail-bucket");
    open_bucket("eu-west-1", "my-trail-bucket", "audit");
    check_life_cycle("cloudtrail");
}

#[test]
fn the_life_cycle_of_s3_succeeds() {
    make_bucket("eu-west-3", "my-reports-bucket");
    check_life_cycle("s3");
}

#[test]
fn the_life_cycle_of_fleet_succeeds() {
    check_life_cycle("fleet");
}

#[test]
fn the_life_cycle_of_github_actions_succeeds() {
    check_life_cycle("github-actions");
}

/// Resolves an example for an account of the stand-in.
pub(crate) fn declared(folder: &str, file: &str, account: &str) -> Desired {
    let path = top().join("examples").join(folder).join(file);
    let (mut loaded, problems) = load(&Input { paths: vec![path], ..Input::default() });
    assert!(problems.is_empty(), "{problems:#?}");
    let (account, region) = (account.parse().unwrap(), loaded.region().unwrap());
    let (desired, problems) = loaded.resolve(&Surroundings { account, region });
    assert!(problems.is_empty(), "{problems:#?}");
    desired.unwrap()
}

#[test]
fn the_life_cycle_of_auto_scaling_with_the_role_of_its_own_account_succeeds() {
    let ours = "111122223333";
    let desired = declared("auto-scaling", "kmsctl.yaml", ours);
    let expected = [("CreateAlias", ours), ("CreateKey", ours), ("CreateServiceLinkedRole", ours)];
    let stack = world::Stack::new(1);
    let path = "aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
    stack.fake.faults.borrow_mut().missing.insert(format!("arn:aws:iam::{ours}:role/{path}"));
    check_life_cycle_on_the_stand_in(stack, &desired, &expected, |stack| {
        stack.fake.tamper("volumes", |key| key.policy = serde_json::json!({"Statement": []}));
    });
}

#[test]
fn the_life_cycle_of_auto_scaling_with_its_grant_issued_from_the_other_account_succeeds() {
    let (ours, theirs) = ("444455556666", "111122223333");
    let desired = declared("auto-scaling", "other-account.yaml", ours);
    let expected = [("CreateAlias", ours), ("CreateGrant", theirs), ("CreateKey", ours)];
    check_life_cycle_on_the_stand_in(world::Stack::new(1), &desired, &expected, |stack| {
        stack.fake.tamper("volumes", |key| key.grants.clear());
    });
}

/// Checks the life cycle on the stand-in, with the calls of the first apply and a change in AWS.
fn check_life_cycle_on_the_stand_in(
    mut stack: world::Stack,
    desired: &Desired,
    expected: &[(&str, &str)],
    drift: impl FnOnce(&world::Stack),
) {
    let plan = stack.applied(desired);
    stack.settled(desired);
    let calls = plan.steps.iter().flat_map(|step| &step.calls);
    let mut calls: Vec<_> =
        calls.map(|planned| (planned.call.operation(), planned.at.account.to_string())).collect();
    calls.sort();
    let calls: Vec<(&str, &str)> = calls.iter().map(|(name, at)| (*name, &**at)).collect();
    assert_eq!(calls, expected);
    stack.state = world::lineage("two");
    let plan = stack.applied(desired);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    stack.settled(desired);

    drift(&stack);
    let drifted = stack.plan_only(desired).drift.len();
    stack.fake.tamper("volumes", |key| key.meta.description = "other".to_owned());
    assert!(drifted == 1 && !stack.plan_only(desired).drift.is_empty());
    stack.applied(desired);
    stack.settled(desired);

    let mut none = Desired { resources: BTreeMap::new(), ..desired.clone() };
    let plan = stack.plan_only(&none);
    assert!(plan.steps.iter().all(|step| step.calls.is_empty()), "{:#?}", plan.steps);
    assert!(plan.blocked.iter().any(|b| b.reason.contains("protected")), "{:#?}", plan.blocked);
    let mut free = desired.clone();
    for declared in free.resources.values_mut() {
        declared.protect = false;
    }
    stack.applied(&free);
    none.key_facts.clear();
    stack.applied(&none);
    stack.settled(&none);
    assert_eq!(stack.fake.key("volumes").meta.state, "PendingDeletion");
    assert_eq!((stack.fake.grants_total(), stack.fake.keys_total()), (0, 1));
    assert!(stack.fake.refusals.borrow().is_empty(), "{:?}", stack.fake.refusals);
}
