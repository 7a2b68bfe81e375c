import type { Clock } from '../../contracts/clock.js';
import type { ChangeContext, ChangeOutcome, Connector, ConnectorAccount, ReadOutcome } from '../../contracts/connector.js';
import type { ApplicationDocument } from '../../directory/application.schema.js';
import type { DirectoryService } from '../../directory/directory.service.js';
import { entitlementKey } from '../../directory/natural-key.js';
import { newAuditRecord } from '../../platform/audit/new-audit-record.js';
import type { TargetOperation } from '../../model/alert.js';
import type { Actor } from '../../model/audit-event.js';
import type { Reason } from '../actions/mitigation-action.js';
import type { AuditRecord } from '../../platform/audit/audit-record.js';
import type { TargetEnd } from './alert-audit.js';
import type { AlertLease } from './alert-lease.js';
import type { MitigationTargetDocument } from './mitigation-target.schema.js';
import type { TargetOutcome, TargetStore } from './target-store.js';

export interface TargetWorkerOptions {
  lease: AlertLease;
  store: TargetStore;
  directory: DirectoryService;
  clock: Clock;
  callTimeoutMs: number;
  /** In whose name. */
  actor: Actor;
  /** Asked before a target is begun for the first time: why it is left out. */
  leftOut?: (target: MitigationTargetDocument) => Promise<Reason | undefined>;
  /** The record of a target's end, stored with it. */
  recordOf?: (target: MitigationTargetDocument, end: TargetEnd) => AuditRecord | undefined;
  /** Undefined when the application is gone, or this version has no connector for it. */
  systemOf(applicationId: string): Promise<{ application: ApplicationDocument; connector: Connector } | undefined>;
}

/** How a target stands after this try. `later`: a passing fault, or not known yet; the next try finds out. */
export type TargetProgress = 'done' | 'failed' | 'later';

/** Acts on one target: intent, lease, call, directory, outcome. A target that was begun before is read back first and never repeated blindly. */
export class TargetWorker {
  constructor(private readonly options: TargetWorkerOptions) {}

  /** @throws LeaseLost; then nothing was called after it was lost, and nothing was written. */
  async act(target: MitigationTargetDocument): Promise<TargetProgress> {
    const { lease, store } = this.options;
    let outcome: TargetOutcome | 'not-happened' = 'not-happened';
    const leftOut = target.state === 'planned' ? await this.options.leftOut?.(target) : undefined;
    if (leftOut) {
      await store.leaveOut(target, lease, leftOut);
      return 'done';
    }
    if (target.state === 'intent') outcome = await this.readBack(target);
    if (outcome === 'not-happened') {
      await store.intend(target, lease);
      // A stop between the intent and here is noticed by the clock; one within the call by the operation id and the read-back of the next owner.
      await lease.ensure();
      outcome = await this.change(target);
    }
    await store.conclude(target, lease, outcome, isEnd(outcome) ? this.options.recordOf?.(target, outcome) : undefined);
    if (outcome.state === 'done') return 'done';
    return outcome.state === 'failed' || outcome.state === 'not-confirmed' ? 'failed' : 'later';
  }

  private async change(target: MitigationTargetDocument): Promise<TargetOutcome> {
    if (isRequestable(target.operation)) return this.setRequestable(target);
    const system = await this.options.systemOf(target.applicationId);
    if (!system) return noSystem(target);
    const { connector } = system;
    const capability = target.operation;
    if (!connector.capabilities.has(capability)) return { state: 'failed', code: 'not-supported', reason: `The connector of ${target.application} cannot ${capability.replaceAll('-', ' ')}.` };
    const outcome = await this.limited<ChangeOutcome>(
      (signal) => call(connector, target, { operationId: target._id, signal, correlationId: target.alertId, actor: this.options.actor }),
      (reason) => ({ type: 'not-confirmed', reason }),
    );
    switch (outcome.type) {
      case 'done':
        // The built-in connector acts on the directory itself: there is no copy to bring in line.
        return connector.kind === 'builtin' ? { state: 'done', alreadySo: outcome.alreadySo } : this.confirmed(target, outcome.alreadySo);
      case 'not-confirmed': {
        const found = await this.readBack(target);
        // It may still be on its way: it is repeated only when the next try does not find it either.
        return found === 'not-happened' ? { state: 'intent', code: 'not-confirmed', reason: outcome.reason } : found;
      }
      case 'transient':
        return { state: 'planned', code: outcome.code, reason: outcome.reason };
      case 'permanent':
        return { state: 'failed', code: outcome.code, reason: outcome.reason };
    }
  }

  /** What became of a change whose answer is not known. */
  private async readBack(target: MitigationTargetDocument): Promise<TargetOutcome | 'not-happened'> {
    // The directory is asked by the act itself.
    if (isRequestable(target.operation)) return 'not-happened';
    const system = await this.options.systemOf(target.applicationId);
    if (!system) return noSystem(target);
    if (!system.connector.capabilities.has('read-account')) return { state: 'not-confirmed', code: 'not-confirmed', reason: `${target.application} did not confirm the change and cannot be asked.` };
    await this.options.lease.ensure();
    const read = await this.limited<ReadOutcome>(
      (signal) => system.connector.readAccount(target.nativeId ?? '', signal),
      (reason) => ({ type: 'transient', code: 'timeout', reason }),
    );
    switch (read.type) {
      case 'found':
        switch (shows(read.account, target)) {
          case 'yes':
            return this.confirmed(target, false);
          case 'no':
            return 'not-happened';
          case 'unknown':
            return { state: 'not-confirmed', code: 'not-confirmed', reason: `${target.application} did not confirm the change and does not show whether it took place.` };
        }
        break;
      case 'absent':
        if (target.operation === 'delete') return this.confirmed(target, false);
        return { state: 'failed', code: 'not-found', reason: `The account "${target.nativeId ?? ''}" is no longer on ${target.application}.` };
      case 'transient':
        return { state: 'intent', code: read.code, reason: read.reason };
      case 'permanent':
        return { state: 'not-confirmed', code: read.code, reason: `The change was not confirmed, and reading the account back failed: ${read.reason}` };
    }
  }

  /** The system is as asked: the directory's copy follows, then the outcome is stored. A crash between the two repeats both, harmlessly. */
  private async confirmed(target: MitigationTargetDocument, alreadySo: boolean): Promise<TargetOutcome> {
    if (target.accountId !== null && !isRequestable(target.operation)) {
      await this.options.directory.applyChange(
        target.accountId,
        target.operation,
        { actor: this.options.actor, correlationId: target.alertId, operationId: target._id },
        { ...(target.entitlement ? { entitlement: target.entitlement } : {}), systemAlreadySo: alreadySo },
      );
    }
    return { state: 'done', alreadySo };
  }

  private async setRequestable(target: MitigationTargetDocument): Promise<TargetOutcome> {
    const { directory, clock, actor } = this.options;
    const { attribute, value } = target.entitlement ?? { attribute: '', value: '' };
    const gone: TargetOutcome = { state: 'failed', code: 'not-found', reason: `There is no entitlement "${value}" of type "${attribute}" any more.` };
    const entitlement = await directory.entitlement(target.applicationId, attribute, value);
    if (!entitlement) return gone;
    const requestable = target.operation === 'make-requestable';
    const record = newAuditRecord(
      {
        type: `audit.entitlement.${requestable ? 'enable' : 'disable'}`, actor, subject: { kind: 'entitlement', id: entitlement._id, name: value }, objects: [{ kind: 'application', id: target.applicationId, name: target.application }],
        correlationId: target.alertId, changes: [{ field: 'requestable', old: !requestable, new: requestable }],
      },
      clock,
    );
    switch (await directory.setRequestable(entitlement._id, requestable, record)) {
      case 'changed':
        return { state: 'done' };
      case 'already-so':
        return { state: 'done', alreadySo: true };
      case 'absent':
        return gone;
    }
  }

  /** A call that ends in time whatever the connector does; what it throws counts as not known, for the request may have gone out. */
  private async limited<T>(act: (signal: AbortSignal) => Promise<T>, unknown: (reason: string) => T): Promise<T> {
    const { callTimeoutMs } = this.options;
    const limit = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<T>((resolve) => {
      timer = setTimeout(() => {
        limit.abort(new Error('the time for the call is over'));
        // A moment for the connector's own word, which knows more.
        timer = setTimeout(() => resolve(unknown(`It did not answer within ${callTimeoutMs} ms.`)), Math.min(250, callTimeoutMs / 4));
      }, callTimeoutMs);
    });
    try {
      return await Promise.race([act(limit.signal).catch((error: unknown) => unknown(error instanceof Error ? error.message : String(error))), late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function isEnd(outcome: TargetOutcome): outcome is TargetOutcome & TargetEnd {
  return outcome.state === 'done' || outcome.state === 'failed' || outcome.state === 'not-confirmed';
}

/** Acts on the directory's catalogue, not on a connected system. */
function isRequestable(operation: TargetOperation): operation is 'make-not-requestable' | 'make-requestable' {
  return operation === 'make-not-requestable' || operation === 'make-requestable';
}

function noSystem(target: MitigationTargetDocument): TargetOutcome {
  return { state: 'failed', code: 'unknown-connector', reason: `The application ${target.application} is gone, or names a connector that this version does not have.` };
}

function call(connector: Connector, target: MitigationTargetDocument, context: ChangeContext): Promise<ChangeOutcome> {
  const nativeId = target.nativeId ?? '';
  switch (target.operation) {
    case 'disable':
      return connector.disable(nativeId, context);
    case 'delete':
      return connector.delete(nativeId, context);
    case 'remove-entitlement':
      return connector.removeEntitlement(nativeId, target.entitlement ?? { attribute: '', value: '' }, context);
    case 'force-password-change':
      return connector.forcePasswordChange(nativeId, context);
    case 'enable':
      return connector.enable(nativeId, context);
    case 'add-entitlement':
      return connector.addEntitlement(nativeId, target.entitlement ?? { attribute: '', value: '' }, context);
    case 'make-not-requestable':
    case 'make-requestable':
      return Promise.reject(new TypeError(`${target.operation} is an act on the directory`));
  }
}

/** Whether an account as it is now shows that the change took place. */
function shows(account: ConnectorAccount, { operation, entitlement }: MitigationTargetDocument): 'yes' | 'no' | 'unknown' {
  switch (operation) {
    case 'disable':
      return account.disabled ? 'yes' : 'no';
    case 'enable':
      return account.disabled ? 'no' : 'yes';
    case 'delete':
      return account.removed ? 'yes' : 'no';
    case 'remove-entitlement':
      return holds(account, entitlement) ? 'no' : 'yes';
    case 'add-entitlement':
      return holds(account, entitlement) ? 'yes' : 'no';
    case 'force-password-change':
      return account.passwordChangeRequired === undefined ? 'unknown' : account.passwordChangeRequired ? 'yes' : 'no';
    case 'make-not-requestable':
    case 'make-requestable':
      return 'unknown';
  }
}

function holds(account: ConnectorAccount, entitlement: MitigationTargetDocument['entitlement']): boolean {
  const key = entitlement && entitlementKey(entitlement.attribute, entitlement.value);
  return account.entitlements.some((held) => entitlementKey(held.attribute, held.value) === key);
}
