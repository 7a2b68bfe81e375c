import { randomBytes } from 'node:crypto';
import { Inject, Injectable, Optional } from '@nestjs/common';
import type { Model } from 'mongoose';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { METRICS, noMetrics } from '../../contracts/metrics.js';
import type { Counter, Metrics } from '../../contracts/metrics.js';
import { ALERT_TYPES, LEVEL_RANK, type AlertLevel, type AlertState } from '../../model/alert.js';
import type { Principal } from '../../platform/access/rights.js';
import { withAudit } from '../../platform/audit/audit-outbox.js';
import { AuditRelay } from '../../platform/audit/audit.relay.js';
import type { AuditRecord } from '../../platform/audit/audit-record.js';
import { actorOf, newAuditRecord, systemActor } from '../../platform/audit/new-audit-record.js';
import { DocumentStore } from '../../platform/documents/document-store.js';
import { heldNotification } from '../processor/alert-audit.js';
import { ProcessorWake } from '../processor/processor-wake.js';
import { mergeKeyOf, requestHashOf, type PostedAlert } from './alert-body.js';
import { alertSchema, type AlertDocument } from './alert.schema.js';
import { MitigationSettings, type Mitigation } from './mitigation-settings.service.js';

/** `repeated`: the same request under its Idempotency-Key came before; `merged`: an equal alert is open. `conflict`: that key was used for something else. */
export type AcceptOutcome = { type: 'stored' | 'merged' | 'repeated'; id: string } | { type: 'conflict' };

const OPEN_STATES: AlertState[] = ['new', 'processing', 'waiting'];
/** Beyond so many keys on one alert the next post makes an alert of its own: no key is ever forgotten. */
const MOST_KEYS = 1000;
const MOST_TRIES = 5;

/** Takes alerts in. What is answered is durable, with its audit record in the same write; nothing has acted yet. */
@Injectable()
export class AlertDoor {
  private readonly alerts: Model<AlertDocument>;
  private readonly accepted: Counter;
  /** Equal posts of one client that come at the same time are taken one after the other, so that the second finds the first. */
  private readonly taking = new Map<string, Promise<unknown>>();

  constructor(
    store: DocumentStore,
    private readonly relay: AuditRelay,
    private readonly wake: ProcessorWake,
    private readonly settings: MitigationSettings,
    @Inject(CLOCK) private readonly clock: Clock,
    @Optional() @Inject(METRICS) metrics: Metrics = noMetrics,
  ) {
    this.alerts = store.model<AlertDocument>('alert', alertSchema);
    relay.watch(this.alerts, { removeWhenEmpty: true });
    this.accepted = metrics.counter({ name: 'tidegate_alerts_accepted_total', help: 'Alerts that were posted and accepted: stored, merged into an open one, or repeated under an Idempotency-Key', labels: ['outcome'] });
  }

  /** @throws when it could not be stored: then nothing is, and the same post again is harmless */
  async accept(posted: PostedAlert, principal: Principal, idempotencyKey: string | undefined): Promise<AcceptOutcome> {
    const mergeKey = mergeKeyOf(posted);
    const turnKey = `${mergeKey}\n${principal.name}`;
    const before = this.taking.get(turnKey) ?? Promise.resolve();
    const turn = before.catch(() => undefined).then(() => this.take(posted, mergeKey, principal, idempotencyKey));
    this.taking.set(turnKey, turn);
    try {
      const outcome = await turn;
      if (outcome.type !== 'conflict') this.accepted.add(1, { outcome: outcome.type });
      return outcome;
    } finally {
      if (this.taking.get(turnKey) === turn) this.taking.delete(turnKey);
    }
  }

  private async take(posted: PostedAlert, mergeKey: string, principal: Principal, idempotencyKey: string | undefined): Promise<AcceptOutcome> {
    const key = idempotencyKey === undefined ? undefined : { key: `${principal.id}\n${idempotencyKey}`, requestHash: requestHashOf(posted) };
    const settings = await this.settings.get();
    for (let tries = 1; ; tries += 1) {
      if (key) {
        const known = await this.known(key);
        if (known) return known;
      }
      try {
        const merged = await this.merge(posted, mergeKey, principal, key, settings);
        return merged === undefined ? await this.insert(posted, mergeKey, principal, key, settings) : { type: 'merged', id: merged };
      } catch (error) {
        // Another request came in between under the same key: it is found at the next look.
        if (!isDuplicateKey(error) || tries >= MOST_TRIES) throw error;
      }
    }
  }

  private async known({ key, requestHash }: { key: string; requestHash: string }): Promise<AcceptOutcome | undefined> {
    const alert = await this.alerts.findOne({ 'idempotencyKeys.key': key }, { idempotencyKeys: 1 }).lean<Pick<AlertDocument, '_id' | 'idempotencyKeys'> | null>();
    if (!alert) return undefined;
    const before = alert.idempotencyKeys?.find((entry) => entry.key === key);
    return before?.requestHash === requestHash ? { type: 'repeated', id: alert._id } : { type: 'conflict' };
  }

  /**
   * Into an equal open alert of the window that the same client posted; one of a lower level takes the higher one over. Of the same client, for an alert counts in the budget of who posted it:
   * merged into a stranger's it would spend that one's budget, and wait where that one's is spent. Equal alerts of two clients both act; the second finds what the first did.
   */
  private async merge(posted: PostedAlert, mergeKey: string, principal: Principal, key: { key: string; requestHash: string } | undefined, { mergeWindowSeconds }: Mitigation): Promise<string | undefined> {
    if (mergeWindowSeconds === 0) return undefined;
    const now = this.clock.now();
    const open = { mergeKey, postedBy: principal.name, state: { $in: OPEN_STATES }, receivedAt: { $gte: new Date(now - mergeWindowSeconds * 1000) }, [`idempotencyKeys.${MOST_KEYS - 1}`]: { $exists: false } };
    const rank = LEVEL_RANK[posted.level];
    const levels = Object.keys(LEVEL_RANK) as AlertLevel[];
    const steps = [
      { levels: levels.filter((level) => LEVEL_RANK[level] <= rank), raise: {} },
      { levels: levels.filter((level) => LEVEL_RANK[level] > rank), raise: { $set: { level: posted.level }, $min: { levelRank: rank } } },
    ];
    for (const step of steps) {
      if (step.levels.length === 0) continue;
      // One atomic write that finds, counts and records.
      const found = await this.alerts.findOne({ ...open, level: { $in: step.levels } }, { _id: 1 }).sort({ receivedAt: -1 }).lean<{ _id: string } | null>();
      if (!found) continue;
      const push = key ? { $push: { idempotencyKeys: key } } : {};
      const update = withAudit<AlertDocument>({ $inc: { posts: 1 }, ...step.raise, ...push }, this.received(found._id, posted, principal, { merged: true }));
      const { matchedCount } = await this.alerts.updateOne({ _id: found._id, ...open, level: { $in: step.levels } }, update);
      if (matchedCount === 0) continue;
      this.relay.wake();
      return found._id;
    }
    return undefined;
  }

  private async insert(posted: PostedAlert, mergeKey: string, principal: Principal, key: { key: string; requestHash: string } | undefined, settings: Mitigation): Promise<AcceptOutcome> {
    const { alertDateMs, correlationId, ...said } = posted;
    const id = randomBytes(16).toString('hex');
    const now = new Date(this.clock.now());
    const loopDepth = await this.loopDepthOf(correlationId);
    const held = loopDepth >= settings.loopLimit;
    const reason = `it came back ${loopDepth} times with the correlation id of a mitigation; the limit is ${settings.loopLimit}`;
    const records = [this.received(id, posted, principal, {})];
    if (held) records.push(this.record('waiting', id, posted, { actor: systemActor('alerts'), outcome: 'unknown', reason, attributes: { count: loopDepth, reasonCode: 'loop-limit' }, notification: heldNotification({ _id: id, ...posted }, { code: 'loop-limit', reason: `It is held: ${reason}.` }, now.getTime()) }));
    await this.alerts.create({
      _id: id,
      ...said,
      levelRank: LEVEL_RANK[posted.level],
      alertDate: new Date(alertDateMs),
      receivedAt: now,
      postedBy: principal.name,
      sourceIp: principal.ip ?? null,
      ...(key ? { idempotencyKeys: [key] } : {}),
      mergeKey,
      correlationId: loopDepth > 0 ? correlationId : null,
      loopDepth,
      state: held ? 'waiting' : 'new',
      reasonCode: held ? 'loop-limit' : null,
      reason: held ? reason : null,
      dueAt: now,
      auditOutbox: records,
    });
    this.relay.wake();
    this.wake.wake();
    return { type: 'stored', id };
  }

  /** How many mitigations led to this alert: one more than to the alert that it names; 0 when it names none of ours. */
  private async loopDepthOf(correlationId: string | null): Promise<number> {
    if (correlationId === null) return 0;
    const cause = await this.alerts.findOne({ _id: correlationId }, { loopDepth: 1 }).lean<Pick<AlertDocument, 'loopDepth'> | null>();
    return cause ? (cause.loopDepth ?? 0) + 1 : 0;
  }

  private received(id: string, posted: PostedAlert, principal: Principal, more: Record<string, boolean>): AuditRecord {
    return this.record('received', id, posted, { actor: actorOf(principal), attributes: { ...more, level: posted.level, ...(posted.useWorkflow === null ? {} : { useWorkflow: posted.useWorkflow }) } });
  }

  private record(verb: 'received' | 'waiting', id: string, posted: PostedAlert, facts: Pick<AuditRecord, 'actor'> & Partial<AuditRecord>): AuditRecord {
    const { type, application, nativeId, groupName, groupType } = posted;
    const { displayName, usesAction } = ALERT_TYPES[type];
    const action = usesAction ? `${type} ${posted.action}` : type;
    const group = groupName === null ? {} : { attribute: groupType, value: groupName };
    return newAuditRecord(
      {
        type: `mitigation.alert.${verb}`,
        subject: { kind: 'alert', id, name: usesAction ? `${displayName} ${posted.action}` : displayName },
        objects: [{ kind: 'application', id: application, name: application }, ...(nativeId === null ? [] : [{ kind: 'account', id: nativeId, name: nativeId, application }]), ...(groupName === null ? [] : [{ kind: 'entitlement', id: groupName, name: groupName, ...group }])],
        correlationId: id,
        ...facts,
        attributes: { action, alertType: type, application, ...(nativeId === null ? {} : { nativeId }), ...facts.attributes },
      },
      this.clock,
    );
  }
}

function isDuplicateKey(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 11000;
}
