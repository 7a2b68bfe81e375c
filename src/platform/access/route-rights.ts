import type { INestApplicationContext, Type } from '@nestjs/common';
import { MetadataScanner, ModulesContainer } from '@nestjs/core';
import { ANY_CALLER_KEY, PUBLIC_KEY, RIGHT_KEY, type Right } from './rights.js';

/** What a route asks of a caller: a right, to be signed in, or nothing; `undeclared` is refused. */
export type RouteAccess = { type: 'right'; right: Right } | { type: 'any-caller' } | { type: 'public' } | { type: 'undeclared' };

export interface DeclaredRoute {
  controller: string;
  method: string;
  access: RouteAccess;
}

/** The metadata by which the framework itself knows that a method is a route. */
const ROUTE_METHOD_KEY = 'method';

/** What the handler declares; what its class declares when it says nothing. On the same level the stricter wins. */
export function accessOf(handler: object, controller: object): RouteAccess {
  for (const declared of [handler, controller]) {
    const right = Reflect.getMetadata(RIGHT_KEY, declared) as Right | undefined;
    if (right !== undefined) return { type: 'right', right };
    if (Reflect.getMetadata(ANY_CALLER_KEY, declared) === true) return { type: 'any-caller' };
    if (Reflect.getMetadata(PUBLIC_KEY, declared) === true) return { type: 'public' };
  }
  return { type: 'undeclared' };
}

/** Every route of every controller in the application. */
export function declaredRoutes(app: INestApplicationContext): DeclaredRoute[] {
  const scanner = new MetadataScanner();
  const routes: DeclaredRoute[] = [];
  for (const module of app.get(ModulesContainer, { strict: false }).values()) {
    for (const { metatype } of module.controllers.values()) {
      if (!isClass(metatype)) continue;
      const prototype = metatype.prototype as Record<string, unknown>;
      for (const name of scanner.getAllMethodNames(prototype)) {
        const handler = prototype[name];
        if (typeof handler !== 'function' || !Reflect.hasMetadata(ROUTE_METHOD_KEY, handler)) continue;
        routes.push({ controller: metatype.name, method: name, access: accessOf(handler, metatype) });
      }
    }
  }
  return routes;
}

/** Default deny begins at the start. @throws naming each `Controller.method` that declares neither a right nor that it is public */
export function assertEveryRouteHasARight(app: INestApplicationContext): void {
  const undeclared = declaredRoutes(app).filter(({ access }) => access.type === 'undeclared').map(({ controller, method }) => `${controller}.${method}`);
  if (undeclared.length > 0) throw new Error(`Route(s) without a right: ${undeclared.join(', ')}. Add @RequireRight('...') or @PublicRoute() to each.`);
}

function isClass(metatype: unknown): metatype is Type<object> {
  return typeof metatype === 'function';
}
