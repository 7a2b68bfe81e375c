import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatSettings } from '../../../test/support/format-settings.js';
import { testIntegration } from '../../../test/support/engine.js';
import type { AuditEvent } from '../../model/audit-event.js';
import { maskRule, REDACTED, type MaskSettings } from '../../model/event-mask.js';
import { OUTPUT_HEADERS, OUTPUT_TYPES, outputSection } from '../../model/integration.js';
import { SAMPLE_TYPES, sampleEvent } from '../../model/sample-events.js';
import { formatFor } from '../formats/index.js';
import { rendererOf } from './delivery-path.js';
import { compileView, maskFault, renderView } from './event-mask.js';

const KEY = 'a key of the tests, long enough';
const settings = (mask: Array<[string, 'drop' | 'redact' | 'hash']>, more: Partial<MaskSettings> = {}): MaskSettings => ({ mask: mask.map(([field, action]) => ({ field, action })), hashKey: KEY, extraFields: [], ...more });
const seen = (event: AuditEvent, mask: Array<[string, 'drop' | 'redact' | 'hash']>, more: Partial<MaskSettings> = {}) => compileView(settings(mask, more))?.(event) ?? event;

/** So that a change of the shared event throws. */
function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(frozen);
  return value;
}

/** The places that can hold a secret, and how it gets there. */
const PLACES: ReadonlyArray<{ field: string; put: (event: AuditEvent, secret: string) => AuditEvent }> = [
  { field: 'actor.name', put: (event, secret) => ({ ...event, actor: { ...event.actor, name: secret } }) },
  { field: 'actor.*', put: (event, secret) => ({ ...event, actor: { ...event.actor, id: secret } }) },
  { field: 'actor.ip', put: (event, secret) => ({ ...event, actor: { ...event.actor, ip: secret } }) },
  { field: 'subject.name', put: (event, secret) => ({ ...event, subject: { ...event.subject, name: secret } }) },
  { field: 'subject.*', put: (event, secret) => ({ ...event, subject: { ...event.subject, mail: [{ deep: secret }] } }) },
  { field: 'objects.name', put: (event, secret) => ({ ...event, objects: [{ kind: 'user', id: 'x', name: secret }, { kind: 'account', id: 'y', name: secret }] }) },
  { field: 'attributes.domain', put: (event, secret) => ({ ...event, attributes: { ...event.attributes, domain: secret } }) },
  { field: 'attributes.*', put: (event, secret) => ({ ...event, attributes: { ...event.attributes, items: [secret, 'b'], owner: secret } }) },
  { field: 'attributes[a.b].c', put: (event, secret) => ({ ...event, attributes: { ...event.attributes, 'a.b': { c: secret } } }) },
  { field: 'changes[owner].new', put: (event, secret) => ({ ...event, changes: [{ field: 'owner', old: 'x', new: [secret, 'z'] }] }) },
  { field: 'changes[mail]', put: (event, secret) => ({ ...event, changes: [{ field: 'mail', old: secret, new: { x: secret } }] }) },
  { field: 'changes', put: (event, secret) => ({ ...event, changes: [{ field: 'state', old: secret }, { field: 'b', new: secret }] }) },
  { field: 'tenantId', put: (event, secret) => ({ ...event, tenantId: secret }) },
  { field: 'correlationId', put: (event, secret) => ({ ...event, correlationId: secret }) },
  { field: 'reason', put: (event, secret) => ({ ...event, outcome: 'failure', reason: secret }) },
];

describe('a mask', () => {
  it('leaves no octet of what it hides in any rendering, whatever the format, the type and the message, and never changes the event', () => {
    const secretText = fc.stringMatching(/^[A-Za-z0-9@._ -]{1,20}$/).map((text) => `Q7x${text.trim()}W9`);
    fc.assert(
      fc.property(
        fc.constantFrom(...SAMPLE_TYPES), fc.uniqueArray(fc.tuple(fc.constantFrom(...PLACES), fc.constantFrom<'drop' | 'redact' | 'hash'>('drop', 'redact', 'hash'), secretText), { minLength: 1, maxLength: 4, selector: ([{ field }]) => field.split(/[.[]/)[0] }),
        fc.constantFrom('template', 'own', 'upper'),
        (type, masks, wording) => {
          let event = sampleEvent(type);
          for (const [place, , secret] of masks) event = place.put(event, secret);
          const secrets = masks.map(([, , secret]) => secret);
          if (wording !== 'template') event = { ...event, message: `What ${secrets.map((secret) => (wording === 'upper' ? secret.toUpperCase() : secret)).join(' and ')} did`, reason: event.reason ?? `refused for ${secrets[0] ?? ''}` };
          frozen(event);
          const view = compileView(settings(masks.map(([{ field }, action]) => [field, action])));
          for (const outputType of OUTPUT_TYPES) {
            for (const header of OUTPUT_HEADERS[outputType]) {
              const rendered = renderView(formatFor(outputType).compile(formatSettings({ outputType, header, maxBytes: 65_536 })), view).render(event, '0.1');
              if (rendered.type === 'reject') throw new Error(`${outputType}: ${rendered.reason}`);
              const text = (rendered.type === 'parts' ? rendered.texts.join('\n') : rendered.text).toLowerCase();
              for (const secret of secrets) expect(text).not.toContain(secret.toLowerCase());
              expect(text).toContain(event.id);
            }
          }
        },
      ),
      { numRuns: 300, seed: 20261128 },
    );
  });

  it('drops, redacts and hashes in the named places and leaves all others', () => {
    const event = frozen({ ...sampleEvent('account.owner.changed'), attributes: { domain: 'corp', added: ['bob', 'eve'], more: { deep: 1, other: true } } });
    const view = seen(event, [['actor.ip', 'drop'], ['subject.name', 'redact'], ['attributes.added', 'hash'], ['attributes.more.deep', 'redact'], ['objects.name', 'drop'], ['changes[owner].old', 'drop']]);
    expect(view).toMatchObject({ id: event.id, type: event.type, actor: { name: 'ann.keller' }, subject: { id: 'acc-7001', name: REDACTED, domain: 'corp.example.com' }, changes: [{ field: 'owner', new: ['bob.ortiz'] }] });
    expect(view.actor).not.toHaveProperty('ip');
    expect(view.changes[0]).not.toHaveProperty('old');
    expect(view.objects.map(Object.keys)).toEqual([['kind', 'id'], ['kind', 'id']]);
    expect(view.attributes).toEqual({ domain: 'corp', added: [expect.stringMatching(/^hmac-[0-9a-f]{32}$/), expect.stringMatching(/^hmac-[0-9a-f]{32}$/)], more: { deep: REDACTED, other: true } });
  });

  it('hashes equal values alike in every field under one key, and otherwise under another', () => {
    const event = { ...sampleEvent('account.owner.changed'), subject: { kind: 'user', id: '1', name: 'ann.keller' } };
    const hashed = seen(event, [['actor.name', 'hash'], ['subject.name', 'hash']]);
    expect(hashed.actor.name).toBe(hashed.subject.name);
    expect(hashed.actor.name).not.toBe(seen(event, [['actor.name', 'hash']], { hashKey: 'another key, long enough' }).actor.name);
  });

  it('makes a message of our own again from what is left, and takes the hidden out of a producer\'s', () => {
    const event = sampleEvent('account.provisioned');
    expect(event.message).toContain('svc-backup');
    expect(seen(event, [['subject.name', 'redact']]).message).toBe(event.message.replace('svc-backup', REDACTED));
    expect(seen({ ...event, message: 'I made svc-backup for you' }, [['subject.name', 'drop']]).message).toBe(`I made ${REDACTED} for you`);
    expect(seen({ ...event, message: 'I made SVC-Backup for you' }, [['subject.name', 'drop']]).message).toBe(REDACTED);
    expect(seen({ ...event, message: 'nothing of it here' }, [['subject.name', 'drop']]).message).toBe('nothing of it here');
  });

  it('costs nothing where none is set', () => {
    const renderer = { render: () => ({ type: 'rendered' as const, text: 'x', shortened: false }) };
    const view = compileView(settings([]));
    expect(view).toBeNull();
    expect(renderView(renderer, view)).toBe(renderer);
  });

  it('adds constant fields to the attributes, over those of the event', () => {
    expect(seen(sampleEvent('account.provisioned'), [], { extraFields: [{ name: 'site', value: 'Vienna' }, { name: 'domain', value: 'ours' }] }).attributes).toMatchObject({ site: 'Vienna', domain: 'ours', request: 'REQ-2041' });
  });

  it.each(OUTPUT_TYPES)('shows constant fields in %s, also where the event is shortened, and in every part of a split one', (outputType) => {
    const event = { ...sampleEvent('account.provisioned'), message: 'word '.repeat(180) };
    for (const header of OUTPUT_HEADERS[outputType]) {
      for (const oversize of ['shorten', 'split'] as const) {
        for (const maxBytes of [outputType === 'ocsf' || outputType === 'ecs' ? 2048 : 1400, 65_536]) {
          const integration = testIntegration('one', { outputType, header, output: outputSection.parse({ maxBytes, oversize, extraFields: [{ name: 'site', value: 'Vienna' }] }) });
          const rendered = rendererOf(integration, 'host').renderer.render(event, '0.1');
          if (rendered.type === 'reject') throw new Error(`${outputType}: ${rendered.reason}`);
          const texts = rendered.type === 'parts' ? rendered.texts : [rendered.text];
          const holds = (text: string) => /extraSite="?Vienna|"site":"Vienna"/.test(text);
          // JSON formats have it where the attributes are: in one of the parts.
          expect(['syslog', 'cef', 'leef'].includes(outputType) ? texts.every(holds) : texts.some(holds)).toBe(true);
        }
      }
    }
  });

  it('lets no constant field break a record', () => {
    const value = 'a|b=c\\d]"e CEF:0|x';
    const text = (outputType: 'syslog' | 'cef' | 'leef') => {
      const rendered = rendererOf(testIntegration('one', { outputType, header: 'rfc5424', output: outputSection.parse({ extraFields: [{ name: 'site', value }] }) }), 'host').renderer.render(sampleEvent('account.provisioned'), '0.1');
      return rendered.type === 'rendered' ? rendered.text : '';
    };
    expect(text('cef')).toContain('extraSite=a|b\\=c\\\\d]"e ');
    expect(text('leef')).toContain('\textraSite=a|b=c\\d]"e ');
    expect(text('syslog')).toContain(' extraSite="a_b=c_d__e CEF_0_x"');
  });

  it.each(['id', 'type', 'occurredAt', 'severity', 'outcome', 'actor.kind', 'subject.kind', 'objects.kind', 'changes.field', 'subject', 'sequence', 'actor.mail'])('cannot be about %s', (field) => {
    expect(maskFault(maskRule.parse({ field, action: 'drop' }))).toBeDefined();
  });

  it.each(['subject.*', 'actor.*', 'objects.*'] as const)('leaves %s with its kind, and things with an id', (field) => {
    const event = sampleEvent('account.owner.changed');
    const view = seen(event, [[field, 'drop']]);
    expect(view.subject).toMatchObject({ kind: 'account', id: 'acc-7001' });
    expect(view.actor.kind).toBe('user');
    expect(view.objects.map(({ kind, id }) => [kind, id])).toEqual(event.objects.map(({ kind, id }) => [kind, id]));
  });
});

describe('the shape of an integration', () => {
  const key = (output: object) => rendererOf(testIntegration('one', { output: outputSection.parse(output) }), 'host').shape.key;

  it('is shared by equal masks and by no other', () => {
    const mask = [{ field: 'actor.ip', action: 'hash' }];
    expect(key({ mask, hashKey: KEY })).toBe(key({ mask, hashKey: KEY }));
    expect(new Set([key({}), key({ mask, hashKey: KEY }), key({ mask, hashKey: `${KEY}2` }), key({ mask: [{ field: 'actor.ip', action: 'drop' }] }), key({ extraFields: [{ name: 'a', value: 'b' }] })]).size).toBe(5);
    expect(key({ mask, hashKey: KEY })).not.toContain(KEY);
    expect(key({ hashKey: KEY })).toBe(key({}));
  });
});
