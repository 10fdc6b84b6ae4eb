//! Layers that compute nothing.

use super::Layer;
use crate::Module;
use crate::context::Context;
use crate::error::{Error, Result};
use autodiff::Var;

/// `y = x`.
#[derive(Debug, Clone, Copy, Default, Module)]
pub struct Identity;

impl Layer for Identity {
    fn forward(&self, x: &Var, _: &mut Context) -> Result<Var> {
        Ok(x.clone())
    }
}

/// All axes but the first become one: `(n, ..)` → `(n, product)`.
#[derive(Debug, Clone, Copy, Default, Module)]
pub struct Flatten;

impl Layer for Flatten {
    fn forward(&self, x: &Var, _: &mut Context) -> Result<Var> {
        let Some((&n, rest)) = x.shape().split_first() else {
            return Err(Error::InvalidArgument {
                op: "flatten",
                rule: "the input must have a batch axis",
                got: "a scalar".into(),
                repair: "add an axis with unsqueeze(0)",
            });
        };
        Ok(x.reshape([n, rest.iter().product()])?)
    }
}

/// The second axis becomes several: `(n, product, ..)` → `(n, sizes.., ..)`, the inverse of [`Flatten`].
///
/// ```
/// use nn::{Context, Layer, Unflatten};
/// use tensor::{DType, Tensor};
/// let rows = Tensor::zeros([5, 64], DType::F32)?.into();
/// let images = Unflatten::new([1, 8, 8]).forward(&rows, &mut Context::eval())?;
/// assert_eq!(images.shape(), [5, 1, 8, 8]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Module)]
pub struct Unflatten {
    sizes: Vec<usize>,
}

impl Unflatten {
    /// Into axes of these sizes.
    pub fn new(sizes: impl Into<Vec<usize>>) -> Self {
        Self { sizes: sizes.into() }
    }
}

impl Layer for Unflatten {
    fn forward(&self, x: &Var, _: &mut Context) -> Result<Var> {
        match x.shape() {
            [n, features, rest @ ..] if self.sizes.iter().product::<usize>() == *features => {
                Ok(x.reshape([&[*n], &self.sizes[..], rest].concat())?)
            }
            shape => Err(Error::InvalidArgument {
                op: "unflatten",
                rule: "the second axis must have as many elements as the new axes",
                got: format!("{shape:?} for {:?}", self.sizes),
                repair: "change the sizes",
            }),
        }
    }
    fn kind(&self) -> String {
        format!("Unflatten({})", self.sizes.iter().map(usize::to_string).collect::<Vec<_>>().join("×"))
    }
}
