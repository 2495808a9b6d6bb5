//! The help for a wrong value can be followed: what it says to write is right.

mod elsewhere;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::load::{Given, from_sources};
use super::schema_tests::generate::{self, Dice};
use super::schema_tests::{is_between_values, written};
use super::{schema, yaml};
use crate::decode::{Diagnostic, Diagnostics, Severity, Sources};
use crate::kind::ConsumerKind;
use crate::tree::{Node, Span, Value};

/// A step from a value to one inside it.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Field(String),
    Item,
}

/// Every field and every name below a schema, with its path.
fn paths(schema: &Json, at: &[Step], found: &mut Vec<(Vec<Step>, Json)>) {
    if let Some(options) = schema.get("anyOf").and_then(Json::as_array) {
        options.iter().for_each(|option| paths(option, at, found));
        return;
    }
    let below = |step| [at, &[step]].concat();
    for (name, field) in schema.get("properties").and_then(Json::as_object).into_iter().flatten() {
        let path = below(Step::Field(name.clone()));
        if found.iter().all(|(other, _)| *other != path) {
            found.push((path.clone(), field.clone()));
            paths(field, &path, found);
        }
    }
    if let Some(value) = schema.get("additionalProperties").filter(|value| value.is_object()) {
        let is_region = at.last() == Some(&Step::Field("replicas".to_owned()));
        let path = below(Step::Field(if is_region { "eu-central-1" } else { "app" }.to_owned()));
        found.push((path.clone(), value.clone()));
        paths(value, &path, found);
    }
    if let Some(items) = schema.get("items") {
        paths(items, &below(Step::Item), found);
    }
}

/// The values of placeholders. One of each row fits.
const MEANINGS: [&[(&str, &str)]; 4] = [
    &[("NAME", "app"), ("REGION", "eu-central-1"), ("NUMBER", "7"), ("DATE", "2999-01-31")],
    &[("NAME", "other"), ("REGION", "eu-west-1"), ("NUMBER", "100"), ("TEXT", "111122223333")],
    &[("NAME", "app"), ("NUMBER", "3000"), ("TEXT", "app")],
    &[("NAME", "app"), ("NUMBER", "20000"), ("TEXT", "arn:aws:iam::111122223333:role/app")],
];

/// Returns a text of a help with values in the place of its placeholders.
fn meant(text: &str, meanings: &[(&str, &str)]) -> String {
    let general = [
        ("ZONE", "eu-west-1a"),
        ("BUCKET", "my-bucket"),
        ("VALUE", "x"),
        ("OLD", "old"),
        ("subnet-ID", "subnet-0123456789abcdef0"),
        ("sg-ID", "sg-0123456789abcdef0"),
        ("TEXT", "text"),
    ];
    let all = meanings.iter().chain(&general);
    all.fold(text.to_owned(), |text, (word, value)| text.replace(word, value))
}

/// Returns the data of a YAML text.
fn data(text: &str) -> Json {
    fn plain(node: &Node) -> Json {
        match &node.value {
            Value::Null => Json::Null,
            Value::Bool(value) => json!(value),
            Value::Number(text) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
            Value::Text(text) => json!(text),
            Value::List(items) => items.iter().map(plain).collect(),
            Value::Map(entries) => {
                entries.iter().map(|entry| (entry.key.clone(), plain(&entry.value))).collect()
            }
        }
    }
    let mut d = Diagnostics::default();
    let node = yaml(text, 0, &mut d).unwrap_or_else(|| panic!("{text}: {d:?}"));
    assert!(d.is_empty(), "{text}: {d:?}");
    plain(&node)
}

/// A configuration in which every record on a path to a field is complete.
struct Frame {
    examples: Vec<(String, Json)>,
}

impl Frame {
    fn new() -> Self {
        let mut examples = Vec::new();
        for kind in ConsumerKind::ALL {
            let syntax = kind.reader().syntax;
            let path = format!("{}.{}", syntax.section.name, syntax.list.0);
            let path = if kind.is_single() { path } else { format!("{path}.app") };
            examples.push((path, data(&meant(syntax.example, MEANINGS[0]))));
        }
        for (path, example) in [
            ("keys.app", "{multi_region: true}"),
            ("keys.app.grants.app", "{grantee: role/app, operations: [Decrypt]}"),
            (
                "keys.app.replicas.eu-central-1.grants.app",
                "{grantee: role/app, operations: [Decrypt]}",
            ),
            ("accounts.app", "{id: '111122223333', role: role/app}"),
            ("auto_scaling.groups.app", "{key: app}"),
        ] {
            examples.push((path.to_owned(), data(example)));
        }
        Self { examples }
    }

    /// Returns a configuration with a value at a path.
    fn with(&self, path: &[Step], value: &Json) -> Json {
        let mut root = json!({
            "stack": "s",
            "region": "eu-west-1",
            "keys": {"app": {"multi_region": true}},
            "accounts": {"app": {"id": "111122223333", "role": "role/app"}},
        });
        let (mut at, mut name) = (&mut root, String::new());
        for step in path {
            match step {
                Step::Item => {
                    if !at.is_array() {
                        *at = json!([{}]);
                    }
                    at = &mut at[0];
                }
                Step::Field(field) => {
                    if !at.is_object() {
                        *at = json!({});
                    }
                    name = format!("{name}.{field}").trim_start_matches('.').to_owned();
                    let next =
                        at.as_object_mut().unwrap().entry(field.clone()).or_insert(json!({}));
                    if let Some((_, whole)) = self.examples.iter().find(|(path, _)| *path == name) {
                        *next = whole.clone();
                    }
                    at = next;
                }
            }
        }
        *at = value.clone();
        root
    }
}

/// Returns the place of a path: of the name or the item, and of the value.
fn place(node: &Node, path: &[Step]) -> (Span, Node) {
    let (mut key, mut at) = (node.span, node);
    for step in path {
        match (&at.value, step) {
            (Value::Map(entries), Step::Field(name)) => {
                let entry = entries.iter().find(|entry| entry.key == *name).unwrap();
                (key, at) = (entry.key_span, &entry.value);
            }
            (Value::List(items), Step::Item) => at = &items[0],
            _ => panic!("{path:?}"),
        }
    }
    (key, at.clone())
}

/// Returns the diagnostics at a path of a configuration.
fn at(document: &Json, path: &[Step]) -> Vec<Diagnostic> {
    let text = written(document);
    let mut sources = Sources::new();
    let number = sources.add("a.yaml", text.as_str());
    let mut d = Diagnostics::default();
    let mut loaded = from_sources(sources, &[number], &Given::new(), &mut d);
    let (_, more) = loaded.check(None);
    d.extend(more);
    let root = yaml(&text, number, &mut Diagnostics::default()).unwrap();
    let (key, value) = place(&root, path);
    let is_inside = |span: Span| span.start >= key.start && span.end <= value.span.end;
    let errors = d.into_iter().filter(|one| one.severity == Severity::Error);
    errors.filter(|one| one.span.is_some_and(is_inside)).collect()
}

/// Returns the values that a help says to write for a field.
fn proposed(help: &str, field: &str) -> Vec<String> {
    if !help.to_ascii_lowercase().contains("write ") {
        return Vec::new();
    }
    let quoted = help.split('`').skip(1).step_by(2);
    let own = format!("{field}: ");
    quoted.filter_map(|text| Some(text.strip_prefix(&own)?.to_owned())).collect()
}

/// Rules between a single value and others, in addition to those of the schema's tests.
const OF_OTHERS: [&str; 5] = [
    " is not for `aurora-postgresql`",
    "I/O operations",
    "`storage_throughput` needs ",
    "cannot read ",
    " is not a storage type of this engine",
];

/// Returns the errors that are left where a help is followed, at best.
fn left(frame: &Frame, path: &[Step], schema: &Json, text: &str) -> Vec<String> {
    let mut values: Vec<Json> = MEANINGS.iter().map(|all| data(&meant(text, all))).collect();
    // What only the user knows.
    if text == "TEXT" || text == "[TEXT]" {
        values.extend((0..3).map(|seed| generate::value(schema, schema, &mut Dice::new(seed))));
    }
    let mut least: Option<Vec<String>> = None;
    for value in values {
        let is_single = !value.is_object() && !value.is_array();
        let of_others = |message: &str| {
            is_single
                && (is_between_values(message)
                    || OF_OTHERS.iter().any(|part| message.contains(part)))
        };
        let errors = at(&frame.with(path, &value), path);
        let errors = errors.iter().filter(|error| !of_others(&error.message));
        let errors: Vec<String> = errors.map(|error| error.message.clone()).collect();
        if least.as_ref().is_none_or(|least| errors.len() < least.len()) {
            least = Some(errors);
        }
    }
    least.unwrap_or_default()
}

/// Every help of the form "write `...`" for a wrong kind of value of every field is followed, and there is always a
/// help.
#[test]
fn what_a_help_says_to_write_is_right() {
    let mut all = Vec::new();
    paths(&schema(), &[], &mut all);
    assert!(all.len() > 300, "{}", all.len());
    let frame = Frame::new();
    let wrong = [
        json!("a b"),
        json!("no"),
        json!("30 days"),
        json!(7),
        json!(-1),
        json!(true),
        json!([]),
        json!(["x"]),
        json!([["x"]]),
        json!({"x": "y"}),
        json!(null),
    ];
    let (mut known, mut bad) = (BTreeMap::new(), BTreeSet::new());
    for (path, schema) in &all {
        let Some(Step::Field(field)) = path.last() else { continue };
        for value in &wrong {
            for error in at(&frame.with(path, value), path) {
                let help = error.help.clone().unwrap_or_default();
                let is_kind =
                    error.message.starts_with("expected ") && error.message.contains(", found ");
                if is_kind && help.is_empty() {
                    bad.insert(format!("{path:?} {value}: {}: no help", error.message));
                }
                for text in proposed(&help, field) {
                    let left = known
                        .entry((format!("{path:?}"), text.clone()))
                        .or_insert_with(|| left(&frame, path, schema, &text));
                    if !left.is_empty() {
                        bad.insert(format!(
                            "{path:?} {value}: {}: {text}: {left:?}",
                            error.message
                        ));
                    }
                }
            }
        }
    }
    assert!(known.len() > 400, "{}", known.len());
    assert!(bad.is_empty(), "{}\n{}", bad.len(), bad.into_iter().collect::<Vec<_>>().join("\n"));
}

/// Returns what `validate` says about a configuration: each message with its help.
fn told(text: &str) -> String {
    let mut sources = Sources::new();
    let number = sources.add("a.yaml", text);
    let mut d = Diagnostics::default();
    let mut loaded = from_sources(sources, &[number], &Given::new(), &mut d);
    let (_, more) = loaded.check(None);
    d.extend(more);
    let lines =
        d.iter().map(|one| format!("{}; {}", one.message, one.help.as_deref().unwrap_or_default()));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_yes_or_no_in_other_words_is_never_turned_round() {
    for (value, help) in [
        ("\"no\"", "write `protect: false`"),
        ("off", "write `protect: false`"),
        ("\u{201c}false\u{201d}", "write `protect: false`"),
        ("[false]", "write `protect: false`"),
        ("0", "write `protect: false`"),
        ("\"yes\"", "write `protect: true`"),
        ("On", "write `protect: true`"),
        ("maybe", "write `protect: true`, or `protect: false`"),
        ("{a: b}", "write `protect: true`, or `protect: false`"),
    ] {
        let found = told(&format!("stack: s\nkeys: {{a: {{protect: {value}}}}}\n"));
        assert!(found.ends_with(&format!("; {help}")), "{value}: {found}");
    }
    let found = told("stack: s\nkeys: {a: {rotation: off}, b: {enable_key_rotation: false}}\n");
    assert_eq!(found.matches("rite `rotation: {enabled: false}`").count(), 2, "{found}");
}

/// Checks that the report about a configuration is one error with this help.
#[track_caller]
fn expect(text: &str, help: &str) {
    let found = told(&format!("stack: s\nregion: eu-west-1\n{text}\n"));
    assert!(found.contains(help), "{text}\n{found}");
    assert_eq!(found.lines().count(), 1, "{text}\n{found}");
}

#[test]
fn a_field_of_another_record_leads_to_its_own() {
    for (text, help) in [
        (
            "keys: {a: {users: [role/x]}}",
            "`users` belongs in `policy`: write `policy: {users: [role/NAME]}`",
        ),
        (
            "keys: {a: {document: x.json}}",
            "`document` belongs in `policy`: write `policy: {document: policy.json}`",
        ),
        (
            "keys: {a: {operations: [Decrypt]}}",
            "`operations` belongs in `grants.NAME`: write `grants: {NAME: {grantee: role/NAME, operations: [Decrypt]}}`",
        ),
        (
            "keys: {a: {period_days: 100}}",
            "`period_days` belongs in `rotation`: write `rotation: {period_days: 100}`",
        ),
        (
            "keys: {app: {}, enable_key_rotation: maybe}",
            "Write `rotation: {period_days: 365}` under",
        ),
        ("keys: {a: {ownership: shared}}", "write `policy: {ownership: shared}`"),
        ("keys: {a: {deletion_protection: true}}", "did you mean `protect`?"),
        (
            "policy: {users: [role/x]}",
            "write `keys: {NAME: {policy: {administrators: [role/NAME], users: [role/NAME]}}}`",
        ),
        (
            "grants: {g: {}}",
            "write `keys: {NAME: {grants: {NAME: {grantee: role/NAME, operations: [Decrypt]}}}}`",
        ),
        (
            "aliases: {a: app}",
            "`aliases` belongs in `keys.NAME`: write `keys: {NAME: {aliases: [NAME]}}`",
        ),
        (
            "tags: {a: b}",
            "`tags` belongs in `defaults`: write `defaults: {tags: {team: payments}}`",
        ),
        ("key: {a: {}}", "did you mean `keys`?"),
        ("aws_kms_key_policy: {}", "did you mean `keys`?"),
        ("keys: {}\naws_kms_alias: {}", "did you mean `keys`?"),
        ("base: {description: x}", "known fields: stack"),
        (
            "keys: {a: {}}\ns3: {buckets: {b: {key: a}}}",
            "write `existing: BUCKET`: kmsctl creates no buckets",
        ),
        ("aws_ebs_default_kms_key: {}", "did you mean `ebs`?"),
        ("aws_iam_service_linked_role: {}", "did you mean `service_linked_roles`?"),
        ("outputs: {}", "remove it: `kmsctl output` prints the ARNs"),
        ("module: {}", "`-f` takes a folder"),
        ("keys: {a: {depends_on: [x]}}", "the order follows from the references"),
        ("keys: {a: {}}\nebs: {data: {size_gib: 20, key: a}}", "indent `data` under `volumes:`"),
        ("keys: {a: {}}\ncloudtrail: {t: {bucket: b, key: a}}", "indent `t` under `trails:`"),
        ("keys: {enable_key_rotation: true}", "Write `NAME: {rotation: {period_days: 365}}`."),
        (
            "keys:\n  app:\n    tags: {a: b}\n  enable_key_rotation: false",
            "did you mean `rotation`? Write `rotation: {enabled: false}` under `app:`.",
        ),
        ("keys:\n  app:\n    description:x", "write a space after the colon: `description: VALUE`"),
    ] {
        expect(text, help);
    }
}

#[test]
fn what_follows_from_an_unknown_field_is_not_told() {
    let table =
        |fields: &str| format!("keys: {{app: {{}}}}\ndynamodb: {{tables: {{abc: {{{fields}}}}}}}");
    let key = "partition_key: {name: id, type: S}";
    expect(&table(&format!("{key}, kms_key_id: app")), "did you mean `key`?");
    expect(&table("hash_key: id, key: app"), "did you mean `partition_key`?");
    expect(
        &table(&format!("{key}, key: app, server_side_encryption: true")),
        "`key` is given already: remove `server_side_encryption`",
    );
    let found = told("Stack: s\nkeys: {a: {}}\n");
    assert_eq!(found, "unknown field `Stack`; did you mean `stack`?");
    // Another field that is missing is told.
    let found = told(&format!("stack: s\n{}\n", table("kms_key_id: app")));
    assert!(
        found.contains("`partition_key` is not given") && found.lines().count() == 2,
        "{found}"
    );
    let found = told("stack: s\nkeys: {a: {grants: {g: {grantee_principal: role/x}}}}\n");
    assert!(!found.contains("missing field `grantee`"), "{found}");
    assert!(found.contains("missing field `operations`; write `operations: [Decrypt]`"), "{found}");
}

#[test]
fn a_reference_to_a_key_in_another_form_leads_to_its_name() {
    let volume = |key: &str| {
        format!(
            "keys: {{app: {{}}}}\nebs: {{volumes: {{v: {{availability_zone: eu-west-1a, size_gib: 20, key: '{key}'}}}}}}"
        )
    };
    for key in ["key/app", "keys.app", "key.app", "${aws_kms_key.app.arn}", "ap"] {
        expect(&volume(key), "did you mean `app`?");
    }
    // The key of a volume cannot be removed, and that of a table can.
    for key in ["aws/ebs", "alias/aws/ebs"] {
        let found = told(&format!("stack: s\nregion: eu-west-1\n{}\n", volume(key)));
        assert!(found.ends_with("name a customer managed key, such as one of `keys`"), "{found}");
    }
    for key in ["aws/dynamodb", "alias/aws/dynamodb"] {
        expect(
            &format!(
                "dynamodb: {{tables: {{abc: {{partition_key: {{name: id, type: S}}, key: {key}}}}}}}"
            ),
            "set `key: null`, or name a customer managed key",
        );
    }
    expect(&volume("other"), "name one of `keys`, or give an ARN or an alias");
}

#[test]
fn a_wrong_value_hides_no_other() {
    let found = told(
        "stack: s\nregion: eu-west-1\nkeys: {app: {}}\nrds: {instances: {db: {engine: postgres, instance_class: x, \
         allocated_storage_gib: 20, master_username: admin2, master_password: short, key: app}}}\n",
    );
    assert!(found.contains("must not contain a master password"), "{found}");
    assert!(found.contains("`x` is not an instance class of RDS"), "{found}");
    assert!(!found.contains("`master_password` is not given"), "{found}");
}

#[test]
fn ids_and_principals_are_checked_without_aws() {
    for id in ["mrk-123", "mrk-1234abcd12ab34cd56ef1234567890az", "mrk-"] {
        expect(
            &format!("keys: {{a: {{adopt: {id}}}}}"),
            "write `alias/NAME`, the id of a key, or its ARN",
        );
    }
    let id = "mrk-1234abcd12ab34cd56ef1234567890ab";
    let text = format!("stack: s\nregion: eu-west-1\nkeys: {{a: {{adopt: {id}}}}}\n");
    assert_eq!(told(&text), "");
    for principal in
        ["role/App ", "arn:aws:iam::111122223333:role/App ", " role/App", "role/App\\n"]
    {
        let text = format!("keys: {{a: {{policy: {{users: [\"{principal}\"]}}}}}}");
        let found = told(&format!("stack: s\n{text}\n"));
        assert!(
            found.contains("begins or ends with a blank; remove the blank"),
            "{principal}: {found}"
        );
    }
}

#[test]
fn a_text_that_is_no_map_leads_to_one() {
    for (text, help) in [
        ("[a]", "write each field as `NAME: VALUE`, such as `stack: payments-prod`"),
        ("resource aws_kms_key", "`kmsctl init` writes a first configuration"),
        ("stack:s", "write a space after the colon: `stack: VALUE`"),
    ] {
        let found = told(text);
        assert!(found.contains(help), "{text}: {found}");
    }
    // What follows a colon without a space may be a secret.
    let found = told("stack: s\nrds: {instances: {db: \"master_password:hunter22\"}}\n");
    assert!(found.contains("a space after the colon") && !found.contains("hunter22"), "{found}");
}
