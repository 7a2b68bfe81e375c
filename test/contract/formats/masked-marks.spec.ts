import { describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '../../../src/model/audit-event.js';
import { MASK_ACTIONS, type MaskRule } from '../../../src/model/event-mask.js';
import { compileView, maskFault, renderView } from '../../../src/outward/delivery/event-mask.js';
import { FORMATS } from '../../../src/outward/formats/index.js';
import { formatSettings } from '../../support/format-settings.js';
import { oneRecord } from '../../support/one-record.js';
import { parseRecord } from '../../support/parsers/record.js';
import { sampleEvent } from '../../support/sample-events.js';
import { markOf } from '../../support/replay-mark.js';

const REPLAY = '01955f8c-5879-7c3e-8a51-00000000abcd';
const KEY = 'sixteen characters or more';
const cases = FORMATS.flatMap((format) => format.headers.map((header) => ({ format, header, name: `${format.outputType} behind ${header}` })));
const marked = (event: AuditEvent): AuditEvent => ({ ...event, attributes: { ...event.attributes, replay: REPLAY } });

/** Every path into the event, its wildcards included, with every action. */
const RULES: MaskRule[] = [
  'id', 'type', 'occurredAt', 'receivedAt', 'tenantId', 'outcome', 'reason', 'correlationId', 'severity', 'message', 'actor', 'actor.id', 'actor.name', 'actor.ip', 'actor.kind', 'actor.*', 'subject', 'subject.id', 'subject.name', 'subject.kind', 'subject.*',
  'objects', 'objects.id', 'objects.name', 'objects.*', 'changes', 'changes.old', 'changes.new', 'changes.*', 'changes[owner]', 'changes[*].new', 'attributes', 'attributes.*', 'attributes.domain', 'attributes.replay', 'attributes[replay]', 'attributes.*.x', 'attributes.replay.x',
].flatMap((field) => MASK_ACTIONS.map((action) => ({ field, action })));
const allowed = RULES.filter((rule) => maskFault(rule) === undefined);
const refused = RULES.filter((rule) => maskFault(rule) !== undefined);

describe('what receivers tell repeats by', () => {
  it('cannot be named by a rule: each is refused with the field', () => {
    for (const field of ['id', 'attributes.replay', 'attributes[replay]', 'attributes.replay.x']) {
      for (const action of MASK_ACTIONS) expect(maskFault({ field, action })).toMatch(new RegExp(`^${field.replace(/[.[\]]/g, '\\$&')} stays as it is`));
    }
    expect(allowed.length).toBeGreaterThan(60);
    expect(refused.some(({ field }) => field === 'attributes.*')).toBe(false);
  });

  describe.each(cases)('$name', ({ format, header }) => {
    const record = (mask: MaskRule[], extraFields: Array<{ name: string; value: string }> = []) => {
      const view = compileView({ mask, hashKey: KEY, extraFields });
      const renderer = renderView(format.compile(formatSettings({ outputType: format.outputType, header })), view);
      return parseRecord(Buffer.from(oneRecord(renderer.render(marked(sampleEvent('account.owner.changed')), '3.1042')).text), format.outputType, header);
    };

    it('keeps id, sequence and the mark of a replay under each rule that may be, and under all of them', () => {
      for (const mask of [...allowed.map((rule) => [rule]), allowed.filter(({ action }) => action === 'drop'), allowed.filter(({ action }) => action === 'hash')]) {
        const seen = record(mask);
        expect([mask.map(({ field, action }) => `${action} ${field}`), seen.id, seen.sequence, markOf(seen)]).toEqual([expect.anything(), sampleEvent('account.owner.changed').id, '3.1042', REPLAY]);
      }
    });

    it('keeps the mark also where stored settings give a constant field its name', () => {
      expect(markOf(record([], [{ name: 'replay', value: 'never' }]))).toBe(REPLAY);
    });
  });

  it('hides what a producer wrote in the place of the mark like any other attribute', () => {
    const view = compileView({ mask: [{ field: 'attributes.*', action: 'redact' }], extraFields: [] });
    const event = sampleEvent('account.owner.changed');
    expect(view?.({ ...event, attributes: { replay: 'a secret of the producer' } }).attributes).toEqual({ replay: '[redacted]' });
  });
});
