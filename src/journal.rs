//! The write-ahead journal of an apply, and how its events change the state. Pure: `store` writes the
//! lines.
//!
//! The intent of a call is on disk before the call is sent, and its outcome before the next call of
//! the same resource is sent. After a crash the events are replayed. If a call has an intent and no
//! outcome, the next run reads AWS to find out whether AWS executed it.
//!
//! A store that is not written at each call holds the events that a run announces before its first
//! call: each step, and the intent of each call that creates a resource.

use crate::answer::{Fault, Outcome};
use crate::id::{Name, Place};
use crate::kind::address::Address;
use crate::kind::{Call, Spec};
use crate::state::{Record, State, StateError};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The record that a step writes once it is finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingRecord {
    /// AWS's identifier; `None` if only the outcome of a call supplies it.
    pub id: Option<String>,
    /// The account and Region of the resource.
    pub place: Place,
    /// The form to record.
    pub spec: Spec,
    /// Whether kmsctl refuses to delete or disable the resource.
    pub protect: bool,
    /// What AWS held before the stack declared it ([`Record::found`]).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub found: BTreeSet<String>,
    /// The complete form that the step creates in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Box<Spec>>,
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// A run begins.
    Run {
        /// The lineage of the state that the run begins with.
        lineage: String,
        /// The serial of the state that the run begins with.
        serial: u64,
    },
    /// A run announces a step. Its later events may be lost with the machine of the run.
    Planned {
        /// The address of the step.
        address: Address,
        /// The record that the finished step writes; `None` if it removes the record.
        draft: Option<Box<PendingRecord>>,
    },
    /// A step begins.
    Began {
        /// The address of the step.
        address: Address,
        /// The record that the finished step writes; `None` if it removes the record.
        draft: Option<Box<PendingRecord>>,
    },
    /// A call is about to be sent.
    Intended {
        /// The address of the step.
        address: Address,
        /// The index of the call in the step.
        number: usize,
        /// The account and Region that the call is sent to.
        at: Place,
        /// The call.
        call: Box<Call>,
        /// The nonce, if the call creates a resource.
        nonce: Option<String>,
        /// The time in seconds since 1970.
        time: u64,
    },
    /// AWS executed the call.
    Done {
        /// The address of the step.
        address: Address,
        /// The index of the call in the step.
        number: usize,
        /// The outcome of the call.
        outcome: Outcome,
    },
    /// AWS did not execute the call.
    Failed {
        /// The address of the step.
        address: Address,
        /// The index of the call in the step.
        number: usize,
        /// The class of the error.
        fault: Fault,
    },
    /// Every call of the step is done.
    Finished {
        /// The address of the step.
        address: Address,
    },
}

/// A call whose outcome is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// The index of the call in the step.
    pub number: usize,
    /// The account and Region that the call was sent to.
    pub at: Place,
    /// The call.
    pub call: Call,
    /// The nonce, if the call creates a resource.
    pub nonce: Option<String>,
    /// The time of the call in seconds since 1970.
    pub time: u64,
}

/// A step that has begun and is not finished.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Open {
    draft: Option<PendingRecord>,
    in_flight: Option<InFlight>,
    /// Whether AWS has executed a call of the step. Only then can the resource in AWS be the stack's.
    executed: bool,
}

/// The reason why a journal cannot be replayed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// A line is not an event, and is not the cut-off last line.
    #[error("line {0} of the journal is damaged")]
    Damaged(usize),
    /// The events are in an order that no run writes.
    #[error("the journal has the event `{what}` of `{address}` out of order")]
    Illegal {
        /// The name of the event.
        what: &'static str,
        /// The address of the step.
        address: Address,
    },
    /// The journal belongs to another history of the stack.
    #[error("the journal belongs to another state (lineage {journal}, the state has {state})")]
    Foreign {
        /// The lineage of the journal.
        journal: String,
        /// The lineage of the state.
        state: String,
    },
}

/// A state, and the journal of a run whose results the state does not contain, in one text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The state before the run.
    pub state: State,
    /// The events of the run.
    pub journal: Vec<Event>,
}

impl Stored {
    /// Reads the text of a stack. A state without a journal is such a text, too.
    ///
    /// # Errors
    /// Returns an error if the text is damaged, newer than this program, or that of another stack.
    pub fn read(text: &[u8], stack: &Name) -> Result<Self, StateError> {
        let state = State::read(text)?;
        if state.stack != *stack {
            return Err(StateError::OtherStack { found: state.stack, stack: stack.clone() });
        }
        let Events { journal } = serde_json::from_slice(text)?;
        Ok(Self { state, journal })
    }

    /// Returns the text to store. Without a journal it is that of the state.
    ///
    /// # Errors
    /// Serializing the types of this crate does not fail; the signature is serde's.
    pub fn write(&self) -> serde_json::Result<Vec<u8>> {
        if self.journal.is_empty() {
            return self.state.write();
        }
        let mut text =
            serde_json::to_vec_pretty(&Written { state: &self.state, journal: &self.journal })?;
        text.push(b'\n');
        Ok(text)
    }

    /// Returns the state after the events.
    ///
    /// # Errors
    /// Returns an error if no run writes the events in this order, or if they belong to another state.
    pub fn replay(self) -> Result<Replay, JournalError> {
        let mut replay = Replay::new(self.state);
        self.journal.iter().try_for_each(|event| replay.absorb(event))?;
        Ok(replay)
    }
}

/// The journal beside the fields of a stored state, which are read on their own.
#[derive(Deserialize)]
struct Events {
    #[serde(default)]
    journal: Vec<Event>,
}

/// The fields of a state, and the journal beside them.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(flatten)]
    state: &'a State,
    journal: &'a [Event],
}

/// A state, and the events of a run that are applied to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// The state after the events so far.
    pub state: State,
    open: BTreeMap<Address, Open>,
}

impl Replay {
    /// Begins with a stored state and no events.
    #[must_use]
    pub fn new(state: State) -> Self {
        Self { state, open: BTreeMap::new() }
    }

    /// Applies the lines of a journal. A last line without a line feed is ignored: the crash that cut
    /// it off came before its call was sent. A journal whose events the state already contains is
    /// ignored.
    ///
    /// # Errors
    /// Returns an error if another line is damaged, if the events are in an order that no run writes,
    /// or if the journal belongs to another state.
    pub fn read(&mut self, journal: &[u8]) -> Result<(), JournalError> {
        let whole = journal.iter().rposition(|b| *b == b'\n').map_or(0, |end| end + 1);
        let lines = journal.get(..whole).unwrap_or_default().split(|b| *b == b'\n');
        for (index, line) in lines.enumerate().filter(|(_, line)| !line.is_empty()) {
            let event =
                serde_json::from_slice(line).map_err(|_| JournalError::Damaged(index + 1))?;
            // The run stored the state and crashed before it removed its journal.
            if matches!(event, Event::Run { serial, .. } if serial < self.state.serial) {
                return Ok(());
            }
            self.absorb(&event)?;
        }
        Ok(())
    }

    fn is_new(&self) -> bool {
        self.state.serial == 0 && self.state.records.is_empty() && self.open.is_empty()
    }

    /// Returns whether the outcome of every call is known.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.in_flight().is_empty()
    }

    /// Returns the calls whose outcome is not known, in the order of their addresses.
    #[must_use]
    pub fn in_flight(&self) -> Vec<(Address, InFlight)> {
        let open = self.open.iter();
        open.filter_map(|(a, o)| Some((a.clone(), o.in_flight.clone()?))).collect()
    }

    /// Applies one event. Every change of the state by an event is made here.
    ///
    /// # Errors
    /// Returns an error if no run writes the event after the previous events.
    pub fn absorb(&mut self, event: &Event) -> Result<(), JournalError> {
        match event {
            // The first run of the stack was interrupted before it stored a state.
            Event::Run { lineage, .. } if self.is_new() => {
                self.state.lineage.clone_from(lineage);
                Ok(())
            }
            Event::Run { lineage, .. } if *lineage != self.state.lineage => {
                let (journal, state) = (lineage.clone(), self.state.lineage.clone());
                Err(JournalError::Foreign { journal, state })
            }
            Event::Run { .. } => Ok(()),
            Event::Planned { address, draft } => {
                let draft = draft.as_deref().cloned();
                let is_removal = draft.is_none();
                let open = Open { draft, in_flight: None, executed: false };
                self.open.insert(address.clone(), open);
                // AWS shows whether a removal was executed: the record stays as it is until then.
                if !is_removal {
                    self.mark_partial(address);
                }
                Ok(())
            }
            Event::Began { address, draft } => {
                let draft = draft.as_deref().cloned();
                let open = Open { draft, in_flight: None, executed: false };
                match self.open.insert(address.clone(), open) {
                    Some(before) if before.in_flight.is_some() => illegal("began", address),
                    Some(_) | None => Ok(()),
                }
            }
            Event::Intended { address, number, at, call, nonce, time } => {
                let (number, time) = (*number, *time);
                self.state.changed = self.state.changed.max(time);
                let (at, call, nonce) = (at.clone(), (**call).clone(), nonce.clone());
                match self.open.get_mut(address) {
                    Some(open) if open.in_flight.is_none() => {
                        open.in_flight = Some(InFlight { number, at, call, nonce, time });
                        Ok(())
                    }
                    Some(_) | None => illegal("intended", address),
                }
            }
            Event::Done { address, number, outcome } => self.done(address, *number, outcome),
            Event::Failed { address, number, .. } => {
                self.close_call(address, *number, "failed")?;
                self.mark_partial(address);
                Ok(())
            }
            Event::Finished { address } => self.finish(address),
        }
    }

    /// Removes the call from those whose outcome is not known.
    fn close_call(
        &mut self,
        address: &Address,
        number: usize,
        what: &'static str,
    ) -> Result<(), JournalError> {
        match self.open.get_mut(address) {
            Some(open) if open.in_flight.as_ref().is_some_and(|f| f.number == number) => {
                open.in_flight = None;
                Ok(())
            }
            Some(_) | None => illegal(what, address),
        }
    }

    fn done(
        &mut self,
        address: &Address,
        number: usize,
        outcome: &Outcome,
    ) -> Result<(), JournalError> {
        self.close_call(address, number, "done")?;
        let id = match outcome {
            Outcome::Key(arn) => Some(arn.to_string()),
            Outcome::Grant(id) | Outcome::Made(id) => Some(id.clone()),
            Outcome::Done => None,
        };
        if let Some(open) = self.open.get_mut(address) {
            open.executed = true;
            if let (Some(id), Some(draft)) = (id, &mut open.draft) {
                draft.id = Some(id);
            }
        }
        if matches!(outcome, Outcome::Key(_)) {
            self.state.records.remove(address);
        }
        self.mark_partial(address);
        Ok(())
    }

    /// Marks the record as partial, because AWS no longer matches it. An existing record is kept, since
    /// its resource may still have to be deleted: a new grant is created before the old one is
    /// revoked. A new record is added only after AWS has executed a call of the step. If AWS refused
    /// to create a resource, a resource of that name may belong to another owner by the next run.
    fn mark_partial(&mut self, address: &Address) {
        let open = self.open.get(address);
        let draft = open.and_then(|open| open.draft.as_ref());
        let intent = draft.and_then(|draft| draft.intent.clone());
        let executed = open.is_some_and(|open| open.executed);
        if let Some(record) = self.state.records.get_mut(address) {
            record.partial = true;
            record.intent = intent;
        } else if executed
            && let Some(PendingRecord { id: Some(id), place, spec, protect, found, .. }) =
                draft.cloned()
        {
            let record = Record { id, place, spec, protect, found, partial: true, intent };
            self.state.records.insert(address.clone(), record);
        }
    }

    fn finish(&mut self, address: &Address) -> Result<(), JournalError> {
        let Some(open) = self.open.remove(address).filter(|open| open.in_flight.is_none()) else {
            return illegal("finished", address);
        };
        match open.draft {
            None => {
                self.state.records.remove(address);
            }
            Some(PendingRecord { id: Some(id), place, spec, protect, found, .. }) => {
                let (partial, intent) = (false, None);
                let record = Record { id, place, spec, protect, found, partial, intent };
                self.state.records.insert(address.clone(), record);
            }
            Some(PendingRecord { id: None, .. }) => return illegal("finished", address),
        }
        Ok(())
    }
}

fn illegal<T>(what: &'static str, address: &Address) -> Result<T, JournalError> {
    Err(JournalError::Illegal { what, address: address.clone() })
}
