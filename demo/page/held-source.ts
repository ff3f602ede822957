import type { AcquireOptions, MintedTicket, TicketSource } from 'admitone';

/** What a {@link HeldSource} tells about each mint, as it happens. */
export interface MintWatcher {
  minting(): void;
  minted(ticket: MintedTicket): void;
  mintFailed(error: unknown): void;
}

/**
 * A ticket source that tells of each mint, that keeps a ticket minted ahead to its last second, and that remembers the last one
 * it gave away. An application has no use for it; the page keeps the ticket to show that trying it again is refused.
 */
export class HeldSource implements TicketSource {
  readonly #source: TicketSource;
  readonly #watcher: MintWatcher;
  #held: { readonly ticket: MintedTicket; readonly until: number } | undefined;
  #given: MintedTicket | undefined;

  constructor(source: TicketSource, watcher: MintWatcher) {
    this.#source = source;
    this.#watcher = watcher;
  }

  get stats(): TicketSource['stats'] {
    return this.#source.stats;
  }

  /** The last ticket a connection was opened with. */
  get given(): MintedTicket | undefined {
    return this.#given;
  }

  /** Mints a ticket and keeps it for the next connection. A failure is told the watcher alone. */
  async prefetch(): Promise<void> {
    const ticket = await this.#mint().catch(() => undefined);
    if (ticket) this.#held = { ticket, until: performance.now() + ticket.expiresIn * 1000 };
  }

  async acquire(options?: AcquireOptions): Promise<MintedTicket> {
    const held = this.#held;
    this.#held = undefined;
    const unspent = held !== undefined && performance.now() < held.until;
    this.#given = unspent ? held.ticket : await this.#mint(options);
    return this.#given;
  }

  renew(...session: Parameters<TicketSource['renew']>): ReturnType<TicketSource['renew']> {
    return this.#source.renew(...session);
  }

  revoke(...ticket: Parameters<TicketSource['revoke']>): Promise<void> {
    return this.#source.revoke(...ticket);
  }

  /** Gives up the ticket that waits, if one does. It expires unspent. */
  clear(): void {
    this.#held = undefined;
    this.#source.clear();
  }

  token(): Promise<string> {
    return this.#source.token();
  }

  async #mint(options?: AcquireOptions): Promise<MintedTicket> {
    this.#watcher.minting();
    try {
      const ticket = await this.#source.acquire(options);
      this.#watcher.minted(ticket);
      return ticket;
    } catch (error) {
      this.#watcher.mintFailed(error);
      throw error;
    }
  }
}
