//! What the engine promises, whatever the operations are.

use autodiff::{Error, Grads, LeafId, Op, Result, Saved, Saves, Var, grad_of, grads};
use std::sync::Arc;
use tensor::{DType, Tensor};

fn scalar(x: f64) -> Var {
    Var::variable(Tensor::scalar(x))
}

fn vector(x: &[f64]) -> Var {
    Var::variable(Tensor::from_slice(x, [x.len()]).unwrap())
}

/// The text of the error, where there must be one.
fn text<T: std::fmt::Debug>(result: Result<T>) -> String {
    result.unwrap_err().to_string()
}

/// The derivative of `y` with respect to `x`, itself in the graph.
fn derivative(y: &Var, x: &Var) -> Result<Var> {
    Ok(grad_of(&[(y, None)], &[x])?.remove(0).expect("y depends on x"))
}

#[test]
fn backward_adds_when_an_input_is_used_twice() -> Result<()> {
    let x = scalar(3.0);
    let loss = x.mul(&x)?.add(&x)?;
    assert_eq!(loss.backward()?.of(&x).unwrap().item()?, 7.0);
    Ok(())
}

#[test]
fn parts_of_a_value_add_their_gradients_where_they_were_read() -> Result<()> {
    let x = Var::variable(Tensor::arange(60, DType::F64)?.mul_scalar(0.1)?.reshape([3, 4, 5])?);
    let y = x.sin()?;
    // Parts that meet, part from each other and overlap; one of them is read twice, and so is the whole.
    let parts = [
        y.narrow(1, 0, 2)?.square()?.sum(&[])?,
        y.narrow(-1, 1, 3)?.exp()?.sum(&[])?,
        y.select(0, -1)?.mul_scalar(3.0)?.sum(&[])?,
        y.select(1, 2)?.cos()?.sum(&[])?,
        y.slice(tensor::s![1.., ..;-2, 2])?.square()?.sum(&[])?,
        y.narrow(1, 0, 2)?.exp()?.sum(&[])?,
        y.tanh()?.sum(&[])?,
        x.narrow(2, 4, 1)?.square()?.sum(&[])?,
        x.select(2, 0)?.sum(&[])?,
    ];
    let mut loss = parts[0].clone();
    for part in &parts[1..] {
        loss = loss.add(part)?;
    }
    // One by one, by a graph that is differentiated again and makes each gradient whole.
    let whole = derivative(&loss, &x)?;
    let mut alone = Tensor::zeros([3, 4, 5], DType::F64)?;
    for part in &parts {
        alone = alone.add(derivative(part, &x)?.value())?;
    }
    drop(parts);
    let grads = loss.backward()?;
    let found = grads.of(&x).unwrap();
    assert!(found.bit_eq(whole.value()));
    let far = found.sub(&alone)?.abs()?.max(&[])?.item()?;
    assert!(far < 1e-14, "{far}");
    Ok(())
}

#[test]
fn leaves_of_one_id_share_a_gradient() -> Result<()> {
    let id = LeafId::new();
    let (a, b) = (Var::leaf(Tensor::scalar(2.0), id), Var::leaf(Tensor::scalar(2.0), id));
    let grads = a.mul(&b)?.backward()?;
    assert_eq!((grads.len(), grads.get(id).unwrap().item()?), (1, 4.0));
    Ok(())
}

#[test]
fn a_million_operations_go_backward_and_are_dropped_without_depth() -> Result<()> {
    const N: usize = 1_000_000;
    let x = scalar(1.0);
    let chain = || -> Result<Var> {
        let mut y = x.clone();
        for _ in 0..N {
            y = y.mul_scalar(-1.0)?;
        }
        Ok(y)
    };
    // The stack of a thread that runs tests is 2 MiB: two bytes for each operation.
    assert_eq!(chain()?.backward()?.of(&x).unwrap().item()?, 1.0);
    drop(chain()?);
    Ok(())
}

#[test]
fn a_graph_that_splits_and_meets_again_is_gone_through_once() -> Result<()> {
    // 2⁶⁰ paths, 60 nodes.
    let x = scalar(1.0);
    let mut y = x.clone();
    for _ in 0..60 {
        y = y.add(&y)?;
    }
    assert_eq!(y.backward()?.of(&x).unwrap().item()?, (1u64 << 60) as f64);
    Ok(())
}

#[test]
fn a_graph_goes_backward_once() -> Result<()> {
    let x = scalar(2.0);
    let y = x.square()?;
    let (first, second) = (y.mul_scalar(2.0)?, y.mul_scalar(3.0)?);
    first.backward()?;
    assert_eq!(
        text(second.backward()),
        "[square] a graph can go backward once; got a second pass through a node whose saved values are gone; \
         build the graph again, or use grad_of, which keeps it"
    );
    assert_eq!(grad_of(&[(&y, None)], &[&x]).map(|_| ()), Err(Error::GraphConsumed { op: "square" }));
    assert_eq!(y.item()?, 4.0, "the value stays");
    Ok(())
}

#[test]
fn a_constant_cannot_go_backward() -> Result<()> {
    let expected = "[backward] the value must depend on a tracked variable; got a constant; \
                    make a leaf with Var::variable, or pass parameters through Context::train";
    let one = Var::constant(Tensor::scalar(1.0));
    assert_eq!(text(one.square()?.backward()), expected);
    assert_eq!(text(grad_of(&[(&one, None)], &[&scalar(1.0)])), expected);
    Ok(())
}

#[test]
fn only_a_single_number_goes_backward() -> Result<()> {
    let expected = "[backward] the loss must have exactly one element; got [3]; \
                    reduce it with mean or sum, or use grad_of with a cotangent";
    let x = vector(&[1.0, 2.0, 3.0]);
    assert_eq!(text(x.square()?.backward()), expected);
    assert_eq!(text(grad_of(&[(&x, None)], &[&x])), expected);
    let one = vector(&[5.0]);
    assert_eq!(one.square()?.backward()?.of(&one).unwrap().to_vec::<f64>()?, [10.0]);
    Ok(())
}

#[test]
fn a_comparison_cannot_go_backward() -> Result<()> {
    let x = vector(&[1.0, 2.0]);
    let above = x.gt(&Var::from(Tensor::scalar(1.5)))?.to_dtype(DType::F64)?;
    assert_eq!(
        text(above.sum(&[])?.backward()),
        "[to_dtype] an operation without a derivative was met going backward; got a loss that depends on its result; \
         detach the input if the gradient should stop there"
    );
    let above = x.gt(&Var::from(Tensor::scalar(1.5)))?;
    let ones = Var::from(Tensor::ones([2], DType::Bool)?);
    assert_eq!(
        text(grad_of(&[(&above, Some(&ones))], &[&x])),
        "[gt] an operation without a derivative was met going backward; got a loss that depends on its result; \
         detach the input if the gradient should stop there"
    );
    Ok(())
}

#[test]
fn a_cotangent_must_fit_its_output() -> Result<()> {
    let x = vector(&[1.0, 2.0]);
    let y = x.square()?;
    let long = Var::from(Tensor::ones([3], DType::F64)?);
    let single = Var::from(Tensor::ones([2], DType::F32)?);
    assert_eq!(
        text(grad_of(&[(&y, Some(&long))], &[&x])),
        "[grad_of] a cotangent must have the shape and dtype of its output; got f64 [3] for f64 [2]; \
         build it with the output's shape and dtype"
    );
    assert!(text(grad_of(&[(&y, Some(&single))], &[&x])).contains("got f32 [2] for f64 [2]"));
    Ok(())
}

#[test]
fn detach_stops_gradients_and_keeps_the_value() -> Result<()> {
    let x = scalar(3.0);
    let stopped = x.square()?.detach();
    assert!(!stopped.is_tracked());
    assert_eq!(stopped.item()?, 9.0);
    assert_eq!(stopped.mul(&x)?.backward()?.of(&x).unwrap().item()?, 9.0);
    Ok(())
}

#[test]
fn operations_on_constants_record_nothing() -> Result<()> {
    let (a, b) = (Var::from(Tensor::scalar(1.0)), Var::from(Tensor::scalar(2.0)));
    assert!(!a.add(&b)?.exp()?.is_tracked());
    assert!(a.add(&scalar(1.0))?.is_tracked());
    Ok(())
}

#[test]
fn an_input_that_the_output_does_not_depend_on_has_no_gradient() -> Result<()> {
    let (x, unused, constant) = (scalar(2.0), scalar(3.0), Var::from(Tensor::scalar(1.0)));
    let y = x.square()?;
    let grads = grad_of(&[(&y, None)], &[&unused, &x, &constant])?;
    assert!(grads[0].is_none() && grads[2].is_none());
    assert_eq!(grads[1].as_ref().unwrap().item()?, 4.0);
    assert!(y.backward()?.of(&unused).is_none());
    Ok(())
}

#[test]
fn inputs_of_grad_of_may_stand_in_the_middle_of_the_graph() -> Result<()> {
    let x = scalar(2.0);
    let middle = x.square()?;
    let y = middle.mul(&middle)?.add(&x)?;
    let grads = grad_of(&[(&y, None)], &[&middle, &x, &y])?;
    let grads: Vec<f64> = grads.iter().map(|g| g.as_ref().unwrap().item()).collect::<Result<_>>()?;
    assert_eq!(grads, [8.0, 33.0, 1.0]);
    Ok(())
}

#[test]
fn several_outputs_add_under_their_cotangents() -> Result<()> {
    let x = vector(&[1.0, 2.0]);
    let (y, z) = (x.square()?, x.mul_scalar(10.0)?);
    let c = Var::from(Tensor::from_vec(vec![1.0, -1.0], [2])?);
    let dx = grad_of(&[(&y, Some(&c)), (&z, Some(&c))], &[&x])?.remove(0).unwrap();
    assert_eq!(dx.value().to_vec::<f64>()?, [12.0, -14.0]);
    Ok(())
}

#[test]
fn derivatives_nest_to_the_third_order_and_beyond() -> Result<()> {
    for power in [|x: &Var| x.pow_scalar(4.0), |x: &Var| x.square()?.mul(x)?.mul(x)] {
        let x = scalar(1.5);
        let mut y = power(&x)?;
        for expected in [4.0 * 3.375, 12.0 * 2.25, 24.0 * 1.5, 24.0] {
            y = derivative(&y, &x)?;
            assert_eq!(y.item()?, expected);
        }
    }
    Ok(())
}

#[test]
fn grad_of_keeps_the_graph_and_backward_goes_through_its_result() -> Result<()> {
    let x = scalar(2.0);
    let y = x.square()?.mul(&x)?;
    let slope = derivative(&y, &x)?;
    // |dy/dx|² + y, as a gradient penalty has it: d/dx (9·x⁴ + x³) = 36·x³ + 3·x².
    let loss = slope.square()?.add(&y)?;
    assert_eq!(loss.backward()?.of(&x).unwrap().item()?, 36.0 * 8.0 + 12.0);
    Ok(())
}

#[test]
fn what_broadcasting_repeated_is_summed() -> Result<()> {
    let (row, column) =
        (vector(&[1.0, 2.0, 3.0]), Var::variable(Tensor::from_vec(vec![10.0, 20.0], [2, 1])?));
    let grads = row.mul(&column)?.sum(&[])?.backward()?;
    assert_eq!(grads.of(&row).unwrap().to_vec::<f64>()?, [30.0; 3]);
    assert_eq!(grads.of(&column).unwrap().shape(), [2, 1]);
    assert_eq!(grads.of(&column).unwrap().to_vec::<f64>()?, [6.0; 2]);
    Ok(())
}

#[test]
fn a_gradient_of_the_wrong_shape_is_refused_by_name() -> Result<()> {
    struct Wrong;
    impl Op for Wrong {
        fn name(&self) -> &'static str {
            "wrong"
        }
        fn saves(&self) -> Saves {
            Saves::NOTHING
        }
        fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
            Ok(x[0].sum(&[])?)
        }
        fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
            grads([grad.clone()])
        }
    }
    let x = vector(&[1.0, 2.0]);
    assert_eq!(
        text(Var::apply(Wrong, &[&x])?.backward()),
        "[wrong] the gradient of input 0 must have the input's shape and dtype, or broadcast from it; \
         got f64 [] for f64 [2]; correct the backward rule"
    );
    Ok(())
}

/// The identity, which holds a token as long as its record lives.
struct Holding(#[allow(dead_code)] Arc<()>);

impl Op for Holding {
    fn name(&self) -> &'static str {
        "holding"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].clone())
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.clone()])
    }
}

#[test]
fn the_graph_goes_with_the_last_value_that_needs_it() -> Result<()> {
    let token = Arc::new(());
    let x = scalar(2.0);
    let held = || Arc::strong_count(&token) - 1;
    let y = Var::apply(Holding(token.clone()), &[&x])?;
    let loss = y.square()?;
    drop(y);
    assert_eq!(held(), 1, "the loss needs it");
    drop(loss);
    assert_eq!(held(), 0, "nobody does");

    let loss = Var::apply(Holding(token.clone()), &[&x])?.square()?;
    let kept = loss.clone();
    loss.backward()?;
    assert_eq!(held(), 0, "it was used up, though a value of the graph is still held");
    assert_eq!(kept.item()?, 4.0);

    let constant = Var::apply(Holding(token.clone()), &[&Var::from(Tensor::scalar(1.0))])?;
    assert_eq!(held(), 0, "constants record nothing");
    drop(constant);
    Ok(())
}

#[test]
fn values_and_gradients_go_between_threads() -> Result<()> {
    fn is_send_and_sync<T: Send + Sync + 'static>() {}
    is_send_and_sync::<Var>();
    is_send_and_sync::<autodiff::Gradients>();
    is_send_and_sync::<Error>();

    let x = scalar(3.0);
    let y = x.square()?;
    let grads = std::thread::spawn(move || y.backward()).join().expect("the thread ends well")?;
    assert_eq!(grads.of(&x).unwrap().item()?, 6.0);
    Ok(())
}

#[test]
fn threads_that_build_graphs_of_one_leaf_get_their_own_gradients() -> Result<()> {
    let x = scalar(3.0);
    let gradients: Vec<f64> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|i| {
                let x = &x;
                scope.spawn(move || -> Result<f64> {
                    let mut y = x.mul_scalar(f64::from(i))?;
                    for _ in 0..1000 {
                        y = y.add_scalar(1.0)?;
                    }
                    Ok(y.backward()?.of(x).unwrap().item()?)
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("the thread ends well")).collect::<Result<_>>()
    })?;
    assert_eq!(gradients, [0.0, 1.0, 2.0, 3.0]);
    Ok(())
}
