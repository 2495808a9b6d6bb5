//! `impact`: the resources that depend on a key, and the lists that were read to find them.

use super::access::{Found, find, style};
use crate::cli::{Answer, Global, ImpactArgs};
use crate::engine::impact::scan;
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::render;
use serde::Serialize;
use std::collections::BTreeSet;

/// The report of `--format json`.
#[derive(Serialize)]
struct Report<'a> {
    key: String,
    #[serde(flatten)]
    impact: &'a crate::impact::Impact,
}

/// Runs `kmsctl impact`.
pub(super) async fn impact(global: &Global, args: &ImpactArgs, io: &Io) -> Result<Exit, Failure> {
    let Found { aws, options, arn, .. } = find(global, &args.key, io).await?;
    let impacts = scan(&aws, &options, &BTreeSet::from([arn.clone()])).await;
    let impact = impacts.get(&arn).cloned().unwrap_or_default();
    match args.format {
        Answer::Json => {
            let report = Report { key: arn.to_string(), impact: &impact };
            io.json(&format!("{}\n", render::json::pretty(&report)));
        }
        Answer::Text => {
            io.out(&render::impact::report(&arn.to_string(), &impact, &style(global, io)));
        }
    }
    Ok(Exit::Done)
}
