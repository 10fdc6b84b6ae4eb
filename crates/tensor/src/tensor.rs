//! The tensor: a cheap handle on a shared buffer, and ways to make one and to read it.

use crate::buffer::Buffer;
use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::layout::{Dims, Layout, checked_len};
use crate::loops::copy::copy_into;
use crate::parallel::for_chunks;
use crate::word::{Word, with_words};
use std::sync::Arc;

/// Elements a thread fills at a time.
const FILLED: usize = 1 << 16;

/// A dense n-dimensional array. Cloning shares the buffer; views copy nothing; writing copies first if shared.
#[derive(Clone)]
pub struct Tensor {
    buffer: Arc<Buffer>,
    layout: Layout,
    dtype: DType,
}

/// Runs `$body` with `$T` the element type that `$dtype` names: among `all`, or among the `number`s or `float`s that are
/// computed in, for which it is compiled once each. Kernels are for those; what only moves elements is for
/// [`with_words`](crate::word::with_words).
macro_rules! with_dtype {
    ($dtype:expr, $T:ident, all => $body:expr) => {
        match $dtype {
            $crate::DType::F32 => {
                type $T = f32;
                $body
            }
            $crate::DType::F64 => {
                type $T = f64;
                $body
            }
            $crate::DType::I64 => {
                type $T = i64;
                $body
            }
            $crate::DType::U8 => {
                type $T = u8;
                $body
            }
            $crate::DType::Bool => {
                type $T = bool;
                $body
            }
            $crate::DType::BF16 => {
                type $T = half::bf16;
                $body
            }
            $crate::DType::F16 => {
                type $T = half::f16;
                $body
            }
            $crate::DType::I32 => {
                type $T = i32;
                $body
            }
            $crate::DType::I8 => {
                type $T = i8;
                $body
            }
        }
    };
    ($dtype:expr, $T:ident, number => $body:expr, else $dt:ident => $other:expr) => {
        match $dtype {
            $crate::DType::F32 => {
                type $T = f32;
                $body
            }
            $crate::DType::F64 => {
                type $T = f64;
                $body
            }
            $crate::DType::I64 => {
                type $T = i64;
                $body
            }
            $crate::DType::U8 => {
                type $T = u8;
                $body
            }
            $dt => $other,
        }
    };
    ($dtype:expr, $T:ident, integer => $body:expr, else $dt:ident => $other:expr) => {
        match $dtype {
            $crate::DType::I64 => {
                type $T = i64;
                $body
            }
            $crate::DType::U8 => {
                type $T = u8;
                $body
            }
            $dt => $other,
        }
    };
    ($dtype:expr, $T:ident, float => $body:expr, else $dt:ident => $other:expr) => {
        match $dtype {
            $crate::DType::F32 => {
                type $T = f32;
                $body
            }
            $crate::DType::F64 => {
                type $T = f64;
                $body
            }
            $dt => $other,
        }
    };
}
pub(crate) use with_dtype;

impl Tensor {
    /// A tensor of `shape` whose elements `fill` writes, every one. The shape has been checked.
    pub(crate) fn build<T: Element>(
        op: &'static str,
        shape: &[usize],
        fill: impl FnOnce(&mut [T]),
    ) -> Result<Self> {
        let len = checked_len(op, shape, T::DTYPE)?;
        let mut buffer = Buffer::new(op, len, T::DTYPE)?;
        fill(buffer.as_mut_slice());
        Ok(Self { buffer: Arc::new(buffer), layout: Layout::contiguous(shape), dtype: T::DTYPE })
    }

    /// `data` in row-major order under `shape`.
    ///
    /// Errors: `ShapeMismatch` unless the shape has as many elements as `data`.
    ///
    /// ```
    /// let x = tensor::Tensor::from_vec(vec![1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3])?;
    /// assert_eq!(x.sum(&[1])?.to_vec::<f32>()?, [6.0, 15.0]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn from_vec<T: Element>(data: Vec<T>, shape: impl AsRef<[usize]>) -> Result<Self> {
        Self::from_slice(&data, shape)
    }

    /// A copy of `data`, in row-major order under `shape`. Errors as [`Tensor::from_vec`].
    pub fn from_slice<T: Element>(data: &[T], shape: impl AsRef<[usize]>) -> Result<Self> {
        let shape = shape.as_ref();
        if checked_len("from_vec", shape, T::DTYPE)? != data.len() {
            return Err(Error::ShapeMismatch {
                op: "from_vec",
                rule: "the shape must have as many elements as the data",
                shapes: vec![vec![data.len()], shape.to_vec()],
                repair: "change the shape or the data",
            });
        }
        Self::build("from_vec", shape, |out| out.copy_from_slice(data))
    }

    /// A tensor of rank 0.
    pub fn scalar<T: Element>(x: T) -> Self {
        Self::build("scalar", &[], |out| out[0] = x).expect("invariant: a scalar fits in memory")
    }

    /// Every element `value`, converted to `dtype`.
    pub fn full(shape: impl AsRef<[usize]>, value: f64, dtype: DType) -> Result<Self> {
        let bits = dtype.bits_of(value);
        with_words!(dtype, W => Self::build_words("full", shape.as_ref(), dtype, |out: &mut [W]| {
            for_chunks(out, FILLED, |_, out| match bits {
                0 => bytemuck::fill_zeroes(out),
                _ => out.fill(W::of(bits)),
            });
        }))
    }

    /// Every element 0.
    pub fn zeros(shape: impl AsRef<[usize]>, dtype: DType) -> Result<Self> {
        Self::full(shape, 0.0, dtype)
    }

    /// Every element 1.
    pub fn ones(shape: impl AsRef<[usize]>, dtype: DType) -> Result<Self> {
        Self::full(shape, 1.0, dtype)
    }

    /// `0, 1, …, n − 1`.
    pub fn arange(n: usize, dtype: DType) -> Result<Self> {
        checked_len("arange", &[n], dtype)?;
        with_dtype!(dtype, T, number => Self::build("arange", &[n], |out: &mut [T]| {
            out.iter_mut().enumerate().for_each(|(i, x)| *x = T::from_i64(i as i64));
        }), else dtype => Self::arange(n, DType::I64)?.to_dtype(dtype))
    }

    /// The identity matrix of size `n`.
    pub fn eye(n: usize, dtype: DType) -> Result<Self> {
        Self::diagonal_ones("eye", n, n, dtype)
    }

    /// The sizes of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.layout.shape
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.layout.shape.len()
    }

    /// The number of elements.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.layout.len()
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Whether the elements stand one after another in row-major order.
    pub fn is_contiguous(&self) -> bool {
        self.layout.is_contiguous()
    }

    /// This tensor if contiguous, else a contiguous copy.
    pub fn contiguous(&self) -> Result<Self> {
        if self.is_contiguous() { Ok(self.clone()) } else { self.copied() }
    }

    /// A contiguous copy with a buffer of its own.
    pub fn copied(&self) -> Result<Self> {
        with_words!(self.dtype, W => Self::build_words("contiguous", self.shape(), self.dtype, |out: &mut [W]| {
            copy_into(self.words::<W>(), &self.layout, out);
        }))
    }

    /// The elements in row-major order.
    ///
    /// Errors: `DTypeMismatch` unless `T` is the element type.
    pub fn to_vec<T: Element>(&self) -> Result<Vec<T>> {
        if T::DTYPE != self.dtype {
            return Err(Error::DTypeMismatch {
                op: "to_vec",
                rule: "the elements must be read as what they are",
                dtypes: vec![self.dtype, T::DTYPE],
                repair: "convert with to_dtype first",
            });
        }
        match self.as_slice::<T>() {
            Some(x) => Ok(x.to_vec()),
            None => Ok(self.copied()?.data::<T>().to_vec()),
        }
    }

    /// The elements, if they are contiguous and of type `T`.
    pub fn as_slice<T: Element>(&self) -> Option<&[T]> {
        (T::DTYPE == self.dtype && self.is_contiguous())
            .then(|| &self.data::<T>()[self.layout.offset..self.layout.offset + self.len()])
    }

    /// The elements to be written, if they are of type `T`. Copies first if the buffer is shared or the elements are
    /// not contiguous, so that no other tensor sees the change.
    pub fn as_mut_slice<T: Element>(&mut self) -> Option<&mut [T]> {
        if T::DTYPE != self.dtype {
            return None;
        }
        if !self.is_contiguous() || Arc::get_mut(&mut self.buffer).is_none() {
            *self = self.copied().ok()?;
        }
        let range = self.layout.offset..self.layout.offset + self.len();
        Arc::get_mut(&mut self.buffer).map(|buffer| &mut buffer.as_mut_slice()[range])
    }

    /// The one element, as a double.
    ///
    /// Errors: `ShapeMismatch` unless there is exactly one.
    pub fn item(&self) -> Result<f64> {
        if self.len() != 1 {
            return Err(Error::ShapeMismatch {
                op: "item",
                rule: "there must be exactly one element",
                shapes: vec![self.shape().to_vec()],
                repair: "index or reduce to one element first",
            });
        }
        Ok(self.float_at(self.layout.offset))
    }

    pub(crate) fn of_parts(buffer: Buffer, layout: Layout, dtype: DType) -> Self {
        Self { buffer: Arc::new(buffer), layout, dtype }
    }

    #[inline]
    pub(crate) fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// The elements to be written as words. Copies first if the buffer is shared or the elements are not contiguous.
    pub(crate) fn as_mut_words<W: Word>(&mut self) -> Result<&mut [W]> {
        debug_assert_eq!(size_of::<W>(), self.dtype.size());
        if !self.is_contiguous() || Arc::get_mut(&mut self.buffer).is_none() {
            *self = self.copied()?;
        }
        let range = self.layout.offset..self.layout.offset + self.len();
        let buffer = Arc::get_mut(&mut self.buffer).expect("invariant: a copy is shared with nobody");
        Ok(&mut buffer.as_mut_words()[range])
    }

    /// The element at this place of the buffer, as a double.
    pub(crate) fn float_at(&self, at: usize) -> f64 {
        with_dtype!(self.dtype, T, all => self.data::<T>()[at].to_f64())
    }

    /// The element at this place of the buffer, as text; singles, and floats that are rounded from them, shortest.
    pub(crate) fn text_at(&self, at: usize) -> String {
        match self.dtype {
            DType::F64 => format!("{:?}", self.float_at(at)),
            DType::F32 | DType::BF16 | DType::F16 => format!("{:?}", self.float_at(at) as f32),
            DType::Bool => (self.float_at(at) != 0.0).to_string(),
            _ => with_dtype!(self.dtype, T, all => self.data::<T>()[at].to_i64()).to_string(),
        }
    }

    /// Booleans as the numbers 0 and 1, which they are in memory; any other tensor as it is.
    pub(crate) fn with_bools_as_u8(&self) -> Self {
        let dtype = if self.dtype == DType::Bool { DType::U8 } else { self.dtype };
        Self { dtype, ..self.clone() }
    }

    /// The whole buffer; `layout` says where the elements are. `T` is the element type.
    #[inline]
    pub(crate) fn data<T: Element>(&self) -> &[T] {
        debug_assert_eq!(T::DTYPE, self.dtype);
        self.buffer.as_slice()
    }

    #[inline]
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The same buffer under another layout, which stays inside it.
    pub(crate) fn with_layout(&self, layout: Layout) -> Self {
        Self { buffer: self.buffer.clone(), layout, dtype: self.dtype }
    }

    /// This handle under another layout, which stays inside its buffer.
    pub(crate) fn into_layout(self, layout: impl FnOnce(Layout) -> Layout) -> Self {
        Self { layout: layout(self.layout), ..self }
    }

    /// Whether writing in place would copy nothing.
    pub(crate) fn is_unique(&mut self) -> bool {
        self.is_contiguous() && Arc::get_mut(&mut self.buffer).is_some()
    }

    pub(crate) fn dims(&self) -> &Dims {
        &self.layout.shape
    }
}

impl AsRef<Tensor> for Tensor {
    fn as_ref(&self) -> &Tensor {
        self
    }
}
