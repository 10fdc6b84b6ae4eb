//! Patterns against a definition by recursion.

use nn::Pattern;
use proptest::prelude::*;

/// What the documentation says, tried in every way.
fn matches(pattern: &[u8], path: &[u8]) -> bool {
    match pattern {
        [] => path.is_empty(),
        [b'*', b'*', rest @ ..] => (0..=path.len()).any(|n| matches(rest, &path[n..])),
        [b'*', rest @ ..] => {
            (0..=path.len()).take_while(|&n| !path[..n].contains(&b'.')).any(|n| matches(rest, &path[n..]))
        }
        [first, rest @ ..] => path.first() == Some(first) && matches(rest, &path[1..]),
    }
}

proptest! {
    #[test]
    fn patterns_match_what_their_definition_says(pattern in "[ab.*]{0,7}", path in "[ab.]{0,9}") {
        prop_assert_eq!(
            Pattern::new(pattern.as_str()).matches(&path),
            matches(pattern.as_bytes(), path.as_bytes())
        );
    }
}

#[test]
fn a_pattern_of_many_stars_takes_no_exponential_time() {
    let pattern = Pattern::new("*a".repeat(2000));
    assert!(!pattern.matches(&"a".repeat(1999)));
    assert!(pattern.matches(&"a".repeat(2000)));
}
