use super::Document;
use super::access::KeyContext;
use super::gates::{Forbidden, Gates, Judged};
use super::grants::Grant;
use super::tests::{ACCOUNT, document, wrap};

fn key() -> KeyContext {
    KeyContext { account: Some(ACCOUNT.to_owned()), partition: "aws".to_owned(), arn: None }
}

/// The account-root statement and another one.
fn policy(rest: &str) -> Document {
    let root = r#"{"Sid":"root","Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"kms:*","Resource":"*"}"#;
    let rest = if rest.is_empty() { String::new() } else { format!(",{rest}") };
    document(&wrap(&format!("{root}{rest}")))
}

fn allow(who: &str, actions: &str, rest: &str) -> String {
    format!(
        r#"{{"Sid":"it","Effect":"Allow","Principal":{who},"Action":"{actions}","Resource":"*"{rest}}}"#
    )
}

fn role(account: &str, name: &str) -> String {
    format!(r#"{{"AWS":"arn:aws:iam::{account}:role/{name}"}}"#)
}

fn judge(gates: &Gates, before: Option<&Document>, after: &Document) -> Vec<String> {
    let key = key();
    let judged = Judged { key: &key, before, after, base: None, grants: &[] };
    let breaches = gates.standing(judged).into_iter().chain(gates.changing(judged));
    breaches.map(|breach| format!("{}: {}", breach.gate, breach.message)).collect()
}

fn forbidding(principals: &[&str], actions: &[&str]) -> Gates {
    let set = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
    let forbidden = vec![Forbidden { principals: set(principals), actions: set(actions) }];
    Gates { forbidden, ..Gates::default() }
}

#[test]
fn access_that_must_not_be_given_is_named_with_its_statement() {
    let app = "arn:aws:iam::111122223333:role/app";
    let gates = forbidding(&[app], &["kms:Decrypt"]);
    let with = |rest: &str| judge(&gates, None, &policy(rest));
    // What IAM decides in the key's own account is IAM's.
    assert_eq!(with(""), Vec::<String>::new());
    assert_eq!(with(&allow(&role(ACCOUNT, "app"), "kms:Encrypt", "")), Vec::<String>::new());
    assert_eq!(with(&allow(&role(ACCOUNT, "web"), "kms:Decrypt", "")), Vec::<String>::new());
    assert_eq!(
        with(&allow(&role(ACCOUNT, "app"), "kms:De*", "")),
        [format!("forbidden: {app} is allowed kms:Decrypt through the statement \"it\"")]
    );
    let unless = r#","Condition":{"StringEquals":{"kms:ViaService":"s3.eu-west-1.amazonaws.com"}}"#;
    assert_eq!(
        with(&allow(&role(ACCOUNT, "app"), "kms:Decrypt", unless)),
        [format!("forbidden: {app} may be allowed kms:Decrypt through the statement \"it\"")]
    );
    let anybody = forbidding(&["*"], &["kms:PutKeyPolicy"]);
    assert!(judge(&anybody, None, &policy("")).is_empty());
    let hit = judge(&anybody, None, &policy(&allow(&role(ACCOUNT, "app"), "kms:Put*", "")));
    assert_eq!(hit.len(), 1, "{hit:?}");
}

#[test]
fn other_accounts_and_the_public_are_strangers() {
    let accounts = Some(["444455556666".to_owned()].into());
    let gates = Gates { accounts, ..Gates::default() };
    let with = |rest: &str| judge(&gates, None, &policy(rest));
    assert!(with(&allow(&role("444455556666", "a"), "kms:Decrypt", "")).is_empty());
    let foreign = with(&allow(&role("999988887777", "a"), "kms:Decrypt", ""));
    assert!(foreign[0].starts_with("accounts: the account 999988887777 has access"), "{foreign:?}");
    let public = with(&allow("\"*\"", "kms:Decrypt", ""));
    assert!(public.iter().any(|line| line.starts_with("accounts: the public")), "{public:?}");
    let ours = r#","Condition":{"StringEquals":{"kms:CallerAccount":"111122223333"}}"#;
    assert_eq!(with(&allow("\"*\"", "kms:Decrypt", ours)), Vec::<String>::new());
    let theirs = r#","Condition":{"StringEquals":{"kms:CallerAccount":"999988887777"}}"#;
    assert!(!with(&allow("\"*\"", "kms:Decrypt", theirs)).is_empty());
    let service = r#"{"Service":"cloudtrail.amazonaws.com"}"#;
    assert_eq!(with(&allow(service, "kms:GenerateDataKey", "")), Vec::<String>::new());
}

#[test]
fn a_reference_is_the_most_that_a_policy_gives() {
    let most = policy(&allow(&role(ACCOUNT, "app"), "kms:*crypt", ""));
    let gates = Gates { reference: Some(most), ..Gates::default() };
    let with = |rest: &str| judge(&gates, None, &policy(rest));
    assert!(with(&allow(&role(ACCOUNT, "app"), "kms:Decrypt", "")).is_empty());
    let more = with(&allow(&role(ACCOUNT, "app"), "kms:Sign", ""));
    assert!(more[0].contains("role/app gets kms:Sign through the statement \"it\""), "{more:?}");
    let wide = with(&allow(&role(ACCOUNT, "app"), "kms:*", ""));
    assert!(!wide.is_empty());
    // A grant is judged as well.
    let key = key();
    let grant = Grant {
        name: Some("batch".to_owned()),
        grantee: "arn:aws:iam::111122223333:role/x".to_owned(),
        operations: ["GenerateMac".to_owned()].into(),
        ..Grant::default()
    };
    let nothing = Document::silent();
    let grants = [grant];
    let judged = Judged { key: &key, before: None, after: &nothing, base: None, grants: &grants };
    assert_eq!(gates.standing(judged).len(), 0, "IAM of the account decides");
    let foreign =
        Grant { grantee: "arn:aws:iam::999988887777:role/x".to_owned(), ..grants[0].clone() };
    let grants = [foreign];
    assert_eq!(gates.standing(Judged { grants: &grants, ..judged }).len(), 1);
}

#[test]
fn one_change_takes_access_from_so_many_and_no_more() {
    let gates = Gates { removals: Some(1), ..Gates::default() };
    let two = policy(&format!(
        "{},{}",
        allow(&role("444455556666", "a"), "kms:Decrypt", ""),
        allow(&role("444455556666", "b"), "kms:Decrypt", "")
    ));
    let one = policy(&allow(&role("444455556666", "a"), "kms:Decrypt", ""));
    assert!(judge(&gates, Some(&two), &one).is_empty());
    let all = judge(&gates, Some(&two), &policy(""));
    assert!(all[0].starts_with("removals: 2 lose access, at most 1 may"), "{all:?}");
    assert!(judge(&gates, None, &policy("")).is_empty());
}

#[test]
fn every_spelling_of_an_action_is_the_action() {
    let anybody = forbidding(&["*"], &["kms:Decrypt"]);
    for spelling in ["kms:Decrypt", "KMS:de*", "kms:*", "*", "*:*", "k*:*", "k?s:D*"] {
        let alone = document(&wrap(&allow(&role(ACCOUNT, "app"), spelling, "")));
        let hit = judge(&anybody, None, &alone);
        assert_eq!(hit.len(), 1, "{spelling}: {hit:?}");
    }
    let other = policy(&allow(&role(ACCOUNT, "app"), "kms:DescribeKey", ""));
    assert_eq!(judge(&anybody, None, &other), Vec::<String>::new());
}

#[test]
fn an_account_that_is_not_named_is_a_stranger() {
    let gates = Gates { accounts: Some(["444455556666".to_owned()].into()), ..Gates::default() };
    let with = |rest: &str| judge(&gates, None, &policy(rest));
    let when = |operator: &str, key: &str, value: &str| {
        let condition = format!(r#","Condition":{{"{operator}":{{"{key}":"{value}"}}}}"#);
        with(&allow("\"*\"", "kms:Decrypt", &condition))
    };
    let arn = |value: &str| when("ArnLike", "aws:PrincipalArn", value);
    for strange in [
        arn("arn:aws:iam::*:role/app"),
        arn("arn:aws:iam::1111*:role/app"),
        arn("arn:aws:iam::999988887777:role/app-*"),
        when("StringEquals", "aws:SourceVpce", "vpce-1"),
        when("StringEquals", "aws:PrincipalOrgID", "o-1"),
    ] {
        assert!(!strange.is_empty());
        assert!(strange.iter().all(|line| line.starts_with("accounts: ")), "{strange:?}");
    }
    let unnamed = arn("arn:aws:iam::*:role/app");
    assert!(unnamed[0].starts_with("accounts: an account that is not named has"), "{unnamed:?}");
    // A name is no account.
    assert_eq!(with(&allow(&role(ACCOUNT, "x-999988887777"), "kms:Sign", "")), NOTHING);
    assert_eq!(with(&allow(&role("444455556666", "x-999988887777"), "kms:Sign", "")), NOTHING);
    assert_eq!(arn("arn:aws:iam::111122223333:role/x-999988887777-*"), NOTHING);
    assert_eq!(arn("arn:aws:iam::444455556666:role/*"), NOTHING);
    // Of a pattern of any account, only the own is let in.
    let own = r#","Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/app"},"StringEquals":{"kms:CallerAccount":"111122223333"}}"#;
    assert_eq!(with(&allow("\"*\"", "kms:Decrypt", own)), NOTHING);
    let services = r#"{"Service":["s3.amazonaws.com","sns.amazonaws.com.cn"]}"#;
    assert_eq!(with(&allow(services, "kms:Decrypt", "")), NOTHING);
}

const NOTHING: [&str; 0] = [];

/// More patterns than can be told apart.
fn crowd() -> Document {
    let names: Vec<String> =
        (0..70).map(|n| format!(r#""arn:aws:iam::999988887777:role/a{n}-*""#)).collect();
    let condition =
        format!(r#","Condition":{{"ArnLike":{{"aws:PrincipalArn":[{}]}}}}"#, names.join(","));
    policy(&allow("\"*\"", "kms:*", &condition))
}

#[test]
fn what_is_not_known_does_not_pass() {
    let unknown = |gates: &Gates, before: Option<&Document>, after: &Document| {
        let lines = judge(gates, before, after);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].ends_with("is not known"), "{lines:?}");
    };
    unknown(&forbidding(&["*"], &["kms:Decrypt"]), None, &crowd());
    unknown(&Gates { accounts: Some([].into()), ..Gates::default() }, None, &crowd());
    let removals = Gates { removals: Some(100), ..Gates::default() };
    unknown(&removals, Some(&crowd()), &policy(""));
    let reference = Gates { reference: Some(policy("")), ..Gates::default() };
    unknown(&reference, None, &crowd());
    // Who cannot be asked about.
    unknown(&forbidding(&["nobody"], &["kms:Decrypt"]), None, &policy(""));
}

#[test]
fn statements_are_named_as_in_every_output() {
    let anybody = forbidding(&["*", "arn:aws:iam::111122223333:role/app"], &["kms:Decrypt"]);
    let bare = allow(&role(ACCOUNT, "app"), "kms:Decrypt", "").replace(r#""Sid":"it","#, "");
    let lines = judge(&anybody, None, &policy(&bare));
    let due = "forbidden: arn:aws:iam::111122223333:role/app is allowed kms:Decrypt through the statement #2";
    assert_eq!(lines, [due]);
}
