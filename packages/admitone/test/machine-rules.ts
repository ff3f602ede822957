import { type ConnectionState, type Input, type Machine, type Step, wakeAt } from '../src/machine.js';

/** Every state, and the fields it has, each; those after `?` it may have. */
export const STATE_FIELDS: Record<ConnectionState['name'], string> = {
  idle: '',
  acquiring: 'attempt credential until',
  dialing: 'attempt credential until',
  refused: 'attempt credential until',
  open: 'attempt credential since',
  waiting: 'retry until cause ? notBefore',
  closing: 'attempt until',
  closed: 'cause',
};

/** What was asked for in one life of a machine. */
export interface Life {
  readonly acquired: Map<number, string>;
  readonly dialed: Set<number>;
  readonly ended: Set<number>;
  /** The application has closed, and not connected since. */
  isClosed: boolean;
}

export function newLife(): Life {
  return { acquired: new Map(), dialed: new Set(), ended: new Set(), isClosed: true };
}

export function copyOf({ acquired, dialed, ended, isClosed }: Life): Life {
  return { acquired: new Map(acquired), dialed: new Set(dialed), ended: new Set(ended), isClosed };
}

/** What must hold for a step, whatever came before. Cheap: it is asked a hundred thousand times. */
export function judge(before: Machine, input: Input, { machine, actions }: Step, life: Life): void {
  const { state, options } = machine;
  const must = (holds: boolean, rule: string) => {
    if (!holds) throw new Error(`${rule}: ${JSON.stringify({ before, input, machine, actions })}`);
  };
  const [all = '', some = ''] = (STATE_FIELDS[state.name] ?? '-').split('?').map((list) => list.trim());
  const fields = Object.keys(state).filter((field) => field !== 'name' && !some.split(' ').includes(field));
  must(fields.sort().join(' ') === all.split(' ').sort().join(' '), 'a state is listed, with its fields');
  must(wakeAt(machine) === ('until' in state ? state.until : null), 'a state that waits says until when');
  must(machine.retries <= options.maxRetries, 'retries in a row are bounded');
  must(!('attempt' in state) || state.attempt === machine.attempts, 'a state is of the latest attempt');
  must(
    !('credential' in state) || state.credential === 'ticket' || options.fallback === 'jwt',
    'a JWT only where allowed',
  );
  const isForeign = 'attempt' in input && input.attempt !== before.attempts;
  must(!isForeign || (machine === before && actions.length === 0), 'another attempt changes nothing');

  if (input.type === 'connect' && (before.state.name === 'idle' || before.state.name === 'closed'))
    life.isClosed = false;
  if (input.type === 'close' && before.state.name !== 'idle') {
    life.isClosed = true;
    must(state.name === 'closing' || state.name === 'closed', 'a close is heard');
  }
  for (const action of actions) {
    if (action.type === 'prefetch') must(options.tickets, 'a prefetch only where tickets are on');
    if (action.type === 'prefetch') continue;
    const { attempt } = action;
    if (action.type === 'acquire') {
      must(!life.isClosed, 'a close is not lost: nothing is acquired after it');
      must(attempt === life.acquired.size + 1, 'the number of an attempt is never reused');
      life.acquired.set(attempt, action.credential);
    } else if (action.type === 'dial') {
      must(!life.isClosed, 'a close is not lost: nothing is dialled after it');
      must(life.acquired.get(attempt) === action.credential, 'a dial has what was acquired for it');
      must(!life.dialed.has(attempt) && !life.ended.has(attempt), 'no credential is dialled twice');
      life.dialed.add(attempt);
    } else if (action.type === 'renew') {
      must(
        state.name === 'open' && state.credential === 'ticket',
        'only an open session of a ticket is renewed',
      );
    } else {
      must(attempt === before.attempts && !life.ended.has(attempt), 'an attempt is ended once');
      life.ended.add(attempt);
    }
  }
}
