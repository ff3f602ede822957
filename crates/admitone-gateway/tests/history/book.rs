//! What the clients did, and what they were told.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

/// What came of presenting a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Admitted,
    /// For good: the ticket is not accepted.
    Refused,
    /// No answer in time, or one that leaves open what became of the ticket.
    Unknown,
}

#[derive(Clone)]
pub(crate) struct Minted {
    pub(crate) session_id: String,
    pub(crate) ticket: String,
}

#[derive(Default)]
pub(crate) struct Book {
    tickets: Mutex<Tickets>,
}

#[derive(Default)]
pub(crate) struct Tickets {
    /// In the order of minting.
    pub(crate) minted: Vec<Minted>,
    /// What came of each session id's ticket, in the order of the answers.
    pub(crate) outcomes: HashMap<String, Vec<Outcome>>,
    /// Mints that brought no ticket, or no answer.
    pub(crate) unminted: usize,
}

impl Book {
    pub(crate) fn entries(&self) -> MutexGuard<'_, Tickets> {
        self.tickets.lock().expect("no panic")
    }

    pub(crate) fn mint(&self, minted: Option<&Minted>) {
        let mut tickets = self.entries();
        match minted {
            None => tickets.unminted += 1,
            Some(minted) => {
                tickets.minted.push(minted.clone());
                let before = tickets.outcomes.insert(minted.session_id.clone(), Vec::new());
                assert_eq!(before, None, "two tickets of one session id");
            }
        }
    }

    pub(crate) fn outcome(&self, session_id: &str, outcome: Outcome) {
        self.entries().outcomes.get_mut(session_id).expect("a minted ticket").push(outcome);
    }
}
