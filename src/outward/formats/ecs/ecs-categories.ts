import type { EventType } from '../../../model/event-types.js';

/** `event.category` and `event.type` of an event type, in the words that ECS allows together. */
export interface EcsKind {
  category: readonly string[];
  type: readonly string[];
}

const iam = (...type: string[]): EcsKind => ({ category: ['iam'], type });
const configuration = (...type: string[]): EcsKind => ({ category: ['configuration'], type });

const BY_TYPE: Readonly<Record<string, EcsKind>> = {
  'account.owner.changed': iam('user', 'change'),
  'account.provisioned': iam('user', 'creation'),
  'account.renewal.required': iam('user', 'info'),
  'account.secret.changed': iam('user', 'change'),
  'account.eol.scheduled': iam('user', 'info'),
  'group.external.disabled': iam('group', 'change'),
  'user.external.detected': iam('user', 'info'),
  'user.synced.created': iam('user', 'creation'),
  'provision.approval.changed': iam('admin', 'info'),
  'provision.state.changed': iam('user', 'creation'),
  'provision.template.state.changed': { category: ['iam', 'configuration'], type: ['admin', 'change'] },
  'remoteworker.access.error': iam('admin', 'info'),
  'request.state.changed': iam('admin', 'change'),
  'user.adsync.disabled': iam('user', 'change'),
  'mitigation.alert.received': iam('admin', 'info'),
  'mitigation.alert.processed': iam('admin', 'change'),
  'mitigation.alert.failed': iam('admin', 'change'),
  'mitigation.account.processed': iam('admin', 'change'),
  'mitigation.account.failed': iam('admin', 'change'),
  'mitigation.alert.waiting': iam('admin', 'info'),
  'mitigation.alert.rejected': iam('admin', 'info'),
  'mitigation.alert.purged': iam('admin', 'deletion'),
  'siem.heartbeat': configuration('info'),
  'siem.state.changed': configuration('change'),
  'siem.retention.exceeded': configuration('info'),
  'siem.retention.warning': configuration('info'),
  'siem.test': configuration('info'),
};

const VERBS: Readonly<Record<string, string>> = { create: 'creation', add: 'change', delete: 'deletion', purge: 'deletion', read: 'info', export: 'info', test: 'info', call: 'info' };
const USERS = ['user', 'account', 'identity'];
const IDENTITY_OBJECTS = [...USERS, 'group', 'role', 'entitlement', 'request', 'campaign', 'alert', 'mitigation', 'tidegate-user', 'tidegate-token'];

export function ecsKindOf(type: EventType): EcsKind {
  if (type.group !== 'audit') return BY_TYPE[type.id] ?? iam('info');
  const [, object = '', verb = ''] = type.id.split('.');
  if (verb === 'logon') return { category: ['authentication'], type: ['start'] };
  if (verb === 'logoff') return { category: ['authentication'], type: ['end'] };
  const change = VERBS[verb] ?? 'change';
  if (USERS.includes(object)) return iam('user', change);
  if (object === 'group') return iam('group', change);
  return IDENTITY_OBJECTS.includes(object) ? iam('admin', change) : configuration(change);
}
