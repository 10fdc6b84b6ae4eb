//! Runs that are killed and go on.

use crate::{circle, fingerprint, quiet, task};
use data::{Augment, Augmented, Dataset, Source};
use models::{Mlp, MlpConfig, Vit, VitConfig};
use nn::{BatchNorm2d, Conv2d, ConvConfig, Dropout, Flatten, Layer, Linear, Module, Sequential};
use optim::{AdamW, CosineWarmup};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tensor::Rng;
use train::{Callback, CheckpointConfig, Error, Fit, Flow, Position, Result, TrainConfig, Trainer};

/// Fails behind a step, as a machine does.
struct FailsAt(u64);

impl Callback for FailsAt {
    fn on_step(&mut self, at: Position, _: f64, _: &mut dyn Module) -> Result<Flow> {
        if at.step == self.0 {
            let repair = "plug it in again";
            return Err(Error::InvalidArgument {
                op: "test",
                rule: "power must be on",
                got: "none".into(),
                repair,
            });
        }
        Ok(Flow::Continue)
    }
}

fn model() -> Mlp {
    let config = MlpConfig { dropout: 0.2, ..Default::default() };
    Mlp::with_config([2, 16, 2], &config, &mut Rng::seed(3)).unwrap()
}

/// A run of 3 epochs of 7 steps.
fn fit(dir: Option<&Path>, every: Option<u64>, fails_at: u64) -> (Result<Fit>, u64) {
    let (train, valid) = (circle(105, 0), circle(50, 1));
    let checkpoints = dir.map(|dir| CheckpointConfig { every_steps: every, ..CheckpointConfig::new(dir) });
    let config = TrainConfig { checkpoints, clip_norm: Some(1.0), ..quiet() };
    let schedule = CosineWarmup::new(0.02, 0.001, 3, 21).unwrap();
    let mut trainer = Trainer::new(config).schedule(schedule).callback(FailsAt(fails_at));
    let mut model = model();
    let fit = trainer.fit(&mut model, &mut AdamW::new(0.02), &task(), &train, Some(&valid));
    (fit, fingerprint(&model))
}

/// All that must be equal: measures of all epochs, to the bit, and the weights of the best one.
fn essence(fit: &Fit) -> Vec<String> {
    let mut all: Vec<String> = fit
        .history
        .epochs()
        .iter()
        .map(|r| format!("{} {} {:?} {:?} {:?}", r.epoch, r.step, r.train, r.valid, r.lr.to_bits()))
        .collect();
    all.push(format!("{} {} {}", fit.best_epoch, fit.steps, fit.best.fingerprint().unwrap()));
    all
}

#[test]
fn a_run_that_fails_behind_any_step_ends_as_if_it_had_not() {
    let (whole, hash) = fit(None, None, 0);
    let whole = essence(&whole.unwrap());
    for every in [None, Some(1), Some(4)] {
        for fails_at in 1..=21 {
            let dir = tempfile::tempdir().unwrap();
            let (failed, _) = fit(Some(dir.path()), every, fails_at);
            assert!(failed.is_err());
            // Twice, the second time at the next step.
            assert!(fit(Some(dir.path()), every, fails_at + 1).0.is_err() || fails_at == 21);
            let (resumed, found) = fit(Some(dir.path()), every, 0);
            assert_eq!(essence(&resumed.unwrap()), whole, "every {every:?}, failed at {fails_at}");
            assert_eq!(found, hash);
            // What is finished stays finished.
            let (again, found) = fit(Some(dir.path()), every, 1);
            assert_eq!((essence(&again.unwrap()), found), (whole.clone(), hash));
            assert!(fs::read_dir(dir.path()).unwrap().count() <= 3, "two checkpoints and the lock");
        }
    }
}

fn checkpoints(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|e| e == "ckpt")).collect();
    all.sort();
    all
}

#[test]
fn a_damaged_checkpoint_is_passed_over_and_only_damaged_ones_are_an_error() {
    let (whole, _) = fit(None, None, 0);
    let whole = essence(&whole.unwrap());
    let dir = tempfile::tempdir().unwrap();
    assert!(fit(Some(dir.path()), Some(4), 18).0.is_err());
    let all = checkpoints(dir.path());
    assert_eq!(all.len(), 2);
    let good = fs::read(&all[1]).unwrap();
    let mut rng = Rng::seed(0);
    // Any byte of the head, some of the rest, and cuts.
    let mut places: Vec<usize> = (0..200).collect();
    places.extend((0..40).map(|_| rng.below(good.len()).unwrap()));
    for (i, &place) in places.iter().enumerate() {
        let mut bad = good.clone();
        match i % 3 {
            0 => bad.truncate(place),
            _ => bad[place] ^= 1 << (i % 8),
        }
        fs::write(&all[1], &bad).unwrap();
        if i % 40 == 0 {
            let copy = tempfile::tempdir().unwrap();
            for path in &all {
                fs::copy(path, copy.path().join(path.file_name().unwrap())).unwrap();
            }
            assert_eq!(essence(&fit(Some(copy.path()), Some(4), 0).0.unwrap()), whole, "byte {place}");
        } else {
            // The older one is damaged too: nothing is begun anew by itself.
            let copy = tempfile::tempdir().unwrap();
            fs::write(copy.path().join(all[1].file_name().unwrap()), &bad).unwrap();
            let error = fit(Some(copy.path()), Some(4), 1).0.unwrap_err().to_string();
            assert!(error.starts_with("[checkpoint] ") && error.contains("step-0000000016.ckpt"), "{error}");
        }
    }
}

#[test]
fn another_run_another_version_and_two_runs_at_once_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    assert!(fit(Some(dir.path()), None, 10).0.is_err());
    let text = |config: TrainConfig, train: &Dataset| {
        let config = TrainConfig { checkpoints: Some(CheckpointConfig::new(dir.path())), ..config };
        let fit = Trainer::new(config).fit(&mut model(), &mut AdamW::new(0.02), &task(), train, None);
        fit.map(|_| ()).unwrap_err().to_string()
    };
    let error = text(TrainConfig { seed: 1, batch_size: 8, ..quiet() }, &circle(105, 0));
    assert!(error.contains("got seed 1 where it was 0, batch size 8 where it was 16"), "{error}");
    let error = text(quiet(), &circle(105, 7));
    assert!(error.contains("first batch") && !error.contains("rows"), "{error}");
    let error = text(quiet(), &circle(106, 0));
    assert!(error.contains("got rows 106 where it was 105"), "{error}");

    let path = checkpoints(dir.path()).remove(0);
    let good = fs::read(&path).unwrap();
    let mut newer = good.clone();
    newer[12] = 9;
    let sum = newer[..newer.len() - 8].iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, &byte| {
        (hash ^ byte as u64).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let at = newer.len() - 8;
    newer[at..].copy_from_slice(&sum.to_le_bytes());
    fs::write(&path, newer).unwrap();
    let error = text(quiet(), &circle(105, 0));
    assert!(
        error.contains("the file's version must be known to this program; got version 9, known is 1"),
        "{error}"
    );
    fs::write(&path, good).unwrap();

    let lock = fs::File::open(dir.path().join("lock")).unwrap();
    lock.lock().unwrap();
    let error = text(quiet(), &circle(105, 0));
    assert!(error.starts_with("[checkpoint] a folder belongs to one run at a time"), "{error}");
}

/// The two models of the test that kills, in a process of their own.
fn network(kind: &str, rng: &mut Rng) -> Box<dyn Layer> {
    if kind == "transformer" {
        let size = VitConfig { channels: 1, size: [8, 8], patch: [4, 4], classes: 10, ..Default::default() };
        let config = VitConfig { layers: 2, heads: 2, d: 16, d_ff: 32, dropout: 0.1, ..size };
        return Box::new(Vit::new(&config, rng).unwrap());
    }
    let conv = ConvConfig { padding: 1.into(), ..ConvConfig::default() };
    Box::new(
        Sequential::new()
            .push(Conv2d::with_config(1, 4, 3, &conv, rng).unwrap())
            .push(BatchNorm2d::new(4).unwrap())
            .push(nn::Activation::Relu)
            .push(Flatten)
            .push(Dropout::new(0.3).unwrap())
            .push(Linear::new(4 * 64, 10, rng).unwrap()),
    )
}

/// Digits as images, shifted at random.
fn digits() -> Dataset {
    let all = data::digits().unwrap();
    let rows: Vec<usize> = (0..256).collect();
    let some = all.select(&rows).unwrap();
    let images = some.features().reshape([256, 1, 8, 8]).unwrap();
    let names = all.class_names().unwrap().to_vec();
    Dataset::classification(images, some.targets().clone(), names).unwrap()
}

#[test]
#[ignore = "run by the next test in a process of its own"]
fn child() {
    let (Ok(dir), Ok(kind)) = (std::env::var("RESUME_DIR"), std::env::var("RESUME_KIND")) else { return };
    let digits = digits();
    let task = train::Classification::new(digits.class_names().unwrap().iter().cloned());
    let shifted = Augmented::new(&digits, vec![Augment::RandomCrop { padding: 1 }], 5).unwrap();
    let checkpoints = CheckpointConfig { every_steps: Some(3), ..CheckpointConfig::new(&dir) };
    let config = TrainConfig { epochs: 10, checkpoints: Some(checkpoints), ..quiet() };
    let mut model = network(&kind, &mut Rng::seed(0));
    let train: &dyn Source = &shifted;
    Trainer::new(config).fit(&mut model, &mut AdamW::new(3e-3), &task, train, Some(&digits)).unwrap();
    fs::write(Path::new(&dir).join("hash"), format!("{:016x}", fingerprint(&model))).unwrap();
}

#[test]
fn fifty_kills_lose_no_bit() {
    let start = |dir: &Path, kind: &str| {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "resume::child", "--ignored"])
            .env("RESUME_DIR", dir)
            .env("RESUME_KIND", kind)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut rng = Rng::seed(9);
    for kind in ["cnn", "transformer"] {
        let dir = tempfile::tempdir().unwrap();
        let begin = Instant::now();
        assert!(start(dir.path(), kind).wait().unwrap().success());
        let whole = begin.elapsed();
        let hash = fs::read_to_string(dir.path().join("hash")).unwrap();
        let mut kills = 0;
        while kills < 25 {
            let dir = tempfile::tempdir().unwrap();
            loop {
                let mut child = start(dir.path(), kind);
                let share = rng.below(1000).unwrap() as f64 / 1000.0;
                std::thread::sleep(Duration::from_secs_f64(whole.as_secs_f64() * share * 0.7));
                // Killed, unless it had come to its end.
                child.kill().unwrap();
                if child.wait().unwrap().success() {
                    break;
                }
                kills += 1;
                if kills > 200 {
                    panic!("no run comes to its end");
                }
            }
            assert_eq!(
                fs::read_to_string(dir.path().join("hash")).unwrap(),
                hash,
                "{kind} after {kills} kills"
            );
        }
    }
}
