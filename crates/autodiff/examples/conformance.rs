//! Writes `docs/conformance.md`: what each operation in the list is held to, and whether it keeps it.
//!
//! `cargo run -p autodiff --example conformance` writes the page; with `--check` it fails where the page is stale.

use autodiff::Var;
use autodiff::check::{Broken, Case, OpSpec, contract};
use serde_json::Value;
use tensor::DType;

const HEAD: &str = "\
# Conformance

What the contract test holds each operation to. Made from the list of operations by
`cargo run -p autodiff --example conformance`; with `--check` it fails where this page is stale.

- **value:** compared with an independent reference in so many cases, in f64; f32 agrees with f64.
- **gradient, second gradient:** against finite differences under a random cotangent, in so many cases.
- **jvp:** `⟨c, J·v⟩ = ⟨Jᵀ·c, v⟩`, in so many cases.
- **dtypes:** of the float operands (or of all, where none is a float), found by running. A test
  (`crates/autodiff/tests/dtypes.rs`) holds BF16 and F16 to the result of F32, rounded, and I32 and I8 to that of I64.
- **bits:** the same for 1 and 3 threads and for any layout; *large* where a case is big enough to be divided.
- **outside:** result, gradients, second gradients and jvp compared with those of another program, in so many cases, in
  f64 and f32 (`crates/autodiff/tests/goldens`); of `eig` the values. Its vectors, and linear algebra in batches, are in
  `goldens_linalg.rs` beside them.

| operation | value | gradient | second gradient | jvp | dtypes | bits | outside |
|---|---|---|---|---|---|---|---|
";

fn has_floats(case: &Case) -> bool {
    case.inputs.iter().any(|x| x.dtype().is_float())
}

/// A number of cases, or why there is none.
fn cell(broken: &[Broken], rules: &[&str], cases: usize, reason: &str) -> String {
    if broken.iter().any(|b| rules.iter().any(|rule| b.what.starts_with(rule))) {
        return "**broken**".into();
    }
    if cases == 0 { reason.to_string() } else { cases.to_string() }
}

fn dtypes(spec: &OpSpec) -> String {
    let usable = |case: &&Case| !case.large && case.inputs.iter().all(|x| x.len() > 0);
    let Some(case) = spec.cases.iter().find(usable) else { return "no case with elements".into() };
    let any = has_floats(case);
    let runs = |dtype: &DType| {
        let to = |x: &tensor::Tensor| match !any || x.dtype().is_float() {
            true => x.to_dtype(*dtype).map(Var::from),
            false => Ok(Var::from(x)),
        };
        let inputs: Option<Vec<Var>> = case.inputs.iter().map(|x| to(x).ok()).collect();
        inputs.is_some_and(|inputs| (case.call)(&inputs).is_ok())
    };
    let names: Vec<String> = DType::ALL.iter().filter(|d| runs(d)).map(|d| d.to_string()).collect();
    if names.is_empty() { "of mixed types only".into() } else { names.join(" ") }
}

/// Who else computed this operation, and in how many cases.
fn outside(goldens: &Value, op: &str) -> String {
    if let Some(base) = goldens["gradient_of"][op].as_str() {
        return format!("as second gradient of `{base}`");
    }
    let cases = goldens["cases"].as_array().map_or(&[][..], Vec::as_slice);
    let cases: Vec<&Value> = cases.iter().filter(|case| case["op"] == op).collect();
    match cases.first() {
        Some(case) => format!("{} {}", case["tool"].as_str().unwrap_or("PyTorch"), cases.len()),
        None => goldens["without"][op].as_str().unwrap_or("**missing**").to_string(),
    }
}

fn row(spec: &OpSpec, goldens: &Value) -> String {
    let broken = contract(spec);
    let count = |test: &dyn Fn(&Case) -> bool| spec.cases.iter().filter(|case| test(case)).count();
    let no_gradient = match (spec.not_differentiable, spec.cases.iter().any(has_floats)) {
        (true, _) => "none; refused by name",
        (_, false) => "none; no float input",
        _ => "none; every case stands at a kink",
    };
    let smooth = |case: &Case| !spec.not_differentiable && has_floats(case);
    let first = count(&|case| smooth(case) && case.first_order);
    let second = count(&|case| smooth(case) && case.second_order);
    let cells = [
        format!("`{}`", spec.name),
        cell(
            &broken,
            &["the result", "f32 agrees", "must", "some case"],
            count(&|case| case.reference.is_some()),
            "no reference",
        ),
        cell(&broken, &["first derivatives", "an input used twice"], first, no_gradient),
        cell(&broken, &["second derivatives"], second, no_gradient),
        cell(&broken, &["forward mode"], first, no_gradient),
        dtypes(spec),
        match broken.iter().any(|b| b.what.starts_with("layout") || b.what.starts_with("threads")) {
            true => "**broken**".into(),
            false if spec.cases.iter().any(|case| case.large) => "same, large".into(),
            false => "same".into(),
        },
        outside(goldens, spec.name),
    ];
    format!("| {} |\n", cells.join(" | "))
}

fn main() -> std::io::Result<()> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/conformance.md");
    let goldens = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens/goldens.json");
    let goldens: Value = serde_json::from_str(&std::fs::read_to_string(goldens)?)?;
    let mut page = HEAD.to_string();
    autodiff::ops::specs().iter().for_each(|spec| page.push_str(&row(spec, &goldens)));
    if page.contains("**broken**") {
        return Err(std::io::Error::other("an operation breaks its contract; run the test op_contract"));
    }
    if std::env::args().any(|arg| arg == "--check") {
        return match std::fs::read_to_string(path)? == page {
            true => Ok(()),
            false => Err(std::io::Error::other(
                "docs/conformance.md is stale; run cargo run -p autodiff --example conformance",
            )),
        };
    }
    std::fs::write(path, page)
}
