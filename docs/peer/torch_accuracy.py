#!/usr/bin/python3
"""The networks of `nodulescope bench --accuracy` in PyTorch.

usage: torch_accuracy.py FOLDER [THREADS]
Needs Debian's python3-torch. Every folder NETWORK-SEED of FOLDER has weights
and inputs of a network (vae, search or critic) as float32 in in/*.npy. Its
outputs and gradients go to f64/*.npy, computed in float64 (the reference), and
to f32/*.npy; f64/kink.I.npy says where the input of the I-th LeakyReLU or
absolute value is above 0. Prints one JSON object: "peer" says what ran,
"flips" in how many places each folder's float32 is on the other side of 0.
"""
import json
import os
import pathlib
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # nothing is timed: leave others the processor
try:
    import numpy as np
    import torch
    import torch.nn.functional as F
except ImportError as e:
    sys.exit(f"{e}: install Debian's python3-torch and python3-numpy")


class Weights(dict):
    """Weights by name, those of linear layers [in, out], and what is above 0."""

    def __init__(self):
        self.kinks = []

    def act(self, x):
        self.kinks.append(x.detach() > 0)
        return F.leaky_relu(x, 0.2)

    def abs(self, x):
        self.kinks.append(x.detach() > 0)
        return x.abs()

    def conv(self, name, x, stride):
        f = F.conv3d if x.dim() == 5 else F.conv2d
        return f(x, self[name + ".weight"], self[name + ".bias"], stride=stride, padding=1)

    def linear(self, name, x):
        return F.linear(x, self[name + ".weight"].t(), self[name + ".bias"])

    def upsampler(self, prefix, z, dims):
        h = self.act(self.linear(prefix + ".linear", z)).view(-1, 128, *[4] * dims)
        h = F.interpolate(h, scale_factor=2)[..., :7, :7]
        if dims == 3:
            h = h[..., :7, :, :]
        h = self.act(self.conv(prefix + ".conv1", h, 1))
        h = self.act(self.conv(prefix + ".conv2", F.interpolate(h, scale_factor=2), 1))
        return torch.sigmoid(self.conv(prefix + ".conv3", F.interpolate(h, scale_factor=2), 1))

    def encoder(self, prefix, x):
        for layer in (".conv1", ".conv2", ".conv3"):
            x = self.act(self.conv(prefix + layer, x, 2))
        return x.flatten(1)

    def critic(self, x):
        features = self.encoder("critic", x)
        return features, self.linear("critic.linear", features).view(-1)


def rows(x):
    return x.flatten(1).sum(1)


def gradients(cost, wrt):
    names = list(wrt)
    return {"grad." + n: g for n, g in zip(names, torch.autograd.grad(cost, [wrt[n] for n in names]))}


def vae(w):
    x = w["x"]
    h = w.encoder("encoder", x)
    mean, logvar = w.linear("encoder.mean", h), w.linear("encoder.logvar", h)
    picture = w.upsampler("decoder", mean + w["eps"] * (0.5 * logvar).exp(), x.dim() - 2)
    recon = rows(w["support"] * (picture - x) ** 2)
    kl = -0.5 * (1 + logvar - mean**2 - logvar.exp()).sum(1)
    loss = (recon + kl).mean().view(1)
    grads = gradients(loss, {n: p for n, p in w.items() if n.startswith(("encoder.", "decoder."))})
    return dict(mean=mean, logvar=logvar, picture=picture, recon=recon, kl=kl, loss=loss, **grads)


def search(w):
    x, support, z = w["x"], w["support"], w["z"]
    features, judgement = w.critic(x)
    picture = w.upsampler("generator", z, x.dim() - 2)
    found = w.critic(picture * support)[0]
    residual = rows(support * w.abs(x - picture))
    feature_loss = w.abs(features - found).sum(1)
    loss = 0.5 * residual + 0.5 * feature_loss
    return {"picture": picture, "features": features, "judgement": judgement, "residual": residual,
            "feature loss": feature_loss, "loss": loss, **gradients(loss.sum(), {"z": z})}


def critic(w):
    real = w["real"]
    with torch.no_grad():
        fake = w.upsampler("generator", w["z"], real.dim() - 2) * w["support"]
        mix = fake + w["u"] * (real - fake)
    gap = (-w.critic(real)[1] + w.critic(fake)[1]).mean()
    mix.requires_grad_()
    slope, = torch.autograd.grad(w.critic(mix)[1].sum(), mix, create_graph=True)
    penalty = (((slope**2).flatten(1).sum(1) + 1e-12).sqrt() - 1) ** 2
    loss = gap + 10 * penalty.mean()
    grads = gradients(loss, {n: p for n, p in w.items() if n.startswith("critic.")})
    return dict(fake=fake, loss=loss.view(1), **grads)


def run(network, folder, dtype, to):
    w = Weights()
    for f in sorted((folder / "in").glob("*.npy")):
        w[f.stem] = torch.from_numpy(np.load(f)).to(dtype).requires_grad_()
    to.mkdir()
    for name, value in network(w).items():
        np.save(to / (name + ".npy"), np.ascontiguousarray(value.detach().numpy()))
    return w.kinks


def main():
    torch.set_num_threads(int(sys.argv[2]) if len(sys.argv) > 2 else 2)
    networks, flips = {"vae": vae, "search": search, "critic": critic}, {}
    for folder in sorted(pathlib.Path(sys.argv[1]).iterdir()):
        network = networks[folder.name.split("-")[0]]
        above = run(network, folder, torch.float64, folder / "f64")
        for i, k in enumerate(above):
            np.save(folder / "f64" / f"kink.{i}.npy", k.numpy().astype(np.float32))
        flips[folder.name] = sum(int((a != b).sum()) for a, b in zip(above, run(network, folder, torch.float32, folder / "f32")))
    print(json.dumps({"peer": f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads", "flips": flips}))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main()
