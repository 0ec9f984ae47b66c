//! A real registry on this machine: Debian's `docker-registry`, when it is installed.

pub(crate) mod token_server;

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use tempfile::TempDir;

pub(crate) struct DockerRegistry {
    process: Child,
    pub(crate) address: String,
    // Kept for as long as the process uses it.
    _directory: TempDir,
}

impl DockerRegistry {
    /// Starts one, or says that there is none.
    pub(crate) fn start(test: &str, http: &str, auth: &str) -> Option<Self> {
        let Some(program) = find("DOCKER_REGISTRY", "docker-registry") else {
            println!("skipped: {test}: there is no docker-registry on PATH, and DOCKER_REGISTRY names none");
            return None;
        };
        let directory = tempfile::tempdir().unwrap();
        let storage = directory.path().join("storage");
        let config = format!(
            "version: 0.1\nlog: {{level: info, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http: {{addr: \"127.0.0.1:0\"{http}}}\n{auth}",
            storage.display()
        );
        let file = directory.path().join("config.yml");
        fs::write(&file, config).unwrap();
        let mut process = Command::new(program)
            .arg("serve")
            .arg(&file)
            .env_remove("OTEL_TRACES_EXPORTER")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = process.stderr.take().unwrap();
        // Stopped by `Drop`, even when it does not come up.
        let mut registry = Self {
            process,
            address: String::new(),
            _directory: directory,
        };
        registry.address = listening_at(log);
        Some(registry)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/v2/{path}", self.address)
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The kernel chooses the port, and the registry's log tells it.
fn listening_at(log: impl Read + Send + 'static) -> String {
    let mut log = BufReader::new(log);
    let mut said = String::new();
    let address = loop {
        let before = said.len();
        if log.read_line(&mut said).unwrap() == 0 {
            panic!("the registry did not start:\n{said}");
        }
        if let Some((_, rest)) = said[before..].split_once("listening on ") {
            break rest.split(['"', ',', ' ', '\n']).next().unwrap().to_owned();
        }
    };
    // A full pipe would stop it.
    thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    address
}

/// A program, as an environment variable or PATH says.
pub(crate) fn find(variable: &str, name: &str) -> Option<PathBuf> {
    let named = env::var_os(variable).map(PathBuf::from);
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = || {
        env::split_paths(&path)
            .map(|directory| directory.join(name))
            .find(|file| is_program(file))
    };
    named.or_else(on_path)
}

fn is_program(file: &Path) -> bool {
    file.is_file()
}
