import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/errors.js";
import { scheduled, warmUpWeight } from "../../src/training/index.js";

describe("scheduled", () => {
  it("runs from 1 to the final factor", () => {
    expect(scheduled({ kind: "constant" }, 7, 10)).toBe(1);
    for (const kind of ["cosine", "exponential"] as const) {
      expect(scheduled({ kind, final: 0.1 }, 0, 101)).toBeCloseTo(1, 12);
      expect(scheduled({ kind, final: 0.1 }, 100, 101)).toBeCloseTo(0.1, 12);
    }
    expect(scheduled({ kind: "cosine", final: 0 }, 50, 101)).toBeCloseTo(0.5, 12);
    expect(scheduled({ kind: "exponential", final: 0.01 }, 50, 101)).toBeCloseTo(0.1, 12);
  });

  it("rises first, then never rises", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("constant" as const, "cosine" as const, "exponential" as const),
        fc.integer({ min: 2, max: 60 }),
        fc.double({ min: 0, max: 0.9, noNaN: true }),
        (kind, steps, warmUp) => {
          const factors = Array.from({ length: steps }, (_, i) => scheduled({ kind }, i, steps, warmUp));
          const top = Math.ceil(warmUp * steps);
          factors.forEach((f, i) => {
            expect(f).toBeGreaterThan(0);
            expect(f).toBeLessThanOrEqual(1);
            if (i > 0 && i < top) expect(f).toBeGreaterThan(factors[i - 1]);
            if (i > top) expect(f).toBeLessThanOrEqual(factors[i - 1] + 1e-12);
          });
        },
      ),
    );
  });

  it("refuses what is unknown", () => {
    expect(() => scheduled({ kind: "step" } as any, 0, 10)).toThrow(/schedule: "step" is not known/);
    expect(() => scheduled({ kind: "constant" }, 0, 10, 1)).toThrow(UsageError);
    expect(() => warmUpWeight(0, 10, 2)).toThrow(UsageError);
  });
});

describe("warmUpWeight", () => {
  it("rises linearly to 1 and stays", () => {
    const weights = Array.from({ length: 10 }, (_, i) => warmUpWeight(i, 10, 0.4));
    expect(weights).toEqual([0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1, 1]);
    expect(warmUpWeight(0, 10, 0)).toBe(1);
  });
});
