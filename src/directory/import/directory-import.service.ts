import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuidV7 } from 'uuid';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import type { Actor, Outcome } from '../../model/audit-event.js';
import { AuditService } from '../../platform/audit/audit.service.js';
import { newAuditRecord } from '../../platform/audit/new-audit-record.js';
import { Problem } from '../../platform/http/problem.js';
import type { DirectoryAct } from '../account-changes.js';
import type { DirectoryRecord } from '../directory-kind.js';
import { DirectoryKinds, type RecordFilter, type StoredKind } from '../directory-kinds.js';
import { DirectoryRecords } from '../directory-records.service.js';
import type { IdentityBody } from '../identity.kind.js';
import { ReferenceReader, type References } from '../references.js';
import { ImportTally, type ImportReport } from './import-report.js';
import { countRows, type ImportRow, type ImportRows } from './import-rows.js';
import { managerOrder } from './reporting-line.js';

/** Records whose references and present state are read in one go. */
const CHUNK = 500;
/** Writes at the same time. */
const WRITERS = 16;
const MOST_TRIES = 20;

/** One record on its way into the directory. */
interface Candidate<B> {
  row: ImportRow<B>;
  body: B;
}

/**
 * Upserts by natural key: identities, then applications, then entitlements, then accounts, so that each finds what it names. Each record is stored whole or refused;
 * the same import again changes nothing. Begin and end are audited.
 */
@Injectable()
export class DirectoryImportService {
  constructor(
    private readonly kinds: DirectoryKinds,
    private readonly records: DirectoryRecords,
    private readonly references: ReferenceReader,
    private readonly audit: AuditService,
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'directory'>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws Problem 413 when it is too much for one request; what the stores throw, after it was audited as failed: what was stored until then is whole and stays */
  async import(rows: ImportRows, actor: Actor): Promise<ImportReport> {
    const most = this.settings.directory.importRows;
    const count = countRows(rows);
    if (count > most) throw new Problem(413, 'too-many-records', `The import has ${count} records; at most ${most} (directory.importRows) are taken at once. Send it in parts.`, { limit: most });
    const importId = uuidV7();
    const tally = new ImportTally(importId, this.settings.directory.importRefusals);
    const act: DirectoryAct = { actor, correlationId: importId, reason: 'Import.' };
    // The intent first: should the process die on the way, it is known that something was imported, by whom and when.
    await this.record('start', importId, actor, 'unknown', { records: count });
    try {
      await this.identities(rows.identity as ImportRow<IdentityBody>[], tally, act);
      await this.ofKind(this.kinds.application, rows.application, tally, act);
      await this.ofKind(this.kinds.entitlement, rows.entitlement, tally, act);
      await this.ofKind(this.kinds.account, rows.account, tally, act);
    } catch (error) {
      await this.record('import', importId, actor, 'failure', tally.attributes(), error instanceof Error ? error.message : String(error));
      throw error;
    }
    await this.record('import', importId, actor, 'success', tally.attributes());
    return tally.report();
  }

  private async identities(rows: ImportRow<IdentityBody>[], tally: ImportTally, act: DirectoryAct): Promise<void> {
    const { waves, circles } = managerOrder(rows);
    const seen = new Map<string, ImportRow>();
    for (const wave of waves) await this.ofKind(this.kinds.identity, wave, tally, act, seen);
    for (const row of circles) tally.refuse('identity', row.place, row.body.type === 'body' ? row.body.body.name : null, [{ pointer: '/manager', message: 'the managers manage each other in a circle' }]);
  }

  private async ofKind<T extends DirectoryRecord, B>(kind: StoredKind<T, B>, rows: readonly ImportRow[], tally: ImportTally, act: DirectoryAct, seen = new Map<string, ImportRow>()): Promise<void> {
    for (let at = 0; at < rows.length; at += CHUNK) await this.chunk(kind, rows.slice(at, at + CHUNK) as ImportRow<B>[], tally, act, seen);
  }

  private async chunk<T extends DirectoryRecord, B>(kind: StoredKind<T, B>, rows: readonly ImportRow<B>[], tally: ImportTally, act: DirectoryAct, seen: Map<string, ImportRow>): Promise<void> {
    const good: Candidate<B>[] = [];
    for (const row of rows) {
      if (row.body.type === 'body') good.push({ row, body: row.body.body });
      else tally.refuse(kind.name, row.place, null, row.body.items);
    }
    const names = await this.references.read(...good.map(({ body }) => kind.wants(body)));
    const byKey = new Map<string, Candidate<B>>();
    const unkeyed: Candidate<B>[] = [];
    for (const candidate of good) {
      const key = kind.keyOf(candidate.body, names);
      // What it names is not there: `put` says what.
      if (!key) {
        unkeyed.push(candidate);
        continue;
      }
      const keyText = JSON.stringify(key);
      const first = seen.get(keyText);
      if (first) tally.refuse(kind.name, candidate.row.place, kind.title(candidate.body), [{ pointer: '', message: `the same ${kind.name} as ${placeText(first)}` }]);
      else {
        seen.set(keyText, candidate.row);
        byKey.set(keyText, candidate);
      }
    }
    const stored = await this.stored(kind, [...byKey.keys()].map((key) => JSON.parse(key) as Record<string, unknown>));
    const references = await this.references.read(...good.map(({ body }) => kind.wants(body)), ...[...stored.values()].map((document) => kind.refersTo(document)));
    await inParallel([...unkeyed.map((candidate) => ({ candidate, before: null })), ...[...byKey].map(([key, candidate]) => ({ candidate, before: stored.get(key) ?? null }))], ({ candidate, before }) =>
      this.one(kind, candidate, before, references, tally, act),
    );
  }

  /** The records that are there, by the text of their key. */
  private async stored<T extends DirectoryRecord, B>(kind: StoredKind<T, B>, keys: Array<Record<string, unknown>>): Promise<Map<string, T>> {
    const found = new Map<string, T>();
    if (keys.length === 0) return found;
    const fields = Object.keys(keys[0] ?? {});
    const conditions = fields.map((field) => [field, { $in: [...new Set(keys.map((key) => key[field]))] }]);
    const documents = await kind.model.find({ ...(Object.fromEntries(conditions) as object), ...kind.live } as RecordFilter<T>, { auditOutbox: 0 } as never).lean<T[]>();
    for (const document of documents) found.set(JSON.stringify(Object.fromEntries(fields.map((field) => [field, document[field as keyof T]]))), document);
    return found;
  }

  private async one<T extends DirectoryRecord, B>(kind: StoredKind<T, B>, { row, body }: Candidate<B>, stored: T | null, known: References, tally: ImportTally, act: DirectoryAct): Promise<void> {
    let before = stored;
    let references = known;
    for (let tries = 1; tries <= MOST_TRIES; tries += 1) {
      const outcome = await this.records.put(kind, body, before, references, act, { audit: this.settings.directory.auditImportedRecords });
      if (outcome.type === 'refused') return tally.refuse(kind.name, row.place, kind.title(body), outcome.items);
      if (outcome.type !== 'conflict') {
        tally.stored(kind.name, outcome.type);
        tally.entitlementsLearned += outcome.learned;
        if ('identityId' in outcome.document && outcome.document.identityId === null) tally.accountsUncorrelated += 1;
        return;
      }
      const key = kind.keyOf(body, references);
      before = key ? await kind.model.findOne({ ...key, ...kind.live } as RecordFilter<T>).lean<T>() : null;
      references = await this.references.read(kind.wants(body), ...(before ? [kind.refersTo(before)] : []));
    }
    tally.refuse(kind.name, row.place, kind.title(body), [{ pointer: '', message: 'too many writers at the same time; import it again' }]);
  }

  private async record(verb: 'start' | 'import', importId: string, actor: Actor, outcome: Outcome, attributes: Record<string, number>, reason?: string): Promise<void> {
    await this.audit.record(newAuditRecord({ type: `audit.directory.${verb}`, actor, subject: { kind: 'directory', id: importId, name: 'import' }, outcome, correlationId: importId, attributes, ...(reason === undefined ? {} : { reason }) }, this.clock));
  }
}

function placeText({ place }: ImportRow): string {
  return place.line === undefined ? (place.pointer ?? 'another one') : `in line ${place.line}`;
}

async function inParallel<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let item = items[next]; item !== undefined; item = items[next]) {
      next += 1;
      await act(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(WRITERS, items.length) }, worker));
}
