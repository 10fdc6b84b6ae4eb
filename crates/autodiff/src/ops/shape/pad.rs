//! A border round the elements.   `dx` is g without the border, whose elements are added where they were read

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::{PadMode, Tensor};

/// The border of some axes: axis, positions before, positions after.
type Pads = Vec<(isize, isize, isize)>;

/// The operand with a border. Saves nothing.
pub struct Pad {
    pads: Pads,
    mode: PadMode,
}

/// The mode of the linear part: a constant adds nothing to a gradient.
fn linear(mode: PadMode) -> PadMode {
    match mode {
        PadMode::Constant(_) => PadMode::Constant(0.0),
        mode => mode,
    }
}

impl Op for Pad {
    fn name(&self) -> &'static str {
        "pad"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].pad(&self.pads, self.mode)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let shape = saved.shape(0).to_vec();
        let adjoint = PadAdjoint { shape, pads: self.pads.clone(), mode: linear(self.mode) };
        grads([Var::apply(adjoint, &[grad])?])
    }
}

/// The gradient of [`Pad`] of an operand of `shape`.   `dg` is the gradient padded
pub struct PadAdjoint {
    shape: Vec<usize>,
    pads: Pads,
    mode: PadMode,
}

impl Op for PadAdjoint {
    fn name(&self) -> &'static str {
        "pad_adjoint"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].pad_adjoint(&self.shape, &self.pads, self.mode)?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.pad(&self.pads, self.mode)?])
    }
}

impl Var {
    /// With a border: each of `pads` is an axis, the positions before it and those after. Errors: as [`Tensor::pad`].
    pub fn pad(&self, pads: &[(isize, isize, isize)], mode: PadMode) -> Result<Var> {
        Var::apply(Pad { pads: pads.to_vec(), mode }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    use PadMode::{Circular, Constant, Reflect, Replicate};
    let mut s = Samples::new(211);
    /// Rows of three, two positions put before and one after: where each stands in the row.
    fn rows(x: &[Tensor], from: [Option<usize>; 6]) -> Vec<f64> {
        let x = x[0].to_vec::<f64>().unwrap_or_default();
        x.chunks(3).flat_map(|row| from.map(|i| i.map_or(0.5, |i| row[i]))).collect()
    }
    let mut spec = OpSpec::new("pad");
    for (label, mode, from) in [
        ("constant", Constant(0.5), [None, None, Some(0), Some(1), Some(2), None]),
        ("reflect", Reflect, [2, 1, 0, 1, 2, 1].map(Some)),
        ("replicate", Replicate, [0, 0, 0, 1, 2, 2].map(Some)),
        ("circular", Circular, [1, 2, 0, 1, 2, 0].map(Some)),
    ] {
        spec = spec
            .case(label, [s.uniform([2, 3], -1.0, 1.0)], [2, 6], move |x| x[0].pad(&[(-1, 2, 1)], mode))
            .reference(move |x| rows(x, from))
            .case(format!("{label}, two axes"), [s.uniform([3, 2, 4], -1.0, 1.0)], [5, 2, 8], move |x| {
                x[0].pad(&[(2, 3, 1), (0, 0, 2)], mode)
            })
            .case(format!("{label}, large"), [s.uniform([300, 401], -1.0, 1.0)], [305, 404], move |x| {
                x[0].pad(&[(0, 2, 3), (1, 1, 2)], mode)
            })
            .large();
    }
    let spec = spec
        .case("empty", [s.empty([0, 3])], [0, 5], |x| x[0].pad(&[(1, 1, 1)], Reflect))
        .error(
            [s.uniform([4], 0.0, 1.0)],
            |x| x[0].pad(&[(0, -5, 0)], Constant(0.0)),
            "[pad] a border must be 0 or more; got -5 before and 0 after axis 0 of [4]; cut with narrow",
        )
        .error(
            [s.uniform([4], 0.0, 1.0)],
            |x| x[0].pad(&[(0, 0, 1 << 62)], Constant(0.0)),
            "[pad] a tensor must stay below 9223372036854775807 bytes; got shape [4611686018427387908] of f64; use smaller sizes",
        )
        .error(
            [s.uniform([4], 0.0, 1.0)],
            |x| x[0].pad(&[(0, 4, 0)], Reflect),
            "[pad] a reflected border must be smaller than the axis; got 4 before and 0 after axis 0 of [4]; pad less",
        )
        .error(
            [s.uniform([4], 0.0, 1.0)],
            |x| x[0].pad(&[(0, 0, 5)], Circular),
            "[pad] a circular border must not exceed the axis; got 0 before and 5 after axis 0 of [4]; pad less",
        );
    fn adjoint(x: &Var, shape: &[usize], mode: PadMode) -> Result<Var> {
        Var::apply(PadAdjoint { shape: shape.to_vec(), pads: vec![(1, 1, 2)], mode }, &[x])
    }
    let of = |f: fn(&[f64]) -> [f64; 3]| {
        move |x: &[Tensor]| {
            x[0].to_vec::<f64>().unwrap_or_default().chunks(6).flat_map(f).collect::<Vec<_>>()
        }
    };
    let back = OpSpec::new("pad_adjoint")
        .case("constant", [s.uniform([2, 6], -1.0, 1.0)], [2, 3], |x| adjoint(&x[0], &[2, 3], Constant(0.0)))
        .reference(of(|g| [g[1], g[2], g[3]]))
        .case("reflect", [s.uniform([2, 6], -1.0, 1.0)], [2, 3], |x| adjoint(&x[0], &[2, 3], Reflect))
        .reference(of(|g| [g[1] + g[5], g[2] + g[0] + g[4], g[3]]))
        .case("replicate", [s.uniform([2, 6], -1.0, 1.0)], [2, 3], |x| adjoint(&x[0], &[2, 3], Replicate))
        .reference(of(|g| [g[0] + g[1], g[2], g[3] + g[4] + g[5]]))
        .case("circular", [s.uniform([2, 6], -1.0, 1.0)], [2, 3], |x| adjoint(&x[0], &[2, 3], Circular))
        .reference(of(|g| [g[1] + g[4], g[2] + g[5], g[3] + g[0]]))
        .case("empty", [s.empty([0, 6])], [0, 3], |x| adjoint(&x[0], &[0, 3], Circular))
        .case("large", [s.uniform([300, 404], -1.0, 1.0)], [300, 401], |x| adjoint(&x[0], &[300, 401], Reflect))
        .large();
    vec![spec, back]
}
