//! `outgate serve`: a small HTTP proxy on this machine whose requests go through any filter.
//!
//! ```text
//! client ──▶ filter ──▶ upstream
//!        ◀──  │  ▲  ◀──
//!             ▼  │
//!           clusters
//! ```
//!
//! | module | holds |
//! | --- | --- |
//! | [`gateway`] | the filter in real time: its callouts, its ticks, its log |
//! | [`exchange`] | one request on its way |
//! | [`message`] | messages as HTTP has them, and as a filter sees them |
//! | [`origin`] | the servers behind it |

mod exchange;
mod gateway;
mod message;
mod origin;

use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::Args;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use outgate_test_host::{AccessLogFormat, Host, Upstream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_blocking};

use crate::failure::{FINE, Failure};
use crate::hosted::filter::{FilterFlags, NotStarted};
use crate::hosted::numbers::time;
use crate::output::{ERROR, FAINT, GOOD, PLAIN, STRONG, harmless};
use crate::signals::Signals;
use crate::watch::{self, Watcher};
use gateway::{Around, Clusters, Gateway, MOST_EVENTS};
use origin::Origin;

/// What is printed of each request when nobody says otherwise.
const ACCESS_LOG: &str = "%START_TIME% %REQ(:METHOD)% %REQ(:AUTHORITY)%%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %BYTES_SENT%B %DURATION%ms";

/// How long to wait before accepting again when this machine has run out of something.
const BREATH: Duration = Duration::from_millis(100);

/// Run any Proxy-Wasm filter in a small HTTP proxy on this machine, for curl.
///
/// A request goes through the filter to the upstream, and the response through the filter back to the client. Callouts are made to
/// the servers that --cluster names, ticks follow the real clock, and what the filter logs goes to standard error, one line for each
/// request to standard output. Bodies are handed over whole, so that --max-body limits them; gRPC callouts and CONNECT are not
/// supported. Ctrl-C ends it.
#[derive(Args, Clone, Debug)]
#[command(
    next_help_heading = "Proxy",
    after_help = "Examples:\n  outgate serve filter.wasm --upstream http://127.0.0.1:8000 --listen 127.0.0.1:8080\n  outgate serve \
                  filter.wasm --upstream https://httpbin.org --rewrite-host\n  outgate serve filter.wasm --upstream \
                  http://127.0.0.1:8000 --cluster authz=http://127.0.0.1:9000 --config filter.json --reload\n\n  curl -i \
                  http://127.0.0.1:8080/headers\n\nExit status: 0 stopped by Ctrl-C, 1 the filter did not start, 2 could not run."
)]
pub(crate) struct Serve {
    #[command(flatten)]
    filter: FilterFlags,

    /// Where requests go on to: http://HOST:PORT or https://HOST:PORT.
    #[arg(long, value_name = "URL", value_parser = Origin::parse)]
    upstream: Origin,

    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    /// A service that the filter can call, by the name of its cluster; may be given several times.
    #[arg(long = "cluster", value_name = "NAME=URL", value_parser = cluster)]
    clusters: Vec<(String, Origin)>,

    /// Send the upstream's own name as Host, instead of the client's.
    #[arg(long)]
    rewrite_host: bool,

    /// What is printed of each request: a format of Envoy's access log, or a JSON object of such formats.
    #[arg(long, value_name = "FORMAT", default_value = ACCESS_LOG, value_parser = access_log, hide_default_value = true)]
    access_log_format: AccessLogFormat,

    /// The largest body, in bytes. A larger request gets 413, a larger response of the upstream 502.
    #[arg(long, value_name = "BYTES", default_value_t = 10_000_000)]
    max_body: usize,

    /// How many seconds the upstream may take, before the client gets 504.
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    timeout: u32,

    /// Load the filter and its configuration anew when their files change. What does not start is refused, and what ran goes on.
    #[arg(long)]
    reload: bool,
}

pub(crate) fn run(arguments: &Serve) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = LocalSet::new().block_on(&runtime, serve(arguments));
    // A module that is being compiled is not waited for.
    runtime.shutdown_background();
    result.or_else(NotStarted::report)
}

async fn serve(arguments: &Serve) -> Result<ExitCode, NotStarted> {
    let mut signals = Signals::new()?;
    let watched = || [Some(&arguments.filter.module), configuration_file(arguments)];
    let mut watcher = match arguments.reload {
        true => Some(Watcher::new(absolute(watched().into_iter().flatten())?)?),
        false => None,
    };
    let started = tokio::select! {
        started = start(arguments, None) => started?,
        () = signals.any() => return Ok(FINE),
    };
    let listener = TcpListener::bind(arguments.listen).await;
    let listener = listener.map_err(|error| Failure::Message(format!("{}: {error}", arguments.listen)))?;
    let address = listener.local_addr().map_err(Failure::from)?;
    let mut server = Server::new(arguments, started);
    anstream::eprintln!(
        "{STRONG}http://{address}{PLAIN} → {} → {}  {FAINT}Ctrl-C stops it{PLAIN}",
        arguments.filter.module.display(),
        arguments.upstream
    );
    loop {
        tokio::select! {
            () = signals.any() => return Ok(FINE),
            () = watch::changed(&mut watcher) => server.reload().await,
            connection = listener.accept() => match connection {
                Ok((stream, peer)) => server.attend(stream, peer),
                // Such as too many open files: connections that are closed make room.
                Err(error) => {
                    anstream::eprintln!("{ERROR}error{PLAIN}: a connection was not accepted: {error}");
                    tokio::time::sleep(BREATH).await;
                }
            },
        }
    }
}

/// A filter that has started, and what it was made of.
struct Started {
    host: Host,
    module: u64,
}

/// What changed files came to.
enum Change {
    Module(Box<Started>),
    Configuration(Vec<u8>),
}

/// Compiles and starts the filter, without holding up what runs meanwhile.
async fn start(arguments: &Serve, running: Option<u64>) -> Result<Started, NotStarted> {
    match read_change(arguments, running).await? {
        Change::Module(started) => Ok(*started),
        Change::Configuration(_) => Err(Failure::from("the filter runs already").into()),
    }
}

async fn read_change(arguments: &Serve, running: Option<u64>) -> Result<Change, NotStarted> {
    let arguments = arguments.clone();
    let work = spawn_blocking(move || {
        let path = &arguments.filter.module;
        let wasm = std::fs::read(path).map_err(|error| Failure::Message(format!("{}: {error}", path.display())))?;
        let mut hasher = DefaultHasher::new();
        wasm.hash(&mut hasher);
        let module = hasher.finish();
        if running == Some(module) {
            return Ok(Change::Configuration(arguments.filter.configuration()?));
        }
        // What is wrong with the command line is told before anything takes time.
        arguments.filter.configuration()?;
        let compiled = arguments.filter.compile()?;
        let mut builder = arguments
            .filter
            .host(&compiled)?
            .clock(gateway::now())
            .journal(MOST_EVENTS);
        builder = builder.buffer_limit(arguments.max_body);
        for (name, _) in &arguments.clusters {
            builder = builder.upstream(name, Upstream::new());
        }
        let host = builder.start()?;
        Ok(Change::Module(Box::new(Started { host, module })))
    });
    let lost = |error: tokio::task::JoinError| NotStarted::from(Failure::Message(error.to_string()));
    work.await.map_err(lost)?
}

/// The proxy.
struct Server {
    arguments: Rc<Serve>,
    around: Rc<Around>,
    /// What new requests go through. Those under way stay with what they began with.
    current: Rc<RefCell<Rc<Gateway>>>,
    module: u64,
}

impl Server {
    fn new(arguments: &Serve, started: Started) -> Self {
        let around = Rc::new(Around {
            clusters: arguments.clusters.iter().cloned().collect::<Clusters>(),
            limit: arguments.max_body,
            access_log: arguments.access_log_format.clone(),
        });
        Self {
            arguments: Rc::new(arguments.clone()),
            current: Rc::new(RefCell::new(Gateway::start(started.host, around.clone()))),
            around,
            module: started.module,
        }
    }

    /// Serves a connection.
    fn attend(&self, stream: TcpStream, peer: SocketAddr) {
        let (arguments, current) = (self.arguments.clone(), self.current.clone());
        tokio::task::spawn_local(async move {
            let local = stream.local_addr().ok();
            let service = service_fn(move |request| {
                let gateway = current.borrow().clone();
                exchange::serve(arguments.clone(), gateway, request, (peer, local))
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            // A client that hangs up, or that speaks no HTTP, is its own business.
            connection.await.ok();
        });
    }

    /// Takes over what is in the files now, if it starts.
    async fn reload(&mut self) {
        let began = Instant::now();
        let loaded = match read_change(&self.arguments, Some(self.module)).await {
            Ok(Change::Module(started)) => {
                self.module = started.module;
                let fresh = Gateway::start(started.host, self.around.clone());
                self.current.replace(fresh).retire();
                Ok("filter")
            }
            Ok(Change::Configuration(configuration)) => {
                let current = self.current.borrow().clone();
                let result = current.act(|host| host.reconfigure(configuration));
                result.map(|_| "configuration").map_err(|error| error.to_string())
            }
            Err(NotStarted::Filter(why)) => Err(why),
            Err(NotStarted::Usage(failure)) => Err(failure.message()),
        };
        match loaded {
            Ok(what) => anstream::eprintln!("{GOOD}reloaded{PLAIN}: {what}, in {}", time(began.elapsed())),
            Err(why) => anstream::eprintln!(
                "{ERROR}error{PLAIN}: {}\n  not reloaded; what ran before goes on",
                harmless(&why)
            ),
        }
    }
}

fn configuration_file(arguments: &Serve) -> Option<&PathBuf> {
    arguments
        .filter
        .config
        .as_ref()
        .and_then(|configuration| configuration.file())
}

/// The same files, as paths that mean the same everywhere.
fn absolute<'a>(files: impl Iterator<Item = &'a PathBuf>) -> Result<Vec<PathBuf>, Failure> {
    let absolute = |file: &PathBuf| {
        let found = file.canonicalize();
        found.map_err(|error| Failure::Message(format!("{}: {error}", file.display())))
    };
    files.map(absolute).collect()
}

fn cluster(text: &str) -> Result<(String, Origin), String> {
    let (name, url) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or("expected NAME=URL, such as authz=http://127.0.0.1:9000")?;
    Ok((name.to_owned(), Origin::parse(url)?))
}

fn access_log(text: &str) -> Result<AccessLogFormat, String> {
    if !text.trim_start().starts_with('{') {
        return AccessLogFormat::text(text).map_err(|error| error.to_string());
    }
    let format: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    AccessLogFormat::json(&format).map_err(|error| error.to_string())
}
