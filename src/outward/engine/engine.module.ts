import { Module } from '@nestjs/common';
import { IntegrationsModule } from '../integrations/integrations.module.js';
import { EngineService } from './engine.service.js';

/** The loop that delivers; idle unless the role `engine` is on. */
@Module({ imports: [IntegrationsModule], providers: [EngineService], exports: [EngineService] })
export class EngineModule {}
