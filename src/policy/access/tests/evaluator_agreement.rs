//! The evaluator and the comparison agree on every request.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::select;

use super::comparison_properties::{PRINCIPALS, any_policy};
use super::{ACCOUNT, key, live};
use crate::policy::Document;
use crate::policy::KEY_ACTIONS;
use crate::policy::access::action_atom::ActionAtom;
use crate::policy::access::literal::{Literal, when_absent, with_value};
use crate::policy::access::policy_pair::PolicyPair;
use crate::policy::access::principal_atom::PrincipalClass;
use crate::policy::access::*;
use crate::policy::eval::{self, Context, Decision, Denial, Request, RequestedAction};

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
        if let Some(via) = via && !service {
            values.insert(VIA, via);
        }
        values.extend(app.map(|v| ("kms:encryptioncontext:app", v)));
        values.extend(grant.map(|v| ("kms:grantisforawsresource", v)));
        if let Some(source) = source && service {
            values.insert("aws:sourcearn", source);
        }
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
    fn exactly_the_listed_holders_are_allowed(
        a in any_policy(0),
        asker in select(&ASKERS[..]),
        action in select(&["Decrypt", "CreateGrant", "PutKeyPolicy", "DescribeKey", "Sign"][..]),
    ) {
        let a = live(&a);
        let decided = decide(&a, asker, action, &BTreeMap::new());
        let known = KEY_ACTIONS.iter().find(|known| known.name == action);
        for only in [None, known] {
            let table = access_table(&a, &[], &key(), only).unwrap();
            let listed = level_in(&table, asker, action);
            let agrees = match &decided {
                Decision::Unknown(_) => true,
                Decision::Allowed(_) => listed == Level::Allowed,
                Decision::Delegated(_) => listed == Level::Delegated,
                Decision::Denied(_) | Decision::IamOnly => listed == Level::Denied,
            };
            prop_assert!(agrees, "{:?} but {:?}: {asker} {action}\n{}", decided, listed, a.pretty());
        }
    }
}

/// Returns the level of access to an action that a table lists for a principal.
fn level_in(table: &[Holder], asker: &str, action: &str) -> Level {
    let mut listed = Level::Denied;
    for holder in table {
        let due = holder.actions.iter().any(|pattern| {
            let action = format!("kms:{}", action.to_lowercase());
            crate::policy::actions::glob(&pattern.to_lowercase(), &action)
        });
        let except = holder.except.iter().any(|name| includes(name, asker));
        if due
            && !except
            && includes(&holder.principal, asker)
            && holder.certainty == Certainty::Certain
        {
            // The account's root user is allowed directly what its IAM policies could allow.
            let root =
                asker.ends_with(":root") && holder.principal == asker && asker.contains(ACCOUNT);
            listed = listed.max(if root { Level::Allowed } else { holder.access });
        }
    }
    listed
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
    // The request of a role comes from a session that no policy names.
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
    let request = Request { principal, action: RequestedAction::parse(action).unwrap(), context };
    let key = eval::TargetKey { partition: "aws", account: ACCOUNT, arn: None };
    eval::decide(&policy.typed(), &key, &[], &request)
}

/// Returns the lowest and the highest level of a request in the comparison, depending on the doubts.
fn level(
    policy: &Document,
    asker: &str,
    action: &str,
    values: &BTreeMap<&str, &str>,
) -> Option<(Level, Level)> {
    let key = key();
    let pair = PolicyPair::new([None, Some(policy)], &key, &[]).unwrap();
    let account = asker.split(':').nth(4).unwrap_or_default();
    let user = asker.contains(":user/");
    let find = |test: &dyn Fn(&crate::policy::access::principal_atom::PrincipalAtom) -> bool| {
        pair.atoms.iter().position(test)
    };
    let kind = |kind: Option<crate::policy::access::principal_atom::IdentityKind>| match kind {
        None => true,
        Some(crate::policy::access::principal_atom::IdentityKind::User) => user,
        Some(crate::policy::access::principal_atom::IdentityKind::Role) => !user,
        Some(_) => false,
    };
    let pattern = |atom: &crate::policy::access::principal_atom::PrincipalAtom| match &atom.arn {
        crate::policy::access::principal_atom::PrincipalArn::Matches(set) => {
            let tests = policy.typed().statements.into_iter().flat_map(|s| s.conditions);
            let due: BTreeSet<_> = tests
                .filter(|test| test.key == "aws:principalarn")
                .flat_map(|test| crate::policy::access::literal::patterns(&test))
                .filter(|p| p.exact().is_none() && p.matches(asker))
                .collect();
            *set == due
        }
        _ => false,
    };
    let atom = find(&|atom| matches!(&atom.class, PrincipalClass::Identity(i) if i.arn == asker))
        .or_else(|| find(&|atom| matches!(&atom.class, PrincipalClass::Root(a) if a == account && asker.ends_with(":root"))))
        .or_else(|| find(&|atom| matches!(&atom.class, PrincipalClass::Service(s) if s == asker)))
        .or_else(|| find(&|atom| atom.class == PrincipalClass::OtherService && asker.ends_with(".com")))
        .or_else(|| find(&|atom| matches!(&atom.class, PrincipalClass::Other { account: a, kind: k } if a == account && kind(*k)) && pattern(atom)))
        .or_else(|| find(&|atom| matches!(&atom.class, PrincipalClass::OtherAccounts { kind: k } if kind(*k)) && pattern(atom)))?;
    let action = ActionAtom::Known(KEY_ACTIONS.iter().find(|a| a.name == action)?);
    let mut certain = Level::Denied;
    let mut possible = Level::Denied;
    let mut may_deny = false;
    for (clause, _) in pair.clauses(1, atom, &action) {
        let (mut holds, mut doubt) = (true, false);
        for literal in &clause.literals {
            match &pair.literals[*literal] {
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
                    // It is unknown whether the request of a service has these.
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

/// Returns whether a name in the access table includes a principal.
fn includes(name: &str, asker: &str) -> bool {
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

/// AWS never allows kms:PutKeyPolicy to another account, so that no change for everyone includes that of the account.
#[test]
fn a_member_that_reaches_less_is_an_exception() {
    let policy = live(
        r#"{"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "NotPrincipal": {"AWS": ["111122223333", "arn:aws:iam::111122223333:user/b"]},
             "Action": "kms:PutKeyPolicy", "Resource": "*"},
            {"Effect": "Allow", "Principal": {"AWS": ["111122223333", "arn:aws:iam::111122223333:role/p/a"]},
             "Action": "kms:PutKeyPolicy", "Resource": "*"}]}"#,
    );
    let table = access_table(&policy, &[], &key(), None).unwrap();
    let user = "arn:aws:iam::111122223333:user/b";
    assert_eq!(level_in(&table, user, "PutKeyPolicy"), Level::Delegated);
    let all = table.iter().find(|holder| holder.principal.starts_with("every identity")).unwrap();
    assert_eq!(all.except, [user]);
}
