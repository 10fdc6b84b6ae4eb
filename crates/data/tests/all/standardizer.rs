use crate::{counted, message};
use data::{Dataset, Standardizer, TrainPart};
use tensor::{DType, Tensor};

fn fit(features: Tensor) -> data::Result<Standardizer> {
    let n = features.shape()[0];
    Standardizer::fit(&TrainPart::all_of(Dataset::regression(features, counted(&[n, 1]))?))
}

#[test]
fn statistics_are_mean_and_population_deviation() {
    let s =
        fit(Tensor::from_vec(vec![1.0f32, 10.0, 3.0, 10.0, 5.0, 10.0, 7.0, 10.0], [4, 2]).unwrap()).unwrap();
    assert_eq!(s.mean(), [4.0, 10.0]);
    assert_eq!(s.scale(), [5f64.sqrt(), 1.0]); // (9 + 1 + 1 + 9) / 4 = 5; a constant is divided by 1
}

#[test]
fn a_constant_that_has_no_exact_mean_becomes_exactly_0() {
    let x = Tensor::full([7, 1], 0.1, DType::F64).unwrap();
    let s = fit(x.clone()).unwrap();
    assert_eq!(s.transform(&x).unwrap().to_vec::<f64>().unwrap(), [0.0; 7]);
}

#[test]
fn the_training_part_gets_mean_0_and_deviation_1_and_comes_back() {
    let x: Vec<f64> = (0..300).map(|i| ((i * 7919) % 311) as f64 * (1.0 + (i % 3) as f64) - 40.0).collect();
    let x = Tensor::from_vec(x, [100, 3]).unwrap();
    let s = fit(x.clone()).unwrap();
    let z = s.transform(&x).unwrap();
    let values = z.to_vec::<f64>().unwrap();
    for j in 0..3 {
        let column: Vec<f64> = values.iter().skip(j).step_by(3).copied().collect();
        let mean = column.iter().sum::<f64>() / 100.0;
        let var = column.iter().map(|z| z * z).sum::<f64>() / 100.0;
        // 100 roundings of values up to 3: 300 units of 2⁻⁵³.
        assert!(
            mean.abs() < 300.0 * f64::EPSILON && (var - 1.0).abs() < 300.0 * f64::EPSILON,
            "{mean} {var}"
        );
    }
    for (back, x) in s.inverse(&z).unwrap().to_vec::<f64>().unwrap().iter().zip(x.to_vec::<f64>().unwrap()) {
        // Four roundings of values up to 1,000.
        assert!((back - x).abs() <= 4.0 * 1000.0 * f64::EPSILON, "{back} {x}");
    }
}

#[test]
fn test_rows_are_standardised_with_training_statistics() {
    let s = fit(Tensor::from_vec(vec![0.0f32, 2.0], [2, 1]).unwrap()).unwrap();
    let test =
        Dataset::regression(Tensor::from_vec(vec![5.0f32], [1, 1]).unwrap(), counted(&[1, 1])).unwrap();
    assert_eq!(s.apply(&test).unwrap().features().to_vec::<f32>().unwrap(), [4.0]); // (5 − 1) / 1
}

#[test]
fn features_keep_their_shape_and_integers_become_f32() {
    let images = Tensor::from_vec((0..24u8).collect(), [2, 3, 4]).unwrap();
    let s = fit(images.clone()).unwrap();
    let z = s.transform(&images).unwrap();
    assert_eq!((z.shape(), z.dtype(), s.mean().len()), (&[2, 3, 4][..], DType::F32, 12));
    assert_eq!(z.to_vec::<f32>().unwrap()[..2], [-1.0, -1.0]);
}

#[test]
fn other_rows_than_those_fitted_are_refused() {
    let s = fit(counted(&[2, 3])).unwrap();
    assert_eq!(
        message(s.transform(&counted(&[2, 4]))),
        "[Standardizer::transform] a row must have as many elements as the rows it was fitted to; \
         got features [2, 4] for 3 elements a row; give the features in the shape they had when fitting"
    );
    assert!(message(s.inverse(&Tensor::scalar(1f32))).starts_with("[Standardizer::inverse] a row must have"));
}

#[test]
fn features_that_cannot_be_standardised_are_refused() {
    let data = Dataset::regression(Tensor::full([2, 1], 1.0, DType::Bool).unwrap(), counted(&[2])).unwrap();
    assert_eq!(
        message(Standardizer::fit(&TrainPart::all_of(data))),
        "[Standardizer::fit] features must be numbers; got bool; convert with to_dtype"
    );
    assert_eq!(
        message(fit(Tensor::from_vec(vec![0.0, -1e200, 0.0, 1e200], [2, 2]).unwrap())),
        "[Standardizer::fit] the variance of a feature must be a finite number above 0; \
         got values from -1e200 to 1e200 in feature 1; rescale the feature"
    );
}

#[test]
fn the_state_is_written_and_checked_when_read() {
    let s = fit(Tensor::from_vec(vec![0.0f32, 2.0], [2, 1]).unwrap()).unwrap();
    let text = serde_json::to_string(&s).unwrap();
    assert_eq!(text, r#"{"version":1,"mean":[1.0],"scale":[1.0]}"#);
    assert_eq!(serde_json::from_str::<Standardizer>(&text).unwrap(), s);
    for (state, error) in [
        (
            r#"{"version":2,"mean":[1.0],"scale":[1.0]}"#,
            "[Standardizer state] a state must have version 1; got version 2; read it with the release that wrote it",
        ),
        (
            r#"{"version":1,"mean":[1.0,2.0],"scale":[1.0]}"#,
            "[Standardizer state] every feature must have a mean and a scale; got 2 means and 1 scales; \
             restore the state from its source",
        ),
        (
            r#"{"version":1,"mean":[1.0],"scale":[0.0]}"#,
            "[Standardizer state] means must be finite and scales finite and above 0; \
             got mean 1 and scale 0 of feature 0; restore the state from its source",
        ),
        (
            r#"{"version":1,"mean":[1.0],"scale":[-1.0]}"#,
            "[Standardizer state] means must be finite and scales finite and above 0; \
             got mean 1 and scale -1 of feature 0; restore the state from its source",
        ),
    ] {
        assert_eq!(serde_json::from_str::<Standardizer>(state).unwrap_err().to_string(), error);
    }
    let unknown = r#"{"version":1,"mean":[],"scale":[],"more":0}"#;
    assert!(
        serde_json::from_str::<Standardizer>(unknown)
            .unwrap_err()
            .to_string()
            .starts_with("unknown field `more`")
    );
}
