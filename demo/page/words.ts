import type { ConnectionState } from 'admitone';
import type { TicketStage } from './scene.js';

/** How a state looks beside its words. */
export type Tone = 'quiet' | 'busy' | 'good' | 'bad';

/** A state in two or three words. */
export interface Label {
  readonly text: string;
  readonly tone: Tone;
}

/** What a connection's state is called. */
export function connectionLabel(state: ConnectionState): Label {
  switch (state.name) {
    case 'idle':
      return { text: 'Not connected', tone: 'quiet' };
    case 'acquiring':
      return { text: state.credential === 'ticket' ? 'Getting a ticket' : 'Taking the login', tone: 'busy' };
    case 'dialing':
      return { text: 'Opening', tone: 'busy' };
    case 'refused':
      return { text: 'Refused', tone: 'bad' };
    case 'open':
      return { text: `Connected by ${state.credential === 'ticket' ? 'ticket' : 'JWT'}`, tone: 'good' };
    case 'waiting':
      return { text: `Trying again (${state.retry})`, tone: 'busy' };
    case 'closing':
      return { text: 'Closing', tone: 'busy' };
    case 'closed':
      return closedLabel(state.cause);
  }
}

/** What a ticket's stage is called. */
export function ticketLabel(stage: TicketStage): Label {
  switch (stage.name) {
    case 'none':
      return { text: 'No ticket yet', tone: 'quiet' };
    case 'bypassed':
      return { text: 'No ticket used', tone: 'quiet' };
    case 'minting':
      return { text: 'Minting', tone: 'busy' };
    case 'notMinted':
      return { text: 'Not minted', tone: 'bad' };
    case 'unspent':
      return { text: 'Unspent', tone: 'good' };
    case 'expired':
      return { text: 'Expired unspent', tone: 'bad' };
    case 'redeemed':
      return { text: 'Redeemed', tone: 'good' };
    case 'refused':
      return { text: 'Refused', tone: 'bad' };
  }
}

/** A duration as people read it: `13 ms`, `2.4 s`. */
export function duration(ms: number): string {
  return ms < 1000 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** The time of day, to the second. */
export function clock(date: Date): string {
  return date.toLocaleTimeString(undefined, { hour12: false });
}

/** A time of a message, in Unix seconds, as time of day to the millisecond. */
export function exactClock(seconds: number): string {
  const date = new Date(seconds * 1000);
  return `${clock(date)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** A value of a message as text: strings as they are, the rest as JSON. */
export function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Both parts of a Close frame. */
export function closeText(close: { readonly code: number; readonly reason: string }): string {
  return close.reason === '' ? `${close.code}` : `${close.code} ${close.reason}`;
}

type Closed = Extract<ConnectionState, { name: 'closed' }>;

function closedLabel(cause: Closed['cause']): Label {
  if (cause.code === 'closed_by_application') return { text: 'Disconnected', tone: 'quiet' };
  return {
    text: cause.close === undefined ? `Closed: ${cause.code}` : `Closed: ${closeText(cause.close)}`,
    tone: 'bad',
  };
}
