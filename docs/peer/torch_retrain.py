#!/usr/bin/python3
"""How many times longer PyTorch takes for the networks of a retraining, in processor time.

usage: torch_retrain.py DATA.npz PLAN.json nodulescope
Needs Debian's python3-torch. PLAN is what `nodulescope retrain ... --dry-run --json` says of
the retraining that is asked about. The program retrains from scratch on DATA, a small set,
three times: few steps, more epochs of VAE-AD, more steps of GAN-AD; the differences are what a
step takes. PyTorch does the same kinds of steps: VAE-AD in batches of 32; GAN-AD by five of the
critic and one of the generator in batches of 64, and ten of the encoder in batches of 16. Its
patches are there already, ours are cut and turned anew. Both have one thread, and their
processor time is counted, so that other work on the machine matters little. Prints one JSON
object, in seconds.
"""
import json
import math
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import torch
import torch.nn as nn

from torch_bench import critic, critic_step, generator, patches, vae_train


def generator_step(n):
    optimiser = torch.optim.Adam(generator.parameters(), 1e-4, betas=(0, 0.9))

    def run():
        loss = -critic(generator(torch.rand(n, 100))).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return run


def encoder_step(n):
    act = nn.LeakyReLU(0.2)
    encoder = nn.Sequential(
        nn.Conv3d(1, 32, 3, 2, 1), act, nn.Conv3d(32, 64, 3, 2, 1), act,
        nn.Conv3d(64, 128, 3, 2, 1), act, nn.Flatten(), nn.Linear(8192, 100), nn.Tanh())
    x, support = patches(n), patches(n)
    optimiser = torch.optim.Adam(encoder.parameters(), 5e-4)

    def run():
        image = generator(encoder(x))
        residual = (support * (x - image).abs()).flatten(1).sum(1)
        features = (critic.features(x).detach() - critic.features(support * image)).abs().sum(1)
        loss = (0.5 * residual + 0.5 * features).mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(encoder.parameters(), 1000)
        optimiser.step()
    return run


EPOCHS, MORE_EPOCHS, GAN_STEPS, MORE_GAN_STEPS = 2, 12, 2, 4
command = [sys.argv[3], "retrain", sys.argv[1], "--models", "shipped", "--from-scratch", "--threads", "1", "--priority", "normal"]


def used():
    u = resource.getrusage(resource.RUSAGE_CHILDREN)
    return u.ru_utime + u.ru_stime


def retrain(epochs, gan_steps):
    before = used()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(command + ["--epochs", str(epochs), "--gan-steps", str(gan_steps), "--dir", folder + "/state", "--out", folder + "/out"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return used() - before


def trainings(plan):
    """Work and batches of VAE-AD, and steps of GAN-AD."""
    batches = math.ceil(plan["data"]["sides"][0]["normals"] / 32)
    works = [work for work in plan["work"] if ": training" in work["name"]]
    epochs = [work["units"] for work in works if work["unit"] == "epochs"]
    return len(epochs), sum(epochs) * batches, sum(work["units"] for work in works if work["unit"] == "steps") / 2  # half are the encoder's


def processor(run, times=3):
    run()
    took = []
    for _ in range(times):
        start = time.process_time()
        run()
        took.append(time.process_time() - start)
    return statistics.median(took)


def main():
    torch.set_num_threads(1)
    plan = json.load(open(sys.argv[2], encoding="utf-8"))
    rates, vae_steps, gan_steps = trainings(plan)
    small = json.loads(subprocess.run(command + ["--epochs", "1", "--gan-steps", "1", "--dry-run", "--json"], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)
    few = retrain(EPOCHS, GAN_STEPS)
    ours = {
        "vae": (retrain(MORE_EPOCHS, GAN_STEPS) - few) / ((MORE_EPOCHS - EPOCHS) * trainings(small)[1]),
        "gan": (retrain(EPOCHS, MORE_GAN_STEPS) - few) / (MORE_GAN_STEPS - GAN_STEPS),
    }
    peer = {"vae": processor(vae_train(32))}
    peer["gan"] = 5 * processor(critic_step(64)) + processor(generator_step(64))
    for p in list(generator.parameters()) + list(critic.parameters()):
        p.requires_grad_(False)  # only the encoder learns
    peer["gan"] += 10 * processor(encoder_step(16))
    whole = [vae_steps * one["vae"] + gan_steps * one["gan"] for one in (ours, peer)]
    print(json.dumps({
        "peer": f"PyTorch {torch.__version__}, 1 thread", "ours": ours, "torch": peer, "ratio": {k: peer[k] / ours[k] for k in ours},
        "whole": {"vae steps": vae_steps, "rates": rates, "gan steps": gan_steps, "ours": whole[0], "torch": whole[1], "ratio": whole[1] / whole[0]},
    }))


if __name__ == "__main__":
    main()
