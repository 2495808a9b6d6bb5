//! Tests that text cannot control a terminal, a page or a CI system.

use super::samples::{creation, update};
use super::{Caller, Style, commands, human, json, markdown};
use crate::text::{Medium, inert, is_unsafe};
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
        "##vso[task.setvariable variable=A]x",
        "##teamcity[x]",
        "\u{200b}",
        "\u{e0041}",
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
            let human = human::plan(&plan, &Caller::default(), &style);
            let markdown = markdown::plan(&plan, &Caller::default());
            let all = [
                inert(&human, Medium::Text).into_owned(),
                inert(&markdown, Medium::Text).into_owned(),
                inert(&commands::plan(&plan), Medium::Shell).into_owned(),
                inert(&json::text(&plan), Medium::Json).into_owned(),
            ];
            for out in &all {
                prop_assert!(!out.chars().any(|c| c != '\n' && is_unsafe(c)));
                prop_assert!(!has_command(out), "{out}");
            }
            let same: serde_json::Value = serde_json::from_str(&all[3]).unwrap();
            prop_assert_eq!(same, json::plan(&plan));
            for bad in ["@team", "<img", "](http", "`id`"] {
                prop_assert!(!markdown.contains(bad), "{bad} in {markdown}");
            }
            prop_assert_eq!(markdown.matches("</details>").count(), plan.steps.len());
            prop_assert_eq!(markdown.matches("```").count() % 2, 0);
        }
    }

    #[test]
    fn commands_of_ci_systems_are_escaped(text in hostile()) {
        for medium in [Medium::Text, Medium::Json, Medium::Shell] {
            let safe = inert(&text, medium);
            prop_assert!(medium != Medium::Text || !has_command(&safe));
            prop_assert!(!has_hash_command(&safe));
            prop_assert_eq!(&inert(&safe, medium), &safe);
        }
    }
}

fn has_command(text: &str) -> bool {
    has_hash_command(text) || text.lines().any(|line| line.trim_start().starts_with("::"))
}

fn has_hash_command(text: &str) -> bool {
    ["##[", "##vso[", "##teamcity["].iter().any(|command| text.contains(command))
}
