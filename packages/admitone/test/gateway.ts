import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket as ServerSocket, WebSocketServer } from 'ws';

/** A gateway's outside: mints, redeems once, refuses in the way a browser can read. */
export class Gateway {
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => this.select(offered),
  });
  readonly #live = new Set<string>();
  readonly #streams = new Set<Duplex>();
  minted = 0;
  /** Those that were admitted, in order. */
  readonly sockets: ServerSocket[] = [];
  refuseMints = 401;
  offers: string[][] = [];
  refusal: [code: number, reason: string] = [4801, 'admitone:ticket_not_accepted'];
  /** Admits whoever comes, as a server without a gateway does. */
  isOpenToAll = false;
  onSocket: (socket: ServerSocket) => void = (socket) =>
    socket.on('message', (data) => socket.send(`echo ${data}`));
  /** Answers an upgrade before any of this; `true` when it did. */
  onUpgrade = (_request: IncomingMessage, _write: (answer: string) => void) => false;

  /** Answers what is no mint. */
  onRequest = (_request: IncomingMessage, response: ServerResponse) => response.writeHead(404).end();

  constructor() {
    this.#server = createServer((request, response) => {
      if (request.url !== '/auth/ticket') return this.onRequest(request, response);
      response.setHeader('content-type', 'application/json');
      response.writeHead(request.headers.authorization === 'Bearer jwt-of-ada' ? 201 : this.refuseMints);
      response.end(JSON.stringify(this.#mint()));
    });
    this.#server.on('upgrade', (request, stream, head) => {
      this.#streams.add(stream);
      if (this.onUpgrade(request, (answer) => stream.end(answer))) return;
      this.#sockets.handleUpgrade(request, stream, head, (socket) => {
        if (socket.protocol === 'admitone.refused') socket.close(...this.refusal);
        else {
          this.sockets.push(socket);
          this.onSocket(socket);
        }
      });
    });
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async stop(): Promise<void> {
    for (const stream of this.#streams) stream.destroy();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get socketUrl(): string {
    return `${this.origin.replace('http', 'ws')}/chat`;
  }

  /** Whether this ticket was live; it is not any more. */
  redeem(ticket: string | undefined): boolean {
    return ticket !== undefined && this.#live.delete(ticket);
  }

  spendAll(): void {
    this.#live.clear();
  }

  select(offered: Set<string>): string {
    this.offers.push([...offered]);
    if (this.isOpenToAll) return [...offered][0] ?? '';
    const ticket = [...offered].find((protocol) => protocol.startsWith('admitone.ticket.'))?.slice(16);
    if (!this.redeem(ticket)) return 'admitone.refused';
    return offered.has('chat') ? 'chat' : 'admitone.v1';
  }

  #mint(): object {
    this.minted += 1;
    const ticket = `adm1_${String(this.minted).padStart(72, 'A')}`;
    this.#live.add(ticket);
    return {
      ticket,
      session_id: `s-${this.minted}`,
      created_at: 0,
      expires_at: 60,
      expires_in: 60,
      ttl_seconds: 60,
      single_use: true,
      websocket_url: this.socketUrl,
      protocols: ['admitone.v1', 'admitone.refused', `admitone.ticket.${ticket}`],
    };
  }
}
