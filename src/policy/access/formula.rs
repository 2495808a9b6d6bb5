//! What a policy says, as a function of the literals: every combination of answers that can happen, and the level there.

use std::collections::{BTreeMap, BTreeSet};

use super::Level;
use super::domain::cells;
use super::literal::Literal;
use super::scene::Clause;

/// Literals beyond which two policies are compared statement by statement.
const MOST_LITERALS: usize = 16;
/// Combinations beyond which they are.
const MOST_COMBINATIONS: usize = 1 << 16;

/// The combinations of some literals: bit n of each is the answer of literal n of the list.
#[derive(Clone, Debug)]
pub(super) struct Combinations {
    /// Numbers of literals in the scene.
    pub(super) literals: Vec<usize>,
    /// Those bits that are doubts.
    pub(super) doubts: u64,
    /// All combinations that can happen.
    pub(super) all: Vec<u64>,
}

/// `None`: there are too many.
pub(super) fn combinations(numbers: &BTreeSet<usize>, scene: &[Literal]) -> Option<Combinations> {
    if numbers.len() > MOST_LITERALS {
        return None;
    }
    let mut literals: Vec<usize> = numbers.iter().copied().collect();
    // Whichever policy is the first, the words come out the same.
    literals.sort_by_key(|number| scene.get(*number));
    let mut by_key: BTreeMap<&str, Vec<(usize, &super::super::meaning::Test)>> = BTreeMap::new();
    let mut doubts = 0_u64;
    for (bit, number) in literals.iter().enumerate() {
        match scene.get(*number)? {
            Literal::Test(test) => by_key.entry(&test.key).or_default().push((bit, test)),
            Literal::Doubt(_) => doubts |= 1 << bit,
        }
    }
    let mut all = vec![0_u64];
    for tests in by_key.values() {
        let of: Vec<_> = tests.iter().map(|(_, test)| *test).collect();
        let spread = |cell: u64| {
            let each = tests.iter().enumerate();
            each.fold(0, |bits, (n, (bit, _))| bits | ((cell >> n) & 1) << bit)
        };
        let cells: Vec<u64> = cells(&of)?.into_iter().map(spread).collect();
        all = product(&all, &cells)?;
    }
    for bit in (0..literals.len()).filter(|bit| doubts & (1 << bit) != 0) {
        all = product(&all, &[0, 1 << bit])?;
    }
    Some(Combinations { literals, doubts, all })
}

fn product(all: &[u64], cells: &[u64]) -> Option<Vec<u64>> {
    if all.len() * cells.len() > MOST_COMBINATIONS {
        return None;
    }
    Some(all.iter().flat_map(|bits| cells.iter().map(move |cell| bits | cell)).collect())
}

impl Combinations {
    /// The literals of a clause as bits.
    pub(super) fn mask(&self, clause: &Clause) -> u64 {
        let each = self.literals.iter().enumerate();
        let each = each.filter(|(_, number)| clause.literals.contains(number));
        each.fold(0, |bits, (bit, _)| bits | 1 << bit)
    }

    /// The level in each combination: a `Deny` beats all, else the highest.
    pub(super) fn levels(&self, clauses: &BTreeSet<Clause>) -> Vec<Level> {
        let masks: Vec<(Level, u64)> = clauses.iter().map(|c| (c.level, self.mask(c))).collect();
        self.all.iter().map(|bits| level(&masks, *bits)).collect()
    }
}

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

/// Some literals, each true or false.
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

/// A set of combinations as few and short alternatives (prime implicants, without what others cover).
pub(super) fn cover(all: &[u64], within: impl Fn(usize) -> bool) -> Vec<Cube> {
    let outside: Vec<u64> =
        all.iter().enumerate().filter(|(n, _)| !within(*n)).map(|(_, bits)| *bits).collect();
    let inside: Vec<u64> =
        all.iter().enumerate().filter(|(n, _)| within(*n)).map(|(_, bits)| *bits).collect();
    let used = all.iter().fold(0, |used, bits| used | bits);
    // What holds least often says most: it is the first to go.
    let mut order: Vec<u64> = (0..64).map(|n| 1 << n).filter(|bit| used & bit != 0).collect();
    order.sort_by_key(|bit| all.iter().filter(|bits| *bits & bit != 0).count());
    let mut cubes: Vec<Cube> = Vec::new();
    for bits in &inside {
        if cubes.iter().any(|cube| cube.has(*bits)) {
            continue;
        }
        let mut cube = Cube { care: used, value: *bits };
        // Answers of "no" go first: people say what must hold.
        for no in [true, false] {
            for bit in &order {
                if (cube.value & bit == 0) == no {
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
        let covered = |bits: &u64| {
            let mut others = cubes.iter().enumerate().filter(|(m, _)| *m != n);
            others.any(|(_, other)| other.has(*bits))
        };
        if inside.iter().filter(|bits| cube.has(**bits)).all(covered) {
            cubes.remove(n);
        } else {
            n += 1;
        }
    }
    cubes.sort();
    cubes
}
