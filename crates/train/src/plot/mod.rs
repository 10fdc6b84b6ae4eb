//! Plots as SVG and PNG: learning curves, confusion matrices, curves of scores, reliability, lines.
//!
//! A plot is laid out once as a [`Figure`] and then drawn by plotters' SVG or bitmap backend, so both files look
//! the same. Text is measured with the embedded Noto Sans, and no system font or native library is needed. Colours
//! are told apart by readers with any colour vision (M. Okabe and K. Ito, *Color Universal Design*, 2008).
//!
//! ```
//! use train::plot::LineChart;
//! let figure = LineChart::new("Loss").series("train", [(1.0, 0.9), (2.0, 0.4)]).figure();
//! assert!(figure.svg().unwrap().starts_with("<svg"));
//! assert!(figure.png().unwrap().starts_with(b"\x89PNG"));
//! ```

mod confusion;
mod curves;
mod figure;
mod line;
mod raster;
mod reliability;
mod scores;
mod svg;
mod table;
mod text;
pub(crate) mod theme;
mod ticks;

pub use confusion::confusion_plot;
pub use curves::{learning_curve, learning_curves};
pub use figure::Figure;
pub use line::LineChart;
pub(crate) use raster::encode_png;
pub use reliability::reliability_plot;
pub use scores::{precision_recall_plot, roc_plot};
pub use table::table_plot;
