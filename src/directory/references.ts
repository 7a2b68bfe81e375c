import { Injectable } from '@nestjs/common';
import type { ApplicationDocument } from './application.schema.js';
import { DirectoryModels } from './directory-models.js';
import type { IdentityDocument } from './identity.schema.js';
import { naturalKey } from './natural-key.js';

/** Names or ids of identities and applications, and mail addresses, to be looked up in one go. */
export interface WantedReferences {
  identities?: ReadonlyArray<string | null | undefined>;
  applications?: ReadonlyArray<string | null | undefined>;
  emails?: readonly string[];
}

export type KnownIdentity = Pick<IdentityDocument, '_id' | 'name' | 'emailKey'>;

/** What was found: by id or by name, upper and lower case counting as equal. */
export class References {
  private readonly identities = new Map<string, KnownIdentity>();
  private readonly applications = new Map<string, ApplicationDocument>();
  /** Null where several identities share the address. */
  private readonly byEmail = new Map<string, KnownIdentity | null>();

  constructor(identities: readonly KnownIdentity[], applications: readonly ApplicationDocument[]) {
    for (const identity of identities) {
      this.identities.set(identity._id, identity);
      this.identities.set(naturalKey(identity.name), identity);
      if (identity.emailKey !== null) this.byEmail.set(identity.emailKey, this.byEmail.has(identity.emailKey) ? null : identity);
    }
    for (const application of applications) {
      this.applications.set(application._id, application);
      this.applications.set(application.nameKey, application);
    }
  }

  identity(nameOrId: string): KnownIdentity | undefined {
    return this.identities.get(nameOrId) ?? this.identities.get(naturalKey(nameOrId));
  }

  application(nameOrId: string): ApplicationDocument | undefined {
    return this.applications.get(nameOrId) ?? this.applications.get(naturalKey(nameOrId));
  }

  /** The only identity with the address. */
  identityByEmail(email: string): KnownIdentity | undefined {
    return this.byEmail.get(naturalKey(email)) ?? undefined;
  }
}

/** Names asked for in one query. */
const CHUNK = 500;

/** Looks references up, many at a time. */
@Injectable()
export class ReferenceReader {
  constructor(private readonly models: DirectoryModels) {}

  async read(...wanted: readonly WantedReferences[]): Promise<References> {
    const names = (key: 'identities' | 'applications') => distinct(wanted.flatMap((one) => one[key] ?? []));
    const emails = distinct(wanted.flatMap((one) => one.emails ?? []).map(naturalKey));
    const fields = { name: 1, emailKey: 1 };
    const [byName, byEmail, applications] = await Promise.all([
      inChunks(names('identities'), (some) => this.models.identities.find({ deleted: false, $or: [{ _id: { $in: some } }, { nameKey: { $in: some.map(naturalKey) } }] }, fields).lean<KnownIdentity[]>()),
      inChunks(emails, (some) => this.models.identities.find({ deleted: false, emailKey: { $in: some } }, fields).lean<KnownIdentity[]>()),
      inChunks(names('applications'), (some) => this.models.applications.find({ deleted: false, $or: [{ _id: { $in: some } }, { nameKey: { $in: some.map(naturalKey) } }] }, { auditOutbox: 0 }).lean<ApplicationDocument[]>()),
    ]);
    return new References([...new Map([...byEmail, ...byName].map((identity) => [identity._id, identity])).values()], applications);
  }
}

function distinct(texts: ReadonlyArray<string | null | undefined>): string[] {
  return [...new Set(texts.filter((text) => text !== null && text !== undefined))];
}

async function inChunks<T>(texts: readonly string[], read: (some: string[]) => PromiseLike<T[]>): Promise<T[]> {
  const found: T[] = [];
  for (let at = 0; at < texts.length; at += CHUNK) found.push(...(await read(texts.slice(at, at + CHUNK))));
  return found;
}
