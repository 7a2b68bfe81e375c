import type { AlertDocument } from '../alerts/alert.schema.js';

/** Codes of all that approvers released an alert from. */
export function releasedFrom({ approval }: Pick<AlertDocument, 'approval'>): ReadonlySet<string> {
  return new Set(approval?.codes ?? (approval?.code ? [approval.code] : []));
}
