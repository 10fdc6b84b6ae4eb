//! The planted operation is named, forward and backward.

use autodiff::{Error, Result, Var, checkpoint, detect_anomaly, grad_of, module_scope};
use tensor::Tensor;

fn vector(x: &[f64]) -> Var {
    Var::variable(Tensor::from_slice(x, [x.len()]).unwrap())
}

#[test]
fn forward_the_logarithm_of_a_negative_number_is_named() {
    let x = vector(&[1.0, -2.0, 3.0]);
    let error = detect_anomaly(|| x.ln()?.exp()?.sum(&[])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "[ln] the result must be finite; got f64 [3] in 0.0..=1.0986122886681098 with 1 NaN, 0 infinite \
         from input 0: f64 [3] in -2.0..=3.0; keep the operands where the function and its derivative are finite"
    );
}

#[test]
fn forward_a_division_by_zero_is_named_with_both_operands_and_its_module() {
    let (x, y) = (vector(&[1.0, 2.0]), vector(&[0.0, 4.0]));
    let error = detect_anomaly(|| {
        let _block = module_scope(&"block");
        x.square()?.div(&y)
    });
    let Err(Error::Anomaly(found)) = error else { panic!("{error:?}") };
    assert_eq!((found.op, found.gradient, &found.path[..]), ("div", None, "block"));
    assert_eq!((found.found.infinities, found.operands.len()), (1, 2));
    assert_eq!((found.operands[1].1.min, found.operands[1].1.max), (0.0, 4.0));
}

#[test]
fn backward_the_root_of_zero_is_named_with_the_module_it_ran_in() {
    let x = vector(&[4.0, 0.0]);
    let error = detect_anomaly(|| {
        let y = {
            let _net = module_scope(&"net");
            let _norm = module_scope(&1);
            x.sqrt()?
        };
        y.mul_scalar(3.0)?.sum(&[])?.backward()
    });
    assert_eq!(
        error.unwrap_err().to_string(),
        "[sqrt] the gradient of input 0 must be finite; got f64 [2] in 0.75..=0.75 with 0 NaN, 1 infinite going \
         backward through net.1 from the gradient: f64 [2] in 3.0..=3.0, the result: f64 [2] in 0.0..=2.0; \
         keep the operands where the function and its derivative are finite"
    );
}

#[test]
fn backward_a_power_is_named_in_the_pass_that_keeps_the_graph() -> Result<()> {
    let x = vector(&[0.0]);
    let y = x.pow_scalar(0.5)?.add_scalar(1.0)?;
    let error = detect_anomaly(|| grad_of(&[(&y, None)], &[&x])).unwrap_err();
    let Error::Anomaly(found) = error else { panic!("{error:?}") };
    assert_eq!((found.op, found.gradient), ("pow_scalar", Some(0)));
    // Outside the mode nothing is looked at.
    assert!(grad_of(&[(&y, None)], &[&x])?[0].as_ref().unwrap().item()?.is_infinite());
    Ok(())
}

#[test]
fn what_a_checkpoint_holds_is_named_on_the_way_back_with_its_path() {
    let x = vector(&[4.0, 0.0]);
    let part = |x: &[Var]| {
        let _inner = module_scope(&"norm");
        x[0].sqrt()?.mul_scalar(2.0)
    };
    let error = detect_anomaly(|| {
        let y = {
            let _block = module_scope(&"block");
            checkpoint(part, std::slice::from_ref(&x))?
        };
        let _elsewhere = module_scope(&"trainer");
        y.sum(&[])?.backward()
    });
    let Err(Error::Anomaly(found)) = error else { panic!("{error:?}") };
    assert_eq!((found.op, found.gradient, &found.path[..]), ("sqrt", Some(0), "block.norm"));
    // The mode and the path are as before.
    let error = detect_anomaly(|| {
        let _block = module_scope(&"after");
        x.ln()
    });
    let Err(Error::Anomaly(found)) = error else { panic!("{error:?}") };
    assert_eq!((found.op, &found.path[..]), ("ln", "after"));
}
