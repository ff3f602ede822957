/**
 * Calls when the person is back: the network is there again, or the page is visible again, or came back from the
 * back/forward cache. Where there is no page it never does.
 *
 * @param signal forgets it
 */
export function onReturn(back: () => void, signal: AbortSignal): void {
  const { document } = globalThis;
  const listen = globalThis.addEventListener;
  if (!listen) return;
  listen('online', back, { signal });
  listen('pageshow', (event) => event.persisted && back(), { signal });
  document?.addEventListener('visibilitychange', () => document.hidden || back(), { signal });
}

/**
 * Calls when the person leaves the page for another one. A browser may keep the page, and a socket that is open with it: for
 * the server, somebody who is still there.
 *
 * @param signal forgets it
 */
export function onLeave(leave: () => void, signal: AbortSignal): void {
  globalThis.addEventListener?.('pagehide', leave, { signal });
}
