//! Comparisons, masks, choices and casts.

use proptest::prelude::*;
use tensor::{DType, Tensor, s};

fn f32s(data: &[f32]) -> Tensor {
    Tensor::from_slice(data, [data.len()]).unwrap()
}

fn bools(data: &[bool]) -> Tensor {
    Tensor::from_slice(data, [data.len()]).unwrap()
}

fn bits(x: Result<Tensor, tensor::Error>) -> Vec<u8> {
    x.unwrap().to_vec::<bool>().unwrap().iter().map(|&b| b as u8).collect()
}

#[test]
fn comparisons_follow_ieee_and_broadcast() {
    let x = f32s(&[1.0, 2.0, f32::NAN, -0.0]);
    let y = f32s(&[2.0, 2.0, f32::NAN, 0.0]);
    assert_eq!(bits(x.eq(&y)), [0, 1, 0, 1]);
    assert_eq!(bits(x.ne(&y)), [1, 0, 1, 0]);
    assert_eq!(bits(x.lt(&y)), [1, 0, 0, 0]);
    assert_eq!(bits(x.le(&y)), [1, 1, 0, 1]);
    assert_eq!(bits(x.gt(&y)), [0, 0, 0, 0]);
    assert_eq!(bits(x.ge(&y)), [0, 1, 0, 1]);
    let column = x.slice(s![..2]).unwrap().unsqueeze(1).unwrap();
    let out = column.lt(&f32s(&[1.5, 3.0, 0.0])).unwrap();
    assert_eq!((out.shape(), out.dtype()), (&[2, 3][..], DType::Bool));
    assert_eq!(bits(Ok(out)), [1, 1, 0, 0, 1, 0]);
    assert_eq!(bits(bools(&[false, true]).lt(&bools(&[true, true]))), [1, 0]);
}

#[test]
fn logic_has_its_truth_tables() {
    let (x, y) = (bools(&[false, false, true, true]), bools(&[false, true, false, true]));
    assert_eq!(bits(x.logical_and(&y)), [0, 0, 0, 1]);
    assert_eq!(bits(x.logical_or(&y)), [0, 1, 1, 1]);
    assert_eq!(bits(x.logical_xor(&y)), [0, 1, 1, 0]);
    assert_eq!(bits(x.logical_not()), [1, 1, 0, 0]);
}

#[test]
fn nan_and_infinity_are_found_in_floats_only() {
    let x = f32s(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, 0.0]);
    assert_eq!(bits(x.is_nan()), [1, 0, 0, 0, 0]);
    assert_eq!(bits(x.is_finite()), [0, 0, 0, 1, 1]);
    let n = Tensor::from_vec(vec![i64::MIN, i64::MAX], [2]).unwrap();
    assert_eq!((bits(n.is_nan()), bits(n.is_finite())), (vec![0, 0], vec![1, 1]));
}

#[test]
fn masks_choose_element_by_element() {
    let mask = bools(&[true, false]).unsqueeze(1).unwrap();
    let x = Tensor::from_vec(vec![1i64, 2, 3], [3]).unwrap();
    let out = Tensor::where_(&mask, &x, &Tensor::scalar(9i64)).unwrap();
    assert_eq!(out.shape(), [2, 3]);
    assert_eq!(out.to_vec::<i64>().unwrap(), [1, 2, 3, 9, 9, 9]);
    let filled = f32s(&[1.0, 2.0]).masked_fill(&bools(&[false, true]), f64::NEG_INFINITY).unwrap();
    assert_eq!(filled.to_vec::<f32>().unwrap(), [1.0, f32::NEG_INFINITY]);
}

#[test]
fn closeness_counts_infinities_as_equal_and_nan_as_far() {
    let close = |x: &[f32], y: &[f32], rtol, atol| f32s(x).all_close(&f32s(y), rtol, atol).unwrap();
    assert!(close(&[1.0, f32::INFINITY], &[1.001, f32::INFINITY], 1e-2, 0.0));
    assert!(!close(&[1.0], &[1.001], 1e-4, 1e-4));
    assert!(close(&[1.0], &[1.001], 0.0, 2e-3));
    assert!(!close(&[f32::NAN], &[f32::NAN], 1.0, 1.0));
    assert!(!close(&[f32::MAX], &[f32::INFINITY], 1.0, 1.0));
    assert!(!close(&[f32::INFINITY], &[f32::NEG_INFINITY], 1.0, 1.0));
    assert!(close(&[], &[], 0.0, 0.0));
    let large = Tensor::from_vec(vec![i64::MAX], [1]).unwrap();
    assert!(large.all_close(&large, 0.0, 0.0).unwrap());
}

#[test]
fn bit_equality_sees_the_sign_of_zero_and_the_payload_of_nan() {
    let nan = f32::from_bits(0x7fc0_0001);
    assert!(f32s(&[nan, 0.0]).bit_eq(&f32s(&[nan, 0.0])));
    assert!(!f32s(&[nan]).bit_eq(&f32s(&[f32::NAN])));
    assert!(!f32s(&[0.0]).bit_eq(&f32s(&[-0.0])));
    assert!(!f32s(&[0.0]).bit_eq(&Tensor::zeros([1], DType::F64).unwrap()));
    assert!(!f32s(&[0.0]).bit_eq(&f32s(&[0.0]).unsqueeze(0).unwrap()));
    let x = f32s(&[1.0, 2.0, 3.0]);
    assert!(x.flip(0).unwrap().bit_eq(&f32s(&[3.0, 2.0, 1.0])));
}

#[test]
fn casts_saturate() {
    let x = Tensor::from_vec(vec![f64::NAN, 1e30, -1e30, 300.0, -1.0, 2.9, -2.9], [7]).unwrap();
    let to = |dtype| x.to_dtype(dtype).unwrap();
    assert_eq!(to(DType::I64).to_vec::<i64>().unwrap(), [0, i64::MAX, i64::MIN, 300, -1, 2, -2]);
    assert_eq!(to(DType::U8).to_vec::<u8>().unwrap(), [0, 255, 0, 255, 0, 2, 0]);
    assert_eq!(bits(Ok(to(DType::Bool))), [1; 7]);
    let n = Tensor::from_vec(vec![i64::MIN, -1, 0, 300, i64::MAX], [5]).unwrap();
    assert_eq!(n.to_dtype(DType::U8).unwrap().to_vec::<u8>().unwrap(), [0, 0, 0, 255, 255]);
    assert_eq!(f32s(&[0.0, -0.0]).to_dtype(DType::Bool).unwrap().to_vec::<bool>().unwrap(), [false, false]);
}

proptest! {
    #[test]
    fn casts_are_rusts_as(ints in prop::collection::vec(any::<i64>(), 1..40), bits in prop::collection::vec(any::<u64>(), 1..40)) {
        let n = Tensor::from_slice(&ints, [ints.len()]).unwrap();
        let as_f32: Vec<f32> = ints.iter().map(|&i| i as f32).collect();
        let as_f64: Vec<f64> = ints.iter().map(|&i| i as f64).collect();
        prop_assert_eq!(n.to_dtype(DType::F32).unwrap().to_vec::<f32>().unwrap(), as_f32);
        prop_assert_eq!(n.to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap(), as_f64);

        let floats: Vec<f64> = bits.iter().map(|&b| f64::from_bits(b)).collect();
        let x = Tensor::from_slice(&floats, [floats.len()]).unwrap();
        let as_f32: Vec<f32> = floats.iter().map(|&v| v as f32).collect();
        let as_i64: Vec<i64> = floats.iter().map(|&v| v as i64).collect();
        let as_u8: Vec<u8> = floats.iter().map(|&v| v as u8).collect();
        let single = x.to_dtype(DType::F32).unwrap();
        for (a, b) in single.to_vec::<f32>().unwrap().iter().zip(&as_f32) {
            prop_assert!(a == b || a.is_nan() && b.is_nan());
        }
        prop_assert_eq!(x.to_dtype(DType::I64).unwrap().to_vec::<i64>().unwrap(), as_i64);
        prop_assert_eq!(x.to_dtype(DType::U8).unwrap().to_vec::<u8>().unwrap(), as_u8.clone());

        let bytes = Tensor::from_slice(&as_u8, [as_u8.len()]).unwrap();
        let wide: Vec<f32> = as_u8.iter().map(|&v| v as f32).collect();
        prop_assert_eq!(bytes.to_dtype(DType::F32).unwrap().to_vec::<f32>().unwrap(), wide);
    }
}
