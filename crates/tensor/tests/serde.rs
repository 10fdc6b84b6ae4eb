//! Tensors written and read back, and read from what nobody wrote.

use bincode::config;
use proptest::prelude::*;
use tensor::{DType, Tensor};

const LIMIT: usize = 1 << 20;

fn encode(x: &Tensor) -> Vec<u8> {
    bincode::serde::encode_to_vec(x, config::standard()).unwrap()
}

fn decode(bytes: &[u8]) -> Result<Tensor, bincode::error::DecodeError> {
    bincode::serde::decode_from_slice(bytes, config::standard().with_limit::<LIMIT>()).map(|(x, _)| x)
}

fn json(text: &str) -> String {
    serde_json::from_str::<Tensor>(text).unwrap_err().to_string()
}

fn samples() -> Vec<Tensor> {
    let x = Tensor::from_vec(vec![0.5f32, -0.0, f32::NAN, f32::INFINITY, 1e-40, 7.0], [2, 3]).unwrap();
    vec![
        x.t().unwrap(),
        Tensor::from_vec(vec![f64::MIN_POSITIVE, -1.5], [2]).unwrap(),
        Tensor::from_vec(vec![i64::MIN, i64::MAX, 0], [3, 1]).unwrap(),
        Tensor::from_vec(vec![0u8, 255], [1, 2]).unwrap(),
        Tensor::from_vec(vec![true, false, true], [3]).unwrap(),
        x.to_dtype(DType::BF16).unwrap(),
        x.to_dtype(DType::F16).unwrap().t().unwrap(),
        Tensor::from_vec(vec![i32::MIN, 7], [2]).unwrap(),
        Tensor::from_vec(vec![i8::MIN, 7], [2, 1]).unwrap(),
        Tensor::scalar(2.5f64),
        Tensor::zeros([3, 0, 2], DType::F32).unwrap(),
        x,
    ]
}

#[test]
fn every_bit_comes_back_from_binary_and_from_text() {
    for x in samples() {
        assert!(decode(&encode(&x)).unwrap().bit_eq(&x), "{x:?}");
        let (owned, _): (Tensor, _) = bincode::serde::decode_from_std_read(
            &mut &encode(&x)[..],
            config::standard().with_limit::<LIMIT>(),
        )
        .map(|x| (x, ()))
        .unwrap();
        assert!(owned.bit_eq(&x), "{x:?}");
        let text = serde_json::to_string(&x).unwrap();
        assert!(serde_json::from_str::<Tensor>(&text).unwrap().bit_eq(&x), "{text}");
    }
}

#[test]
fn the_written_form_is_little_endian_and_stays_as_it_is() {
    let x = Tensor::from_vec(vec![1i64, -2], [2]).unwrap();
    let want = r#"{"dtype":"I64","shape":[2],"data":[1,0,0,0,0,0,0,0,254,255,255,255,255,255,255,255]}"#;
    assert_eq!(serde_json::to_string(&x).unwrap(), want);
    let x = Tensor::from_vec(vec![1.0f32], [1, 1]).unwrap();
    assert_eq!(encode(&x), [0, 2, 1, 1, 4, 0, 0, 128, 63]);
}

#[test]
fn what_is_no_tensor_is_refused() {
    let error = json(r#"{"dtype":"F32","shape":[2,3],"data":[0,0,0,0,0]}"#);
    let want = "[from_le_bytes] the bytes must be as many as shape and dtype need; got 5 bytes for [2, 3] of f32, \
                24 bytes; check that the data is complete and described right";
    assert_eq!(error, want);
    let error = json(r#"{"dtype":"Bool","shape":[3],"data":[0,1,2]}"#);
    let want =
        "[from_le_bytes] a boolean must be 0 or 1; got 2 at position 2; check that the data is booleans";
    assert_eq!(error, want);
    let error = json(r#"{"dtype":"U8","shape":[4294967296,4294967296],"data":[]}"#);
    let want = "[from_le_bytes] a tensor must stay below 9223372036854775807 bytes; got shape \
                [4294967296, 4294967296] of u8; use smaller sizes";
    assert_eq!(error, want);
    let error = json(r#"{"dtype":"U8","shape":[0,9223372036854775807,9223372036854775807],"data":[]}"#);
    assert!(error.starts_with("[from_le_bytes] a tensor must stay below"), "a 0 hides nothing: {error}");
    let error = json(&format!(r#"{{"dtype":"U8","shape":{:?},"data":[1]}}"#, vec![1; 65]));
    let want =
        "[deserialize] a tensor may have 64 axes at most; got 65 axes; check that the data is a tensor";
    assert_eq!(error, want);
    assert!(json(r#"{"dtype":"F32","shape":[-1],"data":[]}"#).contains("invalid value"));
    assert!(json(r#"{"dtype":"C64","shape":[],"data":[]}"#).contains("unknown variant"));
}

#[test]
fn a_claimed_length_allocates_nothing() {
    // dtype F32, shape [2^40], then 2^42 bytes claimed and none there.
    let shape = [&[0u8, 1, 253][..], &(1u64 << 40).to_le_bytes()].concat();
    let bytes = [&shape[..], &[253], &(1u64 << 42).to_le_bytes()].concat();
    assert!(decode(&bytes).is_err());
    let bytes = [&[0u8, 253][..], &u64::MAX.to_le_bytes()].concat();
    assert!(decode(&bytes).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(x) = decode(&bytes) {
            prop_assert_eq!(x.to_le_bytes().unwrap().len(), x.len() * x.dtype().size());
        }
    }

    #[test]
    fn a_damaged_tensor_is_an_error_or_a_tensor(which in 0usize..8, at: prop::sample::Index, to: u8, cut: prop::sample::Index) {
        let mut bytes = encode(&samples()[which]);
        prop_assert!(decode(&bytes[..cut.index(bytes.len())]).is_err(), "cut short");
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(x) = decode(&bytes) {
            prop_assert_eq!(x.to_le_bytes().unwrap().len(), x.len() * x.dtype().size());
            prop_assert!(!x.to_string().is_empty());
        }
    }

    #[test]
    fn damaged_text_never_panics(which in 0usize..8, at: prop::sample::Index, to in "[ -~]") {
        let mut text = serde_json::to_string(&samples()[which]).unwrap();
        let at = at.index(text.len());
        text.replace_range(at..at + 1, &to);
        if let Ok(x) = serde_json::from_str::<Tensor>(&text) {
            prop_assert_eq!(x.to_le_bytes().unwrap().len(), x.len() * x.dtype().size());
        }
    }
}
