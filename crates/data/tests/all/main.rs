//! The tests of the crate in one binary.

mod batch;
#[cfg(feature = "bpe")]
mod bpe;
mod csv;
mod csv_bad;
mod dataset;
mod digits;
mod idx;
mod images;
mod json_lines;
mod loader;
mod npy;
#[cfg(feature = "parquet")]
mod parquet;
mod preprocess;
mod properties;
mod sampler;
mod split;
mod split_more;
mod standardizer;
mod synthetic;
mod table;
mod text;

use data::Result;
use tensor::Tensor;

/// The message of what must fail.
fn message<T>(result: Result<T>) -> String {
    match result {
        Ok(_) => panic!("this must be refused"),
        Err(error) => error.to_string(),
    }
}

/// `0, 1, 2, …` of `shape` as F32.
fn counted(shape: &[usize]) -> Tensor {
    let n: usize = shape.iter().product();
    Tensor::from_vec((0..n).map(|i| i as f32).collect(), shape).unwrap()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| name.to_string()).collect()
}

/// What outside tools made of the same rows; `goldens/make_goldens.py` wrote it.
fn goldens<T: serde::de::DeserializeOwned>(key: &str) -> T {
    let mut all: serde_json::Value = serde_json::from_str(include_str!("../goldens/goldens.json")).unwrap();
    serde_json::from_value(all[key].take()).unwrap()
}
