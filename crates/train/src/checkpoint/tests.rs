//! The file, byte by byte.

use super::state::{Average, Identity, RunState};
use crate::history::{EpochRecord, History, MetricValues};
use nn::StateDict;
use optim::{OptimizerState, ParamState};
use std::path::Path;
use tensor::{DType, Rng, Tensor};

fn weights(rows: usize, from: f64) -> StateDict {
    let matrix = Tensor::arange(2 * rows, DType::F32).unwrap().add_scalar(from).unwrap();
    let matrix = matrix.reshape([rows, 2]).unwrap();
    let bias = Tensor::from_vec(vec![from, -0.0], [2]).unwrap();
    [("fc.weight".to_string(), matrix), ("fc.bias".to_string(), bias)].into_iter().collect()
}

/// All there can be, with nothing left to chance.
fn state(rows: usize) -> RunState {
    let mut history = History::new();
    let values = |x: f64| MetricValues::from([("loss", x), ("accuracy", 1.0 - x)]);
    let (train, valid) = (values(0.5), Some(values(0.25)));
    history.push(EpochRecord { epoch: 1, step: 7, train, valid, lr: 0.125, seconds: 2.0 }).unwrap();
    let param = |from| ParamState {
        steps: 9,
        moments: weights(rows, from).iter().map(|(name, x)| (name.to_string(), x.clone())).collect(),
    };
    RunState {
        identity: Identity {
            seed: 3,
            batch_size: 16,
            accumulate: 2,
            rows: 105,
            first_batch: 0x0123_4567_89ab_cdef,
            probes: 42,
            monitor: "loss".into(),
        },
        machine: "train 0.1.0, x86_64, Avx512".into(),
        epoch: 2,
        batch: 4,
        step: 9,
        skipped: 1,
        skipped_in_a_row: 0,
        stopped: false,
        meter: vec![1.5, 2.0, f64::INFINITY],
        history,
        callbacks: [("log".to_string(), vec![1, 2, 255])].into(),
        model: weights(rows, 0.0),
        average: Some(Average { weights: weights(rows, 0.5), steps: 8 }),
        optimizer: OptimizerState {
            kind: "adamw".into(),
            steps: 9,
            lr: 0.0625,
            params: [("fc.weight".to_string(), param(1.0)), ("fc.bias".to_string(), param(2.0))].into(),
        },
        best: Some((0.25, 1, weights(rows, 4.0))),
    }
}

#[test]
fn files_of_version_1_are_read_and_written_as_ever() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/version-1.ckpt");
    let bytes = state(3).encode().unwrap();
    if std::env::var_os("WRITE_GOLDENS").is_some() {
        std::fs::write(&path, &bytes).unwrap();
    }
    let golden = std::fs::read(&path).unwrap();
    assert!(golden == bytes, "{} bytes where the file has {}", bytes.len(), golden.len());
    let read = RunState::decode(&golden).unwrap();
    assert_eq!(format!("{:?}", read.identity), format!("{:?}", state(3).identity));
    assert!(read.encode().unwrap() == golden, "nothing is lost in reading");
}

#[test]
fn every_bit_of_a_small_file_and_every_cut_is_noticed() {
    let good = state(3).encode().unwrap();
    assert!(good.len() < 4000, "{}", good.len());
    for place in 0..good.len() {
        let mut bad = good.clone();
        for bit in 0..8 {
            bad[place] = good[place] ^ 1 << bit;
            assert!(RunState::decode(&bad).is_err(), "bit {bit} of byte {place}");
        }
        assert!(RunState::decode(&good[..place]).is_err(), "cut behind {place}");
    }
    let mut longer = good.clone();
    longer.push(0);
    assert!(RunState::decode(&longer).is_err());
}

#[test]
fn a_thousand_bits_of_a_large_file_are_noticed() {
    let mut bad = state(40_000).encode().unwrap();
    assert!(bad.len() > 1 << 20, "{}", bad.len());
    let mut rng = Rng::seed(4);
    for _ in 0..1000 {
        let (place, bit) = (rng.below(bad.len()).unwrap(), rng.below(8).unwrap());
        bad[place] ^= 1 << bit;
        assert!(RunState::decode(&bad).is_err(), "bit {bit} of byte {place}");
        bad[place] ^= 1 << bit;
    }
    RunState::decode(&bad).unwrap();
}
