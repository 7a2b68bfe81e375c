import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '../../src/model/audit-event.js';
import { OUTPUT_TYPES } from '../../src/model/integration.js';
import { AUDIT_EVENTS } from '../support/audit-events.js';
import { formatSettings } from '../support/format-settings.js';
import { hostileEvent } from '../support/hostile-events.js';
import { projectionOf } from '../support/projections/compare.js';
import { projectHeader, projectIdentity } from '../support/projections/headers.js';
import { kindOf } from '../support/projections/kinds.js';
import { meaningOf } from '../support/projections/meaning.js';
import { projectAbout } from '../support/projections/ocsf-about.js';
import { projectLeef } from '../support/projections/pairs.js';
import { SAMPLE_TYPES, sampleEvent } from '../support/sample-events.js';

/** What each format says a receiver gets of an event. Written down, so that the projection, too, changes only on purpose (`npm run golden:update`). */
const FOLDER = fileURLToPath(new URL('./projections', import.meta.url));
const SEQUENCE = '3.1042';
const { hostname } = formatSettings();
/** As the engine has it: read back from the log. */
const stored = (event: AuditEvent) => JSON.parse(JSON.stringify(event)) as AuditEvent;

const replayed = sampleEvent('account.provisioned');
const many: AuditEvent = { ...sampleEvent('group.external.disabled'), attributes: { domain: 'corp', count: 500, items: Array.from({ length: 400 }, (_, index) => `Gruppe ${index} = ^ Zürich`) } };
const events = [
  ...SAMPLE_TYPES.map((type) => ({ name: type, event: sampleEvent(type) })),
  ...Object.entries({ 'line-breaks': 'a\nb\r\nc\u0085d\u2028e\tf', escapes: '\\a=b|c"d]e', spaces: '  a  ', surrogates: 'a\ud800b 😀', long: 'ü='.repeat(2000) }).map(([id, text]) => ({ name: `hostile-${id}`, event: hostileEvent(id, text) })),
  { name: 'replayed', event: { ...replayed, attributes: { ...replayed.attributes, replay: '01955f8c-5879-7c3e-8a51-00000000abcd' } } },
  { name: 'many-items', event: many },
].map(({ name, event }) => ({ name, event: stored(event) }));

/** By output type, then what else the projection says of headers, of LEEF 2.0, and of the parts of a split event together. */
function projections(event: AuditEvent): Record<string, unknown> {
  return {
    ...Object.fromEntries(OUTPUT_TYPES.map((outputType) => [outputType, projectionOf(outputType, event, SEQUENCE)])),
    'behind rfc5424': { ...projectHeader(event, hostname, 'rfc5424'), ...projectIdentity(event, SEQUENCE) },
    'behind rfc3164': projectHeader(event, hostname, 'rfc3164'),
    'syslog behind rfc3164': projectionOf('syslog', event, SEQUENCE, { header: 'rfc3164' }),
    'leef 2.0 parted by ^': projectLeef(event, SEQUENCE, hostname, false, '2.0', '^'),
    'parts together': Object.fromEntries((['syslog', 'cef', 'leef'] as const).map((outputType) => [outputType, projectionOf(outputType, event, SEQUENCE, { wholeLists: true })])),
  };
}

function expectGolden(name: string, value: unknown): void {
  const path = `${FOLDER}/${name}.json`;
  const text = `${JSON.stringify(value, null, 1)}\n`;
  if (process.env.TIDEGATE_GOLDEN_UPDATE === '1') {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(path, text);
  }
  expect(text).toBe(existsSync(path) ? readFileSync(path, 'utf8') : 'no golden file: npm run golden:update');
}

describe.each(events)('the projection of $name', ({ event, name }) => {
  it('is what it was', () => expectGolden(name, projections(event)));
});

it('the classes of audit records, by object and verb, are what they were', () => {
  expectGolden('audit-kinds', Object.fromEntries(AUDIT_EVENTS.map(stored).map((event) => [`${event.type} ${event.objects.length === 0 ? 'alone' : 'with a user'}`, { ocsf: projectAbout(event, meaningOf(event)), ecs: kindOf(event.type).ecs }])));
});

it('has no golden file that nothing makes any more', () => {
  expect(readdirSync(FOLDER).sort()).toEqual([...events.map(({ name }) => `${name}.json`), 'audit-kinds.json'].sort());
});
