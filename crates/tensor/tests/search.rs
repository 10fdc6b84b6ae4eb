//! Order, sorted sets, places in a row, counts: what they give at the edges, and long ones against the obvious.

use tensor::{DType, Order, Result, Rng, Tensor};

fn row(x: &[f64]) -> Result<Tensor> {
    Tensor::from_slice(x, [x.len()])
}

#[test]
fn unique_sorts_counts_and_says_which() -> Result<()> {
    let u = row(&[2.0, f64::NAN, -1.0, 2.0, f64::NAN])?.unique()?;
    assert_eq!(u.values.to_vec::<f64>()?[..2], [-1.0, 2.0]);
    assert_eq!(u.counts.to_vec::<i64>()?, [1, 2, 2]);
    assert_eq!(u.inverse.to_vec::<i64>()?, [1, 2, 0, 1, 2]);
    assert_eq!(row(&[])?.unique()?.values.shape(), [0]);
    Ok(())
}

#[test]
fn searchsorted_goes_before_or_behind_equals() -> Result<()> {
    let (sorted, values) = (row(&[1.0, 2.0, 2.0, 3.0])?, row(&[2.0, 0.0, 9.0, f64::NAN])?);
    assert_eq!(sorted.searchsorted(&values, false)?.to_vec::<i64>()?, [1, 0, 4, 4]);
    assert_eq!(sorted.searchsorted(&values, true)?.to_vec::<i64>()?, [3, 0, 4, 4]);
    Ok(())
}

#[test]
fn bincount_counts_and_weighs() -> Result<()> {
    let x = Tensor::from_slice(&[1i64, 3, 1], [3])?;
    assert_eq!(x.bincount(None, 0)?.to_vec::<i64>()?, [0, 2, 0, 1]);
    assert_eq!(x.bincount(Some(&row(&[0.5, 1.0, 0.25])?), 5)?.to_vec::<f64>()?, [0.0, 0.75, 0.0, 1.0, 0.0]);
    let refused = Tensor::from_slice(&[0i64, -2], [2])?.bincount(None, 0).expect_err("negative");
    assert_eq!(
        refused.to_string(),
        "[bincount] the numbers must not be negative; got -2; subtract the smallest"
    );
    Ok(())
}

#[test]
fn histogram_counts_the_last_edge_and_nothing_outside() -> Result<()> {
    let x = row(&[0.0, 0.5, 1.0, 2.0, 2.5, -1.0, f64::NAN])?;
    assert_eq!(x.histogram(&row(&[0.0, 1.0, 2.0])?)?.to_vec::<i64>()?, [2, 2]);
    Ok(())
}

#[test]
fn nonzero_gives_a_row_for_each() -> Result<()> {
    let x = Tensor::from_slice(&[0i64, 5, 7, 0], [2, 2])?;
    assert_eq!(x.nonzero()?.to_vec::<i64>()?, [0, 1, 1, 0]);
    assert_eq!(Tensor::zeros([2, 3], DType::F32)?.nonzero()?.shape(), [0, 2]);
    Ok(())
}

#[test]
fn unique_consecutive_joins_neighbours_alone() -> Result<()> {
    let u = row(&[2.0, 2.0, f64::NAN, f64::NAN, 2.0])?.unique_consecutive()?;
    assert_eq!(u.counts.to_vec::<i64>()?, [2, 2, 1]);
    assert_eq!(u.inverse.to_vec::<i64>()?, [0, 0, 1, 1, 2]);
    assert_eq!(u.values.select(0, 2)?.item()?, 2.0);
    assert_eq!(row(&[])?.unique_consecutive()?.counts.shape(), [0]);
    assert_eq!(Tensor::scalar(true).unique()?.inverse.shape(), []);
    Ok(())
}

#[test]
fn isin_looks_among_values_and_never_finds_nan() -> Result<()> {
    let x = row(&[1.0, -0.0, f64::NAN, 9.0])?;
    assert_eq!(x.isin(&row(&[f64::NAN, 0.0, 1.0])?)?.to_vec::<bool>()?, [true, true, false, false]);
    assert_eq!(x.isin(&row(&[])?)?.to_vec::<bool>()?, [false; 4]);
    Ok(())
}

#[test]
fn bucketize_is_searchsorted_seen_from_the_values() -> Result<()> {
    let x = row(&[0.5, 1.0, 2.5])?;
    assert_eq!(x.bucketize(&row(&[1.0, 2.0])?, false)?.to_vec::<i64>()?, [0, 0, 2]);
    assert_eq!(x.bucketize(&row(&[1.0, 2.0])?, true)?.to_vec::<i64>()?, [0, 1, 2]);
    assert_eq!(x.bucketize(&row(&[])?, true)?.to_vec::<i64>()?, [0; 3]);
    Ok(())
}

#[test]
fn what_does_not_fit_is_refused_in_words() -> Result<()> {
    let (x, i) = (row(&[1.0, 2.0])?, Tensor::arange(2, DType::I64)?);
    let square = Tensor::zeros([2, 2], DType::F64)?;
    for (result, text) in [
        (
            square.searchsorted(&x, false),
            "[searchsorted] the sorted row must have rank 1; got [2, 2]; select a row",
        ),
        (
            x.searchsorted(&i, false),
            "[searchsorted] operands must have one dtype; got f64 and i64; convert one with to_dtype",
        ),
        (x.bucketize(&square, false), "[bucketize] the edges must have rank 1; got [2, 2]; select a row"),
        (x.isin(&i), "[isin] operands must have one dtype; got f64 and i64; convert one with to_dtype"),
        (x.bincount(None, 0), "[bincount] the numbers must be i64; got f64; convert with to_dtype first"),
        (
            i.bincount(Some(&square), 0),
            "[bincount] weights and numbers must have one shape; got [2, 2] and [2]; reshape the weights",
        ),
        (
            i.bincount(Some(&i.to_dtype(DType::Bool)?), 0),
            "[bincount] the weights must be numbers; got bool; convert with to_dtype first",
        ),
        (
            x.histogram(&row(&[1.0])?),
            "[histogram] edges must be a row of two or more; got [1]; give both ends of each bin",
        ),
        (x.quantile(f64::NAN, 0), "[quantile] q must lie in 0..=1; got q = NaN; use another q"),
        (i.median(0), "[median] the operand must be a float; got i64; convert with to_dtype first"),
        (
            row(&[])?.median(0),
            "[median] an empty axis has no quantile; got [0] over axis 0; leave the empty axis out or give it elements",
        ),
    ] {
        assert_eq!(result.expect_err(text).to_string(), text);
    }
    Ok(())
}

/// Rows of every length class, with ties, NaN, both zeros and infinities among them.
fn mixed(rows: usize, n: usize, dtype: DType) -> Result<Tensor> {
    let x = Rng::seed(n as u64).normal([rows, n], 0.0, 3.0, DType::F64)?;
    let whole = x.mul_scalar(4.0)?.round()?.mul_scalar(0.25)?;
    let zero = whole.mul_scalar(0.0)?;
    let odd = zero.div(&zero)?;
    Tensor::where_(&x.gt(&Tensor::scalar(5.0))?, &odd, &whole)?.to_dtype(dtype)
}

fn by_comparing(x: &[f64], down: bool) -> Vec<i64> {
    let key = |i: i64| x[i as usize];
    let mut order: Vec<i64> = (0..x.len() as i64).collect();
    order.sort_by(|&i, &j| {
        let (a, b) = (key(i), key(j));
        let ascending = a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()));
        if down { ascending.reverse() } else { ascending }
    });
    order
}

#[test]
fn order_of_any_length_and_dtype_is_that_of_comparing_at_any_thread_count() -> Result<()> {
    let lengths = [1, 2, 63, 127, 128, 200, 1000, 20_000, 70_001];
    for dtype in [DType::F32, DType::F64, DType::I64, DType::U8, DType::Bool] {
        for n in lengths {
            let x = mixed(3, n, dtype)?;
            for (down, order) in [(false, Order::Ascending), (true, Order::Descending)] {
                let values: Vec<f64> = x.to_dtype(DType::F64)?.to_vec()?;
                let want: Vec<i64> = values.chunks(n).flat_map(|row| by_comparing(row, down)).collect();
                for threads in [1, 3] {
                    tensor::set_threads(threads);
                    let (sorted, places) = x.sort(1, order)?;
                    assert_eq!(places.to_vec::<i64>()?, want, "{dtype} {n} {order:?}");
                    assert!(sorted.bit_eq(&x.gather(1, &places)?), "{dtype} {n} {order:?}");
                    assert!(x.argsort(1, order)?.bit_eq(&places));
                    for k in [1, n / 100, n / 5, n].into_iter().filter(|&k| k <= n) {
                        let (best, at) = x.topk(k, 1, order)?;
                        assert!(
                            at.bit_eq(&places.narrow(1, 0, k)?.copied()?),
                            "{dtype} {k} of {n} {order:?}"
                        );
                        assert!(best.bit_eq(&sorted.narrow(1, 0, k)?.copied()?));
                    }
                    for k in [1, n.div_ceil(3), n].into_iter().filter(|_| !down) {
                        assert!(x.kthvalue(k, 1)?.1.bit_eq(&places.select(1, k as isize - 1)?.copied()?));
                    }
                }
            }
        }
    }
    Ok(())
}

#[test]
fn integers_far_apart_are_ordered() -> Result<()> {
    let x = Tensor::from_slice(&[5i64, i64::MIN, i64::MAX, -1, 0, i64::MIN], [6])?;
    assert_eq!(x.argsort(0, Order::Ascending)?.to_vec::<i64>()?, [1, 5, 3, 4, 0, 2]);
    assert_eq!(x.sort(0, Order::Descending)?.0.to_vec::<i64>()?, [i64::MAX, 5, 0, -1, i64::MIN, i64::MIN]);
    let row = x.sort(0, Order::Ascending)?.0;
    assert_eq!(row.searchsorted(&x, true)?.to_vec::<i64>()?, [5, 2, 6, 3, 4, 2]);
    Ok(())
}

#[test]
fn long_rows_and_rows_together_are_searched_and_counted_as_one_by_one() -> Result<()> {
    let x = mixed(1, 70_001, DType::F32)?.select(0, 0)?;
    let u = x.unique()?;
    assert!(u.values.index_select(0, &u.inverse)?.add_scalar(0.0)?.bit_eq(&x.add_scalar(0.0)?));
    assert!(u.inverse.bincount(None, 0)?.bit_eq(&u.counts));
    let weights = Tensor::ones(x.shape(), DType::F64)?;
    assert!(u.inverse.bincount(Some(&weights), 0)?.bit_eq(&u.counts.to_dtype(DType::F64)?));
    // Few values in a long row are searched for in another way than many.
    let sorted = x.sort(0, Order::Ascending)?.0;
    for right in [false, true] {
        let many = sorted.searchsorted(&x, right)?;
        let few = sorted.searchsorted(&x.narrow(0, 0, 100)?, right)?;
        assert!(many.narrow(0, 0, 100)?.copied()?.bit_eq(&few));
    }
    let held = x.gt(&Tensor::scalar(0.0f32))?;
    let places = held.nonzero()?;
    let want: Vec<i64> =
        held.to_vec::<bool>()?.iter().enumerate().filter(|(_, h)| **h).map(|(i, _)| i as i64).collect();
    assert_eq!(places.to_vec::<i64>()?, want);
    assert!(x.masked_select(&held)?.bit_eq(&x.take(&places.reshape([want.len()])?)?));
    let cube = held.narrow(0, 0, 70_000)?.reshape([70, 10, 100])?.nonzero()?;
    let flat: Vec<i64> = cube.to_vec::<i64>()?.chunks(3).map(|t| t[0] * 1000 + t[1] * 100 + t[2]).collect();
    assert_eq!(flat[..], want[..flat.len()]);
    Ok(())
}

#[test]
fn a_long_sum_is_that_of_its_chunks_and_the_same_beside_others() -> Result<()> {
    let x = Rng::seed(9).normal([10_000, 3], 0.0, 1.0, DType::F32)?;
    let together = x.cumsum(0)?;
    for i in 0..3 {
        let line = x.select(1, i)?.copied()?;
        let alone = line.cumsum(0)?;
        assert!(alone.bit_eq(&together.select(1, i)?.copied()?));
        let mut exact = 0.0;
        for (x, y) in line.to_vec::<f32>()?.into_iter().zip(alone.to_vec::<f32>()?) {
            exact += x as f64;
            // 4,096 additions in a chunk and 3 joints, of sums below 500.
            assert!((y as f64 - exact).abs() < 4099.0 * f32::EPSILON as f64 * 500.0);
        }
    }
    Ok(())
}

#[test]
fn a_running_product_neither_overflows_nor_vanishes_where_its_line_does_not() -> Result<()> {
    let mut x = vec![2.0f32; 3 << 12];
    x[0] = 0.0;
    assert_eq!(Tensor::from_slice(&x, [3 << 12])?.cumprod(0)?.count_nonzero(&[])?.item()?, 0.0);
    // 2⁻¹⁰⁰ up to the second chunk, then 150 times 2.
    x.fill(1.0);
    x[1..101].fill(0.5);
    x[1 << 12..][..150].fill(2.0);
    assert_eq!(Tensor::from_slice(&x, [3 << 12])?.cumprod(0)?.to_vec::<f32>()?[2 << 12], 2f32.powi(50));
    Ok(())
}

#[test]
fn quantiles_do_not_overflow_on_the_way() -> Result<()> {
    assert_eq!(Tensor::from_slice(&[-3e38f32, 3e38], [2])?.median(0)?.item()?, 0.0);
    assert_eq!(row(&[f64::NEG_INFINITY, 5.0])?.median(0)?.item()?, f64::NEG_INFINITY);
    assert_eq!(row(&[0.1, 0.1])?.quantile(0.3, 0)?.item()?, 0.1);
    Ok(())
}

#[test]
fn of_nothing_and_of_one_there_is_nothing_and_one() -> Result<()> {
    let (none, one) = (row(&[])?, row(&[3.0])?);
    let no_number = row(&[f64::NAN])?;
    for order in [Order::Ascending, Order::Descending] {
        assert_eq!((none.sort(0, order)?.1.len(), none.topk(0, 0, order)?.0.len()), (0, 0));
        assert_eq!((one.sort(0, order)?.0.item()?, one.topk(1, 0, order)?.1.item()?), (3.0, 0.0));
    }
    for f in [Tensor::cumsum, Tensor::cumprod] {
        assert_eq!((f(&none, 0)?.shape(), f(&one, 0)?.item()?), (&[0][..], 3.0));
        assert_eq!(f(&row(&[1.0, f64::NAN, 2.0])?, 0)?.is_nan()?.to_vec::<bool>()?, [false, true, true]);
    }
    for f in [Tensor::cummax, Tensor::cummin] {
        assert_eq!(
            (f(&none, 0)?.0.shape(), f(&one, 0)?.0.item()?, f(&one, 0)?.1.item()?),
            (&[0][..], 3.0, 0.0)
        );
    }
    assert_eq!((one.median(0)?.item()?, one.kthvalue(1, 0)?.1.item()?), (3.0, 0.0));
    assert!(no_number.median(0)?.item()?.is_nan() && no_number.quantile(0.0, 0)?.item()?.is_nan());
    assert_eq!(
        (none.nonzero()?.shape(), one.nonzero()?.item()?, no_number.nonzero()?.len()),
        (&[0, 1][..], 0.0, 1)
    );
    assert_eq!((none.searchsorted(&one, true)?.item()?, one.searchsorted(&none, true)?.len()), (0.0, 0));
    let labels = none.to_dtype(DType::I64)?;
    assert_eq!(
        (labels.bincount(None, 0)?.len(), labels.bincount(None, 2)?.to_vec::<i64>()?),
        (0, vec![0, 0])
    );
    assert_eq!(none.histogram(&row(&[0.0, 1.0])?)?.to_vec::<i64>()?, [0]);
    assert_eq!(one.gather(0, &labels)?.len() + one.scatter_add(0, &labels, &none)?.len(), 1);
    for (refused, text) in [
        (
            none.kthvalue(1, 0).map(|_| ()),
            "[kthvalue] k must lie between 1 and the size of the axis; got k = 1 for shape [0] along axis 0; use another k",
        ),
        (
            none.topk(1, 0, Order::Ascending).map(|_| ()),
            "[topk] k must not exceed the axis; got k = 1 for shape [0] along axis 0; use a smaller k",
        ),
        (
            one.unique()?.counts.cummax(1).map(|_| ()),
            "[cummax] an axis must exist; got axis 1 for rank 1; use each axis of -1..1 at most once",
        ),
        (
            labels.bincount(None, usize::MAX).map(|_| ()),
            "[bincount] a tensor must stay below 9223372036854775807 bytes; got shape [18446744073709551615] of i64; use smaller sizes",
        ),
    ] {
        assert_eq!(refused.expect_err(text).to_string(), text);
    }
    Ok(())
}
