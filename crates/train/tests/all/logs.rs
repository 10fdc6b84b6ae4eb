//! Logs of runs, whole and resumed.

use crate::{circle, mlp, quiet, task};
use optim::AdamW;
use serde_json::Value;
use std::fs;
use std::path::Path;
use train::{
    Callback, CheckpointConfig, CsvLog, Error, Flow, JsonLog, Result, StepRecord, TrainConfig, Trainer,
};

struct FailsAt(u64);

impl Callback for FailsAt {
    fn on_step(&mut self, step: &StepRecord, _: &mut dyn nn::Module) -> Result<Flow> {
        match step.at.step == self.0 {
            true => Err(Error::NotFinite { loss: f64::NAN, epoch: 0, step: 0 }),
            false => Ok(Flow::Continue),
        }
    }
}

/// Three epochs of 7 steps into `dir`.
fn run(dir: &Path, fails_at: u64) -> Result<train::Fit> {
    let checkpoints = CheckpointConfig { every_steps: Some(2), ..CheckpointConfig::new(dir.join("run")) };
    let config = TrainConfig { checkpoints: Some(checkpoints), ..quiet() };
    let (train, valid) = (circle(105, 0), circle(50, 1));
    Trainer::new(config)
        .callback(JsonLog::new(dir.join("logs/run.jsonl"))?.steps(3).grad_norm())
        .callback(CsvLog::new(dir.join("logs/epochs.csv"))?)
        .callback(FailsAt(fails_at))
        .fit(&mut mlp(0), &mut AdamW::new(0.02), &task(), &train, Some(&valid))
}

/// Without what the clock says.
fn lines(dir: &Path) -> (Vec<Value>, Vec<String>) {
    let text = fs::read_to_string(dir.join("logs/run.jsonl")).unwrap();
    let mut json: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    json.iter_mut().for_each(|line| {
        line.as_object_mut().unwrap().remove("seconds");
    });
    let text = fs::read_to_string(dir.join("logs/epochs.csv")).unwrap();
    let csv = text.lines().map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        [&cells[..3], &cells[4..]].concat().join(",")
    });
    (json, csv.collect())
}

#[test]
fn logs_say_what_happened() {
    let dir = tempfile::tempdir().unwrap();
    let fit = run(dir.path(), 0).unwrap();
    let (json, csv) = lines(dir.path());
    let events: Vec<(&str, u64)> =
        json.iter().map(|line| (line["event"].as_str().unwrap(), line["step"].as_u64().unwrap())).collect();
    let step = |n| ("step", n);
    let epoch = |n| ("epoch", n);
    assert_eq!(
        events,
        [step(3), step(6), epoch(7), step(9), step(12), epoch(14), step(15), step(18), step(21), epoch(21)]
    );
    let last = fit.history.last().unwrap();
    assert_eq!(json[9]["valid"]["accuracy"].as_f64(), last.valid.as_ref().unwrap().get("accuracy"));
    assert_eq!(json[9]["train"]["loss"].as_f64(), last.train.get("loss"));
    assert!(json[0]["grad_norm"].as_f64().unwrap() > 0.0 && json[0]["skipped"] == false);
    assert_eq!(csv[0], "epoch,step,lr,train_loss,train_accuracy,valid_loss,valid_accuracy");
    assert_eq!(csv.len(), 4);
    let cells: Vec<f64> = csv[3].split(',').map(|cell| cell.parse().unwrap()).collect();
    assert_eq!((cells[0], cells[1], cells[2], Some(cells[3])), (3.0, 21.0, 0.02, last.train.get("loss")));
}

#[test]
fn a_resumed_run_has_every_line_once() {
    let whole = tempfile::tempdir().unwrap();
    run(whole.path(), 0).unwrap();
    for fails_at in [1, 5, 7, 9, 15, 20] {
        let dir = tempfile::tempdir().unwrap();
        assert!(run(dir.path(), fails_at).is_err());
        // Half a line, as a cut of the power leaves.
        let path = dir.path().join("logs/run.jsonl");
        let half = fs::read_to_string(&path).unwrap() + "{\"event\":\"st";
        fs::write(&path, half).unwrap();
        run(dir.path(), 0).unwrap();
        assert_eq!(lines(dir.path()), lines(whole.path()), "failed at {fails_at}");
    }
}

#[test]
fn a_new_run_begins_its_logs_anew_and_a_path_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), 0).unwrap();
    let before = lines(dir.path());
    fs::remove_dir_all(dir.path().join("run")).unwrap();
    run(dir.path(), 0).unwrap();
    assert_eq!(lines(dir.path()), before);
    let path = dir.path().join("logs/run.jsonl/inside");
    let error = JsonLog::new(&path).err().unwrap().to_string();
    assert!(
        error.starts_with("[log] the log must be writable; got \"") && error.contains("inside"),
        "{error}"
    );
    assert!(error.ends_with("check the path, your rights and the disk"), "{error}");
}

#[test]
fn a_run_in_tensorboard_has_its_curves_and_a_resumed_one_a_file_more() {
    let dir = tempfile::tempdir().unwrap();
    let run = |fails_at| {
        let checkpoints =
            CheckpointConfig { every_steps: Some(2), ..CheckpointConfig::new(dir.path().join("run")) };
        let config = TrainConfig { checkpoints: Some(checkpoints), ..quiet() };
        let (train, valid) = (circle(105, 0), circle(50, 1));
        Trainer::new(config)
            .callback(train::TensorBoardLog::new(dir.path().join("events")).steps(2).histograms())
            .callback(FailsAt(fails_at))
            .fit(&mut mlp(0), &mut AdamW::new(0.02), &task(), &train, Some(&valid))
    };
    let files = || {
        let mut all: Vec<_> =
            fs::read_dir(dir.path().join("events")).unwrap().map(|entry| entry.unwrap().path()).collect();
        all.sort();
        all.iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>()
    };
    let count = |bytes: &[u8], tag: &str| bytes.windows(tag.len()).filter(|w| *w == tag.as_bytes()).count();
    assert!(run(9).is_err());
    let first = files();
    assert_eq!(first.len(), 1);
    // Steps 2, 4, 6 and 8; one epoch.
    assert_eq!((count(&first[0], "step/loss"), count(&first[0], "valid/accuracy")), (4, 1));
    assert_eq!((count(&first[0], "step/grad_norm"), count(&first[0], "layers.0.weight")), (4, 1));
    run(0).unwrap();
    let both = files();
    assert_eq!((both.len(), both[0] == first[0]), (2, true));
    // It goes on behind step 8: steps 10 to 20, two epochs.
    assert_eq!((count(&both[1], "step/loss"), count(&both[1], "valid/accuracy")), (6, 2));
}
