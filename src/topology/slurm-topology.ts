/**
 * Reads Slurm's topology.conf (`man topology.conf`, topology/tree): each leaf switch becomes a node group.
 * Slurm knows no proxy nodes: the first node of a leaf is taken, unless another of its nodes is named as one.
 */
import { TeesError, usageError } from '../base/errors.js';
import type { Group } from './cluster.js';
import { parseHostlist } from './hostlist.js';
import { suggestion } from './nearest.js';

const KNOWN_KEYS = ['SwitchName', 'Nodes', 'Switches', 'LinkSpeed'] as const;
type Key = (typeof KNOWN_KEYS)[number];

interface Statement {
  readonly line: number;
  readonly values: ReadonlyMap<Key, string>;
}

interface Leaf {
  readonly line: number;
  readonly name: string;
  readonly nodes: readonly string[];
}

/**
 * @param file for messages
 * @param proxies names of the proxy nodes; leaves without one of them keep their first node
 * @throws TeesError TOPOLOGY_INVALID; its message begins with FILE:LINE
 */
export function parseSlurmTopology(text: string, file: string, proxies: readonly string[] = []): Group[] {
  const fail = (line: number, problem: string, hint: string): TeesError =>
    usageError('TOPOLOGY_INVALID', `${file}:${line}: ${problem}`, { hint });
  const statements = logicalLines(text).map(({ line, text }) => parseStatement(line, text, fail));
  checkSwitches(statements, fail);
  const leaves = statements.flatMap((statement) => {
    const leaf = parseLeaf(statement, fail);
    return leaf ? [leaf] : [];
  });
  if (leaves.length === 0) {
    throw fail(1, 'no switch has nodes', 'A leaf switch looks like this: SwitchName=s0 Nodes=cn[0-7]');
  }
  checkNodesOnce(leaves, fail);
  return chooseProxies(leaves, proxies, fail);
}

type Fail = (line: number, problem: string, hint: string) => TeesError;

/** Without comments and empty lines; a backslash at the end continues a line. */
function logicalLines(text: string): { line: number; text: string }[] {
  const logical: { line: number; text: string }[] = [];
  let open: { line: number; text: string } | undefined;
  for (const [i, raw] of text.split(/\r?\n/).entries()) {
    const bare = raw.replace(/#.*$/, '').trimEnd();
    const continues = bare.endsWith('\\');
    open ??= { line: i + 1, text: '' };
    open.text += `${continues ? bare.slice(0, -1) : bare} `;
    if (continues) continue;
    logical.push(open);
    open = undefined;
  }
  if (open) logical.push(open);
  return logical.filter((each) => each.text.trim() !== '');
}

function parseStatement(line: number, text: string, fail: Fail): Statement {
  const values = new Map<Key, string>();
  for (const token of text.trim().split(/\s+/)) {
    const equals = token.indexOf('=');
    const written = equals < 0 ? token : token.slice(0, equals);
    const key = KNOWN_KEYS.find((known) => known.toLowerCase() === written.toLowerCase());
    if (!key) {
      const guess = suggestion(written, KNOWN_KEYS);
      const known = `The known keys are ${KNOWN_KEYS.join(', ')}.`;
      throw fail(line, `unknown key "${written}"`, guess ? `${guess} ${known}` : known);
    }
    const value = token.slice(equals + 1).replace(/^"(.*)"$/, '$1');
    if (equals < 0 || value === '') throw fail(line, `${key} has no value`, `Write ${key}=VALUE.`);
    if (values.has(key)) throw fail(line, `${key} is given twice`, 'Give each key once a line.');
    values.set(key, value);
  }
  if (!values.has('SwitchName')) {
    throw fail(line, 'SwitchName is missing', 'Every line describes a switch: SwitchName=s0 Nodes=cn[0-7]');
  }
  return { line, values };
}

/** Every switch stands once, and what a switch connects exists. */
function checkSwitches(statements: readonly Statement[], fail: Fail): void {
  const lines = new Map<string, number>();
  for (const { line, values } of statements) {
    const name = values.get('SwitchName') as string;
    const before = lines.get(name);
    if (before !== undefined) {
      throw fail(line, `switch ${name} is on line ${before} already`, 'Describe each switch once.');
    }
    lines.set(name, line);
  }
  for (const { line, values } of statements) {
    for (const name of expand(line, 'Switches', values.get('Switches') ?? '', fail)) {
      if (lines.has(name)) continue;
      const hint = suggestion(name, lines.keys()) ?? 'Every switch needs a line of its own.';
      throw fail(line, `Switches: there is no switch ${name}`, hint);
    }
  }
}

function parseLeaf({ line, values }: Statement, fail: Fail): Leaf | undefined {
  const name = values.get('SwitchName') as string;
  const nodes = values.get('Nodes');
  if (nodes === undefined && values.has('Switches')) return undefined;
  if (nodes === undefined || values.has('Switches')) {
    throw fail(
      line,
      `switch ${name} needs either Nodes or Switches`,
      'A leaf has Nodes, others have Switches.',
    );
  }
  return { line, name, nodes: expand(line, 'Nodes', nodes, fail) };
}

function expand(line: number, key: Key, list: string, fail: Fail): string[] {
  try {
    return parseHostlist(list);
  } catch (error) {
    if (!(error instanceof TeesError)) throw error;
    throw fail(line, `${key}: ${error.message}`, error.hint ?? '');
  }
}

function checkNodesOnce(leaves: readonly Leaf[], fail: Fail): void {
  const owner = new Map<string, Leaf>();
  for (const leaf of leaves) {
    for (const node of leaf.nodes) {
      const before = owner.get(node);
      if (before) {
        const place = `switch ${before.name} (line ${before.line})`;
        throw fail(leaf.line, `Nodes: node ${node} is below ${place} already`, 'A node has one leaf switch.');
      }
      owner.set(node, leaf);
    }
  }
}

function chooseProxies(leaves: readonly Leaf[], proxies: readonly string[], fail: Fail): Group[] {
  const left = new Set(proxies);
  const groups = leaves.map(({ line, name, nodes }) => {
    const named = nodes.filter((node) => left.delete(node));
    if (named.length > 1) {
      const problem = `switch ${name} has ${named.length} of the proxy nodes: ${named.join(', ')}`;
      throw fail(line, problem, 'A node group has one proxy node.');
    }
    const proxy = (named[0] ?? nodes[0]) as string;
    return { name, proxy, slaves: nodes.filter((node) => node !== proxy) };
  });
  const [stray] = left;
  if (stray !== undefined) {
    throw fail(1, `proxy node ${stray} is below no leaf switch`, 'Name proxy nodes that the file mentions.');
  }
  return groups;
}
