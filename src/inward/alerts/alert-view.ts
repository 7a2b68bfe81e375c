import { z } from 'zod';
import { ALERT_TYPES, UNDO_STATES } from '../../model/alert.js';
import type { MitigationTargetDocument } from '../processor/mitigation-target.schema.js';
import type { AlertDocument, AlertUndo } from './alert.schema.js';

const time = z.iso.datetime().nullable();

const targetCounts = z.object({ planned: z.int(), done: z.int(), skipped: z.int(), failed: z.int(), notConfirmed: z.int() });
const undoView = z.object({
  state: z.enum(UNDO_STATES).meta({ description: '`partially-failed`: some was given back; `failed`: nothing was.' }),
  by: z.string().meta({ description: 'Who ordered it.' }), at: z.iso.datetime(), comment: z.string().nullable(), evenIfChanged: z.boolean(), round: z.int().meta({ description: 'How often it was ordered.' }),
  reasonCode: z.string().nullable(), reason: z.string().nullable(), closedAt: time, targets: targetCounts,
});

export const alertView = z.object({
  id: z.string(),
  type: z.string(),
  displayName: z.string(),
  application: z.string(),
  nativeId: z.string().nullable(),
  groupName: z.string().nullable(),
  groupType: z.string().nullable(),
  action: z.string(),
  level: z.string(),
  useWorkflow: z.boolean().nullable().meta({ description: 'null: not said, the setting decides.' }),
  state: z.string(),
  reasonCode: z.string().nullable(),
  reason: z.string().nullable().meta({ description: 'Why it ended so, what it waits for, or why the last try failed.' }),
  attempts: z.int(),
  posts: z.int().meta({ description: 'How often it was posted, merged repeats included.' }),
  postedBy: z.string(),
  sourceIp: z.string().nullable(),
  correlationId: z.string().nullable().meta({ description: 'Alert whose mitigation caused this one.' }),
  loopDepth: z.int(),
  identityId: z.string().nullable(),
  identityName: z.string().nullable(),
  targets: targetCounts.meta({ description: 'Number of targets; `planned` counts all, the others how they ended.' }),
  approval: z.object({ by: z.string(), at: z.iso.datetime(), code: z.string().nullable() }).nullable(),
  undo: undoView.nullable().meta({ description: 'What was ordered to be given back, and how that stands; null: nothing.' }),
  campaignId: z.string().nullable(),
  requestId: z.string().nullable(),
  alertDate: time.meta({ description: "The client's date." }),
  receivedAt: z.iso.datetime(),
  dueAt: time,
  startedAt: time,
  closedAt: time,
});

export const targetView = z.object({
  number: z.int(), undoOf: z.int().nullable().meta({ description: 'Of an undo: the number of the target that it gives back.' }), application: z.string(), nativeId: z.string().nullable(), accountId: z.string().nullable(), identityId: z.string().nullable(), operation: z.string(),
  entitlement: z.object({ attribute: z.string(), value: z.string() }).nullable(), state: z.string(), alreadySo: z.boolean().meta({ description: 'Nothing had to be changed.' }),
  code: z.string().nullable(), reason: z.string().nullable(),
  caution: z.string().nullable().meta({ description: 'What the change alone may not settle: an entitlement that a role grants may come back with the next refresh of the identity.' }),
  attempts: z.int(), intentAt: time, outcomeAt: time,
});

export function viewOfAlert(alert: AlertDocument): z.output<typeof alertView> {
  const { displayName, usesAction } = ALERT_TYPES[alert.type];
  const { type, application, nativeId, groupName, groupType, action, level, useWorkflow, state, reasonCode, reason, attempts, posts, postedBy, sourceIp, correlationId, identityId, identityName, targets, campaignId, requestId } = alert;
  return {
    id: alert._id, type, displayName: usesAction ? `${displayName} ${action}` : displayName, application, nativeId, groupName, groupType, action, level, useWorkflow, state, reasonCode, reason, attempts, posts, postedBy, sourceIp, correlationId,
    loopDepth: alert.loopDepth ?? 0, identityId, identityName, targets, approval: alert.approval ? { by: alert.approval.by, at: alert.approval.at.toISOString(), code: alert.approval.code ?? null } : null, undo: alert.undo ? viewOfUndo(alert.undo) : null, campaignId, requestId,
    alertDate: text(alert.alertDate), receivedAt: alert.receivedAt.toISOString(), dueAt: text(alert.dueAt), startedAt: text(alert.startedAt), closedAt: text(alert.closedAt),
  };
}

function viewOfUndo({ state, by, at, comment, evenIfChanged, round, reasonCode, reason, closedAt, targets }: AlertUndo): z.output<typeof undoView> {
  return { state, by: by.name ?? by.id ?? by.kind, at: at.toISOString(), comment: comment ?? null, evenIfChanged, round, reasonCode: reasonCode ?? null, reason: reason ?? null, closedAt: text(closedAt), targets };
}

export function viewOfTarget({ number, undoOf, application, nativeId, accountId, identityId, operation, entitlement, state, alreadySo, code, reason, caution, attempts, intentAt, outcomeAt }: MitigationTargetDocument): z.output<typeof targetView> {
  return { number, undoOf: undoOf ?? null, application, nativeId, accountId, identityId, operation, entitlement: entitlement && { attribute: entitlement.attribute, value: entitlement.value }, state, alreadySo, code, reason, caution: caution ?? null, attempts, intentAt: text(intentAt), outcomeAt: text(outcomeAt) };
}

function text(time: Date | null | undefined): string | null {
  return time?.toISOString() ?? null;
}
