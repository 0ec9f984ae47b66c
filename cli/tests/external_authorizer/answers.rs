//! What the authorizer answers, by the last segment of the path that it is asked about.

use std::time::Duration;

use crate::server::{Act, Answer, Asked};

/// Longer than any timeout of a provider under test is short, shorter than any that is long.
pub(crate) const A_WHILE: Duration = Duration::from_millis(150);
pub(crate) const LARGE: usize = 1 << 20;

pub(crate) fn answer(asked: &Asked) -> Act {
    let has_body = asked.method != "HEAD";
    let answer = match asked.last_segment() {
        "silent" => return Act::silence(),
        "reset" => return Act::cut(""),
        "cut-head" => return Act::cut("HTTP/1.1 403 Forbidden\r\nx-why: "),
        "cut-body" => return Act::cut("HTTP/1.1 403 Forbidden\r\ncontent-length: 100\r\n\r\nno more"),
        "garbage" => return Act::bytes("this is no HTTP\r\n\r\n"),
        "late" => return Answer::new(200).sized(has_body).after(A_WHILE),
        "late-denial" => return Answer::new(403).body("too late").sized(has_body).after(A_WHILE),
        "continue" => return Act::bytes("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
        "chunked" => {
            return Answer::new(403)
                .header("x-why", "chunks")
                .body("one two three")
                .chunked(4);
        }
        "large-chunked" => return Answer::new(403).body(large()).chunked(10_000),
        "until-closed" => return Answer::new(403).body("and that was it").until_closed(),
        "no-content" => return Act::bytes("HTTP/1.1 204 No Content\r\nx-why: nothing\r\n\r\n"),
        "not-modified" => return Act::bytes("HTTP/1.1 304 Not Modified\r\netag: \"x\"\r\n\r\n"),
        "large" => Answer::new(403).body(large()),
        "ok" => Answer::new(200).body("an answer of 200 may have a body"),
        "headers" => with_headers(200),
        "denial-headers" => with_headers(403).body("no"),
        "user" => Answer::new(200).header("x-user", "alice"),
        "guest" => Answer::new(200).header("x-user", "guest"),
        "host" => Answer::new(200).header("host", "b.com").header("x-up-host", "b"),
        "unauthorized" => Answer::new(401)
            .header("www-authenticate", "Basic realm=\"x\"")
            .header("content-type", "text/html")
            .body("<p>who are you?</p>"),
        "redirect" => Answer::new(302).header("location", "https://login.example/?back=%2F"),
        "too-many" => Answer::new(429).header("retry-after", "7").body("slowly"),
        "created" => Answer::new(201).body("not what was asked for"),
        "json" => Answer::new(403)
            .header("content-type", "application/json")
            .body("{\"why\":\"no\"}"),
        "binary" => Answer::new(403).body(*b"\x00\xff\xfe\r\n\r\n"),
        "empty" => Answer::new(403),
        "many" => (0..90).fold(Answer::new(403), |answer, number| {
            answer.header(&format!("x-why-{number}"), &"v".repeat(number))
        }),
        "grpc" => Answer::new(403)
            .header("content-type", "application/grpc")
            .header("grpc-status", "16")
            .header("grpc-message", "own words"),
        status => match status.parse() {
            Ok(status) => Answer::new(status).header("x-why", "as asked").body("as asked"),
            // A path that is about no answer in particular.
            Err(_) => Answer::new(200),
        },
    };
    answer.sized(has_body)
}

fn large() -> Vec<u8> {
    let letters = b"abcdefghijklmnopqrstuvwxyz";
    letters.iter().copied().cycle().take(LARGE).collect()
}

/// Headers of every kind that a provider may let through, or not.
fn with_headers(status: u16) -> Answer {
    Answer::new(status)
        .header("X-User", "alice")
        .header("x-up-a", "1")
        .header("x-up-a", "2")
        .header("x-up-empty", "")
        .header("x-other", "not passed on")
        .header("x-why", "because")
        .header("set-cookie", "a=1; Path=/")
        .header("set-cookie", "b=2")
        .header("server", "authz/1")
        .header("date", "Thu, 01 Jan 1970 00:00:00 GMT")
        .header("content-type", "text/x-own")
        .header("connection", "keep-alive")
        .header("x-envoy-upstream-service-time", "12345")
        .header("x-envoy-auth-headers-to-remove", " X-Secret ,cookie,,:path, host")
        .header("x-envoy-auth-headers-to-remove", "x-up-removed")
}
