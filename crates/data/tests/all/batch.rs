use crate::{counted, message};
use data::{Batch, BatchConfig, BatchPlan, Dataset, Loader, Result, Source};

fn plan(len: usize, batch_size: usize, shuffle: Option<u64>, drop_last: bool) -> Result<BatchPlan> {
    BatchPlan::new(len, BatchConfig { batch_size, shuffle, drop_last })
}

#[test]
fn without_a_seed_rows_keep_their_order() {
    let plan = plan(5, 2, None, false).unwrap();
    let epoch = plan.epoch(3);
    assert_eq!(epoch.iter().collect::<Vec<_>>(), [&[0, 1][..], &[2, 3], &[4]]);
    assert_eq!((plan.batches(), epoch.batch(2), epoch.batch(3)), (3, Some(&[4][..]), None));
}

#[test]
fn the_order_is_a_function_of_seed_and_epoch() {
    let order = |seed, epoch| plan(50, 8, Some(seed), false).unwrap().epoch(epoch).order().to_vec();
    assert_eq!(order(1, 0), order(1, 0));
    assert_ne!(order(1, 0), order(1, 1));
    assert_ne!(order(1, 0), order(2, 0));
    // Pinned: a change would break every run that is to be resumed.
    assert_eq!(plan(8, 8, Some(1), false).unwrap().epoch(2).order(), [7, 0, 2, 6, 3, 5, 1, 4]);
}

#[test]
fn the_order_does_not_depend_on_the_batch_size() {
    let order = |batch_size| plan(50, batch_size, Some(1), false).unwrap().epoch(4).order().to_vec();
    assert_eq!(order(7), order(50));
}

#[test]
fn the_last_batch_is_dropped_only_if_it_is_not_full() {
    let dropped = plan(10, 4, Some(0), true).unwrap();
    assert_eq!((dropped.batches(), dropped.epoch(0).order().len()), (2, 8));
    let full = plan(8, 4, Some(0), true).unwrap();
    assert_eq!((full.batches(), full.epoch(0).order().len()), (2, 8));
}

#[test]
fn a_batch_larger_than_the_data_holds_all_of_it() {
    let plan = plan(3, 100, None, false).unwrap();
    assert_eq!((plan.batches(), plan.epoch(0).batch(0)), (1, Some(&[0, 1, 2][..])));
    assert_eq!(
        BatchPlan::new(3, BatchConfig { batch_size: usize::MAX, ..Default::default() }).unwrap().batches(),
        1
    );
}

#[test]
fn plans_without_batches_are_refused() {
    assert_eq!(
        message(plan(0, 4, None, false)),
        "[batch plan] there must be rows to batch; got 0 rows; give at least one row"
    );
    assert_eq!(
        message(plan(4, 0, None, false)),
        "[batch plan] a batch must have rows; got batch size 0; use a batch size of at least 1"
    );
    assert_eq!(
        message(plan(3, 4, None, true)),
        "[batch plan] an epoch must have a full batch when the last one is dropped; got 3 rows in batches of 4; \
         use a smaller batch size or keep the last batch"
    );
}

#[test]
fn a_loader_gives_each_row_with_its_own_target() {
    let data = Dataset::regression(counted(&[10, 3]), counted(&[10, 1])).unwrap();
    let loader =
        Loader::new(&data, BatchConfig { batch_size: 4, shuffle: Some(5), drop_last: false }).unwrap();
    let mut seen = Vec::new();
    for batch in loader.epoch(1) {
        let Batch { features, targets } = batch.unwrap();
        for (x, y) in features.to_vec::<f32>().unwrap().chunks(3).zip(targets.to_vec::<f32>().unwrap()) {
            assert_eq!(x, [3.0 * y, 3.0 * y + 1.0, 3.0 * y + 2.0]);
            seen.push(y as usize);
        }
    }
    assert_eq!(seen, loader.plan().epoch(1).order());
}

#[test]
fn a_resumed_epoch_gives_the_batches_that_were_left() {
    let data = Dataset::regression(counted(&[10, 1]), counted(&[10, 1])).unwrap();
    let loader =
        Loader::new(&data, BatchConfig { batch_size: 3, shuffle: Some(5), drop_last: false }).unwrap();
    let rows = |batches: data::Batches| -> Vec<Vec<f32>> {
        batches.map(|batch| batch.unwrap().features.to_vec().unwrap()).collect()
    };
    assert_eq!(
        (loader.epoch(2).len(), loader.epoch_from(2, 1).len(), loader.epoch_from(2, 9).len()),
        (4, 3, 0)
    );
    assert_eq!(rows(loader.epoch_from(2, 1)), rows(loader.epoch(2))[1..]);
}

/// Rows that are made when they are asked for; row 5 cannot be.
struct Squares;

impl Source for Squares {
    fn len(&self) -> usize {
        6
    }

    fn batch(&self, rows: &[usize]) -> Result<Batch> {
        if let Some(position) = rows.iter().position(|&row| row == 5) {
            return Err(data::Error::RowOutOfBounds { op: "squares", row: 5, position, rows: 5 });
        }
        let x: Vec<f32> = rows.iter().map(|&row| row as f32).collect();
        let squares = x.iter().map(|x| x * x).collect();
        Ok(Batch {
            features: tensor::Tensor::from_vec(x, [rows.len(), 1])?,
            targets: tensor::Tensor::from_vec::<f32>(squares, [rows.len(), 1])?,
        })
    }
}

#[test]
fn a_source_of_ones_own_is_batched_and_its_errors_arrive() {
    let loader =
        Loader::new(&Squares as &dyn Source, BatchConfig { batch_size: 2, ..Default::default() }).unwrap();
    let batches: Vec<Result<Batch>> = loader.epoch(0).collect();
    assert_eq!(batches[1].as_ref().unwrap().targets.to_vec::<f32>().unwrap(), [4.0, 9.0]);
    assert_eq!(
        batches[2].as_ref().unwrap_err().to_string(),
        "[squares] a row must lie in 0..5; got 5 at position 1; check the indices or the data they were made for"
    );
    assert!(!Squares.is_empty());
}

#[test]
fn a_plan_of_more_rows_than_memory_numbers_is_refused() {
    let text = plan(usize::MAX, 8, Some(1), false).unwrap_err().to_string();
    assert!(text.contains("[permutation] memory must be had for the result; got a refusal for"), "{text}");
}
