//! The names of peers, read once for each connection.

use std::collections::HashMap;
use std::rc::Rc;

use foldhash::fast::FixedState;
use outgate_policy::Peer;

/// How many connections' peers are kept. A gateway's workers have hundreds of connections, not millions.
const MOST: usize = 1024;

/// Peers by connection. A connection's certificate never changes, and its number is never used again.
#[derive(Debug, Default)]
pub struct Peers {
    /// By the host's connection number; `None` is a connection without a peer certificate.
    known: HashMap<u64, Option<Rc<Peer>>, FixedState>,
}

impl Peers {
    /// What is known of a connection.
    #[must_use]
    pub fn get(&self, connection: u64) -> Option<Option<Rc<Peer>>> {
        self.known.get(&connection).cloned()
    }

    /// Keeps what was found out.
    pub fn insert(&mut self, connection: u64, peer: Option<Rc<Peer>>) {
        if self.known.len() >= MOST {
            // Which of them are closed is not known; those that are not are read again.
            self.known.clear();
        }
        self.known.insert(connection, peer);
    }
}
