import { z } from 'zod';
import { isEntitlementAttribute } from './account-operation.js';
import { attributeName, flag, optionalText, reference, text } from './body-fields.js';
import { chosen, type DirectoryKind } from './directory-kind.js';
import { ENTITLEMENT_STATES, type EntitlementDocument } from './entitlement.schema.js';
import { entitlementKey, naturalKey, searchKeyOf } from './natural-key.js';

export const entitlementBody = z.strictObject({
  application: text(255, 'Name or id of its application.'),
  attribute: attributeName.meta({ description: 'Attribute of accounts that holds it, for example `memberOf`; one of the entitlement attributes of the application.' }),
  value: text(2048, 'The value, for example the name of a group. Type and value are compared ignoring case.'),
  displayName: optionalText(255, 'For people.'),
  owner: reference('the identity that owns it'),
  requestable: flag('Whether people may ask for it. Default true.'),
  state: z.enum(ENTITLEMENT_STATES).nullable().optional().meta({ description: 'Default `enabled`.' }),
});
export type EntitlementBody = z.output<typeof entitlementBody>;

export const entitlementKind: DirectoryKind<EntitlementDocument, EntitlementBody> = {
  name: 'entitlement',
  body: entitlementBody,
  live: { deleted: false },
  wants: ({ application, owner }) => ({ applications: [application], identities: [owner] }),
  refersTo: ({ applicationId, ownerId }) => ({ applications: [applicationId], identities: [ownerId] }),
  keyOf({ application, attribute, value }, references) {
    const found = references.application(application);
    return found && { applicationId: found._id, key: entitlementKey(attribute, value), deleted: false };
  },
  title: ({ application, attribute, value }) => `${application}: ${attribute}=${value}`,
  subjectName: ({ value }) => value,
  plan(body, before, references) {
    const application = references.application(body.application);
    if (!application) return { type: 'faults', items: [{ pointer: '/application', message: `there is no application "${body.application}"` }] };
    if (!isEntitlementAttribute(application, body.attribute)) return { type: 'faults', items: [{ pointer: '/attribute', message: noEntitlementAttribute(application, body.attribute) }] };
    const owner = typeof body.owner === 'string' ? references.identity(body.owner) : undefined;
    if (typeof body.owner === 'string' && !owner) return { type: 'faults', items: [{ pointer: '/owner', message: `there is no identity "${body.owner}"` }] };
    const attribute = application.entitlementAttributes.find((known) => naturalKey(known) === naturalKey(body.attribute)) ?? body.attribute;
    const displayName = body.displayName === undefined ? (before?.displayName ?? null) : body.displayName;
    return {
      type: 'plan',
      set: {
        applicationId: application._id,
        attribute,
        // Another spelling of the same value is the same entitlement.
        value: before?.value ?? body.value,
        key: entitlementKey(attribute, body.value),
        searchKey: searchKeyOf(attribute, body.value, displayName),
        displayName,
        ownerId: body.owner === undefined ? (before?.ownerId ?? null) : (owner?._id ?? null),
        requestable: chosen(body.requestable, before?.requestable, true),
        state: chosen(body.state, before?.state, 'enabled'),
        deleted: false,
      },
    };
  },
  shown: ({ attribute, value, displayName, ownerId, requestable, state }, references) => ({ attribute, value, displayName: displayName ?? undefined, owner: ownerId === null ? undefined : (references.identity(ownerId)?.name ?? ownerId), requestable, state }),
  objects: ({ applicationId }, references) => [{ kind: 'application', id: applicationId, name: references.application(applicationId)?.name }],
};

export function noEntitlementAttribute(application: { name: string; entitlementAttributes: readonly string[] }, attribute: string): string {
  const known = application.entitlementAttributes;
  return `"${attribute}" is no entitlement attribute of "${application.name}"; ${known.length === 0 ? 'it has none' : `it has ${known.join(', ')}`}`;
}
