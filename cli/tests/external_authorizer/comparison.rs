//! What is compared, and what may differ.

use std::fmt::Write;

use crate::envoy::access_log::LogLine;
use crate::gateway::Seen;
use crate::server::Asked;

/// What Envoy's own filter writes down when it stops a request, and a Wasm filter cannot.
pub(crate) const STOPPED_BY_AUTHORIZER: &str = "UAEX";

/// What a request brings along that is its own, and what is in the certificate of its connection.
const OF_THE_CONNECTION: [&str; 2] = ["x-request-id", "x-forwarded-client-cert"];

/// Fields of the log that differ from one moment or connection to the next.
const VARYING: [&str; 8] = [
    "start_time",
    "duration",
    "request_id",
    "upstream_response_time",
    "upstream_service_time",
    "upstream_local_address",
    "downstream_local_address",
    "downstream_remote_address",
];

/// Every difference between what two sides did with a request, in words.
pub(crate) fn differences(native: &Seen, ours: &Seen) -> String {
    let mut found = String::new();
    let mut compare = |what: &str, native: String, ours: String| {
        if native != ours {
            // Writing into a text cannot fail.
            let _ = writeln!(
                found,
                "  {what}\n    native: {}\n    ours:   {}",
                short(&native),
                short(&ours)
            );
        }
    };
    compare("status", native.reply.status.to_string(), ours.reply.status.to_string());
    compare(
        "headers of the reply",
        sorted(&native.reply.headers, &["x-request-id"]),
        sorted(&ours.reply.headers, &["x-request-id"]),
    );
    compare("body of the reply", native.reply.body.clone(), ours.reply.body.clone());
    compare("questions", questions(&native.asked), questions(&ours.asked));
    compare("what arrives", arrivals(&native.arrived), arrivals(&ours.arrived));
    compare("log", logged(&native.log), logged(&ours.log));
    found
}

fn questions(asked: &[Asked]) -> String {
    let shown = asked.iter().map(|asked| show(asked, &[]));
    shown.collect::<Vec<_>>().join("; ")
}

fn arrivals(arrived: &[Asked]) -> String {
    let shown = arrived.iter().map(|arrived| show(arrived, &OF_THE_CONNECTION));
    shown.collect::<Vec<_>>().join("; ")
}

fn show(asked: &Asked, without: &[&str]) -> String {
    let headers = sorted(&asked.headers, without);
    let body = asked.body.escape_ascii();
    format!("{} {} {headers} {body}", asked.method, asked.path)
}

/// By name; lines of one name stay in their order.
fn sorted(headers: &[(String, String)], without: &[&str]) -> String {
    let mut headers: Vec<_> = headers
        .iter()
        .filter(|(name, _)| !without.contains(&name.as_str()))
        .collect();
    headers.sort_by_key(|(name, _)| name);
    format!("{headers:?}")
}

fn logged(line: &LogLine) -> String {
    let is_one_sides = |name: &str| name.starts_with("outgate_");
    // How much of a body has come by the time of a reply in the upstream's place is a matter of moments.
    let is_whole = line["response_code_details"] == "via_upstream";
    let is_compared = |name: &str| match name {
        "bytes_received" => is_whole,
        name => !VARYING.contains(&name) && !is_one_sides(name),
    };
    let fields = line.iter().filter(|(name, _)| is_compared(name));
    let shown = fields.map(|(name, value)| match value.as_str() {
        STOPPED_BY_AUTHORIZER if name == "response_flags" => format!("{name}=-"),
        _ => format!("{name}={value}"),
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// A megabyte tells no more than its ends.
fn short(text: &str) -> String {
    const MOST: usize = 1500;
    if text.len() <= MOST {
        return text.to_owned();
    }
    let start: String = text.chars().take(MOST / 2).collect();
    let end: String = text
        .chars()
        .rev()
        .take(MOST / 2)
        .collect::<String>()
        .chars()
        .rev()
        .collect();
    format!("{start} … {end} ({} bytes)", text.len())
}
