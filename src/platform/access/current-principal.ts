import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { GateRequest } from '../http/request.js';
import type { Principal } from './rights.js';

/** Parameter of a handler: who asks. Only on routes with a right; a public route has nobody. */
export const CurrentPrincipal = createParamDecorator((_data: unknown, context: ExecutionContext): Principal => {
  const principal = context.switchToHttp().getRequest<GateRequest>().principal;
  if (!principal) throw new TypeError('a handler of a public route asks for the principal');
  return principal;
});
