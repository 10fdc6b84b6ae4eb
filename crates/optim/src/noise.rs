//! How noisy gradients are, and what that says about the size of batches.

/// The simple noise scale `tr Σ/|G|²`, Σ being the covariance of the gradient of one row and G the true gradient: batches of fewer rows
/// than that waste little, larger ones mostly repeat themselves.
///
/// From norms of gradients of two sizes of batches, such as those of accumulated batches and of their sum:
/// `|G|² ≈ (B·|g_B|² − b·|g_b|²)/(B − b)` and `tr Σ ≈ (|g_b|² − |g_B|²)/(1/b − 1/B)`, each a running mean, since single ones are far
/// off. Source: McCandlish et al. 2018, arXiv:1812.06162, appendix A.1.
///
/// ```
/// use optim::GradientNoise;
/// let mut noise = GradientNoise::new(0.9);
/// // |G|² = 4 and tr Σ = 100: a mean over b rows has |g|² = 4 + 100/b.
/// noise.update(10.0, 4.0 + 10.0, 40.0, 4.0 + 2.5);
/// assert!((noise.scale().unwrap() - 25.0).abs() < 1e-12); // 25, but for roundings
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GradientNoise {
    keep: f64,
    /// Running means of tr Σ and |G|², and of 1.
    spread: f64,
    signal: f64,
    weight: f64,
}

impl GradientNoise {
    /// With running means of which `keep`, in 0..1, stays in each update; 0.99 or the like.
    pub fn new(keep: f64) -> Self {
        Self { keep: keep.clamp(0.0, 1.0 - f64::EPSILON), spread: 0.0, signal: 0.0, weight: 0.0 }
    }

    /// Takes a step in: the mean of |g|² over batches of `small` rows, and |g|² of a batch of `large` rows. Left out unless the first is
    /// smaller, and all are finite.
    pub fn update(&mut self, small: f64, small_square: f64, large: f64, large_square: f64) {
        let fine = 0.0 < small && small < large && (small_square + large_square).is_finite();
        if fine {
            let signal = (large * large_square - small * small_square) / (large - small);
            let spread = (small_square - large_square) / (1.0 / small - 1.0 / large);
            let mean = |before: f64, now: f64| self.keep * before + (1.0 - self.keep) * now;
            (self.signal, self.spread) = (mean(self.signal, signal), mean(self.spread, spread));
            self.weight = mean(self.weight, 1.0);
        }
    }

    /// The noise scale in rows; `None` before the first step, and where noise hides the gradient altogether.
    pub fn scale(&self) -> Option<f64> {
        (self.weight > 0.0 && self.signal > 0.0 && self.spread >= 0.0).then(|| self.spread / self.signal)
    }
}
