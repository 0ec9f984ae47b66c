//! What every command prints alike.

use anstyle::{AnsiColor, Color, Reset, Style};
use outgate_sdk::diagnostic::Diagnostics;
use outgate_sdk::source::Sources;
use serde::Serialize;

use crate::failure::Failure;

const fn bold(color: AnsiColor) -> Style {
    Style::new().bold().fg_color(Some(Color::Ansi(color)))
}

pub(crate) const ERROR: Style = bold(AnsiColor::Red);
pub(crate) const WARNING: Style = bold(AnsiColor::Yellow);
pub(crate) const GOOD: Style = bold(AnsiColor::Green);
pub(crate) const STRONG: Style = Style::new().bold();
pub(crate) const FAINT: Style = Style::new().dimmed();
pub(crate) const PLAIN: Reset = Reset;

/// Shows errors and warnings with their lines, on standard error.
pub(crate) fn show_diagnostics(diagnostics: &Diagnostics, sources: &Sources) {
    if !diagnostics.is_empty() {
        anstream::eprint!("{}", diagnostics.render(sources, true));
    }
}

/// Prints one JSON document on standard output.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}
