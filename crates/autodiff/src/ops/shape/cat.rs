//! Tensors joined along an axis they have.   `dxᵢ` is the part of g that came from xᵢ

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::Tensor;

/// The operands side by side along `axis`. Saves nothing.
pub struct Cat {
    axis: isize,
}

impl Op for Cat {
    fn name(&self) -> &'static str {
        "cat"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(Tensor::cat(x, self.axis)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let axis = self.axis.rem_euclid(grad.rank() as isize) as usize;
        let mut start = 0;
        let mut part = |i| {
            let len = saved.shape(i)[axis];
            start += len;
            saved.if_needed(i, || grad.narrow(self.axis, start - len, len))
        };
        (0..saved.len()).map(&mut part).collect()
    }
}

impl Var {
    /// The values joined along `axis`; all have one shape, but there. Errors: as [`Tensor::cat`].
    ///
    /// ```
    /// use autodiff::Var;
    /// use tensor::{DType, Tensor};
    /// let (x, y) = (Var::from(Tensor::zeros([2, 3], DType::F32)?), Var::from(Tensor::ones([2, 1], DType::F32)?));
    /// assert_eq!(Var::cat(&[&x, &y], 1)?.shape(), [2, 4]);
    /// # Ok::<(), autodiff::Error>(())
    /// ```
    pub fn cat(vars: &[&Var], axis: isize) -> Result<Var> {
        Var::apply(Cat { axis }, vars)
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(60);
    fn call(x: &[Var], axis: isize) -> Result<Var> {
        Var::cat(&x.iter().collect::<Vec<_>>(), axis)
    }
    let mut three =
        |a: &[usize], b: &[usize], c: &[usize]| [a, b, c].map(|shape| s.uniform(shape, -1.0, 1.0));
    vec![
        OpSpec::new("cat")
            .case("rows", three(&[1, 3], &[2, 3], &[1, 3]), [4, 3], |x| call(x, 0))
            .reference(|x| x.iter().flat_map(|x| x.to_vec::<f64>().unwrap_or_default()).collect())
            .case("columns", three(&[2, 1], &[2, 2], &[2, 3]), [2, 6], |x| call(x, -1))
            .reference(|x| {
                let x: Vec<Vec<f64>> = x.iter().map(|x| x.to_vec().unwrap_or_default()).collect();
                (0..2).flat_map(|i| [&x[0][i..i + 1], &x[1][2 * i..2 * i + 2], &x[2][3 * i..3 * i + 3]].concat()).collect()
            })
            .case("the middle axis", three(&[2, 2, 2], &[2, 1, 2], &[2, 3, 2]), [2, 6, 2], |x| call(x, 1))
            .case("one", three(&[2, 2], &[], &[])[..1].to_vec(), [2, 2], |x| call(x, 0))
            .case("empty", three(&[0, 3], &[2, 3], &[0, 3]), [2, 3], |x| call(x, 0))
            .case("large", three(&[200, 101], &[200, 301], &[200, 7]), [200, 409], |x| call(x, 1))
            .large()
            .error(
                three(&[2, 3], &[3, 3], &[2, 3]),
                |x| call(x, 1),
                "[cat] tensors must have one shape, but on the axis they are joined along; got [2, 3] for tensor 0 and [3, 3] for tensor 1; reshape or narrow them to fit",
            )
            .error([], |x| call(x, 0), "[cat] there must be one tensor at least; got none; leave the call out or give it tensors"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_tensors_than_saves_can_name_are_joined() -> Result<()> {
        let x: Vec<Var> = (0..40).map(|i| Var::variable(Tensor::scalar(f64::from(i)))).collect();
        let rows: Vec<Var> = x.iter().map(|x| x.reshape([1])).collect::<Result<_>>()?;
        let grads = Var::cat(&rows.iter().collect::<Vec<_>>(), 0)?.square()?.sum(&[])?.backward()?;
        assert_eq!(grads.of(&x[39]).map(|g| g.item()), Some(Ok(78.0)));
        Ok(())
    }
}
