// Round ticks, their texts, widths of text against the font's own rendering, and axes whose texts do not touch.

import { createRequire } from "node:module";
import { Resvg } from "@resvg/resvg-js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drawPanel, paddedDomain } from "../../src/plots/panel.js";
import { escapeXml, fitText, textWidth, wrapText } from "../../src/plots/text.js";
import { formatNumber, logarithmicText, logarithmicTicks, niceTicks, tickFormat } from "../../src/plots/ticks.js";

describe("ticks", () => {
  it("are 1, 2, 5 times a power of ten, inside, evenly spaced, and about as many as asked", () => {
    const interval = fc.tuple(
      fc.double({ min: -1e3, max: 1e3, noNaN: true }),
      fc.double({ min: 1e-3, max: 1e4, noNaN: true }),
    );
    fc.assert(
      fc.property(interval, fc.integer({ min: 2, max: 12 }), ([low, extent], count) => {
        const high = low + extent;
        const ticks = niceTicks(low, high, count);
        expect(ticks.length).toBeGreaterThanOrEqual(1);
        expect(ticks.length).toBeLessThanOrEqual(count * 1.4 + 1);
        for (const tick of ticks) {
          expect(tick).toBeGreaterThanOrEqual(low - 1e-6 * extent);
          expect(tick).toBeLessThanOrEqual(high + 1e-6 * extent);
        }
        if (ticks.length > 1) {
          const step = ticks[1] - ticks[0];
          const mantissa = Number((step / 10 ** Math.floor(Math.log10(step) + 1e-9)).toPrecision(6));
          expect([1, 2, 5]).toContain(mantissa);
        }
      }),
    );
  });

  it("have no rounding dirt, and whole ones are whole", () => {
    expect(niceTicks(0, 1, 10)).toEqual([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]);
    expect(niceTicks(1, 5, 10, true)).toEqual([1, 2, 3, 4, 5]);
    expect(niceTicks(7, 7, 5)).toEqual([7]);
  });

  it("are written with equal decimals and a true minus sign", () => {
    const ticks = niceTicks(-1, 1, 4);
    expect(ticks.map(tickFormat(ticks))).toEqual(["−1.0", "−0.5", "0.0", "0.5", "1.0"]);
    const large = [0, 1e6, 2e6];
    expect(large.map(tickFormat(large))).toEqual(["0", "1e6", "2e6"]);
    expect(formatNumber(-100.1634, 5)).toBe("−100.16");
    expect(formatNumber(0.98461, 4)).toBe("0.9846");
    expect(formatNumber(0)).toBe("0");
    expect(formatNumber(1.5e-7)).toBe("1.50e−7");
  });

  it("of a logarithmic axis are powers of ten, with 2 and 5 on short intervals", () => {
    expect(logarithmicTicks(1e-5, 1)).toEqual([1e-5, 1e-4, 1e-3, 0.01, 0.1, 1]);
    expect(logarithmicTicks(3, 60)).toEqual([5, 10, 20, 50]);
    expect([1e-5, 0.1, 50].map(logarithmicText)).toEqual(["1e−5", "0.1", "50"]);
  });

  it("do not touch on an axis, whatever the interval", async () => {
    const interval = fc.tuple(
      fc.double({ min: -1e5, max: 1e5, noNaN: true }),
      fc.double({ min: 1e-2, max: 1e7, noNaN: true }),
    );
    await fc.assert(
      fc.asyncProperty(interval, fc.integer({ min: 60, max: 620 }), async ([low, extent], innerWidth) => {
        const axis = { label: "x", domain: [low, low + extent] as [number, number] };
        const panel = await drawPanel({
          x: axis,
          y: { ...axis, label: "y" },
          innerWidth,
          innerHeight: 200,
          marks: () => [],
        });
        const group = /class="x-ticks"[^>]*>(.*?)<\/g>/.exec(panel.markup)?.[1] ?? "";
        const texts = [...group.matchAll(/translate\(([-\d.]+),[-\d.]+\)"[^>]*>([^<]*)</g)];
        expect(texts.length).toBeGreaterThanOrEqual(1);
        for (let k = 1; k < texts.length; k++) {
          const halves = (textWidth(texts[k][2], 12) + textWidth(texts[k - 1][2], 12)) / 2;
          expect(Number(texts[k][1]) - Number(texts[k - 1][1])).toBeGreaterThan(halves);
        }
        const last = texts[texts.length - 1];
        expect(Number(last[1]) + textWidth(last[2], 12) / 2).toBeLessThanOrEqual(panel.width);
      }),
      { numRuns: 40, examples: [[[-22424.11, 0.01], 60]] },
    );
  });

  it("a padded interval always has an extent and holds its values", () => {
    expect(paddedDomain([3])).toEqual([2.7, 3.3]);
    expect(paddedDomain([0, 0])).toEqual([-0.5, 0.5]);
    const [low, high] = paddedDomain([1, 2], 0.1);
    expect([low, high]).toEqual([0.9, 2.1]);
  });
});

describe("text", () => {
  it("is as wide as the font draws it", () => {
    const font = createRequire(import.meta.url).resolve("dejavu-fonts-ttf/ttf/DejaVuSans.ttf");
    // Bars as first and last characters: the drawn box is then a known bearing short of the advance width.
    const drawn = (text: string) => {
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="900" height="40"><text x="5" y="25" font-size="20">|${text}|</text></svg>`;
      const options = { font: { fontFiles: [font], loadSystemFonts: false, defaultFontFamily: "DejaVu Sans" } };
      return new Resvg(svg, options).getBBox()!.width;
    };
    const bars = drawn("");
    for (const text of ["geodesic distance", "0123456789", "WAMwam{}@~"])
      expect(Math.abs(drawn(text) - bars - textWidth(text, 20))).toBeLessThan(0.02 * textWidth(text, 20));
  });

  it("wraps to the width without losing a word, and breaks words that are too long", () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z]{1,40}$/), { minLength: 1, maxLength: 20 }), (words) => {
        const lines = wrapText(words.join(" "), 12, 150);
        for (const line of lines) expect(textWidth(line, 12)).toBeLessThanOrEqual(150);
        expect(lines.join("").replaceAll(" ", "")).toBe(words.join(""));
      }),
    );
    expect(fitText("short", 12, 100)).toBe("short");
    expect(textWidth(fitText("a rather long name of a class", 12, 100), 12)).toBeLessThanOrEqual(100);
  });

  it("is safe in XML", () => {
    expect(escapeXml(`<a & "b">\u0000`)).toBe("&lt;a &amp; &quot;b&quot;&gt;");
  });
});
