//! Tests that text cannot control a terminal, a page or a CI system.

use super::samples::{creation, update};
use super::{Style, commands, human, json, markdown, workflow_safe};
use proptest::prelude::*;

fn hostile() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "\u{1b}[2J",
        "</details>",
        "```",
        "|",
        "\n",
        "::error::x",
        "##[error]x",
        "@team",
        "'",
        " ",
        "\u{202e}",
        "\u{9b}",
        "$(id)",
        "`id`",
        "<img src=x>",
        "a",
        "[l](http://x)",
        "--x",
    ]);
    prop::collection::vec(parts, 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn hostile_text_is_escaped_in_every_form(text in hostile(), width in 0_usize..100) {
        let style = Style { width, ..Style::default() };
        for plan in [creation(&text), update(&text)] {
            let (human, markdown) = (human::plan(&plan, &style), markdown::plan(&plan));
            let all = [&human, &markdown, &commands::plan(&plan), &json::text(&plan)];
            for out in all {
                prop_assert!(!out.chars().any(|c| c != '\n' && crate::text::is_unsafe(c)));
                prop_assert!(!out.lines().any(|line| line.trim_start().starts_with("::")));
            }
            prop_assert!(!human.contains("##[") && !markdown.contains("##["));
            for bad in ["@team", "<img", "](http", "`id`"] {
                prop_assert!(!markdown.contains(bad), "{bad} in {markdown}");
            }
            prop_assert_eq!(markdown.matches("</details>").count(), plan.steps.len());
            prop_assert_eq!(markdown.matches("```").count() % 2, 0);
        }
    }

    #[test]
    fn workflow_commands_are_escaped(text in hostile()) {
        let safe = workflow_safe(&text);
        prop_assert!(!safe.lines().any(|line| line.trim_start().starts_with("::")));
        prop_assert!(!safe.contains("##["));
    }
}
