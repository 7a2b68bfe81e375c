import { randomUUID } from 'node:crypto';
import { Controller, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import OAuth2Server from '@node-oauth/oauth2-server';
import type { Response } from 'express';
import { z } from 'zod';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { Problem } from '../http/problem.js';
import type { GateRequest } from '../http/request.js';
import { apiSchema } from '../http/zod.pipe.js';
import { AccessService } from './access.service.js';
import { AccessTokens } from './access-tokens.service.js';
import { addressOf } from './caller-address.js';
import { RefusalAudit } from './refusal-audit.js';
import { PublicRoute, type Principal } from './rights.js';

const answerSchema = z.object({ access_token: z.string(), token_type: z.literal('Bearer'), expires_in: z.int().meta({ description: 'Seconds.' }), scope: z.string().meta({ description: 'The rights of the client.' }) });
const formSchema = z.object({
  grant_type: z.literal('client_credentials'),
  client_id: z.string().optional().meta({ description: 'Name of the user, unless sent by HTTP Basic.' }),
  client_secret: z.string().optional().meta({ description: 'Its password.', writeOnly: true }),
});

/**
 * Tokens for machines by client credentials (RFC 6749, 4.4): the name and password of a user are client id and secret, as HTTP Basic or in the form. Errors are those of
 * section 5.2. Failed tries are delayed and recorded as any failed login.
 */
@ApiTags('tokens')
@Controller('oauth2')
export class OAuthController {
  constructor(
    private readonly access: AccessService,
    private readonly tokens: AccessTokens,
    private readonly refusals: RefusalAudit,
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'access'>,
  ) {}

  @Post('token')
  @PublicRoute()
  @HttpCode(200)
  @ApiOperation({ summary: 'Get a bearer token by client credentials', description: 'Also below the context of `siem.basePath`.' })
  @ApiConsumes('application/x-www-form-urlencoded')
  @ApiBody({ schema: apiSchema(formSchema) })
  @ApiOkResponse({ schema: apiSchema(answerSchema, 'output') })
  async token(@Req() request: GateRequest, @Res() response: Response): Promise<void> {
    const answer = new OAuth2Server.Response();
    try {
      const sent = new OAuth2Server.Request({ headers: headersOf(request), method: 'POST', query: {}, body: formOf(request) });
      await this.server(request).token(sent, answer, { accessTokenLifetime: this.settings.access.tokenLifetimeMs / 1000 });
      response.status(200).json({ ...(answer.body as Record<string, unknown>), expires_in: Math.floor(this.settings.access.tokenLifetimeMs / 1000) });
    } catch (error) {
      this.refuse(error, answer, request, response);
    }
  }

  private server(request: GateRequest): OAuth2Server {
    return new OAuth2Server({
      model: {
        getClient: async (id, secret) => {
          const principal = await this.authenticate(request, id, secret ?? '');
          return principal && { id: principal.id, grants: ['client_credentials'], principal };
        },
        getUserFromClient: (client) => Promise.resolve(client['principal'] as OAuth2Server.User),
        // What a token may do is what its user may do; a scope that was asked for changes nothing, and the answer says so (3.3).
        validateScope: (user) => Promise.resolve([...(user as Principal).rights]),
        generateAccessToken: () => Promise.resolve(randomUUID()),
        saveToken: async (token, client, user) => {
          const { token: accessToken, expiresAt } = await this.tokens.issue(user as Principal);
          return { ...token, accessToken, accessTokenExpiresAt: expiresAt, client, user };
        },
        getAccessToken: () => Promise.resolve(undefined),
      },
    });
  }

  private async authenticate(request: GateRequest, name: string, password: string): Promise<Principal | undefined> {
    const ip = addressOf(request);
    const verification = await this.access.verify(name, password, ip);
    switch (verification.type) {
      case 'verified':
        return verification.principal;
      case 'wrong':
        this.note(request, name, ip, 'client id or secret is wrong, or the user is disabled');
        return undefined;
      case 'delayed': {
        this.note(request, name, ip, 'too many failed logins before');
        const seconds = Math.max(1, Math.ceil(verification.retryAfterMs / 1000));
        throw new Problem(429, 'too-many-failed-logins', `Too many failed logins of this client from this address; try again in ${seconds} s.`, { headers: { 'Retry-After': String(seconds) } });
      }
      case 'busy':
        throw new Problem(503, 'login-busy', 'Too many logins at once; try again.', { headers: { 'Retry-After': String(Math.ceil(verification.retryAfterMs / 1000)) } });
    }
  }

  private note(request: GateRequest, name: string, ip: string | undefined, reason: string): void {
    this.refusals.note({ kind: 'login-failed', actor: { kind: 'user', name: name.slice(0, 100).toWellFormed(), ...(ip === undefined ? {} : { ip }) }, requestId: request.id, route: 'POST /oauth2/token', reason });
  }

  /** RFC 6749, 5.2. What nobody expected goes to the filter. */
  private refuse(error: unknown, answer: OAuth2Server.Response, request: GateRequest, response: Response): void {
    const inner = error instanceof OAuth2Server.OAuthError ? (error as { inner?: unknown }).inner : error;
    if (inner instanceof Problem) {
      for (const [name, value] of Object.entries(inner.extra.headers ?? {})) response.setHeader(name, value);
      response.status(inner.getStatus()).json({ error: 'temporarily_unavailable', error_description: inner.detail });
      return;
    }
    if (!(error instanceof OAuth2Server.OAuthError) || error.name === 'server_error') throw inner ?? error;
    const status = error.name === 'invalid_client' ? 401 : 400;
    // A client that used HTTP Basic is told the scheme (5.2); we tell every one.
    if (status === 401) response.setHeader('WWW-Authenticate', answer.headers?.['www-authenticate'] ?? 'Basic realm="Tidegate", charset="UTF-8"');
    response.status(status).json({ error: error.name, error_description: error.message });
  }
}

function headersOf(request: GateRequest): Record<string, string> {
  return Object.fromEntries(Object.entries(request.headers).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])));
}

/** Each parameter once (3.2). */
function formOf(request: GateRequest): Record<string, string> {
  const form = new URLSearchParams(request.rawBody?.toString('utf8') ?? '');
  const names = [...form.keys()];
  if (new Set(names).size !== names.length) throw new OAuth2Server.InvalidRequestError('A parameter was sent more than once.');
  return Object.fromEntries(form);
}
