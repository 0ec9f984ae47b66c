//! The functions that a filter exports and that the host calls.

use wasmtime::{AsContextMut, FuncType, Instance, TypedFunc, ValType};

use crate::module::ModuleError;

/// Declares the struct of functions, how to find them, and how to check their types, from one list.
macro_rules! exports {
    ($($field:ident: $name:literal ($($param:ty),*) $(-> $result:ty)?;)*) => {
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
        }),*];
    };
    (@result) => { () };
    (@result $result:ty) => { $result };
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
    on_configure: "proxy_on_configure" (u32, u32) -> u32;
    on_request_headers: "proxy_on_request_headers" (u32, u32, u32) -> u32;
    on_request_body: "proxy_on_request_body" (u32, u32, u32) -> u32;
    on_response_headers: "proxy_on_response_headers" (u32, u32, u32) -> u32;
    on_response_body: "proxy_on_response_body" (u32, u32, u32) -> u32;
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
}

/// The exports that allocate guest memory, in the order in which the proxy tries them.
const ALLOCATORS: [&str; 2] = ["malloc", "proxy_on_memory_allocate"];

/// Refuses a module that exports one of our functions with another type, or that lacks what the host cannot do without.
pub(crate) fn check(module: &wasmtime::Module) -> Result<(), ModuleError> {
    for signature in SIGNATURES {
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
