//! One function at every element: of one tensor or of two that broadcast, into a new tensor or in place.

use super::walk::Walk;
use crate::dtype::Element;
use crate::error::Result;
use crate::layout::{Dims, Layout};
use crate::parallel::for_chunks;
use crate::simd::simd_fn;
use crate::tensor::Tensor;
use crate::word::{Plain, Word, with_words};

/// A function of one element. `at` must be `#[inline(always)]`.
pub(crate) trait Map<T, U>: Copy + Sync {
    /// About how many times dearer than an addition, which says how much work is worth another thread.
    const COST: usize = 1;
    /// Whether there are elements that `at`, to stay a straight line, leaves to `far`. A loop looks for them when it is
    /// done with a slice.
    const HAS_FAR: bool = false;
    fn at(self, x: T) -> U;
    #[inline(always)]
    fn is_far(self, _x: T) -> bool {
        false
    }
    #[inline(always)]
    fn far(self, x: T) -> U {
        self.at(x)
    }
}

/// A function of two elements.
pub(crate) trait Zip<T, U>: Copy + Sync {
    /// As in [`Map`].
    const COST: usize = 1;
    /// As in [`Map`].
    const HAS_FAR: bool = false;
    fn at(self, x: T, y: T) -> U;
    #[inline(always)]
    fn is_far(self, _x: T, _y: T) -> bool {
        false
    }
    #[inline(always)]
    fn far(self, x: T, y: T) -> U {
        self.at(x, y)
    }
}

/// A function of three elements.
pub(crate) trait Zip3<T>: Copy + Sync {
    fn at(self, x: T, y: T, z: T) -> T;
}

/// Elements a thread takes at a time, for a function of cost 1.
const GRAIN: usize = 1 << 15;
/// Elements gathered at a time where an operand does not step by 1 or 0.
const GATHER: usize = 256;

/// From this cost on, loops for operands that repeat would save nothing: they are spread out instead.
const DEAR: usize = 8;

#[inline(always)]
fn map_far<T: Element, U: Element, F: Map<T, U>>(f: F, x: &[T], out: &mut [U]) {
    if F::HAS_FAR && x.iter().fold(false, |any, &x| any | f.is_far(x)) {
        for (out, &x) in out.iter_mut().zip(x) {
            if f.is_far(x) {
                *out = f.far(x);
            }
        }
    }
}

#[inline(always)]
fn zip_far<T: Element, U: Element, F: Zip<T, U>>(
    f: F,
    pairs: impl Iterator<Item = (T, T)> + Clone,
    out: &mut [U],
) {
    if F::HAS_FAR && pairs.clone().fold(false, |any, (x, y)| any | f.is_far(x, y)) {
        for (out, (x, y)) in out.iter_mut().zip(pairs) {
            if f.is_far(x, y) {
                *out = f.far(x, y);
            }
        }
    }
}

simd_fn! {
    fn map_slice[T: Element, U: Element, F: Map<T, U>](f: F, x: &[T], out: &mut [U]), wide if T::DTYPE.is_float() => {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = f.at(x);
        }
        map_far(f, x, out);
    }
    fn map_in_place[T: Element, F: Map<T, T>](f: F, x: &mut [T]), wide if T::DTYPE.is_float() => {
        for x in x.iter_mut() {
            *x = f.at(*x);
        }
    }
    fn zip_slice[T: Element, U: Element, F: Zip<T, U>](f: F, x: &[T], y: &[T], out: &mut [U]), wide if T::DTYPE.is_float() => {
        for ((out, &x), &y) in out.iter_mut().zip(x).zip(y) {
            *out = f.at(x, y);
        }
        zip_far(f, x.iter().copied().zip(y.iter().copied()), out);
    }
    /// `y` again for each row of `x`.
    fn zip_rows[T: Element, U: Element, F: Zip<T, U>](f: F, x: &[T], y: &[T], out: &mut [U]), wide if T::DTYPE.is_float() => {
        for (out, x) in out.chunks_exact_mut(y.len()).zip(x.chunks_exact(y.len())) {
            for ((out, &x), &y) in out.iter_mut().zip(x).zip(y) {
                *out = f.at(x, y);
            }
        }
    }
    fn zip_scalar_right[T: Element, U: Element, F: Zip<T, U>](f: F, x: &[T], y: T, out: &mut [U]), wide if T::DTYPE.is_float() => {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = f.at(x, y);
        }
    }
    fn zip_scalar_left[T: Element, U: Element, F: Zip<T, U>](f: F, x: T, y: &[T], out: &mut [U]), wide if T::DTYPE.is_float() => {
        for (out, &y) in out.iter_mut().zip(y) {
            *out = f.at(x, y);
        }
    }
    fn zip_in_place[T: Element, F: Zip<T, T>](f: F, x: &mut [T], y: &[T]), wide if T::DTYPE.is_float() => {
        for (x, &y) in x.iter_mut().zip(y) {
            *x = f.at(*x, y);
        }
    }
    fn zip3_slice[T: Element, F: Zip3<T>](f: F, x: &[T], y: &[T], z: &[T], out: &mut [T]) {
        for (((out, &x), &y), &z) in out.iter_mut().zip(x).zip(y).zip(z) {
            *out = f.at(x, y, z);
        }
    }
    fn choose_slice[W: Word](condition: &[bool], x: &[W], y: &[W], out: &mut [W]), wide if size_of::<W>() >= 4 => {
        for (((out, &c), &x), &y) in out.iter_mut().zip(condition).zip(x).zip(y) {
            *out = if c { x } else { y };
        }
    }
}

/// `len` elements of `data` from `at`, `step` apart: borrowed where they are neighbours, else gathered into `room`.
#[inline]
fn line<'a, T: Plain>(
    data: &'a [T],
    at: usize,
    step: isize,
    len: usize,
    room: &'a mut [T; GATHER],
) -> &'a [T] {
    if step == 1 {
        return &data[at..at + len];
    }
    for (i, slot) in room[..len].iter_mut().enumerate() {
        *slot = data[(at as isize + i as isize * step) as usize];
    }
    &room[..len]
}

/// Whether one of `operands` fills `shape` with its channels last in memory, as the result then has them too.
fn channels_last<'a>(shape: &[usize], operands: impl IntoIterator<Item = &'a Tensor>) -> bool {
    operands.into_iter().any(|x| x.layout().has_channels_last() && x.shape() == shape)
}

/// `x` repeated to `shape`, its channels at the back; a vector, if it is one that all pixels share.
fn pixels(x: &Tensor, shape: &[usize]) -> Tensor {
    let mut layout = x.layout().expanded(shape).channels_to_back();
    let last = shape.len() - 1;
    if layout.strides[..last].iter().all(|&s| s == 0) {
        layout.shape.drain(..last);
        layout.strides.drain(..last);
    }
    x.with_layout(layout)
}

/// `shape` with the channels at the back.
fn pixel_shape(shape: &[usize]) -> Dims {
    let mut shape = Dims::from_slice(shape);
    shape[1..].rotate_left(1);
    shape
}

/// `f` at every element of `x`.
pub(crate) fn map<T: Element, U: Element, F: Map<T, U>>(
    op: &'static str,
    x: &Tensor,
    f: F,
) -> Result<Tensor> {
    if x.layout().has_channels_last() {
        return Ok(map(op, &x.with_layout(x.layout().clone().channels_to_back()), f)?.channels_at_front());
    }
    let grain = (GRAIN / F::COST).max(1024);
    let data = x.data::<T>();
    Tensor::build(op, x.shape(), |out: &mut [U]| {
        if let Some(x) = x.as_slice::<T>() {
            return for_chunks(out, grain, |start, out| map_slice(f, &x[start..start + out.len()], out));
        }
        let walk = Walk::new([x.layout()]);
        for_chunks(out, grain, |start, out| {
            let mut room = [T::default(); GATHER];
            walk.runs(start..start + out.len(), |position, [at], len| {
                for_lines(len, walk.inner, |i, n| {
                    let x = line(data, step(at, i, walk.inner[0]), walk.inner[0], n, &mut room);
                    map_slice(f, x, &mut out[position - start + i..][..n]);
                });
            });
        });
    })
}

/// `f` at every element of `x`, written over it (over a copy, where its buffer is shared).
pub(crate) fn map_mut<T: Element, F: Map<T, T>>(op: &'static str, mut x: Tensor, f: F) -> Result<Tensor> {
    if x.layout().has_channels_last() {
        return Ok(map_mut(op, x.into_layout(Layout::channels_to_back), f)?.channels_at_front());
    }
    if F::HAS_FAR || !x.is_unique() {
        return map(op, &x, f);
    }
    if let Some(x) = x.as_mut_slice::<T>() {
        for_chunks(x, (GRAIN / F::COST).max(1024), |_, x| map_in_place(f, x));
    }
    Ok(x)
}

#[inline]
fn step(at: usize, i: usize, stride: isize) -> usize {
    (at as isize + i as isize * stride) as usize
}

/// Cuts a run into lines: whole where every operand steps by 1 or 0, else as long as the gathering room.
#[inline]
fn for_lines<const N: usize>(len: usize, inner: [isize; N], mut line: impl FnMut(usize, usize)) {
    if inner.iter().all(|&s| s == 1) {
        return line(0, len);
    }
    let mut i = 0;
    while i < len {
        let n = GATHER.min(len - i);
        line(i, n);
        i += n;
    }
}

/// `f` at every pair of elements of `x` and `y` under `shape`, which both broadcast to.
pub(crate) fn zip<T: Element, U: Element, F: Zip<T, U>>(
    op: &'static str,
    shape: &[usize],
    x: &Tensor,
    y: &Tensor,
    f: F,
) -> Result<Tensor> {
    if channels_last(shape, [x, y]) {
        let out = zip_in_order(op, &pixel_shape(shape), &pixels(x, shape), &pixels(y, shape), f)?;
        return Ok(out.channels_at_front());
    }
    zip_in_order(op, shape, x, y, f)
}

/// [`zip`] in row-major order.
fn zip_in_order<T: Element, U: Element, F: Zip<T, U>>(
    op: &'static str,
    shape: &[usize],
    x: &Tensor,
    y: &Tensor,
    f: F,
) -> Result<Tensor> {
    let grain = (GRAIN / F::COST).max(1024);
    const { assert!(!F::HAS_FAR || F::COST >= DEAR, "far elements are looked for in one loop alone") };
    let same = x.shape() == shape && y.shape() == shape;
    let (dx, dy) = (x.data::<T>(), y.data::<T>());
    Tensor::build(op, shape, |out: &mut [U]| {
        if same && let (Some(x), Some(y)) = (x.as_slice::<T>(), y.as_slice::<T>()) {
            return for_chunks(out, grain, |start, out| {
                let range = start..start + out.len();
                zip_slice(f, &x[range.clone()], &y[range], out);
            });
        }
        let is_row = y.rank() > 0
            && y.shape()[y.rank() - 1] == y.len()
            && shape.last() == Some(&y.len())
            && y.len() > 1;
        if F::COST < DEAR
            && is_row
            && x.shape() == shape
            && let (Some(x), Some(y)) = (x.as_slice::<T>(), y.as_slice::<T>())
        {
            let rows = (grain / y.len()).max(1);
            return for_chunks(out, rows * y.len(), |start, out| {
                zip_rows(f, &x[start..start + out.len()], y, out)
            });
        }
        let walk = Walk::new([&x.layout().expanded(shape), &y.layout().expanded(shape)]);
        let [sx, sy] = walk.inner;
        for_chunks(out, grain, |start, out| {
            let (mut room_x, mut room_y) = ([T::default(); GATHER], [T::default(); GATHER]);
            walk.runs(start..start + out.len(), |position, [ax, ay], len| {
                let out = &mut out[position - start..][..len];
                match (sx, sy) {
                    (1, 1) => zip_slice(f, &dx[ax..ax + len], &dy[ay..ay + len], out),
                    (1, 0) if F::COST < DEAR => zip_scalar_right(f, &dx[ax..ax + len], dy[ay], out),
                    (0, 1) if F::COST < DEAR => zip_scalar_left(f, dx[ax], &dy[ay..ay + len], out),
                    _ => for_lines(len, walk.inner, |i, n| {
                        let x = line(dx, step(ax, i, sx), sx, n, &mut room_x);
                        let y = line(dy, step(ay, i, sy), sy, n, &mut room_y);
                        zip_slice(f, x, y, &mut out[i..i + n]);
                    }),
                }
            });
        });
    })
}

/// `f` at every pair of elements of `x` and `y`, of one shape, written over `x` (over a copy, where it is shared).
pub(crate) fn zip_mut<T: Element, F: Zip<T, T>>(
    op: &'static str,
    mut x: Tensor,
    y: &Tensor,
    f: F,
) -> Result<Tensor> {
    if x.layout().has_channels_last() && y.layout().has_channels_last() {
        let y = y.with_layout(y.layout().clone().channels_to_back());
        return Ok(zip_mut(op, x.into_layout(Layout::channels_to_back), &y, f)?.channels_at_front());
    }
    if F::HAS_FAR || !x.is_unique() || !y.is_contiguous() {
        let shape = x.dims().clone();
        return zip(op, &shape, &x, y, f);
    }
    if let (Some(x), Some(y)) = (x.as_mut_slice::<T>(), y.as_slice::<T>()) {
        for_chunks(x, (GRAIN / F::COST).max(1024), |start, x| zip_in_place(f, x, &y[start..start + x.len()]));
    }
    Ok(x)
}

/// `x` where `condition` holds, else `y`, under `shape`, which all three broadcast to.
pub(crate) fn choose(
    op: &'static str,
    shape: &[usize],
    condition: &Tensor,
    x: &Tensor,
    y: &Tensor,
) -> Result<Tensor> {
    if channels_last(shape, [condition, x, y]) {
        let [condition, x, y] = [condition, x, y].map(|t| pixels(t, shape));
        return Ok(choose_in_order(op, &pixel_shape(shape), &condition, &x, &y)?.channels_at_front());
    }
    choose_in_order(op, shape, condition, x, y)
}

/// [`choose`] in row-major order.
fn choose_in_order(
    op: &'static str,
    shape: &[usize],
    condition: &Tensor,
    x: &Tensor,
    y: &Tensor,
) -> Result<Tensor> {
    let layouts: [Layout; 3] = [condition, x, y].map(|t| t.layout().expanded(shape));
    let walk = Walk::new([&layouts[0], &layouts[1], &layouts[2]]);
    let [sc, sx, sy] = walk.inner;
    let dc = condition.data::<bool>();
    with_words!(x.dtype(), W => Tensor::build_words(op, shape, x.dtype(), |out: &mut [W]| {
        let (dx, dy) = (x.words::<W>(), y.words::<W>());
        for_chunks(out, GRAIN, |start, out| {
            let (mut room_c, mut room_x, mut room_y) = ([false; GATHER], [0; GATHER], [0; GATHER]);
            walk.runs(start..start + out.len(), |position, [ac, ax, ay], len| {
                let out = &mut out[position - start..][..len];
                for_lines(len, walk.inner, |i, n| {
                    let c = line(dc, step(ac, i, sc), sc, n, &mut room_c);
                    let x = line(dx, step(ax, i, sx), sx, n, &mut room_x);
                    let y = line(dy, step(ay, i, sy), sy, n, &mut room_y);
                    choose_slice(c, x, y, &mut out[i..i + n]);
                });
            });
        });
    }))
}

/// `f` at every triple of elements under `shape`, which all three broadcast to.
pub(crate) fn zip3<T: Element, F: Zip3<T>>(
    op: &'static str,
    shape: &[usize],
    operands: [&Tensor; 3],
    f: F,
) -> Result<Tensor> {
    if channels_last(shape, operands) {
        let operands = operands.map(|t| pixels(t, shape));
        return Ok(zip3_in_order(op, &pixel_shape(shape), operands.each_ref(), f)?.channels_at_front());
    }
    zip3_in_order(op, shape, operands, f)
}

/// [`zip3`] in row-major order.
fn zip3_in_order<T: Element, F: Zip3<T>>(
    op: &'static str,
    shape: &[usize],
    operands: [&Tensor; 3],
    f: F,
) -> Result<Tensor> {
    let layouts: [Layout; 3] = operands.map(|x| x.layout().expanded(shape));
    let data = operands.map(|x| x.data::<T>());
    Tensor::build(op, shape, |out: &mut [T]| {
        let walk = Walk::new([&layouts[0], &layouts[1], &layouts[2]]);
        for_chunks(out, GRAIN, |start, out| {
            let [mut x, mut y, mut z] = [[T::default(); GATHER]; 3];
            walk.runs(start..start + out.len(), |position, at, len| {
                let out = &mut out[position - start..][..len];
                for_lines(len, walk.inner, |i, n| {
                    let from = |o: usize| step(at[o], i, walk.inner[o]);
                    let x = line(data[0], from(0), walk.inner[0], n, &mut x);
                    let y = line(data[1], from(1), walk.inner[1], n, &mut y);
                    let z = line(data[2], from(2), walk.inner[2], n, &mut z);
                    zip3_slice(f, x, y, z, &mut out[i..i + n]);
                });
            });
        });
    })
}
