//! The live view: what is drawn, and where the cursor is left.

use nn::Linear;
use ratatui::backend::{Backend, TestBackend};
use tensor::Rng;
use train::{Callback, Dashboard, EpochRecord, MetricValues, Position, RunStart, StepRecord};

fn step(step: u64, loss: f64) -> StepRecord {
    let at = Position { epoch: 1, batch: step as usize, step };
    StepRecord { at, loss, lr: 0.01, grad_norm: Some(2.5), noise: None, skipped: false }
}

#[test]
fn a_run_is_shown_with_its_curves_and_numbers() {
    let mut board = Dashboard::on(TestBackend::new(80, 20)).unwrap();
    let model = &mut Linear::new(1, 1, &mut Rng::seed(0)).unwrap();
    board.on_start(&RunStart { epochs: 4, steps_per_epoch: 50, resumed: None }, model).unwrap();
    for i in 1..=50 {
        board.on_step(&step(i, 2.0 / i as f64), model).unwrap();
    }
    let values = |x| MetricValues::from([("loss", x), ("accuracy", 0.75)]);
    let (train, valid) = (values(0.125), Some(values(0.25)));
    let record = EpochRecord { epoch: 1, step: 50, train, valid, lr: 0.01, seconds: 3.0 };
    board.on_epoch(&record, model).unwrap();
    board.on_end(model).unwrap();
    let shown = board.backend().unwrap().to_string();
    for part in [
        "epoch 1/4  step 50/200  eta",
        "loss       0.0400",
        "grad norm  2.5000",
        "accuracy   0.7500    0.7500",
        "train loss",
        "valid loss",
    ] {
        assert!(shown.contains(part), "{part} in\n{shown}");
    }
    // What is printed next comes below, and so does the next run.
    let height =
        |board: &Dashboard<TestBackend>| board.backend().unwrap().clone().get_cursor_position().unwrap().y;
    assert_eq!(height(&board), 16);
    board.on_start(&RunStart { epochs: 1, steps_per_epoch: 2, resumed: None }, model).unwrap();
    board.on_end(model).unwrap();
    assert_eq!(height(&board), 19, "the second needs more lines than there are");
    let shown = board.backend().unwrap().to_string();
    assert!(shown.contains("step 0/2") && shown.contains("0.0400│"), "the first stays above:\n{shown}");
    // Braille dots of a curve.
    assert!(shown.chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c)), "{shown}");
}

#[test]
fn a_view_without_room_or_numbers_shows_nothing_and_does_not_fail() {
    let mut board = Dashboard::on(TestBackend::new(20, 5)).unwrap();
    let model = &mut Linear::new(1, 1, &mut Rng::seed(0)).unwrap();
    board.on_step(&step(1, f64::NAN), model).unwrap();
    board.on_end(model).unwrap();
}
