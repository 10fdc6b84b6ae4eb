//! The operations: one file each, which holds the forward step, the rule, samples, refusals and an independent
//! reference. This list is the index; an operation in it is tested by the contract, one that is not does not exist.

use crate::check::OpSpec;

mod choice;
mod declared;
mod operators;
mod packed;
mod widened;

/// Declares the files of each family and collects what they promise.
macro_rules! op_list {
    ($($(#[$meta:meta])* $family:ident { $($op:ident),* $(,)? })*) => {
        $($(#[$meta])* pub mod $family { $(pub mod $op;)* })*

        /// What every operation promises, in the order of the list.
        pub fn specs() -> Vec<OpSpec> {
            let mut specs = Vec::new();
            $($(specs.extend($family::$op::specs());)*)*
            specs
        }
    };
}

op_list! {
    /// Functions of one element.
    pointwise {
        neg, abs, sign, recip, square, sqrt, scale, pow_scalar, clamp, to_dtype,
        exp, exp_m1, ln, ln_1p, sin, cos, tanh, erf,
        relu, leaky_relu, elu, gelu, gelu_tanh, silu, sigmoid, softplus, log_sigmoid,
        rsqrt, exp2, log2, log10, floor, ceil, round, trunc,
        tan, asin, acos, atan, sinh, cosh, asinh, acosh, atanh, erfc, lgamma, digamma, polygamma,
        frac, softsign, deg2rad, rad2deg, cbrt, erfinv, logit, sinc, nan_to_num, classify,
    }
    /// Functions of two elements that broadcast.
    binary {
        add, sub, mul, div, pow, maximum, minimum, where_, compare, atan2, hypot, copysign, logaddexp, xlogy,
        fmod, remainder, floor_divide, heaviside, lerp, integer, gated,
        dropped,
    }
    /// Sums and what is made of them.
    reduce { sum, mean, max, min, var, logsumexp, argmax, argmin, prod, std, norm, quantile, nansum }
    /// Results that go along an axis.
    scan { cumsum, cumprod, linear_recurrence, cummax, logcumsumexp, diff }
    /// Elements in order.
    sort { argsort, sort_, topk, kthvalue }
    /// Matrix products.
    product { matmul, linear, einsum, tensordot, kron, multi_dot, cross, fft, fftn, fftshift }
    /// Linear algebra.
    linalg {
        solve, inv, slogdet, det, cholesky, triangular_solve, qr, eigh, svd, pinv, matrix_norm, lu,
        matrix_exp, eig, cholesky_inverse, eigvalsh, svdvals,
    }
    /// Values along an axis, normalised.
    norm { softmax, log_softmax, layer_norm, batch_norm }
    /// Windows over images.
    conv { conv, conv_transpose, conv_weight_grad, im2col }
    /// The largest and the mean of windows, and other sizes.
    pool { max_pool, resample, lp_pool, max_unpool }
    /// Values mixed by how well their keys fit.
    attention { scaled_dot_product_attention, rotary }
    /// Sequences, step by step.
    recurrent { recurrent }
    /// Losses.
    loss { mse, l1, huber, bce_with_logits, cross_entropy, cross_entropy_grad, linear_cross_entropy, ctc }
    /// Views, and tensors joined.
    shape {
        reshape, flatten, permute, expand, squeeze, unsqueeze, narrow, select, slice, flip, cat, stack,
        pad, roll, repeat, repeat_interleave, tril, triu, unfold, diagonal,
    }
    /// Reading and adding at indices.
    index {
        index_select, gather, index_add, scatter_add, one_hot,
        scatter, index_fill, masked_select, take, take_along_axis, gather_nd, scatter_nd_add, scatter_nd,
    }
    /// The identity, watched.
    watch { on_grad }
}
