/** Runs benchmarks by name and writes their sections of `RESULTS.md`. */
import { convolutionFigures } from "./convolution.js";
import { engineFigures } from "./engine.js";
import { familyFigures } from "./families.js";
import { familyGeodesicFigures } from "./family-geodesics.js";
import { flowFigures } from "./flows.js";
import { geodesicFigures } from "./geodesics.js";
import { kMedoidsFigures } from "./k-medoids.js";
import { manifoldPeerFigures } from "./manifold-peers.js";
import { peerFigures } from "./peers.js";
import { pvaeBoundFigures, pvaeStepFigures } from "./pvae-step.js";
import { markdownTable, writeSection } from "./results.js";
import { riemannianHmcFigures } from "./riemannian-hmc.js";
import { startFigures } from "./start.js";

const benchmarks: Record<string, () => Promise<void>> = {
  async engine() {
    const { limit, figures } = await engineFigures();
    const rows = figures.map((f) => [
      f.work,
      f.milliseconds.toFixed(2),
      f.limitMilliseconds.toFixed(2),
      `${f.ratio.toFixed(2)}x`,
      `<= ${f.asked}x`,
    ]);
    writeSection(
      "Engine",
      "npm run bench -- engine",
      `The limit: ${limit.toFixed(0)} GFLOP/s, a 1024^3 float32 MatMul through the runtime, measured before each work.\n\n${markdownTable([["work", "ms", "FLOPs / limit, ms", "ratio", "asked"], ...rows])}`,
    );
  },
  async geodesics() {
    const f = await geodesicFigures((line) => console.error(`  ${line}`));
    const percent = (share: number) => `${(100 * share).toPrecision(2)} %`;
    writeSection(
      "Geodesics",
      "npm run bench -- geodesics",
      `100 pairs of MNIST codes, decoder 2-100-100-784 (tanh, sigmoid means) trained 25 epochs. The baseline is Adam, 150 steps, learning rate 0.1, on a cubic spline of 20 points, on the same engine, taking turns with ours. Excess: energy above the best that any solver found, on a fine grid of 1,024 segments. The preparation that all geodesics of one decoder share took ${f.preparation.toFixed(2)} s.

${markdownTable([
  ["work", "ours", "baseline", "ratio", "asked"],
  [
    "one geodesic after another, median ms",
    `${f.single.ours.toFixed(2)} (mean ${f.single.oursMean.toFixed(2)})`,
    f.single.baseline.toFixed(2),
    `${f.single.ratio.toFixed(1)}x`,
    ">= 8x",
  ],
  [
    "100 at once, ms a geodesic",
    f.batch.ours.toFixed(2),
    f.batch.baseline.toFixed(2),
    `${f.batch.ratio.toFixed(1)}x`,
    ">= 8x",
  ],
  ["pairs with excess energy <= 0.1 %", String(100 - f.excess.ours), String(100 - f.excess.baseline), "", ">= 95"],
  [
    "excess energy, median (worst)",
    `${percent(f.excess.oursMedian)} (${percent(f.excess.oursWorst)})`,
    percent(f.excess.baselineMedian),
    "",
    "",
  ],
  ["converged", `${f.converged} of 100`, "", "", ""],
  [
    `distance matrix of ${f.distances.points} codes, neighbour graph refined, ms a pair`,
    f.distances.milliseconds.toFixed(3),
    "",
    "",
    "reported",
  ],
  [
    "its relative error against connect on 200 pairs, worst (median)",
    `${percent(f.distances.worst)} (${percent(f.distances.median)})`,
    "",
    "",
    "<= 2 %",
  ],
])}`,
    );
  },
  async peers() {
    const f = await peerFigures((line) => console.error(`  ${line}`));
    if (f === undefined) return;
    writeSection(
      "Peers: StochMan on PyTorch",
      "npm run bench -- peers",
      `StochMan 0.3.0, PyTorch ${f.torch}, ${f.threads} threads, its own settings (cubic spline, Adam 0.1, at most 150 iterations, 20 points), on the same weights and pairs. Energies on one fine grid of 1,024 segments.

${markdownTable([
  ["work", "ours", "StochMan", "ratio"],
  [
    "one geodesic after another, median ms",
    f.single.ours.toFixed(2),
    f.single.stochman.toFixed(1),
    `${(f.single.stochman / f.single.ours).toFixed(0)}x`,
  ],
  [
    "100 at once, ms a geodesic",
    f.batch.ours.toFixed(2),
    f.batch.stochman.toFixed(2),
    `${(f.batch.stochman / f.batch.ours).toFixed(1)}x`,
  ],
  [
    "energy over ours, median (single; batch)",
    "1",
    `${f.energyRatio.single.toFixed(3)}; ${f.energyRatio.batch.toFixed(3)}`,
    "",
  ],
  ["pairs where ours is at most 0.1 % above", `${f.oursNotWorse} of 100`, "", ""],
])}`,
    );
  },
  async "manifold-peers"() {
    const { threads, versions, figures } = await manifoldPeerFigures((line) => console.error(`  ${line}`));
    writeSection(
      "Peers: geoopt and torchdiffeq on PyTorch",
      "PEERS_PYTHON=... npm run bench -- manifold-peers",
      `PyTorch ${versions.torch}, geoopt ${versions.geoopt}, torchdiffeq ${versions.torchdiffeq} in eager mode, ${threads} threads, same weights, rows and noise: the models of the sections "Poincare VAE" and "Flows on the sphere". "Apart" is the largest difference of the ELBO or log density of a row, in nats (torchdiffeq's fixed steps are the 3/8 rule, ours the classical ones).

${markdownTable([
  ["work", "ours, ms", "PyTorch, ms", "ratio", "apart"],
  ...figures.map((f) => [
    f.work,
    f.ours.toFixed(2),
    f.theirs.toFixed(2),
    `${f.ratio.toFixed(1)}x`,
    f.apart?.toExponential(1) ?? "",
  ]),
])}`,
    );
  },
  async pvae() {
    const { euclideanMilliseconds, figures } = await pvaeStepFigures();
    const bounds = await pvaeBoundFigures();
    writeSection(
      "Poincare VAE",
      "npm run bench -- pvae",
      `Training step at the paper's MNIST setting (784-600-2-600-784, batch 128, Bernoulli); the Euclidean step of the same layers takes ${euclideanMilliseconds.toFixed(2)} ms.

${markdownTable([
  ["work", "ms", "over the Euclidean step", "asked"],
  ...figures.map((f) => [f.work, f.milliseconds.toFixed(2), `${f.ratio.toFixed(2)}x`, `<= ${f.asked}x`]),
])}

The importance-weighted bound, K = ${bounds[0].samples}, ${bounds[0].rows} images, noise drawn and all; limit ${bounds[0].limit.toFixed(0)} GFLOP/s, measured before each.

${markdownTable([
  ["work", "samples a second", "over the decoder's FLOPs at the limit", "asked"],
  ...bounds.map((f) => [f.work, f.samplesPerSecond.toFixed(0), `${f.ratio.toFixed(2)}x`, `<= ${f.asked}x`]),
])}`,
    );
  },
  async flows() {
    const { limit, figures } = await flowFigures();
    writeSection(
      "Flows on the sphere",
      "npm run bench -- flows",
      `3 x 128 network, exact divergence, 8 Runge-Kutta steps; limit ${limit.toFixed(0)} GFLOP/s.

${markdownTable([
  ["work", "ms", "FLOPs / limit, ms", "ratio", "asked"],
  ...figures.map((f) => [
    f.work,
    f.milliseconds.toFixed(1),
    f.limitMilliseconds.toFixed(1),
    `${f.ratio.toFixed(2)}x`,
    `<= ${f.asked}x`,
  ]),
])}`,
    );
  },
  async samplers() {
    const f = await riemannianHmcFigures();
    writeSection(
      "Riemannian Hamiltonian Monte Carlo",
      "npm run bench -- samplers",
      `10,000 chains of 100 transitions of 10 leapfrog steps, 16 latent dimensions, 100 centroids; the limit is a 1024^3 product with the same threads, measured in turns with the chains.

${markdownTable([
  ["threads", "s", "limit, GFLOP/s", "time over the limit", "asked"],
  ...f.shares.map((s) => [
    String(s.threads),
    s.seconds.toFixed(1),
    s.limitGflops.toFixed(0),
    `${s.ratio.toFixed(2)}x`,
    "<= 4x",
  ]),
])}

10,000 samples, one thread:

${markdownTable([
  ["sampler", "s", "effective samples", "effective samples a second", "split R-hat"],
  ...f.samplers.map((s) => [
    s.name,
    s.seconds.toFixed(1),
    s.effective.toFixed(0),
    s.rate.toFixed(0),
    s.splitRHat.toFixed(3),
  ]),
])}

The published procedure's chains stay where they start (split R-hat), so its effective draws are of the starting points
and not of the law.`,
    );
  },
  async convolution() {
    const figures = [await convolutionFigures(1), await convolutionFigures()];
    writeSection(
      "Convolutional VAE",
      "npm run bench -- convolution",
      `Training step, 32 x 32 colour images, batch 100, channels 32-64-128, batch normalisation, Adam; ${(figures[0].flops / 1e9).toFixed(2)} GFLOP. The limit is a 1024^3 product with the same threads, measured in turns with the step.

${markdownTable([
  ["threads", "ms", "limit, GFLOP/s", "time over the limit", "asked"],
  ...figures.map((f) => [
    f.threads === undefined ? "all cores" : String(f.threads),
    f.milliseconds.toFixed(1),
    f.limitGflops.toFixed(0),
    `${f.ratio.toFixed(2)}x`,
    "<= 3x",
  ]),
])}`,
    );
  },
  async "k-medoids"() {
    const f = kMedoidsFigures();
    writeSection(
      "k-medoids",
      "npm run bench -- k-medoids",
      `60,000 codes in 16 dimensions, 100 medoids: ${f.seconds.toFixed(1)} s (asked: < 20 s), mean distance to the medoid ${f.distance.toFixed(4)}. Beside a plain PAM, ${f.subset.points} codes, ${f.subset.medoids} medoids:

${markdownTable([
  ["search", "s", "sum of distances", "times faster"],
  [
    "ours (eager swaps, all medoids of a candidate at once)",
    f.search.seconds.toFixed(3),
    f.search.loss.toFixed(2),
    `${(f.plain.seconds / f.search.seconds).toFixed(0)}x`,
  ],
  [`PAM (${f.plain.swaps} swaps after its greedy start)`, f.plain.seconds.toFixed(3), f.plain.loss.toFixed(2), "1x"],
])}`,
    );
  },
  async families() {
    const figures = await familyFigures((line) => console.error(`  ${line}`));
    const ratio = (value: number | undefined) => (value === undefined ? "" : `${value.toFixed(2)}x`);
    writeSection(
      "Metric tensors of the likelihood families",
      "npm run bench -- families",
      `A 128 x 128 grid in chunks of 256 points, float32, decoder 2-100-100-outputs (tanh). Ratios over the Euclidean pullback of the same outputs, asked: <= 3x for one-dimensional and directional families. Times are the grid's at the pace of the fastest chunk, the metrics taking turns.

${markdownTable([
  ["family", "outputs", "Euclidean, ms", "Fisher-Rao, ms", "ratio", "2-Wasserstein, ms", "ratio"],
  ...figures.map((f) => [
    f.family,
    String(f.outputs),
    f.euclidean.toFixed(1),
    f.fisherRao.toFixed(1),
    ratio(f.ratio),
    f.wasserstein2?.toFixed(1) ?? "",
    ratio(f.wasserstein2Ratio),
  ]),
])}`,
    );
  },
  async "family-geodesics"() {
    const figures = await familyGeodesicFigures((line) => console.error(`  ${line}`));
    writeSection(
      "Geodesics by likelihood family",
      "npm run bench -- family-geodesics",
      `Pairs of MNIST codes, decoder 2-100-100-784, times over the Euclidean pullback's, taking turns (asked: <= 3x for Bernoulli, categorical and Wasserstein). The baseline is the papers': Adam, 150 steps, on a cubic spline of 20 points, the energy by KL or 1-Wasserstein of neighbours, on the same engine (asked: >= 10x our time, at no lower energy on 1,024 segments).

${markdownTable([
  [
    "metric",
    "pairs",
    "one, median ms",
    "over Euclidean",
    "at once, ms each",
    "over Euclidean",
    "converged",
    "baseline, ms",
    "over ours",
    "ours not above",
    "its energy over ours",
  ],
  ...figures.map((f) => [
    f.metric,
    String(f.pairs),
    f.single.toFixed(2),
    `${f.singleRatio.toFixed(2)}x`,
    f.batch.toFixed(2),
    `${f.batchRatio.toFixed(2)}x`,
    `${f.converged} of ${f.pairs}`,
    ...(f.baseline
      ? [
          f.baseline.milliseconds.toFixed(0),
          `${f.baseline.ratio.toFixed(1)}x`,
          `${f.baseline.notAbove} of ${f.baseline.pairs}`,
          f.baseline.excess.toFixed(3),
        ]
      : ["", "", "", ""]),
  ]),
])}`,
    );
  },
  async start() {
    const { help, empty } = startFigures();
    writeSection(
      "Start of the command",
      "npm run bench -- start",
      markdownTable([
        ["work", "s", "asked"],
        ["`atlas --help`", help.toFixed(3), "< 0.4"],
        ["an empty Node.js program", empty.toFixed(3), ""],
      ]),
    );
  },
};

const wanted = process.argv.slice(2);
for (const name of wanted)
  if (!(name in benchmarks)) {
    console.error(`bench: "${name}" is not one of ${Object.keys(benchmarks).join(", ")}.`);
    process.exit(2);
  }
for (const name of wanted.length > 0 ? wanted : Object.keys(benchmarks).filter((n) => !n.includes("peers"))) {
  console.error(`bench: ${name} ...`);
  await benchmarks[name]();
}
console.error("bench: written to bench/RESULTS.md");
