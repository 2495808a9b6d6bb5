//! Tests of the requests that the SDK sends and of the answers that it returns. No network is used.

use super::*;
use crate::answer::Fault;
use crate::kind::{Ids, KeyRef, resolve};
use crate::sdk::replay::{Answer, Replay, replay};
use serde_json::{Value, json};

const ARN: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

pub(super) fn arn() -> KeyArn {
    ARN.parse().unwrap()
}

/// Returns the SDK with successful answers.
fn answers(answers: &[Value]) -> Replay {
    let bodies: Vec<String> = answers.iter().map(Value::to_string).collect();
    let answers: Vec<Answer<'_>> = bodies.iter().map(|body| (200, body.as_str())).collect();
    replay(&answers)
}

fn request(operation: &str, parameters: Value) -> (String, Value) {
    (operation.to_owned(), parameters)
}

/// Reads a call from the JSON of a plan.
fn call(kind: &str, operation: &str, parameters: Value) -> Call {
    serde_json::from_value(json!({ kind: { operation: parameters } })).unwrap()
}

/// Sends a call, and checks that it becomes one request with the parameters `sent`.
async fn sends(call: Call, sent: Value, answer: Value) -> Outcome {
    let (key, ids) = (arn(), Ids::from([("key/app".parse().unwrap(), arn())]));
    let bindings = CallBindings { key: Some(&key), ids: Some(&ids), nonce: Some("n1"), id: None };
    let replay = answers(&[answer]);
    let outcome = replay.aws.call(&arn().place(), &call, bindings).await.unwrap();
    let call = serde_json::to_value(&call).unwrap();
    let operations = call.as_object().unwrap().values().next().unwrap().as_object().unwrap();
    assert_eq!(replay.kms(), [request(operations.keys().next().unwrap(), sent)]);
    outcome
}

#[tokio::test]
async fn a_key_is_created_with_everything_and_its_nonce() {
    let parameters = json!({
        "KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY", "Description": "signs",
        "MultiRegion": true, "Policy": "{\"a\":\"${aws.key_arn}\"}",
        "BypassPolicyLockoutSafetyCheck": true,
        "Tags": [{"TagKey": "team", "TagValue": "a"}],
    });
    let mut sent = parameters.clone();
    let nonce = json!({"TagKey": "kmsctl:nonce", "TagValue": "n1"});
    sent["Tags"].as_array_mut().unwrap().push(nonce);
    let made = json!({"KeyMetadata": {"KeyId": ID, "Arn": ARN}});
    let create = call("key", "CreateKey", parameters);
    assert_eq!(sends(create, sent, made).await, Outcome::Key(arn()));
}

#[tokio::test]
async fn the_calls_of_a_key_are_sent_with_their_parameters() {
    let key = json!({"KeyId": ID});
    for operation in ["CancelKeyDeletion", "EnableKey", "DisableKey", "DisableKeyRotation"] {
        let outcome = sends(call("key", operation, json!({})), key.clone(), json!({})).await;
        assert_eq!(outcome, Outcome::Done, "{operation}");
    }
    for (operation, parameters) in [
        ("EnableKeyRotation", json!({"RotationPeriodInDays": 90})),
        ("ScheduleKeyDeletion", json!({"PendingWindowInDays": 7})),
        ("UpdatePrimaryRegion", json!({"PrimaryRegion": "eu-west-2"})),
        ("UpdateKeyDescription", json!({"Description": "d ${aws.key_arn}"})),
        ("TagResource", json!({"Tags": [{"TagKey": "k", "TagValue": "v"}]})),
        ("UntagResource", json!({"TagKeys": ["k", "l"]})),
    ] {
        let mut sent = parameters.clone();
        sent["KeyId"] = ID.into();
        let outcome = sends(call("key", operation, parameters), sent, json!({})).await;
        assert_eq!(outcome, Outcome::Done, "{operation}");
    }
    let text = |arn: &str| {
        let twice = [arn, &format!("{arn}/x {arn}")];
        json!({"Statement": [{"Effect": "Allow", "Resource": twice}]}).to_string()
    };
    let policy = json!({"PolicyName": "default", "Policy": text("${aws.key_arn}")});
    let sent = json!({"KeyId": ID, "PolicyName": "default", "Policy": text(ARN)});
    let outcome = sends(call("key", "PutKeyPolicy", policy), sent, json!({})).await;
    assert_eq!(outcome, Outcome::Done);
}

#[tokio::test]
async fn the_calls_of_an_alias_and_a_grant_are_sent_with_their_parameters() {
    let parameters = json!({"AliasName": "alias/a", "TargetKeyId": "key/app"});
    let sent = json!({"AliasName": "alias/a", "TargetKeyId": ARN});
    for operation in ["CreateAlias", "UpdateAlias"] {
        let call = call("alias", operation, parameters.clone());
        assert_eq!(sends(call, sent.clone(), json!({})).await, Outcome::Done, "{operation}");
    }
    let delete = json!({"AliasName": "alias/a"});
    let outcome = sends(call("alias", "DeleteAlias", delete.clone()), delete, json!({})).await;
    assert_eq!(outcome, Outcome::Done);
    let revoke = json!({"KeyId": ARN, "GrantId": "g"});
    let outcome = sends(call("grant", "RevokeGrant", revoke.clone()), revoke, json!({})).await;
    assert_eq!(outcome, Outcome::Done);

    let parameters = json!({
        "KeyId": "key/app", "Name": "kmsctl:s:app/g:1",
        "GranteePrincipal": "arn:aws:iam::111122223333:role/r",
        "Operations": ["Encrypt", "Decrypt"],
        "Constraints": {"EncryptionContextSubset": {"app": "x"}},
    });
    let mut sent = parameters.clone();
    sent["KeyId"] = ARN.into();
    sent["Operations"] = json!(["Decrypt", "Encrypt"]);
    let create = call("grant", "CreateGrant", parameters);
    let outcome = sends(create, sent, json!({"GrantId": "g1"})).await;
    assert_eq!(outcome, Outcome::Grant("g1".to_owned()));

    let parameters = json!({
        "KeyId": "key/app", "Name": "kmsctl:s:app/g:2",
        "GranteeServicePrincipal": "dynamodb.amazonaws.com",
        "RetiringServicePrincipal": "dynamodb.amazonaws.com",
        "Operations": ["Decrypt"],
        "Constraints": {"SourceArn": "arn:aws:dynamodb:eu-west-1:111122223333:table/t"},
    });
    let mut sent = parameters.clone();
    sent["KeyId"] = ARN.into();
    let create = call("grant", "CreateGrant", parameters);
    let outcome = sends(create, sent, json!({"GrantId": "g2"})).await;
    assert_eq!(outcome, Outcome::Grant("g2".to_owned()));
}

#[tokio::test]
async fn a_call_with_a_missing_binding_is_an_error_and_is_not_sent() {
    let calls = [
        (call("key", "CreateKey", json!({"Tags": []})), "nonce"),
        (call("key", "EnableKey", json!({})), "does not exist"),
        (
            call("alias", "CreateAlias", json!({"AliasName": "a", "TargetKeyId": "key/app"})),
            "key/app",
        ),
    ];
    for (call, what) in calls {
        let replay = answers(&[]);
        let error =
            replay.aws.call(&arn().place(), &call, CallBindings::default()).await.unwrap_err();
        assert_eq!(error.fault, Fault::Other);
        assert!(error.message.contains(what), "{error}");
        assert_eq!(replay.kms(), []);
    }
    let by_arn = KeyRef::Arn(arn());
    assert_eq!(resolve("Op", &by_arn, &CallBindings::default()).unwrap(), ARN);
}

#[tokio::test]
async fn lists_continue_while_there_is_a_marker_even_after_an_empty_page() {
    let replay = answers(&[
        json!({"Truncated": true, "NextMarker": "m", "Aliases": []}),
        json!({"Aliases": [
            {"AliasName": "alias/aws/ebs"}, {"AliasName": "alias/a", "TargetKeyId": "id"},
        ]}),
    ]);
    let page = replay.aws.aliases(&arn().place(), None).await.unwrap();
    assert_eq!((page.items.len(), page.next.as_deref()), (0, Some("m")));
    let next = replay.aws.aliases(&arn().place(), Some("m")).await.unwrap();
    let crate::answer::pages::Page { items: entries, next } = next;
    assert_eq!((entries.len(), next), (2, None));
    assert_eq!(entries[0], AliasEntry { name: "alias/aws/ebs".to_owned(), target: None });
    assert_eq!(entries[1].target.as_deref(), Some("id"));
    let first = request("ListAliases", json!({"Limit": 100}));
    let last = request("ListAliases", json!({"Limit": 100, "Marker": "m"}));
    assert_eq!(replay.kms(), [first, last]);

    let cut = answers(&[json!({"Truncated": true})]);
    assert_eq!(cut.aws.keys(&arn().place(), None).await.unwrap_err().fault, Fault::Ambiguous);
    assert_eq!(cut.kms(), [request("ListKeys", json!({"Limit": 1000}))]);
    let keys = answers(&[json!({"Keys": [{"KeyId": "i"}]})]);
    assert_eq!(keys.aws.keys(&arn().place(), None).await.unwrap().items, ["i"]);
}

#[tokio::test]
async fn the_aliases_of_a_key_are_listed_by_its_arn() {
    let replay = answers(&[json!({"Aliases": [{"AliasName": "alias/a"}]})]);
    assert_eq!(replay.aws.aliases_of(&arn()).await.unwrap()[0].as_str(), "alias/a");
    assert_eq!(replay.kms(), [request("ListAliases", json!({"KeyId": ARN, "Limit": 100}))]);
}

#[tokio::test]
async fn tags_and_grants_are_read() {
    let tag = |key: &str| json!({"TagKey": key, "TagValue": "v"});
    let replay = answers(&[json!({"Tags": [tag("aws:cloudformation:stack-id"), tag("awsome")]})]);
    let tags = replay.aws.tags(&arn()).await.unwrap();
    assert_eq!(tags, BTreeMap::from([("awsome".to_owned(), "v".to_owned())]));
    assert_eq!(replay.kms(), [request("ListResourceTags", json!({"KeyId": ARN, "Limit": 50}))]);

    let replay = answers(&[json!({"Grants": [{
        "GrantId": "g", "GranteePrincipal": "p", "Operations": ["Decrypt"],
        "IssuingAccount": "arn:aws:iam::444455556666:root",
        "Constraints": {"EncryptionContextEquals": {"a": "b"}},
    }]})]);
    let grants = replay.aws.grants(&arn(), None).await.unwrap().items;
    let pairs = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
    let expected = Listed {
        grant_id: "g".to_owned(),
        name: String::new(),
        grantee: "p".to_owned(),
        retiring: None,
        operations: ["Decrypt".to_owned()].into(),
        constraints: Some(crate::kind::grant::Constraints {
            encryption_context_equals: Some(pairs),
            ..Default::default()
        }),
        issuer: Some("444455556666".parse().unwrap()),
    };
    assert_eq!(grants, [expected]);
    assert_eq!(replay.kms(), [request("ListGrants", json!({"KeyId": ARN, "Limit": 100}))]);
}

#[tokio::test]
async fn a_missing_usage_is_the_default_of_the_spec_and_dates_are_rfc_3339() {
    let replay = answers(&[json!({"KeyMetadata": {
        "KeyId": ID, "Arn": ARN, "KeySpec": "HMAC_256", "KeyState": "PendingDeletion",
        "DeletionDate": 1_700_000_000.365541,
    }})]);
    let key = replay.aws.describe(&arn()).await.unwrap();
    assert_eq!((key.usage.as_str(), key.origin.as_str()), ("GENERATE_VERIFY_MAC", "AWS_KMS"));
    assert_eq!(key.deletion_date.as_deref(), Some("2023-11-14T22:13:20Z"));
    assert!(key.is_dying());
    assert_eq!(replay.kms(), [request("DescribeKey", json!({"KeyId": ARN}))]);
}

#[tokio::test]
async fn each_related_key_reports_the_primary_key_and_the_others() {
    let related = |region: &str| json!({"Arn": ARN.replace("eu-west-1", region), "Region": region});
    let replay = answers(&[json!({"KeyMetadata": {
        "KeyId": ID, "Arn": ARN, "KeyState": "Enabled", "MultiRegion": true,
        "MultiRegionConfiguration": {
            "MultiRegionKeyType": "REPLICA",
            "PrimaryKey": related("us-east-1"),
            "ReplicaKeys": [related("eu-west-1"), related("eu-north-1")],
        },
    }})]);
    let key = replay.aws.describe(&arn()).await.unwrap();
    assert_eq!(key.arn.region.as_str(), "eu-west-1");
    assert_eq!(key.primary_region.unwrap().as_str(), "us-east-1");
    let others: Vec<&str> = key.replicas.iter().map(crate::id::Region::as_str).collect();
    assert_eq!(others, ["eu-north-1", "us-east-1"]);
}

#[tokio::test]
async fn a_grant_for_a_service_has_its_source() {
    let source = "arn:aws:dynamodb:eu-west-1:111122223333:table/t";
    let replay = answers(&[json!({"Grants": [{
        "GrantId": "g", "GranteeServicePrincipal": "dynamodb.amazonaws.com", "Operations": ["Decrypt"],
        "RetiringServicePrincipal": "dynamodb.amazonaws.com", "Constraints": {"SourceArn": source},
    }, {
        "GrantId": "h", "GranteePrincipal": "p", "Operations": ["Decrypt"], "Constraints": {},
    }]})]);
    let grants = replay.aws.grants(&arn(), None).await.unwrap().items;
    assert_eq!(grants[0].grantee, "dynamodb.amazonaws.com");
    assert_eq!(grants[0].retiring.as_deref(), Some("dynamodb.amazonaws.com"));
    assert_eq!(grants[0].constraints.as_ref().unwrap().source_arn.as_deref(), Some(source));
    assert_eq!(grants[1].constraints, None);
}

/// The answers are those of the KMS API Reference, DescribeKey.
#[tokio::test]
async fn a_key_in_a_key_store_is_read_as_what_it_is() {
    let metadata = |more: Value| {
        let mut metadata = json!({
            "Arn": ARN, "AWSAccountId": "111122223333", "CreationDate": 1_646_160_362.664,
            "CustomKeyStoreId": "cks-1234567890abcdef0", "Description": "", "Enabled": true,
            "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"], "KeyId": ID, "KeyManager": "CUSTOMER",
            "KeySpec": "SYMMETRIC_DEFAULT", "KeyState": "Unavailable", "KeyUsage": "ENCRYPT_DECRYPT",
            "MultiRegion": false,
        });
        for (name, value) in more.as_object().unwrap() {
            metadata[name] = value.clone();
        }
        json!({ "KeyMetadata": metadata })
    };
    let hsm = json!({"Origin": "AWS_CLOUDHSM", "CloudHsmClusterId": "cluster-1a23b4cdefg"});
    let external = json!({
        "Origin": "EXTERNAL_KEY_STORE", "XksKeyConfiguration": {"Id": "bb8562717f809024"},
    });
    for (more, xks) in [(hsm, None), (external, Some("bb8562717f809024"))] {
        let replay = answers(&[metadata(more.clone())]);
        let found = replay.aws.describe(&arn()).await.unwrap();
        assert_eq!(found.origin, more["Origin"]);
        assert_eq!(found.custom_key_store_id.as_deref(), Some("cks-1234567890abcdef0"));
        assert_eq!((found.xks_key_id.as_deref(), found.state.as_str()), (xks, "Unavailable"));
    }
}
