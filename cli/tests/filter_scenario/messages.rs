//! What a case says of its request and of the upstream's response.

use super::played::{check, check_beside};

const GATE: &str = "filter: {wasm: filter.wasm, config: /admin}";

#[test]
fn a_request_is_what_it_says() {
    check_beside(
        "filter: {wasm: filter.wasm, config: /admin}\n  defaults: {request: {url: 'https://shop.test/public', headers: {a: '1', b: '2'}}}",
        &[("body.bin", "from a file")],
        r#"
its defaults are the scenario's
    expect: {upstream: {method: GET, path: /public,
    headers: {':scheme': https, ':authority': shop.test, a: '1', b: '2'}, body: {absent: true}}}
its own header replaces all lines of that name
    request: {headers: {A: [v, w]}}, expect: {upstream: {headers: {a: [v, w], b: '2'}}}
its parts replace those of the URL
    request: {method: PATCH, scheme: http, authority: 'a.test:81', path: '/public/x?y=z'},
    expect: {upstream: {method: PATCH, path: '/public/x?y=z', headers: {':scheme': http, ':authority': 'a.test:81'}}}
its URL replaces the parts of another one
    request: {url: 'http://b.test/public/b'}, expect: {upstream: {path: /public/b, headers: {':scheme': http, ':authority': b.test}}}
a pseudo header is set, not added
    request: {headers: {':path': /public/p, host: c.test}}, expect: {upstream: {headers: {':path': [/public/p]}}}
its body is a text
    request: {body: ä}, expect: {upstream: {body: ä}}
its body is JSON
    request: {body: {json: {b: null, a: 1}}}, expect: {upstream: {body: '{"a":1,"b":null}'}}
its body is the JSON null
    request: {body: {json: null}}, expect: {upstream: {body: 'null'}}
its body is bytes
    request: {body: {base64: AAE=}}, expect: {upstream: {body: {base64: AAE=}}}
its body is what a file has
    request: {body: {file: body.bin}}, expect: {upstream: {body: from a file}}
its trailers come last
    request: {body: a, trailers: {t: [u, v]}}, expect: {upstream: {trailers: {t: [u, v]}}}
"#,
    );
}

#[test]
fn a_request_that_says_nothing_is_a_get_of_example_com() {
    check(
        "filter: {wasm: probe.wasm, config: l}",
        r#"
there are no defaults
    expect: {upstream: {method: GET, path: /, headers: {':scheme': http, ':authority': example.com}}}
"#,
    );
}

#[test]
fn a_response_is_what_it_says() {
    check_beside(
        "filter: {wasm: filter.wasm, config: /admin}
  defaults: {request: {path: /public}, response: {status: 201, headers: {server: up}, body: usual}}",
        &[("body.bin", "from a file")],
        r#"
its defaults are the scenario's
    expect: {response: {status: 201, headers: {server: up}, body: usual}}
what it leaves out comes from them
    response: {status: 404}, expect: {response: {status: 404, headers: {server: up}, body: usual}}
its own header replaces theirs
    response: {headers: {Server: [a, b]}}, expect: {response: {headers: {server: [a, b]}, body: usual}}
its body is JSON
    response: {body: {json: [1]}}, expect: {response: {body: {json: [1.0]}}}
its body is what a file has
    response: {body: {file: body.bin}, trailers: {t: u}}, expect: {response: {body: from a file, trailers: {t: u}}}
"#,
    );
    check(
        GATE,
        "without a status it is 200\n    request: {path: /public}, expect: {response: {status: 200}}",
    );
}

/// The probe replies with the bytes that it reads, as a filter gets them.
#[test]
fn a_property_has_the_bytes_of_its_type() {
    check(
        "filter: {wasm: probe.wasm, config: pp}",
        r#"
a text
    request: {properties: {p: ä}}, expect: {reply: {body: ä}}
an integer is signed
    request: {properties: {p: -2}}, expect: {reply: {body: {base64: /v////////8=}}}
a boolean is one byte
    request: {properties: {p: true}}, expect: {reply: {body: {base64: AQ==}}}
a number with a fraction is a double
    request: {properties: {p: 0.5}}, expect: {reply: {body: {base64: AAAAAAAA4D8=}}}
a text by its type
    request: {properties: {p: {string: 'true'}}}, expect: {reply: {body: 'true'}}
an integer by its type
    request: {properties: {p: {int: 258}}}, expect: {reply: {body: {base64: AgEAAAAAAAA=}}}
an unsigned integer
    request: {properties: {p: {uint: 18446744073709551615}}}, expect: {reply: {body: {base64: '//////////8='}}}
a double by its type
    request: {properties: {p: {double: 1}}}, expect: {reply: {body: {base64: AAAAAAAA8D8=}}}
a boolean by its type
    request: {properties: {p: {bool: false}}}, expect: {reply: {body: {base64: AA==}}}
bytes
    request: {properties: {p: {bytes: AAH/}}}, expect: {reply: {body: {base64: AAH/}}}
a time is nanoseconds since 1970
    request: {properties: {p: {timestamp: '1970-01-01T00:00:01Z'}}}, expect: {reply: {body: {base64: AMqaOwAAAAA=}}}
a time as a number
    request: {properties: {p: {timestamp: 258}}}, expect: {reply: {body: {base64: AgEAAAAAAAA=}}}
a length of time is nanoseconds
    request: {properties: {p: {duration: 258ns}}}, expect: {reply: {body: {base64: AgEAAAAAAAA=}}}
a map is walked by its keys
    config: "pp\0b", request: {properties: {p: {map: {a: x, b: {int: 258}}}}}, expect: {reply: {body: {base64: AgEAAAAAAAA=}}}
a list is walked by numbers
    config: "pp\01", request: {properties: {p: {list: [v, w]}}}, expect: {reply: {body: w}}
JSON is walked, too
    config: "pp\0a\01", request: {properties: {p: {json: {a: [v, w]}}}}, expect: {reply: {body: w}}
a path has dots
    config: "pa\0b", request: {properties: {a.b: c}}, expect: {reply: {body: c}}
a path with dots in a segment is a list in JSON
    config: "pa.b\0c", request: {properties: {'["a.b", "c"]': d}}, expect: {reply: {body: d}}
reading fails as it says
    request: {properties: {p: {error: SERIALIZATION_FAILURE}}}, expect: {reply: {status: 503}}
reading fails with another status
    request: {properties: {p: {error: INTERNAL_FAILURE}}}, expect: {reply: {status: 510}}
what is not given is not found
    expect: {reply: {status: 501}}
a property of the request goes before the scenario's
    request: {properties: {p: own}}, expect: {reply: {body: own}}
"#,
    );
}

#[test]
fn what_a_request_says_of_its_connection_are_properties() {
    check(
        "filter: {wasm: probe.wasm}\n  defaults: {request: {source: '10.0.0.7:5000', sni: usual.test}}",
        r#"
where the client is
    config: "psource\0address", expect: {reply: {body: '10.0.0.7:5000'}}
its port
    config: "psource\0port", request: {source: '10.0.0.7:258'}, expect: {reply: {body: {base64: AgEAAAAAAAA=}}}
where it came to
    config: "pdestination\0address", request: {destination: '10.0.0.8:443'}, expect: {reply: {body: '10.0.0.8:443'}}
without a certificate
    config: "pconnection\0mtls", expect: {reply: {body: {base64: AA==}}}
with a certificate
    config: "pconnection\0mtls", request: {mtls: true}, expect: {reply: {body: {base64: AQ==}}}
whoever shows a name shows a certificate
    config: "pconnection\0mtls", request: {dnsSan: a.test}, expect: {reply: {body: {base64: AQ==}}}
its URI
    config: "pconnection\0uri_san_peer_certificate", request: {uriSan: 'spiffe://a/b'}, expect: {reply: {body: 'spiffe://a/b'}}
its DNS name
    config: "pconnection\0dns_san_peer_certificate", request: {dnsSan: a.test}, expect: {reply: {body: a.test}}
its subject
    config: "pconnection\0subject_peer_certificate", request: {subject: CN=a}, expect: {reply: {body: CN=a}}
the server's name
    config: "pconnection\0requested_server_name", expect: {reply: {body: usual.test}}
the protocol
    config: "prequest\0protocol", request: {protocol: HTTP/2}, expect: {reply: {body: HTTP/2}}
metadata of another filter
    config: "pmetadata\0filter_metadata\0jwt.authn\0sub", request: {metadata: {jwt.authn: {sub: alice}}}, expect: {reply: {body: alice}}
"#,
    );
}
