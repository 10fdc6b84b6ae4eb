//! Derivatives of one function at one place, compared: by element, along a direction, forward against backward.

use super::gradcheck::GradCheck;
use super::report::{Against, Mismatch, Place, Report};
use crate::error::Result;
use crate::forward::linearize;
use crate::var::Var;
use tensor::{DType, Rng, Tensor};

/// What is checked.
pub(super) type Function<'a> = &'a dyn Fn(&[Var]) -> Result<Var>;

/// A function at a place, its gradient there under a random cotangent, and what was found so far.
pub(super) struct Comparison<'a> {
    f: Function<'a>,
    inputs: &'a [Tensor],
    how: &'a GradCheck,
    rng: Rng,
    cotangent: Tensor,
    /// The cotangent times the result, element by element: what differences are rounded by.
    weighted: Vec<f64>,
    /// Of each input; zeros where it has none.
    grads: Vec<Tensor>,
    pub(super) report: Report,
    pub(super) failure: Option<Mismatch>,
}

impl<'a> Comparison<'a> {
    /// `value` is `f(inputs)`.
    pub(super) fn new(
        f: Function<'a>,
        inputs: &'a [Tensor],
        value: &Tensor,
        how: &'a GradCheck,
    ) -> Result<Self> {
        let rng = Rng::seed(how.seed);
        let cotangent = rng.stream(0).normal(value.shape(), 0.0, 1.0, DType::F64)?;
        let weighted = value.mul(&cotangent)?.to_vec()?;
        let leaves = leaves(inputs);
        let sum = f(&leaves)?.mul(&Var::from(&cotangent))?.sum(&[])?;
        let found = if sum.is_tracked() { sum.backward()? } else { Default::default() };
        let grad = |(x, leaf): (&Tensor, &Var)| match found.of(leaf) {
            Some(grad) => Ok(grad.clone()),
            None => Tensor::zeros(x.shape(), DType::F64),
        };
        let grads = inputs.iter().zip(&leaves).map(grad).collect::<tensor::Result<_>>()?;
        Ok(Self { f, inputs, how, rng, cotangent, weighted, grads, report: Report::EMPTY, failure: None })
    }

    /// The inputs that are differentiated.
    pub(super) fn varied(&self) -> impl Iterator<Item = usize> + use<'a> {
        let inputs = self.inputs;
        (0..inputs.len()).filter(|&i| inputs[i].dtype() == DType::F64)
    }

    /// `⟨g, u⟩` against `⟨c, J·u⟩`; where they disagree, by the worst input.
    pub(super) fn forward_mode(&self) -> Result<Option<Mismatch>> {
        let leaves = leaves(self.inputs);
        let y = (self.f)(&leaves)?;
        if !y.is_tracked() {
            return Ok(None);
        }
        let varied: Vec<usize> = self.varied().collect();
        let tracked: Vec<Var> = varied.iter().map(|&i| leaves[i].clone()).collect();
        let map = linearize(std::slice::from_ref(&y), &tracked)?;
        let rng = self.rng.stream(u64::MAX);
        let draw = |&i: &usize| rng.stream(i as u64).normal(self.inputs[i].shape(), 0.0, 1.0, DType::F64);
        let u: Vec<Tensor> = varied.iter().map(draw).collect::<tensor::Result<_>>()?;
        let along = |u: &[Tensor], place: Place| -> Result<Mismatch> {
            let (mut analytic, mut numeric, mut size) = (0.0, 0.0, 0.0);
            let mut add = |sum: &mut f64, a: &Tensor, b: &Tensor| -> Result<()> {
                for x in a.mul(b)?.to_vec::<f64>()? {
                    (*sum, size) = (*sum + x, size + x.abs());
                }
                Ok(())
            };
            for (&i, u) in varied.iter().zip(u) {
                add(&mut analytic, &self.grads[i], u)?;
            }
            if let Some(tangent) = map.push(&u.iter().map(Var::from).collect::<Vec<_>>())?.remove(0) {
                add(&mut numeric, &self.cotangent, tangent.value())?;
            }
            // The same products in another order, each after many roundings: six digits are left for those.
            let allowed = 1e6 * f64::EPSILON * size;
            Ok(self.mismatch(place, Against::ForwardMode, analytic, numeric, allowed))
        };
        let mut worst = along(&u, Place::Everywhere)?;
        if within(&worst) {
            return Ok(None);
        }
        for (k, &input) in varied.iter().enumerate() {
            let mut alone: Vec<Tensor> =
                u.iter().map(|u| u.mul_scalar(0.0)).collect::<tensor::Result<_>>()?;
            alone[k] = u[k].clone();
            let one = along(&alone, Place::Direction { input })?;
            if worse(&one, &worst) || worst.place == Place::Everywhere && !within(&one) {
                worst = one;
            }
        }
        Ok(Some(worst))
    }

    fn mismatch(
        &self,
        place: Place,
        against: Against,
        analytic: f64,
        numeric: f64,
        allowed: f64,
    ) -> Mismatch {
        let shape = match place {
            Place::Element { input, .. } | Place::Direction { input } => self.inputs[input].shape().to_vec(),
            Place::Everywhere => Vec::new(),
        };
        Mismatch { place, shape, against, analytic, numeric, allowed }
    }

    /// Each input element by element, or along directions if it is large.
    pub(super) fn full(&mut self) -> Result<()> {
        for input in self.varied() {
            let n = self.inputs[input].len();
            if n <= self.how.max_elements {
                for element in 0..n {
                    let found = self.element(input, element)?;
                    self.note(found);
                }
                continue;
            }
            for i in 0..self.how.directions {
                let found = self.along(&[input], Place::Direction { input }, i as u64)?;
                if within(&found) {
                    self.note(found);
                    continue;
                }
                let element = self.halve(input, i as u64)?;
                let element = self.element(input, element)?;
                self.note(if within(&element) { found } else { element });
                break;
            }
        }
        Ok(())
    }

    /// Counts a comparison, and keeps the worst.
    pub(super) fn note(&mut self, found: Mismatch) {
        self.report.compared += 1;
        if self.report.place.is_none() || found.excess() > self.report.worst {
            let (worst, ratio) = (found.excess(), found.ratio());
            self.report = Report { worst, ratio, place: Some(found.place), ..self.report };
        }
        if !within(&found) && self.failure.as_ref().is_none_or(|failure| worse(&found, failure)) {
            self.failure = Some(found);
        }
    }

    /// Half of what `⟨c, f⟩` moves by from `x − step` to `x + step`, and the size of what was rounded.
    fn difference(&self, steps: &[(usize, &Tensor)]) -> Result<(f64, f64)> {
        let moved = |sign: f64| -> Result<Tensor> {
            let mut x: Vec<Var> = self.inputs.iter().map(Var::from).collect();
            for &(input, step) in steps {
                x[input] = x[input].value().add(&step.mul_scalar(sign)?)?.into();
            }
            Ok((self.f)(&x)?.into_value())
        };
        // Differences are taken of each element of the output before they are weighted, so that large values that do
        // not change cancel exactly.
        let gap = moved(1.0)?.sub(&moved(-1.0)?)?;
        let sum = gap.mul(&self.cotangent)?.sum(&[])?.item()?;
        let moved = gap.to_vec::<f64>()?;
        let squares = moved.iter().zip(&self.weighted).filter(|(gap, _)| **gap != 0.0).map(|(_, y)| y * y);
        Ok((sum / 2.0, libm::sqrt(squares.sum())))
    }

    fn element(&self, input: usize, element: usize) -> Result<Mismatch> {
        let x = &self.inputs[input];
        let at = x.to_vec::<f64>()?[element];
        let h = self.how.step * at.abs().max(1.0);
        // What the sum really moves by, free of rounding.
        let h = (at + h) - at;
        let mut step = vec![0.0; x.len()];
        step[element] = h;
        let step = Tensor::from_vec(step, x.shape())?;
        let numeric = self.difference(&[(input, &step)])?.0 / h;
        let analytic = self.grads[input].to_vec::<f64>()?[element];
        let allowed = self.how.atol + self.how.rtol * analytic.abs().max(numeric.abs());
        let place = Place::Element { input, element };
        Ok(self.mismatch(place, Against::Differences, analytic, numeric, allowed))
    }

    /// Compares along direction `i` of these inputs.
    pub(super) fn along(&self, inputs: &[usize], place: Place, i: u64) -> Result<Mismatch> {
        self.along_steps(inputs, &self.direction(inputs, i)?, place)
    }

    /// Steps of `inputs` that have the length `step` together, each in units of `max(1, |x|)`.
    fn direction(&self, inputs: &[usize], i: u64) -> Result<Vec<Tensor>> {
        let draw = |&input: &usize| -> Result<Vec<f64>> {
            let mut rng = self.rng.stream(1 + i).stream(input as u64);
            Ok(rng.normal(self.inputs[input].shape(), 0.0, 1.0, DType::F64)?.to_vec()?)
        };
        let u: Vec<Vec<f64>> = inputs.iter().map(draw).collect::<Result<_>>()?;
        let length = libm::sqrt(u.iter().flatten().map(|u| u * u).sum::<f64>()).max(f64::MIN_POSITIVE);
        let scaled = |(&input, u): (&usize, &Vec<f64>)| -> Result<Tensor> {
            let x = self.inputs[input].to_vec::<f64>()?;
            let step = |(x, u): (&f64, &f64)| (x + self.how.step * x.abs().max(1.0) * u / length) - x;
            Ok(Tensor::from_vec(x.iter().zip(u).map(step).collect(), self.inputs[input].shape())?)
        };
        inputs.iter().zip(&u).map(scaled).collect()
    }

    fn along_steps(&self, inputs: &[usize], steps: &[Tensor], place: Place) -> Result<Mismatch> {
        let pairs: Vec<(usize, &Tensor)> = inputs.iter().copied().zip(steps).collect();
        let h = self.how.step;
        let (numeric, rounded) = self.difference(&pairs)?;
        let (mut analytic, mut squares) = (0.0, 0.0);
        for &(input, step) in &pairs {
            let (grad, step) = (self.grads[input].to_vec::<f64>()?, step.to_vec::<f64>()?);
            // What does not move does not count, NaN included.
            for (g, s) in grad.iter().zip(&step).filter(|(_, s)| **s != 0.0) {
                analytic += g * s;
                squares += g * s * (g * s);
            }
        }
        let (numeric, analytic) = (numeric / h, analytic / h);
        let size = analytic.abs().max(numeric.abs()).max(libm::sqrt(squares) / h);
        let allowed = self.how.atol + self.how.rtol * size + 32.0 * f64::EPSILON * rounded / h;
        Ok(self.mismatch(place, Against::Differences, analytic, numeric, allowed))
    }

    /// An element of `input` that disagrees, as one of its direction `i` must: the worse half, again and again.
    fn halve(&self, input: usize, i: u64) -> Result<usize> {
        let step = self.direction(&[input], i)?.remove(0).to_vec::<f64>()?;
        let shape = self.inputs[input].shape();
        let mut range = 0..step.len();
        while range.len() > 1 {
            let middle = range.start + range.len() / 2;
            let half = |range: std::ops::Range<usize>| {
                let mut part = vec![0.0; step.len()];
                part[range.clone()].copy_from_slice(&step[range]);
                let part = [Tensor::from_vec(part, shape)?];
                self.along_steps(&[input], &part, Place::Direction { input })
            };
            let (low, high) = (half(range.start..middle)?, half(middle..range.end)?);
            range = if worse(&high, &low) { middle..range.end } else { range.start..middle };
        }
        Ok(range.start)
    }
}

/// Whether two derivatives agree. NaN does not.
fn within(found: &Mismatch) -> bool {
    found.excess() <= 1.0
}

fn worse(a: &Mismatch, b: &Mismatch) -> bool {
    !b.excess().is_nan() && (a.excess().is_nan() || a.excess() > b.excess())
}

/// Leaves of the inputs that are differentiated, constants of the others.
fn leaves(inputs: &[Tensor]) -> Vec<Var> {
    let leaf = |x: &Tensor| if x.dtype() == DType::F64 { Var::variable(x.clone()) } else { Var::from(x) };
    inputs.iter().map(leaf).collect()
}
