//! Services that refuse a call for a while.

use super::{Wrong, examples, stack};
use crate::fake::Faults;
use crate::world::Stack;
use std::time::Duration;

/// A refusal of a service: the example, whether the call is one of its change, the operation, the code, the
/// message, and the time in seconds for which kmsctl repeats the call.
type Refusal = (&'static str, bool, &'static str, &'static str, &'static str, u64);

const REFUSALS: &[Refusal] = &[
    (
        "dynamodb_table",
        true,
        "UpdateContinuousBackups",
        "ContinuousBackupsUnavailableException",
        "Backups are being enabled for the table: t. Please retry later",
        1200,
    ),
    (
        "dynamodb_table",
        false,
        "CreateTable",
        "LimitExceededException",
        "Subscriber limit exceeded: there are too many simultaneous table operations",
        600,
    ),
    (
        "dynamodb_table",
        true,
        "UpdateTable",
        "LimitExceededException",
        "Subscriber limit exceeded",
        600,
    ),
    (
        "dynamodb_table",
        true,
        "UpdateTable",
        "ResourceInUseException",
        "Attempt to change a resource which is still in use",
        120,
    ),
    (
        "cloudtrail_trail",
        false,
        "CreateTrail",
        "ConflictException",
        "The resource is not ready",
        600,
    ),
    (
        "cloudtrail_trail",
        true,
        "UpdateTrail",
        "ConflictException",
        "The resource is not ready",
        600,
    ),
    (
        "cloudtrail_event_data_store",
        true,
        "UpdateEventDataStore",
        "ConflictException",
        "Not ready",
        600,
    ),
    (
        "es_domain",
        true,
        "UpdateDomainConfig",
        "ValidationException",
        "A change/update is in progress. Please wait for it to complete before requesting another change.",
        600,
    ),
    ("rds_instance", true, "ModifyDBInstance", "InvalidDBInstanceState", "not available", 120),
    ("rds_cluster", true, "ModifyDBCluster", "InvalidDBClusterStateFault", "not available", 120),
];

fn run(refusal: &Refusal, seconds: u64, about: &str, wrong: &mut Wrong, converges: bool) {
    let (name, is_change, operation, code, message, _) = *refusal;
    let example = examples().into_iter().find(|example| example.name == name).unwrap();
    let mut stack: Stack = stack(super::Lag(0, None));
    let desired = if is_change {
        stack.applied(&example.first);
        &example.changed
    } else {
        &example.first
    };
    *stack.fake.faults.borrow_mut() =
        Faults { refused_for: [(operation, (code, message, seconds))].into(), ..Faults::default() };
    let began = stack.clock();
    let (_, ended) = stack.run(desired);
    let took = stack.clock() - began;
    let called = stack.fake.log.borrow().iter().filter(|(name, _)| name == operation).count();
    let detail = || format!("{called} calls in {took:?}: {:?}", ended.failed);
    wrong.check(about, "the end", ended.is_complete() == converges, detail);
    wrong.check(about, "calls", called > 1, detail);
    // Neither more often than every few seconds, nor for longer than the service needs.
    let longest = refusal.5 + 60;
    wrong.check(about, "too many calls", called as u64 <= longest / 4 + 2, detail);
    wrong.check(about, "too long", took <= Duration::from_secs(longest), detail);
    if !converges {
        let named = ended.failed.iter().any(|(_, error)| error.to_string().contains(code));
        wrong.check(about, "the code", named, detail);
    }
}

#[test]
fn a_call_is_repeated_for_as_long_as_its_service_may_refuse_it() {
    let mut wrong = Wrong::default();
    for refusal in REFUSALS {
        let about = format!("{}, {}, {}", refusal.0, refusal.2, refusal.3);
        run(refusal, refusal.5 - 20, &about, &mut wrong, true);
    }
    wrong.report();
}

#[test]
fn a_call_that_is_refused_for_longer_ends_with_its_error() {
    let mut wrong = Wrong::default();
    for refusal in REFUSALS {
        let about = format!("{}, {}, {}", refusal.0, refusal.2, refusal.3);
        run(refusal, 100_000, &about, &mut wrong, false);
    }
    wrong.report();
}

/// A deletion that is refused because the protection that was turned off still counts.
#[test]
fn a_deletion_is_repeated_while_the_protection_still_counts() {
    let mut wrong = Wrong::default();
    for (name, operation, code, message) in [
        (
            "rds_instance",
            "DeleteDBInstance",
            "InvalidParameterCombination",
            "Cannot delete protected DB Instance",
        ),
        (
            "rds_cluster",
            "DeleteDBCluster",
            "InvalidParameterCombination",
            "Cannot delete protected Cluster",
        ),
        (
            "dynamodb_table",
            "DeleteTable",
            "ValidationException",
            "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.",
        ),
        (
            "cloudtrail_event_data_store",
            "DeleteEventDataStore",
            "EventDataStoreTerminationProtectedException",
            "protected",
        ),
    ] {
        let example = examples().into_iter().find(|example| example.name == name).unwrap();
        for (seconds, converges) in [(45, true), (100_000, false)] {
            let about = format!("{name}, {seconds}");
            let mut stack = stack(super::Lag(0, None));
            stack.applied(&example.first);
            let refused_for = [(operation, (code, message, seconds))].into();
            *stack.fake.faults.borrow_mut() = Faults { refused_for, ..Faults::default() };
            let mut removed = example.first.clone();
            removed.resources.retain(|address, _| !address.kind.is_consumer());
            let began = stack.clock();
            let (_, ended) = stack.run(&removed);
            let took = stack.clock() - began;
            let detail = || format!("{took:?}: {:?}", ended.failed);
            wrong.check(&about, "the end", ended.is_complete() == converges, detail);
            wrong.check(&about, "too long", took < Duration::from_secs(150), detail);
        }
    }
    wrong.report();
}
