//! A compiled filter: loaded and checked once, run by any number of hosts on any number of threads.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use wasmtime::{Cache, CacheConfig, Config, Engine, ExternType, InstancePre, Linker, OptLevel};

use crate::abi::AbiVersion;
use crate::exports;
use crate::host_calls;
use crate::vm_state::VmState;

/// A compiled Proxy-Wasm filter. Cheap to clone; the copies share the compiled code.
///
/// ```no_run
/// # fn main() -> Result<(), outgate_test_host::ModuleError> {
/// let module = outgate_test_host::Module::load("filter.wasm")?;
/// println!("{:?}", module.abi_version());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Module(Arc<Inner>);

struct Inner {
    engine: Engine,
    linked: InstancePre<VmState>,
    abi: AbiVersion,
    metering: Metering,
}

/// How the host keeps a filter from running for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Metering {
    /// Counts instructions: every run of the same code on the same input costs the same.
    Fuel,
    /// Watches the clock: faster, measures nothing.
    Clock(Duration),
}

/// With [`Metering::Clock`], how often a filter is looked at.
pub(crate) const CLOCK_TICK: Duration = Duration::from_millis(20);

/// The markers of the versions of the ABI.
const MARKERS: [(&str, AbiVersion); 3] = [
    ("proxy_abi_version_0_2_1", AbiVersion::V0_2_1),
    ("proxy_abi_version_0_2_0", AbiVersion::V0_2_0),
    ("proxy_abi_version_0_1_0", AbiVersion::V0_1_0),
];

impl Module {
    /// Reads, compiles and checks a filter.
    ///
    /// # Errors
    /// When the file cannot be read, or when it is no filter that this host can run.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ModuleError> {
        ModuleOptions::default().load(path)
    }

    /// Compiles and checks a filter.
    ///
    /// # Errors
    /// When the bytes are no filter that this host can run.
    pub fn from_bytes(wasm: &[u8]) -> Result<Self, ModuleError> {
        ModuleOptions::default().from_bytes(wasm)
    }

    /// To load a module with other options than the usual ones.
    pub fn options() -> ModuleOptions {
        ModuleOptions::default()
    }

    /// The version of the ABI that the filter was built for.
    pub fn abi_version(&self) -> AbiVersion {
        self.0.abi
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(crate) fn linked(&self) -> &InstancePre<VmState> {
        &self.0.linked
    }

    pub(crate) fn metering(&self) -> Metering {
        self.0.metering
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { abi, metering, .. } = &*self.0;
        f.debug_struct("Module")
            .field("abi", abi)
            .field("metering", metering)
            .finish_non_exhaustive()
    }
}

/// How to compile a module.
#[derive(Debug, Clone)]
pub struct ModuleOptions {
    metering: Metering,
    cache: CompileCache,
}

/// Where compiled code is kept, to be found by the next process.
#[derive(Debug, Clone)]
enum CompileCache {
    Off,
    /// Where the system keeps such things for this user.
    OfUser,
    In(PathBuf),
}

impl Default for ModuleOptions {
    fn default() -> Self {
        Self {
            metering: Metering::Fuel,
            cache: CompileCache::Off,
        }
    }
}

impl ModuleOptions {
    /// Compiles without counting instructions: faster, for benchmarks. Fuel then reads 0, and a call of the guest that
    /// takes longer than `time_limit` by the real clock is ended.
    #[must_use]
    pub fn unmetered(mut self, time_limit: Duration) -> Self {
        self.metering = Metering::Clock(time_limit);
        self
    }

    /// Keeps compiled code in the cache directory of this user, and takes it from there when it is the same module again: what
    /// takes a quarter of a second to compile is then there in milliseconds. Whoever can write to that directory can run code
    /// in this process, as for every cache of this kind.
    #[must_use]
    pub fn cached(mut self) -> Self {
        self.cache = CompileCache::OfUser;
        self
    }

    /// As [`ModuleOptions::cached`], in a directory of one's own. It is made when it is not there.
    #[must_use]
    pub fn cached_in(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cache = CompileCache::In(directory.into());
        self
    }

    /// As [`Module::load`].
    ///
    /// # Errors
    /// As [`Module::load`].
    pub fn load(self, path: impl AsRef<Path>) -> Result<Module, ModuleError> {
        let path = path.as_ref();
        let wasm = std::fs::read(path).map_err(|source| ModuleError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        self.from_bytes(&wasm)
    }

    /// As [`Module::from_bytes`].
    ///
    /// # Errors
    /// As [`Module::from_bytes`].
    #[allow(clippy::wrong_self_convention)] // the name that `Module` has, on the options for it
    pub fn from_bytes(self, wasm: &[u8]) -> Result<Module, ModuleError> {
        check_preamble(wasm)?;
        let engine = self.engine()?;
        let module = wasmtime::Module::from_binary(&engine, wasm).map_err(|error| ModuleError::invalid(&error))?;
        let abi = abi_version(&module)?;
        exports::check(&module, abi)?;
        let mut linker = Linker::new(&engine);
        host_calls::link(&mut linker).map_err(|error| ModuleError::invalid(&error))?;
        stub_missing(&mut linker, &module)?;
        let linked = linker
            .instantiate_pre(&module)
            .map_err(|error| ModuleError::import_type(&error))?;
        if let Metering::Clock(_) = self.metering {
            watch(&engine);
        }
        Ok(Module(Arc::new(Inner {
            engine,
            linked,
            abi,
            metering: self.metering,
        })))
    }

    fn engine(&self) -> Result<Engine, ModuleError> {
        let mut config = Config::new();
        config.cranelift_opt_level(OptLevel::Speed);
        match self.metering {
            Metering::Fuel => config.consume_fuel(true),
            Metering::Clock(_) => config.epoch_interruption(true),
        };
        let kept = match &self.cache {
            CompileCache::Off => None,
            CompileCache::OfUser => Some(CacheConfig::new()),
            CompileCache::In(directory) => {
                let directory = std::path::absolute(directory).map_err(|error| ModuleError::cache(&error))?;
                let mut kept = CacheConfig::new();
                kept.with_directory(directory);
                Some(kept)
            }
        };
        if let Some(kept) = kept {
            config.cache(Some(Cache::new(kept).map_err(|error| ModuleError::cache(&error))?));
        }
        Engine::new(&config).map_err(|error| ModuleError::invalid(&error))
    }
}

/// Moves the clock that filters of this engine are watched by, for as long as the engine lives.
fn watch(engine: &Engine) {
    let engine = engine.weak();
    std::thread::spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(CLOCK_TICK);
        }
    });
}

/// Magic number, then version and layer: layer 0 is a module, 1 is a component.
fn check_preamble(wasm: &[u8]) -> Result<(), ModuleError> {
    match wasm {
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Ok(()),
        [0, b'a', b's', b'm', _, _, 1, 0, ..] => Err(ModuleError::Component),
        _ => Err(ModuleError::NotWasm),
    }
}

fn abi_version(module: &wasmtime::Module) -> Result<AbiVersion, ModuleError> {
    let marker = MARKERS.iter().find(|(name, _)| module.get_export(name).is_some());
    marker.map(|(_, version)| *version).ok_or(ModuleError::NoAbiVersion)
}

/// Links the `proxy_*` imports that this host does not have to a stub that says so, and refuses all others.
fn stub_missing(linker: &mut Linker<VmState>, module: &wasmtime::Module) -> Result<(), ModuleError> {
    let mut unknown = Vec::new();
    for import in module.imports() {
        let (from, name) = (import.module(), import.name());
        if host_calls::is_linked(from, name) {
            continue;
        }
        match import.ty() {
            ExternType::Func(ty)
                if from == host_calls::ABI_MODULE && (name.starts_with("proxy_") || name.starts_with("envoy_")) =>
            {
                host_calls::link_stub(linker, name, ty).map_err(|error| ModuleError::invalid(&error))?;
            }
            _ => unknown.push(format!("{from}.{name}")),
        }
    }
    if unknown.is_empty() {
        Ok(())
    } else {
        Err(ModuleError::UnknownImports(unknown))
    }
}

/// Why a file is no filter that this host can run. `unwrap` prints it in words.
#[non_exhaustive]
pub enum ModuleError {
    /// The file cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The bytes do not begin as WebAssembly does.
    NotWasm,
    /// It is a component, not a module.
    Component,
    /// It is WebAssembly, but does not validate or compile.
    Invalid(String),
    /// No export says which version of the ABI it was built for.
    NoAbiVersion,
    /// It exports no function that allocates memory.
    NoAllocator,
    /// It exports no memory.
    NoMemory,
    /// An export has another type than the ABI gives it.
    ExportType {
        /// The export.
        name: &'static str,
        /// Its type in the ABI.
        expected: String,
        /// Its type in the module.
        found: String,
    },
    /// It imports things that no host provides, as `module.name`.
    UnknownImports(Vec<String>),
    /// An import has another type than the ABI gives it.
    ImportType(String),
    /// The cache of compiled code cannot be used.
    Cache(String),
}

impl ModuleError {
    fn invalid(error: &wasmtime::Error) -> Self {
        Self::Invalid(format!("{error:#}"))
    }

    fn cache(error: &dyn fmt::Display) -> Self {
        Self::Cache(format!("{error:#}"))
    }

    fn import_type(error: &wasmtime::Error) -> Self {
        Self::ImportType(format!("{error:#}"))
    }
}

impl fmt::Debug for ModuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ModuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, source } => write!(f, "cannot read {}: {source}", path.display()),
            Self::NotWasm => f.write_str("this is no WebAssembly: it does not begin with `\\0asm`"),
            Self::Component => f.write_str(
                "this is a WebAssembly component; Proxy-Wasm filters are modules: build for wasm32-unknown-unknown or \
                 wasm32-wasip1, without making a component of it",
            ),
            Self::Invalid(why) => write!(f, "this is no valid WebAssembly: {why}"),
            Self::NoAbiVersion => f.write_str(
                "this is no Proxy-Wasm filter: it exports no `proxy_abi_version_0_1_0`, `_0_2_0` or `_0_2_1`",
            ),
            Self::NoAllocator => f.write_str(
                "the filter exports neither `malloc` nor `proxy_on_memory_allocate`: the host could hand it nothing",
            ),
            Self::NoMemory => f.write_str("the filter exports no 32-bit memory as `memory`"),
            Self::ExportType { name, expected, found } => {
                write!(
                    f,
                    "the filter exports `{name}` as {found}, where the ABI has {expected}"
                )
            }
            Self::UnknownImports(names) => {
                write!(
                    f,
                    "the filter imports what this host does not provide: {}",
                    names.join(", ")
                )?;
                if names.iter().any(|name| name.starts_with("wasi_")) {
                    f.write_str("; of WASI it provides the functions of preview1 that Envoy provides")?;
                }
                Ok(())
            }
            Self::Cache(why) => write!(f, "the cache of compiled code cannot be used: {why}"),
            Self::ImportType(why) => write!(
                f,
                "the filter imports a host call with another type than the ABI's: {why}"
            ),
        }
    }
}

impl std::error::Error for ModuleError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { source, .. } => Some(source),
            _ => None,
        }
    }
}
