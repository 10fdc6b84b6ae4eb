"""Writes gpt.json: the losses of ten training steps of a small GPT-2, as PyTorch computes them in f64.

Usage: python make_gpt.py        (needs torch; writes beside itself)

Weights and tokens are made on either side by generator.py, parameter by parameter in the order of the model: matrices
in ±1/4, scales of normalisations in 1 ± 1/4, biases in ±1/4. AdamW with a learning rate of 0.01, betas 0.9 and 0.99 and a
decay of 0.1 on one batch of 3 sequences of 8 tokens.
"""

import json
import pathlib

import torch
import torch.nn.functional as F
from torch import nn

from generator import numbers

SEED = 11
VOCAB, CONTEXT, LAYERS, HEADS, WIDTH = 13, 8, 2, 2, 6


class Turned(nn.Module):
    """GPT-2's linear map, whose weight is (in, out)."""

    def __init__(self, cin, cout):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(cin, cout)), nn.Parameter(torch.empty(cout))

    def forward(self, x):
        return x @ self.weight + self.bias


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.c_attn, self.c_proj = Turned(WIDTH, 3 * WIDTH), Turned(WIDTH, WIDTH)

    def forward(self, x):
        n, t, d = x.shape
        q, k, v = (p.view(n, t, HEADS, d // HEADS).transpose(1, 2) for p in self.c_attn(x).split(d, 2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.c_proj(y.transpose(1, 2).reshape(n, t, d))


class FeedForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.c_fc, self.c_proj = Turned(WIDTH, 4 * WIDTH), Turned(4 * WIDTH, WIDTH)

    def forward(self, x):
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln_1, self.attn = nn.LayerNorm(WIDTH), Attention()
        self.ln_2, self.mlp = nn.LayerNorm(WIDTH), FeedForward()

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class Gpt(nn.Module):
    def __init__(self):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(VOCAB, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.h, self.ln_f = nn.ModuleList(Block() for _ in range(LAYERS)), nn.LayerNorm(WIDTH)

    def forward(self, tokens):
        x = self.wte(tokens) + self.wpe.weight[: tokens.shape[1]]
        for block in self.h:
            x = block(x)
        return self.ln_f(x) @ self.wte.weight.t()


if __name__ == "__main__":
    state, net = [SEED], Gpt().double()
    names = []
    with torch.no_grad():
        for name, p in net.named_parameters():
            v = torch.tensor([x / 2**25 - 0.25 for x in numbers(state, p.numel())], dtype=torch.float64).reshape(p.shape)
            p.copy_(v + 1 if ".ln_" in "." + name and name.endswith("weight") else v)
            names.append([name, list(p.shape)])
    x, y = (torch.tensor([v % VOCAB for v in numbers(state, 24)]).reshape(3, 8) for _ in range(2))
    adam, losses = torch.optim.AdamW(net.parameters(), 0.01, betas=(0.9, 0.99), weight_decay=0.1), []
    for _ in range(10):
        loss = F.cross_entropy(net(x).reshape(24, VOCAB), y.reshape(24))
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    file = {"tool": "PyTorch " + torch.__version__, "seed": SEED, "parameters": names, "losses": losses}
    pathlib.Path(__file__).with_name("gpt.json").write_text(json.dumps(file) + "\n")
