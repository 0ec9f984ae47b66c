//! Plots of cost against the number of policies, both on logarithmic scales, as SVG.

use std::fmt::Write;

/// One line of a plot.
#[derive(Clone, Debug)]
pub struct Series {
    /// What the legend calls it.
    pub name: String,
    /// Numbers of policies and costs, both greater than zero; others are left out.
    pub points: Vec<(f64, f64)>,
    /// Drawn strong; the others stand back.
    pub stands_out: bool,
}

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 460.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 230.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 48.0;
/// Told apart by people who do not see all colours (Okabe and Ito).
const COLOURS: [&str; 7] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000",
];
const QUIET: &str = "#b8b8b8";

/// Draws a plot. `label` writes a cost beside the axis.
#[must_use]
pub fn draw(title: &str, series: &[Series], label: fn(f64) -> String) -> String {
    let points = || {
        let all = series.iter().flat_map(|series| &series.points);
        all.filter(|(x, y)| *x > 0.0 && *y > 0.0)
    };
    let (x_axis, y_axis) = (Axis::over(points().map(|p| p.0)), Axis::over(points().map(|p| p.1)));
    let x = |value: f64| LEFT + x_axis.place(value) * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| HEIGHT - BOTTOM - y_axis.place(value) * (HEIGHT - TOP - BOTTOM);
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12" fill="#333">
<rect width="100%" height="100%" fill="#fff"/>
<text x="{LEFT}" y="24" font-size="15">{}</text>
"##,
        escape(title)
    );
    // Writing to a `String` cannot fail.
    for tick in x_axis.ticks() {
        let (x, top, bottom) = (x(tick), TOP, HEIGHT - BOTTOM);
        let _ = writeln!(
            svg,
            r##"<path d="M{x:.1} {top}V{bottom}" stroke="#e4e4e4"/><text x="{x:.1}" y="{:.1}" text-anchor="middle">{}</text>"##,
            bottom + 18.0,
            crate::table::count(tick.round() as u64)
        );
    }
    for tick in y_axis.ticks() {
        let (y, right) = (y(tick), WIDTH - RIGHT);
        let _ = writeln!(
            svg,
            r##"<path d="M{LEFT} {y:.1}H{right}" stroke="#e4e4e4"/><text x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"##,
            LEFT - 8.0,
            y + 4.0,
            label(tick)
        );
    }
    let _ = writeln!(
        svg,
        r#"<text x="{:.1}" y="{:.1}" text-anchor="middle">policies</text>"#,
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 10.0
    );
    // What stands out is drawn last, over the rest.
    let (loud, quiet): (Vec<_>, Vec<_>) = series.iter().partition(|series| series.stands_out);
    let styles = quiet.iter().map(|_| (QUIET, 1.2));
    let styles = styles.chain(COLOURS.iter().cycle().map(|colour| (*colour, 2.4)));
    for (row, (series, (colour, width))) in quiet.iter().chain(&loud).zip(styles).enumerate() {
        let shown = series.points.iter().filter(|(x, y)| *x > 0.0 && *y > 0.0);
        let path: Vec<String> = shown.map(|(px, py)| format!("{:.1},{:.1}", x(*px), y(*py))).collect();
        let _ = writeln!(
            svg,
            r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="{width}"/>"#,
            path.join(" ")
        );
        let legend = TOP + 13.0 * row as f64;
        let start = WIDTH - RIGHT + 14.0;
        let _ = writeln!(
            svg,
            r#"<path d="M{start} {legend:.1}h18" stroke="{colour}" stroke-width="{width}"/><text x="{}" y="{:.1}" font-size="11">{}</text>"#,
            start + 24.0,
            legend + 4.0,
            escape(&series.name)
        );
    }
    svg + "</svg>\n"
}

/// A logarithmic axis over whole decades.
struct Axis {
    low: f64,
    high: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        if low > high {
            return Self { low: 0.0, high: 1.0 };
        }
        let low = low.log10().floor();
        Self {
            low,
            high: high.log10().ceil().max(low + 1.0),
        }
    }

    /// From 0 to 1.
    fn place(&self, value: f64) -> f64 {
        (value.log10() - self.low) / (self.high - self.low)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        (self.low as i32..=self.high as i32).map(|decade| 10_f64.powi(decade))
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_has_every_series_and_whole_decades() {
        let series = [
            Series {
                name: "a < b".to_owned(),
                points: vec![(10.0, 300.0), (1e5, 420.0)],
                stands_out: true,
            },
            Series {
                name: "empty".to_owned(),
                points: vec![(0.0, -1.0)],
                stands_out: false,
            },
        ];
        let svg = draw("t", &series, crate::table::nanoseconds);
        for part in ["a &lt; b", "empty", ">100 ns<", ">1.0 µs<", ">100,000<"] {
            assert!(svg.contains(part), "{part} is not in {svg}");
        }
    }
}
