//! Values that are a text or a file.

use std::io::Read;
use std::path::PathBuf;
use std::{fs, io};

use crate::failure::Failure;

/// A configuration: a file, or the text itself.
#[derive(Clone, Debug)]
pub(crate) enum Configuration {
    File(PathBuf),
    Text(String),
}

impl Configuration {
    /// JSON is taken as it is, and whatever else follows `text:`; anything else names a file.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("expected a file, JSON, or text:TEXT".to_owned());
        }
        Ok(if let Some(text) = text.strip_prefix("text:") {
            Self::Text(text.to_owned())
        } else if text.trim_start().starts_with(['{', '[', '"']) {
            Self::Text(text.to_owned())
        } else {
            Self::File(text.strip_prefix('@').unwrap_or(text).into())
        })
    }

    pub(crate) fn read(&self) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Text(text) => Ok(text.clone().into_bytes()),
            Self::File(path) => fs::read(path).map_err(|error| {
                let shown = path.display();
                Failure::Message(format!(
                    "{shown}: {error}; a configuration is a file, JSON that begins with {{, [ or \", or text:TEXT"
                ))
            }),
        }
    }

    /// The file that it is in, if it is in one.
    pub(crate) fn file(&self) -> Option<&PathBuf> {
        match self {
            Self::File(path) => Some(path),
            Self::Text(_) => None,
        }
    }
}

/// A body as curl takes it: text, `@FILE`, or `@-` for standard input.
pub(crate) fn body(text: &str) -> Result<Vec<u8>, Failure> {
    match text.strip_prefix('@') {
        None => Ok(text.as_bytes().to_vec()),
        Some("-") => {
            let mut body = Vec::new();
            io::stdin().lock().read_to_end(&mut body)?;
            Ok(body)
        }
        Some(path) => fs::read(path).map_err(|error| Failure::Message(format!("{path}: {error}"))),
    }
}
