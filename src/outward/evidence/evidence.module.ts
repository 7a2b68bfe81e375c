import { Module } from '@nestjs/common';
import { IntakeModule } from '../intake/intake.module.js';
import { IntegrationsModule } from '../integrations/integrations.module.js';
import { DeadLetterJanitor } from './dead-letter-janitor.js';
import { DeadLetterReplaysController } from './dead-letter-replays.controller.js';
import { DeliveriesController } from './deliveries.controller.js';
import { DeliveriesService } from './deliveries.service.js';
import { EventSearch } from './event-search.js';
import { FilterVersions } from './filter-versions.js';
import { HeartbeatService } from './heartbeat.service.js';
import { LedgerLookup } from './ledger-lookup.js';
import { ReplaysController } from './replays.controller.js';
import { ReplaysService } from './replays.service.js';

/** Answers what became of an event, and sends it again. Needs DocumentStore, EVENT_LOG, CLOCK and SETTINGS from global modules. */
@Module({
  imports: [IntakeModule, IntegrationsModule],
  controllers: [DeliveriesController, ReplaysController, DeadLetterReplaysController],
  providers: [FilterVersions, LedgerLookup, EventSearch, DeliveriesService, ReplaysService, DeadLetterJanitor, HeartbeatService],
})
export class EvidenceModule {}
