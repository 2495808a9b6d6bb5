//! The options of `permissions`.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// What permissions are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Need {
    /// `kmsctl plan`.
    Plan,
    /// `kmsctl apply` and `kmsctl destroy`, and the plan that they make.
    Apply,
    /// `kmsctl drift`.
    Drift,
    /// `kmsctl export`: reads every key of the Regions. Needs no configuration.
    Export,
    /// `kmsctl impact KEY`.
    Impact,
    /// `kmsctl rotate KEY`.
    Rotate,
    /// All of them.
    All,
}

/// The format of policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Policies {
    /// For people: with the calls behind each statement.
    Text,
    /// JSON: the policy, or an object of policies by their names.
    Iam,
    /// Resources aws_iam_policy.
    Terraform,
    /// A template with AWS::IAM::ManagedPolicy.
    Cloudformation,
}

/// The options of `permissions`.
#[derive(Debug, Args)]
pub struct PermissionsArgs {
    /// What the permissions are for
    #[arg(long, value_enum, value_name = "COMMAND", default_value_t = Need::Apply)]
    pub r#for: Need,
    /// Regions to export, with `--for export`; no configuration is read then
    #[arg(long, value_name = "REGION", value_delimiter = ',', conflicts_with = "plan")]
    pub regions: Vec<String>,
    /// Allow an export to list the resources that the keys encrypt too
    #[arg(long)]
    pub consumers: bool,
    /// Allow only the calls of this saved plan, and the reads before it
    #[arg(long, value_name = "PLANFILE")]
    pub plan: Option<PathBuf>,
    /// Print what reads, what applies, and what could raise its own rights as documents of their own
    #[arg(long)]
    pub split: bool,
    /// User or role that gets the policies, for the statements of key policies; default: the caller
    #[arg(long, value_name = "ARN")]
    pub principal: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Policies::Text)]
    pub format: Policies,
    /// Write each policy to a file NAME.json in this folder instead
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}
