//! Renders rows as CSV (RFC 4180), safe for a spreadsheet: no field begins a formula.

use crate::text::printable;

/// Returns the rows as CSV, each field in quotation marks.
pub(super) fn csv<'a>(rows: impl IntoIterator<Item = Vec<&'a str>>) -> String {
    let mut out = String::new();
    for row in rows {
        let fields: Vec<String> = row.into_iter().map(field).collect();
        out.push_str(&fields.join(","));
        out.push_str("\r\n");
    }
    out
}

/// Returns a field. Spreadsheets take text that begins with `=`, `+`, `-` or `@` as a formula (OWASP, "CSV Injection");
/// an apostrophe makes it text. Line breaks and control characters are escaped.
fn field(text: &str) -> String {
    let text = printable(text);
    let is_formula = text
        .trim_start()
        .starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']);
    let mark = if is_formula { "'" } else { "" };
    format!("\"{mark}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_is_a_formula_or_breaks_a_row() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", " =1"] {
            assert!(csv([vec![text]]).starts_with("\"'"), "{text}");
        }
        assert!(csv([vec!["\t=1"]]).starts_with("\"\\u{9}"));
        assert_eq!(
            csv([vec!["a", "b,\"c\""], vec!["d\n\r=1", ""]]),
            "\"a\",\"b,\"\"c\"\"\"\r\n\"d\\u{a}\\u{d}=1\",\"\"\r\n"
        );
    }
}
