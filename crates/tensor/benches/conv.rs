//! Convolution timings: `cargo bench -p tensor --bench conv`, with `THREADS=n` for the number of threads.
//!
//! Each shape has three lines: forward, the gradient of the input, and that of the weight. Criterion's throughput is in
//! multiply-adds of direct sums. `benches/conv_peer.py` runs the same table on PyTorch.

#![allow(missing_docs)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tensor::{ConvOptions, DType, Rng, Tensor};

/// Name, images, weight, stride, padding, dilation, groups.
type Row = (&'static str, &'static [usize], &'static [usize], usize, usize, usize, usize);

const TABLE: [Row; 12] = [
    ("1x1", &[32, 64, 28, 28], &[128, 64, 1, 1], 1, 0, 1, 1),
    ("3x3", &[32, 64, 28, 28], &[64, 64, 3, 3], 1, 1, 1, 1),
    ("3x3 few channels", &[64, 8, 28, 28], &[8, 8, 3, 3], 1, 1, 1, 1),
    ("3x3 first layer", &[64, 3, 32, 32], &[16, 3, 3, 3], 1, 1, 1, 1),
    ("3x3 stride 2", &[32, 32, 56, 56], &[64, 32, 3, 3], 2, 1, 1, 1),
    ("5x5", &[32, 32, 28, 28], &[32, 32, 5, 5], 1, 2, 1, 1),
    ("7x7 stride 2", &[8, 3, 112, 112], &[64, 3, 7, 7], 2, 3, 1, 1),
    ("depthwise", &[32, 64, 56, 56], &[64, 1, 3, 3], 1, 1, 1, 64),
    ("groups", &[32, 64, 28, 28], &[64, 16, 3, 3], 1, 1, 1, 4),
    ("dilated", &[32, 32, 28, 28], &[32, 32, 3, 3], 1, 2, 2, 1),
    ("1-d", &[32, 64, 1024], &[64, 64, 5], 1, 2, 1, 1),
    ("3-d", &[4, 16, 16, 32, 32], &[32, 16, 3, 3, 3], 1, 1, 1, 1),
];

fn conv(c: &mut Criterion) {
    if let Some(n) = std::env::var("THREADS").ok().and_then(|n| n.parse().ok()) {
        tensor::set_threads(n);
    }
    let mut group = c.benchmark_group("conv");
    for (name, images, weight, stride, padding, dilation, groups) in TABLE {
        let mut rng = Rng::seed(0);
        let mut normal = |shape: &[usize]| -> Tensor {
            rng.normal(shape, 0.0, 1.0, DType::F32)
                .and_then(|x| x.channels_last())
                .expect("it fits in memory")
        };
        let (x, w) = (normal(images), normal(weight).contiguous().expect("contiguous"));
        let options =
            ConvOptions { stride: stride.into(), padding: padding.into(), dilation: dilation.into(), groups };
        let y = x.conv(&w, None, &options, false).expect("conv");
        group.throughput(Throughput::Elements((y.len() * w.len() / weight[0]) as u64));
        group.bench_function(format!("{name}, forward"), |b| {
            b.iter(|| black_box(x.conv(&w, None, &options, false).expect("conv")))
        });
        group.bench_function(format!("{name}, input"), |b| {
            b.iter(|| black_box(y.conv_input_grad(&w, images, &options).expect("input")))
        });
        group.bench_function(format!("{name}, weight"), |b| {
            b.iter(|| black_box(x.conv_weight_grad(&y, weight, &options).expect("weight")))
        });
    }
    group.finish();
}

criterion_group!(benches, conv);
criterion_main!(benches);
