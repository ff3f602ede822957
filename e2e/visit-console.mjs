// Traffic of two people on a demo, so that the operators' page has something to show.
import { WebSocket } from 'ws';

/** @param {import('./demo-process.mjs').Addresses} addresses @param {string} person @returns {Promise<string>} */
export async function login({ issuer, page }, person) {
  const headers = { 'content-type': 'application/json', origin: page };
  const answer = await fetch(`${issuer}/login`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ person }),
  });
  return (await answer.json()).token;
}

/** @param {import('./demo-process.mjs').Addresses} addresses @param {string} token */
export async function mint({ gateway, page }, token) {
  const headers = { authorization: `Bearer ${token}`, origin: page };
  const answer = await fetch(`${gateway}/auth/ticket`, { method: 'POST', headers });
  return { status: answer.status, ...(await answer.json()) };
}

/** Opens a socket, or fails to. @param {import('./demo-process.mjs').Addresses} addresses @param {string} ticket @returns {Promise<WebSocket | undefined>} */
export function open({ gateway, page }, ticket) {
  const socket = new WebSocket(
    `${gateway.replace('http', 'ws')}/chat`,
    ['admitone.v1', `admitone.ticket.${ticket}`],
    {
      origin: page,
    },
  );
  return new Promise((resolve) => {
    socket.once('open', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}
