//! Numbers and durations as a person reads them.

/// A measured value with about four significant digits.
///
/// Not-a-number and the infinities are spelled out; there is no locale.
///
/// ```
/// use train::format::metric;
/// assert_eq!(metric(0.123_456), "0.1235");
/// assert_eq!(metric(12.345), "12.35");
/// assert_eq!(metric(0.000_012_3), "1.23e-5");
/// assert_eq!(metric(f64::NAN), "NaN");
/// ```
pub fn metric(x: f64) -> String {
    let size = x.abs();
    if !x.is_finite() {
        return if x.is_nan() {
            "NaN".into()
        } else if x > 0.0 {
            "inf".into()
        } else {
            "-inf".into()
        };
    }
    // The bounds are those of the rounded text: 9.99996 is 10.00, not 10.0000.
    match size {
        0.0 => "0.0000".into(),
        s if s < 0.000_999_5 => format!("{x:.2e}"),
        s if s < 9.999_95 => format!("{x:.4}"),
        s if s < 999.95 => format!("{x:.2}"),
        s if s < 99_999.5 => format!("{x:.1}"),
        _ => format!("{x:.3e}"),
    }
}

/// A value that may be undefined: `n/a` then, never `NaN`.
///
/// ```
/// assert_eq!(train::format::optional(None), "n/a");
/// assert_eq!(train::format::optional(Some(0.5)), "0.5000");
/// ```
pub fn optional(x: Option<f64>) -> String {
    x.map_or_else(|| "n/a".into(), metric)
}

/// A share as a percentage with one decimal, `n/a` where it is undefined.
///
/// ```
/// assert_eq!(train::format::percent(Some(0.9778)), "97.8 %");
/// ```
pub fn percent(x: Option<f64>) -> String {
    x.map_or_else(|| "n/a".into(), |p| format!("{:.1} %", 100.0 * p))
}

/// A count or a rate with the SI prefixes k, M, G and three digits at most.
///
/// ```
/// use train::format::si;
/// assert_eq!((si(999.0), si(1234.0), si(56_789_000.0)), ("999".into(), "1.2k".into(), "57M".into()));
/// ```
pub fn si(x: f64) -> String {
    if !x.is_finite() {
        return metric(x);
    }
    let mut value = x.abs();
    let mut prefix = "";
    for next in ["k", "M", "G", "T"] {
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        prefix = next;
    }
    let sign = if x < 0.0 { "-" } else { "" };
    if value >= 9.95 || (prefix.is_empty() && value == value.trunc()) {
        format!("{sign}{value:.0}{prefix}")
    } else {
        format!("{sign}{value:.1}{prefix}")
    }
}

/// A duration given in seconds: `12ms`, `3.4s`, `2m05s`, `1h02m`.
///
/// ```
/// use train::format::duration;
/// assert_eq!(duration(0.0123), "12ms");
/// assert_eq!(duration(125.0), "2m05s");
/// assert_eq!(duration(3720.0), "1h02m");
/// ```
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "?".into();
    }
    if seconds < 0.9995 {
        return format!("{:.0}ms", seconds * 1e3);
    }
    if seconds < 59.95 {
        return format!("{seconds:.1}s");
    }
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, m, s) => format!("{m}m{s:02}s"),
        (h, m, _) => format!("{h}h{m:02}m"),
    }
}

/// An integer with a thin gap between groups of three digits, for tables of parameters.
///
/// ```
/// assert_eq!(train::format::grouped(1_234_567), "1,234,567");
/// ```
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_keep_their_digits_at_every_size() {
        let cases = [
            (0.0, "0.0000"),
            (-0.5, "-0.5000"),
            (0.001, "0.0010"),
            (0.0005, "5.00e-4"),
            (9.99996, "10.00"),
            (123.456, "123.46"),
            (12345.6, "12345.6"),
            (1e6, "1.000e6"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (x, text) in cases {
            assert_eq!(metric(x), text, "{x}");
        }
    }

    #[test]
    fn rates_move_to_the_next_prefix_before_they_need_four_digits() {
        let cases = [
            (0.0, "0"),
            (1.25, "1.2"),
            (42.4, "42"),
            (999.4, "999"),
            (999.6, "1.0k"),
            (9960.0, "10k"),
            (-1500.0, "-1.5k"),
        ];
        for (x, text) in cases {
            assert_eq!(si(x), text, "{x}");
        }
        assert_eq!(si(f64::NAN), "NaN");
    }

    #[test]
    fn durations_round_across_their_units() {
        let cases = [
            (0.0, "0ms"),
            (0.9996, "1.0s"),
            (59.94, "59.9s"),
            (59.96, "1m00s"),
            (3599.6, "1h00m"),
            (-1.0, "?"),
        ];
        for (x, text) in cases {
            assert_eq!(duration(x), text, "{x}");
        }
    }

    #[test]
    fn groups_have_three_digits() {
        assert_eq!((grouped(0), grouped(999), grouped(1000)), ("0".into(), "999".into(), "1,000".into()));
    }
}
