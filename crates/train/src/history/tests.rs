use super::*;

fn record(epoch: usize, train: f64, valid: Option<f64>) -> EpochRecord {
    EpochRecord {
        epoch,
        step: 10 * epoch as u64,
        train: MetricValues::from([("loss", train), ("acc", 1.0 - train)]),
        valid: valid.map(|v| MetricValues::from([("loss", v)])),
        lr: 1e-3,
        seconds: 0.25,
    }
}

fn history(valid: &[f64]) -> History {
    let mut h = History::new();
    for (i, &v) in valid.iter().enumerate() {
        h.push(record(i + 1, v / 2.0, Some(v))).unwrap();
    }
    h
}

#[test]
fn the_best_epoch_is_the_first_of_equals_and_never_a_nan() {
    let h = history(&[f64::NAN, 0.5, 0.3, 0.3, f64::NAN]);
    assert_eq!(h.best(Part::Valid, "loss", Direction::Lower).unwrap().epoch, 3);
    assert_eq!(h.best(Part::Valid, "loss", Direction::Higher).unwrap().epoch, 2);
    assert_eq!(h.best(Part::Train, "acc", Direction::Higher).unwrap().epoch, 3);
    assert!(h.best(Part::Valid, "acc", Direction::Higher).is_none());
    assert!(history(&[f64::NAN]).best(Part::Valid, "loss", Direction::Lower).is_none());
    assert!(History::new().best(Part::Train, "loss", Direction::Lower).is_none());
}

#[test]
fn epochs_out_of_order_are_refused_in_memory_and_in_a_file() {
    let mut h = history(&[0.5, 0.4]);
    let text = h.push(record(2, 0.1, None)).unwrap_err().to_string();
    assert_eq!(
        text,
        "[history] epochs must be added in increasing order; got epoch 2 after epoch 2; \
         add each epoch once, or start a new history"
    );
    let json = h.to_json().unwrap().replace("\"epoch\": 2", "\"epoch\": 1");
    let text = History::from_json(&json).unwrap_err().to_string();
    assert!(text.contains("epoch 1 after epoch 1"), "{text}");
}

#[test]
fn json_returns_the_same_bits_with_order_infinities_and_missing_parts() {
    let mut h = history(&[0.1 + 0.2, f64::INFINITY, f64::NEG_INFINITY, 5e-324]);
    h.push(record(9, 1.0 / 3.0, None)).unwrap();
    let text = h.to_json().unwrap();
    assert_eq!(History::from_json(&text).unwrap(), h);
    assert!(text.find("\"loss\"").unwrap() < text.find("\"acc\"").unwrap());
    let nan = History::from_json(&history(&[f64::NAN]).to_json().unwrap()).unwrap();
    assert!(nan.epochs()[0].value(Part::Valid, "loss").unwrap().is_nan());
}

#[test]
fn a_metric_named_twice_in_a_file_is_refused() {
    let json =
        r#"{"epochs":[{"epoch":1,"step":1,"train":{"loss":1,"loss":2},"valid":null,"lr":0.1,"seconds":1}]}"#;
    let text = History::from_json(json).unwrap_err().to_string();
    assert!(text.contains("a metric must stand once in a record; got 'loss' twice"), "{text}");
}

#[test]
fn csv_has_a_column_for_every_metric_ever_measured_and_empty_cells_elsewhere() {
    let mut h = History::new();
    h.push(record(1, 0.5, None)).unwrap();
    let mut second = record(2, 0.25, Some(0.3));
    second.train.set("top, 5", f64::NAN);
    h.push(second).unwrap();
    assert_eq!(
        h.to_csv().unwrap(),
        "epoch,step,lr,seconds,train_loss,train_acc,\"train_top, 5\",valid_loss\n\
         1,10,0.001,0.25,0.5,0.5,,\n\
         2,20,0.001,0.25,0.25,0.75,NaN,0.3\n"
    );
}

#[test]
fn files_are_written_whole() {
    let dir = tempfile::tempdir().unwrap();
    let h = history(&[0.5, 0.4]);
    let path = dir.path().join("history.json");
    h.save_json(&path).unwrap();
    assert_eq!(History::from_json(&std::fs::read_to_string(path).unwrap()).unwrap(), h);
    let path = dir.path().join("history.csv");
    h.save_csv(&path).unwrap();
    assert_eq!(std::fs::read_to_string(path).unwrap().lines().count(), 3);
    assert!(matches!(h.save_csv(dir.path().join("no/x.csv")), Err(Error::Io { op: "write_atomic", .. })));
}

#[test]
fn the_table_names_validation_metrics_with_their_prefix() {
    let text = history(&[0.5]).to_string();
    assert_eq!(
        text,
        "epoch    loss     acc  val_loss      lr   time\n\
         ─────  ──────  ──────  ────────  ──────  ─────\n    \
             1  0.2500  0.7500    0.5000  0.0010  250ms\n"
    );
}

#[test]
fn values_keep_their_place_when_they_are_set_again() {
    let mut m = MetricValues::from([("a", 1.0), ("b", 2.0), ("a", 3.0)]);
    m.set_defined("c", None);
    m.set_defined("c", Some(4.0));
    assert_eq!(m.iter().collect::<Vec<_>>(), [("a", 3.0), ("b", 2.0), ("c", 4.0)]);
}

#[test]
fn a_text_where_a_number_belongs_is_named_with_its_place() {
    let json =
        r#"{"epochs":[{"epoch":1,"step":1,"train":{"loss":"low"},"valid":null,"lr":0.1,"seconds":1}]}"#;
    let text = History::from_json(json).unwrap_err().to_string();
    assert!(text.contains("expected a number, \"NaN\", \"inf\" or \"-inf\" at line 1"), "{text}");
}
