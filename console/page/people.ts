import { get, post } from './api.js';
import { confirmed, type Question } from './confirm.js';
import { button, element } from './dom.js';
import { counted, duration, shortNode } from './words.js';

/** A live session, as the gateway lists it. */
interface Session {
  readonly session_id: string;
  readonly issuer: string;
  readonly subject: string;
  readonly route: string;
  readonly method: string;
  readonly node: string;
  readonly open_seconds: number;
  readonly ends_in_seconds: number;
}

interface Listing {
  readonly total: number;
  readonly sessions: readonly Session[];
  /** Nodes that did not say which sessions they have. */
  readonly silent?: number;
}

/** Everything of one person. */
interface Person {
  readonly issuer: string;
  readonly subject: string;
  readonly sessions: readonly Session[];
}

/** The elements that it works with. */
export interface PeopleElements {
  readonly form: HTMLFormElement;
  readonly subject: HTMLInputElement;
  readonly result: HTMLElement;
  readonly summary: HTMLElement;
}

/** Finds people's connections, closes them, and takes logins back. */
export class People {
  readonly #elements: PeopleElements;
  readonly #attempt: (act: () => Promise<void>) => void;
  #issuers: readonly string[] = [];
  /** The latest search: an older one's answer is dropped. */
  #search = 0;

  constructor(elements: PeopleElements, attempt: (act: () => Promise<void>) => void) {
    this.#elements = elements;
    this.#attempt = attempt;
    elements.form.addEventListener('submit', (event) => {
      event.preventDefault();
      attempt(() => this.search());
    });
  }

  /** The issuers whose people may be signed out. */
  issuersAre(issuers: readonly string[]): void {
    this.#issuers = issuers;
  }

  clear(): void {
    this.#search += 1;
    this.#elements.form.reset();
    this.#elements.result.replaceChildren();
    this.#elements.summary.textContent = '';
  }

  /** Lists whoever is looked for; with nobody named, the latest to come. */
  async search(): Promise<void> {
    const mine = ++this.#search;
    const subject = this.#elements.subject.value.trim();
    const query = subject === '' ? '' : `&subject=${encodeURIComponent(subject)}`;
    const listing = (await get(`api/sessions?nodes=all&limit=100${query}`)) as Listing;
    if (mine === this.#search) this.#show(subject, listing);
  }

  #show(subject: string, { total, sessions, silent }: Listing): void {
    const people = grouped(sessions);
    this.#elements.summary.textContent = inWords(subject, total, sessions.length, silent ?? 0);
    this.#elements.result.replaceChildren(...people.map((person) => this.#personBlock(person)));
    if (people.length === 0 && subject !== '') this.#elements.result.append(this.#absentBlock(subject));
  }

  #personBlock(person: Person): HTMLElement {
    const { subject, issuer, sessions } = person;
    const name = element('h3', {}, subject, ' ', element('span', { class: 'quiet' }, issuer));
    const actions = element('div', { class: 'actions' });
    if (sessions.length > 1)
      actions.append(
        button(`Close ${counted(sessions.length, 'connection')}`, { class: 'small' }, () =>
          this.#do('api/close', { subject, issuer }, closing(`${subject}’s connections`)),
        ),
      );
    actions.append(this.#signOutButton(person));
    const head = element('div', { class: 'person-head' }, name, actions);
    const rows = element('tbody', {}, ...sessions.map((session) => this.#sessionRow(session)));
    const titles = ['Route', 'By', 'Node', 'Open for', 'Ends in'].map((title) =>
      element('th', { scope: 'col' }, title),
    );
    const actionsTitle = element('span', { class: 'visually-hidden' }, 'Actions');
    titles.push(element('th', { scope: 'col' }, actionsTitle));
    const table = element(
      'table',
      { class: 'list' },
      element('thead', {}, element('tr', {}, ...titles)),
      rows,
    );
    return element('section', { class: 'person', 'data-subject': subject }, head, table);
  }

  #sessionRow(session: Session): HTMLElement {
    const { session_id, subject, route, method, node, open_seconds, ends_in_seconds } = session;
    const which = `${subject}’s connection to ${route}, open for ${duration(open_seconds)}`;
    const close = button(
      'Close',
      { class: 'small', title: 'It may come back at once', 'aria-label': `Close ${which}` },
      () => this.#do('api/close', { session_id }, closing('this connection')),
    );
    const revoke = button(
      'Revoke',
      {
        class: 'small danger',
        title: 'Its ticket and its connection are over',
        'aria-label': `Revoke ${which}`,
      },
      () => this.#do('api/revoke', { session_id }, revokingSession(session)),
    );
    const row = element('tr', { 'data-session': session_id });
    row.append(
      element('td', { 'data-label': 'Route' }, element('code', {}, route)),
      element('td', { 'data-label': 'By' }, method),
      element('td', { 'data-label': 'Node', title: node }, shortNode(node)),
      element('td', { 'data-label': 'Open for' }, duration(open_seconds)),
      element('td', { 'data-label': 'Ends in' }, duration(ends_in_seconds)),
      element('td', { class: 'row-actions' }, close, revoke),
    );
    return row;
  }

  #absentBlock(subject: string): HTMLElement {
    const words = element('p', { class: 'empty' }, `Nobody called “${subject}” is connected.`);
    const buttons = this.#issuers.map((issuer) => this.#signOutButton({ subject, issuer, sessions: [] }));
    if (this.#issuers.length > 1)
      for (const [at, one] of buttons.entries()) one.append(` (${this.#issuers[at]})`);
    return element('div', {}, words, element('div', { class: 'actions' }, ...buttons));
  }

  #signOutButton(person: Person): HTMLElement {
    const { subject, issuer } = person;
    return button('Revoke every login', { class: 'small danger' }, () =>
      this.#do('api/revoke', { subject, issuer }, revokingPerson(person)),
    );
  }

  #do(path: string, body: object, question: Question): void {
    this.#attempt(async () => {
      if (!(await confirmed(question))) return;
      await post(path, body);
      // What is closed is gone within a second.
      await new Promise((resolve) => setTimeout(resolve, 700));
      await this.search();
    });
  }
}

function closing(what: string): Question {
  const text = `It closes with 1012, and whoever it is may come back at once: nothing is revoked.`;
  return { title: `Close ${what}?`, text, yes: 'Close' };
}

function revokingSession({ subject, route }: Session): Question {
  const text = `${subject}’s connection to ${route} closes with 4900 within a second, and its ticket is over. The login stays: they may connect anew.`;
  return { title: 'Revoke this connection?', text, yes: 'Revoke' };
}

function revokingPerson({ subject, issuer, sessions }: Person): Question {
  const open =
    sessions.length === 0 ? '' : ` ${counted(sessions.length, 'connection')} close within a second.`;
  const text = `Every login of ${subject} at ${issuer} up to now is over, on every node:${open} Outstanding tickets open nothing, and they have to log in again.`;
  return { title: `Revoke every login of ${subject}?`, text, yes: 'Revoke every login' };
}

function grouped(sessions: readonly Session[]): readonly Person[] {
  const people = new Map<string, Session[]>();
  for (const session of sessions) {
    const key = `${session.issuer}\n${session.subject}`;
    people.set(key, [...(people.get(key) ?? []), session]);
  }
  return [...people.values()].map((own) => ({
    issuer: own[0]?.issuer ?? '',
    subject: own[0]?.subject ?? '',
    sessions: own,
  }));
}

function inWords(subject: string, total: number, shown: number, silent: number): string {
  const whose = subject === '' ? '' : ` of “${subject}”`;
  const part = shown < total ? `, the ${shown} youngest shown` : '';
  const missing = silent === 0 ? '' : `; ${counted(silent, 'node')} did not say`;
  return `${counted(total, 'live connection')}${whose}${part}${missing}`;
}
