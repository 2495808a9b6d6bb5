//! Patterns of condition values, and the combinations of patterns that one text can match. The combinations are exact:
//! they are found by walking the automata of all patterns in parallel.

use std::collections::BTreeSet;

use crate::policy::actions::glob;

/// The number of visited states at which the walk gives up.
const MAX_STATES: usize = 4_096;

/// A value that a condition compares with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pattern {
    /// Matches this text only.
    Exact(String),
    /// Matches the text in any case. It is given in lower case.
    AnyCase(String),
    /// Matches with the wildcards `*` and `?`.
    Like(String),
    /// Matches an ARN field by field. A wildcard matches a colon only in the last of the six fields (IAM User Guide,
    /// "Amazon Resource Name (ARN) condition operators").
    Arn(String),
}

#[derive(Clone, Copy, PartialEq)]
enum Token {
    Is(char),
    IsAnyCase(char),
    One { colon: bool },
    Many { colon: bool },
}

impl Pattern {
    /// Creates the pattern of an ARN operator, or returns `None` if the text has fewer than six fields.
    pub(super) fn arn(text: &str) -> Option<Self> {
        if text.splitn(6, ':').count() != 6 {
            return None;
        }
        let is_exact = !text.contains(['*', '?']);
        Some(if is_exact { Self::Exact(text.to_owned()) } else { Self::Arn(text.to_owned()) })
    }

    /// Creates the pattern of `StringLike`.
    pub(super) fn like(text: &str) -> Self {
        if text.contains(['*', '?']) {
            Self::Like(text.to_owned())
        } else {
            Self::Exact(text.to_owned())
        }
    }

    /// Returns the pattern as written.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Exact(text) | Self::AnyCase(text) | Self::Like(text) | Self::Arn(text) => text,
        }
    }

    /// Returns the only text that matches, if the pattern is exact.
    pub(super) fn exact(&self) -> Option<&str> {
        match self {
            Self::Exact(text) => Some(text),
            Self::AnyCase(_) | Self::Like(_) | Self::Arn(_) => None,
        }
    }

    fn tokens(&self) -> Vec<Token> {
        let wild = |c: char, colon: bool| match c {
            '*' => Token::Many { colon },
            '?' => Token::One { colon },
            c => Token::Is(c),
        };
        match self {
            Self::Exact(text) => text.chars().map(Token::Is).collect(),
            Self::AnyCase(text) => text.chars().map(Token::IsAnyCase).collect(),
            Self::Like(text) => text.chars().map(|c| wild(c, true)).collect(),
            Self::Arn(text) => {
                let mut colons = 0;
                let token = |c: char| {
                    let last = colons >= 5;
                    colons += usize::from(c == ':');
                    wild(c, last)
                };
                text.chars().map(token).collect()
            }
        }
    }

    /// Returns whether the text matches.
    pub(super) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == text,
            Self::AnyCase(lower) => *lower == text.to_lowercase(),
            Self::Like(pattern) => glob(pattern, text),
            Self::Arn(pattern) => {
                let (fields, patterns) = (text.splitn(6, ':'), pattern.splitn(6, ':'));
                let full = text.splitn(6, ':').count() == 6;
                full && patterns.zip(fields).all(|(pattern, field)| glob(pattern, field))
            }
        }
    }
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
pub(super) fn combinations(patterns: &[Pattern]) -> Option<BTreeSet<u64>> {
    let tokens: Vec<Vec<Token>> = patterns.iter().map(Pattern::tokens).collect();
    let first: Vec<BTreeSet<usize>> = tokens.iter().map(|tokens| start(tokens)).collect();
    let mut seen = BTreeSet::from([first.clone()]);
    let mut open = vec![first];
    let mut out = BTreeSet::new();
    while let Some(at) = open.pop() {
        let ends = tokens.iter().zip(&at).enumerate();
        let ends = ends.filter(|(_, (tokens, at))| at.contains(&tokens.len()));
        out.insert(ends.fold(0_u64, |bits, (n, _)| bits | 1 << n));
        for c in letters(&tokens, &at) {
            let next: Vec<_> =
                tokens.iter().zip(&at).map(|(tokens, at)| step(tokens, at, c)).collect();
            if seen.insert(next.clone()) {
                open.push(next);
            }
        }
        if seen.len() > MAX_STATES {
            return None;
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
