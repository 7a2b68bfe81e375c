import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { LOG } from '../../contracts/log.js';
import type { Log } from '../../contracts/log.js';
import type { Actor } from '../../model/audit-event.js';
import type { AuditRecord } from '../audit/audit-record.js';
import { AuditService } from '../audit/audit.service.js';
import { newAuditRecord, systemActor } from '../audit/new-audit-record.js';

/** A login that failed, or a request that was denied. */
export interface Refusal {
  kind: 'login-failed' | 'request-denied';
  actor: Actor;
  requestId: string;
  /** `GET /api/v1/users` */
  route: string;
  reason: string;
}

const TYPES = { 'login-failed': 'audit.session.logon', 'request-denied': 'audit.session.reject' } as const;
const WINDOW_MS = 60_000;

/**
 * Failed logins and denied requests become audit records, at a bounded rate: the first of its kind (who, from where, why) in a minute is recorded at once; the rest is
 * counted and recorded as one when the minute is over, so that a flood neither hides nor floods the SIEM.
 */
@Injectable()
export class RefusalAudit implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly log: Log;
  private readonly counted = new Map<string, { first: Refusal; more: number }>();
  /** Refusals beyond what a minute may record one by one. */
  private beyond = 0;
  private readonly writing = new Set<Promise<void>>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly audit: AuditService, @Inject(SETTINGS) private readonly settings: Pick<Settings, 'access'>, @Inject(CLOCK) private readonly clock: Clock, @Inject(LOG) log: Log) {
    this.log = log.child('access');
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.endWindow(), WINDOW_MS);
    this.timer.unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.endWindow();
  }

  /** Never throws, never waits: a refusal is answered whether or not it can be recorded now. */
  note(refusal: Refusal): void {
    const key = JSON.stringify([refusal.kind, refusal.actor.name, refusal.actor.ip, refusal.reason, refusal.kind === 'request-denied' ? refusal.route : '']);
    const known = this.counted.get(key);
    if (known) {
      known.more += 1;
    } else if (this.counted.size >= this.settings.access.auditedRefusalsPerMinute) {
      this.beyond += 1;
    } else {
      this.counted.set(key, { first: refusal, more: 0 });
      this.write([this.recordOf(refusal)]);
    }
  }

  /** Records what was only counted and begins a new minute. */
  async endWindow(): Promise<void> {
    const records = [...this.counted.values()].filter(({ more }) => more > 0).map(({ first, more }) => this.recordOf(first, more));
    if (this.beyond > 0) {
      const summary = `${this.beyond} more failed logins and denied requests within a minute, from other callers or for other reasons`;
      records.push(newAuditRecord({ type: TYPES['request-denied'], actor: systemActor('access'), subject: { kind: 'session', id: 'several', name: 'several callers' }, outcome: 'failure', reason: summary, attributes: { count: this.beyond } }, this.clock));
    }
    this.counted.clear();
    this.beyond = 0;
    this.write(records);
    await Promise.all(this.writing);
  }

  private recordOf(refusal: Refusal, more?: number): AuditRecord {
    const reason = more === undefined ? refusal.reason : `${refusal.reason} (${more} more within a minute)`;
    return newAuditRecord({
      type: TYPES[refusal.kind], actor: refusal.actor, subject: { kind: 'session', id: refusal.requestId, name: refusal.route }, outcome: 'failure', reason, ...(more === undefined ? {} : { attributes: { count: more } }),
    }, this.clock);
  }

  private write(records: readonly AuditRecord[]): void {
    if (records.length === 0) return;
    const write = this.audit.record(...records).catch((error: unknown) => {
      this.log.error({ records: records.length, reason: error instanceof Error ? error.message : String(error) }, 'refused requests could not be recorded for audit');
    });
    const tracked = write.finally(() => this.writing.delete(tracked));
    this.writing.add(tracked);
  }
}
