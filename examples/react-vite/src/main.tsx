import { AdmitProvider } from 'admitone/react';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Chat } from './chat';
import { accessToken, userId } from './login';

const GATEWAY = import.meta.env.VITE_GATEWAY ?? 'https://gw.example.com';

createRoot(document.querySelector('#root') as HTMLElement).render(
  <StrictMode>
    <AdmitProvider gateway={GATEWAY} token={accessToken} login={userId()}>
      <Chat url={new URL('/chat', GATEWAY)} />
    </AdmitProvider>
  </StrictMode>,
);
