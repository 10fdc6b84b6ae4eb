//! Draws every schedule into `docs/images/schedules.svg`.
//!
//! `cargo run -p train --example schedules` draws; with `--check` it fails where the drawing is stale.

use optim::{
    Chained, Constant, Cosine, CosineRestarts, CosineWarmup, Cyclic, CyclicMode, Exponential, InSequence,
    InverseSqrt, LinearWarmup, MultiStep, Noam, OneCycle, Plateau, PlateauConfig, Polynomial, Schedule,
    StepDecay, SwaAnneal, SwaLr, Wsd,
};
use std::error::Error;
use std::path::Path;
use train::plot::{Figure, LineChart};

/// Steps that are drawn.
const STEPS: u64 = 200;

fn schedules() -> optim::Result<Vec<(&'static str, Box<dyn Schedule>)>> {
    let cyclic = |mode| Cyclic::new(0.1, 1.0, 25, 25, mode);
    Ok(vec![
        ("Constant", Box::new(Constant(1.0))),
        ("StepDecay", Box::new(StepDecay::new(1.0, 50, 0.5)?)),
        ("MultiStep", Box::new(MultiStep::new(1.0, [60, 150], 0.3)?)),
        ("Exponential", Box::new(Exponential::new(1.0, 0.98)?)),
        ("Polynomial, power 2", Box::new(Polynomial::new(1.0, STEPS, 2.0)?)),
        ("Cosine", Box::new(Cosine::new(1.0, 0.05, STEPS)?)),
        ("CosineWarmup", Box::new(CosineWarmup::new(1.0, 0.05, 30, STEPS)?)),
        ("CosineRestarts", Box::new(CosineRestarts::new(1.0, 0.05, 30, 2)?)),
        ("LinearWarmup", Box::new(LinearWarmup::new(1.0, 0.1, 1.0, 60)?)),
        ("InverseSqrt", Box::new(InverseSqrt::new(1.0, 30)?)),
        ("Noam", Box::new(Noam::new(1.0, 64, 40)?)),
        ("Wsd", Box::new(Wsd::new(1.0, 0.0, 30, 60, STEPS)?)),
        ("OneCycle", Box::new(OneCycle::new(1.0, STEPS)?)),
        ("Cyclic, triangular", Box::new(cyclic(CyclicMode::Triangular)?)),
        ("Cyclic, halved each time", Box::new(cyclic(CyclicMode::Triangular2)?)),
        ("SwaLr", Box::new(SwaLr::new(1.0, 0.4, 100, SwaAnneal::Cosine)?)),
        (
            "InSequence of three",
            Box::new(
                InSequence::new(LinearWarmup::new(1.0, 0.0, 1.0, 30)?)
                    .then(30, Constant(1.0))?
                    .then(120, Exponential::new(1.0, 0.97)?)?,
            ),
        ),
        (
            "Chained: two factors",
            Box::new(
                Chained::new(1.0)
                    .times(LinearWarmup::new(1.0, 0.1, 1.0, 50)?)
                    .times(StepDecay::new(1.0, 60, 0.6)?),
            ),
        ),
    ])
}

fn draw() -> Result<String, Box<dyn Error>> {
    let chart = |name: &str, points: Vec<(f64, f64)>| {
        LineChart::new(name)
            .x_label("step")
            .integer_x()
            .size(320.0, 220.0)
            .series("learning rate", points)
            .figure()
    };
    let mut figures: Vec<Figure> = schedules()?
        .into_iter()
        .map(|(name, schedule)| {
            chart(name, (0..STEPS).map(|step| (step as f64, schedule.lr(step))).collect())
        })
        .collect();
    // It looks at a measure: one that falls until step 80 and then stands still.
    let mut plateau =
        Plateau::new(1.0, PlateauConfig { factor: 0.5, patience: 15, ..PlateauConfig::default() })?;
    let measured =
        (0..STEPS).map(|step| (step as f64, plateau.observe(1.0 - step.min(80) as f64 / 100.0))).collect();
    figures.push(chart("Plateau, where a loss stops at 80", measured));
    Ok(Figure::grid(&figures, 3).svg()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/images/schedules.svg");
    let svg = draw()?;
    if std::env::args().any(|arg| arg == "--check") {
        match std::fs::read_to_string(&path) {
            Ok(kept) if kept == svg => println!("docs/images/schedules.svg is as the schedules are"),
            _ => {
                return Err(
                    "docs/images/schedules.svg is stale: cargo run -p train --example schedules".into()
                );
            }
        }
    } else {
        std::fs::write(&path, svg)?;
        println!("drawn into docs/images/schedules.svg");
    }
    Ok(())
}
