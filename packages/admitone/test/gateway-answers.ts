/** A ticket's shape, and no ticket. */
export const TICKET = `adm1_${'A'.repeat(72)}`;

/** A 201 of `POST /auth/ticket`; `undefined` leaves a field out. */
export function mintAnswer(changes: Record<string, unknown> = {}): Response {
  return Response.json(
    {
      ticket: TICKET,
      session_id: 's-1',
      created_at: 1_700_000_000,
      expires_at: 1_700_000_060,
      expires_in: 60,
      ttl_seconds: 60,
      single_use: true,
      websocket_url: 'wss://gw.example/chat',
      protocols: ['admitone.v1', 'admitone.refused', `admitone.ticket.${TICKET}`],
      ...changes,
    },
    { status: 201 },
  );
}

export function problem(
  status: number,
  code: string,
  more: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Response {
  const body = { type: `urn:admitone:problem:${code}`, title: code, status, code, ...more };
  return Response.json(body, { status, headers: { 'content-type': 'application/problem+json', ...headers } });
}

/** A mint that gives every caller a ticket of its own. */
export function numberedMints(): () => Promise<Response> {
  let minted = 0;
  return async () => {
    minted += 1;
    return mintAnswer({ ticket: `adm1_${String(minted).padStart(72, '0')}`, session_id: `s-${minted}` });
  };
}
