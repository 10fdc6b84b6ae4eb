//! Images with their channels last in memory.
//!
//! A batch of images is `(n, channels, spatial ..)` to its user. Kernels over images run over the channels of one pixel at
//! a time, and want them side by side; what they return has the user's shape over memory in that order. Element-wise
//! functions keep the order of their operands, so a chain of layers turns its images once.

use crate::error::Result;
use crate::layout::Layout;
use crate::tensor::Tensor;

impl Tensor {
    /// This tensor `(n, channels, ..)`, its elements in memory in the order `(n, .., channels)`: PyTorch's `channels_last`.
    ///
    /// Shape and values stay; nothing is copied if the order is right already, or if the rank is below 3.
    ///
    /// ```
    /// let x = tensor::Tensor::from_vec(vec![1, 2, 3, 4, 5, 6i64], [1, 2, 3])?.channels_last()?;
    /// assert_eq!(x.shape(), [1, 2, 3]);
    /// assert_eq!(x.permute([0, 2, 1])?.as_slice::<i64>(), Some(&[1, 4, 2, 5, 3, 6][..]));
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn channels_last(&self) -> Result<Tensor> {
        if self.rank() < 3 { Ok(self.clone()) } else { Ok(self.channels_at_back()?.channels_at_front()) }
    }

    /// `(n, .., channels)`, contiguous, of this `(n, channels, ..)`, whose rank is 2 at least.
    pub(crate) fn channels_at_back(&self) -> Result<Tensor> {
        self.with_layout(self.layout().clone().channels_to_back()).contiguous()
    }

    /// A view `(n, channels, ..)` of this `(n, .., channels)`, whose rank is 2 at least.
    pub(crate) fn channels_at_front(self) -> Tensor {
        self.into_layout(Layout::channels_to_front)
    }
}
