//! The callers of connections, read once for each connection.

use std::cell::Cell;
use std::rc::Rc;

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
    /// The host's connection number and the caller, at the number's remainder. Numbers are given out in order, so that those of
    /// open connections stand mostly beside each other; one that has to go is read again when it comes back.
    known: Vec<Option<(u64, Rc<Caller>)>>,
    /// Who is at the other end of every connection, where that is known.
    everyone: Option<Rc<Caller>>,
}

impl Peers {
    /// What is known of a connection.
    #[must_use]
    pub fn get(&self, connection: u64) -> Option<Rc<Caller>> {
        match self.known.get(place(connection)) {
            Some(Some((known, caller))) if *known == connection => Some(Rc::clone(caller)),
            _ => None,
        }
    }

    /// Says that one and the same is at the other end of every connection.
    pub fn all_are(&mut self, caller: Rc<Caller>) {
        self.everyone = Some(caller);
    }

    /// Who is at the other end of every connection, where that has been said.
    #[must_use]
    pub fn everyone(&self) -> Option<Rc<Caller>> {
        self.everyone.clone()
    }

    /// Keeps what was found out.
    pub fn insert(&mut self, connection: u64, caller: Rc<Caller>) {
        self.known.resize(MOST, None);
        self.known[place(connection)] = Some((connection, caller));
    }
}

const fn place(connection: u64) -> usize {
    (connection % MOST as u64) as usize
}
