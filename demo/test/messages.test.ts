import { expect, test } from 'vitest';
import { readMessage } from '../page/messages.js';

const STARTED = {
  type: 'agent_started',
  timestamp: '2026-11-22T17:00:00Z',
  user_id: 'ada',
  thread_id: 'thread-1',
  run_id: 'run-1',
  agent_name: 'Concierge',
  task_description: 'Find a street',
};

const CONNECTED = { type: 'connected', path: '/chat', headers: [['host', 'localhost']], user_id: 'ada' };

function read(json: unknown) {
  return readMessage(JSON.stringify(json));
}

test('an event is read with every field but its type, unknown ones included', () => {
  const message = read({ ...STARTED, mood: 'good' });
  expect(message).toMatchObject({
    kind: 'event',
    type: 'agent_started',
    threadId: 'thread-1',
    runId: 'run-1',
  });
  expect(message.kind === 'event' && [...message.fields.keys()]).toEqual([
    'timestamp',
    'user_id',
    'thread_id',
    'run_id',
    'agent_name',
    'task_description',
    'mood',
  ]);
});

test('a timestamp may be text or Unix seconds', () => {
  expect(read({ ...STARTED, timestamp: 1_763_800_000.25 }).kind).toBe('event');
  expect(read({ ...STARTED, timestamp: '' }).kind).toBe('unreadable');
  expect(read({ ...STARTED, timestamp: null }).kind).toBe('unreadable');
});

test.each(Object.keys(STARTED))('an event without its %s is not an event', (field) => {
  expect(read({ ...STARTED, [field]: undefined }).kind).toBe('unreadable');
});

test.each(Object.keys(STARTED))('an event whose %s is of another type is not an event', (field) => {
  expect(read({ ...STARTED, [field]: true }).kind).toBe('unreadable');
});

test('the fault of a malformed event is named', () => {
  expect(read({ ...STARTED, agent_name: 7 })).toMatchObject({
    why: '"agent_started" with a missing or malformed "agent_name"',
  });
});

test('a tool may answer with any result, but must answer', () => {
  const completed = {
    ...STARTED,
    type: 'tool_completed',
    tool_name: 'lookup',
    execution_time: 0.4,
    success: false,
    execution_id: 'exec-1',
  };
  expect(read({ ...completed, results: null }).kind).toBe('event');
  expect(read(completed).kind).toBe('unreadable');
  expect(read({ ...completed, results: [], success: 'yes' }).kind).toBe('unreadable');
  expect(read({ ...completed, results: [], execution_time: -1 }).kind).toBe('unreadable');
});

test('the greeting is read with its headers', () => {
  expect(read(CONNECTED)).toEqual({
    kind: 'connected',
    path: '/chat',
    headers: [['host', 'localhost']],
    userId: 'ada',
  });
});

test.each([[{}], [[['host']]], [[['host', 1]]], [['host']], [[['a', 'b', 'c']]]])(
  'headers %j are malformed',
  (headers) => {
    expect(read({ ...CONNECTED, headers }).kind).toBe('unreadable');
  },
);

test('an error keeps its detail', () => {
  expect(read({ type: 'error', detail: 'expected a user_message' })).toEqual({
    kind: 'error',
    detail: 'expected a user_message',
  });
});

test.each([
  '',
  '{',
  'null',
  '[]',
  '7',
  '"text"',
  '{}',
  '{"type":7}',
  '{"type":"toString"}',
  '{"type":"error"}',
])('the message %j is shown as unreadable', (data) => {
  expect(readMessage(data)).toMatchObject({ kind: 'unreadable', raw: data });
});

test('a binary message is unreadable, and a long one is cut short', () => {
  expect(readMessage(new ArrayBuffer(8)).kind).toBe('unreadable');
  expect(readMessage('x'.repeat(10_000))).toMatchObject({ raw: `${'x'.repeat(400)}…` });
});
