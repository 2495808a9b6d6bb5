//! Two policies side by side: their rules, the literals of their conditions, the atoms they tell apart.

use std::collections::{BTreeMap, BTreeSet};

use super::super::actions::{ActionSet, glob};
use super::super::grants::Grant;
use super::super::meaning::{Operator, Quantifier, Rule, Test, Verdict};
use super::super::{Document, OWN_KEY};
use super::action::{ActionAtom, carries};
use super::atom::{Atom, Named};
use super::domain::comparable;
use super::fact::{Fact, fact};
use super::glob::Pattern;
use super::literal::{Literal, Sort, literal, patterns, sort, when_absent, with_value};
use super::matching::{Match, matches};
use super::{KeyContext, Level};

/// One alternative of a policy: where all of its literals hold, a `Deny` applies or a level is reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Clause {
    /// [`Level::ExplicitlyDenied`] for a `Deny`.
    pub(super) level: Level,
    /// Numbers of literals in the scene.
    pub(super) literals: BTreeSet<usize>,
}

/// A statement whose resource is the key, or may be.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Compiled {
    /// Of the old policy, 0, or of the new, 1.
    side: usize,
    pub(super) rule: Rule,
    /// The known actions that it is about.
    known: ActionSet,
    /// Literals of its condition, and doubts of its own.
    literals: BTreeSet<usize>,
    /// The statement without its name: equal statements of both policies have one number.
    pub(super) number: usize,
}

/// Both policies.
pub(super) struct Scene<'a> {
    documents: [Option<&'a Document>; 2],
    pub(super) key: &'a KeyContext,
    /// The statements of the old and of the new policy.
    pub(super) sides: [Vec<Compiled>; 2],
    pub(super) literals: Vec<Literal>,
    /// For literals of a key that a request may lack, the literal that it does.
    pub(super) absence: BTreeMap<usize, usize>,
    pub(super) atoms: Vec<Atom>,
    /// For each side and atom, the statements that are about it.
    matched: [Vec<Vec<(usize, How)>>; 2],
    /// The operations of the grants.
    granted: BTreeSet<String>,
}

/// How a statement is about an atom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum How {
    Direct,
    Account,
    /// If this literal holds.
    Doubtful(usize),
}

/// Numbers things; equal things have one number.
struct Numbers<T>(BTreeMap<T, usize>);

impl<T: Ord> Numbers<T> {
    fn new() -> Self {
        Self(BTreeMap::new())
    }

    fn of(&mut self, thing: T) -> usize {
        let next = self.0.len();
        *self.0.entry(thing).or_insert(next)
    }

    fn list(self) -> Vec<T> {
        let mut list: Vec<(T, usize)> = self.0.into_iter().collect();
        list.sort_by_key(|(_, number)| *number);
        list.into_iter().map(|(thing, _)| thing).collect()
    }
}

impl<'a> Scene<'a> {
    /// Sets the scene; `None` if the principals are too many to tell apart.
    pub(super) fn new(
        documents: [Option<&'a Document>; 2],
        key: &'a KeyContext,
        grants: &[Grant],
    ) -> Option<Self> {
        let read = documents.map(|document| statements(document, key));
        let mut sides = 0..;
        let mixed = mixed_keys(&read);
        let (mut literals, mut rules, mut named) =
            (Numbers::new(), Numbers::new(), Named::default());
        let sides = read.map(|statements| {
            let side = sides.next().unwrap_or_default();
            let each = statements.into_iter().map(|(rule, mut held)| {
                for literal in &mut held {
                    if let Literal::Test(test) = literal
                        && mixed.contains(&test.key)
                    {
                        *literal = Literal::Doubt(super::words::verbatim(test));
                    }
                    named.literal(literal);
                }
                rule.who.names.iter().for_each(|name| named.name(name));
                let held: BTreeSet<usize> = held.into_iter().map(|l| literals.of(l)).collect();
                let what = (rule.verdict, rule.who.clone(), rule.what.clone(), held.clone());
                Compiled {
                    side,
                    known: rule.what.actions(),
                    rule,
                    literals: held,
                    number: rules.of(what),
                }
            });
            each.collect::<Vec<Compiled>>()
        });
        grants.iter().for_each(|grant| named.grant(grant));
        let atoms: Vec<Atom> = named.atoms(key)?.into_iter().collect();
        let matched = [0, 1].map(|n| {
            let side = sides.get(n).map(Vec::as_slice).unwrap_or_default();
            atoms.iter().map(|atom| whom(side, atom, &mut literals)).collect()
        });
        let absence = absences(&mut literals);
        let granted = grants.iter().flat_map(|grant| grant.operations.clone()).collect();
        Some(Self {
            documents,
            key,
            sides,
            literals: literals.list(),
            absence,
            atoms,
            matched,
            granted,
        })
    }

    /// What one policy says of an atom and an action, as alternatives, each with its statement.
    pub(super) fn clauses(
        &self,
        side: usize,
        atom: usize,
        action: &ActionAtom,
    ) -> Vec<(Clause, &Compiled)> {
        let rules = self.sides.get(side).map(Vec::as_slice).unwrap_or_default();
        let matched = self.matched.get(side).and_then(|matched| matched.get(atom));
        let (Some(matched), Some(atom)) = (matched, self.atoms.get(atom)) else {
            return Vec::new();
        };
        let each = matched.iter().filter_map(|(index, how)| {
            let compiled = rules.get(*index).filter(|c| action.is_in(&c.rule.what, c.known))?;
            let level = self.level(atom, action, compiled.rule.verdict, *how)?;
            let mut literals = self.fold(atom, action, &compiled.literals)?;
            if let How::Doubtful(doubt) = how {
                literals.insert(*doubt);
            }
            Some((Clause { level, literals }, compiled))
        });
        each.collect()
    }

    /// What a person knows a statement by: its Sid, or its place in the document.
    pub(super) fn label(&self, compiled: &Compiled) -> String {
        let document = self.documents.get(compiled.side).copied().flatten();
        let label = document.map(|document| document.label(&compiled.rule)).unwrap_or_default();
        let old = compiled.side == 0 && compiled.rule.sid.is_none();
        if old { format!("{label} (old)") } else { label }
    }

    /// Whether both policies have the same statements about an atom.
    pub(super) fn is_same_for(&self, atom: usize) -> bool {
        let of = |side: usize| -> Option<BTreeSet<(usize, How)>> {
            let rules = self.sides.get(side)?;
            let matched = self.matched.get(side)?.get(atom)?;
            matched.iter().map(|(n, how)| Some((rules.get(*n)?.number, *how))).collect()
        };
        of(0) == of(1)
    }

    /// What tells an action from others: the statements about it, the keys its requests have, who can be allowed it, and
    /// whether a grant can give it.
    pub(super) fn signature(&self, action: &ActionAtom) -> (Vec<bool>, Vec<bool>, bool, String) {
        let about =
            self.sides.iter().flatten().map(|c| action.is_in(&c.rule.what, c.known)).collect();
        let carried = self.literals.iter().map(|literal| match literal {
            Literal::Test(test) => carries(action, &test.key),
            Literal::Doubt(_) => true,
        });
        let granted = match action {
            ActionAtom::Known(known) if self.granted.contains(known.name) => known.name.to_owned(),
            ActionAtom::Known(_) | ActionAtom::Future { .. } => String::new(),
        };
        (about, carried.collect(), action.crosses_accounts(), granted)
    }

    /// What a matching statement gives (policy-semantics B3, B4.2 to B4.5). `None`: nothing.
    fn level(&self, atom: &Atom, action: &ActionAtom, verdict: Verdict, how: How) -> Option<Level> {
        if verdict == Verdict::Deny {
            return Some(Level::ExplicitlyDenied);
        }
        let own = atom.account().is_some() && atom.account() == self.key.account.as_deref();
        let foreign = atom.is_identity() && !own;
        if foreign && !action.crosses_accounts() {
            return None;
        }
        let direct = !foreign && how != How::Account;
        Some(if direct { Level::Allowed } else { Level::Delegated })
    }

    /// The literals that remain open once principal and action are known; `None` if one is false.
    fn fold(
        &self,
        atom: &Atom,
        action: &ActionAtom,
        literals: &BTreeSet<usize>,
    ) -> Option<BTreeSet<usize>> {
        let mut open = BTreeSet::new();
        for number in literals {
            let known = match self.literals.get(*number) {
                Some(Literal::Test(test)) if !carries(action, &test.key) => Some(when_absent(test)),
                Some(Literal::Test(test)) => match fact(atom, self.key, &test.key) {
                    Fact::Absent => Some(when_absent(test)),
                    Fact::Is(value) => with_value(test, &value),
                    Fact::Free => None,
                    Fact::Matches(_) | Fact::Unnamed if sort(test) == Sort::Presence => {
                        with_value(test, "")
                    }
                    Fact::Matches(_) | Fact::Unnamed if sort(test) != Sort::Text => None,
                    Fact::Matches(matched) => {
                        let hit = patterns(test).iter().any(|pattern| matched.contains(pattern));
                        Some(hit != test.negated)
                    }
                    Fact::Unnamed => {
                        let exact = patterns(test).iter().all(|pattern| pattern.exact().is_some());
                        exact.then_some(test.negated)
                    }
                },
                Some(Literal::Doubt(_)) | None => None,
            };
            match known {
                Some(true) => {}
                Some(false) => return None,
                None => {
                    open.insert(*number);
                }
            }
        }
        Some(open)
    }
}

/// `…IfExists` lets requests pass that lack the key: to say so, that they do is a literal too.
fn absences(literals: &mut Numbers<Literal>) -> BTreeMap<usize, usize> {
    let lenient = literals.0.iter().filter_map(|(literal, number)| match literal {
        Literal::Test(test) if test.if_exists => Some((test.key.clone(), *number)),
        Literal::Test(_) | Literal::Doubt(_) => None,
    });
    let lenient: Vec<(String, usize)> = lenient.collect();
    let of = |(key, number): (String, usize)| {
        let absent = Test {
            quantifier: Quantifier::One,
            operator: Operator::Null,
            negated: false,
            if_exists: false,
            key,
            values: BTreeSet::from(["true".to_owned()]),
        };
        (number, literals.of(Literal::Test(absent)))
    };
    lenient.into_iter().map(of).collect()
}

/// The statements that are about an atom, and how.
fn whom(rules: &[Compiled], atom: &Atom, literals: &mut Numbers<Literal>) -> Vec<(usize, How)> {
    let mut out = Vec::new();
    for (n, compiled) in rules.iter().enumerate() {
        for how in matches(&compiled.rule.who, atom) {
            out.push((
                n,
                match how {
                    Match::Direct => How::Direct,
                    Match::Account => How::Account,
                    Match::Doubtful(doubt) => How::Doubtful(literals.of(Literal::Doubt(doubt))),
                },
            ));
        }
    }
    out
}

/// The statements that may be about the key, with what must hold for each.
fn statements(document: Option<&Document>, key: &KeyContext) -> Vec<(Rule, Vec<Literal>)> {
    let Some(document) = document else {
        return Vec::new();
    };
    let meaning = document.meaning();
    let mut out = Vec::new();
    for rule in meaning.rules {
        let mut held: Vec<Literal> =
            rule.when.iter().map(|test| literal(test, meaning.variables)).collect();
        match on_key(&rule, key) {
            Some(true) => {}
            Some(false) => continue,
            None => held.push(Literal::Doubt(resource_doubt(&rule))),
        }
        if rule.unclear {
            held.push(Literal::Doubt(unclear_doubt(document, &rule)));
        }
        out.push((rule, held));
    }
    out
}

fn resource_doubt(rule: &Rule) -> String {
    let names: Vec<&str> = rule.on.iter().flat_map(|on| &on.patterns).map(String::as_str).collect();
    let except = rule.on.as_ref().is_some_and(|on| on.except);
    let is = if except { "is not" } else { "is" };
    format!("the key {is} {}", names.join(" | "))
}

/// What is not understood, in full: only the very same is the same.
fn unclear_doubt(document: &Document, rule: &Rule) -> String {
    let statements = document.canonical().statements.iter();
    let mut extra: BTreeSet<String> = BTreeSet::new();
    for statement in statements.filter(|statement| statement.sid == rule.sid) {
        extra.extend(statement.extra.iter().map(|(key, value)| format!("`{key}`: {value}")));
        let both = [
            ("NotAction", statement.action.as_ref().and(statement.not_action.as_ref())),
            ("NotResource", statement.resource.as_ref().and(statement.not_resource.as_ref())),
        ];
        for (key, set) in both {
            extra.extend(set.map(|set| format!("`{key}`: {set:?}")));
        }
        let principal = statement.principal.as_ref().and(statement.not_principal.as_ref());
        extra.extend(principal.map(|names| format!("`NotPrincipal`: {names:?}")));
    }
    if extra.is_empty() {
        return "an empty `Condition` holds".to_owned();
    }
    let extra: Vec<String> = extra.into_iter().collect();
    format!("the statement counts in spite of {}", extra.join(", "))
}

/// Whether the statement is about this key; `None` where its ARN would have to be known.
fn on_key(rule: &Rule, key: &KeyContext) -> Option<bool> {
    let Some(on) = &rule.on else { return Some(false) };
    let each: Vec<Option<bool>> = on.patterns.iter().map(|pattern| is_key(pattern, key)).collect();
    let hit = if each.contains(&Some(true)) {
        Some(true)
    } else if each.contains(&None) {
        None
    } else {
        Some(false)
    };
    hit.map(|hit| hit != on.except)
}

/// KMS Developer Guide, key policies: `*` is this key; whatever else must match its ARN.
fn is_key(pattern: &str, key: &KeyContext) -> Option<bool> {
    if pattern == OWN_KEY || (pattern.contains('*') && pattern.trim_matches('*').is_empty()) {
        return Some(true);
    }
    if pattern.contains("${") {
        return None;
    }
    if let Some(arn) = &key.arn {
        let field_by_field = Pattern::arn(pattern).is_some_and(|pattern| pattern.matches(arn));
        // What a wildcard does beyond its field is not documented (IAM User Guide, Resource).
        return if field_by_field || !glob(pattern, arn) { Some(field_by_field) } else { None };
    }
    let fields: Vec<&str> = pattern.splitn(6, ':').collect();
    let ["arn", partition, service, _, account, resource] = fields.as_slice() else {
        return if pattern.contains('*') { None } else { Some(false) };
    };
    let owner = key.account.as_deref();
    let may = glob(partition, &key.partition)
        && glob(service, "kms")
        && owner.is_none_or(|owner| glob(account, owner))
        && (resource.starts_with("key/") || resource.contains(['*', '?']));
    if may { None } else { Some(false) }
}

/// Keys that are compared as texts here and as numbers there.
fn mixed_keys(sides: &[Vec<(Rule, Vec<Literal>)>; 2]) -> BTreeSet<String> {
    let mut by_key: BTreeMap<&str, BTreeSet<&Test>> = BTreeMap::new();
    for literal in sides.iter().flatten().flat_map(|(_, literals)| literals) {
        if let Literal::Test(test) = literal {
            by_key.entry(&test.key).or_default().insert(test);
        }
    }
    let mixed = by_key.into_iter().filter(|(_, tests)| {
        let tests: Vec<&Test> = tests.iter().copied().collect();
        !comparable(&tests)
    });
    mixed.map(|(key, _)| key.to_owned()).collect()
}

/// The known actions, and one future action for every wildcard.
pub(super) fn actions(scene: &Scene<'_>) -> Vec<ActionAtom> {
    let mut out: Vec<ActionAtom> = ActionSet::ALL.iter().map(ActionAtom::Known).collect();
    let rules = scene.sides.iter().flatten();
    // `NotAction` is about every action to come but those it excepts.
    let all = "kms:*".to_owned();
    let patterns: BTreeSet<&String> = rules
        .flat_map(|c| c.rule.what.patterns.iter().chain(c.rule.what.except.then_some(&all)))
        .collect();
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
