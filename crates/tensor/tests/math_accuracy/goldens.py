#!/usr/bin/env python3
"""Writes goldens.txt beside itself: values of the f64 functions of tensor::math, from numbers of 200 bits.

    pip install mpmath && python3 goldens.py

A line holds the function, the bits of x, the bits of the double nearest to f(x), and what f(x) exceeds that double by,
in units of its last place. The arguments are the edges of each function's pieces with their neighbours, random ones
of all sizes, and those where a search over 140,000 random ones found the largest errors.
"""
import random
import struct
from pathlib import Path
from mpmath import cos, erf, erfc, erfinv, exp, expm1, log, log1p, mp, mpf, pi, sin, sqrt, tan, tanh

mp.prec = 200
random.seed(20)

FUNCTIONS = {
    # name: (function, lowest and highest argument with a finite result that is not flat, edges, hardest arguments found)
    "exp": (exp, -745.13, 709.78, [0.34657359027997264, -708.4, -744.5],
        [0xc086264d32c05fb7, 0xc08624e9ea715c3f, 0xc05c7d2d6ad04c20, 0xbff06deb2298578e, 0x40652f49c8769ab0]),
    "exp_m1": (expm1, -38.0, 709.78, [0.34657359027997264, -0.34657359027997264, 1.0397207708399179],
        [0x3fd6691642dbba3b, 0x3fd6a142d20c36b4, 0x3fd733ca3763c804, 0x40428dc6a415421c, 0x4042b1987e00a4cc]),
    "ln": (log, 5e-324, 1.7e308, [1.0, 0.7071067811865476, 1.4142135623730951, 2.2250738585072014e-308],
        [0x3fe6925f531e06db, 0x3ff6890a628cafe7, 0x3fe696b43534e296, 0x3ff4761827df1b37, 0x3fe659e98a3e9ea8, 0x3fe66bd20c1edc1e, 0x3fe682275e6de102]),
    "ln_1p": (log1p, -0.9999999999999999, 1.7e308, [1.0, -0.29289321881345254, 0.41421356237309503],
        [0xbfd33c582662a9e2, 0xbfd3456514b0950a, 0xbfd320d0b6fbc435, 0xbfd2ee41d30424f2, 0x3fd849eda0415bcc, 0x3fd9f579e1435c58]),
    "tanh": (tanh, -20.0, 20.0, [0.17328679513998632, 0.5198603854199589, 18.0],
        [0x3fc6efa11c9e3874, 0x3fc6531453219e7a, 0x3fc66be9a0638f00, 0xbfc63fed1c47ad51, 0x3fc65733f25b9480]),
    "sigmoid": (lambda x: 1 / (1 + exp(-x)), -745.13, 40.0, [0.34657359027997264, -708.4, -36.0],
        [0xc08627db17bd10e4, 0xc086263c590c73f3, 0xc083a27ea2dddfc0, 0xc07611c3f9eccc57, 0xc086233b64f52b60, 0xc086265502a46d01]),
    "erf": (erf, -6.0, 6.0, [1.0, -1.0, 5.9],
        [0x3ff12291638d2e4f, 0x3ff027c0173fffae, 0x3fefc00bc2abd038, 0x3fef28f4b6c33c0c, 0x3ff0323c1ab4a11a, 0xbff1108882d7890a, 0x3ff046cdf4eacdc6, 0x3ff094f3f5450cc6]),
    "norm_cdf": (lambda x: erfc(-x / sqrt(mpf(2))) / 2, -38.4, 8.3, [1.0, -1.0, -4.0, -37.5],
        [0xc0412e32a6f45e44, 0xc041e1a27c90dbec, 0xbff2da5e02b72b6a, 0xc03d3e10d43a7fc7, 0xc03ad9ee81e67b49, 0xc0395dd38a620b08, 0xc041dacf265b1332, 0xc03956ca61121507]),
    "norm_pdf": (lambda x: exp(-x * x / 2) / sqrt(2 * pi), -38.4, 38.4, [1.0, 37.5, -38.0],
        [0x4042d0e65b271ab3, 0x4042cfe65bcb1e37, 0x4042d05939aab11d, 0xc042d024476515a5, 0x4042d0198c9d5ecb]),
}
# Near multiples of π/2, at the ends of the reduction in parts, and the double that is nearest to one of all.
TURNS = [0.7853981633974483, 1.5707963267948966, 3.141592653589793, 4.71238898038469, 31.41592653589793, 355.0, 103993.0,
         1e6, 245850922.0, 1099511627775.5, 1099511627776.0, 1e22, 1.7e308, 6381956970095103.0 * 2.0**797]
LARGEST = 1.7976931348623157e308
for name, f in (("sin", sin), ("cos", cos), ("tan", tan)):
    FUNCTIONS[name] = (f, -LARGEST, LARGEST, TURNS, [])
FUNCTIONS["erfinv"] = (erfinv, -0.9999999999999999, 0.9999999999999999, [0.5, -0.5, 0.999, 0.9999999, -0.99999999999], [])
FUNCTIONS["logit"] = (lambda x: log(x / (1 - x)), 5e-324, 0.9999999999999999, [0.25, 0.5, 0.75, 0.999, 0.99999999999], [])
FUNCTIONS["sinc"] = (lambda x: sin(pi * x) / (pi * x), -1e15, 1e15, [0.5, 0.75, 1.5, 2.25, -3.75, 1000.25, 1e6 + 0.375], [])
TINY = [5e-324, 1.5e-310, 2.2250738585072014e-308, 1e-200, 1e-20, 1.1102230246251565e-16, 1e-8, 1e-3]


def bits(x):
    return struct.unpack("<Q", struct.pack("<d", x))[0]


def double(b):
    return struct.unpack("<d", struct.pack("<Q", b))[0]


def unit(y):
    """The distance from the double y > 0 to the next."""
    return mpf(double(bits(y) + 1)) - mpf(y)


def nearest(v):
    """The double nearest to v; subnormals too, where float(v) may round twice."""
    sign, v = (-1, -v) if v < 0 else (1, v)
    if v < mpf(2) ** -1022:
        return sign * double(int(mp.nint(v * mpf(2) ** 1074)))
    return sign * float(v)


def arguments(lo, hi, edges, hardest):
    xs = [double(b) for b in hardest]
    xs += [double(bits(e) + d) for e in edges for d in (-1, 0, 1)] + TINY + [-t for t in TINY]
    xs += [random.uniform(max(lo, -800), min(hi, 800)) for _ in range(20)]
    xs += [random.uniform(-2, 2) for _ in range(25)]
    xs += [random.choice((-1, 1)) * 2 ** random.uniform(-30, 10) for _ in range(15)]
    return sorted({x for x in xs if lo <= x <= hi and x != 0})


def powers():
    """Pairs with a finite power that is not 0: of all sizes, bases beside 1, and powers at both ends of the range."""
    pairs = [(random.uniform(0, 10), random.uniform(-50, 50)) for _ in range(60)]
    pairs += [(2 ** random.uniform(-1000, 1000), random.uniform(-1, 1)) for _ in range(40)]
    pairs += [(1 + random.uniform(-1, 1) * 2 ** random.uniform(-50, -2), 2 ** random.uniform(0, 50)) for _ in range(60)]
    pairs += [(random.choice(TINY[:3]), random.uniform(-0.9, 1)) for _ in range(10)]
    for _ in range(40):
        x = random.uniform(1.1, 100)
        pairs.append((x, float(random.choice((-1074.2, -1060, -1022, 1023.99)) / log(mpf(x), 2))))
    return [(x, y) for x, y in pairs if abs(mpf(y) * log(mpf(x), 2)) < 1024 or -1074.9 < mpf(y) * log(mpf(x), 2) < 0]


def main():
    lines = []
    for name, (f, lo, hi, edges, hardest) in FUNCTIONS.items():
        for x in arguments(lo, hi, edges, hardest):
            # What cancels near a multiple of π needs as many bits more as x has above the point.
            mp.prec = 1400 if name in ("sin", "cos", "tan") else 300
            v = f(mpf(x))
            y = nearest(v)
            lines.append(f"{name} {bits(x):016x} {bits(y):016x} {float((v - mpf(y)) / unit(abs(y))):+.3f}\n")
    mp.prec = 300
    for x, y in powers():
        v = mpf(x) ** mpf(y)
        z = nearest(v)
        lines.append(f"pow {bits(x):016x} {bits(y):016x} {bits(z):016x} {float((v - mpf(z)) / unit(abs(z))):+.3f}\n")
    Path(__file__).with_name("goldens.txt").write_text("".join(lines))


if __name__ == "__main__":
    main()
