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
const STATES = ['idle', 'acquiring', 'dialing', 'refused', 'open', 'waiting', 'closing', 'closed'];
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
    const pairs = STATES.flatMap((state) => Object.keys(INPUT_FIELDS).map((type) => `${state} ${type}`));
    expect([...visited].sort()).toEqual(pairs.sort());
    expect([...asked].sort()).toEqual([...ACTIONS].sort());
  });
});

describe('random inputs', () => {
  const seed = Number(process.env.ADMITONE_SEED ?? Math.floor(Math.random() * 2 ** 31));

  it(`hold the invariants (ADMITONE_SEED=${seed})`, () => {
    const random = seeded(seed);
    for (let run = 0; run < 80; run += 1) runOnce(random);
  });
});

/** Feeds one machine a few hundred inputs, sensible and senseless, and checks what must hold whatever comes. */
function runOnce(random: () => number): void {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  let machine = newMachine({
    fallback: pick(['none', 'jwt']),
    tickets: random() < 0.8,
    maxRetries: pick([0, 1, 10]),
  });
  const acquired = new Map<number, string>();
  const dialed = new Set<number>();
  let now = 0;
  for (let count = 0; count < 300; count += 1) {
    now += pick([0, 1, 50, 3_000, 10_000]);
    const input = randomInput(machine.attempts, pick);
    const before = machine;
    const result = advance(machine, input, now, random);
    machine = result.machine;
    expect(STATES).toContain(machine.state.name);
    expect(machine.retries).toBeLessThanOrEqual(machine.options.maxRetries);
    if ('attempt' in machine.state) expect(machine.state.attempt).toBe(machine.attempts);
    if ('attempt' in input && input.attempt !== before.attempts) expect(machine).toBe(before);
    if (before.state.name === 'closed' && input.type !== 'connect') expect(machine).toBe(before);
    for (const action of result.actions) {
      if (action.type === 'acquire') {
        expect(acquired.has(action.attempt), 'an attempt number is never reused').toBe(false);
        expect(action.attempt).toBe(acquired.size + 1);
        acquired.set(action.attempt, action.credential);
      } else if (action.type === 'dial') {
        expect(acquired.get(action.attempt), 'a dial follows its own acquire').toBe(action.credential);
        expect(dialed.has(action.attempt), 'an attempt dials once').toBe(false);
        dialed.add(action.attempt);
      } else if (action.type !== 'prefetch') {
        expect(action.attempt).toBe(before.attempts);
      }
    }
  }
}

function randomInput(latest: number, pick: <T>(list: readonly T[]) => T): Input {
  const attempt = pick([latest, latest, latest, latest - 1, latest + 1, 0]);
  return pick<() => Input>([
    () => ({ type: 'connect' }),
    () => ({ type: 'acquired', attempt }),
    () => ({ type: 'acquired', attempt }),
    () => ({
      type: 'acquire_failed',
      attempt,
      error: { code: pick(['network', 'forbidden', 'tickets_disabled', 'x']) },
    }),
    () => ({
      type: 'dial_failed',
      attempt,
      error: { code: pick(['connection_failed', 'invalid_url', 'x']) },
    }),
    () => ({ type: 'opened', attempt, selected: pick(['', 'admitone.v1', 'admitone.refused', 'chat']) }),
    () => ({
      type: 'closed',
      attempt,
      code: pick([1000, 1006, 1012, 4801, 4900]),
      reason: pick(['', 'admitone:ticket_not_accepted', 'admitone:revoked', 'bye']),
    }),
    () => pick<Input>([{ type: 'timeout' }, { type: 'timeout' }, { type: 'timeout' }, { type: 'close' }]),
  ])();
}

/** mulberry32. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
