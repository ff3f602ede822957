import { get, post, SignedOut } from './api.js';
import { confirmed } from './confirm.js';
import { button, element, pill } from './dom.js';
import {
  guardInWords,
  guardStrain,
  type Listed,
  questionBefore,
  type RouteRollout,
  readRollout,
  readRollouts,
  remarks,
  tripInWords,
} from './rollout-reading.js';

const STEPS = [0, 1, 5, 25, 50, 100] as const;

const LISTS = [
  ['allow', 'Always get tickets'],
  ['deny', 'Never get tickets'],
] as const;

type Attempt = (act: () => Promise<void>) => void;

/** What a block needs of the whole. */
interface Whole {
  readonly attempt: Attempt;
  readonly issuers: readonly string[];
  /** Changes a route; answers that are still to come of what was asked before are out of date then. */
  readonly change: (change: object) => Promise<RouteRollout>;
}

/** Who gets tickets, route by route, and what the guard makes of that. */
export class Rollout {
  readonly #list: HTMLElement;
  readonly #attempt: Attempt;
  readonly #blocks = new Map<string, RouteBlock>();
  #issuers: readonly string[] = [];
  /** An answer to what was asked before the latest change is dropped. */
  #age = 0;
  #isAsking = false;

  constructor(list: HTMLElement, attempt: Attempt) {
    this.#list = list;
    this.#attempt = attempt;
  }

  /** The issuers whose people may be on a list. */
  issuersAre(issuers: readonly string[]): void {
    this.#issuers = issuers;
  }

  clear(): void {
    this.#age += 1;
    this.#blocks.clear();
    this.#list.replaceChildren();
  }

  /** Asks how it is, and shows it; once at a time. */
  async refresh(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    const age = this.#age;
    try {
      const routes = readRollouts(await get('api/rollout'));
      if (age === this.#age) this.#show(routes);
    } finally {
      this.#isAsking = false;
    }
  }

  #show(routes: readonly RouteRollout[]): void {
    for (const [path, block] of this.#blocks) {
      if (routes.some(({ route }) => route === path)) continue;
      block.element.remove();
      this.#blocks.delete(path);
    }
    for (const rollout of routes) this.#blockOf(rollout.route).show(rollout);
  }

  #blockOf(route: string): RouteBlock {
    const known = this.#blocks.get(route);
    if (known !== undefined) return known;
    const change = async (change: object) => {
      const told = await post('api/rollout', { route, ...change });
      this.#age += 1;
      return readRollout(told);
    };
    const block = new RouteBlock(route, { attempt: this.#attempt, issuers: this.#issuers, change });
    this.#blocks.set(route, block);
    this.#list.append(block.element);
    return block;
  }
}

/** One route's percentage, lists and guard. What somebody is about to change stays as they have left it. */
class RouteBlock {
  readonly element: HTMLElement;
  readonly #route: string;
  readonly #whole: Whole;
  readonly #state = element('p', { class: 'rollout-state' });
  readonly #alarm = element('p', { class: 'notice', role: 'alert', hidden: '' });
  readonly #refusal = element('p', { class: 'notice', role: 'alert', hidden: '' });
  readonly #slider: HTMLInputElement;
  readonly #set: HTMLButtonElement;
  readonly #steps = element('div', { class: 'steps', role: 'group' });
  readonly #lists = element('div', { class: 'listed' });
  readonly #subject: HTMLInputElement;
  readonly #guard = element('p');
  readonly #strain = element('meter', { min: '0', max: '1', high: '0.7', optimum: '0' });
  readonly #remarks = element('p', { class: 'hint' });
  #shown: RouteRollout | undefined;

  constructor(route: string, whole: Whole) {
    this.#route = route;
    this.#whole = whole;
    const label = `Percentage of people on ${route} who get tickets`;
    this.#slider = element('input', { type: 'range', min: '0', max: '100', step: '1', 'aria-label': label });
    this.#slider.addEventListener('input', () => this.#showWanted());
    this.#set = button('', { class: 'primary' }, () => this.#setTo(this.#wanted));
    this.#steps.ariaLabel = `Steps of ${route}`;
    for (const step of STEPS)
      this.#steps.append(
        button(`${step} %`, { class: 'small', 'data-step': String(step) }, () => this.#setTo(step)),
      );
    this.#strain.ariaLabel = `How near the guard of ${route} is to acting`;
    this.#subject = element('input', {
      type: 'search',
      placeholder: 'A person’s subject',
      'aria-label': `Somebody to put on a list of ${route}`,
      autocomplete: 'off',
      spellcheck: 'false',
      required: '',
    });
    const title = element('h3', {}, element('code', {}, route));
    this.element = element('section', { class: 'rollout', 'data-route': route, 'aria-label': route });
    this.element.append(
      element('div', { class: 'rollout-head' }, title, this.#state),
      this.#alarm,
      this.#refusal,
      element('div', { class: 'dial' }, this.#slider, this.#set),
      this.#steps,
      this.#lists,
      this.#listForm(),
      element('div', { class: 'guard' }, this.#strain, this.#guard),
      this.#remarks,
    );
  }

  show(rollout: RouteRollout): void {
    const before = this.#shown;
    if (before === undefined || this.#wanted === before.percent) this.#slider.value = String(rollout.percent);
    this.#shown = rollout;
    this.#showState(rollout);
    if (JSON.stringify([before?.allow, before?.deny]) !== JSON.stringify([rollout.allow, rollout.deny]))
      this.#showLists(rollout);
    say(this.#alarm, tripInWords(rollout.guard));
    say(this.#guard, guardInWords(rollout.guard));
    say(this.#remarks, remarks(rollout).join(' '));
    this.#strain.value = guardStrain(rollout.guard);
    this.#strain.hidden = rollout.guard.action === 'off';
    this.#showWanted();
  }

  get #wanted(): number {
    return this.#slider.valueAsNumber;
  }

  #showState({ percent, shadow, guard }: RouteRollout): void {
    const tone = guard.tripped ? 'bad' : percent === 100 ? 'good' : percent === 0 ? 'quiet' : 'busy';
    this.#state.replaceChildren(pill(`${percent} % get tickets`, tone));
    if (shadow) this.#state.append(' ', pill('shadow mode', 'quiet'));
  }

  #showWanted(): void {
    const shown = this.#shown;
    if (shown === undefined) return;
    this.#slider.setAttribute('aria-valuetext', `${this.#wanted} %`);
    say(this.#set, `Set to ${this.#wanted} %`);
    this.#set.disabled = this.#isSo(shown, this.#wanted);
    for (const step of this.#steps.querySelectorAll('button'))
      step.ariaPressed = String(Number(step.dataset.step) === shown.percent);
  }

  /** Setting what is set answers the guard, and nothing else. */
  #isSo({ percent, guard }: RouteRollout, wanted: number): boolean {
    return wanted === percent && guard.tripped === undefined;
  }

  #showLists(rollout: RouteRollout): void {
    const lists = LISTS.filter(([list]) => rollout[list].length > 0).map(([list, title]) => {
      const people = rollout[list].map((one) => element('li', {}, this.#chip(one)));
      const titled = element('ul', { 'data-list': list, 'aria-label': title }, ...people);
      return element('div', {}, element('p', { class: 'quiet' }, title), titled);
    });
    this.#lists.replaceChildren(...lists);
  }

  #chip({ issuer, subject }: Listed): HTMLElement {
    const off = `Take ${subject} off the list of ${this.#route}`;
    const remove = button('×', { class: 'chip-remove', 'aria-label': off }, () =>
      this.#change({ unlist: [subject], issuer }, () => this.#subject.focus()),
    );
    const where = this.#whole.issuers.length > 1 ? [element('span', { class: 'quiet' }, ` ${issuer}`)] : [];
    return element('span', { class: 'chip', title: issuer }, element('span', {}, subject, ...where), remove);
  }

  #listForm(): HTMLElement {
    const options = LISTS.map(([list, title]) => element('option', { value: list }, title));
    const list = element('select', { 'aria-label': `List of ${this.#route}` }, ...options);
    const { issuers } = this.#whole;
    const names = issuers.map((name) => element('option', { value: name }, name));
    const issuer = element('select', { 'aria-label': 'Issuer' }, ...names);
    issuer.hidden = issuers.length < 2;
    const form = element('form', { class: 'row list-form' }, this.#subject, issuer, list);
    form.append(element('button', { type: 'submit' }, 'Add'));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const change = { [list.value]: [this.#subject.value.trim()], issuer: issuer.value };
      this.#change(change, () => {
        this.#subject.value = '';
      });
    });
    return form;
  }

  #setTo(percent: number): void {
    const shown = this.#shown;
    if (shown === undefined || this.#isSo(shown, percent)) return;
    this.#whole.attempt(async () => {
      const question = questionBefore(shown, percent);
      const isMeant = question === undefined || (await confirmed(question));
      if (isMeant) await this.#ask({ percent });
      // What was refused, or not meant, is not left standing as if it were about to be set.
      this.#slider.value = String(this.#shown?.percent ?? percent);
      this.#showWanted();
    });
  }

  #change(change: object, done: () => void): void {
    this.#whole.attempt(async () => {
      if (await this.#ask(change)) done();
    });
  }

  /** Whether it was done; a refusal is shown as the gateway says it. */
  async #ask(change: object): Promise<boolean> {
    say(this.#refusal, '');
    try {
      this.show(await this.#whole.change(change));
      return true;
    } catch (error) {
      if (error instanceof SignedOut) throw error;
      say(this.#refusal, error instanceof Error ? error.message : String(error));
      return false;
    }
  }
}

/** Writes what is not written yet, so that nothing is read out twice; an element without words is hidden. */
function say(where: HTMLElement, words: string): void {
  if (where.textContent !== words) where.textContent = words;
  where.hidden = words === '';
}
