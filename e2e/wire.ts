import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What lies between a page and a gateway: a network that may be late, silent or cut. */
export class Wire {
  /** One way, in milliseconds. */
  delayMs = 0;
  readonly #server: Server;
  readonly #target: () => number;
  readonly #ends = new Set<Socket>();
  #isSilent = false;
  #isCut = false;
  /** How many connections were made. */
  connections = 0;

  private constructor(target: () => number) {
    this.#target = target;
    this.#server = createServer((near) => this.#carry(near));
  }

  static async to(url: string): Promise<Wire> {
    const wire = new Wire(() => Number(new URL(url).port));
    wire.#server.listen(0, '127.0.0.1');
    await once(wire.#server, 'listening');
    return wire;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resets every connection, and every new one until it is mended. */
  cut(): void {
    this.#isCut = true;
    for (const end of this.#ends) end.resetAndDestroy();
  }

  /** Carries nothing any more, and tells nobody. What came meanwhile is lost when it is mended. */
  silence(): void {
    this.#isSilent = true;
  }

  mend(): void {
    this.#isCut = false;
    if (this.#isSilent) for (const end of this.#ends) end.resetAndDestroy();
    this.#isSilent = false;
  }

  close(): void {
    this.cut();
    this.#server.close();
  }

  #carry(near: Socket): void {
    this.connections += 1;
    if (this.#isCut) return void near.resetAndDestroy();
    const far = connect(this.#target(), '127.0.0.1');
    this.#lead(near, far);
    this.#lead(far, near);
  }

  #lead(from: Socket, to: Socket): void {
    this.#ends.add(from);
    const later = (act: () => void) => setTimeout(() => this.#isSilent || to.destroyed || act(), this.delayMs);
    from.on('data', (bytes) => later(() => to.write(bytes)));
    from.on('end', () => later(() => to.end()));
    from.on('error', () => this.#isSilent || to.resetAndDestroy());
    from.on('close', () => {
      this.#ends.delete(from);
    });
  }
}
