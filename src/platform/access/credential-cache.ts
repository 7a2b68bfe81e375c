import { createHmac, randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import type { Principal } from './rights.js';

/** What was proven by a password, and when it was last known to be true. */
export interface KnownCredential {
  principal: Principal;
  userVersion: number;
  /** When the password was hashed and compared (ms). */
  verifiedAt: number;
  /** When the user was last seen unchanged (ms). */
  checkedAt: number;
}

const ENTRIES = 1000;

/**
 * Remembers for a while which name and password belong together, so that Basic on every request does not hash every time.
 * Passwords are not kept: the key is an HMAC under a key that lives and dies with the process. Bounded; the least recently used goes first.
 */
@Injectable()
export class CredentialCache {
  private readonly key = randomBytes(32);
  private readonly entries = new Map<string, KnownCredential>();

  constructor(@Inject(SETTINGS) private readonly settings: Pick<Settings, 'access'>, @Inject(CLOCK) private readonly clock: Clock) {}

  /** Names a pair without telling it. */
  digest(nameKey: string, password: string): string {
    return createHmac('sha256', this.key).update(`${nameKey}\0${password}`).digest('base64');
  }

  get(digest: string): KnownCredential | undefined {
    const known = this.entries.get(digest);
    if (!known) return undefined;
    this.entries.delete(digest);
    if (this.clock.now() - known.verifiedAt >= this.settings.access.credentialCacheMs) return undefined;
    this.entries.set(digest, known);
    return known;
  }

  put(digest: string, known: KnownCredential): void {
    if (this.settings.access.credentialCacheMs === 0) return;
    this.entries.set(digest, known);
    const oldest = this.entries.size > ENTRIES ? this.entries.keys().next().value : undefined;
    if (oldest !== undefined) this.entries.delete(oldest);
  }

  drop(digest: string): void {
    this.entries.delete(digest);
  }

  /** The user changed in this process: nothing of it holds any more. */
  dropUser(id: string): void {
    for (const [digest, known] of this.entries) if (known.principal.id === id) this.entries.delete(digest);
  }
}
