//! Gradients of rows: the same bits where a rule allows, PyTorch's numbers where it is made for them, and whole ones elsewhere.

use crate::{MOST, Make, fingerprint, get};
use autodiff::{Gradients, RowGradient, Var};
use nn::{Context, Embedding, EmbeddingConfig, Layer, Linear, Module};
use optim::{
    Adagrad, AdagradConfig, Adam, Groups, Optimizer, Sgd, SgdConfig, SparseAdam, SparseAdamConfig,
    clip_grad_norm, grad_norm,
};
use serde_json::Value;
use tensor::{DType, Rng, Tensor};

const VOCAB: usize = 12;

/// A table of words and a line through them.
#[derive(Clone, Module)]
struct Words {
    table: Embedding,
    line: Linear,
}

fn words(sparse: bool, dtype: DType) -> Words {
    let rng = &mut Rng::seed(1);
    let config = EmbeddingConfig { sparse, dtype, ..Default::default() };
    let table = Embedding::with_config(VOCAB, 4, &config, rng).unwrap();
    let normal = |shape: &[usize], rng: &mut Rng| {
        rng.normal(shape, 0.0, 1.0, DType::F64).unwrap().to_dtype(dtype).unwrap()
    };
    let line = Linear::from_parts(normal(&[2, 4], rng), Some(normal(&[2], rng))).unwrap();
    Words { table, line }
}

/// The gradients of a loss on ten tokens that `seed` draws; the last token is never drawn.
fn pass(model: &Words, seed: u64) -> Gradients {
    let cx = &mut Context::train(&mut Rng::seed(0));
    let drawn = Rng::seed(seed).uniform([10], 0.0, (VOCAB - 1) as f64, DType::F64).unwrap();
    let tokens = Var::from(drawn.floor().unwrap().to_dtype(DType::I64).unwrap());
    let h = model.table.forward(&tokens, cx).unwrap();
    model
        .line
        .forward(&h, cx)
        .unwrap()
        .tanh()
        .unwrap()
        .square()
        .unwrap()
        .sum(&[])
        .unwrap()
        .backward()
        .unwrap()
}

/// Eight steps, each with the gradients that the model then has.
fn train(mut optimizer: Box<dyn Optimizer>, model: &mut Words) -> u64 {
    for seed in 0..8 {
        let grads = pass(model, seed);
        optimizer.step(model, &grads).unwrap();
    }
    assert_eq!(optimizer.steps(), 8);
    fingerprint(model)
}

/// Those that promise the bits of a whole gradient, beside the others, which all do.
const OWN: [Make; 6] = [
    || Box::new(Sgd::new(0.1)),
    || Box::new(Sgd::new(0.1).groups(Groups::default().weight_decay("table.**", 0.1))),
    || Box::new(Sgd::with_config(SgdConfig { lr: 0.1, weight_decay: 0.1, ..Default::default() })),
    || Box::new(Sgd::with_config(SgdConfig { lr: 0.1, momentum: 0.9, ..Default::default() })),
    || Box::new(Adagrad::with_config(AdagradConfig { lr: 0.1, lr_decay: 0.1, ..Default::default() })),
    || Box::new(Adagrad::with_config(AdagradConfig { lr: 0.1, weight_decay: 0.1, ..Default::default() })),
];

#[test]
fn every_other_optimizer_takes_rows_to_the_bits_of_a_whole_gradient() {
    for dtype in [DType::F64, DType::F32, DType::BF16] {
        for make in OWN.into_iter().chain(MOST) {
            let name = make().state().kind;
            let wanted = train(make(), &mut words(false, dtype));
            assert_eq!(train(make(), &mut words(true, dtype)), wanted, "{name} {dtype}");
        }
    }
}

#[test]
fn twenty_steps_on_sparse_gradients_are_those_of_pytorch() {
    // Made by `goldens/make_sparse.py`.
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens/sparse.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let floats =
        |json: &Value| -> Vec<f64> { json.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect() };
    let shape = [0, 1].map(|axis| file["shape"][axis].as_u64().unwrap() as usize);
    let start = floats(&file["start"]);
    let ints =
        |json: &Value| -> Vec<i64> { json.as_array().unwrap().iter().map(|x| x.as_i64().unwrap()).collect() };
    let tokens: Vec<Vec<i64>> = file["tokens"].as_array().unwrap().iter().map(ints).collect();
    let weights: Vec<Vec<f64>> = file["weights"].as_array().unwrap().iter().map(floats).collect();
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 4, "the script's cases");
    for case in cases {
        let config = &case["config"];
        let number = |name: &str| config[name].as_f64().unwrap();
        let name = case["optimizer"].as_str().unwrap();
        let mut optimizer: Box<dyn Optimizer> = match name {
            "SGD" => Box::new(Sgd::new(number("lr"))),
            "Adagrad" => Box::new(Adagrad::with_config(AdagradConfig {
                lr: number("lr"),
                lr_decay: number("lr_decay"),
                eps: number("eps"),
                ..Default::default()
            })),
            "SparseAdam" => {
                let (beta1, beta2) =
                    (config["betas"][0].as_f64().unwrap(), config["betas"][1].as_f64().unwrap());
                let (lr, eps) = (number("lr"), number("eps"));
                Box::new(SparseAdam::with_config(SparseAdamConfig { lr, beta1, beta2, eps }))
            }
            other => panic!("{other} is in the file and not here"),
        };
        let settings = EmbeddingConfig { sparse: true, dtype: DType::F64, ..Default::default() };
        let mut table = Embedding::with_config(shape[0], shape[1], &settings, &mut Rng::seed(0)).unwrap();
        table.weight.set(Tensor::from_slice(&start, shape).unwrap()).unwrap();
        let mut met = 0;
        for (step, (tokens, weights)) in tokens.iter().zip(&weights).enumerate() {
            let n = tokens.len();
            let y = table.forward(
                &Tensor::from_slice(tokens, [n]).unwrap().into(),
                &mut Context::train(&mut Rng::seed(0)),
            );
            let weights = Var::from(Tensor::from_slice(weights, [n, shape[1]]).unwrap());
            let grads = y.unwrap().mul(&weights).unwrap().sum(&[]).unwrap().backward().unwrap();
            optimizer.step(&mut table, &grads).unwrap();
            let Some(golden) = case["after"].get((step + 1).to_string()) else { continue };
            met += 1;
            for (a, b) in get(&table, "weight").iter().zip(golden.as_array().unwrap()) {
                // As all goldens here: twenty updates of a dozen roundings.
                assert!((a - b.as_f64().unwrap()).abs() <= 1e-12, "{name} {config} step {step}: {a} {b}");
            }
        }
        assert_eq!(met, 5, "the script's kept steps");
    }
}

#[test]
fn sparse_adam_leaves_rows_and_their_moments_alone_and_counts_every_step() {
    let mut model = words(true, DType::F64);
    let mut adam = SparseAdam::new(0.1);
    for seed in 0..3 {
        let (grads, before) = (pass(&model, seed), (get(&model, "table.weight"), adam.state()));
        let seen = grads.rows(model.table.weight.id()).unwrap().rows().to_vec::<i64>().unwrap();
        assert!(seen.len() < VOCAB - 1, "some must not be seen");
        adam.step(&mut model, &grads).unwrap();
        let after = (get(&model, "table.weight"), adam.state());
        for row in 0..VOCAB {
            let same = |a: &[f64], b: &[f64]| a[row * 4..][..4] == b[row * 4..][..4];
            assert_eq!(same(&before.0, &after.0), !seen.contains(&(row as i64)), "row {row}");
            let moments = |state: &optim::OptimizerState, name: &str| {
                let known = state.params.get("table.weight");
                known.map_or(vec![0.0; VOCAB * 4], |known| known.moments[name].to_vec::<f64>().unwrap())
            };
            for name in ["m", "v"] {
                let (a, b) = (moments(&before.1, name), moments(&after.1, name));
                assert_eq!(same(&a, &b), !seen.contains(&(row as i64)), "{name} of row {row}");
            }
        }
        assert_eq!(after.1.params["table.weight"].steps, seed + 1);
    }
    // A step without tokens moves nothing and is counted, as the golden has it too.
    let mut none = Gradients::default();
    let rows = Tensor::zeros([0], DType::I64).unwrap();
    let empty = RowGradient::new(rows, Tensor::zeros([0, 4], DType::F64).unwrap(), &[VOCAB, 4]).unwrap();
    none.insert_rows(model.table.weight.id(), empty);
    let before = fingerprint(&model);
    adam.step(&mut model, &none).unwrap();
    assert_eq!((fingerprint(&model), adam.state().params["table.weight"].steps), (before, 4));
}

#[test]
fn a_whole_gradient_is_one_of_all_rows() {
    let (mut whole, mut rows) = (words(false, DType::F64), words(true, DType::F64));
    let (mut a, mut b) = (SparseAdam::new(0.1), SparseAdam::new(0.1));
    for seed in 0..4 {
        let (mut all, mut by_rows) = (pass(&whole, seed), pass(&rows, seed));
        let grad = Rng::seed(seed).normal([VOCAB, 4], 0.0, 1.0, DType::F64).unwrap();
        all.insert(whole.table.weight.id(), grad.clone());
        let every = Tensor::arange(VOCAB, DType::I64).unwrap();
        by_rows.insert_rows(rows.table.weight.id(), RowGradient::new(every, grad, &[VOCAB, 4]).unwrap());
        a.step(&mut whole, &all).unwrap();
        b.step(&mut rows, &by_rows).unwrap();
    }
    assert_eq!(fingerprint(&whole), fingerprint(&rows));
    // Its first step is a learning rate along the sign, as that of Adam.
    let mut model = words(false, DType::F64);
    let (grads, before) = (pass(&model, 0), get(&model, "line.bias"));
    SparseAdam::new(0.1).step(&mut model, &grads).unwrap();
    let grad = grads.get(model.line.bias.as_ref().unwrap().id()).unwrap().to_vec::<f64>().unwrap();
    for ((a, b), g) in before.iter().zip(get(&model, "line.bias")).zip(grad) {
        // ε over the gradient of the share that the correction leaves: √0.001.
        assert!((a - b - 0.1 * g.signum()).abs() < 1e-6 / g.abs().min(1.0), "{a} {b} {g}");
    }
}

#[test]
fn learning_rates_of_groups_hold_and_weight_decay_is_refused() {
    let run = |groups: Groups| {
        let mut model = words(true, DType::F64);
        let before = get(&model, "table.weight");
        let grads = pass(&model, 0);
        let result = SparseAdam::new(0.1).groups(groups).step(&mut model, &grads).map_err(|e| e.to_string());
        result
            .map(|()| before.iter().zip(get(&model, "table.weight")).map(|(a, b)| a - b).collect::<Vec<_>>())
    };
    let (whole, half) =
        (run(Groups::default()).unwrap(), run(Groups::default().lr_scale("table.**", 0.5)).unwrap());
    assert!(whole.iter().any(|x| x.abs() > 0.09));
    assert!(whole.iter().zip(half).all(|(a, b)| (a / 2.0 - b).abs() < 1e-15));
    assert_eq!(
        run(Groups::default().weight_decay("table.**", 0.1)).unwrap_err(),
        "[sparse_adam] there is no weight decay of rows; got weight_decay 0.1; leave it out of the groups, or use AdamW, which \
         changes every row in each step"
    );
    let refused = |config: SparseAdamConfig| {
        let mut model = words(true, DType::F64);
        let grads = pass(&model, 0);
        SparseAdam::with_config(config).step(&mut model, &grads).unwrap_err().to_string()
    };
    let usual = SparseAdamConfig::default();
    for (config, says) in [
        (SparseAdamConfig { lr: 0.0, ..usual }, "the learning rate must be finite and positive; got lr 0"),
        (SparseAdamConfig { beta1: 1.0, ..usual }, "a decay rate must lie in 0..1; got beta1 1"),
        (SparseAdamConfig { beta2: -0.5, ..usual }, "a decay rate must lie in 0..1; got beta2 -0.5"),
        (
            SparseAdamConfig { eps: f64::NAN, ..usual },
            "a setting must be finite and not negative; got eps NaN",
        ),
    ] {
        assert_eq!(refused(config), format!("[sparse_adam] {says}; correct the configuration"));
    }
}

#[test]
fn gradients_of_rows_that_do_not_fit_or_are_missing_are_named() {
    let mut model = words(true, DType::F64);
    let mut grads = pass(&model, 0);
    let rows = Tensor::zeros([1], DType::I64).unwrap();
    let wrong = RowGradient::new(rows, Tensor::zeros([1, 5], DType::F64).unwrap(), &[VOCAB, 5]).unwrap();
    grads.insert_rows(model.table.weight.id(), wrong);
    let before = fingerprint(&model);
    for optimizer in
        [&mut SparseAdam::new(0.1) as &mut dyn Optimizer, &mut Adam::new(0.1), &mut Sgd::new(0.1)]
    {
        let op = optimizer.state().kind;
        assert_eq!(
            optimizer.step(&mut model, &grads).unwrap_err().to_string(),
            format!(
                "[{op}] a gradient must have its parameter's shape and dtype; got f64 [12, 5] for table.weight f64 [12, 4]; \
                 return gradients of this model"
            )
        );
    }
    grads.remove(model.table.weight.id());
    assert_eq!(
        SparseAdam::new(0.1).step(&mut model, &grads).unwrap_err().to_string(),
        "[sparse_adam] every trainable parameter must receive a gradient in the first step; got none for table.weight; use \
         them in the loss or freeze them"
    );
    assert_eq!(fingerprint(&model), before);
}

#[test]
fn norms_and_clipping_see_the_rows() {
    let (dense, sparse) = (words(false, DType::F64), words(true, DType::F64));
    let (mut whole, mut rows) = (pass(&dense, 3), pass(&sparse, 3));
    let norm = grad_norm(&whole).unwrap();
    // The zeros of a whole gradient only change the order of the sum.
    assert!((grad_norm(&rows).unwrap() - norm).abs() <= 4.0 * f64::EPSILON * norm);
    for grads in [&mut whole, &mut rows] {
        let before = clip_grad_norm(grads, norm / 3.0).unwrap();
        assert!((before - norm).abs() <= 4.0 * f64::EPSILON * norm);
    }
    let (a, b) = (whole.get(dense.table.weight.id()).unwrap(), rows.get(sparse.table.weight.id()).unwrap());
    for (a, b) in a.to_vec::<f64>().unwrap().iter().zip(b.to_vec::<f64>().unwrap()) {
        assert!((a - b).abs() <= 8.0 * f64::EPSILON * a.abs(), "{a} {b}");
    }
    assert!((grad_norm(&rows).unwrap() - norm / 3.0).abs() <= 4.0 * f64::EPSILON * norm);
    assert!(rows.rows(sparse.table.weight.id()).is_some(), "clipping makes nothing whole");
}

#[test]
fn accumulated_gradients_of_rows_step_as_whole_ones() {
    for make in [OWN[0], OWN[4], MOST[0]] {
        let run = |sparse: bool| {
            let (mut model, mut optimizer) = (words(sparse, DType::F32), make());
            for step in 0..3 {
                let mut sum = pass(&model, 10 * step);
                (1..4).for_each(|part| sum.add(pass(&model, 10 * step + part)).unwrap());
                assert_eq!(sum.rows(model.table.weight.id()).is_some(), sparse);
                optimizer.step(&mut model, &sum).unwrap();
            }
            fingerprint(&model)
        };
        // Each row is added in the order of the parts either way.
        assert_eq!(run(true), run(false), "{}", make().state().kind);
    }
}

#[test]
fn rows_whose_values_no_longer_fit_are_an_error_and_no_panic() {
    let mut model = words(true, DType::F64);
    let mut grads = pass(&model, 0);
    let (id, before) = (model.table.weight.id(), fingerprint(&model));
    for (leaf, grad) in grads.values_mut() {
        if leaf == id {
            *grad = Tensor::zeros([1, 4], DType::F64).unwrap();
        }
    }
    let error = Adam::new(0.1).step(&mut model, &grads).unwrap_err();
    assert!(error.to_string().starts_with("[index_add] "), "{error}");
    assert_eq!(fingerprint(&model), before);
}
