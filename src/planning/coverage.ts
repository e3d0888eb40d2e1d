/**
 * What the preload hook does not reach, known before a program starts. Its library gets into programs that glibc's
 * loader starts, and sees the calls that go through the C library's functions.
 */
import { display, fromText } from '../base/bytes.js';
import type { ByteReader } from '../elf/byte-reader.js';
import type { ElfFile } from '../elf/elf-file.js';
import type { LayerIndex } from './layer-index.js';
import type { UncoveredProgram, UncoveredReason } from './uncovered.js';
import type { UrgentSet } from './urgent-set.js';

interface Machine {
  readonly code: number;
  readonly loader: string;
}

/** ELF's e_machine, and glibc's loader. */
const MACHINES: Readonly<Record<string, Machine>> = {
  x64: { code: 62, loader: 'ld-linux-x86-64.so.2' },
  arm64: { code: 183, loader: 'ld-linux-aarch64.so.1' },
};

const NOTES_LIE_BELOW_BYTES = 64 * 1024;
/** The note of a Go program: a name of four bytes, any size, type 4, "Go". It calls the kernel itself. */
const GO_NOTE = /\x04\0\0\0[^]{4}\x04\0\0\0Go\0\0/;

/** @returns undefined when the library reaches it */
export function uncoveredReason(elf: ElfFile, reader: ByteReader): UncoveredReason | undefined {
  const machine = MACHINES[process.arch];
  if (elf.class !== 64 || elf.machine !== machine?.code) return 'foreign-machine';
  if (elf.interpreter === undefined) return 'static';
  if (elf.interpreter.split('/').at(-1) !== machine.loader) return 'foreign-loader';
  const start = reader.read(0, NOTES_LIE_BELOW_BYTES).toString('latin1');
  return GO_NOTE.test(start) ? 'raw-calls' : undefined;
}

/**
 * What the C library opens inside its own functions, where nothing can be put in front: users and hosts, time zones,
 * locales, translations, character sets. It takes such a file for absent when it cannot be opened.
 */
const C_LIBRARY_FILES =
  /^(?:etc\/(?:passwd|group|shadow|gshadow|aliases|ethers|fstab|gai\.conf|host\.conf|hosts|hosts\.equiv|initgroups|localtime|netgroup|networks|nsswitch\.conf|protocols|resolv\.conf|rpc|services|shells|subgid|subuid|ttys|locale\.alias|ld\.so\.preload)|(?:usr\/)?share\/(?:zoneinfo\/.*|locale\/.*|i18n\/.*)|(?:usr\/)?lib(?:32|64)?\/(?:locale\/.*|(?:.*\/)?gconv\/gconv-modules.*))$/s;

/** Those, and everything when the command has a program that cannot wait: it must not begin before. */
export function addWhatIsNotReached(index: LayerIndex, urgent: UrgentSet): void {
  const [uncovered] = urgent.uncovered.keys();
  for (const entry of index.manifest.entries) {
    const file = index.file(entry.path);
    if (!file) continue;
    if (C_LIBRARY_FILES.test(entry.path)) urgent.addLayerFile(file, 'c-library', fromText('C library'));
    else if (uncovered !== undefined) urgent.addLayerFile(file, 'not-covered', uncovered);
  }
}

export function uncoveredPrograms(urgent: UrgentSet): UncoveredProgram[] {
  return [...urgent.uncovered].map(([path, reason]) => ({ path: display(path), reason }));
}
