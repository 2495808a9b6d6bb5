//! Request by request: what goes out, what comes back, and what failures mean. No network.

use super::*;
use crate::kind::{Ids, KeyRef};
use aws_sdk_kms::Client;
use aws_sdk_kms::operation::create_grant::CreateGrantOutput;
use aws_sdk_kms::operation::create_key::CreateKeyOutput;
use aws_sdk_kms::operation::describe_key::DescribeKeyOutput;
use aws_sdk_kms::operation::list_aliases::ListAliasesOutput;
use aws_sdk_kms::operation::list_grants::ListGrantsOutput;
use aws_sdk_kms::operation::list_keys::ListKeysOutput;
use aws_sdk_kms::operation::list_resource_tags::ListResourceTagsOutput;
use aws_sdk_kms::types::{
    AliasListEntry, GrantConstraints, GrantListEntry, GrantOperation, KeyListEntry, KeyMetadata,
    KeySpec, KeyState, Tag,
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use serde_json::json;

const ARN: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

pub(super) fn arn() -> KeyArn {
    ARN.parse().unwrap()
}

pub(super) fn aws(rules: &[&Rule]) -> Aws {
    let client = mock_client!(aws_sdk_kms, RuleMode::Sequential, rules, |config| config
        .retry_config(RetryConfig::disabled()));
    Aws {
        base: SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build(),
        home: None,
        accounts: BTreeMap::new(),
        limits: Limits::unlimited(),
        clients: Mutex::new(Clients {
            kms: BTreeMap::from([(arn().place(), client)]),
            iam: BTreeMap::new(),
            consumers: consumers::Clients::default(),
            roles: BTreeMap::new(),
        }),
    }
}

/// A call in the words of a plan.
fn call(kind: &str, operation: &str, parameters: serde_json::Value) -> Call {
    serde_json::from_value(json!({ kind: { operation: parameters } })).unwrap()
}

async fn send(rule: &Rule, call: Call) -> Result<Outcome, CloudError> {
    let (key, ids) = (arn(), Ids::from([("key/app".parse().unwrap(), arn())]));
    let late = Late { key: Some(&key), ids: Some(&ids), nonce: Some("n1"), id: None };
    let result = aws(&[rule]).call(&arn().place(), &call, late).await;
    assert_eq!(rule.num_calls(), 1);
    result
}

/// Expects that `$call` becomes one request that is `$check`.
macro_rules! sends {
    ($operation:ident, $call:expr, $check:expr) => {{
        let rule = mock!(Client::$operation)
            .match_requests($check)
            .then_output(|| Default::default_output());
        let outcome = send(&rule, $call).await.unwrap();
        assert_eq!(outcome, Outcome::Done);
    }};
}

/// The SDK's outputs have builders instead of `Default`.
trait DefaultOutput {
    fn default_output() -> Self;
}
struct Default;
impl Default {
    fn default_output<T: DefaultOutput>() -> T {
        T::default_output()
    }
}
macro_rules! outputs {
    ($($module:ident :: $output:ident),+ $(,)?) => {
        $(impl DefaultOutput for aws_sdk_kms::operation::$module::$output {
            fn default_output() -> Self { Self::builder().build() }
        })+
    };
}
outputs! {
    cancel_key_deletion::CancelKeyDeletionOutput, enable_key::EnableKeyOutput,
    disable_key::DisableKeyOutput, enable_key_rotation::EnableKeyRotationOutput,
    disable_key_rotation::DisableKeyRotationOutput, put_key_policy::PutKeyPolicyOutput,
    schedule_key_deletion::ScheduleKeyDeletionOutput, tag_resource::TagResourceOutput,
    untag_resource::UntagResourceOutput, create_alias::CreateAliasOutput,
    update_key_description::UpdateKeyDescriptionOutput, update_alias::UpdateAliasOutput,
    delete_alias::DeleteAliasOutput, revoke_grant::RevokeGrantOutput,
}

#[tokio::test]
async fn a_key_is_created_with_everything_and_its_nonce() {
    let rule = mock!(Client::create_key)
        .match_requests(|r| {
            let tags: Vec<_> = r.tags().iter().map(|t| (t.tag_key(), t.tag_value())).collect();
            r.key_spec() == Some(&KeySpec::Rsa2048)
                && r.key_usage().is_some_and(|u| u.as_str() == "SIGN_VERIFY")
                && r.description() == Some("signs")
                && r.multi_region() == Some(true)
                && r.origin().is_none()
                && r.policy() == Some("{\"a\":\"${aws.key_arn}\"}")
                && r.bypass_policy_lockout_safety_check() == Some(true)
                && tags == [("team", "a"), ("kmsctl:nonce", "n1")]
        })
        .then_output(|| {
            let key = KeyMetadata::builder().key_id(arn().id()).arn(ARN).build().unwrap();
            CreateKeyOutput::builder().key_metadata(key).build()
        });
    let create = call(
        "key",
        "CreateKey",
        json!({
            "KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY", "Description": "signs",
            "MultiRegion": true, "Policy": "{\"a\":\"${aws.key_arn}\"}",
            "BypassPolicyLockoutSafetyCheck": true,
            "Tags": [{"TagKey": "team", "TagValue": "a"}],
        }),
    );
    assert_eq!(send(&rule, create).await.unwrap(), Outcome::Key(arn()));
}

#[tokio::test]
async fn the_calls_of_a_key() {
    let key = |operation, parameters| call("key", operation, parameters);
    let none = || json!({});
    sends!(cancel_key_deletion, key("CancelKeyDeletion", none()), |r| r.key_id() == Some(ID));
    sends!(enable_key, key("EnableKey", none()), |r| r.key_id() == Some(ID));
    sends!(disable_key, key("DisableKey", none()), |r| r.key_id() == Some(ID));
    sends!(disable_key_rotation, key("DisableKeyRotation", none()), |r| r.key_id() == Some(ID));
    let rotate = key("EnableKeyRotation", json!({"RotationPeriodInDays": 90}));
    sends!(enable_key_rotation, rotate, |r| r.key_id() == Some(ID)
        && r.rotation_period_in_days() == Some(90));
    let schedule = key("ScheduleKeyDeletion", json!({"PendingWindowInDays": 7}));
    sends!(schedule_key_deletion, schedule, |r| r.key_id() == Some(ID)
        && r.pending_window_in_days() == Some(7));
    let describe = key("UpdateKeyDescription", json!({"Description": "d ${aws.key_arn}"}));
    sends!(update_key_description, describe, |r| r.key_id() == Some(ID)
        && r.description() == Some("d ${aws.key_arn}"));
    let tag = key("TagResource", json!({"Tags": [{"TagKey": "k", "TagValue": "v"}]}));
    sends!(tag_resource, tag, |r| r.key_id() == Some(ID)
        && r.tags().len() == 1
        && r.tags()[0].tag_value() == "v");
    let untag = key("UntagResource", json!({"TagKeys": ["k", "l"]}));
    sends!(untag_resource, untag, |r| r.key_id() == Some(ID) && r.tag_keys() == ["k", "l"]);
    let policy = json!({"PolicyName": "default", "Policy": "a ${aws.key_arn} b ${aws.key_arn}"});
    sends!(put_key_policy, key("PutKeyPolicy", policy), |r| r.key_id() == Some(ID)
        && r.policy_name() == Some("default")
        && r.bypass_policy_lockout_safety_check().is_none()
        && r.policy() == Some(format!("a {ARN} b {ARN}").as_str()));
}

#[tokio::test]
async fn the_calls_of_an_alias_and_a_grant() {
    let parameters = || json!({"AliasName": "alias/a", "TargetKeyId": "key/app"});
    sends!(create_alias, call("alias", "CreateAlias", parameters()), |r| r.alias_name()
        == Some("alias/a")
        && r.target_key_id() == Some(ARN));
    sends!(update_alias, call("alias", "UpdateAlias", parameters()), |r| r.alias_name()
        == Some("alias/a")
        && r.target_key_id() == Some(ARN));
    let delete = call("alias", "DeleteAlias", json!({"AliasName": "alias/a"}));
    sends!(delete_alias, delete, |r| r.alias_name() == Some("alias/a"));
    let revoke = call("grant", "RevokeGrant", json!({"KeyId": ARN, "GrantId": "g"}));
    sends!(revoke_grant, revoke, |r| r.key_id() == Some(ARN) && r.grant_id() == Some("g"));

    let rule = mock!(Client::create_grant)
        .match_requests(|r| {
            let constraints = r.constraints().unwrap();
            r.key_id() == Some(ARN)
                && r.name() == Some("kmsctl:s:app/g:1")
                && r.grantee_principal() == Some("arn:aws:iam::111122223333:role/r")
                && r.retiring_principal().is_none()
                && r.operations() == [GrantOperation::Decrypt, GrantOperation::Encrypt]
                && constraints.encryption_context_equals().is_none()
                && constraints.encryption_context_subset().unwrap()["app"] == "x"
        })
        .then_output(|| CreateGrantOutput::builder().grant_id("g1").build());
    let create = call(
        "grant",
        "CreateGrant",
        json!({
            "KeyId": "key/app", "Name": "kmsctl:s:app/g:1",
            "GranteePrincipal": "arn:aws:iam::111122223333:role/r",
            "Operations": ["Encrypt", "Decrypt"],
            "Constraints": {"EncryptionContextSubset": {"app": "x"}},
        }),
    );
    assert_eq!(send(&rule, create).await.unwrap(), Outcome::Grant("g1".to_owned()));
}

#[tokio::test]
async fn what_is_missing_is_said_and_nothing_is_sent() {
    let calls = [
        (call("key", "CreateKey", json!({"Tags": []})), "nonce"),
        (call("key", "EnableKey", json!({})), "does not exist"),
        (
            call("alias", "CreateAlias", json!({"AliasName": "a", "TargetKeyId": "key/app"})),
            "key/app",
        ),
    ];
    for (call, what) in calls {
        let error = aws(&[]).call(&arn().place(), &call, Late::default()).await.unwrap_err();
        assert_eq!(error.fault, Fault::Other);
        assert!(error.message.contains(what), "{error}");
    }
    let by_arn = KeyRef::Arn(arn());
    assert_eq!(resolve("Op", &by_arn, &Late::default()).unwrap(), ARN);
}

#[tokio::test]
async fn lists_follow_the_marker_and_not_the_length_of_a_page() {
    let first = mock!(Client::list_aliases)
        .match_requests(|r| r.limit() == Some(100) && r.marker().is_none() && r.key_id().is_none())
        .then_output(|| ListAliasesOutput::builder().truncated(true).next_marker("m").build());
    let last = mock!(Client::list_aliases)
        .match_requests(|r| r.limit() == Some(100) && r.marker() == Some("m"))
        .then_output(|| {
            let aws = AliasListEntry::builder().alias_name("alias/aws/ebs").build();
            let ours = AliasListEntry::builder().alias_name("alias/a").target_key_id("id");
            ListAliasesOutput::builder().aliases(aws).aliases(ours.build()).build()
        });
    let cloud = aws(&[&first, &last]);
    let page = cloud.aliases(&arn().place(), None).await.unwrap();
    assert_eq!((page.items.len(), page.next.as_deref()), (0, Some("m")));
    let Page { items: entries, next } = cloud.aliases(&arn().place(), Some("m")).await.unwrap();
    assert_eq!(next, None);
    assert_eq!(entries[0], AliasEntry { name: "alias/aws/ebs".to_owned(), target: None });
    assert_eq!(entries[1].target.as_deref(), Some("id"));

    let cut = mock!(Client::list_keys)
        .match_requests(|r| r.limit() == Some(1000))
        .then_output(|| ListKeysOutput::builder().truncated(true).build());
    assert_eq!(aws(&[&cut]).keys(&arn().place(), None).await.unwrap_err().fault, Fault::Other);
    let keys = mock!(Client::list_keys).then_output(|| {
        ListKeysOutput::builder().keys(KeyListEntry::builder().key_id("i").build()).build()
    });
    assert_eq!(aws(&[&keys]).keys(&arn().place(), None).await.unwrap().items, ["i"]);
}

#[tokio::test]
async fn aliases_of_a_key_are_asked_for_by_its_arn() {
    let rule =
        mock!(Client::list_aliases).match_requests(|r| r.key_id() == Some(ARN)).then_output(|| {
            let alias = AliasListEntry::builder().alias_name("alias/a").build();
            ListAliasesOutput::builder().aliases(alias).build()
        });
    assert_eq!(aws(&[&rule]).aliases_of(&arn()).await.unwrap()[0].as_str(), "alias/a");
}

#[tokio::test]
async fn tags_and_grants_are_lifted() {
    let rule = mock!(Client::list_resource_tags)
        .match_requests(|r| r.limit() == Some(50) && r.key_id() == Some(ARN))
        .then_output(|| {
            let tag = |k: &str| Tag::builder().tag_key(k).tag_value("v").build().unwrap();
            let page = ListResourceTagsOutput::builder();
            page.tags(tag("aws:cloudformation:stack-id")).tags(tag("awsome")).build()
        });
    let tags = aws(&[&rule]).tags(&arn()).await.unwrap();
    assert_eq!(tags.into_keys().collect::<Vec<_>>(), ["awsome"]);

    let rule = mock!(Client::list_grants)
        .match_requests(|r| r.limit() == Some(100) && r.key_id() == Some(ARN))
        .then_output(|| {
            let context = GrantConstraints::builder().encryption_context_equals("a", "b").build();
            let grant = GrantListEntry::builder().grant_id("g").grantee_principal("p");
            let grant = grant.issuing_account("arn:aws:iam::444455556666:root");
            let grant = grant.operations(GrantOperation::Decrypt).constraints(context).build();
            ListGrantsOutput::builder().grants(grant).build()
        });
    let grants = aws(&[&rule]).grants(&arn(), None).await.unwrap().items;
    let pairs = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
    let expected = Listed {
        grant_id: "g".to_owned(),
        name: String::new(),
        grantee: "p".to_owned(),
        retiring: None,
        operations: ["Decrypt".to_owned()].into(),
        constraints: Some(crate::kind::grant::Constraint::EncryptionContextEquals(pairs)),
        issuer: Some("444455556666".parse().unwrap()),
    };
    assert_eq!(grants, [expected]);
}

#[tokio::test]
async fn a_key_without_usage_has_its_specs_and_dates_are_rfc_3339() {
    let rule =
        mock!(Client::describe_key).match_requests(|r| r.key_id() == Some(ARN)).then_output(|| {
            let date = aws_sdk_kms::primitives::DateTime::from_secs(1_700_000_000);
            let key = KeyMetadata::builder().key_id(arn().id()).arn(ARN).key_spec(KeySpec::Hmac256);
            let key = key.key_state(KeyState::PendingDeletion).deletion_date(date);
            DescribeKeyOutput::builder().key_metadata(key.build().unwrap()).build()
        });
    let key = aws(&[&rule]).describe(&arn()).await.unwrap();
    assert_eq!((key.usage.as_str(), key.origin.as_str()), ("GENERATE_VERIFY_MAC", "AWS_KMS"));
    assert_eq!(key.deletion_date.as_deref(), Some("2023-11-14T22:13:20Z"));
    assert!(key.is_dying());
}
