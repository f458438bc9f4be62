/**
 * The pictures of Chadebec and Allassonniere (2022) for the posterior metric: the latent plane with sqrt det G, distance
 * maps, and interpolations along straight lines, along curves that minimise the potential, and along the metric's own
 * geodesics, with what they decode to.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { findMnist } from "../data/mnist.js";
import { decodeNpy } from "../numerics/npy.js";
import { figureGrid, imageRows, latentMap } from "../plots/index.js";
import { type CellResult, runCells, whenComputed } from "./cells.js";
import { csv, table, writeFiles } from "./flow-report.js";
import { commandOf, type ExperimentOptions, takesOnly } from "./options.js";
import { type CurveKind, curveKinds, IMAGES, type PicturesCell, picturesCell } from "./posterior-pictures/cell.js";

const kindNames: Record<CurveKind, string> = {
  affine: "straight line",
  potential: "potential, a = 1/2",
  literal: "potential, a = 1",
  metric: "the metric's own",
};

/** Trains, computes and draws. @throws UsageError for options that it does not take. */
export async function run(options: ExperimentOptions): Promise<{ readonly files: readonly string[] }> {
  takesOnly("posterior-pictures", options, ["epochs"]);
  const { fast, seed, epochs = null } = options;
  const name = findMnist() === undefined ? "strokes" : "mnist";
  const cells = [{ name, compute: () => picturesCell(name, options) }];
  const [result] = await runCells(cells, { fast, seed, epochs }, options);
  return { files: await write(options, result) };
}

async function write(options: ExperimentOptions, result: CellResult<PicturesCell>): Promise<string[]> {
  const { value } = result;
  const stored = (what: string) => {
    const path = join(options.out, "cells", `${result.name}-${what}.npy`);
    return decodeNpy(readFileSync(path), path);
  };
  const fields = stored("fields");
  const n = fields.shape[1];
  const [xs, ys] = value.box.map(([low, high]) =>
    Float64Array.from({ length: n }, (_, i) => low + ((high - low) * i) / (n - 1)),
  );
  const volume = Float64Array.from(fields.data.subarray(0, n * n));
  const distance = Float64Array.from(fields.data.subarray(n * n, 2 * n * n));
  const volumeByRule = Float64Array.from(fields.data.subarray(2 * n * n));
  const euclidean = Float64Array.from({ length: n * n }, (_, k) =>
    Math.hypot(xs[k % n] - value.source[0], ys[Math.floor(k / n)] - value.source[1]),
  );
  const codes = value.labels.map((label, i) => ({ x: value.codes[2 * i], y: value.codes[2 * i + 1], label }));
  const plane = (title: string, kind?: CurveKind, field = volume) =>
    latentMap({
      xs,
      ys,
      values: field,
      valueLabel: "log √det G",
      title,
      ...(kind === undefined ? { codes } : {}),
      ...(kind && {
        geodesics: value.pairs.map(({ curves }) => curves[kind].points),
        straightLines: value.pairs.map(({ curves }) => curves.affine.points),
      }),
    });
  const distances = (title: string, field: Float64Array, valueLabel: string) => {
    const top = field.reduce((a, b) => Math.max(a, b), 0);
    const levels = Array.from({ length: 11 }, (_, k) => ((k + 1) * top) / 12);
    return latentMap({
      xs,
      ys,
      values: field,
      valueLabel,
      clip: "none",
      title,
      contour: { values: field, levels, label: "12 equal steps" },
      endpoints: [[value.source[0], value.source[1]]],
    });
  };
  const strips = stored("strips");
  const [height, width] = value.imageShape;
  const image = (pair: number, kind: number, t: number) => {
    const D = height * width;
    const at = ((pair * curveKinds.length + kind) * IMAGES + t) * D;
    return strips.data.subarray(at, at + D);
  };
  const sheet = await imageRows({
    title: "What the curves decode to, at equal Euclidean steps",
    height,
    width,
    groups: value.pairs.map(({ labels }, pair) => ({
      heading: `from a ${labels[0]} to a ${labels[1]}`,
      rows: curveKinds.map((kind, k) => ({
        name: kindNames[kind],
        images: Array.from({ length: IMAGES }, (_, t) => image(pair, k, t)),
      })),
    })),
  });
  const numbers = value.pairs.flatMap(({ labels, curves }) =>
    curveKinds.map((kind) => {
      const { potentialLength, literalLength, metricLength, meanLogVolume, leastLogVolume, converged } = curves[kind];
      return [
        `${labels[0]} to ${labels[1]}`,
        kindNames[kind],
        potentialLength.toPrecision(4),
        literalLength.toPrecision(4),
        metricLength.toPrecision(4),
        meanLogVolume.toFixed(2),
        leastLogVolume.toFixed(2),
        kind === "affine" ? "" : converged ? "yes" : "no",
      ];
    }),
  );
  const header = [
    "pair",
    "curve",
    "int V^(1/2) ds",
    "int V ds",
    "length under G",
    "mean log √det G",
    "least",
    "converged",
  ];
  const files = {
    "plane.png": figureGrid(
      [
        await plane(`rho ${value.paperRho.toPrecision(3)}, by the paper's rule`, undefined, volumeByRule),
        await plane(`rho ${value.rho.toPrecision(3)}, so that neighbours meet`),
      ],
      { columns: 2, title: `Latent plane of ${value.data}: where the volume of the posterior metric is` },
    ),
    "distances.png": figureGrid(
      [
        await distances("Posterior metric", distance, "distance under the metric"),
        await distances("Euclidean", euclidean, "Euclidean latent distance"),
      ],
      { columns: 2, title: `Distances from the marked centroid, latent plane of ${value.data}` },
    ),
    "curves.png": figureGrid(
      [
        await plane("Minimal potential, V^(2a) I with a = 1/2", "potential"),
        await plane("Minimal potential, a = 1 (the literal one)", "literal"),
        await plane("Geodesics of the metric itself", "metric"),
        await plane("Codes and their classes"),
      ],
      { columns: 2, title: "White: curves between centroids of two classes; dashed: straight lines" },
    ),
    "interpolation.png": sheet.svg,
    "curves.csv": csv([header, ...numbers].map((row) => row.map((cell) => cell.replace(",", "")))),
    "report.md": report(options, result, table([header, ...numbers])),
  };
  return writeFiles(options.out, files, { width: 1500 }); // two panels beside each other
}

/** Whether every minimising curve is the shortest of the four in what it minimises, but for the rounding of polygons. */
function shortest({ pairs }: PicturesCell): string {
  const own = { potential: "potentialLength", literal: "literalLength", metric: "metricLength" } as const;
  const longer = pairs.flatMap(({ labels, curves }) =>
    (Object.keys(own) as (keyof typeof own)[]).flatMap((kind) => {
      const least = Math.min(...curveKinds.map((other) => curves[other][own[kind]]));
      const excess = curves[kind][own[kind]] / least - 1;
      return excess > 0.01
        ? [`${kindNames[kind]} from ${labels[0]} to ${labels[1]} (${(100 * excess).toFixed(0)} % longer)`]
        : [];
    }),
  );
  return longer.length === 0
    ? "Every minimising curve is shortest in its own column, within 1 %."
    : `Minimising curves are shortest in their own columns, within 1 %, but for: ${longer.join("; ")}.`;
}

function report(options: ExperimentOptions, result: CellResult<PicturesCell>, numbers: string): string {
  const { value } = result;
  return `# Pictures of the posterior metric

\`${commandOf("posterior-pictures", options)}\`, ${whenComputed([result])}.${options.fast ? " The fast version: not for its pictures." : ""}

A VAE of ${value.data} (${value.rows} rows, two latent dimensions, Bernoulli likelihood, ${value.epochs} epochs, ELBO ${value.elbo.train.toFixed(1)} training, ${value.elbo.test.toFixed(1)} held out), and
the metric of its posteriors at ${value.centroids} medoids, lambda ${value.lambda}, tau 0. By the paper's rule rho is ${value.paperRho.toPrecision(3)}, and the bumps of the
centroids, of width rho sigma / sqrt(2), stay apart, since posteriors are narrow here: between them G is its floor and curves
have nothing to follow. Distances and curves are therefore shown with rho = ${value.rho.toPrecision(3)}, with which the bumps of neighbours meet (the
median Mahalanobis distance of a centroid to its nearest one).

**The plane.** The paper: the volume sqrt det G is large where the data are, and falls off away from them.

![The latent plane](plane.png)

**Distances from a point.** The paper shows that Riemannian distances follow the data where Euclidean ones do not. Drawn
with equation 4 as it stands, G is large at the data and small (down to lambda) away from them: to cross the data is
expensive, to go round them cheap, so that points far outside are nearer than points inside.

![Distance maps](distances.png)

**Interpolation.** The paper interpolates along curves that minimise the potential V = (det G)^(-1/2) "along the curve". That
integral alone is least for a curve that rests at the best point, so it is taken as the length int V^a |c'| dt, the
geodesics of V^(2a) I. The curves are the shortest ones in the plane: found on the grid, then polished. a = 1/d = 1/2 keeps the potential's range small, a = 1 is the literal one. These curves stay on the
data; the geodesics of G itself go round them.

![Curves](curves.png)

![Decoded](interpolation.png)

${numbers}

${shortest(value)} Where it says "no" the
solver did not come to rest on the flat floor of the metric, and the curve is the grid's shortest path. "mean log √det G" is taken
at equal Euclidean steps along the curve: larger is nearer to the data.
`;
}
