import { Module } from '@nestjs/common';
import { CertificationModule } from '../../certification/certification.module.js';
import { DirectoryModule } from '../../directory/directory.module.js';
import { AlertsModule } from '../alerts/alerts.module.js';
import { AlertJanitor } from './alert-janitor.js';
import { ProcessorService } from './processor.service.js';
import { UndoService } from './undo/undo.service.js';

/** Acts upon alerts; idle unless the role `mitigation` is on. */
@Module({ imports: [AlertsModule, CertificationModule, DirectoryModule], providers: [ProcessorService, UndoService, AlertJanitor], exports: [ProcessorService, UndoService] })
export class ProcessorModule {}
