//! HTTPBin, the walkthrough's server, on a port of this machine.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::failure::Failure;

/// Serves on a port that the kernel picks, says which, and ends when nobody holds its input open any more.
const SERVER: &str = "\
import sys, threading, os
from waitress.server import create_server
from httpbin import app
server = create_server(app, host='127.0.0.1', port=0)
print(server.effective_port, flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
server.run()
";

/// A running HTTPBin, which ends with this.
pub(crate) struct HttpBin {
    child: Child,
    pub(crate) port: u16,
}

impl HttpBin {
    pub(crate) fn start(python: &Path) -> Result<Self, Failure> {
        let failed = |why: String| Failure::could_not_run(format!("HTTPBin cannot be started: {why}"));
        let mut child = Command::new(python)
            .args(["-W", "ignore", "-c", SERVER])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output)
                .read_line(&mut line)
                .map_err(|error| failed(error.to_string()))?;
        }
        match line.trim().parse() {
            Ok(port) => Ok(Self { child, port }),
            Err(_) => {
                child.kill().ok();
                child.wait().ok();
                Err(failed(format!("it says `{}` for its port", line.trim())))
            }
        }
    }
}

impl Drop for HttpBin {
    fn drop(&mut self) {
        // One that is gone already needs no end.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
