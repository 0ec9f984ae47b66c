//! A running Envoy, and what the kernel and its own log say that it has used.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Error;

/// Native RBAC with 100,000 policies takes its time.
const START_LIMIT: Duration = Duration::from_secs(300);
const STEP: Duration = Duration::from_millis(5);

/// An Envoy, which ends when this is dropped.
pub(super) struct Envoy {
    child: Child,
    admin: SocketAddr,
    log: PathBuf,
    /// How long it took from its start until it was ready.
    pub(super) ready: Duration,
}

/// What Envoy's own log tells.
#[derive(Clone, Copy)]
pub(super) enum Log {
    Warnings,
    /// Each call of a module, too, with its time.
    WasmCalls,
}

impl Envoy {
    /// Starts an Envoy and waits until it takes requests.
    pub(super) fn start(binary: &Path, bootstrap: &Value, directory: &Path, log: Log) -> Result<Self, Error> {
        let config = directory.join("envoy.json");
        fs::write(&config, bootstrap.to_string())?;
        let log_file = directory.join("envoy.log");
        let admin = directory.join("admin.address");
        let levels = match log {
            Log::Warnings => "misc:error",
            Log::WasmCalls => "misc:error,wasm:trace",
        };
        let started = Instant::now();
        let child = Command::new(binary)
            .arg("-c")
            .arg(&config)
            .arg("--admin-address-path")
            .arg(&admin)
            .args(["--concurrency", "1", "--use-dynamic-base-id", "--log-level", "warn"])
            // Seconds and nanoseconds.
            .args(["--component-log-level", levels, "--log-format", "%E.%F %v"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log_file)?)
            .spawn()
            .map_err(|error| format!("{} cannot be started: {error}", binary.display()))?;
        let mut envoy = Self {
            child,
            admin: SocketAddr::from(([127, 0, 0, 1], 0)),
            log: log_file,
            ready: Duration::ZERO,
        };
        while started.elapsed() < START_LIMIT {
            if let Some(status) = envoy.child.try_wait()? {
                return Err(format!("Envoy ended before it was ready ({status}): {}", envoy.log()?).into());
            }
            let address = fs::read_to_string(&admin)
                .ok()
                .and_then(|text| text.trim().parse().ok());
            if let Some(address) = address {
                envoy.admin = address;
                if envoy.ask("/ready").is_ok() {
                    envoy.ready = started.elapsed();
                    return Ok(envoy);
                }
            }
            thread::sleep(STEP);
        }
        Err(format!("Envoy was not ready after {} s", START_LIMIT.as_secs()).into())
    }

    /// Where its listener is.
    pub(super) fn listener(&self) -> Result<SocketAddr, Error> {
        let listed: Value = serde_json::from_str(&self.ask("/listeners?format=json")?)?;
        let port = &listed["listener_statuses"][0]["local_address"]["socket_address"]["port_value"];
        let port = port.as_u64().and_then(|port| u16::try_from(port).ok());
        let port = port.ok_or("Envoy has no listener")?;
        Ok(SocketAddr::from(([127, 0, 0, 1], port)))
    }

    /// How many virtual machines it runs.
    pub(super) fn virtual_machines(&self) -> Result<u64, Error> {
        let stats = self.ask("/stats?filter=wasm.*active")?;
        let values = stats.lines().filter_map(|line| line.rsplit_once(": "));
        Ok(values
            .filter_map(|(_, value)| value.parse::<u64>().ok())
            .max()
            .unwrap_or(0))
    }

    /// Processor time of all its threads so far, in nanoseconds.
    pub(super) fn processor_time(&self) -> Result<u64, Error> {
        // A thread's time is brought up to date when it goes to sleep.
        thread::sleep(Duration::from_millis(1));
        let mut sum = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = fs::read_to_string(task?.path().join("schedstat"))?;
            let time = text.split(' ').next().and_then(|time| time.parse::<u64>().ok());
            sum += time.ok_or("the kernel does not count processor time by thread")?;
        }
        Ok(sum)
    }

    /// Resident memory in bytes.
    pub(super) fn resident(&self) -> Result<u64, Error> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        Ok(kilobytes.ok_or("the kernel does not tell the resident memory")? * 1024)
    }

    /// The longest time that a module took for its configuration in one virtual machine, if the log has [`Log::WasmCalls`].
    pub(super) fn longest_configure(&self) -> Result<Option<Duration>, Error> {
        let log = self.log()?;
        let mut began = None;
        let mut longest = None;
        for line in log.lines().filter(|line| line.contains("proxy_on_configure")) {
            let time: Option<f64> = line.split(' ').next().and_then(|time| time.parse().ok());
            if line.contains("[host->vm]") {
                began = time;
            } else if let (Some(began), Some(ended)) = (began.take(), time) {
                longest = longest.max(Some(Duration::from_secs_f64((ended - began).max(0.0))));
            }
        }
        Ok(longest)
    }

    fn log(&self) -> Result<String, Error> {
        Ok(String::from_utf8_lossy(&fs::read(&self.log)?).into_owned())
    }

    /// The body of what its administration answers.
    fn ask(&self, target: &str) -> Result<String, Error> {
        let mut reply = ureq::get(format!("http://{}{target}", self.admin)).call()?;
        Ok(reply.body_mut().read_to_string()?)
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        // An Envoy that is gone already needs no end.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
