import { readBody, readText } from './answer.js';
import { closeCodeOf } from './close-codes.js';
import { AdmitError } from './errors.js';
import type { Link, LinkEnd } from './link.js';
import { problemOf } from './problem.js';

/** A request whose answer goes on: what an attempt opens in place of a socket. */
export class StreamLink implements Link {
  readonly protocol = '';
  onopen: Link['onopen'] = null;
  onmessage: Link['onmessage'] = null;
  onclose: ((end: LinkEnd) => unknown) | null = null;
  onerror: Link['onerror'] = null;
  readonly #abort = new AbortController();

  /** @param read is given the body's text, in pieces; a `RangeError` of its ends the stream for good */
  constructor(send: (signal: AbortSignal) => Promise<Response>, read: (text: string) => void) {
    void this.#run(send, read);
  }

  close(): void {
    this.#abort.abort();
  }

  async #run(send: (signal: AbortSignal) => Promise<Response>, read: (text: string) => void): Promise<void> {
    let end: LinkEnd = { code: 1006, reason: '' };
    try {
      const response = await send(this.#abort.signal);
      const error = await faultOf(response);
      if (error) end = { ...end, error };
      else {
        this.onopen?.(new Event('open'));
        await readBody(response, (text) => {
          read(text);
          return true;
        });
      }
    } catch (error) {
      if (error instanceof RangeError) end = { code: 1009, reason: '' };
    }
    this.close();
    this.onclose?.(end);
  }
}

async function faultOf(response: Response): Promise<AdmitError | undefined> {
  if (!response.ok) return problemOf(response, await readText(response), closeCodeOf);
  if (response.status === 204) return new AdmitError('closed_by_upstream', 'nothing to stream (204)');
  if (/^text\/event-stream\s*(;|$)/i.test(response.headers.get('content-type') ?? '')) return undefined;
  return new AdmitError('bad_answer', 'no text/event-stream');
}
