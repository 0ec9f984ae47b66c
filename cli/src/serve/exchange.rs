//! One request on its way: through the filter to the upstream, and back.

use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use outgate_test_host::{self as host, Forwarded, HttpStream};

use super::Serve;
use super::gateway::Gateway;
use super::message::{self, Whole};
use super::origin::{self, ReadyBody, Unanswered, Unread};
use crate::output;

/// The client gets no response: its connection is closed.
#[derive(Debug)]
pub(super) struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the filter closed the stream")
    }
}

impl std::error::Error for Closed {}

/// Serves one request.
pub(super) async fn serve(
    arguments: Rc<Serve>,
    gateway: Rc<Gateway>,
    request: Request<Incoming>,
    (peer, local): (SocketAddr, Option<SocketAddr>),
) -> Result<Response<ReadyBody>, Closed> {
    let (head, body) = request.into_parts();
    let method = head.method.clone();
    if method == Method::CONNECT {
        return Ok(own(
            StatusCode::NOT_IMPLEMENTED,
            "outgate serve makes no tunnels: CONNECT is not supported",
        ));
    }
    let (body, trailers) = match origin::read(body, arguments.max_body).await {
        Ok(read) => read,
        Err(Unread::TooLarge) => {
            let why = format!("the body is larger than {} bytes (--max-body)", arguments.max_body);
            return Ok(own(StatusCode::PAYLOAD_TOO_LARGE, &why));
        }
        Err(Unread::Broken(why)) => return Ok(own(StatusCode::BAD_REQUEST, &why)),
    };
    let whole = Whole { head, body, trailers };
    let mut request = message::request_for_filter(&whole).source_address(&peer.to_string());
    if let Some(local) = local {
        request = request.destination_address(&local.to_string());
    }

    let stream = gateway.begin(|host| {
        let mut stream = host.http_stream(&request);
        send_request(&mut stream, &whole);
        stream.id()
    });
    stream.free().await;
    if let Some(forwarded) = stream.act(|stream: &mut HttpStream<'_>| stream.forwarded()).flatten() {
        let response = forward(&arguments, &forwarded).await;
        stream.act(|stream| send_response(stream, &response));
        stream.free().await;
    }
    let response = stream.finish().and_then(|outcome| outcome.response).ok_or(Closed)?;
    Ok(message::response_to_client(&response, &method).unwrap_or_else(|why| {
        output::warn(&why);
        own(StatusCode::BAD_GATEWAY, &why)
    }))
}

fn send_request(stream: &mut HttpStream<'_>, whole: &Whole<hyper::http::request::Parts>) {
    stream.request_headers();
    if !whole.body.is_empty() {
        stream.request_body(&whole.body, whole.trailers.is_empty());
    }
    if !whole.trailers.is_empty() {
        stream.request_trailers(lines(&whole.trailers));
    }
}

fn send_response(stream: &mut HttpStream<'_>, response: &host::Response) {
    stream.response_headers(response);
    let (body, trailers) = (response.body_bytes(), response.trailers());
    if !body.is_empty() {
        stream.response_body(body, trailers.is_empty());
    }
    if !trailers.is_empty() {
        stream.response_trailers(trailers);
    }
}

fn lines(headers: &HeaderMap) -> impl Iterator<Item = (&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
}

/// What the upstream answers, or what stands for its answer.
async fn forward(arguments: &Serve, request: &Forwarded) -> host::Response {
    let upstream = &arguments.upstream;
    let rewritten = arguments.rewrite_host.then_some(upstream);
    let failed = |status, why: String| {
        output::warn(&why);
        let body = format!("{why}\n");
        host::Response::new(status)
            .header("content-type", "text/plain; charset=utf-8")
            .header("content-length", body.len().to_string())
            .body(body)
    };
    let request = match message::request_to(&request.headers, &request.body, &request.trailers, rewritten) {
        Ok(request) => request,
        Err(why) => return failed(502, format!("the request cannot be sent to the upstream: {why}")),
    };
    let patience = Duration::from_secs(arguments.timeout.into());
    match upstream.send(request, arguments.max_body, patience).await {
        Ok(whole) => message::response_for_filter(&whole),
        Err(why @ Unanswered::TimedOut(_)) => failed(504, format!("upstream {upstream}: {why}")),
        Err(why) => failed(502, format!("upstream {upstream}: {why}")),
    }
}

/// A response of this proxy, without the filter.
fn own(status: StatusCode, why: &str) -> Response<ReadyBody> {
    use http_body_util::{BodyExt, Full};
    let mut response = Response::new(Full::new(Bytes::from(format!("{why}\n"))).boxed());
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        hyper::header::HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}
