//! Worked examples of policies that change, and other comparisons.

mod bounded;
mod comparison_properties;
mod evaluator_agreement;
mod kinds;

use std::collections::BTreeSet;

use super::*;
use crate::policy::Document;
use crate::policy::KEY_ACTIONS;
use crate::policy::grants::Grant;

pub(super) const ACCOUNT: &str = "111122223333";

pub(super) fn key() -> KeyContext {
    KeyContext { account: Some(ACCOUNT.to_owned()), partition: "aws".to_owned(), arn: None }
}

pub(super) fn live(text: &str) -> Document {
    Document::from_live(text, "aws").unwrap()
}

/// Returns a policy of statements in the short form that [`statement`] reads.
pub(super) fn policy(statements: &[&str]) -> Document {
    live(&format!(
        r#"{{"Version":"2012-10-17","Statement":[{}]}}"#,
        statements.iter().map(|text| statement(text)).collect::<Vec<_>>().join(",")
    ))
}

fn names(text: &str) -> String {
    let arn = |name: &str| match name.trim() {
        "root" => format!("arn:aws:iam::{ACCOUNT}:root"),
        name if name.starts_with("role/") || name.starts_with("user/") => {
            format!("arn:aws:iam::{ACCOUNT}:{name}")
        }
        name => name.to_owned(),
    };
    let names: Vec<String> = text.split(',').map(arn).collect();
    serde_json::to_string(&names).unwrap()
}

/// Reads a statement in short form: effect, principals, actions and a condition. `!` stands for the `Not…` element.
/// Examples: `Allow root kms:*`, `Deny !role/a !kms:Sign {…}`, `Allow {"Service":"x"} kms:Decrypt`. JSON stands for
/// itself.
fn statement(text: &str) -> String {
    if text.starts_with('{') {
        return text.to_owned();
    }
    let mut parts = text.splitn(4, ' ');
    let (effect, who, what) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    let not = |text: &str| if text.starts_with('!') { "Not" } else { "" };
    let (no, non) = (not(who), not(what));
    let who = match who.trim_start_matches('!') {
        "everyone" => "\"*\"".to_owned(),
        json if json.starts_with('{') => json.to_owned(),
        list => format!(r#"{{"AWS":{}}}"#, names(list)),
    };
    let what: Vec<&str> = what.trim_start_matches('!').split(',').collect();
    let what = serde_json::to_string(&what).unwrap();
    let rest = parts.next().map(|c| format!(r#","Condition":{c}"#)).unwrap_or_default();
    format!(
        r#"{{"Effect":"{effect}","{no}Principal":{who},"{non}Action":{what},"Resource":"*"{rest}}}"#
    )
}

/// Returns one line for each change: `direction kind level principal: actions [condition] certainty`.
pub(super) fn lines(comparison: &Comparison) -> String {
    let mut out = format!("{:?} {:?}\n", comparison.access, comparison.change);
    for change in &comparison.changes {
        let level = change.from.max(change.to);
        out.push_str(&format!(
            "{:?} {:?} {level:?} {}: {}",
            change.direction,
            change.kind,
            change.principal,
            change.actions.join(",").replace("kms:", "")
        ));
        for (word, text) in
            [("when", &change.condition), ("before", &change.before), ("after", &change.after)]
        {
            if let Some(text) = text {
                out.push_str(&format!(" {word} [{text}]"));
            }
        }
        for (is, word) in [
            (change.certainty == Certainty::Possible, "possible"),
            (change.public, "PUBLIC"),
            (change.confused_deputy, "DEPUTY"),
        ] {
            out.push_str(&if is { format!(" {word}") } else { String::new() });
        }
        if !change.except.is_empty() {
            out.push_str(&format!(" except {}", change.except.join(",")));
        }
        out.push('\n');
    }
    out
}

pub(super) fn diff(old: &[&str], new: &[&str]) -> String {
    lines(&compare(Some(&policy(old)), Some(&policy(new)), &key(), &[]))
}

const ROOT: &str = "Allow root kms:*";

#[test]
fn worked_examples_1_to_4_have_the_same_access() {
    let bob = "Allow user/bob kms:Decrypt";
    let (a, b) = (policy(&[ROOT, bob]), policy(&[bob, ROOT]));
    assert_eq!(compare(Some(&a), Some(&b), &key(), &[]).document, SameDocument::Same);
    let c = live(&a.to_json().replace(&format!("arn:aws:iam::{ACCOUNT}:root"), ACCOUNT));
    assert_eq!(compare(Some(&a), Some(&c), &key(), &[]).document, SameDocument::Same);
    for (from, to) in [
        ("\"Effect\"", "\"Sid\":\"x\",\"Effect\""),
        ("{\"Version\"", "{\"Id\":\"y\",\"Version\""),
        ("2012-10-17", "2008-10-17"),
    ] {
        let d = live(&a.to_json().replacen(from, to, 1));
        let compared = compare(Some(&a), Some(&d), &key(), &[]);
        assert_eq!(
            (compared.document, lines(&compared).as_str()),
            (SameDocument::Different, "Same None\n")
        );
    }
}

#[test]
fn worked_examples_5_to_14_change_access() {
    let trail = r#"{"StringEquals":{"aws:SourceArn":"arn:aws:cloudtrail:us-west-2:111122223333:trail/finance"}}"#;
    let deputy = r#"{"Service":"cloudtrail.amazonaws.com"}"#;
    let ec2 = r#"{"StringEquals":{"kms:ViaService":"ec2.us-west-2.amazonaws.com","kms:CallerAccount":"111122223333"}}"#;
    let anywhere = r#"{"StringEquals":{"kms:ViaService":"ec2.us-west-2.amazonaws.com"}}"#;
    let s3 = r#"{"StringEquals":{"kms:ViaService":"s3.us-west-2.amazonaws.com"}}"#;
    let s3_if = r#"{"StringEqualsIfExists":{"kms:ViaService":"s3.us-west-2.amazonaws.com"}}"#;
    let nor = r#"{"StringNotEquals":{"aws:SourceVpce":"vpce-1","kms:ViaService":"s3.us-west-2.amazonaws.com"}}"#;
    let (vpce, via) = (
        r#"{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}"#,
        r#"{"StringNotEquals":{"kms:ViaService":"s3.us-west-2.amazonaws.com"}}"#,
    );
    let grant = r#"Allow role/app kms:CreateGrant {"Bool":{"kms:GrantIsForAWSResource":true}}"#;
    let four = "Allow user/x kms:GenerateDataKey,kms:GenerateDataKeyPair,kms:GenerateDataKeyWithoutPlaintext,kms:GenerateDataKeyPairWithoutPlaintext";
    let foreign = "arn:aws:iam::444455556666:";
    let f = |parts: [&str; 3]| parts.join(" ");
    let cases: [(&str, Vec<String>, Vec<String>); 10] = [
        ("5", vec![ROOT.into()], vec![ROOT.into(), "Allow user/bob kms:Decrypt".into()]),
        (
            "6",
            vec![format!("Allow {foreign}root kms:Decrypt")],
            vec![format!("Allow {foreign}root,{foreign}role/x kms:Decrypt")],
        ),
        ("7", vec![four.into()], vec!["Allow user/x kms:GenerateDataKey*".into()]),
        (
            "8",
            vec!["Allow user/x kms:Sign".into()],
            vec!["Allow user/x kms:Sign,kms:CreateKey,kms:ListKeys".into()],
        ),
        (
            "9",
            vec![ROOT.into(), "Deny root kms:ScheduleKeyDeletion".into()],
            vec!["Allow root !kms:ScheduleKeyDeletion".into()],
        ),
        (
            "10",
            vec![f(["Allow", deputy, &format!("kms:GenerateDataKey* {trail}")])],
            vec![f(["Allow", deputy, "kms:GenerateDataKey*"])],
        ),
        (
            "11",
            vec![f(["Allow role/app", "kms:Decrypt", s3])],
            vec![f(["Allow role/app", "kms:Decrypt", s3_if])],
        ),
        (
            "12",
            vec![ROOT.into(), f(["Deny everyone", "kms:Decrypt", nor])],
            vec![
                ROOT.into(),
                f(["Deny everyone", "kms:Decrypt", vpce]),
                f(["Deny everyone", "kms:Decrypt", via]),
            ],
        ),
        (
            "13",
            vec![f(["Allow *", "kms:Decrypt", ec2])],
            vec![f(["Allow *", "kms:Decrypt", anywhere])],
        ),
        ("14", vec![grant.into()], vec!["Allow role/app kms:CreateGrant".into()]),
    ];
    let mut out = String::new();
    for (name, old, new) in &cases {
        let text =
            |list: &Vec<String>| policy(&list.iter().map(String::as_str).collect::<Vec<_>>());
        let compared = compare(Some(&text(old)), Some(&text(new)), &key(), &[]);
        out.push_str(&format!("{name}: {}", lines(&compared)));
    }
    insta::assert_snapshot!(out, @"
    5: Changed Gain
    Gained Gains Allowed arn:aws:iam::111122223333:user/bob: Decrypt
    6: Same None
    7: Same FutureActionsOnly
    Gained Future Allowed arn:aws:iam::111122223333:user/x: GenerateDataKey* possible
    8: Same None
    9: Changed Gain
    Gained Gains Denied every identity of account 111122223333: ScheduleKeyDeletion
    10: Changed Gain
    Gained Wider Allowed cloudtrail.amazonaws.com: GenerateDataKey* when [aws:SourceArn != arn:aws:cloudtrail:us-west-2:111122223333:trail/finance] before [aws:SourceArn = arn:aws:cloudtrail:us-west-2:111122223333:trail/finance] DEPUTY
    11: Changed Gain
    Gained Wider Allowed arn:aws:iam::111122223333:role/app: Decrypt when [kms:ViaService is absent] before [kms:ViaService = s3.us-west-2.amazonaws.com] after [kms:ViaService = s3.us-west-2.amazonaws.com, if present]
    12: Changed Loss
    Lost Narrower Allowed *: Decrypt when [(aws:SourceVpce != vpce-1 and kms:ViaService = s3.us-west-2.amazonaws.com) or (kms:ViaService != s3.us-west-2.amazonaws.com and aws:SourceVpce = vpce-1)] before [aws:SourceVpce = vpce-1 or kms:ViaService = s3.us-west-2.amazonaws.com] after [aws:SourceVpce = vpce-1 and kms:ViaService = s3.us-west-2.amazonaws.com]
    Lost Loses Denied every AWS service: Decrypt when [aws:SourceVpce = vpce-1]
    13: Changed Gain
    Gained Gains Delegated *: Decrypt when [kms:ViaService = ec2.us-west-2.amazonaws.com] PUBLIC except every AWS service
    14: Changed Gain
    Gained Wider Allowed arn:aws:iam::111122223333:role/app: CreateGrant when [kms:GrantIsForAWSResource != true] before [kms:GrantIsForAWSResource = true]
    ");
}

#[test]
fn worked_example_15_guards_are_compared() {
    let only = format!(
        r#"Deny everyone kms:PutKeyPolicy {{"ArnNotEquals":{{"aws:PrincipalArn":"arn:aws:iam::{ACCOUNT}:role/Admin"}}}}"#
    );
    let org = r#"Deny everyone kms:Decrypt {"StringNotEquals":{"aws:PrincipalOrgID":"o-1"}}"#;
    let s3 = r#"Allow {"Service":"s3.amazonaws.com"} kms:Decrypt"#;
    let first = diff(&[ROOT, "Allow role/Admin kms:*"], &[ROOT, "Allow role/Admin kms:*", &only]);
    let second = diff(&[ROOT, s3], &[ROOT, s3, org]);
    insta::assert_snapshot!(format!("{first}{second}"), @"
    Changed Loss
    Lost Loses Allowed *: PutKeyPolicy except arn:aws:iam::111122223333:role/Admin
    Changed Loss
    Lost Narrower Allowed *: Decrypt when [aws:PrincipalOrgID != o-1] after [aws:PrincipalOrgID = o-1]
    Lost Loses Denied every other AWS service: Decrypt
    Lost Loses Allowed s3.amazonaws.com: Decrypt
    ");
}

#[test]
fn conditions_are_compared() {
    let arn = |name: &str| format!("arn:aws:iam::{ACCOUNT}:{name}");
    let (role, user) = (arn("role/app"), arn("user/nobody"));
    let app = |condition: &str| format!("Allow role/app kms:Decrypt {condition}");
    let plain = "Allow role/app kms:Decrypt".to_owned();
    let s3 = app(r#"{"StringEquals":{"kms:ViaService":"s3"}}"#);
    let both = app(r#"{"StringEquals":{"kms:ViaService":["s3","ec2"]}}"#);
    let ec2 = app(r#"{"StringEquals":{"kms:ViaService":"ec2"}}"#);
    let like = app(r#"{"StringLike":{"kms:ViaService":"s?"}}"#);
    let net = app(r#"{"IpAddress":{"aws:SourceIp":"10.0.0.1/32"}}"#);
    let host = app(r#"{"IpAddress":{"aws:SourceIp":"10.0.0.1"}}"#);
    let wide = app(r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#);
    let days = |n: &str| app(&format!(r#"{{"NumericLessThan":{{"aws:MultiFactorAuthAge":{n}}}}}"#));
    let most = app(r#"{"NumericLessThanEquals":{"aws:MultiFactorAuthAge":"89"}}"#);
    let doubt = app(r#"{"StringEquals":{"aws:PrincipalTag/a":"${aws:PrincipalTag/b}"}}"#);
    let other = app(r#"{"StringEquals":{"aws:PrincipalTag/a":"${aws:userid}"}}"#);
    let gained = |shape| (Direction::Gained, shape);
    let lost = |shape| (Direction::Lost, shape);
    let moved = [gained(ChangeKind::Moved), lost(ChangeKind::Moved)];
    let changed = [gained(ChangeKind::Changed), lost(ChangeKind::Changed)];
    type Case<'a> = (&'a String, &'a String, &'a [(Direction, ChangeKind)]);
    let cases: [Case<'_>; 12] = [
        (&plain, &s3, &[lost(ChangeKind::Narrower)]),
        (&s3, &plain, &[gained(ChangeKind::Wider)]),
        (&s3, &both, &[gained(ChangeKind::Wider)]),
        (&both, &s3, &[lost(ChangeKind::Narrower)]),
        (&s3, &ec2, &moved),
        (&s3, &like, &[gained(ChangeKind::Wider)]),
        (&net, &host, &[]),
        (&net, &wide, &[gained(ChangeKind::Wider)]),
        (&days("90"), &most, &[]),
        (&days("90"), &days("1e3"), &changed),
        (&doubt, &other, &changed),
        (&doubt, &doubt, &[]),
    ];
    for (old, new, due) in cases {
        let named = new.replace("Allow role/app", "Allow user/nobody,role/app");
        let nobody = old.replace("Allow role/app", "Allow user/nobody,role/app");
        let compared =
            compare(Some(&policy(&[&nobody, ROOT])), Some(&policy(&[ROOT, &named])), &key(), &[]);
        let changes = compared.changes.iter();
        let found: BTreeSet<_> =
            changes.map(|c| (c.principal.as_str(), c.direction, c.kind)).collect();
        let whom = [role.as_str(), user.as_str()];
        let due: BTreeSet<_> = due
            .iter()
            .flat_map(|(direction, kind)| whom.map(|who| (who, *direction, *kind)))
            .collect();
        assert_eq!(found, due, "{old} -> {new}\n{}", lines(&compared));
        assert_eq!(compared.changes.len(), due.len(), "{}", lines(&compared));
    }
}

#[test]
fn identities_of_an_account_and_patterns_are_grouped() {
    let like = r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/app-*"}}"#;
    let own = r#"{"StringEquals":{"kms:CallerAccount":"111122223333"}}"#;
    let org = r#"{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}"#;
    let old = diff(&[], &[&format!("Allow * kms:Decrypt {like}")]);
    let new = diff(&[ROOT], &[ROOT, &format!("Allow * kms:Decrypt {own}")]);
    let public =
        diff(&[ROOT], &[ROOT, &format!("Allow * kms:Decrypt {org}"), "Allow everyone kms:Encrypt"]);
    let dangling = diff(&[], &["Allow AROAABCDEFGHIJKLMNOPQ kms:Decrypt"]);
    let unique = diff(&["Allow AROAABCDEFGHIJKLMNOPQ kms:Decrypt"], &["Allow role/a kms:Decrypt"]);
    insta::assert_snapshot!([old, new, public, dangling, unique].concat(), @r#"
    Changed Gain
    Gained Gains Allowed arn:aws:iam::111122223333:role/app-*: Decrypt
    Changed Gain
    Gained Gains Allowed every identity of account 111122223333: Decrypt
    Changed Gain
    Gained Gains Delegated *: Encrypt PUBLIC
    Gained Gains Delegated *: Decrypt when [aws:PrincipalOrgID = o-1] except every AWS service
    Gained Gains Allowed every AWS service: Encrypt DEPUTY
    Gained Gains Allowed every identity of account 111122223333: Decrypt when [aws:PrincipalOrgID = o-1]
    Gained Gains Allowed every identity of account 111122223333: Encrypt
    Same None
    Gained Dangling Allowed AROAABCDEFGHIJKLMNOPQ: Decrypt
    Changed Gain
    Gained Gains Allowed arn:aws:iam::111122223333:role/a: Decrypt
    Lost Dangling Allowed AROAABCDEFGHIJKLMNOPQ: Decrypt
    "#);
}

#[test]
fn without_an_account_every_account_can_be_the_owner() {
    let unknown = KeyContext { partition: "aws".to_owned(), ..KeyContext::default() };
    let (a, b) = (policy(&[]), policy(&["Allow role/a kms:PutKeyPolicy,kms:Decrypt"]));
    let compared = compare(Some(&a), Some(&b), &unknown, &[]);
    insta::assert_snapshot!(lines(&compared), @"
    Changed Gain
    Gained Gains Delegated arn:aws:iam::111122223333:role/a: Decrypt possible
    Gained Gains Allowed arn:aws:iam::111122223333:role/a: Decrypt,PutKeyPolicy possible
    ");
    let told = compare(
        Some(&policy(&[ROOT])),
        Some(&policy(&[ROOT, "Allow role/a kms:Decrypt"])),
        &unknown,
        &[],
    );
    assert_eq!((told.access, told.change), (SameAccess::Changed, NetChange::Gain));
}

#[test]
fn grants_are_part_of_access() {
    let grant = Grant {
        id: "g-1".to_owned(),
        grantee: format!("arn:aws:iam::{ACCOUNT}:role/a"),
        operations: ["Decrypt".to_owned(), "Encrypt".to_owned()].into(),
        ..Grant::default()
    };
    let (a, b) = (policy(&[ROOT, "Allow role/a kms:Decrypt,kms:Sign"]), policy(&[ROOT]));
    let lost = compare(Some(&a), Some(&b), &key(), std::slice::from_ref(&grant));
    let of = |change: &AccessChange| (change.actions.join(","), change.grants.join(","));
    let lines: Vec<_> = lost.changes.iter().map(of).collect();
    assert_eq!(
        lines,
        [("kms:Decrypt".to_owned(), "g-1".to_owned()), ("kms:Sign".to_owned(), String::new())]
    );
    let table = access_table(&b, std::slice::from_ref(&grant), &key(), None).unwrap();
    assert_eq!(table.iter().filter(|holder| holder.grant.as_deref() == Some("g-1")).count(), 1);
    let less = Grant { operations: ["Decrypt".to_owned()].into(), ..grant.clone() };
    let changes = grant_changes(Some(&grant), Some(&less));
    assert_eq!(
        (changes.len(), changes[0].direction, changes[0].actions.as_slice()),
        (1, Direction::Lost, &["kms:Encrypt".to_owned()][..])
    );
}

#[test]
fn a_change_for_everyone_names_only_the_statements_about_its_actions() {
    let a = policy(&[ROOT]);
    let b = policy(&[ROOT, "Allow role/a kms:PutKeyPolicy,kms:Decrypt", "Allow * kms:Decrypt"]);
    let found = compare(Some(&a), Some(&b), &key(), &[]);
    let of = |who: &str| {
        let change = found.changes.iter().find(|change| change.principal.ends_with(who)).unwrap();
        (change.actions.join(","), change.statements.join(","))
    };
    let own = |actions: &str, statements: &str| (actions.to_owned(), statements.to_owned());
    assert_eq!(of("role/a"), own("kms:PutKeyPolicy", "#2"));
    assert!(of("*").0 == "kms:Decrypt" && of("*").1.contains("#3"), "{:?}", of("*"));
    let b = policy(&[ROOT, "Allow role/a kms:PutKeyPolicy", "Allow * kms:Decrypt"]);
    let found = compare(Some(&a), Some(&b), &key(), &[]);
    let all = found.changes.iter().find(|change| change.principal == "*").unwrap();
    assert_eq!((all.actions.join(","), all.statements.join(",")), own("kms:Decrypt", "#3"));
}

#[test]
fn the_table_of_one_action_names_only_the_statements_about_it() {
    let document =
        policy(&[ROOT, "Allow role/a kms:Decrypt", "Allow role/a kms:Sign", "Allow role/b kms:*"]);
    let grant = Grant {
        id: "g-1".to_owned(),
        grantee: format!("arn:aws:iam::{ACCOUNT}:role/a"),
        operations: ["Decrypt".to_owned(), "Sign".to_owned()].into(),
        ..Grant::default()
    };
    let of = |name: &str| {
        let action = KEY_ACTIONS.iter().find(|action| action.name == name);
        let table = access_table(&document, std::slice::from_ref(&grant), &key(), action).unwrap();
        let line = |holder: &Holder| {
            let who = holder.principal.rsplit(':').next().unwrap().to_owned();
            let how = holder.grant.clone().unwrap_or_else(|| holder.statements.join(","));
            format!("{who} {} {how}", holder.actions.join(","))
        };
        table.iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(
        of("Sign"),
        ["role/a kms:Sign g-1", "role/a kms:Sign #3", "role/b kms:Sign #4", "root kms:Sign #1"]
    );
    assert_eq!(of("Encrypt"), ["role/b kms:Encrypt #4", "root kms:Encrypt #1"]);
}

#[test]
fn what_a_statement_allows_without_a_condition_is_not_allowed_by_one_with_a_condition() {
    let via = |who: &str, service: &str| {
        format!(
            r#"Allow {who} kms:Decrypt {{"StringEquals":{{"kms:ViaService":"{service}.eu-west-1.amazonaws.com"}}}}"#
        )
    };
    let (s3, ec2) = (via("role/a,role/b", "s3"), via("role/b", "ec2"));
    let document = policy(&[ROOT, "Allow role/a kms:Decrypt,kms:Encrypt", &s3, &ec2]);
    let table = |action: Option<&str>| {
        let action = KEY_ACTIONS.iter().find(|one| Some(one.name) == action);
        let table = access_table(&document, &[], &key(), action).unwrap();
        let line = |holder: &Holder| {
            let who = holder.principal.rsplit(':').next().unwrap().to_owned();
            format!("{who} {} {}", holder.actions.join(","), holder.statements.join(","))
        };
        table.iter().filter(|one| !one.principal.ends_with("root")).map(line).collect::<Vec<_>>()
    };
    assert_eq!(table(Some("Decrypt")), ["role/a kms:Decrypt #2", "role/b kms:Decrypt #3,#4"]);
    assert_eq!(table(None), ["role/a kms:Decrypt,kms:Encrypt #2", "role/b kms:Decrypt #3,#4"]);
    // A change has the same reasons.
    let found = compare(Some(&policy(&[ROOT])), Some(&document), &key(), &[]);
    let of_a = found.changes.iter().find(|change| change.principal.ends_with("role/a")).unwrap();
    assert_eq!(of_a.statements, ["#2"]);
}

#[test]
fn the_table_names_those_with_a_statement_of_their_own_beside_everyone() {
    let table = |statements: &[&str]| {
        let table = access_table(
            &policy(statements),
            &[],
            &key(),
            KEY_ACTIONS.iter().find(|action| action.name == "Decrypt"),
        )
        .unwrap();
        let line = |holder: Holder| {
            let who = holder.principal.rsplit(':').next().unwrap().to_owned();
            format!("{who} {}", holder.statements.join(","))
        };
        table.into_iter().map(line).collect::<Vec<_>>()
    };
    let via = r#"Allow role/b kms:Decrypt {"StringEquals":{"kms:ViaService":"s3.eu-west-1.amazonaws.com"}}"#;
    let named = ["Allow role/a kms:Decrypt", via, "Allow role/c kms:Encrypt"];
    let open = [&named[..], &["Allow * kms:Decrypt"]].concat();
    let account = format!("every identity of account {ACCOUNT} #4");
    assert_eq!(
        table(&open),
        ["* #4", "role/a #1,#4", "role/b #2,#4", "every AWS service #4", &account]
    );
}

#[test]
fn seventeen_conditions_are_too_many_to_be_certain() {
    let many: Vec<String> = (0..17).map(|n| format!(r#""aws:PrincipalTag/t{n}":"x""#)).collect();
    let condition = format!(r#"{{"StringEquals":{{{}}}}}"#, many.join(","));
    let new = format!("Allow role/a kms:Decrypt {condition}");
    let compared = compare(Some(&policy(&[])), Some(&policy(&[&new])), &key(), &[]);
    assert_eq!((compared.access, compared.change), (SameAccess::Unknown, NetChange::Unknown));
    assert!(compared.changes.iter().all(|change| change.certainty == Certainty::Possible));
}

/// Returns the published policies, and a policy for each published statement that is valid JSON.
fn published() -> Vec<Document> {
    let texts = [
        include_str!("../seeds/es-kms-cmk-policy.json"),
        include_str!("../seeds/keypolicy.json"),
        include_str!("../seeds/autoscaling.txt"),
        include_str!("../seeds/cloudtrail.txt"),
    ];
    let mut out: Vec<Document> = texts[..2].iter().map(|text| live(text)).collect();
    for line in texts[2..].iter().flat_map(|text| text.lines()) {
        out.extend(Document::from_live(&format!(r#"{{"Statement":[{line}]}}"#), "aws"));
    }
    out
}

#[test]
fn published_policies_in_another_spelling_are_the_same() {
    let all = published();
    assert!(all.len() > 12, "{}", all.len());
    for document in &all {
        let text = document.to_json();
        let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
        value["Statement"].as_array_mut().unwrap().reverse();
        for statement in value["Statement"].as_array_mut().unwrap() {
            if let Some(actions) = statement["Action"].as_array_mut() {
                actions.reverse();
                actions.push(actions[0].as_str().unwrap().to_lowercase().into());
            }
        }
        let respelled = live(&value.to_string());
        assert_eq!(
            compare(Some(document), Some(&respelled), &key(), &[]).document,
            SameDocument::Same
        );
        assert_eq!(
            group::changes(
                [Some(document), Some(&respelled)],
                &key(),
                &[],
                None,
                group::Listing::Difference
            ),
            Some(vec![])
        );
        let renamed = live(&text.replace("\"Sid\":\"", "\"Sid\":\"x"));
        assert_eq!(lines(&compare(Some(document), Some(&renamed), &key(), &[])), "Same None\n");
    }
}
