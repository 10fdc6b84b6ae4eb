//! Shapes as users write them: `[2, -1]`, `x.shape()`, `vec![n, 3]`, `()`.

use smallvec::SmallVec;

mod sealed {
    pub trait Sealed {}
}

/// An integer that can be one size of a shape: `usize`, `isize`, `i64`, `i32`.
pub trait Size: sealed::Sealed + Copy {
    /// As a signed size; what exceeds it is larger than any tensor, and refused wherever sizes are checked.
    fn to_isize(self) -> isize;
}

macro_rules! size {
    ($($t:ty),*) => {$(
        impl sealed::Sealed for $t {}
        impl Size for $t {
            #[inline]
            fn to_isize(self) -> isize {
                self.try_into().unwrap_or(if self > 0 { isize::MAX } else { isize::MIN })
            }
        }
    )*};
}
size!(usize, isize, i64, i32);

/// What [`Tensor::reshape`](crate::Tensor::reshape) and [`Tensor::expand`](crate::Tensor::expand) take as a shape:
/// arrays, slices and vectors of any [`Size`], so that both `[2, -1]` and `x.shape()` will do; `()` is the shape of a
/// scalar.
pub trait IntoShape {
    /// The sizes, −1 where the function called is to find one.
    fn sizes(&self) -> SmallVec<[isize; 4]>;
}

impl IntoShape for () {
    fn sizes(&self) -> SmallVec<[isize; 4]> {
        SmallVec::new()
    }
}

impl<S: Size, const N: usize> IntoShape for [S; N] {
    fn sizes(&self) -> SmallVec<[isize; 4]> {
        self[..].sizes()
    }
}

impl<S: Size> IntoShape for [S] {
    fn sizes(&self) -> SmallVec<[isize; 4]> {
        self.iter().map(|d| d.to_isize()).collect()
    }
}

impl<S: Size> IntoShape for Vec<S> {
    fn sizes(&self) -> SmallVec<[isize; 4]> {
        self[..].sizes()
    }
}

impl<T: IntoShape + ?Sized> IntoShape for &T {
    fn sizes(&self) -> SmallVec<[isize; 4]> {
        (**self).sizes()
    }
}
