//! Weights kept narrow: what they change, what they refuse, what is saved.

use autodiff::Var;
use nn::{
    AttentionMask, Context, Embedding, Layer, LayerNorm, Linear, Module, MultiHeadAttention, Param,
    Sequential,
};
use tensor::{DType, Rng, Tensor};

const KINDS: [DType; 2] = [DType::BF16, DType::I8];

fn net(rng: &mut Rng) -> Sequential {
    let net = Sequential::new().push(Linear::new(70, 40, rng).unwrap());
    net.push(LayerNorm::new([40]).unwrap()).push(Linear::new(40, 9, rng).unwrap())
}

fn normal(shape: &[usize], rng: &mut Rng) -> Var {
    rng.normal(shape, 0.0, 1.0, DType::F32).unwrap().into()
}

fn run(layer: &impl Layer, x: &Var) -> Tensor {
    layer.forward(x, &mut Context::eval()).unwrap().into_value()
}

#[test]
fn a_narrow_weight_is_as_near_as_promised_and_a_row_has_the_bits_that_it_has_in_a_batch() {
    for dtype in KINDS {
        let rng = &mut Rng::seed(1);
        let plain = Linear::new(600, 40, rng).unwrap();
        let mut narrow = plain.clone();
        assert_eq!(narrow.quantize(dtype).unwrap(), 1);
        assert!(narrow.weight.is_narrow() && !narrow.bias.as_ref().unwrap().is_narrow());
        let (w, kept) = (plain.weight.value(), narrow.weight.widened().unwrap());
        // Half a last place of 8 bits; half a step, and a rounding of the quotient and of the product.
        let allowed = match narrow.weight.scale() {
            None => w.abs().unwrap().mul_scalar(2f64.powi(-8)).unwrap(),
            Some(scale) => scale.mul_scalar(0.5 + 127.0 * 2f64.powi(-22)).unwrap(),
        };
        let off = w.sub(&kept).unwrap().abs().unwrap().sub(&allowed).unwrap();
        assert!(off.max(&[]).unwrap().item().unwrap() <= 0.0);
        let x = normal(&[50, 600], rng);
        let all = run(&narrow, &x);
        for (i, n) in [(0, 1), (3, 2), (7, 4), (20, 5), (30, 20)] {
            let some = run(&narrow, &x.narrow(0, i, n).unwrap());
            assert!(some.bit_eq(&all.narrow(0, i, n).unwrap()), "{dtype}: {n} rows");
        }
        if dtype == DType::BF16 {
            let wide = Linear::from_parts(kept, plain.bias.map(|b| b.value().clone())).unwrap();
            assert!(run(&wide, &x).bit_eq(&all));
        }
    }
}

#[test]
fn tables_and_attention_are_what_their_widened_weights_give() {
    for dtype in KINDS {
        let rng = &mut Rng::seed(2);
        let mut table = Embedding::new(11, 8, rng).unwrap();
        let mut attention = MultiHeadAttention::new(8, 2, rng).unwrap();
        assert_eq!(table.quantize(dtype).unwrap() + attention.quantize(dtype).unwrap(), 3);
        let tokens = Tensor::from_slice(&[3i64, 0, 10, 3], [2, 2]).unwrap();
        let (x, memory) = (run(&table, &tokens.into()).into(), normal(&[2, 5, 8], rng));
        let mask = AttentionMask::default();
        let y = attention.forward_with(&x, &memory, &mask, &mut Context::eval()).unwrap();
        let (mut wide_table, mut wide) = (table.clone(), attention.clone());
        assert_eq!(wide_table.dequantize().unwrap() + wide.dequantize().unwrap(), 3);
        let rows = Tensor::from_slice(&[3i64, 0, 10, 3], [2, 2]).unwrap();
        assert!(x.value().bit_eq(&run(&wide_table, &rows.into())));
        let expected = wide.forward_with(&x, &memory, &mask, &mut Context::eval()).unwrap();
        let off = y.sub(&expected).unwrap().value().abs().unwrap().max(&[]).unwrap().item().unwrap();
        // Sums of 8 terms near 1, scaled behind them or before.
        assert!(off <= 64.0 * f64::from(f32::EPSILON), "{off}");
        // A parameter that something else asks for is wide, and so is one that a value stands in for.
        let asked = Context::eval().param(&table.weight);
        assert!(asked.value().bit_eq(wide_table.weight.value()));
    }
}

#[test]
fn a_state_says_what_it_keeps_and_loads_into_its_like_alone() {
    let rng = &mut Rng::seed(3);
    let plain = net(rng);
    let x = normal(&[3, 70], rng);
    let mut narrow = plain.clone();
    narrow.quantize(DType::I8).unwrap();
    let state = narrow.state_dict();
    let names: Vec<String> =
        state.iter().map(|(name, x)| format!("{name} {} {:?}", x.dtype(), x.shape())).collect();
    assert_eq!(
        names,
        [
            "0.bias f32 [40]",
            "0.weight i8 [40, 70]",
            "0.weight_scale f32 [40, 1]",
            "1.bias f32 [40]",
            "1.weight f32 [40]",
            "2.bias f32 [9]",
            "2.weight i8 [9, 40]",
            "2.weight_scale f32 [9, 1]",
        ]
    );
    let mut other = net(&mut Rng::seed(4));
    let error = other.load_state_dict(&state).unwrap_err().to_string();
    assert!(
        error.contains(
            "unexpected 0.weight_scale, 2.weight_scale and mismatched 0.weight (i8 [40, 70] for f32 [40, 70])"
        ),
        "{error}"
    );
    other.quantize(DType::I8).unwrap();
    let error = other.load_state_dict(&plain.state_dict()).unwrap_err().to_string();
    assert!(error.contains("missing 0.weight_scale"), "{error}");
    // Elements without their scales would be other weights: both or none.
    let mut halved = state.clone();
    halved.remove("0.weight_scale");
    other.load_matching(&halved);
    let loaded = |name: &str| other.state_dict().get(name).unwrap().bit_eq(state.get(name).unwrap());
    assert!(!loaded("0.weight") && loaded("2.weight") && loaded("2.weight_scale") && loaded("0.bias"));
    other.load_state_dict(&state).unwrap();
    assert!(run(&other, &x).bit_eq(&run(&narrow, &x)));
}

#[test]
fn training_waits_until_weights_are_wide_again() {
    let rng = &mut Rng::seed(5);
    let mut model = net(rng);
    model.quantize(DType::BF16).unwrap();
    let x = normal(&[3, 70], rng);
    let error = model.forward(&x, &mut Context::train(rng)).unwrap_err().to_string();
    assert_eq!(
        error,
        "0: [quantize] a quantized model is for inference; got bf16 [40, 70] in a training pass; dequantize the model, or train the one that it was made of"
    );
    model.unfreeze("**").unwrap();
    assert!(model.named_params().iter().all(|(_, p)| p.is_trainable() != p.is_narrow()));
    let before = run(&model, &x);
    assert_eq!(model.dequantize().unwrap(), 2);
    assert!(run(&model, &x).bit_eq(&before));
    let loss = model.forward(&x, &mut Context::train(rng)).unwrap().sum(&[]).unwrap();
    let grads = loss.backward().unwrap();
    assert!(model.named_params().iter().all(|(_, p)| grads.get(p.id()).is_some()));
}

#[test]
fn what_cannot_be_quantized_is_refused_and_stays() {
    let rng = &mut Rng::seed(6);
    let mut model = net(rng);
    let refused = |model: &mut dyn FnMut() -> nn::Result<usize>, says: &str| {
        assert_eq!(model().unwrap_err().to_string(), says);
    };
    refused(
        &mut || model.quantize(DType::F16),
        "[quantize] weights can be kept in bf16 or i8; got f16; choose one of them",
    );
    let mut norm = LayerNorm::new([4]).unwrap();
    refused(
        &mut || norm.quantize(DType::I8),
        "[quantize] a model must have matrices; got none; make them of Linear, Embedding or Param::matrix",
    );
    let nan = Tensor::full([9, 40], f64::NAN, DType::F32).unwrap();
    let before = model.state_dict().get("2.weight").unwrap().clone();
    model.named_params_mut().into_iter().find(|(path, _)| path == "2.weight").unwrap().1.set(nan).unwrap();
    refused(
        &mut || model.quantize(DType::I8),
        "2.weight: [quantize] weights must be finite; got NaN; look for where the model diverged",
    );
    assert!(model.named_params().iter().all(|(_, p)| !p.is_narrow()));
    model.named_params_mut().into_iter().find(|(path, _)| path == "2.weight").unwrap().1.set(before).unwrap();
    model.quantize(DType::I8).unwrap();
    refused(
        &mut || model.quantize(DType::BF16),
        "0.weight: [quantize] weights must be f32; got i8; dequantize the model, or convert it to f32 first",
    );
    let mut wide = Param::matrix(Tensor::ones([2, 2], DType::F64).unwrap(), 0);
    let error = wide.quantize(DType::BF16).unwrap_err().to_string();
    assert!(error.contains("weights must be f32; got f64"), "{error}");
}

/// A linear map whose matrix has its outputs along axis 1.
#[derive(Module)]
struct Turned {
    weight: Param,
}

impl Layer for Turned {
    fn forward(&self, x: &Var, cx: &mut Context) -> nn::Result<Var> {
        cx.linear(x, &self.weight, None)
    }
}

#[test]
fn rounded_inputs_are_as_near_as_promised_and_have_the_same_bits_in_any_company() {
    let rng = &mut Rng::seed(7);
    let plain = Linear::new(301, 37, rng).unwrap();
    let (mut narrow, mut dynamic) = (plain.clone(), plain.clone());
    narrow.quantize(DType::I8).unwrap();
    assert_eq!(dynamic.quantize_dynamic().unwrap(), 1);
    assert!(dynamic.weight.is_dynamic() && !narrow.weight.is_dynamic());
    // What is kept is the same: one loads into the other.
    assert_eq!(dynamic.state_dict().fingerprint().unwrap(), narrow.state_dict().fingerprint().unwrap());
    let x = normal(&[45, 301], rng);
    let (all, exact) = (run(&dynamic, &x), run(&narrow, &x));
    // Half a step of each input, times the weights it meets; and roundings of sums of 301 terms.
    let most = x.value().abs().unwrap().max(&[1]).unwrap().unsqueeze(1).unwrap();
    let weights = narrow.weight.widened().unwrap().abs().unwrap().sum(&[1]).unwrap();
    let allowed = most.mul(&weights).unwrap().mul_scalar(1.0 / 254.0 + 310.0 * 2f64.powi(-24)).unwrap();
    let off = all.sub(&exact).unwrap().abs().unwrap();
    assert!(off.max(&[]).unwrap().item().unwrap() > 0.0);
    assert!(off.sub(&allowed).unwrap().max(&[]).unwrap().item().unwrap() <= 0.0);
    for (i, n) in [(0, 1), (3, 2), (20, 7), (5, 40)] {
        assert!(run(&dynamic, &x.narrow(0, i, n).unwrap()).bit_eq(&all.narrow(0, i, n).unwrap()), "{n} rows");
    }
    let rectified = dynamic.forward_relu(&x, &mut Context::eval()).unwrap().into_value();
    assert!(rectified.bit_eq(&all.relu().unwrap()));
    // A training pass is refused, and what it was comes back.
    assert!(dynamic.forward(&x, &mut Context::train(rng)).is_err());
    dynamic.dequantize().unwrap();
    assert!(!dynamic.weight.is_dynamic());
    run(&dynamic, &x);
}

#[test]
fn the_axis_of_the_outputs_changes_no_bit_and_a_saved_model_loads_into_its_like() {
    let rng = &mut Rng::seed(8);
    let plain = Linear::from_parts(normal(&[37, 65], rng).into_value(), None).unwrap();
    let w = plain.weight.value().t().unwrap().contiguous().unwrap();
    let (mut plain, mut turned) = (plain, Turned { weight: Param::matrix(w.clone(), 1) });
    plain.quantize_dynamic().unwrap();
    turned.quantize_dynamic().unwrap();
    assert_eq!(turned.weight.value().shape(), [65, 37]);
    let x = normal(&[5, 65], rng);
    let y = run(&turned, &x);
    assert!(y.bit_eq(&run(&plain, &x)));
    let mut other = Turned { weight: Param::matrix(Tensor::ones([65, 37], DType::F32).unwrap(), 1) };
    other.quantize_dynamic().unwrap();
    let state = turned.state_dict();
    let state = state.iter().map(|(path, x)| (path.to_string(), x.contiguous().unwrap())).collect();
    other.load_state_dict(&state).unwrap();
    assert!(run(&other, &x).bit_eq(&y));
}
