//! L-BFGS against PyTorch's, and what it does with what it cannot use.

use crate::goldens::{file, gap, start};
use crate::{Mixed, fingerprint, mixed, mixed_of, net};
use autodiff::{Gradients, Var};
use nn::{Context, Module};
use optim::{Error, Lbfgs, LbfgsConfig, LbfgsState, LineSearch};
use serde_json::Value;
use tensor::{DType, Rng, Tensor};

type Any = Box<dyn std::error::Error>;
type Evaluated = Result<(f64, Gradients), Any>;

/// Each way sums in its own order; a start that is moved by one ε moves what comes out by 5e-14.
const ALLOWED: f64 = 1e-12;

/// `lbfgs_loss` of `goldens/make_goldens.py`: a valley from each element to the next, and a bowl.
fn valley(model: &(impl Module + ?Sized)) -> Evaluated {
    let cx = Context::train(&mut Rng::seed(0));
    let all = model.named_params().into_iter().map(|(_, param)| {
        let x = cx.param(param);
        x.reshape([param.value().len()])
    });
    let all = all.collect::<Result<Vec<Var>, _>>()?;
    let x = Var::cat(&all.iter().collect::<Vec<_>>(), 0)?;
    let n = x.value().len();
    let (now, next) = (x.narrow(0, 0, n - 1)?, x.narrow(0, 1, n - 1)?);
    let steep = next.sub(&now.square()?)?.square()?;
    let flat = now.neg()?.add_scalar(1.0)?.square()?.mul_scalar(0.5)?;
    let bowl = x.square()?.sum(&[])?.mul_scalar(0.05)?;
    let loss = steep.add(&flat)?.sum(&[])?.add(&bowl)?;
    Ok((loss.item()?, loss.backward()?))
}

fn config(case: &Value) -> LbfgsConfig {
    let config = &case["config"];
    let number = |name: &str| config[name].as_f64().unwrap();
    LbfgsConfig {
        lr: number("lr"),
        max_iter: number("max_iter") as usize,
        max_eval: config.get("max_eval").map(|n| n.as_u64().unwrap() as usize),
        tolerance_grad: number("tolerance_grad"),
        tolerance_change: number("tolerance_change"),
        history_size: number("history_size") as usize,
        line_search: if config["line_search_fn"].is_null() {
            LineSearch::Fixed
        } else {
            LineSearch::StrongWolfe
        },
    }
}

#[test]
fn twenty_steps_are_those_of_the_outside_framework() {
    let file = file();
    let cases = file["lbfgs"].as_array().unwrap();
    assert_eq!(cases.len(), 7, "the script's cases");
    let mut problems = Vec::new();
    for case in cases {
        let (mut model, mut lbfgs) = (mixed(0), Lbfgs::with_config(config(case)));
        start(&mut model, &file["models"]["mixed"]["start"]);
        for step in 0..20 {
            // Through what is saved, each time.
            let state = lbfgs.state();
            lbfgs = Lbfgs::with_config(config(case));
            lbfgs.load_state(state).unwrap();
            let loss = lbfgs.step(&mut model, valley).unwrap();
            let wanted = case["losses"][step].as_f64().unwrap();
            if (loss - wanted).abs() > ALLOWED * wanted {
                problems.push(format!("{}, step {step}: loss {loss} instead of {wanted}", case["name"]));
            }
            if let Some(golden) = case["after"].get((step + 1).to_string()) {
                let far = gap(&case["name"], &model.state_dict(), golden);
                if far > ALLOWED {
                    problems.push(format!("{}, step {step}: {far:e}", case["name"]));
                }
            }
        }
        let counts = (lbfgs.steps(), lbfgs.iterations(), lbfgs.evaluations());
        let wanted = (20, case["iterations"].as_u64().unwrap(), case["evaluations"].as_u64().unwrap());
        if counts != wanted {
            problems.push(format!("{}: {counts:?} instead of {wanted:?}", case["name"]));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn a_model_behind_a_pointer_is_trained_too_and_a_narrow_one_in_its_own_type() {
    let mut boxed: Box<dyn Module> = Box::new(mixed(0));
    let mut plain = mixed(0);
    Lbfgs::new(1.0).step(&mut *boxed, valley).unwrap();
    Lbfgs::new(1.0).step(&mut plain, valley).unwrap();
    assert_eq!(boxed.state_dict().fingerprint().unwrap(), fingerprint(&plain));
    let mut narrow = mixed_of(0, DType::F32);
    let first = Lbfgs::new(1.0).step(&mut narrow, valley).unwrap();
    assert!(valley(&narrow).unwrap().0 < 0.1 * first);
    assert!(narrow.named_params().iter().all(|(_, param)| param.value().dtype() == DType::F32));
}

#[test]
fn frozen_parameters_stay() {
    let mut model = mixed(0);
    model.freeze("square").unwrap();
    let before = model.square.value().clone();
    let first = Lbfgs::new(1.0).step(&mut model, valley).unwrap();
    assert!(valley(&model).unwrap().0 < first && model.square.value().bit_eq(&before));
}

#[test]
fn a_run_that_was_saved_and_loaded_ends_with_the_same_bits() {
    let limit = bincode::config::standard().with_limit::<1_000_000>();
    let config = LbfgsConfig { max_iter: 3, ..Default::default() };
    let (mut model, mut lbfgs) = (mixed(0), Lbfgs::with_config(config));
    for _ in 0..3 {
        lbfgs.step(&mut model, valley).unwrap();
    }
    let bytes = bincode::serde::encode_to_vec(lbfgs.state(), limit).unwrap();
    let state: LbfgsState = bincode::serde::borrow_decode_from_slice(&bytes, limit).unwrap().0;
    let (mut resumed, mut fresh) = (mixed(5), Lbfgs::with_config(config));
    resumed.load_state_dict(&model.state_dict()).unwrap();
    fresh.load_state(state).unwrap();
    for _ in 0..3 {
        lbfgs.step(&mut model, valley).unwrap();
        fresh.step(&mut resumed, valley).unwrap();
    }
    assert_eq!(fingerprint(&model), fingerprint(&resumed));
    assert_eq!(bincode::serde::encode_to_vec(fresh.state(), limit).unwrap().len(), {
        bincode::serde::encode_to_vec(lbfgs.state(), limit).unwrap().len()
    });
}

fn refusal(config: LbfgsConfig, model: &mut Mixed) -> String {
    let before = fingerprint(model);
    let text = Lbfgs::with_config(config).step(model, valley).unwrap_err().to_string();
    assert_eq!(fingerprint(model), before, "{text}");
    text
}

#[test]
fn settings_outside_their_range_are_refused_by_the_first_step() {
    let (model, usual) = (&mut mixed(0), LbfgsConfig::default());
    let (one, not_negative) = ("there must be at least one", "a setting must be finite and not negative");
    for (config, rule, got) in [
        (LbfgsConfig { lr: 0.0, ..usual }, "the learning rate must be finite and positive", "lr 0"),
        (LbfgsConfig { max_iter: 0, ..usual }, one, "max_iter 0"),
        (LbfgsConfig { max_eval: Some(0), ..usual }, one, "max_eval 0"),
        (LbfgsConfig { history_size: 0, ..usual }, one, "history_size 0"),
        (LbfgsConfig { tolerance_grad: -1.0, ..usual }, not_negative, "tolerance_grad -1"),
        (LbfgsConfig { tolerance_change: f64::NAN, ..usual }, not_negative, "tolerance_change NaN"),
    ] {
        assert_eq!(refusal(config, model), format!("[lbfgs] {rule}; got {got}; correct the configuration"));
    }
    model.freeze("**").unwrap();
    assert_eq!(
        refusal(usual, model),
        "[lbfgs] a model must have a trainable parameter; got none; unfreeze some"
    );
}

#[test]
fn what_the_closure_gives_is_checked_and_its_errors_come_back() {
    let model = &mut mixed(0);
    let before = fingerprint(model);
    let mut text = |closure: &dyn Fn(&Mixed) -> Evaluated| {
        let error = Lbfgs::new(1.0).step(model, closure).unwrap_err().to_string();
        assert_eq!(fingerprint(model), before, "{error}");
        error
    };
    assert_eq!(text(&|_| Err("no data".into())), "no data");
    let without = text(&|model| {
        let (loss, mut grads) = valley(model)?;
        grads.remove(model.cube.id());
        Ok((loss, grads))
    });
    assert_eq!(
        without,
        "[lbfgs] every trainable parameter must receive a gradient in the first step; got none for cube; use them in the \
         loss or freeze them"
    );
    let turned = text(&|model| {
        let (loss, mut grads) = valley(model)?;
        grads.insert(model.tall.id(), Tensor::zeros([2, 5], DType::F64)?);
        Ok((loss, grads))
    });
    assert_eq!(
        turned,
        "[lbfgs] a gradient must have its parameter's shape and dtype; got f64 [2, 5] for tall f64 [5, 2]; return gradients \
         of this model"
    );
    let broken = text(&|model| Ok((f64::NAN, valley(model)?.1)));
    assert!(
        broken.starts_with(
            "[lbfgs] the loss and its gradients must be finite; got loss NaN, sum of gradients "
        ),
        "{broken}"
    );
    assert!(
        broken.ends_with("; lower the learning rate, search along the line or look at the data"),
        "{broken}"
    );
}

#[test]
fn an_error_in_the_middle_leaves_the_last_finished_iteration() {
    let config = LbfgsConfig { max_iter: 1, ..Default::default() };
    let (mut model, mut lbfgs) = (mixed(0), Lbfgs::with_config(config));
    lbfgs.step(&mut model, valley).unwrap();
    let before = fingerprint(&model);
    let mut calls = 0;
    let failed = lbfgs.step(&mut model, |model| {
        calls += 1;
        if calls == 2 { Err::<_, Any>("stopped".into()) } else { valley(model) }
    });
    assert_eq!((failed.unwrap_err().to_string(), calls), ("stopped".to_string(), 2));
    assert_eq!(fingerprint(&model), before);
    // It goes on.
    let first = lbfgs.step(&mut model, valley).unwrap();
    assert!(valley(&model).unwrap().0 < first);
}

#[test]
fn a_line_search_comes_back_from_where_there_is_no_loss() {
    // −ln(1 − x²) + x, which is only between −1 and 1; the first trial lies outside.
    let mut model = crate::scalar(0.9);
    let loss = |model: &nn::Param| -> Evaluated {
        let x = Context::train(&mut Rng::seed(0)).param(model);
        let loss = x.square()?.neg()?.add_scalar(1.0)?.ln()?.neg()?.add(&x)?.sum(&[])?;
        Ok((loss.item()?, loss.backward()?))
    };
    let mut lbfgs = Lbfgs::new(40.0);
    for _ in 0..5 {
        lbfgs.step(&mut model, loss).unwrap();
    }
    // 2x/(1 − x²) = −1.
    let wanted = 1.0 - 2f64.sqrt();
    assert!((model.value().item().unwrap() - wanted).abs() < 1e-6, "{:?}", model.value());
    // Without a search it is an error, and the model is where it was.
    let mut fixed =
        Lbfgs::with_config(LbfgsConfig { lr: 40.0, line_search: LineSearch::Fixed, ..Default::default() });
    let mut model = crate::scalar(0.9);
    assert!(fixed.step(&mut model, loss).unwrap_err().to_string().contains("must be finite; got loss NaN"));
    assert_eq!(model.value().item().unwrap(), 0.9);
}

#[test]
fn what_is_remembered_of_other_parameters_is_refused() {
    let (mut model, mut lbfgs) = (mixed(0), Lbfgs::new(1.0));
    lbfgs.step(&mut model, valley).unwrap();
    let mut text = |model: &mut Mixed| {
        let error = lbfgs.step(model, valley).unwrap_err().to_string();
        error
            .strip_prefix("[lbfgs] a state must be of the same optimizer and model; got ")
            .and_then(|rest| rest.strip_suffix("; load the state that was saved with this model"))
            .unwrap_or_else(|| panic!("{error}"))
            .to_string()
    };
    model.freeze("tall").unwrap();
    assert_eq!(text(&mut model), "tall of 10 elements, which does not train");
    model.unfreeze("tall").unwrap();
    model.vector.set(Tensor::ones([4], DType::F64).unwrap()).unwrap();
    *model.wide.value_mut() = Tensor::zeros([2, 2], DType::F64).unwrap();
    assert_eq!(text(&mut model), "nothing of wide of 4 elements, wide of 8 elements, which does not train");
    let other: Result<f64, Error> = lbfgs.step(&mut net(0), |_| unreachable!("it is refused before"));
    assert!(other.unwrap_err().to_string().contains("nothing of body.weight of 6 elements"));
}

#[test]
fn a_state_that_does_not_fit_together_is_refused_with_all_its_faults() {
    let (mut model, mut lbfgs) = (mixed(0), Lbfgs::new(1.0));
    lbfgs.step(&mut model, valley).unwrap();
    let mut state = lbfgs.state();
    (state.lr, state.step_length, state.scale) = (0.0, f64::NAN, -1.0);
    state.last.pop();
    state.changes[0].1 = Tensor::zeros([3], DType::F64).unwrap();
    let iterations = state.iterations;
    let changes = state.changes.len();
    let mut small = Lbfgs::with_config(LbfgsConfig { history_size: 2, ..Default::default() });
    assert_eq!(
        small.load_state(state).unwrap_err().to_string(),
        format!(
            "[lbfgs] a state must be of the same optimizer and model; got learning rate 0, step length NaN, scale -1, \
             f64 [3] where there must be f64 [44], 1 last vectors after {iterations} iterations, \
             {changes} changes for a history of 2; load the state that was saved with this model"
        )
    );
    assert_eq!((small.steps(), small.lr()), (0, 1.0));
    // That of a fresh one is a fresh start.
    small.load_state(Lbfgs::new(0.5).state()).unwrap();
    assert_eq!(small.lr(), 0.5);
}
