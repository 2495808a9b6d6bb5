//! Tests of loading: names, variables, files, and texts that are anything.
use std::fs;

use proptest::prelude::*;

use super::resolve_tests::{STORAGE, all, here, report};
use super::*;
use crate::kind::Spec;

#[test]
fn policies_are_checked() {
    insta::assert_snapshot!(report(
        "keys:\n  a: {policy: {document: {Version: \"2012-10-17\", Statement: []}, users: [root], allow_lockout: \"\"}}\n  b: {policy: {statements: [{Effect: Alow, Principal: \"*\", Action: \"kms:*\", Resource: \"*\"}]}}\n  c: {policy: {document: gone.json}}\n"
    ), @r##"
    error: `Statement` is empty
     --> a.yaml:3:61
      |
    3 |   a: {policy: {document: {Version: "2012-10-17", Statement: []}, users: [root], allow_lockout...
      |                                                             ^
      |
      = help: a key policy needs at least one statement

    error: `users` and `document` exclude each other
     --> a.yaml:3:73
      |
    3 |   a: {policy: {document: {Version: "2012-10-17", Statement: []}, users: [root], allow_lockout...
      |                          ------------------------------------           ^^^^^
      |                          |
      |                          the whole policy is here
      |
      = help: put the statements into the document, or remove it

    error: `allow_lockout` gives no reason
     --> a.yaml:3:96
      |
    3 | ...atement: []}, users: [root], allow_lockout: ""}}
      |                                                ^^
      |
      = help: write the reason why only the named principals can change the policy

    error: `Alow` is not an effect
     --> a.yaml:4:38
      |
    4 |   b: {policy: {statements: [{Effect: Alow, Principal: "*", Action: "kms:*", Resource: "*"}]}}
      |                                      ^^^^
      |
      = help: write `Allow` or `Deny`, spelled exactly so

    error: cannot read gone.json: there is no such file or folder
     --> a.yaml:5:26
      |
    5 |   c: {policy: {document: gone.json}}
      |                          ^^^^^^^^^
      |
      = help: the path is relative to the folder of a.yaml

    5 errors.
    "##);
}

#[test]
fn names_fields_and_references_are_checked() {
    insta::assert_snapshot!(report(
        "vars: {a: b}\nkeys:\n  \"a b\": {}\n  c: {descriptoin: x, ownership: shared, description: \"${var.z}\"}\nremoved:\n  - {address: keys/x, action: forget}\n  - {address: key/c, action: delete}\n  - {address: key/c, action: forget}\n"
    ), @r##"
    error: `a b` is not a name
     --> a.yaml:4:3
      |
    4 |   "a b": {}
      |   ^^^^^
      |
      = help: use 1 to 64 letters, digits, `_` and `-` (kmsctl writes names into tags and grant names)

    error: unknown field `descriptoin`
     --> a.yaml:5:7
      |
    5 |   c: {descriptoin: x, ownership: shared, description: "${var.z}"}
      |       ^^^^^^^^^^^
      |
      = help: `description` is given already: remove `descriptoin`

    error: unknown field `ownership`
     --> a.yaml:5:23
      |
    5 |   c: {descriptoin: x, ownership: shared, description: "${var.z}"}
      |                       ^^^^^^^^^
      |
      = help: `ownership` belongs in `policy`: write `policy: {ownership: shared}`

    error: unknown variable `${var.z}`
     --> a.yaml:5:55
      |
    5 |   c: {descriptoin: x, ownership: shared, description: "${var.z}"}
      |                                                       ^^^^^^^^^^
      |
      = help: declare it under `vars`

    error: `keys` is not a kind of resource: did you mean `key`?
     --> a.yaml:7:15
      |
    7 |   - {address: keys/x, action: forget}
      |               ^^^^^^
      |
      = help: write the address as `kmsctl plan` shows it, such as `key/legacy`

    error: `key/c` is not the ARN of a key
     --> a.yaml:8:15
      |
    8 |   - {address: key/c, action: delete}
      |               ^^^^^
      |
      = help: `action: delete` deletes a duplicate key, by the ARN that `kmsctl plan` shows; to delete any other resource, apply it with `protect: false`, and then remove its declaration

    error: `key/c` is both declared and removed
     --> a.yaml:9:15
      |
    5 |   c: {descriptoin: x, ownership: shared, description: "${var.z}"}
      |   - declared here
    ...
    9 |   - {address: key/c, action: forget}
      |               ^^^^^
      |
      = help: remove one of the two

    7 errors.
    "##);
}

#[test]
fn the_stack_and_its_account_are_checked() {
    let (_, report) = all(
        &[("a.yaml", "stack: a b\naccount: 444455556666\nregion: \"${aws.region}\"\nkeys: {}\n")],
        &[],
    );
    insta::assert_snapshot!(report, @r##"
    error: `a b` is not a name
     --> a.yaml:1:8
      |
    1 | stack: a b
      |        ^^^
      |
      = help: use 1 to 64 letters, digits, `_` and `-` (kmsctl writes names into tags and grant names)

    error: the stack belongs to account 444455556666, but the credentials belong to account 111122223333
     --> a.yaml:2:10
      |
    2 | account: 444455556666
      |          ^^^^^^^^^^^^
      |
      = help: use a profile of that account (`--profile`, AWS_PROFILE)

    error: `region` must be known before anything is asked of AWS
     --> a.yaml:3:9
      |
    3 | region: "${aws.region}"
      |         ^^^^^^^^^^^^^^^
      |
      = help: only `${var.NAME}` can be used in `stack`, `account` and `region`

    3 errors.
    "##);
    insta::assert_snapshot!(all(&[("a.yaml", "keys: {}\n")], &[]).1, @r##"
    error: missing field `stack`
     --> a.yaml:1:1
      |
    1 | keys: {}
      | ^
      |
      = help: name the stack, such as `stack: payments-prod`
    "##);
}

#[test]
fn variables_come_from_the_command_line() {
    let text = "stack: \"${var.name}\"\nvars: {name: ~, days: 7}\ndefaults: {deletion_window_days: \"${var.days}\"}\nkeys: {k: {}}\n";
    let (desired, _) = all(&[("a.yaml", text)], &[("name", "s"), ("days", "9")]);
    let desired = desired.unwrap();
    assert_eq!(desired.stack.as_str(), "s");
    let Spec::Key(key) = &desired.resources[&"key/k".parse().unwrap()].spec else { panic!() };
    assert_eq!(key.deletion_window_days, 9);
    insta::assert_snapshot!(all(&[("a.yaml", text)], &[("naem", "s")]).1, @r##"
    error: `--var naem`: the variable is not declared
     |
     = help: did you mean `name`?

    error: `name` has no value
     --> a.yaml:2:8
      |
    2 | vars: {name: ~, days: *}
      |        ^^^^
      |
      = help: set one with `--var name=VALUE` or `--var-file`

    2 errors.
    "##);
}

#[test]
fn several_files_are_one_configuration() {
    let files = [
        ("a.yaml", "stack: s\naccount: 111122223333\nkeys: {a: {}}\n"),
        ("b.yaml", "stack: s\naccount: \"111122223333\"\nkeys: {b: {}}\n"),
        ("c.yaml", ""),
    ];
    let (desired, report) = all(&files, &[]);
    assert_eq!((desired.unwrap().resources.len(), report.as_str()), (2, ""));
    let table = |name: &str| {
        format!(
            "dynamodb: {{tables: {{{name}: {{key: a, partition_key: {{name: id, type: S}}}}}}}}\n"
        )
    };
    let (one, two) = (table("one"), table("two"));
    let group = "auto_scaling: {groups: {g: {key: a, service_linked_role: assume}}}\n";
    let lint = "lint: {waivers: [{rule: KMS601, address: key/a, reason: x, until: 2099-01-01}]}\n";
    let files = [
        ("a.yaml", "stack: s\nkeys: {a: {}, b: {}}\n"),
        ("b.yaml", &format!("{one}ebs: {{default: {{key: a}}}}\n{lint}")),
        (
            "c.yaml",
            &format!("{two}ebs: {{volumes: {{}}}}\n{group}{}", lint.replace("key/a", "key/b")),
        ),
        ("d.yaml", &format!("{}{}", table("three"), group.replace("{g:", "{h:"))),
    ];
    let (desired, report) = all(&files, &[]);
    assert_eq!(report, "");
    let names: Vec<String> = desired.unwrap().resources.keys().map(ToString::to_string).collect();
    for name in ["dynamodb_table/one", "dynamodb_table/two", "dynamodb_table/three", "ebs_default"]
    {
        assert!(names.iter().any(|known| known == name), "{names:?}");
    }
    let files = [
        ("a.yaml", "stack: s\nkeys: {a: {}}\n"),
        ("b.yaml", &format!("{one}ebs: {{default: {{key: a}}}}\n")),
        ("c.yaml", &format!("{one}ebs: {{default: {{encryption: true}}}}\n")),
    ];
    let report = all(&files, &[]).1;
    for twice in ["`dynamodb.tables.one` is declared twice", "`ebs.default` is declared twice"] {
        assert!(report.contains(twice), "{report}");
    }
    let files = [
        ("a.yaml", "stack: s\nvars: {v: 1}\nkeys:\n  a: {}\n"),
        ("b.yaml", "stack: t\nvars: {v: 2}\nkeys:\n  a: {tags: [x]}\n"),
    ];
    insta::assert_snapshot!(all(&files, &[]).1, @r##"
    error: `stack` is declared twice
     --> b.yaml:1:8
      |
    1 | stack: t
      |        ^ and another here
      |
     --> a.yaml:1:8
      |
    1 | stack: s
      |        - one value here
      |
      = help: all files of a configuration declare one stack

    error: `vars.v` is declared twice
     --> b.yaml:2:8
      |
    2 | vars: {v: *}
      |        ^ again here
      |
     --> a.yaml:2:8
      |
    2 | vars: {v: *}
      |        - first declared here

    error: `keys.a` is declared twice
     --> b.yaml:4:3
      |
    4 |   a: {tags: [x]}
      |   ^ again here
      |
     --> a.yaml:4:3
      |
    4 |   a: {}
      |   - first declared here

    3 errors.
    "##);
}

#[test]
fn values_of_variables_come_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let text = "stack: s\nvars: {a: null, b: null, c: 3}\n\
                keys: {k: {description: \"${var.a} ${var.b} ${var.c}\"}}\n";
    let config = write("kmsctl.yaml", text);
    let first = write("first.yaml", "a: 012\nb: x\n");
    let second = write("second.yaml", "b: y\nc: ${var.a}\n");
    let run = |var_files: &[&std::path::PathBuf]| {
        let var_files = var_files.iter().map(|path| (*path).clone()).collect();
        let vars = [("c".to_owned(), "z".to_owned())].into();
        let input = Input { paths: vec![config.clone()], vars, var_files, gates: None };
        let (mut loaded, mut d) = load(&input);
        let (desired, more) = loaded.resolve(&here());
        d.extend(more);
        (desired, d.render(&loaded.sources, false, None))
    };
    let (desired, report) = run(&[&first, &second]);
    assert_eq!(report, "");
    let key = desired.unwrap().resources.remove(&"key/k".parse().unwrap()).unwrap();
    assert_eq!(key.spec.as_key().unwrap().description.as_deref(), Some("012 y z"));
    let unknown = write("unknown.yaml", "a: 1\nbb: 2\n");
    let (_, report) = run(&[&unknown]);
    assert!(
        report.contains("the variable `bb` is not declared") && report.contains(":2:1"),
        "{report}"
    );
    for text in [
        "a: [1, hunter2]\n",
        "a: hunter2\na: hunter3\n",
        "a: hunter2\nb: @hunter2\n",
        "- hunter2\n",
    ] {
        let report = run(&[&write("wrong.yaml", text)]).1;
        assert!(report.contains("wrong.yaml:") && !report.contains("hunter2"), "{report}");
    }
    assert!(run(&[&folder.path().join("none.yaml")]).1.contains("none.yaml"));
}

#[test]
fn a_policy_can_be_a_block_of_json_text() {
    let policy = |action: &str| {
        format!(
            "stack: s\naccount: \"111122223333\"\nkeys:\n  k:\n    policy:\n      document: |\n        {{\n          \
             \"Version\": \"2012-10-17\",\n          \"Statement\": {{\"Sid\": \"Root\", \"Effect\": \"Allow\", \
             \"Principal\": {{\"AWS\": \"${{aws.account_id}}\"}},\n            \"Action\": \"{action}\", \
             \"Resource\": \"*\"}}\n        }}\n"
        )
    };
    let (desired, report) = all(&[("a.yaml", &policy("kms:*"))], &[]);
    assert_eq!(report, "");
    let key = desired.unwrap().resources.remove(&"key/k".parse().unwrap()).unwrap();
    assert!(key.spec.policy().unwrap().to_json().contains("111122223333"));
    let report = all(&[("a.yaml", &policy("kms:\"*"))], &[]).1;
    assert!(report.contains("a.yaml (policy at line 7):4:"), "{report}");
}

#[test]
fn a_malformed_document_is_shown_in_its_own_file() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("kmsctl.yaml");
    fs::write(
        &config,
        "stack: s\nkeys: {k: {policy: {document: p.json, allow_lockout: a test}}}\n",
    )
    .unwrap();
    let run = |policy: &str| {
        fs::write(folder.path().join("p.json"), policy).unwrap();
        let (mut loaded, d) = load(&Input { paths: vec![config.clone()], ..Input::default() });
        assert!(d.is_empty());
        let (desired, d) = loaded.resolve(&here());
        let report = d.render(&loaded.sources, false, None);
        (desired, report.replace(&folder.path().display().to_string(), "DIR"))
    };
    insta::assert_snapshot!(run("{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [,]\n}\n").1, @r##"
    error: malformed JSON: expected a value, found `,`
     --> DIR/p.json:3:17
      |
    3 |   "Statement": [,]
      |                 ^
      |
      = help: write a value before the comma, or remove it
    "##);
    let root = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:${aws.partition}:iam::${aws.account_id}:root"}, "Action": "kms:ListKeys", "Resource": "*"}]}"#;
    let (desired, report) = run(root);
    assert_eq!(report, "");
    let desired = desired.unwrap();
    let dead =
        desired.findings.iter().find(|(_, finding)| finding.rule.slug == "action-without-effect");
    assert_eq!(dead.unwrap().0.to_string(), "key/k");
}

#[test]
fn the_schema_contains_every_field() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(
        schema["required"],
        serde_json::json!([]),
        "a part of a configuration names no stack"
    );
    let key = &schema["properties"]["keys"]["additionalProperties"]["properties"];
    assert_eq!(key.as_object().unwrap().len(), 22);
    assert_eq!(schema["additionalProperties"], false);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_text_panics(text in "\\PC{0,200}", at in 0..STORAGE.len(), more in "[-a-z:{}\\[\\]\"'$&*!|>#%@, \\n0-9]{0,12}") {
        let _unused = all(&[("a.yaml", &text)], &[]);
        let mut edited = STORAGE.to_owned();
        edited.insert_str(edited.floor_char_boundary(at), &more);
        let _unused = all(&[("a.yaml", &edited)], &[]);
        edited.truncate(edited.floor_char_boundary(at));
        let _unused = all(&[("a.yaml", &edited)], &[]);
    }
}

#[test]
fn moved_keys_are_checked() {
    let head = "stack: s\nkeys: {new: {}, other: {}}\n";
    let found = |moved: &str| {
        let text = format!("{head}moved: [{moved}]\n");
        all(&[("a.yaml", &text)], &[]).1
    };
    assert_eq!(found("{from: key/old, to: key/new}"), "");
    for (moved, expected) in [
        ("{from: key/old, to: key/gone}", "`key/gone` is not declared"),
        ("{from: key/other, to: key/new}", "`key/other` is both declared and moved"),
        ("{from: alias/a, to: key/new}", "`alias/a` cannot be moved: only keys can"),
        ("{from: key/old/eu-west-1, to: key/new}", "cannot be moved: only keys can"),
        ("{from: old, to: key/new}", "`old`"),
        ("{from: key/a, to: key/new}, {from: key/b, to: key/new}", "is moved twice"),
    ] {
        let report = found(moved);
        assert!(report.contains(expected), "{moved}: {report}");
    }
}

#[test]
fn a_configuration_does_not_say_where_its_state_is() {
    insta::assert_snapshot!(report("state: s3://bucket/prefix\nkeys: {a: {}}\n"), @r#"
    error: the configuration cannot say where its state is
     --> a.yaml:2:1
      |
    2 | state: s3://bucket/prefix
      | ^^^^^
      |
      = help: a change of the configuration could replace the record of what was applied; whoever runs kmsctl names the place with `--state` or KMSCTL_STATE
    "#);
}
