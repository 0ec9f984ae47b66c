//! `outgate package`.

mod challenge;
mod credentials;
mod layout;
mod registry;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use outgate_sdk::oci::{Image, Reference, Tag};
use outgate_test_host::Module;
use serde::Serialize;

use crate::arguments::{OutputFormat, Package};
use crate::failure::{FINE, Failure};
use crate::{filter_module, output};

pub(crate) fn run(arguments: &Package) -> Result<ExitCode, Failure> {
    let path = filter_module::find(arguments.filter.as_ref())?;
    let of_file = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let module = fs::read(&path).map_err(|error| of_file(&error))?;
    let annotations: BTreeMap<_, _> = arguments.annotations.iter().cloned().collect();
    let image = Image::of_module(&module, &annotations).map_err(|error| of_file(&error))?;
    // What no proxy would run is found here, rather than by the gateway that refuses every request because of it.
    Module::from_bytes(&module).map_err(|error| of_file(&error))?;

    let tag = tag(arguments)?;
    if let Some(directory) = &arguments.layout {
        layout::write(directory, &tag, &image)?;
    }
    let pushed = arguments.push.clone().map(|reference| reference.with_tag(tag.clone()));
    if let Some(reference) = &pushed {
        registry::push(reference, &tag, &image, &arguments.registry)?;
    }

    let report = Report {
        filter: &path,
        module_bytes: module.len(),
        digest: image.manifest().digest().to_string(),
        tag: &tag,
        layout: arguments.layout.as_deref(),
        pushed: pushed.as_ref().map(Reference::to_string),
        wasm_plugin: PluginSource {
            url: pushed.as_ref().map(|reference| format!("oci://{reference}")),
            sha256: image.manifest().digest().hex(),
        },
    };
    match arguments.output {
        OutputFormat::Json => output::print_json(&report)?,
        OutputFormat::Text => report.print(),
    }
    Ok(FINE)
}

fn tag(arguments: &Package) -> Result<Tag, Failure> {
    let pushed = arguments.push.as_ref().and_then(Reference::tag);
    match (&arguments.tag, pushed) {
        (Some(tag), Some(pushed)) if tag != pushed => Err(Failure::Message(format!(
            "--tag says {tag}, and --push says {pushed}; give the tag once"
        ))),
        (Some(tag), _) | (None, Some(tag)) => Ok(tag.clone()),
        (None, None) => Ok(Tag::parse("latest")?),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    filter: &'a Path,
    module_bytes: usize,
    digest: String,
    tag: &'a Tag,
    #[serde(skip_serializing_if = "Option::is_none")]
    layout: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pushed: Option<String>,
    wasm_plugin: PluginSource,
}

/// The fields of a `WasmPlugin` that say where the module is.
#[derive(Serialize)]
struct PluginSource {
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    sha256: String,
}

impl Report<'_> {
    fn print(&self) {
        anstream::println!("module  {} ({} bytes)", self.filter.display(), self.module_bytes);
        anstream::println!("image   {}", self.digest);
        if let Some(directory) = self.layout {
            anstream::println!("layout  {} (tag {})", directory.display(), self.tag);
        }
        if let Some(pushed) = &self.pushed {
            anstream::println!("pushed  {pushed}");
        }
        let url = self.wasm_plugin.url.as_deref();
        let elsewhere = format!("oci://REGISTRY/REPOSITORY:{}", self.tag);
        anstream::println!("\nfor a WasmPlugin\n  url: {}", url.unwrap_or(&elsewhere));
        anstream::println!("  sha256: {}", self.wasm_plugin.sha256);
    }
}
