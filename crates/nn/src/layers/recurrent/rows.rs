//! Batches of sequences as rows of steps, without padding, and back.

use crate::error::{Error, Result};
use autodiff::Var;
use tensor::{DType, Tensor};

/// Where the steps of a batch stand. Sequences are sorted by length, the longest first.
#[derive(Debug, Clone)]
pub(super) struct Steps {
    /// Sequences.
    pub n: usize,
    /// Steps of the batch, padding included.
    time: usize,
    /// How many sequences run at each step.
    pub sizes: Vec<usize>,
    /// Whether the batch is `(n, time, ..)`, not `(time, n, ..)`.
    batch_first: bool,
    /// What to read, if sequences differ in length.
    ragged: Option<Ragged>,
}

#[derive(Debug, Clone)]
struct Ragged {
    /// For each row, its place in the batch, seen as one matrix.
    places: Tensor,
    /// For each sequence in order of length, which one it is, and back.
    order: Tensor,
    back: Tensor,
}

fn indices(of: impl IntoIterator<Item = usize>) -> Result<Tensor> {
    let of: Vec<i64> = of.into_iter().map(|i| i as i64).collect();
    Ok(Tensor::from_slice(&of, [of.len()])?)
}

impl Steps {
    /// The steps of a batch x `(n, time, ..)` or `(time, n, ..)`, of these lengths if they are not all `time`.
    pub fn of(op: &'static str, x: &Var, lengths: Option<&[usize]>, batch_first: bool) -> Result<Self> {
        let refuse = |rule, got, repair| Err(Error::InvalidArgument { op, rule, got, repair });
        let [a, b] = [x.shape()[0], x.shape()[1]];
        let (n, time) = if batch_first { (a, b) } else { (b, a) };
        if time == 0 {
            return refuse("a sequence must have a step", format!("{:?}", x.shape()), "leave the batch out");
        }
        let all = Self { n, time, sizes: vec![n; if n == 0 { 0 } else { time }], batch_first, ragged: None };
        let Some(lengths) = lengths else { return Ok(all) };
        if lengths.len() != n {
            let got = format!("{} for {:?}", lengths.len(), x.shape());
            return refuse(
                "there must be one length for each sequence",
                got,
                "give one length for each sequence",
            );
        }
        if let Some(i) = lengths.iter().position(|&len| len == 0) {
            return refuse(
                "a sequence must have a step",
                format!("length 0 of sequence {i}"),
                "leave it out of the batch",
            );
        }
        if let Some(i) = lengths.iter().position(|&len| len > time) {
            let got = format!("length {} of sequence {i} for {time} steps", lengths[i]);
            return refuse(
                "no length may exceed the steps of the batch",
                got,
                "pad the batch, or shorten the length",
            );
        }
        if lengths.iter().all(|&len| len == time) {
            return Ok(all);
        }
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by_key(|&i| std::cmp::Reverse(lengths[i]));
        let longest = lengths[order[0]];
        let sizes: Vec<usize> = (0..longest).map(|t| order.partition_point(|&i| lengths[i] > t)).collect();
        let place = |t: usize, i: usize| if batch_first { i * time + t } else { t * n + i };
        let places =
            sizes.iter().enumerate().flat_map(|(t, &size)| order[..size].iter().map(move |&i| place(t, i)));
        let mut back = vec![0; n];
        for (rank, &i) in order.iter().enumerate() {
            back[i] = rank;
        }
        let ragged =
            Ragged { places: indices(places)?, order: indices(order.iter().copied())?, back: indices(back)? };
        Ok(Self { sizes, ragged: Some(ragged), ..all })
    }

    /// The rows `(rows, d)` of a batch x.
    pub fn rows(&self, x: &Var) -> Result<Var> {
        let d = x.shape()[2];
        Ok(match (&self.ragged, self.batch_first) {
            (Some(ragged), _) => {
                x.reshape([self.n * self.time, d])?.index_select(0, ragged.places.clone())?
            }
            (None, true) => x.transpose(0, 1)?.reshape([self.n * self.time, d])?,
            (None, false) => x.reshape([self.n * self.time, d])?,
        })
    }

    /// The batch of these rows, zeros where a sequence has ended.
    pub fn batch(&self, rows: &Var) -> Result<Var> {
        let d = rows.shape()[1];
        Ok(match (&self.ragged, self.batch_first) {
            (Some(ragged), _) => {
                let zeros = Var::from(Tensor::zeros([self.n * self.time, d], rows.dtype())?);
                let lead = if self.batch_first { [self.n, self.time] } else { [self.time, self.n] };
                zeros.index_add(0, ragged.places.clone(), rows)?.reshape([lead[0], lead[1], d])?
            }
            (None, true) => rows.reshape([self.time, self.n, d])?.transpose(0, 1)?,
            (None, false) => rows.reshape([self.time, self.n, d])?,
        })
    }

    /// A state `(n, h)` in the order of lengths.
    pub fn sorted(&self, state: &Var) -> Result<Var> {
        match &self.ragged {
            Some(ragged) => Ok(state.index_select(0, ragged.order.clone())?),
            None => Ok(state.clone()),
        }
    }

    /// A state `(n, h)` back in the order of the batch.
    pub fn unsorted(&self, state: &Var) -> Result<Var> {
        match &self.ragged {
            Some(ragged) => Ok(state.index_select(0, ragged.back.clone())?),
            None => Ok(state.clone()),
        }
    }

    /// Zeros for a first state.
    pub fn zeros(&self, h: usize, dtype: DType) -> Result<Var> {
        Ok(Tensor::zeros([self.n, h], dtype)?.into())
    }
}
