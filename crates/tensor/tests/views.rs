//! Views against the naive computation: every element looked up by its index.

// `2..-1` counts from the end here, as in Python; clippy takes it for an empty range.
#![allow(clippy::reversed_empty_ranges)]

use proptest::prelude::*;
use tensor::{Ellipsis, NewAxis, SliceArg, Tensor, s};

/// An array as a list of sizes and a list of values in row-major order; every operation looks elements up one by one.
#[derive(Clone, Debug)]
struct Naive {
    shape: Vec<usize>,
    data: Vec<i64>,
}

impl Naive {
    /// The array of `shape` whose element at an index is this one's at `source(index)`.
    fn pick(&self, shape: Vec<usize>, source: impl Fn(&[usize]) -> Vec<usize>) -> Naive {
        let len = shape.iter().product();
        let mut data = Vec::new();
        for position in 0..len {
            let (mut rest, mut index) = (position, vec![0; shape.len()]);
            for axis in (0..shape.len()).rev() {
                index[axis] = rest % shape[axis];
                rest /= shape[axis];
            }
            let at = source(&index).iter().zip(&self.shape).fold(0, |at, (i, d)| at * d + i);
            data.push(self.data[at]);
        }
        Naive { shape, data }
    }
}

/// A view and four numbers that its arguments are made of.
type Step = (u8, usize, usize, usize, isize);

/// The same view of a tensor and of its naive twin, with arguments made to fit.
fn apply((kind, a, b, c, d): Step, x: &Tensor, naive: &Naive) -> (Tensor, Naive) {
    let rank = naive.shape.len();
    let shape = naive.shape.clone();
    let pick = |shape, source: &dyn Fn(&[usize]) -> Vec<usize>| naive.pick(shape, source);
    if rank == 0 || kind == 0 {
        let axis = a % (rank + 1);
        let mut to = shape.clone();
        to.insert(axis, 1);
        let signed = if b % 2 == 0 { axis as isize } else { axis as isize - rank as isize - 1 };
        return (x.unsqueeze(signed).unwrap(), Naive { shape: to, data: naive.data.clone() });
    }
    let (i, j) = (a % rank, b % rank);
    let len = shape[i];
    let axis = if c % 2 == 0 { i as isize } else { i as isize - rank as isize };
    match kind {
        1 => {
            let mut order: Vec<isize> = (0..rank as isize).collect();
            order.rotate_left(j);
            order.swap(i, j);
            let to = order.iter().map(|&o| shape[o as usize]).collect();
            let from = |index: &[usize]| {
                let mut at = vec![0; rank];
                order.iter().zip(index).for_each(|(&o, &i)| at[o as usize] = i);
                at
            };
            (x.permute(&order).unwrap(), pick(to, &from))
        }
        2 => {
            let mut to = shape.clone();
            to.swap(i, j);
            let from = |index: &[usize]| {
                let mut at = index.to_vec();
                at.swap(i, j);
                at
            };
            (x.transpose(axis, j as isize).unwrap(), pick(to, &from))
        }
        3 => {
            let start = b % (len + 1);
            // Seldom nothing, or every chain would soon have no elements.
            let n = if d == 0 { 0 } else { 1 + c % (len - start).max(1) }.min(len - start);
            let mut to = shape.clone();
            to[i] = n;
            let from = |index: &[usize]| {
                let mut at = index.to_vec();
                at[i] += start;
                at
            };
            (x.narrow(axis, start, n).unwrap(), pick(to, &from))
        }
        4 if len > 0 => {
            let index = b % len;
            let mut to = shape.clone();
            to.remove(i);
            let from = |at: &[usize]| {
                let mut at = at.to_vec();
                at.insert(i, index);
                at
            };
            let signed = if d < 0 { index as isize - len as isize } else { index as isize };
            (x.select(axis, signed).unwrap(), pick(to, &from))
        }
        5 => {
            let from = |index: &[usize]| {
                let mut at = index.to_vec();
                at[i] = len - 1 - at[i];
                at
            };
            (x.flip(axis).unwrap(), pick(shape.clone(), &from))
        }
        6 => {
            // Python's range(len)[start:end:step], written as it is defined: step from one bound to the other.
            let (start, end) = (b as isize - 4, c as isize - 4);
            let step = if d == 0 { 1 } else { d };
            let n = len as isize;
            let wrap = |v: isize| if v < 0 { v + n } else { v };
            let (mut at, end_at) = (wrap(start), wrap(end));
            let mut taken = Vec::new();
            if step > 0 {
                at = at.max(0);
                while at < end_at.min(n) {
                    taken.push(at as usize);
                    at += step;
                }
            } else {
                at = at.min(n - 1);
                while at > end_at.max(-1) {
                    taken.push(at as usize);
                    at += step;
                }
            }
            let mut to = shape.clone();
            to[i] = taken.len();
            let from = |index: &[usize]| {
                let mut at = index.to_vec();
                at[i] = taken[at[i]];
                at
            };
            let mut args: Vec<SliceArg> = vec![SliceArg::from(..); i];
            args.push(SliceArg::from(start..end).step(step));
            (x.slice(&args).unwrap(), pick(to, &from))
        }
        7 if len == 1 && naive.data.len() < 500 => {
            let mut to = shape.clone();
            to[i] = b % 4;
            let from = |index: &[usize]| {
                let mut at = index.to_vec();
                at[i] = 0;
                at
            };
            let mut sizes = vec![-1isize; rank];
            sizes[i] = to[i] as isize;
            (x.expand(&sizes).unwrap(), pick(to, &from))
        }
        8 if len == 1 => {
            let mut to = shape.clone();
            to.remove(i);
            (x.squeeze(axis).unwrap(), Naive { shape: to, data: naive.data.clone() })
        }
        9 => {
            let (start, end) = (i.min(j), i.max(j));
            let mut to = shape[..start].to_vec();
            to.push(shape[start..=end].iter().product());
            to.extend(&shape[end + 1..]);
            (x.flatten(start as isize, end as isize).unwrap(), Naive { shape: to, data: naive.data.clone() })
        }
        10 => {
            // Split an axis in two where it is even, which strides can always express.
            let mut to: Vec<usize> = shape.clone();
            if len.is_multiple_of(2) {
                to[i] = len / 2;
                to.insert(i + 1, 2);
            }
            (x.reshape(&to).unwrap(), Naive { shape: to, data: naive.data.clone() })
        }
        11 => {
            let to = vec![naive.data.len(), 1];
            (x.reshape(&to).unwrap(), Naive { shape: to, data: naive.data.clone() })
        }
        12 if rank >= 2 => {
            let n = shape[rank - 2].min(shape[rank - 1]);
            let mut to = shape[..rank - 2].to_vec();
            to.push(n);
            let from = |index: &[usize]| [index, &index[rank - 2..]].concat();
            (x.diagonal().unwrap(), pick(to, &from))
        }
        _ => (x.clone(), naive.clone()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_chain_of_views_is_the_naive_index_computation(
        shape in prop::collection::vec(prop_oneof![1 => Just(0usize), 20 => 1usize..6], 1..5),
        steps in prop::collection::vec((0u8..13, 0usize..9, 0usize..9, 0usize..9, -3isize..4), 0..9),
    ) {
        let len = shape.iter().product::<usize>();
        let mut x = Tensor::arange(len, tensor::DType::I64).unwrap().reshape(&shape).unwrap();
        let mut naive = Naive { shape, data: (0..len as i64).collect() };
        for step in steps {
            (x, naive) = apply(step, &x, &naive);
            prop_assert_eq!(x.shape(), &naive.shape[..], "{:?}", step);
            prop_assert_eq!(x.to_vec::<i64>().unwrap(), naive.data.clone(), "{:?}", step);
            let contiguous = x.contiguous().unwrap();
            prop_assert_eq!(contiguous.as_slice::<i64>().unwrap(), &naive.data[..], "{:?}", step);
        }
    }
}

fn arange(shape: &[usize]) -> Tensor {
    Tensor::arange(shape.iter().product(), tensor::DType::I64).unwrap().reshape(shape).unwrap()
}

fn values(x: &Tensor) -> Vec<i64> {
    x.to_vec().unwrap()
}

#[test]
fn shapes_come_as_arrays_slices_and_vectors_of_any_integer() {
    let x = arange(&[2, 3]);
    let other = arange(&[3, 2]);
    assert_eq!(x.reshape([3, -1]).unwrap().shape(), [3, 2]);
    assert_eq!(x.reshape(other.shape()).unwrap().shape(), [3, 2]);
    assert_eq!(x.reshape(vec![1usize, 6]).unwrap().shape(), [1, 6]);
    assert_eq!(x.reshape(vec![6i64]).unwrap().shape(), [6]);
    assert_eq!(x.reshape([x.len()]).unwrap().shape(), [6]);
    assert_eq!(arange(&[1]).reshape(()).unwrap().shape(), [0usize; 0]);
    assert_eq!(arange(&[0]).reshape([-1, 3]).unwrap().shape(), [0, 3]);
    assert_eq!(arange(&[0]).reshape([4, 0]).unwrap().shape(), [4, 0]);
    assert_eq!(x.expand([4, -1, 3]).unwrap().shape(), [4, 2, 3]);
}

#[test]
fn views_share_the_buffer() {
    let mut x = Tensor::zeros([2, 3], tensor::DType::F32).unwrap();
    let before = x.as_slice::<f32>().unwrap().as_ptr();
    let view = x.reshape([3, 2]).unwrap().unsqueeze(0).unwrap().select(0, 0).unwrap();
    assert_eq!(view.as_slice::<f32>().unwrap().as_ptr(), before);
    x.as_mut_slice::<f32>().unwrap()[0] = 1.0;
    assert_eq!(view.to_vec::<f32>().unwrap(), [0.0; 6], "writing copies first while a view lives");
}

#[test]
fn slices_read_as_in_numpy() {
    let x = arange(&[4, 5]);
    assert_eq!(values(&x.slice(s![1]).unwrap()), [5, 6, 7, 8, 9]);
    assert_eq!(values(&x.slice(s![-1, -2]).unwrap()), [18]);
    assert_eq!(values(&x.slice(s![2..-1, 1..3]).unwrap()), [11, 12]);
    assert_eq!(values(&x.slice(s![0, ..;2]).unwrap()), [0, 2, 4]);
    assert_eq!(values(&x.slice(s![0, ..;-2]).unwrap()), [4, 2, 0]);
    assert_eq!(values(&x.slice(s![0, 3..1;-1]).unwrap()), [3, 2]);
    assert_eq!(values(&x.slice(s![0, 3..;-1]).unwrap()), [3, 2, 1, 0]);
    assert_eq!(values(&x.slice(s![0, ..-3]).unwrap()), [0, 1]);
    assert_eq!(values(&x.slice(s![Ellipsis, 0]).unwrap()), [0, 5, 10, 15]);
    assert_eq!(x.slice(s![NewAxis, .., NewAxis, 1..]).unwrap().shape(), [1, 4, 1, 4]);
    assert_eq!(x.slice(s![]).unwrap().shape(), [4, 5]);
    let (i, n) = (2usize, 3usize);
    assert_eq!(values(&x.slice(s![i, n..]).unwrap()), [13, 14]);
}

#[test]
fn bounds_outside_are_brought_inside_and_crossed_ones_take_nothing() {
    let x = arange(&[4]);
    assert_eq!(values(&x.slice(s![-100..100]).unwrap()), [0, 1, 2, 3]);
    assert_eq!(values(&x.slice(s![3..1]).unwrap()), [0i64; 0]);
    assert_eq!(values(&x.slice(s![..;isize::MIN]).unwrap()), [3]);
    assert_eq!(values(&x.slice(s![..;isize::MAX]).unwrap()), [0]);
    assert_eq!(values(&x.slice(s![isize::MIN..isize::MAX]).unwrap()), [0, 1, 2, 3]);
    assert_eq!(values(&x.slice(s![1..usize::MAX]).unwrap()), [1, 2, 3]);
}

#[test]
fn split_and_chunk_cover_the_axis_in_order() {
    let x = arange(&[2, 5]);
    let parts = x.split(-1, &[1, 0, 4]).unwrap();
    assert_eq!(parts.iter().map(|p| p.shape()[1]).collect::<Vec<_>>(), [1, 0, 4]);
    assert_eq!(values(&parts[2]), [1, 2, 3, 4, 6, 7, 8, 9]);
    let sizes = |chunks| x.chunk(1, chunks).unwrap().iter().map(|p| p.shape()[1]).collect::<Vec<_>>();
    assert_eq!((sizes(2), sizes(4), sizes(9)), (vec![3, 2], vec![2, 2, 1], vec![1; 5]));
    assert_eq!(arange(&[0]).chunk(0, 3).unwrap().len(), 1);
    assert!(arange(&[0, 2]).split(0, &[]).unwrap().is_empty());
}

#[test]
fn a_view_without_elements_can_be_viewed_again() {
    let x = arange(&[3, 0]).narrow(0, 2, 1).unwrap();
    assert_eq!(x.to_vec::<i64>().unwrap(), [0i64; 0]);
    assert!(x.as_slice::<i64>().unwrap().is_empty());
    assert_eq!(arange(&[3]).narrow(0, 3, 0).unwrap().flip(0).unwrap().as_slice::<i64>().unwrap(), [0i64; 0]);
}
