//! What `#[derive(Module)]` visits, and under which names.

use crate::paths;
use nn::{Buffer, Linear, Module, Param};
use std::marker::PhantomData;
use tensor::{DType, Rng, Tensor};

fn param(value: f64) -> Param {
    Param::new(Tensor::scalar(value))
}

#[derive(Module)]
struct Inner {
    weight: Param,
    running: Buffer,
}

fn inner(value: f64) -> Inner {
    Inner { weight: param(value), running: Buffer::new(Tensor::scalar(-value)) }
}

#[derive(Module)]
struct Pair(Param, Inner);

/// The fields of the second are named as if they stood here.
#[derive(Module)]
struct Flat {
    first: Param,
    #[module(flatten)]
    inner: Inner,
    last: Param,
}

#[derive(Module)]
struct Unit;

/// Everything a field may be.
#[derive(Module)]
struct Everything {
    first: Param,
    inner: Inner,
    some: Option<Inner>,
    none: Option<Param>,
    list: Vec<Inner>,
    array: [Param; 2],
    tuple: (Param, Inner),
    boxed: Box<Inner>,
    nested: Vec<Option<Pair>>,
    unit: Unit,
    r#type: Param,
    size: usize,
    rate: f64,
    causal: bool,
    name: String,
    label: &'static str,
    #[module(skip)]
    _skipped: Param,
    #[module(skip)]
    _foreign: std::time::Duration,
}

fn everything() -> Everything {
    Everything {
        first: param(1.0),
        inner: inner(2.0),
        some: Some(inner(3.0)),
        none: None,
        list: vec![inner(4.0), inner(5.0)],
        array: [param(6.0), param(7.0)],
        tuple: (param(8.0), inner(9.0)),
        boxed: Box::new(inner(10.0)),
        nested: vec![None, Some(Pair(param(11.0), inner(12.0)))],
        unit: Unit,
        r#type: param(13.0),
        size: 3,
        rate: 0.5,
        causal: true,
        name: "net".into(),
        label: "label",
        _skipped: param(-1.0),
        _foreign: std::time::Duration::ZERO,
    }
}

#[test]
fn fields_are_visited_in_declaration_order_under_their_names() {
    let module = everything();
    let named: Vec<(String, f64)> =
        module.named_params().into_iter().map(|(path, p)| (path, p.value().item().unwrap())).collect();
    let expected = [
        ("first", 1.0),
        ("inner.weight", 2.0),
        ("some.weight", 3.0),
        ("list.0.weight", 4.0),
        ("list.1.weight", 5.0),
        ("array.0", 6.0),
        ("array.1", 7.0),
        ("tuple.0", 8.0),
        ("tuple.1.weight", 9.0),
        ("boxed.weight", 10.0),
        ("nested.1.0", 11.0),
        ("nested.1.1.weight", 12.0),
        ("type", 13.0),
    ];
    assert_eq!(named, expected.map(|(path, value)| (path.to_string(), value)));
    assert_eq!(module.n_params(), expected.len());
}

#[test]
fn fields_of_a_flattened_one_have_no_name_before_theirs() {
    let mut flat = Flat { first: param(1.0), inner: inner(2.0), last: param(3.0) };
    assert_eq!(paths(&flat), ["first", "weight", "last"]);
    let names: Vec<String> = flat.state_dict().iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(names, ["first", "last", "running", "weight"]);
    *flat.named_params_mut().remove(1).1.value_mut() = Tensor::scalar(5.0);
    assert_eq!(flat.inner.weight.value().item().unwrap(), 5.0);
}

#[test]
fn the_walk_that_may_change_sees_the_same_parameters() {
    let mut module = everything();
    let seen: Vec<String> = module.named_params_mut().into_iter().map(|(path, _)| path).collect();
    assert_eq!(seen, paths(&module));
    for (i, (_, param)) in module.named_params_mut().into_iter().enumerate() {
        *param.value_mut() = Tensor::scalar(100.0 + i as f64);
    }
    assert_eq!(module.nested[1].as_ref().unwrap().0.value().item().unwrap(), 110.0);
    assert_eq!(module.r#type.value().item().unwrap(), 112.0);
    assert_eq!(module._skipped.value().item().unwrap(), -1.0);
}

#[test]
fn buffers_are_state_and_no_parameters() {
    let state = inner(2.0).state_dict();
    let names: Vec<&str> = state.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["running", "weight"]);
    assert_eq!(paths(&inner(2.0)), ["weight"]);
    let mut other = inner(5.0);
    other.load_state_dict(&state).unwrap();
    assert_eq!(other.running.value().item().unwrap(), -2.0);
}

/// Both parameters are visited, the third never stored.
#[derive(Module)]
struct Generic<A, B: Clone, T, const N: usize>
where
    A: Send,
{
    a: [A; N],
    b: Option<B>,
    kind: PhantomData<T>,
}

/// `T` need not be a module: its field is not visited.
#[derive(Module)]
struct Cached<T> {
    fc: Linear,
    #[module(skip)]
    cache: Option<T>,
}

#[test]
fn generic_structs_are_modules_of_what_their_fields_are() {
    let module: Generic<Inner, Param, std::time::Instant, 2> =
        Generic { a: [inner(1.0), inner(2.0)], b: Some(param(3.0)), kind: PhantomData };
    assert_eq!(paths(&module), ["a.0.weight", "a.1.weight", "b"]);
    let fc = Linear::new(2, 2, &mut Rng::seed(0)).unwrap();
    let cached: Cached<std::time::Instant> = Cached { fc, cache: None };
    assert_eq!(paths(&cached), ["fc.weight", "fc.bias"]);
    assert!(cached.cache.is_none());
}

#[test]
fn a_module_without_parameters_has_none() {
    assert_eq!((paths(&Unit).len(), Unit.n_params(), Unit.state_dict().len()), (0, 0, 0));
}

#[test]
fn a_clone_has_equal_values_and_parameters_of_its_own() {
    let linear = Linear::new(3, 2, &mut Rng::seed(0)).unwrap();
    let mut copy = linear.clone();
    assert_eq!(linear.state_dict().fingerprint().unwrap(), copy.state_dict().fingerprint().unwrap());
    for ((_, a), (_, b)) in linear.named_params().into_iter().zip(copy.named_params()) {
        assert_ne!(a.id(), b.id());
    }
    let before = linear.weight.value().to_vec::<f32>().unwrap();
    copy.weight.value_mut().as_mut_slice::<f32>().unwrap().fill(9.0);
    assert_eq!(copy.weight.value().to_vec::<f32>().unwrap(), [9.0; 6]);
    assert_eq!(linear.weight.value().to_vec::<f32>().unwrap(), before, "written through the shared buffer");
}

#[test]
fn a_frozen_parameter_has_a_frozen_clone() {
    let mut linear = Linear::new(3, 2, &mut Rng::seed(0)).unwrap();
    linear.freeze("weight").unwrap();
    assert!(!linear.clone().weight.is_trainable());
}

#[test]
fn a_parameter_refuses_a_value_of_another_shape_or_dtype() {
    let mut param = param(1.0);
    assert_eq!(
        param.set(Tensor::zeros([2], DType::F32).unwrap()).unwrap_err().to_string(),
        "[set] a parameter keeps its shape and dtype; got f32 [2] for f64 []; convert or reshape the value"
    );
    param.set(Tensor::scalar(2.0)).unwrap();
    assert_eq!(param.value().item().unwrap(), 2.0);
}
