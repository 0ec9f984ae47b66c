//! The release of Envoy under test, and what older ones do otherwise.

use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) struct Release {
    pub(crate) binary: PathBuf,
    version: (u32, u32, u32),
}

impl Release {
    pub(crate) fn of(binary: &Path) -> Self {
        let output = Command::new(binary)
            .arg("--version")
            .output()
            .unwrap_or_else(|error| panic!("{} cannot be started: {error}", binary.display()));
        // "<path>  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL".
        let text = String::from_utf8_lossy(&output.stdout);
        let version = text
            .rsplit_once("version: ")
            .and_then(|(_, version)| version.split('/').nth(1));
        let version = version.and_then(parse);
        Self {
            binary: binary.to_owned(),
            version: version.unwrap_or_else(|| panic!("not a version of Envoy: {text}")),
        }
    }

    /// Before the fix of CVE-2026-26308, a header's lines were compared joined with commas.
    pub(crate) fn joins_header_lines(&self) -> bool {
        match self.version {
            (1, 34, patch) => patch < 13,
            (1, 35, patch) => patch < 8,
            (1, 36, patch) => patch < 5,
            (1, 37, patch) => patch < 1,
            version => version < (1, 34, 0),
        }
    }

    /// Whether filters are shown the peer's whole certificate.
    pub(crate) fn shows_certificates(&self) -> bool {
        self.version >= (1, 38, 0)
    }

    /// Whether expressions match any bytes. Before, what is no UTF-8 was matched by none; our filter does as later releases do.
    pub(crate) fn matches_any_bytes(&self) -> bool {
        self.version >= (1, 39, 0)
    }
}

impl std::fmt::Display for Release {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (major, minor, patch) = self.version;
        write!(f, "Envoy {major}.{minor}.{patch}")
    }
}

fn parse(text: &str) -> Option<(u32, u32, u32)> {
    let mut numbers = text.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??, numbers.next()??))
}
