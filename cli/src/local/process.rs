//! One running Envoy.

use std::collections::VecDeque;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use outgate_sdk::proxy::ProxyName;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::access::Access;
use super::admin::Admin;
use super::binary::Binary;
use crate::failure::Failure;

/// Compiling the filter takes Envoy a second; a machine that is busy otherwise may take much longer.
const START_LIMIT: Duration = Duration::from_secs(60);
/// An Envoy that was asked to end and does not is ended.
const STOP_LIMIT: Duration = Duration::from_secs(3);
const STEP: Duration = Duration::from_millis(10);
/// How much of what an Envoy last said is told when it ends.
const LAST_WORDS: usize = 8;

/// What Envoys do.
#[derive(Debug)]
pub(crate) enum Event {
    /// A request was answered, or a connection ended.
    Access(ProxyName, Box<Access>),
    /// A line of the log that the manifests ask for.
    Line(ProxyName, String),
    /// Envoy says something about itself.
    Said(ProxyName, String),
    /// It has ended, and nobody asked it to.
    Ended(ProxyName, String),
}

/// An Envoy, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    name: ProxyName,
    pub(crate) pid: Option<u32>,
    admin: Option<Admin>,
    admin_file: PathBuf,
    last_words: Arc<Mutex<VecDeque<String>>>,
    /// Whether it has been asked to end.
    is_stopping: Arc<AtomicBool>,
    /// Waits for its end.
    end: JoinHandle<()>,
}

impl Process {
    /// Starts an Envoy whose files are in a directory. It is not ready yet.
    pub(crate) fn start(
        binary: &Binary,
        name: &ProxyName,
        directory: &Path,
        drain: Duration,
        events: &UnboundedSender<Event>,
    ) -> Result<Self, Failure> {
        let admin_file = directory.join("admin.address");
        let mut command = Command::new(&binary.path);
        command
            .arg("-c")
            .arg(directory.join("bootstrap.json"))
            .arg("--admin-address-path")
            .arg(&admin_file)
            .args(["--concurrency", "1", "--use-dynamic-base-id"])
            .args(["--drain-time-s", &drain.as_secs().to_string()])
            .args(["--drain-strategy", "immediate"])
            .args(["--log-level", "warn", "--log-format", "%l: %v"])
            // Access-log lines are held back for ten seconds otherwise.
            .args(["--file-flush-interval-msec", "20"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // Ctrl-C in a terminal reaches the whole group: it is for us to stop Envoys in order.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command
            .spawn()
            .map_err(|error| format!("{} cannot be started: {error}", binary.path.display()))?;
        let pid = child.id();
        let last_words = Arc::new(Mutex::new(VecDeque::new()));
        if let Some(output) = child.stdout.take() {
            tokio::spawn(read_output(output, name.clone(), events.clone()));
        }
        if let Some(errors) = child.stderr.take() {
            tokio::spawn(read_errors(
                errors,
                name.clone(),
                events.clone(),
                Arc::clone(&last_words),
            ));
        }
        let is_stopping = Arc::new(AtomicBool::new(false));
        let end = await_end(child, Arc::clone(&is_stopping));
        let end = tokio::spawn(tell_end(end, name.clone(), events.clone(), Arc::clone(&last_words)));
        Ok(Self {
            name: name.clone(),
            pid,
            admin: None,
            admin_file,
            last_words,
            is_stopping,
            end,
        })
    }

    /// What it says about itself, once it is ready.
    pub(crate) fn admin(&self) -> Option<Admin> {
        self.admin
    }

    /// Waits until it takes requests at all of these addresses.
    pub(crate) async fn await_ready(&mut self, addresses: &[SocketAddr]) -> Result<(), Failure> {
        let started = Instant::now();
        while started.elapsed() < START_LIMIT {
            if self.end.is_finished() {
                return Err(format!("{}: Envoy ended before it was ready{}", self.name, self.last_words()).into());
            }
            if let Some(admin) = self.find_admin()
                && admin.is_ready().await
                && let Ok(listeners) = admin.listeners().await
                && addresses
                    .iter()
                    .all(|address| listeners.values().any(|known| known == address))
            {
                return self.refuse_rejections(admin).await;
            }
            sleep(STEP).await;
        }
        Err(format!(
            "{}: Envoy was not ready after {} s{}",
            self.name,
            START_LIMIT.as_secs(),
            self.last_words()
        )
        .into())
    }

    /// An Envoy is ready without what it has refused.
    async fn refuse_rejections(&self, admin: Admin) -> Result<(), Failure> {
        let counts = admin.statistics("update_rejected").await?;
        if counts.values().all(|count| count == "0") {
            return Ok(());
        }
        Err(format!("{}: Envoy refuses its configuration{}", self.name, self.last_words()).into())
    }

    /// Ends it.
    pub(crate) async fn stop(mut self) {
        self.is_stopping.store(true, Ordering::SeqCst);
        if let Some(admin) = self.admin
            && admin.quit().await.is_ok()
            && timeout(STOP_LIMIT, &mut self.end).await.is_ok()
        {
            return;
        }
        self.end.abort();
        self.end.await.ok();
    }

    fn find_admin(&mut self) -> Option<Admin> {
        if self.admin.is_none() {
            let text = fs::read_to_string(&self.admin_file).ok()?;
            self.admin = text.trim().parse().ok().map(Admin);
        }
        self.admin
    }

    fn last_words(&self) -> String {
        told(&self.last_words)
    }
}

/// How it has ended; `None` when it was asked to.
async fn await_end(mut child: Child, is_stopping: Arc<AtomicBool>) -> Option<String> {
    let status = child.wait().await;
    // What it said last may still be on its way.
    sleep(STEP * 5).await;
    let how = status.as_ref().map_or_else(ToString::to_string, ExitStatus::to_string);
    (!is_stopping.load(Ordering::SeqCst)).then_some(how)
}

async fn tell_end(
    end: impl Future<Output = Option<String>>,
    name: ProxyName,
    events: UnboundedSender<Event>,
    last_words: Arc<Mutex<VecDeque<String>>>,
) {
    if let Some(how) = end.await {
        // Nobody listens any more when all are stopped.
        events
            .send(Event::Ended(name, format!("{how}{}", told(&last_words))))
            .ok();
    }
}

async fn read_output(output: impl AsyncRead + Unpin, name: ProxyName, events: UnboundedSender<Event>) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let event = match Access::read(&line) {
            Some(access) => Event::Access(name.clone(), Box::new(access)),
            None => Event::Line(name.clone(), line),
        };
        if events.send(event).is_err() {
            return;
        }
    }
}

async fn read_errors(
    errors: impl AsyncRead + Unpin,
    name: ProxyName,
    events: UnboundedSender<Event>,
    last_words: Arc<Mutex<VecDeque<String>>>,
) {
    let mut lines = BufReader::new(errors).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        {
            let mut last = last_words.lock().unwrap_or_else(PoisonError::into_inner);
            if last.len() == LAST_WORDS {
                last.pop_front();
            }
            last.push_back(line.clone());
        }
        if events.send(Event::Said(name.clone(), line)).is_err() {
            return;
        }
    }
}

fn told(last_words: &Mutex<VecDeque<String>>) -> String {
    let last = last_words.lock().unwrap_or_else(PoisonError::into_inner);
    if last.is_empty() {
        return String::new();
    }
    let lines: Vec<String> = last.iter().map(|line| format!("\n  {line}")).collect();
    format!("; it said last:{}", lines.concat())
}
