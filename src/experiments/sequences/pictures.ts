/** The pictures: the latent plane by entropy and by volume with geodesics, and pairs of sequences by distance. */
import { figureGrid, planeFigure, planeLegend, scatter } from "../../plots/index.js";
import { measures, type SequencePicture, type SequenceResult } from "./cell.js";

/** Entropy of the decoded law and the magnification factor, side by side. */
export async function planePicture(picture: SequencePicture): Promise<string> {
  const { xs, ys, codes, groups, geodesics, gate, gateHalf } = picture;
  const straightLines = geodesics.map((curve) => [...curve.slice(0, 2), ...curve.slice(-2)]);
  const common = { xs, ys, geodesics, straightLines, contour: { values: gate, level: 0.5 }, size: 430 };
  const figures = await Promise.all([
    planeFigure({
      ...common,
      values: picture.entropy,
      valueLabel: "entropy, nats a site",
      clip: "none",
      title: "Entropy of the decoded sequence",
      codes,
      labels: groups,
    }),
    planeFigure({
      ...common,
      values: picture.logMagnification,
      valueLabel: "log √det G",
      clip: percentilesInside(picture),
      title: "Volume: log magnification factor, Fisher-Rao",
      codes,
      labels: groups,
    }),
  ]);
  const names = [...new Set(groups)].sort((a, b) => a - b).map((g) => `group ${g + 1}`);
  return figureGrid(figures, {
    columns: 2,
    title: "RNA family RF00379: latent space of a VAE with a categorical decoder",
    subtitle:
      "Codes of training sequences, in groups by their letters (k-medoids, Hamming); geodesics between random pairs.",
    caption: `The uncertainty gate is half open on the pink line (smooth squared distance ${gateHalf.toPrecision(3)} to the centres of the codes); beyond it the decoder tends to equal letters, ${Math.log(5).toFixed(2)} nats a site.`,
    legend: planeLegend(
      { geodesics: "geodesic", straightLines: "straight line", contour: "gate one half" },
      names,
      "sequences",
    ),
  });
}

/** Colours for what is inside the gate: beyond it the metric vanishes. */
function percentilesInside({ logMagnification, gate }: SequencePicture): readonly [number, number] {
  const least = logMagnification.reduce((low, v, i) => (gate[i] <= 0.5 ? Math.min(low, v) : low), Infinity);
  const below = logMagnification.filter((v) => v < least).length / logMagnification.length;
  return [Math.round(1000 * below) / 10, 100];
}

/** Distances of pairs against the Jukes-Cantor distance of their sequences, a panel a measure. */
export async function scatterPicture({ sample, correlations }: SequenceResult, seed: number): Promise<string> {
  const figures = await Promise.all(
    measures.map(({ name, label }, k) => {
      const found = correlations["jukes-cantor"][name]!;
      const { value, low, high } = found.spearman;
      return scatter({
        x: sample.map((row) => row[1]),
        y: sample.map((row) => row[2 + k]),
        xLabel: "Jukes-Cantor distance, substitutions a site",
        yLabel: name === "euclidean" ? "latent distance" : name === "decoded" ? "distance" : "length",
        title: label,
        subtitle: `Spearman ${value.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)}), Pearson ${found.pearson.value.toFixed(3)}`,
        correlation: false,
        legend: false,
        size: [360, 290],
      });
    }),
  );
  return figureGrid(figures, {
    columns: 3,
    title: "Distances in the latent space against evolutionary distance, pairs of held-out sequences",
    subtitle: `Seed ${seed}; ${sample.length} of the pairs drawn. Intervals: 95 %, bootstrap over sequences.`,
  });
}
