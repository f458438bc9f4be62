/** Operations that move, repeat, cut and join. */
import { converted } from "./arithmetic.js";
import type { Lowering } from "./registry.js";

type Pair = readonly [number, number];

export const movement: Record<string, Lowering> = {
  reshape: ([x], _params, [out], build) => [build.reshape(x, out.shape)],
  transpose: ([x], { perm }, _outputs, build) => [build.transpose(x, perm)],
  broadcast: ([x], { axis }, [out], build) => {
    // `axis` lists the new axes; the old ones keep their order (and may have size 1 where the result has more).
    const old = out.shape.flatMap((_, i) => ((axis as number[]).includes(i) ? [] : [i]));
    const aligned = out.shape.map(() => 1);
    const source =
      x.shape.length === old.length ? x.shape : [...Array(old.length - x.shape.length).fill(1), ...x.shape];
    old.forEach((to, k) => {
      aligned[to] = source[k];
    });
    return [build.expand(build.reshape(x, aligned), out.shape)];
  },
  flip: ([x], { axis }, [out], build) => [build.make("Reverse", [x], { axes: axis }, out.shape)],
  shrink: ([x], params, [out], build) => {
    const ranges = params.slice as readonly Pair[];
    return [build.make("Slice", [x], { starts: ranges.map((r) => r[0]), ends: ranges.map((r) => r[1]) }, out.shape)];
  },
  pad: ([x], { width }, [out], build) => {
    const widths = width as readonly Pair[];
    return [build.make("Pad", [x], { before: widths.map((w) => w[0]), after: widths.map((w) => w[1]) }, out.shape)];
  },
  concatenate: (inputs, { axis }, [out], build) => [
    build.make(
      "Concat",
      inputs.map((x) => converted(x, out.dtype, build)),
      { axis },
      out.shape,
      out.dtype,
    ),
  ],
  split: ([x], { axis, sizes }, outputs, build) => {
    let start = 0;
    return (sizes as number[]).map((n, i) => {
      const starts = x.shape.map((_, a) => (a === axis ? start : 0));
      const ends = x.shape.map((size, a) => (a === axis ? start + n : size));
      start += n;
      return build.make("Slice", [x], { starts, ends }, outputs[i].shape);
    });
  },
};
