//! States: saved, compared, loaded all or nothing.

use nn::{Buffer, Linear, Module, Param, StateDict};
use tensor::{DType, Rng, Tensor};

#[derive(Module)]
struct Net {
    body: Linear,
    head: Linear,
    mean: Buffer,
}

fn net(seed: u64) -> Net {
    let rng = &mut Rng::seed(seed);
    Net {
        body: Linear::new(4, 3, rng).unwrap(),
        head: Linear::new(3, 2, rng).unwrap(),
        mean: Buffer::new(rng.normal([3], 0.0, 1.0, DType::F32).unwrap()),
    }
}

fn fingerprint(module: &impl Module) -> u64 {
    module.state_dict().fingerprint().unwrap()
}

#[test]
fn a_state_holds_parameters_and_buffers_and_loads_into_another_model() {
    let (one, mut other) = (net(0), net(1));
    let state = one.state_dict();
    let names: Vec<&str> = state.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["body.bias", "body.weight", "head.bias", "head.weight", "mean"]);
    assert_ne!(fingerprint(&one), fingerprint(&other));
    other.load_state_dict(&state).unwrap();
    assert_eq!(fingerprint(&one), fingerprint(&other));
}

#[test]
fn a_loaded_model_shares_no_writing_with_the_state() {
    let (mut model, state) = (net(1), net(0).state_dict());
    let before = state.fingerprint().unwrap();
    model.load_state_dict(&state).unwrap();
    model.body.weight.value_mut().as_mut_slice::<f32>().unwrap().fill(7.0);
    assert_eq!(state.fingerprint().unwrap(), before);
}

/// A state with one problem of each kind, and two that fit.
fn foreign() -> StateDict {
    let mut state = net(0).state_dict();
    state.remove("head.bias");
    state.remove("mean");
    state.insert("body.weight", Tensor::zeros([3, 5], DType::F32).unwrap());
    state.insert("head.weight", Tensor::zeros([2, 3], DType::F64).unwrap());
    state.insert("tail.weight", Tensor::zeros([1], DType::F32).unwrap());
    state.insert("extra", Tensor::zeros([1], DType::F32).unwrap());
    state
}

#[test]
fn the_state_of_another_model_is_refused_with_all_that_does_not_fit_and_nothing_is_loaded() {
    let mut model = net(1);
    let before = fingerprint(&model);
    assert_eq!(
        model.load_state_dict(&foreign()).unwrap_err().to_string(),
        "[load_state_dict] names, shapes and dtypes must be those of the model; \
         got missing head.bias, mean and unexpected extra, tail.weight \
         and mismatched body.weight (f32 [3, 5] for f32 [3, 4]), head.weight (f64 [2, 3] for f32 [2, 3]); \
         load a state of this model, or use load_matching"
    );
    assert_eq!(fingerprint(&model), before);
}

#[test]
fn what_fits_can_be_loaded_and_the_rest_is_reported() {
    let mut model = net(1);
    let before = model.state_dict();
    let report = model.load_matching(&foreign());
    assert_eq!(report.missing, ["head.bias", "mean"]);
    assert_eq!(report.unexpected, ["extra", "tail.weight"]);
    assert_eq!(
        report.mismatched,
        ["body.weight (f32 [3, 5] for f32 [3, 4])", "head.weight (f64 [2, 3] for f32 [2, 3])"]
    );
    assert!(!report.is_clean());
    let after = model.state_dict();
    let changed: Vec<&str> =
        after.iter().filter(|(name, x)| !x.bit_eq(before.get(name).unwrap())).map(|(name, _)| name).collect();
    assert_eq!(changed, ["body.bias"]);
    assert!(after.get("body.bias").unwrap().bit_eq(net(0).state_dict().get("body.bias").unwrap()));
    let clean = model.load_matching(&net(0).state_dict());
    assert!(clean.is_clean());
    assert_eq!(clean.to_string(), "no difference");
}

#[test]
fn the_fingerprint_depends_on_every_name_type_shape_and_bit() {
    let state = |name: &str, tensor: Tensor| {
        StateDict::from_iter([(name.to_string(), tensor)]).fingerprint().unwrap()
    };
    let values = |x: &[f32], shape: &[usize]| Tensor::from_slice(x, shape).unwrap();
    let all = [
        StateDict::default().fingerprint().unwrap(),
        state("a", values(&[1.0, 2.0], &[2])),
        state("b", values(&[1.0, 2.0], &[2])),
        state("a", values(&[1.0, 2.0], &[1, 2])),
        state("a", values(&[1.0, 2.0], &[2, 1])),
        state("a", values(&[2.0, 1.0], &[2])),
        state("a", values(&[1.0, 2.0f32.next_up()], &[2])),
        state("a", values(&[0.0, 0.0], &[2])),
        state("a", values(&[0.0, -0.0], &[2])),
        state("a", Tensor::zeros([2], DType::I64).unwrap()),
        // A scalar's bytes are the other's size.
        state("a", Tensor::scalar(0.0)),
        state("a", Tensor::zeros([0], DType::F64).unwrap()),
    ];
    for i in 0..all.len() {
        for j in 0..i {
            assert_ne!(all[i], all[j], "{i} and {j}");
        }
    }
}

#[test]
fn the_fingerprint_of_a_view_is_that_of_its_elements() {
    let x = Tensor::from_slice(&[1.0, 2.0, 3.0, 4.0], [2, 2]).unwrap();
    let of = |tensor: Tensor| StateDict::from_iter([("x".to_string(), tensor)]).fingerprint().unwrap();
    assert_eq!(of(x.t().unwrap()), of(Tensor::from_slice(&[1.0, 3.0, 2.0, 4.0], [2, 2]).unwrap()));
}

#[test]
fn names_are_found_set_and_taken_out() {
    let mut state = StateDict::default();
    assert!(state.is_empty() && state.get("a").is_none());
    assert!(state.insert("a", Tensor::scalar(1.0)).is_none());
    assert_eq!(state.insert("a", Tensor::scalar(2.0)).unwrap().item().unwrap(), 1.0);
    assert_eq!((state.len(), state.get("a").unwrap().item().unwrap()), (1, 2.0));
    assert_eq!(state.remove("a").unwrap().item().unwrap(), 2.0);
    assert!(state.is_empty());
}

#[test]
fn a_parameter_that_is_a_view_is_saved_and_loaded() {
    let weight = Tensor::from_slice(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [3, 2]).unwrap().t().unwrap();
    let mut param = Param::new(weight.clone());
    let state = param.state_dict();
    param.set(Tensor::zeros([2, 3], DType::F64).unwrap()).unwrap();
    param.load_state_dict(&state).unwrap();
    assert_eq!(param.value().to_vec::<f64>().unwrap(), [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
}
