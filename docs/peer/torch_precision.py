#!/usr/bin/python3
"""What precisions of tensor cores do to the score of GAN-AD, in PyTorch on the processor.

usage: torch_precision.py gan-ad.safetensors nodules.npz [NODULES]
Needs Debian's python3-torch. A latent search of 100 steps (equation 13, lambda 0) for nodules
spread over the data set, whose convolutions and products, forward and backward, round their
factors as TF32 and BF16 do. Prints how far probabilities are from those of float32. Sums are
float32 here, and upsampling is not folded into weights: tensor cores differ in both.
"""
import json
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F


def rounded(drop, even):
    """Rounds to float32 without its last bits: ties to even, or away from zero."""
    def f(x):
        u = x.contiguous().view(torch.int32)
        u = u + ((1 << (drop - 1)) - 1 + ((u >> drop) & 1) if even else 1 << (drop - 1))
        return ((u >> drop) << drop).view(torch.float32)
    return f


precisions = {"float32": lambda x: x, "tf32": rounded(13, False), "bf16": rounded(16, True)}
held = precisions["float32"]


class Conv(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, bias):
        ctx.w = held(w)
        return F.conv3d(held(x), ctx.w, bias, padding=1)

    @staticmethod
    def backward(ctx, g):
        return F.conv_transpose3d(held(g), ctx.w, padding=1), None, None


class Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, bias):
        ctx.w = held(w)
        return held(x) @ ctx.w + bias

    @staticmethod
    def backward(ctx, g):
        return held(g) @ ctx.w.t(), None, None


def load(path):
    """Tensors of the generator, and the slope and intercept of the probability."""
    b = open(path, "rb").read()
    n, = struct.unpack("<Q", b[:8])
    header, data = json.loads(b[8:8 + n]), b[8 + n:]
    logistic = json.loads(header.pop("__metadata__")["nodulescope"])["detector"]["logistic"]
    tensors = {k: torch.from_numpy(np.frombuffer(data[slice(*v["data_offsets"])], np.float32).reshape(v["shape"]).copy())
               for k, v in header.items() if k.startswith("generator.")}
    return tensors, logistic


def generate(tensors, z):
    def layer(kind, name, x):
        return kind.apply(x, tensors[f"generator.{name}.weight"], tensors[f"generator.{name}.bias"])
    h = F.leaky_relu(layer(Linear, "linear", z), 0.2).view(-1, 128, 4, 4, 4)
    h = F.leaky_relu(layer(Conv, "conv1", F.interpolate(h, scale_factor=2)[..., :7, :7, :7]), 0.2)
    h = F.leaky_relu(layer(Conv, "conv2", F.interpolate(h, scale_factor=2)), 0.2)
    return torch.sigmoid(layer(Conv, "conv3", F.interpolate(h, scale_factor=2)))


def patches(path, n):
    """Patches of 28 mm within the support, and the support: 6 mm high, 24 mm wide."""
    d = np.load(path)
    at = np.linspace(0, len(d["cubes_hu"]) - 1, n).astype(int)
    inner = (slice(None),) + 3 * (slice(2, 30),)
    x, inside = d["cubes_hu"][at].astype(np.float32)[inner], d["inside"][at][inner]
    z, y, x0 = np.mgrid[:28, :28, :28] - 13.5
    support = ((np.abs(z) <= 3) & (y**2 + x0**2 <= 144) & (inside > 0)).astype(np.float32)
    x = np.clip((x + 1000) / 1400, 0, 1) * support
    return torch.from_numpy(x)[:, None], torch.from_numpy(support)[:, None]


def search(tensors, x, support, z):
    """The residual per voxel of the support after 100 steps."""
    speed = torch.zeros_like(z)
    for step in range(101):
        z = z.detach().requires_grad_()
        residual = (support * (x - generate(tensors, z)).abs()).flatten(1).sum(1)
        if step == 100:
            return (residual / support.flatten(1).sum(1)).detach().numpy()
        slope, = torch.autograd.grad(residual.sum(), z)
        speed = 0.9 * speed - 3e-4 * slope
        z = (z.detach() + speed).clamp(-1, 1)


torch.manual_seed(0)
torch.set_num_threads(2)
tensors, logistic = load(sys.argv[1])
x, support = patches(sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 32)
start, first = torch.rand(len(x), 100) * 2 - 1, None
for name, held in precisions.items():
    raw = search(tensors, x, support, start)
    chance = 1 / (1 + np.exp(-(logistic["intercept"] + logistic["slope"] * raw)))
    first = chance if first is None else first
    off = np.abs(chance - first)
    print(f"{name:8} {len(x)} nodules, probability off by at most {off.max():.2g}, median {np.median(off):.2g}", flush=True)
