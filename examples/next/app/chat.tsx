'use client';

import { useConnection, useTicketSource } from 'admitone/react';
import { useState } from 'react';
import { GATEWAY } from './gateway';

export function Chat() {
  const [messages, setMessages] = useState<string[]>([]);
  const { status } = useTicketSource();
  const chat = useConnection({
    url: new URL('/chat', GATEWAY),
    fallback: 'jwt',
    onMessage: ({ data }) => setMessages((before) => [...before, data]),
  });
  return (
    <>
      <output>
        {chat.state.name} by {chat.method ?? 'nothing'}, {status.stats.mints} minted
      </output>
      {chat.error?.requiresLogin() && <p role="alert">Please log in again.</p>}
      <form action={(form: FormData) => chat.send(`${form.get('text')}`)}>
        <input name="text" aria-label="Message" />
        <button type="submit" disabled={!chat.isOpen}>
          Send
        </button>
      </form>
      <ul>
        {messages.map((message, place) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: messages are only ever added at the end.
          <li key={place}>{message}</li>
        ))}
      </ul>
    </>
  );
}
