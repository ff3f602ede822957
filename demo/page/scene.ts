import type { ConnectionState, Handshake } from 'admitone';
import type { Person } from './demo-json.js';
import type { Connected } from './messages.js';
import type { ReplayOutcome } from './replay.js';

/** What may be shown of a ticket: everything but the ticket. */
export interface TicketFacts {
  readonly sessionId: string;
  readonly ttlSeconds: number;
  readonly expiresIn: number;
  readonly singleUse: boolean;
  readonly length: number;
  /** When it was minted: wall clock, and as `performance.now()`. */
  readonly mintedOn: Date;
  readonly mintedAt: number;
}

/** A refusal or failure in words: what the code is, and what came with it. */
export interface Refusal {
  readonly code: string;
  readonly status?: number;
  readonly detail: string;
}

/** How far the ticket has come. */
export type TicketStage =
  | { readonly name: 'none' }
  | { readonly name: 'bypassed' }
  | { readonly name: 'minting' }
  | { readonly name: 'notMinted'; readonly refusal: Refusal }
  | { readonly name: 'unspent'; readonly ticket: TicketFacts }
  | { readonly name: 'expired'; readonly ticket: TicketFacts }
  | { readonly name: 'redeemed'; readonly ticket: TicketFacts; readonly afterMs: number }
  | { readonly name: 'refused'; readonly ticket: TicketFacts; readonly refusal: Refusal };

/** The spent ticket's second try. */
export type Replay =
  | { readonly name: 'impossible' }
  | { readonly name: 'possible' }
  | { readonly name: 'trying' }
  | { readonly name: 'tried'; readonly outcome: ReplayOutcome };

/** What signing out did. Times count from the moment of asking. */
export interface Departure {
  readonly person: Person;
  readonly logoutStatus: number;
  readonly tookMs: number;
  readonly close?: { readonly code: number; readonly reason: string; readonly tookMs: number };
  /** The answer to minting with the old login; absent if, against all rules, it minted. */
  readonly mint?: Refusal;
}

/** Who is at the page. */
export type Visitor =
  | { readonly name: 'away' }
  | { readonly name: 'arriving'; readonly person: Person }
  | { readonly name: 'here'; readonly person: Person }
  | { readonly name: 'leaving'; readonly person: Person }
  | { readonly name: 'left'; readonly departure: Departure };

/** Everything the panels show, except the timeline. */
export interface Scene {
  readonly visitor: Visitor;
  readonly connection: ConnectionState;
  readonly ticket: TicketStage;
  readonly handshake: Handshake | undefined;
  /** The subprotocol the application sees. */
  readonly protocol: string;
  readonly upstream: Connected | undefined;
  /** Whether the secret was found anywhere in what the upstream received. */
  readonly leaked: boolean;
  readonly replay: Replay;
  readonly notice: string;
}

/** The scene before anybody has signed in. */
export const EMPTY_SCENE: Scene = {
  visitor: { name: 'away' },
  connection: { name: 'idle' },
  ticket: { name: 'none' },
  handshake: undefined,
  protocol: '',
  upstream: undefined,
  leaked: false,
  replay: { name: 'impossible' },
  notice: '',
};

/** Holds the scene and tells its one viewer of every change, with the scene before it. */
export class Stage {
  #scene: Scene = EMPTY_SCENE;
  readonly #show: (scene: Scene, previous: Scene) => void;

  constructor(show: (scene: Scene, previous: Scene) => void) {
    this.#show = show;
  }

  get scene(): Scene {
    return this.#scene;
  }

  set(change: Partial<Scene>): void {
    const previous = this.#scene;
    this.#scene = { ...previous, ...change };
    this.#show(this.#scene, previous);
  }
}

/** Whether a socket is open or on its way. */
export function isConnecting(connection: ConnectionState): boolean {
  return connection.name !== 'idle' && connection.name !== 'closed';
}
