//! Refreshes of hundreds of consumers, while their services keep to their quotas.

use super::*;
use crate::sdk::crowded::Crowded;
use tokio::time::Instant;

const COUNT: usize = 300;

fn query(kind: ConsumerKind, fields: &[&str]) -> ConsumerQuery {
    ConsumerQuery {
        kind,
        stack: "s".to_owned(),
        ids: (0..COUNT).map(|n| format!("n{n}")).collect(),
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
    }
}

/// The kinds that need requests for each resource, with the fields that need them.
const KINDS: [(ConsumerKind, &[&str]); 4] = [
    (ConsumerKind::DynamodbTable, &["point_in_time_recovery"]),
    (ConsumerKind::CloudtrailTrail, &["logging", "event_selectors"]),
    (ConsumerKind::EfsFileSystem, &["lifecycle", "backup"]),
    (ConsumerKind::EsDomain, &[]),
];

/// Reads all resources of a kind once, and returns the time in seconds.
async fn refresh(services: &Crowded, kind: ConsumerKind, fields: &[&str]) -> f64 {
    let began = Instant::now();
    let at = super::tests::arn().place();
    let found = services.aws().objects(&at, &query(kind, fields)).await.unwrap();
    assert_eq!(found.len(), COUNT, "{kind:?}");
    began.elapsed().as_secs_f64()
}

/// With the documented quotas, nothing is read twice, and a refresh takes hardly longer than the quotas allow.
#[tokio::test(start_paused = true)]
async fn a_refresh_of_hundreds_keeps_to_the_documented_quotas() {
    let count = COUNT as f64;
    // CloudTrail counts all its reads together.
    let tags = (count / 20.0).ceil();
    for (kind, fields, quotas, least) in [
        (
            ConsumerKind::DynamodbTable,
            KINDS[0].1,
            vec![("ListTagsOfResource", 10.0), ("DescribeContinuousBackups", 10.0)],
            (count - 10.0) / 10.0,
        ),
        (
            ConsumerKind::CloudtrailTrail,
            KINDS[1].1,
            vec![("GetTrailStatus", 10.0), ("GetEventSelectors", 10.0), ("ListTags", 10.0)],
            (2.0 * count + tags + 1.0 - 10.0) / 10.0,
        ),
    ] {
        let services = Crowded::new(COUNT, &quotas);
        let took = refresh(&services, kind, fields).await;
        let ratio = took / least;
        assert!(ratio < 1.1, "{kind:?}: {took:.1} s, {ratio:.3} times the quotas' time");
        let counts = services.counts();
        assert!(counts.values().all(|(_, throttled)| *throttled == 0), "{kind:?}: {counts:?}");
        assert!(counts.values().all(|(calls, _)| *calls as usize <= COUNT), "{kind:?}: {counts:?}");
    }
}

/// Where the quotas are lower than documented, or not documented, or other clients use them, a throttled read is
/// repeated, and not the reads that were answered.
#[tokio::test(start_paused = true)]
async fn a_refresh_of_hundreds_converges_while_a_service_throttles() {
    let operations = [
        "DescribeTable",
        "ListTagsOfResource",
        "DescribeContinuousBackups",
        "GetTrailStatus",
        "GetEventSelectors",
        "ListTags",
        "DescribeLifecycleConfiguration",
        "DescribeBackupPolicy",
        "DescribeDomains",
        "ListTags of OpenSearch",
    ];
    for quota in [3.0, 8.0] {
        let quotas = operations.map(|operation| (operation, quota));
        for (kind, fields) in KINDS {
            let services = Crowded::new(COUNT, &quotas);
            let took = refresh(&services, kind, fields).await;
            let least = (COUNT as f64 - quota) / quota;
            let ratio = took / least;
            assert!(ratio < 2.5, "{kind:?}, {quota}: {took:.1} s, {ratio:.2} times the least");
            for (operation, (calls, throttled)) in services.counts() {
                let executed = (calls - throttled) as usize;
                assert!(executed <= COUNT, "{kind:?}, {operation}: executed {executed} times");
                assert!(
                    calls as usize <= 2 * COUNT,
                    "{kind:?}, {quota}, {operation}: {calls} calls"
                );
            }
        }
    }
}
