//! What every command prints alike.

use std::borrow::Cow;
use std::io::{self, Write};

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

/// A text from a filter or from the network, without the control characters by which it could paint over the terminal.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    let is_harmful = |character: char| character.is_control() && character != '\n' && character != '\t';
    if text.contains(is_harmful) {
        Cow::Owned(text.replace(is_harmful, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The same without line breaks: whoever writes lines must not be made to write one that somebody else thought out.
pub(crate) fn harmless_line(text: &str) -> Cow<'_, str> {
    let text = harmless(text);
    if text.contains('\n') {
        Cow::Owned(text.replace('\n', "\u{fffd}"))
    } else {
        text
    }
}

/// Prints one JSON document on standard output.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    print_line(&serde_json::to_string_pretty(value)?)
}

/// Warns in a line on standard error.
pub(crate) fn warn(text: &str) {
    anstream::eprintln!("{WARNING}warning{PLAIN}: {}", harmless_line(text));
}

/// Prints a line on standard output as it is. Whoever does not read on, as `head` does, has seen enough.
pub(crate) fn print_line(line: &str) -> Result<(), Failure> {
    match writeln!(io::stdout().lock(), "{line}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
