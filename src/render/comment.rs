//! Fits the parts of a comment into its largest size: what a reviewer must see stays, and everything is named.

use crate::text::counted;
use std::fmt::Write as _;

/// The largest number of characters. GitHub accepts 65,536 in a comment, and a workflow may add some.
pub(super) const LIMIT: usize = 60_000;
/// The number of characters that are reserved for the note about what is left out.
const NOTE: usize = 400;

/// How much a reviewer needs a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// The details of a change that harms nobody.
    Detail,
    /// What a reviewer should know.
    Notice,
    /// Something is lost, or strangers gain access.
    Danger,
}

/// A part of a comment, in up to three forms. Each is shorter than the one before.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// The whole part.
    pub(super) whole: String,
    /// The part without tables and differences of texts.
    pub(super) short: String,
    /// One line about the part, which is not long.
    pub(super) line: String,
    /// How much a reviewer needs the part.
    pub(super) weight: Weight,
}

impl Part {
    /// Creates a part that has one form.
    pub(super) fn fixed(text: &str, weight: Weight) -> Self {
        let text = text.to_owned();
        Self { whole: text.clone(), short: text.clone(), line: text, weight }
    }

    /// Creates a part that has only one form besides its line.
    pub(super) fn plain(text: String, line: &str) -> Self {
        let line = format!("- {line}\n");
        Self { whole: text.clone(), short: text, line, weight: Weight::Notice }
    }
}

/// Appends the parts. If they are too long, the longest parts lose their tables and differences, and then the longest
/// ones of the least weight become a line. If the lines are too long as well, those of the least weight are only
/// counted, so that what is dangerous has most of the room.
pub(super) fn fit(mut out: String, parts: &[Part]) -> String {
    let room = LIMIT.saturating_sub(NOTE + length(&out));
    let mut fitting = Fitting::new(parts);
    let is_whole = fitting.total() <= room;
    fitting.shrink(None, room);
    fitting.shrink(Some(Weight::Detail), room);
    fitting.shrink(Some(Weight::Notice), room);
    let danger = fitting.total_of(|weight| weight == Weight::Danger);
    fitting.drop_rest(room.saturating_sub(danger).max(room / 4));
    fitting.shrink(Some(Weight::Danger), room);
    fitting.drop_all(room);
    if !is_whole {
        out.push_str(
            "_The comment would be too long: fields, differences of policies and details are left out. \
             `kmsctl plan` shows everything._\n\n",
        );
    }
    let kept = fitting.forms.iter().flatten();
    kept.for_each(|form| out.push_str(form));
    let left_out = fitting.forms.iter().filter(|form| form.is_none()).count();
    if left_out > 0 {
        let verb = if left_out == 1 { "is" } else { "are" };
        let _ = writeln!(out, "\n**{} {verb} not named here.**", counted(left_out, "part"));
    }
    out
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// The chosen form of each part; `None` if it is only counted.
struct Fitting<'a> {
    parts: &'a [Part],
    forms: Vec<Option<&'a str>>,
}

impl<'a> Fitting<'a> {
    fn new(parts: &'a [Part]) -> Self {
        Self { parts, forms: parts.iter().map(|part| Some(part.whole.as_str())).collect() }
    }

    fn total(&self) -> usize {
        self.total_of(|_| true)
    }

    fn total_of(&self, counts: impl Fn(Weight) -> bool) -> usize {
        let all = self.parts.iter().zip(&self.forms);
        all.filter(|(part, _)| counts(part.weight)).map(|(_, form)| form.map_or(0, length)).sum()
    }

    /// Shortens parts, the longest first, until all fit: to their short forms, or those of a weight to their lines.
    fn shrink(&mut self, weight: Option<Weight>, room: usize) {
        let mut total = self.total();
        let all = self.parts.iter().enumerate();
        let mut order: Vec<(usize, usize)> = all
            .filter(|(_, part)| weight.is_none_or(|weight| part.weight == weight))
            .map(|(n, _)| (usize::MAX - self.forms.get(n).copied().flatten().map_or(0, length), n))
            .collect();
        order.sort_unstable();
        for (_, index) in order {
            if total <= room {
                break;
            }
            if let (Some(Some(form)), Some(part)) =
                (self.forms.get_mut(index), self.parts.get(index))
            {
                let next = if weight.is_none() { &part.short } else { &part.line };
                total = total - length(form) + length(next);
                *form = next;
            }
        }
    }

    /// Leaves out parts without danger until they fit: those of the least weight, from the last.
    fn drop_rest(&mut self, room: usize) {
        let mut total = self.total_of(|weight| weight < Weight::Danger);
        for weight in [Weight::Detail, Weight::Notice] {
            for (part, form) in self.parts.iter().zip(&mut self.forms).rev() {
                if total > room && part.weight == weight {
                    total -= form.take().map_or(0, length);
                }
            }
        }
    }

    /// Leaves out the last parts until all fit.
    fn drop_all(&mut self, room: usize) {
        let mut total = self.total();
        for form in self.forms.iter_mut().rev() {
            if total > room {
                total -= form.take().map_or(0, length);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn part(name: usize, whole: usize, short: usize, is_dangerous: bool) -> Part {
        let weight = if is_dangerous { Weight::Danger } else { Weight::Detail };
        let text = |kind: &str, length: usize| format!("<{kind}{name}>{}\n", "x".repeat(length));
        Part {
            whole: text("whole", whole.max(short)),
            short: text("short", short),
            line: text("line", 0),
            weight,
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
                    cut.push(part.weight == Weight::Danger);
                }
            }
            // A dangerous part becomes a line only after every harmless one.
            if cut.contains(&true) {
                let kept = parts.iter().enumerate().filter(|(name, part)| {
                    part.weight == Weight::Detail && !shows("line", *name)
                });
                prop_assert_eq!(kept.count(), 0);
            }
            let all: usize = parts.iter().map(|part| part.whole.len()).sum();
            prop_assert_eq!(text.contains("too long"), all + 5 > LIMIT - NOTE);
        }
    }

    #[test]
    fn what_is_dangerous_stays_although_lines_before_it_are_too_many_or_too_long() {
        let mut parts = vec![part(1, 10, 10, false); 20_000];
        let long = Part { line: "x".repeat(100_000), ..part(2, 100_000, 100_000, false) };
        parts.push(long);
        parts.push(part(3, 100, 50, true));
        assert!(fit(String::new(), &parts).contains("<short3>"));
        let long = Part { line: "x".repeat(100_000), ..part(2, 100_000, 100_000, false) };
        assert!(fit(String::new(), &[long, part(3, 100, 50, true)]).contains("3>"));
    }

    #[test]
    fn parts_without_room_for_their_names_are_counted() {
        let parts = vec![part(1, 10, 10, true); 20_000];
        let text = fit(String::new(), &parts);
        assert!(text.chars().count() <= LIMIT && text.contains("parts are not named here"));
    }
}
