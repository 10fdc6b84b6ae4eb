//! Results and gradients against those of PyTorch in double precision; `goldens/make_goldens.py` says how they were
//! made, `goldens/goldens.json` by which version and from which seed.

use autodiff::ops::loss::cross_entropy::CrossEntropy;
use autodiff::{Reduction, Var};
use serde_json::Value;
use tensor::Tensor;

/// Both sides round differently; 1e-10 is a million roundings, and far below any wrong constant.
const RELATIVE: f64 = 1e-10;
/// What cancellation of terms of order 1 may leave where the exact value is smaller than it.
const ABSOLUTE: f64 = 1e-14;

fn tensor(json: &Value) -> Tensor {
    let shape: Vec<usize> =
        json["shape"].as_array().unwrap().iter().map(|d| d.as_u64().unwrap() as usize).collect();
    let values = json["values"].as_array().unwrap();
    match json["dtype"].as_str() {
        Some("i64") => Tensor::from_vec(values.iter().map(|v| v.as_i64().unwrap()).collect(), shape).unwrap(),
        _ => Tensor::from_vec(values.iter().map(|v| v.as_f64().unwrap()).collect::<Vec<_>>(), shape).unwrap(),
    }
}

fn axes(options: &Value) -> Vec<isize> {
    options["axes"].as_array().unwrap().iter().map(|a| a.as_i64().unwrap() as isize).collect()
}

fn reduction(options: &Value) -> Reduction {
    match options["reduction"].as_str().unwrap() {
        "mean" => Reduction::Mean,
        "sum" => Reduction::Sum,
        _ => Reduction::None,
    }
}

/// The operation by its name in the file.
fn apply(op: &str, o: &Value, x: &[Var]) -> autodiff::Result<Var> {
    let number = |name: &str| o[name].as_f64().unwrap();
    let axis = || o["axis"].as_i64().unwrap() as isize;
    match op {
        "relu" => x[0].relu(),
        "gelu" => x[0].gelu(),
        "gelu_tanh" => x[0].gelu_tanh(),
        "silu" => x[0].silu(),
        "softplus" => x[0].softplus(),
        "sigmoid" => x[0].sigmoid(),
        "log_sigmoid" => x[0].log_sigmoid(),
        "tanh" => x[0].tanh(),
        "erf" => x[0].erf(),
        "exp" => x[0].exp(),
        "ln" => x[0].ln(),
        "elu" => x[0].elu(number("alpha")),
        "leaky_relu" => x[0].leaky_relu(number("slope")),
        "softmax" => x[0].softmax(axis()),
        "log_softmax" => x[0].log_softmax(axis()),
        "logsumexp" => x[0].logsumexp(axis()),
        "var" => x[0].var(&axes(o), o["correction"].as_u64().unwrap() as usize),
        "mean" => x[0].mean(&axes(o)),
        "max" => x[0].max(&axes(o)),
        "min" => x[0].min(&axes(o)),
        "matmul" => x[0].matmul(&x[1]),
        "linear" => x[0].linear(&x[1], x.get(2)),
        "index_select" => x[0].index_select(axis(), &x[1]),
        "gather" => x[0].gather(axis(), &x[1]),
        "index_add" => x[0].index_add(axis(), &x[1], &x[2]),
        "scatter_add" => x[0].scatter_add(axis(), &x[1], &x[2]),
        "mse_loss" => x[0].mse_loss(&x[1], reduction(o)),
        "l1_loss" => x[0].l1_loss(&x[1], reduction(o)),
        "huber_loss" => x[0].huber_loss(&x[1], number("delta"), reduction(o)),
        "bce_with_logits" => {
            let weight = o.get("pos_weight").map(|w| Var::from(tensor(w)));
            x[0].bce_with_logits(&x[1], weight.as_ref(), reduction(o))
        }
        "cross_entropy" => {
            let how = CrossEntropy {
                weight: o.get("weight").filter(|w| !w.is_null()).map(tensor),
                ignore_index: o["ignore_index"].as_i64(),
                label_smoothing: number("label_smoothing"),
                reduction: reduction(o),
            };
            x[0].cross_entropy(&x[1], &how)
        }
        _ => panic!("{op} is in the file and not here"),
    }
}

/// The first element that is further from the golden one than it may be.
fn first_far(found: &Tensor, golden: &Value) -> Option<String> {
    let golden = tensor(golden);
    if found.shape() != golden.shape() {
        return Some(format!("shape {:?} instead of {:?}", found.shape(), golden.shape()));
    }
    let (found, golden) = (found.to_vec::<f64>().unwrap(), golden.to_vec::<f64>().unwrap());
    let near = |(a, b): (&f64, &f64)| (a - b).abs() <= RELATIVE * b.abs() + ABSOLUTE;
    let i = found.iter().zip(&golden).position(|pair| !near(pair))?;
    Some(format!("element {i} is {:e} instead of {:e}", found[i], golden[i]))
}

fn check(case: &Value) -> Vec<String> {
    let op = case["op"].as_str().unwrap();
    let leaf = |x: &Value| {
        let x = tensor(x);
        if x.dtype().is_float() { Var::variable(x) } else { Var::from(x) }
    };
    let x: Vec<Var> = case["inputs"].as_array().unwrap().iter().map(leaf).collect();
    let y = match apply(op, &case["options"], &x) {
        Ok(y) => y,
        Err(error) => return vec![format!("{op} {}: {error}", case["options"])],
    };
    let mut far: Vec<Option<String>> = vec![first_far(y.value(), &case["output"])];
    let grads = y.mul(&tensor(&case["cotangent"]).into()).unwrap().sum(&[]).unwrap().backward().unwrap();
    for (i, (x, golden)) in
        x.iter().zip(case["grads"].as_array().unwrap()).enumerate().filter(|(_, (x, _))| x.is_tracked())
    {
        let grad = grads.of(x).cloned().unwrap_or_else(|| Tensor::zeros(x.shape(), x.dtype()).unwrap());
        far.push(first_far(&grad, golden).map(|what| format!("gradient {i}: {what}")));
    }
    far.into_iter().flatten().map(|what| format!("{op} {}: {what}", case["options"])).collect()
}

#[test]
fn results_and_gradients_are_those_of_the_outside_framework() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens/goldens.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert!(cases.len() > 90, "the file must hold the script's cases; got {}", cases.len());
    let far: Vec<String> = cases.iter().flat_map(check).collect();
    assert!(far.is_empty(), "{} of {} cases differ:\n{}", far.len(), cases.len(), far.join("\n"));
}
