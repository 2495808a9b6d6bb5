//! Formulas over the possible combinations of literals, and the minimal cover of a set of combinations.

use std::collections::{BTreeMap, BTreeSet};

use super::cells::{Cells, cells, is_ambiguous};
use super::doubt::Doubt;
use super::level::Level;
use super::literal::{Literal, ValueType, value_type, when_absent};
use super::policy_pair::Clause;
use crate::policy::typed::Test;
use crate::policy::value_pattern::{Bits, MAX_BITS};
use crate::policy::work;

/// The largest number of combinations. With more, two policies are compared statement by statement.
const MAX_COMBINATIONS: usize = 1 << 14;

/// The combinations of answers that a set of literals can have. Bit n of a combination is the answer of literal n of
/// the list.
#[derive(Clone, Debug)]
pub(super) struct Combinations {
    /// The numbers of the literals in [`PolicyPair::literals`](super::policy_pair::PolicyPair::literals).
    pub(super) literals: Vec<usize>,
    /// The bits of the literals whose answers are doubtful.
    pub(super) doubts: Bits,
    /// The possible combinations.
    pub(super) all: Vec<Bits>,
}

/// The literals of a formula about one condition key, each with its bit.
#[derive(Default)]
struct KeyLiterals<'a> {
    tests: Vec<(usize, &'a Test)>,
    /// Tests whose answer is not known if the key is present.
    doubts: Vec<(usize, &'a Test)>,
}

/// Returns the combinations of the literals with these numbers, or `None` if there are too many.
pub(super) fn combinations(
    numbers: &BTreeSet<usize>,
    all_literals: &[Literal],
) -> Option<Combinations> {
    if numbers.len() > MAX_BITS {
        return None;
    }
    if !work::spend(32 * numbers.len()) {
        return None;
    }
    let mut literals: Vec<usize> = numbers.iter().copied().collect();
    // The order must not depend on which policy is the old one, so that the words of conditions do not either.
    literals.sort_by_key(|number| all_literals.get(*number));
    let mut by_key: BTreeMap<&str, KeyLiterals<'_>> = BTreeMap::new();
    let mut assumptions: BTreeMap<&Doubt, usize> = BTreeMap::new();
    for (bit, number) in literals.iter().enumerate() {
        match all_literals.get(*number)? {
            Literal::Test(test) => by_key.entry(&test.key).or_default().tests.push((bit, test)),
            Literal::Doubt(doubt) => match doubt.absence_decides() {
                Some(test) => by_key.entry(&test.key).or_default().doubts.push((bit, test)),
                None => drop(assumptions.insert(doubt, bit)),
            },
        }
    }
    let mut all = vec![0];
    let mut doubts = 0;
    for of_key in by_key.into_values() {
        let (cells, doubtful) = of_key.cells()?;
        doubts |= doubtful;
        all = product(&all, &cells)?;
    }
    for (doubt, bit) in &assumptions {
        doubts |= 1 << bit;
        let opposite = doubt.opposite().and_then(|doubt| assumptions.get(&doubt));
        match opposite {
            None => all = product(&all, &[0, 1 << bit])?,
            // One of the two is true. They are added together once.
            Some(other) if bit < other => all = product(&all, &[1 << other, 1 << bit])?,
            Some(_) => {}
        }
    }
    Some(Combinations { literals, doubts, all })
}

impl KeyLiterals<'_> {
    /// Returns the combinations of the answers, and the bits that are doubtful.
    fn cells(mut self) -> Option<(Vec<Bits>, Bits)> {
        self.set_apart_incomparable();
        let exact: Vec<&Test> = self.tests.iter().map(|(_, test)| *test).collect();
        let known = cells(&exact);
        if known.is_none() {
            self.doubts.append(&mut self.tests);
        }
        let Cells { present, absent } = known.or_else(|| cells(&[]))?;
        // Bit n of a cell becomes the bit of test n's literal.
        let spread = |cell: Bits, list: &[(usize, &Test)]| {
            list.iter().enumerate().fold(0, |bits, (n, (bit, _))| bits | ((cell >> n) & 1) << bit)
        };
        let mut out: Vec<Bits> =
            present.into_iter().map(|cell| spread(cell, &self.tests)).collect();
        for (bit, _) in &self.doubts {
            out = product(&out, &[0, 1 << bit])?;
        }
        if let Some(cell) = absent {
            let answers = self
                .doubts
                .iter()
                .filter(|(_, test)| when_absent(test))
                .fold(0, |bits, (bit, _)| bits | 1 << bit);
            out.push(spread(cell, &self.tests) | answers);
        }
        out.sort_unstable();
        out.dedup();
        let doubts = self.doubts.iter().fold(0, |bits, (bit, _)| bits | 1 << bit);
        Some((out, doubts))
    }

    /// Keeps the tests that can be compared with each other, those of the most frequent type. The others become
    /// doubts.
    fn set_apart_incomparable(&mut self) {
        let all: Vec<&Test> =
            self.tests.iter().chain(&self.doubts).map(|(_, test)| *test).collect();
        let mut counts: BTreeMap<ValueType, usize> = BTreeMap::new();
        for test in &all {
            *counts.entry(value_type(test)).or_default() += 1;
        }
        counts.remove(&ValueType::Presence);
        let most = counts.iter().max_by_key(|(_, count)| **count).map(|(kind, _)| *kind);
        let is_comparable = |test: &Test| {
            let kind = value_type(test);
            (kind == ValueType::Presence || Some(kind) == most) && !is_ambiguous(test, &all)
        };
        let (tests, doubts) = self.tests.drain(..).partition(|(_, test)| is_comparable(test));
        self.tests = tests;
        self.doubts.extend::<Vec<_>>(doubts);
    }
}

fn product(all: &[Bits], cells: &[Bits]) -> Option<Vec<Bits>> {
    let count = all.len() * cells.len();
    if count > MAX_COMBINATIONS || !work::spend(count) {
        return None;
    }
    Some(all.iter().flat_map(|bits| cells.iter().map(move |cell| bits | cell)).collect())
}

impl Combinations {
    /// Returns the literals of a clause as bits.
    pub(super) fn mask(&self, clause: &Clause) -> Bits {
        self.literals
            .iter()
            .enumerate()
            .filter(|(_, number)| clause.literals.contains(number))
            .fold(0, |bits, (bit, _)| bits | 1 << bit)
    }

    /// Returns the level in each combination.
    pub(super) fn levels(&self, clauses: &BTreeSet<Clause>) -> Vec<Level> {
        let masks: Vec<(Level, Bits)> = clauses.iter().map(|c| (c.level, self.mask(c))).collect();
        // Without steps left, the levels do not matter.
        work::spend(self.all.len() * (masks.len() + 1));
        self.all.iter().map(|bits| level(&masks, *bits)).collect()
    }
}

/// Returns the level in one combination: a `Deny` overrides everything, otherwise the highest level counts.
fn level(clauses: &[(Level, Bits)], bits: Bits) -> Level {
    let mut level = Level::Denied;
    for (of, _) in clauses.iter().filter(|(_, mask)| bits & mask == *mask) {
        if *of == Level::ExplicitlyDenied {
            return Level::ExplicitlyDenied;
        }
        level = level.max(*of);
    }
    level
}

/// A conjunction of literals: those of `care` have the answers in `value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cube {
    pub(super) care: Bits,
    pub(super) value: Bits,
}

impl Cube {
    pub(super) fn has(self, bits: Bits) -> bool {
        bits & self.care == self.value
    }
}

/// Returns a set of combinations as a disjunction of few and short cubes: prime implicants, without those that others
/// cover.
pub(super) fn cover(all: &[Bits], within: impl Fn(usize) -> bool) -> Vec<Cube> {
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    for (n, bits) in all.iter().enumerate() {
        if within(n) {
            inside.push(*bits);
        } else {
            outside.push(*bits);
        }
    }
    let used = all.iter().fold(0, |used, bits| used | bits);
    // Literals that are rarely true say the most about a request, so they are dropped first.
    let mut order: Vec<Bits> =
        (0..MAX_BITS).map(|n| 1 << n).filter(|bit| used & bit != 0).collect();
    order.sort_by_key(|bit| all.iter().filter(|bits| *bits & bit != 0).count());
    let mut cubes: Vec<Cube> = Vec::new();
    for bits in &inside {
        if !work::spend(cubes.len() + 1) {
            break;
        }
        if cubes.iter().any(|cube| cube.has(*bits)) {
            continue;
        }
        let mut cube = Cube { care: used, value: *bits };
        // Negated literals are dropped first, because conditions are easier to read without negation.
        for negated in [true, false] {
            for bit in &order {
                if (cube.value & bit == 0) == negated && work::spend(outside.len()) {
                    let wider = Cube { care: cube.care & !bit, value: cube.value & !bit };
                    if !outside.iter().any(|bits| wider.has(*bits)) {
                        cube = wider;
                    }
                }
            }
        }
        cubes.push(cube);
    }
    let mut n = 0;
    while let Some(cube) = cubes.get(n).copied() {
        if !work::spend(inside.len() * cubes.len()) {
            break;
        }
        let mut in_cube = inside.iter().filter(|bits| cube.has(**bits));
        let is_covered = in_cube.all(|bits| {
            let mut others = cubes.iter().enumerate().filter(|(m, _)| *m != n);
            others.any(|(_, other)| other.has(*bits))
        });
        if is_covered {
            cubes.remove(n);
        } else {
            n += 1;
        }
    }
    cubes.sort();
    cubes
}
