import { beforeEach, describe, expect, it } from '@jest/globals';
import { settingsFrom } from '../../config/settings.js';
import { silentLog } from '../../contracts/log.js';
import type { JsonObject } from '../../model/json.js';
import type { AuditRecord } from '../../platform/audit/audit-record.js';
import { EventCheck } from '../intake/event-check.js';
import { ReadTroubles } from './read-troubles.js';

const broken = new Error('incorrect header check');

describe('a place in the event log that cannot be read', () => {
  let now: number;
  let records: AuditRecord[];
  let troubles: ReadTroubles;
  beforeEach(() => {
    now = Date.parse('2026-01-31T10:00:00.000Z');
    records = [];
    troubles = new ReadTroubles({ record: (record) => Promise.resolve(void records.push(record)), clock: { now: () => now }, log: silentLog });
  });
  const failFor = (seconds: number, reader = 'shared', partition = 3, position = 70) => {
    for (let passed = 0; passed <= seconds; passed += 0.5, now += 500) troubles.failed(reader, partition, position, broken);
  };
  const told = () => records.map(({ type, subject, attributes }) => [type, subject.id, attributes?.['position']]);

  it('is told after half a minute, once, with its place and the reason, and once more when reading goes on', () => {
    failFor(29);
    expect(records).toEqual([]);
    failFor(60);
    expect(told()).toEqual([['audit.event-log.unreadable', 'partition-3', 70]]);
    expect(records[0]).toMatchObject({
      outcome: 'failure', reason: broken.message, attributes: { partition: 3, since: '2026-01-31T10:00:00.000Z' },
      notification: { kind: 'log.unreadable', title: expect.stringContaining('partition 3'), text: expect.stringContaining(broken.message), facts: { position: 70 } },
    });
    troubles.worked('shared', 3);
    troubles.worked('shared', 3);
    expect(told().slice(1)).toEqual([['audit.event-log.readable', 'partition-3', 70]]);
    expect(records[1]).toMatchObject({ outcome: 'success', notification: { kind: 'log.readable' } });
  });

  it('is not told when reading goes on before', () => {
    failFor(20);
    troubles.worked('shared', 3);
    failFor(20);
    troubles.worked('shared', 3);
    expect(records).toEqual([]);
  });

  it('is told again when it comes back', () => {
    failFor(40);
    troubles.worked('shared', 3);
    failFor(40);
    expect(told().map(([type]) => type)).toEqual(['audit.event-log.unreadable', 'audit.event-log.readable', 'audit.event-log.unreadable']);
    expect(new Set(records.map(({ notification }) => notification?.key)).size).toBe(3);
  });

  it('is another one further on', () => {
    failFor(40);
    failFor(40, 'shared', 3, 80);
    expect(told()).toEqual([['audit.event-log.unreadable', 'partition-3', 70], ['audit.event-log.readable', 'partition-3', 70], ['audit.event-log.unreadable', 'partition-3', 80]]);
  });

  it('of one reader is nothing of another, and of one partition nothing of another', () => {
    failFor(20, 'shared', 3);
    failFor(20, 'shared', 4);
    failFor(20, 'catch-up of one', 3);
    expect(records).toEqual([]);
    troubles.worked('shared', 4);
    failFor(20, 'shared', 3);
    expect(told()).toEqual([['audit.event-log.unreadable', 'partition-3', 70]]);
  });

  it('leaves as an event that the own door takes', () => {
    failFor(40);
    troubles.worked('shared', 3);
    const check = new EventCheck(settingsFrom());
    for (const { type, actor, subject, outcome, reason, attributes } of records) {
      const sent = JSON.parse(JSON.stringify({ type, actor, subject, outcome, reason, attributes })) as JsonObject;
      expect(check.check(sent, { producer: 'tidegate', source: 'urn:tidegate', nowMs: now, own: true, everyFault: true })).toMatchObject({ type: 'checked' });
    }
  });
});
