/**
 * The order in which the hysteretic part travels: first what the program is known to read, then the rest.
 *
 * Of the rest nothing is known. A wait costs a program about the same whether the file is small or large, and each file is as likely to be the
 * next one as any other: then the shortest first makes the sum of waits smallest (Smith's rule). Sizes of files
 * are heavy-tailed; in a typical layer nine tenths of the files are there after a tenth of the bytes. Inside a
 * class of similar size the order is that of paths, since files of one directory, a package, are read together
 * and leave the login node's disk in one sweep. What programs hardly ever read at run time comes last.
 */
import type { ByteString } from '../base/bytes.js';
import type { Manifest } from '../image/manifest.js';
import { dataSize } from '../image/manifest.js';

const KIB = 1024;
/** Upper ends of the size classes. Factor 8: within a class at most that much is lost against strict order. */
const CLASS_LIMITS_BYTES = [4 * KIB, 32 * KIB, 256 * KIB, 2048 * KIB, 16_384 * KIB, 131_072 * KIB];

/** Documentation, and what only compilers and package managers read (Filesystem Hierarchy Standard). */
const SELDOM_READ =
  /^(?:usr\/(?:local\/)?(?:share\/(?:doc|man|info|locale|lintian|help|gtk-doc|applications|icons|bash-completion)|include|src)|var\/(?:cache|log|backups|lib\/(?:apt|dpkg)))\/|\.a$/;

/**
 * @param first what is known to be read, none of it urgent: goes first, in this order
 * @returns every content that is not in `urgent`, once, in the order of sending
 */
export function hystereticOrder(
  manifest: Manifest,
  urgent: ReadonlySet<number>,
  first: readonly number[] = [],
): number[] {
  const known = new Set(first);
  return [...known, ...unknownOrder(manifest, (content) => urgent.has(content) || known.has(content))];
}

function unknownOrder(manifest: Manifest, isKnown: (content: number) => boolean): number[] {
  // A content with several names counts by the first one that is likely to be read.
  const ranks = new Map<number, { seldom: boolean; sizeClass: number; place: number }>();
  manifest.entries.forEach(({ content, path }, place) => {
    if (content === undefined || isKnown(content)) return;
    const known = ranks.get(content);
    const seldom = isSeldomRead(path);
    if (known === undefined || (known.seldom && !seldom))
      ranks.set(content, { seldom, sizeClass: sizeClass(manifest, content), place });
  });
  return [...ranks]
    .sort(
      ([, a], [, b]) => Number(a.seldom) - Number(b.seldom) || a.sizeClass - b.sizeClass || a.place - b.place,
    )
    .map(([content]) => content);
}

function sizeClass(manifest: Manifest, content: number): number {
  const it = manifest.contents[content];
  const bytes = it ? dataSize(it) : 0;
  const found = CLASS_LIMITS_BYTES.findIndex((limit) => bytes <= limit);
  return found < 0 ? CLASS_LIMITS_BYTES.length : found;
}

function isSeldomRead(path: ByteString): boolean {
  return SELDOM_READ.test(path);
}
