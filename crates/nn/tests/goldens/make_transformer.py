"""Writes transformer.json: attention and layers of Transformers and their gradients, as PyTorch computes them in f64.

Usage: python make_transformer.py        (needs torch; writes beside itself)

A case holds the layer's options, a seed, and of the output and the gradients of sum(c * y) for the inputs and the parameters
in order: the sum of squares, and the elements at 6 places spread over it. Operands are made from the seed on either side, by
generator.py: multiples of 1/64 in [-1, 1), those of parameters halved.
"""

import json
import pathlib

import torch
from torch import nn

from generator import operand, samples

SEED = 20251129


def case(kind, mask, norm_first, activation, seed, n=2, t=5, s=4, d=6, heads=2, d_ff=7):
    state = [seed]
    how = dict(dim_feedforward=d_ff, dropout=0.0, activation=activation, batch_first=True, norm_first=norm_first)
    if kind in ("attention", "cross_attention"):
        layer = nn.MultiheadAttention(d, heads, batch_first=True).double()
    elif kind == "encoder_layer":
        layer = nn.TransformerEncoderLayer(d, heads, **how).double()
    else:
        layer = nn.TransformerDecoderLayer(d, heads, **how).double()
    with torch.no_grad():
        for p in layer.parameters():
            p.copy_(operand(state, p.shape, 0.5))
    x = operand(state, [n, t, d]).requires_grad_()
    memory = operand(state, [n, s, d]).requires_grad_()
    over = s if kind == "cross_attention" else t
    lengths = [over - 1, over]
    # There, true is what a query does not see.
    causal = torch.ones(t, t, dtype=torch.bool).triu(1) if mask == "causal" else None
    hidden = torch.arange(over)[None] >= torch.tensor(lengths)[:, None] if mask == "lengths" else None
    if kind == "attention":
        y = layer(x, x, x, attn_mask=causal, key_padding_mask=hidden, need_weights=False)[0]
    elif kind == "cross_attention":
        y = layer(x, memory, memory, key_padding_mask=hidden, need_weights=False)[0]
    elif kind == "encoder_layer":
        y = layer(x, src_mask=causal, src_key_padding_mask=hidden)
    else:
        y = layer(x, memory, tgt_mask=causal, tgt_key_padding_mask=hidden)
    inputs = [x, memory] if kind in ("cross_attention", "decoder_layer") else [x]
    grads = torch.autograd.grad((operand(state, y.shape) * y).sum(), [*inputs, *layer.parameters()])
    return dict(kind=kind, mask=mask, norm_first=norm_first, activation=activation, lengths=lengths, seed=str(seed),
                results=[samples(v) for v in (y, *grads)])


if __name__ == "__main__":
    cases = []
    for kind in ("attention", "cross_attention", "encoder_layer", "decoder_layer"):
        for mask in ("none", "causal", "lengths"):
            if kind == "cross_attention" and mask == "causal":
                continue
            for norm_first in (False, True) if kind.endswith("layer") else (False,):
                for activation in ("relu", "gelu") if kind.endswith("layer") else ("relu",):
                    cases.append(case(kind, mask, norm_first, activation, SEED + len(cases)))
    lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases)
    text = json.dumps({"tool": "PyTorch " + torch.__version__, "seed": SEED})[:-1] + ', "cases": [\n' + lines + "\n]}\n"
    pathlib.Path(__file__).with_name("transformer.json").write_text(text)
    print(len(cases), "cases")
