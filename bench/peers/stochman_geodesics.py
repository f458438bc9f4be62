"""Connecting geodesics by PyTorch and StochMan, on decoder weights and pairs of points that our benchmark wrote.

Usage: python stochman_geodesics.py FOLDER THREADS
Reads FOLDER/{w0,b0,w1,b1,w2,b2,from,to}.npy, writes FOLDER/stochman_{single,batch}.npy (curves [pairs, 257, 2], at
equal steps of the curve parameter) and FOLDER/stochman.json (seconds). StochMan's own settings: cubic spline, Adam with
learning rate 0.1, at most 150 iterations, 20 evaluation points.
"""

import json
import sys
import time

import numpy as np
import torch
from stochman.manifold import EmbeddedManifold

folder, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)
load = lambda name: torch.from_numpy(np.load(f"{folder}/{name}.npy")).float()
weights = [(load(f"w{i}"), load(f"b{i}")) for i in range(3)]
begin, end = load("from"), load("to")


class Decoder(EmbeddedManifold):
    def embed(self, points, jacobian=False):
        assert not jacobian
        h = torch.tanh(points @ weights[0][0] + weights[0][1])
        h = torch.tanh(h @ weights[1][0] + weights[1][1])
        return torch.sigmoid(h @ weights[2][0] + weights[2][1])


manifold = Decoder()
steps = torch.linspace(0, 1, 257)


def sample(curve):
    with torch.no_grad():
        points = curve(steps)
    return points.reshape(-1, 257, 2).numpy()


manifold.connecting_geodesic(begin[:1], end[:1])  # warm-up
single, seconds = [], []
for i in range(len(begin)):
    start = time.perf_counter()
    curve, _ = manifold.connecting_geodesic(begin[i : i + 1], end[i : i + 1])
    seconds.append(time.perf_counter() - start)
    single.append(sample(curve)[0])
start = time.perf_counter()
curve, _ = manifold.connecting_geodesic(begin, end)
batch_seconds = time.perf_counter() - start
np.save(f"{folder}/stochman_single.npy", np.stack(single))
np.save(f"{folder}/stochman_batch.npy", sample(curve))
with open(f"{folder}/stochman.json", "w") as file:
    json.dump({"single": seconds, "batch": batch_seconds, "threads": threads, "torch": torch.__version__}, file)
print(f"median {1000 * float(np.median(seconds)):.1f} ms a geodesic, batch {1000 * batch_seconds / len(begin):.1f} ms")
