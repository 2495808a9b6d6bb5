//! Tests of the reports.
use super::*;

fn span(source: u16, start: u32, end: u32) -> Span {
    Span { source, start, end }
}

#[test]
fn reports_underline_in_the_order_of_the_sources() {
    let mut sources = Sources::new();
    sources.add("a.yaml", "keys:\n  ä: {descriptoin: x}\n");
    sources.add("b.yaml", "first: 1\nsecond:\n  a: 1\n  b: 2\n");
    let mut diagnostics = Diagnostics::default();
    diagnostics.push(Diagnostic::warning(span(1, 9, 32), "it is old").label("this"));
    diagnostics.push(Diagnostic::error(None, "cannot read c.yaml"));
    diagnostics.push(
        Diagnostic::error(span(0, 13, 24), "unknown field `descriptoin`")
            .help("did you mean `description`?")
            .also(span(1, 0, 5), "declared here"),
    );
    assert!(diagnostics.has_errors());
    insta::assert_snapshot!(diagnostics.render(&sources, false, Some(80)), @r##"
    error: cannot read c.yaml

    error: unknown field `descriptoin`
     --> a.yaml:2:7
      |
    2 |   ä: {descriptoin: x}
      |       ^^^^^^^^^^^
      |
     --> b.yaml:1:1
      |
    1 | first: 1
      | ----- declared here
      |
      = help: did you mean `description`?

    warning: it is old
     --> b.yaml:2:1
      |
    2 | second:
      | ^^^^^^^ this

    2 errors, 1 warning.
    "##);
}

#[test]
fn unsafe_characters_are_replaced_and_long_lines_are_cut() {
    let mut sources = Sources::new();
    let text = format!("k: \u{1b}[31m\u{9b}\u{202e}bad\u{7}\r\nlong: {}\n", "x".repeat(2_000_000));
    sources.add("evil\u{1b}.yaml", text);
    let mut diagnostics = Diagnostics::default();
    diagnostics.push(
        Diagnostic::error(span(0, 3, 20), "a\u{1b}[2J\nb").label("l\u{9b}\n").help("h\u{202e}"),
    );
    diagnostics.push(Diagnostic::error(span(0, 1_000_030, 1_000_040), "in the middle"));
    let shown = diagnostics.render(&sources, false, Some(80));
    assert!(shown.chars().all(|c| c == '\n' || !crate::text::is_unsafe(c)), "{shown:?}");
    assert!(shown.lines().all(|line| line.chars().count() < 200));
    assert!(shown.ends_with("2 errors.\n"));
    assert!(diagnostics.render(&sources, true, Some(80)).contains("\u{1b}["));
}

#[test]
fn spans_outside_the_text_do_not_panic() {
    let mut sources = Sources::new();
    sources.add("a.yaml", "ä");
    let mut diagnostics = Diagnostics::default();
    for (start, end) in [(0, 1), (1, 1), (1, 900), (900, 901), (2, 2), (2, 0)] {
        diagnostics.push(Diagnostic::error(span(0, start, end), "x").also(span(7, 0, 1), "y"));
    }
    diagnostics.push(Diagnostic::error(span(3, 0, 1), "no such source"));
    assert!(diagnostics.render(&sources, false, Some(0)).contains("7 errors."));
}

#[test]
fn only_similar_names_are_suggested() {
    let known = ["description", "aliases", "policy"];
    assert_eq!(nearest("descriptoin", known), Some("description"));
    assert_eq!(nearest("Alias", known), Some("aliases"));
    assert_eq!(nearest("zzz", known), None);
    assert_eq!(nearest(&"d".repeat(100_000), known), None);
}

/// A file can be one line, which every excerpt shows.
#[test]
fn the_excerpts_of_a_report_are_limited() {
    let mut sources = Sources::new();
    let text = "x".repeat(MAX_EXCERPTS / 3);
    let (long, short) = (sources.add("long.yaml", text), sources.add("short.yaml", "x\n"));
    let mut d = Diagnostics::default();
    for at in 0..5 {
        d.push(Diagnostic::error(span(long, at, at + 1), "wrong"));
    }
    let report = d.render(&sources, false, Some(80));
    assert_eq!(report.matches("error: wrong").count(), 3);
    assert!(
        report.contains("2 more are not shown.") && report.ends_with("5 errors.\n"),
        "{report}"
    );
    let mut d = Diagnostics::default();
    for _ in 0..MAX_SHOWN + 1 {
        d.push(Diagnostic::error(span(short, 0, 1), "wrong"));
    }
    assert!(d.render(&sources, false, Some(80)).contains("1 more are not shown."));
}

/// Every line of a report about a long line fits a wide terminal, and its carets are below the text.
#[test]
fn long_lines_are_cut_around_every_place() {
    for letter in ["x", "鍵", "e\u{301}"] {
        let mut sources = Sources::new();
        let long = letter.repeat(2500);
        let source = sources.add("a.yaml", format!("a: [first, {long}, wrong, {long}, last]\n"));
        let text = sources.get(source).unwrap().text.clone();
        let place = |word: &str| {
            let start = u32::try_from(text.find(word).unwrap()).unwrap();
            span(source, start, start + u32::try_from(word.len()).unwrap())
        };
        let mut d = Diagnostics::default();
        d.push(
            Diagnostic::error(place("wrong"), format!("`{long}` is wrong"))
                .also(place("first"), "one"),
        );
        d.push(Diagnostic::error(place("last"), "the last").help(format!("write `{long}`")));
        d.push(Diagnostic::error(place(&long), "all of it"));
        let report = d.render(&sources, false, Some(80));
        let columns = |text: &str| -> usize {
            text.chars()
                .map(|c| match c {
                    '\u{301}' => 0,
                    '鍵' => 2,
                    _ => 1,
                })
                .sum()
        };
        assert!(report.lines().all(|line| columns(line) <= 400), "{report}");
        let lines: Vec<&str> = report.lines().collect();
        for word in ["wrong", "first", "last"] {
            let is_below = |pair: &[&str]| {
                let before = pair[0].split_once(word).map(|(before, _)| columns(before));
                pair[0].starts_with('1') && before.is_some() && pair[1].find(['^', '-']) == before
            };
            assert!(lines.windows(2).any(is_below), "{word} {letter}\n{report}");
        }
    }
}
