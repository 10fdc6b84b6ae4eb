//! Tokenizers of published models.

use crate::error::{Error, Result, open};
use std::io::Read;
use std::path::Path;
use tokenizers::{ModelWrapper, Tokenizer};

/// Byte pair encoding, or another model that a `tokenizer.json` describes, with its normaliser, pre-tokenizer and decoder.
///
/// Nothing is added to a text, not even the special tokens that the file would put around it; truncation and padding that
/// the file asks for are left out. An added token is numbered behind those of the model, as that library does it, whatever
/// the file says. Source: Sennrich et al. 2016, by the crate `tokenizers`.
///
/// ```
/// let json = r#"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
///     "pre_tokenizer": null, "post_processor": null, "decoder": {"type": "Fuse"},
///     "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "abab": 3}, "merges": ["a b", "ab ab"]}}"#;
/// let bpe = data::Bpe::parse(json.as_bytes())?;
/// assert_eq!(bpe.encode("ababab")?, [3, 2]);
/// assert_eq!(bpe.decode(&[3, 2])?, "ababab");
/// # Ok::<(), data::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Bpe {
    tokenizer: Tokenizer,
    len: usize,
}

const OP: &str = "bpe";

impl Bpe {
    /// The tokenizer of a `tokenizer.json`.
    ///
    /// # Errors
    /// With the path in front: `Io` for a file that cannot be read; those of [`parse`](Self::parse).
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let mut bytes = Vec::new();
        open(OP, path)?.read_to_end(&mut bytes).map_err(|e| Error::io(OP, &e).in_file(path))?;
        Self::parse(&bytes).map_err(|e| e.in_file(path))
    }

    /// The tokenizer that these bytes describe.
    ///
    /// # Errors
    /// `Format` for what is no description of a tokenizer, one without tokens, and one that drops merges at random, whose
    /// encoding would be no function of the text.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let refuse = |rule, got, repair| Err(Error::Format { op: OP, rule, got, repair });
        let mut tokenizer = match Tokenizer::from_bytes(bytes) {
            Ok(tokenizer) => tokenizer,
            Err(error) => {
                let rule = "the file must be a tokenizer.json";
                return refuse(rule, error.to_string(), "save it with the tokenizers library");
            }
        };
        if let ModelWrapper::BPE(model) = tokenizer.get_model()
            && let Some(dropout) = model.dropout
            && dropout > 0.0
        {
            let rule = "a text must have one encoding";
            return refuse(rule, format!("a dropout of {dropout}"), "set the model's dropout to null");
        }
        let Some(last) = tokenizer.get_vocab(true).into_values().max() else {
            let rule = "a tokenizer must have tokens";
            return refuse(rule, "none".to_string(), "save it again after training");
        };
        tokenizer.with_padding(None);
        if let Err(error) = tokenizer.with_truncation(None) {
            let rule = "truncation must be removable";
            return refuse(rule, error.to_string(), "set it to null in the file");
        }
        Ok(Self { tokenizer, len: last as usize + 1 })
    }

    /// One more than the largest token: the size of an embedding for them.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The number of the token of this name, special ones included.
    pub fn token(&self, name: &str) -> Option<usize> {
        self.tokenizer.token_to_id(name).map(|id| id as usize)
    }

    /// The tokens of `text`.
    ///
    /// # Errors
    /// What the model says, such as that a piece of the text is unknown to it.
    pub fn encode(&self, text: &str) -> Result<Vec<usize>> {
        match self.tokenizer.encode_fast(text, false) {
            Ok(encoding) => Ok(encoding.get_ids().iter().map(|&id| id as usize).collect()),
            Err(error) => Err(Error::InvalidArgument {
                op: OP,
                rule: "the tokenizer must be able to encode the text",
                got: error.to_string(),
                repair: "give the tokenizer an unknown token, or drop what it does not know",
            }),
        }
    }

    /// The text of these tokens, special ones included.
    ///
    /// # Errors
    /// A number that no token has, with its position; what the decoder says.
    pub fn decode(&self, tokens: &[usize]) -> Result<String> {
        let known = |(at, &token): (usize, &usize)| {
            let id = u32::try_from(token).ok().filter(|&id| self.tokenizer.id_to_token(id).is_some());
            id.ok_or_else(|| Error::InvalidArgument {
                op: OP,
                rule: "every token must be one of the tokenizer",
                got: format!("token {token} at position {at} for {} tokens", self.len),
                repair: "decode with the tokenizer that the tokens were made with",
            })
        };
        let ids: Vec<u32> = tokens.iter().enumerate().map(known).collect::<Result<_>>()?;
        self.tokenizer.decode(&ids, false).map_err(|error| Error::InvalidArgument {
            op: OP,
            rule: "the tokenizer must be able to decode the tokens",
            got: error.to_string(),
            repair: "check the decoder of the file",
        })
    }
}
