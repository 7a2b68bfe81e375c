import type { Settings } from '../config/settings.js';
import { systemClock } from '../contracts/clock.js';
import type { EventLog, LogRecord } from '../contracts/event-log.js';
import type { Log } from '../contracts/log.js';
import type { KeptPosition } from '../model/integration.js';
import { standsAt } from '../model/start-position.js';
import { openDocuments } from '../platform/documents/documents.module.js';
import type { DocumentStore } from '../platform/documents/document-store.js';
import { embeddedEventLog, kafkaEventLog } from '../platform/event-log/event-log.module.js';
import { CopiedPositions } from './copied-positions.js';
import type { CopyStateDocument } from './copy-state.schema.js';
import { CopyState } from './copy-state.js';

/** What belongs to running processes, or is made anew by them. */
const LEFT_OUT: ReadonlySet<string> = new Set(['engines', 'engine_commands', 'integration_status', 'leases', 'installation', 'producer-keys', 'log-replacements', 'cursors', 'copy_from_embedded']);
const BATCH_DOCUMENTS = 200;
const BATCH_EVENTS = 500;
/** As the API reckons: an engine whose heartbeat is younger lives. */
const LIVE_MS = 10_000;

export interface CopyReport {
  /** `already` when an earlier run did it all. */
  outcome: 'copied' | 'continued' | 'already';
  documents: number;
  /** Events that at least one integration had not received. */
  events: number;
  integrations: number;
  completedAt: Date;
}

export class CopyRefused extends Error {}

/**
 * Copies an installation from its embedded stores to Kafka and MongoDB: every document, how far each integration is, and the events that one of them has not received. The embedded
 * stores are only read. A run that was cut off is continued by the next one (at most one batch of events is then repeated, under the same ids); after one that ended nothing is done.
 * @throws CopyRefused with the fix; and what the stores throw, then the next run goes on
 */
export async function copyToEngines(settings: Settings, log: Log): Promise<CopyReport> {
  if (settings.kafka.brokers.length === 0 || settings.mongodb.uri === '') throw new CopyRefused('Set TIDEGATE_KAFKA_BROKERS and TIDEGATE_MONGODB_URI to where the installation is to go, and TIDEGATE_DATA_DIR to where it is.');
  const former = await openDocuments({ ...settings, mongodb: { ...settings.mongodb, uri: '' } }, log);
  try {
    const now = await openDocuments(settings, log);
    try {
      return await copyDocumentsAndEvents(former, now, settings, log);
    } finally {
      await now.close();
    }
  } finally {
    await former.close();
  }
}

async function copyDocumentsAndEvents(former: DocumentStore, now: DocumentStore, settings: Settings, log: Log): Promise<CopyReport> {
  const states = new CopyState(now);
  const known = await states.read();
  if (known?.completedAt) return { outcome: 'already', documents: known.documents, events: known.events, integrations: await collection(now, 'integrations').countDocuments({ deleted: false }), completedAt: known.completedAt };
  await refuseWhileRunning(former);
  if (!known && (await collection(now, 'users').countDocuments({})) > 0) throw new CopyRefused('The MongoDB database holds an installation already: name an empty one in TIDEGATE_MONGODB_URI.');
  const state = known ?? (await states.begin(new Date(systemClock.now())));

  state.documents = await copyDocuments(former, now, log);
  await states.save(state);
  const integrations = await collection(former, 'integrations').find({ deleted: false }, { projection: { startPositions: 1, resumePositions: 1 } }).toArray();
  // Only those that were enabled once have something to receive.
  const begun = integrations.filter((document) => document['startPositions'] !== undefined && document['startPositions'] !== null);
  await copyEvents(former, now, begun.map((document) => ({ id: String(document._id), startPositions: document['startPositions'] as Record<string, number>, resumePositions: (document['resumePositions'] ?? {}) as Record<string, KeptPosition> })), { settings, log, states, state });
  state.completedAt = new Date(systemClock.now());
  await states.save(state);
  return { outcome: known ? 'continued' : 'copied', documents: state.documents, events: state.events, integrations: integrations.length, completedAt: state.completedAt };
}

async function refuseWhileRunning(former: DocumentStore): Promise<void> {
  const live = await collection(former, 'engines').findOne({ heartbeatAt: { $gte: new Date(systemClock.now() - LIVE_MS) } });
  if (live) throw new CopyRefused(`The service runs on these embedded stores (engine ${String(live._id)}): stop it, wait ten seconds, and copy again.`);
}

/** Everything but what belongs to running processes. What is there already is replaced: nobody works on it before the copy ended. */
async function copyDocuments(former: DocumentStore, now: DocumentStore, log: Log): Promise<number> {
  let copied = 0;
  const found = (await database(former).listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name).filter((name) => !LEFT_OUT.has(name)).sort();
  for (const name of found) {
    let batch: Array<Record<string, unknown>> = [];
    let count = 0;
    const write = async (): Promise<void> => {
      if (batch.length === 0) return;
      await collection(now, name).bulkWrite(batch.map((document) => ({ replaceOne: { filter: { _id: document['_id'] as never }, replacement: document, upsert: true } })), { ordered: false });
      count += batch.length;
      batch = [];
    };
    for await (const document of collection(former, name).find({})) {
      batch.push(document);
      if (batch.length >= BATCH_DOCUMENTS) await write();
    }
    await write();
    log.info({ collection: name, documents: count }, 'documents were copied');
    copied += count;
  }
  return copied;
}

interface Begun {
  id: string;
  startPositions: Record<string, number>;
  resumePositions: Record<string, KeptPosition>;
}
interface Running {
  settings: Settings;
  log: Log;
  states: CopyState;
  state: CopyStateDocument;
}

async function copyEvents(former: DocumentStore, now: DocumentStore, begun: readonly Begun[], running: Running): Promise<void> {
  const { settings, log } = running;
  const from = embeddedEventLog(settings, systemClock, log);
  const to = await kafkaEventLog(settings, systemClock, log);
  try {
    await from.open();
    await to.open();
    const formerCursors = await cursorsOf(former, from, begun);
    const positions = new CopiedPositions(formerCursors, begun.map(({ id }) => id), running.state.firstUnread);
    for (const { partition, first, next } of await from.ranges()) {
      const wanted = positions.firstWanted(partition);
      if (wanted !== undefined) await copyPartition(from, to, { partition, first: Math.max(first, wanted), end: next }, positions, running);
    }
    await writeCursors(now, to, begun, positions);
  } finally {
    await from.close();
    await to.close();
  }
}

/** Where an integration stands: the furthest of its cursor and of what is kept with it, else where its first enabling said, else at the oldest event: as the engine reckons. */
async function cursorsOf(former: DocumentStore, log: EventLog, begun: readonly Begun[]): Promise<Map<string, number>> {
  const saved = new Map((await collection(former, 'cursors').find({}).toArray()).map((document) => [String(document._id), { position: Number(document['position']), resets: Number(document['resets'] ?? 0) }]));
  const ranges = await log.ranges();
  return new Map(begun.flatMap((integration) => ranges.map(({ partition, first }): [string, number] => {
    const id = `${integration.id}:${partition}`;
    return [id, standsAt(integration, partition, saved.get(id))?.position ?? first];
  })));
}

async function copyPartition(from: EventLog, to: EventLog, { partition, first, end }: { partition: number; first: number; end: number }, positions: CopiedPositions, { states, state, log }: Running): Promise<void> {
  let at = Math.max(first, state.next[String(partition)] ?? 0);
  const reader = await from.openReader(partition, at, 'copy', { maxRecords: BATCH_EVENTS });
  try {
    while (at < end) {
      const batch = await reader.next();
      const [records, next] = [[...batch.records], batch.next];
      const appended = await appendAll(to, records);
      records.forEach((record, index) => {
        const place = appended[index];
        if (place) positions.moved(record, place);
      });
      at = Math.max(at, next);
      state.events += records.length;
      state.next[String(partition)] = at;
      state.firstUnread = positions.toRecord();
      await states.save(state);
    }
  } finally {
    await reader.close();
  }
  log.info({ partition, from: first, to: end }, 'events were copied');
}

/** One after the other until each of them is durable: order is kept within each key. */
async function appendAll(to: EventLog, records: readonly LogRecord[]): Promise<Array<{ partition: number; offset: number }>> {
  const outcomes = await to.append(records.map(({ key, value, headers }) => ({ key, value, ...(headers ? { headers } : {}) })));
  return outcomes.map((outcome) => {
    if (outcome.type === 'unavailable') throw new Error(`${outcome.reason} Run the command again: it goes on where it stopped.`);
    return { partition: outcome.partition, offset: outcome.offset };
  });
}

async function writeCursors(now: DocumentStore, to: EventLog, begun: readonly Begun[], positions: CopiedPositions): Promise<void> {
  const ranges = await to.ranges();
  const log = await to.identity();
  const updatedAt = new Date(systemClock.now());
  for (const { id } of begun) {
    const cursors = ranges.map(({ partition, next }) => ({ partition, position: positions.cursorOf(id, partition, next) }));
    await collection(now, 'cursors').bulkWrite(
      cursors.map(({ partition, position }) => ({ replaceOne: { filter: { _id: `${id}:${partition}` as never }, replacement: { integrationId: id, partition, position, log, updatedAt }, upsert: true } })),
    );
    // Those of the former log mean other events here.
    await collection(now, 'integrations').updateOne({ _id: id as never }, { $set: { startLog: log, startPositions: Object.fromEntries(cursors.map(({ partition, position }) => [String(partition), position])) }, $unset: { resumePositions: 1 } });
  }
}

function database(store: DocumentStore) {
  const { db } = store.connection;
  if (!db) throw new Error('the document store is not connected');
  return db;
}

const collection = (store: DocumentStore, name: string) => database(store).collection(name);
