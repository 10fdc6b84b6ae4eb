"""Writes transformers.json: losses of ten training steps, in f64, of a small Llama, Vision Transformer, BERT and translator, as
PyTorch computes them.

Usage: python make_transformers.py        (needs torch; writes beside itself)

Weights, tokens and images are made on either side by generator.py, parameter by parameter in the order of the model: numbers in
±1/4, for scales of normalisations in 1 ± 1/4. AdamW with a learning rate of 0.01, betas 0.9 and 0.99 and a decay of 0.1.
"""

import json
import pathlib

import torch
import torch.nn.functional as F
from torch import nn

from generator import numbers

SEED = 23
D, HEADS, KV, FF, VOCAB = 8, 4, 2, 12, 13


def heads(x, count):
    n, t, d = x.shape
    return x.view(n, t, count, d // count).transpose(1, 2)


def joined(x):
    n, h, t, d = x.shape
    return x.transpose(1, 2).reshape(n, t, h * d)


# Llama: rotate_half as published, heads of keys repeated, a window of 3.

def turned(x, theta=100.0):
    t, d = x.shape[-2:]
    rate = theta ** -(torch.arange(0, d, 2, dtype=torch.float64) / d)
    angle = torch.outer(torch.arange(t, dtype=torch.float64), rate)
    angle = torch.cat((angle, angle), -1)
    a, b = x.chunk(2, -1)
    return x * angle.cos() + torch.cat((-b, a), -1) * angle.sin()


class RmsNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(D))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * self.weight


class LlamaAttention(nn.Module):
    def __init__(self):
        super().__init__()
        of_kv = D // HEADS * KV
        self.q_proj, self.k_proj = nn.Linear(D, D, False), nn.Linear(D, of_kv, False)
        self.v_proj, self.o_proj = nn.Linear(D, of_kv, False), nn.Linear(D, D, False)

    def forward(self, x):
        q, k, v = heads(self.q_proj(x), HEADS), heads(self.k_proj(x), KV), heads(self.v_proj(x), KV)
        q, k = turned(q), turned(k)
        k, v = (z.repeat_interleave(HEADS // KV, 1) for z in (k, v))
        place = torch.arange(x.shape[1])
        gap = place[:, None] - place
        scores = (q @ k.transpose(-2, -1) / (D // HEADS) ** 0.5).masked_fill((gap < 0) | (gap >= 3), -torch.inf)
        return self.o_proj(joined(scores.softmax(-1) @ v))


class LlamaMlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate_proj, self.up_proj = nn.Linear(D, FF, False), nn.Linear(D, FF, False)
        self.down_proj = nn.Linear(FF, D, False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class LlamaLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.self_attn, self.mlp = LlamaAttention(), LlamaMlp()
        self.input_layernorm, self.post_attention_layernorm = RmsNorm(), RmsNorm()

    def forward(self, x):
        x = x + self.self_attn(self.input_layernorm(x))
        return x + self.mlp(self.post_attention_layernorm(x))


class LlamaModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed_tokens = nn.Embedding(VOCAB, D)
        self.layers, self.norm = nn.ModuleList(LlamaLayer() for _ in range(2)), RmsNorm()


class Llama(nn.Module):
    def __init__(self):
        super().__init__()
        self.model, self.lm_head = LlamaModel(), nn.Linear(D, VOCAB, False)

    def forward(self, tokens):
        x = self.model.embed_tokens(tokens)
        for layer in self.model.layers:
            x = layer(x)
        return self.lm_head(self.model.norm(x)).flatten(0, 1)


# Vision Transformer, timm's names.

class Patches(nn.Module):
    def __init__(self):
        super().__init__()
        self.proj = nn.Conv2d(2, D, (2, 3), (2, 3))

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


class VitAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.proj = nn.Linear(D, 3 * D), nn.Linear(D, D)

    def forward(self, x):
        q, k, v = (heads(z, HEADS) for z in self.qkv(x).split(D, -1))
        return self.proj(joined(F.scaled_dot_product_attention(q, k, v)))


class VitMlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(D, FF), nn.Linear(FF, D)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class VitBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(D, 1e-6), VitAttention()
        self.norm2, self.mlp = nn.LayerNorm(D, 1e-6), VitMlp()

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Vit(nn.Module):
    def __init__(self):
        super().__init__()
        self.cls_token, self.pos_embed = nn.Parameter(torch.empty(1, 1, D)), nn.Parameter(torch.empty(1, 5, D))
        self.patch_embed = Patches()
        self.blocks = nn.ModuleList(VitBlock() for _ in range(2))
        self.norm, self.head = nn.LayerNorm(D, 1e-6), nn.Linear(D, 4)

    def forward(self, images):
        x = torch.cat((self.cls_token.expand(len(images), 1, D), self.patch_embed(images)), 1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


# BERT, with the names of its published weights; the layers are PyTorch's own.

class Named(nn.Module):
    """A module of these parts."""

    def __init__(self, parts):
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)


def bert_layer():
    gather = Named({"query": nn.Linear(D, D), "key": nn.Linear(D, D), "value": nn.Linear(D, D)})
    output = lambda width: Named({"dense": nn.Linear(width, D), "LayerNorm": nn.LayerNorm(D, 1e-12)})
    attention = Named({"self": gather, "output": output(D)})
    return Named({"attention": attention, "intermediate": Named({"dense": nn.Linear(D, FF)}), "output": output(FF)})


class Bert(nn.Module):
    def __init__(self):
        super().__init__()
        self.embeddings = Named({
            "word_embeddings": nn.Embedding(VOCAB, D), "position_embeddings": nn.Embedding(9, D),
            "token_type_embeddings": nn.Embedding(2, D), "LayerNorm": nn.LayerNorm(D, 1e-12)})
        self.encoder = Named({"layer": nn.ModuleList(bert_layer() for _ in range(2))})
        self.pooler = Named({"dense": nn.Linear(D, D)})

    def forward(self, tokens, kinds, sees):
        e = self.embeddings
        x = e.LayerNorm(e.word_embeddings(tokens) + e.position_embeddings.weight[: tokens.shape[1]]
                        + e.token_type_embeddings(kinds))
        for layer in self.encoder.layer:
            gather = getattr(layer.attention, "self")
            q, k, v = (heads(f(x), HEADS) for f in (gather.query, gather.key, gather.value))
            y = joined(F.scaled_dot_product_attention(q, k, v, attn_mask=sees[:, None, None, :]))
            x = layer.attention.output.LayerNorm(layer.attention.output.dense(y) + x)
            y = layer.output.dense(F.gelu(layer.intermediate.dense(x)))
            x = layer.output.LayerNorm(y + x)
        return torch.tanh(self.pooler.dense(x[:, 0]))


# The translator: PyTorch's encoder and decoder.

class Translator(nn.Module):
    def __init__(self):
        super().__init__()
        how = dict(dim_feedforward=FF, dropout=0.0, batch_first=True, norm_first=True)
        self.source_embedding, self.target_embedding = nn.Embedding(VOCAB, D), nn.Embedding(VOCAB, D)
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(D, HEADS, **how), 2, nn.LayerNorm(D), enable_nested_tensor=False)
        self.decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(D, HEADS, **how), 2, nn.LayerNorm(D))
        self.head = nn.Linear(D, VOCAB)
        place = torch.arange(20, dtype=torch.float64)[:, None]
        angle = place * 10000.0 ** (-torch.arange(0, D, 2, dtype=torch.float64) / D)
        self.waves = torch.stack((angle.sin(), angle.cos()), -1).reshape(20, D)

    def forward(self, source, hidden, target):
        embed = lambda table, tokens: table(tokens) * D**0.5 + self.waves[: tokens.shape[1]]
        memory = self.encoder(embed(self.source_embedding, source), src_key_padding_mask=hidden)
        causal = torch.ones(target.shape[1], target.shape[1]).triu(1).bool()
        y = self.decoder(embed(self.target_embedding, target), memory, tgt_mask=causal, memory_key_padding_mask=hidden)
        return self.head(y).flatten(0, 1)


def trained(net, state, make_batch):
    """The parameters' names and shapes, and ten losses; values are drawn first, the batch behind them."""
    net = net.double()
    names = []
    with torch.no_grad():
        for name, p in net.named_parameters():
            v = torch.tensor([x / 2**25 - 0.25 for x in numbers(state, p.numel())], dtype=torch.float64).reshape(p.shape)
            p.copy_(v + 1 if "norm" in name.lower() and name.endswith("weight") else v)
            names.append([name, list(p.shape)])
    loss_of = make_batch(net)
    adam, losses = torch.optim.AdamW(net.parameters(), 0.01, betas=(0.9, 0.99), weight_decay=0.1), []
    for _ in range(10):
        loss = loss_of()
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    return {"parameters": names, "losses": losses}


if __name__ == "__main__":
    state = [SEED]
    tokens = lambda *shape: torch.tensor(
        [v % VOCAB for v in numbers(state, torch.Size(shape).numel())]).reshape(shape)
    reals = lambda *shape: torch.tensor(
        [v / 2**24 for v in numbers(state, torch.Size(shape).numel())], dtype=torch.float64).reshape(shape)

    def llama(net):
        x, y = tokens(3, 7), tokens(21)
        return lambda: F.cross_entropy(net(x), y)

    def vit(net):
        x, y = reals(5, 2, 4, 6), tokens(5) % 4
        return lambda: F.cross_entropy(net(x), y)

    def bert(net):
        x, kinds, y = tokens(3, 6), tokens(3, 6) % 2, reals(3, D)
        sees = torch.arange(6) < torch.tensor([6, 2, 4])[:, None]
        return lambda: F.mse_loss(net(x, kinds, sees), y)

    def translator(net):
        source, target, y = tokens(3, 5), tokens(3, 4), tokens(12)
        hidden = torch.arange(5) >= torch.tensor([5, 3, 4])[:, None]
        return lambda: F.cross_entropy(net(source, hidden, target), y)

    file = {"tool": "PyTorch " + torch.__version__, "seed": SEED}
    file |= {"llama": trained(Llama(), state, llama), "vit": trained(Vit(), state, vit)}
    file |= {"bert": trained(Bert(), state, bert), "translator": trained(Translator(), state, translator)}
    pathlib.Path(__file__).with_name("transformers.json").write_text(json.dumps(file) + "\n")
