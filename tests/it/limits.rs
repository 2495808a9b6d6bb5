//! `kmsctl explain limits` has the limits of the program.

use kmsctl::engine::apply::PATIENCE;
use kmsctl::policy::{MOST_RECORDED, work};
use kmsctl::render::explain::GUIDES;
use kmsctl::retry::RetryPolicy;
use kmsctl::sdk::bounded::{ANSWER, LIST, OBJECT, SILENCE};
use kmsctl::{answer, config, decode, file};

/// Returns a number with commas.
fn number(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|g| std::str::from_utf8(g).unwrap()).collect();
    groups.join(",")
}

fn mib(bytes: usize) -> String {
    format!("{} MiB", bytes >> 20)
}

#[test]
fn the_limits_are_documented() {
    let guide = GUIDES.iter().find(|guide| guide.name == "limits").unwrap();
    let n = |n: usize| number(n as u64);
    let retry = RetryPolicy::default();
    let lines = [
        format!(
            "a file: {}; all files together: {}",
            mib(config::MAX_FILE_BYTES as usize),
            mib(config::MAX_ALL_BYTES)
        ),
        format!(
            "values in a file: {}; levels of nesting: {}; anchors: {}; aliases: {}",
            n(config::MAX_NODES),
            n(config::MAX_DEPTH),
            n(config::MAX_ANCHORS),
            n(config::MAX_ALIASES),
        ),
        format!("values that aliases repeat: {}", n(config::MAX_REPLAYED)),
        format!("texts in which variables are replaced: {} together", mib(config::MAX_REPLACED)),
        format!(
            "keys, their aliases, grants and replicas, and entries of the sections of other resources: {}",
            n(config::MAX_RESOURCES)
        ),
        format!(
            "errors and warnings that are shown: {}, with at most {} of excerpts",
            n(decode::MAX_SHOWN),
            mib(decode::MAX_EXCERPTS),
        ),
        format!(
            "the comparison of two policies: {} steps; all comparisons of a plan: {}.",
            number(work::COMPARISON),
            number(work::PLAN),
        ),
        format!(
            "the rules of `lint` about all policies of a configuration: {} steps. After that, a policy is reported as unchecked.",
            number(work::LINT)
        ),
        format!("the decisions of the gates of a plan: {} steps.", number(work::GATES)),
        format!(
            "a state, a journal or a saved plan: {}, {} elements; a policy in one, or in an answer of AWS: {} KiB",
            mib(file::MAX_RECORD),
            n(file::MAX_RECORD_PARTS),
            MOST_RECORDED >> 10
        ),
        format!(
            "an answer: {}, {} elements, {} seconds; after {} seconds without it, kmsctl says which answer it waits for",
            mib(ANSWER.bytes),
            n(ANSWER.parts),
            ANSWER.time.as_secs(),
            SILENCE.as_secs(),
        ),
        format!(
            "an object in S3: {}, {} elements, {} seconds",
            mib(OBJECT.bytes),
            n(OBJECT.parts),
            OBJECT.time.as_secs()
        ),
        format!("an answer after a signal: {} seconds", PATIENCE.as_secs()),
        format!(
            "a list: {} pages, {}, {} elements",
            n(answer::pages::MOST),
            mib(LIST.bytes),
            n(LIST.parts),
        ),
        format!(
            "a read without an answer: repeated for {} seconds; a throttled one: {} seconds",
            retry.unanswered.as_secs(),
            retry.throttled.as_secs(),
        ),
    ];
    let items: Vec<&str> = guide.text.lines().filter_map(|line| line.strip_prefix("- ")).collect();
    assert_eq!(items.len(), lines.len());
    for (item, line) in items.iter().zip(&lines) {
        assert!(item.starts_with(line.as_str()), "documented: {item}\nin force: {line}");
    }
}
