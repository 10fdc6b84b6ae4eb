"""Times the table of crates/tensor/benches/conv.rs on PyTorch: forward, and both gradients apart.

Usage: python conv_peer.py [threads]        (needs torch; prints microseconds, the least and the median of a second)
"""

import os
import re
import sys
import pathlib
import time

THREADS = int(sys.argv[1]) if len(sys.argv) > 1 else 2
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])

import torch

torch.set_num_threads(THREADS)
BENCH = pathlib.Path(__file__).parent.parent / "crates/tensor/benches/conv.rs"
ROW = re.compile(r'\("([^"]+)", &\[([\d, ]+)\], &\[([\d, ]+)\], (\d+), (\d+), (\d+), (\d+)\)')


def measure(f):
    for _ in range(3):
        f()
    times, end = [], time.perf_counter() + 1
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        f()
        times.append(time.perf_counter() - start)
    times.sort()
    return f"{times[0] * 1e6:10.0f} {times[len(times) // 2] * 1e6:10.0f}"


for name, images, weight, *numbers in ROW.findall(BENCH.read_text()):
    images, weight = ([int(n) for n in shape.split(",")] for shape in (images, weight))
    stride, padding, dilation, groups = map(int, numbers)
    rank = len(images) - 2
    layout = {2: torch.channels_last, 3: torch.channels_last_3d}.get(rank, torch.contiguous_format)
    x, w = (torch.randn(shape).contiguous(memory_format=layout) for shape in (images, weight))
    each = lambda n: [n] * rank
    options = (None, each(stride), each(padding), each(dilation), groups)
    f = (None, torch.conv1d, torch.conv2d, torch.conv3d)[rank]
    with torch.no_grad():
        y = f(x, w, *options)
        print(f"{name + ', forward':28}", measure(lambda: f(x, w, *options)), flush=True)
    for what, mask in (("input", [True, False, False]), ("weight", [False, True, False])):
        back = lambda: torch.ops.aten.convolution_backward(
            y, x, w, None, *options[1:4], False, each(0), groups, mask
        )
        print(f"{name + ', ' + what:28}", measure(back), flush=True)
