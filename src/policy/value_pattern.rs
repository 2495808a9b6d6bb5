//! Patterns of condition values and of resources, and the combinations of patterns that one text can match. The
//! combinations are exact: they are found by walking the automata of all patterns in parallel.

use std::collections::BTreeSet;

use super::pattern::{Glyph, glyphs, matches};
use super::work;

/// The number of positions, summed over all visited states, at which the walk gives up.
const MAX_POSITIONS: usize = 1 << 18;

/// Bits of a set of patterns, or of answers to tests.
pub(super) type Bits = u128;

/// The number of patterns that [`Bits`] can stand for.
pub(super) const MAX_BITS: usize = 120;

/// A value that a condition compares with, or a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pattern {
    /// Matches this text only.
    Exact(String),
    /// Matches the text in any case. It is given in lower case.
    AnyCase(String),
    /// Matches with the wildcards `*` and `?`.
    Like(Vec<Glyph>),
    /// Matches an ARN field by field. A wildcard matches a colon only in the last of the six fields (IAM User Guide,
    /// "Amazon Resource Name (ARN) condition operators").
    Arn(Vec<Glyph>),
    /// Matches the ARN of a resource. A `*` at the end of a field matches colons too (IAM User Guide, "IAM JSON policy
    /// elements: Resource").
    Resource(Vec<Glyph>),
    /// Matches with wildcards that match no colon.
    Fields(Vec<Glyph>),
}

#[derive(Clone, Copy, PartialEq)]
enum Token {
    Is(char),
    IsAnyCase(char),
    One { colon: bool },
    Many { colon: bool },
}

fn is_exact(pattern: &[Glyph]) -> bool {
    pattern.iter().all(|glyph| matches!(glyph, Glyph::Char(_)))
}

fn text_of(pattern: &[Glyph]) -> String {
    pattern.iter().map(|glyph| glyph.char()).collect()
}

impl Pattern {
    /// Creates the pattern of `StringEqualsIgnoreCase`.
    pub(super) fn any_case(text: &str) -> Self {
        if text.to_lowercase() == text.to_uppercase() {
            Self::Exact(text.to_owned())
        } else {
            Self::AnyCase(text.to_lowercase())
        }
    }

    /// Creates the pattern of an ARN operator, or returns `None` if the text has fewer than six fields.
    pub(super) fn arn(text: &str) -> Option<Self> {
        if text.splitn(6, ':').count() != 6 {
            return None;
        }
        let pattern = glyphs(text);
        Some(if is_exact(&pattern) { Self::Exact(text_of(&pattern)) } else { Self::Arn(pattern) })
    }

    /// Creates the pattern of `StringLike`.
    pub(super) fn like(text: &str) -> Self {
        let pattern = glyphs(text);
        if is_exact(&pattern) { Self::Exact(text_of(&pattern)) } else { Self::Like(pattern) }
    }

    /// Returns the pattern as written.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Exact(text) | Self::AnyCase(text) => text.clone(),
            Self::Like(pattern)
            | Self::Arn(pattern)
            | Self::Resource(pattern)
            | Self::Fields(pattern) => text_of(pattern),
        }
    }

    /// Returns the only text that matches, if the pattern is exact.
    pub(super) fn exact(&self) -> Option<&str> {
        match self {
            Self::Exact(text) => Some(text),
            Self::AnyCase(_)
            | Self::Like(_)
            | Self::Arn(_)
            | Self::Resource(_)
            | Self::Fields(_) => None,
        }
    }

    fn tokens(&self) -> Vec<Token> {
        let wild = |glyph: Glyph, colon: bool| match glyph {
            Glyph::Star => Token::Many { colon },
            Glyph::One => Token::One { colon },
            Glyph::Char(c) => Token::Is(c),
        };
        match self {
            Self::Exact(text) => text.chars().map(Token::Is).collect(),
            Self::AnyCase(text) => text.chars().map(Token::IsAnyCase).collect(),
            Self::Like(pattern) => pattern.iter().map(|glyph| wild(*glyph, true)).collect(),
            Self::Fields(pattern) => pattern.iter().map(|glyph| wild(*glyph, false)).collect(),
            Self::Arn(pattern) => {
                let mut colons = 0;
                let token = |glyph: &Glyph| {
                    let last = colons >= 5;
                    colons += usize::from(*glyph == Glyph::Char(':'));
                    wild(*glyph, last)
                };
                pattern.iter().map(token).collect()
            }
            Self::Resource(pattern) => {
                let next = pattern.iter().skip(1).map(Some).chain([None]);
                let token = |(glyph, next): (&Glyph, Option<&Glyph>)| {
                    let is_last = next.is_none_or(|next| *next == Glyph::Char(':'));
                    wild(*glyph, is_last && *glyph == Glyph::Star)
                };
                pattern.iter().zip(next).map(token).collect()
            }
        }
    }

    /// Returns whether every text matches.
    fn matches_everything(&self) -> bool {
        let is_star = |glyph: &Glyph| *glyph == Glyph::Star;
        matches!(self, Self::Like(pattern) if !pattern.is_empty() && pattern.iter().all(is_star))
    }

    /// Returns whether the text matches.
    pub(super) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == text,
            Self::AnyCase(lower) => *lower == text.to_lowercase(),
            Self::Like(pattern) => matches(pattern, &text.chars().collect::<Vec<_>>()),
            Self::Arn(_) | Self::Resource(_) | Self::Fields(_) => {
                let tokens = self.tokens();
                let mut at = start(&tokens);
                for c in text.chars() {
                    at = step(&tokens, &at, c);
                }
                at.contains(&tokens.len())
            }
        }
    }
}

/// Returns whether every text of a language matches at least one of the patterns (`true`) or no text does (`false`), or
/// `None` if only some texts do or it is too much work to find out. The language is given by patterns of which a text
/// must match one.
pub(super) fn all_match(patterns: &[Pattern], language: &[Pattern]) -> Option<bool> {
    let count = patterns.len();
    let all: Vec<Pattern> = patterns.iter().chain(language).cloned().collect();
    let matched = combinations(&all)?;
    let mut answers = matched
        .into_iter()
        .filter(|bits| bits >> count != 0)
        .map(|bits| bits & ((1 << count) - 1) != 0);
    let first = answers.next()?;
    answers.all(|answer| answer == first).then_some(first)
}

/// Adds the positions that are reachable without another character.
fn close(tokens: &[Token], from: usize, out: &mut BTreeSet<usize>) {
    let mut at = from;
    while out.insert(at) && matches!(tokens.get(at), Some(Token::Many { .. })) {
        at += 1;
    }
}

/// Returns the positions before the first character of a text.
fn start(tokens: &[Token]) -> BTreeSet<usize> {
    let mut out = BTreeSet::new();
    close(tokens, 0, &mut out);
    out
}

/// Returns the positions after another character.
fn step(tokens: &[Token], at: &BTreeSet<usize>, c: char) -> BTreeSet<usize> {
    let mut out = BTreeSet::new();
    for position in at {
        match tokens.get(*position) {
            Some(Token::Is(is)) if *is == c => close(tokens, position + 1, &mut out),
            Some(Token::IsAnyCase(is)) if c.to_lowercase().eq(is.to_lowercase()) => {
                close(tokens, position + 1, &mut out);
            }
            Some(Token::One { colon }) if *colon || c != ':' => {
                close(tokens, position + 1, &mut out);
            }
            Some(Token::Many { colon }) if *colon || c != ':' => close(tokens, *position, &mut out),
            Some(_) | None => {}
        }
    }
    out
}

/// Returns every set of patterns that some text matches exactly, as bits, or `None` if the automata have too many
/// states.
pub(super) fn combinations(patterns: &[Pattern]) -> Option<BTreeSet<Bits>> {
    if patterns.len() > MAX_BITS {
        return None;
    }
    if let [only] = patterns {
        let all: BTreeSet<Bits> = [0, 1].into();
        return Some(if only.matches_everything() { [1].into() } else { all });
    }
    let tokens: Vec<Vec<Token>> = patterns.iter().map(Pattern::tokens).collect();
    let first: Vec<BTreeSet<usize>> = tokens.iter().map(|tokens| start(tokens)).collect();
    let mut seen = BTreeSet::from([first.clone()]);
    let mut open = vec![first];
    let mut out = BTreeSet::new();
    let mut positions = 0;
    while let Some(at) = open.pop() {
        let ends = tokens.iter().zip(&at).enumerate();
        let ends = ends.filter(|(_, (tokens, at))| at.contains(&tokens.len()));
        out.insert(ends.fold(0, |bits: Bits, (n, _)| bits | 1 << n));
        for c in letters(&tokens, &at) {
            // The work for a letter is the number of positions before it, and what is kept is that after it.
            let more = at.iter().map(|at| at.len() + 1).sum::<usize>();
            positions += more;
            if positions > MAX_POSITIONS || !work::spend(8 * more) {
                return None;
            }
            let next: Vec<_> =
                tokens.iter().zip(&at).map(|(tokens, at)| step(tokens, at, c)).collect();
            if seen.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    Some(out)
}

/// Returns the characters that can lead to different positions: those in the patterns, the colon, and one that is in
/// none.
fn letters(tokens: &[Vec<Token>], at: &[BTreeSet<usize>]) -> BTreeSet<char> {
    let mut out = BTreeSet::from([':', '\u{1}']);
    for (tokens, at) in tokens.iter().zip(at) {
        for position in at {
            match tokens.get(*position) {
                Some(Token::Is(c)) => {
                    out.insert(*c);
                }
                Some(Token::IsAnyCase(c)) => {
                    out.extend(c.to_lowercase().chain(c.to_uppercase()));
                }
                Some(Token::One { .. } | Token::Many { .. }) | None => {}
            }
        }
    }
    out
}
