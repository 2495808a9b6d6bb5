//! The daily time for backups and the weekly time for maintenance.

use crate::decode::{Decode, Diagnostic, Diagnostics, Spanned, nearest};
use crate::form;
use crate::kind::declaration::Check;
use crate::tree::Node;
use serde_json::Value as Json;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// A time of the day, as a regular expression (see `time`).
const TIME: &str = "([01][0-9]|2[0-3]):[0-5][0-9]";
const DAY: u32 = 24 * 60;
const WEEK: u32 = 7 * DAY;
/// The least minutes of a window (RDS, Amazon DocumentDB and Neptune API References, CreateDBCluster and
/// CreateDBInstance: `PreferredBackupWindow` and `PreferredMaintenanceWindow`).
const LEAST: u32 = 30;

/// A daily time, `hh:mm-hh:mm`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daily(Window);

/// A weekly time, `ddd:hh:mm-ddd:hh:mm`. AWS shows the days in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weekly(Window);

/// A window in its written form.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Window {
    text: String,
    /// The first minute of the day or of the week.
    from: u32,
    /// The number of minutes.
    minutes: u32,
}

impl Window {
    /// Returns the window if `text` is one, with `parse` for each of its ends. It may go past the end of a
    /// period of `period` minutes.
    fn of(text: String, period: u32, parse: fn(&str) -> Option<u32>) -> Option<Self> {
        let (from, to) = text.split_once('-')?;
        let (from, to) = (parse(from)?, parse(to)?);
        let minutes = (to + period - from) % period;
        Some(Self { text, from, minutes })
    }

    /// Returns whether two windows that repeat every `period` minutes have a minute in common.
    fn overlaps(&self, other: &Self, period: u32) -> bool {
        let after = (other.from % period + period - self.from % period) % period;
        after < self.minutes || period - after < other.minutes
    }
}

impl From<Daily> for String {
    fn from(window: Daily) -> Self {
        window.0.text
    }
}

impl From<Weekly> for String {
    fn from(window: Weekly) -> Self {
        window.0.text
    }
}

impl Decode for Daily {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        let text = String::decode(node, d)?;
        let help = "write it in UTC, as `03:00-03:30`";
        window(node, Window::of(text.clone(), DAY, time), ("a daily time", &text), help, d)
            .map(Self)
    }
    fn schema() -> Json {
        form::text(&format!("{TIME}-{TIME}"))
    }
}

impl Decode for Weekly {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        let text = String::decode(node, d)?;
        let lower = text.to_ascii_lowercase();
        let day = lower.get(..3).and_then(|day| nearest(day, DAYS)).unwrap_or("sun");
        let help = format!("write it in UTC, as `{day}:04:00-{day}:05:00`");
        window(node, Window::of(lower, WEEK, moment), ("a weekly time", &text), &help, d).map(Self)
    }
    fn schema() -> Json {
        let day = DAYS.map(form::in_any_case).join("|");
        form::text(&format!("({day}):{TIME}-({day}):{TIME}"))
    }
}

/// Reports a text that is no window, and a window that is too short.
fn window(
    node: &Node,
    window: Option<Window>,
    (what, text): (&str, &str),
    help: &str,
    d: &mut Diagnostics,
) -> Option<Window> {
    let Some(window) = window else {
        d.push(Diagnostic::error(node.span, format!("`{text}` is not {what}")).help(help));
        return None;
    };
    if window.minutes < LEAST {
        let message = format!("`{text}` has {}", crate::text::counted(window.minutes, "minute"));
        d.error(node.span, message, "AWS wants 30 minutes at least");
    }
    Some(window)
}

/// Returns the minute of the day.
fn time(text: &str) -> Option<u32> {
    let number = |text: &str, most: u32| {
        let is_short = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u32>().ok().filter(|number| is_short && *number <= most)
    };
    let (hours, minutes) = text.split_once(':')?;
    Some(number(hours, 23)? * 60 + number(minutes, 59)?)
}

/// Returns the minute of the week.
fn moment(text: &str) -> Option<u32> {
    let (day, rest) = text.split_once(':')?;
    let days = (0..).zip(DAYS).find(|(_, name)| *name == day)?.0;
    Some(days * DAY + time(rest)?)
}

/// Checks that the backups are not made during the maintenance.
pub(crate) fn check(
    backup: Option<&Spanned<Daily>>,
    maintenance: Option<&Spanned<Weekly>>,
    check: &mut Check<'_>,
) {
    let (Some(backup), Some(maintenance)) = (backup, maintenance) else {
        return;
    };
    // On some day of the week, the backup begins as many minutes after the maintenance as within a day.
    if backup.value.0.overlaps(&maintenance.value.0, DAY) {
        let message = "the time for backups overlaps the time for maintenance";
        let error = Diagnostic::error(backup.span, message).also(maintenance.span, "maintenance");
        check.d.push(error.help("choose times that have no minute in common"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn windows_overlap_if_they_have_a_minute_in_common(
            (from, minutes) in (0..DAY, 30..DAY),
            (start, length) in (0..WEEK, 30..3 * DAY),
        ) {
            let text = String::new;
            let backup = Window { text: text(), from, minutes };
            let maintenance = Window { text: text(), from: start, minutes: length };
            let is_backup = |minute: u32| (minute % DAY + DAY - from) % DAY < minutes;
            let common = (start..start + length).any(is_backup);
            prop_assert_eq!(backup.overlaps(&maintenance, DAY), common);
        }
    }
}
