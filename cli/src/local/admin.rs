//! What an Envoy says about itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request};
use serde_json::Value;
use tokio::net::TcpStream;

use super::http::{self, Reply};

/// The administration of one Envoy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admin(pub(crate) SocketAddr);

impl Admin {
    /// Whether all of its first configuration is in effect.
    pub(crate) async fn is_ready(self) -> bool {
        self.ask(Method::GET, "/ready")
            .await
            .is_ok_and(|reply| reply.status == 200)
    }

    /// The addresses that it listens at, by the listeners' names.
    pub(crate) async fn listeners(self) -> Result<BTreeMap<String, SocketAddr>, String> {
        let reply = self.ask(Method::GET, "/listeners?format=json").await?;
        let listed: Value = serde_json::from_slice(&reply.body).map_err(|error| error.to_string())?;
        let listeners = listed["listener_statuses"].as_array().into_iter().flatten();
        let addresses = listeners.filter_map(|listener| {
            let address = &listener["local_address"]["socket_address"];
            let ip = address["address"].as_str()?.parse().ok()?;
            let port = address["port_value"].as_u64()?.try_into().ok()?;
            Some((listener["name"].as_str()?.to_owned(), SocketAddr::new(ip, port)))
        });
        Ok(addresses.collect())
    }

    /// The statistics whose names have a match of `pattern` in them. Texts stand there without their quotes.
    pub(crate) async fn statistics(self, pattern: &str) -> Result<BTreeMap<String, String>, String> {
        let reply = self.ask(Method::GET, &format!("/stats?filter={pattern}")).await?;
        let text = reply.text();
        let lines = text.lines().filter_map(|line| line.rsplit_once(": "));
        Ok(lines
            .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
            .collect())
    }

    /// Asks it to end.
    pub(crate) async fn quit(self) -> Result<(), String> {
        self.ask(Method::POST, "/quitquitquit").await.map(drop)
    }

    async fn ask(self, method: Method, target: &str) -> Result<Reply, String> {
        let stream = TcpStream::connect(self.0).await.map_err(|error| error.to_string())?;
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header("host", "admin")
            .body(Full::<Bytes>::default())
            .map_err(|error| error.to_string())?;
        http::exchange(stream, request).await
    }
}
