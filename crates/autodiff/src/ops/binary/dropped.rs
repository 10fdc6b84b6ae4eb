//! Dropout, given what is kept: `y = f·x`, and `z = x + f·y`, with f the scale where the mask holds, else 0.   `dx = f·g`;
//! `dx = g`, `dy = f·g`
//!
//! The mask is kept as it was drawn, a byte for an element, and the operands not at all. Source: Srivastava et al. 2014.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::{Tensor, fused};

/// What stays, and what it is multiplied by.
#[derive(Clone)]
struct Kept {
    mask: Tensor,
    scale: f64,
}

/// `y = f·x`. Saves nothing but the mask.
pub struct Dropped(Kept);

impl Op for Dropped {
    fn name(&self) -> &'static str {
        "dropped"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(fused::dropped(x[0], &self.0.mask, self.0.scale)?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([Var::apply(Dropped(self.0.clone()), &[grad])?])
    }
}

/// `z = x + f·y` of `(x, y)`. Saves nothing but the mask.
pub struct AddDropped(Kept);

impl Op for AddDropped {
    fn name(&self) -> &'static str {
        "add_dropped"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(fused::add_dropped(x[0], x[1], &self.0.mask, self.0.scale)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let dy = saved.if_needed(1, || Var::apply(Dropped(self.0.clone()), &[grad]))?;
        Ok(Grads::from_iter([Some(grad.clone()), dy]))
    }
}

impl Var {
    /// `scale·x` where the boolean `mask` holds, `0·x` elsewhere. Shapes are equal. Errors: as [`fused::dropped`].
    pub fn dropped(&self, mask: &Tensor, scale: f64) -> Result<Var> {
        Var::apply(Dropped(Kept { mask: mask.clone(), scale }), &[self])
    }

    /// `x + y.dropped(mask, scale)` in one pass. Errors: as [`fused::add_dropped`].
    pub fn add_dropped(&self, y: &Var, mask: &Tensor, scale: f64) -> Result<Var> {
        Var::apply(AddDropped(Kept { mask: mask.clone(), scale }), &[self, y])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(885);
    let mask = |shape: &[usize]| {
        let n: usize = shape.iter().product();
        let values: Vec<bool> = (0..n).map(|i| i % 3 == 1 || i % 5 == 0).collect();
        Tensor::from_vec(values, shape).expect("invariant: as many as the shape has")
    };
    fn alone(x: &[Var]) -> Result<Var> {
        x[1].dropped(x[0].value(), 1.25)
    }
    fn sum(x: &[Var]) -> Result<Var> {
        x[1].add_dropped(&x[2], x[0].value(), 1.25)
    }
    // c·x·5/4, added to what is there.
    fn by_hand(x: &[Tensor]) -> Vec<f64> {
        let c = x[0].to_vec::<bool>().unwrap_or_default();
        let all: Vec<Vec<f64>> = x[1..].iter().map(|x| x.to_vec().unwrap_or_default()).collect();
        let last = all.len() - 1;
        let of = |(i, c): (usize, bool)| {
            let kept = f64::from(u8::from(c)) * (all[last][i] + all[last][i] / 4.0);
            if last == 0 { kept } else { all[0][i] + kept }
        };
        c.into_iter().enumerate().map(of).collect()
    }
    let wide = [300, 401];
    vec![
        OpSpec::new("dropped")
            .case("some", [mask(&[3, 4]), s.uniform([3, 4], -2.0, 2.0)], [3, 4], alone)
            .reference(by_hand)
            .case("NaN stays", [mask(&[3]), Tensor::full([3], f64::NAN, tensor::DType::F64).expect("invariant: small")], [3], alone)
            .reference(|_| vec![f64::NAN; 3])
            .no_derivative()
            .case("empty", [mask(&[0, 3]), s.empty([0, 3])], [0, 3], alone)
            .case("large", [mask(&wide), s.uniform(wide, -2.0, 2.0)], wide, alone)
            .large()
            .error(
                [mask(&[3]), s.uniform([2, 3], 0.0, 1.0)],
                alone,
                "[dropped] shapes must be equal; got [2, 3] and [3]; reshape or expand one operand",
            )
            .error(
                [Tensor::scalar(1i64), Tensor::scalar(1.0)],
                alone,
                "[dropped] the mask must be boolean; got i64; make it with a comparison or to_dtype",
            ),
        OpSpec::new("add_dropped")
            .case("some", [mask(&[3, 4]), s.uniform([3, 4], -2.0, 2.0), s.uniform([3, 4], -2.0, 2.0)], [3, 4], sum)
            .reference(by_hand)
            .case("empty", [mask(&[0, 3]), s.empty([0, 3]), s.empty([0, 3])], [0, 3], sum)
            .case("large", [mask(&wide), s.uniform(wide, -2.0, 2.0), s.uniform(wide, -2.0, 2.0)], wide, sum)
            .large()
            .error(
                [mask(&[2, 3]), s.uniform([2, 3], 0.0, 1.0), s.uniform([3], 0.0, 1.0)],
                sum,
                "[add_dropped] shapes must be equal; got [2, 3] and [3]; reshape or expand one operand",
            ),
    ]
}
