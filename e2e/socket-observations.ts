/** Which constructor, and where its sockets go. */
export interface Observed {
  readonly url: string;
  /** With a ticket in place of a bare socket. */
  readonly admitted?: { readonly gateway: string; readonly login: string };
}

/** What a page sees of a socket constructor, as JSON. Runs inside a browser, so it uses nothing from outside. */
export async function observe({ url, admitted }: Observed): Promise<Readonly<Record<string, unknown>>> {
  const Socket = admitted
    ? (window.admitone.admitSocket({
        gateway: admitted.gateway,
        token: () => admitted.login,
      }) as unknown as typeof WebSocket)
    : WebSocket;
  const next = <E extends Event>(socket: WebSocket, type: string) =>
    new Promise<E>((resolve) =>
      socket.addEventListener(type, (event) => resolve(event as E), { once: true }),
    );
  const thrownBy = (call: () => unknown) => {
    try {
      call();
      return 'nothing';
    } catch (error) {
      return `${(error as object).constructor.name} ${(error as Error).name}`;
    }
  };
  const constants = (holder: typeof WebSocket | WebSocket) => [
    holder.CONNECTING,
    holder.OPEN,
    holder.CLOSING,
    holder.CLOSED,
  ];
  const closing = ({ code, reason, wasClean }: CloseEvent) => ({ code, reason, wasClean });
  const kindOf = (data: unknown) => Object.prototype.toString.call(data);

  const socket = new Socket(url, ['chat', 'other']);
  const seen: string[] = [];
  for (const type of ['open', 'message', 'error', 'close'] as const)
    socket.addEventListener(type, (event) =>
      seen.push(`${event.constructor.name} ${type} ${socket.readyState} ${event.target === socket}`),
    );
  const begun = {
    isWebSocket: socket instanceof WebSocket,
    isEventTarget: socket instanceof EventTarget,
    constants: [constants(Socket), constants(socket)],
    hasUrl: socket.url === url,
    empty: [
      socket.readyState,
      socket.protocol,
      socket.extensions,
      socket.bufferedAmount,
      socket.binaryType,
      socket.onopen,
    ],
    early: thrownBy(() => socket.send('early')),
    badCode: thrownBy(() => socket.close(2999)),
    longReason: thrownBy(() => socket.close(1000, 'é'.repeat(62))),
    badUrl: thrownBy(() => new Socket('ftp://gw.example')),
    repeatedProtocol: thrownBy(() => new Socket(url, ['chat', 'chat'])),
    noToken: thrownBy(() => new Socket(url, 'a b')),
    withoutNew: thrownBy(() => (Socket as unknown as () => unknown)()),
    // A property that ours did not override would throw: the native getters know native sockets alone.
    properties: Object.getOwnPropertyNames(WebSocket.prototype)
      .filter((name) => name !== 'constructor')
      .map((name) => `${name}: ${typeof Reflect.get(socket, name, socket)}`),
  };
  await next(socket, 'open');
  const { protocol } = socket;
  const handled: unknown[] = [];
  socket.onmessage = function (event) {
    handled.push(this === socket, event instanceof MessageEvent, event.origin === new URL(url).origin);
  };
  socket.send('text');
  const text = (await next<MessageEvent>(socket, 'message')).data;
  socket.onmessage = null;
  socket.send(new Uint8Array([1, 2, 3]));
  const blob = kindOf((await next<MessageEvent>(socket, 'message')).data);
  socket.binaryType = 'arraybuffer';
  Reflect.set(socket, 'binaryType', 'neither');
  socket.send(new Blob(['abc']));
  const { data } = await next<MessageEvent>(socket, 'message');
  const buffer = [kindOf(data), data.byteLength, socket.binaryType];
  socket.close(1000, 'done');
  const asked = [socket.readyState, closing(await next<CloseEvent>(socket, 'close')), socket.readyState];
  socket.send('late');
  const late = socket.bufferedAmount;

  const hasty = new Socket(url);
  const hastily: string[] = [];
  for (const type of ['open', 'error', 'close']) hasty.addEventListener(type, () => hastily.push(type));
  hasty.close();
  const abandoned = [hasty.readyState, closing(await next<CloseEvent>(hasty, 'close')), hastily];

  const ended = new Socket(url);
  await next(ended, 'open');
  ended.send('close');
  const byServer = closing(await next<CloseEvent>(ended, 'close'));
  return { begun, protocol, handled, text, blob, buffer, asked, late, abandoned, byServer, seen };
}
