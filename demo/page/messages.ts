/** The five events of a run, in their order. */
export const EVENT_ORDER = [
  'agent_started',
  'agent_thinking',
  'tool_executing',
  'tool_completed',
  'agent_completed',
] as const;

/** A step of a run: one of the five, or the event that ends a failed run. */
export type EventType = (typeof EVENT_ORDER)[number] | 'agent_error';

/** An event as it arrived. `fields` holds every field but `type`, in the order of arrival. */
export interface AgentEvent {
  readonly kind: 'event';
  readonly type: EventType;
  readonly threadId: string;
  readonly runId: string;
  readonly fields: ReadonlyMap<string, unknown>;
}

/** The upstream's greeting: the request it received. */
export interface Connected {
  readonly kind: 'connected';
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly userId: string;
}

/** What came over the socket. What cannot be read is a message too: it is shown, and breaks nothing. */
export type Message =
  | Connected
  | AgentEvent
  | { readonly kind: 'error'; readonly detail: string }
  | { readonly kind: 'unreadable'; readonly why: string; readonly raw: string };

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string';
const isPresent: Check = (value) => value !== undefined;
const isBoolean: Check = (value) => typeof value === 'boolean';
const isDuration: Check = (value) => typeof value === 'number' && Number.isFinite(value) && value >= 0;
const isTime: Check = (value) => (typeof value === 'string' && value !== '') || isDuration(value);

const COMMON: Readonly<Record<string, Check>> = {
  timestamp: isTime,
  user_id: isText,
  thread_id: isText,
  run_id: isText,
};

const REQUIRED: Readonly<Record<EventType, Readonly<Record<string, Check>>>> = {
  agent_started: { agent_name: isText, task_description: isText },
  agent_thinking: { reasoning: isText },
  tool_executing: { tool_name: isText, tool_args: isPresent, execution_id: isText },
  tool_completed: {
    tool_name: isText,
    results: isPresent,
    execution_time: isDuration,
    success: isBoolean,
    execution_id: isText,
  },
  agent_completed: { status: isText, final_response: isText },
  agent_error: {},
};

const RAW_LIMIT = 400;

/** Reads one message. Never throws. */
export function readMessage(data: unknown): Message {
  if (typeof data !== 'string') return { kind: 'unreadable', why: 'a binary message', raw: '' };
  const json = parse(data);
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    return unreadable('not a JSON object', data);
  const fields = json as Record<string, unknown>;
  if (fields.type === 'connected')
    return readConnected(fields) ?? unreadable('a malformed "connected" message', data);
  if (fields.type === 'error' && typeof fields.detail === 'string')
    return { kind: 'error', detail: fields.detail };
  return readEvent(fields, data);
}

function readEvent(json: Record<string, unknown>, data: string): Message {
  const type = json.type;
  if (typeof type !== 'string' || !Object.hasOwn(REQUIRED, type))
    return unreadable('an unknown type of message', data);
  const checks = Object.entries({ ...COMMON, ...REQUIRED[type as EventType] });
  const faulty = checks.find(([field, check]) => !check(json[field]));
  if (faulty !== undefined) return unreadable(`"${type}" with a missing or malformed "${faulty[0]}"`, data);
  const { type: _, ...rest } = json;
  return {
    kind: 'event',
    type: type as EventType,
    threadId: json.thread_id as string,
    runId: json.run_id as string,
    fields: new Map(Object.entries(rest)),
  };
}

function readConnected(json: Record<string, unknown>): Connected | undefined {
  const { path, headers, user_id: userId } = json;
  if (typeof path !== 'string' || typeof userId !== 'string' || !Array.isArray(headers)) return undefined;
  return headers.every(isPair) ? { kind: 'connected', path, headers, userId } : undefined;
}

function isPair(value: unknown): value is [string, string] {
  return Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'string');
}

function unreadable(why: string, data: string): Message {
  return { kind: 'unreadable', why, raw: data.length > RAW_LIMIT ? `${data.slice(0, RAW_LIMIT)}…` : data };
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}
