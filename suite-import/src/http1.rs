//! The head of an HTTP/1 message, as suites write it in the content of a phase of headers.
//!
//! The plugin sees the headers of HTTP/2: the first line becomes pseudo headers, the host moves to `:authority`, and names are in
//! lower case. Lines may end without a carriage return, and the empty line at the end may be missing; what follows it is not read.
//!
//! The tester hands targets to a browser's parser. A path that this parser would rewrite is refused here, as it is there.

use std::fmt;

use crate::header::Header;

/// Which message a head is of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Head {
    /// It starts like `GET /path HTTP/1.1`.
    Request,
    /// It starts like `HTTP/1.1 200 OK`.
    Response,
}

/// Why a head could not be read.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct HeadError {
    /// The line of the content, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} of the content: {}", self.line, self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for HeadError {}

/// Reads a head: pseudo headers first, then the headers in their order.
///
/// ```
/// use outgate_suite_import::{Header, http1};
///
/// let text = b"GET http://Shop.test:80/a?b HTTP/1.1\nX-Tag: 1\nx-tag: 2\n";
/// assert_eq!(http1::parse(text, http1::Head::Request)?, [
///     Header::new(":method", "GET"),
///     Header::new(":scheme", "http"),
///     Header::new(":path", "/a?b"),
///     Header::new(":authority", "shop.test"),
///     Header::new("x-tag", "1"),
///     Header::new("x-tag", "2"),
/// ]);
/// # Ok::<(), http1::HeadError>(())
/// ```
///
/// # Errors
///
/// A first line that is not of the message, a target that is neither a path nor a URL, a line that is no header.
pub fn parse(content: &[u8], head: Head) -> Result<Vec<Header>, HeadError> {
    let mut lines = lines(content).skip_while(|(_, line)| line.is_empty());
    let Some((number, first)) = lines.next() else {
        return Err(Flaw::new("there is no first line").help(head.example()).on_line(1));
    };
    let mut headers = Vec::new();
    for (number, line) in lines.take_while(|(_, line)| !line.is_empty()) {
        headers.push(header(line).map_err(|flaw| flaw.on_line(number))?);
    }
    let pseudo = match head {
        Head::Request => request_line(first, &mut headers),
        Head::Response => status_line(first),
    };
    let pseudo = pseudo.map_err(|flaw| flaw.help(head.example()).on_line(number))?;
    Ok(pseudo.into_iter().chain(headers).collect())
}

impl Head {
    fn example(self) -> &'static str {
        match self {
            Self::Request => "requests start like `GET /path HTTP/1.1` or `GET https://host/path HTTP/1.1`",
            Self::Response => "responses start like `HTTP/1.1 200 OK`",
        }
    }
}

/// The lines with their numbers, without what ends them.
fn lines(content: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let lines = content.split(|&byte| byte == b'\n');
    lines
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .zip(1..)
        .map(|(line, number)| (number, line))
}

fn request_line(line: &[u8], headers: &mut Vec<Header>) -> Result<Vec<Header>, Flaw> {
    let words = words(line)?;
    // HTTP/0.9 had no version, and the tester's parser still takes such lines.
    let (&[method, target] | &[method, target, _]) = words.as_slice() else {
        return Err(Flaw::new("the first line is not a method, a target and a version"));
    };
    if words.get(2).is_some_and(|version| !version.starts_with("HTTP/")) {
        return Err(Flaw::new(format!("`{}` is no version of HTTP", words[2])));
    }
    if !is_token(method.as_bytes()) {
        return Err(Flaw::new(format!("`{method}` is no method")));
    }
    let mut pseudo = vec![Header::new(":method", method)];
    if target.starts_with('/') {
        // Two slashes are another host's name to a browser; a fragment stays with it.
        if would_be_rewritten(target) || target.starts_with("//") || target.contains('#') {
            return Err(rewritten(target));
        }
        pseudo.push(Header::new(":path", target));
        // The first one counts, and all of them go.
        if let Some(host) = headers.iter().find(|header| header.key == "host")
            && !host.value.is_empty()
        {
            pseudo.push(Header::new(":authority", host.value.clone()));
            headers.retain(|header| header.key != "host");
        }
    } else {
        let url = Url::parse(target)?;
        pseudo.push(Header::new(":scheme", url.scheme));
        pseudo.push(Header::new(":path", url.path));
        pseudo.push(Header::new(":authority", url.authority));
        headers.retain(|header| header.key != "host");
    }
    Ok(pseudo)
}

fn status_line(line: &[u8]) -> Result<Vec<Header>, Flaw> {
    match words(line)?.as_slice() {
        [version, status, ..] if version.starts_with("HTTP/") && is_status(status) => {
            Ok(vec![Header::new(":status", *status)])
        }
        _ => Err(Flaw::new(
            "the first line is not a version and a status of three digits",
        )),
    }
}

fn is_status(word: &str) -> bool {
    word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit())
}

fn words(line: &[u8]) -> Result<Vec<&str>, Flaw> {
    match std::str::from_utf8(line) {
        Ok(line) => Ok(line.split_ascii_whitespace().collect()),
        Err(_) => Err(Flaw::new("the first line is not UTF-8")),
    }
}

fn header(line: &[u8]) -> Result<Header, Flaw> {
    if line.starts_with(b" ") || line.starts_with(b"\t") {
        return Err(
            Flaw::new("this line starts with a blank").help("write each header on one line, without indentation")
        );
    }
    let Some(colon) = line.iter().position(|&byte| byte == b':') else {
        return Err(Flaw::new("this line has no colon").help("headers are written `name: value`"));
    };
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    if !is_token(name) {
        let flaw = Flaw::new(format!("`{}` is no name of a header", String::from_utf8_lossy(name)));
        return Err(match name {
            [] => flaw.help("pseudo headers come from the first line; or write the headers as `header` entries"),
            _ => flaw,
        });
    }
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    Ok(Header::new(name, value))
}

/// RFC 9110, 5.6.2.
fn is_token(name: &[u8]) -> bool {
    let is_mark = |byte| b"!#$%&'*+-.^_`|~".contains(byte);
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || is_mark(byte))
}

struct Url {
    scheme: String,
    authority: String,
    path: String,
}

impl Url {
    fn parse(target: &str) -> Result<Self, Flaw> {
        let not_a_target = || Flaw::new(format!("the target `{target}` is neither a path nor a URL"));
        let (scheme, rest) = target.split_once("://").ok_or_else(not_a_target)?;
        let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        if !is_scheme {
            return Err(not_a_target());
        }
        let scheme = scheme.to_ascii_lowercase();
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let authority = host_and_port(authority, &scheme).ok_or_else(not_a_target)?;
        let path = path.split('#').next().unwrap_or_default();
        if would_be_rewritten(path) {
            return Err(rewritten(target));
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self {
            scheme,
            authority,
            path: format!("{slash}{path}"),
        })
    }
}

/// The host in lower case, with the port unless the scheme implies it.
fn host_and_port(authority: &str, scheme: &str) -> Option<String> {
    let (_, authority) = authority.rsplit_once('@').unwrap_or(("", authority));
    // The colons of an IPv6 address stand inside of its brackets.
    let colon = authority.rfind(':').filter(|&colon| !authority[colon..].contains(']'));
    let (host, port) = match colon {
        Some(colon) => (&authority[..colon], &authority[colon + 1..]),
        None => (authority, ""),
    };
    if host.is_empty() || !host.is_ascii() {
        return None;
    }
    let host = host.to_ascii_lowercase();
    if port.is_empty() {
        return Some(host);
    }
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let port: u16 = port.parse().ok()?;
    let implied = matches!(
        (scheme, port),
        ("http" | "ws", 80) | ("https" | "wss", 443) | ("ftp", 21)
    );
    Some(if implied { host } else { format!("{host}:{port}") })
}

/// Whether a browser's parser resolves or escapes something in a path with its query.
fn would_be_rewritten(path_and_query: &str) -> bool {
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    let dots = path.split('/').any(|segment| {
        let segment = segment.to_ascii_lowercase().replace("%2e", ".");
        segment == "." || segment == ".."
    });
    let escaped = |text: &str, marks: &str| text.chars().any(|c| !c.is_ascii_graphic() || marks.contains(c));
    dots || escaped(path, "\"<>`{}\\^|") || escaped(query, "\"<>'")
}

fn rewritten(target: &str) -> Flaw {
    Flaw::new(format!("a browser would not send the path of `{target}` as it stands"))
}

/// What is wrong, on a line that the caller knows.
struct Flaw {
    message: String,
    help: Option<String>,
}

impl Flaw {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
        }
    }

    fn help(mut self, help: &str) -> Self {
        self.help = Some(help.to_owned());
        self
    }

    fn on_line(self, line: usize) -> HeadError {
        HeadError {
            line,
            message: self.message,
            help: self.help,
        }
    }
}
