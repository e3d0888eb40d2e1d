/** Whether an edit of the configuration has changed what it was to change, and nothing else. */
import { isDeepStrictEqual } from 'node:util';
import { TeesError } from '../base/errors.js';
import type { Config } from './config.js';
import { parseConfig } from './parse.js';

/** @throws TeesError CONFIG_NOT_EDITABLE, and what the configuration throws */
export function checkOnlyMeasuredDiffers(before: string, after: string, file: string): void {
  const { network, tree } = parseConfig(before, file);
  const edited = parseConfig(after, file);
  const { thresholdNodes } = tree;
  const meant: Config = { ...edited, network, tree: { ...edited.tree, thresholdNodes } };
  if (isDeepStrictEqual(meant, parseConfig(before, file))) return;
  throw new TeesError(
    'CONFIG_NOT_EDITABLE',
    'the configuration is not changed: it would mean something else',
    {
      path: file,
      hint: 'Write the values into it by hand.',
    },
  );
}
