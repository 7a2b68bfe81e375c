import type { LoggerService } from '@nestjs/common';
import type { Log } from '../../contracts/log.js';

/** The framework speaks through the service's own log; its chatter at the start only at level debug. */
export class NestLog implements LoggerService {
  constructor(private readonly target: Log) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.target.debug({ part: partOf(rest) }, textOf(message));
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.target.debug({ part: partOf(rest) }, textOf(message));
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.target.debug({ part: partOf(rest) }, textOf(message));
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.target.warn({ part: partOf(rest) }, textOf(message));
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.target.error({ part: partOf(rest), stack: message instanceof Error ? message.stack : rest.length > 1 && typeof rest[0] === 'string' ? rest[0] : undefined }, textOf(message));
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.error(message, ...rest);
  }
}

/** The framework puts the name of the part that speaks last. */
function partOf(rest: readonly unknown[]): string | undefined {
  const last = rest.at(-1);
  return typeof last === 'string' ? last : undefined;
}

function textOf(message: unknown): string {
  return message instanceof Error ? message.message : typeof message === 'string' ? message : JSON.stringify(message);
}
