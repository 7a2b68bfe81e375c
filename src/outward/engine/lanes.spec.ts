import { afterEach, describe, expect, it } from '@jest/globals';
import { silentLog } from '../../contracts/log.js';
import { pause, ScriptedTransport, testIntegration, testLane, until } from '../../../test/support/engine.js';
import { IntegrationRepository, type EngineIntegration, type IntegrationChanges } from '../integrations/integration-repository.js';
import type { LaneFigures } from './lane.js';
import { Lanes } from './lanes.js';

class Integrations extends IntegrationRepository {
  changed: EngineIntegration[] = [];
  deleted: string[] = [];
  all: EngineIntegration[] = [];
  down = false;

  override changes(since: number): Promise<IntegrationChanges> {
    if (this.down) return Promise.reject(new Error('the document store is down'));
    return Promise.resolve(since === 0 ? { asOf: 1, changed: this.all, deleted: [] } : { asOf: since + 1, changed: this.changed, deleted: this.deleted });
  }
  override get(id: string): Promise<EngineIntegration | undefined> {
    return Promise.resolve(this.all.find((one) => one.id === id));
  }
}

describe('the lanes of an engine', () => {
  const ends: Array<() => Promise<void>> = [];
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });
  const make = () => {
    const repository = new Integrations();
    const script = new ScriptedTransport();
    const started: Array<{ id: string; version: number; former: LaneFigures | undefined }> = [];
    const saved: string[] = [];
    const forgotten: string[] = [];
    const state: { now: number; hold: Promise<void>; ended: number; recalled?: LaneFigures } = { now: 1_000_000, hold: Promise.resolve(), ended: 0 };
    const lanes = new Lanes({
      pool: 'default',
      integrations: repository,
      cursors: {
        save: async () => {
          await state.hold;
          saved.push('saved');
          return 1;
        },
        forget: (id) => (forgotten.push(id), Promise.resolve()),
      },
      places: () => Promise.resolve(new Map()),
      clock: { now: () => state.now },
      log: silentLog,
      stopGraceMs: 5000,
      start: (integration, _saved, former) => {
        started.push({ id: integration.id, version: integration.version, former });
        return testLane(integration, script, { former }).lane;
      },
      serially: (change) => change(),
      persist: (act) => act(),
      recall: (missing) => Promise.resolve(new Map(missing.flatMap(({ id }) => (state.recalled ? [[id, state.recalled]] : [])))),
      forgetStatus: () => Promise.resolve(),
      ended: () => state.ended++,
    });
    ends.push(() => lanes.stop());
    return { lanes, repository, started, saved, forgotten, state };
  };

  it('know what an engine before said of them; with new settings the time of failure begins anew', async () => {
    const { lanes, repository, started, state } = make();
    state.recalled = { counters: { delivered: 0, deliveredBytes: 0, filtered: 0, rejected: 0, repeated: 0, lost: 0, vanished: 0 }, evidence: 'read', lastDeliveredAt: 7, lastFailure: null, down: true, failingSince: 9 };
    repository.all = [testIntegration('a')];
    await lanes.follow();
    expect(started[0]?.former).toEqual(state.recalled);
    repository.changed = [testIntegration('a', { version: 2 })];
    await lanes.follow();
    await lanes.left();
    await lanes.follow();
    expect(started[1]).toMatchObject({ version: 2, former: { down: true, failingSince: null } });
  });

  it('are those that are enabled in its pool', async () => {
    const { lanes, repository, started } = make();
    repository.all = [testIntegration('a'), testIntegration('b', { enabled: false }), testIntegration('c', { enginePool: 'other' })];
    await lanes.follow();
    await lanes.follow();
    expect(started.map(({ id }) => id)).toEqual(['a']);
    expect(lanes.known).toBe(true);
  });

  it('nobody waits for one that ends slowly; its next version starts only when its cursors are saved, with its figures', async () => {
    const { lanes, repository, started, saved, state } = make();
    repository.all = [testIntegration('a'), testIntegration('b')];
    await lanes.follow();
    const before = lanes.running.get('a');
    if (before) before.counters.delivered = 12;
    let letOn: () => void = () => undefined;
    state.hold = new Promise((resolve) => (letOn = resolve));
    repository.changed = [testIntegration('a', { version: 2 }), testIntegration('c')];
    await lanes.follow();
    expect([...lanes.running.keys()].sort()).toEqual(['b', 'c']);
    await lanes.follow();
    await pause(20);
    expect(started.map(({ id, version }) => `${id}${version}`)).toEqual(['a1', 'b1', 'c1']);
    letOn();
    await until('it ended', () => state.ended === 1);
    await lanes.follow();
    expect(started.at(-1)).toMatchObject({ id: 'a', version: 2, former: { counters: { delivered: 12 } } });
    expect(saved).toEqual(['saved']);
  });

  it('of deleted integrations end, and their cursors go', async () => {
    const { lanes, repository, forgotten, state } = make();
    repository.all = [testIntegration('a')];
    await lanes.follow();
    repository.deleted = ['a', 'never-here'];
    await lanes.follow();
    await until('it ended', () => state.ended === 1);
    await lanes.follow();
    expect(forgotten.sort()).toEqual(['a', 'never-here']);
    expect(lanes.running.size).toBe(0);
  });

  it('forget no change while the document store is down', async () => {
    const { lanes, repository, started } = make();
    repository.all = [testIntegration('a')];
    repository.down = true;
    await expect(lanes.follow()).rejects.toThrow('down');
    expect(lanes.known).toBe(false);
    repository.down = false;
    await lanes.follow();
    expect(started.map(({ id }) => id)).toEqual(['a']);
  });

  it('find a change that a writer with a clock far behind made, and one that went without a mark', async () => {
    const { lanes, repository, started, state } = make();
    repository.all = [testIntegration('a'), testIntegration('b')];
    await lanes.follow();
    repository.all = [testIntegration('a', { version: 2 })];
    await lanes.follow();
    expect(lanes.running.size).toBe(2);
    state.now += 60_000;
    await lanes.follow();
    await until('both ended', () => state.ended === 2);
    await lanes.follow();
    expect([...lanes.running.keys()]).toEqual(['a']);
    expect(started.at(-1)).toMatchObject({ id: 'a', version: 2 });
  });
});
