//! Tests of the decoder and its macros.
use super::*;
use crate::config::{Named, Nullable, Sources, Spanned, yaml};

choice! {
    /// What it is for.
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
        r#type: Nullable<bool>,
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
    let root = Root::decode(&yaml(text, source).unwrap(), &mut d);
    (root, d.render(&sources, false, 100))
}

#[test]
fn a_good_record_is_read() {
    let (root, report) = read(
        "keys:\n  a: {description: 1.10, aliases: [x], usage: SIGN_VERIFY, days: \"7\", type: ~}\n",
    );
    assert_eq!(report, "");
    let root = root.unwrap();
    let key = root.keys.get("a").unwrap();
    assert_eq!(key.description.as_ref().unwrap().value, "1.10");
    assert_eq!(
        (key.days, key.r#type.clone(), key.usage.as_str()),
        (Some(7), Nullable::Null, "SIGN_VERIFY")
    );
    assert_eq!(key.raw, None);
    assert!(read("").0.unwrap().keys.0.is_empty());
}

#[test]
fn all_errors_are_reported() {
    let (root, report) = read(
        "keys:\n  a:\n    descriptoin: x\n    aliases: one\n    usage: SIGN_VERFY\n    days: 1.5\n  b: {aliases: [[], {}], usage: 3, type: yes}\n  c: text\n  d: {days: -1, usage: SIGN_VERIFY, zzz: 1}\n",
    );
    assert!(root.is_none());
    insta::assert_snapshot!(report, @"");
}

#[test]
fn the_schema_says_what_is_accepted() {
    insta::assert_snapshot!(serde_json::to_string(&KeyEntry::schema()).unwrap(), @"");
}
