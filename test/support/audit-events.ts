import type { AuditEvent } from '../../src/model/audit-event.js';
import { sampleEvent } from './sample-events.js';

const OBJECTS = ['user', 'account', 'identity', 'group', 'role', 'api', 'session', 'setting', 'alert'];
const VERBS = ['create', 'read', 'update', 'delete', 'enable', 'disable', 'lock', 'unlock', 'password', 'logon', 'logoff', 'add', 'remove', 'grant', 'revoke', 'approve', 'move', 'call', 'unheard-of'];

/** Audit records of many kinds: every object with every verb, with and without a user that takes part, by a person and by a system, from an address, a name and nowhere. */
export const AUDIT_EVENTS: readonly AuditEvent[] = OBJECTS.flatMap((object, row) => VERBS.map((verb, column) => {
  const event = sampleEvent('audit.user.create');
  const number = row * VERBS.length + column;
  return {
    ...event,
    id: `audit-${number}`,
    type: `audit.${object}.${verb}`,
    subject: { kind: object, id: `${object}-7`, ...(number % 3 === 0 ? {} : { name: `The ${object}` }) },
    objects: number % 2 === 0 ? [] : [{ kind: 'user', id: 'u-77', name: 'ina.voss' }],
    actor: number % 4 === 0 ? { kind: 'system' } : number % 4 === 1 ? { kind: 'user', id: 'u-1', ip: '192.0.2.1' } : number % 4 === 2 ? { kind: 'user', name: 'ann', ip: 'workstation-7' } : { kind: 'system', name: 'sync', ip: 'fe80::1%eth0' },
  };
}));
