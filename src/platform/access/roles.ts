import { RIGHTS, type Right } from './rights.js';

/**
 * Built-in roles: rights under one name. A user keeps the name, so that a right added to a role later reaches everybody who has it.
 * The two SIEM roles carry the capability names that SIEM content packs are set up with.
 */
export const ROLE_RIGHTS = {
  administrator: RIGHTS,
  viewer: ['events:read', 'integrations:read', 'dead-letters:read', 'audit:read', 'status:read', 'alerts:read', 'directory:read', 'jobs:read'],
  producer: ['events:write'],
  SIEMPluginAdministrator: ['siemadministrator'],
  SIEMExtPluginAdministrator: ['siemextadministrator', 'receipts:write'],
} as const satisfies Record<string, readonly Right[]>;

export type RoleName = keyof typeof ROLE_RIGHTS;
export const ROLE_NAMES = Object.keys(ROLE_RIGHTS) as [RoleName, ...RoleName[]];

/** The right that makes an administrator: who has it can give every other. At least one enabled user keeps it. */
export const ADMINISTRATOR_RIGHT: Right = 'users:write';
/** Roles that hold it. */
export const ADMINISTRATOR_ROLES = ROLE_NAMES.filter((role) => (ROLE_RIGHTS[role] as readonly Right[]).includes(ADMINISTRATOR_RIGHT));

/** All rights of somebody, from roles and single rights. Names that this version does not know give nothing. */
export function effectiveRights(holder: { roles: readonly string[]; rights: readonly string[] }): Set<Right> {
  const known = new Set<string>(RIGHTS);
  const fromRoles = holder.roles.flatMap((role): readonly Right[] => (Object.hasOwn(ROLE_RIGHTS, role) ? ROLE_RIGHTS[role as RoleName] : []));
  return new Set([...fromRoles, ...holder.rights.filter((right): right is Right => known.has(right))]);
}
