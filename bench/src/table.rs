//! Tables that read well in a terminal and are Markdown in a document.

use std::fmt;

/// A table: its first column is text, the others are mostly numbers.
#[derive(Clone, Debug)]
pub struct Table {
    title: String,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    #[must_use]
    pub fn new<C: Into<String>>(title: impl Into<String>, columns: impl IntoIterator<Item = C>) -> Self {
        Self {
            title: title.into(),
            columns: columns.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row. Cells beyond the columns are dropped, missing ones are empty.
    pub fn row<C: Into<String>>(&mut self, cells: impl IntoIterator<Item = C>) {
        let mut cells: Vec<String> = cells.into_iter().map(Into::into).collect();
        cells.resize(self.columns.len(), String::new());
        self.rows.push(cells);
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().map(|row| &row[column]);
        cells
            .chain([&self.columns[column]])
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
            .max(3)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: Vec<usize> = (0..self.columns.len()).map(|column| self.width(column)).collect();
        let line = |f: &mut fmt::Formatter<'_>, cells: &[String]| {
            for (column, (cell, &width)) in cells.iter().zip(&widths).enumerate() {
                if column == 0 {
                    write!(f, "| {cell:<width$} ")?;
                } else {
                    write!(f, "| {cell:>width$} ")?;
                }
            }
            f.write_str("|\n")
        };
        writeln!(f, "**{}**\n", self.title)?;
        line(f, &self.columns)?;
        for (column, &width) in widths.iter().enumerate() {
            if column == 0 {
                write!(f, "| {:-<width$} ", "")?;
            } else {
                write!(f, "| {:->before$}: ", "", before = width - 1)?;
            }
        }
        f.write_str("|\n")?;
        self.rows.iter().try_for_each(|row| line(f, row))
    }
}

/// A duration in nanoseconds, as people write it: `640 ns`, `12.4 µs`, `3.1 ms`.
#[must_use]
pub fn nanoseconds(value: f64) -> String {
    match value {
        value if value.abs() < 1e3 => format!("{value:.0} ns"),
        value if value.abs() < 1e6 => format!("{:.*} µs", decimals(value / 1e3), value / 1e3),
        value if value.abs() < 1e9 => format!("{:.*} ms", decimals(value / 1e6), value / 1e6),
        value => format!("{:.1} s", value / 1e9),
    }
}

fn decimals(value: f64) -> usize {
    usize::from(value.abs() < 100.0)
}

/// A count with its thousands set apart: `1,234,567`.
#[must_use]
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    groups.join(",")
}

/// Bytes, in millions or thousands.
#[must_use]
pub fn bytes(value: u64) -> String {
    match value {
        0..1_000_000 => format!("{} KB", value.div_ceil(1000)),
        _ => format!("{:.1} MB", value as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (value, expected) in [
            (640.4, "640 ns"),
            (12_440.0, "12.4 µs"),
            (740_000.0, "740 µs"),
            (3.1e6, "3.1 ms"),
            (2.5e9, "2.5 s"),
        ] {
            assert_eq!(nanoseconds(value), expected);
        }
        for (value, expected) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(value), expected);
        }
        assert_eq!(
            (bytes(398_437), bytes(8_400_000)),
            ("399 KB".to_owned(), "8.4 MB".to_owned())
        );
    }

    #[test]
    fn a_table_is_aligned_markdown() {
        let mut table = Table::new("Costs", ["family", "10"]);
        table.row(["hosts", "640 ns"]);
        assert_eq!(
            table.to_string(),
            "**Costs**\n\n| family |     10 |\n| ------ | -----: |\n| hosts  | 640 ns |\n"
        );
    }
}
