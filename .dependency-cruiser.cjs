// The dependency rule of the house: a room imports only from rooms above it in this list, and nothing above the
// engine reaches for the engine's own libraries.
const rooms = [
  ["engine", []],
  ["data", []],
  ["plots", []],
  ["manifolds", ["engine"]],
  ["distributions", ["engine", "manifolds"]],
  ["metrics", ["engine", "manifolds", "distributions"]],
  ["geodesics", ["engine", "manifolds", "distributions", "metrics"]],
  ["networks", ["engine", "manifolds"]],
  ["training", ["engine", "networks", "data"]],
  ["autoencoders", ["engine", "manifolds", "distributions", "metrics", "geodesics", "networks", "training", "data"]],
  ["flows", ["engine", "manifolds", "distributions", "metrics", "geodesics", "networks", "training", "data"]],
  [
    "samplers",
    [
      "engine",
      "manifolds",
      "distributions",
      "metrics",
      "geodesics",
      "networks",
      "autoencoders",
      "flows",
      "training",
      "data",
    ],
  ],
  [
    "evaluation",
    [
      "engine",
      "manifolds",
      "distributions",
      "metrics",
      "geodesics",
      "networks",
      "autoencoders",
      "flows",
      "training",
      "samplers",
      "data",
    ],
  ],
];
const shared = "^src/(errors|numerics)"; // plain helpers without mathematics of their own room

module.exports = {
  forbidden: [
    ...rooms.map(([room, allowed]) => ({
      name: `${room}-imports-upward-only`,
      severity: "error",
      from: { path: `^src/${room}/` },
      to: { path: "^src/", pathNot: [`^src/${room}/`, shared, ...allowed.map((name) => `^src/${name}/`)] },
    })),
    {
      name: "only-the-engine-knows-its-libraries",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/engine/" },
      to: { path: "node_modules/(@jax-js|onnxruntime|onnx-buf|@bufbuild)" },
    },
    { name: "no-circles", severity: "error", from: {}, to: { circular: true } },
  ],
  options: {
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
  },
};
