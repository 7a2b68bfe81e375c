import { describe, expect, it } from '@jest/globals';
import { encodeEnvelope } from '../../model/event-envelope.js';
import { OUTPUT_TYPES, outputSection, type Integration } from '../../model/integration.js';
import { sampleEvent } from '../../model/sample-events.js';
import { testIntegration } from '../../../test/support/engine.js';
import { rendererOf } from './delivery-path.js';
import { EventBatch } from './event-batch.js';
import { formOf } from './rendered-form.js';

const batchOf = (event: object) => EventBatch.parse({ partition: 3, records: [{ partition: 3, offset: 7, key: 'k', timestamp: 1, value: encodeEnvelope({ event: { ...sampleEvent('account.owner.changed'), ...event }, producer: 'test', source: '/test' }) }], next: 8 });
const form = (more: Partial<Integration>, event: object = {}) => formOf(rendererOf(testIntegration('one', more), 'gate-1'), batchOf(event), 0);

describe('what is kept of an event that cannot be sent', () => {
  it.each(OUTPUT_TYPES)('is the message as %s would have it', (outputType) => {
    const settings = { outputType, header: 'none' as const };
    const renderer = rendererOf(testIntegration('one', settings), 'gate-1').renderer;
    const sent = renderer.render(sampleEvent('account.owner.changed'), '3.7');
    expect(form(settings)).toEqual({ event: sampleEvent('account.owner.changed'), rendered: sent.type === 'rendered' ? sent.text : 'was not rendered' });
  });

  it('is the whole message where it was refused for its length', () => {
    const settings = { outputType: 'syslog' as const, header: 'rfc5424' as const, output: outputSection.parse({ maxBytes: 600, oversize: 'reject' }) };
    const { rendered } = form(settings, { message: 'x'.repeat(3000) });
    expect(rendered).toMatch(/^<\d+>1 .* gate-1 tidegate - account\.owner\.changed \[/);
    expect(rendered).toContain('x'.repeat(3000));
    expect(rendered).toContain('3.7');
  });

  it('is every part of a message that is split', () => {
    const settings = { outputType: 'syslog' as const, header: 'rfc5424' as const, output: outputSection.parse({ maxBytes: 600, oversize: 'split' }) };
    expect((form(settings, { message: 'word '.repeat(300) }).rendered ?? '').split('\n').length).toBeGreaterThan(1);
  });

  it('shows nothing that a mask hides', () => {
    const kept = form({ outputType: 'cef', header: 'none', output: outputSection.parse({ mask: [{ field: 'subject.name', action: 'redact' }] }) });
    expect(JSON.stringify(kept)).not.toContain('svc-backup');
    expect(kept.rendered).toContain('[redacted]');
  });

  it('is what the format alone makes of it, or the event alone where that cannot be', () => {
    const path = { ...rendererOf(testIntegration('one', { outputType: 'json', header: 'none' }), 'gate-1'), renderer: { render: () => { throw new TypeError('no'); } } };
    const broken = { ...path, shape: { ...path.shape, format: { ...path.shape.format, outputType: 'none' as never } } };
    expect(formOf(path, batchOf({}), 0).rendered).toContain('"type":"account.owner.changed"');
    expect(formOf(broken, batchOf({}), 0)).toMatchObject({ event: { type: 'account.owner.changed' }, rendered: null });
  });
});
