import type { AlertType } from '../../model/alert.js';
import type { MitigationAction } from './mitigation-action.js';

/**
 * A review of somebody's or something's access. This version has no campaigns, so nobody would be asked: the alert fails and says so,
 * that the SIEM does not take a review for opened that is not.
 */
export function certifyAction(type: Extract<AlertType, `${string}/certify${string}`>): MitigationAction {
  return {
    type,
    async plan(alert, context) {
      if (alert.nativeId !== null) {
        const named = await context.namedAccount(alert);
        // Who is protected from changes may still be reviewed.
        if (named.type === 'rejected' && named.code !== 'protected-identity') return named;
      }
      return { type: 'failed', code: 'campaigns-not-available', reason: 'No certification was opened: campaigns are not available in this version.' };
    },
  };
}
