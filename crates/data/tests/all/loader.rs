use crate::{counted, message};
use data::{
    Augment, Augmented, Batch, BatchConfig, BatchPlan, Batches, Dataset, Error, Loader, LoaderPosition,
    Result, Sample, Sampler, Source, Stream, StreamConfig, StreamLoader, Transformed, Workers,
};
use proptest::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::scope;
use std::time::{Duration, Instant};
use tensor::{DType, Tensor};

/// Rows i with target i; counts the batches that were read.
#[derive(Default)]
struct Counting {
    read: AtomicUsize,
    fails_at: Option<usize>,
    panics_at: Option<usize>,
}

impl Source for Counting {
    fn len(&self) -> usize {
        40
    }

    fn batch(&self, rows: &[usize]) -> Result<Batch> {
        self.read.fetch_add(1, Ordering::SeqCst);
        if self.fails_at.is_some_and(|row| rows.contains(&row)) {
            return Err(Error::RowOutOfBounds { op: "test", row: 7, position: 0, rows: 7 });
        }
        if self.panics_at.is_some_and(|row| rows.contains(&row)) {
            panic!("row {rows:?}");
        }
        let numbers = || Tensor::from_vec(rows.iter().map(|&row| row as i64).collect(), [rows.len()]);
        Ok(Batch { features: numbers()?, targets: numbers()? })
    }
}

fn plan(batch_size: usize, shuffle: Option<u64>) -> BatchConfig {
    BatchConfig { batch_size, shuffle, drop_last: false }
}

fn workers(threads: usize, prefetch: usize) -> Workers {
    Workers { threads, prefetch }
}

const START: LoaderPosition = LoaderPosition { epoch: 0, batch: 0 };

/// Bits of all numbers of the batches, batch by batch.
fn bits(batches: impl Iterator<Item = Result<Batch>>) -> Vec<Vec<u8>> {
    batches
        .map(|batch| {
            let batch = batch.unwrap();
            [batch.features.to_le_bytes().unwrap(), batch.targets.to_le_bytes().unwrap()].concat()
        })
        .collect()
}

#[test]
fn batches_and_bits_are_the_same_for_any_number_of_workers() {
    let digits = data::digits().unwrap().select(&(0..200).collect::<Vec<_>>()).unwrap();
    let images = digits.map_features(|x| Ok(x.reshape([200, 1, 8, 8])?)).unwrap();
    let augmented = Augmented::new(
        &images,
        vec![Augment::RandomCrop { padding: 2 }, Augment::Rotate { degrees: 20.0 }],
        3,
    )
    .unwrap();
    let source = Transformed::new(&augmented, 5)
        .then(|x, rng| Ok(x.add(&rng.normal(x.shape(), 0.0, 1.0, DType::F32)?)?));
    let labels = digits.labels().unwrap();
    let plans = [
        BatchPlan::new(200, plan(7, Some(9))).unwrap(),
        BatchPlan::of(Sampler::balanced(&labels, 4).unwrap(), 16, true).unwrap(),
    ];
    for plan in plans {
        let loader = Loader::of(&source, plan).unwrap();
        for epoch in [0, 5] {
            let at = |batch| LoaderPosition { epoch, batch };
            let whole = bits(loader.epoch(epoch));
            for threads in [0, 1, 2, 4, 64] {
                for first in [0, 3, loader.batches()] {
                    let found = scope(|s| bits(loader.ahead(s, at(first), workers(threads, 2)).unwrap()));
                    assert!(found == whole[first..], "{threads} workers from batch {first}");
                }
            }
        }
    }
}

#[test]
fn a_position_in_the_middle_of_an_epoch_continues_with_the_same_rest() {
    let source = Counting::default();
    let loader = Loader::new(&source, plan(6, Some(2))).unwrap();
    let whole: Vec<Vec<u8>> = (1..3).flat_map(|epoch| bits(loader.epoch(epoch))).collect();
    for stop in 0..14 {
        let mut position = LoaderPosition { epoch: 1, batch: 0 };
        let mut found = Vec::new();
        while position.epoch < 3 {
            position = scope(|s| {
                let mut batches = loader.ahead(s, position, workers(2, 3)).unwrap();
                while found.len() != stop || batches.len() == 0 {
                    match batches.next() {
                        Some(batch) => found.extend(bits(std::iter::once(batch))),
                        None => return batches.position(),
                    }
                }
                // Stopped here once: saved, read again, and on without stopping.
                let saved = serde_json::to_string(&batches.position()).unwrap();
                found.extend(bits(
                    loader.ahead(s, serde_json::from_str(&saved).unwrap(), workers(1, 1)).unwrap(),
                ));
                LoaderPosition { epoch: batches.position().epoch + 1, batch: 0 }
            });
        }
        assert!(found == whole, "stopped after {stop} batches");
    }
    assert!(serde_json::from_str::<LoaderPosition>(r#"{"epoch":1,"batch":2,"more":3}"#).is_err());
}

/// What comes before the first error, that error, and what comes after.
fn until_error(mut batches: Batches<'_>) -> (usize, Error, LoaderPosition) {
    let mut good = 0;
    loop {
        match batches.next().expect("there is an error") {
            Ok(_) => good += 1,
            Err(error) => {
                assert_eq!(batches.len(), 0);
                assert!(batches.next().is_none(), "it comes once");
                return (good, error, batches.position());
            }
        }
    }
}

#[test]
fn an_error_and_a_panic_come_once_and_at_their_place() {
    for threads in [0, 1, 2, 4] {
        let failing = Counting { fails_at: Some(17), ..Default::default() };
        let loader = Loader::new(&failing, plan(4, None)).unwrap();
        let (good, error, at) = scope(|s| until_error(loader.ahead(s, START, workers(threads, 2)).unwrap()));
        assert_eq!((good, at.batch), (4, 4), "{threads} workers");
        assert!(matches!(error, Error::RowOutOfBounds { .. }));

        let panicking = Counting { panics_at: Some(17), ..Default::default() };
        let loader = Loader::new(&panicking, plan(4, None)).unwrap();
        let (good, error, at) = scope(|s| until_error(loader.ahead(s, START, workers(threads, 2)).unwrap()));
        assert_eq!((good, at.batch), (4, 4), "{threads} workers");
        assert_eq!(
            error.to_string(),
            "[loader] reading a batch must not panic; got \"row [16, 17, 18, 19]\" in batch 4 of epoch 0; \
             correct the source or the transform"
        );
    }
}

#[test]
fn workers_wait_when_they_are_as_far_ahead_as_they_may() {
    for (threads, prefetch) in [(1, 1), (1, 3), (2, 2), (4, 1)] {
        let source = Counting::default();
        let loader = Loader::new(&source, plan(1, None)).unwrap();
        scope(|s| {
            let mut batches = loader.ahead(s, START, workers(threads, prefetch)).unwrap();
            for taken in 0..3 {
                let most = taken + threads * prefetch;
                let begin = Instant::now();
                while source.read.load(Ordering::SeqCst) < most && begin.elapsed() < Duration::from_secs(20) {
                    std::thread::yield_now();
                }
                std::thread::sleep(Duration::from_millis(5));
                assert_eq!(
                    source.read.load(Ordering::SeqCst),
                    most,
                    "{threads} workers, prefetch {prefetch}"
                );
                batches.next().unwrap().unwrap();
            }
        });
    }
}

#[test]
fn batches_that_are_dropped_stop_their_workers() {
    for threads in [1, 2, 4] {
        let source = Counting::default();
        let loader = Loader::new(&source, plan(1, None)).unwrap();
        scope(|s| {
            let mut batches = loader.ahead(s, START, workers(threads, 2)).unwrap();
            batches.next().unwrap().unwrap();
            drop(batches);
            let read = source.read.load(Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(5));
            assert_eq!(source.read.load(Ordering::SeqCst), read);
            assert!(read <= 1 + 3 * threads);
        });
    }
}

#[test]
fn what_cannot_be_loaded_is_refused() {
    let source = Counting::default();
    let loader = Loader::new(&source, plan(10, None)).unwrap();
    let refused = |at, how| scope(|s| message(loader.ahead(s, at, how)));
    assert_eq!(
        refused(LoaderPosition { epoch: 0, batch: 5 }, workers(2, 1)),
        "[loader] a position must lie in its epoch; got batch 5 of 4; \
         resume with the data and the batch size of the run"
    );
    assert_eq!(
        refused(START, workers(2, 0)),
        "[loader] there can be up to 1,024 workers, each at least one batch ahead; got 2 workers, prefetch 0; \
         use Workers::default() or the like"
    );
    assert_eq!(
        message(Loader::of(&source, BatchPlan::new(39, plan(4, None)).unwrap())),
        "[loader] a plan must be made for the rows of the source; got a plan for 39 rows and a source of 40; \
         make the plan for this source"
    );
}

#[test]
fn a_transform_that_fails_is_the_error_of_its_batch() {
    let data = Dataset::regression(counted(&[8, 3]), counted(&[8, 1])).unwrap();
    let source = Transformed::new(&data, 0).then(|x, _| match x.to_vec::<f32>()?[0] {
        12.0 => panic!("twelve"),
        _ => Ok(x.clone()),
    });
    let loader = Loader::new(&source, plan(2, None)).unwrap();
    let (good, error, _) = scope(|s| until_error(loader.ahead(s, START, workers(2, 2)).unwrap()));
    assert_eq!(good, 2);
    assert!(error.to_string().contains("\"twelve\" in batch 2 of epoch 0"), "{error}");
}

/// 0, 1, 2, … of the epoch, with an error or a panic at one place.
#[derive(Default)]
struct Numbers {
    len: usize,
    fails_at: Option<usize>,
    panics_at: Option<usize>,
}

impl Stream for Numbers {
    fn open(&self, epoch: u64) -> Result<Box<dyn Iterator<Item = Result<Sample>> + '_>> {
        Ok(Box::new((0..self.len).map(move |i| {
            if self.fails_at == Some(i) {
                return Err(Error::RowOutOfBounds { op: "test", row: i, position: 0, rows: i });
            }
            assert!(self.panics_at != Some(i), "sample {i}");
            Ok((Tensor::from_vec(vec![epoch as i64, i as i64], [2])?, Tensor::scalar(i as i64)))
        })))
    }
}

fn stream_config(shuffle: Option<u64>) -> StreamConfig {
    StreamConfig { batch_size: 4, shuffle, buffer: 7, drop_last: false }
}

fn targets(batches: impl Iterator<Item = Result<Batch>>) -> Vec<i64> {
    batches.flat_map(|batch| batch.unwrap().targets.to_vec::<i64>().unwrap()).collect()
}

#[test]
fn a_stream_gives_every_sample_once_shuffled_by_seed_and_epoch() {
    for len in [0, 1, 4, 6, 7, 8, 50] {
        let stream = Numbers { len, ..Default::default() };
        let loader = |shuffle| StreamLoader::new(&stream, stream_config(shuffle)).unwrap();
        let plain: Vec<i64> = (0..len as i64).collect();
        assert_eq!(targets(loader(None).epoch(2)), plain);
        let shuffled = targets(loader(Some(1)).epoch(2));
        let mut sorted = shuffled.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, plain);
        // A sample comes at most the buffer too early.
        assert!(shuffled.iter().enumerate().all(|(place, &i)| i <= place as i64 + 7));
        if len == 50 {
            assert_eq!(shuffled, targets(loader(Some(1)).epoch(2)));
            assert_ne!(shuffled, targets(loader(Some(1)).epoch(3)));
            assert_ne!(shuffled, targets(loader(Some(2)).epoch(2)));
            assert_ne!(shuffled, plain);
        }
    }
}

#[test]
fn a_stream_is_the_same_read_ahead_and_resumed() {
    let stream = Numbers { len: 30, ..Default::default() };
    for shuffle in [None, Some(3)] {
        for drop_last in [false, true] {
            let config = StreamConfig { drop_last, ..stream_config(shuffle) };
            let loader = StreamLoader::new(&stream, config).unwrap();
            let whole = bits(loader.epoch(1));
            assert_eq!(whole.len(), if drop_last { 7 } else { 8 });
            for first in 0..=whole.len() {
                let at = LoaderPosition { epoch: 1, batch: first };
                for threads in [0, 1, 2, 4] {
                    let (found, end) = scope(|s| {
                        let mut batches = loader.ahead(s, at, workers(threads, 2)).unwrap();
                        (bits(&mut batches), batches.position())
                    });
                    assert!(found == whole[first..], "{threads} workers from {first}");
                    assert_eq!(end.batch, whole.len());
                }
            }
        }
    }
}

#[test]
fn errors_and_panics_of_a_stream_come_once() {
    for threads in [0, 1] {
        for (fails_at, panics_at) in [(Some(9), None), (None, Some(9))] {
            let stream = Numbers { len: 30, fails_at, panics_at };
            let loader = StreamLoader::new(&stream, stream_config(None)).unwrap();
            for first in [0, 2, 5] {
                scope(|s| {
                    let at = LoaderPosition { epoch: 0, batch: first };
                    let mut batches = loader.ahead(s, at, workers(threads, 2)).unwrap();
                    for _ in first..2 {
                        batches.next().unwrap().unwrap();
                    }
                    let error = batches.next().unwrap().unwrap_err();
                    assert_eq!(matches!(error, Error::Panicked { .. }), panics_at.is_some(), "{error}");
                    assert!(batches.next().is_none());
                });
            }
        }
    }
    let stream = Numbers::default();
    assert_eq!(
        message(StreamLoader::new(&stream, StreamConfig { buffer: 0, ..stream_config(None) })),
        "[stream loader] a batch and a buffer must hold something; got batch size 4, buffer 0; \
         use at least 1 for both"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..Default::default() })]

    #[test]
    fn batches_end_cleanly_wherever_they_are_dropped_or_fail(
        (threads, prefetch, batch_size) in (0usize..6, 1usize..4, 1usize..9), first in 0usize..5,
        fails_at in prop::option::of(0usize..40), taken in 0usize..45,
    ) {
        let source = Counting { fails_at, ..Default::default() };
        let loader = Loader::new(&source, plan(batch_size, None)).unwrap();
        let at = LoaderPosition { epoch: 0, batch: first.min(loader.batches()) };
        let found: Vec<bool> = scope(|s| {
            loader.ahead(s, at, workers(threads, prefetch)).unwrap().take(taken).map(|b| b.is_ok()).collect()
        });
        let failing = fails_at.map(|row| row / batch_size).filter(|&batch| batch >= at.batch);
        let all = failing.map_or(loader.batches(), |batch| batch + 1) - at.batch;
        prop_assert_eq!(found.len(), all.min(taken));
        for (i, good) in found.into_iter().enumerate() {
            prop_assert_eq!(good, Some(at.batch + i) != failing);
        }
    }
}
