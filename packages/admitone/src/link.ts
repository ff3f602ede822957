import { type Credential, offerProtocols } from './carriers.js';
import type { AdmitError } from './errors.js';

/** The end of a link. */
export interface LinkEnd {
  readonly code: number;
  readonly reason: string;
  /** Why it did not come about, where that is known. */
  readonly error?: AdmitError;
}

/** What an attempt opens: a `WebSocket`, or as much of one as it uses. */
export interface Link {
  readonly protocol: string;
  onopen: ((event: Event) => unknown) | null;
  onmessage: ((event: MessageEvent) => unknown) | null;
  // Written as a method, whose argument TypeScript compares both ways: a socket's is a CloseEvent, a stream's is not.
  onclose: { bivariant(end: LinkEnd): unknown }['bivariant'] | null;
  onerror: ((event: Event) => unknown) | null;
  close(code?: number, reason?: string): void;
}

/** A link and the subprotocols it was opened with. */
export interface Dialed<L extends Link> {
  readonly link: L;
  readonly offered: readonly string[];
}

/** Opens a link. */
export type Dial<L extends Link> = (url: string, credential: Credential) => Dialed<L>;

/** Makes sockets: the global constructor, or that of `ws` or `undici`. */
export type SocketConstructor = new (
  url: string,
  protocols?: string[],
) => {
  readonly protocol: string;
  readonly readyState: number;
  send(data: string): void;
  close(code?: number, reason?: string): void;
};

/** Opens sockets; the credential goes as a subprotocol. */
export function socketDial(Socket: SocketConstructor, protocols: readonly string[]): Dial<WebSocket> {
  return (url, credential) => {
    const offered = offerProtocols(credential, protocols);
    return { link: new Socket(url, offered) as WebSocket, offered };
  };
}
