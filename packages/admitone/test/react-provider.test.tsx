// @vitest-environment happy-dom
import { act } from 'react';
import { describe, expect, test } from 'vitest';
import { createTicketSource } from '../src/index.js';
import { AdmitProvider } from '../src/react/index.js';
import { FakeSocket } from './fake-socket.js';
import { numberedMints, problem } from './gateway-answers.js';
import {
  Chat,
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

describe('AdmitProvider', () => {
  test('for another person, nothing of the former login is used and the connection is opened anew', async () => {
    const asked = (login: string) => (
      <Provided login={login}>
        <Chat />
        <Tickets />
      </Provided>
    );
    const adas = await open(asked('ada'));
    await act(() => tickets.prefetch('/chat'));
    login.token = 'jwt-of-grace';
    await render(asked('grace'));
    expect(adas.closeCalls).toHaveLength(1);
    expect(loginsUsed()).toEqual(['Bearer jwt-of-ada', 'Bearer jwt-of-ada', 'Bearer jwt-of-grace']);
    expect(FakeSocket.all).toHaveLength(2);
  });

  test('asks the token callback of the latest render', async () => {
    await render(
      <Provided token={() => 'jwt-1'}>
        <Tickets />
      </Provided>,
    );
    await render(
      <Provided token={() => 'jwt-2'}>
        <Tickets />
      </Provided>,
    );
    await act(() => tickets.get());
    expect(loginsUsed()).toEqual(['Bearer jwt-2']);
  });

  test("an application's own source serves", async () => {
    const source = createTicketSource({ gateway: 'https://gw.example', token: () => login.token, fetch });
    await render(
      <AdmitProvider source={source}>
        <Tickets />
      </AdmitProvider>,
    );
    await act(() => tickets.get());
    expect(source.stats.mints).toBe(1);
  });
});

describe('useTicketSource', () => {
  const withTickets = (
    <Provided>
      <Tickets />
    </Provided>
  );

  test('no two calls of get are given the same ticket, and the status follows', async () => {
    await render(withTickets);
    expect(page.textContent).toBe('false undefined 0');
    let both: Promise<unknown[]> = Promise.resolve([]);
    await act(async () => {
      both = Promise.all([tickets.get(), tickets.get()]);
    });
    const [one, two] = (await both) as { ticket: string }[];
    expect(one?.ticket).not.toBe(two?.ticket);
    expect(page.textContent).toBe('false undefined 2');
  });

  test('says that it is busy while the gateway is asked', async () => {
    let answer = (_: Response) => {};
    fetch.mockImplementationOnce(() => new Promise((resolve) => (answer = resolve)));
    await render(withTickets);
    let minted: Promise<unknown> = Promise.resolve();
    await act(async () => {
      minted = tickets.get();
    });
    expect(page.textContent).toBe('true undefined 0');
    const late = await numberedMints()();
    await act(async () => answer(late));
    await minted;
    expect(page.textContent).toBe('false undefined 1');
  });

  test('a failure is in the status until something succeeds; what its caller aborts is not', async () => {
    fetch.mockImplementationOnce(async () => problem(403, 'forbidden'));
    await render(withTickets);
    await act(() => expect(tickets.get()).rejects.toMatchObject({ code: 'forbidden' }));
    expect(page.textContent).toBe('false forbidden 0');
    await act(() => tickets.get().then(() => undefined));
    expect(page.textContent).toBe('false undefined 1');
    await act(() =>
      expect(tickets.get({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' }),
    );
    expect(page.textContent).toBe('false undefined 1');
  });

  test('refresh discards the ticket that waits and mints with the present login', async () => {
    await render(withTickets);
    await act(() => tickets.prefetch());
    await act(() => tickets.refresh());
    let got: { sessionId: string } | undefined;
    await act(async () => {
      got = await tickets.get();
    });
    expect([got?.sessionId, tickets.source.stats.prefetched, fetch.mock.calls.length]).toEqual(['s-2', 1, 2]);
  });

  test('revoke sends the ticket to the gateway and to nobody else', async () => {
    await render(withTickets);
    let got: { ticket: string } = { ticket: '' };
    await act(async () => {
      got = await tickets.get();
    });
    fetch.mockResolvedValueOnce(Response.json({ revoked: true, session_id: 's-1' }));
    await act(() => tickets.revoke(got as never));
    const [url, init] = fetch.mock.lastCall ?? [];
    expect([url, init?.body]).toEqual([
      'https://gw.example/auth/ticket/revoke',
      JSON.stringify({ ticket: got.ticket }),
    ]);
    fetch.mockResolvedValueOnce(problem(404, 'not_found'));
    await act(() => expect(tickets.revoke(got.ticket)).rejects.toMatchObject({ code: 'not_found' }));
  });
});
