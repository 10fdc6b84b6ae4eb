//! Constructors by rule: their values, and what they refuse.

use tensor::{DType, Error, Indexing, Tensor};

fn values(x: Result<Tensor, Error>) -> Vec<f64> {
    x.unwrap().to_vec().unwrap()
}

fn refused(result: Result<Tensor, Error>) -> String {
    result.expect_err("was not refused").to_string()
}

#[test]
fn spaced_numbers_meet_both_ends() {
    assert_eq!(values(Tensor::linspace(1.0, 2.0, 5, DType::F64)), [1.0, 1.25, 1.5, 1.75, 2.0]);
    assert_eq!(values(Tensor::linspace(3.0, 9.0, 1, DType::F64)), [3.0]);
    assert_eq!(values(Tensor::linspace(3.0, 9.0, 0, DType::F64)), []);
    assert_eq!(values(Tensor::linspace(-f64::MAX, f64::MAX, 3, DType::F64))[2], f64::MAX);
    let tenths = values(Tensor::linspace(0.0, 0.7, 8, DType::F64));
    assert_eq!((tenths[0], tenths[7]), (0.0, 0.7));
    assert_eq!(values(Tensor::logspace(0.0, 3.0, 4, 2.0, DType::F64)), [1.0, 2.0, 4.0, 8.0]);
}

#[test]
fn ranges_stop_before_their_end_in_both_directions() {
    assert_eq!(values(Tensor::arange_step(5.0, 0.0, -2.0, DType::F64)), [5.0, 3.0, 1.0]);
    assert_eq!(values(Tensor::arange_step(0.0, 4.0, 2.0, DType::F64)), [0.0, 2.0]);
    assert_eq!(values(Tensor::arange_step(1.0, 1.0, 1.0, DType::F64)), []);
}

#[test]
fn ranges_refuse_what_has_no_end() {
    let call = |start, end, step| refused(Tensor::arange_step(start, end, step, DType::F32));
    let wrong = "[arange_step] the step must lead from start to end; got";
    assert_eq!(call(0.0, 4.0, 0.0), format!("{wrong} 0 to 4 by 0; change the step's sign or size"));
    assert_eq!(call(0.0, 4.0, -1.0), format!("{wrong} 0 to 4 by -1; change the step's sign or size"));
    let finite = "[arange_step] start, end and step must be finite; got";
    assert_eq!(call(0.0, 4.0, f64::NAN), format!("{finite} 0 to 4 by NaN; use finite numbers"));
    assert_eq!(call(0.0, f64::INFINITY, 1.0), format!("{finite} 0 to inf by 1; use finite numbers"));
    assert_eq!(
        call(0.0, (1u64 << 62) as f64, 1.0),
        "[arange_step] a tensor must stay below 9223372036854775807 bytes; got shape [4611686018427387904] of f32; use smaller sizes"
    );
    assert_eq!(
        refused(Tensor::linspace(0.0, 1.0, -1, DType::F32)),
        "[linspace] steps must be 0 or more; got -1; use a count"
    );
    assert_eq!(
        refused(Tensor::linspace(0.0, f64::NAN, 3, DType::F32)),
        "[linspace] both ends must be finite; got 0 to NaN; use finite ends"
    );
}

#[test]
fn grids_and_functions_follow_the_index() -> Result<(), Error> {
    let (x, y) = (Tensor::arange(3, DType::F64)?, Tensor::arange(2, DType::F64)?);
    let ij = Tensor::meshgrid(&[&x, &y], Indexing::Ij)?;
    assert_eq!((ij[0].shape(), ij[0].to_vec::<f64>()?), (&[3, 2][..], vec![0.0, 0.0, 1.0, 1.0, 2.0, 2.0]));
    let xy = Tensor::meshgrid(&[&x, &y], Indexing::Xy)?;
    assert_eq!((xy[0].shape(), xy[0].to_vec::<f64>()?), (&[2, 3][..], vec![0.0, 1.0, 2.0, 0.0, 1.0, 2.0]));
    assert_eq!(xy[1].to_vec::<f64>()?, [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
    assert_eq!(
        Tensor::from_fn([2, 3], |at| (10 * at[0] + at[1]) as i64)?.to_vec::<i64>()?,
        [0, 1, 2, 10, 11, 12]
    );
    assert_eq!(values(Tensor::eye_rectangular(2, 3, DType::F64)), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    assert_eq!(values(Tensor::eye_rectangular(3, 1, DType::F64)), [1.0, 0.0, 0.0]);
    assert_eq!(values(x.ones_like()), [1.0; 3]);
    assert_eq!(values(x.full_like(2.5)), [2.5; 3]);
    let error = Tensor::meshgrid(&[&x, &Tensor::eye(2, DType::F64)?], Indexing::Ij).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "[meshgrid] each must be a vector; got [3] and [2, 2]; flatten the others");
    Ok(())
}
