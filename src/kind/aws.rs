//! The half of a kind of consumer that calls AWS, and the dispatch to the kinds.

use super::consumer::{Consumer, Tag};
use super::consumers::consumer_kinds;
use super::{CallBindings, ConsumerCall, ConsumerKind, ConsumerQuery, Object, Sight};
use crate::answer::{CloudError, Outcome};
use crate::id::{KeyArn, Place};
use crate::sdk::Aws;
use crate::sdk::query::Parameters;
use futures_util::stream::{self, StreamExt, TryStreamExt};

/// The ids of snapshots, each with its key.
pub(crate) type Copies = Vec<(String, Option<KeyArn>)>;

/// Returns the entry of a snapshot; `None` without an id.
pub(crate) fn copy(id: Option<&str>, key: Option<&str>) -> Option<(String, Option<KeyArn>)> {
    Some((id?.to_owned(), key.and_then(|key| key.parse().ok())))
}

/// Adds a list of tags to a request of a query protocol.
pub(crate) fn with_tags(request: Parameters, list: &str, tags: &[Tag]) -> Parameters {
    request.with_all(list, tags, |all, name, tag| {
        all.with(format!("{name}.Key"), &tag.key).with(format!("{name}.Value"), &tag.value)
    })
}

/// The requests of a kind of consumer.
pub(crate) trait Service: Consumer {
    /// Reads the resources with as few requests as the API of the service allows.
    async fn objects(
        aws: &Aws,
        at: &Place,
        query: &ConsumerQuery,
    ) -> Result<Vec<Object>, CloudError>;

    /// Reads the phase of a resource, and what the same requests show of its key and settings.
    async fn sight(aws: &Aws, at: &Place, id: &str) -> Result<Sight, CloudError>;

    /// Sends a call once.
    async fn send(
        aws: &Aws,
        at: &Place,
        call: &Self::Call,
        bindings: &CallBindings<'_>,
    ) -> Result<Outcome, CloudError>;

    /// Reads the snapshots, which stay encrypted with their keys after their source has been deleted.
    /// Only kinds whose facts name `copies` have some.
    async fn copies(_: &Aws, _: &Place) -> Result<Copies, CloudError> {
        Ok(Vec::new())
    }
}

/// The number of reads of one list that are in flight at the same time.
const AT_ONCE: usize = 16;

/// Makes the reads concurrently, some at a time, and returns their results in this order.
pub(crate) async fn each<T>(
    reads: impl IntoIterator<Item = impl Future<Output = Result<T, CloudError>>>,
) -> Result<Vec<T>, CloudError> {
    stream::iter(reads).buffered(AT_ONCE).try_collect().await
}

macro_rules! dispatch {
    ($($kind:ident => $module:ident, $label:literal;)+) => {
        /// Reads the consumers of a kind.
        pub(crate) async fn objects(
            aws: &Aws,
            at: &Place,
            query: &ConsumerQuery,
        ) -> Result<Vec<Object>, CloudError> {
            match query.kind {
                $(ConsumerKind::$kind => super::$module::$kind::objects(aws, at, query).await,)+
            }
        }

        /// Looks at a consumer.
        pub(crate) async fn sight(
            aws: &Aws,
            at: &Place,
            kind: ConsumerKind,
            id: &str,
        ) -> Result<Sight, CloudError> {
            match kind { $(ConsumerKind::$kind => super::$module::$kind::sight(aws, at, id).await,)+ }
        }

        /// Reads the snapshots of a kind of consumer.
        pub(crate) async fn copies(
            aws: &Aws,
            at: &Place,
            kind: ConsumerKind,
        ) -> Result<Copies, CloudError> {
            match kind { $(ConsumerKind::$kind => super::$module::$kind::copies(aws, at).await,)+ }
        }

        /// Sends a call that changes a consumer.
        pub(crate) async fn send(
            aws: &Aws,
            at: &Place,
            call: &ConsumerCall,
            bindings: &CallBindings<'_>,
        ) -> Result<Outcome, CloudError> {
            match call {
                $(ConsumerCall::$kind(call) => super::$module::$kind::send(aws, at, call, bindings).await,)+
            }
        }
    };
}

consumer_kinds!(dispatch);
