/**
 * Wait before the next try in ms: between half and all of `initialMs * 2^(attempts-1)`, at most `maxMs`, so that alerts that failed together do not come back together.
 * @param random 0 <= random < 1
 */
export function retryDelayMs(attempts: number, initialMs: number, maxMs: number, random: number): number {
  const ceiling = Math.min(maxMs, initialMs * 2 ** Math.min(30, Math.max(0, attempts - 1)));
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
}
