//! Reading and adding at indices, joining and repeating, against loops over single elements.

use proptest::prelude::*;
use tensor::{DType, Rng, Tensor};

fn i64s(data: &[i64], shape: &[usize]) -> Tensor {
    Tensor::from_slice(data, shape).unwrap()
}

/// `0, 1, …` of `shape`, in memory with its first two axes swapped where `strided`.
fn counted(shape: &[usize], strided: bool) -> Tensor {
    let x = Tensor::arange(shape.iter().product(), DType::I64).unwrap().reshape(shape).unwrap();
    match strided && shape.len() > 1 {
        true => x.transpose(0, 1).unwrap().contiguous().unwrap().transpose(0, 1).unwrap(),
        false => x,
    }
}

/// All indices of `shape` in row-major order.
fn all_indices(shape: &[usize]) -> Vec<Vec<usize>> {
    shape.iter().fold(vec![vec![]], |heads, &d| {
        heads.iter().flat_map(|h| (0..d).map(|i| [&h[..], &[i]].concat()).collect::<Vec<_>>()).collect()
    })
}

fn position(shape: &[usize], index: &[usize]) -> usize {
    shape.iter().zip(index).fold(0, |at, (d, i)| at * d + i)
}

proptest! {
    #[test]
    fn selecting_and_adding_back_agree_with_single_elements(
        shape in prop::collection::vec(1usize..5, 1..4),
        axis in 0usize..3,
        raw in prop::collection::vec(0usize..100, 0..7),
        strided: bool,
    ) {
        let axis = axis % shape.len();
        let picks: Vec<usize> = raw.iter().map(|i| i % shape[axis]).collect();
        let idx = i64s(&picks.iter().map(|&i| i as i64).collect::<Vec<_>>(), &[picks.len()]);
        let x = counted(&shape, strided);
        let mut to = shape.clone();
        to[axis] = picks.len();

        let out = x.index_select(axis as isize, &idx).unwrap();
        prop_assert_eq!(out.shape(), &to[..]);
        let mut want = Vec::new();
        let mut sums: Vec<i64> = x.to_vec().unwrap();
        for (k, mut index) in all_indices(&to).into_iter().enumerate() {
            index[axis] = picks[index[axis]];
            want.push(position(&shape, &index) as i64);
            sums[position(&shape, &index)] += 7 * k as i64;
        }
        prop_assert_eq!(out.to_vec::<i64>().unwrap(), want);

        let src = Tensor::arange(to.iter().product(), DType::I64).unwrap().mul_scalar(7.0).unwrap().reshape(&to).unwrap();
        let added = x.index_add(axis as isize, &idx, &src).unwrap();
        prop_assert_eq!(added.to_vec::<i64>().unwrap(), sums);
        prop_assert_eq!(x.to_vec::<i64>().unwrap(), counted(&shape, false).to_vec::<i64>().unwrap(), "x is as before");
    }

    #[test]
    fn gathering_and_scattering_agree_with_single_elements(
        shape in prop::collection::vec(1usize..5, 1..4),
        smaller in prop::collection::vec(0usize..5, 4),
        axis in 0usize..3,
        seed: u64,
        strided: bool,
    ) {
        let axis = axis % shape.len();
        let to: Vec<usize> = (0..shape.len()).map(|i| match i == axis {
            true => smaller[i] + 1,
            false => shape[i] - smaller[i] % (shape[i] + 1),
        }).collect();
        let order = Rng::seed(seed).permutation(to.iter().product()).unwrap();
        let picks: Vec<i64> = order.iter().map(|&i| (i % shape[axis]) as i64).collect();
        let idx = i64s(&picks, &to);
        let x = counted(&shape, strided);

        let out = x.gather(axis as isize, &idx).unwrap();
        prop_assert_eq!(out.shape(), &to[..]);
        let mut want = Vec::new();
        let mut sums: Vec<i64> = x.to_vec().unwrap();
        for (k, mut index) in all_indices(&to).into_iter().enumerate() {
            index[axis] = picks[k] as usize;
            want.push(position(&shape, &index) as i64);
            sums[position(&shape, &index)] += k as i64;
        }
        prop_assert_eq!(out.to_vec::<i64>().unwrap(), want);

        let src = Tensor::arange(picks.len(), DType::I64).unwrap().reshape(&to).unwrap();
        prop_assert_eq!(x.scatter_add(axis as isize, &idx, &src).unwrap().to_vec::<i64>().unwrap(), sums);
    }

    #[test]
    fn joining_agrees_with_narrowing_apart(
        shape in prop::collection::vec(0usize..4, 1..4),
        sizes in prop::collection::vec(0usize..4, 1..5),
        axis in 0usize..3,
        strided: bool,
    ) {
        let axis = axis % shape.len();
        let parts: Vec<Tensor> = sizes.iter().enumerate().map(|(i, &n)| {
            let mut of = shape.clone();
            of[axis] = n;
            counted(&of, strided).add_scalar(100.0 * i as f64).unwrap()
        }).collect();
        let joined = Tensor::cat(&parts.iter().collect::<Vec<_>>(), axis as isize).unwrap();
        prop_assert_eq!(joined.shape()[axis], sizes.iter().sum::<usize>());
        for (back, part) in joined.split(axis as isize, &sizes).unwrap().iter().zip(&parts) {
            prop_assert!(back.bit_eq(part));
        }
        let same = [&parts[0]; 3];
        let stacked = Tensor::stack(&same, axis as isize).unwrap();
        prop_assert_eq!(stacked.shape()[axis], 3);
        for i in 0..3 {
            prop_assert!(stacked.select(axis as isize, i).unwrap().bit_eq(&parts[0]));
        }
    }
}

#[test]
fn additions_to_one_place_happen_in_index_order_at_any_thread_count() {
    let rng = Rng::seed(3);
    // Rows wide enough to be split by columns, and slabs enough to be split by slab.
    for (table, n, axis) in [(vec![50, 300], 4000, 0), (vec![40, 30, 16], 500, 1), (vec![70], 90_000, 0)] {
        let len = table[axis];
        let mut of = table.clone();
        of[axis] = n;
        let picks: Vec<i64> =
            rng.stream(1).permutation(n).unwrap().iter().map(|&i| (i * i % len) as i64).collect();
        let src = rng.stream(2).normal(&of, 0.0, 1.0, DType::F32).unwrap();
        let idx = i64s(&picks, &[n]);

        let inner: usize = table[axis + 1..].iter().product();
        let outer: usize = table[..axis].iter().product();
        let mut want = vec![0.0f32; table.iter().product()];
        let values = src.to_vec::<f32>().unwrap();
        for (o, k, c) in (0..outer).flat_map(|o| (0..n).flat_map(move |k| (0..inner).map(move |c| (o, k, c))))
        {
            want[(o * len + picks[k] as usize) * inner + c] += values[(o * n + k) * inner + c];
        }
        let want = Tensor::from_vec(want, &table).unwrap();
        let zero = Tensor::zeros(&table, DType::F32).unwrap();
        let mut spread = vec![1; table.len()];
        spread[axis] = n;
        let each = idx.reshape(&spread).unwrap().expand(&of).unwrap();
        for threads in [1, 2, 3, 8] {
            tensor::set_threads(threads);
            assert!(
                zero.index_add(axis as isize, &idx, &src).unwrap().bit_eq(&want),
                "{table:?}, {threads} threads"
            );
            assert!(
                zero.scatter_add(axis as isize, &each, &src).unwrap().bit_eq(&want),
                "{table:?}, {threads} threads"
            );
            let back = want.index_select(axis as isize, &idx).unwrap();
            assert!(back.bit_eq(&want.gather(axis as isize, &each).unwrap()));
        }
    }
}

#[test]
fn indices_of_any_rank_look_rows_up() {
    let table = counted(&[4, 3], false);
    let ids = i64s(&[3, 0, 1, 1], &[2, 2]);
    let out = table.index_select(0, &ids).unwrap();
    assert_eq!(out.shape(), [2, 2, 3]);
    assert_eq!(out.to_vec::<i64>().unwrap(), [9, 10, 11, 0, 1, 2, 3, 4, 5, 3, 4, 5]);
    let grad = Tensor::zeros([4, 3], DType::I64).unwrap().index_add(0, &ids, &out).unwrap();
    assert_eq!(grad.to_vec::<i64>().unwrap(), [0, 1, 2, 6, 8, 10, 0, 0, 0, 9, 10, 11]);
    assert_eq!(table.index_select(0, &Tensor::scalar(2i64)).unwrap().shape(), [3]);
    assert_eq!(table.t().unwrap().index_select(1, &ids).unwrap().shape(), [3, 2, 2]);
    assert_eq!(counted(&[5, 0], false).index_select(0, &ids).unwrap().shape(), [2, 2, 0]);
    assert_eq!(table.index_select(0, &i64s(&[], &[0])).unwrap().shape(), [0, 3]);
}

#[test]
fn adding_to_a_tensor_of_its_own_copies_nothing() {
    let mut x = Tensor::zeros([8], DType::F32).unwrap();
    let before = x.as_mut_slice::<f32>().unwrap().as_ptr();
    let idx = i64s(&[1, 1], &[2]);
    let one = Tensor::ones([2], DType::F32).unwrap();
    let x = x.index_add_owned(0, &idx, &one).unwrap().scatter_add_owned(0, &idx, &one).unwrap();
    assert_eq!(x.as_slice::<f32>().unwrap().as_ptr(), before);
    assert_eq!(x.to_vec::<f32>().unwrap(), [0.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn rows_are_written_in_place_unless_somebody_else_sees_them() {
    let mut x = counted(&[4, 3], false);
    let before = x.as_mut_slice::<i64>().unwrap().as_ptr();
    // A transposed source; the last of a row that is named twice stays.
    let src = i64s(&[10, 20, 30, 11, 21, 31, 12, 22, 32], &[3, 3]).t().unwrap();
    x.set_rows(&i64s(&[2, 0, 2], &[3]), &src).unwrap();
    let wanted = [20, 21, 22, 3, 4, 5, 30, 31, 32, 9, 10, 11];
    assert_eq!(x.to_vec::<i64>().unwrap(), wanted);
    assert_eq!(x.as_slice::<i64>().unwrap().as_ptr(), before);
    let seen = x.clone();
    x.set_rows(&i64s(&[3], &[1]), &i64s(&[7, 8, 9], &[1, 3])).unwrap();
    assert_eq!(seen.to_vec::<i64>().unwrap(), wanted);
    assert_eq!(x.to_vec::<i64>().unwrap()[9..], [7, 8, 9]);
    // Nothing to write leaves a shared buffer shared; rows of no elements are rows.
    let shared = x.clone();
    x.set_rows(&i64s(&[], &[0]), &i64s(&[], &[0, 3])).unwrap();
    assert_eq!(x.as_slice::<i64>().unwrap().as_ptr(), shared.as_slice::<i64>().unwrap().as_ptr());
    let mut none = counted(&[5, 0], false);
    none.set_rows(&i64s(&[4], &[1]), &i64s(&[], &[1, 0])).unwrap();
    assert_eq!(none.shape(), [5, 0]);
    for dtype in [DType::F32, DType::F64, DType::BF16, DType::U8, DType::Bool] {
        let mut x = Tensor::zeros([3], dtype).unwrap();
        x.set_rows(&i64s(&[1], &[1]), &Tensor::ones([1], dtype).unwrap()).unwrap();
        assert_eq!(x.to_dtype(DType::I64).unwrap().to_vec::<i64>().unwrap(), [0, 1, 0], "{dtype}");
    }
}

#[test]
fn one_hot_rows_have_a_single_one() {
    let labels = i64s(&[2, 0, 1, 2], &[2, 2]);
    let out = labels.one_hot(3, DType::F32).unwrap();
    assert_eq!(out.shape(), [2, 2, 3]);
    assert_eq!(out.to_vec::<f32>().unwrap(), [0., 0., 1., 1., 0., 0., 0., 1., 0., 0., 0., 1.]);
    assert_eq!(i64s(&[], &[0]).one_hot(0, DType::Bool).unwrap().shape(), [0, 0]);
}

#[test]
fn repeating_lays_copies_side_by_side() {
    let x = counted(&[2, 2], true);
    let out = x.repeat(&[2, 1, 2]).unwrap();
    assert_eq!(out.shape(), [2, 2, 4]);
    assert_eq!(out.to_vec::<i64>().unwrap(), [0, 1, 0, 1, 2, 3, 2, 3, 0, 1, 0, 1, 2, 3, 2, 3]);
    assert_eq!(x.repeat(&[3, 1]).unwrap().to_vec::<i64>().unwrap(), [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]);
    assert_eq!(x.repeat(&[0, 5]).unwrap().shape(), [0, 10]);
    assert_eq!(Tensor::scalar(1i64).repeat(&[3]).unwrap().to_vec::<i64>().unwrap(), [1, 1, 1]);
}

#[test]
fn triangles_keep_their_side_of_the_diagonal() {
    let x = counted(&[2, 2, 3], true).add_scalar(1.0).unwrap();
    let low = |d| x.tril(d).unwrap().select(0, 1).unwrap().to_vec::<i64>().unwrap();
    let up = |d| x.triu(d).unwrap().select(0, 1).unwrap().to_vec::<i64>().unwrap();
    assert_eq!((low(0), up(0)), (vec![7, 0, 0, 10, 11, 0], vec![7, 8, 9, 0, 11, 12]));
    assert_eq!((low(1), up(1)), (vec![7, 8, 0, 10, 11, 12], vec![0, 8, 9, 0, 0, 12]));
    assert_eq!((low(-1), up(-1)), (vec![0, 0, 0, 10, 0, 0], vec![7, 8, 9, 10, 11, 12]));
    assert_eq!((low(isize::MIN), up(isize::MIN)), (vec![0; 6], vec![7, 8, 9, 10, 11, 12]));
    assert_eq!(counted(&[3, 0], false).tril(0).unwrap().shape(), [3, 0]);
    let d = counted(&[2, 2], false).diag().unwrap();
    assert_eq!(d.to_vec::<i64>().unwrap(), [0, 0, 0, 1, 2, 0, 0, 3]);
    assert!(d.diagonal().unwrap().bit_eq(&counted(&[2, 2], false)));
}
