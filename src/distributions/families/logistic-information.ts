/**
 * Fisher information of one logistic law whose values are put in K bins, h wide, the two end bins with the tails: roots of
 * the 2 x 2 blocks of the columns, in (dm / s, dlog s). With F = sigmoid(t), Q = sigmoid(-t), f = F Q at the inner edges,
 * t = (edge - m) / s, a bin has mass P = dF, and the information is the sum over the bins of
 *
 *   (df)^2 / P,   df d(t f) / P,   (d(t f))^2 / P      (differences from edge to edge; P (score)^2, in other words).
 *
 * - `exactRoot` takes the sum over all K bins.
 * - `windowRoot` costs the same for any K, and is within 1e-3 of the exact entries, which go up to 1/3, 0.3 and 1.43 (the
 *   worst of all m, s and K from 9 on; 2e-4 where s < h / 1.2). The steps:
 *   1. Bins narrower than 1.2 s are joined to the fewest equal ones of 1.2 s or less, W s wide, from the first inner edge
 *      to the last.
 *   2. The bins between the seven edges around m are summed. What is beyond them would be one bin each, of mass q =
 *      sigmoid(-T), and is a row of bins up to the last edge, of mass q' = sigmoid(-T') behind it:
 *      what lies between them adds (0, (q^2 - q'^2) rho / 2, (q - q' + (T + 1/2) q^2 - (T' + 1/2) q'^2) rho) with
 *      rho = ((W / 2) / sinh(W / 2))^2: exact in the first order in q, and in the second as W -> 0.
 *   3. What joining lost is, between edges with F from F_1 to F_2, c(F_2) - c(F_1) with a function c for each entry, if
 *      bins 1.2 s wide were made of infinitely many; for others it goes by W^2 - w^2, w = h / s, with a term of the next
 *      order. The functions have the symmetry F -> 1 - F and the right behaviour at 0 and 1, and are fitted once to
 *      exact sums.
 */
import {
  add,
  array,
  clip,
  concat,
  div,
  exp,
  expandDims,
  expm1,
  floor,
  log,
  maximum,
  minimum,
  mul,
  neg,
  type Operand,
  reciprocal,
  sigmoid,
  softplus,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
} from "../../engine/index.js";
import type { Parameters } from "./family.js";
import { expOf } from "./stable.js";

/** The bins: K of them, h wide, of which the first is centred at low and the last at high. */
export interface Bins {
  readonly K: number;
  readonly low: number;
  readonly high: number;
  readonly h: number;
}

type Root = (tangent: Parameters<Operand>) => Tensor;

/** Fewest bins for which `windowRoot` holds, and is cheaper. */
export const smallestWindowed = 9;

/** Width in units of s to which narrower bins are joined. */
const joined = 1.2;
/** Edges of the window on either side of the middle one. */
const reach = 3;
/** Relative change of the loss by the next order in W^2 + w^2. */
const nextOrder = -0.04;
/** Where |t| ends: sigmoid(-17) = 4e-8. The runtime's sigmoid is cut off in float32 at 18. */
const farthest = 17;
/** Bins with less mass count as bins with this mass: their terms are below 3e-5. It bounds what rounding gives in empty ones. */
const smallestMass = 1e-7;
const tiny = 1e-20;

/** Cholesky factors of the blocks, from their entries [N, D] in (dm / s, dlog s). */
function rootOfBlocks(mm: Tensor, ms: Tensor, ss: Tensor, perScale: Tensor): Root {
  const r11 = sqrt(add(mm, tiny));
  const r12 = div(ms, r11);
  const r22 = sqrt(maximum(sub(ss, square(r12)), tiny));
  const ofMean = mul(r11, perScale);
  return ({ mean, logScale }) => concat([add(mul(ofMean, mean), mul(r12, logScale)), mul(r22, logScale)], 1);
}

/** Root of the information of the logistic law before binning, diag(1/3, (3 + pi^2) / 9). */
export function continuousRoot({ logScale }: Parameters<Operand>): Root {
  const perScale = mul(1 / Math.sqrt(3), expOf(logScale, -1));
  const ofScale = Math.sqrt(3 + Math.PI ** 2) / 3;
  return (tangent) => concat([mul(tangent.mean, perScale), mul(tangent.logScale, ofScale)], 1);
}

/**
 * Root from the sum over all bins, with the scores
 *   s dlog P_k / dm = sigmoid(a) - sigmoid(-b),   dlog P_k / dlog s = a sigmoid(a) - b sigmoid(-b) - w / expm1(w),
 * a and b the bin's edges t, w = h / s, with an open side's terms dropped.
 */
export function exactRoot(parameters: Parameters<Operand>, { K, low, h }: Bins): Root {
  const mean = expandDims(parameters.mean, -1);
  const logScale = expandDims(parameters.logScale, -1);
  const index = Array.from({ length: K }, (_, k) => k);
  const lower = array(index.map((k) => low + (k - 0.5) * h));
  const notFirst = array(index.map((k) => (k > 0 ? 1 : 0)));
  const notLast = array(index.map((k) => (k < K - 1 ? 1 : 0)));
  const inner = array(index.map((k) => (k > 0 && k < K - 1 ? 1 : 0)));
  const inverse = exp(neg(logScale));
  const w = mul(h, inverse);
  const a = mul(sub(lower, mean), inverse);
  const b = add(a, w);
  const P = exp(edgesToLog(mean, logScale, lower, notFirst, notLast, h)); // [N, D, K]
  const [left, right] = [mul(notFirst, sigmoid(a)), mul(notLast, sigmoid(neg(b)))];
  const bounded = minimum(w, 80); // beyond, w / expm1(w) is 0
  const u = sub(left, right);
  const v = sub(sub(mul(a, left), mul(b, right)), mul(inner, div(bounded, expm1(bounded))));
  const weighted = mul(P, u);
  const total = (x: Tensor) => sum(x, -1); // [N, D]
  return rootOfBlocks(
    total(mul(weighted, u)),
    total(mul(weighted, v)),
    total(mul(mul(P, v), v)),
    exp(neg(parameters.logScale)),
  );
}

/** An edge: t, sigmoid(-|t|)-side masses, f, t f. */
interface Edge {
  readonly t: Tensor;
  /** Mass on the outer side: left of an edge of the left half, right of one of the right half. */
  readonly outer: Tensor;
  readonly f: Tensor;
  readonly tf: Tensor;
}

/** Root at a cost that does not depend on K; see above. */
export function windowRoot({ mean, logScale }: Parameters<Operand>, { K, low, h }: Bins): Root {
  const perScale = minimum(expOf(logScale, -1), 1e9 / h);
  const w = mul(h, perScale);
  const count = clip(floor(add(mul((K - 2) / joined, w), 1)), 1, K - 2); // of inner bins
  const width = mul((K - 2) * h, reciprocal(count)); // in units of the data
  const W = minimum(mul(width, perScale), 2 * farthest);
  const first = sub(low + h / 2, mean);
  const [low1, high1] = [mul(first, perScale), mul(add(first, (K - 2) * h), perScale)];
  const [start, end] = [clip(low1, -farthest, farthest), clip(high1, -farthest, farthest)];
  const nearest = minimum(maximum(floor(add(neg(div(first, width)), 0.5)), 0), count);
  const middle = clip(mul(add(first, mul(nearest, width)), perScale), -farthest, farthest);

  const edge = (t: Tensor, side: -1 | 1): Edge => {
    const outer = sigmoid(side < 0 ? t : neg(t));
    const f = mul(outer, sub(1, outer));
    return { t, outer, f, tf: mul(t, f) };
  };
  const centre = edge(middle, -1);
  const distances = Array.from({ length: reach }, (_, j) => mul(j + 1, W));
  const left = [centre, ...distances.map((d) => edge(maximum(sub(middle, d), start), -1))]; // outwards
  const otherSide = { ...centre, outer: sigmoid(neg(middle)) };
  const right = [otherSide, ...distances.map((d) => edge(minimum(add(middle, d), end), 1))];

  const totals: (Tensor | undefined)[] = [];
  const put = (...values: (Tensor | undefined)[]) => {
    for (const [k, value] of values.entries())
      if (value !== undefined) totals[k] = totals[k] === undefined ? value : add(totals[k], value);
  };
  for (const half of [left, right])
    for (let j = 0; j < reach; j++) {
      const [near, far] = [half[j], half[j + 1]];
      const perMass = reciprocal(maximum(sub(near.outer, far.outer), smallestMass));
      const [df, dtf] = [sub(near.f, far.f), sub(near.tf, far.tf)];
      const score = mul(dtf, perMass);
      put(mul(mul(df, df), perMass), mul(df, score), mul(dtf, score));
    }
  const W2 = square(W);
  const rho = reciprocal(add(1, mul(W2, add(1 / 12, mul(W2, 1 / 360)))));
  const [outerLeft, outerRight] = [sigmoid(start), sigmoid(neg(end))];
  const tail = (e: Edge, T: Tensor, T1: Tensor, q1: Tensor, side: -1 | 1) => {
    const q = e.outer;
    const inner = sub(1, q);
    const tf1 = mul(e.tf, inner);
    put(mul(e.f, inner), tf1, mul(e.t, tf1));
    const [q2, q12] = [square(q), square(q1)];
    const second = sub(q2, q12);
    put(undefined, mul(mul(side / 2, rho), second));
    const whole = add(sub(q, q1), sub(mul(add(T, 0.5), q2), mul(add(T1, 0.5), q12)));
    put(undefined, undefined, mul(rho, whole));
  };
  tail(left[reach], neg(left[reach].t), neg(start), outerLeft, -1);
  tail(right[reach], right[reach].t, end, outerRight, 1);

  const { mm, ms, ss } = losses;
  const [a, b] = [square(minimum(W, joined)), square(minimum(w, joined))];
  const share = mul(mul(sub(a, b), 1 / joined ** 2), add(mul(nextOrder, add(a, b)), 1 - nextOrder * joined ** 2));
  const ends = [outerLeft, sub(1, outerRight)].map((F) => ({ F, f: mul(F, sub(1, F)) }));
  const between = (c: (end: { F: Tensor; f: Tensor }) => Tensor) => mul(share, sub(c(ends[1]), c(ends[0])));
  put(
    between(({ F }) => mul(mul(square(F), F), add(mul(add(mul(6 * mm, F), -15 * mm), F), 10 * mm))),
    between(({ f }) => mul(square(f), add(mul(-ms[1], f), -ms[0]))),
    between(({ F, f }) => mul(sub(F, 0.5), add(mul(add(mul(add(mul(ss[3], f), ss[2]), f), ss[1]), f), ss[0]))),
  );
  return rootOfBlocks(totals[0]!, totals[1]!, totals[2]!, perScale);
}

/**
 * Loss by joining infinitely narrow bins to such of 1.2 s, of all that is right of an edge with q = sigmoid(-t), f = q (1 - q):
 * mm q^3 (10 - 15 q + 6 q^2), f^2 (ms_0 + ms_1 f), and a constant + (q - 1/2) (ss_0 + ss_1 f + ss_2 f^2 + ss_3 f^3).
 * mm and ss_0 are the losses of the whole line; the others are least squares fits, good to 2e-4.
 */
const losses = { mm: 0.015219, ms: [0.09984, 0.44129], ss: [0.087296, -0.06899, -1.07147, -1.03696] } as const;

/** log of a bin's mass from its lower edge; `notFirst`, `notLast`: 0 where that side is open. */
export function edgesToLog(
  mean: Tensor,
  logScale: Tensor,
  lower: Operand,
  notFirst: Operand,
  notLast: Operand,
  h: number,
): Tensor {
  const inverse = exp(neg(logScale));
  const w = mul(h, inverse);
  const a = mul(sub(lower, mean), inverse);
  const tails = add(mul(notLast, softplus(neg(add(a, w)))), mul(notFirst, softplus(a)));
  return sub(mul(mul(notFirst, notLast), log(neg(expm1(neg(w))))), tails);
}
