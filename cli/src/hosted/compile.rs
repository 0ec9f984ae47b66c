//! Reading and compiling a module.

use std::fmt;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use outgate_test_host::{Module, ModuleError, ModuleOptions};

use crate::output::{FAINT, PLAIN};

/// What takes longer is told about.
const LONG: Duration = Duration::from_secs(2);

/// Compiles a filter, or takes its code from the cache of an earlier run.
pub(crate) fn cached(path: &Path) -> Result<Module, Refused> {
    match compile(path, Module::options().cached()) {
        // A directory that cannot be written to costs time, nothing else.
        Err(Refused::Filter { error, .. }) if matches!(*error, ModuleError::Cache(_)) => {
            compile(path, Module::options())
        }
        result => result,
    }
}

/// Compiles a filter.
pub(crate) fn compile(path: &Path, options: ModuleOptions) -> Result<Module, Refused> {
    let mut wasm = std::fs::read(path).map_err(|error| Refused::Unreadable(format!("{}: {error}", path.display())))?;
    if path.extension().is_some_and(|ending| ending == "wat") {
        // The error says where in the file.
        wasm = assemble(path, &wasm).map_err(|error| Refused::Unreadable(error.to_string()))?;
    }
    let what = format!("compiling {} ({} KB)", path.display(), wasm.len().div_ceil(1000));
    told_when_long(&what, || options.from_bytes(&wasm)).map_err(|error| Refused::Filter {
        error: Box::new(error),
        path: path.display().to_string(),
    })
}

/// A module from its text format, for filters that are small enough to be written in it.
fn assemble(path: &Path, text: &[u8]) -> Result<Vec<u8>, wat::Error> {
    Ok(wat::Parser::new().parse_bytes(Some(path), text)?.into_owned())
}

/// Why there is no module.
pub(crate) enum Refused {
    /// There is no such file.
    Unreadable(String),
    /// The file is no filter that a proxy would run.
    Filter { path: String, error: Box<ModuleError> },
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) => f.write_str(why),
            Self::Filter { path, error } => write!(f, "{path}: {error}"),
        }
    }
}

/// Does some work, and says on standard error what it is when it takes long.
pub(crate) fn told_when_long<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let (done, waits) = channel::<()>();
    let text = what.to_owned();
    let teller = thread::spawn(move || {
        let is_long = waits.recv_timeout(LONG) == Err(RecvTimeoutError::Timeout);
        if is_long {
            anstream::eprintln!("{FAINT}{text} …{PLAIN}");
        }
        is_long
    });
    let result = work();
    drop(done);
    if teller.join().unwrap_or(false) {
        anstream::eprintln!("{FAINT}{what}: {:.1} s{PLAIN}", began.elapsed().as_secs_f64());
    }
    result
}
