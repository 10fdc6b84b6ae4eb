//! Results and gradients of linear algebra against those of PyTorch in double precision; `goldens/make_linalg.py` says
//! how they were made and which functions of factors these are, `goldens/linalg.json` by which version, from which seed.

use autodiff::{MatrixNorm, Var};
use serde_json::Value;
use tensor::{Tensor, Triangular};

/// Both sides round differently; 1e-10 is a million roundings, and far below any wrong constant. Condition numbers of
/// the samples go up to some thousands, and a gradient has the square of one.
const RELATIVE: f64 = 1e-10;
/// What cancellation may leave, as a part of the largest element.
const ABSOLUTE: f64 = 1e-11;

fn tensor(json: &Value) -> Tensor {
    let shape: Vec<usize> =
        json["shape"].as_array().unwrap().iter().map(|d| d.as_u64().unwrap() as usize).collect();
    let values: Vec<f64> = json["values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    Tensor::from_vec(values, shape).unwrap()
}

fn definite(x: &Var) -> autodiff::Result<Var> {
    let n = x.shape()[x.rank() - 1];
    x.matmul(&x.t()?)?.add(&Var::constant(Tensor::eye(n, x.dtype())?))
}

fn symmetric(x: &Var) -> autodiff::Result<Var> {
    x.add(&x.t()?)?.mul_scalar(0.5)
}

/// The function by its name in the file.
fn apply(op: &str, x: &[Var]) -> autodiff::Result<Var> {
    let a = &x[0];
    match op {
        "solve" | "solve_vector" => a.solve(&x[1]),
        "inv" => a.inv(),
        "det" => a.det(),
        "slogdet" => Ok(a.slogdet()?.1),
        "cholesky" => definite(a)?.cholesky(),
        "cholesky_solve" => definite(a)?.cholesky()?.cholesky_solve(&x[1]),
        "cholesky_inverse" => definite(a)?.cholesky()?.cholesky_inverse(),
        "triangular_solve" => a.triangular_solve(&x[1], Triangular { upper: true, ..Default::default() }),
        "lu" => a.lu().and_then(|(_, l, u)| l.add(&u.square()?)),
        "qr" => a.qr().and_then(|(q, r)| q.square()?.matmul(&r.square()?)),
        "svd" => {
            let (u, s, vt) = a.svd()?;
            u.square()?.mul(&s.unsqueeze(-2)?)?.matmul(&vt.square()?)
        }
        "pinv" => a.pinv(None),
        "lstsq" => a.lstsq(&x[1]),
        "norm_nuclear" => a.matrix_norm(MatrixNorm::Nuclear),
        "norm_frobenius" => a.matrix_norm(MatrixNorm::Frobenius),
        "norm_1" => a.matrix_norm(MatrixNorm::One),
        "norm_infinity" => a.matrix_norm(MatrixNorm::Infinity),
        "norm_2" => a.matrix_norm(MatrixNorm::Two),
        "norm_min_2" => a.matrix_norm(MatrixNorm::MinTwo),
        "cond" => a.cond(),
        "eigh" => {
            let (s, v) = symmetric(a)?.eigh()?;
            v.square()?.mul(&s.unsqueeze(-2)?)
        }
        "eigvalsh" => symmetric(a)?.eigvalsh(),
        "eig" => {
            let (s, re, im) = a.eig()?;
            let (sr, si) = (s.select(-1, 0)?, s.select(-1, 1)?);
            let factor = sr.exp()?.add(&si.square()?)?.unsqueeze(-2)?;
            re.square()?.add(&im.square()?)?.mul(&factor)?.sum(&[-1])
        }
        "eigvals" => {
            let s = a.eigvals()?;
            let (sr, si) = (s.select(-1, 0)?, s.select(-1, 1)?);
            let squares = sr.square()?.sub(&si.square()?)?.sum(&[-1])?;
            let cubes = sr.square()?.mul(&sr)?.sum(&[-1])?;
            Var::stack(&[&squares, &si.square()?.sum(&[-1])?, &cubes], 0)
        }
        "matrix_exp" => a.matrix_exp(),
        "power_3" => a.matrix_power(3),
        "power_minus_2" => a.matrix_power(-2),
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
    let largest = golden.iter().fold(1.0f64, |most, x| most.max(x.abs()));
    let near = |(a, b): (&f64, &f64)| (a - b).abs() <= RELATIVE * b.abs() + ABSOLUTE * largest;
    let i = found.iter().zip(&golden).position(|pair| !near(pair))?;
    Some(format!("element {i} is {:e} instead of {:e}", found[i], golden[i]))
}

fn check(case: &Value) -> Vec<String> {
    let op = case["op"].as_str().unwrap();
    let x: Vec<Var> = case["inputs"].as_array().unwrap().iter().map(|x| Var::variable(tensor(x))).collect();
    let y = match apply(op, &x) {
        Ok(y) => y,
        Err(error) => return vec![format!("{op}: {error}")],
    };
    let mut far = vec![first_far(y.value(), &case["output"])];
    let grads = y.mul(&tensor(&case["cotangent"]).into()).unwrap().sum(&[]).unwrap().backward().unwrap();
    for (i, (x, golden)) in x.iter().zip(case["grads"].as_array().unwrap()).enumerate() {
        let grad = grads.of(x).expect("each input has a gradient");
        far.push(first_far(grad, golden).map(|what| format!("gradient {i}: {what}")));
    }
    let shape = x[0].shape();
    far.into_iter().flatten().map(|what| format!("{op} of {shape:?}: {what}")).collect()
}

#[test]
fn results_and_gradients_are_those_of_the_outside_framework() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens/linalg.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert!(cases.len() > 90, "the file must hold the script's cases; got {}", cases.len());
    let far: Vec<String> = cases.iter().flat_map(check).collect();
    assert!(far.is_empty(), "{} of {} cases differ:\n{}", far.len(), cases.len(), far.join("\n"));
}
