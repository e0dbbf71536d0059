#!/usr/bin/python3
"""The works of `nodulescope bench` as one would write them in PyTorch.

usage: torch_bench.py [THREADS]
Needs Debian's python3-torch. Prints one JSON object: "peer" says what ran,
"ms" maps each work to its median time in milliseconds, and "search MiB" to the memory that
a latent search adds to the process.
"""
import json
import resource
import statistics
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(1)


def threads():
    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 2)


class Decoder(nn.Module):
    def __init__(self, latent):
        super().__init__()
        self.linear = nn.Linear(latent, 128 * 4**3)
        self.conv1 = nn.Conv3d(128, 64, 3, padding=1)
        self.conv2 = nn.Conv3d(64, 32, 3, padding=1)
        self.conv3 = nn.Conv3d(32, 1, 3, padding=1)

    def forward(self, z):
        h = F.leaky_relu(self.linear(z), 0.2).view(-1, 128, 4, 4, 4)
        h = F.leaky_relu(self.conv1(F.interpolate(h, scale_factor=2)[..., :7, :7, :7]), 0.2)
        h = F.leaky_relu(self.conv2(F.interpolate(h, scale_factor=2)), 0.2)
        return torch.sigmoid(self.conv3(F.interpolate(h, scale_factor=2)))


class VAE(nn.Module):
    def __init__(self, latent=64):
        super().__init__()
        act = nn.LeakyReLU(0.2)
        self.features = nn.Sequential(
            nn.Conv3d(1, 32, 3, 2, 1), act, nn.Conv3d(32, 64, 3, 2, 1), act,
            nn.Conv3d(64, 128, 3, 2, 1), act, nn.Flatten())
        self.mean = nn.Linear(8192, latent)
        self.logvar = nn.Linear(8192, latent)
        self.decoder = Decoder(latent)

    def forward(self, x):
        h = self.features(x)
        mean, logvar = self.mean(h), self.logvar(h)
        return self.decoder(mean + torch.randn_like(mean) * (0.5 * logvar).exp()), mean, logvar


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv3d(1, 32, 4, 2, 1), nn.Conv3d(32, 64, 4, 2, 1), nn.Conv3d(64, 128, 4, 2, 1)])
        self.linear = nn.Linear(128 * 27, 1)

    def features(self, x):
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.2)
        return x.flatten(1)

    def forward(self, x):
        return self.linear(self.features(x))


class Outliner(nn.Module):
    def __init__(self, channels=(16, 32, 64, 96)):
        super().__init__()

        def layer(i, o, stride=1):
            return nn.Sequential(nn.Conv3d(i, o, 3, stride, 1, bias=False), nn.GroupNorm(o // 4, o), nn.LeakyReLU(0.2))
        c = channels
        self.down = nn.ModuleList([nn.Sequential(layer(2, c[0]), layer(c[0], c[0]))] + [
            nn.Sequential(layer(a, b, 2), layer(b, b)) for a, b in zip(c, c[1:])])
        self.up = nn.ModuleList([layer(b, a) for a, b in zip(c, c[1:])])
        self.more = nn.ModuleList([layer(a, a) for a in c[:-1]])
        self.out = nn.Conv3d(c[0], 1, 3, padding=1)

    def forward(self, x):
        skips = []
        for down in self.down:
            x = down(x)
            skips.append(x)
        for skip, up, more in list(zip(skips, self.up, self.more))[::-1]:
            x = more(up(F.interpolate(x, scale_factor=2)) + skip)
        return self.out(x)


vae, generator, critic, outliner = VAE(), Decoder(100), Critic(), Outliner()


def patches(n):
    return torch.rand(n, 1, 28, 28, 28)


def vae_score(n):
    x = patches(n)

    def run():
        with torch.no_grad():
            vae(x)
    return run


def vae_step():
    optimiser = torch.optim.Adam(vae.parameters(), 1e-4)

    def step(x, support):
        image, mean, logvar = vae(x)
        recon = (support * (image - x) ** 2).flatten(1).sum(1)
        kl = -0.5 * (1 + logvar - mean**2 - logvar.exp()).sum(1)
        optimiser.zero_grad()
        (recon + kl).mean().backward()
        optimiser.step()
    return step


def vae_train(n):
    x, support, step = patches(n), patches(n), vae_step()
    return lambda: step(x, support)


def search_step(n):
    x, support = patches(n), patches(n)
    z = torch.rand(n, 100, requires_grad=True)
    optimiser = torch.optim.SGD([z], 1e-2, momentum=0.9)
    for p in list(generator.parameters()) + list(critic.parameters()):
        p.requires_grad_(False)  # only z is searched
    with torch.no_grad():
        fx = critic.features(x)

    def run():
        image = generator(z)
        residual = (support * (x - image).abs()).flatten(1).sum(1)
        loss = 0.5 * residual + 0.5 * (fx - critic.features(support * image)).abs().sum(1)
        optimiser.zero_grad()
        loss.sum().backward()
        optimiser.step()
    return run


def critic_step(n):
    real = patches(n)
    for p in critic.parameters():
        p.requires_grad_(True)
    optimiser = torch.optim.Adam(critic.parameters(), 1e-4, betas=(0, 0.9))

    def run():
        with torch.no_grad():
            fake = generator(torch.rand(n, 100))
        u = torch.rand(n, 1, 1, 1, 1)
        mix = (u * real + (1 - u) * fake).requires_grad_()
        slope, = torch.autograd.grad(critic(mix).sum(), mix, create_graph=True)
        penalty = ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()
        loss = critic(fake).mean() - critic(real).mean() + 10 * penalty
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return run


def outline_train(n):
    x, y = torch.rand(n, 2, 32, 32, 32), (torch.rand(n, 1, 32, 32, 32) < 0.02).float()
    optimiser = torch.optim.Adam(outliner.parameters(), 3e-3)

    def run():
        logits = outliner(x)
        p = torch.sigmoid(logits)
        dice = 1 - (2 * (p * y).flatten(1).sum(1) + 1) / (p.flatten(1).sum(1) + y.flatten(1).sum(1) + 1)
        loss = F.binary_cross_entropy_with_logits(logits, 0.99 * y + 0.005) + dice.mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return run


def median(run):
    run()
    times, start = [], time.perf_counter()
    while len(times) < 5 or time.perf_counter() - start < 1:
        a = time.perf_counter()
        run()
        times.append((time.perf_counter() - a) * 1e3)
    return statistics.median(times)


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # MiB


def main():
    threads()
    # First: an earlier peak hides a later one.
    before, run = peak(), search_step(16)
    for _ in range(3):
        run()
    memory = peak() - before

    works = {
        "vae score b1": vae_score(1),
        "vae score b32": vae_score(32),
        "search step b16": search_step(16),
    }
    ms = {name: median(run) for name, run in works.items()}
    ms["vae train b32"] = median(vae_train(32))
    ms["critic step b16"] = median(critic_step(16))
    ms["outline train b8"] = median(outline_train(8))
    print(json.dumps({"peer": f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads", "ms": {**ms, "search MiB": memory}}))


if __name__ == "__main__":
    main()
