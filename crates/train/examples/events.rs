//! Writes event files with everything that they can hold, and beside them `expected.json` with what went in, in plain
//! numbers: `tests/tensorboard/read_back.py` opens the folder with TensorBoard and compares.
//!
//! ```sh
//! cargo run -p train --example events -- out/events
//! python crates/train/tests/tensorboard/read_back.py out/events
//! tensorboard --logdir out/events
//! ```

use serde_json::{Map, Value, json};
use std::path::Path;
use std::sync::{Arc, Mutex};
use tensor::{DType, Rng, Tensor};
use train::events::{Bins, EventWriter, HParam, Histogram};
use train::plot::LineChart;
use train::write_atomic;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// A writer, and what it was given.
struct Run {
    writer: EventWriter,
    time: Arc<Mutex<f64>>,
    expected: Expected,
}

/// For each kind, for each tag, the events in order.
type Expected = Map<String, Value>;

impl Run {
    fn new(dir: &Path, time: f64, expected: Expected) -> train::Result<Self> {
        let time = Arc::new(Mutex::new(time));
        let clock = Arc::clone(&time);
        let writer =
            EventWriter::with_clock(dir, move || *clock.lock().expect("invariant: no thread panicked"))?;
        Ok(Run { writer, time, expected })
    }

    /// Lets some time pass, to a number that needs all digits of an `f64`, and notes the event that follows.
    fn note(&mut self, kind: &str, tag: &str, step: u64, event: Value) {
        let mut time = self.time.lock().expect("invariant: no thread panicked");
        *time += 1.0 / 7.0;
        let Value::Object(mut event) = event else { unreachable!("events are objects") };
        event.insert("step".into(), step.into());
        event.insert("wall_time".into(), (*time).into());
        let tags = self.expected.entry(kind).or_insert_with(|| json!({}));
        let tags = tags.as_object_mut().expect("invariant: a kind has tags");
        let events = tags.entry(tag).or_insert_with(|| json!([]));
        events.as_array_mut().expect("invariant: a tag has a list").push(event.into());
    }

    fn scalar(&mut self, tag: &str, step: u64, value: f64) -> Outcome {
        // JSON has no numbers for these.
        let noted = if value.is_finite() { json!(value) } else { json!(format!("{value}")) };
        self.note("scalars", tag, step, json!({ "value": noted }));
        Ok(self.writer.scalar(tag, step, value)?)
    }

    fn histogram(&mut self, tag: &str, step: u64, values: &Tensor) -> Outcome {
        let noted: Vec<f64> = values.to_dtype(DType::F64)?.to_vec()?;
        self.note("histograms", tag, step, json!({ "values": noted, "even": null }));
        Ok(self.writer.histogram_tensor(tag, step, values)?)
    }

    fn even_histogram(&mut self, tag: &str, step: u64, values: &[f64], buckets: usize) -> Outcome {
        self.note("histograms", tag, step, json!({ "values": values, "even": buckets }));
        Ok(self.writer.histogram_of(tag, step, &Histogram::new(values, Bins::Even(buckets))?)?)
    }

    /// `pixels` are the bytes that a reader must find, in the order of (H, W, C).
    fn image(&mut self, tag: &str, step: u64, image: &Tensor, pixels: &[u8]) -> Outcome {
        let size = match *image.shape() {
            [c, h, w] => [h, w, c],
            [h, w] => [h, w, 1],
            _ => unreachable!("images have two or three axes"),
        };
        self.note("images", tag, step, json!({ "height_width_channels": size, "pixels": pixels }));
        Ok(self.writer.image(tag, step, image)?)
    }

    fn png(&mut self, tag: &str, step: u64, png: &[u8]) -> Outcome {
        self.note("images", tag, step, json!({ "png": png }));
        Ok(self.writer.image_png(tag, step, png)?)
    }

    fn text(&mut self, tag: &str, step: u64, text: &str) -> Outcome {
        self.note("texts", tag, step, json!({ "text": text }));
        Ok(self.writer.text(tag, step, text)?)
    }
}

/// What a run measures in one step.
fn step(run: &mut Run, step: u64, rng: &mut Rng) -> Outcome {
    let t = step as f64;
    run.scalar("train/loss", step, 2.0 / (1.0 + 0.3 * t))?;
    run.scalar("train/learning rate", step, 1e-3 * (1.0 - t / 30.0))?;
    if step.is_multiple_of(5) {
        run.scalar("gültig/Genauigkeit", step, 1.0 - 0.5 / (1.0 + t))?;
        let weights = rng.normal([20, 30], 0.1 * t, 1.0 / (1.0 + t), DType::F32)?;
        run.histogram("layers.0/weight", step, &weights)?;
        let gains: Vec<f64> = rng.normal([500], 1.0, 0.01, DType::F64)?.to_vec()?;
        run.even_histogram("norm/gain", step, &gains, 30)?;
    }
    Ok(())
}

fn pictures(run: &mut Run, step: u64) -> Outcome {
    // The byte of channel c, row y, column x; then as the file holds it, the channels of a pixel together.
    let byte = |c: usize, y: usize, x: usize| (40 * c + 9 * y + 5 * x) as u8;
    let (h, w) = (6, 10);
    for channels in 1..=4 {
        let at = |i: usize| (i / (h * w), i / w % h, i % w);
        let planes: Vec<u8> = (0..channels * h * w).map(at).map(|(c, y, x)| byte(c, y, x)).collect();
        let pixels: Vec<u8> =
            (0..channels * h * w).map(|i| byte(i % channels, i / channels / w, i / channels % w)).collect();
        let bytes = Tensor::from_slice(&planes, [channels, h, w])?;
        run.image(&format!("pictures/{channels} channels"), step, &bytes, &pixels)?;
        let fractions: Vec<f32> = planes.iter().map(|&byte| f32::from(byte) / 255.0).collect();
        let fractions = Tensor::from_vec(fractions, [channels, h, w])?;
        run.image(&format!("pictures/{channels} channels of fractions"), step, &fractions, &pixels)?;
    }
    let column = Tensor::from_vec(vec![0u8, 1, 254, 255], [4, 1])?;
    run.image("pictures/column", step, &column, &[0, 1, 254, 255])?;
    let chart = LineChart::new("Loss").series("train", (0..20).map(|t| (t as f64, 2.0 / (1.0 + t as f64))));
    run.png("pictures/chart", step, &chart.figure().png()?)
}

fn extremes(run: &mut Run) -> Outcome {
    let numbers = [0.0, -0.0, 0.1, -1e-42, 3e38, 1e39, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    for (step, value) in numbers.into_iter().enumerate() {
        run.scalar("extremes", step as u64, value)?;
    }
    run.scalar("a late step", i32::MAX as u64, 1.0)?;
    let wide = [0.0, -0.0, 1e-13, -1e-13, 1e-12, 1e19, -1e30, 1e37, 1.0, 1.0, 1.1, 0.9, -3.5];
    run.histogram("wide", 0, &Tensor::from_slice(&wide, [wide.len()])?)?;
    run.histogram("constant", 0, &Tensor::full([7], 0.25, DType::F64)?)?;
    run.histogram("zeros", 0, &Tensor::zeros([2, 2], DType::F32)?)?;
    run.histogram("whole", 0, &Tensor::arange(50, DType::I64)?)
}

fn main() -> Outcome {
    let out = std::env::args().nth(1).unwrap_or_else(|| "out/events".into());
    let out = Path::new(&out);
    if out.exists() && out.read_dir()?.next().is_some() {
        return Err(format!("the folder must be new or empty; got '{}'; name another", out.display()).into());
    }
    let rng = &mut Rng::seed(0);

    // A run that records thirteen steps and is killed; its last checkpoint is from before step 8.
    let mut run = Run::new(out, 1_700_000_000.0, Map::new())?;
    let settings = [
        ("lr", 1e-3.into()),
        ("layers", 0.0.into()),
        ("optimizer", "adam".into()),
        ("amsgrad", false.into()),
    ];
    run.writer.hparams(settings.iter().cloned())?;
    for t in 0..8 {
        step(&mut run, t, rng)?;
    }
    pictures(&mut run, 0)?;
    run.text("notes", 0, "# A run\n\n- größer **als**\n- 😀")?;
    run.text("notes", 3, "")?;
    let kept = run.expected.clone();
    for t in 8..13 {
        step(&mut run, t, rng)?;
    }
    run.text("notes", 9, "never to be seen")?;
    run.writer.flush()?;
    let time = *run.time.lock().expect("invariant: no thread panicked");

    // It goes on at step 8, in a second file.
    let mut run = Run::new(out, time + 3600.0, kept)?;
    run.writer.purge(8)?;
    for t in 8..21 {
        step(&mut run, t, rng)?;
    }
    pictures(&mut run, 20)?;
    extremes(&mut run)?;
    run.text("notes", 20, &"long ".repeat(40_000))?;
    run.writer.flush()?;

    let settings = settings.iter().map(|(name, value)| {
        let value = match value {
            HParam::Number(x) => json!(x),
            HParam::Text(text) => json!(text),
            HParam::Flag(on) => json!(on),
        };
        (name.to_string(), value)
    });
    run.expected.insert("hparams".into(), Value::Object(settings.collect()));
    let text = serde_json::to_string(&run.expected)?;
    write_atomic(out.join("expected.json"), |file| file.write_all(text.as_bytes()))?;
    println!("wrote {}", out.display());
    Ok(())
}
