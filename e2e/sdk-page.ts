import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

const REPOSITORY = join(import.meta.dirname, '..');
const PAGE = `<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>A page</title>
<a href="/elsewhere" target="_blank">Another tab</a>
<script type="module">import * as admitone from '/admitone.js'; window.admitone = admitone;</script></html>`;

declare global {
  interface Window {
    admitone: typeof import('../packages/admitone/src/index.js');
  }
}

/** An origin of two pages, `/` and `/elsewhere`, whose `admitone` is the SDK as it would be published. */
export class SdkPages {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async serve(): Promise<SdkPages> {
    await promisify(execFile)('npm', ['run', 'build', '--workspace', 'packages/admitone'], {
      cwd: REPOSITORY,
    });
    const sdk = await readFile(join(REPOSITORY, 'packages/admitone/dist/index.js'), 'utf8');
    const server = createServer(({ url }, response) => {
      const isSdk = url === '/admitone.js';
      response.setHeader('content-type', isSdk ? 'text/javascript' : 'text/html');
      response.end(isSdk ? sdk : PAGE);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new SdkPages(server);
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
