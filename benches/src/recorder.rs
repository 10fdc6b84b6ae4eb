//! Times of consecutive steps, and the line that is printed.

use crate::{Args, Result, Workload, machine};
use clap::ValueEnum;
use serde_json::{Value, json};
use std::time::Instant;

/// The middle value.
pub(crate) fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    let n = times.len();
    if n % 2 == 1 { times[n / 2] } else { (times[n / 2 - 1] + times[n / 2]) / 2.0 }
}

/// Four significant digits.
pub(crate) fn digits(seconds: f64) -> f64 {
    format!("{seconds:.3e}").parse().unwrap_or(seconds)
}

/// What every line begins with.
pub(crate) fn head(args: &Args) -> Value {
    let name = args.workload.to_possible_value().map_or(String::new(), |v| v.get_name().to_string());
    json!({
        "system": "ironloom",
        "version": env!("CARGO_PKG_VERSION"),
        "workload": name,
        "threads": args.threads,
        "simd": format!("{:?}", ironloom::tensor::simd_level()),
    })
}

/// Runs `step`, which returns its loss, until there are enough times, and makes the line.
pub(crate) fn record(args: &Args, mut step: impl FnMut() -> Result<f64>) -> Result<Value> {
    let fixed = (args.workload == Workload::MlpSeed).then_some(1000);
    let (mut times, mut done) = (Vec::new(), 0usize);
    let begin = Instant::now();
    let loss_first = step()?;
    let first_step_s = machine::since_start().as_secs_f64();
    done += 1;
    let (warm_from, mut last) = (Instant::now(), Instant::now());
    let mut loss_last;
    loop {
        loss_last = step()?;
        let now = Instant::now();
        let passed = (now - warm_from).as_secs_f64();
        let (warm, enough) = match fixed {
            Some(total) => (done >= 10, done + 1 >= total),
            None => (
                done >= 3 && (!times.is_empty() || passed > 0.1 * args.seconds),
                times.len() >= 5 && passed > 1.1 * args.seconds,
            ),
        };
        if warm {
            times.push((now - last).as_secs_f64());
        }
        done += 1;
        if enough {
            break;
        }
        last = Instant::now();
    }
    let mut line = head(args);
    let fastest = times.iter().copied().fold(f64::INFINITY, f64::min);
    line["steps"] = json!(times.len());
    line["step_s_median"] = json!(digits(median(times)));
    line["step_s_min"] = json!(digits(fastest));
    line["first_step_s"] = json!(digits(first_step_s));
    line["peak_rss_mb"] = json!(machine::peak_rss_mb());
    line["loss_first"] = json!(loss_first);
    line["loss_last"] = json!(loss_last);
    if fixed.is_some() {
        line["total_s"] = json!(digits(begin.elapsed().as_secs_f64()));
    }
    Ok(line)
}
