import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import type { Actor, FieldChange } from '../../model/audit-event.js';
import { AuditRelay } from '../audit/audit.relay.js';
import { withAudit } from '../audit/audit-outbox.js';
import { newAuditRecord } from '../audit/new-audit-record.js';
import { DocumentStore } from '../documents/document-store.js';
import { Leases, type Lease } from '../jobs/leases.js';
import { CredentialCache } from './credential-cache.js';
import { PasswordHash } from './password-hash.js';
import type { Right } from './rights.js';
import { ADMINISTRATOR_RIGHT, ADMINISTRATOR_ROLES, effectiveRights, type RoleName } from './roles.js';
import { nameKey, userSchema, type UserDocument } from './user.schema.js';

export interface NewUser {
  name: string;
  /** null: it cannot log in until an administrator gives it one. */
  password: string | null;
  roles: readonly RoleName[];
  rights: readonly Right[];
  disabled: boolean;
}

export interface UserChange {
  password?: string;
  roles?: readonly RoleName[];
  rights?: readonly Right[];
  disabled?: boolean;
  /** The version that the one who asks has seen; refused when the user has another by now. */
  version?: number;
}

/** A user without its hash. */
export type User = Omit<UserDocument, 'passwordHash' | 'auditOutbox' | 'handover' | 'key' | 'deletedAt'>;

export type CreateOutcome = { type: 'created'; user: User } | { type: 'name-taken' };
export type ChangeOutcome = { type: 'changed'; user: User } | { type: 'unknown' } | { type: 'version-conflict'; version: number } | { type: 'last-administrator' };
export type RemoveOutcome = { type: 'removed'; user: User } | Exclude<ChangeOutcome, { type: 'changed' }>;

/** Only one process at a time takes an administrator away, so that two who do so to each other leave one. */
const LEASE_NAME = 'last-administrator';
const LEASE_MS = 30_000;
const LEASE_TRIES = 100;
const LEASE_WAIT_MS = 50;

/** Who may ask for something: made, changed and removed, each act recorded in the same write. */
@Injectable()
export class UsersService {
  private readonly users: Model<UserDocument>;

  constructor(
    store: DocumentStore,
    private readonly relay: AuditRelay,
    private readonly leases: Leases,
    private readonly hashes: PasswordHash,
    private readonly cache: CredentialCache,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.users = store.model<UserDocument>('user', userSchema);
    relay.watch(this.users, { removeWhenEmpty: true });
  }

  async list({ search, page, pageSize }: { search?: string; page: number; pageSize: number }): Promise<{ items: User[]; total: number }> {
    const filter = { deletedAt: null, ...(search === undefined ? {} : { key: { $regex: escaped(nameKey(search)) } }) };
    const [items, total] = await Promise.all([
      this.users.find(filter).sort({ key: 1 }).skip((page - 1) * pageSize).limit(pageSize).lean<UserDocument[]>(),
      this.users.countDocuments(filter),
    ]);
    return { items: items.map(shown), total };
  }

  async get(id: string): Promise<User | undefined> {
    const user = await this.users.findOne({ _id: id, deletedAt: null }).lean<UserDocument | null>();
    return user ? shown(user) : undefined;
  }

  /** Whether there is anybody who has a password. */
  async any(): Promise<boolean> {
    return (await this.users.exists({ deletedAt: null, passwordHash: { $ne: '' } })) !== null;
  }

  /** Whether the named user has another password than this one; false when there is no such user. */
  async hasOtherPassword(name: string, password: string): Promise<boolean> {
    const user = await this.users.findOne({ key: nameKey(name), deletedAt: null }).lean<UserDocument | null>();
    return user !== null && (await this.hashes.matches(user.passwordHash, password)) === false;
  }

  async create(user: NewUser, actor: Actor, handover: UserDocument['handover'] = null): Promise<CreateOutcome> {
    const now = new Date(this.clock.now());
    const id = randomUUID();
    const { name, roles, rights, disabled } = { ...user, name: user.name.normalize('NFC').trim() };
    const changes: FieldChange[] = [{ field: 'name', new: name }, { field: 'roles', new: [...roles] }, { field: 'rights', new: [...rights] }, { field: 'disabled', new: disabled }];
    const document: UserDocument = {
      _id: id, name, key: nameKey(name), passwordHash: user.password === null ? '' : await this.hashes.hash(user.password), passwordChangedAt: now, roles: [...roles], rights: [...rights], disabled, handover,
      version: 1, createdAt: now, updatedAt: now, deletedAt: null,
      auditOutbox: [newAuditRecord({ type: 'audit.tidegate-user.create', actor, subject: subjectOf({ _id: id, name }), changes }, this.clock)],
    };
    try {
      await this.users.create(document);
    } catch (error) {
      if (isDuplicateKey(error)) return { type: 'name-taken' };
      throw error;
    }
    this.relay.wake();
    return { type: 'created', user: shown(document) };
  }

  async change(id: string, change: UserChange, actor: Actor): Promise<ChangeOutcome> {
    const passwordHash = change.password === undefined ? undefined : await this.hashes.hash(change.password);
    return this.guarded(id, change.version, (user) => {
      const next = { roles: [...(change.roles ?? user.roles)], rights: [...(change.rights ?? user.rights)], disabled: change.disabled ?? user.disabled };
      const changes = changedFields(user, next);
      const records = [
        ...(changes.length > 0 ? [newAuditRecord({ type: 'audit.tidegate-user.update', actor, subject: subjectOf(user), changes }, this.clock)] : []),
        ...(passwordHash === undefined ? [] : [newAuditRecord({ type: 'audit.tidegate-user.password', actor, subject: subjectOf(user) }, this.clock)]),
      ];
      if (records.length === 0) return undefined;
      const now = new Date(this.clock.now());
      const password = passwordHash === undefined ? {} : { passwordHash, passwordChangedAt: now, handover: null };
      return { staysAdministrator: isAdministrator({ ...next, deletedAt: null }), update: withAudit<UserDocument>({ $set: { ...next, ...password, updatedAt: now }, $inc: { version: 1 } }, ...records) };
    });
  }

  async remove(id: string, version: number | undefined, actor: Actor): Promise<RemoveOutcome> {
    const outcome = await this.guarded(id, version, (user) => {
      const now = new Date(this.clock.now());
      const changes: FieldChange[] = [{ field: 'name', old: user.name }, { field: 'roles', old: user.roles }, { field: 'rights', old: user.rights }, { field: 'disabled', old: user.disabled }];
      const record = newAuditRecord({ type: 'audit.tidegate-user.delete', actor, subject: subjectOf(user), changes }, this.clock);
      // The mark stays until the record of the act has left; the name is free at once, the hash gone at once.
      const marks = { deletedAt: now, updatedAt: now, key: `${user.key}\n${user._id}`, passwordHash: '', disabled: true, handover: null };
      return { staysAdministrator: false, update: withAudit<UserDocument>({ $set: marks, $inc: { version: 1 } }, record) };
    });
    return outcome.type === 'changed' ? { type: 'removed', user: outcome.user } : outcome;
  }

  /** Sets the password of a first administrator anew while nobody was told the present one. False: another process did so, or it was changed. */
  async renewHandover(user: { _id: string; version: number; name: string }, password: string, actor: Actor): Promise<boolean> {
    const now = new Date(this.clock.now());
    const record = newAuditRecord({ type: 'audit.tidegate-user.password', actor, subject: subjectOf(user) }, this.clock);
    const update = withAudit<UserDocument>({ $set: { passwordHash: await this.hashes.hash(password), passwordChangedAt: now, updatedAt: now, handover: { since: now } }, $inc: { version: 1 } }, record);
    const result = await this.users.updateOne({ _id: user._id, version: user.version, handover: { $ne: null } }, update);
    this.relay.wake();
    return result.modifiedCount === 1;
  }

  async waitingHandover(): Promise<UserDocument | undefined> {
    return (await this.users.findOne({ handover: { $ne: null }, deletedAt: null }).lean<UserDocument | null>()) ?? undefined;
  }

  async handedOver(id: string): Promise<void> {
    await this.users.updateOne({ _id: id }, { $set: { handover: null } });
  }

  /** One conditional write on the version that was read; again when another writer came between. Takes an administrator away only while another one is left. */
  private async guarded(id: string, version: number | undefined, plan: (user: UserDocument) => { staysAdministrator: boolean; update: ReturnType<typeof withAudit<UserDocument>> } | undefined): Promise<ChangeOutcome> {
    let lease: Lease | undefined;
    try {
      for (;;) {
        const user = await this.users.findOne({ _id: id, deletedAt: null }).lean<UserDocument | null>();
        if (!user) return { type: 'unknown' };
        if (version !== undefined && version !== user.version) return { type: 'version-conflict', version: user.version };
        const planned = plan(user);
        if (!planned) return { type: 'changed', user: shown(user) };
        if (isAdministrator(user) && !planned.staysAdministrator) {
          if (!lease) {
            lease = await this.claimLease();
            continue;
          }
          if (!(await this.otherAdministrator(id))) return { type: 'last-administrator' };
        }
        const written = await this.users.findOneAndUpdate({ _id: id, version: user.version }, planned.update, { returnDocument: 'after' }).lean<UserDocument | null>();
        if (!written) continue;
        this.cache.dropUser(id);
        this.relay.wake();
        return { type: 'changed', user: shown(written) };
      }
    } finally {
      await lease?.release();
    }
  }

  private async otherAdministrator(id: string): Promise<boolean> {
    return (await this.users.exists({ _id: { $ne: id }, deletedAt: null, disabled: false, $or: [{ roles: { $in: [...ADMINISTRATOR_ROLES] } }, { rights: ADMINISTRATOR_RIGHT }] })) !== null;
  }

  private async claimLease(): Promise<Lease> {
    for (let attempt = 0; attempt < LEASE_TRIES; attempt++) {
      const lease = await this.leases.claim(LEASE_NAME, LEASE_MS);
      if (lease) return lease;
      await new Promise((resolve) => setTimeout(resolve, LEASE_WAIT_MS));
    }
    throw new Error(`the lease ${LEASE_NAME} was not free for ${(LEASE_TRIES * LEASE_WAIT_MS) / 1000} s`);
  }
}

function isAdministrator(user: Pick<UserDocument, 'roles' | 'rights' | 'disabled' | 'deletedAt'>): boolean {
  return !user.disabled && !user.deletedAt && effectiveRights(user).has(ADMINISTRATOR_RIGHT);
}

function changedFields(user: UserDocument, next: Pick<UserDocument, 'roles' | 'rights' | 'disabled'>): FieldChange[] {
  const changes: FieldChange[] = [];
  for (const field of ['roles', 'rights', 'disabled'] as const) if (JSON.stringify(user[field]) !== JSON.stringify(next[field])) changes.push({ field, old: user[field], new: next[field] });
  return changes;
}

function subjectOf(user: Pick<UserDocument, '_id' | 'name'>) {
  return { kind: 'tidegate-user', id: user._id, name: user.name };
}

function shown({ passwordHash: _1, auditOutbox: _2, handover: _3, key: _4, deletedAt: _5, ...user }: UserDocument): User {
  return user;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function isDuplicateKey(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 11000;
}
