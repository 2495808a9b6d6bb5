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
        "cannot deserialize null into string",
        "there is no name before the `:`",
        "write `NAME: VALUE`, or quote the value if it is text",
    ),
    explain(
        "mismatched bracket",
        "the bracket is closed by one of another kind",
        "close `[` with `]`, and `{` with `}`",
    ),
    explain(
        "unexpected EOF while parsing an implicit flow mapping",
        "expected an entry here",
        "remove the `,` if there are two, and write each entry of `{...}` as `NAME: VALUE`",
    ),
    explain(
        "is only valid inside a block",
        "`- ` begins an item of a list, and none can begin here",
        "separate the items of `[...]` by commas, and quote a text that begins with `- `",
    ),
    explain(
        "block sequence entries are not allowed",
        "`- ` begins an item of a list, and none can begin here",
        "write the items on lines of their own, below the name, and quote a text that begins with `- `",
    ),
    explain(
        "in flow mapping",
        "a space is missing after the `:`",
        "write each entry of `{...}` as `NAME: VALUE`",
    ),
    explain("cannot start with a tab", "a tab cannot indent a line", "indent with spaces"),
    explain("found a tab", "a tab cannot indent a line", "indent with spaces"),
    explain(
        "illegal placement of ':'",
        "a `:` cannot follow here",
        "close the brackets and quotes on the lines above, and quote a text that contains `:`",
    ),
    explain(
        "invalid trailing content after",
        "a text follows the closing quote",
        "put the whole text into the quotes, or begin a new line; in the quotes, write the quote itself as `\\\"` or `''`",
    ),
    explain(
        "mapping keys are not allowed",
        "`?` begins a name of YAML, and none can begin here",
        "quote a text that begins with `? `",
    ),
    explain(
        "expected string scalar",
        "a name must be a text",
        "write `NAME: VALUE`; `? ` before a name is not supported",
    ),
    explain("directive", "`%` begins a directive of YAML", "quote a text that begins with `%`"),
    explain(
        "did not find expected <document start>",
        "the configuration cannot begin like this",
        "begin with a field, such as `stack: payments-prod`, and quote a text that begins with `%`, a tab or a bracket",
    ),
    explain(
        "parsing a block sequence",
        "the text is no entry of a list or a map",
        "remove what is before the first name, and write `NAME: VALUE`",
    ),
    explain(
        "expected hexadecimal number",
        "in double quotes, `\\x` and `\\u` begin the number of a character",
        "write `\\\\` for a backslash, or use single quotes",
    ),
    explain(
        "while scanning a tag",
        "`!` begins a tag of YAML, and the configuration has none",
        "remove the tag, or quote the value if it is text",
    ),
    explain(
        "simple key expect",
        "the line has no `: `",
        "write it as `NAME: VALUE`, with a space after the colon; if it belongs to the text above it, indent it more",
    ),
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

/// The help for a message that has no explanation.
pub(super) const OTHERWISE: &str = "this is not valid YAML: compare the indentation with the lines above, and quote a text \
    that contains `: `, ` #` or brackets";

/// Returns the message and the help for a message of the parser.
pub(super) fn explained(message: &str) -> Option<(&'static str, &'static str)> {
    let found = EXPLANATIONS.iter().find(|explanation| message.contains(explanation.found));
    found.map(|explanation| (explanation.message, explanation.help))
}
