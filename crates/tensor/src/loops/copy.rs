//! Copies between layouts, tiled where the fast axis changes.

use super::walk::Walk;
use crate::dtype::Element;
use crate::layout::Layout;
use crate::parallel::for_chunks;

/// Elements a thread takes at a time.
const GRAIN: usize = 1 << 15;

/// The elements that `layout` names in `data`, in row-major order, into `out`.
pub(crate) fn copy_into<T: Element>(data: &[T], layout: &Layout, out: &mut [T]) {
    if layout.is_contiguous() {
        let x = &data[layout.offset..layout.offset + out.len()];
        return for_chunks(out, GRAIN, |start, out| out.copy_from_slice(&x[start..start + out.len()]));
    }
    let walk = Walk::new([layout]);
    for_chunks(out, GRAIN, |start, out| {
        walk.runs(start..start + out.len(), |position, [at], len| {
            let out = &mut out[position - start..][..len];
            match walk.inner[0] {
                1 => out.copy_from_slice(&data[at..at + len]),
                0 => out.fill(data[at]),
                step => {
                    for (i, out) in out.iter_mut().enumerate() {
                        *out = data[(at as isize + i as isize * step) as usize];
                    }
                }
            }
        });
    });
}
