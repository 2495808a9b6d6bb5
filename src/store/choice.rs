//! The place of the state that the command line names, and the store there.

use super::{Folder, Holder, Nowhere, S3, Store, StoreError, Waiting};
use crate::id::Name;
use crate::journal::{Event, Replay};
use crate::sdk::Aws;
use crate::sdk::gate::Permit;
use crate::sdk::objects::Bucket;
use crate::state::State;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

/// The place of the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// No record is kept.
    Nowhere,
    /// A folder.
    Folder(PathBuf),
    /// A prefix in a bucket. It may be empty, and ends without a slash.
    S3 {
        /// The name of the bucket.
        bucket: String,
        /// The prefix.
        prefix: String,
    },
}

impl FromStr for Location {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self::Nowhere);
        }
        // Its files would lie beside the configuration, and the records in `state` would not be read.
        if text.is_empty() {
            return Err("the place of the state is empty".to_owned());
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            // Nobody means a folder of this name, and a record there would be lost.
            if text.starts_with("s3:") {
                return Err(format!("`{text}` is neither a folder nor `s3://BUCKET/PREFIX`"));
            }
            return Ok(Self::Folder(PathBuf::from(text)));
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_end_matches('/');
        if scheme != "s3" {
            return Err(format!("`{text}` is neither a folder nor in S3"));
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        if bucket.is_empty() || !bucket.chars().all(is_name) {
            return Err(format!("`{text}` has no valid name of a bucket"));
        }
        if prefix.split('/').any(|part| part.is_empty() && !prefix.is_empty()) {
            return Err(format!("the prefix of `{text}` has an empty part"));
        }
        Ok(Self::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

impl Location {
    /// Creates the store of a stack. No file is read, and no request is sent.
    #[must_use]
    pub fn store(self, stack: Name, aws: &Aws) -> AnyStore {
        match self {
            Self::Nowhere => AnyStore::Nowhere(Nowhere::new(stack)),
            Self::Folder(folder) => AnyStore::Folder(Folder::new(folder, stack)),
            Self::S3 { bucket, prefix } => {
                let objects = Arc::new(Bucket::new(aws, bucket.clone()));
                AnyStore::S3(Box::new(S3::new(objects, &bucket, &prefix, stack)))
            }
        }
    }
}

/// The store of a stack, of any kind.
#[derive(Debug)]
pub enum AnyStore {
    /// Nowhere.
    Nowhere(Nowhere),
    /// In a folder.
    Folder(Folder),
    /// In a bucket.
    S3(Box<S3<Bucket>>),
}

impl Store for AnyStore {
    async fn read(&self, lineage: &str) -> Result<Replay, StoreError> {
        match self {
            Self::Folder(store) => store.read(lineage).await,
            Self::Nowhere(store) => store.read(lineage).await,
            Self::S3(store) => store.read(lineage).await,
        }
    }

    async fn lock(&self, holder: &Holder, waiting: Waiting<'_>) -> Result<(), StoreError> {
        match self {
            Self::Folder(store) => store.lock(holder, waiting).await,
            Self::Nowhere(store) => store.lock(holder, waiting).await,
            Self::S3(store) => store.lock(holder, waiting).await,
        }
    }

    async fn unlock(&self) {
        match self {
            Self::Folder(store) => store.unlock().await,
            Self::Nowhere(store) => store.unlock().await,
            Self::S3(store) => store.unlock().await,
        }
    }

    async fn check_unlocked(&self, waiting: Waiting<'_>) -> Result<(), StoreError> {
        match self {
            Self::Folder(store) => store.check_unlocked(waiting).await,
            Self::Nowhere(store) => store.check_unlocked(waiting).await,
            Self::S3(store) => store.check_unlocked(waiting).await,
        }
    }

    fn break_lock(&self, id: &str, host: &str) -> Result<Holder, StoreError> {
        match self {
            Self::Folder(store) => store.break_lock(id, host),
            Self::Nowhere(store) => store.break_lock(id, host),
            Self::S3(store) => store.break_lock(id, host),
        }
    }

    fn permit(&self) -> Option<Arc<dyn Permit>> {
        match self {
            Self::Folder(store) => store.permit(),
            Self::Nowhere(store) => store.permit(),
            Self::S3(store) => store.permit(),
        }
    }

    fn lost(&self) -> Option<String> {
        match self {
            Self::Folder(store) => store.lost(),
            Self::Nowhere(store) => store.lost(),
            Self::S3(store) => store.lost(),
        }
    }

    fn has_journal(&self) -> bool {
        match self {
            Self::Folder(store) => store.has_journal(),
            Self::Nowhere(store) => store.has_journal(),
            Self::S3(store) => store.has_journal(),
        }
    }

    async fn begin(&self, state: &State, planned: &[Event]) -> Result<(), StoreError> {
        match self {
            Self::Folder(store) => store.begin(state, planned).await,
            Self::Nowhere(store) => store.begin(state, planned).await,
            Self::S3(store) => store.begin(state, planned).await,
        }
    }

    fn append(&self, event: &Event) -> Result<(), StoreError> {
        match self {
            Self::Folder(store) => store.append(event),
            Self::Nowhere(store) => store.append(event),
            Self::S3(store) => store.append(event),
        }
    }

    async fn suspend(&self) -> Result<(), StoreError> {
        match self {
            Self::Folder(store) => store.suspend().await,
            Self::Nowhere(store) => store.suspend().await,
            Self::S3(store) => store.suspend().await,
        }
    }

    async fn commit(&self, state: &State) -> Result<(), StoreError> {
        match self {
            Self::Folder(store) => store.commit(state).await,
            Self::Nowhere(store) => store.commit(state).await,
            Self::S3(store) => store.commit(state).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_folder_or_a_prefix_in_s3() {
        let s3 = |bucket: &str, prefix: &str| {
            let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
            Ok(Location::S3 { bucket, prefix })
        };
        assert_eq!("none".parse(), Ok(Location::Nowhere));
        assert_eq!("./none".parse(), Ok(Location::Folder("./none".into())));
        assert_eq!("state".parse(), Ok(Location::Folder("state".into())));
        assert_eq!("s3://b".parse(), s3("b", ""));
        assert_eq!("s3://b/".parse(), s3("b", ""));
        assert_eq!("s3://my-bucket/a/b/".parse(), s3("my-bucket", "a/b"));
        let wrong = ["", "s3:/b/p", "gs://b/p", "s3://", "s3:///p", "s3://b/a//c", "s3://b c/p"];
        let told: Vec<String> =
            wrong.iter().map(|text| text.parse::<Location>().unwrap_err()).collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        the place of the state is empty
        `s3:/b/p` is neither a folder nor `s3://BUCKET/PREFIX`
        `gs://b/p` is neither a folder nor in S3
        `s3://` has no valid name of a bucket
        `s3:///p` has no valid name of a bucket
        the prefix of `s3://b/a//c` has an empty part
        `s3://b c/p` has no valid name of a bucket
        ");
    }
}
