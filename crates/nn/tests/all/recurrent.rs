//! Recurrent layers: against an outside framework, over sequences of any lengths, in any company.

use crate::golden::{cases, fill, hold, operand, sizes};
use autodiff::Var;
use nn::{Context, GruCell, Layer, LstmCell, Module, Recurrent, RecurrentConfig, RecurrentState, RnnCell};
use tensor::{Cell, DType, Rng, Tensor};

fn cell(name: &str) -> Cell {
    match name {
        "tanh" => Cell::Tanh,
        "relu" => Cell::Relu,
        "lstm" => Cell::Lstm,
        "gru" => Cell::Gru,
        other => panic!("{other} is no cell"),
    }
}

/// `goldens/make_recurrent.py` says how they were made, `goldens/recurrent.json` by which version and from which seed.
#[test]
fn layers_are_those_of_the_outside_framework() {
    let cases = cases("recurrent.json");
    assert_eq!(cases.len(), 140);
    for case in &cases {
        let size = |name: &str| case[name].as_u64().unwrap() as usize;
        let flag = |name: &str| case[name].as_bool().unwrap();
        let config = RecurrentConfig {
            layers: size("layers"),
            bidirectional: flag("bidirectional"),
            bias: flag("bias"),
            batch_first: flag("batch_first"),
            projection: Some(size("proj")).filter(|&proj| proj > 0),
            dtype: DType::F64,
            ..RecurrentConfig::default()
        };
        let cell = cell(case["cell"].as_str().unwrap());
        let mut layer =
            Recurrent::with_config(cell, size("d_in"), size("hidden"), &config, &mut Rng::seed(0)).unwrap();
        let mut seed: u64 = case["seed"].as_str().unwrap().parse().unwrap();
        fill(&mut layer, &mut seed);
        let (n, time) = (size("n"), size("time"));
        let lead = if config.batch_first { [n, time] } else { [time, n] };
        let x = Var::variable(operand(&mut seed, &[lead[0], lead[1], size("d_in")], 1.0));
        let parts = config.layers * if config.bidirectional { 2 } else { 1 };
        let mut state = |width: usize| Var::variable(operand(&mut seed, &[parts, n, width], 1.0));
        let h = state(config.projection.unwrap_or(size("hidden")));
        let c = if cell == Cell::Lstm { Some(state(size("hidden"))) } else { None };
        let first = RecurrentState { h, c };
        let lengths = Some(&case["lengths"]).filter(|all| all.is_array()).map(sizes);
        let given = flag("first").then_some(&first);
        let cx = &mut Context::train(&mut Rng::seed(0));
        let (y, last) = layer.forward_with(&x, lengths.as_deref(), given, cx).unwrap();
        let results: Vec<Var> = [Some(y), Some(last.h), last.c].into_iter().flatten().collect();
        let mut total = Var::from(Tensor::scalar(0.0));
        for result in &results {
            let cotangent = Var::from(operand(&mut seed, result.shape(), 1.0));
            total = total.add(&result.mul(&cotangent).unwrap().sum(&[]).unwrap()).unwrap();
        }
        let grads = total.backward().unwrap();
        let states = given.map(|first| [Some(&first.h), first.c.as_ref()]).into_iter().flatten().flatten();
        let of_inputs = [&x].into_iter().chain(states).map(|v| grads.of(v).unwrap().clone());
        let of_params = layer.named_params().into_iter().map(|(_, p)| grads.get(p.id()).unwrap().clone());
        let found = results.iter().map(|result| result.value().clone()).chain(of_inputs).chain(of_params);
        hold(&found.collect::<Vec<Tensor>>(), case);
    }
}

fn model(cell: Cell, dropout: f64) -> Recurrent {
    let config = RecurrentConfig { layers: 2, bidirectional: true, dropout, ..RecurrentConfig::default() };
    Recurrent::with_config(cell, 5, 33, &config, &mut Rng::seed(1)).unwrap()
}

#[test]
fn names_are_those_of_the_outside_framework() {
    let names: Vec<String> =
        model(Cell::Lstm, 0.0).named_params().into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names[..5],
        ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight_ih_l0_reverse"]
    );
    assert_eq!(names[15], "bias_hh_l1_reverse");
    let cell = GruCell::new(2, 3, &mut Rng::seed(0)).unwrap();
    let names: Vec<String> = cell.named_params().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]);
}

#[test]
fn padding_and_company_change_no_bit() {
    let mut rng = Rng::seed(2);
    let x = rng.normal([5, 9, 5], 0.0, 1.0, DType::F32).unwrap();
    let lengths = [3, 9, 1, 9, 4];
    for cell in [Cell::Tanh, Cell::Relu, Cell::Lstm, Cell::Gru] {
        let layer = model(cell, 0.0);
        let run = |x: &Tensor, lengths: Option<&[usize]>| {
            layer.forward_with(&x.clone().into(), lengths, None, &mut Context::eval()).unwrap()
        };
        let (y, state) = run(&x, Some(&lengths));
        // Whatever stands where a sequence has ended.
        let noise = rng.normal([5, 9, 5], 0.0, 9.0, DType::F32).unwrap();
        let ends = Tensor::from_slice(&lengths.map(|len| len as i64), [5, 1, 1]).unwrap();
        let inside = Tensor::arange(9, DType::I64).unwrap().reshape([1, 9, 1]).unwrap().lt(&ends).unwrap();
        let other = run(&Tensor::where_(&inside, &x, &noise).unwrap(), Some(&lengths));
        assert!(y.value().bit_eq(other.0.value()) && state.h.value().bit_eq(other.1.h.value()), "{cell:?}");
        for (i, &len) in lengths.iter().enumerate() {
            let (alone, last) = run(&x.narrow(0, i, 1).unwrap().narrow(1, 0, len).unwrap(), None);
            let here = y.value().narrow(0, i, 1).unwrap();
            assert!(here.narrow(1, 0, len).unwrap().bit_eq(alone.value()), "{cell:?}, sequence {i}");
            assert!(
                state.h.value().narrow(1, i, 1).unwrap().bit_eq(last.h.value()),
                "{cell:?}, sequence {i}"
            );
            assert_eq!(
                here.narrow(1, len, 9 - len).unwrap().abs().unwrap().sum(&[]).unwrap().item().unwrap(),
                0.0
            );
        }
        for threads in [1, 2, 3, 8] {
            let again = crate::with_threads(threads, || run(&x, Some(&lengths)).0);
            assert!(y.value().bit_eq(again.value()), "{cell:?}, {threads} threads");
        }
    }
}

#[test]
fn dropout_stands_between_layers_in_training_alone() {
    let x: Var = Rng::seed(3).normal([2, 4, 5], 0.0, 1.0, DType::F32).unwrap().into();
    let (plain, dropping) = (model(Cell::Gru, 0.0), model(Cell::Gru, 0.5));
    let eval = |layer: &Recurrent| layer.forward(&x, &mut Context::eval()).unwrap();
    assert!(eval(&plain).value().bit_eq(eval(&dropping).value()));
    let train = |layer: &Recurrent| layer.forward(&x, &mut Context::train(&mut Rng::seed(4))).unwrap();
    assert!(train(&plain).value().bit_eq(eval(&plain).value()));
    assert!(!train(&dropping).value().bit_eq(eval(&plain).value()));
    assert!(train(&dropping).value().bit_eq(train(&dropping).value()));
    // Everything dropped between the layers: the second sees zeros, whatever the input.
    let all = model(Cell::Gru, 1.0);
    let other = all.forward(&x.mul_scalar(-2.0).unwrap(), &mut Context::train(&mut Rng::seed(5))).unwrap();
    assert!(train(&all).value().bit_eq(other.value()));
}

#[test]
fn cells_are_steps_of_layers() {
    let config = RecurrentConfig::default();
    let x: Var = Rng::seed(6).normal([3, 4, 5], 0.0, 1.0, DType::F32).unwrap().into();
    let cx = &mut Context::eval();
    macro_rules! check {
        ($cell:expr, $kind:ty) => {{
            let layer = Recurrent::with_config($cell, 5, 6, &config, &mut Rng::seed(7)).unwrap();
            let cell = <$kind>::new(5, 6, &mut Rng::seed(7)).unwrap();
            let (y, _) = layer.forward_with(&x, None, None, cx).unwrap();
            let mut states = cell.zeros(3).unwrap();
            for t in 0..4 {
                states = cell.forward(&x.select(1, t).unwrap(), &states, cx).unwrap();
                assert!(states[0].value().bit_eq(y.select(1, t).unwrap().value()), "step {t}");
            }
        }};
    }
    check!(Cell::Lstm, LstmCell);
    check!(Cell::Gru, GruCell);
    check!(Cell::Tanh, RnnCell);
}

#[test]
fn what_does_not_fit_is_refused() {
    let layer = model(Cell::Lstm, 0.0);
    let cx = &mut Context::eval();
    let x: Var = Tensor::zeros([2, 3, 5], DType::F32).unwrap().into();
    let mut refused = |x: &Var, lengths: Option<&[usize]>, state: Option<&RecurrentState>, says: &str| {
        assert_eq!(layer.forward_with(x, lengths, state, cx).unwrap_err().to_string(), says);
    };
    let zeros = |shape: &[usize]| Var::from(Tensor::zeros(shape, DType::F32).unwrap());
    refused(
        &zeros(&[2, 3, 4]),
        None,
        None,
        "[lstm] the input must be (n, time, d_in); got [2, 3, 4] where d_in is 5; add the axis that lacks with unsqueeze, or change the layer's sizes",
    );
    refused(
        &zeros(&[2, 0, 5]),
        None,
        None,
        "[lstm] a sequence must have a step; got [2, 0, 5]; leave the batch out",
    );
    refused(
        &x,
        Some(&[3]),
        None,
        "[lstm] there must be one length for each sequence; got 1 for [2, 3, 5]; give one length for each sequence",
    );
    refused(
        &x,
        Some(&[3, 0]),
        None,
        "[lstm] a sequence must have a step; got length 0 of sequence 1; leave it out of the batch",
    );
    refused(
        &x,
        Some(&[3, 4]),
        None,
        "[lstm] no length may exceed the steps of the batch; got length 4 of sequence 1 for 3 steps; pad the batch, or shorten the length",
    );
    let wrong = RecurrentState { h: zeros(&[2, 2, 33]), c: None };
    refused(
        &x,
        None,
        Some(&wrong),
        "[lstm] each first state must be (layers·directions, n, hidden), with c for an LSTM alone; got [[2, 2, 33]] where [[4, 2, 33], [4, 2, 33]] is due; give the state that the layer returned for a batch of this size",
    );
    // No sequence is no mistake.
    let (y, state) = layer.forward_with(&zeros(&[0, 3, 5]), None, None, cx).unwrap();
    assert_eq!((y.shape(), state.h.shape()), (&[0, 3, 66][..], &[4, 0, 33][..]));
}

/// Unit by unit: an LSTM with peepholes and a projection, and a GRU with its reset gate before the product.
#[test]
fn rarer_cells_are_their_definitions() {
    let sigmoid = |x: f64| 1.0 / (1.0 + libm::exp(-x));
    let (d_in, h, n, time) = (3, 4, 2, 5);
    let plain = RecurrentConfig { dtype: DType::F64, ..RecurrentConfig::default() };
    let odd = RecurrentConfig { projection: Some(2), peepholes: true, ..plain };
    let before = RecurrentConfig { reset_after: false, ..plain };
    let x = crate::normal([n, time, d_in], 8);
    let lengths = [3, 5];
    for (cell, config, outs) in [(Cell::Lstm, odd, 2), (Cell::Gru, before, h)] {
        let layer = Recurrent::with_config(cell, d_in, h, &config, &mut Rng::seed(9)).unwrap();
        let (y, last) =
            layer.forward_with(&x.clone().into(), Some(&lengths), None, &mut Context::eval()).unwrap();
        let param = |name: &str| layer.state_dict().get(name).unwrap().to_vec::<f64>().unwrap();
        let (w, v) = (param("weight_ih_l0"), param("weight_hh_l0"));
        let (b, a) = (param("bias_ih_l0"), param("bias_hh_l0"));
        let values = x.to_vec::<f64>().unwrap();
        for i in 0..n {
            let (mut state, mut c) = (vec![0.0; outs], vec![0.0; h]);
            for t in 0..lengths[i] {
                let x = &values[(i * time + t) * d_in..][..d_in];
                let share = |g: usize| b[g] + (0..d_in).map(|k| w[g * d_in + k] * x[k]).sum::<f64>();
                let back =
                    |g: usize, s: &[f64]| a[g] + (0..outs).map(|k| v[g * outs + k] * s[k]).sum::<f64>();
                let gate = |g: usize| share(g) + back(g, &state);
                if cell == Cell::Lstm {
                    let (p, down) = (param("weight_peephole_l0"), param("weight_hr_l0"));
                    let mut full = vec![0.0; h];
                    for u in 0..h {
                        let i = sigmoid(gate(u) + p[u] * c[u]);
                        let f = sigmoid(gate(h + u) + p[h + u] * c[u]);
                        let after = f * c[u] + i * libm::tanh(gate(2 * h + u));
                        full[u] = sigmoid(gate(3 * h + u) + p[2 * h + u] * after) * libm::tanh(after);
                        c[u] = after;
                    }
                    state = (0..outs).map(|o| (0..h).map(|u| down[o * h + u] * full[u]).sum()).collect();
                } else {
                    let r: Vec<f64> = (0..h).map(|u| sigmoid(gate(u)) * state[u]).collect();
                    let new = |u: usize| {
                        let keep = sigmoid(gate(h + u));
                        let fresh = libm::tanh(share(2 * h + u) + back(2 * h + u, &r));
                        (1.0 - keep) * fresh + keep * state[u]
                    };
                    state = (0..h).map(new).collect();
                }
                let got =
                    y.value().narrow(0, i, 1).unwrap().narrow(1, t, 1).unwrap().to_vec::<f64>().unwrap();
                assert!(
                    got.iter().zip(&state).all(|(a, b)| (a - b).abs() < 1e-12),
                    "{cell:?}, {i}, {t}: {got:?} {state:?}"
                );
            }
            let got = last.h.value().narrow(1, i, 1).unwrap().to_vec::<f64>().unwrap();
            assert!(got.iter().zip(&state).all(|(a, b)| (a - b).abs() < 1e-12), "{cell:?}, {i}: {got:?}");
        }
        let forward = |layer: &Recurrent, x: &Var, cx: &mut Context| {
            Ok(layer.forward_with(x, Some(&lengths), None, cx)?.0)
        };
        nn::check::gradcheck_module(&layer, &x, forward, &Default::default()).unwrap();
    }
    let refused = Recurrent::with_config(Cell::Gru, 2, 3, &odd, &mut Rng::seed(0)).unwrap_err().to_string();
    assert_eq!(
        refused,
        "[gru] projections and peepholes are an LSTM's; got Gru; leave them out, or use an LSTM"
    );
}
