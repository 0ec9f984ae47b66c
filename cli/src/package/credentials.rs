//! Who pushes: as the command line says, else as `docker login` has left it.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::arguments::RegistryArguments;
use crate::failure::Failure;

/// A user name and a password. Has no `Debug`, so that it gets into no message.
pub(super) struct Credentials {
    username: String,
    password: String,
}

impl Credentials {
    /// Those for a registry, if there are any.
    pub(super) fn find(registry: &str, arguments: &RegistryArguments) -> Result<Option<Self>, Failure> {
        if let Some(username) = &arguments.username {
            let mut password = String::new();
            io::stdin()
                .read_to_string(&mut password)
                .map_err(|error| format!("the password cannot be read from standard input: {error}"))?;
            let password = password.trim_end_matches(['\r', '\n']).to_owned();
            if password.is_empty() {
                return Err(Failure::Message("standard input has no password".to_owned()));
            }
            return Ok(Some(Self {
                username: username.clone(),
                password,
            }));
        }
        let Some(path) = config_file() else { return Ok(None) };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::Message(format!("{} cannot be read: {error}", path.display()))),
        };
        // A parser's message may quote a piece of the file, which is secret: its place alone is told.
        let config: DockerConfig = serde_json::from_str(&text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            format!("{}:{line}:{column}: this is no configuration of docker", path.display())
        })?;
        let found = config.credentials(registry);
        found.map_err(|problem| Failure::Message(format!("{}: {problem}", path.display())))
    }

    /// As the value of an `Authorization` header.
    pub(super) fn basic(&self) -> String {
        format!(
            "Basic {}",
            STANDARD.encode(format!("{}:{}", self.username, self.password))
        )
    }
}

fn config_file() -> Option<PathBuf> {
    let directory = env::var_os("DOCKER_CONFIG").filter(|value| !value.is_empty());
    let home = || env::home_dir().map(|home| home.join(".docker"));
    directory
        .map(PathBuf::from)
        .or_else(home)
        .map(|directory| directory.join("config.json"))
}

/// What docker and its relatives agree on in `config.json`. They write much more into it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DockerConfig {
    auths: BTreeMap<String, Login>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Login {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

const INSTEAD: &str = "give --username and --password-stdin";

impl DockerConfig {
    fn credentials(&self, registry: &str) -> Result<Option<Credentials>, String> {
        let helper = self.cred_helpers.iter().find(|(key, _)| is_key(key, registry));
        if let Some((_, helper)) = helper {
            return Err(format!(
                "credentials for {registry} are kept by the helper `{helper}`, which this command does not call; {INSTEAD}"
            ));
        }
        let Some((_, login)) = self.auths.iter().find(|(key, _)| is_key(key, registry)) else {
            return Ok(None);
        };
        if login.identitytoken.as_ref().is_some_and(|token| !token.is_empty()) {
            return Err(format!(
                "the login at {registry} is an identity token, which is not supported; {INSTEAD}"
            ));
        }
        if let Some(auth) = login.auth.as_ref().filter(|auth| !auth.is_empty()) {
            let broken = || format!("the login at {registry} is malformed; log in again, or {INSTEAD}");
            let text = STANDARD
                .decode(auth)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok());
            let text = text.ok_or_else(broken)?;
            let (username, password) = text.split_once(':').ok_or_else(broken)?;
            return Ok(Some(Credentials {
                username: username.to_owned(),
                password: password.trim_end_matches('\0').to_owned(),
            }));
        }
        match (&login.username, &login.password, &self.creds_store) {
            (Some(username), Some(password), _) => Ok(Some(Credentials {
                username: username.clone(),
                password: password.clone(),
            })),
            (_, _, Some(store)) => Err(format!(
                "credentials for {registry} are kept in the store `{store}`, which this command does not open; {INSTEAD}"
            )),
            _ => Ok(None),
        }
    }
}

/// Whether an entry is of this registry: keys are hosts, or URLs of either version of the API.
fn is_key(key: &str, registry: &str) -> bool {
    // Docker Hub goes by the address of its first API.
    let registry = if super::registry::is_docker_hub(registry) {
        "index.docker.io"
    } else {
        registry
    };
    let key = key
        .strip_prefix("https://")
        .or(key.strip_prefix("http://"))
        .unwrap_or(key);
    let (host, path) = key.split_once('/').unwrap_or((key, ""));
    matches!(path.trim_end_matches('/'), "" | "v1" | "v2") && host.eq_ignore_ascii_case(registry)
}

#[cfg(test)]
mod tests {
    use super::DockerConfig;

    #[test]
    fn logins_are_found_by_registry() {
        let config: DockerConfig = serde_json::from_str(
            r#"{
                "auths": {
                    "reg.example": {"auth": "dXNlcjpwYTpzcw=="},
                    "https://reg.example:5000/v2/": {"username": "u", "password": "p"},
                    "https://index.docker.io/v1/": {"auth": "aHViOngAAA=="},
                    "reg.example/team": {"auth": "bm86bm8="},
                    "broken.example": {"auth": "%"},
                    "token.example": {"auth": "dTo=", "identitytoken": "x"},
                    "store.example": {}
                },
                "credHelpers": {"helper.example": "ecr-login"},
                "credsStore": "desktop",
                "HttpHeaders": {"a": "b"}
            }"#,
        )
        .unwrap();
        for (registry, expected) in [
            ("reg.example", Ok(Some(("user", "pa:ss")))),
            ("REG.example:5000", Ok(Some(("u", "p")))),
            ("docker.io", Ok(Some(("hub", "x")))),
            ("reg.example:1", Ok(None)),
            ("other.example", Ok(None)),
            ("broken.example", Err("malformed")),
            ("token.example", Err("identity token")),
            ("helper.example", Err("helper `ecr-login`")),
            ("store.example", Err("store `desktop`")),
        ] {
            let found = config.credentials(registry);
            match (&found, expected) {
                (Ok(found), Ok(expected)) => {
                    let found = found
                        .as_ref()
                        .map(|found| (found.username.as_str(), found.password.as_str()));
                    assert_eq!(found, expected, "{registry}");
                }
                (Err(message), Err(words)) => assert!(message.contains(words), "{registry}: {message}"),
                _ => panic!("{registry}: {:?}", found.err()),
            }
        }
    }
}
