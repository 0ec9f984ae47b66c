//! Generated requests: mostly aimed at a rule, and odd in every way that a client can be.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::aim;
use crate::attribute::{About, METADATA_HEADER};
use crate::callers::Caller;
use crate::envoy::token;
use crate::policies::{Constraint, PolicySet, Rule};
use crate::random::Random;

/// A request, before it is written for a protocol.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Which of the set's callers sends it.
    pub(crate) caller: usize,
    pub(crate) method: String,
    pub(crate) scheme: String,
    /// Of a target in absolute form, as for a proxy: its authority. Over HTTP/1.1 only.
    pub(crate) absolute: Option<String>,
    /// A [`BROKEN`] character is sent as a byte that is no UTF-8.
    pub(crate) path: String,
    /// The `Host` lines; over HTTP/2 the first one is `:authority`.
    pub(crate) hosts: Vec<String>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) tokens: Vec<Token>,
    pub(crate) body: Body,
}

/// What stands in the `authorization` header.
#[derive(Clone, Debug)]
pub(crate) enum Token {
    Signed(Value),
    /// Signed by nobody whom the gateway knows.
    Forged(Value),
    Text(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    None,
    /// With its length in the head.
    Sized(String),
    /// With its end marked by the protocol; trailers follow it.
    Open(String, Vec<(String, String)>),
}

impl Request {
    pub(crate) fn generate(random: &mut Random, set: &PolicySet, callers: &[Caller]) -> Self {
        let caller = random.below(callers.len());
        let mut request = Self::plain(random, caller);
        let rules: Vec<&Rule> = set.rules().map(|(_, rule)| rule).collect();
        if !rules.is_empty() && random.chance(85) {
            let rule = random.pick(&rules);
            request.meet_rule(random, rule);
        }
        request.spoil(random);
        request
    }

    /// The request that tells when the log is complete.
    pub(crate) fn last() -> Self {
        Self {
            caller: 0,
            method: "GET".to_owned(),
            scheme: "https".to_owned(),
            absolute: None,
            path: "/last".to_owned(),
            hosts: vec!["test.com".to_owned()],
            headers: Vec::new(),
            tokens: Vec::new(),
            body: Body::None,
        }
    }

    fn plain(random: &mut Random, caller: usize) -> Self {
        let mut request = Self {
            caller,
            method: random.text(METHODS),
            path: random.text(PATHS),
            hosts: vec![random.text(HOSTS)],
            ..Self::last()
        };
        for _ in 0..random.below(3) {
            let (name, values) = random.pick(HEADERS);
            let value = random.pick(values);
            request.headers.push((name.to_owned(), value.to_vec()));
        }
        if random.chance(30) {
            request.add_claims(random);
        }
        request
    }

    fn meet_rule(&mut self, random: &mut Random, rule: &Rule) {
        for alternatives in [&rule.from, &rule.to] {
            if !alternatives.is_empty() {
                for constraint in random.pick(alternatives) {
                    self.meet(random, &constraint);
                }
            }
        }
        for constraint in &rule.when {
            self.meet(random, constraint);
        }
    }

    /// Has a value that the constraint demands; sometimes one that it excludes.
    fn meet(&mut self, random: &mut Random, constraint: &Constraint) {
        let values = match (constraint.any_of.as_slice(), constraint.none_of.as_slice()) {
            ([], values) if random.chance(50) => values,
            ([], _) => return,
            (_, values @ [_, ..]) if random.chance(30) => values,
            (values, _) => values,
        };
        let value = random.pick(values);
        match constraint.attribute.about {
            About::Host => self.hosts[0] = aim::text(random, &value, &["test.com", "a", "x.y", ":443", "8080", "com"]),
            About::Method => self.method = aim::text(random, &value, &["GET", "UT", "OST", "ATCH"]),
            About::Path => self.path = aim::path(random, &value),
            About::PathHeader => self.path = aim::text(random, &value, &["/x", "a=b", "/status/1"]),
            About::Header(name) => self.add_line(random, name, &value),
            About::Metadata | About::MetadataList => self.add_line(random, METADATA_HEADER, &value),
            About::RemoteAddress => {
                let address = aim::address(random, &value);
                self.add_line(random, "x-forwarded-for", &address);
            }
            About::Claim(path) => {
                let claim = aim::claim(random, &value);
                self.set_claim(path, claim);
            }
            About::RequestPrincipal => {
                let (issuer, subject) = aim::request_principal(random, &value);
                self.set_claim(&["iss"], json!(issuer));
                self.set_claim(&["sub"], json!(subject));
            }
            // What the caller decides, and what is the gateway's own.
            _ => {}
        }
    }

    fn add_line(&mut self, random: &mut Random, name: &str, pattern: &str) {
        let value = aim::text(random, pattern, &["1", "12", "a, b", "", "x", "10.1.2.3", "127.0.0.1"]);
        self.headers.push((name.to_owned(), value.into_bytes()));
    }

    fn set_claim(&mut self, path: &[&str], value: Value) {
        if !matches!(self.tokens.first(), Some(Token::Signed(_))) {
            let claims = json!({"iss": token::ISSUER, "sub": "alice"});
            self.tokens = vec![Token::Signed(claims)];
        }
        let Some(Token::Signed(claims)) = self.tokens.first_mut() else {
            return;
        };
        let mut place = claims;
        for key in path {
            if !place.is_object() {
                *place = json!({});
            }
            place = &mut place[*key];
        }
        *place = value;
    }

    fn add_claims(&mut self, random: &mut Random) {
        let mut claims = Map::new();
        claims.insert("iss".to_owned(), json!(random.text(ISSUERS)));
        if random.chance(90) {
            claims.insert(
                "sub".to_owned(),
                json!(random.text(&["alice", "bob", "s", "", "al/ice"])),
            );
        }
        if random.chance(30) {
            let audiences = [json!("x"), json!(["x", "read"]), json!([]), json!("")];
            claims.insert("aud".to_owned(), random.pick(&audiences));
        }
        for name in ["azp", "groups", "scope", "permission", "a", "a][b]"] {
            if random.chance(25) {
                claims.insert(name.to_owned(), aim::odd_claim(random));
            }
        }
        self.tokens = vec![Token::Signed(claims.into())];
    }
}

/// Stands for a byte that is no UTF-8.
pub(crate) const BROKEN: char = char::REPLACEMENT_CHARACTER;

/// How likely each part of a request is made odd, in percent. What Envoy refuses by itself compares nothing.
const SPOILT: usize = 13;

/// What makes a request odd.
impl Request {
    fn spoil(&mut self, random: &mut Random) {
        for spoil in [
            Self::spoil_host,
            Self::spoil_path,
            Self::spoil_headers,
            Self::spoil_tokens,
            Self::spoil_content,
        ] {
            if random.chance(SPOILT) {
                spoil(self, random);
            }
        }
    }

    fn spoil_host(&mut self, random: &mut Random) {
        let host = self.hosts[0].clone();
        match random.below(8) {
            0 => self.hosts[0] = host.to_ascii_uppercase(),
            1 => self.hosts[0] = host + ":443",
            2 => self.hosts[0] = host + ".",
            3 => self.hosts.push(random.text(HOSTS)),
            4 => self.absolute = Some(random.text(HOSTS)),
            5 => {
                self.hosts[0] = random.text(&[
                    "",
                    " test.com ",
                    "user@test.com",
                    "test.com:",
                    "test.com:x",
                    "te st.com",
                ]);
            }
            6 => self.hosts.clear(),
            _ => self.hosts[0] = aim::mutated(random, &host),
        }
    }

    fn spoil_path(&mut self, random: &mut Random) {
        let path = self.path.clone();
        self.path = match random.below(14) {
            0 => path + "?q=1",
            1 => path + "?q=/../x#y",
            2 => path + "#fragment",
            3 => path + "/",
            4 => format!("/{path}"),
            5 => format!("/up/..{path}"),
            6 => format!("/.{path}"),
            7 => path.replacen('/', "/..;a=b/", 1),
            8 => path.replace('/', "%2F"),
            9 => path.replacen('a', "%61", 1),
            10 => {
                path + random.pick(&[
                    "%00",
                    "%",
                    "%zz",
                    "\\",
                    "\"<>^`{}|",
                    "é",
                    " x",
                    "\u{7f}",
                    "\u{FFFD}",
                    "x\u{FFFD}/y",
                ])
            }
            11 => path.replacen('/', "\\", 2),
            12 => random.text(&["*", "", "x", "http://test.com/x", "//", "/..", "/.", "/%2e%2e/x", "?x"]),
            _ => path.to_ascii_uppercase(),
        };
    }

    fn spoil_headers(&mut self, random: &mut Random) {
        match random.below(3) {
            0 if !self.headers.is_empty() => {
                let (name, _) = random.pick(&self.headers);
                let value = random.pick(&[&b"1"[..], b"", b"a, b", b"\xFF\xC3", b"x"]).to_vec();
                let place = random.below(self.headers.len() + 1);
                self.headers.insert(place, (name.to_ascii_uppercase(), value));
            }
            1 => {
                let (name, value) = random.pick(ODD_HEADERS);
                self.headers.push((name.to_owned(), value.to_vec()));
            }
            _ => {
                let (name, values) = random.pick(HEADERS);
                for value in values {
                    self.headers.push((name.to_owned(), value.to_vec()));
                }
            }
        }
    }

    fn spoil_tokens(&mut self, random: &mut Random) {
        let claims = json!({"iss": token::ISSUER, "sub": "alice", "groups": ["x"]});
        match random.below(7) {
            0 => self.tokens = vec![Token::Forged(claims)],
            1 => self.tokens.push(Token::Signed(claims)),
            2 => self.tokens.push(Token::Text("Basic YTpi".to_owned())),
            3 => self.tokens.push(Token::Text("Bearer a.b.c".to_owned())),
            4 => self.tokens.insert(0, Token::Text(String::new())),
            5 => self.set_claim(&["exp"], json!(1)),
            _ => {
                let claim = random.pick(&["sub", "aud", "scope", "permission", "azp"]);
                let value = aim::odd_claim(random);
                self.set_claim(&[claim], value);
            }
        }
    }

    fn spoil_content(&mut self, random: &mut Random) {
        match random.below(6) {
            0 | 1 => {
                let kind = random.pick(&[
                    "application/grpc",
                    "application/grpc+proto",
                    "application/grpc-web",
                    "text/plain",
                ]);
                self.headers.push(("content-type".to_owned(), kind.as_bytes().to_vec()));
                if random.chance(60) {
                    self.method = "POST".to_owned();
                }
            }
            2 => self.method = random.text(&["get", "FOO", "M-SEARCH", "QUERY", "PATCH"]),
            3 => self.body = Body::Sized("hello".to_owned()),
            4 => self.body = Body::Open("hello".to_owned(), Vec::new()),
            _ => {
                let trailers = vec![("x-a".to_owned(), "1".to_owned()), ("x-t".to_owned(), "2".to_owned())];
                self.body = Body::Open("hello".to_owned(), trailers);
            }
        }
        if self.body != Body::None && random.chance(80) {
            self.method = "POST".to_owned();
        }
    }
}

impl Request {
    /// Whether the path or a header is not UTF-8.
    pub(crate) fn has_broken_text(&self) -> bool {
        let is_broken = |(_, value): &(String, Vec<u8>)| std::str::from_utf8(value).is_err();
        self.path.contains(BROKEN) || self.headers.iter().any(is_broken)
    }
}

/// What a difference is reduced with.
impl Request {
    /// Requests with one thing less.
    pub(crate) fn simpler(&self) -> Vec<Self> {
        let mut simpler = Vec::new();
        let mut with = |change: &dyn Fn(&mut Self)| {
            let mut request = self.clone();
            change(&mut request);
            simpler.push(request);
        };
        for index in 0..self.headers.len() {
            with(&|request| drop(request.headers.remove(index)));
        }
        for index in 0..self.tokens.len() {
            with(&|request| drop(request.tokens.remove(index)));
        }
        if self.absolute.is_some() {
            with(&|request| request.absolute = None);
        }
        if self.hosts.len() > 1 {
            with(&|request| drop(request.hosts.pop()));
        }
        if self.body != Body::None {
            with(&|request| request.body = Body::None);
        }
        if self.method != "GET" {
            with(&|request| "GET".clone_into(&mut request.method));
        }
        if let Some((path, _)) = self.path.split_once('?') {
            with(&|request| path.clone_into(&mut request.path));
        }
        simpler
    }
}

/// As it would be written for HTTP/1.1, tokens with their claims.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let absolute = self
            .absolute
            .as_ref()
            .map(|authority| format!("{}://{authority}", self.scheme));
        writeln!(
            f,
            "{} {}{}",
            self.method,
            absolute.unwrap_or_default(),
            self.path.escape_debug()
        )?;
        for host in &self.hosts {
            writeln!(f, "host: {}", host.escape_debug())?;
        }
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {}", value.escape_ascii())?;
        }
        for token in &self.tokens {
            match token {
                Token::Signed(claims) => writeln!(f, "authorization: Bearer {claims}")?,
                Token::Forged(claims) => writeln!(f, "authorization: Bearer {claims} (forged)")?,
                Token::Text(text) => writeln!(f, "authorization: {text}")?,
            }
        }
        match &self.body {
            Body::None => Ok(()),
            body => writeln!(f, "{body:?}"),
        }
    }
}

const METHODS: &[&str] = &[
    "GET", "GET", "GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "PROPFIND", "TRACE",
];
const PATHS: &[&str] = &[
    "/",
    "/headers",
    "/headers",
    "/status/200",
    "/x",
    "/x/a",
    "/x/a/b",
    "/a/y",
    "/x/y/",
    "/index.html",
    "/a//b",
    "/a%2fb",
    "/a/../b",
    "/a;v=1/b",
    "/x?q=/y",
    "/v1/7/items/8",
    "/%C3%A9t%C3%A9",
];
const HOSTS: &[&str] = &[
    "test.com",
    "test.com",
    "TEST.com",
    "api.test.com",
    "test.com:443",
    "test.com:8080",
    "test.org",
    "10.0.0.1",
    "[::1]:80",
    "test.com.",
    "atest.com",
];
const ISSUERS: &[&str] = &[
    "https://issuer.example",
    "https://issuer.example",
    "i",
    "x.example",
    "i/s",
];

/// Headers that rules ask about, with values that they know.
const HEADERS: &[(&str, &[&[u8]])] = &[
    ("x-a", &[b"1", b"12", b"a", b"", b"1,2", b"a b", b"\xC3\xA9"]),
    ("X-B", &[b"1", b"21", b"A", b"1, 2"]),
    ("x_c", &[b"1", b"2"]),
    ("cookie", &[b"a=1", b"b=2", b"a=1; b=2"]),
    ("user-agent", &[b"curl/8.1", b"1"]),
    (
        "x-forwarded-for",
        &[
            b"10.1.2.3",
            b"203.0.113.7, 10.1.2.3",
            b"2001:db8::1",
            b"127.0.0.1",
            b"::1",
            b"x",
            b"10.1.2.3:80",
        ],
    ),
    (
        "x-metadata",
        &[b"x", b"zz", b"", b"x,zz", b"[x]", b"x\xFF", b"\xC3\xA9z"],
    ),
];

/// Headers that the proxy has opinions about.
const ODD_HEADERS: &[(&str, &[u8])] = &[
    (
        "x-forwarded-client-cert",
        b"URI=spiffe://cluster.local/ns/default/sa/sleep",
    ),
    (
        "x-forwarded-client-cert",
        b"By=x;Hash=0;URI=spiffe://td/ns/default/sa/sleep",
    ),
    ("x-forwarded-proto", b"http"),
    ("x-forwarded-host", b"other.example"),
    ("x-envoy-original-path", b"/headers"),
    ("x-envoy-decorator-operation", b"x"),
    ("x-envoy-external-address", b"10.1.2.3"),
    ("x-rewrite-url", b"/headers"),
    ("te", b"trailers"),
    ("connection", b"x-a"),
    ("connection", b"close"),
    ("upgrade", b"websocket"),
    ("transfer-encoding", b"identity"),
    ("content-length", b"0"),
    ("expect", b"x"),
    ("bad name", b"1"),
    ("x-nul", b"a\0b"),
    ("x-fold", b"a\r\n b"),
    ("x-space", b"  a  "),
    (":path", b"/headers"),
    (":authority", b"test.com"),
    ("host ", b"test.com"),
    ("via", b"1.1 x"),
    ("forwarded", b"for=10.1.2.3"),
    ("x-big", &[b'b'; 9000]),
];
