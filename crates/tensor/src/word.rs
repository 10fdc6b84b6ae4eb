//! Elements as words of 1, 2, 4 or 8 bytes: what only moves elements is compiled for each size and not for each type.

use crate::buffer::Buffer;
use crate::dtype::DType;
use crate::error::Result;
use crate::layout::{Layout, checked_len};
use crate::tensor::Tensor;

/// What a loop can move: it is copied and has some value that stands for nothing yet.
pub(crate) trait Plain: Copy + Default + Send + Sync + 'static {}
impl<T: Copy + Default + Send + Sync + 'static> Plain for T {}

/// The bits of an element of this size; 0 is the zero of every element type.
pub(crate) trait Word: Plain + PartialEq + bytemuck::Pod {
    /// The lowest bits.
    fn of(bits: u64) -> Self;
    /// The bits that `mask` has too.
    fn masked(self, mask: Self) -> Self;
}

macro_rules! word {
    ($($t:ident)*) => {$(
        impl Word for $t {
            #[inline(always)]
            fn of(bits: u64) -> Self {
                bits as $t
            }
            #[inline(always)]
            fn masked(self, mask: Self) -> Self {
                self & mask
            }
        }
    )*};
}
word!(u8 u16 u32 u64);

/// Runs `$body` with `$W` the word of the size of `$dtype`'s elements.
macro_rules! with_words {
    ($dtype:expr, $W:ident => $body:expr) => {
        match $dtype.size() {
            1 => {
                type $W = u8;
                $body
            }
            2 => {
                type $W = u16;
                $body
            }
            4 => {
                type $W = u32;
                $body
            }
            _ => {
                type $W = u64;
                $body
            }
        }
    };
}
pub(crate) use with_words;

impl Tensor {
    /// As [`Tensor::build`], of words that are elements of `dtype`.
    pub(crate) fn build_words<W: Word>(
        op: &'static str,
        shape: &[usize],
        dtype: DType,
        fill: impl FnOnce(&mut [W]),
    ) -> Result<Self> {
        let len = checked_len(op, shape, dtype)?;
        let mut buffer = Buffer::new(op, len, dtype)?;
        debug_assert_eq!(size_of::<W>(), dtype.size());
        fill(buffer.as_mut_words());
        Ok(Self::of_parts(buffer, Layout::contiguous(shape), dtype))
    }

    /// The whole buffer; `layout` says where the elements are.
    #[inline]
    pub(crate) fn words<W: Word>(&self) -> &[W] {
        debug_assert_eq!(size_of::<W>(), self.dtype().size());
        self.buffer().as_words()
    }

    /// The elements of a contiguous tensor.
    pub(crate) fn contiguous_words<W: Word>(&self) -> &[W] {
        debug_assert!(self.is_contiguous());
        let at = self.layout().offset;
        &self.words()[at..at + self.len()]
    }
}
