//! The command line. No logic.

use crate::io::Color;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Keeps AWS KMS keys, aliases, key policies and grants as they are declared in YAML.
#[derive(Debug, Parser)]
#[command(name = "kmsctl", version, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done, 1 error, 2 success with changes (plan \
--detailed-exitcode, drift), 3 refused, 4 applied in part, 5 stale plan or locked state, 64 \
usage, 130 interrupted at a safe point.")]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// The configuration: a file, or a folder of *.yaml and *.yml; may be repeated
    #[arg(short, long = "file", global = true, value_name = "PATH")]
    pub files: Vec<PathBuf>,
    /// Sets a variable of the configuration; may be repeated
    #[arg(long = "var", global = true, value_name = "NAME=VALUE")]
    pub vars: Vec<String>,
    /// Where the state is kept: a folder
    #[arg(long, global = true, value_name = "LOCATION", default_value = "state")]
    pub state: String,
    /// The Region, in place of the configuration's
    #[arg(long, global = true)]
    pub region: Option<String>,
    /// The AWS profile
    #[arg(long, global = true)]
    pub profile: Option<String>,
    /// Colour in the output
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// How many resources are read or changed side by side
    #[arg(long, global = true, value_name = "N", default_value_t = 64)]
    pub parallelism: usize,
    /// Says more
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

/// How a plan is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person at a terminal.
    Text,
    /// For programs.
    Json,
    /// For a pull request.
    Markdown,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check all that can be checked without AWS
    Validate,
    /// Show what apply would do
    Plan(PlanArgs),
    /// Plan, ask, and execute; or execute exactly a saved plan
    Apply(ApplyArgs),
    /// Plan and apply the deletion of the stack, under the same protections
    Destroy(DestroyArgs),
    /// Show where AWS differs from what was last applied
    Drift {
        /// How to write it
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Show a saved plan
    Show {
        /// The plan
        file: PathBuf,
        /// How to write it
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Look at and mend the records
    #[command(subcommand)]
    State(StateCommand),
    /// Show who can do what with a key, by its policy and by its grants
    Access(Box<AccessArgs>),
    /// Show what depends on a key, and what was looked at to know it
    Impact(ImpactArgs),
    /// Look for mistakes in the policies and the keys, without AWS
    Lint(LintArgs),
    /// Judge policy documents alone, without AWS and without a stack
    Policy(Box<PolicyArgs>),
    /// Print the configuration's JSON Schema
    Schema,
    /// Print shell completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// The options of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Save the plan for `apply`
    #[arg(long, value_name = "FILE", conflicts_with = "refresh_only")]
    pub out: Option<PathBuf>,
    /// Exit with 2 where there are changes
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// How to write it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Only these addresses and what they need; `*` stands for any text; may be repeated
    #[arg(long = "target", value_name = "ADDRESS")]
    pub targets: Vec<String>,
    /// Only what changed outside of kmsctl
    #[arg(long)]
    pub refresh_only: bool,
    /// Print the equivalent `aws` commands
    #[arg(long)]
    pub commands: bool,
}

/// The options of `apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// A saved plan
    pub plan: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    pub auto_approve: bool,
    /// Only these addresses and what they need; `*` stands for any text; may be repeated
    #[arg(long = "target", value_name = "ADDRESS", conflicts_with = "plan")]
    pub targets: Vec<String>,
}

/// The options of `destroy`.
#[derive(Debug, Args)]
pub struct DestroyArgs {
    /// Do not ask
    #[arg(long)]
    pub auto_approve: bool,
    /// Only these addresses; `*` stands for any text; may be repeated
    #[arg(long = "target", value_name = "ADDRESS")]
    pub targets: Vec<String>,
}

/// The commands on records.
#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// List the addresses
    List,
    /// Show one record
    Show {
        /// Whose
        address: String,
    },
    /// Give a record another address
    Mv {
        /// The address it has
        from: String,
        /// The address it gets
        to: String,
    },
    /// Drop a record without touching AWS
    Forget {
        /// Whose
        address: String,
    },
    /// Break a lock whose holder is dead
    Unlock {
        /// The id that the refusal named
        id: String,
    },
}

/// The options of `access`.
#[derive(Debug, Args)]
pub struct AccessArgs {
    /// The key: its name in the stack, an alias, an id or an ARN
    pub key: String,
    /// Only what this one can do: an ARN, or a service such as cloudtrail.amazonaws.com
    #[arg(long, value_name = "ARN|SERVICE")]
    pub principal: Option<String>,
    /// Whether the principal can do this, such as kms:Decrypt, and what decides it
    #[arg(long, value_name = "ACTION", requires = "principal")]
    pub action: Option<String>,
    /// What else is known of the request
    #[command(flatten)]
    pub about: AboutArgs,
    /// How to write it
    #[arg(long, value_enum, default_value_t = Answer::Text)]
    pub format: Answer,
}

/// The options of `impact`.
#[derive(Debug, Args)]
pub struct ImpactArgs {
    /// The key: its name in the stack, an alias, an id or an ARN
    pub key: String,
    /// How to write it
    #[arg(long, value_enum, default_value_t = Answer::Text)]
    pub format: Answer,
}

/// What is known of a request besides who asks for what.
#[derive(Debug, Args)]
pub struct AboutArgs {
    /// A condition key of the request and its value; may be repeated, also for one key
    #[arg(long, value_name = "KEY=VALUE")]
    pub context: Vec<String>,
    /// A condition key of which it is not known whether the request has it; may be repeated
    #[arg(long, value_name = "KEY")]
    pub unknown_context: Vec<String>,
    /// The role behind the session that asks
    #[arg(long, value_name = "ARN")]
    pub role_arn: Option<String>,
    /// The unique id of the one who asks
    #[arg(long, value_name = "ID")]
    pub principal_id: Option<String>,
}

/// The options of every command on policy documents.
#[derive(Debug, Args)]
pub struct PolicyArgs {
    /// The account that the key is in
    #[arg(long, global = true, value_name = "ID")]
    pub account: Option<String>,
    /// The partition that the key is in
    #[arg(long, global = true, default_value = "aws")]
    pub partition: String,
    /// The key's ARN, where it is known
    #[arg(long, global = true, value_name = "ARN")]
    pub key_arn: Option<String>,
    /// The command.
    #[command(subcommand)]
    pub command: PolicyCommand,
}

/// How an answer about policy documents is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Answer {
    /// For a person at a terminal.
    Text,
    /// For programs.
    Json,
}

/// The commands on policy documents.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Show who gains and who loses access between two documents; `-` is standard input
    Diff(PolicyDiffArgs),
    /// Show whether a request would be allowed
    Eval(PolicyEvalArgs),
    /// Look for mistakes
    Lint(PolicyLintArgs),
}

/// The options of `policy diff`.
#[derive(Debug, Args)]
pub struct PolicyDiffArgs {
    /// The document that is
    pub old: PathBuf,
    /// The document that would be
    pub new: PathBuf,
    /// Exit with 2 where access changes or may change
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// How to write it
    #[arg(long, value_enum, default_value_t = Answer::Text)]
    pub format: Answer,
}

/// The options of `policy eval`.
#[derive(Debug, Args)]
pub struct PolicyEvalArgs {
    /// The document
    pub file: PathBuf,
    /// Who asks: an ARN, or a service such as cloudtrail.amazonaws.com
    #[arg(long, value_name = "ARN|SERVICE")]
    pub principal: String,
    /// What for, such as kms:Decrypt
    #[arg(long, value_name = "ACTION")]
    pub action: String,
    /// What else is known of the request
    #[command(flatten)]
    pub about: AboutArgs,
    /// The grants of the key: what `aws kms list-grants` prints
    #[arg(long, value_name = "FILE")]
    pub grants: Option<PathBuf>,
    /// How to write it
    #[arg(long, value_enum, default_value_t = Answer::Text)]
    pub format: Answer,
}

/// How findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Report {
    /// For a person at a terminal.
    Text,
    /// For programs.
    Json,
    /// For code scanning (SARIF 2.1.0).
    Sarif,
}

/// The options of `lint`.
#[derive(Debug, Args)]
pub struct LintArgs {
    /// Judge the policies that AWS holds, in place of those that are declared
    #[arg(long)]
    pub live: bool,
    /// How to write it
    #[arg(long, value_enum, default_value_t = Report::Text)]
    pub format: Report,
}

/// The options of `policy lint`.
#[derive(Debug, Args)]
pub struct PolicyLintArgs {
    /// The documents
    #[arg(required = true, value_name = "FILE")]
    pub documents: Vec<PathBuf>,
    /// Who will write the policy: it must not lock itself out
    #[arg(long, value_name = "ARN")]
    pub caller: Option<String>,
    /// The key's usage, such as ENCRYPT_DECRYPT
    #[arg(long, value_name = "USAGE")]
    pub key_usage: Option<String>,
    /// How to write it
    #[arg(long, value_enum, default_value_t = Report::Text)]
    pub format: Report,
}
