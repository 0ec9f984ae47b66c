//! A module as a file.

use std::fmt;

use serde::Serialize;
use wasmparser::{Encoding, ExternalKind, KnownCustom, Parser, Payload, TypeRef, Validator, WasmFeatures};

use super::capabilities::{Capability, Moment};

/// What a file says of itself.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Inspected {
    /// In bytes.
    pub(super) size: u64,
    /// The versions of Proxy-Wasm that it says it speaks; one, if a host is to run it.
    pub(super) abi: Vec<String>,
    /// What it was made with: language, compilers, linkers, as far as it tells.
    pub(super) made_with: Vec<String>,
    /// Bytes by section, largest first.
    pub(super) sections: Vec<(String, u64)>,
    /// Pages of 64 KiB at the start, and at most.
    pub(super) memory: Option<Memory>,
    /// When a proxy calls it.
    pub(super) called: Vec<Moment>,
    /// What it can ask of a proxy.
    pub(super) can: Vec<Capability>,
    /// Functions that it imports and that are not Proxy-Wasm's, nor WASI's.
    pub(super) unknown_imports: Vec<String>,
    /// Whether it imports WASI.
    pub(super) wasi: Vec<String>,
    /// Why no host could run it.
    pub(super) problems: Vec<String>,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Memory {
    pub(super) pages: u64,
    pub(super) most: Option<u64>,
}

/// Why a file is no module.
#[derive(Debug)]
pub(super) enum NoModule {
    /// It does not begin as WebAssembly does.
    NotWasm,
    /// It is text.
    Text,
    /// It is a component.
    Component,
    /// It is damaged.
    Invalid(wasmparser::BinaryReaderError),
}

impl fmt::Display for NoModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotWasm => f.write_str("this is no WebAssembly: a module begins with the bytes 00 61 73 6d"),
            Self::Text => f.write_str("this is WebAssembly as text; proxies take the binary form (wat2wasm makes it)"),
            Self::Component => f.write_str(
                "this is a component; proxies run plain modules (for Rust, the targets wasm32-unknown-unknown and wasm32-wasip1)",
            ),
            Self::Invalid(error) => write!(f, "this is no valid module: {error}"),
        }
    }
}

const ABI_MARKER: &str = "proxy_abi_version_";
const KNOWN_ABIS: [&str; 3] = ["0.1.0", "0.2.0", "0.2.1"];
const ALLOCATORS: [&str; 2] = ["proxy_on_memory_allocate", "malloc"];
const WASI: [&str; 2] = ["wasi_snapshot_preview1", "wasi_unstable"];

impl Inspected {
    /// Reads a file.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, NoModule> {
        check_head(bytes)?;
        // What Envoy's engine takes by default, and no proposal beyond it.
        let features = WasmFeatures::WASM3 - WasmFeatures::MEMORY64;
        Validator::new_with_features(features)
            .validate_all(bytes)
            .map_err(NoModule::Invalid)?;
        let mut found = Self {
            size: bytes.len() as u64,
            ..Self::default()
        };
        let mut exports = Vec::new();
        for payload in Parser::new(0).parse_all(bytes) {
            found
                .take(payload.map_err(NoModule::Invalid)?, &mut exports)
                .map_err(NoModule::Invalid)?;
        }
        found.sections.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
        found.conclude(&exports);
        Ok(found)
    }

    fn take(&mut self, payload: Payload<'_>, exports: &mut Vec<String>) -> wasmparser::Result<()> {
        let mut section = |name: &str, size: usize| self.sections.push((name.to_owned(), size as u64));
        match payload {
            Payload::CodeSectionStart { size, .. } => section("code", size as usize),
            Payload::DataSection(data) => section("data", data.range().end.saturating_sub(data.range().start) as usize),
            Payload::CustomSection(custom) => {
                section(custom.name(), custom.data().len());
                if let KnownCustom::Producers(fields) = custom.as_known() {
                    for field in fields {
                        for value in field?.values {
                            let value = value?;
                            let version = value.version.split_whitespace().next().unwrap_or_default();
                            self.made_with
                                .push(format!("{} {version}", value.name).trim_end().to_owned());
                        }
                    }
                }
            }
            Payload::MemorySection(memories) => {
                for memory in memories {
                    let memory = memory?;
                    self.memory = Some(Memory {
                        pages: memory.initial,
                        most: memory.maximum,
                    });
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import?;
                    self.import(import.module, import.name, import.ty);
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    if export.kind == ExternalKind::Func {
                        exports.push(export.name.to_owned());
                    } else if export.kind == ExternalKind::Memory {
                        exports.push("memory".to_owned());
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn import(&mut self, module: &str, name: &str, kind: TypeRef) {
        if !matches!(kind, TypeRef::Func(_)) {
            let problem = format!("it imports `{module}.{name}`, which is no function; proxies offer functions only");
            self.problems.push(problem);
        } else if WASI.contains(&module) {
            self.wasi.push(name.to_owned());
        } else if let Some(capability) = Capability::of(name).filter(|_| module == "env") {
            if !self.can.contains(&capability) {
                self.can.push(capability);
            }
        } else {
            self.unknown_imports.push(format!("{module}.{name}"));
        }
    }

    fn conclude(&mut self, exports: &[String]) {
        let versions = exports.iter().filter_map(|name| name.strip_prefix(ABI_MARKER));
        self.abi = versions.map(|version| version.replace('_', ".")).collect();
        match &self.abi[..] {
            [] => self.problems.push(format!(
                "it exports no `{ABI_MARKER}0_2_1` or the like, so that no proxy takes it for a Proxy-Wasm module"
            )),
            [version] if KNOWN_ABIS.contains(&version.as_str()) => {}
            [version] => self
                .problems
                .push(format!("no proxy speaks the version {version} of Proxy-Wasm")),
            _ => self
                .problems
                .push("it says that it speaks several versions of Proxy-Wasm".to_owned()),
        }
        if !exports.iter().any(|name| ALLOCATORS.contains(&name.as_str())) {
            self.problems.push(format!(
                "it exports neither `{}` nor `{}`, so that a proxy can hand nothing over",
                ALLOCATORS[0], ALLOCATORS[1]
            ));
        }
        if !exports.iter().any(|name| name == "memory") {
            self.problems.push("it does not export its memory".to_owned());
        }
        for moment in exports.iter().filter_map(|name| Moment::of(name)) {
            if !self.called.contains(&moment) {
                self.called.push(moment);
            }
        }
        self.called.sort_unstable();
        self.can.sort_unstable();
    }
}

fn check_head(bytes: &[u8]) -> Result<(), NoModule> {
    if !bytes.starts_with(b"\0asm") {
        let is_text = bytes.trim_ascii_start().starts_with(b"(module") || bytes.starts_with(b";;");
        return Err(if is_text { NoModule::Text } else { NoModule::NotWasm });
    }
    match Parser::new(0).parse_all(bytes).next() {
        Some(Ok(Payload::Version {
            encoding: Encoding::Component,
            ..
        })) => Err(NoModule::Component),
        Some(Err(error)) => Err(NoModule::Invalid(error)),
        _ => Ok(()),
    }
}
