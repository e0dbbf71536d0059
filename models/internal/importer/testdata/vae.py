#!/usr/bin/python3
"""Writes a seeded VAE and what PyTorch computes with it: vae.py DIR DIMS LATENT DTYPE.

DIR gets vae.safetensors (weights as DTYPE: F32, F16 or BF16) and raw float32
files: x and z (inputs), mean and logvar (encoder of x), picture (decoder of z).
"""
import json
import os
import struct
import sys

import torch
from torch import nn
from torch.nn import functional as F

folder, dims, latent, dtype = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
torch.manual_seed(11)
torch.set_num_threads(1)
Conv = {2: nn.Conv2d, 3: nn.Conv3d}[dims]
FLAT = 128 * 4**dims


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Linear(latent, FLAT)
        self.c1, self.c2, self.c3 = Conv(128, 64, 3, padding=1), Conv(64, 32, 3, padding=1), Conv(32, 1, 3, padding=1)

    def forward(self, z):
        h = F.leaky_relu(self.f(z), 0.2).view(-1, 128, *[4] * dims)
        h = F.interpolate(h, scale_factor=2)[(..., *[slice(7)] * dims)]
        h = F.interpolate(F.leaky_relu(self.c1(h), 0.2), scale_factor=2)
        h = F.interpolate(F.leaky_relu(self.c2(h), 0.2), scale_factor=2)
        return torch.sigmoid(self.c3(h))


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        layers = []
        for n, k in (1, 32), (32, 64), (64, 128):
            layers += [Conv(n, k, 3, stride=2, padding=1), nn.LeakyReLU(0.2)]
        self.e = nn.Sequential(*layers, nn.Flatten())
        self.mu, self.lv, self.g = nn.Linear(FLAT, latent), nn.Linear(FLAT, latent), Generator()


def write(name, data):
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


def raw(t):
    if t.dtype == torch.bfloat16:
        t = t.view(torch.int16)
    return t.detach().contiguous().numpy().tobytes()


vae = VAE()
kind = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}[dtype]
header, body = {"__metadata__": {"format": "pt"}}, b""
for name, t in vae.state_dict().items():
    t.copy_(t.to(kind))  # what is computed with is what is written
    data = raw(t.to(kind))
    header[name] = {"dtype": dtype, "shape": list(t.shape), "data_offsets": [len(body), len(body) + len(data)]}
    body += data
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)  # as the safetensors library aligns it
write("vae.safetensors", struct.pack("<Q", len(text)) + text + body)

with torch.no_grad():
    x, z = torch.rand(2, 1, *[28] * dims), torch.randn(2, latent)
    h = vae.e(x)
    for name, t in ("x", x), ("z", z), ("mean", vae.mu(h)), ("logvar", vae.lv(h)), ("picture", vae.g(z)):
        write(name, raw(t))
