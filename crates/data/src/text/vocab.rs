//! Vocabularies: which number stands for which character or word.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a text is cut into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VocabUnit {
    /// Characters: Unicode scalar values.
    Characters,
    /// Words: what stands between white space.
    Words,
}

/// How a [`Vocab`] is made. The default: everything that occurs, no special tokens, nothing for what is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VocabConfig {
    /// What occurs less often has no token of its own.
    pub min_count: usize,
    /// The name of the token for everything that has none; without it, that is an error.
    pub unknown: Option<String>,
    /// Names of tokens that no text contains, such as `<pad>`, `<start>` and `<end>`.
    pub specials: Vec<String>,
}

impl Default for VocabConfig {
    fn default() -> Self {
        Self { min_count: 1, unknown: None, specials: Vec::new() }
    }
}

/// The tokens of a text: numbers for its characters or words.
///
/// Numbers 0 and on are the special tokens in the order of the configuration, then the unknown token, then what occurs in the
/// text: characters by code point; words by how often they occur, the most frequent first, and of equal counts by code
/// points. The order is a function of the text alone. Saved with serde, so that it can be stored beside weights.
///
/// ```
/// use data::{Vocab, VocabConfig};
/// let chars = Vocab::chars("hello")?;
/// assert_eq!(chars.len(), 4); // e h l o
/// assert_eq!(chars.encode("hole")?, [1, 3, 2, 0]);
/// assert_eq!(chars.decode(&[1, 3, 2, 0])?, "hole");
///
/// let config = VocabConfig { min_count: 2, unknown: Some("<unk>".into()), ..VocabConfig::default() };
/// let words = Vocab::words("the cat and the dog and the bird", &config)?;
/// assert_eq!(words.encode("the dog and")?, [1, 0, 2]);
/// assert_eq!(words.decode(&[1, 0, 2])?, "the <unk> and");
/// # Ok::<(), data::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Vocab {
    unit: VocabUnit,
    tokens: Vec<String>,
    /// The first tokens, which no text contains.
    specials: usize,
    unknown: Option<usize>,
    /// What occurs in texts alone.
    ids: BTreeMap<String, usize>,
}

impl Vocab {
    /// The characters of `text`, nothing else.
    ///
    /// # Errors
    /// As [`chars_with`](Self::chars_with).
    pub fn chars(text: &str) -> Result<Self> {
        Self::chars_with(text, &VocabConfig::default())
    }

    /// The characters of `text` as `config` says.
    ///
    /// # Errors
    /// A text in which none occurs often enough; special tokens without a name, two of one name, or one whose name is a
    /// character of the text.
    pub fn chars_with(text: &str, config: &VocabConfig) -> Result<Self> {
        let mut counts: BTreeMap<char, usize> = BTreeMap::new();
        for c in text.chars() {
            *counts.entry(c).or_default() += 1;
        }
        let kept = counts.into_iter().filter(|(_, count)| *count >= config.min_count);
        Self::build(VocabUnit::Characters, config, kept.map(|(c, _)| c.to_string()).collect())
    }

    /// The words of `text` as `config` says.
    ///
    /// # Errors
    /// A text in which none occurs often enough; special tokens without a name, two of one name, or one whose name is a
    /// word of the text.
    pub fn words(text: &str, config: &VocabConfig) -> Result<Self> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for word in text.split_whitespace() {
            *counts.entry(word).or_default() += 1;
        }
        let mut kept: Vec<(&str, usize)> =
            counts.into_iter().filter(|(_, count)| *count >= config.min_count).collect();
        kept.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        Self::build(VocabUnit::Words, config, kept.into_iter().map(|(word, _)| word.to_string()).collect())
    }

    fn build(unit: VocabUnit, config: &VocabConfig, kept: Vec<String>) -> Result<Self> {
        let VocabConfig { min_count, unknown, specials } = config;
        if kept.is_empty() {
            return Err(Error::InvalidArgument {
                op: OP,
                rule: "the text must have a token that occurs often enough",
                got: format!("none that occurs {min_count} times"),
                repair: "give a longer text or lower min_count",
            });
        }
        let mut tokens = specials.clone();
        tokens.extend(unknown.clone());
        let special = tokens.len();
        tokens.extend(kept);
        Self::checked(unit, tokens, special, unknown.as_ref().map(|_| special - 1))
    }

    /// All that must hold of a vocabulary, wherever it comes from.
    fn checked(
        unit: VocabUnit,
        tokens: Vec<String>,
        specials: usize,
        unknown: Option<usize>,
    ) -> Result<Self> {
        let refuse = |rule, got, repair| Err(Error::InvalidArgument { op: OP, rule, got, repair });
        if specials >= tokens.len() || unknown.is_some_and(|unknown| unknown >= specials) {
            let got = format!("{} tokens, {specials} of them special, unknown {unknown:?}", tokens.len());
            let rule = "there must be tokens of a text, and the unknown token be a special one";
            return refuse(rule, got, "restore the vocabulary from its source");
        }
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for (i, token) in tokens.iter().enumerate() {
            let whole = match unit {
                _ if i < specials => !token.is_empty(),
                VocabUnit::Characters => token.chars().count() == 1,
                VocabUnit::Words => !token.is_empty() && !token.contains(char::is_whitespace),
            };
            if !whole {
                let got = format!("{token:?} as token {i}");
                return refuse("a token must be a name, or one character or word", got, "correct the token");
            }
            if let Some(first) = seen.insert(token, i) {
                let got = format!("{token:?} as tokens {first} and {i}");
                return refuse("every token must occur once", got, "rename the special one");
            }
        }
        let ids = tokens.iter().cloned().enumerate().skip(specials).map(|(i, token)| (token, i)).collect();
        Ok(Self { unit, tokens, specials, unknown, ids })
    }

    /// What texts are cut into.
    pub fn unit(&self) -> VocabUnit {
        self.unit
    }

    /// The number of tokens, special ones included; never 0.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// The tokens in the order of their numbers.
    pub fn tokens(&self) -> &[String] {
        &self.tokens
    }

    /// The number of the token of this name, special ones included.
    pub fn token(&self, name: &str) -> Option<usize> {
        let special = || self.tokens[..self.specials].iter().position(|token| token == name);
        self.ids.get(name).copied().or_else(special)
    }

    /// The numbers of the characters or words of `text`. The name of a special token is text like any other here.
    ///
    /// # Errors
    /// What has no token, with its byte position, if there is no unknown token.
    pub fn encode(&self, text: &str) -> Result<Vec<usize>> {
        let find = |piece: &str, at: usize| match self.ids.get(piece).copied().or(self.unknown) {
            Some(id) => Ok(id),
            None => Err(Error::InvalidArgument {
                op: OP,
                rule: "all of the text must be in the vocabulary",
                got: format!("{piece:?} at byte {at}"),
                repair: "build the vocabulary with an unknown token or from a text that has it",
            }),
        };
        match self.unit {
            VocabUnit::Characters => {
                let buffer = &mut [0; 4];
                text.char_indices().map(|(at, c)| find(c.encode_utf8(buffer), at)).collect()
            }
            VocabUnit::Words => {
                let at = |word: &str| word.as_ptr() as usize - text.as_ptr() as usize;
                text.split_whitespace().map(|word| find(word, at(word))).collect()
            }
        }
    }

    /// The text of these tokens: characters one after the other, words with a space between them, special tokens by name.
    ///
    /// # Errors
    /// A token outside the vocabulary, with its position.
    pub fn decode(&self, tokens: &[usize]) -> Result<String> {
        let name = |(at, &token): (usize, &usize)| match self.tokens.get(token) {
            Some(name) => Ok(name.as_str()),
            None => Err(Error::InvalidArgument {
                op: OP,
                rule: "every token must be in the vocabulary",
                got: format!("token {token} at position {at} for {} tokens", self.len()),
                repair: "decode with the vocabulary that the tokens were made with",
            }),
        };
        let names: Vec<&str> = tokens.iter().enumerate().map(name).collect::<Result<_>>()?;
        Ok(names.join(match self.unit {
            VocabUnit::Characters => "",
            VocabUnit::Words => " ",
        }))
    }
}

const OP: &str = "vocab";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    version: u32,
    unit: VocabUnit,
    tokens: Vec<String>,
    specials: usize,
    unknown: Option<usize>,
}

impl From<Vocab> for Wire {
    fn from(Vocab { unit, tokens, specials, unknown, ids: _ }: Vocab) -> Self {
        Self { version: 1, unit, tokens, specials, unknown }
    }
}

impl TryFrom<Wire> for Vocab {
    type Error = Error;

    fn try_from(Wire { version, unit, tokens, specials, unknown }: Wire) -> Result<Self> {
        if version != 1 {
            return Err(Error::InvalidArgument {
                op: OP,
                rule: "a vocabulary must have version 1",
                got: format!("version {version}"),
                repair: "read it with the release that wrote it",
            });
        }
        Self::checked(unit, tokens, specials, unknown)
    }
}
