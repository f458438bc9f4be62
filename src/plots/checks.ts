/** Checks of the arrays that pictures are made from: a picture with a silent hole would be a wrong picture. */

import { expectThat } from "../errors.js";

/** Throws a `UsageError` naming the array, the place and the value where one is not a finite number. */
export function expectFinite(values: ArrayLike<number>, name: string, place: (k: number) => string = String): void {
  for (let k = 0; k < values.length; k++)
    expectThat(
      Number.isFinite(values[k]),
      () =>
        `${name}[${place(k)}] is ${values[k]}, but a picture needs finite numbers: leave such values out or mend them.`,
    );
}

/** Throws a `UsageError` where an array has another length than `expected`. */
export function expectLength(values: ArrayLike<number>, expected: number, name: string, why: string): void {
  expectThat(
    values.length === expected,
    () => `${name} has ${values.length} numbers, but ${why} needs ${expected}: pass matching arrays.`,
  );
}

/** Throws a `UsageError` unless the coordinates of a grid rise in equal steps (two or more of them). */
export function expectEvenGrid(coordinates: ArrayLike<number>, name: string): void {
  const count = coordinates.length;
  expectThat(
    count >= 2,
    () => `${name} has ${count} coordinates, but a grid needs at least 2 on each side: draw it finer.`,
  );
  expectFinite(coordinates, name);
  const step = (coordinates[count - 1] - coordinates[0]) / (count - 1);
  for (let k = 0; k < count; k++)
    expectThat(
      step > 0 && Math.abs(coordinates[k] - (coordinates[0] + k * step)) < 1e-3 * step,
      () => `${name}[${k}] is ${coordinates[k]}, but the coordinates must rise in equal steps: use an even grid.`,
    );
}
