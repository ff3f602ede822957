// The servers of examples/ that verify assertions, as processes; and assertions to show them.
import { type ChildProcess, spawn } from 'node:child_process';
import { on, once } from 'node:events';
import { join } from 'node:path';
import { WebSocket } from 'ws';

const EXAMPLES = join(import.meta.dirname, '../examples');

/** How a server is started: its program, its script below examples/, its environment. */
type Start = readonly [program: string, script: string, env: NodeJS.ProcessEnv];

export const STARTS: Readonly<Record<string, () => Start>> = {
  node: () => [process.execPath, 'upstream-node/server.js', {}],
  python: () => [
    named('PYTHON_UPSTREAM'),
    'upstream-python/server.py',
    { PYTHONPATH: named('PYTHON_UPSTREAM_PACKAGES'), PYTHONDONTWRITEBYTECODE: '1' },
  ],
};

function named(variable: string): string {
  const value = process.env[variable];
  if (!value) throw new Error(`${variable} is not set: run \`cargo xtask test --only e2e\``);
  return value;
}

/** One of the servers, running. */
export class UpstreamExample {
  private constructor(
    private readonly child: ChildProcess,
    private readonly url: string,
  ) {}

  static async start(start: Start, gateway: string, route: string, port: number): Promise<UpstreamExample> {
    const [program, script, own] = start;
    const env = { ...process.env, ...own, GATEWAY: gateway, ROUTE: route, PORT: `${port}` };
    const child = spawn(program, [join(EXAMPLES, script)], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    for await (const [part] of on(child.stdout, 'data', { close: ['end'] })) {
      said += part;
      if (!said.includes(`listening on ${port}\n`)) continue;
      child.stdout.resume();
      return new UpstreamExample(child, `ws://127.0.0.1:${port}/`);
    }
    throw new Error(`${script} ended: ${said}`);
  }

  /** What it says first to who comes past the gateway, or the status that it refuses them with. */
  ask(headers: Readonly<Record<string, string>>): Promise<string | number> {
    const socket = new WebSocket(this.url, { headers });
    return new Promise((resolve, reject) => {
      socket.once('message', (text) => {
        resolve(`${text}`);
        socket.terminate();
      });
      socket.once('unexpected-response', (request, { statusCode }) => {
        resolve(statusCode ?? 0);
        request.destroy();
      });
      socket.on('error', reject);
    });
  }

  async stop(): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }
}
