/** A private environment from the first entry to its end: what one can do in it, and that the node does not change. */
import { existsSync, readdirSync } from 'node:fs';
import { lstat, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterTests } from '../../support/cluster-tests.js';
import type { Test } from '../../support/cluster-tests.js';
import {
  GAMES,
  NOBODY,
  enter,
  environmentsOf,
  runAs,
  tees,
  teesProgram,
} from '../../support/environments.js';
import type { Person } from '../../support/environments.js';
import { linesByNode } from '../../support/tees.js';

const maybe = clusterTests({ groups: 2, groupSize: 2, environments: true }, {});

/** What a script says, when it ends well. */
async function said(
  t: Test,
  script: string,
  options: readonly string[] = [],
  who: Person = NOBODY,
): Promise<string> {
  const { status, stdout, stderr } = await enter(t.context.cluster, who, script, options);
  t.is(status, 0, stderr);
  return stdout.trim();
}

maybe('root inside is nobody special outside', async (t) => {
  t.is(await said(t, 'id -u; id -g'), '0\n0');
  t.is(await said(t, 'cat /proc/self/uid_map | head -1 | tr -s " "'), `0 ${NOBODY.uid} 1`);
  const pid = await said(t, 'readlink /proc/self/ns/pid /proc/self/ns/user /proc/self/ns/mnt');
  t.is(new Set(pid.split('\n')).size, 3);
});

maybe(
  'files of the system are changed, made and removed inside, and stay so; the node has what it had',
  async (t) => {
    const motd = existsSync('/etc/motd');
    const passwd = await readFile('/etc/passwd');
    await said(
      t,
      'echo mine >/etc/tees-test; echo x:x:4711:4711::/home/x:/bin/sh >>/etc/passwd; rm -f /etc/motd; mkdir -p /opt/a/b',
    );
    await said(t, 'ln /etc/tees-test /opt/a/link; chown 4711:4711 /opt/a; chmod 4755 /opt/a/link');
    t.is((await tees(t.context.cluster, NOBODY, 'env', 'stop')).status, 0);
    const seen = await said(
      t,
      'cat /etc/tees-test; test -e /etc/motd || echo gone; stat -c %u:%a /opt/a /opt/a/link; id -u x',
    );
    t.is(seen, 'mine\ngone\n4711:755\n0:4755\n4711');
    t.is(existsSync('/etc/motd'), motd);
    t.false(existsSync('/etc/tees-test'));
    t.deepEqual(await readFile('/etc/passwd'), passwd);
  },
);

maybe('one is oneself inside, too, and becomes root without a password', async (t) => {
  const own = await said(t, 'id -u; sudo id -u; su -c "id -u"', ['--as-user']);
  t.is(own, `${NOBODY.uid}\n0\n0`);
  const status = await enter(t.context.cluster, NOBODY, 'sudo sh -c "exit 7"', ['--as-user']);
  t.is(status.status, 7);
  const other = await enter(t.context.cluster, NOBODY, 'sudo -u games id', ['--as-user']);
  t.not(other.status, 0);
});

maybe(
  'several sessions are in one environment; what is left behind is reaped, and what was sent goes on',
  async (t) => {
    await said(t, 'sleep 1000 </dev/null >/dev/null 2>&1 & echo $! >/run/left');
    t.is(await said(t, 'kill -0 $(cat /run/left) && echo alive'), 'alive');
    const both = await Promise.all(
      ['a', 'b'].map((one) => said(t, `echo ${one} >/run/${one}; sleep 0.5; cat /run/a /run/b`)),
    );
    t.deepEqual(both, ['a\nb', 'a\nb']);
    t.regex(await said(t, 'ps -e -o comm= | grep -c sleep'), /^1$/);
  },
);

maybe('streams, status, signals and what cannot be started', async (t) => {
  const { cluster } = t.context;
  const echoed = await enter(cluster, NOBODY, 'cat; echo no >&2; exit 3', [], 'one\ntwo\n');
  t.deepEqual(echoed, { status: 3, stdout: 'one\ntwo\n', stderr: 'no\n' });
  t.is((await enter(cluster, NOBODY, 'kill -9 $$')).status, 137);
  const missing = await enter(cluster, NOBODY, 'exec /nowhere/at/all');
  t.is(missing.status, 127);
  const big = await enter(cluster, NOBODY, 'head -c 3000000 /dev/zero | wc -c');
  t.is(big.stdout.trim(), '3000000');
});

maybe('environments have names; they are listed, copied, measured and deleted', async (t) => {
  const { cluster } = t.context;
  const who = GAMES;
  const unknown = await enter(cluster, who, 'true', ['--environment', 'blue']);
  t.is(unknown.status, 125);
  t.regex(unknown.stderr, /ENVIRONMENT_UNKNOWN/);
  t.is((await tees(cluster, who, 'env', 'start', 'blue')).status, 0);
  await said(
    t,
    'head -c 5000000 /dev/urandom >/opt/five; sha256sum </opt/five >/opt/sum',
    ['--environment', 'blue'],
    who,
  );
  const list = await tees(cluster, who, 'env', 'list', '--json');
  t.like(JSON.parse(list.stdout), { environments: [{ name: 'blue', state: 'running' }] });
  const busy = await tees(cluster, who, 'env', 'copy', 'blue', 'green');
  t.regex(busy.stderr, /ENVIRONMENT_RUNS/);
  await tees(cluster, who, 'env', 'stop', 'blue');
  t.is((await tees(cluster, who, 'env', 'copy', 'blue', 'green')).status, 0);
  await said(t, 'sha256sum </opt/five | cmp - /opt/sum', ['--environment', 'green'], who);
  const usage = await tees(cluster, who, 'env', 'usage', 'green', '--json');
  const { bytes } = JSON.parse(usage.stdout) as { bytes: number };
  t.true(bytes >= 5_000_000 && bytes < 6_000_000, `${bytes} bytes`);
  for (const name of ['blue', 'green']) t.is((await tees(cluster, who, 'env', 'delete', name)).status, 0);
  t.deepEqual(readdirSync(environmentsOf(cluster, who)), []);
  t.is(
    (await tees(cluster, who, 'env', 'list')).stdout,
    'You have no environment yet: tees shell makes one.\n',
  );
});

maybe('nobody has to do with another’s environment, but the node’s root with all', async (t) => {
  const { cluster } = t.context;
  await said(t, 'echo secret >/opt/secret');
  const asked = await tees(cluster, GAMES, 'env', 'stop', '--user', NOBODY.name);
  t.regex(asked.stderr, /NOT_ALLOWED/);
  const upper = join(environmentsOf(cluster, NOBODY), 'default/upper/opt/secret');
  const looked = await enter(cluster, GAMES, `cat ${upper}`);
  t.not(looked.status, 0);
  t.notRegex(looked.stdout, /secret/);
  const root = { name: 'root', uid: 0, gid: 0 };
  t.regex((await tees(cluster, root, 'env', 'list', '--user', NOBODY.name)).stdout, /default +running/);
  t.regex((await enter(cluster, root, 'true')).stderr, /ENVIRONMENT_OF_ROOT/);
  t.is((await lstat(upper)).uid, NOBODY.uid);
});

maybe(
  'what the user may not read outside, root may not inside; the names that programs need are there',
  async (t) => {
    const secret = join(t.context.scratch, 'secret');
    await writeFile(secret, 'hidden', { mode: 0o600 });
    const { stdout } = await enter(
      t.context.cluster,
      NOBODY,
      `cat ${secret}; cat /etc/shadow; cat /proc/1/environ; ls /root`,
    );
    t.notRegex(stdout, /hidden/);
    const shadow = await readFile('/etc/shadow', 'utf8');
    for (const line of shadow.split('\n').filter((one) => /:[^*!:]/.test(one)))
      t.false(stdout.includes(line));
    t.regex(stdout, /^root:\*:/m);
  },
);

maybe('stopping ends everything in it; who was in is told', async (t) => {
  const { cluster } = t.context;
  const inside = enter(cluster, NOBODY, 'trap "" HUP TERM; sleep 1000');
  await sleep(500);
  const started = Date.now();
  t.is((await tees(cluster, NOBODY, 'env', 'stop')).status, 0);
  t.true(Date.now() - started < 15_000);
  const { status, stderr } = await inside;
  t.is(status, 125);
  t.regex(stderr, /ENVIRONMENT_ENDED/);
  t.regex((await tees(cluster, NOBODY, 'env', 'list')).stdout, /default +stopped/);
});

maybe('what was made in an environment runs on the nodes, as the user', async (t) => {
  const { cluster } = t.context;
  await said(
    t,
    `cat >/usr/local/bin/made <<'END'
#!/bin/sh
echo made by $(stat -c %u $0), run by $(id -u)
END
chmod 755 /usr/local/bin/made; rm -f /etc/motd`,
  );
  const run = await tees(
    cluster,
    NOBODY,
    'run',
    '--nodes',
    'cn[0-3]',
    '--environment',
    'default',
    '--',
    'sh',
    '-c',
    'made; test -e /etc/motd || echo no motd',
  );
  t.is(run.status, 0, run.stderr);
  for (const node of cluster.nodes)
    t.deepEqual(linesByNode(run.stdout).get(node), [`made by 0, run by ${NOBODY.uid}`, 'no motd'], node);
  const other = await tees(cluster, GAMES, 'run', '--nodes', 'cn0', '--environment', 'none', '--', 'true');
  t.regex(other.stderr, /ENVIRONMENT_UNKNOWN/);
});

maybe(
  'inside one can look at the layer itself, with what was removed, and cannot change it that way',
  async (t) => {
    await said(
      t,
      'mkdir -p /opt/look; echo one >/opt/look/file; chown 33:33 /opt/look/file; rm -f /etc/debian_version',
    );
    const scanned = JSON.parse(await said(t, `${teesProgram} layer scan --json`)) as {
      byType: Record<string, number>;
    };
    t.true((scanned.byType['whiteout'] ?? 0) > 0);
    t.is(await said(t, 'stat -c %u /run/tees-upper/opt/look/file'), '33');
    t.is(await said(t, 'echo x >/run/tees-upper/opt/look/file || echo refused'), 'refused');
    await said(t, 'echo back >/etc/debian_version; rm -rf /opt/look');
  },
);

maybe('what was changed is told against the node', async (t) => {
  await said(
    t,
    'mkdir -p /opt/diff; echo new >/opt/diff/new; echo more >>/etc/issue; chmod 600 /etc/issue.net',
  );
  await said(t, 'rm -f /etc/debian_version; rm -rf /etc/skel; mkdir /etc/skel; echo mine >/etc/skel/mine');
  const { changes } = JSON.parse(await said(t, `${teesProgram} layer diff --json`)) as {
    changes: { kind: string; path: string }[];
  };
  const kinds = Object.fromEntries(changes.map(({ kind, path }) => [path, kind]));
  t.like(kinds, {
    '/opt/diff/new': 'added',
    '/etc/issue': 'modified',
    '/etc/issue.net': 'metadata',
    '/etc/debian_version': 'deleted',
    '/etc/skel': 'replaced',
    '/etc/skel/mine': 'added',
  });
  t.false('/etc' in kinds, 'what holds changes is none');
  const outside = await tees(t.context.cluster, NOBODY, 'layer', 'diff', '-e', 'default', '--json');
  t.deepEqual(JSON.parse(outside.stdout), { schema: 1, changes });
  const text = await said(t, `${teesProgram} layer diff`);
  t.regex(text, /^D +\/etc\/debian_version$/m);
  t.regex(text, /^A +4 B +\/opt\/diff\/new$/m);
  t.regex(text, /\d+ changes: .*deleted/);
});

maybe('an environment is moved as a tar that ordinary tools read', async (t) => {
  const { cluster } = t.context;
  const options = ['--environment', 'moved'];
  t.is((await tees(cluster, NOBODY, 'env', 'start', 'moved')).status, 0);
  await said(
    t,
    'mkdir -p /opt/m; echo one >/opt/m/one; ln /opt/m/one /opt/m/two; chown 33:33 /opt/m; chmod 4751 /opt/m/one; rm -rf /etc/skel /etc/issue; mkdir /etc/skel',
    options,
  );
  const tar = join('/tmp', `tees-moved-${process.pid}.tar`);
  const busy = await tees(cluster, NOBODY, 'layer', 'export', '-e', 'moved', '-');
  t.regex(busy.stderr, /ENVIRONMENT_RUNS/);
  await tees(cluster, NOBODY, 'env', 'stop', 'moved');
  const exported = await runAs(NOBODY, 'sh', ['-c', `${teesProgram} layer export -e moved >"$TAR"`], {
    env: { TEES_CLUSTER: cluster.stateDirectory, TAR: tar },
  });
  t.is(exported.status, 0, exported.stderr);
  t.teardown(() => rm(tar, { force: true }));
  const listed = await runAs(NOBODY, 'tar', ['-tvf', tar]);
  t.regex(listed.stdout, /^-rwsr-x--x 0\/0 .* \.\/opt\/m\/one$/m);
  t.regex(listed.stdout, /^hrwsr-x--x .* \.\/opt\/m\/two link to \.\/opt\/m\/one$/m);
  t.regex(listed.stdout, /^c.* 0,0 .* \.\/etc\/issue$/m);
  const again = await tees(cluster, NOBODY, 'layer', 'import', tar, '-e', 'moved');
  t.regex(again.stderr, /ENVIRONMENT_EXISTS/);
  const imported = await tees(cluster, NOBODY, 'layer', 'import', tar, '-e', 'back');
  t.is(imported.status, 0, imported.stderr);
  const seen = 'stat -c %a:%u:%h /opt/m/one /opt/m; test -e /etc/issue || echo gone; ls -A /etc/skel | wc -l';
  t.is(await said(t, seen, ['--environment', 'back']), await said(t, seen, options));
  const broken = await tees(cluster, NOBODY, 'layer', 'import', tar.replace('.tar', '.none'), '-e', 'broken');
  t.regex(broken.stderr, /FILE_UNUSABLE/);
  const wrong = await runAs(NOBODY, 'sh', ['-c', `echo no tar | ${teesProgram} layer import -e wrong`], {
    env: { TEES_CLUSTER: cluster.stateDirectory },
  });
  t.regex(wrong.stderr, /ENVIRONMENT_FAILED/);
  t.notRegex((await tees(cluster, NOBODY, 'env', 'list')).stdout, /wrong|broken/);
});
