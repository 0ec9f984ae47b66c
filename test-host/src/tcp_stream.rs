//! A connection on its way through a network filter, callback by callback.

use crate::direction::Verdict;
use crate::driver::Driver;
use crate::host::Host;
use crate::outcome::Outcome;
use crate::phase::Phase;
use crate::stream::{Step, StreamId};

/// Who closed a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Peer {
    /// 0: nobody knows.
    Unknown = 0,
    /// 1: the proxy itself.
    Local = 1,
    /// 2: the other side.
    Remote = 2,
}

/// A connection that is taken through its callbacks one by one. Its state lives in the host.
///
/// ```no_run
/// # use outgate_test_host::{Connection, Host, Module, Peer};
/// # let module = Module::load("filter.wasm").unwrap();
/// # let mut host = Host::builder(&module).start().unwrap();
/// let mut connection = host.tcp_stream(Connection::new().sni("db.example.com"));
/// connection.new_connection();
/// connection.downstream_data(b"hello", false);
/// connection.downstream_close(Peer::Remote);
/// let outcome = connection.finish();
/// assert_eq!(outcome.upstream_body(), b"hello");
/// ```
#[derive(Debug)]
pub struct TcpStream<'h> {
    driver: Driver<'h>,
}

impl<'h> TcpStream<'h> {
    pub(crate) fn new(host: &'h mut Host, id: StreamId) -> Self {
        Self {
            driver: Driver::new(host, id),
        }
    }

    /// The stream's name.
    pub fn id(&self) -> StreamId {
        self.driver.id
    }

    /// The host, to do something else in between.
    pub fn host(&mut self) -> &mut Host {
        self.driver.host
    }

    /// Creates the context and tells the filter of the connection. A pause here keeps data from it, until it continues.
    pub fn new_connection(&mut self) -> Step {
        let phase = Phase::NewConnection;
        if !self.driver.is_open() || self.driver.state().request.arrived {
            return Step::skipped(phase);
        }
        let id = self.driver.id.context;
        self.driver.state().request.arrived = true;
        self.driver.state().response.arrived = true;
        let answer = self
            .driver
            .create()
            .and_then(|_| self.driver.call(phase, |exports| &exports.on_new_connection, (id,)));
        self.driver.answered(phase, answer, Verdict::of_new_connection)
    }

    /// Delivers data from the client. What the filter holds back it sees again with the next piece.
    pub fn downstream_data(&mut self, chunk: &[u8], end_of_stream: bool) -> Step {
        self.data(Phase::DownstreamData, chunk, end_of_stream)
    }

    /// Delivers data from the upstream.
    pub fn upstream_data(&mut self, chunk: &[u8], end_of_stream: bool) -> Step {
        self.data(Phase::UpstreamData, chunk, end_of_stream)
    }

    fn data(&mut self, phase: Phase, chunk: &[u8], end: bool) -> Step {
        self.new_connection();
        if !self.driver.is_open_in(phase) {
            return Step::skipped(phase);
        }
        self.driver.body(phase, chunk, end)
    }

    /// Tells the filter that the connection to the client is closed.
    pub fn downstream_close(&mut self, by: Peer) {
        self.close(Phase::DownstreamClose, by);
    }

    /// Tells the filter that the connection to the upstream is closed.
    pub fn upstream_close(&mut self, by: Peer) {
        self.close(Phase::UpstreamClose, by);
    }

    fn close(&mut self, phase: Phase, by: Peer) {
        let id = self.driver.id.context;
        let params = (id, by as u32);
        let answer = match phase {
            Phase::DownstreamClose => {
                self.driver
                    .call(phase, |exports| &exports.on_downstream_connection_close, params)
            }
            _ => self
                .driver
                .call(phase, |exports| &exports.on_upstream_connection_close, params),
        };
        if let Err(trap) = answer {
            self.driver.state().fail(trap);
        }
    }

    /// What has gone on to the upstream so far.
    pub fn to_upstream(&mut self) -> &[u8] {
        &self.driver.state().request.passed
    }

    /// What has gone on to the client so far.
    pub fn to_downstream(&mut self) -> &[u8] {
        &self.driver.state().response.passed
    }

    /// Ends the stream: done, log, delete. Says all that became of it: [`Outcome::upstream`] has the bytes that went to the
    /// upstream, [`Outcome::response`] those that went to the client.
    pub fn finish(self) -> Outcome {
        self.driver.finish()
    }
}
