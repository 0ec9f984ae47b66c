//! The WebAssembly module: what the proxy calls. Proxy-Wasm ABI 0.2.1; only what is exported is called.
#![allow(
    unsafe_code,
    reason = "exports must keep their names; nothing here touches memory by hand"
)]

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use foldhash::fast::FixedState;

use crate::gateway::{Gateway, Verdict};
use crate::host::{Host, LogLevel};
use crate::proxy::{PluginConfiguration, Proxy};

/// A seventh of the usual one, and quicker.
#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

const CONTINUE: u32 = 0;
const PAUSE: u32 = 1;

/// The contexts that the proxy has made.
#[derive(Default)]
struct Contexts {
    /// By root context. Listeners with configurations of their own can share one virtual machine; there are never many.
    gateways: Vec<(u32, Rc<Gateway>)>,
    /// The root context of each stream.
    streams: HashMap<u32, u32, FixedState>,
}

impl Contexts {
    fn gateway(&self, root: u32) -> Option<Rc<Gateway>> {
        let gateway = self.gateways.iter().find(|(known, _)| *known == root);
        gateway.map(|(_, gateway)| Rc::clone(gateway))
    }
}

thread_local! {
    static CONTEXTS: RefCell<Contexts> = RefCell::default();
}

/// Marks the version of the ABI; never called.
#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_vm_start(_root: u32, _size: usize) -> bool {
    // No panic is known to be reachable; should there be one, the log says where.
    std::panic::set_hook(Box::new(|panic| Proxy.log(LogLevel::Critical, &panic.to_string())));
    true
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(context: u32, parent: u32) {
    if parent != 0 {
        CONTEXTS.with_borrow_mut(|contexts| contexts.streams.insert(context, parent));
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(root: u32, size: usize) -> bool {
    match Gateway::new(&PluginConfiguration { size }) {
        Ok(mut gateway) => {
            gateway.set_up(&Proxy);
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

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(context: u32, _count: u32, _end_of_stream: bool) -> u32 {
    let gateway = CONTEXTS.with_borrow(|contexts| contexts.gateway(*contexts.streams.get(&context)?));
    match gateway.map(|gateway| gateway.on_request_headers(&Proxy)) {
        Some(Verdict::Continue) => CONTINUE,
        // Without a configuration nothing is let through.
        Some(Verdict::Answered) | None => PAUSE,
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(root: u32) {
    if let Some(gateway) = CONTEXTS.with_borrow(|contexts| contexts.gateway(root)) {
        gateway.on_tick(&Proxy);
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(context: u32) {
    let ended = CONTEXTS.with_borrow_mut(|contexts| {
        if contexts.streams.remove(&context).is_some() {
            return None;
        }
        let place = contexts.gateways.iter().position(|(root, _)| *root == context)?;
        Some(contexts.gateways.swap_remove(place).1)
    });
    if let Some(gateway) = ended {
        gateway.tear_down(&Proxy);
    }
}
