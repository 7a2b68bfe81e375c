import { describe, expect, it } from '@jest/globals';
import { EVENT_TYPES, eventTypeOf, type EventType } from './event-types.js';
import type { JsonValue } from './json.js';
import { messageOf, type MessageParts } from './message-template.js';

const type = (id: string): EventType => {
  const found = eventTypeOf(id);
  if (!found) throw new Error(`no type ${id}`);
  return found;
};
const account = { kind: 'account', id: 'a-1', name: 'jdoe' };
const domain = { kind: 'domain', id: 'd-1', name: 'corp.example.com' };

describe('messageOf', () => {
  it('fills the template with the values of the event', () => {
    expect(messageOf(type('account.provisioned'), { subject: account, attributes: { domain: 'corp', request: 'REQ-7' } })).toBe('Account jdoe was provisioned in corp (request REQ-7)');
    expect(messageOf(type('account.renewal.required'), { subject: account, attributes: { dueDate: '2025-02-01T00:00:00Z', days: 14 } })).toBe('Account jdoe is up for renewal, due 2025-02-01 (14 days)');
    expect(messageOf(type('account.secret.changed'), { subject: account, changes: [{ field: 'secretId', old: 's-1', new: 's-2' }] })).toBe('The secret ID of account jdoe changed from s-1 to s-2');
    expect(messageOf(type('remoteworker.access.error'), { subject: { kind: 'worker', id: 'rw-1' }, outcome: 'failure', reason: 'LDAP 49', attributes: { domain: 'corp' } })).toBe('Remote worker rw-1 cannot access domain corp: LDAP 49');
  });

  it('leaves out a clause whose value is missing', () => {
    expect(messageOf(type('account.provisioned'), { subject: account, attributes: { domain: 'corp' } })).toBe('Account jdoe was provisioned in corp');
    expect(messageOf(type('account.renewal.required'), { subject: account, attributes: { dueDate: '2025-02-01T00:00:00Z' } })).toBe('Account jdoe is up for renewal, due 2025-02-01');
    expect(messageOf(type('siem.state.changed'), { subject: { kind: 'integration', id: 'i', name: 'Prod' }, changes: [{ field: 'state', new: 'down' }] })).toBe('Integration Prod changed to down');
  });

  it('tells owners added and removed, from the attributes or from the change', () => {
    const owners = type('account.owner.changed');
    expect(messageOf(owners, { subject: account, attributes: { added: ['ann', 'bob'], removed: [] } })).toBe('Owners of account jdoe changed: added ann, bob');
    expect(messageOf(owners, { subject: account, attributes: { removed: ['cy'] } })).toBe('Owners of account jdoe changed: removed cy');
    expect(messageOf(owners, { subject: account, changes: [{ field: 'owner', old: ['ann'], new: ['ann', 'bob'] }] })).toBe('Owners of account jdoe changed: added bob');
    expect(messageOf(owners, { subject: account })).toBe('Owners of account jdoe changed');
  });

  it('counts by the count, else by the items, and speaks of one thing in the singular', () => {
    expect(messageOf(type('group.external.disabled'), { subject: domain, attributes: { count: 12, items: ['a'] } })).toBe('12 groups of corp.example.com were disabled by the last domain sync');
    expect(messageOf(type('user.external.detected'), { subject: domain, attributes: { items: ['a'] } })).toBe('1 account in corp.example.com is not managed');
    expect(messageOf(type('user.adsync.disabled'), { subject: domain })).toBe('Some users of corp.example.com were disabled by the last Active Directory sync');
    expect(messageOf(type('account.eol.scheduled'), { subject: account, attributes: { action: 'disable', days: 1 } })).toBe('End of life action disable on account jdoe in 1 day');
  });

  it('says the new state when provisioning did not fail', () => {
    const parts: MessageParts = { subject: { kind: 'request', id: 'REQ-7' }, objects: [account], reason: 'quota', changes: [{ field: 'state', old: 'pending', new: 'done' }] };
    expect(messageOf(type('provision.state.changed'), { ...parts, outcome: 'failure' })).toBe('Provisioning request REQ-7 failed for jdoe: quota');
    expect(messageOf(type('provision.state.changed'), { ...parts, outcome: 'success' })).toBe('Provisioning request REQ-7 for jdoe changed from pending to done');
    expect(messageOf(type('provision.state.changed'), { subject: { kind: 'request', id: 'REQ-7' }, outcome: 'failure' })).toBe('Provisioning request REQ-7 failed');
  });

  it('does not claim a welcome mail that was not sent', () => {
    const user = { kind: 'user', id: 'u-1', name: 'Ann' };
    expect(messageOf(type('user.synced.created'), { subject: user, attributes: { mailOutcome: 'sent' } })).toBe('User Ann was added by sync and a welcome email was sent');
    expect(messageOf(type('user.synced.created'), { subject: user, attributes: { mailOutcome: 'bounced' } })).toBe('User Ann was added by sync; welcome email: bounced');
  });

  it('says that an audited act failed, and why', () => {
    const actor = { kind: 'user' as const, name: 'ann' };
    expect(messageOf(type('audit.user.create'), { actor, subject: { kind: 'user', id: 'u-1', name: 'Bob' }, outcome: 'success' })).toBe('ann create user Bob');
    expect(messageOf(type('audit.user.create'), { actor, subject: { kind: 'user', id: 'u-1', name: 'Bob' }, outcome: 'failure', reason: 'name taken' })).toBe('ann create user Bob failed: name taken');
  });

  it('stays one bounded line whatever the values are', () => {
    const message = messageOf(type('account.provisioned'), { subject: { kind: 'account', id: 'x', name: 'a\r\nb\u2028c' }, attributes: { domain: '😀'.repeat(40_000), request: '\ud800' } });
    expect(message).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
    expect(message.isWellFormed()).toBe(true);
    expect(message.length).toBeLessThan(400);
    expect(messageOf(type('account.owner.changed'), { subject: account, attributes: { added: Array.from({ length: 30 }, (_, index) => `u${index}`) } })).toMatch(/u9 and 20 more$/);
  });

  it('shows a plain value as it is and makes any other plain', () => {
    const shown = (name: JsonValue) => messageOf(type('account.provisioned'), { subject: account, attributes: { domain: name } });
    for (const name of ['a', 'a  b', '~', 'x'.repeat(256), 7, true]) expect(shown(name)).toBe(`Account jdoe was provisioned in ${String(name)}`);
    for (const name of [' a', 'a ', 'a\u007f', '\ta\n']) expect(shown(name)).toBe('Account jdoe was provisioned in a');
    expect(shown('x'.repeat(257))).toBe(`Account jdoe was provisioned in ${'x'.repeat(255)}…`);
    expect(shown('$& ')).toBe('Account jdoe was provisioned in $&');
    expect(shown(' ')).toBe('Account jdoe was provisioned');
  });

  it('leaves no placeholder open for any type, with nothing but a subject', () => {
    for (const each of [...EVENT_TYPES, type('audit.user.delete')]) {
      expect(messageOf(each, { subject: { kind: each.subjectKind, id: 'x-1' } })).not.toMatch(/[{}]|\(unnamed\)|undefined/);
    }
  });
});
