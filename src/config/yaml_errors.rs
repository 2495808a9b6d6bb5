//! Explains the errors of the YAML parser: what the text means in YAML, and what to write.

/// An error of the parser.
struct Explanation {
    /// A part of the parser's message.
    found: &'static str,
    message: &'static str,
    help: &'static str,
}

const fn explain(found: &'static str, message: &'static str, help: &'static str) -> Explanation {
    Explanation { found, message, help }
}

/// The first entry whose text the message contains counts.
const EXPLANATIONS: &[Explanation] = &[
    explain(
        "while scanning an anchor or alias",
        "`*` and `&` begin an alias and an anchor of YAML, and there is no name after them",
        "quote the value if it is text: `\"*\"`",
    ),
    explain(
        "alias references unknown anchor",
        "`*` begins an alias of YAML, and there is no anchor with this name",
        "quote the value if it is text, such as `\"*\"`; an anchor is defined before it is used: `&NAME`",
    ),
    explain("unexpected character", "a value cannot begin with this character", "quote the value"),
    explain(
        "mapping values are not allowed",
        "`: ` separates a name from a value, and a value cannot follow here",
        "quote a text that contains `: `; indent entries of the same map alike",
    ),
    explain(
        "while parsing a flow mapping",
        "expected `,` or `}` here",
        "separate the entries of `{...}` by commas, and quote a text that contains `: `, `,` or brackets",
    ),
    explain(
        "while parsing a flow sequence",
        "expected `,` or `]` here",
        "separate the items of `[...]` by commas, and quote a text that contains `: `, `,` or brackets",
    ),
    explain("tabs disallowed", "a tab cannot indent a line", "indent with spaces"),
    explain(
        "unclosed quote",
        "the quote has no end",
        "add the closing quote; within single quotes, write `''` for a quote",
    ),
    explain("unclosed bracket", "the bracket has no end", "add the closing bracket"),
    explain(
        "misplaced bracket",
        "the closing bracket has no beginning",
        "remove the bracket, or quote the text that contains it",
    ),
    explain(
        "while parsing a block mapping",
        "the line is no entry of the map above it",
        "indent the entries of a map alike, and write each as `NAME: VALUE`",
    ),
    explain(
        "while parsing a block collection",
        "the line is no item of the list above it",
        "begin each item with `- `, or indent the line like the map that it belongs to",
    ),
    explain(
        "unknown escape character",
        "in double quotes, `\\` begins an escape, and this one does not exist",
        "write `\\\\` for a backslash, or use single quotes",
    ),
    explain(
        "unsupported tag",
        "`!` begins a tag of YAML, and the configuration has none",
        "remove the tag, or quote the value if it is text",
    ),
    explain(
        "while scanning a block scalar",
        "`|` and `>` begin a text on the next line",
        "write `|` alone and the text below it, or quote the value if it is text",
    ),
    explain(
        "multiline quoted scalar",
        "the quoted text continues on a line that is not indented",
        "add the closing quote, or indent the line",
    ),
];

/// Returns the message and the help for a message of the parser.
pub(super) fn explained(message: &str) -> Option<(&'static str, &'static str)> {
    let found = EXPLANATIONS.iter().find(|explanation| message.contains(explanation.found));
    found.map(|explanation| (explanation.message, explanation.help))
}
