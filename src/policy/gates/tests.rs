use super::{Forbidden, Gates, PolicyChange, excess, lost};
use crate::policy::Document;
use crate::policy::access::KeyContext;
use crate::policy::grants::{Constraint, Grant};
use crate::policy::tests::{ACCOUNT, document, wrap};

fn key() -> KeyContext {
    KeyContext { account: Some(ACCOUNT.to_owned()), partition: "aws".to_owned(), arn: None }
}

/// Returns a policy of the statement for the account and other statements.
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

fn check(gates: &Gates, before: Option<&Document>, after: &Document) -> Vec<String> {
    let key = key();
    let judged = PolicyChange { key: &key, before, after, base: None, grants: &[] };
    let limit = gates.removals.zip(before);
    let removals = limit.and_then(|(limit, before)| excess(limit, &lost(before, after, &key)));
    let breaches = gates.standing(judged).into_iter().chain(gates.changing(judged)).chain(removals);
    breaches.map(|breach| format!("{}: {}", breach.gate, breach.message)).collect()
}

fn forbidding(principals: &[&str], actions: &[&str]) -> Gates {
    let set = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
    let forbidden = vec![Forbidden { principals: set(principals), actions: set(actions) }];
    Gates { forbidden, ..Gates::default() }
}

#[test]
fn forbidden_access_is_reported_with_its_statement() {
    let app = "arn:aws:iam::111122223333:role/app";
    let gates = forbidding(&[app], &["kms:Decrypt"]);
    let with = |rest: &str| check(&gates, None, &policy(rest));
    // IAM policies of the key's own account are exempt.
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
    assert!(check(&anybody, None, &policy("")).is_empty());
    let hit = check(&anybody, None, &policy(&allow(&role(ACCOUNT, "app"), "kms:Put*", "")));
    assert_eq!(hit.len(), 1, "{hit:?}");
}

#[test]
fn access_of_other_accounts_and_the_public_is_reported() {
    let accounts = Some(["444455556666".to_owned()].into());
    let gates = Gates { accounts, ..Gates::default() };
    let with = |rest: &str| check(&gates, None, &policy(rest));
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
fn a_policy_must_not_exceed_the_reference() {
    let most = policy(&allow(&role(ACCOUNT, "app"), "kms:*crypt", ""));
    let gates = Gates { reference: Some(most), ..Gates::default() };
    let with = |rest: &str| check(&gates, None, &policy(rest));
    assert!(with(&allow(&role(ACCOUNT, "app"), "kms:Decrypt", "")).is_empty());
    let more = with(&allow(&role(ACCOUNT, "app"), "kms:Sign", ""));
    assert!(more[0].contains("role/app gains kms:Sign through the statement \"it\""), "{more:?}");
    let wide = with(&allow(&role(ACCOUNT, "app"), "kms:*", ""));
    assert!(!wide.is_empty());
    // Grants count too.
    let key = key();
    let grant = Grant {
        name: Some("batch".to_owned()),
        grantee: "arn:aws:iam::111122223333:role/x".to_owned(),
        operations: ["GenerateMac".to_owned()].into(),
        ..Grant::default()
    };
    let nothing = Document::empty();
    let grants = [grant];
    let judged =
        PolicyChange { key: &key, before: None, after: &nothing, base: None, grants: &grants };
    assert_eq!(gates.standing(judged).len(), 1, "IAM policies do not have to allow it");
    let foreign =
        Grant { grantee: "arn:aws:iam::999988887777:role/x".to_owned(), ..grants[0].clone() };
    let grants = [foreign];
    assert_eq!(gates.standing(PolicyChange { grants: &grants, ..judged }).len(), 1);
}

#[test]
fn one_change_must_not_remove_access_of_too_many_principals() {
    let gates = Gates { removals: Some(1), ..Gates::default() };
    let two = policy(&format!(
        "{},{}",
        allow(&role("444455556666", "a"), "kms:Decrypt", ""),
        allow(&role("444455556666", "b"), "kms:Decrypt", "")
    ));
    let one = policy(&allow(&role("444455556666", "a"), "kms:Decrypt", ""));
    assert!(check(&gates, Some(&two), &one).is_empty());
    let all = check(&gates, Some(&two), &policy(""));
    assert!(all[0].starts_with("removals: 2 principals lose access, at most 1 may"), "{all:?}");
    assert!(check(&gates, None, &policy("")).is_empty());
}

#[test]
fn actions_are_forbidden_in_every_spelling() {
    let anybody = forbidding(&["*"], &["kms:Decrypt"]);
    for spelling in ["kms:Decrypt", "KMS:de*", "kms:*", "*", "*:*", "k*:*", "k?s:D*"] {
        let alone = document(&wrap(&allow(&role(ACCOUNT, "app"), spelling, "")));
        let hit = check(&anybody, None, &alone);
        assert_eq!(hit.len(), 1, "{spelling}: {hit:?}");
    }
    let other = policy(&allow(&role(ACCOUNT, "app"), "kms:DescribeKey", ""));
    assert_eq!(check(&anybody, None, &other), Vec::<String>::new());
}

#[test]
fn an_account_that_is_not_listed_is_reported() {
    let gates = Gates { accounts: Some(["444455556666".to_owned()].into()), ..Gates::default() };
    let with = |rest: &str| check(&gates, None, &policy(rest));
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
    // The name of a role can look like an account.
    assert_eq!(with(&allow(&role(ACCOUNT, "x-999988887777"), "kms:Sign", "")), NOTHING);
    assert_eq!(with(&allow(&role("444455556666", "x-999988887777"), "kms:Sign", "")), NOTHING);
    assert_eq!(arn("arn:aws:iam::111122223333:role/x-999988887777-*"), NOTHING);
    assert_eq!(arn("arn:aws:iam::444455556666:role/*"), NOTHING);
    // A pattern on any account is reported, one on the key's own account is not.
    let own = r#","Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/app"},"StringEquals":{"kms:CallerAccount":"111122223333"}}"#;
    assert_eq!(with(&allow("\"*\"", "kms:Decrypt", own)), NOTHING);
    let services = r#"{"Service":["s3.amazonaws.com","sns.amazonaws.com.cn"]}"#;
    assert_eq!(with(&allow(services, "kms:Decrypt", "")), NOTHING);
}

const NOTHING: [&str; 0] = [];

/// Returns a policy with too many patterns to distinguish.
fn too_many_patterns() -> Document {
    let names: Vec<String> =
        (0..130).map(|n| format!(r#""arn:aws:iam::999988887777:role/a{n}-*""#)).collect();
    let condition =
        format!(r#","Condition":{{"ArnLike":{{"aws:PrincipalArn":[{}]}}}}"#, names.join(","));
    policy(&allow("\"*\"", "kms:*", &condition))
}

#[test]
fn unknown_access_does_not_pass() {
    let unknown = |gates: &Gates, before: Option<&Document>, after: &Document| {
        let lines = check(gates, before, after);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].ends_with("is unknown"), "{lines:?}");
    };
    unknown(&forbidding(&["*"], &["kms:Decrypt"]), None, &too_many_patterns());
    unknown(&Gates { accounts: Some([].into()), ..Gates::default() }, None, &too_many_patterns());
    let removals = Gates { removals: Some(100), ..Gates::default() };
    unknown(&removals, Some(&too_many_patterns()), &policy(""));
    let reference = Gates { reference: Some(policy("")), ..Gates::default() };
    unknown(&reference, None, &too_many_patterns());
    // A principal that cannot make requests.
    unknown(&forbidding(&["nobody"], &["kms:Decrypt"]), None, &policy(""));
}

#[test]
fn statements_have_the_same_labels_as_in_every_output() {
    let anybody = forbidding(&["*", "arn:aws:iam::111122223333:role/app"], &["kms:Decrypt"]);
    let bare = allow(&role(ACCOUNT, "app"), "kms:Decrypt", "").replace(r#""Sid":"it","#, "");
    let lines = check(&anybody, None, &policy(&bare));
    let due = "forbidden: arn:aws:iam::111122223333:role/app is allowed kms:Decrypt through the statement #2";
    assert_eq!(lines, [due]);
}

fn with_grant(gates: &Gates, grant: Grant) -> Vec<String> {
    let key = key();
    let after = policy("");
    let judged =
        PolicyChange { key: &key, before: None, after: &after, base: None, grants: &[grant] };
    gates.standing(judged).into_iter().map(|breach| breach.message).collect()
}

fn grant_to(grantee: &str) -> Grant {
    Grant {
        id: "g1".to_owned(),
        grantee: grantee.to_owned(),
        operations: ["Decrypt".to_owned()].into(),
        ..Grant::default()
    }
}

/// A request can meet any constraint of a grant.
#[test]
fn a_grant_with_a_constraint_does_not_pass() {
    let app = "arn:aws:iam::111122223333:role/app";
    let gates = forbidding(&[app], &["kms:Decrypt"]);
    let pairs = || [("app".to_owned(), "b".to_owned())].into();
    for grant in [
        Grant { context: Some(Constraint::Subset(pairs())), ..grant_to(app) },
        Grant { context: Some(Constraint::Equals(pairs())), ..grant_to(app) },
        Grant { source: Some("arn:aws:s3:::b".to_owned()), ..grant_to(app) },
    ] {
        let found = with_grant(&gates, grant);
        assert_eq!(found, [format!("{app} may be allowed kms:Decrypt through the grant g1")]);
    }
    assert!(with_grant(&gates, grant_to("arn:aws:iam::111122223333:role/web")).is_empty());
}

/// A grant allows what IAM policies do not have to allow.
#[test]
fn a_grant_exceeds_a_reference_that_leaves_access_to_iam() {
    let app = "arn:aws:iam::111122223333:role/app";
    let gates = |reference: Document| Gates { reference: Some(reference), ..Gates::default() };
    assert_eq!(with_grant(&gates(policy("")), grant_to(app)).len(), 1);
    let allowing = policy(&allow(&role(ACCOUNT, "app"), "kms:Decrypt", ""));
    assert!(with_grant(&gates(allowing), grant_to(app)).is_empty());
}

#[test]
fn a_forbidden_account_stands_for_its_users_and_roles() {
    for who in ["888888888888", "arn:aws:iam::888888888888:root"] {
        let gates = forbidding(&[who], &["kms:Decrypt"]);
        let with = |rest: &str| check(&gates, None, &policy(rest));
        assert!(!with(&allow(&role("888888888888", "x"), "kms:Decrypt", "")).is_empty(), "{who}");
        let encrypting = with(&allow(&role("888888888888", "x"), "kms:Encrypt", ""));
        assert_eq!(encrypting, [""; 0]);
        assert!(with(&allow(&role("999999999999", "x"), "kms:Decrypt", "")).is_empty());
        assert!(!with(&allow(r#""*""#, "kms:Decrypt", "")).is_empty());
        let found = with_grant(&gates, grant_to("arn:aws:iam::888888888888:role/x"));
        assert!(!found.is_empty(), "{who}");
    }
}

#[test]
fn services_that_act_for_other_accounts_have_access() {
    let gates = Gates { accounts: Some(["444455556666".to_owned()].into()), ..Gates::default() };
    let told = |condition: &str| {
        let service = r#"{"Service":"sns.amazonaws.com"}"#;
        let rest = format!(r#","Condition":{{{condition}}}"#);
        check(&gates, None, &policy(&allow(service, "kms:Decrypt", &rest)))
    };
    let by = |who: &str| {
        format!("accounts: {who} has access by an AWS service through the statement \"it\"")
    };
    let (other, any) = (by("the account 999999999999"), by("an account that is not named"));
    for (condition, expected) in [
        (r#""StringEquals":{"aws:SourceAccount":"111122223333"}"#, vec![]),
        (r#""StringEquals":{"aws:SourceAccount":["111122223333","444455556666"]}"#, vec![]),
        (r#""StringEquals":{"aws:SourceAccount":"999999999999"}"#, vec![other.clone()]),
        (
            r#""StringEquals":{"AWS:sourceaccount":["444455556666","999999999999"]}"#,
            vec![other.clone()],
        ),
        (r#""StringLike":{"aws:SourceAccount":"*"}"#, vec![any.clone()]),
        (
            r#""ArnLike":{"aws:SourceArn":"arn:aws:sns:eu-west-1:999999999999:t"}"#,
            vec![other.clone()],
        ),
        (r#""ArnLike":{"aws:SourceArn":"arn:aws:sns:*:*:t"}"#, vec![any.clone()]),
        (r#""ArnLike":{"aws:SourceArn":"*"}"#, vec![any.clone()]),
        (
            r#""ArnLike":{"aws:SourceArn":"arn:aws:sns:*:*:t"},"StringEquals":{"aws:SourceAccount":"111122223333"}"#,
            vec![],
        ),
        (r#""ArnLike":{"aws:SourceArn":"arn:aws:s3:::bucket"}"#, vec![any.clone()]),
        (r#""StringNotEquals":{"aws:SourceAccount":"999999999999"}"#, vec![any.clone()]),
        (r#""StringNotEquals":{"aws:SourceAccount":"111122223333"}"#, vec![any.clone()]),
        (
            r#""ArnLike":{"aws:SourceArn":["arn:aws:s3:::bucket","arn:aws:sns:eu-west-1:111122223333:t"]},"StringEquals":{"aws:SourceAccount":"999999999999"}"#,
            vec![any.clone(), other.clone()],
        ),
        (
            r#""StringEqualsIfExists":{"aws:SourceAccount":"111122223333"},"ArnLike":{"aws:SourceArn":"arn:aws:sns:eu-west-1:999999999999:t"}"#,
            vec![other.clone()],
        ),
        (
            r#""ForAllValues:StringEquals":{"aws:SourceAccount":"111122223333"},"ArnLike":{"aws:SourceArn":"arn:aws:sns:eu-west-1:999999999999:t"}"#,
            vec![other.clone()],
        ),
        (
            r#""StringEqualsIfExists":{"kms:CallerAccount":"111122223333"},"StringEquals":{"aws:SourceAccount":"999999999999"}"#,
            vec![other.clone()],
        ),
        (r#""StringEquals":{"aws:SourceOrgID":"o-1234567890"}"#, vec![any.clone()]),
        (
            r#""StringEquals":{"aws:SourceOrgID":"o-1234567890","aws:SourceAccount":"111122223333"}"#,
            vec![],
        ),
        (
            r#""StringLike":{"kms:EncryptionContext:aws:sns:topicArn":"arn:aws:sns:*:999999999999:*"}"#,
            vec![any.clone()],
        ),
        (
            r#""StringEquals":{"kms:EncryptionContext:aws:cloudtrail:arn":"arn:aws:cloudtrail:eu-west-1:999999999999:trail/t"}"#,
            vec![other.clone()],
        ),
        (
            r#""StringLike":{"kms:EncryptionContext:aws:cloudtrail:arn":"arn:aws:cloudtrail:*:111122223333:trail/*"}"#,
            vec![],
        ),
        (r#""StringLike":{"aws:SourceArn":"arn:aws:logs:*:111122223333:*"}"#, vec![any.clone()]),
        (r#""ArnLike":{"aws:SourceArn":"arn:aws:logs:*:111122223333:*"}"#, vec![]),
        (r#""StringEquals":{"kms:EncryptionContext:purpose":"x"}"#, vec![]),
        (r#""StringLike":{"aws:SourceArn":"*:999999999999:*"}"#, vec![any.clone()]),
        (r#""StringEquals":{"aws:PrincipalAccount":"999999999999"}"#, vec![other.clone()]),
        (
            r#""StringEquals":{"aws:SourceAccount":"999999999999","kms:EncryptionContext:foo":"arn:aws:sns:eu-west-1:111122223333:t"}"#,
            vec![other.clone()],
        ),
    ] {
        assert_eq!(told(condition), expected, "{condition}");
    }
}

#[test]
fn services_and_providers_that_anybody_can_use_do_not_pass() {
    let gates = Gates { accounts: Some([].into()), ..Gates::default() };
    let told = |principal: &str, condition: &str| {
        let rest = format!(r#","Condition":{{{condition}}}"#);
        check(&gates, None, &policy(&allow(principal, "kms:Decrypt", &rest)))
    };
    let by_service = r#""Bool":{"aws:PrincipalIsAWSService":"true"}"#;
    assert!(told(r#""*""#, by_service)[0].contains("anybody who makes an AWS service act"));
    let own = format!(r#"{by_service},"StringEquals":{{"aws:SourceAccount":"111122223333"}}"#);
    assert!(told(r#""*""#, &own).is_empty());
    let pools = r#"{"Federated":"cognito-identity.amazonaws.com"}"#;
    let anywhere = r#""StringEquals":{"aws:RequestedRegion":"eu-west-1"}"#;
    assert!(told(pools, anywhere)[0].contains("an account that is not named has access"));
    let lambda = r#"{"Service":"lambda.amazonaws.com"}"#;
    assert!(told(lambda, anywhere).is_empty(), "lint has a finding about a named service");
}

#[test]
fn a_grant_reaches_the_accounts_of_its_source_and_its_retiring_principal() {
    let gates = Gates { accounts: Some([].into()), ..Gates::default() };
    let told = |grant: Grant| {
        let nothing = Document::empty();
        let (key, grants) = (key(), [grant]);
        let change =
            PolicyChange { key: &key, before: None, after: &nothing, base: None, grants: &grants };
        gates.standing(change).into_iter().map(|breach| breach.message).collect::<Vec<_>>()
    };
    let base = Grant {
        id: "g".to_owned(),
        grantee: "arn:aws:iam::111122223333:role/App".to_owned(),
        operations: ["Decrypt".to_owned()].into(),
        ..Grant::default()
    };
    assert!(told(base.clone()).is_empty());
    let retiring = Some("arn:aws:iam::999999999999:role/x".to_owned());
    assert_eq!(
        told(Grant { retiring, ..base.clone() }),
        ["the account 999999999999 may retire a grant through the grant g"]
    );
    let grantee = "sns.amazonaws.com".to_owned();
    let source = Some("arn:aws:sns:eu-west-1:999999999999:t".to_owned());
    assert_eq!(
        told(Grant { grantee, source, ..base }),
        ["the account 999999999999 has access by an AWS service through the grant g"]
    );
}

#[test]
fn a_grant_for_the_own_account_is_not_delegated() {
    let gates = forbidding(&["*"], &["kms:Decrypt"]);
    let key = key();
    let grants = [Grant {
        id: "g".to_owned(),
        grantee: format!("arn:aws:iam::{ACCOUNT}:root"),
        operations: ["Decrypt".to_owned()].into(),
        ..Grant::default()
    }];
    let after = policy("");
    let change =
        PolicyChange { key: &key, before: None, after: &after, base: None, grants: &grants };
    let told: Vec<String> = gates.standing(change).into_iter().map(|b| b.message).collect();
    assert_eq!(
        told,
        [format!("arn:aws:iam::{ACCOUNT}:root is allowed kms:Decrypt through the grant g")]
    );
    let reference = Gates { reference: Some(policy("")), ..Gates::default() };
    let told: Vec<String> = reference.standing(change).into_iter().map(|b| b.message).collect();
    let [only] = told.as_slice() else { panic!("{told:?}") };
    assert!(only.contains(":root gains kms:Decrypt through the grant g"), "{only}");
}

/// What is left out as left to IAM must never be a breach when it is decided.
#[test]
fn principals_that_no_policy_names_are_left_to_iam() {
    use super::named::Named;
    let who = [
        "arn:aws:iam::111122223333:role/App",
        "arn:aws:iam::111122223333:role/path/App",
        "arn:aws:iam::111122223333:role/Web",
        "arn:aws:iam::111122223333:user/App",
        "arn:aws:iam::444455556666:role/App",
        "arn:aws:iam::111122223333:root",
        "arn:aws:sts::111122223333:assumed-role/App/session",
        "sns.amazonaws.com",
    ];
    let named = [
        r#""*""#,
        r#"{"AWS":"*"}"#,
        r#"{"AWS":"111122223333"}"#,
        r#"{"AWS":"arn:aws:iam::444455556666:root"}"#,
        r#"{"AWS":"arn:aws:iam::111122223333:role/App"}"#,
        r#"{"AWS":"arn:aws:iam::111122223333:role/path/App"}"#,
        r#"{"AWS":"arn:aws:iam::444455556666:role/App"}"#,
        r#"{"AWS":"arn:aws:iam::111122223333:user/App"}"#,
        r#"{"AWS":"arn:aws:sts::111122223333:assumed-role/App/session"}"#,
        r#"{"Service":"sns.amazonaws.com"}"#,
        r#"{"Federated":"accounts.google.com"}"#,
    ];
    let mut left = 0;
    let key = key();
    for text in named {
        let statement = allow(text, "kms:Decrypt", "");
        let other = statement.replace(r#""Principal""#, r#""NotPrincipal""#);
        let grant = |who: &str| Grant {
            id: "g".to_owned(),
            grantee: who.to_owned(),
            operations: ["Decrypt".to_owned()].into(),
            ..Grant::default()
        };
        for (document, grants) in [
            (policy(&statement), vec![]),
            (policy(&other), vec![]),
            (policy(""), vec![grant(who[0])]),
            (policy(""), vec![grant("111122223333")]),
            (policy(""), vec![grant("AROAABCDEFGHIJKLMNOPQ")]),
        ] {
            let typed = document.typed();
            let change = PolicyChange {
                key: &key,
                before: None,
                after: &document,
                base: None,
                grants: &grants,
            };
            let found = Named::of(&typed, change);
            for who in who.into_iter().filter(|who| found.leaves_to_iam(who, &key)) {
                left += 1;
                let change = PolicyChange {
                    key: &key,
                    before: None,
                    after: &document,
                    base: None,
                    grants: &grants,
                };
                let breach = super::forbidden_action(who, "kms:Decrypt", &typed, change);
                assert_eq!(breach, None, "{who} {text}");
            }
        }
    }
    assert!(left >= 30, "{left}");
}

#[test]
fn a_federated_session_is_one_of_any_user() {
    let bob = "arn:aws:iam::111122223333:user/Bob";
    let session = r#"{"AWS":"arn:aws:sts::111122223333:federated-user/any"}"#;
    let gates = forbidding(&[bob], &["kms:Decrypt"]);
    let with = |actions: &str| check(&gates, None, &policy(&allow(session, actions, "")));
    assert_eq!(
        with("kms:De*"),
        [format!(
            "forbidden: {bob} may be allowed access by a federated session through the statement \"it\""
        )]
    );
    assert!(with("kms:Encrypt").is_empty());
}

/// A session differs from its user by the ARN, the type and the name of the principal.
#[test]
fn a_federated_session_is_found_by_what_tells_it_from_its_user() {
    let eve = "arn:aws:iam::111122223333:user/Eve";
    let gates = forbidding(&[eve], &["kms:Decrypt"]);
    let told = |who: &str, condition: &str| {
        let condition = format!(r#","Condition":{condition}"#);
        check(&gates, None, &policy(&allow(who, "kms:Decrypt", &condition)))
    };
    let session = "arn:aws:sts::111122223333:federated-user";
    for condition in [
        format!(r#"{{"ArnLike":{{"aws:PrincipalArn":"{session}/*"}}}}"#),
        format!(r#"{{"ArnEquals":{{"aws:PrincipalArn":"{session}/Eve"}}}}"#),
        format!(r#"{{"StringEquals":{{"aws:PrincipalArn":"{session}/zz"}}}}"#),
        r#"{"StringLike":{"aws:PrincipalArn":"arn:aws:sts::111122223333:*"}}"#.to_owned(),
        r#"{"StringEquals":{"aws:PrincipalType":"FederatedUser","kms:CallerAccount":"111122223333"}}"#.to_owned(),
        r#"{"Null":{"aws:username":"true"},"StringEquals":{"kms:CallerAccount":"111122223333"}}"#.to_owned(),
    ] {
        assert!(!told("\"*\"", &condition).is_empty(), "{condition}");
    }
    // A session of another account, and roles of this one, are not sessions of the user.
    for condition in [
        r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:sts::444455556666:federated-user/*"}}"#,
        r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/*"}}"#,
        r#"{"StringEquals":{"aws:PrincipalType":"AssumedRole","kms:CallerAccount":"111122223333"}}"#,
    ] {
        assert_eq!(told("\"*\"", condition), [""; 0], "{condition}");
    }
}

/// The path of an identity can contain colons, and so the whole ARN of another one.
#[test]
fn a_pattern_of_texts_may_match_the_path_of_an_identity_of_another_account() {
    let gates = Gates { accounts: Some([].into()), ..Gates::default() };
    let told = |pattern: &str, operator: &str| {
        let condition =
            format!(r#","Condition":{{"{operator}":{{"aws:PrincipalArn":"{pattern}"}}}}"#);
        check(&gates, None, &policy(&allow("\"*\"", "kms:Encrypt", &condition)))
    };
    for pattern in [
        "arn:aws:iam::*:role/:111122223333:role/Dev",
        "arn:aws:iam::66666666666?:role/:111122223333:role/Dev",
        "*:111122223333:role/Dev",
        "*:111122223333:*",
        "arn:*:111122223333:role/Dev",
    ] {
        assert!(!told(pattern, "StringLike").is_empty(), "{pattern}");
    }
    assert!(!told("arn:aws:iam::*:role/:111122223333:role/Dev", "ArnLike").is_empty());
    for pattern in ["arn:aws:iam::111122223333:role/*", "arn:aws:iam::111122223333:role/x/Dev*"] {
        for operator in ["StringLike", "ArnLike"] {
            assert_eq!(told(pattern, operator), [""; 0], "{operator} {pattern}");
        }
    }
}
