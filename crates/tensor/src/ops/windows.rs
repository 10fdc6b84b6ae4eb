//! Where the windows of convolutions and poolings lie: the numbers that say so, checked.

use super::index::mismatch;
use crate::error::{Error, Result};
use crate::kernels::conv::Sizes;
use crate::layout::{Dims, checked_len};
use smallvec::{SmallVec, smallvec};

pub(super) fn invalid<T>(
    op: &'static str,
    rule: &'static str,
    got: String,
    repair: &'static str,
) -> Result<T> {
    Err(Error::InvalidArgument { op, rule, got, repair })
}

/// These for the last of three axes, `absent` for those before.
pub(super) fn three<E>(axes: impl ExactSizeIterator<Item = E>, absent: E) -> [E; 3]
where
    E: Clone,
{
    let missing = 3 - axes.len();
    let mut axes = axes;
    std::array::from_fn(|i| match i < missing {
        true => absent.clone(),
        false => axes.next().expect("invariant: an iterator is as long as it says"),
    })
}

/// One number for each spatial axis, or one for all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spatial(SmallVec<[usize; 3]>);

impl From<usize> for Spatial {
    fn from(n: usize) -> Self {
        Self(smallvec![n])
    }
}

impl<const N: usize> From<[usize; N]> for Spatial {
    fn from(n: [usize; N]) -> Self {
        Self(SmallVec::from_slice(&n))
    }
}

impl From<&[usize]> for Spatial {
    fn from(n: &[usize]) -> Self {
        Self(SmallVec::from_slice(n))
    }
}

impl From<&Spatial> for Spatial {
    fn from(n: &Spatial) -> Self {
        n.clone()
    }
}

impl Spatial {
    /// The numbers for `rank` axes, or none if there are others.
    pub fn over(&self, rank: usize) -> Option<SmallVec<[usize; 3]>> {
        match self.0.len() {
            1 => Some(SmallVec::from_elem(self.0[0], rank)),
            n => (n == rank).then(|| self.0.clone()),
        }
    }

    /// [`over`](Self::over), or the refusal of `op`, whose argument `what` they are.
    pub(super) fn checked(&self, op: &'static str, what: &str, rank: usize) -> Result<SmallVec<[usize; 3]>> {
        self.over(rank).map_or_else(
            || {
                invalid(
                    op,
                    "there must be one number for all spatial axes, or one for each",
                    format!("{what} {:?} for {rank} axes", self.0.as_slice()),
                    "give as many numbers as there are spatial axes",
                )
            },
            Ok,
        )
    }

    /// The numbers as they were given.
    pub fn as_slice(&self) -> &[usize] {
        &self.0
    }
}

/// Zeros around an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Padding {
    /// As many before the first pixel of an axis as after the last.
    Even(Spatial),
    /// As many as it takes for an output of the input's size, with one more after the last pixel where the number is
    /// odd; for strides of 1.
    Same,
    /// These before the first and after the last pixel of each axis.
    Uneven(SmallVec<[(usize, usize); 3]>),
}

impl Padding {
    /// None: an output for each window that lies inside.
    pub fn valid() -> Self {
        Self::from(0)
    }
}

impl<S: Into<Spatial>> From<S> for Padding {
    fn from(n: S) -> Self {
        Self::Even(n.into())
    }
}

/// How the windows of a convolution lie; the default is steps of 1, no padding, one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvOptions {
    /// Pixels from one window to the next, 1 at least.
    pub stride: Spatial,
    /// Zeros around the image.
    pub padding: Padding,
    /// Pixels from one element of a window to the next, 1 at least.
    pub dilation: Spatial,
    /// Parts that the channels fall into; outputs of a part see the inputs of that part alone.
    pub groups: usize,
}

impl Default for ConvOptions {
    fn default() -> Self {
        Self { stride: 1.into(), padding: Padding::valid(), dilation: 1.into(), groups: 1 }
    }
}

/// The windows along one axis.
#[derive(Debug, Clone, Copy)]
struct Window {
    kernel: usize,
    stride: usize,
    dilation: usize,
    low: usize,
    high: usize,
}

impl Window {
    /// Pixels that a window reaches over.
    fn reach(&self) -> Option<usize> {
        (self.kernel - 1).checked_mul(self.dilation)?.checked_add(1)
    }
}

impl ConvOptions {
    /// The windows along each axis of kernels of the sizes `kernel`.
    fn windows(&self, op: &'static str, kernel: &[usize]) -> Result<SmallVec<[Window; 3]>> {
        let rank = kernel.len();
        let (stride, dilation) =
            (self.stride.checked(op, "stride", rank)?, self.dilation.checked(op, "dilation", rank)?);
        if stride.contains(&0) || dilation.contains(&0) || kernel.contains(&0) || self.groups == 0 {
            return invalid(
                op,
                "kernel, stride, dilation and groups must be 1 or more",
                format!(
                    "kernel {kernel:?}, stride {stride:?}, dilation {dilation:?}, groups {}",
                    self.groups
                ),
                "use 1 for the plain convolution",
            );
        }
        let mut windows: SmallVec<[Window; 3]> = (0..rank)
            .map(|i| Window { kernel: kernel[i], stride: stride[i], dilation: dilation[i], low: 0, high: 0 })
            .collect();
        match &self.padding {
            Padding::Even(even) => {
                for (window, &n) in windows.iter_mut().zip(&even.checked(op, "padding", rank)?) {
                    (window.low, window.high) = (n, n);
                }
            }
            Padding::Uneven(pairs) if pairs.len() == rank => {
                for (window, &pair) in windows.iter_mut().zip(pairs) {
                    (window.low, window.high) = pair;
                }
            }
            Padding::Uneven(pairs) => {
                return invalid(
                    op,
                    "there must be a pair of paddings for each spatial axis",
                    format!("{pairs:?} for {rank} axes"),
                    "give as many pairs as the kernel has sizes",
                );
            }
            Padding::Same if stride.iter().any(|&s| s != 1) => {
                return invalid(
                    op,
                    "padding to the same size is for strides of 1",
                    format!("stride {stride:?}"),
                    "give the padding as numbers",
                );
            }
            Padding::Same => {
                for window in &mut windows {
                    let all = window.reach().map_or(usize::MAX, |reach| reach - 1);
                    (window.low, window.high) = (all / 2, all - all / 2);
                }
            }
        }
        Ok(windows)
    }

    /// The padding before and after each axis for kernels of the sizes `kernel`. Errors: `InvalidArgument`.
    pub fn pairs(&self, kernel: &[usize]) -> Result<Vec<(usize, usize)>> {
        Ok(self.windows("conv", kernel)?.iter().map(|window| (window.low, window.high)).collect())
    }

    /// The sizes of the convolution of images `x` (n, c_in, ..) with `weight` (c_out, c_in / groups, ..), and the shape
    /// of its result (n, c_out, ..).
    pub(super) fn sizes(&self, op: &'static str, x: &[usize], weight: &[usize]) -> Result<(Sizes, Dims)> {
        if !(3..=5).contains(&weight.len()) || x.len() != weight.len() {
            return Err(mismatch(
                op,
                "images (n, channels, ..) and weights (c_out, c_in / groups, ..) must both have one to three spatial axes, as many as each other",
                &[x, weight],
                "add an axis for the batch with unsqueeze, or use a weight of the images' rank",
            ));
        }
        let windows = self.windows(op, &weight[2..])?;
        if weight[1].checked_mul(self.groups) != Some(x[1]) || !weight[0].is_multiple_of(self.groups) {
            return Err(mismatch(
                op,
                "the images must have the channels of a group times the groups, which divide the outputs",
                &[x, weight, &[self.groups]],
                "change the channels or the groups",
            ));
        }
        let mut shape: Dims = [x[0], weight[0]].into_iter().collect();
        for (&size, window) in x[2..].iter().zip(&windows) {
            let padded = size.checked_add(window.low).and_then(|n| n.checked_add(window.high));
            let (Some(padded), Some(reach)) = (padded, window.reach()) else {
                return Err(overflow(op, x));
            };
            if reach > padded {
                return invalid(
                    op,
                    "a window must not be larger than the padded image",
                    format!("windows over {reach} of {padded} pixels"),
                    "use a smaller kernel or dilation, more padding, or larger images",
                );
            }
            shape.push((padded - reach) / window.stride + 1);
        }
        Ok((self.over(x, &shape, weight[0], &windows), shape))
    }

    fn over(&self, x: &[usize], out: &[usize], c_out: usize, windows: &[Window]) -> Sizes {
        let of = |number: fn(&Window) -> usize| three(windows.iter().map(number), 1);
        Sizes {
            n: x[0],
            c_in: x[1],
            c_out,
            groups: self.groups,
            input: three(x[2..].iter().copied(), 1),
            output: three(out[2..].iter().copied(), 1),
            kernel: of(|window| window.kernel),
            stride: of(|window| window.stride),
            dilation: of(|window| window.dilation),
            padding: three(windows.iter().map(|window| window.low), 0),
        }
    }

    /// The images that a transposed convolution of `g` (n, c_out, ..) with `weight` makes: the smallest whose convolution
    /// has the size of g, and `more` pixels at the end of each axis.
    pub(super) fn transposed_shape(
        &self,
        op: &'static str,
        g: &[usize],
        weight: &[usize],
        more: &Spatial,
    ) -> Result<Dims> {
        if !(3..=5).contains(&weight.len()) || g.len() != weight.len() || weight[0] != g[1] {
            return Err(mismatch(
                op,
                "images (n, c_in, ..) and weights (c_in, c_out / groups, ..) must both have one to three spatial axes, as many as each other",
                &[g, weight],
                "add an axis for the batch with unsqueeze, or use a weight of the images' rank and channels",
            ));
        }
        let windows = self.windows(op, &weight[2..])?;
        if !weight[0].is_multiple_of(self.groups) {
            return Err(mismatch(
                op,
                "the groups must divide the channels",
                &[g, &[self.groups]],
                "change the groups",
            ));
        }
        let more = more.checked(op, "output padding", windows.len())?;
        let channels = weight[1].checked_mul(self.groups).ok_or_else(|| overflow(op, weight))?;
        let mut shape: Dims = [g[0], channels].into_iter().collect();
        for (i, window) in windows.iter().enumerate() {
            if more[i] >= window.stride.max(window.dilation) {
                return invalid(
                    op,
                    "output padding must be smaller than the stride or the dilation",
                    format!(
                        "output padding {}, stride {}, dilation {}",
                        more[i], window.stride, window.dilation
                    ),
                    "leave it at 0, or at what a strided convolution dropped",
                );
            }
            let size = |pixels: usize| {
                let far =
                    (pixels.checked_sub(1)?).checked_mul(window.stride)?.checked_add(window.reach()?)?;
                far.checked_add(more[i])
            };
            let padding = window.low.checked_add(window.high).ok_or_else(|| overflow(op, g))?;
            match (g[2 + i], size(g[2 + i])) {
                (0, _) => {
                    return invalid(
                        op,
                        "an image must have pixels",
                        format!("{g:?}"),
                        "leave empty images out",
                    );
                }
                (_, None) => return Err(overflow(op, g)),
                (_, Some(size)) if size <= padding => {
                    return invalid(
                        op,
                        "padding must leave a pixel",
                        format!("padding {padding} of {size} pixels"),
                        "use less padding",
                    );
                }
                (_, Some(size)) => shape.push(size - padding),
            }
        }
        Ok(shape)
    }
}

fn overflow(op: &'static str, shape: &[usize]) -> Error {
    Error::ShapeOverflow { op, shape: shape.to_vec(), dtype: crate::DType::F64 }
}

impl Sizes {
    /// Refuses padded copies that cannot be addressed.
    pub(super) fn checked(self, op: &'static str) -> Result<Self> {
        let padded = |i: usize| {
            let reach = (self.kernel[i] - 1).checked_mul(self.dilation[i])?;
            let input = (self.output[i].max(1) - 1)
                .checked_mul(self.stride[i])?
                .checked_add(reach)?
                .checked_add(1)?;
            self.output[i].checked_add(reach)?.max(input).checked_add(self.input[i])
        };
        let sizes: Option<SmallVec<[usize; 4]>> = (0..3).map(padded).collect();
        let Some(mut sizes) = sizes else { return Err(overflow(op, &self.input)) };
        sizes.push(self.c_in.max(self.c_out));
        checked_len(op, &sizes, crate::DType::F64)?;
        Ok(self)
    }

    pub(super) fn is_empty(&self) -> bool {
        let pixels = |of: [usize; 3]| of.contains(&0);
        self.n == 0 || self.c_in == 0 || self.c_out == 0 || pixels(self.input) || pixels(self.output)
    }
}
