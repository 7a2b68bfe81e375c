import { Injectable, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Principal } from '../access/rights.js';
import { StoredSettings, type StoredValues } from '../settings/stored-settings.js';
import { LOG_LEVELS, type LogLevel, type PartLevels } from './log-levels.js';
import { PinoLog } from './pino-log.js';

const NAME = 'log-levels';
/** Key of the level of all parts without one of their own. */
const OTHERS = '*';
const CHECK_MS = 2000;

/**
 * Levels of the service log that were changed while it runs: stored, so that every process takes them over within seconds, whatever its roles, and again after a restart.
 * While the document store does not answer the levels stay as they are.
 */
@Injectable()
export class StoredLogLevels implements OnModuleInit, BeforeApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;
  private following: Promise<void> | undefined;
  private changes = 0;

  constructor(private readonly stored: StoredSettings, private readonly log: PinoLog) {}

  async onModuleInit(): Promise<void> {
    await this.follow();
    this.timer = setInterval(() => void (this.following ??= this.follow().finally(() => (this.following = undefined))), CHECK_MS);
    this.timer.unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.following;
  }

  /** The empty part is all without a level of their own; null gives a part what file and environment say. In this process at once. @throws when it cannot be stored; then nothing changes */
  async change(part: string, level: LogLevel | null, principal: Principal): Promise<void> {
    const stored = await this.stored.change(NAME, { [keyOf(part)]: level ?? undefined }, { principal, shown: (key) => this.log.levels.configuredOf(partOf(key)) });
    this.changes += 1;
    this.log.levels.change(levelsOf(stored));
  }

  private async follow(): Promise<void> {
    const before = this.changes;
    try {
      const levels = levelsOf(await this.stored.get(NAME));
      // What was read before a change of this process is older than it.
      if (this.changes === before) this.log.levels.change(levels);
    } catch {
      // The documents are away: the levels stay, and whoever needs the documents says so.
    }
  }
}

/** A level that this version of the service does not know counts as not set. */
function levelsOf({ values }: StoredValues): PartLevels {
  return new Map(Object.entries(values).flatMap(([key, value]) => (isLevel(value) ? [[partOf(key), value] as const] : [])));
}

function isLevel(value: unknown): value is LogLevel {
  return (LOG_LEVELS as readonly unknown[]).includes(value);
}

/** A dot in the name of a field means something to the document store. */
function keyOf(part: string): string {
  return part === '' ? OTHERS : part.replaceAll('.', '/');
}

function partOf(key: string): string {
  return key === OTHERS ? '' : key.replaceAll('/', '.');
}
