import { element, pill } from './dom.js';
import type { Nodes, Summary } from './summary.js';
import { count, duration, shortNode } from './words.js';

const TONES: Readonly<Record<string, string>> = {
  ready: 'good',
  degraded: 'busy',
  draining: 'busy',
  unavailable: 'bad',
};

/** A mirror of the marks older than this is worth a look. */
const OLD_MIRROR_SECONDS = 10;

/** A node's state in a word. */
export function statePill(status: string): HTMLElement {
  return pill(status === '' ? 'unknown' : status, TONES[status] ?? 'quiet');
}

/** One row for each node. */
export function showNodes(body: HTMLElement, told: Nodes): void {
  body.replaceChildren(...told.nodes.map((node) => nodeRow(node, node.node === told.here)));
}

function nodeRow(node: Summary, isHere: boolean): HTMLElement {
  const sessions = Object.values(node.sessions).reduce((sum, number) => sum + number, 0);
  const age = node.mirrorAgeSeconds;
  const mirror = age === undefined ? 'never heard' : age < 1 ? 'up to date' : `${duration(age)} old`;
  const store = `${node.store.kind}${node.store.answers ? '' : ' does not answer'}`;
  const name = element('th', { scope: 'row', title: node.node }, shortNode(node.node));
  if (isHere) name.append(' ', pill('this one', 'quiet'));
  const isWorrying = age === undefined || age > OLD_MIRROR_SECONDS;
  const row = element('tr', { 'data-node': node.node });
  row.append(
    name,
    element('td', { 'data-label': 'State' }, statePill(node.status)),
    element('td', { 'data-label': 'Connections', class: 'number' }, count(sessions)),
    element('td', { 'data-label': 'Store', ...(node.store.answers ? {} : { class: 'bad' }) }, store),
    element('td', { 'data-label': 'Revocations', ...(isWorrying ? { class: 'bad' } : {}) }, mirror),
    element('td', { 'data-label': 'Up for' }, duration(node.uptimeSeconds)),
    element('td', { 'data-label': 'Release' }, node.version),
  );
  return row;
}
