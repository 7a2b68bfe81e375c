import type { Clock } from '../../contracts/clock.js';
import { ALERT_TYPES } from '../../model/alert.js';
import type { Actor, EventObject, Outcome } from '../../model/audit-event.js';
import type { JsonObject } from '../../model/json.js';
import type { Notification } from '../../model/notification.js';
import type { AuditRecord } from '../../platform/audit/audit-record.js';
import { newAuditRecord, systemActor } from '../../platform/audit/new-audit-record.js';
import type { AlertDocument } from '../alerts/alert.schema.js';
import type { MitigationTargetDocument } from './mitigation-target.schema.js';

/** Who changes accounts in the name of an alert. */
export const MITIGATION_ACTOR: Actor = systemActor('mitigation');

export type AlertVerb = 'processed' | 'failed' | 'waiting' | 'rejected' | 'purged';

/** What a SIEM sees as the alert's name: display name of the type, and the action where it matters. */
export function alertName(alert: Pick<AlertDocument, 'type' | 'action'>): string {
  const { displayName, usesAction } = ALERT_TYPES[alert.type];
  return usesAction ? `${displayName} ${alert.action}` : displayName;
}

/** What the alert takes effect as, for people and for the audit feed: its action, or what its type does. */
export function operationOf(alert: Pick<AlertDocument, 'type' | 'action'>): string {
  return ALERT_TYPES[alert.type].operation ?? alert.action;
}

/** The record of a change of state; it leaves as an event under the alert's id, so that the SIEM can close its own case. */
export function alertRecord(verb: AlertVerb, alert: AlertDocument, facts: { outcome: Outcome; code?: string | null; reason?: string | null; actor?: Actor; attributes?: JsonObject; notification?: Notification }, clock: Clock): AuditRecord {
  return newAuditRecord(
    {
      type: `mitigation.alert.${verb}`,
      actor: facts.actor ?? MITIGATION_ACTOR,
      subject: { kind: 'alert', id: alert._id, name: alertName(alert) },
      objects: alertObjects(alert),
      outcome: facts.outcome,
      ...(facts.reason ? { reason: facts.reason } : {}),
      correlationId: alert._id,
      attributes: {
        action: operationOf(alert), alertType: alert.type, level: alert.level, application: alert.application,
        ...(alert.nativeId === null ? {} : { nativeId: alert.nativeId }),
        ...(alert.groupName === null ? {} : { groupName: alert.groupName, groupType: alert.groupType }),
        ...(facts.code ? { code: facts.code } : {}),
        ...facts.attributes,
      },
      ...(facts.notification ? { notification: facts.notification } : {}),
    },
    clock,
  );
}

/** What became of a target, as far as it is told. */
export type TargetEnd = { state: 'done'; alreadySo?: boolean } | { state: 'failed' | 'not-confirmed'; code?: string | null; reason?: string | null };

/** The record of one account of an alert about an application, as the original has one for each of its plans; undefined for what has no record of its own. */
export function accountRecord(alert: AlertDocument, target: MitigationTargetDocument, end: TargetEnd, clock: Clock): AuditRecord | undefined {
  const { nativeId, application, identityId, entitlement } = target;
  if (ALERT_TYPES[alert.type].target !== 'application' || nativeId === null) return undefined;
  const bad = end.state === 'done' ? undefined : end;
  return newAuditRecord(
    {
      type: bad ? 'mitigation.account.failed' : 'mitigation.account.processed',
      actor: MITIGATION_ACTOR,
      subject: { kind: 'alert', id: alert._id, name: alertName(alert) },
      objects: [
        { kind: 'application', id: application, name: application },
        { kind: 'account', id: target.accountId ?? nativeId, name: nativeId, application },
        ...(entitlement === null ? [] : [{ kind: 'entitlement', id: entitlement.value, name: entitlement.value, attribute: entitlement.attribute, value: entitlement.value }]),
        ...(identityId === null ? [] : [{ kind: 'identity', id: identityId }]),
      ],
      outcome: bad ? 'failure' : 'success',
      ...(bad?.reason ? { reason: bad.reason } : {}),
      correlationId: alert._id,
      attributes: { action: operationOf(alert), alertType: alert.type, level: alert.level, application, nativeId, ...(bad?.code ? { code: bad.code } : {}), ...(end.state === 'done' && end.alreadySo ? { alreadySo: true } : {}) },
    },
    clock,
  );
}

type TellableAlert = Pick<AlertDocument, '_id' | 'type' | 'action' | 'application' | 'nativeId' | 'level'>;

/** What administrators are told when an alert is held: stored with its record, once for each time that it is held. */
export function heldNotification(alert: TellableAlert, { code, reason }: { code: string; reason: string }, time: number): Notification {
  return {
    kind: 'alert.held', key: `alert.held:${alert._id}:${time}`, title: `An alert waits: ${alertName(alert)} on ${alert.application}`,
    text: `${reason} Until then nothing is done. Decide with POST /api/v1/alerts/${alert._id}/release or /reject (right approve).`, ...aboutAlert(alert, code),
  };
}

/** What administrators are told when an alert could not be mitigated, or only in part. */
export function failedNotification(alert: TellableAlert, { code, reason }: { code: string | null; reason: string | null }): Notification {
  return {
    kind: 'alert.failed', key: `alert.failed:${alert._id}`, title: `An alert failed: ${alertName(alert)} on ${alert.application}`,
    text: `${reason ?? 'It could not be mitigated.'} What was done and what was not: GET /api/v1/alerts/${alert._id}.`, ...aboutAlert(alert, code ?? 'failed'),
  };
}

function aboutAlert(alert: TellableAlert, code: string): Pick<Notification, 'facts' | 'subject'> {
  const { _id, type, application, nativeId, level } = alert;
  return { facts: { alertId: _id, code, type, application, level, ...(nativeId === null ? {} : { account: nativeId }) }, subject: { kind: 'alert', id: _id, name: alertName(alert) } };
}

function alertObjects(alert: AlertDocument): EventObject[] {
  return [
    { kind: 'application', id: alert.application, name: alert.application },
    ...(alert.nativeId === null ? [] : [{ kind: 'account', id: alert.nativeId, name: alert.nativeId, application: alert.application }]),
    ...(alert.groupName === null ? [] : [{ kind: 'entitlement', id: alert.groupName, name: alert.groupName, attribute: alert.groupType, value: alert.groupName }]),
    ...(alert.identityId === null ? [] : [{ kind: 'identity', id: alert.identityId, ...(alert.identityName === null ? {} : { name: alert.identityName }) }]),
  ];
}
