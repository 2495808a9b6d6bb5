//! Elasticsearch and OpenSearch domains.

use super::{Case, KEYS, derived, desired, operations, policy};
use crate::world::Stack;
use kmsctl::desired::Desired;
use kmsctl::kind::consumer::Encryption;
use kmsctl::kind::{ConsumerKind, ConsumerSpec};

pub(super) const CASE: Case = Case {
    kind: ConsumerKind::EsDomain,
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
fn the_life_cycle_of_a_domain_succeeds() {
    CASE.check_life_cycle();
}

fn with(settings: &str) -> Desired {
    desired(&format!("{KEYS}es: {{domains: {{logs: {{key: a, {settings}}}}}}}"))
}

/// Changes the domain to an older version without encryption at rest.
fn plain(stack: &Stack, version: &str) {
    stack.fake.tamper_consumer(ConsumerKind::EsDomain, "logs", |held| {
        let ConsumerSpec::EsDomain(spec) = &mut held.object.spec else { return };
        spec.common.key = Some(Encryption::Aws);
        spec.settings.encrypted = Some(false);
        spec.settings.engine_version = Some(version.to_owned());
    });
}

#[test]
fn an_unencrypted_domain_is_encrypted_in_place_if_aws_supports_it() {
    let mut stack = Stack::new(1);
    stack.applied(&with(""));
    plain(&stack, "Elasticsearch_6.5");
    let refused = stack.plan_only(&with(""));
    assert_eq!(refused.blocked[0].field, "key");
    assert!(refused.blocked[0].reason.contains("Elasticsearch 6.7"), "{refused:#?}");
    // The same plan upgrades the domain first.
    let upgraded = with("engine_version: Elasticsearch_7.10");
    let plan = stack.applied(&upgraded);
    assert_eq!(operations(&plan), ["UpgradeDomain", "UpdateDomainConfig"]);
    let risk = plan.steps[0].risk.as_ref().unwrap();
    assert!(risk.contains("blue/green") && risk.contains("upgrade"), "{risk}");
    stack.settled(&upgraded);
    // A domain that is encrypted with an AWS owned key cannot get another key.
    stack.fake.tamper_consumer(ConsumerKind::EsDomain, "logs", |held| {
        held.object.spec.common_mut().key = Some(Encryption::Aws);
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
fn irreversible_settings_are_not_switched_off() {
    let mut stack = Stack::new(1);
    stack.applied(&with("node_to_node_encryption: true"));
    let refused =
        stack.plan_only(&with("node_to_node_encryption: false, vpc: {subnets: [subnet-1]}"));
    let fields: Vec<&str> = refused.blocked.iter().map(|b| b.field.as_str()).collect();
    assert_eq!(fields, ["node_to_node_encryption", "vpc_subnets"]);
    // A domain in a VPC can change its subnets.
    let mut stack = Stack::new(2);
    stack.applied(&with("vpc: {subnets: [subnet-1]}"));
    let moved = with("vpc: {subnets: [subnet-2], security_groups: [sg-2]}");
    assert_eq!(operations(&stack.applied(&moved)), ["UpdateDomainConfig"]);
    stack.settled(&moved);
}

#[test]
fn access_policies_are_compared_by_meaning() {
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
fn users_of_domains_may_use_the_key_and_create_grants_for_the_service() {
    let all = desired(&format!(
        "{KEYS}es: {{domains: {{logs: {{key: a, used_by: [role/ESAdmin]}}, more: {{key: b}}}}}}"
    ));
    let sids = ["AllowEsForDomainCreators", "AllowEsGrantsForDomainCreators"];
    assert_eq!(derived(&all, "a"), sids.map(|sid| (sid.to_owned(), "es_domain/logs".to_owned())));
    assert_eq!(derived(&all, "b"), []);
    let policy = policy(&all, "a");
    insta::assert_snapshot!(policy["Statement"][1], @r#"{"Sid":"AllowEsForDomainCreators","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/ESAdmin"},"Action":["kms:Decrypt","kms:DescribeKey","kms:Encrypt","kms:GenerateDataKey*","kms:ReEncrypt*"],"Resource":"*","Condition":{"StringEquals":{"kms:ViaService":"es.eu-central-1.amazonaws.com"}}}"#);
    insta::assert_snapshot!(policy["Statement"][2], @r#"{"Sid":"AllowEsGrantsForDomainCreators","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/ESAdmin"},"Action":"kms:CreateGrant","Resource":"*","Condition":{"Bool":{"kms:GrantIsForAWSResource":"true"},"StringEquals":{"kms:ViaService":"es.eu-central-1.amazonaws.com"}}}"#);
}

#[test]
fn settings_that_the_service_does_not_accept_are_errors() {
    let text = |domain: &str| format!("{KEYS}es: {{domains: {{{domain}}}}}");
    for (domain, said) in [
        ("Logs: {key: a}", "`Logs` is not the name of a domain"),
        ("logs: {key: null}", "`key: null` is not possible here"),
        ("logs: {key: a, engine_version: '7.10'}", "`7.10` is not an engine with its version"),
        (
            "logs: {key: a, engine_version: Elasticsearch_2.3}",
            "does not support encryption at rest",
        ),
        (
            "logs: {key: a, instance_type: r5.large}",
            "`r5.large` is not an instance type of a domain",
        ),
        ("logs: {key: a, instance_type: t2.small.search}", "does not support encryption at rest"),
        ("logs: {key: a, zone_awareness: {zones: 4}}", "4 zones are not possible"),
        ("logs: {key: a, instance_count: 1, zone_awareness: {zones: 2}}", "do not fill 2 zones"),
        ("logs: {key: a, dedicated_master: {type: m7g.large.search, count: 2}}", "2 dedicated"),
        ("logs: {key: a, volume_type: gp2, iops: 9}", "have no `iops`"),
        ("logs: {key: a, tls_policy: TLS-1-3}", "`TLS-1-3` is not a TLS policy of AWS"),
        ("logs: {key: a, access_policy: 3}", "expected a policy, found a number"),
        ("logs: {key: a, vpc: {subnets: []}}", "a VPC needs a subnet"),
        ("logs: {key: a, existing: logs, instance_count: 1}", "beside `existing`"),
    ] {
        let messages = super::refused(&text(domain));
        assert!(messages.iter().any(|message| message.contains(said)), "{domain}: {messages:?}");
    }
}

/// A domain that exists may have zones that are not declared, but a new one has one zone.
#[test]
fn a_new_domain_has_a_subnet_for_each_zone() {
    let stack = Stack::new(1);
    let vpc = |zones: &str, subnets: &str| with(&format!("{zones}vpc: {{subnets: [{subnets}]}}"));
    let two = "subnet-1, subnet-2";
    let plan = stack.plan_only(&vpc("", two));
    let blocked: Vec<&str> = plan.blocked.iter().map(|b| b.reason.as_str()).collect();
    assert_eq!(blocked, ["a new domain without `zone_awareness` has one zone, but 2 subnets"]);
    for (zones, subnets) in
        [("", "subnet-1"), ("instance_count: 2, zone_awareness: {zones: 2}, ", two)]
    {
        let plan = stack.plan_only(&vpc(zones, subnets));
        assert!(plan.blocked.is_empty(), "{:#?}", plan.blocked);
    }
}

#[test]
fn a_domain_in_a_vpc_waits_for_its_service_linked_role() {
    const ROLE: &str = "service_linked_role/opensearchservice.amazonaws.com";
    let domain = |rest: &str| {
        desired(&format!(
            "{KEYS}es: {{domains: {{logs: {{engine_version: OpenSearch_2.17, key: a, instance_count: 1, \
             instance_type: t3.small.search, volume_size_gib: 10, {rest}}}}}}}"
        ))
    };
    let arn = "arn:aws:iam::111122223333:role/aws-service-role/opensearchservice.amazonaws.com/\
               AWSServiceRoleForAmazonOpenSearchService";
    let inside = domain("vpc: {subnets: [subnet-1]}");
    let mut stack = Stack::new(1);
    stack.fake.faults.borrow_mut().missing.insert(arn.to_owned());
    let plan = stack.applied(&inside);
    let step = plan.steps.iter().find(|step| step.address.to_string() == "es_domain/logs").unwrap();
    assert!(step.after.contains(&ROLE.parse().unwrap()), "{:#?}", step.after);
    assert!(operations(&plan).contains(&"CreateServiceLinkedRole"));
    stack.settled(&inside);
    // An account that has the role, and a domain outside of a VPC, need no call.
    let mut stack = Stack::new(1);
    assert!(!operations(&stack.applied(&inside)).contains(&"CreateServiceLinkedRole"));
    assert!(!domain("enforce_https: true").resources.contains_key(&ROLE.parse().unwrap()));
}
