import { Inject, Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { SECRETS } from '../../contracts/secrets.js';
import type { Secrets } from '../../contracts/secrets.js';
import { DocumentStore } from '../../platform/documents/document-store.js';
import { IntegrationRepository, type EngineIntegration, type IntegrationChanges } from './integration-repository.js';
import { openIntegration, type OpenedIntegration } from './integration-secrets.js';
import { integrationDocumentSchema, type IntegrationDocument } from './integration.schema.js';

/**
 * Changes are found by the time of the process that wrote them, so each question reaches back a while: a write that was on its way, or a writer whose
 * clock is behind, is not missed. What is told twice has the same version.
 */
const OVERLAP_MS = 60_000;

/** How engines see the integrations. */
@Injectable()
export class StoredIntegrationRepository extends IntegrationRepository {
  private readonly integrations: Model<IntegrationDocument>;

  constructor(
    store: DocumentStore,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(SECRETS) private readonly secrets: Secrets,
  ) {
    super();
    this.integrations = store.model<IntegrationDocument>('integration', integrationDocumentSchema);
  }

  override async changes(since: number): Promise<IntegrationChanges> {
    const asOf = Math.max(0, this.clock.now() - OVERLAP_MS);
    // A clock that was set back must not hide what is written until it has caught up.
    const from = Math.min(since, asOf);
    const query = since <= 0 ? { deleted: false } : { changedAt: { $gte: new Date(from) } };
    const documents = await this.integrations.find(query, { auditOutbox: 0 }).lean<IntegrationDocument[]>();
    return {
      // 0 asks for everything, so it is never an answer.
      asOf: Math.max(1, asOf),
      changed: documents.filter((document) => !document.deleted).map((document) => integrationOf(openIntegration(document, this.secrets))),
      deleted: documents.filter((document) => document.deleted).map((document) => document._id),
    };
  }

  override async get(id: string): Promise<EngineIntegration | undefined> {
    const document = await this.integrations.findOne({ _id: id, deleted: false }, { auditOutbox: 0 }).lean<IntegrationDocument>();
    return document ? integrationOf(openIntegration(document, this.secrets)) : undefined;
  }
}

function integrationOf({ document, settings, unreadable }: OpenedIntegration): EngineIntegration {
  return {
    ...settings,
    id: document._id,
    version: document.version,
    createdAt: document.createdAt.toISOString(),
    updatedAt: document.updatedAt.toISOString(),
    ...(document.startPositions ? { startPositions: document.startPositions } : {}),
    ...(document.startLog === undefined ? {} : { startLog: document.startLog }),
    ...(document.resumePositions ? { resumePositions: document.resumePositions } : {}),
    ...(unreadable.size > 0 ? { secretsUnreadable: [...unreadable.values()].join(' ') } : {}),
  };
}
