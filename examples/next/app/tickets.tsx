'use client';

import { AdmitProvider } from 'admitone/react';
import type { ReactNode } from 'react';
import { GATEWAY } from './gateway';
import { accessToken } from './login';

export function Tickets({ login, children }: { login: string; children: ReactNode }) {
  return (
    <AdmitProvider
      gateway={GATEWAY}
      token={accessToken}
      login={login}
      enabled={process.env.NEXT_PUBLIC_ENABLE_WEBSOCKET_TICKETS !== 'false'}
    >
      {children}
    </AdmitProvider>
  );
}
