import { type AgentEvent, EVENT_ORDER } from './messages.js';

/** One run: the events that share a `run_id`, and the prompt that caused it where this tab sent it. */
export interface Run {
  readonly runId: string;
  readonly prompt: string | undefined;
  readonly events: readonly AgentEvent[];
}

/** How a run stands. */
export type Progress = 'running' | 'complete' | 'failed' | 'out_of_order';

/** Sorts events into runs and finds each run's prompt. Keeps the latest `limit` runs. */
export class Runs {
  readonly #limit: number;
  readonly #runs = new Map<string, Run>();
  readonly #prompts = new Map<string, string>();

  constructor(limit = 20) {
    this.#limit = limit;
  }

  /** A prompt was sent by this tab, in a thread of its own: the thread's run answers it. */
  asked(threadId: string, prompt: string): void {
    this.#prompts.set(threadId, prompt);
  }

  /** Files an event under its run, and answers with the run as it now is. */
  arrived(event: AgentEvent): Run {
    const known = this.#runs.get(event.runId);
    const prompt = this.#prompts.get(event.threadId);
    const run = { runId: event.runId, prompt, events: [...(known?.events ?? []), event] };
    this.#runs.set(event.runId, run);
    this.#forgetOldest();
    return run;
  }

  /** Whether the run is among those kept. */
  has(runId: string): boolean {
    return this.#runs.has(runId);
  }

  #forgetOldest(): void {
    const oldest = this.#runs.values().next();
    if (this.#runs.size <= this.#limit || oldest.done) return;
    const { runId, events } = oldest.value;
    this.#runs.delete(runId);
    this.#prompts.delete(events[0]?.threadId ?? '');
  }
}

/**
 * Judges a run by the order of its events. Thinking and tools may be absent or repeat, tools come in pairs, and
 * nothing follows the end.
 */
export function progress(events: readonly AgentEvent[]): Progress {
  let expected: readonly AgentEvent['type'][] = ['agent_started'];
  for (const { type } of events) {
    if (!expected.includes(type)) return 'out_of_order';
    expected = after(type);
  }
  const last = events.at(-1)?.type;
  if (last === 'agent_error') return 'failed';
  return last === EVENT_ORDER.at(-1) ? 'complete' : 'running';
}

function after(type: AgentEvent['type']): readonly AgentEvent['type'][] {
  switch (type) {
    case 'agent_started':
    case 'agent_thinking':
    case 'tool_completed':
      return ['agent_thinking', 'tool_executing', 'agent_completed', 'agent_error'];
    case 'tool_executing':
      return ['tool_completed', 'agent_error'];
    case 'agent_completed':
    case 'agent_error':
      return [];
  }
}
