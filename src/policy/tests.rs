//! Published policies, pairs of equal and unequal policies, and rules that several modules share.

mod round_trip;

use super::*;
use crate::tree::Node;

const ES: &str = include_str!("seeds/es-kms-cmk-policy.json");
const KEYPOLICY: &str = include_str!("seeds/keypolicy.json");
const AUTOSCALING: &str = include_str!("seeds/autoscaling.txt");
const CLOUDTRAIL: &str = include_str!("seeds/cloudtrail.txt");
pub(super) const ACCOUNT: &str = "111122223333";

pub(super) fn node(text: &str) -> Node {
    json(text, 0).unwrap()
}

pub(super) fn document(text: &str) -> Document {
    Document::parse(&node(text), "aws").unwrap()
}

fn messages(text: &str) -> Vec<String> {
    let problems = Document::parse(&node(text), "aws").unwrap_err();
    problems.into_iter().map(|problem| problem.message).collect()
}

pub(super) fn wrap(statement: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#)
}

/// Returns a policy of one statement with these elements.
fn with(elements: &str) -> String {
    wrap(&format!("{{{elements}}}"))
}

#[test]
fn published_policies_are_read() {
    assert_eq!(document(KEYPOLICY).principals().len(), 2);
    assert_eq!(document(ES).principals().len(), 3);
    for line in AUTOSCALING.lines() {
        assert_eq!(document(&wrap(line)), document(&wrap(&line.replace("true", "\"true\""))));
    }
}

#[test]
fn published_mistakes_are_reported() {
    let line = |n: usize| CLOUDTRAIL.lines().nth(n).unwrap();
    let problem = json(line(5), 7).unwrap_err().remove(0);
    let at = u32::try_from(line(5).find("\"Effect\"").unwrap()).unwrap();
    assert_eq!((problem.span.source, problem.span.start), (7, at));
    assert_eq!(problem.message, "malformed JSON: expected `,` or `}`, found `\"`");
    let message = "the account `11111111111` in `arn:aws:iam::11111111111:role/CloudTrailReadRole` has 11 digits";
    assert_eq!(messages(&wrap(line(9))), [message]);
    for n in [3, 9] {
        assert!(Document::parse(&node(&wrap(line(n))), "aws").is_err());
    }
    for n in [0, 1, 2, 4, 6, 7, 8, 10] {
        assert!(Document::parse(&node(&wrap(line(n))), "aws").is_ok());
    }
}

#[test]
fn documents_with_the_same_meaning_are_equal() {
    let base = r#""Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:Decrypt","Resource":"*","Condition":{"Bool":{"kms:GrantIsForAWSResource":"true"},"NumericLessThan":{"kms:x":"1.10"}}"#;
    for (from, to) in [
        ("arn:aws:iam::111122223333:root", "111122223333"),
        ("\"kms:Decrypt\"", "[\"kms:Decrypt\"]"),
        ("\"kms:Decrypt\"", "[\"KMS:decrypt\",\"kms:Decrypt\"]"),
        ("\"true\"", "true"),
        ("\"1.10\"", "1.10"),
        ("\"1.10\"", "[1.10]"),
        ("kms:GrantIsForAWSResource", "KMS:grantisforawsresource"),
        ("\"Effect\":\"Allow\"", "\"Effect\":\"\\u0041llow\",\"Sid\":\"\""),
        ("{\"AWS\"", "{\"Service\":[],\"AWS\""),
        ("\"1.10\"", "[\"1.10\",\"1.10\"]"),
        ("NumericLessThan\":{\"kms:x", "NumericLessThan\":{\"KMS:X"),
    ] {
        assert!(base.contains(from), "{from}");
        assert_eq!(
            document(&with(base)),
            document(&with(&base.replace(from, to))),
            "{from} -> {to}"
        );
    }
    let twice = wrap(&format!("{{{base}}},{{{base}}}"));
    assert_eq!(document(&with(base)), document(&twice));
    let single = format!(r#"{{"Statement":{{{base}}},"Version":"2012-10-17"}}"#);
    assert_eq!(document(&with(base)), document(&single));
}

#[test]
fn documents_with_different_meanings_are_unequal() {
    let base = r#""Sid":"a","Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:Decrypt","Resource":"*","Condition":{"StringEquals":{"aws:x":"1.10"}}"#;
    for (from, to) in [
        ("{\"AWS\":\"*\"}", "\"*\""),
        ("\"1.10\"", "1.1"),
        ("\"1.10\"", "1.100"),
        ("\"1.10\"", "[]"),
        ("\"Sid\":\"a\"", "\"Sid\":\"\""),
        ("\"*\",\"Condition", "[\"*\",\"**\"],\"Condition"),
        ("StringEquals", "stringequals"),
        ("\"Sid\":\"a\"", "\"Sid\":\"A\""),
        ("\"Sid\":\"a\",", ""),
        (",\"Resource\":\"*\"", ""),
        ("\"Allow\"", "\"Deny\""),
        ("\"1.10\"", "[\"1.10\",\"2\"]"),
        ("\"Action\"", "\"NotAction\""),
    ] {
        assert!(base.contains(from), "{from}");
        assert_ne!(
            document(&with(base)),
            document(&with(&base.replace(from, to))),
            "{from} -> {to}"
        );
    }
    assert_ne!(document(&with(base)), document(&with(base).replace("2012", "2008")));
    assert_ne!(
        document(&with(base)),
        document(&with(base).replace("\"Version\":\"2012-10-17\",", ""))
    );
    let live = with(base).replace("\"AWS\":\"*\"", "\"AWS\":\"AROAABCDEFGHIJKLMNOPQ\"");
    let live = Document::from_live(&live, "aws").unwrap();
    let role = with(base).replace("\"AWS\":\"*\"", "\"AWS\":\"arn:aws:iam::111122223333:role/a\"");
    assert_ne!(live, document(&role));
}

#[test]
fn numbers_are_texts_and_duplicate_keys_are_problems() {
    let number = |value: &str| {
        with(&format!(
            r#""Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{{"NumericEquals":{{"aws:x":{value}}}}}"#
        ))
    };
    assert_eq!(document(&number("9007199254740993")), document(&number("\"9007199254740993\"")));
    assert_ne!(document(&number("9007199254740993")), document(&number("9007199254740992")));
    assert_eq!(document(&number("1e3")), document(&number("\"1e3\"")));
    assert_ne!(document(&number("1e3")), document(&number("1000")));
    // A parser that keeps only the last duplicate would drop a condition.
    for doubled in [
        r#""Condition":{"StringEquals":{"aws:a":"1"},"StringEquals":{"aws:b":"2"}}"#,
        r#""Condition":{"StringEquals":{"aws:a":"1","aws:a":"2"}}"#,
        r#""Principal":"*""#,
    ] {
        let text = with(&format!(
            r#""Effect":"Allow","Principal":"*","Action":"*","Resource":"*",{doubled}"#
        ));
        assert!(Document::from_live(&text, "aws").is_err(), "{doubled}");
    }
    // Condition keys that differ only in case are the same key, so neither may be dropped.
    let twice = |a: &str, b: &str| {
        with(&format!(
            r#""Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{{"StringEquals":{{"aws:x":"{a}","AWS:X":"{b}"}}}}"#
        ))
    };
    let live = |text: &str| Document::from_live(text, "aws").unwrap();
    assert!(Document::parse(&node(&twice("1", "2")), "aws").is_err());
    assert_ne!(live(&twice("1", "2")), live(&twice("2", "1")));
    let nobody = |who: &str| {
        live(&with(&format!(r#""Effect":"Allow","Principal":{who},"Action":"*","Resource":"*""#)))
    };
    for other in ["{}", r#"{"AWS":[]}"#, r#""x""#, r#"{"AWS":"*"}"#] {
        assert_ne!(nobody(r#""*""#), nobody(other), "{other}");
    }
}

#[test]
fn every_problem_is_collected() {
    let text = with(
        r#""Efect":"Allow","Action":"Decrypt","NotAction":"kms:*","Principal":{"AWS":["arn:aws:iam::111122223333:role/*","arn:aws:iam::111122223333:group/g","arn:aws-cn:iam::111122223333:root","arn:aws:iam::111122223333:role/",""]},"Resource":{},"Sid":"鍵""#,
    );
    assert_eq!(
        messages(&text),
        [
            "unknown statement element `Efect`",
            "the action `Decrypt` names no service",
            "`arn:aws:iam::111122223333:role/*` has a wildcard inside a principal",
            "`arn:aws:iam::111122223333:group/g` is a group, and groups are never principals",
            "`arn:aws-cn:iam::111122223333:root` is in the partition `aws-cn`, the key in `aws`",
            "`arn:aws:iam::111122223333:role/` is not a principal",
            "a principal is empty",
            "`Resource` is a map, not text or a list of texts",
            "a statement has both `Action` and `NotAction`",
            "a statement has no `Effect`",
            "`鍵` (U+9375) is not allowed in a key policy",
        ]
    );
    let problems = Document::parse(&node(&text), "aws").unwrap_err();
    assert_eq!(problems[0].help.as_deref(), Some("did you mean `Effect`?"));
    assert_eq!(messages(r#"{"Version":"2012"}"#).len(), 2);
    let long = with(&format!(r#""Effect":"Allow","Principal":"*","Sid":"{}""#, "a".repeat(32_768)));
    assert!(messages(&long)[0].contains("bytes"));
    assert_eq!(json(r#"{"a":1,"a":2}"#, 0).unwrap_err()[0].message, "`a` is written twice");
    assert!(json(&"[".repeat(100_000), 0).is_err());
}

#[test]
fn own_key_is_replaced() {
    let text =
        with(r#""Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"${aws.key_arn}""#);
    let read = document(&text);
    assert!(read.names_own_key());
    let replaced = read.with_own_key("arn:aws:kms:eu-west-1:111122223333:key/k");
    assert!(!replaced.names_own_key() && read != replaced);
    assert_eq!(replaced, document(&replaced.to_json()));
}

#[test]
fn roles_are_built() {
    let names = |name: &str| vec![format!("arn:aws:iam::{ACCOUNT}:role/{name}")];
    let (administrators, users) = (names("admin"), names("app"));
    let statement = node(r#"{"Effect":"Deny","Principal":"*","Action":"kms:Sign","Resource":"*"}"#);
    let mut roles = Roles {
        partition: "aws",
        account: ACCOUNT,
        usage: None,
        asymmetric: false,
        delegate_to_iam: true,
        administrators: &administrators,
        users: &users,
        decrypt_only: &users,
        encrypt_only: &users,
        statements: &[statement],
    };
    let parse = |roles: &Roles<'_>| Document::parse(&build(roles), "aws").unwrap();
    let built = parse(&roles);
    insta::assert_snapshot!(built.to_json());
    assert_eq!(lockout_reason(&built), None);
    roles.delegate_to_iam = false;
    assert!(lockout_reason(&parse(&roles)).unwrap().starts_with("only `arn"));
    assert_eq!(lockout_reason(&aws_default("aws", ACCOUNT)), None);
    assert!(lockout_reason(&aws_default("aws", "999999999999")).is_some());
}

fn locked(second: &str) -> bool {
    let root = r#"{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"KMS:put*","Resource":"*"}"#;
    lockout_reason(&document(&wrap(&format!("{root},{{{second}}}")))).is_some()
}

/// Returns why no durable principal could change the policy, if none could.
pub(super) fn lockout_reason(document: &Document) -> Option<String> {
    let key = eval::TargetKey { partition: "aws", account: ACCOUNT, arn: None };
    lockout(document, &key, None).map(|found| found.reason)
}

#[test]
fn the_caller_must_be_able_to_change_the_policy_again() {
    let text = with(
        r#""Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:role/a","arn:aws:iam::111122223333:user/b"]},"Action":"kms:*","Resource":"*""#,
    );
    let key = eval::TargetKey { partition: "aws", account: ACCOUNT, arn: None };
    let by = |caller: &str| lockout(&document(&text), &key, Some(caller));
    assert_eq!(by("arn:aws:sts::111122223333:assumed-role/a/session"), None);
    assert_eq!(by("arn:aws:iam::111122223333:user/b"), None);
    let found = by("arn:aws:sts::111122223333:assumed-role/c/session").unwrap();
    assert!(found.reason.contains("could not change the policy again"), "{found:?}");
    assert!(found.help.contains("role/a`, `arn:aws:iam::111122223333:user/b`"), "{found:?}");
}

#[test]
fn lockouts_are_found() {
    assert!(!locked(r#""Effect":"Deny","Principal":"*","Action":"kms:Decrypt","Resource":"*""#));
    assert!(locked(r#""Effect":"Deny","Principal":"*","Action":"kms:*","Resource":"*""#));
    assert!(locked(r#""Effect":"Deny","Principal":"*","NotAction":"kms:Decrypt","Resource":"*""#));
    assert!(locked(
        r#""Effect":"Deny","Principal":{"AWS":"111122223333"},"Action":"*","Resource":"*""#
    ));
    // The root user is exempt, and can still change the policy.
    assert!(!locked(
        r#""Effect":"Deny","NotPrincipal":{"AWS":"111122223333"},"Action":"*","Resource":"*""#
    ));
    assert!(locked(
        r#""Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::111122223333:role/a"},"Action":"*","Resource":"*""#
    ));
    assert!(!locked(
        r#""Effect":"Deny","Principal":{"AWS":"999999999999"},"Action":"*","Resource":"*""#
    ));
    let unless = r#""Effect":"Deny","Principal":"*","Action":"kms:*","Resource":"*","Condition":"#;
    assert!(locked(&format!(r#"{unless}{{"StringNotEquals":{{"aws:PrincipalArn":"x"}}}}"#)));
    assert!(!locked(&format!(r#"{unless}{{"Bool":{{"aws:SecureTransport":false}}}}"#)));
    assert!(locked(&format!(r#"{unless}{{"Bool":{{"aws:SecureTransport":true}}}}"#)));
    let allow = |names: &str, rest: &str| {
        let text = with(&format!(
            r#""Effect":"Allow","Principal":{{"AWS":[{names}]}},"Action":"kms:*","Resource":"*"{rest}"#
        ));
        lockout_reason(&document(&text)).is_some()
    };
    let (a, b) = (r#""arn:aws:iam::111122223333:role/a""#, r#""arn:aws:iam::111122223333:user/b""#);
    assert!(allow(a, ""));
    assert!(!allow(&format!("{a},{b}"), ""));
    assert!(allow(
        &format!("{a},{b}"),
        r#","Condition":{"Bool":{"aws:MultiFactorAuthPresent":true}}"#
    ));
    assert!(!allow("\"*\"", ""));
    assert!(allow("\"999999999999\"", ""));
}

#[test]
fn the_help_of_a_lockout_is_about_what_causes_it() {
    let root = r#""Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*""#;
    let key = eval::TargetKey { partition: "aws", account: ACCOUNT, arn: None };
    let help = |statements: &str| lockout(&document(&wrap(statements)), &key, None).unwrap().help;
    for condition in ["", r#","Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}"#] {
        let deny = format!(
            r#"{{"Sid":"none","Effect":"Deny","Principal":"*","Action":"kms:*","Resource":"*"{condition}}}"#
        );
        let use_only = deny.replace("none", "use").replace("kms:*", "kms:Decrypt");
        assert_eq!(
            help(&format!("{deny},{use_only},{{{root}}}")),
            "narrow or remove the `Deny` of `kms:PutKeyPolicy` in `none`"
        );
        // Without the `Deny`, nobody could change the policy either.
        let nobody = help(&format!("{deny},{{{}}}", root.replace("kms:*", "kms:Decrypt")));
        assert!(nobody.starts_with("keep the account-root statement"), "{nobody}");
    }
}

#[test]
fn the_reason_of_a_lockout_names_who_does_not_last() {
    let reason = |names: &str| {
        let text = with(&format!(
            r#""Effect":"Allow","Principal":{{"AWS":[{names}]}},"Action":"kms:Put*","Resource":"*""#
        ));
        lockout_reason(&Document::lenient(&node(&text), "aws").unwrap()).unwrap()
    };
    let session = r#""arn:aws:sts::111122223333:assumed-role/t/run-1""#;
    let two = reason(&format!("{session},{}", session.replace("run-1", "run-2")));
    assert!(two.starts_with("no user or role of the account"), "{two}");
    assert!(
        two.contains("/run-1`, `") && two.ends_with("/run-2` are sessions, which end"),
        "{two}"
    );
    let three =
        reason(r#""arn:aws:iam::111122223333:role/a","AROAABCDEFGHIJKLMNOPQ","444455556666""#);
    for part in [
        "only `arn:aws:iam::111122223333:role/a` could change the policy",
        "`AROAABCDEFGHIJKLMNOPQ` is the id of a deleted identity",
        "`arn:aws:iam::444455556666:root` is of another account",
    ] {
        assert!(three.contains(part), "{three}");
    }
    let federated = reason(r#""arn:aws:sts::111122223333:federated-user/bob""#);
    assert!(federated.ends_with("federated-user/bob` is a session, which ends"), "{federated}");
}

#[test]
fn a_policy_that_forbids_the_bypass_of_the_check_locks_nobody_out() {
    let deny = |value: &str| {
        locked(&format!(
            r#""Effect":"Deny","Principal":"*","Action":"kms:PutKeyPolicy","Resource":"*","Condition":{{"Bool":{{"kms:BypassPolicyLockoutSafetyCheck":{value}}}}}"#
        ))
    };
    assert!(!deny("true"));
    assert!(deny("false"));
}

#[test]
fn action_patterns_match_like_other_patterns() {
    let patterns = [
        "*",
        "kms:*",
        "KMS:De*",
        "kms:Decrypt",
        "kms:decryp",
        "kms:Re*",
        "kms:ReEncrypt*",
        "kms:?ign",
        "kms:*Key",
        "kms:G*Key*",
        "kms:Z*",
        "",
        "s3:*",
        "kms:UpdateAlias*",
        "kms:VerifyMac*",
        "k*",
    ];
    for pattern in patterns {
        let lower = pattern.to_ascii_lowercase();
        let slowly = ActionSet::of(|action| {
            super::pattern::glob(&lower, &format!("kms:{}", action.name.to_ascii_lowercase()))
        });
        assert_eq!(ActionSet::matching(pattern), slowly, "{pattern}");
    }
}

/// Lint and the comparison use the same definition of public access and of a confused deputy.
#[test]
fn lint_and_comparison_agree_on_public_access_and_confused_deputies() {
    let policy = |who: &str, condition: &str| {
        wrap(&format!(
            r#"{{"Effect":"Allow","Principal":{who},"Action":"kms:Decrypt","Resource":"*","Condition":{condition}}}"#
        ))
    };
    let key = KeyContext {
        account: Some(ACCOUNT.to_owned()),
        partition: "aws".to_owned(),
        ..KeyContext::default()
    };
    let both = |text: &str, id: &str, is: fn(&AccessChange) -> bool| {
        let facts = lint::Facts { partition: "aws", account: Some(ACCOUNT), ..Default::default() };
        let linted = lint::lint(&node(text), &facts).iter().any(|finding| finding.rule.id == id);
        let document = document(text);
        let changes = compare(None, Some(&document), &key, &[]).changes;
        assert_eq!(changes.iter().any(is), linted, "{text}");
        linted
    };
    for (condition, due) in [
        (r#"{"StringLike":{"aws:userid":"AROAABCDEFGHIJKLMNOPQ:*"}}"#, false),
        (r#"{"StringLike":{"aws:userid":"*"}}"#, true),
        (r#"{"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-1/*"}}"#, false),
        (r#"{"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"*/r-1/"}}"#, true),
        (r#"{"StringEquals":{"aws:SourceVpce":"vpce-1"}}"#, false),
        (r#"{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}"#, true),
        (r#"{"StringEquals":{"kms:ViaService":"s3.eu-west-1.amazonaws.com"}}"#, true),
    ] {
        assert_eq!(both(&policy("\"*\"", condition), "KMS301", |c| c.public), due, "{condition}");
    }
    let arn = "arn:aws:cloudtrail:eu-west-1";
    for (condition, due) in [
        (format!(r#"{{"ArnLike":{{"aws:SourceArn":"{arn}:{ACCOUNT}:trail/*"}}}}"#), false),
        (format!(r#"{{"ArnLike":{{"aws:SourceArn":"{arn}:*:trail/*"}}}}"#), true),
        (
            format!(
                r#"{{"StringLike":{{"kms:EncryptionContext:aws:cloudtrail:arn":"{arn}:{ACCOUNT}:trail/*"}}}}"#
            ),
            false,
        ),
        (r#"{"StringEquals":{"aws:SourceOrgID":"o-1"}}"#.to_owned(), false),
    ] {
        // The name of a service can contain the word `account`.
        for service in ["cloudtrail", "account"] {
            let who = format!(r#"{{"Service":"{service}.amazonaws.com"}}"#);
            let text = policy(&who, &condition);
            assert_eq!(both(&text, "KMS302", |c| c.confused_deputy), due, "{text}");
        }
    }
}
