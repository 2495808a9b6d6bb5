//! Formulas over the possible combinations of literals, and the minimal cover of a set of combinations.

use std::collections::{BTreeMap, BTreeSet};

use super::cells::cells;
use super::level::Level;
use super::literal::Literal;
use super::policy_pair::Clause;
use crate::policy::typed::Test;

/// The largest number of literals. With more, two policies are compared statement by statement.
const MAX_LITERALS: usize = 16;
/// The largest number of combinations.
const MAX_COMBINATIONS: usize = 1 << 16;

/// The combinations of answers that a set of literals can have. Bit n of a combination is the answer of literal n of
/// the list.
#[derive(Clone, Debug)]
pub(super) struct Combinations {
    /// The numbers of the literals in [`PolicyPair::literals`](super::policy_pair::PolicyPair::literals).
    pub(super) literals: Vec<usize>,
    /// The bits of the literals that are doubts.
    pub(super) doubts: u64,
    /// The possible combinations.
    pub(super) all: Vec<u64>,
}

/// Returns the combinations of the literals with these numbers, or `None` if there are too many.
pub(super) fn combinations(
    numbers: &BTreeSet<usize>,
    all_literals: &[Literal],
) -> Option<Combinations> {
    if numbers.len() > MAX_LITERALS {
        return None;
    }
    let mut literals: Vec<usize> = numbers.iter().copied().collect();
    // The order must not depend on which policy is the old one, so that the words of conditions do not either.
    literals.sort_by_key(|number| all_literals.get(*number));
    let mut by_key: BTreeMap<&str, Vec<(usize, &Test)>> = BTreeMap::new();
    let mut doubts = 0_u64;
    for (bit, number) in literals.iter().enumerate() {
        match all_literals.get(*number)? {
            Literal::Test(test) => by_key.entry(&test.key).or_default().push((bit, test)),
            Literal::Doubt(_) => doubts |= 1 << bit,
        }
    }
    let mut all = vec![0_u64];
    for tests in by_key.values() {
        let tests_of_key: Vec<&Test> = tests.iter().map(|(_, test)| *test).collect();
        // Bit n of a cell becomes the bit of test n's literal.
        let cells = cells(&tests_of_key)?.into_iter().map(|cell| {
            tests.iter().enumerate().fold(0, |bits, (n, (bit, _))| bits | ((cell >> n) & 1) << bit)
        });
        all = product(&all, &cells.collect::<Vec<_>>())?;
    }
    for bit in (0..literals.len()).filter(|bit| doubts & (1 << bit) != 0) {
        all = product(&all, &[0, 1 << bit])?;
    }
    Some(Combinations { literals, doubts, all })
}

fn product(all: &[u64], cells: &[u64]) -> Option<Vec<u64>> {
    if all.len() * cells.len() > MAX_COMBINATIONS {
        return None;
    }
    Some(all.iter().flat_map(|bits| cells.iter().map(move |cell| bits | cell)).collect())
}

impl Combinations {
    /// Returns the literals of a clause as bits.
    pub(super) fn mask(&self, clause: &Clause) -> u64 {
        self.literals
            .iter()
            .enumerate()
            .filter(|(_, number)| clause.literals.contains(number))
            .fold(0, |bits, (bit, _)| bits | 1 << bit)
    }

    /// Returns the level in each combination.
    pub(super) fn levels(&self, clauses: &BTreeSet<Clause>) -> Vec<Level> {
        let masks: Vec<(Level, u64)> = clauses.iter().map(|c| (c.level, self.mask(c))).collect();
        self.all.iter().map(|bits| level(&masks, *bits)).collect()
    }
}

/// Returns the level in one combination: a `Deny` overrides everything, otherwise the highest level counts.
fn level(clauses: &[(Level, u64)], bits: u64) -> Level {
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
    pub(super) care: u64,
    pub(super) value: u64,
}

impl Cube {
    pub(super) fn has(self, bits: u64) -> bool {
        bits & self.care == self.value
    }
}

/// Returns a set of combinations as a disjunction of few and short cubes: prime implicants, without those that others
/// cover.
pub(super) fn cover(all: &[u64], within: impl Fn(usize) -> bool) -> Vec<Cube> {
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
    let mut order: Vec<u64> = (0..64).map(|n| 1 << n).filter(|bit| used & bit != 0).collect();
    order.sort_by_key(|bit| all.iter().filter(|bits| *bits & bit != 0).count());
    let mut cubes: Vec<Cube> = Vec::new();
    for bits in &inside {
        if cubes.iter().any(|cube| cube.has(*bits)) {
            continue;
        }
        let mut cube = Cube { care: used, value: *bits };
        // Negated literals are dropped first, because conditions are easier to read without negation.
        for negated in [true, false] {
            for bit in &order {
                if (cube.value & bit == 0) == negated {
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
