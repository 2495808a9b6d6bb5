//! Steps that are alike, which are shown once.

use super::fields::Field;
use crate::kind::{Change, Kind};
use crate::plan::Step;
use std::collections::BTreeMap;

/// The largest number of deletions of one kind whose fields are shown.
const FEW_DELETIONS: usize = 3;
/// The largest number of other steps of one kind that are shown one by one although only their values differ.
const FEW_STEPS: usize = 12;

/// A step as it is shown, or several that are alike.
pub(super) struct Block<'a> {
    /// The steps, in the order of the plan.
    pub(super) steps: Vec<&'a Step>,
    /// The action, its place and its reason.
    pub(super) head: String,
    /// The fields with the same values in all steps.
    pub(super) fields: Vec<Field>,
    /// The paths of the fields whose values are not the same.
    pub(super) differing: Vec<String>,
    /// The rendered rest.
    pub(super) rest: String,
}

/// Merges the blocks that are the same. Unless all values are to be shown, many blocks that have only other values are
/// merged as well. The order is that of the first step of each block.
pub(super) fn folded(blocks: Vec<Block<'_>>, all_values: bool) -> Vec<Block<'_>> {
    let same =
        merged(blocks, |block| (block.head.clone(), block.rest.clone(), block.fields.clone()));
    if all_values {
        return same;
    }
    let mut counts: BTreeMap<Shape, usize> = BTreeMap::new();
    for block in &same {
        if let Some(shape) = Shape::of(block) {
            *counts.entry(shape).or_default() += block.steps.len();
        }
    }
    merged(same, |block| {
        let many = Shape::of(block)
            .filter(|shape| counts.get(shape).is_some_and(|count| *count > shape.few()));
        match many {
            Some(shape) => (Some(shape), Vec::new(), String::new(), String::new()),
            None => (None, block.fields.clone(), block.head.clone(), block.rest.clone()),
        }
    })
}

/// What blocks that differ only in their values have in common.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Shape {
    kind: Kind,
    deletes: bool,
    head: String,
    rest: String,
    /// The paths of the fields. Those of what is deleted do not matter.
    paths: Vec<String>,
}

impl Shape {
    fn of(block: &Block<'_>) -> Option<Self> {
        let first = block.steps.first()?;
        let deletes = matches!(first.change, Change::Delete { .. });
        let paths = block.fields.iter().filter(|_| !deletes).map(|field| field.path.clone());
        Some(Self {
            kind: first.address.kind,
            deletes,
            head: block.head.clone(),
            rest: block.rest.clone(),
            paths: paths.collect(),
        })
    }

    fn few(&self) -> usize {
        if self.deletes { FEW_DELETIONS } else { FEW_STEPS }
    }
}

/// Merges the blocks with the same key. Of fields whose values differ, only the paths are kept, and nothing of fields
/// that not every block has.
fn merged<'a, K: Ord>(blocks: Vec<Block<'a>>, key: impl Fn(&Block<'a>) -> K) -> Vec<Block<'a>> {
    let mut at: BTreeMap<K, usize> = BTreeMap::new();
    let mut out: Vec<Block<'a>> = Vec::new();
    for block in blocks {
        let index = *at.entry(key(&block)).or_insert(out.len());
        match out.get_mut(index) {
            Some(first) => first.absorb(block),
            None => out.push(block),
        }
    }
    out
}

impl<'a> Block<'a> {
    fn absorb(&mut self, other: Self) {
        self.steps.extend(other.steps);
        let has_path = |path: &String| other.fields.iter().any(|field| field.path == *path);
        let (same, differing): (Vec<Field>, Vec<Field>) = std::mem::take(&mut self.fields)
            .into_iter()
            .partition(|field| other.fields.contains(field));
        self.fields = same;
        let new = differing.into_iter().map(|field| field.path);
        self.differing.extend(new.filter(|path| has_path(path)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::{Address, Spec};
    use crate::render::samples::{key_spec, policy, step};

    fn field(path: &str, after: &str) -> Field {
        Field { path: path.to_owned(), before: None, after: Some(after.to_owned()) }
    }

    fn steps(count: usize, deletes: bool) -> Vec<Step> {
        let spec = || Spec::Key(key_spec("x", policy(&[]), None));
        let change = |deletes| match deletes {
            true => Change::Delete { from: spec() },
            false => Change::Update { from: spec(), to: spec() },
        };
        let name = |n: usize| Address::new(Kind::Key, format!("k{n}"));
        (0..count).map(|n| step(name(n), change(deletes), None, vec![])).collect()
    }

    fn blocks(steps: &[Step]) -> Vec<Block<'_>> {
        let block = |(n, step): (usize, _)| Block {
            steps: vec![step],
            head: "update".to_owned(),
            fields: vec![field("tags.team", "a"), field("description", &n.to_string())],
            differing: Vec::new(),
            rest: String::new(),
        };
        steps.iter().enumerate().map(block).collect()
    }

    #[test]
    fn many_steps_that_differ_only_in_values_are_one_block() {
        for (count, deletes, expected) in
            [(12, false, 12), (13, false, 1), (3, true, 3), (4, true, 1)]
        {
            let steps = steps(count, deletes);
            let shown = folded(blocks(&steps), false);
            assert_eq!(shown.len(), expected, "{count} {deletes}");
            let addresses = shown.iter().map(|block| block.steps.len()).sum::<usize>();
            assert_eq!(addresses, count);
            if expected == 1 {
                assert_eq!(shown[0].fields, [field("tags.team", "a")]);
                assert_eq!(shown[0].differing, ["description"]);
            }
            assert_eq!(folded(blocks(&steps), true).len(), count);
        }
    }
}
