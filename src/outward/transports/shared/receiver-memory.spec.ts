import { describe, expect, it } from '@jest/globals';
import { ReceiverHabits, ReceiverMemory } from './receiver-memory.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

describe('what is remembered of a receiver', () => {
  it('falls back to the quiet period only after two silences in a row, for a minute, then longer and longer, up to an hour', () => {
    const habits = new ReceiverHabits();
    expect(habits.mode(0)).toBe('sealed');
    expect(habits.unanswered(0)).toBe('fail');
    expect(habits.mode(0)).toBe('sealed');
    expect(habits.unanswered(10)).toBe('fall-back');
    expect(habits.mode(20)).toBe('quiet');
    expect(habits.mode(10 + MINUTE_MS)).toBe('sealed');
    // Tried again after the minute: one more silence is enough.
    let now = 20 + MINUTE_MS;
    for (const minutes of [4, 16, 60, 60]) {
      expect(habits.unanswered(now)).toBe('fall-back');
      expect(habits.quietLeftMs(now)).toBe(minutes * MINUTE_MS);
      now += minutes * MINUTE_MS;
      expect(habits.mode(now)).toBe('sealed');
    }
    // A receiver that was only slow is believed at once.
    habits.answered(now, 5, 100);
    expect(habits.unanswered(now)).toBe('fail');
  });

  it('never falls back for a receiver that answered within a day: it hangs', () => {
    const habits = new ReceiverHabits();
    habits.answered(0, 5, 100);
    for (let hour = 1; hour < 24; hour++) expect(habits.unanswered(hour * HOUR_MS)).toBe('fail');
    expect(habits.mode(24 * HOUR_MS)).toBe('sealed');
    expect(habits.unanswered(25 * HOUR_MS)).toBe('fail');
    expect(habits.unanswered(25 * HOUR_MS)).toBe('fall-back');
  });

  it('makes segments smaller for a slow receiver and as large for a quick one as it would read in a second', () => {
    const habits = new ReceiverHabits();
    const start = habits.segmentBytes;
    habits.answered(0, 10, 1000);
    expect(habits.segmentBytes).toBe(start);
    habits.answered(0, 999, start / 2);
    expect(habits.segmentBytes).toBe(start);
    habits.answered(0, 500, start);
    expect(habits.segmentBytes).toBe(start * 2);
    habits.answered(0, 6000, start);
    expect(habits.segmentBytes).toBe(start);
    habits.unanswered(0);
    expect(habits.segmentBytes).toBe(start / 4);
    for (let times = 0; times < 20; times++) habits.unanswered(0);
    expect(habits.segmentBytes).toBe(65_536);
    habits.answered(0, 0, 262_144);
    expect(habits.segmentBytes).toBe(262_144_000);
    habits.answered(0, 1, 262_144_000);
    expect(habits.segmentBytes).toBe(268_435_456);
  });

  it('keeps receivers apart by host and port, and not without bound', () => {
    const memory = new ReceiverMemory();
    memory.of('Siem.Example.org', 514).unanswered(0);
    memory.of('siem.example.org', 514).unanswered(0);
    expect(memory.reachOf('SIEM.example.org', 514, 1)).toBe('sent');
    expect(memory.reachOf('siem.example.org', 515, 1)).toBe('read');
    for (let port = 0; port < 10_001; port++) memory.of('other', port);
    expect(memory.reachOf('siem.example.org', 514, 1)).toBe('read');
  });
});
