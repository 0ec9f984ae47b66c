//! Filters in a few words: callbacks by name, each with the code that it runs and that ends with its answer.

/// A filter of callbacks. `define` stands for functions and globals of its own.
macro_rules! filter {
    ($($callback:ident { $($body:tt)* })*) => { concat!($($crate::filter::filter!(@ $callback $crate::filter::code!($($body)*))),*) };
    (@ define $body:expr) => { $body };
    (@ context_create $body:expr) => {
        concat!(r#"(func (export "proxy_on_context_create") (param $id i32) (param $parent i32) "#, $body, ")")
    };
    (@ vm_start $body:expr) => {
        concat!(r#"(func (export "proxy_on_vm_start") (param $id i32) (param $size i32) (result i32) "#, $body, ")")
    };
    (@ configure $body:expr) => {
        concat!(r#"(func (export "proxy_on_configure") (param $id i32) (param $size i32) (result i32) "#, $body, ")")
    };
    (@ request_headers $body:expr) => {
        concat!(r#"(func (export "proxy_on_request_headers") (param $id i32) (param $n i32) (param $end i32) (result i32) "#,
            $body, ")")
    };
    (@ request_body $body:expr) => {
        concat!(r#"(func (export "proxy_on_request_body") (param $id i32) (param $size i32) (param $end i32) (result i32) "#,
            $body, ")")
    };
    (@ request_trailers $body:expr) => {
        concat!(r#"(func (export "proxy_on_request_trailers") (param $id i32) (param $n i32) (result i32) "#, $body, ")")
    };
    (@ response_headers $body:expr) => {
        concat!(r#"(func (export "proxy_on_response_headers") (param $id i32) (param $n i32) (param $end i32) (result i32) "#,
            $body, ")")
    };
    (@ response_body $body:expr) => {
        concat!(r#"(func (export "proxy_on_response_body") (param $id i32) (param $size i32) (param $end i32) (result i32) "#,
            $body, ")")
    };
    (@ response_trailers $body:expr) => {
        concat!(r#"(func (export "proxy_on_response_trailers") (param $id i32) (param $n i32) (result i32) "#, $body, ")")
    };
    (@ http_call_response $body:expr) => {
        concat!(r#"(func (export "proxy_on_http_call_response")
            (param $id i32) (param $call i32) (param $n i32) (param $size i32) (param $trailers i32) "#, $body, ")")
    };
    (@ grpc_close $body:expr) => {
        concat!(r#"(func (export "proxy_on_grpc_close") (param $id i32) (param $call i32) (param $code i32) "#, $body, ")")
    };
    (@ new_connection $body:expr) => {
        concat!(r#"(func (export "proxy_on_new_connection") (param $id i32) (result i32) "#, $body, ")")
    };
    (@ downstream_data $body:expr) => {
        concat!(r#"(func (export "proxy_on_downstream_data") (param $id i32) (param $size i32) (param $end i32) (result i32) "#,
            $body, ")")
    };
    (@ upstream_data $body:expr) => {
        concat!(r#"(func (export "proxy_on_upstream_data") (param $id i32) (param $size i32) (param $end i32) (result i32) "#,
            $body, ")")
    };
    (@ downstream_close $body:expr) => {
        concat!(r#"(func (export "proxy_on_downstream_connection_close") (param $id i32) (param $peer i32) "#, $body, ")")
    };
    (@ upstream_close $body:expr) => {
        concat!(r#"(func (export "proxy_on_upstream_connection_close") (param $id i32) (param $peer i32) "#, $body, ")")
    };
    (@ queue_ready $body:expr) => {
        concat!(r#"(func (export "proxy_on_queue_ready") (param $id i32) (param $queue i32) "#, $body, ")")
    };
    (@ tick $body:expr) => { concat!(r#"(func (export "proxy_on_tick") (param $id i32) "#, $body, ")") };
    (@ done $body:expr) => { concat!(r#"(func (export "proxy_on_done") (param $id i32) (result i32) "#, $body, ")") };
    (@ log $body:expr) => { concat!(r#"(func (export "proxy_on_log") (param $id i32) "#, $body, ")") };
    (@ delete $body:expr) => { concat!(r#"(func (export "proxy_on_delete") (param $id i32) "#, $body, ")") };
}

/// The code of a callback: literals, and macros that stand for some.
macro_rules! code {
    () => { "" };
    ($piece:literal $($rest:tt)*) => { concat!($piece, $crate::filter::code!($($rest)*)) };
    ($name:ident ! ($($arguments:tt)*) $($rest:tt)*) => { concat!($name!($($arguments)*), $crate::filter::code!($($rest)*)) };
}
pub(crate) use {code, filter};
