import { Inject, Injectable } from '@nestjs/common';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { redactText } from './redact.js';

export interface HealthState {
  ok: boolean;
  /** One sentence when not ok. */
  reason?: string;
  /** One sentence on what it cannot know although it works. */
  note?: string;
}

/** Asks one dependency; may throw, which counts as not ok. */
export type HealthCheck = () => Promise<HealthState> | HealthState;

export interface Health {
  ok: boolean;
  checks: Record<string, HealthState>;
}

const CHECK_MS = 2000;
/** The route is public: however often it is asked, dependencies are asked once in so long. */
const FRESH_MS = 1000;
const REASON_LENGTH = 300;

/** Where every part that others depend on says how to ask whether it works. */
@Injectable()
export class HealthRegistry {
  private readonly checks = new Map<string, HealthCheck>();
  private latest: { at: number; health: Promise<Health> } | undefined;

  constructor(@Inject(CLOCK) private readonly clock: Clock) {}

  /** `name` is shown: lower-case words with hyphens. The same name again replaces the check. */
  register(name: string, check: HealthCheck): void {
    this.checks.set(name, check);
    this.latest = undefined;
  }

  /** Ready when every check is ok. A check that does not answer within 2 s is not ok. Never throws. */
  async ask(): Promise<Health> {
    const now = this.clock.now();
    if (!this.latest || now - this.latest.at >= FRESH_MS || now < this.latest.at) this.latest = { at: now, health: this.askAll() };
    return this.latest.health;
  }

  private async askAll(): Promise<Health> {
    const states = await Promise.all([...this.checks].map(async ([name, check]) => [name, await stateOf(check)] as const));
    return { ok: states.every(([, { ok }]) => ok), checks: Object.fromEntries(states) };
  }
}

async function stateOf(check: HealthCheck): Promise<HealthState> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<HealthState>((resolve) => {
    timer = setTimeout(() => resolve({ ok: false, reason: `no answer within ${CHECK_MS / 1000} s` }), CHECK_MS);
  });
  try {
    const { ok, reason, note } = await Promise.race([Promise.resolve().then(check), late]);
    return ok ? { ok, ...(note === undefined ? {} : { note: shown(note) }) } : { ok, reason: shown(reason ?? 'not available') };
  } catch (error) {
    return { ok: false, reason: shown(error instanceof Error ? error.message : String(error)) };
  } finally {
    clearTimeout(timer);
  }
}

function shown(reason: string): string {
  return redactText(reason).slice(0, REASON_LENGTH);
}
