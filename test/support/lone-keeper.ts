/** A keeper of environments without a cluster, in a directory of its own, and users who come to it. */
import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { enterPath } from '../../src/base/native.js';
import { askKeeper } from '../../src/cli/ask-keeper.js';
import type { Environments } from '../../src/config/config.js';
import { EnvironmentKeeper } from '../../src/login/environment-keeper.js';
import { runAs } from './environments.js';
import type { Outcome, Person } from './environments.js';
import { temporaryDirectory } from './temporary-directory.js';

export class LoneKeeper {
  readonly socket: string;
  readonly logged: string[] = [];
  #keeper: EnvironmentKeeper | undefined;

  constructor(
    readonly directory = temporaryDirectory('keeper'),
    readonly kept = join(directory, 'kept'),
  ) {
    chmodSync(directory, 0o755);
    this.socket = join(directory, 'environments.sock');
  }

  /** Instead of the one before, if there is one. Environments go on. */
  async start(settings: Partial<Environments> = {}, program?: string): Promise<void> {
    await this.stop();
    const log = (text: string): void => void this.logged.push(text);
    const ids = { first: 0x6000_0000, count: 0x1000_0000 };
    this.#keeper = new EnvironmentKeeper({
      environments: { directory: this.kept, bind: [], devices: [], ids, ...settings },
      runtimeDirectory: this.directory,
      log: { error: log, warn: log, info: log, debug: log },
      ...(program === undefined ? {} : { program }),
    });
    await this.#keeper.start();
  }

  async stop(): Promise<void> {
    const keeper = this.#keeper;
    this.#keeper = undefined;
    await keeper?.stop();
  }

  /** As the node’s root, for somebody. */
  ask({ uid }: Person, ...request: string[]): Promise<string[][]> {
    return askKeeper(this.socket, [`user=${uid}`, ...request]);
  }

  async names(person: Person): Promise<string[]> {
    return (await this.ask(person, 'list')).map(([, name = '']) => name);
  }

  enter(person: Person, script: string, name = 'default'): Promise<Outcome> {
    const words = ['--socket', this.socket, '--environment', name, '--', 'sh', '-c', script];
    return runAs(person, enterPath(), words);
  }

  placeOf({ uid }: Person, ...below: string[]): string {
    return join(this.kept, 'users', String(uid), ...below);
  }

  /** Nothing of these people runs, and nothing is left. */
  async end(...persons: Person[]): Promise<void> {
    for (const person of persons)
      for (const name of await this.names(person).catch(() => []))
        await this.ask(person, 'stop', name).catch(() => {});
    await this.stop();
    // A keeper’s look at the node may outlive it by a moment.
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}
