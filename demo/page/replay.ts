import { type MintedTicket, shownProtocol } from 'admitone';

/** How a second use of a ticket ended. */
export interface ReplayOutcome {
  /** Whether a usable socket opened, which must never happen. */
  readonly admitted: boolean;
  /** The subprotocol the gateway selected, empty where there was no answer. */
  readonly selected: string;
  readonly code: number;
  readonly reason: string;
  readonly tookMs: number;
}

const GIVE_UP_MS = 10_000;

/** Presents a ticket once more, with a bare WebSocket and the very subprotocols of the first time. */
export function presentAgain(ticket: MintedTicket): Promise<ReplayOutcome> {
  const began = performance.now();
  const socket = new WebSocket(ticket.websocketUrl, [...ticket.protocols]);
  const silence = setTimeout(() => socket.close(), GIVE_UP_MS);
  let selected = '';
  let admitted = false;
  socket.addEventListener('open', () => {
    selected = socket.protocol;
    admitted = !shownProtocol(ticket.protocols, selected).refused;
    if (admitted) socket.close(1000);
  });
  return new Promise((resolve) => {
    socket.addEventListener('close', ({ code, reason }) => {
      clearTimeout(silence);
      resolve({ admitted, selected, code, reason, tookMs: performance.now() - began });
    });
  });
}
