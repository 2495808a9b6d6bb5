//! From atoms to what a person reads: equal changes together, and those of a whole account or of everyone as one.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Document;
use super::super::grants::Grant;
use super::action::ActionAtom;
use super::atom::{Atom, Principal, PrincipalArn};
use super::delta::{Delta, Formula, deltas};
use super::formula::combinations;
use super::present::{Actions, marked, name, present, rename};
use super::scene::{Clause, Compiled, Scene, actions};
use super::{AccessChange, Effect, KeyContext, Level};

/// A change of an atom, or of many.
#[derive(Clone, Debug, Default)]
pub(super) struct Held<'s> {
    pub(super) actions: Actions,
    pub(super) statements: BTreeSet<&'s Compiled>,
}

/// The change but for the alternatives, and the grants that give the same.
pub(super) type Key = (Delta, BTreeSet<String>);
type Lines<'s> = BTreeMap<Key, Held<'s>>;

/// Every change of access; `None` where the principals are too many to tell apart.
pub(super) fn changes(
    documents: [Option<&Document>; 2],
    key: &KeyContext,
    grants: &[Grant],
) -> Option<Vec<AccessChange>> {
    let scene = Scene::new(documents, key, grants)?;
    let mut work = Work { scene: &scene, grants, classes: classes(&scene), cache: BTreeMap::new() };
    let mut lines: Vec<Lines> = (0..scene.atoms.len()).map(|atom| work.lines(atom)).collect();
    let mut out = Vec::new();
    let everyone = work.whole(&mut lines, &|atom| match &atom.who {
        Principal::Elsewhere => is_rest(atom).then_some(Member::Speaks),
        Principal::UniqueId(_) | Principal::Provider(_) => None,
        Principal::Root(_)
        | Principal::Identity(_)
        | Principal::Other { .. }
        | Principal::Service(_)
        | Principal::OtherService => Some(Member::Follows),
    });
    out.extend(everyone.into_iter().flat_map(|line| present(&scene, "*", line)));
    let accounts: BTreeSet<&str> = scene.atoms.iter().filter_map(Atom::account).collect();
    for account in accounts {
        let member = |atom: &Atom| match &atom.who {
            _ if atom.account() != Some(account) => None,
            Principal::Other { .. } if is_rest(atom) => Some(Member::Speaks),
            Principal::Root(_) => Some(Member::FollowsAbove),
            Principal::Identity(_)
            | Principal::Other { .. }
            | Principal::Elsewhere
            | Principal::Service(_)
            | Principal::OtherService
            | Principal::UniqueId(_)
            | Principal::Provider(_) => Some(Member::Follows),
        };
        for line in work.whole(&mut lines, &member) {
            let ((delta, _), _, _) = &line;
            let direct = delta.from.max(delta.to) == Level::Allowed
                || delta.from.min(delta.to) == Level::ExplicitlyDenied;
            let principal = match direct {
                true => format!("every identity of account {account}"),
                false => format!("arn:{}:iam::{account}:root", key.partition),
            };
            out.extend(present(&scene, &principal, line));
        }
    }
    out.extend(each(&scene, lines));
    rename(&scene, &mut out);
    out.sort();
    Some(out)
}

/// What is left for the atoms themselves; those of one name together.
fn each<'s>(scene: &Scene<'_>, lines: Vec<Lines<'s>>) -> Vec<AccessChange> {
    let mut rest: BTreeMap<(String, Key), Held<'s>> = BTreeMap::new();
    for (atom, lines) in scene.atoms.iter().zip(lines) {
        for (key, held) in lines.into_iter().filter(|(_, held)| !held.actions.is_empty()) {
            let key = (name(atom), marked(key, atom));
            let all = rest.entry(key).or_default();
            all.actions.known = all.actions.known.or(held.actions.known);
            all.actions.future.extend(held.actions.future);
            all.statements.extend(held.statements);
        }
    }
    let rest = rest.into_iter();
    let all =
        rest.flat_map(|((name, key), held)| present(scene, &name, (key, held, BTreeSet::new())));
    all.collect()
}

/// Whether the atom is whoever no pattern is about.
pub(super) fn is_rest(atom: &Atom) -> bool {
    matches!(&atom.arn, PrincipalArn::Matches(patterns) if patterns.is_empty())
}

/// What an atom is to a line about many.
#[derive(Clone, Copy, PartialEq)]
enum Member {
    /// The line is what its change says.
    Speaks,
    /// Its own line goes if it says no more than that.
    Follows,
    /// Its level may be higher: what IAM policies of an account may allow, its root user may do.
    FollowsAbove,
}

/// A change with who is not concerned.
pub(super) type Line<'s> = (Key, Held<'s>, BTreeSet<String>);

struct Work<'a> {
    scene: &'a Scene<'a>,
    grants: &'a [Grant],
    classes: Vec<Vec<ActionAtom>>,
    cache: BTreeMap<(Formula, Formula), Vec<Delta>>,
}

impl<'a> Work<'a> {
    fn formula(&self, side: usize, atom: usize, action: &ActionAtom) -> Formula {
        self.scene.clauses(side, atom, action).into_iter().map(|(clause, _)| clause).collect()
    }

    /// The changes of one atom.
    fn lines(&mut self, atom: usize) -> Lines<'a> {
        let mut out = Lines::new();
        if self.scene.is_same_for(atom) {
            return out;
        }
        for class in &self.classes {
            let Some(one) = class.first() else { continue };
            let sides = [0, 1].map(|side| self.scene.clauses(side, atom, one));
            let formulas = sides
                .each_ref()
                .map(|side| -> Formula { side.iter().map(|(clause, _)| clause.clone()).collect() });
            if formulas.first() == formulas.last() {
                continue;
            }
            let [old, new] = formulas;
            let found = self
                .cache
                .entry((old, new))
                .or_insert_with_key(|(old, new)| deltas(old, new, self.scene));
            for delta in found.iter() {
                let statements = statements(delta, &sides);
                let mut grants = BTreeSet::new();
                if let Some(atom) = self.scene.atoms.get(atom) {
                    let each = self.grants.iter().filter(|grant| gives(grant, atom, one));
                    grants.extend(each.map(|grant| grant.label().to_owned()));
                }
                let bare = Delta {
                    cubes: Vec::new(),
                    through: [BTreeSet::new(), BTreeSet::new()],
                    ..delta.clone()
                };
                let held = out.entry((bare, grants)).or_default();
                held.statements.extend(statements);
                class.iter().for_each(|action| held.actions.add(action));
            }
        }
        out
    }

    /// Takes out of the atoms' changes those that a line about many says as well.
    fn whole(
        &self,
        lines: &mut [Lines<'a>],
        member: &dyn Fn(&Atom) -> Option<Member>,
    ) -> Vec<Line<'a>> {
        let members: Vec<(usize, Member)> = self
            .scene
            .atoms
            .iter()
            .enumerate()
            .filter_map(|(n, atom)| member(atom).map(|member| (n, member)))
            .collect();
        let speakers: Vec<usize> =
            members.iter().filter(|(_, m)| *m == Member::Speaks).map(|(n, _)| *n).collect();
        let Some(first) = speakers.first().and_then(|n| lines.get(*n)).cloned() else {
            return Vec::new();
        };
        let mut out = Vec::new();
        for (key, held) in first {
            let of = |n: &usize| lines.get(*n).and_then(|lines| lines.get(&key));
            let mut all = held.clone();
            for other in &speakers {
                let actions = of(other).map(|held| held.actions.clone()).unwrap_or_default();
                all.actions = all.actions.and(&actions);
            }
            if all.actions.is_empty() {
                continue;
            }
            let mut without: Vec<(usize, Actions)> = Vec::new();
            let mut high = key.0.from.max(key.0.to);
            for (n, how) in &members {
                let (left, taken) = take(lines.get_mut(*n), &key, &mut all, *how);
                high = high.max(taken.filter(|_| *how == Member::Follows).unwrap_or(high));
                without.push((*n, left));
            }
            let parts = self.parts(&all.actions, &without, &key.0);
            let mut key = key;
            // Many are no service that somebody makes act.
            key.0.unsourced = false;
            match key.0.effect {
                Effect::Gained => key.0.to = high,
                Effect::Lost => key.0.from = high,
            }
            for (except, actions) in parts {
                let held = Held { actions, statements: all.statements.clone() };
                out.push((key.clone(), held, except));
            }
        }
        out
    }

    /// The actions of a line about many, by whom the line would be wrong about: those who have no such change, and end
    /// with less than what the line says is gained, or with what it says is lost.
    fn parts(
        &self,
        all: &Actions,
        without: &[(usize, Actions)],
        delta: &Delta,
    ) -> BTreeMap<BTreeSet<String>, Actions> {
        let mut out: BTreeMap<BTreeSet<String>, Actions> = BTreeMap::new();
        for class in &self.classes {
            let mut actions = Actions::default();
            class.iter().for_each(|action| actions.add(action));
            let actions = actions.and(all);
            let Some(one) = class.first().filter(|_| !actions.is_empty()) else { continue };
            let exempt = |(atom, left): &&(usize, Actions)| {
                !left.and(&actions).is_empty() && self.is_exempt(*atom, one, delta)
            };
            let exempt: BTreeSet<usize> =
                without.iter().filter(exempt).map(|(atom, _)| *atom).collect();
            let part = out.entry(self.names(&exempt)).or_default();
            part.known = part.known.or(actions.known);
            part.future.extend(actions.future);
        }
        out
    }

    fn is_exempt(&self, atom: usize, action: &ActionAtom, delta: &Delta) -> bool {
        let reached = self.reached(atom, action);
        match delta.effect {
            Effect::Gained => reached.is_some_and(|level| level < delta.to),
            Effect::Lost => reached.is_some_and(|level| level >= delta.from),
        }
    }

    /// The names of atoms; all atoms of an account go by one name.
    fn names(&self, atoms: &BTreeSet<usize>) -> BTreeSet<String> {
        let whole = |account: &str| {
            let mut all = self.scene.atoms.iter().enumerate();
            all.all(|(n, atom)| atom.account() != Some(account) || atoms.contains(&n))
        };
        let each = atoms.iter().filter_map(|n| self.scene.atoms.get(*n));
        let named = each.map(|atom| match atom.account().filter(|account| whole(account)) {
            Some(account) => format!("every identity of account {account}"),
            None => name(atom),
        });
        named.collect()
    }

    /// The highest level that the new policy lets an atom reach.
    fn reached(&self, atom: usize, action: &ActionAtom) -> Option<Level> {
        let formula = self.formula(1, atom, action);
        let numbers = formula.iter().flat_map(|clause| &clause.literals).copied().collect();
        let space = combinations(&numbers, &self.scene.literals)?;
        space.levels(&formula).into_iter().max()
    }
}

/// Removes what `key` says from the lines of a member. Returns the actions for which the member has no such change, and
/// the highest level of what was removed.
fn take<'s>(
    lines: Option<&mut Lines<'s>>,
    key: &Key,
    all: &mut Held<'s>,
    how: Member,
) -> (Actions, Option<Level>) {
    let mut left = all.actions.clone();
    let mut taken = None;
    for ((delta, _), held) in lines.into_iter().flatten() {
        if delta.effect != key.0.effect {
            continue;
        }
        let both = held.actions.and(&all.actions);
        left = left.without(&both);
        if says(&key.0, delta, how) && !both.is_empty() {
            held.actions = held.actions.without(&both);
            all.statements.extend(held.statements.iter().copied());
            taken = taken.max(Some(delta.from.max(delta.to)));
        }
    }
    (left, taken)
}

/// Whether a line about many says what a member's own line says.
fn says(line: &Delta, own: &Delta, how: Member) -> bool {
    let low = |delta: &Delta| delta.from.min(delta.to);
    let level = |delta: &Delta| delta.from.max(delta.to);
    // A `Deny` says the same of all, whatever they had.
    let denied = |delta: &Delta| low(delta) == Level::ExplicitlyDenied;
    // Where IAM policies could do it before, or still can, it is not the same sentence.
    let kept = |delta: &Delta| low(delta) == Level::Delegated;
    (line.condition.is_none() || line.condition == own.condition)
        && line.certainty == own.certainty
        && kept(line) == kept(own)
        && denied(line) == denied(own)
        && match how {
            _ if denied(line) => true,
            Member::Speaks | Member::Follows => level(line) == level(own),
            Member::FollowsAbove => level(line) <= level(own),
        }
}

/// Actions that no statement, condition or grant tells apart.
fn classes(scene: &Scene<'_>) -> Vec<Vec<ActionAtom>> {
    let mut out: BTreeMap<_, Vec<ActionAtom>> = BTreeMap::new();
    for action in actions(scene) {
        out.entry(scene.signature(&action)).or_default().push(action);
    }
    out.into_values().collect()
}

/// The names of the statements that a change comes through.
fn statements<'s>(
    delta: &Delta,
    sides: &[Vec<(Clause, &'s Compiled)>; 2],
) -> BTreeSet<&'s Compiled> {
    let mut out = BTreeSet::new();
    for (clauses, side) in delta.through.iter().zip(sides) {
        let through = side.iter().filter(|(clause, _)| clauses.contains(clause));
        out.extend(through.map(|(_, compiled)| *compiled));
    }
    out
}

/// Whether a grant gives the action to the atom.
fn gives(grant: &Grant, atom: &Atom, action: &ActionAtom) -> bool {
    let ActionAtom::Known(action) = action else {
        return false;
    };
    let is = match &atom.who {
        Principal::Identity(identity) => {
            identity.arn == grant.grantee || identity.roles.contains(&grant.grantee)
        }
        Principal::Service(name) => *name == grant.grantee,
        Principal::UniqueId(id) => *id == grant.grantee,
        Principal::Root(_)
        | Principal::Other { .. }
        | Principal::Elsewhere
        | Principal::OtherService
        | Principal::Provider(_) => false,
    };
    is && grant.operations.contains(action.name)
}
