//! WASI preview1, as far as Envoy has it: standard output and error are the log, the environment and the clock are the
//! host's, and there are no files and no sockets.
//!
//! What each function answers was read from `proxy-wasm-cpp-host`; of those that it took over from Higress's fork of it, in
//! 2026, from there. The answers are kept even where they are odd, because a filter meets them in production: seeking and
//! closing succeed, for example.

mod call;
mod environment;
mod files;
mod output;
mod process;

use wasmtime::{Caller, Linker};

use crate::vm_state::VmState;
use crate::wasi_errno::Errno;
use call::{refuse, run};

/// Preview1, and the snapshot before it, which older toolchains import. The functions that filters use are the same.
const MODULES: [&str; 2] = ["wasi_snapshot_preview1", "wasi_unstable"];

/// The one function without a result.
const PROC_EXIT: &str = "proc_exit";

const NO_FILES: &str = "a filter has no files but its standard output and error";
const NO_DIRECTORY: &str = "no directory is open to a filter";
const NO_READING: &str = "a filter can read no file";
const NO_SOCKETS: &str = "a filter has no sockets";

/// Defines the functions, each with its parameters, which are `u32` unless said otherwise, and its implementation.
macro_rules! functions {
    ($frame:ident; $($name:ident($($arg:ident $(: $ty:ty)?),*) => $implementation:expr;)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];

        #[allow(unused_variables)] // what does nothing needs no frame
        fn link_module(linker: &mut Linker<VmState>, module: &str) -> wasmtime::Result<()> {
            $(linker.func_wrap(
                module,
                stringify!($name),
                |caller: Caller<'_, VmState> $(, $arg: functions!(@type $($ty)?))*| {
                    run(caller, stringify!($name), |$frame| $implementation)
                },
            )?;)*
            Ok(())
        }
    };
    (@type) => { u32 };
    (@type $ty:ty) => { $ty };
}

functions! { frame;
    fd_write(fd, iovecs, count, out_written) => output::write(frame, fd, iovecs, count, out_written);
    // There is no position in a log: the offset means nothing.
    fd_pwrite(fd, iovecs, count, _offset: u64, out_written) => output::write(frame, fd, iovecs, count, out_written);

    environ_sizes_get(out_count, out_size) => environment::sizes(frame, out_count, out_size);
    environ_get(out_pointers, out_text) => environment::get(frame, out_pointers, out_text);
    args_sizes_get(out_count, out_size) => environment::no_arguments(frame, out_count, out_size);
    args_get(_out_pointers, _out_text) => Ok(());

    clock_time_get(clock, _precision: u64, out) => process::clock_time(frame, clock, out);
    clock_res_get(clock, out) => process::clock_resolution(frame, clock, out);
    random_get(out, len) => process::random(frame, out, len);
    sched_yield() => Ok(());
    poll_oneoff(_subscriptions, _out_events, _count, out_count) => process::poll(frame, out_count);

    fd_advise(fd, _offset: u64, _len: u64, _advice) => files::accept(frame, fd);
    fd_allocate(fd, _offset: u64, _len: u64) => files::standard_only(frame, fd);
    fd_close(fd) => files::accept(frame, fd);
    fd_datasync(fd) => files::standard_only(frame, fd);
    fd_fdstat_get(fd, out) => files::status(frame, fd, out);
    fd_fdstat_set_flags(fd, _flags) => files::refuse(frame, fd, Errno::Nosys, "standard output and error have no flags");
    fd_fdstat_set_rights(fd, _base: u64, _inheriting: u64) => files::standard_only(frame, fd);
    fd_filestat_get(fd, _out) => files::refuse(frame, fd, Errno::Badf, NO_FILES);
    fd_filestat_set_size(fd, _size: u64) => files::standard_only(frame, fd);
    fd_filestat_set_times(fd, _accessed: u64, _modified: u64, _flags) => files::standard_only(frame, fd);
    fd_pread(fd, _iovecs, _count, _offset: u64, _out_read) => files::refuse(frame, fd, Errno::Nosys, NO_READING);
    fd_prestat_get(fd, _out) => files::refuse(frame, fd, Errno::Badf, NO_DIRECTORY);
    fd_prestat_dir_name(fd, _path, _len) => files::refuse(frame, fd, Errno::Nosys, NO_DIRECTORY);
    fd_read(fd, _iovecs, _count, _out_read) => files::refuse(frame, fd, Errno::Nosys, NO_READING);
    fd_readdir(fd, _out, _len, _cookie: u64, out_used) => files::no_directory(frame, fd, out_used);
    fd_renumber(fd, to) => files::renumber(frame, fd, to);
    fd_seek(fd, _offset: i64, _whence, _out_position) => files::accept(frame, fd);
    fd_sync(fd) => files::standard_only(frame, fd);
    fd_tell(fd, out_position) => files::tell(frame, fd, out_position);

    path_open(_fd, _lookup, path, len, _open, _base: u64, _inheriting: u64, _flags, _out_fd) =>
        files::refuse_path(frame, path, len, Errno::Noent);
    path_create_directory(_fd, path, len) => files::refuse_path(frame, path, len, Errno::Notsup);
    path_filestat_get(_fd, _lookup, path, len, _out) => files::refuse_path(frame, path, len, Errno::Notsup);
    path_filestat_set_times(_fd, _lookup, path, len, _accessed: u64, _modified: u64, _flags) =>
        files::refuse_path(frame, path, len, Errno::Notsup);
    path_link(_fd, _lookup, path, len, _new_fd, _new_path, _new_len) =>
        files::refuse_path(frame, path, len, Errno::Notsup);
    path_readlink(_fd, path, len, _out, _out_len, out_used) => files::no_link(frame, path, len, out_used);
    path_remove_directory(_fd, path, len) => files::refuse_path(frame, path, len, Errno::Notsup);
    path_rename(_fd, path, len, _new_fd, _new_path, _new_len) => files::refuse_path(frame, path, len, Errno::Notsup);
    path_symlink(path, len, _fd, _new_path, _new_len) => files::refuse_path(frame, path, len, Errno::Notsup);
    path_unlink_file(_fd, path, len) => files::refuse_path(frame, path, len, Errno::Notsup);

    sock_accept(_fd, _flags, out_fd) => files::no_socket(frame, out_fd, None);
    sock_recv(_fd, _iovecs, _count, _flags, out_read, out_flags) => files::no_socket(frame, out_read, Some(out_flags));
    sock_send(_fd, _iovecs, _count, _flags, out_written) => files::no_socket(frame, out_written, None);
    sock_shutdown(_fd, _how) => refuse(Errno::Notsup, NO_SOCKETS);
}

/// Links every function that this host has.
pub(super) fn link(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    for module in MODULES {
        link_module(linker, module)?;
        linker.func_wrap(module, PROC_EXIT, |caller: Caller<'_, VmState>, code: u32| {
            run(caller, PROC_EXIT, |frame| process::exit(frame, code)).map(drop)
        })?;
    }
    Ok(())
}

/// Does [`link`] define this import?
pub(super) fn is_linked(module: &str, name: &str) -> bool {
    MODULES.contains(&module) && (NAMES.contains(&name) || name == PROC_EXIT)
}
