//! How to traverse: loops that know strides and threads, and no formula.

pub(crate) mod axes;
pub(crate) mod copy;
pub(crate) mod map;
pub(crate) mod reduce;
pub(crate) mod walk;
