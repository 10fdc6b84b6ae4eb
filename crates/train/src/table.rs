//! Small text tables: columns as wide as their widest cell, numbers to the right.

use std::fmt;
use unicode_width::UnicodeWidthStr;

/// Which side of its column a cell stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// To the left, as words.
    Left,
    /// To the right, as numbers.
    Right,
}

/// A table of text that prints itself aligned, in a terminal as in a report.
///
/// A column whose cells all look like numbers (or are empty, `n/a` or `-`) stands to the right, any other to the
/// left; [`Table::align`] overrides it. Widths count terminal columns, so `é` is one and `数` two. Line breaks and
/// other control characters in a cell become spaces.
///
/// ```
/// use train::Table;
/// let mut t = Table::new(["class", "recall", "support"]);
/// t.row(["zero", "0.98", "36"]).row(["one", "1.00", "7"]);
/// assert_eq!(t.to_string(), "\
/// class  recall  support
/// ─────  ──────  ───────
/// zero     0.98       36
/// one      1.00        7
/// ");
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Row>,
    align: Vec<Option<Align>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Row {
    Cells(Vec<String>),
    Rule,
}

impl Table {
    /// An empty table with these column names.
    ///
    /// ```
    /// assert_eq!(train::Table::new(["a", "b"]).columns(), 2);
    /// ```
    pub fn new<S: Into<String>>(header: impl IntoIterator<Item = S>) -> Self {
        Table {
            header: header.into_iter().map(|s| clean(s.into())).collect(),
            rows: Vec::new(),
            align: Vec::new(),
        }
    }

    /// Adds a row. Missing cells are empty; cells beyond the header make the table wider.
    ///
    /// ```
    /// let mut t = train::Table::new(["a"]);
    /// t.row(["1", "2"]);
    /// assert_eq!((t.columns(), t.len()), (2, 1));
    /// ```
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) -> &mut Self {
        let cells: Vec<String> = cells.into_iter().map(|s| clean(s.into())).collect();
        if cells.len() > self.header.len() {
            self.header.resize(cells.len(), String::new());
        }
        self.rows.push(Row::Cells(cells));
        self
    }

    /// Adds a horizontal line, as before a row of totals.
    ///
    /// ```
    /// let mut t = train::Table::new(["n"]);
    /// t.row(["1"]).rule().row(["1"]);
    /// assert_eq!(t.to_string(), "n\n─\n1\n─\n1\n");
    /// ```
    pub fn rule(&mut self) -> &mut Self {
        self.rows.push(Row::Rule);
        self
    }

    /// Fixes the side of a column, whatever its cells look like. A column that is not there is left alone.
    ///
    /// ```
    /// use train::table::{Align, Table};
    /// let mut t = Table::new(["layer", "n"]);
    /// t.row(["x", "1"]).align(0, Align::Right);
    /// assert_eq!(t.to_string(), "layer  n\n─────  ─\n    x  1\n");
    /// ```
    pub fn align(&mut self, column: usize, align: Align) -> &mut Self {
        if column >= self.align.len() && column < self.header.len() {
            self.align.resize(column + 1, None);
        }
        if let Some(slot) = self.align.get_mut(column) {
            *slot = Some(align);
        }
        self
    }

    /// The number of columns.
    pub fn columns(&self) -> usize {
        self.header.len()
    }

    /// The number of rows, the header and the rules not counted.
    pub fn len(&self) -> usize {
        self.rows.iter().filter(|r| matches!(r, Row::Cells(_))).count()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The column names.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The rows in order, each cell with its text; `None` is a rule.
    ///
    /// ```
    /// let mut t = train::Table::new(["n"]);
    /// t.row(["1"]).rule();
    /// let rows: Vec<_> = t.rows().collect();
    /// assert_eq!(rows[0].unwrap(), ["1"]);
    /// assert!(rows[1].is_none());
    /// ```
    pub fn rows(&self) -> impl Iterator<Item = Option<&[String]>> {
        self.rows.iter().map(|r| match r {
            Row::Cells(c) => Some(c.as_slice()),
            Row::Rule => None,
        })
    }

    /// The side that each column stands on.
    pub fn alignment(&self) -> Vec<Align> {
        (0..self.columns())
            .map(|c| {
                self.align.get(c).copied().flatten().unwrap_or_else(|| {
                    let mut cells = self.rows().flatten().filter_map(|r| r.get(c)).peekable();
                    let numbers = cells.peek().is_some() && cells.all(|s| looks_like_number(s));
                    if numbers { Align::Right } else { Align::Left }
                })
            })
            .collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let align = self.alignment();
        let mut widths: Vec<usize> = self.header.iter().map(|s| s.width()).collect();
        for row in self.rows().flatten() {
            for (w, cell) in widths.iter_mut().zip(row) {
                *w = (*w).max(cell.width());
            }
        }
        let rule = widths.iter().map(|w| "─".repeat(*w)).collect::<Vec<_>>().join("  ");
        write_row(f, &self.header, &widths, &align)?;
        writeln!(f, "{rule}")?;
        for row in self.rows() {
            match row {
                Some(cells) => write_row(f, cells, &widths, &align)?,
                None => writeln!(f, "{rule}")?,
            }
        }
        Ok(())
    }
}

fn write_row(f: &mut fmt::Formatter<'_>, cells: &[String], widths: &[usize], align: &[Align]) -> fmt::Result {
    let mut line = String::new();
    for (i, (w, a)) in widths.iter().zip(align).enumerate() {
        let cell = cells.get(i).map_or("", String::as_str);
        let gap = " ".repeat(w.saturating_sub(cell.width()));
        if i > 0 {
            line.push_str("  ");
        }
        match a {
            Align::Left => line.extend([cell, gap.as_str()]),
            Align::Right => line.extend([gap.as_str(), cell]),
        }
    }
    writeln!(f, "{}", line.trim_end())
}

fn clean(s: String) -> String {
    if s.contains(char::is_control) { s.replace(char::is_control, " ") } else { s }
}

/// `12`, `-0.5`, `1,234`, `1.2e-5`, `97.8 %`, `3.4s`, `n/a`: a number, perhaps with a short unit.
fn looks_like_number(s: &str) -> bool {
    let s = s.trim();
    if matches!(s, "" | "n/a" | "-" | "–" | "NaN" | "inf" | "-inf") {
        return true;
    }
    let body = s.strip_prefix(['-', '+', '±']).unwrap_or(s);
    if !body.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    let unit = body.trim_start_matches(|c: char| c.is_ascii_digit() || "., e+-".contains(c));
    matches!(unit, "" | "%" | "k" | "M" | "G" | "s" | "ms" | "x")
        || unit.starts_with('m') && unit.ends_with('s') && unit.len() <= 5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_left_and_numbers_right_with_their_header() {
        let mut t = Table::new(["model", "accuracy", "time"]);
        t.row(["mlp", "97.8 %", "2.1s"]).row(["a longer name", "n/a", "1m05s"]);
        assert_eq!(
            t.to_string(),
            "model          accuracy   time\n\
             ─────────────  ────────  ─────\n\
             mlp              97.8 %   2.1s\n\
             a longer name       n/a  1m05s\n"
        );
    }

    #[test]
    fn wide_and_combining_characters_keep_the_columns_straight() {
        let mut t = Table::new(["klasse", "n"]);
        t.row(["数字", "1"]).row(["e\u{301}te\u{301}", "22"]).row(["ünï", "3"]);
        let text = t.to_string();
        let widths: Vec<usize> = text.lines().map(|l| l.width()).collect();
        assert_eq!(widths, [10; 5]);
        assert!(text.contains("数字     1\n"), "{text}");
    }

    #[test]
    fn short_rows_are_filled_and_line_breaks_cannot_break_the_table() {
        let mut t = Table::new(["a\nb", "c"]);
        t.row(["x\ty"]);
        assert_eq!(t.to_string(), "a b  c\n───  ─\nx y\n");
    }

    #[test]
    fn an_empty_table_is_its_header() {
        let t = Table::new(["a", "bb"]);
        assert!(t.is_empty());
        assert_eq!(t.to_string(), "a  bb\n─  ──\n");
        assert_eq!(t.alignment(), [Align::Left, Align::Left]);
    }

    #[test]
    fn a_word_among_numbers_moves_the_column_to_the_left() {
        let mut t = Table::new(["value"]);
        t.row(["1"]).row(["two"]);
        assert_eq!(t.alignment(), [Align::Left]);
        assert!(!looks_like_number("3d array"));
        assert!(looks_like_number("1,234") && looks_like_number("-1.2e-5") && looks_like_number("12ms"));
    }

    #[test]
    fn aligning_a_column_that_is_not_there_changes_nothing() {
        let mut t = Table::new(["a"]);
        t.align(5, Align::Right);
        assert_eq!(t.alignment(), [Align::Left]);
    }
}
