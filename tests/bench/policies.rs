//! Benchmarks of policies: load, canonicalize and compare. Run `cargo bench`, and compare the
//! ratios within one run, not the times of different machines.

use kmsctl::policy::{Comparison, Document, KeyContext, compare};
use std::fmt::Write;

const ACCOUNT: &str = "111122223333";

fn main() {
    divan::main();
}

fn key() -> KeyContext {
    KeyContext { account: Some(ACCOUNT.to_owned()), partition: "aws".to_owned(), arn: None }
}

/// Returns the five statements of the console for a role that depends on `n`. `extra` is one more
/// action.
fn console(n: usize, extra: &str) -> String {
    let role = format!("arn:aws:iam::{ACCOUNT}:role/app-{n}");
    format!(
        r#"{{"Version":"2012-10-17","Statement":[
{{"Sid":"Enable IAM User Permissions","Effect":"Allow","Principal":{{"AWS":"{ACCOUNT}"}},"Action":"kms:*","Resource":"*"}},
{{"Sid":"Allow access for Key Administrators","Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{ACCOUNT}:role/Admin"}},"Action":["kms:Create*","kms:Describe*","kms:Enable*","kms:List*","kms:Put*","kms:Update*","kms:Revoke*","kms:Disable*","kms:Get*","kms:Delete*","kms:TagResource","kms:UntagResource","kms:ScheduleKeyDeletion","kms:CancelKeyDeletion"],"Resource":"*"}},
{{"Sid":"Allow use of the key","Effect":"Allow","Principal":{{"AWS":"{role}"}},"Action":["kms:Encrypt","kms:Decrypt","kms:ReEncrypt*","kms:GenerateDataKey*","kms:DescribeKey"{extra}],"Resource":"*"}},
{{"Sid":"Allow attachment of persistent resources","Effect":"Allow","Principal":{{"AWS":"{role}"}},"Action":["kms:CreateGrant","kms:ListGrants","kms:RevokeGrant"],"Resource":"*","Condition":{{"Bool":{{"kms:GrantIsForAWSResource":"true"}}}}}},
{{"Sid":"Allow CloudTrail","Effect":"Allow","Principal":{{"Service":"cloudtrail.amazonaws.com"}},"Action":"kms:GenerateDataKey*","Resource":"*","Condition":{{"StringEquals":{{"aws:SourceArn":"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/t{n}"}}}}}}]}}"#
    )
}

/// Returns the policy of [`console`] with another role, trail or action in each of its statements.
fn changed_everywhere(n: usize, extra: &str) -> String {
    let text = console(n, extra);
    if extra.is_empty() {
        return text;
    }
    text.replace(r#""Action":"kms:*""#, r#""NotAction":"kms:CreateKey""#)
        .replace("role/Admin", "role/Administrator")
        .replace("kms:RevokeGrant\"]", "kms:RevokeGrant\",\"kms:RetireGrant\",\"kms:Verify\"]")
        .replace(&format!("trail/t{n}"), &format!("trail/u{n}"))
}

/// Returns a policy with a pattern of 6 KB, which would take exponential work to compare with another one exactly.
fn stars(n: usize, extra: &str) -> String {
    let pattern = format!("{n}*{extra}").repeat(1_500);
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{ACCOUNT}"}},"Action":"kms:*","Resource":"*","Condition":{{"StringLike":{{"kms:ViaService":"{pattern}"}}}}}}]}}"#
    )
}

/// Returns a policy of almost 32 KiB, the largest size that AWS accepts, with a statement for each
/// of many roles.
#[expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]
fn largest(n: usize, extra: &str) -> String {
    let mut text = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{ACCOUNT}"}},"Action":"kms:*","Resource":"*"}}"#
    );
    for role in 0.. {
        let mut statement = String::new();
        write!(
            statement,
            r#",{{"Sid":"r{role}","Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{ACCOUNT}:role/app-{n}-{role}"}},"Action":["kms:Decrypt","kms:GenerateDataKey*"{extra}],"Resource":"*","Condition":{{"StringEquals":{{"kms:ViaService":"s3.eu-west-1.amazonaws.com"}}}}}}"#
        )
        .unwrap();
        if text.len() + statement.len() + 2 > 32_768 {
            break;
        }
        text.push_str(&statement);
    }
    text.push_str("]}");
    text
}

#[expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]
fn read(text: &str) -> Document {
    Document::from_live(text, "aws").unwrap()
}

fn all(pairs: &[(String, String)]) -> Vec<Comparison> {
    let key = key();
    let pairs = pairs.iter();
    pairs.map(|(old, new)| compare(Some(&read(old)), Some(&read(new)), &key, &[])).collect()
}

fn pairs(count: usize, text: fn(usize, &str) -> String, extra: &str) -> Vec<(String, String)> {
    (0..count).map(|n| (text(n, ""), text(n, extra))).collect()
}

#[divan::bench(sample_count = 3)]
fn ten_thousand_of_five_statements_same(bencher: divan::Bencher<'_, '_>) {
    let pairs = pairs(10_000, console, "");
    bencher.bench_local(|| all(&pairs));
}

#[divan::bench(sample_count = 3)]
fn ten_thousand_of_five_statements_changed(bencher: divan::Bencher<'_, '_>) {
    let pairs = pairs(10_000, console, ",\"kms:Sign\"");
    bencher.bench_local(|| all(&pairs));
}

#[divan::bench(sample_count = 3)]
fn ten_thousand_of_five_statements_changed_everywhere(bencher: divan::Bencher<'_, '_>) {
    let pairs = pairs(10_000, changed_everywhere, ",\"kms:Sign\"");
    bencher.bench_local(|| all(&pairs));
}

#[divan::bench(sample_count = 3)]
fn ten_with_patterns_of_many_stars(bencher: divan::Bencher<'_, '_>) {
    let pairs = pairs(10, stars, "a");
    bencher.bench_local(|| all(&pairs));
}

#[divan::bench(sample_count = 3)]
fn a_thousand_of_the_largest_same(bencher: divan::Bencher<'_, '_>) {
    let pairs = pairs(1_000, largest, "");
    bencher.bench_local(|| all(&pairs));
}

#[divan::bench(sample_count = 1)]
fn a_hundred_of_the_largest_changed_everywhere(bencher: divan::Bencher<'_, '_>) {
    let pairs = pairs(100, largest, ",\"kms:Sign\"");
    bencher.bench_local(|| all(&pairs));
}
