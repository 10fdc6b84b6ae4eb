//! How many n-grams a translation shares with its references.

use crate::error::{Error, Result};
use crate::metrics::check::{check_alike, show};
use std::collections::BTreeMap;
use std::fmt;

const OP: &str = "bleu";
const ORDERS: usize = 4;

/// What a precision of zero becomes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Smoothing {
    /// It stays zero, and the whole score with it.
    None,
    /// The first becomes `1 / 2` of one match, the next `1 / 4`, and so on: method 3 of B. Chen and C. Cherry, WMT 2014.
    #[default]
    Exponential,
}

/// Corpus BLEU-4, from 0 to 100 (K. Papineni, S. Roukos, T. Ward and W.-J. Zhu, ACL 2002), as sacrebleu computes it
/// (M. Post, *A Call for Clarity in Reporting BLEU Scores*, WMT 2018) from tokens that the caller gives.
///
/// `100 · min(1, exp(1 - r / c)) · (p_1 p_2 p_3 p_4)^(1/4)`. `p_n` is the share of the hypotheses' n-grams that are
/// in a reference of their sentence, each at most as often as in the one that has it most often, over the whole
/// corpus; `c` is the length of all hypotheses, `r` that of the references nearest to them in length, the shorter
/// among equally near. Without any match, or without an n-gram of an order, it is 0. Scores of other tokens cannot be
/// compared, so say how text was split.
///
/// ```
/// use train::metrics::{Bleu, Smoothing};
/// let words = |s: &'static str| s.split(' ').collect::<Vec<_>>();
/// let mut bleu = Bleu::new(Smoothing::None);
/// bleu.update(&words("the cat sat on the mat"), &[&words("the cat sat on a mat")]).unwrap();
/// // 5/6, 3/5, 2/4 and 1/3: (1/12)^(1/4)
/// assert!((bleu.value().unwrap() - 53.7284965911771).abs() < 1e-10);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bleu {
    smoothing: Smoothing,
    sentences: u64,
    matches: [u64; ORDERS],
    totals: [u64; ORDERS],
    hypothesis: u64,
    reference: u64,
}

fn ngrams<T: Ord>(tokens: &[T], n: usize) -> BTreeMap<&[T], u64> {
    let mut counts = BTreeMap::new();
    tokens.windows(n).for_each(|gram| *counts.entry(gram).or_default() += 1);
    counts
}

impl Bleu {
    /// No sentences yet.
    pub fn new(smoothing: Smoothing) -> Self {
        Bleu { smoothing, ..Self::default() }
    }

    /// Adds a hypothesis and its references, each as tokens.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] without a reference.
    pub fn update<T: Ord>(&mut self, hypothesis: &[T], references: &[&[T]]) -> Result<()> {
        let length = hypothesis.len();
        let nearest = references.iter().map(|r| r.len()).min_by_key(|&r| (r.abs_diff(length), r));
        let Some(nearest) = nearest else {
            return Err(Error::InvalidArgument {
                op: OP,
                rule: "a hypothesis must have a reference",
                got: "no references".into(),
                repair: "leave out sentences that nobody translated",
            });
        };
        self.sentences += 1;
        self.hypothesis += length as u64;
        self.reference += nearest as u64;
        for n in 1..=ORDERS {
            let known: Vec<_> = references.iter().map(|r| ngrams(r, n)).collect();
            for (gram, count) in ngrams(hypothesis, n) {
                let most = known.iter().filter_map(|k| k.get(gram)).max().copied().unwrap_or(0);
                self.matches[n - 1] += count.min(most);
                self.totals[n - 1] += count;
            }
        }
        Ok(())
    }

    /// Adds what another accumulator has seen.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] unless both smooth alike.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        let (a, b) = (self.smoothing, other.smoothing);
        check_alike(OP, a == b, || format!("the smoothings {a:?} and {b:?}"))?;
        for n in 0..ORDERS {
            self.matches[n] += other.matches[n];
            self.totals[n] += other.totals[n];
        }
        self.sentences += other.sentences;
        self.hypothesis += other.hypothesis;
        self.reference += other.reference;
        Ok(())
    }

    /// The precisions of 1- to 4-grams after smoothing, from 0 to 100.
    ///
    /// ```
    /// let mut bleu = train::metrics::Bleu::default();
    /// bleu.update(b"abcd", &[b"abxy"]).unwrap();
    /// assert_eq!(bleu.precisions(), [50.0, 100.0 / 3.0, 100.0 / (2.0 * 2.0), 100.0 / (4.0 * 1.0)]);
    /// ```
    pub fn precisions(&self) -> [f64; ORDERS] {
        let (mut precisions, mut halved) = ([0.0; ORDERS], 1.0);
        if self.matches == [0; ORDERS] {
            return precisions;
        }
        for n in (0..ORDERS).take_while(|&n| self.totals[n] > 0) {
            let total = self.totals[n] as f64;
            precisions[n] = match (self.matches[n], self.smoothing) {
                (0, Smoothing::None) => 0.0,
                (0, Smoothing::Exponential) => {
                    halved *= 2.0;
                    100.0 / (halved * total)
                }
                (matches, _) => 100.0 * matches as f64 / total,
            };
        }
        precisions
    }

    /// The penalty for hypotheses that are too short, `min(1, exp(1 - r / c))`; 0 for empty ones.
    pub fn brevity_penalty(&self) -> f64 {
        match (self.hypothesis, self.reference) {
            (c, r) if c >= r => 1.0,
            (0, _) => 0.0,
            (c, r) => libm::exp(1.0 - r as f64 / c as f64),
        }
    }

    /// The score, or `None` before the first sentence.
    pub fn value(&self) -> Option<f64> {
        let precisions = self.precisions();
        (self.sentences > 0).then(|| {
            if precisions.contains(&0.0) {
                return 0.0;
            }
            let mean = precisions.iter().map(|&p| libm::log(p)).sum::<f64>() / ORDERS as f64;
            self.brevity_penalty() * libm::exp(mean)
        })
    }

    /// Why there is no value: no sentences.
    pub fn undefined(&self) -> Option<&'static str> {
        (self.sentences == 0).then_some("no sentences")
    }
}

impl fmt::Display for Bleu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, self.value(), self.undefined())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_full_marks_and_no_match_none() {
        let mut copy = Bleu::default();
        copy.update(b"the same", &[b"the same".as_slice()]).unwrap();
        // exp(ln 100), one rounding of the logarithm times 4.6 and one of the exponential.
        assert!((copy.value().unwrap() - 100.0).abs() < 100.0 * 6.0 * f64::EPSILON, "{copy}");
        let mut other = Bleu::default();
        other.update(b"abcd", &[b"wxyz".as_slice()]).unwrap();
        assert_eq!(other.value(), Some(0.0));
    }

    #[test]
    fn a_word_counts_as_often_as_in_the_reference_that_has_it_most_often() {
        let mut bleu = Bleu::new(Smoothing::None);
        bleu.update(b"aaaaaaa", &[b"abacbd".as_slice(), b"acccc".as_slice()]).unwrap();
        assert_eq!((bleu.matches, bleu.totals), ([2, 0, 0, 0], [7, 6, 5, 4]));
        assert_eq!((bleu.value(), bleu.reference), (Some(0.0), 6));
    }

    #[test]
    fn short_hypotheses_are_penalised_and_too_short_ones_have_no_four_grams() {
        let mut bleu = Bleu::default();
        bleu.update(b"abcde", &[b"abcdefghij".as_slice()]).unwrap();
        assert_eq!(bleu.brevity_penalty(), libm::exp(-1.0));
        let mut short = Bleu::default();
        short.update(b"abc", &[b"abc".as_slice()]).unwrap();
        assert_eq!(short.value(), Some(0.0));
        let mut empty = Bleu::default();
        empty.update(b"", &[b"abc".as_slice()]).unwrap();
        assert_eq!((empty.value(), empty.brevity_penalty()), (Some(0.0), 0.0));
    }

    #[test]
    fn what_cannot_be_scored_is_refused_or_not_available() {
        let mut bleu = Bleu::default();
        assert_eq!((bleu.value(), bleu.to_string()), (None, "n/a (no sentences)".into()));
        assert_eq!(
            bleu.update(b"abc", &[]).unwrap_err().to_string(),
            "[bleu] a hypothesis must have a reference; got no references; leave out sentences that nobody translated"
        );
        assert_eq!(
            bleu.merge(&Bleu::new(Smoothing::None)).unwrap_err().to_string(),
            "[bleu] metrics that are added must have been made alike; got the smoothings Exponential and None; \
             make both with the same settings"
        );
    }
}
