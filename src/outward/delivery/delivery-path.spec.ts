import { describe, expect, it } from '@jest/globals';
import { testIntegration } from '../../../test/support/engine.js';
import { wantsType } from '../../model/integration.js';
import { deliveryPathOf } from './delivery-path.js';

describe('the way to a receiver', () => {
  it('is there for settings that can be used', () => {
    const path = deliveryPathOf(testIntegration('one', { serverUrl: 'tcp://siem.example:6514', port: 6514, protocol: 'tls', framing: 'octet-counting' }), 'host');
    expect(path).toMatchObject({ target: { host: 'siem.example', port: 6514, protocol: 'tls', tls: { verify: true } }, shape: { framing: 'octet-counting' } });
  });

  it('names whose settings it uses and their version, so that what a receiver does for others says nothing about them', () => {
    expect(deliveryPathOf({ ...testIntegration('one', {}), version: 7 }, 'host')).toMatchObject({ target: { of: 'one:7' } });
  });

  it('is never taken without a secret that cannot be opened', () => {
    for (const protocol of ['tls', 'tcp'] as const) {
      const path = deliveryPathOf({ ...testIntegration('one', { protocol }), secretsUnreadable: 'connection.tls.key cannot be read' }, 'host');
      expect(path).toMatchObject({ code: 'settings-invalid', cause: 'connection.tls.key cannot be read', needsPerson: true });
      expect(path).not.toHaveProperty('target');
    }
  });

  it('is a fault with its cause where the stored settings cannot be used', () => {
    expect(deliveryPathOf(testIntegration('one', { serverUrl: 'tcp://a/b?c' }), 'host')).toMatchObject({ code: 'settings-invalid', cause: expect.stringContaining('names no host'), needsPerson: true });
    const zone = testIntegration('one', { header: 'rfc3164' });
    expect(deliveryPathOf({ ...zone, output: { ...zone.output, timeZone: 'No/Where' } }, 'host')).toHaveProperty('needsPerson', true);
  });
});

describe('a filter of event types', () => {
  it.each([
    [[], 'account.disabled', true],
    [['account.disabled'], 'account.disabled', true],
    [['account.disabled'], 'account.disabled.more', false],
    [['account.*'], 'account.disabled', true],
    [['account.*'], 'account', false],
    [['account.*'], 'accounts.disabled', false],
    [['audit.*'], 'audit.anything-new.was.made', true],
    [['*'], 'whatever', true],
    [['siem.*', 'account.owner.*'], 'account.owner.changed', true],
  ] as const)('%j and %s: %s', (types, type, wanted) => {
    expect(wantsType(types, type)).toBe(wanted);
  });
});
