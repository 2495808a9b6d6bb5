//! Elasticsearch and OpenSearch domains.

use super::{Case, KEYS, derived, desired, operations, policy};
use crate::world::Stack;
use kmsctl::desired::Desired;
use kmsctl::kind::consumer::Encryption;
use kmsctl::kind::{Kind, Spec};

const CASE: Case = Case {
    kind: Kind::EsDomain,
    id: "logs",
    text: "es: {domains: {logs: {engine_version: OpenSearch_2.17, instance_type: t3.small.search, \
           instance_count: 1, volume_size_gib: 10, enforce_https: true, key: a, \
           access_policy: {Statement: {Effect: Allow, Principal: {AWS: '111122223333'}, \
           Action: 'es:ESHttp*', Resource: '*'}}, PROTECT}}}",
    changed: "es: {domains: {logs: {engine_version: OpenSearch_2.19, instance_count: 3, \
              instance_type: r7g.large.search, zone_awareness: {zones: 3}, \
              dedicated_master: {type: m7g.large.search, count: 3}, volume_type: gp3, \
              volume_size_gib: 20, iops: 4000, throughput: 250, node_to_node_encryption: true, \
              tls_policy: Policy-Min-TLS-1-2-PFS-2023-10, key: a, tags: {team: x}, \
              access_policy: {Statement: [{Effect: Allow, Principal: {AWS: '*'}, \
              Action: ['es:ESHttpGet'], Resource: '*'}]}, PROTECT}}}",
    blocked: "es: {domains: {logs: {engine_version: OpenSearch_2.17, key: b}}}",
    field: "key",
    existing: "es: {domains: {mine: {existing: ID, key: a}}}",
};

#[test]
fn a_domain_lives() {
    CASE.lives();
}

fn with(settings: &str) -> Desired {
    desired(&format!("{KEYS}es: {{domains: {{logs: {{key: a, {settings}}}}}}}"))
}

/// Makes of the domain what an older stack left: no encryption at rest, an older version.
fn plain(stack: &Stack, version: &str) {
    stack.fake.tamper_consumer(Kind::EsDomain, "logs", |held| {
        let Spec::EsDomain(spec) = &mut held.object.spec else { return };
        spec.common.key = Some(Encryption::Aws);
        spec.settings.encrypted = Some(false);
        spec.settings.engine_version = Some(version.to_owned());
    });
}

#[test]
fn what_is_not_encrypted_yet_is_encrypted_in_place_where_aws_can() {
    let mut stack = Stack::new(1);
    stack.applied(&with(""));
    plain(&stack, "Elasticsearch_6.5");
    let refused = stack.plan_only(&with(""));
    assert_eq!(refused.blocked[0].field, "key");
    assert!(refused.blocked[0].reason.contains("Elasticsearch 6.7"), "{refused:#?}");
    // After an upgrade, in one plan.
    let upgraded = with("engine_version: Elasticsearch_7.10");
    let plan = stack.applied(&upgraded);
    assert_eq!(operations(&plan), ["UpgradeDomain", "UpdateDomainConfig"]);
    let risk = plan.steps[0].risk.as_ref().unwrap();
    assert!(risk.contains("blue/green") && risk.contains("upgrade"), "{risk}");
    stack.settled(&upgraded);
    // With a key that AWS owns, it is too late.
    stack.fake.tamper_consumer(Kind::EsDomain, "logs", |held| {
        held.object.spec.common_mut().unwrap().key = Some(Encryption::Aws);
    });
    let refused = stack.plan_only(&upgraded);
    assert!(refused.blocked[0].help.contains("snapshot"), "{refused:#?}");
}

#[test]
fn all_changes_are_one_call_after_an_upgrade() {
    let mut stack = Stack::new(1);
    stack.fake.faults.borrow_mut().busy = 3;
    stack.applied(&with("engine_version: Elasticsearch_7.10, volume_size_gib: 10"));
    let changed = with(
        "engine_version: OpenSearch_2.19, instance_count: 2, zone_awareness: {zones: 2}, \
         volume_size_gib: 20, volume_type: gp2, enforce_https: true",
    );
    let plan = stack.applied(&changed);
    assert_eq!(operations(&plan), ["UpgradeDomain", "UpdateDomainConfig"]);
    let sent = plan.steps[0].calls[1].call.request().1;
    insta::assert_snapshot!(sent, @r#"{"DomainName":"logs","ClusterConfig":{"InstanceType":"m4.large.search","InstanceCount":2,"DedicatedMasterEnabled":false,"ZoneAwarenessEnabled":true,"ZoneAwarenessConfig":{"AvailabilityZoneCount":2}},"EBSOptions":{"EBSEnabled":true,"VolumeType":"gp2","VolumeSize":20},"DomainEndpointOptions":{"EnforceHTTPS":true,"TLSSecurityPolicy":"Policy-Min-TLS-1-2-2019-07"}}"#);
    stack.settled(&changed);
    let back = stack.plan_only(&with("engine_version: Elasticsearch_7.10"));
    assert_eq!(back.blocked[0].field, "engine_version");
}

#[test]
fn what_aws_never_takes_back_is_refused() {
    let mut stack = Stack::new(1);
    stack.applied(&with("node_to_node_encryption: true"));
    let refused =
        stack.plan_only(&with("node_to_node_encryption: false, vpc: {subnets: [subnet-1]}"));
    let fields: Vec<&str> = refused.blocked.iter().map(|b| b.field.as_str()).collect();
    assert_eq!(fields, ["node_to_node_encryption", "vpc_subnets"]);
    // What is in a VPC moves within it.
    let mut stack = Stack::new(2);
    stack.applied(&with("vpc: {subnets: [subnet-1]}"));
    let moved = with("vpc: {subnets: [subnet-2], security_groups: [sg-2]}");
    assert_eq!(operations(&stack.applied(&moved)), ["UpdateDomainConfig"]);
    stack.settled(&moved);
}

#[test]
fn an_access_policy_is_compared_by_what_it_says() {
    let one = "access_policy: {Version: '2012-10-17', Statement: [{Effect: Allow, Principal: {AWS: \
               ['111122223333']}, Action: ['es:ESHttpGet', 'es:ESHttpPut'], Resource: '*'}]}";
    let same = "access_policy: {Statement: {Principal: {AWS: 'arn:aws:iam::111122223333:root'}, \
                Action: ['es:ESHttpPut', 'es:ESHttpGet'], Effect: Allow, Resource: ['*']}, \
                Version: '2012-10-17'}";
    let mut stack = Stack::new(1);
    stack.applied(&with(one));
    stack.settled(&with(one));
    assert!(stack.plan_only(&with(same)).steps.is_empty());
    let other = with(&same.replace("ESHttpPut", "ESHttpPost"));
    assert_eq!(operations(&stack.applied(&other)), ["UpdateDomainConfig"]);
    stack.settled(&other);
}

#[test]
fn who_makes_domains_may_use_their_key_and_grant_it_to_the_service() {
    let all = desired(&format!(
        "{KEYS}es: {{domains: {{logs: {{key: a, used_by: [role/ESAdmin]}}, more: {{key: b}}}}}}"
    ));
    let source = || "es_domain/logs".to_owned();
    let sids = ["AllowEsForDomainCreators", "AllowEsGrantsForDomainCreators"];
    assert_eq!(derived(&all, "a"), sids.map(|sid| (sid.to_owned(), source())));
    assert_eq!(derived(&all, "b"), []);
    let policy = policy(&all, "a");
    insta::assert_snapshot!(policy["Statement"][1], @r#"{"Sid":"AllowEsForDomainCreators","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/ESAdmin"},"Action":["kms:Decrypt","kms:DescribeKey","kms:Encrypt","kms:GenerateDataKey*","kms:ReEncrypt*"],"Resource":"*","Condition":{"StringEquals":{"kms:ViaService":"es.eu-central-1.amazonaws.com"}}}"#);
    insta::assert_snapshot!(policy["Statement"][2], @r#"{"Sid":"AllowEsGrantsForDomainCreators","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/ESAdmin"},"Action":"kms:CreateGrant","Resource":"*","Condition":{"Bool":{"kms:GrantIsForAWSResource":"true"},"StringEquals":{"kms:ViaService":"es.eu-central-1.amazonaws.com"}}}"#);
}

#[test]
fn what_the_service_cannot_do_is_told_where_it_stands() {
    let text = |domain: &str| format!("{KEYS}es: {{domains: {{{domain}}}}}");
    for (domain, said) in [
        ("Logs: {key: a}", "`Logs` is no name of a domain"),
        ("logs: {key: null}", "`key: null` is not possible here"),
        ("logs: {key: a, engine_version: '7.10'}", "`7.10` is no engine and version"),
        ("logs: {key: a, engine_version: Elasticsearch_2.3}", "cannot be encrypted at rest"),
        ("logs: {key: a, instance_type: r5.large}", "`r5.large` is no type of a node"),
        ("logs: {key: a, instance_type: t2.small.search}", "cannot be encrypted at rest"),
        ("logs: {key: a, zone_awareness: {zones: 4}}", "4 zones are not possible"),
        ("logs: {key: a, instance_count: 1, zone_awareness: {zones: 2}}", "do not fill 2 zones"),
        ("logs: {key: a, dedicated_master: {type: m7g.large.search, count: 2}}", "2 dedicated"),
        ("logs: {key: a, volume_type: gp2, iops: 9}", "take no `iops`"),
        ("logs: {key: a, tls_policy: TLS-1-3}", "`TLS-1-3` is not a TLS policy of AWS"),
        ("logs: {key: a, access_policy: 3}", "expected a policy, found a number"),
        ("logs: {key: a, vpc: {subnets: []}}", "a VPC wants a subnet"),
        ("logs: {key: a, existing: logs, instance_count: 1}", "beside `existing`"),
    ] {
        let messages = super::refused(&text(domain));
        assert!(messages.iter().any(|message| message.contains(said)), "{domain}: {messages:?}");
    }
}
