//! Pushes an image: the few calls of the OCI distribution API that it takes.

use std::sync::Arc;
use std::time::Duration;

use outgate_sdk::oci::{Blob, Image, Reference, Tag};
use serde::Deserialize;
use ureq::http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE};
use ureq::http::{Method, Request, Response, StatusCode, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::challenge::Challenge;
use super::credentials::Credentials;
use crate::arguments::RegistryArguments;
use crate::failure::Failure;
use crate::output;

/// Pushes the image's parts, unless the registry has them, and then its manifest.
pub(super) fn push(
    reference: &Reference,
    tag: &Tag,
    image: &Image,
    arguments: &RegistryArguments,
) -> Result<(), Failure> {
    let mut registry = Registry::new(reference, arguments)?;
    for blob in image.parts() {
        let done = if registry.has(blob)? {
            "is there already"
        } else {
            registry.upload(blob)?;
            "uploaded"
        };
        progress(blob, done);
    }
    registry.put_manifest(tag, image.manifest())?;
    progress(image.manifest(), &format!("is {reference} now"));
    Ok(())
}

fn progress(blob: &Blob, done: &str) {
    let (digest, bytes) = (blob.digest(), blob.bytes().len());
    anstream::eprintln!("{}{digest}{} ({bytes} bytes) {done}", output::FAINT, output::PLAIN);
}

/// Whether these are the names of Docker Hub, whose API has yet another.
pub(super) fn is_docker_hub(registry: &str) -> bool {
    matches!(registry, "docker.io" | "index.docker.io" | "registry-1.docker.io")
}

/// How much is read of an answer that should be small.
const ANSWER_LIMIT: u64 = 64 << 10;
/// How much of it is shown.
const SHOWN: usize = 300;

struct Registry {
    agent: Agent,
    /// As the user calls it.
    name: String,
    repository: String,
    origin: Origin,
    credentials: Option<Credentials>,
    /// The `Authorization` header, once the registry has asked for one.
    authorization: Option<String>,
}

impl Registry {
    fn new(reference: &Reference, arguments: &RegistryArguments) -> Result<Self, Failure> {
        let name = reference.registry();
        let authority = if is_docker_hub(name) {
            "registry-1.docker.io"
        } else {
            name
        };
        let scheme = if arguments.plain_http { "http" } else { "https" };
        let origin = Origin::of(&format!("{scheme}://{authority}/").parse()?)
            .ok_or_else(|| format!("{name} is no address of a registry"))?;
        let mut config = Agent::config_builder()
            .user_agent(concat!("outgate/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            // A redirect of a blob says that it is there; one of an upload is not followed with our credentials.
            .max_redirects(0)
            .timeout_connect(Some(Duration::from_secs(30)))
            .timeout_per_read(Some(Duration::from_mins(2)))
            .timeout_per_write(Some(Duration::from_mins(2)));
        if !arguments.plain_http {
            config = config.tls_config(tls()?);
        }
        Ok(Self {
            agent: config.build().new_agent(),
            name: name.to_owned(),
            repository: reference.repository().to_owned(),
            origin,
            credentials: Credentials::find(name, arguments)?,
            authorization: None,
        })
    }

    fn url(&self, path: &str) -> String {
        format!("{}/v2/{}/{path}", self.origin, self.repository)
    }

    fn has(&mut self, blob: &Blob) -> Result<bool, Failure> {
        let url = self.url(&format!("blobs/{}", blob.digest()));
        let response = self.call(&Method::HEAD, &url, None)?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(false),
            status if status.is_success() || status.is_redirection() => Ok(true),
            _ => Err(self.refusal("to look for a layer", response)),
        }
    }

    fn upload(&mut self, blob: &Blob) -> Result<(), Failure> {
        let url = self.url("blobs/uploads/");
        let response = self.call(&Method::POST, &url, Some(("application/octet-stream", &[])))?;
        if response.status() != StatusCode::ACCEPTED {
            return Err(self.refusal("an upload", response));
        }
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let location = self.resolve(location.unwrap_or_default())?;
        let separator = if location.contains('?') { '&' } else { '?' };
        let url = format!("{location}{separator}digest={}", blob.digest());
        let response = self.call(&Method::PUT, &url, Some(("application/octet-stream", blob.bytes())))?;
        match response.status() {
            StatusCode::CREATED => Ok(()),
            _ => Err(self.refusal("a layer", response)),
        }
    }

    fn put_manifest(&mut self, tag: &Tag, manifest: &Blob) -> Result<(), Failure> {
        let url = self.url(&format!("manifests/{tag}"));
        let response = self.call(&Method::PUT, &url, Some((manifest.media_type(), manifest.bytes())))?;
        if response.status() != StatusCode::CREATED {
            return Err(self.refusal("the manifest", response));
        }
        // A registry that rewrites manifests would leave a checksum in the WasmPlugin that nothing matches.
        let digest = manifest.digest().to_string();
        let theirs = response.headers().get("docker-content-digest");
        match theirs.map(|value| value.to_str().unwrap_or_default()) {
            Some(theirs) if theirs != digest => Err(Failure::Message(format!(
                "{} has taken the image as {}, not as {digest}: it does not keep manifests as they are",
                self.name,
                shown(theirs)
            ))),
            _ => Ok(()),
        }
    }

    /// The address that an upload goes to: absolute, or a path at the registry.
    fn resolve(&self, location: &str) -> Result<String, Failure> {
        let wrong = |what: &str| {
            format!(
                "{} names {what} for the upload: `{}`; check how it is reached (X-Forwarded-Proto of a proxy before it)",
                self.name,
                shown(location)
            )
        };
        if location.starts_with('/') && !location.starts_with("//") {
            return Ok(format!("{}{location}", self.origin));
        }
        let uri: Uri = location.parse().map_err(|_| wrong("no address"))?;
        let origin = Origin::of(&uri).ok_or_else(|| wrong("no address"))?;
        if self.origin.is_tls && !origin.is_tls {
            return Err(wrong("an address without TLS").into());
        }
        Ok(location.to_owned())
    }

    /// Sends a request, and once more with what the registry asks for when it answers 401.
    fn call(&mut self, method: &Method, url: &str, content: Option<(&str, &[u8])>) -> Result<Response<Body>, Failure> {
        let response = self.send(method, url, content)?;
        if response.status() != StatusCode::UNAUTHORIZED || !self.is_own(url) {
            return Ok(response);
        }
        self.authorize(response)?;
        self.send(method, url, content)
    }

    fn send(&self, method: &Method, url: &str, content: Option<(&str, &[u8])>) -> Result<Response<Body>, Failure> {
        let mut request = Request::builder().method(method).uri(url);
        // Uploads may go to another server, which has no business with what we are known by at this one.
        if let Some(authorization) = self.authorization.as_ref().filter(|_| self.is_own(url)) {
            request = request.header(AUTHORIZATION, authorization);
        }
        let response = match content {
            Some((content_type, bytes)) => self.agent.run(request.header(CONTENT_TYPE, content_type).body(bytes)?),
            None => self.agent.run(request.body(())?),
        };
        response.map_err(|error| self.unreachable(&error))
    }

    fn is_own(&self, url: &str) -> bool {
        url.parse()
            .is_ok_and(|uri| Origin::of(&uri).as_ref() == Some(&self.origin))
    }

    fn authorize(&mut self, response: Response<Body>) -> Result<(), Failure> {
        let headers = response.headers().get_all(WWW_AUTHENTICATE).iter();
        let challenge = headers
            .filter_map(|value| value.to_str().ok())
            .find_map(Challenge::first);
        self.authorization = match (challenge, &self.credentials) {
            (Some(Challenge::Bearer { realm, service }), _) => Some(format!("Bearer {}", self.token(&realm, service)?)),
            // What has been refused once is refused again.
            (Some(Challenge::Basic), Some(credentials)) if self.authorization.is_none() => Some(credentials.basic()),
            _ => return Err(self.refusal("this", response)),
        };
        Ok(())
    }

    /// Asks the server that the registry trusts for a token that allows a push.
    fn token(&self, realm: &str, service: Option<String>) -> Result<String, Failure> {
        let uri: Option<Uri> = realm.parse().ok();
        let origin = uri.as_ref().and_then(Origin::of);
        if !origin.is_some_and(|origin| origin.is_tls || !self.origin.is_tls) {
            return Err(Failure::Message(format!(
                "{} sends to `{}` for a token, which is no address that credentials may go to",
                self.name,
                shown(realm)
            )));
        }
        let scope = format!("repository:{}:pull,push", self.repository);
        let mut request = self.agent.get(realm).query("scope", scope);
        if let Some(service) = service {
            request = request.query("service", service);
        }
        if let Some(credentials) = &self.credentials {
            request = request.header(AUTHORIZATION, credentials.basic());
        }
        let mut response = request.call().map_err(|error| self.unreachable(&error))?;
        if response.status() != StatusCode::OK {
            return Err(self.refusal("a token", response));
        }
        let answer: Option<TokenAnswer> = serde_json::from_str(&read(&mut response)).ok();
        let token = answer.and_then(|answer| answer.token.or(answer.access_token));
        // Where an anonymous push is refused, some give a token all the same, and the registry refuses that.
        token.ok_or_else(|| format!("{} gave no token", shown(realm)).into())
    }

    fn unreachable(&self, error: &ureq::Error) -> Failure {
        let words = error.to_string();
        let help = if self.origin.is_tls && words.contains("InvalidContentType") {
            "; it does not speak TLS: if that is meant, say --plain-http"
        } else if words.contains("UnknownIssuer") || words.contains("BadSignature") {
            "; the certificate's issuer is not known on this machine: SSL_CERT_FILE may name a file with it"
        } else {
            ""
        };
        Failure::Message(format!("{} cannot be reached: {words}{help}", self.name))
    }

    fn refusal(&self, what: &str, mut response: Response<Body>) -> Failure {
        let status = response.status();
        let text = read(&mut response);
        let errors: Errors = serde_json::from_str(&text).unwrap_or_default();
        let reason = errors.errors.first().map_or(text.trim(), Error::words);
        let colon = if reason.is_empty() { "" } else { ": " };
        let help = match (status, &self.credentials) {
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, None) => {
                "; log in with `docker login`, or give --username and --password-stdin"
            }
            (StatusCode::UNAUTHORIZED, Some(_)) => "; check the user name and the password",
            (StatusCode::FORBIDDEN, Some(_)) => "; the user may not push there",
            (StatusCode::BAD_REQUEST, _) if !self.origin.is_tls => "; if it speaks TLS, leave --plain-http out",
            _ => "",
        };
        Failure::Message(format!(
            "{} refuses {what} with {status}{colon}{}{help}",
            self.name,
            shown(reason)
        ))
    }
}

/// The machine's own certificate authorities, so that a company's registry is trusted as by everything else on it.
fn tls() -> Result<TlsConfig, Failure> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let errors: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        return Err(Failure::Message(format!(
            "this machine has no certificate authorities to know a registry by; SSL_CERT_FILE may name a file with some {}",
            errors.join("; ")
        )));
    }
    let roots: Vec<_> = found
        .certs
        .iter()
        .map(|certificate| Certificate::from_der(certificate).to_owned())
        .collect();
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&roots))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build())
}

/// A server: scheme, host and port.
#[derive(Debug, Eq, PartialEq)]
struct Origin {
    is_tls: bool,
    host: String,
    port: u16,
}

impl Origin {
    fn of(uri: &Uri) -> Option<Self> {
        let is_tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return None,
        };
        Some(Self {
            is_tls,
            host: uri.host()?.to_ascii_lowercase(),
            port: uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
        })
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.is_tls { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}

#[derive(Default, Deserialize)]
struct Errors {
    errors: Vec<Error>,
}

#[derive(Deserialize)]
struct Error {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl Error {
    fn words(&self) -> &str {
        if self.message.is_empty() {
            &self.code
        } else {
            &self.message
        }
    }
}

/// The beginning of an answer's text. What cannot be read is left out: the status says more.
fn read(response: &mut Response<Body>) -> String {
    let body = response.body_mut().with_config().limit(ANSWER_LIMIT).lossy_utf8(true);
    body.read_to_string().unwrap_or_default()
}

/// Text of a server, safe to show on a terminal.
fn shown(text: &str) -> String {
    let printable = text
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character });
    printable.take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::{Agent, Origin, Registry};

    fn registry(url: &str) -> Registry {
        Registry {
            agent: Agent::new_with_defaults(),
            name: "reg".to_owned(),
            repository: "a".to_owned(),
            origin: Origin::of(&url.parse().unwrap()).unwrap(),
            credentials: None,
            authorization: None,
        }
    }

    #[test]
    fn uploads_go_where_the_registry_says_with_credentials_only_to_itself() {
        for (name, location, address, own) in [
            (
                "a path",
                "/v2/x?_state=y",
                Some("https://reg.example:443/v2/x?_state=y"),
                true,
            ),
            ("itself", "https://REG.example/x", Some("https://REG.example/x"), true),
            (
                "another port",
                "https://reg.example:5000/x",
                Some("https://reg.example:5000/x"),
                false,
            ),
            (
                "another server",
                "https://store.example/x?sig=1",
                Some("https://store.example/x?sig=1"),
                false,
            ),
            ("without TLS", "http://reg.example/x", None, false),
            ("a server by its name", "//store.example/x", None, false),
            ("another scheme", "file:///etc/passwd", None, false),
            ("nothing", "", None, false),
            ("a word", "x", None, false),
        ] {
            let registry = registry("https://reg.example/");
            let resolved = registry.resolve(location).ok();
            assert_eq!(resolved.as_deref(), address, "{name}");
            assert_eq!(resolved.is_some_and(|url| registry.is_own(&url)), own, "{name}");
        }
        assert!(
            registry("http://reg.example/")
                .resolve("http://store.example/x")
                .is_ok()
        );
    }
}
