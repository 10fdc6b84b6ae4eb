//! Recurrent layers against loops over the definition; bits in any company and at any thread count.

use tensor::{Cell, DType, Recurrence, RecurrentOperands, Rng, Tensor, set_threads};

const CELLS: [Cell; 4] = [Cell::Tanh, Cell::Relu, Cell::Lstm, Cell::Gru];

/// One layer over sequences of these lengths, the longest first.
struct Case {
    how: Recurrence,
    lengths: Vec<usize>,
    h: usize,
    gates: Tensor,
    weight: Tensor,
    bias: Tensor,
    states: Tensor,
}

impl Case {
    fn new(cell: Cell, lengths: &[usize], h: usize, reverse: bool, dtype: DType) -> Self {
        let mut rng = Rng::seed(h as u64);
        let mut normal = |shape: [usize; 2], scale: f64| rng.normal(shape, 0.0, scale, dtype).unwrap();
        let steps = lengths.first().copied().unwrap_or(0);
        let sizes: Vec<usize> = (0..steps).map(|t| lengths.iter().filter(|&&len| len > t).count()).collect();
        let wide = cell.gates() * h;
        Self {
            gates: normal([lengths.iter().sum(), wide], 1.0),
            weight: normal([wide, h], 1.0 / (h as f64).sqrt()),
            bias: normal([1, wide], 0.5).reshape([wide as isize]).unwrap(),
            states: normal([cell.states() * lengths.len(), h], 1.0),
            how: Recurrence { cell, sizes, reverse },
            lengths: lengths.to_vec(),
            h,
        }
    }

    fn with(&self) -> RecurrentOperands<'_> {
        RecurrentOperands { weight: &self.weight, bias: Some(&self.bias), states: &self.states }
    }

    fn run(&self) -> Tensor {
        let kept = self.gates.recurrent(&self.with(), &self.how, true).unwrap().out;
        let out = self.gates.recurrent(&self.with(), &self.how, false).unwrap().out;
        assert!(kept.bit_eq(&out), "{:?}: keeping changes the result", self.how);
        out
    }

    /// Row of step `t` of sequence `i`.
    fn row(&self, t: usize, i: usize) -> usize {
        self.how.sizes[..t].iter().sum::<usize>() + i
    }

    fn by_definition(&self) -> Vec<f64> {
        let (h, n) = (self.h, self.lengths.len());
        let v = |x: &Tensor| x.to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap();
        let (x, w, b, states) = (v(&self.gates), v(&self.weight), v(&self.bias), v(&self.states));
        let rows = self.gates.shape()[0];
        let mut out = vec![0.0; (rows + self.how.cell.states() * n) * h];
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        for (i, &len) in self.lengths.iter().enumerate() {
            let mut state = states[i * h..][..h].to_vec();
            let mut c = states.get((n + i) * h..(n + i + 1) * h).unwrap_or_default().to_vec();
            for t in 0..len {
                let row = self.row(if self.how.reverse { len - 1 - t } else { t }, i);
                let wide = self.how.cell.gates() * h;
                let x = &x[row * wide..][..wide];
                let z: Vec<f64> =
                    (0..wide).map(|g| b[g] + (0..h).map(|k| w[g * h + k] * state[k]).sum::<f64>()).collect();
                let both = |g: usize| x[g] + z[g];
                let new: Vec<f64> = match self.how.cell {
                    Cell::Tanh => (0..h).map(|u| both(u).tanh()).collect(),
                    Cell::Relu => (0..h).map(|u| both(u).max(0.0)).collect(),
                    Cell::Lstm => (0..h)
                        .map(|u| {
                            let [i, f, g, o] = [0, 1, 2, 3].map(|gate| both(gate * h + u));
                            c[u] = sigmoid(f) * c[u] + sigmoid(i) * g.tanh();
                            sigmoid(o) * c[u].tanh()
                        })
                        .collect(),
                    Cell::Gru => (0..h)
                        .map(|u| {
                            let (r, keep) = (sigmoid(both(u)), sigmoid(both(h + u)));
                            let n = (x[2 * h + u] + r * z[2 * h + u]).tanh();
                            (1.0 - keep) * n + keep * state[u]
                        })
                        .collect(),
                };
                out[row * h..][..h].copy_from_slice(&new);
                state = new;
            }
            out[(rows + i) * h..][..h].copy_from_slice(&state);
            if self.how.cell == Cell::Lstm {
                out[(rows + n + i) * h..][..h].copy_from_slice(&c);
            }
        }
        out
    }
}

#[test]
fn every_cell_is_its_definition() {
    for cell in CELLS {
        for (lengths, h) in
            [(&[5, 5, 5][..], 3), (&[7, 4, 4, 1], 17), (&[3], 1), (&[2, 0], 4), (&[20, 19, 3], 40)]
        {
            for reverse in [false, true] {
                let case = Case::new(cell, lengths, h, reverse, DType::F64);
                let (got, wanted) = (case.run().to_vec::<f64>().unwrap(), case.by_definition());
                for (got, wanted) in got.iter().zip(&wanted) {
                    let gap = (got - wanted).abs();
                    assert!(gap < 1e-12, "{cell:?} {lengths:?} h {h} reverse {reverse}: {got} for {wanted}");
                }
            }
        }
    }
}

#[test]
fn a_sequence_has_the_same_bits_in_any_company() {
    for cell in CELLS {
        for reverse in [false, true] {
            // More than one chain of the sum.
            let case = Case::new(cell, &[9, 8, 8, 8, 5, 3, 3, 3, 2, 1], 600, reverse, DType::F32);
            let out = case.run();
            let (rows, n) = (case.gates.shape()[0], case.lengths.len());
            for (i, &len) in case.lengths.iter().enumerate() {
                let at: Vec<i64> = (0..len).map(|t| case.row(t, i) as i64).collect();
                let pick = |x: &Tensor, at: &[i64]| {
                    x.index_select(0, &Tensor::from_slice(at, [at.len()]).unwrap()).unwrap()
                };
                let states =
                    |from: usize| (0..cell.states()).map(|s| (from + s * n + i) as i64).collect::<Vec<_>>();
                let (gates, first) = (pick(&case.gates, &at), pick(&case.states, &states(0)));
                let with = RecurrentOperands { states: &first, ..case.with() };
                let how = Recurrence { sizes: vec![1; len], ..case.how.clone() };
                let alone = gates.recurrent(&with, &how, false).unwrap().out;
                let together = pick(&out, &[at, states(rows)].concat());
                assert!(alone.bit_eq(&together), "{cell:?}, sequence {i}");
            }
        }
    }
}

#[test]
fn bits_do_not_depend_on_threads() {
    for cell in CELLS {
        let case = Case::new(cell, &[30, 30, 29, 17, 16, 16, 8, 8, 8, 7, 7, 4, 2], 96, false, DType::F32);
        let all = |threads: usize| {
            set_threads(threads);
            let made = case.gates.recurrent(&case.with(), &case.how, true).unwrap();
            let grads = case.gates.recurrent_grads(&case.with(), &case.how, &made, &made.out).unwrap();
            [made.out, grads.gates, grads.weight, grads.bias.unwrap(), grads.states]
        };
        let one = all(1);
        for threads in [2, 3, 8] {
            for (a, b) in all(threads).iter().zip(&one) {
                assert!(a.bit_eq(b), "{cell:?} with {threads} threads");
            }
        }
        set_threads(1);
    }
}

#[test]
fn steps_that_do_not_fit_are_refused() {
    let mut case = Case::new(Cell::Gru, &[3, 2], 4, false, DType::F32);
    let mut refused = |sizes: &[usize], says: &str| {
        case.how.sizes = sizes.to_vec();
        let error = case.gates.recurrent(&case.with(), &case.how, false).unwrap_err().to_string();
        assert_eq!(error, says);
    };
    refused(
        &[1, 2, 2],
        "[recurrent] the sequences that run at each step must not grow in number, and be 1 at least; got [1, 2, 2]; sort the sequences by length, the longest first",
    );
    refused(
        &[3, 2],
        "[recurrent] there must be a state for each sequence that runs; got 2 states for 3 sequences; give as many first states as there are sequences",
    );
    refused(
        &[2, 2],
        "[recurrent] the input's shares must be (rows of all steps, gates·h); got [5, 12] and [12, 4]; project the input with (gates·h, d_in)",
    );
}
