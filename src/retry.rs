//! Repeats failed reads. Calls that change AWS are not repeated here:
//! [`kind::Retry`](crate::kind::Retry) says whether a call may be sent again, and `engine::apply`
//! does so.

pub mod list;

use crate::answer::pages::Page;
use crate::answer::{CloudError, Fault};
use std::time::Duration;
use tokio::time::Instant;

/// The number of attempts, and the pauses between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The number of attempts, including the first. A throttled request is not one of them.
    pub attempts: u32,
    /// The time for which a throttled request is repeated.
    pub throttled: Duration,
    /// The time after which a read that AWS does not answer is not repeated. Each attempt may take half a minute.
    pub unanswered: Duration,
    /// The longest pause after the first attempt. It doubles with each further attempt.
    pub base: Duration,
    /// The longest pause after any attempt.
    pub cap: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 12,
            throttled: Duration::from_secs(600),
            unanswered: Duration::from_secs(45),
            base: Duration::from_millis(100),
            cap: Duration::from_secs(5),
        }
    }
}

impl RetryPolicy {
    /// Returns the pause after the attempt number `attempt` (from 1): a random time of at most
    /// `base` · 2^(`attempt` - 1), and never more than `cap`.
    #[must_use]
    pub fn pause(&self, attempt: u32) -> Duration {
        let longest = self.longest(attempt);
        let nanos = u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX);
        // If the operating system supplies no random number, the longest pause is used.
        getrandom::u64()
            .map_or(longest, |random| Duration::from_nanos(random % nanos.saturating_add(1).max(1)))
    }

    fn longest(&self, attempt: u32) -> Duration {
        let doubled = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        self.base.saturating_mul(doubled).min(self.cap)
    }
}

/// Repeats a read until it succeeds, until its error is not temporary, or until no attempt is left.
///
/// # Errors
/// Returns the error of the last attempt.
pub async fn with_retries<T>(
    policy: &RetryPolicy,
    mut f: impl AsyncFnMut() -> Result<T, CloudError>,
) -> Result<T, CloudError> {
    let mut tries = Tries { unanswered_since: Some(Instant::now()), ..Tries::default() };
    loop {
        match f().await {
            Err(error) if error.fault.is_temporary() && tries.may_repeat(policy, error.fault) => {
                tokio::time::sleep(tries.pause(policy)).await;
            }
            done => return done,
        }
    }
}

/// The failed attempts at one request.
#[derive(Clone, Debug, Default)]
pub struct Tries {
    /// The time since which every attempt was throttled.
    throttled_since: Option<Instant>,
    /// The time since which AWS has not answered, if the attempts end after some time.
    unanswered_since: Option<Instant>,
    /// The number of attempts.
    all: u32,
    /// The number of attempts that were not throttled.
    counted: u32,
}

impl Tries {
    /// Counts a failed attempt, and returns whether another one may be made. A throttled request is repeated for a
    /// time, and any other one for a number of attempts; a read also ends after a time without an answer.
    pub fn may_repeat(&mut self, policy: &RetryPolicy, fault: Fault) -> bool {
        self.all += 1;
        if fault == Fault::Throttled {
            self.unanswered_since = self.unanswered_since.map(|_| Instant::now());
            let since = self.throttled_since.get_or_insert_with(Instant::now);
            return since.elapsed() < policy.throttled;
        }
        if self.unanswered_since.is_some_and(|since| since.elapsed() >= policy.unanswered) {
            return false;
        }
        self.throttled_since = None;
        self.counted += 1;
        self.counted < policy.attempts
    }

    /// Returns the number of the attempt whose failure was not counted yet.
    #[must_use]
    pub fn next(&self) -> u32 {
        self.all + 1
    }

    /// Returns why the last attempt failed, and when the next one follows.
    #[must_use]
    pub fn words(&self, policy: &RetryPolicy, fault: Fault, pause: Duration) -> String {
        let seconds = pause.as_millis().div_ceil(1000);
        let (n, counted, most) = (self.all, self.counted, policy.attempts);
        let what = if fault == Fault::Throttled {
            let most = policy.throttled.as_secs();
            format!("AWS throttled attempt {n}, which is repeated for up to {most} s")
        } else if fault == Fault::Unsent {
            format!("attempt {counted} of {most} could not be sent")
        } else {
            format!("AWS did not answer attempt {counted} of {most}")
        };
        format!("{what}; trying again within {seconds} s")
    }

    /// Returns the pause before the next attempt.
    #[must_use]
    pub fn pause(&self, policy: &RetryPolicy) -> Duration {
        policy.pause(self.all)
    }
}

/// Reads all pages of a list. Each page is repeated on its own, so that a throttled page does not
/// cause the pages before it to be read again.
///
/// # Errors
/// Returns the error of the last attempt to read a page.
pub async fn every_page<T>(
    policy: &RetryPolicy,
    mut page: impl AsyncFnMut(Option<&str>) -> Result<Page<T>, CloudError>,
) -> Result<Vec<T>, CloudError> {
    list::all_pages("a list of KMS", async |from| {
        with_retries(policy, async || page(from).await).await
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(fault: Fault) -> CloudError {
        CloudError { operation: "Op", fault, code: None, message: String::new(), request_id: None }
    }

    async fn attempts(fault: Fault, succeeds_at: u32) -> (u32, bool) {
        let mut made = 0;
        let result = with_retries(&RetryPolicy::default(), async || {
            made += 1;
            if made >= succeeds_at { Ok(()) } else { Err(fails(fault)) }
        })
        .await;
        (made, result.is_ok())
    }

    #[tokio::test(start_paused = true)]
    async fn only_temporary_errors_are_repeated() {
        for fault in [Fault::Ambiguous, Fault::Unsent] {
            assert_eq!(attempts(fault, 4).await, (4, true));
            assert_eq!(attempts(fault, 100).await, (12, false));
        }
        assert_eq!(attempts(Fault::Throttled, 60).await, (60, true));
        let started = Instant::now();
        assert!(!attempts(Fault::Throttled, u32::MAX).await.1);
        assert!((600..=610).contains(&started.elapsed().as_secs()));
        for fault in [Fault::NotFound, Fault::Denied, Fault::InvalidState, Fault::Other] {
            assert_eq!(attempts(fault, 4).await, (1, false));
        }
    }

    /// Twelve attempts of half a minute each would be six minutes.
    #[tokio::test(start_paused = true)]
    async fn a_read_that_aws_does_not_answer_ends_within_a_minute() {
        let started = Instant::now();
        let result: Result<(), _> = with_retries(&RetryPolicy::default(), async || {
            tokio::time::sleep(Duration::from_secs(29)).await;
            Err(fails(Fault::Ambiguous))
        })
        .await;
        assert!(result.is_err());
        assert_eq!(started.elapsed().as_secs(), 58);
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_list_continues_with_the_same_page() {
        let mut asked = Vec::new();
        let retry = RetryPolicy::default();
        let items = every_page(&retry, async |from| {
            asked.push(from.map(str::to_owned));
            match asked.len() % 3 {
                0 => {
                    let n = asked.len() / 3;
                    Ok(Page { items: vec![n], next: (n < 10).then(|| n.to_string()) })
                }
                _ => Err(fails(Fault::Throttled)),
            }
        });
        assert_eq!(items.await.unwrap(), (1..=10).collect::<Vec<_>>());
        assert_eq!(asked.last().unwrap().as_deref(), Some("9"));
    }

    #[test]
    fn each_failed_attempt_is_told_in_other_words() {
        let retry = RetryPolicy::default();
        let mut tries = Tries::default();
        let mut told = |fault, pause| {
            assert!(tries.may_repeat(&retry, fault));
            tries.words(&retry, fault, Duration::from_millis(pause))
        };
        let first = "AWS did not answer attempt 1 of 12; trying again within 1 s";
        assert_eq!(told(Fault::Ambiguous, 90), first);
        assert_eq!(
            told(Fault::Unsent, 1001),
            "attempt 2 of 12 could not be sent; trying again within 2 s"
        );
        assert_eq!(
            told(Fault::Throttled, 3000),
            "AWS throttled attempt 3, which is repeated for up to 600 s; trying again within 3 s"
        );
    }

    #[test]
    fn pauses_grow_to_the_cap_and_are_spread() {
        let retry = RetryPolicy::default();
        let longest: Vec<u128> = (1..=8).map(|n| retry.longest(n).as_millis()).collect();
        assert_eq!(longest, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(retry.longest(u32::MAX), retry.cap);
        let pauses: Vec<Duration> = (0..50).map(|_| retry.pause(6)).collect();
        assert!(pauses.iter().all(|pause| *pause <= Duration::from_millis(3200)));
        assert!(pauses.iter().any(|pause| *pause != pauses[0]));
    }
}
