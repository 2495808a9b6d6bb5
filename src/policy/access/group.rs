//! Groups the changes of single atoms: equal changes of several actions, and the changes of all identities of an
//! account, or of everyone, as one.

use std::collections::{BTreeMap, BTreeSet};

use super::action_atom::ActionAtom;
use super::change::AccessChange;
use super::delta::{Delta, Formula, covers, deltas};
use super::formula::combinations;
use super::grouped_change::{ActionAtoms, ChangeKey, Extent, GroupedChange};
use super::key_context::KeyContext;
use super::level::{ChangeKind, Direction, Level};
use super::names::{EVERY_SERVICE, OTHER_SERVICE, matches_no_pattern, name};
use super::policy_pair::{Clause, CompiledStatement, PolicyPair, actions};
use super::present::present;
use super::principal_atom::{IdentityKind, PrincipalAtom, PrincipalClass};
use crate::policy::Document;
use crate::policy::actions::Action;
use crate::policy::grants::Grant;
use crate::policy::work;

/// The changes of one atom.
type AtomChanges<'s> = BTreeMap<ChangeKey, Extent<'s>>;

/// Returns every change of access to every action, or to one, or `None` if the policies distinguish too many
/// principals.
pub(super) fn changes(
    documents: [Option<&Document>; 2],
    key: &KeyContext,
    grants: &[Grant],
    action: Option<&'static Action>,
    listing: Listing,
) -> Option<Vec<AccessChange>> {
    let pair = PolicyPair::new(documents, key, grants)?;
    let mut grouping = Grouping {
        pair: &pair,
        grants,
        classes: action_classes(&pair, action),
        listing,
        delta_cache: BTreeMap::new(),
    };
    let mut by_atom: Vec<AtomChanges<'_>> =
        (0..pair.atoms.len()).map(|atom| grouping.atom_changes(atom)).collect();
    let mut out = Vec::new();
    for change in grouping.group(&mut by_atom, &role_in_everyone) {
        out.extend(present("*", &change));
    }
    let accounts: BTreeSet<&str> = pair.atoms.iter().filter_map(PrincipalAtom::account).collect();
    for account in accounts {
        if !work::spend(pair.atoms.len()) {
            return None;
        }
        let changes = grouping.group(&mut by_atom, &|atom| role_in_account(atom, account));
        for change in changes {
            let delta = &change.key.delta;
            let is_direct = delta.from.max(delta.to) == Level::Allowed
                || delta.from.min(delta.to) == Level::ExplicitlyDenied;
            let principal = if is_direct {
                format!("every identity of account {account}")
            } else {
                format!("arn:{}:iam::{account}:root", key.partition)
            };
            out.extend(present(&principal, &change));
        }
    }
    out.extend(remaining(&pair, by_atom));
    rename_other_service(&pair, &mut out);
    out.sort();
    Some(out)
}

/// What the changes are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listing {
    /// The difference of two policies: what everyone gains says all of it.
    Difference,
    /// The holders of access: principals with a statement of their own are named, because they keep their access if the
    /// statement for everyone is removed.
    Holders,
}

/// The role of an atom in a change for many principals.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    /// The atom's own changes become the changes for all.
    Representative,
    /// A change of the atom is left out if the change for all includes it.
    Member,
    /// Like [`Role::Member`], but the atom may reach a higher level: what IAM policies of an account may allow is
    /// allowed to its root user directly.
    HigherMember,
}

/// Returns the role of an atom in a change for everyone.
fn role_in_everyone(atom: &PrincipalAtom) -> Option<Role> {
    match &atom.class {
        PrincipalClass::OtherAccounts { kind: Some(IdentityKind::Root) } => Some(Role::Member),
        PrincipalClass::OtherAccounts { .. } if matches_no_pattern(atom) => {
            Some(Role::Representative)
        }
        PrincipalClass::OtherAccounts { .. }
        | PrincipalClass::UniqueId(_)
        | PrincipalClass::Provider(_) => None,
        PrincipalClass::Root(_)
        | PrincipalClass::Identity(_)
        | PrincipalClass::SessionsOf(_)
        | PrincipalClass::Other { .. }
        | PrincipalClass::Service(_)
        | PrincipalClass::OtherService => Some(Role::Member),
    }
}

/// Returns the role of an atom in a change for all identities of an account.
fn role_in_account(atom: &PrincipalAtom, account: &str) -> Option<Role> {
    if atom.account() != Some(account) {
        return None;
    }
    match &atom.class {
        PrincipalClass::Other { .. } if matches_no_pattern(atom) => Some(Role::Representative),
        PrincipalClass::Root(_) => Some(Role::HigherMember),
        PrincipalClass::Identity(_)
        | PrincipalClass::SessionsOf(_)
        | PrincipalClass::Other { .. }
        | PrincipalClass::OtherAccounts { .. }
        | PrincipalClass::Service(_)
        | PrincipalClass::OtherService
        | PrincipalClass::UniqueId(_)
        | PrincipalClass::Provider(_) => Some(Role::Member),
    }
}

/// Returns the changes of single atoms that no change for many principals includes. Atoms of the same name are grouped.
fn remaining(pair: &PolicyPair<'_>, by_atom: Vec<AtomChanges<'_>>) -> Vec<AccessChange> {
    let mut by_name: BTreeMap<(String, ChangeKey), Extent<'_>> = BTreeMap::new();
    for (atom, changes) in pair.atoms.iter().zip(by_atom) {
        for (key, extent) in changes {
            if extent.actions.is_empty() {
                continue;
            }
            let all = by_name.entry((name(atom), key_for_atom(key, atom))).or_default();
            all.actions.extend(extent.actions);
            all.statements.extend(extent.statements);
        }
    }
    by_name
        .into_iter()
        .flat_map(|((name, key), extent)| {
            present(&name, &GroupedChange { key, extent, except: BTreeSet::new() })
        })
        .collect()
}

/// Returns the key of a change with the attributes that only some classes of principals have.
fn key_for_atom(mut key: ChangeKey, atom: &PrincipalAtom) -> ChangeKey {
    if matches!(atom.class, PrincipalClass::UniqueId(_)) {
        key.delta.kind = ChangeKind::Dangling;
    }
    key.delta.without_caller_limit &= atom.is_of_other_accounts();
    key.delta.without_source_limit &= atom.is_service();
    key
}

/// Renames "every other AWS service" if no service is named.
fn rename_other_service(pair: &PolicyPair<'_>, changes: &mut [AccessChange]) {
    if pair.atoms.iter().any(|atom| matches!(atom.class, PrincipalClass::Service(_))) {
        return;
    }
    for change in changes {
        for name in change.except.iter_mut().chain([&mut change.principal]) {
            if *name == OTHER_SERVICE {
                EVERY_SERVICE.clone_into(name);
            }
        }
    }
}

struct Grouping<'a> {
    pair: &'a PolicyPair<'a>,
    grants: &'a [Grant],
    /// Actions that no statement, condition or grant distinguishes. They have the same changes.
    classes: Vec<Vec<ActionAtom>>,
    listing: Listing,
    delta_cache: BTreeMap<(Formula, Formula), Vec<Delta>>,
}

impl<'a> Grouping<'a> {
    /// Returns the changes of one atom.
    fn atom_changes(&mut self, atom: usize) -> AtomChanges<'a> {
        let mut out = AtomChanges::new();
        if self.pair.is_same_for(atom) {
            return out;
        }
        for class in &self.classes {
            let Some(action) = class.first() else { continue };
            if !work::spend(self.pair.count_matched(atom)) {
                break;
            }
            let sides = [0, 1].map(|side| self.pair.clauses(side, atom, action));
            let [old, new] = sides.each_ref().map(|side| formula(side));
            if old == new || self.changes_like_its_user(atom, action, [&old, &new]) {
                continue;
            }
            let found = self
                .delta_cache
                .entry((old, new))
                .or_insert_with_key(|(old, new)| deltas(old, new, self.pair));
            if !work::spend(8 * found.len() * (sides.iter().map(Vec::len).sum::<usize>() + 1)) {
                break;
            }
            for delta in found.iter() {
                let key = ChangeKey {
                    delta: Delta {
                        cubes: Vec::new(),
                        clauses: [BTreeSet::new(), BTreeSet::new()],
                        ..delta.clone()
                    },
                    grants: allowing_grants(self.grants, self.pair.atoms.get(atom), action),
                };
                let extent = out.entry(key).or_default();
                extent.statements.extend(causes(delta, &sides));
                extent.actions.extend(ActionAtoms::of(class));
            }
        }
        out
    }

    /// Returns whether an atom stands for the federated sessions of a user, and they change as the user does. That the
    /// user's name stands for them too is not worth a line of its own.
    fn changes_like_its_user(
        &self,
        atom: usize,
        action: &ActionAtom,
        formulas: [&Formula; 2],
    ) -> bool {
        let Some((user, assumption)) = self.pair.user_of_sessions(atom) else { return false };
        let without_assumption = |clause: &Clause| {
            let is_other = |number: &usize| Some(*number) != assumption;
            let literals = clause.literals.iter().copied().filter(is_other).collect();
            Clause { level: clause.level, literals }
        };
        let of_sessions =
            formulas.map(|formula| formula.iter().map(without_assumption).collect::<Formula>());
        of_sessions == [0, 1].map(|side| formula(&self.pair.clauses(side, user, action)))
    }

    /// Takes the changes that all atoms with a role share out of the atoms' changes, and returns them as changes for
    /// all.
    fn group(
        &self,
        by_atom: &mut [AtomChanges<'a>],
        role: &dyn Fn(&PrincipalAtom) -> Option<Role>,
    ) -> Vec<GroupedChange<'a>> {
        let members: Vec<(usize, Role)> = self
            .pair
            .atoms
            .iter()
            .enumerate()
            .filter_map(|(index, atom)| Some((index, role(atom)?)))
            .collect();
        let representatives: Vec<usize> = members
            .iter()
            .filter(|(_, role)| *role == Role::Representative)
            .map(|(index, _)| *index)
            .collect();
        let Some(first) = representatives.first().and_then(|index| by_atom.get(*index)).cloned()
        else {
            return Vec::new();
        };
        let mut out = Vec::new();
        for (key, extent) in first {
            if !work::spend(members.len()) {
                break;
            }
            let mut all = extent;
            for index in &representatives {
                let changes = by_atom.get(*index).and_then(|changes| changes.get(&key));
                let actions = changes.map(|extent| extent.actions.clone()).unwrap_or_default();
                all.actions = all.actions.and(&actions);
            }
            if !all.actions.is_empty() {
                out.extend(self.group_change(key, all, &members, by_atom));
            }
        }
        out
    }

    /// Takes one change out of the members' changes. Returns it once for each set of principals that it does not apply
    /// to.
    fn group_change(
        &self,
        mut key: ChangeKey,
        mut all: Extent<'a>,
        members: &[(usize, Role)],
        by_atom: &mut [AtomChanges<'a>],
    ) -> Vec<GroupedChange<'a>> {
        let mut missing: Vec<(usize, ActionAtoms)> = Vec::new();
        let mut highest = key.delta.from.max(key.delta.to);
        let for_all = (self.listing == Listing::Holders).then(|| all.statements.clone());
        for (index, role) in members {
            work::spend(8 * by_atom.get(*index).map_or(0, BTreeMap::len));
            let taken = take(by_atom.get_mut(*index), &key, &mut all, (*role, for_all.as_ref()));
            if let Some(level) = taken.highest
                && *role == Role::Member
            {
                highest = highest.max(level);
            }
            missing.push((*index, taken.missing));
        }
        let parts = self.split_by_exceptions(&all.actions, &missing, &key.delta);
        // Only a change for a service can be a confused deputy, not one for many principals.
        key.delta.without_source_limit = false;
        match key.delta.direction {
            Direction::Gained => key.delta.to = highest,
            Direction::Lost => key.delta.from = highest,
        }
        parts
            .into_iter()
            .map(|(except, actions)| GroupedChange {
                key: key.clone(),
                extent: Extent { actions, statements: all.statements.clone() },
                except,
            })
            .collect()
    }

    /// Splits the actions of a change for many principals by the principals for which the change would be wrong. These
    /// have no such change, and end with less than what is gained, or keep what is lost.
    fn split_by_exceptions(
        &self,
        all: &ActionAtoms,
        missing: &[(usize, ActionAtoms)],
        delta: &Delta,
    ) -> BTreeMap<BTreeSet<String>, ActionAtoms> {
        let mut out: BTreeMap<BTreeSet<String>, ActionAtoms> = BTreeMap::new();
        for class in &self.classes {
            let actions = ActionAtoms::of(class).and(all);
            let Some(action) = class.first() else { continue };
            if actions.is_empty() {
                continue;
            }
            if !work::spend(missing.len()) {
                break;
            }
            let exceptions: BTreeSet<usize> = missing
                .iter()
                .filter(|(atom, missing)| {
                    !missing.and(&actions).is_empty() && self.is_exception(*atom, action, delta)
                })
                .map(|(atom, _)| *atom)
                .collect();
            out.entry(self.names(&exceptions)).or_default().extend(actions);
        }
        out
    }

    fn is_exception(&self, atom: usize, action: &ActionAtom, delta: &Delta) -> bool {
        let Some(reached) = self.highest_new_level(atom, action) else { return false };
        match delta.direction {
            Direction::Gained => reached < delta.to,
            Direction::Lost => reached >= delta.from,
        }
    }

    /// Returns the names of atoms. If all atoms of an account are among them, they share one name.
    fn names(&self, atoms: &BTreeSet<usize>) -> BTreeSet<String> {
        let is_whole = |account: &str| {
            work::spend(self.pair.atoms.len());
            let mut all = self.pair.atoms.iter().enumerate();
            all.all(|(index, atom)| atom.account() != Some(account) || atoms.contains(&index))
        };
        atoms
            .iter()
            .filter_map(|index| self.pair.atoms.get(*index))
            .map(|atom| match atom.account() {
                Some(account) if is_whole(account) => {
                    format!("every identity of account {account}")
                }
                Some(_) | None => name(atom),
            })
            .collect()
    }

    /// Returns the highest level that an atom can reach with the new policy, or `None` if there are too many literals.
    fn highest_new_level(&self, atom: usize, action: &ActionAtom) -> Option<Level> {
        let formula = formula(&self.pair.clauses(1, atom, action));
        let literals = formula.iter().flat_map(|clause| &clause.literals).copied().collect();
        let space = combinations(&literals, &self.pair.literals)?;
        space.levels(&formula).into_iter().max()
    }
}

/// The result of [`take`].
struct Taken {
    /// The actions for which the member has no change in the same direction to the same level or a higher one.
    missing: ActionAtoms,
    /// The highest level of the changes that were taken out.
    highest: Option<Level>,
}

/// Takes the actions of a change for all out of a member's changes that say the same. If the statements `for_all` are
/// given, a member with other statements keeps its change.
fn take<'s>(
    changes: Option<&mut AtomChanges<'s>>,
    key: &ChangeKey,
    all: &mut Extent<'s>,
    (role, for_all): (Role, Option<&BTreeSet<&CompiledStatement>>),
) -> Taken {
    let mut taken = Taken { missing: all.actions.clone(), highest: None };
    for (own, extent) in changes.into_iter().flatten() {
        let delta = &own.delta;
        if delta.direction != key.delta.direction {
            continue;
        }
        let shared = extent.actions.and(&all.actions);
        let is_same = says_the_same(&key.delta, delta, role);
        // A member that reaches less has a line of its own, and is an exception from that for all.
        if is_same || delta.from.max(delta.to) >= key.delta.from.max(key.delta.to) {
            taken.missing = taken.missing.without(&shared);
        }
        let is_other = |statement: &&CompiledStatement| {
            for_all.is_some_and(|all| !all.contains(statement)) && shared.are_of(statement)
        };
        if extent.statements.iter().any(is_other) {
            continue;
        }
        if is_same && !shared.is_empty() {
            extent.actions = extent.actions.without(&shared);
            let own = extent.statements.iter().copied();
            all.statements.extend(own.filter(|statement| shared.are_of(statement)));
            let rest = &extent.actions;
            extent.statements.retain(|statement| rest.are_of(statement));
            taken.highest = taken.highest.max(Some(delta.from.max(delta.to)));
        }
    }
    taken
}

/// Returns whether a change for all says the same as a member's own change.
fn says_the_same(all: &Delta, own: &Delta, role: Role) -> bool {
    let lowest = |delta: &Delta| delta.from.min(delta.to);
    let highest = |delta: &Delta| delta.from.max(delta.to);
    // A `Deny` has the same effect on every principal, whatever access it had.
    let is_denied = |delta: &Delta| lowest(delta) == Level::ExplicitlyDenied;
    // Access that IAM policies could allow before, or still can, is a different change.
    let stays_delegated = |delta: &Delta| lowest(delta) == Level::Delegated;
    let is_same_level = match role {
        _ if is_denied(all) => true,
        Role::Representative | Role::Member => highest(all) == highest(own),
        Role::HigherMember => highest(all) <= highest(own),
    };
    (all.condition.is_none() || all.condition == own.condition)
        && all.certainty == own.certainty
        && stays_delegated(all) == stays_delegated(own)
        && is_denied(all) == is_denied(own)
        && is_same_level
}

/// Returns the formula of clauses.
fn formula(clauses: &[(Clause, &CompiledStatement)]) -> Formula {
    clauses.iter().map(|(clause, _)| clause.clone()).collect()
}

/// Returns the actions in classes that no statement, condition or grant distinguishes.
fn action_classes(pair: &PolicyPair<'_>, only: Option<&'static Action>) -> Vec<Vec<ActionAtom>> {
    let all = only.map_or_else(|| actions(pair), |action| vec![ActionAtom::Known(action)]);
    let mut out: BTreeMap<_, Vec<ActionAtom>> = BTreeMap::new();
    for action in all {
        if !work::spend(pair.count_patterns()) {
            break;
        }
        out.entry(pair.signature(&action)).or_default().push(action);
    }
    out.into_values().collect()
}

/// Returns the statements that cause a change. What a statement allows without a condition is not allowed because of
/// one with a condition, unless that one names the principals and the other one everyone.
fn causes<'s>(
    delta: &Delta,
    sides: &[Vec<(Clause, &'s CompiledStatement)>; 2],
) -> BTreeSet<&'s CompiledStatement> {
    let mut out = BTreeSet::new();
    for (clauses, side) in delta.clauses.iter().zip(sides) {
        let side = side.iter().filter(|(clause, _)| clauses.contains(clause));
        let count = side.clone().count();
        let is_affordable = work::spend(count * count);
        for (clause, statement) in side.clone() {
            let is_superfluous = is_affordable
                && side.clone().any(|(other, by)| {
                    let is_wider = by.names_everyone() && !statement.names_everyone();
                    !is_wider && covers(other, clause) && !covers(clause, other)
                });
            if !is_superfluous {
                out.insert(*statement);
            }
        }
    }
    out
}

/// Returns the labels of the grants that allow the action to the atom.
fn allowing_grants(
    grants: &[Grant],
    atom: Option<&PrincipalAtom>,
    action: &ActionAtom,
) -> BTreeSet<String> {
    let Some(atom) = atom else { return BTreeSet::new() };
    grants
        .iter()
        .filter(|grant| allows(grant, atom, action))
        .map(|grant| grant.label().to_owned())
        .collect()
}

/// Returns whether a grant allows the action to the atom.
fn allows(grant: &Grant, atom: &PrincipalAtom, action: &ActionAtom) -> bool {
    let ActionAtom::Known(action) = action else {
        return false;
    };
    let is_grantee = match &atom.class {
        PrincipalClass::Identity(identity) => {
            identity.arn == grant.grantee || identity.roles.contains(&grant.grantee)
        }
        PrincipalClass::Service(name) => *name == grant.grantee,
        PrincipalClass::UniqueId(id) => *id == grant.grantee,
        PrincipalClass::Root(_)
        | PrincipalClass::SessionsOf(_)
        | PrincipalClass::Other { .. }
        | PrincipalClass::OtherAccounts { .. }
        | PrincipalClass::OtherService
        | PrincipalClass::Provider(_) => false,
    };
    is_grantee && grant.operations.contains(action.name)
}
