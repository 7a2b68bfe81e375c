import { createHash, randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import type { Actor } from '../../model/audit-event.js';
import { withAudit } from '../audit/audit-outbox.js';
import { AuditRelay } from '../audit/audit.relay.js';
import { newAuditRecord } from '../audit/new-audit-record.js';
import { DocumentStore } from '../documents/document-store.js';
import { accessTokenSchema, type AccessTokenDocument } from './access-token.schema.js';
import type { Principal } from './rights.js';
import { effectiveRights } from './roles.js';
import { userSchema, type UserDocument } from './user.schema.js';

/** A token without its audit. */
export type AccessToken = Pick<AccessTokenDocument, '_id' | 'userId' | 'userName' | 'createdAt' | 'expiresAt' | 'revokedAt'>;

/** 256 bits in 43 characters. */
const TOKEN_BYTES = 32;
const CACHED = 1000;
/** A token that is over stays visible for so long, so that its revocation is told. */
const PURGE_MS = 7 * 86_400_000;

/**
 * Bearer tokens: opaque, stored as a hash, with an end. A token is worth what its user is worth now: a disabled or removed user, a new password and a revocation end it
 * everywhere within `access.credentialRecheckMs`.
 */
@Injectable()
export class AccessTokens {
  private readonly tokens: Model<AccessTokenDocument>;
  private readonly users: Model<UserDocument>;
  private readonly known = new Map<string, { principal: Principal; until: number }>();

  constructor(store: DocumentStore, private readonly relay: AuditRelay, @Inject(SETTINGS) private readonly settings: Pick<Settings, 'access'>, @Inject(CLOCK) private readonly clock: Clock) {
    this.tokens = store.model<AccessTokenDocument>('access-token', accessTokenSchema);
    this.users = store.model<UserDocument>('user', userSchema);
    relay.watch(this.tokens);
  }

  /** A new token of somebody who has proven who it is. Durable when it answers. */
  async issue(principal: Pick<Principal, 'id' | 'name'>): Promise<{ token: string; expiresAt: Date }> {
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    const now = this.clock.now();
    const expiresAt = new Date(now + this.settings.access.tokenLifetimeMs);
    await this.tokens.create({ _id: hashOf(token), userId: principal.id, userName: principal.name, createdAt: new Date(now), expiresAt, revokedAt: null, purgeAt: new Date(expiresAt.getTime() + PURGE_MS) });
    return { token, expiresAt };
  }

  /** Whose token it is; undefined when it is unknown, over, revoked, or its user may not log in any more. @throws when the document store does not answer */
  async verify(token: string, ip: string | undefined): Promise<Principal | undefined> {
    const hash = hashOf(token);
    const now = this.clock.now();
    const cached = this.known.get(hash);
    if (cached && now < cached.until) return { ...cached.principal, ip };
    this.known.delete(hash);
    const found = await this.tokens.findOne({ _id: hash, revokedAt: null, expiresAt: { $gt: new Date(now) } }).lean<AccessTokenDocument | null>();
    if (!found) return undefined;
    const user = await this.users.findOne({ _id: found.userId, disabled: false, deletedAt: null }).lean<UserDocument | null>();
    if (!user || user.passwordChangedAt > found.createdAt) return undefined;
    const principal: Principal = { id: user._id, name: user.name, rights: effectiveRights(user) };
    this.known.set(hash, { principal, until: Math.min(found.expiresAt.getTime(), now + this.settings.access.credentialRecheckMs) });
    const oldest = this.known.size > CACHED ? this.known.keys().next().value : undefined;
    if (oldest !== undefined) this.known.delete(oldest);
    return { ...principal, ip };
  }

  /** Newest first. */
  async list({ page, pageSize }: { page: number; pageSize: number }): Promise<{ items: AccessToken[]; total: number }> {
    const live = { expiresAt: { $gt: new Date(this.clock.now()) } };
    const [items, total] = await Promise.all([
      this.tokens.find(live, { auditOutbox: 0 }).sort({ createdAt: -1, _id: 1 }).skip((page - 1) * pageSize).limit(pageSize).lean<AccessToken[]>(),
      this.tokens.countDocuments(live),
    ]);
    return { items, total };
  }

  /** False when there is none that could be revoked. */
  async revoke(id: string, actor: Actor): Promise<boolean> {
    const found = await this.tokens.findOne({ _id: id, revokedAt: null }).lean<AccessTokenDocument | null>();
    if (!found) return false;
    const record = newAuditRecord({ type: 'audit.tidegate-token.revoke', actor, subject: { kind: 'tidegate-token', id, name: found.userName } }, this.clock);
    const { modifiedCount } = await this.tokens.updateOne({ _id: id, revokedAt: null }, withAudit<AccessTokenDocument>({ $set: { revokedAt: new Date(this.clock.now()) } }, record));
    this.known.delete(id);
    this.relay.wake();
    return modifiedCount === 1;
  }
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
