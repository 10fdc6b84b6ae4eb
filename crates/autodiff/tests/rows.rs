//! Leaves of which only some rows are used: their gradients are those of a whole leaf, kept by rows.

use autodiff::{Gradients, LeafId, Result, RowGradient, Var, checkpoint, detect_anomaly, grad_of, linearize};
use tensor::{DType, Rng, Tensor};

fn ints(x: &[i64]) -> Tensor {
    Tensor::from_slice(x, [x.len()]).unwrap()
}

fn f64s(x: &Tensor) -> Vec<f64> {
    x.to_vec().unwrap()
}

/// A table of 7 rows of 3 numbers.
fn table() -> Tensor {
    Rng::seed(5).normal([7, 3], 0.0, 1.0, DType::F64).unwrap()
}

/// `table[tokens]`, by rows or from a whole leaf.
fn lookup(table: &Tensor, tokens: &[i64], id: LeafId, by_rows: bool) -> Result<Var> {
    if !by_rows {
        return Var::leaf(table.clone(), id).index_select(0, ints(tokens));
    }
    let found = ints(tokens).unique()?;
    Var::leaf_rows(table, &found.values, id)?.index_select(0, found.inverse)
}

/// Σ wᵢ·tanh(yᵢ)², of which every element has a derivative of its own.
fn loss(y: &Var) -> Result<Var> {
    let weights = Rng::seed(9).normal(y.shape(), 0.0, 1.0, DType::F64)?;
    y.tanh()?.square()?.mul(&weights.into())?.sum(&[])
}

#[test]
fn a_lookup_has_the_bits_of_a_whole_leaf_and_keeps_its_rows_alone() -> Result<()> {
    let (table, id) = (table(), LeafId::new());
    let grads = |by_rows| loss(&lookup(&table, &[5, 2, 5, 0, 5], id, by_rows)?)?.backward();
    let (whole, rows) = (grads(false)?, grads(true)?);
    assert!(whole.rows(id).is_none());
    let kept = rows.rows(id).unwrap();
    assert_eq!(kept.rows().to_vec::<i64>()?, [0, 2, 5]);
    assert_eq!((kept.values().shape(), kept.shape()), (&[3usize, 3][..], &[7usize, 3][..]));
    assert!(rows.get(id).unwrap().bit_eq(whole.get(id).unwrap()));
    // No token, no row, and a gradient all the same.
    let none = loss(&lookup(&table, &[], id, true)?)?.backward()?;
    assert_eq!((none.rows(id).unwrap().rows().len(), none.contains(id)), (0, true));
    assert_eq!(f64s(none.get(id).unwrap()), [0.0; 21]);
    Ok(())
}

#[test]
fn lookups_of_one_leaf_are_added_whatever_they_have_in_common() -> Result<()> {
    let (table, id) = (table(), LeafId::new());
    for lists in [[&[1i64, 6][..], &[6, 2, 6]], [&[3, 4], &[4, 3]], [&[], &[0]], [&[2, 1], &[5]]] {
        let grads = |by_rows| -> Result<Gradients> {
            let parts = lists.map(|tokens| loss(&lookup(&table, tokens, id, by_rows)?.mul_scalar(2.0)?));
            let [a, b] = parts;
            a?.add(&b?)?.backward()
        };
        let (whole, rows) = (grads(false)?, grads(true)?);
        let mut tokens = lists.concat();
        tokens.sort();
        tokens.dedup();
        assert_eq!(rows.rows(id).unwrap().rows().to_vec::<i64>()?, tokens);
        for (a, b) in f64s(rows.get(id).unwrap()).iter().zip(f64s(whole.get(id).unwrap())) {
            // Up to three terms, in another order.
            assert!((a - b).abs() <= 4.0 * f64::EPSILON * b.abs().max(1.0), "{lists:?}: {a} {b}");
        }
    }
    Ok(())
}

#[test]
fn a_loop_of_lookups_is_added_up_as_one() -> Result<()> {
    let (table, id) = (table(), LeafId::new());
    let mut sum = Var::constant(Tensor::zeros([3], DType::F64)?);
    for i in 0..200 {
        sum = sum.add(&lookup(&table, &[i % 5], id, true)?.select(0, 0)?)?;
    }
    let grads = sum.sum(&[])?.backward()?;
    assert_eq!(grads.rows(id).unwrap().rows().to_vec::<i64>()?, [0, 1, 2, 3, 4]);
    assert_eq!(f64s(grads.rows(id).unwrap().values()), [40.0; 15]);
    Ok(())
}

#[test]
fn a_leaf_that_is_used_whole_too_has_one_whole_gradient() -> Result<()> {
    let (table, id) = (table(), LeafId::new());
    let head = |h: &Var| h.matmul(&Var::leaf(table.clone(), id).t()?)?.tanh()?.sum(&[]);
    let grads = |by_rows: bool, first: bool| -> Result<Gradients> {
        let h = lookup(&table, &[1, 4, 1], id, by_rows)?;
        // As a tied head, and beside it, made before or after the lookup.
        let beside = || Var::leaf(table.clone(), id).square()?.sum(&[]);
        let early = if first { Some(beside()?) } else { None };
        let later = lookup(&table, &[6], id, by_rows)?;
        let beside = early.map_or_else(beside, Ok)?;
        head(&h)?.add(&beside)?.add(&loss(&later)?)?.backward()
    };
    for first in [false, true] {
        let (whole, rows) = (grads(false, first)?, grads(true, first)?);
        assert!(rows.rows(id).is_none());
        for (a, b) in f64s(rows.get(id).unwrap()).iter().zip(f64s(whole.get(id).unwrap())) {
            // Sums of a dozen terms in another order.
            assert!((a - b).abs() <= 16.0 * f64::EPSILON * b.abs().max(1.0), "{a} {b}");
        }
    }
    Ok(())
}

#[test]
fn a_checkpoint_tells_lookups_of_one_leaf_apart() -> Result<()> {
    let id = LeafId::new();
    let run = |again: bool| -> Result<Gradients> {
        let table = table();
        let outside = lookup(&table, &[6, 0], id, true)?;
        let part = move |x: &[Var]| {
            let (a, b) = (lookup(&table, &[3, 1, 3], id, true)?, lookup(&table, &[0, 3], id, true)?);
            loss(&a)?.add(&loss(&b)?)?.add(&loss(&x[0])?)
        };
        let x = [outside.sin()?];
        let y = if again { checkpoint(part, &x)? } else { part(&x)? };
        y.mul_scalar(1.5)?.backward()
    };
    let (plain, again) = (run(false)?, run(true)?);
    let rows = |grads: &Gradients| grads.rows(id).unwrap().rows().to_vec::<i64>().unwrap();
    assert_eq!((rows(&plain), rows(&again)), (vec![0, 1, 3, 6], vec![0, 1, 3, 6]));
    for (a, b) in f64s(plain.get(id).unwrap()).iter().zip(f64s(again.get(id).unwrap())) {
        // The parts come in another order.
        assert!((a - b).abs() <= 4.0 * f64::EPSILON * b.abs().max(1.0), "{a} {b}");
    }
    // A part that is a lookup and nothing else.
    let table = table();
    let y = checkpoint(move |_| Var::leaf_rows(&table, &ints(&[2, 5]), id), &[])?;
    assert_eq!(rows(&y.sum(&[])?.backward()?), [2, 5]);
    Ok(())
}

#[test]
fn rows_have_second_derivatives_and_tangents() -> Result<()> {
    let (table, id) = (table(), LeafId::new());
    let part = Var::leaf_rows(&table, &ints(&[2, 4]), id)?;
    assert_eq!(part.leaf_id(), Some(id));
    // Row 4 twice: Σ x³ has 3·x², 6·x, twice for row 4.
    let y = part.index_select(0, ints(&[1, 0, 1]))?;
    let cubes = y.mul(&y.square()?)?.sum(&[])?;
    let first = grad_of(&[(&cubes, None)], &[&part])?.remove(0).unwrap();
    let second = grad_of(&[(&first.sum(&[])?, None)], &[&part])?.remove(0).unwrap();
    let x = f64s(part.value());
    let wanted: Vec<f64> =
        x.iter().enumerate().map(|(i, x)| if i < 3 { 6.0 * x } else { 12.0 * x }).collect();
    let close =
        |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-14 * b.abs().max(1.0));
    assert!(close(&f64s(second.value()), &wanted), "{second:?}");
    // The tangent of y along ones is 1 in each element, and of the cubes Σ 3·x².
    let tangent = linearize(std::slice::from_ref(&cubes), std::slice::from_ref(&part))?;
    let along = tangent.push(&[Tensor::ones([2, 3], DType::F64)?.into()])?.remove(0).unwrap();
    let slope: f64 = x.iter().enumerate().map(|(i, x)| if i < 3 { 3.0 * x * x } else { 6.0 * x * x }).sum();
    assert!((along.item()? - slope).abs() <= 1e-13 * slope, "{} {slope}", along.item()?);
    // A penalty on a gradient goes backward to the rows: d/dx Σ (3·x²)² = 36·x³, (6·x²)² for row 4.
    let grads = first.square()?.sum(&[])?.backward()?;
    let wanted: Vec<f64> =
        x.iter().enumerate().map(|(i, x)| if i < 3 { 36.0 * x.powi(3) } else { 144.0 * x.powi(3) }).collect();
    assert!(close(&f64s(grads.rows(id).unwrap().values()), &wanted));
    Ok(())
}

#[test]
fn in_anomaly_mode_gradients_are_the_same() -> Result<()> {
    let (table, id) = (table(), LeafId::new());
    let run = || loss(&lookup(&table, &[5, 2, 5], id, true)?)?.backward();
    let (plain, watched) = (run()?, detect_anomaly(run)?);
    assert!(plain.get(id).unwrap().bit_eq(watched.get(id).unwrap()));
    assert!(watched.rows(id).is_some());
    Ok(())
}

/// Rows 1 and 3 of 4: (1, 2) and (3, 4).
fn some() -> RowGradient {
    let values = Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0], [2, 2]).unwrap();
    RowGradient::new(ints(&[1, 3]), values, &[4, 2]).unwrap()
}

#[test]
fn gradients_are_whole_where_a_whole_one_is_asked_for() -> Result<()> {
    let (id, mut grads) = (LeafId::new(), Gradients::default());
    grads.insert_rows(id, some());
    assert_eq!(f64s(grads.get(id).unwrap()), [0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 3.0, 4.0]);
    assert_eq!(grads.iter().map(|(_, grad)| grad.len()).collect::<Vec<_>>(), [8]);
    assert_eq!(grads.values().map(|(_, grad)| grad.len()).collect::<Vec<_>>(), [4]);
    // What was made whole is not what was before a change.
    for (_, grad) in grads.values_mut() {
        *grad = grad.mul_scalar(10.0)?;
    }
    assert_eq!(f64s(grads.get(id).unwrap()), [0.0, 0.0, 10.0, 20.0, 0.0, 0.0, 30.0, 40.0]);
    assert_eq!(f64s(&grads.clone().remove(id).unwrap())[6], 30.0);
    assert_eq!(f64s(&grads.clone().insert(id, Tensor::zeros([4, 2], DType::F64)?).unwrap())[7], 40.0);
    for change in [
        |grads: &mut Gradients, id| *grads.get_mut(id).unwrap() = Tensor::ones([4, 2], DType::F64).unwrap(),
        |grads: &mut Gradients, _| {
            grads.iter_mut().for_each(|(_, grad)| *grad = grad.add_scalar(1.0).unwrap())
        },
    ] {
        let mut changed = grads.clone();
        change(&mut changed, id);
        assert!(changed.rows(id).is_none());
        assert_eq!(f64s(changed.get(id).unwrap())[0], 1.0);
    }
    Ok(())
}

#[test]
fn sums_of_gradients_are_of_rows_where_both_are() -> Result<()> {
    let (id, other) = (LeafId::new(), LeafId::new());
    let of = |rows: bool| {
        let mut grads = Gradients::default();
        match rows {
            true => grads.insert_rows(id, some()),
            false => _ = grads.insert(id, some().to_dense().unwrap()),
        }
        // Asked for, so that a whole one is there that is out of date after the sum.
        grads.get(id);
        grads
    };
    for (a, b) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut sum = of(a);
        sum.add(of(b))?;
        assert_eq!(sum.rows(id).is_some(), a && b);
        assert_eq!(f64s(sum.get(id).unwrap()), [0.0, 0.0, 2.0, 4.0, 0.0, 0.0, 6.0, 8.0], "{a} {b}");
    }
    let mut sum = of(true);
    let mut new = Gradients::default();
    new.insert_rows(id, RowGradient::new(ints(&[0, 3]), Tensor::ones([2, 2], DType::F64)?, &[4, 2])?);
    new.insert(other, Tensor::ones([2], DType::F64)?);
    sum.add(new)?;
    assert_eq!(sum.rows(id).unwrap().rows().to_vec::<i64>()?, [0, 1, 3]);
    assert_eq!(f64s(sum.rows(id).unwrap().values()), [1.0, 1.0, 1.0, 2.0, 4.0, 5.0]);
    assert_eq!((sum.len(), f64s(sum.get(other).unwrap())), (2, vec![1.0, 1.0]));
    // Of another model, nothing is added.
    let mut wrong = Gradients::default();
    wrong.insert(other, Tensor::ones([2], DType::F64)?);
    wrong.insert(id, Tensor::zeros([4, 3], DType::F64)?);
    assert_eq!(
        sum.add(wrong).unwrap_err().to_string(),
        "[gradients] gradients of one leaf must have one shape and dtype; got f64 [4, 2] and f64 [4, 3]; add gradients of one model"
    );
    assert_eq!(f64s(sum.get(other).unwrap()), [1.0, 1.0]);
    Ok(())
}

#[test]
fn what_are_no_rows_is_refused() {
    let values = |shape: &[usize]| Tensor::zeros(shape, DType::F64).unwrap();
    let refused = |rows: Tensor, values: Tensor, shape: &[usize], says: &str| {
        assert_eq!(RowGradient::new(rows, values, shape).unwrap_err().to_string(), says);
    };
    refused(
        values(&[2]),
        values(&[2, 3]),
        &[4, 3],
        "[row_gradient] rows must be I64 of rank 1; got f64 [2]; reshape them, or convert them with to_dtype",
    );
    for shape in [&[4, 2][..], &[4], &[]] {
        refused(
            ints(&[0, 1]),
            values(&[2, 3]),
            shape,
            &format!(
                "[row_gradient] there must be one row of values for each row; got [2, 3] for 2 rows of {shape:?}; give values of the shape (rows, …)"
            ),
        );
    }
    for row in [-1, 4] {
        refused(
            ints(&[0, row]),
            values(&[2, 3]),
            &[4, 3],
            &format!(
                "[row_gradient] every row must be in the table; got row {row} of 4; check the rows or the shape"
            ),
        );
    }
    let (table, id) = (table(), LeafId::new());
    let leaf = |rows: Tensor| Var::leaf_rows(&table, &rows, id).unwrap_err().to_string();
    for rows in [ints(&[2, 1]), ints(&[1, 1])] {
        assert_eq!(
            leaf(rows.clone()),
            format!(
                "[leaf_rows] rows must have rank 1 and ascend, each once; got {rows}; take the values of unique, and index_select with its inverse"
            )
        );
    }
    assert_eq!(
        leaf(ints(&[1, 7])),
        "[leaf_rows] an index must lie in 0..7; got 7 at position 1; check the indices or the size they were made for"
    );
    assert_eq!(leaf(values(&[1])), "[leaf_rows] indices must be i64; got f64; convert with to_dtype first");
    // Two tables under one name.
    let small = Tensor::zeros([3, 3], DType::F64).unwrap();
    let (a, b) = (lookup(&table, &[6], id, true).unwrap(), lookup(&small, &[1], id, true).unwrap());
    assert_eq!(
        a.add(&b).unwrap().sum(&[]).unwrap().backward().unwrap_err().to_string(),
        "[row_gradient] gradients of one leaf must have one shape and dtype; got f64 [3, 3] and f64 [7, 3]; give each table a leaf of its own"
    );
}
