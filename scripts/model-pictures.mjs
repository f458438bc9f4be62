// `node scripts/setup.mjs && node scripts/model-pictures.mjs [NAMES]`: the pictures of docs/models.md. Each model of the
// family is trained for some seconds on generated strokes (latent dimension 8, perceptrons), then shown: held-out images,
// their reconstructions, and samples by the law that the model is meant to be sampled by.
import { mkdirSync, writeFileSync } from "node:fs";
import { takeRows } from "../dist/engine/index.js";
import { captionedSheet, stripOf } from "../dist/experiments/geometric/strip.js";
import { family, loadDataset, samplers, splitDataset } from "../dist/index.js";
import { decodePng, encodePng, svgToPng } from "../dist/plots/index.js";

const SHOWN = 14;
const image = [1, 28, 28];
const folder = new URL("../docs/pictures/", import.meta.url);
const { train, test } = splitDataset(await loadDataset("strokes", { count: 6000 }));
const heldOut = takeRows(
  { data: test.rows, shape: [test.n, test.dimension], dtype: "float32" },
  Int32Array.from({ length: SHOWN }, (_, i) => i),
);

mkdirSync(folder, { recursive: true });
const asked = process.argv.slice(2);
for (const name of asked.length > 0 ? asked : family.familyNames) {
  const { title } = family.familyModel(name);
  const { model, latents, logVariances, seconds } = await family.trainFamily(name, train, {
    latentDimension: 8,
    bounded: true,
    encoderHidden: [256],
    decoderHidden: [256],
    ...(name === "rae-sn" && { activation: "relu" }),
    epochs: name === "rhvae" ? 8 : 20,
    threads: 1,
  });
  const own = await samplers.familySamplers(model, { threads: 1 });
  const codes = { data: Float64Array.from(latents.data), shape: latents.shape, dtype: "float64" };
  const sampler = own[0] ?? samplers.chooseSampler(lawOf(name), { dimension: 8, codes, logVariances });
  const { latents: drawn } = await sampler.draw(2 * SHOWN, 1);
  const made = await family.decodeFamily(model, Float32Array.from(drawn.data), { threads: 1 });
  const { mean } = await family.encodeFamily(model, heldOut, { threads: 1 });
  const back = await family.decodeFamily(model, mean, { threads: 1 });
  const rows = (images, from) =>
    stripOf(
      takeRows(
        images,
        Int32Array.from({ length: SHOWN }, (_, i) => from + i),
      ),
      image,
    );
  const svg = captionedSheet(
    [
      { label: "held-out images", strip: rows(heldOut, 0) },
      { label: "reconstructions", strip: rows(back, 0) },
      { label: "samples", note: sampler.name, strip: rows(made, 0) },
      { label: "", strip: rows(made, SHOWN) },
    ],
    { title, size: 28 },
  );
  writeFileSync(new URL(`model-${name}.png`, folder), grey(await svgToPng(svg, { scale: 1 })));
  console.error(`${name}: ${seconds.toFixed(0)} s of training`);
}

/** Deterministic encoders have no prior: a mixture is fitted to their codes; WAE and AAE are trained towards N(0, I). */
function lawOf(name) {
  return name === "ae" || name.startsWith("rae") ? "gaussian-mixture" : "prior";
}

/** The picture with one channel: it has no colours, and a third of the bytes. */
function grey(png) {
  const { width, height, channels, data } = decodePng(png);
  return encodePng({ width, height, channels: 1, data: data.filter((_, i) => i % channels === 0) });
}
