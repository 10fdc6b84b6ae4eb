#!/usr/bin/env python3
"""Computes the polynomials of this folder and writes coefficients.rs beside itself.

    pip install mpmath && python3 coefficients.py && rustfmt --edition 2024 coefficients.rs

Each polynomial is the least-squares fit at Chebyshev nodes (close to the minimax one), found with 300-bit numbers.
Coefficients are rounded to the working precision from the lowest degree up, and the rest is fitted again after each
rounding, so that the rounding of one is made good by those above it. The measured error of the rounded polynomial,
relative to the function it stands for, is written above each table.
"""
import struct
from pathlib import Path
from mpmath import (mp, mpf, matrix, lu_solve, sin, cos, asin, atan, pi, exp, expm1, log, log1p, atanh, erf, erfc, sqrt,
                    frexp)

mp.prec = 300


def nearest(x, bits):
    """x rounded to a float of `bits` significant bits, to even."""
    m, e = frexp(x)
    return mp.ldexp(mp.nint(mp.ldexp(m, bits)), e - bits)


def literal(x, bits):
    """x, a float of at most `bits` bits, as the shortest Rust literal that reads back as it."""
    if bits == 24:
        for digits in range(1, 18):
            s = f"{float(x):.{digits}e}"
            if struct.unpack("f", struct.pack("f", float(s)))[0] == float(x):
                return s
    assert mpf(float(x)) == x
    return repr(float(x))


def nodes(lo, hi, n):
    return [(lo + hi) / 2 + (hi - lo) / 2 * cos(pi * (2 * i + 1) / (2 * n)) for i in range(n)]


def fit(f, lo, hi, degree, bits):
    """Coefficients of f on [lo, hi], lowest degree first, each a float of `bits` bits."""
    xs = nodes(mpf(lo), mpf(hi), 2 * degree + 4)
    rest = [f(x) for x in xs]
    done = []
    for k in range(degree + 1):
        powers = matrix([[x**j for j in range(k, degree + 1)] for x in xs])
        c = nearest(lu_solve(powers, matrix(rest))[0], bits)
        rest = [y - c * x**k for x, y in zip(xs, rest)]
        done.append(c)
    return done


def value(coefficients, x):
    y = mpf(0)
    for c in reversed(coefficients):
        y = y * x + c
    return y


def constant(name, doc, bits, c):
    """One Rust constant from coefficients, lowest degree first."""
    t = "f32" if bits == 24 else "f64"
    body = "".join(f"        {literal(k, bits)},\n" for k in reversed(c))
    return f"    /// {doc}.\n    pub const {name}: &[{t}] = &[\n{body}    ];\n"


def table(name, doc, bits, lo, hi, degree, f, error):
    """One Rust constant. `error(x, p(x) − f(x))` turns the polynomial's error into the function's relative error."""
    c = fit(f, lo, hi, degree, bits)
    worst = max(abs(error(x, value(c, x) - f(x))) for x in nodes(mpf(lo), mpf(hi), 501))
    return constant(name, f"{doc}; relative error below 2^{float(log(worst, 2)):.1f}", bits, c)


def mills(z):
    """Φ(−z) e^(z²/2)"""
    return erfc(z / sqrt(mpf(2))) / 2 * exp(z * z / 2)


def mills_ratio(bits, m, n, c, end):
    """Two constants: polynomials P of degree m and Q of degree n, its highest coefficient 1, with P/Q = mills on [0, end].

    Least squares of the relative error, linear in P and Q once divided by the last Q found; the weights grow where the
    error is largest. Q is rounded, then P fitted anew and rounded as in `fit`, from P(0) = Q(0)/2, which is exact.
    """
    def points(count):
        return [c * (1 + t) / (1 - t) for t in nodes(mpf(-1), (end - c) / (end + c), count)]
    xs = points(4 * (m + n) + 4)
    ys = [mills(x) for x in xs]
    weights = [mpf(1)] * len(xs)
    for _ in range(8):
        below = [mpf(1)] * len(xs)
        for _ in range(6):
            rows = [[w * x**j / (y * q) for j in range(m + 1)] + [-w * x**j / q for j in range(n)]
                    for x, y, q, w in zip(xs, ys, below, weights)]
            found = lu_solve(matrix(rows), matrix([w * x**n / q for x, q, w in zip(xs, below, weights)]))
            p, q = list(found[:m + 1]), list(found[m + 1:]) + [mpf(1)]
            below = [value(q, x) for x in xs]
        errors = [abs(value(p, x) / (b * y) - 1) for x, y, b in zip(xs, ys, below)]
        weights = [w * sqrt(mpf("0.05") + e / max(errors)) for w, e in zip(weights, errors)]
    q = [nearest(k, bits) for k in q]
    scale = [w / (y * value(q, x)) for x, y, w in zip(xs, ys, weights)]
    p = [q[0] / 2]
    rest = [y * value(q, x) - p[0] for x, y in zip(xs, ys)]
    for k in range(1, m + 1):
        rows = [[s * x**j for j in range(k, m + 1)] for x, s in zip(xs, scale)]
        p.append(nearest(lu_solve(matrix(rows), matrix([s * r for s, r in zip(scale, rest)]))[0], bits))
        rest = [r - p[k] * x**k for x, r in zip(xs, rest)]
    worst = max(abs(value(p, x) / (value(q, x) * mills(x)) - 1) for x in points(501))
    doc = f"of Φ(−z) e^(z²/2) as a ratio of polynomials in z, 0 ≤ z ≤ {mp.nstr(end, 3)}, for gelu"
    yield constant("RATIO_TOP", f"Numerator {doc}; relative error below 2^{float(log(worst, 2)):.1f}", bits, p)
    yield constant("RATIO_BELOW", f"Denominator {doc}", bits, q)


def tables(bits):
    small = bits == 24
    half_ln2 = log(mpf(2)) / 2 * mpf("1.0001")
    root = sqrt(mpf(2))
    yield table("EXP", "(eʳ − 1 − r) / r² on |r| ≤ ½ ln 2, for eʳ − 1", bits, -half_ln2, half_ln2, 5 if small else 10,
                lambda r: (expm1(r) - r) / r**2, lambda r, d: d * r * r / expm1(r))
    if small:
        yield table("LN", "(ln(1+f) − f + f²/2) / f³ on √½ ≤ 1+f ≤ √2, for ln(1+f)", bits, root / 2 - 1, root - 1, 8,
                    lambda f: (log1p(f) - f + f * f / 2) / f**3, lambda f, d: d * f**3 / log1p(f))
    else:
        top = ((root - 1) / (root + 1)) ** 2 * mpf("1.0001")
        yield table("LN", "2 (atanh s − s) / s³ as a polynomial in s², for ln(1+f) with s = f/(2+f)", bits, 0, top, 7,
                    lambda v: 2 * (atanh(sqrt(v)) / sqrt(v) - 1) / v, lambda v, d: d * v / 2)
    yield table("ERF", "erf(x)/x − 1 as a polynomial in x², |x| ≤ 1, for erf x", bits, 0, 1, 7 if small else 12,
                lambda v: erf(sqrt(v)) / sqrt(v) - 1, lambda v, d: d * sqrt(v) / erf(sqrt(v)))
    if small:
        yield table("LN_ERFC", "ln(1 − erf x) + x² as a polynomial in x − 2, 1 ≤ x ≤ 4, for erf x", bits, -1, 2, 8,
                    lambda u: log(erfc(u + 2)) + (u + 2) ** 2, lambda u, d: d * erfc(u + 2) / erf(u + 2))
    density = 1 / sqrt(2 * pi)
    yield table("NEAR", "((Φ(x) − ½)/x − φ(0)) / x² as a polynomial in x², |x| ≤ 1, for Φ(x)", bits, 0, 1, 5 if small else 11,
                lambda v: (erf(sqrt(v / 2)) / sqrt(v) / 2 - density) / v,
                lambda v, d: d * v * sqrt(v) / (mpf(1) / 2 - erf(sqrt(v / 2)) / 2))
    c, end, degree = (mpf(4), mpf("14.5"), 9) if small else (mpf(4), mpf(39), 22)
    at = lambda t: c * (1 + t) / (1 - t)
    doc = f"(z+c) Φ(−z) e^(z²/2) as a polynomial in t = (z−c)/(z+c), c = {mp.nstr(c, 2)}, 1 ≤ z ≤ {mp.nstr(end, 3)}, for Φ(−z)"
    yield table("MILLS", doc, bits, (1 - c) / (1 + c), (end - c) / (end + c), degree,
                lambda t: mills(at(t)) * (at(t) + c), lambda t, d: d / (mills(at(t)) * (at(t) + c)))
    if small:
        ln2 = 2 * half_ln2
        yield table("EXP2", "(2ᶠ − 1) / f on |f| ≤ ½, for 2ᶠ", bits, mpf("-0.50005"), mpf("0.50005"), 5,
                    lambda f: expm1(f * log(mpf(2))) / f, lambda f, d: d * f / mpf(2)**f)
        yield table("EXP_HALF", "(e^(−r/2) − 1) / r on |r| ≤ ln 2, for e^(−r/2)", bits, -ln2, ln2, 5,
                    lambda r: expm1(-r / 2) / r, lambda r, d: d * r / exp(-r / 2))
        yield from mills_ratio(bits, 4, 5, mpf(3), mpf("13.4"))


def trigonometric(bits, sine, cosine, end, text):
    """Sine for |r| ≤ end, called `text`, and cosine for |r| ≤ π/4."""
    edge = end * mpf("1.0001")
    yield table("SIN", f"(sin r − r) / r³ as a polynomial in r², |r| ≤ {text}, for sin r", bits, 0, edge**2, sine,
                lambda v: (sin(sqrt(v)) / sqrt(v) - 1) / v, lambda v, d: d * v * sqrt(v) / sin(sqrt(v)))
    edge = pi / 4 * mpf("1.0001")
    yield table("COS", "(cos r − 1 + r²/2) / r⁴ as a polynomial in r², |r| ≤ π/4, for cos r", bits, 0, edge**2, cosine,
                lambda v: (cos(sqrt(v)) - 1 + v / 2) / v**2, lambda v, d: d * v * v / cos(sqrt(v)))


def power(bits):
    """The logarithm behind its two leading terms, which `pow` adds in two parts each."""
    top = ((sqrt(mpf(2)) - 1) / (sqrt(mpf(2)) + 1)) ** 2 * mpf("1.0001")
    rest = lambda s: (2 * (atanh(s) - s) - 2 * s**3 / 3) / s**5
    yield table("LN_REST", "(2 (atanh s − s) − ⅔ s³) / s⁵ as a polynomial in s², for ln(1+f) with s = f/(2+f)", bits, 0, top, 7,
                lambda v: rest(sqrt(v)), lambda v, d: d * v * v / 2)


def wide_tables():
    bits = 53
    ln2 = log(mpf(2))
    yield from trigonometric(bits, 4, 3, pi / 2, "π/2")
    top = ((sqrt(mpf(2)) - 1) / (sqrt(mpf(2)) + 1)) ** 2 * mpf("1.0001")
    log2 = lambda v: 2 * atanh(sqrt(v)) / sqrt(v) / ln2
    yield table("LOG2", "log₂(1+f) / s as a polynomial in s², s = f/(2+f), √½ ≤ 1+f ≤ √2, for log₂(1+f)", bits, 0, top, 5,
                log2, lambda v, d: d / log2(v))
    yield table("EXP2", "(2ᶠ − 1) / f on |f| ≤ ½, for 2ᶠ", bits, mpf("-0.50005"), mpf("0.50005"), 6,
                lambda f: expm1(f * ln2) / f, lambda f, d: d * f / mpf(2)**f)
    yield table("ATAN", "(atan x − x) / x³ as a polynomial in x², |x| ≤ 1, for atan x", bits, 0, 1, 12,
                lambda v: (atan(sqrt(v)) / sqrt(v) - 1) / v, lambda v, d: d * v * sqrt(v) / atan(sqrt(v)))
    yield table("ASIN", "(asin x − x) / x³ as a polynomial in x², |x| ≤ ½, for asin x", bits, 0, mpf("0.2501"), 8,
                lambda v: (asin(sqrt(v)) / sqrt(v) - 1) / v, lambda v, d: d * v * sqrt(v) / asin(sqrt(v)))


def main():
    out = "//! Polynomial coefficients, highest degree first. Written by `coefficients.py`; not edited by hand.\n"
    for bits, name in ((24, "single"), (53, "double")):
        out += f"\n/// For `f{32 if bits == 24 else 64}`.\npub mod {name} {{\n" + "".join(tables(bits))
        if bits == 53:
            out += "".join(trigonometric(bits, 5, 5, pi / 4, "π/4")) + "".join(power(bits))
        out += "}\n"
    out += "\n/// For functions of `f32` that are computed in `f64`.\npub mod wide {\n" + "".join(wide_tables()) + "}\n"
    Path(__file__).with_name("coefficients.rs").write_text(out)


if __name__ == "__main__":
    main()
