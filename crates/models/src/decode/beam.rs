//! Beam search: the likeliest of the continuations of the likeliest beginnings.

use nn::{Error, Result};

/// How [`beam_search`] goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beam {
    /// Beginnings that are kept at each step.
    pub width: usize,
    /// The most tokens of a hypothesis, the end included.
    pub max_len: usize,
    /// The token that ends a hypothesis.
    pub end: usize,
    /// Scores are log probabilities over length to this power: 0 favours short hypotheses, 1 is the mean.
    pub length_penalty: f64,
}

/// One continuation.
#[derive(Debug, Clone, PartialEq)]
pub struct Hypothesis {
    /// Its tokens, without the end.
    pub tokens: Vec<usize>,
    /// Its log probability, the end's included.
    pub log_prob: f64,
    /// Whether it came to its end.
    pub ended: bool,
    score: f64,
}

impl Hypothesis {
    /// What hypotheses are ranked by.
    pub fn score(&self) -> f64 {
        self.score
    }
}

/// The best hypotheses, the best first. `next(beginnings)`: for each, the last token and the model's state before it, the log
/// probabilities of all tokens after it and the state then. Of equal scores the one found first is better.
///
/// Errors: `InvalidArgument` for a width or length of 0 and for log probabilities of another number than before; those of
/// `next`.
pub fn beam_search<S: Clone>(
    start: S,
    first: usize,
    how: &Beam,
    mut next: impl FnMut(&[(usize, S)]) -> Result<Vec<(Vec<f64>, S)>>,
) -> Result<Vec<Hypothesis>> {
    let refuse = |rule, got, repair| Err(Error::InvalidArgument { op: "beam_search", rule, got, repair });
    if how.width == 0 || how.max_len == 0 {
        let got = format!("width {}, max_len {}", how.width, how.max_len);
        return refuse("width and length must be at least 1", got, "use a width of 4 or so");
    }
    let ranked = |tokens: Vec<usize>, log_prob: f64, ended: bool| {
        let len = (tokens.len() + usize::from(ended)).max(1) as f64;
        Hypothesis {
            tokens,
            log_prob,
            ended,
            score: log_prob / tensor::math::Math::pow(len, how.length_penalty),
        }
    };
    let best = |all: &mut Vec<Hypothesis>| {
        all.sort_by(|a, b| b.score.total_cmp(&a.score));
        all.truncate(how.width);
    };
    let mut done: Vec<Hypothesis> = Vec::new();
    let mut running = vec![(Vec::new(), 0.0, first, start)];
    for step in 0..how.max_len {
        let asked: Vec<(usize, S)> =
            running.iter().map(|(_, _, last, state)| (*last, state.clone())).collect();
        let answers = next(&asked)?;
        if answers.len() != running.len() {
            let got = format!("{} for {}", answers.len(), running.len());
            return refuse("there must be an answer for each beginning", got, "return one for each");
        }
        // (log probability, beginning, token)
        let mut choices: Vec<(f64, usize, usize)> = Vec::new();
        for (i, ((_, log_prob, _, _), (logs, _))) in running.iter().zip(&answers).enumerate() {
            let all = logs.iter().enumerate().filter(|(_, log)| **log > f64::NEG_INFINITY);
            choices.extend(all.map(|(token, log)| (log_prob + log, i, token)));
        }
        choices.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut after = Vec::with_capacity(how.width);
        // As many as are kept may end, and as many must go on.
        for &(log_prob, i, token) in choices.iter().take(2 * how.width) {
            let tokens = &running[i].0;
            if token == how.end {
                done.push(ranked(tokens.clone(), log_prob, true));
            } else if after.len() < how.width {
                after.push(([&tokens[..], &[token]].concat(), log_prob, token, answers[i].1.clone()));
            }
        }
        best(&mut done);
        running = after;
        // Longer ones only become less likely; with a penalty they may still rise to what they would be at their longest.
        let bound = |log_prob: f64| {
            let len = if how.length_penalty > 0.0 { how.max_len } else { step + 1 };
            log_prob / tensor::math::Math::pow(len as f64, how.length_penalty)
        };
        let hopeless = done.len() == how.width
            && running.iter().all(|(_, log_prob, _, _)| bound(*log_prob) <= done[how.width - 1].score);
        if running.is_empty() || hopeless {
            break;
        }
    }
    if done.len() < how.width {
        done.extend(running.into_iter().map(|(tokens, log_prob, _, _)| ranked(tokens, log_prob, false)));
        best(&mut done);
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Log probabilities of a chain: 0 is the start, 3 the end.
    fn chain(asked: &[(usize, ())]) -> Result<Vec<(Vec<f64>, ())>> {
        let rows = [[0.0, 0.6, 0.4, 0.0], [0.0, 0.4, 0.3, 0.3], [0.0, 0.05, 0.05, 0.9], [0.0; 4]];
        Ok(asked.iter().map(|(last, ())| (rows[*last].iter().map(|p: &f64| p.ln()).collect(), ())).collect())
    }

    #[test]
    fn a_beam_finds_what_greed_misses() {
        let how = Beam { width: 1, max_len: 8, end: 3, length_penalty: 0.0 };
        let greedy = beam_search((), 0, &how, chain).unwrap();
        let wide = beam_search((), 0, &Beam { width: 3, ..how }, chain).unwrap();
        assert_eq!(wide[0].tokens, [2]);
        assert!((wide[0].log_prob - 0.36f64.ln()).abs() < 1e-12 && wide[0].ended);
        assert!(greedy[0].log_prob < wide[0].log_prob);
        assert!(wide.windows(2).all(|pair| pair[0].score() >= pair[1].score()));
    }

    #[test]
    fn a_search_as_wide_as_the_tree_is_exhaustive() {
        // All of at most 4 tokens, by themselves.
        fn all(tokens: &mut Vec<usize>, log_prob: f64, found: &mut Vec<(Vec<usize>, f64)>) {
            let last = tokens.last().copied().unwrap_or(0);
            let logs = chain(&[(last, ())]).unwrap().remove(0).0;
            found.push((tokens.clone(), log_prob + logs[3]));
            if tokens.len() < 3 {
                for token in 1..3 {
                    tokens.push(token);
                    all(tokens, log_prob + logs[token], found);
                    tokens.pop();
                }
            }
        }
        for length_penalty in [0.0, 1.0] {
            let mut found = Vec::new();
            all(&mut Vec::new(), 0.0, &mut found);
            let score =
                |(tokens, log): &(Vec<usize>, f64)| log / ((tokens.len() + 1) as f64).powf(length_penalty);
            found.sort_by(|a, b| score(b).total_cmp(&score(a)));
            let how = Beam { width: 40, max_len: 4, end: 3, length_penalty };
            let beam = beam_search((), 0, &how, chain).unwrap();
            let ended: Vec<&Hypothesis> = beam.iter().filter(|h| h.ended).collect();
            assert_eq!(ended[0].tokens, found[0].0);
            assert!((ended[0].log_prob - found[0].1).abs() < 1e-12);
        }
    }
}
