//! Writing, and adding, where a slice reads.

use proptest::prelude::*;
use tensor::{DType, Ellipsis, NewAxis, SliceArg, Tensor, s};

/// `src` written over `x` by reading the slice of the elements' own numbers.
fn by_number(x: &Tensor, args: &[SliceArg], src: &Tensor) -> Vec<f64> {
    let numbers = Tensor::arange(x.len(), DType::I64).unwrap().reshape(x.shape()).unwrap();
    let at = numbers.slice(args).unwrap().to_vec::<i64>().unwrap();
    let mut out = x.to_vec::<f64>().unwrap();
    for (at, value) in at.into_iter().zip(src.to_vec::<f64>().unwrap()) {
        out[at as usize] = value;
    }
    out
}

fn numbers(shape: &[usize], from: f64) -> Tensor {
    let n = shape.iter().product();
    Tensor::arange(n, DType::F64).unwrap().add_scalar(from).unwrap().reshape(shape).unwrap()
}

proptest! {
    #[test]
    fn every_range_is_written_where_it_is_read(
        start in -7isize..7, end in -7isize..7, step in prop_oneof![-3isize..0, 1isize..4], whole in any::<bool>(),
    ) {
        let x = numbers(&[3, 5, 4], 0.0);
        let range = if whole { SliceArg::from(..) } else { SliceArg::from(start..end) };
        let args = [SliceArg::from(1..), range.step(step), SliceArg::from(..).step(-step)];
        let part = x.slice(&args).unwrap();
        let src = numbers(part.shape(), 100.0);
        prop_assert_eq!(x.slice_scatter(&args, &src).unwrap().to_vec::<f64>().unwrap(), by_number(&x, &args, &src));
        // What is added is what would be written there, had the sums been made before.
        let sums = by_number(&x, &args, &part.add(&src).unwrap());
        prop_assert_eq!(x.slice_add(&args, &src).unwrap().to_vec::<f64>().unwrap(), sums);
    }
}

#[test]
fn sums_are_made_in_place_where_nobody_else_looks() {
    let x = numbers(&[3, 4], 0.0);
    let src = numbers(&[2, 3], 10.0).transpose(0, 1).unwrap();
    let args = s![.., ..;3];
    let sums = [10.0, 1.0, 2.0, 16.0, 15.0, 5.0, 6.0, 21.0, 20.0, 9.0, 10.0, 26.0];
    assert_eq!(x.slice_add(args, &src).unwrap().to_vec::<f64>().unwrap(), sums);
    assert_eq!(x.to_vec::<f64>().unwrap(), numbers(&[3, 4], 0.0).to_vec::<f64>().unwrap());
    assert_eq!(x.slice_add_owned(args, &src).unwrap().to_vec::<f64>().unwrap(), sums);
    // Half precision is added in F32 and rounded once; whole numbers wrap.
    let half = |x: f64| Tensor::full([3], x, DType::BF16).unwrap();
    let y = half(256.0).slice_add(s![1..], &half(3.0).slice(s![1..]).unwrap()).unwrap();
    assert_eq!(y.to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap(), [256.0, 260.0, 260.0]);
    let y = Tensor::full([2], 120.0, DType::I8).unwrap();
    let y = y.slice_add(s![0], &Tensor::scalar(10.0).to_dtype(DType::I8).unwrap()).unwrap();
    assert_eq!(y.to_vec::<i8>().unwrap(), [-126, 120]);
    let no = Tensor::zeros([2], DType::Bool).unwrap();
    assert_eq!(
        no.slice_add(s![1..], &no.slice(s![1..]).unwrap()).err().unwrap().to_string(),
        no.add(&no).err().unwrap().to_string().replace("[add]", "[slice_add]")
    );
}

#[test]
fn new_axes_indices_and_strided_sources_are_followed() {
    let x = numbers(&[3, 4, 5], 0.0);
    let args = s![Ellipsis, -2, NewAxis, ..;-2];
    let src = numbers(&[3, 1, 3], 100.0).transpose(0, 2).unwrap().copied().unwrap().transpose(0, 2).unwrap();
    assert_eq!(x.slice_scatter(args, &src).unwrap().to_vec::<f64>().unwrap(), by_number(&x, args, &src));
}

#[test]
fn a_view_that_is_written_leaves_its_owner_alone() {
    let x = numbers(&[4, 3], 0.0);
    let row = x.select(0, 2).unwrap();
    let y = row.slice_scatter(s![1..], &numbers(&[2], 50.0)).unwrap();
    assert_eq!(y.to_vec::<f64>().unwrap(), [6.0, 50.0, 51.0]);
    assert_eq!(x.to_vec::<f64>().unwrap(), numbers(&[4, 3], 0.0).to_vec::<f64>().unwrap());
    // The same in place: the row is the buffer's only owner by now, and does not start at its start.
    drop(x);
    let y = row.slice_scatter_owned(s![0], &Tensor::scalar(-1.0)).unwrap();
    assert_eq!(y.to_vec::<f64>().unwrap(), [-1.0, 7.0, 8.0]);
}

#[test]
fn empty_parts_change_nothing() {
    let x = numbers(&[2, 3], 0.0).slice(s![1.., ..]).unwrap();
    let y = x.slice_scatter(s![.., 3..], &Tensor::zeros([1, 0], DType::F64).unwrap()).unwrap();
    assert!(y.bit_eq(&x));
}

#[test]
fn large_parts_are_the_same_at_any_thread_count() {
    let x = Tensor::zeros([300, 401], DType::F32).unwrap();
    let src = Tensor::arange(300 * 200, DType::F32).unwrap().reshape([300, 200]).unwrap();
    tensor::set_threads(3);
    let y = x.slice_scatter(s![..;-1, 1..;2], &src).unwrap();
    tensor::set_threads(1);
    assert!(y.bit_eq(&x.slice_scatter(s![..;-1, 1..;2], &src).unwrap()));
    assert!(y.slice(s![..;-1, 1..;2]).unwrap().bit_eq(&src));
    // Whole numbers below 2⁵³: the sums are exact.
    let sum = |x: &Tensor| x.to_dtype(DType::F64).unwrap().sum(&[]).unwrap().item().unwrap();
    assert_eq!(sum(&y), sum(&src));
}

#[test]
fn sources_that_do_not_fit_are_refused() {
    let x = numbers(&[2, 3], 0.0);
    assert_eq!(
        x.slice_scatter(s![0], &numbers(&[2], 0.0)).err().unwrap().to_string(),
        "[slice_scatter] the source must have the shape of the slice; got [2] and [3]; expand the source or change the slice"
    );
    assert_eq!(
        x.slice_scatter(s![0], &Tensor::zeros([3], DType::F32).unwrap()).err().unwrap().to_string(),
        "[slice_scatter] operands must have one dtype; got f64 and f32; convert one with to_dtype"
    );
}
