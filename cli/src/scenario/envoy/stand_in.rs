//! Servers in the place of everything outside of the mesh: they answer what the scenario says that the upstream answers.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use outgate_sdk::envoy::Placed;
use outgate_sdk::proxy::{Cluster, Trust, UpstreamTls};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::authority::Issued;
use crate::described::PeerNames;
use crate::failure::Failure;
use crate::local::plan::Plan;
use crate::local::secrets::Issuers;

/// One server in the clear, and one for each certificate that a proxy wants to see.
pub(super) struct StandIns {
    status: Arc<AtomicU16>,
    servers: BTreeMap<Option<PeerNames>, SocketAddr>,
}

impl StandIns {
    pub(super) fn new() -> Self {
        Self {
            status: Arc::new(AtomicU16::new(200)),
            servers: BTreeMap::new(),
        }
    }

    /// Says what all of them answer from now on.
    pub(super) fn answer_with(&self, status: u32) {
        self.status
            .store(u16::try_from(status).unwrap_or(500), Ordering::SeqCst);
    }

    /// A stand-in for each endpoint of a plan.
    pub(super) async fn place(&mut self, plan: &Plan, issuers: &mut Issuers) -> Result<Placed, Failure> {
        let mut placed = Placed::new();
        for cluster in plan.clusters() {
            let address = self.server_for(cluster, issuers).await?;
            let endpoints = cluster.endpoints.iter();
            placed.extend(endpoints.map(|endpoint| ((endpoint.address.clone(), endpoint.port), address)));
        }
        Ok(placed)
    }

    async fn server_for(&mut self, cluster: &Cluster, issuers: &mut Issuers) -> Result<SocketAddr, Failure> {
        let names = cluster.tls.as_ref().map(|tls| names_for(cluster, tls));
        if let Some(address) = self.servers.get(&names) {
            return Ok(*address);
        }
        let config = match (&cluster.tls, &names) {
            (Some(tls), Some(names)) => match issuers.trusted(&tls.trust, names)? {
                Some(issued) => Some(server_config(&issued)?),
                // Nobody here has the key of that authority: the proxy will say so, and so will the case.
                None => None,
            },
            _ => None,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        tokio::spawn(accept(
            listener,
            config.map(TlsAcceptor::from),
            Arc::clone(&self.status),
        ));
        self.servers.insert(names, address);
        Ok(address)
    }
}

/// The names that a proxy wants to see in a server's certificate.
fn names_for(cluster: &Cluster, tls: &UpstreamTls) -> PeerNames {
    let host = cluster.name.rsplit('|').next().unwrap_or_default();
    let wanted = tls.subject_alt_names.iter().cloned();
    let (uris, mut dns): (Vec<String>, Vec<String>) = wanted.partition(|name| name.contains("://"));
    dns.extend(tls.sni.clone());
    if !host.contains('*') {
        dns.push(host.to_owned());
    }
    dns.sort();
    dns.dedup();
    PeerNames {
        uris,
        dns,
        // Certificates of different authorities are different, whatever their names.
        subject: match &tls.trust {
            Trust::Secret(secret) => format!("CN={}", secret.name),
            _ => String::new(),
        },
    }
}

fn server_config(issued: &Issued) -> Result<Arc<ServerConfig>, Failure> {
    let chain = CertificateDer::pem_slice_iter(issued.certificate.as_bytes()).collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes())?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec(), b"istio".to_vec()];
    Ok(Arc::new(config))
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, status: Arc<AtomicU16>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, status) = (tls.clone(), Arc::clone(&status));
        tokio::spawn(async move {
            match tls {
                None => serve(stream, status).await,
                // A handshake that fails is the proxy's to tell.
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, status).await;
                    }
                }
            }
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, status: Arc<AtomicU16>) {
    let service = service_fn(move |_: Request<Incoming>| {
        let mut response = Response::new(Empty::<Bytes>::new());
        if let Ok(status) = hyper::StatusCode::from_u16(status.load(Ordering::SeqCst)) {
            *response.status_mut() = status;
        }
        async move { Ok::<_, Infallible>(response) }
    });
    // A connection that breaks is the proxy's to tell.
    auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await
        .ok();
}
