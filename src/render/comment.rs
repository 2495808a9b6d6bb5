//! Fits the parts of a comment into its largest size: what a reviewer must see stays, and everything is named.

use crate::text::counted;
use std::fmt::Write as _;

/// The largest number of characters. GitHub accepts 65,536 in a comment, and a workflow may add some.
pub(super) const LIMIT: usize = 60_000;
/// The number of characters that are reserved for the note about what is left out.
const NOTE: usize = 400;

/// A part of a comment, in up to three forms. Each is shorter than the one before.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// The whole part.
    pub(super) whole: String,
    /// The part without tables and differences of texts.
    pub(super) short: String,
    /// One line that names the part.
    pub(super) line: String,
    /// Whether the part says that somebody gains access, or that something is lost.
    pub(super) is_dangerous: bool,
}

impl Part {
    /// Creates a part that has one form.
    pub(super) fn fixed(text: &str) -> Self {
        let text = text.to_owned();
        Self { whole: text.clone(), short: text.clone(), line: text, is_dangerous: true }
    }

    /// Creates a part that has only one form besides its line.
    pub(super) fn plain(text: String, line: &str) -> Self {
        let line = format!("- {line}\n");
        Self { whole: text.clone(), short: text, line, is_dangerous: true }
    }
}

/// Appends the parts. If they are too long, the longest parts lose their tables and differences, and then the longest
/// harmless ones become a line, before others do. What still does not fit is counted.
pub(super) fn fit(mut out: String, parts: &[Part]) -> String {
    let length = |text: &str| text.chars().count();
    let room = LIMIT.saturating_sub(NOTE + length(&out));
    let mut forms: Vec<&str> = parts.iter().map(|part| part.whole.as_str()).collect();
    let mut total: usize = forms.iter().map(|form| length(form)).sum();
    let mut smaller: Vec<(u8, usize, usize)> = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        smaller.push((0, usize::MAX - length(&part.whole), index));
        let rank = if part.is_dangerous { 2 } else { 1 };
        smaller.push((rank, usize::MAX - length(&part.short), index));
    }
    smaller.sort_unstable();
    let is_whole = total <= room;
    for (rank, _, index) in smaller {
        if total <= room {
            break;
        }
        if let (Some(form), Some(part)) = (forms.get_mut(index), parts.get(index)) {
            let next = if rank == 0 { &part.short } else { &part.line };
            total = total - length(form) + length(next);
            *form = next;
        }
    }
    if !is_whole {
        out.push_str(
            "_The comment would be too long: fields, differences of policies and details are left out. \
             `kmsctl plan` shows everything._\n\n",
        );
    }
    let (mut used, mut left_out) = (0_usize, 0_usize);
    for form in forms {
        if used + length(form) > room {
            left_out += 1;
            continue;
        }
        used += length(form);
        out.push_str(form);
    }
    if left_out > 0 {
        let verb = if left_out == 1 { "is" } else { "are" };
        let _ = writeln!(out, "\n**{} {verb} not named here.**", counted(left_out, "part"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn part(name: usize, whole: usize, short: usize, is_dangerous: bool) -> Part {
        let text = |kind: &str, length: usize| format!("<{kind}{name}>{}\n", "x".repeat(length));
        Part {
            whole: text("whole", whole.max(short)),
            short: text("short", short),
            line: text("line", 0),
            is_dangerous,
        }
    }

    proptest! {
        #[test]
        fn every_part_is_named_and_the_dangerous_ones_are_cut_last(
            sizes in prop::collection::vec((0_usize..50_000, 0_usize..3_000, any::<bool>()), 0..60)
        ) {
            let parts: Vec<Part> = sizes
                .iter()
                .enumerate()
                .map(|(name, (whole, short, danger))| part(name, *whole, *short, *danger))
                .collect();
            let text = fit("head\n".to_owned(), &parts);
            prop_assert!(text.chars().count() <= LIMIT);
            let shows = |kind: &str, name: usize| text.contains(&format!("<{kind}{name}>"));
            let mut cut = Vec::new();
            for (name, part) in parts.iter().enumerate() {
                prop_assert!(["whole", "short", "line"].iter().any(|kind| shows(kind, name)));
                if shows("line", name) {
                    cut.push(part.is_dangerous);
                }
            }
            // A dangerous part becomes a line only after every harmless one.
            if cut.contains(&true) {
                let kept = parts.iter().enumerate().filter(|(name, part)| {
                    !part.is_dangerous && !shows("line", *name)
                });
                prop_assert_eq!(kept.count(), 0);
            }
            let all: usize = parts.iter().map(|part| part.whole.len()).sum();
            prop_assert_eq!(text.contains("too long"), all + 5 > LIMIT - NOTE);
        }
    }

    #[test]
    fn parts_without_room_for_their_names_are_counted() {
        let parts = vec![part(1, 10, 10, true); 20_000];
        let text = fit(String::new(), &parts);
        assert!(text.chars().count() <= LIMIT && text.contains("parts are not named here"));
    }
}
