//! A filter that runs in real time: its callouts are made, its ticks come, and what it logs is printed.
//!
//! The embedded host has a virtual clock. Here it follows the real one: whenever something is done with the host, its clock is
//! moved to now first, and a timer wakes it when it is due by itself.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use outgate_test_host::{
    AccessLogFormat, Callout, CalloutId, CalloutKind, Event, GrpcEvent, Host, HttpStream, LogLevel, Message, Outcome,
    Phase, Response, StreamId, UpstreamReply,
};
use tokio::sync::Notify;

use super::message;
use super::origin::{Origin, Unanswered};
use crate::hosted::callouts;
use crate::output::{self, ERROR, FAINT, PLAIN, WARNING, harmless, harmless_line};

/// How many events are kept while a filter is called: those of interest are printed right after.
pub(super) const MOST_EVENTS: usize = 100_000;

/// How long a callout takes at most that has no timeout of its own.
const CALLOUT_PATIENCE: Duration = Duration::from_secs(300);

/// UNIMPLEMENTED, as gRPC numbers it.
const GRPC_UNIMPLEMENTED: u32 = 12;

/// The servers that stand for clusters.
pub(super) type Clusters = HashMap<String, Origin>;

/// What is around a filter, and stays when it is loaded anew.
pub(super) struct Around {
    pub(super) clusters: Clusters,
    /// How much of a message's body is kept.
    pub(super) limit: usize,
    pub(super) access_log: AccessLogFormat,
}

/// A running filter.
pub(super) struct Gateway {
    host: RefCell<Host>,
    around: Rc<Around>,
    /// Something was done with the host.
    moved: Notify,
    /// The callouts that are on their way.
    sent: RefCell<HashSet<CalloutId>>,
    streams: Cell<usize>,
    is_retired: Cell<bool>,
    has_told_of_death: Cell<bool>,
}

impl Gateway {
    /// Has a started filter run in real time. To be called inside a `LocalSet`.
    pub(super) fn start(host: Host, around: Rc<Around>) -> Rc<Self> {
        let gateway = Rc::new(Self {
            host: RefCell::new(host),
            around,
            moved: Notify::new(),
            sent: RefCell::default(),
            streams: Cell::new(0),
            is_retired: Cell::new(false),
            has_told_of_death: Cell::new(false),
        });
        gateway.act(|_| ());
        tokio::task::spawn_local(gateway.clone().keep_time());
        gateway
    }

    /// Has another one taken its place? Then it ends with its last stream.
    pub(super) fn retire(&self) {
        self.is_retired.set(true);
        self.moved.notify_waiters();
    }

    /// Does something with the host, now; then tends to what the filter wants.
    pub(super) fn act<T>(self: &Rc<Self>, act: impl FnOnce(&mut Host) -> T) -> T {
        // INVARIANT: no borrow of the host lives across an await, and nothing below calls back here.
        let mut host = self.host.borrow_mut();
        let late = now().saturating_sub(host.now());
        host.advance(Duration::from_nanos(late));
        let result = act(&mut host);
        // What one stream did may be news for another one.
        host.advance(Duration::ZERO);
        self.tell(&mut host);
        self.make_callouts(&host);
        drop(host);
        self.moved.notify_waiters();
        result
    }

    fn tell(&self, host: &mut Host) {
        for event in host.take_journal().events {
            match event {
                Event::Log(line) => {
                    let style = match line.level {
                        LogLevel::Error | LogLevel::Critical => ERROR,
                        LogLevel::Warn => WARNING,
                        _ => FAINT,
                    };
                    let (phase, message) = (line.phase, harmless(&line.message));
                    anstream::eprintln!("{style}[{}]{PLAIN} {phase}: {message}", line.level);
                }
                Event::HostCall(call) if callouts::is_refused(&call) => {
                    let mut line = call.to_string();
                    let is_known = |name: &str| self.around.clusters.contains_key(name);
                    if let Some(name) = callouts::unknown_cluster(&call, is_known) {
                        line.push_str(&format!("; --cluster {name}=http://HOST:PORT says where it is"));
                    }
                    output::warn(&line);
                }
                _ => {}
            }
        }
        match host.failure() {
            Some(trap) if !self.has_told_of_death.replace(true) => {
                anstream::eprintln!(
                    "{ERROR}error{PLAIN}: {}\n  from now on every request gets 503",
                    harmless(&trap.to_string())
                );
            }
            Some(_) => {}
            None => self.has_told_of_death.set(false),
        }
    }

    fn make_callouts(self: &Rc<Self>, host: &Host) {
        let pending = host.pending_callouts();
        let mut sent = self.sent.borrow_mut();
        sent.retain(|id| pending.iter().any(|callout| callout.id == *id));
        for callout in pending {
            if sent.insert(callout.id) {
                let gateway = self.clone();
                tokio::task::spawn_local(async move {
                    let reply = gateway.call_out(&callout).await;
                    gateway.act(|host| host.answer(callout.id, reply));
                });
            }
        }
    }

    /// Makes a callout for real.
    async fn call_out(&self, callout: &Callout) -> UpstreamReply {
        if callout.kind != CalloutKind::Http {
            let why = "outgate serve makes HTTP callouts only";
            output::warn(&format!("{callout}: {why}"));
            return UpstreamReply::grpc_stream([GrpcEvent::Close(GRPC_UNIMPLEMENTED, why.to_owned())]);
        }
        let answer = async {
            let origin = self
                .around
                .clusters
                .get(&callout.upstream)
                .ok_or("there is no such cluster")?;
            let request = message::request_to(&callout.headers, &callout.body, &callout.trailers, None)?;
            let patience = callout.timeout.unwrap_or(CALLOUT_PATIENCE);
            match origin.send(request, self.around.limit, patience).await {
                Ok(whole) => Ok(message::response_for_filter(&whole).into()),
                // The host has the same deadline, and tells the filter by itself.
                Err(why @ Unanswered::TimedOut(_)) if callout.timeout.is_some() => {
                    output::warn(&format!("{callout}: {origin}: {why}"));
                    Ok(UpstreamReply::silence())
                }
                Err(why) => Err(format!("{origin}: {why}")),
            }
        };
        answer.await.unwrap_or_else(|why: String| {
            output::warn(&format!("{callout}: {why}"));
            // What Envoy's router answers for an upstream that it cannot reach.
            Response::new(503)
                .header("content-type", "text/plain")
                .body("upstream connect error or disconnect/reset before headers")
                .into()
        })
    }

    /// Will nothing happen by itself? Then only another request can let go what is held.
    fn is_at_rest(&self) -> bool {
        let host = self.host.borrow();
        host.due_in().is_none() && host.pending_callouts().is_empty()
    }

    /// Wakes the host whenever something is due in it.
    async fn keep_time(self: Rc<Self>) {
        loop {
            // Before looking: what happens in between must wake it.
            let moved = self.moved.notified();
            if self.is_retired.get() && self.streams.get() == 0 {
                return;
            }
            let due = self.host.borrow().due_in();
            let wait = async {
                match due {
                    Some(due) => tokio::time::sleep(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = moved => {}
                () = wait => self.act(|_| ()),
            }
        }
    }

    /// Begins a stream, which ends when the value is dropped.
    pub(super) fn begin(self: &Rc<Self>, begin: impl FnOnce(&mut Host) -> StreamId) -> Stream {
        self.streams.set(self.streams.get() + 1);
        Stream {
            id: self.act(begin),
            gateway: self.clone(),
            is_finished: false,
        }
    }
}

/// A stream on its way through the filter. A client that goes away drops it.
pub(super) struct Stream {
    gateway: Rc<Gateway>,
    id: StreamId,
    is_finished: bool,
}

impl Stream {
    /// Does something with the stream; what becomes of others and of callouts is tended to.
    pub(super) fn act<T>(&self, act: impl FnOnce(&mut HttpStream<'_>) -> T) -> Option<T> {
        self.gateway
            .act(|host| host.stream(self.id).map(|mut stream| act(&mut stream)))
    }

    /// Waits until the filter does not hold it any more.
    pub(super) async fn free(&self) {
        let mut has_told = false;
        loop {
            // Before looking: what happens in between must wake it.
            let moved = self.gateway.moved.notified();
            let Some(phase) = self.held() else {
                return;
            };
            if !has_told && self.gateway.is_at_rest() {
                has_told = true;
                self.warn_of_hold(phase);
            }
            moved.await;
        }
    }

    fn warn_of_hold(&self, phase: Phase) {
        let headers = self.act(|stream| stream.headers(Message::Request).clone());
        let headers = headers.unwrap_or_default();
        let text = |name| headers.text(name).unwrap_or_default();
        let (method, authority, path) = (text(":method"), text(":authority"), text(":path"));
        output::warn(&format!(
            "the filter holds {method} {authority}{path} in {phase}, with no callout and no tick to come"
        ));
    }

    fn held(&self) -> Option<Phase> {
        let mut host = self.gateway.host.borrow_mut();
        // A dead VM lets nothing go any more. A proxy has the client wait for its own timeout; here it is told at once.
        if host.failure().is_some() {
            return None;
        }
        host.stream(self.id)?.paused()
    }

    /// Ends it.
    pub(super) fn finish(mut self) -> Option<Outcome> {
        self.end()
    }

    fn end(&mut self) -> Option<Outcome> {
        if std::mem::replace(&mut self.is_finished, true) {
            return None;
        }
        self.gateway.streams.set(self.gateway.streams.get() - 1);
        let outcome = self.gateway.act(|host| host.stream(self.id).map(HttpStream::finish));
        if let Some(outcome) = &outcome {
            let line = outcome.access_log(&self.gateway.around.access_log);
            anstream::println!("{}", harmless_line(line.trim_end_matches('\n')));
        }
        outcome
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.end();
    }
}

/// Nanoseconds since the epoch.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
