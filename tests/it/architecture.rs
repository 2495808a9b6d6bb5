//! Checks the structure that `src/lib.rs` documents in the sources: the imports, the modules that
//! use the SDK or do I/O, the sizes of files and functions, and that every file is part of a
//! module.

mod circles;
mod counts;

use kmsctl::kind::ConsumerKind;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The imports between the modules of the crate, from the bottom to the top: a module imports only
/// modules above it in this list. `command` and `main` may import everything. An entry that is no
/// longer needed fails the test, too.
const MAY: &[(&str, &[&str])] = &[
    ("form", &[]),
    ("text", &[]),
    ("id", &["form", "text"]),
    ("tree", &[]),
    ("policy", &["text", "tree"]),
    ("answer", &["id"]),
    ("file", &["text"]),
    ("digest", &[]),
    ("retry", &["answer", "text"]),
    ("sdk", &["answer", "file", "id", "retry", "text"]),
    ("decode", &["policy", "text", "tree"]),
    ("kind", &["answer", "decode", "digest", "form", "id", "policy", "sdk", "text", "tree"]),
    ("waiver", &["kind", "policy", "tree"]),
    ("desired", &["id", "kind", "policy", "tree", "waiver"]),
    ("gate", &["desired", "id", "kind", "policy"]),
    ("impact", &["id", "kind", "text"]),
    ("inventory", &["answer", "id", "kind"]),
    ("live", &["id", "kind", "policy"]),
    ("state", &["id", "kind"]),
    ("moved", &["desired", "kind", "state"]),
    ("journal", &["answer", "id", "kind", "state"]),
    (
        "config",
        &["decode", "desired", "file", "form", "id", "kind", "policy", "text", "tree", "waiver"],
    ),
    ("plan", &["desired", "gate", "id", "impact", "kind", "live", "policy", "state"]),
    ("permissions", &["desired", "id", "kind", "plan", "policy", "state", "text"]),
    ("render", &["digest", "id", "impact", "kind", "permissions", "plan", "policy", "text"]),
    (
        "export",
        &[
            "config",
            "decode",
            "desired",
            "digest",
            "id",
            "inventory",
            "kind",
            "live",
            "plan",
            "policy",
            "state",
            "text",
            "tree",
        ],
    ),
    ("cloud", &["answer", "id", "impact", "kind", "permissions", "retry", "sdk"]),
    ("store", &["answer", "file", "id", "journal", "retry", "sdk", "state"]),
    (
        "engine",
        &[
            "answer",
            "cloud",
            "desired",
            "id",
            "impact",
            "inventory",
            "journal",
            "kind",
            "live",
            "permissions",
            "plan",
            "policy",
            "retry",
            "state",
        ],
    ),
    ("io", &["text"]),
    ("completion", &["config", "kind", "policy", "render"]),
    ("cli", &["completion", "io"]),
    ("failure", &["answer", "store"]),
];

/// The only modules that are asynchronous, or know files, the environment, clocks and chance.
const OUTSIDE: &[&str] =
    &["cloud", "completion", "file", "retry", "sdk", "store", "engine", "command", "io", "main"];
const OUTSIDE_FILES: &[&str] = &["config/read.rs"];

const LINES: usize = 600;
const LINES_OF_TESTS: usize = 800;
const LINES_OF_A_FUNCTION: usize = 60;

struct Source {
    path: String,
    text: String,
    /// Whether the file is compiled only for tests.
    test: bool,
}

impl Source {
    /// Returns the top-level module of the file: `plan` for `plan/order.rs`.
    fn module(&self) -> &str {
        self.path.split(['/', '.']).next().unwrap()
    }

    /// Returns whether the file sends the calls of a kind through the SDK.
    fn is_half_of_a_kind(&self) -> bool {
        self.path.starts_with("kind/") && self.path.ends_with("/aws.rs")
    }

    /// Returns the lines of code, without comments and without the tests at the end.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(n, line)| (n + 1, line));
        let lines = lines.take_while(|(_, line)| !self.test && !line.starts_with("mod tests {"));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// Returns the depth of the module below the crate.
    fn depth(&self) -> usize {
        let parts = self.path.split('/').count();
        if self.path.ends_with("/mod.rs") { parts - 1 } else { parts }
    }

    /// Returns the modules of the crate that a line names.
    fn names<'a>(&self, line: &'a str) -> Vec<&'a str> {
        let up = "super::".repeat(self.depth());
        let mut rests: Vec<&str> = line.split("crate::").skip(1).collect();
        rests.extend(line.split(&up).skip(1).filter(|rest| !rest.starts_with("super::")));
        rests.iter().map(|rest| rest.split(|c: char| !is_word(c)).next().unwrap()).collect()
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Returns the files that the `mod name;` items of a file declare, and whether each is only for
/// tests.
fn declared(path: &Path, text: &str) -> Vec<(PathBuf, bool)> {
    let stem = path.file_stem().unwrap().to_str().unwrap();
    let folder = match ["lib", "main", "mod"].contains(&stem) {
        true => path.parent().unwrap().to_owned(),
        false => path.with_extension(""),
    };
    let lines: Vec<&str> = text.lines().collect();
    let mut files = Vec::new();
    for (n, line) in lines.iter().enumerate() {
        let name = line.strip_suffix(';').and_then(|line| line.split("mod ").nth(1));
        let Some(name) = name.filter(|name| name.chars().all(is_word)) else {
            continue;
        };
        let attributes = lines[..n].iter().rev().take_while(|line| line.starts_with("#["));
        let (mut test, mut file) = (false, folder.join(format!("{name}.rs")));
        if !file.exists() {
            file = folder.join(name).join("mod.rs");
        }
        for attribute in attributes {
            test |= *attribute == "#[cfg(test)]";
            // Tests next to their module are declared with a path.
            let named = attribute.strip_prefix("#[path = \"").and_then(|a| a.strip_suffix("\"]"));
            file = named.map_or(file, |named| path.parent().unwrap().join(named));
        }
        files.push((file, test));
    }
    files
}

/// Returns every file that is reachable from a root, and whether only tests reach it.
fn reached(root: PathBuf) -> BTreeMap<PathBuf, bool> {
    let mut all = BTreeMap::new();
    let mut open = vec![(root, false)];
    while let Some((path, test)) = open.pop() {
        let text = std::fs::read_to_string(&path).unwrap();
        open.extend(declared(&path, &text).into_iter().map(|(file, t)| (file, test || t)));
        all.insert(path, test);
    }
    all
}

fn sources() -> Vec<Source> {
    let src = top().join("src");
    let mut reached = reached(src.join("lib.rs"));
    reached.insert(src.join("main.rs"), false);
    let sources = reached.into_iter().map(|(path, test)| {
        let text = std::fs::read_to_string(&path).unwrap();
        let path = path.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
        Source { path, text, test }
    });
    sources.collect()
}

#[test]
fn every_file_is_declared_by_a_module() {
    let roots =
        [("src", vec!["src/lib.rs", "src/main.rs"]), ("tests/it", vec!["tests/it/main.rs"])];
    for (folder, roots) in roots {
        let mut found = Vec::new();
        files(&top().join(folder), &mut found);
        let reached: BTreeSet<PathBuf> =
            roots.iter().flat_map(|root| reached(top().join(root)).into_keys()).collect();
        let forgotten: Vec<_> = found.iter().filter(|file| !reached.contains(*file)).collect();
        assert!(forgotten.is_empty(), "not compiled: {forgotten:#?}");
    }
}

#[test]
fn only_the_outer_modules_use_the_sdk() {
    for source in sources() {
        if ["sdk", "cloud"].contains(&source.module()) || source.is_half_of_a_kind() {
            continue;
        }
        for (n, line) in source.text.lines().enumerate() {
            let sdk = ["aws_sdk", "aws_config", "aws_smithy", "aws_credential", "aws_types"];
            let mentions = sdk
                .iter()
                .any(|sdk| line.contains(&format!("{sdk}_")) || line.contains(&format!("{sdk}::")));
            assert!(!mentions, "src/{}:{}: {line}", source.path, n + 1);
        }
    }
}

#[test]
fn no_module_imports_a_higher_one() {
    let mut actual: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources() {
        let module = source.module();
        if ["lib", "main", "command"].contains(&module) {
            continue;
        }
        let imports = actual.entry(module.to_owned()).or_default();
        for (_, line) in source.code() {
            imports.extend(source.names(line).into_iter().map(str::to_owned));
        }
        imports.remove(module);
    }
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let documented: BTreeMap<String, BTreeSet<String>> =
        MAY.iter().map(|(module, may)| ((*module).to_owned(), set(may))).collect();
    assert_eq!(actual, documented, "imports, left as they are, right as they may be");
    let order: Vec<&str> = MAY.iter().map(|(module, _)| *module).collect();
    let place = |name: &str| order.iter().position(|module| *module == name).unwrap();
    for (module, may) in MAY {
        for import in *may {
            assert!(place(import) < place(module), "{module} imports {import}");
        }
    }
}

/// Returns the levels that `src/lib.rs` documents.
fn levels() -> BTreeMap<String, usize> {
    let text = std::fs::read_to_string(top().join("src/lib.rs")).unwrap();
    let mut levels = BTreeMap::new();
    for line in text.lines() {
        let Some((level, rest)) = line.strip_prefix("//! | ").and_then(|row| row.split_once(" | "))
        else {
            continue;
        };
        if let Ok(level) = level.parse::<usize>() {
            let names = rest.split("[`").skip(1).map(|name| name.split('`').next().unwrap());
            levels.extend(names.map(|name| (name.to_owned(), level)));
        }
    }
    levels
}

#[test]
fn the_imports_match_the_documented_levels() {
    let levels = levels();
    let level = |name: &str| *levels.get(name).unwrap_or_else(|| panic!("{name} has no level"));
    for (module, may) in MAY {
        for import in *may {
            assert!(level(import) <= level(module), "{module} imports {import}");
        }
    }
    let modules: BTreeSet<String> =
        sources().iter().map(|source| source.module().to_owned()).collect();
    let documented: BTreeSet<String> =
        levels.into_keys().chain(["lib", "main"].map(str::to_owned)).collect();
    assert_eq!(modules, documented);
}

/// The only files outside of a kind's folder that name it: the table, and the list of modules.
const KNOW_KINDS: &[&str] = &["kind.rs", "kind/consumers.rs", "kind/aws.rs"];

#[test]
fn a_kind_of_consumer_is_named_in_its_folder_and_in_the_table_only() {
    let kinds = [
        ("ebs_default", "EbsDefault"),
        ("ebs_volume", "EbsVolume"),
        ("cloudtrail_trail", "CloudtrailTrail"),
        ("cloudtrail_event_data_store", "CloudtrailEventDataStore"),
        ("dynamodb_table", "DynamodbTable"),
        ("efs_file_system", "EfsFileSystem"),
        ("es_domain", "EsDomain"),
        ("rds_instance", "RdsInstance"),
        ("rds_cluster", "RdsCluster"),
        ("s3_bucket", "S3Bucket"),
    ];
    for kind in ConsumerKind::ALL {
        assert!(kinds.iter().any(|(name, _)| *name == kind.as_str()), "{}", kind.as_str());
    }
    for source in sources().iter().filter(|source| !KNOW_KINDS.contains(&&*source.path)) {
        for (n, line) in source.code() {
            for word in line.split(|c| !is_word(c)) {
                let named = kinds.iter().find(|(module, name)| [*module, *name].contains(&word));
                if let Some((module, _)) = named {
                    // Kinds of one service share code.
                    let service = module.split('_').next().unwrap();
                    let is_own = source.path.starts_with(&format!("kind/{service}"));
                    assert!(is_own, "src/{}:{n}: {line}", source.path);
                }
            }
        }
    }
}

#[test]
fn no_comment_cites_a_document_that_is_not_in_the_repository() {
    let mut tests = Vec::new();
    files(&top().join("tests/it/fake"), &mut tests);
    for path in tests {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("-semantics"), "{}", path.display());
    }
    for source in sources() {
        for (n, line) in source.text.lines().enumerate() {
            let cited = ["aws-semantics", "policy-semantics", "field-notes"]
                .iter()
                .find(|text| line.contains(**text));
            assert!(cited.is_none(), "src/{}:{}: {line}", source.path, n + 1);
        }
    }
}

#[test]
fn the_core_is_synchronous_and_uses_no_files_clocks_or_randomness() {
    let words = ["async ", ".await", "tokio::", "std::fs", "std::env", "std::time::I", "getrandom"];
    for source in sources() {
        let is_outside = OUTSIDE.contains(&source.module())
            || OUTSIDE_FILES.contains(&&*source.path)
            || source.is_half_of_a_kind();
        if is_outside {
            continue;
        }
        for (n, line) in source.code() {
            let word = words.iter().find(|word| line.contains(**word));
            assert!(word.is_none(), "src/{}:{n}: {line}", source.path);
        }
    }
}

#[test]
fn files_and_functions_stay_small() {
    for source in sources() {
        let lines: Vec<&str> = source.text.lines().collect();
        let most = if source.test { LINES_OF_TESTS } else { LINES };
        assert!(lines.len() <= most, "src/{} has {} lines", source.path, lines.len());
        let code: Vec<(usize, &str)> = source.code().collect();
        for (at, (n, line)) in code.iter().enumerate().filter(|(_, (_, line))| begins(line)) {
            let indent = line.len() - line.trim_start().len();
            let end = format!("{}}}", " ".repeat(indent));
            let length = code[at..].iter().position(|(_, line)| *line == end).map_or(0, |l| l + 1);
            assert!(length <= LINES_OF_A_FUNCTION, "src/{}:{n}: {length} lines", source.path);
        }
    }
}

/// Returns whether a function with a body of several lines begins here.
fn begins(line: &str) -> bool {
    let words = line.split("fn ").next().unwrap_or_default();
    let known = ["pub", "pub(crate)", "pub(super)", "async", "const"];
    line.contains("fn ")
        && words.split_whitespace().all(|word| known.contains(&word))
        && !line.ends_with(['}', ';'])
}

/// Returns the lines of `cargo tree`.
fn cargo_tree(arguments: &[&str]) -> BTreeSet<String> {
    let mut command = std::process::Command::new(env!("CARGO"));
    command.args(["tree", "--locked", "--offline", "--prefix", "none"]).args(arguments);
    let output = command.current_dir(top()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
}

/// Cargo compiles a crate again if its features, or those of its dependencies, differ.
#[test]
fn the_tests_do_not_compile_the_sdk_again() {
    let features = |edges| cargo_tree(&["-e", edges, "-f", "{p} with {f}"]);
    let build = features("normal,build");
    assert!(build.iter().any(|line| line.starts_with("aws-sdk-kms v")), "{build:#?}");
    for line in build.difference(&features("normal,build,dev")) {
        let mut words = line.split_whitespace();
        let (name, version) = (words.next().unwrap(), words.next().unwrap());
        let package = format!("{name}@{}", version.trim_start_matches('v'));
        let users = cargo_tree(&["-e", "normal,build", "-i", &package]);
        let sdk: Vec<_> = users.iter().filter(|user| user.starts_with("aws-")).collect();
        assert!(sdk.is_empty(), "{line}: the tests change its features; it is a part of {sdk:#?}");
    }
}

/// The default feature `rustls` of the SDK crates would add a second TLS stack with old versions.
#[test]
fn there_is_one_tls_stack() {
    let lock = std::fs::read_to_string(top().join("Cargo.lock")).unwrap();
    for name in ["h2", "http", "hyper", "hyper-rustls", "rustls", "rustls-webpki"] {
        let versions = lock.matches(&format!("name = \"{name}\"\n")).count();
        assert_eq!(versions, 1, "versions of {name} in Cargo.lock");
    }
}
