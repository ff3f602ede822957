import { expect, it } from 'vitest';
import {
  advance,
  type Input,
  type Machine,
  type MachineOptions,
  newMachine,
  wakeAt,
} from '../src/machine.js';
import { copyOf, judge, type Life, newLife } from './machine-rules.js';

/** Inputs that differ for a machine, for its latest attempt and for another one. */
function inputsFor(latest: number): Input[] {
  const closes = [
    [1000, 'bye'],
    [1006, ''],
    [1012, 'admitone:draining'],
    [4801, 'admitone:ticket_not_accepted'],
    [4804, 'admitone:store_unavailable'],
    [4900, 'admitone:revoked'],
  ] as const;
  return [
    { type: 'connect' },
    { type: 'close' },
    { type: 'close', code: 4000, reason: 'bye' },
    { type: 'wake' },
    { type: 'login_changed' },
    { type: 'timeout' },
    { type: 'acquired', attempt: latest - 1 },
    { type: 'closed', attempt: latest + 1, code: 4900, reason: 'admitone:revoked' },
    { type: 'acquired', attempt: latest },
    ...['network', 'forbidden', 'tickets_disabled', 'unheard_of'].map(
      (code): Input => ({ type: 'acquire_failed', attempt: latest, error: { code } }),
    ),
    { type: 'acquire_failed', attempt: latest, error: { code: 'over_limit', retryAfterMs: 5_000 } },
    ...['connection_failed', 'invalid_url', 'store_unavailable'].map(
      (code): Input => ({ type: 'dial_failed', attempt: latest, error: { code } }),
    ),
    ...['', 'admitone.v1', 'admitone.refused', 'chat'].map(
      (selected): Input => ({ type: 'opened', attempt: latest, selected }),
    ),
    ...closes.map(([code, reason]): Input => ({ type: 'closed', attempt: latest, code, reason })),
  ];
}

const WAYS: Partial<MachineOptions>[] = [
  {},
  { fallback: 'jwt' },
  { fallback: 'jwt', tickets: false },
  { tickets: false },
];

/** What a machine is, whenever that is. */
function keyOf(machine: Machine, { isClosed }: Life, now: number): string {
  const relative = (_: string, value: unknown) =>
    typeof value === 'number' && value >= now ? value - now : value;
  return JSON.stringify([machine.state, machine.attempts, machine.retries, isClosed], relative);
}

it.each(WAYS)('F26: no sequence of inputs breaks a rule, exhaustively for three attempts: %j', (way) => {
  const options = { maxRetries: 2, ...way };
  const seen = new Set<string>();
  const states = new Set<string>();
  let front = [{ machine: newMachine(options), life: newLife(), now: 0 }];
  while (front.length > 0) {
    const next: typeof front = [];
    for (const { machine, life, now } of front) {
      states.add(machine.state.name);
      const moments = new Set([now, wakeAt(machine) ?? now + 10_000]);
      for (const at of moments)
        for (const input of inputsFor(machine.attempts)) {
          const step = advance(machine, input, at, () => 0.5);
          const lived = copyOf(life);
          judge(machine, input, step, lived);
          const key = keyOf(step.machine, lived, at);
          if (step.machine.attempts > 3 || seen.has(key)) continue;
          seen.add(key);
          next.push({ machine: step.machine, life: lived, now: at });
        }
    }
    front = next;
  }
  const everywhere = ['acquiring', 'closed', 'closing', 'dialing', 'idle', 'open', 'refused', 'waiting'];
  expect([...states].sort()).toEqual(
    way.tickets === false && !way.fallback ? ['closed', 'idle'] : everywhere,
  );
});

const seed = Number(process.env.ADMITONE_SEED ?? Math.floor(Math.random() * 2 ** 31));

it(`F26: nor do long random ones (ADMITONE_SEED=${seed})`, () => {
  const random = seeded(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  for (let run = 0; run < 60; run += 1) {
    let machine = newMachine({ ...pick(WAYS), maxRetries: pick([0, 1, 10]) });
    const life = newLife();
    let now = 0;
    for (let count = 0; count < 400; count += 1) {
      now += pick([0, 1, 50, 3_000, 10_000]);
      const input = pick(inputsFor(machine.attempts));
      const step = advance(machine, input, now, random);
      judge(machine, input, step, life);
      machine = step.machine;
    }
  }
});

it.each(WAYS)('F26: a close that nobody answers ends by time alone: %j', (way) => {
  for (const steps of [1, 2, 3]) {
    let machine = newMachine(way);
    const inputs = [
      { type: 'connect' },
      { type: 'acquired', attempt: 1 },
      { type: 'opened', attempt: 1, selected: '' },
    ];
    for (const input of [...inputs.slice(0, steps), { type: 'close' }] as Input[])
      machine = advance(machine, input, 0, Math.random).machine;
    machine = advance(machine, { type: 'timeout' }, 3_000, Math.random).machine;
    expect(machine.state.name).toBe('closed');
  }
});

/** mulberry32. */
function seeded(from: number): () => number {
  let state = from >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
