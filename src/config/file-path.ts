/** A path in the configuration. */
import type { Value } from './reader.js';

export function filePath(value: Value): string {
  const text = value.text('a path');
  if (text === '' || text.includes('\0')) throw value.fail('the path is empty', 'Give a path.');
  return text;
}
