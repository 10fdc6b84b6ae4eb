#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

mod ahead;
mod augment;
mod batch;
mod cifar;
mod color;
mod csv;
mod dataset;
mod digits;
mod error;
mod idx;
mod images;
mod json_lines;
mod loader;
mod mnist;
mod npy;
#[cfg(feature = "parquet")]
mod parquet;
mod preprocess;
mod sampler;
mod scaler;
mod split;
mod standardizer;
mod stream;
mod synthetic;
mod table;
mod text;
mod transformed;

pub use augment::{Augment, Augmented, Mixup, mixup};
pub use batch::{BatchConfig, BatchPlan, Epoch};
pub use cifar::{Cifar10, cifar10};
pub use csv::{
    BadRow, Cell, ClassOrder, Column, Csv, CsvOptions, Fault, OnBadRow, TableOptions, Target, parse_csv,
    parse_table, read_csv, read_table,
};
pub use dataset::{Batch, Dataset, Source, Train, TrainPart};
pub use digits::digits;
pub use error::{Error, Result};
pub use idx::{IdxOptions, parse_idx, read_idx, write_idx};
pub use images::{ImageFiles, ImageFolder, ImageFolderOptions, Skipped, image_folder};
pub use json_lines::{parse_json_lines, read_json_lines};
pub use loader::{Batches, Loader, LoaderPosition, Workers};
pub use mnist::{FASHION_MNIST_CLASSES, Mnist, fashion_mnist, mnist, mnist_files};
pub use npy::{NpyOptions, NpyRows, cached, parse_npy, parse_npz, read_npy, read_npz, write_npy, write_npz};
#[cfg(feature = "parquet")]
pub use parquet::read_parquet;
pub use preprocess::{
    Encode, Impute, ImputeText, NumberSteps, Preprocess, Preprocessor, Scale, TextSteps, Unknown,
};
pub use sampler::{Replacement, Sampler, Uneven};
pub use scaler::Scaler;
pub use split::{
    Fractions, Split, TimeFolds, k_folds, k_folds_groups, k_folds_stratified, k_folds_time, split_groups,
    split_random, split_stratified,
};
pub use standardizer::Standardizer;
pub use stream::{Sample, Stream, StreamBatches, StreamConfig, StreamLoader};
pub use synthetic::{
    ClassificationSet, RegressionSet, Sequences, adding_task, blobs, circles, copy_task, friedman1,
    friedman2, friedman3, make_classification, make_regression, moons, sort_task, spirals,
};
pub use table::{Schema, Table, TableColumn};
#[cfg(feature = "bpe")]
pub use text::Bpe;
pub use text::{
    BucketConfig, Bucketed, LengthBuckets, Padded, TextLanes, TextWindows, Vocab, VocabConfig, VocabUnit,
    pad_sequences, read_text,
};
pub use transformed::{Transform, Transformed};
