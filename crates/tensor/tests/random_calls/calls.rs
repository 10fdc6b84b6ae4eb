//! Every function, called with what a source of random arguments gives.

use crate::source::Source;
use tensor::einsum::{Pair, Plan, check_cross, kron_shapes, multi_dot_order};
use tensor::fused::{
    AdamConfig, AdamItem, CrossEntropyConfig, SgdConfig, SgdItem, adam_update, add_dropped, cross_entropy,
    cross_entropy_grad, dropped, gated, gated_grad, mse, mse_grad, sgd_update, sum_of_squares,
};
use tensor::{DType, Error, Fft, Gate, MatrixNorm, NanToNum, Rng, SliceArg, Tensor, Triangular, fft_axes};

/// A call on what is drawn for it.
pub type Call = fn(&mut Source) -> Outcome;
/// What a call gave.
pub type Outcome = Result<Vec<Tensor>, Error>;
type One = Result<Tensor, Error>;

fn one(result: One) -> Outcome {
    result.map(|x| vec![x])
}

fn two(result: Result<(Tensor, Tensor), Error>) -> Outcome {
    result.map(|(x, y)| vec![x, y])
}

fn three(result: Result<(Tensor, Tensor, Tensor), Error>) -> Outcome {
    result.map(|(x, y, z)| vec![x, y, z])
}

fn none<T>(result: Result<T, Error>) -> Outcome {
    result.map(|_| Vec::new())
}

/// `x.f(y)` for `y` that goes with `x`.
fn pair(s: &mut Source, f: fn(&Tensor, &Tensor) -> One) -> Outcome {
    let x = s.any();
    let y = s.like(&x);
    one(f(&x, &y))
}

fn on_axis(s: &mut Source, f: fn(&Tensor, isize) -> One) -> Outcome {
    let (x, axis) = (s.any(), s.axis());
    one(f(&x, axis))
}

fn pair_on_axis(s: &mut Source, f: fn(&Tensor, &Tensor, isize) -> One) -> Outcome {
    let x = s.any();
    let (y, axis) = (s.like(&x), s.axis());
    one(f(&x, &y, axis))
}

fn over_axes(s: &mut Source, f: fn(&Tensor, &[isize]) -> One) -> Outcome {
    let (x, axes) = (s.any(), s.axes());
    one(f(&x, &axes))
}

fn with_number(s: &mut Source, f: fn(&Tensor, f64) -> One) -> Outcome {
    let (x, number) = (s.any(), s.number());
    one(f(&x, number))
}

/// The sizes of the last axes of `x`, or of others.
fn last_axes(s: &mut Source, x: &Tensor) -> Vec<usize> {
    let take = s.below(x.rank() + 1);
    if s.rarely(10) { s.shape() } else { x.shape()[x.rank() - take..].to_vec() }
}

fn maybe(s: &mut Source, x: &Tensor, shape: &[usize]) -> Option<Tensor> {
    (!s.rarely(3)).then(|| s.shaped(x, shape))
}

/// Indices and a source for functions that add or write along an axis.
fn along(s: &mut Source, f: fn(Tensor, isize, &Tensor, &Tensor) -> One, scatters: bool) -> Outcome {
    let x = s.any();
    let axis = s.axis();
    let rank = x.rank() as isize;
    let resolved = if axis < 0 { axis.wrapping_add(rank) } else { axis };
    let indices = if scatters {
        s.indices(&x)
    } else {
        let n = s.below(4);
        s.ids(&[n])
    };
    let shape = match (0..rank).contains(&resolved) && !scatters {
        true => {
            let at = resolved as usize;
            [&x.shape()[..at], indices.shape(), &x.shape()[at + 1..]].concat()
        }
        false => indices.shape().to_vec(),
    };
    let src = s.shaped(&x, &shape);
    let target = if s.rarely(2) { x.copied()? } else { x };
    one(f(target, axis, &indices, &src))
}

fn cross_entropy_of(s: &mut Source) -> Outcome {
    let (n, classes) = (s.below(5), s.below(5));
    let dtype = s.float().dtype();
    let logits = if s.rarely(10) { s.any() } else { s.of(dtype, &[n, classes]) };
    let target = match s.below(3) {
        0 => s.shaped(&logits, &[n, classes]),
        _ => s.ids(&[n]),
    };
    let weight = maybe(s, &logits, &[classes]);
    let config = CrossEntropyConfig {
        weight: weight.as_ref(),
        ignore_index: s.rarely(3).then(|| s.integer()),
        label_smoothing: if s.rarely(4) { s.number() } else { 0.1 },
    };
    let out = cross_entropy(&logits, &target, &config)?;
    let g = if s.rarely(2) { s.shaped(&logits, &[n]) } else { s.shaped(&logits, &[]) };
    let stats = if s.rarely(8) { s.shaped(&logits, &[n, 4]) } else { out.stats.clone() };
    let mut results = vec![out.losses, out.weights, out.stats];
    results.push(cross_entropy_grad(&logits, &target, &config, &stats, &g)?);
    Ok(results)
}

fn sgd(s: &mut Source) -> Outcome {
    let x = s.float();
    let grad = s.like(&x);
    let (mut param, mut velocity) = (x.clone(), s.like(&x));
    let config = SgdConfig {
        momentum: s.number(),
        dampening: s.number(),
        nesterov: s.rarely(2),
        step: s.below(3) as u64,
        grad_scale: s.number(),
    };
    let (lr, weight_decay) = (s.number(), s.number());
    let velocity = (!s.rarely(3)).then_some(&mut velocity);
    let item = SgdItem { param: &mut param, grad: &grad, velocity, lr, weight_decay };
    sgd_update(&mut [item], &config)?;
    Ok(vec![param])
}

fn adam(s: &mut Source) -> Outcome {
    let x = s.float();
    let grad = s.like(&x);
    let (mut param, mut m, mut v) = (x.clone(), s.like(&x), s.like(&x));
    let config = AdamConfig {
        beta1: s.number(),
        beta2: s.number(),
        eps: s.number(),
        decoupled: s.rarely(2),
        step: s.integer() as u64,
        grad_scale: s.number(),
    };
    let (lr, weight_decay) = (s.number(), s.number());
    let item = AdamItem { param: &mut param, grad: &grad, m: &mut m, v: &mut v, lr, weight_decay };
    adam_update(&mut [item], &config)?;
    Ok(vec![param, m, v])
}

fn layer_norm(s: &mut Source, grad: bool) -> Outcome {
    let x = s.float();
    let axes = last_axes(s, &x);
    let (weight, bias) = (maybe(s, &x, &axes), maybe(s, &x, &axes));
    let eps = if s.rarely(4) { s.number() } else { 1e-5 };
    if !grad {
        let rms = x.rms_norm(&axes, weight.as_ref(), eps)?;
        return Ok(vec![rms, x.layer_norm(&axes, weight.as_ref(), bias.as_ref(), eps)?]);
    }
    let g = s.like(&x);
    let rms = x.rms_norm_grad(&axes, weight.as_ref(), eps, &g)?;
    Ok(vec![rms, x.layer_norm_grad(&axes, weight.as_ref(), eps, &g)?])
}

fn linear(s: &mut Source) -> Outcome {
    let x = s.any();
    let (d_in, d_out) = (x.shape().last().copied().unwrap_or(1), s.below(5));
    let weight = s.shaped(&x, &[d_out, d_in]);
    let bias = maybe(s, &x, &[d_out]);
    let relu = s.rarely(2);
    one(x.linear(&weight, bias.as_ref(), relu))
}

fn matmul(s: &mut Source) -> Outcome {
    let x = s.float();
    let mut shape = x.shape().to_vec();
    let rank = shape.len();
    if rank > 1 {
        shape.swap(rank - 1, rank - 2);
        if s.rarely(3) {
            shape.drain(..rank - 2);
        }
    }
    let y = s.shaped(&x, &shape);
    one(x.matmul(&y))
}

fn einsum(s: &mut Source) -> Outcome {
    let dtype = s.dtype();
    let operands: Vec<Tensor> = s.many(3, |s| {
        let shape = s.many(3, |s| s.pick(&[2, 2, 2, 2, 1, 3, 0]));
        s.of(dtype, &shape)
    });
    let ranks: Vec<usize> = operands.iter().map(Tensor::rank).collect();
    let subscripts = s.subscripts(&ranks);
    let shapes: Vec<&[usize]> = operands.iter().map(Tensor::shape).collect();
    Plan::new(&subscripts, &shapes)?;
    one(Tensor::einsum(&subscripts, &operands.iter().collect::<Vec<_>>()))
}

fn several(s: &mut Source, f: fn(&[&Tensor], isize) -> One) -> Outcome {
    let x = s.any();
    let tensors = s.many(3, |s| s.like(&x));
    let axis = s.axis();
    one(f(&tensors.iter().collect::<Vec<_>>(), axis))
}

/// On the part of a tensor of its own, and of one that is shared.
fn part(
    s: &mut Source,
    owned: fn(Tensor, &[SliceArg], &Tensor) -> One,
    shared: fn(&Tensor, &[SliceArg], &Tensor) -> One,
) -> Outcome {
    let (x, args) = (s.any(), s.slice_args());
    let shape = x.slice(&args)?.shape().to_vec();
    let src = s.shaped(&x, &shape);
    Ok(vec![owned(x.copied()?, &args, &src)?, shared(&x, &args, &src)?])
}

fn from_bytes(s: &mut Source) -> Outcome {
    let (x, dtype) = (s.any(), s.dtype());
    let mut bytes = x.to_le_bytes()?;
    if s.rarely(4) {
        bytes.pop();
    }
    let shape = if s.rarely(4) { s.shape() } else { x.shape().to_vec() };
    one(Tensor::from_le_bytes(&bytes, shape, if s.rarely(2) { dtype } else { x.dtype() }))
}

fn reading(s: &mut Source) -> Outcome {
    let mut x = s.any();
    assert_eq!(format!("{x}").is_empty(), format!("{x:?}").is_empty());
    if let Some(elements) = x.as_mut_slice::<f64>() {
        elements.fill(1.0);
    }
    let (item, floats) = (x.item(), x.to_vec::<f32>());
    assert_eq!(item.is_ok(), x.len() == 1);
    none(floats)
}

/// Matrices, mostly square and regular.
fn matrices(s: &mut Source) -> Tensor {
    let n = s.below(5);
    let m = if s.rarely(6) { s.below(5) } else { n };
    let shape = [s.many(2, |s| s.below(3)), vec![m, n]].concat();
    let dtype = s.pick(&[DType::F32, DType::F64]);
    if m != n || s.rarely(2) {
        return if s.rarely(9) { s.any() } else { s.of(dtype, &shape) };
    }
    let eye = Tensor::eye(n, dtype).and_then(|eye| eye.mul_scalar(2000.0));
    let small = s.of(DType::U8, &shape);
    small.to_dtype(dtype).and_then(|small| small.add(&eye?)).unwrap_or(small)
}

/// `x.f(b)` for matrices `x` and a right side.
fn right_side(s: &mut Source, f: impl Fn(&mut Source, &Tensor, &Tensor) -> Outcome) -> Outcome {
    let x = matrices(s);
    let n = x.shape().last().copied().unwrap_or(1);
    let shape = match s.below(3) {
        0 => vec![n],
        1 => vec![n, s.below(4)],
        _ => x.shape().to_vec(),
    };
    let b = s.shaped(&x, &shape);
    f(s, &x, &b)
}

fn triangular(s: &mut Source) -> Triangular {
    Triangular { upper: s.rarely(2), transposed: s.rarely(2), unit: s.rarely(2) }
}

fn lu_solve(s: &mut Source) -> Outcome {
    right_side(s, |s, x, b| {
        let (f, order) = x.lu_factor()?;
        let order = if s.rarely(4) { s.ids(order.shape()) } else { order };
        one(f.lu_solve(&order, b, s.rarely(2)))
    })
}

/// `name` of one operand, all in one way.
macro_rules! table {
    ($(one: $($unary:ident)*;)? $(two: $($binary:ident)*;)? $(number: $($number:ident)*;)? $(axis: $($axis:ident)*;)?
     $(two_axis: $($two_axis:ident)*;)? $(axes: $($axes:ident)*;)? $(matrix: $($matrix:ident)*;)?
     $(two_of_matrix: $($two_of_matrix:ident)*;)? $(three_of_matrix: $($three_of_matrix:ident)*;)? $($name:literal: |$s:ident| $body:expr;)*) => {
        pub const CALLS: &[(&str, Call)] = &[
            $($((stringify!($unary), |s| one(Tensor::$unary(&s.any()))),)*)?
            $($((stringify!($binary), |s| pair(s, Tensor::$binary)),)*)?
            $($((stringify!($number), |s| with_number(s, Tensor::$number)),)*)?
            $($((stringify!($axis), |s| on_axis(s, Tensor::$axis)),)*)?
            $($((stringify!($two_axis), |s| pair_on_axis(s, Tensor::$two_axis)),)*)?
            $($((stringify!($axes), |s| over_axes(s, Tensor::$axes)),)*)?
            $($((stringify!($matrix), |s| one(matrices(s).$matrix())),)*)?
            $($((stringify!($two_of_matrix), |s| two(matrices(s).$two_of_matrix())),)*)?
            $($((stringify!($three_of_matrix), |s| three(matrices(s).$three_of_matrix())),)*)?
            $(($name, |$s| $body),)*
        ];
    };
}

table! {
    one: neg abs square sign relu sqrt rsqrt floor ceil round trunc recip exp exp_m1 ln ln_1p tanh sigmoid erf sin cos
        exp2 log2 log10 tan asin acos atan sinh cosh asinh acosh atanh erfc lgamma digamma gelu gelu_tanh silu softplus
        log_sigmoid logical_not is_nan is_finite contiguous copied t diagonal diag
        frac softsign deg2rad rad2deg cbrt erfinv logit sinc is_inf bitwise_not;
    two: add sub mul div maximum minimum pow atan2 hypot copysign logaddexp xlogy eq ne lt le gt ge logical_and
        logical_or logical_xor relu_grad tanh_grad sigmoid_grad gelu_grad gelu_tanh_grad silu_grad softplus_grad
        log_sigmoid_grad matmul dot inner outer kron fmod remainder floor_divide heaviside gcd lcm
        bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift;
    number: add_scalar mul_scalar pow_scalar leaky_relu elu;
    axis: median argmax argmin cumsum cumprod softmax log_softmax logsumexp squeeze unsqueeze flip;
    two_axis: softmax_grad log_softmax_grad linear_recurrence cross;
    axes: sum sum_keep mean mean_keep prod prod_keep max max_keep min min_keep any any_keep all all_keep count_nonzero
        count_nonzero_keep;
    matrix: inv det cholesky cholesky_inverse svdvals eigvalsh eigvals matrix_exp cond slogdet_packed lu_packed
        qr_packed svd_packed eigh_packed eig_packed;
    two_of_matrix: lu_factor inv_ex slogdet qr eigh;
    three_of_matrix: lu svd eig;
    "var": |s| { let (x, axes, n) = (s.float(), s.axes(), s.count()); one(x.var(&axes, n)) };
    "var_keep": |s| { let (x, axes, n) = (s.float(), s.axes(), s.count()); one(x.var_keep(&axes, n)) };
    "clamp": |s| { let (x, lo, hi) = (s.any(), s.number(), s.number()); one(x.clamp(lo, hi)) };
    "clamp_grad": |s| { let x = s.any(); let (g, lo, hi) = (s.like(&x), s.number(), s.number()); one(x.clamp_grad(&g, lo, hi)) };
    "leaky_relu_grad": |s| { let x = s.any(); let (g, slope) = (s.like(&x), s.number()); one(x.leaky_relu_grad(&g, slope)) };
    "elu_grad": |s| { let x = s.any(); let (g, alpha) = (s.like(&x), s.number()); one(x.elu_grad(&g, alpha)) };
    "add_owned": |s| { let x = s.any(); let y = s.like(&x); one(x.copied()?.add_owned(&y)) };
    "reshape": |s| { let x = s.any(); let shape = s.shape_for(&x); one(x.reshape(&shape)) };
    "expand": |s| { let x = s.any(); let shape = s.shape_for(&x); one(x.expand(&shape)) };
    "flatten": |s| { let (x, a, b) = (s.any(), s.axis(), s.axis()); one(x.flatten(a, b)) };
    "permute": |s| { let x = s.any(); let axes = (0..x.rank() as isize).rev().map(|a| if s.rarely(9) { s.axis() } else { a }).collect::<Vec<_>>(); one(x.permute(axes)) };
    "transpose": |s| { let (x, a, b) = (s.any(), s.axis(), s.axis()); one(x.transpose(a, b)) };
    "narrow": |s| { let (x, a, start, len) = (s.any(), s.axis(), s.count(), s.count()); one(x.narrow(a, start, len)) };
    "select": |s| { let (x, a, i) = (s.any(), s.axis(), s.signed()); one(x.select(a, i)) };
    "split": |s| { let (x, a, sizes) = (s.any(), s.axis(), s.many(3, |s| s.count())); x.split(a, &sizes) };
    "chunk": |s| { let (a, n) = (s.axis(), s.count()); let shape = s.many(3, |s| s.below(6)); let x = s.of(tensor::DType::U8, &shape); x.chunk(a, n) };
    "slice": |s| { let (x, args) = (s.any(), s.slice_args()); one(x.slice(&args)) };
    "slice_scatter": |s| part(s, Tensor::slice_scatter_owned, Tensor::slice_scatter);
    "slice_add": |s| part(s, Tensor::slice_add_owned, Tensor::slice_add);
    "cat": |s| several(s, Tensor::cat);
    "stack": |s| several(s, Tensor::stack);
    "repeat": |s| { let (x, times) = (s.any(), s.many(5, |s| s.count())); one(x.repeat(&times)) };
    "tril": |s| { let (x, d) = (s.any(), s.signed()); one(x.tril(d)) };
    "triu": |s| { let (x, d) = (s.any(), s.signed()); one(x.triu(d)) };
    "index_select": |s| { let (x, a) = (s.any(), s.axis()); let i = s.indices(&x); one(x.index_select(a, &i)) };
    "gather": |s| { let (x, a) = (s.any(), s.axis()); let i = s.indices(&x); one(x.gather(a, &i)) };
    "index_add": |s| along(s, Tensor::index_add_owned, false);
    "index_add of another": |s| along(s, |x, a, i, src| x.index_add(a, i, src), false);
    "scatter_add": |s| along(s, Tensor::scatter_add_owned, true);
    "scatter_add of another": |s| along(s, |x, a, i, src| x.scatter_add(a, i, src), true);
    "one_hot": |s| { let like = s.any(); let (i, n, dtype) = (s.indices(&like), s.count(), s.dtype()); one(i.one_hot(n, dtype)) };
    "argsort": |s| { let (x, a, order) = (s.any(), s.axis(), s.order()); one(x.argsort(a, order)) };
    "sort": |s| { let (x, a, order) = (s.any(), s.axis(), s.order()); two(x.sort(a, order)) };
    "topk": |s| { let (x, k, a, order) = (s.any(), s.count(), s.axis(), s.order()); two(x.topk(k, a, order)) };
    "kthvalue": |s| { let (x, k, a) = (s.any(), s.count(), s.axis()); two(x.kthvalue(k, a)) };
    "quantile": |s| { let (x, q, a) = (s.float(), s.number(), s.axis()); one(x.quantile(if s.rarely(3) { q } else { 0.3 }, a)) };
    "cummax": |s| { let (x, a) = (s.any(), s.axis()); two(x.cummax(a)) };
    "cummin": |s| { let (x, a) = (s.any(), s.axis()); two(x.cummin(a)) };
    "unique": |s| { let x = s.any(); let u = if s.rarely(2) { x.unique()? } else { x.unique_consecutive()? }; Ok(vec![u.values, u.inverse, u.counts]) };
    "searchsorted": |s| { let n = s.below(6); let x = s.any(); let (row, right) = (s.shaped(&x, &[n]), s.rarely(2)); one(row.searchsorted(&x, right)) };
    "bucketize": |s| { let n = s.below(6); let x = s.any(); let (row, right) = (s.shaped(&x, &[n]), s.rarely(2)); one(x.bucketize(&row, right)) };
    "isin": |s| { let x = s.any(); let y = s.like(&x); one(x.isin(&y)) };
    "histogram": |s| { let n = s.below(6); let x = s.any(); let edges = s.shaped(&x, &[n]); one(x.histogram(&edges)) };
    "bincount": |s| { let x = s.any(); let i = s.indices(&x); let (w, n) = (maybe(s, &x, i.shape()), s.count()); one(i.bincount(w.as_ref(), n)) };
    "nonzero": |s| { let x = s.any(); Ok(vec![x.nonzero()?, x.flat_nonzero()?]) };
    "masked_select": |s| { let x = s.any(); let mask = s.like(&x).to_dtype(tensor::DType::Bool)?; one(x.masked_select(&mask)) };
    "take": |s| { let x = s.any(); let i = s.indices(&x); one(x.take(&i)) };
    "take_along_axis": |s| { let (x, a) = (s.any(), s.axis()); let i = s.indices(&x); one(x.take_along_axis(a, &i)) };
    "scatter": |s| along(s, |x, a, i, src| x.scatter(a, i, src), true);
    "index_fill": |s| { let (x, a, v, n) = (s.any(), s.axis(), s.number(), s.below(4)); let i = s.ids(&[n]); one(x.index_fill(a, &i, v)) };
    "gather_nd": |s| { let x = s.any(); let shape = [s.below(4), x.rank().min(1 + s.below(3))]; let i = s.ids(&shape); one(x.gather_nd(&i)) };
    "scatter_nd": |s| { let x = s.any(); let i = s.ids(&[2, 1]); let shape = [&[2], x.shape().get(1..).unwrap_or(&[])].concat(); let src = s.shaped(&x, &shape); Ok(vec![x.scatter_nd(&i, &src)?, x.scatter_nd_add(&i, &src).unwrap_or(src)]) };
    "permutation": |s| { let n = s.count(); none(Rng::seed(1).permutation(n)) };
    "linear": |s| linear(s);
    "matmul of matrices": |s| matmul(s);
    "tensordot": |s| { let x = s.any(); let (y, a, b) = (s.like(&x), s.axes(), s.axes()); one(x.tensordot(&y, &a, &b)) };
    "over_axes": |s| { let (a, b, i, j) = (s.shape(), s.shape(), s.axes(), s.axes()); none(Pair::over_axes("over_axes", &a, &b, &i, &j)) };
    "kron_shapes": |s| { let (a, b) = (s.shape(), s.shape()); none(kron_shapes(&a, &b)) };
    "check_cross": |s| { let (a, b, axis) = (s.shape(), s.shape(), s.axis()); none(if s.rarely(2) { check_cross(&a, &b, axis) } else { check_cross(&[3], &[3], 0) }) };
    "multi_dot_order": |s| { let shapes = s.many(3, |s| vec![2; s.below(4)]); none(multi_dot_order(&shapes.iter().map(|d| &d[..]).collect::<Vec<_>>())) };
    "multi_dot": |s| { let x = s.of(tensor::DType::F32, &[3, 3]); let m = s.many(4, |s| s.like(&x)); one(Tensor::multi_dot(&m.iter().collect::<Vec<_>>())) };
    "einsum": |s| einsum(s);
    "joined_axes": |s| { let x = s.any(); let axes = (0..x.rank()).map(|_| if s.rarely(9) { s.count() } else { s.below(2) }).collect::<Vec<_>>(); one(x.joined_axes(&axes)) };
    "split_axes": |s| { let (x, axes) = (s.any(), s.many(4, |s| if s.rarely(9) { s.count() } else { s.below(2) })); one(x.split_axes(&axes)) };
    "polygamma": |s| { let (x, n) = (s.any(), s.below(200) as u32); one(x.polygamma(if s.rarely(9) { u32::MAX } else { n })) };
    "where": |s| { let x = s.any(); let (y, like) = (s.like(&x), s.like(&x)); let mask = if s.rarely(9) { like } else { like.to_dtype(tensor::DType::Bool)? }; one(Tensor::where_(&mask, &x, &y)) };
    "masked_fill": |s| { let x = s.any(); let (mask, v) = (s.like(&x).to_dtype(tensor::DType::Bool)?, s.number()); one(x.masked_fill(&mask, v)) };
    "all_close": |s| { let x = s.any(); let (y, rtol, atol) = (s.like(&x), s.number(), s.number()); none(x.all_close(&y, rtol, atol)) };
    "is_close": |s| { let x = s.any(); let (y, rtol, atol) = (s.like(&x), s.number(), s.number()); one(x.is_close(&y, rtol, atol)) };
    "lerp": |s| { let x = s.any(); let (y, w) = (s.like(&x), s.like(&x)); one(x.lerp(&y, &w)) };
    "nan_to_num": |s| { let (x, nan, to) = (s.any(), s.number(), s.number()); one(x.nan_to_num(NanToNum { nan, pos_inf: Some(to), neg_inf: None })) };
    "fftfreq": |s| { let (n, d, dtype) = (s.count(), s.number(), s.dtype()); Ok(vec![Tensor::fftfreq(n, d, dtype)?, Tensor::rfftfreq(n, d, dtype)?]) };
    "fft_along": |s| { let x = s.float(); let kind = s.pick(&[Fft::Forward, Fft::Inverse, Fft::RealForward, Fft::RealInverse]); let (n, len, axis, scale) = (s.count(), s.count(), s.axis(), s.number()); one(x.fft_along(kind, n, len, axis, scale)) };
    "fft_axes": |s| { let (x, n, axes) = (s.any(), s.many(3, |s| s.count()), s.axes()); none(fft_axes("fftn", x.shape(), s.rarely(2), &n, &axes)) };
    "bit_eq": |s| { let x = s.any(); let y = s.like(&x); assert!(x.bit_eq(&x) && x.bit_eq(&y) == y.bit_eq(&x)); Ok(vec![]) };
    "to_dtype": |s| { let (x, dtype) = (s.any(), s.dtype()); one(x.to_dtype(dtype)) };
    "promote": |s| { let (x, dtype) = (s.any(), s.dtype()); let y = s.of(dtype, &[2]); two(x.promote(&y)) };
    "sum_to": |s| { let x = s.any(); let y = s.like(&x); one(x.sum_to(y.shape())) };
    "layer_norm": |s| layer_norm(s, false);
    "layer_norm_grad": |s| layer_norm(s, true);
    "full": |s| { let (shape, v, dtype) = (s.many(3, |s| s.count()), s.number(), s.dtype()); one(Tensor::full(shape, v, dtype)) };
    "zeros and ones": |s| { let (shape, dtype) = (s.shape(), s.dtype()); Ok(vec![Tensor::zeros(&shape, dtype)?, Tensor::ones(&shape, dtype)?]) };
    "arange": |s| { let (n, dtype) = (s.count(), s.dtype()); one(Tensor::arange(n, dtype)) };
    "eye": |s| { let (n, dtype) = (s.count(), s.dtype()); one(Tensor::eye(n, dtype)) };
    "from_slice": |s| { let (data, shape) = (vec![1.0f32; s.below(6)], s.many(2, |s| s.count())); one(Tensor::from_slice(&data, shape)) };
    "from_le_bytes": |s| from_bytes(s);
    "reading": |s| reading(s);
    "mse": |s| { let x = s.any(); let (y, g) = (s.like(&x), s.shaped(&x, &[])); Ok(vec![mse(&x, &y)?, mse_grad(&x, &y, &g)?]) };
    "dropped": |s| { let x = s.any(); let (y, mask, scale) = (s.like(&x), s.like(&x).to_dtype(DType::Bool)?, s.number()); Ok(vec![dropped(&x, &mask, scale)?, add_dropped(&x, &y, &mask, scale)?]) };
    "gated": |s| { let x = s.any(); let (gate, g) = (s.like(&x), s.like(&x)); let act = s.pick(&[Gate::Sigmoid, Gate::Relu, Gate::Gelu, Gate::GeluTanh, Gate::Silu]); Ok(vec![gated(&x, &gate, act)?, gated_grad(&x, &gate, &g, act)?]) };
    "sum_of_squares": |s| { let x = s.float(); let more = s.many(3, |s| s.like(&x)); none(sum_of_squares(&more.iter().collect::<Vec<_>>())) };
    "cross_entropy": |s| cross_entropy_of(s);
    "sgd_update": |s| sgd(s);
    "adam_update": |s| adam(s);
    "uniform": |s| { let (shape, lo, hi, dtype) = (s.shape(), s.number(), s.number(), s.dtype()); one(Rng::seed(1).uniform(shape, lo, hi, dtype)) };
    "normal": |s| { let (shape, mean, std, dtype) = (s.shape(), s.number(), s.number(), s.dtype()); one(Rng::seed(1).normal(shape, mean, std, dtype)) };
    "bernoulli": |s| { let (shape, p) = (s.many(3, |s| s.count()), s.number()); one(Rng::seed(1).bernoulli(shape, p)) };
    "below": |s| { let n = s.count(); none(Rng::seed(1).below(n)) };
    "solve": |s| right_side(s, |_, x, b| one(x.solve(b)));
    "solve_ex": |s| right_side(s, |_, x, b| three(x.solve_ex(b)));
    "lu_solve": |s| lu_solve(s);
    "triangular_solve": |s| right_side(s, |s, x, b| one(x.triangular_solve(b, triangular(s))));
    "cholesky_solve": |s| right_side(s, |_, x, b| one(x.cholesky_solve(b)));
    "lstsq": |s| right_side(s, |_, x, b| one(x.lstsq(b)));
    "pinv": |s| { let (x, rtol) = (matrices(s), s.number()); one(x.pinv(s.rarely(2).then_some(rtol))) };
    "matrix_rank": |s| { let (x, rtol) = (matrices(s), s.number()); one(x.matrix_rank(s.rarely(2).then_some(rtol))) };
    "matrix_power": |s| { let (x, p) = (matrices(s), s.below(9) as i32 - 4); one(x.matrix_power(p)) };
    "matrix_norm": |s| { let x = matrices(s); let norm = s.pick(&[MatrixNorm::Frobenius, MatrixNorm::Nuclear, MatrixNorm::One, MatrixNorm::MinTwo, MatrixNorm::Infinity]); one(x.matrix_norm(norm)) };
    "packed_matrix": |s| { let (x, start, m, n) = (s.any(), s.count(), s.count(), s.count()); one(x.packed_matrix(start, m, n)) };
}
