//! Each rule reports what it should and nothing else; the policies that AWS publishes have no errors.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::policy::json;
use crate::policy::tests::{ACCOUNT, node, wrap};

const ROOT: &str =
    r#"{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"kms:*","Resource":"*"}"#;
const FACTS: Facts<'_> = Facts {
    partition: "aws",
    account: Some(ACCOUNT),
    stand_in: None,
    region: None,
    key_arn: Some("arn:aws:kms:eu-west-1:111122223333:key/k"),
    usage: Some("ENCRYPT_DECRYPT"),
    caller: None,
    lockout_wanted: false,
};

/// Marks the expected position of a finding. The mark is removed from the text.
const MARK: char = '§';

/// Returns a whole policy: the text itself, or statements next to the one for the account.
fn whole(text: &str) -> String {
    let plain = text.replace(MARK, "");
    if ["{\"Version\"", "{\"Statement\""].iter().any(|head| plain.starts_with(head)) {
        text.to_owned()
    } else {
        wrap(&format!("{ROOT},{text}"))
    }
}

/// Returns the positions of a rule's findings as line and column.
fn places(rule: &str, text: &str) -> Vec<(usize, usize)> {
    let found = lint(&node(text), &FACTS);
    found.iter().filter(|f| f.rule.slug == rule).map(|f| at(text, f.span.start as usize)).collect()
}

fn at(text: &str, byte: usize) -> (usize, usize) {
    let before = &text[..byte];
    let line = before.matches('\n').count() + 1;
    (line, before.rsplit('\n').next().unwrap().chars().count() + 1)
}

fn errors(text: &str, facts: &Facts<'_>) -> Vec<&'static str> {
    let found = lint(&node(text), facts);
    found.iter().filter(|f| f.rule.severity == Severity::Error).map(|f| f.rule.slug).collect()
}

/// Returns a statement that allows the role `r` to decrypt, with changed elements.
fn decrypts(rest: &str) -> String {
    format!(
        r#"{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::111122223333:role/r"}},"Action":"kms:Decrypt",{rest}}}"#
    )
}

/// Returns the same statement under a condition.
fn decrypts_when(condition: &str) -> String {
    decrypts(&format!(r#""Resource":"*","Condition":{{{condition}}}"#))
}

fn names(principal: &str) -> String {
    format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"kms:Decrypt","Resource":"*"}}"#)
}

fn allows(actions: &str) -> String {
    names(r#"{"AWS":"arn:aws:iam::111122223333:role/r"}"#).replace("\"kms:Decrypt\"", actions)
}

fn on(resource: &str) -> String {
    decrypts(&format!(r#""Resource":{resource}"#))
}

fn service(condition: &str) -> String {
    format!(
        r#"{{"Effect":"Allow","Principal":{{"Service":§"cloudtrail.amazonaws.com"}},"Action":"kms:Decrypt","Resource":"*","Condition":{{{condition}}}}}"#
    )
}

fn everyone(condition: &str) -> String {
    format!(
        r#"{{"Effect":"Allow","Principal":{{"AWS":§"*"}},"Action":"kms:Decrypt","Resource":"*","Condition":{{{condition}}}}}"#
    )
}

fn granted(principal: &str, action: &str, condition: &str) -> String {
    format!(
        r#"{{"Effect":"Allow","Principal":{principal},"Action":{action},"Resource":"*"{condition}}}"#
    )
}

const ROLE: &str = r#"{"AWS":"arn:aws:iam::111122223333:role/r"}"#;
const FOREIGN: &str = r#"{"AWS":"arn:aws:iam::444455556666:root"}"#;

/// Returns each rule with texts that break it at their mark, and similar texts that do not.
fn cases() -> Vec<(&'static str, Vec<String>, Vec<String>)> {
    let policy = |head: &str, rest: &str| format!("{{{head}\"Statement\":[{ROOT}{rest}]}}");
    let own = |s: &str| s.to_owned();
    let long = |n: usize| {
        wrap(&format!("{ROOT},{}", names(ROLE).replace("kms:Decrypt", &"kms:Decrypt".repeat(n))))
    };
    let marked = |text: String| format!("{MARK}{text}");
    let dry = |s: &str| s.replace(MARK, "");
    vec![
        ("malformed", vec![own(r#"{§"Efect":"Allow","Effect":"Allow","Principal":"*","Action":"kms:Sign","Resource":"*"}"#), own(r#"{"Effect":§"allow","Principal":{"AWS":"111122223333"},"Action":"kms:Sign","Resource":"*"}"#)], vec![names(ROLE)]),
        ("version-missing", vec![marked(policy("", ""))], vec![policy(r#""Version":"2008-10-17","#, "")]),
        ("version-old", vec![policy(r#""Version":§"2008-10-17","#, "")], vec![policy(r#""Version":"2012-10-17","#, "")]),
        ("variable-without-version", vec![policy(r#""Version":"2008-10-17","#, &format!(",{}", decrypts_when(r#""StringEquals":{"aws:PrincipalTag/a":§"${aws:PrincipalTag/b}"}"#)))], vec![decrypts_when(r#""StringEquals":{"aws:PrincipalTag/a":"${aws:PrincipalTag/b}"}"#), policy(r#""Version":"2008-10-17","#, &format!(",{}", on("\"${aws.key_arn}\"")))]),
        ("too-large", vec![marked(long(3_000))], vec![long(2_900)]),
        ("nearly-too-large", vec![marked(long(2_900))], vec![long(2_000), long(3_000)]),
        ("character", vec![decrypts("\"Resource\":\"*\",\"Sid\":§\"鍵\"")], vec![decrypts("\"Resource\":\"*\",\"Sid\":\"Schlüssel\"")]),
        ("sid-twice", vec![own(&format!("{},{}", decrypts(r#""Resource":"*","Sid":"a""#), decrypts(r#""Resource":"*","Sid":§"a""#).replace("Decrypt", "Encrypt")))], vec![own(&format!("{},{}", decrypts(r#""Resource":"*","Sid":"a""#), decrypts(r#""Resource":"*","Sid":"A""#).replace("Decrypt", "Encrypt")))]),
        ("sid-odd", vec![decrypts(r#""Resource":"*","Sid":§"""#), decrypts(r#""Resource":"*","Sid":§" a""#), decrypts(r#""Resource":"*","Sid":§"a\tb""#)], vec![decrypts(r#""Resource":"*","Sid":"Allow use of the key""#)]),
        ("statement-repeated", vec![format!("{},{}", names(ROLE), marked(decrypts(r#""Resource":["*"],"Sid":"again""#)))], vec![format!("{},{}", names(ROLE), names(ROLE).replace("Decrypt", "Encrypt"))]),
        ("principal-malformed", ["11111111111", "arn:aws:iam::11111111111:role/r", "arn:aws:iam:us-east-1:111122223333:role/r", "arn:aws-cn:iam::111122223333:root", "arn:aws:s3:::b", "role/r", ""].map(|p| names(&format!(r#"{{"AWS":§"{p}"}}"#))).to_vec(), vec![names(r#"{"AWS":["111122223333","arn:aws:sts::111122223333:assumed-role/r/s"]}"#)]),
        ("principal-wildcard", vec![names(r#"{"AWS":§"arn:aws:iam::111122223333:role/*"}"#)], vec![names(r#"{"AWS":"*"}"#), names(r#"{"AWS":"arn:aws:iam::111122223333:role/r"}"#)]),
        ("principal-group", vec![names(r#"{"AWS":§"arn:aws:iam::111122223333:group/g"}"#)], vec![names(r#"{"AWS":"arn:aws:iam::111122223333:role/group"}"#)]),
        ("principal-dangling", vec![names(r#"{"AWS":§"AROAABCDEFGHIJKLMNOPQ"}"#), names(r#"{"AWS":["111122223333",§"AIDAABCDEFGHIJKLMNOPQ"]}"#)], vec![names(r#"{"AWS":"arn:aws:iam::111122223333:role/AROAABCDEFGHIJKLMNOPQ"}"#)]),
        ("service-malformed", ["cloudtrail", "arn:aws:iam::aws:cloudtrail", "CloudTrail.amazonaws.com", "*.amazonaws.com", "cloudtrail.amazonaws.org", "sqs.amazonaws.com.cn", "logs.us-esat-1.amazonaws.com", "logs.eu-west-one-1.amazonaws.com"].map(|p| names(&format!(r#"{{"Service":§"{p}"}}"#))).to_vec(), vec![names(r#"{"Service":["logs.us-east-1.amazonaws.com","logs.ap-southeast-9.amazonaws.com","logs.us-gov-west-1.amazonaws.com","delivery.logs.amazonaws.com","eks-nodegroup.amazonaws.com"]}"#)]),
        ("principal-type", vec![names(r#"{"CanonicalUser":§"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}"#), names(r#"{"Federated":§"cognito-identity.amazonaws.com"}"#)], vec![names(r#"{"AWS":"111122223333"}"#)]),
        ("reserved-role-path", ["AWSReservedSSO_Admin_4df11490af948be6", "AWSServiceRoleForAutoScaling", "service-role/AWSReservedSSO_Admin_4df11490af948be6"].map(|r| names(&format!(r#"{{"AWS":§"arn:aws:iam::111122223333:role/{r}"}}"#))).to_vec(), vec![names(r#"{"AWS":["arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_4df11490af948be6","arn:aws:iam::111122223333:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling","arn:aws:iam::111122223333:role/MyAWSServiceRoleForX"]}"#)]),
        ("principal-session", vec![names(r#"{"AWS":§"arn:aws:sts::111122223333:assumed-role/Terraform/1699999999"}"#), names(r#"{"AWS":["111122223333",§"arn:aws:sts::111122223333:federated-user/bob"]}"#)], vec![names(ROLE), names(r#"{"AWS":["111122223333","arn:aws:iam::111122223333:role/r","arn:aws:sts::111122223333:assumed-role/r/s"]}"#).replace("Allow", "Deny").replace("\"Principal\"", "\"NotPrincipal\"")]),
        ("not-principal-incomplete", vec![
            names(r#"{"AWS":[§"arn:aws:iam::111122223333:role/r"]}"#).replace("Allow", "Deny").replace("\"Principal\"", "\"NotPrincipal\""),
            names(r#"{"AWS":["111122223333",§"arn:aws:iam::111122223333:role/p/r","arn:aws:iam::111122223333:role/s","arn:aws:sts::111122223333:assumed-role/s/s"]}"#).replace("Allow", "Deny").replace("\"Principal\"", "\"NotPrincipal\""),
            names(r#"{"AWS":["111122223333",§"arn:aws:sts::111122223333:assumed-role/s/s"]}"#).replace("Allow", "Deny").replace("\"Principal\"", "\"NotPrincipal\""),
            names(r#"{"AWS":["444455556666",§"arn:aws:iam::111122223333:user/u"]}"#).replace("Allow", "Deny").replace("\"Principal\"", "\"NotPrincipal\""),
        ], vec![
            names(r#"{"AWS":["111122223333","arn:aws:iam::111122223333:role/p/r","arn:aws:sts::111122223333:assumed-role/r/s"]}"#).replace("Allow", "Deny").replace("\"Principal\"", "\"NotPrincipal\""),
            names(r#"{"AWS":["111122223333","arn:aws:iam::111122223333:user/u"]}"#).replace("Allow", "Deny").replace("\"Principal\"", "\"NotPrincipal\""),
            names(ROLE).replace("Allow", "Deny"),
        ]),
        ("account-as-number", vec![names(r#"{"AWS":§111122223333}"#), decrypts_when(r#""StringEquals":{"kms:CallerAccount":[§111122223333,"444455556666"]}"#)], vec![names(r#"{"AWS":"111122223333"}"#), decrypts_when(r#""StringEquals":{"kms:CallerAccount":"111122223333","aws:PrincipalTag/n":111122223333}"#)]),
        ("not-principal-allowed", vec![names(ROLE).replace("\"Principal\"", "§\"NotPrincipal\"")], vec![names(ROLE), names(ROLE).replace("\"Principal\"", "\"NotPrincipal\"").replace("Allow", "Deny")]),
        ("principal-nobody", vec![names(r#"§{"AWS":[]}"#), names("§{}")], vec![names(r#"{"AWS":["111122223333"]}"#)]),
        ("public", vec![
            names("§\"*\""), names(r#"{"AWS":[§"*"]}"#),
            everyone(r#""StringEquals":{"kms:ViaService":"ec2.us-east-1.amazonaws.com"}"#),
            everyone(r#""StringEqualsIfExists":{"kms:CallerAccount":"111122223333"}"#),
            everyone(r#""StringNotEquals":{"kms:CallerAccount":"111122223333"}"#),
            everyone(r#""ForAllValues:StringEquals":{"aws:PrincipalOrgPaths":"o-abcdefghij/r-1/"}"#),
            everyone(r#""StringLike":{"aws:PrincipalOrgID":"o-*"}"#),
            everyone(r#""StringEquals":{"aws:PrincipalAccount":"${aws:SourceAccount}"}"#),
            everyone(r#""ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/r"}"#),
            everyone(r#""IpAddress":{"aws:SourceIp":["10.0.0.0/8","0.0.0.0/0"]}"#),
            everyone(r#""StringEquals":{"kms:EncryptionContext:a":"b"}"#),
            everyone(r#""Bool":{"aws:MultiFactorAuthPresent":"true"}"#),
            everyone(r#""Null":{"kms:CallerAccount":"true"}"#),
        ], vec![
            dry(&everyone(r#""StringEquals":{"kms:CallerAccount":"123455667","kms:ViaService":"lambda.us-east-1.amazonaws.com"}"#)),
            dry(&everyone(r#""StringEquals":{"kms:CallerAccount":["123455667","*"]}"#)),
            dry(&everyone("").replace(r#""Resource":"*""#, r#""Resource":"arn:aws:kms:*:444455556666:key/k""#)),
            names(r#"{"AWS":"111122223333"}"#), names("\"*\"").replace("Allow", "Deny"),
            names("\"*\"").replace("kms:Decrypt", "kms:ListKeys"),
            dry(&everyone(r#""StringEquals":{"kms:CallerAccount":["111122223333","444455556666"]}"#)),
            dry(&everyone(r#""StringEquals":{"kms:CallerAccount":"111122223333","kms:ViaService":"ec2.us-east-1.amazonaws.com"}"#)),
            dry(&everyone(r#""StringEquals":{"aws:PrincipalOrgID":"o-abcdefghij"}"#)),
            dry(&everyone(r#""ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-abcdefghij/*"}"#)),
            dry(&everyone(r#""ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/*"}"#)),
            dry(&everyone(r#""StringLike":{"aws:userid":"AROAABCDEFGHIJKLMNOPQ:*"}"#)),
            dry(&everyone(r#""StringEquals":{"aws:SourceVpce":"vpce-1"}"#)),
            dry(&everyone(r#""IpAddress":{"aws:SourceIp":"203.0.113.0/24"}"#)),
            format!(r#"{},{{"Effect":"Deny","Principal":"*","Action":"kms:*","Resource":"*","Condition":{{"StringNotEquals":{{"aws:PrincipalOrgID":"o-abcdefghij"}}}}}}"#, names("\"*\"")),
        ]),
        ("service-unbounded", vec![names(r#"{"Service":§"cloudtrail.amazonaws.com"}"#), names(r#"{"Service":§"events.amazonaws.com"}"#).replace("kms:Decrypt", "kms:*"), granted(r#"{"Service":§"dnssec-route53.amazonaws.com"}"#, "[\"kms:CreateGrant\",\"kms:Sign\"]", r#","Condition":{"Bool":{"kms:GrantIsForAWSResource":true}}"#), service(r#""StringEquals":{"kms:EncryptionContext:tenant":"blue"}"#), service(r#""StringLike":{"kms:EncryptionContext:aws:sns:topicArn":"arn:aws:sns:us-east-1:*:alerts"}"#), service(r#""StringLike":{"kms:EncryptionContext:aws:cloudtrail:arn":"*"}"#), service(r#""StringLike":{"kms:EncryptionContext:aws:s3:arn":"arn:aws:s3:::*/crl"}"#), names(r#"{"Service":§"config.amazonaws.com"}"#).replace("\"kms:Decrypt\"", "[\"kms:Get*\",\"kms:Decrypt\"]"), service(r#""StringEqualsIfExists":{"aws:SourceAccount":"111122223333"}"#)], vec![dry(&service(r#""StringEquals":{"aws:SourceAccount":"111122223333"}"#)), dry(&service(r#""ArnLike":{"aws:SourceArn":"arn:aws:s3:::b"}"#)), dry(&service(r#""StringEquals":{"aws:SourceOrgID":"o-abcdefghij"}"#)), dry(&service(r#""ArnLike":{"kms:EncryptionContext:aws:logs:arn":"arn:aws:logs:us-east-1:111122223333:*"}"#)),
            dry(&service(r#""ArnLike":{"kms:EncryptionContext:aws:sns:topicArn":"arn:aws:sns:us-east-1:111122223333:alerts-*"}"#)),
            dry(&service(r#""StringEquals":{"kms:EncryptionContext:aws:ses:source-account":"111122223333"}"#)),
            dry(&service(r#""StringEquals":{"kms:EncryptionContext:SourceArn":"arn:aws:logs:us-east-1:111122223333:*"}"#)),
            dry(&service(r#""StringLike":{"kms:EncryptionContext:aws:s3:arn":"arn:aws:s3:::bucket/crl/*"}"#)),
            names(r#"{"Service":"config.amazonaws.com"}"#).replace("kms:Decrypt", "kms:Get*"),
            names(r#"{"Service":"events.amazonaws.com"}"#), names(r#"{"Service":"config.amazonaws.com"}"#).replace("kms:Decrypt", "kms:DescribeKey"),
            granted(r#"{"Service":"dnssec-route53.amazonaws.com"}"#, "\"kms:CreateGrant\"", r#","Condition":{"Bool":{"kms:GrantIsForAWSResource":true}}"#),
            names(r#"{"Service":"config.amazonaws.com"}"#).replace(r#""Resource":"*""#, r#""Resource":"arn:aws:kms:eu-west-1:444455556666:key/k""#)]),
        ("create-grant-unbounded", vec![
            granted(r#"{"AWS":§"arn:aws:iam::111122223333:role/r"}"#, "\"kms:CreateGrant\"", ""),
            granted(r#"{"AWS":§"arn:aws:iam::444455556666:root"}"#, "\"kms:Create*\"", ""),
            granted(r#"{"AWS":§"arn:aws:iam::111122223333:role/r"}"#, "\"kms:CreateGrant\"", r#","Condition":{"BoolIfExists":{"kms:GrantIsForAWSResource":true}}"#),
        ], vec![
            granted(ROLE, "\"kms:CreateGrant\"", r#","Condition":{"Bool":{"kms:GrantIsForAWSResource":true}}"#),
            granted(ROLE, "\"kms:CreateGrant\"", r#","Condition":{"ForAllValues:StringEquals":{"kms:GrantOperations":["Decrypt"]}}"#),
            granted(ROLE, "[\"kms:Create*\",\"kms:Put*\"]", ""), granted(ROLE, "\"kms:RevokeGrant\"", ""),
        ]),
        ("lock-out", vec![marked(wrap(&names(ROLE))), marked(wrap(&ROOT.replace("111122223333", "444455556666")))], vec![names(ROLE)]),
        ("sole-administrator-uses", vec![granted(r#"{"AWS":§"arn:aws:iam::111122223333:role/r"}"#, "[\"kms:Put*\",\"kms:Decrypt\"]", "")], vec![granted(ROLE, "\"kms:Put*\"", "")]),
        ("administrator-uses", vec![granted(r#"{"AWS":[§"arn:aws:iam::111122223333:role/r","arn:aws:iam::111122223333:role/s"]}"#, "\"kms:Put*\"", "") + "," + &names(ROLE)], vec![granted(ROLE, "[\"kms:Put*\",\"kms:Decrypt\"]", "")]),
        ("all-actions", vec![granted(r#"{"AWS":§"arn:aws:iam::111122223333:user/u"}"#, "\"kms:*\"", ""), granted(r#"{"AWS":§"444455556666"}"#, "\"*\"", "")], vec![granted(ROLE, "\"kms:G*\"", "")]),
        ("not-across-accounts", vec![granted(FOREIGN, "[\"kms:Decrypt\",§\"kms:PutKeyPolicy\"]", ""), granted(FOREIGN, "[§\"kms:Tag*\"]", "")], vec![granted(FOREIGN, "[\"kms:Create*\",\"kms:ListGrants\"]", ""), granted(ROLE, "\"kms:PutKeyPolicy\"", "")]),
        ("action-missing", vec![marked(names(ROLE).replace("\"Action\":\"kms:Decrypt\",", "")), marked(allows("[]"))], vec![allows("\"kms:Decrypt\"")]),
        ("resource-missing", vec![marked(names(ROLE).replace(",\"Resource\":\"*\"", "")), marked(on("[]"))], vec![on("\"*\"")]),
        ("resource-foreign", vec![on("§\"arn:aws:kms:*:444455556666:key/mrk-efe61e82706249188b2173380434c46a\""), on("§\"arn:aws-cn:kms:*:*:key/*\""), on("§\"*:key/k\""),on("§\"arn:aws:s3:::bucket\""), on("§\"arn:aws:kms:eu-west-1:111122223333:alias/a\""), on("[\"*\",§\"arn:aws:kms:eu-west-1:444455556666:key/k\"]")], vec![on("\"arn:aws:kms:*:111122223333:key/*\""), on("\"${aws.key_arn}\"")]),
        ("resource-without-region", vec![on("§\"arn:aws:kms:111122223333:key/k\""), on("§\"arn:aws:kms::111122223333:key/k\"")], vec![on("\"arn:aws:kms:eu-west-1:111122223333:key/k\"")]),
        ("resource-arn", vec![on("§\"arn:aws:kms:eu-west-1:111122223333:key/k\"")], vec![on("\"*\""), on("\"arn:aws:kms:*:444455556666:key/k\"")]),
        ("not-resource", vec![on("\"*\"").replace("\"Resource\"", "§\"NotResource\"")], vec![on("\"*\"")]),
        ("action-without-effect", ["kms:ListKeys", "kms:createkey", "kms:RetireGrant"].map(|a| allows(&format!("§\"{a}\""))).to_vec(), vec![allows("[\"kms:Create*\",\"kms:List*\"]")]),
        ("action-unknown", ["kms:ReEncrypt", "kms:Decript", "Decrypt"].map(|a| allows(&format!("[\"kms:Sign\",§\"{a}\"]"))).to_vec(), vec![allows("[\"kms:ReEncryptTo\",\"KMS:decrypt\"]")]),
        ("action-matches-nothing", vec![allows("§\"kms:Rotte*\"")], vec![allows("[\"kms:Rot*\",\"*\",\"k*\"]")]),
        ("action-other-service", vec![allows("§\"s3:GetObject\"")], vec![allows("\"kms:GetKeyPolicy\"")]),
        ("not-action-allowed", vec![allows("\"kms:Decrypt\"").replace("\"Action\"", "§\"NotAction\"")], vec![allows("\"kms:Decrypt\"").replace("\"Action\"", "\"NotAction\"").replace("Allow", "Deny")]),
        ("action-not-of-usage", vec![allows("§\"kms:Sign\""), allows("§\"kms:*Mac\"")], vec![allows("[\"kms:Decrypt\",\"kms:*\",\"kms:GetPublicKey\"]")]),
        ("action-redundant", vec![allows("[\"kms:*\",§\"kms:Decrypt\"]"), allows("[\"kms:Decrypt\",§\"KMS:decrypt\"]"), allows("[§\"kms:GenerateDataKeyPair\",\"kms:GenerateDataKey*\"]")], vec![allows("[\"kms:GenerateDataKey\",\"kms:GenerateDataKeyPair\"]"), allows("\"kms:*\"")]),
        ("condition-key-unknown", ["kms:ViaServices", "aws:PrincipleArn", "SourceArn", "kms:EncryptionContext"].map(|k| decrypts_when(&format!(r#""StringEquals":{{§"{k}":"x"}}"#))).to_vec(), vec![decrypts_when(r#""StringLike":{"KMS:viaservice":"*","kms:EncryptionContext:a":"x","saml:sub":"x","aws:PrincipalTag/t":"x"}"#)]),
        ("operator-unknown", ["StringEqual", "stringequals", "NullIfExists", "ForAny:StringLike"].map(|o| decrypts_when(&format!(r#"§"{o}":{{"aws:PrincipalTag/t":"true"}}"#))).to_vec(), vec![decrypts_when(r#""ForAnyValue:StringNotLikeIfExists":{"aws:CalledVia":"x"},"Null":{"aws:PrincipalTag/t":"true"}"#)]),
        ("source-key-on-identity", vec![decrypts_when(r#""ArnLike":{§"aws:sourcearn":"arn:aws:s3:::b"}"#), decrypts_when(r#""StringEquals":{§"aws:SourceAccount":"111122223333"}"#)], vec![decrypts_when(r#""StringEqualsIfExists":{"aws:SourceAccount":"111122223333"}"#), dry(&service(r#""StringEquals":{"aws:SourceAccount":"111122223333"}"#)), dry(&everyone(r#""StringEquals":{"aws:SourceAccount":"111122223333"}"#))]),
        ("caller-key-on-service", vec![dry(&service("")).replace("{}", r#"{"StringEquals":{§"kms:ViaService":"s3.us-east-1.amazonaws.com"}}"#), dry(&service("")).replace("{}", r#"{"StringEquals":{§"kms:CallerAccount":"111122223333"}}"#)], vec![decrypts_when(r#""StringEquals":{"kms:ViaService":"s3.us-east-1.amazonaws.com"}"#), dry(&service(r#""StringEquals":{"kms:ViaService":"sns.us-east-1.amazonaws.com"}"#))]),
        ("grant-key-beside-other-actions", vec![granted(ROLE, "[\"kms:CreateGrant\",\"kms:Decrypt\"]", r#","Condition":{"Bool":{§"kms:GrantIsForAWSResource":true}}"#), granted(ROLE, "\"kms:*\"", r#","Condition":{"Bool":{§"kms:GrantIsForAWSResource":true}}"#)], vec![granted(ROLE, "[\"kms:CreateGrant\",\"kms:ListGrants\",\"kms:RevokeGrant\"]", r#","Condition":{"Bool":{"kms:GrantIsForAWSResource":true}}"#)]),
        ("condition-key-never-present", vec![granted(ROLE, "\"kms:DescribeKey\"", r#","Condition":{"StringEquals":{§"kms:EncryptionContext:a":"b"}}"#), granted(ROLE, "\"kms:Decrypt\"", r#","Condition":{"Bool":{§"kms:GrantIsForAWSResource":true}}"#)], vec![decrypts_when(r#""StringEquals":{"kms:EncryptionContext:a":"b"}"#), granted(ROLE, "\"kms:DescribeKey\"", r#","Condition":{"StringNotEquals":{"kms:EncryptionContext:a":"b"}}"#), granted(ROLE, "\"kms:Encapsulate\"", r#","Condition":{"StringEquals":{"kms:EncryptionContext:a":"b"}}"#)]),
        ("condition-key-partly-present", vec![granted(ROLE, "[\"kms:Decrypt\",§\"kms:Describe*\"]", r#","Condition":{"StringEquals":{"kms:EncryptionContext:a":"b"}}"#), granted(r#"{"Service":"logs.us-east-1.amazonaws.com"}"#, "[\"kms:Decrypt\",§\"kms:GetPublicKey\"]", r#","Condition":{"ArnLike":{"kms:EncryptionContext:aws:logs:arn":"arn:aws:logs:us-east-1:111122223333:*"}}"#)], vec![granted(r#"{"Service":"logs.us-east-1.amazonaws.com"}"#, "[\"kms:Decrypt*\",\"kms:Describe*\"]", r#","Condition":{"ArnLike":{"kms:EncryptionContext:aws:logs:arn":"arn:aws:logs:us-east-1:111122223333:*"}}"#), granted(ROLE, "[\"kms:Decrypt\",\"kms:*\"]", r#","Condition":{"StringEquals":{"kms:EncryptionContext:a":"b"}}"#)]),
        ("username-of-role", vec![decrypts_when(r#""StringEquals":{§"aws:username":"bob"}"#)], vec![decrypts_when(r#""StringEquals":{"aws:username":"bob"}"#).replace("role/r", "user/bob"), decrypts_when(r#""StringNotEquals":{"aws:username":"bob"}"#)]),
        ("condition-value-impossible", vec![
            decrypts_when(r#""StringEquals":{"kms:CallerAccount":§"11111111111"}"#),
            dry(&service("")).replace("{}", r#"{"ArnLike":{"aws:SourceArn":§"arn:aws:cloudtrail:us-east-1:trail/t"}}"#),
            dry(&service("")).replace("{}", r#"{"ArnLike":{"aws:SourceArn":§"arn:aws:cloudtrail:us-east-1:11112222333:trail/t"}}"#),
            granted(ROLE, "\"kms:CreateGrant\"", r#","Condition":{"Bool":{"kms:GrantIsForAWSResource":§"yes"}}"#),
            decrypts_when(r#""StringEquals":{"kms:ViaService":§"s3.amazonaws.com"}"#),
            decrypts_when(r#""StringEquals":{"kms:ViaService":§"ec2.123456789012.amazonaws.com"}"#),
            decrypts_when(r#""StringLike":{"kms:ViaService":["s3.*.amazonaws.com",§"ec2.us-esat-1.amazonaws.com"]}"#),
            decrypts_when(r#""StringEquals":{"kms:ViaService":§"s3.us-east-1.amazonaws.org"}"#),
            decrypts_when(r#""ArnLike":{"aws:PrincipalArn":§"arn:aws:iam::111122223333:role/AWSReservedSSO_Admin_*"}"#),
            decrypts_when(r#""StringEquals":{"aws:PrincipalOrgID":§"111122223333"}"#),
            decrypts_when(r#""IpAddress":{"aws:SourceIp":["10.0.0.1",§"10.0.0.0/33"]}"#),
            decrypts_when(r#""NumericLessThan":{"aws:MultiFactorAuthAge":§"one"}"#),
        ], vec![
            decrypts_when(r#""StringLike":{"kms:CallerAccount":"1111*"}"#),
            decrypts_when(r#""StringLike":{"kms:ViaService":["s3.*.amazonaws.com","*","ec2.*","*.us-east-1.amazonaws.com","s3.us-*.amazonaws.com","s3.eu-west-1.*"]}"#),
            decrypts_when(r#""StringEquals":{"kms:ViaService":["s3.cn-north-1.amazonaws.com.cn","ec2.us-gov-west-1.amazonaws.com","s3.eusc-de-east-1.amazonaws.eu","s3.us-isob-east-1.sc2s.sgov.gov"]}"#),
            decrypts_when(r#""ArnLike":{"aws:PrincipalArn":["arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Admin_*","arn:aws:iam::111122223333:role/*/AWSReservedSSO_Admin_*"]}"#),
            decrypts_when(r#""Bool":{"aws:SecureTransport":"True"},"ArnLike":{"aws:PrincipalArn":"arn:*:iam::*:role/a"}"#),
            decrypts_when(r#""StringEquals":{"kms:CallerAccount":"${aws:PrincipalAccount}"},"IpAddress":{"aws:SourceIp":"2001:db8::/32"}"#),
        ]),
        ("wildcard-in-equals", vec![decrypts_when(r#""StringEquals":{"kms:ViaService":§"s3.*.amazonaws.com"}"#)], vec![decrypts_when(r#""StringLike":{"kms:ViaService":"s3.*.amazonaws.com"}"#), decrypts_when(r#""StringEquals":{"kms:EncryptionContext:a":"*"}"#)]),
        ("condition-empty", vec![decrypts(r#""Resource":"*","Condition":§{}"#), decrypts_when(r#""StringEquals":§{}"#), decrypts_when(r#""StringEquals":{§"kms:CallerAccount":[]}"#)], vec![decrypts_when(r#""StringEquals":{"kms:CallerAccount":"111122223333"}"#)]),
        ("set-operator-missing", vec![decrypts_when(r#""StringEquals":{§"aws:CalledVia":"x"}"#)], vec![decrypts_when(r#""ForAnyValue:StringEquals":{"aws:CalledVia":"x"}"#)]),
        ("for-all-values-of-one", vec![decrypts_when(r#""ForAllValues:StringEquals":{§"kms:CallerAccount":"111122223333"}"#)], vec![decrypts_when(r#""ForAllValues:StringEquals":{"kms:EncryptionContextKeys":"a"}"#)]),
        ("source-key-of-events", vec![names(r#"{"Service":"events.amazonaws.com"}"#).replace(r#""Resource":"*""#, r#""Resource":"*","Condition":{"StringEquals":{§"aws:SourceAccount":"111122223333"}}"#), names(r#"{"Service":"events.amazonaws.com"}"#).replace(r#""Resource":"*""#, r#""Resource":"*","Condition":{"ArnLike":{§"aws:SourceArn":"arn:aws:events:us-east-1:111122223333:rule/*"}}"#)], vec![names(r#"{"Service":"events.amazonaws.com"}"#), names(r#"{"Service":"events.amazonaws.com"}"#).replace(r#""Resource":"*""#, r#""Resource":"*","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:events:us-east-1:111122223333:event-bus/b"}}"#), names(r#"{"Service":"events.amazonaws.com"}"#).replace(r#""Resource":"*""#, r#""Resource":"*","Condition":{"StringEquals":{"aws:SourceAccount":"111122223333"},"ForAnyValue:StringEquals":{"kms:EncryptionContextKeys":"aws:events:event-bus:arn"}}"#), names(r#"{"Service":"events.amazonaws.com"}"#).replace("kms:Decrypt", "kms:DescribeKey").replace(r#""Resource":"*""#, r#""Resource":"*","Condition":{"StringEquals":{"aws:SourceAccount":"111122223333"}}"#), names(r#"{"Service":"sns.amazonaws.com"}"#).replace(r#""Resource":"*""#, r#""Resource":"*","Condition":{"StringEquals":{"aws:SourceAccount":"111122223333"}}"#)]),
        ("for-all-values-without-key", vec![decrypts_when(r#""ForAllValues:StringEquals":{§"kms:EncryptionContextKeys":"a"}"#), decrypts_when(r#""ForAllValues:StringLike":{§"aws:CalledVia":"athena.amazonaws.com"}"#), decrypts_when(r#""ForAllValues:StringEquals":{§"kms:EncryptionContextKeys":"a"},"Null":{"kms:EncryptionContextKeys":"true"}"#), granted(ROLE, "\"kms:*\"", r#","Condition":{"ForAllValues:StringEquals":{§"kms:GrantOperations":["Decrypt"]}}"#)], vec![decrypts_when(r#""ForAllValues:StringEquals":{"kms:EncryptionContextKeys":"a"},"Null":{"kms:EncryptionContextKeys":"false"}"#), decrypts_when(r#""ForAllValues:StringEquals":{"kms:EncryptionContextKeys":"a"},"StringEquals":{"kms:EncryptionContext:a":"b"}"#), decrypts_when(r#""ForAnyValue:StringEquals":{"kms:EncryptionContextKeys":"a"}"#), decrypts_when(r#""ForAllValues:StringEquals":{"kms:EncryptionContextKeys":"a"}"#).replace("Allow", "Deny"), granted(ROLE, "\"kms:CreateGrant\"", r#","Condition":{"ForAllValues:StringEquals":{"kms:GrantOperations":["Decrypt"]}}"#)]),
        ("source-ip-private", vec![decrypts_when(r#""IpAddress":{"aws:SourceIp":["203.0.113.0/24",§"10.1.0.0/16"]}"#), decrypts_when(r#""NotIpAddress":{"aws:SourceIp":§"192.168.1.1"}"#).replace("Allow", "Deny")], vec![decrypts_when(r#""IpAddress":{"aws:SourceIp":["203.0.113.0/24","8.0.0.0/5"]}"#), decrypts_when(r#""IpAddress":{"aws:VpcSourceIp":"10.1.0.0/16"}"#)]),
        ("condition-key-of-iam-policies", vec![decrypts_when(r#""ForAnyValue:StringEquals":{§"kms:ResourceAliases":"alias/a"}"#)], vec![decrypts_when(r#""StringEquals":{"kms:RequestAlias":"alias/a"}"#)]),
        ("condition-key-deprecated", vec![decrypts_when(r#""StringEquals":{§"kms:CustomerMasterKeySpec":"RSA_2048"}"#)], vec![decrypts_when(r#""StringEquals":{"kms:KeySpec":"RSA_2048"}"#)]),
    ]
}

#[test]
fn each_rule_reports_what_it_should_and_nothing_else() {
    let mut tested = BTreeSet::new();
    for (rule, wrong, right) in cases() {
        tested.insert(rule);
        for text in wrong {
            let text = whole(&text);
            let mark = text.find(MARK).unwrap_or_else(|| panic!("{rule}: no mark: {text}"));
            let text = text.replace(MARK, "");
            assert_eq!(places(rule, &text), [at(&text, mark)], "{rule}: {text}");
        }
        for text in right {
            let text = whole(&text);
            assert_eq!(places(rule, &text), [], "{rule}: {text}");
        }
    }
    let elsewhere = |rule: &&&Rule| {
        rule.id > "KMS6" || ["json-syntax", "caller-locked-out"].contains(&rule.slug)
    };
    for rule in RULES.iter().filter(|rule| !elsewhere(rule)) {
        assert!(tested.contains(rule.slug), "no case for {}", rule.slug);
    }
}

/// What is not checked is never without a finding.
#[test]
fn a_policy_that_takes_too_many_steps_is_reported() {
    let text = whole(&names(ROLE));
    let of = |steps: u64| work::within(steps, || lint(&node(&text), &FACTS));
    let is_unchecked = |finding: &Finding| finding.rule.slug == "unchecked";
    assert!(!of(work::LINT).iter().any(is_unchecked));
    for steps in [1, 5] {
        assert!(of(steps).iter().any(is_unchecked), "{steps}");
    }
    assert!(!can_be_waived(rule("unchecked").unwrap()));
}

#[test]
fn positions_are_lines_and_columns() {
    let text = "{\"Version\": \"2012-10-17\",\n \"Statement\": [\n  {\"Effect\": \"Allow\", \"Principal\": {\"AWS\": \"111122223333\"},\n   \"Action\": [\"kms:*\",\n    \"kms:ReEncrypt\"],\n   \"Resource\": \"*\"}]}";
    assert_eq!(places("action-unknown", text), [(5, 5)]);
    let finding = lint(&node(text), &FACTS).remove(0);
    assert_eq!(
        finding.help,
        "write `kms:ReEncrypt*`, or `kms:ReEncryptFrom` and `kms:ReEncryptTo`"
    );
    assert_eq!(&text[finding.span.start as usize..finding.span.end as usize], "\"kms:ReEncrypt\"");
    let broken = not_json(json("{\"a\": 1, \"a\": 2, }", 0).unwrap_err());
    assert!(broken.iter().all(|finding| finding.rule.slug == "json-syntax"), "{broken:?}");
    assert_eq!(broken.len(), 2);
}

#[test]
fn the_caller_must_be_able_to_change_the_policy_again() {
    let told = |caller: &str, text: &str| {
        let facts = Facts { caller: Some(caller), ..FACTS };
        let found = lint(&node(&whole(text)), &facts);
        found.iter().any(|finding| finding.rule.slug == "caller-locked-out")
    };
    let session = "arn:aws:sts::111122223333:assumed-role/r/s";
    let other = "arn:aws:iam::444455556666:role/r";
    assert!(!told(session, &names(ROLE)));
    assert!(told(other, &names(ROLE)));
    let only = wrap(&granted(ROLE, "\"kms:Put*\"", ""));
    assert!(!told(session, &only));
    assert!(told("arn:aws:iam::111122223333:role/s", &only));
    let condition = r#","Condition":{"Bool":{"aws:MultiFactorAuthPresent":true}}"#;
    assert!(told(session, &wrap(&granted(ROLE, "\"kms:Put*\"", condition))));
    let deny = granted(ROLE, "\"kms:*\"", "").replace("Allow", "Deny");
    assert!(told(session, &deny) && !told("arn:aws:iam::111122223333:role/s", &deny));
    assert!(told(other, &deny.replace("\"Principal\"", "\"NotPrincipal\"")));
}

#[test]
fn without_the_account_the_policy_tells_it() {
    let unknown = Facts { account: None, key_arn: None, ..FACTS };
    let slugs = |text: &str, facts: &Facts<'_>| -> Vec<&str> {
        lint(&node(text), facts).iter().map(|finding| finding.rule.slug).collect()
    };
    // The account that the policy lets change it owns the key.
    let foreign = on("\"arn:aws:kms:*:444455556666:key/k\"");
    assert_eq!(slugs(&whole(&foreign), &unknown), ["resource-foreign"]);
    let grants = granted(FOREIGN, "[\"kms:CreateGrant\",\"kms:PutKeyPolicy\"]", "");
    // Here two accounts could own it, so nothing that depends on the owner is judged.
    assert_eq!(slugs(&whole(&grants), &unknown), [""; 0]);
    assert_eq!(
        slugs(&whole(&granted(FOREIGN, "\"kms:CreateGrant\"", "")), &unknown),
        ["create-grant-unbounded"]
    );
    // An account that stands for the unknown one is not compared with accounts that the author named.
    let stand_in = Facts { stand_in: Some(ACCOUNT), ..unknown };
    assert_eq!(slugs(&whole(&granted(FOREIGN, "\"kms:CreateGrant\"", "")), &stand_in), [""; 0]);
    let own = ROOT.replace("111122223333", "444455556666");
    assert_eq!(slugs(&wrap(&own), &stand_in), [""; 0]);
}

#[test]
fn a_part_of_a_policy_or_a_wrapping_of_one_is_one_finding() {
    let found = |text: &str| -> Vec<(String, String)> {
        let found = lint(&node(text), &FACTS);
        found.into_iter().map(|finding| (finding.message, finding.help)).collect()
    };
    let single = found(&names(ROLE));
    assert_eq!(single.len(), 1, "{single:?}");
    assert!(single[0].0.contains("single statement") && single[0].1.contains("Statement"));
    let list = found(&format!("[{ROOT},{}]", names(ROLE)));
    assert!(list.len() == 1 && list[0].0.contains("list of statements"), "{list:?}");
    let wrapped = found(&format!(r#"{{"PolicyName":"default","Policy":{}}}"#, wrap(ROOT)));
    assert!(wrapped.len() == 1 && wrapped[0].1.contains("get-key-policy"), "{wrapped:?}");
    let plain = found(&wrap(ROOT).replace("\"Version\"", "\"Policy\":1,\"Version\""));
    assert!(plain.iter().any(|(message, _)| message.contains("`Policy`")), "{plain:?}");
    let strict = crate::policy::Document::parse(&node(&names(ROLE)), "aws").unwrap_err();
    assert_eq!(strict.len(), 1);
}

#[test]
fn without_the_account_only_a_certain_lockout_is_reported() {
    let unknown = Facts { account: None, key_arn: None, ..FACTS };
    assert_eq!(errors(&wrap(ROOT), &unknown), [""; 0]);
    assert_eq!(errors(&wrap(&names(ROLE)), &unknown), ["lock-out"]);
    let two = format!("{ROOT},{}", ROOT.replace("1111", "4444"));
    assert_eq!(errors(&wrap(&two), &unknown), [""; 0]);
}

/// Replaces the placeholders of AWS's documents.
fn filled(text: &str) -> String {
    text.replace(":region:", ":us-east-1:").replace("account-id", ACCOUNT)
}

#[test]
fn published_policies_have_only_their_known_errors() {
    let unknown = Facts { account: None, key_arn: None, usage: None, ..FACTS };
    for text in
        [include_str!("../seeds/keypolicy.json"), include_str!("../seeds/es-kms-cmk-policy.json")]
    {
        assert_eq!(errors(text, &unknown), [""; 0]);
    }
    let found = |text: &str| -> Vec<&str> {
        lint(&node(text), &unknown).iter().map(|finding| finding.rule.slug).collect()
    };
    assert_eq!(found(include_str!("../seeds/es-kms-cmk-policy.json")), ["version-missing"]);
    assert_eq!(found(include_str!("../seeds/keypolicy.json")), ["sole-administrator-uses"]);
    for line in include_str!("../seeds/autoscaling.txt").lines() {
        assert_eq!(errors(&wrap(&format!("{ROOT},{line}")), &unknown), [""; 0], "{line}");
    }
    for (n, line) in include_str!("../seeds/cloudtrail.txt").lines().enumerate() {
        let text = wrap(&format!("{ROOT},{}", filled(line)));
        // Line 5 lacks a comma; line 9 has an account of 11 digits.
        let expected: &[&str] = match n {
            5 => {
                assert!(json(&text, 0).is_err());
                continue;
            }
            9 => &["principal-malformed"],
            _ => &[],
        };
        assert_eq!(errors(&text, &unknown), expected, "{line}");
    }
    for (n, line) in include_str!("../seeds/consumers.txt").lines().enumerate() {
        let text = wrap(&format!("{ROOT},{line}"));
        assert_eq!(errors(&text, &unknown), [""; 0], "{n}: {line}");
    }
    let default = crate::policy::aws_default("aws", ACCOUNT).to_json();
    assert_eq!(lint(&node(&default), &FACTS), []);
}

#[test]
fn rules_have_unique_ids_and_slugs() {
    let ids: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
    let slugs: BTreeSet<&str> = RULES.iter().map(|rule| rule.slug).collect();
    assert_eq!((ids.len(), slugs.len()), (RULES.len(), RULES.len()));
    assert!(RULES.windows(2).all(|pair| pair[0].id < pair[1].id));
    assert!(RULES.iter().all(|r| r.source.is_empty() == (r.id > "KMS8")));
    assert_eq!(rule("kms301").unwrap(), rule("public").unwrap());
    assert_eq!(rule("publc"), Err(Some("public")));
    assert_eq!(rule("something else entirely"), Err(None));
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let word = proptest::sample::select(vec![
        "*",
        "kms:*",
        "kms:Decrypt",
        "Allow",
        "Deny",
        "111122223333",
        "${aws:username}",
        "AWS",
        "",
        "arn:aws:iam::111122223333:role/r",
        "arn:aws:kms::111122223333:key/k",
        ":::::",
        "é\u{1f511}",
    ]);
    let leaf = prop_oneof![
        word.prop_map(serde_json::Value::from),
        any::<bool>().prop_map(serde_json::Value::from),
        Just(serde_json::Value::Null),
        any::<i32>().prop_map(serde_json::Value::from),
    ];
    let key = proptest::sample::select(vec![
        "Version",
        "Statement",
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
        "AWS",
        "Service",
        "StringEquals",
        "Bool",
        "Null",
        "ForAllValues:StringLike",
        "kms:CallerAccount",
        "aws:SourceArn",
        "kms:GrantIsForAWSResource",
    ]);
    leaf.prop_recursive(6, 64, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            proptest::collection::btree_map(key.clone().prop_map(str::to_owned), inner, 0..5)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

fn any_statements() -> impl Strategy<Value = Vec<String>> {
    let all: Vec<String> = cases()
        .into_iter()
        .flat_map(|(_, wrong, right)| wrong.into_iter().chain(right))
        .map(|text| text.replace(MARK, ""))
        .filter(|text| {
            text.len() < 2_000
                && !text.starts_with("{\"Version\"")
                && !text.starts_with("{\"Statement\"")
        })
        .collect();
    proptest::collection::vec(proptest::sample::select(all), 1..5)
}

proptest! {
    #[test]
    fn lint_never_panics(value in any_json(), statements in proptest::collection::vec(any_json(), 0..3)) {
        let caller = Facts { caller: Some("x"), ..FACTS };
        for value in [value, serde_json::json!({"Version": "2012-10-17", "Statement": statements})] {
            let node = node(&value.to_string());
            drop((lint(&node, &Facts::default()), lint(&node, &FACTS), lint(&node, &caller)));
        }
    }

    #[test]
    fn the_order_of_statements_does_not_matter((list, mixed) in any_statements().prop_flat_map(|list| (Just(list.clone()), Just(list).prop_shuffle()))) {
        let told = |list: &[String]| {
            let mut out: Vec<(&str, String)> = lint(&node(&wrap(&list.join(","))), &FACTS)
                .into_iter()
                // They name the other statement by its number, and point at the later one.
                .filter(|finding| finding.rule.slug != "statement-repeated")
                .map(|finding| (finding.rule.id, finding.message))
                .collect();
            out.sort();
            out
        };
        prop_assert_eq!(told(&list), told(&mixed));
    }
}
