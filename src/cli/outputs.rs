//! The options of `output`.

use crate::completion::addresses;
use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCandidates;

/// The options of `output`.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// Address of the resource, such as `key/app`; default: all
    #[arg(add = ArgValueCandidates::new(addresses))]
    pub address: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    pub format: OutputFormat,
}

/// The format of the ids and ARNs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people; with ADDRESS, only the ARN or the id
    Text,
    /// An object by address
    Json,
    /// Variables such as KEY_APP_ARN, for `source` and `eval` of a shell. Addresses that differ only in capital letters
    /// and in `-`, `_` or `/` get 8 digits of a hash, such as KEY_A_B_83A305D8_ARN
    Env,
    /// Lines such as key_app_arn=..., for $GITHUB_OUTPUT, with the same names in small letters
    Github,
}
