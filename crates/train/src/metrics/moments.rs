//! The spread of one list of numbers and the co-spread of two, in one pass.

/// Count, means and centred sums of pairs, `sum (x - mean x)²`, `sum (y - mean y)²`, `sum (x - mean x)(y - mean y)`.
///
/// Each pair is added by Welford's update (Technometrics 4, 1962) and parts by the formula of Chan, Golub and LeVeque
/// (1979), so numbers far from zero lose no digits, and the spread of equal numbers is exactly 0.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Moments {
    pub count: u64,
    pub mean: (f64, f64),
    pub xx: f64,
    pub yy: f64,
    pub xy: f64,
}

impl Moments {
    pub fn add(&mut self, x: f64, y: f64) {
        self.count += 1;
        let n = self.count as f64;
        let (dx, dy) = (x - self.mean.0, y - self.mean.1);
        self.mean.0 += dx / n;
        self.mean.1 += dy / n;
        self.xx += dx * (x - self.mean.0);
        self.yy += dy * (y - self.mean.1);
        self.xy += dx * (y - self.mean.1);
    }

    /// Whether a sum went beyond the largest number, and with it every figure that divides two of them.
    pub fn overflowed(&self) -> bool {
        !(self.xx.is_finite() && self.yy.is_finite() && self.xy.is_finite())
    }

    pub fn merge(&mut self, other: &Self) {
        if self.count == 0 || other.count == 0 {
            // One of them alone, to the bit.
            *self = if self.count == 0 { *other } else { *self };
            return;
        }
        let (n, m) = (self.count as f64, other.count as f64);
        let (dx, dy) = (other.mean.0 - self.mean.0, other.mean.1 - self.mean.1);
        let (part, weight) = (m / (n + m), n * m / (n + m));
        self.count += other.count;
        self.mean.0 += dx * part;
        self.mean.1 += dy * part;
        self.xx += other.xx + dx * dx * weight;
        self.yy += other.yy + dy * dy * weight;
        self.xy += other.xy + dx * dy * weight;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_small_whole_numbers_are_exact() {
        let mut m = Moments::default();
        for (x, y) in [(1.0, 6.0), (3.0, 2.0), (5.0, 4.0), (7.0, 0.0)] {
            m.add(x, y);
        }
        assert_eq!((m.count, m.mean, m.xx, m.yy, m.xy), (4, (4.0, 3.0), 20.0, 20.0, -16.0));
    }

    #[test]
    fn equal_numbers_have_no_spread_in_one_pass_or_in_parts() {
        let mut whole = Moments::default();
        for _ in 0..3 {
            let mut part = Moments::default();
            (0..7).for_each(|_| part.add(0.1, -1e9 / 3.0));
            whole.merge(&part);
        }
        whole.merge(&Moments::default());
        assert!(!whole.overflowed());
        assert_eq!((whole.count, whole.xx, whole.yy, whole.xy), (21, 0.0, 0.0, 0.0));
    }
}
