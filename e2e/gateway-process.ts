import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const START_LIMIT_MS = 20_000;

/** A real gateway with a configuration of its own, on a free port. */
export class Gateway {
  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
    private readonly folder: string,
  ) {}

  /** @param configuration TOML, with `listen = "127.0.0.1:0"`. @param files What it names, by file name. */
  static async serve(configuration: string, files: Readonly<Record<string, string>> = {}): Promise<Gateway> {
    const binary = process.env.ADMITONE_BIN;
    if (!binary) throw new Error('ADMITONE_BIN is not set: name the admitone binary to test');
    const folder = await mkdtemp(join(tmpdir(), 'admitone-'));
    for (const [name, content] of Object.entries({ ...files, 'admitone.toml': configuration }))
      await writeFile(join(folder, name), content, { mode: 0o600 });
    // The gateway takes every variable of ours for a key of its configuration.
    const { ADMITONE_BIN: _, ...env } = process.env;
    const child = spawn(binary, ['serve', '--config', join(folder, 'admitone.toml')], {
      stdio: ['ignore', 'inherit', 'pipe'],
      env,
    });
    const address = await listening(child).catch((error: unknown) => {
      child.kill('SIGKILL');
      throw error;
    });
    return new Gateway(`http://${address}`, child, folder);
  }

  /** @param signal `SIGTERM` drains first */
  async stop(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const exited = once(this.child, 'exit');
    this.child.kill(signal);
    await exited;
    await rm(this.folder, { recursive: true });
  }
}

/** The address in the log's line that says so; the log is read on, so that the gateway can write it. */
function listening(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const lines: string[] = [];
    const fail = (why: string) => reject(new Error(`the gateway ${why}:\n${lines.join('\n')}`));
    const timer = setTimeout(() => fail('did not start in time'), START_LIMIT_MS);
    child.once('exit', (code) => fail(`ended with ${code}`));
    if (!child.stderr) return fail('has no log');
    createInterface({ input: child.stderr }).on('line', (line) => {
      lines.push(line);
      const address = /"message":"listening".*?"address":"([^"]+)"/.exec(line)?.[1];
      if (!address) return;
      clearTimeout(timer);
      resolve(address);
    });
  });
}
