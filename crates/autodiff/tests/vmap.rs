//! Functions of one sample, mapped over a batch, and nested with every other transform.

use autodiff::functional::{Mode, grad, hessian, hvp, jacobian, jvp, per_sample_grads, vjp, vmap};
use autodiff::{Result, Var};
use std::slice::from_ref;
use tensor::{DType, Rng, Tensor};

fn normal(shape: &[usize], seed: u64) -> Var {
    Rng::seed(seed).normal(shape, 0.0, 1.0, DType::F64).unwrap().into()
}

fn same(a: &Var, b: &Var) -> bool {
    a.value().bit_eq(b.value())
}

/// `tanh(W·x)`, of one sample x.
fn layer(v: &[Var]) -> Result<Var> {
    v[0].matmul(&v[1])?.tanh()
}

/// A number of one sample.
fn loss(v: &[Var]) -> Result<Var> {
    layer(v)?.square()?.sum(&[])
}

#[test]
fn each_row_is_the_function_of_its_sample() -> Result<()> {
    let (w, x) = (normal(&[3, 4], 1), normal(&[5, 4], 2));
    let y = vmap(layer, &[None, Some(0)])(&[w.clone(), x.clone()])?;
    assert_eq!(y.shape(), [5, 3]);
    for i in 0..5 {
        assert!(same(&y.select(0, i)?, &layer(&[w.clone(), x.select(0, i)?])?));
    }
    // Samples along another axis, and an axis each in two inputs.
    let z = vmap(layer, &[None, Some(-1)])(&[w.clone(), x.t()?])?;
    assert!(same(&y, &z));
    let both = vmap(|v| v[0].mul(&v[1]), &[Some(1), Some(0)])(&[w.clone(), normal(&[4, 3], 3)])?;
    assert_eq!(both.shape(), [4, 3]);
    assert!(same(&both, &w.t()?.mul(&normal(&[4, 3], 3))?));
    Ok(())
}

#[test]
fn branches_on_values_are_taken_sample_by_sample() -> Result<()> {
    let f = |v: &[Var]| if v[0].item()? < 0.0 { v[0].neg() } else { v[0].square() };
    let y = vmap(f, &[Some(0)])(&[Tensor::from_vec(vec![-3.0, 2.0, 0.5], [3])?.into()])?;
    assert_eq!(y.value().to_vec::<f64>()?, [3.0, 4.0, 0.25]);
    Ok(())
}

#[test]
fn lists_are_stacked_place_by_place_and_maps_nest() -> Result<()> {
    let (w, x) = (normal(&[3, 4], 1), normal(&[2, 5, 4], 2));
    let both = vmap(vmap(grad(loss), &[None, Some(0)]), &[None, Some(0)])(&[w.clone(), x.clone()])?;
    assert_eq!((both[0].shape(), both[1].shape()), (&[2, 5, 3, 4][..], &[2, 5, 4][..]));
    let one = grad(loss)(&[w, x.select(0, 1)?.select(0, 3)?])?;
    assert!(same(&both[0].select(0, 1)?.select(0, 3)?, &one[0]));
    Ok(())
}

#[test]
fn mapped_gradients_are_the_gradients_by_sample_and_their_sum_the_batch_s() -> Result<()> {
    let (w, x) = (normal(&[3, 4], 1), normal(&[7, 4], 2));
    let by_sample = per_sample_grads(|p, s| loss(&[p[0].clone(), s[0].clone()]), from_ref(&w), from_ref(&x))?;
    let mapped = vmap(grad(|w: &[Var]| loss(w)), &[None, Some(0)])(&[w.clone(), x.clone()])?;
    assert!(same(&by_sample[0], &mapped[0]));
    // The whole batch in one product, by another order of summation.
    let batch = |w: &[Var]| x.matmul(&w[0].t()?)?.tanh()?.square()?.sum(&[]);
    let whole = grad(batch)(&[w])?.remove(0);
    let gap = by_sample[0].sum(&[0])?.sub(&whole)?.abs()?.max(&[])?.item()?;
    assert!(gap < 1e-13, "{gap}");
    Ok(())
}

#[test]
fn derivatives_of_a_map_are_those_of_the_batch() -> Result<()> {
    let (w, x) = (normal(&[3, 4], 1), normal(&[6, 4], 2));
    let mapped = |v: &[Var]| vmap(layer, &[None, Some(0)])(&[v[0].clone(), x.clone()]);
    let whole = |v: &[Var]| x.matmul(&v[0].t()?)?.tanh();
    let near = |a: &Var, b: &Var| -> Result<()> {
        assert_eq!(a.shape(), b.shape());
        let gap = a.sub(b)?.abs()?.max(&[])?.item()?;
        assert!(gap < 1e-13, "{gap}");
        Ok(())
    };
    let at = [w.clone()];
    near(&mapped(&at)?, &whole(&at)?)?;
    let (v, c) = ([normal(&[3, 4], 5)], normal(&[6, 3], 6));
    near(&jvp(mapped, &at, &v)?.1, &jvp(whole, &at, &v)?.1)?;
    near(&vjp(mapped, &at, &c)?.1[0], &vjp(whole, &at, &c)?.1[0])?;
    for mode in [Mode::Forward, Mode::Reverse] {
        near(&jacobian(mapped, &at, mode)?[0], &jacobian(whole, &at, mode)?[0])?;
    }
    let number = |f: &dyn Fn(&[Var]) -> Result<Var>, v: &[Var]| f(v)?.square()?.sum(&[]);
    let (a, b) = (|v: &[Var]| number(&mapped, v), |v: &[Var]| number(&whole, v));
    near(&hessian(a, &at)?[0][0], &hessian(b, &at)?[0][0])?;
    near(&hvp(a, &at, &v)?[0], &hvp(b, &at, &v)?[0])
}

#[test]
fn maps_of_derivatives_are_the_derivatives_of_each() -> Result<()> {
    let (w, x) = (normal(&[3, 4], 1), normal(&[5, 4], 2));
    let one = |x: &[Var]| loss(&[w.clone(), x[0].clone()]);
    let hessians = vmap(|x: &[Var]| Ok(hessian(one, x)?.remove(0).remove(0)), &[Some(0)])(from_ref(&x))?;
    assert_eq!(hessians.shape(), [5, 4, 4]);
    assert!(same(&hessians.select(0, 2)?, &hessian(one, &[x.select(0, 2)?])?[0][0]));
    let along = vmap(|v: &[Var]| Ok(jvp(one, &v[..1], &v[1..])?.1), &[Some(0), Some(0)]);
    let v = normal(&[5, 4], 9);
    let tangents = along(&[x.clone(), v.clone()])?;
    assert!(same(&tangents.select(0, 4)?, &jvp(one, &[x.select(0, 4)?], &[v.select(0, 4)?])?.1));
    Ok(())
}

#[test]
fn gradients_reach_tracked_inputs_and_tracked_values_from_outside() -> Result<()> {
    let x = Var::variable(normal(&[33, 4], 2).into_value());
    let w = Var::variable(normal(&[3, 4], 1).into_value());
    let inner = |v: &[Var]| w.matmul(&v[0])?.sin();
    let grads = vmap(inner, &[Some(0)])(from_ref(&x))?.square()?.sum(&[])?.backward()?;
    let whole = x.matmul(&w.t()?)?.sin()?.square()?.sum(&[])?.backward()?;
    for leaf in [&x, &w] {
        let gap = grads.of(leaf).unwrap().sub(whole.of(leaf).unwrap())?.abs()?.max(&[])?.item()?;
        assert!(gap < 1e-12, "{gap}");
    }
    Ok(())
}

#[test]
fn threads_change_no_bit_of_nested_transforms() -> Result<()> {
    let (w, x) = (normal(&[70, 90], 1), normal(&[3, 90, 150], 2));
    let one = |v: &[Var]| v[0].matmul(&v[1])?.tanh()?.mean(&[]);
    let all = || -> Result<Vec<Var>> {
        let mut all = vmap(grad(one), &[None, Some(0)])(&[w.clone(), x.clone()])?;
        let along = |w: &[Var]| {
            let of_x = |x: &[Var]| one(&[w[0].clone(), x[0].clone()]);
            Ok(jvp(of_x, &[x.select(0, 0)?], &[x.select(0, 1)?])?.1)
        };
        all.extend(grad(along)(from_ref(&w))?);
        all.extend(hvp(along, from_ref(&w), &[w.square()?])?);
        Ok(all)
    };
    let before = tensor::threads();
    tensor::set_threads(1);
    let expected = all()?;
    for threads in [2, 3, 8] {
        tensor::set_threads(threads);
        assert!(all()?.iter().zip(&expected).all(|(a, b)| same(a, b)), "{threads} threads");
    }
    tensor::set_threads(before);
    Ok(())
}

#[test]
fn what_cannot_be_mapped_is_refused() {
    let (w, x) = (normal(&[3, 4], 1), normal(&[5, 4], 2));
    let text = |axes: &[Option<isize>], x: &[Var]| vmap(layer, axes)(x).unwrap_err().to_string();
    assert_eq!(
        text(&[Some(0)], &[w.clone(), x.clone()]),
        "[vmap] in_axes must have one entry for each input, one of them an axis; got [Some(0)] for 2 inputs; name the \
         axis of the samples, or None for an input that they share"
    );
    assert_eq!(
        text(&[None, None], &[w.clone(), x.clone()]),
        "[vmap] in_axes must have one entry for each input, one of them an axis; got [None, None] for 2 inputs; name \
         the axis of the samples, or None for an input that they share"
    );
    assert_eq!(
        text(&[Some(0), Some(0)], &[w.clone(), x.clone()]),
        "[vmap] all axes of samples must have one size, not 0; got [3, 5]; give every sample a place in each"
    );
    assert_eq!(
        text(&[None, Some(0)], &[w.clone(), normal(&[0, 4], 0)]),
        "[vmap] all axes of samples must have one size, not 0; got [0]; give every sample a place in each"
    );
    for axis in [2, -3, isize::MIN, isize::MAX] {
        assert_eq!(
            text(&[None, Some(axis)], &[w.clone(), x.clone()]),
            format!(
                "[vmap] an axis must exist; got axis {axis} for rank 2; use each axis of -2..2 at most once"
            )
        );
    }
    let uneven = |v: &[Var]| Ok(vec![v[0].clone(); 1 + usize::from(v[0].item()? > 0.0)]);
    let error = vmap(uneven, &[Some(0)])(&[Tensor::from_vec(vec![1.0, -1.0], [2]).unwrap().into()]);
    assert_eq!(
        error.unwrap_err().to_string(),
        "[vmap] all samples must have as many results; got 2 and 1; return as many values for each"
    );
    let error = per_sample_grads(|p, _| p[0].sum(&[]), &[w], &[]).unwrap_err().to_string();
    assert_eq!(
        error,
        "[per_sample_grads] all axes of samples must have one size, not 0; got []; give every sample a place in each"
    );
}
