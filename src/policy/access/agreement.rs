//! The evaluator and the table of access say the same of every request.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;

use super::super::KEY_ACTIONS;
use super::super::eval::{self, Asked, Context, Decision, Denial, Request};
use super::action::ActionAtom;
use super::atom::Principal;
use super::literal::{Literal, when_absent, with_value};
use super::properties::{PRINCIPALS, any_policy};
use super::scene::Scene;
use super::tests::{ACCOUNT, key, live};
use super::*;

const VIA: &str = "kms:viaservice";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_evaluator_agrees(
        a in any_policy(1),
        asker in select(&ASKERS[..]),
        action in select(&["Decrypt", "Encrypt", "CreateGrant", "PutKeyPolicy", "TagResource", "DescribeKey", "GenerateDataKeyPair"][..]),
        via in select(&[None, Some("s3"), Some("ec2"), Some("sqs")][..]),
        app in select(&[None, Some("x"), Some("y")][..]),
        grant in select(&[Some("true"), Some("false")][..]),
        source in select(&[None, Some("arn:x")][..]),
    ) {
        let a = live(&a);
        let service = asker.ends_with(".com");
        let mut values: BTreeMap<&str, &str> = BTreeMap::new();
        values.extend(via.filter(|_| !service).map(|v| (VIA, v)));
        values.extend(app.map(|v| ("kms:encryptioncontext:app", v)));
        values.extend(grant.map(|v| ("kms:grantisforawsresource", v)));
        values.extend(source.filter(|_| service).map(|v| ("aws:sourcearn", v)));
        let decided = decide(&a, asker, action, &values);
        let level = level(&a, asker, action, &values);
        let Some((low, high)) = level else { panic!("{asker} is nobody") };
        let agrees = match &decided {
            Decision::Unknown(_) => true,
            Decision::Allowed(_) => (low, high) == (Level::Allowed, Level::Allowed),
            Decision::Delegated(_) => (low, high) == (Level::Delegated, Level::Delegated),
            Decision::Denied(Denial::Explicit(_)) => high == Level::ExplicitlyDenied,
            Decision::Denied(_) => high <= Level::Denied,
            Decision::IamOnly => false,
        };
        prop_assert!(agrees, "{:?} but {:?}: {asker} {action} {values:?}\n{}", decided, level, a.pretty());
    }

    #[test]
    fn whoever_is_listed_is_allowed_and_nobody_else(
        a in any_policy(0),
        asker in select(&ASKERS[..]),
        action in select(&["Decrypt", "CreateGrant", "PutKeyPolicy", "DescribeKey", "Sign"][..]),
    ) {
        let a = live(&a);
        let mut listed = Level::Denied;
        for holder in access_table(&a, &[], &key()).unwrap() {
            let due = holder.actions.iter().any(|pattern| {
                super::super::actions::glob(&pattern.to_lowercase(), &format!("kms:{}", action.to_lowercase()))
            });
            let except = holder.except.iter().any(|name| is(name, asker));
            if due && !except && is(&holder.principal, asker) && holder.certainty == Certainty::Certain {
                // The account's root user is allowed what the account is.
                let root = asker.ends_with(":root") && holder.principal == asker && asker.contains(ACCOUNT);
                listed = listed.max(if root { Level::Allowed } else { holder.access });
            }
        }
        let decided = decide(&a, asker, action, &BTreeMap::new());
        let agrees = match &decided {
            Decision::Unknown(_) => true,
            Decision::Allowed(_) => listed == Level::Allowed,
            Decision::Delegated(_) => listed == Level::Delegated,
            Decision::Denied(_) | Decision::IamOnly => listed == Level::Denied,
        };
        prop_assert!(agrees, "{:?} but {:?}: {asker} {action}\n{}", decided, listed, a.pretty());
    }
}

const ASKERS: [&str; 9] = [
    "arn:aws:iam::111122223333:root",
    "arn:aws:iam::111122223333:role/p/a",
    "arn:aws:iam::111122223333:role/p/other",
    "arn:aws:iam::111122223333:user/b",
    "arn:aws:iam::111122223333:user/other",
    "arn:aws:iam::444455556666:role/c",
    "arn:aws:iam::444455556666:user/other",
    "arn:aws:iam::999900001111:user/other",
    "logs.amazonaws.com",
];

fn decide(policy: &Document, asker: &str, action: &str, values: &BTreeMap<&str, &str>) -> Decision {
    // A role asks in a session that nobody names.
    let principal = match asker.split_once(":role/") {
        Some((head, rest)) => {
            let name = rest.rsplit('/').next().unwrap();
            let session = format!("{}:assumed-role/{name}/nobody", head.replace(":iam:", ":sts:"));
            eval::Principal::parse(&session, "aws").unwrap().with_role(asker).unwrap()
        }
        None => eval::Principal::parse(asker, "aws").unwrap(),
    };
    let mut context = Context::default();
    for (key, value) in values {
        context.add(key, value);
    }
    let request = Request { principal, action: Asked::parse(action).unwrap(), context };
    let key = eval::Key { partition: "aws", account: ACCOUNT, arn: None };
    eval::decide(&policy.meaning(), &key, &[], &request)
}

/// The lowest and the highest level of a request according to the scene, as far as doubts go.
fn level(
    policy: &Document,
    asker: &str,
    action: &str,
    values: &BTreeMap<&str, &str>,
) -> Option<(Level, Level)> {
    let key = key();
    let scene = Scene::new([None, Some(policy)], &key, &[]).unwrap();
    let account = asker.split(':').nth(4).unwrap_or_default();
    let user = asker.contains(":user/");
    let find = |test: &dyn Fn(&super::atom::Atom) -> bool| scene.atoms.iter().position(test);
    let kind = |kind: Option<super::atom::Kind>| match kind {
        None => true,
        Some(super::atom::Kind::User) => user,
        Some(super::atom::Kind::Role) => !user,
        Some(_) => false,
    };
    let pattern = |atom: &super::atom::Atom| match &atom.arn {
        super::atom::PrincipalArn::Matches(set) => {
            let all = scene.literals.iter().filter_map(|l| match l {
                Literal::Test(t) if t.key == "aws:principalarn" => {
                    Some(super::literal::patterns(t))
                }
                _ => None,
            });
            let due: BTreeSet<_> =
                all.flatten().filter(|p| p.exact().is_none() && p.matches(asker)).collect();
            *set == due
        }
        _ => false,
    };
    let atom = find(&|atom| matches!(&atom.who, Principal::Identity(i) if i.arn == asker))
        .or_else(|| find(&|atom| matches!(&atom.who, Principal::Root(a) if a == account && asker.ends_with(":root"))))
        .or_else(|| find(&|atom| matches!(&atom.who, Principal::Service(s) if s == asker)))
        .or_else(|| find(&|atom| atom.who == Principal::OtherService && asker.ends_with(".com")))
        .or_else(|| find(&|atom| matches!(&atom.who, Principal::Other { account: a, kind: k } if a == account && kind(*k)) && pattern(atom)))
        .or_else(|| find(&|atom| atom.who == Principal::Elsewhere && pattern(atom)))?;
    let action = ActionAtom::Known(KEY_ACTIONS.iter().find(|a| a.name == action)?);
    let mut certain = Level::Denied;
    let mut possible = Level::Denied;
    let mut may_deny = false;
    for (clause, _) in scene.clauses(1, atom, &action) {
        let (mut holds, mut doubt) = (true, false);
        for literal in &clause.literals {
            match &scene.literals[*literal] {
                Literal::Test(test) if test.key == "aws:username" && user => {
                    holds &= with_value(test, asker.rsplit('/').next().unwrap()).unwrap();
                }
                Literal::Test(test) if test.key.starts_with("aws:principal") => {
                    let value = match test.key.as_str() {
                        "aws:principalarn" => asker,
                        "aws:principalaccount" => account,
                        _ if user => "User",
                        _ => "AssumedRole",
                    };
                    // Whether a service's request has these is not known.
                    doubt |= asker.ends_with(".com");
                    holds &= asker.ends_with(".com") || with_value(test, value).unwrap();
                }
                Literal::Test(test) => {
                    holds &= values
                        .get(test.key.as_str())
                        .map_or_else(|| when_absent(test), |v| with_value(test, v).unwrap());
                }
                Literal::Doubt(_) => doubt = true,
            }
        }
        match (clause.level, holds, doubt) {
            (_, false, _) => {}
            (Level::ExplicitlyDenied, _, true) => may_deny = true,
            (Level::ExplicitlyDenied, _, false) => return Some((clause.level, clause.level)),
            (level, _, true) => possible = possible.max(level),
            (level, _, false) => certain = certain.max(level),
        }
    }
    let low = if may_deny { Level::ExplicitlyDenied } else { certain };
    Some((low, certain.max(possible)))
}

/// Whether a name in the table is about an asker.
fn is(name: &str, asker: &str) -> bool {
    let account = asker.split(':').nth(4);
    let named = PRINCIPALS.iter().any(|text| text.contains(&format!("{asker}\"")));
    let root = asker.ends_with(":root");
    match name {
        "*" => true,
        name if name == asker => true,
        "every AWS service" => asker.ends_with(".com"),
        "every other AWS service" => asker.ends_with(".com") && !named,
        name => account.is_some_and(|account| {
            name == format!("arn:aws:iam::{account}:root")
                || name == format!("every identity of account {account}")
                || (root && name == format!("the root user of account {account}"))
                || (!root && name == format!("every other identity of account {account}"))
        }),
    }
}
