type Close = { code: number; reason: string };

/** A `WebSocket` whose server is the test. */
export class FakeSocket {
  static all: FakeSocket[] = [];
  /** What the constructor throws. */
  static refuseToConstruct: Error | { readonly thrown: unknown } | undefined;

  static latest(): FakeSocket {
    const socket = FakeSocket.all.at(-1);
    if (!socket) throw new Error('no socket was opened');
    return socket;
  }

  static reset(): void {
    FakeSocket.all = [];
    FakeSocket.refuseToConstruct = undefined;
  }

  readyState = 0;
  protocol = '';
  bufferedAmount = 0;
  binaryType: BinaryType = 'blob';
  sent: unknown[] = [];
  closeCalls: unknown[][] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((close: Close) => void) | null = null;
  onerror: (() => void) | null = null;
  readonly url: string;
  readonly offered: string[];

  constructor(url: string | URL, offered: string | string[] = []) {
    const refusal = FakeSocket.refuseToConstruct;
    if (refusal) throw 'thrown' in refusal ? refusal.thrown : refusal;
    this.url = String(url);
    this.offered = [offered].flat();
    FakeSocket.all.push(this);
  }

  send(data: unknown): void {
    this.sent.push(data);
  }

  close(...call: unknown[]): void {
    this.closeCalls.push(call);
    this.readyState = 2;
  }

  accept(protocol = 'admitone.v1'): void {
    this.readyState = 1;
    this.protocol = protocol;
    this.onopen?.();
  }

  receive(data: unknown): void {
    this.onmessage?.(new MessageEvent('message', { data }));
  }

  end(code = 1006, reason = ''): void {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }
}

export const FakeWebSocket = FakeSocket as unknown as typeof WebSocket;
