//! Tests of the YAML reader.
use super::*;
use proptest::prelude::*;

/// A node as one line, with the source text every scalar's span covers.
fn show(text: &str) -> String {
    fn one(text: &str, node: &Node, out: &mut String) {
        let covered = &text[node.span.start as usize..node.span.end as usize];
        match &node.value {
            Value::List(items) => {
                out.push('[');
                items.iter().for_each(|item| one(text, item, out));
                out.push(']');
            }
            Value::Map(entries) => {
                out.push('{');
                for entry in entries {
                    let key = &text[entry.key_span.start as usize..entry.key_span.end as usize];
                    out.push_str(&format!("{}<{key}>=", entry.key));
                    one(text, &entry.value, out);
                }
                out.push('}');
            }
            scalar => out.push_str(&format!("{scalar:?}<{covered}> ")),
        }
    }
    let mut out = String::new();
    one(text, &read(text).unwrap(), &mut out);
    out
}

fn report(text: &str) -> String {
    let mut sources = Sources::new();
    let source = sources.add("a.yaml", text);
    let mut diagnostics = Diagnostics::default();
    yaml(text, source, &mut diagnostics);
    diagnostics.render(&sources, false, None)
}

/// The data, where nothing is wrong with it.
fn read(text: &str) -> Result<Node, Diagnostics> {
    let mut d = Diagnostics::default();
    match yaml(text, 0, &mut d) {
        Some(node) if d.is_empty() => Ok(node),
        Some(_) | None => Err(d),
    }
}

#[test]
fn scalars_keep_their_text_and_spans() {
    insta::assert_snapshot!(show("ä: 1.10 # c\nb: 012345678901\nc: \"7\"\nd: yes\ne: [true, ~, -3, 1_0, null]\nf:\n"), @r##"{ä<ä>=Number("1.10")<1.10> b<b>=Number("012345678901")<012345678901> c<c>=Text("7")<"7"> d<d>=Text("yes")<yes> e<e>=[Bool(true)<true> Null<~> Number("-3")<-3> Text("1_0")<1_0> Null<null> ]f<f>=Null<> }"##);
    insta::assert_snapshot!(show("- 'é x'\n- 鍵: on\n  1: 99999999999999999999\n- |\n  block\n"), @r##"[Text("é x")<'é x'> {鍵<鍵>=Text("on")<on> 1<1>=Number("99999999999999999999")<99999999999999999999> }Text("block\n")<block> ]"##);
    insta::assert_snapshot!(show("a: &x {k: 1}\nb: *x\nc: {<<: *x, l: 2}\nd: {<<: *x, k: 3}\n"), @r##"{a<a>={k<k>=Number("1")<1> }b<b>={k<k>=Number("1")<1> }c<c>={l<l>=Number("2")<2> k<k>=Number("1")<1> }d<d>={k<k>=Number("3")<3> }}"##);
}

#[test]
fn an_empty_document_is_an_empty_map() {
    for text in ["", "\n", "# only a comment\n", "---\n", "~\n"] {
        assert_eq!(read(text).unwrap().value, Value::Map(vec![]), "{text:?}");
    }
}

#[test]
fn a_duplicate_key_is_reported_with_both_positions() {
    insta::assert_snapshot!(report("a: 1\nb: 2\n\"a\": {c: 1, c: 2}\n"), @r##"
    error: the key `a` is given twice
     --> a.yaml:3:1
      |
    1 | a: 1
      | - first given here
    2 | b: 2
    3 | "a": {c: 1, c: 2}
      | ^^^ given again here
      |
      = help: keep one of the two

    error: the key `c` is given twice
     --> a.yaml:3:13
      |
    3 | "a": {c: 1, c: 2}
      |       -     ^ given again here
      |       |
      |       first given here
      |
      = help: keep one of the two

    2 errors.
    "##);
}

#[test]
fn exceeded_limits_are_explained() {
    let first = |text: &str| {
        let Err(errors) = read(text) else { return "accepted".to_owned() };
        let error = errors.into_iter().next().unwrap();
        format!("{}; {}", error.message, error.help.unwrap_or_default())
    };
    let values = |count: usize| vec!["x"; count].join(",");
    let repeated = format!("a: &a [{}]\nb: [{}]\n", values(1000), vec!["*a"; 200].join(","));
    let anchors: String = (0..1100).map(|n| format!("a{n}: &a{n} 1\n")).collect();
    let texts = [
        repeated,
        "- ".repeat(100),
        format!("a: &a 1\nb: [{}]\n", vec!["*a"; 11_000].join(",")),
        anchors,
        "- 1\n".repeat(600_000),
        "a: 1\n---\nb: 2\n".to_owned(),
    ];
    let told: Vec<String> = texts.iter().map(|text| first(text)).collect();
    insta::assert_snapshot!(told.join("\n"), @r##"
    the aliases of this file repeat more than 100000 values; use fewer aliases, or put what they repeat into `defaults`
    lists and maps are nested deeper than 64; nest less
    more than 10000 aliases in a file; use fewer aliases, or put what they repeat into `defaults`
    more than 1000 anchors in a file; split it into several files: `-f` takes a folder
    more than 500000 values in a file; split it into several files: `-f` takes a folder
    more than one document in a file; write one file for each document
    "##);
}

#[test]
fn one_anchor_can_be_used_by_many_keys() {
    let keys: String = (0..1000).map(|n| format!("k{n}: *policy\n")).collect();
    assert!(read(&format!("p: &policy {{a: 1}}\n{keys}")).is_ok());
}

#[test]
fn invalid_texts_are_reported_at_the_position_of_the_error() {
    insta::assert_snapshot!(report("a: 1\nb: [1, 2\nc: 3\n"), @r##"
    error: a `:` cannot follow here
     --> a.yaml:3:2
      |
    3 | c: 3
      |  ^
      |
      = help: close the brackets and quotes on the lines above, and quote a text that contains `:`
    "##);
    insta::assert_snapshot!(report("a: 1\n---\nb: 2\n"), @r##"
    error: more than one document in a file
     --> a.yaml:2:1
      |
    2 | ---
      | ^^^
      |
      = help: write one file for each document
    "##);
    insta::assert_snapshot!(report("a: !secret x\n"), @r##"
    error: `!` begins a tag of YAML, and the configuration has none
     --> a.yaml:1:12
      |
    1 | a: !secret *
      |            ^
      |
      = help: remove the tag, or quote the value if it is text
    "##);
    insta::assert_snapshot!(report("a: x\0y\n"), @r##"
    error: the text has a NUL character
     --> a.yaml:1:5
      |
    1 | a: x y
      |     ^
    "##);
    insta::assert_snapshot!(report("a: *nowhere\n"), @r##"
    error: `*` begins an alias of YAML, and there is no anchor with this name
     --> a.yaml:1:4
      |
    1 | a: *nowhere
      |    ^
      |
      = help: quote the value if it is text, such as `"*"`; an anchor is defined before it is used: `&NAME`
    "##);
    assert!(read("? [1]\n: 2\n").is_err());
}

#[test]
fn hostile_texts_are_errors() {
    let mut laughs = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for i in 1..12 {
        let before = format!("*a{}", i - 1);
        laughs.push_str(&format!("a{i}: &a{i} [{}]\n", [before.as_str(); 9].join(",")));
    }
    let deep = "[".repeat(100_000);
    let deep_map = "{a: ".repeat(100_000);
    let dashes = "- ".repeat(100_000);
    let keys = "? ".repeat(100_000);
    let many = "- 1\n".repeat(600_000);
    let cyclic = "a: &a [*a]\n".to_owned();
    for text in [laughs, deep, deep_map, dashes, keys, many, cyclic] {
        assert!(read(&text).is_err());
    }
}

fn inside(text: &str, node: &Node) {
    let check = |span: Span| {
        assert!(text.get(span.start as usize..span.end as usize).is_some(), "{span:?} {text:?}");
    };
    check(node.span);
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| inside(text, item)),
        Value::Map(entries) => entries.iter().for_each(|entry| {
            check(entry.key_span);
            inside(text, &entry.value);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
    }
}

proptest! {
    #[test]
    fn any_text_is_parsed_without_panic_and_spans_lie_inside(text in "([-\\[\\]{}:,&*!?|>'\"#% a0-9.~<\n\tä鍵\u{feff}\r]|\\PC){0,60}") {
        let mut d = Diagnostics::default();
        if let Some(node) = yaml(&text, 0, &mut d) {
            inside(&text, &node);
        } else {
            prop_assert!(d.has_errors());
        }
        for span in d.iter().filter_map(|diagnostic| diagnostic.span) {
            prop_assert!(text.get(span.start as usize..span.end as usize).is_some());
        }
    }

    #[test]
    fn a_written_map_is_read_back(entries in proptest::collection::btree_map("[a-zä鍵]{1,8}", "[a-z ]{0,8}[0-9é]", 0..8)) {
        let text: String = entries.iter().map(|(k, v)| format!("\"{k}\": \"{v}\"\n")).collect();
        let node = read(&text).unwrap();
        inside(&text, &node);
        let Value::Map(read) = node.value else { panic!() };
        prop_assert_eq!(read.len(), entries.len());
        for entry in read {
            prop_assert_eq!(&Value::Text(entries[&entry.key].clone()), &entry.value.value);
        }
    }
}

/// Whatever is wrong in a text, the error says what to do, in words of its own.
#[test]
fn every_error_of_the_parser_is_explained() {
    let base = "stack: m\nkeys:\n  app:\n    description: \"text\"\n    aliases: [a, b]\n    tags: {a: b, c: 'd'}\n    \
                policy:\n      document: |\n        {}\n      users:\n        - role/x\n";
    let mut texts = Vec::new();
    for (at, _) in base.char_indices() {
        for piece in [
            "", ":", ": ", ",", "[", "]", "{", "}", "\"", "'", "*", "&", "!", "|", "- ", "\n",
            "\t", "@", "%", "\\", "?", "x",
        ] {
            texts.push(format!(
                "{}{piece}{}",
                &base[..at],
                &base[at + usize::from(piece.is_empty())..]
            ));
        }
    }
    let (mut wrong, mut raw) = (0, std::collections::BTreeMap::new());
    for text in &texts {
        let mut d = Diagnostics::default();
        if yaml(text, 0, &mut d).is_some() {
            continue;
        }
        wrong += 1;
        for error in &d {
            let help = error.help.as_deref().unwrap_or_default();
            if help.is_empty() || help == yaml_errors::OTHERWISE {
                raw.entry(error.message.clone()).or_insert(text.clone());
            }
        }
    }
    assert!(wrong > 1000, "{wrong}");
    assert!(raw.is_empty(), "{raw:#?}");
}

#[test]
fn a_name_without_its_colon_is_shown() {
    for text in ["keys:\n  app\n    description: x\n", "a:\n  b\n    c: d\n"] {
        let mut d = Diagnostics::default();
        assert!(yaml(text, 0, &mut d).is_none());
        let error = d.iter().next().unwrap();
        let span = error.span.unwrap();
        let name = &text[span.start as usize..span.end as usize];
        assert_eq!(error.message, format!("`{name}` has no `:`"));
        assert!(error.help.as_deref().unwrap().starts_with(&format!("write `{name}:`")));
    }
    let mut d = Diagnostics::default();
    assert!(yaml("a: b\n  c: d\n", 0, &mut d).is_none());
    assert!(d.iter().next().unwrap().message.starts_with("`: ` separates"));
}

#[test]
fn a_text_in_toml_leads_to_yaml() {
    for text in ["[keys.app]\ndescription = \"x\"\n", "stack: s\n[keys.app]\ndescription = \"x\"\n"]
    {
        let mut d = Diagnostics::default();
        assert!(yaml(text, 0, &mut d).is_none(), "{text}");
        let error = d.iter().next().unwrap();
        if text.starts_with('[') {
            assert_eq!(
                error.message,
                "this line is TOML, and the configuration is YAML: a colon follows a name, not `=`"
            );
            assert!(error.help.as_ref().unwrap().starts_with("write `description: VALUE`"));
            assert_eq!(error.span.map(|span| (span.start, span.end)), Some((11, 22)));
        }
    }
}
