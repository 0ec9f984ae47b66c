//! Makes a crate the module that a proxy loads.

/// Makes a crate a complete Proxy-Wasm module: Outgate's authorization, and custom policies in this order.
///
/// ```ignore
/// outgate_filter::module!();                                 // what ships
/// outgate_filter::module!(Budget, ChangeWindow);             // with two custom policies
/// outgate_filter::module!(Budget; exports: log);             // of which one watches for the end of requests
/// ```
///
/// A proxy calls each function that a module exports, for every request, and each call costs. So these are exported only where they
/// are asked for:
///
/// | export | for |
/// | --- | --- |
/// | `log` | custom policies with [`WATCHES_END`](crate::custom_policy::CustomPolicy::WATCHES_END) |
/// | `response_headers` | providers with `headersToDownstreamOnAllow` |
///
/// The crate's type is `cdylib`, and its target `wasm32-unknown-unknown`. For any other target the macro only checks what it is given,
/// so that the crate can be tested there. The module's memory is managed by a small allocator that the macro brings along.
///
/// What cannot work is an error of the compiler: two policies of one name, a name that is none, and a policy that watches for the end
/// of requests in a module that does not export it. So this compiles,
///
/// ```
/// # use outgate_filter::custom_policy::prelude::*;
/// # struct Watcher;
/// # impl CustomPolicy for Watcher {
/// #     const NAME: &'static str = "watcher";
/// #     const READS: &'static [Attribute] = &[];
/// #     const WATCHES_END: bool = true;
/// #     type Config = ();
/// #     fn new(_: ()) -> Result<Self, Invalid> { Ok(Self) }
/// #     fn check(&self, _: &Request<'_>, _: &Decision<'_>, _: &Services<'_>) -> Answer { Answer::Abstain }
/// # }
/// outgate_filter::module!(Watcher; exports: log);
/// # fn main() {}
/// ```
///
/// and this does not:
///
/// ```compile_fail,E0080
/// # use outgate_filter::custom_policy::prelude::*;
/// # struct Watcher;
/// # impl CustomPolicy for Watcher {
/// #     const NAME: &'static str = "watcher";
/// #     const READS: &'static [Attribute] = &[];
/// #     const WATCHES_END: bool = true;
/// #     type Config = ();
/// #     fn new(_: ()) -> Result<Self, Invalid> { Ok(Self) }
/// #     fn check(&self, _: &Request<'_>, _: &Decision<'_>, _: &Services<'_>) -> Answer { Answer::Abstain }
/// # }
/// outgate_filter::module!(Watcher);
/// # fn main() {}
/// ```
///
/// ```compile_fail,E0080
/// # use outgate_filter::custom_policy::prelude::*;
/// # struct Watcher;
/// # impl CustomPolicy for Watcher {
/// #     const NAME: &'static str = "watcher";
/// #     const READS: &'static [Attribute] = &[];
/// #     const WATCHES_END: bool = true;
/// #     type Config = ();
/// #     fn new(_: ()) -> Result<Self, Invalid> { Ok(Self) }
/// #     fn check(&self, _: &Request<'_>, _: &Decision<'_>, _: &Services<'_>) -> Answer { Answer::Abstain }
/// # }
/// outgate_filter::module!(Watcher, Watcher; exports: log);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! module {
    ($($policy:ty),* $(,)? $(; exports: $($export:ident),+ $(,)?)?) => {
        #[cfg_attr(
            target_family = "wasm",
            allow(unsafe_code, reason = "exports must keep their names; nothing here touches memory by hand")
        )]
        const _: () = {
            type List = $crate::__policies!($($policy),*);

            const EXPORTS: $crate::Exports = $crate::Exports {
                $($($export: true,)+)?
                ..$crate::Exports::NONE
            };

            const NAMES: &[&str] = &[$(<$policy as $crate::custom_policy::CustomPolicy>::NAME),*];

            const _: () = {
                $(assert!(
                    $crate::custom_policy::is_policy_name(<$policy as $crate::custom_policy::CustomPolicy>::NAME),
                    "the NAME of a custom policy has lower-case letters, digits and hyphens, and begins with a letter"
                );)*
                assert!($crate::custom_policy::are_distinct(NAMES), "two custom policies have the same NAME");
                assert!(
                    EXPORTS.log || !<List as $crate::custom_policy::Policies>::WATCH_ENDS,
                    "a policy watches for the end of requests, and the module does not export it: module!(…; exports: log)"
                );
            };

            $crate::__exports!(List, EXPORTS $($(, $export)+)?);
        };
    };
}

/// What a module exports.
#[cfg(not(target_family = "wasm"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __exports {
    ($list:ty, $exports:expr $(, $export:ident)*) => {};
}

/// What a module exports.
#[cfg(target_family = "wasm")]
#[doc(hidden)]
#[macro_export]
macro_rules! __exports {
    ($list:ty, $exports:expr $(, $export:ident)*) => {
        #[global_allocator]
        static ALLOCATOR: $crate::allocator::Allocator = $crate::allocator::new();

        /// Marks the version of the ABI; never called.
        #[unsafe(no_mangle)]
        extern "C" fn proxy_abi_version_0_2_1() {}

        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
            $crate::guest::allocate(size)
        }

        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_vm_start(_root: u32, _size: usize) -> bool {
            $crate::guest::on_vm_start()
        }

        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_context_create(context: u32, parent: u32) {
            $crate::guest::on_context_create(context, parent);
        }

        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_configure(root: u32, size: usize) -> bool {
            $crate::guest::on_configure::<$list>(root, size, $exports)
        }

        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_request_headers(context: u32, _count: u32, _end_of_stream: bool) -> u32 {
            $crate::guest::on_request_headers(context)
        }

        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_downstream_data(context: u32, _size: usize, _end_of_stream: bool) -> u32 {
            $crate::guest::on_downstream_data(context)
        }

        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_http_call_response(root: u32, call: u32, headers: u32, body: usize, _trailers: u32) {
            $crate::guest::on_http_call_response(root, call, headers, body);
        }

        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_tick(root: u32) {
            $crate::guest::on_tick(root);
        }

        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_delete(context: u32) {
            $crate::guest::on_delete(context);
        }

        $($crate::__export!($export);)*
    };
}

/// The type of a list of policies.
#[doc(hidden)]
#[macro_export]
macro_rules! __policies {
    () => { $crate::custom_policy::Nothing };
    ($first:ty $(, $rest:ty)*) => { ($first, $crate::__policies!($($rest),*)) };
}

/// A function that only some modules export.
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    (log) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_log(context: u32) {
            $crate::guest::on_log(context);
        }
    };
    (response_headers) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_response_headers(context: u32, _count: u32, _end_of_stream: bool) -> u32 {
            $crate::guest::on_response_headers(context)
        }
    };
}
