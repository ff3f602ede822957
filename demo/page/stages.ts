import { byId, code, element, type Fact, showFacts, within } from './element.js';
import type { Departure, Refusal, Scene, TicketFacts } from './scene.js';
import { clock, closeText, duration } from './words.js';

/** How a stage of the ticket's life stands: to come, under way, as it should be, or refused and failed. */
type Standing = 'waiting' | 'active' | 'done' | 'failed';

interface StageView {
  readonly standing: Standing;
  readonly text?: string;
  readonly facts?: readonly Fact[];
}

const WAITING: StageView = { standing: 'waiting' };

/** The list below the drawn ticket: one stage for each thing that happens to a ticket. */
export class Stages {
  readonly #views = [
    new StageElement('stage-minted', mintedStage),
    new StageElement('stage-redeemed', redeemedStage),
    new StageElement('stage-handshake', handshakeStage),
    new StageElement('stage-upstream', upstreamStage),
    new StageElement('stage-replay', replayStage),
    new StageElement('stage-signed-out', signedOutStage),
  ];
  readonly #headers = byId('upstream-headers', HTMLDetailsElement);
  readonly #rows = byId('upstream-rows', HTMLElement);

  show(scene: Scene, previous: Scene): void {
    for (const view of this.#views) view.show(scene);
    if (scene.upstream === previous.upstream) return;
    this.#headers.hidden = scene.upstream === undefined;
    const rows = (scene.upstream?.headers ?? []).map(([name, value]) =>
      element('tr', {}, element('th', { scope: 'row' }, name), element('td', {}, value)),
    );
    this.#rows.replaceChildren(...rows);
  }
}

class StageElement {
  readonly #item: HTMLElement;
  readonly #text: HTMLElement;
  readonly #facts: HTMLElement;
  readonly #atRest: readonly Node[];
  readonly #view: (scene: Scene) => StageView;

  constructor(id: string, view: (scene: Scene) => StageView) {
    this.#item = byId(id, HTMLElement);
    this.#text = within(this.#item, '.stage-text');
    this.#facts = within(this.#item, '.facts');
    this.#atRest = [...this.#text.childNodes];
    this.#view = view;
  }

  show(scene: Scene): void {
    const { standing, text, facts } = this.#view(scene);
    this.#item.dataset.state = standing;
    this.#text.replaceChildren(...(text === undefined ? this.#atRest : [text]));
    showFacts(this.#facts, facts ?? []);
  }
}

function mintedStage({ ticket }: Scene): StageView {
  switch (ticket.name) {
    case 'none':
      return WAITING;
    case 'minting':
      return { standing: 'active' };
    case 'bypassed':
      return { standing: 'waiting', text: 'No ticket was minted: this connection uses the login itself.' };
    case 'notMinted':
      return {
        standing: 'failed',
        text: 'No ticket was minted.',
        facts: refusalFacts(ticket.refusal),
      };
    default:
      return {
        standing: 'done',
        text: 'The page traded its login for a ticket.',
        facts: mintedFacts(ticket.ticket),
      };
  }
}

function mintedFacts(ticket: TicketFacts): Fact[] {
  return [
    { name: 'When', value: clock(ticket.mintedOn) },
    {
      name: 'Lifetime',
      value: `${ticket.ttlSeconds} seconds, ${ticket.singleUse ? 'one use' : 'several uses'}`,
      field: 'ttl',
    },
    { name: 'Session', value: code(ticket.sessionId), field: 'session' },
    { name: 'Ticket', value: `${ticket.length} characters, kept off this page`, field: 'length' },
  ];
}

function redeemedStage({ ticket }: Scene): StageView {
  switch (ticket.name) {
    case 'unspent':
      return { standing: 'active', text: 'Unspent. It opens one socket, within its lifetime.' };
    case 'expired':
      return {
        standing: 'failed',
        text: 'It expired unspent and opens nothing now. Connecting mints another.',
      };
    case 'refused':
      return { standing: 'failed', text: 'The socket was refused.', facts: refusalFacts(ticket.refusal) };
    case 'redeemed':
      return {
        standing: 'done',
        text: `Spent ${duration(ticket.afterMs)} after it was minted, on one socket.`,
      };
    case 'bypassed':
      return {
        standing: 'waiting',
        text: 'Nothing was spent: whoever has this JWT can use it again until it expires.',
      };
    default:
      return WAITING;
  }
}

function handshakeStage({ handshake, protocol, ticket }: Scene): StageView {
  if (handshake === undefined) return WAITING;
  const offered = element('ul', { class: 'offered' });
  offered.append(...handshake.offered.map((name) => element('li', {}, code(name))));
  const facts: Fact[] = [
    { name: 'Socket', value: code(handshake.url), field: 'url' },
    { name: 'Offered', value: offered, field: 'offered' },
    { name: 'Selected', value: code(handshake.selected ?? '(nothing)'), field: 'selected' },
    { name: 'The page sees', value: code(`protocol = "${protocol}"`), field: 'protocol' },
  ];
  const carried = ticket.name === 'bypassed' ? 'The JWT itself' : 'The ticket';
  return {
    standing: 'done',
    text: `${carried} went as one offered subprotocol, never in the URL, and was not echoed.`,
    facts,
  };
}

function upstreamStage({ upstream, leaked }: Scene): StageView {
  if (upstream === undefined) return WAITING;
  const identity = upstream.headers.filter(([name]) => name.startsWith('x-admitone-'));
  const facts = [
    { name: 'Path', value: code(upstream.path), field: 'path' },
    ...identity.map(([name, value]) => ({ name, value: code(value), field: name })),
  ];
  const count = upstream.headers.length;
  if (leaked)
    return {
      standing: 'failed',
      text: 'A secret reached the upstream. This is a fault of the gateway.',
      facts,
    };
  return {
    standing: 'done',
    text: `Neither the ticket nor the login is in the path or in any of its ${count} headers.`,
    facts,
  };
}

function replayStage({ replay }: Scene): StageView {
  if (replay.name === 'trying')
    return { standing: 'active', text: 'Opening a second socket with the same ticket.' };
  if (replay.name !== 'tried') return WAITING;
  const { admitted, selected, tookMs } = replay.outcome;
  const facts = [
    { name: 'Selected', value: code(selected === '' ? '(nothing)' : selected), field: 'selected' },
    { name: 'Close', value: code(closeText(replay.outcome)), field: 'close' },
  ];
  if (admitted)
    return { standing: 'failed', text: 'It was admitted twice. This is a fault of the gateway.', facts };
  return {
    standing: 'done',
    text: `Refused after ${duration(tookMs)}, with a code and a reason a browser can read.`,
    facts,
  };
}

function signedOutStage({ visitor }: Scene): StageView {
  if (visitor.name === 'leaving') return { standing: 'active', text: 'Ending the login.' };
  if (visitor.name !== 'left') return WAITING;
  const { departure } = visitor;
  const text = `${departure.person.name}’s login is over, everywhere it was used.`;
  return {
    standing: departure.mint === undefined ? 'failed' : 'done',
    text,
    facts: departureFacts(departure),
  };
}

function departureFacts({ logoutStatus, tookMs, close, mint }: Departure): Fact[] {
  const socket =
    close === undefined ? 'no socket was open' : `${closeText(close)}, after ${duration(close.tookMs)}`;
  const again =
    mint === undefined ? 'it still mints: a fault of the gateway' : `refused: ${refusalText(mint)}`;
  return [
    { name: 'POST /auth/logout', value: `${logoutStatus}, after ${duration(tookMs)}`, field: 'logout' },
    { name: 'Socket closed', value: socket, field: 'close' },
    { name: 'Minting with the old login', value: again, field: 'mint' },
  ];
}

function refusalFacts(refusal: Refusal): Fact[] {
  const facts: Fact[] = [{ name: 'Why', value: code(refusalText(refusal)), field: 'refusal' }];
  return refusal.detail === '' ? facts : [...facts, { name: 'Detail', value: refusal.detail }];
}

function refusalText({ status, code }: Refusal): string {
  return status === undefined ? code : `${status} ${code}`;
}
