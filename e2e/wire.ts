import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What lies between a page and a gateway: a network that may be late, silent or cut. */
export class Wire {
  /** One way, in milliseconds. */
  delayMs = 0;
  /** Resets a connection when what it begins with matches. */
  cutsAt: RegExp | undefined;
  /** Carries nothing of such a connection, and tells nobody. */
  isSilentAt: RegExp | undefined;
  readonly #server: Server;
  readonly #port: number;
  readonly #ends = new Set<Socket>();
  #isCut = false;

  private constructor(port: number) {
    this.#port = port;
    this.#server = createServer((near) => this.#carry(near));
  }

  /** Before what listens at this URL. */
  static async to(url: string): Promise<Wire> {
    const wire = new Wire(Number(new URL(url).port));
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

  mend(): void {
    this.#isCut = false;
  }

  close(): void {
    this.cut();
    this.#server.close();
  }

  #carry(near: Socket): void {
    const far = connect(this.#port, '127.0.0.1');
    this.#lead(near, far);
    this.#lead(far, near);
    if (this.#isCut) near.resetAndDestroy();
  }

  #lead(from: Socket, to: Socket): void {
    let isSilent = false;
    const later = (act: () => void) => setTimeout(() => to.destroyed || isSilent || act(), this.delayMs);
    this.#ends.add(from);
    from.on('data', (bytes) => {
      const text = bytes.toString('latin1');
      isSilent ||= this.isSilentAt?.test(text) ?? false;
      if (this.cutsAt?.test(text)) from.resetAndDestroy();
      else later(() => to.write(bytes));
    });
    from.on('end', () => later(() => to.end()));
    // Each end's own `close` follows.
    from.on('error', () => {});
    from.on('close', (isReset) => {
      this.#ends.delete(from);
      if (isReset) to.resetAndDestroy();
      else later(() => to.destroy());
    });
  }
}
