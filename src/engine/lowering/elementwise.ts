/** Operations that work element by element with NumPy broadcasting, with what they do to numbers. */
export const elementwiseOps: Readonly<Record<string, ((...x: number[]) => number) | undefined>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => a / b,
  Neg: (a) => -a,
  Reciprocal: (a) => 1 / a,
  Exp: Math.exp,
  Log: Math.log,
  Sqrt: Math.sqrt,
  Sin: Math.sin,
  Cos: Math.cos,
  Atan: Math.atan,
  Asin: Math.asin,
  Floor: Math.floor,
  Ceil: Math.ceil,
  Max: Math.max,
  Min: Math.min,
  Erf: undefined,
  Tanh: Math.tanh,
  Sigmoid: undefined,
  Softplus: undefined,
  Less: (a, b) => Number(a < b),
  LessOrEqual: (a, b) => Number(a <= b),
  Equal: (a, b) => Number(a === b),
  Where: (c, a, b) => (c ? a : b),
  And: (a, b) => Number(a && b),
  Or: (a, b) => Number(a || b),
  Not: (a) => Number(!a),
  Mod: undefined,
  IntegerDiv: undefined,
  Cast: undefined,
};

export function isElementwise(op: string): boolean {
  return op in elementwiseOps;
}
