#!/usr/bin/python3
"""The works of `nodulescope bench --whole` as one would write them in PyTorch.

usage: torch_whole.py [THREADS]
Needs Debian's python3-torch. Prints one JSON object: "peer" says what ran, "ms" maps each
work to its time in milliseconds: a latent search of 100 steps for 16 patches (the shortest of
three), and 100 epochs of the VAE on 142 patches of noise in batches of 32 (once).
"""
import json
import time

import torch

from torch_bench import search_step, threads, vae_step

threads()


def search():
    run = search_step(16)
    for _ in range(100):
        run()


def training():
    data, support = torch.rand(142, 1, 28, 28, 28), torch.ones(142, 1, 28, 28, 28)
    step = vae_step()
    for _ in range(100):
        for batch in torch.randperm(142).split(32):
            step(data[batch], support[batch])


def timed(run):
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1e3


print(json.dumps({
    "peer": f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads",
    "ms": {"search, 100 steps, b16": min(timed(search) for _ in range(3)), "training, 100 epochs": timed(training)},
}))
