import { describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../contracts/clock.js';
import { ALERT_TYPES, type AlertType } from '../../../model/alert.js';
import { toDocument } from '../../../platform/audit/audit-record.schema.js';
import { accountRecord, alertRecord, type TargetEnd } from '../../processor/alert-audit.js';
import type { MitigationTargetDocument } from '../../processor/mitigation-target.schema.js';
import type { AlertDocument } from '../alert.schema.js';
import { auditEventElement } from './audit-event-element.js';

/** The record with which the processor closes an alert, as the feed shows it. */
function closed(type: AlertType, action: 'disable' | 'delete' = 'disable') {
  const { needs, target } = ALERT_TYPES[type];
  const needed = (name: string, value: string) => ((needs as readonly string[]).includes(name) ? value : null);
  const owner = target === 'identity' ? { identityId: 'i-1', identityName: 'jane' } : { identityId: null, identityName: null };
  const alert = { _id: 'a-1', type, action, level: 'high', application: 'Active Directory', nativeId: needed('native_id', 'Jane.Doe'), groupName: needed('group_name', 'group1'), groupType: needed('group_type', 'memberOf'), ...owner } as AlertDocument;
  return auditEventElement(toDocument(alertRecord('processed', alert, { outcome: 'success' }, systemClock), new Date()), 1);
}

describe('a mitigation in the audit-events feed', () => {
  it.each([
    ['identity/account', 'disable'], ['identity/accounts', 'disable'], ['application/accounts', 'disable'],
    ['identity/entitlement', 'Remove'], ['identity/entitlements', 'Remove'], ['identity/entitlements-all', 'Remove'], ['application/group', 'Remove'],
    ['identity/password', 'Password'], ['identity/passwords', 'Password'],
    ['identity/certify', 'Certify'], ['identity/certify-all', 'Certify'], ['application/certify-group', 'Certify'], ['application/certify-all', 'Certify'],
  ] as const)('of %s has the type and the operation in the words of the original', (type, operation) => {
    expect(closed(type)).toMatchObject({ action: 'siemProvisioning', application: 'Active Directory', trackingId: 'a-1', string1: type, string2: `SIEM Operation: ${operation}` });
  });

  it('names the action that was asked for', () => {
    expect(closed('application/accounts', 'delete').string2).toBe('SIEM Operation: delete');
  });

  it('names owner and account of an alert about somebody, and nobody of one about an application', () => {
    expect(closed('identity/account')).toMatchObject({ target: 'jane', accountName: 'Jane.Doe', attributeName: '', attributeValue: '' });
    expect(closed('application/accounts')).toMatchObject({ target: '', accountName: '' });
  });

  it('shows each account of an alert about an application as a mitigation of its own, under the name of nobody', () => {
    const alert = { _id: 'a-1', type: 'application/group', action: 'disable', level: 'high', application: 'Active Directory', nativeId: null, groupName: 'group1', groupType: 'memberOf', identityId: null, identityName: null } as AlertDocument;
    const target = { application: 'Active Directory', nativeId: 'Jane.Doe', accountId: 'acc-1', identityId: 'i-1', entitlement: { attribute: 'memberOf', value: 'group1' } } as MitigationTargetDocument;
    const element = (end: TargetEnd) => {
      const record = accountRecord(alert, target, end, systemClock);
      return record && auditEventElement(toDocument(record, new Date()), 1);
    };
    expect(element({ state: 'done' })).toMatchObject({
      action: 'siemProvisioning', target: '', application: 'Active Directory', accountName: 'Jane.Doe', attributeName: 'memberOf', attributeValue: 'group1', trackingId: 'a-1',
      string1: 'application/group', string2: 'SIEM Operation: Remove', string3: 'success',
    });
    expect(element({ state: 'not-confirmed', code: 'timeout', reason: 'No answer' })).toMatchObject({ action: 'siemProvisioning', string3: 'failure', string4: 'No answer' });
    expect(accountRecord({ ...alert, type: 'identity/entitlement' }, target, { state: 'done' }, systemClock)).toBeUndefined();
    expect(accountRecord(alert, { ...target, nativeId: null }, { state: 'done' }, systemClock)).toBeUndefined();
  });

  it('has the type of a group as the name of the attribute and the group as its value', () => {
    for (const type of ['identity/entitlement', 'application/group'] as const) expect(closed(type)).toMatchObject({ attributeName: 'memberOf', attributeValue: 'group1' });
  });
});
