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
use train::{
    Averaging, Callback, CheckpointConfig, Direction, Error, Fit, Flow, Result, StepRecord, TrainConfig,
    Trainer,
};

/// Fails behind a step, as a machine does.
struct FailsAt(u64);

impl Callback for FailsAt {
    fn on_step(&mut self, step: &StepRecord, _: &mut dyn Module) -> Result<Flow> {
        if step.at.step == self.0 {
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
    let average = Some(Averaging::Ema { decay: 0.8, warmup: true });
    let config = TrainConfig { checkpoints, clip_norm: Some(1.0), average, ..quiet() };
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

fn checkpoints_in(dir: &Path) -> Vec<PathBuf> {
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
    let all = checkpoints_in(dir.path());
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

    let path = checkpoints_in(dir.path()).remove(0);
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

    let averaging = TrainConfig { average: Some(Averaging::Ema { decay: 0.5, warmup: false }), ..quiet() };
    let plain = tempfile::tempdir().unwrap();
    let config =
        TrainConfig { epochs: 1, checkpoints: Some(CheckpointConfig::new(plain.path())), ..averaging };
    Trainer::new(config).fit(&mut model(), &mut AdamW::new(0.02), &task(), &circle(105, 0), None).unwrap();
    let config = TrainConfig { checkpoints: Some(CheckpointConfig::new(plain.path())), ..quiet() };
    let error = Trainer::new(config).fit(&mut model(), &mut AdamW::new(0.02), &task(), &circle(105, 0), None);
    assert_eq!(
        error.unwrap_err().to_string(),
        "[fit] a run must go on with the configuration that it began with; got averages of weights: none where there \
         were some; run it as before, or choose another folder"
    );

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

/// In a process that a test of this name has started: trains, and says so by the process's end. Nothing in any other.
fn child() -> bool {
    let (Ok(dir), Ok(kind)) = (std::env::var("RESUME_DIR"), std::env::var("RESUME_KIND")) else {
        return false;
    };
    let digits = digits();
    let task = train::Classification::new(digits.class_names().unwrap().iter().cloned());
    let shifted = Augmented::new(&digits, vec![Augment::RandomCrop { padding: 1 }], 5).unwrap();
    let checkpoints = CheckpointConfig { every_steps: Some(3), ..CheckpointConfig::new(&dir) };
    let average = Some(Averaging::Ema { decay: 0.9, warmup: true });
    let config =
        TrainConfig { epochs: 20, accumulate: 2, average, checkpoints: Some(checkpoints), ..quiet() };
    let mut model = network(&kind, &mut Rng::seed(0));
    let train: &dyn Source = &shifted;
    match Trainer::new(config).fit(&mut model, &mut AdamW::new(3e-3), &task, train, Some(&digits)) {
        Err(error @ Error::Interrupted { .. }) => {
            fs::write(Path::new(&dir).join("interrupted"), error.to_string()).unwrap();
            std::process::exit(INTERRUPTED);
        }
        fit => fit.map(|_| ()).unwrap(),
    }
    fs::write(Path::new(&dir).join("hash"), format!("{:016x}", fingerprint(&model))).unwrap();
    true
}

/// What the child leaves with if it was asked to end.
const INTERRUPTED: i32 = 33;

/// This program again, with the test of this name, which begins with [`child`].
fn start(test: &str, dir: &Path, kind: &str) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env("RESUME_DIR", dir)
        .env("RESUME_KIND", kind)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Asks the child to end, again and again, by the signal of this name.
#[cfg(unix)]
#[test]
fn a_run_that_is_asked_to_end_is_saved_and_loses_no_step() {
    if child() {
        return;
    }
    let start =
        |dir: &Path| start("resume::a_run_that_is_asked_to_end_is_saved_and_loses_no_step", dir, "cnn");
    let dir = tempfile::tempdir().unwrap();
    assert!(start(dir.path()).wait().unwrap().success());
    let hash = fs::read_to_string(dir.path().join("hash")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut interrupted = 0;
    loop {
        let mut child = start(dir.path());
        // Before its first checkpoint there is nothing to see; a run that is not begun yet ends as any other process.
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(20) && !dir.path().join("lock").exists() {
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_millis(40));
        let signal = ["INT", "TERM"][interrupted % 2];
        let _ = Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status();
        let status = child.wait().unwrap();
        if status.success() {
            break;
        }
        if status.code() == Some(INTERRUPTED) {
            interrupted += 1;
            let error = fs::read_to_string(dir.path().join("interrupted")).unwrap();
            assert!(error.starts_with(&format!("[fit] interrupted by SIG{signal} behind step ")), "{error}");
            assert!(error.ends_with("; run it again to go on"), "{error}");
        }
    }
    assert!(interrupted > 0, "no signal met the run");
    assert_eq!(fs::read_to_string(dir.path().join("hash")).unwrap(), hash, "after {interrupted} signals");
}

#[test]
fn the_newest_and_the_best_checkpoints_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoints = CheckpointConfig { keep: 1, keep_best: 2, ..CheckpointConfig::new(dir.path()) };
    let monitor = ("accuracy".to_string(), Direction::Lower);
    let config = TrainConfig { epochs: 8, monitor, checkpoints: Some(checkpoints), ..quiet() };
    let (train, valid) = (circle(105, 0), circle(50, 1));
    let fit =
        Trainer::new(config).fit(&mut model(), &mut AdamW::new(0.02), &task(), &train, Some(&valid)).unwrap();
    let mut by_value: Vec<(f64, u64)> = (fit.history.epochs().iter())
        .map(|record| (record.valid.as_ref().unwrap().get("accuracy").unwrap(), record.step))
        .collect();
    by_value.sort_by(|a, b| a.partial_cmp(b).unwrap());
    let mut kept: Vec<u64> = by_value[..2].iter().map(|(_, step)| *step).collect();
    kept.push(56);
    kept.sort_unstable();
    kept.dedup();
    let names: Vec<String> = checkpoints_in(dir.path())
        .iter()
        .map(|path| path.file_stem().unwrap().display().to_string())
        .collect();
    assert_eq!(names, kept.iter().map(|step| format!("step-{step:010}")).collect::<Vec<_>>());

    // By the clock: each step is later than the one before by nothing at least.
    let dir = tempfile::tempdir().unwrap();
    let checkpoints =
        CheckpointConfig { every: Some(Duration::ZERO), keep: 100, ..CheckpointConfig::new(dir.path()) };
    let config = TrainConfig { epochs: 1, checkpoints: Some(checkpoints), ..quiet() };
    Trainer::new(config).fit(&mut model(), &mut AdamW::new(0.02), &task(), &train, None).unwrap();
    assert_eq!(checkpoints_in(dir.path()).len(), 7);
}

#[test]
fn fifty_kills_lose_no_bit() {
    if child() {
        return;
    }
    let start = |dir: &Path, kind: &str| start("resume::fifty_kills_lose_no_bit", dir, kind);
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

/// Takes the folder of checkpoints away behind a step.
struct TakesAway<'a>(&'a Path, u64);

impl Callback for TakesAway<'_> {
    fn on_step(&mut self, step: &StepRecord, _: &mut dyn Module) -> Result<Flow> {
        if step.at.step == self.1 {
            fs::remove_dir_all(self.0).unwrap();
        }
        Ok(Flow::Continue)
    }
}

#[test]
fn a_folder_that_cannot_be_made_or_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = fit(Some(&file.join("run")), None, 0).0.unwrap_err().to_string();
    assert!(error.starts_with("[checkpoint] the folder must be there; got \""), "{error}");
    assert!(error.contains("file/run") && error.ends_with("check the path and your rights"), "{error}");

    let run = dir.path().join("run");
    let config = TrainConfig { checkpoints: Some(CheckpointConfig::new(&run)), ..quiet() };
    let mut trainer = Trainer::new(config).callback(TakesAway(&run, 10));
    let mut net = model();
    let error =
        trainer.fit(&mut net, &mut AdamW::new(0.02), &task(), &circle(105, 0), None).unwrap_err().to_string();
    assert!(error.starts_with("[write_atomic] ") && error.contains("step-0000000014.ckpt"), "{error}");
    // The steps that were made are not lost with the checkpoint.
    assert_ne!(fingerprint(&net), fingerprint(&model()));
}

/// A device without room stands in for a full disk.
#[cfg(target_os = "linux")]
#[test]
fn a_log_on_a_full_disk_ends_the_run_with_an_error_that_names_it() {
    let log = train::JsonLog::new("/dev/full").unwrap();
    let error = Trainer::new(quiet())
        .callback(log)
        .fit(&mut model(), &mut AdamW::new(0.02), &task(), &circle(105, 0), None)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("[log] the log must be writable; got \"") && error.contains("/dev/full"),
        "{error}"
    );
}
