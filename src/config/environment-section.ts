/** The part of the configuration that says what a job's environment on a node shows, and what its tasks may. */
import { isAbsolute, normalize } from 'node:path';
import { ALLOWANCES } from './allowances.js';
import type { Allowance } from './allowances.js';
import type { Config } from './config.js';
import { DEFAULTS } from './config.js';
import { filePath } from './file-path.js';
import { readMemory, readProcesses } from './limit-values.js';
import type { Section, Value } from './reader.js';

const KEYS = ['bind', 'allow', 'memory', 'processes'] as const;

export function readEnvironment(root: Section): Config['environment'] {
  const section = root.get('environment')?.section(`a map with ${KEYS.join(', ')}`, KEYS);
  const memory = section?.get('memory');
  const processes = section?.get('processes');
  const memoryBytes = memory && readMemory(memory);
  const most = processes && readProcesses(processes);
  return {
    bind: readBind(section?.get('bind')),
    allow: readAllowances(section?.get('allow')),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(most === undefined ? {} : { processes: most }),
  };
}

function readAllowances(value: Value | undefined): readonly Allowance[] {
  return value?.list(`a list of ${ALLOWANCES.join(', ')}`).map((one) => one.oneOf(ALLOWANCES)) ?? [];
}

function readBind(value: Value | undefined): readonly string[] {
  if (!value) return DEFAULTS.bind;
  const hint = 'Give directories of the node by their absolute paths: [/home, /tmp]';
  const seen = new Set<string>();
  for (const item of value.list('a list of directories')) {
    const text = filePath(item);
    const path = normalize(text).replace(/(.)\/+$/, '$1');
    if (!isAbsolute(path)) throw item.fail(`"${text}" is no absolute path`, hint);
    if (path === '/') throw item.fail('the root directory is what the environment replaces', hint);
    if (seen.has(path)) throw item.fail(`${path} stands twice in the list`, hint);
    seen.add(path);
  }
  return [...seen];
}
