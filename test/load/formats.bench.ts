/**
 * How fast one thread renders events of about 700 octets of JSON, by format and header (`npm run bench:formats`). A benchmark, not a test: nothing is asserted.
 */
import { Buffer } from 'node:buffer';
import { FORMATS } from '../../src/outward/formats/index.js';
import type { AuditEvent } from '../../src/model/audit-event.js';
import { EVENT_TYPES } from '../../src/model/event-types.js';
import { formatSettings } from '../support/format-settings.js';
import { hostileEvent, HUGE_TEXTS } from '../support/hostile-events.js';
import { sampleEvent } from '../support/sample-events.js';
import { oneRecord } from '../support/one-record.js';
import { machine, report } from './results.js';

const EVENTS = 20_000;
const ROUNDS = 12;
const SLAB_OCTETS = 256 * 1024;

/** Events as the engine has them: parsed from JSON, each with its own texts; 2 % need escapes, 5 % have text beyond ASCII. */
function events(): AuditEvent[] {
  const types = EVENT_TYPES.filter((type) => !type.reserved).map((type) => sampleEvent(type.id));
  return Array.from({ length: EVENTS }, (_, index) => {
    const sample = structuredClone(types[index % types.length] ?? sampleEvent('siem.test'));
    sample.id = `0195-${index.toString(16).padStart(32, '0')}`.slice(0, 36);
    sample.occurredAt = new Date(Date.UTC(2025, 2, 4) + index * 7).toISOString();
    sample.actor = { kind: 'user', id: `u-${index}`, name: `user.${index}`, ip: `192.0.2.${index % 250}` };
    sample.correlationId = `corr-${index}`;
    if (index % 50 === 0) sample.message += ' key=value\\path\nsecond line';
    if (index % 20 === 0) sample.message += ' geändert für Zoë 😀';
    return JSON.parse(JSON.stringify(sample)) as AuditEvent;
  });
}

function microseconds(usage: NodeJS.CpuUsage): number {
  return usage.user + usage.system;
}

const input = events();
const octets = input.reduce((sum, event) => sum + Buffer.byteLength(JSON.stringify(event)), 0) / input.length;
console.log(`${input.length} events of ${octets.toFixed(0)} octets of JSON on average, Node ${process.version}`);
const slab = Buffer.allocUnsafe(SLAB_OCTETS);
const rows: Array<Record<string, number | string>> = [];
for (const format of FORMATS) {
  for (const header of format.headers) {
    const renderer = format.compile(formatSettings({ outputType: format.outputType, header }));
    let best = { perSecond: 0, cpuUs: 0, octets: 0 };
    for (let round = 0; round < ROUNDS; round += 1) {
      let written = 0;
      let total = 0;
      const cpu = process.cpuUsage();
      const began = process.hrtime.bigint();
      for (let index = 0; index < input.length; index += 1) {
        const event = input[index];
        if (event === undefined) continue;
        const rendered = oneRecord(renderer.render(event, `${index % 12}.${index}`));
        if (written > SLAB_OCTETS - 32_768) written = 0;
        const size = slab.write(rendered.text, written, 'utf8');
        written += size;
        total += size;
      }
      const seconds = Number(process.hrtime.bigint() - began) / 1e9;
      const result = { perSecond: input.length / seconds, cpuUs: microseconds(process.cpuUsage(cpu)) / input.length, octets: total / input.length };
      if (result.perSecond > best.perSecond) best = result;
    }
    rows.push({ format: format.outputType, header, eventsPerSecond: Math.round(best.perSecond), cpuMicrosecondsPerEvent: Math.round(best.cpuUs * 100) / 100, octets: Math.round(best.octets) });
  }
}
report('formats', { ...machine(), events: input.length, octetsOfJson: Math.round(octets), what: `best of ${ROUNDS} rounds of one thread, encoding included` }, rows);
for (const [name, text] of Object.entries(HUGE_TEXTS)) {
  const event = hostileEvent('huge', text);
  for (const format of FORMATS) {
    const renderer = format.compile(formatSettings({ outputType: format.outputType }));
    const began = process.hrtime.bigint();
    for (let round = 0; round < 10; round += 1) renderer.render(event, '0.1');
    console.log(`${name.padEnd(14)} in every field, ${format.outputType.padEnd(7)} ${(Number(process.hrtime.bigint() - began) / 1e7).toFixed(2).padStart(8)} ms an event, cut to 8192 octets`);
  }
}
