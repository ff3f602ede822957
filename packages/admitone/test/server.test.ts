import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket as NodeWebSocket } from 'ws';
import { AdmitConnection, type AdmitConnectionEventMap, type AdmitConnectionOptions } from '../src/index.js';
import { Gateway } from './gateway.js';

let gateway: Gateway;
const connections: AdmitConnection[] = [];

beforeEach(async () => {
  gateway = new Gateway();
  await gateway.start();
});
afterEach(async () => {
  for (const connection of connections.splice(0)) connection.close();
  await gateway.stop();
});

function connect(options: Partial<AdmitConnectionOptions> = {}): AdmitConnection {
  const connection = new AdmitConnection({
    gateway: gateway.origin,
    token: () => 'jwt-of-ada',
    WebSocket: NodeWebSocket,
    retryBaseMs: 1,
    ...options,
  } as AdmitConnectionOptions);
  connections.push(connection);
  return connection;
}

function next<K extends keyof AdmitConnectionEventMap>(
  connection: AdmitConnection,
  type: K,
): Promise<AdmitConnectionEventMap[K]> {
  return new Promise((resolve) => connection.addEventListener(type, resolve, { once: true }));
}

describe('against a real server', () => {
  it('opens with a ticket, echoes, and closes cleanly', async () => {
    const connection = connect({ protocols: ['chat'] });
    await next(connection, 'open');
    expect(connection.protocol).toBe('chat');
    connection.send('hello');
    expect((await next(connection, 'message')).data).toBe('echo hello');
    connection.close(1000, 'done');
    const { detail } = await next(connection, 'close');
    expect(detail).toEqual({
      code: 'closed_by_application',
      close: { code: 1000, reason: 'done' },
      retrying: false,
    });
  });

  it('opens without protocols of its own, and shows no marker', async () => {
    const connection = connect();
    await next(connection, 'open');
    expect(connection.protocol).toBe('');
    expect(connection.handshake?.selected).toBe('admitone.v1');
  });

  it('gives binary messages as asked', async () => {
    gateway.onSocket = (socket) => socket.send(new Uint8Array([1, 2, 3]));
    const { data } = await next(connect({ binaryType: 'arraybuffer' }), 'message');
    expect(new Uint8Array(data)).toEqual(new Uint8Array([1, 2, 3]));
  });

  it('reads a refusal, mints afresh, and gets in', async () => {
    const connection = connect();
    connection.addEventListener(
      'statechange',
      ({ detail }) => detail.state.name === 'dialing' && gateway.minted === 1 && gateway.spendAll(),
    );
    const opened = next(connection, 'open');
    const { detail } = await next(connection, 'close');
    expect(detail).toMatchObject({ code: 'ticket_not_accepted', retrying: true });
    await opened;
    expect(gateway.minted).toBe(2);
    expect(gateway.offers[0]?.at(-1)).not.toBe(gateway.offers[1]?.at(-1));
  });

  it('reconnects with another ticket when the node drains', async () => {
    const connection = connect();
    gateway.onSocket = (socket) => {
      if (gateway.minted === 1) socket.close(1012, 'admitone:draining');
    };
    await next(connection, 'open');
    const { detail } = await next(connection, 'close');
    expect(detail).toMatchObject({ code: 'draining', retrying: true });
    await next(connection, 'open');
    expect(gateway.minted).toBe(2);
  });

  it('stops when the session is revoked', async () => {
    gateway.onSocket = (socket) => socket.close(4900, 'admitone:revoked');
    const connection = connect();
    const failed = next(connection, 'error');
    expect((await next(connection, 'close')).detail).toMatchObject({ code: 'revoked', retrying: false });
    expect((await failed).detail.requiresLogin()).toBe(true);
    expect(connection.state.name).toBe('closed');
  });

  it('survives an upgrade that is refused by HTTP', async () => {
    gateway.onUpgrade = (_, write) => {
      write('HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n');
      return true;
    };
    const { detail } = await next(connect({ maxRetries: 0 }), 'close');
    expect(detail).toEqual({ code: 'connection_failed', gaveUp: true, retrying: false });
  });

  it('closes while the handshake is under way', async () => {
    const upgrading = new Promise<void>((resolve) => {
      gateway.onUpgrade = () => {
        resolve();
        return true;
      };
    });
    const connection = connect();
    await upgrading;
    connection.close();
    expect((await next(connection, 'close')).detail.code).toBe('closed_by_application');
  });

  it('says that the login is not accepted', async () => {
    const { detail } = await next(connect({ token: () => 'stale' }), 'close');
    expect(detail).toEqual({ code: 'not_logged_in', retrying: false });
    expect(gateway.offers).toEqual([]);
  });
});
