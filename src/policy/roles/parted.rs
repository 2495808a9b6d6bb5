//! Statements for the account's root user together with others. The CloudTrail console writes them.

use crate::policy::build::OF_ROOT;
use crate::tree::{Node, Value};

/// Returns the statement for the root user and the one for the others, if there are others, else the statement.
/// `is_of_root` says whether a statement is that of the root user alone, as a role has it.
pub(super) fn parted(statement: &Node, is_of_root: impl Fn(&Node) -> bool) -> Vec<Node> {
    let mut of_others = statement.clone();
    let Some(Value::List(names)) = principals(&mut of_others) else {
        return vec![of_others];
    };
    let with = |names: Vec<Node>| {
        let mut part = statement.clone();
        if let Some(list) = principals(&mut part) {
            *list = Value::List(names);
        }
        part
    };
    let (root, others): (Vec<Node>, Vec<Node>) =
        std::mem::take(names).into_iter().partition(|name| is_of_root(&with(vec![name.clone()])));
    if root.is_empty() || others.is_empty() {
        return vec![statement.clone()];
    }
    *names = others;
    // No two statements have one Sid.
    if let Value::Map(entries) = &mut of_others.value {
        let is_taken = |value: &Value| matches!(value, Value::Text(sid) if sid == OF_ROOT);
        entries.retain(|entry| entry.key != "Sid" || !is_taken(&entry.value.value));
    }
    vec![with(root), of_others]
}

/// Returns the names under `AWS` in the principal.
fn principals(statement: &mut Node) -> Option<&mut Value> {
    field(field(&mut statement.value, "Principal")?, "AWS")
}

fn field<'a>(value: &'a mut Value, name: &str) -> Option<&'a mut Value> {
    let Value::Map(entries) = value else {
        return None;
    };
    let found = entries.iter_mut().find(|entry| entry.key == name);
    found.map(|entry| &mut entry.value.value)
}
