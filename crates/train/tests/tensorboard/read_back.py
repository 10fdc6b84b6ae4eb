"""Opens a folder of event files with TensorBoard and compares what it finds with expected.json beside them.

Usage: python read_back.py DIR        (needs requirements.txt; DIR is what the example `events` of the crate wrote)

Prints each difference with its kind, tag and step and exits with 1, or says what was compared and exits with 0.
Scalars must be the nearest f32 of what was recorded, wall times the same f64, texts and PNG files the same bytes,
pictures the same pixels. Histograms are counted anew by numpy from the values.
"""

import io
import json
import math
import pathlib
import sys

import numpy as np
from PIL import Image
from tensorboard.backend.event_processing import event_accumulator, plugin_event_accumulator
from tensorboard.plugins.hparams import metadata as hparams_metadata

differences = []
compared = {}


def differ(where, got, expected):
    differences.append(f"{where}: got {got!r}, expected {expected!r}")


def check(where, got, expected):
    if got != expected:
        differ(where, got, expected)


def same_f32(got, expected):
    with np.errstate(over="ignore"):
        expected = np.float32(expected)
    return np.float32(got).tobytes() == expected.tobytes() or (math.isnan(got) and np.isnan(expected))


def close(got, expected, scale):
    # Sums of some thousand numbers in another order, and limits by another formula.
    return abs(got - expected) <= 1e-12 * scale


def compare_scalar(where, got, expected):
    if not same_f32(got.value, float(expected["value"])):
        differ(f"{where} value", got.value, expected["value"])


def exponential():
    """The limits that TensorFlow uses: 0, and powers of 1.1 from 1e-12 to 1e20 and the largest number, both signs."""
    above, v = [], 1e-12
    while v < 1e20:
        above.append(v)
        v *= 1.1
    above.append(sys.float_info.max)
    return np.array([-v for v in reversed(above)] + [0.0] + above)


def compare_histogram(where, got, expected):
    got, values, buckets = got.histogram_value, np.array(expected["values"]), expected["even"]
    check(f"{where} min", got.min, values.min())
    check(f"{where} max", got.max, values.max())
    check(f"{where} num", got.num, len(values))
    for name, of in [("sum", values), ("sum_squares", values**2)]:
        if not close(getattr(got, name), math.fsum(of), math.fsum(abs(of))):
            differ(f"{where} {name}", getattr(got, name), math.fsum(of))
    edges = exponential() if buckets is None else np.linspace(values.min(), values.max(), buckets + 1)
    counts, _ = np.histogram(values, edges)
    held = np.flatnonzero(counts)
    first, last = held[0], held[-1]
    check(f"{where} bucket", list(got.bucket), counts[first : last + 1].tolist())
    limits = edges[first + 1 : last + 2].tolist()
    check(f"{where} number of limits", len(got.bucket_limit), len(limits))
    scale = 0.0 if buckets is None else abs(values).max()
    for i, (left, right) in enumerate(zip(got.bucket_limit, limits)):
        if not close(left, right, scale):
            differ(f"{where} bucket_limit {i}", left, right)


def compare_image(where, got, expected):
    encoded = got.encoded_image_string
    try:
        picture = Image.open(io.BytesIO(encoded))
        pixels = np.array(picture)
    except Exception as error:
        differ(f"{where} PNG", str(error), "a picture")
        return
    check(f"{where} format", picture.format, "PNG")
    check(f"{where} size", (got.width, got.height), picture.size)
    if "png" in expected:
        check(f"{where} bytes", encoded == bytes(expected["png"]), True)
        return
    height, width, channels = expected["height_width_channels"]
    check(f"{where} size", (got.width, got.height), (width, height))
    check(f"{where} channels", picture.mode, {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels])
    check(f"{where} pixels", pixels.ravel().tolist(), expected["pixels"])


def compare_text(where, got, expected):
    tensor = got.tensor_proto
    check(f"{where} values", len(tensor.string_val), 1)
    text = tensor.string_val[0].decode()
    if text != expected["text"]:
        differ(where, text[:80], expected["text"][:80])


def compare(kind, tag, got, expected, compare_one):
    where = f"{kind} {tag!r}"
    steps = [event.step for event in got], [event["step"] for event in expected]
    check(f"{where} steps", *steps)
    if steps[0] != steps[1]:
        return  # values of different steps say nothing more
    for event, wanted in zip(got, expected):
        here = f"{where} step {wanted['step']}"
        check(f"{here} wall_time", event.wall_time, wanted["wall_time"])
        compare_one(here, event, wanted)
        compared[kind] = compared.get(kind, 0) + 1


def main(folder):
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    everything = {"scalars": 0, "histograms": 0, "images": 0, "tensors": 0, "compressedHistograms": 0}
    events = event_accumulator.EventAccumulator(str(folder), size_guidance=everything)
    events.Reload()
    check("file version", events.file_version, 2.0)

    # The reader behind the page itself. It also drops texts where a run goes on, but heeds a second start only.
    everything = {"scalars": 0, "histograms": 0, "images": 0, "text": 0}
    shown = plugin_event_accumulator.EventAccumulator(str(folder), tensor_size_guidance=everything)
    shown.Reload()

    session = hparams_metadata.SESSION_START_INFO_TAG
    tags = events.Tags()
    found = {kind: set(tags[kind]) for kind in ["scalars", "histograms", "images"]}
    found["texts"] = set(tags["tensors"]) - {session}
    ways = {
        "scalars": ("scalars", events.Scalars, compare_scalar),
        "histograms": ("histograms", events.Histograms, compare_histogram),
        "images": ("images", events.Images, compare_image),
        "texts": ("text", shown.Tensors, compare_text),
    }
    for kind, (plugin, read, compare_one) in ways.items():
        check(f"{kind} tags", sorted(found[kind]), sorted(expected[kind]))
        check(f"{kind} tags shown", sorted(shown.PluginTagToContent(plugin)), sorted(expected[kind]))
        for tag in sorted(found[kind] & set(expected[kind])):
            compare(kind, tag, read(tag), expected[kind][tag], compare_one)
            steps = [event["step"] for event in expected[kind][tag]]
            check(f"{kind} {tag!r} steps shown", [event.step for event in shown.Tensors(tag)], steps)

    content = events.PluginTagToContent("hparams").get(session) if session in events.summary_metadata else None
    if content is None:
        differ("hparams", None, expected["hparams"])
    else:
        info = hparams_metadata.parse_session_start_info_plugin_data(content)
        settings = {name: getattr(value, value.WhichOneof("kind")) for name, value in info.hparams.items()}
        check("hparams", settings, expected["hparams"])
        compared["hparams"] = len(settings)

    for difference in differences:
        print(difference, file=sys.stderr)
    if differences:
        print(f"{len(differences)} differences in {folder}", file=sys.stderr)
        return 1
    print("TensorBoard reads what was written:", ", ".join(f"{n} {kind}" for kind, n in compared.items()))
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1])))
