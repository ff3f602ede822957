import type { Nodes } from '../page/summary.js';
import { readNodes } from '../page/summary.js';

/** What a gateway tells of one or several nodes, each with the given fields beside those of an idle one. */
export function telling(...nodes: readonly Readonly<Record<string, unknown>>[]): Nodes {
  const idle = {
    version: '0.1.0',
    at: 0,
    uptime_seconds: 1,
    status: 'ready',
    store: { kind: 'memory', answers: true },
  };
  return readNodes({
    here: 'a',
    is_whole: true,
    bounds_micros: [100, 1000, 10_000],
    nodes: nodes.map((node) => ({ node: 'a', ...idle, ...node })),
  });
}
