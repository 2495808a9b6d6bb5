//! The command line. No logic.

use crate::io::Color;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Manages AWS KMS keys, aliases, policies, grants and the resources they encrypt, declared in YAML
///
/// `kmsctl plan` compares the configuration with AWS and shows every call that it would make, who gains and who loses
/// access, and what it refuses to do. `kmsctl apply` makes those calls. The resources are EBS volumes, EFS file systems, RDS
/// databases, Elasticsearch and OpenSearch domains, CloudTrail trails, DynamoDB tables and Auto Scaling groups.
///
/// `kmsctl explain` describes the configuration, the lint rules and subjects such as `ownership` and `refusals`.
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
    /// Configuration file, or folder of *.yaml and *.yml files; may be repeated
    ///
    /// Default: kmsctl.yaml. Files are merged: lists one after the other, and the entries of a top-level section such as `keys`
    /// by their names. A section within a section, such as `ebs.volumes`, is in one file.
    #[arg(short, long = "file", global = true, value_name = "PATH")]
    pub files: Vec<PathBuf>,
    /// Set a variable of the configuration, `${var.NAME}`; may be repeated
    #[arg(long = "var", global = true, value_name = "NAME=VALUE")]
    pub vars: Vec<String>,
    /// Folder that holds the state
    #[arg(long, global = true, value_name = "LOCATION", default_value = "state")]
    pub state: String,
    /// AWS Region; overrides the configuration's
    #[arg(long, global = true)]
    pub region: Option<String>,
    /// AWS profile to use
    ///
    /// Credentials, profiles, SSO, web identity and AWS_ENDPOINT_URL are read as the AWS SDKs do. Credentials in environment
    /// variables take precedence over a profile.
    #[arg(long, global = true)]
    pub profile: Option<String>,
    /// Whether to colour the output
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// How many resources to read or change at the same time
    #[arg(long, global = true, value_name = "N", default_value_t = 64)]
    pub parallelism: usize,
    /// Show more detail, such as the actions of an access change and waived findings
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

/// The format of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For a pull request.
    Markdown,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check the configuration without AWS
    ///
    /// Unknown fields are errors. All errors are reported at once, each with its place and what would be right. A value that is missing or a file that is
    /// not valid YAML hides only what follows from it. Exits with 3 if a policy could lock everybody out; a plan refuses that,
    /// unless the key has that policy already.
    Validate,
    /// Show what apply would do
    ///
    /// Reads AWS and changes nothing. Shows every call, who gains and who loses which access, the lint findings, and the changes
    /// that it refuses, with exit code 3 (`kmsctl explain refusals`). `kmsctl explain signs` describes the signs.
    Plan(PlanArgs),
    /// Plan, ask for confirmation and execute; or execute exactly a saved plan
    ///
    /// Makes the calls in dependency order. Waits until AWS has created or changed a resource, and works on everything else
    /// meanwhile. Refused changes are left out, with exit code 3. It can be interrupted or killed at any point: the next run
    /// ends where an undisturbed one would have. A saved plan that no longer fits AWS or the state is refused with exit code 5.
    Apply(ApplyArgs),
    /// Plan and apply the deletion of the stack, under the same protections
    ///
    /// Deleting a key schedules its deletion after `deletion_window_days`. What is protected, used or not shown to be the
    /// stack's is not deleted.
    Destroy(DestroyArgs),
    /// Show where AWS differs from what was last applied
    ///
    /// Exits with 2 if there are differences. It compares AWS with the record in the state: without a record there is nothing
    /// to compare, and no drift is reported.
    Drift {
        /// Output format
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Show a saved plan
    Show {
        /// File that `kmsctl plan --out FILE` wrote
        #[arg(value_name = "PLANFILE")]
        file: PathBuf,
        /// Output format
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Inspect and repair the state
    ///
    /// The commands read and change the records of the configured stack and never call AWS. `kmsctl explain state` describes
    /// the files.
    #[command(subcommand)]
    State(StateCommand),
    /// Show who can do what with a key, by its policy and its grants
    ///
    /// Reads the policy and the grants that AWS holds. IAM policies are not read: what is "delegated" must be allowed by one, too.
    Access(Box<AccessArgs>),
    /// Show what depends on a key, and what was searched to find it
    ///
    /// Searches the key's account and Region; `kmsctl explain dependencies` says for what. A plan does the same before it would
    /// disable or delete a key, and blocks that if something depends on it.
    Impact(ImpactArgs),
    /// Find mistakes in the policies and keys of a stack, without AWS
    ///
    /// Judges key policies as key policies: `Resource: "*"` is this key, and `kms:*` for the account's root is right. A finding
    /// names its rule, its line and column, and the fix; `kmsctl explain RULE` says why the rule matters. Exits with 3 if an error
    /// is found. Findings can be waived for a while (`kmsctl explain lint.waivers`); `-v` shows the waived ones, and SARIF has
    /// them as suppressed.
    Lint(LintArgs),
    /// Compare, evaluate or check policy documents, without AWS and without a stack
    Policy(Box<PolicyArgs>),
    /// Explain a lint rule, a section or field of the configuration, or a subject
    ///
    /// A lint rule goes by its id or its name (`KMS301`, `public`), a section or field by its path (`keys.policy`,
    /// `rds.instances.backup_window`); the end of a path suffices if it is unique. Without a topic, lists all topics.
    Explain {
        /// What to explain
        topic: Option<String>,
    },
    /// Print the JSON Schema of the configuration
    ///
    /// Editors use it to complete and check the YAML; `kmsctl explain` prints it as text.
    Schema,
    /// Print shell completions
    Completions {
        /// Shell to print them for
        shell: clap_complete::Shell,
    },
}

/// The options of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Save the plan for `kmsctl apply PLANFILE`
    #[arg(long, value_name = "FILE", conflicts_with = "refresh_only")]
    pub out: Option<PathBuf>,
    /// Exit with 2 if there are changes
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Only these addresses and what they depend on, such as `key/app`; `*` matches any text; may be repeated
    #[arg(long = "target", value_name = "ADDRESS")]
    pub targets: Vec<String>,
    /// Show only what changed outside of kmsctl since the last apply
    #[arg(long)]
    pub refresh_only: bool,
    /// Print the equivalent `aws` commands instead of the plan
    #[arg(long)]
    pub commands: bool,
}

/// The options of `apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// Saved plan, as `kmsctl plan --out FILE` wrote it
    #[arg(value_name = "PLANFILE")]
    pub plan: Option<PathBuf>,
    /// Do not ask for confirmation
    #[arg(long)]
    pub auto_approve: bool,
    /// Only these addresses and what they depend on, such as `key/app`; `*` matches any text; may be repeated
    #[arg(long = "target", value_name = "ADDRESS", conflicts_with = "plan")]
    pub targets: Vec<String>,
}

/// The options of `destroy`.
#[derive(Debug, Args)]
pub struct DestroyArgs {
    /// Do not ask for confirmation
    #[arg(long)]
    pub auto_approve: bool,
    /// Only these addresses, such as `key/app`; `*` matches any text; may be repeated
    #[arg(long = "target", value_name = "ADDRESS")]
    pub targets: Vec<String>,
}

/// The commands on records.
#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// List the addresses of the records
    List,
    /// Show one record
    Show {
        /// Address of the record, such as `key/app`
        address: String,
    },
    /// Change the address of a record
    ///
    /// For a key that has a new name in the configuration. Its grants move along, and the next plan changes its name tag.
    Mv {
        /// Current address
        from: String,
        /// New address
        to: String,
    },
    /// Remove a record without touching AWS
    Forget {
        /// Address of the record, such as `key/app`
        address: String,
    },
    /// Remove a stale lock, whose holder is dead
    Unlock {
        /// Lock id shown in the `state is locked` error
        id: String,
    },
}

/// The options of `access`.
#[derive(Debug, Args)]
pub struct AccessArgs {
    /// Key: its name in the stack, an alias, an id or an ARN
    pub key: String,
    /// Show only what this principal can do: an ARN, or a service such as cloudtrail.amazonaws.com
    #[arg(long, value_name = "ARN|SERVICE")]
    pub principal: Option<String>,
    /// Show whether the principal can do this, such as kms:Decrypt, and which statement decides
    #[arg(long, value_name = "ACTION", requires = "principal")]
    pub action: Option<String>,
    /// What else is known about the request
    #[command(flatten)]
    pub about: AboutArgs,
    /// Output format
    #[arg(long, value_enum, default_value_t = Answer::Text)]
    pub format: Answer,
}

/// The options of `impact`.
#[derive(Debug, Args)]
pub struct ImpactArgs {
    /// Key: its name in the stack, an alias, an id or an ARN
    pub key: String,
    /// Output format
    #[arg(long, value_enum, default_value_t = Answer::Text)]
    pub format: Answer,
}

/// What is known about a request besides its principal and its action.
#[derive(Debug, Args)]
pub struct AboutArgs {
    /// Condition key of the request and its value; may be repeated, also for the same key
    #[arg(long, value_name = "KEY=VALUE")]
    pub context: Vec<String>,
    /// Condition key that may or may not be present; may be repeated
    #[arg(long, value_name = "KEY")]
    pub unknown_context: Vec<String>,
    /// Role of the session that makes the request
    #[arg(long, value_name = "ARN")]
    pub role_arn: Option<String>,
    /// Unique id of the user or role that makes the request, such as AROA...
    #[arg(long, value_name = "ID")]
    pub principal_id: Option<String>,
}

/// The options of every command on policy documents.
#[derive(Debug, Args)]
pub struct PolicyArgs {
    /// Account of the key
    #[arg(long, global = true, value_name = "ID")]
    pub account: Option<String>,
    /// Partition of the key
    #[arg(long, global = true, default_value = "aws")]
    pub partition: String,
    /// ARN of the key, if known
    #[arg(long, global = true, value_name = "ARN")]
    pub key_arn: Option<String>,
    /// The command.
    #[command(subcommand)]
    pub command: PolicyCommand,
}

/// The format of an answer about policy documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Answer {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// The commands on policy documents.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Show who gains and who loses access between two policies; `-` is standard input
    ///
    /// `kmsctl explain signs` describes the signs.
    Diff(PolicyDiffArgs),
    /// Show whether a policy allows a request
    Eval(PolicyEvalArgs),
    /// Find mistakes in policy documents
    ///
    /// The rules are those of `kmsctl lint` that are about documents. Exits with 3 if an error is found.
    Lint(PolicyLintArgs),
}

/// The options of `policy diff`.
#[derive(Debug, Args)]
pub struct PolicyDiffArgs {
    /// Current policy
    pub old: PathBuf,
    /// Proposed policy
    pub new: PathBuf,
    /// Exit with 2 if access changes or may change
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Answer::Text)]
    pub format: Answer,
}

/// The options of `policy eval`.
#[derive(Debug, Args)]
pub struct PolicyEvalArgs {
    /// Policy document; `-` is standard input
    pub file: PathBuf,
    /// Principal that makes the request: an ARN, or a service such as cloudtrail.amazonaws.com
    #[arg(long, value_name = "ARN|SERVICE")]
    pub principal: String,
    /// Action of the request, such as kms:Decrypt
    #[arg(long, value_name = "ACTION")]
    pub action: String,
    /// What else is known about the request
    #[command(flatten)]
    pub about: AboutArgs,
    /// Grants of the key, as `aws kms list-grants` prints them
    #[arg(long, value_name = "FILE")]
    pub grants: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Answer::Text)]
    pub format: Answer,
}

/// The format of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Report {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For code scanning (SARIF 2.1.0).
    Sarif,
}

/// The options of `lint`.
#[derive(Debug, Args)]
pub struct LintArgs {
    /// Check the policies that AWS holds instead of the declared ones
    #[arg(long)]
    pub live: bool,
    /// List the rules instead of checking anything
    #[arg(long, conflicts_with = "live")]
    pub rules: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Report::Text)]
    pub format: Report,
}

/// The options of `policy lint`.
#[derive(Debug, Args)]
pub struct PolicyLintArgs {
    /// Policy documents; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub documents: Vec<PathBuf>,
    /// Principal that will write the policy; it must not lock itself out
    #[arg(long, value_name = "ARN")]
    pub caller: Option<String>,
    /// Usage of the key, such as ENCRYPT_DECRYPT
    #[arg(long, value_name = "USAGE")]
    pub key_usage: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Report::Text)]
    pub format: Report,
}
