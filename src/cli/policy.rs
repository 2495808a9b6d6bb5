//! The options of the commands on policy documents.

use super::{AboutArgs, Answer, Report, examples};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// The options of every command on policy documents.
#[derive(Debug, Args)]
pub struct PolicyArgs {
    /// Account of the key
    #[arg(long, global = true, value_name = "ID")]
    pub account: Option<String>,
    /// Partition of the key; if it is left out, that of the ARNs in the documents
    #[arg(long, global = true)]
    pub partition: Option<String>,
    /// ARN of the key, if known
    #[arg(long, global = true, value_name = "ARN")]
    pub key_arn: Option<String>,
    /// The command.
    #[command(subcommand)]
    pub command: PolicyCommand,
}

/// The commands on policy documents.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Show who gains and who loses access between two policies; `-` is standard input
    ///
    /// `kmsctl explain signs` describes the signs.
    #[command(after_long_help = examples::POLICY_DIFF)]
    Diff(PolicyDiffArgs),
    /// Show whether a policy allows a request
    #[command(after_long_help = examples::POLICY_EVAL)]
    Eval(PolicyEvalArgs),
    /// Find mistakes in policy documents
    ///
    /// Applies the rules of `kmsctl lint` that concern documents. Exits with 3 if an error is
    /// found.
    #[command(after_long_help = examples::POLICY_LINT)]
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
    /// Principal that makes the request: role/NAME, user/NAME, an ARN, or a service such as cloudtrail.amazonaws.com
    #[arg(long, value_name = "PRINCIPAL")]
    pub principal: String,
    /// Action of the request, such as kms:Decrypt
    #[arg(long, value_name = "ACTION")]
    pub action: String,
    /// Further facts about the request.
    #[command(flatten)]
    pub about: AboutArgs,
    /// Grants of the key, as `aws kms list-grants` prints them
    #[arg(long, value_name = "FILE")]
    pub grants: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Answer::Text)]
    pub format: Answer,
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
