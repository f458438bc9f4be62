/**
 * Motions as geodesics ("Learning Riemannian manifolds for geodesic motion skills", Beik-Mohammadi, Hauberg, Arvanitidis,
 * Neumann, Rozo, RSS 2021): position and orientation learned jointly from demonstrations, the letter J in the plane
 * with C on the sphere (R^2 x S^2), and positions with unit quaternions (R^3 x S^3); geodesics of the four-term metric
 * reproduce the motion, and obstacles in the metric bend them while they move.
 */
import { join } from "node:path";
import { type Cell, runCells, whenComputed } from "./cells.js";
import { meanWithSpread, table, writeFiles } from "./flow-report.js";
import { type CellValue, computeCell, type PathName, pathNames } from "./motion-skills/cell.js";
import { loadMotions, type MotionName } from "./motion-skills/motions.js";
import { motionMap, motionPicture } from "./motion-skills/pictures.js";
import { commandOf, type ExperimentOptions, seedsOf, takesOnly } from "./options.js";

/** What is learned: a kind of motion, and whether the sign of a quaternion is taken care of. */
const rows: readonly {
  readonly name: string;
  readonly motion: MotionName;
  readonly signsIgnored: boolean;
  readonly words: string;
}[] = [
  {
    name: "plane-sphere",
    motion: "plane-sphere",
    signsIgnored: false,
    words: "J in the plane, C on the sphere (R² x S²)",
  },
  {
    name: "space-quaternion",
    motion: "space-quaternion",
    signsIgnored: false,
    words: "Space and unit quaternions (R³ x S³), q and -q alike",
  },
  {
    name: "signs-ignored",
    motion: "space-quaternion",
    signsIgnored: true,
    words: "The same, signs of quaternions ignored",
  },
];

const pathWords: Readonly<Record<PathName, string>> = {
  "four-term": "geodesic, four-term metric",
  "fisher-rao": "geodesic, Fisher-Rao",
  straight: "straight latent line",
};

/**
 * Runs the experiment; writes cells, report.md, results.csv, a latent map and a picture of the motions for each row.
 * @throws UsageError where ATLAS_DATA has no lasa folder
 */
export async function run(options: ExperimentOptions): Promise<{ readonly files: readonly string[] }> {
  takesOnly("motion-skills", options, ["repetitions", "epochs"]);
  const { fast, seed, out, threads, signal } = options;
  const seeds = seedsOf(options, fast ? 1 : 5);
  const epochs = options.epochs ?? (fast ? 30 : 200);
  const motionOptions = { samples: fast ? 40 : 100, demonstrations: fast ? 4 : 7 };
  const cells: Cell<CellValue>[] = rows.flatMap(({ name, motion, signsIgnored }) =>
    seeds.map((each) => ({
      name: `${name}-${each}`,
      compute: () =>
        computeCell(loadMotions(motion, { ...motionOptions, seed: each }), {
          seed: each,
          epochs,
          pairs: fast ? 2 : 6,
          moves: fast ? 10 : 60,
          signsIgnored,
          resolution: each > seed ? 0 : fast ? 32 : 96,
          threads,
          signal,
        }),
    })),
  );
  const done = await runCells(cells, { fast, epochs, ...motionOptions }, options);

  const of = (name: string) => done.filter((cell) => cell.name.startsWith(`${name}-`));
  const average = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const median = (values: readonly number[]) => quantile(values, 0.5);
  const cell = (name: string, f: (value: CellValue) => number, digits = 2) =>
    of(name).length === 0
      ? "not run"
      : meanWithSpread(
          of(name).map(({ value }) => f(value)),
          digits,
        );
  const comparisons = rows.flatMap(({ name, words }) => [
    ...pathNames.map((path) => [
      words,
      pathWords[path],
      cell(name, ({ paths }) => average(paths.map((pair) => pair[path].millimetres))),
      cell(name, ({ paths }) => average(paths.map((pair) => pair[path].degrees))),
      cell(name, ({ paths }) => average(paths.map((pair) => pair[path].codeMean)), 3),
    ]),
    [
      words,
      "a demonstration, to the nearest other",
      cell(name, ({ amongDemonstrations }) => amongDemonstrations.millimetres),
      cell(name, ({ amongDemonstrations }) => amongDemonstrations.degrees),
      "-",
    ],
  ]);
  const training = rows.map(({ name, words }) => [
    words,
    cell(name, ({ elbo }) => elbo.train),
    cell(name, ({ elbo }) => elbo.heldOut),
    cell(name, ({ reconstruction }) => reconstruction.millimetres),
    cell(name, ({ reconstruction }) => reconstruction.degrees),
  ]);
  const obstacles = rows.map(({ name, words }) => [
    words,
    cell(name, (value) => average(value.obstacles.map(({ clearanceBefore }) => clearanceBefore))),
    cell(name, (value) => average(value.obstacles.map(({ clearanceAfter }) => clearanceAfter))),
    cell(name, (value) => average(value.obstacles.map(({ longer }) => longer)), 3),
    cell(name, (value) => average(value.obstacles.map(({ after }) => after.millimetres))),
    cell(name, (value) => average(value.obstacles.map(({ after }) => after.degrees))),
  ]);
  const speed = rows.map(({ name, words }) => [
    words,
    cell(name, ({ moving }) => median(moving.milliseconds), 1),
    cell(name, ({ moving }) => quantile(moving.milliseconds, 0.95), 1),
    cell(name, ({ moving }) => median(moving.iterations), 0),
    cell(name, ({ moving }) => 100 * moving.convergedShare, 0),
    cell(name, ({ moving }) => moving.searchMilliseconds, 0),
    cell(name, ({ moving }) => moving.lengthRatio, 3),
  ]);

  const pictures: Record<string, string> = {};
  for (const { name, motion, words } of rows) {
    const picture = of(name).find(({ value }) => value.picture !== undefined)?.value.picture;
    if (picture === undefined) continue;
    pictures[`latent-${name}.png`] = await motionMap(words, picture, motionOptions.samples);
    pictures[`motion-${name}.png`] = motionPicture(motion, words, picture, loadMotions(motion, motionOptions));
  }
  const text = `# Motions as geodesics

\`${commandOf("motion-skills", options)}\`, ${whenComputed(done)}.${fast ? " The fast version: not for its numbers." : ""}

LASA handwriting: the k-th demonstration of J with the k-th of C, ${motionOptions.samples} moments each; ${motionOptions.demonstrations - 1} demonstrations trained on, one held out.
R² x S²: J in the plane, C wrapped onto the sphere (0.03 rad / mm along great circles from the pole). R³ x S³: position
(J_x, J_y, C_y), orientation the rotation by the vector 0.03 (C_x, C_y, J_x), the sign of every quaternion drawn at random. VAE
with two latent dimensions, hidden layers 64, 64, ${epochs} epochs; position normal, orientation von Mises-Fisher; for
quaternions its symmetrised law, with q and -q of one density and one code. Four-term metric: J_mu'J_mu + J_sigma'J_sigma of the
position (decimetres) plus J_mu'J_mu + J_kappa'J_kappa of the orientation (kappa in thousands); uncertainty grows away from the
codes by a gate (60 centres, half open at 2 radii), and where it is open 30 times the mean of the metric at the codes is added.
Geodesics lead from the first to the last moment of a demonstration. Mean ± 1.96 standard errors over seeds (number of
seeds).

The paper claims (in pictures and on a robot, without numbers of this kind) that geodesics reproduce the demonstrated
motion, position and orientation together, and that obstacles put into the ambient metric make them go around while they
stay near what was shown. Measured: distances along the best alignment in time to the nearest demonstration.

${table([["learned", "path", "position (mm)", "orientation (degrees)", "latent distance to the nearest code"], ...comparisons])}

${table([["learned", "ELBO, training (nats)", "ELBO, held-out demonstration", "reconstruction (mm)", "reconstruction (degrees)"], ...training])}

## Obstacles

One obstacle in the middle of each motion (radius 1.5 mm, strength 50: G of the position is multiplied by up to 51):

${table([["learned", "clearance without it (mm)", "with it (mm)", "length over the free one", "to the nearest demonstration (mm)", "(degrees)"], ...obstacles])}

One that moves across the motion in ${fast ? 10 : 60} places, each solved from the last geodesic and from the free one, the shorter kept (one thread, time of the table for the new
place counted):

${table([["learned", "ms a place, median", "95 %", "Newton iterations", "converged (%)", "ms of a search from scratch", "length over that of the search"], ...speed])}

${Object.keys(pictures)
  .map((name) => `![${name.replace(".png", "")}](${name})`)
  .join("\n\n")}

What falls short: planar letters, no robot; the geodesics are shortest paths on a grid of 128 x 128 nodes over a tabulated
metric (then followed by Newton's method on the table), since the gate is a wall; the floor beyond the gate is not in
the paper; how far a path can go around an obstacle is bounded by how wide the demonstrations are apart, here a few
millimetres; a path that follows an
obstacle is a local minimum, and can be longer than the search's.
`;
  const lines = done.flatMap(({ name, value }) =>
    value.paths.flatMap((pair, k) =>
      pathNames.map((path) =>
        [
          name,
          k,
          path,
          ...[pair[path].millimetres, pair[path].degrees, pair[path].codeMean].map((x) => x.toFixed(4)),
        ].join(","),
      ),
    ),
  );
  const files = await writeFiles(out, {
    "report.md": text,
    "results.csv": `${["cell,demonstration,path,millimetres,degrees,code_mean", ...lines].join("\n")}\n`,
    ...pictures,
  });
  options.report(`report: ${join(out, "report.md")}`);
  return { files };
}

function quantile(values: readonly number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))];
}
