/** Two-dimensional codes of test digits, one panel a setting of the first seed. */
import { type DiskPanel, diskFigure } from "../../plots/disk.js";
import { svgToPng } from "../../plots/render.js";
import type { MnistCell, TrainedCell } from "./cells.js";
import { titleOf } from "./settings.js";

const sumOf = (shares: readonly number[]) => shares.reduce((sum, share) => sum + share, 0);

/** The picture, or undefined without any cell that has codes. */
export async function codesPicture(cells: readonly MnistCell[]): Promise<{ svg: string; png: Uint8Array } | undefined> {
  const trained = cells.filter((cell): cell is TrainedCell => cell.kind === "train" && cell.picture !== undefined);
  const seed = trained.reduce((least, cell) => Math.min(least, cell.seed), Number.POSITIVE_INFINITY);
  const shown = trained.filter((cell) => cell.seed === seed);
  if (shown.length === 0) return undefined;
  const panels = shown.map(({ setting, picture, digits }): DiskPanel => {
    const { codes, labels } = picture!;
    return {
      title: titleOf(setting),
      subtitle: digits && `digits told apart by their codes, on average: ${(10 * sumOf(digits.perDigit)).toFixed(1)} %`,
      ...(setting.curvature > 0 && { curvature: setting.curvature }),
      codes: labels.map((label, i) => ({ x: codes[2 * i], y: codes[2 * i + 1], label })),
    };
  });
  const svg = await diskFigure({
    panels,
    columns: 3,
    size: 400,
    labelHeading: "digit",
    title: "MNIST in two latent dimensions",
    subtitle: `Means of the posteriors of ${shown[0].picture!.labels.length} test images, seed ${seed}; disks in ball coordinates, grey circles at whole hyperbolic distances from the origin.`,
  });
  return { svg, png: await svgToPng(svg, { scale: 1 }) };
}
