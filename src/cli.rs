//! The definition of the command line.

mod examples;
mod habits;
mod outputs;
mod permissions;
mod policy;

use crate::completion::{addresses, keys, topics};
use crate::io::Color;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::engine::ArgValueCandidates;
use std::path::PathBuf;

pub use habits::explained;
pub use outputs::{OutputArgs, OutputFormat};
pub use permissions::{Need, PermissionsArgs, Policies};
pub use policy::{PolicyArgs, PolicyCommand, PolicyDiffArgs, PolicyEvalArgs, PolicyLintArgs};

/// Manages AWS KMS keys, aliases, policies, grants and the resources they encrypt, declared in YAML
///
/// `kmsctl plan` compares the configuration with AWS. It shows every call that `kmsctl apply` would
/// make, the principals that gain or lose access, and the changes that are refused. The resources
/// are EBS volumes, EFS file systems, RDS databases, Elasticsearch and OpenSearch domains,
/// CloudTrail trails, DynamoDB tables, S3 buckets and Auto Scaling groups.
///
/// `kmsctl explain` describes the configuration, the lint rules and subjects such as `ownership` and `refusals`.
#[derive(Debug, Parser)]
#[command(name = "kmsctl", version, max_term_width = 100)]
#[command(after_long_help = examples::KMSCTL)]
#[command(after_help = "Exit codes: 0 done, 1 error, 2 success with changes (plan \
--detailed-exitcode, drift), 3 refused, 4 applied in part, 5 stale plan or locked state, 64 \
usage, 130 interrupted.")]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Returns the command line, whose commands show only their own options in their help.
#[must_use]
pub fn command() -> clap::Command {
    let top = Cli::command();
    let global: Vec<clap::Arg> = top
        .get_arguments()
        .filter(|arg| arg.is_global_set())
        .map(|arg| arg.clone().hide_short_help(true).hide_long_help(true))
        .collect();
    let names: Vec<String> = top.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    names.iter().fold(top, |top, name| top.mut_subcommand(name, |sub| briefly(sub, &global)))
}

/// What the help of a command says instead of the options of every command.
const ELSEWHERE: &str = "Global options: `kmsctl --help`";

/// Returns a command whose help leaves out the options of every command.
fn briefly(command: clap::Command, global: &[clap::Arg]) -> clap::Command {
    let long = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    let names: Vec<String> =
        command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    // clap leaves a command alone that has an option of this name already.
    let command = command
        .args(global)
        .after_help(ELSEWHERE)
        .after_long_help(format!("{long}\n\n{ELSEWHERE}"));
    names.iter().fold(command, |all, name| all.mut_subcommand(name, |sub| briefly(sub, global)))
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Configuration file, or folder of *.yaml and *.yml files; may be repeated
    ///
    /// Default: kmsctl.yaml. Files are merged: lists are concatenated, and the entries of sections such as `keys` and
    /// `ebs.volumes` are combined by name.
    #[arg(short, long = "file", global = true, value_name = "PATH")]
    pub files: Vec<PathBuf>,
    /// Set a variable of the configuration, `${var.NAME}`; may be repeated
    #[arg(long = "var", global = true, value_name = "NAME=VALUE")]
    pub vars: Vec<String>,
    /// YAML file of variables, a line `NAME: VALUE` each; may be repeated
    ///
    /// Later files override earlier ones, and `--var` overrides all.
    #[arg(long = "var-file", global = true, value_name = "FILE")]
    pub var_files: Vec<PathBuf>,
    /// Configuration whose gates are in force as well, such as that of the base branch
    ///
    /// The authors of a change can edit the gates of its configuration, but not these. Waivers that this file does
    /// not have are reported.
    #[arg(long, global = true, value_name = "FILE", env = "KMSCTL_GATES")]
    pub gates: Option<PathBuf>,
    /// Folder or S3 prefix that holds the state, such as s3://bucket/prefix, or `none`
    ///
    /// With `none` no record is kept, and every run finds the resources of the stack in AWS. In S3, one run at a time
    /// holds a lease, which ends by itself, and every write is conditional (`kmsctl explain state`).
    #[arg(
        long,
        global = true,
        value_name = "LOCATION",
        default_value = "state",
        env = "KMSCTL_STATE",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub state: String,
    /// AWS Region; overrides the configuration's
    #[arg(long, global = true)]
    pub region: Option<String>,
    /// AWS profile to use, also if the environment has credentials
    ///
    /// Credentials, profiles, SSO, web identity and AWS_ENDPOINT_URL work as in the AWS SDKs. AWS_ACCESS_KEY_ID takes
    /// precedence over AWS_PROFILE, and this option over both.
    #[arg(long, global = true, value_parser = NonEmptyStringValueParser::new())]
    pub profile: Option<String>,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// Number of resources to read or change at the same time
    #[arg(long, global = true, value_name = "N", default_value_t = 64, value_parser = at_least_one, allow_negative_numbers = true)]
    pub parallelism: usize,
    /// Longest time for which AWS may return old answers after a change
    ///
    /// A run that begins within this time after the last one, and finds differences, reads the stack again
    /// before it reports them.
    #[arg(
        long,
        global = true,
        value_name = "SECONDS",
        default_value_t = 15,
        env = "KMSCTL_SETTLE_TIME",
        value_parser = seconds,
        allow_negative_numbers = true
    )]
    pub settle_time: u64,
    /// Longest time for which AWS may deny a call after a change of the key's policy or grants
    ///
    /// Such a change applies everywhere only after up to five minutes. Apply repeats a call that AWS denies until
    /// the change is this old.
    #[arg(
        long,
        global = true,
        value_name = "SECONDS",
        default_value_t = 300,
        env = "KMSCTL_PATIENCE",
        value_parser = seconds,
        allow_negative_numbers = true
    )]
    pub patience: u64,
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
    /// Write a first configuration
    ///
    /// Finds the account, the Region and the caller as `kmsctl plan` does, asks for the rest on a terminal, and takes
    /// the defaults otherwise. The file explains its fields in comments, is valid, and can be planned at once. Without
    /// credentials, what they would tell is left out. An existing file is never replaced. `-f` names the file, too.
    #[command(after_long_help = examples::INIT)]
    Init(InitArgs),
    /// Check the configuration without AWS
    ///
    /// Unknown fields are errors. All errors of form are reported at once, each with its position and a fix. Errors
    /// that only follow from a missing value or from a file that is not valid YAML are left out. Policies are checked
    /// once the form of the configuration is right. Exits with 3 if lint finds an error in a policy or in the settings
    /// of a key (`kmsctl lint`), or if a key could become unmanageable with its policy.
    #[command(after_long_help = examples::VALIDATE)]
    Validate,
    /// Show what apply would do
    ///
    /// Reads AWS and changes nothing. Shows every call, the access that principals gain or lose,
    /// the lint findings, and the refused changes. Exits with 3 if a change is refused (`kmsctl
    /// explain refusals`). `kmsctl explain signs` describes the signs.
    #[command(after_long_help = examples::PLAN)]
    Plan(PlanArgs),
    /// Plan, ask for confirmation and apply; or apply exactly a saved plan
    ///
    /// Makes the calls in dependency order. While AWS creates or changes a resource, the other
    /// resources are processed. Refused changes are left out; the exit code is then 3. An apply can
    /// be interrupted or killed at any time: the next one continues, with the same result. A saved
    /// plan that no longer matches AWS or the state is refused with exit code 5.
    #[command(after_long_help = examples::APPLY)]
    Apply(ApplyArgs),
    /// Plan and apply the deletion of all resources of the stack
    ///
    /// Deleting a key schedules its deletion after `deletion_window_days`. Resources that are
    /// protected or in use are not deleted, nor those that cannot be shown to belong to the stack.
    #[command(after_long_help = examples::DESTROY)]
    Destroy(DestroyArgs),
    /// Show what changed in AWS since the last apply
    ///
    /// Exits with 2 if there are differences or findings. The live resources are compared with the
    /// records in the state. A resource without a record is compared with the configuration.
    #[command(after_long_help = examples::DRIFT)]
    Drift {
        /// Output format
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Print the ids and ARNs of what the stack has in AWS, for scripts and the next job of a pipeline
    ///
    /// With ADDRESS, prints only its ARN, or its id if AWS gives it no ARN. The records of the state are used; what
    /// they do not have is looked up in AWS, as `kmsctl plan` does, always with `--state none`.
    #[command(after_long_help = examples::OUTPUT)]
    Output(OutputArgs),
    /// Show a saved plan
    ///
    /// The access, the findings and the calls are those that the file has: `kmsctl apply` makes the plan again, and
    /// refuses a file that differs. With `--digest`, the file is certainly the one that `kmsctl plan --out FILE` wrote.
    #[command(after_long_help = examples::SHOW)]
    Show {
        /// File that `kmsctl plan --out FILE` wrote
        #[arg(value_name = "PLANFILE")]
        file: PathBuf,
        /// SHA-256 digest of the saved plan, as `kmsctl plan --out FILE` printed it; another plan is refused
        #[arg(long, value_name = "SHA256")]
        digest: Option<String>,
        /// Output format
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Inspect and repair the state
    ///
    /// The commands read or change the records of the configured stack. Of AWS they call at most S3,
    /// if the state is there, and `show` KMS. `kmsctl explain state` describes the files.
    #[command(subcommand)]
    #[command(after_long_help = examples::STATE)]
    State(StateCommand),
    /// Show who can do what with a key, by its policy and its grants
    ///
    /// Reads the policy and the grants in AWS. IAM policies are not read: access that is shown as
    /// "delegated" must be allowed by an IAM policy too.
    #[command(after_long_help = examples::ACCESS)]
    Access(Box<AccessArgs>),
    /// Rotate the key material of a key now, after a question
    ///
    /// Makes one call, `RotateKeyOnDemand`, and shows before how many are left: AWS allows 25 for the lifetime of a
    /// key. Nothing is re-encrypted, and whoever could decrypt data still can. Of a multi-Region key, the primary key
    /// is rotated, and its replicas follow. `keys.rotation` lets AWS rotate a key each year instead.
    #[command(after_long_help = examples::ROTATE)]
    Rotate {
        /// Key: its name in the stack, an alias, an id or an ARN
        #[arg(add = ArgValueCandidates::new(keys))]
        key: String,
        /// Do not ask for confirmation
        #[arg(long)]
        auto_approve: bool,
    },
    /// Show the resources that depend on a key, and the lists that were searched
    ///
    /// Searches the key's account and Region; `kmsctl explain dependencies` lists the kinds of
    /// resources. A plan that would disable or delete a key makes the same search, and blocks the
    /// step if a resource depends on the key.
    #[command(after_long_help = examples::IMPACT)]
    Impact(ImpactArgs),
    /// Write the configuration of keys that exist, for a plan that makes no call
    ///
    /// Each key is taken over by its ARN. A policy is written as roles and statements if they certainly give the same
    /// access, and otherwise as a document; AWS's default policy is not written. Grants of AWS services, AWS managed
    /// keys, and keys that belong to a stack are left out, and said. Without KEY, all keys of the Region are
    /// exported.
    #[command(after_long_help = examples::EXPORT)]
    Export(ExportArgs),
    /// Print the least IAM policies that kmsctl needs for the stack, or for one saved plan
    ///
    /// Reads the configuration and the records; of AWS it asks only who the caller is. `--for export` needs no
    /// configuration, because the first export comes before it. Every statement has a Sid that says what it is for.
    /// What AWS cannot bound is printed after the policies, or on stderr. `kmsctl explain permissions` describes the
    /// parts.
    #[command(after_long_help = examples::PERMISSIONS)]
    Permissions(Box<PermissionsArgs>),
    /// Find mistakes in the policies and keys of a stack, without AWS unless --live is set
    ///
    /// The rules are made for key policies: `Resource: "*"` is this key, and `kms:*` for the
    /// account's root is correct. A finding shows its rule, its line and column, and the fix;
    /// `kmsctl explain RULE` gives the reason for the rule. Exits with 3 if an error is found.
    /// Findings can be waived until a date (`kmsctl explain lint.waivers`). `-v` shows waived
    /// findings, and SARIF marks them as suppressed.
    #[command(after_long_help = examples::LINT)]
    Lint(LintArgs),
    /// Compare, evaluate or check policy documents, without AWS and without a stack
    #[command(after_long_help = examples::POLICY)]
    Policy(Box<PolicyArgs>),
    /// Explain a lint rule, a section or field of the configuration, or a subject
    ///
    /// The topic is the id or the name of a lint rule (`KMS301`, `public`), the path of a section
    /// or field (`keys.policy`, `rds.instances.backup_window`), or a subject. The end of a path is
    /// enough if it is unique. Without a topic, lists all topics.
    #[command(after_long_help = examples::EXPLAIN)]
    Explain {
        /// Topic to explain
        #[arg(add = ArgValueCandidates::new(topics))]
        topic: Option<String>,
    },
    /// Print the JSON Schema of the configuration
    ///
    /// Editors use it to complete and check the YAML. `kmsctl explain` shows it as text.
    #[command(after_long_help = examples::SCHEMA)]
    Schema,
    /// Print the script with which a shell completes commands, options, addresses and files
    ///
    /// The script asks this program at each completion, which reads the configuration and never calls AWS.
    #[command(after_long_help = examples::COMPLETIONS)]
    Completions {
        /// Shell to print it for
        shell: clap_complete::Shell,
    },
    /// Write the manual pages
    ///
    /// Without `--out`, prints the page of kmsctl itself.
    #[command(after_long_help = examples::MAN)]
    Man {
        /// Folder to write a page for each command into
        #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
        out: Option<PathBuf>,
    },
}

/// The options of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Name of the stack, which owns its resources; default: that of the folder
    #[arg(long, value_name = "NAME")]
    pub stack: Option<String>,
    /// Name of the key; default: app
    #[arg(long, value_name = "NAME")]
    pub key: Option<String>,
    /// Who manages the key, such as role/SecurityAdmin; may be repeated; default: the caller, if it is a user or a role
    #[arg(long = "administrator", value_name = "PRINCIPAL")]
    pub administrators: Vec<String>,
    /// Who encrypts and decrypts with the key, such as role/App; may be repeated
    #[arg(long = "user", value_name = "PRINCIPAL")]
    pub users: Vec<String>,
    /// File to write; `-` prints it; default: kmsctl.yaml
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
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
    #[arg(long = "target", value_name = "ADDRESS", add = ArgValueCandidates::new(addresses))]
    pub targets: Vec<String>,
    /// Show only the changes outside kmsctl since the last apply
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
    /// SHA-256 digest of the saved plan, as `kmsctl plan --out FILE` printed it; another plan is refused
    #[arg(long, value_name = "SHA256", requires = "plan")]
    pub digest: Option<String>,
    /// Do not ask for confirmation
    #[arg(long)]
    pub auto_approve: bool,
    /// Only these addresses and what they depend on, such as `key/app`; `*` matches any text; may be repeated
    #[arg(long = "target", value_name = "ADDRESS", conflicts_with = "plan", add = ArgValueCandidates::new(addresses))]
    pub targets: Vec<String>,
    /// Do not check before the first call whether the policies of the keys and IAM allow the calls
    #[arg(long)]
    pub no_preflight: bool,
}

/// The options of `destroy`.
#[derive(Debug, Args)]
pub struct DestroyArgs {
    /// Do not ask for confirmation
    #[arg(long)]
    pub auto_approve: bool,
    /// Only these addresses, such as `key/app`; `*` matches any text; may be repeated
    #[arg(long = "target", value_name = "ADDRESS", add = ArgValueCandidates::new(addresses))]
    pub targets: Vec<String>,
    /// Do not check before the first call whether the policies of the keys and IAM allow the calls
    #[arg(long)]
    pub no_preflight: bool,
}

/// The commands on records.
#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// List the addresses of the records
    #[command(after_long_help = examples::STATE_LIST)]
    List,
    /// Show one record, and of a key its rotations
    ///
    /// The rotations are read from AWS. The record is shown without them if AWS does not answer within three seconds.
    #[command(after_long_help = examples::STATE_SHOW)]
    Show {
        /// Address of the record, such as `key/app`
        #[arg(add = ArgValueCandidates::new(addresses))]
        address: String,
    },
    /// Change the address of a record
    ///
    /// Use it if a key gets a new name in the configuration. The records of its grants are changed
    /// too, and the next plan changes the key's name tag.
    #[command(after_long_help = examples::STATE_MV)]
    Mv {
        /// Current address
        #[arg(add = ArgValueCandidates::new(addresses))]
        from: String,
        /// New address
        #[arg(add = ArgValueCandidates::new(addresses))]
        to: String,
    },
    /// Remove a record without touching AWS
    #[command(after_long_help = examples::STATE_FORGET)]
    Forget {
        /// Address of the record, such as `key/app`
        #[arg(add = ArgValueCandidates::new(addresses))]
        address: String,
    },
    /// Remove the lock of a folder whose process ran on another machine and no longer exists
    ///
    /// The lock of a process on a host with the name of this one ends with the process, and is not removed before. A
    /// lease in S3 ends by itself and is never removed.
    #[command(after_long_help = examples::STATE_UNLOCK)]
    Unlock {
        /// Lock id shown in the `state is locked` error
        id: String,
    },
}

/// The options of `access`.
#[derive(Debug, Args)]
pub struct AccessArgs {
    /// Key: its name in the stack, an alias, an id or an ARN
    #[arg(add = ArgValueCandidates::new(keys))]
    pub key: String,
    /// Show only what this principal can do: role/NAME, user/NAME, an ARN, or a service such as
    /// cloudtrail.amazonaws.com
    #[arg(long, value_name = "PRINCIPAL")]
    pub principal: Option<String>,
    /// Show who can do this, such as kms:Decrypt; with --principal, whether that one can
    #[arg(long, value_name = "ACTION")]
    pub action: Option<String>,
    /// Further facts about the request.
    #[command(flatten)]
    pub about: AboutArgs,
    /// Exit with 2 if the access that was asked about is denied, or the principal does not exist
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Table::Text)]
    pub format: Table,
}

/// The format of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Table {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
}

/// The options of `impact`.
#[derive(Debug, Args)]
pub struct ImpactArgs {
    /// Key: its name in the stack, an alias, an id or an ARN
    #[arg(add = ArgValueCandidates::new(keys))]
    pub key: String,
    /// Output format
    #[arg(long, value_enum, default_value_t = Answer::Text)]
    pub format: Answer,
}

/// The name of the stack of an export that names none.
pub const NEW_STACK: &str = "main";

/// The options of `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Key to export: an alias, an id, an ARN, or a pattern of aliases such as `prod/*`; may be repeated
    #[arg(value_name = "KEY")]
    pub keys: Vec<String>,
    /// New folder for the files; more than 20 keys get a file each. Without it, one file is printed
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Name of the stack
    #[arg(long, value_name = "NAME", default_value = NEW_STACK)]
    pub stack: String,
    /// Regions to read, the first of which is the stack's; default: the configured one
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    pub regions: Vec<String>,
    /// File of names by ARN: its names are kept, and the file is written anew
    #[arg(long, value_name = "FILE")]
    pub names: Option<PathBuf>,
    /// List the resources that the keys encrypt too, as `existing` entries
    #[arg(long)]
    pub consumers: bool,
    /// Succeed although some keys could not be read
    #[arg(long)]
    pub partial: bool,
}

/// Facts about a request besides its principal and its action.
#[derive(Debug, Args)]
pub struct AboutArgs {
    /// Condition key of the request and its value; may be repeated, also for the same key
    #[arg(long, value_name = "KEY=VALUE", requires = "principal")]
    pub context: Vec<String>,
    /// Condition key that may or may not be present; may be repeated
    #[arg(long, value_name = "KEY", requires = "principal")]
    pub unknown_context: Vec<String>,
    /// Role of the session that makes the request
    #[arg(long, value_name = "ARN", requires = "principal")]
    pub role_arn: Option<String>,
    /// Unique id of the user or role that makes the request, such as AROA...
    #[arg(long, value_name = "ID", requires = "principal")]
    pub principal_id: Option<String>,
}

/// The format of an answer about policy documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Answer {
    /// For people.
    Text,
    /// For programs.
    Json,
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

/// Parses a number that is at least one.
fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1 is necessary".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err("it is not a whole number".to_owned()),
    }
}

/// Parses a number of seconds.
fn seconds(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "write a whole number of seconds, such as 300".to_owned())
}
