//! The printed policies with a local AWS over the wire: they are enough, and each of their actions is needed.

use crate::program::top;
use std::process::Command;

/// `KMSCTL_LEAST_ACTIONS` is the number of actions that are removed in turn, 0 for all of them.
#[test]
fn the_printed_policies_are_enough_and_each_of_their_actions_is_needed() {
    let actions = std::env::var("KMSCTL_LEAST_ACTIONS").unwrap_or_else(|_| "1".to_owned());
    let done = Command::new(top().join("tests/moto/serve.sh"))
        .args(["python3", "tests/moto/least.py", env!("CARGO_BIN_EXE_kmsctl")])
        .env("KMSCTL_LEAST_ACTIONS", actions)
        .current_dir(top())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{text}{}", String::from_utf8_lossy(&done.stderr));
    for example in ["storage", "cloudtrail", "dynamodb"] {
        assert!(text.contains(&format!("{example}: ")), "{text}");
    }
}
