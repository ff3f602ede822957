/** One event of an event stream. */
export interface StreamEvent {
  readonly type: string;
  readonly data: string;
  readonly lastEventId: string;
}

/** What one line and the data before it may hold, in UTF-16 units. */
const LONGEST_EVENT = 2 ** 20;

/** Reads an event stream as HTML's chapter on server-sent events says, in pieces cut anywhere. */
export class EventStreamParser {
  /** Of the last event that was ended by an empty line. */
  lastEventId: string;
  /** What the stream asks to wait before a reconnect. */
  retryMs: number | undefined;
  /** The last line, where that is a comment: the gateway ends a stream with one that says why. */
  comment = '';
  readonly #dispatch: (event: StreamEvent) => void;
  #id: string;
  #type = '';
  #data = '';
  #line = '';
  #endedByCr = false;

  constructor(lastEventId: string, dispatch: (event: StreamEvent) => void) {
    this.lastEventId = this.#id = lastEventId;
    this.#dispatch = dispatch;
  }

  /** @throws RangeError for an event of more than 1 MiB */
  push(chunk: string): void {
    if (!chunk) return;
    const text = this.#endedByCr && chunk[0] === '\n' ? chunk.slice(1) : chunk;
    this.#endedByCr = text.endsWith('\r');
    const [first = '', ...more] = text.split(/\r\n|\n|\r/);
    this.#line += first;
    for (const line of more) {
      this.#read(this.#line);
      this.#line = line;
    }
    if (this.#line.length + this.#data.length > LONGEST_EVENT) throw new RangeError('the event is too long');
  }

  #read(line: string): void {
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/su.exec(line) ?? [];
    this.comment = field ? '' : value;
    if (!line) this.#end();
    else if (field === 'data') this.#data += `${value}\n`;
    else if (field === 'event') this.#type = value;
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    else if (field === 'retry' && /^\d+$/.test(value)) this.retryMs = Number(value);
  }

  #end(): void {
    const type = this.#type || 'message';
    const data = this.#data;
    this.lastEventId = this.#id;
    this.#type = this.#data = '';
    if (data) this.#dispatch({ type, data: data.slice(0, -1), lastEventId: this.#id });
  }
}
