//! What a model holds: parameters, which are trained, and buffers, which are not.

use crate::error::{Error, Result};
use autodiff::LeafId;
use tensor::Tensor;

/// A tensor that training changes. A clone is a parameter of its own, with equal values.
#[derive(Debug)]
pub struct Param {
    value: Tensor,
    id: LeafId,
    trainable: bool,
}

impl Param {
    /// A trainable parameter that starts as `value`.
    pub fn new(value: Tensor) -> Self {
        Self { value, id: LeafId::new(), trainable: true }
    }

    /// Its value now.
    pub fn value(&self) -> &Tensor {
        &self.value
    }

    /// Its value, to be changed in place. Its shape and dtype must stay.
    pub fn value_mut(&mut self) -> &mut Tensor {
        &mut self.value
    }

    /// Gives it another value of the same shape and dtype. Errors: `ParamMismatch`.
    pub fn set(&mut self, value: Tensor) -> Result<()> {
        if value.shape() != self.value.shape() || value.dtype() != self.value.dtype() {
            return Err(Error::ParamMismatch {
                op: "set",
                got_dtype: value.dtype(),
                got_shape: value.shape().to_vec(),
                dtype: self.value.dtype(),
                shape: self.value.shape().to_vec(),
            });
        }
        self.value = value;
        Ok(())
    }

    /// Under which name its gradient arrives.
    pub fn id(&self) -> LeafId {
        self.id
    }

    /// The same parameter once more, as opposed to a clone, which is another.
    pub(crate) fn same(&self) -> Self {
        Self { value: self.value.clone(), id: self.id, trainable: self.trainable }
    }

    /// Whether training changes it.
    pub fn is_trainable(&self) -> bool {
        self.trainable
    }

    /// Freezes it or lets it train again.
    pub fn set_trainable(&mut self, trainable: bool) {
        self.trainable = trainable;
    }
}

impl Clone for Param {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), id: LeafId::new(), trainable: self.trainable }
    }
}

/// A tensor that belongs to the model's state but is not trained, such as a running mean.
#[derive(Debug, Clone)]
pub struct Buffer {
    value: Tensor,
}

impl Buffer {
    /// A buffer that starts as `value`.
    pub fn new(value: Tensor) -> Self {
        Self { value }
    }

    /// Its value now.
    pub fn value(&self) -> &Tensor {
        &self.value
    }

    /// Its value, to be changed.
    pub fn value_mut(&mut self) -> &mut Tensor {
        &mut self.value
    }
}
