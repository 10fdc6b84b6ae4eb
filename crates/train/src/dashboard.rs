//! A live view of a run in the terminal: curves, measures, how far it is.

use crate::callback::{Callback, Flow, RunStart, StepRecord};
use crate::error::{Error, Result};
use crate::format;
use crate::history::EpochRecord;
use nn::Module;
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style};
use ratatui::symbols::Marker;
use ratatui::text::Line;
use ratatui::widgets::{Axis, Chart, Dataset, Gauge, GraphType, Paragraph};
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};
use std::io::{IsTerminal, Stderr};
use std::time::{Duration, Instant};

/// Lines that it takes.
const HEIGHT: u16 = 16;
/// It is drawn at most this often.
const REDRAW: Duration = Duration::from_millis(100);
/// Most points of the curve of steps; beyond, neighbours are joined.
const POINTS: usize = 512;

/// A live view at the bottom of the terminal: the loss of steps and of validation, measures of the last epoch, learning rate, the norm of
/// the gradient, how far the run is and about how long it takes. With the feature `dashboard`; use it with
/// [`Progress::Silent`](crate::Progress::Silent). Where standard error is no terminal it shows nothing.
pub struct Dashboard<B: Backend = CrosstermBackend<Stderr>> {
    /// `None` where there is no terminal.
    terminal: Option<Terminal<B>>,
    view: View,
    drawn: Option<Instant>,
    /// Whether the cursor stands below it, as before the first run and after each.
    left: bool,
}

/// What is shown.
#[derive(Default)]
struct View {
    run: Option<RunStart>,
    began: Option<Instant>,
    /// Steps made when it began.
    first: u64,
    step: Option<StepRecord>,
    epoch: Option<EpochRecord>,
    losses: Curve,
    valid: Vec<(f64, f64)>,
}

/// Means of so many losses each.
#[derive(Default)]
struct Curve {
    points: Vec<(f64, f64)>,
    /// Losses of a point, as a power of two.
    joined: u32,
    /// The point in progress: sums and how many.
    open: (f64, f64, u32),
}

impl Curve {
    fn push(&mut self, x: f64, y: f64) {
        if !y.is_finite() {
            return;
        }
        self.open = (self.open.0 + x, self.open.1 + y, self.open.2 + 1);
        if self.open.2 < 1 << self.joined {
            return;
        }
        let n = f64::from(self.open.2);
        self.points.push((self.open.0 / n, self.open.1 / n));
        self.open = (0.0, 0.0, 0);
        if self.points.len() > POINTS {
            let middle = |pair: &[(f64, f64)]| match *pair {
                [a, b] => ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0),
                _ => pair[0],
            };
            self.points = self.points.chunks(2).map(middle).collect();
            self.joined += 1;
        }
    }
}

impl Dashboard {
    /// On standard error. Errors: a terminal that does not answer.
    pub fn new() -> Result<Self> {
        let err = std::io::stderr();
        match err.is_terminal() {
            true => Self::on(CrosstermBackend::new(err)),
            false => Ok(Self { terminal: None, view: View::default(), drawn: None, left: true }),
        }
    }
}

fn failed(error: impl std::fmt::Display) -> Error {
    let (rule, repair) = ("the terminal must answer", "use Progress::Auto or Progress::Plain");
    Error::InvalidArgument { op: "dashboard", rule, got: error.to_string(), repair }
}

impl<B: Backend> Dashboard<B> {
    /// On this backend, such as one that tests look at. Errors: as [`Dashboard::new`].
    pub fn on(backend: B) -> Result<Self> {
        let options = TerminalOptions { viewport: Viewport::Inline(HEIGHT) };
        let terminal = Terminal::with_options(backend, options).map_err(failed)?;
        Ok(Self { terminal: Some(terminal), view: View::default(), drawn: None, left: false })
    }

    /// What it is drawn on.
    pub fn backend(&self) -> Option<&B> {
        self.terminal.as_ref().map(Terminal::backend)
    }

    fn draw(&mut self, now: bool) -> Result<()> {
        let Some(terminal) = &mut self.terminal else { return Ok(()) };
        if now || self.drawn.is_none_or(|at| at.elapsed() >= REDRAW) {
            terminal.draw(|frame| self.view.draw(frame)).map_err(failed)?;
            self.drawn = Some(Instant::now());
        }
        Ok(())
    }

    /// Takes the lines from the cursor on, where the run before has left its own.
    fn enter(&mut self) -> Result<()> {
        if let Some(terminal) = self.terminal.as_mut().filter(|_| self.left) {
            let size = terminal.size().map_err(failed)?;
            terminal.resize(Rect::new(0, 0, size.width, size.height)).map_err(failed)?;
        }
        self.left = false;
        Ok(())
    }

    /// Puts the cursor on a line below, so that what is printed next stands there.
    fn leave(&mut self) -> Result<()> {
        let Some(terminal) = self.terminal.as_mut().filter(|_| !self.left) else { return Ok(()) };
        self.left = true;
        let area = terminal.get_frame().area();
        // The terminal remembers this place, and so takes the next lines from the cursor on, none above it.
        terminal.set_cursor_position((0, area.top())).map_err(failed)?;
        let backend = terminal.backend_mut();
        backend.set_cursor_position((0, area.bottom().saturating_sub(1))).map_err(failed)?;
        backend.append_lines(1).map_err(failed)
    }
}

/// A run that ends by an error leaves the terminal too.
impl<B: Backend> Drop for Dashboard<B> {
    fn drop(&mut self) {
        // There is nobody to tell.
        let _ = self.leave();
    }
}

impl View {
    fn draw(&self, frame: &mut Frame) {
        let [top, middle] = Layout::vertical([Constraint::Length(1), Constraint::Min(4)]).areas(frame.area());
        let [curves, numbers] =
            Layout::horizontal([Constraint::Min(20), Constraint::Length(30)]).areas(middle);
        self.progress(frame, top);
        self.curves(frame, curves);
        frame.render_widget(Paragraph::new(self.numbers()), numbers);
        // A hidden cursor would stay hidden in the terminal of a run that is killed.
        frame.set_cursor_position((middle.left(), middle.bottom().saturating_sub(1)));
    }

    fn progress(&self, frame: &mut Frame, area: Rect) {
        let Some(run) = self.run else { return };
        let all = run.steps_per_epoch * run.epochs as u64;
        let (epoch, done) = self.step.map_or((1, self.first), |step| (step.at.epoch, step.at.step));
        let spent = self.began.map_or(0.0, |at| at.elapsed().as_secs_f64());
        let made = done.saturating_sub(self.first).max(1) as f64;
        let left = format::duration(spent / made * all.saturating_sub(done) as f64);
        let label = format!("epoch {epoch}/{}  step {done}/{all}  eta {left}", run.epochs);
        let ratio = if all == 0 { 0.0 } else { (done as f64 / all as f64).clamp(0.0, 1.0) };
        let gauge = Gauge::default().gauge_style(Style::new().fg(Color::Blue)).ratio(ratio).label(label);
        frame.render_widget(gauge, area);
    }

    fn curves(&self, frame: &mut Frame, area: Rect) {
        let all = || self.losses.points.iter().chain(&self.valid);
        let range = |of: fn(&(f64, f64)) -> f64| {
            let (low, high) =
                all().map(of).fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
            if low < high { [low, high] } else { [low.min(1.0) - 1.0, high.max(0.0) + 1.0] }
        };
        if all().next().is_none() {
            return;
        }
        let (x, y) = (range(|p| p.0), range(|p| p.1));
        let line = |name, points, color| {
            Dataset::default()
                .name(name)
                .marker(Marker::Braille)
                .graph_type(GraphType::Line)
                .style(Style::new().fg(color))
                .data(points)
        };
        let mut lines = vec![line("train loss", &self.losses.points[..], Color::Blue)];
        if !self.valid.is_empty() {
            lines.push(line("valid loss", &self.valid[..], Color::Yellow));
        }
        let labels =
            |[low, high]: [f64; 2], write: fn(f64) -> String| [low, (low + high) / 2.0, high].map(write);
        let room = Constraint::Percentage(60);
        let chart = Chart::new(lines)
            .hidden_legend_constraints((room, room))
            .x_axis(Axis::default().title("step").bounds(x).labels(labels(x, |x| format!("{x:.0}"))))
            .y_axis(Axis::default().bounds(y).labels(labels(y, format::metric)));
        frame.render_widget(chart, area);
    }

    fn numbers(&self) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        if let Some(step) = &self.step {
            lines.push(Line::from(format!("loss       {}", format::metric(step.loss))));
            lines.push(Line::from(format!("lr         {}", format::metric(step.lr))));
            if let Some(norm) = step.grad_norm {
                lines.push(Line::from(format!("grad norm  {}", format::metric(norm))));
            }
        }
        if let Some(record) = &self.epoch {
            lines.push(Line::from(""));
            lines.push(Line::from(format!("epoch {}, {}", record.epoch, format::duration(record.seconds))));
            for (name, value) in record.train.iter() {
                let valid = record.valid.as_ref().and_then(|values| values.get(name));
                let valid = valid.map_or(String::new(), format::metric);
                lines.push(Line::from(format!("{name:<10} {:<9} {valid}", format::metric(value))));
            }
        }
        lines
    }
}

impl<B: Backend> Callback for Dashboard<B> {
    fn wants_grad_norm(&self) -> bool {
        self.terminal.is_some()
    }
    fn on_start(&mut self, run: &RunStart, _: &mut dyn Module) -> Result<()> {
        let first = run.resumed.map_or(0, |at| at.step);
        self.enter()?;
        self.view = View { run: Some(*run), began: Some(Instant::now()), first, ..View::default() };
        self.draw(true)
    }
    fn on_step(&mut self, step: &StepRecord, _: &mut dyn Module) -> Result<Flow> {
        self.view.losses.push(step.at.step as f64, step.loss);
        self.view.step = Some(*step);
        self.draw(false)?;
        Ok(Flow::Continue)
    }
    fn on_epoch(&mut self, record: &EpochRecord, _: &mut dyn Module) -> Result<Flow> {
        if let Some(loss) =
            record.valid.as_ref().and_then(|values| values.get("loss")).filter(|x| x.is_finite())
        {
            self.view.valid.push((record.step as f64, loss));
        }
        self.view.epoch = Some(record.clone());
        self.draw(false)?;
        Ok(Flow::Continue)
    }
    fn on_end(&mut self, _: &mut dyn Module) -> Result<()> {
        self.draw(true)?;
        self.leave()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_runs_keep_few_points_and_numbers_that_are_not_finite_are_left_out() {
        let mut curve = Curve::default();
        for i in 0..100_000 {
            curve.push(f64::from(i), if i % 10 == 3 { f64::NAN } else { f64::from(i) });
        }
        assert!((POINTS / 2 - 1..=POINTS).contains(&curve.points.len()), "{}", curve.points.len());
        assert!(curve.points.is_sorted_by(|a, b| a.0 < b.0));
        assert!(curve.points.iter().all(|p| (p.0 - p.1).abs() < 1e-6 * p.0.max(1.0)));
    }
}
