import type { AuditEvent, EventObject } from '../../../model/audit-event.js';
import type { EventType } from '../../../model/event-types.js';
import { textOf } from '../shared/event-meaning.js';
import type { OcsfActivity } from './ocsf-classes.js';

/** Which class and activity each event type is. The rest is by object and verb of an audit record. */

const other = (className: OcsfActivity['in'], name: string): OcsfActivity => ({ in: className, id: 99, name });
const entity = (id: number): OcsfActivity => ({ in: 'entity', id });

const BY_TYPE: Readonly<Record<string, OcsfActivity>> = {
  'account.owner.changed': entity(3),
  'account.provisioned': { in: 'account', id: 1 },
  'account.renewal.required': other('account', 'Renewal Required'),
  // Only the reference to the vault moves: no password change.
  'account.secret.changed': entity(3),
  'account.eol.scheduled': other('account', 'End of Life Scheduled'),
  // 3006 has no Disable.
  'group.external.disabled': entity(9),
  'user.external.detected': { in: 'inventory', id: 2 },
  'user.synced.created': { in: 'account', id: 1 },
  'provision.approval.changed': entity(3),
  'provision.state.changed': { in: 'account', id: 1 },
  'provision.template.state.changed': entity(3),
  'remoteworker.access.error': { in: 'error', id: 1 },
  'request.state.changed': entity(3),
  'user.adsync.disabled': entity(9),
  'mitigation.alert.received': entity(1),
  'mitigation.alert.processed': other('entity', 'Mitigate'),
  'mitigation.alert.failed': other('entity', 'Mitigate'),
  'mitigation.account.processed': other('entity', 'Mitigate'),
  'mitigation.account.failed': other('entity', 'Mitigate'),
  'mitigation.alert.waiting': other('entity', 'Wait for Approval'),
  'mitigation.alert.rejected': other('entity', 'Reject'),
  'mitigation.alert.purged': entity(4),
  'siem.heartbeat': other('base', 'Heartbeat'),
  'siem.state.changed': entity(3),
  'siem.retention.exceeded': other('base', 'Retention Exceeded'),
  'siem.retention.warning': other('base', 'Retention Warning'),
  'siem.test': other('base', 'Test'),
};

const ACCOUNT_VERBS: Readonly<Record<string, number>> = { create: 1, enable: 2, password: 3, disable: 5, delete: 6, lock: 9, unlock: 12 };
const GROUP_VERBS: Readonly<Record<string, number>> = { grant: 1, revoke: 2, add: 3, remove: 4, delete: 5, create: 6 };
const ENTITY_VERBS: Readonly<Record<string, number>> = { create: 1, read: 2, update: 3, delete: 4, move: 5, enable: 8, disable: 9 };
const API_VERBS: Readonly<Record<string, number>> = { create: 1, read: 2, update: 3, delete: 4 };
const ACCOUNTS = ['user', 'account', 'identity'];

/** @param target the account or user that the event is about, if any: classes that need a user are not for events without one. */
export function activityOf(event: AuditEvent, type: EventType, target: EventObject | undefined): OcsfActivity {
  if (type.group === 'audit') return auditActivity(type.id, target);
  const known = BY_TYPE[type.id] ?? other('base', type.name);
  if (known.in === 'account' && target === undefined) return known.name === undefined ? entity(3) : other('entity', known.name);
  return type.id === 'provision.template.state.changed' ? templateActivity(event) : known;
}

function templateActivity(event: AuditEvent): OcsfActivity {
  const state = textOf(event.changes.find(({ field }) => field === 'state')?.new)?.toLowerCase();
  return state === 'enabled' ? entity(8) : state === 'disabled' ? entity(9) : entity(3);
}

function auditActivity(id: string, target: EventObject | undefined): OcsfActivity {
  const [, object = '', verb = ''] = id.split('.');
  if (verb === 'logon' || verb === 'logoff') return { in: 'authentication', id: verb === 'logon' ? 1 : 2 };
  if (object === 'api') return numbered('api', API_VERBS, verb);
  if (object === 'group' && GROUP_VERBS[verb] !== undefined) return numbered('group', GROUP_VERBS, verb);
  if (target !== undefined && (verb === 'grant' || verb === 'revoke')) return { in: 'access', id: verb === 'grant' ? 1 : 2 };
  if (target !== undefined && ACCOUNTS.includes(object) && ACCOUNT_VERBS[verb] !== undefined) return numbered('account', ACCOUNT_VERBS, verb);
  return numbered('entity', ENTITY_VERBS, verb);
}

function numbered(className: OcsfActivity['in'], verbs: Readonly<Record<string, number>>, verb: string): OcsfActivity {
  const id = verbs[verb];
  return id === undefined ? other(className, verb === '' ? 'Other' : `${verb.charAt(0).toUpperCase()}${verb.slice(1)}`) : { in: className, id };
}
