//! Generates documents from a JSON Schema.

use super::*;
use proptest::strategy::ValueTree as _;
use proptest::string::string_regex;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// A source of choices (SplitMix64).
pub(in crate::config) struct Dice(u64);

impl Dice {
    pub(in crate::config) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(in crate::config) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `count`.
    pub(in crate::config) fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.number() % u64::try_from(count).unwrap()).unwrap()
    }

    pub(in crate::config) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub(in crate::config) fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// Returns a document that fits a schema, except for `not`.
pub(in crate::config) fn document(schema: &Json, dice: &mut Dice) -> Json {
    let mut out = Map::new();
    let properties = schema["properties"].as_object().unwrap();
    let wanted = 1 + dice.below(3);
    for _ in 0..wanted {
        let names: Vec<&String> = properties.keys().collect();
        let name = *dice.of(&names);
        out.insert(name.clone(), value(schema, &properties[name], dice));
    }
    out.insert("stack".to_owned(), json!("payments"));
    Json::Object(out)
}

/// Returns a value that fits a schema.
pub(in crate::config) fn value(root: &Json, schema: &Json, dice: &mut Dice) -> Json {
    if let Some(name) = schema.get("$ref").and_then(Json::as_str) {
        return value(root, root.pointer(name.trim_start_matches('#')).unwrap(), dice);
    }
    if let Some(all) = schema.get("anyOf").and_then(Json::as_array) {
        let is_rare = |one: &Json| one.get("$ref").is_some() || one["type"] == "null";
        let usual: Vec<&Json> = all.iter().filter(|one| !is_rare(one)).collect();
        // A variable is a reference.
        let possible: Vec<&Json> = all.iter().filter(|one| one.get("$ref").is_none()).collect();
        let all = if dice.one_in(10) { possible } else { usual };
        let chosen = *dice.of(&all);
        let mut whole = chosen.clone();
        if let (Some(kind), Some(whole)) = (schema.get("type"), whole.as_object_mut()) {
            whole.insert("type".to_owned(), kind.clone());
        }
        return value(root, &whole, dice);
    }
    if let Some(all) = schema.get("enum").and_then(Json::as_array) {
        return dice.of(all).clone();
    }
    let kind = match &schema["type"] {
        Json::String(one) => one.as_str(),
        Json::Array(all) if dice.one_in(4) => dice.of(all).as_str().unwrap(),
        Json::Array(_) => "string",
        _ => "any",
    };
    match kind {
        "string" => json!(text(schema, dice)),
        "boolean" => json!(dice.one_in(2)),
        "integer" => json!(integer(schema, dice)),
        "number" => number(schema, dice),
        "null" => Json::Null,
        "array" => {
            let least = schema["minItems"].as_u64().unwrap_or(0);
            let most = schema["maxItems"].as_u64().unwrap_or(least + 2).min(least + 2);
            let count = least + dice.number() % (most - least + 1);
            (0..count).map(|_| value(root, &schema["items"], dice)).collect()
        }
        "object" => object(root, schema, dice),
        _ => anything(dice),
    }
}

fn object(root: &Json, schema: &Json, dice: &mut Dice) -> Json {
    let mut out = Map::new();
    if let Some(properties) = schema.get("properties").and_then(Json::as_object) {
        let required = schema["required"].as_array().unwrap();
        let chance = 2 + properties.len() / 2;
        for (name, property) in properties {
            if required.contains(&json!(name)) || dice.one_in(chance) {
                out.insert(name.clone(), value(root, property, dice));
            }
        }
    } else {
        let least = schema["minProperties"].as_u64().unwrap_or(0);
        for _ in 0..least + 1 + dice.number() % 2 {
            let name = match schema.get("propertyNames") {
                Some(form) if form.get("pattern").is_some() || form.get("maxLength").is_some() => {
                    text(form, dice)
                }
                _ => "name".to_owned(),
            };
            out.insert(name, value(root, &schema["additionalProperties"], dice));
        }
    }
    Json::Object(out)
}

fn anything(dice: &mut Dice) -> Json {
    let all =
        [json!(null), json!(1), json!("x.json"), json!({}), json!([]), json!({"Statement": []})];
    dice.of(&all).clone()
}

fn integer(schema: &Json, dice: &mut Dice) -> i64 {
    let (low, high) = (schema["minimum"].as_i64(), schema["maximum"].as_i64());
    // The zeros at the beginning of an account are not part of a number.
    let (low, high) = match (low, high) {
        (Some(0), Some(999_999_999_999)) => (100_000_000_000, 999_999_999_999),
        (low, high) => (low.unwrap_or(-99), high.unwrap_or(4_294_967_295)),
    };
    match dice.below(4) {
        0 => low,
        1 => high,
        2 => (low + 1).min(high),
        _ => low + i64::try_from(dice.number() % u64::try_from(high - low + 1).unwrap()).unwrap(),
    }
}

fn number(schema: &Json, dice: &mut Dice) -> Json {
    match schema["maximum"].as_f64() {
        Some(most) => {
            json!(f64::from(u32::try_from(dice.below(most as usize * 2 + 1)).unwrap()) / 2.0)
        }
        None => dice.of(&[json!(1), json!(-1.5), json!(123)]).clone(),
    }
}

/// Returns a text of a form.
pub(in crate::config) fn text(schema: &Json, dice: &mut Dice) -> String {
    if let Some(pattern) = schema["pattern"].as_str() {
        for _ in 0..20 {
            let text = of_pattern(pattern, dice);
            let count = text.chars().count() as u64;
            let fits = |name: &str, or: u64| schema[name].as_u64().unwrap_or(or);
            if (fits("minLength", 0)..=fits("maxLength", u64::MAX)).contains(&count) {
                return text;
            }
        }
    }
    let least = schema["minLength"].as_u64().unwrap_or(0) as usize;
    let most = schema["maxLength"].as_u64().map_or(least + 6, |most| most as usize);
    let count = match dice.below(4) {
        0 => least,
        1 => most,
        _ => least + dice.below(most - least + 1).min(6),
    };
    (0..count).map(|_| *dice.of(&['a', 'Z', '0', '-', ' ', '.', 'ä', '鍵', '\u{1f511}'])).collect()
}

fn of_pattern(pattern: &str, dice: &mut Dice) -> String {
    let (start, end) = (pattern.starts_with('^'), pattern.ends_with('$'));
    let bare = pattern.trim_start_matches('^').trim_end_matches('$');
    let any = "[a-z0-9-]{0,6}";
    let whole = format!("{}({bare}){}", if start { "" } else { any }, if end { "" } else { any });
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&dice.number().to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    string_regex(&whole).unwrap().new_tree(&mut runner).unwrap().current()
}
