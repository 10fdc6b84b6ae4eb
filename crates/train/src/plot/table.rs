//! A table as a figure.

use super::figure::{Anchor, Figure, Label, Shape};
use super::text;
use super::theme::{AXIS, GRID, INK, MUTED};
use crate::table::{Align, Table};

const PX: f64 = 12.0;
const LINE: f64 = 26.0;
const GAP: f64 = 28.0;
const LEFT: f64 = 16.0;
const WIDEST: f64 = 320.0;

/// A table with a title, its columns aligned as it prints them; cells that are too wide are cut.
///
/// ```
/// let mut table = train::Table::new(["model", "accuracy"]);
/// table.row(["mlp", "97.1 %"]).row(["cnn", "98.9 %"]);
/// let svg = train::plot::table_plot("Test", &table).svg().unwrap();
/// assert!(svg.contains("98.9 %"));
/// ```
pub fn table_plot(title: &str, table: &Table) -> Figure {
    let rows: Vec<Option<&[String]>> = table.rows().collect();
    let columns = rows.iter().flatten().map(|row| row.len()).chain([table.columns()]).max().unwrap_or(0);
    let cell = |row: &[String], column: usize, bold: bool| {
        row.get(column).map_or(String::new(), |cell| text::fit(cell, PX, bold, WIDEST))
    };
    let width = |column: usize| {
        let cells = rows.iter().flatten().map(|row| text::width(&cell(row, column, false), PX, false));
        cells.fold(text::width(&cell(table.header(), column, true), PX, true), f64::max)
    };
    let widths: Vec<f64> = (0..columns).map(width).collect();
    let all = widths.iter().sum::<f64>() + GAP * columns.saturating_sub(1) as f64;
    let wide = (all + 2.0 * LEFT).max(text::width(title, 15.0, true) + 2.0 * LEFT);
    let lines = rows.iter().filter(|row| row.is_some()).count() as f64;
    let mut figure = Figure::new(title, (wide, 78.0 + LINE * lines + 8.0));
    figure.text(Label::new(title, (LEFT, 22.0), 15.0, INK, Anchor::Start).bold());
    let align = table.alignment();
    let line = |figure: &mut Figure, row: &[String], y: f64, head: bool| {
        let mut x = LEFT;
        for (column, width) in widths.iter().enumerate() {
            let right = align.get(column) == Some(&Align::Right);
            let (at, anchor) = if right { (x + width, Anchor::End) } else { (x, Anchor::Start) };
            let label =
                Label::new(cell(row, column, head), (at, y), PX, if head { MUTED } else { INK }, anchor);
            figure.text(if head { label.bold() } else { label });
            x += width + GAP;
        }
    };
    line(&mut figure, table.header(), 54.0, true);
    let rule = |figure: &mut Figure, y: f64, color| {
        figure.push(Shape::Line { from: (LEFT, y), to: (LEFT + all, y), width: 1.0, color });
    };
    rule(&mut figure, 68.0, AXIS);
    let mut y = 68.0;
    for row in rows {
        match row {
            Some(row) => {
                line(&mut figure, row, y + LINE / 2.0, false);
                y += LINE;
            }
            None => rule(&mut figure, y, GRID),
        }
    }
    figure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_is_written_inside_the_figure_and_none_overlaps() {
        let mut table = Table::new(["model", "accuracy", "parameters"]);
        table.row(["a multilayer perceptron of many layers", "97.1 %", "50,826"]).rule();
        table.row(["cnn", "98.95 %", "59,000"]).row(["x".repeat(200), "1".into(), "2".into()]);
        let figure = table_plot("Handwritten digits", &table);
        let labels: Vec<&Label> = figure
            .shapes
            .iter()
            .filter_map(|s| if let Shape::Text(l) = s { Some(l) } else { None })
            .collect();
        assert_eq!(labels.len(), 1 + 4 * 3);
        for (i, a) in labels.iter().enumerate() {
            let p = a.bounds();
            assert!(
                p[0] >= 0.0 && p[1] >= 0.0 && p[2] <= figure.size.0 && p[3] <= figure.size.1,
                "{}",
                a.text
            );
            for b in &labels[..i] {
                let q = b.bounds();
                assert!(
                    p[0] >= q[2] || q[0] >= p[2] || p[1] >= q[3] || q[1] >= p[3],
                    "{} {}",
                    a.text,
                    b.text
                );
            }
        }
    }
}
