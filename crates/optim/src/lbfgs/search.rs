//! A step length by the strong conditions of Wolfe.

use tensor::Tensor;

/// How much of the fall that the slope promises must come.
const FALL: f64 = 1e-4;
/// How much of the slope may be left.
const LEVEL: f64 = 0.9;

/// The loss along a direction, at one step length.
#[derive(Debug, Clone)]
pub(super) struct Trial {
    /// The step length.
    pub(super) t: f64,
    pub(super) loss: f64,
    pub(super) grad: Tensor,
    /// The derivative along the direction.
    pub(super) slope: f64,
}

/// The lowest point of the cubic through two losses and slopes, inside `lo..=hi`; the middle where it has none.
///
/// With `d₁ = g₁ + g₂ − 3(f₁ − f₂)/(x₁ − x₂)` and `d₂ = √(d₁² − g₁·g₂)`: `x₂ − (x₂ − x₁)(g₂ + d₂ − d₁)/(g₂ − g₁ + 2·d₂)` for
/// x₁ < x₂. Source: Nocedal & Wright 2006, equation 3.59.
fn cubic_minimum(a: &Trial, b: &Trial, lo: f64, hi: f64) -> f64 {
    let d1 = a.slope + b.slope - 3.0 * (a.loss - b.loss) / (a.t - b.t);
    let square = d1 * d1 - a.slope * b.slope;
    let (left, right) = if a.t <= b.t { (a, b) } else { (b, a) };
    let d2 = square.sqrt();
    let share = (right.slope + d2 - d1) / (right.slope - left.slope + 2.0 * d2);
    let lowest = right.t - (right.t - left.t) * share;
    // A loss of ∞ has no cubic.
    if lowest.is_nan() { (lo + hi) / 2.0 } else { lowest.max(lo).min(hi) }
}

/// Looks for a step length at which the loss has fallen enough and its slope is nearly level; the best that it met otherwise.
/// Returns it with the number of evaluations.
///
/// `start`: at step length 0. `longest`: the largest entry of the direction. `evaluate` gives the loss at a step length.
///
/// Source: Nocedal & Wright 2006, algorithms 3.5 and 3.6, with the safeguards of PyTorch's `strong_wolfe`.
pub(super) fn strong_wolfe<E>(
    start: &Trial,
    first: f64,
    longest: f64,
    tolerance: f64,
    rounds: usize,
    mut evaluate: impl FnMut(f64) -> Result<Trial, E>,
) -> Result<(Trial, usize), E> {
    let fell_too_little = |x: &Trial| x.loss > start.loss + FALL * x.t * start.slope;
    let is_level = |x: &Trial| x.slope.abs() <= -LEVEL * start.slope;

    // Further and further, until there is a lowest point between two.
    let (mut before, mut now, mut round) = (start.clone(), evaluate(first)?, 0);
    let (mut a, mut b) = loop {
        if round == rounds {
            break (start.clone(), now);
        }
        if fell_too_little(&now) || round > 1 && now.loss >= before.loss {
            break (before, now);
        }
        if is_level(&now) {
            return Ok((now, round + 1));
        }
        if now.slope >= 0.0 {
            break (before, now);
        }
        let (lo, hi) = (now.t + 0.01 * (now.t - before.t), 10.0 * now.t);
        let next = evaluate(cubic_minimum(&before, &now, lo, hi))?;
        (before, now) = (now, next);
        round += 1;
    };

    // Nearer and nearer: `low` is the better end.
    let mut stuck = false;
    let mut low_is_a = a.loss <= b.loss;
    while round < rounds {
        let (lo, hi) = (a.t.min(b.t), a.t.max(b.t));
        if (hi - lo) * longest < tolerance {
            break;
        }
        let mut t = cubic_minimum(&a, &b, lo, hi);
        // Too near an end twice, or at it, it is moved inward.
        let margin = 0.1 * (hi - lo);
        if (hi - t).min(t - lo) < margin {
            if stuck || t >= hi || t <= lo {
                t = if (t - hi).abs() < (t - lo).abs() { hi - margin } else { lo + margin };
                stuck = false;
            } else {
                stuck = true;
            }
        } else {
            stuck = false;
        }
        let now = evaluate(t)?;
        round += 1;
        let (low, high) = if low_is_a { (&mut a, &mut b) } else { (&mut b, &mut a) };
        if fell_too_little(&now) || now.loss >= low.loss {
            *high = now;
            low_is_a = a.loss <= b.loss;
            continue;
        }
        let done = is_level(&now);
        if !done && now.slope * (high.t - low.t) >= 0.0 {
            *high = low.clone();
        }
        *low = now;
        if done {
            break;
        }
    }
    Ok((if low_is_a { a } else { b }, round + 1))
}
