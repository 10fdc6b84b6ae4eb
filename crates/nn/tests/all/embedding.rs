//! Tables of vectors: what is read, what is trained, what is refused.

use autodiff::Var;
use nn::{BagMode, Context, Embedding, EmbeddingBag, EmbeddingConfig, Layer};
use tensor::{DType, Rng, Tensor};

fn tokens(tokens: &[i64]) -> Var {
    Tensor::from_slice(tokens, [tokens.len()]).unwrap().into()
}

/// A table of three vectors of two numbers: (0, 1), (2, 3), (4, 5).
fn table(config: &EmbeddingConfig) -> Embedding {
    let config = EmbeddingConfig { dtype: DType::F64, ..*config };
    let mut table = Embedding::with_config(3, 2, &config, &mut Rng::seed(0)).unwrap();
    table.weight.set(Tensor::arange(6, DType::F64).unwrap().reshape([3, 2]).unwrap()).unwrap();
    table
}

#[test]
fn vectors_are_rows_and_their_gradients_add_up() {
    let table = table(&EmbeddingConfig::default());
    let y = table.forward(&tokens(&[2, 0, 2]), &mut Context::train(&mut Rng::seed(0))).unwrap();
    assert_eq!(y.value().to_vec::<f64>().unwrap(), [4.0, 5.0, 0.0, 1.0, 4.0, 5.0]);
    let weights = Var::from(Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [3, 2]).unwrap());
    let grads = y.mul(&weights).unwrap().sum(&[]).unwrap().backward().unwrap();
    let grad = grads.get(table.weight.id()).unwrap();
    assert_eq!(grad.to_vec::<f64>().unwrap(), [3.0, 4.0, 0.0, 0.0, 6.0, 8.0]);
}

#[test]
fn the_padding_token_starts_as_zeros_and_is_not_trained() {
    let config = EmbeddingConfig { padding_idx: Some(1), ..EmbeddingConfig::default() };
    let new = Embedding::with_config(3, 2, &config, &mut Rng::seed(0)).unwrap();
    let rows = new.weight.value().abs().unwrap().sum(&[1]).unwrap().to_vec::<f32>().unwrap();
    assert!(rows[0] > 0.0 && rows[1] == 0.0 && rows[2] > 0.0, "{rows:?}");
    let table = table(&config);
    let y = table.forward(&tokens(&[1, 2, 1]), &mut Context::train(&mut Rng::seed(0))).unwrap();
    assert_eq!(y.value().to_vec::<f64>().unwrap(), [2.0, 3.0, 4.0, 5.0, 2.0, 3.0]);
    let grads = y.sum(&[]).unwrap().backward().unwrap();
    let grad = grads.get(table.weight.id()).unwrap();
    assert_eq!(grad.to_vec::<f64>().unwrap(), [0.0, 0.0, 0.0, 0.0, 1.0, 1.0]);
}

#[test]
fn long_vectors_are_shortened_and_short_ones_are_not() {
    let table = table(&EmbeddingConfig { max_norm: Some(2.0), ..EmbeddingConfig::default() });
    let y = table.forward(&tokens(&[0, 2]), &mut Context::eval()).unwrap();
    let y = y.value().to_vec::<f64>().unwrap();
    assert_eq!(y[..2], [0.0, 1.0]);
    // 1e-7 is added to the length, as PyTorch does.
    let length = 41f64.sqrt() + 1e-7;
    assert!((y[2] - 8.0 / length).abs() < 1e-12 && (y[3] - 10.0 / length).abs() < 1e-12, "{y:?}");
    assert_eq!(table.weight.value().to_vec::<f64>().unwrap(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    nn::check::gradcheck_module(
        &table,
        &Tensor::zeros([1], DType::F64).unwrap(),
        |table, _, cx| table.forward(&tokens(&[0, 2, 2, 1]), cx),
        &Default::default(),
    )
    .unwrap();
}

#[test]
fn bags_are_sums_and_means_of_their_vectors() {
    for (mode, wanted) in
        [(BagMode::Sum, [4.0, 6.0, 0.0, 0.0, 2.0, 3.0]), (BagMode::Mean, [2.0, 3.0, 0.0, 0.0, 2.0, 3.0])]
    {
        let mut bag = EmbeddingBag::new(3, 2, mode, &mut Rng::seed(0)).unwrap();
        bag.weight.set(Tensor::arange(6, DType::F32).unwrap().reshape([3, 2]).unwrap()).unwrap();
        let cx = &mut Context::train(&mut Rng::seed(0));
        // The second bag is empty.
        let y = bag.forward(&tokens(&[0, 2, 1]), &[0, 2, 2], cx).unwrap();
        assert_eq!(y.value().to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap(), wanted, "{mode:?}");
        let grads = y.sum(&[]).unwrap().backward().unwrap();
        let share = if mode == BagMode::Mean { 0.5 } else { 1.0 };
        let grad = grads.get(bag.weight.id()).unwrap().to_vec::<f32>().unwrap();
        assert_eq!(grad, [share, share, 1.0, 1.0, share, share], "{mode:?}");
        let error = bag.forward(&tokens(&[0, 2, 1]), &[0, 2, 1], cx).unwrap_err().to_string();
        assert_eq!(
            error,
            "[embedding_bag] tokens must be (t), and offsets rise from 0 to at most t; got [3] and [0, 2, 1]; give where each bag begins, in order"
        );
        assert!(bag.forward(&tokens(&[0, 2, 1]), &[0, 4], cx).is_err());
        assert!(bag.forward(&tokens(&[0, 2, 1]), &[1, 2], cx).is_err());
    }
}

#[test]
fn what_is_no_token_is_refused() {
    let table = table(&EmbeddingConfig::default());
    let refused = |x: Var, says: &str| {
        assert_eq!(table.forward(&x, &mut Context::eval()).unwrap_err().to_string(), says);
    };
    refused(
        tokens(&[0, 3]),
        "[embedding] every token must be in the table; got token 3 for 3 tokens; map unknown tokens to one of the vocabulary",
    );
    refused(
        tokens(&[-1]),
        "[embedding] every token must be in the table; got token -1 for 3 tokens; map unknown tokens to one of the vocabulary",
    );
    refused(
        Tensor::zeros([2], DType::F32).unwrap().into(),
        "[embedding] tokens must be I64; got f32; convert them with to_dtype",
    );
    let padded = EmbeddingConfig { padding_idx: Some(3), ..EmbeddingConfig::default() };
    let error = Embedding::with_config(3, 2, &padded, &mut Rng::seed(0)).unwrap_err().to_string();
    assert_eq!(
        error,
        "[embedding] the padding token must be in the table; got 3 for 3 tokens; use a token below the vocabulary's size"
    );
    assert_eq!(
        table.forward(&Tensor::zeros([0], DType::I64).unwrap().into(), &mut Context::eval()).unwrap().shape(),
        [0, 2]
    );
}
