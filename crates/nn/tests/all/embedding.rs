//! Tables of vectors: what is read, what is trained, what is refused.

use autodiff::Var;
use nn::{BagMode, Context, Embedding, EmbeddingBag, EmbeddingConfig, Layer, Module};
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

/// A table of three vectors whose gradients are of rows.
fn sparse(config: &EmbeddingConfig) -> Embedding {
    table(&EmbeddingConfig { sparse: true, ..*config })
}

#[test]
fn sparse_gradients_have_the_bits_of_dense_ones_and_are_of_the_tokens_alone() {
    let usual = EmbeddingConfig::default();
    let limits = [
        usual,
        EmbeddingConfig { padding_idx: Some(2), ..usual },
        EmbeddingConfig { max_norm: Some(2.0), ..usual },
        EmbeddingConfig { padding_idx: Some(0), max_norm: Some(2.0), ..usual },
    ];
    for config in limits {
        let pass = |table: &Embedding| {
            let cx = &mut Context::train(&mut Rng::seed(0));
            let tokens = Tensor::from_slice(&[2i64, 0, 2, 2], [2, 2]).unwrap().into();
            let y = table.forward(&tokens, cx).unwrap();
            let grads = y.square().unwrap().sin().unwrap().sum(&[]).unwrap().backward().unwrap();
            let values = y.into_value();
            (values, grads)
        };
        let (dense, sparse) = (table(&config), sparse(&config));
        let ((y, wanted), (found_y, found)) = (pass(&dense), pass(&sparse));
        assert!(y.bit_eq(&found_y), "{config:?}");
        let rows = found.rows(sparse.weight.id()).unwrap();
        assert_eq!(rows.rows().to_vec::<i64>().unwrap(), [0, 2]);
        assert!(wanted.rows(dense.weight.id()).is_none());
        let (wanted, found) =
            (wanted.get(dense.weight.id()).unwrap(), found.get(sparse.weight.id()).unwrap());
        assert!(wanted.bit_eq(found), "{config:?}: {wanted} {found}");
        if let Some(token) = config.padding_idx {
            let padding = found.select(0, token as isize).unwrap().to_vec::<f64>().unwrap();
            assert_eq!(padding, [0.0, 0.0]);
        }
        // Differences would see the padding token's vector move, which enters as a constant.
        let tokens = if config.padding_idx == Some(0) { [1i64, 2, 2, 1] } else { [0, 1, 1, 0] };
        nn::check::gradcheck_module(
            &sparse,
            &Tensor::zeros([1], DType::F64).unwrap(),
            |table, _, cx| table.forward(&Tensor::from_slice(&tokens, [4])?.into(), cx),
            &Default::default(),
        )
        .unwrap();
    }
}

#[test]
fn without_training_there_is_nothing_sparse() {
    let mut table = sparse(&EmbeddingConfig::default());
    let y = table.forward(&tokens(&[1, 1]), &mut Context::eval()).unwrap();
    assert!(!y.is_tracked());
    assert_eq!(y.value().to_vec::<f64>().unwrap(), [2.0, 3.0, 2.0, 3.0]);
    table.freeze("weight").unwrap();
    assert!(!table.forward(&tokens(&[1]), &mut Context::train(&mut Rng::seed(0))).unwrap().is_tracked());
    table.unfreeze("weight").unwrap();
    let error = |table: &Embedding, x: Var| {
        table.forward(&x, &mut Context::train(&mut Rng::seed(0))).unwrap_err().to_string()
    };
    assert_eq!(
        error(&table, tokens(&[0, 3])),
        "[embedding] every token must be in the table; got token 3 for 3 tokens; map unknown tokens to one of the vocabulary"
    );
    assert_eq!(
        error(&table, Tensor::zeros([2], DType::F32).unwrap().into()),
        "[embedding] tokens must be I64; got f32; convert them with to_dtype"
    );
    // No tokens: no rows, and a gradient of zeros.
    let none = tokens(&[]);
    let y = table.forward(&none, &mut Context::train(&mut Rng::seed(0))).unwrap();
    let grads = y.sum(&[]).unwrap().backward().unwrap();
    assert_eq!(grads.rows(table.weight.id()).unwrap().values().shape(), [0, 2]);
    assert_eq!(grads.get(table.weight.id()).unwrap().to_vec::<f64>().unwrap(), [0.0; 6]);
    let config = EmbeddingConfig { sparse: true, ..Default::default() };
    let mut table = Embedding::with_config(3, 2, &config, &mut Rng::seed(0)).unwrap();
    table.quantize(DType::BF16).unwrap();
    assert!(table.forward(&tokens(&[1]), &mut Context::eval()).is_ok());
    assert!(error(&table, tokens(&[1])).starts_with("[quantize] a quantized model is for inference"));
}

#[test]
fn a_sparse_table_in_a_checkpoint_is_read_again() {
    let table = sparse(&EmbeddingConfig::default());
    let grads = |again: bool| {
        let cx = &mut Context::train(&mut Rng::seed(0));
        let mut read = |tokens: Var| match again {
            true => cx.checkpoint("table", &table, &tokens).unwrap(),
            false => cx.call("table", &table, &tokens).unwrap(),
        };
        let (a, b) = (read(tokens(&[2, 0, 2])), read(tokens(&[1])));
        let loss = a.exp().unwrap().sum(&[]).unwrap().add(&b.square().unwrap().sum(&[]).unwrap()).unwrap();
        loss.backward().unwrap()
    };
    let (plain, again) = (grads(false), grads(true));
    let id = table.weight.id();
    assert_eq!(again.rows(id).unwrap().rows().to_vec::<i64>().unwrap(), [0, 1, 2]);
    assert!(plain.rows(id).unwrap().values().bit_eq(again.rows(id).unwrap().values()));
}

#[test]
fn bags_may_be_sparse_and_leave_padding_out() {
    let rows = Tensor::arange(8, DType::F64).unwrap().reshape([4, 2]).unwrap();
    let config = EmbeddingConfig {
        padding_idx: Some(1),
        max_norm: Some(6.5),
        dtype: DType::F64,
        ..Default::default()
    };
    let make = |sparse: bool| {
        let config = EmbeddingConfig { sparse, ..config };
        let mut bag = EmbeddingBag::with_config(4, 2, BagMode::Mean, &config, &mut Rng::seed(0)).unwrap();
        bag.weight.set(rows.clone()).unwrap();
        bag
    };
    // The first bag has padding beside one vector, the second nothing else, the last a vector that is shortened.
    let pass = |bag: &EmbeddingBag| {
        let cx = &mut Context::train(&mut Rng::seed(0));
        let y = bag.forward(&tokens(&[1, 2, 1, 1, 3, 0]), &[0, 2, 4], cx).unwrap();
        let values = y.value().to_vec::<f64>().unwrap();
        (values, y.square().unwrap().sum(&[]).unwrap().backward().unwrap())
    };
    let (dense, sparse) = (make(false), make(true));
    let ((y, wanted), (found_y, found)) = (pass(&dense), pass(&sparse));
    assert_eq!(y, found_y);
    assert_eq!(y[..4], [4.0, 5.0, 0.0, 0.0]);
    // (6, 7), of length √85, is shortened to 6.5; its mean with (0, 1).
    let scale = 6.5 / (85f64.sqrt() + 1e-7);
    assert!((y[4] - 3.0 * scale).abs() < 1e-12 && (y[5] - (7.0 * scale + 1.0) / 2.0).abs() < 1e-12, "{y:?}");
    let rows = found.rows(sparse.weight.id()).unwrap();
    assert_eq!(rows.rows().to_vec::<i64>().unwrap(), [0, 2, 3]);
    assert!(found.get(sparse.weight.id()).unwrap().bit_eq(wanted.get(dense.weight.id()).unwrap()));
    assert_eq!(found.get(sparse.weight.id()).unwrap().to_vec::<f64>().unwrap()[2..6], [0.0, 0.0, 8.0, 10.0]);
}
