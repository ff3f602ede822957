import type { Question } from './confirm.js';
import { number, object, text } from './summary.js';
import { count, duration, moment, shortNode } from './words.js';

/** Somebody who is on a list. */
export interface Listed {
  readonly issuer: string;
  readonly subject: string;
}

/** When and why the guard acted, and what it was set to before. */
export interface Trip {
  readonly at: number;
  readonly node: string;
  readonly worked: number;
  readonly failed: number;
  readonly before: number;
}

/** What the guard makes of a route, and whether it has acted. */
export interface Guard {
  readonly action: string;
  readonly windowSeconds: number;
  readonly thresholdPercent: number;
  readonly minimum: number;
  readonly worked: number;
  readonly failed: number;
  readonly tripped: Trip | undefined;
}

/** Who gets tickets on one route. */
export interface RouteRollout {
  readonly route: string;
  readonly percent: number;
  readonly allow: readonly Listed[];
  readonly deny: readonly Listed[];
  /** Whether whoever gets no ticket can connect with the JWT. */
  readonly hasFallback: boolean;
  /** Whether the store has it. */
  readonly isKept: boolean;
  readonly shadow: boolean;
  /** Who changed it last, where, and when, Unix seconds. */
  readonly changed: { readonly by: string; readonly at: number; readonly node: string } | undefined;
  readonly guard: Guard;
}

/** Reads the answer of `GET api/rollout`. */
export function readRollouts(json: unknown): readonly RouteRollout[] {
  const { routes } = object(json);
  return Array.isArray(routes) ? routes.map(readRollout) : [];
}

/** Reads one route's. */
export function readRollout(json: unknown): RouteRollout {
  const told = object(json);
  const changed = object(told.changed);
  return {
    route: text(told.route),
    percent: number(told.percent),
    allow: listed(told.allow),
    deny: listed(told.deny),
    hasFallback: told.jwt_fallback !== 'deny',
    isKept: told.kept !== false,
    shadow: told.shadow === true,
    changed: told.changed
      ? { by: text(changed.by), at: number(changed.at), node: text(changed.node) }
      : undefined,
    guard: readGuard(object(told.guard)),
  };
}

function readGuard(told: Readonly<Record<string, unknown>>): Guard {
  return {
    action: text(told.action),
    windowSeconds: number(told.window_seconds),
    thresholdPercent: number(told.threshold_percent),
    minimum: number(told.minimum),
    worked: number(told.worked),
    failed: number(told.failed),
    tripped: told.tripped ? readTrip(object(told.tripped)) : undefined,
  };
}

function readTrip(told: Readonly<Record<string, unknown>>): Trip {
  return {
    at: number(told.at),
    node: text(told.node),
    worked: number(told.worked),
    failed: number(told.failed),
    before: number(told.percent_before),
  };
}

function listed(json: unknown): readonly Listed[] {
  if (!Array.isArray(json)) return [];
  return json.map(object).map(({ issuer, subject }) => ({ issuer: text(issuer), subject: text(subject) }));
}

/** What this node's guard sees, and from what on it acts. */
export function guardInWords(guard: Guard): string {
  const { action, windowSeconds, thresholdPercent, minimum, worked, failed } = guard;
  if (action === 'off') return 'The guard is off.';
  const all = worked + failed;
  const seen = `${count(failed)} of ${count(all)} tickets failed by a fault of ours within ${duration(windowSeconds)}, as this node sees it.`;
  const few = all < minimum ? ` Fewer than ${count(minimum)} are too few to judge.` : '';
  const act = action === 'alarm' ? 'raises an alarm' : 'sets 0 %';
  return `${seen}${few} From ${thresholdPercent} % failed on, the guard ${act}.`;
}

/** That the guard has acted; nothing where it has not. */
export function tripInWords({ action, tripped }: Guard): string {
  if (tripped === undefined) return '';
  const { at, node, worked, failed, before } = tripped;
  const act = action === 'alarm' ? 'raised an alarm' : `set 0 %, from ${before} %`;
  const why = `${count(failed)} of ${count(worked + failed)} tickets had failed on ${shortNode(node)}`;
  return `The guard ${act}, at ${moment(at)}: ${why}. So it stays until somebody sets a percentage.`;
}

/** How near the guard is to acting, from 0 to 1. */
export function guardStrain({ worked, failed, minimum, thresholdPercent }: Guard): number {
  const all = worked + failed;
  if (all === 0 || all < minimum || thresholdPercent === 0) return 0;
  return Math.min(((failed / all) * 100) / thresholdPercent, 1);
}

const CHANGERS: Readonly<Record<string, string>> = {
  admin: 'an operator',
  file: 'a configuration file',
  guard: 'the guard',
};

/** Who changed it last, and what is peculiar about the route. */
export function remarks({ changed, isKept, hasFallback, shadow }: RouteRollout): readonly string[] {
  const told: string[] = [];
  if (!hasFallback)
    told.push('Without a ticket nobody connects here (jwt_fallback = "deny"): it stays at 100 %.');
  if (shadow) told.push('Shadow mode: each JWT that is let in rehearses a ticket, which decides nothing.');
  if (!isKept) told.push('The store does not answer: the other nodes are told when it is back.');
  if (changed === undefined) told.push('Nobody has changed it yet.');
  else {
    const by = CHANGERS[changed.by] ?? changed.by;
    told.push(`Last changed by ${by}, at ${moment(changed.at)} on ${shortNode(changed.node)}.`);
  }
  return told;
}

/** What to ask before a percentage is set: where it leaves people out, or everybody in. */
export function questionBefore({ route, percent }: RouteRollout, wanted: number): Question | undefined {
  const ask = (text: string) => ({ title: `Set ${route} to ${wanted} %?`, text, yes: `Set ${wanted} %` });
  const open = 'Who is connected stays connected.';
  if (wanted === 100)
    return ask(`Everybody gets tickets, but for those on the list of who never does. ${open}`);
  if (wanted === 0)
    return ask(
      `Nobody gets tickets, but for those on the list of who always does: the others connect with the JWT. ${open}`,
    );
  if (wanted < percent)
    return ask(
      `From ${percent} % down: who came last gets no more tickets, and connects with the JWT. ${open}`,
    );
  return undefined;
}
