/**
 * A feature of what is decoded, from an ONNX file: `--metric feature:file=pose.onnx` pulls back the Euclidean metric by
 * z -> network(mean(z)). Behind it `output=NAME` (default the file's first), and `floor=0.01` against directions that the
 * feature does not see.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename } from "node:path";
import { importOnnx, reshape, type Tensor } from "../engine/index.js";
import { UsageError } from "../errors.js";
import { featureMetric, type LatentMetric, withFloor } from "../metrics/index.js";
import { namedValues, numberFromZero } from "./options.js";

const known = ["file", "output", "floor"];

/** What a run decodes to, [N, d] -> [N, D]. */
interface DecodedMean {
  readonly folder: string;
  readonly dimension: number;
  readonly dataDimension: number;
  mean(z: Tensor): Tensor;
}

/**
 * @param list what stands behind `feature:`
 * @throws UsageError for parts that are not known, files that `importOnnx` refuses, and networks of rows of another size
 */
export async function featureChoice(run: DecodedMean, list = ""): Promise<LatentMetric> {
  const option = "--metric feature";
  const given = list === "" ? new Map<string, string>() : namedValues(option, list, known);
  const path = given.get("file");
  if (!path) throw new UsageError(`${option}: the network is missing; name its file, ${option}:file=network.onnx.`);
  if (!(existsSync(path) && statSync(path).isFile()))
    throw new UsageError(`${option}: there is no file ${path}; give the path of an ONNX file.`);
  const floor = given.has("floor") ? numberFromZero(`${option} floor`, given.get("floor")!) : 0;
  const output = given.get("output");
  const model = await importOnnx(readFileSync(path), path, { outputs: (names) => [output ?? names[0]] });
  const sizes = model.inputs[0].shape.slice(1) as number[];
  const wanted = sizes.reduce((product, n) => product * n, 1);
  if (wanted !== run.dataDimension)
    throw new UsageError(
      `${option}: ${path} takes rows of ${wanted} numbers, what ${run.folder} decodes has ${run.dataDimension}; name a network for it.`,
    );
  const name = model.outputs[0].name;
  const metric = featureMetric(
    (z) => run.mean(z),
    (x) => model.apply(reshape(x, [x.shape[0], ...sizes]))[name],
    run.dimension,
    `pullback of ${basename(path, ".onnx")}`,
  );
  return floor > 0 ? withFloor(metric, floor) : metric;
}
