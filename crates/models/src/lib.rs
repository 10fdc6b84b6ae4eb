#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod autoencoder;
mod bert;
mod causal_lm;
mod char_rnn;
pub mod decode;
mod gpt;
mod lenet;
mod llama;
mod mlp;
mod mobilenet;
mod resnet;
mod seq2seq;
mod sequence_classifier;
mod sequence_input;
mod tagger;
mod translator;
mod unet;
mod vgg;
mod vit;

pub use autoencoder::{Autoencoder, AutoencoderConfig};
pub use bert::{Bert, BertConfig};
pub use causal_lm::CausalLm;
pub use char_rnn::{CharRnn, CharRnnConfig};
pub use gpt::{Gpt, GptConfig};
pub use lenet::{LeNet, LeNetConfig};
pub use llama::{Llama, LlamaConfig};
pub use mlp::{Mlp, MlpConfig};
pub use mobilenet::{MobileNet, MobileNetConfig};
pub use resnet::{ResNet, ResNetConfig};
pub use seq2seq::{Encoded, Seq2Seq, Seq2SeqConfig};
pub use sequence_classifier::{SequenceClassifier, SequenceClassifierConfig};
pub use sequence_input::SequenceInput;
pub use tagger::{Tagger, TaggerConfig};
pub use translator::{Memory, Translator, TranslatorConfig};
pub use unet::{UNet, UNetConfig};
pub use vgg::{Vgg, VggConfig};
pub use vit::{Vit, VitConfig};
