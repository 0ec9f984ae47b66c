//! Heads of HTTP/1 messages become the headers that a plugin sees.

use outgate_suite_import::http1::{Head, parse};

fn printed(content: &[u8], head: Head) -> String {
    match parse(content, head) {
        Ok(headers) => {
            let lines = headers.iter().map(|header| {
                let value = header.value.escape_ascii();
                format!("{}={value}", header.key)
            });
            lines.collect::<Vec<_>>().join(" ")
        }
        Err(error) => format!("error on line {}: {}", error.line, error.message),
    }
}

#[test]
fn requests() {
    for (content, expected) in [
        ("GET / HTTP/1.1", ":method=GET :path=/"),
        ("GET / HTTP/1.1\r\n\r\n", ":method=GET :path=/"),
        ("\r\n\nGET / HTTP/1.1\n", ":method=GET :path=/"),
        ("GET /", ":method=GET :path=/"),
        (
            "GET /a?b=c&d HTTP/1.0\nhOsT: H:81\nX-A:1\n",
            ":method=GET :path=/a?b=c&d :authority=H:81 x-a=1",
        ),
        (
            "POST / HTTP/1.1\nA: 1\nHost: h\nB: 2\na: 3\nHost: other",
            ":method=POST :path=/ :authority=h a=1 b=2 a=3",
        ),
        ("GET / HTTP/1.1\nHost:\n", ":method=GET :path=/ host="),
        ("GET / HTTP/1.1\nA:  b c\t\nD:\n", ":method=GET :path=/ a=b c d="),
        ("GET / HTTP/1.1\nA: 1\n\nB: not read", ":method=GET :path=/ a=1"),
        (
            "GET https://h HTTP/1.1",
            ":method=GET :scheme=https :path=/ :authority=h",
        ),
        (
            "GET https://h?q#f HTTP/1.1",
            ":method=GET :scheme=https :path=/?q :authority=h",
        ),
        (
            "GET HTTPS://u:p@H.Test:443/A#f HTTP/1.1\nHost: x",
            ":method=GET :scheme=https :path=/A :authority=h.test",
        ),
        (
            "GET http://h:443/ HTTP/1.1",
            ":method=GET :scheme=http :path=/ :authority=h:443",
        ),
        (
            "GET http://h:/ HTTP/1.1",
            ":method=GET :scheme=http :path=/ :authority=h",
        ),
        (
            "GET http://[::1]/ HTTP/1.1",
            ":method=GET :scheme=http :path=/ :authority=[::1]",
        ),
        (
            "GET http://[::1]:8080/ HTTP/1.1",
            ":method=GET :scheme=http :path=/ :authority=[::1]:8080",
        ),
    ] {
        assert_eq!(printed(content.as_bytes(), Head::Request), expected, "{content:?}");
    }
}

#[test]
fn responses() {
    for (content, expected) in [
        ("HTTP/1.1 200 OK\r\nA: 1\r\nA: 2\r\n", ":status=200 a=1 a=2"),
        ("HTTP/1.1 404", ":status=404"),
        ("HTTP/1.1 500 two words\nHost: stays", ":status=500 host=stays"),
    ] {
        assert_eq!(printed(content.as_bytes(), Head::Response), expected, "{content:?}");
    }
    let bytes = b"HTTP/1.1 200 OK\nA: \xFFx";
    assert_eq!(printed(bytes, Head::Response), r":status=200 a=\xffx");
}

#[test]
fn broken_requests_are_refused_where_they_break() {
    for (content, line) in [
        ("", 1),
        ("\n\r\n", 1),
        ("GET", 1),
        ("\nGET", 2),
        ("G(T / HTTP/1.1", 1),
        ("GET /a b HTTP/1.1", 1),
        ("GET / FTP/1", 1),
        ("GET a HTTP/1.1", 1),
        ("OPTIONS * HTTP/1.1", 1),
        ("CONNECT h:443 HTTP/1.1", 1),
        ("GET ://h/ HTTP/1.1", 1),
        ("GET 1x://h/ HTTP/1.1", 1),
        ("GET http:///a HTTP/1.1", 1),
        ("GET http://h:x/ HTTP/1.1", 1),
        ("GET http://h:99999/ HTTP/1.1", 1),
        ("GET http://h/a/../b HTTP/1.1", 1),
        ("GET http://h/a/%2E HTTP/1.1", 1),
        ("GET http://h/{a} HTTP/1.1", 1),
        ("GET /a/../b HTTP/1.1", 1),
        ("GET /{a} HTTP/1.1", 1),
        ("GET //h/a HTTP/1.1", 1),
        ("GET /a#b HTTP/1.1", 1),
        ("GET / HTTP/1.1\nno colon", 2),
        ("GET / HTTP/1.1\nA: 1\n folded", 3),
        ("GET / HTTP/1.1\n:path: /x", 2),
        ("GET / HTTP/1.1\nA : 1", 2),
        ("HTTP/1.1 200 OK", 1),
    ] {
        let error = parse(content.as_bytes(), Head::Request).expect_err(content);
        assert_eq!(error.line, line, "{content:?}: {error}");
    }
}

#[test]
fn broken_responses_are_refused() {
    for content in [
        "",
        "200 OK",
        "HTTP/1.1",
        "HTTP/1.1 OK",
        "HTTP/1.1 20",
        "HTTP/1.1 2000",
        "GET / HTTP/1.1",
    ] {
        assert!(parse(content.as_bytes(), Head::Response).is_err(), "{content:?}");
    }
    assert!(parse(b"HTTP/1.1 200 \xFF", Head::Response).is_err());
}
