// @vitest-environment happy-dom
import { act, StrictMode } from 'react';
import { describe, expect, test, vi } from 'vitest';
import type { AdmitError } from '../src/index.js';
import { FakeSocket } from './fake-socket.js';
import { numberedMints, problem } from './gateway-answers.js';
import { Boundary } from './react-boundary.js';
import {
  Chat,
  chat,
  fetch,
  login,
  loginsUsed,
  open,
  Provided,
  page,
  render,
  Tickets,
  tickets,
} from './react-stage.js';

describe('useConnection', () => {
  test('StrictMode, which runs every effect twice, mints one ticket and opens one socket', async () => {
    await open(
      <StrictMode>
        <Provided>
          <Chat />
          <Tickets />
        </Provided>
      </StrictMode>,
    );
    expect(page.textContent).toBe('openfalse undefined 1');
    expect(tickets.source.stats.failures).toBe(0);
    expect([fetch.mock.calls.length, FakeSocket.all.length]).toEqual([1, 1]);
    expect(chat).toMatchObject({
      isOpen: true,
      method: 'ticket',
      protocol: '',
      handshake: { sessionId: 's-1' },
    });
  });

  test('renders again with other handlers and equal options keep the socket, and the latest handlers hear', async () => {
    const heard: string[] = [];
    const rendered = (name: string) => (
      <Provided>
        <Chat protocols={['v1']} onMessage={({ data }) => heard.push(`${name}: ${data}`)} />
      </Provided>
    );
    const socket = await open(rendered('first'));
    const { send } = chat;
    await render(rendered('second'));
    await act(async () => socket.receive('hello'));
    expect(heard).toEqual(['second: hello']);
    expect(FakeSocket.all).toHaveLength(1);
    expect(chat.send).toBe(send);
  });

  test('an option that differs opens another socket and closes the former one', async () => {
    const first = await open(
      <Provided>
        <Chat protocols={['v1']} />
      </Provided>,
    );
    await render(
      <Provided>
        <Chat protocols={['v2']} />
      </Provided>,
    );
    expect(first.closeCalls).toEqual([[1000, undefined]]);
    expect(FakeSocket.latest().offered[0]).toBe('v2');
    expect(FakeSocket.all).toHaveLength(2);
  });

  test('an unmounted component closes its socket, and nothing is told any more', async () => {
    const onClose = vi.fn();
    const socket = await open(
      <Provided>
        <Chat onClose={onClose} />
      </Provided>,
    );
    await render(<Provided />);
    expect(socket.closeCalls).toEqual([[1000, undefined]]);
    await act(async () => socket.end(1000));
    expect(onClose).not.toHaveBeenCalled();
  });

  test('a component that is unmounted while its ticket is minted opens no socket later', async () => {
    let answer = (_: Response) => {};
    fetch.mockImplementationOnce(() => new Promise((resolve) => (answer = resolve)));
    await render(
      <Provided>
        <Chat />
      </Provided>,
    );
    expect(page.textContent).toBe('acquiring');
    const late = await numberedMints()();
    await render(<Provided />);
    await act(async () => answer(late));
    expect(FakeSocket.all).toHaveLength(0);
  });

  test('sends while it is open, and before says not_open', async () => {
    await render(
      <Provided>
        <Chat />
      </Provided>,
    );
    expect(() => chat.send('early')).toThrow(expect.objectContaining({ code: 'not_open' }));
    await act(async () => FakeSocket.latest().accept());
    chat.send('hello');
    expect(FakeSocket.latest().sent).toEqual(['hello']);
  });

  test('disconnects until connect is called; one that is called within the closing handshake does not wait', async () => {
    const closes: string[] = [];
    const first = await open(
      <Provided>
        <Chat onClose={({ code }) => closes.push(code)} />
      </Provided>,
    );
    await act(async () => chat.disconnect(4000, 'away'));
    expect([page.textContent, first.closeCalls]).toEqual(['closing', [[4000, 'away']]]);
    await act(async () => first.end(4000, 'away'));
    expect([page.textContent, closes]).toEqual(['closed', ['closed_by_application']]);
    await act(async () => chat.connect());
    await act(async () => FakeSocket.latest().accept());
    await act(async () => {
      chat.disconnect();
      chat.connect();
    });
    await act(async () => FakeSocket.latest().accept());
    expect(page.textContent).toBe('open');
  });

  test('reconnect takes a ticket of the login that there is now, and leaves the former socket', async () => {
    const first = await open(
      <Provided>
        <Chat />
        <Tickets />
      </Provided>,
    );
    await act(() => tickets.prefetch('/chat'));
    login.token = 'jwt-of-ada-2';
    await act(async () => chat.reconnect());
    await act(async () => FakeSocket.latest().accept());
    expect(first.closeCalls).toEqual([[1000, undefined]]);
    expect(loginsUsed().at(-1)).toBe('Bearer jwt-of-ada-2');
    expect([FakeSocket.all.length, chat.handshake?.sessionId]).toEqual([2, 's-3']);
  });

  test('a failure is shown and told, and gone once the socket is open', async () => {
    fetch.mockImplementationOnce(async () => problem(401, 'not_logged_in'));
    const errors: AdmitError[] = [];
    await render(
      <Provided>
        <Chat onError={(error) => errors.push(error)} />
      </Provided>,
    );
    expect([chat.state.name, chat.error?.code, errors.length]).toEqual(['closed', 'not_logged_in', 1]);
    expect(chat.error?.requiresLogin()).toBe(true);
    await act(async () => chat.connect());
    await act(async () => FakeSocket.latest().accept());
    expect(chat.error).toBeUndefined();
  });

  test('with autoConnect off it waits for connect', async () => {
    await render(
      <Provided>
        <Chat autoConnect={false} />
      </Provided>,
    );
    expect([page.textContent, fetch.mock.calls.length]).toEqual(['idle', 0]);
    await act(async () => chat.connect());
    expect(FakeSocket.all).toHaveLength(1);
  });

  test('the flag of the latest render counts at the next attempt, and turning it keeps the socket', async () => {
    const flagged = (enabled: boolean) => (
      <Provided>
        <Chat enabled={enabled} fallback="jwt" />
      </Provided>
    );
    await open(flagged(true));
    await render(flagged(false));
    expect([FakeSocket.all.length, chat.method]).toEqual([1, 'ticket']);
    await act(async () => chat.reconnect());
    await act(async () => FakeSocket.latest().accept());
    expect([chat.method, chat.fallbackReason]).toEqual(['jwt', 'tickets_off']);
  });

  test("the provider's flag is for all connections below it, and turning it keeps the socket", async () => {
    const flagged = (enabled: boolean) => (
      <Provided enabled={enabled}>
        <Chat fallback="jwt" />
      </Provided>
    );
    await open(flagged(true));
    await render(flagged(false));
    expect([FakeSocket.all.length, chat.method]).toEqual([1, 'ticket']);
    await act(async () => chat.reconnect());
    await act(async () => FakeSocket.latest().accept());
    expect([chat.method, chat.fallbackReason]).toEqual(['jwt', 'tickets_off']);
  });

  test('a fresh login of the same person renews the session', async () => {
    const renewed = vi.fn();
    await open(
      <Provided>
        <Chat onRenewed={renewed} />
      </Provided>,
    );
    fetch.mockResolvedValueOnce(
      Response.json({ session_id: 's-1', expires_at: 1_700_003_600, expires_in: 3_600 }),
    );
    await act(async () => chat.loginChanged());
    expect(renewed).toHaveBeenCalledWith({ sessionId: 's-1', expiresAt: 1_700_003_600, expiresIn: 3_600 });
    expect(FakeSocket.all).toHaveLength(1);
  });

  test('a wrong option, and a missing provider, reach the error boundary with the option named', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {});
    await render(
      <Boundary key="option">
        <Provided>
          <Chat maxRetries={-1} />
        </Provided>
      </Boundary>,
    );
    expect(page.textContent).toMatch(/^invalid_options: option maxRetries/);
    await render(
      <Boundary key="provider">
        <Chat />
      </Boundary>,
    );
    expect(page.textContent).toMatch(/^invalid_options: .*<AdmitProvider>/);
    await render(
      <Boundary key="tickets">
        <Tickets />
      </Boundary>,
    );
    expect(page.textContent).toMatch(/^invalid_options: .*<AdmitProvider>/);
  });
});
