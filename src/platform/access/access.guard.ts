import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import type { Actor } from '../../model/audit-event.js';
import { actorOf } from '../audit/new-audit-record.js';
import { Problem } from '../http/problem.js';
import type { GateRequest } from '../http/request.js';
import { AccessService } from './access.service.js';
import { AccessTokens } from './access-tokens.service.js';
import { isLoopback, readAuthorization } from './basic-credentials.js';
import { addressOf } from './caller-address.js';
import { RefusalAudit } from './refusal-audit.js';
import { ACCEPT_BASIC_KEY, type Principal } from './rights.js';
import { accessOf } from './route-rights.js';

const CHALLENGE = { 'WWW-Authenticate': 'Basic realm="Tidegate", charset="UTF-8"' };

/**
 * Before every handler: default deny. A route that declares nothing is refused; a public one passes; any other needs a caller who is who it says and, unless it is for any caller, has the right.
 * Sets `request.principal`.
 */
@Injectable()
export class AccessGuard implements CanActivate {
  private readonly basicEverywhere: boolean;

  constructor(private readonly access: AccessService, private readonly tokens: AccessTokens, private readonly refusals: RefusalAudit, @Inject(SETTINGS) settings: Pick<Settings, 'http'>) {
    this.basicEverywhere = settings.http.basicAuth === 'everywhere' || isLoopback(settings.http.host);
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<GateRequest>();
    const wanted = accessOf(context.getHandler(), context.getClass());
    switch (wanted.type) {
      case 'public':
        return true;
      case 'undeclared':
        throw new Problem(403, 'route-without-right', 'This route declares no right and is refused to everybody.');
      case 'any-caller':
        request.principal = await this.authenticate(request, this.acceptsBasic(context));
        return true;
      case 'right': {
        const principal = await this.authenticate(request, this.acceptsBasic(context));
        request.principal = principal;
        if (principal.rights.has(wanted.right)) return true;
        this.refusals.note({ kind: 'request-denied', actor: actorOf(principal), requestId: request.id, route: routeOf(request), reason: `the right ${wanted.right} is missing` });
        throw new Problem(403, 'right-missing', `User "${principal.name}" lacks the right ${wanted.right}; an administrator can give it.`, { right: wanted.right });
      }
    }
  }

  private acceptsBasic(context: ExecutionContext): boolean {
    return this.basicEverywhere || [context.getHandler(), context.getClass()].some((declared) => Reflect.getMetadata(ACCEPT_BASIC_KEY, declared) === true);
  }

  private async authenticate(request: GateRequest, basicAccepted: boolean): Promise<Principal> {
    const header = readAuthorization(request.headers.authorization);
    switch (header.type) {
      case 'none':
        throw new Problem(401, 'authentication-required', basicAccepted ? 'Send a user name and password by HTTP Basic.' : BASIC_ELSEWHERE, basicAccepted ? { headers: CHALLENGE } : { headers: { 'WWW-Authenticate': 'Bearer realm="Tidegate"' } });
      case 'other-scheme':
        throw new Problem(401, 'scheme-unknown', `The authentication scheme ${JSON.stringify(header.scheme)} is not known here; use HTTP Basic or a bearer token.`, { headers: CHALLENGE });
      case 'unreadable':
        throw new Problem(401, 'credentials-unreadable', 'The Basic credentials cannot be read; send base64 of "name:password" in UTF-8 (RFC 7617).', { headers: CHALLENGE });
      case 'bearer':
        return this.bearer(request, header.token);
      case 'basic':
        if (!basicAccepted) throw new Problem(401, 'basic-not-accepted', BASIC_ELSEWHERE, { headers: { 'WWW-Authenticate': 'Bearer realm="Tidegate"' } });
        return this.login(request, header.name, header.password);
    }
  }

  private async login(request: GateRequest, name: string, password: string): Promise<Principal> {
    const ip = addressOf(request);
    const verification = await this.access.verify(name, password, ip);
    switch (verification.type) {
      case 'verified':
        return verification.principal;
      case 'wrong':
        this.noteFailure(request, name, ip, 'user name or password is wrong, or the user is disabled');
        throw new Problem(401, 'credentials-wrong', 'User name or password is wrong, or the user is disabled.', { headers: CHALLENGE });
      case 'delayed': {
        const seconds = Math.max(1, Math.ceil(verification.retryAfterMs / 1000));
        this.noteFailure(request, name, ip, 'too many failed logins before');
        throw new Problem(429, 'too-many-failed-logins', `Too many failed logins of this name from this address; try again in ${seconds} s.`, { headers: { 'Retry-After': String(seconds) } });
      }
      case 'busy':
        throw new Problem(503, 'login-busy', 'Too many logins at once; try again.', { headers: { 'Retry-After': String(Math.ceil(verification.retryAfterMs / 1000)) } });
    }
  }

  /** RFC 6750, 3. */
  private async bearer(request: GateRequest, token: string): Promise<Principal> {
    const ip = addressOf(request);
    const principal = await this.tokens.verify(token, ip);
    if (principal) return principal;
    this.noteFailure(request, 'bearer token', ip, 'the token is unknown, over or revoked, or its user may not log in any more');
    throw new Problem(401, 'token-invalid', 'The token is unknown, over or revoked; get a new one at oauth2/token.', { headers: { 'WWW-Authenticate': 'Bearer realm="Tidegate", error="invalid_token"' } });
  }

  private noteFailure(request: GateRequest, name: string, ip: string | undefined, reason: string): void {
    const actor: Actor = { kind: 'user', name: name.slice(0, 100).toWellFormed(), ...(ip === undefined ? {} : { ip }) };
    this.refusals.note({ kind: 'login-failed', actor, requestId: request.id, route: routeOf(request), reason });
  }
}

const BASIC_ELSEWHERE = 'HTTP Basic is accepted on this route only while the service listens on a loopback address; set TIDEGATE_HTTP_BASIC_AUTH=everywhere (with TLS) to accept it here.';

function routeOf(request: GateRequest): string {
  return `${request.method} ${request.path.slice(0, 200)}`;
}
