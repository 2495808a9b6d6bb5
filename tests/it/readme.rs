//! Checks the README, the explanations and the help: their size, commands, YAML and example plan.

use crate::program::{Stack, top};
use clap::CommandFactory;
use kmsctl::cli::Cli;
use kmsctl::config::{editor_schema, schema};
use kmsctl::decode::Diagnostics;
use kmsctl::policy::lint::RULES;
use kmsctl::render::explain::{GUIDES, explain, reason};
use kmsctl::tree::{Node, Value};
use serde_json::{Value as Json, json};
use std::process::Command;

const LIMIT: usize = 10_240;

/// The placeholders in commands.
const PLACEHOLDERS: [&str; 3] = ["TOPIC", "RULE", "NAME"];

fn readme() -> String {
    std::fs::read_to_string(top().join("README.md")).unwrap()
}

/// Returns the fenced code blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let parts = text.split(&fence).skip(1);
    parts.map(|part| part.split("```").next().unwrap().to_owned()).collect()
}

/// Returns the code spans, which may contain line breaks.
fn spans(text: &str) -> Vec<String> {
    let prose: String =
        text.split("```").step_by(2).flat_map(str::split_whitespace).fold(String::new(), join);
    prose.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Returns the commands in code spans, and in the lines of a guide that are not wrapped.
fn commands(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("  ")).map(str::to_owned);
    let all = spans(text).into_iter().chain(lines);
    all.filter(|span| span.starts_with("kmsctl ")).collect()
}

fn join(text: String, word: &str) -> String {
    text + word + " "
}

fn parse(command: &str) {
    // What a shell does with the output is not part of the command.
    let words =
        command.split_whitespace().take_while(|word| !["|", ">", ">>", "\\"].contains(word));
    if let Err(error) = Cli::command().try_get_matches_from(words.clone()) {
        let shown = [clap::error::ErrorKind::DisplayHelp, clap::error::ErrorKind::DisplayVersion];
        assert!(shown.contains(&error.kind()), "`{command}`: {error}");
    }
    let words: Vec<&str> = words.collect();
    if let ["kmsctl", "explain", topic] = words.as_slice()
        && !PLACEHOLDERS.contains(topic)
    {
        assert!(explain(topic, &schema(), 80).is_ok(), "`{command}`");
    }
}

/// Returns every text that `kmsctl explain` and `kmsctl lint --rules` show.
fn explanations() -> Vec<String> {
    let mut texts: Vec<String> = GUIDES.iter().map(|guide| guide.text.to_owned()).collect();
    for rule in RULES {
        texts.push(rule.help.to_owned());
        texts.extend(reason(rule).map(|reason| reason.why.to_owned()));
    }
    descriptions(&schema(), &mut texts);
    texts
}

fn descriptions(schema: &Json, texts: &mut Vec<String>) {
    match schema {
        Json::Object(entries) => {
            texts.extend(schema["description"].as_str().map(str::to_owned));
            entries.values().for_each(|value| descriptions(value, texts));
        }
        Json::Array(items) => items.iter().for_each(|item| descriptions(item, texts)),
        _ => {}
    }
}

/// Returns the schemas of all fields with a name, or of all sections that have a field with it.
fn fields<'s>(schema: &'s Json, name: &str, is_section: bool, found: &mut Vec<&'s Json>) {
    match schema {
        Json::Object(entries) => {
            let field = schema.get("properties").and_then(|properties| properties.get(name));
            found.extend(if is_section { field.map(|_| schema) } else { field });
            entries.values().for_each(|value| fields(value, name, is_section, found));
        }
        Json::Array(items) => items.iter().for_each(|item| fields(item, name, is_section, found)),
        _ => {}
    }
}

/// Returns the data of a snippet with values for its placeholders.
fn data(node: &Node) -> Json {
    const ARN: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Number(text) => serde_json::from_str(text).unwrap(),
        Value::Text(text) if text == "ARN" => json!(ARN),
        Value::Text(text) => json!(text.replace("REGION", "eu-west-1")),
        Value::List(items) => {
            // `[...]` stands for any list.
            let items = items.iter().map(data).filter(|item| item != "...");
            items.collect()
        }
        Value::Map(entries) => {
            let pairs = entries.iter().map(|entry| (entry.key.clone(), data(&entry.value)));
            Json::Object(pairs.collect())
        }
    }
}

/// Checks that a snippet is YAML, and fits the field that it names.
fn check_snippet(snippet: &str, schema: &Json) {
    let mut d = Diagnostics::default();
    let node = kmsctl::config::yaml(snippet, 0, &mut d);
    let node = node.unwrap_or_else(|| panic!("`{snippet}` is not YAML"));
    let mut value = data(&node);
    let name = value.as_object().unwrap().keys().next().unwrap().clone();
    let is_section = snippet.starts_with('{');
    if !is_section {
        value = value[&name].clone();
    }
    let mut found = Vec::new();
    fields(schema, name.rsplit('.').next().unwrap(), is_section, &mut found);
    let fits = found.iter().any(|field| {
        let mut compiler = boon::Compiler::new();
        let resource = json!({"$defs": schema["$defs"], "allOf": [field]});
        compiler.add_resource("field.json", resource).unwrap();
        let mut schemas = boon::Schemas::new();
        let index = compiler.compile("field.json", &mut schemas).unwrap();
        schemas.validate(&value, index).is_ok()
    });
    assert!(fits, "`{snippet}`: {value} fits none of {} fields", found.len());
}

/// A snippet begins with the name of a field, or is a section in braces.
fn is_snippet(span: &str) -> bool {
    let name = span.split(": ").next().unwrap().trim_start_matches('{');
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.".contains(c);
    span.contains(": ") && !name.is_empty() && name.chars().all(is_name)
}

#[test]
fn every_field_in_a_text_is_written_as_the_schema_has_it() {
    let schema = editor_schema();
    let texts: Vec<String> = [readme()].into_iter().chain(explanations()).collect();
    let lines = texts.iter().flat_map(|text| text.lines());
    let lines =
        lines.filter_map(|line| line.strip_prefix("  ")).filter(|line| line.contains(": {"));
    let mut all: Vec<String> = lines.map(str::to_owned).collect();
    all.extend(texts.iter().flat_map(|text| spans(text)));
    all.retain(|snippet| is_snippet(snippet));
    all.sort();
    all.dedup();
    assert!(all.len() >= 20, "{all:#?}");
    all.iter().for_each(|snippet| check_snippet(snippet, &schema));
}

#[test]
fn the_readme_is_short() {
    let size = readme().len();
    assert!(size <= LIMIT, "README.md has {size} bytes, {} more than {LIMIT}", size - LIMIT);
}

#[test]
fn every_command_in_a_text_exists() {
    let readme = readme();
    let mut found = commands(&readme);
    let console = blocks(&readme, "console");
    let lines = console.iter().flat_map(|block| block.lines());
    found.extend(lines.filter_map(|line| line.strip_prefix("$ ")).map(str::to_owned));
    assert!(found.len() >= 20, "{found:#?}");
    found.extend(explanations().iter().flat_map(|text| commands(text)));
    let mut open = vec![Cli::command()];
    while let Some(mut command) = open.pop() {
        found.extend(commands(&command.render_long_help().to_string()));
        open.extend(command.get_subcommands().cloned());
    }
    // Spans with an ellipsis or with the `Sid` of a statement are not commands.
    let found: Vec<&String> = found
        .iter()
        .filter(|command| !command.contains("...") && !command.contains("STACK"))
        .collect();
    assert!(found.len() >= 60, "{found:#?}");
    found.into_iter().for_each(|command| parse(command));
}

#[test]
fn the_quickstart_script_has_the_commands_of_the_readme() {
    let readme = readme();
    let shell = blocks(&readme, "sh");
    assert_eq!(shell, ["tests/quickstart.sh\n", "cargo test\n", "cargo install --path .\n"]);
    assert!(top().join("tests/quickstart.sh").is_file());
}

/// A snippet with a part of a configuration is checked together with the first snippet.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test writes its own files")]
fn every_yaml_snippet_is_valid() {
    let snippets = blocks(&readme(), "yaml");
    assert!(snippets.len() >= 3 && snippets[0].starts_with("stack:"), "{snippets:#?}");
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<_> =
        (0..snippets.len()).map(|n| folder.path().join(format!("{n}.yaml"))).collect();
    for (file, snippet) in files.iter().zip(&snippets) {
        std::fs::write(file, snippet).unwrap();
        let mut program = Command::new(env!("CARGO_BIN_EXE_kmsctl"));
        program.env_clear().arg("validate").arg("-f").arg(file);
        if !snippet.starts_with("stack:") {
            program.arg("-f").arg(&files[0]);
        }
        let output = program.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{snippet}\n{said}");
    }
}

#[test]
fn the_first_stack_is_planned_as_shown() {
    let readme = readme();
    let stack = Stack::of_text(&blocks(&readme, "yaml")[0], "eu-west-1");
    let said = stack.expect(0, &["plan"]);
    let shown = format!("$ kmsctl plan\n{said}$ kmsctl apply\n");
    assert!(readme.contains(&shown), "the README should show\n{shown}");
}

/// Runs the program without a configuration and without AWS. Returns the exit code, stdout and
/// stderr.
fn offline(args: &[&str]) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_kmsctl"));
    let output = program.env_clear().current_dir(folder.path()).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn topics_are_explained_without_a_configuration() {
    for topic in
        ["KMS301", "public", "keys", "keys.policy", "grants", "rds.instances.backup_window"]
    {
        let (code, out, said) = offline(&["explain", topic]);
        assert!(code == 0 && !out.is_empty() && said.is_empty(), "{topic}: {said}");
    }
    let (code, list, _) = offline(&["explain"]);
    assert!(code == 0 && list.contains("rds.instances") && list.contains("ownership"));
    let (code, out, said) = offline(&["explain", "keys.grant"]);
    assert_eq!((code, out.as_str()), (64, ""));
    assert!(
        said.contains("there is no topic `keys.grant`") && said.contains("`keys.grants`"),
        "{said}"
    );
    let (code, _, said) = offline(&["explain", "rotation"]);
    assert!(code == 64 && said.contains("`defaults.rotation`, `keys.rotation`"), "{said}");
}

#[test]
fn the_rules_are_listed_without_a_configuration() {
    let (code, table, said) = offline(&["lint", "--rules"]);
    assert!(code == 0 && table.starts_with("KMS100  error    json-syntax"), "{said}");
    for (format, field) in [("json", "/rules/0/id"), ("sarif", "/runs/0/tool/driver/rules/0/id")] {
        let (code, out, said) = offline(&["lint", "--rules", "--format", format]);
        let value: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert!(code == 0 && value.pointer(field).unwrap() == "KMS100", "{said}");
    }
    assert_eq!(offline(&["lint", "--rules", "--live"]).0, 64);
}
