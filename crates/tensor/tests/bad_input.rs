//! Bad input, row by row: each is an error with its text, or the value stated. Nothing panics, nothing wraps.

// A slice that ends before it begins is one of the inputs under test.
#![allow(clippy::reversed_empty_ranges)]

use tensor::{DType, Ellipsis, Error, NewAxis, SliceArg, Tensor, s};

fn x(shape: &[usize]) -> Tensor {
    Tensor::zeros(shape, DType::F32).unwrap()
}

fn indices(data: &[i64]) -> Tensor {
    Tensor::from_slice(data, [data.len()]).unwrap()
}

/// The text of the refusal.
#[track_caller]
fn refused<T>(result: Result<T, Error>) -> String {
    match result {
        Ok(_) => panic!("was not refused"),
        Err(error) => error.to_string(),
    }
}

macro_rules! refuses {
    ($($call:expr => $text:literal;)*) => {$( assert_eq!(refused($call), $text, stringify!($call)); )*};
}

#[test]
fn construction_refuses_sizes_beyond_address_and_memory() {
    refuses! {
        Tensor::zeros([1 << 62], DType::F32) => "[full] a tensor must stay below 9223372036854775807 bytes; got shape [4611686018427387904] of f32; use smaller sizes";
        Tensor::zeros([1 << 32, 1 << 32], DType::U8) => "[full] a tensor must stay below 9223372036854775807 bytes; got shape [4294967296, 4294967296] of u8; use smaller sizes";
        Tensor::zeros([0, 1 << 40, 1 << 40], DType::F32) => "[full] a tensor must stay below 9223372036854775807 bytes; got shape [0, 1099511627776, 1099511627776] of f32; use smaller sizes";
        Tensor::zeros([1 << 40, 1 << 40, 0], DType::F32) => "[full] a tensor must stay below 9223372036854775807 bytes; got shape [1099511627776, 1099511627776, 0] of f32; use smaller sizes";
        Tensor::arange(1 << 62, DType::I64) => "[arange] a tensor must stay below 9223372036854775807 bytes; got shape [4611686018427387904] of i64; use smaller sizes";
        // 2^48 bytes: addressable as a number, but no system has them.
        Tensor::zeros([1 << 46], DType::F32) => "[full] memory must be had for the result; got a refusal for 281474976710656 bytes; use smaller sizes or free some tensors";
        Tensor::scalar(1.0f32).expand([1usize << 46]).unwrap().contiguous() => "[contiguous] memory must be had for the result; got a refusal for 281474976710656 bytes; use smaller sizes or free some tensors";
        indices(&[0]).one_hot(1 << 46, DType::F32) => "[one_hot] memory must be had for the result; got a refusal for 281474976710656 bytes; use smaller sizes or free some tensors";
    }
    assert_eq!(Tensor::zeros(vec![1; 70], DType::F32).unwrap().rank(), 70);
}

#[test]
fn construction_refuses_data_that_does_not_fill_the_shape() {
    refuses! {
        Tensor::from_vec(vec![0.0f32; 6], [7]) => "[from_vec] the shape must have as many elements as the data; got [6] and [7]; change the shape or the data";
        Tensor::from_slice(&[0u8; 6], [2, 2]) => "[from_vec] the shape must have as many elements as the data; got [6] and [2, 2]; change the shape or the data";
        Tensor::from_vec(vec![0.0f32; 6], [1 << 62, 4]) => "[from_vec] a tensor must stay below 9223372036854775807 bytes; got shape [4611686018427387904, 4] of f32; use smaller sizes";
        Tensor::from_le_bytes(&[0; 7], [2], DType::F32) => "[from_le_bytes] the bytes must be as many as shape and dtype need; got 7 bytes for [2] of f32, 8 bytes; check that the data is complete and described right";
        Tensor::from_le_bytes(&[1, 2], [2], DType::Bool) => "[from_le_bytes] a boolean must be 0 or 1; got 2 at position 1; check that the data is booleans";
    }
}

#[test]
fn reading_refuses_another_type_and_another_number_of_elements() {
    refuses! {
        x(&[2]).to_vec::<f64>() => "[to_vec] the elements must be read as what they are; got f32 and f64; convert with to_dtype first";
        x(&[2]).item() => "[item] there must be exactly one element; got [2]; index or reduce to one element first";
        x(&[0]).item() => "[item] there must be exactly one element; got [0]; index or reduce to one element first";
    }
    assert_eq!(x(&[1, 1]).item().unwrap(), 0.0);
    assert!(x(&[2]).as_slice::<f64>().is_none() && x(&[2]).as_mut_slice::<i64>().is_none());
}

#[test]
fn reshape_refuses_what_does_not_hold_the_elements() {
    refuses! {
        x(&[2, 3]).reshape([4]) => "[reshape] the new shape must have as many elements as the old; got [2, 3] and [4]; change the sizes, or give one as -1";
        x(&[2, 3]).reshape([-1, -1]) => "[reshape] one size at most may be -1; got [2, 3] to [-1, -1]; give all sizes but one";
        x(&[2, 3]).reshape([-2, 3]) => "[reshape] sizes must be 0 or more, or -1 to be found; got [2, 3] to [-2, 3]; correct the sizes";
        x(&[2, 3]).reshape([isize::MIN, -1]) => "[reshape] sizes must be 0 or more, or -1 to be found; got [2, 3] to [-9223372036854775808, -1]; correct the sizes";
        x(&[2, 3]).reshape([4, -1]) => "[reshape] the other sizes must divide the number of elements; got [2, 3] to [4, -1]; choose sizes whose product divides it";
        x(&[0]).reshape([-1, 0]) => "[reshape] the other sizes must decide the -1; got [0] to [-1, 0]; give all sizes";
        x(&[2, 3]).reshape([1usize << 62, 4, 0]) => "[reshape] a tensor must stay below 9223372036854775807 bytes; got shape [4611686018427387904, 4, 0] of f32; use smaller sizes";
        x(&[2, 3]).reshape([usize::MAX]) => "[reshape] a tensor must stay below 9223372036854775807 bytes; got shape [9223372036854775807] of f32; use smaller sizes";
        x(&[2, 3]).flatten(1, 0) => "[flatten] the end axis must not stand before the start axis; got axes 1 to 0 of [2, 3]; swap them";
        x(&[2, 3]).flatten(0, 2) => "[flatten] an axis must exist; got axis 2 for rank 2; use each axis of -2..2 at most once";
    }
    assert_eq!(Tensor::scalar(0u8).flatten(0, -1).unwrap().shape(), [1]);
}

#[test]
fn expand_refuses_what_does_not_grow_from_one() {
    refuses! {
        x(&[3]).expand([4]) => "[expand] aligned at the last axis, sizes must stay or grow from 1; got [3] and [4]; unsqueeze or reshape first";
        x(&[2, 3]).expand([3]) => "[expand] aligned at the last axis, sizes must stay or grow from 1; got [2, 3] and [3]; unsqueeze or reshape first";
        x(&[3]).expand([-1, 3]) => "[expand] sizes must be 0 or more, or -1 to keep one there is; got [3] to [-1, 3]; correct the sizes";
        x(&[3]).expand([2, -3]) => "[expand] sizes must be 0 or more, or -1 to keep one there is; got [3] to [2, -3]; correct the sizes";
        x(&[3]).expand([1usize << 40, 1 << 20, 3]) => "[expand] a tensor must stay below 9223372036854775807 bytes; got shape [1099511627776, 1048576, 3] of f32; use smaller sizes";
        Tensor::scalar(0u8).expand([1usize << 60]).unwrap().to_dtype(DType::F64) => "[to_dtype] a tensor must stay below 9223372036854775807 bytes; got shape [1152921504606846976] of f64; use smaller sizes";
        x(&[2, 3]).repeat(&[1 << 62, 1 << 62]) => "[repeat] a tensor must stay below 9223372036854775807 bytes; got shape [4611686018427387904, 2, 4611686018427387904, 3] of f32; use smaller sizes";
        x(&[2, 3]).repeat(&[2]) => "[repeat] every axis must be given its times; got times [2] for [2, 3]; give 1 for axes that stay";
    }
}

#[test]
fn axes_must_exist_and_be_named_once() {
    refuses! {
        x(&[2, 3]).permute([0, 0]) => "[permute] an axis may be named once; got axis 0 for rank 2; use each axis of -2..2 at most once";
        x(&[2, 3]).permute([1, -1]) => "[permute] an axis may be named once; got axis -1 for rank 2; use each axis of -2..2 at most once";
        x(&[2, 3]).permute([0]) => "[permute] every axis must be named; got axes [0] for [2, 3]; name the missing axes where they shall go";
        x(&[2, 3]).permute([0, 2]) => "[permute] an axis must exist; got axis 2 for rank 2; use each axis of -2..2 at most once";
        x(&[2, 3]).transpose(0, 2) => "[transpose] an axis must exist; got axis 2 for rank 2; use each axis of -2..2 at most once";
        x(&[2, 3]).transpose(-3, 0) => "[transpose] an axis must exist; got axis -3 for rank 2; use each axis of -2..2 at most once";
        x(&[2, 3]).squeeze(5) => "[squeeze] an axis must exist; got axis 5 for rank 2; use each axis of -2..2 at most once";
        x(&[2, 3]).squeeze(isize::MIN) => "[squeeze] an axis must exist; got axis -9223372036854775808 for rank 2; use each axis of -2..2 at most once";
        x(&[2, 3]).squeeze(0) => "[squeeze] the axis must have size 1; got axis 0 of [2, 3]; select one position of it or leave it";
        x(&[2, 3]).unsqueeze(3) => "[unsqueeze] the new axis must be one of the result's; got axis 3 for rank 3; use each axis of -3..3 at most once";
        x(&[2, 3]).flip(isize::MAX) => "[flip] an axis must exist; got axis 9223372036854775807 for rank 2; use each axis of -2..2 at most once";
        x(&[]).flip(0) => "[flip] an axis must exist; got axis 0 for rank 0; a scalar has no axes";
        x(&[3]).t() => "[t] there must be two axes to swap; got [3]; add an axis with unsqueeze";
        x(&[]).diagonal() => "[diagonal] there must be two axes; got []; add an axis with unsqueeze";
        x(&[]).diag() => "[diag] there must be an axis to be the diagonal; got []; add an axis with unsqueeze";
        x(&[3]).tril(0) => "[tril] there must be two axes at least, rows and columns; got [3]; add an axis with unsqueeze";
    }
}

#[test]
fn parts_must_lie_inside_the_axis() {
    refuses! {
        x(&[4]).narrow(0, 3, 2) => "[narrow] the range must end inside the axis; got start 3, len 2 on axis 0 of [4]; shorten or move the range";
        x(&[4]).narrow(0, usize::MAX, 2) => "[narrow] the range must end inside the axis; got start 18446744073709551615, len 2 on axis 0 of [4]; shorten or move the range";
        x(&[4]).narrow(1, 0, 1) => "[narrow] an axis must exist; got axis 1 for rank 1; use each axis of -1..1 at most once";
        x(&[4]).select(0, 4) => "[select] the position must exist; got index 4 on axis 0 of [4]; use an index of -size..size";
        x(&[4]).select(0, -5) => "[select] the position must exist; got index -5 on axis 0 of [4]; use an index of -size..size";
        x(&[0]).select(0, 0) => "[select] the position must exist; got index 0 on axis 0 of [0]; use an index of -size..size";
        x(&[4]).split(0, &[1, 2]) => "[split] the sizes must add up to the axis; got sizes [1, 2] on axis 0 of [4]; correct the sizes";
        x(&[4]).split(0, &[5, usize::MAX]) => "[split] the sizes must add up to the axis; got sizes [5, 18446744073709551615] on axis 0 of [4]; correct the sizes";
        x(&[4]).chunk(0, 0) => "[chunk] there must be one chunk at least; got 0 chunks of axis 0 of [4]; ask for 1 or more";
    }
    assert_eq!(x(&[4]).chunk(0, usize::MAX).unwrap().len(), 4);
}

#[test]
fn slices_refuse_steps_of_zero_and_positions_that_are_not_there() {
    refuses! {
        x(&[4]).slice(s![..;0]) => "[slice] only a range takes a step, and not 0; got [Range { start: None, end: None, step: 0 }] for [4]; use a step of 1 or more, or -1 or less";
        x(&[4]).slice(s![1;2]) => "[slice] only a range takes a step, and not 0; got [Range { start: None, end: None, step: 0 }] for [4]; use a step of 1 or more, or -1 or less";
        x(&[4]).slice(s![0, 0]) => "[slice] there must be an axis for every argument; got [Index(0), Index(0)] for [4]; drop some arguments";
        x(&[4]).slice(s![Ellipsis, 0, Ellipsis]) => "[slice] Ellipsis may stand once; got [Ellipsis, Index(0), Ellipsis] for [4]; write .. for the axes meant";
        x(&[2, 4]).slice(s![.., -5]) => "[slice] the position must exist; got index -5 on axis 1 of [2, 4]; use an index of -size..size";
    }
    assert_eq!(x(&[4]).slice(s![..;isize::MIN]).unwrap().shape(), [1]);
    assert_eq!(x(&[4]).slice(s![3..1]).unwrap().shape(), [0]);
    assert_eq!(x(&[]).slice(s![NewAxis, Ellipsis]).unwrap().shape(), [1]);
    assert_eq!(x(&[4]).slice(&[SliceArg::from(isize::MIN..isize::MIN).step(-1)]).unwrap().shape(), [0]);
}

#[test]
fn joining_refuses_nothing_at_all_and_what_does_not_fit() {
    let (a, b) = (x(&[2, 3]), x(&[2, 4]));
    let n = Tensor::zeros([2, 3], DType::I64).unwrap();
    let huge = Tensor::scalar(0u8).expand([usize::MAX >> 1]).unwrap();
    refuses! {
        Tensor::cat(&[], 0) => "[cat] there must be one tensor at least; got none; leave the call out or give it tensors";
        Tensor::stack(&[], 0) => "[stack] there must be one tensor at least; got none; leave the call out or give it tensors";
        Tensor::cat(&[&a, &b], 0) => "[cat] tensors must have one shape, but on the axis they are joined along; got [2, 3] for tensor 0 and [2, 4] for tensor 1; reshape or narrow them to fit";
        Tensor::cat(&[&a, &a, &x(&[3])], 0) => "[cat] tensors must have one shape, but on the axis they are joined along; got [2, 3] for tensor 0 and [3] for tensor 2; reshape or narrow them to fit";
        Tensor::stack(&[&a, &b], 0) => "[stack] tensors must have one shape; got [2, 3] for tensor 0 and [2, 4] for tensor 1; reshape or narrow them to fit";
        Tensor::cat(&[&a, &n], 0) => "[cat] operands must have one dtype; got f32 and i64; convert one with to_dtype";
        Tensor::cat(&[&a, &a], 2) => "[cat] an axis must exist; got axis 2 for rank 2; use each axis of -2..2 at most once";
        Tensor::cat(&[&x(&[]), &x(&[])], 0) => "[cat] an axis must exist; got axis 0 for rank 0; a scalar has no axes";
        Tensor::cat(&[&huge, &huge, &huge], 0) => "[cat] a tensor must stay below 9223372036854775807 bytes; got shape [18446744073709551615] of u8; use smaller sizes";
    }
    assert_eq!(Tensor::cat(&[&a, &b], -1).unwrap().shape(), [2, 7]);
}

#[test]
fn arithmetic_refuses_shapes_and_types_that_do_not_meet() {
    refuses! {
        x(&[2, 3]).add(&x(&[4])) => "[add] shapes must broadcast: aligned at the last axis, sizes equal or one of them 1; got [2, 3] and [4]; reshape or expand one operand";
        x(&[0]).add(&x(&[2])) => "[add] shapes must broadcast: aligned at the last axis, sizes equal or one of them 1; got [0] and [2]; reshape or expand one operand";
        x(&[2]).add(&indices(&[0, 0])) => "[add] operands must have one dtype; got f32 and i64; convert one with to_dtype";
        indices(&[1]).div(&indices(&[0])) => "[div] an integer cannot be divided by 0; got a divisor with a 0 in it; mask the zeros or convert to floats";
        indices(&[2]).pow(&indices(&[-1])) => "[pow] an integer cannot be raised to a negative power; got an exponent below 0; convert to floats";
        x(&[1]).eq(&x(&[1])).unwrap().pow(&x(&[1]).eq(&x(&[1])).unwrap()) => "[pow] operands must be numbers; got bool; convert with to_dtype first";
        indices(&[2]).clamp(0.5, 3.0) => "[clamp] bounds of integers must be whole; got lo 0.5, hi 3 for i64; round them or convert to floats";
        x(&[1]).clamp(2.0, 1.0) => "[clamp] bounds must be numbers with lo <= hi; got lo 2, hi 1; swap or correct them";
    }
    assert_eq!(x(&[0]).add(&x(&[1])).unwrap().shape(), [0]);
    assert_eq!(indices(&[i64::MIN]).div(&indices(&[-1])).unwrap().item().unwrap(), i64::MIN as f64);
    assert_eq!(indices(&[i64::MIN]).abs().unwrap().to_vec::<i64>().unwrap(), [i64::MIN]);
    assert_eq!(indices(&[i64::MIN]).neg().unwrap().to_vec::<i64>().unwrap(), [i64::MIN]);
    let one_by_zero = Tensor::scalar(1.0f32).div(&Tensor::scalar(0.0f32)).unwrap();
    assert_eq!(one_by_zero.item().unwrap(), f64::INFINITY);
    assert!(Tensor::scalar(-1.0f32).sqrt().unwrap().item().unwrap().is_nan());
    assert_eq!(Tensor::scalar(0.0f32).ln().unwrap().item().unwrap(), f64::NEG_INFINITY);
    assert!(Tensor::scalar(-1.0f32).ln().unwrap().item().unwrap().is_nan());
}

#[test]
#[should_panic(expected = "[add] shapes must broadcast")]
fn operators_panic_with_the_text_of_the_function() {
    let _ = x(&[2, 3]) + x(&[4]);
}

#[test]
fn products_refuse_sizes_that_do_not_meet_and_take_empty_ones() {
    refuses! {
        x(&[2, 3]).matmul(&x(&[4, 5])) => "[matmul] the last axis of the left operand must equal the second-to-last of the right; got [2, 3] and [4, 5]; transpose one operand with t()";
        x(&[2, 3, 4]).matmul(&x(&[5, 4, 3])) => "[matmul] the axes before the last two must broadcast; got [2, 3, 4] and [5, 4, 3]; reshape or expand one operand";
        x(&[]).matmul(&x(&[2, 2])) => "[matmul] operands must have at least one axis; got [] and [2, 2]; multiply by a scalar with mul";
        indices(&[1]).matmul(&indices(&[1])) => "[matmul] operands must be floats; got i64; convert with to_dtype first";
    }
    let zeros = x(&[2, 0]).matmul(&x(&[0, 3])).unwrap();
    assert!(zeros.bit_eq(&x(&[2, 3])));
    assert_eq!(x(&[0, 3]).matmul(&x(&[3, 4])).unwrap().shape(), [0, 4]);
    assert_eq!(x(&[3, 0, 0]).matmul(&x(&[0, 0])).unwrap().shape(), [3, 0, 0]);
    for bad in [f32::NAN, f32::INFINITY] {
        let row = Tensor::from_vec(vec![bad, 1.0], [1, 2]).unwrap();
        assert!(row.matmul(&x(&[2, 1])).unwrap().item().unwrap().is_nan(), "{bad} times 0 is NaN");
    }
}

#[test]
fn reductions_of_nothing_are_the_neutral_element_or_an_error() {
    assert_eq!(x(&[0, 3]).sum(&[]).unwrap().item().unwrap(), 0.0);
    assert!(x(&[0]).mean(&[]).unwrap().item().unwrap().is_nan());
    refuses! {
        x(&[2, 0]).argmax(1) => "[argmax] an empty axis has no maximum; got [2, 0] over axis 1; leave the empty axis out or give it elements";
        x(&[2, 0]).max(&[1]) => "[max] an empty axis has no maximum; got [2, 0] over axis 1; leave the empty axis out or give it elements";
        x(&[2, 2]).sum(&[2]) => "[sum] an axis must exist; got axis 2 for rank 2; use each axis of -2..2 at most once";
    }
    let with_nan = Tensor::from_vec(vec![1.0f32, f32::NAN, 3.0], [3]).unwrap();
    assert!(with_nan.max(&[]).unwrap().item().unwrap().is_nan());
    assert_eq!(with_nan.argmax(0).unwrap().item().unwrap(), 1.0);
}

#[test]
fn indices_outside_are_named_with_their_position() {
    refuses! {
        x(&[4, 2]).index_select(0, &indices(&[0, 4])) => "[index_select] an index must lie in 0..4; got 4 at position 1; check the indices or the size they were made for";
        x(&[4, 2]).index_select(0, &indices(&[-1])) => "[index_select] an index must lie in 0..4; got -1 at position 0; check the indices or the size they were made for";
        x(&[4, 2]).index_select(0, &indices(&[0, 1, i64::MIN])) => "[index_select] an index must lie in 0..4; got -9223372036854775808 at position 2; check the indices or the size they were made for";
        x(&[4, 2]).index_select(1, &indices(&[1 << 40])) => "[index_select] an index must lie in 0..2; got 1099511627776 at position 0; check the indices or the size they were made for";
        x(&[4, 2]).index_select(0, &x(&[1])) => "[index_select] indices must be i64; got f32; convert with to_dtype first";
        x(&[4, 2]).index_select(5, &indices(&[0])) => "[index_select] an axis must exist; got axis 5 for rank 2; use each axis of -2..2 at most once";
        x(&[0, 4]).index_select(0, &indices(&[1 << 40])) => "[index_select] an index must lie in 0..0; got 1099511627776 at position 0; check the indices or the size they were made for";
        x(&[3]).gather(0, &indices(&[3])) => "[gather] an index must lie in 0..3; got 3 at position 0; check the indices or the size they were made for";
        x(&[3, 2]).gather(0, &indices(&[0])) => "[gather] indices must have the tensor's rank and, but on the axis, at most its sizes; got [1] and [3, 2]; reshape or narrow the indices";
        x(&[3, 2]).gather(0, &Tensor::zeros([1, 3], DType::I64).unwrap()) => "[gather] indices must have the tensor's rank and, but on the axis, at most its sizes; got [1, 3] and [3, 2]; reshape or narrow the indices";
        x(&[3]).gather(-2, &indices(&[0])) => "[gather] an axis must exist; got axis -2 for rank 1; use each axis of -1..1 at most once";
        indices(&[0, -1]).one_hot(3, DType::F32) => "[one_hot] an index must lie in 0..3; got -1 at position 1; check the indices or the size they were made for";
        indices(&[3]).one_hot(3, DType::F32) => "[one_hot] an index must lie in 0..3; got 3 at position 0; check the indices or the size they were made for";
        x(&[1]).one_hot(3, DType::F32) => "[one_hot] indices must be i64; got f32; convert with to_dtype first";
    }
    assert_eq!(x(&[0, 4]).index_select(0, &indices(&[])).unwrap().shape(), [0, 4]);
    assert_eq!(x(&[5, 4]).index_select(0, &indices(&[])).unwrap().shape(), [0, 4]);
}

#[test]
fn adding_at_indices_checks_them_and_the_source_first() {
    let of = |shape: &[usize]| Tensor::ones(shape, DType::F32).unwrap();
    refuses! {
        x(&[3]).scatter_add(0, &indices(&[3]), &of(&[1])) => "[scatter_add] an index must lie in 0..3; got 3 at position 0; check the indices or the size they were made for";
        x(&[3]).index_add(0, &indices(&[0, -4]), &of(&[2])) => "[index_add] an index must lie in 0..3; got -4 at position 1; check the indices or the size they were made for";
        x(&[3]).scatter_add(0, &indices(&[0, 1]), &of(&[3])) => "[scatter_add] source and indices must have one shape; got [3] and [2]; narrow the larger";
        x(&[3, 2]).scatter_add(0, &indices(&[0, 1]), &of(&[2])) => "[scatter_add] indices must have the tensor's rank and, but on the axis, at most its sizes; got [2] and [3, 2]; reshape or narrow the indices";
        x(&[3, 2]).index_add(0, &indices(&[0]), &of(&[2])) => "[index_add] the source must have the shape that index_select would give; got [2] and [1] and [3, 2]; reshape the source or the indices";
        x(&[3]).index_add(0, &indices(&[0]), &indices(&[1])) => "[index_add] operands must have one dtype; got f32 and i64; convert one with to_dtype";
        Tensor::zeros([3], DType::Bool).unwrap().index_add(0, &indices(&[0]), &Tensor::ones([1], DType::Bool).unwrap()) => "[index_add] operands must be numbers; got bool; convert with to_dtype first";
    }
    let set = |rows: &Tensor, src: &Tensor| {
        let mut table = x(&[3, 2]);
        let before = table.copied().unwrap();
        let result = table.set_rows(rows, src);
        assert!(table.bit_eq(&before));
        result
    };
    refuses! {
        set(&indices(&[0, 3]), &of(&[2, 2])) => "[set_rows] an index must lie in 0..3; got 3 at position 1; check the indices or the size they were made for";
        set(&indices(&[0]), &of(&[2])) => "[set_rows] the source must have a row of this tensor for each index of rank 1; got [2] and [1] and [3, 2]; reshape the source or the indices";
        set(&indices(&[0, 1]), &of(&[1, 2])) => "[set_rows] the source must have a row of this tensor for each index of rank 1; got [1, 2] and [2] and [3, 2]; reshape the source or the indices";
        set(&Tensor::scalar(0i64), &of(&[2])) => "[set_rows] the source must have a row of this tensor for each index of rank 1; got [2] and [] and [3, 2]; reshape the source or the indices";
        set(&x(&[1]), &of(&[1, 2])) => "[set_rows] indices must be i64; got f32; convert with to_dtype first";
        set(&indices(&[0]), &Tensor::ones([1, 2], DType::F64).unwrap()) => "[set_rows] operands must have one dtype; got f32 and f64; convert one with to_dtype";
        x(&[]).set_rows(&indices(&[0]), &of(&[1])) => "[set_rows] the source must have a row of this tensor for each index of rank 1; got [1] and [1] and []; reshape the source or the indices";
    }
    let twice = x(&[3]).scatter_add(0, &indices(&[1, 1]), &of(&[2])).unwrap();
    assert_eq!(twice.to_vec::<f32>().unwrap(), [0.0, 2.0, 0.0]);
}

#[test]
fn masks_must_be_boolean_and_fit() {
    let mask = Tensor::zeros([2], DType::Bool).unwrap();
    refuses! {
        Tensor::where_(&x(&[2]), &x(&[2]), &x(&[2])) => "[where] the condition must be boolean; got f32; make it with a comparison or to_dtype";
        Tensor::where_(&mask, &x(&[2]), &indices(&[0, 0])) => "[where] operands must have one dtype; got f32 and i64; convert one with to_dtype";
        Tensor::where_(&mask, &x(&[3]), &x(&[3])) => "[where] shapes must broadcast: aligned at the last axis, sizes equal or one of them 1; got [2] and [3]; reshape or expand one operand";
        x(&[3]).masked_fill(&mask, 1.0) => "[masked_fill] shapes must broadcast: aligned at the last axis, sizes equal or one of them 1; got [2] and [3]; reshape or expand one operand";
        x(&[2]).masked_fill(&x(&[2]), 1.0) => "[masked_fill] the condition must be boolean; got f32; make it with a comparison or to_dtype";
        x(&[2]).logical_and(&mask) => "[logical_and] the operand must be boolean; got f32; convert with to_dtype first";
        x(&[2]).logical_not() => "[logical_not] the operand must be boolean; got f32; convert with to_dtype first";
        x(&[2]).eq(&mask) => "[eq] operands must have one dtype; got f32 and bool; convert one with to_dtype";
        x(&[2]).all_close(&x(&[2]), -1.0, f64::NAN) => "[all_close] tolerances must be numbers of 0 or more; got rtol -1, atol NaN; correct them";
    }
}
