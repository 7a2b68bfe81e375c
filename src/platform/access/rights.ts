import { SetMetadata } from '@nestjs/common';

/** Every right of the service. A route without one is refused (default deny) and fails the start. */
export const RIGHTS = [
  'events:write', 'events:read',
  'integrations:read', 'integrations:write', 'integrations:test',
  'dead-letters:read', 'dead-letters:write', 'receipts:write',
  'audit:read', 'status:read', 'users:write', 'settings:write',
  'alerts:read', 'approve', 'directory:read', 'directory:write', 'jobs:read',
  'siemadministrator', 'siemextadministrator',
] as const;
export type Right = (typeof RIGHTS)[number];

export const RIGHT_KEY = 'tidegate:right';
export const PUBLIC_KEY = 'tidegate:public';
/** The right that a route asks for. */
export const RequireRight = (right: Right) => SetMetadata(RIGHT_KEY, right);
/** A route for everybody: health, OpenAPI. Rare, and listed in a test. */
export const PublicRoute = () => SetMetadata(PUBLIC_KEY, true);

export const ANY_CALLER_KEY = 'tidegate:any-caller';
/** A route for everybody who is signed in, whatever their rights: it tells nothing and does nothing. Rare. */
export const AnyCaller = () => SetMetadata(ANY_CALLER_KEY, true);

export const ACCEPT_BASIC_KEY = 'tidegate:accept-basic';
/** HTTP Basic is accepted on this route whatever the address: the doors that machines knock at and that know nothing else. */
export const AcceptBasic = () => SetMetadata(ACCEPT_BASIC_KEY, true);

/** Who makes a request; on `request.principal` after the guard. */
export interface Principal {
  id: string;
  name: string;
  rights: ReadonlySet<Right>;
  ip?: string;
}
