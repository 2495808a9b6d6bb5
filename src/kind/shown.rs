//! Whether AWS shows the effect of a call on a consumer.

use super::consumer::Encryption;
use super::{Change, ConsumerCall, ConsumerSpec, Ids, KeyRef, Setting, Sight, Spec, consumers};
use serde_json::Value;

/// What AWS shows of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Everything that the call asked for.
    All,
    /// The key that the call asked for, but not every value. AWS may have rounded or replaced a value.
    Key,
    /// Not the key that the call asked for.
    Nothing,
}

/// Returns what AWS shows of a call that was sent for `change`.
///
/// This is the comparison of a plan: AWS does not show the call if the change from what AWS shows to the
/// desired form contains the call again. Fields that `sight` lacks count as equal. A change that is
/// deferred to the maintenance window counts as shown.
#[must_use]
pub fn shown(
    change: &Change<Spec>,
    call: &ConsumerCall,
    sight: &Sight,
    ids: &Ids,
    setting: &Setting<'_>,
) -> Shown {
    let Some(change) = change.as_ref().try_map(Spec::as_consumer) else {
        return Shown::All;
    };
    let (Some(target), Some(seen)) = (change.to().or(change.from()).copied(), &sight.spec) else {
        return Shown::All;
    };
    if change.to().is_some_and(|to| to.is_deferred()) {
        return Shown::All;
    }
    let seen = comparable(seen, target, change.from().copied(), ids);
    let has_key = seen.common().key == target.common().key || target.common().key.is_none();
    if !sight.pending && !contains_again(&change, &seen, call, setting) {
        return Shown::All;
    }
    if has_key { Shown::Key } else { Shown::Nothing }
}

/// Returns whether the change from `seen` to the desired form contains the call again. If the change is
/// refused, the two forms cannot be compared.
fn contains_again(
    change: &Change<&ConsumerSpec>,
    seen: &ConsumerSpec,
    call: &ConsumerCall,
    setting: &Setting<'_>,
) -> bool {
    let again = match change {
        Change::Delete { .. } => consumers::calls(&Change::Delete { from: seen }, setting),
        Change::Create { to } | Change::Update { to, .. } | Change::Import { to, .. } => {
            let to = to.complete(seen);
            consumers::calls(&Change::Update { from: seen, to: &to }, setting)
        }
        Change::Forget { .. } => return false,
    };
    let calls = again.map(|calls| calls.first).unwrap_or_default();
    let Ok(sent) = serde_json::to_value(call) else {
        return false;
    };
    calls
        .iter()
        .any(|(_, again)| serde_json::to_value(again).is_ok_and(|again| is_part(&again, &sent)))
}

/// Returns what AWS shows, with every field that it does not show taken from `target`, and with the names
/// of the stack's keys.
fn comparable(
    seen: &ConsumerSpec,
    target: &ConsumerSpec,
    from: Option<&ConsumerSpec>,
    ids: &Ids,
) -> ConsumerSpec {
    let mut seen = seen.or(target);
    let common = seen.common_mut();
    common.tags.clone_from(&target.common().tags);
    common.existing.clone_from(&target.common().existing);
    let is_seen = |key: &Encryption| match (common.key.as_ref(), key) {
        (Some(Encryption::Key(KeyRef::Arn(arn))), Encryption::Key(key)) => {
            key.resolve(ids).as_ref() == Some(arn)
        }
        (seen, key) => seen == Some(key),
    };
    let keys = [Some(target), from].into_iter().flatten().filter_map(|s| s.common().key.as_ref());
    let key = keys.into_iter().find(|key| is_seen(key)).cloned();
    match (key, &target.common().key) {
        (Some(key), _) => common.key = Some(key),
        // AWS shows the key that it manages itself by its ARN.
        (None, Some(Encryption::Aws)) => common.key = Some(Encryption::Aws),
        (None, _) => {}
    }
    seen
}

/// Returns whether a request is a part of another one: it has no parameter that the other does not have
/// with the same value.
fn is_part(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => part
            .iter()
            .all(|(name, value)| whole.get(name).is_some_and(|other| is_part(value, other))),
        (part, whole) => part == whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Place;
    use crate::kind::{KeyFacts, Phase};
    use Shown::{All, Key, Nothing};
    use serde_json::json;

    const OLD: &str = "arn:aws:kms:eu-west-1:111122223333:key/00000000-12ab-34cd-56ef-1234567890ab";
    const NEW: &str = "arn:aws:kms:eu-west-1:111122223333:key/11111111-12ab-34cd-56ef-1234567890ab";

    /// Returns what AWS shows of every call of a change of the kind `from` to `to`, if it shows `seen`.
    fn shows(
        kind: &str,
        from: &Value,
        to: Option<&Value>,
        seen: &Value,
        pending: bool,
    ) -> Vec<Shown> {
        let read = |value: &Value| serde_json::from_value::<Spec>(json!({ kind: value })).unwrap();
        let change = match to {
            Some(to) => Change::Update { from: read(from), to: read(to) },
            None => Change::Delete { from: read(from) },
        };
        let place = Place {
            account: "111122223333".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
        };
        let ids = Ids::from([
            ("key/old".parse().unwrap(), OLD.parse().unwrap()),
            ("key/new".parse().unwrap(), NEW.parse().unwrap()),
        ]);
        let (stack, keys) = ("s".parse().unwrap(), KeyFacts::new());
        let id = Some("x");
        let setting =
            Setting { stack: &stack, place: &place, keys: &keys, id, name: "x", caller: None };
        let calls = crate::kind::calls(&change, &setting).unwrap().first;
        let spec = read(seen).as_consumer().cloned();
        let sight = Sight { phase: Phase::Ready, spec, pending };
        let calls = calls.iter().filter_map(|(_, call)| call.as_consumer());
        calls.map(|call| shown(&change, call, &sight, &ids, &setting)).collect()
    }

    #[test]
    fn a_table_shows_its_new_key_and_then_its_other_changes() {
        let kind = "dynamodb_table";
        let from =
            json!({"key": "key/old", "billing": "pay_per_request", "deletion_protection": true});
        let to = json!({"key": "key/new", "billing": "pay_per_request", "deletion_protection": false,
            "tags": {"a": "b"}});
        let seen = |key: &str, protection: bool| json!({"key": key, "billing": "pay_per_request", "deletion_protection": protection});
        let shows = |seen: &Value| shows(kind, &from, Some(&to), seen, false);
        // The calls change the key, the protection and the tags, which a description does not contain.
        assert_eq!(shows(&seen(OLD, true)), [Nothing, Nothing, All]);
        assert_eq!(shows(&seen(NEW, true)), [All, Key, All]);
        assert_eq!(shows(&seen(NEW, false)), [All, All, All]);
        // AWS shows a key that kmsctl does not know.
        assert_eq!(shows(&seen("none", false)), [Nothing, All, All]);
        let to_none =
            json!({"key": "none", "billing": "pay_per_request", "deletion_protection": true});
        let to_none = |seen: &Value| super::tests::shows(kind, &from, Some(&to_none), seen, false);
        assert_eq!(to_none(&seen(OLD, true)), [Nothing]);
        assert_eq!(to_none(&seen("none", true)), [All]);
        let delete =
            |protection| super::tests::shows(kind, &from, None, &seen(OLD, protection), false);
        assert_eq!(delete(true)[0], Key);
        assert_eq!(delete(false)[0], All);
    }

    #[test]
    fn a_database_shows_a_change_once_nothing_is_pending() {
        let kind = "rds_instance";
        let from = json!({"key": "key/old", "instance_class": "db.t4g.micro", "engine_version": "8.0.39",
            "allocated_storage_gib": 20, "password_env": "OLD"});
        let to = json!({"key": "key/old", "instance_class": "db.t4g.small", "engine_version": "8.0.39",
            "allocated_storage_gib": 40, "password_env": "NEW"});
        let seen = |class: &str, storage: u32| {
            json!({"key": OLD, "instance_class": class, "engine_version": "8.0.39",
                "allocated_storage_gib": storage, "resource_id": "db-1"})
        };
        let shows = |to: &Value, seen: &Value, pending| shows(kind, &from, Some(to), seen, pending);
        assert_eq!(shows(&to, &seen("db.t4g.micro", 20), false), [Key]);
        // One of two values is not there yet.
        assert_eq!(shows(&to, &seen("db.t4g.small", 20), false), [Key]);
        assert_eq!(shows(&to, &seen("db.t4g.small", 40), true), [Key]);
        assert_eq!(shows(&to, &seen("db.t4g.small", 40), false), [All]);
        // RDS does not show a password, and makes a deferred change in the maintenance window.
        let mut password = from.clone();
        password["password_env"] = "NEW".into();
        assert_eq!(shows(&password, &seen("db.t4g.micro", 20), false), [All]);
        let mut deferred = to.clone();
        deferred["apply_immediately"] = false.into();
        assert_eq!(shows(&deferred, &seen("db.t4g.micro", 20), true), [All]);
    }

    #[test]
    fn a_mount_target_is_shown_by_its_subnet() {
        let kind = "efs_file_system";
        let from =
            json!({"key": "key/old", "mount_targets": [{"subnet": "subnet-1", "id": "fsmt-1"}]});
        let to = json!({"key": "key/old", "mount_targets": [
            {"subnet": "subnet-2", "security_groups": ["sg-1"]}, {"subnet": "subnet-3"}]});
        let seen = |targets: &[(&str, &str)]| {
            let targets: Vec<Value> =
                targets.iter().map(|(subnet, id)| json!({"subnet": subnet, "id": id})).collect();
            json!({"key": OLD, "mount_targets": targets})
        };
        let shows = |targets: &[(&str, &str)]| shows(kind, &from, Some(&to), &seen(targets), false);
        assert_eq!(shows(&[("subnet-1", "fsmt-1")]), [Key, Key, Key]);
        assert_eq!(shows(&[]), [All, Key, Key]);
        assert_eq!(shows(&[("subnet-2", "fsmt-2")]), [All, All, Key]);
        assert_eq!(shows(&[("subnet-2", "fsmt-2"), ("subnet-3", "fsmt-3")]), [All, All, All]);
    }

    #[test]
    fn a_part_of_a_request_has_no_parameter_of_its_own() {
        let whole = json!({"UpdateTable": {"TableName": "t", "A": {"B": 1, "C": [1, 2]}}});
        for (part, is) in [
            (json!({"UpdateTable": {"TableName": "t", "A": {"C": [1, 2]}}}), true),
            (json!({"UpdateTable": {"TableName": "t", "A": {"B": 2}}}), false),
            (json!({"UpdateTable": {"TableName": "t", "D": 1}}), false),
            (json!({"DeleteTable": {"TableName": "t"}}), false),
        ] {
            assert_eq!(is_part(&part, &whole), is, "{part}");
        }
    }
}
