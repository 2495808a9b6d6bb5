use super::*;
use crate::config::{load_text, yaml};
use crate::decode::Diagnostics;
use crate::tree::{Node, Value};
use proptest::prelude::*;

fn first(stack: &str, key: &str) -> First {
    First {
        stack: stack.parse().unwrap(),
        account: None,
        region: None,
        key: key.parse().unwrap(),
        administrators: Vec::new(),
        users: Vec::new(),
        reserved: None,
    }
}

/// Returns the errors and refusals about a text.
fn errors(text: &str) -> Vec<String> {
    let (mut loaded, mut d) = load_text("kmsctl.yaml", text.to_owned());
    d.extend(loaded.check(None).1);
    let objections = d.has_errors() || d.has_refusals();
    if objections { vec![d.render(&loaded.sources, false, None)] } else { Vec::new() }
}

fn member<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    let Value::Map(entries) = &node.value else { return None };
    entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
}

fn texts(node: Option<&Node>) -> Vec<String> {
    let Some(Node { value: Value::List(items), .. }) = node else { return Vec::new() };
    items.iter().map(|item| format!("{:?}", item.value)).collect()
}

fn names() -> impl Strategy<Value = String> {
    let odd = prop_oneof![
        Just("null"),
        Just("true"),
        Just("No"),
        Just("y"),
        Just("1e3"),
        Just("0x1F"),
        Just("-"),
        Just("_"),
        Just("012345678901"),
        Just("inf"),
        Just("NaN"),
        Just("aws"),
        Just("---"),
        Just("1_000")
    ];
    prop_oneof![odd.prop_map(str::to_owned), "[A-Za-z0-9_-]{1,64}"]
}

fn principals() -> impl Strategy<Value = Vec<String>> {
    let one = prop_oneof![
        "(role|user)/([a-z]{1,9}/)?[A-Za-z0-9+=,.@_-]{1,64}",
        Just("root".to_owned()),
        Just("444455556666".to_owned()),
        Just("arn:aws:iam::444455556666:role/App".to_owned()),
    ];
    prop::collection::vec(one, 0..4)
}

proptest! {
    #[test]
    fn a_first_configuration_is_valid(
        stack in names(),
        key in names(),
        administrators in principals(),
        users in principals(),
        known in any::<bool>(),
        reserved in prop::option::of("AWSReservedSSO_[A-Za-z0-9+=,.@_-]{1,40}"),
    ) {
        let account = known.then(|| "123456789012".parse().unwrap());
        let region = known.then(|| "eu-west-1".parse().unwrap());
        let first = First { account, region, administrators, users, reserved, ..first(&stack, &key) };
        prop_assert_eq!(errors(&first.text()), Vec::<String>::new(), "{}", first.text());
    }

    /// Whatever the principals are, they arrive as they were given, and nothing else does.
    #[test]
    fn every_principal_is_quoted(given in prop::collection::vec("\\PC*", 1..4)) {
        let first = First { administrators: given.clone(), ..first("s", "k") };
        let mut d = Diagnostics::default();
        let node = yaml(&first.text(), 0, &mut d).unwrap();
        let policy = member(&node, "keys").and_then(|keys| member(keys, "k"));
        let policy = policy.and_then(|key| member(key, "policy")).unwrap();
        let expected: Vec<String> =
            given.into_iter().map(|text| format!("{:?}", Value::Text(text))).collect();
        prop_assert_eq!(texts(member(policy, "administrators")), expected);
        let Value::Map(entries) = &policy.value else { panic!("{policy:?}") };
        prop_assert_eq!(entries.len(), 1);
    }
}

/// Removes the sign of a comment from each line that is YAML.
fn uncommented(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let Some((indent, rest)) = line.split_once("# ") else { return line.to_owned() };
        let field = rest.trim_start().split([':', ' ']).next().unwrap_or_default();
        let is_field = indent.trim().is_empty()
            && rest.trim_start().starts_with(&format!("{field}:"))
            && field.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        if is_field { format!("{indent}{rest}") } else { line.to_owned() }
    });
    lines.map(|line| line + "\n").collect::<String>().replace("ZONE", "eu-west-1a")
}

#[test]
fn the_fields_in_the_comments_are_valid_too() {
    let with_users = First { administrators: vec!["role/A".to_owned()], ..first("s", "k") };
    for first in [first("s", "k"), with_users] {
        let text = uncommented(&first.text());
        for field in ["account", "region", "tags", "protect", "users", "ebs", "volumes", "data"] {
            let found =
                text.lines().any(|line| line.trim_start().starts_with(&format!("{field}:")));
            assert!(found, "{field}: {text}");
        }
        assert_eq!(errors(&text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn the_caller_is_proposed_only_if_its_arn_is_known() {
    let identity = |text: &str| Proposal::Identity(text.to_owned());
    for (caller, expected) in [
        ("arn:aws:sts::123456789012:assumed-role/Deploy/me@example.com", identity("role/Deploy")),
        ("arn:aws-cn:iam::123456789012:user/team/Bob", identity("user/team/Bob")),
        (
            "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/me",
            Proposal::Reserved("AWSReservedSSO_Admin_0123456789abcdef".to_owned()),
        ),
    ] {
        assert_eq!(proposal(caller), expected, "{caller}");
    }
    for caller in [
        "arn:aws:iam::123456789012:root",
        "arn:aws:sts::123456789012:federated-user/Bob",
        "arn:aws:sts::123456789012:user/moto",
        "nonsense",
        "",
    ] {
        assert!(matches!(proposal(caller), Proposal::Nobody(_)), "{caller}");
    }
}
