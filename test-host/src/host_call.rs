//! The host calls by name, and how often each was made.

use std::fmt;
use std::sync::Arc;

/// Declares the enum and its names from one list.
macro_rules! host_calls {
    ($($variant:ident = $name:literal),* $(,)?) => {
        /// A host call of the ABI: a function that the guest imports from `env`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum HostCall {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl HostCall {
            /// All of them, in the order of their numbers here.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name of the import.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

host_calls! {
    Log = "proxy_log",
    GetLogLevel = "proxy_get_log_level",
    GetCurrentTime = "proxy_get_current_time_nanoseconds",
    SetTickPeriod = "proxy_set_tick_period_milliseconds",
    SetEffectiveContext = "proxy_set_effective_context",
    Done = "proxy_done",
    GetBufferBytes = "proxy_get_buffer_bytes",
    SetBufferBytes = "proxy_set_buffer_bytes",
    GetBufferStatus = "proxy_get_buffer_status",
    GetHeaderMapSize = "proxy_get_header_map_size",
    GetHeaderMapPairs = "proxy_get_header_map_pairs",
    SetHeaderMapPairs = "proxy_set_header_map_pairs",
    GetHeaderMapValue = "proxy_get_header_map_value",
    AddHeaderMapValue = "proxy_add_header_map_value",
    ReplaceHeaderMapValue = "proxy_replace_header_map_value",
    RemoveHeaderMapValue = "proxy_remove_header_map_value",
    ContinueStream = "proxy_continue_stream",
    CloseStream = "proxy_close_stream",
    GetStatus = "proxy_get_status",
    SendLocalResponse = "proxy_send_local_response",
    GetSharedData = "proxy_get_shared_data",
    SetSharedData = "proxy_set_shared_data",
    DefineMetric = "proxy_define_metric",
    IncrementMetric = "proxy_increment_metric",
    RecordMetric = "proxy_record_metric",
    GetMetric = "proxy_get_metric",
    GetProperty = "proxy_get_property",
    SetProperty = "proxy_set_property",
    CallForeignFunction = "proxy_call_foreign_function",
    HttpCall = "proxy_http_call",
    GrpcCall = "proxy_grpc_call",
    GrpcStream = "proxy_grpc_stream",
    GrpcSend = "proxy_grpc_send",
    GrpcCancel = "proxy_grpc_cancel",
    GrpcClose = "proxy_grpc_close",
    RegisterSharedQueue = "proxy_register_shared_queue",
    ResolveSharedQueue = "proxy_resolve_shared_queue",
    EnqueueSharedQueue = "proxy_enqueue_shared_queue",
    DequeueSharedQueue = "proxy_dequeue_shared_queue",
    GetConfiguration = "proxy_get_configuration",
    ContinueRequest = "proxy_continue_request",
    ContinueResponse = "proxy_continue_response",
    ClearRouteCache = "proxy_clear_route_cache",
}

impl fmt::Display for HostCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A host call that a module imports: one of ours, one of WASI, or one that we only stub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CallName {
    Known(HostCall),
    Wasi(&'static str),
    Stub(Arc<str>),
}

impl CallName {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Known(call) => call.name(),
            Self::Wasi(name) => name,
            Self::Stub(name) => name,
        }
    }
}

/// How often each host call was made.
#[derive(Debug, Clone)]
pub struct HostCallCounts {
    known: [u32; HostCall::ALL.len()],
    /// A list, not an array: most filters make no such call.
    wasi: Vec<(&'static str, u32)>,
    stubs: Vec<(Arc<str>, u32)>,
}

impl Default for HostCallCounts {
    fn default() -> Self {
        Self {
            known: [0; HostCall::ALL.len()],
            wasi: Vec::new(),
            stubs: Vec::new(),
        }
    }
}

impl HostCallCounts {
    /// How often `call` was made.
    pub fn of(&self, call: HostCall) -> u32 {
        self.known[call as usize]
    }

    /// All calls together, those of WASI and those that the host does not have included.
    pub fn total(&self) -> u32 {
        let wasi = self.wasi.iter().map(|(_, n)| n);
        let stubs = self.stubs.iter().map(|(_, n)| n);
        self.known.iter().chain(wasi).chain(stubs).sum()
    }

    /// The calls that were made, by name, with their number.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u32)> {
        let known = HostCall::ALL.iter().map(|&call| (call.name(), self.of(call)));
        let stubs = self.stubs.iter().map(|(name, n)| (&**name, *n));
        known
            .filter(|&(_, n)| n > 0)
            .chain(self.wasi.iter().copied())
            .chain(stubs)
    }

    /// The calls made that this host does not have, by name.
    pub fn unimplemented(&self) -> impl Iterator<Item = &str> {
        self.stubs.iter().map(|(name, _)| &**name)
    }

    pub(crate) fn add(&mut self, call: HostCall) {
        self.known[call as usize] += 1;
    }

    pub(crate) fn add_wasi(&mut self, name: &'static str) {
        match self.wasi.iter_mut().find(|(known, _)| *known == name) {
            Some((_, n)) => *n += 1,
            None => self.wasi.push((name, 1)),
        }
    }

    pub(crate) fn add_stub(&mut self, name: &Arc<str>) {
        match self.stubs.iter_mut().find(|(known, _)| known == name) {
            Some((_, n)) => *n += 1,
            None => self.stubs.push((name.clone(), 1)),
        }
    }
}
