/** A quantity in the configuration (quantities.ts), within its range. */
import type { Value } from './reader.js';

/** How a kind of quantity is written, for the hints, and read. */
export interface QuantityKind {
  readonly syntax: string;
  readonly parse: (text: string) => number | undefined;
  readonly format: (quantity: number) => string;
}

export function readQuantity(value: Value, kind: QuantityKind, min: number, max: number): number {
  const { syntax, parse, format } = kind;
  const text = value.scalar(syntax);
  const quantity = parse(text);
  if (quantity === undefined) throw value.fail(`"${text}" cannot be read`, `Give ${syntax}.`);
  if (quantity >= min && quantity <= max) return quantity;
  throw value.fail(`${text} is out of range`, `Give ${syntax}, from ${format(min)} to ${format(max)}.`);
}
