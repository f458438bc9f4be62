/** Options of single models: what they are in the run, and refusals before any data are loaded. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { atlas, temporaryFolder } from "./atlas.js";

const { folder, remove } = temporaryFolder();
afterAll(remove);

beforeAll(() => {
  const rows = Array.from({ length: 60 }, (_, i) =>
    [0.1, 1.7, 2.9].map((a) => (Math.sin(a + i / 7) + 1) / 2).join(","),
  );
  writeFileSync(join(folder, "unit.csv"), `${rows.join("\n")}\n`);
});

const small = ["--data", "unit.csv", "--encoder", "4", "--decoder", "4", "--epochs", "1", "--threads", "1"];

describe("--variance and --bounded", () => {
  it("are the run's, and tell the objective's scale: the settings of sum of squares + b KL", async () => {
    const options = ["--model", "beta-vae", "--option", "beta=1", "--variance", "0.5", "--bounded"];
    const { code, err } = await atlas(folder, "train", ...small, ...options, "--out", "run", "--json");
    expect(code, err).toBe(0);
    const { shape } = JSON.parse(readFileSync(join(folder, "run", "config.json"), "utf8"));
    expect(shape).toMatchObject({ variance: 0.5, bounded: true, likelihood: "gaussian", options: { beta: 1 } });
  });
});

/** The sentence, before which nothing was said of data. */
async function refusal(...parameters: string[]): Promise<string> {
  const { code, out, err } = await atlas(folder, ...parameters, "--json");
  expect({ code, out }, err).toEqual({ code: 2, out: "" });
  expect(err).not.toContain("Data:");
  expect(err.trim().split("\n")).toHaveLength(1);
  expect(existsSync(join(folder, "refused"))).toBe(false);
  return err.trim();
}

describe("refused before data are loaded", () => {
  const train = ["train", "--data", "unit.csv", "--out", "refused", "--model"];
  it.each<[string[], string]>([
    [
      ["vae", "--variance", "0.5"],
      "--variance: a model of kind vae takes no such option; leave it out, or use --model beta-vae, or vamp",
    ],
    [["ae", "--variance", "0.5"], "--variance: a model of kind ae takes no such option"],
    [["vaegan", "--variance", "0.5"], "--variance: a model of kind vaegan takes no such option"],
    [["pvae", "--bounded"], "--bounded: a model of kind pvae takes no such option"],
    [["beta-vae", "--variance", "0"], '--variance: "0" is neither learned nor a number above 0'],
    [["beta-vae", "--bounded", "--likelihood", "bernoulli"], "--bounded: goes with the gaussian likelihood"],
    [["beta-vae", "--option", "beta=-1"], "beta: -1 is not a number from 0 on"],
    [["beta-vae", "--option", "betta=1"], 'model option "betta" is not known to beta-vae; use one of beta'],
    [["beta-vae", "--network", "cnn"], '--network: "cnn" is not one of mlp, convolutional'],
    [["beta-vae", "--channels", "4,8"], "--channels: perceptrons have none"],
    [
      ["beta-vae", "--network", "convolutional", "--channels", "0"],
      '--channels: "0" is not a whole number of at least 1',
    ],
    [["beta-vae", "--network", "convolutional", "--encoder", "8"], "--encoder: a convolutional network has no hidden"],
    [["beta-vae", "--encoder", "8,0"], '--encoder: "0" is not a whole number of at least 1'],
    [["beta-vae", "--activation", "tan"], '--activation: "tan" is not one of tanh'],
    [["vae", "--activation", "tan"], '--activation: "tan" is not one of tanh'],
    [
      ["pvae", "--curvature=-1"],
      '--curvature: "-1" is not a number c of at least 0, which stands for sectional curvature -c; give 1',
    ],
    [["pvae", "--posterior", "normal"], '--posterior: "normal" is not one of wrapped, riemannian'],
    [["pvae", "--prior", "normal"], '--prior: "normal" is not one of wrapped, riemannian'],
    [["pvae", "--decoder", "flat"], '--decoder: "flat" is not one of wrapped, gyroplane, mobius'],
    [["pvae", "--encoder", "gyroplane"], '--encoder: "gyroplane" is not one of wrapped, mobius'],
  ])("%j", async (options, sentence) => {
    expect(await refusal(...train, ...options)).toContain(sentence);
  });
});
