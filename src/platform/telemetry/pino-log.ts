import { pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino';
import type { Settings } from '../../config/settings.js';
import type { Log } from '../../contracts/log.js';
import { LOG_LEVELS, LogLevels, type LogLevel } from './log-levels.js';
import { redact, redactText } from './redact.js';

/** A line of the log at warn or above, as it was written: secrets are masked. */
export interface LogRecord {
  level: 'warn' | 'error';
  /** Empty for the service itself. */
  part: string;
  facts: Record<string, unknown>;
  message: string;
}
/** Never throws, never waits, and writes nothing to the log itself. */
export type LogWatcher = (record: LogRecord) => void;

/** The service log: one JSON line each to standard output, secrets masked, a level a part that may be changed while it runs. */
export class PinoLog implements Log {
  private known: { version: number; rank: number } | undefined;

  private constructor(private readonly logger: Logger, readonly levels: LogLevels, private readonly part: string, private readonly watchers: Set<LogWatcher>) {}

  /** `destination` for tests; standard output else. */
  static create(settings: Pick<Settings, 'log'>, destination?: DestinationStream): PinoLog {
    const options = {
      // Levels are decided here, a part at a time.
      level: 'debug',
      base: undefined,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label: string) => ({ level: label }), log: (facts: Record<string, unknown>) => redact(facts) as Record<string, unknown> },
    };
    return new PinoLog(destination ? pino(options, destination) : pino(options), new LogLevels(settings.log), '', new Set());
  }

  debug(facts: object, message: string): void {
    this.write('debug', facts, message);
  }

  info(facts: object, message: string): void {
    this.write('info', facts, message);
  }

  warn(facts: object, message: string): void {
    this.write('warn', facts, message);
  }

  error(facts: object, message: string): void {
    this.write('error', facts, message);
  }

  child(part: string): PinoLog {
    return new PinoLog(this.logger, this.levels, this.part === '' ? part : `${this.part}.${part}`, this.watchers);
  }

  /** Tells each line at warn or above that is written, of every part, from now on. @returns ends it */
  watch(watcher: LogWatcher): () => void {
    this.watchers.add(watcher);
    return () => void this.watchers.delete(watcher);
  }

  private write(level: Exclude<LogLevel, 'silent'>, facts: object, message: string): void {
    if (this.known?.version !== this.levels.version) this.known = { version: this.levels.version, rank: LOG_LEVELS.indexOf(this.levels.of(this.part)) };
    if (LOG_LEVELS.indexOf(level) < this.known.rank) return;
    this.logger[level](this.part === '' ? facts : { part: this.part, ...facts }, redactText(message));
    if (this.watchers.size === 0 || (level !== 'warn' && level !== 'error')) return;
    const record: LogRecord = { level, part: this.part, facts: redact(facts) as Record<string, unknown>, message: redactText(message) };
    for (const watcher of this.watchers) watcher(record);
  }
}
