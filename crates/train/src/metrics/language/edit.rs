//! How many edits turn one text into another.

use crate::error::Result;
use crate::metrics::check::{check_alike, show};
use std::fmt;

/// The Levenshtein distance: the least number of insertions, deletions and substitutions, each of cost 1, that turn
/// one list into the other (V. I. Levenshtein, Soviet Physics Doklady 10, 1966).
///
/// Takes `a.len() · b.len()` steps and a row of the shorter list.
///
/// ```
/// use train::metrics::edit_distance;
/// assert_eq!(edit_distance(b"kitten", b"sitting"), 3);
/// assert_eq!(edit_distance(&["a", "b"], &[]), 2);
/// ```
pub fn edit_distance<T: PartialEq>(a: &[T], b: &[T]) -> usize {
    let (long, short) = if a.len() < b.len() { (b, a) } else { (a, b) };
    // row[j] is the distance of what was read of `long` to the first j of `short`.
    let mut row: Vec<usize> = (0..=short.len()).collect();
    for (i, x) in long.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in short.iter().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[short.len()]
}

/// What an error rate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Unicode scalar values.
    Characters,
    /// What white space separates.
    Words,
}

/// The character or word error rate, CER or WER: edits from the references to the hypotheses, over the length of all
/// references.
///
/// Both are those of jiwer without its transformations: nothing is made lower case or stripped of punctuation. The
/// rate is above 1 where hypotheses are much too long; without any reference text there is none.
///
/// ```
/// use train::metrics::ErrorRate;
/// let mut wer = ErrorRate::words();
/// wer.update("the cat sat", "the cat sat down");
/// wer.update("a dog", "the dog");
/// assert_eq!(wer.value(), Some(2.0 / 6.0));
/// let mut cer = ErrorRate::characters();
/// cer.update("sitting", "kitten");
/// assert_eq!(cer.value(), Some(0.5));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorRate {
    unit: Unit,
    edits: u64,
    length: u64,
}

impl ErrorRate {
    /// The character error rate, CER.
    pub fn characters() -> Self {
        ErrorRate { unit: Unit::Characters, edits: 0, length: 0 }
    }

    /// The word error rate, WER.
    pub fn words() -> Self {
        ErrorRate { unit: Unit::Words, edits: 0, length: 0 }
    }

    /// Adds a text and what it should have been, in this order; jiwer takes the reference first.
    pub fn update(&mut self, hypothesis: &str, reference: &str) {
        match self.unit {
            Unit::Characters => {
                let chars = |s: &str| s.chars().collect::<Vec<char>>();
                self.update_tokens(&chars(hypothesis), &chars(reference));
            }
            Unit::Words => {
                let words = |s| str::split_whitespace(s).collect::<Vec<&str>>();
                self.update_tokens(&words(hypothesis), &words(reference));
            }
        }
    }

    /// Adds a text that is split already, each element counting as one.
    pub fn update_tokens<T: PartialEq>(&mut self, hypothesis: &[T], reference: &[T]) {
        self.edits += edit_distance(hypothesis, reference) as u64;
        self.length += reference.len() as u64;
    }

    /// Adds what another accumulator has seen.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) unless both count the same.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        let (a, b) = (self.unit, other.unit);
        check_alike("error_rate", a == b, || format!("{a:?} and {b:?}").to_lowercase())?;
        self.edits += other.edits;
        self.length += other.length;
        Ok(())
    }

    /// The edits for each element of the references, or `None` without one.
    pub fn value(&self) -> Option<f64> {
        (self.length > 0).then(|| self.edits as f64 / self.length as f64)
    }

    /// The number of edits.
    pub fn edits(&self) -> u64 {
        self.edits
    }

    /// Why there is no value: no reference text.
    pub fn undefined(&self) -> Option<&'static str> {
        (self.length == 0).then_some("no reference text")
    }
}

impl fmt::Display for ErrorRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value() {
            Some(x) => f.pad(&crate::format::percent(Some(x))),
            None => show(f, None, self.undefined()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the definition, by recursion on the last elements.
    fn slow(a: &[u8], b: &[u8]) -> usize {
        match (a.split_last(), b.split_last()) {
            (None, _) => b.len(),
            (_, None) => a.len(),
            (Some((x, a1)), Some((y, b1))) => {
                (slow(a1, b1) + usize::from(x != y)).min(slow(a1, b) + 1).min(slow(a, b1) + 1)
            }
        }
    }

    #[test]
    fn the_row_gives_what_the_recursion_gives() {
        let texts: [&[u8]; 7] = [b"", b"a", b"ab", b"ba", b"abcab", b"bcabc", b"aaaa"];
        for a in texts {
            for b in texts {
                assert_eq!(edit_distance(a, b), slow(a, b), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn white_space_of_any_kind_parts_words_and_accents_are_characters() {
        let mut wer = ErrorRate::words();
        wer.update("  one\ttwo\n", "one two");
        assert_eq!((wer.value(), wer.edits()), (Some(0.0), 0));
        let mut cer = ErrorRate::characters();
        cer.update("naïve", "naive");
        assert_eq!((cer.value(), cer.to_string()), (Some(0.2), "20.0 %".into()));
    }

    #[test]
    fn without_reference_text_there_is_no_rate() {
        let mut wer = ErrorRate::words();
        wer.update("three words more", "");
        assert_eq!((wer.value(), wer.to_string()), (None, "n/a (no reference text)".into()));
        assert_eq!(
            wer.merge(&ErrorRate::characters()).unwrap_err().to_string(),
            "[error_rate] metrics that are added must have been made alike; got words and characters; \
             make both with the same settings"
        );
    }
}
