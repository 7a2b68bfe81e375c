import type { Actor, AuditEvent, EventObject } from './audit-event.js';
import { EVENT_TYPES, eventTypeOf } from './event-types.js';
import { messageOf } from './message-template.js';

/**
 * One realistic event of each type, with fixed times and ids: for the preview of an integration, the demo and the golden files. Pure data.
 */

type Sample = Partial<AuditEvent> & Pick<AuditEvent, 'subject'>;

const ann: Actor = { kind: 'user', id: 'u-1001', name: 'ann.keller', ip: '192.0.2.10' };
const bob: Actor = { kind: 'user', id: 'u-1002', name: 'bob.ortiz', ip: '2001:db8::17' };
const sync: Actor = { kind: 'system', name: 'domain-sync' };
const workflow: Actor = { kind: 'system', name: 'workflow' };
const administrator: Actor = { kind: 'user', id: 'admin', name: 'admin', ip: '127.0.0.1' };
const account: EventObject = { kind: 'account', id: 'acc-7001', name: 'svc-backup', domain: 'corp.example.com' };
const domain: EventObject = { kind: 'domain', id: 'dom-1', name: 'corp.example.com' };
const integration: EventObject = { kind: 'integration', id: 'int-1', name: 'Production SIEM' };
const alert: EventObject = { kind: 'alert', id: 'alert-3001', name: 'Impossible travel' };
const request: EventObject = { kind: 'request', id: 'REQ-2041', name: 'REQ-2041' };

const samples: Record<string, Sample> = {
  'account.owner.changed': {
    actor: ann, subject: account, objects: [{ kind: 'user', id: 'u-1002', name: 'bob.ortiz' }, { kind: 'user', id: 'u-1003', name: 'carla.diaz' }],
    attributes: { added: ['bob.ortiz'], removed: ['carla.diaz'], domain: 'corp.example.com' }, changes: [{ field: 'owner', old: ['carla.diaz'], new: ['bob.ortiz'] }],
  },
  'account.provisioned': {
    actor: workflow, subject: account, objects: [request, { kind: 'template', id: 'tpl-9', name: 'Service account' }],
    attributes: { domain: 'corp.example.com', request: 'REQ-2041', template: 'Service account', owner: 'bob.ortiz' }, correlationId: 'REQ-2041',
  },
  'account.renewal.required': {
    actor: { kind: 'system', name: 'renewal-check' }, subject: account, objects: [{ kind: 'user', id: 'u-1002', name: 'bob.ortiz' }],
    attributes: { dueDate: '2025-03-18T00:00:00.000Z', days: 14, owner: 'bob.ortiz', domain: 'corp.example.com' },
  },
  'account.secret.changed': { actor: bob, subject: account, attributes: { domain: 'corp.example.com' }, changes: [{ field: 'secretId', old: '4211', new: '4377' }] },
  'account.eol.scheduled': {
    actor: { kind: 'system', name: 'end-of-life' }, subject: account, attributes: { action: 'disable', days: 7, dueDate: '2025-03-11T00:00:00.000Z', domain: 'corp.example.com' },
  },
  'group.external.disabled': {
    actor: sync, subject: domain, objects: [{ kind: 'group', id: 'g-11', name: 'Backup Operators' }, { kind: 'group', id: 'g-12', name: 'VPN Users' }],
    attributes: { items: ['Backup Operators', 'VPN Users'], count: 2, domain: 'corp.example.com' },
  },
  'user.external.detected': { actor: sync, subject: domain, attributes: { items: ['svc-scan', 'tmp.admin', 'röntgen-01'], count: 3, domain: 'corp.example.com' } },
  'user.synced.created': {
    actor: { kind: 'system', name: 'user-sync' }, subject: { kind: 'user', id: 'u-1010', name: 'dora.lindström', mail: 'dora@example.com' }, objects: [domain],
    attributes: { domain: 'corp.example.com', mailOutcome: 'sent' },
  },
  'provision.approval.changed': {
    actor: workflow, subject: request, objects: [account], attributes: { step: 'Owner approval', approvers: ['bob.ortiz', 'eve.moss'], request: 'REQ-2041' }, correlationId: 'REQ-2041',
  },
  'provision.state.changed': {
    actor: workflow, subject: request, objects: [account], outcome: 'failure', reason: 'The directory refused the new entry: LDAP 53 unwilling to perform', attributes: { request: 'REQ-2041' },
    correlationId: 'REQ-2041', changes: [{ field: 'state', old: 'provisioning', new: 'failed' }],
  },
  'provision.template.state.changed': {
    actor: ann, subject: { kind: 'template', id: 'tpl-9', name: 'Service account' }, attributes: { template: 'Service account' }, changes: [{ field: 'state', old: 'draft', new: 'enabled' }],
  },
  'remoteworker.access.error': {
    actor: { kind: 'system', name: 'remote-worker' }, subject: { kind: 'worker', id: 'rw-3', name: 'rw-frankfurt' }, objects: [domain], outcome: 'failure', reason: 'The bind was refused: invalid credentials (49)',
    attributes: { domain: 'corp.example.com', errorCode: '49' },
  },
  'request.state.changed': {
    actor: bob, subject: request, objects: [{ kind: 'user', id: 'u-1001', name: 'ann.keller' }], attributes: { request: 'REQ-2041', requester: 'ann.keller' }, correlationId: 'REQ-2041',
    changes: [{ field: 'state', old: 'submitted', new: 'approved' }],
  },
  'user.adsync.disabled': {
    actor: { kind: 'system', name: 'ad-user-sync' }, subject: domain, objects: [{ kind: 'user', id: 'u-1020', name: 'finn.ash' }, { kind: 'user', id: 'u-1021', name: 'gina.roth' }],
    attributes: { items: ['finn.ash', 'gina.roth'], count: 2, domain: 'corp.example.com' },
  },
  'mitigation.alert.received': { actor: { kind: 'system', name: 'siem' }, subject: alert, correlationId: 'alert-3001', attributes: { action: 'disable accounts', count: 2 } },
  'mitigation.alert.processed': { actor: { kind: 'system', name: 'tidegate' }, subject: alert, objects: [account], correlationId: 'alert-3001', attributes: { action: 'disable accounts', count: 2 } },
  'mitigation.alert.failed': {
    actor: { kind: 'system', name: 'tidegate' }, subject: alert, objects: [account], correlationId: 'alert-3001', outcome: 'failure', reason: 'One of two accounts could not be disabled', attributes: { action: 'disable accounts', count: 2 },
  },
  'mitigation.alert.waiting': { actor: { kind: 'system', name: 'tidegate' }, subject: alert, correlationId: 'alert-3001', outcome: 'unknown', attributes: { action: 'delete accounts' } },
  'mitigation.alert.rejected': { actor: administrator, subject: alert, correlationId: 'alert-3001', outcome: 'failure', reason: 'The approver said no', attributes: { action: 'delete accounts' } },
  'mitigation.alert.purged': { actor: { kind: 'system', name: 'tidegate' }, subject: alert, correlationId: 'alert-3001' },
  'mitigation.account.processed': { actor: { kind: 'system', name: 'tidegate' }, subject: alert, objects: [account], correlationId: 'alert-3001', attributes: { action: 'disable accounts' } },
  'mitigation.account.failed': { actor: { kind: 'system', name: 'tidegate' }, subject: alert, objects: [account], correlationId: 'alert-3001', outcome: 'failure', reason: 'The domain controller refused the change', attributes: { action: 'disable accounts' } },
  'siem.heartbeat': { actor: { kind: 'system', name: 'tidegate' }, subject: integration, attributes: { count: 48210 } },
  'siem.state.changed': {
    actor: { kind: 'system', name: 'tidegate' }, subject: integration, outcome: 'failure', reason: 'connect to 192.0.2.50:6514 was refused', changes: [{ field: 'state', old: 'delivering', new: 'retrying' }],
  },
  'siem.retention.warning': { actor: { kind: 'system', name: 'tidegate' }, subject: integration, outcome: 'failure', attributes: { count: 340 } },
  'siem.retention.exceeded': { actor: { kind: 'system', name: 'tidegate' }, subject: integration, outcome: 'failure', attributes: { count: 1200 } },
  'siem.test': { actor: administrator, subject: integration },
  'audit.user.create': { actor: administrator, subject: { kind: 'user', id: 'u-1030', name: 'hugo.stein' }, changes: [{ field: 'mail', new: 'hugo@example.com' }, { field: 'enabled', new: true }] },
  'audit.group.add': { actor: ann, subject: { kind: 'group', id: 'g-11', name: 'Backup Operators' }, objects: [{ kind: 'user', id: 'u-1002', name: 'bob.ortiz' }] },
  'audit.user.logon': { actor: bob, subject: { kind: 'user', id: 'u-1002', name: 'bob.ortiz' }, outcome: 'failure', reason: 'The password is wrong' },
  'audit.integration.update': { actor: administrator, subject: integration, changes: [{ field: 'port', old: 514, new: 6514 }, { field: 'protocol', old: 'tcp', new: 'tls' }] },
};

/** The types that have a sample: the whole catalogue, then audit records of a few kinds. */
export const SAMPLE_TYPES: readonly string[] = [...EVENT_TYPES.map((type) => type.id), ...Object.keys(samples).filter((id) => id.startsWith('audit.'))];

/**
 * A realistic event of a type; the same one at every call, and free to be changed by the caller.
 * @throws RangeError when the catalogue does not know the type.
 */
export function sampleEvent(typeId: string): AuditEvent {
  const type = eventTypeOf(typeId);
  if (!type) throw new RangeError(`${typeId} is no event type of the catalogue`);
  const sample = structuredClone(samples[typeId] ?? { actor: administrator, subject: { kind: type.subjectKind, id: `${type.subjectKind}-1`, name: `Sample ${type.subjectKind}` } });
  const number = SAMPLE_TYPES.indexOf(typeId) + 1;
  const milliseconds = Date.UTC(2025, 2, 4, 5, 6, 7, 89) + number * 1000;
  const outcome = sample.outcome ?? 'success';
  return {
    // A UUIDv7 (RFC 9562, 5.7) of that time; the last digits tell the samples apart.
    id: `${milliseconds.toString(16).padStart(12, '0').replace(/^(.{8})/, '$1-')}-7c3e-8a51-${number.toString(16).padStart(12, '0')}`,
    type: typeId,
    occurredAt: new Date(milliseconds).toISOString(),
    receivedAt: new Date(milliseconds + 250).toISOString(),
    tenantId: 'acme',
    actor: sample.actor ?? { kind: 'system' },
    subject: sample.subject,
    objects: sample.objects ?? [],
    outcome,
    ...(sample.reason === undefined ? {} : { reason: sample.reason }),
    ...(sample.correlationId === undefined ? {} : { correlationId: sample.correlationId }),
    severity: outcome === 'failure' ? (type.failureSeverity ?? type.severity) : type.severity,
    message: messageOf(type, { ...sample, outcome }),
    attributes: sample.attributes ?? {},
    changes: sample.changes ?? [],
  };
}
