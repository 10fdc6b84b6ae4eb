//! A physics-informed network: it is shown no solution, only the heat equation, and finds the solution from it.
//!
//! `∂u/∂t = α ∂²u/∂x²` on 0 ≤ x ≤ 1 with u = 0 at both ends and `u(x, 0) = sin πx + ½ sin 3πx`. The loss is the mean
//! square of what is left of the equation at random points, plus that of what is left of the starting and boundary
//! values; the derivatives by x and t, the second one too, come from the graph. The exact solution,
//! `e^(−απ²t) sin πx + ½ e^(−9απ²t) sin 3πx`, is used only to measure the error at the end.
//! Source: M. Raissi, P. Perdikaris, G. E. Karniadakis, *Physics-informed neural networks*, 2019.
//!
//! ```sh
//! cargo run --release --example pinn
//! ```

use clap::Parser;
use ironloom::autodiff::Result as VarResult;
use ironloom::optim::{CosineWarmup, Schedule};
use ironloom::prelude::*;
use ironloom::tensor;
use ironloom::train::plot::LineChart;
use serde_json::json;
use std::f64::consts::PI;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Conductivity: the first wave falls to 0.37 of its height, the second to almost nothing.
const ALPHA: f64 = 0.1;
/// The highest learning rate.
const LR: f64 = 5e-3;
/// Points in the interior, and at the edges, of a step.
const INSIDE: usize = 256;
const EDGE: usize = 64;
/// What a step's starting and boundary values weigh against the equation.
const WEIGHT: f64 = 20.0;

/// Solves the heat equation with a network.
#[derive(Debug, Parser)]
struct Args {
    /// Steps of gradient descent.
    #[arg(long, default_value_t = 20_000)]
    steps: u64,
    /// Decides the starting weights and the points.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Threads; the result does not depend on them. Default: all cores.
    #[arg(long)]
    threads: Option<usize>,
    /// Where the plot goes.
    #[arg(long, default_value = "out/pinn")]
    out: PathBuf,
    /// Print one JSON object as the last line.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    if let Some(threads) = args.threads {
        tensor::set_threads(threads);
    }
    let begin = Instant::now();
    let mut rng = Rng::seed(args.seed);
    let config = MlpConfig { activation: Activation::Tanh, ..Default::default() };
    let mut model = Mlp::with_config([2, 32, 32, 1], &config, &mut rng)?;
    let schedule = CosineWarmup::new(LR, LR / 100.0, args.steps / 50, args.steps)?;
    let mut adam = Adam::new(LR);
    for step in 0..args.steps {
        let mut cx = Context::train(&mut rng);
        let mut points = rng.split();
        let loss = equation_loss(&model, &mut points, &mut cx)?
            .add(&edge_loss(&model, &mut points, &mut cx)?.mul_scalar(WEIGHT)?)?;
        if step % (args.steps / 8).max(1) == 0 {
            println!("step {step:>5}   loss {:.2e}   error {:.2e}", loss.item()?, error(&model)?);
        }
        adam.set_lr(schedule.lr(step))?;
        adam.step(&mut model, &loss.backward()?)?;
    }
    let error = error(&model)?;
    println!("relative error of the solution against the exact one: {:.2} %", 100.0 * error);
    let plot = draw(&model, &args.out)?;
    println!("drawn in {}; what is wrong with it in error.png beside it", plot.display());
    if args.json {
        let seconds = begin.elapsed().as_secs_f64();
        println!("{}", json!({"seed": args.seed, "steps": args.steps, "error": error, "seconds": seconds}));
    }
    Ok(())
}

/// `u(x, t)` for columns x and t.
fn u(model: &Mlp, x: &Var, t: &Var, cx: &mut Context) -> Result<Var> {
    Ok(model.forward(&Var::cat(&[x, t], 1)?, cx)?)
}

/// The derivatives of `Σ y` with respect to columns that `y` depends on, to be differentiated again.
fn derivatives(y: &Var, by: &[&Var]) -> VarResult<Vec<Var>> {
    let found = grad_of(&[(&y.sum(&[])?, None)], by)?;
    Ok(found.into_iter().flatten().collect())
}

/// Mean square of `∂u/∂t − α ∂²u/∂x²` at random points.
fn equation_loss(model: &Mlp, rng: &mut Rng, cx: &mut Context) -> Result<Var> {
    let x = Var::variable(rng.uniform([INSIDE, 1], 0.0, 1.0, DType::F32)?);
    let t = Var::variable(rng.uniform([INSIDE, 1], 0.0, 1.0, DType::F32)?);
    let first = derivatives(&u(model, &x, &t, cx)?, &[&x, &t])?;
    let [u_x, u_t] = &first[..] else { return Err("u must depend on x and t".into()) };
    let second = derivatives(u_x, &[&x])?;
    let [u_xx] = &second[..] else { return Err("∂u/∂x must depend on x".into()) };
    Ok(u_t.sub(&u_xx.mul_scalar(ALPHA)?)?.square()?.mean(&[])?)
}

/// Mean square of what is left of the values at t = 0, x = 0 and x = 1.
fn edge_loss(model: &Mlp, rng: &mut Rng, cx: &mut Context) -> Result<Var> {
    let x = rng.uniform([EDGE, 1], 0.0, 1.0, DType::F32)?;
    let t = rng.uniform([EDGE, 1], 0.0, 1.0, DType::F32)?;
    let zeros = Tensor::zeros([EDGE, 1], DType::F32)?;
    let ones = Tensor::ones([EDGE, 1], DType::F32)?;
    let column = |f: &dyn Fn(f64) -> f64| -> Result<Tensor> {
        let values: Vec<f32> = x.to_vec::<f32>()?.into_iter().map(|x| f(x.into()) as f32).collect();
        Ok(Tensor::from_vec(values, [EDGE, 1])?)
    };
    let at = |x: &Tensor, t: &Tensor, cx: &mut Context| u(model, &x.into(), &t.into(), cx);
    let start = mse_loss(&at(&x, &zeros, cx)?, &column(&|x| exact(x, 0.0))?)?;
    let left = at(&zeros, &t, cx)?.square()?.mean(&[])?;
    let right = at(&ones, &t, cx)?.square()?.mean(&[])?;
    Ok(start.add(&left)?.add(&right)?)
}

fn exact(x: f64, t: f64) -> f64 {
    let wave = |k: f64| (-ALPHA * k * k * PI * PI * t).exp() * (k * PI * x).sin();
    wave(1.0) + 0.5 * wave(3.0)
}

/// The network's solution at `n` places for one moment.
fn solution(model: &Mlp, n: usize, t: f64) -> Result<Vec<(f64, f64)>> {
    let places: Vec<f64> = (0..n).map(|i| i as f64 / (n - 1) as f64).collect();
    let inputs: Vec<f32> = places.iter().flat_map(|&x| [x as f32, t as f32]).collect();
    let y = model.forward(&Tensor::from_vec(inputs, [n, 2])?.into(), &mut Context::eval())?;
    Ok(places.into_iter().zip(y.value().to_vec::<f32>()?.into_iter().map(f64::from)).collect())
}

/// `‖u − exact‖ / ‖exact‖` over a grid of places and moments.
fn error(model: &Mlp) -> Result<f64> {
    let (mut wrong, mut whole) = (0.0, 0.0);
    for i in 0..=50 {
        let t = f64::from(i) / 50.0;
        for (x, y) in solution(model, 101, t)? {
            let truth = exact(x, t);
            wrong += (y - truth) * (y - truth);
            whole += truth * truth;
        }
    }
    Ok((wrong / whole).sqrt())
}

/// The solution at four moments, and how far each is from the exact one.
fn draw(model: &Mlp, out: &Path) -> Result<PathBuf> {
    let chart = |title: &str| LineChart::new(title).x_label("x").size(640.0, 420.0);
    let mut lines = chart("The heat equation, solved by a network");
    let mut errors = chart("Network − exact solution");
    for t in [0.0, 0.1, 0.3, 1.0] {
        let points = solution(model, 101, t)?;
        let wrong: Vec<(f64, f64)> = points.iter().map(|&(x, y)| (x, y - exact(x, t))).collect();
        lines = lines.series(format!("t = {t}"), points);
        errors = errors.series(format!("t = {t}"), wrong);
    }
    std::fs::create_dir_all(out)?;
    for (name, chart) in [("solution", lines), ("error", errors)] {
        std::fs::write(out.join(format!("{name}.svg")), chart.figure().svg()?)?;
        std::fs::write(out.join(format!("{name}.png")), chart.figure().png()?)?;
    }
    Ok(out.join("solution.png"))
}
