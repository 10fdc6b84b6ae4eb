"""Writes char_rnn.json: the losses of ten training steps of small character models, as PyTorch computes them in f64.

Usage: python make_char_rnn.py        (needs torch; writes beside itself)

Weights and tokens are made on either side by generator.py, parameter by parameter in the order of the model, in
±1/2. Adam with a learning rate of 0.02, gradients clipped to a norm of 1, on one batch of 3 sequences of 6 tokens.
"""

import json
import pathlib

import torch
import torch.nn.functional as F
from torch import nn

from generator import numbers

SEED = 7
VOCAB, WIDTH, HIDDEN = 11, 5, 7


class Net(nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.tok, self.rnn = nn.Embedding(VOCAB, WIDTH), cell(WIDTH, HIDDEN, 2, batch_first=True)
        self.head = nn.Linear(HIDDEN, VOCAB)

    def forward(self, tokens):
        return self.head(self.rnn(self.tok(tokens))[0])


def losses(cell):
    state, net = [SEED], Net(cell).double()
    with torch.no_grad():
        for p in net.parameters():
            v = torch.tensor([x / 2**24 - 0.5 for x in numbers(state, p.numel())], dtype=torch.float64)
            p.copy_(v.reshape(p.shape))
    x, y = (torch.tensor([v % VOCAB for v in numbers(state, 18)]).reshape(3, 6) for _ in range(2))
    adam, found = torch.optim.Adam(net.parameters(), 0.02), []
    for _ in range(10):
        loss = F.cross_entropy(net(x).reshape(18, VOCAB), y.reshape(18))
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()
        found.append(loss.item())
    return found


if __name__ == "__main__":
    cells = {"lstm": nn.LSTM, "gru": nn.GRU, "tanh": nn.RNN}
    file = {"tool": "PyTorch " + torch.__version__, "seed": SEED} | {name: losses(cell) for name, cell in cells.items()}
    pathlib.Path(__file__).with_name("char_rnn.json").write_text(json.dumps(file, indent=1) + "\n")
