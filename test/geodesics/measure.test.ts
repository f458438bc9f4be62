// Length and energy from squared segments: Richardson's extrapolation, and where it means nothing.

import { describe, expect, it } from "vitest";
import { measureSteps } from "../../src/geodesics/measure.js";

/** A half circle of radius 1 in N chords. */
function halfCircle(N: number) {
  const chord = (segments: number) => (2 * Math.sin(Math.PI / (2 * segments))) ** 2;
  return { steps: new Array<number>(N).fill(chord(N)), coarse: new Array<number>(N / 2).fill(chord(N / 2)) };
}

describe("measureSteps", () => {
  it("extrapolates chords to the arc, with an error of fourth order", () => {
    const errors = [16, 32].map((N) => {
      const { steps, coarse } = halfCircle(N);
      return Math.abs(measureSteps(steps, coarse, false).length - Math.PI);
    });
    expect(errors[0]).toBeLessThan(1e-4);
    expect(errors[0] / errors[1]).toBeGreaterThan(14);
  });
  it("keeps to the finer value where the coarser one saw something else, so that nothing is negative", () => {
    const { steps } = halfCircle(8);
    const onRidge = [1e4, 1, 1, 1]; // a midpoint of the coarse curve lies on a ridge
    const { length, energy, discreteLength, discreteEnergy } = measureSteps(steps, onRidge, false);
    expect(length).toBe(discreteLength);
    expect(energy).toBe(discreteEnergy);
  });
});
