//! Parts that are run again when the gradient comes.

use autodiff::{LeafId, Result, Var, checkpoint, functional::jvp, grad_of};
use tensor::Tensor;

fn vector(x: &[f64]) -> Tensor {
    Tensor::from_slice(x, [x.len()]).unwrap()
}

#[test]
fn inputs_captured_values_and_leaves_made_inside_get_the_same_gradients() -> Result<()> {
    let id = LeafId::new();
    let run = |again: bool| -> Result<Vec<Tensor>> {
        let x = Var::variable(vector(&[0.3, -1.2, 2.0]));
        let w = Var::variable(vector(&[1.1, 0.4, -0.6]));
        let (h, captured) = (x.sin()?, w.exp()?);
        let part = move |x: &[Var]| {
            let b = Var::leaf(vector(&[0.2, 0.5, 0.9]), id);
            x[0].mul(&captured)?.add(&b)?.tanh()?.mul(&x[0])
        };
        let y = if again { checkpoint(part, &[h])? } else { part(&[h])? };
        let grads = y.square()?.sum(&[])?.backward()?;
        Ok([grads.of(&x), grads.of(&w), grads.get(id)].map(|g| g.unwrap().clone()).into())
    };
    for (a, b) in run(false)?.iter().zip(run(true)?) {
        assert!(a.bit_eq(&b));
    }
    Ok(())
}

#[test]
fn second_derivatives_and_tangents_pass_through() -> Result<()> {
    let x = Var::variable(Tensor::scalar(0.5));
    let f = |x: &[Var]| checkpoint(|x| x[0].square()?.square(), x);
    let y = f(std::slice::from_ref(&x))?;
    let dy = grad_of(&[(&y, None)], &[&x])?.remove(0).unwrap();
    let ddy = grad_of(&[(&dy, None)], &[&x])?.remove(0).unwrap();
    assert_eq!((dy.item()?, ddy.item()?), (0.5, 3.0));
    let (_, tangent) = jvp(f, &[Tensor::scalar(0.5).into()], &[Tensor::scalar(2.0).into()])?;
    assert_eq!(tangent.item()?, 1.0);
    Ok(())
}

#[test]
fn a_part_of_constants_is_a_constant() -> Result<()> {
    let y = checkpoint(|x| x[0].square(), &[Tensor::scalar(3.0).into()])?;
    assert_eq!((y.item()?, y.is_tracked()), (9.0, false));
    Ok(())
}

#[test]
fn a_function_that_computes_something_else_the_second_time_is_refused() -> Result<()> {
    use std::sync::atomic::{AtomicU32, Ordering};
    let x = Var::variable(Tensor::scalar(0.5));
    let runs = AtomicU32::new(0);
    let f = move |x: &[Var]| x[0].mul_scalar(f64::from(runs.fetch_add(1, Ordering::Relaxed)));
    assert_eq!(
        checkpoint(f, &[x])?.backward().unwrap_err().to_string(),
        "[checkpoint] the function must compute the same each time; got another result on the way back; draw random \
         numbers from a clone of one Rng, made anew in each run"
    );
    Ok(())
}
