use crate::{counted, message, names};
use data::{Dataset, Source, Split, TrainPart};
use tensor::{DType, Tensor};

fn labels(labels: &[i64]) -> Tensor {
    Tensor::from_slice(labels, [labels.len()]).unwrap()
}

fn small() -> Dataset {
    Dataset::classification(counted(&[4, 2]), labels(&[0, 1, 1, 0]), names(&["no", "yes"])).unwrap()
}

#[test]
fn a_dataset_gives_rows_in_the_order_asked_for() {
    let batch = small().batch(&[3, 0, 3]).unwrap();
    assert_eq!(batch.features.to_vec::<f32>().unwrap(), [6.0, 7.0, 0.0, 1.0, 6.0, 7.0]);
    assert_eq!(batch.targets.to_vec::<i64>().unwrap(), [0, 0, 0]);
    assert_eq!((batch.features.shape(), batch.targets.shape()), (&[3, 2][..], &[3][..]));
}

#[test]
fn consecutive_rows_are_the_same_as_gathered_ones() {
    let data = small();
    let (view, gathered) = (data.batch(&[1, 2]).unwrap(), data.batch(&[1, 2, 1]).unwrap());
    assert_eq!(view.features.to_vec::<f32>().unwrap(), gathered.features.to_vec::<f32>().unwrap()[..4]);
    assert_eq!(view.targets.to_vec::<i64>().unwrap(), [1, 1]);
}

#[test]
fn no_rows_at_all_make_an_empty_batch_but_no_dataset() {
    let data = small();
    let batch = data.batch(&[]).unwrap();
    assert_eq!((batch.features.shape(), batch.targets.shape()), (&[0, 2][..], &[0][..]));
    assert_eq!(message(data.select(&[])), "[select] data must have rows; got 0 rows; select at least one");
}

#[test]
fn a_row_is_its_features_and_its_target() {
    let (x, y) = small().get(2).unwrap();
    assert_eq!((x.shape(), x.to_vec::<f32>().unwrap()), (&[2][..], vec![4.0, 5.0]));
    assert_eq!((y.rank(), y.item().unwrap()), (0, 1.0));
    assert_eq!(
        message(small().get(4)),
        "[get] a row must lie in 0..4; got 4 at position 0; check the indices or the data they were made for"
    );
}

#[test]
fn selected_rows_keep_the_names() {
    let data = small().with_feature_names(names(&["a", "b"])).unwrap().select(&[2, 1]).unwrap();
    assert_eq!(
        (data.class_names().unwrap(), data.feature_names().unwrap()),
        (&names(&["no", "yes"])[..], &names(&["a", "b"])[..])
    );
    assert_eq!(data.features().to_vec::<f32>().unwrap(), [4.0, 5.0, 2.0, 3.0]);
    assert_eq!(
        message(data.select(&[0, 9])),
        "[batch] a row must lie in 0..2; got 9 at position 1; check the indices or the data they were made for"
    );
}

#[test]
fn the_training_part_holds_the_training_rows() {
    let split = Split { train: vec![0, 3], validation: vec![1], test: vec![2] };
    let train = small().train_part(&split).unwrap();
    assert_eq!((train.len(), train.labels().unwrap()), (2, vec![0, 0]));
    assert_eq!(TrainPart::all_of(small()).into_inner().len(), 4);
}

#[test]
fn flatten_puts_a_row_in_one_axis() {
    let data = Dataset::regression(counted(&[2, 3, 4]), counted(&[2, 1])).unwrap().flatten().unwrap();
    assert_eq!(data.features().shape(), [2, 12]);
    let data = Dataset::regression(counted(&[2]), counted(&[2])).unwrap().flatten().unwrap();
    assert_eq!(data.features().shape(), [2, 1]);
}

#[test]
fn mapped_features_are_checked_like_new_ones() {
    let data = small().with_feature_names(names(&["a", "b"])).unwrap();
    let wider = data.map_features(|_| Ok(counted(&[4, 3]))).unwrap();
    assert_eq!((wider.features().shape(), wider.feature_names()), (&[4, 3][..], None));
    assert_eq!(
        message(data.map_features(|_| Ok(counted(&[3, 2])))),
        "[map_features] every row must have its features and its target; got features [3, 2] and targets [4]; \
         give both the same first axis"
    );
    assert!(
        message(data.map_features(|_| Ok(Tensor::full([4, 1], f64::NAN, DType::F32)?)))
            .contains("must be finite")
    );
}

#[test]
fn features_and_targets_must_have_equal_rows() {
    let text = "every row must have its features and its target; got features [4, 2] and targets [3]; \
                give both the same first axis";
    assert_eq!(
        message(Dataset::classification(counted(&[4, 2]), labels(&[0, 0, 0]), names(&["a"]))),
        format!("[classification] {text}")
    );
    assert_eq!(message(Dataset::regression(counted(&[4, 2]), counted(&[3]))), format!("[regression] {text}"));
    assert_eq!(
        message(Dataset::regression(Tensor::scalar(1f32), counted(&[1]))),
        "[regression] every row must have its features and its target; got features [] and targets [1]; \
         give both the same first axis"
    );
}

#[test]
fn data_without_rows_are_refused() {
    assert_eq!(
        message(Dataset::regression(counted(&[0, 2]), counted(&[0, 1]))),
        "[regression] data must have rows; got features [0, 2]; give at least one row"
    );
    assert_eq!(
        message(Dataset::classification(counted(&[0, 2]), labels(&[]), names(&["a"]))),
        "[classification] data must have rows; got features [0, 2]; give at least one row"
    );
}

#[test]
fn a_label_outside_the_classes_is_refused_by_row() {
    for (bad, shown) in [(2, "2"), (-1, "-1"), (i64::MAX, "9223372036854775807")] {
        assert_eq!(
            message(Dataset::classification(counted(&[3, 1]), labels(&[0, 1, bad]), names(&["a", "b"]))),
            format!(
                "[classification] a label must lie in 0..2; got {shown} in row 2; correct the row or name more classes"
            )
        );
    }
}

#[test]
fn labels_must_be_one_i64_a_row() {
    assert_eq!(
        message(Dataset::classification(counted(&[3, 1]), counted(&[3]), names(&["a"]))),
        "[classification] labels must be one i64 a row; got [3] of f32; \
         convert with to_dtype or squeeze the other axes"
    );
    let column = Tensor::from_vec(vec![0i64, 0], [2, 1]).unwrap();
    assert_eq!(
        message(Dataset::classification(counted(&[2, 1]), column, names(&["a"]))),
        "[classification] labels must be one i64 a row; got [2, 1] of i64; \
         convert with to_dtype or squeeze the other axes"
    );
}

#[test]
fn numeric_targets_must_be_floats_and_have_no_labels() {
    assert_eq!(
        message(Dataset::regression(counted(&[2, 1]), labels(&[0, 1]))),
        "[regression] numeric targets must be floats; got i64; \
         convert with to_dtype, or use classification for class labels"
    );
    let data = Dataset::regression(counted(&[2, 1]), counted(&[2, 1])).unwrap();
    assert_eq!(
        message(data.labels()),
        "[labels] only data of classes has labels; got targets [2, 1] of f32; build the data with classification"
    );
}

#[test]
fn nan_and_infinity_are_refused_by_row_and_position() {
    let with = |value: f64| Tensor::from_vec(vec![0.0, 1.0, 2.0, value], [2, 2]).unwrap();
    for (value, shown) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf")] {
        assert_eq!(
            message(Dataset::regression(with(value), counted(&[2]))),
            format!(
                "[regression] features must be finite; got {shown} in row 1, position 1; \
                 drop the row or fill the value in"
            )
        );
    }
    assert_eq!(
        message(Dataset::regression(counted(&[2, 2]), with(f64::NAN))),
        "[regression] targets must be finite; got NaN in row 1, position 1; drop the row or fill the value in"
    );
    let single = Tensor::from_vec(vec![f32::NAN], [1, 1]).unwrap();
    assert_eq!(
        message(Dataset::classification(single, labels(&[0]), names(&["a"]))),
        "[classification] features must be finite; got NaN in row 0, position 0; drop the row or fill the value in"
    );
}

#[test]
fn names_must_be_distinct_and_as_many_as_columns() {
    assert_eq!(
        message(Dataset::classification(counted(&[1, 1]), labels(&[0]), names(&["a", "b", "a"]))),
        r#"[classification] class names must be distinct; got "a" twice; rename one of them"#
    );
    assert_eq!(
        message(small().with_feature_names(names(&["a", "a"]))),
        r#"[with_feature_names] feature names must be distinct; got "a" twice; rename one of them"#
    );
    assert_eq!(
        message(small().with_feature_names(names(&["a"]))),
        "[with_feature_names] each feature column must have a name; got 1 names for features [4, 2]; \
         flatten the features or give one name a column"
    );
}

#[test]
fn debug_shows_shapes_not_numbers() {
    let data = small();
    assert_eq!(format!("{data:?}"), "Dataset { features: [4, 2] f32, targets: [4] i64, classes: 2 }");
    assert_eq!(
        format!("{:?}", data.batch(&[0]).unwrap()),
        "Batch { features: [1, 2] f32, targets: [1] i64 }"
    );
    let data = Dataset::regression(counted(&[2]), counted(&[2, 1])).unwrap();
    assert_eq!(format!("{data:?}"), "Dataset { features: [2] f32, targets: [2, 1] f32 }");
}
