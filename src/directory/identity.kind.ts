import { z } from 'zod';
import { counter, flag, optionalText, reference, text, textList, time } from './body-fields.js';
import { chosen, type DirectoryKind } from './directory-kind.js';
import type { IdentityDocument } from './identity.schema.js';
import { naturalKey, searchKeyOf } from './natural-key.js';

export const identityBody = z.strictObject({
  name: text(255, 'Unique; upper and lower case count as equal.'),
  displayName: optionalText(255, 'Default: the name.'),
  email: z.email().max(254).nullable().optional().meta({ description: 'Accounts are correlated by it.' }),
  manager: reference('the identity that manages this one; one that names itself has none'),
  roles: textList(1000, 255, 'Assigned and detected roles.'),
  requestsSubmitted: counter('Access requests that the identity made.'),
  requestsTargeting: counter('Access requests for the identity.'),
  lastLoginAt: time('Last login; null = never.'),
  modifiedAt: time('When the identity changed in its source. Default: the time of the change here.'),
  protected: flag('Never acted upon by an alert (administrators, service accounts). Default false.'),
});
export type IdentityBody = z.output<typeof identityBody>;

export const identityKind: DirectoryKind<IdentityDocument, IdentityBody> = {
  name: 'identity',
  body: identityBody,
  live: { deleted: false },
  wants: ({ manager }) => ({ identities: [manager] }),
  refersTo: ({ managerId }) => ({ identities: [managerId] }),
  keyOf: ({ name }) => ({ nameKey: naturalKey(name), deleted: false }),
  title: ({ name }) => name,
  subjectName: ({ name }) => name,
  plan(body, before, references, now) {
    const itself = typeof body.manager === 'string' && (naturalKey(body.manager) === naturalKey(body.name) || body.manager === before?._id);
    const manager = typeof body.manager === 'string' && !itself ? references.identity(body.manager) : undefined;
    if (typeof body.manager === 'string' && !itself && !manager) return { type: 'faults', items: [{ pointer: '/manager', message: `there is no identity "${body.manager}"` }] };
    const email = body.email === undefined ? (before?.email ?? null) : body.email;
    const displayName = chosen(body.displayName, before?.displayName, body.name);
    const set = {
      name: body.name,
      nameKey: naturalKey(body.name),
      searchKey: searchKeyOf(body.name, displayName, email),
      displayName,
      email,
      emailKey: email === null ? null : naturalKey(email),
      managerId: body.manager === undefined ? (before?.managerId ?? null) : (manager?._id ?? null),
      roles: [...new Set(chosen(body.roles, before?.roles, []))].sort(),
      requestsSubmitted: chosen(body.requestsSubmitted, before?.requestsSubmitted, 0),
      requestsTargeting: chosen(body.requestsTargeting, before?.requestsTargeting, 0),
      lastLoginAt: body.lastLoginAt === undefined ? (before?.lastLoginAt ?? null) : body.lastLoginAt,
      modifiedAt: body.modifiedAt === undefined ? (before?.modifiedAt ?? null) : body.modifiedAt,
      isProtected: chosen(body.protected, before?.isProtected, false),
      deleted: false,
    };
    // What the source counts (logins, requests) is no change of the identity.
    const own = (identity: typeof set) => JSON.stringify([identity.name, identity.displayName, identity.email, identity.managerId, identity.roles, identity.isProtected]);
    if (body.modifiedAt === undefined && before && own(set) !== own(before)) set.modifiedAt = now;
    return { type: 'plan', set };
  },
  shown: ({ name, displayName, email, managerId, roles, requestsSubmitted, requestsTargeting, lastLoginAt, modifiedAt, isProtected }, references) => ({
    name, displayName, email, manager: managerId === null ? undefined : (references.identity(managerId)?.name ?? managerId), roles, requestsSubmitted, requestsTargeting,
    lastLoginAt: lastLoginAt?.toISOString(), modifiedAt: modifiedAt?.toISOString(), protected: isProtected,
  }),
  objects: () => [],
};
