//! Random changes from any declaration to any other, with the steps in random order.

use crate::build::{Declare, empty, policy};
use crate::world::Stack;
use kmsctl::desired::Desired;
use kmsctl::kind::key::Rotation;
use proptest::prelude::*;
use std::fmt::Write as _;

#[derive(Clone, Debug)]
struct Toss {
    there: bool,
    hmac: bool,
    enabled: bool,
    rotation: Option<bool>,
    description: u8,
    users: bool,
    grants: [u8; 2],
    aliases: [u8; 2],
}

fn toss() -> impl Strategy<Value = Toss> {
    let first =
        (any::<bool>(), any::<bool>(), prop::option::of(any::<bool>()), 0u8..3, any::<bool>());
    (first, prop::array::uniform2(0u8..3), prop::array::uniform2(0u8..4)).prop_map(
        |((there, enabled, rotation, description, users), grants, aliases)| Toss {
            there,
            hmac: false,
            enabled,
            rotation,
            description,
            users,
            grants,
            aliases,
        },
    )
}

fn tosses() -> impl Strategy<Value = Vec<Toss>> {
    prop::collection::vec(toss(), 4).prop_map(|mut all| {
        // The spec of a key is fixed, so the last key always has the other type.
        all[3].hmac = true;
        all
    })
}

/// Returns a declaration. A grant cannot change while its key is disabled, so a disabled key keeps
/// the grants of `calm`.
fn desired(tosses: &[Toss], calm: Option<&[Toss]>) -> Desired {
    let mut all = empty();
    for (n, toss) in tosses.iter().enumerate().filter(|(_, toss)| toss.there) {
        let name = format!("k{n}");
        all = all.key(&name, |key| {
            if toss.hmac {
                key.spec = Some("HMAC_256".to_owned());
                key.usage = Some("GENERATE_VERIFY_MAC".to_owned());
            }
            let rotation =
                toss.rotation.map(|on| if on { Rotation::EveryDays(90) } else { Rotation::Off });
            key.rotation = if toss.hmac { None } else { rotation };
            key.enabled = Some(toss.enabled);
            key.description = Some(format!("d{}", toss.description));
            if toss.users {
                key.policy = Some(policy(true, &["web", "app", "db"]));
                key.tags.insert("users".to_owned(), "many".to_owned());
            }
        });
        let before = calm.map(|calm| &calm[n]);
        let stuck = before.filter(|before| before.there && !before.enabled && !toss.enabled);
        let grants = stuck.unwrap_or(toss).grants;
        for (g, kind) in grants.into_iter().enumerate() {
            let operations: &[&str] = match (kind, toss.hmac) {
                (0, _) => continue,
                (1, false) => &["Decrypt"],
                (_, false) => &["Decrypt", "Encrypt"],
                (1, true) => &["VerifyMac"],
                (_, true) => &["VerifyMac", "GenerateMac"],
            };
            all = all.grant(&name, &format!("g{g}"), operations);
        }
    }
    let there: Vec<usize> = (0..tosses.len()).filter(|n| tosses[*n].there).collect();
    for (n, toss) in tosses.iter().enumerate().take(2) {
        for (a, target) in toss.aliases.into_iter().enumerate() {
            if there.contains(&usize::from(target)) {
                all = all.alias(&format!("a{n}{a}"), &format!("k{target}"));
            }
        }
    }
    all
}

/// Returns whether a key that leaves looks like a key that arrives: it has the same fixed properties and the
/// same description, or its alias.
fn looks_renamed(a: &[Toss], b: &[Toss]) -> bool {
    let shares_alias = |old: usize, new: usize| {
        a.iter().zip(b).take(2).any(|(before, after)| {
            let mut targets = before.aliases.iter().zip(&after.aliases);
            targets.any(|(x, y)| usize::from(*x) == old && usize::from(*y) == new)
        })
    };
    (0..a.len()).filter(|old| a[*old].there && !b[*old].there).any(|old| {
        (0..b.len()).filter(|new| b[*new].there && !a[*new].there).any(|new| {
            let is_same = a[old].hmac == b[new].hmac && a[old].description == b[new].description;
            is_same || shares_alias(old, new)
        })
    })
}

/// Returns the second declaration without the keys that the first one does not have.
fn without_new_keys(a: &[Toss], b: &[Toss]) -> Vec<Toss> {
    let mut both = b.to_vec();
    for (before, toss) in a.iter().zip(&mut both) {
        toss.there &= before.there;
    }
    both
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_declaration_is_reached_from_any_other(a in tosses(), b in tosses(), seed in 0u64..1000) {
        let (first, second) = (desired(&a, None), desired(&b, Some(&a)));
        let mut stack = Stack::new(seed);
        stack.applied(&first);
        stack.settled(&first);
        if looks_renamed(&a, &b) {
            // kmsctl asks whether the key was renamed. It was not: the old key goes first.
            stack.applied(&desired(&without_new_keys(&a, &b), Some(&a)));
        }
        stack.applied(&second);
        stack.settled(&second);
        prop_assert!(stack.fake.refusals.borrow().is_empty(), "{:?}", stack.fake.refusals);
    }
}

/// The consumers: section, list, name, settings, and whether AWS can change the key.
const CONSUMERS: &[(&str, &str, &str, &str, bool)] = &[
    ("dynamodb", "tables", "orders", "partition_key: {name: id, type: S}", true),
    ("dynamodb", "tables", "carts", "partition_key: {name: id, type: S}", true),
    ("cloudtrail", "trails", "audit", "bucket: logs", true),
    ("ebs", "volumes", "data", "availability_zone: eu-central-1a, size_gib: 20, type: gp3", false),
    ("efs", "file_systems", "shared", "performance_mode: generalPurpose", false),
    (
        "es",
        "domains",
        "logs",
        "engine_version: OpenSearch_2.17, instance_type: t3.small.search, instance_count: 1, \
         volume_size_gib: 10",
        false,
    ),
    (
        "rds",
        "instances",
        "ledger",
        "engine: mysql, engine_version: '8.0', instance_class: db.t3.micro, \
         allocated_storage_gib: 20, master_username: admin, master_password: managed, \
         final_snapshot: false",
        false,
    ),
];

/// The declarations of the three keys: with a policy of the stack, with AWS's default policy, and
/// with a shared policy. Their descriptions tell them apart, so that none looks like another one under a new name.
const KEYS: [&str; 3] = [
    "description: own, policy: {users: [role/Owner]}",
    "description: plain",
    "description: shared, policy: {ownership: shared, statements: [{Sid: S, Effect: Allow, \
     Principal: {AWS: 'arn:aws:iam::111122223333:role/S'}, Action: 'kms:Decrypt', Resource: '*'}]}",
];

#[derive(Clone, Debug)]
struct Use {
    key: usize,
    users: usize,
    tagged: bool,
}

type Uses = Vec<Option<Use>>;

fn uses() -> impl Strategy<Value = Uses> {
    let one = (0usize..3, 0usize..3, any::<bool>()).prop_map(|(key, users, tagged)| Use {
        key,
        users,
        tagged,
    });
    prop::collection::vec(prop::option::of(one), CONSUMERS.len())
}

/// Returns a stack with the consumers and the keys that they use. `idle` keys are declared too.
fn stack_of(uses: &Uses, idle: [bool; 3]) -> Desired {
    let mut text = "stack: stack\nregion: eu-central-1\nkeys:\n".to_owned();
    for (n, form) in KEYS.iter().enumerate() {
        if idle[n] || uses.iter().flatten().any(|using| using.key == n) {
            writeln!(text, "  k{n}: {{protect: false, {form}}}").unwrap();
        }
    }
    if text.ends_with("keys:\n") {
        text = text.replace("keys:\n", "");
    }
    let declared =
        || CONSUMERS.iter().zip(uses).filter_map(|(of, using)| Some((of, using.as_ref()?)));
    let sections: std::collections::BTreeSet<&str> = declared().map(|(of, _)| of.0).collect();
    for section in sections {
        let list = declared().find(|(of, _)| of.0 == section).unwrap().0.1;
        writeln!(text, "{section}:\n  {list}:").unwrap();
        for ((_, _, name, settings, _), using) in declared().filter(|(of, _)| of.0 == section) {
            let users =
                (0..using.users).map(|n| format!("role/U{n}")).collect::<Vec<_>>().join(", ");
            // A trail has no users, because CloudTrail itself uses the key.
            let users =
                if *name == "audit" { String::new() } else { format!(", used_by: [{users}]") };
            let tags = if using.tagged { ", tags: {team: x}" } else { "" };
            let key = using.key;
            writeln!(text, "    {name}: {{{settings}, key: k{key}, protect: false{users}{tags}}}")
                .unwrap();
        }
    }
    crate::consumers::desired(&text)
}

/// Keeps the keys that AWS cannot change.
fn possible(before: &Uses, mut after: Uses) -> Uses {
    for ((of, before), after) in CONSUMERS.iter().zip(before).zip(&mut after) {
        if let (false, Some(before), Some(after)) = (of.4, before, after) {
            after.key = before.key;
        }
    }
    after
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_use_of_keys_is_reached_from_any_other(
        a in uses(),
        b in uses(),
        idle in prop::array::uniform2(prop::array::uniform3(any::<bool>())),
        kill in prop::option::of((1usize..12, any::<bool>())),
        busy in 0u64..3,
        seed in 0u64..1000,
    ) {
        let b = possible(&a, b);
        let (first, second) = (stack_of(&a, idle[0]), stack_of(&b, idle[1]));
        let mut stack = Stack::new(seed);
        stack.fake.faults.borrow_mut().busy = busy;
        stack.applied(&first);
        stack.settled(&first);
        if let Some((call, after)) = kill {
            let kill = if after { crate::fake::Kill::After } else { crate::fake::Kill::Before };
            if stack.run_until(&second, Some((call, kill))).is_none() {
                // The run first waits for the operations that the killed run began.
                stack.applied(&second);
            }
        }
        stack.applied(&second);
        stack.settled(&second);
        let held: usize = stack.fake.shelves.borrow().values().map(std::collections::BTreeMap::len).sum();
        prop_assert_eq!(held, b.iter().flatten().count());
    }
}
