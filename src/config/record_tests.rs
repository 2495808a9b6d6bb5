//! Tests of the decoder and its macros, on YAML.
use super::yaml;
use crate::decode::{Decode, Diagnostics, Named, Sources, Spanned, choice, record};
use crate::tree::Node;

choice! {
    /// Its purpose.
    pub enum Usage {
        /// Encrypts.
        Encrypt = "ENCRYPT_DECRYPT",
        /// Signs.
        Sign = "SIGN_VERIFY",
    }
}

record! {
    /// A KMS key
    /// of the test.
    pub struct KeyEntry {
        /// Shown in the console.
        description: Option<Spanned<String>>,
        /// Its names.
        @required aliases: Vec<Spanned<String>>,
        usage: Usage,
        days: Option<u32>,
        r#type: Option<bool>,
        raw: Option<Node>,
    }
}

record! {
    /// All.
    pub struct Root {
        keys: Named<KeyEntry>,
    }
}

fn read(text: &str) -> (Option<Root>, String) {
    let mut sources = Sources::new();
    let source = sources.add("a.yaml", text);
    let mut d = Diagnostics::default();
    let root = Root::decode(&yaml(text, source, &mut d).unwrap(), &mut d);
    (root, d.render(&sources, false, None))
}

#[test]
fn a_valid_record_is_read() {
    let (root, report) = read(
        "keys:\n  a: {description: 1.10, aliases: [x], usage: SIGN_VERIFY, days: \"7\", type: ~}\n",
    );
    assert_eq!(report, "");
    let root = root.unwrap();
    let key = root.keys.get("a").unwrap();
    assert_eq!(key.description.as_ref().unwrap().value, "1.10");
    assert_eq!((key.days, key.r#type, key.usage.as_str()), (Some(7), None, "SIGN_VERIFY"));
    assert_eq!(key.raw, None);
    assert!(read("").0.unwrap().keys.0.is_empty());
}

#[test]
fn all_errors_are_reported() {
    let (_, report) = read(
        "keys:\n  a:\n    descriptoin: x\n    aliases: one\n    usage: SIGN_VERFY\n    days: 1.5\n  b: {aliases: [[], {}], usage: 3, type: yes}\n  c: text\n  d: {days: -1, usage: SIGN_VERIFY, zzz: 1}\n",
    );
    insta::assert_snapshot!(report, @r##"
    error: unknown field `descriptoin`
     --> a.yaml:3:5
      |
    3 |     descriptoin: x
      |     ^^^^^^^^^^^
      |
      = help: did you mean `description`?

    error: expected a list, found text
     --> a.yaml:4:14
      |
    4 |     aliases: one
      |              ^^^
      |
      = help: write `aliases: [NAME]`

    error: expected one of ENCRYPT_DECRYPT, SIGN_VERIFY, found `SIGN_VERFY`
     --> a.yaml:5:12
      |
    5 |     usage: SIGN_VERFY
      |            ^^^^^^^^^^
      |
      = help: did you mean `SIGN_VERIFY`?

    error: expected a whole number, found `1.5`
     --> a.yaml:6:11
      |
    6 |     days: 1.5
      |           ^^^
      |
      = help: write `days: NUMBER`

    error: expected text, found a list
     --> a.yaml:7:17
      |
    7 |   b: {aliases: [[], {}], usage: 3, type: yes}
      |                 ^
      |
      = help: write `aliases: [NAME]`

    error: expected text, found a map
     --> a.yaml:7:21
      |
    7 |   b: {aliases: [[], {}], usage: 3, type: yes}
      |                     ^
      |
      = help: write `aliases: [NAME]`

    error: expected one of ENCRYPT_DECRYPT, SIGN_VERIFY, found `3`
     --> a.yaml:7:33
      |
    7 |   b: {aliases: [[], {}], usage: 3, type: yes}
      |                                 ^
      |
      = help: write `usage: ENCRYPT_DECRYPT`, or `usage: SIGN_VERIFY`

    error: expected true or false, found text
     --> a.yaml:7:42
      |
    7 |   b: {aliases: [[], {}], usage: 3, type: yes}
      |                                          ^^^
      |
      = help: write `type: true`

    error: expected a map, found text
     --> a.yaml:8:6
      |
    8 |   c: text
      |      ^^^^
      |
      = help: write `c: {aliases: [NAME], usage: ENCRYPT_DECRYPT}`

    error: missing field `aliases`
     --> a.yaml:9:6
      |
    9 |   d: {days: -1, usage: SIGN_VERIFY, zzz: 1}
      |      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write `aliases: [NAME]`

    error: `-1` is outside of 0 to 4294967295
     --> a.yaml:9:13
      |
    9 |   d: {days: -1, usage: SIGN_VERIFY, zzz: 1}
      |             ^^
      |
      = help: write a whole number from 0 to 4294967295

    error: unknown field `zzz`
     --> a.yaml:9:37
      |
    9 |   d: {days: -1, usage: SIGN_VERIFY, zzz: 1}
      |                                     ^^^
      |
      = help: known fields: description, aliases, usage, days, type, raw

    12 errors.
    "##);
}

#[test]
fn the_schema_describes_the_accepted_values() {
    insta::assert_snapshot!(serde_json::to_string(&KeyEntry::schema()).unwrap(), @r##"{"description":"A KMS key of the test.","type":"object","properties":{"description":{"anyOf":[{"type":["string","number","boolean"]},{"type":"null"}],"description":"Shown in the console."},"aliases":{"type":"array","items":{"type":["string","number","boolean"]},"description":"Its names."},"usage":{"description":"Its purpose.","enum":["ENCRYPT_DECRYPT","SIGN_VERIFY"],"enumDescriptions":["Encrypts.","Signs."]},"days":{"anyOf":[{"type":"integer","minimum":0,"maximum":4294967295},{"type":"null"}]},"type":{"anyOf":[{"type":"boolean"},{"type":"null"}]},"raw":{"anyOf":[{},{"type":"null"}]}},"required":["aliases","usage"],"additionalProperties":false}"##);
}
