//! Texts that a model writes on, token by token.

use super::Sampler;
use crate::causal_lm::CausalLm;
use nn::{Context, Error, KvCache, Result};
use std::ops::ControlFlow;
use tensor::{DType, Rng, Tensor};

/// How [`generate`] goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Generate {
    /// The most tokens that are added to each prompt.
    pub max_tokens: usize,
    /// How a token is chosen.
    pub sampler: Sampler,
    /// Tokens behind which a text ends; they belong to it.
    pub stop: Vec<usize>,
}

impl Default for Generate {
    fn default() -> Self {
        Self { max_tokens: 100, sampler: Sampler::default(), stop: Vec::new() }
    }
}

/// The texts that follow `prompts`, of any lengths, without the prompts. `on_token(i, token)` hears of each token of text i as
/// it is chosen, and ends that text by returning `Break`.
///
/// Prompts are read at once, and then one token of each text a pass, from a [cache](nn::KvCache). What is chosen for a text
/// depends on its prompt, the model, and its own stream, the i-th split of `rng`; not on the texts beside it. A text that has
/// filled the model's context goes on from the last half of it; where the model has a window, it goes on for ever, and the
/// cache forgets what the window has passed.
///
/// ```
/// use models::decode::{Generate, Sampler, generate};
/// use models::{Gpt, GptConfig};
/// use std::ops::ControlFlow;
/// use tensor::Rng;
/// let config = GptConfig { vocab: 20, context: 8, layers: 2, heads: 2, d: 8, ..GptConfig::default() };
/// let gpt = Gpt::new(&config, &mut Rng::seed(0))?;
/// let how = Generate { max_tokens: 12, sampler: Sampler::greedy(), ..Generate::default() };
/// let goes_on = |_, _| ControlFlow::Continue(());
/// let texts = generate(&gpt, &[vec![1, 2, 3], vec![4]], &how, &mut Rng::seed(1), goes_on)?;
/// assert_eq!(texts.len(), 2);
/// assert_eq!(texts[0].len(), 12);
/// let alone = generate(&gpt, &[vec![4]], &how, &mut Rng::seed(1), goes_on)?;
/// assert_eq!(alone[0], texts[1]);
/// # Ok::<(), nn::Error>(())
/// ```
///
/// Errors: `InvalidArgument` for an empty prompt, a token outside the vocabulary, and settings that mean nothing.
pub fn generate(
    model: &impl CausalLm,
    prompts: &[Vec<usize>],
    how: &Generate,
    rng: &mut Rng,
    mut on_token: impl FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Vec<Vec<usize>>> {
    how.sampler.check()?;
    check_prompts(prompts, model.vocab())?;
    let mut texts = prompts.to_vec();
    let mut streams: Vec<Rng> = prompts.iter().map(|_| rng.split()).collect();
    let mut running: Vec<usize> = if how.max_tokens > 0 { (0..prompts.len()).collect() } else { Vec::new() };
    // Where what is seen of each text begins.
    let mut starts = vec![0; texts.len()];
    let mut cx = None;
    while !running.is_empty() {
        let (rows, now) = match cx.take() {
            Some(cx) => step(model, &texts, &running, cx)?,
            None => read(model, &texts, &mut starts, &running, how.max_tokens)?,
        };
        let mut goes_on = Vec::with_capacity(running.len());
        for (at, (&i, logits)) in running.iter().zip(&rows).enumerate() {
            let token = how.sampler.pick(logits, &texts[i], &mut streams[i])?;
            texts[i].push(token);
            let ended = on_token(i, token).is_break() || how.stop.contains(&token);
            if !ended && texts[i].len() < prompts[i].len() + how.max_tokens {
                goes_on.push(at);
            }
        }
        let full = now.lens().iter().any(|&len| len == now.capacity());
        cx = match goes_on.len() {
            0 => None,
            _ if full => None,
            all if all == running.len() => Some(Context::cached(now)),
            _ => Some(Context::cached(now.select(&goes_on)?)),
        };
        running = goes_on.into_iter().map(|at| running[at]).collect();
    }
    Ok(texts.into_iter().zip(prompts).map(|(text, prompt)| text[prompt.len()..].to_vec()).collect())
}

fn check_prompts(prompts: &[Vec<usize>], vocab: usize) -> Result<()> {
    let refuse = |rule, got, repair| Err(Error::InvalidArgument { op: "generate", rule, got, repair });
    for (i, prompt) in prompts.iter().enumerate() {
        if prompt.is_empty() {
            let repair = "begin with a token that begins a text, such as the end of another one";
            return refuse("a prompt must have a token", format!("none in prompt {i}"), repair);
        }
        if let Some(token) = prompt.iter().find(|&&token| token >= vocab) {
            let got = format!("token {token} in prompt {i} for {vocab} tokens");
            return refuse(
                "every token must be one of the vocabulary",
                got,
                "encode the prompt with the model's own vocabulary",
            );
        }
    }
    Ok(())
}

/// Logits behind each text, in doubles, and what was read, from an empty cache.
fn read(
    model: &impl CausalLm,
    texts: &[Vec<usize>],
    starts: &mut [usize],
    running: &[usize],
    max_tokens: usize,
) -> Result<(Vec<Vec<f64>>, KvCache)> {
    let context = model.window().map_or(model.context(), |_| usize::MAX);
    // Of a text that does not fit the last half is kept, so that many tokens follow before the next reading.
    for &i in running {
        if texts[i].len() - starts[i] > context {
            starts[i] = texts[i].len() - context.div_ceil(2);
        }
    }
    let seen: Vec<&[usize]> = running.iter().map(|&i| &texts[i][starts[i]..]).collect();
    let most = seen.iter().map(|text| text.len()).max().unwrap_or(0);
    let capacity = context.min(most.saturating_add(max_tokens));
    let mut cx = Context::cached(KvCache::new(seen.len(), capacity)?);
    let mut tokens = Vec::with_capacity(seen.len() * most);
    for text in &seen {
        tokens.extend(text.iter().map(|&token| token as i64));
        // Behind its end it sees nothing that counts.
        tokens.resize(tokens.len() + most - text.len(), 0);
    }
    let hidden = model.hidden(&Tensor::from_vec(tokens, [seen.len(), most])?.into(), &mut cx)?;
    let lens: Vec<usize> = seen.iter().map(|text| text.len()).collect();
    cx.advance(&lens)?;
    let d = hidden.shape()[2];
    let last: Vec<i64> = lens.iter().enumerate().map(|(i, len)| (i * most + len - 1) as i64).collect();
    let last = Tensor::from_vec(last, [seen.len()])?;
    let last = hidden.reshape([seen.len() * most, d])?.index_select(0, &last)?;
    rows(model, &last, cx)
}

/// Logits behind each text, of which all but the last token are in the cache.
fn step(
    model: &impl CausalLm,
    texts: &[Vec<usize>],
    running: &[usize],
    mut cx: Context,
) -> Result<(Vec<Vec<f64>>, KvCache)> {
    let last: Vec<i64> = running.iter().map(|&i| texts[i][texts[i].len() - 1] as i64).collect();
    let n = last.len();
    let hidden = model.hidden(&Tensor::from_vec(last, [n, 1])?.into(), &mut cx)?;
    cx.advance(&vec![1; n])?;
    let d = hidden.shape()[2];
    rows(model, &hidden.reshape([n, d])?, cx)
}

fn rows(model: &impl CausalLm, hidden: &autodiff::Var, mut cx: Context) -> Result<(Vec<Vec<f64>>, KvCache)> {
    let logits = model.logits(hidden, &mut cx)?;
    let vocab = logits.shape()[1];
    let all = logits.value().to_dtype(DType::F64)?.to_vec::<f64>()?;
    let cache = cx.into_cache().expect("invariant: the context was given a cache");
    Ok((all.chunks(vocab.max(1)).map(<[f64]>::to_vec).collect(), cache))
}
