import { byId, code, element, factRow } from './element.js';
import { type AgentEvent, EVENT_ORDER, type EventType } from './messages.js';
import { type Progress, progress, Runs } from './runs.js';
import type { Log } from './visit.js';
import { exactClock, shown } from './words.js';

const REMARK_LIMIT = 50;

const TITLES: Readonly<Record<EventType, string>> = {
  agent_started: 'Started',
  agent_thinking: 'Thinking',
  tool_executing: 'Tool called',
  tool_completed: 'Tool answered',
  agent_completed: 'Completed',
  agent_error: 'Failed',
};

/** The field of each event that reads as its sentence. */
const HEADLINES: Readonly<Partial<Record<EventType, string>>> = {
  agent_started: 'task_description',
  agent_thinking: 'reasoning',
  agent_completed: 'final_response',
};

const COMMON_FIELDS = ['timestamp', 'user_id', 'thread_id', 'run_id'];

const PROGRESS_WORDS: Readonly<Record<Progress, string>> = {
  running: 'running',
  complete: 'complete, in order',
  failed: 'failed',
  out_of_order: 'out of order',
};

interface RunView {
  readonly item: HTMLElement;
  readonly state: HTMLElement;
  readonly events: HTMLElement;
}

/** The events of this visit, run by run, latest last. */
export class Timeline implements Log {
  readonly #list = byId('timeline', HTMLElement);
  readonly #empty = byId('timeline-empty', HTMLElement);
  #runs = new Runs();
  readonly #views = new Map<string, RunView>();

  /** Forgets everything: the next person must not see it. */
  clear(): void {
    this.#runs = new Runs();
    this.#views.clear();
    this.#list.replaceChildren();
    this.#empty.hidden = false;
  }

  asked(threadId: string, prompt: string): void {
    this.#runs.asked(threadId, prompt);
  }

  event(event: AgentEvent): void {
    const run = this.#runs.arrived(event);
    const view = this.#views.get(run.runId) ?? this.#addRun(run.runId, run.prompt);
    const standing = progress(run.events);
    view.item.dataset.progress = standing;
    view.state.textContent = `${run.events.length} ${run.events.length === 1 ? 'event' : 'events'}, ${PROGRESS_WORDS[standing]}`;
    view.events.append(eventItem(event));
    view.events.lastElementChild?.scrollIntoView({ block: 'nearest' });
  }

  remark(text: string, raw?: string): void {
    const item = element('li', { class: 'remark' }, element('p', {}, text));
    if (raw !== undefined && raw !== '') item.append(element('pre', {}, code(raw)));
    this.#append(item);
    const remarks = this.#list.querySelectorAll(':scope > .remark');
    if (remarks.length > REMARK_LIMIT) remarks[0]?.remove();
  }

  #addRun(runId: string, prompt: string | undefined): RunView {
    const state = element('p', { class: 'run-state' });
    const asked = prompt === undefined ? 'Asked in another tab of yours' : prompt;
    const title = element('p', { class: prompt === undefined ? 'run-prompt quiet' : 'run-prompt' }, asked);
    const events = element('ol', { class: 'events' });
    const item = element('li', { class: 'run' }, element('div', { class: 'run-head' }, title, state), events);
    this.#append(item);
    const view = { item, state, events };
    this.#views.set(runId, view);
    return view;
  }

  #append(item: HTMLElement): void {
    this.#empty.hidden = true;
    this.#list.append(item);
    this.#dropForgottenRuns();
  }

  #dropForgottenRuns(): void {
    for (const [runId, view] of this.#views) {
      if (this.#runs.has(runId)) continue;
      view.item.remove();
      this.#views.delete(runId);
    }
  }
}

function eventItem(event: AgentEvent): HTMLElement {
  const headline = HEADLINES[event.type];
  const item = element('li', { class: 'event', 'data-event': event.type });
  const step = EVENT_ORDER.indexOf(event.type as (typeof EVENT_ORDER)[number]);
  const mark = element(
    'span',
    { class: 'event-mark', 'aria-hidden': 'true' },
    step < 0 ? '!' : String(step + 1),
  );
  const title = element('h3', {}, TITLES[event.type], ' ', element('code', { class: 'quiet' }, event.type));
  item.append(
    mark,
    element(
      'div',
      { class: 'event-body' },
      title,
      ...headlineOf(event, headline),
      ...fieldLists(event, headline),
    ),
  );
  return item;
}

function headlineOf(event: AgentEvent, headline: string | undefined): HTMLElement[] {
  if (headline === undefined) return [];
  return [
    element('p', { class: 'event-headline', 'data-field': headline }, shown(event.fields.get(headline))),
  ];
}

function fieldLists(event: AgentEvent, headline: string | undefined): HTMLElement[] {
  const rest = [...event.fields].filter(([name]) => name !== headline);
  const own = rest.filter(([name]) => !COMMON_FIELDS.includes(name));
  const common = rest.filter(([name]) => COMMON_FIELDS.includes(name));
  const lists = [fieldList('event-fields', own), fieldList('event-fields common', common)];
  return lists.filter((list) => list.hasChildNodes());
}

function shownField(field: string, value: unknown): HTMLElement {
  if (field !== 'timestamp' || typeof value !== 'number') return code(shown(value));
  return element('time', { title: `${value} Unix seconds` }, exactClock(value));
}

function fieldList(name: string, fields: readonly (readonly [string, unknown])[]): HTMLElement {
  const rows = fields.map(([field, value]) =>
    element('div', {}, ...factRow({ name: field, value: shownField(field, value), field })),
  );
  return element('dl', { class: name }, ...rows);
}
