//! Laws of algebra, for random shapes, strides and values: to the bit where rounding cannot show, else within a bound.

use proptest::prelude::*;
use tensor::{DType, Fft, FftNorm, Order, PadMode, Result, Rng, Tensor};

/// Normal numbers of `shape`, in every second position of a larger tensor, its axes in reverse order there.
fn normal(shape: &[usize], seed: u64, dtype: DType) -> Tensor {
    let stored: Vec<usize> = shape.iter().rev().copied().chain([2]).collect();
    let x = Rng::seed(seed).normal(&stored, 0.0, 1.0, dtype).unwrap().select(-1, 0).unwrap();
    x.permute((0..shape.len() as isize).rev().collect::<Vec<_>>()).unwrap()
}

fn shapes(most: usize) -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0usize..6, 0..most)
}

fn floats() -> impl Strategy<Value = DType> {
    prop::sample::select(vec![DType::F32, DType::F64])
}

fn epsilon(dtype: DType) -> f64 {
    if dtype == DType::F64 { f64::EPSILON } else { f32::EPSILON as f64 }
}

fn values(x: &Tensor) -> Vec<f64> {
    x.to_dtype(DType::F64).unwrap().to_vec().unwrap()
}

/// `shape` with sizes of 1 where the mask says, and without some leading axes.
fn broadcasts(shape: &[usize], mask: u8, skip: usize) -> Vec<usize> {
    let one = |(i, &d): (usize, &usize)| if mask >> i & 1 == 1 { 1 } else { d };
    shape.iter().enumerate().map(one).skip(skip % (shape.len() + 1)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn sums_products_and_extremes_do_not_care_which_operand_is_first(
        shape in shapes(4), mask in any::<u8>(), skip in 0usize..4, seed in any::<u64>(), dtype in floats(),
    ) {
        let (a, b) = (normal(&shape, seed, dtype), normal(&broadcasts(&shape, mask, skip), !seed, dtype));
        for f in [Tensor::add, Tensor::mul, Tensor::maximum, Tensor::minimum, Tensor::hypot, Tensor::logaddexp] {
            prop_assert!(f(&a, &b).unwrap().bit_eq(&f(&b, &a).unwrap()));
        }
        let (high, low) = (a.maximum(&b).unwrap(), a.minimum(&b).unwrap());
        prop_assert!(high.add(&low).unwrap().bit_eq(&a.add(&b).unwrap()));
        prop_assert!(a.sub(&b).unwrap().bit_eq(&a.add(&b.neg().unwrap()).unwrap()));
        prop_assert!(a.lt(&b).unwrap().bit_eq(&b.gt(&a).unwrap()));
        prop_assert!(a.le(&b).unwrap().bit_eq(&a.gt(&b).unwrap().logical_not().unwrap()));
        prop_assert!(a.mul_scalar(2.0).unwrap().bit_eq(&a.add(&a).unwrap()));
    }

    #[test]
    fn the_transposed_product_is_the_product_of_the_transposed(
        m in 1usize..40, k in 0usize..600, n in 1usize..40, seed in any::<u64>(), dtype in floats(),
    ) {
        let (a, b) = (normal(&[m, k], seed, dtype), normal(&[k, n], !seed, dtype));
        let straight = a.matmul(&b).unwrap().t().unwrap();
        let turned = b.t().unwrap().matmul(&a.t().unwrap()).unwrap();
        // Every path adds in one order, so that not even a bit differs.
        prop_assert!(straight.bit_eq(&turned));
        // And that order keeps to the bound of sums in blocks.
        let size = values(&a.abs().unwrap().matmul(&b.abs().unwrap()).unwrap());
        let exact = a.to_dtype(DType::F64).unwrap().unsqueeze(2).unwrap();
        let exact = exact.mul(&b.to_dtype(DType::F64).unwrap().unsqueeze(0).unwrap()).unwrap().sum(&[1]).unwrap();
        let terms = (k.min(512) + k.div_ceil(512) + 2) as f64;
        for ((y, e), s) in values(&straight.t().unwrap()).iter().zip(values(&exact)).zip(size) {
            prop_assert!((y - e).abs() <= terms * epsilon(dtype) * s, "{y} {e}");
        }
    }

    #[test]
    fn what_rearranges_elements_has_its_way_back(
        shape in shapes(5), order in any::<u64>(), shift in -9isize..9, seed in any::<u64>(),
    ) {
        let x = normal(&shape, seed, DType::F32);
        let rank = shape.len();
        let axes: Vec<isize> = Rng::seed(order).permutation(rank).expect("a short one").into_iter().map(|a| a as isize).collect();
        let mut back = vec![0isize; rank];
        axes.iter().enumerate().for_each(|(i, &a)| back[a as usize] = i as isize);
        prop_assert!(x.permute(&axes).unwrap().permute(&back).unwrap().bit_eq(&x));
        prop_assert!(x.reshape([x.len()]).unwrap().reshape(&shape).unwrap().bit_eq(&x));
        prop_assert!(x.contiguous().unwrap().bit_eq(&x));
        for axis in 0..rank as isize {
            let n = shape[axis as usize];
            prop_assert!(x.flip(axis).unwrap().flip(axis).unwrap().bit_eq(&x));
            prop_assert!(x.roll(shift, axis).unwrap().roll(-shift, axis).unwrap().bit_eq(&x));
            prop_assert!(x.moveaxis(axis, 0).unwrap().moveaxis(0, axis).unwrap().bit_eq(&x));
            prop_assert!(x.unsqueeze(axis).unwrap().squeeze(axis).unwrap().bit_eq(&x));
            let parts = x.split(axis, &[n / 3, n - n / 3]).unwrap();
            prop_assert!(Tensor::cat(&parts.iter().collect::<Vec<_>>(), axis).unwrap().bit_eq(&x));
            let padded = x.pad(&[(axis, 2, 1)], PadMode::Constant(f64::NAN)).unwrap();
            prop_assert!(padded.narrow(axis, 2, n).unwrap().bit_eq(&x));
            if n > 0 {
                let each: Vec<Tensor> = (0..n as isize).map(|i| x.select(axis, i).unwrap()).collect();
                prop_assert!(Tensor::stack(&each.iter().collect::<Vec<_>>(), axis).unwrap().bit_eq(&x));
                let twice = x.repeat_interleave(2, axis).unwrap();
                let every: Vec<i64> = (0..n as i64).map(|i| 2 * i).collect();
                let every = Tensor::from_slice(&every, [n]).unwrap();
                prop_assert!(twice.index_select(axis, &every).unwrap().bit_eq(&x));
            }
        }
        if rank > 0 {
            prop_assert!(x.diag().unwrap().diagonal().unwrap().bit_eq(&x));
        }
        if rank > 1 {
            let halves = x.tril(shift).unwrap().add(&x.triu(shift + 1).unwrap()).unwrap();
            prop_assert!(halves.add_scalar(0.0).unwrap().bit_eq(&x.add_scalar(0.0).unwrap()));
        }
    }

    #[test]
    fn einsum_is_the_sum_over_all_letters(
        terms in prop::collection::vec(prop::collection::vec(0usize..5, 0..4), 1..4),
        keep in any::<u8>(), sizes in prop::array::uniform5(1usize..4), seed in any::<u64>(),
    ) {
        // Integers, so that the order of summation cannot show.
        let name = |letters: &[usize]| letters.iter().map(|&l| char::from(b'a' + l as u8)).collect::<String>();
        let mut used: Vec<usize> = terms.concat();
        used.sort_unstable();
        used.dedup();
        let mut output: Vec<usize> = used.iter().copied().filter(|l| keep >> l & 1 == 1).collect();
        Rng::seed(seed).shuffle(&mut output);
        let names: Vec<String> = terms.iter().map(|term| name(term)).collect();
        let subscripts = format!("{}->{}", names.join(","), name(&output));
        let shape = |letters: &[usize]| letters.iter().map(|&l| sizes[l]).collect::<Vec<_>>();
        let drawn = |(i, term): (usize, &Vec<usize>)| {
            let x = normal(&shape(term), seed ^ i as u64, DType::F64);
            x.mul_scalar(3.0).unwrap().to_dtype(DType::I64).unwrap()
        };
        let operands: Vec<Tensor> = terms.iter().enumerate().map(drawn).collect();
        let found = Tensor::einsum(&subscripts, &operands.iter().collect::<Vec<_>>()).unwrap();

        let data: Vec<Vec<i64>> = operands.iter().map(|x| x.to_vec().unwrap()).collect();
        let at = |letters: &[usize], index: &[usize; 5]| letters.iter().fold(0, |at, &l| at * sizes[l] + index[l]);
        let mut expected = vec![0i64; shape(&output).iter().product()];
        let mut index = [0; 5];
        'all: loop {
            let product: i64 = terms.iter().zip(&data).map(|(term, data)| data[at(term, &index)]).product();
            expected[at(&output, &index)] += product;
            for &l in used.iter().rev() {
                index[l] += 1;
                if index[l] < sizes[l] {
                    continue 'all;
                }
                index[l] = 0;
            }
            break;
        }
        prop_assert_eq!(found.shape(), &shape(&output)[..]);
        prop_assert_eq!(found.to_vec::<i64>().unwrap(), expected, "{}", subscripts);
    }

    #[test]
    fn the_last_of_running_sums_is_the_sum(n in 1usize..3000, seed in any::<u64>(), dtype in floats()) {
        let x = normal(&[n, 2], seed, dtype);
        let last = values(&x.cumsum(0).unwrap().select(0, -1).unwrap());
        let (sum, size) = (values(&x.sum(&[0]).unwrap()), values(&x.abs().unwrap().sum(&[0]).unwrap()));
        for ((a, b), s) in last.iter().zip(sum).zip(size) {
            prop_assert!((a - b).abs() <= n as f64 * epsilon(dtype) * s, "{a} {b}");
        }
        let differences = x.cumsum(0).unwrap();
        let differences = differences.narrow(0, 1, n - 1).unwrap().sub(&differences.narrow(0, 0, n - 1).unwrap());
        let largest = values(&x.cumsum(0).unwrap().abs().unwrap().max(&[]).unwrap())[0];
        for (d, x) in values(&differences.unwrap()).iter().zip(values(&x.narrow(0, 1, n - 1).unwrap())) {
            prop_assert!((d - x).abs() <= 4.0 * epsilon(dtype) * largest.max(1.0), "{d} {x}");
        }
    }

    #[test]
    fn softmax_is_a_distribution_that_a_shift_does_not_change(
        rows in 1usize..5, n in 1usize..200, shift in -50i32..50, seed in any::<u64>(), dtype in floats(),
    ) {
        let x = normal(&[rows, n], seed, dtype);
        let y = x.softmax(1).unwrap();
        prop_assert!(values(&y).iter().all(|y| (0.0..=1.0).contains(y)));
        for sum in values(&y.sum(&[1]).unwrap()) {
            prop_assert!((sum - 1.0).abs() <= (n as f64).sqrt().max(8.0) * epsilon(dtype), "{sum}");
        }
        let moved = values(&x.add_scalar(f64::from(shift)).unwrap().softmax(1).unwrap());
        // The shift itself rounds x to units of the shifted number.
        let allowed = (f64::from(shift.abs()) + 16.0) * 2.0 * epsilon(dtype);
        for (a, b) in values(&y).iter().zip(moved) {
            prop_assert!((a - b).abs() <= allowed * a, "{a} {b}");
        }
    }

    #[test]
    fn sorting_orders_a_permutation_and_keeps_equals_in_place(
        data in prop::collection::vec(prop_oneof![4 => -3i8..3, 1 => Just(100)], 0..300), descending in any::<bool>(),
    ) {
        let number = |&x: &i8| if x == 100 { f32::NAN } else { f32::from(x) };
        let x: Vec<f32> = data.iter().map(number).collect();
        let order = if descending { Order::Descending } else { Order::Ascending };
        let (sorted, places) = Tensor::from_slice(&x, [x.len()]).unwrap().sort(0, order).unwrap();
        let (sorted, places) = (sorted.to_vec::<f32>().unwrap(), places.to_vec::<i64>().unwrap());
        let mut all = places.clone();
        all.sort_unstable();
        prop_assert!(all.iter().enumerate().all(|(i, &p)| p == i as i64));
        prop_assert!(places.iter().zip(&sorted).all(|(&p, s)| x[p as usize].to_bits() == s.to_bits()));
        // The key of a number, in which NaN is largest.
        let key = |p: i64| if descending { -i16::from(data[p as usize]) } else { i16::from(data[p as usize]) };
        prop_assert!(places.windows(2).all(|w| (key(w[0]), w[0]) < (key(w[1]), w[1])));
    }

    #[test]
    fn what_is_scattered_is_gathered_again_and_adding_is_the_adjoint(
        n in 1usize..20, width in 1usize..5, take in 1usize..20, seed in any::<u64>(),
    ) {
        let whole = |shape: &[usize], seed| {
            normal(shape, seed, DType::F64).mul_scalar(5.0).unwrap().to_dtype(DType::I64).unwrap()
        };
        let take = take.min(n);
        let mut rng = Rng::seed(seed);
        let once: Vec<i64> = (0..width).flat_map(|_| {
            rng.permutation(n).expect("a short one").into_iter().take(take).map(|i| i as i64).collect::<Vec<_>>()
        }).collect();
        let once = Tensor::from_vec(once, [width, take]).unwrap();
        let (x, src) = (whole(&[width, n], seed ^ 1), whole(&[width, take], seed ^ 2));
        let written = x.scatter(1, &once, &src).unwrap();
        prop_assert!(written.gather(1, &once).unwrap().bit_eq(&src));
        let zero = x.zeros_like().unwrap();
        prop_assert!(zero.scatter_add(1, &once, &src).unwrap().bit_eq(&zero.scatter(1, &once, &src).unwrap()));

        let any: Vec<i64> = (0..width * take).map(|_| rng.below(n).unwrap() as i64).collect();
        let any = Tensor::from_vec(any, [width, take]).unwrap();
        let dot = |a: &Tensor, b: &Tensor| a.mul(b).unwrap().sum(&[]).unwrap().item().unwrap();
        prop_assert_eq!(dot(&zero.scatter_add(1, &any, &src).unwrap(), &x), dot(&src, &x.gather(1, &any).unwrap()));
        let rows = any.select(0, 0).unwrap();
        let (tall, part) = (whole(&[n, width], seed ^ 3), whole(&[take, width], seed ^ 4));
        let added = tall.zeros_like().unwrap().index_add(0, &rows, &part).unwrap();
        prop_assert_eq!(dot(&added, &tall), dot(&part, &tall.index_select(0, &rows).unwrap()));
    }

    #[test]
    fn a_transform_and_its_inverse_are_the_identity_and_keep_the_length(
        rows in 1usize..4, n in 1usize..70, seed in any::<u64>(), dtype in floats(),
    ) {
        let norm = FftNorm::Ortho;
        let allowed = 8.0 * ((n as f64).log2() + 1.0) * epsilon(dtype);
        let x = normal(&[rows, n, 2], seed, dtype);
        let y = x.fft_along(Fft::Forward, n, n, 1, norm.scale(n, false)).unwrap();
        let back = y.fft_along(Fft::Inverse, n, n, 1, norm.scale(n, true)).unwrap();
        let length = |x: &Tensor| values(x).iter().map(|x| x * x).sum::<f64>().sqrt();
        let far = |a: &Tensor, b: &Tensor| length(&a.sub(b).unwrap());
        prop_assert!(far(&back, &x) <= allowed * length(&x));
        prop_assert!((length(&y) - length(&x)).abs() <= allowed * length(&x));
        let real = normal(&[rows, n], seed, dtype);
        let half = real.fft_along(Fft::RealForward, n, n / 2 + 1, 1, 1.0).unwrap();
        let back = half.fft_along(Fft::RealInverse, n, n, 1, 1.0 / n as f64).unwrap();
        prop_assert!(far(&back, &real) <= allowed * length(&real));
        // The transform of real numbers is that of complex ones whose imaginary part is 0.
        let complex = Tensor::stack(&[&real, &real.zeros_like().unwrap()], -1).unwrap();
        let whole = complex.fft_along(Fft::Forward, n, n, 1, 1.0).unwrap();
        prop_assert!(far(&whole.narrow(1, 0, n / 2 + 1).unwrap(), &half) <= allowed * length(&whole));
    }
}

#[test]
fn reductions_of_parts_make_the_reduction_of_the_whole() -> Result<()> {
    // Integers again: exact, so that only which elements are met can differ.
    let x = normal(&[3, 4, 5, 2], 5, DType::F64).mul_scalar(9.0)?.to_dtype(DType::I64)?;
    for axes in [vec![0], vec![1, 3], vec![0, 2], vec![0, 1, 2, 3]] {
        let rest: Vec<isize> = (0..4 - axes.len() as isize).collect();
        let whole = |f: fn(&Tensor, &[isize]) -> Result<Tensor>| -> Result<bool> {
            let part = f(&x, &axes)?;
            Ok(f(&x, &[])?.bit_eq(&if rest.is_empty() { part } else { f(&part, &rest)? }))
        };
        assert!(whole(Tensor::sum)? && whole(Tensor::prod)? && whole(Tensor::max)? && whole(Tensor::min)?);
    }
    Ok(())
}
