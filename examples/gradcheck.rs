//! A gradient you can prove: an operation and a module of one's own, checked against finite differences.
//!
//! The operation is `y = ln cosh(βx)`, a smooth `|βx|`; the module uses it. Then the operation gets the mistake that
//! everybody makes once, a forgotten inner derivative, and the check must find it.
//!
//! ```sh
//! cargo run --release --example gradcheck
//! ```

use ironloom::autodiff::check::{GradCheck, Report, gradcheck, gradgradcheck};
use ironloom::autodiff::{self, Grads, Op, Saved, Saves, grads};
use ironloom::nn::check::gradcheck_module;
use ironloom::nn::{self, LinearConfig};
use ironloom::prelude::*;
use std::process::ExitCode;

/// `y = ln cosh(βx)`.   `dx = β·tanh(βx)·g`
struct LogCosh {
    beta: f64,
    /// Leaves the factor β out of the rule.
    forgetful: bool,
}

impl Op for LogCosh {
    fn name(&self) -> &'static str {
        "log_cosh"
    }

    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }

    fn forward(&mut self, inputs: &[&Tensor]) -> autodiff::Result<Tensor> {
        // |z| + ln(1 + e^(−2|z|)) − ln 2 does not overflow where cosh z would.
        let z = inputs[0].mul_scalar(self.beta)?.abs()?;
        let tail = z.mul_scalar(-2.0)?.exp()?.ln_1p()?;
        Ok(z.add(&tail)?.add_scalar(-std::f64::consts::LN_2)?)
    }

    // Written in `Var` operations, so that the rule can be differentiated too.
    fn backward(&self, saved: &Saved, grad: &Var) -> autodiff::Result<Grads> {
        let inner = if self.forgetful { 1.0 } else { self.beta };
        let slope = saved.input(0).mul_scalar(self.beta)?.tanh()?.mul_scalar(inner)?;
        grads([grad.mul(&slope)?])
    }
}

fn log_cosh(x: &Var, beta: f64) -> autodiff::Result<Var> {
    Var::apply(LogCosh { beta, forgetful: false }, &[x])
}

/// `y = gain · ln cosh(2·(W·x + b))`, one gain for each output.
#[derive(Clone, Module)]
struct Absolute {
    linear: Linear,
    gain: Param,
}

impl Absolute {
    fn new(d_in: usize, d_out: usize, dtype: DType, rng: &mut Rng) -> nn::Result<Self> {
        let linear = Linear::with_config(d_in, d_out, &LinearConfig { dtype, ..Default::default() }, rng)?;
        Ok(Self { linear, gain: Param::new(rng.uniform([d_out], 0.5, 1.5, dtype)?) })
    }
}

impl Layer for Absolute {
    fn forward(&self, x: &Var, cx: &mut Context) -> nn::Result<Var> {
        let z = cx.call("linear", &self.linear, x)?;
        Ok(log_cosh(&z, 2.0)?.mul(&cx.param(&self.gain))?)
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let (mut rng, how) = (Rng::seed(0), GradCheck::default());
    let inputs = [rng.normal([5, 4], 0.0, 1.0, DType::F64)?]; // differences need double precision

    let right = |x: &[Var]| log_cosh(&x[0], 2.0);
    say("log_cosh, first derivatives", gradcheck(right, &inputs, &how)?);
    say("log_cosh, second derivatives", gradgradcheck(right, &inputs, &how)?);

    let module = Absolute::new(4, 3, DType::F64, &mut rng)?;
    let paths: Vec<String> = module.named_params().into_iter().map(|(path, _)| path).collect();
    println!("a module with the parameters {}:", paths.join(", "));
    say(
        "all of them and its input",
        gradcheck_module(&module, &inputs[0], |m, x, cx| m.forward(x, cx), &how)?,
    );

    // The mistake: the inner derivative β = 2 is forgotten. The ratio in the message, one half, gives it away.
    let wrong = |x: &[Var]| Var::apply(LogCosh { beta: 2.0, forgetful: true }, &[&x[0]]);
    match gradcheck(wrong, &inputs, &how) {
        Err(error @ autodiff::Error::CheckFailed(_)) => println!("a planted mistake is caught:\n  {error}"),
        Err(error) => return Err(error.into()),
        Ok(_) => return Err("the planted mistake was not caught".into()),
    }
    Ok(())
}

fn say(what: &str, report: Report) {
    println!("  {what}: {report}");
}
