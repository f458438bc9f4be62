/** What is said where a solve under the posterior metric does not come to rest. */
import { expect, it } from "vitest";
import { posteriorRemedy } from "../../src/cli/posterior-choice.js";

it("names a larger rho under the metrics that have one, and nothing under others", () => {
  for (const name of ["posterior", "posterior:rho=2", "potential", "potential:exponent=1"])
    expect(posteriorRemedy(name)).toMatch(/try a larger rho, such as --metric posterior:rho=4/);
  for (const name of [undefined, "euclidean", "fisher-rao"]) expect(posteriorRemedy(name)).toBeUndefined();
});
