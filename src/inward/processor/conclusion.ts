import type { TargetCounts } from './target-store.js';

export interface Conclusion {
  state: 'succeeded' | 'partially-failed' | 'failed' | 'rejected';
  code: string | null;
  reason: string | null;
}

/** Of removed entitlements whose owners have roles: the SIEM must not take it for settled without a look. */
export const MAY_COME_BACK = 'may-come-back-through-role';

/**
 * What the outcomes of all targets come to. @param example a target that failed, or, where nothing was done, one that was left out.
 * @param cautions changes that took place and may not settle it.
 */
export function conclusionOf({ planned, done, skipped, failed, notConfirmed }: TargetCounts, example: { code: string | null; reason: string | null } | null, cautions: { count: number; example: string } | null = null): Conclusion {
  const warning = cautions ? `${cautions.count} of the removed entitlements may come back through a role. For example: ${cautions.example}` : '';
  const bad = failed + notConfirmed;
  if (bad > 0) {
    const first = example?.reason ? ` For example: ${example.reason}` : '';
    const reason = `${bad} of ${planned - skipped} targets failed${notConfirmed > 0 ? `, ${notConfirmed} of them not confirmed` : ''}.${first}${warning && ` ${warning}`}`;
    return { state: done > 0 ? 'partially-failed' : 'failed', code: example?.code ?? 'targets-failed', reason };
  }
  if (done > 0) {
    const left = skipped > 0 ? `${skipped} targets were left out on purpose.` : '';
    return { state: 'succeeded', code: cautions ? MAY_COME_BACK : null, reason: [left, warning].filter(Boolean).join(' ') || null };
  }
  // Nothing was done although something was asked for: the SIEM must not take it for mitigated.
  if (skipped > 0) return { state: 'rejected', code: example?.code ?? 'nothing-allowed', reason: `All ${skipped} targets were left out.${example?.reason ? ` For example: ${example.reason}` : ''}` };
  return { state: 'succeeded', code: 'nothing-to-do', reason: 'There was nothing to change.' };
}
