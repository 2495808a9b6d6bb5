//! The storage of instances and of Multi-AZ clusters: its size, I/O operations and throughput, which RDS
//! wants together in one request, or refuses, depending on the type of the storage (RDS API Reference,
//! ModifyDBInstance; RDS User Guide, "Amazon RDS DB instance storage").

mod declared;

pub(crate) use declared::{Declared, check};

use super::engine::Family;
use crate::kind::Violation;

/// The storage types of instances (RDS API Reference, CreateDBInstance: `StorageType`).
pub(crate) const OF_INSTANCES: &[&str] = &["gp2", "gp3", "io1", "io2", "standard"];
/// The storage types of Multi-AZ clusters (RDS API Reference, CreateDBCluster: `StorageType`).
pub(crate) const OF_MULTI_AZ: &[&str] = &["gp3", "io1", "io2"];
/// The storage types with provisioned I/O operations.
const PROVISIONED: [&str; 2] = ["io1", "io2"];
/// The I/O operations and the throughput of small `gp3` storage, which are fixed.
const SMALL_GP3: (u32, u32) = (3000, 125);
/// The least I/O operations and the least throughput of large `gp3` storage.
const LARGE_GP3: (u32, u32) = (12_000, 500);

/// The storage of a resource; `None` for what is neither declared nor known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Storage<'a> {
    /// The engine.
    pub(crate) engine: Option<&'a str>,
    /// The storage type.
    pub(crate) kind: Option<&'a str>,
    /// The size in GiB.
    pub(crate) size: Option<u32>,
    /// The I/O operations per second.
    pub(crate) iops: Option<u32>,
    /// The throughput in MiB/s.
    pub(crate) throughput: Option<u32>,
    /// Whether it is the storage of a Multi-AZ cluster, of which RDS always wants the I/O operations (RDS
    /// API Reference, CreateDBCluster: `StorageType`).
    pub(crate) is_multi_az_cluster: bool,
}

/// The parameters of a request that changes the storage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StorageChange {
    pub(crate) size: Option<u32>,
    pub(crate) kind: Option<String>,
    pub(crate) iops: Option<u32>,
    pub(crate) throughput: Option<u32>,
}

impl Storage<'_> {
    fn family(&self) -> Option<Family> {
        self.engine.and_then(Family::of)
    }

    fn is_provisioned(&self) -> bool {
        let kinds = if self.is_multi_az_cluster { OF_MULTI_AZ } else { &PROVISIONED };
        self.kind.is_some_and(|kind| kinds.contains(&kind))
    }

    /// Returns the size in GiB from which the I/O operations and the throughput of `gp3` storage can be
    /// set (RDS User Guide, "gp3 storage").
    fn large_gp3(&self) -> u32 {
        match self.family() {
            Some(Family::SqlServer) => 0,
            Some(Family::Oracle) => 200,
            Some(
                Family::Db2
                | Family::DocumentDb
                | Family::MariaDb
                | Family::MySql
                | Family::Neptune
                | Family::Postgres,
            )
            | None => 400,
        }
    }

    /// Returns whether this is `gp3` storage whose I/O operations and throughput are fixed.
    pub(crate) fn is_small_gp3(&self) -> bool {
        let is_small = self.size.is_some_and(|size| size < self.large_gp3());
        self.kind == Some("gp3") && is_small && !self.is_multi_az_cluster
    }

    /// Returns the least I/O operations and throughput of large `gp3` storage. RDS for SQL Server has
    /// those of small storage for each size.
    fn least_of_gp3(&self) -> (u32, u32) {
        if self.family() == Some(Family::SqlServer) { SMALL_GP3 } else { LARGE_GP3 }
    }

    /// Returns the parameters with which the storage is created.
    pub(crate) fn created(&self) -> StorageChange {
        let small = self.is_small_gp3();
        StorageChange {
            size: self.size,
            kind: self.kind.map(str::to_owned),
            iops: if small { None } else { self.iops },
            throughput: if small { None } else { self.throughput },
        }
    }

    /// Returns the parameters that change the storage `from` to `self`. Of provisioned storage, RDS wants
    /// the size with the I/O operations, even if one of them stays; of large `gp3` storage the throughput
    /// too; of small `gp3` storage neither.
    pub(crate) fn changed(&self, from: &Self) -> StorageChange {
        let differs = |from: Option<u32>, to: Option<u32>| if from == to { None } else { to };
        let mut change = StorageChange {
            size: differs(from.size, self.size),
            kind: if from.kind == self.kind { None } else { self.kind.map(str::to_owned) },
            iops: differs(from.iops, self.iops),
            throughput: differs(from.throughput, self.throughput),
        };
        if self.is_small_gp3() {
            (change.iops, change.throughput) = (None, None);
        }
        if change == StorageChange::default() {
            return change;
        }
        if self.is_provisioned() {
            (change.size, change.iops) = (self.size, self.iops);
        } else if self.kind == Some("gp3") && !self.is_small_gp3() {
            let (iops, throughput) = self.least_of_gp3();
            change.size = self.size;
            change.iops = Some(self.iops.unwrap_or(iops).max(iops));
            // An older answer of RDS, or of a cluster, has no throughput.
            change.throughput = self.throughput.map(|given| given.max(throughput));
        } else if self.kind == Some("standard") && from.is_provisioned() {
            // "If you are migrating from Provisioned IOPS to standard storage, set this value to 0."
            change.iops = Some(0);
        }
        change
    }

    /// Returns why RDS cannot change the storage `from` to `self` as it is declared. RDS never makes
    /// storage smaller, and rounds an increase of less than a tenth up, except for SQL Server.
    pub(crate) fn refused(&self, from: &Self) -> Vec<Violation> {
        let mut found = Vec::new();
        if let (Some(old), Some(new)) = (from.size, self.size) {
            if new < old {
                let reason =
                    format!("it has {old} GiB, and RDS cannot reduce its storage to {new} GiB");
                let help = "set the current size; or set `max_allocated_storage_gib` if RDS increases \
                            the storage";
                found.push(Violation::new("allocated_storage_gib", reason, help));
            }
            found.extend(self.rounded("allocated_storage_gib", "GiB", old, new));
        }
        // Db2 is not among the engines whose I/O operations are rounded up.
        let is_rounded = from.kind == self.kind && self.family() != Some(Family::Db2);
        if let (Some(old), Some(new), true) = (from.iops, self.iops, is_rounded) {
            found.extend(self.rounded("iops", "I/O operations", old, new));
        }
        found
    }

    fn rounded(&self, field: &str, unit: &str, old: u32, new: u32) -> Option<Violation> {
        let least = a_tenth_more(old);
        if self.family() == Some(Family::SqlServer) || new <= old || new >= least {
            return None;
        }
        let reason = format!("RDS would round {new} {unit} up to {least}, a tenth more than {old}");
        Some(Violation::new(field, reason, format!("set {least} or more, or the current {old}")))
    }
}

/// Returns the number that is at least a tenth more (RDS API Reference, ModifyDBInstance:
/// `AllocatedStorage` and `Iops`).
pub(crate) fn a_tenth_more(number: u32) -> u32 {
    number.saturating_add(number.div_ceil(10))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The answer of RDS to a request that changes storage: the new storage, or an error.
    fn answer<'a>(
        now: &Storage<'a>,
        change: &'a StorageChange,
    ) -> Result<Storage<'a>, &'static str> {
        let new = Storage {
            kind: change.kind.as_deref().or(now.kind),
            size: change.size.or(now.size),
            iops: change.iops.or(now.iops),
            throughput: change.throughput.or(now.throughput),
            ..*now
        };
        let (size, large) = (new.size.unwrap_or_default(), new.large_gp3());
        let sets_performance = change.iops.is_some() || change.throughput.is_some();
        match new.kind {
            Some("io1" | "io2") if change.size.is_none() || change.iops.is_none() => {
                Err("you must specify both the storage size and iops")
            }
            Some("gp3") if size < large && sets_performance => {
                Err("you can't specify IOPS or storage throughput")
            }
            Some("gp3") if size < large => {
                Ok(Storage { iops: Some(3000), throughput: Some(125), ..new })
            }
            Some("gp3") if change.size.is_none() || change.iops.is_none() => {
                Err("you must specify both the storage size and iops")
            }
            Some("gp3") if new.iops < Some(new.least_of_gp3().0) => Err("too few iops"),
            Some("gp3") if new.throughput < Some(new.least_of_gp3().1) => {
                Err("too little throughput")
            }
            Some("standard") => Ok(Storage { iops: None, throughput: None, ..new }),
            _ if now.size > new.size => Err("storage only grows"),
            _ => Ok(new),
        }
    }

    fn storages() -> impl Strategy<Value = (Storage<'static>, Storage<'static>)> {
        let engine = prop_oneof![Just("mysql"), Just("oracle-ee"), Just("sqlserver-se")];
        let kind =
            prop_oneof![Just("gp2"), Just("gp3"), Just("io1"), Just("io2"), Just("standard")];
        let one = (kind, prop_oneof![20_u32..1000, Just(399), Just(400)], 12_000_u32..14_000);
        (engine, one.clone(), one).prop_map(|(engine, from, to)| {
            let [from, to] = [from, to].map(|(kind, size, iops)| {
                let storage = Storage {
                    engine: Some(engine),
                    kind: Some(kind),
                    size: Some(size),
                    ..Storage::default()
                };
                if storage.is_small_gp3() {
                    Storage { iops: Some(3000), throughput: Some(125), ..storage }
                } else if kind == "gp3" {
                    Storage { iops: Some(iops), throughput: Some(700), ..storage }
                } else if storage.is_provisioned() {
                    Storage { iops: Some(iops), ..storage }
                } else {
                    storage
                }
            });
            (from, to)
        })
    }

    proptest! {
        #[test]
        fn rds_accepts_every_change_of_storage_that_is_planned((from, to) in storages()) {
            prop_assume!(to.refused(&from).is_empty());
            let change = to.changed(&from);
            if from == to {
                prop_assert_eq!(change, StorageChange::default());
                return Ok(());
            }
            let new = answer(&from, &change).map_err(|why| {
                TestCaseError::fail(format!("{why}: {from:?} {to:?} {change:?}"))
            })?;
            prop_assert_eq!((new.kind, new.size), (to.kind, to.size));
            if to.is_provisioned() || to.kind == Some("gp3") {
                prop_assert_eq!(new.iops, to.iops);
            }
            // What RDS made needs no further change.
            prop_assert_eq!(Storage { iops: to.iops, throughput: to.throughput, ..new }, to);
        }
    }

    fn storage(kind: &'static str, size: u32, iops: Option<u32>) -> Storage<'static> {
        let engine = Some("mysql");
        Storage { engine, kind: Some(kind), size: Some(size), iops, ..Storage::default() }
    }

    #[test]
    fn provisioned_storage_is_changed_with_its_size_and_its_operations() {
        let io1 = storage("io1", 100, Some(1000));
        let more = storage("io1", 100, Some(2000)).changed(&io1);
        assert_eq!((more.size, more.iops, more.kind), (Some(100), Some(2000), None));
        let larger = storage("io1", 200, Some(1000)).changed(&io1);
        assert_eq!((larger.size, larger.iops), (Some(200), Some(1000)));
        let magnetic = storage("standard", 100, Some(1000)).changed(&io1);
        assert_eq!((magnetic.iops, magnetic.kind.as_deref()), (Some(0), Some("standard")));
        // Small `gp3` storage that becomes large needs more than it had.
        let small = Storage { throughput: Some(125), ..storage("gp3", 300, Some(3000)) };
        let large = Storage { size: Some(500), ..small }.changed(&small);
        assert_eq!(
            (large.size, large.iops, large.throughput),
            (Some(500), Some(12_000), Some(500))
        );
        let still_small = Storage { size: Some(350), ..small }.changed(&small);
        assert_eq!(
            (still_small.size, still_small.iops, still_small.throughput),
            (Some(350), None, None)
        );
    }

    #[test]
    fn increases_that_rds_would_round_up_are_refused() {
        for (old, new, least) in
            [(20, 21, Some(22)), (20, 22, None), (25, 27, Some(28)), (25, 28, None)]
        {
            let found = storage("gp2", new, None).refused(&storage("gp2", old, None));
            let reasons: Vec<&str> = found.iter().map(|found| found.reason.as_str()).collect();
            match least {
                None => assert_eq!(reasons, [""; 0]),
                Some(least) => {
                    assert!(reasons[0].contains(&format!("up to {least},")), "{reasons:?}");
                }
            }
        }
        let sql_server =
            |size| Storage { engine: Some("sqlserver-se"), ..storage("gp2", size, None) };
        assert!(sql_server(21).refused(&sql_server(20)).is_empty());
        let iops = storage("io1", 100, Some(1050)).refused(&storage("io1", 100, Some(1000)));
        assert_eq!(iops[0].field, "iops");
        assert_eq!(storage("gp2", 10, None).refused(&storage("gp2", 20, None)).len(), 1);
    }
}
