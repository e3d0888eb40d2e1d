/**
 * What a node tells of what its task has waited for, and what a command asks the login daemon about it.
 * Contents, not paths: the login node knows which names they have, as bytes.
 */
import { LEARNT_CONTENTS_PER_NODE_MAX, LEARNT_RECORDS_MAX } from '../base/limits.js';
import { TeesError } from '../base/errors.js';
import { Fields } from './fields.js';
import type { Header } from './frame.js';

/** The task's first wait for one content, on one node. */
export interface ContentWait {
  readonly content: number;
  /** When it first asked: since its launch, less what it had waited until then. */
  readonly atMs: number;
}

const NUMBERS_PER_WAIT = 2;

/** Flat: content, when, in microseconds. Of very many the first ones. */
export function encodeContentWaits(waits: readonly ContentWait[]): number[] {
  return waits
    .slice(0, LEARNT_CONTENTS_PER_NODE_MAX)
    .flatMap(({ content, atMs }) => [content, Math.max(0, Math.round(atMs * 1000))]);
}

/** @throws TeesError MESSAGE_INVALID */
export function decodeContentWaits(numbers: readonly number[]): ContentWait[] {
  return Array.from({ length: numbers.length / NUMBERS_PER_WAIT }, (_, i) => {
    const [content, at] = numbers.slice(i * NUMBERS_PER_WAIT, (i + 1) * NUMBERS_PER_WAIT) as [number, number];
    return { content, atMs: at / 1000 };
  });
}

/** The field of an account: still flat, checked. @throws TeesError MESSAGE_INVALID */
export function contentWaitsField(fields: Fields, key: string): number[] {
  const numbers = fields.counts(key, LEARNT_CONTENTS_PER_NODE_MAX * NUMBERS_PER_WAIT);
  if (numbers.length % NUMBERS_PER_WAIT === 0) return numbers;
  throw new TeesError('MESSAGE_INVALID', `a message was refused: '${key}' must be a list of pairs`);
}

/** `recall`: what earlier runs have read; `forget`: of one environment, or of all. Always the asker's own. */
export type LearningRequest =
  | { readonly t: 'recall'; readonly environment: string; readonly command: string }
  | { readonly t: 'forget'; readonly environment?: string };

export type LearningAnswer =
  /** The record is the body; an empty one: there is none. */
  | { readonly t: 'recalled'; readonly budgetBytes: number }
  | { readonly t: 'forgotten'; readonly records: number };

/** What `planning/command-key.ts` makes; they become names of files. */
const KEY = /^[0-9a-f]{32}$/;

export function isLearningRequest(header: Header): boolean {
  return header['t'] === 'recall' || header['t'] === 'forget';
}

/** @throws TeesError MESSAGE_INVALID */
export function decodeLearningRequest(header: Header): LearningRequest {
  const fields = new Fields(header);
  const t = fields.oneOf('t', ['recall', 'forget']);
  if (t === 'recall') return { t, environment: key(fields, 'environment'), command: key(fields, 'command') };
  return fields.optionalText('environment') === undefined
    ? { t }
    : { t, environment: key(fields, 'environment') };
}

/** @throws TeesError MESSAGE_INVALID */
export function decodeLearningAnswer(header: Header): LearningAnswer {
  const fields = new Fields(header);
  const t = fields.oneOf('t', ['recalled', 'forgotten']);
  return t === 'recalled'
    ? { t, budgetBytes: fields.count('budgetBytes') }
    : { t, records: fields.count('records', LEARNT_RECORDS_MAX) };
}

function key(fields: Fields, name: string): string {
  const text = fields.text(name, 64);
  if (KEY.test(text)) return text;
  throw new TeesError('MESSAGE_INVALID', `a message was refused: '${name}' is no key`);
}
