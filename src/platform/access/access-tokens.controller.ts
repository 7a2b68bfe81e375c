import { Controller, Delete, Get, Param, Query } from '@nestjs/common';
import { ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { actorOf } from '../audit/new-audit-record.js';
import { ApiQueryOf } from '../http/api-query.js';
import { Problem } from '../http/problem.js';
import { apiSchema, ZodPipe } from '../http/zod.pipe.js';
import { AccessTokens } from './access-tokens.service.js';
import { CurrentPrincipal } from './current-principal.js';
import { RequireRight, type Principal } from './rights.js';

const querySchema = z.strictObject({ page: z.coerce.number().int().min(1).max(1_000_000).default(1), pageSize: z.coerce.number().int().min(1).max(500).default(50) });
const tokenSchema = z.object({ id: z.string().meta({ description: 'A hash of the token, never the token.' }), userId: z.string(), userName: z.string(), createdAt: z.iso.datetime(), expiresAt: z.iso.datetime(), revokedAt: z.iso.datetime().nullable() });
const pageSchema = z.object({ items: z.array(tokenSchema), page: z.int(), pageSize: z.int(), total: z.int() });

const revokedSchema = z.object({ revoked: z.object({ id: z.string() }) });

/** Bearer tokens that were given at {context}/oauth2/token. */
@ApiTags('tokens')
@Controller('api/v1/tokens')
@RequireRight('users:write')
export class AccessTokensController {
  constructor(private readonly tokens: AccessTokens) {}

  @Get()
  @ApiOperation({ summary: 'List tokens that are not over yet, newest first' })
  @ApiQueryOf(querySchema)
  @ApiOkResponse({ schema: apiSchema(pageSchema, 'output') })
  async list(@Query(new ZodPipe(querySchema)) query: z.output<typeof querySchema>) {
    const { items, total } = await this.tokens.list(query);
    return { items: items.map(({ _id, ...token }) => ({ id: _id, ...token })), ...query, total };
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Revoke a token' })
  @ApiOkResponse({ schema: apiSchema(revokedSchema, 'output') })
  @ApiNotFoundResponse({ description: 'There is none with this id, or it was revoked before.' })
  async revoke(@Param('id') id: string, @CurrentPrincipal() principal: Principal) {
    if (!(await this.tokens.revoke(id, actorOf(principal)))) throw new Problem(404, 'unknown-token', 'There is no token with this id that could be revoked.');
    return { revoked: { id } };
  }
}
