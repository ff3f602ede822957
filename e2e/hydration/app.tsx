import { type ReactNode, StrictMode } from 'react';
import { AdmitProvider, useConnection, useTicketSource } from '../../packages/admitone/src/react/index.js';

export interface Settings {
  readonly gateway: string;
  readonly token: string;
}

/** Rendered by a server first, and then taken over by the page. */
export function App({ gateway, token }: Settings): ReactNode {
  return (
    <StrictMode>
      <AdmitProvider gateway={gateway} token={() => token} login="ada">
        <Chat url={`${gateway}/chat`} />
      </AdmitProvider>
    </StrictMode>
  );
}

function Chat({ url }: { url: string }): ReactNode {
  const { state, method } = useConnection({ url });
  const { status } = useTicketSource();
  return (
    <output>
      {state.name} by {method ?? 'nothing'}, {status.stats.mints} minted
    </output>
  );
}
