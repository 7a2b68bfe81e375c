import { describe, expect, it } from '@jest/globals';
import type { IntegrationStatusDocument } from '../engine/integration-status.schema.js';
import { mergeStatus } from './integration-status.js';

const NOW = Date.UTC(2025, 2, 4, 12);
const at = (secondsAgo: number) => new Date(NOW - secondsAgo * 1000);
const integration = { enabled: true, enginePool: 'vienna' };
const engine = (secondsAgo: number, pool = 'vienna') => ({ _id: `engine-${secondsAgo}`, pool, heartbeatAt: at(secondsAgo) });
const failure = { code: 'connection-refused', stage: 'connect', cause: 'connect to siem:514 was refused', fix: 'Start the receiver.', needsPerson: false } as const;

function said(engineId: string, facts: Partial<IntegrationStatusDocument> = {}): IntegrationStatusDocument {
  return {
    _id: `i:${engineId}`, integrationId: 'i', engineId, enginePool: 'vienna', version: 1, state: 'streaming', breaker: 'closed', down: false, failingSince: null, since: at(100), delivered: 0, deliveredBytes: 0, filtered: 0, rejected: 0, repeated: 0, lost: 0, vanished: 0, backlog: 0,
    evidence: null, lastDeliveredAt: null, lastFailure: null, consecutiveFailures: 0, nextTryAt: null, positions: [], countersSince: at(100), updatedAt: at(1), ...facts,
  };
}

describe('the status of an integration over its engines', () => {
  it('adds counters and backlog of all engines that live and shows the worst state', () => {
    const status = mergeStatus(integration, [
      said('a', { delivered: 10, deliveredBytes: 1000, filtered: 1, backlog: 4, evidence: 'sent', lastDeliveredAt: at(50), countersSince: at(500) }),
      said('b', { state: 'catching-up', since: at(20), delivered: 5, rejected: 2, repeated: 3, lost: 7, backlog: 6, evidence: 'read', lastDeliveredAt: at(5) }),
    ], [engine(1)], NOW);
    expect(status).toMatchObject({
      state: 'catching-up', since: at(20).toISOString(), engines: 2, stale: false, delivered: 15, deliveredBytes: 1000, filtered: 1, rejected: 2, repeated: 3, lost: 7, backlog: 10,
      evidence: 'read', lastDeliveredAt: at(5).toISOString(), countersSince: at(500).toISOString(), problem: null, fix: null,
    });
  });

  it('shows the breaker that is least closed of the engines that live, and since when it fails', () => {
    const open = said('b', { breaker: 'open', failingSince: at(400), consecutiveFailures: 4, lastFailure: { ...failure, at: at(2) } });
    expect(mergeStatus(integration, [said('a'), said('c', { breaker: 'half-open', failingSince: at(30) }), open], [engine(1)], NOW)).toMatchObject({ breaker: 'open', failingSince: at(400).toISOString() });
    expect(mergeStatus(integration, [said('a'), { ...open, updatedAt: at(60) }], [engine(1)], NOW)).toMatchObject({ breaker: 'closed', failingSince: null });
    expect(mergeStatus(integration, [], [engine(1)], NOW).breaker).toBeNull();
  });

  it('says what fails now, with cause and fix, even when another engine delivers', () => {
    const status = mergeStatus(integration, [said('a', { delivered: 5, lastDeliveredAt: at(1) }), said('b', { state: 'retrying', consecutiveFailures: 3, lastFailure: { ...failure, at: at(2) }, nextTryAt: at(-5) })], [engine(1)], NOW);
    expect(status).toMatchObject({ state: 'retrying', problem: failure.cause, fix: failure.fix, lastFailure: { ...failure, at: at(2).toISOString(), current: true }, nextTryAt: at(-5).toISOString() });
  });

  it('keeps the last failure in view after delivery went on, as one that is over', () => {
    expect(mergeStatus(integration, [said('a', { lastFailure: { ...failure, at: at(60) } })], [engine(1)], NOW)).toMatchObject({ state: 'streaming', problem: null, lastFailure: { current: false } });
  });

  it('counts what an engine did that is gone, and takes nothing else from it', () => {
    const gone = said('old', { state: 'fault', delivered: 100, backlog: 999, nextTryAt: at(-1), consecutiveFailures: 2, lastFailure: { ...failure, at: at(4000) }, updatedAt: at(3600) });
    expect(mergeStatus(integration, [gone, said('new', { delivered: 5, backlog: 1 })], [engine(1)], NOW)).toMatchObject({ state: 'streaming', delivered: 105, backlog: 1, nextTryAt: null, problem: null, stale: false, engines: 1, lastFailure: { current: false } });
  });

  it('says that no engine of the pool lives, with the last known numbers as stale', () => {
    const status = mergeStatus(integration, [said('a', { delivered: 7, backlog: 3, updatedAt: at(60) })], [engine(60), engine(1, 'graz')], NOW);
    expect(status).toMatchObject({ state: 'no-engine', since: null, problem: 'no live engine in pool vienna', stale: true, engines: 0, delivered: 7, backlog: 3, updatedAt: at(60).toISOString() });
    expect(status.fix).toContain('TIDEGATE_ENGINE_POOL=vienna');
  });

  it('is pending while an engine lives that has not spoken of it', () => {
    expect(mergeStatus(integration, [], [engine(1)], NOW)).toMatchObject({ state: 'pending', problem: null, backlog: null, stale: false, lastFailure: null, countersSince: null });
    expect(mergeStatus(integration, [said('a', { enginePool: 'graz' })], [engine(1)], NOW)).toMatchObject({ state: 'pending', engines: 0 });
    expect(mergeStatus(integration, [said('a', { state: 'disabled' })], [engine(1)], NOW)).toMatchObject({ state: 'pending' });
  });

  it('is disabled when it is switched off, whatever engines say', () => {
    expect(mergeStatus({ ...integration, enabled: false }, [said('a', { state: 'fault', consecutiveFailures: 1, lastFailure: { ...failure, at: at(1) } })], [], NOW)).toMatchObject({ state: 'disabled', problem: null });
  });
});
