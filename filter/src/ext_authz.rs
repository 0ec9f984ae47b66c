//! An external authorizer over HTTP, asked and understood as Envoy's own filter does.
//!
//! What is asked is the request itself: its method, its path behind a prefix, its host, without a body. 200 lets it through, 5xx and
//! silence are failures, and any other answer is the answer to the client.

use outgate_policy::Headers;
use outgate_policy::config::{Provider, StatusCode, Timeout};

use crate::denial::Denial;
use crate::header_names::HeaderNames;
use crate::host::{HeaderLine, HttpCall};

/// The longest that an answer is waited for, in milliseconds, unless the provider says otherwise. Istio's own default.
const PATIENCE: u32 = 600_000;
/// The answer's header with the names of headers that are taken out of the request.
const HEADERS_TO_REMOVE: &str = "x-envoy-auth-headers-to-remove";
/// Headers of the request that every authorizer sees.
const ALWAYS_SEEN: [&[u8]; 4] = [b":authority", b":method", b":path", b"authorization"];
/// Of a request's headers, what Envoy says itself to an authorizer that sees bodies; a client's own would pass for that.
const NEVER_SEEN: [&[u8]; 2] = [b"content-length", b"x-envoy-auth-partial-body"];
/// Headers of a denial that the client gets besides those that the provider names.
const ALWAYS_PASSED_ON: [&[u8]; 3] = [b"content-length", b"location", b"www-authenticate"];
const FORBIDDEN: u16 = 403;
const OK: u32 = 200;

/// An external authorizer.
#[derive(Debug)]
pub struct Authorizer {
    cluster: String,
    timeout: u32,
    path_prefix: String,
    fail_open: bool,
    status_on_error: u16,
    seen: HeaderNames,
    added: Vec<(String, String)>,
    to_upstream: HeaderNames,
    to_client_on_denial: HeaderNames,
    to_client_on_allowance: HeaderNames,
}

/// What an authorizer wants to become of a request.
#[derive(Debug)]
pub enum Ruling {
    /// It may go on, with these changes.
    Allowed(Changes),
    /// It is answered.
    Denied(Denial),
    /// The authorizer has failed. The request is answered, or goes on when there is no answer.
    Failed(Option<Denial>),
}

/// What an allowed request and its response are changed by.
#[derive(Debug, Default, Eq, PartialEq)]
pub struct Changes {
    /// Headers that are set in the request.
    pub set: Vec<HeaderLine>,
    /// Headers that are taken out of it.
    pub remove: Vec<Vec<u8>>,
    /// Headers that are added to the response.
    pub to_client: Vec<HeaderLine>,
}

impl Authorizer {
    /// As a provider says.
    #[must_use]
    pub fn new(provider: Provider) -> Self {
        let Provider {
            cluster,
            envoy_ext_authz_http: written,
            ..
        } = provider;
        let added = written.include_additional_headers_in_check;
        Self {
            cluster,
            timeout: written.timeout.map_or(PATIENCE, Timeout::milliseconds),
            path_prefix: written.path_prefix,
            fail_open: written.fail_open,
            status_on_error: written.status_on_error.map_or(FORBIDDEN, StatusCode::code),
            seen: HeaderNames::new(written.include_request_headers_in_check),
            added: added
                .iter()
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect(),
            to_upstream: HeaderNames::new(written.headers_to_upstream_on_allow),
            to_client_on_denial: HeaderNames::new(written.headers_to_downstream_on_deny),
            to_client_on_allowance: HeaderNames::new(written.headers_to_downstream_on_allow),
        }
    }

    /// The proxy's name of its service.
    #[must_use]
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// Whether responses may have to be changed.
    #[must_use]
    pub const fn changes_responses(&self) -> bool {
        !self.to_client_on_allowance.is_empty()
    }

    /// The question about a request.
    #[must_use]
    pub fn question(&self, request: &Headers) -> HttpCall {
        let mut headers: Vec<HeaderLine> = vec![(b"content-length".to_vec(), b"0".to_vec())];
        for (name, value) in request.iter() {
            let is_seen = ALWAYS_SEEN.contains(&name) || self.seen.contain(name);
            if !is_seen || NEVER_SEEN.contains(&name) {
                continue;
            }
            // Lines of one name are one line of the question, as in a map.
            if let Some((_, known)) = headers.iter_mut().find(|(known, _)| known == name) {
                known.push(b',');
                known.extend_from_slice(value);
            } else if name == b":path" {
                headers.push((name.to_vec(), [self.path_prefix.as_bytes(), value].concat()));
            } else {
                headers.push((name.to_vec(), value.to_vec()));
            }
        }
        for (name, value) in &self.added {
            headers.retain(|(known, _)| known != name.as_bytes());
            headers.push((name.clone().into_bytes(), value.clone().into_bytes()));
        }
        HttpCall {
            cluster: self.cluster.clone(),
            headers,
            body: Vec::new(),
            timeout: self.timeout,
        }
    }

    /// What an answer means.
    #[must_use]
    pub fn ruling(&self, answer: &Headers, body: Vec<u8>) -> Ruling {
        let status = answer
            .first(":status")
            .and_then(|status| std::str::from_utf8(status).ok());
        match status.and_then(|status| status.parse().ok()) {
            Some(OK) => Ruling::Allowed(self.changes(answer)),
            Some(status @ (100..=499 | 600..)) => Ruling::Denied(self.denial(status, answer, body)),
            _ => self.failure(),
        }
    }

    /// What it means when there is no answer, or one of 5xx.
    #[must_use]
    pub fn failure(&self) -> Ruling {
        let denial = || Denial::new(u32::from(self.status_on_error), "ext_authz_error".to_owned());
        Ruling::Failed((!self.fail_open).then(denial))
    }

    fn changes(&self, answer: &Headers) -> Changes {
        let passed_on = |names: &HeaderNames| {
            let lines = answer
                .iter()
                .filter(|(name, _)| names.contain(name) && *name != HEADERS_TO_REMOVE.as_bytes());
            lines.map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
        };
        let names = answer
            .lines(HEADERS_TO_REMOVE)
            .flat_map(|line| line.split(|&byte| byte == b','));
        let names = names.map(|name| name.trim_ascii().to_ascii_lowercase());
        Changes {
            set: passed_on(&self.to_upstream),
            // Without one of these there would be no request any more.
            remove: names
                .filter(|name| !name.is_empty() && !name.starts_with(b":") && name != b"host")
                .collect(),
            to_client: passed_on(&self.to_client_on_allowance),
        }
    }

    fn denial(&self, status: u32, answer: &Headers, body: Vec<u8>) -> Denial {
        let is_passed_on = |name: &[u8]| {
            if name.starts_with(b":") || name == HEADERS_TO_REMOVE.as_bytes() {
                return false;
            }
            self.to_client_on_denial.is_empty()
                || ALWAYS_PASSED_ON.contains(&name)
                || self.to_client_on_denial.contain(name)
        };
        let headers = answer.iter().filter(|(name, _)| is_passed_on(name));
        Denial::new(status, "ext_authz_denied".to_owned())
            .body(body)
            .headers(headers.map(|(name, value)| (name.to_vec(), value.to_vec())))
    }
}
