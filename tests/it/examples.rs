//! Every example, through its whole life: over the wire where the local AWS can do it, else on the
//! stand-in.

use crate::program::{Stack, top};
use crate::program_cloudtrail::{make_bucket, open_bucket};
use crate::program_state::{describe, keys, kms};
use crate::world;
use kmsctl::config::{Input, Surroundings, load};
use kmsctl::desired::Desired;
use kmsctl::kind::key::STACK_TAG;
use std::collections::{BTreeMap, BTreeSet};

/// The folder, what `-f` names in it, the Region that it is tried in, and one of its aliases.
const OVER_THE_WIRE: [(&str, &str, &str, &str); 6] = [
    ("storage", "kmsctl.yaml", "ap-northeast-2", "alias/umemoto_KMS"),
    ("elasticsearch", "kmsctl.yaml", "ap-northeast-1", "alias/ESCustomCMK"),
    ("cloudtrail", "kmsctl.yaml", "eu-west-1", "alias/cloudtrail"),
    ("dynamodb", "kmsctl.yaml", "ap-southeast-1", "alias/sessions"),
    ("fleet", "", "eu-central-1", "alias/orders/volumes"),
    ("github-actions", "kmsctl.yaml", "eu-west-2", "alias/app"),
];

/// One of its files has a grant on a key of another account: the local AWS answers 500.
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

/// The stack's keys. The local AWS makes one of its own for the secrets of RDS, and calls it a
/// customer's.
fn own(region: &str) -> Vec<String> {
    let is_ours = |id: &String| {
        let tags = kms(region, "ListResourceTags", &serde_json::json!({ "KeyId": id }));
        tags["Tags"].as_array().unwrap().iter().any(|tag| tag["TagKey"] == STACK_TAG)
    };
    keys(region).into_iter().filter(is_ours).collect()
}

/// Planned, applied, planned empty; with a lost state; drifted; and destroyed once it is allowed.
fn lives(folder: &str) {
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
    stack.expect(0, &["destroy", "--auto-approve"]);
    assert!(own(region).is_empty(), "{folder}");
}

#[test]
fn storage_lives() {
    lives("storage");
}

#[test]
fn dynamodb_lives() {
    lives("dynamodb");
}

#[test]
fn elasticsearch_lives() {
    lives("elasticsearch");
}

#[test]
fn cloudtrail_lives() {
    make_bucket("eu-west-1", "my-trail-bucket");
    open_bucket("eu-west-1", "my-trail-bucket", "audit");
    lives("cloudtrail");
}

#[test]
fn fleet_lives() {
    lives("fleet");
}

#[test]
fn github_actions_lives() {
    lives("github-actions");
}

/// An example as it is declared in an account of the stand-in.
fn declared(folder: &str, file: &str, account: &str) -> Desired {
    let path = top().join("examples").join(folder).join(file);
    let (mut loaded, problems) = load(&Input { paths: vec![path], vars: BTreeMap::new() });
    assert!(problems.is_empty(), "{problems:#?}");
    let (account, region) = (account.parse().unwrap(), loaded.region().unwrap());
    let (desired, problems) = loaded.resolve(&Surroundings { account, region });
    assert!(problems.is_empty(), "{problems:#?}");
    desired.unwrap()
}

#[test]
fn auto_scaling_lives_with_the_role_of_its_own_account() {
    let ours = "111122223333";
    let desired = declared("auto-scaling", "kmsctl.yaml", ours);
    let expected = [("CreateAlias", ours), ("CreateKey", ours), ("CreateServiceLinkedRole", ours)];
    let stack = world::Stack::new(1);
    let path = "aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
    stack.fake.faults.borrow_mut().missing.insert(format!("arn:aws:iam::{ours}:role/{path}"));
    lives_on_the_stand_in(stack, &desired, &expected, |stack| {
        stack.fake.tamper("volumes", |key| key.policy = serde_json::json!({"Statement": []}));
    });
}

#[test]
fn auto_scaling_lives_with_its_grant_issued_from_the_other_account() {
    let (ours, theirs) = ("444455556666", "111122223333");
    let desired = declared("auto-scaling", "other-account.yaml", ours);
    let expected = [("CreateAlias", ours), ("CreateGrant", theirs), ("CreateKey", ours)];
    lives_on_the_stand_in(world::Stack::new(1), &desired, &expected, |stack| {
        stack.fake.tamper("volumes", |key| key.grants.clear());
    });
}

/// The same life as over the wire, with the calls of the first apply and a drift of its own.
fn lives_on_the_stand_in(
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
