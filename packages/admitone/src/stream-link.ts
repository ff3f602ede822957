import { readBody, readText } from './answer.js';
import { closeCodeOf, readClose } from './close-codes.js';
import { AdmitError } from './errors.js';
import type { Link, LinkEnd } from './link.js';
import { problemOf } from './problem.js';

/** Takes a piece of a body's text, and gives the last line by then, where that is a comment. */
export type ReadStream = (text: string) => string;

/** A request whose answer goes on: what an attempt opens in place of a socket. */
export class StreamLink implements Link {
  readonly protocol = '';
  onopen: Link['onopen'] = null;
  onmessage: Link['onmessage'] = null;
  onclose: ((end: LinkEnd) => unknown) | null = null;
  onerror: Link['onerror'] = null;
  readonly #abort = new AbortController();

  /** @param read may throw a `RangeError`, which ends the stream for good */
  constructor(send: (signal: AbortSignal) => Promise<Response>, read: ReadStream) {
    void this.#run(send, read);
  }

  close(): void {
    this.#abort.abort();
  }

  async #run(send: (signal: AbortSignal) => Promise<Response>, read: ReadStream): Promise<void> {
    let end: LinkEnd = { code: 1006, reason: '' };
    try {
      const response = await send(this.#abort.signal);
      const error = await faultOf(response);
      if (error) end = { ...end, error };
      else {
        this.onopen?.(new Event('open'));
        let last = '';
        await readBody(response, (text) => {
          last = read(text);
          return true;
        });
        end = endOf(last) ?? end;
      }
    } catch (error) {
      if (error instanceof RangeError) end = { code: 1009, reason: '' };
    }
    this.close();
    this.onclose?.(end);
  }
}

/** What the gateway says of an end that it has made. */
function endOf(comment: string): LinkEnd | undefined {
  const code = closeCodeOf(readClose(1006, comment)?.name ?? '');
  return code ? { code, reason: comment } : undefined;
}

async function faultOf(response: Response): Promise<AdmitError | undefined> {
  if (!response.ok) return problemOf(response, await readText(response), closeCodeOf);
  if (response.status === 204) return new AdmitError('closed_by_upstream', 'nothing to stream (204)');
  if (/^text\/event-stream\s*(;|$)/i.test(response.headers.get('content-type') ?? '')) return undefined;
  return new AdmitError('bad_answer', 'no text/event-stream');
}
