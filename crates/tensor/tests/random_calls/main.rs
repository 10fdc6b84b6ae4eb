//! Random calls of everything public that takes tensors, axes, shapes or numbers: each gives a tensor that can be read
//! or an error, never a panic, and changes no operand.
//!
//! `TENSOR_RANDOM_CALLS=1000000 cargo test -p tensor --test random_calls` makes a million of them.

mod calls;
mod more;
mod source;

use calls::{CALLS, Outcome};
use more::MORE;
use source::Source;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tensor::{DType, Element, Tensor, bf16, f16};

/// Elements up to which a result is read: a view may have any number of them.
const READ: usize = 1 << 14;

fn read<T: Element>(x: &Tensor) {
    assert_eq!(x.to_vec::<T>().unwrap().len(), x.len());
}

/// Fails unless all elements of `x` can be read.
fn check(x: &Tensor) {
    assert_eq!(x.shape().iter().product::<usize>(), x.len());
    assert_eq!(x.rank(), x.shape().len());
    if x.len() > READ {
        return;
    }
    match x.dtype() {
        DType::F32 => read::<f32>(x),
        DType::F64 => read::<f64>(x),
        DType::I64 => read::<i64>(x),
        DType::U8 => read::<u8>(x),
        DType::I32 => read::<i32>(x),
        DType::I8 => read::<i8>(x),
        DType::BF16 => read::<bf16>(x),
        DType::F16 => read::<f16>(x),
        _ => {
            read::<bool>(x);
            assert!(x.to_le_bytes().unwrap().iter().all(|&byte| byte < 2));
        }
    }
    assert!(x.bit_eq(&x.copied().unwrap()));
}

/// Whether call number `i` had a result; fails where it breaks a promise.
fn call(i: usize, function: fn(&mut Source) -> Outcome) -> bool {
    let mut source = Source::new(i as u64);
    let outcome = function(&mut source);
    for (tensor, before) in &source.made {
        assert!(tensor.bit_eq(before), "an operand was changed");
    }
    match outcome {
        Ok(results) => results.iter().for_each(check),
        Err(error) => {
            let text = error.to_string();
            assert!(text.starts_with('[') && text.contains("; got "), "{text}");
            return false;
        }
    }
    true
}

#[test]
fn random_calls_give_a_tensor_or_an_error_and_change_no_operand() {
    let count = std::env::var("TENSOR_RANDOM_CALLS").ok().and_then(|n| n.parse().ok()).unwrap_or(24_000);
    let mut done: BTreeMap<&str, usize> = BTreeMap::new();
    let mut failed: BTreeMap<&str, usize> = BTreeMap::new();
    for i in 0..count {
        let at = i % (CALLS.len() + MORE.len());
        let (name, function) = CALLS.get(at).copied().unwrap_or_else(|| MORE[at - CALLS.len()]);
        match catch_unwind(AssertUnwindSafe(|| call(i, function))) {
            Ok(had_result) => *done.entry(name).or_default() += usize::from(had_result),
            Err(_) => {
                eprintln!("that was call {i}, of {name}");
                *failed.entry(name).or_default() += 1;
            }
        }
    }
    assert!(failed.is_empty(), "calls that failed: {failed:?}");
    // Were a function refused every time, nothing of it would have been tested.
    let idle: Vec<_> = done.iter().filter(|(_, n)| **n == 0).map(|(name, _)| name).collect();
    assert!(count < 10_000 || idle.is_empty(), "never had a result: {idle:?}");
}
