import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { FormatSettings } from '../../src/contracts/format.js';
import type { AuditEvent } from '../../src/model/audit-event.js';
import { FORMATS, formatFor } from '../../src/outward/formats/index.js';
import { formatSettings } from '../support/format-settings.js';
import { SAMPLE_TYPES, sampleEvent } from '../support/sample-events.js';
import { leastOctets } from '../support/least-octets.js';
import { oneRecord } from '../support/one-record.js';

/**
 * The exact octets of every type x output type x header style, and of the settings that change them. A difference is a change that every receiver sees:
 * look at it, then make the files again with `npm run golden:update`.
 */
const FOLDER = fileURLToPath(new URL('./formats', import.meta.url));
const UPDATE = process.env.TIDEGATE_GOLDEN_UPDATE === '1';
const SEQUENCE = '3.1042';
const seen = new Set<string>();

interface Golden {
  file: string;
  event: AuditEvent;
  settings: FormatSettings;
}

const byType: Golden[] = FORMATS.flatMap((format) => format.headers.flatMap((header) => SAMPLE_TYPES.map((type) => ({
  file: `${format.outputType}-${header}/${type}.txt`, event: sampleEvent(type), settings: formatSettings({ outputType: format.outputType, header }),
}))));

const long: AuditEvent = {
  ...sampleEvent('group.external.disabled'), message: 'Überlang 😀 '.repeat(60), reason: 'a|b=c\\d "e" ]'.repeat(20),
  attributes: { domain: 'corp.example.com', items: Array.from({ length: 400 }, (_, index) => `Gruppe ${index} – Zürich`) },
};
const variants: Golden[] = [
  ...FORMATS.flatMap(({ outputType }) => [...new Set([leastOctets(outputType), 1400, 8192])].map((maxBytes) => ({ file: `settings/${outputType}-${maxBytes}-octets.txt`, event: long, settings: formatSettings({ outputType, maxBytes }) }))),
  ...FORMATS.map(({ outputType }) => ({ file: `settings/${outputType}-byte-order-mark.txt`, event: sampleEvent('siem.test'), settings: formatSettings({ outputType, bom: true }) })),
  { file: 'settings/rfc3164-zone.txt', event: sampleEvent('siem.test'), settings: formatSettings({ header: 'rfc3164', timeZone: 'Asia/Kolkata' }) },
  { file: 'settings/own-names.txt', event: sampleEvent('siem.test'), settings: formatSettings({ facility: 16, appName: 'my-gate', hostname: 'siem-out-1', enterpriseNumber: 99999 }) },
  { file: 'settings/cef-1.txt', event: sampleEvent('siem.test'), settings: formatSettings({ outputType: 'cef', header: 'none', cef: { version: 1, vendor: 'Example', product: 'Identity Gate', deviceVersion: '2.5' } }) },
  { file: 'settings/leef-2-tab.txt', event: sampleEvent('account.owner.changed'), settings: formatSettings({ outputType: 'leef', header: 'none', leef: { ...formatSettings().leef, version: '2.0' } }) },
  { file: 'settings/leef-2-caret.txt', event: { ...sampleEvent('account.owner.changed'), message: 'a^b\tc|d=e\\f' }, settings: formatSettings({ outputType: 'leef', header: 'none', leef: { version: '2.0', delimiter: '^', vendor: 'Example', product: 'Identity Gate', deviceVersion: '2.5' } }) },
  { file: 'settings/ocsf-1.4.0.txt', event: sampleEvent('account.provisioned'), settings: formatSettings({ outputType: 'ocsf', header: 'none', ocsf: { version: '1.4.0', vendor: 'Example', product: 'Identity Gate' } }) },
  { file: 'settings/ecs-own-dataset.txt', event: sampleEvent('account.provisioned'), settings: formatSettings({ outputType: 'ecs', header: 'none', ecs: { version: '8.17.0', dataset: 'identity_gate.events' } }) },
  { file: 'settings/cef-ipv6.txt', event: { ...sampleEvent('audit.user.logon'), actor: { kind: 'user', name: 'ann', ip: '2001:db8::17' } }, settings: formatSettings({ outputType: 'cef', header: 'none' }) },
];

describe.each([...byType, ...variants])('$file', ({ file, event, settings }) => {
  it('has these octets', () => {
    const rendered = oneRecord(formatFor(settings.outputType).compile(settings).render(event, SEQUENCE));
    const path = join(FOLDER, file);
    seen.add(file);
    if (UPDATE) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, rendered.text);
    }
    expect(rendered.text).toBe(existsSync(path) ? readFileSync(path, 'utf8') : 'no golden file: npm run golden:update');
    expect(Buffer.from(rendered.text)).toEqual(readFileSync(path));
  });
});

describe('golden files', () => {
  const stale = () => readdirSync(FOLDER, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)).filter((path) => !seen.has(path.slice(FOLDER.length + 1).replaceAll('\\', '/')));
  afterAll(() => {
    if (UPDATE) for (const path of stale()) rmSync(path);
  });

  it('has none that nothing makes any more', () => {
    if (!UPDATE) expect(stale()).toEqual([]);
  });
});
