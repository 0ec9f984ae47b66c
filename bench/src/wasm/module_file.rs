//! The module as a file: how large it is and what it exports.

use std::fs;
use std::path::Path;

use wasmparser::{ExternalKind, Parser, Payload};

use super::Error;

/// What the proxy sees of a module before it runs it.
#[derive(Clone, Debug)]
pub(super) struct ModuleFile {
    /// Its size in bytes.
    pub(super) size: u64,
    /// Bytes by section, largest first; sections that are the same for every module are left out.
    pub(super) sections: Vec<(&'static str, u64)>,
    /// The functions that it exports.
    pub(super) exports: Vec<String>,
    /// The functions that it imports.
    pub(super) imports: Vec<String>,
}

impl ModuleFile {
    /// Reads a module.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or is no module.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut file = Self {
            size: bytes.len() as u64,
            sections: Vec::new(),
            exports: Vec::new(),
            imports: Vec::new(),
        };
        for payload in Parser::new(0).parse_all(&bytes) {
            match payload? {
                Payload::CodeSectionStart { size, .. } => file.sections.push(("code", size.into())),
                Payload::DataSection(section) => {
                    let range = section.range();
                    file.sections.push(("data", range.end - range.start));
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        if export.kind == ExternalKind::Func {
                            file.exports.push(export.name.to_owned());
                        }
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        file.imports.push(import?.name.to_owned());
                    }
                }
                _ => {}
            }
        }
        file.sections.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
        Ok(file)
    }
}
