//! The smallest whole program: a network of 10, 20 and 10 numbers learns a function from 1,000 examples of it.
//!
//! ```sh
//! cargo run --release --example article
//! ```

use ironloom::prelude::*;
use std::process::ExitCode;

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
    // What is to be learned: each output is the square of an input.
    let mut source = Rng::seed(1);
    let (x_train, y_train) = squares(1000, &mut source)?;
    let (x_test, y_test) = squares(1000, &mut source)?;

    // The program, line for line as it stands in the README.
    let mut rng = Rng::seed(0);
    let mut model = Mlp::new([10, 20, 10], &mut rng)?;
    let mut adam = Adam::new(1e-3);
    for _ in 0..1000 {
        let mut cx = Context::train(&mut rng);
        let loss = mse_loss(&model.forward(&x_train, &mut cx)?, &y_train)?;
        adam.step(&mut model, &loss.backward()?)?;
    }

    // How well it does on examples it has not seen, beside the best constant answer: x² of a normal x is 1 on average.
    let guess = Tensor::ones(y_test.shape(), y_test.dtype())?;
    let test_loss = mse_loss(&model.forward(&x_test, &mut Context::eval())?, &y_test)?.item()?;
    let guess_loss = mse_loss(&guess.into(), &y_test)?.item()?;
    println!("mean squared error on 1,000 new examples: {test_loss:.4}; always answering 1: {guess_loss:.4}");
    if test_loss >= guess_loss {
        return Err("the network has learned nothing".into());
    }
    Ok(())
}

/// `n` rows of 10 standard normal numbers, and their squares.
fn squares(n: usize, rng: &mut Rng) -> Result<(Var, Tensor), Box<dyn std::error::Error>> {
    let x = rng.normal([n, 10], 0.0, 1.0, DType::F32)?;
    let y = x.square()?;
    Ok((x.into(), y))
}
