//! Derivatives of functions: forward, reverse, nested.

use autodiff::functional::{Mode, grad, hessian, hvp, jacobian, jvp, per_sample_grads, value_and_grad, vjp};
use autodiff::{Error, Result, Var, custom_function, grads, linearize};
use serde_json::Value;
use tensor::{DType, Rng, Tensor};

fn number(x: f64) -> Var {
    Tensor::scalar(x).into()
}

fn vector(x: &[f64]) -> Var {
    Tensor::from_slice(x, [x.len()]).unwrap().into()
}

fn values(x: &Var) -> Vec<f64> {
    x.value().to_vec().unwrap()
}

fn derivative(f: impl Fn(&Var) -> Result<Var>, x: &Var) -> Result<Var> {
    Ok(grad(|x: &[Var]| f(&x[0]))(std::slice::from_ref(x))?.remove(0))
}

fn pushed(f: impl Fn(&Var) -> Result<Var>, x: &Var) -> Result<Var> {
    Ok(jvp(|x| f(&x[0]), std::slice::from_ref(x), &[number(1.0)])?.1)
}

#[test]
fn perturbations_of_nested_derivatives_are_not_confused() -> Result<()> {
    // d/dx (x · d/dy (x + y)) is 1 at any place; a confused one says 2. Here y starts at x itself.
    type D = fn(&dyn Fn(&Var) -> Result<Var>, &Var) -> Result<Var>;
    let all: [D; 2] = [|f, x| derivative(f, x), |f, x| pushed(f, x)];
    for outer in all {
        for inner in all {
            let f = |x: &Var| x.mul(&inner(&|y: &Var| x.add(y), x)?);
            assert_eq!(outer(&f, &number(3.0))?.item()?, 1.0);
            // d/dx (x · d/dy (x·y)) at y = 2 is d/dx x² = 2·x.
            let f = |x: &Var| x.mul(&inner(&|y: &Var| x.mul(y), &number(2.0))?);
            assert_eq!(outer(&f, &number(3.0))?.item()?, 6.0);
        }
    }
    Ok(())
}

#[test]
fn any_nesting_of_forward_and_reverse_gives_the_third_derivative() -> Result<()> {
    type D = fn(&dyn Fn(&Var) -> Result<Var>, &Var) -> Result<Var>;
    let all: [D; 2] = [|f, x| derivative(f, x), |f, x| pushed(f, x)];
    for a in all {
        for b in all {
            for c in all {
                // x⁴ → 24·x
                let f = |x: &Var| x.square()?.square();
                let y = a(&|x| b(&|x| c(&f, x), x), &number(0.5))?;
                assert_eq!((y.item()?, y.is_tracked()), (12.0, false));
            }
        }
    }
    Ok(())
}

#[test]
fn transforms_work_on_tracked_values_inside_a_loss() -> Result<()> {
    let w = Var::variable(Tensor::scalar(2.0));
    // u(t) = exp(w·t), u'(t) = w·exp(w·t); d/dw at t = 0 is 1.
    let du = pushed(|t| w.mul(t)?.exp(), &number(0.0))?;
    assert_eq!(du.item()?, 2.0);
    assert_eq!(du.backward()?.of(&w).unwrap().item()?, 1.0);
    Ok(())
}

#[test]
fn forward_reverse_and_both_jacobians_agree() -> Result<()> {
    let mut rng = Rng::seed(3);
    let x = [
        Var::from(rng.normal([2, 3], 0.0, 1.0, DType::F64)?),
        Var::from(rng.normal([3], 0.0, 1.0, DType::F64)?),
    ];
    let f = |x: &[Var]| x[0].mul(&x[1])?.tanh()?.sum(&[1]);
    let (a, b) = (jacobian(f, &x, Mode::Forward)?, jacobian(f, &x, Mode::Reverse)?);
    assert_eq!((a[0].shape(), a[1].shape()), (&[2, 2, 3][..], &[2, 3][..]));
    for (a, b) in a.iter().zip(&b) {
        assert_eq!(a.shape(), b.shape());
        assert!(values(a).iter().zip(values(b)).all(|(a, b)| (a - b).abs() < 1e-15));
    }
    let v: Vec<Var> = x.iter().map(|x| x.square()).collect::<Result<_>>()?;
    let c = vector(&[0.5, -2.0]);
    let (y, jv) = jvp(f, &x, &v)?;
    let (_, jc) = vjp(f, &x, &c)?;
    let left: f64 = values(&jv).iter().zip(values(&c)).map(|(a, b)| a * b).sum();
    let right: f64 = jc.iter().zip(&v).map(|(a, b)| values(&a.mul(b).unwrap()).iter().sum::<f64>()).sum();
    assert!((left - right).abs() < 1e-14);
    assert_eq!(values(&y), values(&f(&x)?));
    Ok(())
}

#[test]
fn the_hessian_along_a_direction_is_the_hessian_times_it() -> Result<()> {
    let x = [vector(&[0.5, -1.0, 2.0])];
    let v = [vector(&[1.0, 2.0, -1.0])];
    let f = |x: &[Var]| x[0].sin()?.mul(&x[0].square()?)?.sum(&[])?.square();
    let h = hessian(f, &x)?.remove(0).remove(0);
    let expected = values(&h.matmul(&v[0])?);
    for (a, b) in values(&hvp(f, &x, &v)?[0]).iter().zip(expected) {
        assert!((a - b).abs() < 1e-12, "{a} {b}");
    }
    Ok(())
}

#[test]
fn each_sample_has_its_own_gradient() -> Result<()> {
    let w = vector(&[1.0, -2.0]);
    let x = Var::from(Tensor::from_vec(vec![1.0, 0.0, 2.0, 3.0, -1.0, 1.0], [3, 2])?);
    let y = vector(&[1.0, 2.0, 3.0]);
    let loss = |p: &[Var], s: &[Var]| p[0].mul(&s[0])?.sum(&[])?.sub(&s[1])?.square();
    let g = per_sample_grads(loss, &[w], &[x, y])?;
    // 2·(⟨w, x⟩ − y)·x
    assert_eq!(g[0].shape(), [3, 2]);
    assert_eq!(values(&g[0]), [0.0, 0.0, -24.0, -36.0, 12.0, -12.0]);
    Ok(())
}

#[test]
fn what_has_no_derivative_blocks_a_tangent_only_where_it_counts() -> Result<()> {
    let x = [vector(&[1.0, 3.0, 2.0])];
    let one = [vector(&[1.0, 10.0, 100.0])];
    // The index of the largest is no smooth function, but what it picks is.
    let pick = |x: &[Var]| x[0].gather(0, x[0].argmax(-1)?.reshape([1])?);
    assert_eq!(values(&jvp(pick, &x, &one)?.1), [10.0]);
    let cut = jvp(|x| x[0].argmax(-1)?.to_dtype(DType::F64), &x, &one);
    assert!(matches!(cut, Err(Error::NotDifferentiable { .. })), "{cut:?}");
    // Indices are passed as inputs and have no tangent; conversions between floats do.
    let to = |x: &[Var]| x[0].to_dtype(DType::F32)?.square();
    let (_, tangent) = jvp(to, &x, &one)?;
    assert_eq!((tangent.dtype(), tangent.value().to_vec::<f32>()?), (DType::F32, vec![2.0, 60.0, 400.0]));
    Ok(())
}

#[test]
fn tangents_that_do_not_fit_are_refused() {
    let x = [vector(&[1.0, 2.0])];
    let error = jvp(|x| x[0].square(), &x, &[number(1.0)]).unwrap_err().to_string();
    assert_eq!(
        error,
        "[jvp] there must be one tangent for each input, of its shape and dtype; got f64 [] for f64 [2]; \
         build each tangent with its input's shape and dtype"
    );
}

#[test]
fn a_chain_of_a_hundred_thousand_goes_forward_without_depth() -> Result<()> {
    let x = Var::variable(Tensor::scalar(1.0));
    let mut y = x.clone();
    for _ in 0..100_000 {
        y = y.mul_scalar(-1.0)?;
    }
    let tangent = linearize(&[y], &[x])?.push(&[number(1.0)])?.remove(0).unwrap();
    assert_eq!(tangent.item()?, 1.0);
    Ok(())
}

#[test]
fn a_function_of_closures_has_derivatives_of_both_kinds() -> Result<()> {
    let cube = |x: &[Var]| {
        custom_function(
            "cube",
            &[&x[0]],
            |x| Ok(x[0].square()?.mul(x[0])?),
            |x, _, g| grads([g.mul(&x[0].square()?)?.mul_scalar(3.0)?]),
        )
    };
    let x = [number(2.0)];
    let (y, g) = value_and_grad(cube, &x)?;
    assert_eq!((y.item()?, g[0].item()?), (8.0, 12.0));
    assert_eq!(jvp(cube, &x, &[number(1.0)])?.1.item()?, 12.0);
    assert_eq!(hessian(cube, &x)?[0][0].item()?, 12.0);
    Ok(())
}

fn golden(json: &Value) -> Tensor {
    let shape: Vec<usize> =
        json["shape"].as_array().unwrap().iter().map(|d| d.as_u64().unwrap() as usize).collect();
    let values = json["values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap());
    Tensor::from_vec(values.collect::<Vec<f64>>(), shape).unwrap()
}

#[test]
fn the_hessian_of_a_two_layer_network_is_that_of_the_outside_framework() -> Result<()> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens/hessian.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let of = |name: &str| Var::from(golden(&file["values"][name]));
    let (x, y) = (of("x"), of("y"));
    let params = ["w1", "b1", "w2", "b2"].map(of);
    let loss = |p: &[Var]| {
        let hidden = x.matmul(&p[0])?.add(&p[1])?.tanh()?;
        hidden.matmul(&p[2])?.add(&p[3])?.sub(&y)?.square()?.mean(&[])
    };
    for (i, row) in hessian(loss, &params)?.iter().enumerate() {
        for (j, block) in row.iter().enumerate() {
            let expected = golden(&file["hessian"][i][j]);
            assert_eq!(block.shape(), expected.shape());
            let expected = expected.to_vec::<f64>()?;
            for (a, b) in values(block).iter().zip(expected) {
                // The terms are of order 1, so this is a relative error too.
                assert!((a - b).abs() <= 1e-9, "block {i}, {j}: {a} instead of {b}");
            }
        }
    }
    Ok(())
}
