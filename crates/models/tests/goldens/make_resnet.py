"""Writes resnet20.json: the losses of ten training steps of ResNet-20, as PyTorch computes them in f64.

Usage: python make_resnet.py        (needs torch; writes beside itself)

Weights, images and labels are made on either side by the generator below, parameter by parameter in the order of the
model: convolutions and the last layer in ±sqrt(3 / fan_in), the scales of normalisations in 1 ± 1/4, all biases in
±1/4. SGD with a learning rate of 0.05 and a momentum of 0.9 on one batch of 16. In f32 the curve is not a matter of
rounding alone: PyTorch's own leaves that of f64 by 5e-4 in the third step.
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F
from torch import nn

SEED = 2024
STATE = [SEED]


def operand(shape):
    values = []
    for _ in range(torch.Size(shape).numel()):
        STATE[0] = (STATE[0] * 6364136223846793005 + 1442695040888963407) % 2**64
        values.append((STATE[0] >> 40) / 2**23 - 1)
    return torch.tensor(values, dtype=torch.float64).reshape(shape)


def conv(cin, cout, size, stride):
    return nn.Conv2d(cin, cout, size, stride, size // 2, bias=False)


class Block(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.conv1, self.bn1 = conv(cin, cout, 3, stride), nn.BatchNorm2d(cout)
        self.conv2, self.bn2 = conv(cout, cout, 3, 1), nn.BatchNorm2d(cout)
        if stride > 1:
            self.downsample = nn.Sequential(conv(cin, cout, 1, stride), nn.BatchNorm2d(cout))
        else:
            self.downsample = None

    def forward(self, x):
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (y + (self.downsample(x) if self.downsample else x)).relu()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = conv(3, 16, 3, 1), nn.BatchNorm2d(16)
        stage = lambda cin, cout, stride: nn.Sequential(
            Block(cin, cout, stride), Block(cout, cout, 1), Block(cout, cout, 1)
        )
        self.layer1, self.layer2, self.layer3 = stage(16, 16, 1), stage(16, 32, 2), stage(32, 64, 2)
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        y = self.layer3(self.layer2(self.layer1(self.bn1(self.conv1(x)).relu())))
        return self.fc(y.mean((2, 3)))


if __name__ == "__main__":
    net = Net().double()
    for name, p in net.named_parameters():
        v = operand(p.shape)
        with torch.no_grad():
            if p.dim() > 1:
                p.copy_(v * math.sqrt(3 / p[0].numel()))
            else:
                p.copy_(v / 4 + (1 if name.endswith("weight") else 0))
    x, y = operand((16, 3, 32, 32)), torch.arange(16) % 10
    opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    losses = []
    for _ in range(10):
        loss = F.cross_entropy(net(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    net.eval()
    with torch.no_grad():
        evaluated = F.cross_entropy(net(x), y).item()
    file = {"tool": "PyTorch " + torch.__version__, "seed": SEED, "losses": losses, "evaluated": evaluated}
    pathlib.Path(__file__).with_name("resnet20.json").write_text(json.dumps(file) + "\n")
