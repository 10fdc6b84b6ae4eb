//! Scratch memory for the pieces of a job, from the pool of tensors.

use crate::buffer::Buffer;
use crate::dtype::Element;
use crate::error::Result;
use crate::parallel;
use std::marker::PhantomData;
use std::sync::Mutex;

/// A room for each thread, taken before the job begins, so that no piece can fail.
pub(super) struct Rooms<T> {
    free: Mutex<Vec<Buffer>>,
    of: PhantomData<T>,
}

impl<T: Element> Rooms<T> {
    /// Rooms of `len` elements, whose values are arbitrary.
    pub fn new(op: &'static str, len: usize) -> Result<Self> {
        let rooms =
            (0..parallel::threads()).map(|_| Buffer::new(op, len, T::DTYPE)).collect::<Result<_>>()?;
        Ok(Self { free: Mutex::new(rooms), of: PhantomData })
    }

    /// Runs `piece` in a room of its own.
    pub fn enter(&self, piece: impl FnOnce(&mut [T])) {
        let lock = || self.free.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut room = loop {
            match lock().pop() {
                Some(room) => break room,
                // There are more threads now than when the rooms were made: one will be free soon.
                None => std::thread::yield_now(),
            }
        };
        piece(room.as_mut_slice());
        lock().push(room);
    }
}
