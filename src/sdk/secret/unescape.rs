//! Removes escapes from a text and remembers where its characters come from.

use std::ops::Range;

/// The names of characters in XML.
const NAMES: [(&str, char); 5] =
    [("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"'), ("apos", '\'')];

/// The longest reference to a character in XML, such as `&#x0010ffff;`, in characters.
const REFERENCE: usize = 14;

/// A text, with the range of each character in the original text.
pub(super) struct Escaped {
    text: String,
    /// For each character: its offset in the text, and its range in the original one.
    places: Vec<(usize, Range<usize>)>,
}

impl Escaped {
    /// Begins with the original text.
    pub(super) fn new(text: &str) -> Self {
        let places = text.char_indices().map(|(at, c)| (at, at..at + c.len_utf8()));
        Self { text: text.to_owned(), places: places.collect() }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the range in the original text of a range of this one that is not empty.
    pub(super) fn origin(&self, range: Range<usize>) -> Range<usize> {
        let first = self.places.partition_point(|(at, _)| *at < range.start);
        let last = self.places.partition_point(|(at, _)| *at < range.end).saturating_sub(1);
        let start = self.places.get(first).map_or(0, |(_, place)| place.start);
        start..self.places.get(last).map_or(start, |(_, place)| place.end)
    }

    /// Returns the text without one level of escapes, or `None` if it has none.
    pub(super) fn unescaped(&self) -> Option<Self> {
        let chars: Vec<char> = self.text.chars().collect();
        let (mut text, mut places) = (String::new(), Vec::new());
        let mut at = 0;
        while let Some(rest) = chars.get(at..).filter(|rest| !rest.is_empty()) {
            let (decoded, length) = decoded(rest);
            let origin = |n: usize| self.places.get(at + n).map(|(_, place)| place.clone());
            let (first, last) = (origin(0), origin(length - 1));
            let range = first.map_or(0, |place| place.start)..last.map_or(0, |place| place.end);
            for c in decoded {
                places.push((text.len(), range.clone()));
                text.push(c);
            }
            at += length;
        }
        (text != self.text).then_some(Self { text, places })
    }
}

/// Returns the characters that the beginning of a text stands for, and the length of the beginning.
fn decoded(text: &[char]) -> (Vec<char>, usize) {
    let escape = match text.first() {
        Some('%') => percent(text),
        Some('&') => reference(text).map(|(c, length)| (vec![c], length)),
        Some('\\') => backslash(text).map(|(c, length)| (vec![c], length)),
        Some(_) | None => None,
    };
    escape.unwrap_or_else(|| (text.first().copied().into_iter().collect(), 1))
}

/// Reads hexadecimal digits.
fn hex(digits: Option<&[char]>) -> Option<u32> {
    let digits: String = digits?.iter().collect();
    u32::from_str_radix(&digits, 16).ok().filter(|_| digits.chars().all(|c| c.is_ascii_hexdigit()))
}

/// Reads the bytes of a character, such as `%C3%A4`, or its number, such as `%u00e4`.
fn percent(text: &[char]) -> Option<(Vec<char>, usize)> {
    if text.get(1) == Some(&'u') {
        return Some((vec![char::from_u32(hex(text.get(2..6))?)?], 6));
    }
    let byte = |n: usize| match text.get(3 * n) {
        Some('%') => u8::try_from(hex(text.get(3 * n + 1..3 * n + 3))?).ok(),
        Some(_) | None => None,
    };
    let bytes: Vec<u8> = (0..4).map_while(byte).collect();
    // The first of up to four bytes that are a character.
    let whole = |n: &usize| bytes.get(..*n).is_some_and(|part| std::str::from_utf8(part).is_ok());
    let length = (1..=bytes.len()).find(whole)?;
    let text = std::str::from_utf8(bytes.get(..length)?).ok()?;
    Some((text.chars().collect(), 3 * length))
}

/// Reads a reference of XML, such as `&amp;` or `&#x26;`. HTML accepts some without the semicolon.
fn reference(text: &[char]) -> Option<(char, usize)> {
    let (c, end) = if text.get(1) == Some(&'#') {
        let is_hex = matches!(text.get(2), Some('x' | 'X'));
        let (begin, radix) = if is_hex { (3, 16) } else { (2, 10) };
        let digits = text.get(begin..)?.iter().take(REFERENCE).take_while(|c| c.is_digit(radix));
        let digits: String = digits.collect();
        (char::from_u32(u32::from_str_radix(&digits, radix).ok()?)?, begin + digits.len())
    } else {
        let is_next =
            |name: &str| text.iter().skip(1).zip(name.chars()).filter(|(a, b)| **a == *b).count();
        let (name, c) = NAMES.iter().find(|(name, _)| is_next(name) == name.len())?;
        (*c, 1 + name.len())
    };
    Some((c, end + usize::from(text.get(end) == Some(&';'))))
}

/// Reads an escape of JSON, or of a debugging output, such as `\"`, `\u0026`, `\u{26}` or `\x26`.
fn backslash(text: &[char]) -> Option<(char, usize)> {
    match text.get(1)? {
        c @ ('"' | '\'' | '\\' | '/') => Some((*c, 2)),
        'x' => Some((char::from_u32(hex(text.get(2..4))?)?, 4)),
        'u' if text.get(2) == Some(&'{') => {
            let end = text.iter().take(REFERENCE).position(|c| *c == '}')?;
            Some((char::from_u32(hex(text.get(3..end))?)?, end + 1))
        }
        'u' => {
            let unit = hex(text.get(2..6))?;
            if let Some(c) = char::from_u32(unit) {
                return Some((c, 6));
            }
            // A character above U+FFFF is a pair.
            let low = text.get(6..8).filter(|begin| *begin == ['\\', 'u']);
            let low = low.and_then(|_| hex(text.get(8..12)))?;
            let pair = [u16::try_from(unit).ok()?, u16::try_from(low).ok()?];
            Some((char::decode_utf16(pair).next()?.ok()?, 12))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_has_its_place_in_the_original_text() {
        let text = "ä%C3%A4\\ud83d\\ude00&#x1F600;%25\\\\ %zz &; \\u12 %C3";
        let level = Escaped::new(text).unescaped().unwrap();
        assert_eq!(level.text(), "ää😀😀%\\ %zz &; \\u12 %C3");
        let of = |part: &str| {
            let at = level.text().rfind(part).unwrap();
            text.get(level.origin(at..at + part.len())).unwrap()
        };
        assert_eq!((of("ä"), of("😀%"), of("\\ ")), ("%C3%A4", "&#x1F600;%25", "\\\\ "));
        assert!(Escaped::new("plain % & \\ text").unescaped().is_none());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_unescaped(parts in proptest::collection::vec("%|u|&|#|x|;|\\\\|\\{|\\}|[0-9a-f]{1,4}|amp|ä|\"|😀", 0..40)) {
            let text = parts.concat();
            let mut level = Escaped::new(&text);
            while let Some(next) = level.unescaped() {
                let end = next.text().chars().next().map_or(0, char::len_utf8);
                if end > 0 {
                    proptest::prop_assert!(text.get(next.origin(0..end)).is_some());
                }
                proptest::prop_assert!(next.text().len() <= level.text().len());
                level = next;
            }
        }
    }
}
