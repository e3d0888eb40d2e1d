import test from 'ava';
import { importsOf, trackedFiles } from './sources.js';

/** A folder imports from lower ranks only: not from its own rank's other folders, not from above. */
const RANKS = [
  ['base'],
  ['topology'],
  ['config'],
  ['image', 'elf'],
  ['wire'],
  ['store', 'planning'],
  ['scan', 'serving', 'transport', 'report'],
  ['environment', 'resource-manager'],
  ['login', 'node'],
  ['emulator', 'simulator'],
  ['cli'],
];

const files = trackedFiles();
const sources = (files ?? []).filter((file) => /^src\/.*\.ts$/.test(file));
const inCheckout = files ? test : test.skip;
const where = files ? '' : ' (skipped: not a git checkout)';

function folderOf(file: string): string {
  return file.split('/')[1]!;
}

function rankOf(folder: string): number {
  return RANKS.findIndex((folders) => folders.includes(folder));
}

inCheckout(`every folder of src has a rank${where}`, (t) => {
  const unknown = new Set(sources.map(folderOf).filter((folder) => rankOf(folder) < 0));
  t.deepEqual([...unknown], []);
});

inCheckout(`a folder imports lower ranks only${where}`, (t) => {
  const wrong: string[] = [];
  for (const file of sources)
    for (const imported of importsOf(file)) {
      const [from, to] = [folderOf(file), folderOf(imported)];
      if (from !== to && !(rankOf(to) < rankOf(from))) wrong.push(`${file} imports ${imported}`);
    }
  t.deepEqual(wrong, []);
});

inCheckout(
  `the product imports nothing from the emulator, the simulator, tests or benchmarks${where}`,
  (t) => {
    const product = sources.filter((file) => !['emulator', 'simulator', 'cli'].includes(folderOf(file)));
    const wrong = product.flatMap((file) =>
      importsOf(file)
        .filter((imported) => !imported.startsWith('src/') || /^src\/(emulator|simulator)\//.test(imported))
        .map((imported) => `${file} imports ${imported}`),
    );
    t.deepEqual(wrong, []);
  },
);

inCheckout(`no file imports itself by way of others${where}`, (t) => {
  t.deepEqual(findCycle(new Map(sources.map((file) => [file, importsOf(file)]))), []);
});

test('a cycle is found', (t) => {
  const graph = new Map([
    ['a', ['b']],
    ['b', ['c', 'd']],
    ['d', ['b']],
  ]);
  t.deepEqual(findCycle(graph), ['b', 'd', 'b']);
});

/** The first cycle found, its first file again at its end; empty if there is none. */
function findCycle(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): string[] => {
    const seen = path.indexOf(file);
    if (seen >= 0) return [...path.slice(seen), file];
    if (done.has(file)) return [];
    path.push(file);
    for (const imported of graph.get(file) ?? []) {
      const cycle = visit(imported);
      if (cycle.length > 0) return cycle;
    }
    path.pop();
    done.add(file);
    return [];
  };
  for (const file of graph.keys()) {
    const cycle = visit(file);
    if (cycle.length > 0) return cycle;
  }
  return [];
}
