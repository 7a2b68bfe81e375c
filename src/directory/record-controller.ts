import { applyDecorators, Body, Delete, Get, Headers, HttpCode, Param, Patch, Post, Res } from '@nestjs/common';
import { ApiBadRequestResponse, ApiBody, ApiConflictResponse, ApiCreatedResponse, ApiNoContentResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiPreconditionFailedResponse } from '@nestjs/swagger';
import type { Response } from 'express';
import type { z } from 'zod';
import { CurrentPrincipal } from '../platform/access/current-principal.js';
import { RequireRight, type Principal } from '../platform/access/rights.js';
import { actorOf } from '../platform/audit/new-audit-record.js';
import type { Problem } from '../platform/http/problem.js';
import { apiSchema, ZodPipe } from '../platform/http/zod.pipe.js';
import type { DirectoryKind, DirectoryRecord } from './directory-kind.js';
import type { StoredKind } from './directory-kinds.js';
import type { DirectoryRecords } from './directory-records.service.js';
import { answered, IfMatch, recordAnswer } from './record-answer.js';
import type { ReferenceReader, References } from './references.js';
import type { RemovalRules } from './removal-rules.js';

/** What the routes of one kind differ in. */
export interface RecordRoutes<T extends DirectoryRecord, B, P extends { version?: number }, V extends { version: number }> {
  /** That of the controller, for Location. */
  path: string;
  kind: DirectoryKind<T, B>;
  patchBody: z.ZodType<P>;
  view: z.ZodType<V>;
  viewOf: (document: NoInfer<T>, references: References) => NoInfer<V>;
  /** The whole body: the natural key of what is stored, then what was sent. */
  merge: (before: NoInfer<T>, patch: Omit<NoInfer<P>, 'version'>) => NoInfer<B>;
  /** What a delete takes and leaves, for readers of the OpenAPI document. */
  removal?: string;
  /** Looks whether something still needs it; without it nothing holds a delete up. */
  refusal?: (rules: RemovalRules, before: NoInfer<T>) => Promise<Problem | undefined>;
}

/** The routes that every kind has: create, read, change and delete one record. A controller extends what this returns and adds its list, and what else is its own. */
export function recordController<T extends DirectoryRecord, B, P extends { version?: number }, V extends { version: number }>(routes: RecordRoutes<T, B, P, V>) {
  const { path, kind: { name, body: newBody }, patchBody } = routes;
  const view = recordAnswer(routes.view);
  const InUse = () => applyDecorators(...(routes.refusal ? [ApiConflictResponse({ description: 'Something still needs it; `inUseBy` counts what.' })] : []));

  abstract class RecordController {
    constructor(protected readonly kind: StoredKind<T, B>, protected readonly records: DirectoryRecords, protected readonly references: ReferenceReader, private readonly rules: RemovalRules) {}

    @Post()
    @RequireRight('directory:write')
    @ApiOperation({ summary: `Create an ${name}` })
    @ApiBody({ schema: apiSchema(newBody) })
    @ApiCreatedResponse(view)
    @ApiBadRequestResponse({ description: 'Unknown keys, bad values and names of what is not there, each with its JSON pointer.' })
    @ApiConflictResponse({ description: 'There is one already.' })
    async create(@Body(new ZodPipe(newBody)) body: B, @CurrentPrincipal() principal: Principal, @Res({ passthrough: true }) response: Response) {
      const document = await this.records.create(this.kind, body, { actor: actorOf(principal) });
      response.setHeader('Location', `/${path}/${document._id}`);
      return this.answer(document, response);
    }

    @Get(':id')
    @RequireRight('directory:read')
    @ApiOperation({ summary: `Read an ${name}` })
    @ApiOkResponse(view)
    @ApiNotFoundResponse({ description: 'There is none with this id.' })
    async get(@Param('id') id: string, @Res({ passthrough: true }) response: Response) {
      return this.answer(await this.records.get(this.kind, id), response);
    }

    @Patch(':id')
    @RequireRight('directory:write')
    @ApiOperation({ summary: `Change an ${name}`, description: 'A merge patch (RFC 7396): what is left out stays, null goes back to the default.' })
    @IfMatch()
    @ApiBody({ schema: apiSchema(patchBody) })
    @ApiOkResponse(view)
    @ApiBadRequestResponse({ description: 'Unknown keys, bad values and names of what is not there, each with its JSON pointer.' })
    @ApiNotFoundResponse({ description: 'There is none with this id.' })
    @ApiConflictResponse({ description: 'Another version than `version` is stored, or the name is taken.' })
    @ApiPreconditionFailedResponse({ description: 'Another version than that of If-Match is stored.' })
    async change(
      @Param('id') id: string,
      @Body(new ZodPipe(patchBody)) body: P,
      @Headers('if-match') ifMatch: string | undefined,
      @CurrentPrincipal() principal: Principal,
      @Res({ passthrough: true }) response: Response,
    ) {
      const { version, ...patch } = body;
      const document = await this.records.change(this.kind, id, (before) => routes.merge(before, patch), { ifMatch, version }, { actor: actorOf(principal) });
      return this.answer(document, response);
    }

    @Delete(':id')
    @HttpCode(204)
    @RequireRight('directory:write')
    @ApiOperation({ summary: `Delete an ${name}`, description: routes.removal })
    @IfMatch()
    @ApiNoContentResponse({ description: 'It is gone.' })
    @ApiNotFoundResponse({ description: 'There is none with this id.' })
    @InUse()
    @ApiPreconditionFailedResponse({ description: 'Another version than that of If-Match is stored.' })
    async delete(@Param('id') id: string, @Headers('if-match') ifMatch: string | undefined, @CurrentPrincipal() principal: Principal): Promise<void> {
      await this.records.remove(this.kind, id, async (before) => routes.refusal?.(this.rules, before), { ifMatch }, { actor: actorOf(principal) });
      await this.removed(id);
    }

    /** After a delete, for a kind that takes more away. */
    protected async removed(_id: string): Promise<void> {}

    private async answer(document: T, response: Response) {
      return answered(routes.viewOf(document, await this.references.read(this.kind.refersTo(document))), response);
    }
  }
  return RecordController;
}
