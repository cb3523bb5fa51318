//! The curves of one or more tables as an SVG: four small panels over the number of records.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::error::LoadError;

/// Columns that are drawn, with their titles and what their values are divided by.
const PANELS: [(&str, &str, f64); 4] = [
    ("records_per_second", "thousand records a second", 1e3),
    ("cpu_us_per_record", "CPU a record, microseconds", 1.0),
    ("resident_mib", "resident memory, MiB", 1.0),
    ("read_octets_per_record", "octets read a record", 1.0),
];
const COLOURS: [&str; 4] = ["#1f5fa8", "#c0392b", "#2e8b57", "#8e44ad"];

/// Size of a panel's plot, and of what stands around it.
const WIDTH: f64 = 330.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 55.0;
const TOP: f64 = 45.0;
const CELL_WIDTH: f64 = 410.0;
const CELL_HEIGHT: f64 = 230.0;

/// One table that is drawn, as `NAME=FILE`.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// The CSV that `grow` wrote.
    pub csv: PathBuf,
}

impl std::str::FromStr for Series {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, csv) = text.split_once('=').ok_or("wanted NAME=FILE")?;
        Ok(Self {
            name: name.to_owned(),
            csv: csv.into(),
        })
    }
}

/// Points of each panel.
type Curves = Vec<Vec<(f64, f64)>>;

/// The SVG of `series`.
///
/// # Errors
/// [`LoadError::Usage`] if a table cannot be read.
pub fn plot(series: &[Series]) -> Result<String, LoadError> {
    let curves = series.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{:.0}\" height=\"{:.0}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        2.0 * CELL_WIDTH,
        2.0 * CELL_HEIGHT + 20.0
    );
    for (place, panel) in PANELS.iter().enumerate() {
        let x = if place % 2 == 0 { 0.0 } else { CELL_WIDTH };
        let y = if place < 2 { 0.0 } else { CELL_HEIGHT };
        let of_panel: Vec<_> = curves
            .iter()
            .filter_map(|curves| curves.get(place))
            .collect();
        draw(&mut svg, (x + LEFT, y + TOP), panel.1, &of_panel);
    }
    let mut x = LEFT;
    for (series, colour) in series.iter().zip(COLOURS.iter().cycle()) {
        let y = 2.0 * CELL_HEIGHT + 10.0;
        text(&mut svg, x, y, "start", colour, &series.name);
        x += 60.0 + 6.5 * f64::from(u16::try_from(series.name.len()).unwrap_or(u16::MAX));
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

fn read(series: &Series) -> Result<Curves, LoadError> {
    let fail = |why: &str| LoadError::Usage(format!("{}: {why}", series.csv.display()));
    let octets = std::fs::read_to_string(&series.csv).map_err(|e| fail(&e.to_string()))?;
    let mut lines = octets.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let rows: Vec<Vec<f64>> = lines
        .map(|line| line.split(',').map(str::parse).collect::<Result<_, _>>())
        .collect::<Result<_, _>>()
        .map_err(|_| fail("a value is not a number"))?;
    let column = |name: &str| {
        let at = header.iter().position(|column| *column == name);
        let at = at.ok_or_else(|| fail(&format!("it has no column {name}")))?;
        let values = rows.iter().map(|row| row.get(at).copied());
        values
            .collect::<Option<Vec<f64>>>()
            .ok_or_else(|| fail("a row is short"))
    };
    let records = column("records")?;
    let curve = |(name, _, unit): &(&str, &str, f64)| {
        let values = column(name)?;
        let points = records.iter().zip(values);
        Ok(points
            .map(|(records, value)| (records / 1e6, value / unit))
            .collect())
    };
    PANELS.iter().map(curve).collect()
}

fn draw(svg: &mut String, (left, top): (f64, f64), title: &str, curves: &[&Vec<(f64, f64)>]) {
    let most = |of: fn(&(f64, f64)) -> f64| {
        let values = curves.iter().flat_map(|curve| curve.iter()).map(of);
        round_up(values.fold(0.0, f64::max))
    };
    let (most_x, most_y) = (most(|point| point.0), most(|point| point.1));
    text(svg, left, top - 12.0, "start", "black", title);
    let bottom = top + HEIGHT;
    for quarter in 0..=4 {
        let part = f64::from(quarter) / 4.0;
        let y = bottom - part * HEIGHT;
        // Writing to a string does not fail, here and below.
        let _ = writeln!(
            svg,
            "<path d=\"M{left:.0} {y:.1}H{:.0}\" stroke=\"#ddd\"/>",
            left + WIDTH
        );
        text(
            svg,
            left - 6.0,
            y + 4.0,
            "end",
            "#444",
            &label(part * most_y),
        );
        let x = left + part * WIDTH;
        text(
            svg,
            x,
            bottom + 15.0,
            "middle",
            "#444",
            &label(part * most_x),
        );
    }
    text(
        svg,
        left + WIDTH,
        bottom + 28.0,
        "end",
        "#444",
        "million records",
    );
    for (curve, colour) in curves.iter().zip(COLOURS.iter().cycle()) {
        let points: Vec<String> = curve
            .iter()
            .map(|(x, y)| {
                let (x, y) = (left + x / most_x * WIDTH, bottom - y / most_y * HEIGHT);
                format!("{x:.1},{y:.1}")
            })
            .collect();
        let _ = writeln!(
            svg,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" points=\"{}\"/>",
            points.join(" ")
        );
    }
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, colour: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        svg,
        "<text x=\"{x:.0}\" y=\"{y:.0}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{words}</text>"
    );
}

/// The next of 1, 2, 4, 6, 8 times a power of ten, at least 1e-9.
fn round_up(value: f64) -> f64 {
    let value = value.max(1e-9);
    let unit = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 4.0, 6.0, 8.0].into_iter();
    let fits = steps.map(|step| step * unit).find(|most| *most >= value);
    fits.unwrap_or(10.0 * unit)
}

fn label(value: f64) -> String {
    if value.fract().abs() < 0.05 || value >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_point_and_a_broken_table_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let csv = dir.path().join("a.csv");
        let row = "1000000,50000,20.5,1.0,300,10,700,400,12";
        std::fs::write(
            &csv,
            format!("{}\n{row}\n{row}\n", crate::grow::table::HEADER),
        )
        .unwrap();
        let series: Series = format!("now={}", csv.display()).parse().unwrap();
        let svg = plot(std::slice::from_ref(&series)).unwrap();
        assert_eq!(svg.matches("<polyline").count(), 4);
        assert!(svg.contains(">now</text>"));
        std::fs::write(&csv, "records\n1\n").unwrap();
        let error = plot(&[series]).unwrap_err().to_string();
        assert!(error.contains("records_per_second"), "{error}");
    }

    #[test]
    fn axes_end_at_round_numbers() {
        assert!((round_up(53.0) - 60.0).abs() < 1e-9);
        assert!((round_up(0.9) - 1.0).abs() < 1e-9);
        assert!((round_up(1000.0) - 1000.0).abs() < 1e-9);
    }
}
