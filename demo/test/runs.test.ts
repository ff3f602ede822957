import { describe, expect, test } from 'vitest';
import { type AgentEvent, EVENT_ORDER, type EventType } from '../page/messages.js';
import { progress, Runs } from '../page/runs.js';

function event(type: EventType, runId = 'run-1', threadId = 'thread'): AgentEvent {
  return { kind: 'event', type, runId, threadId, fields: new Map() };
}

function progressOf(...types: EventType[]) {
  return progress(types.map((type) => event(type)));
}

describe('the progress of a run', () => {
  test('is complete after the five events in order', () => {
    expect(progressOf(...EVENT_ORDER)).toBe('complete');
  });

  test('is running until the last event', () => {
    for (let length = 1; length < EVENT_ORDER.length; length += 1) {
      expect(progressOf(...EVENT_ORDER.slice(0, length))).toBe('running');
    }
  });

  test('allows a run without tools, without thinking, or with several tools', () => {
    expect(progressOf('agent_started', 'agent_completed')).toBe('complete');
    const pair: EventType[] = ['tool_executing', 'tool_completed'];
    expect(progressOf('agent_started', ...pair, 'agent_thinking', ...pair, 'agent_completed')).toBe(
      'complete',
    );
  });

  test('is failed after an error', () => {
    expect(progressOf('agent_started', 'tool_executing', 'agent_error')).toBe('failed');
  });

  test.each<[string, EventType[]]>([
    ['does not begin with the start', ['agent_thinking']],
    ['starts twice', ['agent_started', 'agent_started']],
    ['has a tool answer without a call', ['agent_started', 'tool_completed']],
    ['ends inside a tool', ['agent_started', 'tool_executing', 'agent_completed']],
    ['goes on after its end', ['agent_started', 'agent_completed', 'agent_thinking']],
  ])('is out of order when it %s', (_, types) => {
    expect(progressOf(...types)).toBe('out_of_order');
  });
});

describe('runs', () => {
  test('are kept apart when their events interleave', () => {
    const runs = new Runs();
    runs.arrived(event('agent_started', 'a'));
    runs.arrived(event('agent_started', 'b'));
    expect(runs.arrived(event('agent_thinking', 'a')).events).toHaveLength(2);
    expect(runs.arrived(event('agent_thinking', 'b')).events).toHaveLength(2);
  });

  test('answer the prompt of their thread', () => {
    const runs = new Runs();
    runs.asked('first thread', 'first');
    runs.asked('second thread', 'second');
    expect(runs.arrived(event('agent_started', 'x', 'of another tab')).prompt).toBeUndefined();
    expect(runs.arrived(event('agent_started', 'b', 'second thread')).prompt).toBe('second');
    expect(runs.arrived(event('agent_started', 'a', 'first thread')).prompt).toBe('first');
    expect(runs.arrived(event('agent_completed', 'b', 'second thread')).prompt).toBe('second');
  });

  test('are forgotten oldest first', () => {
    const runs = new Runs(2);
    for (const runId of ['a', 'b', 'c']) runs.arrived(event('agent_started', runId));
    expect([runs.has('a'), runs.has('b'), runs.has('c')]).toEqual([false, true, true]);
  });
});
