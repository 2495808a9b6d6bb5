//! Two policies prepared for comparison: their statements, the literals of their conditions, and the principal atoms
//! that they distinguish.

use std::collections::{BTreeMap, BTreeSet};

use super::action_atom::ActionAtom;
use super::implied_value::{ImpliedValue, implied_value};
use super::key_context::KeyContext;
use super::key_statements::{KeyStatement, key_statements};
use super::level::Level;
use super::literal::{Literal, ValueType, patterns, value_type, when_absent, with_value};
use super::principal_atom::{MentionedPrincipals, PrincipalAtom};
use super::statement_match::{Match, matches};
use crate::policy::Document;
use crate::policy::actions::ActionSet;
use crate::policy::grants::Grant;
use crate::policy::typed::{
    ActionElement, Effect, Operator, PrincipalElement, Quantifier, Test, TypedStatement,
};

/// A clause of a formula: if all of its literals are true, a `Deny` applies or a level is reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Clause {
    /// The level that is reached; [`Level::ExplicitlyDenied`] for a `Deny`.
    pub(super) level: Level,
    /// The numbers of the literals in [`PolicyPair::literals`].
    pub(super) literals: BTreeSet<usize>,
}

/// A statement that can apply to the key, with its literals by number.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CompiledStatement {
    /// The side of the policy: 0 for the old one, 1 for the new one.
    side: usize,
    pub(super) statement: TypedStatement,
    /// The known actions that the statement matches.
    known: ActionSet,
    /// The literals that must be true.
    literals: BTreeSet<usize>,
    /// The number of the statement. Statements that differ only in their Sid have the same number.
    pub(super) number: usize,
}

/// The old and the new policy.
pub(super) struct PolicyPair<'a> {
    documents: [Option<&'a Document>; 2],
    key: &'a KeyContext,
    /// The statements of the old and of the new policy.
    sides: [Vec<CompiledStatement>; 2],
    pub(super) literals: Vec<Literal>,
    /// For each literal with `IfExists`, the literal that the condition key is absent.
    pub(super) absence: BTreeMap<usize, usize>,
    pub(super) atoms: Vec<PrincipalAtom>,
    /// For each side and atom, the indexes of the statements that match the atom.
    matched: [Vec<Vec<(usize, MatchKind)>>; 2],
    /// The operations of the grants.
    granted: BTreeSet<String>,
}

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
type StatementContent = (Effect, PrincipalElement, ActionElement, BTreeSet<usize>);

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
        let [old, new] = key_statements(documents, key);
        let mut mentioned = MentionedPrincipals::default();
        for statement in old.iter().chain(&new) {
            statement.literals.iter().for_each(|literal| mentioned.add_literal(literal));
            statement.statement.principals.names.iter().for_each(|name| mentioned.add_name(name));
        }
        grants.iter().for_each(|grant| mentioned.add_grant(grant));
        let atoms: Vec<PrincipalAtom> = mentioned.atoms(key)?.into_iter().collect();
        let (mut literals, mut numbers) = (Numbers::new(), Numbers::new());
        let sides = [(0, old), (1, new)]
            .map(|(side, statements)| compile(side, statements, &mut literals, &mut numbers));
        let matched = sides.each_ref().map(|statements| {
            atoms.iter().map(|atom| matching(statements, atom, &mut literals)).collect()
        });
        let absence = absence_literals(&mut literals);
        Some(Self {
            documents,
            key,
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
        for (index, kind) in matched {
            if let Some(statement) = statements.get(*index)
                && action.is_in(&statement.statement.actions, statement.known)
                && let Some(clause) = self.clause(atom, action, statement, *kind)
            {
                out.push((clause, statement));
            }
        }
        out
    }

    /// Returns the clause of a matching statement, or `None` if it has no effect.
    fn clause(
        &self,
        atom: &PrincipalAtom,
        action: &ActionAtom,
        statement: &CompiledStatement,
        kind: MatchKind,
    ) -> Option<Clause> {
        let level = self.level(atom, action, statement.statement.effect, kind)?;
        let mut literals = self.open_literals(atom, action, &statement.literals)?;
        if let MatchKind::Doubtful(doubt) = kind {
            literals.insert(doubt);
        }
        Some(Clause { level, literals })
    }

    /// Returns the label of a statement in messages: its Sid, or its position, such as `#2`.
    pub(super) fn label(&self, statement: &CompiledStatement) -> String {
        let document = self.documents.get(statement.side).copied().flatten();
        let label =
            document.map(|document| document.label(&statement.statement)).unwrap_or_default();
        if statement.side == 0 && statement.statement.sid.is_none() {
            format!("{label} (old)")
        } else {
            label
        }
    }

    /// Returns whether the same statements of both policies match an atom.
    pub(super) fn is_same_for(&self, atom: usize) -> bool {
        let numbers = |side: usize| -> Option<BTreeSet<(usize, MatchKind)>> {
            let statements = self.sides.get(side)?;
            let matched = self.matched.get(side)?.get(atom)?;
            matched
                .iter()
                .map(|(index, kind)| Some((statements.get(*index)?.number, *kind)))
                .collect()
        };
        numbers(0) == numbers(1)
    }

    /// Returns everything that distinguishes an action from others: the statements that match it, the condition keys of
    /// its requests, whether it supports cross-account use, and whether a grant can allow it.
    pub(super) fn signature(&self, action: &ActionAtom) -> (Vec<bool>, Vec<bool>, bool, String) {
        let matched = self
            .sides
            .iter()
            .flatten()
            .map(|compiled| action.is_in(&compiled.statement.actions, compiled.known))
            .collect();
        let carried = self
            .literals
            .iter()
            .map(|literal| match literal {
                Literal::Test(test) => action.carries(&test.key),
                Literal::Doubt(_) => true,
            })
            .collect();
        let granted = match action {
            ActionAtom::Known(known) if self.granted.contains(known.name) => known.name.to_owned(),
            ActionAtom::Known(_) | ActionAtom::Future { .. } => String::new(),
        };
        (matched, carried, action.crosses_accounts(), granted)
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

    /// Returns the literals that the principal and the action leave open, or `None` if one of them is false.
    fn open_literals(
        &self,
        atom: &PrincipalAtom,
        action: &ActionAtom,
        literals: &BTreeSet<usize>,
    ) -> Option<BTreeSet<usize>> {
        let mut open = BTreeSet::new();
        for number in literals {
            let answer = match self.literals.get(*number) {
                Some(Literal::Test(test)) => self.answer(atom, action, test),
                Some(Literal::Doubt(_)) | None => None,
            };
            match answer {
                Some(true) => {}
                Some(false) => return None,
                None => {
                    open.insert(*number);
                }
            }
        }
        Some(open)
    }

    /// Returns the answer of a test that follows from the principal and the action, if it does.
    fn answer(&self, atom: &PrincipalAtom, action: &ActionAtom, test: &Test) -> Option<bool> {
        if !action.carries(&test.key) {
            return Some(when_absent(test));
        }
        match implied_value(atom, self.key, &test.key) {
            ImpliedValue::Absent => Some(when_absent(test)),
            ImpliedValue::Is(value) => with_value(test, &value),
            ImpliedValue::Free => None,
            ImpliedValue::Matches(_) | ImpliedValue::Unnamed
                if value_type(test) == ValueType::Presence =>
            {
                with_value(test, "")
            }
            ImpliedValue::Matches(_) | ImpliedValue::Unnamed
                if value_type(test) != ValueType::Text =>
            {
                None
            }
            ImpliedValue::Matches(matched) => {
                let is_match = patterns(test).iter().any(|pattern| matched.contains(pattern));
                Some(is_match != test.negated)
            }
            ImpliedValue::Unnamed => {
                let all_exact = patterns(test).iter().all(|pattern| pattern.exact().is_some());
                all_exact.then_some(test.negated)
            }
        }
    }
}

/// Numbers the literals and the statements of one policy.
fn compile(
    side: usize,
    statements: Vec<KeyStatement>,
    literals: &mut Numbers<Literal>,
    numbers: &mut Numbers<StatementContent>,
) -> Vec<CompiledStatement> {
    let mut out = Vec::new();
    for KeyStatement { statement, literals: required } in statements {
        let required: BTreeSet<usize> =
            required.into_iter().map(|literal| literals.of(literal)).collect();
        let content = (
            statement.effect,
            statement.principals.clone(),
            statement.actions.clone(),
            required.clone(),
        );
        out.push(CompiledStatement {
            side,
            known: statement.actions.known(),
            number: numbers.of(content),
            literals: required,
            statement,
        });
    }
    out
}

/// Returns the statements that match an atom, by index.
fn matching(
    statements: &[CompiledStatement],
    atom: &PrincipalAtom,
    literals: &mut Numbers<Literal>,
) -> Vec<(usize, MatchKind)> {
    let mut out = Vec::new();
    for (index, compiled) in statements.iter().enumerate() {
        for matched in matches(&compiled.statement.principals, atom) {
            let kind = match matched {
                Match::Direct => MatchKind::Direct,
                Match::Account => MatchKind::Account,
                Match::Doubtful(doubt) => MatchKind::Doubtful(literals.of(Literal::Doubt(doubt))),
            };
            out.push((index, kind));
        }
    }
    out
}

/// Adds a literal for the absence of each condition key that a test with `IfExists` allows to be absent. Conditions in
/// words need it to say that the key is absent.
fn absence_literals(literals: &mut Numbers<Literal>) -> BTreeMap<usize, usize> {
    let optional: Vec<(String, usize)> = literals
        .0
        .iter()
        .filter_map(|(literal, number)| match literal {
            Literal::Test(test) if test.if_exists => Some((test.key.clone(), *number)),
            Literal::Test(_) | Literal::Doubt(_) => None,
        })
        .collect();
    let mut absence = BTreeMap::new();
    for (key, number) in optional {
        let is_absent = Test {
            quantifier: Quantifier::One,
            operator: Operator::Null,
            negated: false,
            if_exists: false,
            key,
            values: BTreeSet::from(["true".to_owned()]),
        };
        absence.insert(number, literals.of(Literal::Test(is_absent)));
    }
    absence
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
