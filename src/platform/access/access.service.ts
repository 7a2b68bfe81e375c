import { Inject, Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { DocumentStore } from '../documents/document-store.js';
import { CredentialCache, type KnownCredential } from './credential-cache.js';
import { LoginDelays } from './login-delays.js';
import { PasswordHash } from './password-hash.js';
import type { Principal } from './rights.js';
import { effectiveRights } from './roles.js';
import { nameKey, userSchema, type UserDocument } from './user.schema.js';

/** `wrong`: no such user, another password, or disabled; told alike. `delayed`: too many failures before. `busy`: too many logins at once. */
export type Verification = { type: 'verified'; principal: Principal } | { type: 'wrong' } | { type: 'delayed'; retryAfterMs: number } | { type: 'busy'; retryAfterMs: number };

/** Tells who a name and password belong to. */
@Injectable()
export class AccessService {
  private readonly users: Model<UserDocument>;
  /** Requests that carry the same credentials at the same time wait for one hash. */
  private readonly verifying = new Map<string, Promise<Verification>>();

  constructor(
    store: DocumentStore,
    private readonly hashes: PasswordHash,
    private readonly cache: CredentialCache,
    private readonly delays: LoginDelays,
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'access'>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.users = store.model<UserDocument>('user', userSchema);
  }

  /** @throws when the document store cannot be asked */
  async verify(name: string, password: string, ip: string | undefined): Promise<Verification> {
    const key = nameKey(name);
    const digest = this.cache.digest(key, password);
    const known = this.cache.get(digest);
    // A proven password passes even while somebody guesses at the same name from the same address.
    if (known && (await this.stillHolds(digest, known))) return { type: 'verified', principal: { ...known.principal, ip } };
    const flight = `${digest}\0${ip ?? ''}`;
    const running = this.verifying.get(flight) ?? this.compare(key, password, digest, ip).finally(() => this.verifying.delete(flight));
    this.verifying.set(flight, running);
    return running;
  }

  /** Another process may have changed the user: it is looked at again each `credentialRecheckMs`. */
  private async stillHolds(digest: string, known: KnownCredential): Promise<boolean> {
    const now = this.clock.now();
    const before = known.checkedAt;
    if (now - before < this.settings.access.credentialRecheckMs) return true;
    // One request looks; those beside it go on with what is known for this moment.
    known.checkedAt = now;
    try {
      const unchanged = await this.users.exists({ _id: known.principal.id, version: known.userVersion, disabled: false, deletedAt: null });
      if (!unchanged) this.cache.drop(digest);
      return unchanged !== null;
    } catch (error) {
      known.checkedAt = before;
      throw error;
    }
  }

  private async compare(key: string, password: string, digest: string, ip: string | undefined): Promise<Verification> {
    const retryAfterMs = this.delays.begin(key, ip);
    if (retryAfterMs > 0) return { type: 'delayed', retryAfterMs };
    try {
      const user = await this.users.findOne({ key, deletedAt: null }).lean<UserDocument | null>();
      const now = this.clock.now();
      const matches = await this.hashes.matches(user?.passwordHash, password);
      if (matches === 'busy') {
        this.delays.withdraw(key, ip);
        return { type: 'busy', retryAfterMs: 1000 };
      }
      if (!user || !matches || user.disabled) return { type: 'wrong' };
      const principal: Principal = { id: user._id, name: user.name, rights: effectiveRights(user) };
      this.delays.succeeded(key, ip);
      // As of the read: a change while the hash was computed shows at the next look.
      this.cache.put(digest, { principal, userVersion: user.version, verifiedAt: now, checkedAt: now });
      return { type: 'verified', principal: { ...principal, ip } };
    } catch (error) {
      this.delays.withdraw(key, ip);
      throw error;
    }
  }
}
