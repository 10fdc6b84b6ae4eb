//! Values where their indices say in images of zeros, `y[indices[i]] = x[i]`.   `dx[i] = g[indices[i]]`
//!
//! Composed of a scattering. Where indices repeat, as those of overlapping windows may, the last in row-major order stays,
//! and the others have gradient 0.

use crate::check::{OpSpec, Samples};
use crate::error::{Error, Result};
use crate::var::Var;
use tensor::{DType, Spatial, Tensor};

impl Var {
    /// Images of `sizes` that are 0 but where `indices`, flat positions among the pixels of their image and channel, say that
    /// an element of this stands: the part of [`Var::max_pool_with_indices`] that can be undone. PyTorch's `max_unpool`.
    ///
    /// Shapes: x `(n, c, ..)`, indices the same, of I64 → `(n, c, sizes ..)`; sizes of the images that were pooled. Differs
    /// from PyTorch in: the sizes have no default, and of equal indices the last stays.
    ///
    /// Errors: `InvalidArgument` unless x and indices have one shape with a size for each spatial axis; as
    /// [`Tensor::scatter`] for indices out of range.
    pub fn max_unpool(&self, indices: &Tensor, sizes: impl Into<Spatial>) -> Result<Var> {
        let sizes = sizes.into();
        let refuse = |rule, got, repair| Err(Error::InvalidArgument { op: "max_unpool", rule, got, repair });
        if self.rank() < 3 || indices.shape() != self.shape() {
            return refuse(
                "values and indices must both be (n, channels, ..) with a spatial axis",
                format!("{:?} and {:?}", self.shape(), indices.shape()),
                "give the indices of the same pooling",
            );
        }
        let Some(sizes) = sizes.over(self.rank() - 2) else {
            return refuse(
                "there must be one size for all spatial axes, or one for each",
                format!("{:?} for {:?}", sizes.as_slice(), self.shape()),
                "give the sizes of the images that were pooled",
            );
        };
        let Some(pixels) = sizes.iter().try_fold(1usize, |n, &size| n.checked_mul(size)) else {
            return refuse(
                "the images must be addressable",
                format!("{:?}", &sizes[..]),
                "give the sizes of the images that were pooled",
            );
        };
        let (n, c) = (self.shape()[0], self.shape()[1]);
        let values = self.shape()[2..].iter().product();
        let zeros = Var::constant(Tensor::zeros([n, c, pixels], self.dtype())?);
        let indices = indices.reshape([n, c, values])?;
        zeros.scatter(2, &indices, &self.reshape([n, c, values])?)?.reshape(&[&[n, c], &sizes[..]].concat()[..])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(55);
    let index = |values: &[i64], shape: &[usize]| {
        Tensor::from_slice(values, shape).expect("invariant: a sample's shape has as many elements as its values")
    };
    let call = |sizes: &[usize]| {
        let sizes = Spatial::from(sizes);
        move |x: &[Var]| x[0].max_unpool(x[1].value(), &sizes)
    };
    vec![
        OpSpec::new("max_unpool")
            .case(
                "two images",
                [s.uniform([1, 2, 1, 2], -1.0, 1.0), index(&[5, 2, 0, 3], &[1, 2, 1, 2])],
                [1, 2, 2, 3],
                call(&[2, 3]),
            )
            .reference(|x| {
                let v = x[0].to_vec::<f64>().unwrap_or_default();
                vec![0.0, 0.0, v[1], 0.0, 0.0, v[0], v[2], 0.0, 0.0, v[3], 0.0, 0.0]
            })
            .case(
                "the last of equals stays",
                [s.uniform([1, 1, 3], -1.0, 1.0), index(&[1, 1, 0], &[1, 1, 3])],
                [1, 1, 3],
                call(&[3]),
            )
            .reference(|x| {
                let v = x[0].to_vec::<f64>().unwrap_or_default();
                vec![v[2], v[1], 0.0]
            })
            .case(
                "empty",
                [s.empty([0, 2, 3]), Tensor::zeros([0, 2, 3], DType::I64).expect("invariant: no elements")],
                [0, 2, 6],
                call(&[6]),
            )
            .error(
                [s.uniform([1, 1, 3], -1.0, 1.0), index(&[1, 0], &[1, 1, 2])],
                call(&[6]),
                "[max_unpool] values and indices must both be (n, channels, ..) with a spatial axis; got [1, 1, 3] and [1, 1, 2]; give the indices of the same pooling",
            )
            .error(
                [s.uniform([1, 1, 2], -1.0, 1.0), index(&[1, 0], &[1, 1, 2])],
                call(&[2, 2]),
                "[max_unpool] there must be one size for all spatial axes, or one for each; got [2, 2] for [1, 1, 2]; give the sizes of the images that were pooled",
            ),
    ]
}
