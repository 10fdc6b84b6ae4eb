//! Working memory of factorizations, from the pool.

use super::{Fault, Real};
use crate::buffer::Buffer;
use crate::dtype::DType;
use faer::dyn_stack::{MemStack, StackReq};
use std::marker::PhantomData;

/// Elements to work with; what was taken for one matrix is there for the next.
pub(crate) struct Room<T>(Option<Buffer>, PhantomData<T>);

impl<T> Default for Room<T> {
    fn default() -> Self {
        Self(None, PhantomData)
    }
}

impl<T: Real> Room<T> {
    /// `len` elements of any value.
    pub(crate) fn get(&mut self, len: usize) -> Result<&mut [T], Fault> {
        if self.0.as_ref().is_none_or(|b| b.as_slice::<T>().len() < len) {
            self.0 = Some(Buffer::new("linalg", len, T::DTYPE)?);
        }
        Ok(self.0.as_mut().map_or(&mut [], |b| &mut b.as_mut_slice()[..len]))
    }

    /// `len` zeros.
    pub(crate) fn zeros(&mut self, len: usize) -> Result<&mut [T], Fault> {
        let x = self.get(len)?;
        x.fill(T::ZERO);
        Ok(x)
    }
}

/// The memory that faer asks its caller for.
#[derive(Default)]
pub(crate) struct Stack(Option<Buffer>);

impl Stack {
    /// A stack of that size.
    pub(crate) fn get(&mut self, size: StackReq) -> Result<&mut MemStack, Fault> {
        let bytes = size.unaligned_bytes_required();
        if self.0.as_ref().is_none_or(|b| b.as_slice::<u8>().len() < bytes) {
            self.0 = Some(Buffer::new("linalg", bytes, DType::U8)?);
        }
        Ok(MemStack::new(self.0.as_mut().map_or(&mut [], Buffer::as_scratch)))
    }
}
