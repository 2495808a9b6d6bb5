//! The impact of losing a key: the resources that depend on it, and the lists that were read to find
//! them. Pure data.

use crate::id::KeyArn;
use crate::kind::ConsumerKind;
use crate::text::{counted, plural};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A resource that depends on a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dependant {
    /// The kind as in addresses; AWS's term if kmsctl does not manage that kind.
    pub what: String,
    /// AWS's identifier.
    pub id: String,
    /// The grantee, if the dependant is a grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<String>,
    /// The service that holds grants on the key for it, as the grants name it.
    #[serde(skip)]
    pub service: Option<String>,
}

/// The last use of a key that KMS has recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastUsage {
    /// The time in RFC 3339; `None` if the key has not been used since the recording began.
    pub when: Option<String>,
    /// The same time in seconds since 1970.
    #[serde(skip)]
    pub seconds: Option<u64>,
    /// AWS's name of the operation.
    pub operation: Option<String>,
    /// The time in RFC 3339 at which KMS began to record uses of the key.
    pub recorded_since: Option<String>,
}

/// A list that was read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Scanned {
    /// The kind of the listed objects.
    pub what: String,
    /// The number of listed objects.
    pub count: usize,
}

/// A list that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unseen {
    /// The kind of the objects.
    pub what: String,
    /// The error.
    pub why: String,
}

impl Dependant {
    /// Returns AWS's name of the kind.
    #[must_use]
    pub fn noun(&self) -> &str {
        ConsumerKind::noun_of(&self.what)
    }
}

impl Scanned {
    /// Returns the number of objects with AWS's name of the kind.
    #[must_use]
    pub fn words(&self) -> String {
        counted(self.count, ConsumerKind::noun_of(&self.what))
    }
}

impl Unseen {
    /// Returns AWS's name of the objects in the plural.
    #[must_use]
    pub fn nouns(&self) -> String {
        // The last use is no list.
        if self.what == LAST_USE {
            self.what.clone()
        } else {
            plural(ConsumerKind::noun_of(&self.what))
        }
    }

    /// Returns the kind of the objects, with the permission that is missing, if the error names one.
    fn name(&self) -> String {
        let denied = self.why.split_once("not authorized to perform: ").map(|(_, rest)| rest);
        let action = denied.and_then(|rest| rest.split_whitespace().next());
        match action.map(|action| action.trim_end_matches(['.', ',', ')'])) {
            Some(action) if action.contains(':') => format!("{} (no {action})", self.nouns()),
            Some(_) | None => self.nouns(),
        }
    }
}

/// What [`Unseen`] calls the last use of a key.
pub const LAST_USE: &str = "last use";

/// The uses that no list and no grant shows.
pub const NEVER_LISTED: &str = "other accounts and Regions, other services (S3 objects, Secrets Manager, Systems \
                                Manager, SNS, SQS, CloudWatch Logs, Lambda, ECR, EKS, Kinesis, MSK, Backup, \
                                Athena, Redshift and others), backups, and data that applications encrypted \
                                themselves";

/// The known uses of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Impact {
    /// The resources that depend on the key.
    pub dependants: BTreeSet<Dependant>,
    /// The last recorded use of the key.
    pub last_usage: Option<LastUsage>,
    /// The lists that were read.
    pub scanned: BTreeSet<Scanned>,
    /// The lists that could not be read.
    pub unseen: BTreeSet<Unseen>,
}

/// The impact of losing each key.
pub type Impacts = BTreeMap<KeyArn, Impact>;

impl Impact {
    /// Returns a warning about the key even if nothing was found: its last use, and the lists that
    /// could not be read.
    #[must_use]
    pub fn caution(&self) -> Option<String> {
        let mut cautions = Vec::new();
        if let Some(when) = self.last_usage.as_ref().and_then(|usage| usage.when.as_ref()) {
            cautions.push(format!("last used {when}"));
        }
        if !self.unseen.is_empty() {
            let names: Vec<String> = self.unseen.iter().map(Unseen::name).collect();
            cautions.push(format!("could not check: {}", names.join(", ")));
        }
        (!cautions.is_empty()).then(|| cautions.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caution_names_the_missing_permission() {
        let denied = "AccessDeniedException: User: arn:aws:iam::111122223333:user/a is not authorized to perform: \
                      cloudtrail:ListEventDataStores because no policy allows it";
        let unseen = [("dynamodb_table", "timed out"), ("cloudtrail_event_data_store", denied)];
        let unseen =
            unseen.map(|(what, why)| Unseen { what: what.to_owned(), why: why.to_owned() });
        let impact = Impact { unseen: unseen.into(), ..Impact::default() };
        assert_eq!(
            impact.caution().unwrap(),
            "could not check: CloudTrail event data stores (no cloudtrail:ListEventDataStores), DynamoDB tables"
        );
    }
}
