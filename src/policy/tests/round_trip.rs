//! Round trips of generated policies: reading a written policy returns the policy.

use proptest::prelude::*;

use super::{document, lockout_reason, node, wrap};
use crate::policy::*;
use crate::tree::{Entry, Node, Value};

fn any_list(values: &'static [&'static str]) -> impl Strategy<Value = String> {
    proptest::sample::subsequence(values, 1..=values.len())
        .prop_shuffle()
        .prop_map(|values| serde_json::to_string(&values).unwrap())
}

fn any_statement() -> impl Strategy<Value = String> {
    let actions = any_list(&[
        "kms:*",
        "kms:decrypt",
        "KMS:Sign",
        "kms:Re*",
        "kms:Unheard",
        "kms:Create?rant",
        "*",
    ]);
    let names = any_list(&[
        "*",
        "111122223333",
        "arn:aws:iam::111122223333:role/p/a",
        "arn:aws:iam::111122223333:user/b",
    ]);
    let values = any_list(&["true", "", "a b", "1.10", "*", "\u{e9}\n\""]);
    let key = proptest::sample::select(vec![
        "aws:SourceArn",
        "AWS:sourceip",
        "kms:EncryptionContext:Ab",
        "aws:x",
    ]);
    let sid = proptest::option::of("[ -~]{0,8}");
    (actions, names, values, key, sid, any::<[bool; 4]>()).prop_map(|(actions, names, values, key, sid, bits)| {
        let not = |bit: bool| if bit { "Not" } else { "" };
        let sid = sid.map(|sid| format!("\"Sid\":{},", serde_json::to_string(&sid).unwrap())).unwrap_or_default();
        let effect = if bits[0] { "Allow" } else { "Deny" };
        let condition = format!(r#","Condition":{{"StringLike":{{"{key}":{values}}}}}"#);
        let condition = if bits[3] { condition } else { String::new() };
        format!(
            r#"{{{sid}"Effect":"{effect}","{}Principal":{{"AWS":{names}}},"{}Action":{actions},"Resource":"*"{condition}}}"#,
            not(bits[1]),
            not(bits[2]),
        )
    })
}

fn reversed(node: &Node) -> Node {
    let value = match &node.value {
        Value::List(items) => Value::List(items.iter().rev().map(reversed).collect()),
        Value::Map(entries) => {
            let entry = |entry: &Entry| Entry { value: reversed(&entry.value), ..entry.clone() };
            Value::Map(entries.iter().rev().map(entry).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => node.value.clone(),
    };
    Node { span: node.span, value }
}

proptest! {
    #[test]
    fn json_never_panics(text in ".*", pieces in proptest::collection::vec("[\\[\\]{}:,\"\\\\ue0-9. tné-]{0,4}", 0..20)) {
        for text in [text, pieces.concat()] {
            let strict = serde_json::from_str::<serde_json::Value>(&text).is_ok();
            let read = json(&text, 0);
            // serde_json accepts duplicate keys, and refuses numbers that do not fit into a float.
            prop_assert!(strict || read.is_err() || text.contains(['e', 'E']));
            if let Ok(node) = read {
                drop((Document::parse(&node, "aws"), lint::lint(&node, &lint::Facts::default())));
            }
        }
    }

    #[test]
    fn reading_a_written_policy_returns_the_policy(statements in proptest::collection::vec(any_statement(), 1..5)) {
        let text = wrap(&statements.join(","));
        let read = document(&text);
        prop_assert_eq!(&document(&read.pretty()), &read);
        prop_assert_eq!(&document(&read.to_json()), &read);
        prop_assert_eq!(document(&read.pretty()).pretty(), read.pretty());
        let stored: Document = serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap();
        prop_assert_eq!(&stored, &read);
        let other = Document::parse(&reversed(&node(&text)), "aws").unwrap();
        prop_assert_eq!(&other, &read);
        prop_assert_eq!(other.pretty(), read.pretty());
        prop_assert_eq!(lockout_reason(&read), lockout_reason(&other));
    }
}
