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
import { ReceiptsController } from './receipts.controller.js';
import { ReceiptsService } from './receipts.service.js';
import { ReplayLedger } from './replay-ledger.js';
import { ReplaysController } from './replays.controller.js';
import { ReplaysService } from './replays.service.js';

/** Answers what became of an event, sends it again, and hears from the SIEM what it found. Needs DocumentStore, EVENT_LOG, CLOCK and SETTINGS from global modules. */
@Module({
  imports: [IntakeModule, IntegrationsModule],
  controllers: [DeliveriesController, ReplaysController, DeadLetterReplaysController, ReceiptsController],
  providers: [FilterVersions, LedgerLookup, ReplayLedger, EventSearch, DeliveriesService, ReplaysService, DeadLetterJanitor, HeartbeatService, ReceiptsService],
})
export class EvidenceModule {}
