import { z } from 'zod';
import { reachView, type ReachView } from './reach-view.js';
import type { EngineDocument } from '../engine/engine.schema.js';
import type { IntegrationStatusDocument } from '../engine/integration-status.schema.js';

/** An engine, or what it says of an integration, that is older than this counts as gone (see engine.schema.ts). */
export const ENGINE_GONE_AFTER_MS = 10_000;

const failureView = z.object({
  code: z.string(),
  stage: z.string(),
  cause: z.string(),
  fix: z.string(),
  needsPerson: z.boolean(),
  at: z.iso.datetime(),
  current: z.boolean().meta({ description: 'Whether delivery fails now; false when it went on since.' }),
});

export const statusView = z.object({
  state: z.enum(['disabled', 'no-engine', 'pending', 'idle', 'streaming', 'catching-up', 'retrying', 'fault']).meta({
    description: 'The worst over all engines. no-engine = no engine of the pool lives; pending = an engine lives and has not spoken of it yet; fault = a person must act.',
  }),
  since: z.iso.datetime().nullable(),
  breaker: z.enum(['closed', 'open', 'half-open']).nullable().meta({ description: 'closed = the stream is open; open = it waits after a failure; half-open = one small probe is out, the stream waits for its proof. Null when no engine ever said.' }),
  failingSince: z.iso.datetime().nullable().meta({ description: 'Since when nothing but failures came.' }),
  problem: z.string().nullable().meta({ description: 'One sentence for the administrator when something keeps events from being delivered.' }),
  fix: z.string().nullable().meta({ description: 'What repairs it.' }),
  stale: z.boolean().meta({ description: 'No engine that lives speaks of it: the numbers are the last known ones.' }),
  engines: z.int().meta({ description: 'Engines that live and speak of it.' }),
  delivered: z.number(),
  deliveredBytes: z.number(),
  filtered: z.number(),
  rejected: z.number(),
  repeated: z.number(),
  lost: z.number().meta({ description: 'Gone from the event log before it received them: removed by retention, or vanished.' }),
  vanished: z.number().meta({ description: 'Of the lost ones: positions at which the log holds no record although retention did not remove it (a damaged batch, a compacted topic). Each is an event siem.state.changed with the code events-vanished.' }),
  countersSince: z.iso.datetime().nullable(),
  backlog: z.number().nullable().meta({ description: 'Events that wait; null when no engine ever said.' }),
  evidence: z.string().nullable().meta({ description: 'What the last delivery showed: sent, read, accepted, stored, found.' }),
  reachable: reachView.nullable().meta({ description: 'The rung of the evidence ladder that its transport and receiver can reach, as the Test button or the stream found it out; null as long as nothing was delivered or tested with these settings.' }),
  lastDeliveredAt: z.iso.datetime().nullable(),
  lastFailure: failureView.nullable(),
  nextTryAt: z.iso.datetime().nullable(),
  updatedAt: z.iso.datetime().nullable(),
});
export type StatusView = z.output<typeof statusView>;

const BREAKER_SEVERITY = { closed: 0, 'half-open': 1, open: 2 } as const;
const SEVERITY = { disabled: 0, idle: 1, streaming: 2, 'catching-up': 3, retrying: 4, fault: 5 } as const;

/**
 * What all engines know of one integration, in one answer. Counters add up over engines that come and go (a document lives 7 days after its last
 * heartbeat); state, backlog and next try come from the engines that live, or, when none does, from what was said last.
 */
export function mergeStatus(
  integration: { enabled: boolean; enginePool: string },
  documents: readonly IntegrationStatusDocument[],
  engines: ReadonlyArray<Pick<EngineDocument, '_id' | 'pool' | 'heartbeatAt'>>,
  now: number,
  reachable: ReachView | null = null,
): StatusView {
  const newest = [...documents].sort((a, b) => b.updatedAt.getTime() - a.updatedAt.getTime());
  const live = newest.filter((document) => document.enginePool === integration.enginePool && isLive(document.updatedAt, now));
  const current = live.length > 0 ? live : newest.slice(0, 1);
  const worst = [...current].sort((a, b) => SEVERITY[b.state] - SEVERITY[a.state])[0];
  const failing = [...current].filter((document) => document.consecutiveFailures > 0 && document.lastFailure !== null).sort((a, b) => failedAt(b) - failedAt(a))[0];
  const lastFailed = failing ?? [...newest].sort((a, b) => failedAt(b) - failedAt(a))[0];
  const lastDelivered = newest.filter((document) => document.lastDeliveredAt !== null).sort((a, b) => time(b.lastDeliveredAt) - time(a.lastDeliveredAt))[0];
  const poolLives = engines.some((engine) => engine.pool === integration.enginePool && isLive(engine.heartbeatAt, now));
  const sum = (field: 'delivered' | 'deliveredBytes' | 'filtered' | 'rejected' | 'repeated' | 'lost' | 'vanished') => documents.reduce((total, document) => total + (document[field] ?? 0), 0);
  const state = stateOf();

  return {
    state,
    since: state === worst?.state ? iso(worst.since) : null,
    breaker: [...current].map(({ breaker }) => breaker ?? 'closed').sort((a, b) => BREAKER_SEVERITY[b] - BREAKER_SEVERITY[a])[0] ?? null,
    failingSince: iso(current.reduce<Date | null>((first, { failingSince }) => (failingSince && (first === null || failingSince < first) ? failingSince : first), null)),
    ...problemOf(),
    stale: live.length === 0 && documents.length > 0,
    engines: live.length,
    delivered: sum('delivered'),
    deliveredBytes: sum('deliveredBytes'),
    filtered: sum('filtered'),
    rejected: sum('rejected'),
    repeated: sum('repeated'),
    lost: sum('lost'),
    vanished: sum('vanished'),
    countersSince: iso(documents.reduce<Date | null>((first, { countersSince }) => (countersSince && (first === null || countersSince < first) ? countersSince : first), null)),
    backlog: current.length === 0 ? null : current.reduce((total, document) => total + (document.backlog ?? 0), 0),
    evidence: lastDelivered?.evidence ?? null,
    reachable,
    lastDeliveredAt: iso(lastDelivered?.lastDeliveredAt ?? null),
    lastFailure: lastFailed?.lastFailure ? failureOf(lastFailed.lastFailure, failing !== undefined) : null,
    nextTryAt: iso(current.reduce<Date | null>((first, { nextTryAt }) => (nextTryAt && (first === null || nextTryAt < first) ? nextTryAt : first), null)),
    updatedAt: iso(newest[0]?.updatedAt ?? null),
  };

  function stateOf(): StatusView['state'] {
    if (!integration.enabled) return 'disabled';
    if (live.length === 0) return poolLives ? 'pending' : 'no-engine';
    return worst === undefined || worst.state === 'disabled' ? 'pending' : worst.state;
  }

  function problemOf(): { problem: string | null; fix: string | null } {
    if (state === 'no-engine') return { problem: `no live engine in pool ${integration.enginePool}`, fix: `Start an engine with TIDEGATE_ENGINE_POOL=${integration.enginePool}, or choose another pool.` };
    if (state !== 'disabled' && state !== 'pending' && failing?.lastFailure) return { problem: failing.lastFailure.cause, fix: failing.lastFailure.fix };
    return { problem: null, fix: null };
  }
}

export function isLive(heartbeatAt: Date, now: number): boolean {
  return heartbeatAt.getTime() >= now - ENGINE_GONE_AFTER_MS;
}

function failureOf(failure: NonNullable<IntegrationStatusDocument['lastFailure']>, current: boolean): NonNullable<StatusView['lastFailure']> {
  const { code, stage, cause, fix, needsPerson } = failure;
  return { code, stage, cause, fix, needsPerson, at: new Date(failure.at).toISOString(), current };
}

function failedAt(document: IntegrationStatusDocument): number {
  return document.lastFailure ? new Date(document.lastFailure.at).getTime() : 0;
}

function time(date: Date | null): number {
  return date?.getTime() ?? 0;
}

function iso(date: Date | null | undefined): string | null {
  return date ? date.toISOString() : null;
}
