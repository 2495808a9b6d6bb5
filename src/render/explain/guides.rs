//! The subjects that concern more than one field of the configuration or one command.

/// A subject.
#[derive(Clone, Copy, Debug)]
pub struct Guide {
    /// The name on the command line.
    pub name: &'static str,
    /// The title.
    pub title: &'static str,
    /// The text: paragraphs, items that begin with `- `, and indented lines that are not wrapped.
    pub text: &'static str,
}

/// All subjects, sorted by name.
pub const GUIDES: &[Guide] = &[
    Guide {
        name: "adoption",
        title: "How to take over the keys that an account has",
        text: include_str!("guides/adoption.txt"),
    },
    Guide {
        name: "consumers",
        title: "Resources that a key encrypts, and the statements they need",
        text: include_str!("guides/consumers.txt"),
    },
    Guide {
        name: "dependencies",
        title: "How kmsctl finds what depends on a key",
        text: include_str!("guides/dependencies.txt"),
    },
    Guide {
        name: "exit-codes",
        title: "What the exit codes mean",
        text: include_str!("guides/exit-codes.txt"),
    },
    Guide {
        name: "limits",
        title: "How much kmsctl reads and computes",
        text: include_str!("guides/limits.txt"),
    },
    Guide {
        name: "ownership",
        title: "Which resources of AWS belong to a stack",
        text: include_str!("guides/ownership.txt"),
    },
    Guide {
        name: "permissions",
        title: "Which IAM permissions kmsctl needs, and how tightly they are bounded",
        text: include_str!("guides/permissions.txt"),
    },
    Guide {
        name: "pipelines",
        title: "Plan on the pull request, apply on merge",
        text: include_str!("guides/pipelines.txt"),
    },
    Guide {
        name: "principals",
        title: "How to name users, roles, accounts and services",
        text: include_str!("guides/principals.txt"),
    },
    Guide {
        name: "refusals",
        title: "What a plan refuses to do",
        text: include_str!("guides/refusals.txt"),
    },
    Guide {
        name: "signs",
        title: "The signs in plans and policy diffs",
        text: include_str!("guides/signs.txt"),
    },
    Guide {
        name: "state",
        title: "What kmsctl records, and what happens if the record is lost",
        text: include_str!("guides/state.txt"),
    },
    Guide {
        name: "variables",
        title: "Variables in the configuration",
        text: include_str!("guides/variables.txt"),
    },
];
