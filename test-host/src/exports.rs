//! The functions that a filter exports and that the host calls.

use wasmtime::{AsContextMut, FuncType, Instance, TypedFunc, ValType};

use crate::abi::AbiVersion;
use crate::module::ModuleError;

/// Declares the struct of functions, how to find them, and how to check their types, from one list.
///
/// `=> VERSIONS` limits a type to modules of those versions of the ABI.
macro_rules! exports {
    ($($field:ident: $name:literal ($($param:ty),*) $(-> $result:ty)? $(=> $versions:ident)?;)*) => {
        /// The exported functions, looked up once. One that is absent counts as having agreed.
        #[derive(Clone)]
        pub(crate) struct Exports {
            $(pub(crate) $field: Option<TypedFunc<($($param,)*), exports!(@result $($result)?)>>,)*
        }

        impl Exports {
            /// Looks the functions up. One whose type is wrong has been refused by [`check`].
            pub(crate) fn find(mut store: impl AsContextMut, instance: &Instance) -> Self {
                Self { $($field: instance.get_typed_func(&mut store, $name).ok(),)* }
            }
        }

        const SIGNATURES: &[Signature] = &[$(Signature {
            name: $name,
            params: <[&str]>::len(&[$(stringify!($param)),*]),
            results: <[&str]>::len(&[$(stringify!($result))?]),
            versions: exports!(@versions $($versions)?),
        }),*];
    };
    (@result) => { () };
    (@result $result:ty) => { $result };
    (@versions) => { Versions::All };
    (@versions $versions:ident) => { Versions::$versions };
}

exports! {
    initialize: "_initialize" ();
    start: "_start" ();
    main: "main" (u32, u32) -> u32;
    main_void: "__main_void" () -> u32;
    malloc: "malloc" (u32) -> u32;
    on_memory_allocate: "proxy_on_memory_allocate" (u32) -> u32;
    on_context_create: "proxy_on_context_create" (u32, u32);
    on_vm_start: "proxy_on_vm_start" (u32, u32) -> u32;
    validate_configuration: "proxy_validate_configuration" (u32, u32) -> u32;
    on_configure: "proxy_on_configure" (u32, u32) -> u32;
    on_request_headers: "proxy_on_request_headers" (u32, u32, u32) -> u32 => New;
    on_request_headers_old: "proxy_on_request_headers" (u32, u32) -> u32 => Old;
    on_request_body: "proxy_on_request_body" (u32, u32, u32) -> u32;
    on_request_trailers: "proxy_on_request_trailers" (u32, u32) -> u32;
    on_response_headers: "proxy_on_response_headers" (u32, u32, u32) -> u32 => New;
    on_response_headers_old: "proxy_on_response_headers" (u32, u32) -> u32 => Old;
    on_response_body: "proxy_on_response_body" (u32, u32, u32) -> u32;
    on_response_trailers: "proxy_on_response_trailers" (u32, u32) -> u32;
    on_new_connection: "proxy_on_new_connection" (u32) -> u32;
    on_downstream_data: "proxy_on_downstream_data" (u32, u32, u32) -> u32;
    on_upstream_data: "proxy_on_upstream_data" (u32, u32, u32) -> u32;
    on_downstream_connection_close: "proxy_on_downstream_connection_close" (u32, u32);
    on_upstream_connection_close: "proxy_on_upstream_connection_close" (u32, u32);
    on_http_call_response: "proxy_on_http_call_response" (u32, u32, u32, u32, u32);
    on_grpc_receive_initial_metadata: "proxy_on_grpc_receive_initial_metadata" (u32, u32, u32);
    on_grpc_receive: "proxy_on_grpc_receive" (u32, u32, u32);
    on_grpc_receive_trailing_metadata: "proxy_on_grpc_receive_trailing_metadata" (u32, u32, u32);
    on_grpc_close: "proxy_on_grpc_close" (u32, u32, u32);
    on_queue_ready: "proxy_on_queue_ready" (u32, u32);
    on_foreign_function: "proxy_on_foreign_function" (u32, u32, u32);
    on_done: "proxy_on_done" (u32) -> u32;
    on_log: "proxy_on_log" (u32);
    on_tick: "proxy_on_tick" (u32);
    on_delete: "proxy_on_delete" (u32);
}

/// A type of the ABI: every parameter and result of an export is an `i32`.
struct Signature {
    name: &'static str,
    params: usize,
    results: usize,
    versions: Versions,
}

/// The versions of the ABI in which an export has a type.
#[derive(Clone, Copy)]
enum Versions {
    All,
    /// 0.1.0
    Old,
    /// 0.2.0 and later
    New,
}

impl Versions {
    fn include(self, abi: AbiVersion) -> bool {
        match self {
            Self::All => true,
            Self::Old => abi == AbiVersion::V0_1_0,
            Self::New => abi != AbiVersion::V0_1_0,
        }
    }
}

/// The exports that allocate guest memory, in the order in which the proxy tries them.
const ALLOCATORS: [&str; 2] = ["malloc", "proxy_on_memory_allocate"];

/// Refuses a module that exports one of our functions with another type, or that lacks what the host cannot do without.
pub(crate) fn check(module: &wasmtime::Module, abi: AbiVersion) -> Result<(), ModuleError> {
    for signature in SIGNATURES.iter().filter(|signature| signature.versions.include(abi)) {
        let Some(export) = module.get_export(signature.name) else {
            continue;
        };
        let fits = export.func().is_some_and(|ty| signature.fits(ty));
        if !fits {
            return Err(ModuleError::ExportType {
                name: signature.name,
                expected: signature.to_string(),
                found: export.func().map_or("no function".to_owned(), describe),
            });
        }
    }
    if !ALLOCATORS.iter().any(|name| module.get_export(name).is_some()) {
        return Err(ModuleError::NoAllocator);
    }
    match module.get_export("memory") {
        Some(wasmtime::ExternType::Memory(memory)) if !memory.is_64() => Ok(()),
        _ => Err(ModuleError::NoMemory),
    }
}

impl Signature {
    fn fits(&self, ty: &FuncType) -> bool {
        ty.params().len() == self.params
            && ty.results().len() == self.results
            && ty.params().chain(ty.results()).all(|ty| matches!(ty, ValType::I32))
    }
}

impl std::fmt::Display for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |n: usize| vec!["i32"; n].join(", ");
        write!(f, "({}) -> ({})", list(self.params), list(self.results))
    }
}

fn describe(ty: &FuncType) -> String {
    let list = |types: Vec<String>| types.join(", ");
    let params = list(ty.params().map(|ty| ty.to_string()).collect());
    format!(
        "({params}) -> ({})",
        list(ty.results().map(|ty| ty.to_string()).collect())
    )
}
