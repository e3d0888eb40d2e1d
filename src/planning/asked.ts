/** `--urgent PATH`: files, directories with all they hold, or patterns, of the layer. */
import type { ByteString } from '../base/bytes.js';
import { fromText } from '../base/bytes.js';
import { usageError } from '../base/errors.js';
import { absolutePath } from './command.js';
import type { EnvironmentView } from './environment-view.js';
import { isPattern, pathMatcher } from './path-pattern.js';
import type { UrgentSet } from './urgent-set.js';

const NEEDED_BY = fromText('--urgent');

/**
 * @param asked absolute inside the environment, or relative to `cwd`
 * @throws TeesError URGENT_NOT_FOUND (usage)
 */
export function addAsked(view: EnvironmentView, urgent: UrgentSet, asked: string, cwd: ByteString): void {
  const path = absolutePath(fromText(asked), cwd);
  const found = addPath(view, urgent, path) || (isPattern(asked) && addPattern(view, urgent, path));
  if (found) return;
  throw usageError('URGENT_NOT_FOUND', `--urgent ${asked}: the layer holds nothing of that name`, {
    path,
    hint: 'Only files of the upper layer travel; see which they are with: tees layer scan',
  });
}

/** @returns whether the layer has a file there, or a file below it */
function addPath(view: EnvironmentView, urgent: UrgentSet, path: ByteString): boolean {
  const resolved = view.resolve(path);
  if (resolved.kind === 'file') {
    urgent.add(resolved, 'asked', NEEDED_BY);
    return resolved.layer !== undefined;
  }
  if (resolved.kind !== 'directory') return false;
  let found = false;
  for (const entry of view.layer.below(resolved.path.slice(1) as ByteString)) {
    const inside = view.resolve(`/${entry.path}` as ByteString);
    if (inside.kind !== 'file' || !inside.layer) continue;
    urgent.add(inside, 'asked', NEEDED_BY);
    found = true;
  }
  return found;
}

function addPattern(view: EnvironmentView, urgent: UrgentSet, pattern: ByteString): boolean {
  const matches = pathMatcher(normalized(pattern));
  let found = false;
  for (const entry of view.layer.manifest.entries)
    if (matches(entry.path)) found = addPath(view, urgent, `/${entry.path}` as ByteString) || found;
  return found;
}

function normalized(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}
