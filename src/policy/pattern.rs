//! Patterns with the wildcards `*` and `?`.
//!
//! A pattern is a list of [`Glyph`]s, so that a wildcard is distinct from the literal character, which a policy
//! variable such as `${*}` can stand for.

use std::str::Chars;

/// An element of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Glyph {
    /// A literal character.
    Char(char),
    /// `?`: any one character.
    One,
    /// `*`: any text, including the empty one.
    Star,
}

impl Glyph {
    /// Returns the character as written.
    pub(super) fn char(self) -> char {
        match self {
            Self::Char(c) => c,
            Self::One => '?',
            Self::Star => '*',
        }
    }
}

/// Stand for `*` and `?` as characters in the text of a pattern. No policy contains them: AWS accepts Latin-1 only (KMS
/// API Reference, PutKeyPolicy).
const LITERALS: [(char, char); 2] = [('\u{e000}', '*'), ('\u{e001}', '?')];

/// Parses a pattern.
pub(super) fn glyphs(text: &str) -> Vec<Glyph> {
    let glyphs = text.chars().map(|c| match c {
        '*' => Glyph::Star,
        '?' => Glyph::One,
        c => Glyph::Char(literal(c).unwrap_or(c)),
    });
    glyphs.collect()
}

/// Returns the character that a stand-in for a character stands for.
fn literal(c: char) -> Option<char> {
    LITERALS.iter().find(|(stand_in, _)| *stand_in == c).map(|(_, literal)| *literal)
}

/// Returns the text of a pattern, from which [`glyphs()`] makes the same pattern.
pub(super) fn pattern_text(pattern: &[Glyph]) -> String {
    let text = |glyph: &Glyph| {
        let stand_in = LITERALS.iter().find(|(_, literal)| *glyph == Glyph::Char(*literal));
        stand_in.map_or(glyph.char(), |(stand_in, _)| *stand_in)
    };
    pattern.iter().map(text).collect()
}

/// Returns the text of a pattern with the variables that stand for the characters `*` and `?`.
pub(super) fn with_variables(text: &str) -> String {
    let written = |c: char| literal(c).map_or_else(|| c.to_string(), |c| format!("${{{c}}}"));
    text.chars().map(written).collect()
}

/// Returns whether the pattern matches the whole text, in time proportional to the product of the lengths at worst.
pub(super) fn matches(pattern: &[Glyph], text: &[char]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(c) = text.get(t) {
        match pattern.get(p) {
            Some(Glyph::Star) => {
                star = Some((p, t));
                p += 1;
            }
            Some(glyph) if *glyph == Glyph::One || *glyph == Glyph::Char(*c) => {
                p += 1;
                t += 1;
            }
            Some(_) | None => {
                let Some((at, from)) = star else { return false };
                p = at + 1;
                t = from + 1;
                star = Some((at, from + 1));
            }
        }
    }
    pattern.iter().skip(p).all(|glyph| *glyph == Glyph::Star)
}

/// Returns whether the pattern, given as text, matches the whole text. Works like [`matches()`], without allocating.
pub(super) fn glob(pattern: &str, text: &str) -> bool {
    let wild = |text: &str| text.bytes().any(|b| matches!(b, b'*' | b'?'));
    match pattern.strip_suffix('*') {
        None if !wild(pattern) => return pattern == text,
        Some(start) if !wild(start) => return text.starts_with(start),
        Some(_) | None => {}
    }
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    let mut star: Option<(Chars<'_>, Chars<'_>)> = None;
    loop {
        let (mut rest, mut next) = (text.clone(), pattern.clone());
        let Some(c) = rest.next() else { break };
        match next.next() {
            Some('*') => {
                star = Some((next.clone(), text.clone()));
                pattern = next;
            }
            Some(due) if due == '?' || due == c => (pattern, text) = (next, rest),
            Some(_) | None => {
                let Some((after, from)) = &mut star else { return false };
                from.next();
                (pattern, text) = (after.clone(), from.clone());
            }
        }
    }
    pattern.all(|c| c == '*')
}
