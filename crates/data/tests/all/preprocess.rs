use crate::{goldens, message};
use data::{
    Encode, Impute, ImputeText, NumberSteps, Preprocess, Preprocessor, Scale, Scaler, Split, Table,
    TableColumn, TextSteps, Train, TrainPart, Unknown,
};
use proptest::prelude::*;
use serde::Deserialize;
use tensor::{DType, Tensor};

fn numbers(cells: &[Option<f64>]) -> Table {
    Table::new(vec![("x".into(), TableColumn::Numbers(cells.to_vec()))]).unwrap()
}

fn text(cells: &[Option<&str>]) -> Table {
    let cells = cells.iter().map(|cell| cell.map(String::from)).collect();
    Table::new(vec![("city".into(), TableColumn::Text(cells))]).unwrap()
}

fn values(x: &Tensor) -> Vec<f32> {
    x.to_vec().unwrap()
}

#[test]
fn filled_and_scaled_numbers_are_those_of_scikit_learn() {
    #[derive(Deserialize)]
    struct Case {
        impute: String,
        scale: String,
        z: Vec<f64>,
    }
    #[derive(Deserialize)]
    struct Golden {
        x: Vec<Option<f64>>,
        train: usize,
        cases: Vec<Case>,
    }
    let Golden { x, train, cases } = goldens("numbers");
    let table = numbers(&x);
    let train = Split { train: (0..train).collect(), validation: vec![], test: vec![] };
    for case in cases {
        let impute = match case.impute.as_str() {
            "mean" => Impute::Mean,
            "median" => Impute::Median,
            "most_frequent" => Impute::MostFrequent,
            _ => Impute::Constant(-2.5),
        };
        let scale = match case.scale.as_str() {
            "Standard" => Scale::Standard,
            "MinMax" => Scale::MinMax,
            _ => Scale::Robust,
        };
        let steps = NumberSteps { impute, indicator: true, scale };
        let fitted = Preprocess::new().numbers(["x"], steps).fit(&table.train_part(&train).unwrap()).unwrap();
        assert_eq!(fitted.feature_names(), ["x", "x missing"]);
        let found = values(&fitted.transform(&table).unwrap());
        for ((found, z), x) in found.chunks_exact(2).zip(&case.z).zip(&x) {
            // Ours is rounded to F32.
            let near = (f64::from(found[0]) - z).abs() <= 1e-7 * z.abs().max(1.0);
            assert!(near, "{} {}: {} {z}", case.impute, case.scale, found[0]);
            assert_eq!(found[1], f32::from(u8::from(x.is_none())));
        }
    }
}

#[test]
fn encoded_categories_are_those_of_scikit_learn() {
    #[derive(Deserialize)]
    struct Golden {
        train: Vec<String>,
        rows: Vec<String>,
        one_hot: Vec<f32>,
        ordinal: Vec<f32>,
    }
    let golden: Golden = goldens("categories");
    let table = |rows: &[String]| text(&rows.iter().map(|row| Some(row.as_str())).collect::<Vec<_>>());
    let train = Train::all_of(table(&golden.train));
    for (encode, expected) in [(Encode::OneHot, golden.one_hot), (Encode::Ordinal, golden.ordinal)] {
        let steps = TextSteps { encode, unknown: Unknown::Ignore, ..Default::default() };
        let fitted = Preprocess::new().text(["city"], steps).fit(&train).unwrap();
        assert_eq!(values(&fitted.transform(&table(&golden.rows)).unwrap()), expected);
    }
}

#[test]
fn gaps_in_text_are_filled_from_the_training_part() {
    let train = Train::all_of(text(&[Some("b"), None, Some("a"), Some("b"), Some("a")]));
    let rows = text(&[None, Some("a")]);
    let fit = |impute| {
        let steps = TextSteps { impute, ..Default::default() };
        Preprocess::new().text(["city"], steps).fit(&train)
    };
    let frequent = fit(ImputeText::MostFrequent).unwrap();
    assert_eq!(values(&frequent.transform(&rows).unwrap()), [1.0, 0.0, 1.0, 0.0]);
    let constant = fit(ImputeText::Constant("unknown".into())).unwrap();
    assert_eq!(constant.feature_names(), ["city=a", "city=b", "city=unknown"]);
    assert_eq!(values(&constant.transform(&rows).unwrap()), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    assert_eq!(
        message(fit(ImputeText::Refuse)),
        "[preprocess] what is missing must be filled; got a gap in row 1 of \"city\"; \
         fit with an imputation, or leave the row out"
    );
}

#[test]
fn an_unknown_category_is_named_with_those_that_are_known() {
    let train = Train::all_of(text(&[Some("Oslo"), Some("Bergen")]));
    let fitted = Preprocess::new().text(["city"], TextSteps::default()).fit(&train).unwrap();
    assert_eq!(
        message(fitted.transform(&text(&[Some("Oslo"), Some("Rome")]))),
        "[preprocess] a category must be one of the training part; \
         got \"Rome\" in row 1 of \"city\", known are \"Bergen\", \"Oslo\"; \
         correct it, fit to more rows, or ignore what is unknown"
    );
    let sizes =
        TextSteps { encode: Encode::Ordinal, categories: Some(vec!["Oslo".into()]), ..Default::default() };
    assert!(message(Preprocess::new().text(["city"], sizes).fit(&train)).contains("got \"Bergen\" in row 1"));
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let train = Train::all_of(numbers(&[Some(1.0), None]));
    let fit = |impute, column: &str| {
        Preprocess::new().numbers([column], NumberSteps { impute, ..Default::default() }).fit(&train)
    };
    assert!(message(fit(Impute::Refuse, "x")).contains("got a gap in row 1 of \"x\""));
    assert_eq!(
        message(fit(Impute::Mean, "y")),
        "[table] a column must be in the table; got \"y\" for a table of \"x\"; correct the name"
    );
    assert_eq!(
        message(Preprocess::new().text(["x"], TextSteps::default()).fit(&train)),
        "[preprocess] a column must be of the kind its steps are for; got numbers in \"x\"; \
         use Preprocess::numbers"
    );
    assert_eq!(
        message(Preprocess::new().fit(&train)),
        "[preprocess] there must be columns; got none; name at least one"
    );
    let twice = NumberSteps { impute: Impute::Mean, ..Default::default() };
    assert_eq!(
        message(Preprocess::new().numbers(["x", "x"], twice).fit(&train)),
        "[preprocess] a column can be used once; got \"x\" twice; name it once"
    );
    let gaps = Train::all_of(numbers(&[None, None]));
    assert_eq!(
        message(Preprocess::new().numbers(["x"], twice).fit(&gaps)),
        "[preprocess] a column must have a number to impute from; got \"x\", all of it missing; use a constant"
    );
    let huge = Train::all_of(numbers(&[Some(f64::MAX), Some(f64::MIN)]));
    assert_eq!(
        message(Preprocess::new().numbers(["x"], twice).fit(&huge)),
        "[preprocess] the statistics of a column must be finite numbers, its range above 0; got \"x\"; \
         rescale the column"
    );
}

#[test]
fn a_state_comes_back_and_is_checked() {
    let train = Train::all_of(text(&[Some("Oslo"), Some("Bergen")]));
    let fitted = Preprocess::new().text(["city"], TextSteps::default()).fit(&train).unwrap();
    let saved = serde_json::to_string(&fitted).unwrap();
    assert_eq!(serde_json::from_str::<Preprocessor>(&saved).unwrap(), fitted);
    let numbers = Preprocess::new()
        .numbers(["x"], NumberSteps::default())
        .fit(&Train::all_of(numbers(&[Some(0.1), Some(0.3)])))
        .unwrap();
    let saved_numbers = serde_json::to_string(&numbers).unwrap();
    assert_eq!(serde_json::from_str::<Preprocessor>(&saved_numbers).unwrap(), numbers);
    for (from, to, said) in [
        ("\"version\":1", "\"version\":2", "a state must have version 1; got version 2"),
        ("\"Oslo\"", "\"Bergen\"", "got 2 categories, 1 distinct, of \\\"city\\\""),
        ("\"version\"", "\"more\":0,\"version\"", "unknown field"),
    ] {
        let error = serde_json::from_str::<Preprocessor>(&saved.replace(from, to)).unwrap_err().to_string();
        assert!(error.contains(&said.replace('\\', "")), "{error}");
    }
    let broken = saved_numbers.replace("\"scale\":", "\"scale\":-");
    assert!(
        serde_json::from_str::<Preprocessor>(&broken).unwrap_err().to_string().contains("scales above 0")
    );
    assert!(serde_json::from_str::<Preprocessor>("{\"version\":1,\"columns\":[]}").is_err());
}

fn part(x: Vec<f64>, d: usize) -> TrainPart {
    let n = x.len() / d;
    let x = Tensor::from_vec(x, [n, d]).unwrap();
    TrainPart::all_of(data::Dataset::regression(x, Tensor::zeros([n, 1], DType::F64).unwrap()).unwrap())
}

#[test]
fn scalers_take_range_and_quartiles() {
    let train = part(vec![0.0, 7.0, 1.0, 7.0, 2.0, 7.0, 10.0, 7.0], 2);
    let range = Scaler::min_max(&train).unwrap();
    assert_eq!((range.shift(), range.scale()), (&[0.0, 7.0][..], &[10.0, 1.0][..]));
    let robust = Scaler::robust(&train).unwrap();
    // Quartiles of 0, 1, 2, 10 at places 0.75, 1.5 and 2.25: 0.75, 1.5 and 4.
    assert_eq!((robust.shift(), robust.scale()), (&[1.5, 7.0][..], &[3.25, 1.0][..]));
    let saved = serde_json::to_string(&robust).unwrap();
    assert_eq!(serde_json::from_str::<Scaler>(&saved).unwrap(), robust);
    assert!(serde_json::from_str::<Scaler>(&saved.replace("3.25", "0.0")).is_err());
    assert!(message(Scaler::min_max(&part(vec![f64::MAX, f64::MIN], 1))).contains("got feature 0"));
    assert!(
        message(robust.transform(&Tensor::zeros([2, 3], DType::F32).unwrap())).contains("Scaler::transform")
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_scaler_brings_the_training_part_into_its_range_and_back(
        x in prop::collection::vec(-1e6f64..1e6, 2..40),
    ) {
        let train = part(x.clone(), 1);
        let range = Scaler::min_max(&train).unwrap();
        let z = range.transform(train.features()).unwrap();
        prop_assert!(z.to_vec::<f64>().unwrap().iter().all(|z| (0.0..=1.0).contains(z)));
        for scaler in [range, Scaler::robust(&train).unwrap()] {
            let back = scaler.inverse(&scaler.transform(train.features()).unwrap()).unwrap();
            for (back, x) in back.to_vec::<f64>().unwrap().iter().zip(&x) {
                // Four roundings of values up to 2e6.
                prop_assert!((back - x).abs() <= 1e-9 * 2e6, "{} {}", back, x);
            }
        }
    }

    #[test]
    fn a_mutated_state_is_refused_or_as_good_as_any(at: prop::sample::Index, byte in 32u8..127) {
        let train = Train::all_of(text(&[Some("Oslo"), Some("Bergen")]));
        let fitted = Preprocess::new().text(["city"], TextSteps::default()).fit(&train).unwrap();
        let mut saved = serde_json::to_vec(&fitted).unwrap();
        let at = at.index(saved.len());
        saved[at] = byte;
        if let Ok(read) = serde_json::from_slice::<Preprocessor>(&saved) {
            let _ = read.transform(&train);
        }
    }
}
