//! What a run refuses, by the exact text.

use crate::{circle, fingerprint, mlp, quiet, task};
use data::{Batch, Dataset, Source};
use models::Mlp;
use nn::{Layer, Module};
use optim::{Adam, Sgd};
use tensor::{DType, Rng, Tensor};
use train::{Direction, Regression, Task, TrainConfig, Trainer};

fn refusal(config: TrainConfig, model: &mut impl Layer, task: &dyn Task, source: &dyn Source) -> String {
    Trainer::new(config).fit(model, &mut Adam::new(0.01), task, source, None).unwrap_err().to_string()
}

#[test]
fn no_epochs_are_refused() {
    assert_eq!(
        refusal(TrainConfig { epochs: 0, ..quiet() }, &mut mlp(0), &task(), &circle(8, 0)),
        "[fit] there must be at least one epoch; got 0 epochs; set epochs to 1 or more"
    );
}

#[test]
fn a_measure_that_is_not_reported_is_refused_before_the_first_step() {
    let model = &mut mlp(0);
    let before = fingerprint(model);
    let watching = |name: &str| TrainConfig { monitor: (name.into(), Direction::Higher), ..quiet() };
    assert_eq!(
        refusal(watching("acuracy"), model, &task(), &circle(8, 0)),
        "[fit] the measure to watch must be one that the task reports; got \"acuracy\", where there are loss, accuracy; \
         correct monitor"
    );
    let numbers = Dataset::regression(
        Tensor::zeros([4, 2], DType::F32).unwrap(),
        Tensor::zeros([4, 2], DType::F32).unwrap(),
    );
    assert_eq!(
        refusal(watching("accuracy"), model, &Regression, &numbers.unwrap()),
        "[fit] the measure to watch must be one that the task reports; got \"accuracy\", where there are loss, mae, r2; \
         correct monitor"
    );
    assert_eq!(fingerprint(model), before);
}

#[test]
fn a_measure_that_is_undefined_on_the_data_is_no_error_and_never_best() {
    // R² of targets that are all alike is not defined.
    let data = Dataset::regression(
        Rng::seed(0).normal([4, 2], 0.0, 1.0, DType::F32).unwrap(),
        Tensor::ones([4, 2], DType::F32).unwrap(),
    );
    let config = TrainConfig { monitor: ("r2".into(), Direction::Higher), ..quiet() };
    let fit = Trainer::new(config)
        .fit(&mut mlp(0), &mut Adam::new(0.01), &Regression, &data.unwrap(), None)
        .unwrap();
    assert_eq!((fit.history.len(), fit.best_epoch), (3, 1));
    assert_eq!(fit.history.last().unwrap().train.get("r2"), None);
}

#[test]
fn a_loss_that_is_not_finite_names_its_step_and_no_step_is_made_with_it() {
    let model = &mut Mlp::new([2, 2], &mut Rng::seed(0)).unwrap();
    // 20 rows, 2 steps an epoch. Squares of outputs of 1e30 overflow a single.
    let data = circle(20, 0);
    let numbers = Dataset::regression(data.features().clone(), data.features().clone()).unwrap();
    let mut trainer = Trainer::new(quiet());
    let error = trainer.fit(model, &mut Sgd::new(1e30), &Regression, &numbers, None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "[fit] the loss must be finite; got inf in step 1 of epoch 1; \
         lower the learning rate, clip gradients or look for bad data"
    );
    let finite = |x: &Tensor| x.to_vec::<f32>().unwrap().iter().all(|x| x.is_finite());
    assert!(model.state_dict().iter().all(|(_, x)| finite(x)), "the weights are those of the last step made");
}

/// A source of rows with a NaN, which a checked data set would have refused.
struct Bad;

impl Source for Bad {
    fn len(&self) -> usize {
        4
    }
    fn batch(&self, rows: &[usize]) -> data::Result<Batch> {
        let features = Tensor::full([rows.len(), 2], f64::NAN, DType::F32)?;
        Ok(Batch { features, targets: Tensor::zeros([rows.len()], DType::I64)? })
    }
}

#[test]
fn data_that_is_not_a_number_is_found_in_the_first_step() {
    let model = &mut mlp(0);
    let before = fingerprint(model);
    assert_eq!(
        refusal(quiet(), model, &task(), &Bad),
        "[fit] the loss must be finite; got NaN in step 0 of epoch 1; \
         lower the learning rate, clip gradients or look for bad data"
    );
    assert_eq!(fingerprint(model), before);
}

#[test]
fn batches_of_no_rows_are_refused() {
    assert_eq!(
        refusal(TrainConfig { batch_size: 0, ..quiet() }, &mut mlp(0), &task(), &circle(8, 0)),
        "[batch plan] a batch must have rows; got batch size 0; use a batch size of at least 1"
    );
}

#[test]
fn a_model_for_other_features_or_classes_is_refused_with_the_layer() {
    let wide = &mut Mlp::new([3, 4, 2], &mut Rng::seed(0)).unwrap();
    assert_eq!(
        refusal(quiet(), wide, &task(), &circle(16, 0)),
        "layers.0: [linear] the last axis of the input must equal the second axis of the weight (d_out, d_in); \
         got [16, 2] and [4, 3]; change d_in of the layer or the features of the input"
    );
    let narrow = &mut Mlp::new([2, 1], &mut Rng::seed(0)).unwrap();
    let text = refusal(quiet(), narrow, &task(), &circle(16, 0));
    assert!(text.starts_with("[cross_entropy] a label must name one of the classes"), "{text}");
}

#[test]
fn settings_of_the_optimizer_and_of_clipping_are_refused_by_the_first_step() {
    let fit = |lr: f64, clip_norm| {
        let mut trainer = Trainer::new(TrainConfig { clip_norm, ..quiet() });
        trainer.fit(&mut mlp(0), &mut Adam::new(lr), &task(), &circle(8, 0), None).unwrap_err().to_string()
    };
    assert_eq!(
        fit(-0.1, None),
        "[adam] the learning rate must be finite and positive; got lr -0.1; correct the configuration"
    );
    assert_eq!(
        fit(0.1, Some(0.0)),
        "[clip_grad_norm] the largest norm must be finite and positive; got 0; use 1.0 or the like"
    );
}

#[test]
fn predictions_of_nothing_are_refused() {
    let empty = Tensor::zeros([0, 2], DType::F32).unwrap();
    assert_eq!(
        Trainer::new(quiet()).predict(&mlp(0), &empty).unwrap_err().to_string(),
        "[predict] there must be at least one row; got features [0, 2]; give features of shape (n, ..)"
    );
    let text = Trainer::new(quiet()).predict(&mlp(0), &Tensor::scalar(1.0f32)).unwrap_err().to_string();
    assert_eq!(
        text,
        "[predict] there must be at least one row; got features []; give features of shape (n, ..)"
    );
}
