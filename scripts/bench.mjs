// `npm run bench [-- NAMES]`: runs the benchmarks in `bench/` (all, or those named) and writes their figures to
// `bench/RESULTS.md`, each section with the machine, date and command that made it.
await import("../dist/bench/run.js");
