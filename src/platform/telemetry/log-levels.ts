import type { Settings } from '../../config/settings.js';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
/** Levels by part; the empty part is the level of all others. */
export type PartLevels = ReadonlyMap<string, LogLevel>;

/** Which part of the service says how much: what file and environment say, and on top of it what was changed since. A part covers the parts below it: `engine` also `engine.lane`. */
export class LogLevels {
  private readonly configured: PartLevels;
  private readonly standard: LogLevel;
  private byPart: PartLevels;
  /** Grows with each change, so that logs may keep what they looked up. */
  version = 0;

  constructor({ level, levels }: Settings['log']) {
    this.standard = level;
    this.configured = new Map([['', level], ...levels.map((entry) => entry.split('=') as [string, LogLevel])]);
    this.byPart = this.configured;
  }

  /** Takes these as all that was changed: each counts before what is configured for the same part. */
  change(changed: PartLevels): void {
    this.byPart = new Map([...this.configured, ...changed]);
    this.version += 1;
  }

  of(part: string): LogLevel {
    return this.levelIn(this.byPart, part);
  }

  /** What counts without any change. */
  configuredOf(part: string): LogLevel {
    return this.levelIn(this.configured, part);
  }

  all(): { level: LogLevel; parts: Record<string, LogLevel> } {
    return { level: this.of(''), parts: Object.fromEntries([...this.byPart].filter(([part]) => part !== '')) };
  }

  private levelIn(levels: PartLevels, part: string): LogLevel {
    for (let name = part; name !== ''; name = name.slice(0, Math.max(0, name.lastIndexOf('.')))) {
      const level = levels.get(name);
      if (level !== undefined) return level;
    }
    return levels.get('') ?? this.standard;
  }
}
