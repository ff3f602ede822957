import { byId } from './element.js';
import { isConnecting, type Scene, type Stage, type Visitor } from './scene.js';
import { Stages } from './stages.js';
import { TicketCard } from './ticket-card.js';
import { closeText, connectionLabel, ticketLabel } from './words.js';

/** Every panel but the timeline, showing the scene. */
export class Panels {
  readonly controls = controls();
  readonly #ticketCard = new TicketCard();
  readonly #stages = new Stages();
  readonly #announcement = byId('announcement', HTMLElement);

  show(scene: Scene, previous: Scene, stage: Stage): void {
    this.#showVisitor(scene.visitor);
    this.#showConnection(scene);
    this.#showNotice(scene.notice);
    if (scene.ticket !== previous.ticket) this.#ticketCard.show(scene, stage);
    this.#stages.show(scene, previous);
    this.#moveFocus(scene, previous);
    const news = announcement(scene, previous);
    if (news !== undefined) this.#announcement.textContent = news;
  }

  #showVisitor(visitor: Visitor): void {
    const { who, whoName, whoEmail, whoInitial, signIn, signedIn, signOut, signOutHere, people, replay } =
      this.controls;
    const person = 'person' in visitor ? visitor.person : undefined;
    const here = visitor.name === 'here' || visitor.name === 'leaving';
    who.hidden = !here;
    signedIn.hidden = !here;
    signIn.hidden = here;
    whoName.textContent = person?.name ?? '';
    whoEmail.textContent = person?.email ?? '';
    whoInitial.textContent = person?.name.slice(0, 1) ?? '';
    signOut.disabled = visitor.name !== 'here';
    signOutHere.disabled = visitor.name !== 'here';
    signOutHere.hidden = !here;
    replay.hidden = !here;
    for (const button of people.querySelectorAll('button')) button.disabled = visitor.name === 'arriving';
  }

  #showConnection({ connection, ticket, replay }: Scene): void {
    const {
      connect,
      mint,
      disconnect,
      hint,
      prompt,
      send,
      method,
      connectionState,
      replay: again,
    } = this.controls;
    const label = connectionLabel(connection);
    const connecting = isConnecting(connection);
    const open = connection.name === 'open';
    connectionState.textContent = label.text;
    connectionState.dataset.tone = label.tone;
    connect.hidden = connecting;
    mint.hidden = connecting;
    disconnect.hidden = !connecting;
    hint.hidden = connecting || ticket.name === 'unspent' || !byTicket(method);
    connect.textContent =
      ticket.name === 'unspent' && byTicket(method) ? 'Connect with this ticket' : 'Connect';
    connect.disabled = ticket.name === 'minting';
    mint.disabled = ticket.name === 'minting' || ticket.name === 'unspent' || !byTicket(method);
    method.disabled = connecting;
    prompt.disabled = !open;
    send.disabled = !open;
    again.disabled = replay.name === 'impossible';
  }

  #showNotice(text: string): void {
    const { notice } = this.controls;
    notice.hidden = text === '';
    if (notice.textContent !== text) notice.textContent = text;
  }

  /** Where the control that was used has gone, the next one that makes sense gets the focus. */
  #moveFocus(scene: Scene, previous: Scene): void {
    const { connect, prompt, signInTitle, disconnect } = this.controls;
    const { visitor, connection } = scene;
    if (visitor.name === 'left' && previous.visitor.name === 'leaving')
      signInTitle.focus({ preventScroll: true });
    if (visitor.name !== 'here') return;
    if (connection.name === 'open' && previous.connection.name !== 'open')
      prompt.focus({ preventScroll: true });
    else if (focusIsLost()) (isConnecting(connection) ? disconnect : connect).focus({ preventScroll: true });
  }
}

function focusIsLost(): boolean {
  const focused = document.activeElement;
  return focused === null || focused === document.body || focused.matches(':disabled, [hidden], [hidden] *');
}

/** The controls of the page that act or change. */
export type Controls = ReturnType<typeof controls>;

function controls() {
  return {
    who: byId('who', HTMLElement),
    whoName: byId('who-name', HTMLElement),
    whoEmail: byId('who-email', HTMLElement),
    whoInitial: byId('who-initial', HTMLElement),
    signIn: byId('sign-in', HTMLElement),
    signInTitle: byId('sign-in-title', HTMLElement),
    people: byId('people', HTMLElement),
    signedIn: byId('signed-in', HTMLElement),
    signOut: byId('sign-out', HTMLButtonElement),
    signOutHere: byId('sign-out-here', HTMLButtonElement),
    connectionState: byId('connection-state', HTMLElement),
    method: byId('method', HTMLFieldSetElement),
    connect: byId('connect', HTMLButtonElement),
    mint: byId('mint', HTMLButtonElement),
    disconnect: byId('disconnect', HTMLButtonElement),
    hint: byId('connection-hint', HTMLElement),
    promptForm: byId('prompt-form', HTMLFormElement),
    prompt: byId('prompt', HTMLInputElement),
    send: byId('send', HTMLButtonElement),
    replay: byId('replay', HTMLButtonElement),
    notice: byId('notice', HTMLElement),
  };
}

/** Whether the choice says to connect with a ticket. */
export function byTicket(method: HTMLFieldSetElement): boolean {
  return method.querySelector<HTMLInputElement>('input[value="ticket"]')?.checked === true;
}

function announcement(scene: Scene, previous: Scene): string | undefined {
  const { visitor, ticket, connection, replay } = scene;
  if (visitor.name !== previous.visitor.name) return visitorNews(visitor);
  if (replay.name === 'tried' && previous.replay !== replay) {
    return `The spent ticket was ${replay.outcome.admitted ? 'admitted' : 'refused'}: ${closeText(replay.outcome)}`;
  }
  if (connection.name !== previous.connection.name) return connectionLabel(connection).text;
  if (ticket.name !== previous.ticket.name) return `Ticket: ${ticketLabel(ticket).text}`;
  return undefined;
}

function visitorNews(visitor: Visitor): string | undefined {
  switch (visitor.name) {
    case 'here':
      return `Signed in as ${visitor.person.name}`;
    case 'left': {
      const { close } = visitor.departure;
      return close === undefined ? 'Signed out' : `Signed out. The socket closed: ${closeText(close)}`;
    }
    default:
      return undefined;
  }
}
