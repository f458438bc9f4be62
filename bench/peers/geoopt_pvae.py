"""The Poincare VAE by PyTorch and geoopt, on weights, rows and noise that our benchmark wrote.

Usage: python geoopt_pvae.py FOLDER THREADS
Reads FOLDER/*.npy and FOLDER/setting.json, writes FOLDER/theirs.json: the ELBO terms of the batch (to compare), and
seconds of training steps and of the importance-weighted bound. Eager mode and torch.optim.Adam, as the published code
runs; wrapped posterior and prior, gyroplane layer in the paper's form (log_p(z)); curvature 0: the Euclidean VAE.
"""

import json
import math
import sys
import time

import geoopt
import numpy as np
import torch
import torch.nn.functional as F

folder, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)
setting = json.load(open(f"{folder}/setting.json"))
load = lambda name: torch.from_numpy(np.load(f"{folder}/{name}.npy"))
x, eps = load("x"), load("noise")  # [N, D], [1, N, d]


def log_normal(v, std):  # [..., d] -> [...]
    return (-0.5 * (v / std) ** 2 - std.log() - 0.5 * math.log(2 * math.pi)).sum(-1)


class Model(torch.nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c, self.ball = c, geoopt.PoincareBall(c=c) if c > 0 else None
        for name in ["encoder", "mean", "scale", "first", "last"]:
            for part in ["weight", "bias"]:
                self.register_parameter(f"{name}_{part}", torch.nn.Parameter(load(f"{name}_{part}").clone()))

    def layer(self, name, h):
        return h @ getattr(self, f"{name}_weight") + getattr(self, f"{name}_bias")

    def from_flat(self, e):  # frame coordinates at the origin -> ball
        return e if self.ball is None else self.ball.expmap0(0.5 * e)

    def log_stretch(self, r):  # log sinh(sqrt(c) r) / (sqrt(c) r)
        y = (math.sqrt(self.c) * r).clamp_min(1e-6)
        return y + torch.log1p(-torch.exp(-2 * y)) - math.log(2) - y.log()

    def first_layer(self, z):  # [..., d] -> [..., K]
        a, p = self.first_weight, self.first_bias  # [d, K] each
        norm = a.norm(dim=0)
        if self.ball is None:
            return z @ a - (a * p).sum(0)
        points = self.from_flat(p.T)  # [K, d]
        signed = self.ball.dist2plane(z.unsqueeze(-2), points, a.T, signed=True)
        return norm * signed

    def log_terms(self, x, eps):  # x [N, D], eps [S, N, d] -> three of [S, N]
        h = torch.relu(self.layer("encoder", x))
        mean = self.from_flat(self.layer("mean", h))
        std = F.softplus(self.layer("scale", h)) + 1e-5
        step = std * eps
        d = eps.shape[-1]
        posterior = log_normal(step, std)
        if self.ball is None:
            z = mean + step
            prior = log_normal(z, torch.ones(d))
        else:
            mean = mean.expand(step.shape)
            z = self.ball.expmap(mean, self.ball.transp0(mean, 0.5 * step))
            posterior = posterior - (d - 1) * self.log_stretch(step.norm(dim=-1))
            r = self.ball.dist0(z)
            prior = -0.5 * r**2 - 0.5 * d * math.log(2 * math.pi) - (d - 1) * self.log_stretch(r)
        logits = self.layer("last", torch.relu(self.first_layer(z)))
        likelihood = (x * logits - F.softplus(logits)).sum(-1)
        return likelihood, prior, posterior


def train_step(model, optimizer):
    optimizer.zero_grad()
    likelihood, prior, posterior = model.log_terms(x, eps)
    loss = -(likelihood + prior - posterior).mean()
    loss.backward()
    optimizer.step()


def bound(model, rows, samples, block):
    total = torch.full((rows.shape[0],), -math.inf)
    with torch.no_grad():
        for _ in range(samples // block):
            noise = torch.randn(block, rows.shape[0], eps.shape[-1])
            likelihood, prior, posterior = model.log_terms(rows, noise)
            total = torch.logaddexp(total, torch.logsumexp(likelihood + prior - posterior, 0))
    return total - math.log(samples)


result = {"torch": torch.__version__, "geoopt": geoopt.__version__}
for name, c in [("euclidean", 0.0), ("wrapped", setting["curvature"])]:
    model = Model(c)
    with torch.no_grad():
        likelihood, prior, posterior = model.log_terms(x, eps)
    values = (likelihood + prior - posterior)[0].tolist()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    times = []
    for i in range(setting["steps"] + 5):
        start = time.perf_counter()
        train_step(model, optimizer)
        times.append(time.perf_counter() - start)
    model = Model(c)
    rows = x[: setting["rows"]]
    bound(model, rows, setting["block"], setting["block"])
    bounds = []
    for _ in range(3):
        start = time.perf_counter()
        bound(model, rows, setting["samples"], setting["block"])
        bounds.append(time.perf_counter() - start)
    result[name] = {"values": values, "steps": times[5:], "bounds": bounds}
json.dump(result, open(f"{folder}/theirs.json", "w"))
