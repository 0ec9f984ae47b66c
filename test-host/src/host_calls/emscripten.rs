//! What Emscripten's runtime imports besides WASI. Neither can do harm, so neither is counted or traced.

use wasmtime::Linker;

use super::ABI_MODULE;
use crate::vm_state::VmState;

const PTHREAD_EQUAL: &str = "pthread_equal";
const NOTIFY_MEMORY_GROWTH: &str = "emscripten_notify_memory_growth";

pub(super) const NAMES: [&str; 2] = [PTHREAD_EQUAL, NOTIFY_MEMORY_GROWTH];

pub(super) fn link(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    linker.func_wrap(ABI_MODULE, PTHREAD_EQUAL, |left: u32, right: u32| {
        u32::from(left == right)
    })?;
    // For hosts that keep a view of the memory. This one looks it up at every access.
    linker.func_wrap(ABI_MODULE, NOTIFY_MEMORY_GROWTH, |_memory: u32| {})?;
    Ok(())
}
