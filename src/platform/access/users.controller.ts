import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Req, Res } from '@nestjs/common';
import { ApiBody, ApiConflictResponse, ApiCreatedResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { z } from 'zod';
import { actorOf } from '../audit/new-audit-record.js';
import { ApiQueryOf } from '../http/api-query.js';
import { Problem } from '../http/problem.js';
import type { GateRequest } from '../http/request.js';
import { apiSchema, ZodPipe } from '../http/zod.pipe.js';
import { CurrentPrincipal } from './current-principal.js';
import { RequireRight, RIGHTS, type Principal } from './rights.js';
import { effectiveRights, ROLE_NAMES, ROLE_RIGHTS } from './roles.js';
import { UsersService, type RemoveOutcome, type User } from './users.service.js';

// RFC 7617: a user-id with a colon cannot be sent by Basic. Characters that cannot be seen would let two names look alike.
const nameSchema = z.string().trim().min(1).max(100).regex(/^[^:\p{C}\p{Zl}\p{Zp}]+$/u, 'no colon and no invisible character').meta({ description: 'Unique; upper and lower case count as equal.' });
const passwordSchema = z.string().min(8).max(200).meta({ description: '8 to 200 characters.', writeOnly: true });
const distinct = <T extends z.ZodType>(item: T) => z.array(item).max(100).transform((items) => [...new Set(items)]);
const rolesSchema = distinct(z.enum(ROLE_NAMES)).meta({ description: 'Built-in roles; see GET /api/v1/roles.' });
const rightsSchema = distinct(z.enum(RIGHTS)).meta({ description: 'Single rights beside those of the roles.' });

const createSchema = z.strictObject({ name: nameSchema, password: passwordSchema, roles: rolesSchema.default([]), rights: rightsSchema.default([]), disabled: z.boolean().default(false) });
const changeSchema = z
  .strictObject({ password: passwordSchema.optional(), roles: rolesSchema.optional(), rights: rightsSchema.optional(), disabled: z.boolean().optional(), version: z.int().min(1).optional().meta({ description: 'The version you have seen: 409 when the user has another by now.' }) })
  .refine(({ password, roles, rights, disabled }) => [password, roles, rights, disabled].some((part) => part !== undefined), 'name at least one of password, roles, rights, disabled');
const querySchema = z.strictObject({
  search: z.string().min(1).max(100).optional().meta({ description: 'Part of a name.' }),
  page: z.coerce.number().int().min(1).max(1_000_000).default(1),
  pageSize: z.coerce.number().int().min(1).max(500).default(50),
});
const versionQuerySchema = z.strictObject({ version: z.coerce.number().int().min(1).optional().meta({ description: 'The version you have seen.' }) });
const userSchema = z.object({
  id: z.string(), name: z.string(), roles: z.array(z.string()), rights: z.array(z.string()), effectiveRights: z.array(z.string()).meta({ description: 'From roles and rights.' }),
  disabled: z.boolean(), version: z.int(), createdAt: z.iso.datetime(), updatedAt: z.iso.datetime(), passwordChangedAt: z.iso.datetime(),
});
const pageSchema = z.object({ items: z.array(userSchema), page: z.int(), pageSize: z.int(), total: z.int() });

/** Users and what they may do. A password never comes out again. */
const rolesViewSchema = z.object({ items: z.array(z.object({ name: z.enum(ROLE_NAMES), rights: z.array(z.enum(RIGHTS)) })), rights: z.array(z.enum(RIGHTS)).meta({ description: 'Every right that there is.' }) });
const deletedSchema = z.object({ deleted: z.object({ id: z.string(), name: z.string() }) });
const UNKNOWN = { description: 'There is no user with this id.' };
const CONFLICT = { description: 'Another version is stored by now, or nobody else with the right users:write would be left.' };

@ApiTags('users')
@Controller('api/v1')
@RequireRight('users:write')
export class UsersController {
  constructor(private readonly users: UsersService) {}

  @Get('roles')
  @ApiOperation({ summary: 'List the built-in roles and the rights that each gives' })
  @ApiOkResponse({ schema: apiSchema(rolesViewSchema, 'output') })
  roles() {
    return { items: ROLE_NAMES.map((name) => ({ name, rights: ROLE_RIGHTS[name] })), rights: RIGHTS };
  }

  @Get('users')
  @ApiOperation({ summary: 'List users by name' })
  @ApiQueryOf(querySchema)
  @ApiOkResponse({ schema: apiSchema(pageSchema, 'output') })
  async list(@Query(new ZodPipe(querySchema)) query: z.output<typeof querySchema>) {
    const { items, total } = await this.users.list(query);
    return { items: items.map(view), page: query.page, pageSize: query.pageSize, total };
  }

  @Get('users/:id')
  @ApiOperation({ summary: 'Read a user' })
  @ApiOkResponse({ schema: apiSchema(userSchema, 'output') })
  @ApiNotFoundResponse(UNKNOWN)
  async get(@Param('id') id: string) {
    const user = await this.users.get(id);
    if (!user) throw unknownUser(id);
    return view(user);
  }

  @Post('users')
  @ApiOperation({ summary: 'Create a user' })
  @ApiBody({ schema: apiSchema(createSchema) })
  @ApiCreatedResponse({ schema: apiSchema(userSchema, 'output') })
  @ApiConflictResponse({ description: 'The name is taken.' })
  async create(@Body(new ZodPipe(createSchema)) body: z.output<typeof createSchema>, @CurrentPrincipal() principal: Principal, @Req() request: GateRequest, @Res({ passthrough: true }) response: Response) {
    const outcome = await this.users.create(body, actorOf(principal));
    if (outcome.type === 'name-taken') throw new Problem(409, 'name-taken', `There is a user "${body.name}" already (upper and lower case count as equal); choose another name.`, { errors: [{ pointer: '/name', message: 'taken' }] });
    response.setHeader('Location', `${request.path.replace(/\/$/, '')}/${outcome.user._id}`);
    return view(outcome.user);
  }

  @Patch('users/:id')
  @ApiOperation({ summary: "Change a user's password, roles, rights or whether it is disabled" })
  @ApiBody({ schema: apiSchema(changeSchema) })
  @ApiOkResponse({ schema: apiSchema(userSchema, 'output') })
  @ApiNotFoundResponse(UNKNOWN)
  @ApiConflictResponse(CONFLICT)
  async change(@Param('id') id: string, @Body(new ZodPipe(changeSchema)) body: z.output<typeof changeSchema>, @CurrentPrincipal() principal: Principal) {
    const outcome = await this.users.change(id, body, actorOf(principal));
    if (outcome.type !== 'changed') throw refusalOf(outcome, id);
    return view(outcome.user);
  }

  @Delete('users/:id')
  @HttpCode(200)
  @ApiOperation({ summary: 'Delete a user; the answer says who it was' })
  @ApiQueryOf(versionQuerySchema)
  @ApiOkResponse({ schema: apiSchema(deletedSchema, 'output') })
  @ApiNotFoundResponse(UNKNOWN)
  @ApiConflictResponse(CONFLICT)
  async remove(@Param('id') id: string, @Query(new ZodPipe(versionQuerySchema)) query: z.output<typeof versionQuerySchema>, @CurrentPrincipal() principal: Principal) {
    const outcome = await this.users.remove(id, query.version, actorOf(principal));
    if (outcome.type !== 'removed') throw refusalOf(outcome, id);
    return { deleted: { id: outcome.user._id, name: outcome.user.name } };
  }
}

function view({ _id, ...user }: User) {
  return { id: _id, ...user, effectiveRights: [...effectiveRights(user)].sort() };
}

function refusalOf(outcome: Exclude<RemoveOutcome, { type: 'removed' }>, id: string): Problem {
  switch (outcome.type) {
    case 'unknown':
      return unknownUser(id);
    case 'version-conflict':
      return new Problem(409, 'version-conflict', `The user was changed by somebody else: it has version ${outcome.version} now; read it again and repeat your change.`, { currentVersion: outcome.version });
    case 'last-administrator':
      return new Problem(409, 'last-administrator', 'This is the last enabled user with the right users:write; give that right to another user first.');
  }
}

function unknownUser(id: string): Problem {
  return new Problem(404, 'unknown-user', `There is no user with the id ${JSON.stringify(id.slice(0, 100))}.`);
}
