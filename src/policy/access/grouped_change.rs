//! Changes of several actions, which [`group`](super::group) collects and [`present`](super::present) turns into
//! [`AccessChange`](super::AccessChange)s.

use std::collections::BTreeSet;

use super::action_atom::ActionAtom;
use super::delta::Delta;
use super::policy_pair::CompiledStatement;
use crate::policy::actions::ActionSet;

/// A set of action atoms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ActionAtoms {
    pub(super) known: ActionSet,
    /// The patterns of the future actions.
    pub(super) future: BTreeSet<String>,
}

impl ActionAtoms {
    pub(super) fn of(atoms: &[ActionAtom]) -> Self {
        let mut set = Self::default();
        for atom in atoms {
            set.add(atom);
        }
        set
    }

    /// Returns whether a statement matches one of the actions.
    pub(super) fn are_of(&self, statement: &CompiledStatement) -> bool {
        let mut future = self.future.iter().filter_map(|pattern| ActionAtom::future(pattern));
        !self.known.and(statement.known).is_empty()
            || future.any(|atom| atom.is_in(&statement.statement.actions, statement.known))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty() && self.future.is_empty()
    }

    fn add(&mut self, atom: &ActionAtom) {
        match atom {
            ActionAtom::Known(one) => {
                self.known = self.known.or(ActionSet::of(|action| action == *one));
            }
            ActionAtom::Future { pattern, .. } => {
                self.future.insert(pattern.clone());
            }
        }
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.known = self.known.or(other.known);
        self.future.extend(other.future);
    }

    pub(super) fn without(&self, other: &Self) -> Self {
        let future = self.future.difference(&other.future).cloned().collect();
        Self { known: self.known.without(other.known), future }
    }

    pub(super) fn and(&self, other: &Self) -> Self {
        let future = self.future.intersection(&other.future).cloned().collect();
        Self { known: self.known.and(other.known), future }
    }
}

/// The attributes of a change that changes of other actions must share to be grouped with it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ChangeKey {
    /// The delta, without its cubes and clauses.
    pub(super) delta: Delta,
    /// The labels of the grants that allow the same.
    pub(super) grants: BTreeSet<String>,
}

/// The actions of a change, and the statements that cause it.
#[derive(Clone, Debug, Default)]
pub(super) struct Extent<'s> {
    pub(super) actions: ActionAtoms,
    pub(super) statements: BTreeSet<&'s CompiledStatement>,
}

/// A change for one principal or for many.
pub(super) struct GroupedChange<'s> {
    pub(super) key: ChangeKey,
    pub(super) extent: Extent<'s>,
    /// The names of the principals that the change does not apply to.
    pub(super) except: BTreeSet<String>,
}
