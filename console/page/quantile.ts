/**
 * The time below which a share of what was timed stayed, in milliseconds, as Prometheus estimates it: evenly spread within a
 * bucket. None where nothing was timed; the end of the last bucket that has one where it was longer.
 */
export function quantile(
  share: number,
  counts: readonly number[],
  boundsMicros: readonly number[],
): number | undefined {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return undefined;
  let rank = share * total;
  for (const [at, count] of counts.entries()) {
    const end = boundsMicros[at];
    if (end === undefined) break;
    if (rank <= count && count > 0) {
      const start = at === 0 ? 0 : (boundsMicros[at - 1] ?? 0);
      return (start + ((end - start) * rank) / count) / 1000;
    }
    rank -= count;
  }
  return (boundsMicros.at(-1) ?? 0) / 1000;
}
