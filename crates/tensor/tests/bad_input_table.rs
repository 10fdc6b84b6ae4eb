//! More bad input, by family of function: each is an error with its text, or the value stated.

use tensor::{DType, Element, Fft, Order, PadMode, Tensor, fft_axes};

type One = Result<Tensor, tensor::Error>;
type OnAxis = (&'static str, fn(&Tensor, isize) -> One);

fn x(shape: &[usize]) -> Tensor {
    Tensor::zeros(shape, DType::F32).unwrap()
}

fn vector<T: Element>(data: &[T]) -> Tensor {
    Tensor::from_slice(data, [data.len()]).unwrap()
}

fn empty(dtype: DType) -> Tensor {
    Tensor::zeros([0], dtype).unwrap()
}

/// The text of the refusal.
#[track_caller]
fn refused<T>(result: Result<T, tensor::Error>) -> String {
    match result {
        Ok(_) => panic!("was not refused"),
        Err(error) => error.to_string(),
    }
}

macro_rules! refuses {
    ($($call:expr => $text:literal;)*) => {$( assert_eq!(refused($call), $text, stringify!($call)); )*};
}

#[test]
fn more_memory_than_the_machine_has_is_refused_also_where_the_system_would_promise_it() {
    // 2^45 bytes, which a system that promises too much grants.
    let long = 1usize << 43;
    refuses! {
        Tensor::zeros([long], DType::F32) => "[full] memory must be had for the result; got a refusal for 35184372088832 bytes; use smaller sizes or free some tensors";
        Tensor::zeros([8, long], DType::Bool) => "[full] memory must be had for the result; got a refusal for 70368744177664 bytes; use smaller sizes or free some tensors";
        Tensor::arange(long, DType::F32) => "[arange] memory must be had for the result; got a refusal for 35184372088832 bytes; use smaller sizes or free some tensors";
        Tensor::eye(1 << 21, DType::F64) => "[eye] memory must be had for the result; got a refusal for 35184372088832 bytes; use smaller sizes or free some tensors";
        Tensor::scalar(1.0f32).expand([long]).unwrap().contiguous() => "[contiguous] memory must be had for the result; got a refusal for 35184372088832 bytes; use smaller sizes or free some tensors";
        Tensor::scalar(1.0f32).expand([long]).unwrap().exp() => "[exp] memory must be had for the result; got a refusal for 35184372088832 bytes; use smaller sizes or free some tensors";
        vector(&[1i64]).one_hot(long, DType::F32) => "[one_hot] memory must be had for the result; got a refusal for 35184372088832 bytes; use smaller sizes or free some tensors";
        vector(&[1.0f32, 2.0]).repeat(&[long]) => "[contiguous] memory must be had for the result; got a refusal for 70368744177664 bytes; use smaller sizes or free some tensors";
        vector(&[0.0f32]).repeat(&[1 << 62]) => "[repeat] a tensor must stay below 9223372036854775807 bytes; got shape [4611686018427387904, 1] of f32; use smaller sizes";
        Tensor::eye(1 << 32, DType::U8) => "[eye] a tensor must stay below 9223372036854775807 bytes; got shape [4294967296, 4294967296] of u8; use smaller sizes";
    }
}

#[test]
fn axes_without_end_are_no_work_where_another_axis_is_empty() {
    let long = 1usize << 47;
    let a = x(&[1, 0, 2]).expand([long, 0, 2]).unwrap();
    let b = x(&[1, 2, 3]).expand([long, 2, 3]).unwrap();
    assert_eq!(a.matmul(&b).unwrap().shape(), [long, 0, 3]);
    assert_eq!(a.add(&x(&[2])).unwrap().shape(), [long, 0, 2]);
    assert_eq!(a.sum(&[0]).unwrap().shape(), [0, 2]);
    assert_eq!(a.contiguous().unwrap().to_vec::<f32>().unwrap(), []);
    assert_eq!(a.softmax(-1).unwrap().len(), 0);
    let row = x(&[0, 1]).expand([0, long]).unwrap();
    refuses! {
        row.split_axes(&[0, 1, 1]) => "[split_axes] a tensor must stay below 9223372036854775807 bytes; got shape [0, 140737488355328, 140737488355328] of f32; use smaller sizes";
    }
}

#[test]
fn every_function_of_an_axis_refuses_those_that_are_not_there() {
    let functions: [OnAxis; 17] = [
        ("argmax", Tensor::argmax),
        ("argmin", Tensor::argmin),
        ("cumsum", Tensor::cumsum),
        ("cumprod", Tensor::cumprod),
        ("softmax", Tensor::softmax),
        ("log_softmax", Tensor::log_softmax),
        ("logsumexp", Tensor::logsumexp),
        ("squeeze", Tensor::squeeze),
        ("flip", Tensor::flip),
        ("transpose", |x, axis| x.transpose(0, axis)),
        ("flatten", |x, axis| x.flatten(0, axis)),
        ("select", |x, axis| x.select(axis, 0)),
        ("mean", |x, axis| x.mean(&[axis])),
        ("var", |x, axis| x.var(&[0, axis], 1)),
        ("argsort", |x, axis| x.argsort(axis, Order::Ascending)),
        ("linear_recurrence", |x, axis| x.linear_recurrence(x, axis)),
        ("scatter_add", |x, axis| x.scatter_add(axis, &Tensor::zeros([2, 3], DType::I64)?, x)),
    ];
    for (op, f) in functions {
        for axis in [2, 5, -3, isize::MIN, isize::MAX] {
            let text = format!(
                "[{op}] an axis must exist; got axis {axis} for rank 2; use each axis of -2..2 at most once"
            );
            assert_eq!(refused(f(&x(&[2, 3]), axis)), text);
        }
    }
}

#[test]
fn many_axes_overflow_no_table() {
    let many = x(&[1; 70]);
    assert_eq!(many.add(&many).unwrap().rank(), 70);
    assert_eq!(many.sum(&[0, -1]).unwrap().rank(), 68);
    assert_eq!(many.transpose(0, 69).unwrap().matmul(&many).unwrap().rank(), 70);
    assert_eq!(many.flatten(0, -1).unwrap().shape(), [1]);
    assert_eq!(many.expand([vec![2], vec![1; 68], vec![3]].concat()).unwrap().exp().unwrap().len(), 6);
    assert_eq!(many.tensordot(&many, &[0], &[69]).unwrap().rank(), 138);
    refuses! {
        Tensor::einsum("...", &[&many]) => "[einsum] an ellipsis may stand for 64 axes; got 70 in operand 0; reshape the operand";
    }
}

#[test]
fn integers_wrap_the_same_in_every_build() {
    let ends = vector(&[i64::MIN, i64::MAX]);
    assert_eq!(ends.add(&vector(&[-1i64, 1])).unwrap().to_vec::<i64>().unwrap(), [i64::MAX, i64::MIN]);
    assert_eq!(ends.sub(&vector(&[1i64, -1])).unwrap().to_vec::<i64>().unwrap(), [i64::MAX, i64::MIN]);
    assert_eq!(ends.square().unwrap().to_vec::<i64>().unwrap(), [0, 1]);
    assert_eq!(ends.mul_scalar(2.0).unwrap().to_vec::<i64>().unwrap(), [0, -2]);
    assert_eq!(vector(&[i64::MAX, 1]).cumsum(0).unwrap().to_vec::<i64>().unwrap(), [i64::MAX, i64::MIN]);
    assert_eq!(vector(&[i64::MAX, 2]).cumprod(0).unwrap().to_vec::<i64>().unwrap(), [i64::MAX, -2]);
    assert_eq!(vector(&[i64::MAX, 1]).sum(&[]).unwrap().to_vec::<i64>().unwrap(), [i64::MIN]);
    assert_eq!(vector(&[i64::MAX, 2]).prod(&[]).unwrap().to_vec::<i64>().unwrap(), [-2]);
    assert_eq!(vector(&[1u8, 0]).neg().unwrap().to_vec::<u8>().unwrap(), [255, 0]);
    assert_eq!(vector(&[200u8]).mul(&vector(&[2u8])).unwrap().to_vec::<u8>().unwrap(), [144]);
    assert_eq!(
        ends.clamp(f64::NEG_INFINITY, f64::INFINITY).unwrap().to_vec::<i64>().unwrap(),
        [i64::MIN, i64::MAX]
    );
}

#[test]
fn integers_are_not_divided_by_zero_nor_raised_to_powers() {
    refuses! {
        vector(&[1u8, 2]).div(&vector(&[1u8, 0])) => "[div] an integer cannot be divided by 0; got a divisor with a 0 in it; mask the zeros or convert to floats";
        vector(&[1i64, 2]).div(&Tensor::scalar(0i64)) => "[div] an integer cannot be divided by 0; got a divisor with a 0 in it; mask the zeros or convert to floats";
        vector(&[true]).div(&vector(&[true])) => "[div] operands must be numbers; got bool; convert with to_dtype first";
        vector(&[2i64]).pow_scalar(-1.0) => "[pow_scalar] the operand must be a float; got i64; convert with to_dtype first";
        vector(&[2i64]).sqrt() => "[sqrt] the operand must be a float; got i64; convert with to_dtype first";
        vector(&[1.0f32]).polygamma(170) => "[polygamma] the order must not exceed 169, whose factor still fits a double; got 170; use a lower order";
    }
}

#[test]
fn integers_have_written_rules_for_division_powers_and_shifts() {
    let values = |x: Result<Tensor, tensor::Error>| x.unwrap().to_vec::<i64>().unwrap();
    let (min, max) = (i64::MIN, i64::MAX);
    let (x, y) = (vector(&[7, -7, 7, -7, min, min, 0]), vector(&[2i64, 2, -2, -2, -1, 1, -5]));
    assert_eq!(values(x.div(&y)), [3, -3, -3, 3, min, min, 0]);
    assert_eq!(values(x.floor_divide(&y)), [3, -4, -4, 3, min, min, 0]);
    assert_eq!(values(x.fmod(&y)), [1, -1, 1, -1, 0, 0, 0]);
    assert_eq!(values(x.remainder(&y)), [1, 1, -1, -1, 0, 0, 0]);
    let bytes = vector(&[250u8, 7]).remainder(&vector(&[7u8])).unwrap();
    assert_eq!(bytes.to_vec::<u8>().unwrap(), [5, 0]);
    // Powers wrap, whatever the exponent.
    let powers = vector(&[2i64, 2, -3, 0, 3, min, -1]).pow(&vector(&[62i64, 64, 3, 0, 41, 2, max]));
    assert_eq!(values(powers), [1 << 62, 0, -27, 1, 3i64.wrapping_pow(41), 0, -1]);
    // A count outside 0..64 leaves nothing but the sign.
    let (x, by) = (vector(&[1, -1, 5, -5, 5, -5, min]), vector(&[63i64, 63, 64, 64, -1, min, max]));
    assert_eq!(values(x.bitwise_left_shift(&by)), [min, min, 0, 0, 0, 0, 0]);
    assert_eq!(values(x.bitwise_right_shift(&by)), [0, -1, 0, -1, 0, -1, -1]);
    let bytes = vector(&[200u8, 200, 200]);
    let by = vector(&[1u8, 8, 255]);
    assert_eq!(bytes.bitwise_left_shift(&by).unwrap().to_vec::<u8>().unwrap(), [144, 0, 0]);
    assert_eq!(bytes.bitwise_right_shift(&by).unwrap().to_vec::<u8>().unwrap(), [100, 0, 0]);
    let (x, y) = (vector(&[12, -12, 0, 0, min, min, max]), vector(&[18i64, 18, 5, 0, 0, 6, max - 1]));
    assert_eq!(values(x.gcd(&y)), [6, 6, 5, 0, min, 2, 1]);
    assert_eq!(values(x.lcm(&y)), [36, 36, 0, 0, 0, min, max.wrapping_mul(max - 1)]);
    assert_eq!(values(vector(&[min, max]).clamp(-1e30, 5.0)), [min, 5]);
    assert_eq!(vector(&[7u8, 200]).clamp(-3.0, 300.0).unwrap().to_vec::<u8>().unwrap(), [7, 200]);
    let zeros = vector(&[1i64, 0]);
    refuses! {
        zeros.fmod(&zeros) => "[fmod] an integer cannot be divided by 0; got a divisor with a 0 in it; mask the zeros or convert to floats";
        zeros.remainder(&zeros) => "[remainder] an integer cannot be divided by 0; got a divisor with a 0 in it; mask the zeros or convert to floats";
        zeros.floor_divide(&zeros) => "[floor_divide] an integer cannot be divided by 0; got a divisor with a 0 in it; mask the zeros or convert to floats";
        vector(&[2i64, 2]).pow(&vector(&[1, -1i64])) => "[pow] an integer cannot be raised to a negative power; got an exponent below 0; convert to floats";
        vector(&[1.0f32]).bitwise_and(&vector(&[1.0f32])) => "[bitwise_and] operands must be integers or booleans; got f32; convert with to_dtype first";
        vector(&[1.0f32]).bitwise_not() => "[bitwise_not] the operand must be integers or booleans; got f32; convert with to_dtype first";
        vector(&[true]).bitwise_left_shift(&vector(&[true])) => "[bitwise_left_shift] operands must be integers; got bool; convert with to_dtype first";
        vector(&[1.5f64]).gcd(&vector(&[1.5f64])) => "[gcd] operands must be integers; got f64; convert with to_dtype first";
        vector(&[3u8]).clamp(0.0, 1.5) => "[clamp] bounds of integers must be whole; got lo 0, hi 1.5 for u8; round them or convert to floats";
    }
}

#[test]
fn remainders_of_floats_are_exact_and_have_the_stated_sign() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    let x = vector(&[7.5, -7.5, 7.5, -7.5, 1e300, 0.3, -0.0, 1.0, -1.0, inf, 1.0, nan]);
    let y = vector(&[2.0, 2.0, -2.0, -2.0, 3.0, 0.1, 1.0, inf, inf, 2.0, 0.0, 1.0]);
    let same = |x: Tensor, expected: &[f64]| {
        let x = x.to_vec::<f64>().unwrap();
        let equal = |(x, e): (&f64, &f64)| x.to_bits() == e.to_bits() || x.is_nan() && e.is_nan();
        assert!(x.iter().zip(expected).all(equal), "{x:?} for {expected:?}");
    };
    let exact = 0.3f64 % 0.1;
    same(x.fmod(&y).unwrap(), &[1.5, -1.5, 1.5, -1.5, 1e300 % 3.0, exact, -0.0, 1.0, -1.0, nan, nan, nan]);
    same(x.remainder(&y).unwrap(), &[1.5, 0.5, -0.5, -1.5, 1e300 % 3.0, exact, 0.0, 1.0, inf, nan, nan, nan]);
    same(
        x.floor_divide(&y).unwrap(),
        &[3.0, -4.0, -4.0, 3.0, 1e300 / 3.0, 2.0, -0.0, 0.0, -1.0, nan, inf, nan],
    );
    // Random pairs of all sizes against the exact remainder of the language.
    let draw = |seed: u64| -> Vec<f32> {
        (0..100_000u64)
            .map(
                |i| f32::from_bits((i * 0x9e37_79b9 + seed * 0x85eb_ca6b).wrapping_mul(2_654_435_769) as u32),
            )
            .collect()
    };
    let (a, b) = (draw(1), draw(2));
    let got = vector(&a).fmod(&vector(&b)).unwrap().to_vec::<f32>().unwrap();
    for ((a, b), got) in a.iter().zip(&b).zip(got) {
        let want = a % b;
        assert!(
            got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(),
            "{a:e} by {b:e}: {got:e}, {want:e}"
        );
    }
}

#[test]
fn transforms_of_several_axes_need_axes_and_lengths_that_agree() {
    refuses! {
        fft_axes("fftn", &[3, 4], true, &[], &[]) => "[fftn] the last axis must have size 2, for real and imaginary part; got [3, 4]; stack the two parts along a new last axis";
        fft_axes("rfftn", &[], false, &[], &[]) => "[rfftn] there must be an axis at least, and one for every length; got lengths [] and axes [] for []; name as many axes as lengths";
        fft_axes("fftn", &[3, 2], true, &[3, 4], &[]) => "[fftn] there must be an axis at least, and one for every length; got lengths [3, 4] and axes [] for [3, 2]; name as many axes as lengths";
        fft_axes("fftn", &[3, 4, 2], true, &[3], &[0, 1]) => "[fftn] there must be an axis at least, and one for every length; got lengths [3] and axes [0, 1] for [3, 4, 2]; name as many axes as lengths";
        fft_axes("fftn", &[3, 4, 2], true, &[], &[0, -2]) => "[fftn] an axis may be named once; got axis -2 for rank 2; use each axis of -2..2 at most once";
        fft_axes("fftn", &[3, 4, 2], true, &[], &[2]) => "[fftn] an axis must exist; got axis 2 for rank 2; use each axis of -2..2 at most once";
        Tensor::fftfreq(4, 0.0, DType::F32) => "[fftfreq] the spacing must be a number other than 0; got 0; give the distance of two samples";
        Tensor::rfftfreq(4, f64::NAN, DType::F32) => "[rfftfreq] the spacing must be a number other than 0; got NaN; give the distance of two samples";
        Tensor::fftfreq(4, 1.0, DType::I64) => "[fftfreq] the result must be floats; got i64; convert with to_dtype first";
        Tensor::fftfreq(1 << 62, 1.0, DType::F32) => "[fftfreq] a tensor must stay below 9223372036854775807 bytes; got shape [4611686018427387904] of f32; use smaller sizes";
    }
    assert_eq!(
        Tensor::fftfreq(5, 2.0, DType::F64).unwrap().to_vec::<f64>().unwrap(),
        [0.0, 0.1, 0.2, -0.2, -0.1]
    );
    assert_eq!(Tensor::rfftfreq(4, 1.0, DType::F64).unwrap().to_vec::<f64>().unwrap(), [0.0, 0.25, 0.5]);
    assert_eq!(Tensor::rfftfreq(0, 1.0, DType::F64).unwrap().len(), 0);
}

#[test]
fn products_need_axes_that_meet() {
    refuses! {
        x(&[3]).matmul(&x(&[4])) => "[matmul] the last axis of the left operand must equal the second-to-last of the right; got [3] and [4]; transpose one operand with t()";
        x(&[3]).matmul(&x(&[])) => "[matmul] operands must have at least one axis; got [3] and []; multiply by a scalar with mul";
        x(&[2, 3]).linear(&x(&[4]), None, false) => "[linear] the last axis of the input must equal the second axis of the weight (d_out, d_in); got [2, 3] and [4]; change d_in of the layer or the features of the input";
        x(&[2, 3]).linear(&x(&[4, 3]), Some(&x(&[3])), false) => "[linear] the bias must have one element for each row of the weight; got [3] and [4, 3]; give it shape (d_out)";
        x(&[2, 3]).tensordot(&x(&[4]), &[1], &[0]) => "[tensordot] axes that are summed together must have one size; got [2, 3] and [4]; name other axes";
        x(&[2, 3]).cross(&x(&[2, 3]), 0) => "[cross] operands must have one rank, and 3 positions along the axis; got [2, 3] and [2, 3]; name the axis of the vectors' components";
        Tensor::multi_dot(&[&x(&[2, 3])]) => "[multi_dot] there must be two matrices at least; got 1; a single one needs no product";
        Tensor::einsum("ij->ik", &[&x(&[2, 3])]) => "[einsum] every letter of the output must stand in a term; got 'k' in \"ij->ik\"; take it out of the output";
        Tensor::einsum("ij,jk->ik", &[&x(&[2, 3]), &x(&[4, 5])]) => "[einsum] a label must have one size, or 1 in other operands; got 'j' with 3 and 4 in \"ij,jk->ik\"; reshape an operand or use another letter";
        Tensor::einsum("", &[]) => "[einsum] there must be one term for each operand; got 1 in \"\" for 0 operands; separate the terms by commas";
        Tensor::einsum("i√", &[&x(&[2])]) => "[einsum] subscripts are made of letters, \",\", \"...\" and one \"->\"; got '√' at position 1 of \"i√\"; correct the subscripts";
    }
}

#[test]
fn reductions_of_no_or_one_element_have_the_stated_value() {
    assert_eq!(empty(DType::F64).prod(&[]).unwrap().to_vec::<f64>().unwrap(), [1.0]);
    assert_eq!(empty(DType::I64).prod(&[]).unwrap().to_vec::<i64>().unwrap(), [1]);
    assert_eq!(empty(DType::U8).sum(&[]).unwrap().to_vec::<i64>().unwrap(), [0]);
    assert_eq!(empty(DType::Bool).all(&[]).unwrap().to_vec::<bool>().unwrap(), [true]);
    assert!(empty(DType::F32).var(&[], 0).unwrap().item().unwrap().is_nan());
    assert!(x(&[1]).var(&[], 1).unwrap().item().unwrap().is_nan());
    assert!(x(&[3]).var(&[], usize::MAX).unwrap().item().unwrap().is_nan());
    refuses! {
        x(&[0]).max(&[]) => "[max] an empty axis has no maximum; got [0] over axis 0; leave the empty axis out or give it elements";
        x(&[2, 0]).min(&[]) => "[min] an empty axis has no minimum; got [2, 0] over axes [0, 1]; leave the empty axis out or give it elements";
        x(&[0]).argmin(0) => "[argmin] an empty axis has no minimum; got [0] over axis 0; leave the empty axis out or give it elements";
    }
    assert_eq!(x(&[0, 2]).max(&[1]).unwrap().shape(), [0]);
    assert_eq!(x(&[2, 0]).softmax(1).unwrap().shape(), [2, 0]);
    assert_eq!(x(&[2, 0]).logsumexp(1).unwrap().to_vec::<f32>().unwrap(), [f32::NEG_INFINITY; 2]);
    assert_eq!(x(&[2, 0]).cumsum(1).unwrap().shape(), [2, 0]);
}

#[test]
fn nan_has_its_place_in_every_order() {
    let data = vector(&[0.0f64, f64::NAN, f64::NEG_INFINITY, -0.0, f64::INFINITY]);
    let positions = |order| data.argsort(0, order).unwrap().to_vec::<i64>().unwrap();
    assert_eq!(positions(Order::Ascending), [2, 0, 3, 4, 1]);
    assert_eq!(positions(Order::Descending), [1, 4, 0, 3, 2]);
    let (values, indices) = data.topk(2, 0, Order::Descending).unwrap();
    assert!(values.to_vec::<f64>().unwrap()[0].is_nan());
    assert_eq!(indices.to_vec::<i64>().unwrap(), [1, 4]);
    assert_eq!(data.argmin(0).unwrap().to_vec::<i64>().unwrap(), [1]);
    assert!(data.min(&[]).unwrap().item().unwrap().is_nan());
    assert_eq!(data.topk(0, 0, Order::Ascending).unwrap().0.shape(), [0]);
    refuses! {
        data.topk(6, 0, Order::Descending) => "[topk] k must not exceed the axis; got k = 6 for shape [5] along axis 0; use a smaller k";
        data.topk(usize::MAX, 0, Order::Ascending) => "[topk] k must not exceed the axis; got k = 18446744073709551615 for shape [5] along axis 0; use a smaller k";
    }
}

#[test]
fn parts_and_positions_at_the_edges_are_refused_or_empty() {
    refuses! {
        x(&[4]).split(0, &[]) => "[split] the sizes must add up to the axis; got sizes [] on axis 0 of [4]; correct the sizes";
        x(&[4]).narrow(0, 5, 0) => "[narrow] the range must end inside the axis; got start 5, len 0 on axis 0 of [4]; shorten or move the range";
        x(&[4]).select(0, isize::MIN) => "[select] the position must exist; got index -9223372036854775808 on axis 0 of [4]; use an index of -size..size";
        x(&[3]).index_add(0, &vector(&[3i64]), &x(&[1])) => "[index_add] an index must lie in 0..3; got 3 at position 0; check the indices or the size they were made for";
        x(&[3]).scatter_add(0, &vector(&[0, -4i64]), &x(&[2])) => "[scatter_add] an index must lie in 0..3; got -4 at position 1; check the indices or the size they were made for";
        x(&[3]).gather(0, &vector(&[i64::MIN])) => "[gather] an index must lie in 0..3; got -9223372036854775808 at position 0; check the indices or the size they were made for";
    }
    assert_eq!(x(&[0]).split(0, &[]).unwrap().len(), 0);
    assert_eq!(x(&[4]).narrow(0, 4, 0).unwrap().shape(), [0]);
    assert_eq!(Tensor::arange(0, DType::I64).unwrap().shape(), [0]);
    assert_eq!(Tensor::eye(0, DType::F32).unwrap().shape(), [0, 0]);
}

#[test]
fn masks_meet_every_dtype_at_its_ends() {
    let mask = vector(&[true, false]);
    assert_eq!(vector(&[1u8, 2]).masked_fill(&mask, 300.0).unwrap().to_vec::<u8>().unwrap(), [255, 2]);
    assert_eq!(vector(&[1i64, 2]).masked_fill(&mask, f64::NAN).unwrap().to_vec::<i64>().unwrap(), [0, 2]);
    assert_eq!(vector(&[1i64, 2]).masked_fill(&mask, -1e30).unwrap().to_vec::<i64>().unwrap(), [i64::MIN, 2]);
    let wide = vector(&[f32::NAN, 1e30, -1e30, f32::NEG_INFINITY]);
    assert_eq!(
        wide.to_dtype(DType::I64).unwrap().to_vec::<i64>().unwrap(),
        [0, i64::MAX, i64::MIN, i64::MIN]
    );
    assert_eq!(vector(&[300i64, -1]).to_dtype(DType::U8).unwrap().to_vec::<u8>().unwrap(), [255, 0]);
}

#[test]
fn sequences_need_a_step_that_arrives_and_a_count() {
    let of = |start, end, step| Tensor::arange_step(start, end, step, DType::F32);
    refuses! {
        of(0.0, 1.0, 0.0) => "[arange_step] the step must lead from start to end; got 0 to 1 by 0; change the step's sign or size";
        of(0.0, 1.0, -1.0) => "[arange_step] the step must lead from start to end; got 0 to 1 by -1; change the step's sign or size";
        of(f64::NAN, 1.0, 1.0) => "[arange_step] start, end and step must be finite; got NaN to 1 by 1; use finite numbers";
        of(0.0, f64::INFINITY, 1.0) => "[arange_step] start, end and step must be finite; got 0 to inf by 1; use finite numbers";
        of(0.0, 4611686018427387904.0, 1.0) => "[arange_step] a tensor must stay below 9223372036854775807 bytes; got shape [4611686018427387904] of f32; use smaller sizes";
        of(f64::MIN, f64::MAX, 1e-300) => "[arange_step] a tensor must stay below 9223372036854775807 bytes; got shape [18446744073709551615] of f32; use smaller sizes";
        Tensor::linspace(0.0, 1.0, isize::MAX, DType::F32) => "[linspace] a tensor must stay below 9223372036854775807 bytes; got shape [9223372036854775807] of f32; use smaller sizes";
    }
    assert!(refused(Tensor::linspace(0.0, 1.0, -1, DType::F32)).starts_with("[linspace] "));
    assert!(refused(Tensor::logspace(0.0, 1.0, -1, 10.0, DType::F32)).starts_with("[logspace] "));
    assert_eq!(of(1.0, 1.0, 1.0).unwrap().shape(), [0]);
}

#[test]
fn borders_windows_and_repetitions_have_limits() {
    let long = Tensor::scalar(0u8).expand([1usize << 40]).unwrap();
    refuses! {
        x(&[4]).pad(&[(0, -5, 0)], PadMode::Constant(0.0)) => "[pad] a border must be 0 or more; got -5 before and 0 after axis 0 of [4]; cut with narrow";
        x(&[4]).pad(&[(0, isize::MAX, isize::MAX)], PadMode::Constant(0.0)) => "[pad] a tensor must stay below 9223372036854775807 bytes; got shape [18446744073709551615] of f32; use smaller sizes";
        x(&[4]).pad(&[(0, 1 << 62, 0)], PadMode::Replicate) => "[pad] a tensor must stay below 9223372036854775807 bytes; got shape [4611686018427387908] of f32; use smaller sizes";
        x(&[4]).pad(&[(0, 4, 0)], PadMode::Reflect) => "[pad] a reflected border must be smaller than the axis; got 4 before and 0 after axis 0 of [4]; pad less";
        x(&[0]).pad(&[(0, 1, 0)], PadMode::Replicate) => "[pad] there must be an edge to replicate; got 1 before and 0 after axis 0 of [0]; pad with a constant";
        x(&[4]).pad(&[(0, 0, 5)], PadMode::Circular) => "[pad] a circular border must not exceed the axis; got 0 before and 5 after axis 0 of [4]; pad less";
        x(&[4]).pad(&[(0, 1, 0), (-1, 1, 0)], PadMode::Reflect) => "[pad] an axis may be named once; got axis -1 for rank 1; use each axis of -1..1 at most once";
        x(&[4]).repeat_interleave(-1, 0) => "[repeat_interleave] repeats must be 0 or more; got -1 repeats for [4]; use a count";
        x(&[4]).repeat_interleave(1 << 62, 0) => "[repeat_interleave] a tensor must stay below 9223372036854775807 bytes; got shape [18446744073709551615] of f32; use smaller sizes";
        x(&[2]).unfold(0, 3, 1) => "[unfold] size and step must be 1 or more, and a window must fit in the axis; got size 3, step 1 on axis 0 of [2]; use smaller windows, or pad first";
        x(&[2]).unfold(0, 1, 0) => "[unfold] size and step must be 1 or more, and a window must fit in the axis; got size 1, step 0 on axis 0 of [2]; use smaller windows, or pad first";
        long.unfold(0, 1 << 39, 1) => "[unfold] a tensor must stay below 9223372036854775807 bytes; got shape [549755813889, 549755813888] of u8; use smaller sizes";
    }
    assert_eq!(x(&[4]).roll(isize::MIN, 0).unwrap().shape(), [4]);
    assert_eq!(x(&[0]).roll(isize::MAX, 0).unwrap().shape(), [0]);
}

#[test]
fn writing_at_indices_checks_them_and_the_source_first() {
    let tuples = |data: &[i64], k: usize| Tensor::from_slice(data, [data.len() / k, k]).unwrap();
    refuses! {
        x(&[3]).scatter(0, &vector(&[3i64]), &x(&[1])) => "[scatter] an index must lie in 0..3; got 3 at position 0; check the indices or the size they were made for";
        x(&[3]).scatter(0, &vector(&[0i64, -4]), &x(&[2])) => "[scatter] an index must lie in 0..3; got -4 at position 1; check the indices or the size they were made for";
        x(&[3]).scatter(0, &vector(&[0i64, 1]), &x(&[3])) => "[scatter] source and indices must have one shape; got [3] and [2]; narrow the larger";
        x(&[3]).scatter(0, &vector(&[0i64]), &vector(&[0i64])) => "[scatter] operands must have one dtype; got f32 and i64; convert one with to_dtype";
        x(&[3]).index_fill(0, &vector(&[-1i64]), 1.0) => "[index_fill] an index must lie in 0..3; got -1 at position 0; check the indices or the size they were made for";
        x(&[3]).take(&vector(&[3i64])) => "[take] an index must lie in 0..3; got 3 at position 0; check the indices or the size they were made for";
        x(&[3, 2]).gather_nd(&tuples(&[0, 2], 2)) => "[gather_nd] an index must lie in 0..2; got 2 at position 1; check the indices or the size they were made for";
        x(&[3, 2]).gather_nd(&tuples(&[0, 1, 0], 3)) => "[gather_nd] the last axis of the indices must have 1 to rank elements; got [1, 3] and [3, 2]; reshape the indices";
        x(&[3]).gather_nd(&Tensor::scalar(0i64)) => "[gather_nd] the last axis of the indices must have 1 to rank elements; got [] and [3]; reshape the indices";
        x(&[3]).scatter_nd_add(&tuples(&[0], 1), &x(&[2])) => "[scatter_nd_add] the source must have the shape that gather_nd would give; got [2] and [1]; reshape the source";
        tuples(&[0, 0], 2).ravel_indices(&[1 << 40, 1 << 40]) => "[ravel_indices] a tensor must stay below 9223372036854775807 bytes; got shape [1099511627776, 1099511627776] of u8; use smaller sizes";
        vector(&[0.0f32]).ravel_indices(&[1]) => "[ravel_indices] indices must be i64; got f32; convert with to_dtype first";
        x(&[2]).masked_select(&x(&[2])) => "[masked_select] the mask must be boolean; got f32; convert with to_dtype first";
    }
    let last = x(&[3]).scatter(0, &vector(&[1i64, 1]), &vector(&[5.0f32, 7.0])).unwrap();
    assert_eq!(last.to_vec::<f32>().unwrap(), [0.0, 7.0, 0.0]);
}

#[test]
fn bounds_that_are_no_numbers_are_refused() {
    refuses! {
        x(&[1]).clamp(f64::NAN, 1.0) => "[clamp] bounds must be numbers with lo <= hi; got lo NaN, hi 1; swap or correct them";
        x(&[1]).clamp(0.0, f64::NAN) => "[clamp] bounds must be numbers with lo <= hi; got lo 0, hi NaN; swap or correct them";
        vector(&[1i64]).clamp(2.0, 1.0) => "[clamp] bounds must be numbers with lo <= hi; got lo 2, hi 1; swap or correct them";
    }
}

#[test]
fn infinities_have_their_softmax() {
    let row =
        |data: &[f64]| (vector(data).softmax(0).unwrap(), vector(data).logsumexp(0).unwrap().item().unwrap());
    let inf = f64::INFINITY;
    let (y, sum) = row(&[-inf, -inf]);
    assert!(y.to_vec::<f64>().unwrap().iter().all(|y| y.is_nan()) && sum == -inf);
    let (y, sum) = row(&[0.0, inf]);
    assert!(y.to_vec::<f64>().unwrap()[1].is_nan() && sum == inf);
    let (y, sum) = row(&[0.0, f64::NAN]);
    assert!(y.to_vec::<f64>().unwrap().iter().all(|y| y.is_nan()) && sum.is_nan());
}

#[test]
fn matrices_without_elements_or_end_are_refused_or_empty() {
    let long = 1usize << 47;
    let tall = x(&[1, 0]).expand([long, 0]).unwrap();
    let many = x(&[1, 0, 3]).expand([long, 0, 3]).unwrap();
    let wide = x(&[1, 1]).expand([1usize << 22, 1 << 22]).unwrap();
    assert_eq!(many.svdvals().unwrap().shape(), [long, 0]);
    assert_eq!(many.qr().unwrap().1.shape(), [long, 0, 3]);
    // Rows exchanged among so many are a matrix too.
    assert!(
        refused(tall.lu())
            .starts_with("[lu] a tensor must stay below 9223372036854775807 bytes; got shape [")
    );
    assert!(
        refused(many.transpose(1, 2).unwrap().lu())
            .starts_with("[lu] memory must be had for the result; got a refusal ")
    );
    refuses! {
        wide.inv() => "[inv] memory must be had for the result; got a refusal for 70368744177664 bytes; use smaller sizes or free some tensors";
    }
}

#[test]
fn transforms_need_points_and_pairs() {
    let of = |shape: &[usize], kind, n, len| x(shape).fft_along(kind, n, len, -1, 1.0);
    refuses! {
        of(&[3], Fft::Forward, 3, 3) => "[fft] the last axis must have size 2, for real and imaginary part; got [3]; stack the two parts along a new last axis";
        of(&[3], Fft::RealForward, 0, 1) => "[rfft] a transform must have one point at least; got n of 0; give the axis elements or name n";
        of(&[3, 2], Fft::Inverse, usize::MAX, 3) => "[ifft] n must be at most twice what is read or written along the axis; got n of 18446744073709551615 for 3 and 3; shorten n";
        of(&[3], Fft::RealForward, 3, 1 << 62) => "[rfft] a tensor must stay below 9223372036854775807 bytes; got shape [4611686018427387904, 2] of f32; use smaller sizes";
        vector(&[1i64]).fft_along(Fft::RealForward, 1, 1, 0, 1.0) => "[rfft] the operand must be a float; got i64; convert with to_dtype first";
    }
}

#[test]
fn what_is_dropped_refuses_masks_that_do_not_fit() {
    use tensor::fused::{add_dropped, dropped};
    let (a, mask) = (x(&[2, 3]), Tensor::ones([2, 3], DType::Bool).unwrap());
    refuses! {
        dropped(&a, &a, 2.0) => "[dropped] the mask must be boolean; got f32; make it with a comparison or to_dtype";
        dropped(&x(&[3]), &mask, 2.0) => "[dropped] shapes must be equal; got [3] and [2, 3]; reshape or expand one operand";
        dropped(&mask, &mask, 2.0) => "[dropped] the operand must be a float; got bool; convert with to_dtype first";
        add_dropped(&a, &x(&[3]), &mask, 2.0) => "[add_dropped] shapes must be equal; got [2, 3] and [3]; reshape or expand one operand";
        add_dropped(&a, &Tensor::ones([2, 3], DType::F64).unwrap(), &mask, 2.0) => "[add_dropped] operands must have one dtype; got f32 and f64; convert one with to_dtype";
        add_dropped(&mask, &mask, &mask, 2.0) => "[add_dropped] operands must be floats; got bool; convert with to_dtype first";
    }
    assert_eq!(dropped(&empty(DType::F16), &empty(DType::Bool), 2.0).unwrap().dtype(), DType::F16);
}

#[test]
fn gated_units_refuse_what_does_not_fit_together() {
    use tensor::Gate::{Gelu, Relu, Sigmoid, Silu};
    use tensor::fused::{gated, gated_grad};
    let (a, b) = (x(&[2, 3]), x(&[3]));
    let whole = Tensor::ones([2, 3], DType::I64).unwrap();
    refuses! {
        gated(&a, &b, Silu) => "[swiglu] shapes must be equal; got [2, 3] and [3]; reshape or expand one operand";
        gated(&a, &Tensor::ones([2, 3], DType::F64).unwrap(), Gelu) => "[geglu] operands must have one dtype; got f32 and f64; convert one with to_dtype";
        gated(&whole, &whole, Relu) => "[reglu] operands must be floats; got i64; convert with to_dtype first";
        gated_grad(&a, &a, &b, Sigmoid) => "[glu_grad] shapes must be equal; got [2, 3] and [3]; reshape or expand one operand";
    }
    assert_eq!(gated(&empty(DType::BF16), &empty(DType::BF16), Silu).unwrap().dtype(), DType::BF16);
    assert_eq!(
        gated_grad(&empty(DType::F32), &empty(DType::F32), &empty(DType::F32), Silu).unwrap().shape(),
        [2, 0]
    );
}

#[test]
fn norms_need_the_sizes_of_the_last_axes_and_a_sound_eps() {
    let (w, long) = (x(&[4]), x(&[5]));
    refuses! {
        x(&[2, 4]).layer_norm(&[3], None, None, 1e-5) => "[layer_norm] the operand's last axes must have the normalised sizes, of which there is one at least; got [2, 4] and [3]; name the sizes of the last axes";
        x(&[2, 4]).layer_norm(&[], None, None, 1e-5) => "[layer_norm] the operand's last axes must have the normalised sizes, of which there is one at least; got [2, 4] and []; name the sizes of the last axes";
        x(&[]).rms_norm(&[1], None, 1e-5) => "[rms_norm] the operand's last axes must have the normalised sizes, of which there is one at least; got [] and [1]; name the sizes of the last axes";
        x(&[4]).rms_norm(&[2, 4], None, 1e-5) => "[rms_norm] the operand's last axes must have the normalised sizes, of which there is one at least; got [4] and [2, 4]; name the sizes of the last axes";
        x(&[2, 4]).layer_norm(&[4], Some(&w), Some(&long), 1e-5) => "[layer_norm] weight and bias must have the normalised sizes; got [5] and [4]; give them one element for each that is normalised together";
        x(&[2, 4]).rms_norm(&[4], Some(&vector(&[1.0f64; 4])), 1e-5) => "[rms_norm] operands must have one dtype; got f32 and f64; convert one with to_dtype";
        x(&[2, 4]).layer_norm(&[4], None, None, -1e-5) => "[layer_norm] eps must be a number of 0 or more; got -0.00001; use 1e-5 or so";
        x(&[2, 4]).layer_norm(&[4], None, None, f64::INFINITY) => "[layer_norm] eps must be a number of 0 or more; got inf; use 1e-5 or so";
        x(&[2, 4]).layer_norm_grad(&[4], None, 1e-5, &w) => "[layer_norm_grad] the gradient must have the result's shape; got [2, 4] and [4]; expand the gradient";
    }
    for (shape, axes) in [(&[0, 4][..], &[4][..]), (&[3, 0], &[0]), (&[2, 0, 4], &[0, 4])] {
        assert_eq!(x(shape).layer_norm(axes, None, None, 1e-5).unwrap().shape(), shape);
        assert_eq!(x(shape).rms_norm(axes, None, 1e-5).unwrap().shape(), shape);
    }
}
