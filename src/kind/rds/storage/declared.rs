//! The checks of declared storage: what RDS accepts of each type of storage.

use super::{SMALL_GP3, Storage, a_tenth_more};
use crate::decode::Spanned;
use crate::kind::declaration::Check;
use crate::kind::rds::engine::Family;
use crate::tree::Span;

/// The I/O operations of provisioned storage (RDS User Guide, "Provisioned IOPS SSD storage").
const PROVISIONED_IOPS: (u32, u32) = (1_000, 256_000);
/// The largest storage in GiB.
const MOST: u32 = 65_536;

/// The declared fields of storage.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declared<'a> {
    pub(crate) family: Family,
    pub(crate) engine: &'a str,
    pub(crate) kind: Option<(&'a str, Span)>,
    pub(crate) size: Option<&'a Spanned<u32>>,
    /// The size up to which RDS grows the storage by itself.
    pub(crate) most: Option<&'a Spanned<u32>>,
    pub(crate) iops: Option<&'a Spanned<u32>>,
    pub(crate) throughput: Option<&'a Spanned<u32>>,
    pub(crate) is_multi_az_cluster: bool,
}

/// Checks what RDS accepts of a type of storage.
pub(crate) fn check(given: &Declared<'_>, kinds: &[&str], check: &mut Check<'_>) {
    growth(given, check);
    let Some((kind, span)) = given.kind else {
        if let Some(throughput) = given.throughput {
            let message = "`storage_throughput` needs a storage type";
            check.error(throughput.span, message, "set `storage_type: gp3`");
        }
        // RDS chooses `io1` if I/O operations are given without a type.
        if let Some(iops) = given.iops {
            sizes(given, "io1", check);
            provisioned(given, "io1", iops, check);
        }
        return;
    };
    let accepted: Vec<&str> =
        kinds.iter().copied().filter(|kind| given.family.stores_on(kind)).collect();
    if !accepted.contains(&kind) {
        let help = format!("AWS accepts {} here", accepted.join(", "));
        check.error(span, format!("`{kind}` is not a storage type of this engine"), help);
        return;
    }
    if let Some(throughput) = given.throughput
        && kind != "gp3"
    {
        let message = format!("storage of type `{kind}` has no `storage_throughput`");
        check.error(throughput.span, message, "remove it, or set `storage_type: gp3`");
    }
    sizes(given, kind, check);
    match (kind, given.iops) {
        ("io1" | "io2", None) if check.existing.is_none() => {
            check.error(
                span,
                format!("`{kind}` needs `iops`"),
                "set `iops`, or another storage type",
            );
        }
        ("gp2" | "standard", Some(iops)) => {
            let message = format!("storage of type `{kind}` has no `iops`");
            check.error(iops.span, message, "remove it, or set `storage_type: gp3`");
        }
        ("io1" | "io2", Some(iops)) => provisioned(given, kind, iops, check),
        ("gp3", _) if !given.is_multi_az_cluster => gp3(given, check),
        (_, Some(_) | None) => {}
    }
}

/// Checks the size (RDS API Reference, CreateDBInstance: `AllocatedStorage`). Of the largest sizes for SQL
/// Server, AWS's documents name several, so the largest of them is accepted.
fn sizes(given: &Declared<'_>, kind: &str, check: &mut Check<'_>) {
    let Some(size) = given.size else {
        return;
    };
    let (least, most) = match (given.family, kind) {
        (Family::SqlServer, "standard") => (20, 1024),
        (Family::SqlServer, _) => (20, MOST),
        (Family::Oracle, _) if given.engine.starts_with("custom-") => (40, MOST),
        (Family::Oracle, "standard") => (10, 3072),
        (_, "standard") => (5, 3072),
        (_, "io1" | "io2") => (100, MOST),
        (_, _) => (20, MOST),
    };
    if !(least..=most).contains(&size.value) {
        let message = format!("{} GiB of `{kind}` are not possible", size.value);
        check.error(size.span, message, format!("AWS accepts {least} to {most} here"));
    }
}

/// Checks the size up to which the storage grows: by a tenth at least, up to the largest size, and not
/// for magnetic storage (RDS User Guide, "Managing capacity automatically with Amazon RDS storage autoscaling"
/// and "Magnetic storage").
fn growth(given: &Declared<'_>, check: &mut Check<'_>) {
    let Some(most) = given.most else {
        return;
    };
    if let Some(("standard", _)) = given.kind {
        let message = "storage of type `standard` does not grow by itself";
        let help = "remove `max_allocated_storage_gib`, or set `storage_type: gp3`";
        check.error(most.span, message, help);
        return;
    }
    if most.value > MOST {
        let message = format!("{} GiB are not possible", most.value);
        check.error(most.span, message, format!("AWS accepts at most {MOST}"));
    }
    let Some(now) = given.size else {
        return;
    };
    let least = a_tenth_more(now.value);
    if most.value < least {
        let message = format!("{} GiB leave no room to grow from {}", most.value, now.value);
        check.error(most.span, message, format!("AWS accepts {least} and more here"));
    }
}

/// Checks the I/O operations of provisioned storage, also against the size up to which it grows (RDS API Reference,
/// CreateDBInstance: `Iops`; RDS User Guide, "Provisioned IOPS SSD storage" and "Managing capacity
/// automatically with Amazon RDS storage autoscaling").
fn provisioned(given: &Declared<'_>, kind: &str, iops: &Spanned<u32>, check: &mut Check<'_>) {
    let (least, most) = PROVISIONED_IOPS;
    if !(least..=most).contains(&iops.value) {
        let message = format!("{} I/O operations of `{kind}` are not possible", iops.value);
        check.error(iops.span, message, format!("AWS accepts {least} to {most}"));
        return;
    }
    if let Some(size) = given.size {
        ratio(given, kind, iops, size, check);
    }
    // RDS compares only the operations for each GiB of `io1` with the largest size.
    if let Some(largest) = given.most
        && kind == "io1"
        && given.size.is_none_or(|size| size.value < largest.value)
    {
        let least = per_gib(given.family, largest.value).0;
        if u64::from(iops.value) < least {
            let message = format!(
                "{} I/O operations are too few for storage that grows to {} GiB",
                iops.value, largest.value
            );
            let help = format!("AWS accepts {least} and more here; or set a lower limit");
            check.error(largest.span, message, help);
        }
    }
}

/// Returns the least and the most I/O operations of `io1` storage of a size. SQL Server wants 1 for each GiB,
/// the other engines a half.
fn per_gib(family: Family, size: u32) -> (u64, u64) {
    let size = u64::from(size);
    let least = if family == Family::SqlServer { size } else { size.div_ceil(2) };
    (least, size * 50)
}

/// Checks the I/O operations against the size. RDS's API Reference limits them to 50 for each GiB, and its User
/// Guide to 1,000 for `io2`, so `io2` is refused only above that.
fn ratio(
    given: &Declared<'_>,
    kind: &str,
    iops: &Spanned<u32>,
    size: &Spanned<u32>,
    check: &mut Check<'_>,
) {
    let (least, most) = per_gib(given.family, size.value);
    let most = if kind == "io2" { u64::from(size.value) * 1_000 } else { most };
    if !(least..=most).contains(&u64::from(iops.value)) {
        let (iops_of, size) = (iops.value, size.value);
        let message =
            format!("{iops_of} I/O operations are not possible for {size} GiB of `{kind}`");
        let (low, high) = PROVISIONED_IOPS;
        let (low, high) = (least.max(u64::from(low)), most.min(u64::from(high)));
        check.error(iops.span, message, format!("AWS accepts {low} to {high} here"));
    }
}

/// Checks the I/O operations and the throughput of `gp3` storage.
fn gp3(given: &Declared<'_>, check: &mut Check<'_>) {
    let Some(size) = given.size else {
        return;
    };
    let storage = Storage {
        engine: Some(given.engine),
        kind: Some("gp3"),
        size: Some(size.value),
        ..Storage::default()
    };
    let is_small = storage.is_small_gp3();
    let least = storage.least_of_gp3();
    let limits = [
        ("iops", given.iops, SMALL_GP3.0, least.0),
        ("storage_throughput", given.throughput, SMALL_GP3.1, least.1),
    ];
    for (field, number, fixed, least) in limits {
        let Some(number) = number else {
            continue;
        };
        if is_small && number.value != fixed {
            let message = format!("the `{field}` of {} GiB of `gp3` is always {fixed}", size.value);
            let help = format!(
                "remove `{field}`, or allocate {} GiB or more, for which it can be set",
                storage.large_gp3()
            );
            check.error(number.span, message, help);
        } else if !is_small && number.value < least {
            let message = format!("{} is too low for {} GiB of `gp3`", number.value, size.value);
            check.error(number.span, message, format!("AWS accepts {least} and more here"));
        }
    }
    if !is_small {
        throughput(given, check);
    }
}

/// Checks the throughput of large `gp3` storage against its I/O operations. The volumes of RDS are those of EBS,
/// which have 0.25 MiB/s for each of the IOPS at most (EBS User Guide, "General Purpose SSD volumes").
fn throughput(given: &Declared<'_>, check: &mut Check<'_>) {
    let (Some(throughput), Some(iops)) = (given.throughput, given.iops) else {
        return;
    };
    let most = iops.value / 4;
    if throughput.value > most {
        let message = format!(
            "a throughput of {} MiB/s is too much for {} I/O operations",
            throughput.value, iops.value
        );
        let help = format!("AWS accepts at most 0.25 MiB/s for each of them, here {most}");
        check.error(throughput.span, message, help);
    }
}
