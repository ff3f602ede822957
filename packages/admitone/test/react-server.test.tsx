// In Node, where there is no page: what a server renders.
import { renderToString } from 'react-dom/server';
import { expect, test, vi } from 'vitest';
import { AdmitProvider, useConnection, useTicketSource } from '../src/react/index.js';

function Chat() {
  const { state, isOpen, error } = useConnection({ url: '/chat' });
  const { status } = useTicketSource();
  return <p>{JSON.stringify([state.name, isOpen, error ?? null, status.busy, status.stats.mints])}</p>;
}

test('a server renders an idle connection, asks nothing, and complains of nothing', () => {
  const fetch = vi.fn();
  const token = vi.fn();
  const complaints = vi.spyOn(console, 'error');
  expect(globalThis.document).toBeUndefined();
  // A relative URL counts from the page, which a server does not have.
  const html = renderToString(
    <AdmitProvider gateway="/gateway" token={token} fetch={fetch}>
      <Chat />
    </AdmitProvider>,
  );
  expect(html).toBe('<p>[&quot;idle&quot;,false,null,false,0]</p>');
  for (const called of [fetch, token, complaints]) expect(called).not.toHaveBeenCalled();
});
