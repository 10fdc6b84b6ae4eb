//! What operations cost, and where.

use autodiff::{Result, Var, checkpoint, module_scope, profile};
use tensor::{DType, Tensor};

fn leaf(shape: [usize; 2]) -> Var {
    Var::variable(Tensor::ones(shape, DType::F32).unwrap())
}

#[test]
fn each_operation_counts_once_in_its_module_and_rules_are_not_operations() {
    let (x, w, v) = (leaf([8, 4]), leaf([4, 6]), leaf([6, 2]));
    let run = || -> Result<_> {
        let y = {
            let _outer = module_scope(&"net");
            let hidden = {
                let _first = module_scope(&0);
                x.matmul(&w)?.tanh()?
            };
            let _second = module_scope(&1);
            hidden.matmul(&v)?
        };
        y.sum(&[])?.backward()
    };
    let (grads, found) = profile(run);
    assert_eq!(grads.unwrap().len(), 3);
    let rows: Vec<(&str, &str, u64, u64)> =
        found.rows.iter().map(|r| (&*r.path, r.op, r.forward.calls, r.backward.calls)).collect();
    assert_eq!(
        rows,
        [("", "sum", 1, 1), ("net.0", "matmul", 1, 1), ("net.0", "tanh", 1, 1), ("net.1", "matmul", 1, 1)]
    );
    // Two products of the same size backward.
    let first = &found.rows[1];
    assert_eq!((first.forward.flops, first.backward.flops), (2 * 8 * 4 * 6, 2 * 2 * 8 * 4 * 6));
    assert_eq!((first.forward.bytes, first.backward.bytes), (8 * 6 * 4, (8 * 4 + 4 * 6) * 4));
    assert_eq!(found.flops(), 3 * 2 * (8 * 4 * 6 + 8 * 6 * 2));
    assert!(found.op_seconds() > 0.0 && found.op_seconds() <= found.seconds);
    let by_module = found.by(|row| &row.path);
    assert_eq!(by_module.len(), 3);
    assert!(by_module.windows(2).all(|w| w[0].1.seconds + w[0].2.seconds >= w[1].1.seconds + w[1].2.seconds));
    // Nothing is left behind, and nothing is noted outside.
    run().unwrap();
    assert_eq!(profile(|| ()).1.rows, []);
}

#[test]
fn a_checkpoints_second_run_is_part_of_its_gradient_and_inner_profiles_keep_what_they_see() {
    let x = leaf([3, 3]);
    let ((grads, inner), found) = profile(|| {
        let y = checkpoint(|x: &[Var]| x[0].tanh()?.square(), std::slice::from_ref(&x)).unwrap();
        let inner = profile(|| y.abs()).1;
        (y.sum(&[]).unwrap().backward(), inner)
    });
    grads.unwrap();
    assert_eq!(inner.rows.iter().map(|row| row.op).collect::<Vec<_>>(), ["abs"]);
    let row =
        |op: &str| found.rows.iter().find(|row| row.op == op).map(|r| (r.forward.calls, r.backward.calls));
    assert_eq!((row("checkpoint"), row("tanh"), row("abs")), (Some((0, 1)), Some((1, 0)), None));
}

#[test]
fn an_error_or_a_panic_inside_leaves_profiles_as_they_were() {
    let x = leaf([2, 2]);
    let (result, found) = profile(|| {
        x.matmul(&leaf([3, 3])).unwrap_err();
        x.tanh()
    });
    result.unwrap();
    assert_eq!(found.rows.len(), 1, "an operation that failed has no row");
    assert!(std::panic::catch_unwind(|| profile(|| panic!("inside"))).is_err());
    x.tanh().unwrap();
    assert_eq!(profile(|| ()).1.rows, []);
}
