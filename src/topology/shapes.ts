/**
 * The shapes that a topology-aware tree can have, in a table. In every one of them a group's bytes enter it once, and
 * its nodes stand below its proxy node, or the slave node that stands in for it.
 */

export interface Shape {
  /** `ROOT-PROXIES-GROUP`: its three widths; behind a plus sign, what is otherwise. */
  readonly name: string;
  /** Groups below the login node. */
  readonly rootWidth: number;
  /** Other groups below a group. */
  readonly proxyWidth: number;
  /** Nodes of its group below a node. */
  readonly groupWidth: number;
  /**
   * Who carries the other groups: the proxy node, beside its slave nodes, or any node of the group whose width has room
   * left. Then no node has more than `groupWidth` children, and the way to the next group is longer.
   */
  readonly carrier: 'proxy' | 'any';
}

/** Algorithm 1 of the paper with the tree's width throughout (topology-aware.ts). */
export const PAPER = 'paper';

/** As wide as allowed. */
const WIDE = Infinity;

/** Rows with several widths of a group stand for as many shapes. */
const TABLE: readonly [
  carrier: Shape['carrier'],
  root: number,
  proxies: number,
  groups: readonly number[],
][] = [
  // Each group straight from the login node; where there are too many, below each other.
  ['proxy', WIDE, 2, [1, 2, 4, WIDE]],
  ['proxy', WIDE, 8, [1, WIDE]],
  // Proxy nodes in k-ary trees.
  ['proxy', 8, 8, [2, WIDE]],
  ['proxy', 8, 4, [2, WIDE]],
  ['proxy', 4, 4, [1, 2, WIDE]],
  ['proxy', 4, 2, [1, 2]],
  ['proxy', 2, 2, [1, 2, WIDE]],
  ['proxy', 1, 2, [1, 2, WIDE]],
  // Proxy nodes in chains: the least that an uplink can carry out.
  ['proxy', WIDE, 1, [1, WIDE]],
  ['proxy', 8, 1, [1, WIDE]],
  ['proxy', 4, 1, [1, WIDE]],
  ['proxy', 2, 1, [1, WIDE]],
  ['proxy', 1, 1, [1, WIDE]],
  // Pipelines: no node has more children than the first of its group.
  ['any', 1, 1, [1, 2]],
  ['any', 2, 1, [1, 2]],
  ['any', 2, 2, [2]],
  ['any', 1, 2, [2]],
  ['any', 4, 4, [4]],
];

export const SHAPES: readonly Shape[] = TABLE.flatMap(([carrier, rootWidth, proxyWidth, groups]) =>
  groups.map((groupWidth) => ({
    name: nameOf(carrier, rootWidth, proxyWidth, groupWidth),
    rootWidth,
    proxyWidth,
    groupWidth,
    carrier,
  })),
);

export const SHAPE_NAMES: readonly string[] = [PAPER, ...SHAPES.map(({ name }) => name)];

function nameOf(carrier: Shape['carrier'], ...widths: readonly number[]): string {
  const written = widths.map((width) => (width === WIDE ? 'wide' : String(width))).join('-');
  return carrier === 'any' ? `${written}+any` : written;
}

/**
 * The shape where a node has at most `width` children, and the login node at most `rootWidth`.
 * Undefined when it cannot be had: a proxy node that carries others beside its slave nodes has two children.
 */
export function fitShape(shape: Shape, width: number, rootWidth: number): Shape | undefined {
  const root = Math.min(shape.rootWidth, rootWidth);
  if (shape.carrier === 'any') {
    const groupWidth = Math.min(shape.groupWidth, width);
    return { ...shape, rootWidth: root, groupWidth };
  }
  if (width < 2) return undefined;
  const proxyWidth = Math.min(shape.proxyWidth, width - 1);
  const groupWidth = Math.min(shape.groupWidth, width - proxyWidth);
  return { ...shape, rootWidth: root, proxyWidth, groupWidth };
}
