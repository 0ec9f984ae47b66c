//! How a guest died.

use std::fmt;
use std::sync::Arc;

use wasmtime::WasmBacktrace;

use crate::ledger::LogLine;
use crate::limits::LimitReached;
use crate::phase::Phase;
use crate::trace::CallRecord;

/// Why a call of the guest did not return.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrapKind {
    /// The guest itself: `unreachable` (a panic, in Rust), a bad memory access, a division by zero…
    Guest(String),
    /// It used up its fuel: most likely it loops for ever.
    OutOfFuel,
    /// It ran longer than the time limit of a module without metering.
    OutOfTime,
    /// It made more host calls, or moved more bytes, than [`Limits`](crate::Limits) allow.
    HostLimit(String),
    /// It made a host call where the proxy allows none: while initializing, or while allocating memory for the host.
    ForbiddenCall(String),
    /// It called WASI's `proc_exit`, with this code.
    Exit(u32),
}

/// A trap: the VM is dead from then on, and Envoy fails every stream on it until the configuration changes.
///
/// Printed, it says all that helps to find the cause. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Trap(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    phase: Phase,
    kind: TrapKind,
    backtrace: Vec<String>,
    last_calls: Vec<CallRecord>,
    last_words: Option<LogLine>,
    refused_memory: Option<usize>,
}

/// A host call made while the proxy allows none.
#[derive(Debug)]
pub(crate) struct Forbidden(pub(crate) String);

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Forbidden {}

/// The end that the guest gave itself.
#[derive(Debug)]
pub(crate) struct Exited(pub(crate) u32);

impl fmt::Display for Exited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the filter called proc_exit({})", self.0)
    }
}

impl std::error::Error for Exited {}

/// Did the guest run, and was ended? Otherwise the engine could not make an instance of it.
pub(crate) fn is_trap(error: &wasmtime::Error) -> bool {
    error.is::<wasmtime::Trap>() || error.is::<LimitReached>() || error.is::<Forbidden>() || error.is::<Exited>()
}

/// Two are equal when they are the same death, not when they are alike.
impl PartialEq for Trap {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Trap {}

impl Trap {
    pub(crate) fn new(
        phase: Phase,
        error: &wasmtime::Error,
        last_calls: Vec<CallRecord>,
        last_words: Option<LogLine>,
        refused_memory: Option<usize>,
    ) -> Self {
        let backtrace = error.downcast_ref::<WasmBacktrace>().map(frames).unwrap_or_default();
        let kind = kind_of(error);
        Self(Arc::new(Inner {
            phase,
            kind,
            backtrace,
            last_calls,
            last_words,
            refused_memory,
        }))
    }

    /// The call of the guest that did not return.
    pub fn phase(&self) -> Phase {
        self.0.phase
    }

    /// Why it did not.
    pub fn kind(&self) -> &TrapKind {
        &self.0.kind
    }

    /// The functions of the guest that were active, innermost first.
    pub fn backtrace(&self) -> &[String] {
        &self.0.backtrace
    }

    /// The last host calls before it, oldest first.
    pub fn last_calls(&self) -> &[CallRecord] {
        &self.0.last_calls
    }

    /// The line that the filter logged last for the same context: with many languages, why it gave up.
    pub fn last_words(&self) -> Option<&LogLine> {
        self.0.last_words.as_ref()
    }

    /// The size of memory, in bytes, that the guest wanted and that its limit did not allow.
    pub fn refused_memory(&self) -> Option<usize> {
        self.0.refused_memory
    }
}

fn kind_of(error: &wasmtime::Error) -> TrapKind {
    if let Some(trap) = error.downcast_ref::<wasmtime::Trap>() {
        return match trap {
            wasmtime::Trap::OutOfFuel => TrapKind::OutOfFuel,
            wasmtime::Trap::Interrupt => TrapKind::OutOfTime,
            trap => TrapKind::Guest(trap.to_string()),
        };
    }
    if let Some(limit) = error.downcast_ref::<LimitReached>() {
        return TrapKind::HostLimit(limit.to_string());
    }
    if let Some(Exited(code)) = error.downcast_ref() {
        return TrapKind::Exit(*code);
    }
    match error.downcast_ref::<Forbidden>() {
        Some(call) => TrapKind::ForbiddenCall(call.to_string()),
        None => TrapKind::Guest(error.root_cause().to_string()),
    }
}

/// The engine prints frames as `  0:  0x5a - module!function`, demangled; the rest of each is of no use here.
fn frames(backtrace: &WasmBacktrace) -> Vec<String> {
    let text = backtrace.to_string();
    let lines = text.lines().filter_map(|line| line.split_once(" - "));
    lines
        .map(|(_, frame)| without_hashes(frame.split_once('!').map_or(frame, |(_, name)| name)))
        .collect()
}

/// Rust tells functions and crates of one name apart by hashes, `name::h0123456789abcdef` and `name[0123456789abcdef]`, which
/// say nothing to people and differ from build to build.
fn without_hashes(name: &str) -> String {
    let is_hexadecimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let name = match name.rsplit_once("::h") {
        Some((name, hash)) if hash.len() == 16 && is_hexadecimal(hash) => name,
        _ => name,
    };
    let mut parts = name.split('[');
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(']') {
            Some((hash, rest)) if (15..=16).contains(&hash.len()) && is_hexadecimal(hash) => clean += rest,
            _ => clean.extend(["[", part]),
        }
    }
    clean
}

/// Does a function belong to how Rust ends a program, rather than to why?
fn is_of_panic(frame: &str) -> bool {
    let names = [
        "__rustc::",
        "std::panicking",
        "std::sys::backtrace",
        "core::panicking",
        "std::process::abort",
    ];
    names.iter().any(|name| frame.starts_with(name))
}

impl fmt::Display for TrapKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Guest(what) => f.write_str(what),
            Self::OutOfFuel => f.write_str("it used up its fuel: a loop without end, or raise Limits::fuel"),
            Self::OutOfTime => f.write_str("it ran longer than the time limit of its module"),
            Self::HostLimit(what) | Self::ForbiddenCall(what) => f.write_str(what),
            Self::Exit(code) => Exited(*code).fmt(f),
        }
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        write!(f, "the filter trapped in {}: {}", inner.phase, inner.kind)?;
        if let Some(bytes) = inner.refused_memory {
            write!(f, "\n  it was refused {bytes} bytes of memory before (Limits::memory)")?;
        }
        if let Some(line) = &inner.last_words {
            write!(f, "\n  it last logged: {line}")?;
        }
        let of_panic = inner.backtrace.iter().take_while(|frame| is_of_panic(frame)).count();
        for (index, frame) in inner.backtrace.iter().enumerate().skip(of_panic) {
            let head = if index == of_panic { "\n  guest backtrace:" } else { "" };
            write!(f, "{head}\n    {index}: {frame}")?;
        }
        for (index, call) in inner.last_calls.iter().enumerate() {
            let head = if index == 0 { "\n  last host calls:" } else { "" };
            write!(f, "{head}\n    {call}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Trap {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_names_without_hashes() {
        for (frame, name) in [
            (
                "proxy_wasm::hostcalls::get_map_value::h020d62f4bc5a503f",
                "proxy_wasm::hostcalls::get_map_value",
            ),
            (
                "<url_limit::Stream as proxy_wasm::HttpContext>::on_log",
                "<url_limit::Stream as proxy_wasm::HttpContext>::on_log",
            ),
            ("__rustc[b7974e8690430dd9]::rust_panic", "__rustc::rust_panic"),
            (
                "std[a543996e6e7dbf1e]::f::<core[c5930c85a12de82]::g, [u8]>",
                "std::f::<core::g, [u8]>",
            ),
            ("a[b", "a[b"),
            ("<wasm function 3>", "<wasm function 3>"),
            ("", ""),
        ] {
            assert_eq!(without_hashes(frame), name);
        }
    }

    #[test]
    fn how_rust_panics_is_no_part_of_the_report() {
        let frames = [
            "__rustc::__rust_abort",
            "__rustc::rust_panic",
            "std::panicking::panic_with_hook",
            "std::sys::backtrace::__rust_end_short_backtrace",
            "core::panicking::panic_fmt",
            "filter::on_request",
            "core::panicking::of_mine",
        ];
        let trap = Trap(Arc::new(Inner {
            phase: Phase::RequestHeaders,
            kind: TrapKind::OutOfFuel,
            backtrace: frames.map(str::to_owned).to_vec(),
            last_calls: Vec::new(),
            last_words: None,
            refused_memory: None,
        }));
        let report = trap.to_string();
        assert!(
            report.ends_with("\n  guest backtrace:\n    5: filter::on_request\n    6: core::panicking::of_mine"),
            "{report}"
        );
    }
}
