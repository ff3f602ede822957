import { vi } from 'vitest';

/** Gives the process the parts of a page that tell a person's return. Undone by `vi.unstubAllGlobals()`. */
export function withPage(): void {
  const window = new EventTarget();
  vi.stubGlobal('document', Object.assign(new EventTarget(), { hidden: true }));
  vi.stubGlobal('addEventListener', window.addEventListener.bind(window));
  vi.stubGlobal('dispatchEvent', window.dispatchEvent.bind(window));
}

export function comeBack(how: 'online' | 'visible' | 'restored'): void {
  if (how === 'online') dispatchEvent(new Event('online'));
  else if (how === 'restored') dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
  else {
    Object.assign(document, { hidden: false });
    document.dispatchEvent(new Event('visibilitychange'));
  }
}

export function leave(): void {
  dispatchEvent(new Event('pagehide'));
}
