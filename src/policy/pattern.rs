//! Patterns with `*` and `?`, whose signs are told apart from the same characters meant as themselves.

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

/// Whether the text matches the pattern written as text.
pub(super) fn glob(pattern: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    matches(&glyphs(pattern), &text)
}
