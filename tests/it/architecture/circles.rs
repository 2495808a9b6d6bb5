//! Checks that the files of `src/policy` have no circular dependencies. An import through a
//! re-export is a dependency on the file that declares the item.

use std::collections::{BTreeMap, BTreeSet};

use super::{Source, is_word, sources};

/// The path of a module below the crate: `policy::eval::grant` for `policy/eval/grant.rs`.
type Module = Vec<String>;

fn module(source: &Source) -> Module {
    source.path.trim_end_matches(".rs").split('/').map(str::to_owned).collect()
}

/// Returns the code of a file without comments, as one line.
fn code(source: &Source) -> String {
    source.code().map(|(_, line)| line).collect::<Vec<_>>().join(" ")
}

/// Returns the paths of a `use` declaration with its braces expanded.
fn expand(tree: &str) -> Vec<String> {
    let Some((head, rest)) = tree.split_once('{') else {
        return vec![tree.split(" as ").next().unwrap().trim().to_owned()];
    };
    let body = rest.rsplit_once('}').unwrap().0;
    let (mut depth, mut start, mut paths) = (0, 0, Vec::new());
    for (at, c) in body.char_indices().chain([(body.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let inner = expand(body.get(start..at).unwrap().trim());
                paths.extend(inner.into_iter().map(|path| format!("{}{path}", head.trim())));
                start = at + 1;
            }
            _ => {}
        }
    }
    paths
}

/// Returns the `use` declarations of a file: whether each is public, and its paths.
fn uses(code: &str) -> Vec<(bool, Vec<String>)> {
    let declarations = code.split(';').filter_map(|item| {
        let (before, tree) = item.rsplit_once("use ")?;
        (before.trim().is_empty() || before.trim_end().ends_with([')', 'b', '}', '{', ']']))
            .then(|| (before.contains("pub"), expand(tree)))
    });
    declarations.collect()
}

/// Returns the paths inside of code, such as `super::json::json(…)`.
fn inline(code: &str) -> Vec<String> {
    let is_path = |c: char| is_word(c) || c == ':';
    code.split(|c: char| !is_path(c))
        .filter(|path| path.contains("::") && !path.starts_with("::"))
        .map(|path| path.trim_matches(':').to_owned())
        .collect()
}

/// Returns a path from the root of the crate: `super::typed::Test` in `policy::bucket` is
/// `policy::typed::Test`.
fn absolute(module: &Module, path: &str, modules: &BTreeSet<Module>) -> Option<Module> {
    let mut parts: Vec<String> = path.split("::").map(str::to_owned).collect();
    let mut base = module.clone();
    match parts.first()?.as_str() {
        "crate" => base.clear(),
        "self" => {}
        "super" => {
            while parts.first().is_some_and(|part| part == "super") {
                parts.remove(0);
                base.pop();
            }
            return Some(base.into_iter().chain(parts).collect());
        }
        child => {
            let child: Module = base.iter().cloned().chain([child.to_owned()]).collect();
            if !modules.contains(&child) {
                return None;
            }
            return Some(base.into_iter().chain(parts).collect());
        }
    }
    parts.remove(0);
    Some(base.into_iter().chain(parts).collect())
}

/// Returns the file that a path leads to, through re-exports. If a module and a re-exported
/// function have the same name, the module is chosen; both are in that file.
fn file(
    path: &[String],
    modules: &BTreeSet<Module>,
    exports: &BTreeMap<Module, Module>,
) -> Option<Module> {
    let length = (1..=path.len()).rev().find(|end| modules.contains(&path[..*end]))?;
    match path.get(..=length).and_then(|name| exports.get(name)) {
        Some(target) => file(&[target, &path[length + 1..]].concat(), modules, exports),
        None => Some(path[..length].to_vec()),
    }
}

/// Returns the dependencies of each file of `src/policy`.
fn dependencies() -> BTreeMap<Module, BTreeSet<Module>> {
    let sources = sources();
    let policy: Vec<&Source> =
        sources.iter().filter(|source| source.module() == "policy" && !source.test).collect();
    let modules: BTreeSet<Module> = policy.iter().map(|source| module(source)).collect();
    let mut exports: BTreeMap<Module, Module> = BTreeMap::new();
    let mut paths: Vec<(Module, Module)> = Vec::new();
    for source in policy {
        let (from, code) = (module(source), code(source));
        for (public, tree) in uses(&code) {
            for path in tree.iter().filter_map(|path| absolute(&from, path, &modules)) {
                let name = path.last().cloned().unwrap();
                if public {
                    exports.insert(from.iter().cloned().chain([name]).collect(), path);
                } else {
                    paths.push((from.clone(), path));
                }
            }
        }
        let without_uses: String =
            code.split(';').filter(|item| !item.contains("use ")).collect::<Vec<_>>().join(";");
        let inline = inline(&without_uses);
        paths.extend(
            inline
                .iter()
                .filter_map(|path| absolute(&from, path, &modules))
                .map(|path| (from.clone(), path)),
        );
    }
    let mut found: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
    for (from, path) in paths {
        if let Some(to) = file(&path, &modules, &exports).filter(|to| *to != from) {
            found.entry(from).or_default().insert(to);
        }
    }
    found
}

#[test]
fn the_files_of_policy_have_no_circular_dependencies() {
    let mut open = dependencies();
    assert!(open.values().map(BTreeSet::len).sum::<usize>() > 150, "the imports were not read");
    // Repeatedly remove files without dependencies or dependents. The files that remain are in a
    // circle.
    loop {
        let using: BTreeSet<Module> = open.keys().cloned().collect();
        let used: BTreeSet<Module> = open.values().flatten().cloned().collect();
        open.retain(|from, targets| {
            targets.retain(|target| using.contains(target));
            !targets.is_empty() && used.contains(from)
        });
        if using.len() == open.len() {
            break;
        }
    }
    let circles: Vec<String> = open
        .iter()
        .map(|(from, to)| {
            let to: Vec<String> = to.iter().map(|path| path.join("::")).collect();
            format!("{} uses {}", from.join("::"), to.join(", "))
        })
        .collect();
    assert!(circles.is_empty(), "these files depend on each other:\n{}", circles.join("\n"));
}
