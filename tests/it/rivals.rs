//! Two runs of one stack at the same time, without a common record.

use crate::bucket::{Client, FakeBucket, store};
use crate::build::{Declare, home, key_at, storage};
use crate::fake::{FakeAws, Rng};
use crate::races::{block_on, declared, run};
use crate::world::{Stack, lineage};
use kmsctl::desired::Desired;
use kmsctl::engine::apply::{Ended, StepError};
use kmsctl::id::KeyArn;
use kmsctl::kind::key::{NAME_TAG, NONCE_TAG, STACK_TAG};
use kmsctl::store::S3;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::sleep;

/// Returns the keys that another run created.
fn rivals(ended: &Ended) -> Vec<KeyArn> {
    let errors = ended.failed.iter().map(|(_, error)| error);
    let rivals = errors.filter_map(|error| match error {
        StepError::Rival { theirs, .. } => Some(theirs.parse().unwrap()),
        _ => None,
    });
    rivals.collect()
}

/// Adds a key that another run with the stack's name creates.
fn add(aws: &FakeAws, stack: &str) {
    let mut key = aws.key("seed");
    let id = "ffffffff-0000-4000-8000-000000000000";
    key.meta.arn = KeyArn::at(&home(), id);
    for (tag, value) in [(STACK_TAG, stack), (NAME_TAG, "storage"), (NONCE_TAG, "theirs")] {
        key.tags.insert(tag.to_owned(), value.to_owned());
    }
    aws.regions.borrow_mut().get_mut(&home()).unwrap().keys.insert(id.to_owned(), key);
}

#[test]
fn nothing_is_created_beside_a_key_that_another_run_has_just_created() {
    let seed = crate::build::empty().key("seed", |_| {});
    for (stack, is_rival) in [("stack", true), ("other", false)] {
        let mut ours = Stack::new(9);
        ours.applied(&seed);
        let all = storage().key("seed", |_| {});
        ours.meanwhile.set(Some(Box::new(move |aws| add(aws, stack))));
        let from = ours.fake.log.borrow().len();
        let (_, ended) = ours.run(&all);
        let created = ours.fake.changes_since(from).iter().any(|call| call == "CreateKey");
        assert_eq!(created, !is_rival, "{stack}");
        assert_eq!(!rivals(&ended).is_empty(), is_rival, "{ended:#?}");
        assert_eq!(ended.is_complete(), !is_rival, "{ended:#?}");
    }
}

#[test]
fn a_key_that_appears_while_the_first_key_is_created_stops_the_run() {
    let mut ours = Stack::new(9);
    ours.applied(&crate::build::empty().key("seed", |_| {}));
    let all = declared().key("seed", |_| {});
    ours.fake.meanwhile_creating.set(Some(Box::new(|aws| add(aws, "stack"))));
    let from = ours.fake.log.borrow().len();
    let (plan, ended) = ours.run(&all);
    assert!(plan.blocked.is_empty(), "{:#?}", plan.blocked);
    let changes = ours.fake.changes_since(from);
    assert_eq!(changes.iter().filter(|call| *call == "CreateKey").count(), 1, "{changes:?}");
    assert!(!changes.iter().any(|call| call.starts_with("Delete") || call.starts_with("Sched")));
    assert_eq!(rivals(&ended)[0].id(), "ffffffff-0000-4000-8000-000000000000");
    let said = ended.failed[0].1.to_string();
    assert!(said.contains("nothing was deleted (this run has created `arn:aws:kms:"), "{said}");
    // The key that the run created is recorded. The other one is reported if it has the same name.
    assert!(ours.state.records.keys().any(|address| *address != key_at("seed")));
    let plan = ours.plan_only(&all);
    let reported = plan.findings.iter().filter(|finding| finding.rule == "duplicate-key").count();
    let created = ours.state.records.contains_key(&key_at("storage"));
    assert_eq!(reported, usize::from(created), "{plan:#?}");
    assert_eq!(plan.found.contains_key(&key_at("storage")), !created, "{plan:#?}");
}

async fn both(
    aws: &FakeAws,
    stores: [&S3<Client>; 2],
    desired: &Desired,
    late: Duration,
) -> [Ended; 2] {
    let (one, two) = tokio::join!(run(aws, stores[0], desired, "one"), async {
        sleep(late).await;
        run(aws, stores[1], desired, "two").await
    });
    [one.unwrap().1, two.unwrap().1]
}

#[test]
fn of_a_hundred_races_without_a_common_record_none_creates_everything_twice() {
    let mut calm = Stack::new(1);
    calm.applied(&declared());
    let picture = calm.fake.picture();
    let (mut twice, mut stopped) = (0, 0);
    for seed in 0..100 {
        let aws = FakeAws::new(seed);
        aws.created.set(1_790_000_000);
        let late = Duration::from_millis(Rng::new(seed).below(500));
        let stores = [0, 1].map(|n| store(FakeBucket::new(2 * seed + n).client()));
        let ended = block_on(both(&aws, [&stores[0], &stores[1]], &declared(), late));
        let keys = aws.keys_total();
        assert!(keys <= 4, "{seed}: {keys} keys after {late:?}");
        twice += usize::from(keys > 3);
        stopped += ended.iter().filter(|ended| !rivals(ended).is_empty()).count();
        assert!(aws.changes_since(0).iter().all(|call| !call.starts_with("Schedule")), "{seed}");
        let aws = converges(aws, seed);
        let mut alive = aws.regions.borrow().clone();
        alive.values_mut().for_each(|region| region.keys.retain(|_, key| !key.meta.is_dying()));
        aws.regions.replace(alive);
        assert_eq!(aws.picture(), picture, "{seed}");
    }
    assert!(stopped >= 20, "{stopped} runs stopped, {twice} duplicates");
}

/// Makes the plans that a person makes after a race, without any record.
fn converges(aws: FakeAws, seed: u64) -> FakeAws {
    let mut stack = Stack::new(seed);
    stack.fake = aws;
    stack.state = lineage("three");
    let mut all = declared();
    let (plan, _) = stack.run(&all);
    let duplicates = plan.findings.iter().filter(|finding| finding.rule == "duplicate-key");
    let named: BTreeSet<KeyArn> =
        duplicates.filter_map(|finding| finding.message.split('`').nth(1)?.parse().ok()).collect();
    all.delete.extend(named);
    stack.applied(&all);
    stack.settled(&all);
    stack.fake
}
