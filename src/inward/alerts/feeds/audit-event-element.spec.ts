import { describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../contracts/clock.js';
import { ALERT_TYPES, type AlertType } from '../../../model/alert.js';
import { toDocument } from '../../../platform/audit/audit-record.schema.js';
import { alertRecord } from '../../processor/alert-audit.js';
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

  it('has the type of a group as the name of the attribute and the group as its value', () => {
    for (const type of ['identity/entitlement', 'application/group'] as const) expect(closed(type)).toMatchObject({ attributeName: 'memberOf', attributeValue: 'group1' });
  });
});
