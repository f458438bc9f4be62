/**
 * What the library says, in the words of the command: functions and arguments that only a program can name become
 * options, or what the reader of a terminal can do.
 */

const words: readonly (readonly [RegExp, string])[] = [
  [/\b(posteriorMetricOf|posteriorMetric|paperRho): /g, "posterior metric: "],
  [/\bgive rho\./g, "give rho (--metric posterior:rho=2 say, or for samplers --posterior rho=2)."],
  [/projectPoint gives the nearest one, /g, "the nearest one is "],
  [
    /raise maxIterations, or use start 'graph' for a better first curve/g,
    "try other starts (with and without --graph), or points that are nearer to each other",
  ],
  [/raise maxPoints\b/g, "take points that are nearer to each other, or raise maxPoints in the library"],
  [/raise maxSteps or the tolerance, or take a shorter velocity/g, "take a shorter --velocity or --time"],
  [/use more neighbours, or start 'straight'/g, "leave out --graph, to start from the straight line too"],
  [/add the start 'straight'/g, "leave out --graph, to start from the straight line too"],
  [/use start 'graph' or precision 'float64', and check/g, "try it with --graph, and check"],
  [/use precision 'float64' or a larger tolerance/g, "it is as good as this precision allows"],
  [
    /give the metric a floor \(withFloor\)/g,
    "give the metric a floor (behind its name: --metric euclidean:floor=0.01 say)",
  ],
];

/** The text as a user of the command reads it. */
export function inCommandWords(text: string): string {
  return words.reduce((said, [library, command]) => said.replace(library, command), text);
}
