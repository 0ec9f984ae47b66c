//! A server that gives tokens to those who log in, as a registry with token authentication wants one beside it.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{CertificateParams, KeyPair, SigningKey};
use serde_json::json;

pub(crate) struct TokenServer {
    pub(crate) address: String,
    /// The first line of every request, and whether it came with the right user and password.
    pub(crate) requests: Receiver<(String, bool)>,
    certificate: rcgen::Certificate,
}

impl TokenServer {
    /// Serves until the tests end.
    pub(crate) fn start(user: &'static str, password: &'static str) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["tokens".to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        let x5c = STANDARD.encode(certificate.der());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (tell, requests) = mpsc::channel();
        thread::spawn(move || {
            let login = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (line, authorization) = read_request(&stream);
                let known = authorization == login;
                let answer = if known {
                    json!({"access_token": token(&key, &x5c)}).to_string()
                } else {
                    json!({"errors": [{"code": "UNAUTHORIZED", "message": "who\u{1b}[31m are you"}]}).to_string()
                };
                let status = if known { "200 OK" } else { "401 Unauthorized" };
                let length = answer.len();
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{answer}"
                );
                if tell.send((line, known)).is_err() {
                    break;
                }
            }
        });
        Self {
            address,
            requests,
            certificate,
        }
    }

    /// The part of the registry's configuration that makes it trust this server.
    pub(crate) fn registry_auth(&self, directory: &Path) -> String {
        let bundle = directory.join("tokens.pem");
        std::fs::write(&bundle, self.certificate.pem()).unwrap();
        format!(
            "auth: {{token: {{realm: \"http://{}/token?of=tests\", service: \"registry of tests\", issuer: tests, rootcertbundle: {}}}}}\n",
            self.address,
            bundle.display()
        )
    }
}

fn read_request(stream: &TcpStream) -> (String, String) {
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let first = lines.next().unwrap_or_default();
    let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let authorization = headers.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("authorization")
            .then(|| value.trim().to_owned())
    });
    (first, authorization.unwrap_or_default())
}

/// A token for pushing to `mesh/outgate`, signed as the registry checks it: ES256, with the certificate in its header.
fn token(key: &KeyPair, x5c: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(json!({"typ": "JWT", "alg": "ES256", "x5c": [x5c]}));
    let claims = part(json!({
        "iss": "tests",
        "aud": "registry of tests",
        "sub": "user",
        "nbf": now - 60,
        "iat": now - 60,
        "exp": now + 300,
        "jti": now.to_string(),
        "access": [{"type": "repository", "name": "mesh/outgate", "actions": ["pull", "push"]}],
    }));
    let signed = format!("{header}.{claims}");
    let signature = raw_signature(&key.sign(signed.as_bytes()).unwrap());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Two numbers in DER, as two numbers of 32 bytes.
fn raw_signature(der: &[u8]) -> Vec<u8> {
    let mut raw = Vec::new();
    let mut rest = &der[2..];
    while let [2, length, tail @ ..] = rest {
        let (number, tail) = tail.split_at(usize::from(*length));
        let number = &number[number.len().saturating_sub(32)..];
        raw.resize(raw.len() + 32 - number.len(), 0);
        raw.extend_from_slice(number);
        rest = tail;
    }
    raw
}
