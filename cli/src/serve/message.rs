//! Messages as HTTP/1.1 has them, and as a filter sees them.

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, TRAILER, TRANSFER_ENCODING};
use hyper::{HeaderMap, Method, StatusCode, Uri};
use outgate_test_host as host;

use super::origin::{Origin, ReadyBody};

/// A message that is there whole.
pub(super) struct Whole<H> {
    pub(super) head: H,
    pub(super) body: Bytes,
    pub(super) trailers: HeaderMap,
}

/// These are about one connection. Filters do not see them, in Envoy neither.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The lines that are about the message, not about its connection.
pub(super) fn end_to_end(headers: &HeaderMap) -> impl Iterator<Item = (&str, &[u8])> {
    let named = headers.get_all(CONNECTION).iter();
    let named: Vec<String> = named
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .filter(move |(name, _)| !HOP_BY_HOP.contains(name) && !named.iter().any(|known| known == name))
}

/// A request as a filter sees it.
pub(super) fn request_for_filter(whole: &Whole<hyper::http::request::Parts>) -> host::Request {
    let head = &whole.head;
    let in_header = head.headers.get("host").and_then(|value| value.to_str().ok());
    let authority = head
        .uri
        .authority()
        .map_or(in_header, |authority| Some(authority.as_str()));
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let pseudo = [
        (":authority", authority.unwrap_or_default()),
        (":path", path),
        (":method", head.method.as_str()),
        (":scheme", "http"),
    ];
    let pseudo = pseudo.map(|(name, value)| (name, value.as_bytes()));
    let lines = end_to_end(&head.headers).filter(|(name, _)| *name != "host");
    let mut request = host::Request::from_headers(pseudo.into_iter().chain(lines));
    if !whole.body.is_empty() {
        request = request.body(&whole.body);
    }
    for (name, value) in &whole.trailers {
        request = request.trailer(name, value);
    }
    request.protocol(if head.version == hyper::Version::HTTP_10 {
        "HTTP/1.0"
    } else {
        "HTTP/1.1"
    })
}

/// A response as a filter sees it.
pub(super) fn response_for_filter(whole: &Whole<hyper::Response<()>>) -> host::Response {
    let mut response = host::Response::new(whole.head.status().as_u16().into());
    for (name, value) in end_to_end(whole.head.headers()) {
        response = response.header(name, value);
    }
    if !whole.body.is_empty() {
        response = response.body(&whole.body);
    }
    for (name, value) in &whole.trailers {
        response = response.trailer(name, value);
    }
    response
}

/// A request to a server, from what a filter made of its headers. `authority` replaces the one among them.
pub(super) fn request_to(
    headers: &host::HeaderMap,
    body: &[u8],
    trailers: &host::HeaderMap,
    authority: Option<&Origin>,
) -> Result<hyper::Request<ReadyBody>, String> {
    let text = |name| headers.text(name).unwrap_or_default();
    let (method, path) = (text(":method"), text(":path"));
    let mut request = hyper::Request::new(ready(body, trailers));
    *request.method_mut() =
        Method::from_bytes(method.as_bytes()).map_err(|_| format!("`{method}` is no method of HTTP"))?;
    *request.uri_mut() = path
        .parse::<Uri>()
        .ok()
        .filter(|uri| uri.authority().is_none())
        .ok_or_else(|| format!("`{path}` is no path"))?;
    *request.headers_mut() = lines(headers, body, trailers)?;
    let authority = authority.map_or_else(|| text(":authority"), Origin::authority);
    let authority = HeaderValue::from_str(&authority).map_err(|_| format!("`{authority}` is no host"))?;
    request.headers_mut().insert("host", authority);
    Ok(request)
}

/// A response to the client, from what a filter made of it.
pub(super) fn response_to_client(
    response: &host::Response,
    method: &Method,
) -> Result<hyper::Response<ReadyBody>, String> {
    let status = response.status();
    let (body, trailers) = (response.body_bytes(), response.trailers());
    let status = u16::try_from(status)
        .ok()
        .and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.ok_or_else(|| format!("{} is no status of HTTP", response.status()))?;
    let mut headers = lines(response.headers(), body, trailers)?;
    // A response without its body tells the length that it would have.
    if *method == Method::HEAD
        && let Some(length) = response.headers().get("content-length")
        && let Ok(length) = HeaderValue::from_bytes(length)
    {
        headers.insert(CONTENT_LENGTH, length);
    }
    let mut answer = hyper::Response::new(ready(body, trailers));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    Ok(answer)
}

fn lines(headers: &host::HeaderMap, body: &[u8], trailers: &host::HeaderMap) -> Result<HeaderMap, String> {
    let had_length = headers.get("content-length").is_some();
    let mut made = convert(headers)?;
    // A filter may have changed the body: its length is counted anew.
    made.remove(CONTENT_LENGTH);
    if !trailers.is_empty() {
        let names: Vec<String> = trailers
            .iter()
            .map(|(name, _)| String::from_utf8_lossy(name).into_owned())
            .collect();
        if let Ok(names) = HeaderValue::from_str(&names.join(", ")) {
            made.insert(TRAILER, names);
            made.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
    } else if had_length || !body.is_empty() {
        made.insert(CONTENT_LENGTH, body.len().into());
    }
    Ok(made)
}

fn convert(headers: &host::HeaderMap) -> Result<HeaderMap, String> {
    let mut made = HeaderMap::new();
    for (name, value) in headers.iter().filter(|(name, _)| !name.starts_with(b":")) {
        let wrong = || {
            format!(
                "the filter made a header that HTTP cannot have: `{}`",
                String::from_utf8_lossy(name)
            )
        };
        let name = HeaderName::from_bytes(name).map_err(|_| wrong())?;
        let value = HeaderValue::from_bytes(value).map_err(|_| wrong())?;
        if !HOP_BY_HOP.contains(&name.as_str()) {
            made.append(name, value);
        }
    }
    Ok(made)
}

fn ready(body: &[u8], trailers: &host::HeaderMap) -> ReadyBody {
    let body = Full::new(Bytes::copy_from_slice(body));
    match convert(trailers) {
        Ok(trailers) if !trailers.is_empty() => body.with_trailers(async { Some(Ok(trailers)) }).boxed(),
        _ => body.boxed(),
    }
}
