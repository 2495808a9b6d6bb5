//! Changes documents in one place.

use super::*;

/// Returns documents that decoding takes.
pub(super) fn seeds() -> Vec<Json> {
    let mut all = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"), &mut all);
    let mut seeds: Vec<Json> = all.iter().map(|(_, text)| parsed(text)).collect();
    seeds.push(parsed(STORAGE));
    seeds.retain(|seed| errors(&written(seed)).is_empty());
    assert!(seeds.len() >= 5, "{}", seeds.len());
    seeds
}

/// Returns a document that is changed in one place, or one that the schema almost takes.
pub(super) fn document(seeds: &[Json], schema: &Json, dice: &mut Dice) -> Json {
    let mut document = match dice.below(3) {
        0 => generate::document(schema, dice),
        _ => dice.of(seeds).clone(),
    };
    let mut places = Vec::new();
    find(&document, String::new(), &mut places);
    let place = dice.of(&places).clone();
    if dice.one_in(4)
        && let Some((parent, name)) = place.rsplit_once('/')
        && let Some(Json::Object(parent)) = document.pointer_mut(parent)
    {
        parent.shift_remove(&unescaped(name));
        return document;
    }
    let Some(old) = document.pointer_mut(&place) else { return document };
    let new = changed(old, dice);
    let own = std::mem::replace(old, new);
    // A variable with the value that it replaces.
    if let Some(Json::String(new)) = document.pointer(&place)
        && new == "${var.own}"
        && let Json::Object(root) = &mut document
    {
        let vars = root.entry("vars").or_insert_with(|| json!({}));
        if let Json::Object(vars) = vars {
            vars.insert("own".to_owned(), own);
        }
    }
    document
}

fn unescaped(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}

/// Finds the pointers of all values.
fn find(value: &Json, at: String, places: &mut Vec<String>) {
    match value {
        Json::Object(entries) => {
            for (key, value) in entries {
                let key = key.replace('~', "~0").replace('/', "~1");
                find(value, format!("{at}/{key}"), places);
            }
        }
        Json::Array(items) => {
            for (n, value) in items.iter().enumerate() {
                find(value, format!("{at}/{n}"), places);
            }
        }
        _ => {}
    }
    places.push(at);
}

/// Returns another value for a place.
fn changed(old: &Json, dice: &mut Dice) -> Json {
    let texts = [
        "",
        "x",
        "true",
        "false",
        "7",
        "007",
        "30",
        "90",
        "-1",
        "null",
        "NaN",
        "0.5",
        "role/x",
        "root",
        "111122223333",
        "alias/x",
        "eu-west-1",
        "managed",
        "Decrypt",
        "SIGN_VERIFY",
        "aws:x",
        "sg-0",
        "db.x",
        "2027-02-29",
        "2028-02-29",
        "key/x",
        "*",
        "ä b",
    ];
    match (dice.below(9), old) {
        (0, _) => Json::Null,
        (1, Json::String(text)) => json!(text.to_uppercase()),
        (2, Json::String(text)) => json!(format!("{text}x")),
        (1 | 2, Json::Number(number)) => json!(number.to_string()),
        (1 | 2, Json::Bool(value)) => json!(value.to_string()),
        (3, Json::Number(number)) => json!(number.as_i64().unwrap_or(0) + 1),
        (3 | 4, Json::String(_) | Json::Number(_) | Json::Bool(_)) => json!("${var.own}"),
        (5, _) => dice
            .of(&[json!(true), json!(0), json!(7), json!(-1), json!(4_294_967_296_u64), json!(2.5)])
            .clone(),
        (6, _) => dice.of(&[json!([]), json!({}), json!([null]), json!({"x": null})]).clone(),
        _ => json!(dice.of(&texts)),
    }
}
