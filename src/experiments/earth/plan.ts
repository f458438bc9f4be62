/** The cells of `earth`: data set x handling of repeated places x model x share of the training rows x split. */
import { earthNames } from "../../data/earth.js";
import { type ExperimentOptions, seedsOf } from "../options.js";

export const models = ["mixture", "stereographic", "riemannian"] as const;
export type EarthModel = (typeof models)[number];

/** place: all rows of a place on one side of the split. row: rows at random, as published. */
export const handlings = ["place", "row"] as const;
export type Handling = (typeof handlings)[number];

/** Shares of the training rows in the learning curve, as one over these numbers. */
export const fractions = [1, 4, 16, 64] as const;

/** The data set of the learning curve: many places, none repeated to speak of. */
export const curveData = "flood";

export interface EarthRow {
  readonly data: string;
  readonly handling: Handling;
  readonly model: EarthModel;
  /** One over the share of the training rows that are used. */
  readonly fraction: number;
}

export interface EarthCell extends EarthRow {
  readonly seed: number;
}

export interface EarthPlan {
  readonly rows: readonly EarthRow[];
  readonly cells: readonly EarthCell[];
}

/** All rows and their cells; the fast version has volcanoes by place, one split. */
export function earthPlan({ fast, seed, repetitions }: ExperimentOptions): EarthPlan {
  const names = fast ? ["volcano"] : earthNames;
  const main = names.flatMap((data) =>
    (fast ? (["place"] as const) : handlings).flatMap((handling) =>
      models.map((model): EarthRow => ({ data, handling, model, fraction: 1 })),
    ),
  );
  const curve = fast
    ? []
    : fractions
        .slice(1)
        .flatMap((fraction) =>
          models.map((model): EarthRow => ({ data: curveData, handling: "place", model, fraction })),
        );
  const rows = [...main, ...curve];
  const seeds = seedsOf({ seed, repetitions }, fast ? 1 : 3);
  return { rows, cells: seeds.flatMap((s) => rows.map((row) => ({ ...row, seed: s }))) };
}

/** "flood-place-riemannian-split0", "flood-place-riemannian-1of16-split0". */
export function cellName({ data, handling, model, fraction, seed }: EarthCell): string {
  return `${data}-${handling}-${model}${fraction === 1 ? "" : `-1of${fraction}`}-split${seed}`;
}
