import type { Settings } from '../../config/settings.js';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Which part of the service says how much. A part covers the parts below it: `engine` also `engine.lane`. */
export class LogLevels {
  private readonly byPart = new Map<string, LogLevel>();
  private standard: LogLevel;
  /** Grows with each change, so that logs may keep what they looked up. */
  version = 0;

  constructor({ level, levels }: Settings['log']) {
    this.standard = level;
    for (const entry of levels) {
      const [part = '', partLevel = level] = entry.split('=') as [string, LogLevel];
      this.byPart.set(part, partLevel);
    }
  }

  /** For one part; the empty part is the level of all others. `undefined` takes a part's own level away again. */
  set(part: string, level: LogLevel | undefined): void {
    if (part === '') this.standard = level ?? this.standard;
    else if (level === undefined) this.byPart.delete(part);
    else this.byPart.set(part, level);
    this.version += 1;
  }

  of(part: string): LogLevel {
    for (let name = part; name !== ''; name = name.slice(0, Math.max(0, name.lastIndexOf('.')))) {
      const level = this.byPart.get(name);
      if (level !== undefined) return level;
    }
    return this.standard;
  }

  all(): { level: LogLevel; parts: Record<string, LogLevel> } {
    return { level: this.standard, parts: Object.fromEntries(this.byPart) };
  }
}
