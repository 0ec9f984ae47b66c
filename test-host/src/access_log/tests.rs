//! What formats print, and which are refused.

use serde_json::json;

use super::{AccessLogFormat, LogEntry};
use crate::header_map::HeaderMap;
use crate::property::Property;

/// A stream that was answered, and one of which nothing is known.
struct Stream {
    request: HeaderMap,
    response: Option<HeaderMap>,
    trailers: HeaderMap,
    filter_state: Vec<(String, Vec<u8>)>,
    properties: Vec<(&'static str, Property)>,
}

impl Stream {
    fn full() -> Self {
        let headers = |lines: &[(&str, &str)]| lines.iter().copied().collect::<HeaderMap>();
        let metadata =
            json!({"text": "gold", "whole": 3, "part": 1.5, "yes": true, "null": null, "deep": {"list": [1, "a"]}});
        Self {
            request: headers(&[
                (":method", "GET"),
                (":path", "/status/418?token=secret#x"),
                (":authority", "test.com"),
                ("x-twice", "first"),
                ("x-twice", "second"),
                ("x-empty", ""),
                ("x-word", "häuser"),
                ("content-type", "application/grpc+proto"),
            ]),
            response: Some(headers(&[(":status", "418"), ("server", "teapot")])),
            trailers: headers(&[("grpc-status", "7"), ("x-sum", "1")]),
            filter_state: vec![
                ("wasm.decision".to_owned(), b"deny".to_vec()),
                ("wasm.bytes".to_owned(), vec![0xff, 0]),
            ],
            properties: vec![
                ("source.address", "10.0.0.7:55123".into()),
                ("destination.address", "[::1]:8443".into()),
                ("connection.id", Property::Uint(42)),
                ("connection.requested_server_name", "test.com".into()),
                ("connection.uri_san_peer_certificate", "spiffe://td/ns/a/sa/b".into()),
                (
                    "connection.dns_san_peer_certificate",
                    Property::List(vec!["a.com".into(), "b.com".into()]),
                ),
                ("connection.subject_peer_certificate", "CN=b,O=td".into()),
                ("connection.uri_san_local_certificate", "spiffe://td/ns/a/sa/gw".into()),
                ("connection.subject_local_certificate", "CN=gw".into()),
                ("connection.tls_version", "TLSv1.3".into()),
                ("connection.termination_details", "rbac_denied".into()),
                ("upstream.address", "10.1.0.1:443".into()),
                ("upstream.local_address", "/run/gateway.sock".into()),
                ("upstream.transport_failure_reason", "TLS error: bad cert".into()),
                ("xds.cluster_name", "outbound|443||test.com".into()),
                ("xds.route_name", "default".into()),
                ("metadata.filter_metadata.tier", Property::from(&metadata)),
            ],
        }
    }

    fn empty() -> Self {
        Self {
            request: HeaderMap::new(),
            response: None,
            trailers: HeaderMap::new(),
            filter_state: Vec::new(),
            properties: Vec::new(),
        }
    }

    /// Hands over the entry of this stream. When nothing is known, nothing is.
    fn log<T>(&self, log: impl FnOnce(&LogEntry<'_>) -> T) -> T {
        let properties = |path: &[&str]| {
            self.properties.iter().find_map(|(known, value)| {
                let known: Vec<&str> = known.split('.').collect();
                let rest = path.strip_prefix(&known[..])?;
                value.walk(rest.iter().map(|segment| segment.as_bytes())).cloned()
            })
        };
        let is_known = self.response.is_some();
        log(&LogEntry {
            request_headers: &self.request,
            response_headers: self.response.as_ref(),
            response_trailers: &self.trailers,
            filter_state: &self.filter_state,
            status: if is_known { 418 } else { 0 },
            details: if is_known { "via upstream\tand back" } else { "" },
            flags: if is_known { "UF,URX" } else { "" },
            bytes_received: if is_known { 12 } else { 0 },
            bytes_sent: if is_known { 345 } else { 0 },
            duration_ns: if is_known { 67_900_000 } else { 0 },
            request_duration_ns: is_known.then_some(1_000_000),
            response_duration_ns: is_known.then_some(60_500_000),
            // 2016-04-15, a Friday, and a leap year.
            start_time_ns: if is_known { 1_460_751_420_310_204_906 } else { 0 },
            protocol: if is_known { "HTTP/2" } else { "" },
            properties: &properties,
        })
    }

    fn text(&self, format: &str) -> String {
        let format = AccessLogFormat::text(format).unwrap_or_else(|error| panic!("{format}: {error}"));
        self.log(|entry| format.render(entry))
    }

    fn json(&self, format: &serde_json::Value) -> String {
        let format = AccessLogFormat::json(format).unwrap_or_else(|error| panic!("{format}: {error}"));
        self.log(|entry| format.render(entry))
    }
}

#[test]
fn texts() {
    let rows = [
        ("nothing", "", ""),
        ("no operator", "a b\n", "a b\n"),
        ("a percent sign", "100%% %%PROTOCOL%%", "100% %PROTOCOL%"),
        (
            "between literals",
            "[%PROTOCOL%]%BYTES_SENT%%BYTES_RECEIVED%.",
            "[HTTP/2]34512.",
        ),
        ("empty parentheses", "%PROTOCOL()%", "HTTP/2"),
        ("a request header, without case", "%REQ(:Method)%", "GET"),
        ("host is :authority", "%REQ(HOST)%", "test.com"),
        ("the first of two lines", "%REQ(X-TWICE)%", "first"),
        ("an empty header is there", "<%REQ(X-EMPTY?:METHOD)%>", "<>"),
        ("an absent header", "%REQ(X-NONE)%", "-"),
        ("the alternative", "%REQ(X-NONE?:METHOD)%", "GET"),
        ("no alternative either", "%REQ(X-NONE?X-NONE-EITHER)%", "-"),
        ("the first of two names", "%REQ(:METHOD?:PATH)%", "GET"),
        ("a length", "%REQ(:PATH):7%", "/status"),
        ("a length of nothing", "<%REQ(:PATH):0%>", "<>"),
        ("a length that is long enough", "%REQ(:METHOD):99%", "GET"),
        ("a length through a character", "%REQ(X-WORD):2%", "h\u{fffd}"),
        ("a length does not shorten what is absent", "%REQ(X-NONE):0%", "-"),
        ("a path without its query", "%REQ_WITHOUT_QUERY(:PATH)%", "/status/418"),
        (
            "a path without its query, shortened",
            "%REQ_WITHOUT_QUERY(X-NONE?:PATH):4%",
            "/sta",
        ),
        ("a response header", "%RESP(SERVER)% %RESP(:STATUS)%", "teapot 418"),
        ("a trailer", "%TRAILER(X-SUM)%", "1"),
        ("filter state, plain", "%FILTER_STATE(wasm.decision:PLAIN)%", "deny"),
        (
            "filter state, plain, shortened",
            "%FILTER_STATE(wasm.decision:PLAIN):2%",
            "de",
        ),
        (
            "filter state that is no text",
            "%FILTER_STATE(wasm.bytes:PLAIN)%",
            "\u{fffd}\0",
        ),
        ("no such filter state", "%FILTER_STATE(wasm.none:PLAIN)%", "-"),
        ("filter state needs its prefix", "%FILTER_STATE(decision:PLAIN)%", "-"),
        (
            "filter state, typed by default",
            "%FILTER_STATE(wasm.decision)%",
            r#"{"@type":"type.googleapis.com/google.protobuf.BytesValue","value":"ZGVueQ=="}"#,
        ),
        (
            "filter state, typed, shortened",
            "%FILTER_STATE(wasm.decision:TYPED):9%",
            r#"{"@type":"#,
        ),
        (
            "a field of filter state",
            "%FILTER_STATE(wasm.decision:FIELD:name)%",
            "-",
        ),
        ("metadata: text", "%DYNAMIC_METADATA(tier:text)%", "gold"),
        (
            "metadata: whole and fraction",
            "%DYNAMIC_METADATA(tier:whole)% %DYNAMIC_METADATA(tier:part)%",
            "3 1.5",
        ),
        ("metadata: inside", "%DYNAMIC_METADATA(tier:deep:list)%", r#"[1,"a"]"#),
        ("metadata: null", "%DYNAMIC_METADATA(tier:null)%", "-"),
        (
            "metadata: no such namespace",
            "%DYNAMIC_METADATA(none)% %DYNAMIC_METADATA(none:a)%",
            "- -",
        ),
        (
            "metadata by its new name, shortened",
            "%METADATA(DYNAMIC:tier:text):2%",
            "go",
        ),
        (
            "details have no spaces",
            "%RESPONSE_CODE_DETAILS%",
            "via_upstream_and_back",
        ),
        (
            "details with spaces",
            "%RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES)%",
            "via upstream\tand back",
        ),
        ("status and flags", "%RESPONSE_CODE% %RESPONSE_FLAGS%", "418 UF,URX"),
        (
            "durations are whole milliseconds",
            "%DURATION% %REQUEST_DURATION% %RESPONSE_DURATION%",
            "67 1 60",
        ),
        ("the rest of the response", "%RESPONSE_TX_DURATION%", "7"),
        ("the client", "%DOWNSTREAM_REMOTE_ADDRESS%", "10.0.0.7:55123"),
        (
            "its parts",
            "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_REMOTE_PORT%",
            "10.0.0.7 55123",
        ),
        (
            "the direct client",
            "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS% %DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%",
            "10.0.0.7:55123 10.0.0.7",
        ),
        (
            "an IPv6 address",
            "%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_LOCAL_PORT%",
            "[::1]:8443 ::1 8443",
        ),
        (
            "a socket that has no port",
            "%UPSTREAM_LOCAL_ADDRESS% %UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %UPSTREAM_LOCAL_PORT%",
            "/run/gateway.sock /run/gateway.sock -",
        ),
        ("connection", "%CONNECTION_ID% %REQUESTED_SERVER_NAME%", "42 test.com"),
        (
            "the peer's certificate",
            "%DOWNSTREAM_PEER_URI_SAN% %DOWNSTREAM_PEER_DNS_SAN% %DOWNSTREAM_PEER_SUBJECT%",
            "spiffe://td/ns/a/sa/b a.com,b.com CN=b,O=td",
        ),
        (
            "the own certificate",
            "%DOWNSTREAM_LOCAL_URI_SAN% %DOWNSTREAM_LOCAL_SUBJECT% %DOWNSTREAM_TLS_VERSION%",
            "spiffe://td/ns/a/sa/gw CN=gw TLSv1.3",
        ),
        (
            "upstream",
            "%UPSTREAM_HOST% %UPSTREAM_CLUSTER% %ROUTE_NAME%",
            "10.1.0.1:443 outbound|443||test.com default",
        ),
        (
            "reasons",
            "%UPSTREAM_TRANSPORT_FAILURE_REASON% %CONNECTION_TERMINATION_DETAILS%",
            "TLS_error:_bad_cert rbac_denied",
        ),
        (
            "the gRPC status of the trailers",
            "%GRPC_STATUS% %GRPC_STATUS(CAMEL_STRING)% %GRPC_STATUS(SNAKE_STRING)% %GRPC_STATUS(NUMBER)%",
            "PermissionDenied PermissionDenied PERMISSION_DENIED 7",
        ),
        ("the start", "%START_TIME%", "2016-04-15T20:17:00.310Z"),
        ("the end", "%EMIT_TIME%", "2016-04-15T20:17:00.378Z"),
        (
            "a time format with parentheses around it",
            "(%START_TIME(%Y/%m/%dT%H:%M:%S%z %s)%)",
            "(2016/04/15T20:17:00+0000 1460751420)",
        ),
        ("an argument with a parenthesis", "%START_TIME((%Y))%", "(2016)"),
    ];
    let stream = Stream::full();
    for (name, format, line) in rows {
        assert_eq!(stream.text(format), line, "{name}");
    }
}

#[test]
fn texts_of_a_stream_of_which_nothing_is_known() {
    let rows = [
        (
            "headers",
            "%REQ(A)% %RESP(A)% %TRAILER(A)% %REQ_WITHOUT_QUERY(:PATH)%",
            "- - - -",
        ),
        (
            "numbers that are always there",
            "%RESPONSE_CODE% %BYTES_SENT% %DURATION% %CONNECTION_ID%",
            "0 0 0 0",
        ),
        (
            "sizes",
            "%REQUEST_HEADERS_BYTES% %RESPONSE_HEADERS_BYTES% %RESPONSE_TRAILERS_BYTES%",
            "0 0 0",
        ),
        (
            "moments that never came",
            "%REQUEST_DURATION% %RESPONSE_DURATION% %RESPONSE_TX_DURATION%",
            "- - -",
        ),
        (
            "texts",
            "%PROTOCOL% %RESPONSE_CODE_DETAILS% %RESPONSE_FLAGS% %REQUESTED_SERVER_NAME%",
            "- - - -",
        ),
        (
            "addresses",
            "%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_LOCAL_PORT% %UPSTREAM_HOST%",
            "- - -",
        ),
        (
            "a request that is not gRPC",
            "%GRPC_STATUS% %GRPC_STATUS_NUMBER%",
            "- -",
        ),
        ("the epoch", "%START_TIME%", "1970-01-01T00:00:00.000Z"),
    ];
    let stream = Stream::empty();
    for (name, format, line) in rows {
        assert_eq!(stream.text(format), line, "{name}");
    }
}

#[test]
fn json_formats() {
    let any = json!({"@type": "type.googleapis.com/google.protobuf.BytesValue", "value": "ZGVueQ=="});
    let rows = [
        ("nothing", json!({}), json!({})),
        ("a number", json!({"a": "%RESPONSE_CODE%"}), json!({"a": 418})),
        (
            "a number with more around it",
            json!({"a": "%RESPONSE_CODE%."}),
            json!({"a": "418."}),
        ),
        (
            "two operators",
            json!({"a": "%DURATION%%DURATION%"}),
            json!({"a": "6767"}),
        ),
        ("a port", json!({"a": "%DOWNSTREAM_REMOTE_PORT%"}), json!({"a": 55123})),
        ("an absent value", json!({"a": "%REQ(X-NONE)%"}), json!({"a": null})),
        (
            "an absent value with more around it",
            json!({"a": "<%REQ(X-NONE)%>"}),
            json!({"a": "<->"}),
        ),
        ("an empty header", json!({"a": "%REQ(X-EMPTY)%"}), json!({"a": ""})),
        (
            "a time is a string",
            json!({"a": "%START_TIME(%s)%"}),
            json!({"a": "1460751420"}),
        ),
        (
            "typed filter state",
            json!({"a": "%FILTER_STATE(wasm.decision):3%"}),
            json!({"a": any}),
        ),
        (
            "metadata has its type",
            json!({"a": "%DYNAMIC_METADATA(tier:yes)%"}),
            json!({"a": true}),
        ),
        (
            "metadata is whole",
            json!({"a": "%METADATA(DYNAMIC:tier:deep):3%"}),
            json!({"a": {"list": [1, "a"]}}),
        ),
        (
            "constants, lists and objects",
            json!({"a": [1, true, null, "", "%%", ["%PROTOCOL%"]], "b": {"c": {"d": "x %REQ(:METHOD)%"}}}),
            json!({"a": [1, true, null, "", "%", ["HTTP/2"]], "b": {"c": {"d": "x GET"}}}),
        ),
        (
            "the name of a field is no format",
            json!({"%PROTOCOL%": "a"}),
            json!({"%PROTOCOL%": "a"}),
        ),
        (
            "a number as the gRPC status",
            json!({"a": "%GRPC_STATUS(NUMBER)%"}),
            json!({"a": 7}),
        ),
    ];
    let stream = Stream::full();
    for (name, format, line) in rows {
        assert_eq!(stream.json(&format), line.to_string(), "{name}");
    }
    let flags = json!({"flags": "%RESPONSE_FLAGS%", "details": "%RESPONSE_CODE_DETAILS%"});
    assert_eq!(Stream::empty().json(&flags), r#"{"details":null,"flags":"-"}"#);
}

#[test]
fn grpc_statuses() {
    let rows = [
        ("in the headers", Some("5"), None, "NotFound", "NOT_FOUND"),
        ("the trailers win", Some("5"), Some("0"), "OK", "OK"),
        ("made of the HTTP status", None, None, "Unknown", "UNKNOWN"),
        ("an empty one is none", Some("5"), Some(""), "NotFound", "NOT_FOUND"),
        ("one without a name", None, Some("42"), "42", "42"),
        ("one that is no number", None, Some("no"), "-1", "-1"),
    ];
    for (name, in_headers, in_trailers, camel, snake) in rows {
        let mut stream = Stream::full();
        stream.trailers.remove("grpc-status");
        if let (Some(status), Some(headers)) = (in_headers, &mut stream.response) {
            headers.add("grpc-status", status);
        }
        if let Some(status) = in_trailers {
            stream.trailers.add("grpc-status", status);
        }
        let line = stream.text("%GRPC_STATUS% %GRPC_STATUS(SNAKE_STRING)%");
        assert_eq!(line, format!("{camel} {snake}"), "{name}");
    }
    let mut stream = Stream::full();
    stream.request.set("content-type", "application/grpc-web");
    assert_eq!(stream.text("%GRPC_STATUS%"), "-", "gRPC-Web is not gRPC");
}

#[test]
fn times() {
    let rows = [
        ("before the leap day", 951_782_399, "%F %j %a", "2000-02-28 059 Mon"),
        (
            "the leap day of a century",
            951_782_400,
            "%F %j %a",
            "2000-02-29 060 Tue",
        ),
        (
            "after the leap day",
            951_868_800,
            "%F %j %A",
            "2000-03-01 061 Wednesday",
        ),
        ("no leap day in 2100", 4_107_542_400, "%F %j", "2100-03-01 060"),
        (
            "the end of a leap year",
            1_483_228_799,
            "%F %T %j",
            "2016-12-31 23:59:59 366",
        ),
        ("a new year", 1_483_228_800, "%F %T %j", "2017-01-01 00:00:00 001"),
        ("midnight", 0, "%I %l %p %k", "12 12 AM  0"),
        ("noon", 43_200, "%I:%M %p", "12:00 PM"),
        ("the evening", 72_061, "%r %R %X", "08:01:01 PM 20:01 20:01:01"),
        ("weeks", 1_460_751_420, "%U %W %u %w", "15 15 5 5"),
        ("all of it", 1_460_751_420, "%c", "Fri Apr 15 20:17:00 2016"),
        (
            "short",
            1_460_751_420,
            "%D %x %y %C %e %h %B",
            "04/15/16 04/15/16 16 20 15 Apr April",
        ),
        ("zone, tab and percent", 0, "%z %Z %t %%", "+0000 UTC \t %"),
        ("fractions", 1, "%f %1f %3f %6f %9f", "123456789 1 123 123456 123456789"),
        ("text of more than one byte", 0, "ä%Yö", "ä1970ö"),
    ];
    for (name, seconds, format, text) in rows {
        let format =
            super::time_format::TimeFormat::parse(format).unwrap_or_else(|problem| panic!("{name}: {problem:?}"));
        assert_eq!(format.format(seconds * 1_000_000_000 + 123_456_789), text, "{name}");
    }
}

#[test]
fn addresses() {
    let rows = [
        ("10.0.0.1:80", ("10.0.0.1", Some(80))),
        ("10.0.0.1", ("10.0.0.1", None)),
        ("[2001:db8::1]:443", ("2001:db8::1", Some(443))),
        ("[::1]", ("::1", None)),
        ("::1", ("::1", None)),
        ("[::1", ("[::1", None)),
        ("10.0.0.1:65536", ("10.0.0.1:65536", None)),
        ("/run/a:b", ("/run/a:b", None)),
        ("", ("", None)),
    ];
    for (address, parts) in rows {
        assert_eq!(super::address::split(address), parts, "{address}");
    }
}

#[test]
fn refused() {
    let rows = [
        (
            "an unknown name",
            "a %RESPONSE_COD%",
            "RESPONSE_COD",
            3,
            "closest to it are RESPONSE_CODE,",
        ),
        ("a header as a name", "%PATH%", "PATH", 1, "no operator %PATH%"),
        ("the column counts bytes", "ä%%%NOPE%", "NOPE", 5, "column 5"),
        ("small letters", "%req(:path)%", "req(:path)", 1, "capitals"),
        ("a percent sign alone", "100% of it", " of it", 4, "written `%%`"),
        ("a percent sign at the end", "100%", "", 4, "written `%%`"),
        ("no end", "%PROTOCOL", "PROTOCOL", 1, "does not end"),
        ("no end of the argument", "%REQ(A%", "REQ(A", 1, "does not end"),
        ("an argument of two lines", "%REQ(A\n)%", "REQ(A", 1, "does not end"),
        ("text after the argument", "%REQ(A)B%", "REQ(A)B", 1, "does not end"),
        (
            "a length that is no number",
            "%REQ(A):x%",
            "REQ(A):x",
            1,
            "does not end",
        ),
        ("a length with a sign", "%REQ(A):+1%", "REQ(A):+1", 1, "does not end"),
        (
            "a length beyond numbers",
            "%REQ(A):99999999999999999999999%",
            "REQ(A):9",
            1,
            "does not end",
        ),
        ("no argument", "%REQ%", "REQ", 1, "needs an argument"),
        ("an empty argument", "%RESP()%", "RESP", 1, "needs an argument"),
        ("three names", "%REQ(A?B?C)%", "REQ", 1, "one alternative"),
        ("no name of a header", "%REQ(A B)%", "REQ", 1, "\"A B\""),
        (
            "an argument too much",
            "%PROTOCOL(A)%",
            "PROTOCOL",
            1,
            "neither an argument nor a length",
        ),
        (
            "a length too much",
            "%PROTOCOL:3%",
            "PROTOCOL",
            1,
            "neither an argument nor a length",
        ),
        (
            "a length of a time",
            "%START_TIME(%Y):2%",
            "START_TIME",
            1,
            "takes no length",
        ),
        (
            "a length of metadata",
            "%DYNAMIC_METADATA(a:b):2%",
            "DYNAMIC_METADATA",
            1,
            "Envoy refuses a length",
        ),
        ("other metadata", "%METADATA(ROUTE:a:b)%", "METADATA", 1, "\"ROUTE\""),
        (
            "no namespace",
            "%METADATA(DYNAMIC)%",
            "METADATA",
            1,
            "needs an argument",
        ),
        (
            "filter state without a key",
            "%FILTER_STATE(:PLAIN)%",
            "FILTER_STATE",
            1,
            "needs an argument",
        ),
        (
            "a form of filter state",
            "%FILTER_STATE(a:plain)%",
            "FILTER_STATE",
            1,
            "\"plain\"",
        ),
        (
            "a field without its name",
            "%FILTER_STATE(a:FIELD)%",
            "FILTER_STATE",
            1,
            "go together",
        ),
        (
            "a name without its field",
            "%FILTER_STATE(a:PLAIN:b)%",
            "FILTER_STATE",
            1,
            "go together",
        ),
        (
            "a form of the gRPC status",
            "%GRPC_STATUS(SNAKE)%",
            "GRPC_STATUS",
            1,
            "\"SNAKE\"",
        ),
        ("a letter of a time", "%START_TIME(%Y %Q)%", "START_TIME", 1, "`%Q`"),
        (
            "a time with a percent sign at its end",
            "%START_TIME(%)%",
            "START_TIME",
            1,
            "`%`",
        ),
        (
            "a time on two lines",
            "%START_TIME(%Y%n)%",
            "START_TIME",
            1,
            "refuses `%n`",
        ),
        (
            "the machine's name",
            "%HOSTNAME%",
            "HOSTNAME",
            1,
            "cannot print %HOSTNAME%",
        ),
        ("the first of two", "%NOPE% %REQ%", "NOPE", 1, "NOPE"),
    ];
    for (name, format, operator, column, message) in rows {
        let error = AccessLogFormat::text(format).expect_err(name);
        assert!(error.operator().starts_with(operator), "{name}: {error:?}");
        assert_eq!((error.column(), error.field()), (column, ""), "{name}");
        assert!(error.to_string().contains(message), "{name}: {error}");
    }
}

#[test]
fn refused_json_says_the_field() {
    let rows = [
        ("a field", json!({"a": "x %NOPE%"}), "a", 3, "field `a`, column 3: "),
        (
            "an inner field",
            json!({"a": {"b.c": ["", {"d": "%REQ%"}]}}),
            "a.b.c[1].d",
            1,
            "field `a.b.c[1].d`",
        ),
        ("no object", json!("%PROTOCOL%"), "", 1, "not a string"),
        ("a list", json!(["%PROTOCOL%"]), "", 1, "not a list"),
    ];
    for (name, format, field, column, message) in rows {
        let error = AccessLogFormat::json(&format).expect_err(name);
        assert_eq!((error.field(), error.column()), (field, column), "{name}");
        assert!(error.to_string().contains(message), "{name}: {error}");
    }
}

/// The names that are proposed are those that there are.
#[test]
fn operators_with_an_argument_are_known() {
    for name in super::operators::WITH_ARGUMENT {
        if let Err(error) = AccessLogFormat::text(&format!("%{name}%")) {
            assert!(error.to_string().contains("needs an argument"), "{error}");
        }
    }
}

/// Every text of up to five of these pieces is refused or printed.
#[test]
fn nothing_panics() {
    const PIECES: [&str; 16] = [
        "%",
        "%%",
        "REQ",
        "START_TIME",
        "FILTER_STATE(a",
        "DYNAMIC_METADATA(tier",
        "(",
        ")",
        ":",
        "?",
        "9",
        "\n",
        "ä",
        "\0",
        "%9f",
        "99999999999999999999",
    ];
    let (full, empty) = (Stream::full(), Stream::empty());
    let mut printed = 0;
    for number in 0..PIECES.len().pow(5) {
        let mut format = String::new();
        let mut left = number;
        while left > 0 {
            format.push_str(PIECES[left % PIECES.len()]);
            left /= PIECES.len();
        }
        if let Ok(parsed) = AccessLogFormat::text(&format) {
            printed += full.log(|entry| parsed.render(entry)).len();
            empty.log(|entry| parsed.render(entry));
        }
    }
    assert!(printed > 0);
}

#[test]
fn the_end_of_time_can_be_printed() {
    Stream::full().log(|entry| {
        let entry = LogEntry {
            start_time_ns: u64::MAX,
            duration_ns: u64::MAX,
            ..*entry
        };
        let format = AccessLogFormat::text("%START_TIME% %EMIT_TIME% %DURATION%").unwrap();
        let end = "2554-07-21T23:34:33.709Z";
        assert_eq!(format.render(&entry), format!("{end} {end} 18446744073709"));
    });
}
