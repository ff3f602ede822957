import { once } from 'node:events';
import { createServer } from 'node:net';

const given = new Set<number>();

/**
 * Below the ports that the system gives to whoever connects, and none that it gave before: nobody takes one of these while
 * its owner is away.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 27_000 + Math.floor(Math.random() * 5_000);
    if (given.has(port)) continue;
    given.add(port);
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    server.close();
    if (isFree) return port;
  }
}
