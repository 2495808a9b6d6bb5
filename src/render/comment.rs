//! Fits the parts of a comment into its largest size: what a reviewer must see stays, and everything is named.

use crate::text::counted;
use std::borrow::Cow;
use std::cmp::Reverse;
use std::fmt::Write as _;
use std::ops::RangeBounds;

/// The largest number of characters. GitHub accepts 65,536 in a comment, and a workflow may add some.
pub(super) const LIMIT: usize = 60_000;
/// The number of characters that are reserved for the note about what is left out.
const NOTE: usize = 400;

/// How much a reviewer needs a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// A change that harms nobody, and that the first line of the comment counts.
    Harmless,
    /// Access that somebody of the own account loses, and fields.
    Detail,
    /// What a reviewer should know.
    Notice,
    /// A heading above dangers, or a danger that another part names as well.
    Context,
    /// Something is lost, or strangers gain access.
    Danger,
}

/// A part of a comment, in up to three forms. The first one that has room is shown.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// The whole part.
    pub(super) whole: String,
    /// The part without tables and differences of texts.
    pub(super) short: String,
    /// One line about the part. That of a danger is a sentence of limited length with the address.
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

/// Appends the parts. If they are too long, the longest parts lose their tables and differences, and then those of the
/// least weight become a line or are only counted. No danger is left out while anything else is shown; if the lines of
/// the dangers alone are too long, the comment begins with their number. `command` shows everything.
pub(super) fn fit(mut out: String, parts: &[Part], command: &str) -> String {
    let room = LIMIT.saturating_sub(NOTE + length(&out));
    let mut fitting = Fitting::new(parts);
    let is_whole = fitting.total() <= room;
    fitting.shrink(.., |part| &part.short, room);
    fitting.shrink(..=Weight::Harmless, |part| &part.line, room);
    fitting.leave_out(Weight::Harmless, room);
    fitting.shrink(..=Weight::Detail, |part| &part.line, room);
    fitting.shrink(..=Weight::Notice, |part| &part.line, room);
    // The whole sentences of dangers have most of the room, before they are cut.
    let dangers = fitting.total_of(|weight| weight > Weight::Notice);
    let names = room / 4;
    fitting.leave_out(Weight::Notice, room.max(dangers + names));
    fitting.shrink(.., |part| &part.line, room);
    fitting.leave_out(Weight::Context, room);
    fitting.leave_out_longest(room);
    fitting.restore(room);
    let (missing, left_out) =
        (fitting.left_out(Weight::Danger), fitting.left_out(Weight::Harmless));
    if missing > 0 {
        let verb = if missing == 1 { "is" } else { "are" };
        let missing = counted(missing, "danger");
        let _ = writeln!(
            out,
            "**{missing} {verb} missing here, because the comment would be too long: `{command}` shows all of them.**\n"
        );
    }
    if !is_whole {
        let _ = writeln!(
            out,
            "_The comment would be too long: fields, differences of policies and details are left out. \
             `{command}` shows everything._\n"
        );
    }
    let kept = fitting.forms.iter().flatten();
    kept.for_each(|form| out.push_str(form));
    if left_out > 0 {
        let verb = if left_out == 1 { "is" } else { "are" };
        let _ = writeln!(out, "\n**{} {verb} not named here.**", counted(left_out, "part"));
    }
    out
}

/// Returns the text, or its beginning if it has more than `most` characters.
pub(super) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()).into(),
        None => text.into(),
    }
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

    /// Replaces the parts of some weights by a shorter form, the longest first, until all parts fit.
    fn shrink(
        &mut self,
        weights: impl RangeBounds<Weight>,
        shorter: impl Fn(&'a Part) -> &'a str,
        room: usize,
    ) {
        let mut total = self.total();
        let mut order: Vec<(usize, &'a Part, &mut &'a str)> = self
            .parts
            .iter()
            .zip(&mut self.forms)
            .filter(|(part, _)| weights.contains(&part.weight))
            .filter_map(|(part, form)| Some((length(form.as_deref()?), part, form.as_mut()?)))
            .collect();
        order.sort_by_key(|(length, ..)| Reverse(*length));
        for (before, part, form) in order {
            let next = shorter(part);
            let after = length(next);
            if total > room && after < before {
                total = total - before + after;
                *form = next;
            }
        }
    }

    /// Leaves out parts of at most this weight until all fit: those of the least weight, from the last.
    fn leave_out(&mut self, most: Weight, room: usize) {
        let mut total = self.total();
        for weight in [Weight::Harmless, Weight::Detail, Weight::Notice, Weight::Context] {
            for (part, form) in self.parts.iter().zip(&mut self.forms).rev() {
                if total > room && part.weight == weight && weight <= most {
                    total -= form.take_if(|form| !form.is_empty()).map_or(0, length);
                }
            }
        }
    }

    /// Leaves out the longest parts until all fit, so that the fewest are missing.
    fn leave_out_longest(&mut self, room: usize) {
        let mut total = self.total();
        let mut order: Vec<&mut Option<&str>> = self.forms.iter_mut().collect();
        order.sort_by_key(|form| Reverse(form.map_or(0, length)));
        for form in order {
            if total > room {
                total -= form.take().map_or(0, length);
            }
        }
    }

    /// Shows the lines of parts that are left out while there is room for them, those of the most weight first. A
    /// sentence comes back only after the head above it, so it ends at the first part without room.
    fn restore(&mut self, room: usize) {
        let mut total = self.total();
        let all = self.parts.iter().zip(&mut self.forms);
        let mut order: Vec<(&'a Part, &mut Option<&'a str>)> =
            all.filter(|(_, form)| form.is_none()).collect();
        order.sort_by_key(|(part, _)| Reverse(part.weight));
        for (part, form) in order {
            total += length(&part.line);
            if total > room {
                break;
            }
            *form = Some(&part.line);
        }
    }

    /// Counts the parts of at least this weight that are left out.
    fn left_out(&self, least: Weight) -> usize {
        let all = self.parts.iter().zip(&self.forms);
        all.filter(|(part, form)| form.is_none() && part.weight >= least).count()
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
            let text = fit("head\n".to_owned(), &parts, "x");
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

        #[test]
        fn a_danger_is_missing_only_if_the_lines_of_all_are_too_long(
            sizes in prop::collection::vec((0_usize..9_000, 0_usize..2_000, 0_usize..5), 0..80)
        ) {
            let weights = [
                Weight::Harmless,
                Weight::Detail,
                Weight::Notice,
                Weight::Context,
                Weight::Danger,
            ];
            let part = |(name, (whole, line, weight)): (usize, &(usize, usize, usize))| {
                let text = |length: usize| format!("<{name}>{}\n", "x".repeat(length));
                let whole = text((*whole).max(*line));
                Part { short: whole.clone(), whole, line: text(*line), weight: weights[*weight] }
            };
            let parts: Vec<Part> = sizes.iter().enumerate().map(part).collect();
            let text = fit(String::new(), &parts, "x");
            prop_assert!(length(&text) <= LIMIT);
            prop_assert_eq!(&text, &fit(String::new(), &parts, "x"));
            let is_there = |(name, _): &(usize, &Part)| text.contains(&format!("<{name}>"));
            let dangers = parts.iter().enumerate().filter(|(_, part)| part.weight == Weight::Danger);
            let lines: usize = dangers.clone().map(|(_, part)| length(&part.line)).sum();
            let missing = dangers.filter(|part| !is_there(part)).count();
            prop_assert_eq!(missing > 0, lines > LIMIT - NOTE);
            if missing > 0 {
                let count = format!("**{} ", counted(missing, "danger"));
                prop_assert!(text.starts_with(&count));
                let mut others = parts.iter().enumerate().filter(is_there);
                prop_assert!(others.all(|(_, part)| part.weight == Weight::Danger));
            }
        }
    }

    #[test]
    fn what_is_dangerous_stays_although_lines_before_it_are_too_many_or_too_long() {
        let mut parts = vec![part(1, 10, 10, false); 20_000];
        let long = Part { line: "x".repeat(100_000), ..part(2, 100_000, 100_000, false) };
        parts.push(long);
        parts.push(part(3, 100, 50, true));
        assert!(fit(String::new(), &parts, "x").contains("<short3>"));
        let long = Part { line: "x".repeat(100_000), ..part(2, 100_000, 100_000, false) };
        assert!(fit(String::new(), &[long, part(3, 100, 50, true)], "x").contains("3>"));
    }

    #[test]
    fn parts_without_room_for_their_names_are_counted() {
        let parts = vec![part(1, 10, 10, true); 20_000];
        let text = fit(String::new(), &parts, "x");
        assert!(text.chars().count() <= LIMIT && text.contains("parts are not named here"));
    }
}
