//! Reads configuration texts from disk. Only this module of `config` reads files.

use std::io;
use std::path::{Path, PathBuf};

use super::DEFAULT;
use crate::decode::{Diagnostic, Diagnostics, Sources};
use crate::file::{NOTHING, open_given, read_within, reason};

/// The size of the largest file that is read.
pub const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// The size of all files together, with the documents that they refer to.
pub const MAX_ALL_BYTES: usize = 16 * 1024 * 1024;

/// Reads files and folders. Of a folder, all `*.yaml` and `*.yml` files are read in the order of
/// their names. Returns the numbers of the texts, and reports the files that cannot be read.
pub fn read(paths: &[PathBuf], sources: &mut Sources, diagnostics: &mut Diagnostics) -> Vec<u16> {
    let mut numbers = Vec::new();
    for path in paths {
        let folder_of = if path.is_dir() { Some(path.as_path()) } else { path.parent() };
        let folder_of = folder_of.filter(|folder| !folder.as_os_str().is_empty());
        if let Ok(whole) = folder_of.unwrap_or(Path::new(".")).canonicalize() {
            sources.add_folder(whole);
        }
        let files = if path.is_dir() {
            match folder(path) {
                Ok(files) => files,
                Err(error) => {
                    diagnostics.push(failed(path, &reason(&error)));
                    continue;
                }
            }
        } else {
            vec![path.clone()]
        };
        if files.is_empty() {
            diagnostics.push(failed(path, "the folder has no *.yaml or *.yml file"));
        }
        for file in files {
            numbers.extend(read_one(&file, sources, diagnostics));
        }
    }
    numbers
}

/// Reads a file that another file refers to. The path is relative to the referring file.
pub fn read_beside(
    base: &str,
    path: &str,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Option<u16> {
    let folder = Path::new(base).parent().unwrap_or_else(|| Path::new(""));
    let path = folder.join(path);
    // Many keys can refer to one file.
    if let Some(known) = sources.number(&path.display().to_string()) {
        return Some(known);
    }
    let mut unread = Diagnostics::default();
    let number = read_one(&path, sources, &mut unread);
    diagnostics.extend(unread.into_iter().map(|mut error| {
        error.help = error.help.map(|_| format!("the path is relative to the folder of {base}"));
        error
    }));
    number
}

/// Reads a file that the command line names; `-` is standard input.
pub fn read_given(
    path: &Path,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Option<u16> {
    if path == Path::new("-") {
        return match bounded(io::stdin().lock()) {
            Ok(text) => Some(sources.add("<standard input>", text)),
            Err(why) => {
                diagnostics.push(failed(Path::new("standard input"), &why));
                None
            }
        };
    }
    if let Some(folder) = path.canonicalize().ok().as_deref().and_then(Path::parent) {
        sources.add_folder(folder.to_owned());
    }
    read_one(path, sources, diagnostics)
}

fn folder(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let file = entry?.path();
        let extension = file.extension().and_then(|extension| extension.to_str());
        // Editors keep copies in hidden files.
        let is_hidden =
            file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if matches!(extension, Some("yaml" | "yml")) && !is_hidden && !file.is_dir() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

fn read_one(path: &Path, sources: &mut Sources, diagnostics: &mut Diagnostics) -> Option<u16> {
    match text(path) {
        Ok(text) if sources.size() + text.len() > MAX_ALL_BYTES => {
            let why = format!("the files are together larger than {} MiB", MAX_ALL_BYTES >> 20);
            diagnostics.push(failed(path, &why));
            None
        }
        Ok(text) => {
            let number = sources.add(path.display().to_string(), text);
            // Whoever writes the configuration may not be the one whose files these are: a name in it, or a link, must
            // not bring their text into a log.
            if path.canonicalize().is_ok_and(|whole| !sources.is_inside(&whole)) {
                sources.hide_text(number);
            }
            if number == u16::MAX {
                diagnostics.push(failed(path, "too many files"));
                return None;
            }
            Some(number)
        }
        Err(why) => {
            diagnostics.push(failed(path, &why));
            None
        }
    }
}

fn failed(path: &Path, why: &str) -> Diagnostic {
    let error = Diagnostic::error(None, format!("cannot read {}: {why}", path.display()));
    if path == Path::new(DEFAULT) && !path.exists() {
        let message = format!("there is no {DEFAULT} in this folder");
        return Diagnostic::error(None, message).help(
            "write one (`kmsctl init` writes a first one), or name a configuration with `-f PATH`",
        );
    }
    if why == NOTHING {
        let what = "the path is relative to the current folder";
        let is_yaml = path.extension().is_none_or(|end| end == "yaml" || end == "yml");
        let init = match is_yaml {
            true => "; `kmsctl init` writes a first configuration",
            false => "",
        };
        return error.help(format!("{what}{init}"));
    }
    error
}

fn text(path: &Path) -> Result<String, String> {
    bounded(open_given(path).map_err(|error| reason(&error))?)
}

fn bounded(reader: impl io::Read) -> Result<String, String> {
    let bytes = read_within(reader, MAX_FILE_BYTES).map_err(|error| reason(&error))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("it is not UTF-8 (byte {at})")
    })?;
    if let Some(at) = text.find('\0') {
        return Err(format!("it has a NUL character (byte {at})"));
    }
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(diagnostics: &Diagnostics) -> Vec<String> {
        diagnostics.iter().map(|d| d.message.clone()).collect()
    }

    #[test]
    fn all_files_together_are_limited() {
        let dir = tempfile::tempdir().unwrap();
        for n in 0..5 {
            let text = " ".repeat(usize::try_from(MAX_FILE_BYTES).unwrap());
            std::fs::write(dir.path().join(format!("{n}.yaml")), text).unwrap();
        }
        let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::default());
        let numbers = read(&[dir.path().to_owned()], &mut sources, &mut diagnostics);
        assert_eq!(numbers.len(), 4);
        let messages = messages(&diagnostics);
        assert!(messages[0].ends_with("together larger than 16 MiB"), "{messages:?}");
    }

    #[test]
    fn the_yaml_files_of_a_folder_are_read_in_the_order_of_their_names() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [("b.yml", "b"), ("a.yaml", "\u{feff}a"), ("c.json", "c")] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::default());
        let numbers = read(&[dir.path().to_owned()], &mut sources, &mut diagnostics);
        assert_eq!(numbers, [0, 1]);
        let texts: Vec<_> = numbers.iter().map(|n| &sources.get(*n).unwrap().text).collect();
        assert_eq!(texts, ["a", "b"]);
        let base = sources.get(0).unwrap().name.clone();
        let json = read_beside(&base, "c.json", &mut sources, &mut diagnostics).unwrap();
        assert_eq!(sources.get(json).unwrap().text, "c");
        assert!(diagnostics.is_empty());
    }

    #[test]
    fn unreadable_files_are_reported_and_the_others_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        std::fs::write(path("nul.yaml"), "a: \0").unwrap();
        std::fs::write(path("latin.yaml"), b"a: \xe4").unwrap();
        std::fs::write(path("good.yaml"), "a: 1").unwrap();
        std::fs::File::create(path("large.yaml")).unwrap().set_len(100 << 20).unwrap();
        let paths = ["nul.yaml", "latin.yaml", "large.yaml", "missing.yaml", "good.yaml"].map(path);
        let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::default());
        assert_eq!(read(&paths, &mut sources, &mut diagnostics), [0]);
        let messages = messages(&diagnostics);
        for (message, part) in
            messages.iter().zip(["NUL", "not UTF-8 (byte 3)", "larger than 4 MiB", "missing.yaml"])
        {
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(messages.len(), 4);
    }

    /// A change of the configuration must not bring other files of the machine into a log.
    #[test]
    fn the_text_of_a_file_outside_of_the_configuration_is_not_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(path("stack/policies")).unwrap();
        std::fs::write(path("stack/a.yaml"), "a: 1").unwrap();
        std::fs::write(path("stack/policies/p.json"), "inside-text").unwrap();
        std::fs::write(path("token"), "first line\nhidden-text\n").unwrap();
        std::os::unix::fs::symlink(path("token"), path("stack/linked.json")).unwrap();
        let quoted = |name: &str| {
            let (mut sources, mut d) = (Sources::new(), Diagnostics::default());
            read(&[path("stack")], &mut sources, &mut d);
            let base = path("stack/a.yaml").display().to_string();
            let source = read_beside(&base, name, &mut sources, &mut d).unwrap();
            let length = u32::try_from(sources.get(source).unwrap().text.len()).unwrap();
            let span = crate::tree::Span { source, start: 0, end: length };
            let text = sources.text(span).to_owned();
            d.push(
                Diagnostic::error(span, format!("wrong `{text}`")).help(format!("not `{text}`")),
            );
            d.render(&sources, false, None)
        };
        assert!(quoted("policies/p.json").contains("wrong `inside-text`"));
        for name in ["../token", "linked.json"] {
            let text = quoted(name);
            assert!(!text.contains("hidden-text") && !text.contains("first line"), "{text}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn an_endless_device_is_an_error() {
        let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::default());
        let zero = PathBuf::from("/dev/zero");
        assert!(read(&[zero], &mut sources, &mut diagnostics).is_empty());
        assert!(messages(&diagnostics)[0].contains("it is a device, a pipe or a socket"));
    }
}
