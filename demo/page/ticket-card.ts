import { byId } from './element.js';
import type { Scene, Stage, TicketFacts, TicketStage } from './scene.js';
import { clock, duration, ticketLabel } from './words.js';

const TICK_MS = 250;

/** The drawn ticket and its countdown. */
export class TicketCard {
  readonly #card = byId('ticket', HTMLElement);
  readonly #pill = byId('ticket-state', HTMLElement);
  readonly #secret = byId('ticket-secret', HTMLElement);
  readonly #line = byId('ticket-line', HTMLElement);
  readonly #figure = byId('ticket-figure', HTMLElement);
  readonly #unit = byId('ticket-unit', HTMLElement);
  readonly #stamp = byId('ticket-stamp', HTMLElement);
  readonly #countdown = byId('countdown', HTMLProgressElement);
  #ticking: ReturnType<typeof setInterval> | undefined;

  /** Shows the scene. `stage` is told when the countdown of an unspent ticket ends. */
  show(scene: Scene, stage: Stage): void {
    const { ticket } = scene;
    const label = ticketLabel(ticket);
    this.#pill.textContent = label.text;
    this.#pill.dataset.tone = label.tone;
    this.#card.dataset.stage = ticket.name;
    this.#secret.textContent = 'ticket' in ticket ? 'adm1_••••••••' : 'adm1_ · · ·';
    this.#line.textContent = line(ticket);
    this.#showStamp(stamp(ticket));
    this.#follow(ticket, stage);
  }

  #showStamp(text: string): void {
    this.#stamp.hidden = text === '';
    this.#stamp.textContent = text;
  }

  #follow(ticket: TicketStage, stage: Stage): void {
    clearInterval(this.#ticking);
    if (ticket.name !== 'unspent') {
      this.#showStub('ticket' in ticket ? '0' : '–', ticket.name === 'redeemed' ? 'uses left' : 'seconds');
      this.#countdown.value = 0;
      return;
    }
    this.#countdown.max = ticket.ticket.expiresIn;
    const tick = () => {
      const left = Math.max(0, secondsLeft(ticket.ticket));
      this.#showStub(String(Math.ceil(left)), 'seconds left');
      this.#countdown.value = left;
      if (left === 0) stage.set({ ticket: { ...ticket, name: 'expired' } });
    };
    this.#ticking = setInterval(tick, TICK_MS);
    tick();
  }

  #showStub(figure: string, unit: string): void {
    this.#figure.textContent = figure;
    this.#unit.textContent = unit;
  }
}

function secondsLeft(ticket: TicketFacts): number {
  return ticket.expiresIn - (performance.now() - ticket.mintedAt) / 1000;
}

function stamp(stage: TicketStage): string {
  switch (stage.name) {
    case 'redeemed':
      return 'Spent';
    case 'expired':
      return 'Expired';
    case 'refused':
      return 'Refused';
    default:
      return '';
  }
}

function line(stage: TicketStage): string {
  switch (stage.name) {
    case 'none':
      return 'Not minted yet';
    case 'bypassed':
      return 'The login itself went into the handshake';
    case 'minting':
      return 'Being minted';
    case 'notMinted':
      return 'There is no ticket';
    case 'unspent':
    case 'expired':
    case 'refused':
      return `Minted at ${clock(stage.ticket.mintedOn)}`;
    case 'redeemed':
      return `Lived ${duration(stage.afterMs)} of its ${stage.ticket.expiresIn} s`;
  }
}
