//! Results, gradients, second derivatives and tangents against those of an outside framework in double precision.
//! `goldens/make_goldens.py` says how they were made, `goldens/goldens.json` by which version and from which seed, and
//! `goldens/table.rs` what an operation is called here.

#[path = "goldens/table.rs"]
mod table;

use autodiff::{Var, grad_of, linearize};
use serde_json::Value;
use std::collections::BTreeSet;
use table::{Options, apply, tensor};
use tensor::{DType, Tensor};

fn file() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens/goldens.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn cases(file: &Value) -> &[Value] {
    file["cases"].as_array().unwrap()
}

/// Something that was computed and its golden value.
struct Pair<'a> {
    what: String,
    found: Tensor,
    golden: &'a Value,
}

/// What `found` is, or zeros where there is none.
fn or_zeros(found: Option<Var>, like: &Var) -> Tensor {
    found.map_or_else(|| Tensor::zeros(like.shape(), like.dtype()).unwrap(), Var::into_value)
}

/// Everything the file holds of a case, computed with floats of `dtype`.
fn compute(case: &Value, dtype: DType) -> autodiff::Result<Vec<Pair<'_>>> {
    let op = case["op"].as_str().unwrap();
    let list = |name: &str| case[name].as_array().map_or(&[][..], Vec::as_slice);
    let leaf = |x: &Value| {
        let x = tensor(x, dtype);
        if x.dtype().is_float() { Var::variable(x) } else { Var::from(x) }
    };
    let x: Vec<Var> = list("inputs").iter().map(leaf).collect();
    let y = apply(op, &Options { json: &case["options"], dtype }, &x)?;
    let mut pairs = Vec::new();
    let mut pair = |what: &str, i: usize, found: Tensor, golden| {
        pairs.push(Pair { what: format!("{what} {i}"), found, golden });
    };
    assert_eq!(y.len(), list("outputs").len(), "outputs of {op}");
    for (i, (y, golden)) in y.iter().zip(list("outputs")).enumerate() {
        pair("output", i, y.value().clone(), golden);
    }
    // The outputs that have cotangents, with them.
    let smooth: Vec<(usize, Var)> = list("cotangents")
        .iter()
        .enumerate()
        .filter(|(_, c)| !c.is_null())
        .map(|(i, c)| (i, Var::variable(tensor(c, y[i].dtype()))))
        .collect();
    if smooth.is_empty() {
        return Ok(pairs);
    }
    let seeds: Vec<(&Var, Option<&Var>)> = smooth.iter().map(|(i, c)| (&y[*i], Some(c))).collect();
    let leaves: Vec<&Var> = x.iter().filter(|x| x.is_tracked()).collect();
    let grads = grad_of(&seeds, &leaves)?;
    let of_leaves = |name: &'static str| list(name).iter().enumerate().filter(|(_, g)| !g.is_null());
    for ((i, golden), (grad, x)) in of_leaves("grads").zip(grads.iter().zip(&leaves)) {
        pair("gradient", i, or_zeros(grad.clone(), x), golden);
    }
    if list("directions").is_empty() {
        return Ok(pairs);
    }
    let d: Vec<Var> = of_leaves("directions").map(|(_, d)| Var::from(tensor(d, dtype))).collect();
    let kept: Vec<(&Var, Option<&Var>)> = grads
        .iter()
        .zip(&d)
        .filter_map(|(g, d)| g.as_ref().filter(|g| g.is_tracked()).map(|g| (g, Some(d))))
        .collect();
    let by: Vec<&Var> = leaves.iter().copied().chain(smooth.iter().map(|(_, c)| c)).collect();
    let second = if kept.is_empty() { vec![None; by.len()] } else { grad_of(&kept, &by)? };
    for ((i, golden), (found, x)) in of_leaves("second").zip(second.iter().zip(&by)) {
        pair("second derivative", i, or_zeros(found.clone(), x), golden);
    }
    let outputs: Vec<Var> = smooth.iter().map(|(i, _)| y[*i].clone()).collect();
    let tracked: Vec<Var> = leaves.iter().map(|&x| x.clone()).collect();
    let tangents = linearize(&outputs, &tracked)?.push(&d)?;
    let goldens = list("pushed").iter().filter(|p| !p.is_null());
    let twice = second.into_iter().skip(leaves.len());
    for ((((i, c), golden), tangent), twice) in smooth.iter().zip(goldens).zip(tangents).zip(twice) {
        pair("tangent", *i, or_zeros(tangent, c), golden);
        pair("derivative by the cotangent of output", *i, or_zeros(twice, c), golden);
    }
    Ok(pairs)
}

/// Units of the last place that a family may be off in f32; measured, and rounded up to a power of 2.
///
/// What only moves elements moves all their bits. Roots of variances divide by small numbers, and eigenvectors by the
/// gaps of eigenvalues, twice for second derivatives.
fn ulps(family: &str) -> f64 {
    match family {
        "shape" | "index" | "sort" => 0.0,
        "product" | "loss" => 2.0,
        "scan" => 4.0,
        "pointwise" | "binary" | "norm" | "sequence" => 8.0,
        "reduce" | "window" => 16.0,
        "linalg" => 32.0,
        other => panic!("the family {other} has no bound"),
    }
}

/// The unit is that of the largest golden element; below this they are what terms of order 1 left when they cancelled.
const SMALLEST_SCALE: f64 = 1.0 / 16.0;

/// In f64 the other side rounds too, and not always with care.
const BOTH_ROUND: f64 = 4.0;

/// The first element that is further from the golden one than it may be.
fn first_far(pair: &Pair, ulps: f64, epsilon: f64) -> Option<String> {
    let golden = tensor(pair.golden, DType::F64);
    if pair.found.shape() != golden.shape() {
        return Some(format!(
            "{}: shape {:?} instead of {:?}",
            pair.what,
            pair.found.shape(),
            golden.shape()
        ));
    }
    let values = |x: &Tensor| x.to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap();
    let (found, golden) = (values(&pair.found), values(&golden));
    let unit = epsilon * golden.iter().fold(SMALLEST_SCALE, |most, x| most.max(x.abs()));
    // Written so that NaN is far.
    let near = |(a, b): (&f64, &f64)| (a - b).abs() <= ulps * unit;
    let i = found.iter().zip(&golden).position(|pair| !near(pair))?;
    let (a, b) = (found[i], golden[i]);
    Some(format!(
        "{}: element {i} is {a:e} instead of {b:e}, {:.1} ulps off",
        pair.what,
        (a - b).abs() / unit
    ))
}

fn check(dtype: DType, epsilon: f64, times: f64) {
    let file = file();
    assert!(cases(&file).len() > 300, "the file must hold the script's cases");
    let mut far = Vec::new();
    for case in cases(&file) {
        let (op, family) = (case["op"].as_str().unwrap(), case["family"].as_str().unwrap());
        match compute(case, dtype) {
            Ok(pairs) => {
                assert!(case["cotangents"].is_null() || pairs.len() > 1, "{op} has no gradient");
                let what = pairs.iter().filter_map(|pair| first_far(pair, times * ulps(family), epsilon));
                far.extend(what.map(|what| format!("{op} {}: {what}", case["options"])));
            }
            Err(error) => far.push(format!("{op} {}: {error}", case["options"])),
        }
    }
    assert!(far.is_empty(), "{} differ:\n{}", far.len(), far.join("\n"));
}

#[test]
fn doubles_are_those_of_the_outside_framework() {
    // The coarsest bound is still far below 1e-10 of the scale.
    const { assert!(BOTH_ROUND * 32.0 * f64::EPSILON < 1e-13) };
    check(DType::F64, f64::EPSILON, BOTH_ROUND);
}

#[test]
fn singles_are_those_of_the_outside_framework_to_a_few_ulps() {
    check(DType::F32, f32::EPSILON as f64, 1.0);
}

#[test]
fn every_operation_of_the_list_has_a_golden_or_a_reason() {
    let file = file();
    let held: BTreeSet<&str> = cases(&file).iter().map(|case| case["op"].as_str().unwrap()).collect();
    let twice: BTreeSet<&str> =
        cases(&file).iter().filter(|c| !c["second"].is_null()).map(|c| c["op"].as_str().unwrap()).collect();
    let named = |what: &str, op: &str| file[what][op].as_str().map(str::to_string);
    let mut missing = Vec::new();
    for spec in autodiff::ops::specs() {
        let op = spec.name;
        let smooth = spec.cases.iter().any(|c| c.inputs.iter().any(|x| x.dtype().is_float()));
        let differentiable = smooth && !spec.not_differentiable;
        let has = match named("gradient_of", op) {
            Some(base) => twice.contains(&base[..]),
            None => held.contains(op) && (twice.contains(op) || !differentiable),
        };
        if !has && named("without", op).is_none() {
            missing.push(op);
        }
    }
    assert!(missing.is_empty(), "no line in goldens/make_goldens.py: {missing:?}");
    let idle: Vec<&&str> = table::NAMES.iter().filter(|name| !held.contains(**name)).collect();
    assert!(idle.is_empty(), "in goldens/table.rs and not in the file: {idle:?}");
}
