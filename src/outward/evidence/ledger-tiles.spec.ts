import { describe, expect, it } from '@jest/globals';
import { seeded } from '../../../test/support/engine.js';
import { tellings, tile, type FoundRow } from './ledger-tiles.js';

const row = (writer: string, first: number, end: number, delivered: number, more: Partial<FoundRow> = {}): FoundRow => ({
  writer, engineId: writer, first, end, at: end, outcome: delivered > 0 ? 'delivered' : 'passed', evidence: delivered > 0 ? 'read' : null, attempts: 1, delivered, rejected: 0, bytes: 0,
  types: delivered > 0 ? [{ type: 'a.b', count: delivered }] : [], version: 1, ...more,
});
const laid = (rows: FoundRow[], from: number, to: number) => tile(rows, from, to).map(({ first, end, row: by, sent, exact }) => [by?.writer ?? null, first, end, sent, exact]);

describe('rows of the ledger laid side by side', () => {
  it('are told as they are where none overlaps, and what no row tells is a tile without one', () => {
    expect(laid([row('a', 0, 10, 4), row('a', 10, 30, 20)], 0, 40)).toEqual([['a', 0, 10, 4, true], ['a', 10, 30, 20, true], [null, 30, 40, 0, true]]);
  });

  it('count what an engine delivered again after a crash once, by the rows of the one that went on', () => {
    const crashed = [row('a', 80, 100, 7), row('a', 100, 130, 20)];
    const next = [row('b', 100, 120, 13, { at: 200 }), row('b', 120, 150, 21, { at: 210 })];
    expect(laid([...crashed, ...next], 80, 150)).toEqual([['a', 80, 100, 7, true], ['b', 100, 120, 13, true], ['b', 120, 150, 21, true]]);
    // Both crashed, and a third one went on.
    expect(laid([...crashed, ...next, row('c', 100, 160, 40, { at: 300 })], 80, 160)).toEqual([['a', 80, 100, 7, true], ['c', 100, 160, 40, true]]);
  });

  it('go over to the rows of the slower of two engines where those alone reach the end', () => {
    // The cursor that "a" saved is where "c" went on.
    expect(laid([row('a', 100, 130, 20), row('b', 100, 115, 9, { at: 200 }), row('c', 130, 140, 3, { at: 300 })], 100, 140)).toEqual([['a', 100, 130, 20, true], ['c', 130, 140, 3, true]]);
  });

  it('are cut without an estimate where all or none of their events were sent', () => {
    expect(laid([row('a', 100, 130, 30), row('b', 115, 150, 35, { at: 200 })], 100, 140)).toEqual([['a', 100, 115, 15, true], ['b', 115, 140, 25, true]]);
    expect(laid([row('a', 100, 130, 0)], 110, 120)).toEqual([['a', 110, 120, 0, true]]);
  });

  it('else are cut evenly, which is said, and the parts add up to the row', () => {
    const parts = [[100, 110], [110, 117], [117, 130]].flatMap(([from = 0, to = 0]) => tile([row('a', 100, 130, 17, { rejected: 5 })], from, to));
    expect(parts.map(({ exact }) => exact)).toEqual([false, false, false]);
    expect(parts.reduce((sum, { sent }) => sum + sent, 0)).toBe(17);
    expect(parts.reduce((sum, { types }) => sum + (types[0]?.count ?? 0), 0)).toBe(17);
    for (const { first, end, sent, rejected } of parts) expect(sent + rejected).toBeLessThanOrEqual(end - first);
  });

  it('tell what was lost once, within the run that passes it, however often it was found', () => {
    const lost = (writer: string, first: number, end: number, at: number) => row(writer, first, end, 0, { outcome: 'lost', at });
    const rows = [lost('a', 110, 120, 50), lost('b', 105, 125, 60), lost('b', 125, 128, 65), row('b', 100, 130, 6, { at: 70 })];
    expect(tile(rows, 100, 130)).toMatchObject([{ first: 100, end: 130, sent: 6, lost: 23, exact: true }]);
    expect(tellings(rows, 112)[0]).toMatchObject({ outcome: 'lost' });
    expect(tellings(rows, 129)[0]).toMatchObject({ outcome: 'delivered' });
    // Retention took it after "a" had delivered it.
    const late = [row('a', 100, 110, 10, { at: 50 }), lost('b', 100, 110, 60), row('b', 100, 120, 10, { at: 70 })];
    expect(tellings(late, 105)[0]).toMatchObject({ outcome: 'delivered', writer: 'a' });
    expect(tile(late, 100, 120).reduce((sum, { sent, lost: gone }) => sum + sent * 1000 + gone, 0)).toBe(20_000);
  });

  it('prefer what was delivered to what was passed or skipped, and a higher rung', () => {
    const rows = [row('api', 0, 10, 0, { outcome: 'skipped', at: 90 }), row('a', 0, 10, 0), row('b', 0, 10, 10, { evidence: 'sent', at: 20 }), row('c', 0, 10, 10, { evidence: 'stored', at: 30 })];
    expect(laid(rows, 0, 10)).toEqual([['c', 0, 10, 10, true]]);
    expect(tellings(rows, 5).map(({ writer }) => writer)).toEqual(['c', 'b', 'a', 'api']);
  });

  it('count exactly after any number of crashes: whoever goes on begins where a cursor was saved', () => {
    const random = seeded(7);
    const below = (count: number) => Math.floor(random() * count);
    for (let round = 0; round < 200; round++) {
      const wanted = Array.from({ length: 400 }, () => random() < 0.6);
      const sentIn = (first: number, end: number) => wanted.slice(first, end).filter(Boolean).length;
      const rows: FoundRow[] = [];
      let [cursor, at] = [0, 0];
      const told = [0];
      for (let engine = 0; cursor < 300; engine++) {
        let to = cursor;
        for (let save = below(5); save >= 0; save--) {
          const end = Math.min(400, to + 1 + below(40));
          if (end > to) rows.push(row(`engine-${engine}`, to, end, sentIn(to, end), { at: ++at }));
          to = end;
          // The last one crashes between its row and its cursor.
          if (save > 0) cursor = to;
          if (save > 0 && random() < 0.5) told.push(cursor);
        }
      }
      const ends = [...new Set(told)];
      for (let beat = 1; beat < ends.length; beat++) {
        const [from = 0, to = 0] = [ends[beat - 1], ends[beat]];
        const tiles = tile(rows, from, to);
        expect(tiles.every(({ exact, row: by }) => exact && by !== null)).toBe(true);
        expect(tiles.reduce((sum, { sent }) => sum + sent, 0)).toBe(sentIn(from, to));
        expect(tiles.map(({ first }) => first)).toEqual([from, ...tiles.slice(0, -1).map(({ end }) => end)]);
      }
    }
  });
});
