//! How much arithmetic products took: a count for plans and reports.

use std::sync::atomic::{AtomicU64, Ordering};

static PRODUCTS: AtomicU64 = AtomicU64::new(0);

/// Floating-point operations of all products since the process began, a multiplication and an addition being two: matrix products,
/// convolutions (as if summed directly, whatever way was taken), recurrent layers, attention (halved where it is causal). Other
/// operations do not count, as everywhere in this field. A whole step's are the difference of two calls.
///
/// ```
/// use tensor::{DType, Tensor, product_flops};
/// let (a, b) = (Tensor::ones([2, 3], DType::F32)?, Tensor::ones([3, 5], DType::F32)?);
/// let before = product_flops();
/// a.matmul(&b)?;
/// assert!(product_flops() - before >= 2 * 2 * 3 * 5); // exactly, where no other thread multiplies
/// # Ok::<(), tensor::Error>(())
/// ```
pub fn product_flops() -> u64 {
    PRODUCTS.load(Ordering::Relaxed)
}

/// Counts `terms` products of two numbers that were added up.
pub(crate) fn count(terms: impl IntoIterator<Item = usize>) {
    let terms = terms.into_iter().fold(1u64, |product, n| product.saturating_mul(n as u64));
    PRODUCTS.fetch_add(terms.saturating_mul(2), Ordering::Relaxed);
}
