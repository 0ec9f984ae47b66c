//! The WebAssembly module's side of Proxy-Wasm: what the proxy calls. ABI 0.2.1; only what is exported is called.
//!
//! Which functions are exported, and with which custom policies, is for [`module!`](crate::module!) to say.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use foldhash::fast::FixedState;

use crate::configuration::Exports;
use crate::custom_policy::Policies;
use crate::gateway::{Gateway, Verdict};
use crate::host::{CallNumber, Context, Host, LogLevel};
use crate::proxy::{PluginConfiguration, Proxy};

pub use crate::proxy::allocate;

const CONTINUE: u32 = 0;
const PAUSE: u32 = 1;

/// The contexts that the proxy has made.
#[derive(Default)]
struct Contexts {
    /// By root context. Listeners with configurations of their own can share one virtual machine; there are never many.
    gateways: Vec<(u32, Rc<Gateway>)>,
    streams: HashMap<u32, Stream, FixedState>,
}

/// What is known of a stream.
#[derive(Clone, Copy)]
struct Stream {
    /// Its root context.
    root: u32,
    /// What has been decided, as far as it has.
    verdict: Option<Verdict>,
}

impl Contexts {
    fn gateway(&self, root: u32) -> Option<Rc<Gateway>> {
        let gateway = self.gateways.iter().find(|(known, _)| *known == root);
        gateway.map(|(_, gateway)| Rc::clone(gateway))
    }

    fn of_stream(&self, context: u32) -> Option<(Stream, Rc<Gateway>)> {
        let stream = *self.streams.get(&context)?;
        Some((stream, self.gateway(stream.root)?))
    }
}

thread_local! {
    static CONTEXTS: RefCell<Contexts> = RefCell::default();
}

fn of_stream(context: u32) -> Option<(Stream, Rc<Gateway>)> {
    CONTEXTS.with_borrow(|contexts| contexts.of_stream(context))
}

fn note(context: u32, verdict: Verdict) {
    CONTEXTS.with_borrow_mut(|contexts| {
        if let Some(stream) = contexts.streams.get_mut(&context) {
            stream.verdict = Some(verdict);
        }
    });
}

/// `proxy_on_vm_start`
pub fn on_vm_start() -> bool {
    // No panic is known to be reachable; should there be one, the log says where.
    std::panic::set_hook(Box::new(|panic| Proxy.log(LogLevel::Critical, &panic.to_string())));
    true
}

/// `proxy_on_context_create`
pub fn on_context_create(context: u32, parent: u32) {
    if parent != 0 {
        let stream = Stream {
            root: parent,
            verdict: None,
        };
        CONTEXTS.with_borrow_mut(|contexts| contexts.streams.insert(context, stream));
    }
}

/// `proxy_on_configure`
pub fn on_configure<L: Policies>(root: u32, size: usize, exports: Exports) -> bool {
    let gateway = Gateway::new::<L>(&PluginConfiguration { size }, exports);
    let gateway = gateway.and_then(|mut gateway| gateway.set_up(&Proxy).map(|()| gateway));
    match gateway {
        Ok(gateway) => {
            CONTEXTS.with_borrow_mut(|contexts| {
                contexts.gateways.retain(|(known, _)| *known != root);
                contexts.gateways.push((root, Rc::new(gateway)));
            });
            true
        }
        Err(refused) => {
            Proxy.log(LogLevel::Error, &refused.to_string());
            false
        }
    }
}

/// `proxy_on_request_headers`
pub fn on_request_headers(context: u32) -> u32 {
    // Without a configuration nothing is let through.
    let Some((_, gateway)) = of_stream(context) else {
        return PAUSE;
    };
    action(context, gateway.on_request_headers(&Proxy, Context(context)))
}

/// `proxy_on_downstream_data`
pub fn on_downstream_data(context: u32) -> u32 {
    match of_stream(context) {
        None => PAUSE,
        Some((Stream { verdict: None, .. }, gateway)) => {
            action(context, gateway.on_first_data(&Proxy, Context(context)))
        }
        Some((
            Stream {
                verdict: Some(Verdict::Continue),
                ..
            },
            _,
        )) => CONTINUE,
        Some(_) => PAUSE,
    }
}

fn action(context: u32, verdict: Verdict) -> u32 {
    note(context, verdict);
    match verdict {
        Verdict::Continue => CONTINUE,
        Verdict::Answered | Verdict::Wait => PAUSE,
    }
}

/// `proxy_on_http_call_response`
pub fn on_http_call_response(root: u32, call: u32, headers: u32, body: usize) {
    let gateway = CONTEXTS.with_borrow(|contexts| contexts.gateway(root));
    let decided = gateway.and_then(|gateway| gateway.on_answer(&Proxy, CallNumber(call), headers > 0, body));
    if let Some((Context(context), verdict)) = decided {
        note(context, verdict);
    }
}

/// `proxy_on_response_headers`
pub fn on_response_headers(context: u32) -> u32 {
    if let Some((_, gateway)) = of_stream(context) {
        gateway.on_response_headers(&Proxy, Context(context));
    }
    CONTINUE
}

/// `proxy_on_log`
pub fn on_log(context: u32) {
    if let Some((stream, gateway)) = of_stream(context) {
        gateway.on_end(&Proxy, Context(context), stream.verdict == Some(Verdict::Continue));
    }
}

/// `proxy_on_tick`
pub fn on_tick(root: u32) {
    if let Some(gateway) = CONTEXTS.with_borrow(|contexts| contexts.gateway(root)) {
        gateway.on_tick(&Proxy);
    }
}

/// `proxy_on_delete`
pub fn on_delete(context: u32) {
    let ended = CONTEXTS.with_borrow_mut(|contexts| {
        if let Some(stream) = contexts.streams.remove(&context) {
            return Err(contexts.gateway(stream.root));
        }
        let place = contexts.gateways.iter().position(|(root, _)| *root == context);
        Ok(place.map(|place| contexts.gateways.swap_remove(place).1))
    });
    match ended {
        Ok(Some(gateway)) => gateway.tear_down(&Proxy),
        Err(Some(gateway)) => gateway.on_delete(Context(context)),
        Ok(None) | Err(None) => {}
    }
}
