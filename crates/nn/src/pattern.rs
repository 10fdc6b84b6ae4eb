//! Patterns over parameter paths.

/// A pattern over paths such as `blocks.0.fc.weight`: `*` stands for any characters but the dot, `**` for any at all.
///
/// ```
/// use nn::Pattern;
/// assert!(Pattern::new("blocks.*.fc.weight").matches("blocks.0.fc.weight"));
/// assert!(!Pattern::new("blocks.*").matches("blocks.0.fc.weight"));
/// assert!(Pattern::new("blocks.**").matches("blocks.0.fc.weight"));
/// assert!(Pattern::new("**bias").matches("head.bias"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
}

impl Pattern {
    /// The pattern that `text` spells.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether all of `path` is what the pattern describes.
    ///
    /// Remembers, for each place in the pattern, how far a star could stretch: time is at most |pattern|·|path|.
    pub fn matches(&self, path: &str) -> bool {
        let (pattern, path) = (self.text.as_bytes(), path.as_bytes());
        // reach[j]: the pattern read so far can stand for path[..j].
        let mut reach = vec![false; path.len() + 1];
        reach[0] = true;
        let mut i = 0;
        while i < pattern.len() {
            let deep = pattern[i..].starts_with(b"**");
            if pattern[i] == b'*' {
                for j in 1..=path.len() {
                    reach[j] |= reach[j - 1] && (deep || path[j - 1] != b'.');
                }
                i += if deep { 2 } else { 1 };
            } else {
                for j in (1..=path.len()).rev() {
                    reach[j] = reach[j - 1] && path[j - 1] == pattern[i];
                }
                reach[0] = false;
                i += 1;
            }
        }
        reach[path.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stop_at_dots_unless_doubled() {
        for (pattern, path, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("", "", true),
            ("*", "", true),
            ("*", "a.b", false),
            ("**", "a.b", true),
            ("a.*.c", "a.b.c", true),
            ("a.*.c", "a.b.b.c", false),
            ("a.**.c", "a.b.b.c", true),
            ("*a*a*", "banana", true),
            ("**.weight", "weight", false),
            ("**weight", "weight", true),
        ] {
            assert_eq!(Pattern::new(pattern).matches(path), expected, "{pattern} on {path}");
        }
    }
}
