//! Windows of images as columns, `y[n, (c, k), i] = x[n, c, i·s + k·d − p]`, and columns added where they were read.
//! `dx[n, c, j] = Σ g[n, (c, k), i]` over `i·s + k·d − p = j`: each is the other's gradient
//!
//! Both are linear and save nothing.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use std::sync::Arc;
use tensor::{ConvOptions, Spatial, Tensor};

/// Which windows, of images of which sizes.
struct Windows {
    sizes: Spatial,
    kernel: Spatial,
    options: ConvOptions,
}

/// The columns of images. Saves nothing.
pub struct Im2col(Arc<Windows>);

impl Op for Im2col {
    fn name(&self) -> &'static str {
        "im2col"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].im2col(&self.0.kernel, &self.0.options)?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([Var::apply(Col2im(self.0.clone()), &[grad])?])
    }
}

/// The images of columns. Saves nothing.
pub struct Col2im(Arc<Windows>);

impl Op for Col2im {
    fn name(&self) -> &'static str {
        "col2im"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].col2im(&self.0.sizes, &self.0.kernel, &self.0.options)?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([Var::apply(Im2col(self.0.clone()), &[grad])?])
    }
}

impl Var {
    /// The windows of images as the columns of a matrix: PyTorch's `unfold`. Shapes and errors: as [`Tensor::im2col`].
    pub fn im2col(&self, kernel: impl Into<Spatial>, options: &ConvOptions) -> Result<Var> {
        // A shape without spatial axes is refused by the forward step.
        let sizes = self.shape().get(2..).unwrap_or_default().into();
        let windows = Windows { sizes, kernel: kernel.into(), options: options.clone() };
        Var::apply(Im2col(Arc::new(windows)), &[self])
    }

    /// Images of `sizes` with every column added where [`Var::im2col`] reads it: PyTorch's `fold`. Shapes and errors: as
    /// [`Tensor::col2im`].
    pub fn col2im(
        &self,
        sizes: impl Into<Spatial>,
        kernel: impl Into<Spatial>,
        options: &ConvOptions,
    ) -> Result<Var> {
        let windows = Windows { sizes: sizes.into(), kernel: kernel.into(), options: options.clone() };
        Var::apply(Col2im(Arc::new(windows)), &[self])
    }
}

/// For each element of the columns the element of x that it is, from the definition, over two axes.
fn places(x: [usize; 4], kernel: [usize; 2], s: [usize; 2], d: [usize; 2], p: [usize; 2]) -> Vec<Option<usize>> {
    let [n, c, h, w] = x;
    let counts = [0, 1].map(|a| (x[2 + a] + 2 * p[a] - d[a] * (kernel[a] - 1) - 1) / s[a] + 1);
    let mut places = Vec::new();
    for image in 0..n {
        for row in 0..c * kernel[0] * kernel[1] {
            let (channel, k) = (row / (kernel[0] * kernel[1]), [row / kernel[1] % kernel[0], row % kernel[1]]);
            for column in 0..counts[0] * counts[1] {
                let i = [column / counts[1], column % counts[1]];
                let at = [0, 1].map(|a| (i[a] * s[a] + k[a] * d[a]).checked_sub(p[a]).filter(|&at| at < x[2 + a]));
                places.push(at[0].zip(at[1]).map(|(y, x)| ((image * c + channel) * h + y) * w + x));
            }
        }
    }
    places
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(53);
    let mut take = |shape: &[usize]| [s.uniform(shape, -1.0, 1.0)];
    let plain = ConvOptions::default();
    let odd = ConvOptions {
        stride: [2, 1].into(),
        padding: [1, 2].into(),
        dilation: [1, 2].into(),
        ..ConvOptions::default()
    };
    let cut = ConvOptions { stride: 2.into(), ..ConvOptions::default() };
    fn columns<K: Into<Spatial>>(kernel: K, options: &ConvOptions) -> impl Fn(&[Var]) -> Result<Var> + use<K> {
        let (kernel, options) = (kernel.into(), options.clone());
        move |x| x[0].im2col(&kernel, &options)
    }
    fn images<S: Into<Spatial>, K: Into<Spatial>>(
        sizes: S,
        kernel: K,
        options: &ConvOptions,
    ) -> impl Fn(&[Var]) -> Result<Var> + use<S, K> {
        let (sizes, kernel, options) = (sizes.into(), kernel.into(), options.clone());
        move |x| x[0].col2im(&sizes, &kernel, &options)
    }
    fn read(x: &Tensor, places: Vec<Option<usize>>) -> Vec<f64> {
        let x = x.to_vec::<f64>().unwrap_or_default();
        places.into_iter().map(|at| at.map_or(0.0, |at| x[at])).collect()
    }
    fn added(x: &Tensor, places: Vec<Option<usize>>, len: usize) -> Vec<f64> {
        let mut y = vec![0.0; len];
        for (x, at) in x.to_vec::<f64>().unwrap_or_default().into_iter().zip(places) {
            at.into_iter().for_each(|at| y[at] += x);
        }
        y
    }
    let odd_places = || places([2, 3, 4, 5], [3, 2], [2, 1], [1, 2], [1, 2]);
    vec![
        OpSpec::new("im2col")
            .case("overlapping", take(&[2, 2, 3, 4]), [2, 8, 6], columns(2, &plain))
            .reference(|x| read(&x[0], places([2, 2, 3, 4], [2; 2], [1; 2], [1; 2], [0; 2])))
            .case("strided, dilated, padded", take(&[2, 3, 4, 5]), [2, 18, 14], columns([3, 2], &odd))
            .reference(move |x| read(&x[0], odd_places()))
            .case("one axis, the last pixel in no window", take(&[2, 2, 5]), [2, 4, 2], columns(2, &cut))
            .reference(|x| read(&x[0], places([2, 2, 1, 5], [1, 2], [1, 2], [1; 2], [0; 2])))
            .case("three axes", take(&[1, 2, 3, 2, 2]), [1, 16, 2], columns(2, &plain))
            .case("no images", take(&[0, 2, 4]), [0, 4, 3], columns(2, &plain))
            .case("large", take(&[2, 5, 41, 40]), [2, 45, 41 * 40], columns(3, &ConvOptions { padding: 1.into(), ..plain.clone() }))
            .large()
            .error(
                take(&[1, 2, 4]),
                columns(5, &plain),
                "[im2col] a window must not be larger than the padded image; got windows over 5 of 4 pixels; use a smaller kernel or dilation, more padding, or larger images",
            )
            .error(
                take(&[1, 2, 4]),
                columns(2, &ConvOptions { groups: 2, ..plain.clone() }),
                "[im2col] all channels must be of one group; got 2 groups; leave groups at 1",
            )
            .error(
                take(&[2, 4]),
                columns(2, &plain),
                "[im2col] images (n, channels, ..) must have one to three spatial axes; got [2, 4]; add an axis for the batch with unsqueeze",
            ),
        OpSpec::new("col2im")
            .case("overlapping", take(&[2, 8, 6]), [2, 2, 3, 4], images([3, 4], 2, &plain))
            .reference(|x| added(&x[0], places([2, 2, 3, 4], [2; 2], [1; 2], [1; 2], [0; 2]), 48))
            .case("strided, dilated, padded", take(&[2, 18, 14]), [2, 3, 4, 5], images([4, 5], [3, 2], &odd))
            .reference(move |x| added(&x[0], odd_places(), 120))
            .case("one axis, the last pixel in no window", take(&[2, 4, 2]), [2, 2, 5], images(5, 2, &cut))
            .reference(|x| added(&x[0], places([2, 2, 1, 5], [1, 2], [1, 2], [1; 2], [0; 2]), 20))
            .case("three axes", take(&[1, 16, 2]), [1, 2, 3, 2, 2], images([3, 2, 2], 2, &plain))
            .case("no images", take(&[0, 4, 3]), [0, 2, 4], images(4, 2, &plain))
            .case("large", take(&[2, 45, 41 * 40]), [2, 5, 41, 40], images([41, 40], 3, &ConvOptions { padding: 1.into(), ..plain.clone() }))
            .large()
            .error(
                take(&[1, 3, 4]),
                images(5, 2, &plain),
                "[col2im] columns must be (n, c·elements of a window, windows); got [1, 3, 4] and [2]; give the kernel that they were read with",
            )
            .error(
                take(&[1, 4, 4]),
                images(4, 2, &plain),
                "[col2im] there must be a column for each window of the images; got [1, 4, 4] and [1, 4, 3]; give the sizes of the images that they were read from",
            )
            .error(
                take(&[1, 4, 4]),
                images([4, 4], [2, 2, 2], &plain),
                "[col2im] there must be one number for all spatial axes, or one for each; got kernel [2, 2, 2] for 2 axes; give as many numbers as there are spatial axes",
            ),
    ]
}
