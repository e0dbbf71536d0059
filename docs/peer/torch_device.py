#!/usr/bin/env python3
"""The works of `nodulescope bench --device` with PyTorch on the same card.

usage: torch_device.py [THREADS]
Needs PyTorch 2 with CUDA, and torch_bench.py beside it. Prints one JSON object
like torch_bench.py: "ms" maps each work to its median time in milliseconds,
"<work> graph" to that with a CUDA graph. float32 throughout: no TF32.
"""
import json
import os
import statistics
import sys
import time

import torch

torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
torch.backends.cudnn.benchmark = True
torch.set_default_device("cuda")

folder = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(folder, "torch_bench.py")) as f:
    networks = f.read().split("\ndef median(")[0]  # the networks and works, not their times
exec(compile(networks, "torch_bench.py", "exec"))


def median(run):
    for _ in range(3):
        run()
    torch.cuda.synchronize()
    times, start = [], time.perf_counter()
    while len(times) < 5 or time.perf_counter() - start < 1:
        a = time.perf_counter()
        run()
        torch.cuda.synchronize()
        times.append((time.perf_counter() - a) * 1e3)
    return statistics.median(times)


def graphed(run):
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph.replay


def detect(n, samples=10):
    """VAE-AD from patches in the host's memory to scores there."""
    x = torch.rand(n, 1, 28, 28, 28, device="cpu").pin_memory()
    support = torch.ones(n, 1, 28, 28, 28, device="cpu").pin_memory()

    def run():
        with torch.no_grad():
            xs, ss = x.cuda(non_blocking=True), support.cuda(non_blocking=True)
            h = vae.features(xs)
            mean, logvar = vae.mean(h), vae.logvar(h)
            eps = torch.randn(n, samples, mean.shape[1])
            z = (mean[:, None] + (0.5 * logvar).exp()[:, None] * eps).flatten(0, 1)
            image = vae.decoder(z).view(n, samples, 28, 28, 28)
            recon = (ss * (image - xs) ** 2).sum((2, 3, 4)).mean(1)
            return recon.cpu(), image.mean(1).cpu(), mean.cpu(), logvar.cpu()
    return run


def search(n, steps=100):
    step = search_step(n)

    def run():
        for _ in range(steps):
            step()
    return run


ms = {}
for name, run in {"vae score b1": vae_score(1), "vae score b32": vae_score(32), "search step b16": search_step(16)}.items():
    ms[name] = median(run)
    try:
        ms[name + " graph"] = median(graphed(run))
    except RuntimeError as e:  # what cannot be captured has no time
        print(f"{name}: no graph: {e}", file=sys.stderr)
ms["vae-ad, 1 nodules"], ms["vae-ad, 16 nodules"] = median(detect(1)), median(detect(16))
ms["gan-ad, 16 nodules"] = median(search(16))
ms["vae train b32"] = median(vae_train(32))
ms["critic step b16"] = median(critic_step(16))
print(json.dumps({"peer": f"PyTorch {torch.__version__} on {torch.cuda.get_device_name()}, float32", "ms": ms}))
