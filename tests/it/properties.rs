//! From any declaration to any other, in any order of the steps.

use crate::build::{Declare, empty, policy};
use crate::world::Stack;
use kmsctl::desired::Desired;
use kmsctl::kind::key::Rotation;
use proptest::prelude::*;

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
        // A key's spec is fixed: the last one is always of the other type.
        all[3].hmac = true;
        all
    })
}

/// A grant cannot change while its key is disabled, so a disabled key keeps the grants of `calm`.
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
            key.rotation = rotation.filter(|_| !toss.hmac);
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_was_applied_the_next_declaration_is_reached(a in tosses(), b in tosses(), seed in 0u64..1000) {
        let (first, second) = (desired(&a, None), desired(&b, Some(&a)));
        let mut stack = Stack::new(seed);
        stack.applied(&first);
        stack.settled(&first);
        stack.applied(&second);
        stack.settled(&second);
        prop_assert!(stack.fake.refusals.borrow().is_empty(), "{:?}", stack.fake.refusals);
    }
}
