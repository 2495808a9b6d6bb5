//! Tests of the steps that delete something.

use super::samples::{ARN, creation, home, key_spec, policy, step, update};
use super::{Caller, Style, commands, human, markdown};
use crate::kind::address::Address;
use crate::kind::{self, Call, Change, KeyRef, Kind, Spec, alias};
use crate::plan::PlannedCall;

#[test]
fn steps_that_are_alike_are_written_once_and_destructive_ones_first() {
    let mut plan = creation("x");
    let named = |name: &str| Address::new(Kind::Key, name);
    let first = plan.steps[0].clone();
    for name in ["b", "c"] {
        plan.steps.push(crate::plan::Step { address: named(name), ..first.clone() });
    }
    let from = Spec::Key(key_spec("x", policy(&[]), None));
    plan.steps.push(step(named("gone"), Change::Delete { from }, Some(ARN), vec![]));
    let text = human::plan(&plan, &Caller::default(), &Style::default());
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"));
    assert!(at("- key/gone  delete") < at("+ key/b, key/c: create (not in AWS yet)"));
    assert_eq!(text.matches("tags.team").count(), 2, "{text}");
}

#[test]
fn the_last_line_of_a_plan_is_wrapped() {
    let mut plan = update("x");
    (plan.steps, plan.blocked) = (Vec::new(), Vec::new());
    let date = "2026-12-28T17:59:50Z".to_owned();
    plan.scheduled =
        (0..3).map(|n| (Address::new(Kind::Key, format!("key-{n}")), date.clone())).collect();
    let text = human::plan(&plan, &Caller::default(), &Style::default());
    assert!(text.contains("Nothing is left to delete."), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn a_deletion_shows_its_waiting_period() {
    let mut plan = update("x");
    plan.steps = vec![deleted_key("gone", None)];
    let text = human::plan(&plan, &Caller::default(), &Style { width: 200, ..Style::default() });
    let risk = "! schedules the deletion of the key in 30 days; from now on the key cannot decrypt anything\n";
    assert!(text.contains(risk), "{text}");
    assert_eq!(text.matches("30 days").count(), 1, "{text}");
    assert!(commands::plan(&plan).contains("--pending-window-in-days 30"));
    // Not every key encrypts.
    for (usage, lost) in [
        ("SIGN_VERIFY", "the key cannot sign anything"),
        ("GENERATE_VERIFY_MAC", "the key can neither generate nor verify MACs"),
    ] {
        let risk = deleted_key("gone", Some(usage)).risk.unwrap();
        assert!(risk.ends_with(lost), "{risk}");
    }
}

/// Returns the step that deletes a key, with the calls and the risk of its kind.
fn deleted_key(name: &str, usage: Option<&str>) -> crate::plan::Step {
    let mut spec = key_spec("x", policy(&[]), None);
    spec.usage = usage.map(str::to_owned);
    deletion(Address::new(Kind::Key, name), Spec::Key(spec), ARN)
}

/// Returns the step that deletes a resource, with the calls and the risk of its kind.
fn deletion(address: Address, from: Spec, id: &str) -> crate::plan::Step {
    let change = Change::Delete { from };
    let (stack, place, keys) = ("prod".parse().unwrap(), home(), kind::KeyFacts::new());
    let setting = kind::Setting {
        stack: &stack,
        place: &place,
        keys: &keys,
        id: Some(id),
        name: &address.name,
        caller: None,
    };
    let calls = kind::calls(&change, &setting).unwrap();
    let planned = |all: Vec<(crate::id::Place, Call)>| {
        all.into_iter().map(|(at, call)| PlannedCall { at, call }).collect()
    };
    let mut step = step(address.clone(), change, Some(id), vec![]);
    (step.calls, step.last) = (planned(calls.first), planned(calls.last));
    (step.risk, step.reason) = (calls.risk, "no longer declared".to_owned());
    step
}

fn deleted_alias(name: &str, key: &str) -> crate::plan::Step {
    let target = KeyRef::Managed(Address::new(Kind::Key, key));
    let spec = alias::Spec { name: format!("alias/{name}").parse().unwrap(), target };
    deletion(Address::new(Kind::Alias, name), Spec::Alias(spec), &format!("alias/{name}"))
}

#[test]
fn deletions_name_what_is_deleted_and_what_fails() {
    let mut plan = update("x");
    let of = |count: usize| {
        let aliases = (0..count).map(|n| deleted_alias(&format!("a{n}"), &format!("k{n}")));
        let keys = (0..count).map(|n| {
            let mut step = deleted_key(&format!("k{n}"), None);
            step.id = Some(ARN.replace("1234abcd", &format!("1234abc{n}")));
            step
        });
        aliases.chain(keys).collect::<Vec<_>>()
    };
    let text = |plan: &crate::plan::Plan| {
        human::plan(plan, &Caller::default(), &Style { width: 500, ..Style::default() })
    };
    plan.steps = of(1);
    let one = text(&plan);
    let arn = ARN.replace("1234abcd", "1234abc0");
    for said in [
        "- alias/a0  delete  (no longer declared)\n    name: \"alias/a0\"\n    target: \"key/k0\"\n",
        "    calls: DeleteAlias\n    ! requests that name the alias fail\n",
        &format!("- key/k0  delete  (no longer declared)\n    arn: {arn}\n"),
    ] {
        assert!(one.contains(said), "{said}: {one}");
    }
    let comment = markdown::plan(&plan, &Caller::default());
    let row = format!("| <code>arn</code> | <code>{}</code> |", arn.replace(':', "&#58;"));
    assert!(comment.contains(&row), "{comment}");
    plan.steps = of(4);
    let many = text(&plan);
    let id = |n: usize| format!("key/k{n} (1234abc{n}-12ab-34cd-56ef-1234567890ab)");
    let keys: Vec<String> = (0..4).map(id).collect();
    for said in [
        "- alias/a0 of key/k0, alias/a1 of key/k1, alias/a2 of key/k2, alias/a3 of key/k3: delete",
        &format!("- {}: delete", keys.join(", ")),
    ] {
        assert!(many.contains(said), "{said}: {many}");
    }
    let comment = markdown::plan(&plan, &Caller::default());
    let listed = |kind: &str| {
        let name = |n: usize| format!("<code>{kind}{n}</code>");
        (0..4).map(name).collect::<Vec<_>>().join(", ")
    };
    let at = |said: &str| comment.find(said).unwrap_or_else(|| panic!("{said}: {comment}"));
    // The keys come before the aliases, and the action is said once.
    let (keys, aliases) = (format!("- delete {}: **", listed("key/k")), listed("alias/a"));
    assert!(at(&keys) < at(&format!("- delete {aliases}: **requests")), "{comment}");
    for said in [
        "<code>alias/a3</code> of <code>key/k3</code>",
        "<code>key/k3</code> <code>1234abc3-12ab-34cd-56ef-1234567890ab</code>",
    ] {
        assert!(comment.contains(said), "{said}: {comment}");
    }
}
