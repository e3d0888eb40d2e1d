/**
 * Values set in the text of a configuration, which otherwise stays as it is to the byte: an administrator's comments,
 * quotes and order are not a program's to change. The YAML library tells where things stand. Pure.
 */
import { isMap, isScalar, parseDocument } from 'yaml';
import type { Pair, Scalar, YAMLMap } from 'yaml';
import { TeesError } from '../base/errors.js';

interface Edit {
  readonly at: number;
  readonly until: number;
  readonly text: string;
}

type Entry = Pair<Scalar, unknown>;

/**
 * @param section a key of the root, whose value is a map or nothing
 * @param values plain scalars, by key
 * @throws TeesError CONFIG_NOT_EDITABLE: it is written so that only a person should change it
 */
export function setInSection(
  text: string,
  section: string,
  values: Readonly<Record<string, string>>,
): string {
  const { contents } = parseDocument(text, { uniqueKeys: false });
  if (!isMap(contents) || contents.flow) throw notEditable('its root is no map of lines');
  const newline = text.includes('\r\n') ? '\r\n' : '\n';
  const entry = entryOf(contents, section);
  if (!entry) return appended(text, section, values, newline);
  const edits = editsOf(text, entry, section, values, newline);
  return edits
    .sort((a, b) => b.at - a.at)
    .reduce((edited, { at, until, text: by }) => edited.slice(0, at) + by + edited.slice(until), text);
}

function editsOf(
  text: string,
  entry: Entry,
  section: string,
  values: Readonly<Record<string, string>>,
  newline: string,
): Edit[] {
  const map = entry.value;
  if (map === null || (isScalar(map) && map.value === null)) {
    const at = lineEnd(text, rangeOf(entry.key)[1]);
    return [insertion(at, linesOf(values, '  ', newline))];
  }
  if (!isMap(map)) throw notEditable(`${section} is no map of its own`);
  const missing: Record<string, string> = {};
  const edits: Edit[] = [];
  for (const [key, value] of Object.entries(values)) {
    const known = entryOf(map, key);
    if (!known) missing[key] = value;
    else if (!isScalar(known.value)) throw notEditable(`${section}.${key} is no plain value`);
    else {
      const [at, until] = rangeOf(known.value);
      edits.push({ at, until, text: value });
    }
  }
  if (Object.keys(missing).length > 0) edits.push(added(text, map, missing, newline));
  return edits;
}

/** Behind the last entry of the map. */
function added(text: string, map: YAMLMap, values: Readonly<Record<string, string>>, newline: string): Edit {
  const last = map.items.at(-1) as Entry | undefined;
  if (map.flow) {
    const pairs = Object.entries(values).map(([key, value]) => `${key}: ${value}`);
    if (!last) return { at: rangeOf(map)[0], until: rangeOf(map)[1], text: `{ ${pairs.join(', ')} }` };
    return insertion(endOf(last), `, ${pairs.join(', ')}`);
  }
  const start = rangeOf((map.items[0] as Entry).key)[0];
  const indent = text.slice(text.lastIndexOf('\n', start - 1) + 1, start);
  if (indent.trim() !== '' || !last) throw notEditable('its lines begin with more than spaces');
  return insertion(lineEnd(text, endOf(last)), linesOf(values, indent, newline));
}

function linesOf(values: Readonly<Record<string, string>>, indent: string, newline: string): string {
  return Object.entries(values)
    .map(([key, value]) => `${newline}${indent}${key}: ${value}`)
    .join('');
}

function appended(
  text: string,
  section: string,
  values: Readonly<Record<string, string>>,
  newline: string,
): string {
  const end = /^(?:\.\.\.|---)\s*$/m.exec(text.slice(4));
  if (end) throw notEditable('it has the marks of several documents');
  const before = text.endsWith('\n') ? text : text + newline;
  return `${before}${newline}${section}:${linesOf(values, '  ', newline)}${newline}`;
}

function entryOf(map: YAMLMap, key: string): Entry | undefined {
  return (map.items as Entry[]).find((pair) => isScalar(pair.key) && pair.key.value === key);
}

/** Of a value; of one that is not there, of its key. */
function endOf({ key, value }: Entry): number {
  return isNode(value) ? rangeOf(value)[1] : rangeOf(key)[1];
}

function isNode(value: unknown): value is { range?: readonly number[] | null } {
  return typeof value === 'object' && value !== null && 'range' in value;
}

function rangeOf({ range }: { range?: readonly number[] | null }): [start: number, end: number] {
  if (!range) throw notEditable('the place of a value is not known');
  return [range[0] as number, range[1] as number];
}

/** Of the line that holds what ends there. */
function lineEnd(text: string, end: number): number {
  const from = text[end - 1] === '\n' ? end - 1 : end;
  const at = text.indexOf('\n', from);
  if (at < 0) return text.length;
  return text[at - 1] === '\r' ? at - 1 : at;
}

function insertion(at: number, text: string): Edit {
  return { at, until: at, text };
}

function notEditable(why: string): TeesError {
  return new TeesError('CONFIG_NOT_EDITABLE', `the configuration is not changed: ${why}`, {
    hint: 'Write the values into it by hand.',
  });
}
