/**
 * Attacks on private environments and their keeper. Each is made twice: against what users get, where nothing may be gained; and
 * where the one defence that is to stop it is left out, where it must gain something: otherwise it would prove nothing.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { enterPath } from '../../src/base/native.js';
import { askKeeper } from '../../src/cli/ask-keeper.js';
import { EnvironmentKeeper } from '../../src/login/environment-keeper.js';
import { ROOT, compile } from '../support/compile.js';
import { personOf, runAs } from '../support/environments.js';
import type { Outcome, Person } from '../support/environments.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { withoutCluster } from '../support/tees.js';
import { ATTACKS, WEAKNESSES } from './attacks.js';
import type { Attack, Target, Weakness } from './attacks.js';
import { Ground } from './ground.js';
import type { Prize } from './ground.js';

const maybe = withoutCluster ? test.skip : test.serial;
/** Accounts that no other test uses. */
const [ATTACKER, VICTIM] = ['news', 'mail'].map(personOf) as [Person, Person];
const ACCOUNT = 33;
const SECRET = 'TEES-SECRET';
const SOURCES = 'native/environment';

interface Site {
  readonly runtime: string;
  readonly keeper: EnvironmentKeeper;
}

const sites = new Map<Weakness | 'sound', Site>();
let ground: Ground;
let prize: Prize;

/** A build of its own; the product has no way to leave a defence out. Its programs lie together. */
async function weakKeeper(name: Weakness): Promise<string> {
  const directory = join(ground.directory, `programs-${name}`);
  mkdirSync(directory);
  copyFileSync(enterPath(), join(directory, 'tees-enter'));
  const program = join(directory, 'tees-keep');
  const own = readdirSync(join(ROOT, SOURCES)).filter((file) => file.endsWith('.c') && file !== 'client.c');
  const sources = [
    ...own.map((file) => join(SOURCES, file)),
    'native/launch/filter.c',
    'native/launch/groups.c',
    'native/launch/mountinfo.c',
  ];
  await compile(program, sources, [`-DTEES_WEAK=${WEAKNESSES[name]}`]);
  return program;
}

async function siteWith(name: Weakness | 'sound'): Promise<Site> {
  const known = sites.get(name);
  if (known) return known;
  const runtime = temporaryDirectory(`attack-${name}`);
  chmodSync(runtime, 0o755);
  const nothing = (): void => {};
  const keeper = new EnvironmentKeeper({
    environments: {
      directory: join(ground.directory, name),
      bind: ['/tmp'],
      devices: [],
      ids: { first: 0x6000_0000, count: 0x1000_0000 },
    },
    runtimeDirectory: runtime,
    log: { error: nothing, warn: nothing, info: nothing, debug: nothing },
    ...(name === 'sound' ? {} : { program: await weakKeeper(name) }),
  });
  const site = { runtime, keeper };
  sites.set(name, site);
  await keeper.start();
  await enter(site, VICTIM, `echo ${SECRET} >/opt/secret; chmod 644 /opt/secret`);
  return site;
}

function enter({ runtime }: Site, person: Person, script: string): Promise<Outcome> {
  const socket = join(runtime, 'environments.sock');
  return runAs(person, enterPath(), ['--socket', socket, '--', 'sh', '-c', script]);
}

function targetIn(name: Weakness | 'sound', { runtime }: Site): Target {
  return {
    ...prize,
    upper: join(ground.directory, name, 'users', String(VICTIM.uid), 'default/upper/opt/secret'),
    sockets: join(runtime, 'environments'),
    socket: `${VICTIM.uid}.default`,
    keeper: join(runtime, 'environments.sock'),
    victim: String(VICTIM.uid),
  };
}

async function attack(name: Weakness | 'sound', { from, script }: Attack): Promise<string> {
  const site = await siteWith(name);
  const text = script(targetIn(name, site));
  if (from === 'outside') return (await runAs(ATTACKER, 'sh', ['-c', text])).stdout;
  const account = `setpriv --reuid ${ACCOUNT} --regid ${ACCOUNT} --clear-groups sh -c '${text}'`;
  return (await enter(site, ATTACKER, from === 'root inside' ? text : account)).stdout;
}

test.before(async () => {
  if (withoutCluster) return;
  ground = new Ground();
  // What stands in for files of the node knows nothing of the secrets, which come later.
  await siteWith('sound');
  prize = await ground.lay(ATTACKER, VICTIM);
});

test.after.always(async () => {
  if (withoutCluster) return;
  for (const { runtime, keeper } of sites.values()) {
    for (const { uid } of [ATTACKER, VICTIM])
      await askKeeper(join(runtime, 'environments.sock'), [`user=${uid}`, 'stop', 'default']).catch(() => {});
    await keeper.stop();
    rmSync(runtime, { recursive: true, force: true });
  }
  ground.clear();
});

for (const one of ATTACKS) {
  maybe(`${one.from}: ${one.name}`, async (t) => {
    t.notRegex(await attack('sound', one), /GAINED/);
    const bare =
      one.defence === 'kernel'
        ? ground.asRoot(one.script(targetIn('sound', await siteWith('sound'))))
        : await attack(one.defence, one);
    t.regex(bare, /GAINED/, `it gains nothing without the defence either (${one.defence})`);
  });
}

maybe(
  'a layer whose top directories lead elsewhere is not entered, and nothing is mounted there',
  async (t) => {
    const site = await siteWith('sound');
    const elsewhere = join(ground.directory, 'elsewhere');
    mkdirSync(elsewhere);
    for (const name of ['dev', 'run', 'proc', 'sys']) {
      await askKeeper(join(site.runtime, 'environments.sock'), [`user=${ATTACKER.uid}`, 'stop', 'default']);
      const path = join(ground.directory, 'sound/users', String(ATTACKER.uid), 'default/upper', name);
      rmSync(path, { recursive: true, force: true });
      execFileSync('ln', ['-s', elsewhere, path]);
      const { status, stderr } = await enter(site, ATTACKER, 'true');
      t.is(status, 125, name);
      t.regex(stderr, /ENVIRONMENT_FAILED/);
      t.notRegex(execFileSync('cat', ['/proc/self/mountinfo']).toString(), /elsewhere/);
      rmSync(path);
    }
    t.is((await enter(site, ATTACKER, 'true')).status, 0);
  },
);
