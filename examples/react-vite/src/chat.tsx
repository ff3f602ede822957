import { useConnection, useTicketSource } from 'admitone/react';
import { useState } from 'react';

export function Chat({ url }: { url: URL }) {
  const [messages, setMessages] = useState<string[]>([]);
  const { status } = useTicketSource();
  const chat = useConnection({
    url,
    fallback: 'jwt',
    enabled: import.meta.env.VITE_TICKETS !== 'off',
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
        <button type="button" onClick={() => chat.disconnect()}>
          Disconnect
        </button>
        <button type="button" onClick={chat.reconnect}>
          Reconnect
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
