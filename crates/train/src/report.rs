//! One page that tells the whole run: `report.html`, with everything inside it.

mod html;
mod image;

use crate::atomic::write_atomic;
use crate::error::Result;
use crate::history::{Direction, History};
use crate::metrics::{BinaryScores, Calibration, ConfusionMatrix};
use crate::plot::{
    Figure, confusion_plot, learning_curve, precision_recall_plot, reliability_plot, roc_plot,
};
use crate::table::Table;
pub(crate) use html::escape;
pub use image::{ImageTile, contact_sheet};
use std::path::Path;

/// A self-contained report: one HTML file without scripts or external resources, light or dark as the reader's
/// system, and printable. Sections appear in the order in which they are added; all text is escaped.
///
/// ```
/// use train::{Report, Table};
/// let mut table = Table::new(["part", "loss", "accuracy"]);
/// table.row(["valid", "0.0712", "98.1 %"]).row(["test", "0.0834", "97.8 %"]);
/// let html = Report::new("Digits <MLP>")
///     .subtitle("64 → 128 → 10, trained on 1,077 images")
///     .highlight("test accuracy", "97.8 %")
///     .setting("seed", 0)
///     .table("Results", &table)
///     .to_html();
/// assert!(html.starts_with("<!DOCTYPE html>") && html.contains("Digits &lt;MLP&gt;"));
/// assert!(!html.contains("http://") || html.matches("http://").count() == html.matches("xmlns").count());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Report {
    title: String,
    subtitle: String,
    highlights: Vec<(String, String)>,
    settings: Vec<(String, String)>,
    sections: Vec<Section>,
}

#[derive(Debug, Clone)]
struct Section {
    title: String,
    blocks: Vec<Block>,
}

/// HTML that is made already, and how it is laid out.
#[derive(Debug, Clone)]
enum Block {
    Plain(String),
    /// Beside its neighbours of the same kind, where there is room.
    Panel(String),
}

impl Report {
    /// An empty report with this title.
    pub fn new(title: impl Into<String>) -> Self {
        Report { title: title.into(), ..Self::default() }
    }

    /// A line under the title: the model, the data, the question.
    pub fn subtitle(mut self, text: impl Into<String>) -> Self {
        self.subtitle = text.into();
        self
    }

    /// A figure to be read first, in large type: `highlight("test accuracy", "97.8 %")`.
    pub fn highlight(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.highlights.push((name.into(), value.to_string()));
        self
    }

    /// A setting of the run: seed, threads, versions, the processor's instruction set.
    pub fn setting(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.settings.push((name.into(), value.to_string()));
        self
    }

    /// A section of plain paragraphs, which empty lines separate.
    ///
    /// ```
    /// let html = train::Report::new("r").text("Data", "1,797 images.\n\nSplit by class.").to_html();
    /// assert!(html.contains("<p>1,797 images.</p>\n<p>Split by class.</p>"));
    /// ```
    pub fn text(self, title: impl Into<String>, text: &str) -> Self {
        self.block(title, Block::Plain(html::paragraphs(text)))
    }

    /// A section with a table. A section with the title of the one before is joined to it.
    pub fn table(self, title: impl Into<String>, table: &Table) -> Self {
        self.block(title, Block::Plain(html::table(table)))
    }

    /// A section with a figure; figures in a row under one title stand side by side where there is room.
    ///
    /// # Errors
    /// As [`Figure::svg`].
    ///
    /// ```
    /// use train::plot::LineChart;
    /// let figure = LineChart::new("Loss").series("train", [(1.0, 0.5), (2.0, 0.25)]).figure();
    /// let html = train::Report::new("r").figure("Curves", &figure).unwrap().to_html();
    /// assert!(html.contains("<svg"));
    /// ```
    pub fn figure(self, title: impl Into<String>, figure: &Figure) -> Result<Self> {
        let svg = figure.inline_svg()?;
        let width = figure.size().0;
        Ok(self.block(title, Block::Panel(html::figure(&svg, width))))
    }

    /// A section with the learning curves of these metrics.
    ///
    /// # Errors
    /// As [`learning_curve`].
    ///
    /// ```
    /// use train::{Direction, EpochRecord, History, MetricValues, Report};
    /// let mut history = History::new();
    /// let train = MetricValues::from([("loss", 0.5)]);
    /// history.push(EpochRecord { epoch: 1, step: 0, train, valid: None, lr: 0.1, seconds: 1.0 }).unwrap();
    /// let html = Report::new("r").curves("Learning", &history, &[("loss", Direction::Lower)]).unwrap().to_html();
    /// assert!(html.contains("best: epoch 1"));
    /// ```
    pub fn curves(self, title: &str, history: &History, metrics: &[(&str, Direction)]) -> Result<Self> {
        metrics.iter().try_fold(self, |report, &(metric, direction)| {
            report.figure(title, &learning_curve(history, metric, direction)?.figure())
        })
    }

    /// A section with the confusion matrix beside the precision, recall and F1 of each class.
    ///
    /// # Errors
    /// As [`Figure::svg`].
    ///
    /// ```
    /// let mut cm = train::metrics::ConfusionMatrix::new(["cat", "dog"]).unwrap();
    /// cm.update_labels(&[0, 1], &[0, 1]).unwrap();
    /// let html = train::Report::new("r").confusion("Test classes", &cm).unwrap().to_html();
    /// assert!(html.contains("100.0 % of 2 right") && html.contains("precision"));
    /// ```
    pub fn confusion(self, title: &str, cm: &ConfusionMatrix) -> Result<Self> {
        let report = self.figure(title, &confusion_plot(cm))?;
        Ok(report.block(title, Block::Panel(html::table(&cm.report()))))
    }

    /// A section with the curves of the scores of two classes, ROC and precision against recall, beside what they come to:
    /// their areas and the best thresholds. A curve that is not defined is left out, and the table says why.
    ///
    /// # Errors
    /// As [`Figure::svg`].
    ///
    /// ```
    /// let mut scores = train::metrics::BinaryScores::new();
    /// scores.update(&[0.1, 0.4, 0.35, 0.8], &[0, 0, 1, 1]).unwrap();
    /// let html = train::Report::new("r").scores("Thresholds", &scores).unwrap().to_html();
    /// assert!(html.contains("model, area 0.7500") && html.contains("best threshold by F1"));
    /// ```
    pub fn scores(mut self, title: &str, scores: &BinaryScores) -> Result<Self> {
        if let Some(curve) = scores.roc_curve() {
            self = self.figure(title, &roc_plot(&[("model", &curve)]))?;
        }
        if let Some(curve) = scores.precision_recall_curve() {
            self = self.figure(title, &precision_recall_plot(&[("model", &curve)]))?;
        }
        Ok(self.block(title, Block::Panel(html::table(&scores.table()))))
    }

    /// A section with the reliability diagram of probabilities.
    ///
    /// # Errors
    /// As [`Figure::svg`].
    ///
    /// ```
    /// let mut calibration = train::metrics::Calibration::default();
    /// calibration.update(&[0.75, 0.75, 0.75, 0.75], &[1, 1, 1, 0]).unwrap();
    /// let html = train::Report::new("r").calibration("Calibration", &calibration).unwrap().to_html();
    /// assert!(html.contains("expected calibration error 0.0000, 4 samples"));
    /// ```
    pub fn calibration(self, title: &str, calibration: &Calibration) -> Result<Self> {
        self.figure(title, &reliability_plot(calibration))
    }

    /// A section with small images, such as the worst mistakes.
    ///
    /// # Errors
    /// As [`ImageTile::new`]'s images are checked already, only if an image cannot be encoded.
    ///
    /// ```
    /// use train::report::ImageTile;
    /// let tile = ImageTile::new(2, 2, &[0.0, 1.0, 1.0, 0.0], "true 3, predicted 8").unwrap();
    /// let html = train::Report::new("r").images("Worst mistakes", &[tile]).unwrap().to_html();
    /// assert!(html.contains("data:image/png;base64,") && html.contains("true 3, predicted 8"));
    /// ```
    pub fn images(self, title: impl Into<String>, tiles: &[ImageTile]) -> Result<Self> {
        let html = image::tiles(tiles)?;
        Ok(self.block(title, Block::Plain(html)))
    }

    /// The page.
    pub fn to_html(&self) -> String {
        html::page(self)
    }

    /// Writes the page to a file, whole or not at all.
    ///
    /// # Errors
    /// As [`write_atomic`].
    ///
    /// ```
    /// let dir = tempfile::tempdir().unwrap();
    /// train::Report::new("r").save(dir.path().join("report.html")).unwrap();
    /// assert!(dir.path().join("report.html").exists());
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let page = self.to_html();
        write_atomic(path, |out| out.write_all(page.as_bytes()))
    }

    fn block(mut self, title: impl Into<String>, block: Block) -> Self {
        let title = title.into();
        match self.sections.last_mut() {
            Some(last) if last.title == title => last.blocks.push(block),
            _ => self.sections.push(Section { title, blocks: vec![block] }),
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{EpochRecord, MetricValues};

    fn full() -> Report {
        let mut history = History::new();
        for epoch in 1..=3 {
            let train = MetricValues::from([("loss", 1.0 / epoch as f64)]);
            history.push(EpochRecord { epoch, step: 0, train, valid: None, lr: 0.1, seconds: 1.0 }).unwrap();
        }
        let mut cm = ConfusionMatrix::new(["<a>", "b&c"]).unwrap();
        cm.update_labels(&[0, 0], &[0, 1]).unwrap();
        let tile = ImageTile::new(1, 1, &[0.5], "\"quoted\"").unwrap();
        let (mut scores, mut calibration) = (BinaryScores::new(), Calibration::default());
        scores.update(&[0.2, 0.7, 0.6], &[0, 0, 1]).unwrap();
        calibration.update(&[0.2, 0.7, 0.6], &[0, 0, 1]).unwrap();
        Report::new("<title>")
            .subtitle("sub & title")
            .highlight("<h>", "1 < 2")
            .setting("seed", 7)
            .text("Data", "<img src=x onerror=alert(1)>")
            .table("Results", &history.table())
            .curves("Learning", &history, &[("loss", Direction::Lower)])
            .unwrap()
            .confusion("Classes", &cm)
            .unwrap()
            .images("Mistakes", &[tile])
            .unwrap()
            .scores("Scores", &scores)
            .unwrap()
            .calibration("Scores", &calibration)
            .unwrap()
    }

    #[test]
    fn the_page_needs_nothing_from_outside() {
        let html = full().to_html();
        for (what, wanted) in [("http", "xmlns=\"http"), ("src=", "src=\"data:image/png;base64,")] {
            // The only address is the name of the SVG format, the only sources are inside the page.
            let escaped = html.matches("&lt;img src=x").count();
            let allowed = html.matches(wanted).count() + if what == "src=" { escaped } else { 0 };
            assert_eq!(html.matches(what).count(), allowed, "{what}");
        }
        for word in ["<script", "<link", "@import", "url("] {
            assert!(!html.contains(word), "{word}");
        }
    }

    #[test]
    fn all_text_is_escaped() {
        let html = full().to_html();
        for raw in ["<img src=x", "<a>", "<h>", "1 < 2", "b&c<", "sub & title", "alt=\"\"quoted"] {
            assert!(!html.contains(raw), "{raw}");
        }
        for kept in ["&lt;title&gt;", "&lt;a&gt;", "b&amp;c", "sub &amp; title", "&quot;quoted&quot;"] {
            assert!(html.contains(kept), "{kept}");
        }
    }

    #[test]
    fn tags_are_balanced() {
        let html = full().to_html();
        for tag in [
            "html", "head", "body", "main", "section", "div", "figure", "table", "tr", "td", "th", "svg",
            "text", "dl",
        ] {
            let open = html.matches(&format!("<{tag}>")).count() + html.matches(&format!("<{tag} ")).count();
            let open = open + html.matches(&format!("<{tag}\n")).count();
            assert_eq!(open, html.matches(&format!("</{tag}>")).count(), "{tag}");
        }
    }

    #[test]
    fn blocks_under_the_same_title_are_one_section() {
        let html = full().to_html();
        assert_eq!(html.matches("<section").count(), 6);
        assert_eq!(html.matches("<h2").count(), 6);
    }

    #[test]
    fn scores_of_one_class_have_a_table_that_says_why() {
        let mut scores = BinaryScores::new();
        scores.update(&[0.5], &[0]).unwrap();
        let html = Report::new("r").scores("Scores", &scores).unwrap().to_html();
        assert!(html.contains("n/a (no positive samples)") && !html.contains("<svg"), "{html}");
    }

    #[test]
    fn an_empty_report_is_a_page_too() {
        let html = Report::new("empty").to_html();
        assert!(html.contains("<h1>empty</h1>") && html.ends_with("</html>\n"));
        assert!(!html.contains("<section"));
    }
}
