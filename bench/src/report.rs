//! What a measurement leaves behind: `<name>.md` for people, `<name>.json` for machines, plots.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::table::Table;

/// The outcome of one measurement.
#[derive(Clone, Debug)]
pub struct Report {
    /// `engine`, `wasm`, `envoy` or `host`.
    pub name: &'static str,
    /// What people read.
    pub tables: Vec<Table>,
    /// All numbers.
    pub data: Value,
    /// SVG drawings, by the name that their file gets.
    pub plots: Vec<(String, String)>,
}

impl Report {
    /// Where reports go unless a command is told otherwise.
    #[must_use]
    pub fn usual_directory() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench")
    }

    /// Writes the files.
    ///
    /// # Errors
    ///
    /// When the directory cannot be made or written to.
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        fs::create_dir_all(directory)?;
        fs::write(directory.join(format!("{}.md", self.name)), self.text())?;
        fs::write(
            directory.join(format!("{}.json", self.name)),
            format!("{:#}\n", self.data),
        )?;
        for (name, drawing) in &self.plots {
            fs::write(directory.join(format!("{name}.svg")), drawing)?;
        }
        Ok(())
    }

    /// The tables, one after the other.
    #[must_use]
    pub fn text(&self) -> String {
        let tables: Vec<String> = self.tables.iter().map(ToString::to_string).collect();
        tables.join("\n")
    }
}
