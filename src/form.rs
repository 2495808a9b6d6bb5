//! Forms of texts. Decoding checks a text by its form, and the JSON Schema of the configuration describes the form.

use serde_json::{Map, Value as Json, json};

/// A form of texts: a prefix, and a number of characters of some kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// The beginning of the text.
    pub prefix: &'static str,
    /// The characters after the prefix, as in the brackets of a regular expression: `a-z0-9_-`. Empty for every
    /// character.
    pub characters: &'static str,
    /// The smallest number of characters after the prefix.
    pub least: usize,
    /// The largest number of characters after the prefix, if there is one.
    pub most: Option<usize>,
}

impl Form {
    /// Creates the form of texts without a prefix.
    #[must_use]
    pub const fn of(characters: &'static str, least: usize, most: usize) -> Self {
        Self { prefix: "", characters, least, most: Some(most) }
    }

    /// Creates the form of texts of any characters.
    #[must_use]
    pub const fn any(least: usize, most: usize) -> Self {
        Self::of("", least, most)
    }

    /// Creates the form of an id of AWS: a prefix that says what it belongs to, and hexadecimal digits.
    #[must_use]
    pub const fn id(prefix: &'static str) -> Self {
        Self { prefix, characters: "0-9A-Fa-f", least: 1, most: None }
    }

    /// Returns whether a text has the form.
    #[must_use]
    pub fn accepts(&self, text: &str) -> bool {
        let Some(rest) = text.strip_prefix(self.prefix) else {
            return false;
        };
        let count = rest.chars().count();
        count >= self.least
            && self.most.is_none_or(|most| count <= most)
            && rest.chars().all(|c| self.characters.is_empty() || is_in(c, self.characters))
    }

    /// Returns the form as a regular expression without its anchors. The form has characters.
    #[must_use]
    pub fn pattern(&self) -> String {
        let (class, least) = (self.characters, self.least);
        let times = match self.most {
            Some(most) if most == least => format!("{{{least}}}"),
            Some(most) => format!("{{{least},{most}}}"),
            None => format!("{{{least},}}"),
        };
        format!("{}[{class}]{times}", self.prefix)
    }

    /// Returns the JSON Schema of the texts. A number and a boolean of YAML is a text too, if it can have the form.
    #[must_use]
    pub fn schema(&self) -> Json {
        let mut schema = Map::new();
        schema.insert("type".to_owned(), self.types());
        if self.characters.is_empty() {
            if self.least > 0 {
                schema.insert("minLength".to_owned(), json!(self.least));
            }
            if let Some(most) = self.most {
                schema.insert("maxLength".to_owned(), json!(most));
            }
        } else {
            schema.insert("pattern".to_owned(), json!(format!("^{}$", self.pattern())));
        }
        if schema.get("type").is_some_and(Json::is_array) {
            self.limit_numbers(&mut schema);
        }
        Json::Object(schema)
    }

    /// Excludes the numbers that cannot have the form.
    fn limit_numbers(&self, schema: &mut Map<String, Json>) {
        if !self.accepts("-1000000") {
            schema.insert("minimum".to_owned(), json!(0));
        }
        if let Some(digits @ 1..) = self.least.checked_sub(1).and_then(|n| u32::try_from(n).ok()) {
            let (low, high) = (1 - 10_i64.pow(digits - 1), 10_i64.pow(digits) - 1);
            let short = json!({"type": "integer", "minimum": low, "maximum": high});
            schema.insert("not".to_owned(), short);
        }
    }

    fn types(&self) -> Json {
        let mut types = vec!["string"];
        if self.accepts("true") && self.accepts("false") {
            types.push("boolean");
        }
        if self.accepts("1000.5") {
            types.push("number");
        } else if self.accepts("1000000") {
            types.push("integer");
        }
        match types.as_slice() {
            [one] => json!(one),
            all => json!(all),
        }
    }
}

/// Returns a JSON Schema with further members.
#[must_use]
pub fn with(mut schema: Json, more: Json) -> Json {
    if let (Json::Object(schema), Json::Object(more)) = (&mut schema, more) {
        schema.extend(more);
    }
    schema
}

/// Returns the JSON Schema of texts that a regular expression matches as a whole. No number matches it.
#[must_use]
pub fn text(pattern: &str) -> Json {
    json!({"type": "string", "pattern": format!("^{pattern}$")})
}

/// Returns the JSON Schema of texts of a closed set.
#[must_use]
pub fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> Json {
    let mut all: Vec<&str> = Vec::new();
    for word in words {
        if !all.contains(&word) {
            all.push(word);
        }
    }
    json!({"enum": all})
}

/// Returns the regular expression of the whole numbers from `low` to `high` in digits.
#[must_use]
pub fn digits(low: u32, high: u32) -> String {
    let mut forms = Vec::new();
    for length in low.to_string().len()..=high.to_string().len() {
        let (least, most) = match length {
            1 => ("0".to_owned(), "9".to_owned()),
            _ => (format!("1{}", "0".repeat(length - 1)), "9".repeat(length)),
        };
        let own = |number: u32| Some(number.to_string()).filter(|text| text.len() == length);
        forms.push(alike(&own(low).unwrap_or(least), &own(high).unwrap_or(most)));
    }
    format!("0*({})", forms.join("|"))
}

/// Returns the regular expression of the numbers between two numbers of equally many digits.
fn alike(low: &str, high: &str) -> String {
    let (mut lower, mut higher) = (low.chars(), high.chars());
    let (Some(first), Some(last)) = (lower.next(), higher.next()) else {
        return String::new();
    };
    let (low, high) = (lower.as_str(), higher.as_str());
    let (zeros, nines) = ("0".repeat(low.len()), "9".repeat(low.len()));
    if first == last {
        return format!("{first}{}", alike(low, high));
    }
    let rest = match low.len() {
        0 => String::new(),
        1 => "[0-9]".to_owned(),
        length => format!("[0-9]{{{length}}}"),
    };
    if low == zeros && high == nines {
        return format!("[{first}-{last}]{rest}");
    }
    let mut forms = vec![format!("{first}{}", alike(low, &nines))];
    let (from, to) = (u32::from(first) + 1, u32::from(last) - 1);
    if let (true, Some(from), Some(to)) = (from <= to, char::from_u32(from), char::from_u32(to)) {
        let digit = if from == to { from.to_string() } else { format!("[{from}-{to}]") };
        forms.push(format!("{digit}{rest}"));
    }
    forms.push(format!("{last}{}", alike(&zeros, high)));
    format!("({})", forms.join("|"))
}

/// Returns the regular expression of a word in upper or lower case.
#[must_use]
pub fn in_any_case(word: &str) -> String {
    let mut pattern = String::new();
    for c in word.chars() {
        if c.is_ascii_alphabetic() {
            pattern.extend(['[', c.to_ascii_lowercase(), c.to_ascii_uppercase(), ']']);
        } else {
            pattern.extend(['[', c, ']']);
        }
    }
    pattern
}

/// Returns whether a character is in the brackets of a regular expression.
fn is_in(c: char, class: &str) -> bool {
    let chars: Vec<char> = class.chars().collect();
    let mut rest = chars.as_slice();
    loop {
        rest = match rest {
            [from, '-', to, ..] if (*from..=*to).contains(&c) => return true,
            [_, '-', _, rest @ ..] => rest,
            [one, ..] if *one == c => return true,
            [_, rest @ ..] => rest,
            [] => return false,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Returns whether a JSON Schema accepts a value.
    fn fits(schema: &Json, value: &Json) -> bool {
        let mut schemas = boon::Schemas::new();
        let mut compiler = boon::Compiler::new();
        compiler.add_resource("form.json", schema.clone()).unwrap();
        let index = compiler.compile("form.json", &mut schemas).unwrap();
        schemas.validate(value, index).is_ok()
    }

    proptest! {
        #[test]
        fn the_digits_of_a_range_are_those_of_its_numbers(
            (low, more, number, zeros) in
                (0..3000_u32, 0..3000_u32, 0..9000_u32, 0..3_usize)
        ) {
            let high = low + more;
            let schema = text(&digits(low, high));
            for number in [number, low, high, low.wrapping_sub(1), high + 1, number % 100] {
                let written = format!("{}{number}", "0".repeat(zeros));
                let expected = (low..=high).contains(&number);
                prop_assert_eq!(fits(&schema, &json!(written)), expected, "{} to {}: {}", low, high, number);
            }
        }

        #[test]
        fn a_form_and_its_schema_accept_the_same_texts(
            text in "[a-cA-C0-3/_. -]{0,5}",
            form in prop_oneof![
                Just(Form::of("A-Za-z0-9_-", 1, 3)),
                Just(Form::of("0-9", 2, 2)),
                Just(Form { prefix: "a/", ..Form::of("a-b_", 0, 2) }),
                Just(Form::id("a-")),
                Just(Form::any(1, 4)),
            ],
        ) {
            prop_assert_eq!(fits(&form.schema(), &json!(text)), form.accepts(&text));
        }
    }

    #[test]
    fn numbers_and_booleans_are_texts_if_they_can_have_the_form() {
        let types = |form: Form| form.schema()["type"].clone();
        assert_eq!(types(Form::of("A-Za-z0-9_-", 1, 64)), json!(["string", "boolean", "integer"]));
        assert_eq!(types(Form::of("a-z", 1, 64)), json!(["string", "boolean"]));
        assert_eq!(types(Form::any(0, 64)), json!(["string", "boolean", "number"]));
        assert_eq!(types(Form::id("sg-")), json!("string"));
    }

    #[test]
    fn a_word_in_any_case() {
        let schema = text(&in_any_case("KMS-3.2"));
        assert!(fits(&schema, &json!("kMs-3.2")) && !fits(&schema, &json!("kms-302")));
    }
}
