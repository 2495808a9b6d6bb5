//! Tests that no comment loses what is dangerous, whatever else is in the plan or the drift report.

use super::comment::{LIMIT, Weight};
use super::samples::{ARN, creation, drifts, empty, home, key_spec, policy, step, update};
use super::{Caller, markdown, words};
use crate::kind::address::Address;
use crate::kind::{Change, Kind, Spec};
use crate::plan::{Access, Drift, Drifts, FieldChange, Finding, Happened, Plan, Via};
use crate::policy::access::{ChangeKind, Direction, Level};
use crate::policy::lint::Severity;
use crate::policy::{AccessChange, Document};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const EVIL: &str = "arn:aws:iam::666666666666:role/Evil";

fn statement(effect: &str, principal: &Value, actions: &[&str], condition: &Value) -> Value {
    let mut out = json!({"Sid": "r", "Effect": effect, "Action": actions, "Principal": principal,
        "Resource": "*"});
    if !condition.is_null() {
        out["Condition"] = condition.clone();
    }
    out
}

fn evil() -> Value {
    json!({ "AWS": EVIL })
}

fn own() -> Value {
    json!({"AWS": "arn:aws:iam::111122223333:role/App"})
}

/// Returns a condition whose text has more than 40 characters for each value.
fn long(values: usize) -> Value {
    let values: Vec<String> = (0..values).map(|n| format!("{}{n}", "!".repeat(40))).collect();
    json!({"StringNotEquals": {"kms:EncryptionContext:n": values}})
}

fn document(statements: &[Value]) -> Document {
    let mut all = vec![json!({"Sid": "Root", "Effect": "Allow", "Action": "kms:*",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Resource": "*"})];
    all.extend(statements.iter().cloned());
    let text = json!({"Version": "2012-10-17", "Statement": all}).to_string();
    Document::from_live(&text, "aws").unwrap()
}

fn key(name: &str) -> Address {
    Address::new(Kind::Key, name)
}

fn accessed(key: &Address, change: AccessChange) -> Access {
    Access {
        key: key.to_string(),
        change,
        via: Via::Policy,
        source: key.clone(),
        derived: BTreeSet::new(),
    }
}

/// Adds a key whose policy gets the statements.
fn add(plan: &mut Plan, name: &str, before: &[Value], after: &[Value]) {
    let (before, after) = (document(before), document(after));
    let changes = words::changes(Some(&before), Some(&after), &home());
    plan.access.extend(changes.into_iter().map(|change| accessed(&key(name), change)));
    let change = Change::Update {
        from: Spec::Key(key_spec(name, before, None)),
        to: Spec::Key(key_spec(name, after, None)),
    };
    plan.steps.push(step(key(name), change, Some(ARN), vec![]));
}

fn comment(plan: &Plan) -> String {
    let text = markdown::plan(plan, &Caller::default());
    assert!(text.chars().count() <= LIMIT);
    assert_eq!(text, markdown::plan(plan, &Caller::default()));
    text
}

/// Returns whether one line has all the words.
fn says(text: &str, words: &[&str]) -> bool {
    text.lines().any(|line| words.iter().all(|word| line.contains(word)))
}

#[test]
fn a_comment_names_the_caller_and_errors_come_before_the_changes() {
    let mut plan = update("x");
    plan.blocked = vec![crate::plan::Blocked {
        address: Address::new(Kind::Key, "gone"),
        field: String::new(),
        reason: "the key is protected".to_owned(),
        help: "write `protect: false`, and a lone ` is a character".to_owned(),
    }];
    let finding = |severity, rule: &str| Finding {
        severity,
        rule: rule.to_owned(),
        address: Address::new(Kind::Key, "gone"),
        message: "see `kmsctl explain`".to_owned(),
    };
    plan.findings = vec![finding(Severity::Warning, "KMS601"), finding(Severity::Error, "KMS301")];
    let arn = Some("arn:aws:iam::111122223333:role/ci".to_owned());
    let text = markdown::plan(&plan, &Caller { arn, alias: None });
    let caller = "As <code>arn&#58;aws&#58;iam&#58;&#58;111122223333&#58;role/ci</code>\n";
    let help = "Help: write <code>protect&#58; false</code>, and a lone &#96; is a character\n";
    for said in [caller, help, "see <code>kmsctl explain</code>"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let at = |said: &str| text.find(said).unwrap_or_else(|| panic!("{said}: {text}"));
    assert!(at("KMS301") < at("<details>") && at("<details>") < at("KMS601"), "{text}");
}

#[test]
fn a_comment_stays_within_the_limit() {
    let mut plan = creation("x");
    let step = plan.steps[0].clone();
    // No two of them are alike.
    plan.steps.extend((0..200).map(|n| {
        let mut step = step.clone();
        step.reason = format!("reason {n} {}", "x".repeat(400));
        step
    }));
    let text = markdown::plan(&plan, &Caller::default());
    assert!(text.chars().count() <= LIMIT && text.contains("are left out"));
    let names =
        ["key&#47;storage</code>", "key/storage</code>"].map(|name| text.matches(name).count());
    assert!(names.iter().sum::<usize>() >= 200);
}

/// The sentences about access matter more than the names of the keys that they are about.
#[test]
fn a_long_comment_keeps_what_access_changes() {
    let mut plan = update("x");
    let step = plan.steps[0].clone();
    let of_key: Vec<_> =
        plan.access.iter().filter(|one| one.key == "key/storage").cloned().collect();
    let sentence = |text: &str| text.matches("gain").count();
    let one = sentence(&markdown::plan(&plan, &Caller::default()));
    assert!(one > 0);
    for number in 0..500 {
        let address = Address::new(Kind::Key, format!("service-with-a-long-name-{number}"));
        plan.access.extend(of_key.iter().cloned().map(|mut access| {
            access.key = address.to_string();
            access.source = address.clone();
            access
        }));
        let mut more = step.clone();
        more.address = address;
        plan.steps.push(more);
    }
    let text = markdown::plan(&plan, &Caller::default());
    assert!(text.contains("too long") && text.chars().count() <= LIMIT);
    assert!(sentence(&text) >= one && !text.contains(": left out"), "{}", sentence(&text));
    assert!((0..500).all(|number| text.contains(&format!("long-name-{number}"))));
}

#[test]
fn public_access_is_among_the_risks_of_a_comment() {
    let mut plan = update("x");
    let sentence = |text: &str| text.matches("**PUBLIC").count();
    assert_eq!(sentence(&markdown::plan(&plan, &Caller::default())), 0);
    let gained = plan.access.iter_mut().find(|a| a.change.direction == Direction::Gained).unwrap();
    gained.change.public = true;
    let comment = markdown::plan(&plan, &Caller::default());
    let risks = comment.split("### Access").next().unwrap();
    assert_eq!(sentence(risks), 1, "{comment}");
}

/// Neither many blocked keys nor many harmless changes hide a stranger, public access or a deletion.
#[test]
fn what_is_dangerous_stays_in_a_comment_of_any_plan() {
    let mut plan = update("x");
    let first = plan.steps[0].clone();
    let gained = plan.access.iter().find(|a| a.change.direction == Direction::Gained).unwrap();
    let gained = gained.clone();
    for n in 0..3_000 {
        let address = Address::new(Kind::Key, format!("key-with-a-long-name-{n}"));
        plan.blocked.push(crate::plan::Blocked {
            address: address.clone(),
            field: String::new(),
            reason: "the role does not exist".to_owned(),
            help: String::new(),
        });
        let mut own = gained.clone();
        own.key = address.to_string();
        own.source = address.clone();
        own.change.condition = Some(format!("aws:PrincipalTag/t = {n}"));
        plan.access.push(own);
        plan.steps.push(crate::plan::Step { address, risk: None, ..first.clone() });
    }
    let mut stranger = gained.clone();
    stranger.change.principal = "arn:aws:iam::666666666666:root".to_owned();
    stranger.key = "key/zevil".to_owned();
    stranger.source = Address::new(Kind::Key, "zevil");
    let mut public = stranger.clone();
    public.change.public = true;
    public.key = "key/zpublic".to_owned();
    public.source = Address::new(Kind::Key, "zpublic");
    plan.access.extend([stranger, public]);
    let from = Spec::Key(key_spec("x", policy(&[]), None));
    plan.steps.push(step(key("zgone"), Change::Delete { from }, Some(ARN), vec![]));
    let text = markdown::plan(&plan, &Caller::default());
    assert!(text.chars().count() <= LIMIT);
    for part in ["key/zevil", "key/zpublic", "**PUBLIC", "delete <code>key/zgone"] {
        assert!(text.contains(part), "{part}: {}", &text[..3_000]);
    }
    // Both sentences, and the public one among the risks.
    assert_eq!(text.matches("666666666666").count(), 3, "{}", &text[..3_000]);
    assert!(text.contains("too long"));
}

#[test]
fn a_long_condition_hides_neither_its_stranger_nor_another_of_the_same_key() {
    let none = Value::Null;
    let mut plan = empty();
    add(&mut plan, "zevil", &[], &[statement("Allow", &evil(), &["kms:Decrypt"], &long(300))]);
    let text = comment(&plan);
    let words = ["key/zevil", "666666666666", "gains decrypt", "too long for a comment"];
    assert!(says(&text, &words), "{text}");
    // What made room for a sentence that does not fit comes back.
    assert!(!text.contains("not named here"), "{text}");
    let mut plan = empty();
    add(&mut plan, "zpub", &[], &[statement("Allow", &json!("*"), &["kms:Decrypt"], &long(500))]);
    let text = comment(&plan);
    assert!(says(&text, &["key/zpub", "**PUBLIC", "gains decrypt"]), "{text}");
    let mut plan = empty();
    let mut of_own = statement("Allow", &own(), &["kms:Encrypt"], &long(500));
    of_own["Sid"] = json!("s");
    let of_evil = statement("Allow", &evil(), &["kms:Decrypt"], &none);
    add(&mut plan, "zevil", &[], &[of_evil, of_own]);
    let text = comment(&plan);
    assert!(says(&text, &["key/zevil", "666666666666", "gains decrypt"]), "{text}");
    assert!(!text.contains("missing here"), "{text}");
}

#[test]
fn services_with_a_source_condition_do_not_hide_a_stranger() {
    let mut plan = empty();
    let service = json!({"Service": "logs.eu-west-1.amazonaws.com"});
    for n in 0..350 {
        let condition = json!({"StringEquals": {"aws:SourceAccount": "111122223333",
            "kms:EncryptionContext:n": n.to_string()}});
        let of_service = statement("Allow", &service, &["kms:Encrypt"], &condition);
        add(&mut plan, &format!("a{n:04}"), &[], &[of_service]);
    }
    let actions = ["kms:Decrypt", "kms:Encrypt", "kms:ReEncryptFrom", "kms:PutKeyPolicy"];
    let values: Vec<String> = (0..30).map(|n| format!("x{n:03},,,,,,,,,,,,,,")).collect();
    let condition = json!({"StringEquals": {"kms:EncryptionContext:n": values}});
    add(&mut plan, "m-evil", &[], &[statement("Allow", &evil(), &actions, &condition)]);
    let text = comment(&plan);
    // There is room for the condition, too.
    assert!(
        says(&text, &["key/m-evil", "666666666666", "gains encrypt, decrypt", "x029"]),
        "{text}"
    );
}

#[test]
fn a_service_that_acts_for_another_account_and_a_strangers_grant_are_dangers() {
    let mut plan = empty();
    for n in 0..400 {
        let condition = json!({"StringEquals": {"kms:EncryptionContext:n": "x".repeat(250)}});
        add(
            &mut plan,
            &format!("a{n:04}"),
            &[],
            &[statement("Allow", &own(), &["kms:Encrypt"], &condition)],
        );
    }
    let service = json!({"Service": "events.amazonaws.com"});
    for (name, condition) in [
        ("zother", json!({"StringEquals": {"aws:SourceAccount": "666666666666"}})),
        ("zboth", json!({"StringEquals": {"aws:SourceAccount": ["111122223333", "666666666666"]}})),
        ("znot", json!({"StringNotEquals": {"aws:SourceAccount": "111122223333"}})),
        ("zlike", json!({"ArnLike": {"aws:SourceArn": "arn:aws:events:*:666666666666:*"}})),
    ] {
        add(&mut plan, name, &[], &[statement("Allow", &service, &["kms:Decrypt"], &condition)]);
    }
    plan.findings.push(Finding {
        address: key("zgrant"),
        severity: crate::policy::lint::Severity::Warning,
        rule: "foreign-grant".to_owned(),
        message: "the grant g gives arn:aws:iam::666666666666:role/Evil kms:Decrypt".to_owned(),
    });
    let text = comment(&plan);
    for name in ["zother", "zboth", "znot", "zlike"] {
        assert!(says(&text, &[&format!("key/{name}"), "gains decrypt"]), "{name}: {text}");
    }
    assert!(says(&text, &["key/zgrant", "666666666666"]), "{text}");
}

#[test]
fn a_key_that_nobody_can_use_is_not_hidden_by_harmless_losses() {
    let mut plan = empty();
    let uses = ["kms:Encrypt", "kms:Decrypt"];
    for n in 0..249 {
        let condition = json!({"StringEquals": {"kms:EncryptionContext:n": n.to_string()}});
        let whole = statement("Allow", &own(), &uses, &Value::Null);
        let narrow = statement("Allow", &own(), &uses, &condition);
        add(&mut plan, &format!("k{n:04}"), &[whole], &[narrow]);
    }
    let actions = ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"];
    let deny = statement("Deny", &json!("*"), &actions, &Value::Null);
    add(&mut plan, "k0249", &[], &[deny]);
    let text = comment(&plan);
    assert!(says(&text, &["key/k0249", "everyone is denied", "explicitly"]), "{text}");
}

#[test]
fn four_hundred_strangers_of_one_key_are_all_named_however_long_the_condition_is() {
    let mut plan = empty();
    let arns: Vec<String> =
        (0..400_u64).map(|n| format!("arn:aws:iam::{}:root", 100_000_000_000 + n)).collect();
    let all = json!({ "AWS": arns });
    add(&mut plan, "zmany", &[], &[statement("Allow", &all, &["kms:Decrypt"], &long(500))]);
    let text = comment(&plan);
    for n in 0..400_u64 {
        assert!(says(&text, &["key/zmany", &(100_000_000_000 + n).to_string()]), "{n}: {text}");
    }
}

#[test]
fn dangers_without_room_are_counted_in_bold_at_the_top() {
    let mut plan = empty();
    let changes = words::changes(
        Some(&policy(&[])),
        Some(&document(&[statement("Allow", &evil(), &["kms:Decrypt"], &Value::Null)])),
        &home(),
    );
    for n in 0..2_000 {
        let mut access = accessed(&key(&format!("k{n}")), changes[0].clone());
        access.change.condition = Some(format!("t = {n}"));
        plan.access.push(access);
    }
    let text = comment(&plan);
    let named = text.matches("666666666666").count();
    let missing = 2_000 - named;
    let said = format!(
        "**{missing} dangers are missing here, because the comment would be too long: `kmsctl plan` shows all of \
         them.**"
    );
    assert!(text.find(&said).is_some_and(|at| at < 300), "{}", &text[..1_000]);
    assert!(named > 300, "{named}");
}

#[test]
fn strangers_and_denials_of_everyone_are_dangers() {
    use Weight::{Danger, Detail, Notice};
    let made = |condition| Made { what: 0, condition, sign: 'a' };
    for (principal, condition, gained, lost) in [
        ("*", 1, Danger, Danger),
        ("every identity", 1, Danger, Danger),
        ("arn:aws:iam::666666666666:root", 1, Danger, Detail),
        ("every identity of account 666666666666", 1, Danger, Danger),
        ("arn:aws:iam::*:role/App", 1, Danger, Detail),
        ("arn:*::111122223333:role/App", 1, Danger, Detail),
        ("AROA1234567890ABCDEF0", 1, Danger, Detail),
        ("logs.eu-west-1.amazonaws.com", 0, Danger, Detail),
        ("logs.eu-west-1.amazonaws.com", 1, Danger, Detail),
        ("arn:aws:iam::111122223333:root", 1, Notice, Danger),
        ("every identity of account 111122223333", 1, Notice, Danger),
        ("arn:aws:iam::111122223333:role/App", 1, Notice, Detail),
    ] {
        let gains = change(principal, &made(condition));
        let loses = AccessChange {
            direction: Direction::Lost,
            kind: ChangeKind::Loses,
            to: Level::Denied,
            ..gains.clone()
        };
        let denied = AccessChange { to: Level::ExplicitlyDenied, ..loses.clone() };
        let moved = AccessChange { kind: ChangeKind::Moved, ..loses.clone() };
        let deputy = AccessChange { confused_deputy: true, ..gains.clone() };
        let weights = [&gains, &loses, &denied].map(|change| markdown::weight(change, &home()));
        assert_eq!(weights, [gained, lost, Danger], "{principal}");
        let weights = [&moved, &deputy].map(|change| markdown::weight(change, &home()));
        // What moves is gained by strangers, too.
        assert_eq!(weights[0], gained.max(lost), "{principal}");
        let is_service = principal.contains(".amazonaws.");
        assert_eq!(weights[1], if is_service { Danger } else { gained }, "{principal}");
    }
    for (condition, weight) in [
        ("aws:SourceAccount = 111122223333", Notice),
        ("aws:SourceArn like arn:aws:logs:*:111122223333:* and kms:ViaService = x", Notice),
        ("aws:SourceArn = arn:aws:x::111122223333:a | arn:aws:x::111122223333:b", Notice),
        ("aws:SourceAccount = 111122223333 | 666666666666", Danger),
        ("aws:SourceOrgID = o | x and aws:SourceAccount = 111122223333", Danger),
        ("aws:SourceOrgID = o and aws:SourceAccount = 111122223333", Danger),
        ("aws:SourceArn = arn:aws:s3:::b/:111122223333:x", Danger),
        ("aws:SourceArn like arn:aws:x:*:*:y:111122223333:*", Danger),
    ] {
        let mut change = change("logs.eusc-de-east-1.amazonaws.eu", &made(1));
        change.condition = Some(condition.to_owned());
        assert_eq!(markdown::weight(&change, &home()), weight, "{condition}");
    }
}

fn drifted(name: &str, fields: &[(&str, Value, Value)]) -> Drift {
    let field = |(path, before, after): &(&str, Value, Value)| FieldChange {
        path: (*path).to_owned(),
        before: before.clone(),
        after: after.clone(),
    };
    let fields = fields.iter().map(field).collect();
    Drift { address: key(name), happened: Happened::Changed, fields, ignored: None }
}

fn policies(before: &[Value], after: &[Value]) -> (&'static str, Value, Value) {
    let text = |statements: &[Value]| json!(document(statements).pretty());
    ("policy", text(before), text(after))
}

fn report(drifts: &Drifts) -> String {
    let text = markdown::drifts(drifts, &Caller::default());
    assert!(text.chars().count() <= LIMIT);
    assert_eq!(text, markdown::drifts(drifts, &Caller::default()));
    text
}

#[test]
fn a_description_hides_no_public_access_in_a_drift_report() {
    let description = ("description", json!("one"), json!("#".repeat(8_192)));
    let everyone = statement("Allow", &json!("*"), &["kms:*"], &Value::Null);
    let account = json!({"AWS": "arn:aws:iam::666666666666:root"});
    let mut other = statement("Allow", &account, &["kms:*"], &Value::Null);
    other["Sid"] = json!("s");
    let both = [everyone, other.clone()];
    let of_both = drifted("z", &[policies(&[], &both)]);
    let of_other = drifted("y", &[policies(&[], &[other])]);
    let text = report(&drifts(vec![drifted("a", &[description]), of_both.clone(), of_other]));
    assert!(says(&text, &["key/z", "PUBLIC", "everyone gains"]), "{text}");
    assert!(says(&text, &["key/y", "666666666666"]), "{text}");
    assert!(text.contains("- <code>key/a</code>\n  - <code>description"), "{text}");
    // Neither do the descriptions of many keys.
    let description =
        |n: usize| ("description", json!(format!("base{n}")), json!("x!".repeat(200)));
    let mut many: Vec<Drift> =
        (0..249).map(|n| drifted(&format!("k{n:04}"), &[description(n)])).collect();
    many.push(Drift { address: key("k0249"), ..of_both });
    many.push(drifted("k0250", &[("deletion", Value::Null, json!("2027-01-31"))]));
    many.push(drifted("k0251", &[("enabled", json!(true), json!(false))]));
    let text = report(&drifts(many));
    assert!(says(&text, &["key/k0249", "PUBLIC", "everyone"]), "{text}");
    assert!(says(&text, &["key/k0250", "**pending deletion"]), "{text}");
    assert!(says(&text, &["key/k0251", "**disabled"]), "{text}");
    assert!((0..249).all(|n| text.contains(&format!("key/k{n:04}"))), "{text}");
}

#[test]
fn consumers_whose_keys_do_not_work_stand_in_a_drift_report() {
    let description =
        |n: usize| drifted(&format!("k{n}"), &[("description", json!(n), json!("!".repeat(900)))]);
    let mut drifts = drifts((0..200).map(description).collect());
    drifts.findings = (0..120)
        .map(|n| Finding {
            severity: Severity::Error,
            rule: "unusable".to_owned(),
            address: key(&format!("consumer{n}")),
            message: format!("`key/a` is pending deletion {}", "x".repeat(9_000)),
        })
        .collect();
    let text = report(&drifts);
    assert!(
        (0..120).all(|n| says(&text, &[&format!("consumer{n}"), "pending deletion"])),
        "{text}"
    );
}

/// What a generated resource has.
#[derive(Clone, Debug)]
struct Made {
    what: usize,
    condition: usize,
    sign: char,
}

fn made() -> impl Strategy<Value = Vec<Made>> {
    let sign = prop::sample::select(vec!['a', '!', '`', '<', '\u{1b}', 'é']);
    let one = (0_usize..6, prop_oneof![0_usize..200, 0_usize..20_000], sign);
    let one = one.prop_map(|(what, condition, sign)| Made { what, condition, sign });
    prop::collection::vec(one, 1..40)
}

/// Returns a change of the access of `principal`.
fn change(principal: &str, made: &Made) -> AccessChange {
    let gained =
        words::changes(Some(&policy(&[])), Some(&policy(&[("r", "kms:Decrypt")])), &home());
    AccessChange {
        principal: principal.to_owned(),
        condition: (made.condition > 0).then(|| made.sign.to_string().repeat(made.condition)),
        from: Level::Denied,
        ..gained[0].clone()
    }
}

/// Adds a resource to the plan. Returns what one line of the comment says of it, if it is dangerous.
fn make(plan: &mut Plan, n: usize, made: &Made) -> Option<Vec<String>> {
    let name = format!("made{n}x");
    let (account, address) = (format!("{}", 600_000_000_000 + n), format!("key/{name}"));
    let stranger = format!("arn:aws:iam::{account}:role/x");
    let access = |change| accessed(&key(&name), change);
    match made.what {
        0 => plan.access.push(access(change(&stranger, made))),
        1 => plan.access.push(access(AccessChange { public: true, ..change("*", made) })),
        2 => plan.access.push(access(AccessChange {
            direction: Direction::Lost,
            kind: ChangeKind::Loses,
            from: Level::Allowed,
            to: Level::ExplicitlyDenied,
            ..change("*", made)
        })),
        3 => {
            let from = Spec::Key(key_spec("x", policy(&[]), None));
            let mut gone = step(key(&name), Change::Delete { from }, Some(ARN), vec![]);
            gone.risk = Some(made.sign.to_string().repeat(made.condition));
            plan.steps.push(gone);
        }
        _ => plan.access.push(access(change("arn:aws:iam::111122223333:role/App", made))),
    }
    let mut step = creation(&made.sign.to_string().repeat(made.condition)).steps[0].clone();
    if made.what != 3 {
        step.address = key(&name);
        plan.steps.push(step);
    }
    match made.what {
        0 => Some(vec![address, account, "gains decrypt".to_owned()]),
        1 => Some(vec![address, "PUBLIC".to_owned(), "gains decrypt".to_owned()]),
        2 => Some(vec![address, "is denied decrypt explicitly".to_owned()]),
        3 => Some(vec!["delete".to_owned(), address]),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_danger_of_a_plan_stands_in_its_comment(all in made(), harmless in 0_usize..400) {
        let mut plan = update("x");
        let own = plan.access[0].clone();
        for n in 0..harmless {
            let mut own = own.clone();
            own.source = key(&format!("harmless{n}"));
            own.key = own.source.to_string();
            own.change.condition = Some(format!("t = {n} {}", "!".repeat(40)));
            plan.access.push(own);
        }
        let said: Vec<Vec<String>> =
            all.iter().enumerate().filter_map(|(n, made)| make(&mut plan, n, made)).collect();
        let text = comment(&plan);
        prop_assert!(!text.contains("missing here"));
        for words in &said {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            prop_assert!(says(&text, &words), "{words:?}: {text}");
        }
    }

    #[test]
    fn every_danger_of_a_drift_report_stands_in_its_comment(all in made(), harmless in 0_usize..300) {
        let described = |n: usize, length: usize| {
            drifted(&format!("harmless{n}x"), &[("description", json!("a"), json!("!".repeat(length)))])
        };
        let mut drift: Vec<Drift> = (0..harmless).map(|n| described(n, n * 7)).collect();
        let mut said: Vec<Vec<String>> = Vec::new();
        for (n, made) in all.iter().enumerate() {
            let name = format!("made{n}x");
            let account = format!("{}", 600_000_000_000 + n);
            let condition = match made.condition {
                0 => Value::Null,
                length => json!({"StringEquals": {"kms:EncryptionContext:n": "x".repeat(length)}}),
            };
            let allow = |principal: &Value| {
                policies(&[], &[statement("Allow", principal, &["kms:Decrypt"], &condition)])
            };
            let description = ("description", json!("a"), json!("#".repeat(made.condition)));
            let (changed, words) = match made.what {
                0 => (allow(&json!({"AWS": format!("arn:aws:iam::{account}:role/x")})), vec![account]),
                1 => (allow(&json!("*")), vec!["PUBLIC".to_owned()]),
                2 => (
                    policies(&[], &[statement("Deny", &json!("*"), &["kms:Decrypt"], &Value::Null)]),
                    vec!["everyone is denied decrypt".to_owned()],
                ),
                3 => (("enabled", json!(true), json!(false)), vec!["**disabled".to_owned()]),
                4 => (("deletion", Value::Null, json!("2027-01-31")), vec!["**pending".to_owned()]),
                _ => (allow(&own()), Vec::new()),
            };
            if !words.is_empty() {
                said.push([vec![format!("key/{name}")], words].concat());
            }
            drift.push(drifted(&name, &[changed, description]));
        }
        let text = report(&drifts(drift));
        prop_assert!(!text.contains("missing here"));
        for words in &said {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            prop_assert!(says(&text, &words), "{words:?}: {text}");
        }
    }
}
