//! A request and what is around the filter, from flags like curl's.

use std::fs;
use std::net::SocketAddr;

use clap::Args;
use outgate_test_host::{CalloutKind, HostBuilder, Request, Response, Upstream, UpstreamReply};

use super::content;
use crate::failure::Failure;

#[derive(Args, Debug)]
#[command(next_help_heading = "Request")]
pub(crate) struct RequestFlags {
    /// Where the request goes: scheme://authority/path?query, or a path alone.
    #[arg(value_name = "URL", value_parser = url)]
    url: String,

    /// The method [default: GET, or POST with a body].
    #[arg(long = "request", short = 'X', value_name = "METHOD")]
    method: Option<String>,

    /// A header line; may be given several times.
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE", value_parser = header_line)]
    headers: Vec<(String, String)>,

    /// The body: a text, @FILE, or @- for standard input.
    #[arg(long = "data", short = 'd', value_name = "TEXT|@FILE")]
    body: Option<String>,

    /// A trailer line; may be given several times.
    #[arg(long = "trailer", value_name = "NAME: VALUE", value_parser = header_line)]
    trailers: Vec<(String, String)>,

    /// Where the client is, source.address and source.port.
    #[arg(long, value_name = "IP:PORT")]
    source: Option<SocketAddr>,

    /// The client has presented a certificate.
    #[arg(long)]
    mtls: bool,

    /// The URI in the client's certificate, such as spiffe://cluster.local/ns/shop/sa/cart. Implies --mtls.
    #[arg(long, value_name = "URI")]
    uri_san: Option<String>,

    /// The server name in the TLS handshake.
    #[arg(long, value_name = "NAME")]
    sni: Option<String>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "What answers")]
pub(crate) struct AnswerFlags {
    /// A service that the filter can call out to, and its answer: a status, a file with the body of a 200 (of a gRPC call: its
    /// message), `reset` or `timeout`; may be given several times.
    #[arg(long = "upstream", value_name = "CLUSTER=STATUS|FILE", value_parser = Answering::parse)]
    upstreams: Vec<Answering>,

    /// The status that the upstream answers the request with.
    #[arg(long = "response", value_name = "STATUS", default_value_t = 200, value_parser = clap::value_parser!(u32).range(100..=599))]
    status: u32,

    /// A header line of the upstream's response; may be given several times.
    #[arg(id = "response-header", long = "response-header", value_name = "NAME: VALUE", value_parser = header_line)]
    headers: Vec<(String, String)>,

    /// The body of the upstream's response: a text, or @FILE.
    #[arg(id = "response-body", long = "response-body", value_name = "TEXT|@FILE")]
    body: Option<String>,
}

impl RequestFlags {
    pub(crate) fn read(&self) -> Result<Request, Failure> {
        let body = self.body.as_deref().map(content::body).transpose()?;
        let usual = if body.is_some() { "POST" } else { "GET" };
        let mut request = Request::new(self.method.as_deref().unwrap_or(usual), &self.url);
        for (name, value) in &self.headers {
            // There is one of each of these, and the URL gave it.
            request = if name.starts_with(':') || name.eq_ignore_ascii_case("host") {
                request.set_header(name, value)
            } else {
                request.header(name, value)
            };
        }
        if let Some(body) = body {
            if request.headers().get("content-length").is_none() {
                request = request.header("content-length", body.len().to_string());
            }
            request = request.body(body);
        }
        for (name, value) in &self.trailers {
            request = request.trailer(name, value);
        }
        if let Some(address) = self.source {
            request = request.source_address(&address.to_string());
        }
        if self.mtls || self.uri_san.is_some() {
            request = request.mtls(true);
        }
        if let Some(uri) = &self.uri_san {
            request = request.uri_san(uri);
        }
        if let Some(name) = &self.sni {
            request = request.sni(name);
        }
        Ok(request)
    }
}

impl AnswerFlags {
    /// The upstream's response.
    pub(crate) fn response(&self) -> Result<Response, Failure> {
        let mut response = Response::new(self.status);
        for (name, value) in &self.headers {
            response = response.header(name, value);
        }
        if let Some(body) = &self.body {
            response = response.body(content::body(body)?);
        }
        Ok(response)
    }

    /// Is it said what this cluster answers?
    pub(crate) fn has_cluster(&self, name: &str) -> bool {
        self.upstreams.iter().any(|Answering { cluster, .. }| cluster == name)
    }

    /// Tells a host of the services that the filter can call.
    pub(crate) fn tell(&self, mut builder: HostBuilder) -> Result<HostBuilder, Failure> {
        for Answering { cluster, answer } in &self.upstreams {
            builder = builder.upstream(cluster, answer.upstream()?);
        }
        Ok(builder)
    }
}

/// A service by the name of its cluster, and what it answers.
#[derive(Clone, Debug)]
struct Answering {
    cluster: String,
    answer: Answer,
}

#[derive(Clone, Debug)]
enum Answer {
    Status(u32),
    Reset,
    Timeout,
    File(String),
}

impl Answering {
    fn parse(text: &str) -> Result<Self, String> {
        let (cluster, answer) = text
            .split_once('=')
            .filter(|(cluster, answer)| !cluster.is_empty() && !answer.is_empty())
            .ok_or("expected CLUSTER=STATUS or CLUSTER=FILE, such as authz=200")?;
        let answer = match answer {
            "reset" => Answer::Reset,
            "timeout" => Answer::Timeout,
            _ => match answer.parse() {
                Ok(status @ 100..=599) => Answer::Status(status),
                Ok(status) => return Err(format!("{status} is no HTTP status")),
                Err(_) => Answer::File(answer.to_owned()),
            },
        };
        Ok(Self {
            cluster: cluster.to_owned(),
            answer,
        })
    }
}

impl Answer {
    fn upstream(&self) -> Result<Upstream, Failure> {
        let upstream = Upstream::new();
        Ok(match self {
            Self::Status(status) => upstream.otherwise(UpstreamReply::status(*status)),
            Self::Reset => upstream.otherwise(UpstreamReply::reset()),
            Self::Timeout => upstream.otherwise(UpstreamReply::silence()),
            Self::File(path) => {
                let body = fs::read(path).map_err(|error| format!("{path}: {error}"))?;
                let response = Response::new(200)
                    .header("content-length", body.len().to_string())
                    .body(&body);
                upstream
                    .when(|callout| callout.kind == CalloutKind::Http, response)
                    .otherwise(UpstreamReply::grpc(body))
            }
        })
    }
}

/// What a request line can hold. Whatever else a filter is to be shown can be given as `:path`.
fn url(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(|character: char| character.is_whitespace() || character.is_control()) {
        return Err("expected scheme://authority/path?query, or a path alone, without spaces".to_owned());
    }
    Ok(text.to_owned())
}

/// A header line; the name of a pseudo header begins with a colon.
pub(crate) fn header_line(text: &str) -> Result<(String, String), String> {
    let colon = text.char_indices().skip(1).find(|(_, character)| *character == ':');
    let (name, value) = match colon {
        Some((colon, _)) => (text[..colon].trim(), text[colon + 1..].trim()),
        None => return Err("expected NAME: VALUE".to_owned()),
    };
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err(format!("`{name}` is no name of a header"));
    }
    Ok((name.to_owned(), value.to_owned()))
}
