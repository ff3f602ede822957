/** What may be set as an `on…` attribute. */
// biome-ignore lint/suspicious/noExplicitAny: as lib.dom has it for each of its interfaces.
export type Handler = ((event: any) => unknown) | null;

interface Listener {
  handler: (event: Event) => unknown;
  handleEvent(event: Event): void;
}

/**
 * The `on…` attributes of an event target: one listener each, which keeps its turn while it is replaced and leaves it when it
 * is set to something that cannot be called (HTML, event handler attributes).
 */
export class Handlers {
  readonly #target: EventTarget;
  readonly #listeners = new Map<string, Listener>();

  constructor(target: EventTarget) {
    this.#target = target;
  }

  get(type: string): Handler {
    return this.#listeners.get(type)?.handler ?? null;
  }

  set(type: string, handler: Handler): void {
    const target = this.#target;
    const present = this.#listeners.get(type);
    if (typeof handler !== 'function') {
      this.#listeners.delete(type);
      target.removeEventListener(type, present ?? null);
    } else if (present) {
      present.handler = handler;
    } else {
      const listener = { handler, handleEvent: (event: Event) => listener.handler.call(target, event) };
      this.#listeners.set(type, listener);
      target.addEventListener(type, listener);
    }
  }
}
