//! Filter state: what filters leave on a stream or on its connection, for the access log and for each other.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Values by key, in order of first setting.
#[derive(Debug, Clone, Default)]
pub(crate) struct FilterState(Vec<Entry>);

#[derive(Debug, Clone)]
struct Entry {
    key: Vec<u8>,
    value: Vec<u8>,
    is_read_only: bool,
}

/// The value is there already, and can be set only once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReadOnly;

impl FilterState {
    pub(crate) fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let entry = self.0.iter().find(|entry| entry.key == key);
        entry.map(|entry| entry.value.as_slice())
    }

    /// Changes a value that is there. `None` when there is none.
    fn change(&mut self, key: &[u8], value: &[u8]) -> Option<Result<(), ReadOnly>> {
        let entry = self.0.iter_mut().find(|entry| entry.key == key)?;
        if entry.is_read_only {
            return Some(Err(ReadOnly));
        }
        entry.value.clear();
        entry.value.extend_from_slice(value);
        Some(Ok(()))
    }

    fn add(&mut self, key: &[u8], value: &[u8], is_read_only: bool) {
        self.0.push(Entry {
            key: key.to_vec(),
            value: value.to_vec(),
            is_read_only,
        });
    }
}

/// How long a declared value lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LifeSpan {
    /// As long as the stream; Envoy's `FilterChain` and `DownstreamRequest`, which differ only where requests are redirected
    /// inside the proxy.
    Stream,
    /// As long as the connection: streams that come later see it.
    Connection,
}

/// What a filter has said about a value before it is set for the first time.
#[derive(Debug, Clone)]
pub(crate) struct Declaration {
    /// With its `wasm.` in front.
    pub(crate) key: Vec<u8>,
    pub(crate) is_read_only: bool,
    pub(crate) life_span: LifeSpan,
}

/// The state of a stream and that of its connection, looked at in this order.
#[derive(Debug, Default)]
pub(crate) struct StreamFilterState {
    of_stream: FilterState,
    of_connection: Arc<Mutex<FilterState>>,
}

impl StreamFilterState {
    pub(crate) fn on(connection: Arc<Mutex<FilterState>>) -> Self {
        Self {
            of_stream: FilterState::default(),
            of_connection: connection,
        }
    }

    fn connection(&self) -> MutexGuard<'_, FilterState> {
        // Nothing is ever half done in there.
        self.of_connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let of_stream = self.of_stream.get(key).map(<[u8]>::to_vec);
        of_stream.or_else(|| self.connection().get(key).map(<[u8]>::to_vec))
    }

    /// Sets a value as Envoy does: where it is, or, when it is nowhere yet, as it was declared.
    pub(crate) fn set(&mut self, key: &[u8], value: &[u8], declaration: Option<&Declaration>) -> Result<(), ReadOnly> {
        if let Some(changed) = self.of_stream.change(key, value) {
            return changed;
        }
        if let Some(changed) = self.connection().change(key, value) {
            return changed;
        }
        let is_read_only = declaration.is_some_and(|declaration| declaration.is_read_only);
        match declaration.map(|declaration| declaration.life_span) {
            Some(LifeSpan::Connection) => self.connection().add(key, value, is_read_only),
            Some(LifeSpan::Stream) | None => self.of_stream.add(key, value, is_read_only),
        }
        Ok(())
    }

    /// Takes over what another filter of the same stream has set.
    pub(crate) fn adopt(&mut self, other: &Self) {
        self.of_stream.clone_from(&other.of_stream);
    }

    /// All that the stream sees, its own first.
    pub(crate) fn into_entries(self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let of_connection = self.connection().clone();
        let entries = self.of_stream.0.into_iter().chain(of_connection.0);
        entries.map(|entry| (entry.key, entry.value)).collect()
    }
}

/// How many connections are remembered. A host that has served a million has not kept a million.
const MOST_CONNECTIONS: usize = 1024;

/// What is left on connections, by their number.
#[derive(Debug, Default)]
pub(crate) struct Connections(Vec<Option<(u64, Arc<Mutex<FilterState>>)>>);

impl Connections {
    /// The state of the connection with this number, new if it is not known.
    pub(crate) fn state(&mut self, number: u64) -> Arc<Mutex<FilterState>> {
        self.0.resize(MOST_CONNECTIONS, None);
        let slot = &mut self.0[(number % MOST_CONNECTIONS as u64) as usize];
        match slot {
            Some((known, state)) if *known == number => Arc::clone(state),
            _ => {
                let state = Arc::default();
                *slot = Some((number, Arc::clone(&state)));
                state
            }
        }
    }
}
