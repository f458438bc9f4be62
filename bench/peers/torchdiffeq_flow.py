"""A flow on the sphere by PyTorch and torchdiffeq, on weights and points that our benchmark wrote.

Usage: python torchdiffeq_flow.py FOLDER THREADS
Reads FOLDER/*.npy and FOLDER/setting.json, writes FOLDER/theirs.json: log densities of the batch (to compare), and
seconds of training steps and of the log densities of many points. The field is F(x, t) x x (a rotation at each point),
its divergence exact, by one reverse derivative for each coordinate, as published implementations take it; the gradient
is that of the discretised flow (odeint, fixed steps of "rk4", which is the 3/8 rule there), not of an adjoint equation.
"""

import json
import math
import sys
import time

import numpy as np
import torch
import torchdiffeq

folder, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)
setting = json.load(open(f"{folder}/setting.json"))
load = lambda name: torch.from_numpy(np.load(f"{folder}/{name}.npy"))


class Field(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weights = torch.nn.ParameterList(load(f"w{i}").clone() for i in range(setting["layers"]))
        self.biases = torch.nn.ParameterList(load(f"b{i}").clone() for i in range(setting["layers"]))

    def velocity(self, t, x):
        x = x / x.norm(dim=-1, keepdim=True)
        h = torch.cat([x, t.expand(x.shape[0], 1)], -1)
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases)):
            h = h @ weight + bias
            if i < len(self.weights) - 1:
                h = torch.tanh(h)
        return torch.linalg.cross(h, x)

    def forward(self, t, state):
        training = torch.is_grad_enabled()
        with torch.enable_grad():
            x = state[0] if training and state[0].requires_grad else state[0].detach().requires_grad_(True)
            v = self.velocity(t, x)
            divergence = 0
            for i in range(3):
                (row,) = torch.autograd.grad(v[:, i].sum(), x, create_graph=training, retain_graph=True)
                divergence = divergence + row[:, i]
        return (v, divergence) if training else (v.detach(), divergence.detach())


def log_density(field, x):
    times = torch.tensor([0.0, 1.0])
    start = (x, torch.zeros(x.shape[0]))
    _, gained = torchdiffeq.odeint(field, start, times, method="rk4", options={"step_size": 1 / setting["steps"]})
    return gained[-1] - math.log(4 * math.pi)


field = Field()
batch, points = load("batch"), load("points")
with torch.no_grad():
    values = log_density(field, batch).tolist()
    evaluations = []
    for i in range(4):
        start = time.perf_counter()
        for part in points.split(setting["chunk"]):
            log_density(field, part)
        evaluations.append(time.perf_counter() - start)
optimizer = torch.optim.Adam(field.parameters(), lr=1e-3)
steps = []
for i in range(13):
    start = time.perf_counter()
    optimizer.zero_grad()
    (-log_density(field, batch.clone().requires_grad_(True)).mean()).backward()
    torch.nn.utils.clip_grad_norm_(field.parameters(), setting["clip"])
    optimizer.step()
    steps.append(time.perf_counter() - start)
versions = {"torch": torch.__version__, "torchdiffeq": torchdiffeq.__version__}
json.dump({**versions, "values": values, "evaluations": evaluations[1:], "steps": steps[3:]}, open(f"{folder}/theirs.json", "w"))
