import { Module } from '@nestjs/common';
import { IntakeModule } from '../intake/intake.module.js';
import { IntegrationsModule } from '../integrations/integrations.module.js';
import { EngineService } from './engine.service.js';

/** The loop that delivers; idle unless the role `engine` is on. */
@Module({ imports: [IntakeModule, IntegrationsModule], providers: [EngineService], exports: [EngineService] })
export class EngineModule {}
