import { element, pill } from './dom.js';
import { clock, counted, duration, spoken } from './words.js';

/** Lines that are kept on the page. */
const MOST_LINES = 200;

/** Events that are worth a second look, and those that are news of what works. */
const TONES: Readonly<Record<string, string>> = {
  ticket_minted: 'quiet',
  session_opened: 'good',
  session_renewed: 'good',
  request_verified: 'good',
  refused: 'busy',
  admin_refused: 'bad',
  ticket_replayed: 'bad',
  lines_lost: 'bad',
  guard_tripped: 'bad',
  rollout_changed: 'busy',
  revoked: 'busy',
  closed: 'busy',
  drain_ordered: 'busy',
  draining: 'busy',
};

/** What an event counts, where that is not connections. */
const COUNTED: Readonly<Record<string, string>> = { guard_tripped: 'failed ticket', lines_lost: 'line' };

/** One line of the audit stream. */
export interface AuditLine {
  readonly text: string;
  readonly event: string;
  readonly time: Date;
  readonly fields: readonly (readonly [string, string])[];
}

/** Reads a line; one that cannot be read is shown as it is. */
export function readLine(text: string): AuditLine {
  try {
    const { time, event, node: _, ...rest } = JSON.parse(text) as Record<string, unknown>;
    const fields = Object.entries(rest).map(([name, value]) => [name, String(value)] as const);
    return { text, event: String(event), time: new Date(String(time)), fields };
  } catch {
    return { text, event: 'unreadable', time: new Date(Number.NaN), fields: [['line', text]] };
  }
}

/** What a line is about, in a few words. */
export function gist({ event, fields }: AuditLine): string {
  const of = new Map(fields);
  const lasted = of.get('duration_ms');
  const parts = [
    of.get('subject'),
    of.get('route'),
    of.get('cause') ?? of.get('code') ?? of.get('mark'),
    lasted === undefined ? undefined : `after ${duration(Number(lasted) / 1000)}`,
    of.get('method') === undefined ? undefined : `by ${of.get('method')}`,
    of.has('count') ? counted(Number(of.get('count')), COUNTED[event] ?? 'connection') : undefined,
    of.has('percent') ? `${of.get('percent_before')} % → ${of.get('percent')} %` : undefined,
  ];
  return parts.filter((part) => part !== undefined).join(' · ');
}

/** The last lines, the newest first, as far as they have the words that are looked for. */
export class AuditList {
  readonly #list: HTMLElement;
  readonly #filter: HTMLInputElement;
  readonly #pause: HTMLButtonElement;
  readonly #seen = new Set<string>();
  /** Held back while the list stands still. */
  #waiting: string[] = [];
  #isPaused = false;

  constructor(list: HTMLElement, filter: HTMLInputElement, pause: HTMLButtonElement) {
    this.#list = list;
    this.#filter = filter;
    this.#pause = pause;
    filter.addEventListener('input', () => this.#applyFilter());
    pause.addEventListener('click', () => this.#hold(!this.#isPaused));
  }

  /** Takes a line, unless it is there already: after a stream has begun anew, the last lines come again. */
  add(text: string): void {
    if (this.#seen.has(text)) return;
    this.#seen.add(text);
    if (this.#isPaused) {
      this.#waiting.push(text);
      this.#pause.textContent = `Go on (${this.#waiting.length} new)`;
    } else this.#show(text);
  }

  clear(): void {
    this.#seen.clear();
    this.#waiting = [];
    this.#list.replaceChildren();
    this.#hold(false);
  }

  #hold(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#pause.textContent = isPaused ? 'Go on' : 'Hold still';
    this.#pause.setAttribute('aria-pressed', String(isPaused));
    if (!isPaused) for (const text of this.#waiting.splice(0)) this.#show(text);
  }

  #show(text: string): void {
    this.#list.prepend(this.#row(readLine(text)));
    while (this.#list.childElementCount > MOST_LINES) {
      const last = this.#list.lastElementChild as HTMLElement;
      this.#seen.delete(last.dataset.line ?? '');
      last.remove();
    }
  }

  #row(line: AuditLine): HTMLElement {
    const time = Number.isNaN(line.time.getTime()) ? '' : clock(line.time);
    const summary = element('summary', {}, element('time', {}, time));
    const tone = TONES[line.event] ?? 'quiet';
    summary.append(pill(spoken(line.event), tone), element('span', { class: 'gist' }, gist(line)));
    const facts = line.fields.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]);
    const details = element('details', {}, summary, element('dl', { class: 'facts' }, ...facts));
    const row = element('li', { 'data-line': line.text, 'data-event': line.event }, details);
    row.hidden = !this.#matches(line.text);
    return row;
  }

  #applyFilter(): void {
    for (const row of this.#list.children)
      if (row instanceof HTMLElement) row.hidden = !this.#matches(row.dataset.line ?? '');
  }

  /** All of the words, in any case. */
  #matches(text: string): boolean {
    const line = text.toLowerCase();
    const words = this.#filter.value.toLowerCase().split(/\s+/);
    return words.every((word) => line.includes(word));
  }
}
