/** A number of people, sockets or events. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** How many a second. */
export function rate(value: number): string {
  if (Number.isInteger(value) || value >= 9.95) return count(value);
  return value < 0.1 ? '<0.1' : value.toFixed(1);
}

/** Milliseconds, to two figures. */
export function milliseconds(value: number | undefined): string {
  if (value === undefined) return '–';
  if (value === 0) return '0';
  if (value < 1) return `${figures(value * 1000)} µs`;
  if (value < 1000) return `${figures(value)} ms`;
  return `${figures(value / 1000)} s`;
}

function figures(value: number): string {
  return value >= 9.95 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1);
}

const UNITS: readonly (readonly [number, string])[] = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
];

/** Seconds in their two largest units: `1 h 5 min`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const first = UNITS.findIndex(([size]) => whole >= size);
  const [size, name] = UNITS[first] ?? [1, 's'];
  const next = UNITS[first + 1];
  const rest = next === undefined ? 0 : Math.floor((whole % size) / next[0]);
  const told = `${Math.floor(whole / size)} ${name}`;
  return next === undefined || rest === 0 ? told : `${told} ${rest} ${next[1]}`;
}

/** The time of day, to the second. */
export function clock(date: Date): string {
  return date.toLocaleTimeString(undefined, { hour12: false });
}

/** A moment, Unix seconds, with its day where that is not today. */
export function moment(at: number, today = new Date()): string {
  const date = new Date(at * 1000);
  const time = clock(date);
  return date.toDateString() === today.toDateString() ? time : `${date.toLocaleDateString()}, ${time}`;
}

/** A word of the gateway's as people read it: `store_unavailable` is “store unavailable”. */
export function spoken(word: string): string {
  return word.replaceAll('_', ' ');
}

/** The part of a node's name that tells it from its neighbours: its address, and the first digits of what makes it unlike the one before. */
export function shortNode(node: string): string {
  const cut = node.lastIndexOf('-');
  return cut < 0 ? node : `${node.slice(0, cut)} · ${node.slice(cut + 1, cut + 5)}`;
}

/** So many of something: `1 connection`, `2 connections`. */
export function counted(number: number, thing: string): string {
  return `${count(number)} ${thing}${number === 1 ? '' : 's'}`;
}
