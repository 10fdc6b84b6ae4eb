//! Models of sequences of real lengths: shapes, padding, gradients, learning, decoding.

use autodiff::Var;
use autodiff::ops::loss::cross_entropy::CrossEntropy;
use models::{
    Seq2Seq, Seq2SeqConfig, SequenceClassifier, SequenceClassifierConfig, SequenceInput, Tagger, TaggerConfig,
};
use nn::check::gradcheck_module;
use nn::{Context, Layer, Linear, Module, Recurrent, RecurrentConfig, Result};
use optim::{Adam, Optimizer};
use tensor::{Cell, DType, Rng, Tensor};

const LENGTHS: [usize; 4] = [5, 2, 7, 4];
const CELLS: [Cell; 3] = [Cell::Lstm, Cell::Gru, Cell::Tanh];

/// Tokens `(4, time)` of the same four sequences, with `fill` behind them.
fn tokens(time: usize, vocab: usize, fill: i64) -> Tensor {
    let token = |i: usize| {
        let (row, t) = (i / time, i % time);
        if t < LENGTHS[row] { ((row * 31 + t * t * 7 + t) % vocab) as i64 } else { fill }
    };
    Tensor::from_vec((0..4 * time).map(token).collect(), [4, time]).unwrap()
}

/// Features `(4, time, 3)` of the same four sequences, with `fill` behind them.
fn numbers(time: usize, fill: f64) -> Tensor {
    let number = |i: usize| {
        let (row, t, d) = (i / 3 / time, i / 3 % time, i % 3);
        if t < LENGTHS[row] { ((row * 31 + t * 7 + d * 3) % 11) as f64 / 5.0 - 1.0 } else { fill }
    };
    Tensor::from_vec((0..12 * time).map(number).collect(), [4, time, 3])
        .unwrap()
        .to_dtype(DType::F32)
        .unwrap()
}

fn classifier(input: SequenceInput, cell: Cell, bidirectional: bool, dtype: DType) -> SequenceClassifier {
    let config = SequenceClassifierConfig {
        input,
        classes: 3,
        cell,
        hidden: 4,
        layers: 2,
        bidirectional,
        dropout: 0.0,
        dtype,
    };
    SequenceClassifier::new(&config, &mut Rng::seed(1)).unwrap()
}

fn tagger(input: SequenceInput, cell: Cell, dtype: DType) -> Tagger {
    let config = TaggerConfig { input, classes: 3, cell, hidden: 4, layers: 2, dropout: 0.0, dtype };
    Tagger::new(&config, &mut Rng::seed(2)).unwrap()
}

fn seq2seq(cell: Cell, layers: usize, dtype: DType) -> Seq2Seq {
    let config = Seq2SeqConfig {
        source_vocab: 9,
        target_vocab: 6,
        start: 0,
        end: 1,
        cell,
        d_embedding: 3,
        hidden: 4,
        layers,
        dropout: 0.0,
        dtype,
    };
    Seq2Seq::new(&config, &mut Rng::seed(3)).unwrap()
}

const TOKENS: SequenceInput = SequenceInput::Tokens { vocab: 9, d: 3 };

fn row(x: &Var, i: usize, steps: usize) -> Tensor {
    x.value().narrow(0, i, 1).unwrap().narrow(1, 0, steps).unwrap()
}

#[test]
fn padding_and_company_change_no_bit_of_a_classification() {
    for cell in CELLS {
        for bidirectional in [false, true] {
            for (input, x, y) in [
                (TOKENS, tokens(7, 9, 0), tokens(10, 9, 8)),
                (SequenceInput::Features(3), numbers(7, 0.0), numbers(10, 1e30)),
            ] {
                let model = classifier(input, cell, bidirectional, DType::F32);
                let cx = &mut Context::eval();
                let short = model.forward_with(&(&x).into(), Some(&LENGTHS), cx).unwrap();
                assert_eq!(short.shape(), [4, 3]);
                let long = model.forward_with(&(&y).into(), Some(&LENGTHS), cx).unwrap();
                assert!(short.value().bit_eq(long.value()));
                for (i, len) in LENGTHS.into_iter().enumerate() {
                    let alone = x.narrow(0, i, 1).unwrap().narrow(1, 0, len).unwrap();
                    let alone = model.forward_with(&alone.into(), None, cx).unwrap();
                    assert!(alone.value().bit_eq(&short.value().narrow(0, i, 1).unwrap()));
                }
            }
        }
    }
}

#[test]
fn a_classification_is_made_of_the_last_real_step_and_of_the_first_from_the_other_end() {
    let x: Var = numbers(7, 0.5).into();
    for bidirectional in [false, true] {
        let model = classifier(SequenceInput::Features(3), Cell::Lstm, bidirectional, DType::F32);
        let logits = model.forward_with(&x, Some(&LENGTHS), &mut Context::eval()).unwrap();
        // The same layers by hand, read by their outputs instead of their states.
        let rng = &mut Rng::seed(1);
        let config = RecurrentConfig { layers: 2, bidirectional, ..RecurrentConfig::default() };
        let rnn = Recurrent::with_config(Cell::Lstm, 3, 4, &config, rng).unwrap();
        let head = Linear::new(rnn.d_out(), 3, rng).unwrap();
        let cx = &mut Context::eval();
        let (y, _) = rnn.forward_with(&x, Some(&LENGTHS), None, cx).unwrap();
        for (i, len) in LENGTHS.into_iter().enumerate() {
            let step = |t: usize| y.narrow(0, i, 1).unwrap().select(1, t as isize).unwrap();
            let mut ends = step(len - 1).narrow(1, 0, 4).unwrap();
            if bidirectional {
                ends = Var::cat(&[&ends, &step(0).narrow(1, 4, 4).unwrap()], -1).unwrap();
            }
            let wanted = head.forward(&ends, cx).unwrap();
            assert!(wanted.value().bit_eq(&logits.value().narrow(0, i, 1).unwrap()));
        }
    }
}

#[test]
fn padding_and_company_change_no_bit_of_a_tag() {
    for cell in CELLS {
        for (input, x, y) in [
            (TOKENS, tokens(7, 9, 0), tokens(10, 9, 8)),
            (SequenceInput::Features(3), numbers(7, 0.0), numbers(10, 1e30)),
        ] {
            let model = tagger(input, cell, DType::F32);
            let cx = &mut Context::eval();
            let short = model.forward_with(&(&x).into(), Some(&LENGTHS), cx).unwrap();
            let long = model.forward_with(&(&y).into(), Some(&LENGTHS), cx).unwrap();
            assert_eq!((short.shape(), long.shape()), (&[4, 7, 3][..], &[4, 10, 3][..]));
            for (i, len) in LENGTHS.into_iter().enumerate() {
                assert!(row(&short, i, len).bit_eq(&row(&long, i, len)));
                let alone = x.narrow(0, i, 1).unwrap().narrow(1, 0, len).unwrap();
                let alone = model.forward_with(&alone.into(), None, cx).unwrap();
                assert!(row(&alone, 0, len).bit_eq(&row(&short, i, len)));
            }
        }
    }
}

#[test]
fn padding_and_company_change_no_bit_of_a_translation() {
    for cell in CELLS {
        let model = seq2seq(cell, 2, DType::F32);
        let (x, y) = (tokens(7, 9, 0), tokens(10, 9, 8));
        let target: Var =
            Tensor::from_vec((0..20).map(|i| i % 6).collect::<Vec<i64>>(), [4, 5]).unwrap().into();
        let cx = &mut Context::eval();
        let short = model.forward(&(&x).into(), Some(&LENGTHS), &target, cx).unwrap();
        let long = model.forward(&(&y).into(), Some(&LENGTHS), &target, cx).unwrap();
        assert_eq!(short.shape(), [4, 5, 6]);
        assert!(short.value().bit_eq(long.value()));
        for (i, len) in LENGTHS.into_iter().enumerate() {
            let alone = x.narrow(0, i, 1).unwrap().narrow(1, 0, len).unwrap();
            // A target that ends earlier has the same logits up to there.
            let target = target.narrow(0, i, 1).unwrap().narrow(1, 0, 3).unwrap();
            let alone = model.forward(&alone.into(), None, &target, cx).unwrap();
            assert!(row(&alone, 0, 3).bit_eq(&row(&short, i, 3)));
        }
    }
}

#[test]
fn decoding_step_by_step_gives_the_bits_of_one_pass() {
    for cell in CELLS {
        let model = seq2seq(cell, 2, DType::F32);
        let cx = &mut Context::eval();
        let target: Var =
            Tensor::from_vec((0..20).map(|i| i * 7 % 6).collect::<Vec<i64>>(), [4, 5]).unwrap().into();
        let encoded = model.encode(&tokens(7, 9, 0).into(), Some(&LENGTHS), cx).unwrap();
        let (whole, _) = model.decode(&target, &encoded, encoded.state(), cx).unwrap();
        let mut state = encoded.state().clone();
        for t in 0..5 {
            let (y, after) = model.decode(&target.narrow(1, t, 1).unwrap(), &encoded, &state, cx).unwrap();
            assert!(y.value().bit_eq(whole.narrow(1, t, 1).unwrap().value()));
            state = after;
        }
    }
}

/// Every parameter's gradient is there, finite, and not all zeros.
fn all_reached(name: &str, model: &impl Module, loss: Var) {
    let grads = loss.backward().unwrap();
    for (path, param) in model.named_params() {
        let grad: &Tensor = grads.get(param.id()).unwrap_or_else(|| panic!("{name}: {path} has no gradient"));
        let largest = grad.abs().unwrap().max(&[]).unwrap().item().unwrap();
        assert!(largest > 0.0 && largest.is_finite(), "{name}: {path} has a gradient of {largest}");
    }
}

#[test]
fn gradients_reach_every_parameter() {
    let x: Var = tokens(7, 9, 0).into();
    let square = |y: Var| y.square().unwrap().sum(&[]).unwrap();
    for cell in CELLS {
        let cx = &mut Context::train(&mut Rng::seed(0));
        let model = classifier(TOKENS, cell, true, DType::F64);
        all_reached("classifier", &model, square(model.forward_with(&x, Some(&LENGTHS), cx).unwrap()));
        let model = tagger(TOKENS, cell, DType::F64);
        all_reached("tagger", &model, square(model.forward_with(&x, Some(&LENGTHS), cx).unwrap()));
        let model = seq2seq(cell, 2, DType::F64);
        let target = Tensor::from_vec(vec![0i64, 2, 3, 0, 4, 5, 0, 1, 2, 0, 3, 3], [4, 3]).unwrap().into();
        all_reached("seq2seq", &model, square(model.forward(&x, Some(&LENGTHS), &target, cx).unwrap()));
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    let lengths = Some(&LENGTHS[..2]);
    let x = numbers(5, 0.5).narrow(0, 0, 2).unwrap().to_dtype(DType::F64).unwrap();
    let how = Default::default();
    let features = SequenceInput::Features(3);
    let model = classifier(features, Cell::Lstm, true, DType::F64);
    gradcheck_module(&model, &x, |model, x, cx| model.forward_with(x, lengths, cx), &how).unwrap();
    let model = tagger(features, Cell::Gru, DType::F64);
    gradcheck_module(&model, &x, |model, x, cx| model.forward_with(x, lengths, cx), &how).unwrap();
    // Tokens have no derivative; x weighs the logits instead.
    let source: Var = tokens(5, 9, 0).narrow(0, 0, 2).unwrap().into();
    let target: Var = Tensor::from_vec(vec![0i64, 2, 3, 0, 5, 4], [2, 3]).unwrap().into();
    let weights = Rng::seed(9).normal([2, 3, 6], 0.0, 1.0, DType::F64).unwrap();
    for cell in [Cell::Lstm, Cell::Gru] {
        let model = seq2seq(cell, 1, DType::F64);
        let weighed = |model: &Seq2Seq, x: &Var, cx: &mut Context| -> Result<Var> {
            Ok(model.forward(&source, lengths, &target, cx)?.mul(x)?)
        };
        gradcheck_module(&model, &weights, weighed, &how).unwrap();
    }
}

#[test]
fn a_handful_of_sequences_is_learned_by_heart() {
    let x: Var = tokens(7, 9, 0).into();
    let rng = &mut Rng::seed(5);
    let classes = Tensor::from_vec(vec![0i64, 1, 2, 0], [4]).unwrap();
    let mut model = classifier(TOKENS, Cell::Lstm, true, DType::F32);
    let mut adam = Adam::new(2e-2);
    for _ in 0..80 {
        let y = model.forward_with(&x, Some(&LENGTHS), &mut Context::train(rng)).unwrap();
        let loss = y.cross_entropy(&classes, &CrossEntropy::default()).unwrap();
        adam.step(&mut model, &loss.backward().unwrap()).unwrap();
    }
    let y = model.forward_with(&x, Some(&LENGTHS), &mut Context::eval()).unwrap();
    assert_eq!(y.value().argmax(-1).unwrap().to_vec::<i64>().unwrap(), [0, 1, 2, 0]);

    // Whether the token before or behind is larger, which takes both directions; −1 at padding.
    let all = tokens(7, 9, 0).to_vec::<i64>().unwrap();
    let tag = |i: usize| {
        let (row, t) = (i / 7, i % 7);
        match t {
            t if t >= LENGTHS[row] => -1,
            t if t == 0 || t + 1 == LENGTHS[row] => 0,
            _ => 1 + i64::from(all[i - 1] > all[i + 1]),
        }
    };
    let tags: Vec<i64> = (0..28).map(tag).collect();
    let labels = Tensor::from_vec(tags.clone(), [4, 7]).unwrap();
    let ignoring = CrossEntropy { ignore_index: Some(-1), ..CrossEntropy::default() };
    let mut model = tagger(TOKENS, Cell::Gru, DType::F32);
    let mut adam = Adam::new(2e-2);
    for _ in 0..150 {
        let y = model.forward_with(&x, Some(&LENGTHS), &mut Context::train(rng)).unwrap();
        let loss = y.cross_entropy(&labels, &ignoring).unwrap();
        adam.step(&mut model, &loss.backward().unwrap()).unwrap();
    }
    let y = model.forward_with(&x, Some(&LENGTHS), &mut Context::eval()).unwrap();
    let found = y.value().argmax(-1).unwrap().to_vec::<i64>().unwrap();
    assert!(tags.iter().zip(&found).all(|(tag, found)| *tag == -1 || tag == found), "{tags:?} {found:?}");
}

#[test]
fn translations_are_learned_by_heart_and_found_by_both_searches() {
    for cell in [Cell::Lstm, Cell::Gru] {
        let config = Seq2SeqConfig {
            source_vocab: 9,
            target_vocab: 9,
            cell,
            d_embedding: 8,
            hidden: 16,
            ..Seq2SeqConfig::default()
        };
        let rng = &mut Rng::seed(4);
        let mut model = Seq2Seq::new(&config, rng).unwrap();
        let source = tokens(7, 7, 0);
        // Each sequence backwards; tokens 0 and 1 are start and end.
        let all = source.to_vec::<i64>().unwrap();
        let wanted: Vec<Vec<usize>> =
            (0..4).map(|i| (0..LENGTHS[i]).rev().map(|t| all[i * 7 + t] as usize + 2).collect()).collect();
        let (mut input, mut labels) = (Vec::new(), Vec::new());
        for target in &wanted {
            let at = |t: usize| target.get(t).map_or(1, |&token| token as i64);
            input.extend((0..8).map(|t| if t == 0 { 0 } else { at(t - 1) }));
            labels.extend((0..8).map(|t| if t > target.len() { -1 } else { at(t) }));
        }
        let input: Var = Tensor::from_vec(input, [4, 8]).unwrap().into();
        let labels = Tensor::from_vec(labels, [4, 8]).unwrap();
        let ignoring = CrossEntropy { ignore_index: Some(-1), ..CrossEntropy::default() };
        let mut adam = Adam::new(2e-2);
        for _ in 0..150 {
            let cx = &mut Context::train(rng);
            let y = model.forward(&(&source).into(), Some(&LENGTHS), &input, cx).unwrap();
            let loss = y.cross_entropy(&labels, &ignoring).unwrap();
            adam.step(&mut model, &loss.backward().unwrap()).unwrap();
        }
        assert_eq!(model.greedy(&source, Some(&LENGTHS), 10).unwrap(), wanted);
        // Cut off where there is no room for the end.
        let cut: Vec<Vec<usize>> =
            wanted.iter().map(|target| target[..target.len().min(3)].to_vec()).collect();
        assert_eq!(model.greedy(&source, Some(&LENGTHS), 3).unwrap(), cut);
        let beams = model.beam(&source, Some(&LENGTHS), 3, 10, 0.0).unwrap();
        for (beam, wanted) in beams.iter().zip(&wanted) {
            assert_eq!(&beam[0].tokens, wanted);
            assert!(beam.len() == 3 && beam[0].ended && beam[0].log_prob > -1.0);
        }
        // The log probability is that of teacher forcing.
        let y = model.forward(&(&source).into(), Some(&LENGTHS), &input, &mut Context::eval()).unwrap();
        let logs = y.log_softmax(-1).unwrap().value().to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap();
        for (i, target) in wanted.iter().enumerate() {
            let path = target.iter().copied().chain([1]).enumerate();
            let sum: f64 = path.map(|(t, token)| logs[(i * 8 + t) * 9 + token]).sum();
            assert!((sum - beams[i][0].log_prob).abs() < 1e-12, "{sum} {}", beams[i][0].log_prob);
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    fn message<T>(result: Result<T>) -> String {
        result.err().expect("this must be refused").to_string()
    }
    let cx = &mut Context::eval();
    let tokens = tokens(7, 9, 0);
    let x: Var = (&tokens).into();
    let (model, tags) = (
        classifier(TOKENS, Cell::Lstm, false, DType::F32),
        tagger(SequenceInput::Features(3), Cell::Lstm, DType::F32),
    );
    let pair = seq2seq(Cell::Lstm, 1, DType::F32);
    let vector = x.select(0, 0).unwrap();
    let large = x.add(&Var::from(Tensor::scalar(1i64))).unwrap();
    let cases = [
        (
            message(model.forward_with(&vector, None, cx)),
            "[sequence_classifier] tokens must be (n, time); got [7]; add the axis that lacks with unsqueeze",
        ),
        (
            message(tags.forward_with(&x, None, cx)),
            "[tagger] features must be (n, time, d); got [4, 7]; add the axis that lacks with unsqueeze",
        ),
        (
            message(model.forward_with(&large, None, cx)),
            "tok: [embedding] every token must be in the table; got token 9 for 9 tokens; map unknown tokens to one of the vocabulary",
        ),
        (
            message(model.forward_with(&x, Some(&[5, 2, 0, 4]), cx)),
            "rnn: [lstm] a sequence must have a step; got length 0 of sequence 2; leave it out of the batch",
        ),
        (
            message(tags.forward_with(&numbers(7, 0.0).into(), Some(&[5, 2, 8, 4]), cx)),
            "rnn: [lstm] no length may exceed the steps of the batch; got length 8 of sequence 2 for 7 steps; pad the batch, or shorten the length",
        ),
        (
            message(pair.encode(&vector, None, cx)),
            "[seq2seq] the source must be (n, time); got [7]; add the axis that lacks with unsqueeze",
        ),
        (
            message(pair.forward(&x, None, &vector, cx)),
            "[seq2seq] the target must be (n, steps); got [7]; add the axis that lacks with unsqueeze",
        ),
        (
            message(pair.forward(&x, None, &x.narrow(0, 0, 2).unwrap(), cx)),
            "[seq2seq] there must be a target for each source; got targets [2, 7] for 4 sources; give both the same first axis",
        ),
        (
            message(pair.forward(&x, None, &x, cx)),
            "target: [embedding] every token must be in the table; got token 8 for 6 tokens; map unknown tokens to one of the vocabulary",
        ),
        (
            message(pair.encode(&x, Some(&[1]), cx)),
            "encoder: [lstm] there must be one length for each sequence; got 1 for [4, 7, 3]; give one length for each sequence",
        ),
        (
            message(pair.greedy(&tokens, None, 0)),
            "[seq2seq] length must be at least 1; got max_len 0; allow as many tokens as the longest target has",
        ),
        (
            message(pair.beam(&tokens, None, 0, 5, 0.0)),
            "[beam_search] width and length must be at least 1; got width 0, max_len 5; use a width of 4 or so",
        ),
        (
            message(Seq2Seq::new(&Seq2SeqConfig { end: 64, ..Seq2SeqConfig::default() }, &mut Rng::seed(0))),
            "[seq2seq] start and end must be tokens of the target; got start 0 and end 64 for 64 tokens; use tokens below target_vocab",
        ),
    ];
    for (got, want) in cases {
        assert_eq!(got, want);
    }
}
