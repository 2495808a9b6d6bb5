//! A budget of steps for work whose amount can be exponential in the size of a policy, or its square, so that no policy
//! takes all time. It counts steps, not time, so that the result is the same on every machine.
//!
//! Budgets nest: the work within one counts for those around it, so that many hostile policies share the budget of
//! their plan. When a budget is spent, loops end early; whoever set the budget discards their result, which is then
//! unknown.

use std::cell::Cell;

/// The steps for the comparison of two policies.
pub const COMPARISON: u64 = 1 << 25;

/// The steps for all comparisons of a stage of a plan.
pub const PLAN: u64 = 1 << 29;

/// The steps for the rules about all policies of a configuration.
pub const LINT: u64 = 1 << 29;

/// The steps of a finding, which is kept.
pub(super) const FINDING: usize = 1 << 12;

/// The steps for all decisions of the gates of a plan. A gate with many principals decides thousands of requests for
/// each key.
pub const GATES: u64 = 1 << 31;

thread_local! {
    /// The steps that are left. There is no limit outside of a budget.
    static LEFT: Cell<u64> = const { Cell::new(u64::MAX) };
}

/// Does some work within a budget of at most `most` steps.
pub fn within<T>(most: u64, work: impl FnOnce() -> T) -> T {
    let outer = LEFT.get();
    let given = most.min(outer);
    LEFT.set(given);
    let done = work();
    LEFT.set(outer - (given - LEFT.get()));
    done
}

/// Counts some steps. Returns whether there were enough.
pub(super) fn spend(steps: usize) -> bool {
    let left = LEFT.get().saturating_sub(steps as u64);
    LEFT.set(left);
    left > 0
}

/// Returns whether the budget is spent.
pub(super) fn is_spent() -> bool {
    LEFT.get() == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the steps of some work.
    fn steps(work: impl FnOnce()) -> u64 {
        within(u64::MAX >> 1, || {
            work();
            (u64::MAX >> 1) - LEFT.get()
        })
    }

    #[test]
    fn the_policies_of_the_guides_take_a_small_part_of_a_budget() {
        use crate::policy::{Document, KeyContext, compare, json};
        let key = KeyContext {
            account: Some("111122223333".to_owned()),
            partition: "aws".to_owned(),
            arn: None,
        };
        let mut most = (0, String::new());
        for file in std::fs::read_dir("tests/guides").unwrap() {
            let path = file.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let all: serde_json::Value = serde_json::from_str(&text).unwrap();
            let policy = serde_json::to_string(&all["policy"]).unwrap();
            let node = json(&policy, 0).unwrap();
            let Ok(document) = Document::lenient(&node, "aws") else { continue };
            let taken = steps(|| drop(compare(None, Some(&document), &key, &[])));
            most = most.max((taken, path.display().to_string()));
        }
        assert!(most.0 > 0 && most.0 < COMPARISON / 100 && most.0 < PLAN / 5_000, "{most:?}");
    }

    #[test]
    fn budgets_nest_and_end() {
        let spent = within(10, || {
            assert!(spend(4));
            // The inner budget is what is left of the outer one, and what it spends is gone.
            assert!(within(3, || !spend(3) && is_spent()));
            assert!(!is_spent());
            assert!(within(100, || spend(2) && !spend(1)));
            is_spent()
        });
        assert!(spent);
        assert!(!is_spent() && spend(1_000_000));
    }
}
