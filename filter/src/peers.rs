//! The callers of connections, read once for each connection.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use foldhash::fast::FixedState;
use outgate_policy::Peer;

/// How many connections' callers are kept. A gateway's workers have hundreds of connections, not millions.
const MOST: usize = 1024;

/// Who sends a request.
#[derive(Debug)]
pub struct Caller {
    /// The names in the certificate; `None` without one.
    pub peer: Option<Peer>,
    /// Whether the connection itself tells the access log who this is.
    pub is_on_record: Cell<bool>,
}

impl Caller {
    /// Somebody with these names, or without any.
    #[must_use]
    pub fn new(peer: Option<Peer>) -> Rc<Self> {
        Rc::new(Self {
            peer,
            is_on_record: Cell::new(false),
        })
    }
}

/// Callers by connection. A connection's certificate never changes, and its number is never used again.
#[derive(Debug, Default)]
pub struct Peers {
    /// By the host's connection number.
    known: HashMap<u64, Rc<Caller>, FixedState>,
}

impl Peers {
    /// What is known of a connection.
    #[must_use]
    pub fn get(&self, connection: u64) -> Option<Rc<Caller>> {
        self.known.get(&connection).cloned()
    }

    /// Keeps what was found out.
    pub fn insert(&mut self, connection: u64, caller: Rc<Caller>) {
        if self.known.len() >= MOST {
            // Which of them are closed is not known; those that are not are read again.
            self.known.clear();
        }
        self.known.insert(connection, caller);
    }
}
