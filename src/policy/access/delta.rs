//! What changes for one principal and one action: where the level rises and falls, in words.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::formula::{Combinations, Cube, combinations, cover};
use super::literal::Literal;
use super::scene::{Clause, Scene};
use super::{Certainty, Effect, Level, Shape};

/// One policy for one principal and one action.
pub(super) type Formula = BTreeSet<Clause>;

/// A change for one principal and one action.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Delta {
    pub(super) effect: Effect,
    pub(super) shape: Shape,
    pub(super) certainty: Certainty,
    /// The level before, and after.
    pub(super) from: Level,
    pub(super) to: Level,
    /// Where it changes.
    pub(super) condition: Option<String>,
    /// The same, as answers to the literals of the two formulas.
    pub(super) cubes: Vec<Cube>,
    /// Where the level that is gained or lost was reached before, and is reached after.
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
    /// Whether some of it is open to requests that no limiting condition holds for.
    pub(super) unlimited: bool,
    /// Whether some of it is open to requests that do not say which resource a service acts for.
    pub(super) unsourced: bool,
    /// The alternatives it comes from: of the old policy, of the new.
    pub(super) through: [BTreeSet<Clause>; 2],
}

/// All changes from one formula to the other.
pub(super) fn deltas(old: &Formula, new: &Formula, scene: &Scene<'_>) -> Vec<Delta> {
    if old == new {
        return Vec::new();
    }
    let literals = scene.literals.as_slice();
    let used = old.iter().chain(new).flat_map(|clause| &clause.literals);
    let mut numbers: BTreeSet<usize> = used.copied().collect();
    numbers.extend(numbers.clone().iter().filter_map(|number| scene.absence.get(number)));
    match combinations(&numbers, literals) {
        Some(space) => exact(old, new, &space, literals),
        None => by_statement(old, new, literals),
    }
}

/// Both formulas over all combinations.
struct Pair<'a> {
    space: &'a Combinations,
    literals: &'a [Literal],
    formulas: [&'a Formula; 2],
    levels: [Vec<Level>; 2],
}

fn exact(old: &Formula, new: &Formula, space: &Combinations, literals: &[Literal]) -> Vec<Delta> {
    let levels = [space.levels(old), space.levels(new)];
    let pair = Pair { space, literals, formulas: [old, new], levels };
    let mut out = Vec::new();
    let steps: BTreeSet<(Level, Level)> =
        (0..space.all.len()).map(|n| (pair.at(0, n), pair.at(1, n))).collect();
    out.extend(steps.into_iter().filter_map(|(from, to)| pair.delta(from, to)));
    out
}

impl Pair<'_> {
    fn at(&self, side: usize, n: usize) -> Level {
        self.levels.get(side).and_then(|levels| levels.get(n)).copied().unwrap_or_default()
    }

    /// Where the level steps from one to another.
    fn delta(&self, from: Level, to: Level) -> Option<Delta> {
        let effect = match from.cmp(&to) {
            Ordering::Less => Effect::Gained,
            Ordering::Equal => return None,
            Ordering::Greater => Effect::Lost,
        };
        let level = from.max(to);
        let changed = |n: usize| self.at(0, n) == from && self.at(1, n) == to;
        let cells: Vec<usize> = (0..self.space.all.len()).filter(|n| changed(*n)).collect();
        let cubes = cover(&self.space.all, changed);
        let reached = |side: usize| move |n: usize| self.at(side, n) >= level;
        let shape = self.shape(effect, level);
        let conditioned = !matches!(shape, Shape::Gains | Shape::Loses);
        let text = |side: usize| conditioned.then(|| self.condition(reached(side))).flatten();
        Some(Delta {
            effect,
            shape,
            certainty: self.certainty(changed),
            from,
            to,
            condition: condition(&cubes, &self.space.literals, self.literals),
            cubes,
            before: text(0),
            after: text(1),
            unlimited: self.open(&cells, limits),
            unsourced: self.open(&cells, sources),
            through: self.through(effect, level, &cells),
        })
    }

    /// Wider and narrower are only said where the other direction is out of the question; moved, where both are certain.
    fn shape(&self, effect: Effect, level: Level) -> Shape {
        let was = |n: usize| self.at(0, n) >= level;
        let is = |n: usize| self.at(1, n) >= level;
        let any = |test: &dyn Fn(usize) -> bool| (0..self.space.all.len()).any(test);
        let rises = |n: usize| is(n) && !was(n);
        let falls = |n: usize| was(n) && !is(n);
        match effect {
            Effect::Gained if !any(&was) => Shape::Gains,
            Effect::Lost if !any(&is) => Shape::Loses,
            Effect::Gained if !any(&falls) => Shape::Wider,
            Effect::Lost if !any(&rises) => Shape::Narrower,
            _ if self.certainty(rises) == Certainty::Certain
                && self.certainty(falls) == Certainty::Certain =>
            {
                Shape::Moved
            }
            Effect::Gained | Effect::Lost => Shape::Changed,
        }
    }

    /// Certain where some request changes whatever the doubts are.
    fn certainty(&self, changed: impl Fn(usize) -> bool) -> Certainty {
        if self.space.doubts == 0 {
            return Certainty::Certain;
        }
        let mut open: BTreeSet<u64> = BTreeSet::new();
        let mut hit: BTreeSet<u64> = BTreeSet::new();
        for (n, bits) in self.space.all.iter().enumerate() {
            let known = bits & !self.space.doubts;
            if changed(n) {
                hit.insert(known);
            } else {
                open.insert(known);
            }
        }
        if hit.is_subset(&open) { Certainty::Possible } else { Certainty::Certain }
    }

    fn condition(&self, within: impl Fn(usize) -> bool) -> Option<String> {
        condition(&cover(&self.space.all, within), &self.space.literals, self.literals)
    }

    /// Whether in some of the cells none of these literals holds.
    fn open(&self, cells: &[usize], of: fn(&Literal) -> bool) -> bool {
        let each = self.space.literals.iter().enumerate();
        let each = each.filter(|(_, number)| self.literals.get(**number).is_some_and(of));
        let mask = each.fold(0_u64, |bits, (bit, _)| bits | 1 << bit);
        cells.iter().any(|n| self.space.all.get(*n).is_some_and(|bits| bits & mask == 0))
    }

    /// What reaches the level on the high side, where the low side's own alternatives would not have; and what denied it
    /// on the low side.
    fn through(&self, effect: Effect, level: Level, cells: &[usize]) -> [BTreeSet<Clause>; 2] {
        let (low, high) = match effect {
            Effect::Gained => (0, 1),
            Effect::Lost => (1, 0),
        };
        let clauses = |side: usize| self.formulas.get(side).into_iter().flat_map(|f| f.iter());
        let holds = |clause: &Clause, n: &usize| {
            let mask = self.space.mask(clause);
            self.space.all.get(*n).is_some_and(|bits| bits & mask == mask)
        };
        let mut out = [BTreeSet::new(), BTreeSet::new()];
        for n in cells {
            let lifted = self.at(low, *n) == Level::ExplicitlyDenied;
            let would = |clause: &Clause| clause.level >= level && holds(clause, n);
            let new = !clauses(low).any(would);
            if let Some(out) = out.get_mut(high)
                && new
            {
                out.extend(clauses(high).filter(|clause| would(clause)).cloned());
            }
            if let Some(out) = out.get_mut(low)
                && lifted
            {
                let denies = |c: &&Clause| c.level == Level::ExplicitlyDenied && holds(c, n);
                out.extend(clauses(low).filter(denies).cloned());
            }
        }
        out
    }
}

/// Alternatives in words; `None` where there is no condition.
fn condition(cubes: &[Cube], numbers: &[usize], literals: &[Literal]) -> Option<String> {
    let text = |cube: &Cube| {
        let each = numbers.iter().enumerate().filter(|(bit, _)| cube.care & (1 << bit) != 0);
        let each = each.filter_map(|(bit, number)| {
            let is = cube.value & (1 << bit) != 0;
            literals.get(*number).map(|literal| (!is, super::words::literal(literal, is)))
        });
        let mut parts: Vec<(bool, String)> = each.collect();
        parts.sort();
        parts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" and ")
    };
    let texts: Vec<String> = cubes.iter().map(text).collect();
    match texts.as_slice() {
        [] => None,
        [one] => (!one.is_empty()).then(|| one.clone()),
        several => {
            let group = |text: &String| {
                if text.contains(" and ") { format!("({text})") } else { text.clone() }
            };
            Some(several.iter().map(group).collect::<Vec<_>>().join(" or "))
        }
    }
}

/// Whether a condition keeps strangers out when it holds.
fn limits(literal: &Literal) -> bool {
    matches!(literal, Literal::Test(test) if test.limits_who())
}

/// Whether a condition says for which resource a service acts.
fn sources(literal: &Literal) -> bool {
    matches!(literal, Literal::Test(test) if test.limits_source())
}

/// Too many literals: an alternative that the other policy has nothing as wide as may change access.
fn by_statement(old: &Formula, new: &Formula, literals: &[Literal]) -> Vec<Delta> {
    let mut out = Vec::new();
    for (from, to, side) in [(old, new, 1), (new, old, 0)] {
        for clause in to {
            let same = |other: &Clause| {
                (other.level == Level::ExplicitlyDenied)
                    == (clause.level == Level::ExplicitlyDenied)
                    && other.level >= clause.level
                    && other.literals.is_subset(&clause.literals)
            };
            if from.iter().any(same) {
                continue;
            }
            let denies = clause.level == Level::ExplicitlyDenied;
            let (appears, goes) = if denies {
                (Effect::Lost, Effect::Gained)
            } else {
                (Effect::Gained, Effect::Lost)
            };
            let effect = if side == 1 { appears } else { goes };
            let level = if denies { Level::Denied } else { clause.level };
            let none = if denies { Level::ExplicitlyDenied } else { Level::Denied };
            let (was, is) = if effect == Effect::Gained { (none, level) } else { (level, none) };
            let numbers: Vec<usize> = clause.literals.iter().copied().take(64).collect();
            let all = numbers.iter().enumerate().fold(0, |bits, (bit, _)| bits | 1 << bit);
            let mut through = [BTreeSet::new(), BTreeSet::new()];
            if let Some(through) = through.get_mut(side) {
                through.insert(clause.clone());
            }
            let held = || clause.literals.iter().filter_map(|number| literals.get(*number));
            out.push(Delta {
                effect,
                shape: Shape::Changed,
                certainty: Certainty::Possible,
                from: was,
                to: is,
                condition: condition(&[Cube { care: all, value: all }], &numbers, literals),
                cubes: Vec::new(),
                before: None,
                after: None,
                unlimited: !held().any(limits),
                unsourced: !held().any(sources),
                through,
            });
        }
    }
    out
}
