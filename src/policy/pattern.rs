//! Patterns with `*` and `?`, whose signs are told apart from the same characters meant as themselves.

use std::str::Chars;

/// One place of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Glyph {
    /// This character.
    Char(char),
    /// Any one character.
    One,
    /// Any text, also none.
    Star,
}

impl Glyph {
    /// The character that was written.
    pub(super) fn char(self) -> char {
        match self {
            Self::Char(c) => c,
            Self::One => '?',
            Self::Star => '*',
        }
    }
}

/// The text as a pattern.
pub(super) fn glyphs(text: &str) -> Vec<Glyph> {
    let glyph = |c| match c {
        '*' => Glyph::Star,
        '?' => Glyph::One,
        c => Glyph::Char(c),
    };
    text.chars().map(glyph).collect()
}

/// Whether the whole text matches. Takes time in the order of the two lengths' product at worst.
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

/// Whether the text matches the pattern written as text. The same walk, without a list of either.
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
