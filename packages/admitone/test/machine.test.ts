import { describe, expect, it } from 'vitest';
import {
  type Action,
  advance,
  type Input,
  MACHINE_DEFAULTS,
  type MachineOptions,
  newMachine,
  wakeAt,
} from '../src/machine.js';
import { STATE_FIELDS } from './machine-rules.js';
import { camelKeys, expectFields, type Row, readVectors } from './vectors.js';

const INPUT_FIELDS: Record<Input['type'], readonly string[]> = {
  connect: [],
  acquired: ['attempt'],
  acquire_failed: ['attempt', 'error'],
  dial_failed: ['attempt', 'error'],
  opened: ['attempt', 'selected'],
  closed: ['attempt', 'code', 'reason'],
  close: ['code', 'reason'],
  wake: [],
  login_changed: [],
  timeout: [],
};
const ACTIONS: Action['type'][] = ['acquire', 'abandon', 'dial', 'hang_up', 'prefetch', 'renew'];

const traces = readVectors('connection.json', ['traces']).traces ?? [];
const visited = new Set<string>();
const asked = new Set<string>();

function readInput(step: Row, where: string): Input {
  const input = camelKeys(step.input ?? null) as unknown as Input;
  const fields = INPUT_FIELDS[input.type];
  if (!fields) throw new Error(`${where}: unknown input ${input.type}`);
  expectFields(input, ['type', ...fields], where);
  if ('error' in input) expectFields(input.error, ['code', 'retryAfterMs'], where);
  return input;
}

function replay(trace: Row): void {
  expectFields(trace, ['name', 'covers', 'options', 'random', 'steps'], String(trace.name));
  const options = camelKeys(trace.options ?? null) as Partial<MachineOptions>;
  expectFields(options, Object.keys(MACHINE_DEFAULTS), String(trace.name));
  const numbers = [...(trace.random as number[])];
  const random = () => {
    const next = numbers.shift();
    if (next === undefined) throw new Error(`${trace.name}: more backoffs than random numbers`);
    return next;
  };
  let machine = newMachine(options);
  for (const [index, step] of (trace.steps as Row[]).entries()) {
    const where = `${trace.name}, step ${index + 1}`;
    expectFields(step, ['at', 'input', 'do', 'state', 'wake_at'], where);
    const input = readInput(step, where);
    visited.add(`${machine.state.name} ${input.type}`);
    const result = advance(machine, input, step.at as number, random);
    machine = result.machine;
    for (const { type } of result.actions) asked.add(type);
    expect(
      { do: result.actions, state: machine.state, wakeAt: wakeAt(machine) },
      `${where}: ${JSON.stringify(step)}`,
    ).toStrictEqual({
      do: camelKeys(step.do ?? null),
      state: camelKeys(step.state ?? null),
      wakeAt: step.wake_at,
    });
  }
  expect(numbers, `${trace.name}: random numbers left over`).toEqual([]);
}

describe('connection.json', () => {
  it.each(traces)('$name', replay);

  it('gives every input to every state, and asks for every action', () => {
    const pairs = Object.keys(STATE_FIELDS).flatMap((state) =>
      Object.keys(INPUT_FIELDS).map((type) => `${state} ${type}`),
    );
    expect([...visited].sort()).toEqual(pairs.sort());
    expect([...asked].sort()).toEqual([...ACTIONS].sort());
  });
});
