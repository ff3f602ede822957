import { get, SignedOut } from './api.js';
import { type Nodes, readNodes } from './summary.js';

/** How long to wait before the stream is asked for again. */
const RETRY_MS = 2_000;

/** What a stream tells of. */
export interface Listener {
  opened(): void;
  nodes(nodes: Nodes): void;
  audit(line: string): void;
  /** Lines are missing. */
  lost(): void;
  /** There is no stream at the moment; another one is tried. */
  broken(reason: string): void;
  signedOut(): void;
}

/** The events of the gateway, for as long as somebody is signed in. */
export class Stream {
  readonly #listener: Listener;
  #source: EventSource | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(listener: Listener) {
    this.#listener = listener;
    this.#open();
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#source?.close();
    this.#source = undefined;
  }

  #open(): void {
    const source = new EventSource('api/events');
    this.#source = source;
    source.addEventListener('open', () => this.#listener.opened());
    source.addEventListener('nodes', ({ data }) => this.#listener.nodes(readNodes(JSON.parse(data))));
    source.addEventListener('audit', ({ data }) => this.#listener.audit(data));
    source.addEventListener('lost', () => this.#listener.lost());
    source.addEventListener('error', () => void this.#failed(source));
  }

  /** A browser does not say why; another request does. */
  async #failed(source: EventSource): Promise<void> {
    source.close();
    if (this.#source !== source) return;
    const reason = await get('api/status').then(
      () => 'The gateway has ended this page’s stream.',
      (error: unknown) => error,
    );
    if (this.#source !== source) return;
    if (reason instanceof SignedOut) {
      this.close();
      this.#listener.signedOut();
      return;
    }
    this.#listener.broken(reason instanceof Error ? reason.message : String(reason));
    this.#retry = setTimeout(() => this.#open(), RETRY_MS);
  }
}
