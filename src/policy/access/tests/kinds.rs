//! One table for each kind of mistake that a comparison of two policies can make.

use super::{diff, key, lines, live, policy};
use crate::policy::access::*;

/// A kind, the statements before and after, and the summary.
type Case = (&'static str, &'static [&'static str], &'static [&'static str], &'static str);

/// Compares both ways, so that `gain` one way is `loss` the other.
#[track_caller]
fn check(cases: &[Case], key: &KeyContext) {
    let mut wrong = Vec::new();
    for (kind, old, new, due) in cases {
        for back in [false, true] {
            let (from, to) = if back { (new, old) } else { (old, new) };
            let compared = compare(Some(&policy(from)), Some(&policy(to)), key, &[]);
            let reversed = match *due {
                "Changed Gain" => "Changed Loss",
                "Changed Loss" => "Changed Gain",
                other => other,
            };
            let text = lines(&compared);
            if text.lines().next() != Some(if back { reversed } else { due }) {
                wrong.push(format!("{kind} (back: {back}), not {due}\n{text}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const OWN: &str = "Allow root kms:*";
const APP: &str = "Allow role/App kms:Decrypt";
const LOGS: &str = r#"Allow {"Service":"logs.amazonaws.com"} kms:Decrypt"#;
const T1: &str = "arn:aws:sts::111122223333:assumed-role/Temp/t1";
const GOV: &str = "arn:aws-us-gov:iam::111122223333:root";

#[test]
fn accounts_have_a_partition() {
    let deny = |who: &str| format!("Deny {who} kms:Decrypt");
    let (own, gov) = (deny("root"), deny(GOV));
    let (a, b) = (policy(&[APP, &own]), policy(&[APP, &gov]));
    let compared = compare(Some(&a), Some(&b), &key(), &[]);
    assert_eq!((compared.access, compared.change), (SameAccess::Changed, NetChange::Gain));
    let allow = format!("Allow {GOV} kms:*");
    assert_eq!(diff(&[APP], &[APP, &allow, &gov]), "Same None\n");
    // The number alone is an account of the key's partition.
    let china = KeyContext { partition: "aws-cn".to_owned(), ..key() };
    let text = |who: &str| {
        format!(
            r#"{{"Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{who}"}},"Action":"kms:*","Resource":"*"}}]}}"#
        )
    };
    let (number, arn) = (text("111122223333"), text("arn:aws-cn:iam::111122223333:root"));
    let [number, arn] =
        [number, arn].map(|text| crate::policy::Document::from_live(&text, "aws-cn").unwrap());
    assert_eq!(compare(Some(&number), Some(&arn), &china, &[]).access, SameAccess::Same);
}

#[test]
fn principals_without_a_name_in_the_policies_are_compared() {
    check(
        &[
            (
                "the root users of other accounts",
                &[
                    r#"Allow * kms:Decrypt {"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:root"},"StringEquals":{"aws:PrincipalOrgID":"o-1"}}"#,
                ],
                &[
                    r#"Allow * kms:Decrypt {"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:root"},"StringEquals":{"aws:PrincipalOrgID":"o-1","kms:CallerAccount":"111122223333"}}"#,
                ],
                "Changed Loss",
            ),
            (
                "the federated sessions of a user",
                &["Allow user/bob kms:Decrypt"],
                &[r#"Allow user/bob kms:Decrypt {"StringEquals":{"aws:username":"bob"}}"#],
                "Unknown Unknown",
            ),
            (
                "accounts that a pattern of account ids matches",
                &[OWN],
                &[OWN, r#"Deny * kms:Decrypt {"StringLike":{"aws:PrincipalAccount":"9999*"}}"#],
                "Changed Loss",
            ),
            (
                "accounts that no pattern of account ids can match",
                &[OWN],
                &[OWN, r#"Deny * kms:Decrypt {"StringLike":{"kms:CallerAccount":"a*"}}"#],
                "Same None",
            ),
            (
                "accounts that every pattern matches",
                &["Allow * kms:Decrypt"],
                &[r#"Allow * kms:Decrypt {"StringLike":{"kms:CallerAccount":"*"}}"#],
                "Unknown Unknown",
            ),
            (
                "users in another case",
                &[OWN],
                &[
                    OWN,
                    r#"Deny * kms:Decrypt {"StringEqualsIgnoreCase":{"aws:PrincipalArn":"arn:aws:iam::111122223333:user/Bob"}}"#,
                ],
                "Changed Loss",
            ),
            (
                "names that no identity has",
                &[OWN],
                &[
                    OWN,
                    r#"Deny * kms:Decrypt {"StringEqualsIgnoreCase":{"aws:PrincipalArn":"arn:aws:iam::111122223333:user/*"}}"#,
                ],
                "Same None",
            ),
        ],
        &key(),
    );
}

#[test]
fn values_that_no_condition_names_are_compared() {
    check(
        &[
            (
                "a Bool test of a key that can have any value",
                &[
                    r#"Allow role/App kms:Decrypt {"Bool":{"aws:PrincipalTag/admin":"true"}}"#,
                    r#"Allow role/App kms:Decrypt {"StringEquals":{"aws:PrincipalTag/admin":"yes"}}"#,
                ],
                &[r#"Allow role/App kms:Decrypt {"Bool":{"aws:PrincipalTag/admin":"true"}}"#],
                "Changed Loss",
            ),
            (
                "the same with a Deny",
                &[
                    APP,
                    r#"Deny role/App kms:Decrypt {"Bool":{"aws:PrincipalTag/admin":"true"}}"#,
                    r#"Deny role/App kms:Decrypt {"StringEquals":{"aws:PrincipalTag/admin":"yes"}}"#,
                ],
                &[APP, r#"Deny role/App kms:Decrypt {"Bool":{"aws:PrincipalTag/admin":"true"}}"#],
                "Changed Gain",
            ),
            (
                "numbers of a key that can have any value",
                &[r#"Allow role/App kms:Decrypt {"Null":{"aws:PrincipalTag/level":"false"}}"#],
                &[
                    r#"Allow role/App kms:Decrypt {"NumericLessThan":{"aws:PrincipalTag/level":"5"}}"#,
                    r#"Allow role/App kms:Decrypt {"NumericGreaterThanEquals":{"aws:PrincipalTag/level":"5"}}"#,
                ],
                "Changed Loss",
            ),
            (
                "a fraction of a key that is an integer",
                &[APP],
                &[
                    APP,
                    r#"Deny role/App kms:Decrypt {"NumericEquals":{"aws:MultiFactorAuthAge":"3600.5"}}"#,
                ],
                "Same None",
            ),
            (
                "a key that some actions do not carry",
                &[OWN],
                &[
                    OWN,
                    r#"Deny role/App kms:SynchronizeMultiRegionKey {"StringNotEquals":{"kms:CallerAccount":"111122223333"}}"#,
                ],
                "Changed Loss",
            ),
            (
                "set operators on a key of an identity provider",
                &[
                    r#"Allow role/App kms:Decrypt {"ForAnyValue:StringEquals":{"cognito-identity.amazonaws.com:amr":"x"}}"#,
                ],
                &[
                    r#"Allow role/App kms:Decrypt {"StringEquals":{"cognito-identity.amazonaws.com:amr":"x"}}"#,
                ],
                "Unknown Unknown",
            ),
            (
                "a fact about services that is not documented",
                &[
                    r#"Allow {"Service":"logs.amazonaws.com"} kms:Decrypt {"Bool":{"aws:SecureTransport":"true"}}"#,
                ],
                &[LOGS],
                "Unknown Unknown",
            ),
        ],
        &key(),
    );
}

#[test]
fn doubts_are_the_same_only_if_all_that_decides_them_is() {
    let swap = |a: &str, b: &str| {
        let part = |extra: &str, action: &str| {
            format!(
                r#"{{"Effect":"Allow","Principal":{{"AWS":"111122223333"}},"Action":"{action}","Resource":"*"{extra}}}"#
            )
        };
        live(&format!(r#"{{"Statement":[{},{}]}}"#, part(a, "kms:Decrypt"), part(b, "kms:Sign")))
    };
    let odd = r#","Conditions":{"Bool":{"aws:MultiFactorAuthPresent":true}}"#;
    let compared = compare(Some(&swap(odd, "")), Some(&swap("", odd)), &key(), &[]);
    assert_eq!(compared.access, SameAccess::Unknown, "{}", lines(&compared));
    let version = |version: &str| {
        policy(&[r#"Allow role/App kms:Decrypt {"StringEquals":{"aws:PrincipalTag/a":"${aws:PrincipalTag/b}"}}"#])
            .to_json()
            .replace("2012-10-17", version)
    };
    let [new, old] = ["2012-10-17", "2008-10-17"].map(|text| live(&version(text)));
    assert_ne!(compare(Some(&new), Some(&old), &key(), &[]).access, SameAccess::Same);
    check(
        &[
            (
                "a NotPrincipal that lists an identity partly",
                &[OWN, "Deny !root,arn:aws:sts::111122223333:assumed-role/App/s1 kms:Decrypt"],
                &[OWN, "Deny !root kms:Decrypt"],
                "Unknown Unknown",
            ),
            (
                "whether a wildcard includes services, and excludes them",
                &[LOGS, r#"Deny * kms:Decrypt {"Bool":{"aws:PrincipalIsAWSService":"true"}}"#],
                &[
                    LOGS,
                    r#"Deny !{"AWS":"*"} kms:Decrypt {"Bool":{"aws:PrincipalIsAWSService":"true"}}"#,
                ],
                "Unknown Unknown",
            ),
            (
                "the resource",
                &[
                    r#"{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"kms:*","Resource":"arn:aws:kms:us-west-2:111122223333:key/a"}"#,
                ],
                &[
                    r#"{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"kms:*","Resource":"arn:aws:kms:us-west-2:111122223333:key/b"}"#,
                ],
                "Unknown Unknown",
            ),
            (
                "the value of the wrong type",
                &[r#"Allow role/App kms:Decrypt {"Bool":{"aws:ViaAWSService":"yes"}}"#],
                &[r#"Allow role/App kms:Decrypt {"Bool":{"aws:ViaAWSService":"no"}}"#],
                "Unknown Unknown",
            ),
            (
                "the identity provider",
                &[OWN, r#"Deny !{"Federated":"accounts.google.com"} kms:Decrypt"#],
                &[OWN, r#"Deny !{"Federated":"www.amazon.com"} kms:Decrypt"#],
                "Unknown Unknown",
            ),
            (
                "which condition is empty",
                &["Allow role/App kms:Decrypt {}"],
                &[r#"Allow role/App kms:Decrypt {"StringEquals":{}}"#],
                "Unknown Unknown",
            ),
        ],
        &key(),
    );
}

#[test]
fn a_malformed_statement_is_unknown() {
    let whole = r#""Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/bob"},"Action":"kms:Decrypt","Resource":"*""#;
    let replaced = |from: &str, to: &str| format!("{{{}}}", whole.replace(from, to));
    let bob = r#"{"AWS":"arn:aws:iam::111122223333:user/bob"}"#;
    for malformed in [
        replaced(bob, r#""arn:aws:iam::111122223333:user/bob""#),
        replaced(bob, r#"["arn:aws:iam::111122223333:user/bob"]"#),
        replaced(bob, r#"{"aws":"arn:aws:iam::111122223333:user/bob"}"#),
        replaced(&format!(r#""Principal":{bob},"#), ""),
        replaced("\"Allow\"", "\"DENY\""),
        replaced("\"Allow\"", "[\"Allow\"]"),
        replaced("\"Effect\":\"Allow\",", ""),
        replaced("\"kms:Decrypt\"", r#"{"kms:Decrypt":true}"#),
        replaced("\"kms:Decrypt\"", r#"[["kms:Decrypt"]]"#),
        replaced("\"Action\"", "\"Actoin\""),
        replaced("\"Resource\":\"*\"", r#""Resource":{"a":1}"#),
        replaced("\"Resource\"", "\"Ressource\""),
        replaced("\"Resource\":\"*\"", r#""Resource":"*","NotAction":"kms:Sign""#),
        replaced("\"Resource\":\"*\"", r#""Resource":"*","Condition":"x""#),
    ] {
        let without = diff(&[OWN], &[OWN, &malformed]);
        assert!(without.starts_with("Unknown Unknown"), "{malformed}\n{without}");
        let alice = malformed.replace("user/bob", "user/alice");
        let other = diff(&[OWN, &malformed], &[OWN, &alice]);
        assert!(malformed == alice || other.starts_with("Unknown Unknown"), "{malformed}\n{other}");
        assert_eq!(diff(&[OWN, &malformed], &[&malformed, OWN]), "Same None\n", "{malformed}");
    }
    let year = |year: &str| live(&policy(&[OWN, APP]).to_json().replace("2012-10-17", year));
    let compared = compare(Some(&year("2013-01-01")), Some(&policy(&[OWN])), &key(), &[]);
    assert_eq!(compared.access, SameAccess::Unknown, "{}", lines(&compared));
}

#[test]
fn nothing_changes_for_the_same_access_in_other_words() {
    check(
        &[
            (
                "a role, and everyone with the role's ARN",
                &[APP],
                &[
                    r#"Allow * kms:Decrypt {"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/App"}}"#,
                ],
                "Same None",
            ),
            (
                "a federated session, and everyone with its ARN",
                &["Allow arn:aws:sts::111122223333:federated-user/f kms:Decrypt"],
                &[
                    r#"Allow * kms:Decrypt {"ArnEquals":{"aws:PrincipalArn":"arn:aws:sts::111122223333:federated-user/f"}}"#,
                ],
                "Same None",
            ),
            (
                "a key that is always there is absent",
                &[OWN],
                &[OWN, r#"Allow role/App kms:Decrypt {"Null":{"aws:ViaAWSService":"true"}}"#],
                "Same None",
            ),
            (
                "a key that services never have",
                &[LOGS],
                &[
                    r#"Allow {"Service":"logs.amazonaws.com"} kms:Decrypt {"Null":{"aws:CalledVia":"true"}}"#,
                ],
                "Same None",
            ),
            (
                "any path of the role of a session",
                &["Allow arn:aws:sts::111122223333:assumed-role/Temp/t1 kms:Decrypt"],
                &[
                    r#"Allow arn:aws:sts::111122223333:assumed-role/Temp/t1 kms:Decrypt {"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/*"}}"#,
                ],
                "Same None",
            ),
            (
                "set operators on a key with one value",
                &[
                    r#"Allow role/App kms:Decrypt {"ForAllValues:StringEquals":{"kms:ViaService":"s3"}}"#,
                ],
                &[
                    r#"Allow role/App kms:Decrypt {"ForAnyValue:StringEquals":{"kms:ViaService":"s3"}}"#,
                ],
                "Changed Loss",
            ),
            (
                "digits in any case",
                &[r#"Allow role/App kms:Decrypt {"StringEquals":{"aws:PrincipalTag/a":"42"}}"#],
                &[
                    r#"Allow role/App kms:Decrypt {"StringEqualsIgnoreCase":{"aws:PrincipalTag/a":"42"}}"#,
                ],
                "Same None",
            ),
        ],
        &key(),
    );
    let located = KeyContext {
        arn: Some("arn:aws:kms:us-west-2:111122223333:key/mrk-1234".to_owned()),
        ..key()
    };
    check(
        &[
            (
                "the Region of the key",
                &[APP],
                &[
                    r#"Allow role/App kms:Decrypt {"StringEquals":{"aws:RequestedRegion":"us-west-2"}}"#,
                ],
                "Same None",
            ),
            (
                "a multi-Region key",
                &[APP],
                &[r#"Allow role/App kms:Decrypt {"Bool":{"kms:MultiRegion":"true"}}"#],
                "Same None",
            ),
            (
                "the key of a resource",
                &[APP],
                &[
                    r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/App"},"Action":"kms:Decrypt","Resource":"arn:aws:kms:us-west-2:111122223333:key/mrk-*"}"#,
                ],
                "Same None",
            ),
        ],
        &located,
    );
}

#[test]
fn what_aws_decides_is_certain() {
    let session = format!("Allow {T1} kms:Decrypt");
    assert_eq!(
        diff(&["Allow role/Temp kms:Decrypt"], &["Allow role/Temp kms:Decrypt", &session]),
        "Same None\n"
    );
    let tenant = |n: usize| {
        format!(
            r#"Allow * kms:Decrypt {{"StringEquals":{{"kms:EncryptionContext:tenant":"t{n}"}}}}"#
        )
    };
    let tenants: Vec<String> = (0..81).map(tenant).collect();
    let tenants: Vec<&str> = tenants.iter().map(String::as_str).collect();
    assert!(diff(&tenants[..80], &tenants).starts_with("Changed Gain"));
    check(
        &[
            (
                "a variable that the principal fills",
                &[
                    r#"Allow user/p/bob kms:Decrypt {"StringEquals":{"aws:PrincipalTag/a":"${AWS:UserName}"}}"#,
                ],
                &[
                    r#"Allow user/p/bob kms:Decrypt {"StringEquals":{"aws:PrincipalTag/a":"bob"},"StringLike":{"aws:username":"b?b"}}"#,
                ],
                "Same None",
            ),
            (
                "a variable without a value",
                &[OWN],
                &[
                    OWN,
                    r#"Allow role/App kms:Decrypt {"StringEquals":{"aws:PrincipalTag/a":"${aws:username}"}}"#,
                ],
                "Same None",
            ),
            (
                "a variable with a default",
                &[
                    r#"Allow role/App kms:Decrypt {"StringEquals":{"aws:PrincipalTag/a":"${aws:username, 'x'}"}}"#,
                ],
                &[r#"Allow role/App kms:Decrypt {"StringEquals":{"aws:PrincipalTag/a":"x"}}"#],
                "Same None",
            ),
            (
                "a literal next to a variable",
                &[
                    r#"Allow role/App kms:Decrypt {"StringEquals":{"aws:PrincipalTag/a":"${aws:userid}"}}"#,
                ],
                &[
                    r#"Allow role/App kms:Decrypt {"StringEquals":{"aws:PrincipalTag/a":["${aws:userid}","red"]}}"#,
                ],
                "Unknown Unknown",
            ),
            (
                "characters that stand for wildcards elsewhere",
                &[
                    r#"Allow role/App kms:Decrypt {"StringLike":{"aws:PrincipalTag/a":"a${*}${?}${$}"}}"#,
                ],
                &[r#"Allow role/App kms:Decrypt {"StringEquals":{"aws:PrincipalTag/a":"a*?$"}}"#],
                "Same None",
            ),
            (
                "a variable for an action that does not carry the key",
                &[OWN],
                &[
                    OWN,
                    r#"Allow role/App kms:Sign {"StringEquals":{"kms:EncryptionContext:a":"${aws:userid}"}}"#,
                ],
                "Same None",
            ),
            (
                "a value of the wrong type for an action that does not carry the key",
                &[OWN],
                &[OWN, r#"Allow role/App kms:Sign {"Bool":{"kms:GrantIsForAWSResource":"yes"}}"#],
                "Same None",
            ),
            (
                "a value of the wrong type next to another",
                &[
                    r#"Allow role/App kms:Decrypt {"ArnLike":{"aws:PrincipalArn":["*","arn:aws:iam::111122223333:role/App"]}}"#,
                ],
                &[APP],
                "Same None",
            ),
            (
                "a loss from levels that are not known",
                &["Allow * kms:Decrypt"],
                &["Allow * kms:Decrypt", r#"Deny {"Service":"s3.amazonaws.com"} kms:Decrypt"#],
                "Changed Loss",
            ),
            (
                "a resource that every key matches",
                &[APP],
                &[
                    r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/App"},"Action":"kms:Decrypt","Resource":"arn:aws:kms:*:111122223333:key/*"}"#,
                ],
                "Same None",
            ),
            (
                "a star at the end of a field",
                &[APP],
                &[
                    r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/App"},"Action":"kms:Decrypt","Resource":"arn:aws:kms:*"}"#,
                ],
                "Same None",
            ),
            (
                "a NotPrincipal that lists the account and others",
                &["Allow user/alice kms:Decrypt"],
                &["Allow user/alice kms:Decrypt", "Deny !root,user/bob kms:Decrypt"],
                "Changed Loss",
            ),
        ],
        &key(),
    );
}

#[test]
fn the_work_for_a_legal_policy_is_bounded() {
    let like = |value: &str| {
        format!(r#"Allow role/App kms:Decrypt {{"StringLike":{{"kms:ViaService":"{value}"}}}}"#)
    };
    let (one, other) = (like(&"ab*".repeat(2_000)), like(&"ba*".repeat(2_000)));
    assert!(diff(&[OWN], &[OWN, &one]).starts_with("Changed Gain"));
    assert!(diff(&[&one], &[&other]).starts_with("Unknown Unknown"));
}
