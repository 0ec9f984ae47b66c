//! What a command line says about the custom policies in the filter's module.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use outgate_sdk::access_log::LogProperty;
use outgate_sdk::diagnostic::{Diagnostic, Diagnostics};
use outgate_sdk::filter_config::Extensions;
use outgate_sdk::located;
use outgate_sdk::source::Sources;

use crate::failure::Failure;

/// How custom policies are configured.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Custom policies")]
pub(crate) struct ExtensionArguments {
    /// A file with what the custom policies in the module are configured with, each under its name: YAML or JSON.
    #[arg(long, value_name = "FILE")]
    extensions: Option<PathBuf>,
}

impl ExtensionArguments {
    /// What the file says, if one is named.
    pub(crate) fn read(&self) -> Result<Option<Extensions>, Failure> {
        self.extensions.as_deref().map(read).transpose()
    }

    pub(crate) fn file(&self) -> Option<&Path> {
        self.extensions.as_deref()
    }
}

/// What custom policies write into access logs.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Custom policies")]
pub(crate) struct LogArguments {
    /// A field that a custom policy writes, as outgate_POLICY_FIELD with hyphens as underscores. It is added to access logs in JSON;
    /// may be given several times.
    #[arg(long = "log-property", value_name = "NAME", value_parser = LogProperty::parse)]
    pub(crate) log_properties: Vec<LogProperty>,
}

fn read(file: &Path) -> Result<Extensions, Failure> {
    let shown = file.display().to_string();
    let text = fs::read_to_string(file).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    let mut sources = Sources::default();
    let id = sources.add(shown.as_str(), text);
    let (documents, errors) = located::parse(&sources, id);
    if !errors.is_empty() {
        let diagnostics: Diagnostics = errors.into_iter().map(Diagnostic::from).collect();
        return Err(Failure::input(&diagnostics, &sources));
    }
    let [document] = documents.as_slice() else {
        return Err(format!(
            "{shown}: expected one document, the configuration of each custom policy under its name; there are {}",
            documents.len()
        )
        .into());
    };
    document
        .read()
        .map_err(|error| Failure::input(&[Diagnostic::from(error)].into_iter().collect(), &sources))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Extensions, Failure> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        read(file.path())
    }

    #[test]
    fn extensions_are_yaml_or_json() {
        let expected: Extensions = serde_json::from_str(r#"{"a": {"b": [1, "x", true, null]}, "c": {}}"#).unwrap();
        for text in [
            "a: {b: [1, x, true, null]}\nc: {}\n",
            r#"{"a": {"b": [1, "x", true, null]}, "c": {}}"#,
        ] {
            assert_eq!(read_text(text).ok(), Some(expected.clone()), "{text}");
        }
    }

    #[test]
    fn what_is_no_map_is_refused() {
        for text in ["", "- a", "a", "a: 1\n---\nb: 2\n", "a: 1\na: 2\n", "{"] {
            assert!(read_text(text).is_err(), "{text:?}");
        }
        let missing = read(Path::new("/nowhere/extensions.yaml")).unwrap_err().message();
        assert!(
            missing.starts_with("/nowhere/extensions.yaml cannot be read"),
            "{missing}"
        );
    }
}
