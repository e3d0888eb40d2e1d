/**
 * The upper layers that demonstrations, benchmarks and tests use, as data: what to install, a command that runs
 * in it as a plain user without anything else, and the output that proves it ran. Sizes are of Debian 12, amd64.
 */
export interface CatalogueLayer {
  readonly name: string;
  readonly description: string;
  readonly packages: readonly string[];
  /** Left out, together with what only they need. */
  readonly without: readonly string[];
  readonly command: readonly string[];
  /** Matches the command's standard output when it did its work. */
  readonly proof: RegExp;
  /** About what it comes to, in bytes of regular files. */
  readonly bytes: number;
}

const SOLVE = `
import numpy, scipy.linalg, scipy.optimize
a = numpy.array([[4.0, 1.0], [1.0, 3.0]])
x = scipy.linalg.solve(a, [1.0, 2.0])
root = scipy.optimize.brentq(lambda t: t * t - 2, 0, 2)
print("solved", [round(float(v), 6) for v in x], round(root, 6))
`;

export const CATALOGUE = {
  scipy: {
    name: 'scipy',
    description: 'Python with NumPy, SciPy, SymPy and OpenBLAS: 8,000 files, 32 packages',
    packages: ['python3-scipy', 'python3-sympy', 'libopenblas0-pthread'],
    without: ['python3-pythran'], // brings a C++ compiler and Boost's headers, 450 MB that no run reads
    command: ['python3', '-c', SOLVE],
    proof: /^solved \[0\.090909, 0\.636364\] 1\.414214$/m,
    bytes: 339_000_000,
  },
  mpi: {
    name: 'mpi',
    description: 'Meep, a field solver linked with Open MPI: 62 libraries in its closure, 71 packages',
    packages: ['meep-openmpi'],
    without: [],
    command: ['meep', '--version'], // initialises MPI as a single process, then Guile
    proof: /^Using MPI version 3\.1, 1 processes$/m,
    bytes: 160_000_000,
  },
  shell: {
    name: 'shell',
    description: "groff's nroff, a /bin/sh script that runs groff, which runs troff and grotty: 170 files",
    packages: ['groff-base'],
    without: [],
    command: ['nroff', '/usr/share/doc/groff-base/copyright'],
    proof: /GNU groff/,
    bytes: 3_800_000,
  },
  static: {
    name: 'static',
    description: 'BusyBox, statically linked: needs no file but itself',
    packages: ['busybox-static'],
    without: [],
    command: ['busybox', 'expr', '6', '*', '7'],
    proof: /^42$/m,
    bytes: 2_000_000,
  },
} as const satisfies Record<string, CatalogueLayer>;

export type CatalogueName = keyof typeof CATALOGUE;
