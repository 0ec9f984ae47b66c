//! The blotting out, tested with a body in every cut.

use outgate_test_host::{Host, Request, Response, filter_under_test};

const BODY: &str = "paid with 1234-5678-9012-3456, thank you";

#[test]
fn a_number_is_found_however_the_body_is_cut() {
    let module = filter_under_test!();
    let mut host = Host::builder(&module).start().unwrap();
    for size in 0..=BODY.len() {
        for ends_separately in [false, true] {
            let mut response = Response::new(200)
                .header("content-length", "40")
                .body(BODY)
                .chunked(size);
            if ends_separately {
                response = response.trailing_empty_chunk();
            }
            host.exchange(Request::get("https://shop.example.com/"), response)
                .assert()
                .body("paid with [card], thank you")
                .no_header("content-length");
        }
    }
}

#[test]
fn it_costs_little() {
    let module = filter_under_test!();
    let mut host = Host::builder(&module).start().unwrap();

    let outcome = host.exchange(Request::get("https://shop.example.com/"), Response::new(200).body(BODY));

    outcome
        .assert()
        .fuel_at_most(60_000)
        .memory_at_most(2 << 20)
        .host_calls_at_most(8)
        .strict();
}

#[test]
fn more_than_the_proxy_holds_is_an_error_of_the_proxy() {
    let module = filter_under_test!();
    let mut host = Host::builder(&module).buffer_limit(16).start().unwrap();

    let response = Response::new(200).body(BODY).trailing_empty_chunk();
    let outcome = host.exchange(Request::get("https://shop.example.com/"), response);

    // The headers have left already: all that is left to the proxy is to break off.
    assert_eq!(outcome.end, outgate_test_host::End::Reset, "{outcome}");
}
