/** `atlas flow train --method mixture`: a mixture of von Mises-Fisher distributions in place of a flow. */
import { UsageError } from "../../errors.js";
import { randomKey, split } from "../../numerics/random.js";
import { wholeNumbers } from "../options.js";
import { duration, type Report } from "../report.js";
import { counts, type Loaded } from "./goal.js";
import { type FlowChoice, storeChoice } from "./open.js";
import type { FlowTrainOptions } from "./train-options.js";

/** The mixture with as many components as do best on the held-out points. */
export async function fitMixtureRun(
  choice: FlowChoice,
  loaded: Loaded,
  options: FlowTrainOptions,
  report: Report,
): Promise<void> {
  const { goal, heldOut, manifold, coordinates } = loaded;
  if (!("points" in goal)) return; // refused before
  const [{ fitVonMisesFisherMixture, mixtureLogDensity }, { saveMixture }] = await Promise.all([
    import("../../distributions/von-mises-fisher-mixture.js"),
    import("../../flows/index.js"),
  ]);
  const started = performance.now();
  const sizes = wholeNumbers("--components", options.components).filter((k) => k >= 1);
  const fitting = sizes.filter((k) => k <= goal.points.shape[0]);
  if (fitting.length === 0)
    throw new UsageError(
      `--components: ${options.components} are none that ${goal.points.shape[0]} points can support; give smaller numbers from 1.`,
    );
  if (fitting.length > 1 && heldOut === undefined)
    throw new UsageError(
      "--components: choosing among several needs held-out points; give one number, or a --test-fraction above 0.",
    );
  const average = (values: Float64Array) => values.reduce((a, b) => a + b, 0) / values.length;
  const fits = fitting.map((components, i) => {
    report.progress(i, fitting.length, `${components} components`);
    const mixture = fitVonMisesFisherMixture(goal.points, {
      components,
      key: split(randomKey(choice.seed), `mixture ${components}`),
      largestConcentration: 1e4,
      iterations: 200,
      starts: 2,
    });
    return {
      mixture,
      components,
      nll: heldOut === undefined ? -mixture.logLikelihood : -average(mixtureLogDensity(mixture, heldOut)),
    };
  });
  report.progressDone();
  const { mixture, components, nll } = fits.reduce((a, b) => (b.nll < a.nll ? b : a));
  saveMixture(options.out, mixture, {
    dimension: manifold.dimension,
    components,
    goal: { name: goal.name ?? "points", points: goal.points.shape[0] },
  });
  storeChoice(options.out, { ...choice, coordinates });
  const seconds = (performance.now() - started) / 1000;
  // the least of several held-out scores lies below what other points would come to
  const chose = fitting.length > 1 ? ", which chose the number of components" : "";
  report.say(
    `Mixture of ${components}: negative log-likelihood ${(-mixture.logLikelihood).toFixed(3)} training${heldOut === undefined ? "" : `, ${nll.toFixed(3)} held out${chose}`}, ${duration(seconds)}: ${options.out}`,
  );
  report.result({
    run: options.out,
    model: "von-mises-fisher-mixture",
    manifold,
    components,
    loss: -mixture.logLikelihood,
    heldOut: heldOut === undefined ? null : nll,
    ...counts(loaded),
    seconds,
    reason: "finished",
  });
}
