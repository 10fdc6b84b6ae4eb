use super::*;
use indicatif::TermLike;
use std::io;
use std::sync::{Arc, Mutex};

/// What was written to it, with line ends where a terminal would have them.
#[derive(Debug, Clone, Default)]
struct Screen(Arc<Mutex<String>>);

impl Screen {
    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
    fn put(&self, s: &str) -> io::Result<()> {
        self.0.lock().unwrap().push_str(s);
        Ok(())
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        120
    }
    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn write_line(&self, s: &str) -> io::Result<()> {
        self.put(s)?;
        self.put("\n")
    }
    fn write_str(&self, s: &str) -> io::Result<()> {
        self.put(s)
    }
    fn clear_line(&self) -> io::Result<()> {
        self.put("\r")
    }
    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(&String::from_utf8_lossy(bytes))?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn record(epoch: usize) -> EpochRecord {
    EpochRecord {
        epoch,
        step: epoch as u64,
        train: MetricValues::from([("loss", 0.5), ("acc", 0.875)]),
        valid: Some(MetricValues::from([("loss", 0.25)])),
        lr: 0.1,
        seconds: 2.0,
    }
}

#[test]
fn plain_lines_have_the_metrics_the_rate_the_time_and_the_note() {
    let screen = Screen::default();
    let mut p = Progress::plain_to(screen.clone(), 30, 2);
    p.begin_epoch(3);
    p.advance(64, || unreachable!("plain lines draw no batches"));
    p.end_epoch(&record(3), "best");
    p.say("stopped early");
    p.finish();
    let text = screen.text();
    assert!(text.starts_with("epoch  3/30  loss 0.5000  acc 0.8750  val_loss 0.2500  "), "{text}");
    assert!(text.contains(" samples/s  2.0s  best\nstopped early\n"), "{text}");
}

#[test]
fn silence_is_silent_and_asks_for_no_metric() {
    let mut p = Progress::Silent.start(2, 2);
    p.begin_epoch(1);
    p.advance(1, || unreachable!("nothing is drawn"));
    p.end_epoch(&record(1), "");
    p.say("nothing");
    assert_eq!(p.samples(), 1);
    p.finish();
}

#[test]
fn the_bar_shows_epoch_metrics_rate_and_eta_and_leaves_the_last_line() {
    let screen = Screen::default();
    let target = screen.clone();
    let sink = Sink::bar(move || ProgressDrawTarget::term_like(Box::new(target.clone())));
    let mut p = EpochProgress::new(sink, 2, 3);
    for epoch in 1..=2 {
        p.begin_epoch(epoch);
        for _ in 0..3 {
            p.advance(32, || MetricValues::from([("loss", 0.75)]));
            std::thread::sleep(REDRAW);
        }
        p.end_epoch(&record(epoch), "");
    }
    p.finish();
    let text = screen.text();
    assert!(text.contains("epoch 1/2 "), "{text}");
    assert!(text.contains("━"), "{text}");
    assert!(text.contains("loss 0.7500  ") && text.contains(" samples/s  eta "), "{text}");
    let last = text.rsplit('\r').next().unwrap();
    assert!(last.contains("epoch 2/2 ") && last.contains("val_loss 0.2500"), "{last:?}");
}

#[test]
fn epochs_that_are_faster_than_the_eye_share_a_line() {
    let screen = Screen::default();
    let target = screen.clone();
    let sink = Sink::bar(move || ProgressDrawTarget::term_like_with_hz(Box::new(target.clone()), 20));
    let start = Instant::now();
    let mut p = EpochProgress::new(sink, 500, 1);
    for epoch in 1..=500 {
        p.begin_epoch(epoch);
        p.advance(32, MetricValues::new);
        p.end_epoch(&record(epoch), "");
    }
    p.finish();
    let text = screen.text();
    let drawn = text.matches("epoch ").count();
    // The first and the last epoch and indicatif's burst are drawn at once; after them, at most 20 times a second.
    let most = 30.0 + 40.0 * start.elapsed().as_secs_f64();
    assert!((2..=most as usize).contains(&drawn), "{drawn} draws, at most {most}");
    assert!(text.contains("epoch 500/500"));
}
