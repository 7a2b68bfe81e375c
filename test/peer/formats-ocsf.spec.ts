import { beforeAll, describe, expect, it } from '@jest/globals';
import { formatFor } from '../../src/outward/formats/index.js';
import { ocsfSection } from '../../src/model/format-sections.js';
import { formatSettings } from '../support/format-settings.js';
import { oneRecord } from '../support/one-record.js';
import { ocsfPython, type PeerParser } from '../support/peer-parsers.js';
import { parseWith } from '../support/peer-tools.js';
import { renderedCorpus } from '../support/rendered-corpus.js';
import { AUDIT_EVENTS } from '../support/audit-events.js';
import { hostileEvents } from '../support/hostile-events.js';
import { SAMPLE_TYPES, sampleEvent } from '../support/sample-events.js';

/** The official schema (ocsf-json-schema 1.2.0, which packs the compiled schemas of ocsf/ocsf-schema) by jsonschema, for every version that may be set. */
let python: PeerParser | undefined;
beforeAll(async () => {
  python = await ocsfPython('validate.py');
}, 300_000);

function violations(texts: readonly string[]): string[] {
  if (python === undefined) return [];
  const lines = parseWith(python.command, python.options, Buffer.from(texts.map((text) => `${text}\n`).join('')));
  expect(lines.length).toBe(texts.length);
  return lines.flatMap((line, index) => (JSON.parse(line) as string[]).map((violation) => `${texts[index]?.slice(0, 200)} ... ${violation}`));
}

describe('the official OCSF schema', () => {
  it.each(ocsfSection.shape.version.unwrap().options)('of version %s takes every type, and audit records of every kind of object and verb', (version) => {
    const settings = formatSettings({ outputType: 'ocsf', header: 'none', maxBytes: 100_000 });
    const renderer = formatFor('ocsf').compile({ ...settings, ocsf: { ...settings.ocsf, version } });
    const texts = [...SAMPLE_TYPES.map(sampleEvent), ...AUDIT_EVENTS].map((event) => {
      const rendered = renderer.render(event, '3.1042');
      return rendered.type === 'rendered' ? rendered.text : '{}';
    });
    expect(violations(texts)).toEqual([]);
  });

  it.each([65_536_000, 8192, 1400])('takes the hostile corpus within %i octets', (maxBytes) => {
    expect(violations(renderedCorpus('ocsf', 'none', maxBytes).map(({ octets }) => octets.toString('utf8')))).toEqual([]);
  });

  it('takes an address in each spelling of IPv6', () => {
    const renderer = formatFor('ocsf').compile(formatSettings({ outputType: 'ocsf', header: 'none' }));
    const texts = ['21b5:3e:bc1f:bc1e:d832:19da:228.191.128.115', '64:ff9b::192.0.2.33', '::ffff:192.0.2.33', 'fe80::1%a-very-long-name-of-an-interface'].map((ip) => {
      const event = sampleEvent('audit.user.create');
      return oneRecord(renderer.render({ ...event, actor: { ...event.actor, ip } }, '3.1')).text;
    });
    expect(violations(texts)).toEqual([]);
  });

  it('takes each part of a split event', () => {
    const renderer = formatFor('ocsf').compile(formatSettings({ outputType: 'ocsf', header: 'none', maxBytes: 4096, oversize: 'split' }));
    const texts = hostileEvents().map((event) => renderer.render(event, '3.1')).flatMap((rendered) => (rendered.type === 'parts' ? rendered.texts : []));
    expect(texts.length).toBeGreaterThan(20);
    expect(violations(texts)).toEqual([]);
  });
});
