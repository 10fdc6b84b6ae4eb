#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub use {autodiff, data, models, nn, optim, tensor, train};

/// What most programs need.
pub mod prelude {
    pub use autodiff::{Gradients, Var, grad_of};
    pub use data::Dataset;
    pub use models::{
        Bert, BertConfig, CausalLm, CharRnn, CharRnnConfig, Gpt, GptConfig, LeNet, LeNetConfig, Llama,
        LlamaConfig, Mlp, MlpConfig, ResNet, ResNetConfig, Translator, TranslatorConfig, Vit, VitConfig,
    };
    pub use nn::loss::{
        CrossEntropy, bce_with_logits, cross_entropy, huber_loss, l1_loss, linear_cross_entropy, mse_loss,
    };
    pub use nn::{
        Activation, Buffer, Context, Dropout, Embedding, Gru, Layer, Linear, Lstm, Module, Param,
        RecurrentConfig, Rnn, Sequential,
    };
    pub use optim::{Adam, AdamW, Optimizer, Sgd};
    pub use tensor::{DType, Rng, Tensor};
}

/// Runs the programs of the workspace's README and of the guide as tests.
#[cfg(doctest)]
mod documents {
    macro_rules! document {
        ($($name:ident $path:literal)*) => {$(
            #[doc = include_str!(concat!("../../../", $path))]
            pub struct $name;
        )*};
    }
    document! {
        Readme "README.md"
        Tensors "docs/guide/tensors.md"
        Gradients "docs/guide/gradients.md"
        Modules "docs/guide/modules.md"
        Digits "docs/guide/digits.md"
        OwnOp "docs/guide/own-op.md"
        Csv "docs/guide/csv.md"
        Reproducibility "docs/guide/reproducibility.md"
        Derivatives "docs/guide/derivatives.md"
        Images "docs/guide/images.md"
        Sequences "docs/guide/sequences.md"
        Transformers "docs/guide/transformers.md"
        Training "docs/guide/training.md"
        Logging "docs/guide/logging.md"
    }
}
