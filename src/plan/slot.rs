//! What may take the place of what: a renamed alias is a new one and the removal of the old one, and
//! so is a renamed table. What is taken away waits for what replaces it. Pure.

use crate::kind::{KeyRef, Kind, Spec};

/// Resources that share a slot may replace each other: they are of one kind and on one key. Grants
/// also have one grantee: the access of one person must not wait for that of another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot {
    kind: Kind,
    key: KeyRef,
    grantee: Option<String>,
}

impl Slot {
    /// The slot of a resource, if it is on a key.
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
        // Somebody's access is taken away, whatever becomes of somebody else's.
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
