//! Subscripts, read and held against the shapes.

use super::{Label, Labels};
use crate::error::{Error, Result};
use std::ops::Range;

/// Labels below are letters, `A` to `Z` and then `a` to `z`; the rest are axes of the ellipsis, the last of them first.
const LETTERS: u8 = 52;
/// Most axes that an ellipsis stands for.
const ELLIPSIS_AXES: usize = 64;
/// Labels that there are.
pub(super) const LABELS: usize = LETTERS as usize + ELLIPSIS_AXES;

/// The labels of each operand's axes, those of the output, and the size of each label.
#[derive(Debug)]
pub(super) struct Equation {
    pub terms: Vec<Labels>,
    pub output: Labels,
    pub sizes: [usize; LABELS],
}

/// A term as it was written.
#[derive(Default)]
struct Term {
    labels: Labels,
    /// How many labels stand before the ellipsis.
    ellipsis: Option<usize>,
}

fn invalid(rule: &'static str, got: String, repair: &'static str) -> Error {
    Error::InvalidArgument { op: "einsum", rule, got, repair }
}

fn letter(label: Label) -> String {
    match label {
        0..26 => format!("'{}'", (b'A' + label) as char),
        26..LETTERS => format!("'{}'", (b'a' + label - 26) as char),
        _ => "an axis of the ellipsis".into(),
    }
}

/// The labels of `count` axes of the ellipsis.
fn ellipsis(count: usize) -> impl Iterator<Item = Label> {
    (0..count as Label).rev().map(|i| LETTERS + i)
}

/// The terms, and the output if there is an arrow.
fn read(subscripts: &str) -> Result<(Vec<Term>, Option<Term>)> {
    let (mut done, mut term, mut arrow) = (Vec::new(), Term::default(), false);
    let mut rest = subscripts.char_indices().enumerate().peekable();
    while let Some((position, (at, c))) = rest.next() {
        let bad = |rule| {
            Err(invalid(
                rule,
                format!("{c:?} at position {position} of {subscripts:?}"),
                "correct the subscripts",
            ))
        };
        match c {
            ' ' => {}
            'A'..='Z' => term.labels.push(c as u8 - b'A'),
            'a'..='z' => term.labels.push(c as u8 - b'a' + 26),
            ',' if !arrow => done.push(std::mem::take(&mut term)),
            '.' if subscripts[at..].starts_with("...") => {
                if term.ellipsis.replace(term.labels.len()).is_some() {
                    return bad("a term may have one ellipsis");
                }
                rest.next();
                rest.next();
            }
            '-' if !arrow && subscripts[at..].starts_with("->") => {
                rest.next();
                done.push(std::mem::take(&mut term));
                arrow = true;
            }
            _ => return bad("subscripts are made of letters, \",\", \"...\" and one \"->\""),
        }
    }
    if arrow {
        return Ok((done, Some(term)));
    }
    done.push(term);
    Ok((done, None))
}

impl Term {
    /// The labels for `rank` axes, if there can be as many.
    fn spread(&self, rank: usize) -> Option<Labels> {
        let free = rank.checked_sub(self.labels.len())?;
        let Some(at) = self.ellipsis else { return (free == 0).then(|| self.labels.clone()) };
        let mut labels = self.labels.clone();
        labels.insert_many(at, ellipsis(free));
        Some(labels)
    }

    /// How many axes the ellipsis stands for where there are `rank`.
    fn free(&self, rank: usize) -> usize {
        rank.saturating_sub(self.labels.len())
    }
}

impl Equation {
    /// Reads `subscripts` for operands of these shapes.
    pub(super) fn new(subscripts: &str, shapes: &[&[usize]]) -> Result<Self> {
        let (written, output) = read(subscripts)?;
        if written.len() != shapes.len() || shapes.is_empty() {
            let got = format!("{} in {subscripts:?} for {} operands", written.len(), shapes.len());
            return Err(invalid(
                "there must be one term for each operand",
                got,
                "separate the terms by commas",
            ));
        }
        let mut sizes = [1; LABELS];
        let mut terms = Vec::with_capacity(shapes.len());
        for (i, (term, shape)) in written.iter().zip(shapes).enumerate() {
            let labels = term.spread(shape.len()).ok_or_else(|| {
                let got = format!("{} for {shape:?}, operand {i} of {subscripts:?}", term.labels.len());
                invalid("a term must have one letter for each axis, or an ellipsis", got, "correct the term")
            })?;
            if term.free(shape.len()) > ELLIPSIS_AXES {
                let got = format!("{} in operand {i}", term.free(shape.len()));
                return Err(invalid("an ellipsis may stand for 64 axes", got, "reshape the operand"));
            }
            for (axis, (&label, &size)) in labels.iter().zip(*shape).enumerate() {
                let known = sizes[label as usize];
                let own = labels[..axis].iter().position(|&l| l == label).map(|first| shape[first]);
                let clash = match own {
                    Some(own) => (own != size).then_some(own),
                    None => (known != size && known != 1 && size != 1).then_some(known),
                };
                if let Some(other) = clash {
                    let got = format!("{} with {other} and {size} in {subscripts:?}", letter(label));
                    let rule = "a label must have one size, or 1 in other operands";
                    return Err(invalid(rule, got, "reshape an operand or use another letter"));
                }
                if known == 1 {
                    sizes[label as usize] = size;
                }
            }
            terms.push(labels);
        }
        let free = written.iter().zip(shapes).filter(|(t, _)| t.ellipsis.is_some());
        let free = free.map(|(t, shape)| t.free(shape.len())).max().unwrap_or(0);
        let output = match output {
            Some(output) => explicit(&output, &terms, free, subscripts)?,
            None => implicit(&written, free),
        };
        Ok(Self { terms, output, sizes })
    }
}

/// The labels of an output that was written, checked.
fn explicit(output: &Term, terms: &[Labels], free: usize, subscripts: &str) -> Result<Labels> {
    for (i, &label) in output.labels.iter().enumerate() {
        if output.labels[..i].contains(&label) {
            let got = format!("{} twice in {subscripts:?}", letter(label));
            return Err(invalid("a letter may stand once in the output", got, "take one out"));
        }
        if !terms.iter().any(|term| term.contains(&label)) {
            let got = format!("{} in {subscripts:?}", letter(label));
            return Err(invalid(
                "every letter of the output must stand in a term",
                got,
                "take it out of the output",
            ));
        }
    }
    if output.ellipsis.is_none() && free > 0 {
        let got = format!("{subscripts:?} where it stands for {free}");
        return Err(invalid(
            "the output must say where the axes of the ellipsis go",
            got,
            "write ... after the arrow",
        ));
    }
    let mut labels = output.labels.clone();
    labels.insert_many(output.ellipsis.unwrap_or(0), ellipsis(free));
    Ok(labels)
}

/// The ellipsis, then the letters that were written once, in order.
fn implicit(written: &[Term], free: usize) -> Labels {
    let count = |label| written.iter().flat_map(|t| &t.labels).filter(|&&l| l == label).count();
    let letters: Range<Label> = 0..LETTERS;
    ellipsis(free).chain(letters.filter(|&l| count(l) == 1)).collect()
}
