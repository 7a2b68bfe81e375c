import { z } from 'zod';
import type { ApplicationDocument } from './application.schema.js';
import { attributeName, flag, optionalText, reference, text } from './body-fields.js';
import { CONNECTORS } from './connectors/index.js';
import { chosen, type DirectoryKind } from './directory-kind.js';
import { naturalKey, searchKeyOf } from './natural-key.js';

const connectorKinds = CONNECTORS.map(({ kind }) => kind) as [string, ...string[]];

export const applicationBody = z.strictObject({
  name: text(255, 'As a SIEM writes it; unique, upper and lower case count as equal.'),
  type: optionalText(128, 'Kind of system, for example `Active Directory - Direct`. Default `Built-in`.'),
  connector: z.enum(connectorKinds).nullable().optional().meta({ description: 'What makes changes in it. Default `builtin`: the directory keeps the accounts itself.' }),
  owner: reference('the identity that owns it'),
  authoritative: flag('A source of identities (HR): its accounts are never disabled or deleted by an alert. Default false.'),
  entitlementAttributes: z.array(attributeName).max(50).nullable().optional().meta({ description: 'Account attributes whose values are entitlements, for example `memberOf`.' }),
  passwordChange: flag('Whether a password change can be forced. Default true for types that begin with `Active Directory`, else false.'),
});
export type ApplicationBody = z.output<typeof applicationBody>;

export const applicationKind: DirectoryKind<ApplicationDocument, ApplicationBody> = {
  name: 'application',
  body: applicationBody,
  live: { deleted: false },
  wants: ({ owner }) => ({ identities: [owner] }),
  refersTo: ({ ownerId }) => ({ identities: [ownerId] }),
  keyOf: ({ name }) => ({ nameKey: naturalKey(name), deleted: false }),
  title: ({ name }) => name,
  subjectName: ({ name }) => name,
  plan(body, before, references) {
    const type = chosen(body.type, before?.type, 'Built-in');
    const owner = typeof body.owner === 'string' ? references.identity(body.owner) : undefined;
    if (typeof body.owner === 'string' && !owner) return { type: 'faults', items: [{ pointer: '/owner', message: `there is no identity "${body.owner}"` }] };
    const attributes = new Map((chosen(body.entitlementAttributes, before?.entitlementAttributes, [])).map((attribute) => [naturalKey(attribute), attribute]));
    return {
      type: 'plan',
      set: {
        name: body.name,
        nameKey: naturalKey(body.name),
        searchKey: searchKeyOf(body.name, type),
        type,
        connector: chosen(body.connector, before?.connector, 'builtin'),
        ownerId: body.owner === undefined ? (before?.ownerId ?? null) : (owner?._id ?? null),
        authoritative: chosen(body.authoritative, before?.authoritative, false),
        entitlementAttributes: [...attributes.values()],
        passwordChange: chosen(body.passwordChange, before?.passwordChange, naturalKey(type).startsWith('active directory')),
        deleted: false,
      },
    };
  },
  shown: ({ name, type, connector, ownerId, authoritative, entitlementAttributes, passwordChange }, references) => ({
    name, type, connector, owner: ownerId === null ? undefined : (references.identity(ownerId)?.name ?? ownerId), authoritative, entitlementAttributes, passwordChange,
  }),
  objects: () => [],
};
