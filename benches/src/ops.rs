//! Single operations; the names are those of the peers' programs.

use crate::recorder::{digits, head, median};
use crate::{Args, Result, machine};
use ironloom::prelude::*;
use serde_json::{Map, Value, json};
use std::time::Instant;

type Run = Box<dyn Fn() -> Result<()>>;

fn op(f: impl Fn() -> tensor::Result<Tensor> + 'static) -> Run {
    Box::new(move || {
        std::hint::black_box(f()?);
        Ok(())
    })
}

use ironloom::autodiff::grad_of;
use ironloom::autodiff::ops::attention::scaled_dot_product_attention::Attention;
use ironloom::tensor::{self, ConvOptions, Order};

/// Every operation of the workload that exists here, by name.
fn table() -> Result<Vec<(String, Run)>> {
    let mut rng = Rng::seed(0);
    let mut normal = |shape: &[usize], dtype| rng.normal(shape, 0.0, 1.0, dtype);
    let mut all: Vec<(String, Run)> = Vec::new();
    for n in [64, 256, 1024, 2048] {
        let (a, b) = (normal(&[n, n], DType::F32)?, normal(&[n, n], DType::F32)?);
        all.push((format!("matmul_f32_{n}"), op(move || a.matmul(&b))));
    }
    let (a, b) = (normal(&[1024, 1024], DType::F64)?, normal(&[1024, 1024], DType::F64)?);
    all.push(("matmul_f64_1024".into(), op(move || a.matmul(&b))));
    let (a, b) = (normal(&[48, 128, 64], DType::F32)?, normal(&[48, 64, 128], DType::F32)?);
    all.push(("bmm_48x128x64x128".into(), op(move || a.matmul(&b))));
    let (a, b) = (normal(&[8, 12, 128, 64], DType::F32)?, normal(&[8, 12, 128, 64], DType::F32)?);
    all.push(("einsum_bhid_bhjd".into(), op(move || Tensor::einsum("bhid,bhjd->bhij", &[&a, &b]))));
    let (a, b) = (normal(&[512, 512], DType::F32)?, normal(&[512, 512], DType::F32)?);
    let c = normal(&[512, 8], DType::F32)?;
    all.push(("einsum_ij_jk_kl".into(), op(move || Tensor::einsum("ij,jk,kl->il", &[&a, &b, &c]))));
    let x = normal(&[4096, 1024], DType::F32)?;
    let b = normal(&[1024], DType::F32)?;
    let mut push = |name: &str, f: fn(&Tensor, &Tensor) -> tensor::Result<Tensor>| {
        let (x, b) = (x.clone(), b.clone());
        all.push((name.into(), op(move || f(&x, &b))));
    };
    push("softmax_4096x1024", |x, _| x.softmax(1));
    push("gelu_tanh_4m", |x, _| x.gelu_tanh());
    push("gelu_erf_4m", |x, _| x.gelu());
    push("add_broadcast_4096x1024", |x, b| x.add(b));
    push("sum_axis0_4096x1024", |x, _| x.sum(&[0]));
    push("sum_axis1_4096x1024", |x, _| x.sum(&[1]));
    push("exp_4m", |x, _| x.exp());
    push("transpose_copy_4096x1024", |x, _| x.t()?.contiguous());
    push("layer_norm_fwd_4096x1024", |x, b| x.layer_norm(&[1024], Some(b), Some(b), 1e-5));
    push("sort_4096x1024", |x, _| Ok(x.sort(1, Order::Ascending)?.0));
    push("topk_64_of_4096x1024", |x, _| Ok(x.topk(64, 1, Order::Descending)?.0));
    push("cumsum_axis0_4096x1024", |x, _| x.cumsum(0));
    push("cumsum_axis1_4096x1024", |x, _| x.cumsum(1));
    let million = x.reshape([4 << 20])?.narrow(0, 0, 1_000_000)?.contiguous()?;
    all.push(("sort_1m".into(), op(move || Ok(million.sort(0, Order::Ascending)?.0))));
    let places = x.argsort(1, Order::Ascending)?;
    all.push(("gather_4096x1024".into(), {
        let x = x.clone();
        op(move || x.gather(1, &places))
    }));
    let (g, w) = (normal(&[4096, 1024], DType::F32)?, normal(&[1024], DType::F32)?);
    let (x, b) = (Var::variable(x), Var::variable(b));
    let (g, w) = (Var::from(g), Var::variable(w));
    all.push((
        "layer_norm_fwd_bwd_4096x1024".into(),
        Box::new(move || {
            let y = x.layer_norm(&[1024], Some(&w), Some(&b), 1e-5)?;
            std::hint::black_box(grad_of(&[(&y, Some(&g))], &[&x, &w, &b])?);
            Ok(())
        }),
    ));
    let [x, w, b, g] = [vec![64, 32, 28, 28], vec![64, 32, 3, 3], vec![64], vec![64, 64, 28, 28]]
        .map(|shape| normal(&shape, DType::F32).map(Var::variable));
    let (x, w, b, g) = (x?, w?, b?, g?.detach());
    let window = ConvOptions { padding: 1.into(), ..ConvOptions::default() };
    let still = [&x, &w, &b].map(Var::detach);
    let options = window.clone();
    all.push((
        "conv2d_fwd".into(),
        Box::new(move || {
            std::hint::black_box(still[0].conv(&still[1], Some(&still[2]), &options)?);
            Ok(())
        }),
    ));
    all.push((
        "conv2d_fwd_bwd".into(),
        Box::new(move || {
            let y = x.conv(&w, Some(&b), &window)?;
            std::hint::black_box(grad_of(&[(&y, Some(&g))], &[&x, &w, &b])?);
            Ok(())
        }),
    ));
    let [q, k, v, g] = [0; 4].map(|_| normal(&[8, 6, 256, 64], DType::F32).map(Var::variable));
    let (q, k, v, g) = (q?, k?, v?, g?.detach());
    let attend = |q: &Var, k: &Var, v: &Var| {
        q.scaled_dot_product_attention(k, v, &Attention { causal: true, ..Attention::default() })
    };
    let still = [&q, &k, &v].map(Var::detach);
    all.push((
        "attention_fwd".into(),
        Box::new(move || {
            std::hint::black_box(attend(&still[0], &still[1], &still[2])?);
            Ok(())
        }),
    ));
    all.push((
        "attention_fwd_bwd".into(),
        Box::new(move || {
            let y = attend(&q, &k, &v)?;
            std::hint::black_box(grad_of(&[(&y, Some(&g))], &[&q, &k, &v])?);
            Ok(())
        }),
    ));
    let (a, s, rhs) =
        (normal(&[256, 256], DType::F64)?, normal(&[512, 512], DType::F64)?, normal(&[512, 1], DType::F64)?);
    let spd = s.matmul(&s.t()?)?.mul_scalar(1.0 / 512.0)?.add(&Tensor::eye(512, DType::F64)?)?;
    let symmetric = a.add(&a.t()?)?;
    all.push(("svd_f64_256".into(), op(move || Ok(a.svd()?.0))));
    let q = s.clone();
    all.push(("qr_f64_512".into(), op(move || Ok(q.qr()?.0))));
    all.push(("cholesky_f64_512".into(), op(move || spd.cholesky())));
    all.push(("solve_f64_512".into(), op(move || s.solve(&rhs))));
    all.push(("eigh_f64_256".into(), op(move || Ok(symmetric.eigh()?.1))));
    Ok(all)
}

pub(crate) fn run(args: &Args) -> Result<Value> {
    let mut table = table()?;
    if let Some(only) = &args.only {
        table.retain(|(name, _)| name.contains(only));
    }
    let (mut medians, mut minima) = (Map::new(), Map::new());
    let share = args.seconds / table.len().max(1) as f64;
    for (name, run) in table {
        for _ in 0..3 {
            run()?;
        }
        let (mut times, begin) = (Vec::new(), Instant::now());
        while times.len() < 5 || begin.elapsed().as_secs_f64() < share {
            let start = Instant::now();
            run()?;
            times.push(start.elapsed().as_secs_f64());
        }
        minima.insert(name.clone(), json!(digits(times.iter().copied().fold(f64::INFINITY, f64::min))));
        medians.insert(name, json!(digits(median(times))));
    }
    let mut line = head(args);
    line["ops"] = Value::Object(medians);
    line["ops_min"] = Value::Object(minima);
    line["peak_rss_mb"] = json!(machine::peak_rss_mb());
    Ok(line)
}
