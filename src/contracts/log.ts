/**
 * The service's own log (pino behind it). One wide line an attempt with all facts, instead of ten thin ones.
 * warn = nothing lost; error = data at risk or a person needed. Never log a secret, a password or an event's values.
 */
export interface Log {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
  /** The same log with the name of the part that speaks, for example `engine`. */
  child(part: string): Log;
}
export const LOG = Symbol('Log');

/** A log that says nothing, for tests. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silentLog };
