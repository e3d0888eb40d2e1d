/** Colours, where the reader wants them: https://no-color.org, and a terminal that can. */

const CODES = { dim: 2, bold: 1, red: 31, green: 32, yellow: 33, blue: 34, cyan: 36 } as const;
export type Colour = keyof typeof CODES;
export type Paint = (colour: Colour, text: string) => string;

export function painter(color: boolean): Paint {
  return (colour, text) => (color ? `\x1b[${CODES[colour]}m${text}\x1b[0m` : text);
}

export function wantsColour(stream: { readonly isTTY?: boolean }, env = process.env): boolean {
  return stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
}
