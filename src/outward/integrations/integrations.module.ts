import { Module } from '@nestjs/common';
import { EngineWake } from '../engine/engine-wake.js';
import { BacklogService } from './backlog.service.js';
import { DeadLettersController } from './dead-letters.controller.js';
import { EnginesController } from './engines.controller.js';
import { IntegrationListService } from './integration-list.service.js';
import { IntegrationOptionsController } from './integration-options.controller.js';
import { IntegrationPreviewService } from './integration-preview.service.js';
import { IntegrationRepository } from './integration-repository.js';
import { IntegrationStatusService } from './integration-status.service.js';
import { IntegrationTestService } from './integration-test.service.js';
import { IntegrationsController } from './integrations.controller.js';
import { IntegrationsService } from './integrations.service.js';
import { RetentionRiskService } from './retention-risk.service.js';
import { StoredIntegrationRepository } from './stored-integration-repository.js';

/**
 * What administrators own. Needs DocumentStore, AuditRelay, SETTINGS, CLOCK, SECRETS and EVENT_LOG from global modules; gives the engine its view of the
 * integrations and the hint to look again.
 */
@Module({
  controllers: [IntegrationOptionsController, IntegrationsController, DeadLettersController, EnginesController],
  providers: [
    IntegrationsService, IntegrationListService, IntegrationStatusService, IntegrationTestService, IntegrationPreviewService, EngineWake, BacklogService, RetentionRiskService,
    { provide: IntegrationRepository, useClass: StoredIntegrationRepository },
  ],
  exports: [IntegrationRepository, EngineWake, IntegrationStatusService, IntegrationsService, BacklogService, RetentionRiskService],
})
export class IntegrationsModule {}
