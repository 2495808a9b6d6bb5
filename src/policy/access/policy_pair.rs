//! Two policies prepared for comparison: their statements, the literals of their conditions, and the principal atoms
//! that they distinguish.

use std::collections::{BTreeMap, BTreeSet};

use super::action_atom::ActionAtom;
use super::doubt::Doubt;
use super::implied_value::{ImpliedValue, implied_value};
use super::key_context::KeyContext;
use super::key_statements::{KeyStatement, key_statements};
use super::level::Level;
use super::literal::{Literal, when_absent};
use super::principal_atom::{MentionedPrincipals, PrincipalAtom, PrincipalClass};
use super::requirement::{Condition, Requests, is_absent, requirements};
use super::statement_match::{Match, includes_sessions, matches};
use crate::policy::Document;
use crate::policy::actions::ActionSet;
use crate::policy::condition_keys::actions_with;
use crate::policy::grants::Grant;
use crate::policy::typed::{
    ActionElement, Effect, PrincipalElement, PrincipalName, TypedStatement,
};
use crate::policy::work;

/// A clause of a formula: if all of its literals are true, a `Deny` applies or a level is reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Clause {
    /// The level that is reached; [`Level::ExplicitlyDenied`] for a `Deny`.
    pub(super) level: Level,
    /// The numbers of the literals in [`PolicyPair::literals`].
    pub(super) literals: BTreeSet<usize>,
}

/// A statement that can apply to the key.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CompiledStatement {
    /// The side of the policy: 0 for the old one, 1 for the new one.
    side: usize,
    pub(super) statement: TypedStatement,
    /// The label in messages: the Sid, or the position, such as `#2`.
    pub(super) label: String,
    /// The known actions that the statement matches.
    pub(super) known: ActionSet,
    /// The keys that decide the conditions and that only some actions carry.
    partly_carried: BTreeSet<String>,
    conditions: Vec<Condition>,
    doubts: Vec<Doubt>,
    /// The number of names and values to compare a principal with.
    size: usize,
    /// The number of the statement. Statements that differ only in their Sid have the same number.
    pub(super) number: usize,
}

/// The old and the new policy.
pub(super) struct PolicyPair<'a> {
    key: &'a KeyContext,
    /// The statements of the old and of the new policy.
    sides: [Vec<CompiledStatement>; 2],
    pub(super) literals: Vec<Literal>,
    /// For each literal that the absence of its condition key decides, the literal that the key is absent.
    pub(super) absence: BTreeMap<usize, usize>,
    pub(super) atoms: Vec<PrincipalAtom>,
    /// For each side and atom, the statements that match the atom.
    matched: [Vec<Vec<Matched>>; 2],
    /// The condition keys of the statements that only some actions carry.
    partly_carried: BTreeSet<String>,
    /// The operations of the grants.
    granted: BTreeSet<String>,
}

/// A statement that matches an atom.
struct Matched {
    /// The index of the statement.
    index: usize,
    kind: MatchKind,
    /// The condition keys that only some actions carry, and whose value follows from the atom for these.
    partly_carried: BTreeSet<String>,
    /// The requirements by which of these keys an action does not carry.
    requirements: BTreeMap<BTreeSet<String>, Requirement>,
}

/// Sets of numbers of literals. All literals of one of the sets must be true.
type Requirement = Vec<BTreeSet<usize>>;

/// The way in which a statement matches an atom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum MatchKind {
    /// The statement names the atom, or everyone.
    Direct,
    /// The statement names the atom's account.
    Account,
    /// The statement matches if the literal with this number is true.
    Doubtful(usize),
}

/// The content of a statement without its Sid.
type StatementContent = (Effect, PrincipalElement, ActionElement, Vec<Condition>, Vec<Doubt>);

/// Numbers values in the order in which they are first seen.
struct Numbers<T>(BTreeMap<T, usize>);

impl<T: Ord> Numbers<T> {
    fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Returns the number of a value.
    fn of(&mut self, value: T) -> usize {
        let next = self.0.len();
        *self.0.entry(value).or_insert(next)
    }

    /// Returns the values, sorted by number.
    fn into_values(self) -> Vec<T> {
        let mut values: Vec<(T, usize)> = self.0.into_iter().collect();
        values.sort_by_key(|(_, number)| *number);
        values.into_iter().map(|(value, _)| value).collect()
    }
}

impl<'a> PolicyPair<'a> {
    /// Prepares two policies, or returns `None` if they distinguish too many principals.
    pub(super) fn new(
        documents: [Option<&'a Document>; 2],
        key: &'a KeyContext,
        grants: &[Grant],
    ) -> Option<Self> {
        let statements = documents.map(|document| key_statements(document, key));
        let mut mentioned = MentionedPrincipals::new(key);
        for statement in statements.iter().flatten() {
            let tests = statement.conditions.iter().map(|condition| &condition.test);
            tests.for_each(|test| mentioned.add_test(test));
            statement.statement.principals.names.iter().for_each(|name| mentioned.add_name(name));
        }
        grants.iter().for_each(|grant| mentioned.add_grant(grant));
        let atoms: Vec<PrincipalAtom> = mentioned.atoms()?.into_iter().collect();
        let (mut literals, mut numbers) = (Numbers::new(), Numbers::new());
        let [old, new] = statements;
        let sides = [
            compile((0, documents[0]), old, &mut numbers),
            compile((1, documents[1]), new, &mut numbers),
        ];
        let matched = sides.each_ref().map(|statements| {
            let by_name = StatementsByName::new(statements);
            let matching = |atom| matching(&by_name, statements, atom, key, &mut literals);
            atoms.iter().map(matching).collect()
        });
        if work::is_spent() {
            return None;
        }
        let absence = absence_literals(&mut literals);
        let partly_carried =
            sides.iter().flatten().flat_map(|compiled| compiled.partly_carried.clone()).collect();
        Some(Self {
            key,
            partly_carried,
            sides,
            literals: literals.into_values(),
            absence,
            atoms,
            matched,
            granted: grants.iter().flat_map(|grant| grant.operations.clone()).collect(),
        })
    }

    /// Returns the clauses of one policy for an atom and an action, each with its statement.
    pub(super) fn clauses(
        &self,
        side: usize,
        atom: usize,
        action: &ActionAtom,
    ) -> Vec<(Clause, &CompiledStatement)> {
        let mut out = Vec::new();
        let matched = self.matched.get(side).and_then(|matched| matched.get(atom));
        let (Some(statements), Some(matched), Some(atom)) =
            (self.sides.get(side), matched, self.atoms.get(atom))
        else {
            return out;
        };
        for Matched { index, kind, partly_carried, requirements } in matched {
            if let Some(statement) = statements.get(*index)
                && action.is_in(&statement.statement.actions, statement.known)
                && let Some(level) = self.level(atom, action, statement.statement.effect, *kind)
            {
                let absent = without(action, partly_carried);
                for literals in requirements.get(&absent).into_iter().flatten() {
                    if let Some(mut literals) = self.carried_literals(action, literals) {
                        if let MatchKind::Doubtful(doubt) = kind {
                            literals.insert(*doubt);
                        }
                        out.push((Clause { level, literals }, statement));
                    }
                }
            }
        }
        out
    }

    /// Returns the number of comparisons of an action with the patterns of all statements.
    pub(super) fn count_patterns(&self) -> usize {
        let statements = self.sides.iter().flatten();
        statements.map(|compiled| 8 * compiled.statement.actions.patterns.len() + 1).sum()
    }

    /// Returns the number of statements of both policies that match an atom.
    pub(super) fn count_matched(&self, atom: usize) -> usize {
        self.matched.iter().filter_map(|side| side.get(atom)).map(|found| found.len() + 1).sum()
    }

    /// Returns the atom of a user, and the number of the assumption that the user's name stands for the user's
    /// federated sessions too, if the given atom stands for these.
    pub(super) fn user_of_sessions(&self, atom: usize) -> Option<(usize, Option<usize>)> {
        let PrincipalClass::SessionsOf(user) = &self.atoms.get(atom)?.class else { return None };
        let class = PrincipalClass::Identity(user.clone());
        let assumption = Literal::Doubt(includes_sessions(user));
        Some((
            self.atoms.iter().position(|atom| atom.class == class)?,
            self.literals.iter().position(|literal| *literal == assumption),
        ))
    }

    /// Returns whether the same statements of both policies match an atom.
    pub(super) fn is_same_for(&self, atom: usize) -> bool {
        let numbers = |side: usize| -> Option<BTreeSet<(usize, MatchKind)>> {
            let statements = self.sides.get(side)?;
            let matched = self.matched.get(side)?.get(atom)?;
            matched
                .iter()
                .map(|matched| Some((statements.get(matched.index)?.number, matched.kind)))
                .collect()
        };
        numbers(0) == numbers(1)
    }

    /// Returns everything that distinguishes an action from others: the statements that match it, the condition keys of
    /// its requests, whether it supports cross-account use, and whether a grant can allow it.
    pub(super) fn signature(
        &self,
        action: &ActionAtom,
    ) -> (Vec<bool>, BTreeSet<String>, bool, String) {
        let matched = self
            .sides
            .iter()
            .flatten()
            .map(|compiled| action.is_in(&compiled.statement.actions, compiled.known))
            .collect();
        let absent = without(action, &self.partly_carried);
        let granted = match action {
            ActionAtom::Known(known) if self.granted.contains(known.name) => known.name.to_owned(),
            ActionAtom::Known(_) | ActionAtom::Future { .. } => String::new(),
        };
        (matched, absent, action.crosses_accounts(), granted)
    }

    /// Returns the level that a matching statement reaches, or `None` if it has no effect.
    ///
    /// A statement that names a principal of the key's account allows it by itself; one that names only the account
    /// leaves the decision to IAM policies (KMS Developer Guide, "Default key policy"). Principals of other accounts
    /// always need an IAM policy too, and only for actions that support cross-account use (KMS Developer Guide,
    /// "Allowing users in other accounts to use a KMS key").
    fn level(
        &self,
        atom: &PrincipalAtom,
        action: &ActionAtom,
        effect: Effect,
        kind: MatchKind,
    ) -> Option<Level> {
        if effect == Effect::Deny {
            return Some(Level::ExplicitlyDenied);
        }
        let is_own = atom.account().is_some() && atom.account() == self.key.account.as_deref();
        let is_foreign = atom.is_identity() && !is_own;
        if is_foreign && !action.crosses_accounts() {
            return None;
        }
        let is_direct = !is_foreign && kind != MatchKind::Account;
        Some(if is_direct { Level::Allowed } else { Level::Delegated })
    }

    /// Returns the literals that the action leaves open, or `None` if one of them is false.
    fn carried_literals(
        &self,
        action: &ActionAtom,
        literals: &BTreeSet<usize>,
    ) -> Option<BTreeSet<usize>> {
        let mut open = BTreeSet::new();
        for number in literals {
            let test = self.literals.get(*number).and_then(Literal::absence_decides);
            match test.filter(|test| !action.carries(&test.key)) {
                Some(test) if when_absent(test) => {}
                Some(_) => return None,
                None => {
                    open.insert(*number);
                }
            }
        }
        Some(open)
    }
}

impl CompiledStatement {
    /// Returns whether the statement names everyone, or everyone but some.
    pub(super) fn names_everyone(&self) -> bool {
        let principals = &self.statement.principals;
        let is_everyone = |name: &PrincipalName| {
            matches!(name, PrincipalName::Everyone | PrincipalName::AnyIdentity)
        };
        principals.except || principals.names.iter().any(is_everyone)
    }

    /// Returns the partly carried keys whose value follows from an atom, and every set of them that an action does not
    /// carry.
    fn absences(
        &self,
        atom: &PrincipalAtom,
        key: &KeyContext,
    ) -> (BTreeSet<String>, BTreeSet<BTreeSet<String>>) {
        let is_in_variable =
            |name: &String| self.conditions.iter().any(|condition| condition.names(name));
        let is_implied =
            |name: &&String| !matches!(implied_value(atom, key, name), ImpliedValue::Free);
        let keys: BTreeSet<String> = self
            .partly_carried
            .iter()
            .filter(|name| is_implied(name) || is_in_variable(name))
            .cloned()
            .collect();
        let mut absences = BTreeSet::from([BTreeSet::new()]);
        if !keys.is_empty() {
            absences
                .extend(self.known.iter().map(|action| without(&ActionAtom::Known(action), &keys)));
        }
        (keys, absences)
    }
}

/// Returns the condition keys that an action does not carry.
fn without<'k>(
    action: &ActionAtom,
    keys: impl IntoIterator<Item = &'k String>,
) -> BTreeSet<String> {
    keys.into_iter().filter(|key| !action.carries(key)).cloned().collect()
}

/// Numbers the statements of one policy.
fn compile(
    (side, document): (usize, Option<&Document>),
    statements: Vec<KeyStatement>,
    numbers: &mut Numbers<StatementContent>,
) -> Vec<CompiledStatement> {
    let mut labels = document.map(Document::labels).unwrap_or_default();
    let mut out = Vec::new();
    for KeyStatement { statement, conditions, doubts } in statements {
        let content = (
            statement.effect,
            statement.principals.clone(),
            statement.actions.clone(),
            conditions.clone(),
            doubts.clone(),
        );
        let label = labels.remove(&statement).unwrap_or_else(|| "#?".to_owned());
        let is_old = side == 0 && statement.sid.is_none();
        let keys = conditions.iter().flat_map(Condition::keys);
        out.push(CompiledStatement {
            side,
            partly_carried: keys.filter(|key| actions_with(key) != ActionSet::ALL).collect(),
            label: if is_old { format!("{label} (old)") } else { label },
            known: statement.actions.known(),
            size: 1
                + statement.principals.names.len()
                + conditions.iter().map(|condition| 8 * condition.test.values.len()).sum::<usize>(),
            statement,
            conditions,
            doubts,
            number: numbers.of(content),
        });
    }
    out
}

/// The statements of one policy by the names that can match an atom, so that an atom is matched only with these.
struct StatementsByName<'a> {
    named: BTreeMap<&'a PrincipalName, Vec<usize>>,
    /// The statements that can match any atom.
    general: Vec<usize>,
}

impl<'a> StatementsByName<'a> {
    fn new(statements: &'a [CompiledStatement]) -> Self {
        let mut out = Self { named: BTreeMap::new(), general: Vec::new() };
        for (index, compiled) in statements.iter().enumerate() {
            let element = &compiled.statement.principals;
            let is_specific = |name: &PrincipalName| {
                matches!(name, PrincipalName::Identity(_) | PrincipalName::Service(_))
            };
            if element.except || !element.names.iter().all(is_specific) {
                out.general.push(index);
                continue;
            }
            for name in &element.names {
                out.named.entry(name).or_default().push(index);
            }
        }
        out
    }

    /// Returns the indexes of the statements that can match the atom, sorted.
    fn of(&self, atom: &PrincipalAtom) -> BTreeSet<usize> {
        let mut out: BTreeSet<usize> = self.general.iter().copied().collect();
        match atom.names() {
            Some(names) => {
                for name in names {
                    out.extend(self.named.get(&name).into_iter().flatten());
                }
            }
            None => out.extend(self.named.values().flatten()),
        }
        out
    }
}

/// Returns the statements that match an atom.
fn matching(
    by_name: &StatementsByName<'_>,
    statements: &[CompiledStatement],
    atom: &PrincipalAtom,
    key: &KeyContext,
    literals: &mut Numbers<Literal>,
) -> Vec<Matched> {
    let mut out = Vec::new();
    for index in by_name.of(atom) {
        let Some(compiled) = statements.get(index) else { continue };
        if !work::spend(compiled.size) {
            break;
        }
        let matched = matches(&compiled.statement.principals, atom, key);
        if matched.is_empty() {
            continue;
        }
        let doubts: BTreeSet<usize> = compiled
            .doubts
            .iter()
            .map(|doubt| literals.of(Literal::Doubt(doubt.clone())))
            .collect();
        let (partly_carried, absences) = compiled.absences(atom, key);
        let mut all = BTreeMap::new();
        for absent in absences {
            if !work::spend(compiled.size) {
                break;
            }
            let requests =
                Requests { atom, key, absent: absent.iter().map(String::as_str).collect() };
            let required: Requirement = requirements(&compiled.conditions, &requests)
                .into_iter()
                .map(|set| set.into_iter().map(|literal| literals.of(literal)).collect())
                .map(|set: BTreeSet<usize>| &set | &doubts)
                .collect();
            all.insert(absent, required);
        }
        for matched in matched {
            let kind = match matched {
                Match::Direct => MatchKind::Direct,
                Match::Account => MatchKind::Account,
                Match::Doubtful(doubt) => MatchKind::Doubtful(literals.of(Literal::Doubt(doubt))),
            };
            let (partly_carried, requirements) = (partly_carried.clone(), all.clone());
            out.push(Matched { index, kind, partly_carried, requirements });
        }
    }
    out
}

/// Adds a literal for the absence of the condition key of each test that allows the key to be absent, and of each doubt
/// that its absence decides. Conditions in words, and the certainty of changes, need it.
fn absence_literals(literals: &mut Numbers<Literal>) -> BTreeMap<usize, usize> {
    let decided: Vec<(String, usize)> = literals
        .0
        .iter()
        .filter(|(literal, _)| match literal {
            Literal::Test(test) => test.if_exists,
            Literal::Doubt(_) => true,
        })
        .filter_map(|(literal, number)| Some((literal.absence_decides()?.key.clone(), *number)))
        .collect();
    let absent = |key: String| Literal::Test(is_absent(&key, true));
    decided.into_iter().map(|(key, number)| (number, literals.of(absent(key)))).collect()
}

/// Returns the known actions, and one future action for every pattern with a wildcard.
pub(super) fn actions(pair: &PolicyPair<'_>) -> Vec<ActionAtom> {
    // `NotAction` matches every future action except those that it names.
    let all = "kms:*".to_owned();
    let mut patterns: BTreeSet<&String> = BTreeSet::new();
    for compiled in pair.sides.iter().flatten() {
        let element = &compiled.statement.actions;
        patterns.extend(&element.patterns);
        if element.except {
            patterns.insert(&all);
        }
    }
    let mut out: Vec<ActionAtom> = ActionSet::ALL.iter().map(ActionAtom::Known).collect();
    let mut names = BTreeSet::new();
    for atom in patterns.into_iter().filter_map(|pattern| ActionAtom::future(pattern)) {
        if let ActionAtom::Future { name, .. } = &atom
            && names.insert(name.clone())
        {
            out.push(atom);
        }
    }
    out
}
