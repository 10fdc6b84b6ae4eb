//! Round numbers on an axis.

/// An axis: its range, its tick marks and how they are written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scale {
    pub lo: f64,
    pub hi: f64,
    pub ticks: Vec<(f64, String)>,
    log: bool,
}

impl Scale {
    /// Where a value lies between the ends, 0 to 1. Not-a-number and, on a log axis, what is not positive stay so.
    pub fn at(&self, x: f64) -> f64 {
        let f = |v| if self.log { libm::log10(v) } else { v };
        (f(x) - f(self.lo)) / (f(self.hi) - f(self.lo))
    }

    /// A linear axis over `[lo, hi]`, widened to round numbers if `widen`, with about `count` marks.
    pub fn linear(lo: f64, hi: f64, count: usize, integers: bool, widen: bool) -> Self {
        let (lo, hi) = apart(lo, hi);
        let step = step(lo, hi, count, integers);
        let (first, last) = if widen {
            ((lo / step).floor(), (hi / step).ceil())
        } else {
            ((lo / step).ceil(), (hi / step).floor())
        };
        let (lo, hi) = if widen { (first * step, last * step) } else { (lo, hi) };
        let decimals = decimals(step);
        let big = lo.abs().max(hi.abs());
        let write = |x: f64| {
            if big >= 1e6 || (big < 1e-3 && !integers) { short(x) } else { format!("{:.decimals$}", x + 0.0) }
        };
        // Clean multiples, so that 0.30000000000000004 is never written; + 0.0 turns -0 into 0.
        let marks = (last - first).clamp(0.0, 1000.0) as usize;
        let mut ticks: Vec<(f64, String)> =
            (0..=marks).map(|i| (first + i as f64) * step + 0.0).map(|x| (x, write(x))).collect();
        // Epochs 1 to 30 are marked 1, 5, 10 and so on.
        if integers && !widen && lo.fract() == 0.0 && ticks.first().is_some_and(|t| t.0 - lo >= 0.6 * step) {
            ticks.insert(0, (lo, write(lo)));
        }
        Scale { lo, hi, ticks, log: false }
    }

    /// A logarithmic axis over whole decades around `[lo, hi]`, which must be positive, with about `count` marks.
    pub fn log(lo: f64, hi: f64, count: usize) -> Self {
        let first = libm::log10(lo).floor() as i32;
        let last = (libm::log10(hi).ceil() as i32).max(first + 1);
        let stride = ((last - first) as usize).div_ceil(count.max(1)).max(1);
        let ticks = (first..=last)
            .step_by(stride)
            .map(|k| {
                let x = power_of_ten(k);
                (x, if (-3..=4).contains(&k) { format!("{x}") } else { format!("1e{k}") })
            })
            .collect();
        Scale { lo: power_of_ten(first), hi: power_of_ten(last), ticks, log: true }
    }
}

/// Equal ends are moved apart, as are ends so close that no round number fits between them.
fn apart(lo: f64, hi: f64) -> (f64, f64) {
    let size = lo.abs().max(hi.abs());
    if hi - lo > size * 1e-9 && (hi - lo).is_finite() {
        return (lo, hi);
    }
    if !(hi - lo).is_finite() {
        return (-1.0, 1.0);
    }
    let room = if size == 0.0 { 1.0 } else { size * 0.1 };
    (lo - room, hi + room)
}

/// The smallest of 1, 2, 5 times a power of ten that needs at most `count` steps.
fn step(lo: f64, hi: f64, count: usize, integers: bool) -> f64 {
    let rough = (hi - lo) / count.max(1) as f64;
    let power = power_of_ten(libm::log10(rough).floor() as i32);
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= rough * (1.0 - 1e-9));
    let step = step.unwrap_or(10.0 * power);
    if integers { step.max(1.0).ceil() } else { step }
}

fn decimals(step: f64) -> usize {
    let exponent = libm::log10(step * (1.0 + 1e-9)).floor();
    if exponent < 0.0 { (-exponent).min(12.0) as usize } else { 0 }
}

fn power_of_ten(k: i32) -> f64 {
    // The parser rounds correctly, which repeated multiplication does not.
    format!("1e{k}").parse().unwrap_or(f64::MIN_POSITIVE)
}

fn short(x: f64) -> String {
    if x == 0.0 {
        "0".into()
    } else {
        format!("{:.3e}", x).replace("000e", "e").replace("00e", "e").replace(".e", "e")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(s: &Scale) -> Vec<&str> {
        s.ticks.iter().map(|t| t.1.as_str()).collect()
    }

    #[test]
    fn marks_are_round_and_cover_the_data() {
        let s = Scale::linear(0.03, 0.97, 5, false, true);
        assert_eq!(labels(&s), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!((s.lo, s.hi), (0.0, 1.0));
        let s = Scale::linear(-3.0, 14.0, 5, false, true);
        assert_eq!(labels(&s), ["-5", "0", "5", "10", "15"]);
    }

    #[test]
    fn epochs_have_whole_numbers_inside_the_range() {
        let s = Scale::linear(1.0, 30.0, 7, true, false);
        assert_eq!(labels(&s), ["1", "5", "10", "15", "20", "25", "30"]);
        let s = Scale::linear(1.0, 3.0, 7, true, false);
        assert_eq!(labels(&s), ["1", "2", "3"]);
        assert_eq!((s.at(1.0), s.at(3.0)), (0.0, 1.0));
    }

    #[test]
    fn constant_tiny_huge_and_impossible_ranges_still_have_marks() {
        for (lo, hi) in
            [(0.5, 0.5), (0.0, 0.0), (1e-12, 3e-12), (1e15, 3e15), (-1e308, 1e308), (1e9, 1e9 + 1e-3)]
        {
            let s = Scale::linear(lo, hi, 5, false, true);
            assert!((2..=12).contains(&s.ticks.len()), "{lo} {hi}: {s:?}");
            let mut unique = labels(&s);
            unique.dedup();
            assert_eq!(unique.len(), s.ticks.len(), "{lo} {hi}: {s:?}");
        }
    }

    #[test]
    fn a_log_axis_has_its_decades() {
        let s = Scale::log(0.003, 2.0, 6);
        assert_eq!(labels(&s), ["0.001", "0.01", "0.1", "1", "10"]);
        assert!((s.at(0.1) - 0.5).abs() < 1e-12);
        assert!(s.at(-1.0).is_nan());
        assert!(Scale::log(1e-30, 1e10, 6).ticks.len() <= 7);
    }

    #[test]
    fn powers_of_ten_are_correctly_rounded() {
        assert_eq!((power_of_ten(-3), power_of_ten(0), power_of_ten(22)), (1e-3, 1.0, 1e22));
        assert_eq!((short(1.5e-7), short(2e6), short(0.0)), ("1.5e-7".into(), "2e6".into(), "0".into()));
    }
}
