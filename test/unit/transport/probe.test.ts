/** A probe over daemons that are connected without a network: who answers, who does not, and what is made of it. */
import test from 'ava';
import { systemClock } from '../../../src/base/clock.js';
import { TeesError } from '../../../src/base/errors.js';
import { PROBES_PER_LINK_MAX, PROBE_ECHOES } from '../../../src/base/limits.js';
import type { Link } from '../../../src/transport/link.js';
import type { LinkStage } from '../../../src/transport/links.js';
import { Probes } from '../../../src/transport/probes.js';
import type { Header } from '../../../src/wire/frame.js';
import type { Subtree } from '../../../src/wire/job.js';
import { encodeProbe } from '../../../src/wire/probe.js';
import type { ProbedHop } from '../../../src/wire/probe.js';

const tree = (name: string, ...children: Subtree[]): Subtree => ({
  name,
  runs: true,
  known: false,
  children,
});

/** One end of a link; what is posted at the one is received at the other, in its turn. */
class End {
  other: End | undefined;
  readonly posted: Header[] = [];

  constructor(
    readonly peer: string,
    private readonly receive: (link: Link, header: Header) => void,
  ) {}

  post(header: Header): void {
    this.posted.push(header);
    const { other } = this;
    setImmediate(() => other?.receive(other as unknown as Link, header));
  }
}

type Fault = 'silent' | 'deaf' | TeesError;

class World {
  readonly daemons = new Map<string, Probes>();
  readonly links = new Map<string, End>();
  readonly dials: string[] = [];

  constructor(readonly faults: Readonly<Record<string, Fault>> = {}) {}

  daemon(name: string): Probes {
    const known = this.daemons.get(name);
    if (known) return known;
    const probes = new Probes(name, {
      connect: (node) => this.#connect(name, node),
      stage: (node): LinkStage => (this.faults[node] === 'deaf' ? 'dialled' : 'reached'),
      where: (node) => `${node}:7611`,
    });
    this.daemons.set(name, probes);
    return probes;
  }

  #connect(from: string, to: string): Promise<Link> {
    const way = `${from}-${to}`;
    this.dials.push(way);
    const fault = this.faults[to];
    if (fault instanceof TeesError) return Promise.reject(fault);
    if (fault === 'deaf') return new Promise(() => {});
    const here = this.links.get(way) ?? this.link(from, to);
    return Promise.resolve(here as unknown as Link);
  }

  link(from: string, to: string): End {
    const here = new End(to, (link, header) => this.daemon(from).receive(link, header));
    const there = new End(from, (link, header) => {
      if (this.faults[to] !== 'silent') this.daemon(to).receive(link, header);
    });
    here.other = there;
    there.other = here;
    this.links.set(`${from}-${to}`, here);
    return here;
  }

  probe(children: readonly Subtree[], timeoutMs = 200): Promise<ProbedHop[]> {
    const found: ProbedHop[] = [];
    return new Promise((resolve) => {
      this.daemon('login').begin({
        children,
        timeoutMs,
        onFound: (hops) => void found.push(...hops),
        onOver: () => resolve(found),
      });
    });
  }
}

const TREE = [
  tree('cn0', tree('cn1'), tree('cn2', tree('cn3'))),
  tree('cn4', tree('cn5', tree('cn6')), tree('cn7')),
];
const names = (hops: readonly ProbedHop[]): string[] => hops.map(({ node }) => node).sort();
const reasonOf = (hops: readonly ProbedHop[], name: string): string | undefined =>
  hops.find(({ node }) => node === name)?.failure?.reason;

test('everybody answers: each once, with as many round trips as there are echoes, long before the time is over', async (t) => {
  const startMs = systemClock.nowMs();
  const hops = await new World().probe(TREE, 60_000);
  t.true(systemClock.nowMs() - startMs < 5_000);
  t.deepEqual(names(hops), ['cn0', 'cn1', 'cn2', 'cn3', 'cn4', 'cn5', 'cn6', 'cn7']);
  for (const { roundTrips, connect = 0, failure } of hops) {
    t.is(roundTrips.length, PROBE_ECHOES);
    t.true(roundTrips.every((time) => time > 0) && connect > 0);
    t.is(failure, undefined);
  }
});

test('nobody to ask: over at once', async (t) => {
  t.deepEqual(await new World().probe([]), []);
});

test('a hop that fails at once is told at once, by its reason; of those below nothing is said', async (t) => {
  const world = new World({ cn4: new TeesError('KEY_REJECTED', 'no') });
  const hops = await world.probe(TREE, 60_000);
  t.deepEqual(names(hops), ['cn0', 'cn1', 'cn2', 'cn3', 'cn4']);
  t.is(reasonOf(hops, 'cn4'), 'key');
});

for (const [fault, reason] of [
  ['silent', 'silent'],
  ['deaf', 'unreachable'],
] as const)
  test(`who is ${fault} is told so by its parent when the time is over; the others have answered`, async (t) => {
    const hops = await new World({ cn2: fault }).probe(TREE);
    t.deepEqual(names(hops), ['cn0', 'cn1', 'cn2', 'cn4', 'cn5', 'cn6', 'cn7']);
    t.is(reasonOf(hops, 'cn2'), reason);
    t.is(hops.filter(({ failure }) => failure).length, 1);
  });

test('a link that breaks when its end had answered: those below are lost with it', async (t) => {
  const world = new World({ cn5: 'deaf' });
  const probing = world.probe(TREE, 2_000);
  await new Promise((resolve) => setTimeout(resolve, 100));
  world.daemon('login').linkClosed(world.links.get('login-cn4') as unknown as Link, undefined);
  const hops = await probing;
  t.is(reasonOf(hops, 'cn4'), undefined);
  t.is(reasonOf(hops, 'cn5'), 'lost');
});

test('a parent that goes away has no probe any more', async (t) => {
  const world = new World({ cn1: 'deaf' });
  const link = world.link('login', 'cn0');
  const probe = { t: 'probe', id: 'p', timeoutMs: 200, subtree: tree('cn0', tree('cn1')) } as const;
  world.daemon('cn0').receive(link.other as unknown as Link, encodeProbe(probe));
  world.daemon('cn0').linkClosed(link.other as unknown as Link, undefined);
  await new Promise((resolve) => setTimeout(resolve, 400));
  t.deepEqual(link.other?.posted, []);
});

test('a child that answers for others than those below it is refused', (t) => {
  const world = new World({ cn5: 'deaf' });
  void world.probe([tree('cn0', tree('cn1')), tree('cn5')]);
  const link = world.links.get('login-cn0') as unknown as Link;
  for (const node of ['cn0', 'cn5']) {
    const message = encodeProbe({ t: 'probed', id: '0', hops: [{ node, roundTrips: [1] }] });
    t.is(t.throws<TeesError>(() => world.daemon('login').receive(link, message))?.code, 'MESSAGE_INVALID');
  }
  const message = encodeProbe({ t: 'probed', id: '0', hops: [{ node: 'nobody', roundTrips: [1] }] });
  t.notThrows(() => world.daemon('login').receive(link, message), 'of whom nobody asks, nothing is made');
});

test('a probe for another node is refused, and more at a time than there may be are answered so', async (t) => {
  const world = new World({ cn1: 'deaf' });
  const link = world.link('login', 'cn0').other as End;
  const ask = (id: string, subtree: Subtree): void =>
    world
      .daemon('cn0')
      .receive(link as unknown as Link, encodeProbe({ t: 'probe', id, timeoutMs: 1_000, subtree }));
  t.is(t.throws<TeesError>(() => ask('x', tree('cn2')))?.code, 'MESSAGE_INVALID');
  for (let i = 0; i <= PROBES_PER_LINK_MAX; i++) ask(String(i), tree('cn0', tree('cn1')));
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.is(world.dials.length, PROBES_PER_LINK_MAX);
  t.like(link.posted, [
    { t: 'probed', id: String(PROBES_PER_LINK_MAX), hops: [{ node: 'cn1', failure: { reason: 'other' } }] },
  ]);
});
