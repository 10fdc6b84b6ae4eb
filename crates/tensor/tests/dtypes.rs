//! Element types beside F32 and F64: how they convert, meet and are computed.

use proptest::prelude::*;
use tensor::fused::{AdamConfig, AdamItem, SgdConfig, SgdItem, adam_update, sgd_update};
use tensor::{DType, Order, Result, Rng, SliceArg, Tensor, bf16, f16};

fn any_dtype() -> impl Strategy<Value = DType> {
    (0..DType::ALL.len()).prop_map(|i| DType::ALL[i])
}

fn i8s(values: &[i8]) -> Tensor {
    Tensor::from_slice(values, [values.len()]).unwrap()
}

fn i32s(values: &[i32]) -> Tensor {
    Tensor::from_slice(values, [values.len()]).unwrap()
}

proptest! {
    #[test]
    fn promotion_is_the_join_of_a_lattice(a in any_dtype(), b in any_dtype(), c in any_dtype()) {
        let join = DType::promote;
        prop_assert_eq!(join(a, a), a);
        prop_assert_eq!(join(a, b), join(b, a));
        prop_assert_eq!(join(join(a, b), c), join(a, join(b, c)));
    }

    #[test]
    fn integers_promote_to_types_that_hold_them(a in any_dtype(), b in any_dtype(), x: i8) {
        let join = DType::promote(a, b);
        if !a.is_float() && !join.is_float() && a != DType::Bool {
            let x = i8s(&[x]).to_dtype(a).unwrap();
            prop_assert!(x.to_dtype(join).unwrap().to_dtype(a).unwrap().bit_eq(&x));
        }
    }

    #[test]
    fn integers_compute_modulo_their_size(x: i32, y: i32, a: i8, b: i8) {
        let both = |f: fn(&Tensor, &Tensor) -> Result<Tensor>| {
            let one = f(&i32s(&[x]), &i32s(&[y])).unwrap().to_vec::<i32>().unwrap()[0];
            (one, f(&i8s(&[a]), &i8s(&[b])).unwrap().to_vec::<i8>().unwrap()[0])
        };
        prop_assert_eq!(both(Tensor::add), (x.wrapping_add(y), a.wrapping_add(b)));
        prop_assert_eq!(both(Tensor::sub), (x.wrapping_sub(y), a.wrapping_sub(b)));
        prop_assert_eq!(both(Tensor::mul), (x.wrapping_mul(y), a.wrapping_mul(b)));
        prop_assert_eq!(both(Tensor::maximum), (x.max(y), a.max(b)));
        prop_assert_eq!(both(|x, _| x.neg()), (x.wrapping_neg(), a.wrapping_neg()));
        prop_assert_eq!(both(|x, _| x.abs()), (x.wrapping_abs(), a.wrapping_abs()));
        if y != 0 && b != 0 {
            prop_assert_eq!(both(Tensor::div), (x.wrapping_div(y), a.wrapping_div(b)));
        }
    }
}

#[test]
fn the_table_of_promotion_is_what_the_function_says() {
    let doc = include_str!("../src/dtype/promote.rs");
    let named = |name: &str| DType::ALL.into_iter().find(|d| d.to_string() == name);
    let mut cells = 0;
    let mut head = Vec::new();
    for line in doc.lines().filter_map(|l| l.trim().strip_prefix("/// |")) {
        let row: Vec<_> = line.split('|').map(|cell| named(cell.trim())).collect();
        match row[0] {
            None if head.is_empty() => head = row,
            None => {}
            Some(a) => {
                for (b, join) in head.iter().zip(&row).skip(1).filter_map(|(b, j)| Some(((*b)?, (*j)?))) {
                    assert_eq!(DType::promote(a, b), join, "{a} with {b}");
                    cells += 1;
                }
            }
        }
    }
    assert_eq!(cells, 81);
}

#[test]
fn conversions_saturate_and_make_nan_0() {
    let x = Tensor::from_slice(&[f64::NAN, 1e30, -1e30, 300.0, -300.0, -1.9, 2.9], [7]).unwrap();
    let to = |dtype| x.to_dtype(dtype).unwrap();
    assert_eq!(to(DType::I8).to_vec::<i8>().unwrap(), [0, 127, -128, 127, -128, -1, 2]);
    assert_eq!(to(DType::I32).to_vec::<i32>().unwrap(), [0, i32::MAX, i32::MIN, 300, -300, -1, 2]);
    let large = to(DType::F16).to_vec::<f16>().unwrap();
    assert!(large[0].is_nan() && large[1] == f16::INFINITY && large[3] == f16::from_f32(300.0));
    let ints = Tensor::from_slice(&[i64::MAX, i64::MIN, 200], [3]).unwrap();
    assert_eq!(ints.to_dtype(DType::I8).unwrap().to_vec::<i8>().unwrap(), [127, -128, 127]);
    assert_eq!(to(DType::I8).to_dtype(DType::U8).unwrap().to_vec::<u8>().unwrap(), [0, 127, 0, 127, 0, 0, 2]);
    let truths = to(DType::BF16).to_dtype(DType::Bool).unwrap();
    assert_eq!(truths.to_vec::<bool>().unwrap(), [true; 7]);
    assert_eq!(truths.to_dtype(DType::I32).unwrap().to_vec::<i32>().unwrap(), [1; 7]);
}

#[test]
fn a_double_is_rounded_once_on_its_way_to_16_bits() {
    // Just above the middle of 1 and the next bf16; as a single it is the middle, which goes to the even one, 1.
    let x = Tensor::scalar(1.0 + 2f64.powi(-8) + 2f64.powi(-40));
    assert_eq!(x.to_dtype(DType::BF16).unwrap().item().unwrap(), 1.0 + 2f64.powi(-7));
    let n = Tensor::scalar((1i64 << 40) + (1 << 32) + 1);
    assert_eq!(n.to_dtype(DType::BF16).unwrap().item().unwrap(), 2f64.powi(40) + 2f64.powi(33));
}

#[test]
fn products_of_integers_are_summed_in_64_bits() {
    let x = Tensor::from_slice(&[200u8, 3], [2]).unwrap();
    let sum = Tensor::einsum("i,i->", &[&x, &x]).unwrap();
    assert_eq!((sum.dtype(), sum.to_vec::<i64>().unwrap()), (DType::I64, vec![40_009]));
    assert_eq!(Tensor::einsum("i,i,i->", &[&x, &x, &x]).unwrap().to_vec::<i64>().unwrap(), [8_000_027]);
    assert_eq!(i8s(&[100, 2]).dot(&i8s(&[100, 2])).unwrap().to_vec::<i64>().unwrap(), [10_004]);
    assert_eq!(Tensor::einsum("i->", &[&i8s(&[100, 100])]).unwrap().to_vec::<i64>().unwrap(), [200]);
    assert_eq!(i8s(&[100]).outer(&i8s(&[2])).unwrap().to_vec::<i8>().unwrap(), [-56]);
}

#[test]
fn windows_that_overlap_are_added_in_singles() {
    let ones = Tensor::ones([1, 400], DType::BF16).unwrap();
    let sums = ones.unfold_adjoint(&[400], 0, 400, 1).unwrap();
    assert_eq!(sums.dtype(), DType::BF16);
    let many = Tensor::ones([300, 300], DType::BF16).unwrap().unfold_adjoint(&[599], 0, 300, 1).unwrap();
    // 300 of them: BF16 itself stops counting at 256.
    assert_eq!(many.select(0, 299).unwrap().item().unwrap(), 300.0);
}

#[test]
fn numbers_never_change_the_type_of_a_tensor() {
    for dtype in DType::ALL.into_iter().filter(|d| *d != DType::Bool) {
        let x = Tensor::ones([3], dtype).unwrap();
        for y in
            [x.add_scalar(2.5), x.mul_scalar(2.5), x.clamp(-1.0, 2.0), x.masked_fill(&x.eq(&x).unwrap(), 7.7)]
        {
            assert_eq!(y.unwrap().dtype(), dtype);
        }
    }
    // An integer tensor takes the number as to_dtype would.
    assert_eq!(i8s(&[1, -1]).add_scalar(300.0).unwrap().to_vec::<i8>().unwrap(), [-128, 126]);
    assert_eq!(i8s(&[-128, 127]).clamp(-1e9, 1e9).unwrap().to_vec::<i8>().unwrap(), [-128, 127]);
    assert_eq!(i32s(&[5]).mul_scalar(2.9).unwrap().to_vec::<i32>().unwrap(), [10]);
}

#[test]
fn integers_are_not_divided_by_0_and_the_lowest_over_minus_1_wraps() {
    let text = "[div] an integer cannot be divided by 0; got a divisor with a 0 in it; mask the zeros or convert to floats";
    assert_eq!(i8s(&[1]).div(&i8s(&[0])).unwrap_err().to_string(), text);
    assert_eq!(i8s(&[-128, 7]).div(&i8s(&[-1, -2])).unwrap().to_vec::<i8>().unwrap(), [-128, -3]);
    assert_eq!(i32s(&[i32::MIN]).div(&i32s(&[-1])).unwrap().to_vec::<i32>().unwrap(), [i32::MIN]);
}

#[test]
fn sums_of_integers_are_i64() {
    let x = i8s(&[127; 3]);
    for y in [x.sum(&[]), x.cumsum(0), x.prod(&[]), x.argmax(0), x.count_nonzero(&[])] {
        assert_eq!(y.unwrap().dtype(), DType::I64);
    }
    assert_eq!(x.sum(&[]).unwrap().item().unwrap(), 381.0);
    assert_eq!(i32s(&[i32::MAX; 2]).prod(&[]).unwrap().to_vec::<i64>().unwrap(), [(i32::MAX as i64).pow(2)]);
    assert_eq!(x.max(&[]).unwrap().dtype(), DType::I8);
}

#[test]
fn sums_of_16_bits_do_not_stop_growing() {
    for dtype in [DType::BF16, DType::F16] {
        let x = Tensor::ones([4096], dtype).unwrap();
        assert_eq!(x.sum(&[]).unwrap().item().unwrap(), 4096.0);
        let dot = x.matmul(&x).unwrap();
        assert_eq!((dot.dtype(), dot.item().unwrap()), (dtype, 4096.0));
        assert_eq!(x.mean(&[]).unwrap().item().unwrap(), 1.0);
        assert_eq!(x.softmax(0).unwrap().item_at_0(), 1.0 / 4096.0);
    }
}

trait First {
    fn item_at_0(&self) -> f64;
}
impl First for Tensor {
    fn item_at_0(&self) -> f64 {
        self.narrow(0, 0, 1).unwrap().item().unwrap()
    }
}

#[test]
fn operands_of_two_types_are_refused_as_they_were_given() {
    let (x, y) = (Tensor::ones([2], DType::BF16).unwrap(), Tensor::ones([2], DType::F16).unwrap());
    let text =
        |op| format!("[{op}] operands must have one dtype; got bf16 and f16; convert one with to_dtype");
    assert_eq!(x.add(&y).unwrap_err().to_string(), text("add"));
    assert_eq!(x.matmul(&y).unwrap_err().to_string(), text("matmul"));
    assert_eq!(Tensor::cat(&[&x, &y], 0).unwrap_err().to_string(), text("cat"));
    let (x, y) = x.promote(&y).unwrap();
    assert_eq!(x.add(&y).unwrap().to_vec::<f32>().unwrap(), [2.0, 2.0]);
    assert_eq!(
        i32s(&[1]).exp().unwrap_err().to_string(),
        "[exp] the operand must be a float; got i32; convert with to_dtype first"
    );
}

#[test]
fn linear_algebra_and_fourier_transforms_refuse_16_bits_and_say_what_to_do() {
    for (dtype, name) in [(DType::BF16, "bf16"), (DType::F16, "f16")] {
        let a = Tensor::eye(2, dtype).unwrap();
        let linalg =
            |op| format!("[{op}] a matrix must be of floats; got {name}; convert with to_dtype(F32) or F64");
        assert_eq!(a.inv().unwrap_err().to_string(), linalg("inv"));
        assert_eq!(a.solve(&a).unwrap_err().to_string(), linalg("solve"));
        assert_eq!(a.cholesky().unwrap_err().to_string(), linalg("cholesky"));
        assert_eq!(a.matrix_exp().unwrap_err().to_string(), linalg("matrix_exp"));
        let fft = format!("[rfft] the operand must be a float; got {name}; convert with to_dtype(F32) first");
        let out = a.fft_along(tensor::Fft::RealForward, 2, 2, 0, 1.0);
        assert_eq!(out.unwrap_err().to_string(), fft);
    }
}

/// Functions that only move elements, of any type.
fn moved(x: &Tensor) -> Vec<Tensor> {
    let ids = Tensor::from_slice(&[2i64, 0, 1, 1], [2, 2]).unwrap();
    let mask = Tensor::from_slice(&[true, false, true, true], [4]).unwrap();
    let t = x.t().unwrap();
    vec![
        t.contiguous().unwrap(),
        x.expand([2, 3, 4]).unwrap().copied().unwrap(),
        x.flip(1).unwrap().contiguous().unwrap(),
        Tensor::cat(&[x, x], 0).unwrap(),
        Tensor::cat(&[x, &x.flip(1).unwrap()], 1).unwrap(),
        Tensor::stack(&[x, x], 1).unwrap(),
        x.index_select(0, &ids).unwrap(),
        x.gather(0, &ids).unwrap(),
        x.scatter(0, &ids, &x.narrow(0, 0, 2).unwrap().narrow(1, 0, 2).unwrap()).unwrap(),
        Tensor::where_(&mask, x, &x.flip(1).unwrap()).unwrap(),
        x.roll(1, 1).unwrap(),
        x.tril(0).unwrap(),
        x.slice_scatter(&[SliceArg::from(1..2)], &x.narrow(0, 0, 1).unwrap()).unwrap(),
        x.masked_fill(&mask, 1.0).unwrap(),
        x.pad(&[(0, 1, 1)], tensor::PadMode::Constant(1.0)).unwrap(),
        x.diag().unwrap(),
        x.sort(1, Order::Descending).unwrap().0,
        Tensor::from_le_bytes(&x.to_le_bytes().unwrap(), x.shape(), x.dtype()).unwrap(),
    ]
}

#[test]
fn every_type_moves_as_doubles_do() {
    let doubles = Tensor::from_fn([3, 4], |i| ((7 * i[0] + 5 * i[1]) % 12) as f64).unwrap();
    let doubles = doubles.to_dtype(DType::F16).unwrap().to_dtype(DType::F64).unwrap();
    for dtype in DType::ALL {
        let x = doubles.to_dtype(dtype).unwrap();
        for (i, (y, z)) in moved(&x).iter().zip(moved(&x.to_dtype(DType::F64).unwrap())).enumerate() {
            assert_eq!(y.dtype(), dtype);
            assert!(y.to_dtype(DType::F64).unwrap().bit_eq(&z), "function {i} of {dtype}");
        }
    }
}

#[test]
fn sorting_and_comparing_are_by_value() {
    let x = Tensor::from_slice(&[1.5f32, -2.0, f32::NAN, 0.0, -0.0, f32::NEG_INFINITY], [6]).unwrap();
    for dtype in [DType::BF16, DType::F16] {
        let y = x.to_dtype(dtype).unwrap();
        assert!(y.argsort(0, Order::Ascending).unwrap().bit_eq(&x.argsort(0, Order::Ascending).unwrap()));
        let zero = Tensor::zeros([], dtype).unwrap();
        assert!(y.lt(&zero).unwrap().bit_eq(&x.lt(&Tensor::scalar(0.0f32)).unwrap()));
        assert_eq!(y.is_nan().unwrap().to_vec::<bool>().unwrap(), [false, false, true, false, false, false]);
    }
    let order = i8s(&[3, -128, 127, 0]).argsort(0, Order::Ascending).unwrap();
    assert_eq!(order.to_vec::<i64>().unwrap(), [1, 3, 0, 2]);
}

#[test]
fn random_numbers_of_16_bits_are_those_of_32_rounded() {
    for dtype in [DType::BF16, DType::F16] {
        let single = Rng::seed(3).normal([100], 1.0, 2.0, DType::F32).unwrap();
        assert!(
            Rng::seed(3).normal([100], 1.0, 2.0, dtype).unwrap().bit_eq(&single.to_dtype(dtype).unwrap())
        );
        let single = Rng::seed(3).uniform([100], -1.0, 2.0, DType::F32).unwrap();
        assert!(
            Rng::seed(3).uniform([100], -1.0, 2.0, dtype).unwrap().bit_eq(&single.to_dtype(dtype).unwrap())
        );
    }
}

#[test]
fn an_optimizer_steps_in_single_precision_and_rounds() {
    let dtype = DType::BF16;
    let one = Tensor::ones([3], dtype).unwrap();
    let config = SgdConfig { momentum: 0.9, dampening: 0.0, nesterov: false, step: 1, grad_scale: 1.0 };
    let (mut param, mut velocity) = (one.clone(), one.clone());
    let item =
        SgdItem { param: &mut param, grad: &one, velocity: Some(&mut velocity), lr: 0.1, weight_decay: 0.0 };
    sgd_update(&mut [item], &config).unwrap();
    assert!(param.bit_eq(&Tensor::full([3], 0.9f32 as f64, dtype).unwrap()) && velocity.bit_eq(&one));
    let config =
        AdamConfig { beta1: 0.9, beta2: 0.999, eps: 1e-8, decoupled: false, step: 1, grad_scale: 1.0 };
    let zero = Tensor::zeros([3], dtype).unwrap();
    let (mut param, mut m, mut v) = (one.clone(), zero.clone(), zero);
    let item = AdamItem { param: &mut param, grad: &one, m: &mut m, v: &mut v, lr: 0.5, weight_decay: 0.0 };
    adam_update(&mut [item], &config).unwrap();
    assert_eq!((param.dtype(), m.dtype(), v.dtype()), (dtype, dtype, dtype));
    assert_eq!(param.to_vec::<bf16>().unwrap(), [bf16::from_f32(0.5); 3]);
}

#[test]
fn tensors_of_every_type_print() {
    let x = Tensor::from_slice(&[1.5f32, -2.0], [2]).unwrap();
    let show = |dtype| {
        let x = x.to_dtype(dtype).unwrap();
        (format!("{x}"), format!("{x:?}"))
    };
    assert_eq!(
        show(DType::BF16),
        ("[ 1.5000, -2.0000]\nbf16 [2]".into(), "Tensor(bf16, [2], [1.5, -2.0])".into())
    );
    assert_eq!(show(DType::I8), ("[ 1, -2]\ni8 [2]".into(), "Tensor(i8, [2], [1, -2])".into()));
}
