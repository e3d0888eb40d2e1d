/** What a submitter should know of the analysis of a command before it runs, a sentence each. */
import { uncoveredText } from '../planning/uncovered.js';
import type { Split } from '../planning/split.js';

export function warningsOf({ missing, uncovered = [] }: Split): string[] {
  return [
    ...missing.map(
      ({ name, neededBy }) => `${name}, needed by ${neededBy}, is neither in the layer nor on this node`,
    ),
    ...uncovered.map(
      ({ path, reason }) => `${path} starts when everything has arrived: ${uncoveredText(reason)}`,
    ),
  ];
}
