//! One row of one step: what is done to the gates of a sequence, and the way back.
//!
//! Each loop writes one line of neighbours, so that it is computed a register at a time.

use crate::dtype::Float;
use crate::math::Math;
use crate::simd::simd_fn;

/// s(1 − s), the slope of σ where it is s.
#[inline(always)]
fn slope_of_sigmoid<T: Float>(s: T) -> T {
    s.mul(T::ONE.sub(s))
}

/// 1 − t², the slope of tanh where it is t.
#[inline(always)]
fn slope_of_tanh<T: Float>(t: T) -> T {
    T::ONE.sub(t.mul(t))
}

/// x's parts of `h` elements.
#[inline(always)]
fn parts<T, const N: usize>(x: &[T], h: usize) -> [&[T]; N] {
    std::array::from_fn(|i| &x[i * h..(i + 1) * h])
}

/// As [`parts`], to be written.
#[inline(always)]
fn parts_mut<T, const N: usize>(x: &mut [T], h: usize) -> [&mut [T]; N] {
    let mut rest = x;
    std::array::from_fn(|_| {
        let (part, after) = std::mem::take(&mut rest).split_at_mut(h);
        rest = after;
        part
    })
}

simd_fn! {
    /// x += y
    pub(super) fn add[T: Float](x: &mut [T], y: &[T]) {
        for (x, &y) in x.iter_mut().zip(y) {
            *x = x.add(y);
        }
    }

    /// `out` holds z and becomes tanh(x + z).
    pub(super) fn tanh[T: Float](x: &[T], out: &mut [T]) {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = Math::tanh(x.add(*out));
        }
    }

    /// `out` holds z and becomes max(x + z, 0); NaN stays.
    pub(super) fn relu[T: Float](x: &[T], out: &mut [T]) {
        for (out, &x) in out.iter_mut().zip(x) {
            let sum = x.add(*out);
            *out = if sum <= T::ZERO { T::ZERO } else { sum };
        }
    }

    /// `kept` holds z and becomes (i, f, g, o, c); `c` moves on, and `out` is h.
    pub(super) fn lstm[T: Float](x: &[T], kept: &mut [T], c: &mut [T], out: &mut [T]) {
        let h = out.len();
        let [i, f, g, o, new] = parts_mut::<T, 5>(kept, h);
        let [xi, xf, xg, xo] = parts::<T, 4>(x, h);
        for (i, &x) in i.iter_mut().zip(xi) {
            *i = Math::sigmoid(x.add(*i));
        }
        for (f, &x) in f.iter_mut().zip(xf) {
            *f = Math::sigmoid(x.add(*f));
        }
        for (g, &x) in g.iter_mut().zip(xg) {
            *g = Math::tanh(x.add(*g));
        }
        for (o, &x) in o.iter_mut().zip(xo) {
            *o = Math::sigmoid(x.add(*o));
        }
        for (((c, &i), &f), &g) in c.iter_mut().zip(&*i).zip(&*f).zip(&*g) {
            *c = f.mul_add(*c, i.mul(g));
        }
        new.copy_from_slice(c);
        for ((out, &c), &o) in out.iter_mut().zip(&*c).zip(&*o) {
            *out = o.mul(Math::tanh(c));
        }
    }

    /// `kept` holds z and becomes (r, u, zₙ, n); `before` is h, and `out` the h after it.
    pub(super) fn gru[T: Float](x: &[T], kept: &mut [T], before: &[T], out: &mut [T]) {
        let h = out.len();
        let [r, u, z, n] = parts_mut::<T, 4>(kept, h);
        let [xr, xu, xn] = parts::<T, 3>(x, h);
        for (r, &x) in r.iter_mut().zip(xr) {
            *r = Math::sigmoid(x.add(*r));
        }
        for (u, &x) in u.iter_mut().zip(xu) {
            *u = Math::sigmoid(x.add(*u));
        }
        for (((n, &z), &r), &x) in n.iter_mut().zip(&*z).zip(&*r).zip(xn) {
            *n = Math::tanh(r.mul_add(z, x));
        }
        for (((out, &n), &u), &before) in out.iter_mut().zip(&*n).zip(&*u).zip(before) {
            *out = u.mul_add(before.sub(n), n);
        }
    }

    /// `dx` = dh·(1 − y²)
    pub(super) fn tanh_back[T: Float](y: &[T], dh: &[T], dx: &mut [T]) {
        for ((dx, &y), &dh) in dx.iter_mut().zip(y).zip(dh) {
            *dx = dh.mul(slope_of_tanh(y));
        }
    }

    /// `dx` = dh where y > 0
    pub(super) fn relu_back[T: Float](y: &[T], dh: &[T], dx: &mut [T]) {
        for ((dx, &y), &dh) in dx.iter_mut().zip(y).zip(dh) {
            *dx = if y <= T::ZERO { T::ZERO } else { dh };
        }
    }

    /// From dh and dc after the step: the gradients of the four gates, and dc before the step.
    pub(super) fn lstm_back[T: Float](kept: &[T], before: &[T], dh: &[T], dc: &mut [T], room: &mut [T], dx: &mut [T]) {
        let h = dh.len();
        let [i, f, g, o, c] = parts::<T, 5>(kept, h);
        let [di, df, dg, d_o] = parts_mut::<T, 4>(dx, h);
        for (room, &c) in room.iter_mut().zip(c) {
            *room = Math::tanh(c);
        }
        for (((d, &t), &dh), &o) in d_o.iter_mut().zip(&*room).zip(dh).zip(o) {
            *d = dh.mul(t).mul(slope_of_sigmoid(o));
        }
        for (((dc, &t), &dh), &o) in dc.iter_mut().zip(&*room).zip(dh).zip(o) {
            *dc = dh.mul(o).mul_add(slope_of_tanh(t), *dc);
        }
        for (((d, &dc), &g), &i) in di.iter_mut().zip(&*dc).zip(g).zip(i) {
            *d = dc.mul(g).mul(slope_of_sigmoid(i));
        }
        for (((d, &dc), &g), &i) in dg.iter_mut().zip(&*dc).zip(g).zip(i) {
            *d = dc.mul(i).mul(slope_of_tanh(g));
        }
        for (((d, &dc), &before), &f) in df.iter_mut().zip(&*dc).zip(before).zip(f) {
            *d = dc.mul(before).mul(slope_of_sigmoid(f));
        }
        for (dc, &f) in dc.iter_mut().zip(f) {
            *dc = dc.mul(f);
        }
    }

    /// From dh after the step: the gradients of the shares of the input (`dx`) and of z (`dz`), and what of dh passes the step
    /// by (`carried`).
    pub(super) fn gru_back[T: Float](
        kept: &[T],
        before: &[T],
        dh: &[T],
        dx: &mut [T],
        dz: &mut [T],
        carried: &mut [T],
    ) {
        let h = dh.len();
        let [r, u, z, n] = parts::<T, 4>(kept, h);
        let [dr, du, dn] = parts_mut::<T, 3>(dx, h);
        for (((d, &dh), &u), &n) in dn.iter_mut().zip(dh).zip(u).zip(n) {
            *d = dh.mul(T::ONE.sub(u)).mul(slope_of_tanh(n));
        }
        for ((((d, &dh), &u), &n), &before) in du.iter_mut().zip(dh).zip(u).zip(n).zip(before) {
            *d = dh.mul(before.sub(n)).mul(slope_of_sigmoid(u));
        }
        for (((d, &dn), &z), &r) in dr.iter_mut().zip(&*dn).zip(z).zip(r) {
            *d = dn.mul(z).mul(slope_of_sigmoid(r));
        }
        for ((carried, &dh), &u) in carried.iter_mut().zip(dh).zip(u) {
            *carried = dh.mul(u);
        }
        let [zr, zu, zn] = parts_mut::<T, 3>(dz, h);
        zr.copy_from_slice(dr);
        zu.copy_from_slice(du);
        for ((zn, &dn), &r) in zn.iter_mut().zip(&*dn).zip(r) {
            *zn = dn.mul(r);
        }
    }
}
