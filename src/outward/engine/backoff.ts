/**
 * Exponential wait with full jitter in its upper half: the n-th failure waits between half and all of `initialMs * 2^(n-1)`, at most `maxMs`.
 * @param random 0 <= random < 1
 */
export function backoffMs(failures: number, initialMs: number, maxMs: number, random: number): number {
  const ceiling = Math.min(maxMs, initialMs * 2 ** Math.min(30, Math.max(0, failures - 1)));
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
}
