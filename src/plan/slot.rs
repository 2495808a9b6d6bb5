//! Replacement: a renamed alias or table is a creation and a deletion, and the deletion waits for the
//! creation that may replace it. Pure.

use crate::kind::{KeyRef, Kind, Spec};

/// The slot of a resource: resources in the same slot may replace each other. They have the same kind and
/// key. Grants also have the same grantee, because revoking the access of one principal must not wait for
/// granting access to another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot {
    kind: Kind,
    key: KeyRef,
    grantee: Option<String>,
}

impl Slot {
    /// Returns the slot of a resource that uses a key; `None` for any other resource.
    pub(super) fn of(spec: &Spec) -> Option<Self> {
        if spec.as_key().is_some() || spec.as_key_policy().is_some() {
            return None;
        }
        let key = spec.refs().into_iter().next()?.clone();
        let grantee = spec.as_grant().map(|grant| grant.grantee.clone());
        Some(Self { kind: spec.kind(), key, grantee })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn replaces(new: &Spec, old: &Spec) -> bool {
        Slot::of(new).is_some_and(|slot| Slot::of(old) == Some(slot))
    }

    fn spec(kind: &str, fields: &Value) -> Spec {
        serde_json::from_value(json!({ kind: fields })).unwrap()
    }

    #[test]
    fn a_grant_replaces_one_of_the_same_grantee_only() {
        let grant = |key: &str, who: &str| {
            let who = format!("arn:aws:iam::111122223333:role/{who}");
            spec("grant", &json!({"key": key, "grantee": who, "operations": ["Decrypt"]}))
        };
        assert!(replaces(&grant("key/a", "app"), &grant("key/a", "app")));
        // Revoking one principal's access does not depend on another principal's grant.
        assert!(!replaces(&grant("key/a", "web"), &grant("key/a", "app")));
        assert!(!replaces(&grant("key/b", "app"), &grant("key/a", "app")));
    }

    #[test]
    fn what_is_on_the_same_key_replaces_its_kind_only() {
        let alias = |name: &str| {
            spec("alias", &json!({"name": format!("alias/{name}"), "target": "key/a"}))
        };
        let table = |key: &str| spec("dynamodb_table", &json!({ "key": key }));
        assert!(replaces(&alias("new"), &alias("old")));
        assert!(replaces(&table("key/a"), &table("key/a")));
        assert!(!replaces(&table("key/b"), &table("key/a")));
        assert!(!replaces(&table("none"), &table("none")));
        assert!(!replaces(&table("key/a"), &alias("old")));
        let key = spec("key", &json!({"tags": {}, "deletion_window_days": 30}));
        assert!(!replaces(&key, &key));
    }
}
