//! The last host calls, with their arguments: what to look at when a filter did something odd.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use crate::abi::{Status, buffer_name, map_name};
use crate::host_call::{CallName, HostCall};
use crate::journal::{Called, Event, Journal, Pages, Returned};
use crate::ledger::LogLine;
use crate::phase::Phase;
use crate::wasi_errno::Errno;

/// Longer keys and values are cut in the trace.
const MAX_TEXT: usize = 96;

/// A host call that the filter made. Cheap to clone.
///
/// It prints as one line, for example
/// `on_response_headers: proxy_get_header_map_value(request headers, "x-id") -> BAD_ARGUMENT: the request headers are gone: …`.
#[derive(Debug, Clone)]
pub struct CallRecord(Arc<Record>);

#[derive(Debug, Clone)]
struct Record {
    context: u32,
    sequence: u64,
    phase: Phase,
    name: CallName,
    args: Vec<Arg>,
    /// The texts of the arguments, end to end: an entry that is used again allocates nothing.
    text: Vec<u8>,
    answer: Answered,
    reason: Cow<'static, str>,
}

/// What the guest got from a call: the ABI and WASI have numbers of their own.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answered {
    Status(Status),
    Errno(Errno),
}

impl From<Status> for Answered {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

impl From<Errno> for Answered {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => status.fmt(f),
            Self::Errno(errno) => errno.fmt(f),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Arg {
    Map(u32),
    Buffer(u32),
    Number(i64),
    /// Ends here in `text`; the rest was cut off.
    Text {
        end: usize,
        cut: bool,
    },
    /// What the guest got, in `text` likewise.
    Answer {
        end: usize,
        cut: bool,
    },
}

impl CallRecord {
    pub(crate) fn context(&self) -> u32 {
        self.0.context
    }

    /// Its number among all host calls of its worker.
    pub fn sequence(&self) -> u64 {
        self.0.sequence
    }

    /// The callback in which the call was made.
    pub fn phase(&self) -> Phase {
        self.0.phase
    }

    /// The name of the import.
    pub fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// Those of its arguments that are texts, such as names and values, in order; of long ones the first 96 bytes.
    pub fn texts(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.0.args.iter().filter_map(move |arg| match *arg {
            Arg::Text { end, .. } => Some(&self.0.text[std::mem::replace(&mut start, end)..end]),
            Arg::Answer { end, .. } => {
                start = end;
                None
            }
            Arg::Map(_) | Arg::Buffer(_) | Arg::Number(_) => None,
        })
    }

    /// What the guest got; of a call of WASI, the status that comes nearest to it.
    pub fn status(&self) -> Status {
        match self.0.answer {
            Answered::Status(status) => status,
            Answered::Errno(errno) => errno.nearest_status(),
        }
    }

    /// The error number that the guest got from a call of WASI. `None` when it succeeded, and for calls of the ABI.
    pub fn wasi_errno(&self) -> Option<u16> {
        match self.0.answer {
            Answered::Status(_) => None,
            Answered::Errno(errno) => Some(errno as u16),
        }
    }

    /// Why the status is not [`Status::Ok`]; sometimes a remark about one that is. Empty otherwise.
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// The call with its arguments and its answer as it is printed, without the callback before it and the reason after it.
    pub fn text(&self) -> impl fmt::Display + '_ {
        Text(self)
    }
}

impl fmt::Display for CallRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.phase, self.text())?;
        if !self.0.reason.is_empty() {
            write!(f, ": {}", self.0.reason)?;
        }
        Ok(())
    }
}

impl Record {
    /// As the entry of the ring that it takes the place of, if nobody else has that: what it was made of is used again.
    fn in_place_of(mut self, oldest: Option<CallRecord>) -> CallRecord {
        let Some(CallRecord(mut place)) = oldest else {
            return CallRecord(Arc::new(self));
        };
        match Arc::get_mut(&mut place) {
            Some(record) => {
                self.args = std::mem::take(&mut record.args);
                self.text = std::mem::take(&mut record.text);
                self.args.clear();
                self.text.clear();
                *record = self;
                CallRecord(place)
            }
            None => CallRecord(Arc::new(self)),
        }
    }
}

/// A call without what stands around it.
struct Text<'a>(&'a CallRecord);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let call = &*self.0.0;
        write!(f, "{}(", call.name.as_str())?;
        let mut start = 0;
        let mut answer = None;
        let mut separator = "";
        for arg in &call.args {
            if let Arg::Answer { end, cut } = *arg {
                answer = Some((&call.text[start..end], cut));
                start = end;
                continue;
            }
            f.write_str(separator)?;
            separator = ", ";
            match *arg {
                Arg::Map(map) => f.write_str(map_name(map))?,
                Arg::Buffer(buffer) => f.write_str(buffer_name(buffer))?,
                Arg::Number(n) => write!(f, "{n}")?,
                Arg::Text { end, cut } => {
                    quote(f, &call.text[start..end], cut)?;
                    start = end;
                }
                Arg::Answer { .. } => {}
            }
        }
        write!(f, ") -> {}", call.answer)?;
        if let Some((text, cut)) = answer {
            f.write_str(" ")?;
            quote(f, text, cut)?;
        }
        Ok(())
    }
}

/// NUL joins the segments of a property path: shown as the dot that people write.
fn quote(f: &mut fmt::Formatter<'_>, text: &[u8], cut: bool) -> fmt::Result {
    let printable = text.iter().all(|&byte| byte == 0 || (b' '..0x7f).contains(&byte));
    let text = String::from_utf8_lossy(text);
    let text = if printable {
        Cow::Owned(text.replace('\0', "."))
    } else {
        text
    };
    write!(f, "{text:?}{}", if cut { "…" } else { "" })
}

/// A ring of the last calls. With depth 0 nothing is kept and nothing is paid.
#[derive(Debug, Default)]
pub(crate) struct TraceRing {
    depth: usize,
    /// How many calls there were, kept or not.
    calls: u64,
    records: VecDeque<CallRecord>,
    journal: Option<Pages>,
}

impl TraceRing {
    pub(crate) fn new(depth: usize, journal: Option<usize>) -> Self {
        // A journal takes each call from here.
        let depth = if journal.is_some() { depth.max(1) } else { depth };
        Self {
            depth,
            calls: 0,
            records: VecDeque::with_capacity(depth),
            journal: journal.map(Pages::new),
        }
    }

    /// Starts the record of a call; what follows is about it.
    pub(crate) fn begin(&mut self, context: u32, phase: Phase, name: CallName) {
        self.calls += 1;
        if self.depth == 0 {
            return;
        }
        if let Some(journal) = &mut self.journal {
            journal.settle(self.records.back());
            journal.begin_call();
        }
        let record = Record {
            context,
            sequence: self.calls,
            phase,
            name,
            args: Vec::new(),
            text: Vec::new(),
            answer: Status::Ok.into(),
            reason: Cow::Borrowed(""),
        };
        let is_full = self.records.len() == self.depth;
        let oldest = if is_full { self.records.pop_front() } else { None };
        self.records.push_back(record.in_place_of(oldest));
    }

    pub(crate) fn begin_known(&mut self, context: u32, phase: Phase, call: HostCall) {
        self.begin(context, phase, CallName::Known(call));
    }

    pub(crate) fn map(&mut self, map: u32) -> &mut Self {
        self.arg(Arg::Map(map))
    }

    pub(crate) fn buffer(&mut self, buffer: u32) -> &mut Self {
        self.arg(Arg::Buffer(buffer))
    }

    pub(crate) fn number(&mut self, n: impl Into<i64>) -> &mut Self {
        self.arg(Arg::Number(n.into()))
    }

    pub(crate) fn text(&mut self, text: &[u8]) -> &mut Self {
        self.push_text(text, |end, cut| Arg::Text { end, cut })
    }

    pub(crate) fn answer(&mut self, text: &[u8]) {
        self.push_text(text, |end, cut| Arg::Answer { end, cut });
    }

    /// The call that was begun last.
    fn newest(&mut self) -> Option<&mut Record> {
        // Shared already when the journal has taken it before its end: then it goes on as a copy.
        self.records.back_mut().map(|call| Arc::make_mut(&mut call.0))
    }

    fn push_text(&mut self, text: &[u8], arg: impl Fn(usize, bool) -> Arg) -> &mut Self {
        if let Some(record) = self.newest() {
            let kept = &text[..text.len().min(MAX_TEXT)];
            record.text.extend_from_slice(kept);
            record.args.push(arg(record.text.len(), kept.len() < text.len()));
        }
        self
    }

    fn arg(&mut self, arg: Arg) -> &mut Self {
        if let Some(record) = self.newest() {
            record.args.push(arg);
        }
        self
    }

    /// Ends the record of a call.
    pub(crate) fn end(&mut self, answer: impl Into<Answered>, reason: Cow<'static, str>) {
        if let Some(record) = self.newest() {
            record.answer = answer.into();
            record.reason = reason;
        }
    }

    /// The number of the call that is running.
    pub(crate) fn sequence(&self) -> u64 {
        self.calls
    }

    /// Are all calls kept that came after the one with this number?
    pub(crate) fn has_all_since(&self, sequence: u64) -> bool {
        let kept = self.records.front().map_or(self.calls, |oldest| oldest.sequence() - 1);
        kept <= sequence
    }

    /// The calls that are still kept, oldest first.
    pub(crate) fn records(&self) -> impl Iterator<Item = &CallRecord> {
        self.records.iter()
    }

    /// Notes that a function of the guest is called.
    pub(crate) fn called(&mut self, called: impl FnOnce() -> Called) {
        self.note(|| Event::Called(called()));
    }

    /// Notes a line of the log.
    pub(crate) fn logged(&mut self, line: &LogLine) {
        self.note(|| Event::Log(line.clone()));
    }

    /// Notes that the function of the guest is over.
    pub(crate) fn returned(&mut self, returned: impl FnOnce() -> Returned) {
        self.note(|| Event::Returned(returned()));
    }

    fn note(&mut self, event: impl FnOnce() -> Event) {
        if let Some(journal) = &mut self.journal {
            journal.settle(self.records.back());
            journal.write(event);
        }
    }

    /// Goes on with the journal of another VM.
    pub(crate) fn continue_journal(&mut self, before: &mut Self) {
        let (mut before, since) = (before.take_journal(), self.take_journal());
        before.append(since);
        if let Some(journal) = &mut self.journal {
            journal.go_on(before);
        }
    }

    /// What was noted since the last time.
    pub(crate) fn take_journal(&mut self) -> Journal {
        self.journal.as_mut().map(Pages::take).unwrap_or_default()
    }

    pub(crate) fn has_journal(&self) -> bool {
        self.journal.is_some()
    }
}
