import { describe, it } from '@jest/globals';

/** Runs the suite when its peer is there. Without it the suite fails in CI, and elsewhere says why it skips. */
export function describeWithPeer(name: string, missing: string | null, suite: () => void): void {
  if (missing === null) return describe(name, suite);
  if (process.env['CI'] === 'true') {
    return describe(name, () => {
      it('has its peer', () => {
        throw new Error(missing);
      });
    });
  }
  console.warn(`${name}: skipped, ${missing}`);
  return describe(name, () => {
    it.skip(`needs its peer (${missing})`, () => {});
  });
}
