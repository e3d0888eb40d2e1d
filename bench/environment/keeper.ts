/** A keeper of environments for one user, as the login daemon starts it, and what is asked of it but to come in. */
import { mkdirSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { askKeeper } from '../../src/cli/ask-keeper.js';
import { DEFAULTS } from '../../src/config/config.js';
import { EnvironmentKeeper } from '../../src/login/environment-keeper.js';
import type { TrialContext } from '../trial.js';

/** As src/config/environments-section.ts has it. */
const MEMORY_PART = 1 / 2;

export class Keeper {
  private constructor(
    private readonly socket: string,
    private readonly uid: number,
  ) {}

  /** Below `directory`; all of its environments end with the trial. */
  static async start(
    context: TrialContext,
    directory: string,
    uid: number,
    limited: boolean,
  ): Promise<Keeper> {
    const runtimeDirectory = join(directory, 'run');
    mkdirSync(runtimeDirectory, { recursive: true });
    const say = (text: string): void => context.say(`keeper: ${text}`);
    const keeper = new EnvironmentKeeper({
      environments: {
        directory: join(directory, 'environments'),
        bind: DEFAULTS.environmentBind,
        devices: DEFAULTS.environmentDevices,
        ids: DEFAULTS.environmentIds,
        ...(limited
          ? { memoryBytes: Math.floor(totalmem() * MEMORY_PART), processes: DEFAULTS.environmentProcesses }
          : {}),
      },
      runtimeDirectory,
      log: { error: say, warn: say, info: say, debug: () => {} },
    });
    await keeper.start();
    const users = new Keeper(join(runtimeDirectory, 'environments.sock'), uid);
    context.cleanup.push('the keeper', () => keeper.stop());
    context.cleanup.push('the environments', async () => {
      for (const [what, name] of await users.ask('list'))
        if (what === 'environment') await users.ask('stop', name!);
    });
    return users;
  }

  /** As the node's root, for the user. */
  ask(verb: 'start' | 'stop' | 'delete' | 'list', ...words: readonly string[]): Promise<string[][]> {
    return askKeeper(this.socket, [`user=${this.uid}`, verb, ...words]);
  }
}
