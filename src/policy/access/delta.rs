//! Deltas: the differences of two policies for one principal atom and one action atom.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::formula::{Combinations, Cube, combinations, cover};
use super::level::{Certainty, ChangeKind, Direction, Level};
use super::literal::Literal;
use super::policy_pair::{Clause, PolicyPair};
use crate::policy::value_pattern::{Bits, MAX_BITS};
use crate::policy::work;

/// The clauses of one policy for one principal atom and one action atom.
pub(super) type Formula = BTreeSet<Clause>;

/// A change from one level to another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Delta {
    pub(super) direction: Direction,
    pub(super) kind: ChangeKind,
    pub(super) certainty: Certainty,
    /// The level before the change.
    pub(super) from: Level,
    /// The level after the change.
    pub(super) to: Level,
    /// The condition on the requests that change, if not all do.
    pub(super) condition: Option<String>,
    /// The condition as cubes over the literals of the two formulas.
    pub(super) cubes: Vec<Cube>,
    /// The condition under which the higher level was reached before, if it is replaced by another.
    pub(super) before: Option<String>,
    /// The condition under which the higher level is reached afterwards, if it replaces another.
    pub(super) after: Option<String>,
    /// Whether it includes requests for which no condition that limits the caller is met.
    pub(super) without_caller_limit: bool,
    /// Whether it includes requests for which no condition that limits the source is met.
    pub(super) without_source_limit: bool,
    /// The clauses of the old and of the new policy that cause the change.
    pub(super) clauses: [BTreeSet<Clause>; 2],
}

/// Returns all changes from one formula to another.
pub(super) fn deltas(old: &Formula, new: &Formula, pair: &PolicyPair<'_>) -> Vec<Delta> {
    if old == new {
        return Vec::new();
    }
    let literals = pair.literals.as_slice();
    let mut numbers: BTreeSet<usize> =
        old.iter().chain(new).flat_map(|clause| &clause.literals).copied().collect();
    numbers.extend(numbers.clone().iter().filter_map(|number| pair.absence.get(number)));
    match combinations(&numbers, literals) {
        Some(space) => exact_deltas(old, new, &space, literals),
        None => clause_deltas(old, new, literals),
    }
}

fn exact_deltas(
    old: &Formula,
    new: &Formula,
    space: &Combinations,
    literals: &[Literal],
) -> Vec<Delta> {
    let levels = [space.levels(old), space.levels(new)];
    let pair = FormulaPair { space, literals, formulas: [old, new], levels };
    let steps: BTreeSet<(Level, Level)> =
        pair.cells().map(|cell| (pair.level(0, cell), pair.level(1, cell))).collect();
    steps.into_iter().filter_map(|(from, to)| pair.delta(from, to)).collect()
}

/// Two formulas over all combinations of their literals. A cell is the index of a combination.
struct FormulaPair<'a> {
    space: &'a Combinations,
    literals: &'a [Literal],
    formulas: [&'a Formula; 2],
    levels: [Vec<Level>; 2],
}

impl FormulaPair<'_> {
    fn cells(&self) -> std::ops::Range<usize> {
        0..self.space.all.len()
    }

    fn level(&self, side: usize, cell: usize) -> Level {
        self.levels.get(side).and_then(|levels| levels.get(cell)).copied().unwrap_or_default()
    }

    /// Returns the change from one level to another, or `None` if they are the same.
    fn delta(&self, from: Level, to: Level) -> Option<Delta> {
        let direction = match from.cmp(&to) {
            Ordering::Less => Direction::Gained,
            Ordering::Equal => return None,
            Ordering::Greater => Direction::Lost,
        };
        let higher = from.max(to);
        let changes = |cell: usize| self.level(0, cell) == from && self.level(1, cell) == to;
        let cells: Vec<usize> = self.cells().filter(|cell| changes(*cell)).collect();
        let cubes = cover(&self.space.all, changes);
        let kind = self.kind(direction, higher);
        let (mut before, mut after) = (None, None);
        if !matches!(kind, ChangeKind::Gains | ChangeKind::Loses) {
            before = self.condition(|cell| self.level(0, cell) >= higher);
            after = self.condition(|cell| self.level(1, cell) >= higher);
        }
        Some(Delta {
            direction,
            kind,
            certainty: self.certainty_of_step(direction, &cells),
            from,
            to,
            condition: condition_text(&cubes, &self.space.literals, self.literals),
            cubes,
            before,
            after,
            without_caller_limit: self.includes_none_of(&cells, limits_caller),
            without_source_limit: self.includes_none_of(&cells, limits_source),
            clauses: self.causes(direction, higher, &cells),
        })
    }

    /// Returns the kind of a change. It is wider or narrower only if nothing changes in the other direction, and moved
    /// only if changes in both directions are certain.
    fn kind(&self, direction: Direction, level: Level) -> ChangeKind {
        let was = |cell: usize| self.level(0, cell) >= level;
        let is = |cell: usize| self.level(1, cell) >= level;
        let rises = |cell: usize| is(cell) && !was(cell);
        let falls = |cell: usize| was(cell) && !is(cell);
        match direction {
            Direction::Gained if !self.cells().any(was) => ChangeKind::Gains,
            Direction::Lost if !self.cells().any(is) => ChangeKind::Loses,
            Direction::Gained if !self.cells().any(falls) => ChangeKind::Wider,
            Direction::Lost if !self.cells().any(rises) => ChangeKind::Narrower,
            _ if self.certainty(rises) == Certainty::Certain
                && self.certainty(falls) == Certainty::Certain =>
            {
                ChangeKind::Moved
            }
            Direction::Gained | Direction::Lost => ChangeKind::Changed,
        }
    }

    /// Returns whether some request changes whatever the answers of the doubts are.
    fn certainty(&self, changes: impl Fn(usize) -> bool) -> Certainty {
        let certain = self.certain(changes);
        if certain.is_empty() { Certainty::Possible } else { Certainty::Certain }
    }

    /// Returns the answers other than doubts with which the predicate is true whatever the answers of the doubts are.
    fn certain(&self, is: impl Fn(usize) -> bool) -> BTreeSet<Bits> {
        work::spend(8 * self.space.all.len());
        let mut never: BTreeSet<Bits> = BTreeSet::new();
        let mut once: BTreeSet<Bits> = BTreeSet::new();
        for (cell, bits) in self.space.all.iter().enumerate() {
            let without_doubts = bits & !self.space.doubts;
            if is(cell) {
                once.insert(without_doubts)
            } else {
                never.insert(without_doubts)
            };
        }
        once.difference(&never).copied().collect()
    }

    /// Returns the certainty of a step. It is certain too if one of its requests certainly changes in the same
    /// direction, and only the levels depend on the doubts.
    fn certainty_of_step(&self, direction: Direction, cells: &[usize]) -> Certainty {
        let moves = |cell: usize| match direction {
            Direction::Gained => self.level(1, cell) > self.level(0, cell),
            Direction::Lost => self.level(1, cell) < self.level(0, cell),
        };
        let certain = self.certain(moves);
        let mut bits = cells.iter().filter_map(|cell| self.space.all.get(*cell));
        if bits.any(|bits| certain.contains(&(bits & !self.space.doubts))) {
            Certainty::Certain
        } else {
            Certainty::Possible
        }
    }

    fn condition(&self, within: impl Fn(usize) -> bool) -> Option<String> {
        condition_text(&cover(&self.space.all, within), &self.space.literals, self.literals)
    }

    /// Returns whether none of the literals that the predicate selects is true in at least one of the cells.
    fn includes_none_of(&self, cells: &[usize], selects: fn(&Literal) -> bool) -> bool {
        let mask = self
            .space
            .literals
            .iter()
            .enumerate()
            .filter(|(_, number)| self.literals.get(**number).is_some_and(selects))
            .fold(0, |bits: Bits, (bit, _)| bits | 1 << bit);
        cells.iter().any(|cell| self.space.all.get(*cell).is_some_and(|bits| bits & mask == 0))
    }

    /// Returns the clauses that cause a change: those that reach the level on the higher side, if no clause of the
    /// lower side would, and those that deny it on the lower side.
    fn causes(&self, direction: Direction, level: Level, cells: &[usize]) -> [BTreeSet<Clause>; 2] {
        let (low, high) = match direction {
            Direction::Gained => (0, 1),
            Direction::Lost => (1, 0),
        };
        let mut out = [BTreeSet::new(), BTreeSet::new()];
        for cell in cells {
            let reaches =
                |clause: &&Clause| clause.level >= level && self.is_true_in(clause, *cell);
            if let Some(out) = out.get_mut(high)
                && !self.clauses(low).any(|clause| reaches(&clause))
            {
                out.extend(self.clauses(high).filter(reaches).cloned());
            }
            if let Some(out) = out.get_mut(low)
                && self.level(low, *cell) == Level::ExplicitlyDenied
            {
                let denials = self.clauses(low).filter(|clause| {
                    clause.level == Level::ExplicitlyDenied && self.is_true_in(clause, *cell)
                });
                out.extend(denials.cloned());
            }
        }
        out
    }

    fn clauses(&self, side: usize) -> impl Iterator<Item = &Clause> {
        self.formulas.get(side).into_iter().flat_map(|formula| formula.iter())
    }

    /// Returns whether all literals of the clause are true in the cell.
    fn is_true_in(&self, clause: &Clause, cell: usize) -> bool {
        let mask = self.space.mask(clause);
        self.space.all.get(cell).is_some_and(|bits| bits & mask == mask)
    }
}

/// Returns a disjunction of cubes in words, or `None` if it is always true.
fn condition_text(cubes: &[Cube], numbers: &[usize], literals: &[Literal]) -> Option<String> {
    let texts: Vec<String> = cubes.iter().map(|cube| cube_text(*cube, numbers, literals)).collect();
    match texts.as_slice() {
        [] => None,
        [one] if one.is_empty() => None,
        [one] => Some(one.clone()),
        several => {
            let groups: Vec<String> = several
                .iter()
                .map(|text| if text.contains(" and ") { format!("({text})") } else { text.clone() })
                .collect();
            Some(groups.join(" or "))
        }
    }
}

/// Returns a cube in words. Literals that must be true come first.
fn cube_text(cube: Cube, numbers: &[usize], literals: &[Literal]) -> String {
    let mut parts: Vec<(bool, String)> = Vec::new();
    for (bit, number) in numbers.iter().enumerate() {
        if cube.care & (1 << bit) != 0
            && let Some(literal) = literals.get(*number)
        {
            let is_true = cube.value & (1 << bit) != 0;
            parts.push((!is_true, literal.text(is_true)));
        }
    }
    parts.sort();
    let texts: Vec<String> = parts.into_iter().map(|(_, text)| text).collect();
    texts.join(" and ")
}

/// Returns whether a stranger cannot meet the literal.
fn limits_caller(literal: &Literal) -> bool {
    matches!(literal, Literal::Test(test) if test.limits_caller())
}

/// Returns whether the literal limits the resources that a service acts for.
fn limits_source(literal: &Literal) -> bool {
    matches!(literal, Literal::Test(test) if test.limits_source())
}

/// Compares two formulas clause by clause, for formulas with too many literals. A clause may change access unless the
/// other formula has one that covers it.
fn clause_deltas(old: &Formula, new: &Formula, literals: &[Literal]) -> Vec<Delta> {
    let mut out = Vec::new();
    for (from, to, side) in [(old, new, 1), (new, old, 0)] {
        for clause in to {
            if !from.iter().any(|other| covers(other, clause)) {
                out.push(clause_delta(clause, side, literals));
            }
        }
    }
    out
}

/// Returns whether a clause applies to all requests that another applies to, with the same effect.
pub(super) fn covers(clause: &Clause, other: &Clause) -> bool {
    let is_deny = |clause: &Clause| clause.level == Level::ExplicitlyDenied;
    is_deny(clause) == is_deny(other)
        && clause.level >= other.level
        && clause.literals.is_subset(&other.literals)
}

/// Returns the possible change by a clause that only the old policy (side 0) or only the new one (side 1) has.
fn clause_delta(clause: &Clause, side: usize, literals: &[Literal]) -> Delta {
    let denies = clause.level == Level::ExplicitlyDenied;
    let (low, high) = if denies {
        (Level::ExplicitlyDenied, Level::Denied)
    } else {
        (Level::Denied, clause.level)
    };
    // A new `Allow` gives access, and so does a removed `Deny`.
    let (direction, from, to) = if denies == (side == 0) {
        (Direction::Gained, low, high)
    } else {
        (Direction::Lost, high, low)
    };
    let numbers: Vec<usize> = clause.literals.iter().copied().take(MAX_BITS).collect();
    let all_bits = numbers.iter().enumerate().fold(0, |bits, (bit, _)| bits | 1 << bit);
    let cube = Cube { care: all_bits, value: all_bits };
    let mut clauses = [BTreeSet::new(), BTreeSet::new()];
    if let Some(clauses) = clauses.get_mut(side) {
        clauses.insert(clause.clone());
    }
    let has = |selects: fn(&Literal) -> bool| {
        clause.literals.iter().filter_map(|number| literals.get(*number)).any(selects)
    };
    Delta {
        direction,
        kind: ChangeKind::Changed,
        certainty: Certainty::Possible,
        from,
        to,
        condition: condition_text(&[cube], &numbers, literals),
        cubes: Vec::new(),
        before: None,
        after: None,
        without_caller_limit: !has(limits_caller),
        without_source_limit: !has(limits_source),
        clauses,
    }
}
